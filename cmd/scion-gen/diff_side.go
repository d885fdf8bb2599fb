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
	"regexp"
	"runtime"
	"slices"
	"strings"

	"sigs.k8s.io/kustomize/kyaml/filesys"

	"github.com/scion-gen/scion-gen/pkg/credential"
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
	// files are the YAML and JSON files at or below a path, hidden ones left
	// out; their names are as the user can find them.
	files(path string) ([]diff.File, error)
	// has reports whether there is a file.
	has(path string) bool
	// overlay is what kustomize reads, and the path as it is there.
	overlay(path string) (filesys.FileSystem, string, error)
}

// read reads one side from what the user wrote.
func (r *sideReader) read(arg string) (*diff.Side, error) {
	if arg == "-" {
		data, err := io.ReadAll(r.stdin)
		if err != nil {
			return nil, err
		}
		return r.side("-", []diff.File{{Name: "<stdin>", Data: data}}, false)
	}
	how, rest := cutWord(arg, "files", "render", "build")
	var from source = disk{}
	at := rest
	if ref, inGit := strings.CutPrefix(rest, "git:"); inGit {
		commit, name, err := openCommit(r.ctx, ref)
		if err != nil {
			return nil, err
		}
		from, at = commit, name
	}
	return r.readSource(arg, how, from, at)
}

// cutWord cuts one of the words and a colon off the front.
func cutWord(arg string, words ...string) (word, rest string) {
	word, rest, found := strings.Cut(arg, ":")
	if found && slices.Contains(words, word) {
		return word, rest
	}
	return "", arg
}

func (r *sideReader) readSource(name, how string, from source, at string) (*diff.Side, error) {
	if how == "build" || how == "" && isOverlay(from, at) {
		return r.build(name, from, at)
	}
	files, err := from.files(at)
	if err != nil {
		return nil, err
	}
	if how == "render" || how == "" && isConfig(files) {
		return r.render(name, files)
	}
	dir := len(files) != 1 || files[0].Path != ""
	return r.side(name, files, dir)
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

func (r *sideReader) build(name string, from source, at string) (*diff.Side, error) {
	files, at, err := from.overlay(at)
	if err != nil {
		return nil, err
	}
	// Unchecked: what build warns of is no reason not to show the change.
	built, err := overlay.Build(files, at, overlay.Options{Workers: runtime.GOMAXPROCS(0), Unchecked: true})
	if err != nil {
		return nil, withoutValues(err)
	}
	var data bytes.Buffer
	if _, err := built.WriteTo(&data); err != nil {
		return nil, err
	}
	return r.side(name, []diff.File{{Name: name, Data: data.Bytes()}}, false)
}

// quotedInput is where kustomize quotes what a Secret is made of.
var quotedInput = regexp.MustCompile(`literal sources \[.*|(env source files: \[[^\]\n]*\]): .*`)

// withoutValues is an error of kustomize without the values that it quotes.
func withoutValues(err error) error {
	text := quotedInput.ReplaceAllStringFunc(err.Error(), func(text string) string {
		if files := quotedInput.FindStringSubmatch(text)[1]; files != "" {
			return files + ": a line is not NAME=value in UTF-8"
		}
		return "a literal is not key=value"
	})
	return errors.New(credential.Redact(text))
}

func (r *sideReader) render(name string, files []diff.File) (*diff.Side, error) {
	config := make([]render.File, len(files))
	for i, f := range files {
		config[i] = render.File{Name: f.Name, Data: f.Data}
	}
	loaded, err := render.Load(templates.Files(), config)
	if err != nil {
		return nil, err
	}
	manifests, err := loaded.Render()
	if err != nil {
		return nil, err
	}
	var rendered []diff.File
	for f, err := range manifests.Files() {
		if err != nil {
			return nil, err
		}
		if !slices.Contains(kustomizations, path.Base(f.Name)) {
			rendered = append(rendered, diff.File{Name: name + "//" + f.Name, Path: f.Name, Data: f.Data})
		}
	}
	return r.side(name, rendered, true)
}

// side reads the objects. In a directory there may be other files.
func (r *sideReader) side(name string, files []diff.File, dir bool) (*diff.Side, error) {
	side := diff.Read(name, files, &r.errs)
	for _, at := range side.Skipped {
		if !dir {
			r.errs.Add(manifest.Pos{Source: &manifest.Source{File: at.File}, Line: int32(at.Line), Column: 1}, "", "is no object: it has no kind")
		}
	}
	if n := len(side.Skipped); n > 0 {
		fmt.Fprintf(r.stderr, "%s: %d documents hold no object and are left out, the first at %s:%d\n", name, n, side.Skipped[0].File, side.Skipped[0].Line)
	}
	return side, nil
}

// disk is the files of this machine.
type disk struct{}

func (disk) has(name string) bool {
	info, err := os.Stat(name)
	return err == nil && info.Mode().IsRegular()
}

func (disk) overlay(name string) (filesys.FileSystem, string, error) {
	return filesys.MakeFsOnDisk(), name, nil
}

func (disk) files(root string) ([]diff.File, error) {
	var files []diff.File
	err := filepath.WalkDir(root, func(name string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		hidden := name != root && strings.HasPrefix(entry.Name(), ".")
		switch {
		case entry.IsDir() && hidden:
			return fs.SkipDir
		case entry.IsDir():
			return nil
		case name != root && (hidden || !isManifest(name)):
			return nil
		}
		data, err := os.ReadFile(name)
		rel, _ := filepath.Rel(root, name)
		if rel == "." {
			rel = ""
		}
		files = append(files, diff.File{Name: filepath.ToSlash(filepath.Clean(name)), Path: filepath.ToSlash(rel), Data: data})
		return err
	})
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("%s: no such file or directory", root)
	}
	return files, err
}

// isManifest reports whether a file's name is one of YAML or JSON.
func isManifest(name string) bool {
	return isYAML(name) || filepath.Ext(name) == ".json" || filepath.Base(name) == "Kustomization"
}
