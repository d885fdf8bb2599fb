package main

import (
	"bytes"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"

	"github.com/spf13/cobra"
	"k8s.io/pod-security-admission/api"
	"sigs.k8s.io/kustomize/kyaml/fn/framework"
	"sigs.k8s.io/kustomize/kyaml/kio"
	"sigs.k8s.io/kustomize/kyaml/kio/kioutil"
	"sigs.k8s.io/kustomize/kyaml/yaml"

	"github.com/scion-gen/scion-gen/pkg/manifest"
	"github.com/scion-gen/scion-gen/pkg/overlay"
	"github.com/scion-gen/scion-gen/pkg/render"
	"github.com/scion-gen/scion-gen/templates"
)

func krmCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "krm",
		Short: "Be a KRM function of kustomize or kpt",
		Long: `Reads a ResourceList from standard input and writes one to standard output, as
the KRM Functions Specification has it. The functionConfig is

  apiVersion: gen.scion.dev/v1alpha1
  kind: ScionAgentSet
  metadata: {name: agents}
  spec:
    mode: Generate          # or Transform, or Validate
    config: []              # documents of the configuration, inline
    podSecurity: restricted # the level for Validate

or an Agent, which is generated. Generate adds the manifests of the config to
the items. Transform puts the manifests of the config, and of the configuration
documents among the items, in the place of the latter. Validate changes nothing
and checks what build checks: fields, Pod Security, agents' environment.

What is wrong, also with the functionConfig, is in the results, with file and
field, and the exit code is 1.`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return krm(cmd.InOrStdin(), cmd.OutOrStdout())
		},
	}
}

func krm(stdin io.Reader, stdout io.Writer) error {
	source := &kio.ByteReadWriter{Reader: stdin, Writer: stdout, KeepReaderAnnotations: true}
	err := framework.Execute(framework.ResourceListProcessorFunc(func(rl *framework.ResourceList) error {
		f, err := newFunction(rl)
		if err == nil && len(rl.Results) == 0 {
			err = f.run()
		}
		if err == nil && rl.Results.ExitCode() != 0 {
			return inputError(rl.Results)
		}
		return err
	}), source)
	return err
}

// The modes of a function.
const (
	modeGenerate  = "Generate"
	modeTransform = "Transform"
	modeValidate  = "Validate"
)

const agentSetKind = "ScionAgentSet"

// function is one run.
type function struct {
	list    *framework.ResourceList
	mode    string
	level   api.Level
	config  []render.File
	sources map[string]origin // by the names of the files of config
}

// origin is the resource that a configuration document comes from, and where in
// it the document is.
type origin struct {
	resource *yaml.RNode
	path     string
}

// newFunction reads the functionConfig.
func newFunction(rl *framework.ResourceList) (*function, error) {
	f := &function{list: rl, mode: modeGenerate, level: api.LevelRestricted, sources: map[string]origin{}}
	config := rl.FunctionConfig
	switch {
	case config.IsNilOrEmpty():
		return nil, fmt.Errorf("there is no functionConfig; want a %s or an Agent of %s", agentSetKind, render.APIVersion)
	case config.GetApiVersion() == render.APIVersion && config.GetKind() == "Agent":
		return f, f.add("functionConfig", config, config.YNode(), "")
	case config.GetApiVersion() != render.APIVersion || config.GetKind() != agentSetKind:
		return nil, fmt.Errorf("the functionConfig is a %s of %s; want a %s or an Agent of %s", config.GetKind(), config.GetApiVersion(), agentSetKind, render.APIVersion)
	}
	return f, f.settings(config)
}

// settings reads the functionConfig's spec; what is wrong with it is in the
// results.
func (f *function) settings(config *yaml.RNode) error {
	wrong := func(field, format string, args ...any) { f.fault(config, field, fmt.Sprintf(format, args...)) }
	oneOf := func(field, text string, words ...string) {
		if !slices.Contains(words, text) {
			wrong(field, "%q is none of %s", text, strings.Join(words, ", "))
		}
	}
	err := config.VisitFields(func(n *yaml.MapNode) error {
		if key := yaml.GetValue(n.Key); !slices.Contains([]string{"apiVersion", "kind", "metadata", "spec"}, key) {
			wrong(key, "unknown field; write the settings under spec")
		}
		return nil
	})
	spec := config.Field("spec")
	if err != nil || spec.IsNilOrEmpty() {
		return err
	}
	if spec.Value.YNode().Kind != yaml.MappingNode {
		wrong("spec", "is not a mapping; write config, mode or podSecurity under it")
		return nil
	}
	return spec.Value.VisitFields(func(n *yaml.MapNode) error {
		key, text := yaml.GetValue(n.Key), yaml.GetValue(n.Value)
		switch field := "spec." + key; key {
		case "mode":
			f.mode = text
			oneOf(field, text, modeGenerate, modeTransform, modeValidate)
		case "podSecurity":
			f.level = api.Level(text)
			oneOf(field, text, string(api.LevelRestricted), string(api.LevelBaseline), string(api.LevelPrivileged))
		case "config":
			if n.Value.YNode().Kind != yaml.SequenceNode {
				wrong(field, "is not a list; write - before each document")
				return nil
			}
			for i, doc := range n.Value.Content() {
				at := manifest.Index(field, i)
				if doc.Kind != yaml.MappingNode {
					wrong(at, "is not a document of the configuration; write one with apiVersion, kind and metadata")
					continue
				}
				if err := f.add("functionConfig "+at, config, doc, at+"."); err != nil {
					return err
				}
			}
		default:
			wrong(field, "unknown field; there are config, mode, podSecurity")
		}
		return nil
	})
}

