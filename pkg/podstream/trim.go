package podstream

import (
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// Trim drops from pod all that [Read] would not have kept, for caches that hold
// many Pods: what is left is a fifth of it or less.
func Trim(pod *corev1.Pod) {
	m := pod.ObjectMeta
	pod.ObjectMeta = metav1.ObjectMeta{
		Name: m.Name, Namespace: m.Namespace, UID: m.UID, Labels: m.Labels,
		Generation: m.Generation, CreationTimestamp: m.CreationTimestamp,
		DeletionTimestamp: m.DeletionTimestamp, DeletionGracePeriodSeconds: m.DeletionGracePeriodSeconds,
		// A cache compares versions, and one string is cheap.
		ResourceVersion: m.ResourceVersion,
	}
	if name, ok := m.Annotations[defaultContainer]; ok {
		pod.Annotations = map[string]string{defaultContainer: name}
	}
	pod.Spec = trimSpec(pod.Spec)
	pod.Status = trimStatus(pod.Status)
}

func trimSpec(s corev1.PodSpec) corev1.PodSpec {
	volumes := make([]corev1.Volume, len(s.Volumes))
	for i, v := range s.Volumes {
		volumes[i].Name = v.Name
		if v.PersistentVolumeClaim != nil {
			volumes[i].PersistentVolumeClaim = &corev1.PersistentVolumeClaimVolumeSource{}
		}
		if v.NFS != nil {
			volumes[i].NFS = &corev1.NFSVolumeSource{}
		}
	}
	return corev1.PodSpec{
		RestartPolicy: s.RestartPolicy, NodeName: s.NodeName, SchedulingGates: s.SchedulingGates,
		ActiveDeadlineSeconds: s.ActiveDeadlineSeconds, TerminationGracePeriodSeconds: s.TerminationGracePeriodSeconds,
		Volumes:    volumes,
		Containers: trimContainers(s.Containers), InitContainers: trimContainers(s.InitContainers),
	}
}

func trimContainers(all []corev1.Container) []corev1.Container {
	trimmed := make([]corev1.Container, len(all))
	for i, c := range all {
		trimmed[i] = corev1.Container{Name: c.Name, RestartPolicy: c.RestartPolicy, RestartPolicyRules: c.RestartPolicyRules}
	}
	return trimmed
}

func trimStatus(s corev1.PodStatus) corev1.PodStatus {
	conditions := make([]corev1.PodCondition, len(s.Conditions))
	for i, c := range s.Conditions {
		conditions[i] = corev1.PodCondition{
			Type: c.Type, Status: c.Status, Reason: c.Reason, Message: c.Message, LastTransitionTime: c.LastTransitionTime,
		}
	}
	return corev1.PodStatus{
		Phase: s.Phase, Reason: s.Reason, Message: s.Message, StartTime: s.StartTime,
		NominatedNodeName: s.NominatedNodeName, ObservedGeneration: s.ObservedGeneration,
		Conditions:            conditions,
		ContainerStatuses:     trimStatuses(s.ContainerStatuses),
		InitContainerStatuses: trimStatuses(s.InitContainerStatuses),
	}
}

func trimStatuses(all []corev1.ContainerStatus) []corev1.ContainerStatus {
	trimmed := make([]corev1.ContainerStatus, len(all))
	for i, s := range all {
		trimmed[i] = corev1.ContainerStatus{
			Name: s.Name, Ready: s.Ready, Started: s.Started, RestartCount: s.RestartCount, ContainerID: s.ContainerID,
			State: s.State, LastTerminationState: s.LastTerminationState,
		}
	}
	return trimmed
}
