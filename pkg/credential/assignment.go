package credential

import (
	"regexp"
	"strings"
)

// reader finds what is assigned to names in a text. It keeps what it has looked
// for and where that is next: a text in which much is looked for costs no more
// than it is long.
type reader struct {
	text        string
	lineStart   int // of the line that is read
	environment int // 1 if the text is one, -1 if not, 0 if not known
	next        map[string]reach
}

// reach says that what is looked for from somewhere on is at to, or nowhere
// where to is the end.
type reach struct{ from, to int }

// longest is more than what vague names have, than prose and code, and than words
// of which what closes them is told.
const longest = 1024

// find is where what is next from some place on; look finds it, as a distance
// from there, or -1.
func (r *reader) find(what string, from int, look func() int) int {
	if known, ok := r.next[what]; ok && known.from <= from && from <= known.to {
		return known.to
	}
	to := len(r.text)
	if n := look(); n >= 0 {
		to = from + n
	}
	r.next[what] = reach{from, to}
	return to
}

// assignments are values behind a name: PASSWORD=x, "apiKey": "x",
// X-Api-Key: x, and those that stand in the lines below.
func (r *reader) assignments() []span {
	var out []span
	for i := 0; i < len(r.text); i++ {
		switch r.text[i] {
		case '\n':
			r.lineStart = i + 1
		case '=', ':':
			a, ok := r.assignmentAt(i)
			if !ok {
				continue
			}
			if found := a.values(); len(found) > 0 {
				out = append(out, found...)
				// What is hidden is not read again.
				i = max(i, found[len(found)-1].end-1)
				r.lineStart = max(r.lineStart, strings.LastIndexByte(r.text[a.value:i+1], '\n')+1+a.value)
			}
		}
	}
	return out
}

// assignment is a name and where its value may start.
type assignment struct {
	*reader
	name  string
	kind  kind
	sep   byte
	quote string // that stands before the name and has no end before the separator
	// first says that nothing stands before the name on its line, and indent
	// where on it the name starts.
	first  bool
	indent int
	spaced bool // white space stands around the separator
	value  int
	// between is what stands between this assignment and the one before, in a
	// list of them; 0 if it is not in one.
	between byte
}

// assignmentAt reads what stands around the separator at i.
func (r *reader) assignmentAt(i int) (a assignment, ok bool) {
	text, end := r.text, i
	a = assignment{reader: r, sep: text[i], value: i + 1}
	switch {
	case a.sep == '=' && i+1 < len(text) && strings.IndexByte("=~", text[i+1]) >= 0:
		return a, false
	case a.sep == '=' && i > 0 && strings.IndexByte("=!<>", text[i-1]) >= 0:
		return a, false
	case a.sep == '=' && i > 0 && strings.IndexByte(":+?", text[i-1]) >= 0:
		end--
	}
	if a.sep == '=' && i+1 < len(text) && text[i+1] == '>' {
		a.value++
	}
	nameEnd := len(strings.TrimRight(text[:end], " \t"))
	a.spaced = nameEnd < end
	closing := quoteBefore(text[:nameEnd])
	nameEnd -= len(closing)
	start := nameEnd
	for start > 0 && (alphanumeric(text[start-1]) || strings.IndexByte("_.-", text[start-1]) >= 0) {
		start--
	}
	a.name = text[start:nameEnd]
	if a.kind = nameOf(a.name); a.kind == other || a.name == "secretKey" && strings.Contains(text, "remoteRef") {
		return a, false
	}
	opening := quoteBefore(text[:start])
	if closing == "" {
		a.quote = opening
	}
	before := text[min(r.lineStart, start-len(opening)) : start-len(opening)]
	a.indent = len(before)
	before = strings.TrimLeft(before, " \t-")
	a.first = before == "" || before == "export "
	if n := len(before); n > 0 && opening == "" && strings.IndexByte("?&;,", before[n-1]) >= 0 {
		a.between = before[n-1]
		if a.between == '?' {
			a.between = '&'
		}
	}
	return a, a.sep == '=' || closing != "" || a.spacedColon()
}

