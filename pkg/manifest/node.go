package manifest

import (
	"cmp"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"
)

// Kind is the kind of a Node: one of the six that JSON has.
type Kind uint8

const (
	Null Kind = iota
	Bool
	Number
	String
	Sequence
	Mapping
)

func (k Kind) String() string {
	return [...]string{"null", "a boolean", "a number", "a string", "a list", "a mapping"}[k]
}

// Node is one value of a manifest and the place it came from.
//
// A Node is never changed once others can see it; Merge and the builders make
// new Nodes and share what stays the same. The zero value is a null without a
// position.
type Node struct {
	Kind Kind
	// Text is the value of a scalar: true or false for a Bool, a JSON number
	// for a Number, the characters for a String. Empty for the other kinds.
	Text   string
	Fields []Field // of a Mapping, in source order, keys unique
	Items  []*Node // of a Sequence
	Pos    Pos
}

// Field is one key of a Mapping and its value. Pos is where the key stands.
type Field struct {
	Key   string
	Value *Node
	Pos   Pos
}

// Source is a document that values are read from.
type Source struct {
	File string // as messages print it
	Name string // the layer it forms, such as "template claude"; may be empty
}

// Pos is a place in a Source. Line and Column count from 1, columns in
// characters. The zero Pos says that a value was made by the program.
type Pos struct {
	Source       *Source
	Line, Column int32
}

// IsValid reports whether p is a place in a source.
func (p Pos) IsValid() bool { return p.Source != nil }

// String is file:line:column, or file alone where the line is not known, or
// "-" for the zero Pos.
func (p Pos) String() string {
	switch {
	case p.Source == nil:
		return "-"
	case p.Line == 0:
		return p.Source.File
	}
	return fmt.Sprintf("%s:%d:%d", p.Source.File, p.Line, p.Column)
}

// Get returns the value of key, or nil where n is nil, is not a Mapping or
// has no such key.
func (n *Node) Get(key string) *Node {
	if n == nil {
		return nil
	}
	for i := range n.Fields {
		if n.Fields[i].Key == key {
			return n.Fields[i].Value
		}
	}
	return nil
}

// At follows keys one after the other, as Get does.
func (n *Node) At(keys ...string) *Node {
	for _, key := range keys {
		n = n.Get(key)
	}
	return n
}

// IsNull reports whether n is nil or a null.
func (n *Node) IsNull() bool { return n == nil || n.Kind == Null }

// Set adds a field to a Mapping that is still being built, or replaces the
// one of the same key.
func (n *Node) Set(key string, value *Node) {
	for i := range n.Fields {
		if n.Fields[i].Key == key {
			n.Fields[i].Value = value
			return
		}
	}
	n.Fields = append(n.Fields, Field{Key: key, Value: value, Pos: value.Pos})
}

// Str, Int and Flag make scalars that came from p.
func Str(text string, p Pos) *Node { return &Node{Kind: String, Text: text, Pos: p} }

// Int makes a Number; see Str.
func Int(i int64, p Pos) *Node { return &Node{Kind: Number, Text: strconv.FormatInt(i, 10), Pos: p} }

// Flag makes a Bool; see Str.
func Flag(b bool, p Pos) *Node { return &Node{Kind: Bool, Text: strconv.FormatBool(b), Pos: p} }

// List makes a Sequence of items.
func List(p Pos, items ...*Node) *Node { return &Node{Kind: Sequence, Items: items, Pos: p} }

// Map makes an empty Mapping with room for n fields.
func Map(p Pos, n int) *Node {
	return &Node{Kind: Mapping, Fields: make([]Field, 0, n), Pos: p}
}

// Error is one mistake in a manifest.
type Error struct {
	Pos Pos
	// Path is the field as Kubernetes spells it, such as
	// spec.containers[0].image; empty for the document as a whole.
	Path string
	Msg  string // what is wrong and what would be right, on one line
}

// Error is "file:line:column: path: message".
func (e *Error) Error() string {
	var b strings.Builder
	if e.Pos.IsValid() {
		b.WriteString(e.Pos.String() + ": ")
	}
	if e.Path != "" {
		b.WriteString(e.Path + ": ")
	}
	b.WriteString(e.Msg)
	return b.String()
}

// Errors are the mistakes of one run.
type Errors []*Error

// Error is one line a mistake.
func (e Errors) Error() string {
	lines := make([]string, len(e))
	for i, err := range e {
		lines[i] = err.Error()
	}
	return strings.Join(lines, "\n")
}

// Unwrap gives errors.As and errors.Is the single mistakes.
func (e Errors) Unwrap() []error {
	errs := make([]error, len(e))
	for i, err := range e {
		errs[i] = err
	}
	return errs
}

// Add appends a mistake.
func (e *Errors) Add(p Pos, path, format string, args ...any) {
	*e = append(*e, &Error{Pos: p, Path: path, Msg: fmt.Sprintf(format, args...)})
}

// Err is e sorted by file, line and column with repeated lines removed, or nil
// where there is no mistake.
func (e Errors) Err() error {
	if len(e) == 0 {
		return nil
	}
	sorted := slices.Clone(e)
	slices.SortStableFunc(sorted, func(a, b *Error) int {
		return cmp.Or(
			cmp.Compare(a.Pos.file(), b.Pos.file()),
			cmp.Compare(a.Pos.Line, b.Pos.Line),
			cmp.Compare(a.Pos.Column, b.Pos.Column))
	})
	return slices.CompactFunc(sorted, func(a, b *Error) bool { return a.Error() == b.Error() })
}

func (p Pos) file() string {
	if p.Source == nil {
		return ""
	}
	return p.Source.File
}

// Child is the path of a field below path: "spec" and "image" give
// "spec.image". A key that is not a plain name is put in brackets, and one
// that would not print in quotes too.
func Child(path, key string) string {
	plain := key != "" && !strings.ContainsAny(key, ".[]/ ")
	switch {
	case strings.ContainsFunc(key, unprintable):
		return path + "[" + strconv.Quote(key) + "]"
	case !plain:
		return path + "[" + key + "]"
	case path == "":
		return key
	}
	return path + "." + key
}

func unprintable(r rune) bool { return r == utf8.RuneError || !unicode.IsPrint(r) }

// Index is the path of an item below path: "env" and 3 give "env[3]".
func Index(path string, i int) string { return fmt.Sprintf("%s[%d]", path, i) }
