package phasemap

import (
	"cmp"
	"slices"

	corev1 "k8s.io/api/core/v1"
)

// findAgent looks up the agent's container. Where nothing lists any container,
// there is one of that name for all anybody knows.
func (l *look) findAgent() {
	apps := l.apps()
	if apps.count == 0 {
		return
	}
	if l.agent = l.app(apps, cmp.Or(l.opts.AgentContainer, "agent")); l.agent.exists() {
		return
	}
	if name := l.pod.Annotations[defaultContainer]; name != "" {
		l.agent = l.app(apps, name)
	}
	if apps.count == 1 && !l.agent.exists() {
		l.agent = l.app(apps, apps.last)
	}
	if l.agent.exists() {
		l.notes |= AgentContainerFallback
	} else {
		l.facts.add(agentNotFound, true)
	}
}

// defaultContainer is the annotation by which kubectl knows "the" container of
// a Pod.
const defaultContainer = "kubectl.kubernetes.io/default-container"

// apps are the app containers: those of the spec, else, in a document without
// any, those of the status. What has no name is no container: it is what null in
// a list decodes to.
type apps struct {
	count    int
	last     string // its name
	declared bool   // in the spec
}

func (l *look) apps() (a apps) {
	for i := range l.pod.Spec.Containers {
		if n := l.pod.Spec.Containers[i].Name; n != "" {
			a = apps{a.count + 1, n, true}
		}
	}
	if a.declared {
		return a
	}
	for i := range l.pod.Status.ContainerStatuses {
		if n := l.pod.Status.ContainerStatuses[i].Name; n != "" {
			a = apps{a.count + 1, n, false}
		}
	}
	return a
}

// app looks up an app container. One that the spec does not declare is none,
// whatever the status says, unless nothing is declared.
func (l *look) app(a apps, name string) subject {
	s := subject{findContainer(l.pod.Spec.Containers, name), findStatus(l.pod.Status.ContainerStatuses, name)}
	if a.declared && s.spec == nil {
		return subject{}
	}
	return s
}

func (l *look) observeAgent() {
	a := l.agent
	l.facts.add(agentRan, a.ran())
	l.facts.add(outcomeKnown, l.facts.has(podFinal))
	switch {
	case a.status == nil:
	case a.terminated() != nil:
		l.observeEnd(a.terminated())
	case a.running():
		l.facts.add(agentRunning, true)
		l.facts.add(agentUnstarted, !a.started())
		l.facts.add(agentUnready, !a.status.Ready)
	default:
		l.facts.add(agentWaiting, true)
		l.facts.add(agentCrashLoop, a.waitingReason() == reasonCrashLoop)
	}
	if last := a.last(); last != nil {
		l.facts.add(agentEndedBefore, true)
		l.facts.add(agentRestarts, l.restarts(a, last))
		l.facts.add(agentWasOOMKilled, last.Reason == reasonOOMKilled)
		l.facts.add(agentWasLost, last.Reason == reasonLost)
	}
}

// observeEnd is about an agent that has ended, for good or not.
func (l *look) observeEnd(end *corev1.ContainerStateTerminated) {
	l.facts.add(agentEnded, true)
	if !l.facts.has(podFinal) && !l.facts.has(deleting) {
		if l.restarts(l.agent, end) {
			return
		}
		l.notes |= PodLingering
	}
	l.facts.add(agentDone, true)
	l.facts.add(outcomeKnown, true)
	l.facts.add(agentStopAsked, l.stopAsked(end))
	l.facts.add(agentLost, end.Reason == reasonLost)
	l.facts.add(oomKilled, end.Reason == reasonOOMKilled)
	switch end.Reason {
	case "StartError", "ContainerCannotRun", "RunContainerError":
		l.facts.add(startFailed, true)
	}
	code, known := l.exitCode(end).Code()
	if !known {
		l.facts.add(noExitCode, true)
		return
	}
	l.facts.add(exitZero, code == 0)
	l.facts.add(exitLimits, slices.Contains(l.limitsExitCodes(), code))
	l.facts.add(exit255, code == 255 || code == -1)
	l.facts.add(exitNegative, code < 0)
	l.facts.add(endedBySIGTERM, code == 143)
	switch s := signalOf(end); {
	case code == windowsControlC, s == 2, s == 15:
		l.facts.add(signalStop, true)
	case s == 9:
		l.facts.add(signalKill, true)
	case s != 0:
		l.facts.add(signalOther, true)
	}
}

// windowsControlC is STATUS_CONTROL_C_EXIT, 0xC000013A, as an int32.
const windowsControlC = -1073741510

// signalOf returns the signal that ended a container: the one its runtime
// names, else the one a shell would have meant. 0 is none; beyond 31 they have
// no common names, so that such a code is most likely the program's own.
func signalOf(end *corev1.ContainerStateTerminated) int32 {
	signal := end.Signal
	if signal == 0 && end.ExitCode > 128 {
		signal = end.ExitCode - 128
	}
	if signal < 1 || signal > 31 {
		return 0
	}
	return signal
}

// exitCode returns the code of a container that ended, unless it is made up:
// 137 is what the kubelet writes for a container that it lost sight of.
func (l *look) exitCode(end *corev1.ContainerStateTerminated) ExitCode {
	if end == nil || end.Reason == reasonLost || slices.Contains(l.unreadableExits, end) {
		return ExitCode{}
	}
	return Exited(end.ExitCode)
}

// succeeded reports whether a container ended with 0. A code that nobody knows
// is not 0.
func (l *look) succeeded(end *corev1.ContainerStateTerminated) bool {
	return l.exitCode(end) == Exited(0)
}

// observeSidecars notes containers beside the agent that ended badly. Init
// containers among them are not counted: the kubelet ends native sidecars by
// force when the others are done.
func (l *look) observeSidecars() {
	for i := range l.pod.Status.ContainerStatuses {
		status := &l.pod.Status.ContainerStatuses[i]
		end := status.State.Terminated
		if status.Name != "" && status.Name != l.agent.name() && end != nil && !l.succeeded(end) {
			l.notes |= SidecarFailed
		}
	}
}

func (l *look) restartPolicy() corev1.RestartPolicy {
	return cmp.Or(l.pod.Spec.RestartPolicy, corev1.RestartPolicy(l.opts.AssumedRestartPolicy))
}

func (l *look) limitsExitCodes() []int32 {
	if l.opts.LimitsExitCodes == nil {
		return defaultLimitsExitCodes
	}
	return l.opts.LimitsExitCodes
}
