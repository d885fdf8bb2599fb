package phasemap_test

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"k8s.io/apimachinery/pkg/types"

	"github.com/scion-gen/scion-gen/pkg/phasemap"
)

var (
	provisioning = phasemap.Status{Phase: phasemap.Provisioning, Rule: "PM450", Reason: "ContainerCreating"}
	running      = phasemap.Status{Phase: phasemap.Running, Rule: "PM500", Reason: "AgentRunning"}
	restarting   = phasemap.Status{Phase: phasemap.Starting, Rule: "PM240", Reason: "AgentRestarting"}
	probing      = phasemap.Status{Phase: phasemap.Starting, Rule: "PM501", Reason: "AgentStarting"}
	crashLoop    = phasemap.Status{Phase: phasemap.Error, Rule: "PM446", Reason: "AgentCrashLoop"}
	pullFailed   = phasemap.Status{Phase: phasemap.Error, Rule: "PM442", Reason: "ImagePullFailed", Retryable: true}
	stopping     = phasemap.Status{Phase: phasemap.Stopping, Rule: "PM300", Reason: "Stopping"}
	failed       = phasemap.Status{Phase: phasemap.Error, Rule: "PM237", Reason: "AgentFailed", Terminal: true}
	podFailed    = phasemap.Status{Phase: phasemap.Error, Rule: "PM261", Reason: "PodFailed", Terminal: true, Retryable: true}
	stopped      = phasemap.Status{Phase: phasemap.Stopped, Rule: "PM200", Reason: "StopRequested", Terminal: true}
)

func TestTracker(t *testing.T) {
	type look struct {
		at   time.Duration
		see  phasemap.Status
		want phasemap.Phase
	}
	for name, c := range map[string]struct {
		why   string
		hold  *phasemap.Seconds
		looks []look
	}{
		"terminal": {
			why: "an agent that failed beside a sidecar reads stopped once somebody deletes its Pod",
			looks: []look{
				{0, running, phasemap.Running}, {1, failed, phasemap.Error},
				{2, stopping, phasemap.Error}, {3, stopped, phasemap.Error},
			},
		},
		"terminal, better known": {
			why:   "the phase of a verdict is final, its rule is not",
			looks: []look{{0, podFailed, phasemap.Error}, {1, failed, phasemap.Error}},
		},
		"no way back": {
			why: "a kubelet that restarts shows containers as waiting for a moment",
			looks: []look{
				{0, provisioning, phasemap.Provisioning}, {1, probing, phasemap.Starting}, {2, running, phasemap.Running},
				{3, provisioning, phasemap.Running}, {4, probing, phasemap.Running}, {5, running, phasemap.Running},
			},
		},
		"restart": {
			why: "an agent that is restarted is starting, and stays so until it runs",
			looks: []look{
				{0, running, phasemap.Running}, {1, restarting, phasemap.Starting},
				{2, probing, phasemap.Starting}, {3, running, phasemap.Running},
			},
		},
		"error held": {
			why: "a hub never takes an agent out of error",
			looks: []look{
				{0, provisioning, phasemap.Provisioning}, {300, pullFailed, phasemap.Provisioning},
				{899, pullFailed, phasemap.Provisioning}, {900, pullFailed, phasemap.Error},
			},
		},
		"error heals": {
			why:   "a Secret came late",
			looks: []look{{0, pullFailed, phasemap.Provisioning}, {60, running, phasemap.Running}},
		},
		"error at once": {
			why:   "a hold of 0 holds nothing back",
			hold:  new(phasemap.Seconds(0)),
			looks: []look{{0, pullFailed, phasemap.Error}},
		},
		"crash loop": {
			why: "the back-off is five minutes at most: an error that comes back counts from the first time",
			looks: []look{
				{0, running, phasemap.Running}, {10, restarting, phasemap.Starting}, {20, crashLoop, phasemap.Starting},
				{320, running, phasemap.Running}, {330, crashLoop, phasemap.Running}, {630, crashLoop, phasemap.Error},
			},
		},
		"crash loop that is over": {
			why: "an error that comes back after longer than the hold counts anew",
			looks: []look{
				{0, crashLoop, phasemap.Starting}, {10, running, phasemap.Running},
				{700, crashLoop, phasemap.Running}, {1299, crashLoop, phasemap.Running}, {1300, crashLoop, phasemap.Error},
			},
		},
		"another error": {
			why: "the time of one trouble does not count for another",
			looks: []look{
				{0, pullFailed, phasemap.Provisioning}, {500, crashLoop, phasemap.Provisioning},
				{700, crashLoop, phasemap.Provisioning}, {1100, crashLoop, phasemap.Error},
			},
		},
	} {
		t.Run(name, func(t *testing.T) {
			tracker := phasemap.Tracker{ErrorHold: c.hold}
			for _, l := range c.looks {
				got := tracker.Observe("uid", l.see, time.Unix(1_800_000_000, 0).Add(l.at*time.Second))
				if got.Phase != l.want {
					t.Errorf("%s: after %d s, %s reads %s, want %s", c.why, l.at, l.see.Rule, got.Phase, l.want)
				}
				if tracked := got.Notes.Has(phasemap.Tracked); tracked != (got.Phase != l.see.Phase) {
					t.Errorf("after %d s, note tracked is %t", l.at, tracked)
				}
				if (got.Terminal || got.Retryable) && !got.Phase.Final() {
					t.Errorf("after %d s, %s is terminal or retryable", l.at, got.Phase)
				}
			}
		})
	}
}

// Without a clock nothing is known to have lasted.
func TestTrackerNoClock(t *testing.T) {
	var tracker phasemap.Tracker
	for range 3 {
		if got := tracker.Observe("uid", pullFailed, time.Time{}); got.Phase != phasemap.Provisioning {
			t.Errorf("an error without a clock reads %s", got.Phase)
		}
	}
}

// A restart uses the name again, not the UID.
func TestTrackerUIDs(t *testing.T) {
	var tracker phasemap.Tracker
	now := time.Unix(1_800_000_000, 0)
	see := func(uid types.UID, st phasemap.Status) phasemap.Phase { return tracker.Observe(uid, st, now).Phase }
	got := []phasemap.Phase{see("a", failed), see("b", provisioning), see("a", running)}
	tracker.Forget("a")
	got = append(got, see("a", running))
	want := []phasemap.Phase{phasemap.Error, phasemap.Provisioning, phasemap.Error, phasemap.Running}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}
