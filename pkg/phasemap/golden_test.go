package phasemap_test

import (
	"encoding/json"
	"errors"
	"slices"
	"testing"
	"time"

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

// A case requires the profiles clock and raw-json if it must: its answer is
// another without a clock, or no typed client decodes its Pod.
func TestProfilesOfCases(t *testing.T) {
	for _, q := range questions(t) {
		if q.Request.Op != "map" {
			continue
		}
		clocked := q.Case.Now == nil || q.document.Map(q.Request.Options, time.Time{}) != q.want
		if slices.Contains(q.Requires, golden.Clock) != clocked {
			t.Errorf("%s: depends on the clock: %t", q.ID, clocked)
		}
		_, err := q.TypedPod()
		if slices.Contains(q.Requires, golden.RawJSON) != (err != nil) {
			t.Errorf("%s: decoding it: %v", q.ID, err)
		}
	}
}

func TestReadDocumentErrors(t *testing.T) {
	for input, want := range map[string]string{
		"":                 "byte 0: EOF",
		"{":                "byte 1: unexpected EOF",
		`{"a": tru}`:       "byte 10: invalid character '}' in literal true (expecting 'e')",
		"{} {}":            "byte 4: more than one JSON value",
		"[]":               "not a JSON object",
		`"a Pod"`:          "not a JSON object",
		"{\"a\":\"\x00\"}": "byte 7: invalid character '\\x00' in string literal",
	} {
		if _, err := phasemap.ReadDocument([]byte(input)); err == nil || err.Error() != want {
			t.Errorf("%q: %v, want %s", input, err, want)
		}
	}
}
