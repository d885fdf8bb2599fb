//go:build unix

package main

import (
	"bytes"
	"context"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// To open a named pipe that nobody writes to waits, and can be interrupted.
func TestPhaseInterruptedOpen(t *testing.T) {
	t.Parallel()
	name := filepath.Join(t.TempDir(), "pods")
	if err := syscall.Mkfifo(name, 0o600); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
	defer cancel()
	var stdout, stderr bytes.Buffer
	done := make(chan int, 1)
	go func() { done <- run(ctx, []string{"phase", "-f", name}, nil, &stdout, &stderr) }()
	select {
	case code := <-done:
		if code != exitTrouble || !strings.Contains(stderr.String(), name) {
			t.Errorf("exit code %d: %s", code, stderr.String())
		}
	case <-time.After(30 * time.Second):
		t.Fatal("it waits on")
	}
}
