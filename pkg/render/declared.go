package render

import "github.com/scion-gen/scion-gen/pkg/manifest"

// Declared is an agent of the configuration, by what the labels of its pod say.
type Declared struct {
	Namespace, Name string
	Grove, Template string // empty if it has none
}

// Declared returns the agents, sorted by namespace and pod. The error is a
// manifest.Errors with the mistakes of all of them.
func (c *Config) Declared() ([]Declared, error) {
	var errs manifest.Errors
	agents := c.resolve(&errs)
	if len(errs) > 0 {
		return nil, finish(errs)
	}
	declared := make([]Declared, len(agents))
	for i, a := range agents {
		declared[i] = Declared{a.namespace, a.doc.metadata.Name, a.spec.Grove, a.template}
	}
	return declared, nil
}
