package overlay

import (
	"bytes"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"sigs.k8s.io/kustomize/kyaml/filesys"
)

// files are a kustomization, by names below its root.
type files map[string]string

// base has n agents in two namespaces, each with a kustomization of its own, as
// render lays them out: what an agent has, what it shares, and what refers to
// either.
func base(n int) files {
	f := files{"base/kustomization.yaml": "resources: [one, two]\nsortOptions: {order: fifo}\n"}
	for _, ns := range []string{"one", "two"} {
		list := "resources:\n- shared.yaml\n"
		f["base/"+ns+"/shared.yaml"] = strings.ReplaceAll(shared, "NS", ns)
		for i := range n / 2 {
			name := fmt.Sprintf("agent-%s-%02d", ns, i)
			list += "- " + name + ".yaml\n"
			f["base/"+ns+"/"+name+".yaml"] = strings.NewReplacer("NAME", name, "NS", ns, "N%10", fmt.Sprint(i%10)).Replace(agent)
		}
		f["base/"+ns+"/kustomization.yaml"] = list
	}
	return f
}

const shared = `apiVersion: v1
kind: ServiceAccount
metadata:
  name: scion-agent
  namespace: NS
---
# What comes before a document is not in it.
apiVersion: v1
kind: ConfigMap
metadata: {name: settings, namespace: NS}
data: {n: "1", date: 2020-01-01, octal: "0777", yes: "yes", float: "1.0"}
---
apiVersion: rbac.authorization.k8s.io/v1
kind: RoleBinding
metadata:
  name: read
  namespace: NS
roleRef:
  apiGroup: rbac.authorization.k8s.io
  kind: ClusterRole
  name: reader-NS
subjects:
- kind: ServiceAccount
  name: scion-agent
  namespace: NS
- kind: ServiceAccount
  name: default
---
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRole
metadata:
  name: reader-NS
rules:
- apiGroups: [""]
  resources: [secrets]
  resourceNames: [settings]
  verbs: [get]
---
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata:
  name: all
  namespace: NS
spec:
  podSelector:
    matchLabels:
      app.kubernetes.io/name: scion-agent
  policyTypes: [Egress]
`

const agent = `apiVersion: v1
kind: PersistentVolumeClaim
metadata:
  name: NAME
  namespace: NS
spec:
  accessModes: [ReadWriteOnce]
  resources:
    requests:
      storage: 1Gi
---
apiVersion: v1
kind: Pod
metadata:
  labels:
    app.kubernetes.io/name: scion-agent
    digit: "N%10"
  name: NAME
  namespace: NS
spec:
  containers:
  - name: agent
    image: registry.example.com/agents/claude:1
    env:
    - name: HOME
      value: /home/scion
    - name: TASK
      value: "say \"hi\" to é and \U0001F600, 012, y, it's # no comment"
    - name: SETTINGS
      valueFrom:
        configMapKeyRef: {name: settings, key: n}
    args: ["1", "true", 'null', "1e3"]
    resources:
      limits: {cpu: 1, memory: 1Gi}
    securityContext: {runAsUser: 1000}
  terminationGracePeriodSeconds: 30
  serviceAccountName: scion-agent
  volumes:
  - name: work
    persistentVolumeClaim:
      claimName: NAME
`

// memory is the files in memory, below /k.
func (f files) memory(t testing.TB) filesys.FileSystem {
	fsys := filesys.MakeFsInMemory()
	for name, text := range f {
		if err := fsys.WriteFile("/k/"+name, []byte(text)); err != nil {
			t.Fatal(err)
		}
	}
	return fsys
}

// with is f with more files.
func (f files) with(more files) files {
	out := files{}
	for name, text := range f {
		out[name] = text
	}
	for name, text := range more {
		out[name] = text
	}
	return out
}

