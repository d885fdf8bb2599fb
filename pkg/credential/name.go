package credential

import (
	"regexp"
	"slices"
	"strings"
)

// kind is what a name says of its value.
type kind int

const (
	other kind = iota
	// vague is a name that credentials and other things have: its value must
	// look like one, too.
	vague
	// composed is a name of texts with credentials in them: what is put together
	// of references has none.
	composed
	// login is a flag whose value is user:password.
	login
	// sure is a name that only credentials have.
	sure
)

// ends are the words that names of credentials end in. Digits at the end of a
// name do not count.
var ends = map[kind][]string{
	sure: {
		"password", "passwd", "passphrase", "passwords", "pwd", "pass", "passcode", "password hash",
		"secret", "token", "credential", "credentials",
		"api key", "api keys", "private key", "access key", "secret key", "account key", "auth key", "encryption key",
		"signing key", "master key", "shared key", "client key data", "private key data", "amz signature", "authorization",
	},
	composed: {"dsn", "connection string", "connection uri", "auth header", "auth headers", "otel headers", "otlp headers"},
	vague:    {"key", "auth", "pat", "jwt", "sig", "cookie"},
}

// logins are the flags of curl that take user:password.
var logins = []string{"-u", "--user", "-U", "--proxy-user"}

// joined are those of ends that are written as one word with what stands
// before: PGPASSWORD, authtoken.
var joined = []string{"password", "passwd", "passphrase", "secret", "token", "apikey", "apikeys", "privatekey", "accesskey", "secretkey", "credentials"}

// holders are words before "secret" that make it the name of a Secret, and
// before "pwd" that make it a directory.
var holders = map[string][]string{
	"secret": {"existing", "pull", "tls", "cert"},
	"pwd":    {"", "old"},
}

// counting are words that make a number a count: MAX_TOKEN=4096.
var counting = []string{"max", "min", "limit", "count", "num", "per", "total", "budget"}

// files are those that hold credentials.
var files = regexp.MustCompile(`(?i)(^|/)(\.npmrc|\.netrc|\.pgpass|\.pypirc|\.git-credentials|\.?dockerconfigjson|\.?dockercfg|\.?kubeconfig|id_(rsa|dsa|ecdsa|ed25519)|[^/]*\.(key|p12|pfx|jks|kubeconfig))$`)

// harmless are values that are no credential whatever they are called: nothing,
// a switch, a path, a reference to a variable, a template or a placeholder.
var harmless = regexp.MustCompile(`^(?:|0|1|true|false|yes|no|on|off|null|none|disabled|~|\\+|` +
	`\$[A-Z_][A-Z0-9_]*|\$\{[A-Za-z_][A-Za-z0-9_]*\}|\$\([A-Za-z_][A-Za-z0-9_]*\)|\$?\{\{[^{}"'` + "`" + `]*\}\}|` +
	`<[A-Za-z][A-Za-z _-]*>|\[[A-Za-z][A-Za-z _-]*\]|%[a-z]|[*.]{3,}|[xX]{3,}|` +
	`(?i:your)(?:[_-][A-Za-z]+)+|[A-Za-z_-]{1,12}\.{3})$`)

var (
	path   = regexp.MustCompile(`^(?:~|\.{0,2})(?:/[A-Za-z0-9._$@{}-]+){2,}/?$|^(?:~|\.{1,2})/[A-Za-z0-9._-]+$`)
	number = regexp.MustCompile(`^[0-9]+$`)
	modes  = regexp.MustCompile(`^[A-Za-z,-]+$`)
	// userPassword is no uid:gid, image:tag or URL.
	userPassword = regexp.MustCompile(`^[A-Za-z0-9._@-]*[A-Za-z_][A-Za-z0-9._@-]*:(?:[^0-9/]|[0-9]*[^0-9]|[0-9]{6})|^:.`)
	reference    = regexp.MustCompile(`\$[({][A-Za-z_][A-Za-z0-9_]*[)}]`)
)

