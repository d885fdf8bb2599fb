package e2e

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/scion-gen/scion-gen/e2e/cluster"
)

// change is an edit of one of the objects below, and the rule by which
// scion-gen diff says what it does.
type change struct {
	rule string
	kind string
	old  string // what the object has beside, as "from -> to"; empty if nothing
	edit string // "from -> to"
}

// changedObjects are the objects that changes edit.
var changedObjects = map[string]string{
	"Pod": `apiVersion: v1
kind: Pod
metadata: {name: x, namespace: changes, labels: {app: x}}
spec:
  automountServiceAccountToken: false
  activeDeadlineSeconds: 600
  terminationGracePeriodSeconds: 30
  nodeSelector: {disk: ssd}
  tolerations:
  - {key: a, operator: Exists, effect: NoExecute, tolerationSeconds: 60}
  initContainers:
  - {name: setup, image: "setup:1"}
  - {name: sidecar, image: "sidecar:1", restartPolicy: Always, resources: {requests: {cpu: 10m}}}
  containers:
  - name: agent
    image: agent:1
    env: [{name: A, value: "1"}]
    resources: {requests: {cpu: 100m, memory: 100Mi}, limits: {cpu: "1", memory: 200Mi}}
`,
	"Deployment": workloadObject("apps/v1", "Deployment", "  replicas: 2\n"),
	"StatefulSet": workloadObject("apps/v1", "StatefulSet", `  replicas: 2
  serviceName: x
  volumeClaimTemplates:
  - metadata: {name: data}
    spec: {accessModes: [ReadWriteOnce], resources: {requests: {storage: 1Gi}}}
`),
	"DaemonSet":  workloadObject("apps/v1", "DaemonSet", "  minReadySeconds: 0\n"),
	"ReplicaSet": workloadObject("apps/v1", "ReplicaSet", "  replicas: 2\n"),
	"ReplicationController": `apiVersion: v1
kind: ReplicationController
metadata: {name: x, namespace: changes}
spec:
  replicas: 2
  selector: {app: x}
  template:
    metadata: {labels: {app: x}}
    spec:
      containers:
      - {name: agent, image: "agent:1"}
`,
	"PodTemplate": `apiVersion: v1
kind: PodTemplate
metadata: {name: x, namespace: changes}
template:
  spec:
    containers:
    - {name: agent, image: "agent:1"}
`,
	"Job": `apiVersion: batch/v1
kind: Job
metadata: {name: x, namespace: changes}
spec:
  backoffLimit: 0
  parallelism: 2
  completions: 2
  completionMode: Indexed
  template:
    spec:
      restartPolicy: Never
      nodeSelector: {disk: ssd}
      containers:
      - {name: agent, image: "agent:1"}
`,
	"CronJob": `apiVersion: batch/v1
kind: CronJob
metadata: {name: x, namespace: changes}
spec:
  schedule: 0 1 * * *
  jobTemplate:
    spec:
      template:
        spec:
          restartPolicy: Never
          containers:
          - {name: agent, image: "agent:1"}
`,
	"PersistentVolumeClaim": `apiVersion: v1
kind: PersistentVolumeClaim
metadata: {name: x, namespace: changes}
spec:
  accessModes: [ReadWriteOnce]
  storageClassName: growing
  volumeName: volume
  resources: {requests: {storage: 1Gi}}
`,
	"PersistentVolume": `apiVersion: v1
kind: PersistentVolume
metadata: {name: x}
spec:
  capacity: {storage: 1Gi}
  accessModes: [ReadWriteOnce]
  volumeAttributesClassName: slow
  csi: {driver: csi.example.com, volumeHandle: a}
`,
	"ConfigMap": `apiVersion: v1
kind: ConfigMap
metadata: {name: x, namespace: changes}
data: {a: "1"}
binaryData: {b: MQ==}
`,
	"Secret": `apiVersion: v1
kind: Secret
metadata: {name: x, namespace: changes}
type: Opaque
data: {a: MQ==}
`,
	"ResourceQuota": `apiVersion: v1
kind: ResourceQuota
metadata: {name: x, namespace: changes}
spec:
  hard: {pods: "100"}
  scopes: [NotTerminating]
`,
	"LimitRange": `apiVersion: v1
kind: LimitRange
metadata: {name: x, namespace: changes}
spec:
  limits: [{type: Container, max: {cpu: "8"}}]
`,
	"ServiceAccount": `apiVersion: v1
kind: ServiceAccount
metadata: {name: x, namespace: changes}
automountServiceAccountToken: false
`,
	"Service": `apiVersion: v1
kind: Service
metadata: {name: x, namespace: changes}
spec:
  clusterIP: 10.0.0.7
  selector: {app: x}
  ports:
  - {port: 80}
`,
	"NetworkPolicy": `apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: {name: x, namespace: changes}
spec:
  podSelector: {matchLabels: {app: x}}
  policyTypes: [Ingress]
`,
	"IngressClass": `apiVersion: networking.k8s.io/v1
kind: IngressClass
metadata: {name: x}
spec: {controller: example.com/a, parameters: {kind: Parameters, name: a}}
`,
	"PriorityClass": `apiVersion: scheduling.k8s.io/v1
kind: PriorityClass
metadata: {name: x}
value: 10
preemptionPolicy: Never
description: agents
`,
	"RuntimeClass": `apiVersion: node.k8s.io/v1
kind: RuntimeClass
metadata: {name: x}
handler: runsc
scheduling: {nodeSelector: {disk: ssd}}
`,
	"StorageClass": `apiVersion: storage.k8s.io/v1
kind: StorageClass
metadata: {name: x}
provisioner: example.com/a
parameters: {a: "1"}
reclaimPolicy: Retain
volumeBindingMode: WaitForFirstConsumer
allowVolumeExpansion: true
`,
	"VolumeAttributesClass": `apiVersion: storage.k8s.io/v1
kind: VolumeAttributesClass
metadata: {name: x}
driverName: csi.example.com
parameters: {a: "1"}
`,
	"CSIDriver": `apiVersion: storage.k8s.io/v1
kind: CSIDriver
metadata: {name: x}
spec: {attachRequired: false, podInfoOnMount: true, volumeLifecycleModes: [Ephemeral]}
`,
	"ResourceClaim": `apiVersion: resource.k8s.io/v1
kind: ResourceClaim
metadata: {name: x, namespace: changes}
spec: {devices: {requests: [{name: gpu, exactly: {deviceClassName: gpu.example.com, count: 2}}]}}
`,
	"ResourceClaimTemplate": `apiVersion: resource.k8s.io/v1
kind: ResourceClaimTemplate
metadata: {name: x, namespace: changes}
spec: {spec: {devices: {requests: [{name: gpu, exactly: {deviceClassName: gpu.example.com, count: 2}}]}}}
`,
	"CustomResourceDefinition": `apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata: {name: things.changes.example.com}
spec:
  group: changes.example.com
  scope: Namespaced
  names: {plural: things, kind: Thing}
  versions:
  - {name: v1, served: true, storage: true, schema: {openAPIV3Schema: {type: object}}}
`,
	"Role": `apiVersion: rbac.authorization.k8s.io/v1
kind: Role
metadata: {name: x, namespace: changes}
rules:
- {apiGroups: [""], resources: [pods], verbs: [get]}
`,
	"RoleBinding": `apiVersion: rbac.authorization.k8s.io/v1
kind: RoleBinding
metadata: {name: x, namespace: changes}
roleRef: {apiGroup: rbac.authorization.k8s.io, kind: Role, name: x}
subjects:
- {kind: ServiceAccount, name: x, namespace: changes}
`,
	"ClusterRole": `apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRole
metadata: {name: changes-x}
rules:
- {apiGroups: [""], resources: [pods], verbs: [get]}
`,
	"ClusterRoleBinding": `apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRoleBinding
metadata: {name: changes-x}
roleRef: {apiGroup: rbac.authorization.k8s.io, kind: ClusterRole, name: changes-x}
subjects:
- {kind: ServiceAccount, name: x, namespace: changes}
`,
}

