package report

import (
	"crypto/sha256"
	_ "embed"
	"encoding/base64"
	"fmt"
	"html/template"
	"io"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/scion-gen/scion-gen/pkg/diff"
)

//go:embed page.html
var pageHTML string

//go:embed page.css
var pageCSS string

//go:embed page.js
var pageJS string

var pageTemplate = template.Must(template.New("page").Parse(pageHTML))

// How much the page shows of one thing.
const (
	htmlLines  = 1000 // of a value
	htmlPlaces = 20   // objects of a group that are listed with their file
	htmlOpen   = 2    // groups that are not folded at first
)

// HTML writes the report as one page that needs nothing else: style and script
// are in it, and its content security policy lets the browser load and run
// nothing but those two. It reads well without the script, and printed.
func HTML(w io.Writer, r *diff.Report) error {
	p := page{
		Report:   r,
		names:    newNamed(r),
		Style:    template.CSS(pageCSS),
		Script:   template.JS(pageJS),
		CSP:      "default-src 'none'; style-src " + hash(pageCSS) + "; script-src " + hash(pageJS) + "; base-uri 'none'; form-action 'none'",
		Headline: headline(r),
		Sessions: sessions(r),
		Flags:    flags(r),
		Verdicts: verdictChips(r),
	}
	for _, c := range severestFirst(r) {
		p.Severities = append(p.Severities, chip{string(c.Of), string(c.Of), c.N})
	}
	if all := tally(r); len(all) > len(p.Verdicts) {
		p.Rest = all[len(p.Verdicts):]
	}
	if r.Gate != nil {
		p.Stopped, p.Allowed = byCondition(r.Gate.Violations), allowances(r.Gate.Allowed)
	}
	for i := range r.Groups {
		p.Groups = append(p.Groups, newGroupView(p.names, i))
	}
	return pageTemplate.Execute(w, p)
}

// hash is a source expression of a content security policy.
func hash(text string) string {
	sum := sha256.Sum256([]byte(text))
	return "'sha256-" + base64.StdEncoding.EncodeToString(sum[:]) + "'"
}

// page is what page.html shows.
type page struct {
	*diff.Report
	names                named
	Style                template.CSS
	Script               template.JS
	CSP                  string
	Headline, Sessions   string
	Verdicts, Severities []chip
	Rest                 []string
	Flags                []flagged
	Stopped              []tallied[string]
	Allowed              []tallied[diff.Allowance]
	Groups               []groupView
}

// Line is text fit for one line.
func (page) Line(s string) string { return oneLine(s) }

// GroupTitle is what the group of a flag is called.
func (p page) GroupTitle(i int) string {
	g := p.Report.Groups[i]
	kind := oneLine(g.Kind)
	if n := len(g.Objects); n > 1 {
		kind = fmt.Sprintf("%d %s:", n, plural(kind))
	}
	return kind + " " + p.names.phrase(g.Objects, maxNames)
}

// Anchor is the number of a group in its id.
func (page) Anchor(group int) int { return group + 1 }

// chip is a button that filters.
type chip struct {
	Value, Label string
	N            int
}

func verdictChips(r *diff.Report) []chip {
	var out []chip
	for _, c := range gravestFirst(r) {
		out = append(out, chip{string(c.Of), did[c.Of], c.N})
	}
	return out
}

// groupView is a group as the page shows it.
type groupView struct {
	ID         int
	Open       bool
	Verdict    diff.Verdict
	Title      string
	Names      string
	Scopes     string // the trees that it is in
	Fields     []string
	More       int // fields that are not in Fields
	Severities string
	Flags      string
	Worst      diff.Severity // of Flags
	Objects    []objectView
	Changes    []changeView
	Outcome    *outcomeView // of all changes
}

// objectView is an object of a group, with its place where there are few.
type objectView struct {
	Name  string
	Place string
}

func newGroupView(r named, i int) groupView {
	g := r.Groups[i]
	v := groupView{
		ID: i + 1, Open: len(r.Groups) <= htmlOpen, Verdict: g.Verdict,
		Title: title(g), Names: r.phrase(g.Objects, maxNames), Flags: groupFlags(g),
		Scopes: groupScopes(r.Report, g),
	}
	for _, path := range paths(g) {
		v.Fields = append(v.Fields, oneLine(path))
	}
	if more := len(v.Fields) - maxFields; more > 0 {
		v.Fields, v.More = v.Fields[:maxFields], more
	}
	list, _ := r.names(g.Objects, len(g.Objects))
	for n, o := range g.Objects {
		view := objectView{Name: list[n]}
		if len(g.Objects) <= htmlPlaces {
			view.Place = places(r.Objects[o])
		}
		v.Objects = append(v.Objects, view)
	}
	same := oneOutcome(g)
	if same && len(g.Changes) > 0 {
		v.Outcome = newOutcomeView(g.Changes[0].Outcome)
	}
	var severities []string
	for _, c := range g.Changes {
		change := newChangeView(r, c, v.Scopes)
		if !same {
			change.Outcome = newOutcomeView(c.Outcome)
		}
		v.Changes = append(v.Changes, change)
		for _, f := range c.Flags {
			severities = append(severities, string(f.Severity))
		}
	}
	slices.Sort(severities)
	v.Severities = strings.Join(slices.Compact(severities), " ")
	for _, s := range diff.Severities {
		if slices.Contains(severities, string(s)) {
			v.Worst = s
		}
	}
	return v
}

