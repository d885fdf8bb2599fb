package manifest

import (
	"cmp"
	"encoding/base64"
	"encoding/json"
	"math"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"time"

	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/intstr"
)

// Marshal writes a typed Kubernetes object as sigs.k8s.io/yaml does; see
// FromObject and Append.
func Marshal(obj any) ([]byte, error) {
	n, err := FromObject(obj)
	if err != nil {
		return nil, err
	}
	return Append(make([]byte, 0, 4096), n)
}

// FromObject makes a Node of a typed Kubernetes object, with the content that
// encoding/json gives it: json tags, omitempty and omitzero, MarshalJSON. The
// nodes have no position. A Node in obj stays the Node it is; all else is
// copied. What JSON cannot say, NaN for one, is an Errors.
func FromObject(obj any) (*Node, error) {
	var b builder
	n := b.dynamic(reflect.ValueOf(obj))
	if err := b.errs.Err(); err != nil {
		return nil, err
	}
	return n, nil
}

// builder makes Nodes by the block: a pod has some hundreds of them.
type builder struct {
	nodes  []Node
	fields []Field // of the mappings that are not done
	path   []step
	errs   Errors
}

func (b *builder) node(n Node) *Node {
	if len(b.nodes) == cap(b.nodes) {
		b.nodes = make([]Node, 0, min(max(16, 2*cap(b.nodes)), 256))
	}
	b.nodes = append(b.nodes, n)
	return &b.nodes[len(b.nodes)-1]
}

func (b *builder) null() *Node { return b.node(Node{}) }

func (b *builder) str(s string) *Node { return b.node(Node{Kind: String, Text: s}) }

// dynamic makes the Node of a value of any type.
func (b *builder) dynamic(v reflect.Value) *Node {
	if !v.IsValid() {
		return b.null()
	}
	if v.Kind() != reflect.Pointer {
		v = addressable(v)
	}
	return b.value(planFor(v.Type()), v)
}

// addressable copies v to where methods of its pointer can be called.
func addressable(v reflect.Value) reflect.Value {
	c := reflect.New(v.Type()).Elem()
	c.Set(v)
	return c
}

// value makes the Node of v, which is addressable or a pointer.
func (b *builder) value(p *plan, v reflect.Value) *Node {
	for v.Kind() == reflect.Pointer {
		if v.IsNil() {
			return b.null()
		}
		v = v.Elem()
	}
	switch p.how {
	case byShape:
		return b.shaped(p, v)
	case byJSON:
		return b.json(v)
	case aNode:
		return v.Addr().Interface().(*Node)
	case aNumber:
		return b.node(Node{Kind: Number, Text: cmp.Or(v.String(), "0")})
	case aMicro:
		return b.time(v.Addr().Interface().(*metav1.MicroTime).Time, metav1.RFC3339Micro)
	case strs:
		return b.strings(*v.Addr().Interface().(*[]string))
	case strsByKey:
		return b.stringsByKey(*v.Addr().Interface().(*map[string]string))
	}
	panic("a plan of no kind")
}

func (b *builder) shaped(p *plan, v reflect.Value) *Node {
	switch p.Shape {
	case ShapeAny:
		return b.inside(v)
	case ShapeBool:
		return b.node(Node{Kind: Bool, Text: strconv.FormatBool(v.Bool())})
	case ShapeInt:
		return b.node(Node{Kind: Number, Text: formatInt(v)})
	case ShapeFloat:
		return b.float(v)
	case ShapeString:
		return b.str(v.String())
	case ShapeBytes:
		return b.bytes(v)
	case ShapeQuantity:
		q := *v.Addr().Interface().(*resource.Quantity) // String keeps its result in what it is called on
		return b.str(q.String())
	case ShapeIntOrString:
		return b.intOrString(v.Addr().Interface().(*intstr.IntOrString))
	case ShapeTime:
		return b.time(v.Addr().Interface().(*metav1.Time).Time, time.RFC3339)
	case ShapeDuration:
		return b.str(v.Addr().Interface().(*metav1.Duration).Duration.String())
	case ShapeList:
		return b.list(p, v)
	case ShapeMap:
		return b.mapping(p, v)
	case ShapeStruct:
		return b.structure(p, v)
	}
	panic("a plan of no shape")
}

func (b *builder) inside(v reflect.Value) *Node {
	if b.tooDeep() {
		return nil
	}
	return b.dynamic(v.Elem())
}

