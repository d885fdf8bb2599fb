package diff

import (
	"reflect"
	"strings"
	"sync"

	appsv1 "k8s.io/api/apps/v1"
	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	schedulingv1 "k8s.io/api/scheduling/v1"
	storagev1 "k8s.io/api/storage/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/scion-gen/scion-gen/pkg/manifest"
)

// groupKind names a kind whatever its version.
type groupKind struct{ group, kind string }

// sandbox is the part of agents.x-k8s.io/v1beta1 Sandbox that holds types of
// Kubernetes; its other fields are compared as those of any kind.
type sandbox struct {
	Metadata metav1.ObjectMeta `json:"metadata,omitempty"`
	Spec     struct {
		PodTemplate          podTemplate                    `json:"podTemplate"`
		VolumeClaimTemplates []corev1.PersistentVolumeClaim `json:"volumeClaimTemplates,omitempty"`
	} `json:"spec"`
}

type podTemplate struct {
	Metadata metav1.ObjectMeta `json:"metadata,omitempty"`
	Spec     corev1.PodSpec    `json:"spec"`
}

// otherKind has what every object has.
type otherKind struct {
	Metadata metav1.ObjectMeta `json:"metadata,omitempty"`
}

// goTypes are the kinds whose types are known. The newest version stands for
// all: fields of others are compared as those of any kind.
var goTypes = map[groupKind]reflect.Type{
	{"", "ConfigMap"}:             reflect.TypeFor[corev1.ConfigMap](),
	{"", "LimitRange"}:            reflect.TypeFor[corev1.LimitRange](),
	{"", "Namespace"}:             reflect.TypeFor[corev1.Namespace](),
	{"", "PersistentVolume"}:      reflect.TypeFor[corev1.PersistentVolume](),
	{"", "PersistentVolumeClaim"}: reflect.TypeFor[corev1.PersistentVolumeClaim](),
	{"", "Pod"}:                   reflect.TypeFor[corev1.Pod](),
	{"", "PodTemplate"}:           reflect.TypeFor[corev1.PodTemplate](),
	{"", "ReplicationController"}: reflect.TypeFor[corev1.ReplicationController](),
	{"", "ResourceQuota"}:         reflect.TypeFor[corev1.ResourceQuota](),
	{"", "Secret"}:                reflect.TypeFor[corev1.Secret](),
	{"", "Service"}:               reflect.TypeFor[corev1.Service](),
	{"", "ServiceAccount"}:        reflect.TypeFor[corev1.ServiceAccount](),

	{"apps", "DaemonSet"}:   reflect.TypeFor[appsv1.DaemonSet](),
	{"apps", "Deployment"}:  reflect.TypeFor[appsv1.Deployment](),
	{"apps", "ReplicaSet"}:  reflect.TypeFor[appsv1.ReplicaSet](),
	{"apps", "StatefulSet"}: reflect.TypeFor[appsv1.StatefulSet](),

	{"batch", "CronJob"}: reflect.TypeFor[batchv1.CronJob](),
	{"batch", "Job"}:     reflect.TypeFor[batchv1.Job](),

	{"networking.k8s.io", "Ingress"}:       reflect.TypeFor[networkingv1.Ingress](),
	{"networking.k8s.io", "NetworkPolicy"}: reflect.TypeFor[networkingv1.NetworkPolicy](),

	{rbacv1.GroupName, "ClusterRole"}:        reflect.TypeFor[rbacv1.ClusterRole](),
	{rbacv1.GroupName, "ClusterRoleBinding"}: reflect.TypeFor[rbacv1.ClusterRoleBinding](),
	{rbacv1.GroupName, "Role"}:               reflect.TypeFor[rbacv1.Role](),
	{rbacv1.GroupName, "RoleBinding"}:        reflect.TypeFor[rbacv1.RoleBinding](),

	{schedulingv1.GroupName, "PriorityClass"}: reflect.TypeFor[schedulingv1.PriorityClass](),
	{storagev1.GroupName, "StorageClass"}:     reflect.TypeFor[storagev1.StorageClass](),

	{sandboxGroup, "Sandbox"}:                         reflect.TypeFor[sandbox](),
	{"extensions." + sandboxGroup, "SandboxTemplate"}: reflect.TypeFor[sandbox](),
}

const sandboxGroup = "agents.x-k8s.io"

// listMode is how the items of a list are told apart.
type listMode uint8

const (
	inOrder listMode = iota // by their place: the order counts
	byKey                   // by the fields that are its keys
	asSet                   // scalars, by their value
	asBag                   // by their content: the order does not count
)

// listRule says how a list is compared. Lists of the API that the server
// treats as a map have the keys of their patchMergeKey tag; the tables below
// hold what no tag says.
type listRule struct {
	mode listMode
	keys []string
	// ordered says that items with keys stand in an order that counts;
	// variables that it counts where one uses the other, as $(NAME).
	ordered, variables bool
}

