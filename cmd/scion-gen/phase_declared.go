package main

import (
	"github.com/scion-gen/scion-gen/pkg/phasemap"
	"github.com/scion-gen/scion-gen/pkg/render"

	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/types"
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
	r.seen = map[types.NamespacedName]bool{}
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

// showDeclared shows the agents that are declared in a namespace, or in any if
// it is empty, and of which no Pod was seen.
func (r *phaseRun) showDeclared(namespace string) error {
	for _, d := range r.declared {
		elsewhere := namespace != "" && namespace != d.Namespace
		if elsewhere || r.seen[types.NamespacedName{Namespace: d.Namespace, Name: d.Name}] {
			continue
		}
		status := phasemap.MapAbsent(phasemap.Absence{}, r.mapping)
		if err := r.show(agent{d.Namespace, d.Name, nil, status}); err != nil {
			return err
		}
	}
	return nil
}
