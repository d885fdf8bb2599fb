package diff

import (
	"cmp"
	"reflect"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"

	"github.com/scion-gen/scion-gen/pkg/credential"
	"github.com/scion-gen/scion-gen/pkg/manifest"
)

var (
	tolerationType = reflect.TypeFor[corev1.Toleration]()
	portType       = reflect.TypeFor[corev1.ContainerPort]()
)

// podSpecs is where objects have the spec of pods.
var podSpecs = map[groupKind][]string{
	{"", "Pod"}:                                       {"spec"},
	{"", "PodTemplate"}:                               {"template", "spec"},
	{"", "ReplicationController"}:                     {"spec", "template", "spec"},
	{"apps", "DaemonSet"}:                             {"spec", "template", "spec"},
	{"apps", "Deployment"}:                            {"spec", "template", "spec"},
	{"apps", "ReplicaSet"}:                            {"spec", "template", "spec"},
	{"apps", "StatefulSet"}:                           {"spec", "template", "spec"},
	{"batch", "CronJob"}:                              {"spec", "jobTemplate", "spec", "template", "spec"},
	{"batch", "Job"}:                                  {"spec", "template", "spec"},
	{sandboxGroup, "Sandbox"}:                         {"spec", "podTemplate", "spec"},
	{"extensions." + sandboxGroup, "SandboxTemplate"}: {"spec", "podTemplate", "spec"},
}

// podSpecPath is where an object has the spec of pods, nil where it has none.
func podSpecPath(ref Ref) []string { return podSpecs[groupKind{ref.Group, ref.Kind}] }

// pod are the facts of the spec of pods that stands at path.
func (fs *facts) pod(spec *manifest.Node, path string) {
	below := func(key string) string { return manifest.Child(path, key) }
	fs.weak(isTrue(spec.Get("hostNetwork")), "host-network", "", "", below("hostNetwork"))
	fs.weak(isTrue(spec.Get("hostPID")), "host-pid", "", "", below("hostPID"))
	fs.weak(isTrue(spec.Get("hostIPC")), "host-ipc", "", "", below("hostIPC"))
	fs.lacks(!isFalse(spec.Get("hostUsers")), "host-users", "", "", below("hostUsers"))
	fs.weak(isTrue(spec.Get("shareProcessNamespace")), "shared-processes", "", "", below("shareProcessNamespace"))
	fs.token(spec, below("automountServiceAccountToken"))

	account := cmp.Or(text(spec.Get("serviceAccountName")), text(spec.Get("serviceAccount")), "default")
	fs.add(fact{id: "service-account", value: account, detail: account, paths: []string{below("serviceAccountName"), below("serviceAccount")}})
	if class := text(spec.Get("runtimeClassName")); class != "" {
		fs.add(fact{id: "runtime-class", value: class, guard: true, gone: High, detail: class, paths: []string{below("runtimeClassName")}})
	}
	for _, s := range items(spec.At("securityContext", "sysctls")) {
		name := text(s.Get("name"))
		fs.weak(true, "sysctl", name, name, below("securityContext")+".sysctls["+name+"]")
	}
	if selector := spec.Get("nodeSelector"); selector != nil {
		for _, f := range selector.Fields {
			fs.add(fact{id: "placement", at: f.Key, value: text(f.Value), guard: true, detail: f.Key, paths: []string{manifest.Child(below("nodeSelector"), f.Key)}})
		}
	}
	for _, t := range items(spec.Get("tolerations")) {
		key := keyOf(t, elemRules[tolerationType].keys)
		fs.lacks(true, "toleration-added", key, key, below("tolerations")+"["+key+"]")
	}
	for _, v := range items(spec.Get("volumes")) {
		fs.volume(v, below("volumes")+"["+text(v.Get("name"))+"]")
	}
	shared := fs.touched(below("securityContext"))
	for _, list := range []string{"containers", "initContainers", "ephemeralContainers"} {
		for _, c := range items(spec.Get(list)) {
			name := text(c.Get("name"))
			container := podContainer{facts: fs, spec: spec, node: c, name: name, pod: path, path: below(list) + "[" + name + "]"}
			if shared || fs.touched(container.path) {
				container.all(shared)
			}
		}
	}
}

