// Package credential tells what looks like a credential: by the name of what it
// is the value of (name.go), by the forms that issuers document (form.go), and
// by what stands around it in a text: a URL, an assignment, a command line, a
// header, JSON or YAML (text.go). It errs on both sides: it is the net below
// references to secrets, not a scanner of secrets. Start with Where, In and Hide.
package credential

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
)

// Named reports whether text is a credential by the name of the variable, key,
// flag, header or file that it is the value of, in any spelling: API_KEY,
// apiKey, --api-key, X-Api-Key, .npmrc. Nothing, a switch, a path or a reference
// is none.
func Named(name, text string) bool {
	n := nameOf(name)
	return n != other && counts(n, name, text)
}

// Where is what stands around a scalar in a tree of mappings and lists, each
// empty where there is none.
type Where struct {
	// Key is the nearest key above, and Above the nearest above that; lists
	// between do not count.
	Key, Above string
	// Beside is the name in the same mapping: see Beside.
	Beside string
	// Before is the text of the item before, in a list.
	Before string
	// Refers says that a remoteRef is in the same mapping: ExternalSecret calls
	// the key of the Secret that it goes to secretKey.
	Refers bool
}

// Beside is what names the value in a mapping that has a name, a key or both.
func Beside(name, key string) string { return cmp.Or(name, key) }

// Credential reports whether text is a credential by what stands around it, and
// by what name: that of a flag before it, or of its key. A value has its name
// beside it or above it.
func (w Where) Credential(text string) (name string, ok bool) {
	if strings.HasPrefix(w.Before, "-") && Named(w.Before, text) {
		return w.Before, true
	}
	name = w.Key
	if name == "value" || name == "literal" {
		name = cmp.Or(w.Beside, w.Above)
	}
	if w.Refers && name == "secretKey" {
		return name, false
	}
	return name, Named(name, text)
}

// In reports whether a text surely holds a credential. Prose and code that read
// like one, as "password: ask the operator" does, do not count; Hide hides them.
func In(text string) bool {
	return slices.ContainsFunc(spans(text), func(s span) bool { return s.sure })
}

// Hidden is what stands in a text for n bytes that are not shown.
func Hidden(n int) string { return fmt.Sprintf("<redacted, %d bytes>", n) }

// Hide is text as it can be shown, and how many bytes of it are hidden: all of
// a text that holds something of a known form or a whole Secret, and else what
// is a credential by what stands around it.
func Hide(text string) (shown string, hidden int) {
	shown = Replace(text, func(secret string) string {
		hidden += len(secret)
		return Hidden(len(secret))
	})
	return shown, hidden
}

// Replace is text with what Hide hides replaced by what by makes of it.
func Replace(text string, by func(secret string) string) string {
	found := spans(text)
	if len(found) == 0 {
		return text
	}
	var out strings.Builder
	last := 0
	for _, s := range found {
		out.WriteString(text[last:s.start])
		out.WriteString(by(text[s.start:s.end]))
		last = s.end
	}
	out.WriteString(text[last:])
	return out.String()
}

// Redact hides in a message what is of a known form, and what is surely a
// credential by what stands around it.
func Redact(text string) string {
	for _, f := range forms {
		if strings.Contains(text, f.marker) {
			text = f.form.ReplaceAllLiteralString(text, "<redacted>")
		}
	}
	found := spans(text)
	slices.Reverse(found)
	for _, s := range found {
		if s.sure {
			text = text[:s.start] + "<redacted>" + text[s.end:]
		}
	}
	return text
}

// span is a part of a text that is a credential, surely or not.
type span struct {
	start, end int
	sure       bool
}

// merge sorts spans and joins those that overlap.
func merge(all []span) []span {
	slices.SortFunc(all, func(a, b span) int { return cmp.Or(cmp.Compare(a.start, b.start), cmp.Compare(b.end, a.end)) })
	var out []span
	for _, s := range all {
		if last := len(out) - 1; last >= 0 && s.start < out[last].end {
			out[last].end = max(out[last].end, s.end)
			out[last].sure = out[last].sure || s.sure
			continue
		}
		out = append(out, s)
	}
	return out
}
