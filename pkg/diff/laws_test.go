package diff

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"
	"sigs.k8s.io/randfill"

	"github.com/google/go-cmp/cmp"

	"github.com/scion-gen/scion-gen/pkg/manifest"
)

// sideOf is a side of objects.
func sideOf(name string, roots ...*manifest.Node) *Side {
	var errs manifest.Errors
	s := &Side{Name: name, byKey: map[key]*object{}}
	r := reader{side: s, file: File{Name: name}, errs: &errs}
	for _, root := range roots {
		r.add(root, manifest.Pos{}, "", "")
	}
	if err := errs.Err(); err != nil {
		panic(err)
	}
	return s
}

func readSide(t *testing.T, name, text string) *Side {
	t.Helper()
	var errs manifest.Errors
	s := Read(name, []File{{Name: name, Data: []byte(text)}}, &errs)
	if err := errs.Err(); err != nil {
		t.Fatal(err)
	}
	for _, o := range s.objects {
		o.keep()
	}
	if err := errs.Err(); err != nil {
		t.Fatal(err)
	}
	return s
}

// randomPod is a pod with every kind of field set somehow.
func randomPod(t *testing.T, seed int64) *manifest.Node {
	t.Helper()
	fill := randfill.NewWithSeed(seed).NilChance(0.4).NumElements(0, 4).MaxDepth(12).Funcs(
		func(s *string, c randfill.Continue) {
			*s = []string{"", "a", "b", "c", "$(a)", "x $(b)", "web--rev", "1"}[c.Intn(8)]
		},
		func(i *int32, c randfill.Continue) { *i = int32(c.Intn(3)) },
		func(i *int64, c randfill.Continue) { *i = int64(c.Intn(3)) },
		func(m *map[string]string, c randfill.Continue) {
			*m = map[string]string{}
			for range c.Intn(4) {
				(*m)[string(rune('a'+c.Intn(5)))] = string(rune('a' + c.Intn(3)))
			}
		},
	)
	var pod corev1.Pod
	fill.Fill(&pod.Spec)
	fill.Fill(&pod.Labels)
	pod.APIVersion, pod.Kind, pod.Name, pod.Namespace = "v1", "Pod", "web--rev", "agents"
	root, err := manifest.FromObject(&pod)
	if err != nil {
		t.Fatal(err)
	}
	return root
}

// mutate is a pod with parts of another in it, and without some of its own.
func mutate(rng *rand.Rand, n, other *manifest.Node) *manifest.Node {
	out := *n
	out.Fields, out.Items = slices.Clone(n.Fields), slices.Clone(n.Items)
	for i := range out.Fields {
		f := &out.Fields[i]
		from := other.Get(f.Key)
		switch {
		case rng.IntN(12) == 0:
			f.Value = &manifest.Node{}
		case rng.IntN(6) == 0 && from != nil && f.Key != "metadata":
			f.Value = from
		case f.Value.Kind >= manifest.Sequence && from != nil:
			f.Value = mutate(rng, f.Value, from)
		}
	}
	if len(out.Items) > 0 && rng.IntN(3) == 0 {
		out.Items = slices.Delete(out.Items, 0, 1)
	}
	if len(out.Items) > 1 && rng.IntN(3) == 0 {
		rng.Shuffle(len(out.Items), func(i, j int) { out.Items[i], out.Items[j] = out.Items[j], out.Items[i] })
	}
	if len(other.Items) > 0 && rng.IntN(3) == 0 {
		out.Items = append(out.Items, other.Items[rng.IntN(len(other.Items))])
	}
	for i := range out.Items {
		if i < len(other.Items) && rng.IntN(3) == 0 {
			out.Items[i] = mutate(rng, out.Items[i], other.Items[i])
		}
	}
	return &out
}

// What the edits say is all that changed, in the right places: applied to the
// old object they make the new one.
func TestEditsMakeNewOfOld(t *testing.T) {
	edits, moves := 0, 0
	for seed := range int64(300) {
		rng := rand.New(rand.NewPCG(uint64(seed), 1))
		old := randomPod(t, seed)
		new := mutate(rng, old, randomPod(t, seed+1000))
		new.Set("kind", manifest.Str("Pod", manifest.Pos{}))
		new.Set("apiVersion", manifest.Str("v1", manifest.Pos{}))
		new.Set("metadata", old.Get("metadata"))
		a, b := sideOf("old", old), sideOf("new", new)
		report := Compare(a, b, Options{})
		var changes []Edit
		for _, o := range report.Objects {
			changes = append(changes, o.Edits...)
		}
		got := apply(a.objects[0].root, changes)
		edits += len(changes)
		for _, e := range changes {
			if e.Op == OpMove {
				moves++
			}
		}
		f := field{schema: schemaOf(Ref{Kind: "Pod"})}
		want, have := string(rules{}.canon(nil, b.objects[0].root, f)), string(rules{}.canon(nil, got, f))
		if want != have {
			t.Fatalf("seed %d: OLD with the edits is not NEW (-want +got):\n%s", seed, cmp.Diff(want, have))
		}
		if rest := Compare(sideOf("got", got), b, Options{}); len(rest.Objects) > 0 {
			t.Fatalf("seed %d: edits are left: %+v", seed, rest.Objects[0].Edits)
		}
		checkGroups(t, report)
	}
	if edits < 1000 || moves == 0 {
		t.Errorf("%d edits and %d moves: the test tests little", edits, moves)
	}
}

