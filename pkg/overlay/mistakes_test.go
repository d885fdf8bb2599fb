package overlay

import (
	"flag"
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/scion-gen/scion-gen/pkg/manifest"
)

const onePod = `apiVersion: v1
kind: Pod
metadata:
  name: a
  namespace: agents
  labels: {app.kubernetes.io/name: x}
spec:
  containers:
  - name: agent
    image: scion-claude:1
    env:
    - {name: HOME, value: /home/scion}
  volumes:
  - name: v
    emptyDir: {}
`

// work is a base of an agent's workload, of which a field is the pod.
func work(apiVersion, kind, field, pod string) files {
	selector := ""
	if apiVersion == "apps/v1" {
		selector = "  selector: {matchLabels: {app.kubernetes.io/instance: a}}\n"
	}
	return files{"work/kustomization.yaml": "resources: [work.yaml]\n", "work/work.yaml": "apiVersion: " + apiVersion + "\nkind: " + kind + "\nmetadata: {name: a}\nspec:\n" + selector + "  " + field + `:
    metadata:
      labels: {app.kubernetes.io/name: scion-agent, app.kubernetes.io/instance: a}
    spec:
      containers:
      - {name: agent, image: x}
      ` + pod + "\n"}
}

// mistakes are kustomizations that cannot be built, over a base of one pod. The
// stock command fails for all but those that build there: it does not read what
// is wrong with them.
var mistakes = []struct {
	name    string // what is wrong
	overlay string
	more    files
	builds  bool // with the stock command, and with ours where it does not check
}{
	{name: "missing resource", overlay: "resources: [../base, nothing.yaml]\n"},
	{name: "missing dir", overlay: "resources: [../base, nothing]\n"},
	{name: "dir without", overlay: "resources: [../base, sub]\n", more: files{"overlay/sub/x.yaml": onePod}},
	{name: "resource not yaml", overlay: "resources: [x.yaml]\n", more: files{"overlay/x.yaml": "a: [1,\n"}},
	{name: "resource not yaml2", overlay: "resources: [x.yaml]\n", more: files{"overlay/x.yaml": "apiVersion: v1\nkind: Pod\nmetadata:\n  name: a\n spec: {}\n"}},
	{name: "resource no kind", overlay: "resources: [x.yaml]\n", more: files{"overlay/x.yaml": "apiVersion: v1\nmetadata: {name: a}\n"}},
	{name: "resource no name", overlay: "resources: [x.yaml]\n", more: files{"overlay/x.yaml": "apiVersion: v1\nkind: Pod\nmetadata: {namespace: x}\n"}},
	{name: "resource no metadata", overlay: "resources: [x.yaml]\n", more: files{"overlay/x.yaml": "apiVersion: v1\nkind: Pod\n"}},
	{name: "resource list", overlay: "resources: [x.yaml]\n", more: files{"overlay/x.yaml": "- a\n- b\n"}},
	{name: "resource scalar", overlay: "resources: [x.yaml]\n", more: files{"overlay/x.yaml": "hello\n"}},
	{name: "resource given twice key", overlay: "resources: [x.yaml]\n", more: files{"overlay/x.yaml": "apiVersion: v1\nkind: Pod\nmetadata: {name: a}\nspec: {}\nspec: {x: y}\n"}},
	{name: "resource tab", overlay: "resources: [x.yaml]\n", more: files{"overlay/x.yaml": "apiVersion: v1\nkind: Pod\nmetadata:\n\tname: a\n"}},
	{name: "resource labels list", overlay: "resources: [x.yaml]\nlabels: [{pairs: {a: b}}]\n", more: files{"overlay/x.yaml": "apiVersion: v1\nkind: Pod\nmetadata:\n  name: a\n  labels: [x]\n"}},
	{name: "resource twice", overlay: "resources: [../base, ../base]\n"},
	{name: "resource given twice object", overlay: "resources: [../base, x.yaml]\n", more: files{"overlay/x.yaml": onePod}},
	{name: "cycle", overlay: "resources: [sub]\n", more: files{"overlay/sub/kustomization.yaml": "resources: [..]\n"}},
	{name: "cycle2", overlay: "resources: [../cycle2b]\n", more: files{"cycle2b/kustomization.yaml": "resources: [../overlay]\n"}},
	{name: "self", overlay: "resources: [.]\n"},
	{name: "empty kustomization", overlay: ""},
	{name: "comment kustomization", overlay: "# nothing\n"},
	{name: "kustomization not yaml", overlay: "resources: [\n"},
	{name: "kustomization list", overlay: "- a\n"},
	{name: "kustomization given twice key", overlay: "resources: [x.yaml]\nnamespace: x\nresources: [../base]\n", more: files{"overlay/x.yaml": onePod}, builds: true},
	{name: "kustomization given twice nested", overlay: "resources: [../base]\nlabels:\n- pairs: {a: b, a: c}\n", builds: true},
	{name: "wrong kind", overlay: "apiVersion: kustomize.config.k8s.io/v1beta1\nkind: Kustomisation\nresources: [../base]\n"},
	{name: "wrong apiversion", overlay: "apiVersion: kustomize.config.k8s.io/v1\nkind: Kustomization\nresources: [../base]\n"},
	{name: "two docs", overlay: "resources: [../base]\n---\nresources: [../base]\n", builds: true},
	{name: "component as resource", overlay: "resources: [../base, c]\n", more: files{"overlay/c/kustomization.yaml": "apiVersion: kustomize.config.k8s.io/v1alpha1\nkind: Component\n"}},
	{name: "missing component", overlay: "resources: [../base]\ncomponents: [c]\n"},
	{name: "component is kustomization", overlay: "resources: [../base]\ncomponents: [c]\n", more: files{"overlay/c/kustomization.yaml": "resources: [x.yaml]\n", "overlay/c/x.yaml": "apiVersion: v1\nkind: Pod\nmetadata:\n  name: b\n  namespace: agents\n  labels: {app.kubernetes.io/name: x}\nspec:\n  containers:\n  - name: bgent\n    image: scion-claude:1\n    env:\n    - {name: HOME, value: /home/scion}\n  volumes:\n  - name: v\n    emptyDir: {}\n"}},
	{name: "component is file", overlay: "resources: [../base]\ncomponents: [c.yaml]\n", more: files{"overlay/c.yaml": onePod}},
	{name: "component broken", overlay: "resources: [../base]\ncomponents: [c]\n", more: files{"overlay/c/kustomization.yaml": "apiVersion: kustomize.config.k8s.io/v1alpha1\nkind: Component\npatches:\n- path: nothing.yaml\n"}},
	{name: "component patch", overlay: "resources: [../base]\ncomponents: [c]\n", more: files{"overlay/c/kustomization.yaml": "apiVersion: kustomize.config.k8s.io/v1alpha1\nkind: Component\npatches:\n- path: p.yaml\n", "overlay/c/p.yaml": "apiVersion: v1\nkind: Pod\nmetadata: {name: nobody}\nspec: {a: b}\n"}},
	{name: "component given twice", overlay: "resources: [../base]\ncomponents: [c]\n", more: files{"overlay/c/kustomization.yaml": "apiVersion: kustomize.config.k8s.io/v1alpha1\nkind: Component\nresources: [x.yaml]\n", "overlay/c/x.yaml": onePod}},
	{name: "patch missing file", overlay: "resources: [../base]\npatches:\n- path: p.yaml\n"},
	{name: "patch not yaml", overlay: "resources: [../base]\npatches:\n- path: p.yaml\n", more: files{"overlay/p.yaml": "a: [1,\n"}},
	{name: "patch not yaml inline", overlay: "resources: [../base]\npatches:\n- patch: |-\n    a: [1,\n"},
	{name: "patch empty", overlay: "resources: [../base]\npatches:\n- patch: \"\"\n"},
	{name: "patch nothing", overlay: "resources: [../base]\npatches:\n- target: {kind: Pod}\n"},
	{name: "patch both", overlay: "resources: [../base]\npatches:\n- target: {kind: Pod}\n  path: p.yaml\n  patch: x\n", more: files{"overlay/p.yaml": "a: b\n"}},
	{name: "JSON patch flow", overlay: "resources: [../base]\npatches:\n- target: {kind: Pod}\n  patch: \"[{op: add, path: /spec/a, value: b}]\"\n"},
	{name: "JSON patch no target", overlay: "resources: [../base]\npatches:\n- patch: |-\n    - {op: add, path: /spec/a, value: b}\n"},
	{name: "JSON patch bad op", overlay: "resources: [../base]\npatches:\n- target: {kind: Pod}\n  patch: |-\n    - {op: ad, path: /spec/a, value: b}\n"},
	{name: "JSON patch no op", overlay: "resources: [../base]\npatches:\n- target: {kind: Pod}\n  patch: |-\n    - {path: /spec/a, value: b}\n"},
	{name: "JSON patch no path", overlay: "resources: [../base]\npatches:\n- target: {kind: Pod}\n  patch: |-\n    - {op: add, value: b}\n"},
	{name: "JSON patch dot path", overlay: "resources: [../base]\npatches:\n- target: {kind: Pod}\n  patch: |-\n    - {op: add, path: spec.a, value: b}\n"},
	{name: "JSON patch missing parent", overlay: "resources: [../base]\npatches:\n- target: {kind: Pod}\n  patch: |-\n    - {op: add, path: /spec/affinity/nodeAffinity, value: {}}\n"},
	{name: "JSON patch remove missing", overlay: "resources: [../base]\npatches:\n- target: {kind: Pod}\n  patch: |-\n    - {op: remove, path: /spec/nothing}\n"},
	{name: "JSON patch index", overlay: "resources: [../base]\npatches:\n- target: {kind: Pod}\n  patch: |-\n    - {op: replace, path: /spec/containers/5/image, value: x}\n"},
	{name: "JSON patch index add", overlay: "resources: [../base]\npatches:\n- target: {kind: Pod}\n  patch: |-\n    - {op: add, path: /spec/containers/5, value: {name: x}}\n"},
	{name: "JSON patch index name", overlay: "resources: [../base]\npatches:\n- target: {kind: Pod}\n  patch: |-\n    - {op: replace, path: /spec/containers/agent/image, value: x}\n"},
	{name: "JSON patch annot slash", overlay: "resources: [../base]\npatches:\n- target: {kind: Pod}\n  patch: |-\n    - {op: add, path: /metadata/annotations/example.com/x, value: x}\n"},
	{name: "JSON patch label slash", overlay: "resources: [../base]\npatches:\n- target: {kind: Pod}\n  patch: |-\n    - {op: replace, path: /metadata/labels/app.kubernetes.io/name, value: x}\n"},
	{name: "JSON patch test", overlay: "resources: [../base]\npatches:\n- target: {kind: Pod}\n  patch: |-\n    - {op: test, path: /spec/containers/0/name, value: x}\n"},
	{name: "JSON patch test missing", overlay: "resources: [../base]\npatches:\n- target: {kind: Pod}\n  patch: |-\n    - {op: test, path: /spec/nothing, value: x}\n"},
	{name: "JSON patch move", overlay: "resources: [../base]\npatches:\n- target: {kind: Pod}\n  patch: |-\n    - {op: move, from: /spec/nothing, path: /spec/x}\n"},
	{name: "JSON patch file missing", overlay: "resources: [../base]\npatches:\n- target: {kind: Pod}\n  path: p.yaml\n", more: files{"overlay/p.yaml": "- op: remove\n  path: /spec/nothing\n"}},
	{name: "JSON patch file json", overlay: "resources: [../base]\npatches:\n- target: {kind: Pod}\n  path: p.json\n", more: files{"overlay/p.json": "[{\"op\": \"remove\", \"path\": \"/spec/nothing\"},]\n"}},
	{name: "merge patch nobody", overlay: "resources: [../base]\npatches:\n- path: p.yaml\n", more: files{"overlay/p.yaml": "apiVersion: v1\nkind: Pod\nmetadata: {name: b}\nspec: {a: b}\n"}},
	{name: "merge patch wrong ns", overlay: "resources: [../base]\npatches:\n- path: p.yaml\n", more: files{"overlay/p.yaml": "apiVersion: v1\nkind: Pod\nmetadata: {name: a, namespace: other}\nspec: {a: b}\n"}},
	{name: "merge patch no kind", overlay: "resources: [../base]\npatches:\n- path: p.yaml\n", more: files{"overlay/p.yaml": "apiVersion: v1\nmetadata: {name: a}\nspec: {a: b}\n"}},
	{name: "merge patch no name", overlay: "resources: [../base]\npatches:\n- path: p.yaml\n", more: files{"overlay/p.yaml": "apiVersion: v1\nkind: Pod\nspec: {a: b}\n"}},
	{name: "merge patch no name target", overlay: "resources: [../base]\npatches:\n- target: {kind: Pod}\n  path: p.yaml\n", more: files{"overlay/p.yaml": "apiVersion: v1\nkind: Pod\nspec: {a: b}\n"}},
	{name: "merge patch scalar", overlay: "resources: [../base]\npatches:\n- target: {kind: Pod}\n  patch: hello\n"},
	{name: "merge patch type", overlay: "resources: [../base]\npatches:\n- target: {kind: Pod}\n  path: p.yaml\n", more: files{"overlay/p.yaml": "apiVersion: v1\nkind: Pod\nmetadata: {name: a}\nspec: {containers: {name: x}}\n"}},
	{name: "merge patch type2", overlay: "resources: [../base]\npatches:\n- target: {kind: Pod}\n  path: p.yaml\n", more: files{"overlay/p.yaml": "apiVersion: v1\nkind: Pod\nmetadata: {name: a}\nspec: [x]\n"}},
	{name: "merge patch directive", overlay: "resources: [../base]\npatches:\n- target: {kind: Pod}\n  path: p.yaml\n", more: files{"overlay/p.yaml": "apiVersion: v1\nkind: Pod\nmetadata: {name: a}\nspec: {$patch: delet}\n"}},
	{name: "merge patch two docs", overlay: "resources: [../base]\npatches:\n- target: {kind: Pod}\n  path: p.yaml\n", more: files{"overlay/p.yaml": "apiVersion: v1\nkind: Pod\nmetadata: {name: a}\nspec: {a: b}\n---\napiVersion: v1\nkind: Pod\nmetadata: {name: a}\nspec: {a: b}\n---\n"}},
	{name: "patch target regex", overlay: "resources: [../base]\npatches:\n- target: {kind: Pod, name: \"a(\"}\n  path: p.yaml\n", more: files{"overlay/p.yaml": "- {op: add, path: /spec/a, value: b}\n"}},
	{name: "patch target selector", overlay: "resources: [../base]\npatches:\n- target: {kind: Pod, labelSelector: \"a in (b\"}\n  path: p.yaml\n", more: files{"overlay/p.yaml": "- {op: add, path: /spec/a, value: b}\n"}},
	{name: "patch target unknown", overlay: "resources: [../base]\npatches:\n- target: {kindd: Pod}\n  path: p.yaml\n", more: files{"overlay/p.yaml": "- {op: add, path: /spec/a, value: b}\n"}},
	{name: "patch target list", overlay: "resources: [../base]\npatches:\n- target: [Pod]\n  path: p.yaml\n", more: files{"overlay/p.yaml": "- {op: add, path: /spec/a, value: b}\n"}},
	{name: "patch options", overlay: "resources: [../base]\npatches:\n- target: {kind: Pod}\n  options: {allowNameChange: \"yes\"}\n  path: p.yaml\n", more: files{"overlay/p.yaml": "- {op: add, path: /spec/a, value: b}\n"}},
	{name: "patches mapping", overlay: "resources: [../base]\npatches: {path: p.yaml}\n"},
	{name: "patches string", overlay: "resources: [../base]\npatches: [p.yaml]\n", more: files{"overlay/p.yaml": onePod}},
	{name: "patchesStrategicMerge missing", overlay: "resources: [../base]\npatchesStrategicMerge: [p.yaml]\n"},
	{name: "patchesStrategicMerge nobody", overlay: "resources: [../base]\npatchesStrategicMerge: [p.yaml]\n", more: files{"overlay/p.yaml": "apiVersion: v1\nkind: Pod\nmetadata: {name: b}\nspec: {a: b}\n"}},
	{name: "patchesStrategicMerge broken", overlay: "resources: [../base]\npatchesStrategicMerge: [p.yaml]\n", more: files{"overlay/p.yaml": "a: [1\n"}},
	{name: "patchesJson6902 notarget", overlay: "resources: [../base]\npatchesJson6902:\n- path: p.yaml\n", more: files{"overlay/p.yaml": "- {op: add, path: /spec/a, value: b}\n"}},
	{name: "patchesJson6902 missing", overlay: "resources: [../base]\npatchesJson6902:\n- target: {version: v1, kind: Pod, name: a}\n  path: p.yaml\n", more: files{"overlay/p.yaml": "- {op: remove, path: /spec/a}\n"}},
	{name: "replacement no source", overlay: "resources: [../base]\nreplacements:\n- targets: [{select: {kind: Pod}, fieldPaths: [spec.x]}]\n"},
	{name: "replacement source nobody", overlay: "resources: [../base]\nreplacements:\n- source: {kind: Pod, name: b}\n  targets: [{select: {kind: Pod}, fieldPaths: [spec.x]}]\n"},
	{name: "replacement source field", overlay: "resources: [../base]\nreplacements:\n- source: {kind: Pod, name: a, fieldPath: spec.nothing}\n  targets: [{select: {kind: Pod}, fieldPaths: [spec.x]}]\n"},
	{name: "replacement source many", overlay: "resources: [../base]\nreplacements:\n- source: {kind: Pod|ConfigMap}\n  targets: [{select: {kind: Pod}, fieldPaths: [spec.x]}]\n"},
	{name: "replacement no targets", overlay: "resources: [../base]\nreplacements:\n- source: {kind: Pod, name: a}\n"},
	{name: "replacement target noselect", overlay: "resources: [../base]\nreplacements:\n- source: {kind: Pod, name: a}\n  targets: [{fieldPaths: [spec.x]}]\n"},
	{name: "replacement target field", overlay: "resources: [../base]\nreplacements:\n- source: {kind: Pod, name: a}\n  targets: [{select: {kind: Pod}, fieldPaths: [spec.nothing.x]}]\n"},
	{name: "replacement target list", overlay: "resources: [../base]\nreplacements:\n- source: {kind: Pod, name: a}\n  targets: [{select: {kind: Pod}, fieldPaths: [\"spec.containers.[name=nobody].image\"]}]\n"},
	{name: "replacement target index", overlay: "resources: [../base]\nreplacements:\n- source: {kind: Pod, name: a}\n  targets: [{select: {kind: Pod}, fieldPaths: [\"spec.containers.7.image\"]}]\n"},
	{name: "replacement target path", overlay: "resources: [../base]\nreplacements:\n- source: {kind: Pod, name: a}\n  targets: [{select: {kind: Pod}, fieldPaths: [\"spec.containers.[name=agent.image\"]}]\n"},
	{name: "replacement delim", overlay: "resources: [../base]\nreplacements:\n- source: {kind: Pod, name: a, fieldPath: spec.containers.0.image, options: {delimiter: \":\", index: 5}}\n  targets: [{select: {kind: Pod}, fieldPaths: [metadata.name]}]\n"},
	{name: "replacement file missing", overlay: "resources: [../base]\nreplacements:\n- path: r.yaml\n"},
	{name: "replacement file broken", overlay: "resources: [../base]\nreplacements:\n- path: r.yaml\n", more: files{"overlay/r.yaml": "source: [\n"}},
	{name: "replacement file field", overlay: "resources: [../base]\nreplacements:\n- path: r.yaml\n", more: files{"overlay/r.yaml": "sorce: {kind: Pod, name: a}\ntargets: [{select: {kind: Pod}, fieldPaths: [spec.x]}]\n"}},
	{name: "replacement source map", overlay: "resources: [../base]\nreplacements:\n- source: {kind: Pod, name: a, fieldPath: spec}\n  targets: [{select: {kind: Pod}, fieldPaths: [metadata.name]}]\n"},
	{name: "prefix number", overlay: "resources: [../base]\nnamePrefix: 12\n"},
	{name: "prefix map", overlay: "resources: [../base]\nnamePrefix: {a: b}\n"},
	{name: "namespace number", overlay: "resources: [../base]\nnamespace: 12\n"},
	{name: "label number", overlay: "resources: [../base]\nlabels: [{pairs: {a: 1}}]\n"},
	{name: "label nopairs", overlay: "resources: [../base]\nlabels: [{a: b}]\n"},
	{name: "commonlabels list", overlay: "resources: [../base]\ncommonLabels: [a]\n"},
	{name: "commonAnnotations number", overlay: "resources: [../base]\ncommonAnnotations: {a: 1}\n"},
	{name: "image spec string", overlay: "resources: [../base]\nimages: [scion-claude:2]\n"},
	{name: "image tag number", overlay: "resources: [../base]\nimages: [{name: scion-claude, newTag: 2}]\n"},
	{name: "image unknown", overlay: "resources: [../base]\nimages: [{name: scion-claude, tag: \"2\"}]\n"},
	{name: "replicas nobody", overlay: "resources: [../base]\nreplicas: [{name: x, count: 2}]\n"},
	{name: "replicas string", overlay: "resources: [../base]\nreplicas: [{name: x, count: \"2\"}]\n"},
	{name: "configMapGenerator no name", overlay: "resources: [../base]\nconfigMapGenerator: [{literals: [a=b]}]\n"},
	{name: "configMapGenerator missing file", overlay: "resources: [../base]\nconfigMapGenerator: [{name: x, files: [nothing.txt]}]\n"},
	{name: "configMapGenerator missing env", overlay: "resources: [../base]\nconfigMapGenerator: [{name: x, envs: [nothing.env]}]\n"},
	{name: "configMapGenerator bad literal", overlay: "resources: [../base]\nconfigMapGenerator: [{name: x, literals: [abc]}]\n"},
	{name: "configMapGenerator bad file", overlay: "resources: [../base]\nconfigMapGenerator: [{name: x, files: [\"a=b=c\"]}]\n"},
	{name: "configMapGenerator bad file2", overlay: "resources: [../base]\nconfigMapGenerator: [{name: x, files: [\"=x.env\"]}]\n", more: files{"overlay/x.env": "a=b\n"}},
	{name: "configMapGenerator given twice key", overlay: "resources: [../base]\nconfigMapGenerator: [{name: x, literals: [a=b, a=c]}]\n"},
	{name: "configMapGenerator merge nobody", overlay: "resources: [../base]\nconfigMapGenerator: [{name: x, behavior: merge, literals: [a=b]}]\n"},
	{name: "configMapGenerator exists", overlay: "resources: [../base, x.yaml]\nconfigMapGenerator: [{name: x, literals: [a=b]}]\ngeneratorOptions: {disableNameSuffixHash: true}\n", more: files{"overlay/x.yaml": "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: x}\n"}},
	{name: "configMapGenerator twice", overlay: "resources: [../base]\nconfigMapGenerator: [{name: x, literals: [a=b]}, {name: x, literals: [a=c]}]\n"},
	{name: "configMapGenerator dir", overlay: "resources: [../base]\nconfigMapGenerator: [{name: x, files: [d]}]\n", more: files{"overlay/d/a.yaml": "a: b"}},
	{name: "configMapGenerator options", overlay: "resources: [../base]\nconfigMapGenerator: [{name: x, literals: [a=b], options: {labels: [a]}}]\n"},
	{name: "secret type", overlay: "resources: [../base]\nsecretGenerator: [{name: x, type: [a], literals: [a=b]}]\n"},
	{name: "configMapGenerator literals map", overlay: "resources: [../base]\nconfigMapGenerator: [{name: x, literals: {a: b}}]\n"},
	{name: "sort order", overlay: "resources: [../base]\nsortOptions: {order: alphabetical}\n"},
	{name: "sort fifo legacy", overlay: "resources: [../base]\nsortOptions: {order: fifo, legacySortOptions: {orderFirst: [Pod]}}\n"},
	{name: "vars nobody", overlay: "resources: [../base]\nvars: [{name: X, objref: {apiVersion: v1, kind: Pod, name: b}}]\n"},
	{name: "vars field", overlay: "resources: [../base]\nvars: [{name: X, objref: {apiVersion: v1, kind: Pod, name: a}, fieldref: {fieldpath: spec.nothing}}]\n"},
	{name: "vars given twice", overlay: "resources: [../base]\nvars: [{name: X, objref: {apiVersion: v1, kind: Pod, name: a}}, {name: X, objref: {apiVersion: v1, kind: Pod, name: a}}]\n"},
	{name: "configurations missing", overlay: "resources: [../base]\nconfigurations: [c.yaml]\n"},
	{name: "configurations broken", overlay: "resources: [../base]\nconfigurations: [c.yaml]\n", more: files{"overlay/c.yaml": "nameReference: [\n"}},
	{name: "configurations unknown", overlay: "resources: [../base]\nconfigurations: [c.yaml]\n", more: files{"overlay/c.yaml": "nameRef: []\n"}},
	{name: "configurations type", overlay: "resources: [../base]\nconfigurations: [c.yaml]\n", more: files{"overlay/c.yaml": "nameReference: {kind: Pod}\n"}},
	{name: "configurations conflict", overlay: "resources: [../base]\nnamePrefix: x-\nconfigurations: [c.yaml]\n", more: files{"overlay/c.yaml": "namePrefix:\n- path: spec/containers/image/x\n  kind: Pod\n"}},
	{name: "crds missing", overlay: "resources: [../base]\ncrds: [c.yaml]\n"},
	{name: "crds broken", overlay: "resources: [../base]\ncrds: [c.yaml]\n", more: files{"overlay/c.yaml": "a: [\n"}},
	{name: "openapi missing", overlay: "resources: [../base]\nopenapi: {path: o.json}\n"},
	{name: "openapi version", overlay: "resources: [../base]\nopenapi: {version: v1.99}\n"},
	{name: "transformer missing", overlay: "resources: [../base]\ntransformers: [t.yaml]\n"},
	{name: "transformer nokind", overlay: "resources: [../base]\ntransformers: [t.yaml]\n", more: files{"overlay/t.yaml": "a: b\n"}},
	{name: "transformer builtin unknown", overlay: "resources: [../base]\ntransformers: [t.yaml]\n", more: files{"overlay/t.yaml": "apiVersion: builtin\nkind: Nothing\nmetadata: {name: x}\n"}},
	{name: "transformer builtin bad", overlay: "resources: [../base]\ntransformers: [t.yaml]\n", more: files{"overlay/t.yaml": "apiVersion: builtin\nkind: PrefixTransformer\nmetadata: {name: x}\nprefx: a\n"}},
	{name: "transformer builtin type", overlay: "resources: [../base]\ntransformers: [t.yaml]\n", more: files{"overlay/t.yaml": "apiVersion: builtin\nkind: PrefixTransformer\nmetadata: {name: x}\nprefix: [a]\n"}},
	{name: "transformer broken", overlay: "resources: [../base]\ntransformers: [t.yaml]\n", more: files{"overlay/t.yaml": "a: [\n"}},
	{name: "transformer patch", overlay: "resources: [../base]\ntransformers: [t.yaml]\n", more: files{"overlay/t.yaml": "apiVersion: builtin\nkind: PatchTransformer\nmetadata: {name: x}\npatch: \"[{\\\"op\\\": \\\"remove\\\", \\\"path\\\": \\\"/spec/nothing\\\"}]\"\ntarget: {kind: Pod}\n"}},
	{name: "generator builtin", overlay: "resources: [../base]\ngenerators: [g.yaml]\n", more: files{"overlay/g.yaml": "apiVersion: builtin\nkind: ConfigMapGenerator\nmetadata: {name: x}\nfiles: [nothing]\n"}},
	{name: "validator", overlay: "resources: [../base]\nvalidators: [g.yaml]\n", more: files{"overlay/g.yaml": "apiVersion: example.com/v1\nkind: V\nmetadata: {name: x}\n"}},
	{name: "helm charts", overlay: "resources: [../base]\nhelmCharts: [{name: x, repo: https://example.com}]\n"},
	{name: "unknown field", overlay: "resources: [../base]\nnamPrefix: x\n"},
	{name: "unknown nested", overlay: "resources: [../base]\npatches: [{pth: x}]\n"},
	{name: "anchors", overlay: "resources: &r [../base]\nx: *q\n"},
	{name: "base broken", overlay: "resources: [mid]\n", more: files{"overlay/mid/kustomization.yaml": "resources: [../../base]\npatches:\n- target: {kind: Pod}\n  patch: |-\n    - {op: remove, path: /spec/nothing}\n"}},
	{name: "two bad", overlay: "resources: [../base]\npatches:\n- target: {kind: Pod}\n  patch: |-\n    - {op: remove, path: /spec/nothing}\n- target: {kind: Pod}\n  patch: |-\n    - {op: remove, path: /spec/nothing2}\n"},
	{name: "namespace conflict", overlay: "resources: [a.yaml, b.yaml]\nnamespace: x\n", more: files{"overlay/a.yaml": onePod, "overlay/b.yaml": "apiVersion: v1\nkind: Pod\nmetadata:\n  name: a\n  namespace: other\n  labels: {app.kubernetes.io/name: x}\nspec:\n  containers:\n  - name: agent\n    image: scion-claude:1\n    env:\n    - {name: HOME, value: /home/scion}\n  volumes:\n  - name: v\n    emptyDir: {}\n"}},
	{name: "resources number", overlay: "resources: [1]\n"},
	{name: "resources null", overlay: "resources:\n"},
	{name: "resources empty entry", overlay: "resources: [../base, \"\"]\n"},
	{name: "mistakes in several places", overlay: "resources: [../mid]\npatches:\n- path: p.yaml\n- path: q.yaml\n- target: {kind: Pod}\n  path: r.yaml\n", more: files{
		"mid/kustomization.yaml": "resources: [../base]\npatches:\n- target: {kind: Pod}\n  patch: |-\n    - {op: remove, path: /spec/nothing}\n",
		"overlay/p.yaml":         "a: [1,\n",
		"overlay/q.yaml":         "apiVersion: v1\nkind: Pod\nmetadata:\n  name: nobody\n",
		"overlay/r.yaml":         "- op: remove\n  path: /spec/volumes\n- op: remove\n  path: /spec/nothing2\n"}},
	{name: "a word that is a boolean in YAML 1.1", overlay: "resources: [../base]\ngeneratorOptions: {labels: {x: y}}\n"},
	{name: "keys that JSON does not have", overlay: "resources: [x.yaml]\nnameSuffix: -x\n", more: files{"overlay/x.yaml": "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\ndata: {0: zero}\n"}},
	{name: "a number that JSON does not have", overlay: "resources: [x.yaml]\n", more: files{"overlay/x.yaml": "apiVersion: example.com/v1\nkind: Thing\nmetadata: {name: a}\nspec: {x: .inf}\n"}},
	{name: "a folded patch", overlay: "resources: [../base]\npatches:\n- target: {kind: Pod}\n  patch: >-\n    - {op: remove,\n    path: /spec/nothing}\n"},
	{name: "a restart policy that is not a Deployment's", overlay: "resources: [../work]\npatches:\n- target: {kind: Deployment}\n  patch: '- {op: add, path: /spec/template/spec/restartPolicy, value: Never}'\n", more: work("apps/v1", "Deployment", "template", ""), builds: true},
	{name: "a restart policy that is not a StatefulSet's", overlay: "resources: [../work]\npatches:\n- target: {kind: StatefulSet}\n  patch: '- {op: add, path: /spec/template/spec/restartPolicy, value: OnFailure}'\n", more: work("apps/v1", "StatefulSet", "template", ""), builds: true},
	{name: "a restart policy that is not a Job's", overlay: "resources: [../work]\npatches:\n- target: {kind: Job}\n  patch: '- {op: remove, path: /spec/template/spec/restartPolicy}'\n", more: work("batch/v1", "Job", "template", "restartPolicy: Never"), builds: true},
	{name: "a restart policy that podFailurePolicy does not go with", overlay: "resources: [../work]\npatches:\n- target: {kind: Job}\n  patch: '- {op: add, path: /spec/podFailurePolicy, value: {rules: []}}'\n", more: work("batch/v1", "Job", "template", "restartPolicy: OnFailure"), builds: true},
	{name: "a selector of other pods", overlay: "resources: [../work]\nlabels: [{pairs: {app.kubernetes.io/instance: b}, includeTemplates: true}]\n", more: work("apps/v1", "Deployment", "template", ""), builds: true},
	{name: "a field that the pod of a Sandbox does not have", overlay: "resources: [../work]\npatches:\n- target: {kind: Sandbox}\n  patch: '- {op: add, path: /spec/podTemplate/spec/runtimeClas, value: gvisor}'\n", more: work("agents.x-k8s.io/v1beta1", "Sandbox", "podTemplate", ""), builds: true},
}

