package overlay

import (
	"bytes"
	"cmp"
	"encoding/json"
	"errors"
	"regexp"
	"slices"
	"strings"

	"go.yaml.in/yaml/v4"
	"sigs.k8s.io/kustomize/api/types"
	kyaml "sigs.k8s.io/kustomize/kyaml/yaml"

	"github.com/scion-gen/scion-gen/pkg/manifest"
)

// A diagnosis is made of a build that failed: it looks for what is wrong with
// each file and each patch by itself, all of it and at its line, where kustomize
// says something of the first it meets. It never says that a build fails: what
// kustomize takes, Build takes.
type diagnosis struct {
	*source
	errs  manifest.Errors
	bad   []entry // patches that have something wrong with them
	files bool    // whether something else has
}

func (s *source) diagnose() *diagnosis {
	d := &diagnosis{source: s}
	seen := map[string]bool{}
	s.root.walk(func(k *kustomization) {
		if seen[k.file] {
			return
		}
		seen[k.file] = true
		for _, r := range k.resources {
			if r.file != "" && !seen[r.file] {
				seen[r.file] = true
				d.objects(s.file(r.file))
			}
		}
		d.plainFiles(k)
		for _, p := range k.patchEntries() {
			before := len(d.errs)
			d.patch(p)
			if len(d.errs) > before {
				d.bad = append(d.bad, p.entry)
			}
		}
		d.sortOptions(k)
	})
	return d
}

// text is YAML in a file, or inline in a kustomization.
type text struct {
	data         []byte
	at           *manifest.Source
	line, column int32        // of what comes before it in the file
	fixed        manifest.Pos // of all that is in it, where that is not known
}

func (s *source) file(name string) text {
	return text{data: s.files[name], at: &manifest.Source{File: s.show(name)}}
}

// inline is a string in a kustomization. Where it is a literal block, the lines of
// the text are those of the file.
func (s *source) inline(k *kustomization, value string, steps ...any) text {
	t := text{data: []byte(value), at: k.at}
	n := k.node(steps...)
	if n == nil || n.Style&yaml.LiteralStyle == 0 {
		t.fixed = k.pos(steps...)
		return t
	}
	t.line = int32(n.Line)
	first, _, _ := strings.Cut(value, "\n")
	for i, line := range slices.Collect(bytes.Lines(s.files[k.file])) {
		if i == n.Line {
			t.column = int32(indent(string(line)) - indent(first))
		}
	}
	return t
}

func indent(line string) int { return len(line) - len(strings.TrimLeft(line, " ")) }

// pos is a place in the text as a place in its file.
func (t text) pos(p manifest.Pos) manifest.Pos {
	if t.fixed.IsValid() {
		return t.fixed
	}
	return manifest.Pos{Source: t.at, Line: max(p.Line, 1) + t.line, Column: max(p.Column, 1) + t.column}
}

// unreadable is the error of reading a text as kustomize reads it: strict about
// syntax and keys that are there twice, and with nothing that JSON does not have.
func unreadable(data []byte) error {
	for _, doc := range documents(data) {
		var v any
		if err := kyaml.Unmarshal(doc, &v); err != nil {
			return err
		}
		if _, err := json.Marshal(v); err != nil {
			return err
		}
	}
	return nil
}

// read reads the documents of a text; what is no YAML is a mistake. A document
// with YAML that only kustomize takes is left out.
func (d *diagnosis) read(t text, field string) []manifest.Document {
	var errs manifest.Errors
	docs := manifest.Parse(t.at.File, t.data, &errs)
	err := unreadable(t.data)
	if err == nil {
		return docs
	}
	before := len(d.errs)
	for _, doc := range docs {
		d.infinite(t, doc.Root)
	}
	for _, e := range errs {
		if !strings.Contains(e.Msg, "not supported") { // which kustomize does
			d.errs.Add(t.pos(e.Pos), field, "%s", e.Msg)
		}
	}
	if len(d.errs) == before {
		d.errs.Add(t.pos(manifest.Pos{}), field, "not YAML: %s", strings.Join(strings.Fields(err.Error()), " "))
	}
	return nil
}

