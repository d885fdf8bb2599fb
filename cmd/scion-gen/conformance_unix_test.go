//go:build unix

package main

import (
	"io"
	"os"
	"path/filepath"
	"syscall"
	"testing"
)

// What a poller leaves behind is ended with it: a named pipe reads to its end
// once nobody holds it.
func TestNothingIsLeftBehind(t *testing.T) {
	name := filepath.Join(t.TempDir(), "alive")
	if err := syscall.Mkfifo(name, 0o600); err != nil {
		t.Fatal(err)
	}
	t.Setenv(aliveVariable, name)
	pipe, err := os.OpenFile(name, os.O_RDONLY|syscall.O_NONBLOCK, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer pipe.Close()
	if code, _, stderr := conform(t, "leaves-child", someCases, "--timeout=3s"); code != exitInput {
		t.Errorf("exit code %d, %s", code, stderr)
	}
	if text, err := io.ReadAll(pipe); err != nil || len(text) == 0 {
		t.Errorf("%q, %v: there was no child", text, err)
	}
}
