package render

import (
	"cmp"
	"math"
	"time"

	"k8s.io/apimachinery/pkg/util/validation"

	"github.com/scion-gen/scion-gen/pkg/manifest"
)

// The kinds of workload; the empty one is Pod.
const (
	workloadPod         = "Pod"
	workloadJob         = "Job"
	workloadDeployment  = "Deployment"
	workloadStatefulSet = "StatefulSet"
	workloadSandbox     = "Sandbox"
)

// exitLimits is the code with which sciontool ends an agent that reached one
// of its limits (ExitCodeLimitsExceeded of its hooks).
const exitLimits = 10

func (a *agent) workload() string { return cmp.Or(a.spec.Workload, workloadPod) }

// onExit is Exit in a Job, which would never complete else.
func (a *agent) onExit() string {
	if a.workload() == workloadJob {
		return exitWith
	}
	return a.spec.OnExit
}

// restarts reports whether the workload runs its pods with restartPolicy
// Always, and no other: what the API takes for a Deployment and a StatefulSet.
func (a *agent) restarts() bool {
	return a.workload() == workloadDeployment || a.workload() == workloadStatefulSet
}

// workloadObject is what is applied: the pod itself, or the object that makes
// it from the same template.
func (a *agent) workloadObject(pod *manifest.Node) *manifest.Node {
	switch a.workload() {
	case workloadJob:
		return a.job(pod)
	case workloadDeployment:
		return a.deployment(pod)
	case workloadStatefulSet:
		return a.statefulSet(pod)
	case workloadSandbox:
		return a.sandbox(pod)
	}
	return pod
}

// wrap makes an object of the pod's name, with its labels by which Kubernetes'
// tools know applications. Scion's own labels are for pods.
func (a *agent) wrap(apiVersion string, pod, spec *manifest.Node) *manifest.Node {
	labels := object()
	for _, f := range fields(pod.At("metadata", "labels")) {
		if len(f.Key) > len(appLabels) && f.Key[:len(appLabels)] == appLabels {
			labels.Fields = append(labels.Fields, f)
		}
	}
	meta := object("name", pod.At("metadata", "name"), "namespace", pod.At("metadata", "namespace"), "labels", labels)
	if annotations := a.gitOps(false); len(annotations.Fields) > 0 {
		meta.Set("annotations", annotations)
	}
	return object("apiVersion", apiVersion, "kind", at(a.pos("workload"), value(a.workload())), "metadata", meta, "spec", at(a.pos("workload"), spec))
}

const appLabels = "app.kubernetes.io/"

// podTemplate is the pod without what the workload's controller gives it.
func podTemplate(pod *manifest.Node) *manifest.Node {
	meta := without(without(pod.Get("metadata"), "name"), "namespace")
	return object("metadata", meta, "spec", pod.Get("spec"))
}

func (a *agent) selector() *manifest.Node {
	return object("matchLabels", object("app.kubernetes.io/instance", a.pod))
}

// job runs the agent once. The limit's exit code fails the Job as it is; any
// other failure too, since there is no second try. A finished Job goes after a
// day, but not where a GitOps tool would make it anew.
func (a *agent) job(pod *manifest.Node) *manifest.Node {
	spec := object(
		"backoffLimit", 0,
		"podFailurePolicy", object("rules", list(object(
			"action", "FailJob",
			"onExitCodes", object("containerName", agentContainer, "operator", "In", "values", list(value(exitLimits)))))),
		"podReplacementPolicy", "Failed",
		"template", podTemplate(pod))
	if a.config.fleet.Spec.GitOps == "" || a.config.fleet.Spec.GitOps == "None" {
		spec.Set("ttlSecondsAfterFinished", value(int(24*time.Hour/time.Second)))
	}
	if limit, err := time.ParseDuration(a.spec.Limits.MaxDuration); err == nil {
		deadline := int(math.Ceil(limit.Seconds())) + jobGrace
		spec.Set("activeDeadlineSeconds", at(a.pos("limits", "maxDuration"), value(deadline)))
	}
	return a.wrap("batch/v1", pod, spec)
}

// jobGrace is what sciontool has to end an agent by itself, and so with exit
// code 10, before the Job's deadline does: start-up and grace period.
const jobGrace = 900

func (a *agent) deployment(pod *manifest.Node) *manifest.Node {
	return a.wrap("apps/v1", pod, object(
		"replicas", 1,
		"selector", a.selector(),
		"strategy", object("type", "Recreate"), // one session, one workspace
		"template", podTemplate(pod)))
}

