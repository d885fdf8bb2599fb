package overlay

import (
	"slices"
	"strings"

	"sigs.k8s.io/yaml"
)

// patches foresees which objects the patches of a kustomization are for.
func (r *reader) patches(k *kustomization, list []*visit) error {
	for i, p := range k.Patches {
		text := []byte(p.Patch)
		if p.Path != "" {
			file, _, ok := r.source.resolve(k, k.pos("patches", i, "path"), "", p.Path)
			if !ok {
				return oneRun("%s cannot be read", p.Path)
			}
			text = r.source.files[file]
		}
		if p.Options != nil && (p.Options.AllowNameChange || p.Options.AllowKindChange) {
			return oneRun("%s: patches[%d] may change names", k.at.File, i)
		}
		if renames(text) {
			return oneRun("%s: patches[%d] changes what names an object", k.at.File, i)
		}
		if p.Target != nil {
			if escaped(text) {
				return oneRun("%s: patches[%d] is written with escapes", k.at.File, i)
			}
			r.mention(text)
			r.early(entryOf{k.file, i}, newEarlyPatch(p, text), list)
			continue
		}
		if err := r.bind(k, i, text, list); err != nil {
			return err
		}
		r.touch(list)
	}
	return nil
}

// early notes a patch that can be applied before all else, unless something was
// done already to one of the objects that it is among.
func (r *reader) early(entry entryOf, p *earlyPatch, list []*visit) {
	late := p == nil || p.changesMetadata() || slices.ContainsFunc(list, func(v *visit) bool { return r.late[v.unit] })
	if late {
		r.touch(list)
		return
	}
	r.plan.early[entry] = true
	for _, v := range list {
		v.unit.patches = append(v.unit.patches, p)
	}
}

// bind finds the objects that a patch without a target names.
func (r *reader) bind(k *kustomization, i int, text []byte, list []*visit) error {
	var bound []*unit
	for _, doc := range documents(text) {
		if blank(doc) {
			continue
		}
		id, ok := identify(doc)
		if !ok || escaped(doc) || !cuttable(text) {
			return oneRun("%s: patches[%d] is not plain", k.at.File, i)
		}
		var found []*visit
		for _, v := range list {
			for _, old := range v.ids {
				if old.Equals(id) {
					found = append(found, v)
					break
				}
			}
		}
		if len(found) != 1 || len(found[0].unit.visits) != 1 {
			return oneRun("%s: patches[%d] is not for one object alone", k.at.File, i)
		}
		u := found[0].unit
		u.words = append(append(u.words, doc...), '\n')
		bound = append(bound, u)
	}
	if len(bound) == 0 {
		return oneRun("%s: patches[%d] is empty", k.at.File, i)
	}
	r.plan.bound[entryOf{k.file, i}] = bound
	for _, a := range bound {
		for _, b := range bound {
			if a != b {
				a.refs = append(a.refs, b)
			}
		}
	}
	return nil
}

// entryOf is an entry of the patches of a kustomization file.
type entryOf struct {
	file  string
	index int
}

// renames reports whether a patch may change what the id of an object is made
// of. What is no YAML is left to kustomize.
func renames(text []byte) bool {
	var ops []struct{ Op, Path, From string }
	if yaml.Unmarshal(text, &ops) == nil && len(ops) > 0 {
		for _, op := range ops {
			for _, at := range []string{op.Path, op.From} {
				if (at == "" && op.Path == "") || at == "/metadata" || at == "/kind" || at == "/apiVersion" || strings.HasPrefix(at, "/metadata/name") || strings.HasPrefix(at, "/metadata/annotations/") && strings.Contains(at, "config.k") {
					return true
				}
			}
		}
		return false
	}
	for _, doc := range documents(text) {
		if strings.Contains(string(doc), "$patch: replace") {
			return true
		}
		for _, mark := range ownMarks {
			if strings.Contains(string(doc), mark) {
				return true
			}
		}
	}
	return false
}
