package render

import (
	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
	"k8s.io/apimachinery/pkg/api/resource"

	"github.com/scion-gen/scion-gen/pkg/manifest"
)

// APIVersion is the apiVersion of every configuration document.
const APIVersion = "gen.scion.dev/v1alpha1"

// The struct tags beside json's are those of manifest.Checker and of the
// Kubernetes API's merges; the names of formats are the keys of formats. The
// checks and the JSON Schema are made from them and from the comments.

// Header is what every document starts with.
type Header struct {
	// gen.scion.dev/v1alpha1.
	APIVersion string `json:"apiVersion" required:"true" enum:"gen.scion.dev/v1alpha1"`
	// What the document is.
	Kind string `json:"kind" required:"true" enum:"Fleet,AgentTemplate,Agent"`
}

// Fleet says what holds for every agent. There is at most one.
type Fleet struct {
	Header `json:",inline"`
	// Name of the fleet; for people only.
	Metadata FleetMetadata `json:"metadata" required:"true"`
	// What holds for every agent.
	Spec FleetSpec `json:"spec"`
}

// FleetMetadata names a Fleet.
type FleetMetadata struct {
	// For people only.
	Name string `json:"name" required:"true" format:"dnsSubdomain"`
}

// FleetSpec is what a Fleet says.
type FleetSpec struct {
	// The namespace of agents that name none. Default: default.
	Namespace string `json:"namespace,omitempty" format:"dnsLabel"`
	// What every agent starts from, below its template.
	Defaults AgentSpec `json:"defaults,omitempty"`
	// The tool that syncs the manifests; adds the annotations a bare pod needs
	// there. Default: None.
	GitOps string `json:"gitops,omitempty" enum:"None,ArgoCD,Flux"`
	// The network policy rendered for each grove.
	NetworkPolicy NetworkPolicy `json:"networkPolicy,omitempty"`
	// The Pod Security Standard every pod is held to.
	PodSecurity PodSecurity `json:"podSecurity,omitempty"`
}

// NetworkPolicy says which traffic the agents of a grove may have.
type NetworkPolicy struct {
	// Grove (default) renders one policy a grove; None renders none.
	Mode string `json:"mode,omitempty" enum:"Grove,None"`
	// Replaces what may come in. Default: the agents of the same grove.
	Ingress []networkingv1.NetworkPolicyIngressRule `json:"ingress,omitempty"`
	// Replaces what may go out. Default: everywhere but the cloud's metadata
	// addresses.
	Egress []networkingv1.NetworkPolicyEgressRule `json:"egress,omitempty"`
}

// PodSecurity is a level of the Pod Security Standards.
type PodSecurity struct {
	// Default: restricted.
	Level string `json:"level,omitempty" enum:"privileged,baseline,restricted"`
	// The version of the standard, such as v1.35. Default: latest.
	Version string `json:"version,omitempty" format:"podSecurityVersion"`
}

// AgentTemplate is a named AgentSpec that agents and other templates build on.
// A template of the name of a built-in one replaces it.
type AgentTemplate struct {
	Header `json:",inline"`
	// Which template it is.
	Metadata TemplateMetadata `json:"metadata" required:"true"`
	// What agents of the template start from.
	Spec AgentTemplateSpec `json:"spec"`
}

// TemplateMetadata names an AgentTemplate.
type TemplateMetadata struct {
	// What template and extends refer to.
	Name string `json:"name" required:"true" format:"dnsLabel"`
}

// AgentTemplateSpec is an AgentSpec with a parent.
type AgentTemplateSpec struct {
	// The template this one changes. Default: base; base itself has none.
	Extends   string `json:"extends,omitempty"`
	AgentSpec `json:",inline"`
}

// Agent is one agent.
type Agent struct {
	Header `json:",inline"`
	// Which agent it is.
	Metadata AgentMetadata `json:"metadata" required:"true"`
	// What the agent is.
	Spec AgentSpec `json:"spec"`
}