// workloadObject is a controller's object with this in its spec.
func workloadObject(apiVersion, kind, spec string) string {
	return fmt.Sprintf(`apiVersion: %s
kind: %s
metadata: {name: x, namespace: changes}
spec:
%s  selector: {matchLabels: {app: x}}
  template:
    metadata: {labels: {app: x}}
    spec:
      containers:
      - {name: agent, image: "agent:1"}
`, apiVersion, kind, spec)
}

// strategyFields are where workloads have their strategy.
var strategyFields = map[string]string{"Deployment": "strategy", "StatefulSet": "updateStrategy", "DaemonSet": "updateStrategy"}

// strategyChange is a change of a workload's strategy, where the empty one is
// absent.
func strategyChange(rule, kind, old, updated string) change {
	spec := func(strategy string) string {
		if strategy == "" {
			return "spec:\n"
		}
		return fmt.Sprintf("spec:\n  %s: %s\n", strategyFields[kind], strategy)
	}
	return change{rule: rule, kind: kind, old: "spec:\n -> " + spec(old), edit: spec(old) + " -> " + spec(updated)}
}

const (
	immutableToo = "\ndata: -> \nimmutable: true\ndata:"
	gates        = "  activeDeadlineSeconds: 600\n ->   schedulingGates: [{name: example.com/quota}]\n"
	gatesOnDisk  = gates + "  affinity: {nodeAffinity: {requiredDuringSchedulingIgnoredDuringExecution: {nodeSelectorTerms: [{matchExpressions: [{key: disk, operator: Exists}]}]}}}\n"
	limitsAlone  = "requests: {cpu: 100m, memory: 100Mi}, -> "
	suspended    = "backoffLimit: 0 -> backoffLimit: 0\n  suspend: true"
	noClusterIP  = "  clusterIP: 10.0.0.7\n -> "
	balancer     = "spec:\n -> spec:\n  type: LoadBalancer\n  loadBalancerClass: example.com/a\n  externalTrafficPolicy: Local\n  healthCheckNodePort: 30077\n"
	zoned        = "spec:\n -> spec:\n  nodeAffinity: {required: {nodeSelectorTerms: [{matchExpressions: [{key: zone, operator: Exists}]}]}}\n"
)