// json leaves a value to encoding/json.
func (b *builder) json(v reflect.Value) *Node {
	data, err := json.Marshal(v.Addr().Interface())
	if err != nil {
		b.fail("%v", err)
		return nil
	}
	n, err := FromJSON(data)
	if err != nil {
		b.fail("%v", err)
	}
	return n
}

func formatInt(v reflect.Value) string {
	if v.CanInt() {
		return strconv.FormatInt(v.Int(), 10)
	}
	return strconv.FormatUint(v.Uint(), 10)
}

func (b *builder) float(v reflect.Value) *Node {
	if f := v.Float(); math.IsNaN(f) || math.IsInf(f, 0) {
		b.fail("%v is not a number in JSON", f)
		return nil
	}
	return b.json(v)
}

func (b *builder) bytes(v reflect.Value) *Node {
	if v.IsNil() {
		return b.null()
	}
	return b.str(base64.StdEncoding.EncodeToString(v.Bytes()))
}

func (b *builder) intOrString(i *intstr.IntOrString) *Node {
	switch i.Type {
	case intstr.Int:
		return b.node(Node{Kind: Number, Text: strconv.Itoa(int(i.IntVal))})
	case intstr.String:
		return b.str(i.StrVal)
	}
	b.fail("is neither a number nor a string")
	return nil
}

func (b *builder) time(t time.Time, layout string) *Node {
	if t.IsZero() {
		return b.null()
	}
	return b.str(t.UTC().Format(layout))
}

func (b *builder) list(p *plan, v reflect.Value) *Node {
	if v.IsNil() || b.tooDeep() {
		return b.null()
	}
	items := make([]*Node, v.Len())
	last := len(b.path)
	b.path = append(b.path, step{item: true})
	for i := range items {
		b.path[last].index = i
		items[i] = b.value(p.elem, v.Index(i))
	}
	b.path = b.path[:last]
	return b.node(Node{Kind: Sequence, Items: items})
}

func (b *builder) strings(list []string) *Node {
	if list == nil {
		return b.null()
	}
	items := make([]*Node, len(list))
	for i, s := range list {
		items[i] = b.str(s)
	}
	return b.node(Node{Kind: Sequence, Items: items})
}

func (b *builder) mapping(p *plan, v reflect.Value) *Node {
	if v.IsNil() || b.tooDeep() {
		return b.null()
	}
	mark, last := len(b.fields), len(b.path)
	b.path = append(b.path, step{})
	for entry := v.MapRange(); entry.Next(); {
		key := entry.Key().String()
		b.path[last].key = key
		b.fields = append(b.fields, Field{Key: key, Value: b.value(p.elem, addressable(entry.Value()))})
	}
	b.path = b.path[:last]
	return b.mapped(mark)
}

func (b *builder) stringsByKey(m map[string]string) *Node {
	if m == nil {
		return b.null()
	}
	mark := len(b.fields)
	for key, s := range m {
		b.fields = append(b.fields, Field{Key: key, Value: b.str(s)})
	}
	return b.mapped(mark)
}

// mapped makes a Mapping of the fields of a Go map, which come in any order.
func (b *builder) mapped(mark int) *Node {
	slices.SortFunc(b.fields[mark:], func(a, b Field) int { return strings.Compare(a.Key, b.Key) })
	return b.done(mark)
}

// done makes a Mapping of the fields from mark on.
func (b *builder) done(mark int) *Node {
	fields := slices.Clone(b.fields[mark:])
	b.fields = b.fields[:mark]
	return b.node(Node{Kind: Mapping, Fields: fields})
}

func (b *builder) structure(p *plan, v reflect.Value) *Node {
	if b.tooDeep() {
		return nil
	}
	mark, last := len(b.fields), len(b.path)
	b.path = append(b.path, step{})
	for i := range p.fields {
		f := &p.fields[i]
		field := f.in(v)
		if f.omit != nil && f.omit(field) {
			continue
		}
		b.path[last].key = f.name
		value := b.value(f.plan, field)
		b.fields = append(b.fields, Field{Key: f.name, Value: value})
	}
	b.path = b.path[:last]
	return b.done(mark)
}

// tooDeep stops at a value that contains itself.
func (b *builder) tooDeep() bool {
	if len(b.path) < maxDepth {
		return false
	}
	b.fail("is more than %d levels deep", maxDepth)
	return true
}

func (b *builder) fail(format string, args ...any) {
	b.errs.Add(Pos{}, pathOf(b.path), format, args...)
}
