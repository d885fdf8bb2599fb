package phasemap

// Phase is a station in the life of an agent, as Scion names them. The phases
// that this package gives are exactly the eight below; what else is found in
// older reports is understood by [Reconcile] and never given.
type Phase string

const (
	Created      Phase = "created"      // nothing runs for the agent yet: it has no Pod
	Provisioning Phase = "provisioning" // the Pod is being scheduled, pulled or set up
	Cloning      Phase = "cloning"      // the workspace is being cloned
	Starting     Phase = "starting"     // the agent's container is about to run, for the first time or again
	Running      Phase = "running"      // the agent's container runs
	Stopping     Phase = "stopping"     // the Pod is being deleted
	Stopped      Phase = "stopped"      // the agent ended as it should, or was asked to
	Error        Phase = "error"        // the agent ended badly, or cannot start
)

// Phases returns the eight phases in the order of an agent's life.
func Phases() []Phase {
	return []Phase{Created, Provisioning, Cloning, Starting, Running, Stopping, Stopped, Error}
}

// Final reports whether p is one of the two phases that a Status may call
// terminal or retryable: stopped and error.
func (p Phase) Final() bool { return p == Stopped || p == Error }
