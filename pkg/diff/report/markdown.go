package report

import (
	"cmp"
	"fmt"
	"html"
	"io"
	"regexp"
	"slices"
	"strings"

	"github.com/scion-gen/scion-gen/pkg/diff"
)

// Marker is the first line of every Markdown report. Nothing of it is shown;
// CI finds its comment by it and updates it in place.
const Marker = "<!-- scion-gen diff -->"

// CommentBytes is what fits a comment on GitHub: it takes 65,536 characters,
// of which no text has more than bytes.
const CommentBytes = 65536

const (
	minBytes    = 4096 // what a summary takes
	footerBytes = 1024 // what it takes to say what is left out
)

// How much is shown before the rest is but counted.
const (
	markdownLines   = 60 // of a value
	markdownExample = 25 // of a value that is a whole object
	markdownWidth   = 400
	markdownRows    = 12 // of a table of values
	markdownCell    = 80
	markdownFlags   = 10 // in the summary
	markdownSide    = 80 // of the name of a side
)

// MarkdownOptions are how Markdown is written.
type MarkdownOptions struct {
	// MaxBytes is the most bytes there may be: 0 means CommentBytes, and less
	// than 4096 means 4096. Groups that do not fit are left out whole and
	// counted.
	MaxBytes int
}

// Markdown writes the report as a comment on a pull request: a summary that
// fits a screen, then each group folded. Values are in fences and code spans
// that they cannot leave, and of which platforms make no mention, reference or
// link.
func Markdown(w io.Writer, r *diff.Report, o MarkdownOptions) error {
	limit := max(cmp.Or(o.MaxBytes, CommentBytes), minBytes) - footerBytes
	m := markdown{newNamed(r)}
	out := m.summary()
	for _, part := range []func() (head, rest string){m.flags, m.gate} {
		head, rest := part()
		if out += head; len(out)+len(rest) <= limit {
			out += rest
		}
	}
	var left []int
	for i := range r.Groups {
		if text := m.group(i); len(out)+len(text) <= limit {
			out += text
		} else {
			left = append(left, i)
		}
	}
	_, err := io.WriteString(w, out+m.omitted(left))
	return err
}

// markdown makes the parts of a comment. Each begins with an empty line.
type markdown struct{ named }

func (m markdown) summary() string {
	out := Marker + "\n### " + prose(headline(m.Report)) + "\n"
	if parts := tally(m.Report); len(m.Objects) > 0 {
		parts[0] = "**" + parts[0] + "**"
		for i, part := range parts[1:] {
			parts[i+1] = prose(shorten(part, markdownSide))
		}
		out += "\n" + strings.Join(parts, " · ") + "\n"
	}
	if lost := sessions(m.Report); lost != "" {
		out += "\n**" + lost + ".**\n"
	}
	return out + "\n" + m.side(m.Old) + " → " + m.side(m.New) + "\n"
}

func (m markdown) side(name string) string { return code(shorten(oneLine(name), markdownSide)) }

// flags are the number of flags, and a table of them.
func (m markdown) flags() (head, rest string) {
	all := flags(m.Report)
	if len(all) == 0 {
		return "", ""
	}
	var out strings.Builder
	out.WriteString("\n| | Flag | Objects | Weaker now |\n|:--|:--|--:|:--|\n")
	for _, f := range all[:min(len(all), markdownFlags)] {
		fmt.Fprintf(&out, "| %s | %s | %d | %s |\n", cellProse(string(f.Severity)), cell(f.ID, markdownCell), len(f.Objects), cellProse(f.Reason))
	}
	if more := len(all) - markdownFlags; more > 0 {
		fmt.Fprintf(&out, "\n%s below.\n", count(more, "more flag"))
	}
	return "\n**Security: " + prose(flagTally(m.Report)) + "**\n", out.String()
}

// gate is what the gate says, and what it says it by.
func (m markdown) gate() (head, rest string) {
	if m.Gate == nil {
		return "", ""
	}
	var out strings.Builder
	head = "\n**Gate: passed**\n"
	if stopped := byCondition(m.Gate.Violations); len(stopped) > 0 {
		head = "\n**Gate: stopped** by " + conditions(stopped) + "\n"
	}
	lines := 0
	item := func(format string, args ...any) {
		if lines == 0 {
			out.WriteString("\n")
		}
		if lines++; lines <= markdownFlags {
			fmt.Fprintf(&out, "- "+format+"\n", args...)
		}
	}
	for _, a := range allowances(m.Gate.Allowed) {
		item("allowed: %s, %s: %s", code(oneLine(a.Of.On)), count(a.N, "time"), sentence(a.Of.Reason))
	}
	for _, a := range m.Gate.Expired {
		item("expired on %s: %s: %s", sentence(a.Expires), code(oneLine(a.On)), sentence(a.Reason))
	}
	for _, a := range m.Gate.Unused {
		item("allowed but not needed: %s: %s", code(oneLine(a.On)), sentence(a.Reason))
	}
	if more := lines - markdownFlags; more > 0 {
		fmt.Fprintf(&out, "\n%d more of the allow file are not shown.\n", more)
	}
	return head, out.String()
}

