package overlay

import (
	"bytes"
	"iter"

	"sigs.k8s.io/kustomize/kyaml/resid"
	kyaml "sigs.k8s.io/kustomize/kyaml/yaml"
)

// documents cuts a YAML stream at the lines that are "---". A line of that kind
// cannot be part of a value: YAML has no scalar that could hold it.
func documents(data []byte) [][]byte {
	var docs [][]byte
	start := 0
	for at := 0; at < len(data); {
		end := len(data)
		if i := bytes.IndexByte(data[at:], '\n'); i >= 0 {
			end = at + i + 1
		}
		if string(bytes.TrimRight(data[at:end], " \t\r\n")) == "---" {
			docs = append(docs, data[start:at])
			start = end
		}
		at = end
	}
	return append(docs, data[start:])
}

// cuttable reports whether documents finds all documents of a stream, each to
// be read alone: no directives, no text beside a marker, no other end marker.
func cuttable(data []byte) bool {
	for line := range bytes.Lines(data) {
		marker := bytes.HasPrefix(line, []byte("---")) && string(bytes.TrimRight(line, " \t\r\n")) != "---"
		if marker || bytes.HasPrefix(line, []byte("...")) || bytes.HasPrefix(line, []byte("%")) || bytes.HasPrefix(line, []byte("\ufeff")) {
			return false
		}
	}
	return true
}

// blank reports whether a document has nothing but comments in it.
func blank(doc []byte) bool {
	for line := range bytes.Lines(doc) {
		if line = bytes.TrimSpace(line); len(line) > 0 && line[0] != '#' {
			return false
		}
	}
	return true
}

// head is what a document says of the object that it is.
type head struct {
	APIVersion string `yaml:"apiVersion"`
	Kind       string `yaml:"kind"`
	Metadata   struct {
		Name      string `yaml:"name"`
		Namespace string `yaml:"namespace"`
	} `yaml:"metadata"`
}

// identify reads the id of the object in a document; it is not ok where the
// document is anything but one plain object.
func identify(doc []byte) (id resid.ResId, ok bool) {
	var h head
	short := headOf(doc)
	if short == nil || kyaml.Unmarshal(short, &h) != nil {
		h = head{}
		if kyaml.Unmarshal(doc, &h) != nil {
			return id, false
		}
	}
	if h.Kind == "" || h.APIVersion == "" || h.Metadata.Name == "" || bytes.HasSuffix([]byte(h.Kind), []byte("List")) {
		return id, false
	}
	group, version := resid.ParseGroupVersion(h.APIVersion)
	return resid.NewResIdWithNamespace(resid.NewGvk(group, version, h.Kind), h.Metadata.Name, h.Metadata.Namespace), true
}

// headOf is the part of a document in block style that head is in, so that not
// all of it has to be read; nil where the document is of another style.
func headOf(doc []byte) []byte {
	var out []byte
	inside := false
	for line := range bytes.Lines(doc) {
		switch c := line[0]; {
		case c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z':
			inside = bytes.HasPrefix(line, []byte("apiVersion:")) || bytes.HasPrefix(line, []byte("kind:")) || bytes.HasPrefix(line, []byte("metadata:"))
			if inside && bytes.ContainsAny(line, "&*!|>{\\") {
				return nil
			}
		case c == ' ' || c == '-' || c == '\n' || c == '\r' || c == '#':
		default:
			return nil
		}
		if inside {
			out = append(out, line...)
		}
	}
	return out
}

// words are the runs of characters of which names are made. Each scalar that is
// a name is one of them, unless it is written with escapes.
func words(text []byte) iter.Seq[[]byte] {
	return func(yield func([]byte) bool) {
		start := -1
		for i := 0; i <= len(text); i++ {
			if i < len(text) && ofName[text[i]] {
				if start < 0 {
					start = i
				}
				continue
			}
			if start >= 0 && !yield(text[start:i]) {
				return
			}
			start = -1
		}
	}
}

// ofName has the characters of names of objects: those of DNS names, and capitals
// and underscores, which some kinds allow.
var ofName = func() (set [256]bool) {
	for _, c := range []byte("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.-_") {
		set[c] = true
	}
	return set
}()

// isWord reports whether a name would be found by words.
func isWord(name string) bool {
	for i := range len(name) {
		if !ofName[name[i]] {
			return false
		}
	}
	return name != ""
}

// escaped reports whether a text could have names in it that words does not
// find: as \x61, as \u0061, or broken over lines.
func escaped(text []byte) bool {
	for {
		i := bytes.IndexByte(text, '\\')
		if i < 0 || i+1 == len(text) {
			return false
		}
		switch text[i+1] {
		case 'x', 'u', 'U', '\n', '\r':
			return true
		}
		text = text[i+2:]
	}
}

// plainWords is the text of all scalars of an escaped document, on lines of
// their own.
func plainWords(doc []byte) ([]byte, error) {
	var n kyaml.Node
	if err := kyaml.Unmarshal(doc, &n); err != nil {
		return nil, err
	}
	var out []byte
	var walk func(n *kyaml.Node)
	walk = func(n *kyaml.Node) {
		out = append(append(out, n.Value...), '\n')
		for _, c := range n.Content {
			walk(c)
		}
	}
	walk(&n)
	return out, nil
}
