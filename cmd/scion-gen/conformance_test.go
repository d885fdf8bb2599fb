package main

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/scion-gen/scion-gen/pkg/conformance"
)

// asPoller before the name of a behaviour makes this test binary one of the
// pollers that the tests run, good and bad.
const asPoller = "as-poller"

// The third question after hello is where a bad poller goes wrong, so that it is
// seen to work before and, started again, after.
const fatalSeq = 3

func poll(behaviour string, args ...string) int {
	switch behaviour {
	case "sleeper":
		time.Sleep(time.Hour)
	case "relay":
		return relay(args)
	}
	if act, isOnce := oncePollers[behaviour]; isOnce {
		return pollOnce(act)
	}
	misbehave, isBad := badPollers[behaviour]
	in := bufio.NewScanner(os.Stdin)
	in.Buffer(nil, 64<<20)
	out := json.NewEncoder(os.Stdout)
	for in.Scan() {
		var request struct {
			Cmd string
			Seq int
		}
		if err := json.Unmarshal(in.Bytes(), &request); err != nil {
			return 70
		}
		answer, err := conformance.Answer(in.Bytes())
		if err != nil {
			return 71
		}
		if isBad && misbehave.on(request.Cmd, request.Seq) {
			if done := misbehave.act(out, answer); done {
				return misbehave.code
			}
			continue
		}
		if answer == nil {
			return 0
		}
		if out.Encode(answer) != nil {
			return 72
		}
	}
	return 0
}

// badPoller is the reference until on, and then act instead; if that is done,
// the process ends with code.
type badPoller struct {
	on   func(cmd string, seq int) bool
	act  func(out *json.Encoder, answer any) (done bool)
	code int
	// verdict is what the runner must say: one of the parts between bars. Empty
	// for those that never become a failed case.
	verdict string
}

func atHello(cmd string, _ int) bool { return cmd == "hello" }
func atStop(cmd string, _ int) bool  { return cmd == "stop" }
func atThird(_ string, seq int) bool { return seq == fatalSeq }

func sleep(*json.Encoder, any) bool { time.Sleep(time.Hour); return true }

func saying(text string) func(*json.Encoder, any) bool {
	return func(*json.Encoder, any) bool { fmt.Print(text); return false }
}

// forever writes text until nobody reads any more.
func forever(text string) func(*json.Encoder, any) bool {
	return func(*json.Encoder, any) bool {
		block := []byte(strings.Repeat(text, 1+4096/len(text)))
		for {
			if _, err := os.Stdout.Write(block); err != nil {
				return true
			}
		}
	}
}

