package report

import (
	"bytes"
	"cmp"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"

	"github.com/scion-gen/scion-gen/pkg/diff"
)

// TextOptions are how Text looks.
type TextOptions struct {
	// Color uses ANSI colours.
	Color bool
	// MaxBytes cuts the text after the last group that fits; 0 is no limit.
	MaxBytes int
}

// maxNames, maxRows and maxLines are how much of the like Text shows: names of
// objects, different values of a field, changed lines of a value.
const (
	maxNames = 3
	maxRows  = 8
	maxLines = 12
	maxWidth = 100 // of a value on one line
)

// Text writes a report for a terminal: each group once, the gravest first, and
// the counts at the end, where they are seen. Control characters in values are
// shown, not sent.
func Text(w io.Writer, r *diff.Report, o TextOptions) error {
	var out bytes.Buffer
	t := texter{report: r, color: o.Color}
	end := t.summary()
	for i, g := range r.Groups {
		t.Reset()
		t.group(g)
		if left := len(r.Groups) - i; o.MaxBytes > 0 && out.Len()+t.Len()+len(end)+100 > o.MaxBytes {
			fmt.Fprintf(&out, "%s not shown, for --max-bytes; --format json has all\n\n", count(left, "more group"))
			break
		}
		out.Write(t.Bytes())
	}
	out.WriteString(end)
	_, err := w.Write(out.Bytes())
	return err
}

// texter builds a text.
type texter struct {
	bytes.Buffer
	report *diff.Report
	color  bool
}

// The colours of the text: SGR parameters.
const (
	bold   = "1"
	dim    = "2"
	red    = "31"
	green  = "32"
	yellow = "33"
	blue   = "34"
)

func (t *texter) paint(style, s string) string {
	if !t.color || style == "" {
		return s
	}
	return "\x1b[" + style + "m" + s + "\x1b[0m"
}

func (t *texter) linef(format string, args ...any) {
	fmt.Fprintf(t, format, args...)
	t.WriteByte('\n')
}

func styleOf(v diff.Verdict) string {
	switch v {
	case diff.Delete, diff.Recreate, diff.Restart:
		return red
	case diff.Resize:
		return yellow
	case diff.New:
		return green
	}
	return blue
}

func (t *texter) group(g diff.Group) {
	worst := gravest(g)
	in := groupScopes(t.report, g)
	t.linef("%s  %s", t.paint(bold, t.title(g, in)), t.paint(styleOf(g.Verdict), oneLine(string(g.Verdict))+": "+effect(worst)))
	if len(g.Objects) > 1 {
		t.linef("  %s", t.names(g.Objects, true))
	}
	for _, c := range g.Changes {
		t.change(g, c, in)
	}
	t.WriteByte('\n')
}

// title is what a group is about: one object by its name, several by their
// number, and in which trees.
func (t *texter) title(g diff.Group, in string) string {
	if in != "" {
		in = ", " + in
	}
	if len(g.Objects) > 1 {
		return strings.TrimPrefix(title(g), "the ") + in
	}
	o := t.report.Objects[g.Objects[0]]
	name := oneLine(o.Ref.String())
	if o.Renamed {
		name = oneLine(o.Was.String()) + " -> " + oneLine(strings.TrimPrefix(o.Ref.String(), o.Ref.Kind+" "))
	}
	at := cmp.Or(o.New, o.Old)
	return fmt.Sprintf("%s (%s:%d)%s", name, oneLine(at.File), at.Line, in)
}

func gravest(g diff.Group) diff.Outcome {
	for _, c := range g.Changes {
		if c.Outcome.Verdict == g.Verdict {
			return c.Outcome
		}
	}
	return diff.Outcome{}
}

func refused(o diff.Outcome) string {
	if !o.Refused {
		return ""
	}
	return " (a plain apply is refused)"
}

// name is that of an object, with the one it had if renamed is asked for.
func (t *texter) name(object int, renamed bool) string {
	o := t.report.Objects[object]
	name := oneLine(strings.TrimPrefix(o.Ref.String(), o.Ref.Kind+" "))
	if renamed && o.Renamed {
		name = oneLine(strings.TrimPrefix(o.Was.String(), o.Was.Kind+" ")) + " -> " + name
	}
	return name
}

