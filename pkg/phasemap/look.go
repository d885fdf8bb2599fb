package phasemap

import (
	"cmp"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"
)

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

	scheduled, readyToStart, initialized, disruption *corev1.PodCondition
}

// observe finds out the facts. Later steps build on earlier ones.
func (l *look) observe() {
	if l.pod == nil {
		l.facts.add(noPod, true)
		return
	}
	l.observeConditions()
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

func (l *look) observeConditions() {
	for i := range l.pod.Status.Conditions {
		c := &l.pod.Status.Conditions[i]
		switch c.Type {
		case corev1.PodScheduled:
			l.scheduled = c
		case corev1.PodReadyToStartContainers:
			l.readyToStart = c
		case corev1.PodInitialized:
			l.initialized = c
		case corev1.DisruptionTarget:
			l.disruption = c
		}
	}
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

// findAgent looks up the agent's container. Where nothing lists any container,
// there is one of that name for all anybody knows.
func (l *look) findAgent() {
	if l.agent = l.app(cmp.Or(l.opts.AgentContainer, "agent")); l.agent.exists() {
		return
	}
	count, sole := l.apps()
	if count == 0 {
		return
	}
	if name := l.pod.Annotations[defaultContainer]; name != "" {
		l.agent = l.app(name)
	}
	if count == 1 && !l.agent.exists() {
		l.agent = l.app(sole)
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

func (l *look) app(name string) subject {
	return subject{findContainer(l.pod.Spec.Containers, name), findStatus(l.pod.Status.ContainerStatuses, name)}
}

// apps counts the app containers, and names the last of them: those of the
// spec, else, in a document without one, those of the status. What has no name
// is no container: it is what null in a list decodes to.
func (l *look) apps() (count int, name string) {
	for i := range l.pod.Spec.Containers {
		if n := l.pod.Spec.Containers[i].Name; n != "" {
			count, name = count+1, n
		}
	}
	if count > 0 {
		return count, name
	}
	for i := range l.pod.Status.ContainerStatuses {
		if n := l.pod.Status.ContainerStatuses[i].Name; n != "" {
			count, name = count+1, n
		}
	}
	return count, name
}

func (l *look) observeDeletion() {
	if l.pod.DeletionTimestamp == nil {
		return
	}
	l.facts.add(deleting, true)
	l.facts.add(statusCurrent, l.notes&StaleStatus == 0)
	l.facts.add(stuckDeleting, l.now.beyond(or(l.opts.StuckTerminatingAfter, 300), stampOfPtr(l.pod.DeletionTimestamp)))
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
		l.facts.add(agentRestarts, a.restarts(last, l.restartPolicy()))
		l.facts.add(agentWasOOMKilled, last.Reason == reasonOOMKilled)
		l.facts.add(agentWasLost, last.Reason == reasonLost)
	}
}

// observeEnd is about an agent that has ended, for good or not.
func (l *look) observeEnd(end *corev1.ContainerStateTerminated) {
	l.facts.add(agentEnded, true)
	if !l.facts.has(podFinal) && !l.facts.has(deleting) {
		if l.agent.restarts(end, l.restartPolicy()) {
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
	return finished >= stampOfPtr(l.pod.DeletionTimestamp)-stamp(l.deletionGrace())
}

func (l *look) deletionGrace() int64 {
	if grace := l.pod.DeletionGracePeriodSeconds; grace != nil && *grace > 0 {
		return *grace
	}
	var own int64
	if l.pod.Spec.TerminationGracePeriodSeconds != nil {
		own = *l.pod.Spec.TerminationGracePeriodSeconds
	}
	return max(30, own) + 2
}

func (l *look) observeDisruption() {
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

func (l *look) observeRejection() {
	status := &l.pod.Status
	if !l.facts.has(podFailed) {
		return
	}
	l.facts.add(rejectedForGood, status.Reason != "" && slices.Contains(rejectionsForGood, status.Reason))
	switch {
	case strings.HasPrefix(status.Message, "Pod was rejected") && l.agent.status == nil:
		l.facts.add(rejected, true)
	case status.Reason == "":
	case slices.Contains(rejections, status.Reason), strings.HasPrefix(status.Reason, "OutOf"):
		l.facts.add(rejected, true)
	case status.Reason == "DeadlineExceeded":
		l.facts.add(deadlineExceeded, true)
		l.facts.add(doneBeforeDeadline, l.endedBeforeDeadline())
	}
}

func (l *look) endedBeforeDeadline() bool {
	start, limit := stampOfPtr(l.pod.Status.StartTime), l.pod.Spec.ActiveDeadlineSeconds
	if !l.facts.has(agentDone) || start == 0 || limit == nil {
		return false
	}
	finished := stampOf(l.agent.terminated().FinishedAt.Time)
	return finished != 0 && finished < start+stamp(*limit)
}

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

// observeSidecars notes containers beside the agent that ended badly. Init
// containers among them are not counted: the kubelet ends native sidecars by
// force when the others are done.
func (l *look) observeSidecars() {
	for i := range l.pod.Status.ContainerStatuses {
		status := &l.pod.Status.ContainerStatuses[i]
		end := status.State.Terminated
		if status != l.agent.status && end != nil && end.ExitCode != 0 {
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

func (l *look) cloneInitContainers() []string {
	if l.opts.CloneInitContainers == nil {
		return defaultCloneInitContainers
	}
	return l.opts.CloneInitContainers
}

func isTrue(c *corev1.PodCondition) bool { return c != nil && c.Status == corev1.ConditionTrue }

// or returns what an option says, or its default.
func or(option *Seconds, otherwise Seconds) Seconds {
	if option == nil {
		return otherwise
	}
	return *option
}