// spacedColon reports whether a colon ends a key: one without white space behind
// it is part of an image or a URN, unless it is that of a header.
func (a *assignment) spacedColon() bool {
	rest := a.text[a.value:]
	if rest == "" || strings.IndexByte(" \t\r\n\"'\\", rest[0]) >= 0 {
		return true
	}
	name := strings.ToLower(a.name)
	return (strings.HasPrefix(name, "x-") || strings.HasSuffix(name, "authorization")) && rest[0] != ':'
}

// quoteBefore is the quote that a text ends in, with the backslashes before it.
func quoteBefore(text string) string {
	if text == "" || strings.IndexByte("\"'`", text[len(text)-1]) < 0 {
		return ""
	}
	start := len(text) - 1
	for start > 0 && text[start-1] == '\\' {
		start--
	}
	return text[start:]
}

// quoteAt is the quote that a text starts with.
func quoteAt(text string) string {
	end := 0
	for end < len(text) && text[end] == '\\' {
		end++
	}
	if end < len(text) && strings.IndexByte("\"'`", text[end]) >= 0 {
		return text[:end+1]
	}
	return ""
}

// values are the credentials that a name has.
func (a *assignment) values() []span {
	start := a.value
	for start < len(a.text) && (a.text[start] == ' ' || a.text[start] == '\t') {
		start++
	}
	a.spaced = a.spaced || start > a.value
	rest := a.text[start:]
	line := a.text[start:a.lineEnd(start)]
	switch {
	case a.quote == "`":
		// Markdown has code in such quotes.
		end := a.quoteEnd(start, a.quote)
		value := a.text[start:end]
		return a.one(start, end, a.sep == '=' && !a.spaced || isOneWord(value) || scheme.MatchString(value))
	case a.quote != "":
		return a.one(start, a.quoteEnd(start, a.quote), true)
	case strings.HasPrefix(rest, "`"):
		end := a.quoteEnd(start+1, "`")
		return a.one(start+1, end, isOneWord(a.text[start+1:end]))
	case toFill.MatchString(rest):
		return nil
	case quoteAt(rest) != "":
		quote := quoteAt(rest)
		return a.one(start+len(quote), a.quoteEnd(start+len(quote), quote), true)
	case strings.HasPrefix(rest, "[") && a.sep == ':':
		return a.list(start)
	case strings.HasPrefix(rest, "{") && !strings.HasPrefix(rest, "{{"):
		return nil // what is in it has names of its own
	case a.sep == ':' && blockStart.MatchString(line):
		return a.below(start + len(line))
	case a.toLineEnd():
		return a.line(start, line)
	}
	value := a.alone(a.text[start:a.wordEnd(start)])
	return a.one(start, start+len(value), a.sep == '=' && !a.spaced || !isProse(value))
}

var (
	// blockStart is what stands behind a key whose value is in the lines below.
	blockStart = regexp.MustCompile(`^(?:[|>][0-9+-]*)?[ \t]*(?:#.*)?$`)
	// prose is what reads like words or like code, if it is not quoted.
	prose = regexp.MustCompile(`^(?:[A-Za-z]+(?:-[A-Za-z]+)*[.,;!?]?|[A-Za-z_]+(?:\.[A-Za-z_]+)+|(?:[A-Za-z_][A-Za-z0-9_.]*)?[(\[].*)$`)
	// script is what a shell puts together, quoted or not.
	script  = regexp.MustCompile(`^\$[({0-9]`)
	comment = regexp.MustCompile(`\s#.*$`)
	// toFill is what a reader is to put a value for.
	toFill = regexp.MustCompile("^<[A-Za-z][A-Za-z _-]*>(?:[\\s\"'`.,;)]|$)")
)

// alone is a value up to the assignment behind it, in a list of them.
func (a *assignment) alone(value string) string {
	if end := strings.IndexByte(value, a.between); end > 0 && a.between != 0 {
		return value[:end]
	}
	return value
}

