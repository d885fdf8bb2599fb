package diff

import "github.com/scion-gen/scion-gen/pkg/manifest"

// rawEdit is what of an Edit must not be shown: the values before redaction.
type rawEdit struct {
	path     []step
	old, new *manifest.Node
}

// step is one key of a mapping, or one item of a list.
type step struct {
	key   string
	index int // of the item, -1 in a mapping
}
