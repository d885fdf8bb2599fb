package render

import (
	"cmp"
	"maps"
	"slices"
	"strconv"
	"strings"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/util/validation"
	"k8s.io/pod-security-admission/api"
	"k8s.io/pod-security-admission/policy"

	"github.com/scion-gen/scion-gen/pkg/manifest"
)

// verifier holds rendered pods against the rules that the API server and the
// Pod Security admission have.
type verifier struct {
	evaluator policy.Evaluator
	level     api.LevelVersion
	problems  map[[2]string]string // of names by their kind, which are few and stand in every pod
	sound     map[fingerprint]bool // that nothing was found wrong with
	active    map[string]bool      // see sourcedEnv
	buf       []byte
}

func newVerifier(s PodSecurity) (*verifier, error) {
	evaluator, err := policy.NewEvaluator(policy.DefaultChecks(), nil)
	if err != nil {
		return nil, err
	}
	v := &verifier{
		evaluator: evaluator,
		level:     api.LevelVersion{Level: api.LevelRestricted, Version: api.LatestVersion()},
		problems:  map[[2]string]string{},
		sound:     map[fingerprint]bool{},
		active:    map[string]bool{},
	}
	if s.Level != "" {
		v.level.Level = api.Level(s.Level)
	}
	if s.Version != "" {
		if v.level.Version, err = api.ParseVersion(s.Version); err != nil {
			return nil, err
		}
	}
	return v, nil
}

// problem is what check says of a name, asked once.
func (v *verifier) problem(kind, name string, check func(string) string) string {
	key := [2]string{kind, name}
	p, known := v.problems[key]
	if !known {
		p = check(name)
		v.problems[key] = p
	}
	return p
}

// podCheck is the verification of one pod.
type podCheck struct {
	*agent
	*verifier
	node *manifest.Node
	pod  *corev1.Pod // without what withoutText takes away
	// ambiguous says that two containers have one name, by which findings of Pod
	// Security name them.
	ambiguous bool
}

// verify reports what a cluster would refuse of a pod, at the lines that
// caused it.
func (v *verifier) verify(a *agent, node *manifest.Node) {
	c := &podCheck{agent: a, verifier: v, node: node}
	before, mark := len(*a.errs), v.fingerprint(node)
	sound := v.sound[mark]
	if !sound && !c.decode() {
		return
	}
	if item(node.At("spec", "containers"), agentContainer) == nil {
		p := c.removal([]string{"spec", "containers", agentContainer})
		c.reportAt(p, "spec.containers", "the pod has no container named agent; do not remove it")
		return
	}
	c.metadata()
	c.identity()
	c.volumes()
	for _, list := range []string{"containers", "initContainers"} {
		for i, n := range items(node.At("spec", list)) {
			c.container(n, manifest.Index("spec."+list, i))
		}
	}
	if !sound {
		c.api()
		if !c.ambiguous {
			c.podSecurity()
		}
		v.sound[mark] = len(*a.errs) == before
	}
}

// report adds an error at the node that a path leads to, where it was taken
// away, or at the nearest above it that somebody wrote.
func (c *podCheck) report(path, format string, args ...any) {
	c.reportAt(c.locate(path), path, format, args...)
}

// reportAt names the setting at p, or, where nobody made one, the field of the
// pod.
func (c *podCheck) reportAt(p manifest.Pos, path, format string, args ...any) {
	setting := c.setting(p)
	if !p.IsValid() || setting == "" {
		p, setting = c.where(), strings.TrimSuffix("pod."+path, ".")
	}
	c.errs.Add(p, setting, format, args...)
}

// names are the keys of a path, with items by their names.
func (c *podCheck) names(path string) []string {
	n, names := c.node, splitPath(path)
	for i, key := range names {
		isItem := n.Kind == manifest.Sequence
		if n = step(n, key); n == nil {
			break
		}
		if name := textOf(n.Get("name")); name != "" && isItem {
			names[i] = name
		}
	}
	return names
}

