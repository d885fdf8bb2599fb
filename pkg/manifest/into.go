package manifest

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"reflect"
	"strconv"
	"strings"
	"time"

	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/intstr"
)

// Into reads n into the value that v points to, which it sets to zero first.
// It is the inverse of FromObject and stricter than the API server: field
// names count with their case, a string field takes a String alone and a list
// of strings no null. A null field is as one that is not there. The error is
// an Errors of all that does not fit, each with its place; v then has what
// fits.
func Into(n *Node, v any) error {
	target := reflect.ValueOf(v)
	if target.Kind() != reflect.Pointer || target.IsNil() {
		return fmt.Errorf("read a manifest into %T: want a pointer", v)
	}
	target.Elem().SetZero()
	var d decoder
	d.value(planFor(target.Type()), n, target.Elem())
	return d.errs.Err()
}

// Update reads the fields of n, a Mapping, into the struct that v points to, as
// Into does, and leaves its other fields as they are. A null field is set to
// zero.
func Update(n *Node, v any) error {
	target := reflect.ValueOf(v)
	if target.Kind() != reflect.Pointer || target.IsNil() || target.Elem().Kind() != reflect.Struct {
		return fmt.Errorf("update %T by a manifest: want a pointer to a struct", v)
	}
	p, elem := planFor(target.Type()), target.Elem()
	for _, f := range n.Fields {
		if field := p.byName[f.Key]; field != nil {
			field.in(elem).SetZero()
		}
	}
	var d decoder
	d.structure(p, n, elem)
	return d.errs.Err()
}

type decoder struct {
	path []step
	errs Errors
}

func (d *decoder) value(p *plan, n *Node, v reflect.Value) {
	if n.IsNull() {
		v.SetZero()
		return
	}
	for v.Kind() == reflect.Pointer {
		if p.how == aNode && v.Type().Elem() == p.Go {
			v.Set(reflect.ValueOf(n))
			return
		}
		v.Set(reflect.New(v.Type().Elem()))
		v = v.Elem()
	}
	switch p.how {
	case byShape:
		d.shaped(p, n, v)
	case byJSON:
		d.json(n, v)
	case aNode:
		v.Set(reflect.ValueOf(n).Elem())
	case aNumber:
		d.setText(n, v, Number, "a number")
	case aMicro:
		v.Addr().Interface().(*metav1.MicroTime).Time = d.time(n, metav1.RFC3339Micro)
	case strs:
		*v.Addr().Interface().(*[]string) = d.strings(n)
	case strsByKey:
		*v.Addr().Interface().(*map[string]string) = d.stringsByKey(n)
	}
}

func (d *decoder) shaped(p *plan, n *Node, v reflect.Value) {
	switch p.Shape {
	case ShapeAny:
		d.any(n, v)
	case ShapeBool:
		v.SetBool(d.is(n, Bool, "true or false") && n.Text == "true")
	case ShapeInt:
		d.int(n, v)
	case ShapeFloat:
		d.float(n, v)
	case ShapeString:
		d.setText(n, v, String, "a string")
	case ShapeBytes:
		d.bytes(n, v)
	case ShapeQuantity:
		d.quantity(n, v.Addr().Interface().(*resource.Quantity))
	case ShapeIntOrString:
		d.intOrString(n, v.Addr().Interface().(*intstr.IntOrString))
	case ShapeTime:
		v.Addr().Interface().(*metav1.Time).Time = d.time(n, time.RFC3339)
	case ShapeDuration:
		d.duration(n, v.Addr().Interface().(*metav1.Duration))
	case ShapeList:
		d.list(p, n, v)
	case ShapeMap:
		d.mapping(p, n, v)
	case ShapeStruct:
		d.structure(p, n, v)
	}
}

func (d *decoder) structure(p *plan, n *Node, v reflect.Value) {
	if !d.is(n, Mapping, "a mapping") {
		return
	}
	last := len(d.path)
	d.path = append(d.path, step{})
	for i := range n.Fields {
		nf := &n.Fields[i]
		d.path[last].key = nf.Key
		if f := p.byName[nf.Key]; f != nil {
			d.value(f.plan, nf.Value, f.in(v))
		} else {
			d.fail(nf.Pos, "is not a field")
		}
	}
	d.path = d.path[:last]
}

