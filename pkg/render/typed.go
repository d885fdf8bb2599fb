package render

import (
	"cmp"
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"maps"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	"k8s.io/pod-security-admission/api"

	"github.com/scion-gen/scion-gen/pkg/manifest"
)

// fingerprint is a digest of all that the checks of the typed pod look at. It is
// equal for pods that differ in nothing else, such as their labels, their
// variables and the names of what they mount: a fleet has many agents and few
// fingerprints.
type fingerprint [sha256.Size]byte

// unseen are the fields that those checks do not look at, by the field of the
// pod they are in; that they are of the right type is known since the patches
// were read. Of annotations Pod Security reads those of seccomp and AppArmor, so
// Scion's alone are unseen.
var unseen = map[string]func(key string) bool{
	"metadata": func(key string) bool {
		return key == "name" || key == "namespace" || key == "labels" || strings.HasPrefix(key, "scion.")
	},
	"containers":     isLong,
	"initContainers": isLong,
	"volumes":        func(key string) bool { return key == "name" || key == "claimName" || key == "secretName" },
}

// isLong reports whether a field of a container is one of those that withoutText
// takes away.
func isLong(key string) bool { return key == "env" || key == "command" || key == "volumeMounts" }

func (v *verifier) fingerprint(pod *manifest.Node) fingerprint {
	v.buf = v.buf[:0]
	v.trace("metadata", pod.Get("metadata"), unseen["metadata"])
	for _, f := range fields(pod.Get("spec")) {
		v.trace(f.Key, f.Value, unseen[f.Key])
	}
	return sha256.Sum256(v.buf)
}

// trace adds a field to what the fingerprint is made of; of what is unseen, its
// kind.
func (v *verifier) trace(key string, n *manifest.Node, unseen func(key string) bool) {
	v.traceText(key)
	if n == nil {
		n = &manifest.Node{}
	}
	v.buf = append(v.buf, byte(n.Kind))
	if unseen != nil && unseen(key) {
		return
	}
	v.traceText(n.Text)
	v.buf = binary.AppendUvarint(v.buf, uint64(len(n.Fields)+len(n.Items)))
	for i := range n.Fields {
		v.trace(n.Fields[i].Key, n.Fields[i].Value, unseen)
	}
	for _, item := range n.Items {
		v.trace("", item, unseen)
	}
}

func (v *verifier) traceText(text string) {
	v.buf = append(binary.AppendUvarint(v.buf, uint64(len(text))), text...)
}

// withoutText is a pod without what is most of its containers, and nothing that
// a check of the typed pod looks at: their variables, commands and mounts.
func withoutText(pod *manifest.Node) *manifest.Node {
	spec := clone(pod.Get("spec"))
	if spec == nil {
		return pod
	}
	for _, key := range []string{"initContainers", "containers"} {
		list := manifest.List(manifest.Pos{})
		for _, c := range items(spec.Get(key)) {
			list.Items = append(list.Items, &manifest.Node{
				Kind: manifest.Mapping, Pos: c.Pos,
				Fields: slices.DeleteFunc(slices.Clone(c.Fields), func(f manifest.Field) bool {
					return isLong(f.Key)
				}),
			})
		}
		spec.Set(key, list)
	}
	pod = clone(pod)
	pod.Set("spec", spec)
	return pod
}

// decode reads the pod into its Go type and reports what does not fit.
func (c *podCheck) decode() bool {
	c.pod = &corev1.Pod{}
	err := manifest.Into(withoutText(c.node), c.pod)
	if err != nil {
		c.report("", "%v", err)
	}
	return err == nil
}

