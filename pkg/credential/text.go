package credential

import (
	"regexp"
	"strings"
)

// spans are the credentials in a text, in order. A text that holds something of
// a known form, or a Secret, is one as a whole: a private key has lines that
// have no form.
func spans(text string) []span {
	if ofForm(text) {
		return []span{{0, len(text), true}}
	}
	if inner := decoded(text); inner != "" && len(spans(inner)) > 0 {
		return []span{{0, len(text), true}}
	}
	var all []span
	if strings.Contains(text, "://") {
		all = urls(text)
	}
	if strings.ContainsAny(text, "=: \n") && mentions(text) {
		if secretObject(text) {
			return []span{{0, len(text), true}}
		}
		all = append(all, assignments(text)...)
		all = append(all, flags(text)...)
	}
	all = append(all, groups(text, "@", dataSource)...)
	all = append(all, groups(text, "asic", scheme)...)
	all = append(all, groups(text, "earer", scheme)...)
	all = append(all, groups(text, "assword", netrc)...)
	all = append(all, groups(text, "-u", user)...)
	return merge(all)
}

var (
	// dataSource is user:password@tcp(host), as drivers of databases take it.
	dataSource = regexp.MustCompile(`([^\s:/@"'=]+:[^\s"']+)@(?:tcp|tcp6|unix|udp)\(`)
	// scheme is what follows a scheme of authentication. It has a digit, or
	// letters of both cases: "basic authentication" has not.
	scheme = regexp.MustCompile(`\b[Bb](?:asic|earer)\s+([A-Za-z0-9+/=._~-]*(?:[0-9=]|[a-z][A-Z])[A-Za-z0-9+/=._~-]*)`)
	netrc  = regexp.MustCompile(`\b(?:machine\s+\S+|default)\s+(?:login\s+\S+\s+)?(?:account\s+\S+\s+)?password\s+(\S+)`)
	// user is user:password as curl takes it; -u 1000:1000 is none.
	user = regexp.MustCompile(`(?:^|[\s"'])(?:-u|--user|--proxy-user)(?:\s*\n\s*-\s+|\\*["'],\s*|\s+|=)\\*["']?([^\s:"'\\/]+:[^\s"'\\]*[^\s"'\\0-9][^\s"'\\]*)`)
)

// groups are what the first group of a form matches in a text that holds the
// marker.
func groups(text, marker string, form *regexp.Regexp) []span {
	if !strings.Contains(text, marker) {
		return nil
	}
	var out []span
	for _, at := range form.FindAllStringSubmatchIndex(text, -1) {
		value := text[at[2]:at[3]]
		if _, password, found := strings.Cut(value, ":"); found && harmless.MatchString(password) || harmless.MatchString(value) {
			continue
		}
		out = append(out, span{at[2], at[3], true})
	}
	return out
}

// urls are the users and passwords of URLs, and users that are tokens.
func urls(text string) []span {
	var out []span
	for at := 0; ; {
		i := strings.Index(text[at:], "://")
		if i < 0 {
			return out
		}
		start := at + i + len("://")
		end := start + urlLength(text[:at+i], text[start:])
		at = start
		if n := userinfo(text[start:end]); n > 0 {
			out = append(out, span{start, start + n, true})
			at = start + n
		}
	}
}

