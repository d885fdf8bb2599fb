package overlay

import (
	"bytes"
	"errors"
	"fmt"
	"path"
	"path/filepath"
	"reflect"
	"slices"
	"strings"

	"go.yaml.in/yaml/v4"
	"sigs.k8s.io/kustomize/api/konfig"
	"sigs.k8s.io/kustomize/api/types"
	"sigs.k8s.io/kustomize/kyaml/filesys"

	"github.com/scion-gen/scion-gen/pkg/manifest"
)

// source is a kustomization and all that it is made of, as it was written.
type source struct {
	fsys    filesys.FileSystem
	options Options
	root    *kustomization
	given   string            // the directory as the user wrote it
	files   map[string][]byte // by cleaned absolute path
	errs    manifest.Errors
	opaque  []string // what cannot be looked into, for the log
}

// kustomization is one visit of a kustomization file: a base that two overlays
// share is visited twice.
type kustomization struct {
	types.Kustomization
	file       string // cleaned absolute path
	dir        filesys.ConfirmedDir
	doc        *yaml.Node // nil where positions are not known
	at         *manifest.Source
	parent     *kustomization
	resources  []operand
	components []*kustomization
}

// operand is an entry of resources: a file or another kustomization.
type operand struct {
	entry string
	file  string // cleaned absolute path, or empty
	base  *kustomization
}

// read reads the kustomization in dir and those it refers to.
func read(fsys filesys.FileSystem, dir string, o Options) (*source, error) {
	s := &source{fsys: fsys, options: o, given: dir, files: map[string][]byte{}}
	root, err := filesys.ConfirmDir(fsys, dir)
	if err != nil {
		s.errs.Add(manifest.Pos{}, "", "%s: is not a directory; name one with a kustomization.yaml", dir)
		return nil, s.errs.Err()
	}
	s.root = s.visit(root, nil, manifest.Pos{}, "")
	if err := s.errs.Err(); err != nil {
		return nil, err
	}
	return s, nil
}

// visit reads the kustomization file of a directory. It is nil where there is
// something wrong with it.
func (s *source) visit(dir filesys.ConfirmedDir, parent *kustomization, from manifest.Pos, field string) *kustomization {
	k := &kustomization{dir: dir, parent: parent}
	data := s.find(k, from, field)
	if data == nil {
		return nil
	}
	k.at = &manifest.Source{File: s.show(k.file)}
	var doc yaml.Node
	if yaml.Unmarshal(data, &doc) == nil && doc.Kind == yaml.DocumentNode {
		k.doc = doc.Content[0]
	}
	if err := k.Unmarshal(data); err != nil {
		s.malformed(k, data, err)
		return nil
	}
	if !s.options.Unchecked {
		s.ignored(k, data)
	}
	k.FixKustomization()
	if err := k.CheckEmpty(); err != nil {
		s.errs.Add(manifest.Pos{Source: k.at}, "", "is empty; list files under resources")
		return nil
	}
	for _, problem := range k.EnforceFields() {
		field, _, _ := strings.Cut(problem, " ")
		_, want, _ := strings.Cut(problem, " should be ")
		s.errs.Add(k.pos(field), field, "is not one that kustomize has; write %s", want)
	}
	s.entries(k)
	s.paths(k)
	s.programs(k)
	return k
}

// find reads the one kustomization file of k's directory.
func (s *source) find(k *kustomization, from manifest.Pos, field string) []byte {
	var found []string
	for _, name := range konfig.RecognizedKustomizationFileNames() {
		if file := k.dir.Join(name); s.fsys.Exists(file) && !s.fsys.IsDir(file) {
			found = append(found, name)
		}
	}
	switch len(found) {
	case 0:
		s.errs.Add(from, field, "%s: there is no kustomization.yaml in it", s.show(k.dir.String()))
		return nil
	case 1:
		k.file = k.dir.Join(found[0])
		data, err := s.load(k.file)
		if err != nil {
			s.errs.Add(from, field, "%v", err)
			return nil
		}
		return data
	}
	s.errs.Add(from, field, "%s: there are %s; keep one", s.show(k.dir.String()), strings.Join(found, " and "))
	return nil
}

// load reads a file once.
func (s *source) load(file string) ([]byte, error) {
	if data, known := s.files[file]; known {
		return data, nil
	}
	data, err := s.fsys.ReadFile(file)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", s.show(file), err)
	}
	if data == nil {
		data = []byte{}
	}
	s.files[file] = data
	return data, nil
}

