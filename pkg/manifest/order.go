package manifest

import (
	"cmp"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"
)

// appendSorted adds the fields of a mapping to dst in the order in which
// sigs.k8s.io/yaml prints them, that of keyList in go.yaml.in/yaml/v2. It adds
// none where they stand so already.
//
// keyList has cycles where several keys have digits ("1x" < "2" < "12" < "1x"),
// and then the order that a Go map happened to have shows through. Here it is
// the same each time, and one that keyList can give: such keys are sorted by
// their bytes first.
func appendSorted(dst []*Field, fields []Field) []*Field {
	digits := 0
	for i := range fields {
		if mayHaveDigit(fields[i].Key) {
			digits++
		}
	}
	if digits < 2 && isSorted(fields) {
		return dst
	}
	mark := len(dst)
	for i := range fields {
		dst = append(dst, &fields[i])
	}
	if digits > 1 {
		slices.SortFunc(dst[mark:], func(a, b *Field) int { return strings.Compare(a.Key, b.Key) })
	}
	slices.SortFunc(dst[mark:], func(a, b *Field) int { return compareKeys(a.Key, b.Key) })
	return dst
}

func isSorted(fields []Field) bool {
	for i := 1; i < len(fields); i++ {
		if compareKeys(fields[i-1].Key, fields[i].Key) > 0 {
			return false
		}
	}
	return true
}

func mayHaveDigit(s string) bool {
	for i := range len(s) {
		if c := s[i]; isDigit(c) || c >= utf8.RuneSelf {
			return true
		}
	}
	return false
}

// compareKeys is keyList.Less for strings: letters come after all else and
// numbers are compared by their value.
func compareKeys(a, b string) int {
	n := min(len(a), len(b))
	i := 0
	for i < n && a[i] == b[i] {
		i++
	}
	if i == n {
		return cmp.Compare(len(a), len(b))
	}
	for i > 0 && !utf8.RuneStart(a[i]) { // the characters differ, not only their last bytes
		i--
	}
	ra, _ := utf8.DecodeRuneInString(a[i:])
	rb, _ := utf8.DecodeRuneInString(b[i:])
	la, lb := unicode.IsLetter(ra), unicode.IsLetter(rb)
	switch {
	case la && lb:
		return cmp.Compare(ra, rb)
	case la:
		return +1
	case lb:
		return -1
	}
	inNumber := (ra == '0' || rb == '0') && followsNumber(a[:i])
	na, lenA := number(a[i:], inNumber)
	nb, lenB := number(b[i:], inNumber)
	return cmp.Or(cmp.Compare(na, nb), cmp.Compare(lenA, lenB), cmp.Compare(ra, rb))
}

// followsNumber reports whether s ends with digits that are not all 0.
func followsNumber(s string) bool {
	for s != "" {
		r, size := utf8.DecodeLastRuneInString(s)
		if !unicode.IsDigit(r) {
			return false
		}
		if r != '0' {
			return true
		}
		s = s[:len(s)-size]
	}
	return false
}

// number reads the digits that s starts with, after a 1 where they are the
// middle of a number, and counts them. It overflows as keyList does.
func number(s string, inNumber bool) (n int64, count int) {
	if inNumber {
		n = 1
	}
	for _, r := range s {
		if !unicode.IsDigit(r) {
			break
		}
		n = n*10 + int64(r-'0')
		count++
	}
	return n, count
}
