package diff

import (
	"encoding/base64"
	"fmt"
	"slices"
	"strings"

	"github.com/scion-gen/scion-gen/pkg/credential"
	"github.com/scion-gen/scion-gen/pkg/manifest"
)

// copies are annotations in which tools keep the whole object once more.
var copies = []string{"kubectl.kubernetes.io/last-applied-configuration", "kapp.k14s.io/original", "objectset.rio.cattle.io/applied"}

// site is where a value stands: its path, and the mapping or list that each
// step of it is in.
type site struct {
	path   []step
	around []*manifest.Node
}

// below is the place of a value in n, which stands at p.
func (p site) below(n *manifest.Node, s step) site {
	// Appending to a clipped slice copies it: siblings must not share it.
	at := len(p.path)
	return site{append(p.path[:at:at], s), append(p.around[:at:at], n)}
}

// redactor makes the values of an object fit to be shown. What it hides:
//
//   - the data of a Secret, be it the object or within it, and of what Secrets
//     are made from (credential.IsSecret, secretGenerator);
//   - literals whose variable, field, flag or file is named like a credential;
//   - texts that hold something of a form that issuers of credentials document,
//     or a Secret, and within texts what is a credential by what stands around it
//     (credential.Hide);
//   - annotations in which a tool keeps a copy of the object.
type redactor struct {
	kind string // of the object
	// hidden is what was hidden so far, and again, where it is not nil, which of
	// it differs from what the other side hides in the same place.
	hidden []secret
	again  []bool
	// literal says that something is hidden that should be in a Secret.
	literal bool
}

// secret is something hidden; size is its length, or that of what it encodes.
type secret struct {
	text string
	size int
}

// redact sets the values and the path of an edit as they can be shown.
func (o *Object) redact(e *Edit) {
	raw := e.raw
	was, is := redactor{kind: o.Ref.Kind}, redactor{kind: o.Ref.Kind}
	e.Old = was.show(raw.old, site{onOld(raw.path), raw.oldAround})
	e.New = is.show(raw.new, site{raw.path, raw.newAround})
	if again := changedSecrets(was.hidden, is.hidden); slices.Contains(again, true) {
		is = redactor{kind: o.Ref.Kind, again: again}
		e.New = is.show(raw.new, site{raw.path, raw.newAround})
	}
	e.literal = is.literal && !was.literal
	e.shown = o.shownPath(raw)
}

// changedSecrets are those of new that would read the same as others of old.
func changedSecrets(old, new []secret) []bool {
	out := make([]bool, len(new))
	for i, s := range new {
		if len(old) == len(new) {
			out[i] = old[i].size == s.size && old[i].text != s.text
			continue
		}
		out[i] = !slices.Contains(old, s) && slices.ContainsFunc(old, func(o secret) bool { return o.size == s.size })
	}
	return out
}

// show is n as it can be shown.
func (r *redactor) show(n *manifest.Node, at site) *Value {
	if n == nil {
		return nil
	}
	v := &Value{Kind: valueKind(n.Kind)}
	if n.Kind < manifest.Sequence {
		v.Text = r.text(n, at)
	} else {
		v.Text = yamlText(r.tree(n, at))
	}
	for _, s := range r.hidden {
		v.Bytes += s.size
	}
	v.Redacted = len(r.hidden) > 0
	return v
}

func valueKind(k manifest.Kind) ValueKind {
	return [...]ValueKind{KindNull, KindBool, KindNumber, KindString, KindList, KindMapping}[k]
}

// hide is what stands for something hidden.
func (r *redactor) hide(text string, size int) string {
	i := len(r.hidden)
	r.hidden = append(r.hidden, secret{text, size})
	if i < len(r.again) && r.again[i] {
		return fmt.Sprintf("<redacted, %d bytes, changed>", size)
	}
	return credential.Hidden(size)
}

func (r *redactor) hideLiteral(text string) string {
	r.literal = true
	return r.hide(text, len(text))
}

// text is a scalar as it can be shown.
func (r *redactor) text(n *manifest.Node, at site) string {
	if n.Kind == manifest.Null {
		return "null"
	}
	if from := r.secretData(at); from >= 0 {
		size := len(n.Text)
		if decoded, err := base64.StdEncoding.DecodeString(n.Text); err == nil && at.path[from].key == "data" {
			size = len(decoded)
		}
		return r.hide(n.Text, size)
	}
	switch {
	case n.Kind == manifest.Bool:
		return n.Text
	case slices.Contains(copies, at.key()):
		return r.hide(n.Text, len(n.Text))
	case at.isCredential(n.Text):
		return r.hideLiteral(n.Text)
	case at.generates():
		name, value, _ := strings.Cut(n.Text, "=")
		return name + "=" + r.hide(value, len(value))
	}
	return credential.Replace(n.Text, r.hideLiteral)
}

