package diff

import (
	"cmp"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/scion-gen/scion-gen/pkg/manifest"
)

// comparer finds the edits that make one object another.
type comparer struct {
	rules
	path     []step
	old, new []*manifest.Node // the mappings and lists around the value
	emit     func(rawEdit)
}

// rawEdit is what of an Edit must not be shown: the values before redaction.
type rawEdit struct {
	op       Op
	path     []step
	old, new *manifest.Node
	// oldAround and newAround are the mappings and lists that each step of the
	// path is in.
	oldAround, newAround []*manifest.Node
}

// step is one key of a mapping, or one item of a list.
type step struct {
	key  string // of a mapping, or the keys of the item
	item bool
	// old and new are the places of an item in its list, -1 where it is not
	// there.
	old, new int
}

// clone is the edit with values of its own; those around them stay.
func (e rawEdit) clone() rawEdit {
	e.old, e.new = clone(e.old), clone(e.new)
	for i := range e.path {
		e.path[i].key = strings.Clone(e.path[i].key)
	}
	return e
}

func clone(n *manifest.Node) *manifest.Node {
	if n == nil {
		return nil
	}
	out := *n
	out.Text = strings.Clone(n.Text)
	out.Items = make([]*manifest.Node, len(n.Items))
	for i, item := range n.Items {
		out.Items[i] = clone(item)
	}
	out.Fields = make([]manifest.Field, len(n.Fields))
	for i, f := range n.Fields {
		out.Fields[i] = manifest.Field{Key: strings.Clone(f.Key), Value: clone(f.Value), Pos: f.Pos}
	}
	return &out
}

// display is a path as people read it.
func display(path []step) string {
	var out string
	for _, s := range path {
		switch {
		case s.item && s.key == "":
			out = manifest.Index(out, s.place())
		case s.item:
			out += "[" + s.key + "]"
		default:
			out = manifest.Child(out, s.key)
		}
	}
	return out
}

// place is where an item stands: on the new side if it is there.
func (s step) place() int {
	if s.new >= 0 {
		return s.new
	}
	return s.old
}

func comparePaths(a, b []step) int {
	return slices.CompareFunc(a, b, func(x, y step) int {
		return cmp.Or(strings.Compare(x.key, y.key), cmp.Compare(x.place(), y.place()))
	})
}

func (c *comparer) push(s step) { c.path = append(c.path, s) }
func (c *comparer) pop()        { c.path = c.path[:len(c.path)-1] }

// enter notes the mappings or lists whose parts are compared next.
func (c *comparer) enter(old, new *manifest.Node) {
	c.old, c.new = append(c.old, old), append(c.new, new)
}

func (c *comparer) leave() { c.old, c.new = c.old[:len(c.old)-1], c.new[:len(c.new)-1] }

// edit reports a difference at the path.
func (c *comparer) edit(op Op, old, new *manifest.Node) {
	c.emit(rawEdit{op, slices.Clone(c.path), old, new, c.old, c.new})
}

// value compares what stands at the path.
func (c *comparer) value(old, new *manifest.Node, f field) {
	if old == new {
		return
	}
	oldAbsent, newAbsent := c.absent(old, f), c.absent(new, f)
	switch {
	case oldAbsent && newAbsent:
	case old.IsNull():
		c.edit(OpAdd, nil, new)
	case new.IsNull():
		c.edit(OpRemove, old, nil)
	case old.Kind == manifest.Mapping && new.Kind == manifest.Mapping:
		c.mapping(old, new, f)
	case old.Kind == manifest.Sequence && new.Kind == manifest.Sequence:
		c.sequence(old, new, f)
	case old.Kind >= manifest.Sequence || new.Kind >= manifest.Sequence || !same(old, new, f.shapeOf()):
		c.edit(OpChange, old, new)
	}
}

func (c *comparer) mapping(old, new *manifest.Node, f field) {
	c.enter(old, new)
	defer c.leave()
	fromOld, fromNew := index(old), index(new)
	for i := range old.Fields {
		key := old.Fields[i].Key
		c.push(step{key: key})
		c.value(old.Fields[i].Value, fromNew(key, i), f.child(key))
		c.pop()
	}
	for i := range new.Fields {
		key := new.Fields[i].Key
		if fromOld(key, i) == nil {
			c.push(step{key: key})
			c.value(nil, new.Fields[i].Value, f.child(key))
			c.pop()
		}
	}
}

