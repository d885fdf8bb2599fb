package conformance_test

import (
	"bufio"
	"bytes"
	"encoding/json"
	"encoding/xml"
	"errors"
	"io"
	"io/fs"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/santhosh-tekuri/jsonschema/v6"

	golden "github.com/scion-gen/scion-gen/golden/phasemap"
	"github.com/scion-gen/scion-gen/pkg/conformance"
)

// respond answers one line of the protocol; nil ends the poller.
type respond func(line []byte) any

// reference answers as pkg/phasemap does.
func reference(t *testing.T) respond {
	return func(line []byte) any {
		answer, err := conformance.Answer(line)
		if err != nil {
			t.Errorf("%.200s: %v", line, err)
		}
		return answer
	}
}

// inProcess starts pollers that are goroutines.
func inProcess(answer respond) conformance.Start {
	return func() (*conformance.Process, error) {
		in, stdin := io.Pipe()
		stdout, out := io.Pipe()
		exited := make(chan struct{})
		go func() {
			defer close(exited)
			defer out.Close()
			serve(in, out, answer)
		}()
		end := func() conformance.Exit {
			in.Close()
			stdout.Close()
			<-exited
			return conformance.Exit{}
		}
		return &conformance.Process{Stdin: stdin, Stdout: stdout, Exited: exited, End: end}, nil
	}
}

func serve(in io.Reader, out io.Writer, answer respond) {
	scanner := bufio.NewScanner(in)
	scanner.Buffer(nil, 8<<20)
	encoder := json.NewEncoder(out)
	for scanner.Scan() {
		reply := answer(scanner.Bytes())
		if reply == nil || encoder.Encode(reply) != nil {
			return
		}
	}
}

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

func run(t *testing.T, answer respond, opts conformance.Options) *conformance.Report {
	t.Helper()
	suite, cases := load(t)
	report, err := conformance.Run(t.Context(), inProcess(answer), suite, cases, opts)
	if err != nil {
		t.Fatal(err)
	}
	return report
}

func failures(report *conformance.Report) []conformance.Result {
	return slices.DeleteFunc(slices.Clone(report.Results), func(r conformance.Result) bool { return r.Outcome != conformance.Failed })
}

// The reference passes everything: the suite, the checks and the table agree.
func TestReferencePasses(t *testing.T) {
	report := run(t, reference(t), conformance.Options{Mutations: 300})
	for _, failure := range failures(report) {
		t.Errorf("%s: %s", failure.ID(), failure.Detail)
	}
	if n := slices.IndexFunc(report.Results, func(r conformance.Result) bool { return r.Outcome == conformance.NotClaimed }); n >= 0 {
		t.Errorf("%s was not asked", report.Results[n].ID())
	}
	for _, check := range conformance.Checks() {
		if !slices.ContainsFunc(report.Results, func(r conformance.Result) bool { return r.Check == check }) {
			t.Errorf("check %s ran for no case", check)
		}
	}
}

// wrong is the reference but for what change does to its results. change sees
// the request, too.
func wrong(t *testing.T, change func(request, result map[string]any)) respond {
	return func(line []byte) any {
		reply, err := json.Marshal(reference(t)(line))
		if err != nil {
			t.Error(err)
		}
		var request, answer map[string]any
		if json.Unmarshal(line, &request) != nil || json.Unmarshal(reply, &answer) != nil {
			t.Errorf("no JSON: %.200s: %.200s", line, reply)
		}
		if answer == nil {
			return nil
		}
		if result, ok := answer["result"].(map[string]any); ok {
			change(request, result)
		}
		return answer
	}
}

func pod(request map[string]any) map[string]any {
	pod, _ := request["pod"].(map[string]any)
	return pod
}

