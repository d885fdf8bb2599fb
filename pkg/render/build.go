package render

import (
	"slices"
	"strings"

	"github.com/scion-gen/scion-gen/pkg/manifest"
)

// The names and values that others rely on: Scion's broker and CLI find pods
// by labels, containers and users by these names.
const (
	agentContainer      = "agent"
	defaultUser         = "scion"
	defaultAccount      = "scion-agent"
	volumeTmp           = "tmp"
	metadataPassthrough = "passthrough"
	exitKeep            = "Keep"
	exitWith            = "Exit"
)

// podObject is the agent's Pod: what the settings make, with the layers' patches
// on it.
func (a *agent) podObject() *manifest.Node {
	m := a.mounts()
	image := a.image()
	inits := []*manifest.Node{a.homeInit(image, m)}
	if a.git().Clone == cloneInit {
		inits = append(inits, a.gitClone(image))
	}
	pod := object(
		"apiVersion", "v1",
		"kind", "Pod",
		"metadata", a.podMeta(),
		"spec", object(
			"serviceAccountName", a.or(defaultAccount, "serviceAccountName"),
			"runtimeClassName", a.at("runtimeClassName"),
			"priorityClassName", a.at("priorityClassName"),
			"nodeSelector", a.at("nodeSelector"),
			"tolerations", a.at("tolerations"),
			"imagePullSecrets", a.at("imagePullSecrets"),
			"securityContext", object(
				"runAsUser", a.at("user", "uid"),
				"runAsGroup", a.at("user", "gid"),
				"fsGroup", a.at("user", "fsGroup")),
			"initContainers", inits,
			"containers", list(a.container(image, m)),
			"volumes", m.volumes,
		))
	for _, l := range a.layers {
		if l.pod != nil {
			pod = manifest.Merge(pod, l.pod, podType, func(old, new manifest.Pos) bool { return a.rank(old) > a.rank(new) })
		}
	}
	return a.finish(pod)
}

// or is the setting, or a text that came from nowhere.
func (a *agent) or(otherwise string, setting ...string) *manifest.Node {
	if n := a.at(setting...); n != nil && n.Text != "" {
		return n
	}
	return value(otherwise)
}

func (a *agent) podMeta() *manifest.Node {
	name := a.doc.root.At("metadata", "name")
	return object(
		"name", at(name.Pos, value(a.pod)),
		"namespace", at(a.namespacePos(), value(a.namespace)),
		"labels", a.labels(),
		"annotations", a.annotations(),
	)
}

// namespacePos is where the namespace was chosen; the zero Pos for default.
func (a *agent) namespacePos() manifest.Pos {
	for _, n := range []*manifest.Node{
		a.doc.root.At("metadata", "namespace"),
		a.config.defaults.root.At("spec", "namespace"),
	} {
		if !n.IsNull() {
			return n.Pos
		}
	}
	return manifest.Pos{}
}

// labels are Scion's (pkg/agent/run.go), those that Kubernetes recommends, and
// the agent's own.
func (a *agent) labels() *manifest.Node {
	labels := object(
		"app.kubernetes.io/managed-by", managedBy,
		"app.kubernetes.io/name", "scion-agent",
		"scion.agent", "true")
	set := func(key, text string, setting ...string) {
		if text != "" {
			labels.Set(key, at(a.where(setting...), value(labelValue(text))))
		}
	}
	set("app.kubernetes.io/component", a.spec.Harness.Name, "harness", "name")
	set("app.kubernetes.io/instance", a.pod)
	set("app.kubernetes.io/part-of", a.partOf(), "grove")
	set("scion.grove", a.spec.Grove, "grove")
	set("scion.grove_id", a.spec.Hub.GroveID, "hub", "groveID")
	set("scion.harness_auth", a.spec.Harness.Auth, "harness", "auth")
	set("scion.harness_config", a.spec.Harness.Name, "harness", "name")
	set("scion.name", a.doc.metadata.Name)
	set("scion.template", a.template, "template")
	for _, f := range fields(a.doc.root.At("metadata", "labels")) {
		labels.Set(f.Key, f.Value)
	}
	return labels
}

// annotations are Scion's (pkg/runtime/k8s_runtime.go), those of the GitOps
// tool, and the agent's own. scion.grove_path, scion.workspace and
// scion.homedir are paths on a broker's host, which no configuration knows.
func (a *agent) annotations() *manifest.Node {
	annotations := object("scion.namespace", at(a.namespacePos(), value(a.namespace)))
	set := func(key, text string, setting ...string) {
		if text != "" {
			annotations.Set(key, at(a.where(setting...), value(text)))
		}
	}
	set("scion.username", a.spec.User.Name, "user", "name")
	if g := a.spec.Workspace.Git; g != nil {
		set("scion.git_clone", "true", "workspace", "git")
		set("scion.git_clone_url", g.URL, "workspace", "git", "url")
	}
	if gcs := a.gcsAnnotation(); gcs != "" {
		set("gke-gcsfuse/volumes", "true", "volumes")
		set("scion.gcs_volumes", gcs, "volumes")
	}
	if a.workload() == workloadPod {
		annotations.Fields = append(annotations.Fields, a.gitOps(false).Fields...)
	}
	for _, f := range fields(a.doc.root.At("metadata", "annotations")) {
		annotations.Set(f.Key, f.Value)
	}
	return annotations
}

