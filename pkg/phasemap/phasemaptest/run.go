// Package phasemaptest runs the golden suite of phases against a poller written
// in Go:
//
//	func TestPhases(t *testing.T) {
//		phasemaptest.Run(t, func(r phasemaptest.Request) any {
//			pod, err := r.TypedPod()
//			if err != nil {
//				return err
//			}
//			return map[string]any{"phase": myPhase(pod), "terminal": myDone(pod)}
//		}, golden.Core)
//	}
//
// Pollers in other languages are run by scion-gen conformance, which also
// shuffles, strips and mutates what it asks.
package phasemaptest

import (
	"encoding/json"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	utiljson "k8s.io/apimachinery/pkg/util/json"

	golden "github.com/scion-gen/scion-gen/golden/phasemap"
	"github.com/scion-gen/scion-gen/pkg/phasemap"
)

// Request is what one case asks.
type Request struct {
	Op      string // map, reconcile or absent
	Options phasemap.Options
	Now     time.Time // zero if there is no clock

	// Pod is the Pod of map and reconcile as it came from the API server, which
	// need not be decodable where the profile raw-json is claimed.
	Pod json.RawMessage

	// Self and StartedAt are those of reconcile: the agent's report, nil if
	// there is none, and the start of its container, zero if unknown.
	Self      *phasemap.SelfReport
	StartedAt time.Time

	// Absence is that of absent.
	Absence phasemap.Absence
}

// TypedPod decodes the Pod as client-go does, keys case-sensitive; a null Pod is
// nil.
func (r Request) TypedPod() (*corev1.Pod, error) {
	var pod *corev1.Pod
	err := utiljson.Unmarshal(r.Pod, &pod)
	return pod, err
}

// Run asks answer every case of the suite that the profiles cover, all if none
// are given, each in a subtest. An answer is anything that encodes to JSON with
// the members of schema/protocol.schema.json, such as a [phasemap.Status]; what
// it leaves out counts as null. An error for an answer fails the case.
func Run(t *testing.T, answer func(Request) any, profiles ...string) {
	t.Helper()
	if len(profiles) == 0 {
		profiles = golden.ProfileNames()
	}
	_, cases, err := golden.Load(golden.V1())
	if err != nil {
		t.Fatal(err)
	}
	cases = slices.DeleteFunc(cases, func(c golden.Case) bool { return !c.Applies(profiles) })
	if len(cases) == 0 {
		t.Fatalf("no case for profiles %q; claim at least one of core, reconcile, absent", profiles)
	}
	for _, c := range cases {
		t.Run(c.Group+"/"+c.ID, func(t *testing.T) {
			request, err := NewRequest(c)
			if err != nil {
				t.Fatal(err)
			}
			check(t, c, profiles, answer(request))
		})
	}
}

// NewRequest returns what a case asks.
func NewRequest(c golden.Case) (Request, error) {
	r := Request{Op: c.Op, Pod: c.Pod}
	r.Absence.StopRequested = c.StopRequested
	if c.AbsentForSeconds != nil {
		r.Absence.For = new(phasemap.Seconds(*c.AbsentForSeconds))
	}
	for _, part := range []struct {
		raw json.RawMessage
		to  any
	}{{c.Options, &r.Options}, {c.Self, &r.Self}, {c.Last, &r.Absence.Last}} {
		if part.raw == nil {
			continue
		}
		if err := json.Unmarshal(part.raw, part.to); err != nil {
			return r, err
		}
	}
	for _, moment := range []struct {
		text *string
		to   *time.Time
	}{{c.Now, &r.Now}, {c.ContainerStartedAt, &r.StartedAt}} {
		if moment.text == nil {
			continue
		}
		if err := moment.to.UnmarshalText([]byte(*moment.text)); err != nil {
			return r, err
		}
	}
	return r, nil
}

func check(t *testing.T, c golden.Case, profiles []string, answer any) {
	t.Helper()
	wrong, err := differences(c, profiles, answer)
	if err != nil {
		t.Fatalf("%s: %v", c.Title, err)
	}
	for _, w := range wrong {
		t.Errorf("%s: %s", c.Title, w)
	}
}

// differences says what is wrong with an answer, in the order of its members.
func differences(c golden.Case, profiles []string, answer any) (wrong []string, err error) {
	if err, isError := answer.(error); isError {
		return nil, err
	}
	data, err := json.Marshal(answer)
	if err != nil {
		return nil, err
	}
	var got map[string]any
	if err := json.Unmarshal(data, &got); err != nil {
		return nil, fmt.Errorf("answer %s: %w", data, err)
	}
	expected := c.Expected(profiles)
	for _, key := range slices.Sorted(maps.Keys(expected)) {
		var want any
		if err := json.Unmarshal(expected[key], &want); err != nil {
			return nil, err
		}
		if !reflect.DeepEqual(got[key], want) {
			wrong = append(wrong, fmt.Sprintf("%s is %v, want %s, in %s", key, got[key], expected[key], data))
		}
	}
	return wrong, nil
}
