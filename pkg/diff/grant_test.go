package diff

import (
	"fmt"
	"math/rand/v2"
	"net/netip"
	"slices"
	"strings"
	"testing"

	networkingv1 "k8s.io/api/networking/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
	"sigs.k8s.io/yaml"
)

// A small world: pods with these labels, in two namespaces, some addresses and
// some ports.
var (
	worldLabels    = []labels.Set{{}, {"a": "x"}, {"a": "z"}, {"b": "x"}, {"a": "x", "b": "x"}, {"a": "z", "b": "x"}}
	worldAddresses = []string{"10.0.0.1", "10.1.0.1", "11.0.0.1", "169.254.169.254", "2001:db8::1"}
	worldPorts     = []struct {
		protocol string
		number   int
	}{{"TCP", 80}, {"TCP", 81}, {"TCP", 8080}, {"UDP", 53}}
)

func randomSelector(rng *rand.Rand) string {
	return pick(rng, "{}", "{}", "{matchLabels: {a: x}}", "{matchLabels: {a: z}}", "{matchLabels: {b: x}}", "{matchLabels: {a: x, b: x}}",
		"{matchExpressions: [{key: a, operator: In, values: [x, z]}]}", "{matchExpressions: [{key: a, operator: Exists}]}",
		"{matchExpressions: [{key: a, operator: NotIn, values: [x]}]}", "{matchExpressions: [{key: b, operator: DoesNotExist}]}")
}

func randomPeer(rng *rand.Rand) string {
	return pick(rng, "ipBlock: {cidr: 10.0.0.0/8}", "ipBlock: {cidr: 10.1.0.0/16}", "ipBlock: {cidr: 10.0.0.0/8, except: [10.1.0.0/16]}",
		"ipBlock: {cidr: 0.0.0.0/0}", "ipBlock: {cidr: 0.0.0.0/0, except: [169.254.169.254/32, 11.0.0.0/8]}", "ipBlock: {cidr: '::/0'}",
		"podSelector: "+randomSelector(rng), "podSelector: "+randomSelector(rng),
		"podSelector: "+randomSelector(rng)+", namespaceSelector: {}", "namespaceSelector: {matchLabels: {kubernetes.io/metadata.name: m}}",
		"namespaceSelector: {matchLabels: {kubernetes.io/metadata.name: 'n'}}")
}

func randomRule(rng *rand.Rand, peers string) string {
	var parts []string
	list := func(key string, n int, one func() string) {
		var all []string
		for range n {
			all = append(all, "{"+one()+"}")
		}
		if n > 0 {
			parts = append(parts, key+": ["+strings.Join(all, ", ")+"]")
		}
	}
	list(peers, rng.IntN(3), func() string { return randomPeer(rng) })
	list("ports", rng.IntN(3), func() string {
		return pick(rng, "port: 80", "port: 80, endPort: 81", "port: 81, endPort: 9000", "protocol: UDP", "protocol: TCP", "port: 53, protocol: UDP")
	})
	return "{" + strings.Join(parts, ", ") + "}"
}

func randomPolicy(rng *rand.Rand) string {
	spec := "  podSelector: " + randomSelector(rng) + "\n  policyTypes: " + pick(rng, "[Ingress]", "[Egress]", "[Ingress, Egress]") + "\n"
	for _, d := range directions {
		var rules []string
		for range rng.IntN(3) {
			rules = append(rules, randomRule(rng, d.peers))
		}
		spec += "  " + d.rules + ": [" + strings.Join(rules, ", ") + "]\n"
	}
	return spec
}

// worldTraffic is all that policies allow, as the API describes them, told by
// the API's own types and selectors.
func worldTraffic(t *testing.T, policies map[string]string) map[string]bool {
	t.Helper()
	var all []networkingv1.NetworkPolicySpec
	for _, text := range policies {
		var p networkingv1.NetworkPolicy
		if err := yaml.UnmarshalStrict([]byte("spec:\n"+text), &p); err != nil {
			t.Fatalf("%v\n%s", err, text)
		}
		all = append(all, p.Spec)
	}
	out := map[string]bool{}
	for _, pod := range worldLabels {
		for _, kind := range []networkingv1.PolicyType{"Ingress", "Egress"} {
			restricted := false
			for _, p := range all {
				if !slices.Contains(p.PolicyTypes, kind) || !worldSelects(t, &p.PodSelector, pod) {
					continue
				}
				restricted = true
				for _, r := range p.Ingress {
					if kind == "Ingress" {
						worldRule(t, out, fmt.Sprint(kind, pod), r.From, r.Ports)
					}
				}
				for _, r := range p.Egress {
					if kind == "Egress" {
						worldRule(t, out, fmt.Sprint(kind, pod), r.To, r.Ports)
					}
				}
			}
			if !restricted {
				worldRule(t, out, fmt.Sprint(kind, pod), nil, nil)
			}
		}
	}
	return out
}

