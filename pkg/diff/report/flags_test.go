package report

import (
	"bytes"
	"encoding/json"
	"encoding/xml"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	_ "github.com/owenrumney/go-sarif/v3/pkg/report/v210/sarif" // for sarifJudge
	"github.com/santhosh-tekuri/jsonschema/v6"

	"github.com/scion-gen/scion-gen/pkg/diff"
)

// written is what an output writes.
func written(t testing.TB, write func(io.Writer, *diff.Report) error, r *diff.Report) []byte {
	t.Helper()
	var out bytes.Buffer
	if err := write(&out, r); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

// everyReport runs a test on the sample, on one without any difference, and on
// samples of hostile texts.
func everyReport(t *testing.T, test func(t *testing.T, r *diff.Report)) {
	t.Run("sample", func(t *testing.T) { test(t, sample(t, 24)) })
	t.Run("nothing differs", func(t *testing.T) { test(t, &diff.Report{Old: "a", New: "b"}) })
	for _, payload := range hostile {
		t.Run(shorten(oneLine(payload), 40), func(t *testing.T) { test(t, poisoned(t, payload)) })
	}
}

func flagCount(r *diff.Report) int {
	n := 0
	for _, o := range r.Objects {
		for _, e := range o.Edits {
			n += len(e.Flags)
		}
	}
	return n
}

// sarifJudge is the schema that OASIS published for SARIF 2.1.0, as a library
// for writing SARIF carries it in its source.
func sarifJudge(t *testing.T) *jsonschema.Schema {
	t.Helper()
	const carrier = "github.com/owenrumney/go-sarif/v3/pkg/report/v210/sarif"
	dir, err := exec.Command("go", "list", "-f", "{{.Dir}}", carrier).Output()
	if err != nil {
		t.Fatal(err)
	}
	file, err := parser.ParseFile(token.NewFileSet(), filepath.Join(strings.TrimSpace(string(dir)), "schema.go"), nil, 0)
	if err != nil {
		t.Fatal(err)
	}
	var text string
	for n := range ast.Preorder(file) {
		if literal, ok := n.(*ast.BasicLit); ok && len(literal.Value) > len(text) {
			text = literal.Value
		}
	}
	doc, err := jsonschema.UnmarshalJSON(strings.NewReader(strings.Trim(text, "`")))
	if err != nil {
		t.Fatal(err)
	}
	if title, _ := doc.(map[string]any)["title"].(string); !strings.Contains(title, "SARIF) Version 2.1.0") {
		t.Fatalf("the schema is called %q", title)
	}
	compiler := jsonschema.NewCompiler()
	if err := compiler.AddResource("sarif.json", doc); err != nil {
		t.Fatal(err)
	}
	return compiler.MustCompile("sarif.json")
}

// logSARIF is what the tests read of a log.
type logSARIF struct {
	Runs []struct {
		Invocations []sarifInvocation
		Results     []sarifResult
	}
}

func readSARIF(t *testing.T, r *diff.Report) (results []sarifResult, notifications []sarifNotification) {
	t.Helper()
	var log logSARIF
	if err := json.Unmarshal(written(t, SARIF, r), &log); err != nil {
		t.Fatal(err)
	}
	return log.Runs[0].Results, log.Runs[0].Invocations[0].Notifications
}

// GitHub refuses a log that is not of the schema.
func TestSARIFIsOfTheSchema(t *testing.T) {
	schema := sarifJudge(t)
	everyReport(t, func(t *testing.T, r *diff.Report) {
		doc, err := jsonschema.UnmarshalJSON(bytes.NewReader(written(t, SARIF, r)))
		if err != nil {
			t.Fatal(err)
		}
		if err := schema.Validate(doc); err != nil {
			t.Error(err)
		}
		results, _ := readSARIF(t, r)
		seen := map[string]bool{}
		for _, result := range results {
			fingerprint := result.PartialFingerprints[fingerprintName]
			if seen[fingerprint] {
				t.Errorf("two results have the fingerprint %s", fingerprint)
			}
			seen[fingerprint] = true
		}
		if n := flagCount(r); len(results) != n {
			t.Errorf("%d results for %d flags", len(results), n)
		}
	})
}

// A fingerprint must not change where lines, files or other objects do: an
// alert that was dismissed would come back.
func TestSARIFFingerprintsAreStable(t *testing.T) {
	fingerprints := func(r *diff.Report) map[string]string {
		out := map[string]string{}
		results, _ := readSARIF(t, r)
		for _, result := range results {
			out[result.PartialFingerprints[fingerprintName]] = result.Message.Text
		}
		return out
	}
	few, many := fingerprints(sample(t, 12)), fingerprints(sample(t, 24))
	if len(few) == 0 {
		t.Fatal("no fingerprints")
	}
	for fingerprint, message := range few {
		if many[fingerprint] != message {
			t.Errorf("%s is of %q, then of %q", fingerprint, message, many[fingerprint])
		}
	}
}

// What is too much is refused as a whole, so the least severe are left out.
func TestSARIFLimit(t *testing.T) {
	edit := diff.Edit{Flags: []diff.Flag{{ID: "a", Severity: diff.Low}, {ID: "b", Severity: diff.High}}}
	r := &diff.Report{}
	for i := range sarifResults {
		r.Objects = append(r.Objects, diff.Object{Ref: diff.Ref{Kind: "Pod", Name: fmt.Sprint(i)}, Edits: []diff.Edit{edit}})
	}
	results, notifications := readSARIF(t, r)
	if len(results) != sarifResults {
		t.Errorf("%d results, want %d", len(results), sarifResults)
	}
	if last := results[len(results)-1]; last.RuleID != "b" {
		t.Errorf("the last result is %s, and one of b is left out", last.RuleID)
	}
	if len(notifications) != 1 || !strings.Contains(notifications[0].Message.Text, "25000 flags more") {
		t.Errorf("what is left out is not counted: %v", notifications)
	}
}

// workflowCommand is what the runner of GitHub Actions reads.
var workflowCommand = regexp.MustCompile(`^::(error|warning|notice) ((file|line|title)=[^:,]*)(,(file|line|title)=[^:,]*)*::.*$`)

// A text must not make a command of its own, nor change the command it is in;
// and of what is shown at most nothing may be lost unsaid.
func TestGitHubCommands(t *testing.T) {
	everyReport(t, func(t *testing.T, r *diff.Report) {
		n := map[string]int{}
		lines := strings.Split(strings.TrimSuffix(string(written(t, GitHub, r)), "\n"), "\n")
		for _, line := range lines {
			match := workflowCommand.FindStringSubmatch(line)
			if match == nil {
				t.Fatalf("not one of our commands: %q", line)
			}
			n[match[1]]++
		}
		if want := len(flags(r)) + gateConditions(r) + 1; len(lines) != want {
			t.Errorf("%d commands, want %d", len(lines), want)
		}
	})
}

func gateConditions(r *diff.Report) int {
	if r.Gate == nil {
		return 0
	}
	return len(byCondition(r.Gate.Violations))
}

func TestGitHubLimit(t *testing.T) {
	r := &diff.Report{}
	for i := range 25 {
		edit := diff.Edit{Path: "spec", Flags: []diff.Flag{{ID: fmt.Sprint("flag-", i), Severity: diff.High}}}
		r.Objects = append(r.Objects, diff.Object{Ref: diff.Ref{Kind: "Pod"}, Edits: []diff.Edit{edit}})
		r.Groups = append(r.Groups, diff.Group{Kind: "Pod", Objects: []int{i}, Changes: []diff.Change{{Path: "spec", Flags: edit.Flags}}})
	}
	got := string(written(t, GitHub, r))
	if n := strings.Count(got, "::error "); n != githubShown {
		t.Errorf("%d errors, want %d", n, githubShown)
	}
	if !strings.Contains(got, "15 more errors") {
		t.Errorf("what is left out is not counted:\n%s", got)
	}
}

// XML has no way to write most control characters: a report that holds one is
// not read at all.
func TestJUnitIsXML(t *testing.T) {
	everyReport(t, func(t *testing.T, r *diff.Report) {
		data := written(t, JUnit, r)
		var suites struct {
			Tests    int `xml:"tests,attr"`
			Failures int `xml:"failures,attr"`
			Cases    []struct {
				Name    string    `xml:"name,attr"`
				Failure *struct{} `xml:"failure"`
			} `xml:"testsuite>testcase"`
		}
		d := xml.NewDecoder(bytes.NewReader(data))
		if err := d.Decode(&suites); err != nil {
			t.Fatal(err)
		}
		if _, err := d.Token(); err != nil && err != io.EOF {
			t.Errorf("after the report: %v", err)
		}
		failed := 0
		for _, c := range suites.Cases {
			if c.Failure != nil {
				failed++
			}
		}
		if want := max(len(r.Objects), 1); len(suites.Cases) != want || suites.Tests != want || suites.Failures != failed {
			t.Errorf("%d cases of %d, %d failures of %d", len(suites.Cases), suites.Tests, failed, suites.Failures)
		}
		if bytes.ContainsRune(data, '\uFFFD') {
			t.Error("a character was lost")
		}
	})
}

// Without a gate, objects with flags fail; with one, those that it stops.
func TestJUnitFailures(t *testing.T) {
	r := sample(t, 24)
	stopped := map[int]bool{}
	for _, v := range r.Gate.Violations {
		stopped[v.Object] = true
	}
	flagged := map[int]bool{}
	for i, o := range r.Objects {
		for _, e := range o.Edits {
			flagged[i] = flagged[i] || len(e.Flags) > 0
		}
	}
	if got := len(junitFailures(r)); got != len(stopped) || got == 0 {
		t.Errorf("%d objects fail with a gate, want %d", got, len(stopped))
	}
	r.Gate = nil
	failures := junitFailures(r)
	for i := range r.Objects {
		if (len(failures[i]) > 0) != flagged[i] {
			t.Errorf("object %d fails: %v, is flagged: %v", i, failures[i], flagged[i])
		}
	}
}