// changes has every rule that the API server can be asked about, and both sides
// of those with a condition.
var changes = []change{
	{rule: "pod-image", kind: "Pod", edit: "agent:1 -> agent:2"},
	{rule: "pod-sidecar-image", kind: "Pod", edit: "sidecar:1 -> sidecar:2"},
	{rule: "pod-init-image", kind: "Pod", edit: "setup:1 -> setup:2"},
	{rule: "pod-deadline", kind: "Pod", edit: "activeDeadlineSeconds: 600 -> activeDeadlineSeconds: 500"},
	{rule: "pod-deadline", kind: "Pod", old: "  activeDeadlineSeconds: 600\n -> ", edit: "spec:\n -> spec:\n  activeDeadlineSeconds: 600\n"},
	{rule: "pod-spec", kind: "Pod", edit: "activeDeadlineSeconds: 600 -> activeDeadlineSeconds: 700"},
	{rule: "pod-spec", kind: "Pod", edit: "  activeDeadlineSeconds: 600\n -> "},
	{rule: "pod-tolerations", kind: "Pod", edit: "  tolerations:\n ->   tolerations:\n  - {key: b, operator: Exists}\n"},
	{rule: "pod-spec", kind: "Pod", edit: "  tolerations:\n  - {key: a, operator: Exists, effect: NoExecute, tolerationSeconds: 60}\n -> "},
	{rule: "pod-toleration-seconds", kind: "Pod", edit: "tolerationSeconds: 60 -> tolerationSeconds: 90"},
	{rule: "pod-grace", kind: "Pod", old: "terminationGracePeriodSeconds: 30 -> terminationGracePeriodSeconds: -3", edit: "terminationGracePeriodSeconds: -3 -> terminationGracePeriodSeconds: 1"},
	{rule: "pod-spec", kind: "Pod", edit: "terminationGracePeriodSeconds: 30 -> terminationGracePeriodSeconds: 1"},
	{rule: "pod-gates", kind: "Pod", old: gates, edit: "  schedulingGates: [{name: example.com/quota}]\n -> "},
	{rule: "pod-spec", kind: "Pod", edit: gates},
	{rule: "pod-gated-selector", kind: "Pod", old: gates, edit: "{disk: ssd} -> {disk: ssd, zone: a}"},
	{rule: "pod-spec", kind: "Pod", old: gates, edit: "{disk: ssd} -> {disk: hdd}"},
	{rule: "pod-spec", kind: "Pod", edit: "{disk: ssd} -> {disk: ssd, zone: a}"},
	{rule: "pod-gated-affinity", kind: "Pod", old: gates, edit: "  containers:\n ->   affinity: {nodeAffinity: {requiredDuringSchedulingIgnoredDuringExecution: {nodeSelectorTerms: [{matchExpressions: [{key: disk, operator: Exists}]}]}}}\n  containers:\n"},
	{rule: "pod-gated-affinity", kind: "Pod", old: gatesOnDisk, edit: "{key: disk, operator: Exists} -> {key: disk, operator: Exists}, {key: zone, operator: Exists}"},
	{rule: "pod-spec", kind: "Pod", old: gatesOnDisk, edit: "key: disk, operator: Exists -> key: zone, operator: Exists"},
	{rule: "pod-spec", kind: "Pod", old: gates, edit: "  containers:\n ->   affinity: {podAffinity: {requiredDuringSchedulingIgnoredDuringExecution: [{topologyKey: zone, labelSelector: {matchLabels: {app: x}}}]}}\n  containers:\n"},
	{rule: "pod-ephemeral", kind: "Pod", edit: "  containers:\n ->   ephemeralContainers: [{name: debug, image: \"debug:1\"}]\n  containers:\n"},
	{rule: "pod-resize", kind: "Pod", edit: "cpu: 100m -> cpu: 200m"},
	{rule: "pod-resize", kind: "Pod", edit: "memory: 200Mi -> memory: 300Mi"},
	{rule: "pod-resize-restart", kind: "Pod", old: "image: agent:1 -> image: agent:1\n    resizePolicy: [{resourceName: memory, restartPolicy: RestartContainer}]", edit: "memory: 200Mi -> memory: 300Mi"},
	{rule: "pod-resize", kind: "Pod", edit: "memory: 200Mi -> memory: 150Mi"},
	{rule: "pod-resize-request", kind: "Pod", old: limitsAlone, edit: `cpu: "1" -> cpu: "2"`},
	{rule: "pod-resize-request", kind: "Pod", old: limitsAlone, edit: "memory: 200Mi -> memory: 100Mi"},
	{rule: "pod-resize-request", kind: "Pod", edit: "requests: {cpu: 100m, memory: 100Mi}, -> "},
	{rule: "pod-request-filled", kind: "Pod", old: limitsAlone, edit: `limits: {cpu: "1" -> requests: {cpu: 1000m}, limits: {cpu: "1"`},
	{rule: "pod-spec", kind: "Pod", old: "limits: { -> limits: {example.com/gpu: 1, ", edit: "gpu: 1 -> gpu: 2"},
	{rule: "pod-spec", kind: "Pod", edit: "image: agent:1 -> image: agent:1\n    resizePolicy: [{resourceName: memory, restartPolicy: RestartContainer}]"},
	{rule: "pod-spec", kind: "Pod", old: "spec:\n -> spec:\n  os: {name: windows}\n", edit: "cpu: 100m -> cpu: 200m"},
	{rule: "pod-spec", kind: "Pod", old: "spec:\n -> spec:\n  resources: {limits: {cpu: 4}}\n", edit: "cpu: 100m -> cpu: 200m"},
	{rule: "pod-spec", kind: "Pod", old: "spec:\n -> spec:\n  resources: {limits: {cpu: 4}}\n", edit: "limits: {cpu: 4} -> limits: {cpu: 5}"},
	{rule: "pod-sidecar-resize", kind: "Pod", edit: "cpu: 10m -> cpu: 20m"},
	{rule: "pod-sidecar-resize-restart", kind: "Pod", old: "cpu: 10m}} -> cpu: 10m}}, resizePolicy: [{resourceName: cpu, restartPolicy: RestartContainer}]", edit: "cpu: 10m -> cpu: 20m"},
	{rule: "pod-account", kind: "Pod", edit: "spec:\n -> spec:\n  serviceAccountName: default\n"},
	{rule: "pod-apparmor", kind: "Pod", edit: "{app: x}} -> {app: x}, annotations: {container.apparmor.security.beta.kubernetes.io/agent: runtime/default}}"},
	{rule: "default", kind: "Pod", edit: "spec:\n -> spec:\n  restartPolicy: Always\n"},
	{rule: "default", kind: "Pod", edit: "image: agent:1 -> image: agent:1\n    imagePullPolicy: IfNotPresent"},
	{rule: "pod-spec", kind: "Pod", edit: `image: "setup:1" -> image: "setup:1", resources: {requests: {cpu: 10m}}`},
	{rule: "pod-spec", kind: "Pod", edit: "memory: 200Mi} -> memory: 200Mi, ephemeral-storage: 1Gi}"},
	{rule: "pod-spec", kind: "Pod", edit: ", limits: {cpu: \"1\", memory: 200Mi} -> "},
	{rule: "pod-spec", kind: "Pod", edit: `value: "1" -> value: "2"`},

	{rule: "deployment-selector", kind: "Deployment", edit: "{matchLabels: {app: x}} -> {matchExpressions: [{key: app, operator: Exists}]}"},
	{rule: "deployment-template", kind: "Deployment", edit: "agent:1 -> agent:2"},
	{rule: "deployment-paused", kind: "Deployment", old: "replicas: 2 -> replicas: 2\n  paused: true", edit: "agent:1 -> agent:2"},
	{rule: "deployment-scale-down", kind: "Deployment", edit: "replicas: 2 -> replicas: 1"},
	{rule: "deployment-spec", kind: "Deployment", edit: "replicas: 2 -> replicas: 3"},
	strategyChange("deployment-rolling-update", "Deployment", "", "{type: Recreate}"),
	strategyChange("deployment-rolling-update", "Deployment", "", "{type: Recreate, rollingUpdate: null}"),
	strategyChange("deployment-rolling-update", "Deployment", "{type: RollingUpdate}", "{type: Recreate}"),
	strategyChange("deployment-rolling-update", "Deployment", "{type: null}", "{type: Recreate}"),
	strategyChange("deployment-rolling-update", "Deployment", "{rollingUpdate: {maxSurge: 1}}", "{type: Recreate, rollingUpdate: null}"),
	strategyChange("deployment-rolling-update", "Deployment", "{rollingUpdate: {maxUnavailable: 1}}", "{type: Recreate, rollingUpdate: {}}"),
	strategyChange("deployment-rolling-update", "Deployment", "{rollingUpdate: {maxSurge: 1, maxUnavailable: 1}}", "{type: Recreate, rollingUpdate: {maxSurge: 1, maxUnavailable: 1}}"),
	strategyChange("deployment-rolling-update", "Deployment", "{type: Recreate}", "{type: Recreate, rollingUpdate: {maxSurge: 1}}"),
	strategyChange("deployment-spec", "Deployment", "{rollingUpdate: {maxSurge: 1, maxUnavailable: 1}}", "{type: Recreate, rollingUpdate: null}"),
	strategyChange("deployment-spec", "Deployment", "{type: RollingUpdate, rollingUpdate: {maxSurge: 1, maxUnavailable: 1}}", "{type: Recreate}"),
	strategyChange("deployment-spec", "Deployment", "{rollingUpdate: {maxSurge: 1}}", "{type: Recreate}"),
	strategyChange("deployment-spec", "Deployment", "{rollingUpdate: {maxUnavailable: 1}}", "{type: Recreate}"),
	strategyChange("deployment-spec", "Deployment", "{rollingUpdate: null}", "{type: Recreate}"),
	strategyChange("deployment-spec", "Deployment", "{type: Recreate}", ""),
	strategyChange("deployment-spec", "Deployment", "{type: Recreate}", "{type: RollingUpdate}"),
	strategyChange("deployment-spec", "Deployment", "{type: Recreate}", "{type: RollingUpdate, rollingUpdate: {maxSurge: 1}}"),
	strategyChange("deployment-spec", "Deployment", "", "{type: RollingUpdate, rollingUpdate: {maxSurge: 1}}"),

	{rule: "statefulset-template", kind: "StatefulSet", edit: "agent:1 -> agent:2"},
	{rule: "statefulset-on-delete", kind: "StatefulSet", old: "replicas: 2 -> replicas: 2\n  updateStrategy: {type: OnDelete}", edit: "agent:1 -> agent:2"},
	{rule: "statefulset-scale-down", kind: "StatefulSet", edit: "replicas: 2 -> replicas: 1"},
	{rule: "statefulset-replicas", kind: "StatefulSet", edit: "replicas: 2 -> replicas: 3"},
	{rule: "statefulset-ordinals", kind: "StatefulSet", edit: "replicas: 2 -> replicas: 2\n  ordinals: {start: 1}"},
	{rule: "statefulset-strategy", kind: "StatefulSet", edit: "replicas: 2 -> replicas: 2\n  updateStrategy: {rollingUpdate: {partition: 1}}"},
	strategyChange("statefulset-rolling-update", "StatefulSet", "", "{type: OnDelete}"),
	strategyChange("statefulset-rolling-update", "StatefulSet", "", "{type: OnDelete, rollingUpdate: null}"),
	strategyChange("statefulset-rolling-update", "StatefulSet", "{rollingUpdate: {}}", "{type: OnDelete, rollingUpdate: null}"),
	strategyChange("statefulset-rolling-update", "StatefulSet", "{type: RollingUpdate}", "{type: OnDelete, rollingUpdate: {}}"),
	strategyChange("statefulset-rolling-update", "StatefulSet", "{rollingUpdate: {partition: 1}}", "{type: OnDelete, rollingUpdate: {partition: 1}}"),
	strategyChange("statefulset-rolling-update", "StatefulSet", "{type: OnDelete}", "{type: OnDelete, rollingUpdate: {partition: 1}}"),
	strategyChange("statefulset-strategy", "StatefulSet", "{rollingUpdate: {partition: 1}}", "{type: OnDelete, rollingUpdate: null}"),
	strategyChange("statefulset-strategy", "StatefulSet", "{type: RollingUpdate, rollingUpdate: {partition: 1}}", "{type: OnDelete}"),
	strategyChange("statefulset-strategy", "StatefulSet", "{rollingUpdate: {}}", "{type: OnDelete}"),
	strategyChange("statefulset-strategy", "StatefulSet", "{type: RollingUpdate}", "{type: OnDelete}"),
	strategyChange("statefulset-strategy", "StatefulSet", "{type: RollingUpdate}", "{type: OnDelete, rollingUpdate: null}"),
	strategyChange("statefulset-strategy", "StatefulSet", "{type: OnDelete}", ""),
	strategyChange("statefulset-strategy", "StatefulSet", "{type: OnDelete}", "{type: RollingUpdate}"),
	strategyChange("statefulset-strategy", "StatefulSet", "{type: OnDelete}", "{rollingUpdate: {partition: 1}}"),
	{rule: "statefulset-history", kind: "StatefulSet", edit: "replicas: 2 -> replicas: 2\n  revisionHistoryLimit: 3"},
	{rule: "statefulset-retention", kind: "StatefulSet", edit: "replicas: 2 -> replicas: 2\n  persistentVolumeClaimRetentionPolicy: {whenDeleted: Delete}"},
	{rule: "statefulset-ready", kind: "StatefulSet", edit: "replicas: 2 -> replicas: 2\n  minReadySeconds: 5"},
	{rule: "statefulset-claim-kind", kind: "StatefulSet", edit: "- metadata: {name: data} -> - kind: PersistentVolumeClaim\n    metadata: {name: data}"},
	{rule: "statefulset-spec", kind: "StatefulSet", edit: "storage: 1Gi -> storage: 2Gi"},
	{rule: "statefulset-spec", kind: "StatefulSet", edit: "serviceName: x -> serviceName: other"},

	{rule: "daemonset-selector", kind: "DaemonSet", edit: "{matchLabels: {app: x}} -> {matchExpressions: [{key: app, operator: Exists}]}"},
	{rule: "daemonset-template", kind: "DaemonSet", edit: "agent:1 -> agent:2"},
	{rule: "daemonset-on-delete", kind: "DaemonSet", old: "minReadySeconds: 0 -> updateStrategy: {type: OnDelete}", edit: "agent:1 -> agent:2"},
	{rule: "daemonset-spec", kind: "DaemonSet", edit: "minReadySeconds: 0 -> minReadySeconds: 5"},
	strategyChange("daemonset-spec", "DaemonSet", "", "{type: OnDelete}"),
	strategyChange("daemonset-spec", "DaemonSet", "{type: RollingUpdate}", "{type: OnDelete}"),
	strategyChange("daemonset-spec", "DaemonSet", "{rollingUpdate: {maxUnavailable: 2}}", "{type: OnDelete}"),
	strategyChange("daemonset-spec", "DaemonSet", "{type: OnDelete}", ""),
	strategyChange("daemonset-spec", "DaemonSet", "{type: OnDelete}", "{rollingUpdate: {maxUnavailable: 2}}"),

	{rule: "replicaset-selector", kind: "ReplicaSet", edit: "{matchLabels: {app: x}} -> {matchExpressions: [{key: app, operator: Exists}]}"},
	{rule: "replicaset-template", kind: "ReplicaSet", edit: "agent:1 -> agent:2"},
	{rule: "replicaset-scale-down", kind: "ReplicaSet", edit: "replicas: 2 -> replicas: 1"},
	{rule: "replicaset-spec", kind: "ReplicaSet", edit: "replicas: 2 -> replicas: 3"},

	{rule: "replicationcontroller-template", kind: "ReplicationController", edit: "agent:1 -> agent:2"},
	{rule: "replicationcontroller-scale-down", kind: "ReplicationController", edit: "replicas: 2 -> replicas: 1"},
	{rule: "replicationcontroller-spec", kind: "ReplicationController", edit: "replicas: 2 -> replicas: 3"},
	{rule: "podtemplate", kind: "PodTemplate", edit: "agent:1 -> agent:2"},

	{rule: "job-suspend", kind: "Job", edit: "backoffLimit: 0 -> backoffLimit: 0\n  suspend: true"},
	{rule: "job-resume", kind: "Job", old: suspended, edit: "suspend: true -> suspend: false"},
	{rule: "job-suspended-template", kind: "Job", old: suspended, edit: "disk: ssd -> disk: hdd"},
	{rule: "job-template", kind: "Job", edit: "disk: ssd -> disk: hdd"},
	{rule: "job-template", kind: "Job", old: suspended, edit: "agent:1 -> agent:2"},
	{rule: "job-suspended-template", kind: "Job", old: suspended, edit: "  template:\n ->   template:\n    metadata: {labels: {app: x}}\n"},
	{rule: "job-template", kind: "Job", old: "  completionMode: Indexed\n  template:\n ->   suspend: true\n  template:\n    metadata: {labels: {app: x}}\n", edit: "    metadata: {labels: {app: x}}\n -> "},
	{rule: "job-template", kind: "Job", old: suspended, edit: "nodeSelector: {disk: ssd} -> affinity: {podAffinity: {requiredDuringSchedulingIgnoredDuringExecution: [{topologyKey: zone, labelSelector: {matchLabels: {app: x}}}]}}\n      nodeSelector: {disk: ssd}"},
	{rule: "job-selector", kind: "Job", edit: "backoffLimit: 0 -> backoffLimit: 0\n  selector: {matchLabels: {app: x}}"},
	{rule: "job-completions", kind: "Job", edit: "  completions: 2 ->   completions: 3"},
	{rule: "job-elastic", kind: "Job", old: "parallelism: 2 -> parallelism: 3", edit: "  completions: 2 ->   completions: 3"},
	{rule: "job-elastic-down", kind: "Job", old: "  completions: 2 ->   completions: 3", edit: "  completions: 3 ->   completions: 2"},
	{rule: "job-completions", kind: "Job", old: "  completionMode: Indexed\n -> ", edit: "  completions: 2 ->   completions: 3"},
	{rule: "job-completion-mode", kind: "Job", edit: "completionMode: Indexed -> completionMode: NonIndexed"},
	{rule: "job-failure-policy", kind: "Job", edit: "backoffLimit: 0 -> backoffLimit: 0\n  podFailurePolicy: {rules: [{action: FailJob, onExitCodes: {operator: In, values: [10]}}]}"},
	{rule: "job-success-policy", kind: "Job", edit: "backoffLimit: 0 -> backoffLimit: 0\n  successPolicy: {rules: [{succeededCount: 1}]}"},
	{rule: "job-backoff-index", kind: "Job", edit: "backoffLimit: 0 -> backoffLimit: 0\n  backoffLimitPerIndex: 1"},
	{rule: "job-managed-by", kind: "Job", edit: "backoffLimit: 0 -> backoffLimit: 0\n  managedBy: example.com/other"},
	{rule: "job-parallelism-down", kind: "Job", edit: "parallelism: 2 -> parallelism: 1"},
	{rule: "job-spec", kind: "Job", edit: "backoffLimit: 0 -> backoffLimit: 3"},
	{rule: "cronjob-spec", kind: "CronJob", edit: "agent:1 -> agent:2"},

	{rule: "claim-grow", kind: "PersistentVolumeClaim", edit: "storage: 1Gi -> storage: 2Gi"},
	{rule: "claim-class", kind: "PersistentVolumeClaim", edit: "volumeName: volume -> volumeName: volume\n  volumeAttributesClassName: fast"},
	{rule: "claim-spec", kind: "PersistentVolumeClaim", old: "volumeName: volume -> volumeName: volume\n  volumeAttributesClassName: fast", edit: "  volumeAttributesClassName: fast\n -> "},
	{rule: "claim-volume", kind: "PersistentVolumeClaim", old: "  volumeName: volume\n -> ", edit: "spec:\n -> spec:\n  volumeName: other\n"},
	{rule: "claim-spec", kind: "PersistentVolumeClaim", edit: "volumeName: volume -> volumeName: other"},
	{rule: "claim-storage-class", kind: "PersistentVolumeClaim", old: "  storageClassName: growing\n -> ", edit: "spec:\n -> spec:\n  storageClassName: growing\n"},
	{rule: "claim-spec", kind: "PersistentVolumeClaim", edit: "storageClassName: growing -> storageClassName: other"},
	{rule: "claim-storage-class-annotation", kind: "PersistentVolumeClaim", edit: "namespace: changes -> namespace: changes, annotations: {volume.beta.kubernetes.io/storage-class: growing}"},
	{rule: "claim-source", kind: "PersistentVolumeClaim", old: "spec:\n -> spec:\n  dataSource: {kind: PersistentVolumeClaim, name: other}\n", edit: "  dataSource: {kind: PersistentVolumeClaim, name: other}\n -> "},
	{rule: "claim-source-ref", kind: "PersistentVolumeClaim", old: "spec:\n -> spec:\n  dataSourceRef: {kind: PersistentVolumeClaim, name: other}\n", edit: "  dataSourceRef: {kind: PersistentVolumeClaim, name: other}\n -> "},
	{rule: "claim-spec", kind: "PersistentVolumeClaim", edit: "spec:\n -> spec:\n  dataSource: {kind: PersistentVolumeClaim, name: other}\n"},
	{rule: "claim-spec", kind: "PersistentVolumeClaim", edit: "storage: 1Gi -> storage: 512Mi"},
	{rule: "claim-spec", kind: "PersistentVolumeClaim", edit: "ReadWriteOnce -> ReadWriteMany"},

	{rule: "volume-settings", kind: "PersistentVolume", edit: "storage: 1Gi -> storage: 2Gi"},
	{rule: "volume-spec", kind: "PersistentVolume", edit: "volumeHandle: a -> volumeHandle: b"},
	{rule: "volume-spec", kind: "PersistentVolume", edit: "spec:\n -> spec:\n  volumeMode: Block\n"},
	{rule: "volume-affinity", kind: "PersistentVolume", edit: zoned},
	{rule: "volume-spec", kind: "PersistentVolume", old: zoned, edit: "key: zone -> key: rack"},
	{rule: "volume-attributes", kind: "PersistentVolume", edit: "ClassName: slow -> ClassName: fast"},
	{rule: "volume-spec", kind: "PersistentVolume", edit: "  volumeAttributesClassName: slow\n -> "},
	{rule: "volume-expand-secret", kind: "PersistentVolume", edit: "volumeHandle: a -> volumeHandle: a, controllerExpandSecretRef: {namespace: changes, name: x}"},

	{rule: "configmap-data", kind: "ConfigMap", edit: `a: "1" -> a: "2"`},
	{rule: "configmap-binary", kind: "ConfigMap", edit: "b: MQ== -> b: Mg=="},
	{rule: "configmap-freeze", kind: "ConfigMap", edit: immutableToo},
	{rule: "configmap-immutable", kind: "ConfigMap", old: immutableToo, edit: `a: "1" -> a: "2"`},
	{rule: "configmap-immutable-binary", kind: "ConfigMap", old: immutableToo, edit: "b: MQ== -> b: Mg=="},
	{rule: "configmap-thaw", kind: "ConfigMap", old: immutableToo, edit: "immutable: true -> immutable: false"},
	{rule: "secret-data", kind: "Secret", edit: "a: MQ== -> a: Mg=="},
	{rule: "secret-freeze", kind: "Secret", edit: immutableToo},
	{rule: "secret-immutable", kind: "Secret", old: immutableToo, edit: "a: MQ== -> a: Mg=="},
	{rule: "secret-thaw", kind: "Secret", old: immutableToo, edit: "immutable: true -> immutable: false"},
	{rule: "secret-type", kind: "Secret", edit: "type: Opaque -> type: example.com/other"},
	{rule: "serviceaccount", kind: "ServiceAccount", edit: "automountServiceAccountToken: false -> automountServiceAccountToken: true"},
	{rule: "service-cluster-ip", kind: "Service", edit: "10.0.0.7 -> 10.0.0.8"},
	{rule: "service-cluster-ip", kind: "Service", old: noClusterIP, edit: "spec:\n -> spec:\n  clusterIP: 10.0.0.8\n"},
	{rule: "service-cluster-ip", kind: "Service", old: noClusterIP, edit: "spec:\n -> spec:\n  clusterIP: None\n"},
	{rule: "service-kept", kind: "Service", edit: noClusterIP},
	{rule: "service-cluster-ips", kind: "Service", old: noClusterIP, edit: "spec:\n -> spec:\n  clusterIPs: [10.0.0.8]\n"},
	{rule: "service", kind: "Service", old: "spec:\n -> spec:\n  clusterIPs: [10.0.0.7]\n", edit: "  clusterIPs: [10.0.0.7]\n -> "},
	{rule: "service-ip-families", kind: "Service", old: "  clusterIP: 10.0.0.7\n ->   ipFamilies: [IPv4]\n", edit: "[IPv4] -> [IPv6]"},
	{rule: "service", kind: "Service", edit: "spec:\n -> spec:\n  ipFamilies: [IPv4]\n"},
	{rule: "service-external-name", kind: "Service", edit: "spec:\n  clusterIP: 10.0.0.7\n -> spec:\n  type: ExternalName\n  externalName: a.example.com\n"},
	{rule: "service-balancer-class", kind: "Service", old: balancer, edit: "example.com/a -> example.com/b"},
	{rule: "service-balancer-class", kind: "Service", old: balancer, edit: "  loadBalancerClass: example.com/a\n -> "},
	{rule: "service-health-port", kind: "Service", old: balancer, edit: "30077 -> 30078"},
	{rule: "service-health-port-kept", kind: "Service", old: balancer, edit: "  healthCheckNodePort: 30077\n -> "},
	{rule: "service", kind: "Service", edit: "spec:\n -> spec:\n  type: LoadBalancer\n  loadBalancerClass: example.com/a\n"},
	{rule: "quota-scopes", kind: "ResourceQuota", edit: "NotTerminating -> Terminating"},
	{rule: "quota", kind: "ResourceQuota", edit: `pods: "100" -> pods: "200"`},
	{rule: "update", kind: "LimitRange", edit: `cpu: "8" -> cpu: "9"`},
	{rule: "service", kind: "Service", edit: "app: x -> app: other"},
	{rule: "networkpolicy", kind: "NetworkPolicy", edit: "[Ingress] -> [Ingress, Egress]"},
	{rule: "ingressclass-controller", kind: "IngressClass", edit: "example.com/a -> example.com/b"},
	{rule: "update", kind: "IngressClass", edit: "name: a} -> name: b}"},
	{rule: "priorityclass-value", kind: "PriorityClass", edit: "value: 10 -> value: 11"},
	{rule: "priorityclass-preemption", kind: "PriorityClass", edit: "Never -> PreemptLowerPriority"},
	{rule: "priorityclass", kind: "PriorityClass", edit: "description: agents -> description: others"},
	{rule: "runtimeclass-handler", kind: "RuntimeClass", edit: "runsc -> kata"},
	{rule: "runtimeclass", kind: "RuntimeClass", edit: "disk: ssd -> disk: hdd"},
	{rule: "storageclass-provisioner", kind: "StorageClass", edit: "example.com/a -> example.com/b"},
	{rule: "storageclass-parameters", kind: "StorageClass", edit: `a: "1" -> a: "2"`},
	{rule: "storageclass-reclaim", kind: "StorageClass", edit: "Retain -> Delete"},
	{rule: "storageclass-binding", kind: "StorageClass", edit: "WaitForFirstConsumer -> Immediate"},
	{rule: "storageclass", kind: "StorageClass", edit: "true -> false"},
	{rule: "attributesclass-driver", kind: "VolumeAttributesClass", edit: "csi.example.com -> other.example.com"},
	{rule: "attributesclass-parameters", kind: "VolumeAttributesClass", edit: `a: "1" -> a: "2"`},
	{rule: "csidriver-attach", kind: "CSIDriver", edit: "attachRequired: false -> attachRequired: true"},
	{rule: "csidriver-modes", kind: "CSIDriver", edit: "[Ephemeral] -> [Ephemeral, Persistent]"},
	{rule: "resourceclaim-spec", kind: "ResourceClaim", edit: "count: 2 -> count: 3"},
	{rule: "resourceclaimtemplate-spec", kind: "ResourceClaimTemplate", edit: "count: 2 -> count: 3"},
	{rule: "definition-scope", kind: "CustomResourceDefinition", edit: "Namespaced -> Cluster"},
	{rule: "definition-kind", kind: "CustomResourceDefinition", edit: "kind: Thing -> kind: Other"},
	{rule: "role", kind: "Role", edit: "verbs: [get] -> verbs: [get, list]"},
	{rule: "role", kind: "ClusterRole", edit: "verbs: [get] -> verbs: [get, list]"},
	{rule: "binding-role", kind: "RoleBinding", edit: "kind: Role, name: x -> kind: Role, name: other"},
	{rule: "binding-role", kind: "ClusterRoleBinding", edit: "kind: ClusterRole, name: changes-x -> kind: ClusterRole, name: other"},
	{rule: "binding", kind: "RoleBinding", edit: "{kind: ServiceAccount, name: x -> {kind: ServiceAccount, name: other"},
	{rule: "binding", kind: "ClusterRoleBinding", edit: "{kind: ServiceAccount, name: x -> {kind: ServiceAccount, name: other"},
}

