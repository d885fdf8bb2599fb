package manifest

import (
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
)

var podType = TypeFor[corev1.Pod]()

// The rules that upstream has too.
var rules = []struct{ name, why, base, patch, want string }{
	{
		name: "scalar", why: "the patch wins, the order of the base stays",
		base:  `{spec: {hostname: a, nodeName: n}}`,
		patch: `{spec: {nodeName: m, hostname: b}}`,
		want:  `{spec: {hostname: b, nodeName: m}}`,
	},
	{
		name: "new fields", why: "what is new follows in the order of the patch",
		base:  `{spec: {nodeName: n}}`,
		patch: `{spec: {subdomain: s, hostname: h}}`,
		want:  `{spec: {nodeName: n, subdomain: s, hostname: h}}`,
	},
	{
		name: "map", why: "maps with free keys are merged key by key",
		base:  `{metadata: {labels: {a: "1", b: "2"}}}`,
		patch: `{metadata: {labels: {b: "3", c: "4"}}}`,
		want:  `{metadata: {labels: {a: "1", b: "3", c: "4"}}}`,
	},
	{
		name: "null", why: "null removes, nested too, and is nothing for what is not there",
		base:  `{metadata: {labels: {a: "1"}}, spec: {hostname: h, securityContext: {runAsUser: 1, fsGroup: 2}}}`,
		patch: `{metadata: {labels: null, annotations: null}, spec: {securityContext: {runAsUser: null}, dnsConfig: null}}`,
		want:  `{metadata: {}, spec: {hostname: h, securityContext: {fsGroup: 2}}}`,
	},
	{
		name: "null in a new mapping", why: "the mapping was named, so it is there; the null is not",
		base:  `{spec: {hostname: h}}`,
		patch: `{spec: {securityContext: {runAsUser: null}}}`,
		want:  `{spec: {hostname: h, securityContext: {}}}`,
	},
	{
		name: "keyed list", why: "items are merged by name, new ones appended, order kept",
		base:  `{spec: {containers: [{name: a, image: i}, {name: b, image: j}]}}`,
		patch: `{spec: {containers: [{name: c, image: k}, {name: b, tty: true}]}}`,
		want:  `{spec: {containers: [{name: a, image: i}, {name: b, image: j, tty: true}, {name: c, image: k}]}}`,
	},
	{
		name: "number as merge key", why: "ports are keyed by a number, which another port may have as its name",
		base:  `{spec: {containers: [{name: a, ports: [{containerPort: 80, name: x}, {containerPort: 81, name: "82"}]}]}}`,
		patch: `{spec: {containers: [{name: a, ports: [{containerPort: 81, hostPort: 9}, {containerPort: 82}]}]}}`,
		want:  `{spec: {containers: [{name: a, ports: [{containerPort: 80, name: x}, {containerPort: 81, name: "82", hostPort: 9}, {containerPort: 82}]}]}}`,
	},
	{
		name: "set of scalars", why: "finalizers are united, each once",
		base:  `{metadata: {finalizers: [b, a]}}`,
		patch: `{metadata: {finalizers: [c, a]}}`,
		want:  `{metadata: {finalizers: [b, a, c]}}`,
	},
	{
		name: "replaced list", why: "a list without a merge key is one value",
		base:  `{spec: {tolerations: [{key: a}, {key: b}], containers: [{name: a, args: [x, y]}]}}`,
		patch: `{spec: {tolerations: [{key: c}], containers: [{name: a, args: []}]}}`,
		want:  `{spec: {tolerations: [{key: c}], containers: [{name: a, args: []}]}}`,
	},
	{
		name: "empty patch of a keyed list", why: "an empty list names no item, so it changes none",
		base:  `{spec: {volumes: [{name: a}]}}`,
		patch: `{spec: {volumes: [], imagePullSecrets: []}}`,
		want:  `{spec: {volumes: [{name: a}], imagePullSecrets: []}}`,
	},
	{
		name: "another kind", why: "what cannot be merged is replaced: a port's name by its number",
		base:  `{spec: {containers: [{name: a, livenessProbe: {httpGet: {port: http}}}]}}`,
		patch: `{spec: {containers: [{name: a, livenessProbe: {httpGet: {port: 8080}}}]}}`,
		want:  `{spec: {containers: [{name: a, livenessProbe: {httpGet: {port: 8080}}}]}}`,
	},
	{
		name: "delete an item", why: "$patch: delete removes the item of that key, and is nothing for one that is not there",
		base:  `{spec: {containers: [{name: a}, {name: b}, {name: c}]}}`,
		patch: `{spec: {containers: [{name: b, $patch: delete}, {name: x, $patch: delete}]}}`,
		want:  `{spec: {containers: [{name: a}, {name: c}]}}`,
	},
	{
		name: "delete an item that is there twice", why: "an older tool may have left it so; gone is gone",
		base:  `{spec: {containers: [{name: a, image: i}, {name: b}, {name: a}]}}`,
		patch: `{spec: {containers: [{name: a, $patch: delete}]}}`,
		want:  `{spec: {containers: [{name: b}]}}`,
	},
	{
		name: "delete the last item", why: "the list stays, empty",
		base:  `{spec: {volumes: [{name: a}]}}`,
		patch: `{spec: {volumes: [{name: a, $patch: delete}]}}`,
		want:  `{spec: {volumes: []}}`,
	},
	{
		name: "replace a mapping", why: "$patch: replace forgets what the base had",
		base:  `{spec: {securityContext: {runAsUser: 1, fsGroup: 2}}}`,
		patch: `{spec: {securityContext: {$patch: replace, runAsUser: 3}}}`,
		want:  `{spec: {securityContext: {runAsUser: 3}}}`,
	},
	{
		name: "replace a list", why: "an item $patch: replace forgets the items of the base, wherever it stands",
		base:  `{spec: {volumes: [{name: a}, {name: b}]}}`,
		patch: `{spec: {volumes: [{name: c}, {$patch: replace}]}}`,
		want:  `{spec: {volumes: [{name: c}]}}`,
	},
	{
		name: "replace a list that is not there", why: "the marker is not an item",
		base:  `{spec: {hostname: h}}`,
		patch: `{spec: {volumes: [{$patch: replace}, {name: c}]}}`,
		want:  `{spec: {hostname: h, volumes: [{name: c}]}}`,
	},
	{
		name: "same member of a union", why: "a volume's source is merged with the same source",
		base:  `{spec: {volumes: [{name: a, emptyDir: {medium: Memory}}]}}`,
		patch: `{spec: {volumes: [{name: a, emptyDir: {sizeLimit: 1Gi}}]}}`,
		want:  `{spec: {volumes: [{name: a, emptyDir: {medium: Memory, sizeLimit: 1Gi}}]}}`,
	},
	{
		name: "member of a union by hand", why: "a null for the old member is as good, before or after the new one",
		base:  `{spec: {volumes: [{name: a, emptyDir: {}}, {name: b, emptyDir: {}}]}}`,
		patch: `{spec: {volumes: [{name: a, emptyDir: null, hostPath: {path: /a}}, {name: b, hostPath: {path: /b}, emptyDir: null}]}}`,
		want:  `{spec: {volumes: [{name: a, hostPath: {path: /a}}, {name: b, hostPath: {path: /b}}]}}`,
	},
}

