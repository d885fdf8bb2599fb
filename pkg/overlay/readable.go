package overlay

import (
	"fmt"
	"regexp"
	"strings"

	"github.com/scion-gen/scion-gen/pkg/manifest"
)

// id is how kustomize writes the id of an object, in three groups: its kind, name
// and namespace.
const id = `([^\s./]+)\.\S*?/([^\s/]+)\.(\[noNs\]|[a-z0-9-]+)`

// saying is a form of kustomize's messages that can be said better.
type saying struct {
	form *regexp.Regexp
	say  func(m []string) string
}

func said(form, format string, groups ...int) saying {
	return saying{regexp.MustCompile(form), func(m []string) string {
		args := make([]any, len(groups))
		for i, g := range groups {
			args[i] = m[g]
		}
		return fmt.Sprintf(format, args...)
	}}
}

// sayings are tried in order. Each is of kustomize v5.8.2.
var sayings = []saying{
	{noMatch, func(m []string) string {
		return "selects nothing: there is no " + object(m[1:]) + "; correct the name and namespace, or give the patch a target"
	}},
	{regexp.MustCompile(`multiple matches for Id ` + id), func(m []string) string {
		return "selects several of " + object(m[1:]) + "; add the namespace, or give the patch a target"
	}},
	{operation, func(m []string) string {
		op, at := misdirected(m)
		return fmt.Sprintf("%s %s: there is no such field in an object that the patch selects; %s", op, at, pathHint(op, at))
	}},
	said(`error in (?:add|move|copy) for path: '([^']*)': Unable to access invalid index`, "%s: the list of an object that the patch selects is shorter; end the path with - to append", 1),
	said(`testing value (\S+) failed`, "test %s: an object that the patch selects has another value there; correct the value, or narrow the target", 1),
	{regexp.MustCompile(`already registered id: ` + id), func(m []string) string {
		return "there are two of " + object(m[1:]) + "; name one differently"
	}},
	said(`produces ID conflict: .*?"kind":"(\w+)".*?"name":"([^"]+)"`, "brings two of %s %s into one namespace; give each of their namespaces a kustomization of its own", 1, 2),
	{regexp.MustCompile(`considering field '([^']*)' of object ` + id + `: (.*)`), func(m []string) string {
		return fmt.Sprintf("%s of %s: %s", strings.ReplaceAll(m[1], "/", "."), object(m[2:]), shapes(m[5]))
	}},

	said(`replacements must specify a source and at least one target`, "has no source or no targets; a replacement needs both"),
	said(`target must specify resources to select`, "has a target without select; say which objects it is for"),
	{regexp.MustCompile(`nothing selected by ` + id), func(m []string) string {
		return "source: there is no " + object(m[1:]) + "; correct the kind, name and namespace"
	}},
	said(`multiple matches for selector`, "source: selects several objects; add the name and namespace of one"),
	{regexp.MustCompile("fieldPath `([^`]*)` is missing for replacement source " + id), func(m []string) string {
		return fmt.Sprintf("source.fieldPath: %s has no field %s", object(m[2:]), m[1])
	}},
	{regexp.MustCompile(`unable to find field "([^"]*)" in replacement target(?:: (.*))?`), func(m []string) string {
		detail := ""
		if m[2] != "" {
			detail = ": " + shapes(m[2])
		}
		return fmt.Sprintf("targets: an object that is selected has no field %s%s; correct the path, or let options.create make it", m[1], detail)
	}},
	said(`options.index (-?\d+) is out of bounds for value (.*)`, "options.index: %s has no part %s; parts count from 0", 2, 1),
	said(`missing metadata.name in object`, "leaves an object without metadata.name"),

	said(`resource with name (\S+) does not match a config`, "selects nothing: there is no Deployment, StatefulSet, ReplicaSet or ReplicationController named %s", 1),
	said(`a (?:configmap|secret) must have a name`, "has no name; add one"),
	// Not what it is: it may be a secret.
	said(`invalid literal source .*, expected key=value`, "literals: an entry is not key=value"),
	said(`env source files: \[([^\]]*)\]: .*`, "envs: %s: a line is not NAME=value in UTF-8", 1),
	said(`source "([^"]*)" key name or file path contains '='`, "files: %s has more than one =; write FILE or KEY=FILE", 1),
	said(`missing key name for file path "[^"]*" in source "([^"]*)"`, "files: %s has no key before =; write FILE or KEY=FILE", 1),
	said("illegally repeats the key `([^`]*)`", "the key %s is there twice; remove one", 1),
	said(`file sources: \[(.*?)\]: .*must resolve to a file`, "files: %s: is a directory; name the files in it", 1),
	said(`evalsymlink failure on '([^']*)'`, "there is no file or directory %s", 1),
	said(`Kind:"(\w+)".*?Name:"([^"]*)".*does not exist; cannot merge or replace`, "there is no %s %s to merge with or to replace; correct the name and namespace, or remove behavior", 1, 2),
	said(`Kind:"(\w+)".*?Name:"([^"]*)".*exists; can not use behavior`, "there is a %s %s already; name this one differently, or set behavior to merge or replace", 1, 2),
	said(`var '\{(\S+) (\w+)\..*cannot be mapped to a field`, "%s: there is no such %s; correct objref", 1, 2),
	said(`field specified in var '\{(\S+) \S+ \{(\S*?)\}\}' not found`, "%s: the object has no field %s; correct fieldref", 1, 2),
	said(`var '([^']*)' already encountered`, "%s is there twice; name one differently", 1),

	said(`the specified OpenAPI version is not built in`, "version: kustomize v5.8.2 does not have it; remove it to take the one it has"),
	said(`unable to load builtin (\w+)\.`, "kustomize has no built-in plugin %s", 1),
	said(`plugin (\w+)\.\S*?/(\S+?)\.\S* fails configuration: .*cannot unmarshal !!(\w+) .*into (\w+)`, "%s %s: has a %s where a %s belongs", 1, 2, 3, 4),
	said(`plugin (\w+)\.\S*?/(\S+?)\.\S* fails configuration: (.*)`, "%s %s: %s", 1, 2, 3),
}