// bookkeepers are the prefixes of the annotations by which kustomize and kpt keep
// their books: they are none of an agent's.
var bookkeepers = []string{"internal.config.kubernetes.io/", "config.kubernetes.io/", "config.k8s.io/", "kustomize.config.k8s.io/", "internal.kustomize.config.k8s.io/", "internal.kpt.dev/"}

// add takes a document of the configuration.
func (f *function) add(name string, resource *yaml.RNode, doc *yaml.Node, path string) error {
	n := yaml.NewRNode(doc).Copy()
	annotations := n.GetAnnotations()
	for key := range annotations {
		if slices.ContainsFunc(bookkeepers, func(prefix string) bool { return strings.HasPrefix(key, prefix) }) {
			if err := n.PipeE(yaml.ClearAnnotation(key)); err != nil {
				return err
			}
		}
	}
	if err := yaml.ClearEmptyAnnotations(n); err != nil {
		return err
	}
	text, err := n.String()
	if err != nil {
		return err
	}
	f.config = append(f.config, render.File{Name: name, Data: []byte(text)})
	f.sources[name] = origin{resource, path}
	return nil
}

func (f *function) run() error {
	switch f.mode {
	case modeValidate:
		return f.validate()
	case modeTransform:
		return f.transform()
	}
	return f.generate()
}

// generate appends the manifests. Kustomize gives a generator its own config as
// an item; that is no manifest.
func (f *function) generate() error {
	made, err := f.render()
	if err != nil {
		return err
	}
	self := f.list.FunctionConfig
	f.list.Items = slices.DeleteFunc(f.list.Items, func(item *yaml.RNode) bool {
		return item.GetApiVersion() == self.GetApiVersion() && item.GetKind() == self.GetKind() && item.GetName() == self.GetName()
	})
	f.list.Items = append(f.list.Items, made...)
	return nil
}

// transform puts the manifests where the first document of the configuration
// was.
func (f *function) transform() error {
	var rest []*yaml.RNode
	at := -1
	for i, item := range f.list.Items {
		group, _, _ := strings.Cut(render.APIVersion, "/")
		if !strings.HasPrefix(item.GetApiVersion(), group+"/") || item.GetKind() == agentSetKind {
			rest = append(rest, item)
			continue
		}
		if at < 0 {
			at = len(rest)
		}
		if err := f.add(manifest.Index("items", i), item, item.YNode(), ""); err != nil {
			return err
		}
	}
	made, err := f.render()
	if err != nil || len(f.list.Results) > 0 {
		return err
	}
	if at < 0 {
		at = len(rest)
	}
	f.list.Items = slices.Insert(rest, at, made...)
	return nil
}

// render is the manifests of the config; what is wrong with it is in the
// results.
func (f *function) render() ([]*yaml.RNode, error) {
	if len(f.config) == 0 {
		return nil, nil
	}
	config, err := render.Load(templates.Files(), f.config)
	var manifests *render.Manifests
	if err == nil {
		manifests, err = config.Render()
	}
	if errs, wrong := err.(manifest.Errors); wrong {
		for _, e := range errs {
			f.report(e)
		}
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	var out bytes.Buffer
	if _, err := manifests.WriteTo(&out); err != nil {
		return nil, err
	}
	return kio.FromBytes(out.Bytes())
}

func (f *function) report(e *manifest.Error) {
	name := ""
	if e.Pos.Source != nil {
		name = e.Pos.Source.File
	}
	from, known := f.sources[name]
	if !known {
		f.list.Results = append(f.list.Results, &framework.Result{Message: e.Error(), Severity: framework.Error})
		return
	}
	f.fault(from.resource, strings.TrimSuffix(from.path+e.Path, "."), e.Msg)
}

// fault is a result with all that is known of the resource.
func (f *function) fault(resource *yaml.RNode, path, msg string) {
	r := &framework.Result{Message: msg, Severity: framework.Error, ResourceRef: &yaml.ResourceIdentifier{
		TypeMeta: yaml.TypeMeta{APIVersion: resource.GetApiVersion(), Kind: resource.GetKind()},
		NameMeta: yaml.NameMeta{Name: resource.GetName(), Namespace: resource.GetNamespace()},
	}}
	if path != "" {
		r.Field = &framework.Field{Path: path}
	}
	if file, text, err := kioutil.GetFileAnnotations(resource); err == nil && file != "" {
		index, _ := strconv.Atoi(text) // none is the first
		r.File = &framework.File{Path: file, Index: index}
	}
	f.list.Results = append(f.list.Results, r)
}

// validate reports what build would find wrong with the items, and changes
// none.
func (f *function) validate() error {
	var nodes []*manifest.Node
	var items []*yaml.RNode
	for _, item := range f.list.Items {
		text, err := item.String()
		if err != nil {
			return err
		}
		var errs manifest.Errors
		docs := manifest.Parse(item.GetName(), []byte(text), &errs)
		for _, e := range errs {
			f.fault(item, e.Path, e.Msg)
		}
		if len(docs) == 1 {
			nodes, items = append(nodes, docs[0].Root), append(items, item)
		}
	}
	findings, err := overlay.Verify(nodes, f.level)
	if err != nil {
		return err
	}
	for i, found := range findings {
		for _, finding := range found {
			f.fault(items[i], finding.Path, finding.Msg)
		}
	}
	if slices.ContainsFunc(f.list.Items, underKustomize) {
		f.list.Items = nil
	}
	return nil
}

// underKustomize reports whether the item comes from kustomize build, which
// gives items a number of its own. Its validators must print no items: those it
// gets back it holds against its own after adding annotations to them, so that
// v5.8.2 refuses even cat.
func underKustomize(item *yaml.RNode) bool {
	return item.GetAnnotations()["kustomize.config.k8s.io/id"] != ""
}
