package manifest

import (
	"reflect"

	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// tagsOf are the tags of a type's fields, by the names of the fields.
type tagsOf map[string]reflect.StructTag

const (
	needed     = `required:"merged"`
	neededText = needed + ` format:"notEmpty"`
	neededName = needed + ` format:"dnsSubdomain"` // of another object
)

// apiTags are the tags that the API's types have here beside their own: what
// the API server asks of a single field (pkg/apis/core/validation and
// pkg/apis/networking/validation of Kubernetes 1.35, and what its defaults leave
// open). The names of other objects are those that such an object can have, also
// where the API server would take any. Values that only a feature gate allows are
// allowed, and "" where the API server puts its default in its place, but for
// restartPolicy, which workloads depend on.
//
// A field of an embedded struct has the tags of the outer type, or else of the
// embedded one.
var apiTags = map[reflect.Type]tagsOf{
	// Volumes, validateVolumeSource.
	reflect.TypeFor[corev1.AWSElasticBlockStoreVolumeSource](): {"volumeID": neededText, "partition": `format:"byte"`},
	reflect.TypeFor[corev1.AzureDiskVolumeSource](): {
		"diskName": neededText, "diskURI": neededText,
		"cachingMode": `enum:"None,ReadOnly,ReadWrite"`, "kind": `enum:"Shared,Dedicated,Managed"`,
	},
	reflect.TypeFor[corev1.AzureFileVolumeSource](): {"secretName": neededName, "shareName": neededText},
	reflect.TypeFor[corev1.CSIVolumeSource]():       {"driver": needed + ` format:"csiDriver"`},
	reflect.TypeFor[corev1.CephFSVolumeSource]():    {"monitors": needed},
	reflect.TypeFor[corev1.CinderVolumeSource]():    {"volumeID": neededText},
	reflect.TypeFor[corev1.ClusterTrustBundleProjection](): {
		"name": `format:"notEmpty"`, "signerName": `format:"signerName"`, "path": needed + ` format:"projectedPath"`,
	},
	reflect.TypeFor[corev1.ConfigMapProjection]():           {"name": neededName},
	reflect.TypeFor[corev1.ConfigMapVolumeSource]():         {"name": neededName, "defaultMode": `format:"fileMode"`},
	reflect.TypeFor[corev1.DownwardAPIVolumeFile]():         {"path": needed + ` format:"projectedPath"`, "mode": `format:"fileMode"`},
	reflect.TypeFor[corev1.DownwardAPIVolumeSource]():       {"defaultMode": `format:"fileMode"`},
	reflect.TypeFor[corev1.EmptyDirVolumeSource]():          {"sizeLimit": `format:"notNegative"`},
	reflect.TypeFor[corev1.EphemeralVolumeSource]():         {"volumeClaimTemplate": needed},
	reflect.TypeFor[corev1.FlexVolumeSource]():              {"driver": neededText, "options": `keys:"flexOption"`},
	reflect.TypeFor[corev1.FlockerVolumeSource]():           {"datasetName": `format:"noSlash"`},
	reflect.TypeFor[corev1.GCEPersistentDiskVolumeSource](): {"pdName": neededText, "partition": `format:"byte"`},
	reflect.TypeFor[corev1.GitRepoVolumeSource]():           {"repository": neededText, "directory": `format:"insidePath"`},
	reflect.TypeFor[corev1.GlusterfsVolumeSource]():         {"endpoints": neededText, "path": neededText},
	reflect.TypeFor[corev1.HostPathVolumeSource](): {
		"path": needed + ` format:"noBacksteps"`,
		"type": `enum:",DirectoryOrCreate,Directory,FileOrCreate,File,Socket,CharDevice,BlockDevice"`,
	},
	reflect.TypeFor[corev1.ISCSIVolumeSource](): {
		"targetPortal": neededText, "iqn": needed + ` format:"iqn"`, "initiatorName": `format:"iqn"`, "lun": `format:"byte"`,
	},
	reflect.TypeFor[corev1.ImageVolumeSource]():                 {"reference": neededText, "pullPolicy": `enum:",Always,IfNotPresent,Never"`},
	reflect.TypeFor[corev1.KeyToPath]():                         {"key": neededText, "path": needed + ` format:"projectedPath"`, "mode": `format:"fileMode"`},
	reflect.TypeFor[corev1.NFSVolumeSource]():                   {"server": neededText, "path": needed + ` format:"absolutePath"`},
	reflect.TypeFor[corev1.PersistentVolumeClaimVolumeSource](): {"claimName": neededName},
	reflect.TypeFor[corev1.PhotonPersistentDiskVolumeSource]():  {"pdID": neededText},
	reflect.TypeFor[corev1.PodCertificateProjection](): {
		"signerName": needed + ` format:"signerName"`, "keyType": needed + ` enum:"RSA3072,RSA4096,ECDSAP256,ECDSAP384,ECDSAP521,ED25519"`,
		"maxExpirationSeconds": `format:"certificateSeconds"`, "userAnnotations": `keys:"domainName"`,
		"credentialBundlePath": `format:"projectedPath"`, "keyPath": `format:"projectedPath"`, "certificateChainPath": `format:"projectedPath"`,
	},
	reflect.TypeFor[corev1.PortworxVolumeSource]():           {"volumeID": neededText},
	reflect.TypeFor[corev1.ProjectedVolumeSource]():          {"defaultMode": `format:"fileMode"`},
	reflect.TypeFor[corev1.QuobyteVolumeSource]():            {"registry": needed + ` format:"hostPorts"`, "volume": neededText},
	reflect.TypeFor[corev1.RBDVolumeSource]():                {"monitors": needed, "image": neededText},
	reflect.TypeFor[corev1.ScaleIOVolumeSource]():            {"gateway": neededText, "system": neededText, "volumeName": neededText},
	reflect.TypeFor[corev1.SecretProjection]():               {"name": neededName},
	reflect.TypeFor[corev1.SecretVolumeSource]():             {"secretName": neededName, "defaultMode": `format:"fileMode"`},
	reflect.TypeFor[corev1.ServiceAccountTokenProjection]():  {"path": needed + ` format:"projectedPath"`, "expirationSeconds": `format:"tokenSeconds"`},
	reflect.TypeFor[corev1.StorageOSVolumeSource]():          {"volumeName": needed + ` format:"dnsLabel"`, "volumeNamespace": `format:"dnsLabel"`},
	reflect.TypeFor[corev1.VsphereVirtualDiskVolumeSource](): {"volumePath": neededText},

	// Claims, ValidatePersistentVolumeClaimSpec.
	reflect.TypeFor[corev1.PersistentVolumeClaimTemplate](): {"spec": needed},
	reflect.TypeFor[corev1.PersistentVolumeClaimSpec](): {
		"accessModes": needed + ` enum:"ReadWriteOnce,ReadOnlyMany,ReadWriteMany,ReadWriteOncePod"`,
		"resources":   needed, "volumeMode": `enum:"Filesystem,Block"`,
		"storageClassName": `format:"dnsSubdomainOrNone"`, "volumeAttributesClassName": `format:"dnsSubdomainOrNone"`,
	},
	reflect.TypeFor[corev1.VolumeResourceRequirements](): {"requests": needed + ` keys:"qualifiedName" format:"positive"`},
	reflect.TypeFor[corev1.TypedLocalObjectReference]():  {"name": neededText, "kind": neededText, "apiGroup": `format:"dnsSubdomainOrNone"`},
	reflect.TypeFor[corev1.TypedObjectReference]():       {"name": neededText, "kind": neededText, "apiGroup": `format:"dnsSubdomainOrNone"`, "namespace": `format:"dnsLabel"`},
	reflect.TypeFor[metav1.ObjectMeta]():                 {"labels": `keys:"qualifiedName" format:"labelValue"`, "annotations": `keys:"qualifiedName"`},

	// Containers, validateContainerCommon.
	reflect.TypeFor[corev1.Container](): {
		"imagePullPolicy": `enum:",Always,IfNotPresent,Never"`, "restartPolicy": `enum:"Always,OnFailure,Never"`,
		"terminationMessagePolicy": `enum:",File,FallbackToLogsOnError"`,
	},
	reflect.TypeFor[corev1.ContainerPort](): {
		"name": `format:"portName"`, "containerPort": needed + ` format:"port"`, "hostPort": `format:"portOrNone"`, "protocol": `enum:",TCP,UDP,SCTP"`,
	},
	reflect.TypeFor[corev1.ContainerResizePolicy](): {
		"resourceName": needed + ` enum:"cpu,memory"`, "restartPolicy": needed + ` enum:"NotRequired,RestartContainer"`,
	},
	reflect.TypeFor[corev1.ContainerRestartRule]():            {"action": needed + ` enum:"Restart,RestartAllContainers"`, "exitCodes": needed},
	reflect.TypeFor[corev1.ContainerRestartRuleOnExitCodes](): {"operator": needed + ` enum:"In,NotIn"`},
	reflect.TypeFor[corev1.EnvFromSource]():                   {"prefix": `format:"envPrefix"`},
	reflect.TypeFor[corev1.ConfigMapKeySelector]():            {"name": neededName, "key": needed + ` format:"configKey"`},
	reflect.TypeFor[corev1.SecretKeySelector]():               {"name": neededName, "key": needed + ` format:"configKey"`},
	reflect.TypeFor[corev1.FileKeySelector]():                 {"volumeName": needed + ` format:"dnsLabel"`, "path": needed + ` format:"noBacksteps"`, "key": neededText},
	reflect.TypeFor[corev1.ObjectFieldSelector]():             {"apiVersion": `enum:"v1"`, "fieldPath": neededText},
	reflect.TypeFor[corev1.ResourceFieldSelector]():           {"resource": needed + ` format:"containerResourceField"`},
	reflect.TypeFor[corev1.VolumeMount](): {
		"mountPath": `format:"notEmpty"`,
		"subPath":   `format:"insidePath"`, "subPathExpr": `format:"insidePath"`,
		"mountPropagation": `enum:"None,HostToContainer,Bidirectional"`, "recursiveReadOnly": `enum:"Disabled,IfPossible,Enabled"`,
	},
	reflect.TypeFor[corev1.VolumeDevice]():         {"name": needed, "devicePath": needed + ` format:"noBacksteps"`},
	reflect.TypeFor[corev1.ResourceRequirements](): {"limits": `keys:"resourceName"`, "requests": `keys:"resourceName"`},
	reflect.TypeFor[corev1.ResourceClaim]():        {"name": needed, "request": `format:"dnsLabel"`},
	reflect.TypeFor[corev1.PodResourceClaim](): {
		"name": needed + ` format:"dnsLabel"`, "resourceClaimName": `format:"dnsSubdomain"`, "resourceClaimTemplateName": `format:"dnsSubdomain"`,
	},

	// Handlers and probes, validateProbe and validateHandler.
	reflect.TypeFor[corev1.ExecAction]():      {"command": needed},
	reflect.TypeFor[corev1.GRPCAction]():      {"port": needed + ` format:"port"`},
	reflect.TypeFor[corev1.HTTPGetAction]():   {"port": needed + ` format:"portOrName"`, "scheme": `enum:",HTTP,HTTPS"`},
	reflect.TypeFor[corev1.HTTPHeader]():      {"name": needed + ` format:"headerName"`},
	reflect.TypeFor[corev1.TCPSocketAction](): {"port": needed + ` format:"portOrName"`},
	reflect.TypeFor[corev1.Probe](): {
		"initialDelaySeconds": `format:"notNegative"`, "timeoutSeconds": `format:"notNegative"`, "periodSeconds": `format:"notNegative"`,
		"successThreshold": `format:"notNegative"`, "failureThreshold": `format:"notNegative"`, "terminationGracePeriodSeconds": `format:"positive"`,
	},

	// Security contexts, ValidateSecurityContext and validatePodSpecSecurityContext.
	reflect.TypeFor[corev1.SecurityContext](): {"procMount": `enum:"Default,Unmasked"`, "runAsUser": `format:"id"`, "runAsGroup": `format:"id"`},
	reflect.TypeFor[corev1.PodSecurityContext](): {
		"runAsUser": `format:"id"`, "runAsGroup": `format:"id"`, "fsGroup": `format:"id"`, "supplementalGroups": `format:"id"`,
		"fsGroupChangePolicy": `enum:"OnRootMismatch,Always"`, "supplementalGroupsPolicy": `enum:"Merge,Strict"`, "seLinuxChangePolicy": `enum:"Recursive,MountOption"`,
	},
	reflect.TypeFor[corev1.AppArmorProfile](): {"type": needed + ` enum:"Localhost,RuntimeDefault,Unconfined"`, "localhostProfile": `format:"trimmed"`},
	reflect.TypeFor[corev1.SeccompProfile]():  {"type": needed + ` enum:"Localhost,RuntimeDefault,Unconfined"`, "localhostProfile": `format:"insidePath"`},
	reflect.TypeFor[corev1.Sysctl]():          {"name": needed + ` format:"sysctl"`},

	// The pod, ValidatePodSpec.
	reflect.TypeFor[corev1.PodSpec](): {
		"overhead":              `keys:"resourceName"`,
		"activeDeadlineSeconds": `format:"deadline"`, "terminationGracePeriodSeconds": `format:"notNegative"`,
		"dnsPolicy": `enum:",ClusterFirst,ClusterFirstWithHostNet,Default,None"`, "restartPolicy": `enum:"Always,OnFailure,Never"`,
		"preemptionPolicy": `enum:"PreemptLowerPriority,Never"`, "nodeSelector": `keys:"qualifiedName" format:"labelValue"`,
		"hostname": `format:"dnsLabel"`, "subdomain": `format:"dnsLabel"`, "hostnameOverride": `format:"dnsSubdomain"`, "nodeName": `format:"dnsSubdomainOrNone"`,
		"priorityClassName": `format:"dnsSubdomainOrNone"`, "runtimeClassName": `format:"dnsSubdomain"`, "serviceAccountName": `format:"dnsSubdomainOrNone"`,
	},
	reflect.TypeFor[corev1.HostAlias]():            {"ip": needed + ` format:"ip"`, "hostnames": `format:"dnsSubdomain"`},
	reflect.TypeFor[corev1.LocalObjectReference](): {"name": neededName},
	reflect.TypeFor[corev1.PodDNSConfig]():         {"nameservers": `format:"ip"`, "searches": `format:"dnsSearch"`},
	reflect.TypeFor[corev1.PodDNSConfigOption]():   {"name": neededText},
	reflect.TypeFor[corev1.PodOS]():                {"name": needed + ` enum:"linux"`},
	reflect.TypeFor[corev1.PodReadinessGate]():     {"conditionType": needed + ` format:"qualifiedName"`},
	reflect.TypeFor[corev1.PodSchedulingGate]():    {"name": needed + ` format:"qualifiedName"`},

	// Scheduling, validateAffinity, validateTopologySpreadConstraints and ValidateTolerations.
	reflect.TypeFor[corev1.NodeSelector]():            {"nodeSelectorTerms": needed},
	reflect.TypeFor[corev1.NodeSelectorRequirement](): {"key": needed + ` format:"qualifiedName"`, "operator": needed + ` enum:"In,NotIn,Exists,DoesNotExist,Gt,Lt"`},
	reflect.TypeFor[corev1.PodAffinityTerm](): {
		"topologyKey": needed + ` format:"qualifiedName"`, "namespaces": `format:"dnsLabel"`,
		"matchLabelKeys": `format:"qualifiedName"`, "mismatchLabelKeys": `format:"qualifiedName"`,
	},
	reflect.TypeFor[corev1.PreferredSchedulingTerm](): {"weight": needed + ` format:"weight"`},
	reflect.TypeFor[corev1.WeightedPodAffinityTerm](): {"weight": needed + ` format:"weight"`, "podAffinityTerm": needed},
	reflect.TypeFor[corev1.Toleration](): {
		"key": `format:"tolerationKey"`, "operator": `enum:",Exists,Equal,Lt,Gt"`, "effect": `enum:",NoSchedule,PreferNoSchedule,NoExecute"`,
	},
	reflect.TypeFor[corev1.TopologySpreadConstraint](): {
		"maxSkew": needed + ` format:"positive"`, "minDomains": `format:"positive"`, "topologyKey": neededText,
		"whenUnsatisfiable": needed + ` enum:"DoNotSchedule,ScheduleAnyway"`, "matchLabelKeys": `format:"qualifiedName"`,
		"nodeAffinityPolicy": `enum:"Honor,Ignore"`, "nodeTaintsPolicy": `enum:"Honor,Ignore"`,
	},
	reflect.TypeFor[metav1.LabelSelector](): {"matchLabels": `keys:"qualifiedName" format:"labelValue"`},
	reflect.TypeFor[metav1.LabelSelectorRequirement](): {
		"key": needed + ` format:"qualifiedName"`, "operator": needed + ` enum:"In,NotIn,Exists,DoesNotExist"`, "values": `format:"labelValue"`,
	},

	// Network policies, ValidateNetworkPolicySpec.
	reflect.TypeFor[networkingv1.IPBlock]():           {"cidr": needed + ` format:"cidr"`, "except": `format:"cidr"`},
	reflect.TypeFor[networkingv1.NetworkPolicyPort](): {"port": `format:"portOrName"`, "endPort": `format:"port"`, "protocol": `enum:"TCP,UDP,SCTP"`},
}

// apiTag are the further tags of a field of the outer type t that is declared in
// the struct st.
func apiTag(t, st reflect.Type, field string) reflect.StructTag {
	if tag, ok := apiTags[t][field]; ok {
		return tag
	}
	return apiTags[st][field]
}