func (c *podCheck) locate(path string) manifest.Pos {
	n, pos := c.node, manifest.Pos{}
	names := c.names(path)
	for i, key := range splitPath(path) {
		n = step(n, key)
		if n == nil {
			return cmp.Or(c.removal(names[:i+1]), pos)
		}
		if n.Pos.IsValid() {
			pos = n.Pos
		}
	}
	return pos
}

// removal is where a patch took away what names lead to, by null, $patch: delete
// or $patch: replace: the highest layer's, or the zero Pos. Items go by their
// name.
func (c *podCheck) removal(names []string) manifest.Pos {
	for _, l := range slices.Backward(c.layers) {
		if p := removedIn(l.pod, names); p.IsValid() {
			return p
		}
	}
	return manifest.Pos{}
}

// removedIn is where one patch took away what names lead to.
func removedIn(n *manifest.Node, names []string) manifest.Pos {
	var replaced manifest.Pos
	for _, name := range names {
		if by := replacement(n); by.IsValid() {
			replaced = by
		}
		if n = child(n, name); n == nil {
			return replaced
		}
		if removes(n) {
			return n.Pos
		}
	}
	return manifest.Pos{}
}

// replacement is where a patch says that nothing is to stay of a mapping or list
// but what it holds.
func replacement(n *manifest.Node) manifest.Pos {
	if d := n.Get("$patch"); textOf(d) == "replace" {
		return d.Pos
	}
	for _, item := range items(n) {
		if len(item.Fields) == 1 && textOf(item.Get("$patch")) == "replace" {
			return item.Pos
		}
	}
	return manifest.Pos{}
}

// child is a field of a mapping, or the item of a list that has the name.
func child(n *manifest.Node, name string) *manifest.Node {
	if n != nil && n.Kind == manifest.Sequence {
		return item(n, name)
	}
	return n.Get(name)
}

func removes(n *manifest.Node) bool {
	return n.Kind == manifest.Null || textOf(n.Get("$patch")) == "delete"
}

// removalBelow is where a patch took away a field of what a path leads to; see
// removal.
func (c *podCheck) removalBelow(path string) manifest.Pos {
	for _, l := range slices.Backward(c.layers) {
		n := l.pod
		for _, name := range c.names(path) {
			n = child(n, name)
		}
		for _, f := range fields(n) {
			if removes(f.Value) {
				return f.Value.Pos
			}
		}
	}
	return manifest.Pos{}
}

// splitPath makes spec.containers[0].env of the keys spec, containers, 0, env.
// What is in brackets is one key, dots and all.
func splitPath(path string) []string {
	var keys []string
	for path != "" {
		end := strings.IndexAny(path, ".[")
		if path[0] == '[' {
			if end = strings.IndexByte(path, ']'); end > 0 {
				keys = append(keys, path[1:end])
				path = strings.TrimPrefix(path[end+1:], ".")
				continue
			}
		}
		if end <= 0 {
			return append(keys, path)
		}
		keys = append(keys, path[:end])
		path = strings.TrimPrefix(path[end:], ".")
	}
	return keys
}

func step(n *manifest.Node, key string) *manifest.Node {
	if n.Kind != manifest.Sequence {
		return n.Get(key)
	}
	i := 0
	for _, r := range key {
		i = i*10 + int(r-'0')
	}
	if i < 0 || i >= len(n.Items) {
		return nil
	}
	return n.Items[i]
}

