package overlay

import (
	"cmp"
	"reflect"
	"slices"
	"strings"

	"k8s.io/pod-security-admission/api"
	"sigs.k8s.io/kustomize/api/resmap"
	"sigs.k8s.io/kustomize/api/types"
	"sigs.k8s.io/kustomize/kyaml/filesys"
	"sigs.k8s.io/yaml"

	"github.com/scion-gen/scion-gen/pkg/manifest"
)

// entry is one thing that a kustomization does: an item of patches, say, or its
// namespace.
type entry struct {
	k     *kustomization
	field int // of types.Kustomization
	index int // of an item, or -1
}

// name is the entry as messages have it.
func (e entry) name() string {
	name, _, _ := strings.Cut(reflect.TypeFor[types.Kustomization]().Field(e.field).Tag.Get("json"), ",")
	if e.index < 0 {
		return name
	}
	return manifest.Index(name, e.index)
}

func (e entry) pos() manifest.Pos {
	name, _, _ := strings.Cut(reflect.TypeFor[types.Kustomization]().Field(e.field).Tag.Get("json"), ",")
	if e.index < 0 {
		return e.k.pos(name)
	}
	return e.k.pos(name, e.index)
}

// entryOfField is an entry of a list in a kustomization.
func entryOfField(k *kustomization, name string, index int) entry {
	for i := range reflect.TypeFor[types.Kustomization]().NumField() {
		if e := (entry{k, i, -1}); e.name() == name {
			return entry{k, i, index}
		}
	}
	panic("kustomizations have no field " + name)
}

// notEntries are the fields of kustomizations that do nothing to objects.
var notEntries = []string{"TypeMeta", "MetaData", "Resources", "Components", "Bases", "SortOptions", "Configurations", "OpenAPI", "Crds", "BuildMetadata"}

// setUp are those of them that a build can fail over.
var setUp = []string{"Configurations", "OpenAPI", "Crds"}

// entriesDone are all that the kustomizations do, in their order. A file that is
// visited twice counts once.
func (s *source) entriesDone() []entry { return s.entriesBut(notEntries) }

func (s *source) entriesBut(fields []string) []entry {
	var list []entry
	seen := map[string]bool{}
	s.root.walk(func(k *kustomization) {
		if seen[k.file] {
			return
		}
		seen[k.file] = true
		v := reflect.ValueOf(k.Kustomization)
		for i := range v.NumField() {
			switch f := v.Field(i); {
			case f.IsZero() || slices.Contains(fields, v.Type().Field(i).Name):
			case f.Kind() == reflect.Slice:
				for j := range f.Len() {
					list = append(list, entry{k, i, j})
				}
			default:
				list = append(list, entry{k, i, -1})
			}
		}
	})
	return list
}

// without shows the kustomization as if an entry were not there. It is nil where
// the file system does not have the entry, either.
func (e entry) without(fsys filesys.FileSystem) filesys.FileSystem {
	data, err := fsys.ReadFile(e.k.file)
	if err != nil {
		return nil
	}
	var k types.Kustomization
	if k.Unmarshal(data) != nil {
		return nil
	}
	k.FixKustomization()
	// What is empty is an error; a name makes it less.
	k.MetaData = &types.ObjectMeta{Name: "trial"}
	f, own := reflect.ValueOf(&k).Elem().Field(e.field), reflect.ValueOf(e.k.Kustomization).Field(e.field)
	if e.index < 0 {
		f.SetZero()
	} else {
		at := -1
		for i := range f.Len() {
			if reflect.DeepEqual(f.Index(i).Interface(), own.Index(e.index).Interface()) {
				at = i
				break
			}
		}
		if at < 0 {
			return nil
		}
		f.Set(reflect.AppendSlice(f.Slice3(0, at, at), f.Slice(at+1, f.Len())))
	}
	text, err := yaml.Marshal(k)
	if err != nil {
		return nil
	}
	return &view{fsys, map[string][]byte{e.k.file: text}}
}

// blame finds the first entry without which what is wrong is not.
func (b *builder) blame(fsys filesys.FileSystem, wrong func(resmap.ResMap, error) bool) (entry, bool) {
	for _, e := range b.source.entriesDone() {
		trial := e.without(fsys)
		if trial == nil {
			continue
		}
		if !wrong(kustomize(trial, b.source.given, b.options)) {
			return e, true
		}
	}
	return entry{}, false
}

// accuse turns an error of kustomize into mistakes with places: those of files and
// patches by themselves, and then those of the entries without which there would be
// no error, or another. It is nil where none is to blame.
func (b *builder) accuse(fsys filesys.FileSystem, err error) error {
	d := b.source.diagnose()
	errs := d.errs
	if d.files {
		return inOrderOfPlace(errs).Err()
	}
	for _, e := range d.bad {
		if rest := e.without(fsys); rest != nil {
			fsys = rest
		}
	}
	if len(d.bad) > 0 {
		_, err = kustomize(fsys, b.source.given, b.options)
	}
	for range maxAccused {
		if err == nil {
			break
		}
		e, rest, next := b.culprit(fsys, err)
		if rest == nil {
			break
		}
		b.source.addAccused(&errs, e, err)
		fsys, err = rest, next
	}
	return inOrderOfPlace(errs).Err()
}

// maxAccused is how many entries a run accuses: for each, it builds as many times
// as there are entries.
const maxAccused = 8