// noMatch is the message of a patch that names an object that there is not.
var noMatch = regexp.MustCompile(`no matches for Id ` + id)

// operation are the messages of JSON patches for a path that leads nowhere.
var operation = regexp.MustCompile(`(add|replace|remove|test|copy|move) operation does not apply: doc is missing (?:path|from path|key)[: "]+([^\s"]+?)[:"]|error in (remove|move|copy|add) for path: '([^']*)': (?:Unable to remove nonexistent|.*missing value)`)

func misdirected(m []string) (op, path string) {
	if m[1] != "" {
		return m[1], m[2]
	}
	return m[3], m[4]
}

// operand6902 is the path of a JSON patch that an error is about, or empty.
func operand6902(err error) string {
	text := err.Error()
	if m := operation.FindStringSubmatch(text); m != nil {
		_, path := misdirected(m)
		return path
	}
	for _, form := range []string{`for path: '([^']*)'`, `testing value (\S+) failed`} {
		if m := regexp.MustCompile(form).FindStringSubmatch(text); m != nil {
			return m[1]
		}
	}
	return ""
}

// slashInKey is a path into labels or annotations with a key that is cut at its
// slash.
var slashInKey = regexp.MustCompile(`^(.*/metadata/(?:labels|annotations)/[^/]+)/(.+)$`)

func pathHint(op, path string) string {
	if m := slashInKey.FindStringSubmatch(path); m != nil {
		return "write the slash of a key as ~1: " + m[1] + "~1" + m[2]
	}
	if op == "remove" || op == "move" {
		return "correct the path, or leave the operation out"
	}
	return "correct the path, or add its parent first"
}

// object is an object in words, from kind, name and namespace of an id.
func object(m []string) string {
	text := m[0]
	if m[1] != "[noName]" {
		text += " named " + m[1]
	}
	if m[2] != "[noNs]" && m[2] != "" {
		text += " in the namespace " + m[2]
	}
	return text
}

// wrongShape is how kyaml says that a node is of another kind than it wants.
var wrongShape = regexp.MustCompile(`wrong node kind: expected (\w+)Node but got (\w+)Node(?:: node contents:.*)?`)

func shapes(text string) string {
	names := map[string]string{"Sequence": "a list", "Mapping": "a mapping", "Scalar": "a single value"}
	return wrongShape.ReplaceAllStringFunc(text, func(found string) string {
		m := wrongShape.FindStringSubmatch(found)
		return fmt.Sprintf("is %s; want %s", names[m[2]], names[m[1]])
	})
}

// The ways in which kustomize says how it came to what is wrong, and what is of no
// use to anybody.
var (
	wayThere = regexp.MustCompile(`^(?:.*(?:recursed (?:accumulation of|merging from) path '[^']*'|trouble configuring builtin \w+ with config: ` + "`[^`]*`" + `|must be built at directory: [^:]*): |(?:accumulating (?:resources|components|components: accumulateDirectory): )+)`)
	wayBack  = regexp.MustCompile(`'?: must build at directory: .*$`)
	address  = regexp.MustCompile(`&?\{?0x[0-9a-f]+[^}]*\}?`)
)

// readable is what is wrong, without the way kustomize came there.
func readable(err error) string {
	text := strings.Join(strings.Fields(err.Error()), " ")
	for _, s := range sayings {
		if m := s.form.FindStringSubmatch(text); m != nil {
			return s.say(m)
		}
	}
	text = wayBack.ReplaceAllString(wayThere.ReplaceAllString(text, ""), "")
	return shapes(address.ReplaceAllString(text, "..."))
}

// twoOf finds the two objects of an error that says there are two of one, where
// they are written: in files, before anything was done to them.
func (s *source) twoOf(err error) (at manifest.Pos, msg string) {
	root := manifest.Pos{Source: s.root.at}
	m := regexp.MustCompile(`already registered id: ` + id).FindStringSubmatch(strings.Join(strings.Fields(err.Error()), " "))
	if m == nil {
		return root, ""
	}
	var places []manifest.Pos
	s.root.walk(func(k *kustomization) {
		for _, r := range k.resources {
			var ignored manifest.Errors
			for _, doc := range manifest.Parse(s.show(r.file), s.files[r.file], &ignored) {
				namespace := textAt(doc.Root, "metadata", "namespace")
				if textAt(doc.Root, "kind") == m[1] && textAt(doc.Root, "metadata", "name") == m[2] && (namespace == m[3] || namespace == "" || m[3] == "[noNs]") {
					places = append(places, doc.Root.At("metadata", "name").Pos)
				}
			}
		}
	})
	if len(places) < 2 {
		return root, ""
	}
	last := places[len(places)-1]
	if first := places[0]; first.String() != last.String() {
		return last, fmt.Sprintf("there are two of %s, the first at %s; name one differently", object(m[1:]), first)
	}
	return root, fmt.Sprintf("has %s of %s twice; two entries of resources lead there, leave one out", object(m[1:]), last)
}

// lastKey is the key of the field that a finding is about, as the path of a JSON
// patch ends.
func lastKey(f finding) string {
	path, _, _ := strings.Cut(string(f), ": ")
	return path[strings.LastIndexAny(path, ".]")+1:]
}