func (c *podCheck) metadata() {
	for _, kind := range []string{"labels", "annotations"} {
		size, longest, key := 0, -1, ""
		for _, f := range fields(c.node.At("metadata", kind)) {
			problem := c.problem("key", f.Key, qualifiedName)
			if problem == "" && kind == "labels" {
				problem = formats["labelValue"](f.Value.Text)
			}
			if problem == "" && kind == "annotations" {
				problem = c.annotation(f.Key, f.Value.Text)
			}
			if problem != "" {
				c.errs.Add(f.Pos, manifest.Child("pod.metadata."+kind, f.Key), "%s", problem)
			}
			size += len(f.Key) + len(f.Value.Text)
			if len(f.Value.Text) > longest {
				longest, key = len(f.Value.Text), f.Key
			}
		}
		if size > maxAnnotations {
			c.report("metadata."+kind+"["+key+"]", "the %s have %d bytes, and the API takes at most %d; shorten this one", kind, size, maxAnnotations)
		}
	}
}

// annotation says what is wrong with one that the API server reads
// (ValidatePodSpecificAnnotations).
func (c *podCheck) annotation(key, text string) string {
	name, appArmor := strings.CutPrefix(key, corev1.DeprecatedAppArmorBetaContainerAnnotationKeyPrefix)
	switch {
	case !strings.Contains(key, "kubernetes.io/"):
	case key == corev1.MirrorPodAnnotationKey:
		return "is the kubelet's own; remove it"
	case key == corev1.PodDeletionCost:
		if n, err := strconv.ParseInt(text, 10, 32); err != nil || strconv.FormatInt(n, 10) != text {
			return quoted(text) + " is not a whole number of 32 bits; write one such as 100"
		}
	case key == corev1.TolerationsAnnotationKey:
		return "nothing reads it any more; write tolerations"
	case strings.Contains(key, "seccomp.security.alpha.kubernetes.io/"):
		return "nothing reads it any more; write securityContext.seccompProfile"
	case appArmor && !appArmorProfile(text):
		return quoted(text) + " is not an AppArmor profile; write runtime/default, unconfined or localhost/<name>"
	case appArmor && item(c.node.At("spec", "containers"), name) == nil && item(c.node.At("spec", "initContainers"), name) == nil:
		return "there is no container " + quoted(name) + "; name one, or write securityContext.appArmorProfile"
	}
	return ""
}

func appArmorProfile(text string) bool {
	return text == corev1.DeprecatedAppArmorBetaProfileRuntimeDefault || text == corev1.DeprecatedAppArmorBetaProfileNameUnconfined ||
		strings.HasPrefix(text, corev1.DeprecatedAppArmorBetaProfileNamePrefix)
}

// identity reports labels that were changed though others find the pod by them:
// the network policies, and Scion's broker.
func (c *podCheck) identity() {
	meta := c.node.Get("metadata")
	if textOf(meta.Get("name")) != c.agent.pod || textOf(meta.Get("namespace")) != c.namespace {
		for _, l := range slices.Backward(c.layers) {
			if n := l.pod.Get("metadata"); n != nil {
				c.reportAt(n.Pos, "metadata", "would take away the pod's name; remove labels and annotations one by one")
				return
			}
		}
	}
	want := map[string]string{
		"app.kubernetes.io/instance": labelValue(c.agent.pod),
		"scion.agent":                "true",
		"scion.grove":                c.spec.Grove,
		"scion.name":                 labelValue(c.doc.metadata.Name),
	}
	for _, name := range slices.Sorted(maps.Keys(want)) {
		if textOf(meta.At("labels", name)) != want[name] {
			c.report("metadata.labels["+name+"]", "the label %s is made from other settings, and policies select by it; leave it as it is", name)
		}
	}
}

// maxAnnotations is TotalAnnotationSizeLimitB of the API's validation.
const maxAnnotations = 256 << 10

func (c *podCheck) volumes() {
	for i, v := range items(c.node.At("spec", "volumes")) {
		path := manifest.Index("spec.volumes", i)
		if problem := c.problem("label", textOf(v.Get("name")), formats["dnsLabel"]); problem != "" {
			c.report(path+".name", "%s", problem)
		}
		if len(v.Fields) != 2 {
			c.report(path, "the volume %s has to have one source, such as emptyDir: {}", textOf(v.Get("name")))
		}
	}
}

