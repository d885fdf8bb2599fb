package phasemap

import (
	"slices"

	corev1 "k8s.io/api/core/v1"
)

// findInit finds the first init container that holds the others up: one that
// has neither completed nor, being a sidecar, started. They run in the order of
// the spec, whatever the order of the status.
func (l *look) findInit() {
	if len(l.pod.Spec.InitContainers)+len(l.pod.Status.InitContainerStatuses) == 0 {
		return
	}
	if l.facts.has(agentRan) && !l.facts.has(podFailed) && isTrue(l.condition(corev1.PodInitialized)) {
		return
	}
	inSpec := false
	for i := range l.pod.Spec.InitContainers {
		spec := &l.pod.Spec.InitContainers[i]
		s := subject{spec, findStatus(l.pod.Status.InitContainerStatuses, spec.Name)}
		if inSpec = inSpec || spec.Name != ""; l.blocks(s) {
			l.init = s
			return
		}
	}
	for i := range l.pod.Status.InitContainerStatuses {
		status := &l.pod.Status.InitContainerStatuses[i]
		if s := (subject{nil, status}); !inSpec && l.blocks(s) {
			l.init = s
			return
		}
	}
}

// blocks reports whether an init container keeps later ones from starting.
func (l *look) blocks(s subject) bool {
	if s.name() == "" {
		return false
	}
	if end := s.terminated(); end != nil && l.succeeded(end) && !s.sidecar() {
		return false
	}
	return !(s.sidecar() && s.status != nil && s.status.Started != nil && *s.status.Started)
}

func (l *look) observeInit() {
	s := l.init
	if !s.exists() {
		return
	}
	l.facts.add(initBlocks, true)
	l.facts.add(initClones, slices.Contains(l.cloneInitContainers(), s.name()))
	l.facts.add(initIsSidecar, s.sidecar())
	l.facts.add(initRunning, s.running())
	l.facts.add(initEnded, s.terminated() != nil)
	l.facts.add(initCrashLoop, s.waitingReason() == reasonCrashLoop)
	if end := l.initFailure(); end != nil {
		l.facts.add(initFailed, true)
		l.facts.add(initOOMKilled, end.Reason == reasonOOMKilled)
		l.facts.add(initStopAsked, l.stopAsked(end))
	}
}

// initFailure returns how the init container failed for good, or nil. In a Pod
// that Failed, a kubelet that lost the container says that it waits and keeps
// the failure as its last state.
func (l *look) initFailure() *corev1.ContainerStateTerminated {
	failed := l.facts.has(podFailed)
	if l.init.sidecar() || !failed && l.facts.has(deleting) {
		return nil
	}
	end := l.init.terminated()
	if end != nil {
		if !l.succeeded(end) && (failed || !l.restarts(l.init, end)) {
			return end
		}
		return nil
	}
	if end = l.init.last(); failed && l.init.waiting() && end != nil && !l.succeeded(end) {
		return end
	}
	return nil
}

func (l *look) cloneInitContainers() []string {
	if l.opts.CloneInitContainers == nil {
		return defaultCloneInitContainers
	}
	return l.opts.CloneInitContainers
}