// checkGroups: the groups are the flat list, each edit once.
func checkGroups(t *testing.T, r *Report) {
	t.Helper()
	type at struct{ object, edit int }
	seen := map[at]bool{}
	for _, g := range r.Groups {
		for _, c := range g.Changes {
			var objects []int
			for _, row := range c.Rows {
				checkRow(t, r, c, row)
				for i, object := range row.Objects {
					e := r.Objects[object].Edits[row.Edits[i]]
					if seen[at{object, row.Edits[i]}] {
						t.Errorf("edit %d of object %d is in two rows", row.Edits[i], object)
					}
					seen[at{object, row.Edits[i]}] = true
					objects = append(objects, object)
					if e.Op != c.Op || e.Outcome != c.Outcome || !slices.Equal(kindsOf(e.Flags), kindsOf(c.Flags)) {
						t.Errorf("%s is in a change that is not like it: %s", e.Path, c.Path)
					}
				}
			}
			slices.Sort(objects)
			if !slices.Equal(slices.Compact(objects), g.Objects) {
				t.Errorf("%s is in objects %v, its group in %v", c.Path, objects, g.Objects)
			}
		}
	}
	for i, o := range r.Objects {
		for j := range o.Edits {
			if !seen[at{i, j}] {
				t.Errorf("%s of %s is in no group", o.Edits[j].Path, o.Ref)
			}
		}
	}
}

// checkRow: what a row says of its objects is what their edits say: as it
// stands of all of them, or of all with their own names for the placeholders.
func checkRow(t *testing.T, r *Report, c Change, row Row) {
	t.Helper()
	literal, general := true, true
	for i, object := range row.Objects {
		o := &r.Objects[object]
		e := &o.Edits[row.Edits[i]]
		if c.Path != e.Path && expand(c.Path, o.newNames) != e.Path {
			t.Errorf("%s is in the change of %s, of %s", e.Path, c.Path, o.Ref)
		}
		if e.Path == "" {
			return
		}
		for _, v := range []struct {
			shown, own *Value
			names      aliases
		}{{row.Old, e.Old, o.oldNames}, {row.New, e.New, o.newNames}} {
			if (v.shown == nil) != (v.own == nil) {
				t.Fatalf("%s of %s has %v, its row %v", e.Path, o.Ref, v.own, v.shown)
			}
			literal = literal && (v.own == nil || v.shown.Text == v.own.Text)
			general = general && (v.own == nil || expand(v.shown.Text, v.names) == v.own.Text)
		}
	}
	if !literal && !general {
		t.Errorf("%s: a row is not what its objects have: %+v -> %+v", c.Path, row.Old, row.New)
	}
}

var shownPlaceholder = regexp.MustCompile(`\{?\{[a-z]+\}\}?`)

// expand puts names for their placeholders.
func expand(s string, names aliases) string {
	return shownPlaceholder.ReplaceAllStringFunc(s, func(p string) string {
		for _, a := range names {
			if placeholders[a.mark[0]-1] == p {
				return a.name
			}
		}
		if literal := strings.TrimSuffix(strings.TrimPrefix(p, "{"), "}"); slices.Contains(placeholders[:], literal) {
			return literal
		}
		return p
	})
}

// kindsOf are the ids and severities of flags.
func kindsOf(flags []Flag) []string {
	var out []string
	for _, f := range flags {
		out = append(out, f.ID+" "+string(f.Severity))
	}
	slices.Sort(out)
	return slices.Compact(out)
}

// goldenPairs are the sides of golden/diff that can be read as they are.
func goldenPairs(t *testing.T) map[string][2]*Side {
	t.Helper()
	out := map[string][2]*Side{}
	names, _ := filepath.Glob("../../golden/diff/*/old.yaml")
	for _, old := range names {
		var errs manifest.Errors
		var pair [2]*Side
		for i, name := range []string{old, filepath.Join(filepath.Dir(old), "new.yaml")} {
			data, err := os.ReadFile(name)
			if err != nil {
				t.Fatal(err)
			}
			pair[i] = Read(filepath.Base(name), []File{{Name: filepath.Base(name), Data: data}}, &errs)
			for _, o := range pair[i].objects {
				o.keep()
			}
		}
		if len(errs) == 0 {
			out[filepath.Base(filepath.Dir(old))] = pair
		}
	}
	if len(out) < 30 {
		t.Fatalf("%d pairs, want 30 or more", len(out))
	}
	return out
}

// Groups lose nothing, with many objects too.
func TestGroupsAreTheFlatList(t *testing.T) {
	for name, pair := range goldenPairs(t) {
		t.Run(name, func(t *testing.T) { checkGroups(t, Compare(pair[0], pair[1], Options{})) })
	}
}

