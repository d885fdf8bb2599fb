package manifest

import (
	"testing"

	"github.com/google/go-cmp/cmp"
)

// Which variables a value uses decides their order, in what is rendered, in
// what an overlay made of it and in what a diff says.
func TestReferences(t *testing.T) {
	tests := []struct {
		why, value string
		want       []string
	}{
		{"no dollar sign", "plain", nil},
		{"one", "$(A)", []string{"A"}},
		{"in the order of the text, with repeats", "x$(B)y$(A)$(B)", []string{"B", "A", "B"}},
		{"$$ is a dollar sign, so this is text", "$$(A)", nil},
		{"a dollar sign, then a reference", "$$$(A)", []string{"A"}},
		{"never closed", "$(A", nil},
		{"of the shell, not of the kubelet", "${A} $A", nil},
		{"at the end", "a$", nil},
	}
	for _, tt := range tests {
		if diff := cmp.Diff(tt.want, References(tt.value)); diff != "" {
			t.Errorf("%s: %q (-want +got):\n%s", tt.why, tt.value, diff)
		}
	}
}
