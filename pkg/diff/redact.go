package diff

import (
	"encoding/base64"
	"fmt"
	"strings"

	"github.com/scion-gen/scion-gen/pkg/credential"
	"github.com/scion-gen/scion-gen/pkg/manifest"
)

// lastApplied is where kubectl apply keeps the whole object once more.
const lastApplied = "kubectl.kubernetes.io/last-applied-configuration"

// redactor makes values fit to be shown. What it hides:
//
//   - all data of a Secret;
//   - literals whose variable, field, flag or file is named like a credential;
//   - texts that hold something of a form that issuers of credentials document,
//     and within texts the users and passwords of URLs and values behind a name;
//   - the annotation in which kubectl apply keeps a copy of the object.
type redactor struct {
	ref Ref
}

// show is n at path; in is the mapping or list around it.
func (r redactor) show(n *manifest.Node, path []step, in *manifest.Node) *Value {
	if n == nil {
		return nil
	}
	v := &Value{Kind: valueKind(n.Kind)}
	if n.Kind < manifest.Sequence {
		v.Text, v.Bytes = r.text(n, path, in)
	} else {
		var clean *manifest.Node
		clean, v.Bytes = r.tree(n, path)
		v.Text = yamlText(clean)
	}
	v.Redacted = v.Bytes > 0
	return v
}

func valueKind(k manifest.Kind) ValueKind {
	return [...]ValueKind{KindNull, KindBool, KindNumber, KindString, KindList, KindMapping}[k]
}

// text is a scalar as it can be shown, and the number of bytes hidden.
func (r redactor) text(n *manifest.Node, path []step, in *manifest.Node) (string, int) {
	switch {
	case n.Kind == manifest.Null:
		return "null", 0
	case r.secretData(path):
		size := len(n.Text)
		if data, err := base64.StdEncoding.DecodeString(n.Text); err == nil {
			size = len(data)
		}
		return credential.Hidden(size), size
	case n.Kind == manifest.Bool:
		return n.Text, 0
	case credentialAt(path, in, n.Text):
		return credential.Hidden(len(n.Text)), len(n.Text)
	}
	return credential.Hide(n.Text)
}

// secretData reports whether a path is in a Secret's data.
func (r redactor) secretData(path []step) bool {
	return r.ref.Kind == "Secret" && r.ref.Group == "" && len(path) > 1 && (path[0].key == "data" || path[0].key == "stringData")
}

// tree is n with what must not be shown replaced.
func (r redactor) tree(n *manifest.Node, path []step) (*manifest.Node, int) {
	out, hidden := &manifest.Node{Kind: n.Kind}, 0
	// Appending to a clipped path copies it: siblings must not share it.
	path = path[:len(path):len(path)]
	child := func(v *manifest.Node, s step) *manifest.Node {
		below := append(path, s)
		if v.IsNull() || v.Kind >= manifest.Sequence {
			clean, count := r.tree(orNull(v), below)
			hidden += count
			return clean
		}
		shown, count := r.text(v, below, n)
		if count == 0 {
			return v
		}
		hidden += count
		return manifest.Str(shown, manifest.Pos{})
	}
	for i, item := range n.Items {
		out.Items = append(out.Items, child(item, step{item: true, old: i, new: i}))
	}
	for _, f := range n.Fields {
		key, _ := credential.Hide(f.Key)
		out.Fields = append(out.Fields, manifest.Field{Key: key, Value: child(f.Value, step{key: f.Key})})
	}
	return out, hidden
}

func orNull(n *manifest.Node) *manifest.Node {
	if n == nil {
		return &manifest.Node{}
	}
	return n
}

// credentialAt reports whether a scalar is a credential by what it is the value of.
func credentialAt(path []step, in *manifest.Node, text string) bool {
	if len(path) == 0 {
		return false
	}
	last := path[len(path)-1]
	if last.item {
		at := last.place()
		return at > 0 && in != nil && at <= len(in.Items) && credential.Field(flagOf(in.Items[at-1]), text)
	}
	if last.key == lastApplied {
		return true
	}
	if name := in.Get("name"); last.key == "value" && name != nil {
		return credential.Field(name.Text, text)
	}
	return credential.Field(last.key, text)
}

// flagOf is an argument that may be a flag, whose value is the next argument.
func flagOf(n *manifest.Node) string {
	if t := text(n); strings.HasPrefix(t, "-") {
		return t
	}
	return ""
}

// yamlText is n as YAML, without a final newline.
func yamlText(n *manifest.Node) string {
	out, err := manifest.Append(nil, n)
	if err != nil {
		// Characters that YAML does not carry are shown as what they are.
		out, err = manifest.Append(nil, printable(n))
	}
	if err != nil {
		return fmt.Sprintf("%s that cannot be shown: %v", n.Kind, err)
	}
	return strings.TrimSuffix(string(out), "\n")
}

func printable(n *manifest.Node) *manifest.Node {
	out := *n
	out.Text = printableText(n.Text)
	out.Items, out.Fields = nil, nil
	for _, item := range n.Items {
		out.Items = append(out.Items, printable(item))
	}
	for _, f := range n.Fields {
		out.Fields = append(out.Fields, manifest.Field{Key: printableText(f.Key), Value: printable(f.Value)})
	}
	return &out
}

func printableText(s string) string {
	var out strings.Builder
	for _, r := range s {
		if manifest.Carries(r) {
			out.WriteRune(r)
		} else {
			fmt.Fprintf(&out, "\\u%04x", r)
		}
	}
	return out.String()
}
