package phasemap

import (
	"encoding/json"
	"maps"
	"slices"
)

// The profiles. Core, reconcile and absent are the three questions; the others
// ask more of an answer or of the reader.
const (
	Core      = "core"      // map cases: phase and terminal
	Rules     = "rules"     // also rule, reason, retryable, exitCode, container, notes, wherever a case names them
	Clock     = "clock"     // map cases whose answer depends on now
	Reconcile = "reconcile" // reconcile cases
	Absent    = "absent"    // absent cases
	RawJSON   = "raw-json"  // map cases that a typed Kubernetes client cannot decode
)

// ProfileNames returns all profiles.
func ProfileNames() []string {
	return []string{Core, Rules, Clock, Reconcile, Absent, RawJSON}
}

// Applies reports whether an implementation that claims these profiles is asked
// this case: it claims all that the case requires.
func (c Case) Applies(claimed []string) bool {
	return !slices.ContainsFunc(c.Requires, func(p string) bool { return !slices.Contains(claimed, p) })
}

// Expected returns the members of the expectation that these profiles cover.
func (c Case) Expected(claimed []string) map[string]json.RawMessage {
	expect := maps.Clone(c.Expect)
	if !slices.Contains(claimed, Rules) {
		maps.DeleteFunc(expect, func(key string, _ json.RawMessage) bool {
			return key != "phase" && key != "terminal" && key != "activity"
		})
	}
	return expect
}
