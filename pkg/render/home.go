package render

import (
	"encoding/json"
	"fmt"
	"path"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/scion-gen/scion-gen/pkg/manifest"
)

// seed is a file put into the home directory before the harness starts: the
// contents of its parts, with a line break between them.
type seed struct {
	path     string // below the home directory
	ifAbsent bool   // a default, which gives way
	parts    []part
}

// part is a content: a text of ours, a key of a ConfigMap or Secret, or a file
// that a Secrets Store driver mounts.
type part struct {
	pos       manifest.Pos
	text      *manifest.Node
	configMap *KeyRef
	secret    *KeyRef
	mounted   string // the file's name
	// variable makes a part one member of the JSON object that the seed then
	// is.
	variable string
}

// secret reports whether the group and others may not read a seed.
func (s seed) secret() bool {
	return slices.ContainsFunc(s.parts, func(p part) bool { return p.secret != nil || p.mounted != "" })
}

// seeds are the files of home, then file secrets and variables that belong
// below the home directory.
func (a *agent) seeds() []seed {
	h, home := a.spec.Harness, a.spec.Home
	var seeds []seed
	if home.SystemPrompt != nil {
		seeds = append(seeds, seed{path: h.SystemPromptFile, parts: a.parts("systemPrompt", home.SystemPrompt)})
	}
	if home.Instructions != nil {
		if len(seeds) > 0 && h.InstructionsFile == h.SystemPromptFile {
			seeds[0].parts = append(seeds[0].parts, a.parts("instructions", home.Instructions)...)
		} else {
			seeds = append(seeds, seed{path: h.InstructionsFile, parts: a.parts("instructions", home.Instructions)})
		}
	}
	for i, f := range home.Files {
		node := items(a.at("home", "files"))[i]
		seeds = append(seeds, seed{path: f.Path, ifAbsent: f.IfAbsent, parts: []part{f.part(node)}})
	}
	seeds = a.secretSeeds(seeds)
	return slices.DeleteFunc(seeds, func(s seed) bool { return s.ifAbsent && a.isTaken(s, seeds) })
}

// isTaken reports whether a default is in the way of another seed, or of a
// volume.
func (a *agent) isTaken(s seed, seeds []seed) bool {
	in := func(path, other string) bool { return path == other || slices.Contains(ancestors(path), other) }
	for _, other := range seeds {
		if !other.ifAbsent && (in(s.path, other.path) || in(other.path, s.path)) {
			return true
		}
	}
	for _, v := range a.spec.Volumes {
		if dir, ok := a.belowHome(v.MountPath); ok && (in(s.path, dir) || in(dir, s.path)) {
			return true
		}
	}
	return false
}

func (a *agent) parts(setting string, s *FileSource) []part {
	return []part{s.part(a.at("home", setting))}
}

func (s *FileSource) part(n *manifest.Node) part {
	return part{pos: n.Pos, text: n.Get("text"), configMap: s.ConfigMapKeyRef, secret: s.SecretKeyRef}
}

func (a *agent) secretSeeds(seeds []seed) []seed {
	variables := seed{path: variablesFile}
	for i, s := range a.spec.Secrets {
		content := part{pos: items(a.at("secrets"))[i].Pos, secret: a.keyRef(s)}
		if s.From.SecretManager != nil && content.secret == nil {
			content.mounted = s.Name
		}
		switch below, ok := a.belowHome(s.target()); {
		case s.kind() == secretVariable:
			content.variable = s.target()
			variables.parts = append(variables.parts, content)
		case s.kind() == secretFile && ok:
			seeds = append(seeds, seed{path: below, parts: []part{content}})
		}
	}
	if len(variables.parts) > 0 {
		seeds = append(seeds, variables)
	}
	return seeds
}

// seedDir is where the init container finds the contents, homeDir where it
// finds the volume that becomes the home directory.
const (
	seedDir = "/scion/seed"
	homeDir = "/scion/home"
)

// homeInit is the init container that fills the home directory, and the volume
// it takes the contents from.
//
// A volume hides what the image has at its place, so the image's own files are
// copied first. ConfigMaps and Secrets are copied instead of mounted, so that
// parents are the agent's own and the files can be written: Claude Code renews
// its credentials in place.
func (a *agent) homeInit(image *manifest.Node, m *mounts) *manifest.Node {
	seeds := a.seeds()
	inits := &mounts{}
	inits.mount(manifest.Pos{}, volumeHome, homeDir, false, "")
	if sources := a.seedSources(seeds); len(sources) > 0 {
		m.volume(volumeSeed, object("projected", object("sources", sources)))
		inits.mount(manifest.Pos{}, volumeSeed, seedDir, true, "")
	}
	if mountsSecrets(seeds) {
		inits.mount(manifest.Pos{}, volumeSecrets, secretsMount, true, "")
	}
	return object(
		"name", "home-seed",
		"image", image,
		"imagePullPolicy", a.at("imagePullPolicy"),
		"command", list(value("sh"), value("-c"), value(escapeExpansion(seedScript(seeds, a.mountParents())))),
		"env", list(object("name", "HOME", "value", at(a.pos("user", "name"), value(a.home())))),
		"resources", a.initResources(),
		"volumeMounts", inits.mounts,
	)
}

