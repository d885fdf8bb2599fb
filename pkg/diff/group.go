package diff

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/scion-gen/scion-gen/pkg/manifest"
)

// aliases are what an object's own names are called in a Row.
type aliases []alias

type alias struct{ name, placeholder string }

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
	for _, a := range []alias{
		{ref.Name, "{name}"},
		{ref.Namespace, "{namespace}"},
		{text(labels.Get("app.kubernetes.io/instance")), "{instance}"},
		{text(labels.Get("scion.name")), "{agent}"},
		{text(labels.Get("scion.grove")), "{grove}"},
		{variable("SCION_AGENT_ID"), "{id}"},
		{variable("SCION_AGENT_SLUG"), "{slug}"},
	} {
		taken := func(b alias) bool { return b.name == a.name }
		if a.name != "" && !slices.ContainsFunc(out, taken) {
			a.name = strings.Clone(a.name)
			out = append(out, a)
		}
	}
	slices.SortStableFunc(out, func(a, b alias) int { return cmp.Compare(len(b.name), len(a.name)) })
	return out
}

// replace puts placeholders for the names, where they stand as words of their
// own.
func (a aliases) replace(s string) string {
	for _, name := range a {
		s = replaceWord(s, name.name, name.placeholder)
	}
	return s
}

func replaceWord(s, word, by string) string {
	if !strings.Contains(s, word) {
		return s
	}
	var out strings.Builder
	for {
		at := strings.Index(s, word)
		if at < 0 {
			out.WriteString(s)
			return out.String()
		}
		end := at + len(word)
		before, _ := utf8.DecodeLastRuneInString(s[:at])
		after, _ := utf8.DecodeRuneInString(s[end:])
		out.WriteString(s[:at])
		if inWord(before) || inWord(after) || before == '{' && after == '}' {
			out.WriteString(word)
		} else {
			out.WriteString(by)
		}
		s = s[end:]
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
// that is what it is about.
func (e *Edit) spelling(o *Object) spelling {
	old, new := string(spell(nil, e.raw.old)), string(spell(nil, e.raw.new))
	literal := old + "\x00" + new
	oldGeneral, newGeneral := o.oldNames.replace(old), o.newNames.replace(new)
	if e.Outcome.Rule == "name" || oldGeneral == newGeneral {
		return spelling{literal, literal}
	}
	return spelling{literal, oldGeneral + "\x00" + newGeneral}
}

// pathKey is what the edits of one Change have in common.
func (s *spot) pathKey(objects []Object) spelling {
	o := &objects[s.object]
	e := &o.Edits[s.edit]
	head := fmt.Sprintf("%s\x00%s\x00%s\x00%s\x00%s\x00", o.Ref.Group, o.Ref.Kind, e.Op, e.Outcome.Rule, e.Outcome.Verdict)
	var flags strings.Builder
	for _, f := range e.Flags {
		fmt.Fprintf(&flags, "\x00%s\x00%s\x00%s\x00%s", f.ID, f.Path, f.Severity, f.Reason)
	}
	return spelling{head + s.path.literal + flags.String(), head + s.path.general + o.newNames.replace(flags.String())}
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
	c := Change{Op: first.Op, Path: first.Path, Outcome: first.Outcome, Flags: slices.Clone(first.Flags)}
	general := func(s *spot) bool { return s.path.literal != members[0].path.literal }
	named := func(s *spot) bool { return !slices.Equal(objects[s.object].Edits[s.edit].Flags, first.Flags) }
	names := objects[members[0].object].newNames
	if slices.ContainsFunc(members, general) {
		c.Path = members[0].path.general
	}
	if slices.ContainsFunc(members, named) {
		for i := range c.Flags {
			c.Flags[i].Path = names.replace(c.Flags[i].Path)
			c.Flags[i].Reason = names.replace(c.Flags[i].Reason)
		}
	}
	for _, key := range order {
		c.Rows = append(c.Rows, newRow(objects, byRow[key]))
	}
	return c
}

func newRow(objects []Object, members []*spot) Row {
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
	general := func(s *spot) bool { return s.values.literal != members[0].values.literal }
	if slices.ContainsFunc(members, general) {
		r.Old, r.New = r.Old.general(o.oldNames), r.New.general(o.newNames)
	}
	return r
}

func (v *Value) general(names aliases) *Value {
	if v == nil {
		return nil
	}
	out := *v
	out.Text = names.replace(v.Text)
	return &out
}
