package main

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"sigs.k8s.io/yaml"
)

// githubSteps are the shell steps of a GitHub workflow, as the runner gives them
// to the shell, without the one that installs this program.
func githubSteps(t *testing.T, file string) []string {
	t.Helper()
	var workflow struct {
		On          map[string]any `json:"on"`
		Permissions map[string]string
		Jobs        map[string]struct {
			RunsOn string `json:"runs-on"`
			Steps  []struct{ Name, Uses, Run, If string }
		}
	}
	readYAML(t, file, &workflow)
	var steps []string
	for name, job := range workflow.Jobs {
		if job.RunsOn == "" {
			t.Errorf("%s: job %s runs nowhere", file, name)
		}
		for _, step := range job.Steps {
			if (step.Uses == "") == (step.Run == "") {
				t.Errorf("%s: step %q has not one of uses and run", file, step.Name)
			}
			if step.Run != "" && !strings.Contains(step.Run, "go install") {
				steps = append(steps, step.Run)
			}
		}
	}
	return someSteps(t, file, steps)
}

// gitlabSteps are the script of a GitLab pipeline.
func gitlabSteps(t *testing.T, file string) []string {
	t.Helper()
	var pipeline map[string]struct{ Script []string }
	readYAML(t, file, &pipeline)
	var steps []string
	for _, job := range pipeline {
		steps = append(steps, job.Script...)
	}
	return someSteps(t, file, steps)
}

func someSteps(t *testing.T, file string, steps []string) []string {
	if len(steps) == 0 {
		t.Fatalf("%s: no steps", file)
	}
	return steps
}

func readYAML(t *testing.T, file string, v any) {
	t.Helper()
	data, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	// The key on is a boolean in YAML 1.1; GitHub reads it as a word.
	if err := yaml.Unmarshal(bytes.ReplaceAll(data, []byte("\non:"), []byte("\n\"on\":")), v); err != nil {
		t.Fatalf("%s: %v", file, err)
	}
}

// shell runs steps one by one in a directory, up to the first that fails.
func shell(t *testing.T, dir string, env []string, steps ...string) (string, error) {
	t.Helper()
	var out bytes.Buffer
	for _, step := range steps {
		cmd := exec.CommandContext(t.Context(), "sh", "-e", "-c", step)
		cmd.Dir, cmd.Stdout, cmd.Stderr = dir, &out, &out
		cmd.Env = append(os.Environ(), env...)
		if err := cmd.Run(); err != nil {
			return out.String(), err
		}
	}
	return out.String(), nil
}

// commitAll makes the directory a repository with one commit.
func commitAll(t *testing.T, dir string) {
	t.Helper()
	out, err := shell(t, dir, nil, "git init -q -b main", "git add -A",
		"git -c user.name=test -c user.email=test@example.com commit -qm first")
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
}

func replaceIn(t *testing.T, file, old, new string) {
	t.Helper()
	data, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Contains(data, []byte(old)) {
		t.Fatalf("%s has no %q", file, old)
	}
	if err := os.WriteFile(file, bytes.ReplaceAll(data, []byte(old), []byte(new)), 0o644); err != nil {
		t.Fatal(err)
	}
}

func initTo(t *testing.T, dir string) (code int, out string) {
	var b bytes.Buffer
	code = run(t.Context(), []string{"init", dir}, strings.NewReader(""), &b, &b)
	return code, b.String()
}

// What init lays out is green from its first commit, in both pipelines, and red
// as soon as something is not as the configuration has it.
func TestInit(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "repo")
	if code, out := initTo(t, dir); code != exitOK || !strings.Contains(out, "git commit") {
		t.Fatalf("exit code %d\n%s", code, out)
	}
	commitAll(t, dir)
	pipelines := map[string][]string{
		"github": githubSteps(t, filepath.Join(dir, ".github/workflows/manifests.yaml")),
		"gitlab": gitlabSteps(t, filepath.Join(dir, ".gitlab-ci.yml")),
	}
	for name, steps := range pipelines {
		if out, err := shell(t, dir, nil, steps...); err != nil {
			t.Errorf("%s: %v\n%s", name, err, out)
		}
	}
	if out, err := shell(t, dir, nil, `test -z "$(git status --porcelain)"`); err != nil {
		t.Errorf("the pipelines changed something: %v\n%s", err, out)
	}
	built := string(stockBuild(t, filepath.Join(dir, "overlays/prod")))
	if diff := cmp.Diff(string(renderBuild(t, filepath.Join(dir, "overlays/prod"))), built); diff != "" {
		t.Errorf("(-ours +stock):\n%s", diff)
	}
	for _, breakage := range []struct{ file, old, new string }{
		{"agents/builder.yaml", "oldest", "newest"},
		{"manifests/agents/agent-shop--builder.yaml", "oldest", "newest"},
		{"overlays/prod/kustomization.yaml", "36000", "3600"},
		{"deploy/prod/v1_pod_shop--builder.yaml", "36000", "3600"},
		{"deploy/.scion-gen-index", "Pod/shop--builder", "Pod/shop--other"},
	} {
		replaceIn(t, filepath.Join(dir, breakage.file), breakage.old, breakage.new)
		for name, steps := range pipelines {
			if out, err := shell(t, dir, nil, steps...); err == nil {
				t.Errorf("%s is green though %s has changed\n%s", name, breakage.file, out)
			}
		}
		replaceIn(t, filepath.Join(dir, breakage.file), breakage.new, breakage.old)
	}
}

func renderBuild(t *testing.T, dir string) []byte {
	t.Helper()
	var stdout, stderr bytes.Buffer
	if code := run(t.Context(), []string{"build", dir}, strings.NewReader(""), &stdout, &stderr); code != exitOK {
		t.Fatalf("scion-gen build %s: exit code %d\n%s", dir, code, &stderr)
	}
	return stdout.Bytes()
}

// Files that are not in the way do not matter; one that is stops it all.
func TestInitBesideOtherFiles(t *testing.T) {
	dir := t.TempDir()
	for name, wantCode := range map[string]int{"LICENSE": exitOK, "README.md": exitInput} {
		dir := filepath.Join(dir, name)
		if err := os.MkdirAll(dir, 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(dir, name), []byte("mine"), 0o644); err != nil {
			t.Fatal(err)
		}
		code, out := initTo(t, dir)
		if code != wantCode || code != exitOK && !strings.Contains(out, "README.md: is there already") {
			t.Errorf("beside %s: exit code %d\n%s", name, code, out)
		}
		files := readFiles(t, dir)
		if files[name] != "mine" || code != exitOK && len(files) != 1 {
			t.Errorf("beside %s: wrote %d files", name, len(files)-1)
		}
	}
}

// The pipelines install the release they came with.
func TestInitInstallsThisVersion(t *testing.T) {
	for _, file := range []string{"init/.github/workflows/manifests.yaml", "init/.gitlab-ci.yml"} {
		data, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		if !bytes.Contains(data, []byte("cmd/scion-gen@"+version+"\n")) {
			t.Errorf("%s does not install %s", file, version)
		}
	}
}
