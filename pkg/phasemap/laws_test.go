package phasemap_test

import (
	"encoding/json"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
	utiljson "k8s.io/apimachinery/pkg/util/json"

	"github.com/scion-gen/scion-gen/pkg/phasemap"
)

// What holds of every Pod, whatever becomes of it: tried here on every case and
// some mutations of it, on many more by
//
//	go test ./pkg/phasemap -run - -fuzz FuzzLaws -fuzztime 30s
func TestLaws(t *testing.T) {
	for i, q := range questions(t) {
		if q.Request.Op != "map" {
			continue
		}
		t.Run(q.ID, func(t *testing.T) {
			checkLaws(t, q, decode(t, q.Request.Pod), rand.New(rand.NewPCG(uint64(i), 0)))
			for seed := range uint64(2) {
				random := rand.New(rand.NewPCG(uint64(i), seed))
				checkLaws(t, q, mutatePod(decode(t, q.Request.Pod), random), random)
			}
		})
	}
}

func FuzzLaws(f *testing.F) {
	list := slices.DeleteFunc(questions(f), func(q question) bool { return q.Request.Op != "map" })
	for i := range list {
		f.Add(uint(i), uint64(i))
	}
	f.Fuzz(func(t *testing.T, index uint, seed uint64) {
		q := list[index%uint(len(list))]
		random := rand.New(rand.NewPCG(seed, 1))
		pod := decode(t, q.Request.Pod)
		for range 1 + random.IntN(8) {
			pod = mutatePod(pod, random)
		}
		checkLaws(t, q, pod, random)
	})
}

// checkLaws states them. It may shuffle and strip pod, so that each law works
// on what the one before left.
func checkLaws(t *testing.T, q question, pod any, random *rand.Rand) {
	t.Helper()
	opts, now := q.Request.Options, q.Request.Now
	data := encode(t, pod)
	ask := func(data []byte, now time.Time) phasemap.Status {
		st, err := phasemap.MapJSON(data, opts, now)
		if err != nil {
			t.Fatalf("%v\n%s", err, data)
		}
		return st
	}
	same := func(law string, got, want phasemap.Status) {
		t.Helper()
		if got != want {
			t.Fatalf("%s (-want +got):\n%s\n%s", law, cmp.Diff(want, got, cmp.AllowUnexported(phasemap.ExitCode{})), data)
		}
	}
	want := ask(data, now)

	if !slices.Contains(phasemap.Phases(), want.Phase) {
		t.Fatalf("phase %q is none of the eight\n%s", want.Phase, data)
	}
	if (want.Phase == phasemap.Created) != (pod == nil) {
		t.Fatalf("created is for no Pod, and for none else\n%s", data)
	}
	if (want.Terminal || want.Retryable) && !want.Phase.Final() {
		t.Fatalf("%s is terminal or retryable\n%s", want.Phase, data)
	}
	if want.Rule == "" || want.Reason == "" {
		t.Fatalf("no rule or no reason: %+v\n%s", want, data)
	}
	same("asked twice", ask(data, now), want)
	checkNoClock(t, ask(data, time.Time{}), opts, data)

	if st, decodes := askTyped(t, data, opts, now); decodes {
		same("after a typed round trip", st, want)
	}
	same("with unknown fields", ask(encode(t, sprinkle(pod, random)), now), want)
	same("stripped to the fields", ask(encode(t, strip(pod, phasemap.Fields())), now), want)
	if unambiguous(pod) {
		for range 2 {
			shuffle(pod, random)
			same("with its lists shuffled", ask(encode(t, pod), now), want)
		}
	}
}

// checkNoClock: nothing is an error only because it takes long if nobody knows
// how long it takes. A grace of 0 is over without a clock.
func checkNoClock(t *testing.T, st phasemap.Status, opts phasemap.Options, data []byte) {
	t.Helper()
	graces := map[string]*phasemap.Seconds{
		"PM403": opts.UnschedulableGrace, "PM442": opts.ImagePullGrace,
		"PM444": opts.StartErrorGrace, "PM445": opts.StartErrorGrace,
	}
	grace, graced := graces[st.Rule]
	if graced && (grace == nil || *grace > 0) || st.Rule == "PM302" {
		t.Fatalf("%s without a clock\n%s", st.Rule, data)
	}
}

// askTyped asks the way a typed client does, and again after it wrote the Pod.
func askTyped(t *testing.T, data []byte, opts phasemap.Options, now time.Time) (phasemap.Status, bool) {
	t.Helper()
	var pod *corev1.Pod
	if utiljson.Unmarshal(data, &pod) != nil {
		return phasemap.Status{}, false
	}
	st := phasemap.Map(pod, opts, now)
	written, err := json.Marshal(pod)
	if err != nil {
		return st, false
	}
	if again, err := phasemap.MapJSON(written, opts, now); err != nil || again != st {
		t.Fatalf("written by a typed client (%v): %+v, was %+v\n%s", err, again, st, data)
	}
	return st, true
}

func decode(t *testing.T, data []byte) any {
	t.Helper()
	var v any
	if err := utiljson.Unmarshal(data, &v); err != nil {
		t.Fatal(err)
	}
	return v
}

func encode(t *testing.T, v any) []byte {
	t.Helper()
	data, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return data
}

// mutatePod changes one thing somewhere in the Pod, which stays an object.
func mutatePod(pod any, random *rand.Rand) any {
	if object, isObject := pod.(map[string]any); isObject && len(object) > 0 {
		return mutate(object, random)
	}
	return map[string]any{"status": odd(random)}
}

