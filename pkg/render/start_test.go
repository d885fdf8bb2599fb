package render

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/creack/pty"
	"github.com/google/go-cmp/cmp"
)

// nasty are arguments that one of the readers between the manifest and the
// harness would change if it saw them bare.
var nasty = []struct{ why, text string }{
	{"an empty argument vanishes unquoted", ""},
	{"plain words stay as they are", "fix the build"},
	{"sh ends its quotes here", `it's 'quoted' "twice"`},
	{"only quotes", `'`},
	{"sh runs these, even in double quotes", "`id` and $(id) and $((1+1))"},
	{"sh expands these", `$HOME ${HOME} $$ $? ~ ~root`},
	{"the kubelet expands this, HOME being known", "$(HOME)"},
	{"the kubelet leaves this, the name being unknown", "$(NO_SUCH_NAME)"},
	{"the kubelet halves dollars", "$$ $$$ $$(HOME) $$$(HOME)"},
	{"the kubelet breaks what follows a dollar beyond ASCII", "5$é 5$€ 5$🚀"},
	{"a dollar at the very end", "100$"},
	{"Flux would substitute this", "${X} ${X:-y} $${X}"},
	{"tmux ends a command here", "done;"},
	{"tmux ends a command here, alone", ";"},
	{"tmux takes the backslash away", `done\;`},
	{"tmux expands formats", "#{session_name} #(id) #S %1 @1"},
	{"an option of anything but the harness", "-n"},
	{"an option of exec, echo, printf", "--"},
	{"sh takes it for an assignment at the front", "A=b"},
	{"sh globs", "* ? [a-z] {a,b}"},
	{"interactive shells have history", "stop!! !1 ^a^b"},
	{"operators of sh", "a & b | c > d < e ( f ) ; g # h"},
	{"echo and printf read backslashes", `\ \\ \n \c %s`},
	{"a newline to keep at each end", "\n\nline one\nline two\n\n"},
	{"carriage returns", "one\r\ntwo\r"},
	{"tabs", "\tcol\t"},
	{"a newline alone", "\n"},
	{"beyond the first plane", "ship it 🚀 日本語 é"},
	{"not UTF-8", "\xff\xfe\x80\xe2\x82"},
	{"dash and bash mark quotes with these inside", "\x01\x7f\x81\x82\x83\x84\x85\x86\x87\x88"},
	{"every byte there is", everyByte()},
}

func everyByte() string {
	b := make([]byte, 255)
	for i := range b {
		b[i] = byte(i + 1)
	}
	return string(b)
}

func TestContainerCommand(t *testing.T) {
	// Both are promises to others: what a broker finishes, and what Scion starts.
	want := []string{"sh", "-c", `while [ ! -f /tmp/.scion-home-ready ]; do sleep 0.2; done; exec sciontool init -- sh -c "$SCION_START_CMD"`}
	if diff := cmp.Diff(want, containerCommand("Gated")); diff != "" {
		t.Error("Gated is not Scion's command (-want +got)\n" + diff)
	}
	want[2] = `exec sciontool init -- sh -c "$SCION_START_CMD"`
	if diff := cmp.Diff(want, containerCommand("Immediate")); diff != "" {
		t.Error(diff)
	}
}

// TestStartScriptIsInert: neither the kubelet nor Flux may touch the script, and
// a shell that sources ~/.scion/scion-env, where sciontool puts all SCION_*
// variables in double quotes, must not run a part of it. The harness command
// cannot be made as harmless, so it has no such name.
func TestStartScriptIsInert(t *testing.T) {
	if strings.HasPrefix(harnessCommandVar, "SCION_") {
		t.Errorf("sciontool copies %s to scion-env", harnessCommandVar)
	}
	for _, onExit := range []string{"Keep", "Exit"} {
		script := startScript(onExit)
		if got := kubeletExpand(script, nil); got != script {
			t.Errorf("%s: the kubelet makes it\n%s", onExit, got)
		}
		for _, active := range []string{"$(", "`", "${", "$$"} {
			if strings.Contains(script, active) {
				t.Errorf("%s: contains %s:\n%s", onExit, active, script)
			}
		}
	}
}