// unasked are the rules that this API server knows nothing of.
var unasked = map[string]string{
	"new": "no update", "delete": "no update", "name": "no update",
	"version": "needs a kind that is served in two versions",
}

// operators have kinds that are judged by them, not by this API server.
var operators = []string{"Sandbox", "SandboxTemplate"}

// TestChanges: scion-gen diff and the API server agree on which changes an apply
// can make, and which only a subresource can.
func TestChanges(t *testing.T) {
	namespace(t, "changes", "privileged", "latest")
	growingClass(t)
	all := slices.Clone(changes)
	for _, kind := range slices.Sorted(maps.Keys(changedObjects)) {
		all = append(all, change{rule: "metadata", kind: kind, edit: "metadata: {name: -> metadata: {finalizers: [example.com/held], name:"})
	}
	for i, c := range all {
		t.Run(fmt.Sprintf("%d %s %s", i, c.kind, c.rule), c.test)
	}
	checkAsked(t, all)
}

// growingClass is a storage class whose volumes can grow.
func growingClass(t *testing.T) {
	t.Helper()
	class := newObject("storage.k8s.io/v1", "StorageClass", "", "growing")
	class["provisioner"], class["allowVolumeExpansion"] = "example.com/none", true
	ensure(t, class)
}

// checkAsked: each rule in the table of pkg/diff is asked about for each kind
// that it stands in the table for.
func checkAsked(t *testing.T, all []change) {
	t.Helper()
	table := readTable(t)
	asked := map[rule]bool{}
	for _, c := range all {
		r := rule{c.kind, c.rule}
		if !table.kinds[c.kind] {
			r.kind = "" // any other
		}
		if !table.rules[r] && !table.ids[r.id] {
			t.Errorf("the table has no rule %s of %s", c.rule, c.kind)
		}
		asked[r], asked[rule{id: r.id}] = true, true
	}
	for _, r := range slices.SortedFunc(maps.Keys(table.rules), rule.compare) {
		switch {
		case asked[r], unasked[r.id] != "", slices.Contains(operators, r.kind):
		case r.id == "update" && r.kind != "": // what comes before has all fields of most kinds
		default:
			t.Errorf("the server is not asked about %s of %q", r.id, r.kind)
		}
	}
	for _, id := range slices.Sorted(maps.Keys(table.ids)) {
		if !asked[rule{id: id}] && unasked[id] == "" {
			t.Errorf("the server is not asked about %s", id)
		}
	}
}

