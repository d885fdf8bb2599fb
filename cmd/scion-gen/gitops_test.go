package main

import (
	"bytes"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/scion-gen/scion-gen/pkg/diff/report"
)

const gitopsExamples = "../../examples/gitops"

// changedRepository is what init lays out, as a clone on a branch that changes
// an agent; the manifests of both commits are up to date.
func changedRepository(t *testing.T) string {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "repo")
	if code, out := initTo(t, dir); code != exitOK {
		t.Fatal(out)
	}
	commitAll(t, dir)
	replaceIn(t, filepath.Join(dir, "agents/builder.yaml"), "oldest", "newest")
	out, err := shell(t, dir, nil,
		"git remote add origin https://git.example.com/agents.git && git update-ref refs/remotes/origin/main main && git checkout -q -b change",
		"scion-gen build overlays -o deploy --render agents=manifests",
		"git -c user.name=test -c user.email=test@example.com commit -qam second")
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	return dir
}

// record is a folder with programs that only write down how they are called.
func record(t *testing.T, programs ...string) (path string, calls func() string) {
	t.Helper()
	dir := t.TempDir()
	for _, name := range programs {
		answering(t, dir, name, "")
	}
	return dir + ":" + os.Getenv("PATH"), func() string {
		data, err := os.ReadFile(filepath.Join(dir, "calls"))
		if err != nil {
			t.Error(err)
		}
		return string(data)
	}
}

// answering makes a program that writes down how it is called, and does what a
// script says.
func answering(t *testing.T, dir, name, script string) {
	t.Helper()
	text := "#!/bin/sh\nfor a in " + name + ` "$@"; do printf '%s\n' "$a"; done >>` + dir + "/calls\n" + script
	if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o755); err != nil {
		t.Fatal(err)
	}
}

// The answers of the hosts to who asks for the comments: of others, and that of
// an earlier push, which is on the second page.
const (
	githubComments = `[{"id": 1, "user": {"type": "User"}, "body": "<!-- scion-gen diff -->\nmine"},
 {"id": 2, "user": {"type": "Bot"}, "body": "tests pass"},
 {"id": 3, "user": {"type": "Bot"}, "body": "<!-- scion-gen diff -->\nold"}, {"id": 4, "user": {"type": "Bot"}, "body": "<!-- scion-gen diff -->\nolder"}]`
	gitlabFirst  = `[{"id": 1, "system": true, "body": "<!-- scion-gen diff -->"}, {"id": 2, "system": false, "body": "nice"}]`
	gitlabSecond = `[{"id": 3, "system": false, "body": "<!-- scion-gen diff -->\nold"}]`
)