// grave are paths of a node that give it away, with all below them and above.
var grave = []string{"/var/run/docker.sock", "/run/docker.sock", "/run/containerd", "/var/run/crio", "/etc", "/root", "/proc", "/sys", "/dev", "/boot", "/var/lib/kubelet", "/var/lib/etcd", "/var/log"}

func (fs *facts) volume(v *manifest.Node, path string) {
	if host := text(v.At("hostPath", "path")); host != "" {
		f := fact{id: "host-path", at: host, level: 2, detail: host, paths: []string{path + ".hostPath", path}}
		clean := "/" + strings.Trim(host, "/")
		for _, g := range grave {
			if clean == "/" || clean == g || strings.HasPrefix(clean, g+"/") || strings.HasPrefix(g, clean+"/") {
				f.severity = High
			}
		}
		fs.add(f)
	}
	name := text(v.Get("name"))
	if secret := text(v.At("secret", "secretName")); secret != "" {
		fs.secret("volume/"+name, secret, path+".secret.secretName", path)
	}
	if class := text(v.At("csi", "volumeAttributes", "secretProviderClass")); class != "" {
		fs.secret("volume/"+name, "SecretProviderClass "+class, path+".csi.volumeAttributes.secretProviderClass", path)
	}
	for i, s := range items(v.At("projected", "sources")) {
		if secret := text(s.At("secret", "name")); secret != "" {
			fs.secret("volume/"+name+"/"+secret, secret, manifest.Index(path+".projected.sources", i), path)
		}
	}
}

// secret notes what a reference to a secret names.
func (fs *facts) secret(at, target string, paths ...string) {
	fs.add(fact{id: "secret-retargeted", at: at, value: target, detail: target, paths: paths})
	fs.lacks(true, "secret-added", at, target, paths...)
}

// podContainer is one container of a pod.
type podContainer struct {
	*facts
	spec, node *manifest.Node
	name       string
	pod, path  string // where the pod's spec and the container are
}

// all are the container's facts; shared says that the pod's security context
// is touched.
func (c podContainer) all(shared bool) {
	if shared || c.touched(c.path+".securityContext") {
		c.privileges()
		c.profiles()
	}
	if c.touched(c.path+".image") || c.touched(c.path+".imagePullPolicy") {
		c.image()
	}
	if c.touched(c.path + ".resources") {
		c.limits()
	}
	if c.touched(c.path + ".ports") {
		c.ports()
	}
	c.variables()
	c.flags()
}

func (c podContainer) ports() {
	for _, p := range items(c.node.Get("ports")) {
		port := text(p.Get("hostPort"))
		key := keyOf(p, elemRules[portType].keys)
		c.weak(port != "" && port != "0", "host-port", port, port, c.path+".ports["+key+"].hostPort")
	}
}

// setting is a field of the container's security context, or of the pod's
// where the container does not say.
func (c podContainer) setting(keys ...string) (value *manifest.Node, paths []string) {
	keys = append([]string{"securityContext"}, keys...)
	field := strings.Join(keys, ".")
	paths = []string{c.path + "." + field, c.pod + "." + field}
	if v := c.node.At(keys...); !v.IsNull() {
		return v, paths
	}
	return c.spec.At(keys...), paths
}

