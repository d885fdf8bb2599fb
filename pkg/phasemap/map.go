package phasemap

import (
	"time"

	corev1 "k8s.io/api/core/v1"
)

// Map returns the Status of the agent that pod runs. A nil pod is an agent for
// which there is none. The zero now means that there is no clock: then nothing
// is an error only because it takes long.
//
// The pod is not changed, and it need not be well formed.
func Map(pod *corev1.Pod, opts Options, now time.Time) Status {
	return Status{Phase: Provisioning, Rule: "PM999", Reason: "Unclassified"}
}
