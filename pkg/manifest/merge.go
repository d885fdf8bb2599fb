package manifest

import (
	"slices"
	"strings"
)

// The one directive that patches may hold, and its values.
const (
	directive        = "$patch"
	directiveDelete  = "delete"
	directiveReplace = "replace"
)

// Merge is base with patch applied: a strategic merge patch by the rules of
// the API type t, where
//
//   - mappings are merged key by key, and null removes a key;
//   - lists with a patchMergeKey are merged item by item, and those of
//     patchStrategy merge without one are united as sets of scalars;
//   - other lists, and values of another kind, are replaced;
//   - "$patch: delete" in a mapping or an item of a keyed list removes it, and
//     "$patch: replace" makes it what else the patch holds of it; an item
//     that is "$patch: replace" alone does that to its whole list.
//
// What stays keeps its order and what is new follows in the order of the
// patch. A nil base is patch alone, its directives applied to nothing; a nil
// or null patch changes nothing. The result is nil where nothing is left.
//
// Neither input is changed and what stays the same is shared with them. A leaf
// (a scalar, a list that is replaced as a whole, an empty mapping or list) has
// the position of the input that set it, and so has a mapping or list that is
// new; one that was merged keeps that of base, and so does the merge key of an
// item, which a patch only repeats to name the item.
//
// # keep
//
// Where keep is not nil and is true of a leaf of base and the value of the
// patch that would change or remove it, that leaf stays: it came from a layer
// that beats this patch. So
//
//   - a removal (null, "$patch: delete") leaves of a mapping or list what leads
//     to such leaves, and beside them the merge key of an item of a keyed list
//     and the type that allows a field;
//   - a replacement ("$patch: replace", or a value of another kind) is made,
//     and what is left of the old value as above is then merged over it;
//   - a member of a union (see below) with such a leaf stays whole, and the one
//     that the patch would switch to is not set.
//
// The new position is that of the patch's value; for a removal, of the null or
// of the directive's value.
//
// # Differences from upstream
//
// The rules are those of k8s.io/apimachinery/pkg/util/strategicpatch, except:
//
//	patch                                upstream                    here
//	sets another member of a union:      keeps both members, and     the new member takes
//	a volume's source, a probe's or      the API refuses the pod;    the place of the old
//	hook's handler, value or valueFrom   needs $retainKeys
//	sets type away from the one that     keeps localhostProfile or   removes it
//	allows a field beside it             rollingUpdate
//	ports of one number and two          merges them, and one port   two ports: the API tells
//	protocols (and topology spread       is lost                     them apart by both
//	constraints of one key)
//	$patch: delete in a mapping          leaves {}                   removes the key
//	$patch: replace in a mapping that    drops the mapping           sets the mapping
//	base does not have
//	$patch: replace in a keyed item      replaces the whole list,    replaces that item
//	                                     drops the item
//	$patch: replace in a set of          is an error                 replaces the list
//	scalars or an unkeyed list           or ends up in the list
//	null in what is added or replaced    in a list, or where base    leaves nothing
//	                                     has the key: stays null
//	directives in what is added or       stay in it as fields        applied to nothing
//	replaced
//	other directives                     $setElementOrder and more   an error of CheckPatch
//
// A patch is to be checked with CheckPatch first. Merge takes any other too,
// without regard to the directives it does not know.
func Merge(base, patch *Node, t *Type, keep func(old, new Pos) bool) *Node {
	switch {
	case patch.IsNull():
		return base
	case base.IsNull():
		return clean(patch)
	}
	return merger{keep}.merge(base, patch, schema{Type: t})
}

type merger struct {
	keep func(old, new Pos) bool
}

// A schema is what the API says of a value.
type schema struct {
	*Type             // nil where nothing is known
	list   *TypeField // of a list that is merged: how; else nil
	second secondKey  // of a list that is merged: what names its items too
	key    string     // of an item of a list: the merge key
}

func (p schema) child(key string) schema {
	switch {
	case p.Type == nil:
		return schema{}
	case p.Shape == ShapeMap:
		return schema{Type: p.Elem}
	}
	f := p.Field(key)
	switch {
	case f == nil:
		return schema{}
	case !f.Merge || f.Type.Shape != ShapeList:
		return schema{Type: f.Type}
	}
	return schema{Type: f.Type, list: f, second: secondKeys[f.Type.Elem.Go]}
}

func (p schema) item() schema { return schema{Type: p.Elem, key: p.list.MergeKey} }

// merge is old with patch applied, or nil where nothing is left. Neither is
// nil.
func (m merger) merge(old, patch *Node, p schema) *Node {
	switch patch.Kind {
	case Null:
		return m.kept(old, patch.Pos, p)
	case Mapping:
		d := patch.Get(directive)
		switch {
		case is(d, directiveDelete):
			return m.kept(old, d.Pos, p)
		case is(d, directiveReplace):
			return overlay(clean(patch), m.kept(old, d.Pos, p), p)
		case old.Kind == Mapping:
			return m.mapping(old, patch, p)
		}
	case Sequence:
		if at := slices.IndexFunc(patch.Items, replacesList); at >= 0 {
			by := patch.Items[at].Get(directive).Pos
			return overlay(clean(patch), m.kept(old, by, p), p)
		}
		if old.Kind == Sequence && p.list != nil {
			return m.list(old, patch, p)
		}
	}
	return overlay(clean(patch), m.kept(old, patch.Pos, p), p)
}

