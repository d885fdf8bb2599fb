package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/fluxcd/pkg/envsubst"
	"github.com/google/go-cmp/cmp"
	"sigs.k8s.io/yaml"
)

// postBuild is what Flux does to built objects before it applies them, by the
// library that it uses: it substitutes ${NAME} in each object's YAML, and an unset
// name is an error. Objects with the label or annotation
// kustomize.toolkit.fluxcd.io/substitute: disabled are passed over
// (SubstituteVariables in fluxcd/pkg/kustomize/kustomize_varsub.go).
func postBuild(t *testing.T, stream []byte, vars map[string]string) (string, error) {
	t.Helper()
	var out []string
	for doc := range strings.SplitSeq(string(stream), "\n---\n") {
		var object struct {
			Metadata struct{ Labels, Annotations map[string]string }
		}
		if err := yaml.Unmarshal([]byte(doc), &object); err != nil {
			t.Fatal(err)
		}
		const key, disabled = "kustomize.toolkit.fluxcd.io/substitute", "disabled"
		if object.Metadata.Labels[key] != disabled && object.Metadata.Annotations[key] != disabled {
			text, err := envsubst.Eval(doc, func(name string) (string, bool) {
				value, known := vars[name]
				return value, known
			})
			if err != nil {
				return "", fmt.Errorf("%.60q: %w", doc, err)
			}
			doc = text
		}
		out = append(out, doc)
	}
	return strings.Join(out, "\n---\n"), nil
}

// fluxFleet is two agents whose texts have in them what Flux would substitute,
// and what its library cannot even read.
const fluxFleet = `apiVersion: gen.scion.dev/v1alpha1
kind: Fleet
metadata: {name: test}
spec: {namespace: agents, gitops: %s}
---
apiVersion: gen.scion.dev/v1alpha1
kind: Agent
metadata: {name: first}
spec:
  template: claude
  task: 'Explain ${CLUSTER}, $${CLUSTER}, ${unset:-x} and $CLUSTER.'
---
apiVersion: gen.scion.dev/v1alpha1
kind: Agent
metadata: {name: second}
spec:
  template: claude
  task: 'Explain ${list[@]} and ${'
  env: {WHERE: "${CLUSTER}"}
  home:
    systemPrompt: {text: 'You know ${CLUSTER}.'}
`

// A task reaches the harness through Flux's substitution, by the Fleet's setting
// and by the component; and without them it would not, or the test shows nothing.
func TestTextsSurviveFlux(t *testing.T) {
	vars := map[string]string{"CLUSTER": "production"}
	render := func(gitops string) string {
		file := filepath.Join(t.TempDir(), "fleet.yaml")
		if err := os.WriteFile(file, fmt.Appendf(nil, fluxFleet, gitops), 0o644); err != nil {
			t.Fatal(err)
		}
		return file
	}
	component := func() []byte {
		dir := t.TempDir()
		renderTree(t, filepath.Join(dir, "base"), render("None"))
		overlay := filepath.Join(dir, "overlay")
		for name, text := range map[string]string{
			filepath.Join(overlay, "kustomization.yaml"):     "resources: [../base]\ncomponents: [../flux]\n",
			filepath.Join(dir, "flux", "kustomization.yaml"): readFiles(t, filepath.Join(overlays, "components", "flux"))["kustomization.yaml"],
		} {
			if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(name, []byte(text), 0o644); err != nil {
				t.Fatal(err)
			}
		}
		return ownBuild(t, overlay)
	}
	for name, stream := range map[string][]byte{"setting": renderStream(t, render("Flux")), "component": component()} {
		got, err := postBuild(t, stream, vars)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if diff := cmp.Diff(string(stream), got); diff != "" {
			t.Errorf("%s: Flux changes what was built (-built +substituted):\n%s", name, diff)
		}
		if strings.Count(got, "${CLUSTER}") < 3 {
			t.Errorf("%s: the texts are not there:\n%s", name, got)
		}
	}
	bare := renderStream(t, render("None"))
	if got, err := postBuild(t, bare, vars); err == nil && got == string(bare) {
		t.Error("the substitution changes nothing where it is not disabled")
	}
}

// Under Flux every object of the overlay that carries a text is passed over.
func TestStagingIsSafeFromSubstitution(t *testing.T) {
	staging, err := os.ReadFile(filepath.Join(goldenBuilds, "staging.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	for _, o := range decode(t, staging) {
		text := o.kind == "Pod" || o.kind == "ConfigMap"
		if text && !strings.Contains(string(o.doc), "\n    kustomize.toolkit.fluxcd.io/substitute: disabled\n") {
			t.Errorf("Flux would substitute in %s %s", o.kind, o.name)
		}
	}
}
