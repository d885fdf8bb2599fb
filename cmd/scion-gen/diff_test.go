package main

import (
	"bytes"
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// diffFormats are the formats that each pair under golden/diff is written in,
// and the name of the file.
var diffFormats = map[string]string{
	"text": "diff.txt",
	"json": "diff.json",
}

// The pairs under golden/diff are what a reviewer sees, byte by byte. Each
// has old and new, a line why it exists, perhaps flags, and the exit code where
// it is not 1.
func TestDiffGolden(t *testing.T) {
	pairs, err := filepath.Glob("../../golden/diff/*/why")
	if err != nil || len(pairs) < 30 {
		t.Fatalf("%d pairs, want 30 or more: %v", len(pairs), err)
	}
	for _, why := range pairs {
		dir := filepath.Dir(why)
		t.Run(filepath.Base(dir), func(t *testing.T) {
			t.Chdir(dir)
			if strings.TrimSpace(readText(t, "why")) == "" {
				t.Error("nothing says why the pair exists")
			}
			for format, name := range diffFormats {
				diffGolden(t, format, name)
			}
		})
	}
	dirs, err := os.ReadDir("../../golden/diff")
	if err != nil {
		t.Fatal(err)
	}
	if len(dirs) != len(pairs) {
		t.Errorf("%d directories under golden/diff, and %d say why they exist", len(dirs), len(pairs))
	}
}

func diffGolden(t *testing.T, format, name string) {
	t.Helper()
	args := append([]string{"diff", side("old"), side("new"), "--format", format}, strings.Fields(readText(t, "flags"))...)
	var stdout, stderr bytes.Buffer
	code := run(context.Background(), args, strings.NewReader(""), &stdout, &stderr)
	got := stdout.String() + stderr.String()
	want, wantCode := readText(t, name), 1
	if text := readText(t, "exit"); text != "" {
		wantCode, _ = strconv.Atoi(strings.TrimSpace(text))
	}
	if *update {
		writeText(t, name, got)
		if code != 1 {
			writeText(t, "exit", strconv.Itoa(code)+"\n")
		}
		return
	}
	if d := cmp.Diff(want, got); d != "" {
		t.Errorf("%s (-want +got):\n%s", name, d)
	}
	if code != wantCode {
		t.Errorf("exit code %d, want %d", code, wantCode)
	}
}

// side is a directory, or a file of that name.
func side(name string) string {
	if _, err := os.Stat(name); err == nil {
		return name
	}
	return name + ".yaml"
}

// readText is a file, empty if there is none.
func readText(t *testing.T, name string) string {
	t.Helper()
	data, err := os.ReadFile(name)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		t.Fatal(err)
	}
	return string(data)
}

func writeText(t *testing.T, name, text string) {
	t.Helper()
	if err := os.WriteFile(name, []byte(text), 0o666); err != nil {
		t.Fatal(err)
	}
}
