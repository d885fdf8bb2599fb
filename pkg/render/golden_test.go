package render_test

import (
	"bytes"
	"errors"
	"flag"
	"fmt"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
	"k8s.io/apimachinery/pkg/util/validation"
	"k8s.io/pod-security-admission/api"
	"k8s.io/pod-security-admission/policy"
	"sigs.k8s.io/yaml"

	"github.com/scion-gen/scion-gen/pkg/manifest"
	"github.com/scion-gen/scion-gen/pkg/render"
	"github.com/scion-gen/scion-gen/templates"
)

var update = flag.Bool("update", false, "rewrite the golden files")

const golden = "../../golden"

// renderFiles is the stream that the files make together with the built-in
// templates. There is no output where there is an error.
func renderFiles(files []render.File) ([]byte, error) {
	config, err := render.Load(templates.Files(), files)
	if err != nil {
		return nil, err
	}
	manifests, err := config.Render()
	if err != nil {
		return nil, err
	}
	var out bytes.Buffer
	_, err = manifests.WriteTo(&out)
	return out.Bytes(), err
}

// readCase reads the YAML files of a case: a file, or all in a directory.
// Names in messages are relative to the directory of the cases. Each file's
// first line is a comment that says why it exists.
func readCase(t *testing.T, dir, name string) []render.File {
	t.Helper()
	var files []render.File
	found, err := filepath.Glob(filepath.Join(dir, name+".yaml"))
	if err != nil {
		t.Fatal(err)
	}
	more, err := filepath.Glob(filepath.Join(dir, name, "*.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range append(found, more...) {
		if filepath.Base(file) == "manifests.yaml" {
			continue
		}
		data, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		rel, err := filepath.Rel(dir, file)
		if err != nil {
			t.Fatal(err)
		}
		if !bytes.HasPrefix(data, []byte("# ")) {
			t.Errorf("%s: the first line has to say why the case exists", rel)
		}
		files = append(files, render.File{Name: filepath.ToSlash(rel), Data: data})
	}
	if len(files) == 0 {
		t.Fatalf("%s/%s has an output and no input", dir, name)
	}
	return files
}

// cases are the names of the inputs and of the outputs of dir, each once.
func cases(t *testing.T, dir string) []string {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, e := range entries {
		names = append(names, strings.TrimSuffix(e.Name(), path.Ext(e.Name())))
	}
	names = slices.Compact(names)
	if len(names) == 0 {
		t.Fatalf("%s has no cases", dir)
	}
	return names
}

// compare holds got against a golden file, or rewrites it.
func compare(t *testing.T, file string, got []byte) {
	t.Helper()
	if *update {
		if err := os.WriteFile(file, got, 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatalf("%v; go test ./pkg/render -update writes it", err)
	}
	if diff := cmp.Diff(string(want), string(got)); diff != "" {
		t.Errorf("%s (-want +got)\n%s", file, diff)
	}
}

// TestErrors renders golden/errors: each case gives just the lines of its .out,
// and no manifest.
func TestErrors(t *testing.T) {
	dir := filepath.Join(golden, "errors")
	for _, name := range cases(t, dir) {
		t.Run(name, func(t *testing.T) {
			files := readCase(t, dir, name)
			out, err := renderFiles(files)
			if len(out) > 0 {
				t.Errorf("rendered beside an error:\n%s", out)
			}
			if err == nil {
				t.Fatal("no error")
			}
			checkMistakes(t, err)
			compare(t, filepath.Join(dir, name+".out"), []byte(err.Error()+"\n"))
		})
	}
}

// checkMistakes holds an error against what every error promises: one line for
// each mistake, with a position, in the order of positions, none twice.
func checkMistakes(t *testing.T, err error) {
	t.Helper()
	mistakes, ok := errors.AsType[manifest.Errors](err)
	if !ok {
		t.Fatalf("%T is not manifest.Errors: %v", err, err)
	}
	said := map[string]bool{}
	for _, e := range mistakes {
		line := e.Error()
		if !e.Pos.IsValid() || e.Pos.Line < 1 || e.Pos.Column < 1 {
			t.Errorf("no position: %s", line)
		}
		if strings.ContainsAny(line, "\n\r") {
			t.Errorf("more than one line: %q", line)
		}
		if said[line] {
			t.Errorf("said twice: %s", line)
		}
		said[line] = true
	}
	inOrder := slices.IsSortedFunc(mistakes, func(a, b *manifest.Error) int {
		switch {
		case !a.Pos.IsValid() || !b.Pos.IsValid():
			return 0 // reported above
		case a.Pos.Source.File != b.Pos.Source.File:
			return strings.Compare(a.Pos.Source.File, b.Pos.Source.File)
		case a.Pos.Line != b.Pos.Line:
			return int(a.Pos.Line - b.Pos.Line)
		}
		return int(a.Pos.Column - b.Pos.Column)
	})
	if !inOrder {
		t.Errorf("not in the order of positions:\n%v", err)
	}
}

// renderCases renders all of golden/render once.
func renderCases(t *testing.T) map[string][]byte {
	t.Helper()
	dir := filepath.Join(golden, "render")
	out := map[string][]byte{}
	for _, name := range cases(t, dir) {
		data, err := renderFiles(readCase(t, dir, name))
		if err != nil {
			t.Fatalf("%s:\n%v", name, err)
		}
		out[name] = data
	}
	return out
}

// TestRender renders golden/render: each case gives just its manifests.yaml, and
// what always holds of manifests holds.
func TestRender(t *testing.T) {
	for name, out := range renderCases(t) {
		t.Run(name, func(t *testing.T) {
			checkManifests(t, out)
			compare(t, filepath.Join(golden, "render", name, "manifests.yaml"), out)
		})
	}
}

// documents are the documents of a stream.
func documents(stream []byte) [][]byte {
	return bytes.Split(stream, []byte("\n---\n"))
}

// typed are the API's types of the objects that we render. Those of operators
// have no types here.
var typed = map[string]func() any{
	"ConfigMap":             func() any { return &corev1.ConfigMap{} },
	"NetworkPolicy":         func() any { return &networkingv1.NetworkPolicy{} },
	"PersistentVolumeClaim": func() any { return &corev1.PersistentVolumeClaim{} },
	"Pod":                   func() any { return &corev1.Pod{} },
	"ServiceAccount":        func() any { return &corev1.ServiceAccount{} },
}

var untyped = []string{"ExternalSecret", "SecretProviderClass"}

// checkManifests holds a stream against what always holds of our output.
func checkManifests(t *testing.T, stream []byte) {
	t.Helper()
	seen := map[string]bool{}
	for i, doc := range documents(stream) {
		if i < len(documents(stream))-1 {
			doc = append(slices.Clip(doc), '\n')
		}
		var object map[string]any
		if err := yaml.Unmarshal(doc, &object); err != nil {
			t.Fatalf("%v:\n%s", err, doc)
		}
		canonical, err := yaml.Marshal(object)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(string(canonical), string(doc)); diff != "" {
			t.Errorf("not canonical (-sigs.k8s.io/yaml +got)\n%s", diff)
		}
		checkObject(t, object, doc, seen)
	}
}

func checkObject(t *testing.T, object map[string]any, doc []byte, seen map[string]bool) {
	t.Helper()
	kind, _ := object["kind"].(string)
	meta, _ := object["metadata"].(map[string]any)
	id := fmt.Sprint(kind, "/", meta["namespace"], "/", meta["name"])
	if seen[id] {
		t.Errorf("%s is rendered twice", id)
	}
	seen[id] = true
	if _, there := object["status"]; there {
		t.Errorf("%s has a status", id)
	}
	if bytes.Contains(doc, []byte("creationTimestamp")) {
		t.Errorf("%s has a creationTimestamp", id)
	}
	if bytes.Contains(doc, []byte("resources: {}")) {
		t.Errorf("%s has empty resources", id)
	}
	newObject := typed[kind]
	if newObject == nil {
		if !slices.Contains(untyped, kind) {
			t.Errorf("%s is of a kind that this test does not know", id)
		}
		return
	}
	into := newObject()
	if err := yaml.UnmarshalStrict(doc, into); err != nil {
		t.Errorf("%s: %v", id, err)
	}
	if pod, ok := into.(*corev1.Pod); ok {
		checkPod(t, pod)
	}
}

func checkPod(t *testing.T, pod *corev1.Pod) {
	t.Helper()
	evaluator, err := policy.NewEvaluator(policy.DefaultChecks(), nil)
	if err != nil {
		t.Fatal(err)
	}
	level := api.LevelVersion{Level: api.LevelRestricted, Version: api.LatestVersion()}
	for _, r := range evaluator.EvaluatePod(level, &pod.ObjectMeta, &pod.Spec) {
		if !r.Allowed && pod.Annotations["example.com/unrestricted"] == "" {
			t.Errorf("%s is not restricted: %s: %s", pod.Name, r.ForbiddenReason, r.ForbiddenDetail)
		}
	}
	for name, value := range pod.Labels {
		if problems := validation.IsValidLabelValue(value); len(problems) > 0 {
			t.Errorf("%s: label %s: %v", pod.Name, name, problems)
		}
	}
	volumes := map[string]bool{}
	for _, v := range pod.Spec.Volumes {
		if volumes[v.Name] {
			t.Errorf("%s: two volumes %s", pod.Name, v.Name)
		}
		volumes[v.Name] = true
	}
	used := map[string]bool{}
	for _, c := range slices.Concat(pod.Spec.InitContainers, pod.Spec.Containers) {
		checkEnv(t, pod.Name+"/"+c.Name, c.Env)
		paths := map[string]bool{}
		for _, m := range c.VolumeMounts {
			if paths[m.MountPath] {
				t.Errorf("%s/%s: two mounts at %s", pod.Name, c.Name, m.MountPath)
			}
			if !volumes[m.Name] {
				t.Errorf("%s/%s: no volume %s", pod.Name, c.Name, m.Name)
			}
			paths[m.MountPath], used[m.Name] = true, true
		}
	}
	for name := range volumes {
		if !used[name] {
			t.Errorf("%s: nothing mounts the volume %s", pod.Name, name)
		}
	}
}

// reference is $(NAME) that is not escaped as $$(NAME).
var reference = regexp.MustCompile(`(?:^|[^$])(?:\$\$)*\$\(([A-Za-z_][A-Za-z0-9_]*)\)`)

// checkEnv: one variable a name, and each after those it uses: the kubelet
// expands $(NAME) from earlier ones only.
func checkEnv(t *testing.T, where string, env []corev1.EnvVar) {
	t.Helper()
	place := map[string]int{}
	for i, v := range env {
		if _, twice := place[v.Name]; twice {
			t.Errorf("%s: two variables %s", where, v.Name)
		}
		place[v.Name] = i
	}
	for i, v := range env {
		for _, m := range reference.FindAllStringSubmatch(v.Value, -1) {
			if at, known := place[m[1]]; known && at > i {
				t.Errorf("%s: %s uses $(%s), which comes later", where, v.Name, m[1])
			}
		}
	}
}
