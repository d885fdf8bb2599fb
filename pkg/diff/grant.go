package diff

import (
	"cmp"
	"net/netip"
	"slices"

	"github.com/scion-gen/scion-gen/pkg/manifest"
)

// wider are the facts of objects that allow something, or forbid it: what is
// allowed now and was not before, by any object of the old side.
func (c *comparison) wider(obj *Object, p pair) []fact {
	ref, was := obj.Ref, *cmp.Or(obj.Was, &obj.Ref)
	if p.new == nil && c.namespaceGone(ref.Namespace) {
		return nil
	}
	switch (groupKind{ref.Group, ref.Kind}) {
	case groupKind{"networking.k8s.io", "NetworkPolicy"}:
		return c.widerPolicy(ref, was, p)
	case groupKind{rbacGroup, "Role"}, groupKind{rbacGroup, "ClusterRole"}:
		return c.widerRole(ref, p)
	case groupKind{rbacGroup, "RoleBinding"}, groupKind{rbacGroup, "ClusterRoleBinding"}:
		return c.widerBinding(ref, was, p)
	}
	if ref.Group == "" && ref.Kind == "Service" && p.new != nil {
		return widerRanges(orNull(p.old), p.new)
	}
	if at := podSpecPath(ref); at != nil {
		return append(widerPod(p, at, obj.Edits), c.escapes(obj, was, p)...)
	}
	return guards(ref, p)
}

const admissionGroup = "admissionregistration.k8s.io"

// widerRanges are addresses that a load balancer lets in, and did not.
func widerRanges(old, new *manifest.Node) []fact {
	spans := func(root *manifest.Node) (all []span) {
		for _, n := range items(root.At("spec", "loadBalancerSourceRanges")) {
			if cidr, err := netip.ParsePrefix(text(n)); err == nil {
				all = append(all, spanOf(cidr))
			}
		}
		return all
	}
	before := spans(old)
	if len(before) > 0 && !holds(before, spans(new)) {
		return []fact{{id: "service-exposed", detail: "from more addresses", paths: []string{"spec.loadBalancerSourceRanges"}}}
	}
	return nil
}

// guardKinds restrict what others may do.
var guardKinds = map[groupKind]bool{
	{"", "ResourceQuota"}:                                      true,
	{"", "LimitRange"}:                                         true,
	{admissionGroup, "ValidatingAdmissionPolicy"}:              true,
	{admissionGroup, "ValidatingAdmissionPolicyBinding"}:       true,
	{admissionGroup, "ValidatingWebhookConfiguration"}:         true,
	{admissionGroup, "MutatingWebhookConfiguration"}:           true,
	{"cilium.io", "CiliumNetworkPolicy"}:                       true,
	{"cilium.io", "CiliumClusterwideNetworkPolicy"}:            true,
	{"crd.projectcalico.org", "GlobalNetworkPolicy"}:           true,
	{"projectcalico.org", "GlobalNetworkPolicy"}:               true,
	{"policy.networking.k8s.io", "AdminNetworkPolicy"}:         true,
	{"policy.networking.k8s.io", "BaselineAdminNetworkPolicy"}: true,
	{"policy.networking.k8s.io", "ClusterNetworkPolicy"}:       true,
	{"kyverno.io", "ClusterPolicy"}:                            true,
	{"kyverno.io", "Policy"}:                                   true,
	{"policies.kyverno.io", "ValidatingPolicy"}:                true,
}

