package diff

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// one is an object's YAML, of several on a side.
func one(version, kind, name, rest string) string {
	return fmt.Sprintf("---\napiVersion: %s\nkind: %s\nmetadata: {name: %s, namespace: n}\n%s", version, kind, name, rest)
}

func netpol(name, spec string) string {
	return one("networking.k8s.io/v1", "NetworkPolicy", name, "spec:\n"+spec)
}

func rbac(kind, name, rest string) string {
	return one("rbac.authorization.k8s.io/v1", kind, name, rest)
}

func labelled(name, labels string) string {
	return fmt.Sprintf("---\napiVersion: v1\nkind: Pod\nmetadata: {name: %s, namespace: n, labels: {%s}}\nspec: {containers: [{name: agent, image: a:1}]}\n", name, labels)
}

const (
	denyAll    = "  podSelector: {}\n  policyTypes: [Ingress, Egress]\n"
	allowAgent = "  podSelector: {matchLabels: {app: agent}}\n  policyTypes: [Egress]\n  egress: [{to: [{ipBlock: {cidr: 10.0.0.0/8}}]}]\n"
)

// A change is flagged in the direction that weakens, and not in the other: what
// is narrower is stricter, however it is written.
func TestWeakerIsFlaggedStricterIsNot(t *testing.T) {
	egress := func(rules string) string {
		return netpol("p", "  podSelector: {}\n  policyTypes: [Egress]\n  egress: ["+rules+"]\n")
	}
	ingress := func(rules string) string {
		return netpol("p", "  podSelector: {}\n  policyTypes: [Ingress]\n  ingress: ["+rules+"]\n")
	}
	role := func(rules string) string { return rbac("Role", "r", "rules: ["+rules+"]\n") }
	binding := func(name, role string, subjects string) string {
		return rbac("RoleBinding", name, "roleRef: {apiGroup: rbac.authorization.k8s.io, "+role+"}\nsubjects: ["+subjects+"]\n")
	}
	agent := "{kind: ServiceAccount, name: agent, namespace: n}"
	host := func(at, mount string) string {
		return podWith("  volumes: [{name: v, hostPath: {path: "+at+"}}]\n", "    volumeMounts: [{name: v, mountPath: /v"+mount+"}]\n")
	}
	security := func(of string) string { return podWith("", "    securityContext: {"+of+"}\n") }
	spec := func(of string) string { return podWith("  "+of+"\n", "") }
	container := func(of string) string { return podWith("", "    "+of+"\n") }
	image := func(name, rest string) string {
		return strings.Replace(podWith("", rest), "    image: a:1", "    image: "+name, 1)
	}
	namespace := func(labels string) string {
		return "apiVersion: v1\nkind: Namespace\nmetadata: {name: n, labels: {" + labels + "}}\n"
	}
	pod := podWith("", "")
	for _, c := range []struct {
		why            string
		strict, weaker string
		id             string
	}{
		// Network policies add up.
		{"a policy beside one that denies", netpol("deny", denyAll), netpol("deny", denyAll) + netpol("allow", allowAgent), "network-policy"},
		{"a policy that lets out to the metadata service", netpol("deny", denyAll), netpol("deny", denyAll) + netpol("allow", strings.Replace(allowAgent, "10.0.0.0/8", "169.254.0.0/16", 1)), "network-metadata"},
		{"the last policy of the pods", netpol("deny", denyAll), netpol("other", "  podSelector: {matchLabels: {a: b}}\n"), "guard-removed"},
		{"the last policy of the namespace", netpol("a", denyAll) + strings.Replace(netpol("b", allowAgent), "namespace: n", "namespace: m", 1), netpol("a", denyAll), "guard-removed"},
		{"a policy type", netpol("p", denyAll), netpol("p", "  podSelector: {}\n  policyTypes: [Ingress]\n"), "network-unguarded"},
		{"the pods of the only policy", netpol("p", denyAll), netpol("p", strings.Replace(denyAll, "{}", "{matchLabels: {a: b}}", 1)), "network-selector"},
		{"the pods of a policy that allows, beside one that denies",
			netpol("deny", denyAll) + netpol("allow", allowAgent),
			netpol("deny", denyAll) + netpol("allow", strings.Replace(allowAgent, "{matchLabels: {app: agent}}", "{}", 1)), "network-policy"},
		{"labels that lead out of the policy",
			netpol("deny", strings.Replace(denyAll, "{}", "{matchLabels: {app: agent}}", 1)) + labelled("a", "app: agent"),
			netpol("deny", strings.Replace(denyAll, "{}", "{matchLabels: {app: agent}}", 1)) + labelled("a", "app: other"), "network-labels"},
		{"labels that lead to what is allowed",
			netpol("deny", denyAll) + netpol("allow", allowAgent) + labelled("a", "app: other"),
			netpol("deny", denyAll) + netpol("allow", allowAgent) + labelled("a", "app: agent"), "network-labels"},
		{"a block", egress("{to: [{ipBlock: {cidr: 10.1.0.0/16}}]}"), egress("{to: [{ipBlock: {cidr: 10.0.0.0/8}}]}"), "network-policy"},
		{"a block of IPv6", egress("{to: [{ipBlock: {cidr: 2001:db8:1::/48}}]}"), egress("{to: [{ipBlock: {cidr: 2001:db8::/32}}]}"), "network-policy"},
		{"an exception", egress("{to: [{ipBlock: {cidr: 10.0.0.0/8, except: [10.1.0.0/16]}}]}"), egress("{to: [{ipBlock: {cidr: 10.0.0.0/8}}]}"), "network-policy"},
		{"a smaller exception", egress("{to: [{ipBlock: {cidr: 10.0.0.0/8, except: [10.1.0.0/16]}}]}"), egress("{to: [{ipBlock: {cidr: 10.0.0.0/8, except: [10.1.0.0/17]}}]}"), "network-policy"},
		{"the metadata service", egress("{to: [{ipBlock: {cidr: 0.0.0.0/0, except: [169.254.169.254/32]}}]}"), egress("{to: [{ipBlock: {cidr: 0.0.0.0/0}}]}"), "network-metadata"},
		{"everyone instead of a block", egress("{to: [{ipBlock: {cidr: 10.0.0.0/8}}]}"), egress("{}"), "network-metadata"},
		{"a port", ingress("{ports: [{port: 80}]}"), ingress("{ports: [{port: 80}, {port: 81}]}"), "network-policy"},
		{"a range of ports", ingress("{ports: [{port: 80}]}"), ingress("{ports: [{port: 80, endPort: 90}]}"), "network-policy"},
		{"all ports of a protocol", ingress("{ports: [{protocol: TCP, port: 80}]}"), ingress("{ports: [{protocol: TCP}]}"), "network-policy"},
		{"all ports", ingress("{ports: [{protocol: TCP}, {protocol: UDP}, {protocol: SCTP}]}"), ingress("{}"), "network-policy"},
		{"another protocol", ingress("{ports: [{port: 53}]}"), ingress("{ports: [{port: 53}, {port: 53, protocol: UDP}]}"), "network-policy"},
		{"the labels of the peer", ingress("{from: [{podSelector: {matchLabels: {a: b, c: d}}}]}"), ingress("{from: [{podSelector: {matchLabels: {a: b}}}]}"), "network-policy"},
		{"the values of a peer's label", ingress("{from: [{podSelector: {matchLabels: {a: b}}}]}"), ingress("{from: [{podSelector: {matchExpressions: [{key: a, operator: In, values: [b, c]}]}}]}"), "network-policy"},
		{"a peer's label of any value", ingress("{from: [{podSelector: {matchLabels: {a: b}}}]}"), ingress("{from: [{podSelector: {matchExpressions: [{key: a, operator: Exists}]}}]}"), "network-policy"},
		{"a peer without an exclusion", ingress("{from: [{podSelector: {matchExpressions: [{key: a, operator: NotIn, values: [b]}]}}]}"), ingress("{from: [{podSelector: {}}]}"), "network-policy"},
		{"pods of all namespaces", ingress("{from: [{podSelector: {}}]}"), ingress("{from: [{podSelector: {}, namespaceSelector: {}}]}"), "network-policy"},
		{"pods of another namespace", ingress("{from: [{podSelector: {}}]}"), ingress("{from: [{podSelector: {}, namespaceSelector: {matchExpressions: [{key: kubernetes.io/metadata.name, operator: In, values: [n, m]}]}}]}"), "network-policy"},

		// Rights are given by any binding.
		{"a binding", role("{apiGroups: ['']}"), role("{apiGroups: ['']}") + binding("b", "kind: Role, name: r", agent), "rbac-subject"},
		{"a binding of the cluster", role(""), role("") + rbac("ClusterRoleBinding", "b", "roleRef: {kind: ClusterRole, name: view}\nsubjects: ["+agent+"]\n"), "rbac-subject"},
		{"a binding in all namespaces instead of one", binding("b", "kind: ClusterRole, name: view", agent), rbac("ClusterRoleBinding", "b", "roleRef: {kind: ClusterRole, name: view}\nsubjects: ["+agent+"]\n"), "rbac-subject"},
		{"a subject", binding("b", "kind: Role, name: r", agent), binding("b", "kind: Role, name: r", agent+", {kind: User, name: u}"), "rbac-subject"},
		{"all service accounts", binding("b", "kind: Role, name: r", agent), binding("b", "kind: Role, name: r", "{kind: Group, name: 'system:serviceaccounts:n'}"), "rbac-subject"},
		{"everybody", binding("b", "kind: Role, name: r", "{kind: Group, name: 'system:serviceaccounts:n'}"), binding("b", "kind: Role, name: r", "{kind: Group, name: 'system:authenticated'}"), "rbac-subject"},
		{"a role that has more", binding("b", "kind: ClusterRole, name: view", agent), binding("b", "kind: ClusterRole, name: admin", agent), "rbac-role"},
		{"a role that has more, as the manifests say",
			binding("b", "kind: Role, name: r", agent) + rbac("Role", "r", "rules: [{apiGroups: [''], resources: [pods], verbs: [get]}]\n") + rbac("Role", "s", "rules: [{apiGroups: [''], resources: [pods], verbs: [get, list]}]\n"),
			binding("b", "kind: Role, name: s", agent) + rbac("Role", "r", "rules: [{apiGroups: [''], resources: [pods], verbs: [get]}]\n") + rbac("Role", "s", "rules: [{apiGroups: [''], resources: [pods], verbs: [get, list]}]\n"), "rbac-role"},
		{"a verb", role("{apiGroups: [''], resources: [pods], verbs: [get]}"), role("{apiGroups: [''], resources: [pods], verbs: [get, list]}"), "rbac-widened"},
		{"all verbs", role("{apiGroups: [''], resources: [pods], verbs: [get, list]}"), role("{apiGroups: [''], resources: [pods], verbs: ['*']}"), "rbac-widened"},
		{"a rule", role("{apiGroups: [''], resources: [pods], verbs: [get]}"), role("{apiGroups: [''], resources: [pods], verbs: [get]}, {apiGroups: [''], resources: [secrets], verbs: [get]}"), "rbac-widened"},
		{"all resources", role("{apiGroups: [''], resources: [pods, pods/log], verbs: [get]}"), role("{apiGroups: [''], resources: ['*'], verbs: [get]}"), "rbac-widened"},
		{"all groups", role("{apiGroups: ['', apps], resources: [pods], verbs: [get]}"), role("{apiGroups: ['*'], resources: [pods], verbs: [get]}"), "rbac-widened"},
		{"all names", role("{apiGroups: [''], resources: [pods], resourceNames: [a], verbs: [get]}"), role("{apiGroups: [''], resources: [pods], verbs: [get]}"), "rbac-widened"},
		{"rules that split what one had", role("{apiGroups: [''], resources: [pods], verbs: [get]}"), role("{apiGroups: [''], resources: [pods], verbs: [get]}, {apiGroups: [apps], resources: [deployments], verbs: [get]}"), "rbac-widened"},
		{"a path", rbac("ClusterRole", "r", "rules: [{nonResourceURLs: [/healthz], verbs: [get]}]\n"), rbac("ClusterRole", "r", "rules: [{nonResourceURLs: [/healthz, /metrics], verbs: [get]}]\n"), "rbac-widened"},
		{"all paths", rbac("ClusterRole", "r", "rules: [{nonResourceURLs: [/healthz/ready], verbs: [get]}]\n"), rbac("ClusterRole", "r", "rules: [{nonResourceURLs: ['/healthz/*'], verbs: [get]}]\n"), "rbac-widened"},
		{"a path is no resource", rbac("ClusterRole", "r", "rules: [{nonResourceURLs: ['*'], verbs: ['*']}]\n"), rbac("ClusterRole", "r", "rules: [{nonResourceURLs: ['*'], verbs: ['*']}, {apiGroups: [''], resources: [secrets], verbs: [get]}]\n"), "rbac-widened"},
		{"a role that waits for its binding", binding("b", "kind: Role, name: r", agent), binding("b", "kind: Role, name: r", agent) + role("{apiGroups: [''], resources: [pods], verbs: [get]}"), "rbac-widened"},
		{"rules for a role of the cluster", rbac("ClusterRole", "r", "rules: []\n"), strings.Replace(rbac("ClusterRole", "r", "rules: []\n"), "namespace: n", "namespace: n, labels: {rbac.authorization.k8s.io/aggregate-to-edit: 'true'}", 1), "rbac-widened"},
		{"rules of other roles", rbac("ClusterRole", "r", "aggregationRule: {clusterRoleSelectors: [{matchLabels: {a: b}}]}\n"), rbac("ClusterRole", "r", "aggregationRule: {clusterRoleSelectors: [{}]}\n"), "rbac-widened"},

		// New objects that are weak in themselves.
		{"a privileged pod", "", strings.Replace(security("privileged: true"), "name: p,", "name: q,", 1), "privileged"},
		{"a pod with the node's network", "", spec("hostNetwork: true"), "host-network"},
		{"a pod with a path of the node", "", host("/srv", ""), "host-path"},
		{"a pod with a capability", "", security("capabilities: {add: [NET_ADMIN]}"), "capability-added"},
		{"a service account that mounts its token", "", header("v1", "ServiceAccount") + "automountServiceAccountToken: true\n", "service-token"},
		{"a role with all rights", "", role("{apiGroups: ['*'], resources: ['*'], verbs: ['*']}"), "rbac-widened"},
		{"a token that does not expire", "", one("v1", "Secret", "s", "type: kubernetes.io/service-account-token\n"), "token-secret"},
		{"a volume of the node", "", one("v1", "PersistentVolume", "v", "spec: {hostPath: {path: /etc}}\n"), "host-path"},
		{"an Ingress", "", one("networking.k8s.io/v1", "Ingress", "i", "spec: {rules: [{host: a.example.com}]}\n"), "service-exposed"},
		{"a namespace without restrictions", "", namespace("pod-security.kubernetes.io/enforce: privileged"), "pod-security"},

		// Pods.
		{"a path of the node above it", host("/srv/agents/a", ""), host("/srv/agents", ""), "host-path"},
		{"a path of the node, to write", host("/srv", ", readOnly: true"), host("/srv", ""), "host-path-write"},
		{"all of a path of the node", host("/srv", ", subPath: a"), host("/srv", ""), "host-path"},
		{"a port of the node", container("ports: [{containerPort: 80}]"), container("ports: [{containerPort: 80, hostPort: 80}]"), "host-port"},
		{"a port of all the node's addresses", container("ports: [{containerPort: 80, hostPort: 80, hostIP: 127.0.0.1}]"), container("ports: [{containerPort: 80, hostPort: 80}]"), "host-port"},
		{"a capability", security("capabilities: {add: [CHOWN]}"), security("capabilities: {add: [CHOWN, SYS_TIME]}"), "capability-added"},
		{"all capabilities", security("capabilities: {add: [NET_ADMIN]}"), security("capabilities: {add: [ALL]}"), "capability-added"},
		{"a capability that was dropped", security("capabilities: {drop: [NET_RAW]}"), security("capabilities: {}"), "capability-added"},
		{"capabilities of the runtime", security("capabilities: {drop: [ALL]}"), security("capabilities: {drop: [NET_RAW]}"), "capabilities-kept"},
		{"escalation of privileges", security("allowPrivilegeEscalation: false"), security("allowPrivilegeEscalation: true"), "privilege-escalation"},
		{"no more profile", security("seccompProfile: {type: RuntimeDefault}"), security("seccompProfile: {type: Unconfined}"), "seccomp"},
		{"a type of SELinux", security("seLinuxOptions: {type: container_t}"), security("seLinuxOptions: {type: spc_t}"), "selinux"},
		{"a role of SELinux", security(""), security("seLinuxOptions: {role: sysadm_r}"), "selinux"},
		{"a kernel parameter", pod, spec("securityContext: {sysctls: [{name: kernel.msgmax, value: '1'}]}"), "sysctl"},
		{"a host process of the pod", pod, spec("securityContext: {windowsOptions: {hostProcess: true}}"), "host-process"},
		{"the group root", pod, spec("securityContext: {fsGroup: 0}"), "root-group"},
		{"no check of the user", security("runAsNonRoot: true, runAsUser: 1000"), security("runAsUser: 1000"), "run-as-non-root"},
		{"no user", security("runAsUser: 1000"), security(""), "run-as-non-root"},
		{"a host of a probe", container("livenessProbe: {tcpSocket: {port: 80}}"), container("livenessProbe: {tcpSocket: {port: 80, host: 169.254.169.254}}"), "probe-host"},
		{"a host of a hook", container("lifecycle: {preStop: {httpGet: {port: 80}}}"), container("lifecycle: {preStop: {httpGet: {port: 80, host: b}}}"), "probe-host"},
		{"a volume of the network", pod, spec("volumes: [{name: v, nfs: {server: a, path: /}}]"), "volume-type"},
		{"a token for somebody", pod, spec("volumes: [{name: v, projected: {sources: [{serviceAccountToken: {audience: hub, path: t}}]}}]"), "token-volume"},
		{"a toleration", spec("tolerations: [{key: a, operator: Equal, value: b, effect: NoSchedule}]"), spec("tolerations: [{key: a, operator: Exists, effect: NoSchedule}]"), "toleration-added"},
		{"a toleration of each effect", spec("tolerations: [{key: a, operator: Exists, effect: NoSchedule}]"), spec("tolerations: [{key: a, operator: Exists}]"), "toleration-added"},
		{"a toleration of everything", spec("tolerations: [{key: a, operator: Exists}]"), spec("tolerations: [{operator: Exists}]"), "toleration-added"},
		{"a toleration for ever", spec("tolerations: [{key: a, operator: Exists, effect: NoExecute, tolerationSeconds: 5}]"), spec("tolerations: [{key: a, operator: Exists, effect: NoExecute}]"), "toleration-added"},
		{"a node's label", spec("nodeSelector: {pool: agents, zone: a}"), spec("nodeSelector: {pool: agents}"), "placement"},
		{"a term of nodes", spec("affinity: {nodeAffinity: {requiredDuringSchedulingIgnoredDuringExecution: {nodeSelectorTerms: [{matchExpressions: [{key: pool, operator: In, values: [a]}]}]}}}"),
			spec("affinity: {nodeAffinity: {requiredDuringSchedulingIgnoredDuringExecution: {nodeSelectorTerms: [{matchExpressions: [{key: pool, operator: In, values: [a]}]}, {matchExpressions: [{key: pool, operator: In, values: [b]}]}]}}}"), "placement"},
		{"no term of nodes", spec("affinity: {nodeAffinity: {requiredDuringSchedulingIgnoredDuringExecution: {nodeSelectorTerms: [{matchExpressions: [{key: pool, operator: In, values: [a]}]}]}}}"), pod, "placement"},
		{"a node by name", pod, spec("nodeName: control-plane"), "placement"},
		{"a priority of the system", pod, spec("priorityClassName: system-node-critical"), "system-priority"},
		{"a secret", container("envFrom: [{configMapRef: {name: c}}]"), container("envFrom: [{configMapRef: {name: c}}, {secretRef: {name: s}}]"), "secret-added"},
		{"all keys of a secret", spec("volumes: [{name: v, secret: {secretName: s, items: [{key: a, path: a}]}}]"), spec("volumes: [{name: v, secret: {secretName: s}}]"), "secret-added"},
		{"a secret of a CSI driver", spec("volumes: [{name: v, csi: {driver: d}}]"), spec("volumes: [{name: v, csi: {driver: d, nodePublishSecretRef: {name: s}}}]"), "secret-added"},
		{"a secret for images", pod, spec("imagePullSecrets: [{name: s}]"), "secret-added"},
		{"the limit of a pod", container("resources: {limits: {cpu: 1}}"), container("resources: {}"), "limit-removed"},
		{"the size of a directory", spec("volumes: [{name: v, emptyDir: {sizeLimit: 1Gi}}]"), spec("volumes: [{name: v, emptyDir: {}}]"), "limit-removed"},
		{"a container from elsewhere", pod, pod + "  - {name: c, image: 'evil/b:1'}\n", "image-registry"},
		{"a flag of the harness", container("args: [--model, x]"), container("args: [--approval-mode, yolo]"), "harness-flag"},
		{"a flag in the middle", container("command: [sh, -c, 'exec claude --yolonot']"), container("command: [sh, -c, 'exec claude --yolonot --yolo']"), "harness-flag"},
		{"a setting of the harness", header("v1", "ConfigMap") + "data: {settings.json: '{}'}\n", header("v1", "ConfigMap") + "data: {settings.json: '{\"defaultMode\": \"bypassPermissions\"}'}\n", "harness-flag"},
		{"a tag that stays", image("a:1", ""), image("a", ""), "image-latest"},

		// What guards others.
		{"Pod Security", namespace("pod-security.kubernetes.io/enforce: restricted"), namespace("pod-security.kubernetes.io/enforce: baseline"), "pod-security"},
		{"no Pod Security", namespace("pod-security.kubernetes.io/enforce: baseline"), namespace("a: b"), "pod-security"},
		{"an older Pod Security", namespace("pod-security.kubernetes.io/enforce: restricted, pod-security.kubernetes.io/enforce-version: v1.35"), namespace("pod-security.kubernetes.io/enforce: restricted, pod-security.kubernetes.io/enforce-version: v1.20"), "pod-security"},
		{"a quota", one("v1", "ResourceQuota", "q", "spec: {hard: {pods: 10}}\n"), one("v1", "ResourceQuota", "q", "spec: {hard: {pods: 20}}\n"), "guard-weakened"},
		{"a part of a quota", one("v1", "ResourceQuota", "q", "spec: {hard: {pods: 10, cpu: 1}}\n"), one("v1", "ResourceQuota", "q", "spec: {hard: {pods: 10}}\n"), "guard-weakened"},
		{"a range", one("v1", "LimitRange", "q", "spec: {limits: [{type: Container, max: {cpu: 1}}]}\n"), one("v1", "LimitRange", "q", "spec: {limits: [{type: Container, max: {cpu: 1500m}}]}\n"), "guard-weakened"},
		{"a webhook that may fail", one("admissionregistration.k8s.io/v1", "ValidatingWebhookConfiguration", "w", "webhooks: [{name: a}]\n"), one("admissionregistration.k8s.io/v1", "ValidatingWebhookConfiguration", "w", "webhooks: [{name: a, failurePolicy: Ignore}]\n"), "guard-weakened"},
		{"a webhook that sees less", one("admissionregistration.k8s.io/v1", "ValidatingWebhookConfiguration", "w", "webhooks: [{name: a}]\n"), one("admissionregistration.k8s.io/v1", "ValidatingWebhookConfiguration", "w", "webhooks: [{name: a, namespaceSelector: {matchLabels: {a: b}}}]\n"), "guard-weakened"},
		{"a validation", one("admissionregistration.k8s.io/v1", "ValidatingAdmissionPolicy", "w", "spec: {validations: [{expression: a}, {expression: b}]}\n"), one("admissionregistration.k8s.io/v1", "ValidatingAdmissionPolicy", "w", "spec: {validations: [{expression: b}]}\n"), "guard-weakened"},
		{"a binding that only warns", one("admissionregistration.k8s.io/v1", "ValidatingAdmissionPolicyBinding", "w", "spec: {validationActions: [Deny]}\n"), one("admissionregistration.k8s.io/v1", "ValidatingAdmissionPolicyBinding", "w", "spec: {validationActions: [Warn]}\n"), "guard-weakened"},
		{"a quota that is gone", one("v1", "ResourceQuota", "q", "spec: {hard: {pods: 10}}\n"), "", "guard-removed"},
		{"a load balancer", one("v1", "Service", "s", "spec: {type: NodePort}\n"), one("v1", "Service", "s", "spec: {type: LoadBalancer}\n"), "service-exposed"},
		{"addresses of a load balancer", one("v1", "Service", "s", "spec: {type: LoadBalancer, loadBalancerSourceRanges: [10.1.0.0/16]}\n"), one("v1", "Service", "s", "spec: {type: LoadBalancer, loadBalancerSourceRanges: [10.0.0.0/8]}\n"), "service-exposed"},
		{"all addresses of a load balancer", one("v1", "Service", "s", "spec: {type: LoadBalancer, loadBalancerSourceRanges: [10.1.0.0/16]}\n"), one("v1", "Service", "s", "spec: {type: LoadBalancer}\n"), "service-exposed"},
		{"addresses of its own", one("v1", "Service", "s", "spec: {type: ClusterIP}\n"), one("v1", "Service", "s", "spec: {type: ClusterIP, externalIPs: [1.2.3.4]}\n"), "service-exposed"},
		{"a deployer that is told to force", one("kustomize.toolkit.fluxcd.io/v1", "Kustomization", "k", "spec: {prune: true}\n"), one("kustomize.toolkit.fluxcd.io/v1", "Kustomization", "k", "spec: {prune: true, force: true}\n"), "force-annotation"},
		{"an application that replaces", one("argoproj.io/v1alpha1", "Application", "a", "spec: {syncPolicy: {syncOptions: [A=b]}}\n"), one("argoproj.io/v1alpha1", "Application", "a", "spec: {syncPolicy: {syncOptions: [Replace=true]}}\n"), "force-annotation"},
	} {
		t.Run(c.why, func(t *testing.T) {
			if got := flagsOf(t, c.strict, c.weaker); !slices.Contains(got, c.id) {
				t.Errorf("weaker, and not flagged as %s, but %v", c.id, got)
			}
			if got := flagsOf(t, c.weaker, c.strict); len(got) > 0 {
				t.Errorf("stricter, and flagged: %v", got)
			}
		})
	}
}

