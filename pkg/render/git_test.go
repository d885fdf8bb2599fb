package render

import (
	"bytes"
	"fmt"
	"io/fs"
	"net/http"
	"net/http/cgi"
	"net/http/httptest"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/creack/pty"
	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
)

// gitToken has what sh would act on.
const gitToken = `t0ken'"$(id)*`

// gitServer serves a repository as git's own http-backend does, to who gives
// the token. Its branches are main with five commits, topic, and scion/pushed.
type gitServer struct {
	*httptest.Server
	mu    sync.Mutex
	leaks []string // command lines that the token was seen on
}

func newGitServer(t *testing.T) *gitServer {
	t.Helper()
	dir := t.TempDir()
	work := dir + "/work"
	git(t, dir, "init", "--quiet", "-b", "main", "work")
	for i := range 5 {
		writeFile(t, work+"/file", fmt.Sprint(i), 0o644)
		git(t, work, "add", "file")
		git(t, work, "commit", "--quiet", "-m", fmt.Sprint("commit ", i))
	}
	for _, branch := range []string{"topic", "scion/pushed"} {
		git(t, work, "checkout", "--quiet", "-b", branch, "main")
		writeFile(t, work+"/file", branch, 0o644)
		git(t, work, "commit", "--quiet", "-a", "-m", branch)
	}
	git(t, dir, "clone", "--quiet", "--bare", "work", "repo.git")
	git(t, dir+"/repo.git", "config", "http.receivepack", "true")
	s := &gitServer{}
	backend := &cgi.Handler{
		Path: filepath.Join(strings.TrimSpace(git(t, dir, "--exec-path")), "git-http-backend"),
		Env:  []string{"GIT_PROJECT_ROOT=" + dir, "GIT_HTTP_EXPORT_ALL=1", "REMOTE_USER=agent"},
	}
	s.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if _, password, _ := r.BasicAuth(); password != gitToken {
			w.Header().Set("WWW-Authenticate", `Basic realm="git"`)
			w.WriteHeader(http.StatusUnauthorized)
			return
		}
		s.lookForToken()
		backend.ServeHTTP(w, r)
	}))
	t.Cleanup(s.Close)
	return s
}

// lookForToken looks at all command lines while git waits for the server.
func (s *gitServer) lookForToken() {
	files, _ := filepath.Glob("/proc/[0-9]*/cmdline")
	for _, f := range files {
		if line, err := os.ReadFile(f); err == nil && bytes.Contains(line, []byte(gitToken)) {
			s.mu.Lock()
			s.leaks = append(s.leaks, string(line))
			s.mu.Unlock()
		}
	}
}

func git(t *testing.T, dir string, args ...string) string {
	t.Helper()
	cmd := exec.Command(need(t, "git"), args...)
	cmd.Dir = dir
	cmd.Env = []string{"PATH=" + os.Getenv("PATH"), "HOME=/nonexistent",
		"GIT_AUTHOR_NAME=a", "GIT_AUTHOR_EMAIL=a@b.c", "GIT_COMMITTER_NAME=a", "GIT_COMMITTER_EMAIL=a@b.c",
		"GIT_CONFIG_COUNT=1", "GIT_CONFIG_KEY_0=safe.directory", "GIT_CONFIG_VALUE_0=*"}
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("git %s: %v\n%s", strings.Join(args, " "), err, out)
	}
	return string(out)
}

// cloning is a run of the init container git-clone, in a directory that is
// root's as a volume's is.
type cloning struct {
	rendered
	workspace, home string
	shell           string
	token           string
}

