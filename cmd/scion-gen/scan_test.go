package main

import (
	"bytes"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
	"sigs.k8s.io/yaml"
)

// object is one document of a stream.
type object struct {
	kind, namespace, name string
	doc                   []byte
}

func decode(t *testing.T, stream []byte) []object {
	t.Helper()
	var objects []object
	for doc := range strings.SplitSeq(string(stream), "\n---\n") {
		var head struct {
			Kind     string
			Metadata struct{ Name, Namespace string }
		}
		if err := yaml.Unmarshal([]byte(doc), &head); err != nil {
			t.Fatal(err)
		}
		objects = append(objects, object{head.Kind, head.Metadata.Namespace, head.Metadata.Name, []byte(doc)})
	}
	return objects
}

// ofKind are the objects of one kind, typed.
func ofKind[T any](t *testing.T, objects []object, kind string) []*T {
	t.Helper()
	var out []*T
	for _, o := range objects {
		if o.kind != kind {
			continue
		}
		v := new(T)
		if err := yaml.UnmarshalStrict(o.doc, v); err != nil {
			t.Fatalf("%s %s: %v", kind, o.name, err)
		}
		out = append(out, v)
	}
	if len(out) == 0 {
		t.Fatalf("no %s among the rendered objects", kind)
	}
	return out
}

func pods(t *testing.T, stream []byte) []*corev1.Pod {
	t.Helper()
	return ofKind[corev1.Pod](t, decode(t, stream), "Pod")
}

// fleetWith is a copy of the example fleet with more defaults.
func fleetWith(t *testing.T, defaults string) string {
	t.Helper()
	dir := t.TempDir()
	if err := os.CopyFS(dir, os.DirFS(exampleFleet)); err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(dir, "fleet.yaml")
	data, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	before, after, found := strings.Cut(string(data), "\n  defaults:\n")
	if !found {
		t.Fatalf("%s has no defaults", file)
	}
	if err := os.WriteFile(file, []byte(before+"\n  defaults:\n    "+defaults+"\n"+after), 0o644); err != nil {
		t.Fatal(err)
	}
	return dir
}

// kube-score has nothing to say of the example fleet, but for its ids: it wants
// those above 10000, and Scion's images have the user 1000.
func TestKubeScore(t *testing.T) {
	const lowIDs = "container-security-context-user-group-id"
	for name, want := range map[string]struct {
		dir      string
		findings []string
	}{
		"as it is":       {exampleFleet, []string{lowIDs}},
		"with high ids":  {fleetWith(t, "user: {uid: 10001, gid: 10001}"), nil},
		"writable roots": {fleetWith(t, "readOnlyRootFilesystem: false"), []string{"container-security-context-readonlyrootfilesystem", lowIDs}},
	} {
		t.Run(name, func(t *testing.T) {
			got := kubeScore(t, renderStream(t, want.dir))
			if !slices.Equal(got, want.findings) {
				t.Errorf("findings are %q, want %q", got, want.findings)
			}
		})
	}
}

// kubeScore are the checks with findings, sorted.
func kubeScore(t *testing.T, stream []byte) []string {
	t.Helper()
	var stdout, stderr bytes.Buffer
	cmd := exec.CommandContext(t.Context(), "go", "tool", "kube-score", "score", "--output-format", "json", "-")
	cmd.Dir = "../../examples/kube-score"
	cmd.Stdin, cmd.Stdout, cmd.Stderr = bytes.NewReader(stream), &stdout, &stderr
	runErr := cmd.Run() // it exits 1 where there are findings
	var scored []struct {
		Name   string `json:"object_name"`
		Checks []struct {
			Check struct {
				ID string `json:"id"`
			}
			Grade    int
			Skipped  bool
			Comments []struct{ Summary, Path string }
		}
	}
	if err := json.Unmarshal(stdout.Bytes(), &scored); err != nil {
		t.Fatalf("kube-score: %v, %v\n%s", runErr, err, &stderr)
	}
	if got, want := len(scored), len(decode(t, stream)); got == 0 || got > want {
		t.Fatalf("kube-score looked at %d objects of %d", got, want)
	}
	const allOK = 10
	var findings []string
	for _, o := range scored {
		for _, c := range o.Checks {
			if !c.Skipped && c.Grade < allOK {
				findings = append(findings, c.Check.ID)
				t.Logf("%s: %s: %+v", o.Name, c.Check.ID, c.Comments)
			}
		}
	}
	slices.Sort(findings)
	return slices.Compact(findings)
}

