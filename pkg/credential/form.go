package credential

import (
	"encoding/base64"
	"regexp"
	"strings"
	"unicode"
	"unicode/utf8"
)

// forms are those of credentials that their issuers document, each with a text
// that it always holds, to look for first.
var forms = []struct {
	marker string
	form   *regexp.Regexp
}{
	{"sk-", regexp.MustCompile(`\bsk-[A-Za-z0-9_-]{20,}`)}, // Anthropic, OpenAI
	{"gh", regexp.MustCompile(`\bgh[pousr]_[A-Za-z0-9]{30,}`)},
	{"github_pat_", regexp.MustCompile(`\bgithub_pat_[A-Za-z0-9_]{22,}`)},
	{"gl", regexp.MustCompile(`\bgl(?:pat|dt|rt|cbt|ptt|ft|imt|agent|soat|oas)-[A-Za-z0-9_-]{20,}`)}, // GitLab
	{"AIza", regexp.MustCompile(`\bAIza[A-Za-z0-9_-]{30,}`)},                                         // Google
	{"ya29.", regexp.MustCompile(`\bya29\.[A-Za-z0-9_-]{20,}`)},
	{"GOCSPX-", regexp.MustCompile(`\bGOCSPX-[A-Za-z0-9_-]{20,}`)},
	{"IA", regexp.MustCompile(`\bA[KS]IA[A-Z0-9]{16}`)}, // AWS
	{"xox", regexp.MustCompile(`\bxox[abeprs]-[A-Za-z0-9-]{10,}`)},
	{"xapp-", regexp.MustCompile(`\bxapp-[A-Za-z0-9-]{20,}`)},
	{"hooks.slack.com/", regexp.MustCompile(`\bhooks\.slack\.com/(?:services|workflows|triggers)/[A-Za-z0-9/_-]{20,}`)},
	{"npm_", regexp.MustCompile(`\bnpm_[A-Za-z0-9]{30,}`)},
	{"pypi-", regexp.MustCompile(`\bpypi-[A-Za-z0-9_-]{40,}`)},
	{"hf_", regexp.MustCompile(`\bhf_[A-Za-z0-9]{30,}`)},
	{"dckr_pat_", regexp.MustCompile(`\bdckr_pat_[A-Za-z0-9_-]{20,}`)},
	{"k_", regexp.MustCompile(`\b[srw]k_(?:live|test)_[A-Za-z0-9]{16,}`)}, // Stripe
	{"SG.", regexp.MustCompile(`\bSG\.[A-Za-z0-9_-]{16,}\.[A-Za-z0-9_-]{16,}`)},
	{"hv", regexp.MustCompile(`\bhv[sbr]\.[A-Za-z0-9_-]{20,}`)}, // Vault
	{"AGE-SECRET-KEY-", regexp.MustCompile(`\bAGE-SECRET-KEY-[A-Z0-9-]{20,}`)},
	{"eyJ", regexp.MustCompile(`\beyJ[A-Za-z0-9_-]{8,}\.eyJ[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]{8,}`)},
	{"PRIVATE KEY", regexp.MustCompile(`-----BEGIN [A-Z0-9 ]*PRIVATE KEY(?: BLOCK)?-----`)},
	{"$2", regexp.MustCompile(`\$2[aby]\$[0-9]{2}\$[./A-Za-z0-9]{53}`)}, // bcrypt
}

// shortest is the length of the shortest of the forms.
const shortest = 15

func ofForm(text string) bool {
	if len(text) < shortest {
		return false
	}
	for _, f := range forms {
		if strings.Contains(text, f.marker) && f.form.MatchString(text) {
			return true
		}
	}
	return false
}

// How a text says that it holds a Secret, or what one is made of, and where the
// values are; in YAML or JSON, with quotes that are escaped or not.
var (
	secretKind  = regexp.MustCompile(`(?i)\bkind\\*["']?\s*:\s*\\*["']?([a-z]*)secrets?\b`)
	secretData  = regexp.MustCompile(`\b(?:data|stringData)\\*["']?\s*:`)
	madeOf      = regexp.MustCompile(`(?i)\b[a-z]*templates?\\*["']?\s*:`)
	generator   = regexp.MustCompile(`\bsecretGenerator\\*["']?\s*:`)
	ofGenerator = regexp.MustCompile(`\bliterals\\*["']?\s*:`)
)

// secretObject reports whether a text holds a Secret, or what one is made of.
func secretObject(text string) bool {
	if generator.MatchString(text) && ofGenerator.MatchString(text) {
		return true
	}
	if !secretData.MatchString(text) {
		return false
	}
	for _, kind := range secretKind.FindAllStringSubmatch(text, -1) {
		if kind[1] == "" || madeOf.MatchString(text) {
			return true
		}
	}
	return false
}

// IsSecret reports whether objects of a kind hold secret values in their data
// and stringData, or in those of a template: Secret itself, whatever its group,
// and the kinds that Secrets are made from, such as SealedSecret and
// ExternalSecret.
func IsSecret(kind string) bool {
	kind = strings.TrimSuffix(strings.ToLower(kind), "s")
	return strings.HasSuffix(kind, "secret")
}

// decoded is the text that a text is the base64 of, empty if it is none.
func decoded(text string) string {
	if len(text) < shortest || strings.ContainsAny(text, " :.,@") {
		return ""
	}
	text = strings.TrimRight(strings.Join(strings.Fields(text), ""), "=")
	out, err := base64.RawStdEncoding.DecodeString(text)
	if err != nil {
		out, err = base64.RawURLEncoding.DecodeString(text)
	}
	if err != nil || !utf8.Valid(out) || strings.ContainsFunc(string(out), notText) {
		return ""
	}
	return string(out)
}

func notText(r rune) bool { return unicode.IsControl(r) && r != '\n' && r != '\t' && r != '\r' }

// random reports whether a text looks like what a machine made to be a secret:
// long, of one word, with letters of both cases and digits.
func random(text string) bool {
	var lower, upper, digit bool
	for i := range len(text) {
		switch c := text[i]; {
		case c >= 'a' && c <= 'z':
			lower = true
		case c >= 'A' && c <= 'Z':
			upper = true
		case c >= '0' && c <= '9':
			digit = true
		case strings.IndexByte("+/=_.~%-", c) < 0:
			return false
		}
	}
	return len(text) >= 16 && lower && upper && digit
}
