package phasemap_test

import (
	"encoding/json"
	"errors"
	"testing"

	golden "github.com/scion-gen/scion-gen/golden/phasemap"
	"github.com/scion-gen/scion-gen/pkg/phasemap"
	"github.com/scion-gen/scion-gen/pkg/phasemap/phasemaptest"
)

// answer is phasemap itself as a poller.
func answer(r phasemaptest.Request) any {
	if r.Op == "absent" {
		return phasemap.MapAbsent(r.Absence, r.Options)
	}
	st, err := phasemap.MapJSON(r.Pod, r.Options, r.Now)
	if err != nil {
		return err
	}
	if r.Op == "reconcile" {
		return phasemap.Reconcile(st, r.Self, r.StartedAt)
	}
	return st
}

func TestGolden(t *testing.T) {
	phasemaptest.Run(t, answer)
}

// A typed client must give the same answers, for all that it can decode.
func TestGoldenTyped(t *testing.T) {
	phasemaptest.Run(t, func(r phasemaptest.Request) any {
		pod, err := r.TypedPod()
		if err != nil {
			return err
		}
		return phasemap.Map(pod, r.Options, r.Now)
	}, golden.Core, golden.Rules, golden.Clock)
}

// The suite says what an option is where a case does not: saying so must change
// nothing.
func TestGoldenDefaults(t *testing.T) {
	suite, err := golden.ReadSuite(golden.V1())
	if err != nil {
		t.Fatal(err)
	}
	defaults, err := json.Marshal(suite.Defaults)
	if err != nil {
		t.Fatal(err)
	}
	phasemaptest.Run(t, func(r phasemaptest.Request) any {
		differing, err := json.Marshal(r.Options)
		if err != nil {
			return err
		}
		r.Options = phasemap.Options{}
		err = errors.Join(json.Unmarshal(defaults, &r.Options), json.Unmarshal(differing, &r.Options), r.Options.Validate())
		if err != nil {
			return err
		}
		return answer(r)
	})
}