// seedSources projects each part to a file named by its number.
func (a *agent) seedSources(seeds []seed) []*manifest.Node {
	var sources []*manifest.Node
	n := 0
	for _, s := range seeds {
		for _, p := range s.parts {
			kind, ref := "secret", p.secret
			switch {
			case p.text != nil:
				kind, ref = "configMap", &KeyRef{Name: a.homeConfigMap(), Key: seedKey(n, s.path)}
			case p.configMap != nil:
				kind, ref = "configMap", p.configMap
			}
			if ref != nil {
				sources = append(sources, at(p.pos, object(kind, object("name", ref.Name,
					"items", list(object("key", ref.Key, "path", strconv.Itoa(n)))))))
			}
			n++
		}
	}
	return sources
}

// seedKey is the key of a text in the ConfigMap: its number and a readable
// name.
func seedKey(n int, file string) string {
	name := strings.Map(func(r rune) rune {
		if r < utf8.RuneSelf && configKeyRune[r] {
			return r
		}
		return '-'
	}, path.Base(file))
	return fmt.Sprintf("%d-%s", n, name[:min(len(name), 200)])
}

// configKeyRune are the characters of a ConfigMap's keys.
var configKeyRune = func() (ok [utf8.RuneSelf]bool) {
	for _, r := range "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_." {
		ok[r] = true
	}
	return ok
}()

func (a *agent) homeConfigMap() string { return a.pod + "-home" }

// seedConfigMap holds the texts of the home directory; nil where there are
// none.
func (a *agent) seedConfigMap() *manifest.Node {
	data := object()
	n := 0
	for _, s := range a.seeds() {
		for _, p := range s.parts {
			if p.text != nil {
				key := seedKey(n, s.path)
				data.Fields = append(data.Fields, manifest.Field{Key: key, Value: p.text, Pos: p.pos})
			}
			n++
		}
	}
	if len(data.Fields) == 0 {
		return nil
	}
	meta := a.companionMeta(a.homeConfigMap())
	if annotations := a.gitOps(true); len(annotations.Fields) > 0 {
		meta.Set("annotations", annotations)
	}
	return object("apiVersion", "v1", "kind", "ConfigMap", "metadata", meta, "data", data)
}

// mountsSecrets reports whether a seed comes from a Secrets Store driver.
func mountsSecrets(seeds []seed) bool {
	return slices.ContainsFunc(seeds, func(s seed) bool {
		return slices.ContainsFunc(s.parts, func(p part) bool { return p.mounted != "" })
	})
}

// mountParents are the directories below the home directory in which something
// else is mounted. The container runtime would make them as root's.
func (a *agent) mountParents() []string {
	var dirs []string
	for _, v := range a.spec.Volumes {
		if below, ok := a.belowHome(v.MountPath); ok {
			dirs = append(dirs, ancestors(below)...)
		}
	}
	return dirs
}

// ancestors are the directories that lead to a file, from the top.
func ancestors(file string) []string {
	var dirs []string
	for i, r := range file {
		if r == '/' {
			dirs = append(dirs, file[:i])
		}
	}
	return dirs
}

// copySkeleton copies what the image has in the home directory, once: a home
// on a claim outlives the pod, and keeps what the agent made of it. Not cp -p,
// for the volume's root is root's and its mode cannot be set.
const copySkeleton = `set -eu
umask 027
cd ` + homeDir + `
if [ ! -e .scion-home ]; then
  cp -RPf "$HOME/." . || echo "home-seed: not all of $HOME was copied" >&2
  : >.scion-home
fi
`

// makeDirs makes directories, also where the image has a link: what it leads to
// need not be in the volume.
const makeDirs = `for d in%s; do
  [ -d "$d" ] && [ ! -L "$d" ] || { rm -f -- "$d"; mkdir -- "$d"; }
done
`

// jsonString prints a file as the inside of a JSON string. The full stop keeps
// the file's last line break, which awk would not tell from none.
const jsonString = `json() {
  { cat "$1"; echo .; } | LC_ALL=C sed 's/\\/\\\\/g; s/"/\\"/g; $s/\.$//' |
    LC_ALL=C awk '{ for (i = 1; i < 32; i++) gsub(sprintf("%c", i), sprintf("\\u%04x", i)); printf "%s%s", (NR > 1 ? "\\n" : ""), $0 }'
}
`

