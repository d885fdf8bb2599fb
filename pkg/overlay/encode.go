package overlay

import (
	"regexp"

	kustresource "sigs.k8s.io/kustomize/api/resource"
	kyaml "sigs.k8s.io/kustomize/kyaml/yaml"

	"github.com/scion-gen/scion-gen/pkg/manifest"
)

// encode writes an object as kustomize prints it, and returns it as a tree where
// that is cheap. Kustomize goes through YAML, JSON and YAML again, with 2 ms of
// CPU time a pod; what is plain takes the short way, to the same bytes.
func encode(r *kustresource.Resource) ([]byte, *manifest.Node, error) {
	if n := plain(r.YNode()); n != nil {
		if out, err := manifest.Append(nil, n); err == nil {
			return out, n, nil
		}
	}
	out, err := r.AsYAML()
	return out, nil, err
}

// plainInt are the integers that YAML and JSON write the same way, and that
// float64 holds.
var plainInt = regexp.MustCompile(`^(0|-?[1-9][0-9]{0,14})$`)

// plain is n as JSON has it, or nil where that takes more than a look: aliases,
// merges, floats, dates and what else YAML has beyond JSON.
func plain(n *kyaml.Node) *manifest.Node {
	switch n.Kind {
	case kyaml.DocumentNode:
		if len(n.Content) == 1 {
			return plain(n.Content[0])
		}
	case kyaml.MappingNode:
		return plainMapping(n)
	case kyaml.SequenceNode:
		out := &manifest.Node{Kind: manifest.Sequence, Items: make([]*manifest.Node, len(n.Content))}
		for i, c := range n.Content {
			if out.Items[i] = plain(c); out.Items[i] == nil {
				return nil
			}
		}
		return out
	case kyaml.ScalarNode:
		return plainScalar(n)
	}
	return nil
}

func plainMapping(n *kyaml.Node) *manifest.Node {
	out := &manifest.Node{Kind: manifest.Mapping, Fields: make([]manifest.Field, len(n.Content)/2)}
	for i := range out.Fields {
		key, value := n.Content[2*i], plain(n.Content[2*i+1])
		if value == nil || key.Kind != kyaml.ScalarNode || key.ShortTag() != kyaml.NodeTagString {
			return nil
		}
		out.Fields[i] = manifest.Field{Key: key.Value, Value: value}
	}
	return out
}

func plainScalar(n *kyaml.Node) *manifest.Node {
	switch n.ShortTag() {
	case kyaml.NodeTagString:
		return &manifest.Node{Kind: manifest.String, Text: n.Value}
	case kyaml.NodeTagInt:
		if plainInt.MatchString(n.Value) {
			return &manifest.Node{Kind: manifest.Number, Text: n.Value}
		}
	case kyaml.NodeTagBool:
		if n.Value == "true" || n.Value == "false" {
			return &manifest.Node{Kind: manifest.Bool, Text: n.Value}
		}
	case kyaml.NodeTagNull:
		return &manifest.Node{Kind: manifest.Null}
	}
	return nil
}
