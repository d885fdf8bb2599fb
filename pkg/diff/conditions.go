package diff

import (
	"cmp"
	"slices"
	"strconv"
	"strings"

	"github.com/scion-gen/scion-gen/pkg/manifest"
)

// The conditions of updateRules: what must hold of a field, and of the object
// around it, for a rule to apply.

func both(a, b func(leaf) bool) func(leaf) bool { return func(l leaf) bool { return a(l) && b(l) } }

func changed(l leaf) bool { return l.op == OpChange }
func added(l leaf) bool   { return l.op == OpAdd }
func removed(l leaf) bool { return l.op == OpRemove }

// whole is a number, if n is one.
func whole(n *manifest.Node) (int64, bool) {
	if n.IsNull() {
		return 0, false
	}
	i, err := strconv.ParseInt(number(n.Text), 10, 64)
	return i, err == nil
}

// lowered: activeDeadlineSeconds may be set or lowered, not raised or unset.
func lowered(l leaf) bool {
	old, had := whole(l.old)
	new, has := whole(l.new)
	return has && (!had || new < old)
}

func graceFixed(l leaf) bool {
	old, had := whole(l.old)
	new, has := whole(l.new)
	return had && has && old < 0 && new == 1
}

// fewer: replicas, and the like, of which there is one where none is given.
func fewer(l leaf) bool {
	old, had := whole(l.old)
	new, has := whole(l.new)
	if !had {
		old = 1
	}
	if !has {
		new = 1
	}
	return new < old
}

// kept: it is changed or set, not unset.
func kept(l leaf) bool { return l.op != OpRemove }

// firstOf: there was nothing at the path.
func firstOf(path ...string) func(leaf) bool {
	return func(l leaf) bool { return l.pair.old.At(path...).IsNull() }
}

func turnedOn(l leaf) bool { return text(l.new) == "true" }

func gated(l leaf) bool {
	gates := l.pair.old.At("spec", "schedulingGates")
	return gates != nil && len(gates.Items) > 0
}

// affinityNarrowed: where a gated pod must run may be said, and be said more
// exactly, never otherwise (validateNodeAffinityMutation).
func affinityNarrowed(l leaf) bool {
	if len(l.path) > 3 && l.path[3].key == "preferredDuringSchedulingIgnoredDuringExecution" {
		return true
	}
	was, is := nodeTerms(l.pair.old), nodeTerms(l.pair.new)
	if len(was) > 0 && len(was) != len(is) {
		return false
	}
	for i := range was {
		if !termNarrowed(was[i], is[i]) {
			return false
		}
	}
	return true
}

func nodeTerms(pod *manifest.Node) []*manifest.Node {
	return items(pod.At("spec", "affinity", "nodeAffinity", "requiredDuringSchedulingIgnoredDuringExecution", "nodeSelectorTerms"))
}

// termNarrowed: requirements may be added to a term that has some, at the end.
func termNarrowed(old, new *manifest.Node) bool {
	some := false
	for _, list := range []string{"matchExpressions", "matchFields"} {
		was, is := items(old.Get(list)), items(new.Get(list))
		if len(is) < len(was) || !slices.EqualFunc(was, is[:len(was)], identical) {
			return false
		}
		some = some || len(was) > 0
	}
	return some || len(items(new.Get("matchExpressions")))+len(items(new.Get("matchFields"))) == 0
}

// sameAccount: the pod's service account is written in another way, or no longer.
func sameAccount(l leaf) bool {
	account := func(pod *manifest.Node) string {
		return cmp.Or(text(pod.At("spec", "serviceAccountName")), text(pod.At("spec", "serviceAccount")), "default")
	}
	key := l.path[1].key
	return (key == "serviceAccountName" || key == "serviceAccount") && account(l.pair.old) == account(l.pair.new)
}

// appArmor: the annotations that were the API before appArmorProfile.
func appArmor(l leaf) bool {
	return strings.HasPrefix(l.path[2].key, "container.apparmor.security.beta.kubernetes.io/")
}

