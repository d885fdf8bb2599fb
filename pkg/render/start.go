package render

import (
	"errors"
	"fmt"
	"strings"
)

// How the harness is started, from the container's command inwards:
//
//	containerCommand  sh: waits for the broker if Gated, becomes sciontool init
//	$SCION_START_CMD  sh: startScript, the tmux session and what ends with it
//	sh -c 'eval ...'  in the tmux window "agent": runs $HARNESS_COMMAND
//	$HARNESS_COMMAND  the text of harnessCommand: exec claude --continue 'the task'
//
// Three readers would each change the text of a task on its way: the kubelet
// expands $(NAME) in env values, sh expands nearly everything, and tmux takes a
// trailing ; for the end of a command and no message beyond 16 KiB. So the
// harness command travels in a variable of its own, escaped once for the
// kubelet and quoted once for sh, past tmux, which hands its environment to the
// programs it starts unread.

// harnessCommandVar names the variable of the harness's command line. Not
// SCION_*: sciontool init copies variables of that prefix to ~/.scion/scion-env,
// in double quotes, and every shell that sources the file would run the command
// substitutions that a task happens to contain.
const harnessCommandVar = "HARNESS_COMMAND"

// maxExecString is the size of one argument or variable that Linux hands to a
// program, with NAME= and the final NUL: MAX_ARG_STRLEN, execve(2).
const maxExecString = 128 << 10

var (
	errNoCommand = errors.New("no command to run")
	errNUL       = errors.New("contains a NUL byte, which no program can be given")
)

// commandSizeError says that a harness command is more than exec takes.
type commandSizeError struct {
	Size, Limit int // bytes of the quoted command line
}

func (e *commandSizeError) Error() string {
	return fmt.Sprintf("the harness command is %d bytes when quoted, and a container takes at most %d; move long text to a file in the home directory", e.Size, e.Limit)
}

// Arg is one argument of the harness: a text, or, if File is not empty, what
// that file holds when the harness starts, to the last newline.
type Arg struct {
	Text string
	File string // path below $HOME
}

// containerCommand is the command of the agent's container. Gated waits for the
// file by which a broker says that it has copied the home directory, in the very
// words of Scion's Kubernetes runtime; any other start goes ahead.
func containerCommand(start string) []string {
	script := `exec sciontool init -- sh -c "$SCION_START_CMD"`
	if start == "Gated" {
		script = "while [ ! -f /tmp/.scion-home-ready ]; do sleep 0.2; done; " + script
	}
	return []string{"sh", "-c", script}
}

// startScript is the value of SCION_START_CMD: it makes the tmux session
// "scion" with the windows "agent" and "shell", as Scion does, and keeps a
// client attached until the session ends. A client that is detached is attached
// again, since the container ends with this script.
//
// With onExit Exit the session ends with the harness, and the script with the
// harness's own exit code: 128+N if signal N killed it. It is 129 too if there
// is no code to be had: the tmux server or the window was ended first, which
// hangs up on the harness, or tmux did not start.
//
// Otherwise the window "shell" outlives the harness. The script ends with 0 when
// the last window is closed, and fails when tmux does. (The .tmux.conf that
// Scion puts into the homes it copies ends the session with the window "agent".)
//
// The text has nothing that the kubelet expands, and no command substitution:
// like every SCION_* variable it ends up in a file that shells source.
func startScript(onExit string) string {
	if onExit == "Exit" {
		return `: >"$HOME/.scion-exit" && ` + newSession(exitWithHarness, endWithAgentWindow) + "; " + attachAgain +
			`; read -r code <"$HOME/.scion-exit" || code=129; exit "$code"`
	}
	return newSession(runHarness, "") + " || " + hasSession + " || exit; " + attachAgain
}

// runHarness makes a shell into the harness. The variable is not left to it and
// its children: it would cost each of them up to 128 KiB of their arguments.
const runHarness = `eval "unset ` + harnessCommandVar + `; $` + harnessCommandVar + `"`

