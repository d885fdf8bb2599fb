package report

import (
	"encoding/xml"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/scion-gen/scion-gen/pkg/diff"
)

// JUnit writes a report as JUnit XML with a case for each object that differs.
// A case fails where the gate stops the object, or, without a gate, where the
// object has a flag. Where nothing differs there is one case, since platforms
// take a report without any for a mistake.
func JUnit(w io.Writer, r *diff.Report) error {
	suite := junitSuite{Name: oneLine("scion-gen diff " + r.Old + " " + r.New)}
	failures := junitFailures(r)
	for i, o := range r.Objects {
		c := junitCase{Class: oneLine(o.Ref.Kind), Name: full(o.Ref) + ": " + oneLine(string(o.Verdict)), Out: &junitText{junitEdits(o)}}
		if why := failures[i]; len(why) > 0 {
			suite.Failures++
			c.Failure = &junitFailure{Message: why[0], Text: strings.Join(why, "\n")}
		}
		if pos := objectPlace(o); isFile(pos) {
			c.File, c.Line = oneLine(pos.File), pos.Line
		}
		suite.Cases = append(suite.Cases, c)
	}
	if len(suite.Cases) == 0 {
		suite.Cases = []junitCase{{Class: "diff", Name: headline(r)}}
	}
	suite.Tests = len(suite.Cases)
	if _, err := io.WriteString(w, xml.Header); err != nil {
		return err
	}
	e := xml.NewEncoder(w)
	e.Indent("", "  ")
	if err := e.Encode(junitSuites{Tests: suite.Tests, Failures: suite.Failures, Suites: []junitSuite{suite}}); err != nil {
		return err
	}
	_, err := io.WriteString(w, "\n")
	return err
}

type junitSuites struct {
	XMLName  xml.Name     `xml:"testsuites"`
	Tests    int          `xml:"tests,attr"`
	Failures int          `xml:"failures,attr"`
	Suites   []junitSuite `xml:"testsuite"`
}

type junitSuite struct {
	Name     string      `xml:"name,attr"`
	Tests    int         `xml:"tests,attr"`
	Failures int         `xml:"failures,attr"`
	Cases    []junitCase `xml:"testcase"`
}

type junitCase struct {
	Class   string        `xml:"classname,attr"`
	Name    string        `xml:"name,attr"`
	File    string        `xml:"file,attr,omitempty"`
	Line    int           `xml:"line,attr,omitempty"`
	Failure *junitFailure `xml:"failure"`
	Out     *junitText    `xml:"system-out"`
}

type junitFailure struct {
	Message string `xml:"message,attr"`
	Text    string `xml:",cdata"`
}

type junitText struct {
	Text string `xml:",cdata"`
}

// junitFailures is why objects fail, by their index.
func junitFailures(r *diff.Report) map[int][]string {
	out := map[int][]string{}
	add := func(object int, why string) {
		if !slices.Contains(out[object], why) { // of another tree
			out[object] = append(out[object], why)
		}
	}
	if r.Gate != nil {
		for _, v := range r.Gate.Violations {
			e := r.Objects[v.Object].Edits[v.Edit]
			why := fmt.Sprintf("%s: %s: %s", oneLine(v.Condition), field(e.Path), effect(e.Outcome))
			if v.Flag >= 0 {
				why = oneLine(v.Condition) + ": " + flagText(e.Flags[v.Flag])
			}
			add(v.Object, why)
		}
		return out
	}
	for i, o := range r.Objects {
		for _, e := range o.Edits {
			for _, f := range e.Flags {
				add(i, flagText(f))
			}
		}
	}
	return out
}

func flagText(f diff.Flag) string {
	return fmt.Sprintf("%s %s: %s: %s. Way back: %s", oneLine(string(f.Severity)), oneLine(f.ID), field(f.Path), oneLine(f.Reason), oneLine(f.Back))
}

// junitEdits are the edits of an object, each on a line.
func junitEdits(o diff.Object) string {
	var out []string
	for _, e := range o.Edits {
		text := fmt.Sprintf("%s: %s: %s", oneLine(string(e.Outcome.Verdict)), field(e.Path), effect(e.Outcome))
		if len(e.Scopes) > 0 {
			text += ": " + oneLine("in "+list(e.Scopes, " and "))
		}
		out = append(out, text)
	}
	return strings.Join(out, "\n")
}
