package diff

import (
	"fmt"
	"net/netip"
	"slices"
	"strconv"
	"strings"

	"github.com/scion-gen/scion-gen/pkg/manifest"
)

// wider are the facts of objects that allow something: what the new side
// allows and the old side did not, in whole, by any one of its rules.
func wider(ref Ref, p pair) []fact {
	switch (groupKind{ref.Group, ref.Kind}) {
	case groupKind{"networking.k8s.io", "NetworkPolicy"}:
		return widerPolicy(p)
	case groupKind{"rbac.authorization.k8s.io", "Role"}, groupKind{"rbac.authorization.k8s.io", "ClusterRole"}:
		return widerRole(p)
	case groupKind{"rbac.authorization.k8s.io", "RoleBinding"}, groupKind{"rbac.authorization.k8s.io", "ClusterRoleBinding"}:
		return widerBinding(p)
	}
	if p.new == nil && slices.Contains([]string{"ResourceQuota", "LimitRange", "ValidatingAdmissionPolicy", "ValidatingAdmissionPolicyBinding", "ValidatingWebhookConfiguration"}, ref.Kind) {
		return []fact{{id: "guard-removed", severity: Medium, detail: ref.Kind, paths: []string{""}}}
	}
	return nil
}

// permission is one verb on one kind of resource.
type permission struct{ group, resource, name, verb string }

// covers reports whether who may p may q too.
func (p permission) covers(q permission) bool {
	either := func(a, b string) bool { return a == "*" || a == b }
	return either(p.group, q.group) && either(p.resource, q.resource) && either(p.verb, q.verb) && (p.name == "" || p.name == q.name)
}

// grave reports whether a permission comes near to all of them.
func (p permission) grave() bool {
	return p.verb == "*" || p.resource == "*" || p.group == "*" ||
		slices.Contains([]string{"escalate", "bind", "impersonate"}, p.verb) ||
		slices.Contains([]string{"secrets", "pods/exec", "pods/attach", "serviceaccounts/token", "nodes/proxy", "clusterrolebindings", "rolebindings"}, p.resource)
}

func (p permission) String() string {
	s := p.verb + " " + p.resource
	if p.group != "" {
		s += "." + p.group
	}
	if p.name != "" {
		s += " " + p.name
	}
	return s
}

// permissions are what a role allows, with the place of the rule.
func permissions(root *manifest.Node) (all []permission, rules []int) {
	values := func(n *manifest.Node, key string, otherwise ...string) []string {
		var out []string
		for _, v := range items(n.Get(key)) {
			out = append(out, text(v))
		}
		if out == nil {
			return otherwise
		}
		return out
	}
	for i, rule := range items(root.Get("rules")) {
		for _, verb := range values(rule, "verbs") {
			for _, url := range values(rule, "nonResourceURLs") {
				all, rules = append(all, permission{"", url, "", verb}), append(rules, i)
			}
			for _, group := range values(rule, "apiGroups") {
				for _, resource := range values(rule, "resources") {
					for _, name := range values(rule, "resourceNames", "") {
						all, rules = append(all, permission{group, resource, name, verb}), append(rules, i)
					}
				}
			}
		}
	}
	return all, rules
}

func widerRole(p pair) []fact {
	if p.new == nil {
		return nil
	}
	before, _ := permissions(p.old)
	after, rules := permissions(p.new)
	var out []fact
	verbs := map[permission]int{} // the fact that has the verbs on the same
	for i, q := range after {
		covered := slices.ContainsFunc(before, func(p permission) bool { return p.covers(q) })
		if covered || p.old == nil && !q.grave() {
			continue
		}
		f := fact{id: "rbac-widened", detail: q.String(), paths: []string{manifest.Index("rules", rules[i]), "rules", "aggregationRule"}}
		if q.grave() {
			f.severity = High
		}
		on := permission{q.group, q.resource, q.name, string(f.severity)}
		if at, found := verbs[on]; found {
			out[at].detail = q.verb + ", " + out[at].detail
			continue
		}
		verbs[on] = len(out)
		out = append(out, f)
	}
	return out
}