// scanned is a pod and what is rendered beside it.
type scanned struct {
	pod      *corev1.Pod
	accounts []*corev1.ServiceAccount
	policies []*networkingv1.NetworkPolicy
	configs  []*corev1.ConfigMap
}

// containers are those of the pod, init containers too.
func (s *scanned) containers() []*corev1.Container {
	var out []*corev1.Container
	for i := range s.pod.Spec.InitContainers {
		out = append(out, &s.pod.Spec.InitContainers[i])
	}
	for i := range s.pod.Spec.Containers {
		out = append(out, &s.pod.Spec.Containers[i])
	}
	return out
}

// agent is the container of the harness.
func (s *scanned) agent() *corev1.Container { return &s.pod.Spec.Containers[0] }

// all says that a predicate holds of every container.
func all(holds func(*corev1.Container) bool) func(*scanned) bool {
	return func(s *scanned) bool {
		return !slices.ContainsFunc(s.containers(), func(c *corev1.Container) bool { return !holds(c) })
	}
}

// noVolume says that no volume of the pod is as described.
func noVolume(bad func(*corev1.Volume) bool) func(*scanned) bool {
	return func(s *scanned) bool {
		return !slices.ContainsFunc(s.pod.Spec.Volumes, func(v corev1.Volume) bool { return bad(&v) })
	}
}

func addVolume(v corev1.VolumeSource) func(*scanned) {
	return func(s *scanned) { s.pod.Spec.Volumes = append(s.pod.Spec.Volumes, corev1.Volume{VolumeSource: v}) }
}

func addEnv(name, value string) func(*scanned) {
	return func(s *scanned) { s.agent().Env = append(s.agent().Env, corev1.EnvVar{Name: name, Value: value}) }
}

func without(kind *corev1.ResourceList, name corev1.ResourceName) {
	smaller := kind.DeepCopy()
	delete(smaller, name)
	*kind = smaller
}

func isTrue(b *bool) bool  { return b != nil && *b }
func isFalse(b *bool) bool { return b != nil && !*b }

// The names and values that polaris takes for credentials.
var (
	sensitiveName  = regexp.MustCompile(`(?i)^AWS_SECRET_ACCESS_KEY$|^GOOGLE_APPLICATION_CREDENTIALS$|^AZURE_.+KEY$|^OCI_CLI_KEY_CONTENT$|password|token|bearer|secret`)
	sensitiveValue = regexp.MustCompile(`(?i)-BEGIN\s+.*PRIVATE KEY-`)
	// What YAML readers of old take for a bool, a null or a number.
	notAString = regexp.MustCompile(`(?i)^(y|n|yes|no|on|off|true|false|null|~|[-+.0-9].*)$`)
	pinned     = regexp.MustCompile(`:[^/:@]+@sha256:[0-9a-f]{64}$`)
)

