package e2e

import (
	"encoding/json"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	gocmp "github.com/google/go-cmp/cmp"
)

// recorded is a captured case of golden/phasemap: a Pod at a moment, and what is
// to be said of it.
type recorded struct {
	ID         string
	Now        time.Time
	Pod        object
	Options    struct{ CloneInitContainers []string }
	Provenance struct{ Scenario string }
	Expect     verdict
}

// recording is the cases of one Pod, in order.
type recording struct {
	name  string
	cases []recorded

	pod    *pod
	shift  time.Duration // from the recording's time to ours
	listed []verdict     // what lists said, one after each change
}

// recordings reads the captured cases; clone are those with that option.
func recordings(t *testing.T) (plain, clone []*recording) {
	t.Helper()
	byPod := map[string]*recording{}
	for _, file := range glob(t, "../golden/phasemap/v1/cases/captured/*.json") {
		data, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		var c recorded
		if err := json.Unmarshal(data, &c); err != nil {
			t.Fatalf("%s: %v", filepath.Base(file), err)
		}
		uid := c.Pod.text("metadata", "uid")
		if byPod[uid] == nil {
			byPod[uid] = &recording{name: c.Provenance.Scenario + "-" + uid[:8]}
		}
		byPod[uid].cases = append(byPod[uid].cases, c)
	}
	for _, uid := range slices.Sorted(maps.Keys(byPod)) {
		if r := byPod[uid]; len(r.cases[0].Options.CloneInitContainers) > 0 {
			clone = append(clone, r)
		} else {
			plain = append(plain, r)
		}
	}
	return plain, clone
}

// TestRecordings plays what was recorded on a real cluster once more, all Pods
// at a time, and after each change asks for a list, while a watch goes on. A
// list says of each case what the golden suite expects; and the watch prints
// each phase that the lists had, in order, but for what it promises to hold on
// to.
func TestRecordings(t *testing.T) {
	plain, clone := recordings(t)
	t.Run("plain", func(t *testing.T) { play(t, "recordings", plain) })
	t.Run("clone", func(t *testing.T) { play(t, "recordings-clone", clone, "--clone-container", "clone") })
}

func play(t *testing.T, ns string, all []*recording, args ...string) {
	namespace(t, ns, "privileged", "latest")
	kubeconfig := reader(t, ns)
	w := watch(t, kubeconfig, args...)
	longest := 0
	for _, r := range all {
		r.create(t, ns)
		longest = max(longest, len(r.cases))
	}
	look := func() { lookAll(t, all, list(t, kubeconfig, args...)) }
	look()
	for _, r := range all {
		w.await(r.name, r.reported()...) // the watch has begun
	}
	for i := range longest {
		for _, change := range []func(*recording, recorded){
			(*recording).bind, (*recording).debug, (*recording).resize, (*recording).delete, (*recording).report,
		} {
			for _, r := range all {
				if i < len(r.cases) {
					change(r, r.cases[i])
				}
			}
			look()
		}
		for _, r := range all {
			if i < len(r.cases) {
				r.check(t, r.cases[i])
			}
		}
	}
	for _, r := range all {
		w.await(r.name, r.reported()...)
	}
	for _, r := range all {
		r.checkGone(t, w)
	}
	if said := w.said(); said != "" {
		t.Errorf("stderr: %s", said)
	}
	if err := w.stop(); err != nil {
		t.Errorf("the watch ended with %v", err)
	}
}

// create makes the Pod as its owner did: without what the scheduler, the
// kubelet and admission add. A finalizer keeps it from vanishing before its last
// case is seen.
func (r *recording) create(t *testing.T, ns string) {
	t.Helper()
	first := r.cases[0].Pod
	o := newObject("v1", "Pod", ns, r.name)
	meta := o["metadata"].(map[string]any)
	for _, field := range []string{"annotations", "ownerReferences"} {
		if value := first.at("metadata", field); value != nil {
			meta[field] = value
		}
	}
	labels := maps.Clone(first.at("metadata", "labels").(map[string]any))
	labels["scion.agent"], labels["scion.name"] = "true", r.name
	meta["labels"], meta["finalizers"] = labels, []any{"example.com/held"}
	spec := maps.Clone(first.at("spec").(map[string]any))
	if first.at("metadata", "annotations", "kubernetes.io/config.mirror") == nil { // a kubelet makes those, on its node
		delete(spec, "nodeName")
	}
	for _, field := range []string{"ephemeralContainers", "priority", "priorityClassName", "preemptionPolicy"} {
		delete(spec, field)
	}
	o["spec"] = spec
	if was := beforeResize(spec["containers"]); was != nil {
		spec["containers"] = was
	}
	r.pod = newPod(t, o)
}

