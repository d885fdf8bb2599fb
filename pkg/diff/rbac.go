package diff

import (
	"cmp"
	"slices"
	"strings"

	"github.com/scion-gen/scion-gen/pkg/manifest"
)

const rbacGroup = "rbac.authorization.k8s.io"

// permission is one verb on one kind of resource, or on a path of the API
// server.
type permission struct{ group, resource, name, url, verb string }

// covers reports whether who may p may q too, as the RBAC authorizer has it
// (pkg/apis/rbac/v1/evaluation_helpers.go).
func (p permission) covers(q permission) bool {
	either := func(a, b string) bool { return a == "*" || a == b }
	if !either(p.verb, q.verb) {
		return false
	}
	if p.url != "" || q.url != "" {
		prefix, wild := strings.CutSuffix(p.url, "*")
		return q.url != "" && (p.url == q.url || wild && strings.HasPrefix(q.url, prefix))
	}
	_, sub, hasSub := strings.Cut(q.resource, "/")
	return either(p.group, q.group) && (either(p.resource, q.resource) || hasSub && p.resource == "*/"+sub) && (p.name == "" || p.name == q.name)
}

// graveResources are those by which rights grow: who may read them has others'
// credentials, who may change them is more than he was. The source is
// Kubernetes' "RBAC Good Practices", privilege escalation risks.
var graveResources = map[string][]string{
	"secrets":                             nil,
	"pods/exec":                           nil,
	"pods/attach":                         nil,
	"pods/ephemeralcontainers":            nil,
	"serviceaccounts/token":               nil,
	"nodes/proxy":                         nil,
	"clusterrolebindings":                 nil,
	"rolebindings":                        nil,
	"certificatesigningrequests":          {"create", "update", "patch"},
	"persistentvolumes":                   {"create", "update", "patch"},
	"namespaces":                          {"update", "patch"},
	"mutatingwebhookconfigurations":       {"create", "update", "patch", "delete"},
	"validatingwebhookconfigurations":     {"create", "update", "patch", "delete"},
	"certificatesigningrequests/approval": nil,
}

// grave reports whether a permission comes near to all of them.
func (p permission) grave() bool {
	if p.verb == "*" || p.resource == "*" || p.group == "*" || p.url == "*" || slices.Contains([]string{"escalate", "bind", "impersonate"}, p.verb) {
		return true
	}
	verbs, known := graveResources[p.resource]
	return known && (verbs == nil || slices.Contains(verbs, p.verb))
}

func (p permission) String() string {
	s := p.verb + " " + cmp.Or(p.url, p.resource)
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
	for i, rule := range items(orNull(root).Get("rules")) {
		for _, verb := range values(rule, "verbs") {
			for _, url := range values(rule, "nonResourceURLs") {
				all, rules = append(all, permission{url: url, verb: verb}), append(rules, i)
			}
			for _, group := range values(rule, "apiGroups") {
				for _, resource := range values(rule, "resources") {
					for _, name := range values(rule, "resourceNames", "") {
						all, rules = append(all, permission{group: group, resource: resource, name: name, verb: verb}), append(rules, i)
					}
				}
			}
		}
	}
	return all, rules
}

// allCovered reports whether each permission is covered by one of others.
func allCovered(others, all []permission) bool {
	return !slices.ContainsFunc(all, func(q permission) bool { return !anyCovers(others, q) })
}

func anyCovers(all []permission, q permission) bool {
	return slices.ContainsFunc(all, func(p permission) bool { return p.covers(q) })
}

// widerRole finds what a role allows that it did not. A new role gives nothing
// to anybody by itself: what comes near to all rights is flagged, and all of it
// where a binding waits for the role.
func (c *comparison) widerRole(ref Ref, p pair) []fact {
	if p.new == nil {
		return nil
	}
	before, _ := permissions(p.old)
	after, rules := permissions(p.new)
	awaited := p.old != nil || c.before.binds(roleID(ref))
	var out []fact
	verbs := map[permission]int{} // the fact that has the verbs on the same
	for i, q := range after {
		if anyCovers(before, q) || !awaited && !q.grave() {
			continue
		}
		f := fact{id: "rbac-widened", detail: q.String(), paths: []string{manifest.Index("rules", rules[i]), "rules"}}
		if q.grave() {
			f.severity = High
		}
		on := q
		on.verb = string(f.severity)
		if at, found := verbs[on]; found {
			out[at].detail = q.verb + ", " + out[at].detail
			continue
		}
		verbs[on] = len(out)
		out = append(out, f)
	}
	return append(out, aggregated(p)...)
}

