package report

import (
	"bytes"
	"encoding/json"
	"flag"
	"os"
	"reflect"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

var update = flag.Bool("update", false, "rewrite expected files")

// The schema is published for programs in any language, and written from the
// types so that it never lags behind.
func TestSchema(t *testing.T) {
	want := map[string]any{
		"$schema": "https://json-schema.org/draft/2020-12/schema",
		"title":   "What scion-gen diff --format json writes",
	}
	for key, value := range schemaOf(reflect.TypeFor[reportJSON]()) {
		want[key] = value
	}
	var out bytes.Buffer
	enc := json.NewEncoder(&out)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", "  ")
	if err := enc.Encode(want); err != nil {
		t.Fatal(err)
	}
	if *update {
		if err := os.WriteFile("schema.json", out.Bytes(), 0o666); err != nil {
			t.Fatal(err)
		}
		return
	}
	if d := cmp.Diff(out.String(), string(Schema())); d != "" {
		t.Errorf("schema.json is not that of the types; run go test -update (-want +got):\n%s", d)
	}
}

// enums are the fields that take a few words.
var enums = map[string][]string{
	"op":       {"add", "remove", "change", "move"},
	"severity": {"low", "medium", "high"},
}

func schemaOf(t reflect.Type) map[string]any {
	switch t.Kind() {
	case reflect.Pointer:
		return schemaOf(t.Elem())
	case reflect.String:
		return map[string]any{"type": "string"}
	case reflect.Int:
		return map[string]any{"type": "integer"}
	case reflect.Bool:
		return map[string]any{"type": "boolean"}
	case reflect.Slice:
		return map[string]any{"type": "array", "items": schemaOf(t.Elem())}
	case reflect.Map:
		return map[string]any{"type": "object", "additionalProperties": schemaOf(t.Elem())}
	}
	properties, required := map[string]any{}, []string{}
	addFields(t, properties, &required)
	return map[string]any{"type": "object", "properties": properties, "required": required}
}

func addFields(t reflect.Type, properties map[string]any, required *[]string) {
	for i := range t.NumField() {
		f := t.Field(i)
		if f.Anonymous {
			addFields(f.Type, properties, required)
			continue
		}
		name, options, _ := strings.Cut(f.Tag.Get("json"), ",")
		s := schemaOf(f.Type)
		if words, ok := enums[name]; ok {
			s["enum"] = words
		}
		properties[name] = s
		if options != "omitempty" {
			*required = append(*required, name)
		}
	}
}
