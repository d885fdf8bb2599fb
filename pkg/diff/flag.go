package diff

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/scion-gen/scion-gen/pkg/manifest"
)

// fact is something of an object that weakens security, or guards it. A fact
// of the new side is flagged by what the old side has of the same id and at:
// nothing is flagged that was so before, or is stricter now.
type fact struct {
	id string
	at string // what it is of: a container, a port, a path
	// level is how weak it is: 1 lacks a protection, and is flagged where it
	// had more before; 2 and more is weak in itself, and is flagged in new
	// objects too.
	level int
	// value is what is flagged when it changes, whatever it is.
	value string
	// guard says that it is flagged when it is gone, with the severity gone.
	guard bool
	gone  Severity
	// quiet says that it is not flagged: it is there for the other side.
	quiet    bool
	severity Severity // the rule's if empty
	// paths are the fields that it is read from, the nearest first.
	paths []string
	// detail is put into the rule's reason, for %s.
	detail string
}

// flagRule is what a flag says of a fact.
type flagRule struct {
	severity     Severity
	reason, back string
}

// flagRules are all flags there are, by id.
var flagRules = map[string]flagRule{
	"privileged":           {High, "the container is privileged: it is root on the node", "set privileged: false"},
	"privilege-escalation": {Medium, "processes may gain more privileges than their parent", "set allowPrivilegeEscalation: false"},
	"run-as-root":          {High, "the container runs as root", "set runAsUser to a uid that is not 0"},
	"run-as-non-root":      {Medium, "nothing keeps the container from running as root", "set runAsNonRoot: true"},
	"root-group":           {Low, "the container's group is root", "set runAsGroup to a gid that is not 0"},
	"capability-added":     {Medium, "capability %s is added", "remove it from capabilities.add"},
	"capabilities-kept":    {Medium, "the container keeps the runtime's default capabilities", "drop ALL"},
	"seccomp":              {Medium, "system calls are filtered less", "set seccompProfile.type: RuntimeDefault"},
	"apparmor":             {Low, "no AppArmor profile is asked for", "set appArmorProfile.type: RuntimeDefault"},
	"proc-mount":           {High, "/proc is not masked", "remove procMount"},
	"host-process":         {High, "the container is a process of the Windows node", "remove hostProcess"},
	"read-only-root":       {Low, "the container's root file system can be written", "set readOnlyRootFilesystem: true, with emptyDirs where it must write"},
	"host-network":         {High, "the pod is in the node's network: it reaches the node's services and metadata, past network policies", "remove hostNetwork"},
	"host-pid":             {High, "the pod sees and signals the node's processes", "remove hostPID"},
	"host-ipc":             {High, "the pod shares memory with the node's processes", "remove hostIPC"},
	"host-users":           {Medium, "root in the pod is root on the node", "set hostUsers: false"},
	"host-path":            {Medium, "the node's %s is mounted", "use an emptyDir or a claim"},
	"host-port":            {Medium, "the node's port %s is open to its network", "remove hostPort"},
	"shared-processes":     {Low, "containers of the pod see each other's processes", "remove shareProcessNamespace"},
	"sysctl":               {Medium, "kernel parameter %s is set", "remove it from sysctls"},
	"runtime-class":        {Medium, "the pod runs in another runtime: %s", "set runtimeClassName as it was"},
	"service-account":      {Medium, "the pod has another identity: service account %s", "set serviceAccountName as it was"},
	"service-token":        {Medium, "a token of the service account is in every container", "set automountServiceAccountToken: false"},
	"cloud-identity":       {Medium, "the service account stands for another cloud identity", "set the annotation as it was"},
	"image-registry":       {Medium, "the image comes from another registry: %s", "use an image of the registry it was"},
	"image-digest":         {Medium, "the image is no longer pinned: whoever can push the tag chooses what runs", "name the image by its digest"},
	"image-latest":         {Low, "the tag of the image moves", "name a version, or better a digest"},
	"pull-policy":          {Low, "the node's copy of the image is used without asking the registry", "set imagePullPolicy: Always, or a digest"},
	"limit-removed":        {Medium, "there is no limit of %s", "set resources.limits"},
	"metadata-mode":        {High, "the agent reaches the cloud's metadata service, and with it the node's identity", "set SCION_METADATA_MODE to block"},
	"metadata-host":        {Medium, "requests for cloud credentials go elsewhere", "set GCE_METADATA_HOST as it was"},
	"hub-endpoint":         {Medium, "the agent talks to another hub: %s", "set it as it was"},
	"github-token":         {Low, "the GitHub token is read from elsewhere", "set it as it was"},
	"harness-flag":         {High, "the harness runs with %s", "remove it"},
	"secret-retargeted":    {Medium, "another secret is read: %s", "name the secret as it was"},
	"secret-added":         {Low, "a secret is read that was not before: %s", "remove the reference, if it is not needed"},
	"credential-literal":   {High, "a literal looks like a credential, and whoever reads the manifests has it", "put it into a Secret and refer to it"},
	"placement":            {Low, "the pod may run on other nodes: %s", "set nodeSelector as it was"},
	"toleration-added":     {Low, "the pod may run on nodes with the taint %s", "remove the toleration"},
	"rbac-widened":         {Medium, "it may %s", "narrow the rule down"},
	"rbac-subject":         {Medium, "%s has the role too", "remove the subject"},
	"rbac-role":            {Medium, "the binding gives another role: %s", "set roleRef as it was"},
	"network-policy":       {Medium, "traffic is allowed that was not: %s", "narrow the rule down"},
	"network-metadata":     {High, "the cloud's metadata service can be reached: %s", "except 169.254.169.254/32 and fd00:ec2::254/128"},
	"network-unguarded":    {High, "%s traffic of the selected pods is no longer restricted", "put the type back into policyTypes"},
	"network-selector":     {Medium, "the policy holds for other pods", "set podSelector as it was"},
	"guard-removed":        {High, "a %s that restricts others is gone", "keep it"},
	"pod-security":         {High, "Pod Security %s", "set the label as it was"},
	"service-exposed":      {Medium, "the Service can be reached from outside the cluster: %s", "set type: ClusterIP"},
	"force-annotation":     {Medium, "the object may be deleted and made again by the deployer: %s", "remove the annotation"},
	"prune-disabled":       {Low, "the deployer no longer removes or corrects the object: %s", "remove the annotation"},
	"sandbox-network":      {High, "no network policy is managed for sandboxes of the template", "set networkPolicyManagement: Managed"},
	"sandbox-env":          {Low, "claims may set variables of sandboxes: %s", "set envVarsInjectionPolicy: Disallowed"},
}

