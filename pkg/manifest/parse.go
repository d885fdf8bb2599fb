package manifest

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"iter"
	"slices"
	"strings"
	"unicode/utf8"

	yaml "go.yaml.in/yaml/v4"
)

// Limits of Parse. A Kubernetes object cannot be larger than what etcd takes
// in one request, 1.5 MiB; the others keep hostile input cheap.
const (
	MaxDocument = 1 << 20 // bytes of one document
	MaxDepth    = 64      // nested lists and mappings
	MaxItems    = 10_000  // of one list or mapping
)

// Document is one YAML document.
type Document struct {
	Source *Source
	Root   *Node // never nil
}

// Parse reads the documents of a YAML or JSON file, in order. file is used in
// messages only. What cannot be read is reported in errs and left out: one
// syntax error costs its own document and no other.
//
// Strict: anchors, aliases, tags, merge keys, directives, duplicate keys, keys
// that are not strings, empty documents between others, and characters that
// YAML cannot carry through the API (see Carries) are errors. A scalar keeps
// its text as written, so that 012 can still become the string "012".
func Parse(file string, data []byte, errs *Errors) []Document {
	return slices.Collect(Documents(file, data, errs))
}

// MaxMistakes is how many mistakes a run tells before it reads no further.
const MaxMistakes = 1000

// Documents is Parse, one document at a time. It stops when errs, to which the
// caller may add, holds MaxMistakes.
func Documents(file string, data []byte, errs *Errors) iter.Seq[Document] {
	return func(yield func(Document) bool) {
		data := bytes.TrimPrefix(data, []byte("\ufeff"))
		if checkText(data, &Source{File: file}, errs) {
			chunks := splitDocuments(data)
			documents(file, chunks, newStream(data, chunks), errs, yield)
		}
	}
}

func documents(file string, chunks [][]byte, stream *stream, errs *Errors, yield func(Document) bool) {
	line := 1
	for i, chunk := range chunks {
		p := parser{source: &Source{File: file}, line: line, errs: errs}
		if len(*errs) >= MaxMistakes {
			errs.Add(p.pos(1, 1), "", "more mistakes than %d; what follows is not read", MaxMistakes)
			return
		}
		if blank(chunk) {
			if i > 0 && i < len(chunks)-1 {
				errs.Add(p.pos(1, 1), "", "the document is empty; remove one of the lines ---")
			}
			if isMarker(chunk) {
				stream.close()
			}
		} else if at := directiveLine(chunk); at > 0 {
			errs.Add(p.pos(at, 1), "", "directives are not supported; remove the line")
			stream.close()
		} else if root := p.parse(chunk, stream.next(i)); root != nil && !yield(Document{p.source, root}) {
			return
		}
		line += bytes.Count(chunk, []byte("\n"))
	}
}

// splitDocuments cuts before each line that starts with the marker ---. YAML
// 1.2 (9.1.2, c-forbidden) allows no such line inside a document, not even in
// a block scalar, so that each piece can be read, and fail, on its own.
func splitDocuments(data []byte) [][]byte {
	var chunks [][]byte
	start := 0
	for at := 0; at < len(data); {
		line := data[at:]
		if end := bytes.IndexByte(line, '\n'); end >= 0 {
			line = line[:end+1]
		}
		if at > start && isMarker(line) {
			chunks = append(chunks, data[start:at])
			start = at
		}
		at += len(line)
	}
	return append(chunks, data[start:])
}

func isMarker(line []byte) bool {
	return bytes.HasPrefix(line, []byte("---")) && (len(line) == 3 || strings.IndexByte(" \t\r\n", line[3]) >= 0)
}

// blank reports whether a piece holds nothing but markers, white space and
// comments.
func blank(chunk []byte) bool {
	if isMarker(chunk) {
		chunk = chunk[3:]
	}
	for line := range bytes.Lines(chunk) {
		if rest, ok := bytes.CutPrefix(line, []byte("...")); ok { // ends nothing
			line = rest
		}
		line = bytes.TrimSpace(line)
		if len(line) > 0 && line[0] != '#' {
			return false
		}
	}
	return true
}

// directiveLine is the line of a directive such as %YAML before the document,
// or 0.
func directiveLine(chunk []byte) int {
	n := 0
	for line := range bytes.Lines(chunk) {
		n++
		switch line = bytes.TrimSpace(line); {
		case len(line) == 0 || line[0] == '#':
		case line[0] == '%':
			return n
		default:
			return 0
		}
	}
	return 0
}