// infinite reports numbers that JSON does not have.
func (d *diagnosis) infinite(t text, n *manifest.Node) {
	if word := strings.ToLower(strings.TrimLeft(n.Text, "+-")); n.Kind == manifest.Number && (word == ".inf" || word == ".nan") {
		d.errs.Add(t.pos(n.Pos), "", "%s is no number that Kubernetes has; write one, or quote it", n.Text)
	}
	for _, f := range n.Fields {
		d.infinite(t, f.Value)
	}
	for _, item := range n.Items {
		d.infinite(t, item)
	}
}

// objects looks at a file of resources or of plugin configurations.
func (d *diagnosis) objects(t text) {
	before := len(d.errs)
	for _, doc := range d.read(t, "") {
		d.object(t, doc.Root)
	}
	d.files = d.files || len(d.errs) > before
}

func (d *diagnosis) object(t text, root *manifest.Node) {
	if root.Kind != manifest.Mapping {
		d.errs.Add(t.pos(root.Pos), "", "is %s; write an object with apiVersion, kind and metadata.name", root.Kind)
		return
	}
	kind := textAt(root, "kind")
	if kind == "" {
		d.errs.Add(t.pos(root.Pos), "kind", "is missing; say what the object is, such as kind: Pod")
	}
	if textAt(root, "metadata", "name") == "" && !strings.HasSuffix(kind, "List") {
		d.errs.Add(t.pos(root.Pos), "metadata.name", "is missing; give the object a name")
	}
	for _, key := range []string{"labels", "annotations"} {
		if n := root.At("metadata", key); n != nil && n.Kind != manifest.Mapping && n.Kind != manifest.Null {
			d.errs.Add(t.pos(n.Pos), "metadata."+key, "is %s; want a mapping", n.Kind)
		}
	}
}

// plainFiles looks at the files that a kustomization has beside its objects and
// patches.
func (d *diagnosis) plainFiles(k *kustomization) {
	before := len(d.errs)
	look := func(list []string, fields []string) {
		for _, entry := range list {
			file, ok := d.beside(k, entry)
			if !ok {
				continue
			}
			t := d.file(file)
			for _, doc := range d.read(t, "") {
				d.keys(t, doc.Root, fields)
			}
		}
	}
	look(k.Configurations, configurationFields)
	look(k.Crds, nil)
	for _, r := range k.Replacements {
		if file, ok := d.beside(k, r.Path); ok {
			d.replacements(d.file(file))
		}
	}
	d.files = d.files || len(d.errs) > before
	for _, list := range [][]string{k.Generators, k.Transformers, k.Validators} {
		for _, entry := range list {
			if file, ok := d.beside(k, entry); ok {
				d.objects(d.file(file))
			}
		}
	}
}

// replacements looks at a file with one replacement or a list of them.
func (d *diagnosis) replacements(t text) {
	for _, doc := range d.read(t, "") {
		var v any = &types.Replacement{}
		if doc.Root.Kind == manifest.Sequence {
			v = &[]types.Replacement{}
		}
		wrong, _ := errors.AsType[manifest.Errors](manifest.Into(doc.Root, v))
		for _, e := range wrong {
			d.errs.Add(t.pos(e.Pos), e.Path, "%s", e.Msg)
		}
	}
}

// beside is the file that a kustomization names, if it was read.
func (s *source) beside(k *kustomization, entry string) (string, bool) {
	if entry == "" || isInline(entry) {
		return "", false
	}
	dir, name, err := s.fsys.CleanedAbs(k.dir.Join(entry))
	if err != nil || name == "" {
		return "", false
	}
	_, known := s.files[dir.Join(name)]
	return dir.Join(name), known
}

// configurationFields are the fields of kustomize v5.8.2's TransformerConfig.
var configurationFields = []string{"namePrefix", "nameSuffix", "namespace", "commonLabels", "labels", "templateLabels", "commonAnnotations", "nameReference", "varReference", "images", "replicas"}

// keys looks at the keys of a mapping of lists.
func (d *diagnosis) keys(t text, root *manifest.Node, known []string) {
	if known == nil {
		return
	}
	if root.Kind != manifest.Mapping {
		d.errs.Add(t.pos(root.Pos), "", "is %s; want a mapping with %s", root.Kind, strings.Join(known, ", "))
		return
	}
	for _, f := range root.Fields {
		switch {
		case !slices.Contains(known, f.Key):
			d.errs.Add(t.pos(f.Pos), f.Key, "unknown field%s", didYouMean(f.Key, known))
		case f.Value.Kind != manifest.Sequence && f.Value.Kind != manifest.Null:
			d.errs.Add(t.pos(f.Value.Pos), f.Key, "is %s; want a list", f.Value.Kind)
		}
	}
}

