package render

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"sigs.k8s.io/yaml"
)

// object is the rendered object of a kind, by its fields.
func (r rendered) object(t *testing.T, kind string) map[string]any {
	t.Helper()
	for _, doc := range strings.Split(r.text, "\n---\n") {
		var o map[string]any
		if err := yaml.Unmarshal([]byte(doc), &o); err != nil {
			t.Fatal(err)
		}
		if o["kind"] == kind {
			return o
		}
	}
	t.Fatalf("no %s", kind)
	return nil
}

func parse(t *testing.T, text string) (v any) {
	t.Helper()
	if err := yaml.Unmarshal([]byte(text), &v); err != nil {
		t.Fatal(err)
	}
	return v
}

// TestSecretProviderClass: the open-source driver and GKE's add-on differ in
// the names of the provider and the driver, and only the former makes Secrets
// (secretObjects).
func TestSecretProviderClass(t *testing.T) {
	tests := []struct{ why, spec, class, volume string }{
		{"the driver with its gcp provider", `
  secrets:
  - {name: "null", type: file, target: /etc/null, from: {secretManager: {resource: projects/p/secrets/a}}}
  - {name: KEY, from: {secretManager: {resource: projects/p/secrets/b/versions/3}}}
`, `
provider: gcp
parameters:
  secrets: |
    - path: "null"
      resourceName: "projects/p/secrets/a/versions/latest"
    - path: "KEY"
      resourceName: "projects/p/secrets/b/versions/3"
secretObjects:
- secretName: scion-agent-dev.env
  type: Opaque
  data: [{objectName: KEY, key: KEY}]
`, `
driver: secrets-store.csi.k8s.io
readOnly: true
volumeAttributes: {secretProviderClass: scion-agent-dev}
`},
		{"GKE's add-on", `
  secrets: [{name: key, type: file, target: /etc/key, from: {secretManager: {driver: GKE, resource: projects/p/secrets/a}}}]
`, `
provider: gke
parameters:
  secrets: |
    - path: "key"
      resourceName: "projects/p/secrets/a/versions/latest"
`, `
driver: secrets-store-gke.csi.k8s.io
readOnly: true
volumeAttributes: {secretProviderClass: scion-agent-dev}
`},
	}
	for _, tt := range tests {
		r := renderAgent(t, "  template: claude\n"+tt.spec)
		class := r.object(t, "SecretProviderClass")
		if class["apiVersion"] != "secrets-store.csi.x-k8s.io/v1" || class["metadata"].(map[string]any)["name"] != "scion-agent-dev" {
			t.Errorf("%s: %v", tt.why, class)
		}
		if diff := cmp.Diff(parse(t, tt.class), class["spec"]); diff != "" {
			t.Errorf("%s (-want +got)\n%s", tt.why, diff)
		}
		var files []struct{ Path, ResourceName string }
		secrets := class["spec"].(map[string]any)["parameters"].(map[string]any)["secrets"].(string)
		if err := yaml.Unmarshal([]byte(secrets), &files); err != nil || len(files) == 0 || files[0].Path == "" {
			t.Errorf("%s: the provider reads %v, %v", tt.why, files, err)
		}
		for _, v := range r.object(t, "Pod")["spec"].(map[string]any)["volumes"].([]any) {
			v := v.(map[string]any)
			if v["name"] != volumeSecrets {
				continue
			}
			if diff := cmp.Diff(parse(t, tt.volume), v["csi"]); diff != "" {
				t.Errorf("%s: volume (-want +got)\n%s", tt.why, diff)
			}
		}
	}
}

func TestExternalSecret(t *testing.T) {
	r := renderAgent(t, `
  template: claude
  secrets:
  - {name: KEY, from: {secretManager: {driver: ExternalSecrets, storeName: gsm, resource: projects/p/secrets/a}}}
  - {name: auth, type: file, target: ~/.auth, from: {secretManager: {driver: ExternalSecrets, storeName: gsm, resource: projects/p/secrets/b/versions/3}}}
  - {name: v, type: variable, from: {secretManager: {driver: ExternalSecrets, storeName: gsm, resource: projects/p/secrets/c}}}
`)
	want := parse(t, `
refreshInterval: 1h0m0s
secretStoreRef: {kind: SecretStore, name: gsm}
target: {name: scion-agent-dev}
data:
- secretKey: KEY
  remoteRef: {key: a, conversionStrategy: Default, decodingStrategy: None, metadataPolicy: None}
- secretKey: auth
  remoteRef: {key: b, version: "3", conversionStrategy: Default, decodingStrategy: None, metadataPolicy: None}
- secretKey: v
  remoteRef: {key: c, conversionStrategy: Default, decodingStrategy: None, metadataPolicy: None}
`)
	o := r.object(t, "ExternalSecret")
	if diff := cmp.Diff(want, o["spec"]); diff != "" || o["apiVersion"] != "external-secrets.io/v1" {
		t.Errorf("%v (-want +got)\n%s", o["apiVersion"], diff)
	}
	if script := r.init(t, "home-seed").Command[2]; !strings.Contains(script, ">.auth") || !strings.Contains(script, ">.scion/secrets.json") {
		t.Errorf("the operator's Secret is not seeded:\n%s", script)
	}
}
