package render

import (
	"slices"

	"github.com/scion-gen/scion-gen/pkg/credential"
	"github.com/scion-gen/scion-gen/pkg/manifest"
)

// checkCredentials reports literal credentials anywhere in a document: texts
// of a known form, and values of variables of a known name. Errors never show
// the value.
func checkCredentials(n *manifest.Node, path string, errs *manifest.Errors) {
	if n.Kind != manifest.String && !holdsCredential(n) {
		return
	}
	switch n.Kind {
	case manifest.String:
		if credential.In(n.Text) {
			errs.Add(n.Pos, path, "looks like a credential; remove it and %s", secretHint("NAME"))
		}
	case manifest.Sequence:
		for i, item := range n.Items {
			checkCredentials(item, manifest.Index(path, i), errs)
		}
	case manifest.Mapping:
		for _, f := range n.Fields {
			checkVariable(f.Key, f.Value, manifest.Child(path, f.Key), errs)
		}
		if name, v := n.Get("name"), n.Get("value"); name != nil && v != nil {
			if isCredential(name.Text, v) {
				errs.Add(v.Pos, manifest.Child(path, "value"), "%s looks like a credential; remove it and %s", name.Text, secretHint(name.Text))
			}
		}
	}
}

func checkVariable(name string, v *manifest.Node, path string, errs *manifest.Errors) {
	if isCredential(name, v) {
		errs.Add(v.Pos, path, "looks like a credential; remove it and %s", secretHint(name))
		return
	}
	if credential.In(name) {
		errs.Add(v.Pos, "", "a key looks like a credential; remove it and %s", secretHint("NAME"))
		return
	}
	checkCredentials(v, path, errs)
}

func isCredential(name string, v *manifest.Node) bool {
	scalar := v.Kind == manifest.String || v.Kind == manifest.Number
	return scalar && credential.Named(name, v.Text)
}

// holdsCredential says whether checkCredentials finds something in n, without
// the cost of paths.
func holdsCredential(n *manifest.Node) bool {
	if n.Kind == manifest.String && credential.In(n.Text) || slices.ContainsFunc(n.Items, holdsCredential) {
		return true
	}
	for _, f := range n.Fields {
		if isCredential(f.Key, f.Value) || credential.In(f.Key) || holdsCredential(f.Value) {
			return true
		}
	}
	name, v := n.Get("name"), n.Get("value")
	return name != nil && v != nil && isCredential(name.Text, v)
}