func (c *podCheck) container(n *manifest.Node, path string) {
	name := textOf(n.Get("name"))
	if problem := c.problem("label", name, formats["dnsLabel"]); problem != "" {
		c.report(path+".name", "%s", problem)
	}
	if textOf(n.Get("image")) == "" {
		c.report(path+".image", "the container %s has no image; set it", name)
	} else if problem := c.problem("image", textOf(n.Get("image")), image); problem != "" {
		c.report(path+".image", "%s", problem)
	}
	for i, e := range items(n.Get("env")) {
		if problem := c.problem("env", textOf(e.Get("name")), envVarName); problem != "" {
			c.report(manifest.Index(path+".env", i)+".name", "%s", problem)
		}
	}
	if _, cycle := orderByUse(items(n.Get("env"))); cycle != nil {
		i := slices.Index(n.Get("env").Items, cycle)
		c.report(manifest.Index(path+".env", i)+".value", "%s uses a variable that uses it in turn, and the kubelet can expand neither; write one of them out", textOf(cycle.Get("name")))
	}
	c.ofEach(n, path)
	c.devices(n, path)
	c.execStrings(n, path)
	c.uniquePaths(n, path)
	if name == agentContainer {
		c.sourcedEnv(n, path)
	}
}

var (
	envSource = manifest.TypeFor[corev1.EnvVarSource]()
	mountType = manifest.TypeFor[corev1.VolumeMount]()
)

// fileKey reports a file of variables that is in no emptyDir
// (validateFileKeyRefVolumes).
func (c *podCheck) fileKey(ref *manifest.Node, i int, path string) {
	if ref == nil {
		return
	}
	name := textOf(ref.Get("volumeName"))
	if volume := item(c.node.At("spec", "volumes"), name); volume.Get("emptyDir") == nil {
		c.report(manifest.Index(path+".env", i)+".valueFrom.fileKeyRef.volumeName", "there is no emptyDir %s; add it to spec.volumes of the patch", quoted(name))
	}
}

// ofEach holds variables and mounts against the API's rules. They are no part of
// what is checked once for all pods that are alike. Paths are made only for what
// is wrong.
func (c *podCheck) ofEach(n *manifest.Node, path string) {
	name, privileged := textOf(n.Get("name")), isTrue(n.At("securityContext", "privileged"))
	for i, e := range items(n.Get("env")) {
		if from := e.Get("valueFrom"); from != nil {
			c.checkAt(from, envSource, func() string { return manifest.Index(path+".env", i) + ".valueFrom" })
			c.fileKey(from.Get("fileKeyRef"), i, path)
		}
	}
	for i, m := range items(n.Get("volumeMounts")) {
		at := func() string { return manifest.Index(path+".volumeMounts", i) }
		c.checkAt(m, mountType, at)
		if volume := textOf(m.Get("name")); item(c.node.At("spec", "volumes"), volume) == nil {
			c.mounted(volume, name, at())
		}
		if !privileged && textOf(m.Get("mountPropagation")) == string(corev1.MountPropagationBidirectional) {
			c.report(at()+".mountPropagation", "Bidirectional is for privileged containers only; write HostToContainer")
		}
	}
}

// checkAt is checkAPI of what is at a path of the pod.
func (c *podCheck) checkAt(n *manifest.Node, t *manifest.Type, path func() string) {
	checkAPI(n, t, "", func(n *manifest.Node, below, field, problem string) {
		c.apiReport(n, strings.TrimSuffix(path()+"."+below, "."), field, problem)
	})
}

// mounted reports a volume that a container mounts and that is not there: where
// it was taken away, or at the mount.
func (c *podCheck) mounted(volume, container, path string) {
	if p := c.removal([]string{"spec", "volumes", volume}); p.IsValid() {
		c.reportAt(p, path, "takes away the volume %s, which the container %s mounts; keep it, or remove the mount too", volume, container)
		return
	}
	c.report(path, "there is no volume %s; add it to spec.volumes of the patch", quoted(volume))
}

