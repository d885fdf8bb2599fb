package diff

import (
	"bytes"
	"cmp"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"path"
	"slices"
	"strings"

	yaml "go.yaml.in/yaml/v4"

	"github.com/scion-gen/scion-gen/pkg/manifest"
)

// File is a file of one side. Name is for messages and positions; Path is the
// name below the side's directory, by which a moved file is told; it is empty
// where the side is no directory. Scope names the tree of the side that it is
// in, where there are several: each may have an object of the same name. Patch
// says that it holds patches of a kustomization, which are parts of the objects
// that they name.
type File struct {
	Name, Path, Scope string
	Patch             bool
	Data              []byte
}

// Side is one of the two that are compared.
type Side struct {
	Name string
	// Skipped are documents that hold no object, for they have no kind.
	Skipped []Pos
	objects []*object
	byKey   map[key]*object
	unnamed map[string]int // how many objects have no name, by what they are
}

// id is what objects are matched by, within their scope.
type id struct{ group, kind, namespace, name string }

// key is what there is one object of.
type key struct {
	scope string
	id
}

func (r Ref) id() id { return id{r.Group, r.Kind, r.Namespace, r.Name} }

func (a id) compare(b id) int {
	return cmp.Or(
		strings.Compare(a.namespace, b.namespace),
		strings.Compare(a.kind, b.kind),
		strings.Compare(a.name, b.name),
		strings.Compare(a.group, b.group))
}

// object is one object of a side, without what the API server alone writes.
type object struct {
	ref Ref
	pos Pos
	// path, scope and patch are those of its file.
	path, scope string
	patch       bool
	// root is the object; nil where it is read from doc each time.
	root *manifest.Node
	doc  document
}

// document is one document of a file.
type document struct {
	source *manifest.Source
	line   int
	data   string // of the file's, which is one string
	errs   *manifest.Errors
}

// read reads the document, into a if it can be read quickly; nil where there is
// a mistake, which is reported.
func (d document) read(a *arena) *manifest.Node {
	if root, ok := quickParse(d.data, d.line, d.source, a); ok {
		return root
	}
	return parse([]byte(d.data), d.line, d.source, d.errs)
}

// load is the object, as long as a is not reset; nil where there is a mistake.
func (o *object) load(a *arena) *manifest.Node {
	if o.root != nil {
		return o.root
	}
	root := o.doc.read(a)
	if root == nil {
		return nil
	}
	return normalize(root, o.ref)
}

// keep is the object for longer: a rename needs all of them side by side.
func (o *object) keep() *manifest.Node {
	if o.root == nil {
		o.root = cmp.Or(o.load(&arena{}), &manifest.Node{Kind: manifest.Mapping})
	}
	return o.root
}

// maxDepth is how deep mappings and lists may be nested: CRDs hold schemas
// that are deeper than other objects.
const maxDepth = 200

// Read finds the objects in YAML and JSON files: documents, and the items of a
// List. It takes what kubectl, Helm and kustomize print and people write:
// comments, anchors, merge keys, standard tags, documents that are empty. What
// it cannot take is in errs, each mistake with its position; an object that is
// there twice in one scope is one. Documents that are no objects are in Skipped.
//
// Documents are read when they are compared, so that a large side is never in
// memory as a whole: what is wrong in them may be in errs no sooner than
// Compare has returned.
//
// Aliases are followed as long as they make a document no more than ten times
// as large as it is written.
func Read(name string, files []File, errs *manifest.Errors) *Side {
	s := &Side{Name: hidden(name), byKey: map[key]*object{}}
	for _, f := range files {
		f.Name = hidden(f.Name)
		r := reader{side: s, file: f, source: &manifest.Source{File: f.Name}, errs: errs}
		r.documents()
	}
	return s
}

// reader reads one file.
type reader struct {
	side   *Side
	file   File
	source *manifest.Source
	errs   *manifest.Errors
	arena  arena
}

func (r *reader) documents() {
	line := 1
	for _, chunk := range split(strings.TrimPrefix(string(r.file.Data), "\ufeff")) {
		for _, doc := range splitJSON(chunk) {
			if !blank(doc) {
				r.document(doc, line)
			}
			line += strings.Count(doc, "\n")
		}
	}
}