// What comes to the same is no change for security, however it is written.
func TestSameIsNotFlagged(t *testing.T) {
	egress := func(rules string) string {
		return netpol("p", "  podSelector: {}\n  policyTypes: [Egress]\n  egress: ["+rules+"]\n")
	}
	binding := func(name, subjects string) string {
		return rbac("RoleBinding", name, "roleRef: {kind: Role, name: r}\nsubjects: ["+subjects+"]\n")
	}
	role := func(name, rules string) string { return rbac("Role", name, "rules: ["+rules+"]\n") }
	spec := func(of string) string { return podWith("  "+of+"\n", "") }
	container := func(of string) string { return podWith("", "    "+of+"\n") }
	for _, c := range []struct{ why, a, b string }{
		{"two halves of a block", egress("{to: [{ipBlock: {cidr: 0.0.0.0/1}}, {ipBlock: {cidr: 128.0.0.0/1}}]}"), egress("{to: [{ipBlock: {cidr: 0.0.0.0/0}}]}")},
		{"an exception in two", egress("{to: [{ipBlock: {cidr: 10.0.0.0/8, except: [10.0.0.0/9]}}]}"), egress("{to: [{ipBlock: {cidr: 10.128.0.0/9}}]}")},
		{"two ranges of ports", egress("{ports: [{port: 80, endPort: 84}, {port: 85, endPort: 90}]}"), egress("{ports: [{port: 80, endPort: 90}]}")},
		{"two rules", egress("{ports: [{port: 80}]}, {ports: [{port: 81}]}"), egress("{ports: [{port: 80}, {port: 81}]}")},
		{"two policies", netpol("a", allowAgent) + netpol("d", denyAll), netpol("b", allowAgent) + netpol("d", denyAll) + netpol("c", allowAgent)},
		{"the policy's own namespace", netpol("p", "  ingress: [{from: [{podSelector: {}}]}]\n"), netpol("p", "  ingress: [{from: [{podSelector: {}, namespaceSelector: {matchLabels: {kubernetes.io/metadata.name: n}}}]}]\n")},
		{"policies of pods that are not the same",
			netpol("a", "  podSelector: {matchLabels: {app: a}}\n") + labelled("a", "app: a") + labelled("b", "run: b"),
			netpol("a", "  podSelector: {matchLabels: {app: a}}\n") + labelled("a", "app: a") + labelled("b", "run: b") + netpol("b", "  podSelector: {matchLabels: {run: b}}\n  ingress: [{}]\n")},
		{"pods with their policy", labelled("b", "run: b"), labelled("b", "run: b") + netpol("p", strings.Replace(denyAll, "{}", "{matchLabels: {app: a}}", 1)) + labelled("a", "app: a")},
		{"a namespace with its policies", netpol("q", denyAll), netpol("q", denyAll) + "---\napiVersion: v1\nkind: Namespace\nmetadata: {name: m}\n" + strings.Replace(netpol("p", denyAll), "namespace: n", "namespace: m", 1)},
		{"two rules of a role", role("r", "{apiGroups: [''], resources: [pods], verbs: [get]}, {apiGroups: [''], resources: [pods], verbs: [list]}"), role("r", "{apiGroups: [''], resources: [pods], verbs: [get, list]}")},
		{"two bindings", binding("a", "{kind: User, name: u}, {kind: User, name: v}"), binding("b", "{kind: User, name: u}") + binding("c", "{kind: User, name: v}")},
		{"a service account as a user", binding("a", "{kind: ServiceAccount, name: s, namespace: n}"), binding("a", "{kind: User, name: 'system:serviceaccount:n:s'}")},
		{"a secret under another variable", container("env: [{name: A, valueFrom: {secretKeyRef: {name: s, key: k}}}]"), container("env: [{name: B, valueFrom: {secretKeyRef: {name: s, key: k}}}]")},
		{"escalation that is allowed, said", container("securityContext: {allowPrivilegeEscalation: true}"), container("securityContext: {readOnlyRootFilesystem: false}")},
		{"a node's label, as a term", spec("nodeSelector: {pool: a}"), spec("affinity: {nodeAffinity: {requiredDuringSchedulingIgnoredDuringExecution: {nodeSelectorTerms: [{matchExpressions: [{key: pool, operator: In, values: [a]}]}]}}}")},
		{"a profile of the pod, of each container", spec("securityContext: {seccompProfile: {type: RuntimeDefault}}"),
			strings.Replace(container("securityContext: {seccompProfile: {type: RuntimeDefault}}"), "{name: init,", "{name: init, securityContext: {seccompProfile: {type: RuntimeDefault}},", 1)},
		{"a limit of the container, of the pod", strings.Replace(container("resources: {limits: {cpu: 1}}"), "{name: init,", "{name: init, resources: {limits: {cpu: 1}},", 1), spec("resources: {limits: {cpu: 1}}")},
		{"a registry's other name", podWith("", "    imagePullPolicy: Always\n"), strings.Replace(podWith("", "    imagePullPolicy: Always\n"), "    image: a:1", "    image: index.docker.io/library/a:1", 1)},
		{"a kernel parameter that is the pod's own", podWith("", ""), spec("securityContext: {sysctls: [{name: net.ipv4.tcp_syncookies, value: '1'}]}")},
		{"tokens of a service account, said", header("v1", "ServiceAccount"), header("v1", "ServiceAccount") + "automountServiceAccountToken: true\n"},
	} {
		t.Run(c.why, func(t *testing.T) {
			for _, way := range [][2]string{{c.a, c.b}, {c.b, c.a}} {
				if got := flagsOf(t, way[0], way[1]); len(got) > 0 {
					t.Errorf("flagged: %v", got)
				}
			}
		})
	}
}

