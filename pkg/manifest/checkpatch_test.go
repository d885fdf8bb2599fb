package manifest

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestCheckPatch(t *testing.T) {
	for _, tt := range []struct{ name, why, patch, want string }{
		{
			name: "fine", why: "all that Merge supports, where it acts",
			patch: `{metadata: {labels: {a: null}, finalizers: [a, {$patch: replace}]}, spec: {affinity: {$patch: delete}, securityContext: {$patch: replace, fsGroup: 1},
containers: [{name: a, $patch: delete}, {name: b, $patch: replace, env: [{name: E}]}, {name: c, env: [{$patch: replace}, {name: E}]}], tolerations: [{$patch: replace}, {key: a}]}}`,
		},
		{
			name: "upstream's directives", why: "each says how to do without it",
			patch: `
spec:
  $setElementOrder/containers: [{name: a}]
  containers: [{name: a}]
  volumes:
  - {name: v, $retainKeys: [name, emptyDir], emptyDir: {}}
metadata:
  $deleteFromPrimitiveList/finalizers: [a]
  $path: x
`,
			want: `
patch:3:3: spec[$setElementOrder/containers]: is not supported: items keep their order and new ones follow; to order a list, write it whole after an item "$patch: replace"
patch:6:15: spec.volumes[0].$retainKeys: is not supported: a new volume source or handler takes the place of the old one by itself; to drop other fields write "$patch: replace"
patch:8:3: metadata[$deleteFromPrimitiveList/finalizers]: is not supported: write the list whole after an item "$patch: replace"
patch:9:3: metadata.$path: is not supported: there are $patch: delete and $patch: replace
`,
		},
		{
			name: "values of $patch", why: "a slip must not merge in silence what was to be removed",
			patch: `
metadata: {$patch: merge}
spec:
  affinity: {$patch: remove}
  securityContext: {$patch: null}
  dnsConfig: {$patch: {delete: true}}
`,
			want: `
patch:2:12: metadata.$patch: merge is what happens without it; remove it
patch:4:14: spec.affinity.$patch: is neither delete nor replace; write one of them
patch:5:21: spec.securityContext.$patch: is neither delete nor replace; write one of them
patch:6:15: spec.dnsConfig.$patch: is neither delete nor replace; write one of them
`,
		},
		{
			name: "beside delete", why: "upstream ignores it, so the patch does not do what it reads like",
			patch: `
spec:
  securityContext: {$patch: delete, runAsUser: 1}
  containers:
  - {name: a, $patch: delete, image: i}
  - {image: j, $patch: delete}
  - {$patch: delete}
`,
			want: `
patch:3:37: spec.securityContext.runAsUser: has no effect beside $patch: delete; remove it, or write $patch: replace
patch:5:31: spec.containers[0].image: has no effect beside $patch: delete, which removes the item; write only name and $patch
patch:6:5: spec.containers[1]: has no name, by which items of this list are merged; add it
patch:7:5: spec.containers[2]: has no name, by which items of this list are merged; add it
`,
		},
		{
			name: "no merge key", why: "the item could not be merged",
			patch: `
metadata: {finalizers: [{name: a}, null]}
spec:
  containers: [{image: i}, {name: null}, {name: [a]}, a, null]
  volumes: [{$patch: replace, emptyDir: {}}]
`,
			want: `
patch:2:25: metadata.finalizers[0]: is not a scalar, as items of this list are; write the value alone
patch:2:36: metadata.finalizers[1]: is not a scalar, as items of this list are; write the value alone
patch:4:16: spec.containers[0]: has no name, by which items of this list are merged; add it
patch:4:28: spec.containers[1]: has no name, by which items of this list are merged; add it
patch:4:42: spec.containers[2]: has no name, by which items of this list are merged; add it
patch:4:55: spec.containers[3]: has no name, by which items of this list are merged; add it
patch:4:58: spec.containers[4]: has no name, by which items of this list are merged; add it
patch:5:13: spec.volumes[0]: has $patch: replace and no name; add name to replace one item, or write $patch: replace alone to replace the list
`,
		},
		{
			name: "twice", why: "the second would be merged into the first, or go missing",
			patch: `
metadata: {finalizers: [a, a]}
spec:
  containers:
  - name: a
    ports: [{containerPort: 80}, {containerPort: 80}]
  - {name: b}
  - {name: a, $patch: delete}
`,
			want: `
patch:2:28: metadata.finalizers[1]: is in this list already, at patch:2:25; make them one item
patch:6:50: spec.containers[0].ports[1].containerPort: is in this list already, at patch:6:29; make them one item
patch:8:12: spec.containers[2].name: is in this list already, at patch:5:11; make them one item
`,
		},
		{
			name: "twice by both keys", why: "a port is named by its protocol too, TCP where it has none",
			patch: `
spec:
  containers:
  - name: a
    ports:
    - {containerPort: 53}
    - {containerPort: 53, protocol: UDP}
    - {containerPort: 53, protocol: TCP}
`,
			want: `
patch:8:23: spec.containers[0].ports[2].containerPort: is in this list already, at patch:6:23; make them one item
`,
		},
		{
			name: "null in a list", why: "a list is no mapping: null would stay, and be an empty string to the API",
			patch: `{spec: {containers: [{name: a, args: [a, null]}]}}`,
			want: `
patch:1:38: spec.containers[0].args[1]: is null, which removes nothing from a list; remove it
`,
		},
		{
			name: "nothing to act on", why: "what replaces a list or mapping has nothing below it that a directive could remove",
			patch: `
spec:
  securityContext: {$patch: replace, seLinuxOptions: {$patch: delete}}
  tolerations: [{key: a, $patch: delete}]
  volumes: [{$patch: replace}, {name: v, $patch: delete}]
`,
			want: `
patch:3:55: spec.securityContext.seLinuxOptions.$patch: has nothing to act on, as the list or mapping around it is replaced; remove it
patch:4:26: spec.tolerations[0].$patch: has nothing to act on, as the list or mapping around it is replaced; remove it
patch:5:42: spec.volumes[1].$patch: has nothing to act on, as the list or mapping around it is replaced; remove it
`,
		},
		{
			name: "all deleted", why: "a patch is of something that stays",
			patch: `{$patch: delete}`,
			want: `
patch:1:10: $patch: would remove the whole object; remove fields of it by name, with null
`,
		},
		{name: "nothing", why: "an empty patch is a patch"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			var errs Errors
			CheckPatch(node(t, "patch", tt.patch), podType, "", &errs)
			got := ""
			if err := errs.Err(); err != nil {
				got = err.Error()
			}
			if diff := cmp.Diff(strings.TrimSpace(tt.want), got); diff != "" {
				t.Errorf("%s (-want +got):\n%s", tt.why, diff)
			}
		})
	}
}

func TestCheckPatchPath(t *testing.T) {
	var errs Errors
	CheckPatch(node(t, "patch", `{spec: {containers: [{}]}}`), podType, "spec.pod", &errs)
	if len(errs) != 1 || errs[0].Path != "spec.pod.spec.containers[0]" {
		t.Errorf("got %v", errs)
	}
}