func (c podContainer) privileges() {
	own := c.node.Get("securityContext")
	field := func(key string) string { return c.path + ".securityContext." + key }
	c.weak(isTrue(own.Get("privileged")), "privileged", c.name, "", field("privileged"))
	c.weak(isTrue(own.At("windowsOptions", "hostProcess")), "host-process", c.name, "", field("windowsOptions"))
	c.weak(text(own.Get("procMount")) == "Unmasked", "proc-mount", c.name, "", field("procMount"))

	switch escalation := own.Get("allowPrivilegeEscalation"); {
	case isTrue(escalation):
		c.add(fact{id: "privilege-escalation", at: c.name, level: 2, severity: High, paths: []string{field("allowPrivilegeEscalation")}})
	case !isFalse(escalation):
		c.lacks(true, "privilege-escalation", c.name, "", field("allowPrivilegeEscalation"))
	}
	uid, paths := c.setting("runAsUser")
	c.weak(!uid.IsNull() && number(uid.Text) == "0", "run-as-root", c.name, "", paths...)
	gid, paths := c.setting("runAsGroup")
	c.weak(!gid.IsNull() && number(gid.Text) == "0", "root-group", c.name, "", paths...)
	nonRoot, paths := c.setting("runAsNonRoot")
	c.lacks(!isTrue(nonRoot), "run-as-non-root", c.name, "", paths...)
	c.lacks(!isTrue(own.Get("readOnlyRootFilesystem")), "read-only-root", c.name, "", field("readOnlyRootFilesystem"))

	dropsAll := func(n *manifest.Node) bool { return strings.EqualFold(text(n), "ALL") }
	c.lacks(!slices.ContainsFunc(items(own.At("capabilities", "drop")), dropsAll), "capabilities-kept", c.name, "", field("capabilities.drop"))
	for _, n := range items(own.At("capabilities", "add")) {
		capability := strings.TrimPrefix(strings.ToUpper(text(n)), "CAP_")
		c.add(fact{id: "capability-added", at: c.name + "/" + capability, level: 2, severity: capabilitySeverity[capability],
			detail: capability, paths: []string{field("capabilities.add") + "[" + text(n) + "]", field("capabilities.add")}})
	}
}

// capabilitySeverity is where it is not that of the rule: capabilities(7) has
// which of them come near to root, or are harmless.
var capabilitySeverity = map[string]Severity{
	"ALL": High, "SYS_ADMIN": High, "SYS_MODULE": High, "SYS_PTRACE": High, "SYS_RAWIO": High, "SYS_BOOT": High,
	"NET_ADMIN": High, "BPF": High, "DAC_READ_SEARCH": High, "DAC_OVERRIDE": High, "MKNOD": High, "SETUID": High, "SETGID": High,
	"NET_BIND_SERVICE": Low,
}

func (c podContainer) profiles() {
	for _, p := range []struct {
		id, field       string
		unset, unconfed Severity
	}{
		{"seccomp", "seccompProfile", Medium, High},
		{"apparmor", "appArmorProfile", Low, High},
	} {
		kind, paths := c.setting(p.field, "type")
		switch text(kind) {
		case "":
			c.add(fact{id: p.id, at: c.name, level: 1, severity: p.unset, paths: paths})
		case "Unconfined":
			c.add(fact{id: p.id, at: c.name, level: 2, severity: p.unconfed, paths: paths})
		}
	}
}

func (c podContainer) image() {
	path := c.path + ".image"
	image := text(c.node.Get("image"))
	if image == "" {
		return
	}
	name, digest, pinned := strings.Cut(image, "@")
	pinned = pinned && digest != ""
	registry, tag := imageParts(name)
	c.add(fact{id: "image-registry", at: c.name, value: registry, detail: registry, paths: []string{path}})
	c.lacks(!pinned, "image-digest", c.name, "", path)
	latest := !pinned && (tag == "" || tag == "latest")
	c.lacks(latest, "image-latest", c.name, "", path)

	policy := text(c.node.Get("imagePullPolicy"))
	if policy == "" && latest {
		policy = "Always"
	}
	c.lacks(policy != "Always" && !pinned, "pull-policy", c.name, "", c.path+".imagePullPolicy", path)
}

// imageParts are the registry of an image and its tag: what stands before the
// first slash is a registry if it looks like a host, as distribution/reference
// has it.
func imageParts(name string) (registry, tag string) {
	registry, rest, found := strings.Cut(name, "/")
	if !found || !strings.ContainsAny(registry, ".:") && registry != "localhost" {
		registry, rest = "docker.io", name
	}
	_, tag, _ = strings.Cut(rest[strings.LastIndexByte(rest, '/')+1:], ":")
	return registry, tag
}

func (c podContainer) limits() {
	for _, name := range []string{"cpu", "memory", "ephemeral-storage"} {
		limit := c.node.At("resources", "limits", name)
		c.lacks(limit.IsNull(), "limit-removed", c.name+"/"+name, name, manifest.Child(c.path+".resources.limits", name))
	}
}

