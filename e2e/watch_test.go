package e2e

import (
	"bytes"
	"context"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/scion-gen/scion-gen/e2e/cluster"
)

// runningPod is an agent that runs.
func runningPod(t testing.TB, namespace, name string) *pod {
	t.Helper()
	o := agentPod(namespace, name)
	o["spec"].(map[string]any)["nodeName"] = "node"
	p := newPod(t, o)
	p.report(running(true))
	return p
}

func restart(t testing.TB) {
	t.Helper()
	server.KillServer()
	if err := server.StartServer(t.Context()); err != nil {
		t.Fatal(err)
	}
}

// A watch goes on when the server was killed and is back, and says once why it
// stands still.
func TestWatchServerKilled(t *testing.T) {
	namespace(t, "killed", "baseline", "latest")
	a := runningPod(t, "killed", "a")
	w := watch(t, reader(t, "killed"))
	w.await("a", "running")
	server.KillServer()
	const refused = "connection refused; trying again\n"
	w.eventually(func() string {
		if said := w.said(); !strings.HasSuffix(said, refused) {
			return fmt.Sprintf("stderr is %q, want %q", said, refused)
		}
		return ""
	})
	if err := server.StartServer(t.Context()); err != nil {
		t.Fatal(err)
	}
	a.report(ended(0))
	w.await("a", "running", "stopped")
	runningPod(t, "killed", "b")
	w.await("b", "provisioning", "running")
	if n := strings.Count(w.said(), refused); n != 1 {
		t.Errorf("said %d times: %s", n, w.said())
	}
}

// The version from which a watch goes on has expired, for etcd and for the
// server's cache: it finds out what changed, what is gone and what is new.
func TestWatchExpired(t *testing.T) {
	namespace(t, "expired", "baseline", "latest")
	a, b := runningPod(t, "expired", "a"), runningPod(t, "expired", "b")
	w := watch(t, reader(t, "expired"))
	w.await("a", "running")
	w.await("b", "running")
	var last object
	if err := server.Into(t.Context(), cluster.Request{Path: "/api/v1/namespaces/expired/pods"}, &last); err != nil {
		t.Fatal(err)
	}

	w.cmd.Process.Signal(syscall.SIGSTOP) // as a laptop that is closed
	restart(t)                            // cuts the watch
	a.report(ended(1))
	b.delete(0)
	runningPod(t, "expired", "c")
	if err := server.Compact(t.Context()); err != nil {
		t.Fatal(err)
	}
	restart(t) // empties the cache
	checkExpired(t, "expired", last.text("metadata", "resourceVersion"))
	w.cmd.Process.Signal(syscall.SIGCONT)

	w.await("a", "running", "error")
	w.await("b", "running", "stopped")
	w.await("c", "running")
}

// checkExpired: a watch from this version is answered with 410, now.
func checkExpired(t *testing.T, namespace, version string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	answer, err := server.Do(ctx, cluster.Request{
		Path:  "/api/v1/namespaces/" + namespace + "/pods",
		Query: url.Values{"watch": {"1"}, "resourceVersion": {version}, "timeoutSeconds": {"2"}},
	})
	if !cluster.Refused(err, http.StatusGone) && !strings.Contains(string(answer.Body), `"code":410`) {
		t.Fatalf("a watch from %s: %v, %s", version, err, answer.Body)
	}
}

// A namespace is deleted under a watch. What its controller and the kubelet do,
// the test does.
func TestWatchNamespaceDeleted(t *testing.T) {
	namespace(t, "doomed", "baseline", "latest")
	a := runningPod(t, "doomed", "a")
	newPod(t, agentPod("doomed", "b"))
	kubeconfig := reader(t, "doomed")
	w := watch(t, kubeconfig)
	w.await("a", "running")
	w.await("b", "provisioning")
	ns := cluster.Request{Method: http.MethodDelete, Path: "/api/v1/namespaces/doomed"}
	if _, err := server.Do(t.Context(), ns); err != nil {
		t.Fatal(err)
	}
	if _, err := create(t.Context(), agentPod("doomed", "late"), nil); !cluster.Refused(err, http.StatusForbidden) {
		t.Errorf("a Pod in a namespace that is being deleted: %v", err)
	}
	if _, err := server.Do(t.Context(), cluster.Request{Method: http.MethodDelete, Path: "/api/v1/namespaces/doomed/pods"}); err != nil {
		t.Fatal(err)
	}
	w.await("a", "running", "stopping")
	w.await("b", "provisioning", "stopping", "stopped") // on no node, it is gone at once
	a.do(http.MethodGet, "", nil, nil)
	a.report(ended(143))
	w.await("a", "running", "stopping", "stopped")
	a.delete(0)
	finalize := newObject("v1", "Namespace", "", "doomed")
	finalize["spec"] = object{"finalizers": []any{}}
	ns = cluster.Request{Method: http.MethodPut, Path: ns.Path + "/finalize", Body: finalize.json()}
	if _, err := server.Do(t.Context(), ns); err != nil {
		t.Fatal(err)
	}
	if left := list(t, kubeconfig); len(left) > 0 {
		t.Errorf("left: %v", left)
	}
	w.await("a", "running", "stopping", "stopped")
}