// splitJSON cuts JSON objects that follow one another without a marker, as jq
// writes them and kubectl reads them. What is no such stream stays whole.
func splitJSON(chunk string) []string {
	if start := strings.TrimLeft(chunk, " \t\r\n"); start == "" || start[0] != '{' || !strings.Contains(start, "}\n{") {
		return []string{chunk}
	}
	var docs []string
	in, start := json.NewDecoder(strings.NewReader(chunk)), 0
	for {
		var doc json.RawMessage
		err := in.Decode(&doc)
		if errors.Is(err, io.EOF) {
			return docs // the rest is white space
		}
		if err != nil {
			return []string{chunk} // YAML in flow style, or a mistake
		}
		end := int(in.InputOffset())
		docs, start = append(docs, chunk[start:end]), end
	}
}

func (r *reader) document(chunk string, line int) {
	start := manifest.Pos{Source: r.source, Line: int32(line), Column: 1}
	doc := document{r.source, line, chunk, r.errs}
	if ref, ok := quickRef(chunk); ok {
		r.take(&object{ref: ref, doc: doc}, start)
	} else if root := doc.read(&r.arena); root != nil {
		r.add(root, start, "", "")
	}
}

// split cuts a file into documents: before each line that starts with the
// marker ---, and after each that is the marker "...".
func split(data string) []string {
	var chunks []string
	start := 0
	for at := 0; at < len(data); {
		end := at + strings.IndexByte(data[at:], '\n') + 1
		if end == at {
			end = len(data)
		}
		if isMarker(data[at:end], '-') && at > start {
			chunks, start = append(chunks, data[start:at]), at
		}
		if isMarker(data[at:end], '.') {
			chunks, start = append(chunks, data[start:end]), end
		}
		at = end
	}
	return append(chunks, data[start:])
}

func isMarker(line string, c byte) bool {
	if len(line) < 3 || line[0] != c || line[1] != c || line[2] != c {
		return false
	}
	return len(line) == 3 || strings.IndexByte(" \t\r\n", line[3]) >= 0
}

// blank reports whether a chunk holds nothing but markers, directives, white
// space and comments.
func blank(chunk string) bool {
	if isMarker(chunk, '-') {
		chunk = chunk[3:]
	}
	for line := range strings.Lines(chunk) {
		if line[0] == '%' || isMarker(line, '.') {
			continue
		}
		line = strings.TrimSpace(line)
		if len(line) > 0 && line[0] != '#' {
			return false
		}
	}
	return true
}

// add takes an object, or the items of a List. version and kind are what an
// item has that names none.
func (r *reader) add(root *manifest.Node, start manifest.Pos, version, kind string) {
	if root.Kind == manifest.Null {
		return
	}
	if r.file.Patch && root.Kind == manifest.Sequence {
		// A JSON patch is no part of an object: it is one of its own.
		r.object(root, start, "kustomize.config.k8s.io/v1beta1", jsonPatch)
		return
	}
	if root.Kind != manifest.Mapping {
		r.side.Skipped = append(r.side.Skipped, Pos{r.file.Name, int(start.Line)})
		return
	}
	kind = cmp.Or(text(root.Get("kind")), kind, kindOfFile(r.file.Name))
	version = cmp.Or(text(root.Get("apiVersion")), version)
	items, isList := listOf(root, kind)
	switch {
	case kind == "":
		r.side.Skipped = append(r.side.Skipped, Pos{r.file.Name, int(start.Line)})
	case isList:
		for _, item := range items {
			r.add(item, item.Pos, version, strings.TrimSuffix(kind, "List"))
		}
	default:
		r.object(root, start, version, kind)
	}
}

// listOf are the items of a List; of a kind that is only named like one, there
// are none.
func listOf(root *manifest.Node, kind string) (items []*manifest.Node, ok bool) {
	list := root.Get("items")
	switch {
	case !strings.HasSuffix(kind, "List"):
		return nil, false
	case list.IsNull():
		return nil, kind == "List" || list != nil
	}
	return list.Items, list.Kind == manifest.Sequence
}

