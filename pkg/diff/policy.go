package diff

import (
	"net/netip"
	"slices"
	"strings"

	"github.com/scion-gen/scion-gen/pkg/manifest"
)

// policy is a NetworkPolicy. What several of them allow a pod adds up, and a
// direction is restricted for the pods that any policy of the type selects
// (NetworkPolicySpec): so a change is weaker or stricter only together with the
// other policies of the namespace.
type policy struct {
	selects   selector
	restricts [len(directions)]bool
	allows    [len(directions)][]traffic // empty where it does not restrict
}

// directions of traffic: the key of the rules, that of the peers, and the
// policy type.
var directions = [...]struct{ rules, peers, kind string }{
	{"ingress", "from", "Ingress"},
	{"egress", "to", "Egress"},
}

// policyOf reads a policy; nil where there is none.
func policyOf(root *manifest.Node, namespace string) *policy {
	if root == nil {
		return nil
	}
	p := &policy{selects: selectorOf(root.At("spec", "podSelector"))}
	for i, d := range directions {
		if p.restricts[i] = restricts(root, d.kind); p.restricts[i] {
			p.allows[i] = allowed(root, namespace, d.rules, d.peers)
		}
	}
	return p
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

// traffic is what one peer and one port of a rule allow.
type traffic struct {
	path, rule string // of the peer, and of the rule it is in
	ports      ports
	// The peer is everyone, or addresses, or pods in namespaces; none of these
	// where it cannot be read.
	everyone         bool
	spans            []span
	all              bool // the cidr is all of a family
	isPods           bool
	namespaces, pods selector
	text             string // the peer as it is shown
}

func (t traffic) String() string { return t.text + t.ports.String() }

// allowed is what the rules of a direction allow, one for each peer and port.
func allowed(root *manifest.Node, namespace, rules, peers string) []traffic {
	var out []traffic
	for i, rule := range items(root.At("spec", rules)) {
		path := manifest.Index("spec."+rules, i)
		for _, t := range peersOf(rule, namespace, peers, path) {
			list := items(rule.Get("ports"))
			if len(list) == 0 {
				out = append(out, t)
			}
			for _, p := range list {
				t.ports = portsOf(p)
				out = append(out, t)
			}
		}
	}
	return out
}

func peersOf(rule *manifest.Node, namespace, key, path string) []traffic {
	list := items(rule.Get(key))
	if len(list) == 0 {
		return []traffic{{path: path, rule: path, everyone: true, text: "everyone"}}
	}
	var out []traffic
	for i, n := range list {
		t := peerOf(n, namespace)
		t.path, t.rule = manifest.Index(path+"."+key, i), path
		out = append(out, t)
	}
	return out
}

// namespaceName is the label that the API server gives each namespace.
const namespaceName = "kubernetes.io/metadata.name"

func peerOf(n *manifest.Node, namespace string) traffic {
	t := traffic{text: strings.ReplaceAll(yamlText(n), "\n", " ")}
	if block := n.Get("ipBlock"); !block.IsNull() {
		cidr, err := netip.ParsePrefix(text(block.Get("cidr")))
		if err != nil {
			return t
		}
		var except []netip.Prefix
		t.text = cidr.String()
		join := " except "
		for _, e := range items(block.Get("except")) {
			if x, err := netip.ParsePrefix(text(e)); err == nil {
				except = append(except, x)
				t.text += join + x.String()
				join = ", "
			}
		}
		t.spans, t.all = blockSpans(cidr, except), cidr.Bits() == 0
		return t
	}
	t.isPods, t.pods = true, selectorOf(n.Get("podSelector"))
	if of := n.Get("namespaceSelector"); of != nil && of.Kind == manifest.Mapping {
		t.namespaces = selectorOf(of)
	} else {
		t.namespaces = selector{{namespaceName, "In", []string{namespace}}}
	}
	return t
}

// cover reports whether all of t is among what others allow together.
func cover(others []traffic, t traffic) bool {
	for _, piece := range t.ports.pieces(others) {
		var spans []span
		peer := false
		for _, o := range others {
			if !o.ports.cover(piece) {
				continue
			}
			peer = peer || o.coversPeer(t)
			spans = append(spans, o.spans...)
		}
		if !peer && (t.spans == nil || !holds(spans, t.spans)) {
			return false
		}
	}
	return true
}

func (t traffic) coversPeer(u traffic) bool {
	switch {
	case t.everyone:
		return true
	case t.isPods && u.isPods:
		return u.namespaces.implies(t.namespaces) && u.pods.implies(t.pods)
	}
	return !u.everyone && t.text == u.text
}

// metadata are the addresses of clouds' metadata services, which answer on
// port 80.
var metadata = []netip.Prefix{netip.MustParsePrefix("169.254.169.254/32"), netip.MustParsePrefix("fd00:ec2::254/128")}

// reaches reports whether a metadata service can be reached.
func (t traffic) reaches(address netip.Prefix) bool {
	if t.ports.name == "" && !t.ports.cover(ports{protocol: "TCP", first: 80, last: 80}) {
		return false
	}
	return t.everyone || slices.ContainsFunc(t.spans, func(s span) bool { return holds([]span{s}, []span{spanOf(address)}) })
}

// policySet is the policies of a namespace.
type policySet struct {
	all  []*policy
	keys map[string]bool // of labels that any of them asks for
	// by has their places by a label and the value that they ask for, rest
	// those that ask for none by its value.
	by   map[string]map[string][]int
	rest []int
}

func (s *policySet) add(p *policy) {
	at := len(s.all)
	s.all = append(s.all, p)
	for _, r := range p.selects {
		s.keys[r.key] = true
	}
	for _, r := range p.selects {
		if r.op != "In" || len(r.values) != 1 {
			continue
		}
		if s.by[r.key] == nil {
			s.by[r.key] = map[string][]int{}
		}
		s.by[r.key][r.values[0]] = append(s.by[r.key][r.values[0]], at)
		return
	}
	s.rest = append(s.rest, at)
}

// near are the policies that may have something in common with a selector, in
// their order: most of many ask for another value of the same label.
func (s *policySet) near(of selector) []*policy {
	at := slices.Clone(s.rest)
	for key, places := range s.by {
		values, limited := of.values(key)
		for _, value := range values {
			at = append(at, places[value]...)
		}
		if !limited {
			for _, all := range places {
				at = append(at, all...)
			}
		}
	}
	slices.Sort(at)
	var out []*policy
	for _, i := range slices.Compact(at) {
		out = append(out, s.all[i])
	}
	return out
}

// policies are those of a namespace that may have something in common with a
// selector.
func (s *surroundings) policies(namespace string, near selector) []*policy {
	if set := s.policySet(namespace); set != nil {
		return set.near(near)
	}
	return nil
}

func (s *surroundings) policySet(namespace string) *policySet {
	if s.networks == nil {
		s.networks = map[string]*policySet{}
		s.each(func(o *object, root *manifest.Node) {
			set := s.networks[o.ref.Namespace]
			if set == nil {
				set = &policySet{keys: map[string]bool{}, by: map[string]map[string][]int{}}
				s.networks[o.ref.Namespace] = set
			}
			set.add(policyOf(root, o.ref.Namespace))
		}, groupKind{"networking.k8s.io", "NetworkPolicy"})
	}
	return s.networks[namespace]
}

// widerPolicy finds the pods that a direction is no longer restricted for, and
// the traffic that is allowed to pods which were restricted and did not have
// it.
func (c *comparison) widerPolicy(ref, was Ref, p pair) []fact {
	old, new := policyOf(p.old, was.Namespace), policyOf(p.new, ref.Namespace)
	var out []fact
	for d := range directions {
		if f, freed := c.freed(old, new, d, was.Namespace); freed {
			out = append(out, f)
		}
		if new == nil {
			continue
		}
		kind := strings.ToLower(directions[d].kind)
		same := old != nil && was.Namespace == ref.Namespace && old.restricts[d] && new.selects.implies(old.selects)
		var regions [][]traffic
		for _, t := range new.allows[d] {
			if same && cover(old.allows[d], t) {
				continue
			}
			if regions == nil {
				regions = c.regions(new, d, ref.Namespace)
			}
			at := slices.IndexFunc(regions, func(before []traffic) bool { return !cover(before, t) })
			if at >= 0 {
				out = append(out, policyFact(t, regions[at], kind, directions[d].rules))
			}
		}
	}
	return out
}

// freed says whether pods of the old policy are no longer restricted in a
// direction: they were not allowed everything, and no policy that is there now
// is sure to select all of them.
func (c *comparison) freed(old, new *policy, d int, was string) (f fact, freed bool) {
	if old == nil || !old.restricts[d] {
		return f, false
	}
	selected := func(q *policy) bool { return q.restricts[d] && old.selects.implies(q.selects) }
	var before []traffic
	for _, q := range c.before.policies(was, old.selects) {
		if selected(q) {
			before = append(before, q.allows[d]...)
		}
	}
	if slices.ContainsFunc(c.after.policies(was, old.selects), selected) || cover(before, traffic{everyone: true}) || c.podsGone(old.selects, was) {
		return f, false
	}
	switch {
	case new == nil:
		f = fact{id: "guard-removed", detail: "NetworkPolicy", paths: []string{""}}
	case !new.restricts[d]:
		f = fact{id: "network-unguarded", detail: strings.ToLower(directions[d].kind), paths: []string{"spec.policyTypes", "spec"}}
	default:
		f = fact{id: "network-selector", paths: []string{"spec.podSelector", "metadata.namespace", "spec"}}
	}
	return f, true
}

// podsGone reports whether the old side has pods that a selector selects, and
// the new side has none: they went together with what restricted them.
func (c *comparison) podsGone(of selector, namespace string) bool {
	return slices.ContainsFunc(c.before.pods(namespace, of), of.selects) && !slices.ContainsFunc(c.after.pods(namespace, of), of.selects)
}

// regions are what pods that a policy selects were allowed in a direction: for
// each policy that restricted some of them, what all pods which both select
// were sure to be allowed.
func (c *comparison) regions(new *policy, d int, namespace string) [][]traffic {
	out := [][]traffic{}
	for _, p := range c.before.policies(namespace, new.selects) {
		if !p.restricts[d] || !c.overlap(new.selects, p.selects, namespace) {
			continue
		}
		both := new.selects.and(p.selects)
		var before []traffic
		for _, q := range c.before.policies(namespace, both) {
			if q.restricts[d] && both.implies(q.selects) {
				before = append(before, q.allows[d]...)
			}
		}
		out = append(out, before)
	}
	return out
}

// overlap reports whether two selectors of a namespace may select the same pod.
// Where neither is part of the other, the pods of both sides are asked, if each
// selects some of them.
func (c *comparison) overlap(a, b selector, namespace string) bool {
	switch {
	case !a.and(b).possible():
		return false
	case a.implies(b) || b.implies(a):
		return true
	}
	var inA, inB bool
	for _, s := range []*surroundings{c.before, c.after} {
		for _, pod := range s.pods(namespace, a) {
			inA = inA || a.selects(pod)
			if a.selects(pod) && b.selects(pod) {
				return true
			}
		}
		inB = inB || slices.ContainsFunc(s.pods(namespace, b), b.selects)
	}
	return !inA || !inB
}

func policyFact(t traffic, before []traffic, kind, rules string) fact {
	f := fact{id: "network-policy", detail: kind + " " + t.String(), paths: []string{t.path, t.rule, "spec." + rules, "spec"}}
	if kind == "egress" && reachesMetadata(t, before) {
		f.id, f.detail = "network-metadata", t.String()
	}
	if t.everyone || t.all {
		f.severity = High
	}
	return f
}

// reachesMetadata reports whether t reaches a metadata service, which before
// did not.
func reachesMetadata(t traffic, before []traffic) bool {
	return slices.ContainsFunc(metadata, func(m netip.Prefix) bool {
		return t.reaches(m) && !slices.ContainsFunc(before, func(b traffic) bool { return b.reaches(m) })
	})
}

// escapes finds what other labels let a pod do: out of a direction's policies,
// or to what other policies allow.
func (c *comparison) escapes(obj *Object, was Ref, p pair) []fact {
	ref, at := obj.Ref, podSpecPath(obj.Ref)
	at = append(slices.Clone(at[:len(at)-1]), "metadata", "labels")
	path := strings.Join(at, ".")
	if p.old == nil || p.new == nil || was.Namespace != ref.Namespace || !(&facts{edits: obj.Edits}).touched(path) {
		return nil
	}
	old, new := labelsOf(p.old.At(at...)), labelsOf(p.new.At(at...))
	changed := func(key string) bool {
		before, had := old[key]
		after, has := new[key]
		return before != after || had != has
	}
	if !c.before.decides(ref.Namespace, changed) && !c.after.decides(ref.Namespace, changed) {
		return nil
	}
	var out []fact
	add := func(detail string, severity Severity) {
		out = append(out, fact{id: "network-labels", detail: detail, severity: severity, paths: []string{path}})
	}
	for d := range directions {
		kind := strings.ToLower(directions[d].kind)
		before, restricted := c.before.allowedTo(old, ref.Namespace, d)
		after, still := c.after.allowedTo(new, ref.Namespace, d)
		switch {
		case !restricted:
		case !still:
			add(kind+" is no longer restricted", High)
		default:
			same, _ := c.after.allowedTo(old, ref.Namespace, d)
			for _, t := range after {
				if !cover(before, t) && !cover(same, t) {
					add(kind+" "+t.String()+" is allowed", policyFact(t, before, kind, "").severity)
				}
			}
		}
	}
	return out
}

// allowedTo is what the policies that select a pod allow it in a direction;
// restricted is false where there are none.
func (s *surroundings) allowedTo(pod map[string]string, namespace string, d int) (all []traffic, restricted bool) {
	for _, p := range s.policies(namespace, selectorFor(pod)) {
		if p.restricts[d] && p.selects.selects(pod) {
			all, restricted = append(all, p.allows[d]...), true
		}
	}
	return all, restricted
}

// decides reports whether a policy of the namespace asks for one of the labels.
func (s *surroundings) decides(namespace string, label func(key string) bool) bool {
	set := s.policySet(namespace)
	if set == nil {
		return false
	}
	for key := range set.keys {
		if label(key) {
			return true
		}
	}
	return false
}
