package render

import (
	"cmp"
	"slices"
	"strings"

	"github.com/scion-gen/scion-gen/pkg/manifest"
)

// start is what agents of one template begin with: the layers base, Fleet
// defaults and the template chain, merged.
type start struct {
	layers []layer
	tree   *manifest.Node // the merged AgentSpec
	spec   AgentSpec      // the same, typed
	// complete says that tree lacks nothing, so that an agent only has to be
	// looked at where it differs.
	complete bool
}

// changed is what of an agent's tree differs from what it starts with, by the
// fields of AgentSpec. Merge shares what is the same.
func (s *start) changed(tree *manifest.Node) *manifest.Node {
	out := &manifest.Node{Kind: manifest.Mapping, Pos: tree.Pos}
	for _, f := range tree.Fields {
		if s.tree.Get(f.Key) != f.Value {
			out.Fields = append(out.Fields, f)
		}
	}
	for _, f := range s.tree.Fields {
		if tree.Get(f.Key) == nil {
			out.Fields = append(out.Fields, manifest.Field{Key: f.Key, Pos: f.Pos})
		}
	}
	return out
}

// agent is an Agent with everything it inherits.
type agent struct {
	config    *Config
	doc       *agentDocument
	namespace string
	pod       string // the pod's name
	template  string
	layers    []layer                 // lowest first
	tree      *manifest.Node          // the merged AgentSpec
	spec      AgentSpec               // the same, typed
	command   string                  // the harness's command line, for sh
	variables variables               // of the agent before
	settings  map[manifest.Pos]string // see setting
	errs      *manifest.Errors
}

// resolver merges the layers of agents, each template's once.
type resolver struct {
	config *Config
	starts map[string]*start
	vars   variables
	errs   *manifest.Errors
}

// layersOf are the layers below an agent of that template: base, the Fleet's
// defaults, then the template's ancestors and the template itself.
func (c *Config) layersOf(name string) []layer {
	var chain []layer
	for t := c.templates[name]; t != nil; t = c.parent(t) {
		chain = append(chain, t.layer)
	}
	slices.Reverse(chain)
	if len(chain) == 0 {
		return []layer{c.defaults}
	}
	return slices.Insert(chain, 1, c.defaults)
}

func (r *resolver) start(template string) *start {
	if s := r.starts[template]; s != nil {
		return s
	}
	s := &start{layers: r.config.layersOf(template), tree: &manifest.Node{Kind: manifest.Mapping}}
	for _, l := range s.layers {
		if l.spec != nil {
			s.tree = manifest.Merge(s.tree, l.spec, specType, nil)
		}
	}
	var missing manifest.Errors
	manifest.Required(s.tree, specType, "spec", &missing)
	s.complete = manifest.Into(s.tree, &s.spec) == nil && len(missing) == 0
	r.starts[template] = s
	return s
}

func (r *resolver) agent(doc *agentDocument) *agent {
	template := rootTemplate
	for _, spec := range []*manifest.Node{r.config.defaults.spec, doc.spec} {
		if at := spec.Get("template"); !at.IsNull() {
			template = at.Text
		}
	}
	start := r.start(template)
	a := &agent{
		config:    r.config,
		doc:       doc,
		namespace: r.config.namespace(doc),
		template:  template,
		layers:    append(slices.Clip(start.layers), doc.layer),
		tree:      start.tree,
		variables: r.vars,
		errs:      r.errs,
	}
	if doc.spec != nil {
		a.tree = manifest.Merge(start.tree, doc.spec, specType, nil)
	}
	before := len(*r.errs)
	changed := a.tree
	if start.complete {
		changed, a.spec = start.changed(a.tree), start.spec
	}
	manifest.Required(changed, specType, "spec", r.errs)
	if len(*r.errs) > before {
		return a
	}
	if err := manifest.Update(changed, &a.spec); err != nil {
		a.fail(nil, "%v", err)
	}
	a.spec.User.Name = cmp.Or(a.spec.User.Name, defaultUser)
	a.pod = podName(a.spec.Grove, doc.metadata.Name)
	return a
}

// at is the node of a setting, or nil.
func (a *agent) at(setting ...string) *manifest.Node { return a.tree.At(setting...) }

// pos is where a setting was made; the zero Pos where nobody made it.
func (a *agent) pos(setting ...string) manifest.Pos {
	if n := a.tree.At(setting...); n != nil {
		return n.Pos
	}
	return manifest.Pos{}
}

// where is pos, or, for what nobody set, the place of the agent's name.
func (a *agent) where(setting ...string) manifest.Pos {
	if p := a.pos(setting...); p.IsValid() && len(setting) > 0 {
		return p
	}
	return a.doc.root.At("metadata", "name").Pos
}

// fail reports a mistake in a setting, by the path that it has where it was
// made.
func (a *agent) fail(setting []string, format string, args ...any) {
	pos := a.pos(setting...)
	if !pos.IsValid() {
		pos = a.removedAt(setting)
	}
	path := a.setting(pos)
	if path == "" {
		pos, path = a.where(), strings.Join(append([]string{"spec"}, setting...), ".")
	}
	a.errs.Add(pos, path, format, args...)
}

// removedAt is where the highest layer that took a setting away did so.
func (a *agent) removedAt(setting []string) manifest.Pos {
	for _, l := range slices.Backward(a.layers) {
		if p := removedIn(l.spec, setting); p.IsValid() {
			return p
		}
	}
	return manifest.Pos{}
}

// setting is the path of what stands at p in its document, such as
// spec.defaults.user.uid, or empty. It is for messages: the first makes the index.
func (a *agent) setting(p manifest.Pos) string {
	if a.settings == nil {
		a.settings = map[manifest.Pos]string{}
		e := explainer{settings: a.settings}
		for _, l := range a.layers {
			e.index(l.root, "")
		}
	}
	return a.settings[p]
}

// home is the agent's home directory.
func (a *agent) home() string { return "/home/" + a.spec.User.Name }

// rank is the layer that set something: what a lower layer's patch says does
// not override it. What no layer set ranks below all.
func (a *agent) rank(p manifest.Pos) int {
	return slices.IndexFunc(a.layers, func(l layer) bool { return l.source == p.Source && p.Source != nil })
}
