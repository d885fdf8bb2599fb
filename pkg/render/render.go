package render

import (
	"cmp"
	"errors"
	"fmt"
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
	root  *folder
}

// unit is the objects of one file.
type unit struct {
	namespace string
	rank      int    // among the namespace's files
	key       string // among those of its rank
	grove     string // that it belongs to, if any
	agent     string
	name      string // of the file
	objects   []identity
}

// identity is which object it is, where its name was set, and its text as lines
// has it.
type identity struct {
	kind, name string
	pos        manifest.Pos
	text       []run
}

// Render resolves every agent, renders it and checks the result. The error is
// a manifest.Errors with every mistake there is; nothing can be written then.
//
// It uses the Config up, and leaves it without agents: what a large fleet is made
// from need not be in memory together with what is made of it.
func (c *Config) Render() (*Manifests, error) {
	var errs manifest.Errors
	check, err := newVerifier(c.fleet.Spec.PodSecurity)
	if err != nil {
		return nil, err
	}
	r := renderer{config: c, check: check, errs: &errs, lines: &lines{ids: map[string]uint32{}}, groves: map[groveID]*grove{}}
	for a := range c.resolved(c.take(), &errs) {
		r.agent(a)
	}
	r.shared()
	uniqueObjects(r.units, &errs)
	if len(errs) > 0 {
		return nil, finish(errs)
	}
	if r.err != nil {
		return nil, r.err
	}
	return (&Manifests{units: r.units, lines: r.lines}).Arrange(ByNamespace)
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
			path, _ := credential.Hide(e.Path)
			once.Add(e.Pos, path, "%s", m.msg)
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
	return slices.SortedFunc(c.resolved(slices.Values(c.agents), errs), func(x, y *agent) int {
		return cmp.Or(strings.Compare(x.namespace, y.namespace), strings.Compare(x.pod, y.pod))
	})
}

// take are the agents, each of which is gone when the next is asked for.
func (c *Config) take() iter.Seq[*agentDocument] {
	return func(yield func(*agentDocument) bool) {
		agents := c.agents
		c.agents = nil
		for i, doc := range agents {
			agents[i] = nil
			if !yield(doc) {
				return
			}
		}
	}
}

// resolved are the agents of docs without a mistake, each made when it is asked
// for: a large fleet's need not be in memory together.
func (c *Config) resolved(docs iter.Seq[*agentDocument], errs *manifest.Errors) iter.Seq[*agent] {
	return func(yield func(*agent) bool) {
		r := &resolver{config: c, starts: map[string]*start{}, vars: variables{}, errs: errs}
		for doc := range docs {
			before := len(*errs)
			a := r.agent(doc)
			if len(*errs) == before {
				a.check()
			}
			if len(*errs) == before && !yield(a) {
				return
			}
		}
	}
}

// check reports what of a resolved agent does not go together.
func (a *agent) check() {
	a.checkHarness()
	a.checkSecrets()
	a.checkStores()
	a.checkVolumes()
	a.checkHome()
	a.checkGit()
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
	config   *Config
	check    *verifier
	lines    *lines
	units    []unit
	groves   map[groveID]*grove
	accounts []string // the namespaces where the default account is used
	buf      []byte
	errs     *manifest.Errors
	err      error // of an object that has no YAML
}

// maxObject is what etcd takes of one object (its --max-request-bytes).
const maxObject = 3 << 19

// The ranks of files: what others need comes first.
const (
	rankNamespace = iota
	rankGrove
	rankAgent
)

// agent renders what is the agent's alone, and notes what it shares.
func (r *renderer) agent(a *agent) {
	pod := a.podObject()
	r.check.verify(a, pod)
	r.add(unit{namespace: a.namespace, rank: rankAgent, key: a.pod, grove: a.spec.Grove, agent: a.doc.metadata.Name, name: "agent-" + a.pod + ".yaml"}, append(a.companions(), a.workloadObject(pod))...)
	if a.usesDefaultAccount() && !slices.Contains(r.accounts, a.namespace) {
		r.accounts = append(r.accounts, a.namespace)
	}
	if a.spec.Grove == "" {
		return
	}
	id := groveID{a.namespace, a.spec.Grove}
	if r.groves[id] == nil {
		r.groves[id] = &grove{id.name, id.namespace, map[string]claim{}}
	}
	for i, d := range a.spec.SharedDirs {
		r.groves[id].add(a, d, items(a.at("sharedDirs"))[i])
	}
}

// shared renders what agents share, and puts the files in order.
func (r *renderer) shared() {
	for _, namespace := range r.accounts {
		r.add(unit{namespace: namespace, rank: rankNamespace, name: "serviceaccount.yaml"}, serviceAccount(namespace))
	}
	for _, g := range r.groves {
		if objects := g.objects(r.config); len(objects) > 0 {
			r.add(unit{namespace: g.namespace, rank: rankGrove, key: g.name, grove: g.name, name: "grove-" + g.name + ".yaml"}, objects...)
		}
	}
	slices.SortFunc(r.units, func(x, y unit) int {
		return cmp.Or(strings.Compare(x.namespace, y.namespace), cmp.Compare(x.rank, y.rank), strings.Compare(x.key, y.key))
	})
}

// add keeps the objects of one file.
func (r *renderer) add(u unit, objects ...*manifest.Node) {
	u.objects = make([]identity, 0, len(objects))
	for _, o := range objects {
		at := o.At("metadata", "name")
		if at == nil {
			return // a patch took it away, and verify said so
		}
		var err error
		if r.buf, err = manifest.Append(r.buf[:0], o); err != nil && r.err == nil {
			r.err = err
		}
		if len(r.buf) > maxObject {
			r.errs.Add(at.Pos, "", "the %s made here has %d bytes, and a cluster stores at most %d; move texts to ConfigMaps of your own", textOf(o.Get("kind")), len(r.buf), maxObject)
		}
		u.objects = append(u.objects, identity{textOf(o.Get("kind")), textOf(at), at.Pos, r.lines.add(r.buf)})
	}
	r.units = append(r.units, u)
}

func (a *agent) usesDefaultAccount() bool {
	return cmp.Or(a.spec.ServiceAccountName, defaultAccount) == defaultAccount
}

type groveID struct{ namespace, name string }

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

// add notes a directory. Two agents that want it in different ways are an
// error, at the second.
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
	seen := make(map[id]manifest.Pos, 2*len(units))
	for _, u := range units {
		for _, o := range u.objects {
			k := id{o.kind, u.namespace, o.name}
			if first, twice := seen[k]; twice {
				errs.Add(o.pos, "", "the %s made here would be named %s, like that of %s; rename one of the two", k.kind, k.name, first)
			}
			seen[k] = o.pos
		}
	}
}

// Len is the number of objects' files, without those named kustomization.yaml.
func (m *Manifests) Len() int { return len(m.units) }
