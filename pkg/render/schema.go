package render

import (
	_ "embed"
	"encoding/json"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"maps"
	"reflect"
	"strings"

	"github.com/scion-gen/scion-gen/pkg/manifest"
)

// configSource is what the descriptions in the schema are read from.
//
//go:embed config.go
var configSource string

// Schema is the JSON Schema (2020-12) of the configuration, for editors. It is
// made from the types of the configuration; descriptions are their doc
// comments and, for types of the Kubernetes API, the API's own.
func Schema() ([]byte, error) {
	docs, err := docComments(configSource)
	if err != nil {
		return nil, err
	}
	s := schemer{docs: docs, defs: map[string]any{}}
	var kinds []any
	for kind, t := range map[string]*manifest.Type{"Agent": agentType, "AgentTemplate": templateType, "Fleet": fleetType} {
		s.define(t)["properties"].(map[string]any)["kind"].(map[string]any)["const"] = kind
	}
	for _, kind := range []string{"Agent", "AgentTemplate", "Fleet"} {
		kinds = append(kinds, map[string]any{
			"if":   map[string]any{"properties": map[string]any{"kind": map[string]any{"const": kind}}},
			"then": ref(kind),
		})
	}
	return json.MarshalIndent(map[string]any{
		"$schema":     "https://json-schema.org/draft/2020-12/schema",
		"title":       "scion-gen configuration",
		"description": "A Fleet, an AgentTemplate or an Agent of " + APIVersion + ".",
		"type":        "object",
		"required":    []string{"apiVersion", "kind", "metadata"},
		"properties": map[string]any{
			"apiVersion": map[string]any{"const": APIVersion},
			"kind":       map[string]any{"enum": []string{"Agent", "AgentTemplate", "Fleet"}},
		},
		"allOf": kinds,
		"$defs": s.defs,
	}, "", "  ")
}

type schemer struct {
	docs map[string]string // "Type" and "Type.Field" to the comment
	defs map[string]any    // by name
}

func ref(name string) map[string]any { return map[string]any{"$ref": "#/$defs/" + name} }

// defName is the name of a type in $defs: our own are plain, others have
// their package in front.
func defName(t reflect.Type) string {
	pkg := t.PkgPath()
	if pkg == reflect.TypeFor[Agent]().PkgPath() {
		return t.Name()
	}
	parts := strings.Split(pkg, "/")
	return strings.Join(parts[max(0, len(parts)-2):], ".") + "." + t.Name()
}

// define adds a struct to the definitions and returns it.
func (s *schemer) define(t *manifest.Type) map[string]any {
	name := defName(t.Go)
	if def, ok := s.defs[name]; ok {
		return def.(map[string]any)
	}
	properties := map[string]any{}
	def := map[string]any{"type": []string{"object", "null"}, "properties": properties, "additionalProperties": false}
	s.defs[name] = def // before its fields: types may contain themselves
	if doc := s.docs[t.Go.Name()]; doc != "" && isOurs(t.Go) {
		def["description"] = doc
	}
	if !isOurs(t.Go) {
		def["patternProperties"] = map[string]any{`^\$patch$`: map[string]any{"enum": []string{"delete", "replace"}}}
	}
	var required []string
	for _, f := range t.Fields {
		schema := s.field(f)
		if doc := s.doc(t.Go, f); doc != "" {
			schema["description"] = doc
		}
		properties[f.Name] = schema
		if f.Tag.Get("required") == "true" {
			required = append(required, f.Name)
		}
	}
	if required != nil {
		def["required"] = required
		def["type"] = "object"
	}
	return def
}

func isOurs(t reflect.Type) bool { return t.PkgPath() == reflect.TypeFor[Agent]().PkgPath() }

// doc is the description of a field: the comment of the struct that declares
// it, or what the API types say of themselves.
func (s *schemer) doc(t reflect.Type, f manifest.TypeField) string {
	for _, i := range f.Index[:len(f.Index)-1] {
		t = t.Field(i).Type
	}
	if doc := s.docs[t.Name()+"."+t.FieldByIndex(f.Index[len(f.Index)-1:]).Name]; doc != "" {
		return doc
	}
	type documented interface{ SwaggerDoc() map[string]string }
	if d, ok := reflect.Zero(t).Interface().(documented); ok {
		return d.SwaggerDoc()[f.Name]
	}
	return ""
}

func (s *schemer) field(f manifest.TypeField) map[string]any {
	if f.Name == "pod" && f.Type.Go == reflect.TypeFor[manifest.Node]() {
		s.define(podPatchType)
		return map[string]any{"$ref": "#/$defs/" + defName(podPatchType.Go)}
	}
	schema := s.of(f.Type)
	if enum := f.Tag.Get("enum"); enum != "" {
		values := []any{nil}
		for _, v := range strings.Split(enum, ",") {
			values = append(values, v)
		}
		if f.Type.Shape == manifest.ShapeList {
			schema["items"] = map[string]any{"enum": values[1:]}
			return schema
		}
		return map[string]any{"enum": values}
	}
	return schema
}

// of is the schema of a type. null is right everywhere: it removes.
func (s *schemer) of(t *manifest.Type) map[string]any {
	switch t.Shape {
	case manifest.ShapeBool:
		return map[string]any{"type": []string{"boolean", "null"}}
	case manifest.ShapeInt:
		return map[string]any{"type": []string{"integer", "null"}}
	case manifest.ShapeFloat:
		return map[string]any{"type": []string{"number", "null"}}
	case manifest.ShapeString, manifest.ShapeBytes, manifest.ShapeTime, manifest.ShapeDuration:
		return map[string]any{"type": []string{"string", "null"}}
	case manifest.ShapeQuantity, manifest.ShapeIntOrString:
		return map[string]any{"type": []string{"string", "number", "null"}}
	case manifest.ShapeList:
		return map[string]any{"type": []string{"array", "null"}, "items": s.of(t.Elem)}
	case manifest.ShapeMap:
		values := s.of(t.Elem)
		if t.Elem.Shape == manifest.ShapeString { // the text as written: see manifest.Checker
			values = map[string]any{"type": []string{"string", "number", "boolean", "null"}}
		}
		return map[string]any{"type": []string{"object", "null"}, "additionalProperties": values}
	case manifest.ShapeStruct:
		s.define(t)
		return ref(defName(t.Go))
	}
	return map[string]any{}
}

// docComments are the comments of the structs of a Go file and their fields,
// as one line each.
func docComments(source string) (map[string]string, error) {
	file, err := parser.ParseFile(token.NewFileSet(), "config.go", source, parser.ParseComments)
	if err != nil {
		return nil, fmt.Errorf("descriptions of the schema: %w", err)
	}
	docs := map[string]string{}
	for _, decl := range file.Decls {
		group, ok := decl.(*ast.GenDecl)
		if !ok || group.Tok != token.TYPE {
			continue
		}
		for _, spec := range group.Specs {
			name := spec.(*ast.TypeSpec).Name.Name
			docs[name] = oneLine(group.Doc.Text())
			maps.Copy(docs, fieldComments(name, spec.(*ast.TypeSpec).Type))
		}
	}
	return docs, nil
}

func fieldComments(name string, typ ast.Expr) map[string]string {
	docs := map[string]string{}
	if st, ok := typ.(*ast.StructType); ok {
		for _, f := range st.Fields.List {
			for _, id := range f.Names {
				docs[name+"."+id.Name] = oneLine(f.Doc.Text())
			}
		}
	}
	return docs
}

func oneLine(text string) string { return strings.Join(strings.Fields(text), " ") }
