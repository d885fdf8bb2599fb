package diff

import (
	"cmp"
	"slices"
	"strings"

	"github.com/scion-gen/scion-gen/pkg/manifest"
)

// maxCandidates bounds how many objects of a kind are looked at for renames by
// similarity, on each side.
const maxCandidates = 100

// shared is the weight of what several objects of a kind have, where what one
// alone has weighs 1.
const shared = 0.001

// likeness is how much of two objects must be the same for a rename.
const likeness = 0.6

// renames pairs objects that are on one side alone, within each scope; what is
// left is gone and came.
func (c *comparison) renames(old, new *Side, gone, came []*object) (pairs [][2]*object, goneStill, cameStill []*object) {
	for _, scope := range scopesOf(gone, came) {
		p, g, n := c.renamesIn(scope, [...]*Side{old, new}, inScope(gone, scope), inScope(came, scope))
		pairs, goneStill, cameStill = append(pairs, p...), append(goneStill, g...), append(cameStill, n...)
	}
	return pairs, goneStill, cameStill
}

// renamesIn pairs objects of one scope that have the same content but for their
// names, or most of it.
//
// The same agent by another name of the object counts first, where it is alike
// enough: that of another grove, or of another namespace. Then it is equal
// content, in the order of names. Else it is the likest that is alike enough,
// where what all objects of the kind have counts little: a thousand agents of
// one template are no renames of each other.
func (c *comparison) renamesIn(scope string, sides [2]*Side, gone, came []*object) (pairs [][2]*object, goneStill, cameStill []*object) {
	if len(gone) == 0 || len(came) == 0 {
		return nil, gone, came
	}
	took := map[*object]bool{}
	pair := func(g, n *object) {
		pairs = append(pairs, [2]*object{g, n})
		took[g], took[n] = true, true
	}
	left := func(objects []*object) []*object {
		return slices.DeleteFunc(slices.Clone(objects), func(o *object) bool { return took[o] })
	}
	c.sameAgent(gone, came, pair)
	c.sameContent(left(gone), left(came), pair)
	for kind, candidates := range kinds(left(gone)) {
		if others := kinds(left(came))[kind]; len(others) > 0 && max(len(candidates), len(others)) <= maxCandidates {
			c.likest(candidates, others, c.weights(sides, scope, kind), pair)
		}
	}
	slices.SortFunc(pairs, func(a, b [2]*object) int { return a[1].ref.id().compare(b[1].ref.id()) })
	return pairs, left(gone), left(came)
}

// agent is the kind of an object and the agent that it is of, by its label; ok
// is false where it has none.
func (o *object) agent() (of [2]string, ok bool) {
	name := text(o.keep().At("metadata", "labels", "scion.name"))
	return [2]string{o.ref.Group + "/" + o.ref.Kind, name}, name != ""
}

// sameAgent pairs objects of the one agent of a name that went and the one that
// came.
func (c *comparison) sameAgent(gone, came []*object, pair func(g, n *object)) {
	byAgent := func(objects []*object) map[[2]string][]*object {
		out := map[[2]string][]*object{}
		for _, o := range objects {
			if of, ok := o.agent(); ok {
				out[of] = append(out[of], o)
			}
		}
		return out
	}
	arrived := byAgent(came)
	for of, g := range byAgent(gone) {
		if n := arrived[of]; len(g) == 1 && len(n) == 1 && alike(c.parts(g[0]), c.parts(n[0]), nil) >= likeness {
			pair(g[0], n[0])
		}
	}
}

// sameContent pairs objects that have equal content, in the order of names.
func (c *comparison) sameContent(gone, came []*object, pair func(g, n *object)) {
	byContent := map[string][]*object{}
	for _, n := range sorted(came) {
		key := c.content(n)
		byContent[key] = append(byContent[key], n)
	}
	for _, g := range sorted(gone) {
		key := c.content(g)
		if same := byContent[key]; len(same) > 0 {
			byContent[key] = same[1:]
			pair(g, same[0])
		}
	}
}