// The pipelines render, check and post the diff, with the variables that their
// hosts document: as a comment that is made once and updated then.
func TestExamplePipelines(t *testing.T) {
	_, err := exec.LookPath("jq")
	needs(t, err == nil, "jq is not installed")
	temp := t.TempDir()
	// gh hands what it is given to --jq to its own jq.
	gh := `test "$2" = --paginate || exit 0
printf '%s' "$COMMENTS" | jq -r "$5"
`
	curl := `while test $# -gt 1; do
  case $1 in
  --dump-header) headers=$2;;
  --output) output=$2;;
  esac
  shift
done
case $1 in
*page=1) printf 'HTTP/2 200\r\nx-next-page: %s\r\n' "$NEXT" >"$headers"; printf '%s' "$FIRST" >"$output";;
*page=2) printf 'HTTP/2 200\r\nx-next-page: \r\n' >"$headers"; printf '%s' "$SECOND" >"$output";;
esac
`
	github := []string{"GITHUB_BASE_REF=main", "RUNNER_TEMP=" + temp, "GITHUB_STEP_SUMMARY=" + temp + "/summary", "GITHUB_REPOSITORY=acme/agents", "PULL_REQUEST=7"}
	gitlab := []string{"CI_MERGE_REQUEST_TARGET_BRANCH_NAME=main", "CI_API_V4_URL=https://gitlab.example.com/api/v4", "CI_PROJECT_ID=1", "CI_MERGE_REQUEST_IID=7", "COMMENT_TOKEN=t"}
	notes := "https://gitlab.example.com/api/v4/projects/1/merge_requests/7/notes"
	for _, tt := range []struct {
		name    string
		steps   []string
		env     []string
		comment string
		called  string
	}{
		{"github", githubSteps(t, gitopsExamples+"/github/manifests.yaml"), append(github, "COMMENTS=[]"),
			temp + "/comment.md", "gh\napi\n--silent\n--method\nPOST\nrepos/acme/agents/issues/7/comments\n--field\nbody=@" + temp + "/comment.md\n"},
		{"github, again", githubSteps(t, gitopsExamples+"/github/manifests.yaml"), append(github, "COMMENTS="+githubComments),
			temp + "/comment.md", "gh\napi\n--silent\n--method\nPATCH\nrepos/acme/agents/issues/comments/3\n--field\nbody=@" + temp + "/comment.md\n"},
		{"gitlab", gitlabSteps(t, gitopsExamples+"/gitlab/.gitlab-ci.yml"), append(gitlab, "FIRST=[]"),
			"note.md", "--data-urlencode\nbody@note.md\n" + notes + "\n"},
		{"gitlab, again", gitlabSteps(t, gitopsExamples+"/gitlab/.gitlab-ci.yml"), append(gitlab, "NEXT=2", "FIRST="+gitlabFirst, "SECOND="+gitlabSecond),
			"note.md", "--request\nPUT\n--data-urlencode\nbody@note.md\n" + notes + "/3\n"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			path, calls := record(t)
			bin, _, _ := strings.Cut(path, ":")
			answering(t, bin, "gh", gh)
			answering(t, bin, "curl", curl)
			dir := changedRepository(t)
			if out, err := shell(t, dir, append(tt.env, "PATH="+path), tt.steps...); err != nil {
				t.Fatalf("%v\n%s", err, out)
			}
			if !filepath.IsAbs(tt.comment) {
				tt.comment = filepath.Join(dir, tt.comment)
			}
			comment, err := os.ReadFile(tt.comment)
			if err != nil || !bytes.HasPrefix(comment, []byte(report.Marker+"\n")) || !bytes.Contains(comment, []byte("shop--builder")) {
				t.Errorf("the comment is %v\n%s", err, comment)
			}
			if !strings.HasSuffix(calls(), tt.called) {
				t.Errorf("called was:\n%s", calls())
			}
			replaceIn(t, filepath.Join(dir, "deploy/prod/v1_pod_shop--builder.yaml"), "36000", "1")
			if out, err := shell(t, dir, append(tt.env, "PATH="+path), tt.steps...); err == nil {
				t.Errorf("green with a manifest that was edited by hand\n%s", out)
			}
		})
	}
}

// The hooks have the fields that pre-commit asks for; they pass what is up to
// date and stop what is not.
func TestPreCommitHooks(t *testing.T) {
	var hooks []struct {
		ID, Name, Entry, Language, Files string
		Args                             []string
		PassFilenames                    *bool `json:"pass_filenames"`
	}
	readYAML(t, "../../.pre-commit-hooks.yaml", &hooks)
	if len(hooks) == 0 {
		t.Fatal("no hooks")
	}
	dir := changedRepository(t)
	for _, broken := range []bool{false, true} {
		for _, h := range hooks {
			if h.ID == "" || h.Name == "" || h.Language != "golang" || h.PassFilenames == nil || *h.PassFilenames {
				t.Errorf("hook %+v", h)
			}
			if out, err := shell(t, dir, nil, h.Entry+" "+strings.Join(h.Args, " ")); (err != nil) != broken {
				t.Errorf("%s: error %v, broken is %v\n%s", h.ID, err, broken, out)
			}
		}
		if !broken {
			replaceIn(t, filepath.Join(dir, "deploy/prod/v1_pod_shop--builder.yaml"), "36000", "1")
			replaceIn(t, filepath.Join(dir, "agents/reviewer.yaml"), "100m", "200m")
		}
	}
}