// FlagIDs are the ids of all flags there are, sorted.
func FlagIDs() []string { return slices.Sorted(maps.Keys(flagRules)) }

// DescribeFlag says what a flag of that id means; ok is false where there is
// none.
func DescribeFlag(id string) (severity Severity, reason, back string, ok bool) {
	r, ok := flagRules[id]
	return r.severity, strings.ReplaceAll(r.reason, "%s", "..."), r.back, ok
}

// flagObject finds what of an object's edits weakens security.
func flagObject(obj *Object, p pair) {
	before := map[string]fact{}
	if p.old != nil {
		for _, f := range factsOf(cmp.Or(obj.Was, &obj.Ref), p.old, obj.Edits) {
			before[f.id+"\x00"+f.at] = f
		}
	}
	seen := map[string]bool{}
	for _, f := range factsOf(&obj.Ref, orNull(p.new), obj.Edits) {
		key := f.id + "\x00" + f.at
		seen[key] = true
		old, had := before[key]
		switch {
		case f.quiet:
		case f.level > old.level && (f.level > 1 || p.old != nil),
			had && f.value != old.value:
			obj.flag(f)
		}
	}
	for _, key := range slices.Sorted(maps.Keys(before)) {
		if f := before[key]; f.guard && !seen[key] && p.new != nil {
			f.detail, f.severity = "no longer "+f.detail, f.gone
			obj.flag(f)
		}
	}
	for _, f := range wider(obj.Ref, p) {
		obj.flag(f)
	}
	obj.flagLiterals()
	for i := range obj.Edits {
		flags := obj.Edits[i].Flags
		slices.SortFunc(flags, compareFlags)
		obj.Edits[i].Flags = slices.CompactFunc(flags, func(a, b Flag) bool { return a.ID == b.ID && a.Path == b.Path && a.Reason == b.Reason })
	}
}