// tree is n with what must not be shown replaced.
func (r *redactor) tree(n *manifest.Node, at site) *manifest.Node {
	out := &manifest.Node{Kind: n.Kind}
	child := func(v *manifest.Node, s step) *manifest.Node {
		below := at.below(n, s)
		if orNull(v).Kind >= manifest.Sequence {
			return r.tree(v, below)
		}
		before := len(r.hidden)
		shown := r.text(orNull(v), below)
		if len(r.hidden) == before {
			return orNull(v)
		}
		return manifest.Str(shown, manifest.Pos{})
	}
	for i, item := range n.Items {
		out.Items = append(out.Items, child(item, step{item: true, old: i, new: i}))
	}
	for _, f := range n.Fields {
		s := step{key: f.Key}
		out.Fields = append(out.Fields, manifest.Field{Key: r.key(at.below(n, s)), Value: child(f.Value, s)})
	}
	return out
}

func orNull(n *manifest.Node) *manifest.Node {
	if n == nil {
		return &manifest.Node{}
	}
	return n
}

// key is the last key of a place as it can be shown.
func (r *redactor) key(at site) string {
	key := at.key()
	if key == "" {
		return ""
	}
	if from := r.secretData(at); from >= 0 && from+2 < len(at.path) {
		return credential.Hidden(len(key)) // data of a Secret has no keys below its keys
	}
	return hidden(key)
}

// shownPath is the path of an edit as it can be shown.
func (o *Object) shownPath(e rawEdit) []step {
	shown := slices.Clone(e.path)
	r := redactor{kind: o.Ref.Kind}
	for i := range shown {
		for _, around := range [][]*manifest.Node{e.oldAround, e.newAround} {
			if key := r.key(site{e.path[:i+1], around}); key != e.path[i].key {
				shown[i].key = key
			}
		}
	}
	return shown
}

// hideNames makes the names of the object, and the keys in its paths, fit to be
// shown. Until then they are as the object has them: it is told by them which
// fields an edit touches.
func (o *Object) hideNames() {
	o.Ref = o.Ref.shown()
	if o.Was != nil {
		was := o.Was.shown()
		o.Was = &was
	}
	for i := range o.Edits {
		e := &o.Edits[i]
		e.Path = display(e.shown)
		for j := range e.Flags {
			f := &e.Flags[j]
			for k, s := range e.shown {
				if key := e.raw.path[k].key; key != s.key {
					f.Path = strings.ReplaceAll(f.Path, key, s.key)
				}
			}
			f.Path = hidden(f.Path)
		}
	}
}

func (r Ref) shown() Ref {
	return Ref{hidden(r.Group), hidden(r.Version), hidden(r.Kind), hidden(r.Namespace), hidden(r.Name)}
}

// hidden is a text that is no value, as it can be shown.
func hidden(text string) string {
	shown, _ := credential.Hide(text)
	return shown
}

// secretData is the step of a place that goes into the data of a Secret, -1 if
// none does. What is made into a Secret has its data in a template, and may have
// a list called data that is none.
func (r *redactor) secretData(at site) int {
	family := false
	for i := range min(len(at.path), len(at.around)) {
		kind := text(at.around[i].Get("kind"))
		if i == 0 {
			kind = r.kind
		}
		family = family || credential.IsSecret(kind)
		if key := at.path[i].key; at.path[i].item || key != "data" && key != "stringData" {
			continue
		}
		if strings.EqualFold(kind, "Secret") || family && (i+1 == len(at.path) || !at.path[i+1].item) {
			return i
		}
	}
	return -1
}

// key is that of the last step.
func (p site) key() string {
	if len(p.path) == 0 {
		return ""
	}
	return p.path[len(p.path)-1].key
}

// isCredential reports whether a scalar is a credential by what stands around it.
func (p site) isCredential(text string) bool {
	last := len(p.path) - 1
	if last < 0 {
		return false
	}
	var w credential.Where
	if p.path[last].item {
		w.Before = itemBefore(p.around[last], p.path[last].place())
	}
	if i := p.mapping(last); i >= 0 {
		w.Key, w.Beside, w.Refers = p.path[i].key, besideOf(p.around[i]), p.around[i].Get("remoteRef") != nil
		if above := p.mapping(i - 1); above >= 0 {
			w.Above = p.path[above].key
		}
	}
	_, is := w.Credential(text)
	return is
}

func itemBefore(list *manifest.Node, at int) string {
	if at < 1 || at > len(list.Items) {
		return ""
	}
	return text(list.Items[at-1])
}

func besideOf(n *manifest.Node) string {
	return credential.Beside(text(n.Get("name")), text(n.Get("key")))
}

// mapping is the last step up to i that is a key of a mapping, -1 if there is
// none.
func (p site) mapping(i int) int {
	for i >= 0 && p.path[i].item {
		i--
	}
	return i
}

// generates reports whether a place is in the literals that kustomize makes a
// Secret of.
func (p site) generates() bool {
	within := false
	for _, s := range p.path {
		if within = within || s.key == "secretGenerator"; within && s.key == "literals" {
			return true
		}
	}
	return false
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