// oneWay are the rules whose reverse is another rule, and its verdict.
var oneWay = map[string]Verdict{
	"new":                   Delete,
	"delete":                New,
	"pod-deadline":          Recreate,
	"pod-tolerations":       Recreate,
	"claim-grow":            Recreate,
	"deployment-scale-down": InPlace,
	"sandbox-suspend":       InPlace,
	"configmap-freeze":      Recreate,
	"service-kept":          Recreate,
}

var numbered = regexp.MustCompile(`\[[0-9]+\]`)

// What is undone is judged as what was done, unless the API says otherwise.
func TestReverse(t *testing.T) {
	seen := 0
	for name, pair := range goldenPairs(t) {
		t.Run(name, func(t *testing.T) {
			there, back := Compare(pair[0], pair[1], Options{}), Compare(pair[1], pair[0], Options{})
			if len(there.Objects) != len(back.Objects) {
				t.Fatalf("%d objects differ one way, %d the other", len(there.Objects), len(back.Objects))
			}
			reverse := map[string]Edit{}
			for _, o := range back.Objects {
				for _, e := range o.Edits {
					reverse[o.key()+e.Path] = e
				}
			}
			for _, o := range there.Objects {
				for _, e := range o.Edits {
					if numbered.MatchString(e.Path) {
						continue // places differ by the side they are counted on
					}
					seen++
					checkReverse(t, e, reverse[o.key()+e.Path])
				}
			}
		})
	}
	if seen < 50 {
		t.Errorf("%d edits: the test tests little", seen)
	}
}

// key is the same for an object both ways.
func (o Object) key() string {
	names := []string{o.Ref.Name, o.Ref.Name}
	if o.Was != nil {
		names[0] = o.Was.Name
	}
	slices.Sort(names)
	return fmt.Sprint(o.Ref.Kind, names)
}

func checkReverse(t *testing.T, there, back Edit) {
	t.Helper()
	ops := map[Op]Op{OpAdd: OpRemove, OpRemove: OpAdd, OpChange: OpChange, OpMove: OpMove}
	if back.Op != ops[there.Op] {
		t.Errorf("%s %s: reversed, it is %q", there.Op, there.Path, back.Op)
	}
	// The new side says which of two hidden values of the same length it has.
	unmarked := cmp.Transformer("unmarked", func(text string) string { return strings.ReplaceAll(text, " bytes, changed>", " bytes>") })
	if d := cmp.Diff([]*Value{there.Old, there.New}, []*Value{back.New, back.Old}, cmp.FilterValues(func(a, b string) bool { return a != b && strings.Contains(a+b, ", changed>") }, unmarked)); d != "" {
		t.Errorf("%s: reversed, it has other values:\n%s", there.Path, d)
	}
	want := there.Outcome.Verdict
	resizes := func(e Edit) bool { return e.Op == OpAdd && e.Outcome.Rule == "pod-resize" }
	if resizes(there) || resizes(back) {
		return // a limit may come and not go
	}
	if v, ok := oneWay[there.Outcome.Rule]; ok {
		want = v
	} else if v, ok := oneWay[back.Outcome.Rule]; ok && v == want {
		want = back.Outcome.Verdict
	}
	if back.Outcome.Verdict != want {
		t.Errorf("%s: %s (%s), and reversed %s (%s)", there.Path, there.Outcome.Verdict, there.Outcome.Rule, back.Outcome.Verdict, back.Outcome.Rule)
	}
}

// Nothing is flagged where nothing changed, whatever the object.
func TestNoFlagUnchanged(t *testing.T) {
	for name, pair := range goldenPairs(t) {
		for i := range pair {
			if r := Compare(pair[i], pair[i], Options{}); len(r.Objects) > 0 {
				t.Errorf("%s: a side differs from itself: %+v", name, r.Objects)
			}
		}
	}
	for seed := range int64(100) {
		pod := randomPod(t, seed)
		labelled := *pod
		labelled.Fields = slices.Clone(pod.Fields)
		labelled.Set("metadata", manifest.Map(manifest.Pos{}, 1))
		labelled.Get("metadata").Set("name", pod.At("metadata", "name"))
		labelled.Get("metadata").Set("namespace", pod.At("metadata", "namespace"))
		labelled.Get("metadata").Set("labels", manifest.Map(manifest.Pos{}, 1))
		labelled.At("metadata", "labels").Set("new", manifest.Str("label", manifest.Pos{}))
		r := Compare(sideOf("old", pod), sideOf("new", &labelled), Options{})
		if len(r.Objects) != 1 || len(r.Summary.Flags) > 0 {
			t.Errorf("seed %d: a label that changed alone is flagged: %+v", seed, r.Summary.Flags)
		}
	}
}

