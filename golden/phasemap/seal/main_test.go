package main

import (
	"bytes"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	golden "github.com/scion-gen/scion-gen/golden/phasemap"
)

// copySuite returns a folder that holds the suite and may be changed.
func copySuite(t *testing.T) string {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "v1")
	if err := os.CopyFS(dir, golden.V1()); err != nil {
		t.Fatal(err)
	}
	return dir
}

// What is committed is sealed: doing it again changes no byte.
func TestSealed(t *testing.T) {
	dir := copySuite(t)
	if err := seal(dir); err != nil {
		t.Fatal(err)
	}
	compared := 0
	err := fs.WalkDir(golden.V1(), ".", func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		want, err := fs.ReadFile(golden.V1(), path)
		if err != nil {
			return err
		}
		got, err := os.ReadFile(filepath.Join(dir, path))
		if err != nil {
			return err
		}
		compared++
		if !bytes.Equal(want, got) {
			t.Errorf("%s (-committed +sealed):\n%s", path, cmp.Diff(string(want), string(got)))
		}
		return nil
	})
	if err != nil || compared == 0 {
		t.Fatal(compared, err)
	}
}

const exit0 = "cases/agent-exits/exit-0.json"

// A change of what was promised is found, and sealing does not help, whatever
// else is changed with it. Both must be so: tests verify, people seal.
func TestPromisesAreKept(t *testing.T) {
	otherRule := func(t *testing.T, dir string) { replace(t, dir, exit0, `"PM210"`, `"PM211"`) }
	for name, c := range map[string]struct {
		change func(t *testing.T, dir string)
		want   string
	}{
		"another expectation": {otherRule, exit0 + ": asks, requires or expects something else"},
		"another question": {func(t *testing.T, dir string) {
			replace(t, dir, exit0, `"exitCode": 0`, `"exitCode": 1`)
		}, exit0 + ": asks, requires or expects something else"},
		"another clock": {func(t *testing.T, dir string) {
			replace(t, dir, exit0, `"now": "2026`, `"now": "2027`)
		}, exit0 + ": asks, requires or expects something else"},
		"another profile": {func(t *testing.T, dir string) {
			replace(t, dir, exit0, `"core"`, `"core", "clock"`)
		}, exit0 + ": asks, requires or expects something else"},
		"no file": {func(t *testing.T, dir string) { remove(t, dir, exit0) }, exit0 + ": gone"},
		"another expectation, and suite.json is emptied": {func(t *testing.T, dir string) {
			otherRule(t, dir)
			write(t, dir, "suite.json", `{"version": "1.0.0"}`)
		}, exit0 + ": asks, requires or expects something else"},
		"another expectation, and its line in the ledger is gone": {func(t *testing.T, dir string) {
			otherRule(t, dir)
			cutLine(t, dir, "ledger.txt", exit0)
		}, "ledger.txt: line 1 to"},
		"another expectation, and the ledger is emptied": {func(t *testing.T, dir string) {
			otherRule(t, dir)
			write(t, dir, "ledger.txt", "")
		}, "ledger.txt: line 1 to"},
		"another expectation, and the ledger is gone": {func(t *testing.T, dir string) {
			otherRule(t, dir)
			remove(t, dir, "ledger.txt")
		}, "open ledger.txt"},
		"another expectation, and the ledger is made to fit": {func(t *testing.T, dir string) {
			otherRule(t, dir)
			c, err := golden.ReadCase(os.DirFS(dir), exit0)
			if err != nil {
				t.Fatal(err)
			}
			fingerprint, err := c.Fingerprint()
			if err != nil {
				t.Fatal(err)
			}
			cutLine(t, dir, "ledger.txt", exit0)
			add(t, dir, "ledger.txt", "1.0.0 "+exit0+" "+fingerprint+"\n")
		}, "ledger.txt: line 1 to"},
		"another expectation, as of a later version": {func(t *testing.T, dir string) {
			otherRule(t, dir)
			replace(t, dir, exit0, `"since": "1.0.0"`, `"since": "1.1.0"`)
			replace(t, dir, "suite.json", `"version": "1.0.0"`, `"version": "1.1.0"`)
		}, exit0 + ": asks, requires or expects something else"},
		"the same case, as of a later version": {func(t *testing.T, dir string) {
			replace(t, dir, exit0, `"since": "1.0.0"`, `"since": "1.1.0"`)
			replace(t, dir, "suite.json", `"version": "1.0.0"`, `"version": "1.1.0"`)
		}, exit0 + ": is since 1.0.0, not 1.1.0"},
		"a case more in a released version": {func(t *testing.T, dir string) {
			addCase(t, dir, "1.0.0")
		}, "version 1.0.0 is released"},
		"a case of a version that is not in the making": {func(t *testing.T, dir string) {
			addCase(t, dir, "1.1.0")
		}, "is since 1.1.0; suite.json makes version 1.0.0"},
		"a version of another folder": {func(t *testing.T, dir string) {
			replace(t, dir, "suite.json", `"version": "1.0.0"`, `"version": "2.0.0"`)
		}, "version 2.0.0 is not one of v1"},
		"another id": {func(t *testing.T, dir string) {
			replace(t, dir, exit0, `"exit-0"`, `"exit-zero"`)
		}, "belong to"},
		"a member too many": {func(t *testing.T, dir string) {
			replace(t, dir, exit0, `"op"`, `"hint": 1, "op"`)
		}, "unknown field"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dir := copySuite(t)
			c.change(t, dir)
			if golden.Verify(os.DirFS(dir)) == nil {
				t.Error("before it is sealed, nothing is found")
			}
			if err := seal(dir); err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("seal: %v, want %s", err, c.want)
			}
			if golden.Verify(os.DirFS(dir)) == nil {
				t.Error("once it is sealed, nothing is found")
			}
		})
	}
}

