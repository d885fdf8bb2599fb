package phasemap_test

import (
	"encoding/json"
	"math"
	"slices"
	"testing"

	"github.com/scion-gen/scion-gen/pkg/phasemap"
)

// A poller that restarts keeps what it knew: a Status survives JSON.
func TestStatusRoundTrip(t *testing.T) {
	for _, q := range questions(t) {
		want, isStatus := q.want.(phasemap.Status)
		if !isStatus {
			continue
		}
		data, err := json.Marshal(want)
		if err != nil {
			t.Fatal(err)
		}
		var got phasemap.Status
		if err := json.Unmarshal(data, &got); err != nil || got != want {
			t.Errorf("%s: %+v (%v), was %+v", q.ID, got, err, want)
		}
	}
}

func TestNotesAreSorted(t *testing.T) {
	codes := phasemap.Notes(math.MaxUint16).Codes()
	if !slices.IsSorted(codes) || len(codes) != 8 {
		t.Errorf("notes %q", codes)
	}
	var n phasemap.Notes
	if err := json.Unmarshal([]byte(`["pod-lingering","flying"]`), &n); err == nil {
		t.Error("an unknown note passes")
	}
}

func TestOptionsValidate(t *testing.T) {
	for _, valid := range []phasemap.Options{
		{},
		{DisruptionPhase: "auto", CommittedDisruption: "final", VanishedPhase: "error", AssumedRestartPolicy: "Always"},
	} {
		if err := valid.Validate(); err != nil {
			t.Error(err)
		}
	}
	for want, bad := range map[string]phasemap.Options{
		`disruptionPhase: "running" is none of auto, stopped, error`:        {DisruptionPhase: "running"},
		`committedDisruption: "now" is neither stopping nor final`:          {CommittedDisruption: "now"},
		`vanishedPhase: "created" is neither stopped nor error`:             {VanishedPhase: "created"},
		`assumedRestartPolicy: "never" is none of Never, OnFailure, Always`: {AssumedRestartPolicy: "never"},
		`imagePullGrace: -1 is negative`:                                    {ImagePullGrace: new(phasemap.Seconds(-1))},
	} {
		if err := bad.Validate(); err == nil || err.Error() != want {
			t.Errorf("got %v, want %s", err, want)
		}
	}
}
