package diff

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/scion-gen/scion-gen/pkg/manifest"
)

// testScope is a scope of a side, and its objects.
type testScope struct {
	name  string
	roots []*manifest.Node
}

func sideOfScopes(name string, scopes ...testScope) *Side {
	var errs manifest.Errors
	s := &Side{Name: name, byKey: map[key]*object{}}
	for _, scope := range scopes {
		r := reader{side: s, file: File{Name: name + "/" + scope.name, Path: scope.name, Scope: scope.name}, errs: &errs}
		for _, root := range scope.roots {
			r.add(root, manifest.Pos{Line: 1}, "", "")
		}
	}
	if err := errs.Err(); err != nil {
		panic(err)
	}
	return s
}

// flat are the edits of a report as text; of one scope if one is given.
func flat(r *Report, scope string) []string {
	var out []string
	for _, o := range r.Objects {
		for _, e := range o.Edits {
			if scope == "" || slices.Contains(e.Scopes, scope) {
				out = append(out, fmt.Sprintf("%s %s %s %s %v %v %v", o.Ref, e.Op, e.content(), e.Outcome.Verdict, e.Old, e.New, e.Flags))
			}
		}
	}
	slices.Sort(out)
	return out
}

// Comparing several trees at once says just what comparing each of them says,
// and each thing once.
func TestScopesAreComparedApart(t *testing.T) {
	shared := 0
	for seed := range int64(60) {
		rng := rand.New(rand.NewPCG(uint64(seed), 2))
		named := func(n *manifest.Node, name string) *manifest.Node {
			out := *n
			out.Fields = slices.Clone(n.Fields)
			out.Set("kind", manifest.Str("Pod", manifest.Pos{}))
			out.Set("apiVersion", manifest.Str("v1", manifest.Pos{}))
			out.Set("metadata", manifest.Map(manifest.Pos{}, 1))
			out.Get("metadata").Set("name", manifest.Str(name, manifest.Pos{}))
			return &out
		}
		var old, new [2]testScope
		for i, name := range []string{"deploy", "manifests"} {
			old[i].name, new[i].name = name, name
		}
		for _, name := range []string{"a", "b", "c"} {
			pod, other := randomPod(t, rng.Int64N(1000)), randomPod(t, rng.Int64N(1000))
			for i := range old {
				before := pod
				if rng.IntN(2) == 0 {
					before = mutate(rng, pod, other)
				}
				after := mutate(rand.New(rand.NewPCG(uint64(seed), uint64(rng.IntN(2)))), before, other)
				old[i].roots = append(old[i].roots, named(before, name))
				new[i].roots = append(new[i].roots, named(after, name))
			}
		}
		r := Compare(sideOfScopes("old", old[:]...), sideOfScopes("new", new[:]...), Options{})
		checkGroups(t, r)
		for i := range old {
			alone := Compare(sideOfScopes("old", old[i]), sideOfScopes("new", new[i]), Options{})
			if d := cmp.Diff(flat(alone, ""), flat(r, old[i].name)); d != "" {
				t.Fatalf("seed %d: %s (-alone +with the other):\n%s", seed, old[i].name, d)
			}
		}
		for _, o := range r.Objects {
			for _, e := range o.Edits {
				if len(e.Scopes) > 1 {
					shared++
				}
			}
		}
	}
	if shared < 100 {
		t.Errorf("%d edits in both trees: the test tests little", shared)
	}
}

