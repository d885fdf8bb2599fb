package diff

import (
	"strings"
	"unicode/utf8"

	yaml "go.yaml.in/yaml/v4"

	"github.com/scion-gen/scion-gen/pkg/manifest"
)

// quickParse reads the YAML that programs write: block style with plain,
// quoted and literal scalars, as kustomize, kubectl and render print it. It is
// some twenty times as fast as the YAML library, which reads what is left: ok
// is false for anything else, mistakes too, and where there is the least doubt.
//
// TestQuick and FuzzQuick hold it to what the library reads.
func quickParse(doc string, line int, source *manifest.Source, a *arena) (root *manifest.Node, ok bool) {
	if !plainText(doc) {
		return nil, false
	}
	q := quick{doc: doc, line: line, source: source, arena: a}
	if strings.HasPrefix(doc, "---") {
		if len(doc) < 4 || doc[3] != '\n' {
			return nil, false
		}
		q.next = 4
		q.line++
	}
	q.advance()
	root = q.block(q.indent, 1)
	return root, !q.failed && q.at < 0
}

// quickRef finds the object of a document that it need not read: ok is false
// unless the lines that name it stand as programs write them.
func quickRef(doc string) (ref Ref, ok bool) {
	var apiVersion string
	in, field := "", ""
	for line := range strings.Lines(doc) {
		line = strings.TrimSuffix(line, "\n")
		switch {
		case line == "" || line == "---" || line[0] == '#':
			continue
		case line[0] == ' ' && in != "apiVersion" && in != "kind" && in != "metadata":
			continue
		case line[0] == ' ':
			text := strings.TrimLeft(line, " ")
			switch {
			case in != "metadata" || len(line)-len(text) < 2:
				return ref, false // what goes on over several lines
			case len(line)-len(text) > 2:
				if field == "name" || field == "namespace" {
					return ref, false
				}
			default:
				var value string
				field, value, _ = strings.Cut(text, ": ")
				switch field {
				case "name":
					ref.Name = value
				case "namespace":
					ref.Namespace = value
				}
			}
			continue
		case line[0] == '-' && in != "" && in != "metadata":
			continue
		}
		key, value, found := strings.Cut(line, ":")
		if !found || key == "" || !letter(key[0]) {
			return ref, false
		}
		in = key
		value = strings.TrimPrefix(value, " ")
		switch key {
		case "apiVersion":
			apiVersion = value
		case "kind":
			ref.Kind = value
		case "metadata":
			if value != "" {
				return ref, false
			}
		}
	}
	if !simple(ref.Kind) || !simple(apiVersion) || !simple(ref.Name) || ref.Namespace != "" && !simple(ref.Namespace) || strings.HasSuffix(ref.Kind, "List") {
		return ref, false
	}
	ref.Group, ref.Version = splitVersion(strings.Clone(apiVersion))
	ref.Kind, ref.Name, ref.Namespace = strings.Clone(ref.Kind), strings.Clone(ref.Name), strings.Clone(ref.Namespace)
	return ref, true
}

// simple reports whether a value is surely the string that it is written as.
func simple(s string) bool {
	if s == "" || !letter(s[0]) || word(s) != manifest.String {
		return false
	}
	for i := range len(s) {
		if c := s[i]; !letter(c) && (c < '0' || c > '9') && c != '-' && c != '.' && c != '/' {
			return false
		}
	}
	return true
}

// plainText reports whether a document has none of the characters that need a
// closer look: tabs, carriage returns, control characters, other line breaks.
func plainText(doc string) bool {
	ascii := true
	for i := range len(doc) {
		c := doc[i]
		if c < ' ' && c != '\n' || c == 0x7f {
			return false
		}
		ascii = ascii && c < utf8.RuneSelf
	}
	if ascii {
		return true
	}
	for _, r := range doc {
		if r == utf8.RuneError || !manifest.Carries(r) || r == '\u2028' || r == '\u2029' {
			return false
		}
	}
	return true
}

// arena makes nodes in slabs.
type arena struct {
	nodes  []manifest.Node
	fields []manifest.Field
	items  []*manifest.Node
	// pending are the fields and items of mappings and lists that are not
	// read to their end.
	pendingFields []manifest.Field
	pendingItems  []*manifest.Node
}

const slab = 512

