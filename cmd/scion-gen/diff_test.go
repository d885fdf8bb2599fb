package main

import (
	"bytes"
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/scion-gen/scion-gen/pkg/diff/report"
)

// diffFormats are the formats that each pair under golden/diff is written in,
// and the name of the file.
var diffFormats = map[string]string{
	"text":     "diff.txt",
	"json":     "diff.json",
	"markdown": "diff.md",
	"html":     "diff.html",
	"sarif":    "diff.sarif",
	"github":   "diff.github",
	"junit":    "diff.xml",
}

// pageAssets are the parts that all HTML pages have: where a style changes,
// the golden pages stay.
var pageAssets = regexp.MustCompile(`(?s)<meta http-equiv.*?>\n|<style>.*?</style>\n|<script>.*?</script>\n`)

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
			t.Setenv("GITHUB_STEP_SUMMARY", "")
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
	got := pageAssets.ReplaceAllString(stdout.String(), "") + stderr.String()
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

// A step of GitHub Actions has one summary that all its commands add to; one
// byte too many, and none of it is shown.
func TestDiffSummarizesStep(t *testing.T) {
	summary := filepath.Join(t.TempDir(), "summary.md")
	t.Setenv("GITHUB_STEP_SUMMARY", summary)
	const before = "written by an earlier command\n"
	diffStep := func() (added, stdout string) {
		writeText(t, summary, before)
		var out, errs bytes.Buffer
		args := []string{"diff", "../../golden/diff/privileged/old.yaml", "../../golden/diff/privileged/new.yaml", "--format", "github"}
		if code := run(t.Context(), args, strings.NewReader(""), &out, &errs); code != exitInput {
			t.Fatalf("exit code %d, %s", code, &errs)
		}
		added, kept := strings.CutPrefix(readText(t, summary), before)
		if !kept {
			t.Error("what was there is gone")
		}
		return added, out.String()
	}
	added, stdout := diffStep()
	if !strings.HasPrefix(added, report.Marker) || !strings.Contains(added, "privileged") {
		t.Errorf("the summary is %q", added)
	}
	if !strings.HasPrefix(stdout, "::error ") {
		t.Errorf("standard output is %q", stdout)
	}
}

// An error of kustomize quotes what a Secret is made of; diff does not.
func TestDiffQuotesNoLiterals(t *testing.T) {
	for name, files := range map[string]map[string]string{
		"a literal":      {"kustomization.yaml": "secretGenerator:\n- name: a\n  literals: [hunter2secret]\n"},
		"a file of them": {"kustomization.yaml": "secretGenerator:\n- name: a\n  envs: [a.env]\n", "a.env": "hunter2secret\xff\n"},
		"a URL":          {"kustomization.yaml": "resources: ['https://bot:hunter2secret@git.example.com/web.git']\n"},
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			for file, text := range files {
				writeText(t, filepath.Join(dir, file), text)
			}
			var stdout, stderr bytes.Buffer
			code := run(t.Context(), []string{"diff", dir, dir}, strings.NewReader(""), &stdout, &stderr)
			if out := stdout.String() + stderr.String(); code != exitTrouble || strings.Contains(out, "hunter2") || !strings.Contains(out, "kustomization.yaml:") {
				t.Errorf("exit code %d:\n%s", code, out)
			}
		})
	}
}