// flag puts a flag to the edit that it comes from.
func (o *Object) flag(f fact) {
	rule := flagRules[f.id]
	at, path := o.cause(f.paths)
	if at < 0 {
		return // its field is ignored
	}
	reason := rule.reason
	if strings.Contains(reason, "%s") {
		reason = fmt.Sprintf(reason, hidden(f.detail))
	}
	o.Edits[at].Flags = append(o.Edits[at].Flags, Flag{
		ID: f.id, Severity: cmp.Or(f.severity, rule.severity), Path: path, Reason: reason, Back: rule.back,
	})
}

// cause is the edit that touches one of the fields, and that field; -1 where
// none does.
func (o *Object) cause(paths []string) (edit int, path string) {
	for _, path := range paths {
		for i := range o.Edits {
			if e := o.Edits[i].Path; within(e, path) || within(path, e) {
				return i, path
			}
		}
	}
	return -1, ""
}

// within reports whether a path is that of a field, or below it.
func within(field, path string) bool {
	return field == "" || strings.HasPrefix(path, field) && (len(path) == len(field) || path[len(field)] == '.' || path[len(field)] == '[')
}

// flagLiterals flags literals that are hidden, and were not before. The data of
// Secrets, and copies that tools keep, are none.
func (o *Object) flagLiterals() {
	rule := flagRules["credential-literal"]
	for i := range o.Edits {
		e := &o.Edits[i]
		if !e.literal {
			continue
		}
		e.Flags = append(e.Flags, Flag{"credential-literal", rule.severity, e.Path, rule.reason, rule.back})
	}
}

// factsOf are the facts of one object, as far as edits touch their fields: the
// others would not be flagged.
func factsOf(ref *Ref, root *manifest.Node, edits []Edit) []fact {
	out := facts{edits: edits}
	if root.IsNull() {
		return nil
	}
	out.annotations(root)
	if at := podSpecPath(*ref); at != nil {
		out.pod(root.At(at...), strings.Join(at, "."))
	}
	switch (groupKind{ref.Group, ref.Kind}) {
	case groupKind{"", "ServiceAccount"}:
		out.serviceAccount(root)
	case groupKind{"", "Namespace"}:
		out.namespace(root)
	case groupKind{"", "Service"}:
		out.service(root)
	case groupKind{"extensions." + sandboxGroup, "SandboxTemplate"}:
		out.sandboxTemplate(root)
	}
	return out.list
}

// facts collects facts.
type facts struct {
	list  []fact
	edits []Edit
}

func (fs *facts) add(f fact) { fs.list = append(fs.list, f) }

// touched reports whether an edit is at, below or above a field.
func (fs *facts) touched(path string) bool {
	for i := range fs.edits {
		if e := fs.edits[i].Path; within(e, path) || within(path, e) {
			return true
		}
	}
	return false
}

// weak adds a fact that is weak in itself, where it is so.
func (fs *facts) weak(is bool, id, at, detail string, paths ...string) {
	if is {
		fs.add(fact{id: id, at: at, level: 2, detail: detail, paths: paths})
	}
}

