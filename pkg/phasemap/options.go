package phasemap

import "fmt"

// Seconds is a span of time in whole seconds, the resolution of all timestamps
// in a Pod.
type Seconds int64

// Options say what a Pod alone cannot. The zero value is the default of each.
// The JSON form is that of the cases in golden/phasemap.
//
// A grace is over once that many seconds have passed, and a grace of 0 is over
// at once; nil means its default. A grace is never over without a clock.
type Options struct {
	// AgentContainer is the name of the agent's container. Empty means "agent".
	// If there is none of that name, the annotation
	// kubectl.kubernetes.io/default-container decides, else the only container.
	AgentContainer string `json:"agentContainer,omitempty"`

	// CloneInitContainers are the init containers that clone the workspace. Nil
	// means git-clone and workspace-provision; empty means none.
	CloneInitContainers []string `json:"cloneInitContainers,omitzero"`

	// Autoscaling says that nodes are added for Pods that do not fit: such a
	// Pod is provisioning, however long it waits. False means a fixed cluster.
	Autoscaling bool `json:"autoscaling,omitempty"`

	// UnschedulableGrace is how long a Pod may find no node before that is an
	// error; binding a volume or preempting others takes a while. Nil means 60.
	UnschedulableGrace *Seconds `json:"unschedulableGrace,omitempty"`

	// ImagePullGrace is how long pulling an image may fail before that is an
	// error. Nil means 300: about five attempts of the kubelet.
	ImagePullGrace *Seconds `json:"imagePullGrace,omitempty"`

	// StartErrorGrace is how long creating a container may fail before that is
	// an error; its Secret may come a moment later. Nil means 60.
	StartErrorGrace *Seconds `json:"startErrorGrace,omitempty"`

	// StuckTerminatingAfter is how long after its deletionTimestamp, which
	// already includes the Pod's own grace, a Pod counts as stuck. Exactly that
	// long is not stuck yet. Nil means 300.
	StuckTerminatingAfter *Seconds `json:"stuckTerminatingAfter,omitempty"`

	// LimitsExitCodes are the exit codes by which the agent says that it used up
	// its turns or time. Nil means 10, sciontool's; empty means none.
	LimitsExitCodes []int32 `json:"limitsExitCodes,omitzero"`

	// DisruptionPhase is the phase of an agent that an eviction, a preemption or
	// the loss of its node ended. Empty means DisruptionAuto.
	DisruptionPhase DisruptionPhase `json:"disruptionPhase,omitempty"`

	// WorkspaceVolume is the volume that DisruptionAuto looks at. Empty means
	// "workspace".
	WorkspaceVolume string `json:"workspaceVolume,omitempty"`

	// CommittedDisruption is what a Pod reads while a disruption deletes it.
	// Empty means CommittedStopping.
	CommittedDisruption CommittedDisruption `json:"committedDisruption,omitempty"`

	// RequireReady makes an agent that is not ready starting. False means it is
	// running: agents serve no traffic, so readiness says little.
	RequireReady bool `json:"requireReady,omitempty"`

	// AssumedRestartPolicy stands in where the Pod says none, as in a document
	// that holds only a status. Empty means Never, Scion's own.
	AssumedRestartPolicy string `json:"assumedRestartPolicy,omitempty"`

	// AbsentGrace is how long MapAbsent keeps the last phase of a Pod that
	// vanished, for a cache that lags or a name used again. Nil means 10.
	AbsentGrace *Seconds `json:"absentGrace,omitempty"`

	// VanishedPhase is stopped or error, the phase of an agent whose Pod
	// vanished unexplained. Empty means stopped: Scion stops an agent by
	// deleting its Pod with grace 0, so nearly every one was asked to.
	VanishedPhase Phase `json:"vanishedPhase,omitempty"`
}

// DisruptionPhase chooses the phase of a disrupted agent.
type DisruptionPhase string

const (
	// DisruptionAuto gives stopped if the workspace is on a claim or on NFS and
	// so outlives the Pod, else error.
	DisruptionAuto    DisruptionPhase = "auto"
	DisruptionStopped DisruptionPhase = "stopped"
	DisruptionError   DisruptionPhase = "error"
)

// CommittedDisruption chooses when a disruption counts.
type CommittedDisruption string

const (
	// CommittedStopping waits for the container to end: until then it may be
	// using the workspace, and the agent is stopping.
	CommittedStopping CommittedDisruption = "stopping"
	// CommittedFinal gives the phase of the disruption at once.
	CommittedFinal CommittedDisruption = "final"
)

// Validate names the first option that has no meaning. Map has no way to
// complain: it takes an unknown word for the default, a negative grace for 0.
func (o Options) Validate() error {
	switch o.DisruptionPhase {
	case "", DisruptionAuto, DisruptionStopped, DisruptionError:
	default:
		return fmt.Errorf("disruptionPhase: %q is none of auto, stopped, error", o.DisruptionPhase)
	}
	switch o.CommittedDisruption {
	case "", CommittedStopping, CommittedFinal:
	default:
		return fmt.Errorf("committedDisruption: %q is neither stopping nor final", o.CommittedDisruption)
	}
	switch o.VanishedPhase {
	case "", Stopped, Error:
	default:
		return fmt.Errorf("vanishedPhase: %q is neither stopped nor error", o.VanishedPhase)
	}
	switch o.AssumedRestartPolicy {
	case "", "Never", "OnFailure", "Always":
	default:
		return fmt.Errorf("assumedRestartPolicy: %q is none of Never, OnFailure, Always", o.AssumedRestartPolicy)
	}
	return o.validateSpans()
}

func (o Options) validateSpans() error {
	for _, span := range []struct {
		name  string
		value *Seconds
	}{
		{"unschedulableGrace", o.UnschedulableGrace}, {"imagePullGrace", o.ImagePullGrace},
		{"startErrorGrace", o.StartErrorGrace}, {"stuckTerminatingAfter", o.StuckTerminatingAfter},
		{"absentGrace", o.AbsentGrace},
	} {
		if span.value != nil && *span.value < 0 {
			return fmt.Errorf("%s: %d is negative", span.name, *span.value)
		}
	}
	return nil
}
