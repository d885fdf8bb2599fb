package report

import (
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/scion-gen/scion-gen/pkg/diff"
)

// githubShown is how many annotations of a kind GitHub shows for a step.
const githubShown = 10

// SummaryBytes is what a step's summary on GitHub holds: of more, nothing is
// shown.
const SummaryBytes = 1 << 20

// GitHub writes a report as workflow commands of GitHub Actions, which make
// annotations: an error, a warning or a notice for each flag that is high,
// medium or low, and an error for each condition of the gate that is met. The
// same flag in many objects is one annotation; of each kind there are at most
// ten, which is what GitHub shows, and the rest is counted.
func GitHub(w io.Writer, r *diff.Report) error {
	g := github{named: newNamed(r), n: map[string]int{}}
	if r.Gate != nil {
		for _, c := range byCondition(r.Gate.Violations) {
			g.violation(c)
		}
	}
	for _, f := range flags(r) {
		g.flag(f)
	}
	for _, kind := range []string{"error", "warning", "notice"} {
		if more := g.n[kind] - githubShown; more > 0 {
			fmt.Fprintf(&g.out, "::notice title=scion-gen diff::%s of flags not shown; the report has all\n", count(more, "more "+kind))
		}
	}
	fmt.Fprintf(&g.out, "::notice title=scion-gen diff::%s\n", commandText(strings.Join(slices.DeleteFunc(slices.Concat([]string{headline(r), sessions(r)}, tally(r)), func(s string) bool { return s == "" }), ", ")))
	_, err := io.WriteString(w, g.out.String())
	return err
}

type github struct {
	named
	out strings.Builder
	n   map[string]int // annotations by kind
}

func (g *github) violation(c tallied[string]) {
	first := -1
	for i, v := range g.Gate.Violations {
		if v.Condition == c.Of {
			first = i
			break
		}
	}
	v := g.Gate.Violations[first]
	o := g.Objects[v.Object]
	text := fmt.Sprintf("%s: %s", full(o.Ref), count(c.N, "change")+" that --fail-on stops")
	if c.N > 1 {
		text = fmt.Sprintf("%s that --fail-on stops, the first in %s", count(c.N, "change"), full(o.Ref))
	}
	g.command("error", "gate: "+oneLine(c.Of), place(o.Edits[v.Edit]), text)
}

func (g *github) flag(f flagged) {
	o := g.Objects[f.Objects[0]]
	what := full(o.Ref)
	if n := len(f.Objects); n > 1 {
		what = fmt.Sprintf("%d %s (%s)", n, plural(oneLine(g.Groups[f.Group].Kind)), g.phrase(f.Objects, maxNames))
	}
	text := fmt.Sprintf("%s: %s: %s. Way back: %s", what, field(f.Path), oneLine(f.Reason), oneLine(f.Back))
	g.command(githubKind(f.Severity), oneLine(f.ID), f.place(o), text)
}

func githubKind(s diff.Severity) string {
	switch s {
	case diff.High:
		return "error"
	case diff.Medium:
		return "warning"
	}
	return "notice"
}

// place is where a flag is raised in one of its objects.
func (f flagged) place(o diff.Object) diff.Pos {
	for _, e := range o.Edits {
		for _, raised := range e.Flags {
			if raised.ID == f.ID && raised.Severity == f.Severity && raised.Path == f.Path {
				return place(e)
			}
		}
	}
	return objectPlace(o)
}

func (g *github) command(kind, title string, pos diff.Pos, text string) {
	if g.n[kind]++; g.n[kind] > githubShown {
		return
	}
	g.out.WriteString("::" + kind + " ")
	if isFile(pos) {
		fmt.Fprintf(&g.out, "file=%s,", commandProperty(oneLine(pos.File)))
		if pos.Line > 0 {
			fmt.Fprintf(&g.out, "line=%d,", pos.Line)
		}
	}
	fmt.Fprintf(&g.out, "title=%s::%s\n", commandProperty(title), commandText(text))
}

// Texts and properties of commands are escaped as actions/toolkit does.
var (
	textEscapes     = strings.NewReplacer("%", "%25", "\r", "%0D", "\n", "%0A")
	propertyEscapes = strings.NewReplacer("%", "%25", "\r", "%0D", "\n", "%0A", ":", "%3A", ",", "%2C")
)

func commandText(s string) string { return textEscapes.Replace(s) }

func commandProperty(s string) string { return propertyEscapes.Replace(s) }