// What nobody listed, or nobody thought of, is found.
func TestListsAreWhole(t *testing.T) {
	for name, c := range map[string]struct {
		change func(t *testing.T, dir string)
		want   string
	}{
		"a case that no list names": {func(t *testing.T, dir string) {
			cutLine(t, dir, "lists/core-1.0.txt", exit0)
		}, exit0 + ": not in lists/core-1.0.txt"},
		"a case file that suite.json does not list": {func(t *testing.T, dir string) {
			write(t, dir, "cases/agent-exits/exit-zero.json", "{}")
		}, "cases/agent-exits/exit-zero.json: not in suite.json"},
		"a case in a list of a profile that it does not require": {func(t *testing.T, dir string) {
			add(t, dir, "lists/clock-1.0.txt", exit0+"\n")
		}, "lists/clock-1.0.txt: has " + exit0},
		"no list": {func(t *testing.T, dir string) { remove(t, dir, "lists/absent-1.0.txt") }, "absent-1.0.txt"},
		"a list of no version": {func(t *testing.T, dir string) {
			write(t, dir, "lists/core-0.9.txt", exit0+"\n")
		}, "lists/core-0.9.txt: no list of this suite"},
		"a rule without a case": {func(t *testing.T, dir string) {
			replace(t, dir, "suite.json", `"rules": {`, `"rules": {"PM998": "New",`)
		}, "rule PM998: no case"},
		"a reason without a case": {func(t *testing.T, dir string) {
			replace(t, dir, "cases/absent/absent-vanished-whole.json", `    "reason": "PodVanished",`+"\n", "")
		}, "rule PM006: no case expects its reason PodVanished"},
		"a rule that is gone": {func(t *testing.T, dir string) {
			replace(t, dir, "suite.json", `"PM210": "AgentCompleted",`, "")
		}, exit0 + `: expects rule "PM210", which suite.json does not have`},
		"another reason for a rule": {func(t *testing.T, dir string) {
			replace(t, dir, "suite.json", `"PM210": "AgentCompleted",`, `"PM210": "AgentDone",`)
		}, exit0 + ": expects reason AgentCompleted of PM210, which has AgentDone"},
		"an option without a case": {func(t *testing.T, dir string) {
			replace(t, dir, "suite.json", `"defaults": {`, `"defaults": {"patience": 3,`)
		}, "option patience: no case"},
		"another title": {func(t *testing.T, dir string) {
			replace(t, dir, exit0, `"title": "`, `"title": "better: `)
		}, exit0 + ": not the file that suite.json lists"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dir := copySuite(t)
			c.change(t, dir)
			if err := golden.Verify(os.DirFS(dir)); err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("%v, want %s", err, c.want)
			}
		})
	}
}

// Words may change, and cases may come with a new minor version.
func TestSealAccepts(t *testing.T) {
	dir := copySuite(t)
	replace(t, dir, exit0, `"title": "`, `"title": "better: `)
	replace(t, dir, "suite.json", `"version": "1.0.0"`, `"version": "1.1.0"`)
	path := addCase(t, dir, "1.1.0")
	if err := seal(dir); err != nil {
		t.Fatal(err)
	}
	before, err := golden.ReadLedger(golden.V1())
	if err != nil {
		t.Fatal(err)
	}
	after, err := golden.ReadLedger(os.DirFS(dir))
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(before, after[:len(before)]); diff != "" || len(after) != len(before)+1 || after[len(before)].Path != path {
		t.Errorf("not one line more, of %s: %s", path, diff)
	}
	for list, has := range map[string]bool{"lists/core-1.0.txt": false, "lists/core-1.1.txt": true} {
		if strings.Contains(contents(t, dir, list), path) != has {
			t.Errorf("%s has %s: not %t", list, path, has)
		}
	}
}

// addCase adds one that differs from another in its clock.
func addCase(t *testing.T, dir, since string) (path string) {
	t.Helper()
	path = "cases/agent-exits/exit-zero.json"
	text := contents(t, dir, exit0)
	for was, is := range map[string]string{`"exit-0"`: `"exit-zero"`, `"since": "1.0.0"`: `"since": "` + since + `"`, "2026-09-01T12:00:00Z": "2026-09-01T12:00:01Z"} {
		text = strings.Replace(text, was, is, 1)
	}
	write(t, dir, path, text)
	return path
}

func replace(t *testing.T, dir, name, was, is string) {
	t.Helper()
	text := contents(t, dir, name)
	if !strings.Contains(text, was) {
		t.Fatalf("%s: no %s to change", name, was)
	}
	write(t, dir, name, strings.Replace(text, was, is, 1))
}

func cutLine(t *testing.T, dir, name, part string) {
	t.Helper()
	var kept strings.Builder
	for line := range strings.Lines(contents(t, dir, name)) {
		if !strings.Contains(line, part) {
			kept.WriteString(line)
		}
	}
	write(t, dir, name, kept.String())
}

func add(t *testing.T, dir, name, text string) {
	t.Helper()
	write(t, dir, name, contents(t, dir, name)+text)
}

func contents(t *testing.T, dir, name string) string {
	t.Helper()
	data, err := os.ReadFile(filepath.Join(dir, name))
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}

func write(t *testing.T, dir, name, text string) {
	t.Helper()
	if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
}

func remove(t *testing.T, dir, name string) {
	t.Helper()
	if err := os.Remove(filepath.Join(dir, name)); err != nil {
		t.Fatal(err)
	}
}
