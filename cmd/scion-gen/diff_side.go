package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"runtime"
	"slices"
	"strings"

	"sigs.k8s.io/kustomize/kyaml/filesys"

	"github.com/scion-gen/scion-gen/pkg/diff"
	"github.com/scion-gen/scion-gen/pkg/manifest"
	"github.com/scion-gen/scion-gen/pkg/overlay"
	"github.com/scion-gen/scion-gen/pkg/render"
	"github.com/scion-gen/scion-gen/pkg/tree"
	"github.com/scion-gen/scion-gen/templates"
)

// sideReader reads the sides of a diff.
type sideReader struct {
	ctx    context.Context
	stdin  io.Reader
	stderr io.Writer
	errs   manifest.Errors // mistakes in the objects
}

// source is a tree of files that a side is read from: the disk or a commit.
type source interface {
	// exists reports whether there is a file or directory.
	exists(path string) (bool, error)
	// list are the YAML and JSON files at or below a path, hidden ones left
	// out; their names are as the user can find them.
	list(path string) (listing, error)
	// has reports whether there is a file.
	has(path string) bool
	// overlay is what kustomize reads, and the path as it is there.
	overlay(path string) (filesys.FileSystem, string, error)
}

// input is one side before its objects are read.
type input struct {
	name string // as the user wrote it
	from source // nil for standard input
	at   string
	listing
	// made says that the files are not as they lie there, but built or
	// rendered; asWritten that they are to be read so.
	made, asWritten bool
	dir             bool // a directory, where there may be other files
	absent          bool // there is nothing
}

// read reads both sides from what the user wrote.
func (r *sideReader) read(args []string) (old, new *diff.Side, err error) {
	var in [2]input
	for i, arg := range args {
		if in[i], err = r.open(arg); err != nil {
			return nil, nil, err
		}
	}
	for i := range in {
		if err := r.allowAbsent(in[i], in[1-i]); err != nil {
			return nil, nil, err
		}
	}
	if len(in[0].trees)+len(in[1].trees) > 0 && in[0].withoutConfig()+in[1].withoutConfig() > 0 {
		fmt.Fprintln(r.stderr, "configuration of gen.scion.dev is left out: the trees have what it renders to")
	}
	withoutLists(&in[0].listing, &in[1].listing)
	return r.side(&in[0]), r.side(&in[1]), nil
}

// allowAbsent takes a side that is not there for an empty one, where the change
// can be that it came or went: a commit without the path, and a path of a commit
// that the disk has no longer.
func (r *sideReader) allowAbsent(in, other input) error {
	if !in.absent {
		return nil
	}
	_, inCommit := in.from.(*commit)
	_, otherInCommit := other.from.(*commit)
	gone := otherInCommit && other.at == path.Clean(filepath.ToSlash(in.at))
	where := in.name + ": no such file or directory"
	if inCommit {
		where += " in that commit"
	}
	if other.absent || !inCommit && !gone {
		return errors.New(where)
	}
	_, err := fmt.Fprintln(r.stderr, where+": read as empty")
	return err
}

// open finds one side.
func (r *sideReader) open(arg string) (input, error) {
	if arg == "-" {
		data, err := io.ReadAll(r.stdin)
		return input{name: "-", listing: listing{files: []diff.File{{Name: "<stdin>", Data: data}}}}, err
	}
	how, rest := cutWord(arg, "files", "render", "build")
	in := input{name: arg, from: disk{}, at: rest}
	if ref, inGit := strings.CutPrefix(rest, "git:"); inGit {
		commit, name, err := openCommit(r.ctx, ref)
		if err != nil {
			return input{}, err
		}
		in.from, in.at = commit, name
	}
	there, err := in.from.exists(in.at)
	if in.absent = !there; err != nil || in.absent {
		return in, err
	}
	return in, in.find(how)
}

// cutWord cuts one of the words and a colon off the front.
func cutWord(arg string, words ...string) (word, rest string) {
	word, rest, found := strings.Cut(arg, ":")
	if found && slices.Contains(words, word) {
		return word, rest
	}
	return "", arg
}

// find lists the files, and builds or renders them where that is what they
// are for.
func (in *input) find(how string) (err error) {
	in.asWritten = how == "files"
	if how == "build" || how == "" && isOverlay(in.from, in.at) {
		in.made = true
		return in.build()
	}
	if in.listing, err = in.from.list(in.at); err != nil {
		return err
	}
	in.dir = len(in.files) != 1 || in.files[0].Path != ""
	if how == "render" || how == "" && isConfig(in.files) {
		in.made, in.dir = true, true
		return in.render()
	}
	return nil
}

var kustomizations = []string{"kustomization.yaml", "kustomization.yml", "Kustomization"}

