package overlay

import (
	"bytes"
	"fmt"
	"reflect"
	"slices"
	"strings"

	"sigs.k8s.io/kustomize/api/types"
	"sigs.k8s.io/kustomize/kyaml/resid"
	"sigs.k8s.io/yaml"
)

// A plan says how a kustomization can be built in parts. Which of its features
// allow that:
//
//   - Those that look at one object at a time: namespace, namePrefix, nameSuffix,
//     labels, commonAnnotations, images, patches with a target, components and
//     nested kustomizations. Each part has all of them and some of the objects.
//   - A patch that names its object goes to the parts with that object.
//   - References by name are followed among the objects of a part. So every
//     object that another may refer to is in the other's part too: any whose name
//     is a word of the other's text, and that kustomize would consider. It is
//     printed by one part alone.
//   - All others (generators, replacements, vars, replicas, crds, openapi,
//     buildMetadata, plugins, and fields that are deprecated and so printed
//     once) look at several objects, or make some. They are built in one run.
//
// The plan foresees the id of each object at every level. Two objects that would
// be one are left to one run, which has the error for it; and so is the whole if
// an object comes out of a part with another id than foreseen.
type plan struct {
	units  []*unit
	visits []*visit
	final  map[idKey]*visit
	named  map[string][]*unit  // by all names that they ever have
	common []*unit             // what patches and other fields may refer to
	bound  map[entryOf][]*unit // patches that name their objects
	early  map[entryOf]bool    // patches that are applied to documents
}

// unit is a document with an object in it, the least that parts are made of.
type unit struct {
	file   string
	index  int
	text   []byte
	visits []*visit
	words  []byte  // more text that is the object's, from patches
	refs   []*unit // what it may refer to, and what has to be where it is
	degree int     // how many refer to it
	group  *unit   // the first of those that stay together
	owner  int     // the part that prints it

	patches []*earlyPatch // that may be for it
	early   early
}

// visit is an object: a unit may be visited twice, by two kustomizations over the
// same base. Its ids are those that it has one after the other.
type visit struct {
	unit  *unit
	ids   []resid.ResId
	order int
}

func (v *visit) id() resid.ResId { return v.ids[len(v.ids)-1] }

// idKey is what makes two ids equal in kustomize.
type idKey struct{ group, version, kind, namespace, name string }

func keyOf(id resid.ResId) idKey {
	return idKey{id.Group, id.Version, id.Kind, id.EffectiveNamespace(), id.Name}
}

// notParted is why a kustomization is built in one run.
type notParted struct{ reason string }

func (e *notParted) Error() string { return e.reason }

func oneRun(format string, args ...any) error { return &notParted{fmt.Sprintf(format, args...)} }

// newPlan foresees a build, or says why it has to be one run.
func newPlan(s *source) (*plan, error) {
	if len(s.opaque) > 0 {
		return nil, oneRun("%s is remote", s.opaque[0])
	}
	p := &plan{final: map[idKey]*visit{}, named: map[string][]*unit{}, bound: map[entryOf][]*unit{}, early: map[entryOf]bool{}}
	r := &reader{plan: p, source: s, units: map[string][]*unit{}, late: map[*unit]bool{}}
	var err error
	if p.visits, err = r.accumulate(s.root); err != nil {
		return nil, err
	}
	for i, v := range p.visits {
		v.order = i
		p.final[keyOf(v.id())] = v
		for _, id := range v.ids {
			if !isWord(id.Name) {
				return nil, oneRun("%s has a name that is hard to find in texts", id)
			}
			if list := p.named[id.Name]; !slices.Contains(list, v.unit) {
				p.named[id.Name] = append(list, v.unit)
			}
		}
	}
	if r.configured || slices.ContainsFunc(p.units, func(u *unit) bool { return len(u.visits) > 1 }) {
		p.early = map[entryOf]bool{}
	}
	if err := p.refer(r.common); err != nil {
		return nil, err
	}
	return p, nil
}

// reader foresees what kustomize does, in its order.
type reader struct {
	*plan
	source *source
	units  map[string][]*unit // by file
	common []byte             // text that is no object's
	late   map[*unit]bool     // those that something was done to

	configured bool // there are configurations of transformers
}

// accumulate is what a kustomization makes of its resources.
func (r *reader) accumulate(k *kustomization) ([]*visit, error) {
	return r.onto(nil, k)
}