func worldSelects(t *testing.T, s *metav1.LabelSelector, of labels.Set) bool {
	t.Helper()
	selector, err := metav1.LabelSelectorAsSelector(s)
	if err != nil {
		t.Fatal(err)
	}
	return selector.Matches(of)
}

func worldRule(t *testing.T, out map[string]bool, who string, peers []networkingv1.NetworkPolicyPeer, ports []networkingv1.NetworkPolicyPort) {
	t.Helper()
	var from []string
	for _, namespace := range []string{"n", "m"} {
		for _, pod := range worldLabels {
			if len(peers) == 0 || slices.ContainsFunc(peers, func(p networkingv1.NetworkPolicyPeer) bool {
				inNamespace := namespace == "n"
				if p.NamespaceSelector != nil {
					inNamespace = worldSelects(t, p.NamespaceSelector, labels.Set{"kubernetes.io/metadata.name": namespace})
				}
				return p.IPBlock == nil && inNamespace && (p.PodSelector == nil || worldSelects(t, p.PodSelector, pod))
			}) {
				from = append(from, fmt.Sprint(namespace, pod))
			}
		}
	}
	for _, a := range worldAddresses {
		address := netip.MustParseAddr(a)
		if len(peers) == 0 || slices.ContainsFunc(peers, func(p networkingv1.NetworkPolicyPeer) bool {
			return p.IPBlock != nil && netip.MustParsePrefix(p.IPBlock.CIDR).Contains(address) &&
				!slices.ContainsFunc(p.IPBlock.Except, func(e string) bool { return netip.MustParsePrefix(e).Contains(address) })
		}) {
			from = append(from, a)
		}
	}
	for _, port := range worldPorts {
		open := len(ports) == 0 || slices.ContainsFunc(ports, func(p networkingv1.NetworkPolicyPort) bool {
			protocol := "TCP"
			if p.Protocol != nil {
				protocol = string(*p.Protocol)
			}
			first, last := 0, 65535
			if p.Port != nil {
				first, last = p.Port.IntValue(), p.Port.IntValue()
			}
			if p.EndPort != nil {
				last = int(*p.EndPort)
			}
			return protocol == port.protocol && first <= port.number && port.number <= last
		})
		for _, f := range from {
			if open {
				out[fmt.Sprint(who, f, port)] = true
			}
		}
	}
}

// Whatever policies there are and whatever becomes of them: where a pod may
// have traffic that it could not have, something is flagged, and where none may
// there is, but in few cases, no flag.
func TestPoliciesAgainstTheWorld(t *testing.T) {
	wider, narrower, alarms := 0, 0, 0
	for seed := range uint64(500) {
		rng := rand.New(rand.NewPCG(seed, 3))
		old, new := map[string]string{}, map[string]string{}
		for i := range rng.IntN(4) {
			name := fmt.Sprint("p", i)
			old[name] = randomPolicy(rng)
			new[name] = old[name]
		}
		for range 1 + rng.IntN(2) {
			name := fmt.Sprint("p", rng.IntN(4))
			if rng.IntN(3) == 0 {
				delete(new, name)
			} else {
				new[name] = randomPolicy(rng)
			}
		}
		write := func(policies map[string]string) string {
			var out string
			for i := range 4 {
				if p := policies[fmt.Sprint("p", i)]; p != "" {
					out += netpol(fmt.Sprint("p", i), p)
				}
			}
			return out
		}
		before, after := worldTraffic(t, old), worldTraffic(t, new)
		var more []string
		for k := range after {
			if !before[k] {
				more = append(more, k)
			}
		}
		slices.Sort(more)
		flags := flagsOf(t, write(old), write(new))
		switch {
		case len(more) > 0 && len(flags) == 0:
			t.Fatalf("seed %d: more is allowed, and nothing flagged: %s\n%s\nbecomes\n%s", seed, more, write(old), write(new))
		case len(more) > 0:
			wider++
		case len(flags) > 0:
			alarms++
		default:
			narrower++
		}
	}
	if wider < 100 || narrower < 100 || alarms > narrower/10 {
		t.Errorf("%d changes allow more; of those that do not, %d are flagged and %d are not", wider, alarms, narrower)
	}
	t.Logf("%d changes allow more; of those that do not, %d are flagged and %d are not", wider, alarms, narrower)
}