func TestMergeRules(t *testing.T) {
	for _, tt := range rules {
		t.Run(tt.name, func(t *testing.T) {
			got := Merge(node(t, "base", tt.base), node(t, "patch", tt.patch), podType, nil)
			if diff := cmp.Diff(compact(node(t, "", tt.want)), compact(got)); diff != "" {
				t.Errorf("%s (-want +got):\n%s", tt.why, diff)
			}
		})
	}
}

func TestMergeNothing(t *testing.T) {
	base := node(t, "base", `{spec: {hostname: h}}`)
	patch := node(t, "patch", `{metadata: {$patch: delete}, spec: {hostname: null, volumes: [{name: a, $patch: delete}, {$patch: replace}, {name: b, emptyDir: {sizeLimit: null}}]}}`)
	for _, nothing := range []*Node{nil, {}, node(t, "", `{}`), node(t, "", `{spec: {}}`), node(t, "", `{spec: {dnsConfig: null}}`)} {
		if got := Merge(base, nothing, podType, nil); got != base {
			t.Errorf("a patch of nothing gives another tree: %s", compact(got))
		}
	}
	const alone = `{"spec":{"volumes":[{"name":"b","emptyDir":{}}]}}`
	for _, nothing := range []*Node{nil, {}} {
		if got := compact(Merge(nothing, patch, podType, nil)); got != alone {
			t.Errorf("a patch of nothing below it:\n%s, want\n%s", got, alone)
		}
		if got := Merge(nothing, base, podType, nil); got != base {
			t.Error("a patch without directives is not shared")
		}
	}
	if got := Merge(nil, nil, podType, nil); got != nil {
		t.Errorf("nothing and nothing: %s", compact(got))
	}
	if got := Merge(base, node(t, "", `{$patch: delete}`), podType, nil); got != nil {
		t.Errorf("all removed: %s", compact(got))
	}
}

