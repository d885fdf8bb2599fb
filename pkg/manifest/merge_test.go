package manifest

import (
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
			if diff := cmp.Diff(compact(t, node(t, "", tt.want)), compact(t, got)); diff != "" {
				t.Errorf("%s (-want +got):\n%s", tt.why, diff)
			}
		})
	}
}
