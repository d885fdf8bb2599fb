package manifest

import (
	"reflect"
	"testing"

	appsv1 "k8s.io/api/apps/v1"
	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
)

// TestRulesKnowTheAPI holds the tables to the API types of the workloads: they
// name fields that exist, and all that the API itself marks as retainKeys.
func TestRulesKnowTheAPI(t *testing.T) {
	for typ, u := range unions {
		fields := u.members
		if u.by != "" {
			fields = append(fields[:len(fields):len(fields)], u.by)
		}
		for _, name := range fields {
			if TypeOf(typ).Field(name) == nil {
				t.Errorf("%v has no field %s", typ, name)
			}
		}
		if u.by == "" && len(u.members) < 2 {
			t.Errorf("%v is a union of %v", typ, u.members)
		}
	}
	for typ, second := range secondKeys {
		if TypeOf(typ).Field(second.field) == nil {
			t.Errorf("%v has no field %s", typ, second.field)
		}
	}
	retained := 0
	seen := map[*Type]bool{}
	var walk func(*Type)
	walk = func(typ *Type) {
		if typ == nil || seen[typ] {
			return
		}
		seen[typ] = true
		walk(typ.Elem)
		for _, f := range typ.Fields {
			value := f.Type
			if f.Type.Elem != nil {
				value = f.Type.Elem
			}
			if _, ok := unions[value.Go]; f.RetainKeys {
				retained++
				if !ok && !isStatus[value.Go] {
					t.Errorf("%v.%s is retainKeys, but %v is not among the unions", typ.Go, f.Name, value.Go)
				}
			}
			walk(f.Type)
		}
	}
	for _, typ := range []*Type{podType, TypeFor[appsv1.Deployment](), TypeFor[appsv1.StatefulSet](), TypeFor[batchv1.Job]()} {
		walk(typ)
	}
	if retained < 3 {
		t.Errorf("found %d fields of patchStrategy retainKeys; volumes, resourceClaims and strategy are", retained)
	}
}

// isStatus are types of a status, which nobody patches.
var isStatus = map[reflect.Type]bool{reflect.TypeFor[corev1.PodResourceClaimStatus](): true}