// aggregated finds the roles that a cluster role becomes a part of, and those
// that become a part of it (ClusterRole aggregation).
func aggregated(p pair) []fact {
	var out []fact
	old := orNull(p.old)
	for _, f := range orNull(p.new.At("metadata", "labels")).Fields {
		into, is := strings.CutPrefix(f.Key, rbacGroup+"/aggregate-to-")
		if is && isTrue(f.Value) && !isTrue(old.At("metadata", "labels", f.Key)) {
			out = append(out, fact{id: "rbac-widened", severity: High, detail: "be added to the role " + into, paths: []string{manifest.Child("metadata.labels", f.Key)}})
		}
	}
	var before []selector
	for _, n := range items(old.At("aggregationRule", "clusterRoleSelectors")) {
		before = append(before, selectorOf(n))
	}
	for i, n := range items(p.new.At("aggregationRule", "clusterRoleSelectors")) {
		s := selectorOf(n)
		if !slices.ContainsFunc(before, s.implies) {
			out = append(out, fact{id: "rbac-widened", detail: "have the rules of other roles: " + strings.ReplaceAll(yamlText(n), "\n", " "),
				paths: []string{manifest.Index("aggregationRule.clusterRoleSelectors", i), "aggregationRule"}})
		}
	}
	return out
}

// subject is who is bound to a role. A service account may also be written as
// a user.
type subject struct{ kind, namespace, name string }

func subjectOf(n *manifest.Node, namespace string) subject {
	s := subject{text(n.Get("kind")), text(n.Get("namespace")), text(n.Get("name"))}
	if account, is := strings.CutPrefix(s.name, "system:serviceaccount:"); is && s.kind == "User" {
		s.kind = "ServiceAccount"
		s.namespace, s.name, _ = strings.Cut(account, ":")
	}
	switch {
	case s.kind != "ServiceAccount":
		s.namespace = ""
	case s.namespace == "":
		s.namespace = namespace
	}
	return s
}

// covers reports whether all that q is, s is too: the groups that the API
// server puts everybody in.
func (s subject) covers(q subject) bool {
	if s == q {
		return true
	}
	if s.kind != "Group" {
		return false
	}
	accounts := "system:serviceaccounts"
	switch {
	case s.name == "system:authenticated":
		return q.kind == "ServiceAccount" || q.kind == "User" && q.name != "system:anonymous" || q.kind == "Group" && q.name != "system:unauthenticated"
	case s.name == accounts:
		return q.kind == "ServiceAccount" || q.kind == "Group" && strings.HasPrefix(q.name, accounts+":")
	}
	return q.kind == "ServiceAccount" && s.name == accounts+":"+q.namespace
}

// everybody reports whether a subject is all of a kind.
func (s subject) everybody() bool {
	return slices.Contains([]string{"system:authenticated", "system:unauthenticated", "system:anonymous", "system:serviceaccounts"}, s.name)
}

func (s subject) String() string {
	parts := []string{s.kind, s.namespace, s.name}
	return strings.Join(slices.DeleteFunc(parts, func(part string) bool { return part == "" }), "/")
}

// binding is a RoleBinding, or a ClusterRoleBinding, whose scope is "*".
type binding struct {
	scope    string
	role     id
	subjects []subject
}

func bindingOf(ref Ref, root *manifest.Node) binding {
	b := binding{scope: ref.Namespace, role: id{group: rbacGroup, kind: text(root.At("roleRef", "kind")), name: text(root.At("roleRef", "name"))}}
	switch {
	case ref.Kind == "ClusterRoleBinding":
		b.scope = "*"
	case b.role.kind == "Role":
		b.role.namespace = ref.Namespace
	}
	for _, n := range items(root.Get("subjects")) {
		b.subjects = append(b.subjects, subjectOf(n, ref.Namespace))
	}
	return b
}