// A tightened object is never flagged: no flag goes both ways, but for those
// that say another instead of a weaker.
func TestFlagsGoOneWay(t *testing.T) {
	another := []string{"service-account", "runtime-class", "image-registry", "hub-endpoint", "github-token", "metadata-host", "secret-retargeted", "placement", "cloud-identity", "rbac-role", "network-selector"}
	for name, pair := range goldenPairs(t) {
		flags := func(r *Report) []string {
			var out []string
			for _, o := range r.Objects {
				for _, e := range o.Edits {
					for _, f := range e.Flags {
						if !slices.Contains(another, f.ID) {
							out = append(out, f.ID+" "+f.Path)
						}
					}
				}
			}
			return out
		}
		back := flags(Compare(pair[1], pair[0], Options{}))
		for _, f := range flags(Compare(pair[0], pair[1], Options{})) {
			if slices.Contains(back, f) {
				t.Errorf("%s: %s is flagged both ways", name, f)
			}
		}
	}
}

// No part of a report has a secret, however it is written down.
func TestSecretsNeverShow(t *testing.T) {
	secret := regexp.MustCompile(`hunter|aHVudGVy|sk-ant|c2stYW50|ghp_0|bW9yZQ|c2FtZQ`)
	seen := 0
	for name, pair := range goldenPairs(t) {
		for _, way := range [][2]int{{0, 1}, {1, 0}} {
			r := Compare(pair[way[0]], pair[way[1]], Options{})
			data, err := json.Marshal(r)
			if err != nil {
				t.Fatal(err)
			}
			seen += bytes.Count(data, []byte("redacted"))
			if found := secret.Find(data); found != nil {
				t.Errorf("%s: %q is in the report", name, found)
			}
		}
		for _, kind := range []Verdict{New, Delete} {
			empty := &Side{byKey: map[key]*object{}}
			r := Compare(pair[0], empty, Options{})
			if kind == New {
				r = Compare(empty, pair[1], Options{})
			}
			data, _ := json.Marshal(r)
			if found := secret.Find(data); found != nil {
				t.Errorf("%s, %s: %q is in the report", name, kind, found)
			}
		}
	}
	if seen == 0 {
		t.Error("nothing was redacted: the test tests nothing")
	}
}

// recorded is an answer of the API server to an update of a running pod.
type recorded struct {
	HTTPStatus int
	Body       struct{ Message string }
}

// The API server's own words say which fields of a pod may change.
func TestPodRulesAgainstRecordings(t *testing.T) {
	names, _ := filepath.Glob("testdata/api-errors/*.json")
	if len(names) == 0 {
		t.Fatal("no recordings")
	}
	for _, name := range names {
		data, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		var answer recorded
		if err := json.Unmarshal(data, &answer); err != nil {
			t.Fatal(err)
		}
		if answer.HTTPStatus != 422 {
			t.Errorf("%s: status %d", name, answer.HTTPStatus)
		}
		list, _, _ := strings.Cut(answer.Body.Message, "\n")
		var fields []string
		for _, m := range regexp.MustCompile("`(spec[^`]*)`").FindAllStringSubmatch(list, -1) {
			fields = append(fields, m[1])
		}
		want := []string{"spec.containers[*].image", "spec.initContainers[*].image", "spec.activeDeadlineSeconds", "spec.tolerations", "spec.terminationGracePeriodSeconds"}
		if d := cmp.Diff(want, fields); d != "" {
			t.Fatalf("%s: the server names other fields:\n%s", name, d)
		}
	}
}

// podWith is a pod with lines in its spec and in its container.
func podWith(spec, container string) string {
	return "apiVersion: v1\nkind: Pod\nmetadata: {name: p, namespace: n}\nspec:\n" + spec +
		"  containers:\n  - name: agent\n" + container + "    image: a:1\n" +
		"  initContainers:\n  - {name: init, image: a:1}\n"
}

