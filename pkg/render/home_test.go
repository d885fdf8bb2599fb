package render

import (
	"encoding/json"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
	"sigs.k8s.io/yaml"
)

// rendered is an agent's pod and what stands beside it.
type rendered struct {
	pod        corev1.Pod
	configMaps map[string]map[string]string
	text       string // everything, as it is written
}

func renderAgent(t *testing.T, spec string) rendered {
	t.Helper()
	text, err := renderText(t, spec)
	if err != nil {
		t.Fatal(err)
	}
	r := rendered{configMaps: map[string]map[string]string{}, text: text}
	for _, doc := range strings.Split(text, "\n---\n") {
		var configMap corev1.ConfigMap
		if err := yaml.Unmarshal([]byte(doc), &configMap); err != nil {
			t.Fatal(err)
		}
		switch configMap.Kind {
		case "ConfigMap":
			r.configMaps[configMap.Name] = configMap.Data
		case "Pod":
			if err := yaml.Unmarshal([]byte(doc), &r.pod); err != nil {
				t.Fatal(err)
			}
		}
	}
	return r
}

// plainTemplate is claude without the files that it seeds by default.
const plainTemplate = `
apiVersion: gen.scion.dev/v1alpha1
kind: AgentTemplate
metadata: {name: plain}
spec: {extends: claude, home: {files: null}}
`

// renderText renders an agent named dev from its spec.
func renderText(t *testing.T, spec string) (string, error) {
	t.Helper()
	doc := "apiVersion: gen.scion.dev/v1alpha1\nkind: Agent\nmetadata: {name: dev}\nspec:\n" + spec
	config, err := Load(builtIn(t), []File{{"dev.yaml", []byte(doc)}, {"plain.yaml", []byte(plainTemplate)}})
	if err != nil {
		return "", err
	}
	manifests, err := config.Render()
	if err != nil {
		return "", err
	}
	var out strings.Builder
	_, err = manifests.WriteTo(&out)
	return out.String(), err
}

// builtIn are the templates of the program.
func builtIn(t *testing.T) []File {
	t.Helper()
	names, err := filepath.Glob("../../templates/*.yaml")
	if err != nil || len(names) == 0 {
		t.Fatal("no templates", err)
	}
	var templates []File
	for _, name := range names {
		data, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		templates = append(templates, File{name, data})
	}
	return templates
}

func (r rendered) init(t *testing.T, name string) corev1.Container {
	t.Helper()
	i := slices.IndexFunc(r.pod.Spec.InitContainers, func(c corev1.Container) bool { return c.Name == name })
	if i < 0 {
		t.Fatalf("no init container %s", name)
	}
	return r.pod.Spec.InitContainers[i]
}

// agentUser is who runs the scripts where the test may choose: not root, whom
// no mode of a file stops.
const agentUser = 1000

// seeding is a run of the init container home-seed: the image's home
// directory, the volume, and what is mounted.
type seeding struct {
	rendered
	image, home, seed, store string
	shell                    string
}

