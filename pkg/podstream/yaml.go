package podstream

import (
	"bufio"
	"bytes"
	"errors"
	"io"
	"regexp"
	"strconv"

	"github.com/go-json-experiment/json/jsontext"
	"sigs.k8s.io/yaml"
)

// maxYAML is the size of the largest object taken in YAML. A YAML parser takes
// some hundred bytes of memory for a byte of text, so it is less than in JSON.
const maxYAML = 2 << 20

var errTooLargeYAML = errors.New("an object is larger than 2 MiB; print lists with items: at the margin, or as JSON")

// yamlReader cuts YAML into objects by its lines, since no YAML parser reads a
// list without holding all of it: a list is cut at the dashes of its items, if
// items: stands at the margin, where kubectl and everybody else writes it.
type yamlReader struct {
	lines  *bufio.Reader
	long   []byte // a line longer than the buffer of lines
	number int    // of the line read last, from one
	offset int64  // of the end of it

	document chunk
	list     items
	item     chunk // of the list

	json decoder // for what the chunks become
	any  bool    // there was an object
}

// chunk is the text of one object.
type chunk struct {
	text   bytes.Buffer
	line   int   // the first, from one
	column int   // where the object starts in it, from one
	offset int64 // of the first line
}

// items says where in a list of a document the lines are.
type items struct {
	where  where
	indent int    // of the dashes
	kind   string // of items that name none
}

type where int

const (
	outside where = iota // of any list
	heading              // right after items:
	inside
	behind // the list of this document has ended
)

// readYAML yields the Pods of all documents.
func readYAML(src *source, yield func(Object, error) bool) error {
	return newYAMLReader(src, yield).read(src)
}

func newYAMLReader(text io.Reader, yield func(Object, error) bool) *yamlReader {
	texts := newSource(nil)
	return &yamlReader{
		lines: bufio.NewReaderSize(text, blockSize),
		json:  decoder{walker: walker{jsontext.NewDecoder(texts), newInterner()}, src: texts, yield: yield},
	}
}

// read yields the Pods of the lines, which come out of src.
func (r *yamlReader) read(src *source) error {
	for {
		src.allow(r.offset)
		line, err := r.readLine()
		if err != nil && err != io.EOF {
			return err
		}
		if len(line) > 0 {
			if err := r.take(line); err != nil {
				return err
			}
		}
		r.offset += int64(len(line))
		if err == io.EOF {
			return r.end()
		}
	}
}

// end yields what is left. Kubectl prints the kind of a list behind its items: if
// it is missing, the text was cut off, and nobody knows what of the last item.
func (r *yamlReader) end() error {
	if r.cut() {
		return r.broken(io.ErrUnexpectedEOF)
	}
	if err := r.endDocument(); err != nil {
		return err
	}
	if !r.any {
		return ErrNothing
	}
	return nil
}

// cut reports whether the document is a list that has not said its kind, though
// there is room for it.
func (r *yamlReader) cut() bool {
	text := r.document.text.Bytes()
	var head map[string]any
	if bytes.HasPrefix(bytes.TrimSpace(text), []byte("{")) || yaml.Unmarshal(text, &head) != nil {
		return false
	}
	_, list := head["items"]
	return list && head["kind"] == nil
}

// readLine returns the next line with its end, which is good until the next
// call.
func (r *yamlReader) readLine() ([]byte, error) {
	r.number++
	line, err := r.lines.ReadSlice('\n')
	if err != bufio.ErrBufferFull {
		return line, err
	}
	r.long = append(r.long[:0], line...)
	for err == bufio.ErrBufferFull {
		if len(r.long) > maxYAML {
			return nil, r.broken(errTooLargeYAML)
		}
		line, err = r.lines.ReadSlice('\n')
		r.long = append(r.long, line...)
	}
	return r.long, err
}

// take puts a line where it belongs.
func (r *yamlReader) take(line []byte) error {
	body := bytes.TrimLeft(line, " ")
	indent := len(line) - len(body)
	switch {
	case isMarker(line, "..."):
		return r.endDocument()
	case isMarker(line, "---"):
		if err := r.endDocument(); err != nil {
			return err
		}
		return r.add(&r.document, append([]byte("   "), line[3:]...), 0)
	case line[0] == '%' && r.document.text.Len() == 0:
		return nil // a directive, such as %YAML 1.2
	case r.list.where == outside && isItems(line):
		r.list = items{where: heading, kind: itemKind(r.kind())}
		return r.add(&r.document, []byte("items: []\n"), 0) // in their stead
	case r.list.where == heading || r.list.where == inside:
		return r.takeInList(line, body, indent)
	}
	return r.add(&r.document, line, indent)
}

