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
	t.Run("child", func(t *testing.T) { endsWith(t, "leaves-child") })
	t.Run("daemon", func(t *testing.T) {
		if _, err := os.Stat("/proc/self/environ"); err != nil {
			t.Skip("no /proc by which a daemon is found")
		}
		endsWith(t, "leaves-daemon")
	})
}

func endsWith(t *testing.T, poller string) {
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
	if code, _, stderr := conform(t, poller, someCases, "--timeout=3s"); code != exitInput {
		t.Errorf("exit code %d, %s", code, stderr)
	}
	if text, err := io.ReadAll(pipe); err != nil || len(text) == 0 {
		t.Errorf("%q, %v: there was no child", text, err)
	}
}
