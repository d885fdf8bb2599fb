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