var update = flag.Bool("update", false, "rewrite what is expected")

const mistakesGolden = "testdata/mistakes.txt"

// What is wrong is said with the file, the line and what would be right, in the
// words of testdata/mistakes.txt.
func TestMistakes(t *testing.T) {
	var got strings.Builder
	for _, m := range mistakes {
		fsys := files{"base/kustomization.yaml": "resources: [pod.yaml]\n", "base/pod.yaml": onePod, "overlay/kustomization.yaml": m.overlay}.with(m.more).memory(t)
		if _, err := stock(fsys, "/k/overlay"); (err == nil) != m.builds {
			t.Errorf("%s: kustomize says %v", m.name, err)
		}
		_, err := Build(fsys, "/k/overlay", Options{Unchecked: !m.builds})
		if _, err := Build(fsys, "/k/overlay", Options{Unchecked: true}); (err == nil) != m.builds {
			t.Errorf("%s: without checks: %v", m.name, err)
		}
		errs, ok := err.(manifest.Errors)
		if !ok {
			t.Errorf("%s: no mistake, but %v", m.name, err)
		}
		fmt.Fprintf(&got, "# %s\n", m.name)
		for _, e := range errs {
			fmt.Fprintf(&got, "%v\n", e)
			checkReadable(t, m.name, e)
		}
	}
	if *update {
		if err := os.WriteFile(mistakesGolden, []byte(got.String()), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(mistakesGolden)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), got.String()); diff != "" {
		t.Errorf("run go test ./pkg/overlay -run TestMistakes -update (-want +got):\n%s", diff)
	}
}