// names are the first few objects and how many more there are.
func (t *texter) names(objects []int, renamed bool) string {
	var out []string
	for _, i := range objects[:min(maxNames, len(objects))] {
		out = append(out, t.name(i, renamed))
	}
	s := strings.Join(out, ", ")
	if more := len(objects) - maxNames; more > 0 {
		s += fmt.Sprintf(" and %d more", more)
	}
	return s
}

var marks = map[diff.Op]struct{ mark, style string }{
	diff.OpAdd:    {"+", green},
	diff.OpRemove: {"-", red},
	diff.OpChange: {"~", yellow},
	diff.OpMove:   {"%", yellow},
}

func (t *texter) change(g diff.Group, c diff.Change, in string) {
	mark := marks[c.Op]
	verdict := t.verdict(g, c.Outcome)
	if other := otherScopes(t.report, in, c.Rows...); other != "" {
		verdict += "  " + t.paint(dim, "["+other+"]")
	}
	head := "  " + t.paint(mark.style, mark.mark) + " " + oneLine(c.Path)
	switch {
	case c.Op == diff.OpMove:
		t.linef("%s  order: %s%s", head, reordered(c.Rows[0]), verdict)
	case c.Path == "" && len(c.Flags) == 0:
		return
	case c.Path == "":
	case len(c.Rows) == 1:
		t.value(head, verdict, c.Rows[0])
	default:
		t.linef("%s  %d different values%s", head, len(c.Rows), verdict)
		t.table(c.Rows, in)
	}
	for _, f := range c.Flags {
		t.linef("    %s %s %s", t.paint(flagStyle(f.Severity), "! "+oneLine(string(f.Severity)+" "+f.ID)+":"), oneLine(f.Reason), t.paint(dim, "("+oneLine(f.Back)+")"))
	}
}

// verdict is that of a change where its group says another, and its effect too
// where it alone makes the API server refuse the update.
func (t *texter) verdict(g diff.Group, o diff.Outcome) string {
	renamed := t.report.Objects[g.Objects[0]].Renamed // and so made anew
	switch {
	case o.Refused && !gravest(g).Refused && !renamed:
		return "  " + t.paint(styleOf(o.Verdict), "["+oneLine(string(o.Verdict))+": "+effect(o)+"]")
	case o.Verdict != g.Verdict:
		return "  " + t.paint(styleOf(o.Verdict), "["+oneLine(string(o.Verdict))+"]")
	}
	return ""
}

func flagStyle(s diff.Severity) string {
	if s == diff.High {
		return red
	}
	return yellow
}

// value writes one change of a value: on the line if it is short, below it
// otherwise.
func (t *texter) value(head, verdict string, r diff.Row) {
	if text, ok := inline(r); ok {
		t.linef("%s  %s%s", head, text, verdict)
		return
	}
	t.linef("%s%s", head, verdict)
	lines := lineDiff(lines(r.Old), lines(r.New))
	for i, l := range lines {
		if i == maxLines {
			t.linef("      ... %s", count(len(lines)-i, "more line"))
			break
		}
		style := map[byte]string{'+': green, '-': red, ' ': dim}[l.mark]
		t.linef("      %s", t.paint(style, string(l.mark)+" "+clip(oneLine(l.text), maxWidth)))
	}
}

// table writes the different values of one field.
func (t *texter) table(rows []diff.Row, in string) {
	for i, r := range rows {
		if i == maxRows {
			t.linef("      ... %s", count(len(rows)-i, "more value"))
			return
		}
		text, ok := inline(r)
		if !ok {
			text = brief(r.Old) + " -> " + brief(r.New)
		}
		objects := distinct(r.Objects)
		who := t.names(objects, false)
		if other := otherScopes(t.report, in, r); other != "" {
			who += "; " + other
		}
		t.linef("      %d  %s  %s", len(objects), text, t.paint(dim, "("+who+")"))
	}
}