// index gives the values of a mapping by key; hint is where the key may stand.
func index(n *manifest.Node) func(key string, hint int) *manifest.Node {
	var byKey map[string]*manifest.Node
	if len(n.Fields) > 32 {
		byKey = make(map[string]*manifest.Node, len(n.Fields))
		for i := range n.Fields {
			byKey[n.Fields[i].Key] = n.Fields[i].Value
		}
	}
	return func(key string, hint int) *manifest.Node {
		switch {
		case hint < len(n.Fields) && n.Fields[hint].Key == key:
			return n.Fields[hint].Value
		case byKey != nil:
			return byKey[key]
		}
		return n.Get(key)
	}
}

func (c *comparer) sequence(old, new *manifest.Node, f field) {
	if identical(old, new) {
		return
	}
	c.enter(old, new)
	defer c.leave()
	rule := f.list
	if rule.mode == inOrder && f.schema == nil && named(old) && named(new) {
		// What Kubernetes itself does not know is most often told by name.
		rule = listRule{mode: byKey, keys: []string{"name"}, ordered: true}
	}
	switch rule.mode {
	case byKey:
		oldKeys, newKeys := keysOf(old, rule.keys), keysOf(new, rule.keys)
		if oldKeys != nil && newKeys != nil {
			c.keyed(old, new, oldKeys, newKeys, f.item())
			c.order(old, new, oldKeys, newKeys, rule)
			return
		}
		c.lines(old, new, f.item())
	case asSet:
		c.set(old, new, f.item())
	case asBag:
		c.bag(old, new, f.item())
	default:
		c.lines(old, new, f.item())
	}
}

// identical reports whether two values are written alike.
func identical(a, b *manifest.Node) bool {
	if a == nil || b == nil || a.Kind != b.Kind || a.Text != b.Text || len(a.Items) != len(b.Items) || len(a.Fields) != len(b.Fields) {
		return a == b
	}
	for i := range a.Items {
		if !identical(a.Items[i], b.Items[i]) {
			return false
		}
	}
	for i := range a.Fields {
		if a.Fields[i].Key != b.Fields[i].Key || !identical(a.Fields[i].Value, b.Fields[i].Value) {
			return false
		}
	}
	return true
}

// named reports whether all items are mappings with names that differ.
func named(list *manifest.Node) bool {
	seen := make(map[string]bool, len(list.Items))
	for _, item := range list.Items {
		name := item.Get("name")
		if name == nil || name.Kind != manifest.String || seen[name.Text] {
			return false
		}
		seen[name.Text] = true
	}
	return len(list.Items) > 0
}

// keysOf are the keys of the items, told apart by a number where they repeat;
// nil where an item has none of the fields or is no mapping.
func keysOf(list *manifest.Node, fields []string) []string {
	keys := make([]string, len(list.Items))
	seen := make(map[string]int, len(list.Items))
	for i, item := range list.Items {
		keys[i] = keyOf(item, fields)
		if keys[i] == "" {
			return nil
		}
		seen[keys[i]]++
		if n := seen[keys[i]]; n > 1 {
			keys[i] += "#" + strconv.Itoa(n)
		}
	}
	return keys
}

func keyOf(item *manifest.Node, fields []string) string {
	if len(fields) == 1 && !strings.Contains(fields[0], ".") {
		return text(item.Get(fields[0]))
	}
	var parts []string
	for _, name := range fields {
		if v := text(item.At(strings.Split(name, ".")...)); v != "" && (name != "protocol" || v != "TCP") {
			parts = append(parts, v)
		}
	}
	if len(parts) == 0 && item.Kind == manifest.Mapping && len(item.Fields) > 0 {
		return "*" // a toleration of everything
	}
	return strings.Join(parts, "/")
}