// show is a path as the user would write it.
func (s *source) show(file string) string {
	root, _, err := s.fsys.CleanedAbs(s.given)
	if err != nil {
		return file
	}
	rel, err := filepath.Rel(root.String(), file)
	if err != nil {
		return file
	}
	return path.Join(filepath.ToSlash(s.given), filepath.ToSlash(rel))
}

// ignored reports what kustomize reads over in a kustomization file without a word:
// all but the last of keys of one name, and all but the first document.
func (s *source) ignored(k *kustomization, data []byte) {
	s.twice(k, k.doc, "")
	docs := documents(data)
	line := 1
	for i, doc := range docs {
		if i > 0 && cuttable(data) && !blank(doc) && !blank(docs[0]) {
			s.errs.Add(manifest.Pos{Source: k.at, Line: int32(line), Column: 1}, "", "a second document, which kustomize does not read; remove it")
			return
		}
		line += bytes.Count(doc, []byte("\n")) + 1 // with the marker
	}
}

func (s *source) twice(k *kustomization, n *yaml.Node, path string) {
	if n == nil || n.Kind != yaml.MappingNode {
		for i, item := range contents(n) {
			s.twice(k, item, manifest.Index(path, i))
		}
		return
	}
	first := map[string]*yaml.Node{}
	for i := 0; i+1 < len(n.Content); i += 2 {
		key, at := n.Content[i], manifest.Child(path, n.Content[i].Value)
		if other := first[key.Value]; other != nil {
			s.errs.Add(k.nodePos(key), at, "is given twice, first at %s, and kustomize reads the last alone; remove one", k.nodePos(other))
		} else if key.Kind == yaml.ScalarNode && key.ShortTag() != "!!merge" {
			first[key.Value] = key
		}
		s.twice(k, n.Content[i+1], at)
	}
}

func contents(n *yaml.Node) []*yaml.Node {
	if n == nil {
		return nil
	}
	return n.Content
}

// malformed says what is wrong with a kustomization file that kustomize cannot
// read: every field that does not fit.
func (s *source) malformed(k *kustomization, data []byte, err error) {
	var errs manifest.Errors
	docs := manifest.Parse(k.at.File, data, &errs)
	if k.doc == nil {
		errs = slices.DeleteFunc(errs, func(e *manifest.Error) bool { return strings.Contains(e.Msg, "not supported") })
		if len(errs) > 0 {
			s.errs = append(s.errs, errs...)
			return
		}
	}
	if k.doc == nil && strings.Contains(err.Error(), "unknown anchor") {
		var errs manifest.Errors
		manifest.Parse(k.at.File, data, &errs)
		if len(errs) > 0 {
			s.errs.Add(errs[0].Pos, "", "an alias whose anchor is not there; define it above, or repeat the value")
			return
		}
	}
	var wrong manifest.Errors
	if len(docs) > 0 {
		wrong, _ = errors.AsType[manifest.Errors](manifest.Into(docs[0].Root, &types.Kustomization{}))
	}
	known := fieldNames(reflect.TypeFor[types.Kustomization](), map[string]bool{})
	before := len(s.errs)
	for _, e := range wrong {
		key := e.Path[strings.LastIndex(e.Path, ".")+1:]
		switch {
		case e.Msg != "is not a field":
			s.errs.Add(e.Pos, e.Path, "%s", e.Msg)
		case !slices.ContainsFunc(known, func(name string) bool { return strings.EqualFold(name, key) }):
			s.errs.Add(e.Pos, e.Path, "unknown field%s", didYouMean(key, known))
		case !slices.Contains(known, key): // read whatever its case
		default:
			s.errs.Add(e.Pos, e.Path, "is no field here")
		}
	}
	if len(s.errs) == before {
		s.notWords(k, k.doc)
	}
	if len(s.errs) == before {
		s.errs.Add(manifest.Pos{Source: k.at}, "", "%s", strings.TrimPrefix(strings.Join(strings.Fields(err.Error()), " "), "invalid Kustomization: "))
	}
}

// notWords reports words that kustomize, which reads YAML 1.1 here, takes for true
// or false.
func (s *source) notWords(k *kustomization, n *yaml.Node) {
	if n == nil {
		return
	}
	if n.Kind == yaml.ScalarNode && n.Style == 0 && n.ShortTag() == "!!str" && slices.Contains([]string{"y", "yes", "on", "n", "no", "off"}, strings.ToLower(n.Value)) {
		s.errs.Add(k.nodePos(n), "", "kustomize reads %s as true or false; quote it", n.Value)
	}
	for _, c := range n.Content {
		s.notWords(k, c)
	}
}