var badPollers = map[string]badPoller{
	"hangs":       {on: atThird, act: sleep, verdict: "does not answer in time"},
	"dies":        {on: atThird, act: func(*json.Encoder, any) bool { os.Stderr.WriteString("out of cheese\n"); return true }, code: 7, verdict: "ends its output instead of answering (exit status 7); stderr: out of cheese"},
	"panics":      {on: atThird, act: func(*json.Encoder, any) bool { panic("at the disco") }, verdict: "at the disco"},
	"garbage":     {on: atThird, act: saying("Segmentation fault (core dumped)\n"), verdict: "no JSON object"},
	"array":       {on: atThird, act: saying("[1]\n"), verdict: "no JSON object"},
	"empty":       {on: atThird, act: saying("\n"), verdict: "no JSON object"},
	"null":        {on: atThird, act: saying("null\n"), verdict: "no JSON object"},
	"wrong-seq":   {on: atThird, act: saying(`{"seq":99,"result":{"phase":"running"}}` + "\n"), verdict: "answers seq 99 to request 3"},
	"no-answer":   {on: atThird, act: saying(`{"seq":3}` + "\n"), verdict: "none or several of result, skip and reject"},
	"two-answers": {on: atThird, act: saying(`{"seq":3,"result":{},"skip":"x"}` + "\n"), verdict: "none or several of result, skip and reject"},
	"text-result": {on: atThird, act: saying(`{"seq":3,"result":"running"}` + "\n"), verdict: "no result object"},
	"no-phase":    {on: atThird, act: saying(`{"seq":3,"result":{}}` + "\n"), verdict: "phase is null"},
	"one-line":    {on: atThird, act: forever("a"), verdict: "line longer than"},
	"many-lines":  {on: atThird, act: forever("a\n"), verdict: "no JSON object"},
	"stderr":      {on: atThird, act: floodStderr, verdict: "does not answer in time"},
	"repeats": {on: atThird, act: func(out *json.Encoder, answer any) bool {
		for range 2 {
			out.Encode(answer)
		}
		return false
	}, verdict: "answers seq 3 to request 4|writes a line that nobody asked for"},
	"deaf": {on: atThird, act: func(out *json.Encoder, answer any) bool {
		os.Stdin.Close()
		out.Encode(answer)
		return sleep(nil, nil)
	}, verdict: "does not read its input"},
	"closes-stdin":  {on: atThird, act: func(out *json.Encoder, _ any) bool { os.Stdin.Close(); return sleep(out, nil) }, verdict: "does not answer in time"},
	"closes-stdout": {on: atThird, act: func(out *json.Encoder, _ any) bool { os.Stdout.Close(); return sleep(out, nil) }, verdict: "ends its output"},
	"leaves-child":  {on: atThird, act: leaveChild, verdict: "ends its output|does not answer in time"},
	"leaves-daemon": {on: atThird, act: leaveDaemon, verdict: "ends its output|does not answer in time"},

	"ignores-stop":    {on: atStop, act: sleep, verdict: "goes on after stop"},
	"talks-at-stop":   {on: atStop, act: saying("bye\n"), verdict: "writes a line that nobody asked for: bye"},
	"fails-at-stop":   {on: atStop, act: func(*json.Encoder, any) bool { return true }, code: 4, verdict: "fails after stop (exit status 4)"},
	"leaves-at-stop":  {on: atStop, act: leaveChild, verdict: "goes on after stop"},
	"floods-at-stop":  {on: atStop, act: forever("bye\n"), verdict: "writes a line that nobody asked for"},
	"silent-at-hello": {on: atHello, act: sleep},
	"dies-at-hello":   {on: atHello, act: func(*json.Encoder, any) bool { return true }},
	"banner": {on: atHello, act: func(out *json.Encoder, answer any) bool {
		fmt.Println("Phase poller, version 1")
		return out.Encode(answer) != nil
	}},
	"other-protocol": {on: atHello, act: saying(`{"ok":true,"protocol":2,"name":"p","profiles":["core"]}` + "\n")},
	"no-profiles":    {on: atHello, act: saying(`{"ok":true,"protocol":1,"name":"p","profiles":[]}` + "\n")},
	"new-profile":    {on: atHello, act: saying(`{"ok":true,"protocol":1,"name":"p","profiles":["core","psychic"]}` + "\n")},
	"declines":       {on: atHello, act: saying(`{"ok":false,"error":"suite 1.0.0 is too new"}` + "\n")},
	"floods-hello":   {on: atHello, act: forever("a")},

	"hangs-always": {on: func(cmd string, _ int) bool { return cmd != "hello" }, act: sleep},
}

func floodStderr(*json.Encoder, any) bool {
	block := bytes.Repeat([]byte("log "), 1024)
	for {
		if _, err := os.Stderr.Write(block); err != nil {
			return true
		}
	}
}

// leaveChild ends, but leaves a child behind that holds all that it inherits.
func leaveChild(*json.Encoder, any) bool { return leave(os.Args[0], asPoller, "sleeper") }

// leaveDaemon leaves one in a session of its own.
func leaveDaemon(*json.Encoder, any) bool { return leave("setsid", os.Args[0], asPoller, "sleeper") }

func leave(name string, args ...string) bool {
	child := exec.Command(name, args...)
	child.Stdin, child.Stdout, child.Stderr = os.Stdin, os.Stdout, os.Stderr
	if held := holdAlive(); held != nil {
		child.ExtraFiles = []*os.File{held}
	}
	return child.Start() == nil
}

// aliveVariable names a pipe that a bad poller opens and passes on to its child.
const aliveVariable = "SCION_GEN_TEST_ALIVE"

// holdAlive opens the pipe and says so in it.
func holdAlive() *os.File {
	pipe, err := os.OpenFile(os.Getenv(aliveVariable), os.O_WRONLY, 0)
	if err != nil {
		return nil
	}
	pipe.WriteString("held")
	return pipe
}

// conform runs the command against a poller of this binary.
func conform(t *testing.T, behaviour string, flags ...string) (code int, stdout, stderr string) {
	t.Helper()
	args := append(append([]string{"conformance", "--checks=none"}, flags...), "--", os.Args[0], asPoller, behaviour)
	var out, errs bytes.Buffer
	code = run(t.Context(), args, strings.NewReader(""), &out, &errs)
	return code, out.String(), errs.String()
}

// someCases are enough for a bad poller to go wrong and be seen to recover.
const someCases = "--run=^(evicted|image)"

