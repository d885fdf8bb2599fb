package render

import (
	"cmp"
	"errors"
	"maps"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"

	"github.com/scion-gen/scion-gen/pkg/manifest"
)

// File is one configuration file: YAML or JSON, any number of documents. Name
// is for messages only.
type File struct {
	Name string
	Data []byte
}

// Config is configuration that has been read and checked document by document:
// each is of a known kind, each field of the right type and form, each template
// has its parent. Agents are resolved and rendered from it by Render.
type Config struct {
	fleet     Fleet
	defaults  layer // the Fleet's spec.defaults; empty where there is none
	templates map[string]*template
	agents    []*agentDocument
}

// layer is what one document says of an agent. Later layers win.
type layer struct {
	source *manifest.Source
	root   *manifest.Node // the whole document
	spec   *manifest.Node // an AgentSpec without its pod; nil is empty
	pod    *manifest.Node // the patch on the Pod; nil where there is none
}

type template struct {
	layer
	name    *manifest.Node
	extends *manifest.Node // nil is base
	builtIn bool
	right   bool // nothing was found wrong with it that could not be mended
}

type agentDocument struct {
	layer
	metadata AgentMetadata
	right    bool // nothing was found wrong with it that could not be mended
}

// rootTemplate is the template that all others build on.
const rootTemplate = "base"

var (
	headerType   = manifest.TypeFor[Header]()
	fleetType    = manifest.TypeFor[Fleet]()
	templateType = manifest.TypeFor[AgentTemplate]()
	agentType    = manifest.TypeFor[Agent]()
	specType     = manifest.TypeFor[AgentSpec]()
	podType      = manifest.TypeFor[corev1.Pod]()

	networkPolicyType = manifest.TypeFor[NetworkPolicy]()
)

// Load reads the built-in templates and a user's files. The error is a
// manifest.Errors with every mistake there is, by file and line.
func Load(builtIn, files []File) (*Config, error) {
	l := loader{config: &Config{templates: map[string]*template{}}, secret: map[manifest.Pos]bool{}}
	for _, f := range builtIn {
		l.file(f, true)
	}
	for _, f := range files {
		l.file(f, false)
	}
	l.index()
	// What else is wrong with a credential does not matter, and would show it.
	hidden := func(e *manifest.Error) bool { return l.secret[e.Pos] }
	if len(l.errs)+len(l.credentials) > 0 {
		l.errs = append(l.errs, l.rest()...)
		l.errs = slices.DeleteFunc(l.errs, hidden)
		return nil, finish(append(l.errs, l.credentials...))
	}
	return l.config, nil
}

// rest is what rendering would find wrong with those agents that are right, or
// could be mended, and inherit from documents that are, so that one run tells it
// all.
func (l *loader) rest() manifest.Errors {
	if l.unread || l.wrongFleet || len(l.fleets) > 1 {
		return nil
	}
	c := *l.config
	c.agents = slices.DeleteFunc(slices.Clone(c.agents), func(a *agentDocument) bool {
		name := cmp.Or(textOf(a.spec.Get("template")), textOf(c.defaults.spec.Get("template")), rootTemplate)
		return !a.right || !c.usable(name)
	})
	_, err := c.Render()
	errs, _ := errors.AsType[manifest.Errors](err)
	return errs
}

// usable reports whether a template and its ancestors are there and right.
func (c *Config) usable(name string) bool {
	t := c.templates[name]
	for range len(c.templates) {
		switch {
		case t == nil || !t.right:
			return false
		case t.name.Text == rootTemplate && t.extends.IsNull():
			return true
		}
		t = c.parent(t)
	}
	return false // a cycle
}

type loader struct {
	config    *Config
	fleets    []*manifest.Node
	templates []*template
	errs      manifest.Errors
	// credentials are literals that look like one, and secret where they stand.
	credentials manifest.Errors
	secret      map[manifest.Pos]bool
	// unread says that some document could not be read: what others refer to
	// may be in it.
	unread     bool
	wrongFleet bool
}

func (l *loader) file(f File, builtIn bool) {
	known := len(l.errs)
	for doc := range manifest.Documents(f.Name, f.Data, &l.errs) {
		l.unread = l.unread || len(l.errs) > known
		l.document(doc, builtIn)
		known = len(l.errs)
	}
	l.unread = l.unread || len(l.errs) > known
}

func (l *loader) document(doc manifest.Document, builtIn bool) {
	if doc.Root.Kind != manifest.Mapping {
		l.errs.Add(doc.Root.Pos, "", "the document is %s; want a mapping with apiVersion, kind, metadata and spec", doc.Root.Kind)
		return
	}
	kind, version := textOf(doc.Root.Get("kind")), doc.Root.Get("apiVersion")
	if !version.IsNull() && version.Text != APIVersion {
		kind = "" // somebody else's
	}
	switch kind {
	case "Fleet":
		l.fleet(doc)
	case "AgentTemplate":
		l.template(doc, builtIn)
	case "Agent":
		l.agent(doc)
	default:
		l.header(doc.Root)
	}
}

