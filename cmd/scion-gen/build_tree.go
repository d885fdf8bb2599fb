package main

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"go.yaml.in/yaml/v4"
	"sigs.k8s.io/kustomize/api/types"
	"sigs.k8s.io/kustomize/kyaml/filesys"

	"github.com/scion-gen/scion-gen/pkg/manifest"
	"github.com/scion-gen/scion-gen/pkg/overlay"
	"github.com/scion-gen/scion-gen/pkg/tree"
)

// treeBuild is a build that ends in directories.
type treeBuild struct {
	renders []rendering
	layout  layoutFlags
	tree    treeFlags
}

// rendering is configuration, and the directory for what is rendered from it.
type rendering struct {
	config []string
	dir    string
}

// parseRendering reads CONFIG=DIR, with more paths of configuration after commas.
func parseRendering(text string) (rendering, error) {
	i := max(0, strings.LastIndex(text, "="))
	config, dir := strings.Split(text[:i], ","), strings.TrimPrefix(text[i:], "=")
	if slices.Contains(config, "") || slices.Contains(config, "-") || dir == "" {
		return rendering{}, fmt.Errorf("--render %s: write the configuration and the directory, such as agents=manifests", text)
	}
	return rendering{config, dir}, nil
}

// usage refuses flags that say nothing without others, and two trees in one
// directory.
func (b *treeBuild) usage(output string) error {
	if err := b.tree.usage(output); err != nil {
		return err
	}
	switch {
	case len(b.renders) == 0 && b.layout != layoutFlags{layout: "namespace"}:
		return errors.New("--layout and --name-template are for rendered files; add --render CONFIG=DIR")
	case len(b.renders) > 0 && output == "-":
		return errors.New("--render needs a directory for what is built over it; add -o DIR")
	}
	dirs := []string{output}
	for _, r := range b.renders {
		if slices.ContainsFunc(dirs, func(other string) bool { return sameDirectory(r.dir, other) }) {
			return fmt.Errorf("--render: something else is written to %s; give it a directory of its own", r.dir)
		}
		dirs = append(dirs, r.dir)
	}
	return nil
}

func sameDirectory(a, b string) bool {
	if filepath.Clean(a) == filepath.Clean(b) {
		return true
	}
	one, err := os.Stat(a)
	if err != nil {
		return false
	}
	other, err := os.Stat(b)
	return err == nil && os.SameFile(one, other)
}

// run renders, builds over what was rendered, and brings all directories up to
// date; nothing is written before everything is known to be right.
func (b *treeBuild) run(dir, output string, options overlay.Options, stdout, stderr io.Writer) error {
	var targets []target
	disk := filesys.MakeFsOnDisk()
	for _, r := range b.renders {
		rendered, err := b.rendered(r)
		if err != nil {
			return err
		}
		if disk, err = staged(disk, rendered); err != nil {
			return err
		}
		targets = append(targets, rendered)
	}
	built, err := buildTree(disk, dir, options, stderr)
	if err != nil {
		return asInput(err)
	}
	built.dir = output
	return b.tree.sync(append(targets, built), stdout, stderr)
}

// rendered is what configuration makes, held in memory: overlays are built over
// it.
func (b *treeBuild) rendered(r rendering) (target, error) {
	files, err := readPaths(r.config, strings.NewReader(""))
	if err != nil {
		return target{}, err
	}
	manifests, err := b.layout.render(files)
	if err != nil {
		return target{}, err
	}
	var list []tree.File
	for f, err := range treeFiles(manifests) {
		if err != nil {
			return target{}, err
		}
		list = append(list, f)
	}
	made := target{r.dir, header(files), listed(list)}
	return made, notAmong(r.config, made)
}

func listed(list []tree.File) tree.Files {
	return func(yield func(tree.File, error) bool) {
		for _, f := range list {
			if !yield(f, nil) {
				return
			}
		}
	}
}

// staged shows a file system as it will be with what was rendered.
func staged(disk filesys.FileSystem, t target) (filesys.FileSystem, error) {
	there, err := readOnly(t.dir)
	if err != nil {
		return nil, err
	}
	gone, err := tree.Owned(there)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", t.dir, err)
	}
	files := map[string][]byte{}
	for f, err := range t.files {
		if err != nil {
			return nil, err
		}
		files[f.Name] = f.Data
	}
	return overlay.Stage(disk, t.dir, files, gone), nil
}