// AgentMetadata names an Agent; labels and annotations go to its pod.
type AgentMetadata struct {
	// The agent's name; with the grove's it names the pod.
	Name string `json:"name" required:"true" format:"dnsLabel"`
	// The pod's namespace. Default: the Fleet's.
	Namespace string `json:"namespace,omitempty" format:"dnsLabel"`
	// Further labels of the pod.
	Labels map[string]string `json:"labels,omitempty" keys:"qualifiedName" format:"labelValue"`
	// Further annotations of the pod.
	Annotations map[string]string `json:"annotations,omitempty" keys:"qualifiedName"`
}

// AgentSpec describes an agent. Every field may be set by the Fleet's
// defaults, by a template and by the agent; the later one wins, maps and lists
// with a key are merged, and null removes.
type AgentSpec struct {
	// The template to start from, built-in (claude, gemini, codex, opencode,
	// generic) or your own. Default: base.
	Template string `json:"template,omitempty"`
	// The grove (project) the agent belongs to. Agents of a grove share its
	// directories and may talk to each other.
	Grove string `json:"grove,omitempty" format:"dnsLabel"`
	// What the agent is to do; reaches the harness byte for byte.
	Task string `json:"task,omitempty"`
	// Continue the harness's former session.
	Resume bool `json:"resume,omitempty"`
	// Further arguments of the harness, before the task.
	Args []string `json:"args,omitempty"`
	// The model the harness is to use.
	Model string `json:"model,omitempty"`
	// How the harness (the agent program) is called.
	Harness Harness `json:"harness,omitempty"`

	// The container image, with tag or digest.
	Image string `json:"image,omitempty" format:"image"`
	// The registry and path of scion-* images, put in place of whatever
	// precedes their last component.
	ImageRegistry string `json:"imageRegistry,omitempty" format:"imageRegistry"`
	// When the kubelet pulls the image. Default: IfNotPresent.
	ImagePullPolicy string `json:"imagePullPolicy,omitempty" enum:"Always,IfNotPresent,Never"`
	// Secrets to pull the image with.
	ImagePullSecrets []corev1.LocalObjectReference `json:"imagePullSecrets,omitempty" patchStrategy:"merge" patchMergeKey:"name"`
	// Who the processes run as.
	User User `json:"user,omitempty"`

	// Immediate (default) needs nothing outside the pod; Gated waits for the
	// broker's marker file /tmp/.scion-home-ready.
	Start string `json:"start,omitempty" enum:"Immediate,Gated"`
	// Keep (default): the pod lives on when the harness ends, so that people
	// can look around. Exit: the pod ends with the harness, with its exit code.
	OnExit string `json:"onExit,omitempty" enum:"Keep,Exit"`

	// Environment variables: literal values. A value may use $(OTHER), as in
	// a Pod. Credentials belong in secrets.
	Env map[string]string `json:"env,omitempty" keys:"envName"`
	// References to secrets; never their values.
	Secrets []Secret `json:"secrets,omitempty" patchStrategy:"merge" patchMergeKey:"name"`

	// Where the agent works: /workspace.
	Workspace Workspace `json:"workspace,omitempty"`
	// Files put into the home directory before the harness starts.
	Home Home `json:"home,omitempty"`
	// Directories that the agents of a grove share, each a claim of the grove.
	SharedDirs []SharedDir `json:"sharedDirs,omitempty" patchStrategy:"merge" patchMergeKey:"name"`
	// Further volumes: Cloud Storage buckets and whatever a Pod can mount.
	Volumes []Volume `json:"volumes,omitempty" patchStrategy:"merge" patchMergeKey:"mountPath"`
	// What the agent may use.
	Resources Resources `json:"resources,omitempty"`

	// The Scion hub the agent reports to.
	Hub Hub `json:"hub,omitempty"`
	// What is measured and where it is sent.
	Telemetry Telemetry `json:"telemetry,omitempty"`
	// When sciontool ends the agent.
	Limits Limits `json:"limits,omitempty"`
	// The cloud identity the agent sees.
	Metadata Metadata `json:"metadata,omitempty"`

	// The root file system cannot be written to; the home directory,
	// /workspace, /tmp, /var/tmp and /run can. Default: true.
	ReadOnlyRootFilesystem *bool `json:"readOnlyRootFilesystem,omitempty"`
	// The pod's service account. Default: scion-agent, rendered beside the
	// pods; one that you name is yours to create.
	ServiceAccountName string `json:"serviceAccountName,omitempty" format:"dnsSubdomain"`
	// The pod's runtime class, such as gvisor.
	RuntimeClassName string `json:"runtimeClassName,omitempty" format:"dnsSubdomain"`
	// Labels of the nodes that the pod may run on.
	NodeSelector map[string]string `json:"nodeSelector,omitempty" keys:"qualifiedName" format:"labelValue"`
	// Taints that the pod tolerates.
	Tolerations []corev1.Toleration `json:"tolerations,omitempty"`
	// The pod's priority class.
	PriorityClassName string `json:"priorityClassName,omitempty" format:"dnsSubdomain"`

	// What runs the pod: a Pod (default), a Job, which ends with the harness, a
	// Deployment or StatefulSet, which start the agent again when it ends, or a
	// Sandbox of agent-sandbox.
	Workload string `json:"workload,omitempty" enum:"Pod,Job,Deployment,StatefulSet,Sandbox"`
	// A strategic merge patch on the Pod: the last word of its layer.
	Pod *manifest.Node `json:"pod,omitempty"`
}

