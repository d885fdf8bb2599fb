// Package credential tells what looks like a credential, by the names that
// variables with credentials have and by the forms that issuers document. It
// errs on both sides: it is the net below references to secrets, not a scanner
// of secrets. Start with Named and In.
package credential

import (
	"regexp"
	"strings"
)

// formats are the forms of credentials that their issuers document, each with
// a text that it always holds, to look for first.
var formats = []struct {
	marker string
	form   *regexp.Regexp
}{
	{"sk-", regexp.MustCompile(`\bsk-[A-Za-z0-9_-]{20,}`)}, // Anthropic, OpenAI
	{"gh", regexp.MustCompile(`\bgh[pousr]_[A-Za-z0-9]{30,}`)},
	{"github_pat_", regexp.MustCompile(`\bgithub_pat_[A-Za-z0-9_]{22,}`)},
	{"glpat-", regexp.MustCompile(`\bglpat-[A-Za-z0-9_-]{20,}`)},
	{"AIza", regexp.MustCompile(`\bAIza[A-Za-z0-9_-]{30,}`)},
	{"ya29.", regexp.MustCompile(`\bya29\.[A-Za-z0-9_-]{20,}`)},
	{"AKIA", regexp.MustCompile(`\bAKIA[A-Z0-9]{16}`)},
	{"xox", regexp.MustCompile(`\bxox[abeprs]-[A-Za-z0-9-]{10,}`)},
	{"npm_", regexp.MustCompile(`\bnpm_[A-Za-z0-9]{30,}`)},
	{"hf_", regexp.MustCompile(`\bhf_[A-Za-z0-9]{30,}`)},
	{"eyJ", regexp.MustCompile(`\beyJ[A-Za-z0-9_-]{8,}\.eyJ[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]{8,}`)},
	{"PRIVATE KEY-----", regexp.MustCompile(`-----BEGIN [A-Z ]*PRIVATE KEY-----`)},
	{"://", regexp.MustCompile(`://[^\s/:@'"<>]*:[^\s/@'"<>]+@`)},
}

// nameEnds are the names that variables with credentials have, in whole or at
// the end.
const nameEnds = `(API_?KEY|TOKEN|SECRET|PASSWORD|PASSWD|CREDENTIALS?|PRIVATE_KEY|ACCESS_KEY|SECRET_KEY|SECRET_ACCESS_KEY|AUTH_HEADERS?|OTEL_HEADERS|EXPORTER_OTLP_HEADERS|PASSPHRASE)`

var names = regexp.MustCompile(`(^|_)` + nameEnds + `$`)

// harmless are values that are no credential whatever the variable is called:
// nothing, a switch, a number of few digits, a path, a reference.
var harmless = regexp.MustCompile(`^(|true|false|[0-9]{1,6}|~?/\S*|\$\([A-Za-z_][A-Za-z0-9_]*\))$`)

// In reports whether a text holds something of a known form.
func In(text string) bool {
	for _, f := range formats {
		if strings.Contains(text, f.marker) && f.form.MatchString(text) {
			return true
		}
	}
	return false
}

// Named reports whether text is a credential by the name of the variable, as
// environment variables are named, that it is the value of.
func Named(name, text string) bool {
	return names.MatchString(name) && !harmless.MatchString(text)
}

// Redact hides in a text what is of a known form.
func Redact(text string) string {
	for _, f := range formats {
		if strings.Contains(text, f.marker) {
			text = f.form.ReplaceAllLiteralString(text, "<redacted>")
		}
	}
	return text
}