// wordsOfKustomize are of no use to who has to correct the mistake.
var wordsOfKustomize = []string{"0x", "lstat", "[noNs]", "[noGrp]", "[noVer]", "must build at directory", "accumulat", "trouble configuring", "node contents", "Go struct", "map[", "panic", "\n"}

// withoutLine are the mistakes for which there is no line: there is nothing there.
var withoutLine = []string{"is empty; list files", "two entries of resources lead there"}

func checkReadable(t *testing.T, name string, e *manifest.Error) {
	for _, words := range wordsOfKustomize {
		if strings.Contains(e.Error(), words) {
			t.Errorf("%s: has %q: %v", name, words, e)
		}
	}
	known := e.Pos.Line > 0
	for _, text := range withoutLine {
		known = known || strings.Contains(e.Msg, text)
	}
	if !known {
		t.Errorf("%s: has no line: %v", name, e)
	}
}

// A build in parts says how far it is, up to the end.
func TestProgress(t *testing.T) {
	var told [][2]int
	_, err := Build(base(60).overlay("namePrefix: p-").memory(t), "/k/overlay", Options{Workers: 2, Progress: func(done, parts int) { told = append(told, [2]int{done, parts}) }})
	if err != nil {
		t.Fatal(err)
	}
	if n := len(told); n < 2 || told[n-1] != [2]int{n, n} {
		t.Errorf("was told %v", told)
	}
}