// stock is what kustomize builds, in process. Like the command it leaves the
// order to the kustomization.
func stock(fsys filesys.FileSystem, dir string) ([]byte, error) {
	m, err := kustomize(fsys, dir, Options{})
	if err != nil {
		return nil, err
	}
	out, err := m.AsYaml()
	// In a test binary kustomize does not know its version.
	return bytes.ReplaceAll(out, []byte("managed-by: kustomize-(devel)"), []byte("managed-by: kustomize-"+stockVersion)), err
}

// ours builds in parts of a size, and says why not if it does not.
func ours(t testing.TB, fsys filesys.FileSystem, dir string, size int) (out []byte, reason string, err error) {
	s, err := read(fsys, dir, Options{})
	if err != nil {
		return nil, "", err
	}
	b := &builder{source: s, size: size, always: true, seen: map[string]bool{}, options: Options{Workers: 2, Log: func(format string, args ...any) {
		if text := fmt.Sprintf(format, args...); strings.Contains(text, "one run") {
			reason = text
		}
	}}}
	objects, err := b.build()
	if err != nil {
		return nil, reason, err
	}
	var buf bytes.Buffer
	if _, err := (&Built{Objects: objects}).WriteTo(&buf); err != nil {
		t.Fatal(err)
	}
	return buf.Bytes(), reason, nil
}