// seedScript fills the home directory: the image's files, dirs and those of the
// seeds, the seeds. The parts are the numbered files of seedDir.
func seedScript(seeds []seed, dirs []string) string {
	var files []string
	for _, s := range seeds {
		if !s.ifAbsent {
			files = append(files, s.path)
		}
		dirs = append(dirs, ancestors(s.path)...)
	}
	slices.Sort(dirs) // parents first
	var b strings.Builder
	b.WriteString(copySkeleton)
	if len(dirs) > 0 {
		fmt.Fprintf(&b, makeDirs, shellWords(slices.Compact(dirs)))
	}
	if len(files) > 0 {
		fmt.Fprintf(&b, "rm -f --%s\n", shellWords(files))
	}
	n := 0
	for _, s := range seeds {
		write := s.script(n)
		if s.secret() {
			write = "(umask 077; " + write + ")"
		}
		b.WriteString(write + "\n")
		n += len(s.parts)
	}
	return b.String()
}

func shellWords(words []string) string {
	var b strings.Builder
	for _, w := range words {
		b.WriteString(" " + shellQuote(w))
	}
	return b.String()
}

// script writes a seed whose first part has the number n.
func (s seed) script(n int) string {
	if s.parts[0].variable != "" {
		return s.variables(n)
	}
	var contents []string
	for i, p := range s.parts {
		contents = append(contents, "cat "+p.file(n+i))
	}
	write := strings.Join(contents, "; echo; ")
	if len(contents) > 1 {
		write = "{ " + write + "; }"
	}
	target := shellQuote(s.path)
	if s.ifAbsent {
		return "[ -e " + target + " ] || [ -L " + target + " ] || " + write + " >" + target
	}
	return write + " >" + target
}

// file is where a part is found.
func (p part) file(n int) string {
	if p.mounted != "" {
		return secretsMount + "/" + p.mounted
	}
	return seedDir + "/" + strconv.Itoa(n)
}

// variables writes a JSON object whose members are the parts.
func (s seed) variables(n int) string {
	var b strings.Builder
	b.WriteString(jsonString + "{")
	before := "{"
	for i, p := range s.parts {
		fmt.Fprintf(&b, "\n  printf %%s %s; json %s", shellQuote(before+jsonQuote(p.variable)+`:"`), p.file(n+i))
		before = `",`
	}
	b.WriteString("\n  echo '\"}'\n} >" + shellQuote(s.path))
	return b.String()
}

// jsonQuote is text as a JSON string.
func jsonQuote(text string) string {
	quoted, err := json.Marshal(text)
	if err != nil {
		panic(err) // a string always marshals
	}
	return string(quoted)
}

// checkHome reports files that cannot be seeded.
func (a *agent) checkHome() {
	seen := map[string]manifest.Pos{}
	for _, s := range a.seeds() {
		for _, p := range s.parts {
			if p.text == nil && p.configMap == nil && p.secret == nil && p.mounted == "" {
				a.errs.Add(p.pos, a.setting(p.pos), "%s has no content; add text, configMapKeyRef or secretKeyRef", s.path)
			}
		}
		at := s.parts[0].pos
		if first, twice := seen[s.path]; twice {
			a.errs.Add(at, a.setting(at), "%s is written twice, first at %s; remove one", s.path, first)
		}
		seen[s.path] = at
	}
	for _, s := range a.seeds() {
		a.checkSeedPath(s, seen)
	}
	a.checkHomeSize()
}

// maxConfigMap is what all texts of a ConfigMap may have together: MaxSecretSize
// of the API's validation.
const maxConfigMap = 1 << 20

// checkHomeSize reports texts that one ConfigMap cannot carry, at the longest.
func (a *agent) checkHomeSize() {
	size, longest := 0, &manifest.Node{}
	for _, s := range a.seeds() {
		for _, p := range s.parts {
			size += len(textOf(p.text))
			if len(textOf(p.text)) > len(longest.Text) {
				longest = p.text
			}
		}
	}
	if size > maxConfigMap {
		a.errs.Add(longest.Pos, a.setting(longest.Pos), "the texts of home have %d bytes, and a ConfigMap takes at most %d; move this one to a ConfigMap or Secret of your own and name it in configMapKeyRef or secretKeyRef", size, maxConfigMap)
	}
}

// checkSeedPath reports a seed below another, which would have to be a
// directory too, or below a volume, which would hide it.
func (a *agent) checkSeedPath(s seed, seeds map[string]manifest.Pos) {
	for _, dir := range ancestors(s.path) {
		if p, file := seeds[dir]; file {
			a.errs.Add(s.parts[0].pos, a.setting(s.parts[0].pos), "%s is below %s, which is a file by %s; remove one", s.path, dir, p)
		}
	}
	for i, v := range a.spec.Volumes {
		if dir, ok := a.belowHome(v.MountPath); ok && (dir == s.path || slices.Contains(ancestors(s.path), dir)) {
			a.errs.Add(s.parts[0].pos, a.setting(s.parts[0].pos), "%s is hidden by the volume mounted at %s, by %s; change one",
				s.path, v.MountPath, items(a.at("volumes"))[i].Pos)
		}
	}
}
