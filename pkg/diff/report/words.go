package report

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/scion-gen/scion-gen/pkg/diff"
)

// visible is s with everything that a reader could not see, or that would
// change how the rest is read, as an escape: control characters, bidirectional
// overrides, invisible spaces, bytes that are not UTF-8. Newlines and tabs stay.
func visible(s string) string {
	if !slices.ContainsFunc([]byte(s), func(b byte) bool { return b < ' ' && b != '\n' && b != '\t' || b > '~' }) {
		return s
	}
	var out strings.Builder
	for i, r := range s {
		switch {
		case r == utf8.RuneError && !strings.HasPrefix(s[i:], "\uFFFD"):
			fmt.Fprintf(&out, `\x%02x`, s[i])
		case r == '\n' || r == '\t' || unicode.IsPrint(r):
			out.WriteRune(r)
		case r == '\r':
			out.WriteString(`\r`)
		case r > 0xFFFF:
			fmt.Fprintf(&out, `\U%08x`, r)
		default:
			fmt.Fprintf(&out, `\u%04x`, r)
		}
	}
	return out.String()
}

var lineBreaks = strings.NewReplacer("\n", `\n`, "\t", `\t`)

// oneLine is s, visible, on one line.
func oneLine(s string) string { return lineBreaks.Replace(visible(s)) }

// shorten cuts s where it has more than max characters, and says so.
func shorten(s string, max int) string {
	if utf8.RuneCountInString(s) <= max {
		return s
	}
	return string([]rune(s)[:max-1]) + "…"
}

// maxFields is how many fields the title of a group names.
const maxFields = 2

// did are the Verdicts as what was, or will be, done to an object.
var did = map[diff.Verdict]string{
	diff.InPlace:  "updated in place",
	diff.OnResume: "changed on resume",
	diff.New:      "new",
	diff.Resize:   "resized",
	diff.Restart:  "restarted",
	diff.Recreate: "recreated",
	diff.Delete:   "deleted",
}

// gravestFirst are the verdicts that occur, with their number of objects.
func gravestFirst(r *diff.Report) []tallied[diff.Verdict] {
	return counts(diff.Verdicts[:], r.Summary.Verdicts)
}

// severestFirst are the severities that occur, with their number of flags.
func severestFirst(r *diff.Report) []tallied[diff.Severity] {
	return counts(diff.Severities[:], r.Summary.Flags)
}

type tallied[T any] struct {
	Of T
	N  int
}

func counts[T comparable](order []T, n map[T]int) []tallied[T] {
	var out []tallied[T]
	for _, of := range slices.Backward(order) {
		if n[of] > 0 {
			out = append(out, tallied[T]{of, n[of]})
		}
	}
	return out
}

// headline says in one line how much differs.
func headline(r *diff.Report) string {
	if len(r.Objects) == 0 {
		return "Nothing differs: " + count(r.Summary.Same, "object") + " on both sides"
	}
	verb := " differ"
	if len(r.Objects) == 1 {
		verb = " differs"
	}
	return count(len(r.Objects), "object") + verb
}

// tally is what happens to how many objects, gravest first.
func tally(r *diff.Report) []string {
	var out []string
	for _, c := range gravestFirst(r) {
		out = append(out, fmt.Sprintf("%d %s", c.N, did[c.Of]))
	}
	s := r.Summary
	if in := namespace(r); in != "" {
		out = append(out, "all in namespace "+oneLine(in))
	}
	if s.Renamed > 0 {
		out = append(out, fmt.Sprintf("%d of them renamed", s.Renamed))
	}
	if s.Same > 0 {
		same := fmt.Sprintf("%d the same", s.Same)
		if s.Moved > 0 {
			same += fmt.Sprintf(" (%d in another file)", s.Moved)
		}
		out = append(out, same)
	}
	return out
}

// sessions says how many agents are stopped, empty where none are.
func sessions(r *diff.Report) string {
	if r.Summary.SessionsLost == 0 {
		return ""
	}
	return "Agents lose their session in " + count(r.Summary.SessionsLost, "object")
}

// flagTally is the number of flags by severity, most severe first.
func flagTally(r *diff.Report) string {
	var out []string
	for _, c := range severestFirst(r) {
		out = append(out, fmt.Sprintf("%d %s", c.N, c.Of))
	}
	return strings.Join(out, ", ")
}

