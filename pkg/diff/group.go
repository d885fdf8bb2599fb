package diff

import (
	"cmp"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/scion-gen/scion-gen/pkg/manifest"
)

// aliases are an object's own names, and the mark that stands for each.
type aliases []alias

type alias struct {
	name string
	mark string // one of marks
}

// placeholders are what the own names of an object are called where people see
// them, in the order of marks: that of a name is the byte of its place.
var placeholders = [...]string{"{name}", "{namespace}", "{instance}", "{agent}", "{grove}", "{id}", "{slug}"}

// marks are what stands for names in keys of grouping. Keys have no control
// characters of their own, so that no value can hold what looks like one.
const marks = "\x01\x02\x03\x04\x05\x06\x07"

// aliasesOf are an object's own names, longest first. Where two are the same,
// the first of the list counts.
func aliasesOf(ref Ref, root *manifest.Node) aliases {
	labels := root.At("metadata", "labels")
	variable := func(name string) string {
		for _, c := range items(root.At(podSpecPath(ref)...).Get("containers")) {
			if v := (podContainer{node: c}).variable(name); v != "" {
				return v
			}
		}
		return ""
	}
	if podSpecPath(ref) == nil {
		variable = func(string) string { return "" }
	}
	var out aliases
	for i, name := range [len(placeholders)]string{
		ref.Name,
		ref.Namespace,
		text(labels.Get("app.kubernetes.io/instance")),
		text(labels.Get("scion.name")),
		cmp.Or(text(labels.Get("scion.grove")), text(labels.Get("app.kubernetes.io/part-of"))),
		variable("SCION_AGENT_ID"),
		variable("SCION_AGENT_SLUG"),
	} {
		taken := func(a alias) bool { return a.name == name }
		if name != "" && !slices.ContainsFunc(out, taken) {
			out = append(out, alias{strings.Clone(name), marks[i : i+1]})
		}
	}
	slices.SortStableFunc(out, func(a, b alias) int { return cmp.Compare(len(b.name), len(a.name)) })
	return out
}

// replace puts marks for the names, where they stand as words of their own.
func (a aliases) replace(s string) string {
	for _, name := range a {
		s = replaceWord(s, name.name, name.mark)
	}
	return s
}

// literalMark is what is written like a placeholder.
var literalMark = regexp.MustCompile(`\{(` + strings.NewReplacer("{", "", "}", "").Replace(strings.Join(placeholders[:], "|")) + `)\}`)

// hiddenText is what stands for something hidden.
var hiddenText = regexp.MustCompile(`<redacted, \d+ bytes(?:, changed)?>`)

// show puts placeholders for the names. What looks like one and is none gets
// braces of its own; a text that has marks, and what stands for something
// hidden, stays as it is.
func (a aliases) show(s string) string {
	if strings.ContainsAny(s, marks) {
		return s
	}
	var out strings.Builder
	at := 0
	for _, hidden := range hiddenText.FindAllStringIndex(s, -1) {
		out.WriteString(a.showPart(s[at:hidden[0]]) + s[hidden[0]:hidden[1]])
		at = hidden[1]
	}
	return out.String() + a.showPart(s[at:])
}

func (a aliases) showPart(s string) string {
	s = literalMark.ReplaceAllString(a.replace(s), "{$0}")
	for i, placeholder := range placeholders {
		s = strings.ReplaceAll(s, marks[i:i+1], placeholder)
	}
	return s
}

func replaceWord(s, word, by string) string {
	if !strings.Contains(s, word) {
		return s
	}
	var out strings.Builder
	for end := 0; ; {
		at := strings.Index(s[end:], word)
		if at < 0 {
			out.WriteString(s[end:])
			return out.String()
		}
		out.WriteString(s[end : end+at])
		at += end
		end = at + len(word)
		before, _ := utf8.DecodeLastRuneInString(s[:at])
		after, _ := utf8.DecodeRuneInString(s[end:])
		if inWord(before) || inWord(after) {
			out.WriteString(word)
		} else {
			out.WriteString(by)
		}
	}
}

// inWord: RuneError is also what stands before the start and after the end.
func inWord(r rune) bool {
	return r != utf8.RuneError && (unicode.IsLetter(r) || unicode.IsDigit(r))
}

// spelling is a text as it is, and with placeholders for the names of its
// object.
type spelling struct{ literal, general string }

// tally counts spellings, so that of the two the commoner one can be chosen: a
// value that happens to hold the name of one object alone is kept as it is.
type tally map[string]int

func (t tally) add(s spelling) {
	t[s.literal]++
	if s.general != s.literal {
		t[s.general]++
	}
}

func (t tally) choose(s spelling) string {
	if t[s.general] > t[s.literal] {
		return s.general
	}
	return s.literal
}

// spot is an Edit with what it is grouped by.
type spot struct {
	object, edit int
	path, values spelling
	change, row  string // the keys of its Change and Row
}

