package phasemap_test

import (
	"flag"
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	golden "github.com/scion-gen/scion-gen/golden/phasemap"
	"github.com/scion-gen/scion-gen/pkg/phasemap"
)

var update = flag.Bool("update", false, "rewrite the table in docs/phases.md")

// The page people read says what the code does.
func TestDocs(t *testing.T) {
	const file, begin, end = "../../docs/phases.md", "-update -->\n", "<!-- end of rules -->\n"
	data, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	head, rest, found := strings.Cut(string(data), begin)
	_, tail, closed := strings.Cut(rest, end)
	if !found || !closed {
		t.Fatalf("%s has no place for the table", file)
	}
	page := head + begin + table() + end + tail
	if *update {
		if err := os.WriteFile(file, []byte(page), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	if diff := cmp.Diff(page, string(data)); diff != "" {
		t.Errorf("%s: run with -update (-code +page):\n%s", file, diff)
	}
}

// table writes the rows in the order in which they are asked.
func table() string {
	rules := map[string]phasemap.Rule{}
	for _, rule := range phasemap.Rules() {
		rules[rule.ID] = rule
	}
	titles := map[int]string{0: "Map: a Pod"}
	ids := phasemap.RowIDs()
	for i := range ids {
		switch {
		case i > 0 && ids[i-1] == "PM999":
			titles[i] = "MapAbsent: a Pod that is gone"
		case i > 0 && ids[i-1] == "PM006":
			titles[i] = "Reconcile: a Pod and the agent's own report"
		}
	}
	var b strings.Builder
	seen := map[string]int{}
	for i, id := range ids {
		if title := titles[i]; title != "" {
			fmt.Fprintf(&b, "\n### %s\n\n| rule | phase | reason | | holds when | |\n|---|---|---|---|---|---|\n", title)
		}
		writeRow(&b, rules[id], seen[id])
		seen[id]++
	}
	return b.String() + "\n"
}

func writeRow(b *strings.Builder, r phasemap.Rule, nth int) {
	c := r.Conditions[nth]
	phase := "`" + string(c.Phases[0]) + "`"
	if len(c.Phases) > 1 {
		phase = c.Phrase
	}
	when := strings.Join(c.When, "; ")
	if when == "" {
		when = "always"
	}
	if len(c.Unless) > 0 {
		when += "; **not:** " + strings.Join(c.Unless, "; ")
	}
	says := r.Doc
	if r.Hint.Text != "" {
		says += " *" + r.Hint.Text + "*"
	}
	says += " Source: " + r.Source + "."
	if nth > 0 {
		says = "as above"
	}
	flags := ""
	if r.Terminal {
		flags += "T"
	}
	if r.Retryable {
		flags += "R"
	}
	fmt.Fprintf(b, "| %s | %s | %s | %s | %s | %s |\n", r.ID, phase, r.Reason, flags, when, says)
}

// rules.json is the same table for programs.
func TestRegistry(t *testing.T) {
	suite, err := golden.ReadSuite(golden.V1())
	if err != nil {
		t.Fatal(err)
	}
	names := map[string]bool{}
	rules := phasemap.Rules()
	for _, r := range rules {
		if suite.Rules[r.ID] != r.Reason {
			t.Errorf("%s: reason %q, in suite.json %q", r.ID, r.Reason, suite.Rules[r.ID])
		}
		if r.Name == "" || r.Doc == "" || r.Source == "" || r.Since == "" || names[r.Name] {
			t.Errorf("%s: name, doc, source or since missing, or the name is taken", r.ID)
		}
		names[r.Name] = true
		for _, p := range r.Phases {
			if r.Terminal && !p.Final() {
				t.Errorf("%s: terminal with phase %s", r.ID, p)
			}
		}
		if (r.Hint.Code == "") != (r.Hint.Text == "") {
			t.Errorf("%s: a hint is a code and a text", r.ID)
		}
	}
	if len(rules) != len(suite.Rules) {
		t.Errorf("%d rules, %d in suite.json", len(rules), len(suite.Rules))
	}
}
