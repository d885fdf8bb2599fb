package e2e

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	gocmp "github.com/google/go-cmp/cmp"

	"github.com/scion-gen/scion-gen/e2e/cluster"
)

// verdict is a line of scion-gen phase -o jsonl.
type verdict map[string]any

func (v verdict) text(field string) string {
	s, _ := v[field].(string)
	return s
}

// reader writes a kubeconfig of a ServiceAccount that may do in a namespace what
// docs/phase-command.md says that the command needs, and nothing else.
func reader(t testing.TB, namespace string) (kubeconfig string) {
	t.Helper()
	for _, o := range documentedRole(t) {
		o["metadata"].(map[string]any)["namespace"] = namespace
		if subjects, ok := o["subjects"].([]any); ok {
			subjects[0].(map[string]any)["namespace"] = namespace
		}
		ensure(t, o)
	}
	return bearer(t, namespace, "agent-phases")
}

// documentedRole is the Role and the RoleBinding in docs/phase-command.md.
func documentedRole(t testing.TB) []object {
	t.Helper()
	const file = "../docs/phase-command.md"
	data, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	_, rest, _ := strings.Cut(string(data), "```yaml\n")
	text, _, found := strings.Cut(rest, "```")
	if !found {
		t.Fatalf("%s has no YAML", file)
	}
	all, err := manifests([]byte(text))
	if err != nil || len(all) != 2 || all[0].kind() != "Role" || all[1].kind() != "RoleBinding" {
		t.Fatalf("%s: no Role and RoleBinding: %v", file, err)
	}
	return []object{all[0].object, all[1].object}
}

// bearer writes a kubeconfig with a token of a ServiceAccount.
func bearer(t testing.TB, namespace, name string) (kubeconfig string) {
	t.Helper()
	ensure(t, serviceAccount(namespace, name))
	var request object
	if err := server.Into(t.Context(), cluster.Request{
		Method: http.MethodPost,
		Path:   "/api/v1/namespaces/" + namespace + "/serviceaccounts/" + name + "/token",
		Body:   []byte(`{"apiVersion": "authentication.k8s.io/v1", "kind": "TokenRequest", "spec": {"audiences": null}}`),
	}, &request); err != nil {
		t.Fatal(err)
	}
	kubeconfig, err := server.Kubeconfig(request.text("status", "token"), namespace)
	if err != nil {
		t.Fatal(err)
	}
	return kubeconfig
}

// list runs scion-gen phase to its end and returns its verdicts.
func list(t testing.TB, kubeconfig string, args ...string) []verdict {
	t.Helper()
	c := phaseCommand(t, kubeconfig, args...)
	out, err := c.Output()
	if err != nil {
		t.Fatalf("%v: %v: %s", c.Args, err, c.Stderr)
	}
	return decodeVerdicts(t, out)
}

func decodeVerdicts(t testing.TB, out []byte) []verdict {
	t.Helper()
	var all []verdict
	for line := range bytes.Lines(out) {
		var v verdict
		if err := json.Unmarshal(line, &v); err != nil {
			t.Fatalf("%s: %v", line, err)
		}
		all = append(all, v)
	}
	return all
}

func phaseCommand(t testing.TB, kubeconfig string, args ...string) *exec.Cmd {
	return exec.CommandContext(t.Context(), scionGen, append([]string{"phase", "--kubeconfig", kubeconfig, "-o", "jsonl"}, args...)...)
}

// watching is a scion-gen phase --watch under way.
type watching struct {
	t    testing.TB
	cmd  *exec.Cmd
	done chan error // how it ended

	mu     sync.Mutex
	lines  []verdict
	stderr bytes.Buffer
}

func watch(t testing.TB, kubeconfig string, args ...string) *watching {
	t.Helper()
	w := &watching{t: t, done: make(chan error, 1)}
	w.cmd = phaseCommand(t, kubeconfig, append([]string{"--watch", "--absent-grace", "0"}, args...)...)
	w.cmd.Stderr = lockedWriter{&w.mu, &w.stderr}
	stdout, err := w.cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := w.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	ended := server.Adopt(w.cmd.Process)
	go func() {
		w.read(bufio.NewScanner(stdout))
		err := w.cmd.Wait()
		ended()
		w.done <- err
	}()
	t.Cleanup(func() { w.stop() })
	return w
}

type lockedWriter struct {
	mu *sync.Mutex
	to *bytes.Buffer
}

func (w lockedWriter) Write(p []byte) (int, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.to.Write(p)
}

func (w *watching) read(lines *bufio.Scanner) {
	for lines.Scan() {
		var v verdict
		if err := json.Unmarshal(lines.Bytes(), &v); err != nil {
			w.t.Errorf("%s: %v", lines.Bytes(), err)
		}
		w.mu.Lock()
		w.lines = append(w.lines, v)
		w.mu.Unlock()
	}
}

// verdicts are those printed so far.
func (w *watching) verdicts() []verdict {
	w.mu.Lock()
	defer w.mu.Unlock()
	return slices.Clone(w.lines)
}

// phases are those printed so far of one agent, each that differs from the one
// before.
func (w *watching) phases(name string) []string {
	var phases []string
	for _, v := range w.verdicts() {
		if v.text("name") == name {
			phases = append(phases, v.text("phase"))
		}
	}
	return slices.Compact(phases)
}

// await waits until exactly these phases have been printed of an agent.
func (w *watching) await(name string, want ...string) {
	w.t.Helper()
	w.eventually(func() string {
		if diff := gocmp.Diff(want, w.phases(name)); diff != "" {
			return fmt.Sprintf("phases of %s (-want +got)\n%s", name, diff)
		}
		return ""
	})
}

// eventually waits until problem has nothing to say.
func (w *watching) eventually(problem func() string) {
	w.t.Helper()
	for deadline := time.Now().Add(time.Minute); ; time.Sleep(20 * time.Millisecond) {
		said := problem()
		if said == "" {
			return
		}
		select {
		case err := <-w.done:
			w.done <- err
			w.t.Fatalf("the watch ended: %v: %s", err, w.said())
		default:
		}
		if time.Now().After(deadline) {
			w.t.Fatalf("%s\nstderr: %s", said, w.said())
		}
	}
}

// said is what the command printed to stderr so far.
func (w *watching) said() string {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.stderr.String()
}

// stop interrupts the command as Control-C does, and waits for its end.
func (w *watching) stop() error {
	w.cmd.Process.Signal(syscall.SIGINT)
	err := <-w.done
	w.done <- err
	return err
}