// group sorts the edits of all objects into groups.
func group(objects []Object) []Group {
	spots := spotsOf(objects)
	paths := tally{}
	for i := range spots {
		paths.add(spots[i].pathKey(objects))
	}
	values := tally{}
	for i := range spots {
		s := &spots[i]
		s.change = paths.choose(s.pathKey(objects))
		values.add(s.valueKey())
	}
	for i := range spots {
		spots[i].row = values.choose(spots[i].valueKey())
	}
	return groupChanges(objects, spots)
}

func spotsOf(objects []Object) []spot {
	var spots []spot
	for i := range objects {
		o := &objects[i]
		for j := range o.Edits {
			e := &o.Edits[j]
			s := spot{object: i, edit: j, path: spelling{e.Path, o.newNames.replace(e.Path)}}
			if e.Path != "" {
				s.values = e.spelling(o)
			}
			spots = append(spots, s)
		}
	}
	return spots
}

// spelling is the values of an edit. A change of a name itself keeps the names:
// that is what it is about. Where the object is renamed, other fields follow.
func (e *Edit) spelling(o *Object) spelling {
	old, new := string(spell(nil, e.raw.old)), string(spell(nil, e.raw.new))
	literal := old + "\x00" + new
	oldGeneral, newGeneral := o.oldNames.replace(old), o.newNames.replace(new)
	if isIdentity(e.raw.path) || oldGeneral == newGeneral && !o.Renamed {
		return spelling{literal, literal}
	}
	// What is hidden may hold names, and then has another length in each object.
	return spelling{literal, fmt.Sprintf("%s\x00%s\x00%d\x00%d", oldGeneral, newGeneral, e.Old.hiddenBytes(), e.New.hiddenBytes())}
}

// pathKey is what the edits of one Change have in common.
func (s *spot) pathKey(objects []Object) spelling {
	o := &objects[s.object]
	e := &o.Edits[s.edit]
	head := fmt.Sprintf("%s\x00%s\x00%s\x00%s\x00%s\x00", o.Ref.Group, o.Ref.Kind, e.Op, e.Outcome.Rule, e.Outcome.Verdict)
	var flags string
	for i, f := range e.Flags {
		// What a reason names is of the value, not of the kind of change.
		if i == 0 || !sameKind(e.Flags[i-1], f) {
			flags += fmt.Sprintf("\x00%s\x00%s\x00%s", f.ID, f.Path, f.Severity)
		}
	}
	return spelling{head + s.path.literal + flags, head + s.path.general + o.newNames.replace(flags)}
}

func (s *spot) valueKey() spelling {
	return spelling{s.change + "\x00" + s.values.literal, s.change + "\x00" + s.values.general}
}

// groupChanges makes Changes of the spots, and Groups of the Changes that are
// in the same objects.
func groupChanges(objects []Object, spots []spot) []Group {
	byChange := map[string][]*spot{}
	var order []string
	for i := range spots {
		s := &spots[i]
		if byChange[s.change] == nil {
			order = append(order, s.change)
		}
		byChange[s.change] = append(byChange[s.change], s)
	}
	at := map[string]int{}
	var groups []Group
	for _, key := range order {
		members := byChange[key]
		first := &objects[members[0].object]
		where := indices(members)
		in := fmt.Sprint(first.Ref.Group, "\x00", first.Ref.Kind, "\x00", where)
		i, found := at[in]
		if !found {
			i = len(groups)
			at[in] = i
			groups = append(groups, Group{Group: first.Ref.Group, Kind: first.Ref.Kind, Objects: where})
		}
		groups[i].Changes = append(groups[i].Changes, newChange(objects, members))
	}
	for i := range groups {
		groups[i].finish(objects)
	}
	slices.SortStableFunc(groups, func(a, b Group) int {
		return cmp.Or(
			cmp.Compare(b.Verdict.rank(), a.Verdict.rank()),
			cmp.Compare(len(b.Objects), len(a.Objects)),
			strings.Compare(a.Kind, b.Kind),
			cmp.Compare(a.Objects[0], b.Objects[0]))
	})
	return groups
}

// finish sorts the changes by path and finds the gravest.
func (g *Group) finish(objects []Object) {
	pathOf := func(c Change) []step {
		r := c.Rows[0]
		return objects[r.Objects[0]].Edits[r.Edits[0]].raw.path
	}
	slices.SortStableFunc(g.Changes, func(a, b Change) int { return comparePaths(pathOf(a), pathOf(b)) })
	for _, c := range g.Changes {
		if c.Outcome.Verdict.rank() > g.Verdict.rank() {
			g.Verdict = c.Outcome.Verdict
		}
	}
}

func indices(members []*spot) []int {
	out := make([]int, len(members))
	for i, s := range members {
		out[i] = s.object
	}
	slices.Sort(out)
	return slices.Compact(out)
}