// What each feature of kustomizations allows: to be built in parts, or not.
// Either way the bytes are those of the stock command.
var features = []struct {
	name    string
	overlay string // over ../base; resources are added where there are none
	more    files
	whole   string // why it is one run, or empty
	reason  string // why the case is there
}{
	{name: "nothing", reason: "the least there is"},
	{name: "namespace", overlay: "namespace: other", whole: "is there twice", reason: "two namespaces become one, with two accounts of a name"},
	{name: "labels", overlay: "labels: [{pairs: {env: prod}, includeTemplates: true}]", reason: "one object at a time"},
	{name: "labels in selectors", overlay: "labels: [{pairs: {env: prod}, includeSelectors: true}]", reason: "selectors too"},
	{name: "annotations", overlay: "commonAnnotations: {a: b, m: '1'}", reason: "one object at a time"},
	{name: "images", overlay: "images: [{name: registry.example.com/agents/claude, newTag: '2'}]", reason: "one object at a time"},
	{name: "namePrefix", overlay: "namePrefix: p-", reason: "references are followed"},
	{name: "nameSuffix", overlay: "nameSuffix: -s", reason: "references are followed"},
	{name: "JSON patch", overlay: "patches: [{target: {kind: Pod}, patch: '[{\"op\": \"add\", \"path\": \"/spec/hostUsers\", \"value\": false}]'}]", reason: "applied early"},
	{name: "JSON patch by label", overlay: "patches: [{target: {kind: Pod, labelSelector: 'digit in (1,2)'}, patch: '[{\"op\": \"add\", \"path\": \"/spec/hostUsers\", \"value\": false}]'}]", reason: "selected early"},
	{name: "JSON patch that fails for one", overlay: "patches: [{target: {kind: Pod, name: agent-two-03}, patch: '[{\"op\": \"remove\", \"path\": \"/spec/nothing\"}]'}]", reason: "the error of one run"},
	{name: "JSON patch of numbers", overlay: "patches: [{target: {kind: Pod}, patch: '[{\"op\": \"add\", \"path\": \"/spec/priority\", \"value\": 12345678901234567890}, {\"op\": \"add\", \"path\": \"/spec/x\", \"value\": 1.50}]'}]", reason: "kustomize rounds them"},
	{name: "JSON patch of an account", overlay: "patches: [{target: {kind: ServiceAccount}, patch: '[{\"op\": \"add\", \"path\": \"/automountServiceAccountToken\", \"value\": false}]'}]", reason: "what is patched is referred to in another way"},
	{name: "JSON patch after labels", overlay: "patches: [{target: {kind: Pod, labelSelector: late=yes}, patch: '[{\"op\": \"add\", \"path\": \"/spec/hostUsers\", \"value\": false}]'}]\nresources: [../labelled]",
		more: files{"labelled/kustomization.yaml": "resources: [../base]\nlabels: [{pairs: {late: 'yes'}}]\n"}, reason: "not early: the labels are not there yet"},
	{name: "JSON patch after a patch of labels", overlay: "patches: [{target: {kind: Pod, name: agent-one-01}, patch: '[{\"op\": \"add\", \"path\": \"/metadata/labels/late\", \"value\": \"x\"}]'}, {target: {labelSelector: late=x}, patch: '[{\"op\": \"add\", \"path\": \"/spec/hostUsers\", \"value\": false}]'}]", reason: "not early, either"},
	{name: "merge patch with a target", overlay: "patches: [{target: {kind: Pod, labelSelector: digit=1}, patch: '{apiVersion: v1, kind: Pod, metadata: {name: x}, spec: {nodeSelector: {a: b}}}'}]", reason: "one object at a time"},
	{name: "merge patch by name", overlay: "patches: [{patch: '{apiVersion: v1, kind: Pod, metadata: {name: agent-one-03, namespace: one}, spec: {nodeSelector: {a: b}}}'}]", reason: "goes to one part"},
	{name: "merge patch by name of nothing", overlay: "patches: [{patch: '{apiVersion: v1, kind: Pod, metadata: {name: nobody}, spec: {nodeSelector: {a: b}}}'}]", whole: "not for one object", reason: "the error of one run"},
	{name: "merge patch that refers", overlay: "namePrefix: p-\npatches: [{patch: '{apiVersion: v1, kind: Pod, metadata: {name: agent-one-03, namespace: one}, spec: {volumes: [{name: w, persistentVolumeClaim: {claimName: agent-one-07}}]}}'}]", reason: "the new reference is renamed"},
	{name: "merge patch that deletes", overlay: "patches: [{target: {kind: PersistentVolumeClaim, name: agent-one-.*}, patch: '{apiVersion: v1, kind: PersistentVolumeClaim, metadata: {name: x}, $patch: delete}'}]", reason: "objects go missing"},
	{name: "two patches by name in one", overlay: "patches: [{path: two.yaml}]", more: files{"overlay/two.yaml": "apiVersion: v1\nkind: Pod\nmetadata: {name: agent-one-01, namespace: one}\nspec: {nodeSelector: {a: b}}\n---\napiVersion: v1\nkind: Pod\nmetadata: {name: agent-two-05, namespace: two}\nspec: {nodeSelector: {a: c}}\n"}, reason: "its objects stay together"},
	{name: "patch that renames", overlay: "patches: [{target: {kind: Pod, name: agent-one-01}, options: {allowNameChange: true}, patch: '{apiVersion: v1, kind: Pod, metadata: {name: new}}'}]", whole: "may change names", reason: "ids cannot be foreseen"},
	{name: "patch of the namespace", overlay: "patches: [{target: {kind: Pod, name: agent-one-01}, patch: '[{\"op\": \"replace\", \"path\": \"/metadata/namespace\", \"value\": \"two\"}]'}]", whole: "names an object", reason: "ids cannot be foreseen"},
	{name: "legacy order", overlay: "sortOptions: {order: legacy}", reason: "sorted over all parts"},
	{name: "legacy order of one's own", overlay: "sortOptions: {order: legacy, legacySortOptions: {orderFirst: [Pod], orderLast: [ServiceAccount]}}", reason: "sorted over all parts"},
	{name: "fifo", overlay: "sortOptions: {order: fifo}", reason: "the order of resources"},
	{name: "component", overlay: "components: [../c]", more: files{"c/kustomization.yaml": "apiVersion: kustomize.config.k8s.io/v1alpha1\nkind: Component\nresources: [x.yaml]\nnamePrefix: c-\npatches: [{target: {kind: Pod}, patch: '[{\"op\": \"add\", \"path\": \"/spec/hostUsers\", \"value\": false}]'}]\n",
		"c/x.yaml": "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: x, namespace: one}\n"}, reason: "works on its parent's objects"},
	{name: "component of resources alone", overlay: "components: [../c]", more: files{"c/kustomization.yaml": "apiVersion: kustomize.config.k8s.io/v1alpha1\nkind: Component\nresources: [x.yaml]\n",
		"c/x.yaml": "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: x, namespace: one}\n"}, reason: "is empty in most parts"},
	{name: "nested", overlay: "resources: [one, two]\nnamePrefix: p-", more: files{
		"overlay/one/kustomization.yaml": "resources: [../../base/one]\nnamespace: new-one\nnameSuffix: -s\n",
		"overlay/two/kustomization.yaml": "resources: [../../base/two]\nnamespace: new-two\n"}, reason: "a kustomization a namespace"},
	{name: "one base twice", overlay: "resources: [one, two]", more: files{
		"overlay/one/kustomization.yaml": "resources: [../../base/one]\nnamespace: new-one\nnamePrefix: a-\n",
		"overlay/two/kustomization.yaml": "resources: [../../base/one]\nnamespace: new-two\nnamePrefix: b-\npatches: [{target: {kind: Pod}, patch: '[{\"op\": \"add\", \"path\": \"/spec/hostUsers\", \"value\": false}]'}]\n"}, reason: "a document is two objects"},
	{name: "configurations", overlay: "namePrefix: p-\nconfigurations: [config.yaml]\nresources: [../base, x.yaml]", more: files{
		"overlay/config.yaml": "nameReference:\n- kind: Pod\n  fieldSpecs:\n  - path: spec/of\n    kind: Watcher\n",
		"overlay/x.yaml":      "apiVersion: example.com/v1\nkind: Watcher\nmetadata: {name: w, namespace: one}\nspec: {of: agent-one-03}\n"}, reason: "references that kustomize does not know"},
	{name: "configurations below", overlay: "namePrefix: p-\nresources: [../base, ../watch]", more: files{
		"watch/kustomization.yaml": "resources: [x.yaml]\nconfigurations: [config.yaml]\n",
		"watch/config.yaml":        "nameReference:\n- kind: PersistentVolumeClaim\n  fieldSpecs:\n  - path: spec/containers/image\n    kind: Pod\n",
		"watch/x.yaml":             "apiVersion: v1\nkind: PersistentVolumeClaim\nmetadata: {name: 'registry.example.com', namespace: one}\n"}, reason: "hold for the kustomization above, in parts without their resources, too"},
	{name: "configurations of names", overlay: "namePrefix: p-\nconfigurations: [config.yaml]", more: files{
		"overlay/config.yaml": "namePrefix:\n- path: metadata/name\n  kind: Pod\n"}, whole: "changes where names are", reason: "ids cannot be foreseen"},
	{name: "configMapGenerator", overlay: "configMapGenerator: [{name: settings, namespace: one, behavior: merge, literals: [a=b]}]", whole: "configMapGenerator", reason: "makes an object once"},
	{name: "secretGenerator", overlay: "secretGenerator: [{name: s, literals: [a=b]}]", whole: "secretGenerator", reason: "makes an object once"},
	{name: "replacements", overlay: "replacements: [{source: {kind: ServiceAccount, name: scion-agent, namespace: one}, targets: [{select: {kind: Pod}, fieldPaths: [spec.containers.0.image], reject: [{namespace: two}]}]}]", whole: "replacements", reason: "looks at two objects"},
	{name: "replicas", overlay: "replicas: [{name: d, count: 3}]\nresources: [../base, d.yaml]", more: files{"overlay/d.yaml": "apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: d}\n"}, whole: "replicas", reason: "has to find its object"},
	{name: "vars", overlay: "vars: [{name: X, objref: {kind: ServiceAccount, name: scion-agent, namespace: one, apiVersion: v1}}]", whole: "vars", reason: "looks at two objects"},
	{name: "commonLabels", overlay: "commonLabels: {a: b}", whole: "commonLabels", reason: "kustomize warns of it, once"},
	{name: "managed by", overlay: "buildMetadata: [managedByLabel, originAnnotations]", whole: "buildMetadata", reason: "says where objects come from"},
	{name: "inline transformer", overlay: "transformers:\n- |-\n  apiVersion: builtin\n  kind: PrefixTransformer\n  metadata: {name: x}\n  prefix: t-\n  fieldSpecs: [{path: metadata/name}]", whole: "transformers", reason: "could do anything"},
	{name: "twice the same", overlay: "resources: [../base, x.yaml]", more: files{"overlay/x.yaml": "apiVersion: v1\nkind: Pod\nmetadata: {name: agent-one-01, namespace: one}\n"}, whole: "is there twice", reason: "the error of one run"},
	{name: "a list", overlay: "resources: [../base, x.yaml]", more: files{"overlay/x.yaml": "apiVersion: v1\nkind: List\nitems:\n- {apiVersion: v1, kind: Pod, metadata: {name: a}}\n- {apiVersion: v1, kind: Pod, metadata: {name: b}}\n"}, whole: "not one object", reason: "a document is several objects"},
	{name: "local objects", overlay: "resources: [../base, x.yaml]", more: files{"overlay/x.yaml": "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a, annotations: {config.kubernetes.io/local-config: 'true'}}\n"}, whole: "annotations of kustomize", reason: "is dropped"},
	{name: "anchors in the kustomization", overlay: "labels:\n- pairs: &p {a: b}\n- pairs: *p\n  includeTemplates: true", reason: "are resolved, too"},
	{name: "a field in another case", overlay: "NamePrefix: u-", reason: "kustomize reads JSON, whatever the case of its keys"},
	{name: "a component in a component", overlay: "components: [../c]\nnamePrefix: k-", more: files{
		"c/kustomization.yaml": "apiVersion: kustomize.config.k8s.io/v1alpha1\nkind: Component\nnamePrefix: c-\ncomponents: [../d]\n",
		"d/kustomization.yaml": "apiVersion: kustomize.config.k8s.io/v1alpha1\nkind: Component\nlabels: [{pairs: {d: \"1\"}}]\nresources: [x.yaml]\n",
		"d/x.yaml":             "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: x, namespace: one}\n"}, reason: "works on what both have"},
	{name: "aliases", overlay: "resources: [../base, x.yaml]", more: files{"overlay/x.yaml": "apiVersion: v1\nkind: ConfigMap\nmetadata: &m {name: a, labels: &l {x: y}}\ndata: *l\n"}, reason: "are resolved"},
	{name: "a name in an escape", overlay: "namePrefix: p-\nresources: [../base, x.yaml]", more: files{"overlay/x.yaml": "apiVersion: v1\nkind: Pod\nmetadata: {name: a, namespace: one}\nspec: {serviceAccountName: \"scion\\x2dagent\", volumes: [{name: x, persistentVolumeClaim: {claimName: \"agent-\\\n  one-04\"}}]}\n"}, reason: "is a reference all the same"},
	{name: "a namespace and what is in it", overlay: "resources: [one]", more: files{
		"overlay/one/kustomization.yaml": "resources: [../../base/one, ns.yaml]\nnamespace: new-one\n",
		"overlay/one/ns.yaml":            "apiVersion: v1\nkind: Namespace\nmetadata: {name: one}\n"}, reason: "the Namespace is renamed"},
}