func TestPodVerdicts(t *testing.T) {
	for _, c := range []struct {
		why      string
		old, new string
		verdict  Verdict
		refused  bool
	}{
		{"recorded: env is immutable", podWith("", ""), podWith("", "    env: [{name: A, value: b}]\n"), Recreate, true},
		{"recorded: restartPolicy is immutable", podWith("  restartPolicy: Never\n", ""), podWith("  restartPolicy: Always\n", ""), Recreate, true},
		{"named by the server: image", podWith("", ""), strings.Replace(podWith("", ""), "    image: a:1", "    image: a:2", 1), Restart, false},
		{"named by the server: image of an init container", podWith("", ""), strings.Replace(podWith("", ""), "init, image: a:1", "init, image: a:2", 1), InPlace, false},
		{"named by the server: a first deadline", podWith("", ""), podWith("  activeDeadlineSeconds: 5\n", ""), InPlace, false},
		{"a deadline cannot go", podWith("  activeDeadlineSeconds: 5\n", ""), podWith("", ""), Recreate, true},
		{"named by the server: more tolerations", podWith("", ""), podWith("  tolerations: [{key: a}]\n", ""), InPlace, false},
		{"a toleration cannot go", podWith("  tolerations: [{key: a}]\n", ""), podWith("", ""), Recreate, true},
		{"tolerationSeconds may change", podWith("  tolerations: [{key: a, tolerationSeconds: 5}]\n", ""), podWith("  tolerations: [{key: a, tolerationSeconds: 6}]\n", ""), InPlace, false},
		{"named by the server: a negative grace period", podWith("  terminationGracePeriodSeconds: -1\n", ""), podWith("  terminationGracePeriodSeconds: 1\n", ""), InPlace, false},
		{"another grace period", podWith("  terminationGracePeriodSeconds: 5\n", ""), podWith("  terminationGracePeriodSeconds: 1\n", ""), Recreate, true},
		{"gates go", podWith("  schedulingGates: [{name: a}]\n", ""), podWith("", ""), InPlace, false},
		{"gates do not come", podWith("", ""), podWith("  schedulingGates: [{name: a}]\n", ""), Recreate, true},
		{"a gated pod is narrowed down", podWith("  schedulingGates: [{name: a}]\n", ""), podWith("  schedulingGates: [{name: a}]\n  nodeSelector: {a: b}\n", ""), InPlace, false},
		{"a pod that is not gated is not", podWith("", ""), podWith("  nodeSelector: {a: b}\n", ""), Recreate, true},
		{"cpu is resized", podWith("", "    resources: {requests: {cpu: 1}}\n"), podWith("", "    resources: {requests: {cpu: 2}}\n"), Resize, true},
		{"a resize that restarts", podWith("", "    resizePolicy: [{resourceName: cpu, restartPolicy: RestartContainer}]\n    resources: {requests: {cpu: 1}}\n"),
			podWith("", "    resizePolicy: [{resourceName: cpu, restartPolicy: RestartContainer}]\n    resources: {requests: {cpu: 2}}\n"), Restart, true},
		{"a first request changes the QoS class", podWith("", ""), podWith("", "    resources: {requests: {cpu: 1}}\n"), Recreate, true},
		{"a request cannot go", podWith("", "    resources: {requests: {cpu: 1, memory: 1Gi}}\n"), podWith("", "    resources: {requests: {cpu: 1}}\n"), Recreate, true},
		{"a memory limit is lowered", podWith("", "    resources: {requests: {memory: 1Gi}, limits: {memory: 3Gi}}\n"), podWith("", "    resources: {requests: {memory: 1Gi}, limits: {memory: 2Gi}}\n"), Resize, true},
		{"a limit alone is resized", podWith("", "    resources: {limits: {cpu: 1, memory: 1Gi}}\n"), podWith("", "    resources: {limits: {cpu: 2, memory: 1Gi}}\n"), Resize, true},
		{"a request that is the limit", podWith("", "    resources: {limits: {cpu: 1}}\n"), podWith("", "    resources: {limits: {cpu: 1}, requests: {cpu: 1000m}}\n"), InPlace, false},
		{"a request gives way to the limit", podWith("", "    resources: {limits: {cpu: 2}, requests: {cpu: 1}}\n"), podWith("", "    resources: {limits: {cpu: 2}}\n"), Resize, true},
		{"a limit cannot go", podWith("", "    resources: {limits: {cpu: 2}, requests: {cpu: 1}}\n"), podWith("", "    resources: {requests: {cpu: 1}}\n"), Recreate, true},
		{"how to resize is immutable", podWith("", ""), podWith("", "    resizePolicy: [{resourceName: cpu, restartPolicy: RestartContainer}]\n"), Recreate, true},
		{"Windows is not resized", podWith("  os: {name: windows}\n", "    resources: {requests: {cpu: 1}}\n"), podWith("  os: {name: windows}\n", "    resources: {requests: {cpu: 2}}\n"), Recreate, true},
		{"a pod with resources of its own is not resized", podWith("  resources: {limits: {cpu: 4}}\n", "    resources: {requests: {cpu: 1}}\n"), podWith("  resources: {limits: {cpu: 4}}\n", "    resources: {requests: {cpu: 2}}\n"), Recreate, true},
		{"a gated pod is told its nodes", podWith("  schedulingGates: [{name: a}]\n", ""), podWith("  schedulingGates: [{name: a}]\n"+onNodes("a"), ""), InPlace, false},
		{"a gated pod is told more exactly", podWith("  schedulingGates: [{name: a}]\n"+onNodes("a"), ""), podWith("  schedulingGates: [{name: a}]\n"+onNodes("a", "b"), ""), InPlace, false},
		{"a gated pod is not told otherwise", podWith("  schedulingGates: [{name: a}]\n"+onNodes("a"), ""), podWith("  schedulingGates: [{name: a}]\n"+onNodes("b"), ""), Recreate, true},
		{"a pod that is not gated is told nothing", podWith("", ""), podWith(onNodes("a"), ""), Recreate, true},
		{"another ephemeral container", podWith("", ""), podWith("  ephemeralContainers: [{name: d, image: d}]\n", ""), InPlace, true},
		{"an ephemeral container that is there", podWith("  ephemeralContainers: [{name: d, image: d}]\n", ""), podWith("  ephemeralContainers: [{name: d, image: d, tty: true}]\n", ""), Recreate, true},
		{"the account by its old name", podWith("  serviceAccountName: a\n", ""), podWith("  serviceAccountName: a\n  serviceAccount: a\n", ""), InPlace, false},
		{"the account that a pod has anyway", podWith("", ""), podWith("  serviceAccountName: default\n", ""), InPlace, false},
		{"another account", podWith("", ""), podWith("  serviceAccountName: a\n", ""), Recreate, true},
		{"the server's default is written out", podWith("", ""), podWith("  restartPolicy: Always\n", ""), InPlace, false},
		{"the pull policy that the tag gives", podWith("", ""), podWith("", "    imagePullPolicy: IfNotPresent\n"), InPlace, false},
		{"another pull policy", podWith("", ""), podWith("", "    imagePullPolicy: Always\n"), Recreate, true},
		{"other resources are immutable", podWith("", "    resources: {limits: {nvidia.com/gpu: 1}}\n"), podWith("", "    resources: {limits: {nvidia.com/gpu: 2}}\n"), Recreate, true},
	} {
		t.Run(c.why, func(t *testing.T) {
			r := Compare(readSide(t, "old", c.old), readSide(t, "new", c.new), Options{})
			if len(r.Objects) != 1 {
				t.Fatalf("%d objects differ", len(r.Objects))
			}
			e := r.Objects[0].Edits[0]
			if e.Outcome.Verdict != c.verdict || e.Outcome.Refused != c.refused {
				t.Errorf("%s: %s, refused %v by %s; want %s, %v", e.Path, e.Outcome.Verdict, e.Outcome.Refused, e.Outcome.Rule, c.verdict, c.refused)
			}
		})
	}
}

