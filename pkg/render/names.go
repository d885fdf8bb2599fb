package render

import (
	"crypto/sha256"
	"encoding/hex"
	"strings"

	"k8s.io/apimachinery/pkg/util/validation"
)

// maxName is the length of a DNS label (RFC 1123): what a pod's hostname, a
// label's value and a volume's name may have at most.
const maxName = validation.DNS1123LabelMaxLength

// podName is <grove>--<agent>, as Scion names containers, or the agent's name
// where it has no grove.
func podName(grove, agent string) string {
	if grove == "" {
		return agent
	}
	return fitName(grove + "--" + agent)
}

// fitName shortens a name that is too long to be a DNS label; a hash of the
// whole name keeps it apart from others that start alike.
func fitName(name string) string {
	if len(name) <= maxName {
		return name
	}
	hash := shortHash(name)
	return strings.TrimRight(name[:maxName-len(hash)-1], "-.") + "-" + hash
}

// labelValue is text as a label can carry it: as it is, or, where it is too
// long or has other characters, changed and told apart by a hash.
func labelValue(text string) string {
	if len(isLabelValue(text)) == 0 {
		return text
	}
	plain := strings.Map(func(r rune) rune {
		if r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || r == '-' || r == '_' || r == '.' {
			return r
		}
		return '-'
	}, text)
	hash := shortHash(text)
	plain = strings.Trim(plain[:min(len(plain), maxName-len(hash)-1)], "-_.")
	if plain == "" {
		return hash
	}
	return plain + "-" + hash
}

// isLabelValue is the API's check, without its regular expression for lowercase
// letters, digits and inner hyphens: nearly every label of every pod.
func isLabelValue(text string) []string {
	for i := range len(text) {
		c := text[i]
		if (c < 'a' || c > 'z') && (c < '0' || c > '9') && (c != '-' || i == 0 || i == len(text)-1) {
			return validation.IsValidLabelValue(text)
		}
	}
	if len(text) > maxName {
		return validation.IsValidLabelValue(text)
	}
	return nil
}

// shortHash is eight hexadecimal digits of the text's SHA-256, with a letter
// in front so that no label ever looks like a number.
func shortHash(text string) string {
	sum := sha256.Sum256([]byte(text))
	return "h" + hex.EncodeToString(sum[:4])
}
