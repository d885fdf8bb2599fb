package diff

import (
	"encoding/json"
	"math/rand/v2"
	"slices"
	"testing"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/intstr"
	psa "k8s.io/pod-security-admission/api"
	podsecurity "k8s.io/pod-security-admission/policy"

	"github.com/scion-gen/scion-gen/pkg/manifest"
)

// pick is one of several.
func pick[T any](rng *rand.Rand, of ...T) T { return of[rng.IntN(len(of))] }

// randomSecurity is a pod with every field that Pod Security looks at set
// somehow.
func randomSecurity(rng *rand.Rand) *corev1.Pod {
	p := &corev1.Pod{TypeMeta: metav1.TypeMeta{APIVersion: "v1", Kind: "Pod"}, ObjectMeta: metav1.ObjectMeta{Name: "p", Namespace: "n"}}
	rare := func() bool { return rng.IntN(12) == 0 }
	p.Spec.HostNetwork, p.Spec.HostPID, p.Spec.HostIPC = rare(), rare(), rare()
	p.Spec.HostUsers = pick(rng, nil, nil, new(true), new(false))
	if rare() {
		p.Annotations = map[string]string{"container.apparmor.security.beta.kubernetes.io/a": pick(rng, "unconfined", "runtime/default", "localhost/x")}
	}
	p.Spec.Volumes = randomVolumes(rng)
	if rng.IntN(4) > 0 {
		p.Spec.SecurityContext = &corev1.PodSecurityContext{
			RunAsNonRoot: pick(rng, nil, new(true), new(true), new(false)), RunAsUser: pick(rng, nil, new(int64(1000)), new(int64(0))),
			SeccompProfile: randomSeccomp(rng), AppArmorProfile: randomAppArmor(rng), SELinuxOptions: randomSELinux(rng), WindowsOptions: randomWindows(rng),
		}
		if rare() {
			p.Spec.SecurityContext.Sysctls = []corev1.Sysctl{{Name: pick(rng, "kernel.msgmax", "net.ipv4.tcp_rmem", "kernel.shm_rmid_forced", "net.ipv4.tcp_wmem"), Value: "1"}}
		}
	}
	for _, name := range []string{"a", "b"} {
		p.Spec.Containers = append(p.Spec.Containers, randomContainer(rng, name))
	}
	if rng.IntN(2) == 0 {
		p.Spec.InitContainers = append(p.Spec.InitContainers, randomContainer(rng, "i"))
	}
	return p
}

func randomSeccomp(rng *rand.Rand) *corev1.SeccompProfile {
	return pick(rng, nil, nil, &corev1.SeccompProfile{Type: "RuntimeDefault"}, &corev1.SeccompProfile{Type: "RuntimeDefault"}, &corev1.SeccompProfile{Type: "Localhost", LocalhostProfile: new("x")}, &corev1.SeccompProfile{Type: "Unconfined"})
}

func randomAppArmor(rng *rand.Rand) *corev1.AppArmorProfile {
	return pick(rng, nil, nil, nil, &corev1.AppArmorProfile{Type: "RuntimeDefault"}, &corev1.AppArmorProfile{Type: "Unconfined"})
}

func randomSELinux(rng *rand.Rand) *corev1.SELinuxOptions {
	return pick(rng, nil, nil, nil, nil, &corev1.SELinuxOptions{Type: "container_t"}, &corev1.SELinuxOptions{Type: "spc_t"}, &corev1.SELinuxOptions{User: "u"}, &corev1.SELinuxOptions{Role: "r", Level: "s0"})
}

func randomWindows(rng *rand.Rand) *corev1.WindowsSecurityContextOptions {
	return pick(rng, nil, nil, nil, nil, nil, &corev1.WindowsSecurityContextOptions{HostProcess: new(true)}, &corev1.WindowsSecurityContextOptions{HostProcess: new(false)})
}

func randomVolumes(rng *rand.Rand) []corev1.Volume {
	var out []corev1.Volume
	if rng.IntN(8) == 0 {
		out = append(out, corev1.Volume{Name: "h", VolumeSource: corev1.VolumeSource{HostPath: &corev1.HostPathVolumeSource{Path: pick(rng, "/srv", "/srv/a", "/etc")}}})
	}
	if rng.IntN(8) == 0 {
		out = append(out, corev1.Volume{Name: "n", VolumeSource: corev1.VolumeSource{NFS: &corev1.NFSVolumeSource{Server: "s", Path: pick(rng, "/a", "/b")}}})
	}
	if rng.IntN(2) == 0 {
		out = append(out, corev1.Volume{Name: "e", VolumeSource: corev1.VolumeSource{EmptyDir: &corev1.EmptyDirVolumeSource{}}})
	}
	return out
}