// overlay is what is kept of an old value over the new value in its place;
// each may be nil.
func overlay(value, kept *Node, p schema) *Node {
	switch {
	case kept == nil:
		return value
	case value == nil:
		return kept
	}
	return merger{}.merge(value, kept, p)
}

func (m merger) mapping(old, patch *Node, p schema) *Node {
	d := draft{from: old, fields: old.Fields, room: len(patch.Fields)}
	u, isUnion := unionOf(p.Type)
	hint := 0
	for i := range patch.Fields {
		f := &patch.Fields[i]
		if strings.HasPrefix(f.Key, "$") {
			continue
		}
		if isUnion && !removes(f.Value) && !m.makeRoom(&d, u.excludes(f), f, patch, p) {
			continue
		}
		at := d.index(f.Key, hint)
		hint = at + 1
		switch {
		case at < 0 || d.fields[at].Value == nil:
			d.set(at, f, cleanOrNil(f.Value))
		case f.Key == p.key && equal(d.fields[at].Value, f.Value):
		case f.Value == nil:
			d.set(at, f, m.kept(d.fields[at].Value, f.Pos, p.child(f.Key)))
		default:
			d.set(at, f, m.merge(d.fields[at].Value, f.Value, m.schemaOf(f, p)))
		}
	}
	return d.node()
}

// schemaOf spares the look-up for the most frequent case, in which a scalar
// replaces whatever there was and nothing needs to be known of it.
func (m merger) schemaOf(f *Field, p schema) schema {
	if m.keep == nil && f.Value.Kind < Sequence {
		return schema{}
	}
	return p.child(f.Key)
}

// makeRoom removes from d the members of a union that cannot stand beside f,
// except those that patch sets too. It is false, and d is as it was, where one
// of them is kept, or the value that f would change.
func (m merger) makeRoom(d *draft, members []string, f *Field, patch *Node, p schema) bool {
	gone := func(old Field) bool {
		return old.Key != f.Key && slices.Contains(members, old.Key) && removes(patch.Get(old.Key))
	}
	if len(members) == 0 || !slices.ContainsFunc(d.fields, gone) {
		return true
	}
	for _, old := range d.fields {
		if (gone(old) || old.Key == f.Key) && m.kept(old.Value, f.Value.Pos, p.child(old.Key)) != nil {
			return false
		}
	}
	d.own()
	d.fields = slices.DeleteFunc(d.fields, gone)
	return true
}

func (m merger) list(old, patch *Node, p schema) *Node {
	if len(patch.Items) == 0 {
		return old
	}
	items, owned := old.Items, false
	own := func() {
		if !owned {
			items = append(make([]*Node, 0, len(items)+len(patch.Items)), items...)
			owned = true
		}
	}
	at := 0
	for _, item := range patch.Items {
		at = p.find(items, item, at)
		switch {
		case at < 0:
			if item = cleanOrNil(item); item != nil {
				own()
				items = append(items, item)
			}
			continue
		case p.list.MergeKey == "":
			continue
		}
		switch merged := m.merge(items[at], item, p.item()); {
		case merged == nil:
			own()
			items = slices.DeleteFunc(items, func(other *Node) bool { return p.same(item, other) })
		case merged != items[at]:
			own()
			items[at] = merged
		}
	}
	if !owned {
		return old
	}
	return &Node{Kind: Sequence, Items: items, Pos: old.Pos}
}

// find is the index of the item that want names, or -1. It looks from hint
// on first, where the last one was: patches mostly name items in their order.
func (p schema) find(items []*Node, want *Node, hint int) int {
	hint = max(0, min(hint, len(items)))
	for i, item := range items[hint:] {
		if p.same(want, item) {
			return hint + i
		}
	}
	return slices.IndexFunc(items[:hint], func(item *Node) bool { return p.same(want, item) })
}

// same reports whether a and b name the same item of a list that is merged.
func (p schema) same(a, b *Node) bool {
	key := p.list.MergeKey
	if key == "" {
		return equal(a, b)
	}
	return equal(a.Get(key), b.Get(key)) && (p.second.field == "" || p.second.same(a, b))
}

// equal reports whether two scalars are.
func equal(a, b *Node) bool {
	return a != nil && b != nil && a.Kind == b.Kind && a.Kind < Sequence && a.Text == b.Text
}

// kept is what stays of old when by removes it; nil for nothing, and always so
// without keep.
func (m merger) kept(old *Node, by Pos, p schema) *Node {
	switch {
	case m.keep == nil || old == nil:
		return nil
	case old.Kind == Mapping && len(old.Fields) > 0:
		return m.keptFields(old, by, p)
	case old.Kind == Sequence && len(old.Items) > 0 && p.list != nil:
		return m.keptItems(old, by, p)
	case m.keep(old.Pos, by):
		return old
	}
	return nil
}

