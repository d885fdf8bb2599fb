package diff

import (
	"slices"

	"github.com/scion-gen/scion-gen/pkg/manifest"
)

// surroundings are the objects of a side that decide what a change of another
// object means. They are read when they are first asked for.
type surroundings struct {
	side        *Side
	byNamespace map[string][]*policy
	labels      map[string][]map[string]string // of pods
	grants      []binding
	bound       bool // grants are read
	roles       map[id][]permission
}

// each reads the objects of some kinds. Mistakes in them are reported where
// they are compared.
func (s *surroundings) each(f func(o *object, root *manifest.Node), kinds ...groupKind) {
	for _, o := range s.side.objects {
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

// pods are the labels of the pods that the objects of a namespace are or make.
func (s *surroundings) pods(namespace string) []map[string]string {
	if s.labels == nil {
		s.labels = map[string][]map[string]string{}
		var kinds []groupKind
		for kind := range podSpecs {
			kinds = append(kinds, kind)
		}
		s.each(func(o *object, root *manifest.Node) {
			at := podSpecPath(o.ref)
			labels := labelsOf(root.At(at[:len(at)-1]...).At("metadata", "labels"))
			s.labels[o.ref.Namespace] = append(s.labels[o.ref.Namespace], labels)
		}, kinds...)
	}
	return s.labels[namespace]
}

// has reports whether the side has an object.
func (s *surroundings) has(of id) bool { return s.side.byID[of] != nil }

// namespaceGone reports whether a namespace goes with all that is in it.
func (c *comparison) namespaceGone(name string) bool {
	of := id{kind: "Namespace", name: name}
	return c.before.has(of) && !c.after.has(of)
}
