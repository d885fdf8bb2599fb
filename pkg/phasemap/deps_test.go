package phasemap_test

import (
	"os/exec"
	"strings"
	"testing"
)

// A poller that imports the package compiles the API types and what they need,
// no client and no kustomize.
func TestImports(t *testing.T) {
	out, err := exec.CommandContext(t.Context(), "go", "list", "-f", "{{join .Imports \"\\n\"}}", ".").Output()
	if err != nil {
		t.Fatal(err)
	}
	imports := strings.Fields(string(out))
	if len(imports) == 0 {
		t.Fatal("no imports")
	}
	for _, path := range imports {
		if strings.Contains(path, ".") && !within(path, "k8s.io/api") && !within(path, "k8s.io/apimachinery") {
			t.Errorf("imports %s", path)
		}
	}
	out, err = exec.CommandContext(t.Context(), "go", "list", "-deps", ".").Output()
	if err != nil {
		t.Fatal(err)
	}
	const own = "github.com/scion-gen/scion-gen/"
	for path := range strings.FieldsSeq(string(out)) {
		switch {
		case strings.HasPrefix(path, own) && path != own+"pkg/phasemap",
			within(path, "k8s.io/client-go"), strings.Contains(path, "kustomize"):
			t.Errorf("depends on %s", path)
		}
	}
}

func within(path, module string) bool {
	return path == module || strings.HasPrefix(path, module+"/")
}