// beforeResize are the containers of a Pod that was resized, as they were when
// it was made: with other limits. Those have a policy for it.
func beforeResize(containers any) (was []any) {
	c := maps.Clone(containers.([]any)[0].(map[string]any))
	if c["resizePolicy"] == nil {
		return nil
	}
	resources := maps.Clone(c["resources"].(map[string]any))
	resources["limits"] = map[string]any{"cpu": "200m", "memory": "1Gi"}
	c["resources"] = resources
	return []any{c}
}

func (r *recording) resize(c recorded) {
	containers := c.Pod.at("spec", "containers")
	if beforeResize(containers) != nil && r.pod.live.at("metadata", "deletionTimestamp") == nil {
		r.pod.resize(containers)
	}
}

func (r *recording) bind(c recorded) {
	if node := c.Pod.text("spec", "nodeName"); node != r.pod.live.text("spec", "nodeName") {
		r.pod.bind(node)
	}
}

func (r *recording) debug(c recorded) {
	if containers := c.Pod.at("spec", "ephemeralContainers"); containers != nil && r.pod.live.at("spec", "ephemeralContainers") == nil {
		r.pod.debug(containers)
	}
}

// delete deletes as it was recorded. The kubelet's own deletion, with a grace of
// 0, follows that of somebody else and moves the deletionTimestamp.
func (r *recording) delete(c recorded) {
	grace, deleted := c.Pod.at("metadata", "deletionGracePeriodSeconds").(float64)
	if deleted && r.pod.live.at("metadata", "deletionGracePeriodSeconds") != grace {
		r.pod.delete(int(grace))
	}
}

// report writes the status, moved to our time: by the moment of the case or,
// once the Pod is being deleted, by that of its deletion, which the server
// chooses and which rules compare with the container's end.
func (r *recording) report(c recorded) {
	r.shift = time.Since(c.Now).Truncate(time.Second)
	if ours := r.pod.live.text("metadata", "deletionTimestamp"); ours != "" {
		r.shift = moment(ours).Sub(moment(c.Pod.text("metadata", "deletionTimestamp")))
	}
	r.pod.report(r.shifted(c.Pod["status"]))
}

func moment(text string) time.Time {
	at, _ := time.Parse(time.RFC3339, text)
	return at
}

// shifted is a copy with all times moved.
func (r *recording) shifted(v any) any {
	switch v := v.(type) {
	case map[string]any:
		moved := map[string]any{}
		for key, value := range v {
			moved[key] = r.shifted(value)
		}
		return moved
	case []any:
		moved := make([]any, len(v))
		for i, item := range v {
			moved[i] = r.shifted(item)
		}
		return moved
	case string:
		if at := moment(v); !at.IsZero() {
			return at.Add(r.shift).Format(time.RFC3339)
		}
	}
	return v
}

// lookAll notes what a list says of each Pod.
func lookAll(t *testing.T, all []*recording, listed []verdict) {
	t.Helper()
	byName := map[string]verdict{}
	for _, v := range listed {
		byName[v.text("name")] = v
	}
	for _, r := range all {
		v := byName[r.name]
		if v == nil {
			t.Fatalf("a list of %d has no %s", len(listed), r.name)
		}
		r.listed = append(r.listed, v)
	}
}

// check holds the latest list against a case.
func (r *recording) check(t *testing.T, c recorded) {
	t.Helper()
	got := verdict{}
	for field := range c.Expect {
		got[field] = r.listed[len(r.listed)-1][field]
	}
	if diff := gocmp.Diff(c.Expect, got); diff != "" {
		t.Errorf("%s (-want +got)\n%s", c.ID, diff)
	}
}

// reported are the phases that a watch prints, by what it promises: a final
// phase stays, and an agent that has run is only starting again if it is
// restarted.
func (r *recording) reported() []string {
	var phases []string
	ran, final := false, false
	for _, v := range r.listed {
		phase := v.text("phase")
		before := phase == "provisioning" || phase == "cloning" || phase == "starting"
		if final || ran && before && v.text("rule") != "PM240" {
			continue
		}
		phases = append(phases, phase)
		ran, final = ran || phase == "running", v["terminal"] == true
	}
	return slices.Compact(phases)
}

// checkGone lets the Pod go. An agent that had not ended has stopped then; of
// one that had, nothing more is said.
func (r *recording) checkGone(t *testing.T, w *watching) {
	t.Helper()
	want := r.reported()
	if last := r.pod.live.at("metadata", "deletionGracePeriodSeconds"); last != 0.0 {
		r.pod.delete(0)
		if !r.final() {
			want = append(want, "stopping")
		}
	}
	r.pod.release()
	if !r.final() {
		want = append(want, "stopped")
	}
	w.await(r.name, slices.Compact(want)...)
}

// final reports whether a watch has printed the last of the agent.
func (r *recording) final() bool {
	return slices.ContainsFunc(r.listed, func(v verdict) bool { return v["terminal"] == true })
}