// Neither is part of the other: it is flagged both ways.
func TestAnotherIsFlaggedBothWays(t *testing.T) {
	host := func(at string) string {
		return podWith("  volumes: [{name: v, hostPath: {path: "+at+"}}]\n", "")
	}
	egress := func(cidr string) string {
		return netpol("p", "  podSelector: {}\n  policyTypes: [Egress]\n  egress: [{to: [{ipBlock: {cidr: "+cidr+"}}]}]\n")
	}
	localhost := func(profile string) string {
		return podWith("  securityContext: {seccompProfile: {type: Localhost, localhostProfile: "+profile+"}}\n", "")
	}
	sysctl := func(value string) string {
		return podWith("  securityContext: {sysctls: [{name: kernel.msgmax, value: '"+value+"'}]}\n", "")
	}
	for _, c := range []struct{ id, a, b string }{
		{"host-path", host("/srv/agents"), host("/srv/agents-all")},
		{"network-policy", egress("10.1.0.0/16"), egress("10.2.0.0/16")},
		{"security-profile", localhost("a.json"), localhost("b.json")},
		{"sysctl", sysctl("1"), sysctl("2")},
		{"image-registry", podWith("", ""), strings.Replace(podWith("", ""), "    image: a:1", "    image: b/a:1", 1)},
		{"service-target", one("v1", "Service", "s", "spec: {externalName: a}\n"), one("v1", "Service", "s", "spec: {externalName: b}\n")},
	} {
		for _, way := range [][2]string{{c.a, c.b}, {c.b, c.a}} {
			if got := flagsOf(t, way[0], way[1]); !slices.Equal(got, []string{c.id}) {
				t.Errorf("want %s, got %v", c.id, got)
			}
		}
	}
}

