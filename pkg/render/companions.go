package render

import (
	"cmp"
	"fmt"

	"github.com/scion-gen/scion-gen/pkg/manifest"
)

// managedBy is the value of app.kubernetes.io/managed-by on all we render.
const managedBy = "scion-gen"

// partOf is the value of app.kubernetes.io/part-of: the grove, or scion.
func (a *agent) partOf() string { return cmp.Or(a.spec.Grove, "scion") }

// companionMeta is the metadata of an object beside the agent's pod. It does
// not carry the pod's own labels: Scion's broker takes whatever is labelled
// scion.agent for its own.
func (a *agent) companionMeta(name string) *manifest.Node {
	return at(a.where(), companion(a.namespace, name, a.partOf(), "app.kubernetes.io/instance", a.pod))
}

func companion(namespace, name, partOf string, more ...any) *manifest.Node {
	labels := object("app.kubernetes.io/managed-by", managedBy, "app.kubernetes.io/part-of", labelValue(partOf))
	for i := 0; i < len(more); i += 2 {
		labels.Set(more[i].(string), value(more[i+1]))
	}
	return object("name", name, "namespace", namespace, "labels", labels)
}

// companions are the objects that are the agent's alone, in the order they are
// needed: the ConfigMap of its home directory, what fetches its secrets, the
// network policy that is its own.
func (a *agent) companions() []*manifest.Node {
	var out []*manifest.Node
	for _, n := range []*manifest.Node{a.headlessService(), a.seedConfigMap(), a.externalSecret(), a.secretProviderClass().node(a), a.ownPolicy(), a.metadataPolicy()} {
		if n != nil {
			out = append(out, n)
		}
	}
	return out
}

func serviceAccount(namespace string) *manifest.Node {
	return object("apiVersion", "v1", "kind", "ServiceAccount",
		"metadata", companion(namespace, defaultAccount, "scion"),
		"automountServiceAccountToken", false)
}

// sharedClaim is the name of a grove's directory, as Scion has it.
func sharedClaim(grove, dir string) string { return fmt.Sprintf("scion-shared-%s-%s", grove, dir) }

func (d SharedDir) claim(namespace, grove string, n *manifest.Node) *manifest.Node {
	spec := object(
		"accessModes", list(value("ReadWriteMany")),
		"resources", object("requests", object("storage", cmp.Or(n.Get("size"), value("10Gi")))))
	if d.StorageClassName != "" {
		spec.Set("storageClassName", n.Get("storageClassName"))
	}
	return at(n.Pos, object("apiVersion", "v1", "kind", "PersistentVolumeClaim",
		"metadata", companion(namespace, sharedClaim(grove, d.Name), grove,
			"scion.grove", grove, "scion.shared-dir", d.Name),
		"spec", spec))
}

// The addresses of the clouds' metadata servers: the link-local one that all
// share, and Amazon's for IPv6.
const (
	metadataIPv4 = "169.254.169.254/32"
	metadataIPv6 = "fd00:ec2::254/128"
)

// policy is a NetworkPolicy for the pods that have one label: what comes in is
// the same pods', what goes out may go anywhere but to the metadata servers.
// The peer without a block is for clusters whose network plugin does not count
// pods among the addresses of a block.
func (c *Config) policy(meta *manifest.Node, label, text string) *manifest.Node {
	pods := object("matchLabels", object(label, text))
	ingress := list(object("from", list(object("podSelector", pods))))
	egress := list(object("to", list(
		object("namespaceSelector", object()),
		object("ipBlock", object("cidr", "0.0.0.0/0", "except", list(value(metadataIPv4)))),
		object("ipBlock", object("cidr", "::/0", "except", list(value(metadataIPv6)))),
	)))
	own := c.defaults.root.At("spec", "networkPolicy")
	if n := own.Get("ingress"); !n.IsNull() {
		ingress = manifest.Merge(nil, n, nil, nil) // without the nulls
	}
	if n := own.Get("egress"); !n.IsNull() {
		egress = manifest.Merge(nil, n, nil, nil)
	}
	spec := object("podSelector", pods, "policyTypes", list(value("Ingress"), value("Egress")))
	// The API server stores an empty list as none. Were it written, every apply
	// would count as a change.
	if len(ingress.Items) > 0 {
		spec.Set("ingress", ingress)
	}
	if len(egress.Items) > 0 {
		spec.Set("egress", egress)
	}
	return object("apiVersion", "networking.k8s.io/v1", "kind", "NetworkPolicy", "metadata", meta, "spec", spec)
}

func (c *Config) hasPolicies() bool { return c.fleet.Spec.NetworkPolicy.Mode != "None" }

func (c *Config) grovePolicy(namespace, grove string) *manifest.Node {
	return c.policy(companion(namespace, "scion-grove-"+grove, grove), "scion.grove", grove)
}

// ownPolicy is for an agent without a grove.
func (a *agent) ownPolicy() *manifest.Node {
	if a.spec.Grove != "" || !a.config.hasPolicies() {
		return nil
	}
	return a.config.policy(a.companionMeta("scion-agent-"+a.pod), "app.kubernetes.io/instance", a.pod)
}

// metadataPolicy lets an agent of the mode passthrough reach what the others'
// policy keeps from it.
func (a *agent) metadataPolicy() *manifest.Node {
	if a.intercepts() || !a.config.hasPolicies() {
		return nil
	}
	p := a.where("metadata", "mode")
	return at(p, object("apiVersion", "networking.k8s.io/v1", "kind", "NetworkPolicy",
		"metadata", a.companionMeta("scion-metadata-"+a.pod),
		"spec", object(
			"podSelector", object("matchLabels", object("app.kubernetes.io/instance", a.pod)),
			"policyTypes", list(value("Egress")),
			"egress", list(object("to", list(object("ipBlock", object("cidr", metadataIPv4))))))))
}
