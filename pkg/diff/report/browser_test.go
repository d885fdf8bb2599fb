package report

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"github.com/scion-gen/scion-gen/pkg/diff"
)

// needs skips the test where a program is not there, but not in CI: there the
// page must have been tried.
func needs(t *testing.T, found bool, what string) {
	t.Helper()
	switch {
	case found:
	case os.Getenv("CI") != "":
		t.Fatal(what)
	default:
		t.Skip(what)
	}
}

// A browser opens pages, and testdata/browser/page.test.js uses them as
// reviewers do: of a thousand agents, of hostile texts, of nothing.
func TestPageInBrowser(t *testing.T) {
	node, err := exec.LookPath("node")
	needs(t, err == nil, "node is not installed")
	chromium, err := exec.LookPath("chromium")
	needs(t, err == nil, "chromium is not installed")
	_, err = os.Stat("testdata/browser/node_modules/playwright-core")
	needs(t, err == nil, "no Playwright; run npm ci in pkg/diff/report/testdata/browser")

	dir := t.TempDir()
	n := 0
	mixed := sample(t, 24)
	poison(reflect.ValueOf(mixed), func() string { n++; return fmt.Sprintf("%s %d", hostile[n%len(hostile)], n) })
	for name, r := range map[string]*diff.Report{
		"thousand": sample(t, 1000),
		"single":   sample(t, 0),
		"empty":    {Old: "a", New: "b"},
		"mixed":    mixed,
		"all":      poisoned(t, strings.Join(hostile, "\n")),
	} {
		if err := os.WriteFile(filepath.Join(dir, name+".html"), written(t, HTML, r), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	cmd := exec.CommandContext(t.Context(), node, "--test", "--test-reporter=spec", "testdata/browser/page.test.js")
	cmd.Env = append(os.Environ(), "PAGES="+dir, "CHROMIUM="+chromium, "HOME="+t.TempDir())
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Errorf("%v\n%s", err, out)
	}
}

// Reviewers open the page from a list of artifacts: what is said once must not
// be written a thousand times.
func TestPageIsSmall(t *testing.T) {
	few, many := len(written(t, HTML, sample(t, 10))), len(written(t, HTML, sample(t, 1000)))
	if grown := (many - few) / 990; grown > 800 {
		t.Errorf("each agent takes %d bytes of the page", grown)
	}
	t.Logf("10 agents: %d bytes, 1000 agents: %d", few, many)
}

// The page is the same in each run.
func TestPageIsDeterministic(t *testing.T) {
	first := written(t, HTML, sample(t, 24))
	for range 5 {
		if string(written(t, HTML, sample(t, 24))) != string(first) {
			t.Fatal("two runs differ")
		}
	}
}