// Each check finds the mistake that it is there for.
func TestChecksFind(t *testing.T) {
	asked := map[string]bool{}
	for _, test := range []struct {
		check, why string
		change     func(request, result map[string]any)
	}{
		{"repeat", "a poller that remembers: the second answer to a request is another", func(request, result map[string]any) {
			text, _ := json.Marshal(pod(request))
			if asked[string(text)] {
				result["phase"] = "starting"
			}
			asked[string(text)] = true
		}},
		{"shuffle", "a poller that takes the first condition for PodScheduled", func(request, result map[string]any) {
			status, _ := pod(request)["status"].(map[string]any)
			if conditions, _ := status["conditions"].([]any); len(conditions) > 1 {
				first, _ := conditions[0].(map[string]any)
				if first["type"] == "Ready" {
					result["phase"] = "running"
				}
			}
		}},
		{"unknown", "a poller with a strict decoder", func(request, result map[string]any) {
			if pod(request)["fieldOfTheFuture"] != nil {
				result["phase"] = "error"
			}
		}},
		{"messages", "a poller that reads prose where a reason would do", func(request, result map[string]any) {
			text, _ := json.Marshal(pod(request))
			if !strings.Contains(string(text), `"message"`) && result["rule"] == "PM403" {
				result["phase"] = "provisioning"
			}
		}},
		{"clock", "a poller that asks its own clock", func(request, result map[string]any) {
			if request["now"] == nil && result["rule"] == "PM441" {
				result["phase"], result["rule"], result["reason"], result["retryable"] = "error", "PM442", "ImagePullFailed", true
			}
		}},
		{"fields", "a poller that needs a label that nobody promised", func(request, result map[string]any) {
			metadata, _ := pod(request)["metadata"].(map[string]any)
			if pod(request) != nil && metadata["labels"] == nil {
				result["phase"] = "stopping"
			}
		}},
		{"mutations", "a poller that has a ninth phase for Pods without one", func(request, result map[string]any) {
			status, _ := pod(request)["status"].(map[string]any)
			if _, isText := status["phase"].(string); !isText {
				result["phase"] = "unknown"
			}
		}},
	} {
		t.Run(test.check, func(t *testing.T) {
			report := run(t, wrong(t, test.change), conformance.Options{
				Checks: []string{test.check}, Mutations: 500,
				Select: func(id string) bool { return !strings.HasPrefix(id, "captured-") },
			})
			found := slices.ContainsFunc(failures(report), func(r conformance.Result) bool { return r.Check == test.check })
			if !found {
				t.Errorf("no failure of %s for %s", test.check, test.why)
			}
		})
	}
}

// Without the check nobody would know: the cases alone pass.
func TestChecksFindWhatCasesDoNot(t *testing.T) {
	strict := wrong(t, func(request, result map[string]any) {
		if pod(request)["fieldOfTheFuture"] != nil {
			result["phase"] = "error"
		}
	})
	if report := run(t, strict, conformance.Options{Checks: []string{}}); !report.OK() {
		t.Errorf("%d failures without checks", len(failures(report)))
	}
}

// One rule off: the cases of that rule are named, no others.
func TestWrongRuleIsNamed(t *testing.T) {
	report := run(t, wrong(t, func(_, result map[string]any) {
		if result["rule"] == "PM446" {
			result["phase"] = "running"
		}
	}), conformance.Options{Checks: []string{}})
	failed := failures(report)
	if len(failed) == 0 {
		t.Fatal("a crash loop that reads running passes")
	}
	_, cases := load(t)
	for _, failure := range failed {
		c := cases[slices.IndexFunc(cases, func(c golden.Case) bool { return c.ID == failure.Case })]
		if got := string(c.Expect["rule"]); got != `"PM446"` && c.Op != "reconcile" {
			t.Errorf("%s fails, which expects %s", failure.ID(), got)
		}
		if !strings.Contains(failure.Detail, `phase is "running", want "error"`) {
			t.Errorf("%s: %s", failure.ID(), failure.Detail)
		}
	}
}