// lacks adds a fact that lacks a protection, where it does.
func (fs *facts) lacks(is bool, id, at, detail string, paths ...string) {
	if is {
		fs.add(fact{id: id, at: at, level: 1, detail: detail, paths: paths})
	}
}

func isTrue(n *manifest.Node) bool  { return text(n) == "true" }
func isFalse(n *manifest.Node) bool { return text(n) == "false" }

func (fs *facts) annotations(root *manifest.Node) {
	if !fs.touched("metadata.annotations") {
		return
	}
	all := root.At("metadata", "annotations")
	annotation := func(key string) (value, path string) {
		return text(all.Get(key)), manifest.Child("metadata.annotations", key)
	}
	options, path := annotation("argocd.argoproj.io/sync-options")
	for option := range strings.SplitSeq(options, ",") {
		option = strings.TrimSpace(option)
		fs.weak(option == "Force=true" || option == "Replace=true", "force-annotation", option, option, path)
		fs.weak(option == "Prune=false", "prune-disabled", option, option, path)
	}
	const flux = "kustomize.toolkit.fluxcd.io/"
	value, path := annotation(flux + "force")
	fs.weak(strings.EqualFold(value, "enabled"), "force-annotation", "flux", flux+"force: "+value, path)
	for _, key := range []string{"prune", "reconcile"} {
		value, path := annotation(flux + key)
		fs.weak(strings.EqualFold(value, "disabled"), "prune-disabled", key, flux+key+": "+value, path)
	}
}

func (fs *facts) serviceAccount(root *manifest.Node) {
	fs.token(root, "automountServiceAccountToken")
	for _, key := range []string{"iam.gke.io/gcp-service-account", "eks.amazonaws.com/role-arn", "azure.workload.identity/client-id"} {
		if v := root.At("metadata", "annotations", key); v != nil {
			fs.add(fact{id: "cloud-identity", at: key, level: 1, value: v.Text, paths: []string{manifest.Child("metadata.annotations", key)}})
		}
	}
}

// token: a token is mounted unless it is said not to.
func (fs *facts) token(n *manifest.Node, path string) {
	switch v := n.Get("automountServiceAccountToken"); {
	case isTrue(v):
		fs.add(fact{id: "service-token", level: 2, paths: []string{path}})
	case !isFalse(v):
		fs.add(fact{id: "service-token", level: 1, paths: []string{path}})
	}
}

// namespace reads the labels of Pod Security admission: the lower the level,
// the more pods may do.
func (fs *facts) namespace(root *manifest.Node) {
	labels := root.At("metadata", "labels")
	for _, mode := range []string{"enforce", "audit", "warn"} {
		key := "pod-security.kubernetes.io/" + mode
		level := map[string]int{"restricted": 0, "baseline": 1, "privileged": 2}
		value := text(labels.Get(key))
		is, known := level[value]
		if !known {
			is, value = 1, "not set"
		}
		f := fact{id: "pod-security", at: mode, level: is, paths: []string{manifest.Child("metadata.labels", key)}}
		f.detail = mode + " is " + value
		if mode != "enforce" {
			f.severity = Low
		}
		if is > 0 {
			fs.add(f)
		}
	}
}

func (fs *facts) service(root *manifest.Node) {
	kind := text(root.At("spec", "type"))
	fs.weak(kind == "NodePort" || kind == "LoadBalancer", "service-exposed", "", kind, "spec.type")
}

func (fs *facts) sandboxTemplate(root *manifest.Node) {
	fs.weak(text(root.At("spec", "networkPolicyManagement")) == "Unmanaged", "sandbox-network", "", "", "spec.networkPolicyManagement")
	policy := text(root.At("spec", "envVarsInjectionPolicy"))
	level := map[string]int{"Allowed": 2, "Overrides": 3}[policy]
	if level > 0 {
		fs.add(fact{id: "sandbox-env", level: level, detail: policy, paths: []string{"spec.envVarsInjectionPolicy"}})
	}
}