// title says what a group is, without its fields.
func title(g diff.Group) string {
	n := len(g.Objects)
	kinds := fmt.Sprintf("%d %s", n, plural(oneLine(g.Kind)))
	switch {
	case n == 1:
		return oneLine(g.Kind)
	case g.Verdict == diff.New || g.Verdict == diff.Delete:
		return kinds
	case uniform(g):
		return "the same change in " + kinds
	}
	return "the same fields in " + kinds
}

// uniform reports whether every change of a group is the same in all objects.
func uniform(g diff.Group) bool {
	return !slices.ContainsFunc(g.Changes, func(c diff.Change) bool { return len(c.Rows) > 1 })
}

// name is an object's name, with its namespace where it has one.
func name(ref diff.Ref) string {
	if ref.Namespace == "" {
		return oneLine(ref.Name)
	}
	return oneLine(ref.Namespace + "/" + ref.Name)
}

// full is an object's kind, with its group where it is not core, and its name.
func full(ref diff.Ref) string {
	kind := ref.Kind
	if ref.Group != "" {
		kind += "." + ref.Group
	}
	return oneLine(kind) + " " + name(ref)
}

// named is a report whose objects are called by their names, without the
// namespace where all of them share it.
type named struct {
	*diff.Report
	shared bool
}

func newNamed(r *diff.Report) named { return named{r, namespace(r) != ""} }

// names are the names of objects, at most max of them, and how many are left.
func (n named) names(objects []int, max int) (list []string, more int) {
	for k, i := range objects {
		if k == max && len(objects) > max {
			return list, len(objects) - max
		}
		o := n.Objects[i]
		text := name(o.Ref)
		switch {
		case o.Renamed && o.Was != nil:
			text = name(*o.Was) + " → " + name(o.Ref)
		case n.shared:
			text = oneLine(o.Ref.Name)
		}
		list = append(list, text)
	}
	return list, 0
}

// phrase are the names as text: a, b, c and 995 more.
func (n named) phrase(objects []int, max int) string {
	list, more := n.names(objects, max)
	out := strings.Join(list, ", ")
	if more > 0 {
		out += fmt.Sprintf(" and %d more", more)
	}
	return out
}

// namespace is the one that all objects of a report are in, if there are
// several and they are in one.
func namespace(r *diff.Report) string {
	if len(r.Objects) < 2 {
		return ""
	}
	first := r.Objects[0].Ref.Namespace
	if slices.ContainsFunc(r.Objects, func(o diff.Object) bool { return o.Ref.Namespace != first }) {
		return ""
	}
	return first
}

// field is how a path is shown: the object as a whole has none.
func field(path string) string {
	if path == "" {
		return "the whole object"
	}
	return oneLine(path)
}

// place is where to look for an edit: where the new value stands, or the old
// one where its object is gone.
func place(e diff.Edit) diff.Pos {
	if e.NewPos.File != "" {
		return e.NewPos
	}
	return e.OldPos
}

// flagged is a flag and where it is raised: a row for each group's change.
type flagged struct {
	diff.Flag
	Group   int // index into Report.Groups
	Objects []int
}

// flags are those of all groups, most severe first, those of most objects then.
func flags(r *diff.Report) []flagged {
	var out []flagged
	for i, g := range r.Groups {
		for _, c := range g.Changes {
			for _, f := range c.Flags {
				out = append(out, flagged{f, i, g.Objects})
			}
		}
	}
	slices.SortStableFunc(out, func(a, b flagged) int {
		return cmp.Or(b.Severity.Rank()-a.Severity.Rank(), len(b.Objects)-len(a.Objects))
	})
	return out
}

// effect says what a change does, and whether the API server lets it pass.
func effect(o diff.Outcome) string { return oneLine(o.Effect) + refused(o) }

// objectPlace is where an object is, or was.
func objectPlace(o diff.Object) diff.Pos {
	if o.New.File != "" {
		return o.New
	}
	return o.Old
}

// values are both sides of a row; of new and deleted objects, those of the
// first, whose index is example; it is -1 for all others.
func values(r *diff.Report, row diff.Row) (old, new *diff.Value, example int) {
	if row.Old != nil || row.New != nil || len(row.Objects) == 0 {
		return row.Old, row.New, -1
	}
	e := r.Objects[row.Objects[0]].Edits[row.Edits[0]]
	return e.Old, e.New, row.Objects[0]
}

// oneOutcome reports whether all changes of a group come to the same.
func oneOutcome(g diff.Group) bool {
	return !slices.ContainsFunc(g.Changes, func(c diff.Change) bool { return c.Outcome != g.Changes[0].Outcome })
}