// buildTree builds the kustomization in a directory, or, where there is none,
// those below it, each to a folder of its own.
func buildTree(disk filesys.FileSystem, dir string, options overlay.Options, stderr io.Writer) (target, error) {
	names, err := overlaysBelow(dir)
	if err != nil {
		return target{}, err
	}
	if len(names) == 0 {
		built, err := buildWatched(disk, dir, options, stderr)
		if err != nil {
			return target{}, err
		}
		return target{header: builtHeader(built), files: builtFiles(built)}, nil
	}
	var mistakes manifest.Errors
	var list []tree.File
	input := sha256.New()
	var header tree.Header
	for _, name := range names {
		built, err := buildWatched(disk, path.Join(filepath.ToSlash(dir), name), options, stderr)
		if wrong, ok := errors.AsType[manifest.Errors](err); ok {
			mistakes = append(mistakes, wrong...)
			continue
		}
		if err != nil {
			return target{}, err
		}
		header = builtHeader(built)
		fmt.Fprintf(input, "%s  %s\n", header.Input, name)
		for f := range builtFiles(built) {
			f.Name = path.Join(name, f.Name)
			list = append(list, f)
		}
	}
	if len(mistakes) > 0 {
		return target{}, once(mistakes)
	}
	header.Input, header.Parts = fmt.Sprintf("sha256:%x", input.Sum(nil)), names
	return target{header: header, files: listed(list)}, nil
}

// once leaves out what two overlays have from the same base.
func once(mistakes manifest.Errors) error {
	seen := map[string]bool{}
	return slices.DeleteFunc(mistakes, func(m *manifest.Error) bool {
		known := seen[m.Error()]
		seen[m.Error()] = true
		return known
	})
}

// overlaysBelow are the directories below one that is no kustomization which
// are, by their slash-separated names. There are none below a kustomization; and
// none in hidden directories, in trees with an index, and of components, which
// are nothing by themselves.
func overlaysBelow(root string) ([]string, error) {
	if info, err := os.Stat(root); err != nil || !info.IsDir() || hasKustomization(root) {
		return nil, nil // Build has the errors
	}
	var names []string
	entries, err := os.ReadDir(root)
	if err != nil {
		return nil, err
	}
	for _, entry := range entries {
		at := filepath.Join(root, entry.Name())
		info, err := os.Stat(at) // of a link, what it leads to
		if err != nil || !info.IsDir() || strings.HasPrefix(entry.Name(), ".") || isRendered(at) {
			continue
		}
		if hasKustomization(at) {
			if !isComponent(at) {
				names = append(names, entry.Name())
			}
			continue
		}
		if !entry.IsDir() {
			continue // a link could lead in circles
		}
		below, err := overlaysBelow(at)
		if err != nil {
			return nil, err
		}
		for _, name := range below {
			names = append(names, path.Join(entry.Name(), name))
		}
	}
	return names, nil
}

func hasKustomization(dir string) bool { return kustomizationFile(dir) != "" }

func kustomizationFile(dir string) string {
	for _, name := range kustomizations {
		if file := filepath.Join(dir, name); (disk{}).has(file) {
			return file
		}
	}
	return ""
}

// isComponent reports whether a kustomization says that it is one. What cannot be
// read is left for Build to complain about.
func isComponent(dir string) bool {
	var meta struct {
		Kind string `yaml:"kind"`
	}
	data, err := os.ReadFile(kustomizationFile(dir))
	return err == nil && yaml.Unmarshal(data, &meta) == nil && meta.Kind == types.ComponentKind
}

// severalOverlays is the error of printing what is no kustomization but has some
// below it, or nil.
func severalOverlays(dir string) error {
	names, err := overlaysBelow(dir)
	if err != nil || len(names) == 0 {
		return nil
	}
	return inputError(fmt.Errorf("%s: is no kustomization, but %s below it are; name one, or build all to a directory with -o DIR", dir, strings.Join(names, ", ")))
}