// Carries reports whether YAML and the API carry r unharmed: sigs.k8s.io/yaml
// turns U+0085 into a space and refuses DEL, the other C1 controls, U+FFFE and
// U+FFFF; NUL cannot be in an environment variable or a file name.
func Carries(r rune) bool {
	switch {
	case r == 0, r >= 0x7f && r <= 0x9f, r == 0xfffe, r == 0xffff, r == 0xfeff:
		return false
	}
	return true
}

// checkText reports the first character of a file that no YAML file may hold
// as it is: broken UTF-8 and control characters.
func checkText(data []byte, source *Source, errs *Errors) bool {
	line, column := int32(1), int32(0)
	for i := 0; i < len(data); {
		r, size := rune(data[i]), 1
		if r >= utf8.RuneSelf {
			r, size = utf8.DecodeRune(data[i:])
		}
		column++
		switch {
		case r == '\n':
			line, column = line+1, 0
		case r == '\r' && !bytes.HasPrefix(data[i+1:], []byte("\n")):
			// YAML ends a line, and a comment, here; git and many editors do not.
			errs.Add(Pos{source, line, column}, "", "carriage return without a line feed, which hides text from readers; end lines with line feeds")
			return false
		case r == utf8.RuneError && size == 1:
			errs.Add(Pos{source, line, column}, "", "byte %#02x is not UTF-8; save the file as UTF-8", data[i])
			return false
		case r == '\ufeff':
			errs.Add(Pos{source, line, column}, "", "byte order mark inside the file; remove it")
			return false
		case r == '\u2028', r == '\u2029':
			// YAML 1.1 ends a line, and a comment, here; editors do not.
			errs.Add(Pos{source, line, column}, "", `line separator %U, which readers of YAML disagree on; write "\u%x" in double quotes`, r, r)
			return false
		case r < ' ' && r != '\t' && r != '\r', !Carries(r):
			errs.Add(Pos{source, line, column}, "", "control character %U; remove it", r)
			return false
		}
		i += size
	}
	return true
}

// parser turns one document into Nodes.
type parser struct {
	source *Source
	line   int // of the document's first line in the file
	shift  int // from the lines of YAML nodes to those of the file
	errs   *Errors
	failed bool
}

func (p *parser) pos(line, column int) Pos {
	return Pos{p.source, int32(max(line, 1) + p.line - 1), int32(max(column, 1))}
}

// at is the place of a YAML node.
func (p *parser) at(y *yaml.Node) Pos {
	return Pos{p.source, int32(max(y.Line, 1) + p.shift), int32(max(y.Column, 1))}
}

func (p *parser) fail(at *yaml.Node, format string, args ...any) {
	p.failed = true
	p.errs.Add(p.at(at), "", format, args...)
}

// parse returns the document's root, or nil where it reported a mistake. doc is
// what a stream has read of it, if anything.
func (p *parser) parse(chunk []byte, doc *yaml.Node) *Node {
	if len(chunk) > MaxDocument {
		p.errs.Add(p.pos(1, 1), "", "the document has %d bytes; %d is the most that Kubernetes takes", len(chunk), MaxDocument)
		return nil
	}
	if doc == nil {
		p.shift, doc = p.line-1, &yaml.Node{}
		if err := load(chunk, doc); err != nil {
			p.syntaxError(err, chunk)
			return nil
		}
	}
	root := p.node(doc.Content[0])
	if p.failed {
		return nil
	}
	return root
}

// stream reads the documents of a file one after the other, which saves setting
// up the YAML library for each. It gives up at the first thing that is not as
// expected: from there on, each document is read, and fails, on its own.
type stream struct {
	loader *yaml.Loader // nil once it gave up
	starts []int        // the first line of each chunk, and the line after the last
	ahead  *yaml.Node   // the next document; nil at the end
}

func newStream(data []byte, chunks [][]byte) *stream {
	s := &stream{}
	tooLong := func(chunk []byte) bool { return len(chunk) > MaxDocument }
	if bytes.HasPrefix(data, []byte("...")) || bytes.Contains(data, []byte("\n...")) || slices.ContainsFunc(chunks, tooLong) {
		return s // a document ends elsewhere, or is not to be read at all
	}
	loader, err := yaml.NewLoader(bytes.NewReader(data))
	if err != nil {
		return s
	}
	s.loader = loader
	line := 1
	for _, chunk := range chunks {
		s.starts = append(s.starts, line)
		line += bytes.Count(chunk, []byte("\n"))
	}
	s.starts = append(s.starts, line+1)
	s.ahead = s.load()
	return s
}