// isOneWord reports whether a value is no prose or code, and has no spaces.
func isOneWord(value string) bool { return !strings.ContainsAny(value, " \t") && !isProse(value) }

func isProse(value string) bool { return len(value) <= longest && prose.MatchString(value) }

// toLineEnd reports whether a value goes to the end of the line: in YAML, a
// header, and files of properties. In a shell it is one word.
func (a *assignment) toLineEnd() bool {
	switch {
	case strings.HasSuffix(strings.ToLower(a.name), "authorization"):
		return true
	case a.sep == ':':
		return a.first
	case !a.first:
		return false
	}
	return a.spaced || strings.ToUpper(a.name) != a.name || a.isEnvironment()
}

// isEnvironment reports whether the text is lines of NAME=value, and more than
// one.
func (r *reader) isEnvironment() bool {
	if r.environment == 0 {
		r.environment = -1
		if environment(r.text) {
			r.environment = 1
		}
	}
	return r.environment > 0
}

func environment(text string) bool {
	lines := 0
	for line := range strings.Lines(text) {
		line = strings.TrimPrefix(strings.TrimSpace(line), "export ")
		if line == "" || line[0] == '#' {
			continue
		}
		name, _, found := strings.Cut(line, "=")
		if !found || strings.ContainsAny(name, " \t") {
			return false
		}
		lines++
	}
	return lines > 1
}

// line is a value that goes to the end of the line, and on in the lines below
// where these are indented further.
func (a *assignment) line(start int, line string) []span {
	line = comment.ReplaceAllString(line, "")
	line = strings.TrimRight(a.alone(line), " \t,")
	oneWord := isOneWord(line)
	out := a.one(start, start+len(line), oneWord || a.sep == '=' && !a.spaced || scheme.MatchString(line))
	if len(out) > 0 && a.sep == ':' && start+len(line) < len(a.text) && a.text[start+len(line)] == '\n' {
		for _, s := range a.below(start + len(line)) {
			s.sure = s.sure && oneWord
			out = append(out, s)
		}
	}
	return out
}

// key is a line with a key of its own.
var key = regexp.MustCompile(`^(?:-\s+)?["']?[A-Za-z0-9_./-]+["']?\s*:(?:\s|$)`)

// below are the lines below the name's that are indented further, or the items
// of a list; none if they are keys with values of their own.
func (a *assignment) below(end int) []span {
	var out []span
	for at := end; at < len(a.text); {
		at++ // the line break
		length := strings.IndexByte(a.text[at:], '\n')
		if length < 0 {
			length = len(a.text) - at
		}
		line := strings.TrimRight(a.text[at:at+length], " \t\r")
		content := strings.TrimLeft(line, " \t")
		indent := len(line) - len(content)
		item := strings.HasPrefix(content, "- ")
		switch {
		case content == "":
		case indent < a.indent || indent == a.indent && !item || key.MatchString(content):
			return out
		default:
			if item {
				content = strings.TrimLeft(content[2:], " ")
			}
			if strings.HasPrefix(content, "{") {
				return out // what is in it has names of its own
			}
			quote := quoteAt(content)
			content = strings.TrimSuffix(content[len(quote):], quote)
			from := at + strings.LastIndex(line, content)
			out = append(out, a.one(from, from+len(content), !strings.Contains(content, " "))...)
		}
		at += length
	}
	return out
}

// list are the scalars of a list in brackets.
func (a *assignment) list(start int) []span {
	end := a.find("]", start, func() int { return strings.IndexByte(a.text[start:], ']') })
	inside := a.text[start+1 : end]
	if strings.ContainsAny(inside, "{}") {
		return nil
	}
	return a.one(start+1, end, strings.ContainsAny(inside, "\"'"))
}

// one is a value, if it counts.
func (a *assignment) one(start, end int, certain bool) []span {
	value := a.text[start:end]
	if a.kind == vague && len(value) > longest {
		return nil
	}
	// What comes before a credential says how it is used.
	if at := schemeWord.FindStringIndex(value); at != nil {
		start += at[1]
		value = a.text[start:end]
	}
	if start == end || !counts(a.kind, a.name, value) || shellVariable.MatchString(value) {
		return nil
	}
	return []span{{start, end, certain && !script.MatchString(value)}}
}