// nameOf is what a name says of its value.
func nameOf(name string) kind {
	if slices.Contains(logins, name) {
		return login
	}
	if !mentions(name) {
		return other
	}
	if files.MatchString(name) {
		return sure
	}
	spelled := words(name)
	before, last := cutLast(spelled)
	_, before = cutLast(before)
	if slices.Contains(holders[last], before) {
		return other
	}
	for _, end := range joined {
		if strings.HasSuffix(last, end) {
			return sure
		}
	}
	for _, k := range []kind{sure, composed, vague} {
		for _, end := range ends[k] {
			if strings.HasSuffix(spelled, " "+end) {
				return k
			}
		}
	}
	return other
}

// counts reports whether a value of a name of kind k is a credential.
func counts(k kind, name, text string) bool {
	if at := schemeWord.FindStringIndex(text); at != nil {
		text = text[at[1]:]
	}
	switch {
	case harmless.MatchString(text), isPath(text):
		return false
	case number.MatchString(text) && slices.ContainsFunc(strings.Fields(words(name)), isCount):
		return false
	case k == composed && reference.MatchString(text):
		return false // what else is in it is told by what stands around that
	case k == login:
		_, password, _ := strings.Cut(text, ":")
		return userPassword.MatchString(text) && !harmless.MatchString(password)
	case k == vague:
		return random(text) || strings.Contains(decoded(text), ":")
	case modes.MatchString(text) && strings.HasSuffix(words(name), " authorization"):
		return false // RBAC and the like
	}
	return true
}

func isCount(word string) bool { return slices.Contains(counting, word) }

// cutLast cuts the last word off.
func cutLast(words string) (before, last string) {
	at := strings.LastIndexByte(words, ' ')
	return words[:max(at, 0)], words[at+1:]
}

// isPath reports whether a value says where a credential is. What is random in
// it is none: the base64 of a credential may have slashes.
func isPath(text string) bool {
	if len(text) == 0 || strings.IndexByte("/~.", text[0]) < 0 || !path.MatchString(text) {
		return false
	}
	for part := range strings.SplitSeq(text, "/") {
		if random(part) {
			return false
		}
	}
	return true
}

// mentioned are parts of all names that are looked for, by their first letter.
var mentioned = func() (byLetter [256][]string) {
	for _, part := range strings.Fields("key token secret pass pwd cred auth dsn header connection signature sig pat jwt cookie kubeconfig dockerc " +
		".npmrc .netrc .pypirc .p12 .pfx .jks id_rsa id_dsa id_ecdsa id_ed25519") {
		byLetter[part[0]] = append(byLetter[part[0]], part)
	}
	return byLetter
}()

// mentions reports whether a text has a part of a name that is looked for, in
// any case: texts without need no closer look.
func mentions(text string) bool {
	for i := range len(text) {
		for _, part := range mentioned[text[i]|0x20] {
			if len(text)-i >= len(part) && strings.EqualFold(text[i:i+len(part)], part) {
				return true
			}
		}
	}
	return false
}

// words is a name in small letters with a space before each of its words:
// apiKey, API_KEY and X-Api-Key end in " api key". Numbers at the end are left
// out.
func words(name string) string {
	var out strings.Builder
	name = strings.TrimRight(name, "0123456789_-.")
	start := true
	for i := range len(name) {
		c := name[i]
		if !alphanumeric(c) {
			start = true
			continue
		}
		hump := upper(c) && i > 0 && (lower(name[i-1]) || upper(name[i-1]) && i+1 < len(name) && lower(name[i+1]))
		if start || hump {
			out.WriteByte(' ')
		}
		start = false
		if upper(c) {
			c |= 0x20
		}
		out.WriteByte(c)
	}
	return out.String()
}

func upper(c byte) bool { return c >= 'A' && c <= 'Z' }
func lower(c byte) bool { return c >= 'a' && c <= 'z' }

func alphanumeric(c byte) bool { return upper(c) || lower(c) || c >= '0' && c <= '9' }
