package overlay

import (
	"sigs.k8s.io/kustomize/kyaml/filesys"

	"github.com/scion-gen/scion-gen/pkg/manifest"
)

// builder is one build.
type builder struct {
	source  *source
	options Options
}

func (b *builder) build() ([]Object, error) {
	return b.whole()
}

// whole builds in one run.
func (b *builder) whole() ([]Object, error) {
	m, err := kustomize(b.source.fsys, b.source.given, b.options)
	if err != nil {
		return nil, b.explain(err)
	}
	var objects []Object
	for _, r := range m.Resources() {
		data, _, err := encode(r)
		if err != nil {
			return nil, err
		}
		objects = append(objects, Object{ID: r.CurId(), YAML: data})
	}
	return objects, nil
}

func (b *builder) explain(err error) error {
	var errs manifest.Errors
	errs.Add(manifest.Pos{Source: b.source.root.at}, "", "%v", err)
	return errs.Err()
}

func (b *builder) check() error { return nil }

var _ filesys.FileSystem
