package render

import (
	"cmp"
	"fmt"
	"net/url"
	"strconv"
	"strings"

	"github.com/scion-gen/scion-gen/pkg/manifest"
)

// cloneInit is the choice of an init container for the clone.
const cloneInit = "InitContainer"

// allCommits is the depth that git takes for infinite (INFINITE_DEPTH of its
// shallow.h). sciontool has no other way to ask for the whole history: git
// refuses the depth 0.
const allCommits = "2147483647"

// gitEnv lets git work in /workspace, whose owner is root, as that of every
// emptyDir and most claims is; git refuses it else (safe.directory). It is for
// what sciontool clones, for what the init container did, and for an agent that
// runs git init.
func gitEnv() [][2]string {
	return [][2]string{
		{"GIT_CONFIG_COUNT", "1"},
		{"GIT_CONFIG_KEY_0", "safe.directory"},
		{"GIT_CONFIG_VALUE_0", workspaceDir},
	}
}

// gitClone is the init container git-clone, the name by which status pollers
// know the phase cloning. It needs sh and git in the agent's image. The home
// directory is there for what ssh and git read in it.
func (a *agent) gitClone(image *manifest.Node) *manifest.Node {
	p := a.pos("workspace", "git")
	home := a.pos("user", "name")
	env := []*manifest.Node{
		object("name", "GIT_TERMINAL_PROMPT", "value", "0"), // a question would wait for ever
		object("name", "HOME", "value", at(home, value(a.home()))),
	}
	for _, kv := range gitEnv() {
		env = append(env, object("name", kv[0], "value", kv[1]))
	}
	for _, s := range a.spec.Secrets {
		if ref := a.keyRef(s); s.kind() == secretEnvironment && s.target() == githubToken && ref != nil {
			env = append(env, object("name", githubToken, "valueFrom", object("secretKeyRef", keyRefNode(ref))))
		}
	}
	inits := &mounts{}
	inits.mount(home, volumeHome, a.home(), false, "")
	inits.mount(p, volumeWorkspace, workspaceDir, false, "")
	inits.mount(manifest.Pos{}, volumeTmp, "/tmp", false, "")
	return at(p, object(
		"name", "git-clone",
		"image", image,
		"imagePullPolicy", a.at("imagePullPolicy"),
		"command", list(value("sh"), value("-c"), value(escapeExpansion(a.cloneScript()))),
		"env", env,
		"workingDir", workspaceDir,
		"resources", a.initResources(),
		"volumeMounts", inits.mounts,
	))
}

const githubToken = "GITHUB_TOKEN"

// agentBranch is the branch the agent works on, named as sciontool does.
func (a *agent) agentBranch() string {
	return cmp.Or(a.git().AgentBranch, "scion/"+a.doc.metadata.Name)
}

// cloneScript fetches the branch and goes on with the agent's own: where it
// was pushed, or else at the branch. A workspace that has a branch, from a
// former pod, is left alone. init and fetch instead of clone, because a claim's
// directory is not always empty. What the agent's commits and pushes need is
// left in the repository's configuration.
func (a *agent) cloneScript() string {
	g, branch := a.git(), a.agentBranch()
	lines := []string{
		"set -eu",
		"git show-ref --quiet --heads 2>/dev/null && exit 0",
		"git init --quiet",
		"git config remote.origin.url " + shellQuote(g.URL),
		"git config remote.origin.fetch '+refs/heads/*:refs/remotes/origin/*'",
		"git config user.name >/dev/null || git config user.name " + shellQuote("Scion Agent ("+a.doc.metadata.Name+")"),
		"git config user.email >/dev/null || git config user.email agent@scion.dev",
	}
	if helper := a.credentialHelper(); helper != "" {
		lines = append(lines, "git config "+shellQuote("credential."+origin(g.URL)+".helper")+" "+shellQuote(helper))
	}
	return strings.Join(append(lines,
		`fetch() { git fetch `+fetchDepth(g)+`origin "+refs/heads/$1:refs/remotes/origin/$1"; }`,
		"fetch "+shellQuote(cmp.Or(g.Branch, "main")),
		"if git ls-remote --exit-code origin "+shellQuote("refs/heads/"+branch)+" >/dev/null; then",
		"  fetch "+shellQuote(branch),
		"  git checkout --quiet -b "+shellQuote(branch)+" "+shellQuote("refs/remotes/origin/"+branch),
		"else",
		"  [ $? -eq 2 ] # no such branch",
		"  git checkout --quiet --no-track -b "+shellQuote(branch)+" "+shellQuote("refs/remotes/origin/"+cmp.Or(g.Branch, "main")),
		"fi",
		""), "\n")
}

// fetchDepth is git fetch's option for what Git.Depth says.
func fetchDepth(g Git) string {
	switch {
	case g.Depth == nil:
		return "--depth 1 "
	case *g.Depth == 0:
		return ""
	}
	return fmt.Sprintf("--depth %d ", *g.Depth)
}

// credentialHelper answers git's question for a password, in this container
// and in the agent's, with the token of the environment, so that the token is
// in no file and on no command line. Empty where there is no token to give.
func (a *agent) credentialHelper() string {
	switch {
	case origin(a.git().URL) == "":
		return ""
	case a.git().GitHubApp:
		return "!sciontool credential-helper"
	case a.hasSecretEnv(githubToken):
		return `!f() { echo username=oauth2; echo "password=$GITHUB_TOKEN"; }; f`
	}
	return ""
}

// origin is the scheme and host of an http URL, the only ones to get the
// token; empty for other URLs.
func origin(text string) string {
	u, err := url.Parse(text)
	if err != nil || u.Scheme != "https" && u.Scheme != "http" {
		return ""
	}
	return u.Scheme + "://" + u.Host
}

// sciontoolDepth is the depth that sciontool clones with; empty for its
// default, 1.
func sciontoolDepth(g Git) string {
	switch {
	case g.Depth == nil:
		return ""
	case *g.Depth == 0:
		return allCommits
	}
	return strconv.Itoa(int(*g.Depth))
}

// checkGit reports URLs that sciontool cannot clone: it puts https:// before
// what has no scheme, and the token into whatever has one.
func (a *agent) checkGit() {
	if g := a.clones(); g.URL != "" && origin(g.URL) == "" {
		a.fail([]string{"workspace", "git", "url"}, "sciontool clones https URLs only; write https://host/path.git, or set clone: InitContainer")
	}
}