func (c change) test(t *testing.T) {
	text := changedObjects[c.kind]
	if c.old != "" {
		text = edited(t, text, c.old)
	}
	old, updated := parsed(t, text), parsed(t, edited(t, text, c.edit))
	says := c.diff(t, old, updated)
	if _, err := apply(t.Context(), old); err != nil {
		t.Fatalf("make it: %v", err)
	}
	defer remove(t, old.object)
	settle(t, old.object)
	if c.kind == "Pod" {
		for _, d := range askSubresources(t, says, old.object, updated.object) {
			t.Error(d)
		}
	}
	_, err := apply(t.Context(), updated)
	if says.Refused != refused(t, err) {
		t.Errorf("diff says refused=%t, the server says: %v", says.Refused, err)
	}
}

// TestRollingUpdateGoes: where an apply of another strategy is refused for the
// rollingUpdate that the server filled in, the ways of docs/diff.md lead past it.
func TestRollingUpdateGoes(t *testing.T) {
	namespace(t, "changes", "privileged", "latest")
	for _, tt := range []struct{ kind, strategy, explicit, kubectl string }{
		{
			"Deployment", "Recreate", "{rollingUpdate: {maxSurge: 1}}",
			`{"spec": {"strategy": {"type": "Recreate", "$retainKeys": ["type"]}}}`,
		},
		{
			"StatefulSet", "OnDelete", "{rollingUpdate: {partition: 0}}",
			`{"spec": {"updateStrategy": {"type": "OnDelete", "rollingUpdate": null}}}`,
		},
	} {
		field, text := strategyFields[tt.kind], changedObjects[tt.kind]
		old := parsed(t, text)
		updated := parsed(t, edited(t, text, strategyChange("", tt.kind, "", "{type: "+tt.strategy+"}").edit))
		explicit := parsed(t, edited(t, text, strategyChange("", tt.kind, "", tt.explicit).edit))
		path, err := collection(t.Context(), old.object)
		if err != nil {
			t.Fatal(err)
		}
		request := func(method, contentType string, body []byte) func() error {
			return func() error {
				_, err := server.Do(t.Context(), cluster.Request{Method: method, Path: path + "/x", Type: contentType, Body: body})
				return err
			}
		}
		ways := map[string]func() error{
			"patch the type with rollingUpdate: null": request(http.MethodPatch, "application/merge-patch+json",
				fmt.Appendf(nil, `{"spec": {%q: {"type": %q, "rollingUpdate": null}}}`, field, tt.strategy)),
			"kubectl apply at the client": request(http.MethodPatch, "application/strategic-merge-patch+json", []byte(tt.kubectl)),
			"replace the object":          request(http.MethodPut, "", updated.json()),
			"apply a rollingUpdate before": func() error {
				_, err := apply(t.Context(), explicit)
				return err
			},
		}
		for name, way := range ways {
			t.Run(tt.kind+": "+name, func(t *testing.T) {
				if _, err := apply(t.Context(), old); err != nil {
					t.Fatal(err)
				}
				defer remove(t, old.object)
				if _, err := apply(t.Context(), updated); !refused(t, err) {
					t.Error("the apply is not refused")
				}
				if err := way(); err != nil {
					t.Error(err)
				}
				if _, err := apply(t.Context(), updated); err != nil {
					t.Errorf("the apply after it: %v", err)
				}
			})
		}
	}
}

