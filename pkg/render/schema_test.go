package render_test

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/santhosh-tekuri/jsonschema/v6"
	"sigs.k8s.io/yaml"

	"github.com/scion-gen/scion-gen/pkg/render"
)

func compileSchema(t *testing.T) *jsonschema.Schema {
	t.Helper()
	data, err := render.Schema()
	if err != nil {
		t.Fatal(err)
	}
	doc, err := jsonschema.UnmarshalJSON(bytes.NewReader(data))
	if err != nil {
		t.Fatal(err)
	}
	c := jsonschema.NewCompiler()
	if err := c.AddResource("schema.json", doc); err != nil {
		t.Fatal(err)
	}
	schema, err := c.Compile("schema.json")
	if err != nil {
		t.Fatal(err)
	}
	return schema
}

// validate holds each document of a file against the schema.
func validate(t *testing.T, schema *jsonschema.Schema, file string) error {
	t.Helper()
	data, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	for doc := range strings.SplitSeq("\n"+string(data), "\n---") {
		text, err := yaml.YAMLToJSON([]byte(doc))
		if err != nil {
			return err
		}
		if string(text) == "null" {
			continue
		}
		value, err := jsonschema.UnmarshalJSON(bytes.NewReader(text))
		if err != nil {
			t.Fatal(err)
		}
		if err := schema.Validate(value); err != nil {
			return err
		}
	}
	return nil
}

// configurations are files that render.
func configurations(t *testing.T) []string {
	t.Helper()
	var files []string
	for _, pattern := range []string{"templates/*.yaml", "examples/first/*.yaml", "examples/fleet/*.yaml", "examples/fleet/*/*.yaml",
		"examples/fleet/*/*/*.yaml", "cmd/scion-gen/init/agents/*.yaml", "golden/render/*/*.yaml"} {
		found, err := filepath.Glob(filepath.Join("../..", pattern))
		if err != nil {
			t.Fatal(err)
		}
		if len(found) == 0 {
			t.Errorf("%s: no files", pattern)
		}
		for _, file := range found {
			if filepath.Base(file) != "manifests.yaml" {
				files = append(files, file)
			}
		}
	}
	return files
}

// What renders has nothing that an editor would underline.
func TestSchemaTakesWhatRenders(t *testing.T) {
	schema := compileSchema(t)
	for _, file := range configurations(t) {
		if err := validate(t, schema, file); err != nil {
			t.Errorf("%s: %v", file, err)
		}
	}
}

// What is wrong with fields, types and words, an editor underlines too.
func TestSchemaRefuses(t *testing.T) {
	schema := compileSchema(t)
	found, err := filepath.Glob("../../golden/errors/*.out")
	if err != nil {
		t.Fatal(err)
	}
	refused := 0
	for _, out := range found {
		message, err := os.ReadFile(out)
		if err != nil {
			t.Fatal(err)
		}
		file := strings.TrimSuffix(out, ".out") + ".yaml"
		if _, err := os.Stat(file); err != nil {
			continue // a case of several files
		}
		text := string(message)
		// The words of corev1's strings are not in its Go types.
		if !strings.Contains(text, "unknown field") && !strings.Contains(text, "is not one of") || strings.Contains(file, "toleration-") || strings.Contains(file, "pod-restart-policy") {
			continue
		}
		refused++
		if validate(t, schema, file) == nil {
			t.Errorf("%s is taken, but: %s", file, text)
		}
	}
	if refused < 10 {
		t.Errorf("only %d cases were tried", refused)
	}
}

// Every field says what it is.
func TestSchemaDescribes(t *testing.T) {
	data, err := render.Schema()
	if err != nil {
		t.Fatal(err)
	}
	var schema struct {
		Defs map[string]struct {
			Properties map[string]struct{ Description string }
		} `json:"$defs"`
	}
	if err := json.Unmarshal(data, &schema); err != nil {
		t.Fatal(err)
	}
	fields := 0
	for name, def := range schema.Defs {
		for field, property := range def.Properties {
			fields++
			if property.Description == "" {
				t.Errorf("%s.%s has no description", name, field)
			}
		}
	}
	if fields < 500 {
		t.Errorf("only %d fields", fields)
	}
}
