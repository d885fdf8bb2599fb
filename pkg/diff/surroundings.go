package diff

import (
	"maps"
	"slices"

	"github.com/scion-gen/scion-gen/pkg/manifest"
)

// surroundings are the objects of a side that decide what a change of another
// object means: those of its tree, and those that are beside all trees. They are
// read when they are first asked for.
type surroundings struct {
	objects   []*object
	ids       map[id]bool
	networks  map[string]*policySet
	podLabels map[string]*podSet
	grants    []binding
	bound     bool // grants are read
	roles     map[id][]permission
}

// trees are the scopes that have an object which another one has too, sorted:
// each is in the place of the others. What is in no such scope is applied
// beside them.
func trees(sides ...*Side) []string {
	first, apart := map[id]string{}, map[string]bool{}
	for _, s := range sides {
		for _, o := range s.objects {
			scope, seen := first[o.ref.id()]
			if !seen {
				first[o.ref.id()] = o.scope
			} else if scope != o.scope {
				apart[scope], apart[o.scope] = true, true
			}
		}
	}
	return slices.Sorted(maps.Keys(apart))
}

func (c *comparison) isTree(scope string) bool {
	_, is := slices.BinarySearch(c.trees, scope)
	return is
}

// surround is what is around the objects of each tree of a side.
func (c *comparison) surround(s *Side) map[string]*surroundings {
	out := map[string]*surroundings{}
	for _, tree := range c.trees {
		out[tree] = &surroundings{}
	}
	for _, o := range s.objects {
		in := c.trees
		if c.isTree(o.scope) {
			in = []string{o.scope}
		}
		for _, tree := range in {
			out[tree].objects = append(out[tree].objects, o)
		}
	}
	return out
}

// oldNew are a tree of the old side and what it is on the new side.
type oldNew struct{ old, new string }

// treesOf are those whose surroundings an object has: the tree that it is in, or
// all, where it is beside them.
func (c *comparison) treesOf(old, new *object) []oldNew {
	was, is := c.isTree(old.scope), c.isTree(new.scope)
	switch {
	case was && is:
		return []oldNew{{old.scope, new.scope}}
	case was:
		return []oldNew{{old.scope, old.scope}}
	case is:
		return []oldNew{{new.scope, new.scope}}
	}
	var all []oldNew
	for _, tree := range c.trees {
		all = append(all, oldNew{tree, tree})
	}
	return all
}

// each reads the objects of some kinds. Mistakes in them are reported where
// they are compared.
func (s *surroundings) each(f func(o *object, root *manifest.Node), kinds ...groupKind) {
	for _, o := range s.objects {
		if !slices.Contains(kinds, groupKind{o.ref.Group, o.ref.Kind}) {
			continue
		}
		if root := o.peek(); root != nil {
			f(o, root)
		}
	}
}

// peek is the object, for as long as it is used; nil where there is a mistake,
// which is not reported.
func (o *object) peek() *manifest.Node {
	if o.root != nil {
		return o.root
	}
	doc := o.doc
	doc.errs = &manifest.Errors{}
	root := doc.read(&arena{})
	if root == nil {
		return nil
	}
	return normalize(root, o.ref)
}

// podSet is the labels of the pods of a namespace.
type podSet struct {
	all []map[string]string
	by  map[[2]string][]map[string]string // by each label, and its value
}

// pods are the labels of the pods that the objects of a namespace are or make,
// of those at least that a selector selects.
func (s *surroundings) pods(namespace string, near selector) []map[string]string {
	if s.podLabels == nil {
		s.podLabels = map[string]*podSet{}
		var kinds []groupKind
		for kind := range podSpecs {
			kinds = append(kinds, kind)
		}
		s.each(func(o *object, root *manifest.Node) {
			at := podSpecPath(o.ref)
			set := s.podLabels[o.ref.Namespace]
			if set == nil {
				set = &podSet{by: map[[2]string][]map[string]string{}}
				s.podLabels[o.ref.Namespace] = set
			}
			set.add(labelsOf(root.At(at[:len(at)-1]...).At("metadata", "labels")))
		}, kinds...)
	}
	set := s.podLabels[namespace]
	if set == nil {
		return nil
	}
	return set.near(near)
}

func (s *podSet) add(labels map[string]string) {
	s.all = append(s.all, labels)
	for key, value := range labels {
		s.by[[2]string{key, value}] = append(s.by[[2]string{key, value}], labels)
	}
}

func (s *podSet) near(of selector) []map[string]string {
	for _, r := range of {
		if r.op != "In" {
			continue
		}
		var out []map[string]string
		for _, value := range r.values {
			out = append(out, s.by[[2]string{r.key, value}]...)
		}
		return out
	}
	return s.all
}

// has reports whether an object is there.
func (s *surroundings) has(of id) bool {
	if s.ids == nil {
		s.ids = make(map[id]bool, len(s.objects))
		for _, o := range s.objects {
			s.ids[o.ref.id()] = true
		}
	}
	return s.ids[of]
}

// namespaceGone reports whether a namespace goes with all that is in it.
func (c *comparison) namespaceGone(name string) bool {
	of := id{kind: "Namespace", name: name}
	return c.before.has(of) && !c.after.has(of)
}
