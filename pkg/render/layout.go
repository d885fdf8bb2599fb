package render

import (
	"cmp"
	"crypto/sha256"
	"fmt"
	"io"
	"io/fs"
	"iter"
	"maps"
	"path"
	"slices"
	"strings"

	"github.com/scion-gen/scion-gen/pkg/manifest"
)

// Layout names the files of a tree: a path with placeholders in braces.
//
//	{namespace}  the object's namespace
//	{grove}      the grove it belongs to, if any
//	{agent}      the agent it belongs to, if any
//	{kind}       the object's kind in lower case
//	{name}       the object's name
//	{file}       agent-POD, grove-GROVE or serviceaccount
//
// A folder is left out where a placeholder in it is empty. The objects of one
// agent, or of one grove, may share a file; others may not.
type Layout string

// The layouts that have names.
const (
	ByNamespace Layout = "{namespace}/{file}.yaml"
	ByGrove     Layout = "grove-{grove}/{namespace}/{file}.yaml"
	Flat        Layout = "{namespace}_{file}.yaml"
)

// MaxEntries is how many entries a folder of a tree has at most, with its
// kustomization.yaml and what the tree's owner keeps beside it. Where there
// would be more, they are in folders named by digits of the SHA-256 of their
// names. Web interfaces of git hosts show a thousand; GitHub advises
// against more than three thousand.
const MaxEntries = 1000

// bookkeeping is how many of the entries are no resources: kustomization.yaml,
// and at the top an index, a journal and a temporary file.
const bookkeeping = 4

const kustomizationFile = "kustomization.yaml"

// folder is a folder of the tree, or, with documents, a file.
type folder struct {
	name      string
	entries   []*folder // in the order of the stream
	byName    map[string]*folder
	documents []document
}

// document is an object, or those of a unit that share a file.
type document struct {
	unit    *unit
	objects []identity
}

func (d document) String() string {
	o := d.objects[0]
	return fmt.Sprintf("%s %s in namespace %s", o.kind, o.name, d.unit.namespace)
}

// Arrange is the same objects in another layout: in other files, and in the
// order of these files.
func (m *Manifests) Arrange(l Layout) (*Manifests, error) {
	out := &Manifests{units: m.units, lines: m.lines, root: newFolder("")}
	if err := l.check(); err != nil {
		return nil, err
	}
	for i := range m.units {
		for _, d := range m.units[i].documents(l) {
			name := l.expand(d)
			if err := out.root.add(name, name, d); err != nil {
				return nil, fmt.Errorf("layout %s: %w", l, err)
			}
		}
	}
	out.root.spread()
	return out, nil
}

// documents are the unit's objects one by one where the layout can tell them
// apart, and together where it cannot.
func (u *unit) documents(l Layout) []document {
	if !strings.Contains(string(l), "{kind}") && !strings.Contains(string(l), "{name}") {
		return []document{{u, u.objects}}
	}
	var out []document
	for i := range u.objects {
		out = append(out, document{u, u.objects[i : i+1]})
	}
	return out
}

// placeholders are what stands for each; the values are names of Kubernetes, so
// that none has a slash.
var placeholders = map[string]func(document) string{
	"namespace": func(d document) string { return d.unit.namespace },
	"grove":     func(d document) string { return d.unit.grove },
	"agent":     func(d document) string { return d.unit.agent },
	"kind":      func(d document) string { return strings.ToLower(d.objects[0].kind) },
	"name":      func(d document) string { return d.objects[0].name },
	"file":      func(d document) string { return strings.TrimSuffix(d.unit.name, ".yaml") },
}

// check refuses what is no layout.
func (l Layout) check() error {
	for part := range strings.SplitSeq(string(l), "/") {
		for text := range pieces(part) {
			name, isPlace := strings.CutPrefix(text, "{")
			switch {
			case !isPlace && strings.Contains(text, "}"):
				return fmt.Errorf("layout %s: a } without its {", l)
			case isPlace && (!strings.HasSuffix(name, "}") || placeholders[strings.TrimSuffix(name, "}")] == nil):
				return fmt.Errorf("layout %s: there is no placeholder %s; there are {%s}", l, text,
					strings.Join(slices.Sorted(maps.Keys(placeholders)), "}, {"))
			}
		}
	}
	if path.Ext(string(l)) != ".yaml" {
		return fmt.Errorf("layout %s: does not end in .yaml", l)
	}
	if plain := strings.NewReplacer("{", "", "}", "").Replace(string(l)); !fs.ValidPath(plain) {
		return fmt.Errorf("layout %s: is no path below the directory", l)
	}
	return nil
}

// pieces are the placeholders of a part, with their braces, and what is between
// them.
func pieces(part string) iter.Seq[string] {
	return func(yield func(string) bool) {
		for part != "" {
			end := strings.IndexByte(part, '{')
			if end == 0 {
				end = cmp.Or(strings.IndexByte(part, '}')+1, len(part))
			}
			if end < 0 {
				end = len(part)
			}
			if !yield(part[:end]) {
				return
			}
			part = part[end:]
		}
	}
}

// expand is the name of the file of d.
func (l Layout) expand(d document) string {
	parts := strings.Split(string(l), "/")
	var out []string
	for i, part := range parts {
		var b strings.Builder
		empty := false
		for text := range pieces(part) {
			if name, isPlace := strings.CutPrefix(text, "{"); isPlace {
				text = placeholders[strings.TrimSuffix(name, "}")](d)
				empty = empty || text == ""
			}
			b.WriteString(text)
		}
		if !empty || i == len(parts)-1 {
			out = append(out, b.String())
		}
	}
	return strings.Join(out, "/")
}

