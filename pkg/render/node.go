package render

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/scion-gen/scion-gen/pkg/manifest"
)

// object makes a Mapping of keys and values in turn. Values are strings, bools,
// ints or Nodes; a nil Node leaves its key out. What it makes has no position
// of its own: the position is that of the Nodes put in.
func object(keysAndValues ...any) *manifest.Node {
	made := make([]manifest.Node, 1, 1+len(keysAndValues)/2-nodesIn(keysAndValues)) // one allocation for what lives and dies together
	made[0] = manifest.Node{Kind: manifest.Mapping, Fields: make([]manifest.Field, 0, len(keysAndValues)/2)}
	for i := 0; i < len(keysAndValues); i += 2 {
		var v *manifest.Node
		switch of := keysAndValues[i+1].(type) {
		case *manifest.Node:
			v = of
		case []*manifest.Node:
			v = list(of...)
		default:
			made = append(made, scalar(of))
			v = &made[len(made)-1]
		}
		if v != nil {
			made[0].Fields = append(made[0].Fields, manifest.Field{Key: keysAndValues[i].(string), Value: v, Pos: v.Pos})
		}
	}
	return &made[0]
}

// nodesIn is how many of an object's values are Nodes, and not made by it.
func nodesIn(keysAndValues []any) (n int) {
	for i := 1; i < len(keysAndValues); i += 2 {
		switch keysAndValues[i].(type) {
		case *manifest.Node, []*manifest.Node:
			n++
		}
	}
	return n
}

func value(v any) *manifest.Node {
	n := scalar(v)
	return &n
}

func scalar(v any) manifest.Node {
	switch v := v.(type) {
	case string:
		return manifest.Node{Kind: manifest.String, Text: v}
	case bool:
		return manifest.Node{Kind: manifest.Bool, Text: strconv.FormatBool(v)}
	case int:
		return manifest.Node{Kind: manifest.Number, Text: strconv.Itoa(v)}
	}
	panic(fmt.Sprintf("render: no node of %T", v))
}

// list makes a Sequence, or nil where there is nothing in it.
func list(items ...*manifest.Node) *manifest.Node {
	if len(items) == 0 {
		return nil
	}
	return manifest.List(manifest.Pos{}, items...)
}

// at gives n, and what it holds without a position, the position p. It is for
// Nodes just made.
func at(p manifest.Pos, n *manifest.Node) *manifest.Node {
	if n == nil || n.Pos.IsValid() {
		return n
	}
	n.Pos = p
	for i := range n.Fields {
		at(p, n.Fields[i].Value)
		if !n.Fields[i].Pos.IsValid() {
			n.Fields[i].Pos = p
		}
	}
	for _, item := range n.Items {
		at(p, item)
	}
	return n
}

func fields(n *manifest.Node) []manifest.Field {
	if n == nil {
		return nil
	}
	return n.Fields
}

func items(n *manifest.Node) []*manifest.Node {
	if n == nil {
		return nil
	}
	return n.Items
}

// keys lists a map's keys for a message.
func keys[V any](m map[string]V) string {
	return strings.Join(slices.Sorted(maps.Keys(m)), ", ")
}
