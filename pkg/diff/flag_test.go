package diff

import (
	"fmt"
	"slices"
	"strings"
	"testing"
)

// flagsOf are the ids of the flags of a change.
func flagsOf(t *testing.T, old, new string) []string {
	t.Helper()
	var out []string
	for _, o := range Compare(readSide(t, "old", old), readSide(t, "new", new), Options{}).Objects {
		for _, e := range o.Edits {
			for _, f := range e.Flags {
				out = append(out, f.ID)
			}
		}
	}
	slices.Sort(out)
	return slices.Compact(out)
}

func header(version, kind string) string {
	return "apiVersion: " + version + "\nkind: " + kind + "\nmetadata: {name: n, namespace: n}\n"
}

// Each flag that no golden pair has: what weakens is flagged, what undoes it is
// not, unless it too is another instead of a stricter one.
func TestFlags(t *testing.T) {
	deployment := func(spec string) string {
		return header("apps/v1", "Deployment") + "spec:\n  template:\n    spec:\n" + spec + "      containers: [{name: agent, image: a:1}]\n"
	}
	agent := func(env string) string {
		return podWith("", "    env: [{name: SCION_AGENT_NAME, value: a}, {name: SCION_METADATA_MODE, value: block}"+env+"]\n")
	}
	policy := func(spec string) string {
		return header("networking.k8s.io/v1", "NetworkPolicy") + "spec:\n  policyTypes: [Ingress, Egress]\n" + spec
	}
	binding := func(rest string) string { return header("rbac.authorization.k8s.io/v1", "RoleBinding") + rest }
	for _, c := range []struct {
		id       string
		old, new string
		both     bool
	}{
		{"apparmor", podWith("  securityContext: {appArmorProfile: {type: RuntimeDefault}}\n", ""), podWith("", ""), false},
		{"cloud-identity", header("v1", "ServiceAccount"), "apiVersion: v1\nkind: ServiceAccount\nmetadata: {name: n, namespace: n, annotations: {iam.gke.io/gcp-service-account: a}}\n", false},
		{"github-token", agent(""), agent(", {name: SCION_GITHUB_TOKEN_PATH, value: /x}"), false},
		{"host-port", podWith("", "    ports: [{containerPort: 80}]\n"), podWith("", "    ports: [{containerPort: 80, hostPort: 80}]\n"), false},
		{"host-process", podWith("", ""), podWith("", "    securityContext: {windowsOptions: {hostProcess: true}}\n"), false},
		{"metadata-host", agent(", {name: GCE_METADATA_HOST, value: localhost}"), agent(""), false},
		{"metadata-host", agent(", {name: GCE_METADATA_HOST, value: localhost}"), agent(", {name: GCE_METADATA_HOST, value: elsewhere}"), true},
		{"metadata-mode", agent(""), podWith("", "    env: [{name: SCION_AGENT_NAME, value: a}]\n"), false},
		{"network-policy", policy("  ingress: [{from: [{podSelector: {a: b}}]}]\n"), policy("  ingress: [{from: [{podSelector: {a: b}}, {podSelector: {c: d}}]}]\n"), false},
		{"network-policy", policy("  egress: [{to: [{ipBlock: {cidr: 10.1.0.0/16}}]}]\n"), policy("  egress: [{to: [{ipBlock: {cidr: 10.0.0.0/8}}]}]\n"), false},
		{"network-policy", policy("  egress: [{ports: [{port: 80, endPort: 90}]}]\n"), policy("  egress: [{ports: [{port: 80, endPort: 99}]}]\n"), false},
		{"network-selector", policy("  podSelector: {matchLabels: {a: b}}\n"), policy("  podSelector: {matchLabels: {a: c}}\n"), true},
		{"network-selector", policy("  podSelector: {}\n"), policy("  podSelector: {matchLabels: {a: c}}\n"), false},
		{"placement", podWith("  nodeSelector: {pool: agents}\n", ""), podWith("", ""), false},
		{"proc-mount", podWith("", ""), podWith("", "    securityContext: {procMount: Unmasked}\n"), false},
		{"rbac-role", binding("roleRef: {name: a}\n"), binding("roleRef: {name: cluster-admin}\n"), false},
		{"rbac-subject", binding("subjects: [{kind: User, name: a}]\n"), binding("subjects: [{kind: User, name: a}, {kind: User, name: b}]\n"), false},
		{"root-group", podWith("", ""), podWith("  securityContext: {runAsGroup: 0}\n", ""), false},
		{"run-as-root", podWith("  securityContext: {runAsUser: 1000}\n", ""), podWith("  securityContext: {runAsUser: 0}\n", ""), false},
		{"run-as-root", deployment("      securityContext: {runAsUser: 1000}\n"), deployment("      securityContext: {runAsUser: 0}\n"), false},
		{"sandbox-env", header("extensions.agents.x-k8s.io/v1beta1", "SandboxTemplate"), header("extensions.agents.x-k8s.io/v1beta1", "SandboxTemplate") + "spec: {envVarsInjectionPolicy: Overrides}\n", false},
		{"sandbox-network", header("extensions.agents.x-k8s.io/v1beta1", "SandboxTemplate"), header("extensions.agents.x-k8s.io/v1beta1", "SandboxTemplate") + "spec: {networkPolicyManagement: Unmanaged}\n", false},
		{"secret-added", podWith("", ""), podWith("", "    env: [{name: A, valueFrom: {secretKeyRef: {name: s, key: k}}}]\n"), false},
		{"service-exposed", header("v1", "Service"), header("v1", "Service") + "spec: {type: LoadBalancer}\n", false},
		{"shared-processes", podWith("", ""), podWith("  shareProcessNamespace: true\n", ""), false},
		{"sysctl", podWith("", ""), podWith("  securityContext: {sysctls: [{name: a, value: b}]}\n", ""), false},
	} {
		t.Run(c.id, func(t *testing.T) {
			if got := flagsOf(t, c.old, c.new); !slices.Contains(got, c.id) {
				t.Errorf("not flagged, but %v", got)
			}
			if got := flagsOf(t, c.new, c.old); slices.Contains(got, c.id) != c.both {
				t.Errorf("undone, the flags are %v", got)
			}
		})
	}
}

// A container that goes takes what guarded it along.
func TestContainerGone(t *testing.T) {
	guarded := podWith("", "    env: [{name: SCION_AGENT_NAME, value: a}, {name: SCION_METADATA_MODE, value: block}, {name: GCE_METADATA_HOST, value: localhost}]\n")
	left := strings.ReplaceAll(podWith("", ""), "name: agent", "name: other")
	both := guarded + "  - {name: other, image: a:1}\n"
	if got := flagsOf(t, both, left); len(got) > 0 {
		t.Errorf("flagged: %v", got)
	}
	if got := fmt.Sprint(flagsOf(t, guarded, podWith("", ""))); got != "[metadata-host metadata-mode]" {
		t.Errorf("of a container that stays, the flags are %v", got)
	}
}

// A literal that becomes a reference to a secret is no weaker for it.
func TestLiteralToReference(t *testing.T) {
	literal := podWith("", "    env: [{name: API_TOKEN, value: abcdefghijkl}]\n")
	reference := podWith("", "    env: [{name: API_TOKEN, valueFrom: {secretKeyRef: {name: s, key: k}}}]\n")
	if got := flagsOf(t, literal, reference); len(got) > 0 {
		t.Errorf("flagged: %v", got)
	}
	if got := fmt.Sprint(flagsOf(t, reference, literal)); got != "[credential-literal]" {
		t.Errorf("the other way, the flags are %v", got)
	}
}