// exitWithHarness runs the harness, leaves its exit code and ends the tmux
// server, its parent: by a signal, for the harness may have emptied /tmp and
// the server's socket with it. The traps let the shell outlive what the harness
// is meant to handle; unlike ignored signals they do not pass to the harness.
// SIGHUP comes to this shell alone, and to the harness only when it dies of it.
const exitWithHarness = `trap : INT QUIT TERM; (` + runHarness + `); echo $? >"$HOME/.scion-exit"; kill "$PPID"`

// endWithAgentWindow has the server end itself if that shell could not.
const endWithAgentWindow = ` \; set-hook -t scion window-unlinked 'if-shell -F "#{==:#{hook_window_name},agent}" kill-server'`

const hasSession = "tmux has-session -t scion 2>/dev/null"

// attachAgain polls where it cannot attach, say for want of a terminal.
const attachAgain = "while " + hasSession + "; do tmux attach-session -t scion || ! sleep 0.2; done"

// newSession is a tmux command list that runs script in the window "agent", and
// attaches. One list, so that the harness cannot end halfway: tmux looks after
// dead children when it has done all of it.
func newSession(script, more string) string {
	return `tmux new-session -d -s scion -n agent sh -c ` + shellQuote(script) + more +
		` \; set-option -g window-size latest \; new-window -t scion -n shell \; select-window -t scion:agent \; attach-session -t scion`
}

// harnessCommand is the shell text that becomes the program argv[0] with just
// these arguments, for any sh of POSIX. A file that cannot be read ends the
// shell before the harness starts. The text goes into the variable
// harnessCommandVar, through escapeExpansion. Errors are errNoCommand, errNUL
// and *commandSizeError.
func harnessCommand(argv []Arg) (string, error) {
	if len(argv) == 0 || argv[0].Text == "" || argv[0].Text[0] == '-' {
		return "", errNoCommand
	}
	var files, words strings.Builder
	for i, a := range argv {
		if strings.ContainsRune(a.Text+a.File, 0) {
			return "", fmt.Errorf("argument %d: %w", i, errNUL)
		}
		if a.File == "" {
			words.WriteString(" " + shellQuote(a.Text))
			continue
		}
		// $(...) drops all newlines at the end, hence the full stop after them.
		fmt.Fprintf(&files, `HARNESS_FILE_%d=$(cat "$HOME"/%s && echo .) && `, i, shellQuote(a.File))
		fmt.Fprintf(&words, ` "${HARNESS_FILE_%d%%.}"`, i)
	}
	command := files.String() + "exec" + words.String()
	if limit := maxExecString - len(harnessCommandVar+"=\x00"); len(command) > limit {
		return "", &commandSizeError{Size: len(command), Limit: limit}
	}
	return command, nil
}

// shellQuote is s as one word of POSIX sh, untouched where that is safe.
func shellQuote(s string) string {
	if s != "" && strings.TrimLeft(s, plainWord) == "" {
		return s
	}
	return "'" + strings.ReplaceAll(s, "'", `'\''`) + "'"
}

// plainWord are the bytes that mean themselves in every place of a word.
const plainWord = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-./:,@%+="

// escapeExpansion is s as the value of an env entry, of a command or an args
// item that reaches the container as s: the kubelet reads $(NAME) as a reference
// and $$ as $ (Kubernetes API, EnvVar.value).
//
// Only the $ that need it are doubled. Those before a byte beyond ASCII do: the
// kubelet's default branch converts that byte to a rune, and so makes $é into
// $Ã and half a letter (third_party/forked/golang/expansion in kubernetes).
func escapeExpansion(s string) string {
	if strings.IndexByte(s, '$') < 0 {
		return s
	}
	var b strings.Builder
	b.Grow(len(s) + 8)
	for i := range len(s) {
		b.WriteByte(s[i])
		if s[i] == '$' && i+1 < len(s) && (s[i+1] == '$' || s[i+1] == '(' || s[i+1] >= 0x80) {
			b.WriteByte('$')
		}
	}
	return b.String()
}