func (f files) overlay(text string) files {
	if !strings.Contains(text, "resources:") {
		text = "resources: [../base]\n" + text
	}
	return f.with(files{"overlay/kustomization.yaml": "apiVersion: kustomize.config.k8s.io/v1beta1\nkind: Kustomization\n" + text + "\n"})
}

func TestFeatures(t *testing.T) {
	for _, c := range features {
		t.Run(c.name, func(t *testing.T) {
			fsys := base(14).overlay(c.overlay).with(c.more).memory(t)
			want, wantErr := stock(fsys, "/k/overlay")
			for _, size := range []int{1, 5} {
				got, reason, err := ours(t, fsys, "/k/overlay", size)
				if (err != nil) != (wantErr != nil) {
					t.Fatalf("error %v, kustomize has %v", err, wantErr)
				}
				if diff := cmp.Diff(string(want), string(got)); diff != "" {
					t.Errorf("parts of %d (-kustomize +ours):\n%s", size, diff)
				}
				if c.whole == "" && reason != "" && wantErr == nil || !strings.Contains(reason, c.whole) {
					t.Errorf("parts of %d: one run because %q, want %q (%s)", size, reason, c.whole, c.reason)
				}
			}
		})
	}
}

// The stock command says what krusty says in process, and so what we say: the
// same table, through processes.
func TestFeaturesAgainstTheCommand(t *testing.T) {
	path, err := exec.CommandContext(t.Context(), "go", "tool", "-n", "kustomize").Output()
	if err != nil {
		t.Fatal(err)
	}
	kustomize := strings.TrimSpace(string(path))
	for _, c := range features {
		t.Run(c.name, func(t *testing.T) {
			dir := t.TempDir()
			for name, text := range base(10).overlay(c.overlay).with(c.more) {
				file := filepath.Join(dir, filepath.FromSlash(name))
				if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
					t.Fatal(err)
				}
				if err := os.WriteFile(file, []byte(text), 0o644); err != nil {
					t.Fatal(err)
				}
			}
			overlay := filepath.Join(dir, "overlay")
			want, wantErr := exec.CommandContext(t.Context(), kustomize, "build", overlay).Output()
			if _, exited := errors.AsType[*exec.ExitError](wantErr); wantErr != nil && !exited {
				t.Fatal(wantErr)
			}
			got, _, err := ours(t, filesys.MakeFsOnDisk(), overlay, 2)
			if (err != nil) != (wantErr != nil) {
				t.Fatalf("error %v, kustomize has %v", err, wantErr)
			}
			if diff := cmp.Diff(string(want), string(got)); diff != "" {
				t.Errorf("(-kustomize +ours):\n%s", diff)
			}
		})
	}
}

