package e2e

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"testing"
	"time"

	"github.com/scion-gen/scion-gen/e2e/cluster"
)

// pod is a Pod in the cluster, and what a scheduler and a kubelet would do to it.
type pod struct {
	t    testing.TB
	live object // as the server answered last
}

func podPath(namespace, name string) string {
	return "/api/v1/namespaces/" + namespace + "/pods/" + name
}

// newPod creates a Pod.
func newPod(t testing.TB, o object) *pod {
	t.Helper()
	answer, err := create(t.Context(), o, nil)
	if err != nil {
		t.Fatalf("%v: %v", o, err)
	}
	p := &pod{t: t}
	p.take(answer)
	return p
}

func (p *pod) path() string { return podPath(p.live.namespace(), p.live.name()) }

func (p *pod) take(answer cluster.Answer) {
	p.t.Helper()
	p.live = nil
	if err := json.Unmarshal(answer.Body, &p.live); err != nil {
		p.t.Fatal(err)
	}
}

// do sends a request about the Pod, whose answer is the Pod.
func (p *pod) do(method, subresource string, o object, query url.Values) {
	p.t.Helper()
	r := cluster.Request{Method: method, Path: p.path() + subresource, Query: query}
	if o != nil {
		r.Body = o.json()
	}
	answer, err := server.Do(p.t.Context(), r)
	if err != nil {
		p.t.Fatalf("%s %s: %v", method, r.Path, err)
	}
	p.take(answer)
}

// bind sends the Pod to a node, as a scheduler does.
func (p *pod) bind(node string) {
	p.t.Helper()
	binding := newObject("v1", "Binding", p.live.namespace(), p.live.name())
	binding["target"] = object{"apiVersion": "v1", "kind": "Node", "name": node}
	if _, err := server.Do(p.t.Context(), cluster.Request{
		Method: http.MethodPost, Path: p.path() + "/binding", Body: binding.json(),
	}); err != nil {
		p.t.Fatalf("bind %v: %v", p.live, err)
	}
	p.do(http.MethodGet, "", nil, nil)
}

// debug adds ephemeral containers.
func (p *pod) debug(containers any) {
	p.t.Helper()
	p.live["spec"].(map[string]any)["ephemeralContainers"] = containers
	p.do(http.MethodPut, "/ephemeralcontainers", p.live, nil)
}

// resize gives the containers other resources.
func (p *pod) resize(containers any) {
	p.t.Helper()
	p.live["spec"].(map[string]any)["containers"] = containers
	p.do(http.MethodPut, "/resize", p.live, nil)
}

// report writes the status, as a kubelet does.
func (p *pod) report(status any) {
	p.t.Helper()
	p.live["status"] = status
	p.do(http.MethodPut, "/status", p.live, nil)
}

// delete asks for the Pod's deletion. A Pod on a node, or with a finalizer, is
// still there then.
func (p *pod) delete(grace int) {
	p.t.Helper()
	p.do(http.MethodDelete, "", nil, url.Values{"gracePeriodSeconds": {fmt.Sprint(grace)}})
}

// release drops the finalizers.
func (p *pod) release() {
	p.t.Helper()
	if _, err := server.Do(p.t.Context(), cluster.Request{
		Method: http.MethodPatch, Path: p.path(), Type: "application/merge-patch+json",
		Body: []byte(`{"metadata": {"finalizers": null}}`),
	}); err != nil {
		p.t.Fatalf("release %v: %v", p.live, err)
	}
}

// agentPod is the Pod of an agent.
func agentPod(namespace, name string) object {
	o := newObject("v1", "Pod", namespace, name)
	o["metadata"].(map[string]any)["labels"] = map[string]any{"scion.agent": "true", "scion.name": name}
	o["spec"] = map[string]any{
		"automountServiceAccountToken": false,
		"restartPolicy":                "Never",
		"containers":                   []any{map[string]any{"name": "agent", "image": "example.com/agent:1"}},
	}
	return o
}

// running is the status of an agentPod on its node.
func running(ready bool) object {
	return containerStatus("Running", object{"running": object{"startedAt": now()}}, ready)
}

// ended is the status of an agentPod that is done.
func ended(code int) object {
	phase := "Succeeded"
	if code != 0 {
		phase = "Failed"
	}
	return containerStatus(phase, object{"terminated": object{"exitCode": code, "startedAt": now(), "finishedAt": now()}}, false)
}

func containerStatus(phase string, state object, ready bool) object {
	return object{
		"phase":     phase,
		"startTime": now(),
		"containerStatuses": []any{object{
			"name": "agent", "image": "example.com/agent:1", "imageID": "", "restartCount": 0,
			"ready": ready, "started": state["running"] != nil, "state": state,
		}},
	}
}

func now() string { return time.Now().UTC().Format(time.RFC3339) }
