package render

import (
	"regexp"
	"slices"
	"strings"

	"github.com/scion-gen/scion-gen/pkg/manifest"
)

// credentialFormats are the forms of credentials that their issuers document,
// each with a text that it always holds, to look for first.
var credentialFormats = []struct {
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

// credentialNames are the names that variables with credentials have, in whole
// or at the end.
var credentialNames = regexp.MustCompile(`(^|_)(API_?KEY|TOKEN|SECRET|PASSWORD|PASSWD|CREDENTIALS?|PRIVATE_KEY|ACCESS_KEY|SECRET_KEY|SECRET_ACCESS_KEY|AUTH_HEADERS?|OTEL_HEADERS|EXPORTER_OTLP_HEADERS|PASSPHRASE)$`)

// harmless are values that are no credential whatever the variable is called:
// nothing, a switch, a number of few digits, a path, a reference.
var harmless = regexp.MustCompile(`^(|true|false|[0-9]{1,6}|~?/\S*|\$\([A-Za-z_][A-Za-z0-9_]*\))$`)

// looksLikeCredential reports whether a text holds something of a known form.
func looksLikeCredential(text string) bool {
	for _, f := range credentialFormats {
		if strings.Contains(text, f.marker) && f.form.MatchString(text) {
			return true
		}
	}
	return false
}

// redact hides what looks like a credential in a message.
func redact(text string) string {
	for _, f := range credentialFormats {
		if strings.Contains(text, f.marker) {
			text = f.form.ReplaceAllLiteralString(text, "<redacted>")
		}
	}
	return text
}

// checkCredentials reports literal credentials anywhere in a document: texts
// of a known form, and values of variables of a known name. Errors never show
// the value.
func checkCredentials(n *manifest.Node, path string, errs *manifest.Errors) {
	if n.Kind != manifest.String && !holdsCredential(n) {
		return
	}
	switch n.Kind {
	case manifest.String:
		if looksLikeCredential(n.Text) {
			errs.Add(n.Pos, path, "looks like a credential; remove it and %s", secretHint("NAME"))
		}
	case manifest.Sequence:
		for i, item := range n.Items {
			checkCredentials(item, manifest.Index(path, i), errs)
		}
	case manifest.Mapping:
		for _, f := range n.Fields {
			checkVariable(f.Key, f.Value, manifest.Child(path, f.Key), errs)
		}
		if name, v := n.Get("name"), n.Get("value"); name != nil && v != nil {
			if isCredential(name.Text, v) {
				errs.Add(v.Pos, manifest.Child(path, "value"), "%s looks like a credential; remove it and %s", name.Text, secretHint(name.Text))
			}
		}
	}
}

func checkVariable(name string, v *manifest.Node, path string, errs *manifest.Errors) {
	if isCredential(name, v) {
		errs.Add(v.Pos, path, "looks like a credential; remove it and %s", secretHint(name))
		return
	}
	if looksLikeCredential(name) {
		errs.Add(v.Pos, "", "a key looks like a credential; remove it and %s", secretHint("NAME"))
		return
	}
	checkCredentials(v, path, errs)
}

func isCredential(name string, v *manifest.Node) bool {
	scalar := v.Kind == manifest.String || v.Kind == manifest.Number
	return scalar && credentialNames.MatchString(name) && !harmless.MatchString(v.Text)
}

// holdsCredential says whether checkCredentials finds something in n, without
// the cost of paths.
func holdsCredential(n *manifest.Node) bool {
	if n.Kind == manifest.String && looksLikeCredential(n.Text) || slices.ContainsFunc(n.Items, holdsCredential) {
		return true
	}
	for _, f := range n.Fields {
		if isCredential(f.Key, f.Value) || looksLikeCredential(f.Key) || holdsCredential(f.Value) {
			return true
		}
	}
	name, v := n.Get("name"), n.Get("value")
	return name != nil && v != nil && isCredential(name.Text, v)
}