func (s *stream) load() *yaml.Node {
	doc := &yaml.Node{}
	switch err := s.loader.Load(doc); {
	case errors.Is(err, io.EOF):
		return nil
	case err != nil:
		s.close()
	}
	return doc
}

// next is the document of a chunk, or nil. The one that follows has been read by
// then: only there does it show that the text goes on behind the end of this.
func (s *stream) next(chunk int) *yaml.Node {
	doc := s.ahead
	if s.loader != nil && doc != nil {
		s.ahead = s.load()
	}
	if s.loader == nil || !s.holds(chunk, doc) || !s.holds(chunk+1, s.ahead) {
		s.close()
		return nil
	}
	return doc
}

// holds reports whether a document is that of a chunk; behind the last is none.
func (s *stream) holds(chunk int, doc *yaml.Node) bool {
	if doc == nil || chunk == len(s.starts)-1 {
		return doc == nil && chunk == len(s.starts)-1
	}
	return len(doc.Content) == 1 && s.starts[chunk] <= doc.Content[0].Line && doc.Content[0].Line < s.starts[chunk+1]
}

func (s *stream) close() { s.loader = nil }

// load reads the one document of a chunk.
func load(chunk []byte, doc *yaml.Node) error {
	end := bytes.Index(chunk, []byte("\n..."))
	if end < 0 {
		return yaml.Load(chunk, doc)
	}
	loader, err := yaml.NewLoader(bytes.NewReader(chunk))
	if err != nil {
		return err
	}
	if err := loader.Load(doc); err != nil {
		return err
	}
	var next yaml.Node
	if err := loader.Load(&next); !errors.Is(err, io.EOF) {
		return &yaml.LoadError{
			Message: "text follows the end marker ...; write --- before it",
			Mark:    yaml.Mark{Line: 2 + bytes.Count(chunk[:end], []byte("\n")), Column: 1},
		}
	}
	return nil
}

func (p *parser) syntaxError(err error, chunk []byte) {
	load, ok := errors.AsType[*yaml.LoadError](err)
	if !ok {
		p.errs.Add(p.pos(1, 1), "", "not YAML: %s", oneLine(err.Error()))
		return
	}
	at, msg := load.Mark, load.Message
	switch has := func(text string) bool { return strings.Contains(msg, text) }; {
	case has("unexpected end of stream") && strings.Contains(load.ContextMsg, "quoted"):
		at, msg = load.ContextMark, "the quote that opens here is never closed"
	case has("expected ',' or"):
		msg = fmt.Sprintf("the bracket that opens here has no end, or a comma is missing at line %d", p.within(at, chunk).Line)
		at = load.ContextMark
	case has("expected node content"):
		msg = "a value is missing here, or a bracket above it is not closed; add the value or the bracket"
	case has("cannot start any token"):
		msg = cannotStart(chunk, at)
	case has("tab character"):
		msg = "a tab; indent with spaces"
	case has("mapping values are not allowed"):
		msg = "a second colon, or a key indented more than those above; quote a value that contains a colon and a space"
	case has("expected key"), has("expected '-' indicator"):
		msg = fmt.Sprintf("does not belong to the lines from %d on; indent it like those, or quote the whole value", p.pos(load.ContextMark.Line, 1).Line)
	case has("could not find expected ':'"):
		at, msg = load.ContextMark, "not a key and a value; add a colon, or indent the line to make it part of the value above"
	case has("unknown anchor"):
		p.errs.Add(p.pos(at.Line, at.Column), "", "aliases are not supported; repeat the value")
		return
	case has("<document start>"):
		msg = "text after the end of the value; quote the whole value, or write --- before another document"
	case load.ContextMsg != "":
		msg += " " + load.ContextMsg
	}
	p.errs.Add(p.within(at, chunk), "", "not YAML: %s", oneLine(msg))
}

// within is the place of a mark, or the end of the chunk where the mark is a line
// further: the library takes the end for a line of its own.
func (p *parser) within(m yaml.Mark, chunk []byte) Pos {
	last := 1 + bytes.Count(chunk, []byte("\n"))
	if m.Line <= last {
		return p.pos(m.Line, m.Column)
	}
	return p.pos(last, 1+utf8.RuneCount(chunk[bytes.LastIndexByte(chunk, '\n')+1:]))
}

// cannotStart says why no value can start with the character at m.
func cannotStart(chunk []byte, m yaml.Mark) string {
	for range m.Line - 1 {
		_, chunk, _ = bytes.Cut(chunk, []byte("\n"))
	}
	line := []rune(string(chunk[:max(0, bytes.IndexByte(chunk, '\n'))]))
	if c := m.Column - 1; c >= 0 && c < len(line) && line[c] != '\t' {
		return fmt.Sprintf("no value can start with %c; quote it", line[c])
	}
	return "a tab; indent with spaces"
}