// conditions are what of --fail-on is met, and how often.
func conditions(stopped []tallied[string]) string {
	var out []string
	for _, c := range stopped[:min(len(stopped), markdownFlags)] {
		out = append(out, fmt.Sprintf("%s (%d)", code(shorten(oneLine(c.Of), markdownCell)), c.N))
	}
	if more := len(stopped) - markdownFlags; more > 0 {
		out = append(out, fmt.Sprintf("%d more", more))
	}
	return strings.Join(out, ", ")
}

// group is one folded part. It is open where it is the only one.
func (m markdown) group(i int) string {
	g := m.Groups[i]
	var out strings.Builder
	out.WriteString("\n<details")
	if len(m.Groups) == 1 {
		out.WriteString(" open")
	}
	in := groupScopes(m.Report, g)
	fmt.Fprintf(&out, ">\n<summary>%s</summary>\n", m.groupTitle(g, in))
	if len(g.Objects) > maxNames {
		fmt.Fprintf(&out, "\nIn %s\n", m.objects(g.Objects, markdownRows))
	}
	same := oneOutcome(g)
	if same && len(g.Changes) > 0 {
		fmt.Fprintf(&out, "\n%s\n", outcome(g.Changes[0].Outcome))
	}
	for _, c := range g.Changes {
		out.WriteString(m.change(g, c, in, same))
	}
	out.WriteString("\n</details>\n")
	return out.String()
}

// groupTitle is HTML: Markdown is not read in a summary.
func (m markdown) groupTitle(g diff.Group, in string) string {
	out := "<b>" + inHTML(string(g.Verdict)) + "</b> · " + inHTML(title(g))
	list, more := m.names(g.Objects, maxNames)
	if len(g.Objects) == 1 {
		out += " " + inHTMLCode(list)
	} else {
		out += ": " + inHTMLCode(list)
	}
	if more > 0 {
		out += fmt.Sprintf(" and %d more", more)
	}
	if in != "" {
		out += " · " + inHTML(in)
	}
	if fields := paths(g); len(fields) > 0 {
		out += " · " + inHTMLCode(fields[:min(len(fields), maxFields)])
		if more := len(fields) - maxFields; more > 0 {
			out += " and " + count(more, "more field")
		}
	}
	if n := groupFlags(g); len(n) > 0 {
		out += " · <b>" + inHTML(n) + "</b>"
	}
	return out
}

// objects are names of objects as code, and how many more there are.
func (m markdown) objects(objects []int, max int) string {
	list, more := m.names(objects, max)
	for i := range list {
		list[i] = code(shorten(list[i], markdownCell))
	}
	out := strings.Join(list, ", ")
	if more > 0 {
		out += fmt.Sprintf(" and %d more", more)
	}
	return out
}

func outcome(o diff.Outcome) string {
	return "**" + prose(string(o.Verdict)) + "**: " + sentence(effect(o))
}

// change is one field; its outcome is left out where the group has it.
func (m markdown) change(g diff.Group, c diff.Change, in string, same bool) string {
	var head []string
	if c.Path != "" {
		head = append(head, code(shorten(field(c.Path), markdownWidth)))
	}
	if !same {
		head = append(head, outcome(c.Outcome))
	}
	if other := otherScopes(m.Report, in, c.Rows...); other != "" {
		head = append(head, prose(other))
	}
	var out strings.Builder
	if len(head) > 0 {
		fmt.Fprintf(&out, "\n%s\n", strings.Join(head, " — "))
	}
	for _, f := range c.Flags {
		fmt.Fprintf(&out, "\n**%s** %s: %s. Way back: %s\n", prose(string(f.Severity)), code(oneLine(f.ID)), sentence(f.Reason), sentence(f.Back))
	}
	if len(c.Rows) == 1 {
		return out.String() + m.value(c.Rows[0])
	}
	return out.String() + m.table(g, c, in)
}

// value is a row as a diff.
func (m markdown) value(row diff.Row) string {
	old, new, example := values(m.Report, row)
	most, head := markdownLines, ""
	if example >= 0 {
		most = markdownExample
		if first := exampleOf(m.Report, row); first != "" {
			head = "\nThe first, " + code(first) + ":\n"
		}
	}
	return head + fenced(edited(old, new), most)
}

// table is the different values of a change.
func (m markdown) table(g diff.Group, c diff.Change, in string) string {
	var out strings.Builder
	fmt.Fprintf(&out, "\n| %s | Old | New |\n|:--|:--|:--|\n", cellProse(g.Kind))
	for _, row := range c.Rows[:min(len(c.Rows), markdownRows)] {
		list, more := m.names(distinct(row.Objects), 1)
		object := cell(list[0], markdownCell)
		if more > 0 {
			object += fmt.Sprintf(" and %d more", more)
		}
		if other := otherScopes(m.Report, in, row); other != "" {
			object += ", " + cellProse(other)
		}
		fmt.Fprintf(&out, "| %s | %s | %s |\n", object, valueCell(row.Old, row.New), valueCell(row.New, row.Old))
	}
	if more := len(c.Rows) - markdownRows; more > 0 {
		fmt.Fprintf(&out, "\n%s more.\n", count(more, "different value"))
	}
	return out.String()
}