func (c *comparer) keyed(old, new *manifest.Node, oldKeys, newKeys []string, item field) {
	inNew, inOld := finder(newKeys), finder(oldKeys)
	ahead := 0 // how much further on the last one stood
	for i, key := range oldKeys {
		j := inNew(key, i+ahead)
		if j < 0 {
			c.item(step{key, true, i, -1}, old.Items[i], nil, item)
			continue
		}
		ahead = j - i
		c.item(step{key, true, i, j}, old.Items[i], new.Items[j], item)
	}
	ahead = 0
	for j, key := range newKeys {
		i := inOld(key, j+ahead)
		if i < 0 {
			c.item(step{key, true, -1, j}, nil, new.Items[j], item)
			continue
		}
		ahead = i - j
	}
}

// finder finds the place of a key, -1 if it is not there; hint is where it may
// be, or be next to.
func finder(keys []string) func(key string, hint int) int {
	var at map[string]int
	return func(key string, hint int) int {
		for _, i := range [...]int{hint, hint + 1} {
			if i >= 0 && i < len(keys) && keys[i] == key {
				return i
			}
		}
		if at == nil {
			at = places(keys)
		}
		if i, found := at[key]; found {
			return i
		}
		return -1
	}
}

func places(keys []string) map[string]int {
	at := make(map[string]int, len(keys))
	for i, key := range keys {
		at[key] = i
	}
	return at
}

// item compares an item of a list. Unlike a field, it is there even if it is
// null or empty.
func (c *comparer) item(s step, old, new *manifest.Node, f field) {
	c.push(s)
	defer c.pop()
	switch {
	case old == nil:
		c.edit(OpAdd, nil, new)
	case new == nil:
		c.edit(OpRemove, old, nil)
	case old.IsNull() != new.IsNull():
		c.edit(OpChange, old, new)
	default:
		c.value(old, new, f)
	}
}

// order reports items that stand in another order where it counts.
func (c *comparer) order(old, new *manifest.Node, oldKeys, newKeys []string, rule listRule) {
	moved := rule.ordered && !slices.Equal(common(oldKeys, newKeys), common(newKeys, oldKeys))
	if rule.variables {
		moved = variablesMoved(old, new, oldKeys, newKeys)
	}
	if moved {
		c.edit(OpMove, keyList(old, oldKeys), keyList(new, newKeys))
	}
}

func common(keys, others []string) []string {
	at := places(others)
	return slices.DeleteFunc(slices.Clone(keys), func(key string) bool {
		_, found := at[key]
		return !found
	})
}

func keyList(list *manifest.Node, keys []string) *manifest.Node {
	out := manifest.List(list.Pos)
	for i, key := range keys {
		out.Items = append(out.Items, manifest.Str(key, list.Items[i].Pos))
	}
	return out
}

// variablesMoved reports whether a variable that another uses as $(NAME) came
// to stand on the other side of it: the kubelet expands those alone that stand
// before (expansion.MappingFuncFor in makeEnvironmentVariables).
func variablesMoved(old, new *manifest.Node, oldKeys, newKeys []string) bool {
	if !usesVariables(old) || !usesVariables(new) {
		return false
	}
	before, after := places(oldKeys), places(newKeys)
	for j, user := range newKeys {
		i, found := before[user]
		if !found {
			continue
		}
		for _, name := range manifest.References(text(new.Items[j].Get("value"))) {
			from, inOld := before[name]
			to, inNew := after[name]
			if inOld && inNew && (from < i) != (to < j) {
				return true
			}
		}
	}
	return false
}

func usesVariables(list *manifest.Node) bool {
	return slices.ContainsFunc(list.Items, func(item *manifest.Node) bool {
		return strings.Contains(text(item.Get("value")), "$(")
	})
}

// set compares lists whose items are told by their value. One that is there
// twice is removed twice, and added once.
func (c *comparer) set(old, new *manifest.Node, f field) {
	oldKeys, newKeys := c.texts(old, f), c.texts(new, f)
	inOld, inNew := places(oldKeys), places(newKeys)
	seen := map[string]int{}
	for i, item := range old.Items {
		if _, found := inNew[oldKeys[i]]; !found {
			c.item(step{setKey(item, seen), true, i, -1}, item, nil, f)
		}
	}
	for j, item := range new.Items {
		if _, found := inOld[newKeys[j]]; !found && inNew[newKeys[j]] == j {
			c.item(step{setKey(item, seen), true, -1, j}, nil, item, f)
		}
	}
}

