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
func Map(pod *corev1.Pod, opts Options, now time.Time) (s Status) {
	l := look{pod: pod, opts: &opts, now: clock(stampOf(now))}
	l.judge(&s)
	return s
}

// judge decides. The Status is written where it is wanted, as copies of it would
// be a good part of the cost.
func (l *look) judge(s *Status) {
	l.observe()
	r := table.pod.decide(&l.facts)
	l.testify(s, r.about)
	s.Phase, s.Rule, s.Reason, s.Hint = r.phase, r.ID, r.Reason, r.Hint
	s.Terminal, s.Retryable, s.Notes = r.Terminal, r.Retryable, l.notes
	if s.Phase == byDisruption {
		s.Phase = l.disruptionPhase()
	}
	if s.Reason == "" {
		s.Reason = l.disruptionReason()
		s.DisruptionPhase = l.disruptionPhase()
	}
}

// testify says what a verdict rests on: which container, how it ended, and what
// Kubernetes says about it.
func (l *look) testify(s *Status, a about) {
	switch a {
	case thePod:
		if l.pod != nil {
			s.Message = l.pod.Status.Message
		}
	case theScheduling:
		if scheduled := l.condition(corev1.PodScheduled); scheduled != nil {
			s.Message = scheduled.Message
		}
	case theDeletion:
		s.Message = l.disruptionMessage()
	case theDisruption:
		l.quote(s, l.agent, l.agent.terminated())
		s.Message = cmp.Or(l.disruptionMessage(), s.Message)
	case theDeadline:
		l.quote(s, l.agent, l.agent.terminated())
		s.Message = cmp.Or(l.pod.Status.Message, s.Message)
	case theAgent:
		l.quote(s, l.agent, l.agent.terminated())
	case theAgentBefore:
		l.quote(s, l.agent, l.agent.last())
	case theInit:
		l.quote(s, l.init, l.init.terminated())
	case theInitBefore:
		l.quote(s, l.init, cmp.Or(l.init.terminated(), l.init.last()))
	case theWaiter:
		l.quote(s, l.waiter(), nil)
	}
}

// quote names a container that ended so, if it ended. Its own words come first:
// those of the Pod tend to be vague.
func (l *look) quote(s *Status, c subject, end *corev1.ContainerStateTerminated) {
	s.Container = c.name()
	s.ExitCode = l.exitCode(end)
	if c.waiting() && c.status.State.Waiting != nil {
		s.Message = cmp.Or(c.status.State.Waiting.Message, c.status.State.Waiting.Reason)
	}
	if s.Message == "" && end != nil {
		s.Message = cmp.Or(end.Message, l.pod.Status.Message, end.Reason)
	}
}
