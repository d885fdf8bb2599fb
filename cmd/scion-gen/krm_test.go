package main

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"sigs.k8s.io/kustomize/kyaml/fn/framework"
	"sigs.k8s.io/yaml"
)

const oneAgent = `apiVersion: gen.scion.dev/v1alpha1
kind: Agent
metadata:
  name: one
  namespace: agents
spec:
  template: generic
  image: registry.example.com/agent:v1
  harness:
    command: ["true"]
`

// agentSet is a functionConfig; inline is its config.
func agentSet(t *testing.T, mode, inline string) string {
	t.Helper()
	program, err := exec.LookPath("scion-gen")
	if err != nil {
		t.Fatal(err)
	}
	text := fmt.Sprintf(`apiVersion: gen.scion.dev/v1alpha1
kind: ScionAgentSet
metadata:
  name: set
  annotations:
    config.kubernetes.io/function: |
      exec:
        path: %s
        args: [krm]
spec:
  mode: %s
`, program, mode)
	if inline != "" {
		text += "  config:\n  - " + strings.ReplaceAll(strings.TrimSpace(inline), "\n", "\n    ") + "\n"
	}
	return text
}

// kustomizeWithFunctions builds files with the stock command.
func kustomizeWithFunctions(t *testing.T, files map[string]string) (stdout, stderr string, err error) {
	t.Helper()
	dir := t.TempDir()
	for name, text := range files {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	var out, errs bytes.Buffer
	cmd := exec.CommandContext(t.Context(), stockCommand(t), "build", "--enable-alpha-plugins", "--enable-exec", dir)
	cmd.Stdout, cmd.Stderr = &out, &errs
	err = cmd.Run()
	return out.String(), errs.String(), err
}

// Under the stock kustomize, the function makes what render makes, and a
// validator lets it pass and nothing worse.
func TestFunctionUnderKustomize(t *testing.T) {
	config := filepath.Join(t.TempDir(), "one.yaml")
	if err := os.WriteFile(config, []byte(oneAgent), 0o644); err != nil {
		t.Fatal(err)
	}
	manifests := string(renderStream(t, config))
	asConfig := strings.Replace(oneAgent, "  name: one\n", "  name: one\n"+strings.Split(strings.SplitAfter(agentSet(t, "Generate", ""), "name: set\n")[1], "spec:")[0], 1)
	other := "apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: other\n  namespace: agents\n"
	fifo := "sortOptions: {order: fifo}\n"
	for _, tt := range []struct {
		name  string
		files map[string]string
		want  string
		wrong string
	}{
		{"generator", map[string]string{"kustomization.yaml": "generators: [f.yaml]\n" + fifo, "f.yaml": agentSet(t, "Generate", oneAgent)}, manifests, ""},
		{"an agent as generator", map[string]string{"kustomization.yaml": "generators: [f.yaml]\n" + fifo, "f.yaml": asConfig}, manifests, ""},
		{"transformer", map[string]string{"kustomization.yaml": "resources: [other.yaml, one.yaml]\ntransformers: [f.yaml]\n" + fifo,
			"other.yaml": other, "one.yaml": oneAgent, "f.yaml": agentSet(t, "Transform", "")}, other + "---\n" + manifests, ""},
		{"validator", map[string]string{"kustomization.yaml": "resources: [m.yaml]\nvalidators: [f.yaml]\n" + fifo,
			"m.yaml": manifests, "f.yaml": agentSet(t, "Validate", "")}, manifests, ""},
		{"validator of a bad pod", map[string]string{"kustomization.yaml": "resources: [m.yaml]\nvalidators: [f.yaml]\n" + fifo,
			"m.yaml": strings.Replace(manifests, "runAsNonRoot: true", "runAsNonRoot: false", 1), "f.yaml": agentSet(t, "Validate", "")}, "", "runAsNonRoot"},
		{"generator of nonsense", map[string]string{"kustomization.yaml": "generators: [f.yaml]\n",
			"f.yaml": agentSet(t, "Generate", strings.Replace(oneAgent, "image:", "imgae:", 1))}, "", "spec.config[0].spec.imgae"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			stdout, stderr, err := kustomizeWithFunctions(t, tt.files)
			if (err != nil) != (tt.wrong != "") || !strings.Contains(stderr, tt.wrong) {
				t.Fatalf("error %v, want one of %q\n%s", err, tt.wrong, stderr)
			}
			if diff := cmp.Diff(tt.want, stdout); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

// Over a plain ResourceList, results say what is wrong where, and items that
// are none of ours keep their comments.
func TestFunctionOverResourceList(t *testing.T) {
	function := func(settings, items string) (code int, out string) {
		input := "apiVersion: config.kubernetes.io/v1\nkind: ResourceList\nfunctionConfig:\n  apiVersion: gen.scion.dev/v1alpha1\n  kind: ScionAgentSet\n  metadata: {name: set}\n  " + settings + "\nitems:\n" + items
		var stdout, stderr bytes.Buffer
		code = run(t.Context(), []string{"krm"}, strings.NewReader(input), &stdout, &stderr)
		return code, stdout.String()
	}
	call := func(mode, items string) (code int, out string) { return function("spec: {mode: "+mode+"}", items) }
	item := func(text, file string, index int) string {
		text = strings.Replace(text, "metadata:\n", fmt.Sprintf("metadata:\n  annotations: {internal.config.kubernetes.io/path: %s, internal.config.kubernetes.io/index: '%d'}\n", file, index), 1)
		return "- " + strings.ReplaceAll(strings.TrimSpace(text), "\n", "\n  ") + "\n"
	}
	other := item("apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: other # why it is here\n", "other.yaml", 0)

	code, out := call("Transform", other+item(oneAgent, "one.yaml", 0))
	if code != exitOK || !strings.Contains(out, "# why it is here") || !strings.Contains(out, "kind: Pod") || strings.Contains(out, "kind: Agent\n") {
		t.Errorf("transform: exit code %d\n%s", code, out)
	}
	code, out = call("Transform", other+item(strings.Replace(oneAgent, "image:", "imgae:", 1), "one.yaml", 3))
	var list struct{ Results framework.Results }
	if err := yaml.Unmarshal([]byte(out), &list); err != nil || code != exitInput || len(list.Results) == 0 {
		t.Fatalf("exit code %d, error %v\n%s", code, err, out)
	}
	r := list.Results[0]
	if r.File == nil || *r.File != (framework.File{Path: "one.yaml", Index: 3}) || r.Field == nil || r.Field.Path != "spec.imgae" ||
		r.Severity != framework.Error || !strings.Contains(r.Message, "image") || r.ResourceRef.Name != "one" {
		t.Errorf("the result is %v", r)
	}
	pod := "apiVersion: v1\nkind: Pod\nmetadata:\n  name: p\n  labels: {app.kubernetes.io/name: scion-agent}\nspec:\n  containers:\n  - name: agent # mine\n    imgae: x\n"
	code, out = call("Validate", item(pod, "pod.yaml", 0))
	if code != exitInput || !strings.Contains(out, "spec.containers[0].imgae") || !strings.Contains(out, "# mine") {
		t.Errorf("validate: exit code %d\n%s", code, out)
	}

	// The settings of the function itself, all at once.
	code, out = function("spec: {mode: Sing, podSecurity: none, config: [1, {}], chord: c}\n  sepc: {}", other)
	list.Results = nil
	if err := yaml.Unmarshal([]byte(out), &list); err != nil || code != exitInput {
		t.Fatalf("exit code %d, error %v\n%s", code, err, out)
	}
	var fields []string
	for _, r := range list.Results {
		if r.ResourceRef.Name != "set" || r.Message == "" {
			t.Errorf("the result is %v", r)
		}
		fields = append(fields, r.Field.Path)
	}
	if want := []string{"sepc", "spec.mode", "spec.podSecurity", "spec.config[0]", "spec.chord"}; !slices.Equal(fields, want) {
		t.Errorf("results for %q, want %q", fields, want)
	}
	for field, settings := range map[string]string{"spec": "spec: [Generate]", "spec.config": "spec: {config: {a: b}}"} {
		if code, out := function(settings, other); code != exitInput || !strings.Contains(out, "path: "+field+"\n") {
			t.Errorf("%s: exit code %d\n%s", settings, code, out)
		}
	}
}