// api checks what the API server asks of a pod.
func (c *podCheck) api() {
	checkAPI(withoutText(c.node).Get("spec"), specOfPod, "spec", c.apiReport)
	c.host()
	s := &c.pod.Spec
	if dns := s.DNSConfig; s.DNSPolicy == corev1.DNSNone && (dns == nil || len(dns.Nameservers) == 0) {
		c.report("spec.dnsPolicy", "None needs dnsConfig.nameservers; add them, or write ClusterFirst")
	}
	if s.NodeName != "" && len(s.SchedulingGates) > 0 {
		c.report("spec.nodeName", "cannot stand beside schedulingGates; remove one of the two")
	}
	if len(s.EphemeralContainers) > 0 {
		c.report("spec.ephemeralContainers", "are added to pods that run; use initContainers with restartPolicy: Always")
	}
	ports, regular := map[string]bool{}, map[string]bool{}
	for i := range s.Containers {
		path := manifest.Index("spec.containers", i)
		c.containerAPI(path, &s.Containers[i])
		c.hostPorts(path, s.Containers[i].Ports, ports)
		regular[s.Containers[i].Name] = true
	}
	for i := range s.InitContainers {
		path := manifest.Index("spec.initContainers", i)
		c.containerAPI(path, &s.InitContainers[i])
		c.hostPorts(path, s.InitContainers[i].Ports, map[string]bool{})
		c.initContainer(path, &s.InitContainers[i], regular)
	}
	c.resources("spec.overhead", corev1.ResourceRequirements{Limits: s.Overhead})
	if s.Resources != nil {
		c.podResources(*s.Resources)
	}
}

// apiReport reports at the field, or, where the field is what is missing, at the
// line that took it away.
func (c *podCheck) apiReport(n *manifest.Node, path, field, problem string) {
	if field != "" {
		c.report(path+"."+field, "%s", problem)
		return
	}
	c.reportAt(cmp.Or(c.removalBelow(path), c.locate(path)), path, "%s", problem)
}

var specOfPod = manifest.TypeFor[corev1.PodSpec]()

// host checks what depends on the namespaces that a pod shares with its host
// (validateHostUsers, validatePodHostName, ValidateHostSysctl).
func (c *podCheck) host() {
	s := &c.pod.Spec
	shared := map[string]bool{"hostNetwork": s.HostNetwork, "hostPID": s.HostPID, "hostIPC": s.HostIPC}
	for _, field := range slices.Sorted(maps.Keys(shared)) {
		if shared[field] && s.HostUsers != nil && !*s.HostUsers {
			c.report("spec."+field, "cannot stand beside hostUsers: false; remove one of the two")
		}
	}
	if s.HostPID && s.ShareProcessNamespace != nil && *s.ShareProcessNamespace {
		c.report("spec.shareProcessNamespace", "cannot stand beside hostPID; remove one of the two")
	}
	switch override := s.HostnameOverride; {
	case override == nil:
	case s.HostNetwork, s.SetHostnameAsFQDN != nil && *s.SetHostnameAsFQDN:
		c.report("spec.hostnameOverride", "cannot stand beside hostNetwork and setHostnameAsFQDN; remove them")
	case len(*override) > maxHostname:
		c.report("spec.hostnameOverride", "has %d characters, and Linux takes at most %d; shorten it", len(*override), maxHostname)
	}
	if s.SecurityContext == nil {
		return
	}
	if s.SecurityContext.WindowsOptions != nil {
		c.report("spec.securityContext.windowsOptions", "is for Windows, and agents run on Linux; remove it")
	}
	for i, sysctl := range s.SecurityContext.Sysctls {
		name := strings.ReplaceAll(sysctl.Name, "/", ".")
		ipc := strings.HasPrefix(name, "kernel.shm") || strings.HasPrefix(name, "kernel.msg") || name == "kernel.sem" || strings.HasPrefix(name, "fs.mqueue.")
		if s.HostNetwork && strings.HasPrefix(name, "net.") || s.HostIPC && ipc {
			c.report(manifest.Index("spec.securityContext.sysctls", i)+".name", "%s would be the host's, whose namespace the pod shares; remove it", sysctl.Name)
		}
	}
}

// maxHostname is the length of a host's name that Linux takes.
const maxHostname = 64