// scannerChecks are the checks that kube-linter and polaris make by default, of
// the kinds that render makes. Each one holds of every pod of the example
// fleet, and no longer does once its breaks has been at the pod.
var scannerChecks = []struct {
	name   string // as the scanner calls it
	holds  func(*scanned) bool
	breaks func(*scanned)
}{
	{"kube-linter/deprecated-service-account-field",
		func(s *scanned) bool { return s.pod.Spec.DeprecatedServiceAccount == "" },
		func(s *scanned) { s.pod.Spec.DeprecatedServiceAccount = "default" }},
	{"kube-linter/docker-sock",
		noVolume(func(v *corev1.Volume) bool {
			return v.HostPath != nil && strings.HasSuffix(v.HostPath.Path, "docker.sock")
		}),
		addVolume(corev1.VolumeSource{HostPath: &corev1.HostPathVolumeSource{Path: "/var/run/docker.sock"}})},
	{"kube-linter/drop-net-raw-capability",
		all(func(c *corev1.Container) bool {
			return slices.ContainsFunc(c.SecurityContext.Capabilities.Drop, func(c corev1.Capability) bool { return c == "ALL" || c == "NET_RAW" })
		}),
		func(s *scanned) { s.agent().SecurityContext.Capabilities.Drop = nil }},
	{"kube-linter/duplicate-env-var",
		all(func(c *corev1.Container) bool {
			seen := map[string]bool{}
			for _, e := range c.Env {
				if seen[e.Name] {
					return false
				}
				seen[e.Name] = true
			}
			return true
		}),
		addEnv("HOME", "/home/scion")},
	{"kube-linter/env-var-secret",
		all(func(c *corev1.Container) bool {
			return !slices.ContainsFunc(c.Env, func(e corev1.EnvVar) bool {
				return e.Value != "" && strings.Contains(strings.ToLower(e.Name), "secret")
			})
		}),
		addEnv("CLIENT_SECRET", "x")},
	{"kube-linter/host-ipc, polaris/hostIPCSet",
		func(s *scanned) bool { return !s.pod.Spec.HostIPC },
		func(s *scanned) { s.pod.Spec.HostIPC = true }},
	{"kube-linter/host-network, polaris/hostNetworkSet",
		func(s *scanned) bool { return !s.pod.Spec.HostNetwork },
		func(s *scanned) { s.pod.Spec.HostNetwork = true }},
	{"kube-linter/host-pid, polaris/hostPIDSet",
		func(s *scanned) bool { return !s.pod.Spec.HostPID },
		func(s *scanned) { s.pod.Spec.HostPID = true }},
	{"kube-linter/latest-tag, polaris/tagNotSpecified",
		all(func(c *corev1.Container) bool {
			return pinned.MatchString(c.Image) && !strings.Contains(c.Image, ":latest")
		}),
		func(s *scanned) { s.agent().Image = "scion-claude:latest" }},
	{"kube-linter/no-read-only-root-fs, polaris/notReadOnlyRootFilesystem",
		all(func(c *corev1.Container) bool { return isTrue(c.SecurityContext.ReadOnlyRootFilesystem) }),
		func(s *scanned) { s.agent().SecurityContext.ReadOnlyRootFilesystem = nil }},
	{"kube-linter/non-existent-service-account",
		func(s *scanned) bool {
			return slices.ContainsFunc(s.accounts, func(a *corev1.ServiceAccount) bool {
				return a.Namespace == s.pod.Namespace && a.Name == s.pod.Spec.ServiceAccountName
			})
		},
		func(s *scanned) { s.pod.Spec.ServiceAccountName = "somebody" }},
	{"kube-linter/privilege-escalation-container, polaris/privilegeEscalationAllowed",
		all(func(c *corev1.Container) bool { return isFalse(c.SecurityContext.AllowPrivilegeEscalation) }),
		func(s *scanned) { s.agent().SecurityContext.AllowPrivilegeEscalation = nil }},
	{"kube-linter/privileged-container, polaris/runAsPrivileged",
		all(func(c *corev1.Container) bool { return isFalse(c.SecurityContext.Privileged) }),
		func(s *scanned) { s.agent().SecurityContext.Privileged = new(true) }},
	{"kube-linter/run-as-non-root, polaris/runAsRootAllowed",
		func(s *scanned) bool {
			return isTrue(s.pod.Spec.SecurityContext.RunAsNonRoot) && *s.pod.Spec.SecurityContext.RunAsUser > 0 &&
				all(func(c *corev1.Container) bool {
					return c.SecurityContext.RunAsUser == nil && c.SecurityContext.RunAsNonRoot == nil
				})(s)
		},
		func(s *scanned) { s.agent().SecurityContext.RunAsUser = new(int64(0)) }},
	{"kube-linter/sensitive-host-mounts, polaris/hostPathSet",
		noVolume(func(v *corev1.Volume) bool { return v.HostPath != nil }),
		addVolume(corev1.VolumeSource{HostPath: &corev1.HostPathVolumeSource{Path: "/etc"}})},
	{"kube-linter/liveness-port, readiness-port, startup-port, ssh-port; polaris/hostPortSet",
		all(func(c *corev1.Container) bool {
			return len(c.Ports) == 0 && !slices.ContainsFunc([]*corev1.Probe{c.LivenessProbe, c.ReadinessProbe, c.StartupProbe},
				func(p *corev1.Probe) bool { return p != nil && p.Exec == nil })
		}),
		func(s *scanned) { s.agent().LivenessProbe.Exec = nil }},
	{"kube-linter/unsafe-sysctls",
		func(s *scanned) bool { return len(s.pod.Spec.SecurityContext.Sysctls) == 0 },
		func(s *scanned) { s.pod.Spec.SecurityContext.Sysctls = []corev1.Sysctl{{Name: "kernel.msgmax"}} }},
	{"kube-linter/unset-cpu-requirements, polaris/cpuRequestsMissing",
		all(func(c *corev1.Container) bool { return !c.Resources.Requests.Cpu().IsZero() }),
		func(s *scanned) { without(&s.agent().Resources.Requests, "cpu") }},
	{"polaris/cpuLimitsMissing",
		all(func(c *corev1.Container) bool { return !c.Resources.Limits.Cpu().IsZero() }),
		func(s *scanned) { without(&s.agent().Resources.Limits, "cpu") }},
	{"kube-linter/unset-memory-requirements, polaris/memoryRequestsMissing",
		all(func(c *corev1.Container) bool { return !c.Resources.Requests.Memory().IsZero() }),
		func(s *scanned) { without(&s.agent().Resources.Requests, "memory") }},
	{"kube-linter/unset-memory-requirements, polaris/memoryLimitsMissing",
		all(func(c *corev1.Container) bool { return !c.Resources.Limits.Memory().IsZero() }),
		func(s *scanned) { without(&s.agent().Resources.Limits, "memory") }},
	{"polaris/priorityClassNotSet",
		func(s *scanned) bool { return s.pod.Spec.PriorityClassName != "" },
		func(s *scanned) { s.pod.Spec.PriorityClassName = "" }},
	{"polaris/pullPolicyNotAlways",
		all(func(c *corev1.Container) bool { return c.ImagePullPolicy == corev1.PullAlways }),
		func(s *scanned) { s.agent().ImagePullPolicy = "" }},
	{"polaris/readinessProbeMissing",
		func(s *scanned) bool { return s.agent().ReadinessProbe != nil },
		func(s *scanned) { s.agent().ReadinessProbe = nil }},
	{"polaris/livenessProbeMissing",
		func(s *scanned) bool { return s.agent().LivenessProbe != nil },
		func(s *scanned) { s.agent().LivenessProbe = nil }},
	{"polaris/metadataAndInstanceMismatched",
		func(s *scanned) bool { return s.pod.Labels["app.kubernetes.io/instance"] == s.pod.Name },
		func(s *scanned) { s.pod.Name = "another" }},
	{"polaris/topologySpreadConstraint",
		func(s *scanned) bool { return len(s.pod.Spec.TopologySpreadConstraints) > 0 },
		func(s *scanned) { s.pod.Spec.TopologySpreadConstraints = nil }},
	{"polaris/automountServiceAccountToken",
		func(s *scanned) bool { return isFalse(s.pod.Spec.AutomountServiceAccountToken) },
		func(s *scanned) { s.pod.Spec.AutomountServiceAccountToken = nil }},
	{"polaris/hostProcess",
		all(func(c *corev1.Container) bool { return c.SecurityContext.WindowsOptions == nil }),
		func(s *scanned) { s.agent().SecurityContext.WindowsOptions = &corev1.WindowsSecurityContextOptions{} }},
	{"polaris/linuxHardening",
		func(s *scanned) bool {
			return s.pod.Spec.SecurityContext.SeccompProfile.Type == corev1.SeccompProfileTypeRuntimeDefault
		},
		func(s *scanned) { s.pod.Spec.SecurityContext.SeccompProfile.Type = corev1.SeccompProfileTypeUnconfined }},
	{"polaris/procMount",
		all(func(c *corev1.Container) bool { return c.SecurityContext.ProcMount == nil }),
		func(s *scanned) { s.agent().SecurityContext.ProcMount = new(corev1.UnmaskedProcMount) }},
	{"polaris/dangerousCapabilities",
		all(func(c *corev1.Container) bool { return len(c.SecurityContext.Capabilities.Add) == 0 }),
		func(s *scanned) { s.agent().SecurityContext.Capabilities.Add = []corev1.Capability{"NET_ADMIN"} }},
	{"polaris/insecureCapabilities",
		all(func(c *corev1.Container) bool {
			return slices.Equal(c.SecurityContext.Capabilities.Drop, []corev1.Capability{"ALL"})
		}),
		func(s *scanned) { s.agent().SecurityContext.Capabilities.Drop = []corev1.Capability{"NET_RAW"} }},
	// By name alone, and literals alone.
	{"polaris/sensitiveContainerEnvVar",
		all(func(c *corev1.Container) bool {
			return !slices.ContainsFunc(c.Env, func(e corev1.EnvVar) bool {
				return e.ValueFrom == nil && (sensitiveName.MatchString(e.Name) || sensitiveValue.MatchString(e.Value))
			})
		}),
		addEnv("SCION_GITHUB_TOKEN_PATH", "/tmp/.github-token")},
	{"polaris/sensitiveConfigmapContent",
		func(s *scanned) bool {
			return !slices.ContainsFunc(s.configs, func(m *corev1.ConfigMap) bool {
				for key, text := range m.Data {
					if sensitiveName.MatchString(key) || sensitiveValue.MatchString(text) {
						return true
					}
				}
				return false
			})
		},
		func(s *scanned) {
			s.configs = append(s.configs, &corev1.ConfigMap{Data: map[string]string{"token": "x"}})
		}},
	{"polaris/missingNetworkPolicy", (*scanned).hasPolicy,
		func(s *scanned) { s.pod.Labels = map[string]string{"app.kubernetes.io/name": "scion-agent"} }},
}