var (
	schemeWord = regexp.MustCompile(`^(?i:bearer|basic|token|digest|bot)(?:\s+|%20)`)
	// shellVariable is a variable in a script, where names in small letters are
	// common too.
	shellVariable = regexp.MustCompile(`^\$(?:[A-Za-z_]+|\{[^}]*\}|\([^)]*\))$`)
)

// quoteEnd is where what starts at from, behind a quote, ends: at a quote that
// something else could follow, or else with the line.
func (r *reader) quoteEnd(from int, quote string) int {
	end := r.find(quote, from, func() int { return quoted(r.text[from:], quote) })
	if end == len(r.text) {
		return r.lineEnd(from)
	}
	return end
}

func (r *reader) lineEnd(from int) int {
	return r.find("\n", from, func() int { return strings.IndexAny(r.text[from:], "\r\n") })
}

// quoted is the length of a text up to the end of a quote, -1 if there is none.
func quoted(text, quote string) int {
	for i := 0; i+len(quote) <= len(text); i++ {
		switch {
		case len(quote) == 1 && text[i] == '\\' && quote != "'":
			i++
		case quote == "'" && strings.HasPrefix(text[i:], `'\''`):
			i += len(`\''`) // how a shell has a quote within
		case quote == "'" && strings.HasPrefix(text[i:], `''`):
			i++ // how YAML has one
		case strings.HasPrefix(text[i:], quote) && (len(quote) == 1 || i == 0 || text[i-1] != '\\') && quoteEnds(text[i+len(quote):], quote):
			return i
		}
	}
	return -1
}

func quoteEnds(rest, quote string) bool {
	if rest == "" {
		return true
	}
	return strings.IndexByte(" \t\r\n,;:}])|&<>\\\"'`", rest[0]) >= 0 && rest[0] != quote[len(quote)-1]
}

// wordEnd is where the word that starts at from ends: at white space, without
// what closes something that opened before it.
func (r *reader) wordEnd(from int) int {
	end := r.find(" ", from, func() int { return strings.IndexAny(r.text[from:], " \t\r\n") })
	if end-from > longest {
		return end
	}
	for end > from {
		last := r.text[end-1]
		at := strings.IndexByte(")}]", last)
		value := r.text[from:end]
		if at < 0 && strings.IndexByte(",;\"'`", last) < 0 || at >= 0 && strings.Count(value, string(last)) <= strings.Count(value, "({["[at:at+1]) {
			break
		}
		end--
	}
	return end
}

// flag is a flag that may have its value in the next word, or in the next item
// of a list in JSON or YAML.
var flag = regexp.MustCompile(`(?:^|[\s"'\[,(=` + "`" + `])(--?[A-Za-z][A-Za-z0-9_-]*)(?:\\*["']?\s*\n\s*-\s+|\\*["'],\s*|\s+)`)

// flagLike is a flag that stands where a value could.
var flagLike = regexp.MustCompile(`^--?[a-z][a-z-]*(?:=|$)`)

// flags are values that follow a flag.
func (r *reader) flags() []span {
	text := r.text
	if !strings.Contains(text, "-") {
		return nil
	}
	var out []span
	for _, at := range flag.FindAllStringSubmatchIndex(text, -1) {
		a := assignment{reader: r, name: text[at[2]:at[3]]}
		if a.kind = nameOf(a.name); a.kind == other {
			continue
		}
		from, certain := at[1], false
		quote := quoteAt(text[from:])
		end := from
		if quote != "" {
			from, certain = from+len(quote), true
			end = r.quoteEnd(from, quote)
		} else {
			end = r.wordEnd(from)
		}
		if value := text[from:end]; !flagLike.MatchString(value) && (quote != "" || strings.Trim(value, "<>|&;") != "") {
			out = append(out, a.one(from, end, certain || !isProse(value))...)
		}
	}
	return out
}