func mutate(v any, random *rand.Rand) any {
	switch v := v.(type) {
	case map[string]any:
		keys := sortedKeys(v)
		if len(keys) == 0 {
			return odd(random)
		}
		key := keys[random.IntN(len(keys))]
		switch random.IntN(10) {
		case 0:
			delete(v, key)
		case 1:
			v[key] = odd(random)
		default:
			v[key] = mutate(v[key], random)
		}
		return v
	case []any:
		if len(v) == 0 || random.IntN(10) == 0 {
			return append(v, odd(random))
		}
		i := random.IntN(len(v))
		if random.IntN(6) == 0 {
			return slices.Delete(v, i, i+1)
		}
		v[i] = mutate(v[i], random)
		return v
	default:
		return odd(random)
	}
}

// odd returns a value that could be anywhere in a Pod, or should not be.
func odd(random *rand.Rand) any {
	words := []string{
		"", "agent", "git-clone", "Pending", "Running", "Succeeded", "Failed", "Unknown", "ended", "True", "False",
		"Always", "OnFailure", "Never", "Evicted", "NodeLost", "DeadlineExceeded", "OutOfcpu", "AppArmor",
		"CrashLoopBackOff", "ImagePullBackOff", "ErrOdd", "OOMKilled", "ContainerStatusUnknown", "DisruptionTarget",
		"PreemptionByScheduler", "2026-09-01T11:58:00Z", "2026-09-01T13:58:00+02:00", "yesterday",
		"2026-09-01T9:58:00Z", "2026-09-01T11:59:00,5Z", "0001-01-01T00:00:00Z", "0000-12-31T23:59:59Z", "9999-12-31T23:59:59-01:00",
	}
	switch random.IntN(8) {
	case 0:
		return nil
	case 1:
		return random.IntN(2) == 0
	case 2:
		return []any{}
	case 3:
		return map[string]any{}
	case 4:
		numbers := []any{0, 1, 10, 137, 143, 255, -1, int64(3221225786), int64(math.MaxInt64), 1.5}
		return numbers[random.IntN(len(numbers))]
	default:
		return words[random.IntN(len(words))]
	}
}

// sprinkle returns the Pod with fields in it that nobody knows.
func sprinkle(v any, random *rand.Rand) any {
	switch v := v.(type) {
	case map[string]any:
		out := map[string]any{}
		for _, key := range sortedKeys(v) {
			out[key] = sprinkle(v[key], random)
		}
		if len(v) > 0 && random.IntN(2) == 0 {
			out["futureField"] = map[string]any{"state": "Failed"}
		}
		return out
	case []any:
		out := make([]any, len(v))
		for i := range v {
			out[i] = sprinkle(v[i], random)
		}
		return out
	default:
		return v
	}
}

// strip returns the Pod with nothing left but the fields.
func strip(v any, fields []string) any {
	object, isObject := v.(map[string]any)
	if !isObject {
		return v
	}
	out := map[string]any{}
	for key, value := range object {
		var below []string
		for _, field := range fields {
			head, rest := cut(field)
			if head != key && head != key+"[]" {
				continue
			}
			if rest == "" {
				below = nil
				out[key] = value
				break
			}
			below = append(below, rest)
		}
		if below != nil {
			out[key] = stripEach(value, below)
		}
	}
	return out
}

func stripEach(v any, fields []string) any {
	list, isList := v.([]any)
	if !isList {
		return strip(v, fields)
	}
	out := make([]any, len(list))
	for i := range list {
		out[i] = strip(list[i], fields)
	}
	return out
}

// cut takes the first name off a path; a name in brackets may have dots.
func cut(path string) (head, rest string) {
	if key, isKey := strings.CutPrefix(path, `["`); isKey {
		return strings.TrimSuffix(key, `"]`), ""
	}
	i := strings.IndexAny(path, ".[")
	if i < 0 || strings.HasSuffix(path[:i+1], "[") && path[i+1] == ']' {
		head, rest, _ = strings.Cut(path, ".")
		return head, rest
	}
	return path[:i], strings.TrimPrefix(path[i:], ".")
}

// The lists of a Pod whose order means nothing. That of spec.initContainers is
// the order they run in; without a spec, so is that of their statuses.
func lists(pod any) [][]any {
	spec, status := member(pod, "spec"), member(pod, "status")
	found := [][]any{
		entries(spec, "containers"), entries(spec, "volumes"), entries(spec, "schedulingGates"),
		entries(status, "conditions"), entries(status, "containerStatuses"),
	}
	if len(entries(spec, "initContainers")) > 0 {
		found = append(found, entries(status, "initContainerStatuses"))
	}
	return found
}

func shuffle(pod any, random *rand.Rand) {
	for _, list := range lists(pod) {
		random.Shuffle(len(list), func(i, j int) { list[i], list[j] = list[j], list[i] })
	}
}

// unambiguous reports whether no list has two entries of one name, which the
// API server would not let in and of which either may be taken.
func unambiguous(pod any) bool {
	for _, list := range append(lists(pod), entries(member(pod, "status"), "initContainerStatuses")) {
		seen := map[any]bool{}
		for _, entry := range list {
			for _, key := range []string{"name", "type"} {
				name, isString := member2(entry, key).(string)
				if isString && seen[key+name] {
					return false
				}
				seen[key+name] = true
			}
		}
	}
	return true
}

func member(v any, key string) map[string]any {
	m, _ := member2(v, key).(map[string]any)
	return m
}

func member2(v any, key string) any {
	m, _ := v.(map[string]any)
	return m[key]
}

func entries(m map[string]any, key string) []any {
	list, _ := m[key].([]any)
	return list
}

func sortedKeys(m map[string]any) []string {
	keys := make([]string, 0, len(m))
	for key := range m {
		keys = append(keys, key)
	}
	slices.Sort(keys)
	return keys
}