// container is the container that a leaf stands in, on both sides.
func container(l leaf) (old, new *manifest.Node) {
	for i, s := range l.path {
		if !s.item || i == 0 {
			continue
		}
		list := func(root *manifest.Node, at int) *manifest.Node {
			for _, above := range l.path[:i] {
				root = root.Get(above.key)
			}
			if root == nil || at < 0 || at >= len(root.Items) {
				return nil
			}
			return root.Items[at]
		}
		return list(l.pair.old, s.old), list(l.pair.new, s.new)
	}
	return nil, nil
}

// newContainer: the container that the leaf stands in is not there yet.
func newContainer(l leaf) bool {
	old, _ := container(l)
	return old == nil
}

// inSidecar: an init container that is restarted runs beside the others
// (KEP-753).
func inSidecar(l leaf) bool {
	old, new := container(l)
	return text(old.Get("restartPolicy")) == "Always" && text(new.Get("restartPolicy")) == "Always"
}

// resizable: cpu and memory may change, and be added, as long as the pod's QoS
// class stays; not on Windows, nor in a pod with resources of its own.
func resizable(l leaf) bool {
	if len(l.path) < 6 {
		return false
	}
	kind, name := l.path[4].key, l.path[5].key
	if kind != "requests" && kind != "limits" || name != "cpu" && name != "memory" {
		return false
	}
	old, new := container(l)
	if old == nil || new == nil || l.op == OpRemove && (kind == "limits" || request(new, name).IsNull()) {
		return false
	}
	was, is := l.pair.old.Get("spec"), l.pair.new.Get("spec")
	return !neverResized(was) && !neverResized(is) && qosClass(was) == qosClass(is)
}

func neverResized(spec *manifest.Node) bool {
	return text(spec.At("os", "name")) == "windows" ||
		len(fieldsOf(spec.At("resources", "requests")))+len(fieldsOf(spec.At("resources", "limits"))) > 0
}

func fieldsOf(n *manifest.Node) []manifest.Field {
	if n == nil {
		return nil
	}
	return n.Fields
}

// request is what a container of a Pod asks for of a resource: its limit, where
// it does not say (SetDefaults_Pod); nil where there is neither.
func request(container *manifest.Node, name string) *manifest.Node {
	if own := container.At("resources", "requests", name); !own.IsNull() {
		return own
	}
	return container.At("resources", "limits", name)
}

// requestFilled: a request comes or goes that is the limit anyway.
func requestFilled(l leaf) bool {
	if len(l.path) < 6 || l.op == OpChange {
		return false
	}
	old, new := container(l)
	was, is := request(old, l.path[5].key), request(new, l.path[5].key)
	return !was.IsNull() && !is.IsNull() && compareQuantities(was, is) == 0
}

// requestStays: the manifest has no request, but the object has that which the
// server took from the limit, or the one that was in the manifest before.
func requestStays(l leaf) bool {
	old, new := container(l)
	return new.At("resources", "requests", l.path[5].key).IsNull() && !request(old, l.path[5].key).IsNull()
}

// resizeRestarts: the container asks to be restarted when the resource changes.
func resizeRestarts(l leaf) bool {
	old, _ := container(l)
	policies := old.Get("resizePolicy")
	if policies == nil {
		return false
	}
	return slices.ContainsFunc(policies.Items, func(p *manifest.Node) bool {
		return text(p.Get("resourceName")) == l.path[5].key && text(p.Get("restartPolicy")) == "RestartContainer"
	})
}