// urlLength is how far a URL goes: to the quote or bracket that stands before
// it, or to white space.
func urlLength(before, rest string) int {
	before = strings.TrimRight(before, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789+.-")
	stop := " \t\r\n"
	if n := len(before); n > 0 {
		if at := strings.IndexByte("\"'`<", before[n-1]); at >= 0 {
			stop += "\"'`>"[at : at+1]
		}
	}
	end := strings.IndexAny(rest, stop)
	if end < 0 {
		end = len(rest)
	}
	if next := strings.Index(rest[:end], "://"); next > 0 {
		end = next
	}
	return end
}

// userinfo is the length of the user and password that the rest of a URL starts
// with, 0 if there are none. A password that is not escaped may hold / and @: it
// goes on to the last @, unless what looks like one is a port.
func userinfo(rest string) int {
	last := strings.LastIndexByte(rest, '@')
	if last < 0 {
		return 0
	}
	authority := rest
	if end := strings.IndexAny(rest, "/?#"); end >= 0 {
		authority = rest[:end]
	}
	at := strings.LastIndexByte(authority, '@')
	before := authority
	if at >= 0 {
		before = authority[:at]
	}
	_, password, found := strings.Cut(before, ":")
	switch {
	case found && harmless.MatchString(password) && password != "":
		return 0
	case found && at < 0 && (len(password) <= 5 && number.MatchString(password) || strings.HasPrefix(before, "[")):
		return 0 // a port, and a path with an @
	case found && password != "", found && at < 0:
		return last
	case at >= 0 && !harmless.MatchString(before) && (len(before) >= 20 || len(before) >= 12 && random(before+"aA0")):
		return at
	}
	return 0
}

// assignments are values behind a name: PASSWORD=x, "apiKey": "x",
// X-Api-Key: x, and those that stand in the lines below.
func assignments(text string) []span {
	var out []span
	for i := 0; i < len(text); i++ {
		if text[i] != '=' && text[i] != ':' {
			continue
		}
		a, ok := assignmentAt(text, i)
		if !ok {
			continue
		}
		out = append(out, a.values()...)
	}
	return out
}

// assignment is a name and where its value may start.
type assignment struct {
	text  string
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
func assignmentAt(text string, i int) (a assignment, ok bool) {
	a = assignment{text: text, sep: text[i], value: i + 1}
	end := i
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
	if a.kind = nameOf(a.name); a.kind == other {
		return a, false
	}
	opening := quoteBefore(text[:start])
	if closing == "" {
		a.quote = opening
	}
	line := strings.LastIndexByte(text[:start], '\n') + 1
	before := text[line : start-len(opening)]
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
	line := rest
	if end := strings.IndexAny(rest, "\r\n"); end >= 0 {
		line = rest[:end]
	}
	switch {
	case a.quote != "":
		return a.one(start, start+quoted(rest, a.quote), true)
	case quoteAt(rest) != "":
		quote := quoteAt(rest)
		return a.one(start+len(quote), start+len(quote)+quoted(rest[len(quote):], quote), true)
	case strings.HasPrefix(rest, "[") && a.sep == ':':
		return a.list(start)
	case strings.HasPrefix(rest, "{") && !strings.HasPrefix(rest, "{{"):
		return nil // what is in it has names of its own
	case a.sep == ':' && blockStart.MatchString(line):
		return a.below(start + len(line))
	case a.toLineEnd():
		return a.line(start, line)
	}
	value := a.alone(rest[:word(rest)])
	return a.one(start, start+len(value), a.sep == '=' && !a.spaced || !prose.MatchString(value))
}

var (
	// blockStart is what stands behind a key whose value is in the lines below.
	blockStart = regexp.MustCompile(`^(?:[|>][0-9+-]*)?[ \t]*(?:#.*)?$`)
	// prose is what reads like a word or like code, if it is not quoted.
	prose   = regexp.MustCompile(`^(?:[A-Za-z]?[a-z]+(?:-[a-z]+)*[.,;!?]?|[A-Za-z_][A-Za-z0-9_]*(?:\.[A-Za-z_][A-Za-z0-9_]*)+|[A-Za-z_][A-Za-z0-9_.]*[(\[].*)$`)
	comment = regexp.MustCompile(`\s#.*$`)
)

// alone is a value up to the assignment behind it, in a list of them.
func (a *assignment) alone(value string) string {
	if end := strings.IndexByte(value, a.between); end > 0 && a.between != 0 {
		return value[:end]
	}
	return value
}

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
	return a.spaced || strings.ToUpper(a.name) != a.name || environment(a.text)
}

// environment reports whether a text is lines of NAME=value, and more than one.
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
	oneWord := !strings.ContainsAny(line, " \t") && !prose.MatchString(line)
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
	end := strings.IndexByte(a.text[start:], ']')
	if end < 0 {
		end = len(a.text) - start
	}
	inside := a.text[start+1 : start+end]
	if strings.ContainsAny(inside, "{}") {
		return nil
	}
	return a.one(start+1, start+end, strings.ContainsAny(inside, "\"'"))
}

// one is a value, if it counts.
func (a *assignment) one(start, end int, certain bool) []span {
	value := a.text[start:end]
	// What comes before a credential says how it is used.
	if at := schemeWord.FindStringIndex(value); at != nil {
		start += at[1]
		value = a.text[start:end]
	}
	if start == end || !counts(a.kind, a.name, value) || shellVariable.MatchString(value) {
		return nil
	}
	return []span{{start, end, certain}}
}

var (
	schemeWord = regexp.MustCompile(`^(?i:bearer|basic|token|digest|bot)(?:\s+|%20)`)
	// shellVariable is a variable in a script, where names in small letters are
	// common too.
	shellVariable = regexp.MustCompile(`^\$(?:[A-Za-z_]+|\{[^}]*\}|\([^)]*\))$`)
)

// quoted is the length of a text up to the end of a quote: one that something
// else could follow.
func quoted(text, quote string) int {
	line := len(text)
	for i := 0; i+len(quote) <= len(text); i++ {
		switch {
		case text[i] == '\n' && line == len(text):
			line = i
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
	return line
}

func quoteEnds(rest, quote string) bool {
	if rest == "" {
		return true
	}
	return strings.IndexByte(" \t\r\n,;:}])|&<>\\\"'`", rest[0]) >= 0 && rest[0] != quote[len(quote)-1]
}

// word is the length of the word that a text starts with: to white space,
// without what closes something that opened before it.
func word(text string) int {
	end := strings.IndexAny(text, " \t\r\n")
	if end < 0 {
		end = len(text)
	}
	for end > 0 {
		last := text[end-1]
		if at := strings.IndexByte(")}]", last); at >= 0 && strings.Count(text[:end], string(last)) <= strings.Count(text[:end], "({["[at:at+1]) {
			break
		} else if at < 0 && strings.IndexByte(",;\"'`", last) < 0 {
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
func flags(text string) []span {
	if !strings.Contains(text, "-") {
		return nil
	}
	var out []span
	for _, at := range flag.FindAllStringSubmatchIndex(text, -1) {
		a := assignment{text: text, name: text[at[2]:at[3]]}
		if a.kind = nameOf(a.name); a.kind == other {
			continue
		}
		rest := text[at[1]:]
		if quote := quoteAt(rest); quote != "" {
			from := at[1] + len(quote)
			if length := quoted(text[from:], quote); !flagLike.MatchString(text[from : from+length]) {
				out = append(out, a.one(from, from+length, true)...)
			}
			continue
		}
		value := rest[:word(rest)]
		if !flagLike.MatchString(value) {
			out = append(out, a.one(at[1], at[1]+len(value), !prose.MatchString(value))...)
		}
	}
	return out
}
