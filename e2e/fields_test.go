package e2e

import (
	"bytes"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// fieldEdit is an object, and the same one with another value of one field,
// without it, or with it.
type fieldEdit struct {
	path         string
	old, updated object
}

func (e fieldEdit) String() string {
	return fmt.Sprintf("%s: %s -> %s", e.path, shownAt(e.old, e.path), shownAt(e.updated, e.path))
}

// TestFields: of the objects in testdata/fields.yaml, each field is changed,
// removed and added by itself, and scion-gen diff and the API server must agree
// on whether an apply can do it. A change that no new object could have is none:
// the server would refuse it whatever was there before.
func TestFields(t *testing.T) {
	namespace(t, "fields", "privileged", "latest")
	growingClass(t)
	seen := map[string]bool{"": true, "CustomResourceDefinition": true} // the latter is another matter each time
	for _, kind := range operators {
		seen[kind] = true
	}
	for _, m := range readManifests(t, "testdata/fields.yaml") {
		seen[m.kind()] = true
		t.Run(m.kind()+" "+m.name(), func(t *testing.T) { checkFields(t, m.object) })
	}
	for kind := range readTable(t).kinds {
		if !seen[kind] {
			t.Errorf("no field of a %s is changed", kind)
		}
	}
}

func checkFields(t *testing.T, full object) {
	if _, err := apply(t.Context(), manifest{full, full.json()}, "dryRun=All"); err != nil {
		t.Fatal(err)
	}
	edits := possible(t, fieldEdits(full))
	says := diffAll(t, edits)
	for _, group := range byOld(edits) {
		old := edits[group[0]].old
		m := manifest{old, old.json()}
		if _, err := apply(t.Context(), m); err != nil {
			t.Fatalf("make it: %v", err)
		}
		settle(t, old)
		for _, i := range group {
			edits[i].ask(t, says[i])
		}
		remove(t, old)
	}
}

// ask holds what diff says of an edit against the server.
func (e fieldEdit) ask(t *testing.T, says outcome) {
	t.Helper()
	if e.old.kind() == "Pod" && strings.Contains(e.path, ".res") { // resources and resizePolicy
		for _, d := range askSubresources(t, says, e.old, e.updated) {
			t.Errorf("%v\n%s", e, d)
		}
	}
	_, err := apply(t.Context(), manifest{e.updated, e.updated.json()}, "dryRun=All")
	if forbids := refused(t, err); forbids != says.Refused {
		t.Errorf("%v\ndiff says refused=%t by %s, the server says: %v", e, says.Refused, says.Rule, err)
	}
}

// byOld are the places of the edits of equal objects.
func byOld(edits []fieldEdit) [][]int {
	at := map[string]int{}
	var groups [][]int
	for i, e := range edits {
		key := string(e.old.json())
		if _, known := at[key]; !known {
			at[key] = len(groups)
			groups = append(groups, nil)
		}
		groups[at[key]] = append(groups[at[key]], i)
	}
	return groups
}

// possible are the edits between objects that can be made. What the server cannot
// take it need not refuse: 1.35.4 panics at an Indexed Job without completions
// and with a successPolicy.
func possible(t *testing.T, edits []fieldEdit) []fieldEdit {
	t.Helper()
	texts := map[string]object{}
	for _, e := range edits {
		texts[string(e.old.json())], texts[string(e.updated.json())] = e.old, e.updated
	}
	all := slices.Sorted(maps.Keys(texts))
	valid := make([]bool, len(all))
	atOnce(all, func(i int) {
		o := texts[all[i]]
		_, err := apply(t.Context(), manifest{o, o.json()}, "dryRun=All")
		valid[i] = err == nil
	})
	can := map[string]bool{}
	for i, text := range all {
		can[text] = valid[i]
	}
	return slices.DeleteFunc(edits, func(e fieldEdit) bool { return !can[string(e.old.json())] || !can[string(e.updated.json())] })
}

// fieldEdits are the edits of each field of an object but for what identifies it.
func fieldEdits(full object) (edits []fieldEdit) {
	var visit func(v any, path []any)
	visit = func(v any, path []any) {
		shown := pathText(path)
		switch shown {
		case ".apiVersion", ".kind", ".metadata.name", ".metadata.namespace", ".metadata":
		default:
			less := replaced(full, path, nil)
			edits = append(edits, fieldEdit{shown, full, less}, fieldEdit{shown, less, full})
			for _, other := range otherValues(v) {
				edits = append(edits, fieldEdit{shown, full, replaced(full, path, other)})
			}
		}
		switch v := v.(type) {
		case map[string]any:
			for _, key := range slices.Sorted(maps.Keys(v)) {
				visit(v[key], append(path[:len(path):len(path)], key))
			}
		case []any:
			for i := range v {
				visit(v[i], append(path[:len(path):len(path)], i))
			}
		}
	}
	for _, key := range slices.Sorted(maps.Keys(full)) {
		visit(full[key], []any{key})
	}
	return edits
}

func pathText(path []any) string {
	var b strings.Builder
	for _, step := range path {
		if key, ok := step.(string); ok {
			b.WriteString("." + key)
		} else {
			fmt.Fprintf(&b, "[%d]", step)
		}
	}
	return b.String()
}

// replaced is a copy of o with another value at a path, or none if it is nil.
func replaced(o object, path []any, value any) object {
	return object(replacedIn(map[string]any(o), path, value).(map[string]any))
}

func replacedIn(in any, path []any, value any) any {
	if len(path) == 0 {
		return value
	}
	switch in := in.(type) {
	case map[string]any:
		key, out := path[0].(string), maps.Clone(in)
		if out[key] = replacedIn(in[key], path[1:], value); out[key] == nil {
			delete(out, key)
		}
		return out
	case []any:
		i, out := path[0].(int), slices.Clone(in)
		if out[i] = replacedIn(in[i], path[1:], value); out[i] == nil {
			out = slices.Delete(out, i, i+1)
		}
		return out
	}
	panic(fmt.Sprintf("%v has no %v", in, path))
}

// otherTexts are other values of fields with few of them.
var otherTexts = [][]string{
	{"Always", "Never", "IfNotPresent", "OnFailure"},
	{"TCP", "UDP"},
	{"NoExecute", "NoSchedule", "PreferNoSchedule"},
	{"RollingUpdate", "Recreate", "OnDelete"},
	{"Indexed", "NonIndexed"},
	{"Retain", "Delete"},
	{"ClusterIP", "NodePort", "LoadBalancer", "ExternalName"},
	{"SingleStack", "PreferDualStack", "RequireDualStack"},
	{"NotRequired", "RestartContainer"},
	{"ReadWriteOnce", "ReadWriteMany"},
	{"10.0.0.7", "10.0.0.9", "None"},
	{"Never", "PreemptLowerPriority"},
	{"Local", "Cluster"},
	{"Ignore", "Count"},
	{"ClientIP", "None"},
	{"WaitForFirstConsumer", "Immediate"},
	{"IPv4", "IPv6"},
	{"Block", "Filesystem"},
	{"Parallel", "OrderedReady"},
	{"MQ==", "Mw=="},
	{"Forbid", "Replace"},
	{"Default", "ClusterFirst"},
	{"Exists", "DoesNotExist"},
	{"RuntimeDefault", "Unconfined"},
	{"DoNotSchedule", "ScheduleAnyway"},
	{"ssd", "ssd,hdd"},
}

var quantities = regexp.MustCompile(`^([1-9]\d*)(m|Mi|Gi)?$`)

// otherValues are values that a field may have instead.
func otherValues(v any) (others []any) {
	switch v := v.(type) {
	case bool:
		return []any{!v}
	case float64:
		return []any{v + 1, v - 1}
	case string:
		for _, texts := range otherTexts {
			if slices.Contains(texts, v) {
				for _, text := range texts {
					if text != v {
						others = append(others, text)
					}
				}
			}
		}
		if m := quantities.FindStringSubmatch(v); m != nil {
			var n int
			fmt.Sscan(m[1], &n)
			others = append(others, fmt.Sprint(n+1)+m[2], fmt.Sprint(n-1)+m[2])
		}
		return append(others, v+"x")
	}
	return nil
}

func shownAt(o object, path string) string {
	var v any = map[string]any(o)
	for _, step := range strings.FieldsFunc(path, func(r rune) bool { return r == '.' || r == '[' || r == ']' }) {
		var i int
		switch in := v.(type) {
		case map[string]any:
			v = in[step]
		case []any:
			fmt.Sscan(step, &i)
			if v = nil; i < len(in) {
				v = in[i]
			}
		}
	}
	if v == nil {
		return "none"
	}
	return fmt.Sprint(v)
}

// diffAll is what scion-gen diff says of edits: the outcome that is refused, if
// one is.
func diffAll(t *testing.T, edits []fieldEdit) []outcome {
	t.Helper()
	var old, updated bytes.Buffer
	name := func(i int) string { return fmt.Sprintf("edit-%d", i) }
	for i, e := range edits {
		for _, side := range []struct {
			to *bytes.Buffer
			object
		}{{&old, e.old}, {&updated, e.updated}} {
			side.to.WriteString("---\n")
			side.to.Write(replaced(side.object, []any{"metadata", "name"}, name(i)).json())
			side.to.WriteString("\n")
		}
	}
	byName := map[string]outcome{}
	for _, o := range runDiff(t, old.Bytes(), updated.Bytes()) {
		for _, e := range o.Edits {
			if was, known := byName[o.Name]; !known || e.Outcome.Refused && !was.Refused {
				byName[o.Name] = e.Outcome
			}
		}
	}
	says := make([]outcome, len(edits))
	for i := range edits {
		says[i] = byName[name(i)]
	}
	return says
}