// rights are what subjects may do in a namespace, by bindings and roles as the
// RBAC authorizer reads them, of a few subjects and requests.
func rights(roles, bindings map[string]string) map[string]bool {
	accounts := map[string]string{"a": "{kind: ServiceAccount, namespace: n, name: a}", "b": "{kind: ServiceAccount, namespace: n, name: b}"}
	out := map[string]bool{}
	for _, b := range bindings {
		for who, subject := range accounts {
			if !strings.Contains(b, subject) && !strings.Contains(b, "system:serviceaccounts") {
				continue
			}
			for role, rules := range roles {
				if !strings.Contains(b, "name: "+role+"\n") {
					continue
				}
				for _, verb := range []string{"get", "list"} {
					for _, resource := range []string{"pods", "secrets"} {
						for rule := range strings.SplitSeq(rules, "}, {") {
							if (strings.Contains(rule, verb) || strings.Contains(rule, "verbs: ['*']")) && (strings.Contains(rule, resource) || strings.Contains(rule, "resources: ['*']")) {
								out[who+" "+verb+" "+resource] = true
							}
						}
					}
				}
			}
		}
	}
	return out
}

// Whatever roles and bindings there are and whatever becomes of them: where
// somebody may more, something is flagged.
func TestRightsAgainstTheWorld(t *testing.T) {
	rule := func(rng *rand.Rand) string {
		return "{apiGroups: [''], resources: [" + pick(rng, "pods", "secrets", "'*'", "pods, secrets") + "], verbs: [" + pick(rng, "get", "list", "'*'", "get, list") + "]}"
	}
	role := func(rng *rand.Rand) string {
		return "rules: [" + strings.Join([]string{rule(rng), rule(rng)}[:1+rng.IntN(2)], ", ") + "]\n"
	}
	binding := func(rng *rand.Rand) string {
		return "roleRef:\n  kind: Role\n  name: " + pick(rng, "r0", "r1") + "\nsubjects: [" +
			pick(rng, "{kind: ServiceAccount, namespace: n, name: a}", "{kind: ServiceAccount, namespace: n, name: b}", "{kind: Group, name: 'system:serviceaccounts'}",
				"{kind: ServiceAccount, namespace: n, name: a}, {kind: ServiceAccount, namespace: n, name: b}") + "]\n"
	}
	write := func(roles, bindings map[string]string) string {
		var out string
		for i := range 2 {
			if r := roles[fmt.Sprint("r", i)]; r != "" {
				out += rbac("Role", fmt.Sprint("r", i), r)
			}
			if b := bindings[fmt.Sprint("b", i)]; b != "" {
				out += rbac("RoleBinding", fmt.Sprint("b", i), b)
			}
		}
		return out
	}
	// Of what gives nothing new, only a role that nobody had is flagged for
	// what is grave in it.
	wider, silent := 0, 0
	for seed := range uint64(800) {
		rng := rand.New(rand.NewPCG(seed, 4))
		var roles, bindings [2]map[string]string
		for side := range 2 {
			roles[side], bindings[side] = map[string]string{}, map[string]string{}
			for i := range 2 {
				r, b := fmt.Sprint("r", i), fmt.Sprint("b", i)
				keep := side == 1 && rng.IntN(3) > 0
				switch {
				case keep:
					roles[1][r], bindings[1][b] = roles[0][r], bindings[0][b]
				default:
					roles[side][r], bindings[side][b] = pick(rng, "", role(rng), role(rng)), pick(rng, "", binding(rng), binding(rng))
				}
			}
		}
		before, after := rights(roles[0], bindings[0]), rights(roles[1], bindings[1])
		more := false
		for k := range after {
			more = more || !before[k]
		}
		flags := flagsOf(t, write(roles[0], bindings[0]), write(roles[1], bindings[1]))
		switch {
		case more && len(flags) == 0:
			t.Fatalf("seed %d: somebody may more, and nothing is flagged\n%s\nbecomes\n%s", seed, write(roles[0], bindings[0]), write(roles[1], bindings[1]))
		case more:
			wider++
		case len(flags) == 0:
			silent++
		}
	}
	if wider < 100 || silent < 100 {
		t.Errorf("%d changes give more, %d are silent: the test tests little", wider, silent)
	}
	t.Logf("%d changes give more, %d are silent", wider, silent)
}
