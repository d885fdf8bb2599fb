package phasemap

import (
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// stamp is a moment in whole seconds, as the API server writes them: fractions
// are cut off. The zero stamp is no moment at all, as the zero time.Time is none.
type stamp int64

const (
	yearOne  = -62135596800 // time.Time{}.Unix(), which makes the zero time the zero stamp
	endTimes = 253402300800 // the year 10000, which a timestamp cannot say
)

// stampOf takes a time for none that no timestamp can say.
func stampOf(t time.Time) stamp {
	seconds := t.Unix()
	if seconds < yearOne || seconds >= endTimes {
		return 0
	}
	return stamp(seconds - yearOne)
}

func stampOfPtr(t *metav1.Time) stamp {
	if t == nil {
		return 0
	}
	return stampOf(t.Time)
}

// clock answers how long something takes. The zero clock does not know.
type clock stamp

// passed reports whether a grace that began at start is over: a grace of 0 is
// over at once, and no other is while the clock or the start is unknown.
func (c clock) passed(grace Seconds, start stamp) bool {
	if grace <= 0 {
		return true
	}
	return c != 0 && start != 0 && stamp(c)-start >= stamp(grace)
}

// beyond reports whether more than a span has passed since start.
func (c clock) beyond(span Seconds, start stamp) bool {
	return c != 0 && start != 0 && stamp(c)-start > stamp(span)
}
