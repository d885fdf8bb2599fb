package render

import (
	"cmp"
	"fmt"
	"strings"

	"github.com/scion-gen/scion-gen/pkg/manifest"
)

// cloneInit is the choice of an init container for the clone.
const cloneInit = "InitContainer"

// gitEnv lets git work in a directory whose owner is root, as that of every
// emptyDir and most claims is; git refuses it else (safe.directory).
func (a *agent) gitEnv() [][2]string {
	if a.spec.Workspace.Git == nil {
		return nil
	}
	return [][2]string{
		{"GIT_CONFIG_COUNT", "1"},
		{"GIT_CONFIG_KEY_0", "safe.directory"},
		{"GIT_CONFIG_VALUE_0", workspaceDir},
	}
}

// gitClone is the init container git-clone, the name by which status pollers
// know the phase cloning. It needs sh and git in the agent's image.
func (a *agent) gitClone(image *manifest.Node) *manifest.Node {
	p := a.pos("workspace", "git")
	env := []*manifest.Node{object("name", "HOME", "value", "/tmp")}
	for _, kv := range a.gitEnv() {
		env = append(env, object("name", kv[0], "value", kv[1]))
	}
	token := ""
	for _, s := range a.spec.Secrets {
		if ref := a.keyRef(s); s.kind() == secretEnvironment && s.target() == "GITHUB_TOKEN" && ref != nil {
			env = append(env, object("name", "GITHUB_TOKEN", "valueFrom", object("secretKeyRef", keyRefNode(ref))))
			token = gitCredentials
		}
	}
	inits := &mounts{}
	inits.mount(p, volumeWorkspace, workspaceDir, false, "")
	inits.mount(manifest.Pos{}, volumeTmp, "/tmp", false, "")
	return at(p, object(
		"name", "git-clone",
		"image", image,
		"imagePullPolicy", a.at("imagePullPolicy"),
		"command", list(value("sh"), value("-c"), value(escapeExpansion(a.cloneScript(token)))),
		"env", env,
		"workingDir", workspaceDir,
		"volumeMounts", inits.mounts,
	))
}

// gitCredentials answers git's question for a password with the token of the
// environment, so that it is on no command line.
const gitCredentials = ` -c credential.helper='!f() { echo username=x-access-token; echo "password=$GITHUB_TOKEN"; }; f'`

// cloneScript fetches the branch and starts the agent's own on it. init and
// fetch instead of clone: a claim's directory is not always empty. What is
// there already, from a former pod, is left alone.
func (a *agent) cloneScript(credentials string) string {
	g := a.git()
	depth := "--depth 1 "
	if g.Depth != nil {
		depth = fmt.Sprintf("--depth %d ", *g.Depth)
		if *g.Depth == 0 {
			depth = ""
		}
	}
	branch := cmp.Or(g.AgentBranch, "scion/"+a.doc.metadata.Name)
	return strings.Join([]string{
		"set -eu",
		"if git rev-parse --verify --quiet HEAD >/dev/null; then exit 0; fi",
		"git init --quiet",
		"git remote remove origin 2>/dev/null || true",
		"git remote add origin " + shellQuote(g.URL),
		"git" + credentials + " fetch " + depth + "origin " + shellQuote("+refs/heads/"+cmp.Or(g.Branch, "main")+":refs/remotes/origin/"+cmp.Or(g.Branch, "main")),
		"git checkout --quiet -b " + shellQuote(branch) + " " + shellQuote("refs/remotes/origin/"+cmp.Or(g.Branch, "main")),
		"",
	}, "\n")
}
