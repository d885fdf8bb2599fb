package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/watch"
)

// podState brings a Pod into a state.
type podState func(*corev1.Pod)

func provisioning(p *corev1.Pod) {
	p.Status.Phase = corev1.PodPending
	p.Status.Conditions = []corev1.PodCondition{{Type: corev1.PodScheduled, Status: corev1.ConditionTrue}}
	p.Status.ContainerStatuses = []corev1.ContainerStatus{{
		Name: "agent", State: corev1.ContainerState{Waiting: &corev1.ContainerStateWaiting{Reason: "ContainerCreating"}},
	}}
}

func running(p *corev1.Pod) {
	p.Status.Phase = corev1.PodRunning
	p.Status.ContainerStatuses = []corev1.ContainerStatus{{
		Name: "agent", Ready: true, Started: new(true), State: corev1.ContainerState{Running: &corev1.ContainerStateRunning{}},
	}}
}

func failed(p *corev1.Pod) {
	p.Status.Phase = corev1.PodFailed
	p.Status.ContainerStatuses = []corev1.ContainerStatus{{
		Name: "agent", State: corev1.ContainerState{Terminated: &corev1.ContainerStateTerminated{ExitCode: 1, Reason: "Error"}},
	}}
}

func testPod(namespace, name string, state podState) *corev1.Pod {
	p := &corev1.Pod{
		ObjectMeta: metav1.ObjectMeta{
			Namespace: namespace, Name: name, UID: types.UID(namespace + "-" + name),
			Labels:            map[string]string{labelAgent: "true", labelName: name, labelGrove: "payments"},
			CreationTimestamp: metav1.NewTime(time.Now().Add(-time.Hour).Truncate(time.Second)),
		},
		Spec: corev1.PodSpec{
			NodeName: "node-1", RestartPolicy: corev1.RestartPolicyNever,
			Containers: []corev1.Container{{Name: "agent", Image: "agent:1"}},
		},
	}
	state(p)
	return p
}

// output is what a command has written so far.
type output struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (o *output) Write(p []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.text.Write(p)
}

func (o *output) String() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.text.String()
}

// phases are the lines of -o jsonl as "agent phase".
func (o *output) phases(t *testing.T) []string {
	t.Helper()
	lines := []string{}
	for line := range strings.Lines(o.String()) {
		var a agentJSON
		if err := json.Unmarshal([]byte(line), &a); err != nil {
			t.Fatalf("%q: %v", line, err)
		}
		lines = append(lines, a.Name+" "+string(a.Phase))
	}
	return lines
}

// list runs phase on the server to its end.
func (s *apiServer) list(args ...string) (code int, stdout, stderr *output) {
	stdout, stderr = &output{}, &output{}
	args = append([]string{"phase", "--kubeconfig", s.kubeconfig()}, args...)
	return run(s.t.Context(), args, nil, stdout, stderr), stdout, stderr
}