// fieldNames are the names of the fields of a kustomization, and of those in it.
func fieldNames(t reflect.Type, seen map[string]bool) []string {
	for t.Kind() == reflect.Pointer || t.Kind() == reflect.Slice || t.Kind() == reflect.Map {
		t = t.Elem()
	}
	if t.Kind() != reflect.Struct || seen[t.String()] {
		return nil
	}
	seen[t.String()] = true
	var names []string
	for f := range t.Fields() {
		if name, _, _ := strings.Cut(f.Tag.Get("json"), ","); name != "" && name != "-" {
			names = append(names, name)
		}
		names = append(names, fieldNames(f.Type, seen)...)
	}
	return names
}

// node is what stands at a field, or nil: steps are keys and indexes.
func (k *kustomization) node(steps ...any) *yaml.Node {
	n := k.doc
	for _, step := range steps {
		n = below(n, step)
	}
	return n
}

// pos is the place of a field, or of what is nearest to it: steps are keys and
// indexes.
func (k *kustomization) pos(steps ...any) manifest.Pos {
	n, p := k.doc, manifest.Pos{Source: k.at}
	for _, step := range steps {
		if n = below(n, step); n == nil {
			return p
		}
		p = k.nodePos(n)
	}
	return p
}

func (k *kustomization) nodePos(n *yaml.Node) manifest.Pos {
	return manifest.Pos{Source: k.at, Line: int32(n.Line), Column: int32(n.Column)}
}

func below(n *yaml.Node, step any) *yaml.Node {
	if n == nil {
		return nil
	}
	switch step := step.(type) {
	case int:
		if n.Kind == yaml.SequenceNode && step < len(n.Content) {
			return n.Content[step]
		}
	case string:
		for i := 0; n.Kind == yaml.MappingNode && i+1 < len(n.Content); i += 2 {
			if n.Content[i].Value == step {
				return n.Content[i+1]
			}
		}
	}
	return nil
}

// entries follows resources and components. Entries of bases follow those of
// resources, as kustomize has it.
func (s *source) entries(k *kustomization) {
	for i, entry := range k.Resources {
		p, field := k.pos("resources", i), manifest.Index("resources", i)
		r := operand{entry: entry}
		switch file, isDir, ok := s.resolve(k, p, field, entry); {
		case !ok:
			continue
		case isDir:
			if r.base = s.descend(k, file, p, field); r.base != nil && r.base.Kind == types.ComponentKind {
				s.errs.Add(p, field, "%s is a component; list it under components", entry)
			}
		case file != "":
			if _, err := s.load(file); err != nil {
				s.errs.Add(p, field, "%v", err)
			}
			r.file = file
		}
		k.resources = append(k.resources, r)
	}
	for i, entry := range k.Components {
		p, field := k.pos("components", i), manifest.Index("components", i)
		file, isDir, ok := s.resolve(k, p, field, entry)
		switch {
		case !ok:
		case file != "" && !isDir:
			s.errs.Add(p, field, "%s is a file; a component is a directory with a kustomization.yaml", entry)
		case isDir:
			c := s.descend(k, file, p, field)
			if c != nil && c.Kind != types.ComponentKind {
				s.errs.Add(p, field, "%s is no component: its kind is %s; list it under resources", entry, c.Kind)
			}
			k.components = append(k.components, c)
		}
	}
}

// descend visits another kustomization that k refers to, unless that contains k.
func (s *source) descend(k *kustomization, dir string, p manifest.Pos, field string) *kustomization {
	confirmed, err := filesys.ConfirmDir(s.fsys, dir)
	if err != nil {
		s.errs.Add(p, field, "%v", err)
		return nil
	}
	for a := k; a != nil; a = a.parent {
		if a.dir == confirmed && a == k {
			s.errs.Add(p, field, "is this kustomization itself; remove it")
			return nil
		}
		if a.dir.HasPrefix(confirmed) {
			s.errs.Add(p, field, "%s is %s or a directory above it; a kustomization cannot refer to one that contains it", s.show(confirmed.String()), s.show(a.dir.String()))
			return nil
		}
	}
	return s.visit(confirmed, k, p, field)
}

