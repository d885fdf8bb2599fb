package manifest

import (
	"strconv"
	"strings"
	"time"
	"unicode/utf8"
)

// style is one of the four ways in which go.yaml.in/yaml/v2 writes a string.
type style uint8

const (
	plain style = iota
	single
	double
	literal
)

// styleOf chooses how the string s is written. The rules are those of
// go.yaml.in/yaml/v2: (*encoder).stringv wants a style and
// yaml_emitter_select_scalar_style gives way where s cannot be written so.
func styleOf(s string) style {
	t := traitsOf(s)
	switch {
	case t.escapes:
		return double
	case t.newline && t.trailingSpace: // block_allowed is false
		return double
	case t.newline:
		return literal
	case s == "" || readsAsOther(s):
		return double
	case !t.indicator && !t.breaks && !t.leadingSpace && !t.trailingSpace:
		return plain
	case t.breakSpace:
		return double
	}
	return single
}

// What a byte may mean for easy.
const (
	mayStart  = 1 << iota // a plain scalar that starts so is a string
	mayFollow             // never ends a plain scalar
)

var ease = func() (table [256]uint8) {
	for c := '!'; c <= '~'; c++ {
		if c != ':' && c != '#' {
			table[c] = mayFollow
		}
	}
	for c := 'A'; c <= 'Z'; c++ {
		table[c] |= mayStart
		table[c+'a'-'A'] |= mayStart
	}
	for _, c := range "/_$(" {
		table[c] |= mayStart
	}
	return table
}()

// easy reports whether s is writable, plain and without a place to fold, as
// nearly all names and paths are; it saves the long look.
func easy(s string) bool {
	if s == "" || ease[s[0]]&mayStart == 0 || isWord(s) {
		return false
	}
	for i := 1; i < len(s); i++ {
		if ease[s[i]]&mayFollow == 0 {
			return false
		}
	}
	return true
}

// traits are what yaml_emitter_analyze_scalar finds out about a string.
type traits struct {
	indicator     bool // has what would mean something in a plain scalar
	escapes       bool // can only be written with escapes
	newline       bool // has a line feed
	breaks        bool // has a line break of any kind
	leadingSpace  bool
	trailingSpace bool
	breakSpace    bool // a line break and then a space
}

func traitsOf(s string) traits {
	t := traits{
		indicator:     leadingIndicator(s),
		leadingSpace:  strings.HasPrefix(s, " "),
		trailingSpace: strings.HasSuffix(s, " "),
	}
	afterSpace, afterBreak := false, false
	for i, r := range s {
		space, lineBreak := r == ' ', isBreak(r)
		switch {
		case lineBreak:
			t.breaks = true
			t.newline = t.newline || r == '\n'
			t.escapes = t.escapes || afterSpace // space_break
		case space:
			t.breakSpace = t.breakSpace || afterBreak
		case !isPrintable(r):
			t.escapes = true
		case r == '#':
			t.indicator = t.indicator || afterSpace
		case r == ':':
			t.indicator = t.indicator || i+1 == len(s) || s[i+1] == ' '
		}
		afterSpace, afterBreak = space, lineBreak
	}
	return t
}

// leadingIndicator reports whether the start of s would mean something else
// than text.
func leadingIndicator(s string) bool {
	if s == "" {
		return false
	}
	switch s[0] {
	case '#', ',', '[', ']', '{', '}', '&', '*', '!', '|', '>', '\'', '"', '%', '@', '`':
		return true
	case '?', ':', '-':
		if len(s) == 1 || s[1] == ' ' {
			return true
		}
	}
	return strings.HasPrefix(s, "---") || strings.HasPrefix(s, "...")
}

// isBreak is is_break of the emitter, without CR and NEL: CR can only be
// escaped, and NEL is refused.
func isBreak(r rune) bool { return r == '\n' || r == '\u2028' || r == '\u2029' }

// isPrintable is is_printable of the emitter: what needs no escape. It leaves
// out all characters of four bytes, emoji for one.
func isPrintable(r rune) bool {
	switch {
	case r < 0x7f:
		return r >= ' ' || r == '\n'
	case r == '\ufeff':
		return false
	}
	return r >= 0xa0 && r <= 0xfffd
}

const bom = "\ufeff"

// unwritable names the first thing in s that sigs.k8s.io/yaml does not bring
// through, or "". It reads its own JSON as YAML, which allows no control
// characters, and there folds a NEL (U+0085) into a space without a word;
// encoding/json turns invalid UTF-8 into U+FFFD.
func unwritable(s string) string {
	for i := 0; i < len(s); i++ {
		if s[i] < 0x7f {
			continue
		}
		r, size := utf8.DecodeRuneInString(s[i:])
		switch {
		case r == utf8.RuneError && size == 1:
			return "a byte that is not UTF-8"
		case r <= 0x9f, r == 0xfffe, r == 0xffff:
			return "the control character " + strconv.QuoteRuneToASCII(r)
		}
		i += size - 1
	}
	return ""
}

