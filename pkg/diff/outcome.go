package diff

import (
	"slices"
	"strings"
	"sync"

	"github.com/scion-gen/scion-gen/pkg/manifest"
)

// rank orders verdicts by gravity.
func (v Verdict) rank() int { return slices.Index(Verdicts[:], v) }

// graver is the graver of two outcomes, the first where they are as grave.
func graver(a, b Outcome) Outcome {
	if a.Verdict == "" || b.Verdict.rank() > a.Verdict.rank() {
		return b
	}
	return a
}

// leaf is one field of an edit, and the objects around it.
type leaf struct {
	op       Op
	path     []step
	old, new *manifest.Node
	pair     pair
}

// pair is an object on both sides.
type pair struct{ old, new *manifest.Node }

// outcome is what an edit of an object that is on both sides does: the gravest
// of what its fields do.
func outcome(ref Ref, e rawEdit, p pair) Outcome {
	if isDefault(ref, e, p) {
		return serverDefault
	}
	rules := rulesFor(ref)
	var worst Outcome
	visit := func(l leaf) {
		for i := range rules {
			if rules[i].applies(l) {
				worst = graver(worst, rules[i].outcome(l))
				return
			}
		}
	}
	walkLeaves(leaf{e.op, e.path, e.old, e.new, p}, visit)
	return worst
}

// isDefault: both sides are what the server sets where nothing is given.
func isDefault(ref Ref, e rawEdit, p pair) bool {
	structured := func(n *manifest.Node) bool { return n != nil && n.Kind >= manifest.Sequence }
	if len(e.path) == 0 || e.op == OpMove || structured(e.old) || structured(e.new) {
		return false
	}
	switch e.path[len(e.path)-1].key {
	case "replicas": // an autoscaler may have set them
		return false
	case "imagePullPolicy":
		return pullPolicy(e.old, innermost(e.oldAround)) == pullPolicy(e.new, innermost(e.newAround))
	}
	f, server := fieldAt(ref, e.path), rules{defaults: true}
	if f.otherwise == "" || !server.absent(e.old, f) || !server.absent(e.new, f) {
		return false
	}
	// A Job with parallelism alone has no number of completions (SetDefaults_Job).
	without := p.old
	if e.op == OpRemove {
		without = p.new
	}
	return ref.Kind != "Job" || display(e.path) != "spec.completions" || without.At("spec", "parallelism").IsNull()
}

// fieldAt is what stands at a path of an object.
func fieldAt(ref Ref, path []step) field {
	f := field{schema: schemaOf(ref)}
	for _, s := range path {
		if s.item {
			f = f.item()
		} else {
			f = f.child(s.key)
		}
	}
	return f
}

// pullPolicy is a container's imagePullPolicy, that which goes with its image
// where it has none (SetDefaults_Container).
func pullPolicy(given, container *manifest.Node) string {
	if policy := text(given); policy != "" {
		return policy
	}
	if imageOf(text(container.Get("image"))).moves() {
		return "Always"
	}
	return "IfNotPresent"
}

// walkLeaves visits the fields of what was added or removed.
func walkLeaves(l leaf, visit func(leaf)) {
	n := l.new
	if l.op == OpRemove {
		n = l.old
	}
	if (l.op != OpAdd && l.op != OpRemove) || len(n.Fields)+len(n.Items) == 0 {
		visit(l)
		return
	}
	below := func(v *manifest.Node, s step) {
		child := leaf{op: l.op, path: append(l.path[:len(l.path):len(l.path)], s), pair: l.pair}
		if l.op == OpAdd {
			child.new = orNull(v)
		} else {
			child.old = orNull(v)
		}
		walkLeaves(child, visit)
	}
	for _, f := range n.Fields {
		below(f.Value, step{key: f.Key})
	}
	for i, item := range n.Items {
		below(item, step{item: true, old: i, new: i})
	}
}

// updateRule says what a change of a field does to an object that exists.
type updateRule struct {
	id   string
	path string // a field, and all below it; [] is any item, * any key
	when func(leaf) bool
	Outcome

	tokens []string // of path
}