// PodPatch is what spec.pod may say: the rest of a Pod is its identity, which
// is the agent's, and its status, which is the cluster's.
type PodPatch struct {
	// The pod's labels, annotations and finalizers.
	Metadata PodPatchMetadata `json:"metadata,omitempty"`
	// The pod's spec, as in a Pod.
	Spec corev1.PodSpec `json:"spec,omitempty"`
}

// PodPatchMetadata is what a patch may change of a pod's metadata.
type PodPatchMetadata struct {
	// Labels to set.
	Labels map[string]string `json:"labels,omitempty" keys:"qualifiedName" format:"labelValue"`
	// Annotations to set.
	Annotations map[string]string `json:"annotations,omitempty" keys:"qualifiedName"`
	// Finalizers to add.
	Finalizers []string `json:"finalizers,omitempty" patchStrategy:"merge" format:"finalizer"`
}

// Harness says how a task becomes a command line: command, then resumeArgs if
// the agent resumes, systemPromptArgs if it has a system prompt, modelArgs if
// it has a model, the agent's args, and taskArgs with the task. The value that
// resumeArgs does not have, and the others do, follows as an argument of its
// own, or joined to a last entry that ends in "=".
type Harness struct {
	// The harness's name, such as claude; SCION_HARNESS.
	Name string `json:"name,omitempty"`
	// The program and its fixed arguments.
	Command []string `json:"command,omitempty"`
	// Added where the agent resumes.
	ResumeArgs []string `json:"resumeArgs,omitempty"`
	// Put before the task.
	TaskArgs []string `json:"taskArgs,omitempty"`
	// Put before the model.
	ModelArgs []string `json:"modelArgs,omitempty"`
	// Put before the system prompt.
	SystemPromptArgs []string `json:"systemPromptArgs,omitempty"`
	// Environment variables of the harness. A value may use $(HOME).
	Env map[string]string `json:"env,omitempty" keys:"envName"`
	// Set beside env where telemetry is on.
	TelemetryEnv map[string]string `json:"telemetryEnv,omitempty" keys:"envName"`
	// Set beside env where the agent has a system prompt.
	SystemPromptEnv map[string]string `json:"systemPromptEnv,omitempty" keys:"envName"`
	// Where the harness reads instructions, below the home directory.
	InstructionsFile string `json:"instructionsFile,omitempty" format:"homeFile"`
	// Where the system prompt is put, below the home directory.
	SystemPromptFile string `json:"systemPromptFile,omitempty" format:"homeFile"`
	// How the harness authenticates: a key of authMethods.
	Auth string `json:"auth,omitempty"`
	// The environment variables that each method of authentication sets.
	AuthMethods map[string]AuthMethod `json:"authMethods,omitempty" keys:"dnsLabel"`
}

