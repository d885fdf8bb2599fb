package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/watch"

	"github.com/scion-gen/scion-gen/pkg/phasemap"
)

// pipe is what kubectl get pods --watch --output-watch-events -o json writes to.
type pipe struct {
	t *testing.T
	w *io.PipeWriter
}

// send writes events in one go.
func (p pipe) send(events ...watch.Event) {
	p.t.Helper()
	var text bytes.Buffer
	for _, e := range events {
		e.Object.(*corev1.Pod).TypeMeta = metav1.TypeMeta{APIVersion: "v1", Kind: "Pod"}
		if err := json.NewEncoder(&text).Encode(map[string]any{"type": e.Type, "object": e.Object}); err != nil {
			p.t.Fatal(err)
		}
	}
	if _, err := p.w.Write(text.Bytes()); err != nil {
		p.t.Fatal(err)
	}
}

// watchPipe starts phase --watch at the other end of a pipe.
func watchPipe(t *testing.T, args ...string) (*watching, pipe) {
	r, in := io.Pipe()
	ctx, cancel := context.WithCancel(t.Context())
	w := &watching{t: t, cancel: cancel, done: make(chan int, 1)}
	args = append([]string{"phase", "--watch", "-o", "jsonl"}, args...)
	go func() { w.done <- run(ctx, args, r, &w.stdout, &w.stderr) }()
	t.Cleanup(func() { in.Close(); w.stop() })
	return w, pipe{t, in}
}

// ends waits until the command ends with a code, and exactly these lines.
func (w *watching) ends(want int, lines ...string) {
	w.t.Helper()
	code := <-w.done
	w.done <- code
	if code != want {
		w.t.Errorf("exit code %d, want %d: %s", code, want, w.stderr.String())
	}
	if diff := cmp.Diff(lines, w.stdout.phases(w.t)); diff != "" {
		w.t.Errorf("lines (-want +got):\n%s", diff)
	}
}

// attempt is one Pod of several of an agent.
func attempt(agent, pod string, age time.Duration, state podState) *corev1.Pod {
	p := testPod("team-a", pod, state)
	p.Labels[labelName] = agent
	p.CreationTimestamp = metav1.NewTime(time.Now().Add(-age).Truncate(time.Second))
	return p
}

func pulling(p *corev1.Pod) {
	provisioning(p)
	p.Status.StartTime = new(metav1.Now())
	p.Status.Conditions[0].LastTransitionTime = metav1.Now()
	p.Status.ContainerStatuses[0].State.Waiting.Reason = "ImagePullBackOff"
}

// Time passes for a pipe as it does for a cluster: without any event, waiting
// turns to an error, and a Pod that is gone is reported.
func TestPipeWatchTime(t *testing.T) {
	t.Parallel()
	w, p := watchPipe(t, "--image-pull-grace", "8s", "--absent-grace", "1s")
	p.send(watch.Event{Type: watch.Added, Object: testPod("team-a", "a1", pulling)})
	p.send(watch.Event{Type: watch.Added, Object: testPod("team-a", "a2", running)})
	w.await("a1 provisioning", "a2 running", "a1 error")
	p.send(watch.Event{Type: watch.Deleted, Object: testPod("team-a", "a2", running)})
	w.await("a1 provisioning", "a2 running", "a1 error", "a2 stopped")
	if code := w.stop(); code != exitOK {
		t.Errorf("exit code %d of an interrupted watch: %s", code, w.stderr.String())
	}
}

// When a pipe ends, what was deleted will not come back, however long the grace
// is.
func TestPipeWatchEnds(t *testing.T) {
	t.Parallel()
	w, p := watchPipe(t, "--absent-grace", "1h")
	p.send(watch.Event{Type: watch.Added, Object: testPod("team-a", "a1", running)})
	p.send(watch.Event{Type: watch.Deleted, Object: testPod("team-a", "a1", running)})
	w.await("a1 running")
	p.w.Close()
	w.ends(exitOK, "a1 running", "a1 stopped")
}

