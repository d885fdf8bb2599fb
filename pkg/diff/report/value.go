package report

import (
	"strings"

	linediff "github.com/rogpeppe/go-internal/diff"

	"github.com/scion-gen/scion-gen/pkg/diff"
)

// line is one line of an edit: removed '-', added '+', the same ' ', or '@'
// for lines that are left out.
type line struct {
	op   byte
	text string
}

// lines are what an edit does to a value, line by line.
func lines(old, new *diff.Value) []line {
	if old == nil || new == nil || !strings.Contains(old.Text, "\n") && !strings.Contains(new.Text, "\n") {
		return append(all('-', old, new), all('+', new, old)...)
	}
	var out []line
	begun := false
	unified := linediff.Diff("", []byte(visible(old.Text)+"\n"), "", []byte(visible(new.Text)+"\n"))
	for text := range strings.Lines(string(unified)) {
		text = strings.TrimSuffix(text, "\n")
		switch {
		case strings.HasPrefix(text, "@@"):
			if begun || !strings.HasPrefix(text, "@@ -1,") {
				out = append(out, line{op: '@'})
			}
			begun = true
		case begun:
			out = append(out, line{text[0], text[1:]})
		}
	}
	return out
}

// all are all lines of a value.
func all(op byte, v, other *diff.Value) []line {
	if v == nil {
		return nil
	}
	var out []line
	for text := range strings.SplitSeq(shown(v, other), "\n") {
		out = append(out, line{op, text})
	}
	return out
}

// shown is a value's text, with its kind where the other side has the same
// text or where there would be nothing to see.
func shown(v, other *diff.Value) string {
	text := visible(v.Text)
	switch {
	case v.Kind == diff.KindString && text == "":
		return `""`
	case other != nil && v.Kind != other.Kind && v.Kind != diff.KindNull:
		return text + " (" + oneLine(string(v.Kind)) + ")"
	}
	return text
}