// AuthMethod is one way for a harness to authenticate.
type AuthMethod struct {
	// Environment variables that choose the method.
	Env map[string]string `json:"env,omitempty" keys:"envName"`
	// Names of the variables that must come from secrets.
	Secrets []string `json:"secrets,omitempty" format:"envName"`
}

// User is who the processes of the pod run as. None of it is taken from the
// process that renders.
type User struct {
	// The user's name; HOME is /home/<name>. Default: scion.
	Name string `json:"name,omitempty" format:"userName"`
	// Default: 1000.
	UID int64 `json:"uid,omitempty" format:"id"`
	// Default: 1000.
	GID int64 `json:"gid,omitempty" format:"id"`
	// The group that owns the volumes: the broker's gid where a broker syncs
	// files. Default: 1000.
	FSGroup int64 `json:"fsGroup,omitempty" format:"id"`
}

// Secret is a reference to one secret value.
type Secret struct {
	// The secret's name among the agent's secrets.
	Name string `json:"name" required:"merged"`
	// environment (default): a variable named target. file: a file at target.
	// variable: the key target of ~/.scion/secrets.json.
	Type string `json:"type,omitempty" enum:"environment,file,variable,"`
	// The variable's name, the file's path (~/ is the home directory) or the
	// key. Default: the name.
	Target string `json:"target,omitempty"`
	// Where the value is.
	From SecretSource `json:"from" required:"merged"`
}

// SecretSource is where the value of a secret is: one of the two.
type SecretSource struct {
	// A key of a Secret in the agent's namespace.
	SecretKeyRef *KeyRef `json:"secretKeyRef,omitempty" union:""`
	// A secret of Google Secret Manager.
	SecretManager *SecretManager `json:"secretManager,omitempty" union:""`
}

// KeyRef is a key of a Secret or a ConfigMap.
type KeyRef struct {
	// The name of the Secret or ConfigMap.
	Name string `json:"name" required:"merged" format:"dnsSubdomain"`
	// The key in it.
	Key string `json:"key" required:"merged" format:"configKey"`
}

// SecretManager is a secret of Google Secret Manager and how it gets to the
// pod.
type SecretManager struct {
	// projects/<project>/secrets/<name>, with /versions/<version> or the
	// latest.
	Resource string `json:"resource" required:"merged" format:"secretManagerResource"`
	// CSI (default): the Secrets Store CSI driver with its gcp provider. GKE:
	// GKE's add-on, which gives files only. ExternalSecrets: the External
	// Secrets Operator.
	Driver string `json:"driver,omitempty" enum:"CSI,GKE,ExternalSecrets"`
	// The SecretStore of the External Secrets Operator.
	StoreName string `json:"storeName,omitempty" format:"dnsSubdomain"`
	// Default: SecretStore.
	StoreKind string `json:"storeKind,omitempty" enum:"SecretStore,ClusterSecretStore"`
}

// Workspace is the directory the agent works in.
type Workspace struct {
	// The repository to clone into it.
	Git *Git `json:"git,omitempty"`
	// What holds it. Default: an emptyDir.
	Volume WorkspaceVolume `json:"volume,omitempty"`
	// The workspace is shared with other agents.
	Shared bool `json:"shared,omitempty"`
}