// containerAPI checks a container in its pod.
func (c *podCheck) containerAPI(path string, ctr *corev1.Container) {
	s := &c.pod.Spec
	c.resources(path+".resources", ctr.Resources)
	for i, claim := range ctr.Resources.Claims {
		if !slices.ContainsFunc(s.ResourceClaims, func(r corev1.PodResourceClaim) bool { return r.Name == claim.Name }) {
			c.report(manifest.Index(path+".resources.claims", i)+".name", "there is no claim %s; add it to spec.resourceClaims of the patch", quoted(claim.Name))
		}
		if slices.ContainsFunc(ctr.Resources.Claims[:i], func(r corev1.ResourceClaim) bool {
			return r.Name == claim.Name && (r.Request == claim.Request || r.Request == "" || claim.Request == "")
		}) {
			c.report(manifest.Index(path+".resources.claims", i), "%s is in this list already; remove one", claim.Name)
		}
	}
	for i, p := range ctr.ResizePolicy {
		if s.RestartPolicy == corev1.RestartPolicyNever && p.RestartPolicy == corev1.RestartContainer {
			c.report(manifest.Index(path+".resizePolicy", i)+".restartPolicy", "a pod with restartPolicy: Never restarts no container; write NotRequired")
		}
	}
	if ctr.SecurityContext != nil && c.level.Level == api.LevelPrivileged { // the others refuse it all
		c.privileges(path+".securityContext", ctr.SecurityContext)
	}
	if p := ctr.SecurityContext; p != nil && p.ProcMount != nil && *p.ProcMount == corev1.UnmaskedProcMount && (s.HostUsers == nil || *s.HostUsers) {
		c.report(path+".securityContext.procMount", "Unmasked needs hostUsers: false in the pod; add it")
	}
	if p := ctr.SecurityContext; p != nil && p.WindowsOptions != nil {
		c.report(path+".securityContext.windowsOptions", "is for Windows, and agents run on Linux; remove it")
	}
	if ctr.Lifecycle != nil {
		c.lifecycle(path+".lifecycle", ctr.Lifecycle)
	}
}

// privileges checks that what a container has agrees with what it may gain
// (ValidateSecurityContext).
func (c *podCheck) privileges(path string, s *corev1.SecurityContext) {
	switch {
	case s.AllowPrivilegeEscalation == nil || *s.AllowPrivilegeEscalation:
	case s.Privileged != nil && *s.Privileged:
		c.report(path+".privileged", "needs allowPrivilegeEscalation: true beside it; add it")
	case s.Capabilities != nil && slices.Contains(s.Capabilities.Add, "CAP_SYS_ADMIN"):
		c.report(path+".capabilities.add", "CAP_SYS_ADMIN needs allowPrivilegeEscalation: true; add it, or remove the capability")
	}
}

func (c *podCheck) lifecycle(path string, l *corev1.Lifecycle) {
	if l.StopSignal != nil && c.pod.Spec.OS == nil {
		c.report(path+".stopSignal", "needs os: {name: linux} in the pod; add it")
	}
	grace := int64(corev1.DefaultTerminationGracePeriodSeconds)
	if s := c.pod.Spec.TerminationGracePeriodSeconds; s != nil {
		grace = *s
	}
	for hook, h := range map[string]*corev1.LifecycleHandler{"postStart": l.PostStart, "preStop": l.PreStop} {
		if h != nil && h.Sleep != nil && (h.Sleep.Seconds < 0 || h.Sleep.Seconds > grace) {
			c.report(path+"."+hook+".sleep.seconds", "%d is not between 0 and the pod's terminationGracePeriodSeconds, %d; change one", h.Sleep.Seconds, grace)
		}
	}
}

// initContainer checks what is not for containers that end before others start.
func (c *podCheck) initContainer(path string, ctr *corev1.Container, regular map[string]bool) {
	if regular[ctr.Name] {
		c.ambiguous = true
		c.report(path+".name", "a container is named %s too; rename one", ctr.Name)
	}
	if ctr.RestartPolicy != nil && *ctr.RestartPolicy == corev1.ContainerRestartPolicyAlways {
		return
	}
	for field, set := range map[string]bool{
		"lifecycle": ctr.Lifecycle != nil, "livenessProbe": ctr.LivenessProbe != nil,
		"readinessProbe": ctr.ReadinessProbe != nil, "startupProbe": ctr.StartupProbe != nil,
	} {
		if set {
			c.report(path+"."+field, "is for init containers with restartPolicy: Always; add it, or remove this")
		}
	}
}

// hostPorts checks the ports of the host that containers of one time want.
func (c *podCheck) hostPorts(path string, ports []corev1.ContainerPort, taken map[string]bool) {
	for i, p := range ports {
		if p.HostPort == 0 {
			continue
		}
		at := manifest.Index(path+".ports", i) + ".hostPort"
		if c.pod.Spec.HostNetwork && p.HostPort != p.ContainerPort {
			c.report(at, "has to be the containerPort, %d, where hostNetwork is true; remove it", p.ContainerPort)
		}
		id := fmt.Sprint(cmp.Or(p.Protocol, corev1.ProtocolTCP), p.HostIP, p.HostPort)
		if taken[id] {
			c.report(at, "%d is taken by another container port; change one", p.HostPort)
		}
		taken[id] = true
	}
}

