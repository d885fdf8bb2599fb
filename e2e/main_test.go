// Package e2e asks a real API server about what scion-gen renders and what it
// says of Pods. See README.md.
package e2e

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/scion-gen/scion-gen/e2e/cluster"
)

// What all tests share, once TestMain has it.
var (
	server   *cluster.Cluster
	scionGen string // the program, built from the folder above
)

func TestMain(m *testing.M) {
	code, err := run(m)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		code = 1
	}
	os.Exit(code)
}

// run has no way to skip: what cannot be built or started is an error.
func run(m *testing.M) (code int, err error) {
	ctx := context.Background()
	if server, err = cluster.Start(ctx, os.Stderr); err != nil {
		return 1, err
	}
	defer func() { err = errors.Join(err, server.Stop()) }()
	scionGen = filepath.Join(server.Dir(), "scion-gen")
	build := exec.CommandContext(ctx, "go", "build", "-o", scionGen, "./cmd/scion-gen")
	build.Dir, build.Stderr = "..", os.Stderr
	if err := build.Run(); err != nil {
		return 1, fmt.Errorf("build scion-gen: %w", err)
	}
	if err := installDefinitions(ctx); err != nil {
		return 1, err
	}
	return m.Run(), nil
}

// Where the programs cannot be built, the run fails and leaves nothing.
func TestFailsWithoutPrograms(t *testing.T) {
	goCommand, err := exec.LookPath("go")
	if err != nil {
		t.Fatal(err)
	}
	modules, err := exec.CommandContext(t.Context(), "go", "env", "GOMODCACHE").Output()
	if err != nil {
		t.Fatal(err)
	}
	bin, cache, tmp := t.TempDir(), t.TempDir(), t.TempDir()
	noBuild := "#!/bin/sh\n[ \"$1\" = list ] && exec " + goCommand + " \"$@\"\necho no compiler >&2\nexit 1\n"
	if err := os.WriteFile(filepath.Join(bin, "go"), []byte(noBuild), 0o700); err != nil {
		t.Fatal(err)
	}
	c := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^$")
	c.Env = append(os.Environ(), "PATH="+bin+":"+os.Getenv("PATH"), "TMPDIR="+tmp,
		"HOME="+cache, "XDG_CACHE_HOME="+cache, "GOMODCACHE="+strings.TrimSpace(string(modules)))
	out, err := c.CombinedOutput()
	if code := c.ProcessState.ExitCode(); code != 1 {
		t.Errorf("exit code %d: %v", code, err)
	}
	if want := "build k8s.io/kubernetes/cmd/kube-apiserver: exit status 1"; !strings.Contains(string(out), want) {
		t.Errorf("said %q, want %q", out, want)
	}
	built, _ := filepath.Glob(filepath.Join(cache, "*", "*", "*", "kube-apiserver*"))
	left, err := os.ReadDir(tmp)
	if err != nil || len(left) > 0 || len(built) > 0 {
		t.Errorf("left: %v, %v, %v", left, built, err)
	}
}
