package render_test

import (
	"bytes"
	"errors"
	"flag"
	"fmt"
	"math/rand/v2"
	"os"
	"path"
	"path/filepath"
	"reflect"
	"regexp"
	"runtime"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	appsv1 "k8s.io/api/apps/v1"
	batchv1 "k8s.io/api/batch/v1"
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
			checkManifests(t, out, true)
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
	"Deployment":            func() any { return &appsv1.Deployment{} },
	"Job":                   func() any { return &batchv1.Job{} },
	"NetworkPolicy":         func() any { return &networkingv1.NetworkPolicy{} },
	"PersistentVolumeClaim": func() any { return &corev1.PersistentVolumeClaim{} },
	"Pod":                   func() any { return &corev1.Pod{} },
	"Service":               func() any { return &corev1.Service{} },
	"ServiceAccount":        func() any { return &corev1.ServiceAccount{} },
	"StatefulSet":           func() any { return &appsv1.StatefulSet{} },
}

var untyped = []string{"ExternalSecret", "Sandbox", "SecretProviderClass"}

// checkManifests holds a stream against what always holds of our output; the
// pods against Pod Security restricted where the Fleet does not say otherwise.
func checkManifests(t *testing.T, stream []byte, restricted bool) {
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
		checkObject(t, object, doc, seen, restricted)
	}
}

func checkObject(t *testing.T, object map[string]any, doc []byte, seen map[string]bool, restricted bool) {
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
	if bytes.Contains(doc, []byte("\n    resources: {}")) { // of a container
		t.Errorf("%s has empty resources", id)
	}
	switch o := into.(type) {
	case *corev1.Pod:
		checkPod(t, o, restricted)
	case *batchv1.Job:
		checkTemplate(t, o.Name, o.Spec.Template, restricted)
	case *appsv1.Deployment:
		checkTemplate(t, o.Name, o.Spec.Template, restricted)
	case *appsv1.StatefulSet:
		for _, claim := range o.Spec.VolumeClaimTemplates {
			o.Spec.Template.Spec.Volumes = append(o.Spec.Template.Spec.Volumes, corev1.Volume{
				Name:         claim.Name,
				VolumeSource: corev1.VolumeSource{PersistentVolumeClaim: &corev1.PersistentVolumeClaimVolumeSource{ClaimName: claim.Name}},
			})
		}
		checkTemplate(t, o.Name, o.Spec.Template, restricted)
	}
}

func checkTemplate(t *testing.T, name string, template corev1.PodTemplateSpec, restricted bool) {
	t.Helper()
	pod := &corev1.Pod{ObjectMeta: template.ObjectMeta, Spec: template.Spec}
	pod.Name = name
	checkPod(t, pod, restricted)
}

func checkPod(t *testing.T, pod *corev1.Pod, restricted bool) {
	t.Helper()
	if restricted {
		checkRestricted(t, pod)
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
			paths[m.MountPath] = true
		}
	}
}