func (r *updateRule) applies(l leaf) bool {
	if len(r.tokens) > len(l.path) {
		return false
	}
	for i, token := range r.tokens {
		s := l.path[i]
		if s.item != (token == "[]") || !s.item && token != "*" && token != s.key {
			return false
		}
	}
	return r.when == nil || r.when(l)
}

func (r *updateRule) outcome(leaf) Outcome {
	o := r.Outcome
	o.Rule = r.id
	return o
}

// rulesFor are the rules of a kind, those that count first first.
func rulesFor(ref Ref) []updateRule {
	table := updateTable()
	if rules, known := table[groupKind{ref.Group, ref.Kind}]; known {
		return rules
	}
	return table[groupKind{}]
}

// updateTable is updateRules with the paths read; made once.
var updateTable = sync.OnceValue(func() map[groupKind][]updateRule {
	table := make(map[groupKind][]updateRule, len(updateRules))
	for kind, rules := range updateRules {
		all := slices.Concat(rules, anyKind)
		for i := range all {
			all[i].tokens = pathTokens(all[i].path)
		}
		// What a kind says of the whole object is not of its metadata.
		slices.SortStableFunc(all, func(a, b updateRule) int {
			switch {
			case (a.path == "") == (b.path == ""):
				return 0
			case a.path == "":
				return 1
			}
			return -1
		})
		table[kind] = all
	}
	return table
})

func pathTokens(path string) []string {
	if path == "" {
		return nil
	}
	return strings.Split(strings.ReplaceAll(path, "[]", ".[]"), ".")
}

// What the rules are read from.
const (
	podUpdate     = "ValidatePodUpdate, kubernetes pkg/apis/core/validation/validation.go"
	podResize     = "ValidatePodResize, kubernetes pkg/apis/core/validation/validation.go; KEP-1287"
	podDefaults   = "SetDefaults_Pod, kubernetes pkg/apis/core/v1/defaults.go: a request that is not given is the limit"
	podKubelet    = "computePodActions, kubernetes pkg/kubelet/kuberuntime: a container whose image changed is restarted whatever the restartPolicy"
	objectMeta    = "ValidateObjectMetaUpdate, apimachinery pkg/api/validation/objectmeta.go"
	coreUpdate    = "kubernetes pkg/apis/core/validation/validation.go"
	appsUpdate    = "kubernetes pkg/apis/apps/validation/validation.go"
	appsApply     = "kubernetes pkg/apis/apps/v1/defaults.go and validation; KEP-555: an apply removes what its manager set, no default"
	jobUpdate     = "ValidateJobSpecUpdate, kubernetes pkg/apis/batch/validation/validation.go"
	rbacUpdate    = "kubernetes pkg/apis/rbac/validation/validation.go"
	claimUpdate   = "ValidatePersistentVolumeClaimUpdate, kubernetes pkg/apis/core/validation/validation.go"
	volumeUpdate  = "ValidatePersistentVolumeUpdate, kubernetes pkg/apis/core/validation/validation.go"
	serviceUpdate = "ValidateServiceUpdate, kubernetes pkg/apis/core/validation/validation.go; patchAllocatedValues, kubernetes pkg/registry/core/service/storage/storage.go"
	storageUpdate = "kubernetes pkg/apis/storage/validation/validation.go"
	classUpdate   = "ValidatePriorityClassUpdate, kubernetes pkg/apis/scheduling/validation/validation.go"
	deviceUpdate  = "kubernetes pkg/apis/resource/validation/validation.go"
	sandboxSync   = "agent-sandbox controllers/sandbox_controller.go: only labels and annotations of podTemplate reach a running pod"
)

