package report

import (
	_ "embed"
	"encoding/json"
	"io"

	"github.com/scion-gen/scion-gen/pkg/diff"
)

// schema is the JSON Schema of what JSON writes; the tests hold it to the types
// here.
//
//go:embed schema.json
var schema []byte

// Schema is the JSON Schema of what JSON writes.
func Schema() []byte { return append([]byte(nil), schema...) }

// JSON writes a report for programs, indented, in the form of Schema. Fields
// may be added; others stay while version does.
func JSON(w io.Writer, r *diff.Report) error {
	enc := json.NewEncoder(w)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", "  ")
	return enc.Encode(newReport(r))
}

// reportJSON and the types below are the form of the JSON. Objects are named by
// their index in objects.
type reportJSON struct {
	Version int          `json:"version"`
	Old     string       `json:"old"`
	New     string       `json:"new"`
	Verdict string       `json:"verdict"` // the gravest; empty where nothing differs
	Summary summaryJSON  `json:"summary"`
	Groups  []groupJSON  `json:"groups"`
	Objects []objectJSON `json:"objects"`
	Gate    *gateJSON    `json:"gate,omitempty"`
}

type summaryJSON struct {
	OldObjects int            `json:"oldObjects"`
	NewObjects int            `json:"newObjects"`
	Differ     int            `json:"differ"`
	Same       int            `json:"same"`
	Moved      int            `json:"moved"`
	Renamed    int            `json:"renamed"`
	Sessions   int            `json:"sessionsLost"`
	Verdicts   map[string]int `json:"verdicts"`
	Flags      map[string]int `json:"flags"`
}

type groupJSON struct {
	Group   string       `json:"group"`
	Kind    string       `json:"kind"`
	Verdict string       `json:"verdict"`
	Objects []int        `json:"objects"`
	Changes []changeJSON `json:"changes"`
}

type changeJSON struct {
	Op      string      `json:"op"`
	Path    string      `json:"path"`
	Outcome outcomeJSON `json:"outcome"`
	Flags   []flagJSON  `json:"flags,omitempty"`
	Values  []rowJSON   `json:"values"`
}

type rowJSON struct {
	Old     *valueJSON `json:"old,omitempty"`
	New     *valueJSON `json:"new,omitempty"`
	Objects []int      `json:"objects"`
	Edits   []int      `json:"edits"`
}

type outcomeJSON struct {
	Verdict string `json:"verdict"`
	Effect  string `json:"effect"`
	Refused bool   `json:"refused,omitempty"`
	Session bool   `json:"sessionLost,omitempty"`
	Rule    string `json:"rule"`
	Source  string `json:"source"`
}

type flagJSON struct {
	ID       string `json:"id"`
	Severity string `json:"severity"`
	Path     string `json:"path"`
	Reason   string `json:"reason"`
	Back     string `json:"back"`
}

type valueJSON struct {
	Kind     string `json:"kind"`
	Text     string `json:"text"`
	Redacted bool   `json:"redacted,omitempty"`
	Bytes    int    `json:"bytes,omitempty"` // hidden
}

type objectJSON struct {
	refJSON
	Was     *refJSON   `json:"was,omitempty"`
	Renamed bool       `json:"renamed,omitempty"`
	Scopes  []string   `json:"scopes,omitempty"`
	Old     *posJSON   `json:"old,omitempty"`
	New     *posJSON   `json:"new,omitempty"`
	Verdict string     `json:"verdict"`
	Edits   []editJSON `json:"edits"`
}

type refJSON struct {
	Group     string `json:"group"`
	Version   string `json:"version"`
	Kind      string `json:"kind"`
	Namespace string `json:"namespace"`
	Name      string `json:"name"`
}

type posJSON struct {
	File string `json:"file"`
	Line int    `json:"line"`
}

type editJSON struct {
	Op      string      `json:"op"`
	Path    string      `json:"path"`
	Old     *valueJSON  `json:"old,omitempty"`
	New     *valueJSON  `json:"new,omitempty"`
	OldPos  *posJSON    `json:"oldPos,omitempty"`
	NewPos  *posJSON    `json:"newPos,omitempty"`
	Outcome outcomeJSON `json:"outcome"`
	Flags   []flagJSON  `json:"flags,omitempty"`
	Scopes  []string    `json:"scopes,omitempty"`
}

type gateJSON struct {
	Violations []violationJSON `json:"violations"`
	Allowed    []violationJSON `json:"allowed"`
	Expired    []allowanceJSON `json:"expired"`
	Unused     []allowanceJSON `json:"unused"`
}

