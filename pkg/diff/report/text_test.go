package report

import (
	"io"
	"reflect"
	"regexp"
	"strings"
	"testing"
	"unicode"

	"github.com/scion-gen/scion-gen/pkg/diff"
)

// poisonNames sets every text but the values themselves.
func poisonNames(v reflect.Value, payload string) {
	switch v.Kind() {
	case reflect.Pointer:
		if !v.IsNil() && v.Type() != reflect.TypeFor[*diff.Value]() {
			poisonNames(v.Elem(), payload)
		}
	case reflect.Struct:
		for i := range v.NumField() {
			poisonNames(v.Field(i), payload)
		}
	case reflect.Slice:
		for i := range v.Len() {
			poisonNames(v.Index(i), payload)
		}
	case reflect.String:
		if v.CanSet() {
			v.SetString(payload)
		}
	}
}

func colored(w io.Writer, r *diff.Report) error { return Text(w, r, TextOptions{Color: true}) }

// A terminal acts on control characters, and a reader believes in lines: a text
// makes neither, but for the lines of a value.
func TestTextHoldsHostileText(t *testing.T) {
	style := regexp.MustCompile(`\x1b\[[0-9]+m`)
	named := func(payload string) string {
		r := sample(t, 24)
		poisonNames(reflect.ValueOf(r), payload)
		return style.ReplaceAllString(string(written(t, colored, r)), "")
	}
	lines := strings.Count(named("word"), "\n")
	if lines < 20 {
		t.Fatalf("the sample has %d lines only", lines)
	}
	for _, payload := range hostile {
		t.Run(shorten(oneLine(payload), 40), func(t *testing.T) {
			if got := strings.Count(named(payload), "\n"); got != lines {
				t.Errorf("in names, it makes %d lines of %d", got, lines)
			}
			whole := style.ReplaceAllString(string(written(t, colored, poisoned(t, payload))), "")
			if at := strings.IndexFunc(whole, func(r rune) bool { return r != '\n' && !unicode.IsPrint(r) }); at >= 0 {
				t.Errorf("%q is not escaped", whole[at:min(len(whole), at+20)])
			}
		})
	}
}