func (a *arena) node() *manifest.Node {
	if len(a.nodes) == cap(a.nodes) {
		a.nodes = make([]manifest.Node, 0, max(slab, 2*cap(a.nodes)))
	}
	a.nodes = append(a.nodes, manifest.Node{})
	return &a.nodes[len(a.nodes)-1]
}

// reset forgets all nodes: their memory is used again. What is to be kept must
// have been copied.
func (a *arena) reset() {
	a.nodes, a.fields, a.items = a.nodes[:0], a.fields[:0], a.items[:0]
	a.pendingFields, a.pendingItems = a.pendingFields[:0], a.pendingItems[:0]
}

// takeFields are the pending fields from mark on, in memory of their own.
func (a *arena) takeFields(mark int) []manifest.Field {
	from := a.pendingFields[mark:]
	if len(a.fields)+len(from) > cap(a.fields) {
		a.fields = make([]manifest.Field, 0, max(slab, 2*cap(a.fields), len(from)))
	}
	start := len(a.fields)
	a.fields = append(a.fields, from...)
	a.pendingFields = a.pendingFields[:mark]
	return a.fields[start:len(a.fields):len(a.fields)]
}

func (a *arena) takeItems(mark int) []*manifest.Node {
	from := a.pendingItems[mark:]
	if len(a.items)+len(from) > cap(a.items) {
		a.items = make([]*manifest.Node, 0, max(slab, 2*cap(a.items), len(from)))
	}
	start := len(a.items)
	a.items = append(a.items, from...)
	a.pendingItems = a.pendingItems[:mark]
	return a.items[start:len(a.items):len(a.items)]
}

// quick reads one document line by line.
type quick struct {
	*arena
	doc    string
	source *manifest.Source
	failed bool
	// The line that is read next: where its text starts, -1 after the last,
	// where it ends, how far it is indented, and its number; next is where the
	// line after it starts.
	at, end, indent, next int
	line                  int
	start                 int // of the line itself
}

// advance goes to the next line that is not blank or a comment.
func (q *quick) advance() {
	for q.next < len(q.doc) {
		start := q.next
		length := strings.IndexByte(q.doc[start:], '\n')
		if length < 0 {
			length = len(q.doc) - start
		}
		q.line++
		q.next = start + length + 1
		i := start
		for i < start+length && q.doc[i] == ' ' {
			i++
		}
		if i == start+length || q.doc[i] == '#' {
			continue
		}
		q.start, q.at, q.end, q.indent = start, i, start+length, i-start
		if q.indent == 0 && (q.doc[i] == '%' || strings.HasPrefix(q.doc[i:q.end], "...") || strings.HasPrefix(q.doc[i:q.end], "---")) {
			q.fail()
		}
		return
	}
	q.at = -1
}

func (q *quick) fail() *manifest.Node {
	q.failed, q.at = true, -1
	return nil
}

// pos is a place on the current line, whose number advance counted up.
func (q *quick) pos(at int) manifest.Pos {
	return manifest.Pos{Source: q.source, Line: int32(q.line - 1), Column: int32(at - q.start + 1)}
}

// block reads the mapping or list whose lines are indented by indent.
func (q *quick) block(indent, depth int) *manifest.Node {
	switch {
	case q.at < 0 || depth > maxDepth:
		return q.fail()
	case q.isItem():
		return q.sequence(indent, depth)
	}
	return q.mapping(indent, depth)
}

func (q *quick) isItem() bool {
	return q.doc[q.at] == '-' && (q.at+1 == q.end || q.doc[q.at+1] == ' ')
}

func (q *quick) sequence(indent, depth int) *manifest.Node {
	n := q.node()
	n.Kind, n.Pos = manifest.Sequence, q.pos(q.at)
	mark := len(q.pendingItems)
	for q.at >= 0 && q.indent == indent && q.isItem() {
		item := q.item(indent, depth)
		if item == nil {
			return q.fail()
		}
		q.pendingItems = append(q.pendingItems, item)
	}
	if q.at >= 0 && q.indent > indent {
		return q.fail()
	}
	n.Items = q.takeItems(mark)
	return n
}

