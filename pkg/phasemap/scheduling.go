package phasemap

import (
	"cmp"
	"slices"

	corev1 "k8s.io/api/core/v1"
)

func (l *look) observeScheduling() {
	if l.pod.Spec.NodeName != "" {
		return
	}
	scheduled := l.condition(corev1.PodScheduled)
	if isTrue(scheduled) ||
		slices.ContainsFunc(l.pod.Status.ContainerStatuses, isNamed) || slices.ContainsFunc(l.pod.Status.InitContainerStatuses, isNamed) {
		return
	}
	l.facts.add(unplaced, true)
	l.facts.add(schedulingUnsaid, scheduled == nil)
	l.facts.add(schedulingGated, slices.ContainsFunc(l.pod.Spec.SchedulingGates, func(g corev1.PodSchedulingGate) bool { return g.Name != "" }))
	l.facts.add(victimsLeaving, l.pod.Status.NominatedNodeName != "")
	if scheduled == nil {
		return
	}
	reason := scheduled.Reason
	l.facts.add(schedulingGated, reason == corev1.PodReasonSchedulingGated)
	if scheduled.Status != corev1.ConditionFalse {
		return
	}
	l.facts.add(noNodeFits, reason == corev1.PodReasonUnschedulable)
	l.facts.add(unschedulable, reason == corev1.PodReasonUnschedulable || reason == corev1.PodReasonSchedulerError)
	since := cmp.Or(stampOf(scheduled.LastTransitionTime.Time), stampOf(l.pod.CreationTimestamp.Time))
	l.facts.add(schedulingGraceOver, l.now.passed(or(l.opts.UnschedulableGrace, 60), since))
}