func TestHarnessCommandText(t *testing.T) {
	tests := []struct {
		why  string
		argv []Arg
		want string
	}{
		{"reviewers read it: no quotes where none are needed",
			[]Arg{{Text: "claude"}, {Text: "--model=opus"}, {Text: "a/b.c:d@e,f_g%h+i"}, {Text: "fix it"}},
			`exec claude --model=opus a/b.c:d@e,f_g%h+i 'fix it'`},
		{"a file is read before the harness starts, and ends the shell if it cannot be",
			[]Arg{{Text: "claude"}, {Text: "--system-prompt"}, {File: ".claude/system prompt.md"}},
			`HARNESS_FILE_2=$(cat "$HOME"/'.claude/system prompt.md' && echo .) && exec claude --system-prompt "${HARNESS_FILE_2%.}"`},
	}
	for _, tt := range tests {
		got, err := harnessCommand(tt.argv)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(tt.want, got); diff != "" {
			t.Errorf("%s (-want +got)\n%s", tt.why, diff)
		}
	}
}

func TestHarnessCommandErrors(t *testing.T) {
	tests := []struct {
		why  string
		argv []Arg
		want error
	}{
		{"nothing to run: tmux would start a shell instead", nil, errNoCommand},
		{"sh would report '' as not found", []Arg{{Text: ""}, {Text: "x"}}, errNoCommand},
		{"exec would read an option", []Arg{{Text: "--yolo"}}, errNoCommand},
		{"what is run is known when rendering", []Arg{{File: "bin/claude"}}, errNoCommand},
		{"NUL in a text", []Arg{{Text: "a"}, {Text: "b\x00c"}}, errNUL},
		{"NUL in a file's name", []Arg{{Text: "a"}, {File: "b\x00c"}}, errNUL},
	}
	for _, tt := range tests {
		if _, err := harnessCommand(tt.argv); !errors.Is(err, tt.want) {
			t.Errorf("%s: got %v, want %v", tt.why, err, tt.want)
		}
	}
}

// TestHarnessCommandLimit has the kernel say where the limit is.
func TestHarnessCommandLimit(t *testing.T) {
	argv := largestArgv()
	command, err := harnessCommand(argv)
	if err != nil {
		t.Fatal(err)
	}
	run := func(value string) error {
		cmd := exec.Command(need(t, "true"))
		cmd.Env = []string{harnessCommandVar + "=" + value}
		return cmd.Run()
	}
	if err := run(command); err != nil {
		t.Errorf("the largest command allowed: %v", err)
	}
	if err := run(command + "x"); !errors.Is(err, syscall.E2BIG) {
		t.Errorf("one byte more: got %v, want E2BIG", err)
	}
	argv[1].Text += "x"
	_, err = harnessCommand(argv)
	tooBig, ok := errors.AsType[*commandSizeError](err)
	if !ok || tooBig.Size != tooBig.Limit+1 {
		t.Errorf("one byte more: got %v, want a commandSizeError one above the limit", err)
	}
}

// largestArgv is a harness command of which not one byte more fits.
func largestArgv() []Arg {
	frame := len(harnessCommandVar + "=exec claude ''\x00")
	return []Arg{{Text: "claude"}, {Text: strings.Repeat("x y ", 1<<15)[:maxExecString-frame]}}
}

func TestEscapeExpansion(t *testing.T) {
	tests := []struct{ why, in, want string }{
		{"a lone dollar reads as it is", "$HOME costs 5$", "$HOME costs 5$"},
		{"a reference", "$(HOME)", "$$(HOME)"},
		{"one that never ends is safe but for what follows", "$(HOME", "$$(HOME"},
		{"an escape", "$$(HOME)", "$$$$(HOME)"},
		{"beyond ASCII", "$é", "$$é"},
	}
	for _, tt := range tests {
		if diff := cmp.Diff(tt.want, escapeExpansion(tt.in)); diff != "" {
			t.Errorf("%s (-want +got)\n%s", tt.why, diff)
		}
	}
}