// qosClass is the class of a pod by its containers' cpu and memory
// (ComputePodQOS in kubernetes pkg/apis/core/helper/qos).
func qosClass(spec *manifest.Node) string {
	guaranteed, any := true, false
	for _, list := range []string{"containers", "initContainers"} {
		for _, c := range items(spec.Get(list)) {
			for _, name := range []string{"cpu", "memory"} {
				limit := amount(c.At("resources", "limits", name))
				request := amount(c.At("resources", "requests", name))
				any = any || limit != "" || request != ""
				guaranteed = guaranteed && limit != "" && (request == "" || request == limit)
			}
		}
	}
	switch {
	case !any:
		return "BestEffort"
	case guaranteed:
		return "Guaranteed"
	}
	return "Burstable"
}

// amount is a quantity, empty where there is none or it is zero.
func amount(n *manifest.Node) string {
	if n.IsNull() {
		return ""
	}
	q, _ := quantity(n.Text)
	if q == "0" {
		return ""
	}
	return q
}

func items(n *manifest.Node) []*manifest.Node {
	if n == nil {
		return nil
	}
	return n.Items
}

func paused(l leaf) bool {
	return text(l.pair.old.At("spec", "paused")) == "true" && text(l.pair.new.At("spec", "paused")) == "true"
}

func onDelete(l leaf) bool {
	return text(l.pair.new.At("spec", "updateStrategy", "type")) == "OnDelete"
}

// typeMeta: the kind of a template and its version.
func typeMeta(l leaf) bool { return l.path[3].key == "kind" || l.path[3].key == "apiVersion" }

// rollsNoMore: a Deployment is to be Recreate, and keeps its rollingUpdate.
func rollsNoMore(l leaf) bool {
	old, new := l.pair.old.At("spec", "strategy"), l.pair.new.At("spec", "strategy")
	return text(new.Get("type")) == "Recreate" && keepsRollingUpdate(old, new, "maxSurge", "maxUnavailable")
}

// awaitsDelete: a StatefulSet is to be OnDelete, and keeps its rollingUpdate.
// Unlike a Deployment's, the server does not fill it in where the type is given.
func awaitsDelete(l leaf) bool {
	old, new := l.pair.old.At("spec", "updateStrategy"), l.pair.new.At("spec", "updateStrategy")
	switch {
	case text(new.Get("type")) != "OnDelete":
		return false
	case text(old.Get("type")) == "RollingUpdate" && old.Get("rollingUpdate").IsNull():
		return !new.Get("rollingUpdate").IsNull()
	}
	return keepsRollingUpdate(old, new, "partition")
}

// keepsRollingUpdate: a server-side apply takes away a field that the old
// manifest has, if only as null, and the new one has not, with all below it.
// Where the new one has it, too, as null, what the old one has in it goes, and
// what the server filled in stays.
func keepsRollingUpdate(old, new *manifest.Node, filledIn ...string) bool {
	was, is := old.Get("rollingUpdate"), new.Get("rollingUpdate")
	if is == nil {
		return was == nil
	}
	return len(is.Fields) > 0 || slices.ContainsFunc(filledIn, func(key string) bool { return was.Get(key) == nil })
}

// elastic: the completions of an Indexed Job may change if they are as many as
// its parallelism then (KEP-3715).
func elastic(l leaf) bool {
	old, new := l.pair.old.Get("spec"), l.pair.new.Get("spec")
	if text(old.Get("completionMode")) != "Indexed" || text(new.Get("completionMode")) != "Indexed" {
		return false
	}
	completions, given := whole(new.Get("completions"))
	parallelism, also := whole(new.Get("parallelism"))
	return given && (also && completions == parallelism || !also && completions == 1)
}

func suspendedJob(l leaf) bool {
	return text(l.pair.old.At("spec", "suspend")) == "true"
}

// schedulingDirective: the fields that validatePodTemplateUpdate lets through. An
// apply that takes away the labels takes those that the server added with them.
func schedulingDirective(l leaf) bool {
	if len(l.path) < 4 {
		return false
	}
	switch key := l.path[3].key; {
	case l.path[2].key == "metadata":
		return key == "annotations" || key == "labels" && !l.pair.new.At("spec", "template", "metadata", "labels").IsNull()
	case key == "affinity":
		return len(l.path) > 4 && l.path[4].key == "nodeAffinity"
	default:
		return slices.Contains([]string{"nodeSelector", "tolerations", "schedulingGates"}, key)
	}
}

