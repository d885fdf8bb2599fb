package phasemap_test

import (
	"bytes"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"io/fs"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
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

// What is in the folder and what suite.json lists are the same, to the byte.
func TestFilesAreListed(t *testing.T) {
	suite, cases := load(t)
	var listed, found []string
	for i, file := range suite.Files {
		listed = append(listed, file.Path)
		if cases[i].Path() != file.Path {
			t.Errorf("%s: its id and group belong to %s", file.Path, cases[i].Path())
		}
		data, err := fs.ReadFile(golden.V1(), file.Path)
		if err != nil {
			t.Fatal(err)
		}
		if got := fmt.Sprintf("%x", sha256.Sum256(data)); got != file.SHA256 {
			t.Errorf("%s: not the file that was sealed; see golden/phasemap/seal", file.Path)
		}
		if got, err := cases[i].Fingerprint(); err != nil || got != file.Fingerprint {
			t.Errorf("%s: asks or expects something else; that takes a new major version (%v)", file.Path, err)
		}
	}
	walk := func(path string, d fs.DirEntry, err error) error {
		if err == nil && !d.IsDir() {
			found = append(found, path)
		}
		return err
	}
	if err := fs.WalkDir(golden.V1(), "cases", walk); err != nil {
		t.Fatal(err)
	}
	slices.Sort(listed)
	slices.Sort(found)
	if diff := cmp.Diff(listed, found); diff != "" {
		t.Errorf("suite.json and cases/ differ (-listed +found):\n%s", diff)
	}
}

func TestIDsAreUnique(t *testing.T) {
	_, cases := load(t)
	seen := map[string]bool{}
	for _, c := range cases {
		if seen[c.ID] {
			t.Errorf("%s: used twice", c.ID)
		}
		seen[c.ID] = true
	}
}

// Two cases that ask and expect the same are one too many.
func TestCasesDiffer(t *testing.T) {
	suite, cases := load(t)
	seen := map[string]string{}
	for _, c := range cases {
		id := c.ID
		c.ID = ""
		fingerprint, err := c.Fingerprint()
		if err != nil {
			t.Fatal(err)
		}
		if other, taken := seen[fingerprint]; taken {
			t.Errorf("%s and %s are the same", other, id)
		}
		seen[fingerprint] = id
	}
	if len(seen) > len(suite.Files) {
		t.Error("more cases than files")
	}
}

func TestEveryRuleHasACase(t *testing.T) {
	suite, cases := load(t)
	missing := maps.Clone(suite.Rules)
	for _, c := range cases {
		id := expected(t, c, "rule")
		reason, known := suite.Rules[id]
		if !known {
			t.Errorf("%s: expects rule %q, which the suite does not have", c.ID, id)
		}
		if _, says := c.Expect["reason"]; says && reason != "" && reason != expected(t, c, "reason") {
			t.Errorf("%s: expects reason %s of %s, which has %s", c.ID, c.Expect["reason"], id, reason)
		}
		delete(missing, id)
	}
	for _, id := range slices.Sorted(maps.Keys(missing)) {
		t.Errorf("rule %s: no case", id)
	}
}

func expected(t *testing.T, c golden.Case, key string) string {
	t.Helper()
	var s string
	if err := json.Unmarshal(c.Expect[key], &s); err != nil {
		t.Fatalf("%s: expect.%s: %v", c.ID, key, err)
	}
	return s
}

func TestEveryOptionHasACase(t *testing.T) {
	suite, cases := load(t)
	missing := maps.Clone(suite.Defaults)
	for _, c := range cases {
		var options map[string]json.RawMessage
		if err := json.Unmarshal(c.Options, &options); err != nil {
			t.Fatalf("%s: %v", c.ID, err)
		}
		for name, value := range options {
			if bytes.Equal(value, suite.Defaults[name]) {
				t.Errorf("%s: option %s is written out though it is the default", c.ID, name)
			}
			delete(missing, name)
		}
	}
	for _, name := range slices.Sorted(maps.Keys(missing)) {
		t.Errorf("option %s: no case with another value than the default", name)
	}
}

// The lists of a version name the cases that a claimant of the profile is asked.
func TestLists(t *testing.T) {
	suite, cases := load(t)
	minor := suite.Version[:strings.LastIndex(suite.Version, ".")]
	for _, profile := range golden.ProfileNames() {
		var want []string
		for _, c := range cases {
			if slices.Contains(c.Requires, profile) {
				want = append(want, c.Path())
			}
		}
		if profile == golden.Rules {
			continue // asks more of an answer, not more questions
		}
		data, err := fs.ReadFile(golden.V1(), "lists/"+profile+"-"+minor+".txt")
		if err != nil {
			t.Error(err)
			continue
		}
		if diff := cmp.Diff(want, strings.Fields(string(data))); diff != "" {
			t.Errorf("%s (-cases +list):\n%s", profile, diff)
		}
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
