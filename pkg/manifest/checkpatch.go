package manifest

import (
	"slices"
	"strings"
)

// CheckPatch reports what in patch Merge would not do as it reads, each with
// its position and what to write instead:
//
//   - directives other than "$patch: delete" and "$patch: replace", and those
//     two where there is nothing for them to act on;
//   - what stands beside "$patch: delete" and so would have no effect;
//   - items of a list with a merge key that lack it, or that name the same
//     item twice.
//
// Whether fields exist and hold values of their type is not looked at.
// path is where patch stands, as Error.Path has it.
func CheckPatch(patch *Node, t *Type, path string, errs *Errors) {
	if patch == nil {
		return
	}
	c := patchChecker{errs}
	if d := patch.Get(directive); is(d, directiveDelete) {
		errs.Add(d.Pos, Child(path, directive), "would remove the whole object; remove fields of it by name, with null")
		return
	}
	c.value(patch, schema{Type: t}, path, false)
}

type patchChecker struct {
	errs *Errors
}

// value checks n; fresh says that n replaces what was there, so directives
// have nothing to act on.
func (c patchChecker) value(n *Node, p schema, path string, fresh bool) {
	switch {
	case n == nil:
	case n.Kind == Mapping:
		c.mapping(n, p, path, fresh)
	case n.Kind == Sequence && p.list != nil:
		c.list(n, p, path, fresh)
	case n.Kind == Sequence:
		c.unkeyed(n, p, path)
	}
}

func (c patchChecker) mapping(n *Node, p schema, path string, fresh bool) {
	d := n.Get(directive)
	removed := is(d, directiveDelete) && !fresh
	for i := range n.Fields {
		f := &n.Fields[i]
		at := Child(path, f.Key)
		switch {
		case strings.HasPrefix(f.Key, "$"):
			c.directive(f, at, fresh)
		case removed && f.Key == p.key:
		case removed && p.key != "":
			c.errs.Add(f.Pos, at, "has no effect beside $patch: delete, which removes the item; write only %s and $patch", p.key)
		case removed:
			c.errs.Add(f.Pos, at, "has no effect beside $patch: delete; remove it, or write $patch: replace")
		default:
			c.value(f.Value, p.child(f.Key), at, fresh || is(d, directiveReplace))
		}
	}
}

// instead says for what upstream has further directives how to do without.
var instead = []struct{ prefix, advice string }{
	{"$setElementOrder/", "items keep their order and new ones follow; to order a list, write it whole after an item \"$patch: replace\""},
	{"$deleteFromPrimitiveList/", "write the list whole after an item \"$patch: replace\""},
	{"$retainKeys", "a new volume source or handler takes the place of the old one by itself; to drop other fields write \"$patch: replace\""},
	{"", "there are $patch: delete and $patch: replace"},
}

func (c patchChecker) directive(f *Field, path string, fresh bool) {
	switch {
	case f.Key != directive:
		for _, i := range instead {
			if strings.HasPrefix(f.Key, i.prefix) {
				c.errs.Add(f.Pos, path, "is not supported: %s", i.advice)
				return
			}
		}
	case is(f.Value, "merge"):
		c.errs.Add(f.Pos, path, "merge is what happens without it; remove it")
	case !is(f.Value, directiveDelete) && !is(f.Value, directiveReplace):
		c.errs.Add(f.Pos, path, "is neither delete nor replace; write one of them")
	case fresh:
		c.errs.Add(f.Pos, path, "has nothing to act on, as the list or mapping around it is replaced; remove it")
	}
}

// list checks a list that is merged: a keyed one, or a set of scalars.
func (c patchChecker) list(n *Node, p schema, path string, fresh bool) {
	key := p.list.MergeKey
	fresh = fresh || slices.ContainsFunc(n.Items, replacesList)
	seen := make(map[[2]string]*Node, len(n.Items))
	for i, item := range n.Items {
		if replacesList(item) {
			continue
		}
		at := Index(path, i)
		name, nameAt := item, at
		if key != "" {
			name, nameAt = item.Get(key), Child(at, key)
		}
		if name.IsNull() || name.Kind >= Sequence {
			c.unnamed(item, n.Pos, at, key)
			continue
		}
		id := [2]string{name.Text, p.second.of(item)}
		if first := seen[id]; first != nil {
			c.errs.Add(name.Pos, nameAt, "is in this list already, at %s; make them one item", first.Pos)
		} else {
			seen[id] = name
		}
		c.value(item, p.item(), at, fresh)
	}
}

// unnamed reports an item that its list cannot merge. An item without a
// position, as a nil one, is reported where its list stands.
func (c patchChecker) unnamed(item *Node, list Pos, path, key string) {
	pos := list
	if item != nil && item.Pos.IsValid() {
		pos = item.Pos
	}
	switch {
	case key == "":
		c.errs.Add(pos, path, "is not a scalar, as items of this list are; write the value alone")
	case is(item.Get(directive), directiveReplace):
		c.errs.Add(pos, path, "has $patch: replace and no %s; add %s to replace one item, or write $patch: replace alone to replace the list", key, key)
	default:
		c.errs.Add(pos, path, "has no %s, by which items of this list are merged; add it", key)
	}
}

// unkeyed checks a list that is replaced as a whole.
func (c patchChecker) unkeyed(n *Node, p schema, path string) {
	var elem schema
	if p.Type != nil {
		elem.Type = p.Elem
	}
	for i, item := range n.Items {
		switch {
		case item.IsNull():
			c.errs.Add(n.Pos, Index(path, i), "is null, which removes nothing from a list; remove it")
		case !replacesList(item):
			c.value(item, elem, Index(path, i), true)
		}
	}
}
