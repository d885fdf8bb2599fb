// Package templates holds the built-in AgentTemplates: base, the hardened pod
// that all others build on, and one for each harness. They are plain
// configuration; copy one and change it to make your own.
package templates

import (
	"embed"
	"io/fs"

	"github.com/scion-gen/scion-gen/pkg/render"
)

//go:embed *.yaml
var files embed.FS

// Files are the templates, named templates/<name>.yaml in messages.
func Files() []render.File {
	names, err := fs.Glob(files, "*.yaml")
	if err != nil {
		panic(err) // the pattern is right
	}
	out := make([]render.File, len(names))
	for i, name := range names {
		data, err := fs.ReadFile(files, name)
		if err != nil {
			panic(err) // embedded files can be read
		}
		out[i] = render.File{Name: "templates/" + name, Data: data}
	}
	return out
}
