package phasemap_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io/fs"
	"testing"

	"github.com/santhosh-tekuri/jsonschema/v6"

	golden "github.com/scion-gen/scion-gen/golden/phasemap"
)

func load(t *testing.T) (golden.Suite, []golden.Case) {
	t.Helper()
	suite, cases, err := golden.Load(golden.V1())
	if err != nil {
		t.Fatal(err)
	}
	if len(cases) == 0 {
		t.Fatal("the suite has no cases")
	}
	return suite, cases
}

func TestVerify(t *testing.T) {
	if err := golden.Verify(golden.V1()); err != nil {
		t.Error(err)
	}
}

// What a case requires follows from what it asks.
func TestProfilesAreClaimable(t *testing.T) {
	_, cases := load(t)
	questions := map[string]string{"map": golden.Core, "reconcile": golden.Reconcile, "absent": golden.Absent}
	for _, c := range cases {
		if !c.Applies([]string{questions[c.Op], golden.Clock, golden.RawJSON}) {
			t.Errorf("%s: requires %v", c.ID, c.Requires)
		}
		if len(c.Expected([]string{golden.Core})) < 2 {
			t.Errorf("%s: expects nothing of one who claims no rules", c.ID)
		}
	}
}

func TestCaseSchema(t *testing.T) {
	schema := compile(t, "schema/case.schema.json")
	suite, _ := load(t)
	for _, file := range suite.Files {
		data, err := fs.ReadFile(golden.V1(), file.Path)
		if err != nil {
			t.Fatal(err)
		}
		if err := validate(schema, data); err != nil {
			t.Errorf("%s: %v", file.Path, err)
		}
	}
	valid := `"id":"a","title":"t","group":"g","since":"1.0.0","provenance":{"kind":"modelled"},"options":{}`
	for name, bad := range map[string]string{
		"an unknown member":             `{` + valid + `,"op":"map","requires":["core"],"pod":{},"expect":{"phase":"error"},"x":1}`,
		"no Pod":                        `{` + valid + `,"op":"map","requires":["core"],"expect":{"phase":"error"}}`,
		"an expectation of no phase":    `{` + valid + `,"op":"map","requires":["core"],"pod":{},"expect":{"phase":"ended"}}`,
		"a legacy phase as an activity": `{` + valid + `,"op":"absent","requires":["absent"],"last":null,"stopRequested":false,"absentForSeconds":null,"expect":{"activity":"ended"}}`,
		"a profile that is none":        `{` + valid + `,"op":"map","requires":["all"],"pod":{},"expect":{"phase":"error"}}`,
		"an unnamed Kubernetes version": `{"id":"a","title":"t","group":"g","since":"1.0.0","provenance":{"kind":"captured"},"options":{},"op":"map","requires":["core"],"pod":{},"expect":{"phase":"error"}}`,
	} {
		if validate(schema, []byte(bad)) == nil {
			t.Errorf("the schema accepts a case with %s", name)
		}
	}
}

func TestProtocolSchema(t *testing.T) {
	schema := compile(t, "schema/protocol.schema.json")
	suite, cases := load(t)
	messages := map[string]string{
		"hello":  fmt.Sprintf(`{"cmd":"hello","protocol":%d,"suite":%q}`, suite.Protocol, suite.Version),
		"reply":  `{"ok":true,"protocol":1,"name":"phasemap-ts","version":"0.3.1","language":"typescript","profiles":["core","rules"]}`,
		"skip":   `{"seq":2,"skip":"profile reconcile not implemented"}`,
		"reject": `{"seq":3,"reject":"exitCode out of range"}`,
		"stop":   `{"cmd":"stop"}`,
	}
	for i, c := range cases {
		messages["question "+c.ID] = question(t, c, i+1)
		messages["answer "+c.ID] = marshal(t, map[string]any{"seq": i + 1, "result": c.Expect})
	}
	for name, message := range messages {
		if err := validate(schema, []byte(message)); err != nil {
			t.Errorf("%s: %v\n%s", name, err, message)
		}
	}
	for name, bad := range map[string]string{
		"a phase that is none":      `{"seq":1,"result":{"phase":"ended","terminal":true}}`,
		"an exit code that is text": `{"seq":1,"result":{"phase":"error","terminal":true,"exitCode":"1"}}`,
		"an answer to nothing":      `{"result":{"phase":"error","terminal":true}}`,
		"a question with its id":    `{"cmd":"map","seq":1,"options":{},"pod":{},"id":"exit-0"}`,
	} {
		if validate(schema, []byte(bad)) == nil {
			t.Errorf("the schema accepts %s", name)
		}
	}
}

// question is the request for a case, without what would give the answer away.
func question(t *testing.T, c golden.Case, seq int) string {
	message := map[string]any{"cmd": c.Op, "seq": seq, "options": c.Options}
	if c.Now != nil {
		message["now"] = c.Now
	}
	if c.Op != "absent" {
		message["pod"] = c.Pod
	}
	if c.Op == "reconcile" {
		message["self"], message["containerStartedAt"] = c.Self, c.ContainerStartedAt
	}
	if c.Op == "absent" {
		message["last"], message["stopRequested"], message["absentForSeconds"] = c.Last, c.StopRequested, c.AbsentForSeconds
	}
	return marshal(t, message)
}

func marshal(t *testing.T, v any) string {
	t.Helper()
	data, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}

func compile(t *testing.T, name string) *jsonschema.Schema {
	t.Helper()
	data, err := fs.ReadFile(golden.V1(), name)
	if err != nil {
		t.Fatal(err)
	}
	doc, err := jsonschema.UnmarshalJSON(bytes.NewReader(data))
	if err != nil {
		t.Fatal(err)
	}
	compiler := jsonschema.NewCompiler()
	if err := compiler.AddResource(name, doc); err != nil {
		t.Fatal(err)
	}
	schema, err := compiler.Compile(name)
	if err != nil {
		t.Fatal(err)
	}
	return schema
}

func validate(schema *jsonschema.Schema, data []byte) error {
	v, err := jsonschema.UnmarshalJSON(bytes.NewReader(data))
	if err != nil {
		return err
	}
	return schema.Validate(v)
}
