package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/scion-gen/scion-gen/pkg/render"
)

// builtTree has scion-gen build write resources, one document each, to a directory
// and returns its files.
func builtTree(t *testing.T, docs []string) map[string]string {
	t.Helper()
	dir := t.TempDir()
	kustomization := filepath.Join(dir, "overlay")
	if err := os.Mkdir(kustomization, 0o755); err != nil {
		t.Fatal(err)
	}
	for name, text := range map[string]string{"kustomization.yaml": "resources: [all.yaml]\n", "all.yaml": strings.Join(docs, "---\n")} {
		if err := os.WriteFile(filepath.Join(kustomization, name), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	var out strings.Builder
	if code := run(t.Context(), []string{"build", kustomization, "-o", filepath.Join(dir, "out")}, strings.NewReader(""), &out, &out); code != exitOK {
		t.Fatalf("exit code %d\n%s", code, &out)
	}
	return readFiles(t, filepath.Join(dir, "out"))
}

// Files are named as kustomize build -o names them, where every file system takes
// that and tells it apart.
func TestBuiltNames(t *testing.T) {
	role := func(name string) string {
		return fmt.Sprintf("apiVersion: rbac.authorization.k8s.io/v1\nkind: ClusterRole\nmetadata: {name: %q}\nrules: []\n", name)
	}
	claim := func(namespace string) string {
		return fmt.Sprintf("apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a, namespace: %s}\n", namespace)
	}
	var got []string
	for name := range builtTree(t, []string{role("admin"), role("Admin"), role("system:x"), role("system_x"), role(strings.Repeat("x", 253)), claim("one"), claim("two")}) {
		got = append(got, name)
		if len(name) > 255 {
			t.Errorf("%s is longer than 255 bytes", name)
		}
	}
	for _, want := range []string{"rbac.authorization.k8s.io_v1_clusterrole_admin.yaml", "rbac.authorization.k8s.io_v1_clusterrole_system_x.yaml", "one_v1_configmap_a.yaml", "two_v1_configmap_a.yaml"} {
		if !strings.Contains(strings.Join(got, "\n"), want) {
			t.Errorf("there is no %s", want)
		}
	}
	folded := map[string]bool{}
	for _, name := range got {
		folded[strings.ToLower(name)] = true
	}
	if diff := cmp.Diff(8, len(folded)); diff != "" { // seven objects and the index
		t.Errorf("files (-want +got):\n%s%q", diff, got)
	}
}

// A folder has at most as many entries as git hosts list, with what the tree keeps
// beside the files.
func TestBuiltFolders(t *testing.T) {
	for _, n := range []int{maxFiles, maxFiles + 1, 3000} {
		docs := make([]string, n)
		for i := range docs {
			docs[i] = fmt.Sprintf("apiVersion: v1\nkind: ConfigMap\nmetadata: {name: c%d, namespace: one}\n", i)
		}
		files := builtTree(t, docs)
		entries := map[string]map[string]bool{}
		for name := range files {
			for at := name; at != "."; at = filepath.Dir(at) {
				if entries[filepath.Dir(at)] == nil {
					entries[filepath.Dir(at)] = map[string]bool{}
				}
				entries[filepath.Dir(at)][at] = true
			}
		}
		for folder, names := range entries {
			if len(names) > render.MaxEntries-2 { // a journal and a temporary file
				t.Errorf("%d objects: %s has %d entries", n, folder, len(names))
			}
		}
		if flat := len(entries) == 1; flat != (n <= maxFiles) || len(files) != n+1 {
			t.Errorf("%d objects are %d files in %d folders", n, len(files), len(entries))
		}
	}
}