// The plugin finds the configuration and prints manifests alone, in the
// environment of argocd-cmp-server: the application's folder as the current one,
// no home, and its variables.
func TestArgoCDPlugin(t *testing.T) {
	type command struct{ Command, Args []string }
	var plugin struct {
		APIVersion, Kind string
		Metadata         struct{ Name string }
		Spec             struct {
			Version  string
			Generate command
			Discover struct{ Find command }
		}
	}
	readYAML(t, gitopsExamples+"/argocd/plugin.yaml", &plugin)
	if plugin.APIVersion != "argoproj.io/v1alpha1" || plugin.Kind != "ConfigManagementPlugin" || plugin.Metadata.Name == "" || plugin.Spec.Version != version {
		t.Errorf("the plugin is %+v", plugin)
	}
	repo := changedRepository(t)
	call := func(c command, dir string) string {
		argv := slices.Concat(c.Command, c.Args)
		var stdout, stderr bytes.Buffer
		cmd := exec.CommandContext(t.Context(), argv[0], argv[1:]...)
		cmd.Dir, cmd.Stdout, cmd.Stderr = dir, &stdout, &stderr
		cmd.Env = []string{"PATH=" + os.Getenv("PATH"), "HOME=/nonexistent", "TMPDIR=" + t.TempDir(),
			"ARGOCD_APP_NAME=agents", "ARGOCD_APP_NAMESPACE=agents", "ARGOCD_APP_REVISION=HEAD", "ARGOCD_APP_SOURCE_PATH=agents", "ARGOCD_APP_PARAMETERS=[]"}
		if err := cmd.Run(); err != nil || stderr.Len() > 0 {
			t.Fatalf("%q: %v\n%s", argv, err, &stderr)
		}
		return stdout.String()
	}
	agents := filepath.Join(repo, "agents")
	if call(plugin.Spec.Discover.Find, agents) == "" {
		t.Error("the plugin does not find the configuration")
	}
	if found := call(plugin.Spec.Discover.Find, filepath.Join(repo, "deploy")); found != "" {
		t.Errorf("the plugin finds configuration in %s", found)
	}
	if diff := cmp.Diff(string(renderStream(t, agents)), call(plugin.Spec.Generate, agents)); diff != "" {
		t.Errorf("generate (-render +plugin):\n%s", diff)
	}
}

// The recipe pushes what is committed, and nothing else.
func TestFluxPush(t *testing.T) {
	dir := changedRepository(t)
	script, err := filepath.Abs(gitopsExamples + "/flux/push.sh")
	if err != nil {
		t.Fatal(err)
	}
	path, calls := record(t, "flux")
	if out, err := shell(t, dir, []string{"PATH=" + path}, "sh "+script); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	head, err := shell(t, dir, nil, "git rev-parse HEAD")
	if err != nil {
		t.Fatal(head)
	}
	for _, want := range []string{"flux\npush\nartifact\noci://", "--path=deploy/prod\n", "--source=https://git.example.com/agents.git\n", "--revision=change@sha1:" + head, "--reproducible\n"} {
		if !strings.Contains(calls(), want) {
			t.Errorf("flux is not called with %q:\n%s", want, calls())
		}
	}
	for _, change := range []string{"echo '# new' > deploy/prod/new.yaml", "rm deploy/prod/new.yaml && sed -i.old s/36000/1/ deploy/prod/v1_pod_shop--builder.yaml && rm deploy/prod/*.old"} {
		if out, err := shell(t, dir, nil, change); err != nil {
			t.Fatalf("%v\n%s", err, out)
		}
		if out, err := shell(t, dir, []string{"PATH=" + path}, "sh "+script); err == nil {
			t.Errorf("%s: pushed what is not committed\n%s", change, out)
		}
	}
}

// All that is YAML among the examples is.
func TestGitOpsExamplesAreYAML(t *testing.T) {
	seen := 0
	err := filepath.WalkDir(gitopsExamples, func(path string, entry fs.DirEntry, err error) error {
		if err != nil || !isYAML(path) || entry.IsDir() {
			return err
		}
		data, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		for _, doc := range strings.Split(string(data), "\n---\n") {
			file := filepath.Join(t.TempDir(), "doc.yaml")
			if err := os.WriteFile(file, []byte(doc), 0o644); err != nil {
				return err
			}
			var o map[string]any
			readYAML(t, file, &o)
			seen++
		}
		return nil
	})
	if err != nil || seen == 0 {
		t.Errorf("%d documents, %v", seen, err)
	}
}

// Argo CD looks into the folders that a large overlay is built to: what it does not
// see it prunes.
func TestArgoCDSeesFolders(t *testing.T) {
	var app struct {
		Spec struct {
			Source struct {
				Directory struct{ Recurse bool }
			}
		}
	}
	readYAML(t, filepath.Join(gitopsExamples, "argocd/application.yaml"), &app)
	if !app.Spec.Source.Directory.Recurse {
		t.Error("the Application does not recurse")
	}
}