func (d *decoder) list(p *plan, n *Node, v reflect.Value) {
	if !d.is(n, Sequence, "a list") {
		return
	}
	v.Set(reflect.MakeSlice(v.Type(), len(n.Items), len(n.Items)))
	last := len(d.path)
	d.path = append(d.path, step{item: true})
	for i, item := range n.Items {
		d.path[last].index = i
		d.item(p.elem, item, v.Index(i))
	}
	d.path = d.path[:last]
}

// item reads an item of a list, where a null is a mistake unless v can say it.
func (d *decoder) item(p *plan, n *Node, v reflect.Value) {
	if n.IsNull() && p.Shape != ShapeAny && p.Shape != ShapeTime {
		switch v.Kind() {
		case reflect.Pointer, reflect.Slice, reflect.Map:
		default:
			d.wrong(n, "a value")
		}
	}
	d.value(p, n, v)
}

func (d *decoder) strings(n *Node) []string {
	if !d.is(n, Sequence, "a list") {
		return nil
	}
	list := make([]string, len(n.Items))
	for i, item := range n.Items {
		if item != nil && item.Kind == String {
			list[i] = item.Text
			continue
		}
		d.path = append(d.path, step{index: i, item: true})
		d.wrong(item, "a string")
		d.path = d.path[:len(d.path)-1]
	}
	return list
}

func (d *decoder) mapping(p *plan, n *Node, v reflect.Value) {
	if !d.is(n, Mapping, "a mapping") {
		return
	}
	t := v.Type()
	v.Set(reflect.MakeMapWithSize(t, len(n.Fields)))
	key, elem := reflect.New(t.Key()).Elem(), reflect.New(t.Elem()).Elem()
	last := len(d.path)
	d.path = append(d.path, step{})
	for i := range n.Fields {
		f := &n.Fields[i]
		d.path[last].key = f.Key
		key.SetString(f.Key)
		elem.SetZero()
		d.value(p.elem, f.Value, elem)
		v.SetMapIndex(key, elem)
	}
	d.path = d.path[:last]
}

func (d *decoder) stringsByKey(n *Node) map[string]string {
	if !d.is(n, Mapping, "a mapping") {
		return nil
	}
	m := make(map[string]string, len(n.Fields))
	for _, f := range n.Fields {
		if f.Value.IsNull() {
			m[f.Key] = ""
			continue
		}
		if f.Value.Kind == String {
			m[f.Key] = f.Value.Text
			continue
		}
		d.path = append(d.path, step{key: f.Key})
		d.wrong(f.Value, "a string")
		d.path = d.path[:len(d.path)-1]
	}
	return m
}

func (d *decoder) setText(n *Node, v reflect.Value, kind Kind, want string) {
	if d.is(n, kind, want) {
		v.SetString(n.Text)
	}
}

func (d *decoder) int(n *Node, v reflect.Value) {
	if !d.is(n, Number, "a whole number") {
		return
	}
	if !isWhole(n.Text) {
		d.fail(n.Pos, "%s is not a whole number", clip(n.Text))
		return
	}
	bits := v.Type().Bits()
	var err error
	if v.CanInt() {
		var i int64
		i, err = strconv.ParseInt(n.Text, 10, bits)
		v.SetInt(i)
	} else {
		var u uint64
		u, err = strconv.ParseUint(n.Text, 10, bits)
		v.SetUint(u)
	}
	if err != nil {
		d.fail(n.Pos, "%s is out of range; it has to fit %s", clip(n.Text), v.Kind())
	}
}

// isWhole reports whether s is a whole number as JSON has it.
func isWhole(s string) bool {
	s = strings.TrimPrefix(s, "-")
	return s != "" && countDigits(s) == len(s) && (s == "0" || s[0] != '0')
}

func (d *decoder) float(n *Node, v reflect.Value) {
	if !d.is(n, Number, "a number") {
		return
	}
	f, err := strconv.ParseFloat(n.Text, v.Type().Bits())
	if err != nil {
		d.fail(n.Pos, "%s is out of range; it has to fit %s", clip(n.Text), v.Kind())
		return
	}
	v.SetFloat(f)
}