// jsonPatch is the kind of a list of JSON patch operations.
const jsonPatch = "Patch"

// kindOfFile is the kind of an object that need not say it: kustomize takes a
// kustomization.yaml without.
func kindOfFile(name string) string {
	switch path.Base(name) {
	case "kustomization.yaml", "kustomization.yml", "Kustomization":
		return "Kustomization"
	}
	return ""
}

func (r *reader) object(root *manifest.Node, start manifest.Pos, apiVersion, kind string) {
	group, version := splitVersion(apiVersion)
	meta := root.Get("metadata")
	o := &object{
		ref: Ref{
			Group: group, Version: version, Kind: kind,
			Namespace: text(meta.Get("namespace")),
			Name:      text(meta.Get("name")),
		},
	}
	o.root = normalize(typed(root, apiVersion, kind), o.ref)
	if o.ref.Name == "" {
		o.ref.Name = r.unnamed(kind, text(meta.Get("generateName")))
	}
	r.take(o, start)
}

// typed is an object with the version and kind that it need not say, as in a
// typed list.
func typed(root *manifest.Node, apiVersion, kind string) *manifest.Node {
	if root.Kind != manifest.Mapping {
		return root
	}
	for _, f := range [][2]string{{"apiVersion", apiVersion}, {"kind", kind}} {
		if f[1] != "" && root.Get(f[0]).IsNull() {
			root = with(root, f[0], manifest.Str(f[1], root.Pos))
		}
	}
	return root
}

// take adds an object to the side.
func (r *reader) take(o *object, start manifest.Pos) {
	o.pos, o.path, o.scope, o.patch = Pos{r.file.Name, int(start.Line)}, r.file.Path, r.file.Scope, r.file.Patch && o.ref.Kind != jsonPatch
	if first := r.side.byKey[o.key()]; first != nil {
		r.errs.Add(start, "", "%s is there twice, first at %s:%d; %s", o.ref.shown(), first.pos.File, first.pos.Line, twice(first.path, o.path))
		return
	}
	r.side.byKey[o.key()] = o
	r.side.objects = append(r.side.objects, o)
}

// twice is what to do about an object that is in two files of a side.
func twice(first, second string) string {
	if path.Dir(first) == path.Dir(second) {
		return "remove one"
	}
	return "remove one, or compare the directories apart if they are two copies"
}

func (o *object) key() key { return key{o.scope, o.ref.id()} }

// unnamed is what an object without a name is known by: the start of the name
// that the API server makes, or its file in a directory.
func (r *reader) unnamed(kind, generate string) string {
	name := cmp.Or(r.file.Path, "(no name)")
	if generate != "" {
		name = generate + "*"
	}
	of := strings.Join([]string{r.file.Scope, kind, name}, "\x00")
	if r.side.unnamed == nil {
		r.side.unnamed = map[string]int{}
	}
	r.side.unnamed[of]++
	if n := r.side.unnamed[of]; n > 1 {
		name = fmt.Sprintf("%s#%d", name, n)
	}
	return name
}

func splitVersion(apiVersion string) (group, version string) {
	group, version, found := strings.Cut(apiVersion, "/")
	if !found {
		return "", group
	}
	return group, version
}

// String is "kind namespace/name", as in "Pod agents/web--rev".
func (r Ref) String() string {
	if r.Namespace == "" {
		return r.Kind + " " + r.Name
	}
	return r.Kind + " " + r.Namespace + "/" + r.Name
}

func text(n *manifest.Node) string {
	if n == nil {
		return ""
	}
	return n.Text
}

// serverFields of metadata are written by the API server alone.
var serverFields = []string{"creationTimestamp", "deletionGracePeriodSeconds", "deletionTimestamp", "generation", "managedFields", "resourceVersion", "selfLink", "uid"}

