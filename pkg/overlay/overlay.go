// Package overlay builds kustomizations: the bytes and the order of the stock
// command, kustomize build v5.8.2, for less work.
//
// It runs kustomize's own code. Stock kustomize compares every object with every
// other, so its work grows with the square of their number; where a
// kustomization only has features that look at one object at a time, Build runs
// it over parts of its objects and puts the results together. plan.go says which
// features those are.
//
// Beside that it is stricter: what would reach out of the kustomization (remote
// bases, plugins that run programs, files outside its root) is refused unless
// Options ask for it, and an overlay that selects nothing or breaks the pod of an
// agent is an error that names the file.
//
// The package reads through a filesys.FileSystem alone, except where Options let
// kustomize run programs or load from the network. Start with Build.
package overlay

import (
	"errors"
	"fmt"
	"io"
	"path/filepath"

	"sigs.k8s.io/kustomize/api/krusty"
	"sigs.k8s.io/kustomize/api/resmap"
	"sigs.k8s.io/kustomize/api/types"
	"sigs.k8s.io/kustomize/kyaml/filesys"
	"sigs.k8s.io/kustomize/kyaml/resid"

	"github.com/scion-gen/scion-gen/pkg/credential"
	"github.com/scion-gen/scion-gen/pkg/manifest"
)

// Options are what a build may do beyond reading files below the kustomization,
// and how it goes about it. The zero value is the safest and fastest.
type Options struct {
	// AnyPath lets kustomizations load files from outside their root, as
	// --load-restrictor LoadRestrictionsNone does.
	AnyPath bool
	// Remote allows bases and files from the network.
	Remote bool
	// Plugins allows plugins and containerized functions, Exec functions that
	// are programs of this machine (with Plugins), and Helm the inflation of
	// charts by HelmCommand.
	Plugins     bool
	Exec        bool
	Helm        bool
	HelmCommand string
	// Unchecked leaves out what stock kustomize does not check: patches that
	// select nothing, keys given twice in a kustomization, and the state of agents'
	// pods.
	Unchecked bool
	// Log is told how the build is done; nil for nobody.
	Log func(format string, args ...any)
	// Progress is told, by one goroutine at a time, how many parts are built; nil
	// for nobody. A build in one run says nothing.
	Progress func(done, parts int)
	// Workers is how many runs there may be at once; 0 means one.
	Workers int
}

func (o Options) log(format string, args ...any) {
	if o.Log != nil {
		o.Log(format, args...)
	}
}

// Object is one object that was built.
type Object struct {
	ID   resid.ResId
	YAML []byte // without a leading ---
}

// Built is what a build makes, in the order of kustomize build.
type Built struct {
	Objects []Object
	// Inputs are the files that it was made of, with their bytes, by paths
	// relative to the kustomization. Files that only plugins or generators read
	// are not among them.
	Inputs map[string][]byte
}

// WriteTo writes the objects as kustomize build prints them.
func (b *Built) WriteTo(w io.Writer) (int64, error) {
	var total int64
	for i, o := range b.Objects {
		if i > 0 {
			n, err := io.WriteString(w, "---\n")
			total += int64(n)
			if err != nil {
				return total, err
			}
		}
		n, err := w.Write(o.YAML)
		total += int64(n)
		if err != nil {
			return total, err
		}
	}
	return total, nil
}

// Build builds the kustomization in dir. Mistakes in what the user wrote are a
// manifest.Errors, with the file and, where it can be told, the line and field;
// they quote no credentials.
func Build(fsys filesys.FileSystem, dir string, o Options) (*Built, error) {
	built, err := build(fsys, dir, o)
	return built, redacted(err)
}

// redacted is an error without the credentials that it quotes, such as those of
// an address.
func redacted(err error) error {
	wrong, ok := errors.AsType[manifest.Errors](err)
	if !ok {
		if err != nil && credential.Redact(err.Error()) != err.Error() {
			return errors.New(credential.Redact(err.Error()))
		}
		return err
	}
	var out manifest.Errors
	for _, e := range wrong {
		out.Add(e.Pos, credential.Redact(e.Path), "%s", credential.Redact(e.Msg))
	}
	return out
}

func build(fsys filesys.FileSystem, dir string, o Options) (*Built, error) {
	s, err := read(fsys, dir, o)
	if err != nil {
		return nil, err
	}
	b := &builder{source: s, options: o, size: partSize, seen: map[string]bool{}}
	if !o.Unchecked {
		if b.verifier, err = newVerifier(); err != nil {
			return nil, err
		}
	}
	objects, err := b.build()
	if err != nil {
		return nil, err
	}
	if !o.Unchecked {
		if err := b.check(); err != nil {
			return nil, err
		}
	}
	return &Built{Objects: objects, Inputs: s.inputs()}, nil
}

// kustomize runs kustomize over the kustomization as fsys shows it. Where it
// panics, as it does for some mistakes, that is an error.
func kustomize(fsys filesys.FileSystem, dir string, o Options) (m resmap.ResMap, err error) {
	defer func() {
		if p := recover(); p != nil {
			m, err = nil, fmt.Errorf("kustomize cannot build this and does not say why: it panics: %v", p)
		}
	}()
	k := krusty.MakeDefaultOptions()
	k.Reorder = krusty.ReorderOptionUnspecified
	if o.AnyPath {
		k.LoadRestrictions = types.LoadRestrictionsNone
	}
	if o.Plugins {
		k.PluginConfig = types.EnabledPluginConfig(types.BploUseStaticallyLinked)
		k.PluginConfig.FnpLoadingOptions.EnableExec = o.Exec
	}
	k.PluginConfig.HelmConfig.Enabled = o.Helm
	k.PluginConfig.HelmConfig.Command = o.HelmCommand
	return krusty.MakeKustomizer(k).Run(fsys, dir)
}

// inputs are the files that were read, by names that do not depend on where the
// kustomization is.
func (s *source) inputs() map[string][]byte {
	files := map[string][]byte{}
	for name, data := range s.files {
		if rel, err := filepath.Rel(s.root.dir.String(), name); err == nil {
			name = filepath.ToSlash(rel)
		}
		files[name] = data
	}
	return files
}