// The outcomes that most rules have.
var (
	podRecreate     = Outcome{Verdict: Recreate, Effect: "the pod must be deleted and made again: the agent's session is lost", SessionLost: true, Refused: true, Source: podUpdate}
	rollout         = Outcome{Verdict: Recreate, Effect: "the pods are replaced: the agents' sessions are lost", SessionLost: true, Source: appsUpdate}
	objectAgain     = Outcome{Verdict: Recreate, Effect: "the object must be deleted and made again", Refused: true, Source: coreUpdate}
	workAgain       = Outcome{Verdict: Recreate, Effect: "the object must be deleted and made again, its pods too: the agents' sessions are lost", SessionLost: true, Refused: true, Source: appsUpdate}
	jobAgain        = Outcome{Verdict: Recreate, Effect: "the Job must be deleted and made again, its pod too: the agent's session is lost", SessionLost: true, Refused: true, Source: jobUpdate}
	definitionAgain = Outcome{Verdict: Recreate, Effect: "the definition must be deleted and made again, and all objects of its kind with it", Refused: true, Source: "kubernetes apiextensions-apiserver pkg/apis/apiextensions/validation/validation.go"}
	claimAgain      = Outcome{Verdict: Recreate, Effect: "the claim must be deleted and made again: its data is lost", Refused: true, Source: claimUpdate}
	podsStop        = Outcome{Verdict: Recreate, Effect: "pods are deleted: their agents' sessions are lost", SessionLost: true, Source: appsUpdate}
	updated         = Outcome{Verdict: InPlace, Effect: "updated; nothing that runs is touched", Source: objectMeta}
	rollingStays    = Outcome{Verdict: InPlace, Effect: "pods stay, but rollingUpdate, which the server fills in, must go too: patch the type with rollingUpdate: null first, or replace the object", Refused: true, Source: appsApply}
	podResized      = Outcome{Verdict: Resize, Effect: "possible while the agent runs, by the resize subresource alone", Refused: true, Source: podResize}
	// serverDefault is no rule of a kind: it comes before them.
	serverDefault = Outcome{Verdict: InPlace, Effect: "the API server has this value where none is given: nothing changes", Rule: "default", Source: "kubernetes pkg/apis/*/v1/defaults.go"}
	mountsFollow  = Outcome{Verdict: InPlace, Effect: "mounted files follow; variables do when their container restarts", Source: coreUpdate}
)

func inPlace(effect, source string) Outcome {
	return Outcome{Verdict: InPlace, Effect: effect, Source: source}
}

// again is objectAgain by another source.
func again(source string) Outcome {
	o := objectAgain
	o.Source = source
	return o
}

// anyKind are the rules that come after those of each kind.
var anyKind = []updateRule{
	{id: "version", path: "apiVersion", Outcome: inPlace("the same object, by another version of its API", "one object is served in every version of its group")},
	{id: "metadata", path: "metadata", Outcome: updated},
	{id: "update", path: "", Outcome: inPlace("updated; what its controller does then is not known here", "no rule is known for the kind")},
}

