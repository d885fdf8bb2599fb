package overlay

import (
	"bytes"
	"slices"

	"sigs.k8s.io/kustomize/api/types"
	kyaml "sigs.k8s.io/kustomize/kyaml/yaml"

	"github.com/scion-gen/scion-gen/pkg/manifest"
)

// idle reports patches and images that select nothing: kustomize passes over
// them without a word, and a fleet runs without its sandbox. A component is for
// many fleets: of what it has, something has to select something.
func (b *builder) idle(errs *manifest.Errors) {
	var idle []entry
	works := map[string]bool{} // components, by their files
	for _, e := range b.source.entriesDone() {
		switch selects, known := b.selects(e); {
		case !known:
		case selects:
			works[e.k.file] = true
		default:
			idle = append(idle, e)
		}
	}
	for _, e := range idle {
		component := e.k.Kind == types.ComponentKind
		if component && works[e.k.file] || !b.changesNothing(e) {
			continue
		}
		others := ""
		if component {
			others = ", as all else in this component"
		}
		errs.Add(e.pos(), e.name(), "selects nothing%s: %s", others, e.missing())
	}
}

// selects reports whether there could be something for an entry that selects what
// it is for; others are not known to select.
func (b *builder) selects(e entry) (selects, known bool) {
	switch {
	case e.index < 0:
	case e.isImage():
		return b.hasImage(e.k.Images[e.index]), true
	case e.isPatch() && e.k.Patches[e.index].Target != nil:
		return b.hasTarget(e.k, e.k.Patches[e.index].Target), true
	}
	return false, false
}

// missing is what there is not for an entry that selects nothing.
func (e entry) missing() string {
	if e.isImage() {
		return "no container has the image " + e.k.Images[e.index].Name
	}
	return "there is no object for target " + describe(e.k.Patches[e.index].Target)
}

func (e entry) isImage() bool { return e.name() == manifest.Index("images", e.index) }

func (e entry) isPatch() bool { return e.name() == manifest.Index("patches", e.index) }

// changesNothing builds without an entry to see whether that makes a difference.
func (b *builder) changesNothing(e entry) bool {
	trial := e.without(b.source.fsys)
	if trial == nil {
		return false
	}
	o := b.options
	o.Unchecked, o.Log, o.Progress = true, nil, nil
	built, err := Build(trial, b.source.given, o)
	return err == nil && slices.EqualFunc(built.Objects, b.objects, func(a, b Object) bool { return bytes.Equal(a.YAML, b.YAML) })
}

func (b *builder) hasImage(image types.Image) bool {
	name := []byte(image.Name)
	for file, data := range b.source.files {
		if bytes.Contains(data, name) && !b.source.isKustomization(file) {
			return true
		}
	}
	return false
}

func (s *source) isKustomization(file string) bool {
	found := false
	s.root.walk(func(k *kustomization) { found = found || k.file == file })
	return found
}

// hasTarget reports whether there could be an object for a target, among those
// that the kustomization works on: before or after all that is done to it.
func (b *builder) hasTarget(k *kustomization, target *types.Selector) bool {
	regex, err := types.NewSelectorRegex(target)
	if err != nil {
		return true // kustomize has said what is wrong
	}
	if b.plan == nil {
		return slices.ContainsFunc(b.objects, func(o Object) bool {
			return regex.MatchGvk(o.ID.Gvk) && (regex.MatchName(o.ID.Name) || target.Name != "") && selectedBy(target, o.YAML)
		})
	}
	for _, v := range b.plan.scopes[k] {
		for _, id := range v.ids {
			if !regex.MatchGvk(id.Gvk) || !regex.MatchName(id.Name) || !regex.MatchNamespace(id.EffectiveNamespace()) {
				continue
			}
			if selectedBy(target, v.unit.text) || v.built != nil && selectedBy(target, v.built.YAML) {
				return true
			}
		}
	}
	return false
}

// selectedBy reports whether a document has the labels and annotations that a
// target asks for.
func selectedBy(target *types.Selector, doc []byte) bool {
	if target.LabelSelector == "" && target.AnnotationSelector == "" {
		return true
	}
	short := headOf(doc)
	if short == nil {
		short = doc
	}
	n, err := kyaml.Parse(string(short))
	if err != nil {
		return true
	}
	labels, err := n.MatchesLabelSelector(target.LabelSelector)
	if err != nil || !labels {
		return err != nil
	}
	annotations, err := n.MatchesAnnotationSelector(target.AnnotationSelector)
	return err != nil || annotations
}

// describe is a target on one line.
func describe(t *types.Selector) string {
	var out bytes.Buffer
	for _, part := range []struct{ key, text string }{
		{"group", t.Group}, {"version", t.Version}, {"kind", t.Kind}, {"name", t.Name}, {"namespace", t.Namespace},
		{"labelSelector", t.LabelSelector}, {"annotationSelector", t.AnnotationSelector},
	} {
		if part.text != "" {
			if out.Len() > 0 {
				out.WriteString(", ")
			}
			out.WriteString(part.key + " " + part.text)
		}
	}
	return out.String()
}
