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
	s := Status{
		Phase: r.phase, Rule: r.ID, Reason: r.Reason, Terminal: r.Terminal, Retryable: r.Retryable, Hint: r.Hint, Notes: l.notes,
	}
	l.attribute(&s, r.about)
	if s.Phase == byDisruption {
		s.Phase = l.disruptionPhase()
	}
	if l.facts.has(deleting) && s.Reason == "" {
		s.Reason = l.disruptionReason()
		s.Message = l.disruptionMessage()
		s.DisruptionPhase = l.disruptionPhase()
	}
	return s
}

// attribute names the container that a verdict is about, how it ended and what
// Kubernetes says about it.
func (l *look) attribute(s *Status, a about) {
	switch a {
	case thePod:
		if l.pod != nil {
			s.Message = l.pod.Status.Message
		}
	case theScheduling:
		if l.scheduled != nil {
			s.Message = l.scheduled.Message
		}
	case theDisruption:
		l.blame(s, l.agent, l.agent.terminated())
		s.Message = cmp.Or(l.disruptionMessage(), s.Message)
	case theDeadline:
		l.blame(s, l.agent, l.agent.terminated())
		s.Message = cmp.Or(l.pod.Status.Message, s.Message)
	case theAgent:
		l.blame(s, l.agent, l.agent.terminated())
	case theAgentBefore:
		l.blame(s, l.agent, l.agent.last())
	case theInit:
		l.blame(s, l.init, l.init.terminated())
	case theInitBefore:
		l.blame(s, l.init, cmp.Or(l.init.terminated(), l.init.last()))
	case theWaiter:
		l.blame(s, l.waiter(), nil)
	}
}

// blame puts the verdict on a container that ended so, if it ended. Its own
// words come first: those of the Pod tend to be vague.
func (l *look) blame(s *Status, c subject, end *corev1.ContainerStateTerminated) {
	s.Container = c.name
	s.ExitCode = l.exitCode(end)
	if c.waiting() && c.status.State.Waiting != nil {
		w := c.status.State.Waiting
		s.Message = cmp.Or(w.Message, w.Reason)
	}
	if s.Message == "" && end != nil {
		s.Message = cmp.Or(end.Message, l.pod.Status.Message, end.Reason)
	}
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
