package manifest

import (
	"encoding/base64"
	"fmt"
	"math"
	"math/big"
	"reflect"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"k8s.io/apimachinery/pkg/api/resource"
)

// Checker holds parsed Nodes against a Type.
//
// Beside the Go type it reads these struct tags of a field, which the API's types
// have from apiTags: enum lists the values of a string, or of each item of a list,
// separated by commas; format names the check that a string, a number, each item of
// a list, or each value of a map has to pass, keys the check of a map's keys;
// required:"true" says that the field must be there (required:"merged" is left to
// Required).
type Checker struct {
	// Formats are the checks that format and keys name. They return what is
	// wrong and what would be right, or nothing.
	Formats map[string]func(text string) string
	// Patch says that a strategic merge patch is checked: required fields may
	// be absent and $patch present.
	Patch bool
}

// Check reports every difference with its position, the field and what would
// be right. On the way it brings the scalars of n into the form the Type asks
// for: plain text such as y, 012 or 12:30:45 becomes a String where map values
// are strings, quantities become canonical. It is for trees that nobody else
// has seen yet. A null is right everywhere: it stands for an absent field.
func (c Checker) Check(n *Node, t *Type, path string, errs *Errors) {
	(&checker{c, errs}).check(n, t, path)
}

// Required reports the fields tagged required:"merged" that a merged Node
// lacks, or has an empty list in.
func Required(n *Node, t *Type, path string, errs *Errors) {
	switch {
	case n.IsNull() || t == nil:
	case t.Shape == ShapeStruct:
		for i := range t.Fields {
			field := &t.Fields[i]
			switch value := n.Get(field.Name); {
			case !value.IsNull() && value.Kind < Sequence:
			case !value.IsNull() && (value.Kind == Mapping || len(value.Items) > 0):
				Required(value, field.Type, Child(path, field.Name), errs)
			case field.required == "merged":
				missing(n, field, path, errs)
			}
		}
	case n.Kind == Sequence:
		for i, item := range n.Items {
			Required(item, t.Elem, Index(path, i), errs)
		}
	case n.Kind == Mapping:
		for _, f := range n.Fields {
			Required(f.Value, t.Elem, Child(path, f.Key), errs)
		}
	}
}

type checker struct {
	Checker
	errs *Errors
}

func (c *checker) wrong(n *Node, path, want string) {
	switch n.Kind {
	case Number, Bool:
		c.errs.Add(n.Pos, path, "%s is %s; want %s", n.Text, n.Kind, want)
	case String:
		c.errs.Add(n.Pos, path, "%s is %s; want %s", clip(n.Text), n.Kind, want)
	default:
		c.errs.Add(n.Pos, path, "is %s; want %s", n.Kind, want)
	}
}

// clip quotes the start of a value for a message.
func clip(s string) string {
	if len(s) > 60 {
		return fmt.Sprintf("%q...", strings.ToValidUTF8(s[:60], ""))
	}
	return fmt.Sprintf("%q", s)
}

func (c *checker) check(n *Node, t *Type, path string) {
	if n.Kind == Null || t.Shape == ShapeAny {
		return
	}
	switch t.Shape {
	case ShapeStruct:
		c.structure(n, t, path)
	case ShapeMap:
		c.mapping(n, t, path)
	case ShapeList:
		if n.Kind != Sequence {
			c.wrong(n, path, "a list; start each item with -")
			return
		}
		for i, item := range n.Items {
			if !c.Patch || !replacesList(item) {
				c.check(item, t.Elem, Index(path, i))
			}
		}
	default:
		c.scalar(n, t, path)
	}
}