// resolve is the file or directory that an entry names. It is neither, and ok,
// where the entry is remote and remote is allowed.
func (s *source) resolve(k *kustomization, p manifest.Pos, field, entry string) (file string, isDir, ok bool) {
	if isRemote(entry) {
		if s.options.Remote {
			s.opaque = append(s.opaque, field+" "+entry)
			return "", false, true
		}
		s.errs.Add(p, field, "%s is remote, so what it builds to can change without a commit; copy it into the repository, or allow it with --enable-remote", entry)
		return "", false, false
	}
	full := entry
	if !filepath.IsAbs(entry) {
		full = k.dir.Join(entry)
	}
	dir, name, err := s.fsys.CleanedAbs(full)
	switch {
	case entry == "":
		s.errs.Add(p, field, "is empty; name a file or directory")
	case err != nil:
		s.errs.Add(p, field, "there is no file or directory %s%s", entry, s.nearest(k, entry))
	case name == "" && filepath.IsAbs(entry):
		s.errs.Add(p, field, "%s is absolute; write it relative to %s", entry, s.show(k.dir.String()))
	case name == "":
		return dir.String(), true, true
	case !s.options.AnyPath && !dir.HasPrefix(k.dir):
		s.errs.Add(p, field, "%s is outside %s; move it below, make its directory a kustomization, or allow it with --load-restrictor LoadRestrictionsNone", entry, s.show(k.dir.String()))
	default:
		return dir.Join(name), false, true
	}
	return "", false, false
}

// nearest hints at what the entry may have been meant to be.
func (s *source) nearest(k *kustomization, entry string) string {
	names, err := s.fsys.ReadDir(k.dir.Join(path.Dir(entry)))
	if err != nil {
		return ""
	}
	near := manifest.Nearest(path.Base(entry), names)
	if near == "" {
		return ""
	}
	return "; did you mean " + path.Join(path.Dir(entry), near) + "?"
}

// isRemote reports whether kustomize would fetch an entry: by HTTP, or with git
// as its NewRepoSpecFromURL decides.
func isRemote(entry string) bool {
	lower := strings.ToLower(entry)
	host, _, _ := strings.Cut(lower, "/")
	return strings.Contains(lower, "://") || strings.HasPrefix(lower, "git::") ||
		strings.Contains(host, "@") || strings.HasPrefix(lower, "github.com/") || strings.HasPrefix(lower, "github.com:") ||
		strings.HasPrefix(lower, "www.github.com") || strings.HasPrefix(lower, "http:")
}

// paths checks the files that other fields name.
func (s *source) paths(k *kustomization) {
	check := func(entry string, steps ...any) {
		field := ""
		for _, step := range steps {
			switch step := step.(type) {
			case int:
				field = manifest.Index(field, step)
			case string:
				field = manifest.Child(field, step)
			}
		}
		file, isDir, ok := s.resolve(k, k.pos(steps...), field, entry)
		if !ok || isDir || file == "" {
			return
		}
		if _, err := s.load(file); err != nil {
			s.errs.Add(k.pos(steps...), field, "%v", err)
		}
	}
	for i, p := range k.Patches {
		if p.Path != "" {
			check(p.Path, "patches", i, "path")
		}
	}
	//lint:ignore SA1019 kustomizations still have it
	for i, p := range k.PatchesJson6902 {
		if p.Path != "" {
			check(p.Path, "patchesJson6902", i, "path")
		}
	}
	for i, r := range k.Replacements {
		if r.Path != "" {
			check(r.Path, "replacements", i, "path")
		}
	}
	for i, c := range k.Configurations {
		check(c, "configurations", i)
	}
	for i, c := range k.Crds {
		check(c, "crds", i)
	}
	if file := k.OpenAPI["path"]; file != "" {
		check(file, "openapi", "path")
	}
	//lint:ignore SA1019 kustomizations still have it
	for i, p := range k.PatchesStrategicMerge {
		if !isInline(string(p)) {
			check(string(p), "patchesStrategicMerge", i)
		}
	}
	s.generatorPaths(k, check)
}

// isInline reports whether an entry is YAML itself and not the name of a file.
func isInline(entry string) bool {
	return strings.ContainsAny(entry, "\n{") || strings.Contains(entry, ": ")
}

func (s *source) generatorPaths(k *kustomization, check func(string, ...any)) {
	of := func(name string, i int, sources types.KvPairSources) {
		for j, f := range sources.FileSources {
			if _, file, cut := strings.Cut(f, "="); cut {
				f = file
			}
			check(f, name, i, "files", j)
		}
		for j, f := range sources.EnvSources {
			check(f, name, i, "envs", j)
		}
	}
	for i, g := range k.ConfigMapGenerator {
		of("configMapGenerator", i, g.KvPairSources)
	}
	for i, g := range k.SecretGenerator {
		of("secretGenerator", i, g.KvPairSources)
	}
}