func suspends(l leaf) bool { return text(l.new) == "Suspended" }

// grows: a claim may ask for more, never for less.
func grows(l leaf) bool {
	if l.op != OpChange {
		return false
	}
	return compareQuantities(l.old, l.new) < 0
}

func immutable(l leaf) bool { return text(l.pair.old.Get("immutable")) == "true" }

// sourceKept: the server fills in each of dataSource and dataSourceRef from the
// other, and so again what an apply takes away.
func sourceKept(l leaf) bool {
	old, new := l.pair.old.Get("spec"), l.pair.new.Get("spec")
	other := map[string]string{"dataSource": "dataSourceRef", "dataSourceRef": "dataSource"}[l.path[1].key]
	return new.Get(l.path[1].key).IsNull() && (old.Get(other).IsNull() || !new.Get(other).IsNull())
}

func classAnnotation(l leaf) bool {
	return l.path[2].key == "volume.beta.kubernetes.io/storage-class"
}

// inCSI: the volume was one of a CSI driver before.
func inCSI(l leaf) bool { return !l.pair.old.At("spec", "csi").IsNull() }

// volumeSetting: what of a volume is neither its source nor its mode.
func volumeSetting(l leaf) bool {
	return len(l.path) > 1 && slices.Contains([]string{"accessModes", "capacity", "claimRef", "mountOptions",
		"persistentVolumeReclaimPolicy", "storageClassName"}, l.path[1].key)
}

// ofType: the Service has this type on both sides.
func ofType(l leaf, name string) bool {
	return text(l.pair.old.At("spec", "type")) == name && text(l.pair.new.At("spec", "type")) == name
}

// externalName: a Service without an address comes by one, or loses it.
func externalName(l leaf) bool {
	return text(l.pair.old.At("spec", "type")) == "ExternalName" || text(l.pair.new.At("spec", "type")) == "ExternalName"
}

func balancer(l leaf) bool { return ofType(l, "LoadBalancer") }

// healthChecked: the Service has a port for health checks on both sides.
func healthChecked(l leaf) bool {
	local := func(n *manifest.Node) bool { return text(n.At("spec", "externalTrafficPolicy")) == "Local" }
	return balancer(l) && local(l.pair.old) && local(l.pair.new)
}

// addressesFixed: addresses that a Service has stay, but for the second one.
// Which it has by itself is not known: any that are given are taken for others.
func addressesFixed(l leaf) bool {
	was, is := stack(l, "clusterIPs")
	return len(is) > 0 && (len(was) == 0 || stackFixed(l, was, is) || len(is) > len(was) && dualStack(l.pair.old))
}

// familiesFixed: as addressesFixed, but for a Service without addresses. The
// families that are given first are taken for those it has.
func familiesFixed(l leaf) bool {
	if text(l.pair.old.At("spec", "clusterIP")) == "None" {
		return false
	}
	was, is := stack(l, "ipFamilies")
	return len(is) > 0 && len(was) > 0 && stackFixed(l, was, is)
}

func stack(l leaf, list string) (was, is []*manifest.Node) {
	return items(l.pair.old.At("spec", list)), items(l.pair.new.At("spec", list))
}

// stackFixed: of two lists for one or two families, the first items differ, or
// the second, or the second goes and the Service is not to be of one family.
func stackFixed(l leaf, was, is []*manifest.Node) bool {
	for i := range min(len(was), len(is)) {
		if text(was[i]) != text(is[i]) {
			return true
		}
	}
	return len(is) < len(was) && text(l.pair.new.At("spec", "ipFamilyPolicy")) != "SingleStack"
}

func dualStack(service *manifest.Node) bool {
	return strings.HasSuffix(text(service.At("spec", "ipFamilyPolicy")), "DualStack")
}