// header reports what is wrong with a document of no known kind.
func (l *loader) header(root *manifest.Node) {
	l.unread = true
	header := &manifest.Node{Kind: manifest.Mapping, Pos: root.Pos}
	for _, f := range root.Fields {
		if headerType.Field(f.Key) != nil {
			header.Fields = append(header.Fields, f)
		}
	}
	l.literals(header)
	group, _, _ := strings.Cut(APIVersion, "/")
	switch v := root.Get("apiVersion"); {
	case v.IsNull() || v.Text == APIVersion || v.Kind != manifest.String:
	case strings.HasPrefix(v.Text, group+"/"):
		l.errs.Add(v.Pos, "apiVersion", "%s is not known here; write %s", quoted(v.Text), APIVersion)
		return
	default:
		l.errs.Add(v.Pos, "apiVersion", "%s is not %s; keep other manifests in a folder of their own", quoted(v.Text), APIVersion)
		return
	}
	checker.Check(header, headerType, "", &l.errs)
}

// check holds a document against its type. It returns the document, or, where it
// is wrong, what was probably meant, so that one run tells what else is wrong:
// see mended. It returns nil where too much is wrong for that.
func (l *loader) check(root *manifest.Node, t *manifest.Type) *manifest.Node {
	before := len(l.errs)
	checker.Check(root, t, "", &l.errs)
	secrets := l.literals(root)
	if len(l.errs) == before && !secrets {
		return root
	}
	if len(l.errs) >= manifest.MaxMistakes { // nobody reads more
		return nil
	}
	return l.mended(root, t, l.errs[before:])
}

// literals reports whether a document has literal credentials, which it notes.
func (l *loader) literals(root *manifest.Node) bool {
	before := len(l.credentials)
	checkCredentials(root, &l.credentials)
	for _, e := range l.credentials[before:] {
		l.secret[e.Pos] = true
	}
	return len(l.credentials) > before
}

func (l *loader) fleet(doc manifest.Document) {
	doc.Source.Name = "fleet"
	l.fleets = append(l.fleets, doc.Root)
	doc.Root = l.check(doc.Root, fleetType)
	before := len(l.errs)
	if doc.Root != nil {
		l.config.defaults = l.layer(doc, "spec", "defaults")
		l.decode(without(doc.Root, "spec", "defaults"), &l.config.fleet)
		l.networkPolicy(doc.Root.At("spec", "networkPolicy"))
	}
	l.wrongFleet = l.wrongFleet || doc.Root == nil || len(l.errs) > before
}

// networkPolicy reports rules that the API server would refuse.
func (l *loader) networkPolicy(n *manifest.Node) {
	n = manifest.Merge(nil, n, networkPolicyType, nil) // without the nulls
	checkAPI(n, networkPolicyType, "spec.networkPolicy", func(n *manifest.Node, path, field, problem string) {
		if v := n.Get(field); v != nil {
			n, path = v, manifest.Child(path, field)
		}
		l.errs.Add(n.Pos, path, "%s", problem)
	})
}

func (l *loader) template(doc manifest.Document, builtIn bool) {
	t := &template{builtIn: builtIn, name: doc.Root.At("metadata", "name"), extends: doc.Root.At("spec", "extends")}
	l.templates = append(l.templates, t)
	pos := doc.Root.Pos
	doc.Root = l.check(doc.Root, templateType)
	before := len(l.errs)
	if t.name.IsNull() {
		t.name = &manifest.Node{Pos: pos}
		l.unread = true
	}
	doc.Source.Name = "template " + t.name.Text
	if doc.Root == nil {
		return
	}
	t.extends = doc.Root.At("spec", "extends")
	if at := doc.Root.At("spec", "template"); at != nil {
		l.errs.Add(at.Pos, "spec.template", "a template names its parent with extends; write extends: %s", at.Text)
	}
	t.layer = l.layer(doc, "spec")
	t.spec = without(t.spec, "extends")
	t.right = len(l.errs) == before
}

func (l *loader) agent(doc manifest.Document) {
	a := &agentDocument{}
	a.root = doc.Root
	l.config.agents = append(l.config.agents, a)
	doc.Root = l.check(doc.Root, agentType)
	before := len(l.errs)
	doc.Source.Name = "agent"
	if n := a.root.At("metadata", "name"); !n.IsNull() {
		doc.Source.Name += " " + n.Text
	}
	if doc.Root == nil {
		return
	}
	a.layer = l.layer(doc, "spec")
	l.decode(doc.Root.Get("metadata"), &a.metadata)
	a.right = len(l.errs) == before
}

