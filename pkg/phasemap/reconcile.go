package phasemap

import "time"

// SelfReport is what an agent last said of itself, in any of the vocabularies
// that Scion has used.
type SelfReport struct {
	Phase     string    `json:"phase"`
	Activity  string    `json:"activity"`
	UpdatedAt time.Time `json:"updatedAt,omitzero"` // zero if unknown
}

// Reconciled is the phase of an agent after its own word was weighed.
type Reconciled struct {
	Phase    Phase  `json:"phase"`
	Activity string `json:"activity"` // empty unless running
	Rule     string `json:"rule"`     // the id of the rule that decided, such as RC31
	Source   string `json:"source"`   // "pod" or "self": whose phase it is
	Notes    Notes  `json:"notes"`
}

// Reconcile weighs the Status of a Pod against the agent's own report, which is
// nil if there is none. The report is fresh if it is not older than startedAt,
// the start of the agent's container; the zero startedAt means unknown.
func Reconcile(pod Status, self *SelfReport, startedAt time.Time) Reconciled {
	return Reconciled{Phase: pod.Phase, Rule: "RC00", Source: "pod", Notes: pod.Notes}
}