// programs refuses what would run programs: plugins and Helm.
func (s *source) programs(k *kustomization) {
	if len(k.HelmCharts) > 0 && !s.options.Helm {
		field := "helmCharts"
		if k.node(field) == nil {
			field = "helmChartInflationGenerator"
		}
		s.errs.Add(k.pos(field), field, "runs helm; inflate the charts into the repository, or allow it with --enable-helm")
	}
	for _, list := range []struct {
		name    string
		entries []string
	}{{"generators", k.Generators}, {"transformers", k.Transformers}, {"validators", k.Validators}} {
		for i, entry := range list.entries {
			s.plugin(k, k.pos(list.name, i), manifest.Index(list.name, i), entry)
		}
	}
}

// plugin looks at an entry of plugins: those that kustomize brings along run
// nothing, though they can load files.
func (s *source) plugin(k *kustomization, p manifest.Pos, field, entry string) {
	text := entry
	if !isInline(entry) {
		file, isDir, ok := s.resolve(k, p, field, entry)
		if !ok {
			return
		}
		if isDir {
			s.pluginsIn(s.descend(k, file, p, field), p, field)
		}
		if isDir || file == "" {
			return
		}
		data, err := s.load(file)
		if err != nil {
			s.errs.Add(p, field, "%v", err)
			return
		}
		text = string(data)
	}
	s.pluginConfigs(text, p, field)
}

// pluginsIn looks at the configurations that a kustomization of plugins has.
func (s *source) pluginsIn(k *kustomization, p manifest.Pos, field string) {
	if k == nil {
		return
	}
	k.walk(func(k *kustomization) {
		for _, r := range k.resources {
			s.pluginConfigs(string(s.files[r.file]), p, field)
		}
	})
}

func (s *source) pluginConfigs(text string, p manifest.Pos, field string) {
	for _, config := range documents([]byte(text)) {
		var doc struct {
			APIVersion string         `yaml:"apiVersion"`
			Kind       string         `yaml:"kind"`
			Rest       map[string]any `yaml:",inline"`
		}
		if yaml.Unmarshal(config, &doc) != nil || doc.Kind == "" {
			continue // kustomize says it better
		}
		switch {
		case doc.APIVersion == konfig.BuiltinPluginApiVersion && doc.Kind == "HelmChartInflationGenerator" && !s.options.Helm:
			s.errs.Add(p, field, "runs helm; inflate the chart into the repository, or allow it with --enable-helm")
		case doc.APIVersion == konfig.BuiltinPluginApiVersion:
			if url := remoteIn(doc.Rest); url != "" && !s.options.Remote {
				s.errs.Add(p, field, "%s is remote; copy it into the repository, or allow it with --enable-remote", url)
			}
		case !s.options.Plugins:
			s.errs.Add(p, field, "%s is a plugin, which can run any program; run it before and commit what it makes, or allow it with --enable-alpha-plugins (and --enable-exec)", doc.Kind)
		}
	}
}

// remoteIn is a URL in one of the fields from which built-in plugins load.
func remoteIn(value any) string {
	switch value := value.(type) {
	case map[string]any:
		for key, v := range value {
			loads := slices.Contains([]string{"path", "paths", "files", "env", "envs"}, key)
			for _, text := range texts(v) {
				if _, file, cut := strings.Cut(text, "="); cut && loads && isRemote(file) || loads && isRemote(text) {
					return text
				}
			}
			if url := remoteIn(v); url != "" {
				return url
			}
		}
	case []any:
		for _, v := range value {
			if url := remoteIn(v); url != "" {
				return url
			}
		}
	}
	return ""
}

func texts(value any) []string {
	switch value := value.(type) {
	case string:
		return []string{value}
	case []any:
		var list []string
		for _, v := range value {
			list = append(list, texts(v)...)
		}
		return list
	}
	return nil
}

// walk visits k and all below it, resources first, as kustomize does.
func (k *kustomization) walk(visit func(*kustomization)) {
	for _, r := range k.resources {
		if r.base != nil {
			r.base.walk(visit)
		}
	}
	for _, c := range k.components {
		c.walk(visit)
	}
	visit(k)
}