// Each way to misbehave is a failed case with a reason, and the next case is
// asked of a fresh process.
func TestBadPollersFail(t *testing.T) {
	found := 0
	for name, bad := range badPollers {
		if bad.verdict == "" {
			continue
		}
		found++
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			code, stdout, stderr := conform(t, name, someCases, "--timeout=3s", "-o=json")
			if code != exitInput {
				t.Fatalf("exit code %d, want %d; %s", code, exitInput, stderr)
			}
			var report struct {
				Counts  map[string]int
				Results []conformance.Result
			}
			if err := json.Unmarshal([]byte(stdout), &report); err != nil {
				t.Fatal(err)
			}
			failed := 0
			for _, result := range report.Results {
				if result.Outcome != conformance.Failed {
					continue
				}
				failed++
				if !containsAny(result.Detail, strings.Split(bad.verdict, "|")) {
					t.Errorf("%s: %s, want %s", result.ID(), result.Detail, bad.verdict)
				}
			}
			if failed == 0 || report.Counts["passed"] == 0 {
				t.Errorf("%d failed and %d passed, want some of both", failed, report.Counts["passed"])
			}
		})
	}
	if found == 0 {
		t.Fatal("no bad pollers")
	}
}

func containsAny(text string, parts []string) bool {
	for _, part := range parts {
		if strings.Contains(text, part) {
			return true
		}
	}
	return false
}

// Who does not say hello cannot be judged: trouble, not failure.
func TestNoHelloIsTrouble(t *testing.T) {
	found := 0
	for name, bad := range badPollers {
		if bad.verdict != "" || !bad.on("hello", 0) {
			continue
		}
		found++
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			code, stdout, stderr := conform(t, name, someCases, "--start-timeout=3s", "--timeout=3s")
			if code != exitTrouble || stdout != "" || !strings.Contains(stderr, "hello") {
				t.Errorf("exit code %d, stdout %q, stderr %q", code, stdout, stderr)
			}
		})
	}
	if found == 0 {
		t.Fatal("no bad pollers")
	}
}

// A poller that hangs whenever it is asked costs no more than some time-outs.
func TestGivesUp(t *testing.T) {
	code, stdout, _ := conform(t, "hangs-always", "--timeout=50ms", "-o=json")
	if code != exitInput || !strings.Contains(stdout, "the poller failed to answer too often before") {
		t.Errorf("exit code %d", code)
	}
}

// oncePollers are the single-shot ones: what each does instead of writing its
// result, and its exit code.
var oncePollers = map[string]func(result []byte) (code int){
	"once":           func(result []byte) int { os.Stdout.Write(result); return 0 },
	"once-fails":     func(result []byte) int { os.Stdout.Write(result); return 1 },
	"once-rejects":   func([]byte) int { os.Stderr.WriteString("not today\n"); return 2 },
	"once-silent":    func([]byte) int { return 0 },
	"once-garbage":   func([]byte) int { fmt.Print("running\n"); return 0 },
	"once-hangs":     func([]byte) int { sleep(nil, nil); return 0 },
	"once-floods":    func([]byte) int { forever("a")(nil, nil); return 0 },
	"once-forgets":   func(result []byte) int { os.Stdout.Write(result); leaveChild(nil, nil); return 0 },
	"once-too-often": func(result []byte) int { os.Stdout.Write(append(result, result...)); return 0 },
}

func pollOnce(act func([]byte) int) int {
	request, err := io.ReadAll(os.Stdin)
	if err != nil {
		return 70
	}
	answer, err := conformance.Answer(request)
	if err != nil {
		return 71
	}
	result, err := json.Marshal(answer.(map[string]any)["result"])
	if err != nil {
		return 72
	}
	return act(result)
}

// A single-shot poller fails as a long-lived one does, and nothing hangs.
func TestSingleShot(t *testing.T) {
	for name, want := range map[string]string{
		"once":           "1 of 1 cases passed",
		"once-fails":     "crashes (exit status 1)",
		"once-rejects":   "rejects the input: not today",
		"once-silent":    "no JSON object",
		"once-garbage":   "no JSON object",
		"once-hangs":     "does not answer in time",
		"once-floods":    "line longer than",
		"once-forgets":   "does not answer in time",
		"once-too-often": "no JSON object",
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			code, stdout, stderr := conform(t, name, "--single-shot", "--timeout=3s", "--run=^evicted-own-limit-pod$")
			if wantCode := map[bool]int{true: exitOK, false: exitInput}[name == "once"]; code != wantCode {
				t.Errorf("exit code %d, want %d; %s", code, wantCode, stderr)
			}
			if !strings.Contains(stdout, want) {
				t.Errorf("%s, want %s", stdout, want)
			}
		})
	}
}

