package main

import (
	"bufio"
	"cmp"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"runtime/debug"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/scion-gen/scion-gen/pkg/manifest"
	"github.com/scion-gen/scion-gen/pkg/render"
	"github.com/scion-gen/scion-gen/pkg/tree"
	"github.com/scion-gen/scion-gen/templates"
)

func renderCommand() *cobra.Command {
	var output string
	var layout layoutFlags
	var flags treeFlags
	cmd := &cobra.Command{
		Use:   "render [PATH...]",
		Short: "Write the manifests of agents",
		Long: `Reads the configuration in every *.yaml and *.yml file below the paths (the
current directory if there are none, standard input for -) and writes the
Kubernetes objects that run the agents.

In a directory, render owns the files it wrote: it changes those that differ,
removes those that are no longer rendered, and touches no others. The files are
laid out by --layout:

  namespace  NAMESPACE/agent-POD.yaml, grove-GROVE.yaml, serviceaccount.yaml
  grove      grove-GROVE/NAMESPACE/..., and NAMESPACE/... for what has no grove
  flat       NAMESPACE_agent-POD.yaml, ...

or by --name-template, a path with the placeholders {namespace}, {grove},
{agent}, {kind}, {name} and {file}, which is the file's name in the layouts
above without .yaml. A folder with an empty placeholder is left out. What would
be more than 1,000 entries in a folder goes to folders named by a hash.

Nothing is written if anything in the configuration is wrong; every mistake is
reported as file:line:column, and the exit code is 1.`,
		Example: `  scion-gen render agents -o manifests    # a tree that kustomize builds
  scion-gen render agents | kubectl apply --server-side -f -`,
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := flags.usage(output); err != nil {
				return err
			}
			files, err := readPaths(args, cmd.InOrStdin())
			if err != nil {
				return err
			}
			collectLess(files)
			manifests, err := layout.render(files)
			if err != nil {
				return err
			}
			if output == "-" {
				return writeStream(manifests, cmd.OutOrStdout())
			}
			rendered := target{output, header(files), treeFiles(manifests)}
			if err := notAmong(orHere(args), rendered); err != nil {
				return err
			}
			return flags.sync([]target{rendered}, cmd.OutOrStdout(), cmd.ErrOrStderr())
		},
	}
	cmd.Flags().StringVarP(&output, "output", "o", "-", "the directory to write to, or - for standard output")
	layout.register(cmd)
	flags.register(cmd)
	return cmd
}

// layoutFlags are the flags that say how rendered files are laid out.
type layoutFlags struct{ layout, nameTemplate string }

func (f *layoutFlags) register(cmd *cobra.Command) {
	cmd.Flags().Var(newChoice(&f.layout, "namespace", "grove", "flat"), "layout", "how the rendered files are laid out, and so in which order objects are")
	cmd.Flags().StringVar(&f.nameTemplate, "name-template", "", "the rendered files' names instead, such as {namespace}/{grove}/{kind}-{name}.yaml")
	cmd.MarkFlagsMutuallyExclusive("layout", "name-template")
}

func (f *layoutFlags) render(files []render.File) (*render.Manifests, error) {
	manifests, err := renderFiles(files)
	if err != nil {
		return nil, err
	}
	return manifests.Arrange(render.Layout(cmp.Or(f.nameTemplate, string(layouts[f.layout]))))
}

var layouts = map[string]render.Layout{"namespace": render.ByNamespace, "grove": render.ByGrove, "flat": render.Flat}