// elemRules are for lists of a type, wherever they stand. The second keys are
// those of the API's listMapKey markers; the others are lists that the server
// replaces as a whole, but whose order means nothing.
var elemRules = map[reflect.Type]listRule{
	reflect.TypeFor[corev1.ContainerPort]():                  {mode: byKey, keys: []string{"containerPort", "protocol"}},
	reflect.TypeFor[corev1.ServicePort]():                    {mode: byKey, keys: []string{"port", "protocol"}},
	reflect.TypeFor[corev1.TopologySpreadConstraint]():       {mode: byKey, keys: []string{"topologyKey", "whenUnsatisfiable"}},
	reflect.TypeFor[corev1.Toleration]():                     {mode: byKey, keys: []string{"key", "operator", "value", "effect"}},
	reflect.TypeFor[corev1.EnvVar]():                         {mode: byKey, keys: []string{"name"}, variables: true},
	reflect.TypeFor[corev1.Sysctl]():                         {mode: byKey, keys: []string{"name"}},
	reflect.TypeFor[corev1.KeyToPath]():                      {mode: byKey, keys: []string{"key", "path"}},
	reflect.TypeFor[corev1.HTTPHeader]():                     {mode: inOrder},
	reflect.TypeFor[corev1.PodSchedulingGate]():              {mode: byKey, keys: []string{"name"}},
	reflect.TypeFor[corev1.ContainerResizePolicy]():          {mode: byKey, keys: []string{"resourceName"}},
	reflect.TypeFor[metav1.LabelSelectorRequirement]():       {mode: asBag},
	reflect.TypeFor[corev1.PersistentVolumeClaim]():          {mode: byKey, keys: []string{"metadata.name"}},
	reflect.TypeFor[corev1.Capability]():                     {mode: asSet},
	reflect.TypeFor[corev1.PersistentVolumeAccessMode]():     {mode: asSet},
	reflect.TypeFor[networkingv1.PolicyType]():               {mode: asSet},
	reflect.TypeFor[networkingv1.NetworkPolicyIngressRule](): {mode: asBag},
	reflect.TypeFor[networkingv1.NetworkPolicyEgressRule]():  {mode: asBag},
	reflect.TypeFor[networkingv1.NetworkPolicyPeer]():        {mode: asBag},
	reflect.TypeFor[networkingv1.NetworkPolicyPort]():        {mode: asBag},
	reflect.TypeFor[rbacv1.PolicyRule]():                     {mode: asBag},
	reflect.TypeFor[rbacv1.Subject]():                        {mode: byKey, keys: []string{"kind", "namespace", "name"}},
}

// setFields are lists of strings whose order means nothing, by struct and field.
var setFields = map[reflect.Type][]string{
	reflect.TypeFor[networkingv1.IPBlock]():            {"except"},
	reflect.TypeFor[rbacv1.PolicyRule]():               {"verbs", "apiGroups", "resources", "resourceNames", "nonResourceURLs"},
	reflect.TypeFor[metav1.ObjectMeta]():               {"finalizers"},
	reflect.TypeFor[metav1.LabelSelectorRequirement](): {"values"},
	reflect.TypeFor[corev1.HostAlias]():                {"hostnames"},
}

// schema is a manifest.Type made ready for comparing.
type schema struct {
	shape  manifest.Shape
	elem   *schema          // of a list or map
	fields map[string]field // of a struct
}

// field is a field of a struct, or what a value stands in for otherwise. The
// zero field is one of which nothing is known.
type field struct {
	*schema
	list listRule
	// zeroAbsent says that the server reads the zero value as an absent field:
	// the Go type is no pointer.
	zeroAbsent bool
	// otherwise is the server's default for a scalar, where it has one.
	otherwise string
}

// shapeOf is the shape, ShapeAny where nothing is known.
func (f field) shapeOf() manifest.Shape {
	if f.schema == nil {
		return manifest.ShapeAny
	}
	return f.schema.shape
}

// child is the field of a mapping.
func (f field) child(key string) field {
	switch f.shapeOf() {
	case manifest.ShapeStruct:
		return f.fields[key]
	case manifest.ShapeMap:
		return field{schema: f.elem}
	}
	return field{}
}

// item is what the items of a list are.
func (f field) item() field {
	if f.shapeOf() == manifest.ShapeList {
		return field{schema: f.elem}
	}
	return field{}
}

// schemas holds those made so far; one never changes once it is returned.
var schemas = struct {
	sync.Mutex
	of map[*manifest.Type]*schema
}{of: map[*manifest.Type]*schema{}}

// schemaOf is the schema of a kind.
func schemaOf(ref Ref) *schema {
	t, known := goTypes[groupKind{ref.Group, ref.Kind}]
	if !known {
		t = reflect.TypeFor[otherKind]()
	}
	typ := manifest.TypeOf(t)
	schemas.Lock()
	defer schemas.Unlock()
	return makeSchema(typ)
}

