package manifest

import (
	"math/rand/v2"
	"slices"
)

// randomPair is a Pod and a patch of it that CheckPatch accepts. No two values
// of the pair have the same position.
func randomPair(seed uint64) (base, patch *Node) {
	r := rand.New(rand.NewPCG(seed, 1))
	g := generator{Rand: r, src: &Source{File: "base"}}
	base = g.mapping(schema{Type: podType}, 0)
	g = generator{Rand: r, src: &Source{File: "patch"}, patch: true}
	return base, g.patchMapping(base, schema{Type: podType}, 0)
}

// A generator makes values of API types from few words, so that they meet.
type generator struct {
	*rand.Rand
	src   *Source
	line  int32
	patch bool // make nulls and directives too
	fresh bool // but no directives, as what is made replaces something
}

func (g *generator) pos() Pos {
	g.line++
	return Pos{Source: g.src, Line: g.line, Column: 1}
}

func (g *generator) percent(n int) bool { return g.IntN(100) < n }

func (g *generator) word() string { return string(rune('a' + g.IntN(5))) }

func (g *generator) words() []string {
	words := []string{"a", "b", "c", "d", "e"}
	g.Shuffle(len(words), func(i, j int) { words[i], words[j] = words[j], words[i] })
	return words
}

func (g *generator) replaced(make func() *Node) *Node {
	defer func(was bool) { g.fresh = was }(g.fresh)
	g.fresh = true
	return make()
}

func (g *generator) value(p schema, depth int) *Node {
	if p.Type == nil {
		return Str(g.word(), g.pos())
	}
	switch p.Shape {
	case ShapeStruct, ShapeMap:
		return g.mapping(p, depth)
	case ShapeList:
		return g.list(p, depth)
	case ShapeBool:
		return Flag(g.percent(50), g.pos())
	case ShapeInt, ShapeFloat:
		return Int(g.Int64N(4), g.pos())
	case ShapeIntOrString:
		if g.percent(50) {
			return Int(g.Int64N(4), g.pos())
		}
	}
	return Str(g.word(), g.pos())
}

// mapping is a new struct or map. A union in a base has one member.
func (g *generator) mapping(p schema, depth int) *Node {
	n := Map(g.pos(), 4)
	u, isUnion := unionOf(p.Type)
	single := isUnion && u.by == "" && !g.patch
	for _, key := range g.keys(p, depth) {
		member := single && slices.Contains(u.members, key)
		if member && slices.ContainsFunc(n.Fields, func(f Field) bool { return slices.Contains(u.members, f.Key) }) {
			continue
		}
		g.field(n, key, p.child(key), depth+1)
	}
	return n
}

// keys are some of those that a new value of the type may have, in any order.
func (g *generator) keys(p schema, depth int) []string {
	if p.Shape == ShapeMap {
		return g.words()[:g.IntN(4)]
	}
	var keys []string
	for _, f := range p.Fields {
		// Upstream knows no second keys, so the judge could not follow.
		if f.Name != p.key && f.Name != secondKeys[p.Go].field {
			keys = append(keys, f.Name)
		}
	}
	g.Shuffle(len(keys), func(i, j int) { keys[i], keys[j] = keys[j], keys[i] })
	keys = keys[:min(len(keys), g.IntN(max(3, 8-depth)))]
	switch {
	case depth == 0:
		keys = []string{"spec", "metadata"}
	case depth == 1 && p.Field("containers") != nil && !slices.Contains(keys, "containers"):
		keys = append(keys, "containers")
	}
	return keys
}

// field adds a field that was not there.
func (g *generator) field(n *Node, key string, p schema, depth int) {
	isMap := p.Type != nil && (p.Shape == ShapeStruct || p.Shape == ShapeMap)
	value := func() *Node { return g.value(p, depth) }
	switch {
	case g.patch && g.percent(8):
		n.Set(key, &Node{Pos: g.pos()})
	case g.patch && !g.fresh && isMap && g.percent(5):
		n.Set(key, g.directive(directiveDelete))
	case g.patch && !g.fresh && isMap && g.percent(5):
		n.Set(key, g.with(g.replaced(value), directiveReplace))
	default:
		n.Set(key, value())
	}
}

func (g *generator) directive(value string) *Node {
	return g.with(Map(g.pos(), 1), value)
}

// with adds a directive to a new mapping, at either end.
func (g *generator) with(n *Node, value string) *Node {
	n.Set(directive, Str(value, g.pos()))
	if last := len(n.Fields) - 1; g.percent(50) {
		n.Fields[0], n.Fields[last] = n.Fields[last], n.Fields[0]
	}
	return n
}