// TestResizeNeedsRequest: a limit without a request is resized with the request,
// as the effect of pod-resize-request has it, not without.
func TestResizeNeedsRequest(t *testing.T) {
	namespace(t, "changes", "privileged", "latest")
	o := agentPod("changes", "x")
	container := o.at("spec", "containers").([]any)[0].(map[string]any)
	container["resources"] = map[string]any{"limits": map[string]any{"cpu": "1", "memory": "1Gi"}}
	defer remove(t, o)
	path := newPod(t, o).path() + "/resize"
	for body, want := range map[string]bool{
		`{"limits": {"cpu": "2"}}`:                           false,
		`{"limits": {"cpu": "2"}, "requests": {"cpu": "2"}}`: true,
	} {
		_, err := server.Do(t.Context(), cluster.Request{
			Method: http.MethodPatch, Path: path, Query: url.Values{"dryRun": {"All"}}, Type: "application/strategic-merge-patch+json",
			Body: fmt.Appendf(nil, `{"spec": {"containers": [{"name": "agent", "resources": %s}]}}`, body),
		})
		if refused(t, err) == want {
			t.Errorf("%s: %v", body, err)
		}
	}
}

// refused reports whether the server judged an update impossible.
func refused(t *testing.T, err error) bool {
	t.Helper()
	if r, ok := errors.AsType[*cluster.Refusal](err); ok && r.Code != http.StatusUnprocessableEntity {
		t.Errorf("refused for another reason: %v", err)
	} else if err != nil && !ok {
		t.Fatal(err)
	}
	return err != nil
}