// updateRules are the update rules of the API by kind, and what the kubelet and
// controllers do then. The first that applies counts.
var updateRules = map[groupKind][]updateRule{
	{}: nil,

	{"", "Pod"}: {
		{id: "pod-image", path: "spec.containers[].image", when: changed, Outcome: Outcome{Verdict: Restart,
			Effect: "the container restarts with the new image: the agent's session is lost, volumes stay", SessionLost: true, Source: podKubelet}},
		{id: "pod-sidecar-image", path: "spec.initContainers[].image", when: both(changed, inSidecar), Outcome: Outcome{Verdict: Restart,
			Effect: "the sidecar restarts with the new image", Source: podKubelet}},
		{id: "pod-init-image", path: "spec.initContainers[].image", when: changed,
			Outcome: inPlace("updated; an init container that is done does not run again", podKubelet)},
		{id: "pod-deadline", path: "spec.activeDeadlineSeconds", when: lowered,
			Outcome: inPlace("the pod has less time", podUpdate)},
		{id: "pod-tolerations", path: "spec.tolerations", when: added,
			Outcome: inPlace("tolerations may be added to a running pod", podUpdate)},
		{id: "pod-toleration-seconds", path: "spec.tolerations[].tolerationSeconds",
			Outcome: inPlace("how long a pod tolerates a taint may change", podUpdate)},
		{id: "pod-grace", path: "spec.terminationGracePeriodSeconds", when: graceFixed,
			Outcome: inPlace("a negative grace period may become 1", podUpdate)},
		{id: "pod-gates", path: "spec.schedulingGates", when: removed,
			Outcome: inPlace("scheduling gates may be removed", podUpdate)},
		{id: "pod-gated-selector", path: "spec.nodeSelector", when: both(added, gated),
			Outcome: inPlace("a gated pod may be narrowed down", podUpdate)},
		{id: "pod-gated-affinity", path: "spec.affinity.nodeAffinity", when: both(gated, affinityNarrowed),
			Outcome: inPlace("a gated pod may be narrowed down, and prefer other nodes", podUpdate)},
		{id: "pod-ephemeral", path: "spec.ephemeralContainers", when: both(added, newContainer), Outcome: Outcome{Verdict: InPlace,
			Effect: "possible by the ephemeralcontainers subresource alone", Refused: true, Source: podUpdate}},
		{id: "pod-request-filled", path: "spec.*[].resources.requests", when: requestFilled,
			Outcome: inPlace("the request is the limit anyway: nothing changes", podDefaults)},
		{id: "pod-resize-restart", path: "spec.containers[].resources", when: both(resizable, resizeRestarts), Outcome: Outcome{Verdict: Restart,
			Effect: "possible by the resize subresource alone, and resizePolicy restarts the container: the agent's session is lost", SessionLost: true, Refused: true, Source: podResize}},
		{id: "pod-resize-request", path: "spec.containers[].resources", when: both(resizable, requestStays), Outcome: Outcome{Verdict: Resize,
			Effect: "possible while the agent runs, by the resize subresource alone, and with the request, which the API server took from the old limit, set to the new one", Refused: true, Source: podResize}},
		{id: "pod-resize", path: "spec.containers[].resources", when: resizable, Outcome: podResized},
		{id: "pod-sidecar-resize-restart", path: "spec.initContainers[].resources", when: both(inSidecar, both(resizable, resizeRestarts)), Outcome: Outcome{Verdict: Restart,
			Effect: "possible by the resize subresource alone, and resizePolicy restarts the sidecar", Refused: true, Source: podResize}},
		{id: "pod-sidecar-resize", path: "spec.initContainers[].resources", when: both(inSidecar, resizable), Outcome: podResized},
		{id: "pod-account", path: "spec.*", when: sameAccount,
			Outcome: inPlace("the same service account: nothing changes", "serviceAccount is what serviceAccountName was called, and the ServiceAccount admission plugin names default where neither is given")},
		{id: "pod-apparmor", path: "metadata.annotations.*", when: appArmor, Outcome: podRecreate},
		{id: "pod-spec", path: "spec", Outcome: podRecreate},
	},

	{"apps", "Deployment"}: {
		{id: "deployment-selector", path: "spec.selector", Outcome: workAgain},
		{id: "deployment-paused", path: "spec.template", when: paused, Outcome: Outcome{Verdict: OnResume,
			Effect: "nothing happens until the Deployment is no longer paused", Source: appsUpdate}},
		{id: "deployment-template", path: "spec.template", Outcome: rollout},
		{id: "deployment-scale-down", path: "spec.replicas", when: fewer, Outcome: podsStop},
		{id: "deployment-rolling-update", path: "spec.strategy", when: rollsNoMore, Outcome: rollingStays},
		{id: "deployment-spec", path: "spec", Outcome: inPlace("updated; pods stay", appsUpdate)},
	},
	{"apps", "StatefulSet"}: {
		{id: "statefulset-on-delete", path: "spec.template", when: onDelete, Outcome: Outcome{Verdict: OnResume,
			Effect: "updateStrategy OnDelete: takes effect when a pod is deleted", Source: appsUpdate}},
		{id: "statefulset-template", path: "spec.template", Outcome: rollout},
		{id: "statefulset-scale-down", path: "spec.replicas", when: fewer, Outcome: podsStop},
		{id: "statefulset-ordinals", path: "spec.ordinals", Outcome: podsStop},
		{id: "statefulset-replicas", path: "spec.replicas", Outcome: inPlace("updated; pods stay", appsUpdate)},
		{id: "statefulset-rolling-update", path: "spec.updateStrategy", when: awaitsDelete, Outcome: rollingStays},
		{id: "statefulset-strategy", path: "spec.updateStrategy", Outcome: inPlace("updated; pods stay", appsUpdate)},
		{id: "statefulset-history", path: "spec.revisionHistoryLimit", Outcome: inPlace("updated; pods stay", appsUpdate)},
		{id: "statefulset-retention", path: "spec.persistentVolumeClaimRetentionPolicy", Outcome: inPlace("updated; decides what becomes of claims later", appsUpdate)},
		{id: "statefulset-ready", path: "spec.minReadySeconds", Outcome: inPlace("updated; pods stay", appsUpdate)},
		{id: "statefulset-claim-kind", path: "spec.volumeClaimTemplates[].*", when: typeMeta,
			Outcome: inPlace("templates are of claims, whatever they say: nothing changes", "StatefulSetSpec, kubernetes pkg/apis/apps/v1: the server drops it")},
		{id: "statefulset-spec", path: "spec", Outcome: workAgain},
	},
	{"apps", "DaemonSet"}: {
		{id: "daemonset-selector", path: "spec.selector", Outcome: workAgain},
		{id: "daemonset-on-delete", path: "spec.template", when: onDelete, Outcome: Outcome{Verdict: OnResume,
			Effect: "updateStrategy OnDelete: takes effect when a pod is deleted", Source: appsUpdate}},
		{id: "daemonset-template", path: "spec.template", Outcome: rollout},
		{id: "daemonset-spec", path: "spec", Outcome: inPlace("updated; pods stay", appsUpdate)},
	},
	{"apps", "ReplicaSet"}: {
		{id: "replicaset-selector", path: "spec.selector", Outcome: workAgain},
		{id: "replicaset-template", path: "spec.template", Outcome: Outcome{Verdict: OnResume,
			Effect: "pods that run stay; those made later have it", Source: appsUpdate}},
		{id: "replicaset-scale-down", path: "spec.replicas", when: fewer, Outcome: podsStop},
		{id: "replicaset-spec", path: "spec", Outcome: inPlace("updated; pods stay", appsUpdate)},
	},

	{"", "ReplicationController"}: {
		{id: "replicationcontroller-template", path: "spec.template", Outcome: Outcome{Verdict: OnResume,
			Effect: "pods that run stay; those made later have it", Source: coreUpdate}},
		{id: "replicationcontroller-scale-down", path: "spec.replicas", when: fewer, Outcome: podsStop},
		{id: "replicationcontroller-spec", path: "spec", Outcome: inPlace("updated; pods stay", coreUpdate)},
	},

	{"batch", "Job"}: {
		{id: "job-suspend", path: "spec.suspend", when: turnedOn, Outcome: Outcome{Verdict: Recreate,
			Effect: "the Job's pod is deleted: the agent's session is lost", SessionLost: true, Source: "Job controller: suspending deletes active pods"}},
		{id: "job-resume", path: "spec.suspend", Outcome: inPlace("the Job starts", jobUpdate)},
		{id: "job-suspended-template", path: "spec.template", when: both(suspendedJob, schedulingDirective),
			Outcome: inPlace("where a suspended Job is scheduled may change, until it starts for the first time", jobUpdate)},
		{id: "job-template", path: "spec.template", Outcome: jobAgain},
		{id: "job-selector", path: "spec.selector", Outcome: jobAgain},
		{id: "job-elastic-down", path: "spec.completions", when: both(elastic, fewer), Outcome: podsStop},
		{id: "job-elastic", path: "spec.completions", when: elastic, Outcome: inPlace("pods of more indexes are made", jobUpdate)},
		{id: "job-completions", path: "spec.completions", Outcome: jobAgain},
		{id: "job-completion-mode", path: "spec.completionMode", Outcome: jobAgain},
		{id: "job-failure-policy", path: "spec.podFailurePolicy", Outcome: jobAgain},
		{id: "job-success-policy", path: "spec.successPolicy", Outcome: jobAgain},
		{id: "job-backoff-index", path: "spec.backoffLimitPerIndex", Outcome: jobAgain},
		{id: "job-managed-by", path: "spec.managedBy", Outcome: jobAgain},
		{id: "job-parallelism-down", path: "spec.parallelism", when: fewer, Outcome: podsStop},
		{id: "job-spec", path: "spec", Outcome: inPlace("updated; the pod stays", jobUpdate)},
	},
	{"batch", "CronJob"}: {
		{id: "cronjob-spec", path: "spec", Outcome: inPlace("counts for the next run", jobUpdate)},
	},

	{sandboxGroup, "Sandbox"}: {
		{id: "sandbox-suspend", path: "spec.operatingMode", when: suspends, Outcome: Outcome{Verdict: Recreate,
			Effect: "the pod is deleted until the Sandbox is resumed: the agent's session is lost", SessionLost: true, Source: sandboxSync}},
		{id: "sandbox-resume", path: "spec.operatingMode", Outcome: inPlace("the Sandbox resumes", sandboxSync)},
		{id: "sandbox-scale-down", path: "spec.replicas", when: fewer, Outcome: Outcome{Verdict: Recreate,
			Effect: "the pod is deleted until the Sandbox is resumed: the agent's session is lost", SessionLost: true, Source: sandboxSync}},
		{id: "sandbox-claims", path: "spec.volumeClaimTemplates", Outcome: Outcome{Verdict: Recreate,
			Effect: "the Sandbox must be deleted and made again, its pod too: the agent's session is lost", SessionLost: true, Refused: true, Source: "agent-sandbox api/v1beta1: volumeClaimTemplates is immutable"}},
		{id: "sandbox-pod-metadata", path: "spec.podTemplate.metadata", Outcome: inPlace("the pod's labels and annotations follow", sandboxSync)},
		{id: "sandbox-pod", path: "spec.podTemplate", Outcome: Outcome{Verdict: OnResume,
			Effect: "a running pod stays as it is until the Sandbox is suspended and resumed", Source: sandboxSync}},
		{id: "sandbox-spec", path: "spec", Outcome: inPlace("updated; the pod stays", sandboxSync)},
	},
	{"extensions." + sandboxGroup, "SandboxTemplate"}: {
		{id: "sandbox-template", path: "spec", Outcome: Outcome{Verdict: OnResume,
			Effect: "Sandboxes that run stay; those made later have it", Source: sandboxSync}},
	},

	{"", "PersistentVolumeClaim"}: {
		{id: "claim-grow", path: "spec.resources.requests.storage", when: grows,
			Outcome: inPlace("the volume grows, if its storage class allows it", claimUpdate)},
		{id: "claim-class", path: "spec.volumeAttributesClassName", when: kept, Outcome: inPlace("the volume's attributes follow", claimUpdate)},
		{id: "claim-volume", path: "spec.volumeName", when: added,
			Outcome: inPlace("a claim that has no volume yet is bound to this one; one that has another is refused", claimUpdate)},
		{id: "claim-storage-class", path: "spec.storageClassName", when: added,
			Outcome: inPlace("a claim without a class gets it; one that got another, such as the cluster's default, is refused", claimUpdate)},
		{id: "claim-source", path: "spec.dataSource", when: sourceKept, Outcome: inPlace("the claim keeps its source", claimUpdate)},
		{id: "claim-source-ref", path: "spec.dataSourceRef", when: sourceKept, Outcome: inPlace("the claim keeps its source", claimUpdate)},
		{id: "claim-storage-class-annotation", path: "metadata.annotations.*", when: classAnnotation, Outcome: claimAgain},
		{id: "claim-spec", path: "spec", Outcome: claimAgain},
	},
	{"", "PersistentVolume"}: {
		{id: "volume-affinity", path: "spec.nodeAffinity", when: firstOf("spec", "nodeAffinity"),
			Outcome: inPlace("counts for pods that are scheduled later", volumeUpdate)},
		{id: "volume-attributes", path: "spec.volumeAttributesClassName", when: kept, Outcome: inPlace("the volume's attributes follow", volumeUpdate)},
		{id: "volume-expand-secret", path: "spec.csi.controllerExpandSecretRef", when: both(inCSI, firstOf("spec", "csi", "controllerExpandSecretRef")),
			Outcome: inPlace("counts when the volume grows", volumeUpdate)},
		{id: "volume-settings", path: "spec", when: volumeSetting, Outcome: inPlace("updated; pods stay", volumeUpdate)},
		{id: "volume-spec", path: "spec", Outcome: Outcome{Verdict: Recreate, Effect: "the volume must be deleted and made again; its reclaim policy decides what becomes of its data", Refused: true, Source: volumeUpdate}},
	},
	{"", "ConfigMap"}: {
		{id: "configmap-immutable", path: "data", when: immutable, Outcome: objectAgain},
		{id: "configmap-immutable-binary", path: "binaryData", when: immutable, Outcome: objectAgain},
		{id: "configmap-thaw", path: "immutable", when: immutable, Outcome: objectAgain},
		{id: "configmap-freeze", path: "immutable", Outcome: inPlace("from now on it cannot be changed", coreUpdate)},
		{id: "configmap-data", path: "data", Outcome: mountsFollow},
		{id: "configmap-binary", path: "binaryData", Outcome: mountsFollow},
	},
	{"", "Secret"}: {
		{id: "secret-type", path: "type", Outcome: objectAgain},
		{id: "secret-immutable", path: "data", when: immutable, Outcome: objectAgain},
		{id: "secret-thaw", path: "immutable", when: immutable, Outcome: objectAgain},
		{id: "secret-freeze", path: "immutable", Outcome: inPlace("from now on it cannot be changed", coreUpdate)},
		{id: "secret-data", path: "data", Outcome: mountsFollow},
	},
	{"", "ResourceQuota"}: {
		{id: "quota-scopes", path: "spec.scopes", Outcome: objectAgain},
		{id: "quota", path: "spec", Outcome: inPlace("counts for what is made later", coreUpdate)},
	},
	{"", "PodTemplate"}: {
		{id: "podtemplate", path: "template", Outcome: inPlace("counts for pods that are made later", coreUpdate)},
	},
	{"", "ServiceAccount"}: {
		{id: "serviceaccount", path: "", Outcome: inPlace("counts for pods that are made later", coreUpdate)},
	},
	{"", "Service"}: {
		{id: "service-external-name", path: "spec", when: externalName, Outcome: inPlace("counts at once", serviceUpdate)},
		{id: "service-kept", path: "spec.clusterIP", when: removed, Outcome: inPlace("the Service keeps its address", serviceUpdate)},
		{id: "service-cluster-ip", path: "spec.clusterIP", Outcome: again(serviceUpdate)},
		{id: "service-cluster-ips", path: "spec.clusterIPs", when: addressesFixed, Outcome: again(serviceUpdate)},
		{id: "service-ip-families", path: "spec.ipFamilies", when: familiesFixed, Outcome: again(serviceUpdate)},
		{id: "service-balancer-class", path: "spec.loadBalancerClass", when: balancer, Outcome: again(serviceUpdate)},
		{id: "service-health-port-kept", path: "spec.healthCheckNodePort", when: removed, Outcome: inPlace("the Service keeps its port", serviceUpdate)},
		{id: "service-health-port", path: "spec.healthCheckNodePort", when: healthChecked, Outcome: again(serviceUpdate)},
		{id: "service", path: "spec", Outcome: inPlace("counts at once", serviceUpdate)},
	},
	{"networking.k8s.io", "NetworkPolicy"}: {
		{id: "networkpolicy", path: "spec", Outcome: inPlace("counts at once, for running pods too", "kubernetes pkg/apis/networking/validation: all of spec may change")},
	},
	{"networking.k8s.io", "IngressClass"}: {
		{id: "ingressclass-controller", path: "spec.controller", Outcome: again("kubernetes pkg/apis/networking/validation/validation.go")},
	},
	{"scheduling.k8s.io", "PriorityClass"}: {
		{id: "priorityclass-value", path: "value", Outcome: again(classUpdate)},
		{id: "priorityclass-preemption", path: "preemptionPolicy", Outcome: again(classUpdate)},
		{id: "priorityclass", path: "", Outcome: inPlace("counts for pods that are made later", classUpdate)},
	},
	{"node.k8s.io", "RuntimeClass"}: {
		{id: "runtimeclass-handler", path: "handler", Outcome: again("kubernetes pkg/apis/node/validation/validation.go")},
		{id: "runtimeclass", path: "", Outcome: inPlace("counts for pods that are made later", "kubernetes pkg/apis/node/validation/validation.go")},
	},
	{"storage.k8s.io", "StorageClass"}: {
		{id: "storageclass-provisioner", path: "provisioner", Outcome: again(storageUpdate)},
		{id: "storageclass-parameters", path: "parameters", Outcome: again(storageUpdate)},
		{id: "storageclass-reclaim", path: "reclaimPolicy", Outcome: again(storageUpdate)},
		{id: "storageclass-binding", path: "volumeBindingMode", Outcome: again(storageUpdate)},
		{id: "storageclass", path: "", Outcome: inPlace("counts for volumes that are made, and claims that grow, later", storageUpdate)},
	},
	{"storage.k8s.io", "VolumeAttributesClass"}: {
		{id: "attributesclass-driver", path: "driverName", Outcome: again(storageUpdate)},
		{id: "attributesclass-parameters", path: "parameters", Outcome: again(storageUpdate)},
	},
	{"storage.k8s.io", "CSIDriver"}: {
		{id: "csidriver-attach", path: "spec.attachRequired", Outcome: again(storageUpdate)},
		{id: "csidriver-modes", path: "spec.volumeLifecycleModes", Outcome: again(storageUpdate)},
	},
	{"resource.k8s.io", "ResourceClaim"}: {
		{id: "resourceclaim-spec", path: "spec", Outcome: again(deviceUpdate)},
	},
	{"resource.k8s.io", "ResourceClaimTemplate"}: {
		{id: "resourceclaimtemplate-spec", path: "spec", Outcome: again(deviceUpdate)},
	},
	{"apiextensions.k8s.io", "CustomResourceDefinition"}: {
		{id: "definition-scope", path: "spec.scope", Outcome: definitionAgain},
		{id: "definition-kind", path: "spec.names.kind", Outcome: definitionAgain},
	},
	{"rbac.authorization.k8s.io", "Role"}:               {{id: "role", path: "", Outcome: inPlace("counts at once", rbacUpdate)}},
	{"rbac.authorization.k8s.io", "ClusterRole"}:        {{id: "role", path: "", Outcome: inPlace("counts at once", rbacUpdate)}},
	{"rbac.authorization.k8s.io", "RoleBinding"}:        bindingRules,
	{"rbac.authorization.k8s.io", "ClusterRoleBinding"}: bindingRules,
}

