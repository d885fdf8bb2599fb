package manifest

import (
	"encoding/json"
	"strconv"
	"strings"
	"unicode/utf8"
)

// Append adds n to dst as one YAML document, byte for byte what Marshal of
// sigs.k8s.io/yaml v1.6.0 prints for the same value, without a leading "---".
// Fields may stand in any order; they are printed sorted, and n is not changed.
//
// It refuses what Marshal refuses or does not bring through: the control
// characters from U+007F to U+009F, U+FFFE, U+FFFF, text that is not UTF-8, the
// key "<<", a key twice, keys of more than 1022 characters, numbers out of
// range and more than 10,000 levels. The error is an Errors with the place of
// each such value, and dst comes back as it was.
func Append(dst []byte, n *Node) ([]byte, error) {
	e := encoder{dst: dst, line: len(dst), fresh: true, path: make([]step, 0, 16)}
	e.value(n, 0, atRoot)
	if !e.fresh {
		e.dst = append(e.dst, '\n')
	}
	if err := e.errs.Err(); err != nil {
		return dst, err
	}
	return e.dst, nil
}

const (
	foldWidth = 80     // best_width of the emitter: a line folds at the first space past it
	simpleKey = 128    // yaml_emitter_check_simple_key: a longer key stands after a "?"
	keyLimit  = 1024   // yaml_simple_key_is_valid: of a key in the JSON that Marshal reads
	maxDepth  = 10_000 // max_flow_level for that JSON
)

// encoder does what the emitter of go.yaml.in/yaml/v2 does when sigs.k8s.io/yaml
// calls it: block style, two spaces, lists not indented below their key.
type encoder struct {
	dst    []byte
	line   int      // where the line begins in dst
	fresh  bool     // nothing stands on the line
	sorted []*Field // of the mappings around the line, where their own order is another
	path   []step
	errs   Errors
}

// spot is what stands on the line before a value.
type spot uint8

const (
	atRoot   spot = iota
	afterKey      // "key:"; a mapping or list begins on the next line
	inline        // "-", "?" or ":"; it begins on the same line
)

// value writes n below the block that is indented by indent.
func (e *encoder) value(n *Node, indent int, at spot) {
	if n == nil {
		n = &Node{}
	}
	switch {
	case n.Kind == Mapping && len(n.Fields) > 0:
		if at != atRoot {
			indent += 2
		}
		e.mapping(n, indent, at)
	case n.Kind == Sequence && len(n.Items) > 0:
		if at == inline {
			indent += 2
		}
		e.sequence(n, indent, at)
	default:
		if at != atRoot {
			e.put(" ")
		}
		e.fresh = false
		e.flow(n, indent+2)
	}
}

// flow writes what is not a block; lines that continue it are indented by
// indent.
func (e *encoder) flow(n *Node, indent int) {
	switch n.Kind {
	case Null:
		e.put("null")
	case Bool:
		if n.Text != "true" && n.Text != "false" {
			e.fail(n.Pos, "%q is neither true nor false", n.Text)
		}
		e.put(n.Text)
	case Number:
		e.number(n)
	case String:
		e.string(n.Text, n.Pos, indent, true)
	case Sequence:
		e.put("[]")
	case Mapping:
		e.put("{}")
	}
}

func (e *encoder) mapping(n *Node, indent int, at spot) {
	if e.tooDeep(n) {
		return
	}
	mark, last := len(e.sorted), len(e.path)
	e.sorted = appendSorted(e.sorted, n.Fields)
	sorted := e.sorted[mark:]
	e.path = append(e.path, step{})
	for i := range n.Fields {
		f := &n.Fields[i]
		if len(sorted) > 0 {
			f = sorted[i]
		}
		if i > 0 && f.Key == e.path[last].key {
			e.fail(f.Pos, "is there twice")
		}
		e.path[last].key = f.Key
		e.begin(indent, at, i == 0)
		e.value(f.Value, indent, e.key(f, indent))
	}
	e.sorted, e.path = e.sorted[:mark], e.path[:last]
}

func (e *encoder) sequence(n *Node, indent int, at spot) {
	if e.tooDeep(n) {
		return
	}
	last := len(e.path)
	e.path = append(e.path, step{item: true})
	for i, item := range n.Items {
		e.path[last].index = i
		e.begin(indent, at, i == 0)
		e.put("-")
		e.value(item, indent, inline)
	}
	e.path = e.path[:last]
}

// begin goes to where a field or item of a block begins.
func (e *encoder) begin(indent int, at spot, first bool) {
	if first && at == inline {
		e.put(" ")
		return
	}
	e.newline(indent)
}