// list is a new list, without directives where they have nothing to act on.
func (g *generator) list(p schema, depth int) *Node {
	n := List(g.pos())
	size := g.IntN(4)
	switch {
	case p.list == nil:
		return g.replaced(func() *Node {
			for range size {
				n.Items = append(n.Items, g.value(schema{Type: p.Elem}, depth+1))
			}
			return g.marked(n, 10)
		})
	case g.patch && !g.fresh && g.percent(10):
		return g.replaced(func() *Node { return g.marked(g.named(n, p, size, depth), 100) })
	}
	return g.named(n, p, size, depth)
}

// marked adds "$patch: replace" to a list of a patch, in so many of a hundred.
func (g *generator) marked(n *Node, percent int) *Node {
	if g.patch && g.percent(percent) {
		n.Items = slices.Insert(n.Items, g.IntN(len(n.Items)+1), g.directive(directiveReplace))
	}
	return n
}

// named adds items to a list that is merged, none that it has already.
func (g *generator) named(n *Node, p schema, size, depth int) *Node {
	for i := range min(size, 5) {
		item := g.item(g.name(p, i), p, depth)
		if !slices.ContainsFunc(n.Items, func(other *Node) bool { return p.same(item, other) }) {
			n.Items = append(n.Items, item)
		}
	}
	return n
}

// name is a name for an item of a list that is merged.
func (g *generator) name(p schema, i int) *Node {
	elem := p.Elem
	if p.list.MergeKey != "" {
		elem = p.item().child(p.list.MergeKey).Type
	}
	if elem.Shape == ShapeInt {
		return Int(int64(8080+g.IntN(4)+i), g.pos())
	}
	return Str(g.word(), g.pos())
}

// item is a new item of that name.
func (g *generator) item(name *Node, p schema, depth int) *Node {
	if p.list.MergeKey == "" {
		return name
	}
	made := func() *Node { return g.mapping(p.item(), depth+1) }
	var n *Node
	if g.patch && !g.fresh && g.percent(5) {
		n = g.with(g.replaced(made), directiveReplace)
	} else {
		n = made()
	}
	g.setKey(n, p, name)
	return n
}

// setKey puts the merge key of an item somewhere among its fields.
func (g *generator) setKey(n *Node, p schema, name *Node) {
	at := g.IntN(len(n.Fields) + 1)
	n.Fields = slices.Insert(n.Fields, at, Field{Key: p.list.MergeKey, Value: name, Pos: g.pos()})
}

// patchMapping is a patch of a mapping that is there.
func (g *generator) patchMapping(old *Node, p schema, depth int) *Node {
	n := Map(g.pos(), 4)
	for _, f := range old.Fields {
		if f.Key != p.key && g.percent(70-5*min(depth, 8)) {
			n.Set(f.Key, g.patchValue(f.Value, p.child(f.Key), depth+1))
		}
	}
	if depth > 0 {
		for _, key := range g.keys(p, depth) {
			if old.Get(key) == nil && g.percent(60) {
				g.field(n, key, p.child(key), depth+1)
			}
		}
	}
	g.Shuffle(len(n.Fields), func(i, j int) { n.Fields[i], n.Fields[j] = n.Fields[j], n.Fields[i] })
	return n
}

func (g *generator) patchValue(old *Node, p schema, depth int) *Node {
	switch {
	case depth > 1 && g.percent(10):
		return &Node{Pos: g.pos()}
	case depth > 1 && old.Kind == Mapping && g.percent(6):
		return g.directive(directiveDelete)
	case depth > 1 && old.Kind == Mapping && g.percent(8):
		return g.with(g.replaced(func() *Node { return g.mapping(p, depth) }), directiveReplace)
	case old.Kind == Mapping:
		return g.patchMapping(old, p, depth)
	case old.Kind == Sequence && p.list != nil && p.list.MergeKey != "" && g.percent(90):
		return g.patchItems(old, p, depth)
	}
	return g.value(p, depth)
}

// patchItems is a patch of a keyed list that is there.
func (g *generator) patchItems(old *Node, p schema, depth int) *Node {
	n := List(g.pos())
	for _, item := range old.Items {
		name := *item.Get(p.list.MergeKey)
		name.Pos = g.pos()
		switch {
		case g.percent(40):
			continue
		case g.percent(15):
			n.Items = append(n.Items, g.directive(directiveDelete))
		case g.percent(10):
			made := g.replaced(func() *Node { return g.mapping(p.item(), depth+1) })
			n.Items = append(n.Items, g.with(made, directiveReplace))
		default:
			n.Items = append(n.Items, g.patchMapping(item, p.item(), depth+1))
		}
		g.setKey(n.Items[len(n.Items)-1], p, &name)
	}
	n = g.named(n, p, g.IntN(3), depth)
	g.Shuffle(len(n.Items), func(i, j int) { n.Items[i], n.Items[j] = n.Items[j], n.Items[i] })
	return n
}