func newCloning(t *testing.T, server *gitServer, gitSpec string) *cloning {
	t.Helper()
	dir := t.TempDir()
	c := &cloning{workspace: dir + "/workspace", home: dir + "/home", shell: "dash", token: gitToken}
	c.rendered = renderAgent(t, `
  template: claude
  workspace: {git: {clone: InitContainer, url: "`+server.URL+`/repo.git"`+gitSpec+`}}
  secrets: [{name: GITHUB_TOKEN, from: {secretKeyRef: {name: github, key: token}}}]
`)
	for _, d := range []string{filepath.Dir(dir), dir, c.workspace, c.home} {
		if err := os.MkdirAll(d, 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.Chmod(d, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Chmod(c.workspace, 0o777|fs.ModeSetgid); err != nil {
		t.Fatal(err)
	}
	return c
}

// command is a script in the environment of a container.
func (c *cloning) command(t *testing.T, container corev1.Container, script string) *exec.Cmd {
	t.Helper()
	cmd := shellCommand(t, c.shell, script)
	cmd.Dir = c.workspace
	if c.shell == "busybox" {
		cmd.Env[0] += ":" + os.Getenv("PATH") // git, which Busybox has not
	}
	for _, e := range container.Env {
		value := kubeletExpand(e.Value, nil)
		switch {
		case e.Name == "HOME":
			value = c.home
		case e.ValueFrom != nil:
			value = c.token
		case value == workspaceDir:
			value = c.workspace
		}
		cmd.Env = append(cmd.Env, e.Name+"="+value)
	}
	return cmd
}

func (c *cloning) init(t *testing.T) *exec.Cmd {
	t.Helper()
	container := c.rendered.init(t, "git-clone")
	return c.command(t, container, kubeletExpand(container.Command[2], nil))
}

func (c *cloning) run(t *testing.T) (string, error) {
	t.Helper()
	out, err := c.init(t).CombinedOutput()
	return string(out), err
}

func (c *cloning) mustRun(t *testing.T) {
	t.Helper()
	if out, err := c.run(t); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
}

// agent runs a script as the agent would, in its container.
func (c *cloning) agent(t *testing.T, script string) string {
	t.Helper()
	out, err := c.command(t, c.pod.Spec.Containers[0], script).CombinedOutput()
	if err != nil {
		t.Fatalf("%s: %v\n%s", script, err, out)
	}
	return strings.TrimSpace(string(out))
}

func TestClone(t *testing.T) {
	server := newGitServer(t)
	tests := []struct{ why, spec, branch, file, commits, shallow string }{
		{"the defaults: one commit of main, on a branch of the agent's", "", "scion/dev", "4", "1", "true"},
		{"what the agent pushed before", ", agentBranch: scion/pushed", "scion/pushed", "scion/pushed", "1", "true"},
		{"some commits", ", depth: 3", "scion/dev", "4", "3", "true"},
		{"the whole history", ", depth: 0", "scion/dev", "4", "5", "false"},
		{"another branch", ", branch: topic", "scion/dev", "topic", "1", "true"},
		{"the agent's branch, by a name with what sh would act on", ", agentBranch: \"it's/$(id)\"", "it's/$(id)", "4", "1", "true"},
		{"the agent works on the branch itself", ", branch: topic, agentBranch: topic", "topic", "topic", "1", "true"},
	}
	for i, tt := range tests {
		clone := func(t *testing.T, shell string) {
			c := newCloning(t, server, tt.spec)
			c.shell = shell
			c.mustRun(t)
			got := []string{
				c.agent(t, "git symbolic-ref --short HEAD"),
				c.agent(t, "cat file"),
				c.agent(t, "git rev-list --count HEAD"),
				c.agent(t, "git rev-parse --is-shallow-repository"),
				c.agent(t, "git status --porcelain"),
				c.agent(t, "git remote get-url origin"),
			}
			want := []string{tt.branch, tt.file, tt.commits, tt.shallow, "", server.URL + "/repo.git"}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("%s (-want +got)\n%s", tt.why, diff)
			}
		}
		if i < 2 { // the two ways through the script
			eachShell(t, clone)
		} else {
			clone(t, "dash")
		}
	}
	if server.leaks != nil {
		t.Errorf("the token is on command lines: %q", server.leaks)
	}
}

// TestCloneLeavesNoToken: the token is in no file, and who answers in another's
// name does not get it.
func TestCloneLeavesNoToken(t *testing.T) {
	c := newCloning(t, newGitServer(t), "")
	c.mustRun(t)
	files := 0
	err := filepath.WalkDir(filepath.Dir(c.workspace), func(name string, d fs.DirEntry, err error) error {
		if err != nil || !d.Type().IsRegular() {
			return err
		}
		files++
		data, err := os.ReadFile(name)
		if bytes.Contains(data, []byte("t0ken")) {
			t.Errorf("%s holds the token", name)
		}
		return err
	})
	if err != nil || files == 0 {
		t.Fatal(files, err)
	}
	if out := c.agent(t, `printf 'protocol=https\nhost=elsewhere.example\n\n' | GIT_TERMINAL_PROMPT=0 git credential fill 2>&1 || true`); strings.Contains(out, "t0ken") {
		t.Errorf("another host gets the token:\n%s", out)
	}
}

// TestAgentCommitsAndPushes in its own container, by what the init container
// left.
func TestAgentCommitsAndPushes(t *testing.T) {
	server := newGitServer(t)
	c := newCloning(t, server, "")
	c.mustRun(t)
	got := c.agent(t, `echo new >file && git commit --quiet -a -m new && git log -1 --format='%an <%ae>' && git push --quiet origin HEAD`)
	if want := "Scion Agent (dev) <agent@scion.dev>"; got != want {
		t.Errorf("the author is %s, want %s", got, want)
	}
	next := newCloning(t, server, "")
	next.mustRun(t)
	if got := next.agent(t, "cat file; git rev-parse --abbrev-ref '@{upstream}'"); got != "new\norigin/scion/dev" {
		t.Errorf("the next pod goes on with %s", got)
	}
}

// TestCloneAgain: a workspace that has a branch is the agent's, whatever it
// made of it. The server is not asked.
func TestCloneAgain(t *testing.T) {
	for _, change := range []string{
		"true",
		"echo changed >file; git checkout --quiet -b mine; git branch --quiet -D scion/dev",
		"git checkout --quiet --orphan pages; git reset --quiet",
		"git remote remove origin",
	} {
		server := newGitServer(t)
		c := newCloning(t, server, "")
		c.mustRun(t)
		c.agent(t, change)
		state := "cat file; git status --porcelain --branch; git branch --all --verbose"
		before := c.agent(t, state)
		server.Close()
		c.mustRun(t)
		if diff := cmp.Diff(before, c.agent(t, state)); diff != "" {
			t.Errorf("after %s (-want +got)\n%s", change, diff)
		}
	}
}

// TestCloneIntoClaim: a claim may have files before the first pod has.
func TestCloneIntoClaim(t *testing.T) {
	c := newCloning(t, newGitServer(t), "")
	if err := os.Mkdir(c.workspace+"/lost+found", 0o700); err != nil {
		t.Fatal(err)
	}
	writeFile(t, c.workspace+"/.scion-volumes/build/x", "", 0o644)
	c.mustRun(t)
	if got := c.agent(t, "cat file"); got != "4" {
		t.Error("file is", got)
	}
}

// TestCloneFails as git does, and goes through when it is tried again.
func TestCloneFails(t *testing.T) {
	server := newGitServer(t)
	c := newCloning(t, server, ", branch: missing")
	if out, err := c.run(t); err == nil || !strings.Contains(out, "couldn't find remote ref refs/heads/missing") {
		t.Errorf("no such branch: %v\n%s", err, out)
	}
	c = newCloning(t, server, "")
	c.token = "wrong"
	if out, err := c.run(t); err == nil || !strings.Contains(out, "Authentication failed") {
		t.Errorf("wrong token: %v\n%s", err, out)
	}
	c.token = gitToken
	c.mustRun(t)
	if got := c.agent(t, "cat file"); got != "4" {
		t.Error("second try: file is", got)
	}
}

// TestCloneAsksNobody: where there is no token git would ask a terminal, if a
// patch gives the container one.
func TestCloneAsksNobody(t *testing.T) {
	server := newGitServer(t)
	c := newCloning(t, server, "")
	c.rendered = renderAgent(t, "  template: claude\n  workspace: {git: {clone: InitContainer, url: \""+server.URL+"/repo.git\"}}\n")
	cmd := c.init(t)
	terminal, err := pty.Start(cmd)
	if err != nil {
		t.Fatal(err)
	}
	defer terminal.Close()
	p := &runningPod{t: t, cmd: cmd, terminal: terminal, output: make(chan []byte, 1)}
	go p.readOutput()
	if code := p.wait(); code == 0 {
		t.Error("there is no token, and nothing fails")
	}
	if out := <-p.output; !strings.Contains(string(out), "terminal prompts disabled") {
		t.Errorf("git says\n%s", out)
	}
}

// TestCloneOwnership: git refuses a directory of root's without the variables
// that both containers have.
func TestCloneOwnership(t *testing.T) {
	if os.Getuid() != 0 {
		t.Skip("only root can make a directory that is another's")
	}
	c := newCloning(t, newGitServer(t), "")
	cmd := c.init(t)
	for i, kv := range cmd.Env {
		if strings.HasPrefix(kv, "GIT_CONFIG_") {
			cmd.Env[i] = "X=x"
		}
	}
	if out, err := cmd.CombinedOutput(); err == nil {
		t.Errorf("git works without safe.directory:\n%s", out)
	}
	c.agent(t, "git init --quiet && git status")
}

// TestSciontoolDepth has git judge the depth that sciontool passes on.
func TestSciontoolDepth(t *testing.T) {
	server := newGitServer(t)
	for depth, commits := range map[string]string{"": "1", ", depth: 3": "3", ", depth: 0": "5"} {
		c := newCloning(t, server, "")
		c.rendered = renderAgent(t, "  template: claude\n  workspace: {git: {url: \""+server.URL+"/repo.git\""+depth+"}}\n")
		login := url.UserPassword("oauth2", gitToken).String()
		remote := shellQuote(strings.Replace(server.URL, "://", "://"+login+"@", 1) + "/repo.git")
		got := c.agent(t, `git init --quiet && git fetch --quiet --depth "${SCION_GIT_DEPTH:-1}" `+remote+` main && git rev-list --count FETCH_HEAD`)
		if got != commits {
			t.Errorf("depth %q: %s commits, want %s", depth, got, commits)
		}
	}
}

func TestGitMistakes(t *testing.T) {
	for _, remote := range []string{"git@github.com:acme/shop.git", "ssh://git@github.com/acme/shop.git"} {
		spec := "  template: claude\n  workspace: {git: {url: \"" + remote + "\"%s}}\n"
		if _, err := renderText(t, fmt.Sprintf(spec, "")); err == nil || !strings.Contains(err.Error(), "sciontool clones https URLs only") {
			t.Errorf("%s: got %v", remote, err)
		}
		r := renderAgent(t, fmt.Sprintf(spec, ", clone: InitContainer"))
		if script := r.init(t, "git-clone").Command[2]; strings.Contains(script, "credential") {
			t.Errorf("%s: ssh takes no token, but\n%s", remote, script)
		}
	}
}

// TestCloneScriptText: reviewers read the script in every diff.
func TestCloneScriptText(t *testing.T) {
	r := renderAgent(t, `
  template: claude
  workspace: {git: {clone: InitContainer, url: https://github.com/acme/shop.git, depth: 0}}
  secrets: [{name: GITHUB_TOKEN, from: {secretKeyRef: {name: github, key: token}}}]
`)
	want := `set -eu
git show-ref --quiet --heads 2>/dev/null && exit 0
git init --quiet
git config remote.origin.url https://github.com/acme/shop.git
git config remote.origin.fetch '+refs/heads/*:refs/remotes/origin/*'
git config user.name >/dev/null || git config user.name 'Scion Agent (dev)'
git config user.email >/dev/null || git config user.email agent@scion.dev
git config credential.https://github.com.helper '!f() { echo username=oauth2; echo "password=$GITHUB_TOKEN"; }; f'
fetch() { git fetch origin "+refs/heads/$1:refs/remotes/origin/$1"; }
fetch main
if git ls-remote --exit-code origin refs/heads/scion/dev >/dev/null; then
  fetch scion/dev
  git checkout --quiet -b scion/dev refs/remotes/origin/scion/dev
else
  [ $? -eq 2 ] # no such branch
  git checkout --quiet --no-track -b scion/dev refs/remotes/origin/main
fi
`
	if diff := cmp.Diff(want, r.init(t, "git-clone").Command[2]); diff != "" {
		t.Error("(-want +got)\n" + diff)
	}
}
