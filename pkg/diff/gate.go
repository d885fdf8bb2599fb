package diff

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/scion-gen/scion-gen/pkg/manifest"
)

// Gate says which changes are stopped.
type Gate struct {
	conditions []string
	day        string
	// Allow is what may pass nevertheless.
	Allow []Allowance
}

const (
	renamedCondition = "renamed" // met by objects that have another name
	refusedCondition = "refused" // by changes that the API server refuses
)

// NewGate makes a Gate of conditions: a verdict, renamed, refused, security for
// any flag, security:low, security:medium or security:high for flags of that
// severity or more, or the id of a flag. day is what an Allowance's Expires is
// held against.
func NewGate(conditions []string, day time.Time) (*Gate, error) {
	for _, c := range conditions {
		if !isCondition(c) {
			return nil, fmt.Errorf("%s is nothing to fail on; want one of %s", c, strings.Join(allConditions(), ", "))
		}
	}
	return &Gate{conditions: conditions, day: day.Format(time.DateOnly)}, nil
}

func isCondition(c string) bool { return slices.Contains(allConditions(), c) }

func allConditions() []string {
	var all []string
	for _, v := range Verdicts {
		all = append(all, string(v))
	}
	all = append(all, renamedCondition, refusedCondition, "security")
	for _, s := range Severities {
		all = append(all, "security:"+string(s))
	}
	return append(all, FlagIDs()...)
}

// Check holds a report against the gate.
func (g *Gate) Check(r *Report) *GateResult {
	c := checking{Gate: g, report: r, result: &GateResult{}, used: make([]bool, len(g.Allow)), late: make([]bool, len(g.Allow))}
	for i := range r.Objects {
		o := &r.Objects[i]
		for j := range o.Edits {
			c.edit(i, j)
		}
	}
	for i, a := range g.Allow {
		switch {
		case c.late[i]:
			c.result.Expired = append(c.result.Expired, a)
		case !c.used[i]:
			c.result.Unused = append(c.result.Unused, a)
		}
	}
	return c.result
}

// checking is one run of Check.
type checking struct {
	*Gate
	report     *Report
	result     *GateResult
	used, late []bool // by the index in Allow
}

func (c *checking) edit(object, edit int) {
	o := &c.report.Objects[object]
	e := &o.Edits[edit]
	for _, condition := range c.conditions {
		renamed := o.Renamed && e.Outcome.Rule == "name"
		switch {
		// Under its old name, the object is deleted.
		case condition == string(e.Outcome.Verdict),
			renamed && (condition == renamedCondition || condition == string(Delete)),
			!o.Renamed && condition == refusedCondition && e.Outcome.Refused:
			c.found(Violation{Condition: condition, Object: object, Edit: edit, Flag: -1}, e.Path)
		}
		for k, f := range e.Flags {
			if f.meets(condition) {
				c.found(Violation{Condition: condition, Object: object, Edit: edit, Flag: k}, f.Path)
			}
		}
	}
}

func (f Flag) meets(condition string) bool {
	least, hasLeast := strings.CutPrefix(condition, "security:")
	return condition == "security" || condition == f.ID || hasLeast && f.Severity.Rank() >= Severity(least).Rank()
}

// found takes a violation, or lets it pass.
func (c *checking) found(v Violation, path string) {
	o := &c.report.Objects[v.Object]
	for i := range c.Allow {
		a := &c.Allow[i]
		if !a.covers(v, o, path) {
			continue
		}
		if a.Expires != "" && a.Expires < c.day {
			c.late[i] = true
			continue
		}
		c.used[i] = true
		v.By = a
		c.result.Allowed = append(c.result.Allowed, v)
		return
	}
	c.result.Violations = append(c.result.Violations, v)
}

func (a *Allowance) covers(v Violation, o *Object, path string) bool {
	on := a.On == v.Condition
	if v.Flag >= 0 {
		on = o.Edits[v.Edit].Flags[v.Flag].meets(a.On)
	}
	any := func(pattern, text string) bool { return pattern == "" || glob(pattern, text) }
	return on && any(a.Kind, o.Ref.Kind) && any(a.Namespace, o.Ref.Namespace) && any(a.Name, o.Ref.Name) &&
		(a.Path == "" || matchPath(a.Path, path))
}

// allowFile is what an allow file holds.
type allowFile struct {
	Allow []allowance `json:"allow" required:"true"`
}

type allowance struct {
	On        string `json:"on" required:"true" format:"condition"`
	Kind      string `json:"kind,omitempty"`
	Namespace string `json:"namespace,omitempty"`
	Name      string `json:"name,omitempty"`
	Path      string `json:"path,omitempty"`
	Reason    string `json:"reason" required:"true" format:"reason"`
	Expires   string `json:"expires,omitempty" format:"day"`
}

// ReadAllowances reads an allow file: YAML with a list allow, whose items have
// on and reason, and may have kind, namespace, name, path and expires. name is
// for messages.
func ReadAllowances(name string, data []byte, errs *manifest.Errors) []Allowance {
	check := manifest.Checker{Formats: map[string]func(string) string{
		"condition": func(text string) string {
			if isCondition(text) {
				return ""
			}
			return "nothing fails on it; want one of " + strings.Join(allConditions(), ", ")
		},
		"reason": func(text string) string {
			if strings.TrimSpace(text) != "" {
				return ""
			}
			return "say why it is allowed"
		},
		"day": func(text string) string {
			if _, err := time.Parse(time.DateOnly, text); err == nil {
				return ""
			}
			return "is no day; write it as 2006-01-02"
		},
	}}
	var out []Allowance
	for _, doc := range manifest.Parse(name, data, errs) {
		before := len(*errs)
		check.Check(doc.Root, manifest.TypeFor[allowFile](), "", errs)
		if len(*errs) > before {
			continue
		}
		for _, item := range items(doc.Root.Get("allow")) {
			out = append(out, Allowance{
				On: text(item.Get("on")), Kind: text(item.Get("kind")), Namespace: text(item.Get("namespace")), Name: text(item.Get("name")),
				Path: text(item.Get("path")), Reason: text(item.Get("reason")), Expires: text(item.Get("expires")),
				Pos: Pos{name, int(item.Pos.Line)},
			})
		}
	}
	return out
}
