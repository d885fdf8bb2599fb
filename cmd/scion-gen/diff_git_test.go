package main

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"testing"
)

const diffPod = `apiVersion: v1
kind: Pod
metadata:
  name: web--rev
  namespace: agents
spec:
  containers:
  - image: agent:1
    name: agent
  restartPolicy: Never
`

// inRepository makes a repository with one commit of files and goes there.
func inRepository(t *testing.T, files map[string]string) {
	t.Helper()
	t.Chdir(t.TempDir())
	for name, text := range files {
		if err := os.MkdirAll(strings.TrimSuffix(name, "/"+lastPart(name)), 0o777); err != nil {
			t.Fatal(err)
		}
		writeText(t, name, text)
	}
	for _, args := range [][]string{
		{"init", "-q"}, {"add", "-A"},
		{"-c", "user.name=t", "-c", "user.email=t@example.com", "commit", "-q", "-m", "first"},
		{"tag", "first"},
	} {
		if out, err := exec.CommandContext(t.Context(), "git", args...).CombinedOutput(); err != nil {
			t.Fatalf("git %s: %v\n%s", args[0], err, out)
		}
	}
}

func lastPart(name string) string { return name[strings.LastIndexByte(name, '/')+1:] }

func runDiff(t *testing.T, stdin string, args ...string) (out string, code int) {
	t.Helper()
	var stdout, stderr bytes.Buffer
	code = run(context.Background(), append([]string{"diff"}, args...), strings.NewReader(stdin), &stdout, &stderr)
	return stdout.String() + stderr.String(), code
}

// A commit is read as the disk is: files, trees, overlays that reach for bases
// beside them, and what a commit leaves out of its archives.
func TestDiffGit(t *testing.T) {
	inRepository(t, map[string]string{
		"pods/agents/pod.yaml":             diffPod,
		"pods/.gitattributes":              "* export-ignore\n",
		"pods/.hidden/pod.yaml":            "not: [read",
		"gone/pod.yaml":                    strings.Replace(diffPod, "web", "gone", 1),
		"base/kustomization.yaml":          "resources: [pod.yaml]\n",
		"base/pod.yaml":                    diffPod,
		"overlays/prod/kustomization.yaml": "resources: [../../base]\nnamespace: prod\n",
	})
	writeText(t, "pods/agents/pod.yaml", strings.Replace(diffPod, "agent:1", "agent:2", 1))
	writeText(t, "base/pod.yaml", strings.Replace(diffPod, "Never", "Always", 1))
	if err := os.RemoveAll("gone"); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		why  string
		args []string
		code int
		want string
	}{
		{"a tree", []string{"git:first:pods", "pods"}, 1, "agent:1 -> agent:2"},
		{"a file, by another name of the commit", []string{"git:HEAD:pods/agents/pod.yaml", "pods/agents/pod.yaml"}, 1, "agent:1 -> agent:2"},
		{"the current directory, where a kustomization has the same object", []string{"git:HEAD", "."}, 1, "[in base]"},
		{"a path that has a dot in front", []string{"git:HEAD:./pods", "git:HEAD:pods/agents"}, 0, "no change"},
		{"an overlay", []string{"git:HEAD:overlays/prod", "overlays/prod"}, 1, "Never -> Always"},
		{"no such commit", []string{"git:nope", "pods"}, 2, "there is no commit nope here"},
		{"a commit that looks like a flag", []string{"git:--help", "pods"}, 2, "there is no commit"},
		{"a path that came after the commit", []string{"git:HEAD:nope", "pods"}, 1, "new: 1 Pod"},
		{"it says so, as it may be a typo", []string{"git:HEAD:nope", "pods"}, 1, "git:HEAD:nope: no such file or directory in that commit: read as empty"},
		{"a path that came after the commit, to render", []string{"render:git:HEAD:nope", "pods"}, 1, "new: 1 Pod"},
		{"a path that came after the commit, to build", []string{"build:git:HEAD:nope", "overlays/prod"}, 1, "new: 1 Pod"},
		{"no such path in two commits", []string{"git:HEAD:nope", "git:first:nope"}, 2, "git:HEAD:nope: no such file or directory in that commit"},
		{"no such path on either side", []string{"git:HEAD:nope", "nope"}, 2, "git:HEAD:nope: no such file or directory in that commit"},
		{"a path that the commit alone has", []string{"git:HEAD:gone", "gone"}, 1, "delete: 1 Pod"},
		{"the same, written otherwise", []string{"git:HEAD:gone", "./gone/"}, 1, "./gone/: no such file or directory: read as empty"},
		{"no such path on disk", []string{"git:HEAD:pods", "nope"}, 2, "nope: no such file or directory"},
		{"no such path on disk, twice", []string{"pods", "nope"}, 2, "nope: no such file or directory"},
		{"a path outside of the repository", []string{"git:HEAD:../..", "pods"}, 2, "outside repository"},
	} {
		t.Run(c.why, func(t *testing.T) {
			out, code := runDiff(t, "", c.args...)
			if code != c.code || !strings.Contains(out, c.want) {
				t.Errorf("exit code %d, want %d, and %q in:\n%s", code, c.code, c.want, out)
			}
		})
	}
}

