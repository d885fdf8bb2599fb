package phasemap_test

import (
	"slices"
	"testing"
	"time"

	"github.com/scion-gen/scion-gen/pkg/phasemap"
)

// words are the phases and activities of all Scions, and some of none.
var words = []string{
	"", "created", "provisioning", "cloning", "starting", "running", "stopping", "stopped", "error", "suspended",
	"ended", "pending", "resumed", "restored", "deleted", "exited", "undetermined", "busy", "initializing",
	"shutting_down", "unknown", "flying", "idle", "working", "thinking", "waiting_for_input", "completed",
	"limits_exceeded", "crashed", "offline", " Running\n",
}

// Whatever a Pod, an agent and a caller say, what comes out is one of the eight
// phases, an activity only with running, and terminal only with an end.
func TestReconcileAndMapAbsentLaws(t *testing.T) {
	started := time.Date(2026, 9, 1, 11, 51, 0, 0, time.UTC)
	for _, rule := range phasemap.Rules() {
		for _, phase := range append(phasemap.Phases(), "ended", "flying") {
			pod := phasemap.Status{Phase: phase, Rule: rule.ID, Terminal: rule.Terminal, Retryable: true, DisruptionPhase: "ended"}
			checkAbsent(t, pod)
			if !slices.Contains(phasemap.Phases(), phase) {
				continue // no Status of Map
			}
			for _, self := range words {
				for _, activity := range words {
					for _, updated := range []time.Time{{}, started, started.Add(-time.Second)} {
						report := phasemap.SelfReport{Phase: self, Activity: activity, UpdatedAt: updated}
						checkReconciled(t, pod, report, phasemap.Reconcile(pod, &report, started))
					}
				}
			}
		}
	}
}

func checkReconciled(t *testing.T, pod phasemap.Status, report phasemap.SelfReport, got phasemap.Reconciled) {
	t.Helper()
	legal := slices.Contains(phasemap.Phases(), got.Phase) && (got.Activity == "" || got.Phase == phasemap.Running)
	alive := got.Phase != phasemap.Created || pod.Phase == phasemap.Created
	if !legal || !alive || got.Rule == "" || (got.Source == "pod") != (got.Phase == pod.Phase) {
		t.Fatalf("%+v with %+v reads %+v", pod, report, got)
	}
}

func checkAbsent(t *testing.T, last phasemap.Status) {
	t.Helper()
	for _, a := range []phasemap.Absence{
		{Last: &last}, {Last: &last, For: new(phasemap.Seconds(60))}, {Last: &last, StopRequested: true},
	} {
		got := phasemap.MapAbsent(a, phasemap.Options{})
		if !slices.Contains(phasemap.Phases(), got.Phase) || got.Rule == "" ||
			(got.Terminal || got.Retryable) && !got.Phase.Final() {
			t.Fatalf("%+v, gone, reads %+v", last, got)
		}
	}
}