// Fields that the type does not have are reported elsewhere; meanwhile they
// are merged as far as can be seen without a type.
func TestMergeUntyped(t *testing.T) {
	base := node(t, "base", `{a: {b: 1, c: [{name: x}]}, spec: {unknown: {d: 1}}}`)
	patch := node(t, "patch", `{a: {b: null, c: [{name: y}]}, spec: {unknown: {e: 2}}}`)
	const want = `{"a":{"c":[{"name":"y"}]},"spec":{"unknown":{"d":1,"e":2}}}`
	for _, typ := range []*Type{nil, podType, TypeFor[any]()} {
		if got := compact(Merge(base, patch, typ, nil)); got != want {
			t.Errorf("got %s, want %s", got, want)
		}
	}
}

func TestMergeSharesWhatItDoesNotTouch(t *testing.T) {
	base := node(t, "base", `{metadata: {name: n}, spec: {containers: [{name: a, image: i}, {name: b, image: j}], volumes: [{name: v}]}}`)
	patch := node(t, "patch", `{spec: {containers: [{name: b, image: k}, {name: c, image: l}], volumes: [{name: v}]}}`)
	got := Merge(base, patch, podType, nil)
	for _, path := range [][]string{{"metadata"}, {"spec", "volumes"}} {
		if got.At(path...) != base.At(path...) {
			t.Errorf("%v is copied", path)
		}
	}
	was, is := base.At("spec", "containers").Items, got.At("spec", "containers").Items
	if is[0] != was[0] || is[1] == was[1] || is[2] != patch.At("spec", "containers").Items[1] {
		t.Error("items of a keyed list are not shared one by one")
	}
}

func TestMergePositions(t *testing.T) {
	base := node(t, "base", `{spec: {hostname: h, containers: [{name: a, image: i, args: [x]}], securityContext: {runAsUser: 1, fsGroup: 2}}}`)
	patch := node(t, "patch", `{spec: {hostname: h, containers: [{name: a, args: [x], tty: true}, {name: b}], securityContext: {$patch: replace, fsGroup: 2}}}`)
	got := Merge(base, patch, podType, nil)
	spec := got.Get("spec")
	a, b := spec.Get("containers").Items[0], spec.Get("containers").Items[1]
	for _, tt := range []struct {
		what string
		n    *Node
		file string
	}{
		{"a merged mapping", spec, "base"},
		{"a leaf set again to the same", spec.Get("hostname"), "patch"},
		{"a merged list", spec.Get("containers"), "base"},
		{"a merged item", a, "base"},
		{"its merge key, which only names it", a.Get("name"), "base"},
		{"a leaf that the patch does not have", a.Get("image"), "base"},
		{"a list replaced as a whole", a.Get("args"), "patch"},
		{"a new leaf", a.Get("tty"), "patch"},
		{"a new item", b, "patch"},
		{"its merge key", b.Get("name"), "patch"},
		{"a replaced mapping", spec.Get("securityContext"), "patch"},
	} {
		if got := tt.n.Pos.Source.File; got != tt.file {
			t.Errorf("%s is from the %s, want %s", tt.what, got, tt.file)
		}
	}
}

