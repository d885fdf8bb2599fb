package diff

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/scion-gen/scion-gen/pkg/manifest"
)

// fact is something of an object that weakens security, or guards it. A fact
// of the new side is flagged by what the old side has of the same id and at:
// nothing is flagged that was so before, or is stricter now.
type fact struct {
	id string
	at string // what it is of: a container, a port, a path
	// level is how weak it is. It is flagged where it is higher than before;
	// in new objects where it is grave: weak in itself, rather than the lack
	// of a protection.
	level int
	grave bool
	// value is what is flagged when it changes, whatever it is.
	value string
	// guard says that it is flagged when it is gone, with the severity gone,
	// unless what it guards is gone too: the container at owner.
	guard    bool
	gone     Severity
	owner    string
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
	"run-as-non-root":      {Medium, "no check keeps the container from running as root", "set runAsNonRoot: true"},
	"root-group":           {Low, "the container's group is root", "set runAsGroup to a gid that is not 0"},
	"capability-added":     {Medium, "the container gains the capability %s", "drop it, and remove it from capabilities.add"},
	"capabilities-kept":    {Medium, "the container keeps the runtime's default capabilities", "drop ALL"},
	"seccomp":              {Medium, "system calls are filtered less", "set seccompProfile.type: RuntimeDefault"},
	"apparmor":             {Low, "no AppArmor profile is asked for", "set appArmorProfile.type: RuntimeDefault"},
	"security-profile":     {Low, "the container is confined by another profile: %s", "name the profile as it was"},
	"selinux":              {Medium, "SELinux confines the container otherwise: %s", "remove it from seLinuxOptions"},
	"proc-mount":           {High, "/proc is not masked", "remove procMount"},
	"host-process":         {High, "the container is a process of the Windows node", "remove hostProcess"},
	"read-only-root":       {Low, "the container's root file system can be written", "set readOnlyRootFilesystem: true, with emptyDirs where it must write"},
	"host-network":         {High, "the pod is in the node's network: it reaches the node's services and metadata, past network policies", "remove hostNetwork"},
	"host-pid":             {High, "the pod sees and signals the node's processes", "remove hostPID"},
	"host-ipc":             {High, "the pod shares memory with the node's processes", "remove hostIPC"},
	"host-users":           {Medium, "root in the pod is root on the node", "set hostUsers: false"},
	"host-path":            {Medium, "the node's %s is mounted", "use an emptyDir or a claim"},
	"host-path-write":      {Medium, "the node's %s can be written", "mount it with readOnly: true"},
	"host-port":            {Medium, "the node's port %s is open to its network", "remove hostPort"},
	"probe-host":           {Medium, "the kubelet sends requests to another host: %s", "remove host"},
	"system-priority":      {Medium, "the pod drives others from the node: %s", "set priorityClassName as it was"},
	"volume-type":          {Low, "a volume of the type %s is mounted, which the restricted level of Pod Security does not allow", "use a claim"},
	"shared-processes":     {Low, "containers of the pod see each other's processes", "remove shareProcessNamespace"},
	"sysctl":               {Medium, "kernel parameter %s is set", "remove it from sysctls"},
	"runtime-class":        {Medium, "the pod runs in another runtime: %s", "set runtimeClassName as it was"},
	"service-account":      {Medium, "the pod has another identity: service account %s", "set serviceAccountName as it was"},
	"service-token":        {Medium, "a token of the service account is in every container", "set automountServiceAccountToken: false"},
	"token-secret":         {Medium, "a token of a service account is made that does not expire", "use a projected token"},
	"token-volume":         {Medium, "a token of the service account is mounted, for %s", "remove the volume's source"},
	"cloud-identity":       {Medium, "the service account stands for another cloud identity", "set the annotation as it was"},
	"image-registry":       {Medium, "the image comes from elsewhere: %s", "use an image of the registry and owner it was"},
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
	"rbac-subject":         {Medium, "rights are granted: %s", "remove the subject"},
	"rbac-role":            {Medium, "the binding gives another role: %s", "set roleRef as it was"},
	"network-policy":       {Medium, "traffic is allowed that was not: %s", "narrow the rule down"},
	"network-metadata":     {High, "the cloud's metadata service can be reached: %s", "except 169.254.169.254/32 and fd00:ec2::254/128"},
	"network-unguarded":    {High, "%s traffic of the selected pods is no longer restricted", "put the type back into policyTypes"},
	"network-selector":     {Medium, "the policy no longer holds for pods that it held for", "set podSelector as it was"},
	"network-labels":       {Medium, "with its labels, other network policies hold for the pod: %s", "set the labels as they were"},
	"guard-weakened":       {Medium, "others are restricted less: %s", "set it as it was"},
	"guard-removed":        {High, "a %s that restricts others is gone", "keep it"},
	"pod-security":         {High, "Pod Security %s", "set the label as it was"},
	"service-exposed":      {Medium, "the Service can be reached from outside the cluster: %s", "set type: ClusterIP"},
	"service-target":       {Medium, "the Service leads elsewhere: %s", "set externalName as it was"},
	"force-annotation":     {Medium, "the object may be deleted and made again by the deployer: %s", "remove it"},
	"prune-disabled":       {Low, "the deployer no longer removes or corrects what it deployed: %s", "set it as it was"},
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

// flagObject finds what of an object's edits weakens security, in any of the
// trees that the object is in.
func (c *comparison) flagObject(obj *Object, p pair, in []oldNew) {
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
		case f.level > old.level && (f.grave || p.old != nil),
			had && f.value != old.value:
			obj.flag(f)
		}
	}
	for _, key := range slices.Sorted(maps.Keys(before)) {
		if f := before[key]; f.guard && !seen[key] && p.new != nil && !obj.removes(f.owner) {
			f.detail, f.severity = "no longer "+f.detail, f.gone
			obj.flag(f)
		}
	}
	for _, tree := range in {
		c.before, c.after = c.was[tree.old], c.is[tree.new]
		for _, f := range c.wider(obj, p) {
			obj.flag(f)
		}
	}
	obj.flagLiterals()
	for i := range obj.Edits {
		obj.Edits[i].Flags = distinct(obj.Edits[i].Flags)
	}
}

