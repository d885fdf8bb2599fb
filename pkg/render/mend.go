package render

import (
	"slices"

	"github.com/scion-gen/scion-gen/pkg/manifest"
)

// mended is a document as it was probably meant, or nil: the nearest known field
// of its spec in place of an unknown one, and, where the spec names what it builds
// on, without what else is wrong. Where it does not, what is left out may be what
// all would then seem to lack. Credentials give way to a word.
func (l *loader) mended(root *manifest.Node, t *manifest.Type, wrong manifest.Errors) *manifest.Node {
	root, renamed := withNearest(root, t)
	m := mender{secret: l.secret, wrong: map[manifest.Pos]bool{}}
	if spec := root.Get("spec"); t != fleetType && !(spec.Get("template").IsNull() && spec.Get("extends").IsNull()) {
		for _, e := range wrong {
			m.wrong[e.Pos] = !renamed[e.Pos]
		}
	}
	root = m.node(root)
	var rest manifest.Errors
	if root != nil {
		checker.Check(root, t, "", &rest)
	}
	if len(rest) > 0 {
		return nil
	}
	return root
}

// withNearest is a document whose spec has the nearest known field in place of
// each unknown one, and where those stand.
func withNearest(root *manifest.Node, t *manifest.Type) (meant *manifest.Node, renamed map[manifest.Pos]bool) {
	field, spec := t.Field("spec"), root.Get("spec")
	if field == nil || spec.IsNull() {
		return root, nil
	}
	renamed = map[manifest.Pos]bool{}
	known := *spec
	known.Fields = nil
	for _, f := range spec.Fields {
		if field.Type.Field(f.Key) == nil {
			near := manifest.Nearest(f.Key, field.Type.Names())
			if near != "" && spec.Get(near) == nil && known.Get(near) == nil {
				f.Key, renamed[f.Pos] = near, true
			}
		}
		known.Fields = append(known.Fields, f)
	}
	meant = clone(root)
	meant.Set("spec", &known)
	return meant, renamed
}

// mender leaves out of a tree what is wrong, and hides what is secret, by where
// they stand.
type mender struct{ wrong, secret map[manifest.Pos]bool }

// node is n without them, nil where it is wrong itself.
func (m *mender) node(n *manifest.Node) *manifest.Node {
	out := *n
	switch {
	case n.Kind == manifest.Mapping:
		return m.mapping(n)
	case m.wrong[n.Pos]:
		return nil
	case n.Kind == manifest.Sequence:
		out.Items = nil
		for _, item := range n.Items {
			if rest := m.node(item); rest != nil && !m.loses(item) {
				out.Items = append(out.Items, rest)
			}
		}
	case m.secret[n.Pos]:
		out.Text = "hidden"
	}
	return &out
}

// loses reports whether a mapping loses the value of a known field, which may be
// what it is known by.
func (m *mender) loses(n *manifest.Node) bool {
	return slices.ContainsFunc(n.Fields, func(f manifest.Field) bool { return !m.wrong[f.Pos] && m.node(f.Value) == nil })
}

// mapping is a mapping without what is wrong. It stands where its first key does,
// so that what is wrong there may be either: it is that key, unless there is none.
func (m *mender) mapping(n *manifest.Node) *manifest.Node {
	if len(n.Fields) == 0 && m.wrong[n.Pos] {
		return nil
	}
	out := *n
	out.Fields = nil
	for _, f := range n.Fields {
		if m.wrong[f.Pos] || m.secret[f.Pos] {
			continue
		}
		if f.Value = m.node(f.Value); f.Value != nil {
			out.Fields = append(out.Fields, f)
		}
	}
	return &out
}
