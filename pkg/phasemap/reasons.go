package phasemap

// The reasons that the kubelet and container runtimes give. They are strings
// without constants in the API: pkg/kubelet/images/types.go,
// pkg/kubelet/container/sync_result.go, pkg/kubelet/kuberuntime,
// pkg/kubelet/lifecycle/predicate.go, pkg/kubelet/kubelet.go and cri-api.
const (
	reasonCrashLoop = "CrashLoopBackOff"
	reasonLost      = "ContainerStatusUnknown"
	reasonNodeLost  = "NodeLost"
	reasonOOMKilled = "OOMKilled"
)

var (
	defaultLimitsExitCodes     = []int32{10}
	defaultCloneInitContainers = []string{"git-clone", "workspace-provision"}

	// Another node may take the Pod.
	rejections = []string{
		"UnexpectedAdmissionError", "NodeAffinity", "NodeName", "NodePorts", "NodeUnschedulable", "TaintToleration",
		"MatchNodeSelector", "HostName", "TopologyAffinityError", "SMTAlignmentError", "NodeShutdown",
		"VolumeAttachmentLimitExceeded", "InvalidNodeInfo", "UnknownReason", "UnexpectedPredicateFailureType",
	}
	// No node like this one will.
	rejectionsForGood = []string{
		"AppArmor", "SysctlForbidden", "PodOSSelectorNodeLabelDoesNotMatch", "PodOSNotSupported",
		"InitContainerRestartPolicyForbidden", "SupplementalGroupsPolicyNotSupported",
		"PodLevelResourcesNotSupported", "PodFeatureUnsupported",
	}

	imageReasonsForGood = []string{"InvalidImageName", "ErrImageNeverPull", "SignatureValidationFailed"}
	imagePullReasons    = []string{"ErrImagePull", "ImagePullBackOff", "ImageInspectError", "RegistryUnavailable"}
	startReasons        = []string{
		"CreateContainerError", "RunContainerError", "PreCreateHookError", "PreStartHookError", "PostStartHookError",
		"CreatePodSandboxError", "ConfigPodSandboxError", "KillPodSandboxError", "KillContainerError",
		"RemoveContainerError", "ContainerCannotRun", "StartError",
	}
)
