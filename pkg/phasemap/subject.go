package phasemap

import (
	"slices"

	corev1 "k8s.io/api/core/v1"
)

// subject is a container that a verdict can be about: what the spec and the
// status say of it, either of which may be missing.
type subject struct {
	spec   *corev1.Container
	status *corev1.ContainerStatus
}

func (s subject) exists() bool { return s.spec != nil || s.status != nil }

func (s subject) name() string {
	switch {
	case s.spec != nil:
		return s.spec.Name
	case s.status != nil:
		return s.status.Name
	default:
		return ""
	}
}

// The states of a container exclude each other; in a malformed one the state
// that says most wins: terminated, then running, then waiting. A status without
// a state is waiting, as the API documents for ContainerState.

func (s subject) terminated() *corev1.ContainerStateTerminated {
	if s.status == nil {
		return nil
	}
	return s.status.State.Terminated
}

func (s subject) running() bool {
	return s.status != nil && s.status.State.Terminated == nil && s.status.State.Running != nil
}

func (s subject) waiting() bool {
	return s.status != nil && s.status.State.Terminated == nil && s.status.State.Running == nil
}

// waitingReason returns the reason of a waiting container, which is empty while
// a container exists that was not started.
func (s subject) waitingReason() string {
	if !s.waiting() || s.status.State.Waiting == nil {
		return ""
	}
	return s.status.State.Waiting.Reason
}

// last returns how the container ended before.
func (s subject) last() *corev1.ContainerStateTerminated {
	if s.status == nil {
		return nil
	}
	return s.status.LastTerminationState.Terminated
}

// ran reports whether the container has ever been started.
func (s subject) ran() bool {
	return s.running() || s.terminated() != nil || s.last() != nil || s.status != nil && s.status.RestartCount > 0
}

// sidecar reports whether this init container is one that keeps running
// (KEP-753).
func (s subject) sidecar() bool {
	return s.spec != nil && s.spec.RestartPolicy != nil && *s.spec.RestartPolicy == corev1.ContainerRestartPolicyAlways
}

// started reports what the kubelet says of the startup probe; kubelets that say
// nothing have none.
func (s subject) started() bool { return s.status.Started == nil || *s.status.Started }

// restarts reports whether the kubelet starts the container again after it
// ended so: the container's own rules, else its own policy, else the Pod's
// (KEP-5307, and KEP-5532 for RestartAllContainers). No rule is about an exit
// code that nobody knows.
func (l *look) restarts(s subject, end *corev1.ContainerStateTerminated) bool {
	if end.Reason == "RestartingAllContainers" {
		return true
	}
	policy := l.restartPolicy()
	if s.spec != nil {
		code, known := l.exitCode(end).Code()
		if known && slices.ContainsFunc(s.spec.RestartPolicyRules, func(r corev1.ContainerRestartRule) bool { return matches(r, code) }) {
			// Both actions there are, Restart and RestartAllContainers, restart it.
			return true
		}
		if s.spec.RestartPolicy != nil && *s.spec.RestartPolicy != "" {
			policy = corev1.RestartPolicy(*s.spec.RestartPolicy)
		}
	}
	switch policy {
	case corev1.RestartPolicyAlways:
		return true
	case corev1.RestartPolicyOnFailure:
		return !l.succeeded(end)
	default:
		return false
	}
}

func matches(rule corev1.ContainerRestartRule, code int32) bool {
	if rule.ExitCodes == nil {
		return false
	}
	in := slices.Contains(rule.ExitCodes.Values, code)
	switch rule.ExitCodes.Operator {
	case corev1.ContainerRestartRuleOnExitCodesOpIn:
		return in
	case corev1.ContainerRestartRuleOnExitCodesOpNotIn:
		return !in
	default:
		return false
	}
}

func isNamed(s corev1.ContainerStatus) bool { return s.Name != "" }

func findStatus(list []corev1.ContainerStatus, name string) *corev1.ContainerStatus {
	for i := range list {
		if list[i].Name == name {
			return &list[i]
		}
	}
	return nil
}

func findContainer(list []corev1.Container, name string) *corev1.Container {
	for i := range list {
		if list[i].Name == name {
			return &list[i]
		}
	}
	return nil
}
