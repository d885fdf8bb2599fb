package main

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	golden "github.com/scion-gen/scion-gen/golden/phasemap"
	"github.com/scion-gen/scion-gen/pkg/conformance"
)

const (
	pythonPoller     = "../../examples/pollers/python"
	typescriptPoller = "../../examples/pollers/typescript"
)

// everything is what the examples must claim and pass, so that one that loses a
// profile does not pass by claiming less.
var everything = "--profiles=" + strings.Join(golden.ProfileNames(), ",")

// needs skips the test where a program is not there, but not in CI: there the
// examples must have been tried.
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

func python3(t *testing.T) string {
	t.Helper()
	path, err := exec.LookPath("python3")
	needs(t, err == nil, "python3 is not installed")
	return path
}

// typescript compiles the example as it is now and returns the command of it.
func typescript(t *testing.T) []string {
	t.Helper()
	node, err := exec.LookPath("node")
	needs(t, err == nil, "node is not installed")
	compiler := filepath.Join(typescriptPoller, "node_modules/typescript/bin/tsc")
	_, err = os.Stat(compiler)
	needs(t, err == nil, "no TypeScript compiler; run npm ci in examples/pollers/typescript")
	dir := t.TempDir()
	if output, err := exec.Command(node, compiler, "--project", typescriptPoller, "--outDir", dir).CombinedOutput(); err != nil {
		t.Fatalf("tsc: %v\n%s", err, output)
	}
	if err := os.WriteFile(filepath.Join(dir, "package.json"), []byte(`{"type": "module"}`), 0o644); err != nil {
		t.Fatal(err)
	}
	return []string{node, filepath.Join(dir, "poller.js")}
}

func conformProgram(t *testing.T, args ...string) (code int, stdout, stderr string) {
	t.Helper()
	var out, errs bytes.Buffer
	code = run(t.Context(), append([]string{"conformance"}, args...), strings.NewReader(""), &out, &errs)
	return code, out.String(), errs.String()
}

func mustConform(t *testing.T, args ...string) {
	t.Helper()
	if code, stdout, stderr := conformProgram(t, args...); code != exitOK {
		t.Errorf("exit code %d\n%s%s", code, stdout, stderr)
	}
}

// The examples pass all profiles and all checks, long-lived and single-shot.
func TestExamplePollers(t *testing.T) {
	t.Run("python", func(t *testing.T) {
		python := python3(t)
		script := filepath.Join(pythonPoller, "poller.py")
		mustConform(t, everything, "--", python, script)
		mustConform(t, everything, "--single-shot", "--run=^evicted-own", "--", python, script, "--once")
	})
	t.Run("typescript", func(t *testing.T) {
		command := typescript(t)
		mustConform(t, append([]string{everything, "--"}, command...)...)
		mustConform(t, append([]string{everything, "--single-shot", "--run=^evicted-own", "--"}, append(command, "--once")...)...)
	})
}

// The examples read broken Pods as phasemap does. The suite decides how; this
// finds what it forgot to decide.
func TestExamplePollersAgree(t *testing.T) {
	for name, command := range map[string][]string{
		"python":     {python3(t), filepath.Join(pythonPoller, "poller.py")},
		"typescript": typescript(t),
	} {
		t.Run(name, func(t *testing.T) {
			args := []string{"--checks=mutations", "--mutations=2000", "--seed=3", "--", os.Args[0], asPoller, "relay"}
			mustConform(t, append(args, command...)...)
		})
	}
}

// relay is a poller that puts each question to another one and to phasemap, and
// skips it if the answers differ.
func relay(command []string) int {
	other := exec.Command(command[0], command[1:]...)
	other.Stderr = os.Stderr
	stdin, errIn := other.StdinPipe()
	stdout, errOut := other.StdoutPipe()
	if err := errors.Join(errIn, errOut, other.Start()); err != nil {
		return 70
	}
	questions, answers := bufio.NewReader(os.Stdin), bufio.NewReader(stdout)
	for {
		question, err := questions.ReadBytes('\n')
		if err != nil {
			return 0
		}
		stdin.Write(question)
		want, err := conformance.Answer(question)
		if err != nil {
			return 71
		}
		if want == nil {
			other.Wait()
			return 0
		}
		got, err := answers.ReadBytes('\n')
		if err != nil {
			return 72
		}
		os.Stdout.Write(compared(want, got))
	}
}

// compared is the answer got, or a skip that says how it differs from want.
func compared(want any, got []byte) []byte {
	text, _ := json.Marshal(want)
	var ours, theirs struct {
		Seq    int
		Result map[string]any
	}
	if json.Unmarshal(text, &ours) != nil || json.Unmarshal(got, &theirs) != nil || ours.Result == nil {
		return got
	}
	for _, texts := range []map[string]any{ours.Result, theirs.Result} {
		delete(texts, "hint")
		delete(texts, "message")
	}
	diff := cmp.Diff(ours.Result, theirs.Result)
	if diff == "" {
		return got
	}
	skip, _ := json.Marshal(map[string]any{"seq": theirs.Seq, "skip": "(-phasemap +poller) " + diff})
	return append(skip, '\n')
}

// A poller with one rule off does not pass, and the case is named.
func TestWrongPollerFails(t *testing.T) {
	python := python3(t)
	const withoutCrashLoops = `
import sys
sys.path.insert(0, sys.argv[1])
import phasemap, poller
phasemap.RULES = tuple(rule for rule in phasemap.RULES if rule.id != "PM446")
poller.main()
`
	code, stdout, stderr := conformProgram(t, everything, "--", python, "-c", withoutCrashLoops, pythonPoller)
	if code != exitInput {
		t.Fatalf("exit code %d, %s", code, stderr)
	}
	if !strings.Contains(stdout, "FAIL crashloop") || !strings.Contains(stdout, `rule is "PM240", want "PM446"`) {
		t.Errorf("the case is not named: %s", stdout)
	}
}

// The conversation in the documentation is one that took place.
func TestDocumentedConversation(t *testing.T) {
	text, err := os.ReadFile("../../docs/conformance.md")
	if err != nil {
		t.Fatal(err)
	}
	var requests, want strings.Builder
	for line := range strings.Lines(string(text)) {
		if request, found := strings.CutPrefix(line, "→ "); found {
			requests.WriteString(request)
		}
		if answer, found := strings.CutPrefix(line, "← "); found {
			want.WriteString(answer)
		}
	}
	if want.Len() == 0 {
		t.Fatal("docs/conformance.md has no conversation")
	}
	cmd := exec.Command(python3(t), filepath.Join(pythonPoller, "poller.py"))
	cmd.Stdin = strings.NewReader(requests.String())
	got, err := cmd.Output()
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want.String(), strings.NewReplacer(`": `, `":`, `, "`, `,"`).Replace(string(got))); diff != "" {
		t.Error(diff)
	}
}

// The lock file must install from any registry, so it names none.
func TestLockFileNamesNoRegistry(t *testing.T) {
	lock, err := os.ReadFile(filepath.Join(typescriptPoller, "package-lock.json"))
	if err != nil {
		t.Fatal(err)
	}
	for _, word := range []string{`"resolved"`, "http:", "https:"} {
		if bytes.Contains(lock, []byte(word)) {
			t.Errorf("package-lock.json has %s", word)
		}
	}
}
