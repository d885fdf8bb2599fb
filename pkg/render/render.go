package render

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"io"
	"iter"
	"maps"
	"slices"
	"strings"

	"github.com/scion-gen/scion-gen/pkg/manifest"
)

// Manifests are the rendered objects of a Config, checked and ready to be
// written. They are made anew at each reading, so that a large fleet is never
// in memory as a whole.
type Manifests struct {
	units []unit // by namespace; within one: its own objects, groves, agents
}

// unit is the objects of one file.
type unit struct {
	namespace string
	name      string // of the file, in the namespace's folder
	objects   func() []*manifest.Node
}

// Render resolves every agent, renders it and checks the result. The error is
// a manifest.Errors with every mistake there is; nothing can be written then.
func (c *Config) Render() (*Manifests, error) {
	var errs manifest.Errors
	agents := c.resolve(&errs)
	units := c.units(agents)
	check, err := newVerifier(c.fleet.Spec.PodSecurity)
	if err != nil {
		return nil, err
	}
	for _, a := range agents {
		check.verify(a, a.podObject())
	}
	uniqueObjects(units, &errs)
	if len(errs) > 0 {
		return nil, finish(errs)
	}
	return &Manifests{units}, nil
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
		m := mistake{e.Pos, redact(e.Msg)}
		if !said[m] {
			said[m] = true
			once.Add(e.Pos, redact(e.Path), "%s", m.msg)
		}
	}
	err := once.Err()
	if sorted, _ := errors.AsType[manifest.Errors](err); len(sorted) > manifest.MaxMistakes {
		more := sorted[manifest.MaxMistakes]
		more.Path, more.Msg = "", fmt.Sprintf("%d more mistakes from here on; correct those above first", len(sorted)-manifest.MaxMistakes)
		return sorted[:manifest.MaxMistakes+1]
	}
	return err
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

// units lays the objects out in files.
func (c *Config) units(agents []*agent) []unit {
	var units []unit
	for namespace, members := range chunks(agents, func(a *agent) string { return a.namespace }) {
		if slices.ContainsFunc(members, (*agent).usesDefaultAccount) {
			units = append(units, unit{namespace, "serviceaccount.yaml", func() []*manifest.Node {
				return []*manifest.Node{serviceAccount(namespace)}
			}})
		}
		for _, g := range groves(members) {
			if len(g.objects(c)) > 0 {
				units = append(units, unit{namespace, "grove-" + g.name + ".yaml", func() []*manifest.Node { return g.objects(c) }})
			}
		}
		for _, a := range members {
			units = append(units, unit{namespace, "agent-" + a.pod + ".yaml", func() []*manifest.Node {
				return append(a.companions(), a.podObject())
			}})
		}
	}
	return units
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
		for _, o := range u.objects() {
			name := o.At("metadata", "name")
			if name == nil {
				continue // reported by identity
			}
			k := id{textOf(o.Get("kind")), u.namespace, textOf(name)}
			if first, twice := seen[k]; twice {
				errs.Add(name.Pos, "", "the %s made here would be named %s, like that of %s; rename one of the two", k.kind, k.name, first)
			}
			seen[k] = name.Pos
		}
	}
}

// Len is the number of objects' files, without those named kustomization.yaml.
func (m *Manifests) Len() int { return len(m.units) }

// WriteTo writes every object as a YAML stream, in the order in which kustomize
// build prints the tree that Files makes.
func (m *Manifests) WriteTo(w io.Writer) (int64, error) {
	var written int64
	buf, first := []byte(nil), true
	for _, u := range m.units {
		var err error
		buf = buf[:0]
		if !first {
			buf = append(buf, "---\n"...)
		}
		first = false
		if buf, err = appendAll(buf, u.objects()); err != nil {
			return written, err
		}
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
				if !yield(u.output()) {
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

func (u unit) output() (Output, error) {
	objects := u.objects()
	out := Output{File: File{Name: u.namespace + "/" + u.name}}
	for _, o := range objects {
		out.Objects = append(out.Objects, textOf(o.Get("kind"))+"/"+textOf(o.At("metadata", "name")))
	}
	var err error
	out.Data, err = appendAll(nil, objects)
	return out, err
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