func (a *agent) container(image *manifest.Node, m *mounts) *manifest.Node {
	start := a.pos("start")
	var command []*manifest.Node
	for _, word := range containerCommand(a.spec.Start) {
		command = append(command, value(word))
	}
	vars := a.env()
	env := make([]*manifest.Node, len(vars))
	for i, v := range vars {
		env[i] = v.node
	}
	return object(
		"name", agentContainer,
		"image", image,
		"imagePullPolicy", a.at("imagePullPolicy"),
		"command", at(start, list(command...)),
		"env", env,
		"resources", a.resources(),
		"securityContext", object("readOnlyRootFilesystem", a.at("readOnlyRootFilesystem")),
		"stdin", true,
		"tty", true,
		"volumeMounts", m.mounts,
		"workingDir", workspaceDir,
	)
}

// image is the image with the registry in front of it, if it is one of
// Scion's own: imageRegistry replaces what precedes the last component of
// scion-* images and leaves others alone.
func (a *agent) image() *manifest.Node {
	n := a.at("image")
	base := n.Text[strings.LastIndex(n.Text, "/")+1:]
	if registry := a.spec.ImageRegistry; registry != "" && strings.HasPrefix(base, "scion-") {
		return at(a.pos("imageRegistry"), value(registry+"/"+base))
	}
	return n
}

// resources are requests and limits, with disk as ephemeral storage in both.
func (a *agent) resources() *manifest.Node {
	out := object()
	for _, kind := range []string{"limits", "requests"} {
		quantities := &manifest.Node{Kind: manifest.Mapping, Fields: slices.Clone(fields(a.at("resources", kind)))}
		if disk := a.at("resources", "disk"); disk != nil {
			quantities.Set("ephemeral-storage", disk)
		}
		if len(quantities.Fields) > 0 {
			out.Set(kind, quantities)
		}
	}
	if len(out.Fields) == 0 {
		return nil // the API keeps no empty resources
	}
	return out
}

// initResources are what our own init containers have.
func (a *agent) initResources() *manifest.Node {
	out := object()
	for _, kind := range []string{"limits", "requests"} {
		if n := a.at("resources", "init", kind); len(fields(n)) > 0 {
			out.Set(kind, n)
		}
	}
	if len(out.Fields) == 0 {
		return nil
	}
	return out
}

// finish does what only the patched Pod allows: init containers of ours get
// the agent container's security context, variables that use others come after
// them.
func (a *agent) finish(pod *manifest.Node) *manifest.Node {
	spec := pod.Get("spec")
	agent := item(spec.Get("containers"), agentContainer)
	if agent == nil {
		return pod
	}
	pod, spec = clone(pod), clone(spec)
	pod.Set("spec", spec)
	containers := clone(spec.Get("containers"))
	containers.Items = slices.Clone(containers.Items)
	for i, c := range containers.Items {
		if r := c.Get("resources"); r != nil && len(r.Fields) == 0 {
			c = without(c, "resources") // the API keeps none
		}
		containers.Items[i] = orderEnv(c)
	}
	spec.Set("containers", containers)
	a.restartPolicy(spec)
	inits := clone(spec.Get("initContainers"))
	if inits == nil {
		return pod
	}
	inits.Items = slices.Clone(inits.Items)
	for i, c := range inits.Items {
		if n := agent.Get("securityContext"); n != nil && c.Get("securityContext") == nil && slices.Contains(ownInits, textOf(c.Get("name"))) {
			c = clone(c)
			c.Set("securityContext", n)
		}
		inits.Items[i] = orderEnv(c)
	}
	spec.Set("initContainers", inits)
	return pod
}

var ownInits = []string{"home-seed", "git-clone"}

// clone is a shallow copy whose fields can be set.
func clone(n *manifest.Node) *manifest.Node {
	if n == nil {
		return nil
	}
	out := *n
	out.Fields = slices.Clone(n.Fields)
	return &out
}

// item is the item of a keyed list that has the name, or nil.
func item(list *manifest.Node, name string) *manifest.Node {
	for _, n := range items(list) {
		if textOf(n.Get("name")) == name {
			return n
		}
	}
	return nil
}

func textOf(n *manifest.Node) string {
	if n == nil {
		return ""
	}
	return n.Text
}

// orderEnv moves variables that use others behind them, for the kubelet
// expands $(NAME) from the variables before it only. Everything else keeps its
// place.
func orderEnv(container *manifest.Node) *manifest.Node {
	env := container.Get("env")
	ordered, _ := orderByUse(items(env))
	if ordered == nil {
		return container
	}
	out := clone(container)
	sorted := clone(env)
	sorted.Items = ordered
	out.Set("env", sorted)
	return out
}

// orderByUse is vars in an order in which each follows the variables it uses,
// or nil if they are in such an order; or a variable of a cycle.
func orderByUse(vars []*manifest.Node) (ordered []*manifest.Node, cycle *manifest.Node) {
	if !slices.ContainsFunc(vars, func(v *manifest.Node) bool { return strings.Contains(textOf(v.Get("value")), "$(") }) {
		return nil, nil
	}
	index := make(map[string]int, len(vars))
	for i, v := range vars {
		index[textOf(v.Get("name"))] = i
	}
	state := make([]byte, len(vars)) // 1 while its uses are visited, 2 when placed
	var visit func(i int) *manifest.Node
	visit = func(i int) *manifest.Node {
		switch state[i] {
		case 1:
			return vars[i]
		case 2:
			return nil
		}
		state[i] = 1
		for _, name := range manifest.References(textOf(vars[i].Get("value"))) {
			if j, known := index[name]; known && j != i {
				if c := visit(j); c != nil {
					return c
				}
			}
		}
		state[i] = 2
		ordered = append(ordered, vars[i])
		return nil
	}
	for i := range vars {
		if c := visit(i); c != nil {
			return nil, c
		}
	}
	if slices.Equal(ordered, vars) {
		return nil, nil
	}
	return ordered, nil
}
