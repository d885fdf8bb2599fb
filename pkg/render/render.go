package render

import (
	"bytes"
	"cmp"
	"io"
	"iter"
	"maps"
	"slices"
	"strings"

	"github.com/scion-gen/scion-gen/pkg/credential"
	"github.com/scion-gen/scion-gen/pkg/manifest"
)

// Manifests are the rendered objects of a Config, checked and ready to be
// written.
type Manifests struct {
	units []unit // by namespace; within one: its own objects, groves, agents
	lines *lines
}

// unit is the objects of one file.
type unit struct {
	namespace string
	name      string // of the file, in the namespace's folder
	objects   []identity
	text      []uint32 // what lines has
}

// identity is which object it is, and where its name was set.
type identity struct {
	kind, name string
	pos        manifest.Pos
}

// Render resolves every agent, renders it and checks the result. The error is
// a manifest.Errors with every mistake there is; nothing can be written then.
func (c *Config) Render() (*Manifests, error) {
	var errs manifest.Errors
	agents := c.resolve(&errs)
	check, err := newVerifier(c.fleet.Spec.PodSecurity)
	if err != nil {
		return nil, err
	}
	r := renderer{config: c, check: check, lines: &lines{ids: map[string]uint32{}}}
	for namespace, members := range chunks(agents, func(a *agent) string { return a.namespace }) {
		r.namespace(namespace, members)
	}
	uniqueObjects(r.units, &errs)
	if len(errs) > 0 {
		return nil, finish(errs)
	}
	return &Manifests{r.units, r.lines}, r.err
}

// finish sorts mistakes, hides credentials that messages quote, and says what
// several agents or containers inherit from one place once.
func finish(errs manifest.Errors) error {
	type mistake struct {
		pos manifest.Pos
		msg string
	}
	said := make(map[mistake]bool, len(errs))
	var once manifest.Errors
	for _, e := range errs {
		m := mistake{e.Pos, credential.Redact(e.Msg)}
		if !said[m] {
			said[m] = true
			once.Add(e.Pos, credential.Redact(e.Path), "%s", m.msg)
		}
	}
	return once.Err()
}

// resolve merges the layers of all agents, sorted by namespace and pod name.
// Agents with a mistake are left out.
func (c *Config) resolve(errs *manifest.Errors) []*agent {
	r := &resolver{config: c, starts: map[string]*start{}, errs: errs}
	agents := make([]*agent, 0, len(c.agents))
	for _, doc := range c.agents {
		before := len(*errs)
		a := r.agent(doc)
		if len(*errs) == before {
			a.check()
		}
		if len(*errs) == before {
			agents = append(agents, a)
		}
	}
	slices.SortFunc(agents, func(x, y *agent) int {
		return cmp.Or(strings.Compare(x.namespace, y.namespace), strings.Compare(x.pod, y.pod))
	})
	return agents
}

// check reports what of a resolved agent does not go together.
func (a *agent) check() {
	a.checkHarness()
	a.checkSecrets()
	a.checkStores()
	a.checkVolumes()
	a.checkHome()
	a.checkWorkload()
	if a.spec.Image == "" {
		a.fail([]string{"image"}, "is missing; set image, or a template that has one")
	}
	if a.spec.Metadata.Mode == "assign" {
		return
	}
	for _, field := range []string{"serviceAccountEmail", "projectID"} {
		if a.at("metadata", field) != nil {
			a.fail([]string{"metadata", field}, "is for mode assign, and the mode is %s; write mode: assign", a.spec.Metadata.Mode)
		}
	}
}

// renderer makes objects and lays them out in files.
type renderer struct {
	config *Config
	check  *verifier
	lines  *lines
	units  []unit
	buf    []byte
	err    error // of an object that has no YAML
}

func (r *renderer) namespace(namespace string, members []*agent) {
	if slices.ContainsFunc(members, (*agent).usesDefaultAccount) {
		r.add(namespace, "serviceaccount.yaml", serviceAccount(namespace))
	}
	for _, g := range groves(members) {
		if objects := g.objects(r.config); len(objects) > 0 {
			r.add(namespace, "grove-"+g.name+".yaml", objects...)
		}
	}
	for i, a := range members {
		pod := a.podObject()
		r.check.verify(a, pod)
		r.add(namespace, "agent-"+a.pod+".yaml", append(a.companions(), a.workloadObject(pod))...)
		members[i] = nil // what it holds is no longer needed
	}
}

// add writes the objects of one file.
func (r *renderer) add(namespace, name string, objects ...*manifest.Node) {
	u := unit{namespace: namespace, name: name}
	for _, o := range objects {
		at := o.At("metadata", "name")
		u.objects = append(u.objects, identity{textOf(o.Get("kind")), textOf(at), at.Pos})
	}
	var err error
	if r.buf, err = appendAll(r.buf[:0], objects); err != nil && r.err == nil {
		r.err = err
	}
	u.text = r.lines.add(r.buf)
	r.units = append(r.units, u)
}

func (a *agent) usesDefaultAccount() bool {
	return cmp.Or(a.spec.ServiceAccountName, defaultAccount) == defaultAccount
}

// chunks are runs of items with the same key.
func chunks[T any](all []T, key func(T) string) iter.Seq2[string, []T] {
	return func(yield func(string, []T) bool) {
		for start := 0; start < len(all); {
			end := start + 1
			for end < len(all) && key(all[end]) == key(all[start]) {
				end++
			}
			if !yield(key(all[start]), all[start:end:end]) {
				return
			}
			start = end
		}
	}
}

