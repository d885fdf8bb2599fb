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

// pod are the facts of the spec of pods that stands at path; meta is the
// metadata of the pods.
func (fs *facts) pod(spec, meta *manifest.Node, path string) {
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
	if node := text(spec.Get("nodeName")); node != "" {
		fs.add(fact{id: "placement", at: "nodeName", level: 1, value: node, detail: "nodeName", paths: []string{below("nodeName")}})
	}
	class := text(spec.Get("priorityClassName"))
	fs.weak(strings.HasPrefix(class, "system-"), "system-priority", "", class, below("priorityClassName"))
	for _, v := range items(spec.Get("volumes")) {
		fs.volume(v, below("volumes")+"["+text(v.Get("name"))+"]")
	}
	security := below("securityContext")
	shared := fs.touched(security)
	if shared {
		fs.podSecurity(spec, security)
	}
	appArmor := appArmorAnnotations(meta)
	shared = shared || fs.touched(strings.TrimSuffix(path, "spec")+"metadata.annotations")
	for _, list := range []string{"containers", "initContainers", "ephemeralContainers"} {
		for _, c := range items(spec.Get(list)) {
			name := text(c.Get("name"))
			container := podContainer{facts: fs, spec: spec, node: c, name: name, pod: path, path: below(list) + "[" + name + "]", appArmor: appArmor[name]}
			if shared || fs.touched(container.path) || fs.touched(below("resources")) {
				container.all(shared)
			}
		}
	}
}

// safeSysctls are those that Pod Security's baseline level allows: they are the
// pod's own.
var safeSysctls = []string{
	"kernel.shm_rmid_forced", "net.ipv4.ip_local_port_range", "net.ipv4.ip_unprivileged_port_start", "net.ipv4.tcp_syncookies",
	"net.ipv4.ping_group_range", "net.ipv4.ip_local_reserved_ports", "net.ipv4.tcp_keepalive_time", "net.ipv4.tcp_fin_timeout",
	"net.ipv4.tcp_keepalive_intvl", "net.ipv4.tcp_keepalive_probes", "net.ipv4.tcp_rmem", "net.ipv4.tcp_wmem",
}

// podSecurity are the facts of the pod's security context that are no
// container's.
func (fs *facts) podSecurity(spec *manifest.Node, path string) {
	own := orNull(spec.Get("securityContext"))
	for _, s := range items(own.Get("sysctls")) {
		name := text(s.Get("name"))
		if !slices.Contains(safeSysctls, name) {
			fs.add(fact{id: "sysctl", at: name, level: 2, grave: true, value: text(s.Get("value")), detail: name, paths: []string{path + ".sysctls[" + name + "]"}})
		}
	}
	groups := append([]*manifest.Node{own.Get("fsGroup")}, items(own.Get("supplementalGroups"))...)
	fs.weak(slices.ContainsFunc(groups, isZero), "root-group", "", "", path+".fsGroup", path+".supplementalGroups")
	// Pod Security counts what the pod says even where no container is left
	// that takes it.
	unused := func(field string) bool {
		for _, list := range []string{"containers", "initContainers", "ephemeralContainers"} {
			for _, c := range items(spec.Get(list)) {
				if c.At("securityContext", field).IsNull() {
					return false
				}
			}
		}
		return true
	}
	fs.weak(isZero(own.Get("runAsUser")) && unused("runAsUser"), "run-as-root", "", "", path+".runAsUser")
	fs.lacks(isFalse(own.Get("runAsNonRoot")) && unused("runAsNonRoot"), "run-as-non-root", "", "", path+".runAsNonRoot")
	fs.weak(isTrue(own.At("windowsOptions", "hostProcess")) && unused("windowsOptions"), "host-process", "", "", path+".windowsOptions")
	for field, id := range map[string]string{"seccompProfile": "seccomp", "appArmorProfile": "apparmor"} {
		if text(own.At(field, "type")) == "Unconfined" && unused(field) {
			fs.add(fact{id: id, level: 2, grave: true, severity: High, paths: []string{path + "." + field}})
		}
	}
	if unused("seLinuxOptions") {
		fs.seLinux("", func(key string) (*manifest.Node, []string) {
			return own.At("seLinuxOptions", key), []string{path + ".seLinuxOptions." + key, path + ".seLinuxOptions"}
		})
	}
}

