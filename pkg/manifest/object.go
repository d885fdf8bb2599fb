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
	"sync"
	"time"

	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/intstr"
)

// Marshal writes a typed Kubernetes object as sigs.k8s.io/yaml does; see
// FromObject and Append.
func Marshal(obj any) ([]byte, error) {
	b := builders.Get().(*builder)
	defer builders.Put(b)
	defer b.reset()
	n := b.dynamic(reflect.ValueOf(obj))
	if err := b.errs.Err(); err != nil {
		return nil, err
	}
	out, err := Append(b.out[:0], n)
	b.out = out[:0]
	if err != nil {
		return nil, err
	}
	return slices.Clone(out), nil
}

// builders are for trees that nobody keeps.
var builders = sync.Pool{New: func() any { return new(builder) }}

// FromObject makes a Node of a typed Kubernetes object, with the content that
// encoding/json gives it: json tags, omitempty and omitzero, MarshalJSON. The
// nodes have no position, save those of a Node in obj, which become part of
// the tree. What JSON cannot say, NaN for one, is an Errors.
func FromObject(obj any) (*Node, error) {
	var b builder
	n := b.dynamic(reflect.ValueOf(obj))
	if err := b.errs.Err(); err != nil {
		return nil, err
	}
	return n, nil
}

// builder takes Nodes, Fields and Items by the block: a pod has some hundreds.
type builder struct {
	nodes  slab[Node]
	fields slab[Field]
	items  slab[*Node]
	open   []Field // of the mappings that are not done
	path   []step
	errs   Errors
	lost   bool   // in a value that contains itself
	out    []byte // for Marshal
}

// reset makes room for another tree in the place of the one that b made.
func (b *builder) reset() {
	b.nodes.reset()
	b.fields.reset()
	b.items.reset()
	clear(b.open[:cap(b.open)])
	b.open, b.path, b.errs, b.lost = b.open[:0], b.path[:0], nil, false
}

// slab hands out slices of larger ones.
type slab[T any] struct {
	block []T
	used  int // of block
	taken int // of all blocks
}

func (s *slab[T]) take(n int) []T {
	if s.used+n > len(s.block) {
		s.block = make([]T, max(n, 32))
		s.used = 0
	}
	s.used += n
	s.taken += n
	return s.block[s.used-n : s.used : s.used]
}

// reset takes back all that take gave, to be given once more. It keeps one
// block, large enough for as much again.
func (s *slab[T]) reset() {
	const keep = 1 << 14
	switch {
	case s.taken > keep:
		s.block = nil
	case s.taken > len(s.block):
		s.block = make([]T, s.taken)
	default:
		clear(s.block[:s.used]) // or it would keep the object alive
	}
	s.used, s.taken = 0, 0
}

func (b *builder) node(kind Kind, text string) *Node {
	n := &b.nodes.take(1)[0]
	n.Kind, n.Text = kind, text
	return n
}

func (b *builder) null() *Node { return b.node(Null, "") }

func (b *builder) str(s string) *Node { return b.node(String, s) }

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
		n := b.node(Null, "")
		*n = *v.Addr().Interface().(*Node)
		return n
	case aNumber:
		return b.node(Number, cmp.Or(v.String(), "0"))
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
		return b.node(Bool, strconv.FormatBool(v.Bool()))
	case ShapeInt:
		return b.node(Number, formatInt(v))
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
		return b.node(Number, strconv.Itoa(int(i.IntVal)))
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
	items := b.items.take(v.Len())
	last := len(b.path)
	b.path = append(b.path, step{item: true})
	for i := range items {
		b.path[last].index = i
		items[i] = b.value(p.elem, v.Index(i))
	}
	b.path = b.path[:last]
	return b.sequence(items)
}

func (b *builder) strings(list []string) *Node {
	if list == nil {
		return b.null()
	}
	items := b.items.take(len(list))
	for i, s := range list {
		items[i] = b.str(s)
	}
	return b.sequence(items)
}

func (b *builder) mapping(p *plan, v reflect.Value) *Node {
	if v.IsNil() || b.tooDeep() {
		return b.null()
	}
	mark, last := len(b.open), len(b.path)
	b.path = append(b.path, step{})
	key, elem := reflect.New(v.Type().Key()).Elem(), reflect.New(v.Type().Elem()).Elem()
	for entry := v.MapRange(); entry.Next(); {
		key.SetIterKey(entry)
		elem.SetIterValue(entry)
		b.path[last].key = key.String()
		value := b.value(p.elem, elem)
		b.open = append(b.open, Field{Key: key.String(), Value: value})
	}
	b.path = b.path[:last]
	return b.mapped(mark)
}

func (b *builder) stringsByKey(m map[string]string) *Node {
	if m == nil {
		return b.null()
	}
	mark := len(b.open)
	for key, s := range m {
		b.open = append(b.open, Field{Key: key, Value: b.str(s)})
	}
	return b.mapped(mark)
}

func (b *builder) sequence(items []*Node) *Node {
	n := b.node(Sequence, "")
	n.Items = items
	return n
}

// mapped makes a Mapping of the fields of a Go map, which come in any order.
func (b *builder) mapped(mark int) *Node {
	slices.SortFunc(b.open[mark:], func(a, b Field) int { return strings.Compare(a.Key, b.Key) })
	return b.done(mark)
}

// done makes a Mapping of the open fields from mark on.
func (b *builder) done(mark int) *Node {
	n := b.node(Mapping, "")
	n.Fields = b.fields.take(len(b.open) - mark)
	copy(n.Fields, b.open[mark:])
	b.open = b.open[:mark]
	return n
}

func (b *builder) structure(p *plan, v reflect.Value) *Node {
	if b.tooDeep() {
		return nil
	}
	mark, last := len(b.open), len(b.path)
	b.path = append(b.path, step{})
	for i := range p.fields {
		f := &p.fields[i]
		field := f.in(v)
		if f.omit != nil && f.omit(field) {
			continue
		}
		b.path[last].key = f.name
		value := b.value(f.plan, field)
		b.open = append(b.open, Field{Key: f.name, Value: value})
	}
	b.path = b.path[:last]
	return b.done(mark)
}

// tooDeep stops at a value that contains itself, and all the way back: there
// may be more ways into it than can be gone.
func (b *builder) tooDeep() bool {
	if len(b.path) >= maxDepth && !b.lost {
		b.fail("is more than %d levels deep", maxDepth)
		b.lost = true
	}
	return b.lost
}

func (b *builder) fail(format string, args ...any) {
	b.errs.Add(Pos{}, pathOf(b.path), format, args...)
}