func newFolder(name string) *folder { return &folder{name: name, byName: map[string]*folder{}} }

// add puts a document in the file that a path leads to.
func (f *folder) add(name, rest string, d document) error {
	first, rest, deeper := strings.Cut(rest, "/")
	next := f.byName[first]
	switch {
	case first == kustomizationFile:
		return fmt.Errorf("%s would be in %s, which lists the files of its folder", d, name)
	case strings.HasPrefix(first, "."):
		return fmt.Errorf("%s would be in %s, which is hidden; use {name} or {file}", d, name)
	case next == nil:
		next = newFolder(first)
		f.byName[first] = next
		f.entries = append(f.entries, next)
	case deeper == (next.documents != nil), !deeper && next.documents[0].unit != d.unit:
		return fmt.Errorf("%s and %s would both be in %s; use {namespace}, {kind} and {name}", next.first(), d, name)
	}
	if deeper {
		return next.add(name, rest, d)
	}
	next.documents = append(next.documents, d)
	return nil
}

// first is a document in the folder or file.
func (f *folder) first() document {
	for f.documents == nil {
		f = f.entries[0]
	}
	return f.documents[0]
}

// spread gives a folder with too many entries folders in between.
func (f *folder) spread() {
	if len(f.entries) > MaxEntries-bookkeeping {
		f.split(0)
		return
	}
	for _, e := range f.entries {
		e.spread()
	}
}

// split moves the entries to folders by two digits of a hash.
func (f *folder) split(digit int) {
	parts := map[string]*folder{}
	for _, e := range f.entries {
		sum := sha256.Sum256([]byte(e.name))
		key := fmt.Sprintf("h%02x", sum[digit])
		if parts[key] == nil {
			parts[key] = newFolder(key)
		}
		parts[key].entries = append(parts[key].entries, e)
		e.spread()
	}
	f.entries = nil
	for _, key := range slices.Sorted(maps.Keys(parts)) {
		part := parts[key]
		if len(part.entries) > MaxEntries-bookkeeping {
			part.split(digit + 1)
		}
		f.entries = append(f.entries, part)
	}
}

// files are the files below a folder with their paths; folders come after what
// is in them.
func (f *folder) files(at string) iter.Seq2[string, *folder] {
	return func(yield func(string, *folder) bool) {
		for _, e := range f.entries {
			if e.documents != nil {
				if !yield(path.Join(at, e.name), e) {
					return
				}
				continue
			}
			for name, file := range e.files(path.Join(at, e.name)) {
				if !yield(name, file) {
					return
				}
			}
		}
		yield(at, f)
	}
}

// text is the bytes of a file.
func (m *Manifests) text(dst []byte, f *folder) []byte {
	start := len(dst)
	for _, d := range f.documents {
		for _, o := range d.objects {
			if len(dst) > start {
				dst = append(dst, "---\n"...)
			}
			dst = m.lines.append(dst, o.text)
		}
	}
	return dst
}

// WriteTo writes every object as a YAML stream, in the order in which kustomize
// build prints the tree that Files makes.
func (m *Manifests) WriteTo(w io.Writer) (int64, error) {
	var written int64
	var buf []byte
	for _, f := range m.root.files("") {
		if f.documents == nil {
			continue
		}
		buf = buf[:0]
		if written > 0 {
			buf = append(buf, "---\n"...)
		}
		buf = m.text(buf, f)
		n, err := w.Write(buf)
		written += int64(n)
		if err != nil {
			return written, err
		}
	}
	return written, nil
}

// Output is a rendered file. Name is slash-separated; Objects are what it
// holds, as <kind>/<name>.
type Output struct {
	File
	Objects []string
}

// Files are the files of a tree that kustomize can build: those of the layout,
// and a kustomization.yaml at every level, after the files that it lists. The
// order is fixed.
func (m *Manifests) Files() iter.Seq2[Output, error] {
	return func(yield func(Output, error) bool) {
		for name, f := range m.root.files("") {
			if f.documents != nil {
				if !yield(m.output(name, f), nil) {
					return
				}
				continue
			}
			if !yield(f.kustomization(name)) {
				return
			}
		}
	}
}

func (m *Manifests) output(name string, f *folder) Output {
	out := Output{File: File{Name: name, Data: m.text(nil, f)}}
	for _, d := range f.documents {
		for _, o := range d.objects {
			out.Objects = append(out.Objects, o.kind+"/"+o.name)
		}
	}
	return out
}

// kustomization lists the entries. The order of kustomize is first in, first
// out: its default would sort the objects by kind.
func (f *folder) kustomization(at string) (Output, error) {
	root, order := manifest.Map(manifest.Pos{}, 4), manifest.Map(manifest.Pos{}, 1)
	resources := manifest.List(manifest.Pos{})
	for _, e := range f.entries {
		resources.Items = append(resources.Items, manifest.Str(e.name, manifest.Pos{}))
	}
	order.Set("order", value("fifo"))
	root.Set("apiVersion", value("kustomize.config.k8s.io/v1beta1"))
	root.Set("kind", value("Kustomization"))
	root.Set("resources", resources)
	root.Set("sortOptions", order)
	data, err := manifest.Append(nil, root)
	return Output{File: File{Name: path.Join(at, kustomizationFile), Data: data}}, err
}