// collectLess lets the garbage collector wait for more, and so saves a tenth of
// the CPU time: a run is over in no time, and nearly all it makes is garbage. The
// limit keeps a large fleet from taking three times the memory it needs, which is
// some 10 bytes for each of the input's. GOGC has the last word.
func collectLess(files []render.File) {
	if os.Getenv("GOGC") != "" {
		return
	}
	input := 0
	for _, f := range files {
		input += len(f.Data)
	}
	debug.SetGCPercent(200)
	debug.SetMemoryLimit(int64(max(84<<20, 32*input)))
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

func renderFiles(files []render.File) (*render.Manifests, error) {
	config, err := render.Load(templates.Files(), files)
	if err != nil {
		return nil, asInput(err)
	}
	manifests, err := config.Render()
	if err == nil && manifests.Len() == 0 {
		err = inputError(errors.New("the configuration has no agents; add a document with kind: Agent"))
	}
	return manifests, asInput(err)
}

// asInput gives mistakes in the configuration their exit code.
func asInput(err error) error {
	if _, ok := errors.AsType[manifest.Errors](err); ok {
		return inputError(err)
	}
	return err
}

// orHere are the paths, or the current directory where there are none.
func orHere(paths []string) []string {
	if len(paths) == 0 {
		return []string{"."}
	}
	return paths
}

func readPaths(paths []string, stdin io.Reader) ([]render.File, error) {
	var files []render.File
	for _, path := range orHere(paths) {
		if path == "-" {
			data, err := readAll("<stdin>", stdin)
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
// ones, and those of trees that render or build wrote there.
func readTree(root string) ([]render.File, error) {
	if info, err := os.Stat(root); err == nil && info.IsDir() {
		root = filepath.Clean(root) + string(filepath.Separator) // what a link leads to
	}
	var files []render.File
	err := filepath.WalkDir(root, func(path string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		hidden := path != root && strings.HasPrefix(entry.Name(), ".")
		switch {
		case entry.IsDir() && (hidden || path != root && isRendered(path)):
			return fs.SkipDir
		case entry.IsDir():
			return nil
		case path != root && (hidden || !isYAML(path)):
			return nil
		}
		// Of what was not named, only files: a pipe would be waited for.
		if path != root && !entry.Type().IsRegular() && !leadsToFile(path) {
			return inputError(fmt.Errorf("%s: is not a regular file; move it elsewhere, or rename it", path))
		}
		data, err := readFile(path)
		files = append(files, render.File{Name: filepath.ToSlash(filepath.Clean(path)), Data: data})
		return err
	})
	if err == nil && len(files) == 0 {
		err = inputError(fmt.Errorf("%s: no *.yaml files", filepath.Clean(root)))
	}
	return files, err
}

// leadsToFile reports whether what is no file is a link to one, or to nothing, which
// reading complains about.
func leadsToFile(path string) bool {
	info, err := os.Stat(path)
	return err != nil || info.Mode().IsRegular()
}

// maxFile is how much is read of one file: some half a million agents.
const maxFile = 256 << 20

func readFile(path string) ([]byte, error) {
	if info, err := os.Stat(path); err != nil || info.Mode().IsRegular() && info.Size() <= maxFile {
		return os.ReadFile(path) // in memory of the right size at once
	}
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return readAll(path, f)
}

func readAll(name string, r io.Reader) ([]byte, error) {
	data, err := io.ReadAll(io.LimitReader(r, maxFile+1))
	if err == nil && len(data) > maxFile {
		err = inputError(fmt.Errorf("%s: has more than %d bytes; split it", name, maxFile))
	}
	return data, err
}

// isRendered reports whether a directory is a tree with an index, or will be: one
// whose first run was stopped has a journal only.
func isRendered(dir string) bool {
	return slices.ContainsFunc([]string{tree.IndexName, tree.JournalName}, func(name string) bool {
		_, err := os.Lstat(filepath.Join(dir, name))
		return err == nil
	})
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

// header is the index's, the same for equal input wherever it is read from.
func header(files []render.File) tree.Header {
	sums := make([]string, len(files))
	for i, f := range files {
		sums[i] = fmt.Sprintf("%x", sha256.Sum256(f.Data))
	}
	slices.Sort(sums)
	return tree.Header{
		Generator: "scion-gen " + version,
		Schema:    render.APIVersion,
		Input:     fmt.Sprintf("sha256:%x", sha256.Sum256([]byte(strings.Join(sums, "\n")))),
	}
}

func treeFiles(m *render.Manifests) tree.Files {
	return func(yield func(tree.File, error) bool) {
		for f, err := range m.Files() {
			if !yield(tree.File{Name: f.Name, Data: f.Data, Objects: f.Objects}, err) {
				return
			}
		}
	}
}
