package manifest

import (
	"reflect"
	"slices"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
)

// A union is a set of fields of one struct that the API does not accept in
// every combination, though Go and upstream's merge do. A patch that sets one
// of them clears those that cannot stand beside it.
type union struct {
	// members exclude each other. With by, they stand together but only while
	// the field by has the value is.
	members []string
	by, is  string
}

// unions are the structs of pods and their workloads that are one; types of
// configuration tag the members with union instead. The members come from the
// API types, so a volume source that Kubernetes adds is known here as soon as
// its module is.
//
// Not here, for a patch replaces them as a whole: the items of envFrom and of
// a projected volume's sources, whose lists have no merge key.
var unions = map[reflect.Type]union{
	reflect.TypeFor[corev1.Volume]():           {members: fieldsOf[corev1.VolumeSource]()},
	reflect.TypeFor[corev1.VolumeSource]():     {members: fieldsOf[corev1.VolumeSource]()},
	reflect.TypeFor[corev1.PodResourceClaim](): {members: []string{"resourceClaimName", "resourceClaimTemplateName"}},
	reflect.TypeFor[corev1.EnvVar]():           {members: []string{"value", "valueFrom"}},
	reflect.TypeFor[corev1.EnvVarSource]():     {members: fieldsOf[corev1.EnvVarSource]()},
	reflect.TypeFor[corev1.Probe]():            {members: fieldsOf[corev1.ProbeHandler]()},
	reflect.TypeFor[corev1.LifecycleHandler](): {members: fieldsOf[corev1.LifecycleHandler]()},

	reflect.TypeFor[corev1.SeccompProfile]():            {members: []string{"localhostProfile"}, by: "type", is: "Localhost"},
	reflect.TypeFor[corev1.AppArmorProfile]():           {members: []string{"localhostProfile"}, by: "type", is: "Localhost"},
	reflect.TypeFor[appsv1.DeploymentStrategy]():        {members: []string{"rollingUpdate"}, by: "type", is: "RollingUpdate"},
	reflect.TypeFor[appsv1.StatefulSetUpdateStrategy](): {members: []string{"rollingUpdate"}, by: "type", is: "RollingUpdate"},
}

// A secondKey is a field that, beside the merge key, tells the items of a list
// apart.
type secondKey struct {
	field string
	// otherwise is the value of an item without the field; where it is empty
	// too, such an item may be any with its merge key.
	otherwise string
}

// secondKeys are those of the API's listMapKey markers, which name both fields,
// for the item types whose patchMergeKey tag has only the first.
var secondKeys = map[reflect.Type]secondKey{
	reflect.TypeFor[corev1.ContainerPort]():            {"protocol", "TCP"},
	reflect.TypeFor[corev1.ServicePort]():              {"protocol", "TCP"},
	reflect.TypeFor[corev1.TopologySpreadConstraint](): {"whenUnsatisfiable", ""},
}

// of is the value of the key in an item.
func (k secondKey) of(item *Node) string {
	if v := item.Get(k.field); v != nil && v.Kind == String {
		return v.Text
	}
	return k.otherwise
}

func (k secondKey) same(a, b *Node) bool {
	x, y := k.of(a), k.of(b)
	return x == y || x == "" || y == ""
}

func fieldsOf[T any]() []string {
	var names []string
	for _, f := range TypeFor[T]().Fields {
		names = append(names, f.Name)
	}
	return names
}

// unionOf is the union that t is; ok is false where it is none.
func unionOf(t *Type) (u union, ok bool) {
	if t == nil || t.Shape != ShapeStruct {
		return union{}, false
	}
	if len(t.union) > 0 {
		return union{members: t.union}, true
	}
	u, ok = unions[t.Go]
	return u, ok
}

// excludes are the fields that cannot stand beside f; f itself may be among
// them.
func (u union) excludes(f *Field) []string {
	switch {
	case u.by == "" && slices.Contains(u.members, f.Key):
		return u.members
	case u.by != "" && u.by == f.Key && f.Value.Text != u.is:
		return u.members
	}
	return nil
}