// Below the root of a repository, paths are as of the current directory, and
// names of files as git takes them.
func TestDiffGitBelowRoot(t *testing.T) {
	inRepository(t, map[string]string{
		"base/kustomization.yaml": "resources: [\":pod.yaml\"]\n",
		"base/:pod.yaml":          diffPod,
		"pods/agents/pod.yaml":    diffPod,
	})
	writeText(t, "base/:pod.yaml", strings.Replace(diffPod, "agent:1", "agent:2", 1))
	writeText(t, "pods/agents/pod.yaml", strings.Replace(diffPod, "agent:1", "agent:2", 1))
	t.Chdir("pods")
	for _, c := range []struct {
		why  string
		args []string
		code int
		want string
	}{
		{"the current directory", []string{"git:HEAD", "."}, 1, "Pod agents/web--rev (agents/pod.yaml:1)  restart"},
		{"a directory in it", []string{"git:HEAD:agents", "agents"}, 1, "agent:1 -> agent:2"},
		{"what was deleted is where git shows it", []string{"git:HEAD:agents", "/dev/null"}, 1, "(HEAD:pods/agents/pod.yaml:1)"},
		{"the one above", []string{"git:HEAD:..", ".."}, 1, "1 of 2 objects differs"},
		{"one beside, built", []string{"git:HEAD:../base", "../base"}, 1, "agent:1 -> agent:2"},
		{"a file with an odd name", []string{"git:HEAD:../base/:pod.yaml", "../base/:pod.yaml"}, 1, "agent:1 -> agent:2"},
		{"none of the same name as one at the root", []string{"git:HEAD:pods", "agents"}, 1, "git:HEAD:pods: no such file or directory in that commit: read as empty"},
	} {
		t.Run(c.why, func(t *testing.T) {
			out, code := runDiff(t, "", c.args...)
			if code != c.code || !strings.Contains(out, c.want) {
				t.Errorf("exit code %d, want %d, and %q in:\n%s", code, c.code, c.want, out)
			}
		})
	}
}

// What a pipe in CI does.
func TestDiffUsage(t *testing.T) {
	t.Chdir(t.TempDir())
	writeText(t, "old.yaml", diffPod)
	writeText(t, "allow.yaml", "allow:\n- on: recreat\n  reason: x\n")
	for _, c := range []struct {
		why  string
		args []string
		in   string
		code int
		want string
	}{
		{"standard input is a side", []string{"-", "old.yaml"}, diffPod, 0, "no change"},
		{"standard input is one side alone", []string{"-", "-"}, "", 2, "one side alone"},
		{"an empty side is a side", []string{"-", "old.yaml"}, "", 1, "new: 1 Pod"},
		{"one side", []string{"old.yaml"}, "", 2, "accepts 2 arg"},
		{"a condition that nothing meets is a mistake", []string{"old.yaml", "old.yaml", "--fail-on", "recreat"}, "", 2, "recreat is nothing to fail on"},
		{"an allow file without a gate allows nothing", []string{"old.yaml", "old.yaml", "--allow", "allow.yaml"}, "", 2, "--allow needs --fail-on"},
		{"an allow file with a mistake", []string{"old.yaml", "old.yaml", "--fail-on", "delete", "--allow", "allow.yaml"}, "", 2, "allow.yaml:2:7"},
		{"no day", []string{"old.yaml", "old.yaml", "--fail-on", "delete", "--now", "tomorrow"}, "", 2, "is no day"},
		{"what is no object", []string{"-", "old.yaml"}, "a: b\n", 2, "is no object"},
		{"an alias bomb", []string{"-", "old.yaml"}, aliasBomb(), 2, "ten times as large"},
		{"colour if asked for", []string{"-", "old.yaml", "--color", "always"}, strings.Replace(diffPod, "Never", "Always", 1), 1, "\x1b[33m~\x1b[0m spec.restartPolicy"},
		{"a limit of bytes", []string{"-", "old.yaml", "--max-bytes", "200"}, strings.Replace(diffPod, "Never", "Always", 1), 1, "1 more group not shown"},
	} {
		t.Run(c.why, func(t *testing.T) {
			out, code := runDiff(t, c.in, c.args...)
			if code != c.code || !strings.Contains(out, c.want) {
				t.Errorf("exit code %d, want %d, and %q in:\n%s", code, c.code, c.want, out)
			}
		})
	}
}

func aliasBomb() string {
	bomb := "kind: Pod\na0: &a0 [x, x, x, x, x, x, x, x, x, x]\n"
	for i := range 9 {
		ten := strings.TrimSuffix(strings.Repeat(fmt.Sprintf("*a%d, ", i), 10), ", ")
		bomb += fmt.Sprintf("a%d: &a%d [%s]\n", i+1, i+1, ten)
	}
	return bomb
}
