package render

import (
	"fmt"
	"os"
	"strings"
	"testing"

	"sigs.k8s.io/yaml"
)

// TestSourcedEnv has shells source the file that sciontool init makes of what
// is rendered. What would make them act is an error.
func TestSourcedEnv(t *testing.T) {
	tests := []struct {
		why, text string
		refused   bool
	}{
		{"a command", "$(touch pwned)", true},
		{"a command, the old way", "`touch pwned`", true},
		{"a variable", "$HOME", true},
		{"a variable in braces", "${HOME}", true},
		{"arithmetic", "$((1+1))", true},
		{"sciontool's backslashes do not help", "\\$(touch pwned)", true},
		{"a word", "claude-opus-4-1", false},
		{"the end of the quotes", `"; touch pwned; "`, false},
		{"the end of other quotes", `'; touch pwned; '`, false},
		{"backslashes", `\ \\ \" \`, false},
		{"a line", "a\ntouch pwned\n", false},
		{"operators", "a & b | c > d < e ( f ) ; g # h ! * ?", false},
		{"beyond ASCII", "é 🚀", false},
	}
	for _, tt := range tests {
		text, err := yaml.Marshal(map[string]string{"model": tt.text})
		if err != nil {
			t.Fatal(err)
		}
		spec := "  template: generic\n  image: x\n  args: [x]\n  " + strings.ReplaceAll(string(text), "\n", "\n  ") + "\n"
		out, err := renderText(t, spec)
		if tt.refused {
			if err == nil || !strings.Contains(err.Error(), "SCION_MODEL has a $ or a backquote") {
				t.Errorf("%s: got %v", tt.why, err)
			}
			continue
		}
		if err != nil {
			t.Fatalf("%s: %v\n%s", tt.why, err, out)
		}
		eachShell(t, func(t *testing.T, shell string) { sourceScionEnv(t, shell, spec, tt.text) })
	}
}

// sourceScionEnv makes the file as sciontool init does, and has a shell source
// it in an empty directory.
func sourceScionEnv(t *testing.T, shell, spec, model string) {
	t.Helper()
	dir := t.TempDir()
	var file strings.Builder
	for _, e := range renderAgent(t, spec).pod.Spec.Containers[0].Env {
		if strings.HasPrefix(e.Name, "SCION_") {
			fmt.Fprintf(&file, "export %s=%q\n", e.Name, kubeletExpand(e.Value, map[string]string{"HOME": "/home/scion"}))
		}
	}
	writeFile(t, dir+"/env", file.String(), 0o644)
	cmd := shellCommand(t, shell, ". "+dir+`/env; printf %s "$SCION_MODEL"`)
	cmd.SysProcAttr = nil
	if err := os.Mkdir(dir+"/work", 0o755); err != nil {
		t.Fatal(err)
	}
	cmd.Dir = dir + "/work"
	out, err := cmd.CombinedOutput()
	if want := strings.ReplaceAll(model, "\n", `\n`); err != nil || string(out) != want {
		t.Errorf("%s sources %q as %q, %v", shell, model, out, err)
	}
	if files, err := os.ReadDir(cmd.Dir); err != nil || len(files) > 0 {
		t.Errorf("%s ran a part of %q: %v", shell, model, files)
	}
}

func TestSourcedEnvWhere(t *testing.T) {
	tests := []struct {
		why, spec string
		refused   bool
	}{
		{"any setting that becomes a variable", "  hub: {creator: \"$(id)\"}\n", true},
		{"a branch may be named so", "  workspace: {git: {url: https://h/r, branch: \"`id`\"}}\n", true},
		{"the agent's own variable", "  env: {SCION_X: \"`id`\"}\n", true},
		{"the kubelet makes it one", "  env: {SCION_X: $$(id)}\n", true},
		{"the kubelet does not know the name", "  env: {SCION_X: $(id)}\n", true},
		{"by way of another variable", "  env: {A: \"`id`\", SCION_X: $(A)}\n", true},
		{"a patch", "  pod: {spec: {containers: [{name: agent, env: [{name: SCION_X, value: \"`id`\"}]}]}}\n", true},
		{"sciontool writes this too", "  env: {GITHUB_TOKEN_HINT: \"`id`\"}\n", true},
		{"the kubelet expands it", "  env: {SCION_X: $(HOME)/x}\n", false},
		{"not in the file", "  env: {X: \"`id` $$(id)\"}\n", false},
		{"another container's", "  pod: {spec: {containers: [{name: side, image: x, securityContext: {allowPrivilegeEscalation: false, capabilities: {drop: [ALL]}}, env: [{name: SCION_X, value: \"`id`\"}]}]}}\n", false},
	}
	for _, tt := range tests {
		_, err := renderText(t, "  template: claude\n"+tt.spec)
		refused := err != nil && strings.Contains(err.Error(), "~/.scion/scion-env")
		if refused != tt.refused || err != nil && !tt.refused {
			t.Errorf("%s: got %v", tt.why, err)
		}
	}
}
