package phasemap

import corev1 "k8s.io/api/core/v1"

func (l *look) observeDeletion() {
	if stampOfPtr(l.pod.DeletionTimestamp) == 0 {
		return
	}
	l.facts.add(deleting, true)
	l.facts.add(statusCurrent, l.notes&StaleStatus == 0)
	l.facts.add(stuckDeleting, l.now.beyond(or(l.opts.StuckTerminatingAfter, 300), stampOfPtr(l.pod.DeletionTimestamp)))
}

// stopAsked reports whether a container of a Pod that is being deleted ended
// because of the deletion, by whatever code: harnesses often exit non-zero on
// SIGTERM. The kubelet ends a graceful deletion with one of grace 0 that moves
// deletionTimestamp, so that the time of the request can no longer be computed
// from it, and the Pod's own grace stands in (measured, Kubernetes 1.35).
func (l *look) stopAsked(end *corev1.ContainerStateTerminated) bool {
	if !l.facts.has(deleting) || !l.facts.has(statusCurrent) {
		return false
	}
	if end.Reason == reasonLost {
		return true
	}
	finished := stampOf(end.FinishedAt.Time)
	if finished == 0 {
		switch code, known := l.exitCode(end).Code(); code {
		case 0, 130, 137, 143, windowsControlC:
			return known
		}
		return false
	}
	before := int64(stampOfPtr(l.pod.DeletionTimestamp) - finished)
	if grace := l.pod.DeletionGracePeriodSeconds; grace != nil && *grace > 0 {
		return before <= *grace
	}
	var own int64
	if l.pod.Spec.TerminationGracePeriodSeconds != nil {
		own = *l.pod.Spec.TerminationGracePeriodSeconds
	}
	return before-2 <= max(30, own)
}
