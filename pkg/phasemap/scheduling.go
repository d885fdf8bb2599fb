package phasemap

import (
	"cmp"
	"slices"

	corev1 "k8s.io/api/core/v1"
)

func (l *look) observeScheduling() {
	if l.pod.Spec.NodeName != "" || isTrue(l.scheduled) ||
		slices.ContainsFunc(l.pod.Status.ContainerStatuses, isNamed) || slices.ContainsFunc(l.pod.Status.InitContainerStatuses, isNamed) {
		return
	}
	l.facts.add(unplaced, true)
	l.facts.add(schedulingUnsaid, l.scheduled == nil)
	l.facts.add(schedulingGated, slices.ContainsFunc(l.pod.Spec.SchedulingGates, func(g corev1.PodSchedulingGate) bool { return g.Name != "" }))
	l.facts.add(victimsLeaving, l.pod.Status.NominatedNodeName != "")
	if l.scheduled == nil {
		return
	}
	reason := l.scheduled.Reason
	l.facts.add(schedulingGated, reason == corev1.PodReasonSchedulingGated)
	if l.scheduled.Status != corev1.ConditionFalse {
		return
	}
	l.facts.add(noNodeFits, reason == corev1.PodReasonUnschedulable)
	l.facts.add(unschedulable, reason == corev1.PodReasonUnschedulable || reason == corev1.PodReasonSchedulerError)
	since := cmp.Or(stampOf(l.scheduled.LastTransitionTime.Time), stampOf(l.pod.CreationTimestamp.Time))
	l.facts.add(schedulingGraceOver, l.now.passed(or(l.opts.UnschedulableGrace, 60), since))
}
