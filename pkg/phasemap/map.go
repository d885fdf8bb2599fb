package phasemap

import (
	"cmp"
	"time"

	corev1 "k8s.io/api/core/v1"
)

// Map returns the Status of the agent that pod runs. A nil pod is an agent for
// which there is none. The zero now means that there is no clock: then nothing
// is an error only because it takes long.
//
// The pod is not changed, and it need not be well formed. Of its fields only
// those in [Fields] are read.
func Map(pod *corev1.Pod, opts Options, now time.Time) Status {
	l := look{pod: pod, opts: opts, now: clock(stampOf(now))}
	return l.status(table.pod)
}

// status decides by the rows of a table.
func (l *look) status(rows []row) Status {
	if l.pod == nil {
		l.facts.add(noPod, true)
	} else {
		l.observe()
	}
	return l.verdict(decide(rows, &l.facts))
}

// verdict says what a row says, of this Pod.
func (l *look) verdict(r *row) Status {
	w := l.witness(r.about)
	s := Status{
		Phase: r.phase, Rule: r.ID, Reason: r.Reason, Message: w.message, ExitCode: w.exitCode,
		Terminal: r.Terminal, Retryable: r.Retryable, Hint: r.Hint, Container: w.container, Notes: l.notes,
	}
	if s.Phase == byDisruption {
		s.Phase = l.disruptionPhase()
	}
	if s.Reason == "" {
		s.Reason = l.disruptionReason()
		s.DisruptionPhase = l.disruptionPhase()
	}
	return s
}

// witness is what a verdict rests on: which container, how it ended, and what
// Kubernetes says about it.
type witness struct {
	container string
	exitCode  ExitCode
	message   string
}

func (l *look) witness(a about) (w witness) {
	switch a {
	case thePod:
		if l.pod != nil {
			w.message = l.pod.Status.Message
		}
	case theScheduling:
		if l.scheduled != nil {
			w.message = l.scheduled.Message
		}
	case theDeletion:
		w.message = l.disruptionMessage()
	case theDisruption:
		w = l.hear(l.agent, l.agent.terminated())
		w.message = cmp.Or(l.disruptionMessage(), w.message)
	case theDeadline:
		w = l.hear(l.agent, l.agent.terminated())
		w.message = cmp.Or(l.pod.Status.Message, w.message)
	case theAgent:
		w = l.hear(l.agent, l.agent.terminated())
	case theAgentBefore:
		w = l.hear(l.agent, l.agent.last())
	case theInit:
		w = l.hear(l.init, l.init.terminated())
	case theInitBefore:
		w = l.hear(l.init, cmp.Or(l.init.terminated(), l.init.last()))
	case theWaiter:
		w = l.hear(l.waiter(), nil)
	}
	return w
}

// hear takes a container that ended so, if it ended, for the witness. Its own
// words come first: those of the Pod tend to be vague.
func (l *look) hear(c subject, end *corev1.ContainerStateTerminated) witness {
	w := witness{container: c.name, exitCode: l.exitCode(end)}
	if c.waiting() && c.status.State.Waiting != nil {
		w.message = cmp.Or(c.status.State.Waiting.Message, c.status.State.Waiting.Reason)
	}
	if w.message == "" && end != nil {
		w.message = cmp.Or(end.Message, l.pod.Status.Message, end.Reason)
	}
	return w
}

// disruptionReason is the reason that the disruption will have once it is done.
func (l *look) disruptionReason() string {
	for _, kind := range [...]struct {
		fact
		reason string
	}{
		{preempted, "Preempted"}, {nodeShutDown, "NodeShutdown"}, {nodeLost, "NodeLost"},
		{ownLimit, "EvictedOwnLimit"}, {evicted, "Evicted"},
	} {
		if l.facts.has(kind.fact) {
			return kind.reason
		}
	}
	return ""
}

func (l *look) disruptionMessage() string {
	if isTrue(l.disruption) && l.disruption.Message != "" {
		return l.disruption.Message
	}
	return l.pod.Status.Message
}

// disruptionPhase is stopped where what the agent did outlives its Pod: then it
// was interrupted, else its work is lost.
func (l *look) disruptionPhase() Phase {
	switch l.opts.DisruptionPhase {
	case DisruptionStopped:
		return Stopped
	case DisruptionError:
		return Error
	}
	name := cmp.Or(l.opts.WorkspaceVolume, "workspace")
	for i := range l.pod.Spec.Volumes {
		v := &l.pod.Spec.Volumes[i]
		if v.Name == name && (v.PersistentVolumeClaim != nil || v.NFS != nil) {
			return Stopped
		}
	}
	return Error
}
