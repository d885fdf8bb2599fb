package phasemap

import (
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"
)

// waiter is the container that everything waits for: an init container while
// one is not finished, then the agent.
func (l *look) waiter() subject {
	if l.init.exists() {
		return l.init
	}
	return l.agent
}

func (l *look) observeWaiting() {
	w := l.waiter()
	if !w.waiting() {
		return
	}
	reason := w.waitingReason()
	switch reason {
	case "":
		l.facts.add(reasonMissing, true)
		l.facts.add(containerExists, w.status.ContainerID != "")
		return
	case "ContainerCreating":
		l.facts.add(containerCreating, true)
		return
	case "PodInitializing":
		l.facts.add(podInitializing, true)
		return
	case reasonCrashLoop:
		return
	case "CreateContainerConfigError":
		l.facts.add(configFails, true)
	}
	l.facts.add(imageInvalid, slices.Contains(imageReasonsForGood, reason))
	l.facts.add(imagePullFails, slices.Contains(imagePullReasons, reason))
	l.facts.add(startFails, slices.Contains(startReasons, reason) || soundsLikeError(reason))
	since := l.waitingSince()
	l.facts.add(imageGraceOver, l.now.passed(or(l.opts.ImagePullGrace, 300), since))
	l.facts.add(startGraceOver, l.now.passed(or(l.opts.StartErrorGrace, 60), since))
}

// soundsLikeError takes a reason that is not known yet for what its name says,
// as all of the kubelet's reasons for trouble are named that way.
func soundsLikeError(reason string) bool {
	return strings.HasPrefix(reason, "Err") || strings.HasSuffix(reason, "Error") || strings.HasSuffix(reason, "BackOff")
}

// waitingSince is when the kubelet could first turn to the waiting container:
// the Pod was placed, its sandbox was ready, what comes before was done.
func (l *look) waitingSince() stamp {
	var since stamp
	later := func(s stamp) { since = max(since, s) }
	cameTrue := func(t corev1.PodConditionType) {
		if c := l.condition(t); isTrue(c) {
			later(stampOf(c.LastTransitionTime.Time))
		}
	}
	cameTrue(corev1.PodScheduled)
	cameTrue(corev1.PodReadyToStartContainers)
	if l.init.exists() {
		l.eachEarlierInit(later)
	} else {
		cameTrue(corev1.PodInitialized)
		if last := l.agent.last(); last != nil {
			later(stampOf(last.FinishedAt.Time))
		}
	}
	if since == 0 {
		since = stampOfPtr(l.pod.Status.StartTime)
	}
	if since == 0 {
		since = stampOf(l.pod.CreationTimestamp.Time)
	}
	return since
}

// eachEarlierInit calls f with the end of each init container before the one
// that is not finished: in the order of the spec, else in that of the status.
func (l *look) eachEarlierInit(f func(stamp)) {
	ended := func(s *corev1.ContainerStatus) {
		if s != nil && s.Name != "" && s.State.Terminated != nil {
			f(stampOf(s.State.Terminated.FinishedAt.Time))
		}
	}
	if l.init.spec == nil {
		for i := range l.pod.Status.InitContainerStatuses {
			s := &l.pod.Status.InitContainerStatuses[i]
			if s == l.init.status {
				return
			}
			ended(s)
		}
	}
	for i := range l.pod.Spec.InitContainers {
		name := l.pod.Spec.InitContainers[i].Name
		if name == l.init.name() {
			return
		}
		ended(findStatus(l.pod.Status.InitContainerStatuses, name))
	}
}
