package manifest

import (
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/util/strategicpatch"
)

// An agent's pod as a base template has it, and the patch of a harness.
const (
	benchBase = `
metadata:
  name: reviewer
  labels: {app.kubernetes.io/name: reviewer, app.kubernetes.io/managed-by: scion-gen, scion.dev/grove: shop, scion.dev/agent: reviewer, scion.dev/template: claude}
  annotations: {scion.dev/task: review, scion.dev/owner: shop, kubectl.kubernetes.io/default-container: agent}
spec:
  restartPolicy: Never
  automountServiceAccountToken: false
  enableServiceLinks: false
  serviceAccountName: agent
  terminationGracePeriodSeconds: 30
  securityContext: {runAsNonRoot: true, runAsUser: 1000, runAsGroup: 1000, fsGroup: 1000, fsGroupChangePolicy: OnRootMismatch, seccompProfile: {type: RuntimeDefault}}
  nodeSelector: {kubernetes.io/os: linux, kubernetes.io/arch: amd64}
  tolerations: [{key: agents, operator: Exists, effect: NoSchedule}]
  imagePullSecrets: [{name: registry}]
  initContainers:
  - name: clone
    image: registry.example/scion/git:1
    command: [sh, -c, git clone "$URL" /workspace]
    env: [{name: URL, value: https://example.com/shop.git}, {name: DEPTH, value: "1"}, {name: HOME, value: /scion}, {name: TOKEN, valueFrom: {secretKeyRef: {name: git, key: token}}}]
    securityContext: {allowPrivilegeEscalation: false, readOnlyRootFilesystem: true, capabilities: {drop: [ALL]}}
    resources: {requests: {cpu: 100m, memory: 128Mi}, limits: {cpu: "1", memory: 512Mi}}
    volumeMounts: [{name: workspace, mountPath: /workspace}, {name: tmp, mountPath: /tmp}]
  containers:
  - name: agent
    image: registry.example/scion/base:1
    imagePullPolicy: IfNotPresent
    command: [scion-start]
    args: [--harness, generic, --resume=false]
    workingDir: /workspace
    tty: true
    stdin: true
    env:
    - {name: HOME, value: /scion}
    - {name: LANG, value: C.UTF-8}
    - {name: TERM, value: xterm-256color}
    - {name: SCION_AGENT, value: reviewer}
    - {name: SCION_GROVE, value: shop}
    - {name: SCION_HUB, value: https://hub.example}
    - {name: SCION_TEMPLATE, value: claude}
    - {name: SCION_WORKSPACE, value: /workspace}
    - {name: SCION_LOG_LEVEL, value: info}
    - {name: SCION_TELEMETRY, value: "off"}
    - {name: POD_NAME, valueFrom: {fieldRef: {fieldPath: metadata.name}}}
    - {name: POD_NAMESPACE, valueFrom: {fieldRef: {fieldPath: metadata.namespace}}}
    - {name: API_KEY, valueFrom: {secretKeyRef: {name: keys, key: api}}}
    - {name: GIT_TOKEN, valueFrom: {secretKeyRef: {name: git, key: token}}}
    ports: [{name: http, containerPort: 8080, protocol: TCP}, {name: metrics, containerPort: 9090, protocol: TCP}]
    livenessProbe: {exec: {command: [scion-alive]}, periodSeconds: 30, timeoutSeconds: 5, failureThreshold: 3}
    readinessProbe: {httpGet: {path: /ready, port: http}, periodSeconds: 10, timeoutSeconds: 2}
    securityContext: {allowPrivilegeEscalation: false, privileged: false, readOnlyRootFilesystem: true, capabilities: {drop: [ALL]}}
    resources: {requests: {cpu: 250m, memory: 512Mi, ephemeral-storage: 10Gi}, limits: {cpu: "2", memory: 4Gi, ephemeral-storage: 10Gi}}
    volumeMounts:
    - {name: workspace, mountPath: /workspace}
    - {name: home, mountPath: /scion}
    - {name: tmp, mountPath: /tmp}
    - {name: run, mountPath: /run}
    - {name: settings, mountPath: /etc/scion, readOnly: true}
  volumes:
  - {name: workspace, emptyDir: {sizeLimit: 10Gi}}
  - {name: home, emptyDir: {sizeLimit: 1Gi}}
  - {name: tmp, emptyDir: {sizeLimit: 1Gi}}
  - {name: run, emptyDir: {medium: Memory, sizeLimit: 64Mi}}
  - {name: settings, configMap: {name: reviewer-settings, items: [{key: settings.json, path: settings.json}]}}
`
	benchPatch = `
metadata:
  labels: {scion.dev/template: custom, scion.dev/harness: claude, team: shop}
  annotations: {scion.dev/owner: team-shop}
spec:
  serviceAccountName: reviewer
  terminationGracePeriodSeconds: 120
  priorityClassName: agents
  securityContext: {runAsUser: 2000, runAsGroup: 2000, fsGroup: 2000}
  nodeSelector: {pool: agents}
  tolerations: [{key: agents, operator: Exists, effect: NoSchedule}, {key: gpu, operator: Exists}]
  containers:
  - name: agent
    image: registry.example/scion/claude:2
    args: [--harness, claude, --model, large]
    env:
    - {name: LANG, value: en_US.UTF-8}
    - {name: SCION_HUB, value: https://hub.internal}
    - {name: SCION_LOG_LEVEL, value: debug}
    - {name: SCION_TELEMETRY, $patch: delete}
    - {name: API_KEY, valueFrom: {secretKeyRef: {name: claude, key: api-key}}}
    - {name: CLAUDE_HOME, value: /scion/.claude}
    - {name: CLAUDE_MODEL, value: large}
    - {name: MAX_TURNS, value: "40"}
    livenessProbe: {grpc: {port: 9000}, periodSeconds: 20}
    readinessProbe: null
    resources: {requests: {cpu: 500m, memory: 1Gi}, limits: {cpu: "4", memory: 8Gi}}
    volumeMounts:
    - {name: cache, mountPath: /cache}
    - {name: settings, mountPath: /etc/scion, subPath: claude}
  - name: proxy
    image: registry.example/proxy:3
    args: [--listen, ":3128"]
    securityContext: {allowPrivilegeEscalation: false, readOnlyRootFilesystem: true, capabilities: {drop: [ALL]}}
    resources: {requests: {cpu: 50m, memory: 64Mi}, limits: {cpu: 200m, memory: 128Mi}}
  volumes:
  - {name: workspace, persistentVolumeClaim: {claimName: shop}}
  - {name: cache, emptyDir: {sizeLimit: 5Gi}}
`
)