// reordered is the part of a list that stands in another order.
func reordered(r diff.Row) string {
	old, new := lines(r.Old), lines(r.New)
	for len(old) > 0 && len(new) > 0 && old[0] == new[0] {
		old, new = old[1:], new[1:]
	}
	for len(old) > 0 && len(new) > 0 && old[len(old)-1] == new[len(new)-1] {
		old, new = old[:len(old)-1], new[:len(new)-1]
	}
	names := func(lines []string) string {
		return clip(oneLine(strings.ReplaceAll(strings.Join(lines, ", "), "- ", "")), maxWidth)
	}
	return names(old) + " -> " + names(new)
}

// inline is a change of a value on one line, if it can be.
func inline(r diff.Row) (string, bool) {
	old, okOld := short(r.Old)
	new, okNew := short(r.New)
	switch {
	case !okOld || !okNew:
		return "", false
	case r.Old == nil:
		return clip(new, maxWidth), true
	case r.New == nil:
		return clip(old, maxWidth), true
	case r.Old.Redacted && r.New.Redacted && r.Old.Text == fmt.Sprintf("<redacted, %d bytes>", r.Old.Bytes):
		return fmt.Sprintf("changed, %d -> %d bytes (redacted)", r.Old.Bytes, r.New.Bytes), true
	}
	switch {
	case old != new || r.Old.Redacted:
		old, new = apart(old, new)
	case r.Old.Kind != r.New.Kind:
		old, new = kinded(r.Old, old), kinded(r.New, new)
	default: // it has placeholders
		return clip(new, maxWidth) + ", of the new name", true
	}
	return old + " -> " + new, true
}

// short is a value on one line, if it has but one or is a small mapping or list.
func short(v *diff.Value) (string, bool) {
	if v == nil {
		return "", true
	}
	text := oneLine(v.Text)
	if v.Kind != diff.KindMapping && v.Kind != diff.KindList {
		return quoted(v, text), !strings.Contains(v.Text, "\n")
	}
	flat := strings.Split(v.Text, "\n")
	if len(flat) > 3 {
		return "", false
	}
	for i, l := range flat {
		if strings.HasSuffix(l, ":") || strings.HasPrefix(l, " ") {
			return "", false // something is nested
		}
		flat[i] = oneLine(strings.TrimSpace(l))
	}
	text = strings.Join(flat, ", ")
	return text, len(text) <= maxWidth
}

// quoted puts quotes around a string that would not be seen, or read as
// something else, without.
func quoted(v *diff.Value, text string) string {
	plain := text != "" && strings.TrimSpace(text) == text && !strings.Contains(text, " -> ")
	if v.Kind != diff.KindString || plain {
		return text
	}
	return `"` + text + `"`
}

// kinded is a value of which the kind is seen: 1 is not "1".
func kinded(v *diff.Value, text string) string {
	if v.Kind == diff.KindString && !strings.HasPrefix(text, `"`) {
		return `"` + text + `"`
	}
	return text
}

// apart shortens two long values to where they differ.
func apart(old, new string) (string, string) {
	if len([]rune(old)) <= maxWidth && len([]rune(new)) <= maxWidth {
		return old, new
	}
	a, b := []rune(old), []rune(new)
	start, end := 0, 0
	for start < min(len(a), len(b)) && a[start] == b[start] {
		start++
	}
	for end < min(len(a), len(b))-start && a[len(a)-1-end] == b[len(b)-1-end] {
		end++
	}
	const around = 30
	cut := func(r []rune) string {
		from, to := max(0, start-around), min(len(r), len(r)-end+around)
		s := clip(string(r[from:to]), maxWidth)
		if from > 0 {
			s = "..." + s
		}
		if to < len(r) {
			s += "..."
		}
		return s
	}
	return cut(a), cut(b)
}

// brief is a value of several lines on one.
func brief(v *diff.Value) string {
	if v == nil {
		return "none"
	}
	if text, ok := short(v); ok {
		return clip(text, maxWidth/2)
	}
	return fmt.Sprintf("%s of %s", oneLine(string(v.Kind)), count(strings.Count(v.Text, "\n")+1, "line"))
}

func lines(v *diff.Value) []string {
	if v == nil {
		return nil
	}
	return strings.Split(strings.TrimSuffix(v.Text, "\n"), "\n")
}

// clip cuts a text that is longer than width and says how much is missing.
func clip(s string, width int) string {
	r := []rune(s)
	if len(r) <= width {
		return s
	}
	return fmt.Sprintf("%s... (%d characters more)", string(r[:width]), len(r)-width)
}