// key writes the key of f and says where that leaves its value.
func (e *encoder) key(f *Field, indent int) spot {
	s := f.Key
	switch {
	case len(s) <= simpleKey && easy(s):
		e.put(s)
	case s == "<<":
		e.fail(f.Pos, "is a key that merges when YAML is read")
	case len(s) > keyLimit/6-2 && jsonLen(s) > keyLimit: // JSON takes up to six characters for one
		e.fail(f.Pos, "is a key of more than %d characters", keyLimit-2)
	case len(s) > simpleKey || strings.IndexFunc(s, isLineEnd) >= 0:
		e.put("? ")
		e.string(s, f.Pos, indent+2, true)
		e.newline(indent)
		e.put(":")
		return inline
	default:
		e.string(s, f.Pos, indent+2, false)
	}
	e.put(":")
	return afterKey
}

// isLineEnd is is_break of the emitter, without NEL, which is refused.
func isLineEnd(r rune) bool { return r == '\r' || isBreak(r) }

// jsonLen counts the characters of s as encoding/json writes it.
func jsonLen(s string) int {
	quoted, err := json.Marshal(s)
	if err != nil {
		return len(s)
	}
	return utf8.RuneCount(quoted)
}

// number writes a JSON number as sigs.k8s.io/yaml does, which reads it as an
// integer where it fits 64 bits, and as a float64 else.
func (e *encoder) number(n *Node) {
	s, mark := n.Text, len(e.dst)
	i, err := strconv.ParseInt(s, 10, 64)
	if err == nil {
		e.dst = strconv.AppendInt(e.dst, i, 10)
	}
	switch {
	case err == nil && string(e.dst[mark:]) == s: // nearly always
	case !isJSONNumber(s):
		e.fail(n.Pos, "%q is not a number as JSON has it", s)
	case err != nil:
		e.bigNumber(n)
	}
}

func (e *encoder) bigNumber(n *Node) {
	if u, err := strconv.ParseUint(n.Text, 10, 64); err == nil {
		e.dst = strconv.AppendUint(e.dst, u, 10)
		return
	}
	f, err := strconv.ParseFloat(n.Text, 64)
	if err != nil {
		e.fail(n.Pos, "%s is out of the range of a number", n.Text)
	}
	e.dst = strconv.AppendFloat(e.dst, f, 'g', -1, 64)
}

func isJSONNumber(s string) bool {
	digits := strings.TrimPrefix(s, "-")
	return digits != "" && isDigit(digits[0]) && isDigit(s[len(s)-1]) && json.Valid([]byte(s))
}

// string writes s with lines that continue it indented by indent.
func (e *encoder) string(s string, pos Pos, indent int, fold bool) {
	if easy(s) {
		e.put(s)
		return
	}
	if what := unwritable(s); what != "" {
		e.fail(pos, "has %s, which YAML does not carry", what)
		return
	}
	switch styleOf(s) {
	case plain:
		e.words(s, indent, fold, false)
	case single:
		e.put("'")
		e.words(s, indent, fold, true)
		e.put("'")
	case double:
		e.put(`"`)
		e.escaped(s, indent, fold)
		e.put(`"`)
	case literal:
		e.literal(s, indent)
	}
}

// words writes the text of a plain or single quoted scalar. It breaks the line
// at the first lone space past foldWidth, but not at the ends of the text.
func (e *encoder) words(s string, indent int, fold, quoted bool) {
	if fold {
		fold = len(e.dst)-e.line+2*len(s) > foldWidth
	}
	if !fold && !quoted {
		e.put(s)
		return
	}
	column := e.column()
	for i := 0; i < len(s); {
		if s[i] != ' ' {
			end := i + wordLen(s[i:])
			column = e.word(s[i:end], indent, column, quoted)
			i = end
			continue
		}
		end := i
		for end < len(s) && s[end] == ' ' {
			end++
		}
		if fold && column > foldWidth && end == i+1 && i > 0 && end < len(s) {
			e.newline(indent)
			column = indent
		} else {
			e.put(s[i:end])
			column += end - i
		}
		i = end
	}
}

func wordLen(s string) int {
	if i := strings.IndexByte(s, ' '); i >= 0 {
		return i
	}
	return len(s)
}

// word writes a piece without spaces and returns the column after it.
func (e *encoder) word(s string, indent, column int, quoted bool) int {
	if !quoted || strings.IndexByte(s, '\'') < 0 && !strings.Contains(s, "\xe2\x80") {
		e.put(s)
		return column + utf8.RuneCountInString(s)
	}
	afterBreak := false
	for _, r := range s {
		if afterBreak && !isBreak(r) {
			e.pad(indent)
			column = indent
		}
		if r == '\'' {
			e.put("'")
			column++
		}
		e.dst = utf8.AppendRune(e.dst, r)
		column++
		if afterBreak = isBreak(r); afterBreak {
			column = 0
		}
	}
	return column
}