// newSeeding makes the volume as the kubelet makes an emptyDir, and projects
// ConfigMaps and the given Secrets, by name/key.
func newSeeding(t *testing.T, shell, spec string, secrets map[string]string) *seeding {
	t.Helper()
	dir := t.TempDir()
	s := &seeding{rendered: renderAgent(t, spec), shell: shell,
		image: dir + "/image", home: dir + "/home", seed: dir + "/seed", store: dir + "/store"}
	for _, d := range []string{filepath.Dir(dir), dir, s.image, s.home, s.seed, s.store} {
		if err := os.MkdirAll(d, 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.Chmod(d, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	if os.Getuid() == 0 {
		if err := os.Chown(s.home, 0, agentUser); err != nil {
			t.Fatal(err)
		}
		if err := os.Chmod(s.home, 0o777|fs.ModeSetgid); err != nil {
			t.Fatal(err)
		}
	}
	for _, v := range s.pod.Spec.Volumes {
		if v.Projected == nil {
			continue
		}
		for _, source := range v.Projected.Sources {
			if c := source.ConfigMap; c != nil {
				s.project(t, c.Items, s.configMaps[c.Name])
			}
			if c := source.Secret; c != nil {
				s.project(t, c.Items, map[string]string{c.Items[0].Key: secrets[c.Name+"/"+c.Items[0].Key]})
			}
		}
	}
	return s
}

func (s *seeding) project(t *testing.T, items []corev1.KeyToPath, data map[string]string) {
	t.Helper()
	for _, item := range items {
		content, ok := data[item.Key]
		if !ok {
			t.Fatalf("nothing has the key %s", item.Key)
		}
		writeFile(t, filepath.Join(s.seed, item.Path), content, 0o644)
	}
}

// own gives what is in a directory to the agent.
func (s *seeding) own(t *testing.T, dir string) {
	t.Helper()
	if os.Getuid() != 0 {
		return
	}
	err := filepath.WalkDir(dir, func(name string, _ fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		return os.Lchown(name, agentUser, agentUser)
	})
	if err != nil {
		t.Fatal(err)
	}
}

func writeFile(t *testing.T, name, content string, mode fs.FileMode) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(name, []byte(content), mode); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(name, mode); err != nil {
		t.Fatal(err)
	}
}

// run runs the container's command and returns what it says.
func (s *seeding) run(t *testing.T) (string, error) {
	t.Helper()
	c := s.init(t, "home-seed")
	script := strings.NewReplacer(homeDir, s.home, seedDir, s.seed, secretsMount, s.store).
		Replace(kubeletExpand(c.Command[2], map[string]string{"HOME": "expanded"}))
	cmd := shellCommand(t, s.shell, script)
	cmd.Env = append(cmd.Env, "HOME="+s.image)
	out, err := cmd.CombinedOutput()
	return string(out), err
}

func (s *seeding) mustRun(t *testing.T) {
	t.Helper()
	if out, err := s.run(t); err != nil || out != "" {
		t.Fatalf("%v\n%s", err, out)
	}
}

// shellCommand runs a script in one of shells as agentUser. In a Busybox image
// the tools are Busybox too.
func shellCommand(t *testing.T, shell, script string) *exec.Cmd {
	t.Helper()
	argv := append(slices.Clone(shells[shell]), "-c", script)
	cmd := exec.CommandContext(t.Context(), need(t, argv[0]), argv[1:]...)
	path := os.Getenv("PATH")
	if shell == "busybox" {
		path = busyboxTools(t)
	}
	cmd.Env = []string{"PATH=" + path}
	cmd.Dir = "/"
	if os.Getuid() == 0 {
		cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: agentUser, Gid: agentUser}}
	}
	return cmd
}