// What a poller may leave undone, and what it may not.
func TestSkipAndReject(t *testing.T) {
	hello := func(profiles ...string) map[string]any {
		return map[string]any{"ok": true, "protocol": 1, "name": "p", "profiles": profiles}
	}
	saying := func(word string, profiles ...string) respond {
		return func(line []byte) any {
			var request struct {
				Cmd string
				Seq int
			}
			if err := json.Unmarshal(line, &request); err != nil {
				t.Error(err)
			}
			switch request.Cmd {
			case "hello":
				return hello(profiles...)
			case "stop":
				return nil
			}
			return map[string]any{"seq": request.Seq, word: "no"}
		}
	}
	onlyRaw := func(c golden.Case) bool { return slices.Contains(c.Requires, golden.RawJSON) }
	tests := []struct {
		name   string
		poller respond
		want   map[conformance.Outcome]bool
	}{
		{"a skip of what is claimed fails", saying("skip", "core", "raw-json"), map[conformance.Outcome]bool{conformance.Failed: true}},
		{"a reject of what raw-json claims fails", saying("reject", "core", "raw-json"), map[conformance.Outcome]bool{conformance.Failed: true}},
		{"a typed decoder may reject raw-json", saying("reject", "core"), map[conformance.Outcome]bool{conformance.Rejected: true}},
		{"but not skip it", saying("skip", "core"), map[conformance.Outcome]bool{conformance.Failed: true}},
	}
	suite, cases := load(t)
	cases = slices.DeleteFunc(cases, func(c golden.Case) bool {
		return !onlyRaw(c) || slices.Contains(c.Requires, golden.Rules) || slices.Contains(c.Requires, golden.Clock)
	})
	if len(cases) == 0 {
		t.Fatal("no case requires raw-json and core alone")
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			report, err := conformance.Run(t.Context(), inProcess(test.poller), suite, cases, conformance.Options{})
			if err != nil {
				t.Fatal(err)
			}
			got := map[conformance.Outcome]bool{}
			for _, result := range report.Results {
				if result.Group != "protocol" {
					got[result.Outcome] = true
				}
			}
			if diff := cmp.Diff(test.want, got); diff != "" {
				t.Error(diff)
			}
		})
	}
}

// A poller that knows phases alone passes by phases alone, checks included, and
// is asked nothing that it does not claim.
func TestCoreAlone(t *testing.T) {
	answer := wrong(t, func(_, result map[string]any) {
		for name := range result {
			if name != "phase" && name != "terminal" {
				delete(result, name)
			}
		}
	})
	report := run(t, func(line []byte) any {
		reply := answer(line)
		if hello, ok := reply.(map[string]any); ok && hello["profiles"] != nil {
			hello["profiles"] = []string{golden.Core}
		}
		return reply
	}, conformance.Options{Mutations: 20})
	for _, failure := range failures(report) {
		t.Errorf("%s: %s", failure.ID(), failure.Detail)
	}
	beyond := map[string]bool{}
	_, cases := load(t)
	for _, c := range cases {
		beyond[c.ID] = slices.ContainsFunc(c.Requires, func(p string) bool { return p != golden.Core && p != golden.RawJSON })
	}
	for _, result := range report.Results {
		if got := result.Outcome == conformance.NotClaimed; got != beyond[result.Case] {
			t.Errorf("%s is %s", result.ID(), result.Outcome)
		}
	}
}