// item reads one item of a list, whose dash is at indent.
func (q *quick) item(indent, depth int) *manifest.Node {
	if q.at+1 == q.end { // the value is on the next line
		return q.fail()
	}
	value := q.at + 2
	if value >= q.end || q.doc[value] == ' ' {
		return q.fail()
	}
	if colon := q.key(value); colon > 0 {
		q.at, q.indent = value, indent+2
		return q.mapping(indent+2, depth+1)
	}
	if q.doc[value] == '-' && (value+1 == q.end || q.doc[value+1] == ' ') {
		return q.fail()
	}
	return q.scalar(value, indent)
}

// key is where the colon of a key stands that starts at from, 0 if there is
// none. Keys that are quoted, or could be read as anything but a string, are
// none here.
func (q *quick) key(from int) int {
	c := q.doc[from]
	digit := c >= '0' && c <= '9' // as in the keys of files that are in order
	if !letter(c) && !digit && c != '_' && c != '.' && c != '/' {
		return 0
	}
	for i := from + 1; i < q.end; i++ {
		switch c := q.doc[i]; {
		case letter(c) || c >= '0' && c <= '9' || c == '_' || c == '-' || c == '.' || c == '/':
		case c == ':' && (i+1 == q.end || q.doc[i+1] == ' '):
			if digit && !neverNumber(q.doc[from:i]) {
				return 0
			}
			return i
		default:
			return 0
		}
	}
	return 0
}

func letter(c byte) bool { return c|0x20 >= 'a' && c|0x20 <= 'z' }

func (q *quick) mapping(indent, depth int) *manifest.Node {
	if depth > maxDepth {
		return q.fail()
	}
	n := q.node()
	n.Kind, n.Pos = manifest.Mapping, q.pos(q.at)
	mark := len(q.pendingFields)
	for q.at >= 0 && q.indent == indent {
		colon := q.key(q.at)
		if colon == 0 {
			return q.fail()
		}
		key, pos := q.doc[q.at:colon], q.pos(q.at)
		value := q.value(colon, indent, depth)
		if value == nil || word(key) == manifest.Null || len(q.pendingFields)-mark >= 100 || hasField(q.pendingFields[mark:], key) {
			return q.fail()
		}
		q.pendingFields = append(q.pendingFields, manifest.Field{Key: key, Value: value, Pos: pos})
	}
	if q.at >= 0 && q.indent > indent {
		return q.fail()
	}
	n.Fields = q.takeFields(mark)
	return n
}

func hasField(fields []manifest.Field, key string) bool {
	for i := range fields {
		if fields[i].Key == key {
			return true
		}
	}
	return false
}

// value reads what stands behind the colon of a key at indent, or below it.
func (q *quick) value(colon, indent, depth int) *manifest.Node {
	at := colon + 1
	for at < q.end && q.doc[at] == ' ' {
		at++
	}
	if at < q.end {
		return q.scalar(at, indent)
	}
	q.advance()
	switch {
	case q.at < 0 || q.indent < indent || q.indent == indent && !q.isItem():
		return q.fail() // a null: where it stands is the library's to say
	case q.indent == indent:
		return q.sequence(indent, depth+1)
	}
	return q.block(q.indent, depth+1)
}

// scalar reads the value that starts at, and may go on below, further in than
// indent.
func (q *quick) scalar(at, indent int) *manifest.Node {
	n := q.node()
	n.Kind, n.Pos = manifest.String, q.pos(at)
	switch q.doc[at] {
	case '"', '\'':
		return q.quoted(n, at, indent)
	case '|':
		return q.literal(n, at, indent)
	case '{', '[':
		return q.empty(n, at)
	}
	return q.plain(n, at, indent)
}

// empty reads {} and [].
func (q *quick) empty(n *manifest.Node, at int) *manifest.Node {
	switch q.doc[at:q.end] {
	case "{}":
		n.Kind, n.Fields = manifest.Mapping, []manifest.Field{}
	case "[]":
		n.Kind, n.Items = manifest.Sequence, []*manifest.Node{}
	default:
		return q.fail()
	}
	q.advance()
	return n
}

