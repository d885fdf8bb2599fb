package conformance

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strings"

	"github.com/scion-gen/scion-gen/pkg/phasemap"
)

// compare reports the members of an answer that are not as expected. A member
// that is missing counts as null; members that are not expected do not count.
func compare(expect map[string]json.RawMessage, got map[string]any) error {
	var wrong []string
	for _, key := range slices.Sorted(maps.Keys(expect)) {
		var want any
		if err := json.Unmarshal(expect[key], &want); err != nil {
			return fmt.Errorf("the suite expects no JSON of %s: %w", key, err)
		}
		if !reflect.DeepEqual(want, got[key]) {
			wrong = append(wrong, fmt.Sprintf("%s is %s, want %s", key, literal(got[key]), literal(want)))
		}
	}
	if wrong != nil {
		return errors.New(strings.Join(wrong, "; "))
	}
	return nil
}

func literal(value any) string {
	text, err := json.Marshal(value)
	if err != nil {
		return fmt.Sprint(value)
	}
	return string(excerpt(text))
}

// lawful reports what no answer may be, whatever was asked. An agent whose pod
// exists is never created: users could edit and start it a second time.
func lawful(op string, absent bool, answer map[string]any) error {
	phase, _ := answer["phase"].(string)
	final := phasemap.Phase(phase).Final()
	switch {
	case !slices.Contains(phasemap.Phases(), phasemap.Phase(phase)):
		return fmt.Errorf("phase is %s, which is none of the eight", literal(answer["phase"]))
	case phase == "created" && !absent:
		return errors.New("phase is created although the pod exists")
	case op == "reconcile" && phase != "running" && answer["activity"] != nil && answer["activity"] != "":
		return fmt.Errorf("activity is %s in phase %s; only running has one", literal(answer["activity"]), phase)
	case !final && answer["terminal"] == true, !final && answer["retryable"] == true:
		return fmt.Errorf("terminal is %s and retryable %s in phase %s; only stopped and error are either",
			literal(answer["terminal"]), literal(answer["retryable"]), phase)
	}
	return nil
}