// normalize leaves out what the API server alone writes, and puts a Secret's
// stringData into its data, as the server does.
func normalize(root *manifest.Node, ref Ref) *manifest.Node {
	out := without(root, "status")
	if meta := out.Get("metadata"); meta != nil && meta.Kind == manifest.Mapping {
		out = with(out, "metadata", without(meta, serverFields...))
	}
	plain, old := out.Get("stringData"), out.Get("data")
	if !strings.EqualFold(ref.Kind, "Secret") || !isStrings(plain) || !old.IsNull() && old.Kind != manifest.Mapping {
		return out
	}
	data := manifest.Map(plain.Pos, 0)
	if !old.IsNull() {
		data.Pos, data.Fields = old.Pos, slices.Clone(old.Fields)
	}
	for _, f := range plain.Fields {
		encoded := manifest.Str(base64.StdEncoding.EncodeToString([]byte(f.Value.Text)), f.Value.Pos)
		data.Set(f.Key, encoded)
	}
	return with(without(out, "stringData"), "data", data)
}

// isStrings reports whether n is a mapping of scalars: what else the server does
// not take is compared as it is.
func isStrings(n *manifest.Node) bool {
	nested := func(f manifest.Field) bool { return orNull(f.Value).Kind >= manifest.Sequence }
	return n != nil && n.Kind == manifest.Mapping && !slices.ContainsFunc(n.Fields, nested)
}

// without is n without some of its fields; n itself where it has none of them.
func without(n *manifest.Node, keys ...string) *manifest.Node {
	has := func(f manifest.Field) bool { return slices.Contains(keys, f.Key) }
	if !slices.ContainsFunc(n.Fields, has) {
		return n
	}
	out := *n
	out.Fields = slices.DeleteFunc(slices.Clone(n.Fields), has)
	return &out
}

// with is n with a field set.
func with(n *manifest.Node, key string, value *manifest.Node) *manifest.Node {
	if n.Get(key) == value {
		return n
	}
	out := *n
	out.Fields = slices.Clone(n.Fields)
	out.Set(key, value)
	return &out
}

// parse reads one document; nil where there is a mistake.
func parse(chunk []byte, line int, source *manifest.Source, errs *manifest.Errors) *manifest.Node {
	p := parser{source: source, line: line, errs: errs, budget: 10*len(chunk) + 1000, done: map[*yaml.Node]*converted{}}
	var doc yaml.Node
	if err := yaml.Load(trimEnd(chunk), &doc); err != nil {
		p.syntaxError(err)
		return nil
	}
	root := p.node(doc.Content[0], 1).node
	if p.failed {
		return nil
	}
	return root
}

// trimEnd cuts the marker "..." off.
func trimEnd(chunk []byte) []byte {
	at := bytes.LastIndex(chunk, []byte("\n..."))
	if at >= 0 && isMarker(string(chunk[at+1:]), '.') {
		return chunk[:at+1]
	}
	return chunk
}

// parser turns what the YAML library read into Nodes, following aliases.
type parser struct {
	source *manifest.Source
	line   int
	errs   *manifest.Errors
	failed bool
	budget int // nodes that may still be made, those behind aliases counted each time
	done   map[*yaml.Node]*converted
}

// converted is what an anchor stands for.
type converted struct {
	node *manifest.Node
	size int // nodes in it; 0 as long as it is being read
}

func (p *parser) pos(y *yaml.Node) manifest.Pos {
	return manifest.Pos{Source: p.source, Line: int32(max(y.Line, 1) + p.line - 1), Column: int32(max(y.Column, 1))}
}

func (p *parser) fail(y *yaml.Node, format string, args ...any) {
	if !p.failed {
		p.errs.Add(p.pos(y), "", format, args...)
	}
	p.failed = true
}

// syntaxError says what the library says, without the words of the document
// that it quotes: they may be what was to be a password.
func (p *parser) syntaxError(err error) {
	at, msg := &yaml.Node{}, err.Error()
	if load, ok := errors.AsType[*yaml.LoadError](err); ok {
		at.Line, at.Column, msg = load.Mark.Line, load.Mark.Column, load.Message
	}
	if strings.HasPrefix(msg, "unknown anchor") {
		msg = "an alias of what has no name; write the value out, or quote it if it is to be a string"
	}
	p.fail(at, "not YAML: %s", strings.Join(strings.Fields(msg), " "))
}