// randomOverlay is some features over some of the base.
func randomOverlay(r *rand.Rand, n int) files {
	some := func(lines ...string) string {
		return lines[r.IntN(len(lines))] + "\n"
	}
	f := base(n)
	name := func() string { return fmt.Sprintf("agent-%s-%02d", some("one", "two")[:3], r.IntN(n/2)) }
	text := some("", "", "namePrefix: p-", "namePrefix: agent-") + some("", "", "nameSuffix: -s") +
		some("", "labels: [{pairs: {env: prod}, includeSelectors: true}]", "labels: [{pairs: {digit: '1'}}]") +
		some("", "commonAnnotations: {scion.namespace: one, settings: agent-one-01}") +
		some("", "images: [{name: registry.example.com/agents/claude, newName: x, digest: 'sha256:abc'}]") +
		some("", "sortOptions: {order: fifo}", "sortOptions: {order: legacy}") +
		some("", "", "", "configMapGenerator: [{name: g, literals: [a=b]}]")
	var patches []string
	for range r.IntN(4) {
		target := some("kind: Pod", "kind: Pod, labelSelector: digit=1", "kind: PersistentVolumeClaim", "kind: Pod, namespace: one", "name: "+name(), "kind: ServiceAccount|Pod", "labelSelector: env=prod", "annotationSelector: a=b")
		target = strings.TrimSpace(target)
		further := ", " + target
		if strings.HasPrefix(target, "kind:") {
			_, further, _ = strings.Cut(target, ",")
			further = ", " + further
		}
		patches = append(patches, some(
			"{target: {"+target+"}, patch: '[{\"op\": \"add\", \"path\": \"/metadata/labels\", \"value\": {\"digit\": \"3\", \"env\": \"prod\"}}]'}",
			"{target: {kind: Pod"+strings.TrimSuffix(further, ", ")+"}, patch: '[{\"op\": \"add\", \"path\": \"/spec/serviceAccountName\", \"value\": \""+name()+"\"}]'}",
			"{target: {kind: Pod}, patch: '[{\"op\": \"replace\", \"path\": \"/spec/volumes/0/persistentVolumeClaim/claimName\", \"value\": \""+name()+"\"}, {\"op\": \"add\", \"path\": \"/spec/containers/0/env/-\", \"value\": {\"name\": \"A\", \"value\": \"1\"}}]'}",
			"{target: {"+target+"}, patch: '{apiVersion: v1, kind: Pod, metadata: {name: x, annotations: {a: b}}}'}",
			"{patch: '{apiVersion: v1, kind: Pod, metadata: {name: "+name()+", namespace: one}, spec: {hostUsers: false}}'}",
			"{patch: '{apiVersion: v1, kind: PersistentVolumeClaim, metadata: {name: "+name()+", namespace: two}, $patch: delete}'}",
		))
	}
	if len(patches) > 0 {
		text += "patches:\n"
		for _, p := range patches {
			text += "- " + strings.TrimSpace(p) + "\n"
		}
	}
	switch r.IntN(4) {
	case 0:
		f["overlay/in/kustomization.yaml"] = "resources: [../../base/one]\nnamespace: new\n" + some("", "namePrefix: in-", "labels: [{pairs: {digit: '1'}}]")
		text += "resources: [in, ../base/two]\n"
	case 1:
		f["c/kustomization.yaml"] = "apiVersion: kustomize.config.k8s.io/v1alpha1\nkind: Component\n" + some("namePrefix: c-", "labels: [{pairs: {env: prod}}]", "patches: [{target: {kind: Pod}, patch: '[{\"op\": \"add\", \"path\": \"/spec/hostUsers\", \"value\": true}]'}]")
		text += "components: [../c]\n"
	case 2:
		text += "resources: [../base/one]\nnamespace: new\n"
	}
	return f.overlay(text)
}