// onto is accumulate for a component as well, which works on what its parent
// has.
func (r *reader) onto(list []*visit, k *kustomization) ([]*visit, error) {
	if err := r.parts(k); err != nil {
		return nil, err
	}
	ids := map[idKey]bool{}
	for _, v := range list {
		ids[keyOf(v.id())] = true
	}
	for _, entry := range k.resources {
		more, err := r.load(entry)
		if err != nil {
			return nil, err
		}
		for _, v := range more {
			if ids[keyOf(v.id())] {
				return nil, oneRun("%s is there twice", v.id())
			}
			ids[keyOf(v.id())] = true
		}
		list = append(list, more...)
	}
	for _, c := range k.components {
		var err error
		if list, err = r.onto(list, c); err != nil {
			return nil, err
		}
	}
	return list, r.transform(k, list)
}

func (r *reader) load(entry resource) ([]*visit, error) {
	if entry.base != nil {
		return r.accumulate(entry.base)
	}
	units, err := r.read(entry.file)
	if err != nil {
		return nil, err
	}
	list := make([]*visit, len(units))
	for i, u := range units {
		id, _ := identify(u.text)
		list[i] = &visit{unit: u, ids: []resid.ResId{id}}
		u.visits = append(u.visits, list[i])
	}
	return list, nil
}

// ownMarks are in annotations that kustomize gives a meaning to.
var ownMarks = []string{"config.kubernetes.io/", "kustomize.config.k8s.io/", "config.k8s.io/"}

// read cuts a file into units.
func (r *reader) read(file string) ([]*unit, error) {
	if units, known := r.units[file]; known {
		return units, nil
	}
	data := r.source.files[file]
	shown := r.source.show(file)
	if !cuttable(data) {
		return nil, oneRun("%s is not a plain stream of YAML documents", shown)
	}
	for _, mark := range ownMarks {
		if bytes.Contains(data, []byte(mark)) {
			return nil, oneRun("%s has annotations of kustomize", shown)
		}
	}
	units := []*unit{}
	for i, doc := range documents(data) {
		if blank(doc) {
			continue
		}
		if _, ok := identify(doc); !ok {
			return nil, oneRun("%s: document %d is not one object with a name", shown, i+1)
		}
		u := &unit{file: file, index: i, text: doc}
		u.group = u
		units = append(units, u)
	}
	r.units[file] = units
	r.plan.units = append(r.plan.units, units...)
	return units, nil
}

// transform foresees what a kustomization does to the ids of its objects: patches
// first, then namespace, prefix and suffix.
func (r *reader) transform(k *kustomization, list []*visit) error {
	if err := r.patches(k, list); err != nil {
		return err
	}
	if k.Namespace != "" || k.NamePrefix != "" || k.NameSuffix != "" || len(k.Labels)+len(k.CommonAnnotations)+len(k.Images) > 0 {
		r.touch(list)
	}
	ids := map[idKey]bool{}
	for _, v := range list {
		id := v.id()
		switch {
		case k.Namespace == "":
		case id.Kind == types.NamespaceKind && id.Group == "":
			id.Name = k.Namespace
		case !id.IsClusterScoped():
			id.Namespace = k.Namespace
		}
		v.ids = append(v.ids, id)
		if (k.NamePrefix != "" || k.NameSuffix != "") && !keepsName(id.Gvk) {
			id.Name = k.NamePrefix + id.Name
			v.ids = append(v.ids, id)
			id.Name += k.NameSuffix
		}
		v.ids = append(slices.Compact(v.ids), id)
		if ids[keyOf(id)] {
			return oneRun("%s is there twice", id)
		}
		ids[keyOf(id)] = true
	}
	return nil
}

// touch notes that something is done to objects that is not done early.
func (r *reader) touch(list []*visit) {
	for _, v := range list {
		r.late[v.unit] = true
	}
}

// keepsName reports whether prefixes and suffixes leave a kind alone.
func keepsName(k resid.Gvk) bool {
	return k.Kind == "CustomResourceDefinition" || k.Kind == types.NamespaceKind ||
		k.Kind == "APIService" && k.Group == "apiregistration.k8s.io"
}

// parts returns an error where a kustomization has a feature that is not for
// parts.
func (r *reader) parts(k *kustomization) error {
	rest := k.Kustomization
	rest.TypeMeta, rest.MetaData = types.TypeMeta{}, nil
	rest.NamePrefix, rest.NameSuffix, rest.Namespace = "", "", ""
	rest.Labels, rest.CommonAnnotations, rest.Images, rest.Patches = nil, nil, nil, nil
	rest.Resources, rest.Components, rest.Configurations = nil, nil, nil
	rest.SortOptions, rest.GeneratorOptions = nil, nil
	for field, value := range reflect.ValueOf(rest).Fields() {
		if !value.IsZero() {
			name, _, _ := strings.Cut(field.Tag.Get("json"), ",")
			return oneRun("%s has %s", k.at.File, name)
		}
	}
	for _, entry := range k.Configurations {
		r.configured = true
		file, err := r.configuration(k, entry)
		if err != nil {
			return err
		}
		r.mention(file)
	}
	r.mention([]byte(fmt.Sprint(k.Labels, k.CommonAnnotations, k.Images)))
	return nil
}

