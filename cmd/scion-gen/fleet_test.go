package main

import (
	"bytes"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// The paths of what users copy, from here.
const (
	exampleFleet = "../../examples/fleet"
	overlays     = "../../overlays"
	goldenBuilds = "../../golden/overlays"
	goldenRender = "../../golden/render"
)

// renderStream is what scion-gen render prints for an input, without a word
// beside it.
func renderStream(t testing.TB, input ...string) []byte {
	t.Helper()
	var stdout, stderr bytes.Buffer
	code := run(t.Context(), append([]string{"render"}, input...), strings.NewReader(""), &stdout, &stderr)
	if code != exitOK || stderr.Len() > 0 {
		t.Fatalf("scion-gen render %s: exit code %d\n%s", input, code, &stderr)
	}
	return stdout.Bytes()
}

// renderTree has scion-gen render write an input to a directory.
func renderTree(t testing.TB, dir string, input ...string) {
	t.Helper()
	var stderr bytes.Buffer
	if code := run(t.Context(), append([]string{"render", "-o", dir}, input...), strings.NewReader(""), &stderr, &stderr); code != exitOK {
		t.Fatalf("scion-gen render %s -o %s: exit code %d\n%s", input, dir, code, &stderr)
	}
}

// builtKustomize is the path of kustomize, built once from the version of go.mod.
// It is run by itself: the go command would say on stderr what it downloads.
var builtKustomize = sync.OnceValues(func() (string, error) {
	path, err := exec.Command("go", "tool", "-n", "kustomize").Output()
	return strings.TrimSpace(string(path)), err
})

// stockCommand is the path of the stock kustomize command.
func stockCommand(t testing.TB) string {
	t.Helper()
	path, err := builtKustomize()
	if err != nil {
		t.Fatal("go tool -n kustomize: ", err)
	}
	return path
}

// stockBuild is what the kustomize command prints for a directory. It has
// nothing to warn of.
func stockBuild(t *testing.T, dir string) []byte {
	t.Helper()
	var stdout, stderr bytes.Buffer
	cmd := exec.CommandContext(t.Context(), stockCommand(t), "build", dir)
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	if err := cmd.Run(); err != nil || stderr.Len() > 0 {
		t.Fatalf("kustomize build %s: %v\n%s", dir, err, &stderr)
	}
	return stdout.Bytes()
}

// readFiles are the files below a directory, by their slash-separated names.
func readFiles(t *testing.T, dir string) map[string]string {
	t.Helper()
	files := map[string]string{}
	err := fs.WalkDir(os.DirFS(dir), ".", func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		data, err := os.ReadFile(filepath.Join(dir, path))
		files[path] = string(data)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return files
}

// The base of the overlays is the example fleet as it renders today: neither
// edited by hand nor with files of agents that are gone.
func TestOverlayBaseIsTheExampleFleet(t *testing.T) {
	base := filepath.Join(overlays, "base")
	if *update {
		renderTree(t, base, exampleFleet)
	}
	rendered := t.TempDir()
	renderTree(t, rendered, exampleFleet)
	if diff := cmp.Diff(readFiles(t, base), readFiles(t, rendered)); diff != "" {
		t.Errorf("run go test ./cmd/scion-gen -update (-committed +rendered):\n%s", diff)
	}
}

// renderInputs are what render takes without an error, by name: the example
// fleet, and the files or directories of golden/render.
func renderInputs(t *testing.T) map[string][]string {
	t.Helper()
	inputs := map[string][]string{"example fleet": {exampleFleet}}
	for _, pattern := range []string{"/*.yaml", "/*/*.yaml"} {
		files, err := filepath.Glob(goldenRender + pattern)
		if err != nil {
			t.Fatal(err)
		}
		for _, file := range files {
			name := strings.Split(strings.TrimPrefix(file, goldenRender+"/"), "/")[0]
			if filepath.Base(file) != "manifests.yaml" {
				inputs[name] = append(inputs[name], file)
			}
		}
	}
	return inputs
}

// What render writes is a fixed point of the stock kustomize: it takes the tree
// without a word, and prints what render prints as a stream.
func TestRenderedTreeIsFixedPointOfKustomize(t *testing.T) {
	for name, input := range renderInputs(t) {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			renderTree(t, dir, input...)
			stream := string(renderStream(t, input...))
			if diff := cmp.Diff(stream, string(stockBuild(t, dir))); diff != "" {
				t.Errorf("kustomize build changes what was rendered (-rendered +built):\n%s", diff)
			}
			first := readFiles(t, dir)
			renderTree(t, dir, input...)
			if diff := cmp.Diff(first, readFiles(t, dir)); diff != "" {
				t.Errorf("rendering again changes the tree:\n%s", diff)
			}
		})
	}
}

// Each overlay builds to its golden, with the stock command and in process.
func TestOverlays(t *testing.T) {
	found, err := filepath.Glob(overlays + "/*/kustomization.yaml")
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, path := range found {
		name := filepath.Base(filepath.Dir(path))
		if name == "base" {
			continue
		}
		names = append(names, name+".yaml")
		t.Run(name, func(t *testing.T) {
			built := stockBuild(t, filepath.Dir(path))
			golden := filepath.Join(goldenBuilds, name+".yaml")
			if *update {
				if err := os.WriteFile(golden, built, 0o644); err != nil {
					t.Fatal(err)
				}
			}
			want, err := os.ReadFile(golden)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(string(want), string(built)); diff != "" {
				t.Errorf("kustomize build (-golden +built):\n%s", diff)
			}
			if diff := cmp.Diff(string(want), string(ownBuild(t, filepath.Dir(path)))); diff != "" {
				t.Errorf("in process (-golden +built):\n%s", diff)
			}
		})
	}
	if len(names) == 0 {
		t.Fatal("no overlays")
	}
	for name := range readFiles(t, goldenBuilds) {
		if !slices.Contains(names, name) {
			t.Errorf("golden/overlays/%s is of no overlay; remove it", name)
		}
	}
}

// ownBuild is what scion-gen build prints for a directory, without a word beside
// it.
func ownBuild(t testing.TB, dir string) []byte {
	t.Helper()
	var stdout, stderr bytes.Buffer
	code := run(t.Context(), []string{"build", dir}, strings.NewReader(""), &stdout, &stderr)
	if code != exitOK || stderr.Len() > 0 {
		t.Fatalf("scion-gen build %s: exit code %d\n%s", dir, code, &stderr)
	}
	return stdout.Bytes()
}

// What the examples say of the cluster builds, and has what the fleet needs:
// its namespaces and its priority class.
func TestExampleClusterHasWhatTheFleetNeeds(t *testing.T) {
	cluster := decode(t, stockBuild(t, "../../examples/cluster"))
	has := func(kind, name string) bool {
		return slices.ContainsFunc(cluster, func(o object) bool { return o.kind == kind && o.name == name })
	}
	for _, p := range pods(t, renderStream(t, exampleFleet)) {
		if !has("Namespace", p.Namespace) {
			t.Errorf("%s: examples/cluster has no namespace %s", p.Name, p.Namespace)
		}
		if !has("PriorityClass", p.Spec.PriorityClassName) {
			t.Errorf("%s: examples/cluster has no priority class %s", p.Name, p.Spec.PriorityClassName)
		}
	}
}
