package diff

import (
	"cmp"
	"slices"

	"github.com/scion-gen/scion-gen/pkg/manifest"
)

// apply makes of an object what its edits say. It knows nothing of how edits
// are found: where items stand in a list is all they tell it.
func apply(root *manifest.Node, edits []Edit) *manifest.Node {
	t := &tree{}
	for i := range edits {
		t.add(edits[i].raw, edits[i].raw.path)
	}
	return t.apply(root)
}

// tree is edits by their paths.
type tree struct {
	edit  *rawEdit // that is no move
	move  *rawEdit
	below map[step]*tree
}

func (t *tree) add(e rawEdit, path []step) {
	if len(path) > 0 {
		if t.below == nil {
			t.below = map[step]*tree{}
		}
		if t.below[path[0]] == nil {
			t.below[path[0]] = &tree{}
		}
		t.below[path[0]].add(e, path[1:])
		return
	}
	if e.op == OpMove {
		t.move = &e
	} else {
		t.edit = &e
	}
}

// apply is nil where n is removed.
func (t *tree) apply(n *manifest.Node) *manifest.Node {
	if t.edit != nil {
		return t.edit.new
	}
	if n.Kind == manifest.Sequence {
		return t.list(n)
	}
	out := manifest.Map(n.Pos, 0)
	for _, f := range n.Fields {
		if change := t.below[step{key: f.Key}]; change != nil {
			f.Value = change.apply(f.Value)
		}
		if f.Value != nil {
			out.Fields = append(out.Fields, f)
		}
	}
	for s, change := range t.below {
		if n.Get(s.key) == nil {
			out.Set(s.key, change.edit.new)
		}
	}
	return out
}

func (t *tree) list(n *manifest.Node) *manifest.Node {
	type item struct {
		node *manifest.Node
		key  string // where the list has them
	}
	items := make([]item, len(n.Items))
	keys := keysOf(n, []string{"name"})
	for i, node := range n.Items {
		items[i].node = node
		if keys != nil {
			items[i].key = keys[i]
		}
	}
	var added []step
	for s, change := range t.below {
		if s.old < 0 {
			added = append(added, s)
			continue
		}
		items[s.old].node = change.apply(items[s.old].node)
	}
	items = slices.DeleteFunc(items, func(it item) bool { return it.node == nil })
	slices.SortFunc(added, func(a, b step) int { return cmp.Compare(a.new, b.new) })
	for _, s := range added {
		items = slices.Insert(items, min(s.new, len(items)), item{t.below[s].edit.new, s.key})
	}
	if t.move != nil {
		at := map[string]int{}
		for i, key := range t.move.new.Items {
			at[key.Text] = i
		}
		slices.SortStableFunc(items, func(a, b item) int { return cmp.Compare(at[a.key], at[b.key]) })
	}
	out := manifest.List(n.Pos)
	for _, it := range items {
		out.Items = append(out.Items, it.node)
	}
	return out
}