// What a report says of objects that came to, left or changed scopes.
func TestScopes(t *testing.T) {
	pods := func(texts ...string) []*manifest.Node {
		var out []*manifest.Node
		for _, text := range texts {
			name, image, _ := strings.Cut(text, " ")
			var errs manifest.Errors
			out = append(out, parse([]byte("apiVersion: v1\nkind: Pod\nmetadata: {name: "+name+"}\nspec: {containers: [{name: agent, image: "+image+"}]}\n"), 1, nil, &errs))
		}
		return out
	}
	tree := func(name string, texts ...string) testScope { return testScope{name, pods(texts...)} }
	for _, c := range []struct {
		why      string
		old, new []testScope
		want     []string // objects, verdicts, scopes and edits
		summary  string
	}{
		{
			"the same change in both", []testScope{tree("x", "a i:1"), tree("y", "a i:1")}, []testScope{tree("x", "a i:2"), tree("y", "a i:2")},
			[]string{"a restart [x y]: i:1->i:2 [x y]"}, "1/1, 0 same",
		},
		{
			"a change in one", []testScope{tree("x", "a i:1"), tree("y", "a i:1")}, []testScope{tree("x", "a i:1"), tree("y", "a i:2")},
			[]string{"a restart [y]: i:1->i:2 [y]"}, "1/1, 0 same",
		},
		{
			"another change in each", []testScope{tree("x", "a i:1"), tree("y", "a j:1")}, []testScope{tree("x", "a i:2"), tree("y", "a j:2")},
			[]string{"a restart [x y]: i:1->i:2 [x], j:1->j:2 [y]"}, "1/1, 0 same",
		},
		{
			"new in one, changed in the other", []testScope{tree("x", "a i:1")}, []testScope{tree("x", "a i:2"), tree("y", "a i:2")},
			[]string{"a restart [x]: i:1->i:2 [x]", "a new [y]: new [y]"}, "1/1, 0 same",
		},
		{
			"deleted in both", []testScope{tree("x", "a i:1"), tree("y", "a i:1")}, nil,
			[]string{"a delete [x y]: deleted [x y]"}, "1/0, 0 same",
		},
		{
			"a tree with another name beside one that stays", []testScope{tree("x", "a i:1", "b i:1"), tree("y", "a j:1")}, []testScope{tree("z", "a i:2", "b i:1"), tree("y", "a j:1")},
			[]string{"a restart [x -> z]: i:1->i:2 [x -> z]"}, "2/2, 1 same",
		},
		{
			"both with another name, told by what is in them", []testScope{tree("x", "a i:1"), tree("y", "a j:1")}, []testScope{tree("v", "a j:1"), tree("w", "a i:1")},
			nil, "1/1, 1 same",
		},
		{
			"both with another name, and nothing tells which is which", []testScope{tree("x", "a i:1"), tree("y", "a j:1")}, []testScope{tree("v", "a j:2"), tree("w", "a i:2")},
			[]string{"a new [v w]: new [v], new [w]", "a delete [x y]: deleted [x], deleted [y]"}, "1/1, 0 same",
		},
		{
			"from beside the trees into one", []testScope{tree("", "a i:1", "b i:1"), tree("y", "b i:1")}, []testScope{tree("x", "a i:2"), tree("", "b i:1"), tree("y", "b i:1")},
			[]string{"a restart [. -> x]: i:1->i:2 [. -> x]"}, "2/2, 1 same",
		},
		{
			"no object in two trees: they are not told apart", []testScope{tree("x", "a i:1"), tree("y", "b i:1")}, []testScope{tree("x", "a i:2"), tree("y", "b i:2")},
			[]string{"a restart []: i:1->i:2 []", "b restart []: i:1->i:2 []"}, "2/2, 0 same",
		},
		{
			"renamed in both", []testScope{tree("x", "a i:1"), tree("y", "a j:1")}, []testScope{tree("x", "b i:1"), tree("y", "b j:1")},
			[]string{"b recreate [x y]: a->b [x y]"}, "1/1, 0 same",
		},
	} {
		t.Run(c.why, func(t *testing.T) {
			r := Compare(sideOfScopes("old", c.old...), sideOfScopes("new", c.new...), Options{})
			checkGroups(t, r)
			var got []string
			for _, o := range r.Objects {
				var edits []string
				for _, e := range o.Edits {
					edits = append(edits, fmt.Sprintf("%s %v", what(e), e.Scopes))
				}
				got = append(got, fmt.Sprintf("%s %s %v: %s", o.Ref.Name, o.Verdict, o.Scopes, strings.Join(edits, ", ")))
			}
			if d := cmp.Diff(c.want, got); d != "" {
				t.Errorf("-want +got:\n%s", d)
			}
			s := r.Summary
			if got := fmt.Sprintf("%d/%d, %d same", s.OldObjects, s.NewObjects, s.Same); got != c.summary {
				t.Errorf("%s, want %s", got, c.summary)
			}
		})
	}
}

func what(e Edit) string {
	switch {
	case e.Old == nil:
		return "new"
	case e.New == nil:
		return "deleted"
	}
	return e.Old.Text + "->" + e.New.Text
}

