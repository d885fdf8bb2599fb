package report

import (
	"fmt"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/scion-gen/scion-gen/pkg/diff"
	"github.com/scion-gen/scion-gen/pkg/manifest"
)

// sample is a report that has something of everything: each verdict but resume,
// flags of each severity, groups of one and of many, one value and several, of
// one line and of many, new and deleted objects, redacted values, two trees with
// the same objects, and a gate.
func sample(t testing.TB, agents int) *diff.Report {
	t.Helper()
	var old, new strings.Builder
	for i := range agents {
		agent(&old, i, "registry.example.com/agents/claude:v1", "500m", "privileged: false")
		extra := "privileged: false"
		if i == 7 {
			extra = "privileged: true"
		}
		if i != 3 {
			agent(&new, i, "ghcr.io/agents/claude:latest", []string{"750m", "500m", "500m"}[i%3], extra)
		}
	}
	old.WriteString(around("1", "ready", "bbbbbbbbbbbbbbbb"))
	new.WriteString(around("2", "ready now", "aaaaaaaaaaaa"))
	new.WriteString(`---
apiVersion: v1
kind: ConfigMap
metadata: {name: fresh, namespace: agents}
data: {a: b}
`)
	var errs manifest.Errors
	var sides [2]*diff.Side
	for i, text := range []string{old.String(), new.String()} {
		name := []string{"old", "new"}[i]
		sides[i] = diff.Read(name, []diff.File{
			{Name: name + "/pods.yaml", Path: "pods.yaml", Data: []byte(text), Scope: "manifests"},
			{Name: name + "/prod.yaml", Path: "prod.yaml", Data: []byte(strings.ReplaceAll(text, "agents/claude", "prod/claude")), Scope: "deploy/prod"},
		}, &errs)
	}
	if err := errs.Err(); err != nil {
		t.Fatal(err)
	}
	r := diff.Compare(sides[0], sides[1], diff.Options{})
	gate, err := diff.NewGate([]string{"recreate", "security"}, time.Date(2026, 1, 2, 0, 0, 0, 0, time.UTC))
	if err != nil {
		t.Fatal(err)
	}
	gate.Allow = []diff.Allowance{
		{On: "image-latest", Reason: "the registry has no other tag yet", Expires: "2026-12-31"},
		{On: "privileged", Reason: "it was so once", Expires: "2026-01-01"},
		{On: "host-pid", Reason: "nothing has it"},
	}
	r.Gate = gate.Check(r)
	return r
}

func agent(out *strings.Builder, i int, image, cpu, security string) {
	fmt.Fprintf(out, `---
apiVersion: v1
kind: Pod
metadata: {name: agent-%[1]d, namespace: agents}
spec:
  containers:
  - name: agent
    image: %[2]s
    command: [sh, -c, "work on %[1]d at %[3]s"]
    env: [{name: SCION_AGENT_NAME, value: agent-%[1]d}]
    resources: {requests: {cpu: %[3]s}}
    securityContext: {%[4]s}
`, i, image, cpu, security)
}

func around(mode, word, token string) string {
	return fmt.Sprintf(`---
apiVersion: v1
kind: ConfigMap
metadata: {name: seed, namespace: agents}
data:
  mode: "%s"
  setup.sh: |
    #!/bin/sh
    set -eu
    mkdir -p .config
    cp /seed/settings.json .config/
    echo "%s"
    exec "$@"
---
apiVersion: v1
kind: Secret
metadata: {name: token, namespace: agents}
stringData: {token: %s}
`, mode, word, token)
}