func edited(t *testing.T, text, edit string) string {
	t.Helper()
	from, to, ok := strings.Cut(edit, " -> ")
	if !ok || !strings.Contains(text, from) {
		t.Fatalf("cannot edit by %q:\n%s", edit, text)
	}
	return strings.Replace(text, from, to, 1)
}

func parsed(t *testing.T, text string) manifest {
	t.Helper()
	all, err := manifests([]byte(text))
	if err != nil {
		t.Fatal(err)
	}
	return all[0]
}

// outcome is what scion-gen diff says of a change.
type outcome struct {
	Rule, Verdict string
	Refused       bool
}

// diffed is an object that differs by scion-gen diff.
type diffed struct {
	Name  string
	Edits []struct{ Outcome outcome }
}

// runDiff is what scion-gen diff says of two streams that differ.
func runDiff(t *testing.T, old, updated []byte) []diffed {
	t.Helper()
	dir := t.TempDir()
	files := []string{filepath.Join(dir, "old.yaml"), filepath.Join(dir, "new.yaml")}
	for i, stream := range [][]byte{old, updated} {
		if err := os.WriteFile(files[i], stream, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	command := exec.CommandContext(t.Context(), scionGen, "diff", files[0], files[1], "--format", "json")
	out, err := command.Output()
	if command.ProcessState.ExitCode() != 1 {
		t.Fatalf("diff: %v", err)
	}
	var report struct{ Objects []diffed }
	if err := json.Unmarshal(out, &report); err != nil {
		t.Fatal(err)
	}
	return report.Objects
}

// diff is the one outcome that scion-gen diff has for the change.
func (c change) diff(t *testing.T, old, updated manifest) outcome {
	t.Helper()
	outcomes := map[outcome]bool{}
	for _, o := range runDiff(t, old.yaml, updated.yaml) {
		for _, e := range o.Edits {
			outcomes[e.Outcome] = true
		}
	}
	all := slices.Collect(maps.Keys(outcomes))
	if len(all) != 1 || all[0].Rule != c.rule {
		t.Fatalf("diff says %+v, want one outcome by %s", all, c.rule)
	}
	return all[0]
}

// settle brings an object to where it usually is when it is changed: a Pod runs,
// unless it is gated, a claim is bound, and objects of a definition can be made.
func settle(t *testing.T, o object) {
	t.Helper()
	switch {
	case o.kind() == "Pod" && o.at("spec", "schedulingGates") == nil:
		p := &pod{t: t, live: o}
		p.bind("node")
		p.report(object{"phase": "Running"})
	case o.kind() == "CustomResourceDefinition":
		if err := served(t.Context(), manifest{object: o}); err != nil {
			t.Fatal(err)
		}
	case o.kind() == "PersistentVolumeClaim":
		path, err := collection(t.Context(), o)
		if err != nil {
			t.Fatal(err)
		}
		status := object{"phase": "Bound", "accessModes": []any{"ReadWriteOnce"}, "capacity": object{"storage": o.at("spec", "resources", "requests", "storage")}}
		if class := o.at("spec", "volumeAttributesClassName"); class != nil {
			status["currentVolumeAttributesClassName"] = class
		}
		if _, err := server.Do(t.Context(), cluster.Request{
			Method: http.MethodPatch, Path: path + "/" + o.name() + "/status", Type: "application/merge-patch+json",
			Body: object{"status": status}.json(),
		}); err != nil {
			t.Fatal(err)
		}
	}
}

// askSubresources asks what a plain update of a Pod cannot do, without doing it.
func askSubresources(t *testing.T, says outcome, old, updated object) (disagreements []string) {
	t.Helper()
	if !says.Refused {
		return nil // an update does it
	}
	for subresource, possible := range map[string]bool{
		"resize":              says.Verdict == "resize" || strings.HasSuffix(says.Rule, "-resize-restart"),
		"ephemeralcontainers": says.Rule == "pod-ephemeral",
	} {
		p := &pod{t: t, live: updated}
		p.do(http.MethodGet, "", nil, nil)
		before := p.live.specJSON()
		wanted := rebased(p.live["spec"], old["spec"], updated["spec"])
		if subresource == "resize" {
			requestLimits(wanted, updated["spec"])
		}
		p.live["spec"] = wanted
		answer, err := server.Do(t.Context(), cluster.Request{
			Method: http.MethodPut, Path: p.path() + "/" + subresource, Query: url.Values{"dryRun": {"All"}}, Body: p.live.json(),
		})
		done := !refused(t, err)
		if done { // each of the two passes over what is not its own
			p.take(answer)
			done = p.live.specJSON() != before && len(lost(wanted, p.live["spec"], "")) == 0
		}
		if done != possible {
			disagreements = append(disagreements, fmt.Sprintf("%s: possible=%t by %s, %t by the server: %v", subresource, possible, says.Rule, done, err))
		}
	}
	return disagreements
}

// requestLimits has containers ask for their limits where a manifest does not
// say what they ask for: a new Pod would, and a resize must say so.
func requestLimits(spec, manifest any) {
	for _, list := range []string{"containers", "initContainers"} {
		containers, _ := object(spec.(map[string]any)).at(list).([]any)
		sent, _ := object(manifest.(map[string]any)).at(list).([]any)
		for i := range min(len(containers), len(sent)) {
			container, from := object(containers[i].(map[string]any)), object(sent[i].(map[string]any))
			limits, _ := from.at("resources", "limits").(map[string]any)
			requests, _ := container.at("resources", "requests").(map[string]any)
			for name, limit := range limits {
				if requests != nil && from.at("resources", "requests", name) == nil {
					requests[name] = limit
				}
			}
		}
	}
}

// rebased is what is there, with the difference between two manifests.
func rebased(there, old, updated any) any {
	if reflect.DeepEqual(old, updated) {
		return there
	}
	switch updated := updated.(type) {
	case map[string]any:
		old, _ := old.(map[string]any)
		all, ok := there.(map[string]any)
		if !ok {
			return updated
		}
		for key := range old {
			if _, still := updated[key]; !still {
				delete(all, key)
			}
		}
		for key, value := range updated {
			all[key] = rebased(all[key], old[key], value)
		}
		return all
	case []any:
		old, _ := old.([]any)
		all, ok := there.([]any)
		if !ok || len(all) != len(updated) || len(old) != len(updated) {
			return updated
		}
		for i, value := range updated {
			all[i] = rebased(all[i], old[i], value)
		}
		return all
	}
	return updated
}