// Git is a repository to clone.
type Git struct {
	// https, ssh or git URL, without credentials.
	URL string `json:"url" required:"merged" format:"gitURL"`
	// The branch to clone. Default: main.
	Branch string `json:"branch,omitempty" format:"gitBranch"`
	// How many commits; 0 is all. Default: 1.
	Depth *int32 `json:"depth,omitempty" format:"count"`
	// The branch the agent works on. Default: scion/<agent>.
	AgentBranch string `json:"agentBranch,omitempty" format:"gitBranch"`
	// Agent (default): sciontool clones, in the agent container.
	// InitContainer: an init container named git-clone does.
	Clone string `json:"clone,omitempty" enum:"Agent,InitContainer"`
	// Tokens come from a GitHub App: sciontool refreshes them.
	GitHubApp bool `json:"githubApp,omitempty"`
}

// WorkspaceVolume is one of the two.
type WorkspaceVolume struct {
	// A directory that lives as long as the pod.
	EmptyDir *corev1.EmptyDirVolumeSource `json:"emptyDir,omitempty" union:""`
	// A claim, which outlives the pod.
	PersistentVolumeClaim *corev1.PersistentVolumeClaimVolumeSource `json:"persistentVolumeClaim,omitempty" union:""`
}

// Home says what is put into the home directory. The image's own files there
// stay; what is named here is written over them.
type Home struct {
	// What the agent is told of the project; at the harness's
	// instructionsFile.
	Instructions *FileSource `json:"instructions,omitempty"`
	// The system prompt; at the harness's systemPromptFile.
	SystemPrompt *FileSource `json:"systemPrompt,omitempty"`
	// Further files.
	Files []HomeFile `json:"files,omitempty" patchStrategy:"merge" patchMergeKey:"path"`
}

// FileSource is the content of a file: one of the three.
type FileSource struct {
	// The content itself.
	Text string `json:"text,omitempty" union:""`
	// A key of a ConfigMap in the agent's namespace.
	ConfigMapKeyRef *KeyRef `json:"configMapKeyRef,omitempty" union:""`
	// A key of a Secret in the agent's namespace.
	SecretKeyRef *KeyRef `json:"secretKeyRef,omitempty" union:""`
}

// HomeFile is a file below the home directory.
type HomeFile struct {
	// Below the home directory, such as .claude/settings.json.
	Path       string `json:"path" required:"merged" format:"homeFile"`
	FileSource `json:",inline"`
	// Only where neither the image nor another file given here has it: for a
	// template's defaults.
	IfAbsent bool `json:"ifAbsent,omitempty"`
}

// SharedDir is a directory that the agents of a grove share.
type SharedDir struct {
	// Lowercase letters, digits and inner hyphens; mounted at
	// /scion-volumes/<name>.
	Name string `json:"name" required:"merged" format:"dnsLabel"`
	// The agent may only read it.
	ReadOnly bool `json:"readOnly,omitempty"`
	// Mount at /workspace/.scion-volumes/<name> instead.
	InWorkspace bool `json:"inWorkspace,omitempty"`
	// Default: 10Gi.
	Size *resource.Quantity `json:"size,omitempty" format:"positive"`
	// Default: the cluster's default class.
	StorageClassName string `json:"storageClassName,omitempty" format:"dnsSubdomain"`
}

// Volume is a volume and where it is mounted.
type Volume struct {
	// An absolute path; ~/ is the home directory.
	MountPath string `json:"mountPath" required:"merged" format:"mountPath"`
	// The agent may only read it.
	ReadOnly bool `json:"readOnly,omitempty"`
	// Only this path of the volume.
	SubPath string `json:"subPath,omitempty" format:"homePath"`
	// A Cloud Storage bucket, through GKE's Cloud Storage FUSE driver.
	GCS *GCS `json:"gcs,omitempty" union:""`
	// A volume as in a Pod, without its name.
	Source *corev1.VolumeSource `json:"source,omitempty" union:""`
}