// onNodes is an affinity to nodes with labels.
func onNodes(labels ...string) string {
	var terms []string
	for _, label := range labels {
		terms = append(terms, "{key: "+label+", operator: Exists}")
	}
	return "  affinity: {nodeAffinity: {requiredDuringSchedulingIgnoredDuringExecution: {nodeSelectorTerms: [{matchExpressions: [" + strings.Join(terms, ", ") + "]}]}}}\n"
}

// The API server was asked about each: see e2e.
func TestVerdicts(t *testing.T) {
	for _, c := range []struct {
		kind, old, new string // the object without its metadata
		verdict        Verdict
		refused        bool
	}{
		{"batch/v1 Job", "spec: {completionMode: Indexed, parallelism: 3, completions: 2}", "spec: {completionMode: Indexed, parallelism: 3, completions: 3}", InPlace, false},
		{"batch/v1 Job", "spec: {completionMode: Indexed, parallelism: 2, completions: 3}", "spec: {completionMode: Indexed, parallelism: 2, completions: 2}", Recreate, false},
		{"batch/v1 Job", "spec: {completionMode: Indexed, parallelism: 2, completions: 2}", "spec: {completionMode: Indexed, parallelism: 2, completions: 3}", Recreate, true},
		{"batch/v1 Job", "spec: {parallelism: 3, completions: 2}", "spec: {parallelism: 3, completions: 3}", Recreate, true},
		{"batch/v1 Job", "spec: {backoffLimit: 1}", "spec: {backoffLimit: 1, completions: 1}", InPlace, false},
		{"batch/v1 Job", "spec: {parallelism: 1}", "spec: {parallelism: 1, completions: 1}", Recreate, true},
		{"batch/v1 Job", "spec: {suspend: true, template: {metadata: {labels: {a: b}}}}", "spec: {suspend: true, template: {metadata: {labels: {a: c}}}}", InPlace, false},
		{"batch/v1 Job", "spec: {suspend: true, template: {metadata: {labels: {a: b}}}}", "spec: {suspend: true}", Recreate, true},
		{"batch/v1 Job", "spec: {suspend: true}", "spec: {suspend: true, template: {spec: {affinity: {podAffinity: {a: b}}}}}", Recreate, true},
		{"v1 ReplicationController", "spec: {replicas: 2}", "spec: {replicas: 1}", Recreate, false},
		{"apps/v1 StatefulSet", "spec: {volumeClaimTemplates: [{metadata: {name: a}}]}", "spec: {volumeClaimTemplates: [{kind: PersistentVolumeClaim, metadata: {name: a}}]}", InPlace, false},
		{"v1 PersistentVolumeClaim", "spec: {volumeMode: Block}", "spec: {volumeMode: Block, volumeName: a}", InPlace, false},
		{"v1 PersistentVolumeClaim", "spec: {volumeMode: Block}", "spec: {volumeMode: Block, storageClassName: a}", InPlace, false},
		{"v1 PersistentVolumeClaim", "spec: {volumeAttributesClassName: a}", "spec: {volumeAttributesClassName: b}", InPlace, false},
		{"v1 PersistentVolumeClaim", "spec: {volumeAttributesClassName: a}", "spec: {}", Recreate, true},
		{"v1 PersistentVolumeClaim", "spec: {dataSource: {kind: a}}", "spec: {}", InPlace, false},
		{"v1 PersistentVolumeClaim", "spec: {dataSource: {kind: a}, dataSourceRef: {kind: a}}", "spec: {}", Recreate, true},
		{"v1 PersistentVolume", "spec: {capacity: {storage: 1Gi}}", "spec: {capacity: {storage: 2Gi}}", InPlace, false},
		{"v1 PersistentVolume", "spec: {nfs: {path: /a}}", "spec: {nfs: {path: /b}}", Recreate, true},
		{"v1 PersistentVolume", "spec: {csi: {driver: a}}", "spec: {csi: {driver: a, controllerExpandSecretRef: {name: b}}}", InPlace, false},
		{"v1 PersistentVolume", "spec: {nfs: {path: /a}}", "spec: {csi: {controllerExpandSecretRef: {name: b}}}", Recreate, true},
		{"v1 PersistentVolume", "spec: {}", "spec: {nodeAffinity: {required: {nodeSelectorTerms: [{a: b}]}}}", InPlace, false},
		{"v1 PersistentVolume", "spec: {nodeAffinity: {required: {nodeSelectorTerms: [{a: b}]}}}", "spec: {}", Recreate, true},
		{"v1 Service", "spec: {clusterIP: 10.0.0.7}", "spec: {}", InPlace, false},
		{"v1 Service", "spec: {}", "spec: {clusterIP: None}", Recreate, true},
		{"v1 Service", "spec: {type: ExternalName}", "spec: {type: ExternalName, clusterIP: 10.0.0.7}", InPlace, false},
		{"v1 Service", "spec: {}", "spec: {ipFamilies: [IPv4]}", InPlace, false},
		{"v1 Service", "spec: {ipFamilies: [IPv4]}", "spec: {ipFamilies: [IPv6]}", Recreate, true},
		{"v1 Service", "spec: {clusterIP: None, ipFamilies: [IPv4]}", "spec: {clusterIP: None, ipFamilies: [IPv6]}", InPlace, false},
		{"v1 Service", "spec: {ipFamilies: [IPv4, IPv6], ipFamilyPolicy: PreferDualStack}", "spec: {ipFamilies: [IPv4], ipFamilyPolicy: PreferDualStack}", Recreate, true},
		{"v1 Service", "spec: {ipFamilies: [IPv4, IPv6], ipFamilyPolicy: PreferDualStack}", "spec: {ipFamilies: [IPv4], ipFamilyPolicy: SingleStack}", InPlace, false},
		{"v1 Service", "spec: {type: LoadBalancer}", "spec: {type: LoadBalancer, loadBalancerClass: a}", Recreate, true},
		{"v1 Service", "spec: {}", "spec: {type: LoadBalancer, loadBalancerClass: a}", InPlace, false},
		{"v1 ResourceQuota", "spec: {scopes: [BestEffort]}", "spec: {scopes: [NotBestEffort]}", Recreate, true},
		{"v1 Secret", "data: {}", "type: Opaque", InPlace, false},
		{"v1 Secret", "data: {}", "type: other", Recreate, true},
		{"scheduling.k8s.io/v1 PriorityClass", "value: 1", "value: 2", Recreate, true},
		{"scheduling.k8s.io/v1 PriorityClass", "value: 1", "value: 1\npreemptionPolicy: PreemptLowerPriority", InPlace, false},
		{"scheduling.k8s.io/v1 PriorityClass", "value: 1", "value: 1\ndescription: a", InPlace, false},
		{"node.k8s.io/v1 RuntimeClass", "handler: a", "handler: b", Recreate, true},
		{"storage.k8s.io/v1 StorageClass", "provisioner: a", "provisioner: b", Recreate, true},
		{"storage.k8s.io/v1 StorageClass", "allowVolumeExpansion: true", "allowVolumeExpansion: false", InPlace, false},
		{"storage.k8s.io/v1 VolumeAttributesClass", "parameters: {a: b}", "parameters: {a: c}", Recreate, true},
		{"storage.k8s.io/v1 CSIDriver", "spec: {attachRequired: true}", "spec: {attachRequired: false}", Recreate, true},
		{"networking.k8s.io/v1 IngressClass", "spec: {controller: a}", "spec: {controller: b}", Recreate, true},
		{"resource.k8s.io/v1 ResourceClaim", "spec: {devices: {a: b}}", "spec: {devices: {a: c}}", Recreate, true},
		{"apiextensions.k8s.io/v1 CustomResourceDefinition", "spec: {scope: Namespaced}", "spec: {scope: Cluster}", Recreate, true},
		{"rbac.authorization.k8s.io/v1 RoleBinding", "roleRef: {name: a}", "roleRef: {name: a, apiGroup: rbac.authorization.k8s.io}", InPlace, false},
		{"rbac.authorization.k8s.io/v1 RoleBinding", "roleRef: {name: a}", "roleRef: {name: b}", Recreate, true},
	} {
		t.Run(c.kind+" "+c.old+" "+c.new, func(t *testing.T) {
			version, kind, _ := strings.Cut(c.kind, " ")
			object := func(body string) string {
				return "apiVersion: " + version + "\nkind: " + kind + "\nmetadata: {name: a, namespace: n}\n" + body + "\n"
			}
			r := Compare(readSide(t, "old", object(c.old)), readSide(t, "new", object(c.new)), Options{})
			if len(r.Objects) != 1 {
				t.Fatalf("%d objects differ", len(r.Objects))
			}
			refused := slices.ContainsFunc(r.Objects[0].Edits, func(e Edit) bool { return e.Outcome.Refused })
			if r.Objects[0].Verdict != c.verdict || refused != c.refused {
				t.Errorf("%s, refused %v; want %s, %v: %+v", r.Objects[0].Verdict, refused, c.verdict, c.refused, r.Objects[0].Edits)
			}
		})
	}
}

