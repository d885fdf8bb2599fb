package main

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
	"k8s.io/pod-security-admission/api"
	"k8s.io/pod-security-admission/policy"
	"sigs.k8s.io/yaml"
)

// components are the directories of overlays/components with a kustomization, by
// their names.
func components(t *testing.T) []string {
	t.Helper()
	var names []string
	root := filepath.Join(overlays, "components")
	err := fs.WalkDir(os.DirFS(root), ".", func(path string, entry fs.DirEntry, err error) error {
		if err == nil && entry.Name() == "kustomization.yaml" {
			names = append(names, filepath.ToSlash(filepath.Dir(path)))
		}
		return err
	})
	if err != nil || len(names) == 0 {
		t.Fatalf("components: %v, %v", names, err)
	}
	return names
}

// overlayWith copies the overlays and adds one over the base's agents that has
// components.
func overlayWith(t *testing.T, names ...string) string {
	t.Helper()
	dir := t.TempDir()
	if err := os.CopyFS(dir, os.DirFS(overlays)); err != nil {
		t.Fatal(err)
	}
	text := "apiVersion: kustomize.config.k8s.io/v1beta1\nkind: Kustomization\nresources: [../base/agents]\nnamespace: elsewhere\ncomponents: [../components/names]\n"
	for _, name := range names {
		if name != "names" {
			text = strings.Replace(text, "/names", "/names, ../components/"+name, 1)
		}
	}
	overlay := filepath.Join(dir, "test")
	if err := os.Mkdir(overlay, 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(overlay, "kustomization.yaml"), []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
	return overlay
}

// Each component builds alone over the base, with the stock command and in
// process, to pods that a cluster takes.
func TestComponents(t *testing.T) {
	for _, name := range components(t) {
		t.Run(name, func(t *testing.T) {
			overlay := overlayWith(t, name)
			built := stockBuild(t, overlay)
			if diff := cmp.Diff(string(built), string(ownBuild(t, overlay))); diff != "" {
				t.Errorf("(-kustomize +scion-gen):\n%s", diff)
			}
			checkPods(t, built)
		})
	}
}

// What a component does to the pods of a fleet it does to those of every kind of
// workload: a Deployment that is not sandboxed would look as if it were. A fleet
// with nothing but that kind, and no ConfigMaps, is no mistake.
func TestComponentsForWorkloads(t *testing.T) {
	const agents = `{apiVersion: gen.scion.dev/v1alpha1, kind: Agent, metadata: {name: a, namespace: elsewhere}, spec: {workload: KIND, template: generic, image: "x:1", grove: g, harness: {command: ["true"]},
  home: {files: [{path: .a, text: b}]}, sharedDirs: [{name: cache}], secrets: [{name: API_KEY, from: {secretKeyRef: {name: keys, key: api}}}]}}`
	const prefixed = "namePrefix: new-\nsecretGenerator: [{name: keys, namespace: elsewhere, literals: [api=x]}]\n" // for names
	for _, name := range components(t) {
		if name == "argocd" {
			continue // it is for Pods and Jobs, and changes no pod
		}
		changes := map[string][]string{}
		for _, kind := range []string{"Pod", "Job", "Deployment", "StatefulSet", "Sandbox"} {
			overlay := overlayWith(t, name)
			if name == "names" {
				file := filepath.Join(overlay, "kustomization.yaml")
				replaceIn(t, file, "namespace: elsewhere\n", "namespace: elsewhere\n"+prefixed)
			}
			config := filepath.Join(t.TempDir(), "agents.yaml")
			if err := os.WriteFile(config, []byte(strings.ReplaceAll(agents, "KIND", kind)), 0o644); err != nil {
				t.Fatal(err)
			}
			if err := os.RemoveAll(filepath.Join(overlay, "../base")); err != nil {
				t.Fatal(err)
			}
			renderTree(t, filepath.Join(overlay, "../base/agents"), config)
			before, built := podSpec(t, renderStream(t, config), kind), stockBuild(t, overlay)
			if diff := cmp.Diff(string(built), string(ownBuild(t, overlay))); diff != "" {
				t.Errorf("%s of a %s (-kustomize +scion-gen):\n%s", name, kind, diff)
			}
			for path, value := range podSpec(t, built, kind) {
				if before[path] != value {
					changes[kind] = append(changes[kind], path+": "+value)
				}
			}
			slices.Sort(changes[kind])
			if diff := cmp.Diff(changes["Pod"], changes[kind]); diff != "" {
				t.Errorf("%s: changes (-of a Pod +of a %s):\n%s", name, kind, diff)
			}
		}
	}
}

// The components for GitOps make of a fleet of every kind of workload what its own
// setting makes of it.
func TestGitOpsComponents(t *testing.T) {
	for tool, component := range map[string]string{"ArgoCD": "argocd", "Flux": "flux"} {
		built := func(setting, components string) string {
			text := "{apiVersion: gen.scion.dev/v1alpha1, kind: Fleet, metadata: {name: f}, spec: {namespace: agents, gitops: " + setting + "}}\n"
			for _, kind := range []string{"Pod", "Job", "Deployment", "StatefulSet", "Sandbox"} {
				text += "---\n{apiVersion: gen.scion.dev/v1alpha1, kind: Agent, metadata: {name: " + strings.ToLower(kind) + "}, spec: {workload: " + kind + ", template: claude, image: \"x:1\", task: \"the ${HOME}\"}}\n"
			}
			overlay := overlayWith(t)
			config := filepath.Join(t.TempDir(), "agents.yaml")
			if err := errors.Join(os.RemoveAll(filepath.Join(overlay, "../base")), os.WriteFile(config, []byte(text), 0o644),
				os.WriteFile(filepath.Join(overlay, "kustomization.yaml"), []byte("resources: [../base]\ncomponents: ["+components+"]\n"), 0o644)); err != nil {
				t.Fatal(err)
			}
			renderTree(t, filepath.Join(overlay, "../base"), config)
			return string(ownBuild(t, overlay))
		}
		want := built(tool, "")
		for _, setting := range []string{"None", tool} { // the component also finds its work done
			if diff := cmp.Diff(want, built(setting, "../components/"+component)); diff != "" {
				t.Errorf("gitops: %s, and %s over gitops: %s (-setting +component):\n%s", tool, component, setting, diff)
			}
		}
	}
}

// podSpec are the values of the pod of the one workload of a kind, by their paths.
func podSpec(t *testing.T, stream []byte, kind string) map[string]string {
	t.Helper()
	values := map[string]string{}
	for _, o := range decode(t, stream) {
		if o.kind != kind {
			continue
		}
		var workload struct {
			Spec map[string]any
		}
		if err := yaml.Unmarshal(o.doc, &workload); err != nil {
			t.Fatal(err)
		}
		spec := workload.Spec
		for _, template := range []string{"template", "podTemplate"} {
			if inner, ok := spec[template].(map[string]any); ok {
				spec, _ = inner["spec"].(map[string]any)
			}
		}
		flatten(values, "", spec)
	}
	if len(values) == 0 {
		t.Fatalf("no %s", kind)
	}
	return values
}

func flatten(values map[string]string, path string, v any) {
	switch v := v.(type) {
	case map[string]any:
		for key, value := range v {
			flatten(values, path+"."+key, value)
		}
	case []any:
		for i, value := range v {
			at := fmt.Sprint(i)
			if item, ok := value.(map[string]any); ok && item["name"] != nil {
				at = fmt.Sprint(item["name"]) // a StatefulSet has fewer volumes
			}
			flatten(values, fmt.Sprintf("%s[%s]", path, at), value)
		}
	default:
		values[path] = fmt.Sprint(v)
	}
}

// All components that do not exclude each other work together.
func TestComponentsTogether(t *testing.T) {
	all := slices.DeleteFunc(components(t), func(name string) bool {
		return name == "secrets-store-gcp/gke" || name == "flux" // one driver, one GitOps tool
	})
	overlay := overlayWith(t, all...)
	built := stockBuild(t, overlay)
	if diff := cmp.Diff(string(built), string(ownBuild(t, overlay))); diff != "" {
		t.Errorf("(-kustomize +scion-gen):\n%s", diff)
	}
	checkPods(t, built)
	for _, p := range pods(t, built) {
		switch {
		case p.Spec.RuntimeClassName == nil, p.Spec.HostUsers == nil,
			p.Spec.NodeSelector["cloud.google.com/gke-spot"] == "", p.Spec.NodeSelector["iam.gke.io/gke-metadata-server-enabled"] == "",
			p.Annotations["argocd.argoproj.io/sync-options"] == "":
			t.Errorf("%s: one component undoes another:\n%v", p.Name, p)
		}
	}
}

// checkPods holds pods against what overlays can break: Pod Security, unique
// variables, those that use others after them, the annotation of the namespace.
func checkPods(t *testing.T, stream []byte) {
	t.Helper()
	evaluator, err := policy.NewEvaluator(policy.DefaultChecks(), nil)
	if err != nil {
		t.Fatal(err)
	}
	list := pods(t, stream)
	if len(list) == 0 {
		t.Fatal("no pods")
	}
	for _, p := range list {
		level := api.LevelVersion{Level: api.LevelRestricted, Version: api.LatestVersion()}
		for _, r := range evaluator.EvaluatePod(level, &p.ObjectMeta, &p.Spec) {
			if !r.Allowed {
				t.Errorf("%s: %s: %s", p.Name, r.ForbiddenReason, r.ForbiddenDetail)
			}
		}
		if got := p.Annotations["scion.namespace"]; got != p.Namespace {
			t.Errorf("%s: scion.namespace is %q, the namespace %q", p.Name, got, p.Namespace)
		}
		for _, c := range slices.Concat(p.Spec.InitContainers, p.Spec.Containers) {
			checkEnv(t, p.Name+"/"+c.Name, c.Env)
		}
	}
}

func checkEnv(t *testing.T, where string, env []corev1.EnvVar) {
	seen := map[string]bool{}
	for i, e := range env {
		if seen[e.Name] {
			t.Errorf("%s: %s is there twice", where, e.Name)
		}
		seen[e.Name] = true
		for _, later := range env[i+1:] {
			if strings.Contains(strings.ReplaceAll(e.Value, "$$", ""), "$("+later.Name+")") {
				t.Errorf("%s: %s uses %s, which comes later", where, e.Name, later.Name)
			}
		}
	}
}

// The overlays' pods are as sound as the base's.
func TestOverlayPods(t *testing.T) {
	for _, name := range []string{"dev", "staging", "prod"} {
		t.Run(name, func(t *testing.T) {
			data, err := os.ReadFile(filepath.Join(goldenBuilds, name+".yaml"))
			if err != nil {
				t.Fatal(err)
			}
			checkPods(t, data)
		})
	}
}

// The strict policies let no agent out but to what they name: no policy of the
// namespace that selects agents may have a peer that includes the metadata
// servers.
func TestStrictPolicyBlocksMetadata(t *testing.T) {
	for _, p := range ofKind[networkingv1.NetworkPolicy](t, decode(t, stockBuild(t, overlayWith(t, "network-policy-strict"))), "NetworkPolicy") {
		for _, rule := range p.Spec.Egress {
			if len(rule.To) == 0 {
				t.Errorf("%s lets out everywhere", p.Name)
			}
			for _, peer := range rule.To {
				if b := peer.IPBlock; b != nil && b.CIDR == "0.0.0.0/0" && !slices.Contains(b.Except, "169.254.0.0/16") {
					t.Errorf("%s lets out to the metadata servers", p.Name)
				}
				if peer.NamespaceSelector != nil && len(peer.NamespaceSelector.MatchLabels) == 0 {
					t.Errorf("%s lets out to all namespaces", p.Name)
				}
			}
		}
	}
}

// Each component says what it does, what it costs and what it needs, where people
// look first, and so does the table in the README.
func TestComponentsAreDocumented(t *testing.T) {
	readme, err := os.ReadFile(filepath.Join(overlays, "README.md"))
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range components(t) {
		text, err := os.ReadFile(filepath.Join(overlays, "components", name, "kustomization.yaml"))
		if err != nil {
			t.Fatal(err)
		}
		for _, word := range []string{"osts", "eeds"} {
			comment, _, _ := strings.Cut(string(text), "apiVersion:")
			if !strings.Contains(comment, word) {
				t.Errorf("%s does not say what it c%s", name, word)
			}
		}
		if !strings.Contains(string(readme), "(components/"+name+"/") {
			t.Errorf("overlays/README.md has no line for %s", name)
		}
	}
}

// What prod adds is as sound as what it is made of: kube-score has nothing to say
// of it but of Scion's ids.
func TestKubeScoreOfProd(t *testing.T) {
	data, err := os.ReadFile(filepath.Join(goldenBuilds, "prod.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	want := []string{"container-security-context-user-group-id"}
	if got := kubeScore(t, data); !slices.Equal(got, want) {
		t.Errorf("findings are %q, want %q", got, want)
	}
}
