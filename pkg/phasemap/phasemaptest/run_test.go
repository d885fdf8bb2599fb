package phasemaptest

import (
	"errors"
	"testing"

	golden "github.com/scion-gen/scion-gen/golden/phasemap"
)

// A runner that lets wrong pollers pass is worse than none.
func TestDifferences(t *testing.T) {
	c, err := golden.ReadCase(golden.V1(), "cases/agent-exits/exit-1.json")
	if err != nil {
		t.Fatal(err)
	}
	right := map[string]any{
		"phase": "error", "rule": "PM237", "reason": "AgentFailed", "terminal": true, "retryable": false,
		"exitCode": 1, "container": "agent", "notes": []string{}, "hint": "more than is asked",
	}
	with := func(key string, value any) map[string]any {
		answer := map[string]any{}
		for k, v := range right {
			answer[k] = v
		}
		answer[key] = value
		return answer
	}
	all := golden.ProfileNames()
	for name, test := range map[string]struct {
		answer   any
		profiles []string
		wrong    int
	}{
		"right":                            {right, all, 0},
		"another phase":                    {with("phase", "stopped"), all, 1},
		"a legacy phase":                   {with("phase", "ended"), []string{golden.Core}, 1},
		"not terminal":                     {with("terminal", false), []string{golden.Core}, 1},
		"another exit code":                {with("exitCode", 2), all, 1},
		"an exit code as text":             {with("exitCode", "1"), all, 1},
		"no notes":                         {with("notes", nil), all, 1},
		"another rule":                     {with("rule", "PM236"), all, 1},
		"another rule, none claimed":       {with("rule", "PM236"), []string{golden.Core}, 0},
		"nothing":                          {nil, []string{golden.Core}, 2},
		"only what core asks":              {map[string]any{"phase": "error", "terminal": true}, []string{golden.Core}, 0},
		"only what core asks, all claimed": {map[string]any{"phase": "error", "terminal": true}, all, 6},
	} {
		t.Run(name, func(t *testing.T) {
			wrong, err := differences(c, test.profiles, test.answer)
			if err != nil || len(wrong) != test.wrong {
				t.Errorf("%d differences (%v), want %d: %q", len(wrong), err, test.wrong, wrong)
			}
		})
	}
	for _, answer := range []any{errors.New("refused"), "error", make(chan int)} {
		if _, err := differences(c, all, answer); err == nil {
			t.Errorf("%v passes for an answer", answer)
		}
	}
}