// withStrategy is a workload with this strategy; none where it is empty.
func withStrategy(kind, strategy string) string {
	field := map[string]string{"Deployment": "strategy", "StatefulSet": "updateStrategy", "DaemonSet": "updateStrategy"}[kind]
	text := "apiVersion: apps/v1\nkind: " + kind + "\nmetadata: {name: w, namespace: n}\nspec:\n  minReadySeconds: 1\n"
	if strategy != "" {
		text += "  " + field + ": " + strategy + "\n"
	}
	return text
}

// The API server was asked about each: see e2e.
func TestStrategyVerdicts(t *testing.T) {
	for _, c := range []struct {
		why, kind string
		old, new  string
		refused   bool
	}{
		{"the server filled in rollingUpdate", "Deployment", "", "{type: Recreate}", true},
		{"it does so beside a type", "Deployment", "{type: RollingUpdate}", "{type: Recreate}", true},
		{"a null sets nothing", "Deployment", "{type: null}", "{type: Recreate}", true},
		{"nor does it take away what nobody set", "Deployment", "", "{type: Recreate, rollingUpdate: null}", true},
		{"what was set goes, what was filled in with it", "Deployment", "{rollingUpdate: {maxSurge: 1}}", "{type: Recreate}", false},
		{"a null was set, too", "Deployment", "{rollingUpdate: null}", "{type: Recreate}", false},
		{"beside a null, what was filled in stays", "Deployment", "{rollingUpdate: {maxSurge: 1}}", "{type: Recreate, rollingUpdate: null}", true},
		{"beside a null, all goes if all was set", "Deployment", "{rollingUpdate: {maxSurge: 1, maxUnavailable: 0}}", "{type: Recreate, rollingUpdate: null}", false},
		{"rollingUpdate is left in the manifest", "Deployment", "{rollingUpdate: {maxSurge: 1, maxUnavailable: 0}}", "{type: Recreate, rollingUpdate: {maxSurge: 1, maxUnavailable: 0}}", true},
		{"Recreate gets no rollingUpdate", "Deployment", "{type: Recreate}", "{type: Recreate, rollingUpdate: {maxSurge: 1}}", true},
		{"Recreate has no rollingUpdate to leave", "Deployment", "{type: Recreate}", "", false},
		{"another rollingUpdate", "Deployment", "", "{rollingUpdate: {maxSurge: 1}}", false},
		{"the server filled in partition", "StatefulSet", "", "{type: OnDelete}", true},
		{"a null does not take it away", "StatefulSet", "", "{type: OnDelete, rollingUpdate: null}", true},
		{"beside a type it fills in nothing", "StatefulSet", "{type: RollingUpdate}", "{type: OnDelete}", false},
		{"partition was set", "StatefulSet", "{rollingUpdate: {partition: 1}}", "{type: OnDelete}", false},
		{"beside a null, it goes as well", "StatefulSet", "{rollingUpdate: {partition: 1}}", "{type: OnDelete, rollingUpdate: null}", false},
		{"OnDelete gets no rollingUpdate", "StatefulSet", "{type: OnDelete}", "{type: OnDelete, rollingUpdate: {partition: 1}}", true},
		{"OnDelete has no rollingUpdate to leave", "StatefulSet", "{type: OnDelete}", "", false},
		{"a DaemonSet may keep its rollingUpdate", "DaemonSet", "", "{type: OnDelete}", false},
	} {
		t.Run(c.kind+": "+c.why, func(t *testing.T) {
			r := Compare(readSide(t, "old", withStrategy(c.kind, c.old)), readSide(t, "new", withStrategy(c.kind, c.new)), Options{})
			if len(r.Objects) != 1 {
				t.Fatalf("%d objects differ", len(r.Objects))
			}
			for _, e := range r.Objects[0].Edits {
				if e.Outcome.Verdict != InPlace || e.Outcome.Refused != c.refused {
					t.Errorf("%s: %s, refused %v by %s; want refused %v", e.Path, e.Outcome.Verdict, e.Outcome.Refused, e.Outcome.Rule, c.refused)
				}
			}
		})
	}
}

// Every rule has an id of its own, an effect and a source; every kind with a
// default for what its rules do not name.
func TestRulesAreWhole(t *testing.T) {
	for kind, rules := range updateRules {
		ids := map[string]bool{}
		for _, r := range rules {
			if ids[r.id] || r.id == "" || r.Effect == "" || r.Source == "" || r.Verdict.rank() < 0 {
				t.Errorf("%v: rule %q is not whole, or there twice", kind, r.id)
			}
			ids[r.id] = true
		}
	}
	for id, r := range flagRules {
		if r.severity.Rank() == 0 || r.reason == "" || r.back == "" {
			t.Errorf("flag %s is not whole", id)
		}
	}
	for kind := range podSpecs {
		typ, ok := goTypes[kind]
		if !ok || typ.Kind() != reflect.Struct {
			t.Errorf("%v has pods, and no type", kind)
		}
	}
}