func (q *quick) plain(n *manifest.Node, at, indent int) *manifest.Node {
	text := q.doc[at:q.end]
	if !plainStart(text) || !plainLine(text) {
		return q.fail()
	}
	last := q.next
	q.advance()
	if q.at < 0 || q.indent <= indent {
		n.Text = text
		n.Kind = plainKind(text)
		if n.Kind == manifest.Bool {
			n.Text = strings.ToLower(text)
		}
		return n
	}
	var out strings.Builder
	out.WriteString(text)
	for q.at >= 0 && q.indent > indent {
		more := q.doc[q.at:q.end]
		if q.start != last || !plainLine(more) { // a blank line or comment is between
			return q.fail()
		}
		out.WriteByte(' ')
		out.WriteString(more)
		last = q.next
		q.advance()
	}
	n.Text = out.String()
	return n
}

// plainStart: what a plain scalar surely starts with.
func plainStart(s string) bool {
	c := s[0]
	if (c == '-' || c == ':') && len(s) > 1 {
		c = s[1]
		return letter(c) || c == '-' || c == ':' || c == '/'
	}
	return letter(c) || c >= '0' && c <= '9' || c == '/' || c == '_' || c == '$' || c == '(' || c == '.' || c == '+' || c >= utf8.RuneSelf
}

// plainLine reports whether a line of a plain scalar is one to its end.
func plainLine(s string) bool {
	for i := range len(s) {
		if s[i] == ':' && (i+1 == len(s) || s[i+1] == ' ') || s[i] == '#' && i > 0 && s[i-1] == ' ' {
			return false
		}
	}
	return s[len(s)-1] != ' ' && s[0] != '#'
}

// plainKind is what a plain scalar of one line is.
func plainKind(s string) manifest.Kind {
	c := s[0]
	switch {
	case letter(c):
		return word(s)
	case c == '/' || c == '_' || c == ':' || c == '-' && !(s[1] >= '0' && s[1] <= '9') || c == '$' || c == '(' || c >= utf8.RuneSelf:
		return manifest.String
	}
	if len(s) < 10 {
		if number := digits(s); number {
			return manifest.Number
		}
	}
	if neverNumber(s) {
		return manifest.String
	}
	return askLibrary(s)
}

// word is a string, but for the few that are not.
func word(s string) manifest.Kind {
	switch s {
	case "true", "True", "TRUE", "false", "False", "FALSE":
		return manifest.Bool
	case "null", "Null", "NULL":
		return manifest.Null
	}
	return manifest.String
}

func digits(s string) bool {
	if s[0] == '0' && len(s) > 1 {
		return false
	}
	for i := range len(s) {
		if s[i] < '0' || s[i] > '9' {
			return false
		}
	}
	return true
}

// neverNumber: no number, time or word has one of these.
func neverNumber(s string) bool {
	return strings.ContainsAny(s, "/@%=,;!?()<>{}'\"|$&*ghjklmpqrsuvwyGHJKLMPQRSUVW") && !strings.HasPrefix(s, ".")
}

// askLibrary is the kind of a scalar that takes knowing all of YAML's numbers.
func askLibrary(s string) manifest.Kind {
	var doc yaml.Node
	if err := yaml.Load([]byte(s), &doc); err != nil || len(doc.Content) != 1 || doc.Content[0].Kind != yaml.ScalarNode {
		return manifest.String
	}
	switch doc.Content[0].ShortTag() {
	case "!!int", "!!float":
		return manifest.Number
	case "!!bool":
		return manifest.Bool
	case "!!null":
		return manifest.Null
	}
	return manifest.String
}

// quoted reads a scalar in quotes, on one line or folded over several.
func (q *quick) quoted(n *manifest.Node, at, indent int) *manifest.Node {
	quote := q.doc[at]
	close := closing(q.doc, at+1, quote)
	if close < 0 {
		return q.fail()
	}
	raw := q.doc[at+1 : close]
	if close < q.end {
		if close+1 != q.end {
			return q.fail()
		}
	} else if !q.skipTo(close, indent) {
		return q.fail()
	}
	text, ok := unfold(raw, quote)
	if !ok {
		return q.fail()
	}
	n.Text = text
	q.advance()
	return n
}

// closing is where a quote ends, -1 if it does not.
func closing(doc string, from int, quote byte) int {
	for i := from; i < len(doc); i++ {
		switch {
		case quote == '"' && doc[i] == '\\':
			i++
		case doc[i] == quote && quote == '\'' && i+1 < len(doc) && doc[i+1] == '\'':
			i++
		case doc[i] == quote:
			return i
		}
	}
	return -1
}