func didYouMean(word string, of []string) string {
	if near := manifest.Nearest(word, of); near != "" {
		return "; did you mean " + near + "?"
	}
	return ""
}

func (d *diagnosis) sortOptions(k *kustomization) {
	o := k.SortOptions
	switch {
	case o == nil:
	case o.Order != types.FIFOSortOrder && o.Order != types.LegacySortOrder:
		d.errs.Add(k.pos("sortOptions", "order"), "sortOptions.order", "is %q; write fifo or legacy", string(o.Order))
		d.files = true
	case o.Order == types.FIFOSortOrder && o.LegacySortOptions != nil:
		d.errs.Add(k.pos("sortOptions", "legacySortOptions"), "sortOptions.legacySortOptions", "is for the order legacy; remove it, or write order: legacy")
		d.files = true
	}
}

// patchEntry is a patch, however a kustomization spells it.
type patchEntry struct {
	entry
	spec  types.Patch
	field string
	steps []any
	needs bool // a target, in any case
}

// patchEntries are all patches of a kustomization, in order.
func (k *kustomization) patchEntries() []patchEntry {
	var list []patchEntry
	add := func(name string, i int, p types.Patch, needs bool, steps ...any) {
		list = append(list, patchEntry{entryOfField(k, name, i), p, manifest.Index(name, i), steps, needs})
	}
	for i, p := range k.Patches {
		add("patches", i, p, false, "patches", i)
	}
	//lint:ignore SA1019 kustomizations still have it
	for i, p := range k.PatchesJson6902 {
		add("patchesJson6902", i, p, true, "patchesJson6902", i)
	}
	//lint:ignore SA1019 kustomizations still have it
	for i, p := range k.PatchesStrategicMerge {
		if isInline(string(p)) {
			add("patchesStrategicMerge", i, types.Patch{Patch: string(p)}, false, "patchesStrategicMerge", i)
		} else {
			add("patchesStrategicMerge", i, types.Patch{Path: string(p)}, false, "patchesStrategicMerge", i)
		}
	}
	return list
}

// text is what a patch says, and where; not ok where that is not known.
func (s *source) textOf(p patchEntry) (t text, field string, ok bool) {
	switch {
	case p.spec.Path != "" && p.spec.Patch == "":
		file, ok := s.beside(p.k, p.spec.Path)
		return s.file(file), "", ok
	case p.spec.Patch != "" && len(p.steps) == 2 && p.k.node(append(slices.Clone(p.steps), "patch")...) != nil:
		return s.inline(p.k, p.spec.Patch, append(slices.Clone(p.steps), "patch")...), p.field + ".patch", true
	}
	return s.inline(p.k, p.spec.Patch, p.steps...), p.field, p.spec.Patch != ""
}

// patch looks at a patch by itself.
func (d *diagnosis) patch(p patchEntry) {
	at := p.k.pos(p.steps...)
	switch {
	case p.spec.Patch == "" && p.spec.Path == "":
		d.errs.Add(at, p.field, "has neither patch nor path; write the patch under patch, or name its file under path")
		return
	case p.spec.Patch != "" && p.spec.Path != "":
		d.errs.Add(at, p.field, "has both patch and path; remove one")
		return
	case p.needs && p.spec.Target == nil:
		d.errs.Add(at, p.field, "has no target; say what it is for, such as target: {kind: Pod}")
		return
	}
	d.target(p)
	t, field, ok := d.textOf(p)
	if !ok || blank(t.data) {
		return
	}
	if d.notJSON(t, field) {
		return
	}
	docs := d.read(t, field)
	for i, doc := range docs {
		switch {
		case doc.Root.Kind == manifest.Sequence && p.spec.Target == nil:
			d.errs.Add(at, p.field, "is a JSON patch, which needs a target; add one, such as target: {kind: Pod}")
		case doc.Root.Kind == manifest.Sequence:
			d.operations(t, field, doc.Root)
		case i == 1 && p.spec.Target != nil:
			d.errs.Add(t.pos(doc.Root.Pos), field, "is a second document, and a patch with a target has one; make it a patch of its own")
		default:
			d.merge(t, field, doc.Root)
		}
	}
}