func makeSchema(t *manifest.Type) *schema {
	if done := schemas.of[t]; done != nil {
		return done
	}
	s := &schema{shape: t.Shape}
	schemas.of[t] = s // before what is in it: types may contain themselves
	if t.Elem != nil {
		s.elem = makeSchema(t.Elem)
	}
	if t.Shape != manifest.ShapeStruct {
		return s
	}
	s.fields = make(map[string]field, len(t.Fields))
	for i := range t.Fields {
		f := &t.Fields[i]
		s.fields[f.Name] = field{
			schema:     makeSchema(f.Type),
			list:       listRuleOf(t, f),
			zeroAbsent: f.Type.Shape != manifest.ShapeAny && t.Go.FieldByIndex(f.Index).Type.Kind() != reflect.Pointer,
			otherwise:  defaults[t.Go][f.Name],
		}
	}
	return s
}

func listRuleOf(t *manifest.Type, f *manifest.TypeField) listRule {
	if f.Type.Shape != manifest.ShapeList {
		return listRule{}
	}
	for _, name := range setFields[t.Go] {
		if name == f.Name {
			return listRule{mode: asSet}
		}
	}
	rule, known := elemRules[f.Type.Elem.Go]
	switch {
	case known:
		return rule
	case f.MergeKey != "":
		return listRule{mode: byKey, keys: strings.Fields(f.MergeKey), ordered: f.Name == "initContainers"}
	case f.Merge:
		return listRule{mode: asSet}
	}
	return listRule{}
}

// defaults are what the API server sets where a field is absent (SetDefaults_*
// in pkg/apis/*/v1/defaults.go of Kubernetes), as far as they do not depend on
// other fields.
var defaults = map[reflect.Type]map[string]string{
	reflect.TypeFor[corev1.PodSpec](): {
		"restartPolicy": "Always", "dnsPolicy": "ClusterFirst", "schedulerName": "default-scheduler",
		"terminationGracePeriodSeconds": "30", "enableServiceLinks": "true",
	},
	reflect.TypeFor[corev1.Container](): {
		"terminationMessagePath": "/dev/termination-log", "terminationMessagePolicy": "File",
	},
	reflect.TypeFor[corev1.ContainerPort](): {"protocol": "TCP"},
	reflect.TypeFor[corev1.ServicePort]():   {"protocol": "TCP"},
	reflect.TypeFor[corev1.Probe](): {
		"timeoutSeconds": "1", "periodSeconds": "10", "successThreshold": "1", "failureThreshold": "3",
	},
	reflect.TypeFor[batchv1.PodFailurePolicyOnPodConditionsPattern](): {
		"status": "True",
	},
	reflect.TypeFor[rbacv1.RoleRef]():                   {"apiGroup": rbacv1.GroupName},
	reflect.TypeFor[corev1.HTTPGetAction]():             {"scheme": "HTTP", "path": "/"},
	reflect.TypeFor[corev1.SecretVolumeSource]():        {"defaultMode": "420"},
	reflect.TypeFor[corev1.ConfigMapVolumeSource]():     {"defaultMode": "420"},
	reflect.TypeFor[corev1.ProjectedVolumeSource]():     {"defaultMode": "420"},
	reflect.TypeFor[corev1.DownwardAPIVolumeSource]():   {"defaultMode": "420"},
	reflect.TypeFor[corev1.ObjectFieldSelector]():       {"apiVersion": "v1"},
	reflect.TypeFor[corev1.PersistentVolumeSpec]():      {"volumeMode": "Filesystem", "persistentVolumeReclaimPolicy": "Retain"},
	reflect.TypeFor[corev1.PersistentVolumeClaimSpec](): {"volumeMode": "Filesystem"},
	reflect.TypeFor[schedulingv1.PriorityClass]():       {"preemptionPolicy": "PreemptLowerPriority"},
	reflect.TypeFor[storagev1.StorageClass]():           {"reclaimPolicy": "Delete", "volumeBindingMode": "Immediate"},
	reflect.TypeFor[corev1.Secret]():                    {"type": "Opaque"},
	reflect.TypeFor[corev1.ServiceSpec]():               {"type": "ClusterIP", "sessionAffinity": "None"},
	reflect.TypeFor[appsv1.DeploymentSpec]():            {"replicas": "1", "revisionHistoryLimit": "10", "progressDeadlineSeconds": "600"},
	reflect.TypeFor[appsv1.StatefulSetSpec]():           {"replicas": "1", "revisionHistoryLimit": "10", "podManagementPolicy": "OrderedReady"},
	reflect.TypeFor[batchv1.JobSpec]():                  {"backoffLimit": "6", "parallelism": "1", "completions": "1", "completionMode": "NonIndexed", "suspend": "false"},
}