// What there was when the watch began is taken together: a Pod that failed
// before the one that runs is no news, and does not end the watch.
func TestPipeWatchBegins(t *testing.T) {
	t.Parallel()
	w, p := watchPipe(t, "--fail-on", "error", "--absent-grace", "0")
	p.send(
		watch.Event{Type: watch.Added, Object: attempt("a1", "a1-first", time.Hour, failed)},
		watch.Event{Type: watch.Added, Object: attempt("a1", "a1-second", time.Minute, running)})
	w.await("a1 running")
	p.send(watch.Event{Type: watch.Deleted, Object: attempt("a1", "a1-first", time.Hour, failed)})
	p.send(watch.Event{Type: watch.Modified, Object: attempt("a1", "a1-second", time.Minute, failed)})
	w.ends(exitInput, "a1 running", "a1 error")
}

// Declared agents show as created once the pipe has paused.
func TestPipeWatchDeclared(t *testing.T) {
	t.Parallel()
	config := filepath.Join(t.TempDir(), "agents.yaml")
	text := `apiVersion: gen.scion.dev/v1alpha1
kind: Agent
metadata: {name: a2, namespace: team-a}
spec: {template: claude, grove: payments, image: "registry.example.com/claude:1"}
`
	if err := os.WriteFile(config, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	w, p := watchPipe(t, "--config", config, "--absent-grace", "0")
	p.send(watch.Event{Type: watch.Added, Object: testPod("team-a", "a1", running)})
	w.await("a1 running", "a2 created")
	p.send(watch.Event{Type: watch.Added, Object: testPod("team-a", "a2", running)})
	p.send(watch.Event{Type: watch.Deleted, Object: testPod("team-a", "a2", running)})
	w.await("a1 running", "a2 created", "a2 running", "a2 stopped")
	p.send(watch.Event{Type: watch.Deleted, Object: testPod("team-a", "a1", running)})
	w.await("a1 running", "a2 created", "a2 running", "a2 stopped", "a1 stopped")
}

// An agent is what the Pod that speaks for it is.
func TestWatchSpeaker(t *testing.T) {
	type step struct {
		kind watch.EventType
		pod  *corev1.Pod
		want string // the lines that it brings
	}
	old, young := 2*time.Hour, time.Hour
	moved := attempt("a2", "p", young, running)
	moved.UID = "team-a-p"
	for name, steps := range map[string][]step{
		"a Job tries again": {
			{watch.Added, attempt("a1", "p1", old, running), "a1 running"},
			{watch.Modified, attempt("a1", "p1", old, failed), "a1 error"},
			{watch.Added, attempt("a1", "p2", young, provisioning), "a1 provisioning"},
			{watch.Modified, attempt("a1", "p2", young, running), "a1 running"},
			{watch.Deleted, attempt("a1", "p1", old, failed), ""},
			{watch.Deleted, attempt("a1", "p2", young, running), "a1 stopped"},
		},
		"the next attempt fails the same way: that is news": {
			{watch.Added, attempt("a1", "p1", old, failed), "a1 error"},
			{watch.Added, attempt("a1", "p2", young, failed), "a1 error"},
		},
		"the last attempt is gone, one before it is not: what ended before it is past": {
			{watch.Added, attempt("a1", "p1", old, failed), "a1 error"},
			{watch.Added, attempt("a1", "p2", young, running), "a1 running"},
			{watch.Deleted, attempt("a1", "p2", young, running), "a1 stopped"},
			{watch.Deleted, attempt("a1", "p1", old, failed), ""},
		},
		"a Deployment replaces a Pod": {
			{watch.Added, attempt("a1", "p1", old, running), "a1 running"},
			{watch.Added, attempt("a1", "p2", young, provisioning), "a1 provisioning"},
			{watch.Modified, attempt("a1", "p2", young, running), "a1 running"},
			{watch.Deleted, attempt("a1", "p1", old, running), ""},
		},
		"a Deployment goes back to the Pod before": {
			{watch.Added, attempt("a1", "p1", old, running), "a1 running"},
			{watch.Added, attempt("a1", "p2", young, provisioning), "a1 provisioning"},
			{watch.Deleted, attempt("a1", "p2", young, provisioning), "a1 running"},
			{watch.Modified, attempt("a1", "p1", old, failed), "a1 error"},
		},
		"a Pod is given to another agent": {
			{watch.Added, attempt("a1", "p", young, running), "a1 running"},
			{watch.Modified, moved, "a2 running a1 stopped"},
			{watch.Deleted, moved, "a2 stopped"},
		},
		"the labels stop matching: for a selector the Pod is gone": {
			{watch.Added, attempt("a1", "p", young, running), "a1 running"},
			{watch.Modified, func() *corev1.Pod {
				p := attempt("a1", "p", young, running)
				p.Labels[labelGrove] = "search"
				return p
			}(), "a1 stopped"},
		},
		"an agent of the same name in another grove": {
			{watch.Added, attempt("a1", "p1", old, failed), "a1 error"},
			{watch.Added, func() *corev1.Pod {
				p := attempt("a1", "p2", young, running)
				p.Labels[labelGrove] = "shop"
				return p
			}(), "a1 running"},
			{watch.Deleted, attempt("a1", "p1", old, failed), ""},
		},
	} {
		t.Run(name, func(t *testing.T) {
			w := &lines{}
			o := watcher(w)
			now := time.Now()
			for _, s := range steps {
				now = now.Add(time.Minute)
				before := len(*w)
				if a := o.take(podEvent{doc: phasemap.Document{Pod: s.pod}, gone: s.kind == watch.Deleted}, now); a != nil {
					if err := o.report(a, now); err != nil {
						t.Fatal(err)
					}
				}
				now = now.Add(time.Minute)
				if err := o.look(now); err != nil {
					t.Fatal(err)
				}
				got := fmt.Sprint((*w)[before:])
				if want := "[" + s.want + "]"; got != want {
					t.Errorf("%s %s: %s, want %s", s.kind, s.pod.Name, got, want)
				}
			}
		})
	}
}

// watcher is the observer of a watch for the groves payments and shop.
func watcher(out printer) *observer {
	selector, err := labels.Parse(labelGrove + " in (payments,shop)")
	if err != nil {
		panic(err)
	}
	o := newObserver(&phaseRun{watch: true, pods: selector, out: out})
	o.begun = true
	return o
}

// lines is a printer that remembers.
type lines []string

func (l *lines) print(a agent) error {
	*l = append(*l, a.name+" "+string(a.status.Phase))
	return nil
}
func (*lines) flush() error { return nil }
func (*lines) close() error { return nil }

// Memory stays flat as Pods come and go.
func TestWatchForgets(t *testing.T) {
	o := watcher(&lines{})
	o.run.phases = []string{"created"} // so that lines remembers none
	now := time.Now()
	var before uint64
	for i := range 20_000 {
		if i == 1000 {
			before = heap()
		}
		now = now.Add(time.Second)
		pod := attempt(fmt.Sprint("agent-", i), fmt.Sprint("pod-", i), time.Hour, running)
		pod.UID = types.UID(fmt.Sprint(i))
		for _, gone := range []bool{false, true} {
			a := o.take(podEvent{doc: phasemap.Document{Pod: pod}, gone: gone}, now)
			if err := o.report(a, now); err != nil {
				t.Fatal(err)
			}
		}
		if err := o.look(now); err != nil {
			t.Fatal(err)
		}
	}
	if grown := int64(heap()) - int64(before); grown > 1<<20 {
		t.Errorf("%d bytes are left of Pods that are gone", grown)
	}
	if len(o.pods) > 20 || len(o.agents) > 20 {
		t.Errorf("%d Pods and %d agents are remembered; the grace is over for all but 10", len(o.pods), len(o.agents))
	}
}

// heap is how many bytes of it are in use.
func heap() uint64 {
	var m runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&m)
	return m.HeapAlloc
}