// distinct are flags in order, and of those that say the same the gravest.
func distinct(flags []Flag) []Flag {
	slices.SortFunc(flags, compareFlags)
	var out []Flag
	for _, f := range flags {
		if !slices.ContainsFunc(out, func(o Flag) bool { return o.ID == f.ID && o.Path == f.Path && o.Reason == f.Reason }) {
			out = append(out, f)
		}
	}
	return out
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

// removes reports whether an edit removes a field, or what it is in.
func (o *Object) removes(path string) bool {
	return path != "" && slices.ContainsFunc(o.Edits, func(e Edit) bool { return e.Op == OpRemove && within(e.Path, path) })
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
		above := root.At(at[:len(at)-1]...)
		out.pod(orNull(above.Get("spec")), above.Get("metadata"), strings.Join(at, "."))
	}
	switch (groupKind{ref.Group, ref.Kind}) {
	case groupKind{"", "ConfigMap"}:
		for _, f := range orNull(root.Get("data")).Fields {
			if path := manifest.Child("data", f.Key); out.touched(path) {
				out.harness(f.Key, text(f.Value), path)
			}
		}
	case groupKind{"networking.k8s.io", "Ingress"}:
		out.ingress(root)
	case groupKind{"kustomize.toolkit.fluxcd.io", "Kustomization"}:
		out.weak(isTrue(root.At("spec", "force")), "force-annotation", "spec.force", "spec.force", "spec.force")
		out.lacks(!isTrue(root.At("spec", "prune")), "prune-disabled", "spec.prune", "spec.prune", "spec.prune")
	case groupKind{"argoproj.io", "Application"}:
		out.application(root)
	case groupKind{"", "Secret"}:
		out.weak(text(root.Get("type")) == "kubernetes.io/service-account-token", "token-secret", "", "", "type")
	case groupKind{"", "PersistentVolume"}:
		for _, kind := range []string{"hostPath", "local"} {
			h := hostPath{path: text(root.At("spec", kind, "path"))}
			if h.path != "" {
				out.hostPath(h, "spec."+kind)
			}
		}
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
		fs.add(fact{id: id, at: at, level: 2, grave: true, detail: detail, paths: paths})
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
		fs.syncOption(strings.TrimSpace(option), path)
	}
	const flux = "kustomize.toolkit.fluxcd.io/"
	value, path := annotation(flux + "force")
	fs.weak(strings.EqualFold(value, "enabled"), "force-annotation", "flux", flux+"force: "+value, path)
	for key, off := range map[string]string{
		flux + "prune": "disabled", flux + "reconcile": "disabled", flux + "ssa": "ignore",
		"helm.sh/resource-policy": "keep", "argocd.argoproj.io/compare-options": "ignoreextraneous",
	} {
		value, path := annotation(key)
		fs.weak(strings.EqualFold(value, off), "prune-disabled", key, key+": "+value, path)
	}
}

// syncOption is one of Argo CD's.
func (fs *facts) syncOption(option, path string) {
	fs.weak(option == "Force=true" || option == "Replace=true", "force-annotation", option, option, path)
	fs.weak(option == "Prune=false" || option == "Delete=false", "prune-disabled", option, option, path)
}

// application is an Application of Argo CD.
func (fs *facts) application(root *manifest.Node) {
	for _, option := range items(root.At("spec", "syncPolicy", "syncOptions")) {
		fs.syncOption(text(option), "spec.syncPolicy.syncOptions")
	}
	for _, key := range []string{"prune", "selfHeal"} {
		path := "spec.syncPolicy.automated." + key
		fs.lacks(!isTrue(root.At("spec", "syncPolicy", "automated", key)), "prune-disabled", key, path, path)
	}
}