func checkRestricted(t *testing.T, pod *corev1.Pod) {
	t.Helper()
	evaluator, err := policy.NewEvaluator(policy.DefaultChecks(), nil)
	if err != nil {
		t.Fatal(err)
	}
	level := api.LevelVersion{Level: api.LevelRestricted, Version: api.LatestVersion()}
	for _, r := range evaluator.EvaluatePod(level, &pod.ObjectMeta, &pod.Spec) {
		if !r.Allowed {
			t.Errorf("%s is not restricted: %s: %s", pod.Name, r.ForbiddenReason, r.ForbiddenDetail)
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

// TestGoldenSettings: every field of AgentSpec, of Fleet and of Agent's metadata
// is set in some input of golden/render, so that no setting goes unseen.
func TestGoldenSettings(t *testing.T) {
	set := map[string]bool{}
	dir := filepath.Join(golden, "render")
	for _, name := range cases(t, dir) {
		for _, f := range readCase(t, dir, name) {
			var errs manifest.Errors
			for _, doc := range manifest.Parse(f.Name, f.Data, &errs) {
				walkNode(doc.Root.Get("spec"), "spec", set)
				walkNode(doc.Root.At("spec", "defaults"), "spec", set)
				walkNode(doc.Root.Get("metadata"), "metadata", set)
			}
			if err := errs.Err(); err != nil {
				t.Fatal(err)
			}
		}
	}
	var fields []string
	walkType(manifest.TypeFor[render.AgentSpec](), "spec", &fields)
	walkType(manifest.TypeFor[render.FleetSpec](), "spec", &fields)
	walkType(manifest.TypeFor[render.AgentMetadata](), "metadata", &fields)
	if len(fields) < 100 {
		t.Fatalf("only %d fields found", len(fields))
	}
	for _, field := range fields {
		if !set[field] {
			t.Errorf("no input of golden/render sets %s", field)
		}
	}
}

// walkNode notes the paths of all fields, without the items' numbers.
func walkNode(n *manifest.Node, path string, set map[string]bool) {
	if n == nil {
		return
	}
	set[path] = true
	for _, f := range n.Fields {
		walkNode(f.Value, path+"."+f.Key, set)
	}
	for _, item := range n.Items {
		walkNode(item, path, set)
	}
}

// walkType lists the paths of the fields of our own types; those of the
// Kubernetes API are the API's to test.
func walkType(t *manifest.Type, path string, fields *[]string) {
	for _, f := range t.Fields {
		at := path + "." + f.Name
		if path == "spec" && f.Name == "defaults" {
			continue // an AgentSpec again
		}
		*fields = append(*fields, at)
		elem := f.Type
		for elem.Elem != nil && elem.Shape == manifest.ShapeList {
			elem = elem.Elem
		}
		if elem.Shape == manifest.ShapeStruct && strings.HasPrefix(elem.Go.PkgPath(), "github.com/scion-gen/") && elem.Go != reflect.TypeFor[render.PodPatch]() {
			walkType(elem, at, fields)
		}
	}
}

// TestGoldenVariables: every variable by which sciontool and Scion's broker know
// an agent is in some output. The names are those of Scion's pkg/agent/run.go,
// pkg/runtimebroker/start_context.go and pkg/config/telemetry_convert.go.
func TestGoldenVariables(t *testing.T) {
	var all []byte
	for _, out := range renderCases(t) {
		all = append(all, out...)
	}
	for _, name := range strings.Fields(`
		HOME LOGNAME USER SCION_START_CMD HARNESS_COMMAND SCION_HOST_UID SCION_HOST_GID
		SCION_AGENT_NAME SCION_GROVE SCION_TEMPLATE_NAME SCION_HARNESS SCION_HARNESS_SELECTED_AUTH SCION_MODEL
		SCION_BROKER_NAME SCION_BROKER_ID SCION_CREATOR SCION_DEBUG
		SCION_MAX_TURNS SCION_MAX_MODEL_CALLS SCION_MAX_DURATION
		SCION_HUB_ENDPOINT SCION_HUB_URL SCION_AUTH_TOKEN SCION_AGENT_ID SCION_AGENT_SLUG SCION_GROVE_ID
		SCION_METADATA_MODE SCION_METADATA_PORT SCION_METADATA_SA_EMAIL SCION_METADATA_PROJECT_ID
		GCE_METADATA_HOST GCE_METADATA_ROOT SCION_SHARED_WORKSPACE
		SCION_GIT_CLONE_URL SCION_GIT_BRANCH SCION_GIT_DEPTH SCION_AGENT_BRANCH
		GITHUB_TOKEN SCION_GITHUB_APP_ENABLED SCION_GITHUB_TOKEN_PATH SCION_OTEL_GCP_CREDENTIALS
		SCION_TELEMETRY_ENABLED SCION_TELEMETRY_CLOUD_ENABLED SCION_OTEL_ENDPOINT SCION_OTEL_PROTOCOL
		SCION_OTEL_HEADERS SCION_OTEL_INSECURE SCION_OTEL_CA_FILE SCION_TELEMETRY_CLOUD_BATCH_MAX_SIZE
		SCION_TELEMETRY_CLOUD_BATCH_TIMEOUT SCION_TELEMETRY_CLOUD_PROVIDER SCION_TELEMETRY_HUB_ENABLED
		SCION_TELEMETRY_HUB_REPORT_INTERVAL SCION_TELEMETRY_LOCAL_ENABLED SCION_TELEMETRY_DEBUG
		SCION_TELEMETRY_LOCAL_FILE SCION_TELEMETRY_LOCAL_CONSOLE SCION_TELEMETRY_FILTER_ENABLED
		SCION_TELEMETRY_FILTER_RESPECT_DEBUG_MODE SCION_TELEMETRY_FILTER_INCLUDE SCION_TELEMETRY_FILTER_EXCLUDE
		SCION_TELEMETRY_REDACT SCION_TELEMETRY_HASH`) {
		if !bytes.Contains(all, []byte("- name: "+name+"\n")) {
			t.Errorf("no output of golden/render has the variable %s", name)
		}
	}
}

// TestGoldenTemplates: every built-in template is in some output.
func TestGoldenTemplates(t *testing.T) {
	var all []byte
	for _, out := range renderCases(t) {
		all = append(all, out...)
	}
	for _, f := range templates.Files() {
		name := strings.TrimSuffix(path.Base(f.Name), ".yaml")
		if !bytes.Contains(all, []byte("scion.template: "+name+"\n")) {
			t.Errorf("no output of golden/render is of the template %s", name)
		}
	}
}

// TestDeterminism renders golden/render again and again, a hundred times where
// there is something to shuffle: the order of files and documents and the number
// of processors change nothing.
func TestDeterminism(t *testing.T) {
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(0))
	dir := filepath.Join(golden, "render")
	random := rand.New(rand.NewPCG(1, 2))
	for _, name := range cases(t, dir) {
		files := readCase(t, dir, name)
		want, err := renderFiles(files)
		if err != nil {
			t.Fatal(err)
		}
		documents := split(files)
		runs := 4
		if len(documents) > 1 {
			runs = 100
		}
		for run := range runs {
			runtime.GOMAXPROCS(1 + run%4)
			random.Shuffle(len(documents), func(i, j int) { documents[i], documents[j] = documents[j], documents[i] })
			got, err := renderFiles(documents)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(string(want), string(got)); diff != "" {
				t.Fatalf("%s, run %d (-in order +shuffled)\n%s", name, run, diff)
			}
		}
	}
}

// split makes a file of each document.
func split(files []render.File) []render.File {
	var out []render.File
	for _, f := range files {
		for i, doc := range bytes.Split(f.Data, []byte("\n---\n")) {
			out = append(out, render.File{Name: fmt.Sprintf("%s#%d", f.Name, i), Data: append(slices.Clip(doc), '\n')})
		}
	}
	return out
}

// TestLongMistakes: mistakes too long for a file in golden/errors.
func TestLongMistakes(t *testing.T) {
	agent := "apiVersion: gen.scion.dev/v1alpha1\nkind: Agent\nmetadata: {name: a}\nspec:\n  template: claude\n"
	tests := []struct{ why, input, want string }{
		{"exec takes no variable of more than 128 KiB", agent + "  task: " + strings.Repeat("x", 128<<10) + "\n",
			"a.yaml:6:9: spec.task: the harness command is 131130 bytes when quoted, and a container takes at most 131055; move long text to a file in the home directory"},
		{"the argument is to blame that is long", agent + "  task: go\n  args: [" + strings.Repeat("x", 128<<10) + "]\n",
			"a.yaml:7:9: spec.args: the harness command is 131133 bytes when quoted, and a container takes at most 131055; move long text to a file in the home directory"},
		{"a document larger than etcd takes", agent + "  task: " + strings.Repeat("x", manifest.MaxDocument) + "\n",
			"a.yaml:1:1: the document has 1048677 bytes; 1048576 is the most that Kubernetes takes"},
		{"annotations of more than the API takes", strings.Replace(agent, "{name: a}", "{name: a, annotations: {b: "+strings.Repeat("x", 256<<10)+"}}", 1),
			"a.yaml:3:38: metadata.annotations.b: the annotations have 262186 bytes, and the API takes at most 262144; shorten this one"},
	}
	for _, tt := range tests {
		t.Run(tt.why, func(t *testing.T) {
			_, err := renderFiles([]render.File{{Name: "a.yaml", Data: []byte(tt.input)}})
			if err == nil {
				t.Fatal("no error")
			}
			if diff := cmp.Diff(tt.want, err.Error()); diff != "" {
				t.Errorf("(-want +got)\n%s", diff)
			}
		})
	}
}