func FuzzEscapeExpansion(f *testing.F) {
	for _, n := range nasty {
		f.Add(n.text)
	}
	f.Fuzz(func(t *testing.T, s string) {
		known := map[string]string{"HOME": "expanded", "": "expanded", s: "expanded"}
		if got := kubeletExpand(escapeExpansion(s), known); got != s {
			t.Errorf("%q reaches the container as %q", s, got)
		}
	})
}

// kubeletExpand is what the kubelet does to an env value: $$ is $, $(NAME) the
// value of a known NAME and itself otherwise, and any other $ stays with the
// byte after it, which goes through a conversion to a rune. So says
// third_party/forked/golang/expansion/expand.go of kubernetes, which no other
// module can import; the last point is not in the documented rule.
func kubeletExpand(s string, known map[string]string) string {
	var b strings.Builder
	for {
		before, after, found := strings.Cut(s, "$")
		b.WriteString(before)
		name, rest, closed := strings.Cut(after, ")")
		switch {
		case !found:
			return b.String()
		case after == "":
			return b.String() + "$"
		case after[0] == '$':
			b.WriteString("$")
			s = after[1:]
		case after[0] == '(' && closed:
			value, ok := known[name[1:]]
			if !ok {
				value = "$" + name + ")"
			}
			b.WriteString(value)
			s = rest
		default:
			b.WriteString("$" + string(rune(after[0])))
			s = after[1:]
		}
	}
}

// shells are what sh is in the images people use.
var shells = map[string][]string{
	"dash":    {"dash"},
	"bash":    {"bash"},
	"busybox": {"busybox", "sh"},
}

// FuzzHarnessCommand has each sh judge the quoting, many strings at a time: data
// is cut at each NUL. The last string comes from a file.
func FuzzHarnessCommand(f *testing.F) {
	var all []string
	for _, n := range nasty {
		f.Add([]byte(n.text))
		all = append(all, n.text)
	}
	f.Add([]byte(strings.Join(all, "\x00")))
	random := rand.New(rand.NewPCG(1, 2))
	noise := make([]byte, 8<<10)
	for i := range noise {
		noise[i] = byte(random.Uint32())
	}
	f.Add(noise)
	home := f.TempDir()

	f.Fuzz(func(t *testing.T, data []byte) {
		want := strings.Split(string(data), "\x00")
		last := want[len(want)-1]
		argv := []Arg{{Text: "printf"}, {Text: `%s\0`}}
		for _, s := range want[:len(want)-1] {
			argv = append(argv, Arg{Text: s})
		}
		file := fmt.Sprintf("file %d", os.Getpid())
		if err := os.WriteFile(filepath.Join(home, file), []byte(last), 0o600); err != nil {
			t.Fatal(err)
		}
		command, err := harnessCommand(append(argv, Arg{File: file}))
		if _, ok := errors.AsType[*commandSizeError](err); ok {
			t.Skip("too large, as TestHarnessCommandLimit has it")
		} else if err != nil {
			t.Fatal(err)
		}
		for name, shell := range shells {
			cmd := exec.Command(need(t, shell[0]), append(shell[1:], "-c", runHarness)...)
			cmd.Env = []string{"PATH=" + os.Getenv("PATH"), "HOME=" + home, harnessCommandVar + "=" + command}
			out, err := cmd.Output()
			if err != nil {
				t.Fatalf("%s: %v", name, err)
			}
			got := strings.Split(strings.TrimSuffix(string(out), "\x00"), "\x00")
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("%s (-want +got)\n%s", name, diff)
			}
		}
	})
}