// target looks at the expressions of a target.
func (d *diagnosis) target(p patchEntry) {
	if p.spec.Target == nil {
		return
	}
	at := func(key string) manifest.Pos { return p.k.pos(append(slices.Clone(p.steps), "target", key)...) }
	field := func(key string) string { return p.field + ".target." + key }
	for key, expr := range map[string]string{"group": p.spec.Target.Group, "version": p.spec.Target.Version, "kind": p.spec.Target.Kind, "name": p.spec.Target.Name, "namespace": p.spec.Target.Namespace} {
		if _, err := regexp.Compile(expr); err != nil {
			d.errs.Add(at(key), field(key), "is no regular expression: %s", strings.TrimPrefix(err.Error(), "error parsing regexp: "))
		}
	}
	bare := kyaml.NewMapRNode(nil)
	if _, err := bare.MatchesLabelSelector(p.spec.Target.LabelSelector); err != nil {
		d.errs.Add(at("labelSelector"), field("labelSelector"), "is no selector: %v; write such as app=x or app in (x, y)", err)
	}
	if _, err := bare.MatchesAnnotationSelector(p.spec.Target.AnnotationSelector); err != nil {
		d.errs.Add(at("annotationSelector"), field("annotationSelector"), "is no selector: %v; write such as app=x or app in (x, y)", err)
	}
}

// notJSON reports a text that starts as JSON does, which kustomize reads as such,
// and is none.
func (d *diagnosis) notJSON(t text, field string) bool {
	trimmed := bytes.TrimSpace(t.data)
	if trimmed[0] != '[' {
		return false
	}
	var ops []any
	err := json.Unmarshal(trimmed, &ops)
	if err == nil {
		return false
	}
	if unreadable(t.data) == nil {
		d.errs.Add(t.pos(manifest.Pos{}), field, "starts with [ and so is read as JSON, which it is not; write a line for each operation that starts with -, or quote all keys and words")
		return true
	}
	var p manifest.Pos
	if syntax, ok := errors.AsType[*json.SyntaxError](err); ok {
		before := trimmed[:min(int(syntax.Offset), len(trimmed))]
		p.Line = int32(1 + bytes.Count(before, []byte("\n")))
		p.Column = int32(len(before) - 1 - bytes.LastIndexByte(before, '\n'))
	}
	d.errs.Add(t.pos(p), field, "not JSON: %v", err)
	return true
}

// operationFields are what an operation of RFC 6902 needs beside op.
var operationFields = map[string][]string{
	"add": {"path", "value"}, "replace": {"path", "value"}, "test": {"path", "value"},
	"remove": {"path"}, "move": {"from", "path"}, "copy": {"from", "path"},
}

func (d *diagnosis) operations(t text, field string, list *manifest.Node) {
	for i, op := range list.Items {
		at := manifest.Index(field, i)
		if op.Kind != manifest.Mapping {
			d.errs.Add(t.pos(op.Pos), at, "is %s; want an operation with op and path", op.Kind)
			continue
		}
		name := textAt(op, "op")
		needs, known := operationFields[name]
		if !known {
			where := op
			if n := op.Get("op"); n != nil {
				where = n
			}
			d.errs.Add(t.pos(where.Pos), manifest.Child(at, "op"), "is %q; write add, remove, replace, move, copy or test", name)
			continue
		}
		for _, key := range needs {
			switch n := op.Get(key); {
			case n == nil && key != "value": // no value is null
				d.errs.Add(t.pos(op.Pos), manifest.Child(at, key), "is missing; %s needs it", name)
			case n != nil && key != "value" && n.Text != "" && !strings.HasPrefix(n.Text, "/"):
				d.errs.Add(t.pos(n.Pos), manifest.Child(at, key), "starts without /; write /%s", strings.ReplaceAll(n.Text, ".", "/"))
			}
		}
	}
}