func busyboxTools(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	if err := os.Chmod(filepath.Dir(dir), 0o755); err != nil {
		t.Fatal(err)
	}
	for _, tool := range []string{"sh", "awk", "cat", "chmod", "cp", "mkdir", "rm", "sed"} {
		if err := os.Symlink(need(t, "busybox"), filepath.Join(dir, tool)); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

func eachShell(t *testing.T, test func(t *testing.T, shell string)) {
	for _, shell := range slices.Sorted(maps.Keys(shells)) {
		t.Run(shell, func(t *testing.T) { test(t, shell) })
	}
}

// tree is what a directory holds: modes, and contents or targets.
func tree(t *testing.T, dir string) map[string]string {
	t.Helper()
	files := map[string]string{}
	err := filepath.WalkDir(dir, func(name string, d fs.DirEntry, err error) error {
		if err != nil || name == dir {
			return err
		}
		info, err := d.Info()
		if err != nil {
			return err
		}
		var content string
		switch {
		case info.Mode()&fs.ModeSymlink != 0:
			content, err = os.Readlink(name)
		case info.Mode().IsRegular():
			var data []byte
			data, err = os.ReadFile(name)
			content = string(data)
		}
		files[strings.TrimPrefix(name, dir+"/")] = fmt.Sprintf("%v %s", info.Mode()&^fs.ModeSetgid, content)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	delete(files, ".scion-home")
	return files
}

func TestHomeSkeleton(t *testing.T) {
	eachShell(t, func(t *testing.T, shell string) {
		s := newSeeding(t, shell, "  template: plain\n", nil)
		for _, f := range []struct {
			why, name string
			mode      fs.FileMode
		}{
			{"a plain file", "plain", 0o644},
			{"a dotfile: * does not match it", ".bashrc", 0o644},
			{"two dots: .[!.]* does not match it", "..two", 0o644},
			{"a program stays one", "bin/tool", 0o755},
			{"directories in directories", ".config/a/b/c", 0o600},
			{"sh splits words", "with space/in it", 0o644},
			{"and at line breaks", "new\nline", 0o644},
			{"looks like an option", "-rf", 0o644},
			{"looks like a pattern", "*", 0o644},
			{"a read-only file", ".npm/index", 0o444},
		} {
			writeFile(t, filepath.Join(s.image, f.name), f.why, f.mode)
		}
		for link, target := range map[string]string{"link": "plain", ".dangling": "/no/such/file", ".dir": ".config"} {
			if err := os.Symlink(target, filepath.Join(s.image, link)); err != nil {
				t.Fatal(err)
			}
		}
		s.own(t, s.image)
		want := tree(t, s.image)
		for name, line := range want { // others cannot read, the group cannot write
			mode := []byte(line[:10])
			if mode[0] != 'L' {
				mode[5] = '-'
				copy(mode[7:], "---")
			}
			want[name] = string(mode) + line[10:]
		}
		s.mustRun(t)
		if diff := cmp.Diff(want, tree(t, s.home)); diff != "" {
			t.Error("(-want +got)\n" + diff)
		}
	})
}

// TestHomeUnreadable: what the user may not read of the image's home is said
// and left out; the rest is copied, and the seeds are written.
func TestHomeUnreadable(t *testing.T) {
	if os.Getuid() != 0 {
		t.Skip("only root can make files that the user cannot read")
	}
	eachShell(t, func(t *testing.T, shell string) {
		s := newSeeding(t, shell, "  template: plain\n  home: {files: [{path: seed, text: seed}]}\n", nil)
		writeFile(t, s.image+"/a", "a", 0o644)
		writeFile(t, s.image+"/dir/secret", "b", 0o600)
		writeFile(t, s.image+"/dir/z", "z", 0o644)
		writeFile(t, s.image+"/z", "z", 0o644)
		out, err := s.run(t)
		if err != nil || !strings.Contains(out, "dir/secret") || !strings.Contains(out, "home-seed: not all of") {
			t.Errorf("%v\n%s", err, out)
		}
		want := []string{"a", "dir", "dir/z", "seed", "z"}
		if diff := cmp.Diff(want, slices.Sorted(maps.Keys(tree(t, s.home)))); diff != "" {
			t.Error("(-want +got)\n" + diff)
		}
	})
}

// TestHomeNone: an image may have an empty home directory, or none.
func TestHomeNone(t *testing.T) {
	eachShell(t, func(t *testing.T, shell string) {
		s := newSeeding(t, shell, "  template: plain\n  home: {instructions: {text: be kind}}\n", nil)
		want := map[string]string{".claude": "drwxr-x--- ", ".claude/CLAUDE.md": "-rw-r----- be kind"}
		s.mustRun(t)
		if diff := cmp.Diff(want, tree(t, s.home)); diff != "" {
			t.Error("empty (-want +got)\n" + diff)
		}
		s = newSeeding(t, shell, "  template: plain\n  home: {instructions: {text: be kind}}\n", nil)
		s.image += "/missing"
		if out, err := s.run(t); err != nil {
			t.Errorf("missing: %v\n%s", err, out)
		}
		if diff := cmp.Diff(want, tree(t, s.home)); diff != "" {
			t.Error("missing (-want +got)\n" + diff)
		}
	})
}

func TestHomeSeeds(t *testing.T) {
	long := strings.Repeat("0123456789abcde\n", 1<<16)
	secrets := map[string]string{
		"keys/auth":  "line\n\n",
		"keys/long":  long,
		"keys/every": "\x00" + everyByte(),
	}
	spec := `
  template: opencode
  home:
    systemPrompt: {text: "You are kind."}
    instructions: {text: "Be brief.\n"}
    files:
    - {path: empty, text: ""}
    - {path: no-newline, text: "no newline"}
    - {path: -dash/-rf, text: "$(HOME) $$ $HOME \\ %s"}
    - {path: "it's/a deep one/*/file name", text: "\ttab\r\n"}
    - {path: from-secret, secretKeyRef: {name: keys, key: auth}}
  secrets:
  - {name: long, type: file, target: ~/.ssh/id, from: {secretKeyRef: {name: keys, key: long}}}
  - {name: every, type: file, target: /home/scion/.every, from: {secretKeyRef: {name: keys, key: every}}}
  - {name: gsm, type: file, target: ~/.config/gcloud/adc.json, from: {secretManager: {resource: projects/p/secrets/s}}}
`
	want := map[string]string{
		".config":                     "drwxr-x--- ",
		".config/gcloud":              "drwxr-x--- ",
		".config/gcloud/adc.json":     "-rw------- {}",
		".config/opencode":            "drwxr-x--- ",
		".config/opencode/AGENTS.md":  "-rw-r----- You are kind.\nBe brief.\n",
		".every":                      "-rw------- \x00" + everyByte(),
		".ssh":                        "drwxr-x--- ",
		".ssh/id":                     "-rw------- " + long,
		"-dash":                       "drwxr-x--- ",
		"-dash/-rf":                   `-rw-r----- $(HOME) $$ $HOME \ %s`,
		"empty":                       "-rw-r----- ",
		"from-secret":                 "-rw------- line\n\n",
		"it's":                        "drwxr-x--- ",
		"it's/a deep one":             "drwxr-x--- ",
		"it's/a deep one/*":           "drwxr-x--- ",
		"it's/a deep one/*/file name": "-rw-r----- \ttab\r\n",
		"no-newline":                  "-rw-r----- no newline",
	}
	eachShell(t, func(t *testing.T, shell string) {
		s := newSeeding(t, shell, spec, secrets)
		writeFile(t, s.store+"/gsm", "{}", 0o644)
		s.mustRun(t)
		if diff := cmp.Diff(want, tree(t, s.home)); diff != "" {
			t.Error("(-want +got)\n" + diff)
		}
	})
}

// TestHomeSeedReplaces: a seed takes the place of what the image has, and goes
// nowhere a link of the image leads.
func TestHomeSeedReplaces(t *testing.T) {
	spec := `
  template: plain
  home:
    instructions: {text: ours}
    files: [{path: .profile, text: ours}, {path: .config/deep/file, text: ours}, {path: dir, text: ours}]
`
	eachShell(t, func(t *testing.T, shell string) {
		s := newSeeding(t, shell, spec, nil)
		outside := filepath.Join(filepath.Dir(s.image), "outside")
		writeFile(t, outside+"/CLAUDE.md", "theirs", 0o666)
		writeFile(t, s.image+"/.profile-target", "theirs", 0o644)
		writeFile(t, s.image+"/.config/deep", "a file where a directory has to be", 0o444)
		for link, target := range map[string]string{
			".claude":  outside,           // a parent that leads out of the volume
			".profile": ".profile-target", // a file
			"dir":      outside,           // a directory where a file has to be
		} {
			if err := os.Symlink(target, filepath.Join(s.image, link)); err != nil {
				t.Fatal(err)
			}
		}
		s.mustRun(t)
		want := map[string]string{
			".claude":           "drwxr-x--- ",
			".claude/CLAUDE.md": "-rw-r----- ours",
			".config":           "drwxr-x--- ",
			".config/deep":      "drwxr-x--- ",
			".config/deep/file": "-rw-r----- ours",
			".profile":          "-rw-r----- ours",
			".profile-target":   "-rw-r----- theirs",
			"dir":               "-rw-r----- ours",
		}
		if diff := cmp.Diff(want, tree(t, s.home)); diff != "" {
			t.Error("(-want +got)\n" + diff)
		}
		if diff := cmp.Diff(map[string]string{"CLAUDE.md": "-rw-rw-rw- theirs"}, tree(t, outside)); diff != "" {
			t.Error("outside (-want +got)\n" + diff)
		}
	})
}

// TestHomeAgain: in a home that is there already the agent's own files stay,
// also those that the image has too, and the seeds are what the configuration
// says.
func TestHomeAgain(t *testing.T) {
	eachShell(t, func(t *testing.T, shell string) {
		s := newSeeding(t, shell, "  template: plain\n  home: {instructions: {text: ours}}\n", nil)
		writeFile(t, s.image+"/.bashrc", "image", 0o644)
		s.mustRun(t)
		writeFile(t, s.home+"/.bashrc", "changed", 0o640)
		writeFile(t, s.home+"/.claude/CLAUDE.md", "changed", 0o400)
		writeFile(t, s.home+"/.claude/session", "new", 0o640)
		s.mustRun(t)
		want := map[string]string{
			".bashrc":           "-rw-r----- changed",
			".claude":           "drwxr-x--- ",
			".claude/CLAUDE.md": "-rw-r----- ours",
			".claude/session":   "-rw-r----- new",
		}
		if diff := cmp.Diff(want, tree(t, s.home)); diff != "" {
			t.Error("(-want +got)\n" + diff)
		}
	})
}

// TestHomeDefault: a default gives way to what the image has, also to a link,
// and is otherwise a seed like others, in a home that is there already too.
func TestHomeDefault(t *testing.T) {
	spec := "  template: plain\n  home: {files: [{path: .tool/a, text: ours, ifAbsent: true}, {path: b, text: ours, ifAbsent: true}, {path: c, text: ours, ifAbsent: true}]}\n"
	eachShell(t, func(t *testing.T, shell string) {
		s := newSeeding(t, shell, spec, nil)
		writeFile(t, s.image+"/b", "image", 0o644)
		if err := os.Symlink("nowhere", s.image+"/c"); err != nil {
			t.Fatal(err)
		}
		s.mustRun(t)
		writeFile(t, s.home+"/.tool/a", "changed", 0o640)
		s.mustRun(t)
		want := map[string]string{".tool": "drwxr-x--- ", ".tool/a": "-rw-r----- changed", "b": "-rw-r----- image", "c": "Lrwxrwxrwx nowhere"}
		if diff := cmp.Diff(want, tree(t, s.home)); diff != "" {
			t.Error("(-want +got)\n" + diff)
		}
	})
}

// TestHomeFails: a seed that cannot be written ends the script with an error,
// and with no mark that would keep the next run from trying.
func TestHomeFails(t *testing.T) {
	eachShell(t, func(t *testing.T, shell string) {
		s := newSeeding(t, shell, "  template: plain\n  home: {files: [{path: file, text: ours}]}\n", nil)
		writeFile(t, s.image+"/file/in/the/way", "", 0o644)
		if out, err := s.run(t); err == nil || !strings.Contains(out, "file") {
			t.Errorf("a directory was overwritten: %v\n%s", err, out)
		}
		s = newSeeding(t, shell, "  template: plain\n  home: {systemPrompt: {text: x}, files: [{path: file, text: ours}]}\n", nil)
		if err := os.Remove(s.seed + "/0"); err != nil {
			t.Fatal(err)
		}
		if out, err := s.run(t); err == nil {
			t.Errorf("a seed is missing and nothing fails\n%s", out)
		}
	})
}

// TestMountParents: the container runtime makes what leads to a mount as
// root's, and the agent could not write beside it.
func TestMountParents(t *testing.T) {
	s := newSeeding(t, "dash", "  template: plain\n  volumes: [{mountPath: ~/.cache/go/mod, source: {emptyDir: {}}}]\n", nil)
	s.mustRun(t)
	want := map[string]string{".cache": "drwxr-x--- ", ".cache/go": "drwxr-x--- "}
	if diff := cmp.Diff(want, tree(t, s.home)); diff != "" {
		t.Error("(-want +got)\n" + diff)
	}
}

// TestVariables has encoding/json judge secrets.json.
func TestVariables(t *testing.T) {
	values := map[string]string{
		"plain":                   "s3cret",
		"empty":                   "",
		`quotes " and \ in a key`: `" \ \" \\ '`,
		"printf reads % and \t":   "%s %% \\n \\u0041",
		"awk reads & in a key":    `& \& \\&`,
		"control \x01 in a key":   everyByte()[:0x7f],
		"a newline at the end":    "line\n",
		"newlines at the ends":    "\n\n\nline\n\n\n",
		"only a newline":          "\n",
		"a full stop at the end":  "end.",
		"full stops on lines":     ".\n.\n.",
		"a dollar $(HOME) $HOME":  "$(HOME) $$ `id`",
		"PEM":                     "-----BEGIN\r\nabc\r\n-----END\r\n",
		"unicode ключ 🔑":          "日本語 é 🚀 \u2028",
		"a long line":             strings.Repeat("0123456789abcdef", 1<<12),
		"JSON":                    `{"type": "service_account", "private_key": "a\nb\n"}`,
	}
	secrets := map[string]string{}
	spec := "  template: plain\n  secrets:\n"
	for i, key := range slices.Sorted(maps.Keys(values)) {
		secrets["vars/k"+strconv.Itoa(i)] = values[key]
		target, err := json.Marshal(key)
		if err != nil {
			t.Fatal(err)
		}
		spec += fmt.Sprintf("  - {name: s%d, type: variable, target: %s, from: {secretKeyRef: {name: vars, key: k%d}}}\n", i, target, i)
	}
	eachShell(t, func(t *testing.T, shell string) {
		s := newSeeding(t, shell, spec, secrets)
		s.mustRun(t)
		data, err := os.ReadFile(s.home + "/.scion/secrets.json")
		if err != nil {
			t.Fatal(err)
		}
		var got map[string]string
		if err := json.Unmarshal(data, &got); err != nil {
			t.Fatalf("%v\n%s", err, data)
		}
		if diff := cmp.Diff(values, got); diff != "" {
			t.Error("(-want +got)\n" + diff)
		}
		if mode := tree(t, s.home)[".scion/secrets.json"][:10]; mode != "-rw-------" {
			t.Error("secrets.json has the mode", mode)
		}
	})
}

// TestMountedSecretSeeds: a file that only a Secrets Store driver has, and that
// belongs below the home directory, is copied from the driver's mount, which
// the init container then has too.
func TestMountedSecretSeeds(t *testing.T) {
	for _, driver := range []string{"CSI", "GKE"} {
		r := renderAgent(t, `
  template: plain
  secrets:
  - {name: auth, type: file, target: ~/.claude/.credentials.json, from: {secretManager: {resource: projects/p/secrets/s, driver: `+driver+`}}}
  - {name: key, type: file, target: /etc/key, from: {secretManager: {resource: projects/p/secrets/k, driver: `+driver+`}}}
`)
		seed := r.init(t, "home-seed")
		mount := corev1.VolumeMount{Name: volumeSecrets, MountPath: secretsMount, ReadOnly: true}
		if !slices.Contains(seed.VolumeMounts, mount) {
			t.Errorf("%s: home-seed has no %+v but\n%+v", driver, mount, seed.VolumeMounts)
		}
		if want := "(umask 077; cat /mnt/secrets-store/auth >.claude/.credentials.json)\n"; !strings.HasSuffix(seed.Command[2], want) {
			t.Errorf("%s: the script does not end in %s but is\n%s", driver, want, seed.Command[2])
		}
		for _, m := range r.pod.Spec.Containers[0].VolumeMounts {
			if strings.HasPrefix(m.MountPath, "/home/scion/") {
				t.Errorf("%s: %+v is mounted below the home directory", driver, m)
			}
		}
	}
}

// TestHomeScriptText: reviewers read the script in every diff.
func TestHomeScriptText(t *testing.T) {
	r := renderAgent(t, `
  template: claude
  home: {instructions: {text: be kind}}
  secrets:
  - {name: auth, type: file, target: ~/.claude/.credentials.json, from: {secretKeyRef: {name: claude, key: auth}}}
`)
	want := `set -eu
umask 027
cd /scion/home
if [ ! -e .scion-home ]; then
  cp -RPf "$HOME/." . || echo "home-seed: not all of $HOME was copied" >&2
  : >.scion-home
fi
for d in .claude; do
  [ -d "$d" ] && [ ! -L "$d" ] || { rm -f -- "$d"; mkdir -- "$d"; }
done
rm -f -- .claude/CLAUDE.md .claude/.credentials.json
cat /scion/seed/0 >.claude/CLAUDE.md
[ -e .claude.json ] || [ -L .claude.json ] || cat /scion/seed/1 >.claude.json
(umask 077; cat /scion/seed/2 >.claude/.credentials.json)
`
	if diff := cmp.Diff(want, r.init(t, "home-seed").Command[2]); diff != "" {
		t.Error("(-want +got)\n" + diff)
	}
}

func TestHomeMistakes(t *testing.T) {
	tests := []struct{ why, spec, want string }{
		{"a file cannot be a directory too",
			"  home: {files: [{path: a, text: x}, {path: a/b/c, text: x}]}\n",
			"a/b/c is below a, which is a file"},
		{"the mount would hide it",
			"  home: {files: [{path: .cache/x/y, text: x}]}\n  volumes: [{mountPath: ~/.cache, source: {emptyDir: {}}}]\n",
			".cache/x/y is hidden by the volume mounted at ~/.cache"},
	}
	for _, tt := range tests {
		_, err := renderText(t, "  template: claude\n"+tt.spec)
		if err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s: got %v, want %s", tt.why, err, tt.want)
		}
	}
}

// TestHomeSize: two layers each bring what a document can carry, and their
// texts do not fit one ConfigMap.
func TestHomeSize(t *testing.T) {
	half := func(name string, size int) string {
		return "home: {files: [{path: " + name + ", text: \"" + strings.Repeat("x", size) + "\"}]}"
	}
	config := func(size int) string {
		return "apiVersion: gen.scion.dev/v1alpha1\nkind: Fleet\nmetadata: {name: f}\nspec:\n  defaults:\n    " + half("a", 1<<19) +
			"\n---\napiVersion: gen.scion.dev/v1alpha1\nkind: Agent\nmetadata: {name: a}\nspec:\n  template: generic\n  image: i\n  args: [x]\n  " + half("b", size) + "\n"
	}
	if got := mistakes(t, config(1<<19)); got != "" {
		t.Errorf("what fits: %s", got)
	}
	want := "spec.home.files[0].text: the texts of home have 1048577 bytes, and a ConfigMap takes at most 1048576; " +
		"move this one to a ConfigMap or Secret of your own and name it in configMapKeyRef or secretKeyRef"
	if got := mistakes(t, config(1<<19+1)); got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}