// GCS is a Cloud Storage bucket.
type GCS struct {
	// The bucket's name.
	Bucket string `json:"bucket" required:"merged" format:"bucket"`
	// Only the objects below it.
	Prefix string `json:"prefix,omitempty" format:"homePath"`
	// Mount options. Default: implicit-dirs.
	MountOptions string `json:"mountOptions,omitempty"`
}

// Resources are what the agent asks for and may use at most.
type Resources struct {
	// What the scheduler keeps free for the agent, as in a Pod.
	Requests corev1.ResourceList `json:"requests,omitempty" keys:"resourceName"`
	// What the agent may use at most, as in a Pod.
	Limits corev1.ResourceList `json:"limits,omitempty" keys:"resourceName"`
	// Ephemeral storage: request and limit.
	Disk *resource.Quantity `json:"disk,omitempty" format:"notNegative"`
	// What our init containers ask for and may use. It is apart from the
	// agent's because it cannot be changed in a running pod, and theirs can.
	Init InitResources `json:"init,omitempty"`
}

// InitResources are requests and limits as in a Pod.
type InitResources struct {
	// What each init container asks for.
	Requests corev1.ResourceList `json:"requests,omitempty" keys:"resourceName"`
	// What each may use at most.
	Limits corev1.ResourceList `json:"limits,omitempty" keys:"resourceName"`
}

// Hub is the Scion hub an agent reports to. Its token is a secret with the
// target SCION_AUTH_TOKEN.
type Hub struct {
	// SCION_HUB_ENDPOINT and SCION_HUB_URL.
	Endpoint string `json:"endpoint,omitempty" format:"url"`
	// SCION_AGENT_ID.
	AgentID string `json:"agentID,omitempty"`
	// SCION_AGENT_SLUG.
	AgentSlug string `json:"agentSlug,omitempty"`
	// SCION_GROVE_ID and the label scion.grove_id.
	GroveID string `json:"groveID,omitempty"`
	// SCION_BROKER_NAME.
	BrokerName string `json:"brokerName,omitempty"`
	// SCION_BROKER_ID.
	BrokerID string `json:"brokerID,omitempty"`
	// SCION_CREATOR.
	Creator string `json:"creator,omitempty"`
	// SCION_DEBUG.
	Debug bool `json:"debug,omitempty"`
}

// Telemetry is what is measured and where it is sent. Headers with tokens are
// a secret with the target SCION_OTEL_HEADERS.
type Telemetry struct {
	// SCION_TELEMETRY_ENABLED; also sets the harness's telemetryEnv.
	Enabled *bool `json:"enabled,omitempty"`
	// The collector that telemetry goes to.
	Cloud TelemetryCloud `json:"cloud,omitempty"`
	// What the hub is told.
	Hub TelemetryHub `json:"hub,omitempty"`
	// What is kept in the pod.
	Local TelemetryLocal `json:"local,omitempty"`
	// What is left out or made unreadable.
	Filter TelemetryFilters `json:"filter,omitempty"`
}

// TelemetryCloud is the collector that telemetry goes to.
type TelemetryCloud struct {
	// SCION_TELEMETRY_CLOUD_ENABLED.
	Enabled *bool `json:"enabled,omitempty"`
	// SCION_OTEL_ENDPOINT.
	Endpoint string `json:"endpoint,omitempty"`
	// SCION_OTEL_PROTOCOL.
	Protocol string `json:"protocol,omitempty" enum:"grpc,http"`
	// How the collector is trusted.
	TLS TelemetryTLS `json:"tls,omitempty"`
	// SCION_TELEMETRY_CLOUD_PROVIDER.
	Provider string `json:"provider,omitempty"`
	// How much is sent at once.
	Batch TelemetryBatch `json:"batch,omitempty"`
}

