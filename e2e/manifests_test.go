package e2e

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	gocmp "github.com/google/go-cmp/cmp"
	"sigs.k8s.io/yaml"

	"github.com/scion-gen/scion-gen/e2e/cluster"
)

// shipped is a stream of manifests that the repository shows or renders.
type shipped struct {
	manifests      []manifest
	level, version string // of Pod Security, that its namespaces enforce
}

// TestManifests: the API server takes every manifest that we ship under the
// strictest rules it has, and a second time finds nothing to change.
func TestManifests(t *testing.T) {
	prepareCluster(t)
	streams := map[string]shipped{"fleet": renderedFleet(t)}
	for _, file := range glob(t, "../golden/overlays/*.yaml") {
		streams["overlay/"+filepath.Base(file)] = shipped{readManifests(t, file), "restricted", "latest"}
	}
	for _, dir := range glob(t, "../golden/render/*") {
		level, version := declaredSecurity(t, dir)
		streams["render/"+filepath.Base(dir)] = shipped{readManifests(t, filepath.Join(dir, "manifests.yaml")), level, version}
	}
	for _, name := range components(t) {
		streams["component/"+name] = built(t, overlayWith(t, name))
	}
	streams["init"] = built(t, filepath.Join(initialised(t), "overlays", "prod"))
	for name, s := range streams {
		t.Run(name, s.test)
	}
	checkKinds(t, streams)
}

// checkKinds: every kind of workload is in some stream.
func checkKinds(t *testing.T, streams map[string]shipped) {
	t.Helper()
	seen := map[string]bool{}
	for _, s := range streams {
		for _, m := range s.manifests {
			seen[m.kind()] = true
		}
	}
	for _, kind := range []string{"Pod", "Job", "Deployment", "StatefulSet", "Sandbox", "SecretProviderClass", "ExternalSecret"} {
		if !seen[kind] {
			t.Errorf("no stream has a %s", kind)
		}
	}
}

func glob(t *testing.T, pattern string) []string {
	t.Helper()
	files, err := filepath.Glob(pattern)
	if err != nil || len(files) == 0 {
		t.Fatalf("%s: nothing there, %v", pattern, err)
	}
	return files
}

// renderedFleet is the example fleet, as the command renders it now.
func renderedFleet(t *testing.T) shipped {
	t.Helper()
	out, err := exec.CommandContext(t.Context(), scionGen, "render", "../examples/fleet", "-o", "-").Output()
	if err != nil {
		t.Fatalf("render: %v", err)
	}
	all, err := manifests(out)
	if err != nil {
		t.Fatal(err)
	}
	return shipped{all, "restricted", "latest"}
}

const overlays = "../overlays"

// components are those that users put into their overlays.
func components(t *testing.T) (names []string) {
	t.Helper()
	root := filepath.Join(overlays, "components")
	if err := fs.WalkDir(os.DirFS(root), ".", func(path string, entry fs.DirEntry, err error) error {
		if err == nil && entry.Name() == "kustomization.yaml" {
			names = append(names, filepath.Dir(path))
		}
		return err
	}); err != nil || len(names) == 0 {
		t.Fatalf("components: %v, %v", names, err)
	}
	return names
}

// overlayWith is an overlay over the base's agents that has one component, and
// that which brings the namespace to all objects.
func overlayWith(t *testing.T, component string) (dir string) {
	t.Helper()
	root := t.TempDir()
	if err := os.CopyFS(root, os.DirFS(overlays)); err != nil {
		t.Fatal(err)
	}
	dir = filepath.Join(root, "test")
	text := "apiVersion: kustomize.config.k8s.io/v1beta1\nkind: Kustomization\nresources: [../base/agents]\nnamespace: agents\ncomponents:\n- ../components/names\n"
	if component != "names" {
		text += "- ../components/" + component + "\n"
	}
	if err := errors.Join(os.Mkdir(dir, 0o700), os.WriteFile(filepath.Join(dir, "kustomization.yaml"), []byte(text), 0o600)); err != nil {
		t.Fatal(err)
	}
	return dir
}