// devices reports volumes that a container cannot have as devices
// (ValidateVolumeDevices).
func (c *podCheck) devices(n *manifest.Node, path string) {
	devices, mounts := items(n.Get("volumeDevices")), items(n.Get("volumeMounts"))
	for i, d := range devices {
		at, name := manifest.Index(path+".volumeDevices", i), textOf(d.Get("name"))
		uses := func(key string) func(other *manifest.Node) bool {
			return func(other *manifest.Node) bool { return textOf(other.Get(key)) == name }
		}
		volume := item(c.node.At("spec", "volumes"), name)
		switch {
		case volume == nil:
			c.report(at+".name", "there is no volume %s; add it to spec.volumes of the patch", quoted(name))
		case volume.Get("persistentVolumeClaim") == nil && volume.Get("ephemeral") == nil:
			c.report(at+".name", "%s is no claim; a device is a persistentVolumeClaim or ephemeral", name)
		case slices.ContainsFunc(devices[:i], uses("name")), slices.ContainsFunc(mounts, uses("name")):
			c.report(at+".name", "%s is a device or mounted already; remove one", name)
		case slices.ContainsFunc(mounts, func(m *manifest.Node) bool { return textOf(m.Get("mountPath")) == textOf(d.Get("devicePath")) }):
			c.report(at+".devicePath", "a volume is mounted at %s; change one", textOf(d.Get("devicePath")))
		case isFalse(c.node.At("spec", "hostUsers")):
			c.report(at, "cannot stand beside hostUsers: false; remove one of the two")
		}
	}
}

// execStrings reports variables and words of a command that Linux hands to no
// program. Paths are made only for what is wrong.
func (c *podCheck) execStrings(n *manifest.Node, path string) {
	report := func(list string, i int, below, text string, more int) {
		if more+len(text) < maxExecString {
			return
		}
		size := more + len(text) - strings.Count(text, "$$") // of which the kubelet makes $
		if size >= maxExecString {
			c.report(manifest.Index(path+"."+list, i)+below, "has %d bytes, and Linux hands at most %d to a program; put the text into a file, as home.files do", size, maxExecString-1)
		}
	}
	for i, e := range items(n.Get("env")) {
		report("env", i, ".value", textOf(e.Get("value")), len(textOf(e.Get("name")))+len("="))
	}
	for _, key := range []string{"command", "args"} {
		for i, word := range items(n.Get(key)) {
			report(key, i, "", textOf(word), 0)
		}
	}
}

func envVarName(name string) string {
	if problems := validation.IsEnvVarName(name); len(problems) > 0 {
		return problems[0]
	}
	return ""
}

// uniquePaths reports two mounts at one place: lists that a patch merged have
// unique keys, those that we made may not.
func (c *podCheck) uniquePaths(n *manifest.Node, path string) {
	seen := map[string]*manifest.Node{}
	for i, m := range items(n.Get("volumeMounts")) {
		at := textOf(m.Get("mountPath"))
		if first := seen[at]; first != nil {
			c.report(manifest.Index(path+".volumeMounts", i), "%s is mounted twice, also at %s; change one", at, first.Pos)
		}
		seen[at] = m
	}
}

func (c *podCheck) podSecurity() {
	wrong := map[manifest.Pos]bool{}
	for _, e := range *c.errs {
		wrong[e.Pos] = true
	}
	for _, result := range c.evaluator.EvaluatePod(c.level, &c.pod.ObjectMeta, &c.pod.Spec) {
		if result.Allowed {
			continue
		}
		path, pos := c.culprit(result.ForbiddenReason, result.ForbiddenDetail)
		if wrong[pos] {
			continue // of no type, say, and so of no allowed one
		}
		c.reportAt(pos, path, "Pod Security %s: %s: %s", c.level.Level, result.ForbiddenReason, result.ForbiddenDetail)
	}
}