// isOverlay reports whether a directory is a kustomization that somebody
// wrote, not the output of render or build, which are read as they are.
func isOverlay(from source, at string) bool {
	if from.has(path.Join(at, tree.IndexName)) {
		return false
	}
	return slices.ContainsFunc(kustomizations, func(name string) bool { return from.has(path.Join(at, name)) })
}

// isConfig reports whether every document is configuration of gen.scion.dev.
func isConfig(files []diff.File) bool {
	config := false
	for _, f := range files {
		for line := range bytes.Lines(f.Data) {
			version, found := bytes.CutPrefix(line, []byte("apiVersion:"))
			if !found {
				continue
			}
			if !bytes.HasPrefix(bytes.Trim(version, " \t\"'"), []byte("gen.scion.dev/")) {
				return false
			}
			config = true
		}
	}
	return config
}

func (in *input) build() error {
	files, at, err := in.from.overlay(in.at)
	if err != nil {
		return err
	}
	// Unchecked: what build warns of is no reason not to show the change.
	built, err := overlay.Build(files, at, overlay.Options{Workers: runtime.GOMAXPROCS(0), Unchecked: true})
	if err != nil {
		return err
	}
	var data bytes.Buffer
	if _, err := built.WriteTo(&data); err != nil {
		return err
	}
	in.listing = listing{files: []diff.File{{Name: in.name, Data: data.Bytes()}}}
	return nil
}

func (in *input) render() error {
	in.withoutTrees()
	config := make([]render.File, len(in.files))
	for i, f := range in.files {
		config[i] = render.File{Name: f.Name, Data: f.Data}
	}
	loaded, err := render.Load(templates.Files(), config)
	if err != nil {
		return err
	}
	manifests, err := loaded.Render()
	if err != nil {
		return err
	}
	in.listing = listing{}
	for f, err := range manifests.Files() {
		if err != nil {
			return err
		}
		if !isKustomization(f.Name) {
			in.files = append(in.files, diff.File{Name: in.name + "//" + f.Name, Path: f.Name, Data: f.Data})
		}
	}
	return nil
}

// withoutConfig leaves out the files of gen.scion.dev documents and returns how
// many there were: where there is a tree, it has what they render to.
func (in *input) withoutConfig() int {
	all := len(in.files)
	if !in.asWritten {
		in.files = slices.DeleteFunc(in.files, func(f diff.File) bool { return isConfig([]diff.File{f}) })
	}
	return all - len(in.files)
}

// side reads the objects.
func (r *sideReader) side(in *input) *diff.Side {
	if in.dir && !in.made {
		in.scoped()
	}
	side := diff.Read(in.name, in.files, &r.errs)
	if len(side.Skipped) == 0 {
		return side
	}
	first := side.Skipped[0]
	if in.dir {
		fmt.Fprintf(r.stderr, "%s: %d documents hold no object and are left out, the first at %s:%d\n", in.name, len(side.Skipped), first.File, first.Line)
		return side
	}
	for _, at := range side.Skipped {
		r.errs.Add(manifest.Pos{Source: &manifest.Source{File: at.File}, Line: int32(at.Line), Column: 1}, "", "is no object: it has no kind")
	}
	return side
}

// disk is the files of this machine.
type disk struct{}

func (disk) has(name string) bool {
	info, err := os.Stat(name)
	return err == nil && info.Mode().IsRegular()
}

func (disk) exists(name string) (bool, error) {
	_, err := os.Stat(name)
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	return true, err
}

func (disk) overlay(name string) (filesys.FileSystem, string, error) {
	return filesys.MakeFsOnDisk(), name, nil
}

func (disk) list(root string) (listing, error) {
	found := listing{trees: map[string]bool{}}
	err := filepath.WalkDir(root, func(name string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		rel, _ := filepath.Rel(root, name)
		rel = filepath.ToSlash(rel)
		hidden := name != root && strings.HasPrefix(entry.Name(), ".")
		switch {
		case entry.IsDir() && hidden:
			return fs.SkipDir
		case entry.IsDir():
			return nil
		case name != root && entry.Name() != tree.IndexName && (hidden || !isManifest(name)):
			return nil
		}
		data, err := os.ReadFile(name)
		if name != root && entry.Name() == tree.IndexName {
			found.index(rel, data)
			return err
		}
		if rel == "." {
			rel = ""
		}
		found.files = append(found.files, diff.File{Name: filepath.ToSlash(filepath.Clean(name)), Path: rel, Data: data})
		return err
	})
	return found, err
}

// isManifest reports whether a file's name is one of YAML or JSON.
func isManifest(name string) bool {
	return isYAML(name) || filepath.Ext(name) == ".json" || filepath.Base(name) == "Kustomization"
}