func isZero(n *manifest.Node) bool { return !n.IsNull() && number(n.Text) == "0" }

// seLinux are types of SELinux that confine containers less than the runtime
// does, and users and roles of their own, as Pod Security's baseline level has
// them.
func (fs *facts) seLinux(at string, option func(key string) (*manifest.Node, []string)) {
	for _, key := range []string{"type", "user", "role"} {
		value, paths := option(key)
		label := text(value)
		if key == "type" && slices.Contains([]string{"container_t", "container_init_t", "container_kvm_t", "container_engine_t"}, label) {
			continue
		}
		if label != "" {
			fs.add(fact{id: "selinux", at: at + "/" + key, level: 2, grave: true, value: label, detail: key + " " + label, paths: paths})
		}
	}
}

// appArmorAnnotations are the profiles that containers had before the API had
// a field for them.
func appArmorAnnotations(meta *manifest.Node) map[string]string {
	out := map[string]string{}
	for _, f := range orNull(orNull(meta).Get("annotations")).Fields {
		if container, is := strings.CutPrefix(f.Key, "container.apparmor.security.beta.kubernetes.io/"); is {
			out[container] = text(f.Value)
		}
	}
	return out
}

// plainVolumes are the kinds of volumes that Pod Security's restricted level
// allows.
var plainVolumes = []string{"configMap", "csi", "downwardAPI", "emptyDir", "ephemeral", "image", "persistentVolumeClaim", "projected", "secret"}

func (fs *facts) volume(v *manifest.Node, path string) {
	if !fs.touched(path) {
		return
	}
	name := text(v.Get("name"))
	for _, f := range v.Fields {
		if f.Key != "name" && f.Key != "hostPath" && !slices.Contains(plainVolumes, f.Key) {
			fs.weak(true, "volume-type", f.Key+string(spell(nil, f.Value)), f.Key, path+"."+f.Key, path)
		}
	}
	if dir := v.Get("emptyDir"); dir != nil {
		fs.add(fact{id: "limit-removed", at: "volume/" + name, level: lack(dir.Get("sizeLimit").IsNull()), severity: Low,
			detail: "the size of the volume " + name, paths: []string{path + ".emptyDir", path}})
	}
	if reference := text(v.At("image", "reference")); reference != "" {
		fs.image("volume/"+name, reference, path+".image.reference", path+".image", path)
	}
}

// lack is the level of what lacks a protection.
func lack(is bool) int {
	if is {
		return 1
	}
	return 0
}

// podContainer is one container of a pod.
type podContainer struct {
	*facts
	spec, node *manifest.Node
	name       string
	pod, path  string // where the pod's spec and the container are
	appArmor   string // the profile of the pod's annotation, empty if none
}

// all are the container's facts; shared says that the pod's security context
// is touched.
func (c podContainer) all(shared bool) {
	if shared || c.touched(c.path+".securityContext") {
		c.privileges()
		c.profiles()
	}
	if name := text(c.node.Get("image")); name != "" && c.touched(c.path+".image") {
		c.image(c.name, name, c.path+".image")
	}
	if c.touched(c.path+".resources") || c.touched(c.pod+".resources") {
		c.limits()
	}
	c.probes()
	c.variables()
	c.flags()
}