var bindingRules = []updateRule{
	{id: "binding-role", path: "roleRef", Outcome: Outcome{Verdict: Recreate, Effect: "the binding must be deleted and made again", Refused: true, Source: rbacUpdate}},
	{id: "binding", path: "", Outcome: inPlace("counts at once", rbacUpdate)},
}

// identityOutcome is what a new name does: the old object goes and a new one
// comes.
func identityOutcome(ref Ref) Outcome {
	o := Outcome{Verdict: Recreate, Rule: "name", Source: objectMeta, Effect: "another object: the old one is deleted, a new one is made"}
	switch {
	case runsPods(ref):
		o.Effect, o.SessionLost = "another object: the old one is deleted with its pod, a new one is made; the agent's session is lost", true
	case ref.Kind == "PersistentVolumeClaim":
		o.Effect = "another claim: the old one is deleted with its data, an empty one is made"
	}
	return o
}

func newOutcome(Ref) Outcome {
	return Outcome{Verdict: New, Effect: "created", Rule: "new", Source: objectMeta}
}

func deleteOutcome(ref Ref) Outcome {
	o := Outcome{Verdict: Delete, Effect: "deleted, if the tool that applies prunes", Rule: "delete", Source: objectMeta}
	switch {
	case runsPods(ref):
		o.Effect, o.SessionLost = "deleted with its pod, if the tool that applies prunes: the agent's session is lost", true
	case ref.Kind == "PersistentVolumeClaim":
		o.Effect = "deleted with its data, if the tool that applies prunes"
	}
	return o
}

// runsPods reports whether an object has pods that go with it; templates alone
// have none.
func runsPods(ref Ref) bool {
	return podSpecPath(ref) != nil && ref.Kind != "PodTemplate" && ref.Kind != "SandboxTemplate"
}
