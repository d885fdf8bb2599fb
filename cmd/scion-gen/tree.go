package main

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
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
	case output != "-":
		return nil
	case f.check:
		return errors.New("--check needs a directory to compare with; add -o DIR")
	case f.force:
		return errors.New("--force needs a directory to write to; add -o DIR")
	}
	return nil
}

// syncTree makes dir what files say, or, with check, only says what differs:
// exit code 1 then.
func syncTree(dir string, header tree.Header, files tree.Files, flags treeFlags, stdout, stderr io.Writer) error {
	bar := newProgress(stderr)
	files = bar.follow(files)
	if flags.check {
		return checkTree(dir, header, files, stdout, bar)
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	root, err := os.OpenRoot(dir)
	if err != nil {
		return err
	}
	defer root.Close()
	unlock, err := lock(root)
	if err != nil {
		return fmt.Errorf("%s: %w", dir, err)
	}
	defer unlock()
	d := rootDir{root}
	if err := d.sweep(); err != nil {
		return err
	}
	bar.phase("comparing")
	plan, err := tree.New(root.FS(), header, files, flags.force)
	bar.clear()
	if err != nil {
		return fmt.Errorf("%s: %w", dir, err)
	}
	if err := plan.Taken(); err != nil {
		return inputError(fmt.Errorf("%s: %w", dir, err))
	}
	bar.phase("writing")
	err = plan.Apply(d)
	bar.clear()
	if err != nil {
		return fmt.Errorf("%s: %w; run the command again to finish", dir, err)
	}
	return summarize(dir, plan, stderr)
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

func checkTree(dir string, header tree.Header, files tree.Files, w io.Writer, bar *progress) error {
	there, err := readOnly(dir)
	if err != nil {
		return err
	}
	bar.phase("comparing")
	plan, err := tree.New(there, header, files, false)
	bar.clear()
	if err != nil {
		return fmt.Errorf("%s: %w", dir, err)
	}
	for _, s := range plan.Steps {
		if _, err := fmt.Fprintf(w, "%-8s %s\n", s.Action, path.Join(dir, s.Name)); err != nil {
			return err
		}
	}
	switch {
	case plan.Clean():
		return nil
	case len(plan.Steps) == 0:
		return inputError(fmt.Errorf("%s: the index is not up to date; run the command without --check", dir))
	}
	return inputError(fmt.Errorf("%s: %d files differ from the configuration; run the command without --check", dir, len(plan.Steps)))
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