// Whatever is combined, the bytes are kustomize's, or there is an error where
// kustomize has one.
func TestRandomOverlays(t *testing.T) {
	parts, failed := 0, 0
	for seed := range uint64(100) {
		r := rand.New(rand.NewPCG(seed, 1))
		f := randomOverlay(r, 8+2*r.IntN(12))
		fsys := f.memory(t)
		want, wantErr := stock(fsys, "/k/overlay")
		got, reason, err := ours(t, fsys, "/k/overlay", 1+r.IntN(8))
		if (err != nil) != (wantErr != nil) {
			t.Fatalf("seed %d: error %v, kustomize has %v\n%s", seed, err, wantErr, f["overlay/kustomization.yaml"])
		}
		if !bytes.Equal(want, got) {
			t.Fatalf("seed %d (-kustomize +ours):\n%s\n%s", seed, cmp.Diff(string(want), string(got)), f["overlay/kustomization.yaml"])
		}
		switch {
		case err != nil:
			failed++
		case reason == "":
			parts++
		}
	}
	if parts < 30 || failed > 50 {
		t.Errorf("of 100 overlays %d were built in parts and %d are errors: the test shows little", parts, failed)
	}
	t.Logf("%d in parts, %d errors", parts, failed)
}

// Building in parts must not depend on the order in which they are done.
func TestDeterministic(t *testing.T) {
	fsys := base(40).overlay("namePrefix: p-").memory(t)
	var outs [][]byte
	for range 5 {
		out, _, err := ours(t, fsys, "/k/overlay", 2)
		if err != nil {
			t.Fatal(err)
		}
		outs = append(outs, out)
	}
	if len(slices.CompactFunc(outs, bytes.Equal)) != 1 {
		t.Error("several runs give several results")
	}
}
