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
	named := strings.ContainsAny(text, "=: \n") && mentions(text)
	if named && secretObject(text) {
		return []span{{0, len(text), true}}
	}
	if named || strings.Contains(text, "-u") || strings.Contains(text, "-U") {
		r := reader{text: text, next: map[string]reach{}}
		all = append(all, r.assignments()...)
		all = append(all, r.flags()...)
	}
	all = append(all, groups(text, "@", dataSource)...)
	all = append(all, groups(text, "asic", scheme)...)
	all = append(all, groups(text, "earer", scheme)...)
	all = append(all, groups(text, "assword", netrc)...)
	return merge(all)
}

var (
	// dataSource is user:password@tcp(host), as drivers of databases take it.
	dataSource = regexp.MustCompile(`([^\s:/@"'=]+:[^\s"']+)@(?:tcp|tcp6|unix|udp)\(`)
	// scheme is what follows a scheme of authentication. It has a digit, or is
	// long and has letters of both cases: "basic authentication" has not.
	scheme = regexp.MustCompile(`(?:^|[\s"'=:,])[Bb](?:asic|earer)\s+([A-Za-z0-9+/=._~-]*[0-9=][A-Za-z0-9+/=._~-]*|[A-Za-z+/._~-]{8,}[a-z][A-Z][A-Za-z+/._~-]{8,})`)
	netrc  = regexp.MustCompile(`\b(?:machine\s+\S+|default)\s+(?:login\s+\S+\s+)?(?:account\s+\S+\s+)?password\s+(\S+)`)
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
	if next := strings.Index(rest, "://"); next >= 0 {
		rest = rest[:next]
	}
	if end := strings.IndexAny(rest, stop); end >= 0 {
		return end
	}
	return len(rest)
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