func (m merger) keptFields(old *Node, by Pos, p schema) *Node {
	var fields []Field
	u, _ := unionOf(p.Type)
	same, named := true, 0
	for _, f := range old.Fields {
		kept := m.kept(f.Value, by, p.child(f.Key))
		same = same && kept == f.Value
		switch {
		case kept != nil:
			fields = append(fields, Field{Key: f.Key, Value: kept, Pos: f.Pos})
		case f.Key == p.key && p.key != "", f.Key == u.by && u.by != "":
			fields = append(fields, f)
			named++
		}
	}
	switch {
	case same:
		return old
	case len(fields) == named:
		return nil
	}
	return &Node{Kind: Mapping, Fields: fields, Pos: old.Pos}
}

func (m merger) keptItems(old *Node, by Pos, p schema) *Node {
	var items []*Node
	same := true
	for _, item := range old.Items {
		kept := m.kept(item, by, p.item())
		same = same && kept == item
		if kept != nil {
			items = append(items, kept)
		}
	}
	switch {
	case same:
		return old
	case len(items) == 0:
		return nil
	}
	return &Node{Kind: Sequence, Items: items, Pos: old.Pos}
}

// clean is patch applied to nothing: without nulls in mappings and without
// directives. It is patch itself where it has none, and nil where it removes.
func clean(patch *Node) *Node {
	switch patch.Kind {
	case Mapping:
		if is(patch.Get(directive), directiveDelete) {
			return nil
		}
		return cleanFields(patch)
	case Sequence:
		return cleanItems(patch)
	}
	return patch
}

func cleanOrNil(patch *Node) *Node {
	if patch.IsNull() {
		return nil
	}
	return clean(patch)
}

func cleanFields(patch *Node) *Node {
	d := draft{from: patch, fields: patch.Fields}
	for i := range patch.Fields {
		f := &patch.Fields[i]
		at := i - (len(patch.Fields) - len(d.fields))
		value := cleanOrNil(f.Value)
		if strings.HasPrefix(f.Key, "$") {
			value = nil
		}
		d.set(at, f, value)
	}
	return d.node()
}

func cleanItems(patch *Node) *Node {
	items, owned := patch.Items, false
	for i, item := range patch.Items {
		cleaned := item
		switch {
		case replacesList(item):
			cleaned = nil
		case !item.IsNull():
			cleaned = clean(item)
		}
		if cleaned == item && !owned {
			continue
		}
		if !owned {
			items = append(make([]*Node, 0, len(patch.Items)), patch.Items[:i]...)
			owned = true
		}
		if cleaned != nil {
			items = append(items, cleaned)
		}
	}
	if !owned {
		return patch
	}
	return &Node{Kind: Sequence, Items: items, Pos: patch.Pos}
}

// replacesList reports whether an item of a list is "$patch: replace" alone.
func replacesList(item *Node) bool {
	if item == nil || item.Kind != Mapping || len(item.Fields) != 1 {
		return false
	}
	return is(item.Get(directive), directiveReplace)
}

// removes reports whether the value of a field in a patch removes the field;
// that it is not there counts too.
func removes(n *Node) bool { return n.IsNull() || is(n.Get(directive), directiveDelete) }

func is(n *Node, value string) bool {
	return n != nil && n.Kind == String && n.Text == value
}

// A draft is a Mapping that is copied when it is first changed.
type draft struct {
	from   *Node
	fields []Field
	room   int // for how many more, where it is copied
	owned  bool
}

// index is where key is, or -1. It looks from hint on first.
func (d *draft) index(key string, hint int) int {
	hint = min(hint, len(d.fields))
	for i := hint; i < len(d.fields); i++ {
		if d.fields[i].Key == key {
			return i
		}
	}
	for i := range hint {
		if d.fields[i].Key == key {
			return i
		}
	}
	return -1
}

// set gives the field at the value that f's became: f as it is where that is
// f's own, the field that was there with another value where it was merged.
// A nil value removes the field; at < 0 appends.
func (d *draft) set(at int, f *Field, value *Node) {
	switch {
	case at < 0 && value == nil:
	case at < 0:
		d.own()
		d.fields = append(d.fields, Field{Key: f.Key, Value: value, Pos: f.Pos})
	case value == d.fields[at].Value && value != nil:
	case value == nil:
		d.remove(at)
	case value == f.Value:
		d.own()
		d.fields[at] = *f
	default:
		d.own()
		d.fields[at].Value = value
	}
}

func (d *draft) remove(at int) {
	d.own()
	d.fields = slices.Delete(d.fields, at, at+1)
}

func (d *draft) own() {
	if !d.owned {
		d.fields = append(make([]Field, 0, len(d.fields)+d.room), d.fields...)
		d.owned = true
	}
}

func (d *draft) node() *Node {
	if !d.owned {
		return d.from
	}
	return &Node{Kind: Mapping, Fields: d.fields, Pos: d.from.Pos}
}