// initialised is the repository that scion-gen init starts.
func initialised(t *testing.T) (dir string) {
	t.Helper()
	dir = filepath.Join(t.TempDir(), "repository")
	if out, err := exec.CommandContext(t.Context(), scionGen, "init", dir).CombinedOutput(); err != nil {
		t.Fatalf("init: %v: %s", err, out)
	}
	return dir
}

// built is an overlay as the command builds it.
func built(t *testing.T, overlay string) shipped {
	t.Helper()
	out, err := exec.CommandContext(t.Context(), scionGen, "build", overlay, "-o", "-").Output()
	if err != nil {
		t.Fatalf("build: %v", err)
	}
	all, err := manifests(out)
	if err != nil {
		t.Fatal(err)
	}
	return shipped{all, "restricted", "latest"}
}

// declaredSecurity is the level of Pod Security that a case's Fleet declares.
func declaredSecurity(t *testing.T, dir string) (level, version string) {
	t.Helper()
	for _, file := range glob(t, filepath.Join(dir, "*.*")) {
		if filepath.Base(file) == "manifests.yaml" {
			continue
		}
		for _, m := range readManifests(t, file) {
			if m.kind() == "Fleet" {
				level, version = m.text("spec", "podSecurity", "level"), m.text("spec", "podSecurity", "version")
			}
		}
	}
	return cmp.Or(level, "restricted"), cmp.Or(version, "latest")
}

// prepareCluster makes what manifests name and do not bring along.
func prepareCluster(t *testing.T) {
	t.Helper()
	for _, m := range readManifests(t, "../examples/cluster/priorityclass.yaml") {
		ensure(t, m.object)
	}
	class := newObject("node.k8s.io/v1", "RuntimeClass", "", "gvisor")
	class["handler"] = "runsc"
	ensure(t, class)
}

// test applies a stream in its order, each object in a dry run, then in earnest,
// then once more. A dry run of the whole stream would miss its ServiceAccounts.
func (s shipped) test(t *testing.T) {
	for _, o := range s.needs() {
		ensure(t, o)
		defer remove(t, o)
	}
	for _, name := range s.namespaces() {
		namespace(t, name, s.level, s.version)
	}
	for _, m := range s.manifests {
		if m.kind() != "Namespace" {
			defer remove(t, m.object)
		}
	}
	for _, m := range s.manifests {
		s.judge(t, m, "dryRun=All")
		if m.kind() == "Namespace" {
			continue // it is there, and stays for the other streams
		}
		s.judge(t, m)
		s.checkPods(t, m)
	}
}

