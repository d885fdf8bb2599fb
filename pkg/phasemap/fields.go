package phasemap

// Fields returns the fields of a Pod that Map reads, as paths; [] is each entry
// of a list. A poller needs to fetch no others but the Pod's name and namespace.
func Fields() []string {
	fields := []string{
		"metadata.uid",
		"metadata.creationTimestamp",
		"metadata.deletionTimestamp",
		"metadata.deletionGracePeriodSeconds",
		"metadata.generation",
		`metadata.annotations["` + defaultContainer + `"]`,
		"spec.restartPolicy",
		"spec.nodeName",
		"spec.activeDeadlineSeconds",
		"spec.terminationGracePeriodSeconds",
		"spec.schedulingGates[].name",
		"spec.volumes[].name",
		"spec.volumes[].persistentVolumeClaim",
		"spec.volumes[].nfs",
		"status.phase",
		"status.reason",
		"status.message",
		"status.startTime",
		"status.nominatedNodeName",
		"status.observedGeneration",
		"status.conditions[].type",
		"status.conditions[].status",
		"status.conditions[].reason",
		"status.conditions[].message",
		"status.conditions[].lastTransitionTime",
	}
	for _, list := range []string{"spec.containers[]", "spec.initContainers[]"} {
		for _, field := range []string{
			"name", "restartPolicy",
			"restartPolicyRules[].action", "restartPolicyRules[].exitCodes.operator", "restartPolicyRules[].exitCodes.values",
		} {
			fields = append(fields, list+"."+field)
		}
	}
	for _, list := range []string{"status.containerStatuses[]", "status.initContainerStatuses[]"} {
		for _, field := range []string{
			"name", "started", "ready", "restartCount", "containerID",
			"state.waiting.reason", "state.waiting.message", "state.running",
			"state.terminated.exitCode", "state.terminated.signal", "state.terminated.reason",
			"state.terminated.message", "state.terminated.finishedAt",
			"lastState.terminated.exitCode", "lastState.terminated.signal", "lastState.terminated.reason",
			"lastState.terminated.message", "lastState.terminated.finishedAt",
		} {
			fields = append(fields, list+"."+field)
		}
	}
	return fields
}
