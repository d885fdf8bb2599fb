package overlay

import (
	"cmp"
	"fmt"
	"slices"

	appsv1 "k8s.io/api/apps/v1"
	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
	"k8s.io/pod-security-admission/api"
	"k8s.io/pod-security-admission/policy"
	"sigs.k8s.io/kustomize/kyaml/resid"

	"github.com/scion-gen/scion-gen/pkg/manifest"
)

// verifier holds built objects against what a cluster takes of them, and agents'
// pods against what they were before.
type verifier struct {
	evaluator policy.Evaluator
}

func newVerifier() (*verifier, error) {
	e, err := policy.NewEvaluator(policy.DefaultChecks(), nil)
	return &verifier{e}, err
}

// suspect is an object with something wrong with it, for which an overlay may be
// to blame.
type suspect struct {
	id   resid.ResId
	node *manifest.Node
}

// finding is what is wrong with an object, without its name: the same words for
// the same mistake in all of them.
type finding string

// knownTypes are the kinds whose fields are checked.
var knownTypes = map[string]func() any{
	"v1/ConfigMap":                       func() any { return new(corev1.ConfigMap) },
	"v1/PersistentVolumeClaim":           func() any { return new(corev1.PersistentVolumeClaim) },
	"v1/Pod":                             func() any { return new(corev1.Pod) },
	"v1/Secret":                          func() any { return new(corev1.Secret) },
	"v1/Service":                         func() any { return new(corev1.Service) },
	"v1/ServiceAccount":                  func() any { return new(corev1.ServiceAccount) },
	"apps/v1/Deployment":                 func() any { return new(appsv1.Deployment) },
	"apps/v1/StatefulSet":                func() any { return new(appsv1.StatefulSet) },
	"batch/v1/Job":                       func() any { return new(batchv1.Job) },
	"networking.k8s.io/v1/NetworkPolicy": func() any { return new(networkingv1.NetworkPolicy) },
}

// findings are all that is wrong with an object, at a level of Pod Security.
func (v *verifier) findings(n *manifest.Node, level api.Level) []finding {
	var errs manifest.Errors
	template, at := podTemplate(n)
	if make, known := knownTypes[textAt(n, "apiVersion")+"/"+textAt(n, "kind")]; known {
		at = ""
		errs, _ = manifest.Into(n, make()).(manifest.Errors)
	} else if template != nil {
		_, errs = typedPod(template) // of a Sandbox, of which no more is known
	}
	var found []finding
	for _, e := range errs {
		found = append(found, finding(fmt.Sprintf("%s%s: %s", at, e.Path, e.Msg)))
	}
	return append(found, v.agent(n, level)...)
}

// agent are the findings of an agent's pod.
func (v *verifier) agent(n *manifest.Node, level api.Level) []finding {
	template, at := podTemplate(n)
	if textAt(template, "metadata", "labels", "app.kubernetes.io/name") != "scion-agent" {
		return nil
	}
	var found []finding
	spec := template.Get("spec")
	if container(spec, "containers", "agent") == nil {
		found = append(found, finding(at+"spec.containers: there is no container agent any more"))
	}
	for _, list := range []string{"containers", "initContainers"} {
		for _, c := range itemsAt(spec, list) {
			found = append(found, environment(c, fmt.Sprintf("%sspec.%s[%s].env", at, list, textAt(c, "name")))...)
		}
	}
	namespace := textAt(n, "metadata", "namespace")
	if ours := textAt(template, "metadata", "annotations", "scion.namespace"); ours != "" && namespace != "" && ours != namespace {
		found = append(found, finding(fmt.Sprintf("%smetadata.annotations[scion.namespace]: is %s, but the namespace is %s; put overlays/components/names before it", at, ours, namespace)))
	}
	found = append(found, controller(n, template, at)...)
	return append(found, v.security(template, at, level)...)
}