// probes are the hosts that the kubelet sends requests to: none means the pod
// itself.
func (c podContainer) probes() {
	for _, at := range [][]string{{"livenessProbe"}, {"readinessProbe"}, {"startupProbe"}, {"lifecycle", "postStart"}, {"lifecycle", "preStop"}} {
		path := c.path + "." + strings.Join(at, ".")
		if !c.touched(path) {
			continue
		}
		for _, kind := range []string{"httpGet", "tcpSocket"} {
			if host := text(c.node.At(append(at, kind, "host")...)); host != "" {
				c.add(fact{id: "probe-host", at: path + kind, level: 2, grave: true, value: host, detail: host, paths: []string{path + "." + kind + ".host", path}})
			}
		}
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
	hostProcess, paths := c.setting("windowsOptions", "hostProcess")
	c.weak(isTrue(hostProcess), "host-process", c.name, "", paths...)
	c.weak(text(own.Get("procMount")) == "Unmasked", "proc-mount", c.name, "", field("procMount"))

	// Where it is not said, it is allowed too.
	escalation := own.Get("allowPrivilegeEscalation")
	f := fact{id: "privilege-escalation", at: c.name, level: lack(!isFalse(escalation)), grave: isTrue(escalation), paths: []string{field("allowPrivilegeEscalation")}}
	if f.grave {
		f.severity = High
	}
	c.add(f)
	c.users()
	c.lacks(!isTrue(own.Get("readOnlyRootFilesystem")), "read-only-root", c.name, "", field("readOnlyRootFilesystem"))
	dropsAll := func(n *manifest.Node) bool { return strings.EqualFold(text(n), "ALL") }
	c.lacks(!slices.ContainsFunc(items(own.At("capabilities", "drop")), dropsAll), "capabilities-kept", c.name, "", field("capabilities.drop"))
	c.seLinux(c.name, func(key string) (*manifest.Node, []string) { return c.setting("seLinuxOptions", key) })
}

// users are the facts of who the container runs as. A uid keeps it from root
// as well as runAsNonRoot does, which Pod Security asks for.
func (c podContainer) users() {
	uid, uidPaths := c.setting("runAsUser")
	gid, gidPaths := c.setting("runAsGroup")
	nonRoot, paths := c.setting("runAsNonRoot")
	c.weak(isZero(uid), "run-as-root", c.name, "", uidPaths...)
	c.weak(isZero(gid), "root-group", c.name, "", gidPaths...)
	f := fact{id: "run-as-non-root", at: c.name, paths: append(paths, uidPaths...)}
	switch {
	case isTrue(nonRoot):
	case !uid.IsNull() && !isZero(uid):
		f.level = 1
	default:
		f.level = 2
	}
	c.add(f)
}

func (c podContainer) profiles() {
	annotation := strings.TrimSuffix(c.pod, "spec") + manifest.Child("metadata.annotations", "container.apparmor.security.beta.kubernetes.io/"+c.name)
	for _, p := range []struct {
		id, field, annotated string
		unset                Severity
	}{
		{"seccomp", "seccompProfile", "", Medium},
		{"apparmor", "appArmorProfile", c.appArmor, Low},
	} {
		kind, paths := c.setting(p.field, "type")
		profile, _ := c.setting(p.field, "localhostProfile")
		name := cmp.Or(text(kind), p.annotated)
		if p.annotated == "unconfined" { // beside a field that says otherwise, the API refuses it
			name = "Unconfined"
		}
		paths = append(paths, c.path+".securityContext."+p.field, c.pod+".securityContext."+p.field, annotation)
		switch name {
		case "":
			c.add(fact{id: p.id, at: c.name, level: 1, severity: p.unset, paths: paths})
		case "Unconfined":
			c.add(fact{id: p.id, at: c.name, level: 2, grave: true, severity: High, paths: paths})
		case "Localhost":
			c.profile(p.field, text(profile), paths)
		default:
			c.profile(p.field, strings.TrimPrefix(name, "localhost/"), paths)
		}
	}
}

// profile is what confines the container; another one may confine it less.
func (c podContainer) profile(field, name string, paths []string) {
	f := fact{id: "security-profile", at: c.name + "/" + field, value: name, detail: field + " " + name, paths: paths}
	if name == "RuntimeDefault" || name == "runtime/default" {
		f.value = ""
	}
	c.add(f)
}

// image are the facts of an image's name.
func (fs *facts) image(at, name string, paths ...string) {
	image := imageOf(name)
	fs.add(fact{id: "image-registry", at: at, value: image.from(), detail: image.from(), paths: paths})
	fs.lacks(!image.pinned, "image-digest", at, "", paths...)
	fs.lacks(image.moves(), "image-latest", at, "", paths...)
}

// image is the name of an image, taken apart.
type image struct {
	registry, owner, tag string
	pinned               bool // by a digest
}

// imageOf takes a name apart: what stands before the first slash is a registry
// if it looks like a host, as distribution/reference has it. The owner is what
// stands between the registry and the last part.
func imageOf(name string) image {
	if name == "" {
		return image{}
	}
	var out image
	name, digest, found := strings.Cut(name, "@")
	out.pinned = found && digest != ""
	registry, rest, found := strings.Cut(name, "/")
	if !found || !strings.ContainsAny(registry, ".:") && registry != "localhost" {
		registry, rest = "docker.io", name
	}
	out.registry = strings.Replace(registry, "index.docker.io", "docker.io", 1)
	last := rest[strings.LastIndexByte(rest, '/')+1:]
	out.owner = strings.TrimSuffix(strings.TrimSuffix(rest, last), "/")
	if out.owner == "" && out.registry == "docker.io" {
		out.owner = "library"
	}
	_, out.tag, _ = strings.Cut(last, ":")
	return out
}

// from is where an image comes from: who can push there chooses what runs.
func (i image) from() string { return strings.Trim(i.registry+"/"+i.owner, "/") }

// moves reports whether the tag is one that is moved with each release.
func (i image) moves() bool { return !i.pinned && (i.tag == "" || i.tag == "latest") }

func (c podContainer) limits() {
	for _, name := range []string{"cpu", "memory", "ephemeral-storage"} {
		limited := !c.node.At("resources", "limits", name).IsNull() || !c.spec.At("resources", "limits", name).IsNull()
		c.lacks(!limited, "limit-removed", c.name+"/"+name, name, manifest.Child(c.path+".resources.limits", name), manifest.Child(c.pod+".resources.limits", name))
	}
}

// variables are the facts of the environment.
func (c podContainer) variables() {
	agent := slices.ContainsFunc(items(c.node.Get("env")), func(v *manifest.Node) bool { return text(v.Get("name")) == "SCION_AGENT_NAME" })
	if agent && c.touched(c.path+".env") {
		c.scion()
	}
}

// credentialLiterals are the variables whose value looks like a credential.
func credentialLiterals(container *manifest.Node) []string {
	var out []string
	for _, v := range items(container.Get("env")) {
		if name := text(v.Get("name")); credential.Named(name, text(v.Get("value"))) {
			out = append(out, name)
		}
	}
	return out
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
	mode := fact{id: "metadata-mode", at: c.name, guard: true, gone: High, owner: c.path, paths: []string{path("SCION_METADATA_MODE"), c.path + ".env"}}
	switch c.variable("SCION_METADATA_MODE") {
	case "block":
	case "assign":
		mode.level, mode.severity = 1, Medium
	default: // passthrough, which Scion writes as no variable at all
		mode.level, mode.grave, mode.guard = 2, true, false
	}
	c.add(mode)
	for _, name := range []string{"GCE_METADATA_HOST", "GCE_METADATA_ROOT"} {
		if host := c.variable(name); host != "" {
			c.add(fact{id: "metadata-host", at: c.name + "/" + name, value: host, guard: true, owner: c.path, paths: []string{path(name)}})
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
// flags that do; a dash at the end is followed by what it turns off.
var dangerous = []string{"--dangerously-", "--allow-dangerously-", "--yolo", "--full-auto", "--no-sandbox", "--trust-all-tools",
	"--allow-all-tools", "--allow-all-paths", "--yes-always", "--approval-mode=yolo", "--approval-mode yolo",
	"--ask-for-approval=never", "--ask-for-approval never", "bypassPermissions", "danger-full-access"}

// dangerousFlags are those in a text, to the end of the word.
func dangerousFlags(s string) []string {
	var out []string
	for _, flag := range dangerous {
		for rest := s; ; {
			_, after, found := strings.Cut(rest, flag)
			if !found {
				break
			}
			rest = after
			end := strings.IndexFunc(after, func(r rune) bool { return r != '-' && (r < 'A' || r > 'Z') && (r < 'a' || r > 'z') })
			if end < 0 {
				end = len(after)
			}
			if end == 0 || strings.HasSuffix(flag, "-") {
				out = append(out, flag+after[:end])
			}
		}
	}
	return out
}

// harness adds the flags in a text.
func (fs *facts) harness(at, text string, paths ...string) {
	for _, flag := range dangerousFlags(text) {
		fs.lacks(true, "harness-flag", at+"/"+flag, flag, paths...)
	}
}

func (c podContainer) flags() {
	for _, list := range []string{"command", "args"} {
		path := c.path + "." + list
		if !c.touched(path) {
			continue
		}
		var words []string
		for i, arg := range items(c.node.Get(list)) {
			c.harness(c.name, text(arg), manifest.Index(path, i), path)
			words = append(words, text(arg))
		}
		// A flag and its value may be two arguments.
		c.harness(c.name, strings.Join(words, " "), path)
	}
	for _, v := range items(c.node.Get("env")) {
		if path := c.path + ".env[" + text(v.Get("name")) + "]"; c.touched(path) {
			c.harness(c.name, text(v.Get("value")), path)
		}
	}
}
