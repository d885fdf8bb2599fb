package main

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/scion-gen/scion-gen/pkg/manifest"
	"github.com/scion-gen/scion-gen/pkg/render"
	"github.com/scion-gen/scion-gen/templates"
)

func renderCommand() *cobra.Command {
	var output string
	cmd := &cobra.Command{
		Use:   "render [PATH...]",
		Short: "Write the manifests of agents",
		Long: `Reads the configuration in every *.yaml and *.yml file below the paths (the
current directory if there are none, standard input for -) and writes the
Kubernetes objects that run the agents.

Nothing is written if anything in the configuration is wrong; every mistake is
reported as file:line:column, and the exit code is 1.`,
		Example: `  scion-gen render agents -o manifests    # a tree that kustomize builds
  scion-gen render agents | kubectl apply --server-side -f -`,
		RunE: func(cmd *cobra.Command, args []string) error {
			manifests, err := renderPaths(args, cmd.InOrStdin())
			if err != nil {
				return err
			}
			if output == "-" {
				return writeStream(manifests, cmd.OutOrStdout())
			}
			return writeTree(manifests, output)
		},
	}
	cmd.Flags().StringVarP(&output, "output", "o", "-", "the directory to write to, or - for standard output")
	return cmd
}

// loadPaths reads configuration from files, directories and standard input.
func loadPaths(paths []string, stdin io.Reader) (*render.Config, error) {
	files, err := readPaths(paths, stdin)
	if err != nil {
		return nil, err
	}
	config, err := render.Load(templates.Files(), files)
	return config, asInput(err)
}

func renderPaths(paths []string, stdin io.Reader) (*render.Manifests, error) {
	config, err := loadPaths(paths, stdin)
	if err != nil {
		return nil, err
	}
	manifests, err := config.Render()
	return manifests, asInput(err)
}

// asInput gives mistakes in the configuration their exit code.
func asInput(err error) error {
	if _, ok := errors.AsType[manifest.Errors](err); ok {
		return inputError(err)
	}
	return err
}

func readPaths(paths []string, stdin io.Reader) ([]render.File, error) {
	if len(paths) == 0 {
		paths = []string{"."}
	}
	var files []render.File
	for _, path := range paths {
		if path == "-" {
			data, err := io.ReadAll(stdin)
			if err != nil {
				return nil, err
			}
			files = append(files, render.File{Name: "<stdin>", Data: data})
			continue
		}
		found, err := readTree(path)
		if err != nil {
			return nil, err
		}
		files = append(files, found...)
	}
	slices.SortStableFunc(files, func(a, b render.File) int { return strings.Compare(a.Name, b.Name) })
	return slices.CompactFunc(files, func(a, b render.File) bool { return a.Name == b.Name }), nil
}

// readTree reads a file, or the YAML files below a directory but for hidden
// ones.
func readTree(root string) ([]render.File, error) {
	var files []render.File
	err := filepath.WalkDir(root, func(path string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		hidden := path != root && strings.HasPrefix(entry.Name(), ".")
		switch {
		case entry.IsDir() && hidden:
			return fs.SkipDir
		case entry.IsDir():
			return nil
		case path != root && (hidden || !isYAML(path)):
			return nil
		}
		data, err := os.ReadFile(path)
		files = append(files, render.File{Name: filepath.ToSlash(filepath.Clean(path)), Data: data})
		return err
	})
	if err == nil && len(files) == 0 {
		err = inputError(fmt.Errorf("%s: no *.yaml files", root))
	}
	return files, err
}

func isYAML(path string) bool {
	ext := filepath.Ext(path)
	return ext == ".yaml" || ext == ".yml"
}

func writeStream(m *render.Manifests, w io.Writer) error {
	out := bufio.NewWriterSize(w, 64<<10)
	if _, err := m.WriteTo(out); err != nil {
		return err
	}
	return out.Flush()
}

func writeTree(m *render.Manifests, dir string) error {
	for f, err := range m.Files() {
		if err != nil {
			return err
		}
		path := filepath.Join(dir, filepath.FromSlash(f.Name))
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			return err
		}
		if err := os.WriteFile(path, f.Data, 0o644); err != nil {
			return err
		}
	}
	return nil
}
