package main

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"io"
	"os/exec"
	"path"
	"strconv"
	"strings"

	"sigs.k8s.io/kustomize/kyaml/filesys"

	"github.com/scion-gen/scion-gen/pkg/diff"
	"github.com/scion-gen/scion-gen/pkg/tree"
)

// commit is the files of a commit. Paths are as of the current directory, names
// of entries as of the root of the repository.
type commit struct {
	ctx    context.Context
	ref    string
	tree   string // the id of its tree
	prefix string // the current directory in it, with a slash at its end
}

// openCommit finds REF[:PATH].
func openCommit(ctx context.Context, arg string) (c *commit, name string, err error) {
	ref, name, _ := strings.Cut(arg, ":")
	if name == "" {
		name = "."
	}
	out, err := git(ctx, nil, "rev-parse", "--verify", "--quiet", "--end-of-options", ref+"^{tree}")
	if err != nil {
		return nil, "", fmt.Errorf("git:%s: there is no commit %s here: fetch it first, or check the name", arg, ref)
	}
	prefix, err := git(ctx, nil, "rev-parse", "--show-prefix")
	if err != nil {
		return nil, "", err
	}
	return &commit{ctx, ref, strings.TrimSpace(string(out)), strings.TrimSuffix(string(prefix), "\n")}, path.Clean(name), nil
}

// git runs git in the current directory.
func git(ctx context.Context, stdin io.Reader, args ...string) ([]byte, error) {
	cmd := exec.CommandContext(ctx, "git", args...)
	cmd.Stdin = stdin
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		return nil, fmt.Errorf("git %s: %w: %s", args[0], err, bytes.TrimSpace(stderr.Bytes()))
	}
	return out, nil
}

// entry is one file of a tree.
type entry struct{ mode, id, name string }

// root is the name of a path as of the root of the repository.
func (c *commit) root(name string) string { return path.Clean(c.prefix + name) }

// entries are the files at or below a path; all of the repository where it is
// empty.
func (c *commit) entries(name string) ([]entry, error) {
	args := []string{"ls-tree", "-r", "-z", "--full-tree", c.tree}
	if name != "" && c.root(name) != "." {
		// Without "./", git would read a name such as :x as magic.
		args = append(args, "--", "./"+c.root(name))
	}
	out, err := git(c.ctx, nil, args...)
	if err != nil {
		return nil, err
	}
	var entries []entry
	for line := range strings.SplitSeq(string(out), "\x00") {
		about, name, found := strings.Cut(line, "\t")
		words := strings.Fields(about)
		if found && len(words) == 3 && words[1] == "blob" {
			entries = append(entries, entry{words[0], words[2], path.Clean(name)})
		}
	}
	return entries, nil
}

// load reads the contents of files, in the order of entries.
func (c *commit) load(entries []entry, yield func(entry, []byte) error) error {
	var ids strings.Builder
	for _, e := range entries {
		ids.WriteString(e.id + "\n")
	}
	out, err := git(c.ctx, strings.NewReader(ids.String()), "cat-file", "--batch")
	if err != nil {
		return err
	}
	in := bufio.NewReader(bytes.NewReader(out))
	for _, e := range entries {
		head, err := in.ReadString('\n')
		words := strings.Fields(head)
		if err != nil || len(words) != 3 {
			return fmt.Errorf("git cat-file: %s: %q", e.name, head)
		}
		size, err := strconv.Atoi(words[2])
		if err != nil {
			return fmt.Errorf("git cat-file: %s: %w", e.name, err)
		}
		data := make([]byte, size)
		if _, err := io.ReadFull(in, data); err != nil {
			return fmt.Errorf("git cat-file: %s: %w", e.name, err)
		}
		if _, err := in.Discard(1); err != nil {
			return fmt.Errorf("git cat-file: %s: %w", e.name, err)
		}
		if err := yield(e, data); err != nil {
			return err
		}
	}
	return nil
}

const symlink = "120000"

func (c *commit) list(name string) (listing, error) {
	all, err := c.entries(name)
	if err != nil {
		return listing{}, err
	}
	root := c.root(name)
	found := listing{trees: map[string]bool{}}
	var wanted []entry
	for _, e := range all {
		rel := relative(root, e.name)
		switch {
		case e.name == root, isManifest(rel) && !isHidden(rel), isIndex(rel):
			wanted = append(wanted, e)
		}
	}
	err = c.load(wanted, func(e entry, data []byte) error {
		if e.mode == symlink {
			return fmt.Errorf("git:%s:%s: is a symbolic link, which is not followed in a commit", c.ref, e.name)
		}
		if rel := relative(root, e.name); isIndex(rel) {
			found.index(rel, data)
			return nil
		}
		found.files = append(found.files, diff.File{Name: c.ref + ":" + e.name, Path: relative(root, e.name), Data: data})
		return nil
	})
	return found, err
}

func isIndex(name string) bool {
	return path.Base(name) == tree.IndexName && !isHidden(path.Dir(name))
}

func (c *commit) exists(name string) (bool, error) {
	all, err := c.entries(name)
	return c.root(name) == "." || len(all) > 0, err
}

// relative is a name below root, empty where it is root.
func relative(root, name string) string {
	if name == root {
		return ""
	}
	if root == "." {
		return name
	}
	return strings.TrimPrefix(name, root+"/")
}

func isHidden(name string) bool {
	for part := range strings.SplitSeq(name, "/") {
		if strings.HasPrefix(part, ".") && part != "." {
			return true
		}
	}
	return false
}

func (c *commit) has(name string) bool {
	entries, err := c.entries(name)
	return err == nil && len(entries) == 1 && entries[0].name == c.root(name)
}

// overlay is the whole commit in memory: an overlay reaches for bases beside
// it.
func (c *commit) overlay(root string) (filesys.FileSystem, string, error) {
	entries, err := c.entries("")
	if err != nil {
		return nil, "", err
	}
	files := filesys.MakeFsInMemory()
	err = c.load(entries, func(e entry, data []byte) error {
		if e.mode == symlink {
			return nil // kustomize says so if it needs one
		}
		return files.WriteFile("/"+e.name, data)
	})
	return files, path.Join("/", c.root(root)), err
}