// TestArgumentsReachHarness goes the whole way: kubelet, container command, sh,
// tmux, harness.
func TestArgumentsReachHarness(t *testing.T) {
	var all []string
	for _, n := range nasty {
		all = append(all, n.text)
	}
	for name := range shells {
		for _, onExit := range []string{"Keep", "Exit"} {
			t.Run(name+"/"+onExit, func(t *testing.T) {
				t.Parallel()
				startPod(t, pod{shell: name, onExit: onExit, args: all}).wantArgs(all)
			})
		}
	}
	for _, n := range nasty {
		// Alone, for tmux looks at the last argument with other eyes.
		t.Run(n.why, func(t *testing.T) {
			t.Parallel()
			startPod(t, pod{onExit: "Exit", args: []string{n.text}}).wantArgs([]string{n.text})
		})
	}
	t.Run("zsh as the shell of tmux", func(t *testing.T) {
		// tmux gives a command of one word to its default shell, which is $SHELL.
		t.Parallel()
		startPod(t, pod{onExit: "Keep", args: all, env: []string{"SHELL=" + need(t, "zsh")}}).wantArgs(all)
	})
	t.Run("beyond a message of tmux", func(t *testing.T) {
		t.Parallel()
		args := []string{strings.Repeat("it's $(HOME) 🚀\n", 100<<10/24)}
		startPod(t, pod{onExit: "Keep", args: args}).wantArgs(args)
	})
	t.Run("as large as can be", func(t *testing.T) {
		t.Parallel()
		args := []string{largestArgv()[1].Text}
		startPod(t, pod{onExit: "Exit", args: args}).wantArgs(args)
	})
	t.Run("thousands", func(t *testing.T) {
		t.Parallel()
		args := strings.Fields(strings.Repeat("it's 2; $$ ", 4000))
		startPod(t, pod{onExit: "Exit", args: args}).wantArgs(args)
	})
}

// TestFileReachesHarness: a system prompt is a file's content, whole.
func TestFileReachesHarness(t *testing.T) {
	for name := range shells {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			content := everyByte() + "it's $(HOME) `id`\r\n\n\n"
			p := startPod(t, pod{shell: name, onExit: "Exit", file: content, args: []string{"task"}})
			p.wantArgs([]string{"task", content})
		})
	}
	t.Run("missing", func(t *testing.T) {
		// Better no harness than one without its instructions.
		t.Parallel()
		p := startPod(t, pod{onExit: "Exit", argv: []Arg{{Text: "claude"}, {File: "none"}}})
		p.wantExit(1)
		if _, err := os.Stat(p.record); err == nil {
			t.Error("the harness started")
		}
	})
}

func TestHarnessEnvironment(t *testing.T) {
	t.Parallel()
	p := startPod(t, pod{onExit: "Exit", do: `env >"$HOME/env"`})
	p.wantExit(0)
	env, err := os.ReadFile(filepath.Join(p.home, "env"))
	if err != nil {
		t.Fatal(err)
	}
	if bytes.Contains(env, []byte("\n"+harnessCommandVar+"=")) {
		t.Error("the harness and its children carry the command line around")
	}
	if !bytes.Contains(env, []byte("\nSCION_START_CMD=")) {
		t.Error("the harness has not the environment of the container")
	}
}

// alive reports whether a process still runs; one that only waits for its
// parent does not.
func alive(pid int) bool {
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return false
	}
	_, state, _ := strings.Cut(string(stat), ") ")
	return !strings.HasPrefix(state, "Z") && !strings.HasPrefix(state, "X")
}

