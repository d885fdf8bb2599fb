package main

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/scion-gen/scion-gen/pkg/tree"
)

// treeFlags are the flags of the verbs that write a tree.
type treeFlags struct {
	check bool
	force bool
}

func (f *treeFlags) register(cmd *cobra.Command) {
	cmd.Flags().BoolVar(&f.check, "check", false, "write nothing; list what differs in the output directory and exit 1 if anything does")
	cmd.Flags().BoolVar(&f.force, "force", false, "take over files that are in the way: not written by scion-gen, or edited since")
}

// usage refuses the flags where there is no directory that they could be about.
func (f *treeFlags) usage(output string) error {
	switch {
	case output == "":
		return errors.New("-o: name a directory, or - for standard output")
	case output != "-":
		return nil
	case f.check:
		return errors.New("--check needs a directory to compare with; add -o DIR")
	case f.force:
		return errors.New("--force needs a directory to write to; add -o DIR")
	}
	return nil
}

// target is a directory, and what is to be in it.
type target struct {
	dir    string
	header tree.Header
	files  tree.Files
}

// sync makes each directory what its files say, or, with check, only says what
// differs: exit code 1 then. Where something is in the way in one of them, none
// is changed.
func (f treeFlags) sync(targets []target, stdout, stderr io.Writer) error {
	bar := newProgress(stderr)
	for i := range targets {
		if err := notWithin(targets[i].dir); err != nil {
			return err
		}
		targets[i].files = bar.follow(targets[i].files)
	}
	if f.check {
		return checkTrees(targets, stdout, bar)
	}
	plans := make([]*plannedTree, len(targets))
	defer func() {
		for _, p := range plans {
			if p != nil {
				p.close()
			}
		}
	}()
	for _, i := range inOneOrder(targets) {
		var err error
		if plans[i], err = planTree(targets[i], f.force, bar); err != nil {
			return fmt.Errorf("%s: %w", targets[i].dir, err)
		}
	}
	var taken []error
	for i, p := range plans {
		if err := p.plan.Taken(); err != nil {
			taken = append(taken, fmt.Errorf("%s: %w", targets[i].dir, err))
		}
	}
	if taken != nil {
		return inputError(errors.Join(taken...))
	}
	for i, p := range plans {
		bar.phase("writing")
		err := p.plan.Apply(p.root)
		bar.clear()
		if err != nil {
			return fmt.Errorf("%s: %w; run the command again to finish", targets[i].dir, err)
		}
		if err := summarize(targets[i].dir, p.plan, stderr); err != nil {
			return err
		}
	}
	return nil
}

// inOneOrder are the indexes of targets in the order in which every run takes their
// directories: two that name them in another would wait for each other.
func inOneOrder(targets []target) []int {
	order, names := make([]int, len(targets)), make([]string, len(targets))
	for i, t := range targets {
		order[i], names[i] = i, t.dir
		if abs, err := filepath.Abs(t.dir); err == nil {
			names[i] = abs
		}
		if real, err := filepath.EvalSymlinks(names[i]); err == nil {
			names[i] = real
		}
	}
	slices.SortFunc(order, func(a, b int) int { return strings.Compare(names[a], names[b]) })
	return order
}

// plannedTree is a directory that nobody else writes to until it is closed.
type plannedTree struct {
	root   rootDir
	plan   *tree.Plan
	unlock func()
}

func planTree(t target, force bool, bar *progress) (*plannedTree, error) {
	if err := os.MkdirAll(t.dir, 0o755); err != nil {
		return nil, err
	}
	root, err := os.OpenRoot(t.dir)
	if err != nil {
		return nil, err
	}
	unlock, err := lock(root)
	if err != nil {
		return nil, errors.Join(err, root.Close())
	}
	p := &plannedTree{root: rootDir{root}, unlock: unlock}
	if err = p.root.sweep(); err == nil {
		bar.phase("comparing")
		p.plan, err = tree.New(root.FS(), t.header, t.files, force)
		bar.clear()
	}
	if err != nil {
		p.close()
		return nil, err
	}
	return p, nil
}

func (p *plannedTree) close() {
	p.unlock()
	p.root.Close()
}

// notWithin refuses a directory whose files are those of a tree above it.
func notWithin(dir string) error {
	at, err := filepath.Abs(dir)
	if err != nil {
		return err
	}
	for above := filepath.Dir(at); above != filepath.Dir(above); above = filepath.Dir(above) {
		if !isRendered(above) {
			continue
		}
		owned, err := tree.Owned(os.DirFS(above))
		if err != nil {
			return fmt.Errorf("%s: %w", above, err)
		}
		rel, err := filepath.Rel(above, at)
		if err != nil {
			return err
		}
		if slices.ContainsFunc(owned, func(name string) bool { return strings.HasPrefix(name, filepath.ToSlash(rel)+"/") }) {
			return fmt.Errorf("%s: is part of the tree in %s; run the command that writes all of that", dir, above)
		}
	}
	return nil
}

