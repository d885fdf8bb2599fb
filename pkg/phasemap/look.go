package phasemap

import corev1 "k8s.io/api/core/v1"

// look is one look at one Pod: everything the decision table asks of it.
type look struct {
	pod             *corev1.Pod
	opts            *Options
	now             clock
	unreadableExits []*corev1.ContainerStateTerminated

	facts facts
	notes Notes

	agent subject
	init  subject // the first init container that is not finished

	disruption *corev1.PodCondition
}

// observe finds out the facts. Later steps build on earlier ones.
func (l *look) observe() {
	if l.pod == nil {
		l.facts.add(noPod, true)
		return
	}
	l.observePhase()
	l.findAgent()
	l.observeDeletion()
	l.observeAgent()
	l.findInit()
	l.observeInit()
	l.observeDisruption()
	l.observeRejection()
	l.observeScheduling()
	l.observeWaiting()
	l.observeSidecars()
	l.facts.add(optAutoscaling, l.opts.Autoscaling)
	l.facts.add(optRequireReady, l.opts.RequireReady)
	l.facts.add(optCommittedFinal, l.opts.CommittedDisruption == CommittedFinal)
}

func (l *look) observePhase() {
	status := &l.pod.Status
	l.facts.add(podSucceeded, status.Phase == corev1.PodSucceeded)
	l.facts.add(podFailed, status.Phase == corev1.PodFailed)
	l.facts.add(podFinal, status.Phase == corev1.PodSucceeded || status.Phase == corev1.PodFailed)
	l.facts.add(podRunning, status.Phase == corev1.PodRunning)
	l.facts.add(podPending, status.Phase == corev1.PodPending || status.Phase == "")
	l.facts.add(phaseMissing, status.Phase == "")
	l.facts.add(saidNodeLost, status.Reason == reasonNodeLost)
	l.facts.add(contactLost, status.Phase == corev1.PodUnknown || status.Reason == reasonNodeLost)
	if status.ObservedGeneration != 0 && status.ObservedGeneration < l.pod.Generation {
		l.notes |= StaleStatus
	}
}

// condition looks up a condition. Of several with the same type, which are
// malformed, the last counts.
func (l *look) condition(t corev1.PodConditionType) *corev1.PodCondition {
	list := l.pod.Status.Conditions
	for i := len(list) - 1; i >= 0; i-- {
		if list[i].Type == t {
			return &list[i]
		}
	}
	return nil
}

func isTrue(c *corev1.PodCondition) bool { return c != nil && c.Status == corev1.ConditionTrue }

// or returns what an option says, or its default.
func or(option *Seconds, otherwise Seconds) Seconds {
	if option == nil {
		return otherwise
	}
	return *option
}
