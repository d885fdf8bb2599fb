package render_test

import (
	"bytes"
	"errors"
	"flag"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/scion-gen/scion-gen/pkg/manifest"
	"github.com/scion-gen/scion-gen/pkg/render"
	"github.com/scion-gen/scion-gen/templates"
)

var update = flag.Bool("update", false, "rewrite the golden files")

const golden = "../../golden"

// renderFiles is the stream that the files make together with the built-in
// templates. There is no output where there is an error.
func renderFiles(files []render.File) ([]byte, error) {
	config, err := render.Load(templates.Files(), files)
	if err != nil {
		return nil, err
	}
	manifests, err := config.Render()
	if err != nil {
		return nil, err
	}
	var out bytes.Buffer
	_, err = manifests.WriteTo(&out)
	return out.Bytes(), err
}

// readCase reads the YAML files of a case: a file, or all in a directory.
// Names in messages are relative to the directory of the cases. Each file's
// first line is a comment that says why it exists.
func readCase(t *testing.T, dir, name string) []render.File {
	t.Helper()
	var files []render.File
	found, err := filepath.Glob(filepath.Join(dir, name+".yaml"))
	if err != nil {
		t.Fatal(err)
	}
	more, err := filepath.Glob(filepath.Join(dir, name, "*.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range append(found, more...) {
		if filepath.Base(file) == "manifests.yaml" {
			continue
		}
		data, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		rel, err := filepath.Rel(dir, file)
		if err != nil {
			t.Fatal(err)
		}
		if !bytes.HasPrefix(data, []byte("# ")) {
			t.Errorf("%s: the first line has to say why the case exists", rel)
		}
		files = append(files, render.File{Name: filepath.ToSlash(rel), Data: data})
	}
	if len(files) == 0 {
		t.Fatalf("%s/%s has an output and no input", dir, name)
	}
	return files
}

// cases are the names of the inputs and of the outputs of dir, each once.
func cases(t *testing.T, dir string) []string {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, e := range entries {
		names = append(names, strings.TrimSuffix(e.Name(), path.Ext(e.Name())))
	}
	names = slices.Compact(names)
	if len(names) == 0 {
		t.Fatalf("%s has no cases", dir)
	}
	return names
}

// compare holds got against a golden file, or rewrites it.
func compare(t *testing.T, file string, got []byte) {
	t.Helper()
	if *update {
		if err := os.WriteFile(file, got, 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatalf("%v; go test ./pkg/render -update writes it", err)
	}
	if diff := cmp.Diff(string(want), string(got)); diff != "" {
		t.Errorf("%s (-want +got)\n%s", file, diff)
	}
}

// TestErrors renders golden/errors: each case gives just the lines of its .out,
// and no manifest.
func TestErrors(t *testing.T) {
	dir := filepath.Join(golden, "errors")
	for _, name := range cases(t, dir) {
		t.Run(name, func(t *testing.T) {
			files := readCase(t, dir, name)
			out, err := renderFiles(files)
			if len(out) > 0 {
				t.Errorf("rendered beside an error:\n%s", out)
			}
			if err == nil {
				t.Fatal("no error")
			}
			checkMistakes(t, err)
			compare(t, filepath.Join(dir, name+".out"), []byte(err.Error()+"\n"))
		})
	}
}

// checkMistakes holds an error against what every error promises: one line for
// each mistake, with a position, in the order of positions, none twice.
func checkMistakes(t *testing.T, err error) {
	t.Helper()
	mistakes, ok := errors.AsType[manifest.Errors](err)
	if !ok {
		t.Fatalf("%T is not manifest.Errors: %v", err, err)
	}
	said := map[string]bool{}
	for _, e := range mistakes {
		line := e.Error()
		if !e.Pos.IsValid() || e.Pos.Line < 1 || e.Pos.Column < 1 {
			t.Errorf("no position: %s", line)
		}
		if strings.ContainsAny(line, "\n\r") {
			t.Errorf("more than one line: %q", line)
		}
		if said[line] {
			t.Errorf("said twice: %s", line)
		}
		said[line] = true
	}
	if !slices.IsSortedFunc(mistakes, func(a, b *manifest.Error) int {
		if a.Pos.Source.File != b.Pos.Source.File {
			return strings.Compare(a.Pos.Source.File, b.Pos.Source.File)
		}
		return int(a.Pos.Line-b.Pos.Line)*1000 + int(a.Pos.Column-b.Pos.Column)
	}) {
		t.Errorf("not in the order of positions:\n%v", err)
	}
}