// takeInList is take for a line behind items:.
func (r *yamlReader) takeInList(line, body []byte, indent int) error {
	dash := isMarker(body, "-")
	first := r.list.where == heading
	switch {
	case len(bytes.TrimSpace(body)) == 0 || body[0] == '#':
		return r.add(&r.item, line, indent)
	case dash && (first || indent == r.list.indent):
		if err := r.endItem(); err != nil {
			return err
		}
		r.list.where, r.list.indent = inside, indent
		line = bytes.Clone(line)
		line[indent] = ' '
		return r.add(&r.item, line, indent+2)
	case !first && indent > r.list.indent:
		return r.add(&r.item, line, indent)
	}
	if err := r.endItem(); err != nil {
		return err
	}
	r.list.where = behind
	if first { // no list of this style: the parser will see
		r.document.text.Truncate(r.document.text.Len() - len(" []\n"))
		r.document.text.WriteByte('\n')
	}
	return r.add(&r.document, line, indent)
}

// add appends a line to c.
func (r *yamlReader) add(c *chunk, line []byte, indent int) error {
	if c.text.Len()+len(line) > maxYAML {
		return r.broken(errTooLargeYAML)
	}
	if c.text.Len() == 0 {
		c.line, c.column, c.offset = r.number, indent+1, r.offset
	}
	c.text.Write(line)
	return nil
}

// endItem yields what the lines of the item are.
func (r *yamlReader) endItem() error {
	if r.list.where != inside {
		r.item.text.Reset()
		return nil
	}
	return r.convert(&r.item, r.list.kind, false)
}

// endDocument yields what is left of the document, which is all of it if it
// has no list.
func (r *yamlReader) endDocument() error {
	if err := r.endItem(); err != nil {
		return err
	}
	r.list = items{}
	return r.convert(&r.document, "", true)
}

// convert yields the Pods in a chunk and empties it.
func (r *yamlReader) convert(c *chunk, kind string, mayBeEmpty bool) error {
	defer c.text.Reset()
	text, err := yaml.YAMLToJSON(c.text.Bytes())
	switch {
	case err != nil:
		return c.broken(err)
	case mayBeEmpty && isBlank(c.text.Bytes()):
		return nil
	}
	r.any = true
	r.json.src.reset(bytes.NewReader(text))
	r.json.src.line, r.json.src.column = c.line, c.column
	r.json.Reset(r.json.src, jsontext.AllowDuplicateNames(true))
	if err := r.json.value(kind); err != nil {
		if err == errStopped {
			return err
		}
		return r.json.located(err)
	}
	return nil
}

// kind is that of the document, as far as it is known.
func (r *yamlReader) kind() string {
	var head struct{ Kind string }
	if err := yaml.Unmarshal(r.document.text.Bytes(), &head); err != nil {
		return "" // the end of the document will tell
	}
	return head.Kind
}

func (r *yamlReader) broken(err error) error {
	return &SyntaxError{Offset: r.offset, Line: r.number, Column: 1, Err: err}
}

// yamlLine finds the line in an error of the YAML parser, which has no type.
var yamlLine = regexp.MustCompile(`line (\d+): (.*)`)

// broken says where in the whole text an error of the parser is.
func (c *chunk) broken(err error) error {
	e := &SyntaxError{Offset: c.offset, Line: c.line, Column: 1, Err: err}
	m := yamlLine.FindStringSubmatch(err.Error())
	if m == nil {
		return e
	}
	e.Err = errors.New(m[2])
	n, _ := strconv.Atoi(m[1])
	for line := range bytes.Lines(c.text.Bytes()) {
		if n--; n <= 0 {
			break
		}
		e.Line++
		e.Offset += int64(len(line))
	}
	return e
}

// isMarker reports whether line begins with a marker, which is a word by itself.
func isMarker(line []byte, marker string) bool {
	rest, ok := bytes.CutPrefix(line, []byte(marker))
	return ok && (len(rest) == 0 || bytes.IndexByte([]byte(" \t\r\n"), rest[0]) >= 0)
}

// isItems reports whether line opens a list of items below it.
func isItems(line []byte) bool {
	rest, ok := bytes.CutPrefix(line, []byte("items:"))
	rest = bytes.TrimSpace(rest)
	return ok && (len(rest) == 0 || rest[0] == '#')
}

// isBlank reports whether a document has nothing but comments.
func isBlank(text []byte) bool {
	for line := range bytes.Lines(text) {
		if line = bytes.TrimSpace(line); len(line) > 0 && line[0] != '#' {
			return false
		}
	}
	return true
}
