package render

import (
	"cmp"
	"fmt"
	"path"
	"strings"

	"k8s.io/apimachinery/pkg/util/validation"

	"github.com/scion-gen/scion-gen/pkg/manifest"
)

// The types of secrets; the empty type is environment.
const (
	secretEnvironment = "environment"
	secretFile        = "file"
	secretVariable    = "variable"
)

// The drivers of Secret Manager; the empty driver is CSI.
const (
	driverCSI      = "CSI"
	driverGKE      = "GKE"
	driverExternal = "ExternalSecrets"
)

// secretsMount is where the Secrets Store drivers put their files, as Scion
// has it.
const secretsMount = "/mnt/secrets-store"

// variablesFile holds the secrets of the type variable, below the home
// directory.
const variablesFile = ".scion/secrets.json"

func (s Secret) kind() string { return cmp.Or(s.Type, secretEnvironment) }

func (s Secret) target() string { return cmp.Or(s.Target, s.Name) }

func (s SecretManager) driver() string { return cmp.Or(s.Driver, driverCSI) }

// keyRef is the key of the Kubernetes Secret that holds the value, or nil
// where a driver mounts it without one. The External Secrets Operator, and for
// variables the CSI driver, make such a Secret beside the pod.
func (a *agent) keyRef(s Secret) *KeyRef {
	manager := s.From.SecretManager
	switch {
	case manager == nil:
		return s.From.SecretKeyRef
	case manager.driver() == driverExternal:
		return &KeyRef{Name: a.externalSecretName(), Key: s.Name}
	case manager.driver() == driverCSI && s.kind() == secretEnvironment:
		return &KeyRef{Name: a.syncedSecretName(), Key: s.Name}
	}
	return nil
}

func (a *agent) secretEnv(add func(int, string, *manifest.Node)) {
	items := items(a.at("secrets"))
	for i, s := range a.spec.Secrets {
		ref := a.keyRef(s)
		if s.kind() != secretEnvironment || ref == nil {
			continue
		}
		p := items[i].Pos
		add(envSecret, s.target(), object("secretKeyRef", at(p, keyRefNode(ref))))
	}
}

func keyRefNode(ref *KeyRef) *manifest.Node { return object("name", ref.Name, "key", ref.Key) }

func (a *agent) hasSecretEnv(variable string) bool {
	for _, s := range a.spec.Secrets {
		if s.kind() == secretEnvironment && s.target() == variable {
			return true
		}
	}
	return false
}

// checkSecrets reports what of the secrets cannot be.
func (a *agent) checkSecrets() {
	targets := map[string]string{}
	for i, s := range a.spec.Secrets {
		node, path := items(a.at("secrets"))[i], manifest.Index("spec.secrets", i)
		fail := func(field, format string, args ...any) {
			p := node.Pos
			if n := node.At(strings.Split(field, ".")...); n != nil {
				p = n.Pos
			}
			a.errs.Add(p, path+"."+field, format, args...)
		}
		if s.From.SecretKeyRef == nil && s.From.SecretManager == nil {
			fail("from", "names no source; add secretKeyRef or secretManager")
		}
		if other, ok := targets[s.kind()+s.target()]; ok {
			fail("target", "%s is also the target of the secret %s; change one", s.target(), other)
		}
		targets[s.kind()+s.target()] = s.Name
		a.checkSecretTarget(s, fail)
		if m := s.From.SecretManager; m != nil {
			checkSecretManager(s, m, fail)
		}
	}
}

func (a *agent) checkSecretTarget(s Secret, fail func(field, format string, args ...any)) {
	switch s.kind() {
	case secretEnvironment:
		if problem := envName(s.target()); problem != "" {
			fail("target", "%s", problem)
		}
		if n := a.at("env", s.target()); n != nil {
			fail("target", "%s is also set in env, at %s; remove one", s.target(), n.Pos)
		}
	case secretFile:
		if problem := mountPath(s.target()); problem != "" {
			fail("target", "%s", problem)
		}
	}
}

func checkSecretManager(s Secret, m *SecretManager, fail func(field, format string, args ...any)) {
	switch driver := m.driver(); {
	case len(validation.IsConfigMapKey(s.Name)) > 0:
		fail("name", "%q cannot be the key of a Secret; use letters, digits, -, _ and .", s.Name)
	case driver == driverExternal && m.StoreName == "":
		fail("from.secretManager", "names no store; add storeName")
	case driver != driverExternal && m.StoreName != "":
		fail("from.secretManager.storeName", "is for driver ExternalSecrets; remove it or set the driver")
	case driver == driverGKE && s.kind() != secretFile:
		fail("from.secretManager.driver", "GKE's add-on gives files only; use type file, or driver CSI or ExternalSecrets")
	case driver == driverCSI && s.kind() == secretVariable:
		fail("from.secretManager.driver", "CSI has no variables; use type file or environment, or driver ExternalSecrets")
	}
}

// expandHome makes ~/ the home directory.
func (a *agent) expandHome(p string) string {
	if rest, ok := strings.CutPrefix(p, "~/"); ok {
		return path.Join(a.home(), rest)
	}
	return p
}

// belowHome is a path below the home directory, if p is one.
func (a *agent) belowHome(p string) (string, bool) {
	return strings.CutPrefix(a.expandHome(p), a.home()+"/")
}

func secretHint(variable string) string {
	return fmt.Sprintf("write secrets: [{name: %s, from: {secretKeyRef: {name: <Secret>, key: <key>}}}]", variable)
}