// A large fleet is built in parts: the mistake is told as in one run.
func TestMistakesInParts(t *testing.T) {
	fsys := base(60).overlay("patches:\n- target: {kind: Pod, name: agent-two-23}\n  path: p.yaml\n- path: q.yaml").with(files{
		"overlay/p.yaml": "- op: add\n  path: /spec/hostUsers\n  value: false\n- op: remove\n  path: /spec/nothing\n",
		"overlay/q.yaml": "apiVersion: v1\nkind: Pod\nmetadata: {name: agent-one-07, namespace: one}\nspec: {containers: {name: agent}}\n",
	}).memory(t)
	var log []string
	_, err := Build(fsys, "/k/overlay", Options{Workers: 2, Log: func(format string, args ...any) { log = append(log, fmt.Sprintf(format, args...)) }})
	want := `/k/overlay/p.yaml:5:9: [1].path: remove /spec/nothing: there is no such field in an object that the patch selects; correct the path, or leave the operation out
/k/overlay/q.yaml:4:20: spec.containers: is a mapping; want a list`
	if diff := cmp.Diff(want, fmt.Sprint(err)); diff != "" || !strings.Contains(strings.Join(log, "\n"), " runs") {
		t.Errorf("built as %q (-want +got):\n%s", log, diff)
	}
}
