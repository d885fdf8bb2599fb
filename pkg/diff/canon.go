package diff

import (
	"cmp"
	"encoding/base64"
	"math/big"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"k8s.io/apimachinery/pkg/api/resource"

	"github.com/scion-gen/scion-gen/pkg/manifest"
)

// rules are how values are compared.
type rules struct {
	defaults bool // a field that has the server's default is as an absent one
}

// absent reports whether a value is as none: null, and what the API server
// reads as if it were not there.
func (r rules) absent(n *manifest.Node, f field) bool {
	if n.IsNull() {
		return true
	}
	if r.defaults && f.otherwise != "" && scalar(n, f.shapeOf()) == scalar(&manifest.Node{Kind: n.Kind, Text: f.otherwise}, f.shapeOf()) {
		return true
	}
	return f.zeroAbsent && r.zero(n, f)
}

// zero reports whether n is the zero value of a Go type that is no pointer.
func (r rules) zero(n *manifest.Node, f field) bool {
	switch n.Kind {
	case manifest.Bool:
		return n.Text == "false"
	case manifest.Number:
		return f.shapeOf() != manifest.ShapeQuantity && number(n.Text) == "0"
	case manifest.String:
		return n.Text == ""
	case manifest.Sequence:
		return len(n.Items) == 0
	}
	if f.shapeOf() == manifest.ShapeMap {
		return len(n.Fields) == 0
	}
	for i := range n.Fields {
		if !r.absent(n.Fields[i].Value, f.child(n.Fields[i].Key)) {
			return false
		}
	}
	return f.shapeOf() == manifest.ShapeStruct || len(n.Fields) == 0
}

// same reports whether two scalars are the same value to the API server.
func same(a, b *manifest.Node, shape manifest.Shape) bool {
	if a.Kind == b.Kind && a.Text == b.Text {
		return true
	}
	return scalar(a, shape) == scalar(b, shape)
}

// scalar is a scalar as one of a few spellings of the same value; its first
// letter is the kind.
func scalar(n *manifest.Node, shape manifest.Shape) string {
	switch shape {
	case manifest.ShapeQuantity:
		if q, ok := quantity(n.Text); ok {
			return "q" + q
		}
	case manifest.ShapeTime:
		if t, err := time.Parse(time.RFC3339, n.Text); err == nil {
			return "t" + t.UTC().Format(time.RFC3339Nano)
		}
	case manifest.ShapeDuration:
		if d, err := time.ParseDuration(n.Text); err == nil {
			return "d" + d.String()
		}
	case manifest.ShapeBytes:
		if data, err := base64.StdEncoding.DecodeString(strings.Join(strings.Fields(n.Text), "")); err == nil {
			return "x" + string(data)
		}
	case manifest.ShapeBool:
		if b, err := strconv.ParseBool(yamlBool(n.Text)); err == nil && n.Kind != manifest.Number {
			return "b" + strconv.FormatBool(b)
		}
	}
	switch n.Kind {
	case manifest.Bool:
		return "b" + n.Text
	case manifest.Number:
		return "n" + number(n.Text)
	case manifest.String:
		return "s:" + n.Text
	}
	return "z"
}

// yamlBool makes the words that YAML 1.1, which the Kubernetes tools read,
// takes for booleans into those that YAML 1.2 does.
func yamlBool(text string) string {
	switch strings.ToLower(text) {
	case "yes", "on", "y":
		return "true"
	case "no", "off", "n":
		return "false"
	}
	return text
}

// longExponent are exponents that resource.ParseQuantity takes hours for.
var longExponent = regexp.MustCompile(`[eE][+-]?[0-9]{3}`)

func parseQuantity(text string) (resource.Quantity, bool) {
	if len(text) > 64 || longExponent.MatchString(text) {
		return resource.Quantity{}, false
	}
	q, err := resource.ParseQuantity(text)
	return q, err == nil
}

// quantity is the number of a resource.Quantity in one spelling.
func quantity(text string) (string, bool) {
	q, ok := parseQuantity(text)
	if !ok {
		return "", false
	}
	out := q.AsDec().String()
	if strings.Contains(out, ".") {
		out = strings.TrimSuffix(strings.TrimRight(out, "0"), ".")
	}
	return out, true
}

// number is a number in one spelling: 0644, 0o644 and 420 are the same file
// mode, and 1.0 is 1. What is no number stays as it is.
func number(text string) string {
	if i, err := strconv.ParseInt(text, 10, 64); err == nil && (len(text) == 1 || text[0] != '0') {
		return strconv.FormatInt(i, 10)
	}
	if i, ok := new(big.Int).SetString(strings.TrimPrefix(text, "+"), 0); ok && len(text) <= 64 {
		return i.String()
	}
	if f, err := strconv.ParseFloat(text, 64); err == nil {
		return strconv.FormatFloat(f, 'g', -1, 64)
	}
	return text
}

// canon adds to dst a text that is the same for values that are the same to
// the API server, and for no others.
func (r rules) canon(dst []byte, n *manifest.Node, f field) []byte {
	if r.absent(n, f) {
		return append(dst, 'z')
	}
	switch n.Kind {
	case manifest.Mapping:
		return r.canonMapping(dst, n, f)
	case manifest.Sequence:
		return r.canonList(dst, n, f)
	}
	return strconv.AppendQuote(dst, scalar(n, f.shapeOf()))
}

func (r rules) canonMapping(dst []byte, n *manifest.Node, f field) []byte {
	order := make([]int, 0, len(n.Fields))
	for i := range n.Fields {
		if !r.absent(n.Fields[i].Value, f.child(n.Fields[i].Key)) {
			order = append(order, i)
		}
	}
	slices.SortFunc(order, func(a, b int) int { return strings.Compare(n.Fields[a].Key, n.Fields[b].Key) })
	dst = append(dst, '{')
	for _, i := range order {
		dst = strconv.AppendQuote(dst, n.Fields[i].Key)
		dst = append(dst, ':')
		dst = r.canon(dst, n.Fields[i].Value, f.child(n.Fields[i].Key))
	}
	return append(dst, '}')
}

func (r rules) canonList(dst []byte, n *manifest.Node, f field) []byte {
	items := make([]string, len(n.Items))
	for i, item := range n.Items {
		items[i] = string(r.canon(nil, item, f.item()))
	}
	if f.list.mode != inOrder && !f.list.ordered {
		slices.Sort(items)
	}
	if f.list.mode == asSet {
		items = slices.Compact(items)
	}
	dst = append(dst, '[')
	dst = append(dst, strings.Join(items, ",")...)
	return append(dst, ']')
}

// compareQuantities compares two resource.Quantity; one that cannot be read is
// of no
// use: the longer text counts as the larger.
func compareQuantities(a, b *manifest.Node) int {
	x, okX := parseQuantity(a.Text)
	y, okY := parseQuantity(b.Text)
	if !okX || !okY {
		return cmp.Compare(len(a.Text), len(b.Text))
	}
	return x.Cmp(y)
}

// spell adds to dst a text that is the same for nodes of the same content as
// written, the order of keys aside, and for no others.
func spell(dst []byte, n *manifest.Node) []byte {
	return rules{}.canon(dst, n, field{})
}