// grove is what the agents of one grove in one namespace share.
type grove struct {
	name, namespace string
	claims          map[string]claim // by the name of the directory
}

// claim is a shared directory and where it was first asked for.
type claim struct {
	dir  SharedDir
	node *manifest.Node
}

// groves gathers the agents of a namespace. Two agents that want one directory
// in different ways are an error, at the second.
func groves(members []*agent) []*grove {
	byName := map[string]*grove{}
	for _, a := range members {
		if a.spec.Grove == "" {
			continue
		}
		g := byName[a.spec.Grove]
		if g == nil {
			g = &grove{a.spec.Grove, a.namespace, map[string]claim{}}
			byName[g.name] = g
		}
		for i, d := range a.spec.SharedDirs {
			g.add(a, d, items(a.at("sharedDirs"))[i])
		}
	}
	return slices.SortedFunc(maps.Values(byName), func(x, y *grove) int { return strings.Compare(x.name, y.name) })
}

func (g *grove) add(a *agent, d SharedDir, n *manifest.Node) {
	first, known := g.claims[d.Name]
	if !known {
		g.claims[d.Name] = claim{d, n}
		return
	}
	for _, field := range []string{"size", "storageClassName"} {
		if textOf(first.node.Get(field)) != textOf(n.Get(field)) {
			at := n.Pos
			if set := n.Get(field); set != nil {
				at = set.Pos
			}
			a.errs.Add(at, a.setting(at), "%s of %s differs from that at %s; the agents of a grove share one claim, make them equal",
				field, d.Name, first.node.Pos)
		}
	}
}

func (g *grove) objects(c *Config) []*manifest.Node {
	var out []*manifest.Node
	if c.hasPolicies() {
		out = append(out, c.grovePolicy(g.namespace, g.name))
	}
	for _, name := range slices.Sorted(maps.Keys(g.claims)) {
		cl := g.claims[name]
		out = append(out, cl.dir.claim(g.namespace, g.name, cl.node))
	}
	return out
}

// uniqueObjects reports two objects of one kind, namespace and name.
func uniqueObjects(units []unit, errs *manifest.Errors) {
	type id struct{ kind, namespace, name string }
	seen := map[id]manifest.Pos{}
	for _, u := range units {
		for _, o := range u.objects {
			k := id{o.kind, u.namespace, o.name}
			if first, twice := seen[k]; twice {
				errs.Add(o.pos, "metadata.name", "its %s would be named %s, like that of %s; rename one of the two", k.kind, k.name, first)
			}
			seen[k] = o.pos
		}
	}
}

// Len is the number of objects' files, without those named kustomization.yaml.
func (m *Manifests) Len() int { return len(m.units) }

// WriteTo writes every object as a YAML stream, in the order in which kustomize
// build prints the tree that Files makes.
func (m *Manifests) WriteTo(w io.Writer) (int64, error) {
	var written int64
	var buf []byte
	for i, u := range m.units {
		buf = buf[:0]
		if i > 0 {
			buf = append(buf, "---\n"...)
		}
		buf = m.lines.append(buf, u.text)
		n, err := w.Write(buf)
		written += int64(n)
		if err != nil {
			return written, err
		}
	}
	return written, nil
}

// appendAll writes objects as documents.
func appendAll(dst []byte, objects []*manifest.Node) ([]byte, error) {
	for i, o := range objects {
		if i > 0 {
			dst = append(dst, "---\n"...)
		}
		var err error
		if dst, err = manifest.Append(dst, o); err != nil {
			return dst, err
		}
	}
	return dst, nil
}

// Output is a rendered file. Name is slash-separated; Objects are what it
// holds, as <kind>/<name>.
type Output struct {
	File
	Objects []string
}

// Files are the files of a tree that kustomize can build: a folder for each
// namespace, a file in it for each agent and each grove, a kustomization.yaml
// at every level, after the files that it lists. The order is fixed.
func (m *Manifests) Files() iter.Seq2[Output, error] {
	return func(yield func(Output, error) bool) {
		var folders []string
		for namespace, units := range chunks(m.units, func(u unit) string { return u.namespace }) {
			var names []string
			for _, u := range units {
				if !yield(m.output(u), nil) {
					return
				}
				names = append(names, u.name)
			}
			if !yield(kustomization(namespace+"/", names), nil) {
				return
			}
			folders = append(folders, namespace)
		}
		yield(kustomization("", folders), nil)
	}
}

func (m *Manifests) output(u unit) Output {
	out := Output{File: File{Name: u.namespace + "/" + u.name, Data: m.lines.append(nil, u.text)}}
	for _, o := range u.objects {
		out.Objects = append(out.Objects, o.kind+"/"+o.name)
	}
	return out
}

// kustomization lists resources. The order of kustomize is first in, first
// out: its default would sort the objects by kind.
func kustomization(folder string, resources []string) Output {
	var b bytes.Buffer
	b.WriteString("apiVersion: kustomize.config.k8s.io/v1beta1\nkind: Kustomization\nresources:\n")
	for _, r := range resources {
		b.WriteString("- " + r + "\n")
	}
	b.WriteString("sortOptions:\n  order: fifo\n")
	return Output{File: File{Name: folder + "kustomization.yaml", Data: b.Bytes()}}
}
