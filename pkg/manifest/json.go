package manifest

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"unicode/utf8"
)

// FromJSON reads one JSON value. Numbers keep their text, fields their order,
// and nodes have no position. A key that is there twice is an error, and so is
// a byte that is not UTF-8.
func FromJSON(data []byte) (*Node, error) {
	if !utf8.Valid(data) {
		return nil, errors.New("read JSON: a byte that is not UTF-8")
	}
	d := tokens{Decoder: json.NewDecoder(bytes.NewReader(data))}
	d.UseNumber()
	n, err := d.value()
	if err != nil {
		return nil, fmt.Errorf("read JSON: %w", err)
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return nil, errors.New("read JSON: more than one value")
	}
	return n, nil
}

// tokens are the tokens of a JSON text; the Decoder does not count its levels
// when it is read so.
type tokens struct {
	*json.Decoder
	depth int
}

func (d *tokens) value() (*Node, error) {
	token, err := d.Token()
	if err != nil {
		return nil, err
	}
	switch token := token.(type) {
	case json.Delim:
		if d.depth++; d.depth > maxDepth {
			return nil, fmt.Errorf("more than %d levels", maxDepth)
		}
		defer func() { d.depth-- }()
		if token == '[' {
			return d.list()
		}
		return d.mapping()
	case bool:
		return Flag(token, Pos{}), nil
	case json.Number:
		return &Node{Kind: Number, Text: token.String()}, nil
	case string:
		return Str(token, Pos{}), nil
	}
	return &Node{}, nil
}

func (d *tokens) list() (*Node, error) {
	n := List(Pos{})
	for d.More() {
		item, err := d.value()
		if err != nil {
			return nil, err
		}
		n.Items = append(n.Items, item)
	}
	_, err := d.Token()
	return n, err
}

func (d *tokens) mapping() (*Node, error) {
	n := Map(Pos{}, 0)
	for d.More() {
		key, err := d.Token()
		if err != nil {
			return nil, err
		}
		value, err := d.value()
		if err != nil {
			return nil, err
		}
		n.Fields = append(n.Fields, Field{Key: key.(string), Value: value})
	}
	if _, err := d.Token(); err != nil {
		return nil, err
	}
	return n, uniqueKeys(n.Fields)
}

func uniqueKeys(fields []Field) error {
	seen := make(map[string]bool, len(fields))
	for _, f := range fields {
		if seen[f.Key] {
			return fmt.Errorf("key %q is there twice", f.Key)
		}
		seen[f.Key] = true
	}
	return nil
}

// AppendJSON adds n to dst as JSON, fields in their order.
func AppendJSON(dst []byte, n *Node) []byte {
	if n.IsNull() {
		return append(dst, "null"...)
	}
	switch n.Kind {
	case String:
		return appendJSONString(dst, n.Text)
	case Sequence:
		dst = append(dst, '[')
		for i, item := range n.Items {
			if i > 0 {
				dst = append(dst, ',')
			}
			dst = AppendJSON(dst, item)
		}
		return append(dst, ']')
	case Mapping:
		dst = append(dst, '{')
		for i, f := range n.Fields {
			if i > 0 {
				dst = append(dst, ',')
			}
			dst = append(appendJSONString(dst, f.Key), ':')
			dst = AppendJSON(dst, f.Value)
		}
		return append(dst, '}')
	}
	return append(dst, n.Text...)
}

func appendJSONString(dst []byte, s string) []byte {
	quoted, _ := json.Marshal(s) // a string has no error
	return append(dst, quoted...)
}