// summary is the counts of a report.
func (t *texter) summary() string {
	s := t.report.Summary
	var out strings.Builder
	fmt.Fprintf(&out, "%s -> %s: ", oneLine(t.report.Old), oneLine(t.report.New))
	if len(t.report.Objects) == 0 {
		fmt.Fprintf(&out, "no change in %s%s\n", count(s.NewObjects, "object"), moved(s))
		return out.String()
	}
	differ := "differ"
	if len(t.report.Objects) == 1 {
		differ = "differs"
	}
	fmt.Fprintf(&out, "%d of %s %s%s\n", len(t.report.Objects), count(len(t.report.Objects)+s.Same, "object"), differ, moved(s))
	for i := len(diff.Verdicts) - 1; i >= 0; i-- {
		v := diff.Verdicts[i]
		if n := s.Verdicts[v]; n > 0 {
			fmt.Fprintf(&out, "  %s: %s\n", t.paint(styleOf(v), string(v)), t.kinds(v))
		}
	}
	if s.SessionsLost > 0 {
		fmt.Fprintf(&out, "  %s\n", t.paint(red, fmt.Sprintf("agents lose their session in %s", count(s.SessionsLost, "object"))))
	}
	if s.Renamed > 0 {
		fmt.Fprintf(&out, "  %d renamed\n", s.Renamed)
	}
	for i := len(diff.Severities) - 1; i >= 0; i-- {
		sev := diff.Severities[i]
		if n := s.Flags[sev]; n > 0 {
			fmt.Fprintf(&out, "  %s\n", t.paint(flagStyle(sev), count(n, string(sev)+" security flag")))
		}
	}
	t.gate(&out)
	return out.String()
}

func moved(s diff.Summary) string {
	if s.Moved == 0 {
		return ""
	}
	return fmt.Sprintf(" (%d in another file, unchanged)", s.Moved)
}

// gate writes what the gate stops and why.
func (t *texter) gate(out *strings.Builder) {
	g := t.report.Gate
	if g == nil {
		return
	}
	stopped := map[string]int{}
	var order []string
	for _, v := range g.Violations {
		if stopped[v.Condition] == 0 {
			order = append(order, v.Condition)
		}
		stopped[v.Condition]++
	}
	for _, condition := range order {
		fmt.Fprintf(out, "%s\n", t.paint(red, fmt.Sprintf("gate: %s, for --fail-on %s", count(stopped[condition], "change"), oneLine(condition))))
	}
	if n := len(g.Allowed); n > 0 {
		fmt.Fprintf(out, "gate: %s allowed by the allow file\n", count(n, "change"))
	}
	for _, a := range g.Expired {
		fmt.Fprintf(out, "gate: %s:%d: the allowance of %s expired on %s\n", oneLine(a.Pos.File), a.Pos.Line, oneLine(a.On), oneLine(a.Expires))
	}
	for _, a := range g.Unused {
		fmt.Fprintf(out, "gate: %s:%d: the allowance of %s allows nothing; remove it\n", oneLine(a.Pos.File), a.Pos.Line, oneLine(a.On))
	}
}

// kinds are the objects of a verdict by kind, such as "12 Pods, 1 Secret".
func (t *texter) kinds(v diff.Verdict) string {
	counts := map[string]int{}
	for _, o := range t.report.Objects {
		if o.Verdict == v {
			counts[o.Ref.Kind]++
		}
	}
	var out []string
	for _, kind := range slices.Sorted(maps.Keys(counts)) {
		noun := oneLine(kind)
		if counts[kind] > 1 {
			noun = plural(noun)
		}
		out = append(out, fmt.Sprintf("%d %s", counts[kind], noun))
	}
	return strings.Join(out, ", ")
}

func plural(kind string) string {
	switch {
	case strings.HasSuffix(kind, "y") && !strings.HasSuffix(kind, "ay") && !strings.HasSuffix(kind, "ey"):
		return strings.TrimSuffix(kind, "y") + "ies"
	case strings.HasSuffix(kind, "s"):
		return kind + "es"
	}
	return kind + "s"
}

func count(n int, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return fmt.Sprintf("%d %ss", n, noun)
}