func (fs *facts) serviceAccount(root *manifest.Node) {
	// Where it is not said, a token is mounted too.
	mount := root.Get("automountServiceAccountToken")
	fs.add(fact{id: "service-token", level: lack(!isFalse(mount)), grave: isTrue(mount), paths: []string{"automountServiceAccountToken"}})
	for _, key := range []string{"iam.gke.io/gcp-service-account", "eks.amazonaws.com/role-arn", "azure.workload.identity/client-id"} {
		if v := root.At("metadata", "annotations", key); v != nil {
			fs.add(fact{id: "cloud-identity", at: key, level: 1, value: v.Text, paths: []string{manifest.Child("metadata.annotations", key)}})
		}
	}
}

// token: a pod has a token unless it, or its service account, says that it has
// none.
func (fs *facts) token(spec *manifest.Node, path string) {
	switch v := spec.Get("automountServiceAccountToken"); {
	case isTrue(v):
		fs.add(fact{id: "service-token", level: 2, grave: true, paths: []string{path}})
	case !isFalse(v):
		fs.add(fact{id: "service-token", level: 1, paths: []string{path}})
	}
}

// podSecurityLevels are the levels of Pod Security admission, the lower the
// number, the less pods may do. Without a label, the API server's default
// counts, which is privileged unless it is configured.
var podSecurityLevels = map[string]int{"restricted": 0, "baseline": 1, "": 2, "privileged": 3}

// namespace reads the labels of Pod Security admission.
func (fs *facts) namespace(root *manifest.Node) {
	labels := orNull(root.At("metadata", "labels"))
	for _, mode := range []string{"enforce", "audit", "warn"} {
		key := "pod-security.kubernetes.io/" + mode
		value := text(labels.Get(key))
		if _, known := podSecurityLevels[value]; !known {
			value = ""
		}
		severity := Low
		if mode == "enforce" {
			severity = High
		}
		level := podSecurityLevels[value]
		fs.add(fact{id: "pod-security", at: mode, level: level, grave: value == "privileged", severity: severity,
			detail: mode + " is " + cmp.Or(value, "not set"), paths: []string{manifest.Child("metadata.labels", key)}})
		version := text(labels.Get(key + "-version"))
		fs.add(fact{id: "pod-security", at: mode + "-version", level: versionAge(version), severity: Low,
			detail: mode + " is as in " + version, paths: []string{manifest.Child("metadata.labels", key+"-version")}})
	}
}

// versionAge is higher the older a version of Pod Security is; latest, which is
// the default, is 0.
func versionAge(version string) int {
	minor, err := strconv.Atoi(strings.TrimPrefix(version, "v1."))
	if err != nil {
		return 0
	}
	return max(1, 1000-minor)
}

// hostPath is a path of the node that any pod may claim.
func (fs *facts) hostPath(h hostPath, cause string) {
	f := fact{id: "host-path", at: h.path, level: 2, grave: true, detail: h.path, paths: []string{cause}}
	if h.grave() {
		f.severity = High
	}
	fs.add(f)
}

func (fs *facts) service(root *manifest.Node) {
	kind := text(root.At("spec", "type"))
	levels := map[string]int{"NodePort": 2, "LoadBalancer": 3}
	fs.add(fact{id: "service-exposed", level: levels[kind], grave: true, detail: kind, paths: []string{"spec.type"}})
	for _, address := range items(root.At("spec", "externalIPs")) {
		fs.weak(true, "service-exposed", text(address), "externalIPs "+text(address), "spec.externalIPs")
	}
	if kind := text(root.At("spec", "type")); kind == "LoadBalancer" && len(items(root.At("spec", "loadBalancerSourceRanges"))) == 0 {
		fs.lacks(true, "service-exposed", "ranges", "from all addresses", "spec.loadBalancerSourceRanges")
	}
	if name := text(root.At("spec", "externalName")); name != "" {
		fs.add(fact{id: "service-target", value: name, detail: name, paths: []string{"spec.externalName"}})
	}
}

// ingress: each host leads from outside to a Service.
func (fs *facts) ingress(root *manifest.Node) {
	fs.weak(!root.At("spec", "defaultBackend").IsNull(), "service-exposed", "default", "an Ingress for every host", "spec.defaultBackend", "spec")
	for i, rule := range items(root.At("spec", "rules")) {
		host := text(rule.Get("host"))
		fs.weak(true, "service-exposed", host, "an Ingress for "+cmp.Or(host, "every host"), manifest.Index("spec.rules", i), "spec.rules")
	}
}

func (fs *facts) sandboxTemplate(root *manifest.Node) {
	fs.weak(text(root.At("spec", "networkPolicyManagement")) == "Unmanaged", "sandbox-network", "", "", "spec.networkPolicyManagement")
	policy := text(root.At("spec", "envVarsInjectionPolicy"))
	level := map[string]int{"Allowed": 2, "Overrides": 3}[policy]
	if level > 0 {
		fs.add(fact{id: "sandbox-env", level: level, grave: true, detail: policy, paths: []string{"spec.envVarsInjectionPolicy"}})
	}
}
