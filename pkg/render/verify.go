package render

import (
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
}

func newVerifier(s PodSecurity) (*verifier, error) {
	evaluator, err := policy.NewEvaluator(policy.DefaultChecks(), nil)
	if err != nil {
		return nil, err
	}
	v := &verifier{evaluator: evaluator, level: api.LevelVersion{Level: api.LevelRestricted, Version: api.LatestVersion()}}
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

// podCheck is the verification of one pod.
type podCheck struct {
	*agent
	node *manifest.Node
	pod  corev1.Pod
}

// verify reports what a cluster would refuse of a pod, at the lines that
// caused it.
func (v *verifier) verify(a *agent, node *manifest.Node) {
	c := &podCheck{agent: a, node: node}
	if err := manifest.Into(node, &c.pod); err != nil {
		c.report("", "%v", err)
		return
	}
	if item(node.At("spec", "containers"), agentContainer) == nil {
		c.report("spec.containers", "the pod has no container named agent; do not remove it in pod")
		return
	}
	c.metadata()
	c.volumes()
	for _, list := range []string{"initContainers", "containers"} {
		for i, n := range items(node.At("spec", list)) {
			c.container(n, manifest.Index("spec."+list, i))
		}
	}
	c.values()
	c.podSecurity(v)
}

// report adds an error at the node that a path leads to, or the nearest above
// it that somebody wrote.
func (c *podCheck) report(path, format string, args ...any) {
	n, pos := c.node, c.where()
	for _, key := range splitPath(path) {
		if n = step(n, key); n == nil {
			break
		}
		if n.Pos.IsValid() {
			pos = n.Pos
		}
	}
	c.errs.Add(pos, strings.TrimSuffix("pod."+path, "."), format, args...)
}

// splitPath makes spec.containers[0].env of the keys spec, containers, 0, env.
// A key in brackets that is not a number is a map's.
func splitPath(path string) []string {
	return strings.FieldsFunc(path, func(r rune) bool { return r == '.' || r == '[' || r == ']' })
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
		size := 0
		for _, f := range fields(c.node.At("metadata", kind)) {
			problem := qualifiedName(f.Key)
			if problem == "" && kind == "labels" {
				problem = formats["labelValue"](f.Value.Text)
			}
			if problem != "" {
				c.errs.Add(f.Pos, manifest.Child("pod.metadata."+kind, f.Key), "%s", problem)
			}
			size += len(f.Key) + len(f.Value.Text)
		}
		if size > maxAnnotations {
			c.report("metadata."+kind, "%d bytes are more than the %d that the API takes", size, maxAnnotations)
		}
	}
}

// maxAnnotations is TotalAnnotationSizeLimitB of the API's validation.
const maxAnnotations = 256 << 10

func (c *podCheck) volumes() {
	for i, v := range items(c.node.At("spec", "volumes")) {
		path := manifest.Index("spec.volumes", i)
		if problems := validation.IsDNS1123Label(textOf(v.Get("name"))); len(problems) > 0 {
			c.report(path+".name", "%s", problems[0])
		}
		if len(v.Fields) != 2 {
			c.report(path, "the volume %s has to have one source; remove the others with null", textOf(v.Get("name")))
		}
	}
}