func TestClusterList(t *testing.T) {
	tests := []struct {
		name   string // why the case is there
		server func(*apiServer)
		args   []string
		code   int
		want   []string
		stderr string // contained
	}{
		{
			name: "the namespace is that of the context",
			want: []string{"a1 running", "a2 error"},
		},
		{
			name: "all namespaces",
			args: []string{"-A"},
			want: []string{"a1 running", "a2 error", "b1 provisioning"},
		},
		{
			name: "a namespace that is gone or never was has no Pods; kubectl says the same",
			args: []string{"-n", "nope"},
			want: []string{}, stderr: "no agents found",
		},
		{
			name: "-l replaces the label of agents",
			args: []string{"-A", "-l", "app=other"},
			want: []string{"other provisioning"},
		},
		{
			name: "--grove is asked of the server, beside the label of agents",
			args: []string{"-A", "--grove", "payments", "--phase", "error,running"},
			want: []string{"a1 running", "a2 error"},
		},
		{
			name: "--fail-on finds the broken agent",
			args: []string{"-A", "--fail-on", "error"},
			code: exitInput, want: []string{"a1 running", "a2 error", "b1 provisioning"},
			stderr: "--fail-on error: 1 of 3 agents",
		},
		{
			name:   "a proxy that only does JSON is understood",
			server: func(s *apiServer) { s.jsonOnly = true },
			args:   []string{"-A"},
			want:   []string{"a1 running", "a2 error", "b1 provisioning"},
		},
		{
			name: "forbidden, in the words of a real server",
			server: func(s *apiServer) {
				s.fail("list", answers(403, metav1.StatusReasonForbidden,
					`pods is forbidden: User "nobody" cannot list resource "pods" in API group "" in the namespace "team-a"`))
			},
			code: exitTrouble, want: []string{}, stderr: `list Pods: pods is forbidden: User "nobody"`,
		},
		{
			name:   "a token that has expired",
			server: func(s *apiServer) { s.fail("list", answers(401, metav1.StatusReasonUnauthorized, "Unauthorized")) },
			code:   exitTrouble, want: []string{}, stderr: "list Pods: Unauthorized",
		},
		{
			name: "a server that is ill says so, and is not asked for ever",
			server: func(s *apiServer) {
				s.fail("list", answers(500, metav1.StatusReasonInternalError, "etcdserver: no leader"))
			},
			code: exitTrouble, want: []string{}, stderr: "etcdserver: no leader",
		},
		{
			name:   "429 with Retry-After is waited out",
			server: func(s *apiServer) { s.fail("list", tooManyRequests) },
			want:   []string{"a1 running", "a2 error"},
		},
		{
			name:   "a login page with status 200 is no empty cluster",
			server: func(s *apiServer) { s.fail("list", garbage) },
			code:   exitTrouble, want: []string{},
		},
		{
			name:   "a server that drips bytes does not hold the command for ever",
			server: func(s *apiServer) { s.fail("list", drip) },
			args:   []string{"--request-timeout", "300ms"},
			code:   exitTrouble, want: []string{}, stderr: "deadline exceeded",
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			other := testPod("team-b", "other", provisioning)
			other.Labels = map[string]string{"app": "other"}
			s := newAPIServer(t, testPod("team-a", "a1", running), testPod("team-a", "a2", failed), testPod("team-b", "b1", provisioning), other)
			if tt.server != nil {
				tt.server(s)
			}
			code, stdout, stderr := s.list(append(tt.args, "-o", "jsonl")...)
			if code != tt.code {
				t.Errorf("exit code %d, want %d", code, tt.code)
			}
			if diff := cmp.Diff(tt.want, stdout.phases(t)); diff != "" {
				t.Errorf("agents (-want +got):\n%s", diff)
			}
			if got := stderr.String(); !strings.Contains(got, tt.stderr) || tt.stderr == "" && code == exitOK && got != "" {
				t.Errorf("stderr %q, want %q", got, tt.stderr)
			}
		})
	}
}

// A list longer than a page comes in pages of 500, in protobuf; one that expires
// on the way goes on from where it was with the token of the server, so that no
// agent is missed or shown twice.
func TestClusterListInPages(t *testing.T) {
	for _, expires := range []bool{false, true} {
		t.Run(fmt.Sprintf("expires=%t", expires), func(t *testing.T) {
			t.Parallel()
			s := newAPIServer(t)
			var want []string
			for i := range 1234 {
				name := fmt.Sprintf("agent-%04d", i)
				s.apply(testPod("team-a", name, running))
				want = append(want, name+" running")
			}
			if expires {
				s.fail("continue", func(s *apiServer, w http.ResponseWriter, r *http.Request) {
					gone := failure(http.StatusGone, metav1.StatusReasonExpired, "The provided continue parameter is too old")
					gone.Continue = r.URL.Query().Get("continue")
					s.answer(w, r, http.StatusGone, gone)
				})
			}
			code, stdout, stderr := s.list("-o", "jsonl")
			if code != exitOK || stderr.String() != "" {
				t.Errorf("exit code %d, stderr %q", code, stderr)
			}
			if diff := cmp.Diff(want, stdout.phases(t)); diff != "" {
				t.Errorf("agents (-want +got):\n%s", diff)
			}
			if pages, want := s.seen("limit=500", "accept=application/vnd.kubernetes.protobuf"), map[bool]int{false: 3, true: 4}[expires]; pages != want {
				t.Errorf("%d pages of 500 in protobuf, want %d", pages, want)
			}
		})
	}
}

