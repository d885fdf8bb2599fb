package main

import (
	"github.com/scion-gen/scion-gen/pkg/render"

	"k8s.io/apimachinery/pkg/labels"
)

// loadDeclared reads the agents that --config declares and that the other flags
// ask for.
func (r *phaseRun) loadDeclared() error {
	if len(r.config) == 0 {
		return nil
	}
	config, err := loadPaths(r.config, r.stdin)
	if err != nil {
		return err
	}
	all, err := config.Declared()
	if err != nil {
		return asInput(err)
	}
	for _, d := range all {
		if r.pods.Matches(declaredLabels(d)) {
			r.declared = append(r.declared, d)
		}
	}
	return nil
}

// declaredLabels are those of the Pod that d would have.
func declaredLabels(d render.Declared) labels.Set {
	return labels.Set{labelAgent: "true", labelName: d.Name, labelGrove: d.Grove, labelTemplate: d.Template}
}
