package phasemap

import (
	"time"

	"k8s.io/apimachinery/pkg/types"
)

// Tracker turns what single looks at Pods say into what to report over time,
// for pollers that keep state and hubs that believe whatever they are told:
//
//   - The phase of a terminal Status of a Pod does not change any more.
//   - Once a Pod's agent has run, it is provisioning or cloning no more, and
//     starting only if it is restarted (PM240).
//   - An error that may heal is held back for ErrorHold. Until then the phase
//     stays the one before, with the rule, the reason and the message of the
//     error. If it heals and comes back under the same rule sooner than that,
//     it counts from the first time, or a crash loop would never be one.
//
// Where it gives another phase than the Pod alone would, the Status has the
// note Tracked. Agents are told apart by the UID of their Pods, since a restart
// uses the name again. The zero Tracker is ready; it is not safe for concurrent
// use.
type Tracker struct {
	// ErrorHold is how long an error that may heal is held back. Nil means 600,
	// as long as Scion waits for a Pod to start; 0 holds nothing back.
	ErrorHold *Seconds

	seen map[types.UID]*sighting
}

// sighting is what a Tracker remembers of one Pod.
type sighting struct {
	reported Status
	ran      bool // it has been running

	trouble     string // the rule of the latest error that may heal
	since, last stamp  // when that was first and last so
}

// Observe returns the Status to report for the Pod of that UID, of which st is
// the Status at the moment now. Without a clock, which is the zero now, no held
// error is ever due.
func (t *Tracker) Observe(uid types.UID, st Status, now time.Time) Status {
	s := t.seen[uid]
	if s == nil {
		if t.seen == nil {
			t.seen = map[types.UID]*sighting{}
		}
		s = &sighting{}
		t.seen[uid] = s
	}
	s.reported = s.judge(st, clock(stampOf(now)), or(t.ErrorHold, 600))
	s.ran = s.ran || s.reported.Phase == Running
	return s.reported
}

// Forget drops what is known of a UID. A caller that never does keeps a small
// record of every Pod it has seen.
func (t *Tracker) Forget(uid types.UID) { delete(t.seen, uid) }

func (s *sighting) judge(st Status, now clock, hold Seconds) Status {
	switch {
	case s.reported.Terminal:
		if st.Terminal && st.Phase == s.reported.Phase {
			return st
		}
		last := s.reported
		last.Notes |= Tracked
		return last
	case st.Phase == Error && !st.Terminal && s.held(st, now, hold):
		return s.keep(st)
	case s.ran && beforeRunning(st.Phase) && st.Rule != "PM240":
		return s.keep(st)
	default:
		return st
	}
}

// held remembers an error and reports whether it is too early to report it.
func (s *sighting) held(st Status, now clock, hold Seconds) bool {
	if s.trouble != st.Rule || now.beyond(hold, s.last) {
		s.trouble, s.since = st.Rule, stamp(now)
	}
	s.last = stamp(now)
	return !now.passed(hold, s.since)
}

// keep gives st the phase that was reported before. A Pod that is in trouble
// from the first look on has not started, or is being started again.
func (s *sighting) keep(st Status) Status {
	phase := s.reported.Phase
	switch {
	case phase != "":
	case st.Rule == "PM241" || st.Rule == "PM446" || st.Rule == "PM447":
		phase = Starting
	default:
		phase = Provisioning
	}
	if phase != st.Phase {
		st.Phase = phase
		st.Notes |= Tracked
	}
	st.Retryable = st.Retryable && phase.Final()
	return st
}

func beforeRunning(p Phase) bool {
	return p == Created || p == Provisioning || p == Cloning || p == Starting
}