// roleID is what bindings know a role by.
func roleID(ref Ref) id {
	of := ref.id()
	if of.kind == "ClusterRole" {
		of.namespace = ""
	}
	return of
}

// bindings are all of a side.
func (s *surroundings) bindings() []binding {
	if !s.bound {
		s.bound = true
		s.each(func(o *object, root *manifest.Node) { s.grants = append(s.grants, bindingOf(o.ref, root)) },
			groupKind{rbacGroup, "RoleBinding"}, groupKind{rbacGroup, "ClusterRoleBinding"})
	}
	return s.grants
}

// binds reports whether a binding names the role.
func (s *surroundings) binds(role id) bool {
	return slices.ContainsFunc(s.bindings(), func(b binding) bool { return b.role == role && len(b.subjects) > 0 })
}

// role is what a role of the side allows; known is false where the side does
// not have it.
func (s *surroundings) role(of id) (all []permission, known bool) {
	if s.roles == nil {
		s.roles = map[id][]permission{}
		s.each(func(o *object, root *manifest.Node) {
			if root.Get("aggregationRule").IsNull() {
				s.roles[roleID(o.ref)], _ = permissions(root)
			}
		}, groupKind{rbacGroup, "Role"}, groupKind{rbacGroup, "ClusterRole"})
	}
	all, known = s.roles[of]
	return all, known
}

// builtIn are the roles that every cluster has, each with all that those below
// it have.
var builtIn = map[string]int{"view": 1, "edit": 2, "admin": 3, "cluster-admin": 4}

func (r id) builtIn() int {
	if r.kind == "Role" {
		return 0
	}
	return builtIn[r.name]
}

// roleCovers reports whether a role of the old side has all that one of the new
// side has.
func (c *comparison) roleCovers(old, new id) bool {
	if old == new || old.builtIn() == builtIn["cluster-admin"] {
		return true
	}
	if new.builtIn() > 0 {
		return old.builtIn() >= new.builtIn()
	}
	before, known := c.before.role(old)
	after, too := c.after.role(new)
	return known && too && allCovered(before, after)
}

// graveRole reports whether a role of the new side comes near to all rights.
func (c *comparison) graveRole(role id) bool {
	all, _ := c.after.role(role)
	return role.builtIn() >= builtIn["edit"] || slices.ContainsFunc(all, permission.grave)
}

// widerBinding finds who is given rights that no binding gave before.
func (c *comparison) widerBinding(ref, was Ref, p pair) []fact {
	if p.new == nil {
		return nil
	}
	var old binding
	if p.old != nil {
		old = bindingOf(was, p.old)
	}
	new := bindingOf(ref, p.new)
	grave := c.graveRole(new.role)
	var out []fact
	role := fact{id: "rbac-role", detail: new.role.kind + " " + new.role.name, paths: []string{"roleRef"}}
	if grave {
		role.severity = High
	}
	if p.old != nil && len(new.subjects) == 0 && !c.roleCovers(old.role, new.role) {
		out = append(out, role) // whoever is added has it
	}
	for i, s := range new.subjects {
		if c.hadRole(new, s) {
			continue
		}
		f := fact{id: "rbac-subject", detail: new.role.kind + " " + new.role.name + " to " + s.String()}
		key := keyOf(p.new.Get("subjects").Items[i], []string{"kind", "namespace", "name"})
		f.paths = []string{"subjects[" + key + "]", "subjects", "roleRef", "metadata.namespace"}
		if slices.ContainsFunc(old.subjects, func(o subject) bool { return o.covers(s) }) && old.role != new.role {
			f = role
		}
		if grave || s.everybody() {
			f.severity = High
		}
		out = append(out, f)
	}
	return out
}

// hadRole reports whether a binding of the old side gave a subject all that b
// gives it.
func (c *comparison) hadRole(b binding, s subject) bool {
	return slices.ContainsFunc(c.before.bindings(), func(o binding) bool {
		return (o.scope == "*" || o.scope == b.scope) && slices.ContainsFunc(o.subjects, func(had subject) bool { return had.covers(s) }) && c.roleCovers(o.role, b.role)
	})
}
