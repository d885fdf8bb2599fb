package manifest

import (
	"encoding/json"
	"testing"

	"go.yaml.in/yaml/v3"
)

// node is a YAML text as a tree whose positions are in a layer of that name.
func node(t testing.TB, layer, text string) *Node {
	t.Helper()
	var doc yaml.Node
	if err := yaml.Unmarshal([]byte(text), &doc); err != nil {
		t.Fatalf("%s: %v", text, err)
	}
	if len(doc.Content) == 0 {
		return nil
	}
	return fromYAML(&Source{File: layer}, doc.Content[0])
}

func fromYAML(src *Source, y *yaml.Node) *Node {
	n := &Node{Text: y.Value, Pos: Pos{Source: src, Line: int32(y.Line), Column: int32(y.Column)}}
	switch {
	case y.Kind == yaml.MappingNode:
		n.Kind = Mapping
		for i := 0; i < len(y.Content); i += 2 {
			key, value := fromYAML(src, y.Content[i]), fromYAML(src, y.Content[i+1])
			n.Fields = append(n.Fields, Field{Key: key.Text, Value: value, Pos: key.Pos})
		}
	case y.Kind == yaml.SequenceNode:
		n.Kind = Sequence
		for _, item := range y.Content {
			n.Items = append(n.Items, fromYAML(src, item))
		}
	case y.Tag == "!!null":
		n.Text = ""
	default:
		n.Kind = map[string]Kind{"!!bool": Bool, "!!int": Number, "!!float": Number, "!!str": String}[y.Tag]
	}
	return n
}

// compact is n as JSON, fields in their order; "nothing" for nil.
func compact(t testing.TB, n *Node) string {
	t.Helper()
	if n == nil {
		return "nothing"
	}
	return string(appendJSON(nil, n))
}

func appendJSON(b []byte, n *Node) []byte {
	switch {
	case n.IsNull():
		return append(b, "null"...)
	case n.Kind == String:
		text, err := json.Marshal(n.Text)
		if err != nil {
			panic(err)
		}
		return append(b, text...)
	case n.Kind == Sequence:
		b = append(b, '[')
		for i, item := range n.Items {
			if i > 0 {
				b = append(b, ',')
			}
			b = appendJSON(b, item)
		}
		return append(b, ']')
	case n.Kind == Mapping:
		b = append(b, '{')
		for i, f := range n.Fields {
			if i > 0 {
				b = append(b, ',')
			}
			b = appendJSON(b, Str(f.Key, f.Pos))
			b = append(b, ':')
			b = appendJSON(b, f.Value)
		}
		return append(b, '}')
	}
	return append(b, n.Text...)
}
