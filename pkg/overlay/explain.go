package overlay

import "github.com/scion-gen/scion-gen/pkg/manifest"

func (b *builder) explain(err error) error {
	var errs manifest.Errors
	errs.Add(manifest.Pos{Source: b.source.root.at}, "", "%v", err)
	return errs.Err()
}

func (b *builder) check() error { return nil }