// statefulSet keeps the home directory and the workspace in claims of its own,
// each of the size that the emptyDir would have.
func (a *agent) statefulSet(pod *manifest.Node) *manifest.Node {
	template := podTemplate(pod)
	spec := clone(template.Get("spec"))
	if spec == nil {
		spec = object() // a patch took it away, and verify said so
	}
	volumes := manifest.List(manifest.Pos{})
	var claims []*manifest.Node
	for _, v := range items(pod.At("spec", "volumes")) {
		name := textOf(v.Get("name"))
		empty := v.Get("emptyDir")
		if empty == nil || name != volumeHome && name != volumeWorkspace {
			volumes.Items = append(volumes.Items, v)
			continue
		}
		size := empty.Get("sizeLimit")
		if size == nil {
			size = value("10Gi")
		}
		if problem := positiveAmount(size.Text); problem != "" {
			a.errs.Add(size.Pos, a.setting(size.Pos), "%s, for the claim of the StatefulSet", problem)
		}
		claims = append(claims, at(v.Pos, object(
			"metadata", object("name", name),
			"spec", object("accessModes", list(value("ReadWriteOnce")),
				"resources", object("requests", object("storage", size))))))
	}
	if spec = without(spec, "volumes"); len(volumes.Items) > 0 {
		spec = clone(spec)
		spec.Set("volumes", volumes)
	}
	template.Set("spec", spec)
	out := object(
		"persistentVolumeClaimRetentionPolicy", object("whenDeleted", "Delete", "whenScaled", "Retain"),
		"podManagementPolicy", "Parallel",
		"replicas", 1,
		"selector", a.selector(),
		"serviceName", a.pod,
		"template", template)
	if len(claims) > 0 {
		out.Set("volumeClaimTemplates", list(claims...))
	}
	return a.wrap("apps/v1", pod, out)
}

// headlessService is the StatefulSet's; nil for the other kinds.
func (a *agent) headlessService() *manifest.Node {
	if a.workload() != workloadStatefulSet {
		return nil
	}
	return object("apiVersion", "v1", "kind", "Service",
		"metadata", a.companionMeta(a.pod),
		"spec", object("clusterIP", "None", "selector", a.selector().Get("matchLabels")))
}

// sandbox is an agent-sandbox object (agents.x-k8s.io/v1beta1).
func (a *agent) sandbox(pod *manifest.Node) *manifest.Node {
	return a.wrap("agents.x-k8s.io/v1beta1", pod, object(
		"operatingMode", "Running",
		"podTemplate", podTemplate(pod)))
}

// checkWorkload reports what the kind cannot mean.
func (a *agent) checkWorkload() {
	kind := a.workload()
	switch {
	case kind == workloadJob && a.spec.OnExit == exitKeep && a.chose("onExit"):
		a.fail([]string{"onExit"}, "a Job is done when its pod ends, and Keep never ends it; remove onExit, or use workload Pod")
	case a.restarts() && a.spec.OnExit == exitWith:
		a.fail([]string{"onExit"}, "a %s starts an agent that ended again, without end; use workload Job or Pod, or onExit: Keep", kind)
	case kind == workloadStatefulSet && len(a.pod) > maxStatefulSet:
		a.fail([]string{"workload"}, "the name %s is longer than the %d characters that a StatefulSet can have; shorten grove or name", a.pod, maxStatefulSet)
	case kind == workloadStatefulSet && len(validation.IsDNS1035Label(a.pod)) > 0:
		a.fail([]string{"workload"}, "the Service of a StatefulSet has the agent's name, and %s does not start with a letter; rename the grove, or use another workload", a.pod)
	}
}

// maxStatefulSet leaves room for the hash in the label
// controller-revision-hash, which is <name>-<10 characters>.
const maxStatefulSet = maxName - 11

// chose reports whether a user set something, rather than the root template.
func (a *agent) chose(setting ...string) bool {
	p := a.pos(setting...)
	return p.IsValid() && p.Source != a.layers[0].source
}

// onlyPolicy is the one restart policy that the workload can have, or empty where
// any will do. Of a Job the API takes OnFailure too, but not with a
// podFailurePolicy (validatePodFailurePolicy).
func (a *agent) onlyPolicy() string {
	switch {
	case a.restarts():
		return "Always"
	case a.workload() == workloadJob:
		return "Never"
	}
	return ""
}

// restartPolicy gives the pods of a workload the only policy it can have. Another
// that a user asked for is an error, and so is an expiry of pods that are always
// restarted (ValidatePodTemplateSpecForReplicaSet).
func (a *agent) restartPolicy(spec *manifest.Node) {
	if expiry := spec.Get("activeDeadlineSeconds"); expiry != nil && a.restarts() {
		a.errs.Add(expiry.Pos, a.setting(expiry.Pos), "the pods of a %s do not expire; remove it, or use workload Pod or Job", a.workload())
	}
	only, policy := a.onlyPolicy(), spec.Get("restartPolicy")
	if only == "" || textOf(policy) == only {
		return
	}
	if policy != nil && policy.Pos.IsValid() && policy.Pos.Source != a.layers[0].source {
		a.errs.Add(policy.Pos, a.setting(policy.Pos), "a %s takes %s only; remove it, or use workload Pod", a.workload(), only)
		return
	}
	spec.Set("restartPolicy", at(a.pos("workload"), value(only)))
}