// podSecurityFields are the fields that the checks of pod-security-admission
// speak of, by a word of their reasons.
var podSecurityFields = []struct{ word, field string }{
	{"allowPrivilegeEscalation", "allowPrivilegeEscalation"},
	{"capabilities", "capabilities"},
	{"runAsNonRoot", "runAsNonRoot"},
	{"runAsUser", "runAsUser"},
	{"seccompProfile", "seccompProfile"},
	{"privileged", "privileged"},
	{"hostPath", "hostPath"},
	{"hostPort", "hostPort"},
	{"host namespaces", "hostNetwork"},
	{"host namespaces", "hostPID"},
	{"host namespaces", "hostIPC"},
	{"procMount", "procMount"},
	{"sysctls", "sysctls"},
	{"seLinuxOptions", "seLinuxOptions"},
	{"AppArmor", "appArmorProfile"},
	{"probe", "host"},
}

// culprit is the field that a finding speaks of where it was last set, the
// highest layer's, or was removed. The detail quotes the names of the containers
// or volumes at fault; init containers of ours have what the agent has, unless
// they are at fault alone.
func (c *podCheck) culprit(reason, detail string) (string, manifest.Pos) {
	s := suspect{check: c, reason: reason, rank: -1}
	for _, f := range fields(c.node.At("metadata", "annotations")) {
		if strings.Contains(detail, f.Key) { // AppArmor's
			return "metadata.annotations[" + f.Key + "]", f.Pos
		}
	}
	var missing []string
	ours := strings.Contains(detail, strconv.Quote(agentContainer))
	for _, list := range []string{"containers", "initContainers", "volumes"} {
		for i, n := range items(c.node.At("spec", list)) {
			name, at := textOf(n.Get("name")), manifest.Index("spec."+list, i)
			switch {
			case !strings.Contains(detail, strconv.Quote(name)), ours && slices.Contains(ownInits, name):
			case list != "volumes":
				missing = append(missing, at)
				s.walk(n, at, "")
			case strings.Contains(reason, "olume"): // one may have a container's name
				s.accuse(n, at)
			}
		}
	}
	s.walk(without(without(without(c.node.Get("spec"), "containers"), "initContainers"), "volumes"), "spec", "")
	for _, at := range append(missing, "spec") {
		for _, f := range podSecurityFields {
			if !strings.Contains(reason, f.word) {
				continue
			}
			path := at + ".securityContext." + f.field
			if p := cmp.Or(c.removal(c.names(path)), c.removalBelow(path)); c.rank(p) > s.rank {
				return at, p
			}
			if s.pos.IsValid() {
				continue
			}
			if p := c.locate(at + ".securityContext." + f.field); p.IsValid() && (at == "spec" || c.rank(p) > 0) {
				return at, p
			}
		}
	}
	return cmp.Or(s.path, "spec"), s.pos
}

// suspect is the field that is most likely to blame for a finding.
type suspect struct {
	check  *podCheck
	reason string
	path   string
	pos    manifest.Pos
	rank   int
}

// walk accuses all fields that the reason is about.
func (s *suspect) walk(n *manifest.Node, path, key string) {
	for _, f := range podSecurityFields {
		if f.field == key && strings.Contains(s.reason, f.word) {
			s.accuse(n, path)
		}
	}
	for _, f := range fields(n) {
		s.walk(f.Value, manifest.Child(path, f.Key), f.Key)
	}
	for i, item := range items(n) {
		s.walk(item, manifest.Index(path, i), "")
	}
}

// accuse takes n, or what it holds, for the suspect if a higher layer set it.
func (s *suspect) accuse(n *manifest.Node, path string) {
	if rank := s.check.rank(n.Pos); rank > s.rank {
		s.path, s.pos, s.rank = path, n.Pos, rank
	}
	for _, f := range n.Fields {
		s.accuse(f.Value, manifest.Child(path, f.Key))
	}
	for i, item := range n.Items {
		s.accuse(item, manifest.Index(path, i))
	}
}
