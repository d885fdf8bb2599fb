package overlay

import (
	"bytes"
	"encoding/json"
	"slices"
	"strings"
	"sync"

	jsonpatch "gopkg.in/evanphx/json-patch.v4"
	"sigs.k8s.io/kustomize/api/types"
	kyaml "sigs.k8s.io/kustomize/kyaml/yaml"
	"sigs.k8s.io/yaml"

	"github.com/scion-gen/scion-gen/pkg/manifest"
)

// earlyPatch is a JSON patch that comes before all else that is done to its
// objects, so that it can be applied to their documents. Kustomize takes an
// object through YAML and JSON twice for each patch, near half of the work of a
// common overlay; here it is once for all of them, by the same library.
type earlyPatch struct {
	ops    jsonpatch.Patch
	target *types.Selector
	regex  *types.SelectorRegex
}

// earlyKinds are the kinds that are patched early: no other object refers to them
// in a way in which it would matter that kustomize has not seen the patch.
var earlyKinds = []string{"Pod", "PersistentVolumeClaim", "ConfigMap", "NetworkPolicy"}

// newEarlyPatch is nil where a patch is not of that kind.
func newEarlyPatch(p types.Patch, text []byte) *earlyPatch {
	var ops []struct {
		Op    string          `json:"op"`
		Path  string          `json:"path"`
		Value json.RawMessage `json:"value"`
	}
	if p.Target == nil || yaml.UnmarshalStrict(text, &ops) != nil || len(ops) == 0 {
		return nil
	}
	for _, op := range ops {
		if !slices.Contains([]string{"add", "remove", "replace"}, op.Op) || op.Path == "" {
			return nil
		}
	}
	data := bytes.TrimSpace(text)
	var err error
	if data[0] != '[' { // which is for JSON alone
		if data, err = yaml.YAMLToJSON(data); err != nil {
			return nil
		}
	}
	early := &earlyPatch{target: p.Target}
	if early.ops, err = jsonpatch.DecodePatch(data); err != nil {
		return nil
	}
	if early.regex, err = types.NewSelectorRegex(p.Target); err != nil {
		return nil
	}
	return early
}

// selects reports whether kustomize would apply the patch to an object that
// nothing was done to yet.
func (e *earlyPatch) selects(u *unit, n *kyaml.RNode) (bool, error) {
	id := u.visits[0].ids[0]
	if !e.regex.MatchNamespace(id.EffectiveNamespace()) || !e.regex.MatchName(id.Name) || !e.regex.MatchGvk(id.Gvk) {
		return false, nil
	}
	if e.target.LabelSelector == "" && e.target.AnnotationSelector == "" {
		return true, nil
	}
	matched, err := n.MatchesLabelSelector(e.target.LabelSelector)
	if err != nil || !matched {
		return false, err
	}
	return n.MatchesAnnotationSelector(e.target.AnnotationSelector)
}

// early is the document of a unit with its early patches applied.
type early struct {
	once sync.Once
	text []byte // nil where kustomize has to do it
}

// patched is the text of u with its early patches applied, or nil where something
// about that is not plain, an error for one.
func (u *unit) patched() []byte {
	u.early.once.Do(func() { u.early.text = u.applyEarly() })
	return u.early.text
}

func (u *unit) applyEarly() []byte {
	if !u.mayMatch() {
		return u.text
	}
	n, err := kyaml.Parse(string(u.text))
	if err != nil || !slices.Contains(earlyKinds, u.visits[0].id().Kind) {
		return nil
	}
	// Labels are read once: a patch that changes them and one that selects by
	// them are left to kustomize.
	var ops jsonpatch.Patch
	for _, p := range u.patches {
		switch selected, err := p.selects(u, n); {
		case err != nil:
			return nil
		case selected:
			ops = append(ops, p.ops...)
		}
	}
	if len(ops) == 0 {
		return u.text
	}
	tree := plain(n.YNode())
	if tree == nil {
		return nil
	}
	data, err := ops.Apply(manifest.AppendJSON(nil, tree))
	if err != nil {
		return nil
	}
	if tree, err = manifest.FromJSON(data); err != nil || !plainNumbers(tree) {
		return nil
	}
	text, err := manifest.Append(nil, tree)
	if err != nil {
		return nil
	}
	return text
}

// mayMatch reports whether any of the patches can be for u, by its id.
func (u *unit) mayMatch() bool {
	id := u.visits[0].ids[0]
	return slices.ContainsFunc(u.patches, func(p *earlyPatch) bool {
		return p.regex.MatchNamespace(id.EffectiveNamespace()) && p.regex.MatchName(id.Name) && p.regex.MatchGvk(id.Gvk)
	})
}

// changesMetadata reports whether a patch may change what others select by.
func (e *earlyPatch) changesMetadata() bool {
	return slices.ContainsFunc(e.ops, func(op jsonpatch.Operation) bool {
		at, err := op.Path()
		return err != nil || !strings.HasPrefix(at, "/spec/") && !strings.HasPrefix(at, "/data/")
	})
}

// plainNumbers reports whether kustomize would print all numbers as they stand.
func plainNumbers(n *manifest.Node) bool {
	if n.Kind == manifest.Number && !plainInt.MatchString(n.Text) {
		return false
	}
	for _, f := range n.Fields {
		if !plainNumbers(f.Value) {
			return false
		}
	}
	return !slices.ContainsFunc(n.Items, func(item *manifest.Node) bool { return !plainNumbers(item) })
}