// readsAsOther reports whether the plain scalar s would be read as something
// else than a string: a boolean, a null, a number or a date by resolve of
// go.yaml.in/yaml/v2, or a number to the base 60 by YAML 1.1.
func readsAsOther(s string) bool {
	switch c := s[0]; {
	case c == '.':
		return isWord(s) || parsesAsFloat(s)
	case c == '+' || c == '-' || isDigit(c):
		return isWord(s) || isNumber(s) || isBase60(s) || isDate(s)
	}
	return isWord(s)
}

// isWord is the resolveMap of go.yaml.in/yaml/v2. It leaves "<<" out, which is
// looked for only where the value starts with one of +-.~ a digit or a letter
// of the words here.
func isWord(s string) bool {
	if len(s) > 5 {
		return false
	}
	switch s {
	case "y", "Y", "yes", "Yes", "YES", "true", "True", "TRUE", "on", "On", "ON",
		"n", "N", "no", "No", "NO", "false", "False", "FALSE", "off", "Off", "OFF",
		"", "~", "null", "Null", "NULL",
		".nan", ".NaN", ".NAN",
		".inf", ".Inf", ".INF", "+.inf", "+.Inf", "+.INF", "-.inf", "-.Inf", "-.INF":
		return true
	}
	return false
}

// isNumber is the numbers of resolve: all that strconv takes for an integer of
// 64 bits in any base once underscores are gone, and decimal floats in range.
func isNumber(s string) bool {
	if strings.IndexByte(s, '_') >= 0 {
		s = strings.ReplaceAll(s, "_", "")
	}
	digits := strings.TrimLeft(s, "+-")
	if len(digits) > 2 && digits[0] == '0' && strings.IndexByte("xXoObB", digits[1]) >= 0 {
		return isBased(s)
	}
	return isDecimal(s) && parsesAsFloat(s)
}

func isBased(s string) bool {
	if _, err := strconv.ParseInt(s, 0, 64); err == nil {
		return true
	}
	if _, err := strconv.ParseUint(s, 0, 64); err == nil {
		return true
	}
	binary, ok := strings.CutPrefix(s, "0b") // whose own sign resolve lets pass
	_, err := strconv.ParseInt(binary, 2, 64)
	return ok && err == nil
}

func parsesAsFloat(s string) bool {
	if len(s) < 2 || s[0] == '.' && !isDigit(s[1]) { // spares the error
		return len(s) == 1 && isDigit(s[0])
	}
	_, err := strconv.ParseFloat(s, 64)
	return err == nil
}

// isDecimal is ^[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?$, the
// yamlStyleFloat of resolve; every decimal integer matches it too.
func isDecimal(s string) bool {
	s = trimSign(s)
	whole := countDigits(s)
	s = s[whole:]
	if s != "" && s[0] == '.' {
		fraction := countDigits(s[1:])
		if whole+fraction == 0 {
			return false
		}
		s = s[1+fraction:]
	} else if whole == 0 {
		return false
	}
	if s == "" {
		return true
	}
	if s[0] != 'e' && s[0] != 'E' {
		return false
	}
	s = trimSign(s[1:])
	return s != "" && countDigits(s) == len(s)
}

// isBase60 is ^[-+]?[0-9][0-9_]*(?::[0-5]?[0-9])+(?:\.[0-9_]*)?$, base60float
// of go.yaml.in/yaml/v2.
func isBase60(s string) bool {
	s = trimSign(s)
	colon := strings.IndexByte(s, ':')
	if colon < 1 || s[0] == '_' || !onlyDigitsAnd_(s[:colon]) {
		return false
	}
	s = s[colon:]
	for s != "" && s[0] == ':' {
		n := countDigits(s[1:])
		if n < 1 || n > 2 || n == 2 && s[1] > '5' {
			return false
		}
		s = s[1+n:]
	}
	return s == "" || s[0] == '.' && onlyDigitsAnd_(s[1:])
}

// isDate is parseTimestamp of go.yaml.in/yaml/v2.
func isDate(s string) bool {
	if len(s) < 5 || s[4] != '-' || countDigits(s) != 4 {
		return false
	}
	for _, layout := range [...]string{
		"2006-1-2T15:4:5.999999999Z07:00",
		"2006-1-2t15:4:5.999999999Z07:00",
		"2006-1-2 15:4:5.999999999",
		"2006-1-2",
	} {
		if _, err := time.Parse(layout, s); err == nil {
			return true
		}
	}
	return false
}

func isDigit(c byte) bool { return c >= '0' && c <= '9' }

func countDigits(s string) (n int) {
	for n < len(s) && isDigit(s[n]) {
		n++
	}
	return n
}

func onlyDigitsAnd_(s string) bool {
	for i := range len(s) {
		if !isDigit(s[i]) && s[i] != '_' {
			return false
		}
	}
	return true
}

func trimSign(s string) string {
	if s != "" && (s[0] == '+' || s[0] == '-') {
		return s[1:]
	}
	return s
}
