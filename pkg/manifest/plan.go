package manifest

import (
	"encoding"
	"encoding/json"
	"reflect"
	"slices"
	"strings"
	"sync"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// plan is a Type made ready for walking its values: what FromObject and Into
// would otherwise find out for each value anew.
type plan struct {
	*Type
	how    how
	elem   *plan
	fields []planField // in the order in which they are printed
	byName map[string]*planField
}

// how tells apart what has one Shape.
type how uint8

const (
	byShape   how = iota
	byJSON        // encoding/json alone knows: a Marshaler or a rarity
	aNode         // Node
	aNumber       // json.Number
	aMicro        // metav1.MicroTime
	strs          // []string
	strsByKey     // map[string]string
)

type planField struct {
	name  string
	index []int
	plan  *plan
	omit  func(reflect.Value) bool // nil: never
}

// in is the field in a value of its struct.
func (f *planField) in(v reflect.Value) reflect.Value {
	if len(f.index) == 1 {
		return v.Field(f.index[0])
	}
	return v.FieldByIndex(f.index)
}

// plans holds every plan made so far; a plan never changes once planFor
// returned it.
var plans = struct {
	sync.Mutex
	of map[*Type]*plan
}{of: map[*Type]*plan{}}

func planFor(t reflect.Type) *plan {
	typ := TypeOf(t)
	plans.Lock()
	defer plans.Unlock()
	return planOf(typ)
}

func planOf(t *Type) *plan {
	if done := plans.of[t]; done != nil {
		return done
	}
	p := &plan{Type: t, how: howOf(t), byName: make(map[string]*planField, len(t.Fields))}
	plans.of[t] = p // before what is in it: types may contain themselves
	if t.Elem != nil {
		p.elem = planOf(t.Elem)
	}
	for i := range t.Fields {
		f := &t.Fields[i]
		p.fields = append(p.fields, planField{f.Name, f.Index, planOf(f.Type), omission(f, t.Go.FieldByIndex(f.Index).Type)})
	}
	slices.SortFunc(p.fields, func(a, b planField) int { return compareKeys(a.name, b.name) })
	for i := range p.fields {
		p.byName[p.fields[i].name] = &p.fields[i]
	}
	return p
}

func howOf(t *Type) how {
	switch t.Go {
	case reflect.TypeFor[Node]():
		return aNode
	case reflect.TypeFor[json.Number]():
		return aNumber
	case reflect.TypeFor[metav1.MicroTime]():
		return aMicro
	case reflect.TypeFor[[]string]():
		return strs
	case reflect.TypeFor[map[string]string]():
		return strsByKey
	}
	if onlyJSON(t) {
		return byJSON
	}
	return byShape
}

// onlyJSON reports whether encoding/json has a rule for t that the Shape does
// not tell.
func onlyJSON(t *Type) bool {
	switch t.Shape {
	case ShapeAny:
		return t.Go.Kind() != reflect.Interface
	case ShapeQuantity, ShapeIntOrString, ShapeTime, ShapeDuration:
		return false
	case ShapeMap:
		return t.Go.Key().Kind() != reflect.String
	}
	textMarshaler := reflect.TypeFor[encoding.TextMarshaler]()
	return t.Go.Kind() == reflect.Array ||
		t.Go.Implements(textMarshaler) || reflect.PointerTo(t.Go).Implements(textMarshaler) ||
		slices.ContainsFunc(t.Fields, isQuoted)
}

// isQuoted reports whether a field has the option string of encoding/json.
func isQuoted(f TypeField) bool {
	options := strings.Split(f.Tag.Get("json"), ",")
	return slices.Contains(options[1:], "string")
}

// omission is when encoding/json leaves out a field of the Go type t.
func omission(f *TypeField, t reflect.Type) func(reflect.Value) bool {
	empty, zero := emptiness(t), zeroness(t)
	switch {
	case f.OmitZero && f.OmitEmpty && empty != nil:
		return func(v reflect.Value) bool { return empty(v) || zero(v) }
	case f.OmitZero:
		return zero
	case f.OmitEmpty:
		return empty
	}
	return nil
}

// emptiness is what omitempty asks, nil for types that are never empty.
func emptiness(t reflect.Type) func(reflect.Value) bool {
	switch t.Kind() {
	case reflect.Struct:
		return nil
	case reflect.Array, reflect.Map, reflect.Slice, reflect.String:
		return func(v reflect.Value) bool { return v.Len() == 0 }
	}
	return reflect.Value.IsZero
}

// zeroness is what omitzero asks: the IsZero method where there is one.
func zeroness(t reflect.Type) func(reflect.Value) bool {
	type zeroer interface{ IsZero() bool }
	switch {
	case t.Kind() != reflect.Interface && t.Kind() != reflect.Pointer && reflect.PointerTo(t).Implements(reflect.TypeFor[zeroer]()):
		return func(v reflect.Value) bool { return v.Addr().Interface().(zeroer).IsZero() }
	case t.Implements(reflect.TypeFor[zeroer]()):
		return func(v reflect.Value) bool { return v.IsNil() || v.Interface().(zeroer).IsZero() }
	}
	return reflect.Value.IsZero
}
