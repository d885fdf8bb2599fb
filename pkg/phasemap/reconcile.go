package phasemap

import (
	"slices"
	"strings"
	"time"
)

// SelfReport is what an agent last said of itself, in any of the vocabularies
// that Scion has used.
type SelfReport struct {
	Phase     string    `json:"phase"`
	Activity  string    `json:"activity"`
	UpdatedAt time.Time `json:"updatedAt,omitzero"` // zero if unknown
}

// Reconciled is the phase of an agent after its own word was weighed.
type Reconciled struct {
	Phase Phase `json:"phase"`
	// Activity is what the agent is doing. Empty unless it is running.
	Activity string `json:"activity"`
	// Rule is the id of the rule that decided, such as RC31; see Rules.
	Rule string `json:"rule"`
	// Source is "self" if the phase is the agent's word and not the Pod's.
	Source string `json:"source"`
	// Notes are about the report; those about the Pod are in its Status.
	Notes Notes `json:"notes"`
}

// Reconcile weighs the Status of a Pod against the agent's own report, which is
// nil if there is none. The report is fresh if it is not older than startedAt,
// the start of the agent's container; the zero startedAt means unknown.
func Reconcile(pod Status, self *SelfReport, startedAt time.Time) Reconciled {
	w := weighing{pod: pod}
	if self != nil {
		w.self = normalize(*self, pod.Phase)
	}
	f := w.podFacts()
	w.addSelfFacts(&f, self, startedAt)
	return w.verdict(table.reconcile.decide(&f))
}

// weighing is a Pod's Status and a report in today's words.
type weighing struct {
	pod  Status
	self report
}

// report is a SelfReport in today's words: a phase that is one of the eight,
// suspended, or none.
type report struct {
	phase    Phase
	activity string
	notes    Notes
}

// suspended is a phase of newer Scions. It says that the agent ended and can be
// resumed, which for its Pod is the same as stopped.
const suspended Phase = "suspended"

func (w *weighing) podFacts() (f facts) {
	rule := w.pod.Rule
	f.add(podUnreachable, rule == "PM310")
	f.add(podTerminal, w.pod.Terminal || w.pod.Phase == Stopped)
	f.add(podCutOff, slices.Contains([]string{"PM233", "PM234", "PM236", "PM237"}, rule))
	f.add(podDisrupted, rule >= "PM100" && rule <= "PM104")
	f.add(podStopping, w.pod.Phase == Stopping)
	f.add(podError, w.pod.Phase == Error)
	f.add(podAtWork, w.pod.Phase == Running)
	f.add(podStarting, w.pod.Phase == Starting)
	return f
}

func (w *weighing) addSelfFacts(f *facts, self *SelfReport, startedAt time.Time) {
	if self == nil {
		f.add(selfSilent, true)
		return
	}
	known := !self.UpdatedAt.IsZero() && !startedAt.IsZero()
	f.add(selfFresh, known && stampOf(self.UpdatedAt) >= stampOf(startedAt))
	f.add(selfLimits, w.self.activity == "limits_exceeded")
	f.add(selfCompleted, w.self.activity == "completed")
	switch p := w.self.phase; p {
	case Created:
		f.add(selfCreated, true)
	case Provisioning, Cloning, Starting:
		f.add(selfPreparing, true)
		f.add(selfSettingUp, p != Starting)
	case Running:
		f.add(selfRunning, true)
	case Stopping:
		f.add(selfStopping, true)
	case Error:
		f.add(selfError, true)
	case Stopped, suspended:
		f.add(selfGone, true)
	default:
		f.add(selfUnusable, true)
	}
}

func (w *weighing) verdict(r *row) Reconciled {
	out := Reconciled{Phase: r.phase, Rule: r.ID, Source: "self", Notes: w.self.notes}
	switch r.phase {
	case asPod:
		out.Phase = w.pod.Phase
	case asSelf:
		out.Phase = w.self.phase
	}
	if out.Phase == w.pod.Phase {
		out.Source = "pod"
	}
	if out.Phase == Running {
		out.Activity = w.activity(r.activity)
	}
	return out
}

func (w *weighing) activity(a activity) string {
	over := w.self.activity == "limits_exceeded" || w.self.activity == "crashed"
	switch {
	case a == offline:
		return "offline"
	case a == reported, a == unlessEnded && !over:
		return w.self.activity
	default:
		return ""
	}
}

// The activities that Scion has and had.
var activities = []string{
	"idle", "working", "thinking", "executing", "waiting_for_input", "blocked", "completed", "limits_exceeded",
	"stalled", "offline", "crashed",
}

// legacyPhases says what phases mean that Scion has used and uses no more, or
// writes where a phase should be.
var legacyPhases = map[string]report{
	"pending":       {phase: Created},
	"resumed":       {phase: Running},
	"restored":      {phase: Stopped},
	"deleted":       {phase: Stopped},
	"exited":        {phase: Stopped},
	"undetermined":  {phase: Running, activity: "offline"},
	"busy":          {phase: Running, activity: "thinking"},
	"initializing":  {phase: Starting},
	"shutting_down": {phase: Stopping},
}

// normalize puts a report in today's words. Of a phase that means nothing the
// activity is kept.
func normalize(self SelfReport, pod Phase) report {
	phase, activity := word(self.Phase), word(self.Activity)
	var r report
	legacy, isLegacy := legacyPhases[phase]
	switch {
	case slices.Contains(Phases(), Phase(phase)) || Phase(phase) == suspended:
		r.phase = Phase(phase)
	case isLegacy:
		r = legacy
		r.notes = LegacyPhase
	case phase == "ended":
		r = report{phase: Stopped, notes: LegacyPhase}
		if pod == Error {
			r.phase = Error
		}
	case slices.Contains(activities, phase):
		r = report{phase: Running, activity: phase, notes: LegacyPhase}
	case phase != "":
		r.notes = UnknownSelfPhase
	}
	switch {
	case slices.Contains(activities, activity):
		r.activity = activity
	case activity != "":
		r.notes |= UnknownSelfActivity
	}
	return r
}

// word is s without blanks around it and in lower case, both of ASCII alone: all
// words are, and languages differ about the rest.
func word(s string) string {
	return strings.Map(func(r rune) rune {
		if 'A' <= r && r <= 'Z' {
			return r - 'A' + 'a'
		}
		return r
	}, strings.Trim(s, " \t\n\v\f\r"))
}