func widerBinding(p pair) []fact {
	if p.new == nil {
		return nil
	}
	subjects := func(root *manifest.Node) []string {
		var out []string
		for _, s := range items(root.Get("subjects")) {
			out = append(out, strings.Trim(strings.Join([]string{text(s.Get("kind")), text(s.Get("namespace")), text(s.Get("name"))}, "/"), "/"))
		}
		return out
	}
	role := text(p.new.At("roleRef", "name"))
	severity := Medium
	if role == "cluster-admin" || role == "admin" || role == "edit" {
		severity = High
	}
	var out []fact
	if p.old == nil {
		if severity == High {
			out = append(out, fact{id: "rbac-role", severity: High, detail: role, paths: []string{"roleRef"}})
		}
		return out
	}
	before := subjects(p.old)
	for i, s := range subjects(p.new) {
		if !slices.Contains(before, s) {
			key := keyOf(p.new.Get("subjects").Items[i], []string{"kind", "namespace", "name"})
			out = append(out, fact{id: "rbac-subject", severity: severity, detail: s, paths: []string{"subjects[" + key + "]", "subjects"}})
		}
	}
	if role != text(p.old.At("roleRef", "name")) {
		out = append(out, fact{id: "rbac-role", severity: severity, detail: role, paths: []string{"roleRef"}})
	}
	return out
}

// traffic is what one peer and one port of a rule allow.
type traffic struct {
	path string // of the rule
	// peer is the canonical text of a selector; empty with no prefix for
	// everyone.
	peer   string
	block  netip.Prefix
	except []netip.Prefix
	// port is a number or name, empty for all; end the last of a range.
	protocol, port string
	end            int
}

func (t traffic) isBlock() bool { return t.block.IsValid() }

// covers reports whether all that u allows, t allows.
func (t traffic) covers(u traffic) bool {
	return t.coversPeer(u) && t.coversPort(u)
}

func (t traffic) coversPeer(u traffic) bool {
	switch {
	case t.peer == "" && !t.isBlock():
		return true
	case t.isBlock() && u.isBlock():
		return t.block.Bits() <= u.block.Bits() && t.block.Contains(u.block.Addr()) && !slices.ContainsFunc(t.except, u.reaches)
	case t.isBlock() || u.isBlock():
		return false
	}
	return t.peer == u.peer
}

// reaches reports whether any address of e is allowed.
func (t traffic) reaches(e netip.Prefix) bool {
	if !t.isBlock() {
		return t.peer == ""
	}
	if !t.block.Overlaps(e) {
		return false
	}
	return !slices.ContainsFunc(t.except, func(x netip.Prefix) bool {
		return x.Bits() <= e.Bits() && x.Contains(e.Addr())
	})
}

func (t traffic) coversPort(u traffic) bool {
	if t.port == "" && t.protocol == "" {
		return true
	}
	if t.protocol != u.protocol {
		return false
	}
	from, errT := strconv.Atoi(t.port)
	to, errU := strconv.Atoi(u.port)
	if t.port == "" || t.port == u.port && u.end <= max(t.end, from) {
		return true
	}
	return errT == nil && errU == nil && from <= to && max(to, u.end) <= max(t.end, from)
}

func (t traffic) String() string {
	who := t.peer
	switch {
	case t.isBlock():
		who = t.block.String()
	case who == "":
		who = "everyone"
	}
	if t.port != "" {
		who += fmt.Sprintf(" on %s %s", t.protocol, t.port)
	}
	return who
}

// metadata are the addresses of clouds' metadata services.
var metadata = []netip.Prefix{netip.MustParsePrefix("169.254.169.254/32"), netip.MustParsePrefix("fd00:ec2::254/128")}

// directions of traffic: the key of the rules, that of the peers, and the
// policy type.
var directions = [...]struct{ rules, peers, kind string }{
	{"ingress", "from", "Ingress"},
	{"egress", "to", "Egress"},
}

