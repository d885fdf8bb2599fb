package main

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// The README's transcripts are what its commands print: each block marked
// console is run, in a folder that has the repository's examples, and compared.
func TestReadme(t *testing.T) {
	const readme = "../../README.md"
	data, err := os.ReadFile(readme)
	if err != nil {
		t.Fatal(err)
	}
	runner := newTranscript(t)
	const open, end = "```console\n", "```\n"
	var got strings.Builder
	rest, blocks := string(data), 0
	for {
		before, after, found := strings.Cut(rest, open)
		got.WriteString(before)
		if !found {
			break
		}
		block, after, closed := strings.Cut(after, end)
		if !closed {
			t.Fatalf("a block is not closed: %s", block)
		}
		got.WriteString(open + runner.block(block) + end)
		rest, blocks = after, blocks+1
	}
	if blocks == 0 {
		t.Fatal("no transcripts found")
	}
	if *update {
		if err := os.WriteFile(readme, []byte(got.String()), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if diff := cmp.Diff(string(data), got.String()); diff != "" && !*update {
		t.Errorf("run go test ./cmd/scion-gen -run TestReadme -update (-README +printed):\n%s", diff)
	}
}

type transcript struct {
	t   *testing.T
	dir string
	env []string
}

func newTranscript(t *testing.T) *transcript {
	root, err := filepath.Abs("../..")
	if err != nil {
		t.Fatal(err)
	}
	dir, bin := t.TempDir(), t.TempDir()
	for _, name := range []string{"examples", "overlays"} {
		if err := os.Symlink(filepath.Join(root, name), filepath.Join(dir, name)); err != nil {
			t.Fatal(err)
		}
	}
	build := exec.CommandContext(t.Context(), "go", "build", "-o", bin+"/", ".", "sigs.k8s.io/kustomize/kustomize/v5")
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	env := append(os.Environ(), "PATH="+bin+":"+os.Getenv("PATH"), "NO_COLOR=1")
	return &transcript{t, dir, env}
}

// block runs the commands of a block, the lines after "$ ", and returns it with
// what they print.
func (r *transcript) block(text string) string {
	var out bytes.Buffer
	for line := range strings.Lines(text) {
		command, ok := strings.CutPrefix(line, "$ ")
		if !ok {
			continue
		}
		out.WriteString(line)
		cmd := exec.CommandContext(r.t.Context(), "sh", "-c", command)
		cmd.Dir, cmd.Env, cmd.Stdout, cmd.Stderr = r.dir, r.env, &out, &out
		if err := cmd.Run(); err != nil && cmd.ProcessState == nil {
			r.t.Fatalf("%s: %v", command, err)
		}
	}
	return out.String()
}
