package main

import (
	"maps"
	"path"
	"slices"

	yaml "go.yaml.in/yaml/v4"

	"github.com/scion-gen/scion-gen/pkg/diff"
	"github.com/scion-gen/scion-gen/pkg/tree"
)

// listing is what a directory holds.
type listing struct {
	files []diff.File
	// trees are the directories in it that render or build own, by their names
	// below it: those with an index, and the parts of these.
	trees map[string]bool
}

// index takes note of a tree.
func (l *listing) index(name string, data []byte) {
	dir := path.Dir(name)
	l.trees[dir] = true
	for _, part := range tree.Parts(data) {
		l.trees[path.Join(dir, part)] = true
	}
}

// scoped gives each file the name of its scope: the nearest tree that it is in,
// or else the nearest kustomization that somebody wrote. The directory itself
// is the scope "". Each is applied, or built, apart from the others, so that
// the same object may be in several.
func (l *listing) scoped() {
	written, patches := map[string]bool{}, map[string]bool{}
	for _, f := range l.files {
		if isKustomization(f.Path) && l.tree(f.Path) == "" {
			written[path.Dir(f.Path)] = true
			for _, name := range patchesOf(f.Data) {
				patches[path.Join(path.Dir(f.Path), name)] = true
			}
		}
	}
	for i := range l.files {
		f := &l.files[i]
		f.Patch = patches[f.Path]
		if f.Scope = l.tree(f.Path); f.Scope == "" {
			f.Scope = nearest(written, f.Path)
		}
	}
}

// patchesOf are the files that a kustomization takes patches from.
func patchesOf(kustomization []byte) []string {
	var fields struct {
		Patches               []struct{ Path string }
		PatchesStrategicMerge []string `yaml:"patchesStrategicMerge"`
	}
	if err := yaml.Unmarshal(kustomization, &fields); err != nil {
		return nil // who reads it as an object says so
	}
	out := fields.PatchesStrategicMerge
	for _, p := range fields.Patches {
		out = append(out, p.Path)
	}
	return out
}

// tree is the nearest tree around a file, "" if there is none or it is the
// directory itself.
func (l *listing) tree(name string) string { return nearest(l.trees, name) }

// nearest is the innermost of directories that a file is in, "" if there is
// none or it is the top.
func nearest(dirs map[string]bool, name string) string {
	for dir := path.Dir(name); dir != "."; dir = path.Dir(dir) {
		if dirs[dir] {
			return dir
		}
	}
	return ""
}

func isKustomization(name string) bool { return slices.Contains(kustomizations, path.Base(name)) }

// withoutLists leaves out the kustomizations of trees that list what is beside
// them and do no more, on both sides if they are there: whoever reads the
// objects has it all.
func withoutLists(old, new *listing) {
	lists := [2]map[string]bool{old.lists(), new.lists()}
	for i, l := range []*listing{old, new} {
		l.files = slices.DeleteFunc(l.files, func(f diff.File) bool {
			other, there := lists[1-i][f.Path]
			return lists[i][f.Path] && (other || !there)
		})
	}
}

// lists are the kustomizations of trees, and whether they do no more than list.
func (l *listing) lists() map[string]bool {
	beside := map[string]map[string]bool{} // what is in each directory
	for _, f := range l.files {
		for name := f.Path; name != "." && name != ""; name = path.Dir(name) {
			dir := path.Dir(name)
			if beside[dir] == nil {
				beside[dir] = map[string]bool{}
			}
			beside[dir][path.Base(name)] = true
		}
	}
	out := map[string]bool{}
	for _, f := range l.files {
		if inTree := l.trees["."] || l.tree(f.Path) != ""; inTree && isKustomization(f.Path) {
			out[f.Path] = onlyLists(f.Data, beside[path.Dir(f.Path)])
		}
	}
	return out
}

// onlyLists reports whether a kustomization takes just the files and folders
// beside it, and changes nothing of them.
func onlyLists(data []byte, beside map[string]bool) bool {
	var fields map[string]any
	if err := yaml.Unmarshal(data, &fields); err != nil {
		return false
	}
	want := map[string]bool{}
	for name := range beside {
		want[name] = !isKustomization(name)
	}
	resources, _ := fields["resources"].([]any)
	for _, r := range resources {
		name, isText := r.(string)
		if !isText || !want[name] {
			return false
		}
		want[name] = false
	}
	for _, known := range []string{"apiVersion", "kind", "resources", "sortOptions"} {
		delete(fields, known)
	}
	missing := func(name string) bool { return want[name] }
	return len(fields) == 0 && !slices.ContainsFunc(slices.Collect(maps.Keys(want)), missing)
}

// withoutTrees leaves out what is in trees, as render does.
func (l *listing) withoutTrees() {
	l.files = slices.DeleteFunc(l.files, func(f diff.File) bool { return l.tree(f.Path) != "" })
}