type violationJSON struct {
	Condition string         `json:"condition"`
	Object    int            `json:"object"`
	Edit      int            `json:"edit"`
	Flag      int            `json:"flag"` // -1 where the condition is none of security
	By        *allowanceJSON `json:"by,omitempty"`
}

type allowanceJSON struct {
	On        string  `json:"on"`
	Kind      string  `json:"kind,omitempty"`
	Namespace string  `json:"namespace,omitempty"`
	Name      string  `json:"name,omitempty"`
	Path      string  `json:"path,omitempty"`
	Reason    string  `json:"reason"`
	Expires   string  `json:"expires,omitempty"`
	Pos       posJSON `json:"pos"`
}

func newReport(r *diff.Report) reportJSON {
	out := reportJSON{
		Version: 1, Old: r.Old, New: r.New, Verdict: string(r.Verdict()),
		Summary: summaryJSON{
			OldObjects: r.Summary.OldObjects, NewObjects: r.Summary.NewObjects, Differ: len(r.Objects),
			Same: r.Summary.Same, Moved: r.Summary.Moved, Renamed: r.Summary.Renamed, Sessions: r.Summary.SessionsLost,
			Verdicts: map[string]int{}, Flags: map[string]int{},
		},
		Groups:  each(r.Groups, newGroup),
		Objects: each(r.Objects, newObject),
	}
	for v, n := range r.Summary.Verdicts {
		out.Summary.Verdicts[string(v)] = n
	}
	for s, n := range r.Summary.Flags {
		out.Summary.Flags[string(s)] = n
	}
	if g := r.Gate; g != nil {
		out.Gate = &gateJSON{each(g.Violations, newViolation), each(g.Allowed, newViolation), each(g.Expired, newAllowance), each(g.Unused, newAllowance)}
	}
	return out
}

// each is a list of what f makes, never null.
func each[T, U any](in []T, f func(T) U) []U {
	out := make([]U, len(in))
	for i, v := range in {
		out[i] = f(v)
	}
	return out
}

func newGroup(g diff.Group) groupJSON {
	return groupJSON{g.Group, g.Kind, string(g.Verdict), g.Objects, each(g.Changes, newChange)}
}

func newChange(c diff.Change) changeJSON {
	return changeJSON{string(c.Op), c.Path, newOutcome(c.Outcome), each(c.Flags, newFlag), each(c.Rows, func(r diff.Row) rowJSON {
		return rowJSON{newValue(r.Old), newValue(r.New), r.Objects, r.Edits}
	})}
}

func newOutcome(o diff.Outcome) outcomeJSON {
	return outcomeJSON{string(o.Verdict), o.Effect, o.Refused, o.SessionLost, o.Rule, o.Source}
}

func newFlag(f diff.Flag) flagJSON {
	return flagJSON{f.ID, string(f.Severity), f.Path, f.Reason, f.Back}
}

func newValue(v *diff.Value) *valueJSON {
	if v == nil {
		return nil
	}
	return &valueJSON{string(v.Kind), v.Text, v.Redacted, v.Bytes}
}

func newObject(o diff.Object) objectJSON {
	out := objectJSON{
		refJSON: refJSON(o.Ref), Renamed: o.Renamed, Scopes: o.Scopes, Old: newPos(o.Old), New: newPos(o.New),
		Verdict: string(o.Verdict), Edits: each(o.Edits, newEdit),
	}
	if o.Was != nil {
		out.Was = new(refJSON(*o.Was))
	}
	return out
}

func newPos(p diff.Pos) *posJSON {
	if p == (diff.Pos{}) {
		return nil
	}
	return &posJSON{p.File, p.Line}
}

func newEdit(e diff.Edit) editJSON {
	return editJSON{string(e.Op), e.Path, newValue(e.Old), newValue(e.New), newPos(e.OldPos), newPos(e.NewPos), newOutcome(e.Outcome), each(e.Flags, newFlag), e.Scopes}
}

func newViolation(v diff.Violation) violationJSON {
	out := violationJSON{Condition: v.Condition, Object: v.Object, Edit: v.Edit, Flag: v.Flag}
	if v.By != nil {
		out.By = new(newAllowance(*v.By))
	}
	return out
}

func newAllowance(a diff.Allowance) allowanceJSON {
	return allowanceJSON{a.On, a.Kind, a.Namespace, a.Name, a.Path, a.Reason, a.Expires, posJSON(a.Pos)}
}