func valueCell(v, other *diff.Value) string {
	if v == nil {
		return "none"
	}
	return cell(shown(v, other), markdownCell)
}

// omitted says what is left out, and how to see it.
func (m markdown) omitted(groups []int) string {
	if len(groups) == 0 {
		return ""
	}
	n := map[diff.Verdict]int{}
	for _, i := range groups {
		n[m.Groups[i].Verdict] += len(m.Groups[i].Objects)
	}
	var what []string
	for _, c := range counts(diff.Verdicts[:], n) {
		what = append(what, fmt.Sprintf("%d %s", c.N, did[c.Of]))
	}
	return fmt.Sprintf("\n**%s omitted** for their size: %s. All of it: `scion-gen diff --format html` of %s and %s.\n",
		count(len(groups), "group"), strings.Join(what, ", "), m.side(m.Old), m.side(m.New))
}

// fenced is a diff in a fence longer than any run of backticks in it.
func fenced(lines []line, most int) string {
	var body strings.Builder
	for _, l := range lines[:min(len(lines), most)] {
		if l == gap {
			body.WriteString("@@ … @@\n")
			continue
		}
		fmt.Fprintf(&body, "%c %s\n", l.mark, shorten(l.text, markdownWidth))
	}
	if more := len(lines) - most; more > 0 {
		fmt.Fprintf(&body, "@@ %s @@\n", count(more, "more line"))
	}
	fence := strings.Repeat("`", max(3, longestRun(body.String())+1))
	return "\n" + fence + "diff\n" + body.String() + fence + "\n"
}

// longestRun is the length of the longest run of backticks.
func longestRun(s string) int {
	longest := 0
	for run := range strings.FieldsFuncSeq(s, func(r rune) bool { return r != '`' }) {
		longest = max(longest, len(run))
	}
	return longest
}

// code is a code span of a text of one line.
func code(s string) string {
	if s == "" {
		return "(empty)"
	}
	// A space on both sides is taken off again, so one is due where the text
	// has its own, or touches the backticks.
	if strings.ContainsAny(s[:1]+s[len(s)-1:], "` ") {
		s = " " + s + " "
	}
	ticks := strings.Repeat("`", longestRun(s)+1)
	return ticks + s + ticks
}

// cell is code in a table, where a bar ends a cell even in code.
func cell(s string, width int) string {
	return strings.ReplaceAll(code(shorten(oneLine(s), width)), "|", `\|`)
}

func cellProse(s string) string {
	return strings.ReplaceAll(sentence(s), "|", `\|`)
}

var (
	// plainWord is a word of which Markdown makes nothing.
	plainWord = regexp.MustCompile(`^[("']?[A-Za-z0-9]([A-Za-z0-9,.;:'"()/=-]*[A-Za-z0-9,.;:'")])?$`)
	// meaningful is what platforms make links, references and pictures of.
	meaningful = regexp.MustCompile(`://|(?i)www\.|:[a-z0-9-]|[a-z]-[0-9]|[0-9a-f]{7}`)
)

// prose is text whose words are put in code spans where Markdown or a platform
// would make something of them.
func prose(s string) string {
	words := strings.Fields(s)
	for i, w := range words {
		if !plainWord.MatchString(w) || meaningful.MatchString(w) {
			words[i] = code(oneLine(w))
		}
	}
	return strings.Join(words, " ")
}

// sentence is prose of a text that may be long or of several lines.
func sentence(s string) string { return prose(shorten(oneLine(s), markdownWidth)) }

func inHTML(s string) string { return html.EscapeString(oneLine(s)) }

// inHTMLCode are texts as code elements.
func inHTMLCode(list []string) string {
	var out []string
	for _, s := range list {
		out = append(out, "<code>"+inHTML(shorten(s, markdownCell))+"</code>")
	}
	return strings.Join(out, ", ")
}

// paths are the fields of a group, without the object as a whole.
func paths(g diff.Group) []string {
	var out []string
	for _, c := range g.Changes {
		if c.Path != "" {
			out = append(out, c.Path)
		}
	}
	return slices.Compact(out)
}

// groupFlags is the number of flags of a group's changes by severity.
func groupFlags(g diff.Group) string {
	n := map[diff.Severity]int{}
	for _, c := range g.Changes {
		for _, f := range c.Flags {
			n[f.Severity]++
		}
	}
	var out []string
	for _, c := range counts(diff.Severities[:], n) {
		out = append(out, fmt.Sprintf("%d %s", c.N, c.Of))
	}
	return strings.Join(out, ", ")
}