// controller is what the API refuses of a workload that makes the agent's pod: a
// restart policy that is not the kind's, and a selector of other pods.
func controller(n, template *manifest.Node, at string) []finding {
	var found []finding
	kind := textAt(n, "kind")
	var policies []string // empty where any will do
	switch {
	case kind == "Deployment", kind == "StatefulSet":
		policies = []string{"Always", ""}
	case kind == "Job" && n.At("spec", "podFailurePolicy") != nil:
		policies = []string{"Never"}
	case kind == "Job":
		policies = []string{"Never", "OnFailure"}
	}
	if policy := textAt(template, "spec", "restartPolicy"); len(policies) > 0 && !slices.Contains(policies, policy) {
		found = append(found, finding(fmt.Sprintf("%sspec.restartPolicy: is %s; write %s, which is what this %s takes", at, cmp.Or(policy, "missing"), policies[0], kind)))
	}
	if selected := n.At("spec", "selector", "matchLabels"); selected != nil {
		for _, f := range selected.Fields {
			if label := textAt(template, "metadata", "labels", f.Key); label != f.Value.Text {
				found = append(found, finding(fmt.Sprintf("%smetadata.labels[%s]: is %s, but the selector wants %s", at, f.Key, cmp.Or(label, "not there"), f.Value.Text)))
			}
		}
	}
	return found
}

// podTemplate is the part of a workload that is a pod, and where it stands.
func podTemplate(n *manifest.Node) (template *manifest.Node, at string) {
	switch textAt(n, "kind") {
	case "Pod":
		return n, ""
	case "Deployment", "StatefulSet", "Job":
		return n.At("spec", "template"), "spec.template."
	case "Sandbox":
		return n.At("spec", "podTemplate"), "spec.podTemplate."
	}
	return nil, ""
}

// environment are variables that are there twice, of which the API server takes
// none, and those that use one that comes later, which the kubelet leaves as it
// is.
func environment(c *manifest.Node, at string) []finding {
	var found []finding
	index := map[string]int{}
	env := itemsAt(c, "env")
	for i, e := range env {
		name := textAt(e, "name")
		if _, twice := index[name]; twice {
			found = append(found, finding(fmt.Sprintf("%s: %s is there twice", at, name)))
		}
		index[name] = i
	}
	for i, e := range env {
		for _, used := range manifest.References(textAt(e, "value")) {
			if j, known := index[used]; known && j > i {
				found = append(found, finding(fmt.Sprintf("%s: %s uses $(%s), which comes after it and so is not expanded; patch with JSON, a strategic merge puts its variables first", at, textAt(e, "name"), used)))
			}
		}
	}
	return found
}

// security are the checks of Pod Security that a pod does not pass.
func (v *verifier) security(template *manifest.Node, at string, level api.Level) []finding {
	pod, _ := typedPod(template) // what does not fit is a finding already
	var found []finding
	for _, r := range v.evaluator.EvaluatePod(api.LevelVersion{Level: level, Version: api.LatestVersion()}, &pod.ObjectMeta, &pod.Spec) {
		if !r.Allowed {
			found = append(found, finding(fmt.Sprintf("%sspec: Pod Security %s: %s: %s", at, level, r.ForbiddenReason, r.ForbiddenDetail)))
		}
	}
	return found
}

// typedPod is a pod, with what does not fit into one.
func typedPod(template *manifest.Node) (*corev1.PodTemplateSpec, manifest.Errors) {
	bare := &manifest.Node{Kind: manifest.Mapping}
	for _, key := range []string{"metadata", "spec"} {
		if value := template.Get(key); value != nil {
			bare.Set(key, value)
		}
	}
	pod := new(corev1.PodTemplateSpec)
	errs, _ := manifest.Into(bare, pod).(manifest.Errors)
	return pod, errs
}

func textAt(n *manifest.Node, keys ...string) string {
	if n = n.At(keys...); n == nil {
		return ""
	}
	return n.Text
}

func itemsAt(n *manifest.Node, keys ...string) []*manifest.Node {
	if n = n.At(keys...); n == nil {
		return nil
	}
	return n.Items
}

func container(spec *manifest.Node, list, name string) *manifest.Node {
	items := itemsAt(spec, list)
	if i := slices.IndexFunc(items, func(c *manifest.Node) bool { return textAt(c, "name") == name }); i >= 0 {
		return items[i]
	}
	return nil
}