// The documented Role is enough, and all that the reader has: nothing else is
// asked for. -A takes the same rules in a ClusterRole.
func TestReader(t *testing.T) {
	namespace(t, "readers", "baseline", "latest")
	runningPod(t, "readers", "a")
	kubeconfig := reader(t, "readers")
	if got := list(t, kubeconfig); len(got) != 1 || got[0].text("phase") != "running" {
		t.Errorf("listed %v", got)
	}
	out, err := phaseCommand(t, kubeconfig, "-A").CombinedOutput()
	if want := "pods is forbidden"; err == nil || !strings.Contains(string(out), want) {
		t.Errorf("-A with a Role: %v, %s, want %q", err, out, want)
	}
	everywhere := clusterReader(t, "readers", "agent-phases-everywhere")
	if got := list(t, everywhere, "-A", "--grove", "", "-l", "scion.name=a"); len(got) == 0 {
		t.Error("-A with a ClusterRole lists nothing")
	}
	checkAudit(t)
}

// clusterReader is as reader, for all namespaces.
func clusterReader(t *testing.T, namespace, name string) (kubeconfig string) {
	t.Helper()
	role, binding := documentedRole(t)[0], newObject("rbac.authorization.k8s.io/v1", "ClusterRoleBinding", "", name)
	rules := role["rules"]
	role = newObject("rbac.authorization.k8s.io/v1", "ClusterRole", "", name)
	role["rules"] = rules
	binding["roleRef"] = object{"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": name}
	binding["subjects"] = []any{object{"kind": "ServiceAccount", "name": name, "namespace": namespace}}
	ensure(t, role)
	ensure(t, binding)
	return bearer(t, namespace, name)
}

// checkAudit: what scion-gen asked for is lists and watches of Pods.
func checkAudit(t *testing.T) {
	t.Helper()
	all, err := server.Audit()
	if err != nil {
		t.Fatal(err)
	}
	seen := 0
	for _, a := range all {
		if a.UserAgent != "scion-gen" {
			continue
		}
		seen++
		if a.ObjectRef.Resource != "pods" || a.Verb != "list" && a.Verb != "watch" {
			t.Errorf("scion-gen asked: %s %s", a.Verb, a.RequestURI)
		}
	}
	if seen == 0 {
		t.Errorf("none of %d requests is of scion-gen", len(all))
	}
}

// many is more than fits six pages, as kubectl has them.
const many = 3000

// manyAgents makes many Pods that run.
func manyAgents(t testing.TB, namespace string) []*pod {
	t.Helper()
	pods := make([]*pod, many)
	atOnce(pods, func(i int) { pods[i] = runningPod(t, namespace, fmt.Sprintf("agent-%04d", i)) })
	return pods
}

// atOnce calls do for each index, several at a time: the server is the one that
// is slow.
func atOnce[T any](all []T, do func(i int)) {
	const workers = 8
	done := make(chan struct{})
	for w := range workers {
		go func() {
			defer func() { done <- struct{}{} }()
			for i := w; i < len(all); i += workers {
				do(i)
			}
		}()
	}
	for range workers {
		<-done
	}
}

// A list of 3,000 comes in pages. One whose version expires on the way goes on,
// and still has each agent once.
func TestPages(t *testing.T) {
	namespace(t, "pages", "baseline", "latest")
	manyAgents(t, "pages")
	kubeconfig := reader(t, "pages")
	t.Run("in one go", func(t *testing.T) { checkAll(t, list(t, kubeconfig)) })
	if n := continued(t, http.StatusOK); n != 5 {
		t.Errorf("%d pages after the first, want 5", n)
	}
	t.Run("expired", func(t *testing.T) {
		second, goOn := make(chan struct{}), make(chan struct{})
		hold := sync.OnceFunc(func() {
			close(second)
			<-goOn
		})
		through, end, err := server.Proxy(kubeconfig, func(r *http.Request) {
			if r.URL.Query().Has("continue") {
				hold()
			}
		})
		if err != nil {
			t.Fatal(err)
		}
		defer end()
		c := phaseCommand(t, through)
		var out, said bytes.Buffer
		c.Stdout, c.Stderr = &out, &said
		if err := c.Start(); err != nil {
			t.Fatal(err)
		}
		select {
		case <-second:
		case <-time.After(time.Minute):
			t.Fatal("no second page was asked for: ", said.String())
		}
		runningPod(t, "pages", "zz-later").delete(0)
		if err := server.Compact(t.Context()); err != nil {
			t.Fatal(err)
		}
		restart(t)
		close(goOn)
		if err := c.Wait(); err != nil {
			t.Fatal(err, said.String())
		}
		checkAll(t, decodeVerdicts(t, out.Bytes()))
		if n := continued(t, http.StatusGone); n != 1 {
			t.Errorf("%d pages were answered with 410, want 1", n)
		}
	})
}

// checkAll: all agents of manyAgents, each once and in order.
func checkAll(t *testing.T, got []verdict) {
	t.Helper()
	if len(got) != many {
		t.Fatalf("%d agents, want %d", len(got), many)
	}
	for i, v := range got {
		if want := fmt.Sprintf("agent-%04d", i); v.text("name") != want || v.text("phase") != "running" {
			t.Fatalf("agent %d is %v, want %s running", i, v, want)
		}
	}
}

// continued counts the pages after the first that were answered with a code.
func continued(t *testing.T, code int) (n int) {
	t.Helper()
	all, err := server.Audit()
	if err != nil {
		t.Fatal(err)
	}
	for _, a := range all {
		if a.ObjectRef.Namespace == "pages" && strings.Contains(a.RequestURI, "continue=") && a.ResponseStatus.Code == code {
			n++
		}
	}
	return n
}