// The list of known failures is exact, both ways.
func TestKnownFailures(t *testing.T) {
	suite, cases := load(t)
	good, bad := reference(t), wrong(t, func(_, result map[string]any) { result["phase"] = "created" })
	id := cases[slices.IndexFunc(cases, func(c golden.Case) bool { return c.Op == "map" && string(c.Expect["phase"]) == `"error"` })].ID
	only := func(name string) bool { return name == id }
	tests := []struct {
		name   string
		poller respond
		known  conformance.KnownFailures
		ok     bool
		err    bool
	}{
		{"a failure that is listed is none", bad, conformance.KnownFailures{id: "not yet"}, true, false},
		{"a failure that is not listed is one", bad, nil, false, false},
		{"a pass that is listed is a failure", good, conformance.KnownFailures{id: "not yet"}, false, false},
		{"a check that is listed and passes is a failure", good, conformance.KnownFailures{id + "#repeat": "not yet"}, false, false},
		{"an entry that names no case is trouble", good, conformance.KnownFailures{"no-such-case": "x"}, false, true},
		{"an entry that names no check is trouble", good, conformance.KnownFailures{id + "#guess": "x"}, false, true},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			report, err := conformance.Run(t.Context(), inProcess(test.poller), suite, cases,
				conformance.Options{Select: only, KnownFailures: test.known})
			if (err != nil) != test.err {
				t.Fatal(err)
			}
			if err == nil && report.OK() != test.ok {
				t.Errorf("OK is %v: %v", report.OK(), failures(report))
			}
		})
	}
}