// TelemetryTLS is how the collector is trusted.
type TelemetryTLS struct {
	// SCION_OTEL_INSECURE.
	InsecureSkipVerify *bool `json:"insecureSkipVerify,omitempty"`
	// SCION_OTEL_CA_FILE.
	CAFile string `json:"caFile,omitempty"`
}

// TelemetryBatch is how much is sent at once.
type TelemetryBatch struct {
	// SCION_TELEMETRY_CLOUD_BATCH_MAX_SIZE.
	MaxSize int64 `json:"maxSize,omitempty" format:"count"`
	// SCION_TELEMETRY_CLOUD_BATCH_TIMEOUT, such as 5s.
	Timeout string `json:"timeout,omitempty" format:"duration"`
}

// TelemetryHub is what the hub is told.
type TelemetryHub struct {
	// SCION_TELEMETRY_HUB_ENABLED.
	Enabled *bool `json:"enabled,omitempty"`
	// SCION_TELEMETRY_HUB_REPORT_INTERVAL, such as 30s.
	ReportInterval string `json:"reportInterval,omitempty" format:"duration"`
}

// TelemetryLocal is what is kept in the pod.
type TelemetryLocal struct {
	// SCION_TELEMETRY_LOCAL_ENABLED and SCION_TELEMETRY_DEBUG.
	Enabled *bool `json:"enabled,omitempty"`
	// SCION_TELEMETRY_LOCAL_FILE.
	File string `json:"file,omitempty"`
	// SCION_TELEMETRY_LOCAL_CONSOLE.
	Console *bool `json:"console,omitempty"`
}

// TelemetryFilters is what is left out.
type TelemetryFilters struct {
	// SCION_TELEMETRY_FILTER_ENABLED.
	Enabled *bool `json:"enabled,omitempty"`
	// SCION_TELEMETRY_FILTER_RESPECT_DEBUG_MODE.
	RespectDebugMode *bool `json:"respectDebugMode,omitempty"`
	// Which events are kept.
	Events TelemetryEvents `json:"events,omitempty"`
	// Which attributes are made unreadable.
	Attributes TelemetryAttributes `json:"attributes,omitempty"`
}

// TelemetryEvents are names of events.
type TelemetryEvents struct {
	// SCION_TELEMETRY_FILTER_INCLUDE.
	Include []string `json:"include,omitempty"`
	// SCION_TELEMETRY_FILTER_EXCLUDE.
	Exclude []string `json:"exclude,omitempty"`
}

// TelemetryAttributes are names of attributes.
type TelemetryAttributes struct {
	// SCION_TELEMETRY_REDACT.
	Redact []string `json:"redact,omitempty"`
	// SCION_TELEMETRY_HASH.
	Hash []string `json:"hash,omitempty"`
}

// Limits are when sciontool ends the agent, with exit code 10.
type Limits struct {
	// SCION_MAX_TURNS.
	MaxTurns int64 `json:"maxTurns,omitempty" format:"count"`
	// SCION_MAX_MODEL_CALLS.
	MaxModelCalls int64 `json:"maxModelCalls,omitempty" format:"count"`
	// SCION_MAX_DURATION, such as 1h30m.
	MaxDuration string `json:"maxDuration,omitempty" format:"duration"`
}

// Metadata is what the agent sees of the cloud's metadata server.
type Metadata struct {
	// block (default): nothing. assign: the identity given here, through
	// sciontool's own server. passthrough: the node's, and the network policy
	// lets the agent reach it.
	Mode string `json:"mode,omitempty" enum:"block,assign,passthrough"`
	// SCION_METADATA_PORT. Default: 18380.
	Port int32 `json:"port,omitempty" format:"port"`
	// SCION_METADATA_SA_EMAIL; with assign only.
	ServiceAccountEmail string `json:"serviceAccountEmail,omitempty" format:"email"`
	// SCION_METADATA_PROJECT_ID; with assign only.
	ProjectID string `json:"projectID,omitempty"`
}