func (c *podCheck) container(n *manifest.Node, path string) {
	name := textOf(n.Get("name"))
	if problems := validation.IsDNS1123Label(name); len(problems) > 0 {
		c.report(path+".name", "%s", problems[0])
	}
	if textOf(n.Get("image")) == "" {
		c.report(path+".image", "the container %s has no image; set it", name)
	} else if problem := image(textOf(n.Get("image"))); problem != "" {
		c.report(path+".image", "%s", problem)
	}
	for i, e := range items(n.Get("env")) {
		if problems := validation.IsEnvVarName(textOf(e.Get("name"))); len(problems) > 0 {
			c.report(manifest.Index(path+".env", i), "%s", problems[0])
		}
	}
	for i, m := range items(n.Get("volumeMounts")) {
		if item(c.node.At("spec", "volumes"), textOf(m.Get("name"))) == nil {
			c.report(manifest.Index(path+".volumeMounts", i), "there is no volume %q", textOf(m.Get("name")))
		}
	}
	c.uniquePaths(n, path)
	if name == agentContainer {
		c.sourcedEnv(n, path)
	}
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

// values checks what corev1 types only as strings and numbers.
func (c *podCheck) values() {
	one := func(path, value string, of ...string) {
		if value == "" {
			return
		}
		for _, v := range of {
			if v == value {
				return
			}
		}
		c.report(path, "%q is not one of %s", value, strings.Join(of, ", "))
	}
	s := &c.pod.Spec
	one("spec.restartPolicy", string(s.RestartPolicy), "Always", "OnFailure", "Never")
	one("spec.dnsPolicy", string(s.DNSPolicy), "ClusterFirst", "ClusterFirstWithHostNet", "Default", "None")
	if g := s.TerminationGracePeriodSeconds; g != nil && *g < 0 {
		c.report("spec.terminationGracePeriodSeconds", "%d is negative", *g)
	}
	if d := s.ActiveDeadlineSeconds; d != nil && *d < 1 {
		c.report("spec.activeDeadlineSeconds", "%d is less than 1", *d)
	}
	for i, t := range s.Tolerations {
		path := manifest.Index("spec.tolerations", i)
		one(path+".operator", string(t.Operator), "Exists", "Equal", "Lt", "Gt")
		one(path+".effect", string(t.Effect), "NoSchedule", "PreferNoSchedule", "NoExecute")
		if t.TolerationSeconds != nil && t.Effect != corev1.TaintEffectNoExecute {
			c.report(path+".tolerationSeconds", "is for effect NoExecute only; remove it or change the effect")
		}
		if t.Operator == corev1.TolerationOpExists && t.Value != "" {
			c.report(path+".value", "operator Exists takes no value; remove it")
		}
		if t.Key == "" && t.Operator != corev1.TolerationOpExists {
			c.report(path+".key", "without a key the operator has to be Exists")
		}
	}
	for list, containers := range map[string][]corev1.Container{"spec.initContainers": s.InitContainers, "spec.containers": s.Containers} {
		for i, ctr := range containers {
			path := manifest.Index(list, i)
			one(path+".imagePullPolicy", string(ctr.ImagePullPolicy), "Always", "IfNotPresent", "Never")
			c.resourceBounds(path+".resources", ctr.Resources)
		}
	}
}

func (c *podCheck) resourceBounds(path string, r corev1.ResourceRequirements) {
	for name, request := range r.Requests {
		limit, limited := r.Limits[name]
		switch {
		case request.Sign() < 0:
			c.report(path+".requests["+string(name)+"]", "%s is negative", request.String())
		case limited && request.Cmp(limit) > 0:
			c.report(path+".requests["+string(name)+"]", "the request %s is more than the limit %s", request.String(), limit.String())
		}
	}
	for name, limit := range r.Limits {
		if limit.Sign() < 0 {
			c.report(path+".limits["+string(name)+"]", "%s is negative", limit.String())
		}
	}
}

func (c *podCheck) podSecurity(v *verifier) {
	for _, result := range v.evaluator.EvaluatePod(v.level, &c.pod.ObjectMeta, &c.pod.Spec) {
		if result.Allowed {
			continue
		}
		path, pos := c.culprit(result.ForbiddenReason)
		c.errs.Add(pos, path, "Pod Security %s: %s: %s", v.level.Level, result.ForbiddenReason, result.ForbiddenDetail)
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
	{"volume types", "volumes"},
}

// culprit is the field that a reason speaks of where it was last set: the
// highest layer's.
func (c *podCheck) culprit(reason string) (string, manifest.Pos) {
	path, pos, rank := "pod.spec", c.where(), -1
	var walk func(n *manifest.Node, at, key string)
	walk = func(n *manifest.Node, at, key string) {
		for _, f := range podSecurityFields {
			if f.field == key && strings.Contains(reason, f.word) && c.rank(n.Pos) > rank {
				path, pos, rank = at, n.Pos, c.rank(n.Pos)
			}
		}
		for _, f := range n.Fields {
			walk(f.Value, manifest.Child(at, f.Key), f.Key)
		}
		for i, item := range n.Items {
			walk(item, manifest.Index(at, i), "")
		}
	}
	walk(c.node.Get("spec"), "pod.spec", "spec")
	return path, pos
}
