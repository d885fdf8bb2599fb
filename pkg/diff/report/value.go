package report

import (
	"strings"

	"github.com/scion-gen/scion-gen/pkg/diff"
)

// gap stands for lines that are left out.
var gap = line{' ', "..."}

// edited are the lines that an edit removes and adds, ready to be shown.
func edited(old, new *diff.Value) []line {
	if old == nil || new == nil || !strings.Contains(old.Text, "\n") && !strings.Contains(new.Text, "\n") {
		return append(marked('-', old, new), marked('+', new, old)...)
	}
	out := lineDiff(lines(old), lines(new))
	for i := range out {
		out[i].text = visible(out[i].text)
	}
	return out
}

// marked are all lines of a value.
func marked(mark byte, v, other *diff.Value) []line {
	if v == nil {
		return nil
	}
	var out []line
	for text := range strings.SplitSeq(shown(v, other), "\n") {
		out = append(out, line{mark, text})
	}
	return out
}

// shown is a value's text, in quotes where there would be nothing to see, and
// with its kind where the other side has another.
func shown(v, other *diff.Value) string {
	text := visible(v.Text)
	switch {
	case v.Kind == diff.KindString && strings.TrimSpace(text) == "":
		return `"` + text + `"`
	case other != nil && v.Kind != other.Kind && v.Kind != diff.KindNull:
		return text + " (" + oneLine(string(v.Kind)) + ")"
	}
	return text
}
