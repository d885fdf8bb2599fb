package main

import (
	"bufio"
	"cmp"
	"crypto/sha256"
	"fmt"
	"io"
	"maps"
	"os"
	"runtime"
	"runtime/debug"
	"slices"
	"strings"

	"github.com/spf13/cobra"
	"sigs.k8s.io/kustomize/kyaml/filesys"
	"sigs.k8s.io/kustomize/kyaml/resid"

	"github.com/scion-gen/scion-gen/pkg/overlay"
	"github.com/scion-gen/scion-gen/pkg/render"
	"github.com/scion-gen/scion-gen/pkg/tree"
)

// The values of --load-restrictor, as kustomize has them.
const (
	restrictRootOnly = "LoadRestrictionsRootOnly"
	restrictNone     = "LoadRestrictionsNone"
)

func kustomizeCommand() *cobra.Command {
	r := &buildRun{options: overlay.Options{Workers: runtime.GOMAXPROCS(0)}}
	cmd := &cobra.Command{
		Use:   "build OVERLAY",
		Short: "Build a kustomization, as kustomize build does",
		Long: `Builds the kustomization in a directory (the current one if there is none) and
writes its objects: the same bytes in the same order as kustomize build v5.8.2.
Large kustomizations are built in parts where that cannot change the result; -v
says whether.

In a directory, build owns the files it wrote, as render does. There is a file
an object, named as kustomize build -o names them: [NAMESPACE_]GROUP_VERSION_KIND_NAME.yaml,
with the namespace where the objects are of several. More than 1,000 are spread
over folders, by a hash of the name.

A directory that is no kustomization but has some below it, such as overlays, is
built as a whole: each of them to a folder of its name. The folder of one that is
gone is removed. Components, and trees that render or build wrote, are passed
over.

With --render, the configuration is rendered to its directory in the same run,
and overlays are built over what is rendered, also with --check, which writes
nothing. So one command makes all that is generated in a repository, and proves
that what is committed is what it would make.

What reaches out of the kustomization is refused unless a flag allows it. A
patch that selects nothing, a key that is given twice in a kustomization, and an
overlay that breaks the pod of an agent are errors; kustomize has no such checks,
and --no-checks leaves them out. Mistakes are told at their file and line.`,
		Example: `  scion-gen build overlays/prod | kubectl apply --server-side -f -
  scion-gen build overlays -o deploy --render agents=manifests          # everything
  scion-gen build overlays -o deploy --render agents=manifests --check  # in CI`,
		Args: cobra.MaximumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			return r.run(orHere(args)[0], cmd.OutOrStdout(), cmd.ErrOrStderr())
		},
	}
	r.register(cmd)
	return cmd
}

// buildRun is one run of build, as its flags have it.
type buildRun struct {
	output, restrictor string
	renders            []string
	verbose            bool
	options            overlay.Options
	trees              treeBuild
}

func (r *buildRun) register(cmd *cobra.Command) {
	flags := cmd.Flags()
	flags.StringVarP(&r.output, "output", "o", "-", "the directory to write to, or - for standard output")
	flags.BoolVarP(&r.verbose, "verbose", "v", false, "say how the build is done")
	flags.BoolVar(&r.options.Unchecked, "no-checks", false, "check no more than kustomize does")
	r.restrictor = restrictRootOnly
	flags.Var(newChoice(&r.restrictor, restrictRootOnly, restrictNone), "load-restrictor", restrictRootOnly+", or "+restrictNone+" to load files from outside a kustomization's root")
	flags.BoolVar(&r.options.Remote, "enable-remote", false, "allow bases and files from the network")
	flags.BoolVar(&r.options.Plugins, "enable-alpha-plugins", false, "allow plugins and functions in containers")
	flags.BoolVar(&r.options.Exec, "enable-exec", false, "allow functions that are programs of this machine; only for kustomizations you trust")
	flags.BoolVar(&r.options.Helm, "enable-helm", false, "allow the inflation of Helm charts")
	flags.StringVar(&r.options.HelmCommand, "helm-command", "helm", "the helm to run")
	flags.StringArrayVar(&r.renders, "render", nil, "render the configuration in `CONFIG=DIR` to the directory as well, and build over that; more paths of configuration with commas between")
	r.trees.layout.register(cmd)
	r.trees.tree.register(cmd)
}