func sorted(objects []*object) []*object {
	return slices.SortedFunc(slices.Values(objects), func(a, b *object) int { return a.ref.id().compare(b.ref.id()) })
}

func kinds(objects []*object) map[groupKind][]*object {
	out := map[groupKind][]*object{}
	for _, o := range objects {
		kind := groupKind{o.ref.Group, o.ref.Kind}
		out[kind] = append(out[kind], o)
	}
	return out
}

// content is all of an object but its names.
func (c *comparison) content(o *object) string {
	names := aliasesOf(o.ref, o.keep())
	return o.ref.Group + "/" + o.ref.Kind + names.replace(string(c.canon(nil, anonymous(o.keep()), field{schema: schemaOf(o.ref)})))
}

// anonymous is an object without its name and namespace.
func anonymous(root *manifest.Node) *manifest.Node {
	meta := root.Get("metadata")
	if meta == nil || meta.Kind != manifest.Mapping {
		return root
	}
	return with(root, "metadata", without(meta, "name", "namespace"))
}

// likest pairs the objects of one kind by how alike they are.
func (c *comparison) likest(gone, came []*object, weight map[string]float64, pair func(g, n *object)) {
	type candidate struct {
		g, n *object
		like float64
	}
	var all []candidate
	parts := map[*object]map[string]bool{}
	for _, o := range slices.Concat(gone, came) {
		parts[o] = c.parts(o)
	}
	for _, g := range sorted(gone) {
		for _, n := range sorted(came) {
			if like := alike(parts[g], parts[n], weight); like >= likeness {
				all = append(all, candidate{g, n, like})
			}
		}
	}
	slices.SortStableFunc(all, func(a, b candidate) int { return cmp.Compare(b.like, a.like) })
	took := map[*object]bool{}
	for _, best := range all {
		if !took[best.g] && !took[best.n] {
			took[best.g], took[best.n] = true, true
			pair(best.g, best.n)
		}
	}
}

// parts are the scalars of an object, each with its path, with placeholders for
// the object's names.
func (c *comparison) parts(o *object) map[string]bool {
	names := aliasesOf(o.ref, o.keep())
	out := map[string]bool{}
	var walk func(n *manifest.Node, path []string)
	walk = func(n *manifest.Node, path []string) {
		for _, item := range orNull(n).Items {
			walk(item, path)
		}
		for _, f := range orNull(n).Fields {
			walk(f.Value, append(path, f.Key))
		}
		if n = orNull(n); n.Kind < manifest.Sequence {
			out[names.replace(strings.Join(path, "\x00")+"\x00"+n.Text)] = true
		}
	}
	walk(anonymous(o.keep()), nil)
	return out
}

// weights are how much a part counts among the objects of a kind in a scope.
func (c *comparison) weights(sides [2]*Side, scope string, kind groupKind) map[string]float64 {
	weight := map[string]float64{}
	for _, side := range sides {
		counts := map[string]int{}
		for _, o := range side.objects {
			if o.scope == scope && (groupKind{o.ref.Group, o.ref.Kind}) == kind {
				for part := range c.parts(o) {
					counts[part]++
				}
			}
		}
		for part, n := range counts {
			if n > 1 {
				weight[part] = shared
			} else if weight[part] == 0 {
				weight[part] = 1
			}
		}
	}
	return weight
}

// alike is what two objects share of what they have; without weights, all
// counts the same.
func alike(a, b map[string]bool, weight map[string]float64) float64 {
	weigh := func(part string) float64 {
		if weight == nil {
			return 1
		}
		return weight[part]
	}
	// Summed in the order of weights: floats depend on it in the last digit.
	var both, all []float64
	for part := range a {
		all = append(all, weigh(part))
		if b[part] {
			both = append(both, weigh(part))
		}
	}
	for part := range b {
		if !a[part] {
			all = append(all, weigh(part))
		}
	}
	if sum(all) == 0 {
		return 0
	}
	return sum(both) / sum(all)
}

func sum(values []float64) float64 {
	slices.Sort(values)
	total := 0.0
	for _, v := range values {
		total += v
	}
	return total
}
