package manifest

import (
	"encoding/json"
	"reflect"
	"strings"
	"sync"

	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/intstr"
)

// Type is what a Go type looks like in a manifest. It is made from the type's
// json tags and, for merging, the patchStrategy and patchMergeKey tags that
// the Kubernetes API types carry. A Type is made once and shared.
type Type struct {
	Shape  Shape
	Go     reflect.Type
	Elem   *Type       // of a ShapeList or ShapeMap
	Fields []TypeField // of a ShapeStruct, embedded structs flattened
	byName map[string]int
	union  []string // names of the fields tagged union, of which one can be set
}

// Shape says how the values of a Type are written.
type Shape uint8

const (
	ShapeAny         Shape = iota // anything: interfaces, RawExtension and *Node
	ShapeBool                     // true or false
	ShapeInt                      // a whole number in the range of Go
	ShapeFloat                    // a number
	ShapeString                   // a string
	ShapeBytes                    // base64 in a string
	ShapeQuantity                 // resource.Quantity
	ShapeIntOrString              // intstr.IntOrString
	ShapeTime                     // metav1.Time and MicroTime, RFC 3339
	ShapeDuration                 // metav1.Duration
	ShapeList
	ShapeMap // keys are strings
	ShapeStruct
)

// TypeField is one field of a struct.
type TypeField struct {
	Name      string // as the json tag has it
	Type      *Type
	Index     []int // for reflect.Value.FieldByIndex
	OmitEmpty bool
	OmitZero  bool
	// MergeKey is the patchMergeKey of a list that is merged item by item;
	// Merge says that a list is merged at all (with no MergeKey it is a set of
	// scalars); RetainKeys is the patchStrategy of that name.
	MergeKey   string
	Merge      bool
	RetainKeys bool
	Tag        reflect.StructTag // with those of apiTags

	// What the tags say to Checker and Required, which read them often.
	required, enum, keys, format string
}

// Field returns the field of that name, or nil.
func (t *Type) Field(name string) *TypeField {
	if i, ok := t.byName[name]; ok {
		return &t.Fields[i]
	}
	return nil
}

// Names are the names of a struct's fields.
func (t *Type) Names() []string {
	names := make([]string, len(t.Fields))
	for i, f := range t.Fields {
		names[i] = f.Name
	}
	return names
}

// TypeFor is the Type of T.
func TypeFor[T any]() *Type { return TypeOf(reflect.TypeFor[T]()) }

// TypeOf is the Type of a Go type; pointers are looked through.
func TypeOf(t reflect.Type) *Type {
	for t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	types.Lock()
	defer types.Unlock()
	return typeOf(t)
}

// types holds every Type made so far; a Type never changes once TypeOf
// returned it.
var types = struct {
	sync.Mutex
	of map[reflect.Type]*Type
}{of: map[reflect.Type]*Type{}}

var special = map[reflect.Type]Shape{
	reflect.TypeFor[resource.Quantity]():  ShapeQuantity,
	reflect.TypeFor[intstr.IntOrString](): ShapeIntOrString,
	reflect.TypeFor[metav1.Time]():        ShapeTime,
	reflect.TypeFor[metav1.MicroTime]():   ShapeTime,
	reflect.TypeFor[metav1.Duration]():    ShapeDuration,
	reflect.TypeFor[Node]():               ShapeAny,
}

var marshaler = reflect.TypeFor[json.Marshaler]()

func typeOf(t reflect.Type) *Type {
	for t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	if done := types.of[t]; done != nil {
		return done
	}
	typ := &Type{Go: t}
	types.of[t] = typ // before its fields: types may contain themselves
	if shape, ok := special[t]; ok {
		typ.Shape = shape
		return typ
	}
	if t.Implements(marshaler) || reflect.PointerTo(t).Implements(marshaler) {
		typ.Shape = ShapeAny
		return typ
	}
	switch t.Kind() {
	case reflect.Bool:
		typ.Shape = ShapeBool
	case reflect.String:
		typ.Shape = ShapeString
	case reflect.Float32, reflect.Float64:
		typ.Shape = ShapeFloat
	case reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64,
		reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64:
		typ.Shape = ShapeInt
	case reflect.Slice, reflect.Array:
		if t.Elem().Kind() == reflect.Uint8 {
			typ.Shape = ShapeBytes
			break
		}
		typ.Shape, typ.Elem = ShapeList, typeOf(t.Elem())
	case reflect.Map:
		typ.Shape, typ.Elem = ShapeMap, typeOf(t.Elem())
	case reflect.Struct:
		typ.Shape = ShapeStruct
		typ.addFields(t, nil)
		typ.byName = make(map[string]int, len(typ.Fields))
		for i, f := range typ.Fields {
			typ.byName[f.Name] = i
			if _, ok := f.Tag.Lookup("union"); ok {
				typ.union = append(typ.union, f.Name)
			}
		}
	}
	return typ
}

func (t *Type) addFields(st reflect.Type, index []int) {
	for i := range st.NumField() {
		f := st.Field(i)
		at := append(append([]int(nil), index...), i)
		tag := f.Tag.Get("json")
		name, options, _ := strings.Cut(tag, ",")
		switch {
		case tag == "-" || !f.IsExported():
			continue
		case name == "" && f.Anonymous:
			t.addFields(f.Type, at)
			continue
		case name == "":
			name = f.Name
		}
		strategy := f.Tag.Get("patchStrategy")
		t.Fields = append(t.Fields, TypeField{
			Name:       name,
			Type:       typeOf(f.Type),
			Index:      at,
			OmitEmpty:  strings.Contains(options, "omitempty"),
			OmitZero:   strings.Contains(options, "omitzero"),
			MergeKey:   f.Tag.Get("patchMergeKey"),
			Merge:      strings.Contains(strategy, "merge"),
			RetainKeys: strings.Contains(strategy, "retainKeys"),
			Tag:        f.Tag + " " + apiTag(t.Go, st, name),
		})
		last := &t.Fields[len(t.Fields)-1]
		last.required, last.enum = last.Tag.Get("required"), last.Tag.Get("enum")
		last.keys, last.format = last.Tag.Get("keys"), last.Tag.Get("format")
	}
}
