package overlay

import (
	"cmp"
	"slices"
	"strings"

	"sigs.k8s.io/kustomize/api/types"
	"sigs.k8s.io/kustomize/kyaml/resid"
)

// inOrder puts objects, which are in the order of resources, in the order that
// sortOptions ask for: SortOrderTransformer of kustomize v5.8.2. Its default is
// the legacy order.
func inOrder(objects []Object, options *types.SortOptions) []Object {
	if options != nil && options.Order != types.LegacySortOrder {
		return objects
	}
	first, last := legacyFirst, legacyLast
	if options != nil && options.LegacySortOptions != nil {
		first, last = options.LegacySortOptions.OrderFirst, options.LegacySortOptions.OrderLast
	}
	rank := map[string]int{}
	for i, kind := range first {
		rank[kind] = i - len(first)
	}
	for i, kind := range last {
		rank[kind] = i + 1
	}
	slices.SortStableFunc(objects, func(a, b Object) int {
		if !a.ID.Gvk.Equals(b.ID.Gvk) {
			return compareKinds(a.ID.Gvk, b.ID.Gvk, rank)
		}
		return strings.Compare(legacyID(a.ID), legacyID(b.ID))
	})
	return objects
}

func compareKinds(a, b resid.Gvk, rank map[string]int) int {
	if c := cmp.Compare(rank[a.Kind], rank[b.Kind]); c != 0 {
		return c
	}
	c := strings.Compare(legacyKind(a), legacyKind(b))
	if a.Kind == types.NamespaceKind && b.Kind == types.NamespaceKind && (a.Group == "" || b.Group == "") {
		return -c
	}
	return c
}

func legacyKind(k resid.Gvk) string {
	return cmp.Or(k.Group, "~G") + "_" + cmp.Or(k.Version, "~V") + "_" + cmp.Or(k.Kind, "~K")
}

func legacyID(id resid.ResId) string {
	return id.Gvk.String() + "|" + cmp.Or(id.Namespace, "~X") + "|" + cmp.Or(id.Name, "~N")
}

// legacyFirst and legacyLast are the kinds that kustomize puts at the ends.
var legacyFirst = []string{
	"Namespace", "ResourceQuota", "StorageClass", "CustomResourceDefinition", "ServiceAccount", "PodSecurityPolicy",
	"Role", "ClusterRole", "RoleBinding", "ClusterRoleBinding", "ConfigMap", "Secret", "Endpoints", "Service",
	"LimitRange", "PriorityClass", "PersistentVolume", "PersistentVolumeClaim", "Deployment", "StatefulSet",
	"CronJob", "PodDisruptionBudget",
}

var legacyLast = []string{"MutatingWebhookConfiguration", "ValidatingWebhookConfiguration"}