// A pod of a template, what an agent sets over it, and then, late, a patch of
// a layer between the two: what the agent set stays.
func TestMergeKeep(t *testing.T) {
	for _, tt := range []struct{ name, why, template, agent, patch, want string }{
		{
			name: "scalar", why: "a field of the agent beats the patch, the template's does not",
			template: `{spec: {hostname: t, subdomain: t}}`,
			agent:    `{spec: {hostname: a}}`,
			patch:    `{spec: {hostname: p, subdomain: p, nodeName: p}}`,
			want:     `{spec: {hostname: a, subdomain: p, nodeName: p}}`,
		},
		{
			name: "replaced list", why: "a list without merge key is one value, and stays as one",
			template: `{spec: {containers: [{name: c, args: [t], command: [t]}]}}`,
			agent:    `{spec: {containers: [{name: c, args: [a]}]}}`,
			patch:    `{spec: {containers: [{name: c, args: [p], command: [p]}]}}`,
			want:     `{spec: {containers: [{name: c, args: [a], command: [p]}]}}`,
		},
		{
			name: "null", why: "a mapping goes but for what the agent set of it",
			template: `{spec: {hostname: t, securityContext: {runAsUser: 1, fsGroup: 1}}}`,
			agent:    `{spec: {securityContext: {runAsUser: 2}}}`,
			patch:    `{spec: {hostname: null, securityContext: null}}`,
			want:     `{spec: {securityContext: {runAsUser: 2}}}`,
		},
		{
			name: "deleted mapping", why: "$patch: delete is as null",
			template: `{spec: {affinity: {nodeAffinity: {}}, securityContext: {runAsUser: 1, fsGroup: 1}}}`,
			agent:    `{spec: {securityContext: {runAsUser: 2}}}`,
			patch:    `{spec: {affinity: {$patch: delete}, securityContext: {$patch: delete}}}`,
			want:     `{spec: {securityContext: {runAsUser: 2}}}`,
		},
		{
			name: "deleted items", why: "an item of which something stays keeps its name, though the template gave it",
			template: `{spec: {containers: [{name: a, image: t, tty: true}, {name: b, image: t}], imagePullSecrets: [{name: t}]}}`,
			agent:    `{spec: {containers: [{name: a, image: a}], imagePullSecrets: [{name: a}]}}`,
			patch:    `{spec: {containers: [{name: b, $patch: delete}, {name: a, $patch: delete}], imagePullSecrets: [{name: t, $patch: delete}, {name: a, $patch: delete}]}}`,
			want:     `{spec: {containers: [{name: a, image: a}], imagePullSecrets: [{name: a}]}}`,
		},
		{
			name: "replaced mapping", why: "the agent's fields come over the replacement",
			template: `{spec: {securityContext: {runAsUser: 1, fsGroup: 1}}}`,
			agent:    `{spec: {securityContext: {runAsUser: 2}}}`,
			patch:    `{spec: {securityContext: {$patch: replace, runAsUser: 3, runAsGroup: 3}}}`,
			want:     `{spec: {securityContext: {runAsUser: 2, runAsGroup: 3}}}`,
		},
		{
			name: "replaced keyed list", why: "the agent's items come over the replacement, by name",
			template: `{spec: {volumes: [{name: t, emptyDir: {}}, {name: x, emptyDir: {}}]}}`,
			agent:    `{spec: {volumes: [{name: x, emptyDir: {sizeLimit: 1Gi}}, {name: a, emptyDir: {}}]}}`,
			patch:    `{spec: {volumes: [{$patch: replace}, {name: p}, {name: x, emptyDir: {medium: Memory}}]}}`,
			want:     `{spec: {volumes: [{name: p}, {name: x, emptyDir: {medium: Memory, sizeLimit: 1Gi}}, {name: a, emptyDir: {}}]}}`,
		},
		{
			name: "replaced set", why: "as a keyed list, each scalar by itself",
			template: `{metadata: {finalizers: [t]}}`,
			agent:    `{metadata: {finalizers: [a]}}`,
			patch:    `{metadata: {finalizers: [p, {$patch: replace}]}}`,
			want:     `{metadata: {finalizers: [p, a]}}`,
		},
		{
			name: "another kind", why: "a value that cannot be merged into what the agent has gives way to it",
			template: `{spec: {securityContext: {runAsUser: 1, fsGroup: 1}}}`,
			agent:    `{spec: {securityContext: {runAsUser: 2}}}`,
			patch:    `{spec: {securityContext: none}}`,
			want:     `{spec: {securityContext: {runAsUser: 2}}}`,
		},
		{
			name: "union", why: "the agent's probe stays whole, with what the template has of it, and the patch's handler is not set beside it",
			template: `{spec: {containers: [{name: c, livenessProbe: {httpGet: {path: /t, port: 1}}, startupProbe: {httpGet: {port: 1}}}]}}`,
			agent:    `{spec: {containers: [{name: c, livenessProbe: {httpGet: {port: 2}}}]}}`,
			patch:    `{spec: {containers: [{name: c, livenessProbe: {periodSeconds: 9, grpc: {port: 3}}, startupProbe: {grpc: {port: 3}}}]}}`,
			want:     `{spec: {containers: [{name: c, livenessProbe: {httpGet: {path: /t, port: 2}, periodSeconds: 9}, startupProbe: {grpc: {port: 3}}}]}}`,
		},
		{
			name: "union by type", why: "the agent's profile stays, so the type that allows it does",
			template: `{spec: {securityContext: {seccompProfile: {type: Localhost, localhostProfile: t}}}}`,
			agent:    `{spec: {securityContext: {seccompProfile: {localhostProfile: a}}}}`,
			patch:    `{spec: {securityContext: {seccompProfile: {type: RuntimeDefault}}}}`,
			want:     `{spec: {securityContext: {seccompProfile: {type: Localhost, localhostProfile: a}}}}`,
		},
		{
			name: "type of a union", why: "the agent's type stays, so what it allows does",
			template: `{spec: {securityContext: {seccompProfile: {localhostProfile: t}}}}`,
			agent:    `{spec: {securityContext: {seccompProfile: {type: Localhost}}}}`,
			patch:    `{spec: {securityContext: {seccompProfile: {type: RuntimeDefault}}}}`,
			want:     `{spec: {securityContext: {seccompProfile: {localhostProfile: t, type: Localhost}}}}`,
		},
		{
			name: "union by type removed", why: "the agent's profile is nothing without the template's type",
			template: `{spec: {securityContext: {seccompProfile: {type: Localhost, localhostProfile: t}, appArmorProfile: {type: Localhost, localhostProfile: t}}}}`,
			agent:    `{spec: {securityContext: {seccompProfile: {localhostProfile: a}}}}`,
			patch:    `{spec: {securityContext: {seccompProfile: {$patch: replace, type: RuntimeDefault}, appArmorProfile: null}}}`,
			want:     `{spec: {securityContext: {seccompProfile: {type: Localhost, localhostProfile: a}}}}`,
		},
		{
			name: "union replaced", why: "the agent's member comes over the replacement and switches it back",
			template: `{spec: {volumes: [{name: v, emptyDir: {}}]}}`,
			agent:    `{spec: {volumes: [{name: v, hostPath: {path: /a}}]}}`,
			patch:    `{spec: {volumes: [{name: v, $patch: replace, emptyDir: {sizeLimit: 1Gi}}]}}`,
			want:     `{spec: {volumes: [{name: v, hostPath: {path: /a}}]}}`,
		},
	} {
		t.Run(tt.name, func(t *testing.T) {
			pod := Merge(node(t, "template", tt.template), node(t, "agent", tt.agent), podType, nil)
			got := Merge(pod, node(t, "patch", tt.patch), podType, func(old, new Pos) bool {
				if new.Source == nil || new.Source.File != "patch" {
					t.Errorf("asked about %v and %v, which is not of the patch", old, new)
				}
				return old.Source.File == "agent"
			})
			if diff := cmp.Diff(compact(node(t, "", tt.want)), compact(got)); diff != "" {
				t.Errorf("%s (-want +got):\n%s", tt.why, diff)
			}
		})
	}
}

