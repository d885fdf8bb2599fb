package phasemap

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
	last := a.last()
	var f facts
	f.add(nothingKnown, last.Phase == "")
	f.add(lastTerminal, last.Terminal)
	f.add(lastDisrupted, last.DisruptionPhase.Final())
	f.add(lastStopping, last.Phase == Stopping)
	f.add(stopRequested, a.StopRequested)
	f.add(absentBriefly, a.For == nil || *a.For < or(opts.AbsentGrace, 10))
	return absentVerdict(table.absent.decide(&f), last, opts)
}

// last returns what was known, in today's words: a caller may have kept it since
// an older version, or have it from elsewhere. No phase means nothing.
func (a Absence) last() Status {
	if a.Last == nil {
		return Status{}
	}
	last := *a.Last
	last.Phase = normalize(SelfReport{Phase: string(last.Phase)}, last.Phase).phase
	if last.Phase == suspended {
		last.Phase = Stopped
	}
	last.Terminal = last.Terminal && last.Phase.Final()
	last.Retryable = last.Retryable && last.Phase.Final()
	return last
}

func absentVerdict(r *row, last Status, opts Options) Status {
	s := Status{Phase: r.phase, Reason: r.Reason, Terminal: r.Terminal, Retryable: r.Retryable, Hint: r.Hint}
	switch r.phase {
	case asLast, asOutcome:
		s = last
	case asDisrupted:
		s.Phase, s.Reason, s.Message = last.DisruptionPhase, last.Reason, last.Message
	case byVanished:
		s.Phase = Stopped
		if opts.VanishedPhase == Error {
			s.Phase = Error
		}
	}
	s.Rule = r.ID
	return s
}