func randomContainer(rng *rand.Rand, name string) corev1.Container {
	rare := func() bool { return rng.IntN(8) == 0 }
	c := corev1.Container{Name: name, Image: "a:1"}
	if rare() {
		c.Ports = []corev1.ContainerPort{{ContainerPort: 80, HostPort: pick(rng, int32(0), 80, 81)}}
	}
	if rare() {
		c.LivenessProbe = &corev1.Probe{ProbeHandler: corev1.ProbeHandler{TCPSocket: &corev1.TCPSocketAction{Host: pick(rng, "", "h"), Port: intstr.FromInt32(80)}}}
	}
	if rare() {
		c.Lifecycle = &corev1.Lifecycle{PreStop: &corev1.LifecycleHandler{HTTPGet: &corev1.HTTPGetAction{Host: pick(rng, "", "h"), Port: intstr.FromInt32(80)}}}
	}
	if rare() {
		return c
	}
	c.SecurityContext = &corev1.SecurityContext{
		AllowPrivilegeEscalation: pick(rng, nil, new(true), new(false), new(false)),
		RunAsNonRoot:             pick(rng, nil, nil, new(true), new(false)), RunAsUser: pick(rng, nil, nil, new(int64(1000)), new(int64(0))),
		SeccompProfile: randomSeccomp(rng), AppArmorProfile: randomAppArmor(rng), SELinuxOptions: randomSELinux(rng), WindowsOptions: randomWindows(rng),
		ProcMount: pick(rng, nil, nil, nil, new(corev1.DefaultProcMount), new(corev1.UnmaskedProcMount)),
	}
	if rare() {
		c.SecurityContext.Privileged = pick(rng, new(true), new(false))
	}
	if rng.IntN(3) > 0 {
		c.SecurityContext.Capabilities = &corev1.Capabilities{
			Drop: pick(rng, nil, []corev1.Capability{"ALL"}, []corev1.Capability{"ALL"}, []corev1.Capability{"NET_RAW"}, []corev1.Capability{"ALL", "SYS_TIME"}),
			Add:  pick(rng, nil, nil, []corev1.Capability{"NET_BIND_SERVICE"}, []corev1.Capability{"CHOWN"}, []corev1.Capability{"SYS_TIME"}, []corev1.Capability{"ALL"}),
		}
	}
	return c
}

// change is a pod with some parts of another.
func change(rng *rand.Rand, old, other *corev1.Pod) *corev1.Pod {
	out := old.DeepCopy()
	from := other.DeepCopy()
	some := func() bool { return rng.IntN(6) == 0 }
	if some() {
		out.Annotations = from.Annotations
	}
	if some() {
		out.Spec.HostNetwork, out.Spec.HostUsers = from.Spec.HostNetwork, from.Spec.HostUsers
	}
	if some() {
		out.Spec.Volumes = from.Spec.Volumes
	}
	if some() {
		out.Spec.SecurityContext = from.Spec.SecurityContext
	}
	if a, b := out.Spec.SecurityContext, from.Spec.SecurityContext; some() && a != nil && b != nil {
		a.RunAsNonRoot, a.SELinuxOptions = b.RunAsNonRoot, b.SELinuxOptions
	}
	for i := range out.Spec.Containers {
		if a, b := out.Spec.Containers[i].SecurityContext, from.Spec.Containers[i].SecurityContext; some() && a != nil && b != nil {
			a.Capabilities, a.RunAsUser = b.Capabilities, b.RunAsUser
		} else if some() {
			out.Spec.Containers[i] = from.Spec.Containers[i]
		}
	}
	if some() {
		out.Spec.InitContainers = from.Spec.InitContainers
	}
	return out
}

func flagsOfPods(t *testing.T, old, new *corev1.Pod) []Flag {
	t.Helper()
	var roots [2]*manifest.Node
	for i, p := range []*corev1.Pod{old, new} {
		root, err := manifest.FromObject(p)
		if err != nil {
			t.Fatal(err)
		}
		roots[i] = root
	}
	var out []Flag
	for _, o := range Compare(sideOf("old", roots[0]), sideOf("new", roots[1]), Options{}).Objects {
		for _, e := range o.Edits {
			out = append(out, e.Flags...)
		}
	}
	return out
}

