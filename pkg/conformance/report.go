package conformance

import (
	"encoding/json"
	"encoding/xml"
	"fmt"
	"io"
	"slices"
	"strings"
	"unicode"
)

// Outcome is what became of a case or check.
type Outcome string

const (
	Passed     Outcome = "passed"
	Failed     Outcome = "failed"
	Known      Outcome = "known-failure" // failed, as listed
	Rejected   Outcome = "rejected"      // refused by a decoder that does not claim raw-json
	NotAsked   Outcome = "not-asked"     // the poller failed to answer too often before: a failure too
	NotClaimed Outcome = "not-claimed"   // not asked: the poller does not claim a profile that it requires
)

func outcomes() []Outcome { return []Outcome{Passed, Failed, NotAsked, Known, Rejected, NotClaimed} }

// Result is the outcome of a case, or of a check of it.
type Result struct {
	Case    string  `json:"case"`
	Check   string  `json:"check,omitempty"` // empty for the case itself
	Group   string  `json:"group"`
	Title   string  `json:"title,omitempty"`
	Outcome Outcome `json:"outcome"`
	Detail  string  `json:"detail,omitempty"` // why, if not passed
}

// ID names the result, as the list of known failures does: case or case#check.
func (r Result) ID() string {
	if r.Check == "" {
		return r.Case
	}
	return r.Case + "#" + r.Check
}

// Report is what a run found.
type Report struct {
	Implementation Hello
	Suite          string // version
	Protocol       int
	Profiles       []string // that were run, sorted
	Seed           uint64
	Results        []Result // in the order in which they were asked
}

// OK reports whether the poller conforms.
func (r *Report) OK() bool { return r.count(Failed)+r.count(NotAsked) == 0 }

func (r *Report) count(outcome Outcome) int {
	n := 0
	for _, result := range r.Results {
		if result.Outcome == outcome {
			n++
		}
	}
	return n
}

func (r *Report) with(outcome Outcome) []Result {
	return slices.DeleteFunc(slices.Clone(r.Results), func(result Result) bool { return result.Outcome != outcome })
}

// mostShown is how many failures a summary spells out: a poller that gets a
// rule wrong fails many cases in the same way.
const mostShown = 50

// WriteText writes a summary for people.
func (r *Report) WriteText(w io.Writer) error {
	var b strings.Builder
	for i, result := range r.with(Failed) {
		if i == mostShown {
			fmt.Fprintf(&b, "... and %d failures more, all of them in -o json\n", r.count(Failed)-mostShown)
			break
		}
		fmt.Fprintf(&b, "FAIL %s", result.ID())
		if result.Title != "" {
			fmt.Fprintf(&b, " (%s)", result.Title)
		}
		fmt.Fprintf(&b, "\n     %s\n", result.Detail)
	}
	for _, result := range r.with(Known) {
		fmt.Fprintf(&b, "known %s: %s\n", result.ID(), result.Detail)
	}
	fmt.Fprintf(&b, "%s, suite %s, profiles %s: %s\n", r.Implementation, r.Suite, strings.Join(r.Profiles, "+"), r.verdict())
	_, err := io.WriteString(w, strings.Map(printable, b.String()))
	return err
}

// printable keeps what a poller says from moving the cursor of a terminal.
func printable(r rune) rune {
	if unicode.IsControl(r) && r != '\n' {
		return unicode.ReplacementChar
	}
	return r
}

// String names a poller for people.
func (h Hello) String() string {
	name := h.Name
	if h.Version != "" {
		name += " " + h.Version
	}
	if h.Language != "" {
		name += " (" + h.Language + ")"
	}
	return name
}

// verdict counts cases and checks apart.
func (r *Report) verdict() string {
	words := []string{fmt.Sprintf("%d of %d cases passed", r.passed(false), r.total(false))}
	if checks := r.total(true); checks > 0 {
		words = append(words, fmt.Sprintf("%d of %d checks", r.passed(true), checks))
	}
	for _, outcome := range outcomes() {
		if n := r.count(outcome); n > 0 && outcome != Passed {
			words = append(words, fmt.Sprintf("%d %s", n, outcome))
		}
	}
	return strings.Join(words, ", ")
}

func (r *Report) passed(checks bool) int {
	n := 0
	for _, result := range r.Results {
		if result.Outcome == Passed && (result.Check != "") == checks {
			n++
		}
	}
	return n
}

// total counts what was asked.
func (r *Report) total(checks bool) int {
	n := 0
	for _, result := range r.Results {
		if result.Outcome != NotClaimed && (result.Check != "") == checks {
			n++
		}
	}
	return n
}

// WriteJSON writes the report as one object. Results that passed are counted,
// the others listed.
func (r *Report) WriteJSON(w io.Writer) error {
	counts := map[Outcome]int{}
	for _, outcome := range outcomes() {
		counts[outcome] = r.count(outcome)
	}
	encoder := json.NewEncoder(w)
	encoder.SetEscapeHTML(false)
	encoder.SetIndent("", "  ")
	return encoder.Encode(struct {
		Implementation Hello           `json:"implementation"`
		Suite          string          `json:"suite"`
		Protocol       int             `json:"protocol"`
		Profiles       []string        `json:"profiles"`
		Seed           uint64          `json:"seed"`
		OK             bool            `json:"ok"`
		Counts         map[Outcome]int `json:"counts"`
		Results        []Result        `json:"results"`
	}{r.Implementation, r.Suite, r.Protocol, r.Profiles, r.Seed, r.OK(), counts,
		slices.DeleteFunc(slices.Clone(r.Results), func(result Result) bool { return result.Outcome == Passed })})
}

type junitSuite struct {
	XMLName  xml.Name    `xml:"testsuite"`
	Name     string      `xml:"name,attr"`
	Tests    int         `xml:"tests,attr"`
	Failures int         `xml:"failures,attr"`
	Skipped  int         `xml:"skipped,attr"`
	Cases    []junitCase `xml:"testcase"`
}

type junitCase struct {
	Class   string        `xml:"classname,attr"`
	Name    string        `xml:"name,attr"`
	Failure *junitMessage `xml:"failure"`
	Skipped *junitMessage `xml:"skipped"`
}

type junitMessage struct {
	Message string `xml:"message,attr"`
}

// WriteJUnit writes the report as CI systems read it. Known failures are
// skipped there, as are cases of profiles that the poller does not claim.
func (r *Report) WriteJUnit(w io.Writer) error {
	suite := junitSuite{
		Name: fmt.Sprintf("phasemap %s: %s", r.Suite, r.Implementation), Tests: len(r.Results), Failures: r.count(Failed) + r.count(NotAsked),
		Skipped: r.count(Known) + r.count(Rejected) + r.count(NotClaimed),
	}
	for _, result := range r.Results {
		test := junitCase{Class: result.Group, Name: result.ID()}
		switch message := (&junitMessage{result.Detail}); result.Outcome {
		case Passed:
		case Failed, NotAsked:
			test.Failure = message
		default:
			message.Message = string(result.Outcome) + ": " + result.Detail
			test.Skipped = message
		}
		suite.Cases = append(suite.Cases, test)
	}
	text, err := xml.MarshalIndent(suite, "", "  ")
	if err != nil {
		return err
	}
	_, err = fmt.Fprintf(w, "%s%s\n", xml.Header, text)
	return err
}
