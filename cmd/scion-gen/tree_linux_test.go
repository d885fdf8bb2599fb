package main

import (
	"os"
	"strings"
	"syscall"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// mount makes a directory a file system of its own, where that is allowed.
func mount(t *testing.T, options string) (dir string) {
	t.Helper()
	dir = t.TempDir()
	if err := syscall.Mount("tmpfs", dir, "tmpfs", 0, options); err != nil {
		t.Skipf("no file system can be mounted: %v", err)
	}
	t.Cleanup(func() {
		if err := syscall.Unmount(dir, syscall.MNT_DETACH); err != nil {
			t.Error(err)
		}
	})
	return dir
}

// A disk that is full in the midst of a run keeps whole files; with room again,
// the run ends as if nothing had happened.
func TestDiskFull(t *testing.T) {
	configs, trees := twoFleets(t)
	dir := mount(t, "size=2m")
	runTo(t, configs[0], dir, trees[0])
	ballast := dir + "/ballast"
	f, err := os.Create(ballast)
	if err != nil {
		t.Fatal(err)
	}
	for err == nil {
		_, err = f.Write(make([]byte, 4096))
	}
	f.Close()
	cmd, out := renderer(t, configs[1], dir)
	if err := cmd.Run(); err == nil || !strings.Contains(out.String(), "no space left on device") {
		t.Errorf("error %v\n%s", err, out)
	}
	if err := os.Remove(ballast); err != nil {
		t.Fatal(err)
	}
	if err := trees.whole(dir); err != nil {
		t.Error(err)
	}
	runTo(t, configs[1], dir, trees[1])
}

// A directory that cannot be written to stays as it is, and is named; --check
// does not mind.
func TestReadOnlyDirectory(t *testing.T) {
	configs, trees := twoFleets(t)
	dir := mount(t, "")
	runTo(t, configs[0], dir, trees[0])
	if err := syscall.Mount("", dir, "", syscall.MS_REMOUNT|syscall.MS_RDONLY, ""); err != nil {
		t.Fatal(err)
	}
	cmd, out := renderer(t, configs[1], dir)
	if err := cmd.Run(); err == nil || cmd.ProcessState.ExitCode() != exitTrouble || !strings.Contains(out.String(), dir) {
		t.Errorf("error %v\n%s", err, out)
	}
	if diff := cmp.Diff(trees[0], readFiles(t, dir)); diff != "" {
		t.Errorf("the tree has changed (-before +after):\n%s", diff)
	}
	cmd, out = renderer(t, configs[0], dir)
	cmd.Args = append(cmd.Args, "--check")
	if err := cmd.Run(); err != nil {
		t.Errorf("--check: %v\n%s", err, out)
	}
}