func (r *buildRun) run(dir string, stdout, stderr io.Writer) error {
	for _, text := range r.renders {
		rendering, err := parseRendering(text)
		if err != nil {
			return err
		}
		r.trees.renders = append(r.trees.renders, rendering)
	}
	if err := r.trees.usage(r.output); err != nil {
		return err
	}
	r.options.AnyPath = r.restrictor == restrictNone
	if r.verbose {
		r.options.Log = func(format string, args ...any) { fmt.Fprintf(stderr, format+"\n", args...) }
	}
	if os.Getenv("GOGC") == "" {
		debug.SetGCPercent(200) // kustomize makes much garbage and keeps little
	}
	if r.output != "-" {
		return r.trees.run(dir, r.output, r.options, stdout, stderr)
	}
	built, err := buildWatched(filesys.MakeFsOnDisk(), dir, r.options, stderr)
	if err != nil {
		return asInput(cmp.Or(severalOverlays(dir), err))
	}
	return writeBuilt(built, stdout)
}

// buildWatched says on a terminal how far a long build is.
func buildWatched(disk filesys.FileSystem, dir string, options overlay.Options, stderr io.Writer) (*overlay.Built, error) {
	bar := newProgress(stderr)
	options.Progress = bar.part
	bar.phase("building " + dir)
	defer bar.clear()
	return overlay.Build(disk, dir, options)
}

func writeBuilt(built *overlay.Built, w io.Writer) error {
	out := bufio.NewWriterSize(w, 64<<10)
	if _, err := built.WriteTo(out); err != nil {
		return err
	}
	return out.Flush()
}

// builtHeader is the index's, the same for equal files of the kustomization.
func builtHeader(built *overlay.Built) tree.Header {
	sum := sha256.New()
	for _, name := range slices.Sorted(maps.Keys(built.Inputs)) {
		fmt.Fprintf(sum, "%x  %s\n", sha256.Sum256(built.Inputs[name]), name)
	}
	return tree.Header{
		Generator: "scion-gen " + version,
		Schema:    "kustomize.config.k8s.io/v1beta1",
		Input:     fmt.Sprintf("sha256:%x", sum.Sum(nil)),
	}
}

// maxFiles is how many files go into one folder, beside an index, a journal and a
// temporary file.
const maxFiles = render.MaxEntries - 3

// builtFiles are the objects in files named as kustomize build -o names them.
func builtFiles(built *overlay.Built) tree.Files {
	namespaces := map[string]bool{}
	for _, o := range built.Objects {
		if !o.ID.IsClusterScoped() {
			namespaces[o.ID.EffectiveNamespace()] = true
		}
	}
	return func(yield func(tree.File, error) bool) {
		for _, o := range built.Objects {
			name := builtName(o.ID, len(namespaces) > 1)
			if len(built.Objects) > maxFiles {
				name = fmt.Sprintf("%.1x/%s", sha256.Sum256([]byte(name)), name)
			}
			if !yield(tree.File{Name: name, Data: o.YAML, Objects: []string{o.ID.Kind + "/" + o.ID.Name}}, nil) {
				return
			}
		}
	}
}

// builtName is the file of an object. What not every file system takes in a name
// or tells apart, the colon and the capitals of RBAC names and more than 255
// bytes, is replaced and told apart by a hash.
func builtName(id resid.ResId, several bool) string {
	name := id.Gvk.StringWoEmptyField() + "_" + id.Name
	if several && !id.IsClusterScoped() {
		name = id.EffectiveNamespace() + "_" + name
	}
	safe := strings.Map(func(r rune) rune {
		if strings.ContainsRune(`<>:"|?*\/`, r) {
			return '_'
		}
		return r
	}, strings.ToLower(name))
	const longest = 240
	if id.Name != strings.ToLower(id.Name) || safe != strings.ToLower(name) || len(safe) > longest {
		safe = fmt.Sprintf("%s-%.4x", safe[:min(len(safe), longest)], sha256.Sum256([]byte(name)))
	}
	return safe + ".yaml"
}