func (c *checker) structure(n *Node, t *Type, path string) {
	if n.Kind != Mapping {
		c.wrong(n, path, "a mapping; "+knownFields(t))
		return
	}
	for _, f := range n.Fields {
		field := t.Field(f.Key)
		switch {
		case field != nil:
			at, before := Child(path, f.Key), len(*c.errs)
			if field.Type.Shape == ShapeInt || field.Type.Shape == ShapeString && f.Value.Kind == Number { // whose format knows better what to write instead
				c.formats(f.Value, field, at)
			}
			if len(*c.errs) > before {
				continue
			}
			c.check(f.Value, field.Type, at)
			c.enum(f.Value, field, at)
			if field.Type.Shape != ShapeInt {
				c.formats(f.Value, field, at)
			}
		case c.Patch && strings.HasPrefix(f.Key, "$"): // CheckPatch has the say
		case len(*c.errs) >= MaxMistakes: // nobody reads a suggestion for each
			c.errs.Add(f.Pos, Child(path, f.Key), "unknown field")
		default:
			c.errs.Add(f.Pos, Child(path, f.Key), "unknown field; %s", suggestField(f.Key, t))
		}
	}
	c.union(n, t, path)
	for i := range t.Fields {
		field := &t.Fields[i]
		if field.required == "true" && !c.Patch && n.Get(field.Name).IsNull() {
			missing(n, field, path, c.errs)
		}
	}
}

// missing reports that n lacks a field, and the values that it can have if they are
// known.
func missing(n *Node, field *TypeField, path string, errs *Errors) {
	add := field.Name
	switch values := strings.Split(field.enum, ","); {
	case field.enum == "":
	case len(values) == 1:
		add += ": " + field.enum
	default:
		add += ", one of " + strings.Trim(strings.Join(values, ", "), ", ")
	}
	errs.Add(n.Pos, Child(path, field.Name), "is missing; add %s", add)
}

// union reports a second one of fields that exclude each other. A patch may
// clear others with null.
func (c *checker) union(n *Node, t *Type, path string) {
	u, ok := unionOf(t)
	if !ok || u.by != "" {
		return
	}
	first := ""
	for _, f := range n.Fields {
		switch {
		case f.Value.IsNull() || !slices.Contains(u.members, f.Key):
		case first != "":
			c.errs.Add(f.Pos, Child(path, f.Key), "cannot stand beside %s; remove one of the two", first)
		default:
			first = f.Key
		}
	}
}

func (c *checker) enum(n *Node, field *TypeField, path string) {
	if field.enum == "" {
		return
	}
	for i, item := range n.Items {
		c.enum(item, field, Index(path, i))
	}
	values := strings.Split(field.enum, ",")
	switch {
	case n.Kind != String || slices.Contains(values, n.Text):
	case len(values) == 1:
		c.errs.Add(n.Pos, path, "%s is not supported; write %s", clip(n.Text), field.enum)
	default:
		c.errs.Add(n.Pos, path, "%s is not one of %s%s", clip(n.Text), strings.Trim(strings.Join(values, ", "), ", "), didYouMean(n.Text, values))
	}
}

// formats runs the checks that the format and keys tags name.
func (c *checker) formats(n *Node, field *TypeField, path string) {
	if check := c.Formats[field.keys]; check != nil {
		for _, f := range n.Fields {
			if c.Patch && strings.HasPrefix(f.Key, "$") {
				continue // CheckPatch has the say
			}
			if problem := check(f.Key); problem != "" {
				c.errs.Add(f.Pos, Child(path, f.Key), "%s", problem)
			}
		}
	}
	check := c.Formats[field.format]
	if check == nil {
		return
	}
	test := func(n *Node, path string) {
		if n.Kind == String || n.Kind == Number {
			if problem := check(n.Text); problem != "" {
				c.errs.Add(n.Pos, path, "%s", problem)
			}
		}
	}
	test(n, path)
	for i, item := range n.Items {
		test(item, Index(path, i))
	}
	for _, f := range n.Fields {
		if !c.Patch || !strings.HasPrefix(f.Key, "$") {
			test(f.Value, Child(path, f.Key))
		}
	}
}

func (c *checker) mapping(n *Node, t *Type, path string) {
	if n.Kind != Mapping {
		c.wrong(n, path, "a mapping; write each as name: value")
		return
	}
	for _, f := range n.Fields {
		v := f.Value
		if t.Elem.Shape == ShapeString && (v.Kind == Number || v.Kind == Bool) {
			v.Kind = String // the text as written: 012 stays 012
		}
		if c.Patch && strings.HasPrefix(f.Key, "$") {
			continue
		}
		c.check(v, t.Elem, Child(path, f.Key))
	}
}

