package render

import (
	"fmt"
	"slices"
	"strings"

	"github.com/scion-gen/scion-gen/pkg/manifest"
)

// Explanation is one object of an agent and where each of its fields comes
// from.
type Explanation struct {
	Kind   string   `json:"kind"`
	Name   string   `json:"name"`
	Fields []Origin `json:"fields"`
}

// Origin is one field of a manifest: a scalar, or an empty list or mapping.
type Origin struct {
	// Path is the field as Kubernetes spells it, with the items of keyed lists
	// by their key: spec.containers[agent].env[HOME].value.
	Path  string `json:"path"`
	Value string `json:"value"`
	// At is where the setting stands that the field is made from, as
	// file:line:column; empty for what is the same for every agent.
	At string `json:"at,omitempty"`
	// Layer is the document, such as "template claude" or "agent reviewer".
	Layer string `json:"layer"`
	// Setting is the setting in that document, such as spec.hub.endpoint.
	Setting string `json:"setting,omitempty"`
}

// generated is the layer of fields that no configuration makes.
const generated = "generated"

// Explain says where the fields of an agent's objects come from. name is the
// agent's name, or namespace/name; field, if not empty, keeps the fields at or
// below that path, or with that key anywhere in their path.
func (c *Config) Explain(name, field string) ([]Explanation, error) {
	var errs manifest.Errors
	agents := c.resolve(&errs)
	if len(errs) > 0 {
		return nil, finish(errs)
	}
	a, err := pick(agents, name)
	if err != nil {
		return nil, err
	}
	e := explainer{settings: map[manifest.Pos]string{}, field: field}
	for _, l := range a.layers {
		e.index(l.root, "")
	}
	var out []Explanation
	for _, o := range slices.Insert(a.companions(), 0, a.workloadObject(a.podObject())) {
		e.fields = nil
		e.walk(o, "")
		if len(e.fields) > 0 {
			out = append(out, Explanation{textOf(o.Get("kind")), textOf(o.At("metadata", "name")), e.fields})
		}
	}
	if len(errs) > 0 {
		return nil, finish(errs)
	}
	if out == nil {
		return nil, fmt.Errorf("agent %s has no field %s; leave it out to see all", name, field)
	}
	return out, nil
}

// pick finds the agent of that name. Its errors list the agents to choose from.
func pick(agents []*agent, name string) (*agent, error) {
	var found []*agent
	var names []string
	for _, a := range agents {
		full := a.namespace + "/" + a.doc.metadata.Name
		if full == name || a.doc.metadata.Name == name {
			found = append(found, a)
		}
		names = append(names, a.doc.metadata.Name)
	}
	switch {
	case len(found) == 1:
		return found[0], nil
	case len(found) > 1:
		return nil, fmt.Errorf("there are %d agents %s; write <namespace>/%s", len(found), name, name)
	case len(names) == 0:
		return nil, fmt.Errorf("there are no agents")
	}
	if near := manifest.Nearest(name, names); near != "" {
		return nil, fmt.Errorf("there is no agent %s; did you mean %s?", name, near)
	}
	return nil, fmt.Errorf("there is no agent %s; the agents are %s", name, shorten(strings.Join(names, ", "), 300))
}

type explainer struct {
	settings map[manifest.Pos]string
	field    string
	fields   []Origin
}

// index notes which setting stands where. A mapping stands where its first key
// does; the outer one is noted.
func (e *explainer) index(n *manifest.Node, path string) {
	if n == nil {
		return
	}
	if _, known := e.settings[n.Pos]; !known {
		e.settings[n.Pos] = path
	}
	for _, f := range n.Fields {
		at := manifest.Child(path, f.Key)
		if _, known := e.settings[f.Pos]; !known {
			e.settings[f.Pos] = at
		}
		e.index(f.Value, at)
	}
	for i, item := range n.Items {
		e.index(item, manifest.Index(path, i))
	}
}

func (e *explainer) walk(n *manifest.Node, path string) {
	switch {
	case len(n.Fields) > 0:
		for _, f := range sortedFields(n) {
			e.walk(f.Value, manifest.Child(path, f.Key))
		}
	case len(n.Items) > 0:
		e.items(n, path)
	case e.wants(path):
		e.fields = append(e.fields, e.origin(n, path))
	}
}

func sortedFields(n *manifest.Node) []manifest.Field {
	return slices.SortedFunc(slices.Values(n.Fields), func(a, b manifest.Field) int { return strings.Compare(a.Key, b.Key) })
}

// items names the items of a list by their name, and mounts by their place.
func (e *explainer) items(n *manifest.Node, path string) {
	for i, item := range n.Items {
		at := manifest.Index(path, i)
		for _, key := range []string{"mountPath", "name"} {
			if k := item.Get(key); k != nil && len(item.Fields) > 1 {
				at = path + "[" + k.Text + "]"
				item = without(item, key) // the path says it
				break
			}
		}
		e.walk(item, at)
	}
}

func (e *explainer) wants(path string) bool {
	rest, below := strings.CutPrefix(path, e.field)
	return e.field == "" || below && (rest == "" || rest[0] == '.' || rest[0] == '[') ||
		strings.Contains(path, "["+e.field+"]") || strings.HasSuffix(path, "."+e.field)
}

func (e *explainer) origin(n *manifest.Node, path string) Origin {
	o := Origin{Path: path, Value: n.Text, Layer: generated}
	switch n.Kind {
	case manifest.Mapping:
		o.Value = "{}"
	case manifest.Sequence:
		o.Value = "[]"
	}
	if n.Pos.IsValid() {
		o.At, o.Layer, o.Setting = n.Pos.String(), n.Pos.Source.Name, e.settings[n.Pos]
	}
	return o
}
