package diff

import (
	"cmp"
	"fmt"
	"slices"

	"github.com/scion-gen/scion-gen/pkg/manifest"
)

// scoped reports whether a side has an object in more than one scope.
func (s *Side) scoped() bool {
	first := func(o *object) bool { return o.scope == s.objects[0].scope }
	if !slices.ContainsFunc(s.objects, func(o *object) bool { return !first(o) }) {
		return false
	}
	seen := make(map[id]bool, len(s.objects))
	for _, o := range s.objects {
		if seen[o.ref.id()] {
			return true
		}
		seen[o.ref.id()] = true
	}
	return false
}

// moves pairs objects that left one scope and came to another: a file that
// moved into a tree, or a tree that has another name now. Those of the same
// content are the same; of others, the one that left and the one that came if
// there are no more.
func (c *comparison) moves(gone, came []*object) (pairs [][2]*object, goneStill, cameStill []*object) {
	arrived := byName(came)
	took := map[*object]bool{}
	pair := func(g, n *object) {
		took[g], took[n] = true, true
		pairs = append(pairs, [2]*object{g, n})
	}
	left := byName(gone)
	for _, g := range gone {
		for _, n := range arrived[g.ref.id()] {
			if !took[g] && !took[n] && c.text(g) == c.text(n) {
				pair(g, n)
			}
		}
	}
	here := func(o *object) bool { return took[o] }
	for _, g := range gone {
		rest := slices.DeleteFunc(slices.Clone(left[g.ref.id()]), here)
		others := slices.DeleteFunc(slices.Clone(arrived[g.ref.id()]), here)
		if len(rest) == 1 && len(others) == 1 {
			pair(rest[0], others[0])
		}
	}
	return pairs, slices.DeleteFunc(gone, here), slices.DeleteFunc(came, here)
}

// byName are objects whatever their scope.
func byName(objects []*object) map[id][]*object {
	out := map[id][]*object{}
	for _, o := range objects {
		out[o.ref.id()] = append(out[o.ref.id()], o)
	}
	return out
}

// text is all of an object, in one spelling.
func (c *comparison) text(o *object) string {
	return string(c.canon(nil, o.keep(), field{schema: schemaOf(o.ref)}))
}

// scopesOf are the names of the scopes of objects, in order.
func scopesOf(gone, came []*object) []string {
	var out []string
	for _, o := range slices.Concat(gone, came) {
		out = append(out, o.scope)
	}
	slices.Sort(out)
	return slices.Compact(out)
}

func inScope(objects []*object, scope string) []*object {
	var out []*object
	for _, o := range objects {
		if o.scope == scope {
			out = append(out, o)
		}
	}
	return out
}

// scopeOf is what the scope of an object is called; either may be nil.
func scopeOf(old, new *object) string {
	name := func(o *object) string { return cmp.Or(hidden(o.scope), ".") }
	switch {
	case old == nil:
		return name(new)
	case new == nil || old.scope == new.scope:
		return name(old)
	}
	return name(old) + " -> " + name(new)
}

// unpatched is what a patch that is on one side alone is compared with: an
// object that has the patch's name and nothing else.
func unpatched(o *object) *object {
	root := hollow(o.keep())
	for _, path := range [][]string{{"apiVersion"}, {"kind"}, {"metadata", "name"}, {"metadata", "namespace"}} {
		in, key := root.At(path[:len(path)-1]...), path[len(path)-1]
		if v := o.keep().At(path...); v != nil {
			in.Set(key, v)
		}
	}
	return &object{ref: o.ref, scope: o.scope, root: root}
}

// hollow is the mappings of n without anything in them.
func hollow(n *manifest.Node) *manifest.Node {
	out := manifest.Map(manifest.Pos{}, 0)
	for _, f := range n.Fields {
		if f.Value != nil && f.Value.Kind == manifest.Mapping {
			out.Set(f.Key, hollow(f.Value))
		}
	}
	return out
}

// sameObject is what the entries of one object in several scopes have in common.
type sameObject struct {
	ref, was Ref
	whole    Op // where it is new or deleted
}

// merge makes one Object of the entries of an object in several scopes, and one
// Edit of those that say the same. Each entry has one scope, and those of an
// object are in the order of their names.
func merge(objects []Object) []Object {
	m := merger{at: map[sameObject]int{}}
	for _, o := range objects {
		m.object(o)
	}
	for i := range m.out {
		slices.SortStableFunc(m.out[i].Edits, func(a, b Edit) int { return comparePaths(a.raw.path, b.raw.path) })
	}
	return m.out
}

type merger struct {
	at    map[sameObject]int
	out   []Object
	edits []map[string]int // where they are by their content, for each of out
}

func (m *merger) object(o Object) {
	same := sameObject{ref: o.Ref}
	if o.Edits[0].Path == "" {
		same.whole = o.Edits[0].Op
	}
	if o.Was != nil {
		same.was = *o.Was
	}
	i, found := m.at[same]
	if !found {
		m.at[same] = len(m.out)
		i = len(m.out)
		first := o
		first.Scopes, first.Edits = nil, nil
		m.out, m.edits = append(m.out, first), append(m.edits, map[string]int{})
	}
	into := &m.out[i]
	into.Scopes = append(into.Scopes, o.Scopes...)
	into.Old, into.New = cmp.Or(into.Old, o.Old), cmp.Or(into.New, o.New)
	if o.Verdict.rank() > into.Verdict.rank() {
		into.Verdict = o.Verdict
	}
	for _, e := range o.Edits {
		content := e.content()
		if j, found := m.edits[i][content]; found {
			into.Edits[j].Scopes = append(into.Edits[j].Scopes, e.Scopes...)
			continue
		}
		m.edits[i][content] = len(into.Edits)
		into.Edits = append(into.Edits, e)
	}
}

// content is all that an Edit says, but where.
func (e *Edit) content() string {
	text := fmt.Appendf(nil, "%s\x00%s\x00%s\x00%s\x00%s\x00", e.Op, e.Path, e.Outcome.Rule, e.Outcome.Verdict, e.Outcome.Effect)
	text = spell(append(spell(text, e.raw.old), 0), e.raw.new)
	for _, f := range e.Flags {
		text = fmt.Appendf(text, "\x00%s\x00%s\x00%s\x00%s", f.ID, f.Path, f.Severity, f.Reason)
	}
	return string(text)
}
