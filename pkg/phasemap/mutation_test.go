package phasemap_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strconv"
	"testing"

	golden "github.com/scion-gen/scion-gen/golden/phasemap"
	"github.com/scion-gen/scion-gen/pkg/phasemap"
	"github.com/scion-gen/scion-gen/pkg/phasemap/phasemaptest"
)

// question is a case that is decoded once and asked often.
type question struct {
	golden.Case
	phasemaptest.Request
	document phasemap.Document
	want     any // the whole answer of the whole table
}

func questions(t testing.TB) []question {
	t.Helper()
	_, cases, err := golden.Load(golden.V1())
	if err != nil {
		t.Fatal(err)
	}
	if len(cases) == 0 {
		t.Fatal("no cases")
	}
	list := make([]question, len(cases))
	for i, c := range cases {
		request, err := phasemaptest.NewRequest(c)
		if err != nil {
			t.Fatal(err)
		}
		list[i] = question{Case: c, Request: request}
		if c.Op != "absent" {
			if list[i].document, err = phasemap.ReadDocument(c.Pod); err != nil {
				t.Fatal(err)
			}
		}
		list[i].want = list[i].ask()
	}
	return list
}

func (q question) ask() any {
	switch q.Request.Op {
	case "absent":
		return phasemap.MapAbsent(q.Absence, q.Request.Options)
	case "reconcile":
		return phasemap.Reconcile(q.document.Map(q.Request.Options, q.Request.Now), q.Request.Self, q.StartedAt)
	default:
		return q.document.Map(q.Request.Options, q.Request.Now)
	}
}

// breaks reports whether an answer is not what the case expects.
func (q question) breaks(answer any) bool {
	data, _ := json.Marshal(answer)
	var got map[string]any
	_ = json.Unmarshal(data, &got)
	for key, raw := range q.Expect {
		var want any
		_ = json.Unmarshal(raw, &want)
		if !reflect.DeepEqual(got[key], want) {
			return true
		}
	}
	return false
}

// Each row of the table is there for something: without it, a case fails.
func TestEveryRowIsNeeded(t *testing.T) {
	list := questions(t)
	for i, id := range phasemap.RowIDs() {
		t.Run(fmt.Sprintf("%02d-%s", i, id), func(t *testing.T) {
			phasemap.WithoutRow(i, func() {
				for _, q := range list {
					if answer := q.ask(); answer != q.want && q.breaks(answer) {
						return
					}
				}
				t.Error("no case needs this row")
			})
		})
	}
}

// Each default is what it is for a reason: were it another, by a second or a
// name, a case would fail. So both sides of the end of each grace have one.
func TestEveryDefaultIsNeeded(t *testing.T) {
	suite, err := golden.ReadSuite(golden.V1())
	if err != nil {
		t.Fatal(err)
	}
	others := map[string][]any{
		"agentContainer": {"main"}, "workspaceVolume": {"work"}, "assumedRestartPolicy": {"Always", "OnFailure"},
		"autoscaling": {true}, "requireReady": {true}, "committedDisruption": {"final"}, "disruptionPhase": {"stopped", "error"},
		"vanishedPhase": {"error"}, "limitsExitCodes": {[]int{}, []int{10, 1}},
		"cloneInitContainers": {[]string{"git-clone"}, []string{"workspace-provision"}, []string{"git-clone", "workspace-provision", "prep"}},
	}
	list := questions(t)
	for name, raw := range suite.Defaults {
		if seconds, err := strconv.Atoi(string(raw)); err == nil {
			others[name] = []any{seconds - 1, seconds + 1}
		}
		if others[name] == nil {
			t.Errorf("%s: no other value to try", name)
		}
		for _, other := range others[name] {
			if !slices.ContainsFunc(list, func(q question) bool { return q.breaks(q.with(t, name, other).ask()) }) {
				t.Errorf("%s could as well be %v: no case fails", name, other)
			}
		}
	}
}

// with is the question with another default of an option, which matters where
// its case does not say what the option is.
func (q question) with(t *testing.T, name string, value any) question {
	t.Helper()
	var options map[string]any
	data, errValue := json.Marshal(map[string]any{name: value})
	err := json.Unmarshal(q.Case.Options, &options)
	if _, says := options[name]; !says {
		err = errors.Join(err, errValue, json.Unmarshal(data, &q.Request.Options))
	}
	if err != nil {
		t.Fatal(err)
	}
	return q
}

// A reason that the table knows and no case has is a reason that other pollers
// will miss.
func TestEveryReasonHasACase(t *testing.T) {
	_, cases, err := golden.Load(golden.V1())
	if err != nil {
		t.Fatal(err)
	}
	for _, reason := range phasemap.Reasons() {
		quoted := []byte(`"` + reason + `"`)
		found := false
		for _, c := range cases {
			found = found || bytes.Contains(c.Pod, quoted)
		}
		if !found {
			t.Errorf("%s: no case", reason)
		}
	}
}