// notAmong refuses to write what is rendered among its configuration, where the next
// run would take it for that. In a directory of its own below, it is passed over.
func notAmong(config []string, t target) error {
	for _, root := range config {
		if info, err := os.Stat(root); err != nil || !info.IsDir() {
			continue
		}
		below, err := relativeTo(t.dir, root)
		if err != nil || !filepath.IsLocal(below) {
			continue
		}
		for f, err := range t.files {
			if err != nil {
				return err
			}
			if below == "." || strings.HasPrefix(f.Name, filepath.ToSlash(below)+"/") {
				return fmt.Errorf("%s: would be among the configuration in %s; write to a directory of its own, such as manifests", path.Join(filepath.ToSlash(t.dir), f.Name), root)
			}
		}
	}
	return nil
}

// relativeTo is filepath.Rel, also where one of the paths is absolute.
func relativeTo(from, to string) (string, error) {
	from, err := filepath.Abs(from)
	if err != nil {
		return "", err
	}
	if to, err = filepath.Abs(to); err != nil {
		return "", err
	}
	return filepath.Rel(from, to)
}

// summarize tells people what was done.
func summarize(dir string, plan *tree.Plan, w io.Writer) error {
	counts := map[tree.Action]int{}
	for _, s := range plan.Steps {
		counts[s.Action]++
	}
	_, err := fmt.Fprintf(w, "%s: %d added, %d changed, %d removed\n", dir, counts[tree.Add], counts[tree.Change], counts[tree.Remove])
	return err
}

func checkTrees(targets []target, w io.Writer, bar *progress) error {
	var differ []error
	for _, t := range targets {
		there, err := readOnly(t.dir)
		if err != nil {
			return err
		}
		bar.phase("comparing")
		plan, err := tree.New(there, t.header, t.files, false)
		bar.clear()
		if err != nil {
			return fmt.Errorf("%s: %w", t.dir, err)
		}
		for _, s := range plan.Steps {
			if _, err := fmt.Fprintf(w, "%-8s %s\n", s.Action, path.Join(t.dir, s.Name)); err != nil {
				return err
			}
		}
		switch {
		case plan.Clean():
		case len(plan.Steps) == 0:
			differ = append(differ, fmt.Errorf("%s: the index is not up to date; run the command without --check", t.dir))
		case len(plan.Steps) == 1:
			differ = append(differ, fmt.Errorf("%s: one file differs from the configuration; run the command without --check", t.dir))
		default:
			differ = append(differ, fmt.Errorf("%s: %d files differ from the configuration; run the command without --check", t.dir, len(plan.Steps)))
		}
	}
	if differ == nil {
		return nil
	}
	return inputError(errors.Join(differ...))
}

// readOnly is a directory, of which no link leads out; empty where there is none.
func readOnly(dir string) (fs.FS, error) {
	root, err := os.OpenRoot(dir)
	if errors.Is(err, fs.ErrNotExist) {
		return os.DirFS(dir), nil
	}
	if err != nil {
		return nil, err
	}
	return root.FS(), nil
}

// rootDir writes below a directory and follows no link out of it.
type rootDir struct{ *os.Root }

// Write goes through a file of another name, so that readers see the old file
// or the new one and nothing between.
func (r rootDir) Write(name string, data []byte) error {
	dir := path.Dir(name)
	if err := r.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	temp := path.Join(dir, tree.TempPrefix+strings.TrimPrefix(path.Base(name), "."))
	if len(path.Base(temp)) > 255 {
		temp = path.Join(dir, tree.TempPrefix+"long")
	}
	f, err := r.OpenFile(temp, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o644)
	if err != nil {
		return err
	}
	_, err = f.Write(data)
	if err == nil && path.Dir(name) == "." {
		err = f.Sync() // the index and the journal speak for the others
	}
	if err := errors.Join(err, f.Close()); err != nil {
		return errors.Join(err, r.Root.Remove(temp))
	}
	return r.Rename(temp, name)
}

func (r rootDir) Remove(name string) error {
	if err := r.Root.Remove(name); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return nil
}

func (r rootDir) Prune(name string) {
	for ; name != "."; name = path.Dir(name) {
		if r.Root.Remove(name) != nil {
			return // not empty, or not there
		}
	}
}

// sweep removes what a stopped run left half-written.
func (r rootDir) sweep() error {
	return fs.WalkDir(r.FS(), ".", func(name string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if entry.Type().IsRegular() && strings.HasPrefix(entry.Name(), tree.TempPrefix) {
			return r.Remove(name)
		}
		return nil
	})
}