// guards are the facts of objects that restrict others: they are gone, or
// restrict less.
func guards(ref Ref, p pair) []fact {
	kind := groupKind{ref.Group, ref.Kind}
	if !guardKinds[kind] && ref.Group != "constraints.gatekeeper.sh" || p.old == nil {
		return nil
	}
	if p.new == nil {
		return []fact{{id: "guard-removed", severity: Medium, detail: ref.Kind, paths: []string{""}}}
	}
	old, new := orNull(p.old.Get("spec")), orNull(p.new.Get("spec"))
	switch kind {
	case groupKind{"", "ResourceQuota"}:
		return raised("spec.hard", old.Get("hard"), new.Get("hard"))
	case groupKind{"", "LimitRange"}:
		return looserRange(old.Get("limits"), new.Get("limits"))
	case groupKind{admissionGroup, "ValidatingAdmissionPolicy"}:
		out := gone("spec.validations", "expression", old.Get("validations"), new.Get("validations"))
		return append(out, failsOpen("spec", old, new)...)
	case groupKind{admissionGroup, "ValidatingAdmissionPolicyBinding"}:
		deny := func(n *manifest.Node) bool { return text(n) == "Deny" }
		if slices.ContainsFunc(items(old.Get("validationActions")), deny) && !slices.ContainsFunc(items(new.Get("validationActions")), deny) {
			return []fact{weaker("nothing is denied", "spec.validationActions")}
		}
	case groupKind{admissionGroup, "ValidatingWebhookConfiguration"}, groupKind{admissionGroup, "MutatingWebhookConfiguration"}:
		return looserWebhooks(p.old.Get("webhooks"), p.new.Get("webhooks"))
	}
	return nil
}

func weaker(detail string, paths ...string) fact {
	return fact{id: "guard-weakened", detail: detail, paths: paths}
}

// raised are the quantities of a mapping that are higher, or not there.
func raised(path string, old, new *manifest.Node) []fact {
	var out []fact
	for _, f := range orNull(old).Fields {
		at := manifest.Child(path, f.Key)
		switch now := orNull(new).Get(f.Key); {
		case now.IsNull():
			out = append(out, weaker("there is no limit of "+f.Key, at, path))
		case compareQuantities(now, f.Value) > 0:
			out = append(out, weaker("the limit of "+f.Key+" is higher", at, path))
		}
	}
	return out
}

func looserRange(old, new *manifest.Node) []fact {
	now := byKeyOf(new, "type")
	var out []fact
	for _, was := range items(old) {
		for _, key := range []string{"max", "default", "maxLimitRequestRatio"} {
			for _, f := range raised("spec.limits", was.Get(key), orNull(now[text(was.Get("type"))]).Get(key)) {
				f.paths = []string{"spec.limits"}
				out = append(out, f)
			}
		}
	}
	return out
}

// gone are the items of a list that are no longer there, told by one field.
func gone(path, key string, old, new *manifest.Node) []fact {
	now := byKeyOf(new, key)
	var out []fact
	for _, was := range items(old) {
		if name := text(was.Get(key)); now[name] == nil {
			out = append(out, weaker("without "+name, path+"["+name+"]", path))
		}
	}
	return out
}

func byKeyOf(list *manifest.Node, key string) map[string]*manifest.Node {
	out := map[string]*manifest.Node{}
	for _, item := range items(list) {
		out[text(item.Get(key))] = item
	}
	return out
}

// failsOpen: what cannot be checked is let pass. The API server's default is
// to refuse it.
func failsOpen(path string, old, new *manifest.Node) []fact {
	if text(new.Get("failurePolicy")) != "Ignore" || text(old.Get("failurePolicy")) == "Ignore" {
		return nil
	}
	return []fact{weaker("what it cannot check passes", path+".failurePolicy", path)}
}

// looserWebhooks: a webhook that is gone, is not asked about all that it was
// asked about, or may fail.
func looserWebhooks(old, new *manifest.Node) []fact {
	out := gone("webhooks", "name", old, new)
	now := byKeyOf(new, "name")
	for _, was := range items(old) {
		name := text(was.Get("name"))
		is := now[name]
		if is == nil {
			continue
		}
		path := "webhooks[" + name + "]"
		out = append(out, failsOpen(path, was, is)...)
		for _, key := range []string{"namespaceSelector", "objectSelector"} {
			if !selectorOf(orNull(was.Get(key))).implies(selectorOf(orNull(is.Get(key)))) {
				out = append(out, weaker(name+" is asked about less", path+"."+key, path))
			}
		}
	}
	return out
}