// resources checks requests and limits (validateResourceRequirements). The names
// are checked where they are written.
func (c *podCheck) resources(path string, r corev1.ResourceRequirements) {
	huge, compute := "", false
	for _, kind := range []string{"limits", "requests"} {
		list := r.Limits
		if kind == "requests" {
			list = r.Requests
		}
		for _, name := range slices.Sorted(maps.Keys(list)) {
			at := path + "." + kind + "[" + string(name) + "]"
			c.quantity(at, name, list[name])
			if isHugePages(name) {
				huge = at
			}
			compute = compute || name == corev1.ResourceCPU || name == corev1.ResourceMemory
		}
	}
	if huge != "" && !compute {
		c.report(huge, "needs cpu or memory beside it; add one")
	}
	for _, name := range slices.Sorted(maps.Keys(r.Requests)) {
		request := r.Requests[name]
		limit, limited := r.Limits[name]
		switch at := path + ".requests[" + string(name) + "]"; {
		case (isExtended(name) || isHugePages(name)) && (!limited || request.Cmp(limit) != 0):
			c.report(at, "the request and the limit of %s have to be equal; write limits: {%s: %s}", what(name), name, request.String())
		case limited && limit.Sign() >= 0 && request.Cmp(limit) > 0:
			c.report(at, "the request %s is more than the limit %s, at %s; lower one or raise the other",
				request.String(), limit.String(), c.locate(path+".limits["+string(name)+"]"))
		}
	}
}

func what(name corev1.ResourceName) string {
	if isHugePages(name) {
		return "huge pages"
	}
	return "an extended resource"
}

func (c *podCheck) quantity(path string, name corev1.ResourceName, q resource.Quantity) {
	switch {
	case q.Sign() < 0:
		c.report(path, "%s is negative; write 0 or more", q.String())
	case isExtended(name) && q.MilliValue()%1000 != 0:
		c.report(path, "%s is not whole, and an extended resource is counted; write %d", q.String(), q.Value())
	case isHugePages(name):
		size, err := resource.ParseQuantity(strings.TrimPrefix(string(name), corev1.ResourceHugePagesPrefix))
		if err != nil || size.Sign() <= 0 {
			c.report(path, "%s names no size of pages; write one such as hugepages-2Mi", name)
		} else if q.Value()%size.Value() != 0 {
			c.report(path, "%s is no multiple of the pages' size, %s; write one", q.String(), size.String())
		}
	}
}

// podResources checks what all containers may have together (validatePodResources).
func (c *podCheck) podResources(r corev1.ResourceRequirements) {
	c.resources("spec.resources", r)
	if len(r.Claims) > 0 {
		c.report("spec.resources.claims", "are for containers; move them there")
	}
	sum := corev1.ResourceList{}
	for _, ctr := range c.pod.Spec.Containers {
		for name, q := range ctr.Resources.Requests {
			total := sum[name]
			total.Add(q)
			sum[name] = total
		}
	}
	for _, name := range slices.Sorted(maps.Keys(r.Requests)) {
		request, total := r.Requests[name], sum[name]
		if total.Cmp(request) > 0 {
			c.report("spec.resources.requests["+string(name)+"]", "%s is less than what the containers request, %s; raise it", request.String(), total.String())
		}
	}
	for _, list := range []corev1.ResourceList{r.Limits, r.Requests} {
		for name := range list {
			if name != corev1.ResourceCPU && name != corev1.ResourceMemory && !isHugePages(name) {
				c.report("spec.resources", "%s cannot be a resource of the whole pod; move it to a container", name)
			}
		}
	}
	for i, ctr := range c.pod.Spec.Containers {
		for _, name := range slices.Sorted(maps.Keys(ctr.Resources.Limits)) {
			limit, most := ctr.Resources.Limits[name], r.Limits[name]
			if _, limited := r.Limits[name]; limited && limit.Cmp(most) > 0 {
				c.report(manifest.Index("spec.containers", i)+".resources.limits["+string(name)+"]", "%s is more than the pod's limit, %s, at %s; lower it",
					limit.String(), most.String(), c.locate("spec.resources.limits["+string(name)+"]"))
			}
		}
	}
}