// variables are the facts of the environment.
func (c podContainer) variables() {
	agent := false
	for _, v := range items(c.node.Get("env")) {
		name := text(v.Get("name"))
		agent = agent || name == "SCION_AGENT_NAME"
		path := c.path + ".env[" + name + "]"
		if !c.touched(path) {
			continue
		}
		if ref := v.At("valueFrom", "secretKeyRef"); ref != nil {
			c.secret(c.name+"/env/"+name, text(ref.Get("name"))+"/"+text(ref.Get("key")), path+".valueFrom.secretKeyRef", path)
		} else if credential.Named(name, text(v.Get("value"))) {
			// A literal that becomes a reference is no secret more.
			c.add(fact{id: "secret-added", at: c.name + "/env/" + name, level: 1, quiet: true})
		}
	}
	for i, from := range items(c.node.Get("envFrom")) {
		if secret := text(from.At("secretRef", "name")); secret != "" {
			c.secret(c.name+"/envFrom/"+secret, secret, manifest.Index(c.path+".envFrom", i), c.path+".envFrom")
		}
	}
	if agent && c.touched(c.path+".env") {
		c.scion()
	}
}

// variable is the value of a variable.
func (c podContainer) variable(name string) string {
	for _, v := range items(c.node.Get("env")) {
		if text(v.Get("name")) == name {
			return text(v.Get("value"))
		}
	}
	return ""
}

// scion are the facts of the variables that Scion reads.
func (c podContainer) scion() {
	path := func(name string) string { return c.path + ".env[" + name + "]" }
	mode := fact{id: "metadata-mode", at: c.name, paths: []string{path("SCION_METADATA_MODE")}}
	switch c.variable("SCION_METADATA_MODE") {
	case "block":
	case "assign":
		mode.level, mode.severity = 1, Medium
		c.add(mode)
	default: // passthrough, which Scion writes as no variable at all
		mode.level = 2
		c.add(mode)
	}
	for _, name := range []string{"GCE_METADATA_HOST", "GCE_METADATA_ROOT"} {
		if host := c.variable(name); host != "" {
			c.add(fact{id: "metadata-host", at: c.name + "/" + name, value: host, guard: true, paths: []string{path(name)}})
		}
	}
	for _, w := range []struct{ id, name string }{
		{"hub-endpoint", "SCION_HUB_ENDPOINT"},
		{"hub-endpoint", "SCION_HUB_URL"},
		{"github-token", "SCION_GITHUB_TOKEN_PATH"},
	} {
		if v := c.variable(w.name); v != "" {
			c.add(fact{id: w.id, at: c.name + "/" + w.name, level: 1, value: v, detail: v, paths: []string{path(w.name)}})
		}
	}
}

// dangerous are flags that turn a harness's own safeguards off, and values of
// flags that do.
var dangerous = []string{"--dangerously-", "--allow-dangerously-", "--yolo", "--full-auto", "--no-sandbox", "--trust-all-tools",
	"--approval-mode=yolo", "--approval-mode yolo", "bypassPermissions", "danger-full-access"}

// dangerousFlags are those in a text, to the end of the word.
func dangerousFlags(s string) []string {
	var out []string
	for _, flag := range dangerous {
		at := strings.Index(s, flag)
		if at < 0 {
			continue
		}
		end := at + len(flag)
		for end < len(s) && (letter(s[end]) || s[end] == '-') {
			end++
		}
		if end == at+len(flag) || strings.HasSuffix(flag, "-") {
			out = append(out, s[at:end])
		}
	}
	return out
}

func (c podContainer) flags() {
	find := func(n *manifest.Node, paths ...string) {
		if !slices.ContainsFunc(paths, c.touched) {
			return
		}
		for _, flag := range dangerousFlags(text(n)) {
			c.lacks(true, "harness-flag", c.name+"/"+flag, flag, paths...)
		}
	}
	for _, list := range []string{"command", "args"} {
		if !c.touched(c.path + "." + list) {
			continue
		}
		for i, arg := range items(c.node.Get(list)) {
			find(arg, manifest.Index(c.path+"."+list, i), c.path+"."+list)
		}
	}
	for _, v := range items(c.node.Get("env")) {
		find(v.Get("value"), c.path+".env["+text(v.Get("name"))+"]")
	}
}
