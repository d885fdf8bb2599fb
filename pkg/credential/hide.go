package credential

import (
	"fmt"
	"regexp"
	"strings"
)

// looseNames are what nameEnds are in flags, file contents and fields, where
// case and separators vary.
const looseNames = `(?:api[_-]?key|token|secret|password|passwd|credentials?|private[_-]?key|access[_-]?key|passphrase|auth|authtoken|authorization|otel[_-]headers)`

var (
	// assigned is a value behind a name: PASSWORD=x, "token": "x", --api-key x.
	assigned = regexp.MustCompile(`(?i)(?:\b|_)` + looseNames + `["']?(?:\s*[=:]\s*(?:(?:bearer|basic)\s+)?)["']?([^\s"'&;,<>]+)`)
	flagged  = regexp.MustCompile(`(?i)(?:^|\s)--?(?:[a-z0-9]+[_-])*` + looseNames + `\s+["']?([^\s"'&;,<>-][^\s"'&;,<>]*)`)
	bearer   = regexp.MustCompile(`(?i)\b(?:bearer|basic)\s+([A-Za-z0-9+/=._-]{12,})`)
	userinfo = regexp.MustCompile(`://([^\s/@'"<>]*:[^\s/@'"<>]+|[^\s/@:'"<>]{20,})@`)

	flagName = regexp.MustCompile(`(?i)^--?(?:[a-z0-9]+[_-])*` + looseNames + `$`)
	fileName = regexp.MustCompile(`(?i)(^|/)(\.npmrc|\.netrc|\.pgpass|\.git-credentials|\.?dockerconfigjson|\.?dockercfg|kubeconfig|id_[a-z0-9]+|[^/]*\.(pem|key|p12|pfx|jks|kubeconfig))$`)
)

// Hidden is what stands in a text for n bytes that are not shown.
func Hidden(n int) string { return fmt.Sprintf("<redacted, %d bytes>", n) }

// Hide is text as it can be shown, and how many bytes of it are hidden: all of
// a text that holds something of a known form, the user and password of URLs,
// and values behind a name such as PASSWORD= or --token.
func Hide(text string) (shown string, hidden int) {
	for _, f := range formats {
		if f.marker != "://" && strings.Contains(text, f.marker) && f.form.MatchString(text) {
			return Hidden(len(text)), len(text)
		}
	}
	for _, form := range []*regexp.Regexp{userinfo, bearer, assigned, flagged} {
		text, hidden = hideGroups(text, form, hidden)
	}
	return text, hidden
}

// hideGroups hides what the first group of form matches, unless it is harmless.
func hideGroups(text string, form *regexp.Regexp, hidden int) (string, int) {
	var out strings.Builder
	last := 0
	for _, at := range form.FindAllStringSubmatchIndex(text, -1) {
		value := text[at[2]:at[3]]
		if harmless.MatchString(value) || strings.HasPrefix(value, "$") {
			continue
		}
		out.WriteString(text[last:at[2]])
		out.WriteString(Hidden(len(value)))
		last, hidden = at[3], hidden+len(value)
	}
	if last == 0 {
		return text, hidden
	}
	out.WriteString(text[last:])
	return out.String(), hidden
}

// Field reports whether text is a credential by the name of the field, flag or
// file that it is the value of. Unlike Named it takes names in any spelling:
// apiKey, api-key, --api-key, .npmrc.
func Field(name, text string) bool {
	if harmless.MatchString(text) {
		return false
	}
	return names.MatchString(snake(name)) || flagName.MatchString(name) || fileName.MatchString(name)
}

// snake is a name as environment variables are named: apiKey is API_KEY.
func snake(name string) string {
	var out strings.Builder
	for i, r := range name {
		switch {
		case r == '-' || r == '.' || r == '/':
			r = '_'
		case r >= 'A' && r <= 'Z' && i > 0 && name[i-1] >= 'a' && name[i-1] <= 'z':
			out.WriteByte('_')
		}
		out.WriteRune(r)
	}
	return strings.ToUpper(out.String())
}