func TestExitEndsWithHarness(t *testing.T) {
	tests := []struct {
		why, do string
		want    int
	}{
		{"success", "exit 0", 0},
		{"an error", "exit 1", 1},
		{"limits exceeded, of sciontool", "exit 10", 10},
		{"any code", "exit 42", 42},
		{"the highest code", "exit 255", 255},
		{"out of memory", "kill -KILL $$", 137},
		{"asked to stop", "kill -TERM $$", 143},
		{"C-c reaches the shell around the harness too", "kill -INT 0; sleep 9", 130},
		{"a harness may take C-c as a mere interruption", `trap : INT; kill -INT 0; exit 3`, 3},
		{"the shell around it outlives what the whole group gets", `trap : INT QUIT TERM; kill -TERM 0; kill -QUIT 0; exit 4`, 4},
		{"later, when a client is attached", `until [ "$(tmux list-clients | wc -l)" = 1 ]; do sleep 0.02; done; exit 42`, 42},
		{"an agent cleans up its /tmp, tmux's socket with it", `rm -r "$TMUX_TMPDIR"/tmux-*; exit 6`, 6},
		{"the shell window is in use", `tmux send-keys -t scion:shell 'sleep 1000' Enter; exit 7`, 7},
		{"another session is no reason to stay", `tmux new-session -d -s other; exit 8`, 8},
	}
	for name := range shells {
		for _, tt := range tests {
			t.Run(name+"/"+tt.why, func(t *testing.T) {
				t.Parallel()
				startPod(t, pod{shell: name, onExit: "Exit", do: tt.do}).wantExit(tt.want)
			})
		}
	}
	t.Run("not found", func(t *testing.T) {
		t.Parallel()
		startPod(t, pod{onExit: "Exit", argv: []Arg{{Text: "no-such-harness"}}}).wantExit(127)
	})
	t.Run("not executable", func(t *testing.T) {
		t.Parallel()
		startPod(t, pod{onExit: "Exit", argv: []Arg{{Text: "/etc/passwd"}}}).wantExit(126)
	})
	t.Run("nothing of a former container counts", func(t *testing.T) {
		t.Parallel()
		p := preparePod(t, pod{onExit: "Exit", do: "tmux kill-server; sleep 1000"})
		p.write(".scion-exit", "0\n")
		p.start()
		p.wantExit(129)
	})
	t.Run("a socket of a former container does not matter", func(t *testing.T) {
		t.Parallel()
		p := preparePod(t, pod{onExit: "Exit", do: "exit 42"})
		p.tmux("new-session", "-d", "-s", "scion", "sleep 1000")
		pid, err := strconv.Atoi(p.tmux("display-message", "-p", "#{pid}"))
		if err != nil {
			t.Fatal(err)
		}
		if err := syscall.Kill(pid, syscall.SIGKILL); err != nil {
			t.Fatal(err)
		}
		p.waitFor("the end of the tmux server", func() bool { return !alive(pid) })
		p.start()
		p.wantExit(42)
	})
	t.Run("Scion's own .tmux.conf ends the session with the agent window", func(t *testing.T) {
		t.Parallel()
		p := preparePod(t, pod{onExit: "Exit", do: "exit 42"})
		p.write(".tmux.conf", "set-hook -g pane-exited 'kill-session -t scion'\n")
		p.start()
		p.wantExit(42)
	})
	t.Run("the agent window closed by hand", func(t *testing.T) {
		t.Parallel()
		p := startPod(t, pod{onExit: "Exit", do: `sleep 1000`})
		p.waitRecord()
		p.tmux("kill-window", "-t", "scion:agent")
		p.wantExit(129)
	})
	t.Run("the shell around the harness killed", func(t *testing.T) {
		t.Parallel()
		startPod(t, pod{onExit: "Exit", do: `kill -KILL $(ps -o ppid= -p $$); sleep 1000`}).wantExit(129)
	})
	t.Run("a pane beside the harness is no reason to stay", func(t *testing.T) {
		t.Parallel()
		startPod(t, pod{onExit: "Exit", do: `tmux split-window -t scion:agent; exit 5`}).wantExit(5)
	})
	t.Run("the shell window closed by hand", func(t *testing.T) {
		t.Parallel()
		startPod(t, pod{onExit: "Exit", do: `tmux kill-window -t scion:shell; sleep 0.1; exit 5`}).wantExit(5)
	})
	t.Run("the home cannot be written, so no code could be told", func(t *testing.T) {
		t.Parallel()
		p := preparePod(t, pod{onExit: "Exit", do: "exit 0"})
		if err := os.Mkdir(filepath.Join(p.home, ".scion-exit"), 0o700); err != nil {
			t.Fatal(err)
		}
		p.start()
		if code := p.wait(); code == 0 {
			t.Error("ended with 0")
		}
	})
}

// TestDetach: a client that leaves must not take the agent with it.
func TestDetach(t *testing.T) {
	for _, onExit := range []string{"Keep", "Exit"} {
		t.Run(onExit, func(t *testing.T) {
			t.Parallel()
			p := startPod(t, pod{onExit: onExit, do: untilGo + "exit 42"})
			p.waitClient("")
			first := p.tmux("list-clients", "-F", "#{client_pid}")
			p.keys("\x02d")
			p.waitClient(first)
			p.write("go", "")
			if onExit == "Exit" {
				p.wantExit(42)
			} else {
				p.waitWindows("shell")
			}
		})
	}
}

