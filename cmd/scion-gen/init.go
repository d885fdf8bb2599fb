package main

import (
	"embed"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"

	"github.com/scion-gen/scion-gen/pkg/overlay"
)

// starter is the repository that init lays out, but for what render and build
// make of it.
//
//go:embed all:init
var starter embed.FS

func initCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "init DIR",
		Short: "Lay out a repository: agents, an overlay, manifests, CI",
		Long: `Writes a repository to start from: two agents, an overlay, the manifests of
both, a GitHub workflow and a GitLab job that keep the manifests true. The
directory may have other files; where one is in the way, nothing is written.`,
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			return layOut(args[0], cmd.OutOrStdout())
		},
	}
}

func layOut(dir string, stdout io.Writer) error {
	files, err := fs.Sub(starter, "init")
	if err != nil {
		return err
	}
	if err := nothingInTheWay(dir, files); err != nil {
		return err
	}
	if err := copyFiles(dir, files); err != nil {
		return err
	}
	if err := renderStarter(dir); err != nil {
		return err
	}
	_, err = fmt.Fprintf(stdout, `%s: two agents, the overlay prod, their manifests, and CI.

Next:
  cd %s
  edit agents/*.yaml: your registry, repository and secrets
  scion-gen build overlays -o deploy --render agents=manifests
  git add -A && git commit
and let Argo CD or Flux sync deploy/prod, or run
  kubectl apply --server-side -R -f deploy/prod
`, dir, dir)
	return err
}

// nothingInTheWay names what is where the repository's files would be.
func nothingInTheWay(dir string, files fs.FS) error {
	names := []string{"manifests", "deploy"}
	err := fs.WalkDir(files, ".", func(name string, entry fs.DirEntry, err error) error {
		if err == nil && !entry.IsDir() {
			names = append(names, name)
		}
		return err
	})
	if err != nil {
		return err
	}
	var taken []string
	for _, name := range names {
		_, err := os.Lstat(filepath.Join(dir, name))
		if err == nil {
			taken = append(taken, filepath.Join(dir, name)+": is there already")
		} else if !errors.Is(err, fs.ErrNotExist) {
			return err
		}
	}
	if taken == nil {
		return nil
	}
	return inputError(fmt.Errorf("%s\nnothing was written; give another directory", strings.Join(taken, "\n")))
}

func copyFiles(dir string, files fs.FS) error {
	return fs.WalkDir(files, ".", func(name string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		to := filepath.Join(dir, name)
		if entry.IsDir() {
			return os.MkdirAll(to, 0o755)
		}
		data, err := fs.ReadFile(files, name)
		if err != nil {
			return err
		}
		return os.WriteFile(to, data, 0o644)
	})
}

// renderStarter makes what CI checks, by the command that CI runs.
func renderStarter(dir string) error {
	at := func(name string) string { return filepath.Join(dir, name) }
	b := treeBuild{renders: []rendering{{[]string{at("agents")}, at("manifests")}}, layout: layoutFlags{layout: "namespace"}}
	return b.run(at("overlays"), at("deploy"), overlay.Options{}, io.Discard, io.Discard)
}