// watching is a phase --watch under way.
type watching struct {
	t              *testing.T
	stdout, stderr output
	cancel         context.CancelFunc
	done           chan int
}

func (s *apiServer) watch(args ...string) *watching {
	ctx, cancel := context.WithCancel(s.t.Context())
	w := &watching{t: s.t, cancel: cancel, done: make(chan int, 1)}
	args = append([]string{"phase", "--kubeconfig", s.kubeconfig(), "--watch", "-o", "jsonl"}, args...)
	go func() { w.done <- run(ctx, args, nil, &w.stdout, &w.stderr) }()
	s.t.Cleanup(func() { w.stop() })
	return w
}

// stop interrupts the command and returns its exit code.
func (w *watching) stop() int {
	w.cancel()
	code := <-w.done
	w.done <- code
	return code
}

// await waits until exactly these lines have been printed.
func (w *watching) await(want ...string) {
	w.t.Helper()
	eventually(w.t, func() string { return cmp.Diff(want, w.stdout.phases(w.t)) + w.stderrIfStuck() })
}

func (w *watching) stderrIfStuck() string {
	select {
	case code := <-w.done:
		w.done <- code
		return fmt.Sprintf("ended with %d: %s", code, w.stderr.String())
	default:
		return ""
	}
}

// eventually waits until problem has nothing to say.
func eventually(t *testing.T, problem func() string) {
	t.Helper()
	for deadline := time.Now().Add(30 * time.Second); ; time.Sleep(5 * time.Millisecond) {
		said := problem()
		if said == "" {
			return
		}
		if time.Now().After(deadline) {
			t.Fatal(said)
		}
	}
}