func oneLine(s string) string { return strings.Join(strings.Fields(s), " ") }

func (p *parser) node(y *yaml.Node) *Node { return p.nodeAt(y, 1) }

func (p *parser) nodeAt(y *yaml.Node, depth int) *Node {
	n := &Node{Pos: p.at(y)}
	switch {
	case depth > MaxDepth:
		p.fail(y, "nested more than %d levels deep; no configuration is, remove some", MaxDepth)
		return n
	case len(y.Content) > 2*MaxItems || y.Kind == yaml.SequenceNode && len(y.Content) > MaxItems:
		p.fail(y, "has more than %d entries; split it", MaxItems)
		return n
	case y.Kind == yaml.AliasNode:
		p.fail(y, "aliases are not supported; repeat the value")
		return n
	case y.Anchor != "":
		p.fail(y, "anchors are not supported; remove the name behind & and repeat the value where it is used")
	case y.Style&yaml.TaggedStyle != 0:
		p.fail(y, "tags are not supported; remove what starts with ! and quote the value if it is to be a string")
	}
	switch y.Kind {
	case yaml.ScalarNode:
		p.scalar(n, y)
	case yaml.SequenceNode:
		n.Kind = Sequence
		n.Items = make([]*Node, len(y.Content))
		for i, item := range y.Content {
			n.Items[i] = p.nodeAt(item, depth+1)
		}
	case yaml.MappingNode:
		n.Kind = Mapping
		p.fields(n, y, depth)
	}
	return n
}

func (p *parser) scalar(n *Node, y *yaml.Node) {
	n.Text = y.Value
	switch y.ShortTag() {
	case "!!null":
		n.Kind = Null
	case "!!bool":
		n.Kind = Bool
	case "!!int", "!!float":
		n.Kind = Number
	default: // strings, and dates and the like, which JSON does not know
		n.Kind = String
	}
	for _, r := range n.Text {
		if !Carries(r) {
			p.fail(y, "character %U cannot be carried to a pod; remove it", r)
			return
		}
	}
}

func (p *parser) fields(n *Node, y *yaml.Node, depth int) {
	n.Fields = make([]Field, 0, len(y.Content)/2)
	var seen map[string]*yaml.Node
	if len(y.Content) > 32 {
		seen = make(map[string]*yaml.Node, len(y.Content)/2)
	}
	for i := 0; i+1 < len(y.Content); i += 2 {
		key := y.Content[i]
		if !p.key(key) {
			continue
		}
		if first := firstOf(n, key, seen); first.IsValid() {
			p.fail(key, "key %q is given twice, first at line %d; remove one", key.Value, first.Line)
			continue
		}
		if seen != nil {
			seen[key.Value] = key
		}
		n.Fields = append(n.Fields, Field{
			Key:   key.Value,
			Value: p.nodeAt(y.Content[i+1], depth+1),
			Pos:   p.at(key),
		})
	}
}

// firstOf finds an earlier field of the same key; seen is its index where
// the mapping is large.
func firstOf(n *Node, key *yaml.Node, seen map[string]*yaml.Node) Pos {
	if seen != nil && seen[key.Value] == nil {
		return Pos{}
	}
	for _, f := range n.Fields {
		if f.Key == key.Value {
			return f.Pos
		}
	}
	return Pos{}
}

// key checks that a key is a plain string.
func (p *parser) key(y *yaml.Node) bool {
	switch {
	case y.Kind == yaml.AliasNode || y.Anchor != "":
		p.fail(y, "anchors and aliases are not supported; write the key out")
	case y.Kind != yaml.ScalarNode:
		p.fail(y, "a key is a list or a mapping; write a string")
	case y.ShortTag() == "!!merge":
		p.fail(y, "merge keys are not supported; repeat the fields, or put them into a template")
	case y.Style&yaml.TaggedStyle != 0:
		p.fail(y, "tags are not supported; remove what starts with !")
	case y.Value == "":
		p.fail(y, "a key is empty; write a name before the colon")
	case y.ShortTag() != "!!str" && y.ShortTag() != "!!timestamp":
		p.fail(y, "the key %s is not a string; write %q", y.Value, y.Value)
	case strings.ContainsFunc(y.Value, func(r rune) bool { return !Carries(r) || r < ' ' }):
		p.fail(y, "the key %q has a control character; remove it", y.Value)
	default:
		return true
	}
	return false
}