// TestStop: when the pod is to go, sciontool signals the script alone.
func TestStop(t *testing.T) {
	for _, onExit := range []string{"Keep", "Exit"} {
		t.Run(onExit, func(t *testing.T) {
			t.Parallel()
			p := startPod(t, pod{onExit: onExit, do: untilGo})
			p.waitClient("")
			if err := p.cmd.Process.Signal(syscall.SIGTERM); err != nil {
				t.Fatal(err)
			}
			p.wait()
		})
	}
}

// TestWithoutTerminal: a patch may take the terminal away; nothing can attach.
func TestWithoutTerminal(t *testing.T) {
	t.Parallel()
	p := preparePod(t, pod{onExit: "Exit", do: `sleep 0.5; exit 42`})
	p.cmd.Stdin, p.cmd.Stdout = nil, nil
	p.cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	if err := p.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	p.wantExit(42)
}

func TestKeepOutlivesHarness(t *testing.T) {
	for name := range shells {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := startPod(t, pod{shell: name, onExit: "Keep", do: untilGo + "exit 1"})
			p.waitWindows("agent", "shell")
			// send-keys of Scion goes to scion:0.
			if got := p.tmux("display-message", "-p", "-t", "scion:0", "#{window_name}"); got != "agent" {
				t.Errorf("window 0 is %q", got)
			}
			p.waitClient("")
			if got := p.tmux("display-message", "-p", "-t", "scion", "#{window_name}"); got != "agent" {
				t.Errorf("who attaches sees %q", got)
			}
			p.write("go", "")
			p.waitWindows("shell")
			p.tmux("send-keys", "-t", "scion:shell", "exit 0", "Enter")
			p.wantExit(0)
		})
	}
	t.Run("the harness is the process of its window", func(t *testing.T) {
		t.Parallel()
		p := startPod(t, pod{onExit: "Keep", do: `echo $$ >"$HOME/pid"; ` + untilGo})
		p.waitFor("the harness", func() bool { return p.read("pid") != "" })
		if got, want := p.tmux("display-message", "-p", "-t", "scion:agent", "#{pane_pid}"), strings.TrimSpace(p.read("pid")); got != want {
			t.Errorf("pane has process %s, the harness is %s", got, want)
		}
	})
	t.Run("a server that is killed is no success", func(t *testing.T) {
		t.Parallel()
		p := startPod(t, pod{onExit: "Keep", do: untilGo})
		p.waitClient("")
		p.tmux("kill-server")
		p.wantExit(1)
	})
}

// TestProbe: the startup probe asks for the session, so the session must not be
// there before the harness's window is.
func TestProbe(t *testing.T) {
	for _, onExit := range []string{"Keep", "Exit"} {
		t.Run(onExit, func(t *testing.T) {
			t.Parallel()
			p := startPod(t, pod{onExit: onExit, do: untilGo})
			p.waitFor("session", func() bool {
				_, err := p.tmuxOutput("has-session", "-t", "scion")
				return err == nil
			})
			if got := p.tmux("list-windows", "-t", "scion", "-F", "#{window_name}"); !strings.HasPrefix(got, "agent") {
				t.Errorf("windows are %q", got)
			}
		})
	}
}

func TestNoTmux(t *testing.T) {
	// An image without tmux is a failure that has to show.
	for onExit, want := range map[string]int{"Keep": 127, "Exit": 129} {
		t.Run(onExit, func(t *testing.T) {
			t.Parallel()
			p := preparePod(t, pod{onExit: onExit})
			p.program("tmux", "exit 127")
			p.start()
			p.wantExit(want)
		})
	}
}

// untilGo is a part of a harness that waits for the file go in its home.
const untilGo = `until [ -e "$HOME/go" ]; do sleep 0.02; done; `

// A pod is what the tests start: the container's command on a terminal of its
// own, with stubs for sciontool and for the harness.
type pod struct {
	shell  string // what sh is, a key of shells; empty means dash
	onExit string
	argv   []Arg    // default: claude, args, and the file if there is one
	args   []string // of the harness
	file   string   // content of the harness's last argument
	do     string   // what the harness does, in sh
	env    []string
}

type runningPod struct {
	t         *testing.T
	cmd       *exec.Cmd
	dir, home string
	record    string // where the harness leaves its arguments
	terminal  *os.File
	output    chan []byte
}