// leaves are the leaves of a pod by their path, items by their merge key.
// Mappings and lists that are empty are left out: they are leaves only until
// something is put in them.
func leaves(n *Node, p schema, path string, into map[string]*Node) map[string]*Node {
	switch {
	case n.IsNull() || is(n.Get(directive), directiveDelete):
	case n.Kind == Mapping:
		for _, f := range n.Fields {
			if f.Key != directive {
				leaves(f.Value, p.child(f.Key), path+"/"+f.Key, into)
			}
		}
	case n.Kind == Sequence && p.list != nil:
		for _, item := range n.Items {
			name := item
			if p.list.MergeKey != "" {
				name = item.Get(p.list.MergeKey)
			}
			if name != nil {
				leaves(item, p.item(), path+"/"+name.Text, into)
			}
		}
	case n.Kind < Sequence || len(n.Items) > 0:
		into[path] = n
	}
	return into
}

func podLeaves(n *Node) map[string]*Node {
	return leaves(n, schema{Type: podType}, "", map[string]*Node{})
}

// TestMergeLaws checks on random patches of random pods what upstream cannot
// say: positions, sharing and keep.
func TestMergeLaws(t *testing.T) {
	for seed := range uint64(2000) {
		base, patch := randomPair(seed)
		baseWas, patchWas := clone(base), clone(patch)
		old, set := podLeaves(base), podLeaves(patch)
		merged := Merge(base, patch, podType, nil)
		if again := Merge(merged, patch, podType, nil); compact(again) != compact(merged) {
			t.Fatalf("seed %d: patched twice:\n%s, once:\n%s", seed, compact(again), compact(merged))
		}
		for path, leaf := range podLeaves(merged) {
			from := old[path]
			if leaf.Pos.Source.File == "patch" {
				from = set[path]
			}
			if from != leaf && leaf.Kind != Sequence {
				t.Fatalf("seed %d: %s is of neither input", seed, path)
			}
		}
		if never := Merge(base, patch, podType, func(old, new Pos) bool { return false }); !reflect.DeepEqual(never, merged) {
			t.Fatalf("seed %d: to keep nothing is not the same as no keep", seed)
		}
		for _, n := range []int32{1, 2, 5} {
			keep := func(old, _ Pos) bool { return old.Line%n == 0 }
			got := podLeaves(Merge(base, patch, podType, keep))
			for path, leaf := range old {
				// What is kept of a replaced list is merged into the new one,
				// which may have that scalar or merge key already.
				item := path[:strings.LastIndex(path, "/")]
				names := strings.HasSuffix(path, "/"+leaf.Text) || strings.HasSuffix(item, "/"+leaf.Text)
				same := got[path] == leaf || names && equal(got[path], leaf)
				if keep(leaf.Pos, Pos{}) && !same {
					t.Fatalf("seed %d: %s is not kept", seed, path)
				}
			}
		}
		if !reflect.DeepEqual(base, baseWas) || !reflect.DeepEqual(patch, patchWas) {
			t.Fatalf("seed %d: an input is changed", seed)
		}
	}
}

