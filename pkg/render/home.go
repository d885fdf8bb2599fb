package render

import (
	"cmp"
	"fmt"
	"path"
	"slices"
	"strconv"
	"strings"

	"github.com/scion-gen/scion-gen/pkg/manifest"
)

// seed is a file put into the home directory before the harness starts: the
// contents of its parts, one after the other.
type seed struct {
	path  string // below the home directory
	parts []part
}

// secret reports whether the group and others may not read the file.
func (s seed) secret() bool {
	return slices.ContainsFunc(s.parts, func(p part) bool { return p.secret != nil || p.mounted != "" })
}

// part is a content: a text of ours, or a key of a ConfigMap or Secret.
type part struct {
	pos       manifest.Pos
	text      *manifest.Node
	configMap *KeyRef
	secret    *KeyRef
	mounted   string // or a file that a Secrets Store driver mounts
	// variable makes a part one member of the JSON object that the seed then
	// is.
	variable string
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
		seeds = append(seeds, seed{path: f.Path, parts: []part{f.part(node)}})
	}
	return a.secretSeeds(seeds)
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
		p := part{pos: items(a.at("secrets"))[i].Pos, secret: a.keyRef(s)}
		if p.secret == nil {
			p.mounted = path.Join(secretsMount, s.Name)
		}
		switch below, ok := a.belowHome(s.target()); {
		case s.kind() == secretVariable:
			p.variable = s.target()
			variables.parts = append(variables.parts, p)
		case s.kind() == secretFile && ok:
			seeds = append(seeds, seed{path: below, parts: []part{p}})
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
	if slices.ContainsFunc(seeds, func(s seed) bool { return s.parts[0].mounted != "" }) {
		inits.mount(manifest.Pos{}, volumeSecrets, secretsMount, true, "")
	}
	return object(
		"name", "home-seed",
		"image", image,
		"imagePullPolicy", a.at("imagePullPolicy"),
		"command", list(value("sh"), value("-c"), value(escapeExpansion(seedScript(seeds, a.homeMountPoints())))),
		"env", list(object("name", "HOME", "value", at(a.pos("user", "name"), value(a.home())))),
		"volumeMounts", inits.mounts,
	)
}

// homeMountPoints are the directories above volumes in the home directory; the
// kubelet would leave them to root.
func (a *agent) homeMountPoints() []string {
	var dirs []string
	for _, v := range a.spec.Volumes {
		if below, ok := a.belowHome(v.MountPath); ok && path.Dir(below) != "." {
			dirs = append(dirs, path.Dir(below))
		}
	}
	return dirs
}

// seedSources projects each part to a file named by its number.
func (a *agent) seedSources(seeds []seed) []*manifest.Node {
	var sources []*manifest.Node
	n := 0
	for _, s := range seeds {
		for _, p := range s.parts {
			kind, ref := "secret", p.secret
			switch {
			case p.mounted != "":
				n++
				continue
			case p.text != nil:
				kind, ref = "configMap", &KeyRef{Name: a.homeConfigMap(), Key: seedKey(n, s.path)}
			case p.configMap != nil:
				kind, ref = "configMap", p.configMap
			}
			sources = append(sources, at(p.pos, object(kind, object("name", ref.Name,
				"items", list(object("key", ref.Key, "path", fmt.Sprint(n)))))))
			n++
		}
	}
	return sources
}

// seedKey is the key of a text in the ConfigMap: its number and a readable
// name.
func seedKey(n int, file string) string {
	return fmt.Sprintf("%d-%s", n, labelValue(path.Base(file)))
}

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
	if a.config.fleet.Spec.GitOps == "Flux" {
		meta.Set("annotations", object(noSubstitution, "disabled"))
	}
	return object("apiVersion", "v1", "kind", "ConfigMap", "metadata", meta, "data", data)
}

// copySkeleton copies what the image has in the home directory. Not cp -p: the
// volume's root is root's, and its mode cannot be set.
const copySkeleton = `set -eu
umask 027
for f in "$HOME"/* "$HOME"/.[!.]* "$HOME"/..?*; do
  if [ -e "$f" ] || [ -L "$f" ]; then cp -RP "$f" ` + homeDir + `/ || echo "home-seed: $f not copied" >&2; fi
done
cd ` + homeDir + `
`

// jsonString prints a file as the inside of a JSON string. The full stop keeps
// the file's last line break, which awk would not tell from none.
const jsonString = `json() {
  (cat "$1"; echo .) | sed 's/\\/\\\\/g; s/"/\\"/g; $s/\.$//' |
    awk '{ for (i = 1; i < 32; i++) gsub(sprintf("%c", i), sprintf("\\u%04x", i)); printf "%s%s", NR > 1 ? "\\n" : "", $0 }'
}
`

// seedScript writes the seeds, whose parts are the numbered files of seedDir.
func seedScript(seeds []seed, mountPoints []string) string {
	var b strings.Builder
	b.WriteString(copySkeleton)
	for _, dir := range mountPoints {
		fmt.Fprintf(&b, "mkdir -p -- %s\n", shellQuote(dir))
	}
	n := 0
	for _, s := range seeds {
		if dir := path.Dir(s.path); dir != "." {
			fmt.Fprintf(&b, "mkdir -p -- %s\n", shellQuote(dir))
		}
		target := shellQuote("./" + s.path)
		fmt.Fprintf(&b, "rm -f -- %s\n", target)
		if s.parts[0].variable != "" {
			b.WriteString(jsonString + variablesScript(s.parts, n))
		} else {
			b.WriteString("cat")
			for i, p := range s.parts {
				b.WriteString(" " + shellQuote(cmp.Or(p.mounted, fmt.Sprintf("%s/%d", seedDir, n+i))))
			}
		}
		fmt.Fprintf(&b, " > %s\n", target)
		if s.secret() {
			fmt.Fprintf(&b, "chmod 600 -- %s\n", target)
		}
		n += len(s.parts)
	}
	return b.String()
}

// variablesScript prints a JSON object of the parts.
func variablesScript(parts []part, n int) string {
	var b strings.Builder
	b.WriteString("{ printf '{'")
	for i, p := range parts {
		comma := ""
		if i > 0 {
			comma = ","
		}
		fmt.Fprintf(&b, "; printf %%s %s; json %s/%d; printf '\"'", shellQuote(comma+strconv.Quote(p.variable)+`:"`), seedDir, n+i)
	}
	b.WriteString("; printf '}\\n'; }")
	return b.String()
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
}