func startPod(t *testing.T, spec pod) *runningPod {
	t.Helper()
	p := preparePod(t, spec)
	p.start()
	return p
}

func preparePod(t *testing.T, spec pod) *runningPod {
	t.Helper()
	need(t, "tmux")
	// Not t.TempDir: the name of a socket has at most 107 bytes.
	dir, err := os.MkdirTemp("", "pod")
	if err != nil {
		t.Fatal(err)
	}
	p := &runningPod{t: t, dir: dir, home: filepath.Join(dir, "home"), record: filepath.Join(dir, "record")}
	t.Cleanup(p.stop)
	for _, d := range []string{"home", "bin"} {
		if err := os.Mkdir(filepath.Join(dir, d), 0o700); err != nil {
			t.Fatal(err)
		}
	}
	shell, ok := shells[spec.shell]
	if !ok {
		shell = shells["dash"]
	}
	if err := os.Symlink(need(t, shell[0]), filepath.Join(dir, "bin", "sh")); err != nil {
		t.Fatal(err)
	}
	p.program("sciontool", `[ "$1 $2" = "init --" ] && shift 2 && exec "$@"`)
	p.program("claude", `printf '%s\0' "$#" "$@" >"$RECORD.new"; mv "$RECORD.new" "$RECORD"; eval "$DO"`)
	if spec.file != "" {
		p.write("system prompt.md", spec.file)
	}
	p.cmd = p.command(spec)
	return p
}

// command is the container's command with the environment that the kubelet
// would give it.
func (p *runningPod) command(spec pod) *exec.Cmd {
	argv := spec.argv
	if argv == nil {
		argv = append(argv, Arg{Text: "claude"})
		for _, a := range spec.args {
			argv = append(argv, Arg{Text: a})
		}
		if spec.file != "" {
			argv = append(argv, Arg{File: "system prompt.md"})
		}
	}
	harness, err := harnessCommand(argv)
	if err != nil {
		p.t.Fatal(err)
	}
	known := map[string]string{"HOME": p.home}
	command := containerCommand("Immediate")
	cmd := exec.CommandContext(p.t.Context(), filepath.Join(p.dir, "bin", command[0]), command[1:]...)
	cmd.Dir = p.home
	cmd.Env = append([]string{
		"PATH=" + filepath.Join(p.dir, "bin") + ":" + os.Getenv("PATH"),
		"HOME=" + p.home,
		"TERM=xterm",
		"SHELL=/bin/sh",
		"TMUX_TMPDIR=" + p.dir,
		"RECORD=" + p.record,
		"DO=" + spec.do,
		"SCION_START_CMD=" + kubeletExpand(startScript(spec.onExit), known),
		harnessCommandVar + "=" + kubeletExpand(escapeExpansion(harness), known),
	}, spec.env...)
	return cmd
}

func (p *runningPod) start() {
	p.t.Helper()
	terminal, err := pty.StartWithSize(p.cmd, &pty.Winsize{Rows: 24, Cols: 80})
	if err != nil {
		p.t.Fatal(err)
	}
	p.terminal, p.output = terminal, make(chan []byte, 1)
	go p.readOutput()
}

func (p *runningPod) readOutput() {
	// Linux ends a terminal with EIO, not EOF.
	out, _ := io.ReadAll(p.terminal)
	p.output <- out
}

// stop leaves nothing behind, whatever became of the test.
func (p *runningPod) stop() {
	p.tmuxOutput("kill-server")
	if p.cmd != nil && p.cmd.Process != nil && p.cmd.ProcessState == nil {
		p.cmd.Process.Kill()
		p.cmd.Wait()
	}
	if p.terminal != nil {
		p.terminal.Close()
	}
	os.RemoveAll(p.dir)
}

// need is the path of a program that a test cannot do without.
func need(t *testing.T, name string) string {
	t.Helper()
	path, err := exec.LookPath(name)
	if err != nil {
		t.Fatalf("%s is not installed: apt-get install tmux dash bash busybox git zsh", name)
	}
	return path
}