// Each fault interrupts a watch, and something happens meanwhile. A watch that
// survives prints just that: nothing twice, nothing lost.
func TestClusterWatchSurvives(t *testing.T) {
	tests := []struct {
		name   string // what goes wrong
		before func(*apiServer)
		fault  func(*apiServer) // while the watch is open
		stderr string           // contained in it, if anything is to be said
	}{
		{name: "nothing"},
		{
			name:   "a server that cannot stream lists, as before 1.32",
			before: func(s *apiServer) { s.noStream = true },
		},
		{
			name:   "a server that only does JSON",
			before: func(s *apiServer) { s.jsonOnly = true },
		},
		{
			name:  "the connection is cut",
			fault: func(s *apiServer) { s.http.CloseClientConnections() },
		},
		{
			name: "the connection is cut in the middle of an event",
			fault: func(s *apiServer) {
				s.fail("watch", cutMidEvent)
				s.http.CloseClientConnections()
			},
		},
		{
			name: "the version of the last event has expired: 410 inside the watch",
			fault: func(s *apiServer) {
				s.forget()
				s.http.CloseClientConnections()
			},
		},
		{
			name: "410 as the answer to the watch",
			fault: func(s *apiServer) {
				s.fail("watch", answers(410, metav1.StatusReasonExpired, "too old resource version"))
				s.http.CloseClientConnections()
			},
		},
		{
			name: "the version of a bookmark has expired",
			fault: func(s *apiServer) {
				s.fail("watch", func(s *apiServer, w http.ResponseWriter, r *http.Request) {
					stream := s.stream(w, r)
					stream.bookmark(s.version, false)
					s.forget()
				})
				s.http.CloseClientConnections()
			},
		},
		{
			name: "the server restarts: 500s, then 503s",
			fault: func(s *apiServer) {
				for range 2 {
					s.fail("watch", answers(500, metav1.StatusReasonInternalError, "apiserver is shutting down"))
					s.fail("watch", answers(503, metav1.StatusReasonServiceUnavailable, "the server is currently unable to handle the request"))
				}
				s.http.CloseClientConnections()
			},
		},
		{
			name: "429 with Retry-After",
			fault: func(s *apiServer) {
				s.fail("watch", tooManyRequests)
				s.http.CloseClientConnections()
			},
		},
		{
			name: "permission is withdrawn for a while",
			fault: func(s *apiServer) {
				for range 2 {
					s.fail("watch", answers(403, metav1.StatusReasonForbidden, "pods is forbidden"))
					s.fail("list", answers(403, metav1.StatusReasonForbidden, "pods is forbidden"))
				}
				s.http.CloseClientConnections()
			},
			stderr: "pods is forbidden; trying again\n",
		},
		{
			name: "an event that is no Pod",
			fault: func(s *apiServer) {
				s.fail("watch", func(s *apiServer, w http.ResponseWriter, r *http.Request) {
					stream := s.stream(w, r)
					stream.send(watch.Added, &corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{Name: "c", ResourceVersion: "1"}})
				})
				s.http.CloseClientConnections()
			},
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			s := newAPIServer(t, testPod("team-a", "a2", failed), testPod("team-a", "a1", provisioning), testPod("team-b", "b1", running))
			if tt.before != nil {
				tt.before(s)
			}
			w := s.watch("--absent-grace", "0")
			w.await("a1 provisioning", "a2 error")
			if tt.fault != nil {
				tt.fault(s)
			}
			s.apply(testPod("team-a", "a1", running))
			w.await("a1 provisioning", "a2 error", "a1 running")
			s.apply(testPod("team-a", "a3", provisioning))
			w.await("a1 provisioning", "a2 error", "a1 running", "a3 provisioning")
			s.delete("team-a", "a1")
			w.await("a1 provisioning", "a2 error", "a1 running", "a3 provisioning", "a1 stopped")
			if got := w.stderr.String(); !strings.Contains(got, tt.stderr) {
				t.Errorf("stderr %q, want %q", got, tt.stderr)
			}
			if code := w.stop(); code != exitOK {
				t.Errorf("exit code %d of an interrupted watch", code)
			}
			if n := s.seen("accept=application/vnd.kubernetes.protobuf"); n != s.seen() {
				t.Errorf("%d of %d requests ask for protobuf", n, s.seen())
			}
		})
	}
}

// What is deleted while nobody looks is found by the next list.
func TestClusterWatchMissedDeletion(t *testing.T) {
	t.Parallel()
	s := newAPIServer(t, testPod("team-a", "a1", running))
	w := s.watch("--absent-grace", "0")
	w.await("a1 running")
	s.mu.Lock()
	delete(s.pods, "team-a/a1") // without an event
	s.mu.Unlock()
	s.forget()
	s.http.CloseClientConnections()
	w.await("a1 running", "a1 stopped")
}

// A watch that can never begin ends at once, rather than try for ever.
func TestClusterWatchRefused(t *testing.T) {
	t.Parallel()
	s := newAPIServer(t)
	s.fail("list", answers(403, metav1.StatusReasonForbidden, "pods is forbidden"))
	w := s.watch()
	if code := <-w.done; code != exitTrouble {
		t.Errorf("exit code %d, want %d", code, exitTrouble)
	} else {
		w.done <- code
	}
	if got, want := w.stderr.String(), "list Pods: pods is forbidden\n"; got != want {
		t.Errorf("stderr %q, want %q", got, want)
	}
}