// The same flag in many objects is one, though each names its own object.
func TestFlagsOfManyAreOne(t *testing.T) {
	var old, new string
	for i := range 5 {
		name := fmt.Sprintf("agent-%d", i)
		new += rbac("RoleBinding", name, "roleRef: {kind: Role, name: r}\nsubjects: [{kind: ServiceAccount, name: "+name+"}]\n")
	}
	old = netpol("p", denyAll)
	r := Compare(readSide(t, "old", old), readSide(t, "new", old+new), Options{})
	if len(r.Groups) != 1 || len(r.Groups[0].Objects) != 5 || len(r.Groups[0].Changes[0].Flags) != 1 {
		t.Fatalf("%d groups: %+v", len(r.Groups), r.Groups)
	}
	const want = "rights are granted: Role r to ServiceAccount/{namespace}/{name}"
	if got := r.Groups[0].Changes[0].Flags[0].Reason; got != want {
		t.Errorf("want %q, got %q", want, got)
	}
}

// Two flags of one id in a change each name what they are of.
func TestFlagsOfTwoFields(t *testing.T) {
	pod := func(i int) string {
		volumes := fmt.Sprintf("volumes: [{name: x, hostPath: {path: /x%d}}, {name: y, hostPath: {path: /y%d}}]", i, i)
		return one("v1", "Pod", fmt.Sprintf("agent-%d", i), "spec: {"+volumes+", containers: [{name: agent, image: i}]}\n")
	}
	r := Compare(readSide(t, "old", ""), readSide(t, "new", pod(1)+pod(2)), Options{})
	checkGroups(t, r)
	var got []string
	for _, f := range r.Groups[0].Changes[0].Flags {
		got = append(got, f.Reason)
	}
	want := []string{"the node's /x1, /x2 is mounted", "the node's /y1, /y2 is mounted"}
	if d := cmp.Diff(want, got); d != "" {
		t.Errorf("-want +got:\n%s", d)
	}
}
