package diff

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// agentPod is the pod of an agent, which works on something.
func agentPod(grove, agent, task string) string {
	return fmt.Sprintf("---\napiVersion: v1\nkind: Pod\nmetadata:\n  name: %[1]s--%[2]s\n  labels: {scion.grove: %[1]s, scion.name: %[2]s}\nspec:\n  restartPolicy: Never\n  containers:\n  - {name: agent, image: agent:1, workingDir: /workspace, env: [{name: NAME, value: %[2]s}, {name: URL, value: \"https://git.example.com/%[1]s\"}, {name: TASK, value: %[3]s}]}\n", grove, agent, task)
}

func TestRenames(t *testing.T) {
	var many [2]strings.Builder
	for i := range 3 * maxCandidates {
		for side, grove := range []string{"web", "shop"} {
			many[side].WriteString(agentPod(grove, fmt.Sprintf("a%d", i), fmt.Sprintf("t%d", i+7*side)))
		}
	}
	for _, c := range []struct {
		why      string
		old, new string
		want     []string // old and new names; the first few
		renamed  int
	}{
		{"another name", agentPod("web", "a", "x"), agentPod("web", "b", "x"), []string{"web--a web--b"}, 1},
		{"another grove, and another task", agentPod("web", "a", "x"), agentPod("shop", "a", "y"), []string{"web--a shop--a"}, 1},
		{
			"the same agent counts for more than the same task", agentPod("web", "a", "x") + agentPod("web", "b", "y"), agentPod("shop", "a", "y") + agentPod("shop", "b", "x"),
			[]string{"web--a shop--a", "web--b shop--b"}, 2,
		},
		{
			"two agents of a name are told by content", agentPod("web", "a", "x") + agentPod("api", "a", "y"), agentPod("shop", "a", "y") + agentPod("data", "a", "x"),
			[]string{"web--a data--a", "api--a shop--a"}, 2,
		},
		{"a great many", many[0].String(), many[1].String(), []string{"web--a0 shop--a0", "web--a1 shop--a1"}, 3 * maxCandidates},
	} {
		t.Run(c.why, func(t *testing.T) {
			r := Compare(readSide(t, "old", c.old), readSide(t, "new", c.new), Options{})
			checkGroups(t, r)
			var got []string
			for _, o := range r.Objects {
				if o.Renamed {
					got = append(got, o.Was.Name+" "+o.Ref.Name)
				}
			}
			if len(got) != c.renamed || len(r.Objects) != c.renamed {
				t.Errorf("%d of %d objects are renamed, want %d", len(got), len(r.Objects), c.renamed)
			}
			for _, want := range c.want {
				if !slices.Contains(got, want) {
					t.Errorf("no %s among %q", want, got[:min(5, len(got))])
				}
			}
		})
	}
}

// What follows from the names of renamed objects is one row of all of them.
func TestRenamesGroup(t *testing.T) {
	var old, new string
	for _, agent := range []string{"a", "b", "c"} {
		old += agentPod("web", agent, "x")
		new += agentPod("shop", agent+"2", "x")
	}
	r := Compare(readSide(t, "old", old), readSide(t, "new", new), Options{})
	checkGroups(t, r)
	got := map[string]int{}
	for _, g := range r.Groups {
		for _, c := range g.Changes {
			got[c.Path] = len(c.Rows)
		}
	}
	want := map[string]int{
		"metadata.name": 3, "metadata.labels[scion.name]": 1, "metadata.labels[scion.grove]": 1,
		"spec.containers[agent].env[NAME].value": 1, "spec.containers[agent].env[URL].value": 1,
	}
	if d := cmp.Diff(want, got); d != "" {
		t.Errorf("rows by field (-want +got):\n%s", d)
	}
}