// hostile are texts that would become something else than text if one output
// forgot one rule of its format.
var hostile = []string{
	// HTML and scripts.
	`<script>window.pwned = 1</script>`, `</script><script>window.pwned = 1</script>`, `</style><img src=x onerror="window.pwned = 1">`,
	`<img src="https://evil.example/x.png" onerror="window.pwned = 1">`, `<svg onload=window.pwned=1>`, `" onmouseover="window.pwned = 1" autofocus onfocus="window.pwned = 1`,
	`' onclick='window.pwned = 1`, `javascript:window.pwned=1`, `<base href="https://evil.example/">`, `<meta http-equiv="refresh" content="0;url=https://evil.example">`,
	`<link rel=stylesheet href=https://evil.example/x.css>`, `<iframe srcdoc="<script>parent.pwned=1</script>"></iframe>`, `{{.Gate}}`, "${window.pwned = 1}", "`${window.pwned = 1}`",
	`&lt;script&gt;`, `&#60;script&#62;`, `<!--`, `-->`, `<!-- x`, `]]>`, `<![CDATA[`, `<?xml`, `</details>`, `<details>`, `</summary>`, `</code></summary><b>`,
	// Markdown, and what platforms add to it.
	"```", "````\n```\n~~~", "~~~", "`", "``", "` `", "a`b``c", `\`, `a\`, `a|b`, `a\|b`, "`|`", `*a*`, `_a_`, `__a__`, `~~a~~`, `# a`, `> a`, `- a`, `- [ ] a`, `1. a`, `1) a`, `---`, `===`, `| a |`,
	`[a](https://evil.example)`, `![a](https://evil.example/x.png)`, `[a]: https://evil.example`, `[^1]`, `<https://evil.example>`,
	`https://evil.example`, `http://evil.example`, `ftp://evil.example`, `www.evil.example`, `mail@evil.example`, `mailto:mail@evil.example`, `xmpp:a@evil.example`,
	`@user`, `@org/team`, `#1`, `GH-1`, `gh-1`, `org/repo#1`, `user@0123456789abcdef`, `0123456789abcdef0123456789abcdef01234567`, `0123abc`, `!1`, `%1`, `~label`, `$x$`, `$$x$$`, `:tada:`, `a:tada:b`, `a:100:`, `a:-1:`, `JIRA-1`,
	"\n\n</details>\n\n# a\n\n@user", "\n", "\n\n", "\t", "    code", " ", "  a  ", "a\n- b\n\n```\n</details>\n", "a\r\nb", "\r",
	// Workflow commands.
	"::error::a", "\n::error::a", "%0A::error::a", "##[error]a", "a,b=c:d",
	// What is not to be seen, and what is no text.
	"\x00", "\x1b[31m", "a\u202eb", "\u200b", "\ufeff", "\u2028", "\ufffe", "\xff", "a\xc3", "\U000e0041", "👩‍👩‍👧",
	// What is too much.
	strings.Repeat("x", 5000), strings.Repeat("`", 300), strings.Repeat("a\n", 2000),
}

// poison sets every text that can be reached to what payload returns.
func poison(v reflect.Value, payload func() string) {
	switch v.Kind() {
	case reflect.Pointer:
		if !v.IsNil() {
			poison(v.Elem(), payload)
		}
	case reflect.Struct:
		for i := range v.NumField() {
			poison(v.Field(i), payload)
		}
	case reflect.Slice:
		for i := range v.Len() {
			poison(v.Index(i), payload)
		}
	case reflect.String:
		if v.CanSet() {
			v.SetString(payload())
		}
	}
}

// poisoned is the sample with one text everywhere.
func poisoned(t testing.TB, text string) *diff.Report {
	t.Helper()
	r := sample(t, 24)
	poison(reflect.ValueOf(r), func() string { return text })
	return r
}

// The sample must have all that the tests of outputs rely on.
func TestSampleHasEverything(t *testing.T) {
	r := sample(t, 24)
	for _, v := range []diff.Verdict{diff.InPlace, diff.New, diff.Restart, diff.Recreate, diff.Delete} {
		if r.Summary.Verdicts[v] == 0 {
			t.Errorf("nothing is %s", v)
		}
	}
	for _, s := range diff.Severities {
		if r.Summary.Flags[s] == 0 {
			t.Errorf("no flag is %s", s)
		}
	}
	several, redacted, scoped := false, false, false
	for _, g := range r.Groups {
		for _, c := range g.Changes {
			several = several || len(c.Rows) > 3
			scoped = scoped || otherScopes(r, groupScopes(r, g), c.Rows[0]) != ""
			redacted = redacted || c.Rows[0].New != nil && c.Rows[0].New.Redacted
		}
	}
	if !several || !redacted || !scoped {
		t.Errorf("several values: %v, redacted values: %v, values of one tree: %v", several, redacted, scoped)
	}
	if g := r.Gate; len(g.Violations) == 0 || len(g.Allowed) == 0 || len(g.Expired) == 0 || len(g.Unused) == 0 {
		t.Errorf("gate: %d stopped, %d allowed, %d expired, %d unused", len(g.Violations), len(g.Allowed), len(g.Expired), len(g.Unused))
	}
}