// hasPolicy reports whether a network policy is the pod's in the eyes of
// polaris: exactly one label of its selector is the pod's, that label cannot be
// taken for anything but a string, and there is a rule in both directions.
func (s *scanned) hasPolicy() bool {
	return slices.ContainsFunc(s.policies, func(p *networkingv1.NetworkPolicy) bool {
		matching := 0
		for key, text := range p.Spec.PodSelector.MatchLabels {
			if s.pod.Labels[key] == text && !notAString.MatchString(text) {
				matching++
			}
		}
		return p.Namespace == s.pod.Namespace && matching == 1 &&
			len(p.Spec.PodSelector.MatchLabels) == 1 && len(p.Spec.Ingress) > 0 && len(p.Spec.Egress) > 0 &&
			slices.Contains(p.Spec.PolicyTypes, networkingv1.PolicyTypeIngress) && slices.Contains(p.Spec.PolicyTypes, networkingv1.PolicyTypeEgress)
	})
}

// The example fleet passes what kube-linter and polaris check by default.
func TestScannerChecks(t *testing.T) {
	stream := renderStream(t, exampleFleet)
	scan := func() []*scanned {
		objects := decode(t, stream)
		var out []*scanned
		for _, p := range ofKind[corev1.Pod](t, objects, "Pod") {
			out = append(out, &scanned{p, ofKind[corev1.ServiceAccount](t, objects, "ServiceAccount"),
				ofKind[networkingv1.NetworkPolicy](t, objects, "NetworkPolicy"), ofKind[corev1.ConfigMap](t, objects, "ConfigMap")})
		}
		return out
	}
	for _, check := range scannerChecks {
		t.Run(strings.ReplaceAll(check.name, "/", ":"), func(t *testing.T) {
			for _, s := range scan() {
				if !check.holds(s) {
					t.Errorf("%s does not pass", s.pod.Name)
				}
				check.breaks(s)
				if check.holds(s) {
					t.Errorf("%s passes though it is broken", s.pod.Name)
				}
			}
		})
	}
}

// The scanners' other checks are of kinds that the fleet does not have:
// services, roles, disruption budgets, autoscalers, ingresses, jobs.
func TestScannersKnowNoOtherKinds(t *testing.T) {
	known := []string{"Pod", "ServiceAccount", "NetworkPolicy", "ConfigMap", "PersistentVolumeClaim"}
	for _, o := range decode(t, renderStream(t, exampleFleet)) {
		if !slices.Contains(known, o.kind) {
			t.Errorf("%s %s: scannerChecks has no checks of this kind", o.kind, o.name)
		}
	}
}
