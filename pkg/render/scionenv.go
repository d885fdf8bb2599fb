package render

import (
	"strings"

	"github.com/scion-gen/scion-gen/pkg/manifest"
)

// sourcedEnv reports variables that a shell would act on: sciontool init
// writes those of its prefixes to ~/.scion/scion-env in double quotes
// (scionEnvVarPrefixes of its init command), and every interactive shell of
// Scion's images sources that file. Backslashes and double quotes it escapes.
// The start command is written to be inert.
func (c *podCheck) sourcedEnv(container *manifest.Node, path string) {
	active := c.active
	clear(active)
	for i, e := range items(container.Get("env")) {
		name := textOf(e.Get("name"))
		active[name] = actsInQuotes(textOf(e.Get("value")), active)
		sourced := strings.HasPrefix(name, "SCION_") || strings.HasPrefix(name, githubToken)
		if active[name] && sourced && name != envStartCommand {
			c.report(manifest.Index(path+".env", i)+".value",
				"%s has a $ or a backquote, which every shell that sources ~/.scion/scion-env would act on; remove it", name)
		}
	}
}

// actsInQuotes reports whether a shell that reads text in double quotes, as
// the kubelet expands it, would do more than read it. known says the same of
// the variables that the kubelet knows.
func actsInQuotes(text string, known map[string]bool) bool {
	for i := 0; i < len(text); i++ {
		switch {
		case text[i] == '`':
			return true
		case text[i] == '$':
			name, rest, closed := strings.Cut(strings.TrimPrefix(text[i+1:], "("), ")")
			acts, ok := known[name]
			if !closed || !strings.HasPrefix(text[i+1:], "(") || !ok || acts {
				return true
			}
			i = len(text) - len(rest) - 1
		}
	}
	return false
}