// flagsOfChecks are the flags that a check of Pod Security is broken by.
var flagsOfChecks = map[podsecurity.CheckID][]string{
	"allowPrivilegeEscalation":   {"privilege-escalation"},
	"appArmorProfile":            {"apparmor"},
	"capabilities_baseline":      {"capability-added"},
	"capabilities_restricted":    {"capability-added", "capabilities-kept"},
	"hostNamespaces":             {"host-network", "host-pid", "host-ipc"},
	"hostPathVolumes":            {"host-path"},
	"hostPorts":                  {"host-port"},
	"hostProbesAndHostLifecycle": {"probe-host"},
	"privileged":                 {"privileged"},
	"procMount":                  {"proc-mount", "host-users"},
	"procMount_restricted":       {"proc-mount"},
	"restrictedVolumes":          {"host-path", "volume-type"},
	"runAsNonRoot":               {"run-as-non-root", "host-users"},
	"runAsUser":                  {"run-as-root", "host-users"},
	"seLinuxOptions":             {"selinux"},
	"seccompProfile_baseline":    {"seccomp"},
	"seccompProfile_restricted":  {"seccomp"},
	"sysctls":                    {"sysctl"},
	"windowsHostProcess":         {"host-process"},
}

// Pod Security's own checks are the judge: where one lets the old pod pass and
// not the new, it is flagged by what the check is about.
func TestPodSecurityIsTheJudge(t *testing.T) {
	version := psa.LatestVersion()
	evaluators := map[podsecurity.CheckID]podsecurity.Evaluator{}
	for _, check := range podsecurity.DefaultChecks() {
		e, err := podsecurity.NewEvaluator([]podsecurity.Check{check}, nil)
		if err != nil {
			t.Fatal(err)
		}
		evaluators[check.ID] = e
	}
	passes := func(e podsecurity.Evaluator, p *corev1.Pod) bool {
		return podsecurity.AggregateCheckResults(e.EvaluatePod(psa.LevelVersion{Level: psa.LevelRestricted, Version: version}, &p.ObjectMeta, &p.Spec)).Allowed
	}
	weaker := map[podsecurity.CheckID]int{}
	for seed := range uint64(1800) {
		rng := rand.New(rand.NewPCG(seed, 2))
		old := randomSecurity(rng)
		new := change(rng, old, randomSecurity(rng))
		for _, pair := range [][2]*corev1.Pod{{old, new}, {new, old}} {
			flags := flagsOfPods(t, pair[0], pair[1])
			for id, e := range evaluators {
				if !passes(e, pair[0]) || passes(e, pair[1]) {
					continue
				}
				weaker[id]++
				if !slices.ContainsFunc(flags, func(f Flag) bool { return slices.Contains(flagsOfChecks[id], f.ID) }) {
					a, _ := json.Marshal(pair[0])
					b, _ := json.Marshal(pair[1])
					t.Fatalf("seed %d: %s no longer passes, and the flags are %v\n%s\n%s", seed, id, flags, a, b)
				}
			}
		}
	}
	for id := range evaluators {
		if weaker[id] == 0 {
			t.Errorf("%s was never broken: the test tests little", id)
		}
	}
}

// grades are settings of a pod, from the strictest to the weakest, each a
// field of its own.
var grades = [][]func(p *corev1.Pod, c *corev1.Container){
	{nothing, func(p *corev1.Pod, c *corev1.Container) { p.Spec.HostNetwork = true }},
	{nothing, func(p *corev1.Pod, c *corev1.Container) { p.Spec.HostPID = true }},
	{func(p *corev1.Pod, c *corev1.Container) { p.Spec.HostUsers = new(false) }, nothing},
	{func(p *corev1.Pod, c *corev1.Container) { p.Spec.AutomountServiceAccountToken = new(false) }, nothing, func(p *corev1.Pod, c *corev1.Container) { p.Spec.AutomountServiceAccountToken = new(true) }},
	{func(p *corev1.Pod, c *corev1.Container) { p.Spec.SecurityContext.RunAsNonRoot = new(true) }, nothing},
	{func(p *corev1.Pod, c *corev1.Container) { c.SecurityContext.AllowPrivilegeEscalation = new(false) }, nothing},
	{func(p *corev1.Pod, c *corev1.Container) { c.SecurityContext.ReadOnlyRootFilesystem = new(true) }, nothing},
	{nothing, func(p *corev1.Pod, c *corev1.Container) { c.SecurityContext.Privileged = new(true) }},
	{seccomp("RuntimeDefault"), seccomp(""), seccomp("Unconfined")},
	{capability("ALL"), capability("ALL", "NET_BIND_SERVICE"), capability("ALL", "NET_BIND_SERVICE", "CHOWN"), capability("SYS_TIME"), capability("", "NET_ADMIN")},
	{hostVolume("", true), hostVolume("/srv/a", true), hostVolume("/srv", true), hostVolume("/srv", false), hostVolume("/", false)},
	{tolerations(), tolerations(corev1.Toleration{Key: "a", Value: "b", Effect: "NoSchedule"}), tolerations(corev1.Toleration{Key: "a", Operator: "Exists", Effect: "NoSchedule"}), tolerations(corev1.Toleration{Operator: "Exists"})},
	{nodes("a", "b"), nodes("a"), nodes()},
	{sized("1Gi"), sized("")},
	{nothing, func(p *corev1.Pod, c *corev1.Container) {
		c.Ports = []corev1.ContainerPort{{ContainerPort: 80, HostPort: 80, HostIP: "127.0.0.1"}}
	}, func(p *corev1.Pod, c *corev1.Container) {
		c.Ports = []corev1.ContainerPort{{ContainerPort: 80, HostPort: 80}}
	}},
}