func (d *decoder) bytes(n *Node, v reflect.Value) {
	if !d.is(n, String, "a string in base64") {
		return
	}
	data, err := base64.StdEncoding.DecodeString(n.Text)
	if err != nil {
		d.fail(n.Pos, "is not base64")
		return
	}
	v.SetBytes(data)
}

func (d *decoder) quantity(n *Node, q *resource.Quantity) {
	if n.Kind != String && n.Kind != Number {
		d.wrong(n, "a quantity")
		return
	}
	var err error
	if *q, err = parseQuantity(n.Text); err != nil {
		d.fail(n.Pos, "%s is not a quantity", clip(n.Text))
	}
}

func (d *decoder) intOrString(n *Node, i *intstr.IntOrString) {
	switch n.Kind {
	case String:
		*i = intstr.FromString(n.Text)
	case Number:
		d.int(n, reflect.ValueOf(&i.IntVal).Elem())
	default:
		d.wrong(n, "a number or a string")
	}
}

func (d *decoder) time(n *Node, layout string) time.Time {
	if !d.is(n, String, "a time") {
		return time.Time{}
	}
	t, err := time.Parse(layout, n.Text)
	if err != nil {
		d.fail(n.Pos, "%s is not a time such as %s", clip(n.Text), strings.TrimSuffix(layout, "07:00"))
	}
	return t
}

func (d *decoder) duration(n *Node, to *metav1.Duration) {
	if !d.is(n, String, "a duration") {
		return
	}
	var err error
	if to.Duration, err = time.ParseDuration(n.Text); err != nil {
		d.fail(n.Pos, "%s is not a duration such as 1h30m", clip(n.Text))
	}
}

// json leaves a value to encoding/json.
func (d *decoder) json(n *Node, v reflect.Value) {
	if err := json.Unmarshal(AppendJSON(nil, n), v.Addr().Interface()); err != nil {
		d.fail(n.Pos, "%v", err)
	}
}

// any reads n into an empty interface, as the API machinery reads what it has
// no type for: whole numbers are int64, others float64.
func (d *decoder) any(n *Node, v reflect.Value) {
	if v.NumMethod() > 0 {
		d.fail(n.Pos, "cannot be read into %s", v.Type())
		return
	}
	v.Set(reflect.ValueOf(d.untyped(n)))
}

func (d *decoder) untyped(n *Node) any {
	if n.IsNull() {
		return nil
	}
	switch n.Kind {
	case Bool:
		return n.Text == "true"
	case Number:
		return d.untypedNumber(n)
	case Sequence:
		list := make([]any, len(n.Items))
		for i, item := range n.Items {
			d.path = append(d.path, step{index: i, item: true})
			list[i] = d.untyped(item)
			d.path = d.path[:len(d.path)-1]
		}
		return list
	case Mapping:
		m := make(map[string]any, len(n.Fields))
		for _, f := range n.Fields {
			d.path = append(d.path, step{key: f.Key})
			m[f.Key] = d.untyped(f.Value)
			d.path = d.path[:len(d.path)-1]
		}
		return m
	}
	return n.Text
}

func (d *decoder) untypedNumber(n *Node) any {
	if i, err := strconv.ParseInt(n.Text, 10, 64); err == nil {
		return i
	}
	f, err := strconv.ParseFloat(n.Text, 64)
	if err != nil {
		d.fail(n.Pos, "%s is out of the range of a number", clip(n.Text))
	}
	return f
}

// is reports whether n is of that kind, and the mistake where it is not.
func (d *decoder) is(n *Node, kind Kind, want string) bool {
	if n.Kind != kind {
		d.wrong(n, want)
	}
	return n.Kind == kind
}

func (d *decoder) wrong(n *Node, want string) {
	if n == nil {
		n = &Node{}
	}
	d.fail(n.Pos, "is %s; want %s", n.Kind, want)
}

func (d *decoder) fail(p Pos, format string, args ...any) {
	d.errs.Add(p, pathOf(d.path), format, args...)
}
