package main

import (
	"bytes"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	golden "github.com/scion-gen/scion-gen/golden/phasemap"
)

// copySuite returns a folder that holds the suite and may be changed.
func copySuite(t *testing.T) string {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "v1")
	if err := os.CopyFS(dir, golden.V1()); err != nil {
		t.Fatal(err)
	}
	return dir
}

// What is committed is sealed: doing it again changes no byte.
func TestSealed(t *testing.T) {
	dir := copySuite(t)
	if err := seal(dir); err != nil {
		t.Fatal(err)
	}
	compared := 0
	err := fs.WalkDir(golden.V1(), ".", func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		want, err := fs.ReadFile(golden.V1(), path)
		if err != nil {
			return err
		}
		got, err := os.ReadFile(filepath.Join(dir, path))
		if err != nil {
			return err
		}
		compared++
		if !bytes.Equal(want, got) {
			t.Errorf("%s (-committed +sealed):\n%s", path, cmp.Diff(string(want), string(got)))
		}
		return nil
	})
	if err != nil || compared == 0 {
		t.Fatal(compared, err)
	}
}

func TestSealRefuses(t *testing.T) {
	const path = "cases/agent-exits/exit-0.json"
	for name, c := range map[string]struct {
		change func(old string) string // empty removes the file
		want   string
	}{
		"another expectation": {func(old string) string { return strings.Replace(old, `"PM210"`, `"PM211"`, 1) }, "asks or expects something else"},
		"another question":    {func(old string) string { return strings.Replace(old, `"exitCode": 0`, `"exitCode": 1`, 1) }, "asks or expects something else"},
		"another clock":       {func(old string) string { return strings.Replace(old, `"now": "2026`, `"now": "2027`, 1) }, "asks or expects something else"},
		"no file":             {func(string) string { return "" }, "gone"},
		"another id":          {func(old string) string { return strings.Replace(old, `"exit-0"`, `"exit-zero"`, 1) }, "belong to"},
		"a member too many":   {func(old string) string { return strings.Replace(old, `"op"`, `"hint": 1, "op"`, 1) }, "unknown field"},
	} {
		t.Run(name, func(t *testing.T) {
			dir := copySuite(t)
			rewrite(t, filepath.Join(dir, path), c.change)
			err := seal(dir)
			if err == nil || !strings.Contains(err.Error(), c.want) || !strings.Contains(err.Error(), "exit-0.json") {
				t.Errorf("seal: %v, want %q of %s", err, c.want, path)
			}
		})
	}
}

// Words may change, and cases may come.
func TestSealAccepts(t *testing.T) {
	dir := copySuite(t)
	path := filepath.Join(dir, "cases/agent-exits/exit-0.json")
	rewrite(t, path, func(old string) string { return strings.Replace(old, `"title": "`, `"title": "better: `, 1) })
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	added := strings.Replace(string(data), `"id": "exit-0"`, `"id": "exit-zero"`, 1)
	if err := os.WriteFile(filepath.Join(dir, "cases/agent-exits/exit-zero.json"), []byte(added), 0o644); err != nil {
		t.Fatal(err)
	}
	if err := seal(dir); err != nil {
		t.Fatal(err)
	}
	before, err := golden.ReadSuite(golden.V1())
	if err != nil {
		t.Fatal(err)
	}
	after, err := golden.ReadSuite(os.DirFS(dir))
	if err != nil {
		t.Fatal(err)
	}
	if len(after.Files) != len(before.Files)+1 {
		t.Errorf("%d files, were %d", len(after.Files), len(before.Files))
	}
}

func rewrite(t *testing.T, path string, change func(string) string) {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	text := change(string(data))
	switch {
	case text == "":
		err = os.Remove(path)
	case text == string(data):
		t.Fatalf("%s: nothing to change", path)
	default:
		err = os.WriteFile(path, []byte(text), 0o644)
	}
	if err != nil {
		t.Fatal(err)
	}
}