func (c *checker) scalar(n *Node, t *Type, path string) {
	switch t.Shape {
	case ShapeBool:
		c.boolean(n, path)
	case ShapeInt:
		c.integer(n, t, path)
	case ShapeFloat:
		if n.Kind != Number {
			c.wrong(n, path, "a number")
		}
	case ShapeQuantity:
		c.quantity(n, path)
	case ShapeIntOrString:
		if n.Kind == Number {
			c.integer(n, typeInt32, path)
		} else if n.Kind != String {
			c.wrong(n, path, "a number or a string")
		}
	case ShapeString, ShapeTime, ShapeDuration, ShapeBytes:
		c.text(n, t, path)
	}
}

var typeInt32 = TypeFor[int32]()

func (c *checker) boolean(n *Node, path string) {
	switch {
	case n.Kind == Bool:
		n.Text = strings.ToLower(n.Text)
	case n.Kind == String && slices.Contains([]string{"true", "yes", "y", "on"}, strings.ToLower(n.Text)):
		c.errs.Add(n.Pos, path, "%s is a string; write true", clip(n.Text))
	case n.Kind == String && slices.Contains([]string{"false", "no", "n", "off"}, strings.ToLower(n.Text)):
		c.errs.Add(n.Pos, path, "%s is a string; write false", clip(n.Text))
	default:
		c.wrong(n, path, "true or false")
	}
}

var decimal = regexp.MustCompile(`^-?(0|[1-9][0-9]*)$`)

func (c *checker) integer(n *Node, t *Type, path string) {
	switch {
	case n.Kind == String && decimal.MatchString(n.Text):
		c.errs.Add(n.Pos, path, "%s is a string; remove the quotes", clip(n.Text))
	case n.Kind != Number:
		c.wrong(n, path, "a whole number")
	case !decimal.MatchString(n.Text):
		c.errs.Add(n.Pos, path, "%s is not a decimal whole number%s", n.Text, asDecimal(n.Text))
	default:
		i, _ := new(big.Int).SetString(n.Text, 10)
		if !fits(i, t.Go) {
			c.errs.Add(n.Pos, path, "%.40s is out of range; want a number that fits %s", n.Text, t.Go.Kind())
		}
	}
}

// asDecimal is the hint for numbers that YAML versions read differently.
func asDecimal(text string) string {
	text = strings.ReplaceAll(text, "_", "")
	if trimmed := strings.TrimLeft(text, "0"); trimmed != text && decimal.MatchString(trimmed) {
		if octal, err := strconv.ParseInt(trimmed, 8, 64); err == nil {
			return fmt.Sprintf("; write %s, or %d if it is octal", trimmed, octal)
		}
		return "; write " + trimmed
	}
	if i, ok := new(big.Int).SetString(text, 0); ok && i.BitLen() <= 64 {
		return "; write " + i.String()
	}
	if f, err := strconv.ParseFloat(text, 64); err == nil && f == math.Trunc(f) && math.Abs(f) < 1<<53 {
		return "; write " + strconv.FormatFloat(f, 'f', -1, 64)
	}
	return ""
}

func fits(i *big.Int, t reflect.Type) bool {
	switch t.Kind() {
	case reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64:
		return i.Sign() >= 0 && i.BitLen() <= t.Bits()
	}
	return i.IsInt64() && !reflect.Zero(t).OverflowInt(i.Int64())
}

func (c *checker) quantity(n *Node, path string) {
	if n.Kind != Number && n.Kind != String {
		c.wrong(n, path, "a quantity such as 500m or 2Gi")
		return
	}
	q, err := parseQuantity(n.Text)
	if err != nil {
		c.errs.Add(n.Pos, path, "%s is not a quantity; %s", clip(n.Text), suggestQuantity(n.Text))
		return
	}
	n.Kind, n.Text = String, q.String()
}

// unsafeQuantity are texts that readers of YAML disagree on, for their leading
// zero, and exponents that resource.ParseQuantity takes hours for.
var unsafeQuantity = regexp.MustCompile(`^[+-]?0[0-9]|[eE][+-]?[0-9]{3}`)

func parseQuantity(text string) (resource.Quantity, error) {
	if len(text) > 64 || unsafeQuantity.MatchString(text) {
		return resource.Quantity{}, resource.ErrFormatWrong
	}
	return resource.ParseQuantity(text)
}