// culprit is the first entry without which there would be no error, or else
// another error; and what is left without it. rest is nil where there is none.
func (b *builder) culprit(fsys filesys.FileSystem, err error) (found entry, rest filesys.FileSystem, next error) {
	for _, e := range b.source.entriesBut(slices.DeleteFunc(slices.Clone(notEntries), func(name string) bool { return slices.Contains(setUp, name) })) {
		trial := e.without(fsys)
		if trial == nil {
			continue
		}
		_, trialErr := kustomize(trial, b.source.given, b.options)
		if trialErr == nil {
			return e, trial, nil
		}
		if rest == nil && readable(trialErr) != readable(err) {
			found, rest, next = e, trial, trialErr
		}
	}
	return found, rest, next
}

// addAccused reports an error at the entry that is to blame; in patches, at the
// line.
func (s *source) addAccused(errs *manifest.Errors, e entry, err error) {
	msg := readable(err)
	at, field := e.pos(), e.name()
	if p, ok := e.patch(); ok {
		at, field = s.place(p, operand6902(err))
		if m := noMatch.FindStringSubmatch(err.Error()); m != nil {
			if name, path, found := s.naming(p, m[2]); found {
				at, field = name, path
			}
		}
	}
	errs.Add(at, field, "%s", msg)
}

// patch is the entry as a patch, if it is one.
func (e entry) patch() (patchEntry, bool) {
	for _, p := range e.k.patchEntries() {
		if p.entry == e {
			return p, true
		}
	}
	return patchEntry{}, false
}

// explain is an error of one run, with a place or at least a file.
func (b *builder) explain(err error) error {
	if accused := b.accuse(b.source.fsys, err); accused != nil {
		return accused
	}
	var errs manifest.Errors
	at, msg := b.source.twoOf(err)
	errs.Add(at, "", "%s", cmp.Or(msg, readable(err)))
	return errs.Err()
}

// check reports what kustomize does not: patches and images that select nothing,
// and objects that an overlay broke.
func (b *builder) check() error {
	var errs manifest.Errors
	b.broken(&errs)
	b.idle(&errs)
	return errs.Err()
}

// broken reports objects that are wrong and were not before.
func (b *builder) broken(errs *manifest.Errors) {
	if len(b.suspects) == 0 {
		return
	}
	before := b.before()
	reported := map[finding]bool{}
	for _, s := range b.suspects {
		for _, f := range b.verifier.findings(s.node, b.level(s.id.Namespace)) {
			if before[f] || reported[f] {
				continue
			}
			reported[f] = true
			b.reportBroken(errs, s, f)
		}
	}
}

// before has what is wrong with the objects as they were written.
func (b *builder) before() map[finding]bool {
	found := map[finding]bool{}
	b.source.root.walk(func(k *kustomization) {
		for _, r := range k.resources {
			var ignored manifest.Errors
			for _, doc := range manifest.Parse(r.file, b.source.files[r.file], &ignored) {
				for _, level := range []api.Level{api.LevelRestricted, api.LevelBaseline} {
					for _, f := range b.verifier.findings(doc.Root, level) {
						found[f] = true
					}
				}
			}
		}
	})
	return found
}

// level is what Pod Security asks of a namespace: what its label says if it is
// among the objects, and else restricted, as render has it.
func (b *builder) level(namespace string) api.Level {
	for _, o := range b.objects {
		if o.ID.Kind != types.NamespaceKind || o.ID.Name != namespace {
			continue
		}
		var meta struct {
			Metadata struct{ Labels map[string]string }
		}
		if yaml.Unmarshal(o.YAML, &meta) == nil {
			if level, err := api.ParseLevel(meta.Metadata.Labels[api.EnforceLevelLabel]); err == nil && meta.Metadata.Labels[api.EnforceLevelLabel] != "" {
				return level
			}
		}
	}
	return api.LevelRestricted
}

func (b *builder) reportBroken(errs *manifest.Errors, s suspect, f finding) {
	fsys := b.viewOf(s)
	e, found := b.blame(fsys, func(m resmap.ResMap, err error) bool {
		if err != nil {
			return true
		}
		for _, r := range m.Resources() {
			if n := plain(r.YNode()); n != nil && slices.Contains(b.verifier.findings(n, b.level(r.GetNamespace())), f) {
				return true
			}
		}
		return false
	})
	where, path := manifest.Pos{Source: b.source.root.at}, ""
	if p, ok := e.patch(); found && ok {
		where, path = b.source.place(p, lastKey(f))
	} else if found {
		where, path = e.pos(), e.name()
	}
	errs.Add(where, path, "breaks %s %s: %s", s.id.Kind, s.id.Name, f)
}

// viewOf shows the part of the kustomization that an object came from, so that
// trials are quick.
func (b *builder) viewOf(s suspect) filesys.FileSystem {
	if b.plan == nil {
		return b.source.fsys
	}
	visit := b.plan.final[keyOf(s.id)]
	if visit == nil {
		return b.source.fsys
	}
	c := &cutter{source: b.source, plan: &plan{bound: b.plan.bound}, rests: map[restOf][]byte{}}
	v, err := c.view(b.plan.part(visit.unit.owner, []*unit{visit.unit}))
	if err != nil {
		return b.source.fsys
	}
	return v
}