// skipTo goes to the line that ends just behind a closing quote; all lines up
// to it must be further in than indent, or blank.
func (q *quick) skipTo(close, indent int) bool {
	for q.next <= close {
		start := q.next
		length := strings.IndexByte(q.doc[start:], '\n')
		if length < 0 {
			length = len(q.doc) - start
		}
		i := start
		for i < start+length && q.doc[i] == ' ' {
			i++
		}
		if i < start+length && i-start <= indent {
			return false
		}
		q.line++
		q.next = start + length + 1
		q.end = start + length
	}
	return close+1 == q.end
}

// unfold is the text of what stands between quotes.
func unfold(raw string, quote byte) (string, bool) {
	if quote == '\'' {
		raw = strings.ReplaceAll(raw, "''", "'")
	}
	escaped := quote == '"' && strings.IndexByte(raw, '\\') >= 0
	if !escaped && strings.IndexByte(raw, '\n') < 0 {
		return raw, true
	}
	var out strings.Builder
	breaks, first := 0, true
	lines := strings.Split(raw, "\n")
	for i, l := range lines {
		if !first {
			l = strings.TrimLeft(l, " ")
		}
		joined := false
		if i < len(lines)-1 {
			trimmed := strings.TrimRight(l, " ")
			slashes := len(trimmed) - len(strings.TrimRight(trimmed, `\`))
			if quote == '"' && slashes%2 == 1 {
				if trimmed != l {
					return "", false // an escaped space
				}
				joined, trimmed = true, trimmed[:len(trimmed)-1]
			}
			l = trimmed
		}
		if !first {
			if l == "" && i < len(lines)-1 && !joined {
				breaks++
				continue
			}
			switch {
			case breaks > 0:
				out.WriteString(strings.Repeat("\n", breaks))
			default:
				out.WriteByte(' ')
			}
		}
		first, breaks = false, 0
		if !escaped {
			out.WriteString(l)
		} else if !unescape(&out, l) {
			return "", false
		}
		if joined {
			if i+1 < len(lines) && strings.TrimLeft(lines[i+1], " ") == "" {
				return "", false
			}
			first = true // no space stands for the break
			if i+1 < len(lines) {
				lines[i+1] = strings.TrimLeft(lines[i+1], " ")
			}
		}
	}
	return out.String(), true
}

// escapes of double quotes that programs write.
const escapes = `n` + "\n" + `t` + "\t" + `r` + "\r" + `"` + `"` + `\` + `\` + `/` + `/` + ` ` + ` `

func unescape(out *strings.Builder, s string) bool {
	for {
		slash := strings.IndexByte(s, '\\')
		if slash < 0 {
			out.WriteString(s)
			return true
		}
		out.WriteString(s[:slash])
		if slash+1 == len(s) {
			return false
		}
		known := false
		for i := 0; i < len(escapes); i += 2 {
			if escapes[i] == s[slash+1] {
				out.WriteByte(escapes[i+1])
				known = true
			}
		}
		if !known {
			return false
		}
		s = s[slash+2:]
	}
}

// literal reads a | scalar.
func (q *quick) literal(n *manifest.Node, at, indent int) *manifest.Node {
	chomp := q.doc[at+1 : q.end]
	if chomp != "" && chomp != "-" && chomp != "+" {
		return q.fail()
	}
	var out strings.Builder
	content, blank := -1, 0
	for q.next < len(q.doc) {
		start := q.next
		length := strings.IndexByte(q.doc[start:], '\n')
		if length < 0 {
			return q.fail() // the library knows whether a break is missed
		}
		i := start
		for i < start+length && q.doc[i] == ' ' {
			i++
		}
		spaces := i - start
		if i == start+length {
			if content < 0 || spaces > content {
				return q.fail()
			}
			blank++
		} else {
			if spaces <= indent {
				break
			}
			if content < 0 {
				content = spaces
			}
			if spaces < content {
				return q.fail()
			}
			for ; blank > 0; blank-- {
				out.WriteByte('\n')
			}
			out.WriteString(q.doc[start+content : start+length+1])
		}
		q.line++
		q.next = start + length + 1
	}
	if content < 0 {
		return q.fail()
	}
	n.Text = out.String()
	switch chomp {
	case "-":
		n.Text = strings.TrimSuffix(n.Text, "\n")
	case "+":
		n.Text += strings.Repeat("\n", blank)
	}
	q.advance()
	return n
}