func widerPolicy(p pair) []fact {
	if p.new == nil {
		return []fact{{id: "guard-removed", detail: "NetworkPolicy", paths: []string{""}}}
	}
	var out []fact
	for _, d := range directions {
		after := allowed(p.new, d.rules, d.peers)
		if p.old == nil {
			continue // a new policy restricts; other policies are not known
		}
		if restricts(p.old, d.kind) && !restricts(p.new, d.kind) {
			out = append(out, fact{id: "network-unguarded", detail: strings.ToLower(d.kind), paths: []string{"spec.policyTypes", "spec"}})
			continue
		}
		if !restricts(p.old, d.kind) {
			continue
		}
		before := allowed(p.old, d.rules, d.peers)
		for _, t := range after {
			if slices.ContainsFunc(before, func(b traffic) bool { return b.covers(t) }) {
				continue
			}
			out = append(out, policyFact(t, before, d.kind, d.rules))
		}
	}
	if p.old != nil {
		old, new := string(spell(nil, p.old.At("spec", "podSelector"))), string(spell(nil, p.new.At("spec", "podSelector")))
		everyone := len(orNull(p.new.At("spec", "podSelector")).Fields) == 0
		if old != new && !everyone {
			out = append(out, fact{id: "network-selector", paths: []string{"spec.podSelector"}})
		}
	}
	return out
}

func policyFact(t traffic, before []traffic, kind, rules string) fact {
	f := fact{id: "network-policy", detail: strings.ToLower(kind) + " " + t.String(), paths: []string{t.path, "spec." + rules, "spec"}}
	for _, m := range metadata {
		could := func(b traffic) bool { return b.reaches(m) }
		if kind == "Egress" && t.reaches(m) && !slices.ContainsFunc(before, could) {
			f.id, f.detail = "network-metadata", t.String()
		}
	}
	if t.peer == "" && (!t.isBlock() || t.block.Bits() == 0) {
		f.severity = High
	}
	return f
}

// restricts reports whether a policy restricts a direction: the types it
// names, or ingress, and egress where it has such rules.
func restricts(root *manifest.Node, kind string) bool {
	types := items(root.At("spec", "policyTypes"))
	if len(types) == 0 {
		return kind == "Ingress" || len(items(root.At("spec", "egress"))) > 0
	}
	return slices.ContainsFunc(types, func(n *manifest.Node) bool { return text(n) == kind })
}

// allowed is what the rules of a direction allow, one for each peer and port.
func allowed(root *manifest.Node, rules, peers string) []traffic {
	var out []traffic
	for i, rule := range items(root.At("spec", rules)) {
		path := manifest.Index("spec."+rules, i)
		for _, t := range peersOf(rule, peers, path) {
			ports := items(rule.Get("ports"))
			if len(ports) == 0 {
				out = append(out, t)
			}
			for _, p := range ports {
				t.protocol, t.port = text(p.Get("protocol")), text(p.Get("port"))
				if t.protocol == "" {
					t.protocol = "TCP"
				}
				end, _ := whole(p.Get("endPort"))
				t.end = int(end)
				out = append(out, t)
			}
		}
	}
	return out
}

func peersOf(rule *manifest.Node, key, path string) []traffic {
	list := items(rule.Get(key))
	if len(list) == 0 {
		return []traffic{{path: path}}
	}
	var out []traffic
	for i, n := range list {
		t := traffic{path: manifest.Index(path+"."+key, i)}
		if block := n.Get("ipBlock"); block != nil {
			t.block, _ = netip.ParsePrefix(text(block.Get("cidr")))
			for _, e := range items(block.Get("except")) {
				if x, err := netip.ParsePrefix(text(e)); err == nil {
					t.except = append(t.except, x)
				}
			}
		}
		if !t.isBlock() {
			t.peer = strings.ReplaceAll(yamlText(n), "\n", " ")
		}
		out = append(out, t)
	}
	return out
}