func (s shipped) namespaces() []string {
	var names []string
	for _, m := range s.manifests {
		if name := m.namespace(); name != "" {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	return slices.Compact(names)
}

// needs are the ServiceAccounts and PriorityClasses that pods name and that are
// somebody else's to make.
func (s shipped) needs() []object {
	var all []object
	for _, m := range s.manifests {
		pod, ok := podOf(m.object)
		if !ok {
			continue
		}
		if name := pod.text("spec", "serviceAccountName"); name != "" && !s.brings("ServiceAccount", m.namespace(), name) {
			all = append(all, serviceAccount(m.namespace(), name))
		}
		if name := pod.text("spec", "priorityClassName"); name != "" && name != "agents" {
			class := newObject("scheduling.k8s.io/v1", "PriorityClass", "", name)
			class["value"] = 1
			all = append(all, class)
		}
	}
	return all
}

func (s shipped) brings(kind, namespace, name string) bool {
	return slices.ContainsFunc(s.manifests, func(m manifest) bool {
		return m.kind() == kind && m.namespace() == namespace && m.name() == name
	})
}

// judge applies a manifest and, unless that was a dry run, applies it again.
// That the answers are equal says that nothing was written: they have a
// resourceVersion, and the times at which fields were last managed.
func (s shipped) judge(t *testing.T, m manifest, more ...string) {
	t.Helper()
	first, err := apply(t.Context(), m, more...)
	if err != nil {
		t.Errorf("%v: %v", m, err)
		return
	}
	if len(first.Warnings) > 0 {
		t.Errorf("%v: warnings: %q", m, first.Warnings)
	}
	var live map[string]any
	if err := json.Unmarshal(first.Body, &live); err != nil {
		t.Fatal(err)
	}
	for _, lost := range lost(map[string]any(m.object), live, "") {
		t.Errorf("%v: %s", m, lost)
	}
	if len(more) > 0 {
		return
	}
	before := first.Body
	if m.kind() == "PersistentVolumeClaim" {
		before = s.rewritten(t, m, before)
	}
	again, err := apply(t.Context(), m)
	if err != nil {
		t.Errorf("%v, again: %v", m, err)
	}
	if diff := gocmp.Diff(string(before), string(again.Body)); diff != "" {
		t.Errorf("%v: applying it again changes it (-before +after)\n%s", m, diff)
	}
}

// rewritten is a new claim after the first apply that changes nothing: the
// server (1.35.4) then writes the smallest of claims once more as it was, to
// another resourceVersion. Nothing else may differ.
func (s shipped) rewritten(t *testing.T, m manifest, first []byte) []byte {
	t.Helper()
	second, err := apply(t.Context(), m)
	if err != nil {
		t.Errorf("%v, a second time: %v", m, err)
	}
	var objects [2]object
	for i, body := range [][]byte{first, second.Body} {
		if err := json.Unmarshal(body, &objects[i]); err != nil {
			t.Fatal(err)
		}
		delete(objects[i].at("metadata").(map[string]any), "resourceVersion")
	}
	if diff := gocmp.Diff(objects[0], objects[1]); diff != "" {
		t.Errorf("%v: the second apply changes it (-first +second)\n%s", m, diff)
	}
	return second.Body
}

// lost lists what the server did not store as it was sent: a GitOps tool that
// compares would see a difference for ever. The server may add fields, and
// items at the end of lists.
func lost(sent, stored any, path string) (differences []string) {
	switch sent := sent.(type) {
	case map[string]any:
		stored, _ := stored.(map[string]any)
		for key, value := range sent {
			differences = append(differences, lost(value, stored[key], path+"."+key)...)
		}
	case []any:
		stored, _ := stored.([]any)
		for i, item := range sent {
			var value any
			if i < len(stored) {
				value = stored[i]
			}
			differences = append(differences, lost(item, value, fmt.Sprintf("%s[%d]", path, i))...)
		}
	default:
		if sent != stored && (sent != "" || stored != nil) { // the API omits what is empty
			differences = append(differences, fmt.Sprintf("%s is sent as %v and stored as %v", path, sent, stored))
		}
	}
	return differences
}

// checkPods makes the pod that a controller would make of a workload: the server
// checks Pod Security of a template by a warning at most.
func (s shipped) checkPods(t *testing.T, m manifest) {
	t.Helper()
	pod, ok := podOf(m.object)
	if !ok || m.kind() == "Pod" {
		return
	}
	pod["apiVersion"], pod["kind"] = "v1", "Pod"
	meta, _ := pod["metadata"].(map[string]any)
	meta["name"], meta["namespace"] = m.name()+"-0", m.namespace()
	pod["spec"] = withClaims(m, pod["spec"].(map[string]any))
	answer, err := create(t.Context(), pod, url.Values{"dryRun": {"All"}, "fieldValidation": {"Strict"}})
	if err != nil {
		t.Errorf("the pod of %v: %v", m, err)
	}
	if len(answer.Warnings) > 0 {
		t.Errorf("the pod of %v: warnings: %q", m, answer.Warnings)
	}
}

// podOf is the pod that an object is or has a template of: a copy of its own.
func podOf(o object) (object, bool) {
	var copied object
	if err := json.Unmarshal(o.json(), &copied); err != nil {
		return nil, false
	}
	template := map[string]string{"Deployment": "template", "Job": "template", "StatefulSet": "template", "Sandbox": "podTemplate"}
	if o.kind() == "Pod" {
		return copied, true
	}
	pod, ok := copied.at("spec", template[o.kind()]).(map[string]any)
	return object(pod), ok
}

// withClaims adds the volumes that a controller makes of claim templates.
func withClaims(m manifest, spec map[string]any) map[string]any {
	claims, _ := m.at("spec", "volumeClaimTemplates").([]any)
	for _, c := range claims {
		name := object(c.(map[string]any)).name()
		volumes, _ := spec["volumes"].([]any)
		spec["volumes"] = append(volumes, map[string]any{
			"name": name, "persistentVolumeClaim": map[string]any{"claimName": name + "-" + m.name()},
		})
	}
	return spec
}

// create makes an object of which there is none yet.
func create(ctx context.Context, o object, query url.Values) (cluster.Answer, error) {
	path, err := collection(ctx, o)
	if err != nil {
		return cluster.Answer{}, err
	}
	return server.Do(ctx, cluster.Request{Method: http.MethodPost, Path: path, Query: query, Body: o.json()})
}

// TestManifestsRefused: the judge does judge. What is wrong with a manifest in
// one way is refused for that.
func TestManifestsRefused(t *testing.T) {
	prepareCluster(t)
	namespace(t, "refused", "restricted", "latest")
	good := `apiVersion: v1
kind: Pod
metadata: {name: p, namespace: refused}
spec:
  securityContext: {runAsNonRoot: true, seccompProfile: {type: RuntimeDefault}}
  containers:
  - name: agent
    image: example.com/agent:1
    securityContext: {allowPrivilegeEscalation: false, capabilities: {drop: [ALL]}}
`
	tests := []struct {
		name, from, to string
		want           string // contained in the refusal; empty if there is none
	}{
		{"nothing is wrong", "", "", ""},
		{"a misspelt field", "image:", "imagee:", `.spec.containers[name="agent"].imagee: field not declared in schema`},
		{"Pod Security", "runAsNonRoot: true", "runAsNonRoot: false", `violates PodSecurity "restricted:latest"`},
		{"a ServiceAccount that is not there", "containers:", "serviceAccountName: nobody\n  containers:", `serviceaccount "nobody" not found`},
		{"a PriorityClass that is not there", "containers:", "priorityClassName: none\n  containers:", "no PriorityClass with name none"},
		{"a RuntimeClass that is not there", "containers:", "runtimeClassName: none\n  containers:", `RuntimeClass "none" not found`},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			text := []byte(strings.Replace(good, tt.from, tt.to, 1))
			m := manifest{yaml: text}
			if err := yaml.Unmarshal(text, &m.object); err != nil {
				t.Fatal(err)
			}
			_, err := apply(t.Context(), m, "dryRun=All")
			switch {
			case tt.want == "" && err != nil:
				t.Error(err)
			case tt.want != "" && (err == nil || !strings.Contains(err.Error(), tt.want)):
				t.Errorf("got %v, want %q", err, tt.want)
			}
		})
	}
}

// What the fleet needs of a cluster is what a cluster takes.
func TestExampleCluster(t *testing.T) {
	for _, file := range glob(t, "../examples/cluster/*.yaml") {
		if filepath.Base(file) == "kustomization.yaml" {
			continue
		}
		for _, m := range readManifests(t, file) {
			if _, err := apply(t.Context(), m, "dryRun=All"); err != nil {
				t.Errorf("%s: %v", file, err)
			}
		}
	}
}