// count is the values of a tree, and the scalars among them.
func count(n *Node) (values, scalars int) {
	values, scalars = 1, 0
	if n.Kind < Sequence {
		return 1, 1
	}
	for _, f := range n.Fields {
		v, s := count(f.Value)
		values, scalars = values+v, scalars+s
	}
	for _, item := range n.Items {
		v, s := count(item)
		values, scalars = values+v, scalars+s
	}
	return values, scalars
}

// BenchmarkMerge gives in the same run how many times as long upstream takes,
// for JSON as its interface has it and for maps already decoded; those it has
// to be given anew each time, as it changes them, which is not counted.
func BenchmarkMerge(b *testing.B) {
	base, patch := node(b, "base", benchBase), node(b, "patch", benchPatch)
	values, _ := count(base)
	_, scalars := count(patch)
	b.Run("nil", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			Merge(base, patch, podType, nil)
		}
		ours := b.Elapsed() / time.Duration(b.N)
		b.ReportMetric(float64(values), "base-values")
		b.ReportMetric(float64(scalars), "patch-scalars")
		asJSON, asMaps := upstreamTime(b, compact(base), compact(patch))
		b.ReportMetric(float64(asJSON)/float64(ours), "x-json")
		b.ReportMetric(float64(asMaps)/float64(ours), "x-maps")
	})
	b.Run("keep", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			Merge(base, patch, podType, func(old, new Pos) bool { return old.Line%4 == 0 })
		}
	})
	b.Run("check", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			var errs Errors
			if CheckPatch(patch, podType, "", &errs); len(errs) > 0 {
				b.Fatal(errs)
			}
		}
	})
}

func upstreamTime(b *testing.B, base, patch string) (asJSON, asMaps time.Duration) {
	b.Helper()
	const rounds = 200
	schema, err := strategicpatch.NewPatchMetaFromStruct(corev1.Pod{})
	if err != nil {
		b.Fatal(err)
	}
	start := time.Now()
	for range rounds {
		if _, err := strategicpatch.StrategicMergePatchUsingLookupPatchMeta([]byte(base), []byte(patch), schema); err != nil {
			b.Fatal(err)
		}
	}
	asJSON = time.Since(start) / rounds
	for range rounds {
		baseMap, patchMap := asGo(base).(map[string]any), asGo(patch).(map[string]any)
		start := time.Now()
		if _, err := strategicpatch.StrategicMergeMapPatchUsingLookupPatchMeta(baseMap, patchMap, schema); err != nil {
			b.Fatal(err)
		}
		asMaps += time.Since(start)
	}
	return asJSON, asMaps / rounds
}