// What is hidden in names is hidden in those of trees, and tells objects and
// fields apart nevertheless.
func TestScopesWithHiddenNames(t *testing.T) {
	tokens := [2]string{"ghp_" + strings.Repeat("a1B2c3", 6), "ghp_" + strings.Repeat("b1B2c3", 6)}
	tree := func(name, value string) testScope {
		var roots []*manifest.Node
		for _, token := range tokens {
			var errs manifest.Errors
			roots = append(roots, parse([]byte(fmt.Sprintf("apiVersion: v1\nkind: ConfigMap\nmetadata: {name: %s}\ndata: {%s: %s, %s: %s}\n",
				token, tokens[0], value, tokens[1], value)), 1, nil, &errs))
		}
		return testScope{name, roots}
	}
	r := Compare(sideOfScopes("old", tree("deploy/"+tokens[0], "1"), tree("manifests", "1")),
		sideOfScopes("new", tree("deploy/"+tokens[0], "2"), tree("manifests", "2")), Options{})
	checkGroups(t, r)
	var got []string
	for _, o := range r.Objects {
		got = append(got, fmt.Sprintf("%s: %d edits, %v", o.Ref, len(o.Edits), o.Scopes))
	}
	const each = "ConfigMap <redacted, 40 bytes>: 2 edits, [<redacted, 47 bytes> manifests]"
	if d := cmp.Diff([]string{each, each}, got); d != "" {
		t.Errorf("-want +got:\n%s", d)
	}
}

// What guards a pod, or gives it rights, is what is in its tree, and what is
// beside all trees: not what another tree has.
func TestSurroundingsOfTrees(t *testing.T) {
	pod := func(labels string) string { return labelled("a", labels) }
	deny := netpol("deny", "  {podSelector: {matchLabels: {app: web}}, policyTypes: [Egress]}\n")
	allow := netpol("allow", "  {podSelector: {matchLabels: {app: web}}, policyTypes: [Egress], egress: [{to: [{ipBlock: {cidr: 10.0.0.0/8}}]}]}\n")
	role := rbac("Role", "r", "rules: [{apiGroups: [''], resources: [pods], verbs: [create]}]\n")
	binding := rbac("RoleBinding", "b", "roleRef: {kind: Role, name: r}\nsubjects: [{kind: ServiceAccount, name: a}]\n")
	side := func(x, y, beside string) *Side {
		var errs manifest.Errors
		s := Read("side", []File{{Name: "x", Scope: "x", Data: []byte(x)}, {Name: "y", Scope: "y", Data: []byte(y)}, {Name: "z", Data: []byte(beside)}}, &errs)
		if err := errs.Err(); err != nil {
			t.Fatal(err)
		}
		return s
	}
	narrow := rbac("Role", "r", "rules: [{apiGroups: [''], resources: [pods], verbs: [get]}]\n")
	all := rbac("Role", "r", "rules: [{apiGroups: ['*'], resources: ['*'], verbs: ['*']}]\n")
	both := rbac("RoleBinding", "b", "roleRef: {kind: Role, name: r}\nsubjects: [{kind: User, name: a}, {kind: User, name: b}]\n")
	web, other := pod("app: web"), pod("app: other")
	for _, c := range []struct {
		why      string
		old, new *Side
		want     []string
	}{
		{"other labels, and the policy is in one tree", side(web+deny, web, ""), side(other+deny, other, ""), []string{"network-labels [x]"}},
		{"other labels, and the policy is beside the trees", side(web, web, deny), side(other, other, deny), []string{"network-labels [x y]"}},
		{"a policy beside the trees is gone", side(web, web, deny), side(web, web, ""), []string{"guard-removed [.]"}},
		{"a policy beside the trees goes with the pods", side(web, web, deny), side("", "", ""), nil},
		{"a policy of one tree is gone, another has it still", side(web+deny, web+deny, ""), side(web, web+deny, ""), []string{"guard-removed [x]"}},
		{"more is allowed beside the trees than one of them allows", side(web, web+deny, ""), side(web, web+deny, allow), []string{"network-policy [.]"}},
		{"more is allowed in a tree than beside it", side(web, web, deny), side(web+allow, web, deny), []string{"network-policy [x]"}},
		{"a binding beside the trees waits for the role of both", side(web, web, binding), side(web+role, web+role, binding), []string{"rbac-widened [x y]"}},
		{"a binding of one tree waits for the role of the other", side(web+binding, web, ""), side(web+binding, web+role, ""), nil},
		{"a binding beside the trees to a role that is wide in one of them", side(web+narrow, web+all, ""), side(web+narrow, web+all, both), []string{"rbac-subject [.]", "rbac-subject [.]"}},
		{"a tree is gone, and one that stays has less of it", side(web+deny, web+deny, ""), side(web, "", ""), []string{"guard-removed [x]"}},
	} {
		var got []string
		for _, o := range Compare(c.old, c.new, Options{}).Objects {
			for _, e := range o.Edits {
				for _, f := range e.Flags {
					got = append(got, fmt.Sprintf("%s %v", f.ID, e.Scopes))
				}
			}
		}
		if d := cmp.Diff(c.want, got); d != "" {
			t.Errorf("%s (-want +got):\n%s", c.why, d)
		}
	}
}
