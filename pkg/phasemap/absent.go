package phasemap

import "cmp"

// Absence is what a caller knows about an agent whose Pod does not exist: the
// API server said so. A read that failed is no absence.
type Absence struct {
	// Last is the last Status of the agent; nil if there was none.
	Last *Status `json:"last"`
	// StopRequested says that somebody asked to stop the agent.
	StopRequested bool `json:"stopRequested"`
	// For is how long the Pod has been absent; nil if that is unknown.
	For *Seconds `json:"absentForSeconds"`
}

// MapAbsent returns the Status of an agent whose Pod is gone.
func MapAbsent(a Absence, opts Options) Status {
	f := a.facts(opts)
	return a.verdict(decide(table.absent, &f), opts)
}

func (a Absence) facts(opts Options) (f facts) {
	f.add(stopRequested, a.StopRequested)
	f.add(absentBriefly, a.For == nil || *a.For < or(opts.AbsentGrace, 10))
	if a.Last == nil {
		f.add(nothingKnown, true)
		return f
	}
	f.add(lastTerminal, a.Last.Terminal)
	f.add(lastDisrupted, a.Last.DisruptionPhase != "")
	f.add(lastStopping, a.Last.Phase == Stopping)
	return f
}

func (a Absence) verdict(r *row, opts Options) Status {
	s := Status{Phase: r.phase, Reason: r.Reason, Terminal: r.Terminal, Retryable: r.Retryable, Hint: r.Hint}
	switch r.phase {
	case asLast:
		s = *a.Last
	case asDisrupted:
		s.Phase, s.Reason, s.Message = a.Last.DisruptionPhase, a.Last.Reason, a.Last.Message
	case byVanished:
		s.Phase = cmp.Or(opts.VanishedPhase, Stopped)
	}
	s.Rule = r.ID
	return s
}
