package phasemap

import (
	"cmp"
	"strings"

	corev1 "k8s.io/api/core/v1"
)

func (l *look) observeDisruption() {
	l.disruption = l.condition(corev1.DisruptionTarget)
	if !l.observeDisruptionKind() {
		return
	}
	l.facts.add(disrupted, true)
	end := l.agent.terminated()
	if l.disruption == nil || l.disruption.Status != corev1.ConditionTrue || end == nil || end.Reason == reasonLost {
		return
	}
	finished, struck := stampOf(end.FinishedAt.Time), stampOf(l.disruption.LastTransitionTime.Time)
	l.facts.add(outcomeFirst, finished != 0 && finished < struck)
}

// observeDisruptionKind goes by the DisruptionTarget condition (KEP-3329) and
// by the Pod's reason, which older versions and other ways out have alone.
func (l *look) observeDisruptionKind() bool {
	if l.pod.Status.Reason == "" && l.disruption == nil {
		return false
	}
	reason, target, by := l.pod.Status.Reason, false, ""
	if l.disruption != nil && l.disruption.Status == corev1.ConditionTrue {
		target, by = true, l.disruption.Reason
	}
	switch {
	case reason == "Preempting", by == corev1.PodReasonPreemptionByScheduler:
		l.facts.add(preempted, true)
	case (reason == "Terminated" || reason == "Shutdown") && l.facts.has(podFinal):
		l.facts.add(nodeShutDown, true)
	case reason == reasonNodeLost, by == "DeletionByPodGC":
		l.facts.add(nodeLost, true)
	case reason == "Evicted" && !target && overOwnLimit(l.pod.Status.Message):
		l.facts.add(ownLimit, true)
	case reason == "Evicted", target:
		l.facts.add(evicted, true)
	default:
		return false
	}
	return true
}

// overOwnLimit knows the kubelet's words for an eviction over the Pod's own
// limits, which nothing else marks (pkg/kubelet/eviction/helpers.go).
func overOwnLimit(message string) bool {
	return strings.Contains(message, "exceeded its local ephemeral storage limit") ||
		strings.Contains(message, "exceeds the total limit of containers") ||
		strings.HasPrefix(message, "Usage of EmptyDir volume") && strings.Contains(message, "exceeds the limit")
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