// setKey is what an item is called in a path: its start, and a number where
// that repeats.
func setKey(item *manifest.Node, seen map[string]int) string {
	key := fmt.Sprintf("%.60s", hidden(item.Text)) // a part of a credential does not look like one
	seen[key]++
	if n := seen[key]; n > 1 {
		key += "#" + strconv.Itoa(n)
	}
	return key
}

// texts are the items as canon has them.
func (c *comparer) texts(list *manifest.Node, f field) []string {
	out := make([]string, len(list.Items))
	for i, item := range list.Items {
		out[i] = string(c.canon(nil, item, f))
	}
	return out
}

// bag compares lists whose order means nothing: what is on both sides drops
// out, and the rest is compared one by one.
func (c *comparer) bag(old, new *manifest.Node, f field) {
	oldTexts, newTexts := c.texts(old, f), c.texts(new, f)
	left := map[string][]int{}
	for j, t := range newTexts {
		left[t] = append(left[t], j)
	}
	var oldRest, newRest []int
	for i, t := range oldTexts {
		if at := left[t]; len(at) > 0 {
			left[t] = at[1:]
		} else {
			oldRest = append(oldRest, i)
		}
	}
	for _, at := range left {
		newRest = append(newRest, at...)
	}
	slices.Sort(newRest)
	c.pairs(old, new, oldRest, newRest, f)
}

// maxCells bounds the table of lines.
const maxCells = 1 << 20

// lines compares lists whose order counts: the longest common subsequence
// stays, and what stands between is compared one by one.
func (c *comparer) lines(old, new *manifest.Node, f field) {
	a, b := c.texts(old, f), c.texts(new, f)
	start := 0
	for start < len(a) && start < len(b) && a[start] == b[start] {
		start++
	}
	end := 0
	for end < len(a)-start && end < len(b)-start && a[len(a)-1-end] == b[len(b)-1-end] {
		end++
	}
	var oldGap, newGap []int
	flush := func() {
		c.pairs(old, new, oldGap, newGap, f)
		oldGap, newGap = nil, nil
	}
	i, j := start, start
	for _, match := range longest(a[start:len(a)-end], b[start:len(b)-end]) {
		for ; i < start+match[0]; i++ {
			oldGap = append(oldGap, i)
		}
		for ; j < start+match[1]; j++ {
			newGap = append(newGap, j)
		}
		flush()
		i, j = i+1, j+1
	}
	for ; i < len(a)-end; i++ {
		oldGap = append(oldGap, i)
	}
	for ; j < len(b)-end; j++ {
		newGap = append(newGap, j)
	}
	flush()
}

// longest is the longest common subsequence, as pairs of places; none where
// the lists are too long to look for one.
func longest(a, b []string) [][2]int {
	if len(a)*len(b) > maxCells {
		return nil
	}
	width := len(b) + 1
	table := make([]int32, (len(a)+1)*width)
	for i := len(a) - 1; i >= 0; i-- {
		for j := len(b) - 1; j >= 0; j-- {
			if a[i] == b[j] {
				table[i*width+j] = table[(i+1)*width+j+1] + 1
			} else {
				table[i*width+j] = max(table[(i+1)*width+j], table[i*width+j+1])
			}
		}
	}
	var out [][2]int
	for i, j := 0, 0; i < len(a) && j < len(b); {
		switch {
		case a[i] == b[j]:
			out = append(out, [2]int{i, j})
			i, j = i+1, j+1
		case table[(i+1)*width+j] >= table[i*width+j+1]:
			i++
		default:
			j++
		}
	}
	return out
}

// pairs compares the items that stand at the places oldAt and newAt one by
// one; those left over were removed or added.
func (c *comparer) pairs(old, new *manifest.Node, oldAt, newAt []int, f field) {
	for k := range max(len(oldAt), len(newAt)) {
		switch {
		case k >= len(oldAt):
			c.item(step{"", true, -1, newAt[k]}, nil, new.Items[newAt[k]], f)
		case k >= len(newAt):
			c.item(step{"", true, oldAt[k], -1}, old.Items[oldAt[k]], nil, f)
		default:
			c.item(step{"", true, oldAt[k], newAt[k]}, old.Items[oldAt[k]], new.Items[newAt[k]], f)
		}
	}
}