func clone(n *Node) *Node {
	if n == nil {
		return nil
	}
	c := *n
	c.Fields = slices.Clone(n.Fields)
	for i := range c.Fields {
		c.Fields[i].Value = clone(c.Fields[i].Value)
	}
	c.Items = slices.Clone(n.Items)
	for i := range c.Items {
		c.Items[i] = clone(c.Items[i])
	}
	return &c
}

// FuzzMerge holds Merge to its laws on any two trees: no panic, even of what
// CheckPatch refuses; inputs are not changed; equal inputs give equal trees;
// nothing changes nothing; and of a patch that CheckPatch accepts, twice is
// once, and no directive is left.
func FuzzMerge(f *testing.F) {
	for _, r := range rules {
		f.Add(r.base, r.patch)
	}
	for _, d := range differences {
		f.Add(d.base, d.patch)
	}
	for seed := range uint64(20) {
		base, patch := randomPair(seed)
		f.Add(compact(base), compact(patch))
	}
	f.Fuzz(func(t *testing.T, baseText, patchText string) {
		base, patch := fuzzed(t, "base", baseText), fuzzed(t, "patch", patchText)
		baseWas, patchWas := clone(base), clone(patch)
		keep := func(old, _ Pos) bool { return old.Column%2 == 0 }
		for _, typ := range []*Type{podType, nil} {
			var errs Errors
			CheckPatch(patch, typ, "", &errs)
			merged := Merge(base, patch, typ, nil)
			Merge(base, patch, typ, keep)
			if got := Merge(clone(base), clone(patch), typ, nil); !reflect.DeepEqual(got, merged) {
				t.Errorf("equal inputs give\n%s and\n%s", compact(got), compact(merged))
			}
			if got := Merge(base, Map(Pos{}, 0), typ, nil); base.Kind == Mapping && got != base {
				t.Errorf("an empty patch gives %s", compact(got))
			}
			if again := Merge(merged, patch, typ, nil); len(errs) == 0 && compact(again) != compact(merged) {
				t.Errorf("patched twice:\n%s, once:\n%s", compact(again), compact(merged))
			}
			if !hasDirective(base) && hasDirective(merged) {
				t.Errorf("a directive is left: %s", compact(merged))
			}
		}
		if !reflect.DeepEqual(base, baseWas) || !reflect.DeepEqual(patch, patchWas) {
			t.Error("an input is changed")
		}
	})
}

// fuzzed is text as a tree; what Parse refuses Merge never sees.
func fuzzed(t *testing.T, file, text string) *Node {
	var errs Errors
	docs := Parse(file, []byte(text), &errs)
	if len(errs) > 0 || len(docs) == 0 {
		t.Skip("no document")
	}
	return docs[0].Root
}

func hasDirective(n *Node) bool {
	return n != nil && (slices.ContainsFunc(n.Items, hasDirective) ||
		slices.ContainsFunc(n.Fields, func(f Field) bool { return strings.HasPrefix(f.Key, "$") || hasDirective(f.Value) }))
}