// mention adds a text that may refer to any object.
func (r *reader) mention(text []byte) { r.common = append(append(r.common, text...), '\n') }

// configuration reads the configuration of transformers, unless it changes what
// the plan relies on.
func (r *reader) configuration(k *kustomization, entry string) ([]byte, error) {
	dir, name, err := r.source.fsys.CleanedAbs(k.dir.Join(entry))
	if err != nil {
		return nil, err
	}
	data := r.source.files[dir.Join(name)]
	var config map[string]any
	if err := yaml.Unmarshal(data, &config); err != nil {
		return nil, oneRun("%s: %v", entry, err)
	}
	for _, list := range []string{"namePrefix", "nameSuffix", "namespace"} {
		specs, _ := config[list].([]any)
		for _, spec := range specs {
			m, _ := spec.(map[string]any)
			if at, _ := m["path"].(string); at == "" || strings.HasPrefix(strings.TrimPrefix(at, "/"), "metadata/name") {
				return nil, oneRun("%s changes where names are", r.source.show(dir.Join(name)))
			}
		}
	}
	return data, nil
}

// refer finds which units may refer to which.
func (p *plan) refer(common []byte) error {
	for word := range words(common) {
		for _, u := range p.named[string(word)] {
			if !slices.Contains(p.common, u) {
				p.common = append(p.common, u)
			}
		}
	}
	for _, u := range p.units {
		text := u.text
		if escaped(text) {
			var err error
			if text, err = plainWords(text); err != nil {
				return oneRun("%s: %v", u.file, err)
			}
		}
		for _, text := range [][]byte{text, u.words} {
			for word := range words(text) {
				for _, to := range p.named[string(word)] {
					u.referTo(to)
				}
			}
		}
	}
	return nil
}

// referTo notes that u may refer to another unit, if kustomize would consider
// that: objects of a namespace refer to those of their own and to those of none,
// those of none and role bindings to all.
func (u *unit) referTo(to *unit) {
	if u == to || slices.Contains(u.refs, to) {
		return
	}
	for _, a := range u.visits {
		for _, b := range to.visits {
			from, target := a.id(), b.id()
			if from.IsClusterScoped() || target.IsClusterScoped() || from.Kind == "RoleBinding" || from.IsNsEquals(target) {
				u.refs = append(u.refs, to)
				to.degree++
				return
			}
		}
	}
}

// part is some of the objects, and those that they refer to.
type part struct {
	number int
	units  []*unit // sorted by file and index
	has    map[*unit]bool
	early  bool // early patches are applied
}

// popular is how many objects have to refer to one for it to be copied into
// their parts, instead of keeping them together.
const popular = 4

// split makes parts of about size objects.
func (p *plan) split(size int) []*part {
	for _, u := range p.units {
		for _, to := range u.refs {
			if to.degree < popular {
				u.join(to)
			}
		}
	}
	groups := map[*unit][]*unit{}
	var firsts []*unit
	for _, u := range p.units {
		first := u.first()
		if groups[first] == nil {
			firsts = append(firsts, first)
		}
		groups[first] = append(groups[first], u)
	}
	var parts []*part
	var owned []*unit
	flush := func() {
		if len(owned) > 0 {
			parts = append(parts, p.part(len(parts), owned))
			owned = nil
		}
	}
	for _, first := range firsts {
		if len(owned)+len(groups[first]) > size {
			flush()
		}
		owned = append(owned, groups[first]...)
	}
	flush()
	return parts
}

// part has the units that it prints, and all that they may refer to.
func (p *plan) part(number int, owned []*unit) *part {
	out := &part{number: number, has: map[*unit]bool{}}
	for _, u := range owned {
		u.owner = number
	}
	todo := append(slices.Clone(owned), p.common...)
	for len(todo) > 0 {
		u := todo[len(todo)-1]
		todo = todo[:len(todo)-1]
		if out.has[u] {
			continue
		}
		out.has[u] = true
		out.units = append(out.units, u)
		todo = append(todo, u.refs...)
	}
	return out
}

// first is the one that stands for all that stay with u.
func (u *unit) first() *unit {
	for u.group != u {
		u.group = u.group.group
		u = u.group
	}
	return u
}

func (u *unit) join(other *unit) {
	if a, b := u.first(), other.first(); a != b {
		b.group = a
	}
}