func (p *parser) node(y *yaml.Node, depth int) converted {
	if p.failed {
		return converted{&manifest.Node{}, 1}
	}
	if y.Kind == yaml.AliasNode {
		return p.alias(y)
	}
	var mark *converted
	if y.Anchor != "" {
		mark = &converted{}
		p.done[y] = mark
	}
	if depth > maxDepth {
		p.fail(y, "nested more than %d levels deep", maxDepth)
	}
	out := converted{&manifest.Node{Pos: p.pos(y)}, 1}
	switch y.Kind {
	case yaml.ScalarNode:
		p.scalar(out.node, y)
	case yaml.SequenceNode:
		out.node.Kind = manifest.Sequence
		out.node.Items = make([]*manifest.Node, len(y.Content))
		for i, item := range y.Content {
			got := p.node(item, depth+1)
			out.node.Items[i] = got.node
			out.size += got.size
		}
	case yaml.MappingNode:
		out.node.Kind = manifest.Mapping
		out.size += p.fields(out.node, y, depth)
	}
	if mark != nil {
		*mark = out
	}
	p.budget--
	return out
}

func (p *parser) alias(y *yaml.Node) converted {
	got := p.done[y.Alias]
	if got == nil || got.size == 0 {
		p.fail(y, "the alias stands inside of what it names")
		return converted{&manifest.Node{}, 1}
	}
	if p.budget -= got.size; p.budget < 0 {
		p.fail(y, "aliases make the document more than ten times as large; write the values out")
	}
	return *got
}

func (p *parser) scalar(n *manifest.Node, y *yaml.Node) {
	n.Text = y.Value
	switch y.ShortTag() {
	case "!!null":
		n.Kind = manifest.Null
	case "!!bool":
		n.Kind, n.Text = manifest.Bool, strings.ToLower(y.Value)
	case "!!int", "!!float":
		n.Kind = manifest.Number
	case "!!str", "!!timestamp":
		n.Kind = manifest.String
	case "!!binary":
		data, err := base64.StdEncoding.DecodeString(strings.Join(strings.Fields(y.Value), ""))
		if err != nil {
			p.fail(y, "is not base64")
		}
		n.Kind, n.Text = manifest.String, string(data)
	default:
		p.fail(y, "the tag is not known; remove it, or quote the value if it is to be a string")
	}
}

// fields reads a mapping and returns the number of nodes in it.
func (p *parser) fields(n *manifest.Node, y *yaml.Node, depth int) int {
	n.Fields = make([]manifest.Field, 0, len(y.Content)/2)
	seen := make(map[string]bool, len(y.Content)/2)
	size := 0
	var merged []*manifest.Node
	for i := 0; i+1 < len(y.Content); i += 2 {
		key, value := y.Content[i], p.node(y.Content[i+1], depth+1)
		size += value.size
		if key.Kind == yaml.AliasNode {
			key = key.Alias
		}
		switch {
		case key.Kind != yaml.ScalarNode || key.ShortTag() == "!!null":
			p.fail(key, "a key must be a string")
		case key.ShortTag() == "!!merge":
			merged = append(merged, value.node)
		case seen[key.Value]:
			p.fail(key, "key %q is given twice; remove one", hidden(key.Value))
		default:
			seen[key.Value] = true
			n.Fields = append(n.Fields, manifest.Field{Key: key.Value, Value: value.node, Pos: p.pos(y.Content[i])})
		}
	}
	for _, m := range merged {
		p.merge(n, m, y, seen)
	}
	return size
}

// merge adds the fields of a merge key: a mapping, or several of which the
// first wins; those that the mapping has itself win over all.
func (p *parser) merge(n, from *manifest.Node, y *yaml.Node, seen map[string]bool) {
	switch from.Kind {
	case manifest.Mapping:
		for _, f := range from.Fields {
			if !seen[f.Key] {
				seen[f.Key] = true
				n.Fields = append(n.Fields, f)
			}
		}
	case manifest.Sequence:
		for _, item := range from.Items {
			if item.Kind != manifest.Mapping {
				p.fail(y, "<< must name a mapping, or a list of them")
				return
			}
			p.merge(n, item, y, seen)
		}
	default:
		p.fail(y, "<< must name a mapping, or a list of them")
	}
}
