package render

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/scion-gen/scion-gen/pkg/manifest"
)

// object makes a Mapping of keys and values in turn. Values are strings, bools,
// ints or Nodes; a nil Node leaves its key out. What it makes has no position
// of its own: the position is that of the Nodes put in.
func object(keysAndValues ...any) *manifest.Node {
	n := manifest.Map(manifest.Pos{}, len(keysAndValues)/2)
	for i := 0; i < len(keysAndValues); i += 2 {
		if v := value(keysAndValues[i+1]); v != nil {
			n.Fields = append(n.Fields, manifest.Field{Key: keysAndValues[i].(string), Value: v, Pos: v.Pos})
		}
	}
	return n
}

func value(v any) *manifest.Node {
	switch v := v.(type) {
	case *manifest.Node:
		return v
	case string:
		return manifest.Str(v, manifest.Pos{})
	case bool:
		return manifest.Flag(v, manifest.Pos{})
	case int:
		return manifest.Int(int64(v), manifest.Pos{})
	case []*manifest.Node:
		return list(v...)
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