// layer takes the AgentSpec at keys out of a document and checks it.
func (l *loader) layer(doc manifest.Document, keys ...string) layer {
	spec := doc.Root.At(keys...)
	la := layer{source: doc.Source, root: doc.Root, spec: without(spec, "pod"), pod: spec.Get("pod")}
	if spec.IsNull() {
		la.spec = nil
		return la
	}
	path := strings.Join(keys, ".")
	manifest.CheckPatch(la.spec, specType, path, &l.errs)
	if la.pod != nil {
		checkPodPatch(la.pod, manifest.Child(path, "pod"), &l.errs)
	}
	return la
}

var podPatchType = manifest.TypeFor[PodPatch]()

func checkPodPatch(n *manifest.Node, path string, errs *manifest.Errors) {
	patch := checker
	patch.Patch = true
	before := len(*errs)
	patch.Check(n, podPatchType, path, errs)
	if len(*errs) == before {
		manifest.CheckPatch(n, podPatchType, path, errs)
	}
}

func (l *loader) decode(n *manifest.Node, v any) {
	if err := manifest.Into(n, v); err != nil {
		if errs, ok := errors.AsType[manifest.Errors](err); ok {
			l.errs = append(l.errs, errs...)
			return
		}
		l.errs.Add(n.Pos, "", "%v", err)
	}
}

// index finds what documents say of each other: a second Fleet, template or
// agent of the same name, parents and templates that do not exist, cycles.
func (l *loader) index() {
	for _, second := range l.fleets[min(1, len(l.fleets)):] {
		l.errs.Add(second.Pos, "", "a second Fleet, the first is at %s; merge the two", l.fleets[0].Pos)
	}
	for _, t := range l.templates {
		if first := l.config.templates[t.name.Text]; first != nil && !first.builtIn {
			l.errs.Add(t.name.Pos, "metadata.name", "a second AgentTemplate %q, the first is at %s; rename one", t.name.Text, first.name.Pos)
			continue
		}
		l.config.templates[t.name.Text] = t
	}
	for _, t := range l.templates {
		if t.extends != nil {
			l.exists(t.extends, "spec.extends")
		}
	}
	inCycle := map[string]bool{}
	for _, t := range l.templates {
		l.cycle(t, inCycle)
	}
	l.exists(l.config.defaults.spec.Get("template"), "spec.defaults.template")
	agents := map[[2]string]*manifest.Node{}
	for _, a := range l.config.agents {
		l.exists(a.root.At("spec", "template"), "spec.template")
		n := a.root.At("metadata", "name")
		id := [2]string{l.config.namespace(a), a.metadata.Name}
		if n == nil || id[1] == "" {
			continue
		}
		if first := agents[id]; first != nil {
			a.right = false
			l.errs.Add(n.Pos, "metadata.name", "a second Agent %q in namespace %s, the first is at %s; rename one", n.Text, id[0], first.Pos)
			continue
		}
		agents[id] = n
	}
}

// exists reports a reference to a template that there is not.
func (l *loader) exists(ref *manifest.Node, path string) {
	if ref == nil || ref.Kind != manifest.String || l.unread || l.config.templates[ref.Text] != nil {
		return
	}
	names := slices.Sorted(maps.Keys(l.config.templates))
	hint := "; the templates are " + strings.Join(names, ", ")
	if near := manifest.Nearest(ref.Text, names); near != "" {
		hint = "; did you mean " + near + "?"
	}
	l.errs.Add(ref.Pos, path, "there is no template %q%s", ref.Text, hint)
}

// cycle reports a template that is its own ancestor; reported are the members
// of cycles that have been.
func (l *loader) cycle(t *template, reported map[string]bool) {
	seen := []string{t.name.Text}
	for up := l.config.parent(t); up != nil && !reported[up.name.Text]; up = l.config.parent(up) {
		seen = append(seen, up.name.Text)
		if up == t {
			for _, name := range seen {
				reported[name] = true
			}
			l.errs.Add(t.extends.Pos, "spec.extends", "the template extends itself: %s; remove one extends", strings.Join(seen, " > "))
			return
		}
		if len(seen) > len(l.config.templates) {
			return // the cycle is further up, and reported there
		}
	}
}

// parent is the template that t extends, or nil.
func (c *Config) parent(t *template) *template {
	switch {
	case !t.extends.IsNull():
		return c.templates[t.extends.Text]
	case t.name.Text == rootTemplate:
		return nil
	}
	return c.templates[rootTemplate]
}

// namespace is the agent's own, else the Fleet's, else default.
func (c *Config) namespace(a *agentDocument) string {
	return cmp.Or(a.metadata.Namespace, c.fleet.Spec.Namespace, "default")
}

// without is n without the field that keys lead to; n itself is not changed.
func without(n *manifest.Node, keys ...string) *manifest.Node {
	if n.At(keys...) == nil {
		return n
	}
	out := *n
	out.Fields = make([]manifest.Field, 0, len(n.Fields))
	for _, f := range n.Fields {
		switch {
		case f.Key != keys[0]:
		case len(keys) == 1:
			continue
		default:
			f.Value = without(f.Value, keys[1:]...)
		}
		out.Fields = append(out.Fields, f)
	}
	return &out
}