// merge looks at a strategic merge patch.
func (d *diagnosis) merge(t text, field string, root *manifest.Node) {
	if root.Kind != manifest.Mapping {
		d.errs.Add(t.pos(root.Pos), field, "is %s; write a list of operations, or an object with what is to change", root.Kind)
		return
	}
	child := func(path string) string {
		if field == "" {
			return path
		}
		return field + ": " + path
	}
	for _, need := range []struct{ path, hint string }{
		{"kind", "say what the patch is for, such as kind: Pod"},
		{"metadata.name", "name the object, or any where a target selects it"},
	} {
		if textAt(root, strings.Split(need.path, ".")...) == "" {
			d.errs.Add(t.pos(root.Pos), child(need.path), "is missing; %s", need.hint)
		}
	}
	d.directives(t, child, "", root)
	make, known := knownTypes[textAt(root, "apiVersion")+"/"+textAt(root, "kind")]
	if !known {
		return
	}
	wrong, _ := errors.AsType[manifest.Errors](manifest.Into(root, make()))
	for _, e := range wrong {
		if !strings.Contains(e.Path, "$") && !strings.Contains(e.Msg, "not a field") { // that, Build says after it has built
			d.errs.Add(t.pos(e.Pos), child(e.Path), "%s", e.Msg)
		}
	}
}

// directives looks for $patch with a word that it does not have.
func (d *diagnosis) directives(t text, child func(string) string, path string, n *manifest.Node) {
	for _, f := range n.Fields {
		at := manifest.Child(path, f.Key)
		if f.Key == "$patch" && !slices.Contains([]string{"delete", "replace", "merge"}, f.Value.Text) {
			d.errs.Add(t.pos(f.Value.Pos), child(at), "is %q; write delete, replace or merge", f.Value.Text)
		}
		d.directives(t, child, at, f.Value)
	}
	for i, item := range n.Items {
		d.directives(t, child, manifest.Index(path, i), item)
	}
}

// place is where in a patch an operation on a path stands, or where the patch
// starts.
func (s *source) place(p patchEntry, path string) (at manifest.Pos, field string) {
	t, field, ok := s.textOf(p)
	if !ok {
		return p.k.pos(p.steps...), p.field
	}
	var ignored manifest.Errors
	for _, doc := range manifest.Parse(t.at.File, t.data, &ignored) {
		if at, field, found := keyIn(doc.Root, "", path); found {
			return t.pos(at), cmp.Or(p.inFile(field), p.field)
		}
		for i, op := range doc.Root.Items {
			for _, key := range []string{"path", "from"} {
				if n := op.Get(key); path != "" && n != nil && (n.Text == path || strings.HasSuffix(n.Text, "/"+path)) {
					return t.pos(n.Pos), manifest.Child(manifest.Index(field, i), key)
				}
			}
		}
	}
	if p.spec.Path != "" {
		return t.pos(manifest.Pos{}), ""
	}
	return p.k.pos(p.steps...), p.field
}

// keyIn finds the first field of a name in a strategic merge patch, and its path.
func keyIn(n *manifest.Node, path, key string) (at manifest.Pos, field string, found bool) {
	for _, f := range n.Fields {
		here := manifest.Child(path, f.Key)
		if f.Key == key {
			return f.Pos, here, true
		}
		if at, field, found = keyIn(f.Value, here, key); found {
			return at, field, true
		}
	}
	if path == "" {
		return at, "", false // of a JSON patch, the operations have the paths
	}
	for i, item := range n.Items {
		if at, field, found = keyIn(item, manifest.Index(path, i), key); found {
			return at, field, true
		}
	}
	return at, "", false
}

// inFile is a field of a patch that is a file; inline, the patch has the field.
func (p patchEntry) inFile(field string) string {
	if p.spec.Path == "" {
		return ""
	}
	return field
}

// naming is where a strategic merge patch names the object that it is for.
func (s *source) naming(p patchEntry, name string) (at manifest.Pos, field string, found bool) {
	t, _, ok := s.textOf(p)
	if !ok {
		return at, "", false
	}
	var ignored manifest.Errors
	for _, doc := range manifest.Parse(t.at.File, t.data, &ignored) {
		if n := doc.Root.At("metadata", "name"); n != nil && n.Text == name {
			return t.pos(n.Pos), cmp.Or(p.inFile("metadata.name"), p.field), true
		}
	}
	return at, "", false
}

// inOrderOfPlace sorts mistakes by file and line; those of one place stay as they are.
func inOrderOfPlace(errs manifest.Errors) manifest.Errors {
	slices.SortStableFunc(errs, func(a, b *manifest.Error) int {
		return cmp.Or(strings.Compare(fileOf(a.Pos), fileOf(b.Pos)), cmp.Compare(a.Pos.Line, b.Pos.Line), cmp.Compare(a.Pos.Column, b.Pos.Column))
	})
	return errs
}

func fileOf(p manifest.Pos) string {
	if p.Source == nil {
		return ""
	}
	return p.Source.File
}
