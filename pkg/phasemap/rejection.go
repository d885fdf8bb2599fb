package phasemap

import (
	"slices"
	"strings"
)

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
	return finished != 0 && int64(finished-start) < *limit
}