// escaped writes the text of a double quoted scalar. It folds where words
// does, and at the first of several spaces too.
func (e *encoder) escaped(s string, indent int, fold bool) {
	column := e.column()
	all := strings.HasPrefix(s, bom) // is_bom of the emitter looks at the start of the string, always
	afterSpace := false
	for i, r := range s {
		switch {
		case all || !isPrintable(r) || isBreak(r) || r == '"' || r == '\\':
			mark := len(e.dst)
			e.dst = appendEscape(e.dst, r)
			column += len(e.dst) - mark
			afterSpace = false
		case r == ' ' && fold && !afterSpace && column > foldWidth && i > 0 && i < len(s)-1:
			e.newline(indent)
			column = indent
			if s[i+1] == ' ' {
				e.put(`\`)
				column++
			}
			afterSpace = true
		default:
			e.dst = utf8.AppendRune(e.dst, r)
			column++
			afterSpace = r == ' '
		}
	}
}

func appendEscape(dst []byte, r rune) []byte {
	const (
		short   = "\x00\a\b\t\n\v\f\r\x1b\"\\"
		letters = "0abtnvfre\"\\"
		hex     = "0123456789ABCDEF"
	)
	digits := 2
	switch {
	case r < utf8.RuneSelf && strings.IndexByte(short, byte(r)) >= 0:
		return append(dst, '\\', letters[strings.IndexByte(short, byte(r))])
	case r == '\u00a0':
		return append(dst, `\_`...)
	case r == '\u2028':
		return append(dst, `\L`...)
	case r == '\u2029':
		return append(dst, `\P`...)
	case r <= 0xff:
		dst = append(dst, `\x`...)
	case r <= 0xffff:
		digits = 4
		dst = append(dst, `\u`...)
	default:
		digits = 8
		dst = append(dst, `\U`...)
	}
	for digits--; digits >= 0; digits-- {
		dst = append(dst, hex[r>>(4*digits)&0xf])
	}
	return dst
}

// literal writes s after a "|", line by line; no line is folded.
func (e *encoder) literal(s string, indent int) {
	e.put("|")
	if first, _ := utf8.DecodeRuneInString(s); first == ' ' || isBreak(first) {
		e.put("2")
	}
	e.put(chomping(s))
	e.dst = append(e.dst, '\n')
	for s != "" {
		line, lineBreak, rest := cutBreak(s)
		if line != "" {
			e.pad(indent)
			e.put(line)
		}
		e.put(lineBreak)
		e.fresh = lineBreak != ""
		s = rest
	}
}

// chomping says how many breaks s ends with: none, one, or more.
func chomping(s string) string {
	last, size := utf8.DecodeLastRuneInString(s)
	if !isBreak(last) {
		return "-"
	}
	before, _ := utf8.DecodeLastRuneInString(s[:len(s)-size])
	if len(s) == size || isBreak(before) {
		return "+"
	}
	return ""
}

// cutBreak cuts s around its first line break.
func cutBreak(s string) (line, lineBreak, rest string) {
	line = s
	if i := strings.IndexByte(s, '\n'); i >= 0 {
		line, lineBreak, rest = s[:i], s[i:i+1], s[i+1:]
	}
	if i := strings.IndexAny(line, "\u2028\u2029"); i >= 0 {
		const size = len("\u2028")
		line, lineBreak, rest = s[:i], s[i:i+size], s[i+size:]
	}
	return line, lineBreak, rest
}

// newline begins a line. After a literal that ends with a break it is begun
// already.
func (e *encoder) newline(indent int) {
	if !e.fresh {
		e.dst = append(e.dst, '\n')
	}
	e.line, e.fresh = len(e.dst), false
	e.pad(indent)
}

func (e *encoder) pad(indent int) {
	const spaces = "                                "
	for ; indent > len(spaces); indent -= len(spaces) {
		e.put(spaces)
	}
	e.put(spaces[:max(indent, 0)])
}

func (e *encoder) put(s string) { e.dst = append(e.dst, s...) }

// column counts the characters on the line.
func (e *encoder) column() int { return utf8.RuneCount(e.dst[e.line:]) }

// tooDeep reports whether a block inside the path has too many around it.
func (e *encoder) tooDeep(n *Node) bool {
	if len(e.path) < maxDepth {
		return false
	}
	e.fail(n.Pos, "is more than %d levels deep", maxDepth)
	return true
}

func (e *encoder) fail(p Pos, format string, args ...any) {
	e.errs.Add(p, pathOf(e.path), format, args...)
}

// step is one step of the path to a value.
type step struct {
	key   string
	index int
	item  bool // of a list: index counts
}

func pathOf(steps []step) (path string) {
	for _, s := range steps {
		if s.item {
			path = Index(path, s.index)
		} else {
			path = Child(path, s.key)
		}
	}
	return path
}
