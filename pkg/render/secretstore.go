package render

import (
	"cmp"
	"fmt"
	"strings"

	"github.com/scion-gen/scion-gen/pkg/manifest"
)

// providerClass is the SecretProviderClass of the agent's secrets that a
// Secrets Store CSI driver mounts.
type providerClass struct {
	gke     bool // GKE's add-on instead of the driver with the gcp provider
	pos     manifest.Pos
	secrets []Secret
}

// secretName is the name of the objects that fetch the agent's secrets, as
// Scion names its own. The synced Secret's cannot collide with another
// agent's: no pod is named with a dot.
func (a *agent) secretName() string         { return "scion-agent-" + a.pod }
func (a *agent) syncedSecretName() string   { return a.secretName() + ".env" }
func (a *agent) externalSecretName() string { return a.secretName() }

// secretProviderClass is nil where no secret needs one.
func (a *agent) secretProviderClass() *providerClass {
	var class *providerClass
	for i, s := range a.spec.Secrets {
		m := s.From.SecretManager
		if m == nil || m.driver() == driverExternal {
			continue
		}
		if class == nil {
			class = &providerClass{gke: m.driver() == driverGKE, pos: items(a.at("secrets"))[i].Pos}
		}
		class.secrets = append(class.secrets, s)
	}
	return class
}

// node is the object, or nil. The API takes parameters.secrets as YAML in a
// string (secrets-store-csi-driver-provider-gcp); path is where the file is,
// quoted because a secret may be named 1 or null.
func (c *providerClass) node(a *agent) *manifest.Node {
	if c == nil {
		return nil
	}
	var secrets strings.Builder
	var synced []*manifest.Node
	for _, s := range c.secrets {
		fmt.Fprintf(&secrets, "- path: %q\n  resourceName: %q\n", s.Name, s.From.SecretManager.version())
		if s.kind() == secretEnvironment {
			synced = append(synced, object("key", s.Name, "objectName", s.Name))
		}
	}
	provider := "gcp"
	if c.gke {
		provider = "gke"
	}
	spec := object("provider", provider, "parameters", object("secrets", secrets.String()))
	if len(synced) > 0 {
		spec.Set("secretObjects", list(object("data", list(synced...), "secretName", a.syncedSecretName(), "type", "Opaque")))
	}
	return at(c.pos, object("apiVersion", "secrets-store.csi.x-k8s.io/v1", "kind", "SecretProviderClass",
		"metadata", a.companionMeta(a.secretName()), "spec", spec))
}

// version is the resource with its version.
func (m *SecretManager) version() string {
	if strings.Contains(m.Resource, "/versions/") {
		return m.Resource
	}
	return m.Resource + "/versions/latest"
}

// externalSecret is the ExternalSecret that makes the Secret of the agent's
// secrets from stores; nil where there are none. Its store is the first
// secret's: checkStores sees to it that all have the same. The operator's
// defaults for items of data are spelled out, since Argo CD takes what the API
// server adds to an item for a difference (external-secrets issue 6797).
func (a *agent) externalSecret() *manifest.Node {
	var data []*manifest.Node
	var store *SecretManager
	var p manifest.Pos
	for i, s := range a.spec.Secrets {
		m := s.From.SecretManager
		if m == nil || m.driver() != driverExternal {
			continue
		}
		if store == nil {
			store, p = m, items(a.at("secrets"))[i].Pos
		}
		remote := object(
			"conversionStrategy", "Default",
			"decodingStrategy", "None",
			"key", m.secretID(),
			"metadataPolicy", "None")
		if v := m.versionID(); v != "" {
			remote.Set("version", value(v))
		}
		data = append(data, object("secretKey", s.Name, "remoteRef", remote))
	}
	if store == nil {
		return nil
	}
	return at(p, object("apiVersion", "external-secrets.io/v1", "kind", "ExternalSecret",
		"metadata", a.companionMeta(a.externalSecretName()),
		"spec", object(
			"data", data,
			"refreshInterval", "1h0m0s",
			"secretStoreRef", object("kind", cmp.Or(store.StoreKind, "SecretStore"), "name", store.StoreName),
			"target", object("name", a.externalSecretName()))))
}

// secretID is the name of the secret in its project, which the store knows.
func (m *SecretManager) secretID() string {
	_, rest, _ := strings.Cut(m.Resource, "/secrets/")
	id, _, _ := strings.Cut(rest, "/")
	return id
}

func (m *SecretManager) versionID() string {
	_, version, _ := strings.Cut(m.Resource, "/versions/")
	return version
}

// checkStores reports secrets that one pod cannot have together: it has one
// SecretProviderClass and one ExternalSecret.
func (a *agent) checkStores() {
	var csi, external *SecretManager
	for i, s := range a.spec.Secrets {
		m := s.From.SecretManager
		if m == nil {
			continue
		}
		first := &csi
		if m.driver() == driverExternal {
			first = &external
		}
		if *first == nil {
			*first = m
			continue
		}
		if f := *first; f.driver() != m.driver() || f.StoreName != m.StoreName || f.StoreKind != m.StoreKind {
			a.errs.Add(items(a.at("secrets"))[i].Pos, manifest.Index("spec.secrets", i)+".from.secretManager",
				"uses another driver or store than the secrets before it; an agent has one")
		}
	}
}
