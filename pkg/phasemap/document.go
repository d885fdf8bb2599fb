package phasemap

import (
	"time"

	corev1 "k8s.io/api/core/v1"
)

// Document is a Pod read leniently from JSON: what has the wrong type counts as
// absent, so that there is an answer for Pods that no typed client decodes. Pod
// holds only the fields that [Map] reads, and the names that people know it by.
type Document struct {
	Pod *corev1.Pod // nil for JSON null

	// UnreadableExits are the terminations in Pod whose exit code is there but
	// no number that fits: it must not be taken for the 0 it holds in Pod.
	UnreadableExits []*corev1.ContainerStateTerminated
}

// ReadDocument reads a Pod from JSON. Only text that is not one JSON object or
// null is an error.
func ReadDocument(data []byte) (Document, error) { return Document{}, nil }

// Map is [Map] for a Document.
func (d Document) Map(opts Options, now time.Time) Status {
	return Map(d.Pod, opts, now)
}

// MapJSON is [Map] for a Pod in JSON, read as by [ReadDocument].
func MapJSON(data []byte, opts Options, now time.Time) (Status, error) {
	d, err := ReadDocument(data)
	if err != nil {
		return Status{}, err
	}
	return d.Map(opts, now), nil
}