// places are where an object is, or was.
func places(o diff.Object) string {
	old, new := position(o.Old), position(o.New)
	switch {
	case old == "" || o.Old.File == o.New.File:
		return new
	case new == "":
		return old
	}
	return old + " → " + new
}

// position is a place as file:line, empty where there is none.
func position(p diff.Pos) string {
	if p.File == "" {
		return ""
	}
	return fmt.Sprintf("%s:%d", oneLine(p.File), p.Line)
}

// changeView is a change as the page shows it: one table.
type changeView struct {
	Field   string
	Scopes  string       // where they are not the group's
	Outcome *outcomeView // nil where the group has it
	Flags   []diff.Flag
	Rows    []rowView
	Both    bool   // there are old and new values
	Removed bool   // there are old values alone
	Named   bool   // rows say whose values they are
	Example string // the object that is shown, where it is one of several
}

// outcomeView is an outcome as the page shows it.
type outcomeView struct {
	Verdict        diff.Verdict
	Effect, Source string
}

func newOutcomeView(o diff.Outcome) *outcomeView {
	return &outcomeView{o.Verdict, effect(o), oneLine(o.Source)}
}

// rowView is the lines of one value, and the names of its objects: the first
// few, and all where there are more.
type rowView struct {
	Names, All string
	Lines      []pairView
	More       int // lines that are not shown
}

func newChangeView(r named, c diff.Change, in string) changeView {
	v := changeView{Field: field(c.Path), Scopes: otherScopes(r.Report, in, c.Rows...), Flags: c.Flags, Named: len(c.Rows) > 1}
	for _, row := range c.Rows {
		old, new, example := values(r.Report, row)
		v.Both = v.Both || old != nil && new != nil
		v.Removed = new == nil
		objects := distinct(row.Objects)
		if example >= 0 {
			v.Example = exampleOf(r.Report, row)
		}
		all := edited(old, new)
		shown := all[:min(len(all), htmlLines)]
		view := rowView{Names: r.phrase(objects, maxNames), Lines: pairs(shown), More: len(all) - len(shown)}
		if other := otherScopes(r.Report, in, row); other != "" {
			view.Names += ", " + other
		}
		if v.Named && len(objects) > maxNames {
			view.All = r.phrase(objects, len(objects))
		}
		v.Rows = append(v.Rows, view)
	}
	return v
}

// pairView is a line of both sides, next to each other.
type pairView struct {
	Gap, Same bool
	Old, New  *cellView
}

// cellView is a line of one side: what differs stands between what both have.
type cellView struct{ Before, Differs, After string }

// pairs puts the lines that were removed next to those that took their place.
func pairs(in []line) []pairView {
	var out []pairView
	next := 0 // the first pair of this run that lacks its new side
	for _, l := range in {
		switch l.mark {
		case '-':
			out = append(out, pairView{Old: &cellView{Differs: l.text}})
		case '+':
			if next == len(out) {
				out = append(out, pairView{})
			}
			out[next].New = &cellView{Differs: l.text}
			next++
		default:
			if l == gap {
				out = append(out, pairView{Gap: true})
				next = len(out)
				continue
			}
			both := &cellView{Before: l.text}
			out = append(out, pairView{Same: true, Old: both, New: both})
			next = len(out)
		}
	}
	for _, p := range out {
		if p.Old != nil && p.New != nil && !p.Same {
			narrow(p.Old, p.New)
		}
	}
	return out
}

// narrow takes the words that two lines begin and end with alike out of what
// differs.
func narrow(old, new *cellView) {
	a, b := old.Differs, new.Differs
	begin := 0
	for begin < len(a) && begin < len(b) {
		r, size := utf8.DecodeRuneInString(a[begin:])
		if s, _ := utf8.DecodeRuneInString(b[begin:]); s != r {
			break
		}
		begin += size
	}
	for begin > 0 && (inWord(a, begin) || inWord(b, begin)) {
		_, size := utf8.DecodeLastRuneInString(a[:begin])
		begin -= size
	}
	end := 0
	for end < len(a)-begin && end < len(b)-begin {
		r, size := utf8.DecodeLastRuneInString(a[begin : len(a)-end])
		if s, _ := utf8.DecodeLastRuneInString(b[begin : len(b)-end]); s != r {
			break
		}
		end += size
	}
	for end > 0 && (inWord(a, len(a)-end) || inWord(b, len(b)-end)) {
		_, size := utf8.DecodeRuneInString(a[len(a)-end:])
		end -= size
	}
	*old = cellView{a[:begin], a[begin : len(a)-end], a[len(a)-end:]}
	*new = cellView{b[:begin], b[begin : len(b)-end], b[len(b)-end:]}
}

// inWord reports whether there are letters or digits on both sides of at.
func inWord(s string, at int) bool {
	before, _ := utf8.DecodeLastRuneInString(s[:at])
	after, size := utf8.DecodeRuneInString(s[at:])
	return at > 0 && size > 0 && isWord(before) && isWord(after)
}

func isWord(r rune) bool { return unicode.IsLetter(r) || unicode.IsDigit(r) }