func TestWrongUsage(t *testing.T) {
	missing := filepath.Join(t.TempDir(), "missing.json")
	for name, flags := range map[string][]string{
		"no profile of that name": {"--profiles=magic"},
		"no check of that name":   {"--checks=guess"},
		"no case selected":        {"--run=^no such case$"},
		"no case claimed":         {"--run=^absent-after", "--profiles=core"},
		"no regular expression":   {"--run=("},
		"no format of that name":  {"-o=yaml"},
		"no such file":            {"--known-failures=" + missing},
	} {
		if code, stdout, stderr := conform(t, "reference", flags...); code != exitTrouble || stdout != "" || stderr == "" {
			t.Errorf("%s: exit code %d, stdout %q, stderr %q", name, code, stdout, stderr)
		}
	}
	var stderr bytes.Buffer
	for _, flags := range [][]string{{}, {"--single-shot"}} {
		args := append(append([]string{"conformance"}, flags...), "--", filepath.Join(t.TempDir(), "no-program"))
		if code := run(t.Context(), args, nil, io.Discard, &stderr); code != exitTrouble {
			t.Errorf("no program: exit code %d, %s", code, stderr.String())
		}
	}
	if code := run(t.Context(), []string{"conformance"}, nil, io.Discard, &stderr); code != exitTrouble {
		t.Errorf("no command: exit code %d", code)
	}
}

func TestList(t *testing.T) {
	list := func(flags ...string) (code int, lines []string) {
		var stdout bytes.Buffer
		code = run(t.Context(), append([]string{"conformance", "--list"}, flags...), nil, &stdout, io.Discard)
		return code, slices.Collect(strings.Lines(stdout.String()))
	}
	code, lines := list("--run=^evicted")
	if code != exitOK || len(lines) == 0 {
		t.Fatalf("exit code %d, %d lines", code, len(lines))
	}
	for _, line := range lines {
		if !strings.HasPrefix(line, "evicted") || strings.Count(line, "\t") != 2 {
			t.Errorf("not id, profiles, title: %q", line)
		}
	}
	for _, flags := range [][]string{{"--run=^no such case$"}, {"--profiles=magic"}, {"--run=^evicted", "--profiles=absent"}} {
		if code, lines := list(flags...); code != exitTrouble || lines != nil {
			t.Errorf("%q: exit code %d, %q", flags, code, lines)
		}
	}
}

// What is listed for profiles is what is asked of those who claim them.
func TestListOfProfiles(t *testing.T) {
	for _, profiles := range []string{"core", "core,clock", "absent", "reconcile,absent", "core,raw-json"} {
		var listed, report bytes.Buffer
		flag := "--profiles=" + profiles
		if code := run(t.Context(), []string{"conformance", "--list", flag}, nil, &listed, io.Discard); code != exitOK {
			t.Fatalf("exit code %d", code)
		}
		args := []string{"conformance", "--checks=none", flag, "-o=json", "--", os.Args[0], asPoller, "reference"}
		if code := run(t.Context(), args, nil, &report, io.Discard); code != exitOK {
			t.Fatalf("exit code %d", code)
		}
		var counts struct{ Counts map[conformance.Outcome]int }
		if err := json.Unmarshal(report.Bytes(), &counts); err != nil {
			t.Fatal(err)
		}
		asked := counts.Counts[conformance.Passed] - 1 // protocol#stop
		if got := strings.Count(listed.String(), "\n"); got != asked {
			t.Errorf("%s: %d listed, %d asked", profiles, got, asked)
		}
	}
}

// Known failures are read from the poller's file, and an unexpected pass fails.
func TestKnownFailuresFile(t *testing.T) {
	var report struct{ Results []conformance.Result }
	_, stdout, _ := conform(t, "hangs", someCases, "--timeout=3s", "-o=json")
	if err := json.Unmarshal([]byte(stdout), &report); err != nil || len(report.Results) == 0 {
		t.Fatalf("%v: %s", err, stdout)
	}
	file := filepath.Join(t.TempDir(), "phasemap-expectations.json")
	if err := os.WriteFile(file, fmt.Appendf(nil, `{%q: "it hangs"}`, report.Results[0].Case), 0o644); err != nil {
		t.Fatal(err)
	}
	if code, _, stderr := conform(t, "hangs", someCases, "--timeout=3s", "--known-failures="+file); code != exitOK {
		t.Errorf("the known failure fails: exit code %d, %s", code, stderr)
	}
	code, stdout, _ := conform(t, "reference", someCases, "--known-failures="+file)
	if code != exitInput || !strings.Contains(stdout, "listed as a known failure") {
		t.Errorf("the unexpected pass passes: exit code %d, %s", code, stdout)
	}
}