// --fail-on ends a watch at the first agent that fails, for CI.
func TestClusterWatchFailOn(t *testing.T) {
	t.Parallel()
	s := newAPIServer(t, testPod("team-a", "a1", running))
	w := s.watch("--fail-on", "error")
	w.await("a1 running")
	s.apply(testPod("team-a", "a1", failed))
	code := <-w.done
	w.done <- code
	if code != exitInput {
		t.Errorf("exit code %d, want %d: %s", code, exitInput, w.stderr.String())
	}
	if diff := cmp.Diff([]string{"a1 running", "a1 error"}, w.stdout.phases(t)); diff != "" {
		t.Errorf("agents (-want +got):\n%s", diff)
	}
}

// Waiting too long is an error without any event.
func TestClusterWatchGrace(t *testing.T) {
	t.Parallel()
	pulling := testPod("team-a", "a1", provisioning)
	pulling.Status.StartTime = new(metav1.Now())
	pulling.Status.Conditions[0].LastTransitionTime = metav1.Now()
	pulling.Status.ContainerStatuses[0].State.Waiting.Reason = "ImagePullBackOff"
	s := newAPIServer(t, pulling)
	w := s.watch("--image-pull-grace", "2s")
	w.await("a1 provisioning", "a1 error")
}

// A Pod that comes back under its name is another agent run.
func TestClusterWatchStartedAgain(t *testing.T) {
	t.Parallel()
	s := newAPIServer(t, testPod("team-a", "a1", failed))
	w := s.watch("--absent-grace", "1h")
	w.await("a1 error")
	s.delete("team-a", "a1")
	again := testPod("team-a", "a1", provisioning)
	again.UID = "another"
	s.apply(again)
	w.await("a1 error", "a1 provisioning")
}

// A declared agent is created until its Pod is there, in the namespace that is
// watched.
func TestClusterWatchDeclared(t *testing.T) {
	t.Parallel()
	config := filepath.Join(t.TempDir(), "agents.yaml")
	text := `apiVersion: gen.scion.dev/v1alpha1
kind: Agent
metadata: {name: a2, namespace: team-a}
spec: {template: claude, grove: payments, image: "registry.example.com/claude:1"}
---
apiVersion: gen.scion.dev/v1alpha1
kind: Agent
metadata: {name: b2, namespace: team-b}
spec: {template: claude, image: "registry.example.com/claude:1"}
`
	if err := os.WriteFile(config, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	s := newAPIServer(t, testPod("team-a", "a1", running))
	w := s.watch("--config", config)
	w.await("a1 running", "a2 created")
	s.apply(testPod("team-a", "a2", provisioning))
	w.await("a1 running", "a2 created", "a2 provisioning")
	code, stdout, stderr := s.list("-A", "--config", config, "-o", "jsonl")
	if code != exitOK {
		t.Errorf("exit code %d: %s", code, stderr)
	}
	if diff := cmp.Diff([]string{"a1 running", "a2 provisioning", "b2 created"}, stdout.phases(t)); diff != "" {
		t.Errorf("agents (-want +got):\n%s", diff)
	}
}

// An agent with several Pods is one line, and stops with the last of them.
func TestClusterAgents(t *testing.T) {
	t.Parallel()
	first, second := attempt("a1", "a1-zzz", time.Hour, failed), attempt("a1", "a1-aaa", time.Minute, running)
	s := newAPIServer(t, first, second)
	code, stdout, stderr := s.list("-o", "jsonl", "--fail-on", "error")
	if code != exitOK {
		t.Errorf("exit code %d: %s", code, stderr)
	}
	if diff := cmp.Diff([]string{"a1 running"}, stdout.phases(t)); diff != "" {
		t.Errorf("agents (-want +got):\n%s", diff)
	}
	w := s.watch("--absent-grace", "0")
	w.await("a1 running")
	s.delete("team-a", "a1-zzz")
	s.apply(testPod("team-a", "a2", running)) // after it
	w.await("a1 running", "a2 running")
	s.delete("team-a", "a1-aaa")
	w.await("a1 running", "a2 running", "a1 stopped")
}