// newChange makes a Change of the spots that have its key.
func newChange(objects []Object, members []*spot) Change {
	byRow := map[string][]*spot{}
	var order []string
	for _, s := range members {
		if byRow[s.row] == nil {
			order = append(order, s.row)
		}
		byRow[s.row] = append(byRow[s.row], s)
	}
	slices.SortStableFunc(order, func(a, b string) int { return cmp.Compare(len(byRow[b]), len(byRow[a])) })
	first := &objects[members[0].object].Edits[members[0].edit]
	c := Change{Op: first.Op, Path: first.Path, Outcome: first.Outcome}
	general := func(s *spot) bool { return s.path.literal != members[0].path.literal }
	names := aliases{}
	if slices.ContainsFunc(members, general) {
		names = objects[members[0].object].newNames
		c.Path = names.show(c.Path)
	}
	c.Flags = changeFlags(objects, members)
	for i := range c.Flags {
		c.Flags[i].Path = names.show(c.Flags[i].Path)
	}
	braced := slices.ContainsFunc(order, func(key string) bool { return isGeneral(byRow[key]) })
	for _, key := range order {
		c.Rows = append(c.Rows, newRow(objects, byRow[key], braced))
	}
	return c
}

// changeFlags are the flags of a Change: those of the first member, where the
// reasons of all are one, with placeholders perhaps. Else each id, field and
// severity is there once, with what the reasons name.
func changeFlags(objects []Object, members []*spot) []Flag {
	first := &objects[members[0].object].Edits[members[0].edit]
	if len(first.Flags) == 0 {
		return nil
	}
	literal, general := map[string]bool{}, map[string]bool{}
	for _, s := range members {
		o := &objects[s.object]
		reasons := reasonsOf(o.Edits[s.edit].Flags)
		literal[reasons], general[o.newNames.replace(reasons)] = true, true
	}
	out := slices.Clone(first.Flags)
	switch {
	case len(literal) == 1:
		return out
	case len(general) == 1:
		for i := range out {
			out[i].Reason = objects[members[0].object].newNames.show(out[i].Reason)
		}
		return out
	}
	out = slices.CompactFunc(out, sameKind)
	for i := range out {
		out[i].Reason = severalReasons(objects, members, out[i].ID, i)
	}
	return out
}

// sameKind: all but what the reasons of two flags name.
func sameKind(a, b Flag) bool { return a.ID == b.ID && a.Path == b.Path && a.Severity == b.Severity }

func reasonsOf(flags []Flag) string {
	var out string
	for _, f := range flags {
		out += f.Reason + "\x00"
	}
	return out
}

// maxDetails is how much of what flags name is listed.
const maxDetails = 3

// severalReasons is a reason that lists what the reasons of a flag name, what
// most do first. All members have the same kinds of flags in the same order:
// which is the place of this one among them.
func severalReasons(objects []Object, members []*spot, id string, which int) string {
	before, after, _ := strings.Cut(flagRules[id].reason, "%s")
	counts := map[string]int{}
	for _, s := range members {
		kind, flags := 0, objects[s.object].Edits[s.edit].Flags
		for i, f := range flags {
			if i > 0 && !sameKind(flags[i-1], f) {
				kind++
			}
			if kind == which {
				counts[strings.TrimSuffix(strings.TrimPrefix(f.Reason, before), after)]++
			}
		}
	}
	details := slices.SortedFunc(maps.Keys(counts), func(a, b string) int {
		return cmp.Or(cmp.Compare(counts[b], counts[a]), strings.Compare(a, b))
	})
	list := strings.Join(details[:min(maxDetails, len(details))], ", ")
	if more := len(details) - maxDetails; more > 0 {
		list += fmt.Sprintf(" and %d more", more)
	}
	return before + list + after
}

// isGeneral reports whether the values of a row differ by the own names of
// objects.
func isGeneral(row []*spot) bool {
	return slices.ContainsFunc(row, func(s *spot) bool { return s.values.literal != row[0].values.literal })
}

// newRow makes a Row of the spots that have its key. Where a row of its Change
// has placeholders, braced says that what looks like one gets braces.
func newRow(objects []Object, members []*spot, braced bool) Row {
	o := &objects[members[0].object]
	first := &o.Edits[members[0].edit]
	var r Row
	for _, s := range members {
		r.Objects, r.Edits = append(r.Objects, s.object), append(r.Edits, s.edit)
	}
	if first.Path == "" {
		return r // the objects differ, and stand in Report.Objects
	}
	r.Old, r.New = first.Old, first.New
	switch {
	case isGeneral(members):
		r.Old, r.New = r.Old.general(o.oldNames), r.New.general(o.newNames)
	case braced:
		r.Old, r.New = r.Old.general(nil), r.New.general(nil)
	}
	return r
}

func (v *Value) hiddenBytes() int {
	if v == nil {
		return 0
	}
	return v.Bytes
}

func (v *Value) general(names aliases) *Value {
	if v == nil {
		return nil
	}
	out := *v
	out.Text = names.show(v.Text)
	return &out
}