func (p *runningPod) program(name, script string) {
	p.t.Helper()
	// A child forked meanwhile would hold the file open for writing, and nobody
	// could run it: golang.org/issue/22315.
	syscall.ForkLock.RLock()
	defer syscall.ForkLock.RUnlock()
	if err := os.WriteFile(filepath.Join(p.dir, "bin", name), []byte("#!/bin/sh\n"+script+"\n"), 0o700); err != nil {
		p.t.Fatal(err)
	}
}

func (p *runningPod) write(name, content string) {
	p.t.Helper()
	if err := os.WriteFile(filepath.Join(p.home, name), []byte(content), 0o600); err != nil {
		p.t.Fatal(err)
	}
}

func (p *runningPod) read(name string) string {
	content, _ := os.ReadFile(filepath.Join(p.home, name))
	return string(content)
}

// keys types on the pod's terminal.
func (p *runningPod) keys(s string) {
	p.t.Helper()
	if _, err := p.terminal.WriteString(s); err != nil {
		p.t.Fatal(err)
	}
}

func (p *runningPod) tmux(args ...string) string {
	p.t.Helper()
	out, err := p.tmuxOutput(args...)
	if err != nil {
		p.t.Fatalf("tmux %s: %v\n%s", strings.Join(args, " "), err, out)
	}
	return out
}

func (p *runningPod) tmuxOutput(args ...string) (string, error) {
	cmd := exec.Command("tmux", args...)
	cmd.Env = []string{"PATH=" + os.Getenv("PATH"), "HOME=" + p.home, "TMUX_TMPDIR=" + p.dir}
	out, err := cmd.CombinedOutput()
	return strings.TrimSpace(string(out)), err
}

// waitFor polls, with patience enough for a machine that is busy with others.
func (p *runningPod) waitFor(what string, done func() bool) {
	p.t.Helper()
	for deadline := time.Now().Add(time.Minute); !done(); time.Sleep(10 * time.Millisecond) {
		if time.Now().After(deadline) {
			p.t.Fatalf("no %s after a minute", what)
		}
	}
}

func (p *runningPod) waitRecord() {
	p.t.Helper()
	p.waitFor("harness", func() bool {
		_, err := os.Stat(p.record)
		return err == nil
	})
}

// waitClient waits for an attached client other than the one with the pid not.
func (p *runningPod) waitClient(not string) {
	p.t.Helper()
	p.waitFor("client", func() bool {
		pid, err := p.tmuxOutput("list-clients", "-F", "#{client_pid}")
		return err == nil && pid != not && pid != ""
	})
}

func (p *runningPod) waitWindows(names ...string) {
	p.t.Helper()
	p.waitFor("windows "+strings.Join(names, " "), func() bool {
		got, err := p.tmuxOutput("list-windows", "-t", "scion", "-F", "#{window_name}")
		return err == nil && got == strings.Join(names, "\n")
	})
}

// wantArgs checks the arguments that the harness found.
func (p *runningPod) wantArgs(want []string) {
	p.t.Helper()
	p.waitRecord()
	content, err := os.ReadFile(p.record)
	if err != nil {
		p.t.Fatal(err)
	}
	got := strings.Split(strings.TrimSuffix(string(content), "\x00"), "\x00")
	want = append([]string{strconv.Itoa(len(want))}, want...)
	if diff := cmp.Diff(want, got); diff != "" {
		p.t.Errorf("arguments of the harness, and their number before (-want +got)\n%s", diff)
	}
}

// wantExit checks what the container ends with.
func (p *runningPod) wantExit(want int) {
	p.t.Helper()
	if got := p.wait(); got != want {
		out := []byte("(no terminal)")
		if p.terminal != nil {
			out = <-p.output
		}
		p.t.Errorf("exit code %d, want %d; on the terminal:\n%q", got, want, out)
	}
}

// wait is the exit code of the container.
func (p *runningPod) wait() int {
	p.t.Helper()
	ended := make(chan struct{})
	go func() {
		p.cmd.Wait()
		close(ended)
	}()
	select {
	case <-ended:
		return p.cmd.ProcessState.ExitCode()
	case <-time.After(time.Minute):
		p.t.Fatal("the container runs on")
		return 0
	}
}
