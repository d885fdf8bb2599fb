package render

import (
	"crypto/sha256"
	"encoding/binary"
	"maps"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"

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

// values checks what corev1 types only as strings and numbers.
func (c *podCheck) values() {
	s := &c.pod.Spec
	c.oneOf("spec.restartPolicy", string(s.RestartPolicy), "Always", "OnFailure", "Never")
	c.oneOf("spec.dnsPolicy", string(s.DNSPolicy), "ClusterFirst", "ClusterFirstWithHostNet", "Default", "None")
	if g := s.TerminationGracePeriodSeconds; g != nil && *g < 0 {
		c.report("spec.terminationGracePeriodSeconds", "%d is negative; write 0 or more", *g)
	}
	if d := s.ActiveDeadlineSeconds; d != nil && *d < 1 {
		c.report("spec.activeDeadlineSeconds", "%d is less than 1; write 1 or more, or remove it", *d)
	}
	for i, t := range s.Tolerations {
		path := manifest.Index("spec.tolerations", i)
		c.oneOf(path+".operator", string(t.Operator), "Exists", "Equal", "Lt", "Gt")
		c.oneOf(path+".effect", string(t.Effect), "NoSchedule", "PreferNoSchedule", "NoExecute")
		if t.TolerationSeconds != nil && t.Effect != corev1.TaintEffectNoExecute {
			c.report(path+".tolerationSeconds", "is for effect NoExecute only; remove it or change the effect")
		}
		if t.Operator == corev1.TolerationOpExists && t.Value != "" {
			c.report(path+".value", "operator Exists takes no value; remove it")
		}
		if t.Key == "" && t.Operator != corev1.TolerationOpExists {
			c.report(path+".key", "without a key the operator has to be Exists; add one or write operator: Exists")
		}
	}
	for i, ctr := range s.Containers {
		c.containerValues(manifest.Index("spec.containers", i), ctr)
	}
	for i, ctr := range s.InitContainers {
		c.containerValues(manifest.Index("spec.initContainers", i), ctr)
	}
}

// oneOf checks a value that may be empty.
func (c *podCheck) oneOf(path, value string, of ...string) {
	if value != "" && !slices.Contains(of, value) {
		c.report(path, "%s is not one of %s", quoted(value), strings.Join(of, ", "))
	}
}

func (c *podCheck) containerValues(path string, ctr corev1.Container) {
	c.oneOf(path+".imagePullPolicy", string(ctr.ImagePullPolicy), "Always", "IfNotPresent", "Never")
	for _, name := range slices.Sorted(maps.Keys(ctr.Resources.Limits)) {
		limit := ctr.Resources.Limits[name]
		if limit.Sign() < 0 {
			c.report(path+".resources.limits["+string(name)+"]", "%s is negative; write 0 or more", limit.String())
		}
	}
	for _, name := range slices.Sorted(maps.Keys(ctr.Resources.Requests)) {
		request := ctr.Resources.Requests[name]
		limit, limited := ctr.Resources.Limits[name]
		switch at := path + ".resources.requests[" + string(name) + "]"; {
		case request.Sign() < 0:
			c.report(at, "%s is negative; write 0 or more", request.String())
		case strings.Contains(string(name), "/") && (!limited || request.Cmp(limit) != 0):
			c.report(at, "the request and the limit of an extended resource have to be equal; write limits: {%s: %s}", name, request.String())
		case limited && limit.Sign() >= 0 && request.Cmp(limit) > 0:
			c.report(at, "the request %s is more than the limit %s, at %s; lower one or raise the other",
				request.String(), limit.String(), c.locate(path+".resources.limits["+string(name)+"]"))
		}
	}
}