func TestParseKnownFailures(t *testing.T) {
	for name, text := range map[string]string{
		"not an object":        `["a"]`,
		"a reason that is nil": `{"a": ""}`,
		"not JSON":             `{`,
		"text behind it":       `{"a": "not yet"} {}`,
	} {
		if _, err := conformance.ParseKnownFailures("known.json", []byte(text)); err == nil || !strings.HasPrefix(err.Error(), "known.json: ") {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// Of two reasons of one failure, neither is right before the other is gone.
func TestParseKnownFailuresTwice(t *testing.T) {
	_, err := conformance.ParseKnownFailures("known.json", []byte(`{"a": "not yet", "b": "never", "a": "mended"}`))
	if want := "known.json: a is listed twice; keep one of the reasons"; err == nil || err.Error() != want {
		t.Errorf("%v, want %s", err, want)
	}
}

// A request must not tell which case it is.
func TestRequestsAreAnonymous(t *testing.T) {
	allowed := []string{"cmd", "seq", "options", "now", "pod", "self", "containerStartedAt", "last", "stopRequested", "absentForSeconds"}
	answer := reference(t)
	run(t, func(line []byte) any {
		var request map[string]json.RawMessage
		if err := json.Unmarshal(line, &request); err != nil {
			t.Error(err)
		}
		if string(request["cmd"]) != `"hello"` {
			for name := range request {
				if !slices.Contains(allowed, name) {
					t.Errorf("a request has %s", name)
				}
			}
		}
		return answer(line)
	}, conformance.Options{Checks: []string{}})
}

// What a poller says is quoted, and must not act on the terminal.
func TestReportIsPrintable(t *testing.T) {
	report := run(t, wrong(t, func(_, result map[string]any) { result["phase"] = "\x1b[2Jrunning" }), conformance.Options{Checks: []string{}})
	report.Implementation.Name = "poller\x1b]0;title\a"
	var text, junit bytes.Buffer
	if err := errors.Join(report.WriteText(&text), report.WriteJUnit(&junit)); err != nil {
		t.Fatal(err)
	}
	for _, written := range []string{text.String(), junit.String()} {
		if !strings.Contains(written, "running") || strings.ContainsAny(written, "\x1b\a") {
			t.Errorf("%.300q", written)
		}
	}
}

// So is what it says instead of hello.
func TestTroubleIsPrintable(t *testing.T) {
	suite, cases := load(t)
	decline := func([]byte) any { return map[string]any{"ok": false, "error": "not\x1b[2J today"} }
	_, err := conformance.Run(t.Context(), inProcess(decline), suite, cases, conformance.Options{})
	if want := "hello: the poller declines: not\uFFFD[2J today"; err == nil || err.Error() != want {
		t.Errorf("%v, want %s", err, want)
	}
}

// Less than nothing is no fault of the poller.
func TestOptionsBelowZero(t *testing.T) {
	suite, cases := load(t)
	for _, opts := range []conformance.Options{{Timeout: -1}, {StartTimeout: -1}, {Mutations: -1}} {
		if report, err := conformance.Run(t.Context(), inProcess(reference(t)), suite, cases, opts); err == nil {
			t.Errorf("%+v: %d results", opts, len(report.Results))
		}
	}
}

// Every line of a run, with all checks, is one of the protocol's schema.
func TestLinesFitTheSchema(t *testing.T) {
	data, err := fs.ReadFile(golden.V1(), "schema/protocol.schema.json")
	if err != nil {
		t.Fatal(err)
	}
	doc, err := jsonschema.UnmarshalJSON(bytes.NewReader(data))
	if err != nil {
		t.Fatal(err)
	}
	compiler := jsonschema.NewCompiler()
	if err := compiler.AddResource("protocol.schema.json", doc); err != nil {
		t.Fatal(err)
	}
	schema, err := compiler.Compile("protocol.schema.json")
	if err != nil {
		t.Fatal(err)
	}
	fits := func(line []byte) {
		message, err := jsonschema.UnmarshalJSON(bytes.NewReader(line))
		if err == nil {
			err = schema.Validate(message)
		}
		if err != nil {
			t.Errorf("%v\n%.500s", err, line)
		}
	}
	answer := reference(t)
	run(t, func(line []byte) any {
		fits(line)
		reply := answer(line)
		if reply == nil {
			return nil
		}
		text, err := json.Marshal(reply)
		if err != nil {
			t.Error(err)
		}
		fits(text)
		return reply
	}, conformance.Options{Mutations: 200})
}

// Equal seeds ask equal questions: a failure can be had again.
func TestSeedDecides(t *testing.T) {
	transcript := func(seed uint64) string {
		var asked strings.Builder
		answer := reference(t)
		run(t, func(line []byte) any {
			asked.Write(line)
			return answer(line)
		}, conformance.Options{Seed: seed, Mutations: 50, Select: func(id string) bool { return strings.HasPrefix(id, "evict") }})
		return asked.String()
	}
	first, again, other := transcript(1), transcript(1), transcript(2)
	if first != again {
		t.Error("two runs with seed 1 ask different questions")
	}
	if first == other {
		t.Error("seeds 1 and 2 ask the same questions")
	}
}

// Reports in all formats say how it went, and which case fails.
func TestReport(t *testing.T) {
	report := run(t, wrong(t, func(_, result map[string]any) {
		if result["rule"] == "PM301" {
			result["phase"] = "running"
		}
	}), conformance.Options{Checks: []string{}})
	failed := failures(report)
	if len(failed) == 0 {
		t.Fatal("nothing fails")
	}
	var text, object, junit bytes.Buffer
	for _, err := range []error{report.WriteText(&text), report.WriteJSON(&object), report.WriteJUnit(&junit)} {
		if err != nil {
			t.Fatal(err)
		}
	}
	if !strings.Contains(text.String(), "FAIL "+failed[0].Case) {
		t.Errorf("text: %s", text.String())
	}
	var parsed struct {
		OK      bool
		Counts  map[string]int
		Results []struct{ Case, Outcome string }
	}
	if err := json.Unmarshal(object.Bytes(), &parsed); err != nil {
		t.Fatal(err)
	}
	if parsed.OK || parsed.Counts["failed"] != len(failed) || parsed.Results[0].Case != failed[0].Case {
		t.Errorf("json: %+v", parsed)
	}
	var suite struct {
		Failures int `xml:"failures,attr"`
		Tests    int `xml:"tests,attr"`
		Cases    []struct {
			Name    string `xml:"name,attr"`
			Failure *struct {
				Message string `xml:"message,attr"`
			} `xml:"failure"`
		} `xml:"testcase"`
	}
	if err := xml.Unmarshal(junit.Bytes(), &suite); err != nil {
		t.Fatal(err)
	}
	if suite.Failures != len(failed) || suite.Tests != len(suite.Cases) {
		t.Errorf("junit: %d failures, %d tests, %d cases", suite.Failures, suite.Tests, len(suite.Cases))
	}
}