func nothing(*corev1.Pod, *corev1.Container) {}

func seccomp(kind corev1.SeccompProfileType) func(*corev1.Pod, *corev1.Container) {
	return func(p *corev1.Pod, c *corev1.Container) {
		if kind != "" {
			p.Spec.SecurityContext.SeccompProfile = &corev1.SeccompProfile{Type: kind}
		}
	}
}

func capability(drop corev1.Capability, add ...corev1.Capability) func(*corev1.Pod, *corev1.Container) {
	return func(p *corev1.Pod, c *corev1.Container) {
		c.SecurityContext.Capabilities = &corev1.Capabilities{Add: add}
		if drop != "" {
			c.SecurityContext.Capabilities.Drop = []corev1.Capability{drop}
		}
	}
}

func hostVolume(at string, readOnly bool) func(*corev1.Pod, *corev1.Container) {
	return func(p *corev1.Pod, c *corev1.Container) {
		if at != "" {
			p.Spec.Volumes = append(p.Spec.Volumes, corev1.Volume{Name: "host", VolumeSource: corev1.VolumeSource{HostPath: &corev1.HostPathVolumeSource{Path: at}}})
			c.VolumeMounts = append(c.VolumeMounts, corev1.VolumeMount{Name: "host", MountPath: "/host", ReadOnly: readOnly})
		}
	}
}

func tolerations(list ...corev1.Toleration) func(*corev1.Pod, *corev1.Container) {
	return func(p *corev1.Pod, c *corev1.Container) { p.Spec.Tolerations = list }
}

func nodes(keys ...string) func(*corev1.Pod, *corev1.Container) {
	return func(p *corev1.Pod, c *corev1.Container) {
		for _, k := range keys {
			if p.Spec.NodeSelector == nil {
				p.Spec.NodeSelector = map[string]string{}
			}
			p.Spec.NodeSelector[k] = "x"
		}
	}
}

func sized(limit string) func(*corev1.Pod, *corev1.Container) {
	return func(p *corev1.Pod, c *corev1.Container) {
		dir := &corev1.EmptyDirVolumeSource{}
		if limit != "" {
			dir.SizeLimit = new(resource.MustParse(limit))
		}
		p.Spec.Volumes = append(p.Spec.Volumes, corev1.Volume{Name: "work", VolumeSource: corev1.VolumeSource{EmptyDir: dir}})
	}
}

func gradedPod(grade []int) *corev1.Pod {
	p := &corev1.Pod{TypeMeta: metav1.TypeMeta{APIVersion: "v1", Kind: "Pod"}, ObjectMeta: metav1.ObjectMeta{Name: "p", Namespace: "n"}}
	p.Spec.SecurityContext = &corev1.PodSecurityContext{}
	c := corev1.Container{Name: "a", Image: "a:1", SecurityContext: &corev1.SecurityContext{}}
	for i, settings := range grades {
		settings[grade[i]](p, &c)
	}
	p.Spec.Containers = []corev1.Container{c}
	return p
}

// A pod of which each setting is as strict or stricter has no flag, and the way
// back has one for each setting.
func TestStricterPodHasNoFlag(t *testing.T) {
	for seed := range uint64(1000) {
		rng := rand.New(rand.NewPCG(seed, 5))
		strict, weak := make([]int, len(grades)), make([]int, len(grades))
		weaker := 0
		for i, settings := range grades {
			weak[i] = rng.IntN(len(settings))
			strict[i] = weak[i]
			if rng.IntN(2) == 0 {
				strict[i] = rng.IntN(weak[i] + 1)
			}
			if strict[i] < weak[i] {
				weaker++
			}
		}
		if flags := flagsOfPods(t, gradedPod(weak), gradedPod(strict)); len(flags) > 0 {
			t.Fatalf("seed %d: from %v to %v, which is stricter, the flags are %v", seed, weak, strict, flags)
		}
		ids := map[string]bool{}
		for _, f := range flagsOfPods(t, gradedPod(strict), gradedPod(weak)) {
			ids[f.ID] = true
		}
		if len(ids) < weaker {
			t.Fatalf("seed %d: from %v to %v %d settings are weaker, and the flags are %v", seed, strict, weak, weaker, ids)
		}
	}
}