var quantityMistakes = strings.NewReplacer(" ", "", "o", "0", "O", "0", ",", ".", "_", "", "cpus", "", "cpu", "", "cores", "",
	"KB", "k", "Kb", "k", "kb", "k", "kB", "k", "MB", "M", "Mb", "M", "mb", "M", "GB", "G", "Gb", "G", "gb", "G", "TB", "T", "tb", "T",
	"KiB", "Ki", "MiB", "Mi", "GiB", "Gi", "TiB", "Ti", "ki", "Ki", "mi", "Mi", "gi", "Gi", "ti", "Ti")

func suggestQuantity(text string) string {
	fixed := quantityMistakes.Replace(text)
	if trimmed := strings.TrimLeft(fixed, "0"); trimmed != "" && trimmed[0] >= '1' && trimmed[0] <= '9' {
		fixed = trimmed
	}
	if fixed != text {
		if _, err := parseQuantity(fixed); err == nil {
			return "write " + fixed
		}
	}
	return "write a number and a unit, such as 500m or 2Gi"
}

func (c *checker) text(n *Node, t *Type, path string) {
	if n.Kind != String {
		if n.Kind == Number || n.Kind == Bool {
			c.errs.Add(n.Pos, path, "%s is %s; want a string: write %q", n.Text, n.Kind, n.Text)
		} else {
			c.wrong(n, path, "a string")
		}
		return
	}
	switch t.Shape {
	case ShapeTime:
		if _, err := time.Parse(time.RFC3339, n.Text); err != nil {
			c.errs.Add(n.Pos, path, "%s is not a time; write it as 2006-01-02T15:04:05Z", clip(n.Text))
		}
	case ShapeDuration:
		if _, err := time.ParseDuration(n.Text); err != nil {
			c.errs.Add(n.Pos, path, "%s is not a duration; write it as 1h30m or 45s", clip(n.Text))
		}
	case ShapeBytes:
		if _, err := base64.StdEncoding.DecodeString(n.Text); err != nil {
			c.errs.Add(n.Pos, path, "is not base64")
		}
	}
}

// suggestField says which field may have been meant, or which there are.
func suggestField(key string, t *Type) string {
	if near := Nearest(key, t.Names()); near != "" {
		return "did you mean " + near + "?"
	}
	return knownFields(t)
}

// knownFields says which fields there are.
func knownFields(t *Type) string {
	names := t.Names()
	slices.Sort(names)
	if len(names) > 12 {
		return "see scion-gen schema for the fields there are"
	}
	return "the fields are " + strings.Join(names, ", ")
}

func didYouMean(word string, words []string) string {
	if near := Nearest(word, words); near != "" {
		return "; did you mean " + near + "?"
	}
	return ""
}

// Nearest is the one of words that word was probably meant to be: equal but
// for case and separators, or few edits away. It is empty where none is near.
func Nearest(word string, words []string) string {
	fold := strings.NewReplacer("_", "", "-", "", " ", "")
	folded := strings.ToLower(fold.Replace(word))
	best, least := "", max(1, min(len(folded), 12)/3)+1
	for _, w := range words {
		d := distance(folded, strings.ToLower(fold.Replace(w)))
		if d < least {
			best, least = w, d
		}
	}
	return best
}

// distance is the number of insertions, deletions, substitutions and swaps of
// neighbours between two words (optimal string alignment). Words too long to
// be names are far from everything.
func distance(a, b string) int {
	if len(a) > 64 || len(b) > 64 {
		return 64
	}
	var rows [3][65]int // of the table: the one before the last, the last, the next
	before, last, row := &rows[0], &rows[1], &rows[2]
	for j := range len(b) + 1 {
		last[j] = j
	}
	for i := 1; i <= len(a); i++ {
		row[0] = i
		for j := 1; j <= len(b); j++ {
			cost := 1
			if a[i-1] == b[j-1] {
				cost = 0
			}
			row[j] = min(row[j-1]+1, last[j]+1, last[j-1]+cost)
			if i > 1 && j > 1 && a[i-1] == b[j-2] && a[i-2] == b[j-1] {
				row[j] = min(row[j], before[j-2]+1)
			}
		}
		before, last, row = last, row, before
	}
	return last[len(b)]
}
