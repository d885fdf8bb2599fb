package podstream

import (
	"bytes"
	_ "embed"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"runtime"
	"slices"
	"strings"
	"testing"
	"testing/iotest"
	"time"

	"github.com/scion-gen/scion-gen/pkg/phasemap"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	corev1 "k8s.io/api/core/v1"
	"sigs.k8s.io/yaml"
)

// recorded are Pods of a Kubernetes v1.35.4 cluster, one a line.
//
//go:embed testdata/recorded.jsonl
var recorded []byte

// recordedPods are the lines of recorded.
func recordedPods(t testing.TB) [][]byte {
	lines := bytes.Split(bytes.TrimSpace(recorded), []byte("\n"))
	if len(lines) < 10 {
		t.Fatalf("only %d recorded Pods", len(lines))
	}
	return lines
}

// readAll is what Read gives, errors in their places as text.
func readAll(r io.Reader) (all []any) {
	for obj, err := range Read(r) {
		if err != nil {
			all = append(all, err.Error())
			continue
		}
		all = append(all, obj)
	}
	return all
}

// unversioned are the differences between a Pod read here and a trimmed one:
// a cache needs the version, and a list may leave the kind to its items.
var unversioned = cmp.Options{
	cmpopts.IgnoreFields(corev1.Pod{}, "TypeMeta", "ObjectMeta.ResourceVersion"),
	cmpopts.IgnoreFields(corev1.ContainerStateTerminated{}, "ContainerID"),
	cmpopts.IgnoreFields(corev1.PersistentVolumeClaimVolumeSource{}, "ClaimName"),
	cmpopts.EquateEmpty(),
}

// What is read of a Pod is what a typed client decodes, trimmed: no field is
// forgotten in one of the two lists of fields.
func TestReadIsTrimmedDecode(t *testing.T) {
	for _, text := range recordedPods(t) {
		want := new(corev1.Pod)
		if err := json.Unmarshal(text, want); err != nil {
			t.Fatal(err)
		}
		t.Run(want.Name, func(t *testing.T) {
			whole := phasemap.Map(want, phasemap.Options{}, time.Time{})
			Trim(want)
			if diff := cmp.Diff([]any{Object{Document: phasemap.Document{Pod: want}}}, readAll(bytes.NewReader(text)), unversioned); diff != "" {
				t.Errorf("(-typed +read)\n%s", diff)
			}
			if diff := cmp.Diff(whole.Phase, phasemap.Map(want, phasemap.Options{}, time.Time{}).Phase); diff != "" {
				t.Errorf("trimmed to another phase:\n%s", diff)
			}
		})
	}
}

// Every form of the same Pods gives the same Pods.
func TestReadForms(t *testing.T) {
	pods := recordedPods(t)
	want := readAll(bytes.NewReader(recorded))
	list := func(sep, head, tail string) []byte {
		return slices.Concat([]byte(head), bytes.Join(pods, []byte(sep)), []byte(tail))
	}
	inYAML := func(text []byte) []byte {
		y, err := yaml.JSONToYAML(text)
		if err != nil {
			t.Fatal(err)
		}
		return y
	}
	kubectl := list(",", `{"apiVersion":"v1","items":[`, `],"kind":"List","metadata":{"resourceVersion":""}}`)
	var indented, documents bytes.Buffer
	if err := json.Indent(&indented, kubectl, "", "    "); err != nil {
		t.Fatal(err)
	}
	for _, p := range pods {
		documents.WriteString("---\n")
		documents.Write(inYAML(p))
	}
	deeper := strings.ReplaceAll(string(inYAML(kubectl)), "\n", "\n    ")
	deeper = strings.NewReplacer("\n    kind: List", "\nkind: List", "\n    metadata:\n      resourceVersion", "\nmetadata:\n  resourceVersion", "\n    items:", "\nitems:").Replace(deeper)
	tests := []struct {
		name string // who prints it
		text []byte
	}{
		{"kubectl get -o json", indented.Bytes()},
		{"the API server", list(",", `{"kind":"PodList","apiVersion":"v1","metadata":{"resourceVersion":"7"},"items":[`, "]}\n")},
		{"jq .items", list(",\n", "[", "]")},
		{"jq .items[]", list("\n", "", "")},
		{"nobody: values without a space between", list("", "", "")},
		{"jq -s", list("]},{\"items\":[", `[{"items":[`, `]}]`)},
		{"kubectl get -o yaml", inYAML(kubectl)},
		{"yq, which indents lists", []byte(deeper)},
		{"kubectl in Windows", bytes.ReplaceAll(inYAML(kubectl), []byte("\n"), []byte("\r\n"))},
		{"helm or kustomize: YAML documents", documents.Bytes()},
		{"a byte order mark before it", append([]byte("\xEF\xBB\xBF"), recorded...)},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if diff := cmp.Diff(want, readAll(bytes.NewReader(tt.text))); diff != "" {
				t.Errorf("(-lines +read)\n%s", diff)
			}
		})
	}
}

// Cut off at any byte, a stream gives the Pods before the cut, and then says
// that it was cut, unless that cannot be seen.
func TestReadTruncated(t *testing.T) {
	const pod = `{"kind":"Pod","metadata":{"name":"a\u0062","labels":{"x":"y"}},"status":{"conditions":[{"status":"True"}]}}`
	for _, text := range []string{
		`{"apiVersion":"v1","items":[` + pod + "," + pod + `],"kind":"List"}`,
		`{"type":"ADDED","object":` + pod + "}\n" + `{"type":"ADDED","object":` + pod + "}",
	} {
		whole := readAll(strings.NewReader(text))
		for n := 1; n < len(text); n++ {
			got := readAll(strings.NewReader(text[:n]))
			if n == strings.LastIndex(text, "\n") || n == strings.LastIndex(text, "\n")+1 {
				continue // between two values, nothing is missing
			}
			last := len(got) - 1
			want := fmt.Sprintf("the text ends at byte %d, inside an object", n)
			if s, ok := got[last].(string); !ok || !strings.HasSuffix(s, want) {
				t.Errorf("cut at %d: %v, want %s", n, got[last], want)
			}
			if diff := cmp.Diff(whole[:last], got[:last], cmpopts.EquateEmpty()); diff != "" {
				t.Errorf("cut at %d: (-whole +read)\n%s", n, diff)
			}
		}
	}
}

func TestReadErrors(t *testing.T) {
	const a = `{"kind":"Pod","metadata":{"name":"a"}}`
	pods := strings.Repeat("  "+a+",\n", 5000)
	tests := []struct {
		name string // why the case is there
		text string
		want string // the last error
		pods int    // before it
	}{
		{"a value that is none", a + "\n{\"kind\":\n  Pod}", "3:3: byte 50: invalid character 'P' at start of value", 1},
		{"the position is right far behind the start", "[\n" + pods + "  Pod", fmt.Sprintf("5002:3: byte %d: invalid character 'P' at start of value", 2+len(pods)+2), 5000},
		{"no comma", `{"items":[` + a + a + `]}`, `1:49: byte 48: invalid character '{' after array element (expecting ',' or ']')`, 1},
		{"JSON, then YAML that is wrong", a + "\n---\nkind: Pod\n---\nkind: Pod\n  a: b\n", "6:1: byte 67: mapping values are not allowed in this context", 2},
		{"a negative number", a + "\n-7", "2:1: -7 is no Pod", 1},
		{"YAML in braces", "{kind: Pod}\n---\nkind: Pod\n", "1:2: byte 1: invalid character 'k' at start of value", 0},
		{"a tail of something else", a + " and so on", "1:40: byte 39: invalid character 'a' at start of value", 1},
		{"no UTF-8", `{"kind":"P` + "\xff" + `d"}`, "1:11: byte 10: invalid UTF-8", 0},
		{"nested too deeply", strings.Repeat("[", 20_000), "1:10001: byte 10000: exceeded max depth", 0},
		{"nested too deeply inside a Pod", `{"kind":"Pod","spec":` + strings.Repeat(`{"a":`, 20_000), "exceeded max depth", 0},
		{"nested too deeply in YAML", "a: " + strings.Repeat("[", 20_000), "exceeded max depth", 0},
		{"a string without end", `{"kind":"` + strings.Repeat("x", 2*maxObject), "an object is larger than 8 MiB", 0},
		{"a Pod without end", `{"kind":"Pod","x":[` + strings.Repeat("1,", maxObject), "an object is larger than 8 MiB", 0},
		{"a list of many small things in a Pod", `{"kind":"Pod","spec":{"containers":[` + strings.Repeat("{},", 20_000), "an object has more than 16384 list elements", 0},
		{"many labels", `{"kind":"Pod","metadata":{"labels":{` + strings.Repeat(`"":"",`, 20_000), "an object has more than 16384 list elements", 0},
		{"YAML that is wrong", "kind: Pod\n---\nkind: Pod\n  a: b\n", "4:1: byte 24: mapping values are not allowed in this context", 1},
		{"YAML that is wrong in a list", "kind: List\nitems:\n- kind: Pod\n- kind: Pod\n  a: [\nmetadata:\n", "did not find expected", 1},
		{"a YAML list that was cut off before its kind", "apiVersion: v1\nitems:\n- kind: Pod\n- kind: Pod\n  metadata:\n    na", "6:1: the text ends at byte 64, inside an object", 1},
		{"a YAML list that was cut off at its first item", "apiVersion: v1\nitems:\n", "3:1: the text ends at byte 22, inside an object", 0},
		{"a YAML list of nothing that was cut off before its kind", "apiVersion: v1\nitems: []\n", "3:1: the text ends at byte 25, inside an object", 0},
		{"a YAML list that was cut off behind its items", "items:\n- kind: Pod\nmetadata:\n", "4:1: the text ends at byte 29, inside an object", 1},
		{"a YAML line without end", "a: " + strings.Repeat("x", 2*maxYAML), "an object is larger than 2 MiB", 0},
		{"a YAML document without end", strings.Repeat("a: b\n", maxYAML), "an object is larger than 2 MiB", 0},
		{"a YAML item without end", "items:\n- a: b\n" + strings.Repeat("  a: b\n", maxYAML), "an object is larger than 2 MiB", 0},
		{"aliases that multiply", "a: &a [x,x,x,x,x,x,x,x,x]\n" + bomb(), "excessive aliasing", 0},
		{"UTF-16", "\xFF\xFE{\x00}\x00", "the text is UTF-16; save it as UTF-8", 0},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got := readAll(strings.NewReader(tt.text))
			if len(got) != tt.pods+1 {
				t.Fatalf("%d results, want %d Pods and an error: %.300v", len(got), tt.pods, got)
			}
			if s, ok := got[tt.pods].(string); !ok || !strings.Contains(s, tt.want) {
				t.Errorf("%v, want %s", got[tt.pods], tt.want)
			}
		})
	}
}

// bomb is YAML that is a billion values large once its aliases are followed.
func bomb() string {
	var b strings.Builder
	for c := 'b'; c <= 'j'; c++ {
		fmt.Fprintf(&b, "%c: &%c [%s]\n", c, c, strings.Repeat(fmt.Sprintf("*%c,", c-1), 9))
	}
	return b.String()
}

func TestReadOtherThings(t *testing.T) {
	const a = `{"apiVersion":"v1","kind":"Pod","metadata":{"name":"a"}}`
	tests := []struct {
		name string // why the case is there
		text string
		want []string // Pods by name, errors by text
	}{
		{"nothing at all: the pipe before this one is broken", "", []string{"there is nothing in it"}},
		{"blanks, as echo writes them", " \n\t\n", []string{"there is nothing in it"}},
		{"more blanks than are looked at for a format", strings.Repeat(" ", 3*blockSize), []string{"there is nothing in it"}},
		{"comments alone", "# nothing\n---\n# here\n", []string{"there is nothing in it"}},
		{"null, as jq prints what it has not found", "null\n", []string{"1:1: null is no Pod"}},
		{"null in YAML", "---\n~\n---\nkind: Pod\nmetadata: {name: a}\n", []string{"1:1: null is no Pod", "a"}},
		{"null behind a Pod", a + "\nnull\n", []string{"a", "2:1: null is no Pod"}},
		{"a list of nothing", `{"items":[],"kind":"List"}`, nil},
		{"a list of nothing, as Go prints it", `{"kind":"PodList","apiVersion":"v1","metadata":{},"items":null}`, nil},
		{"whose kind comes last, as Go prints it", `{"items":null,"kind":"PodList"}`, nil},
		{"a list of nothing in YAML", "apiVersion: v1\nitems: []\nkind: List\n", nil},
		{"a list of nothing in YAML, as Go prints it", "apiVersion: v1\nitems: null\nkind: PodList\n", nil},
		{"a list of nothing in YAML, by hand", "kind: PodList\nitems:\n", nil},
		{"a list of no Deployments, as Go prints it", `{"kind":"DeploymentList","items":null}`, []string{"1:1: DeploymentList is no Pod"}},
		{"a Pod with a field of lists", `{"kind":"Pod","metadata":{"name":"a"},"items":[]}`, []string{"a"}},
		{"JSON, then YAML", a + "\n---\nkind: Pod\nmetadata: {name: b}\n---\nkind: Node\n", []string{"a", "b", "5:1: Node is no Pod"}},
		{"JSON documents, each behind a marker", "---\n" + a + "\n---\n" + a + "\n", []string{"a", "a"}},
		{"JSON documents, a marker between them", a + "\n---\n" + a + "\n---\n", []string{"a", "a"}},
		{"a list in JSON in a YAML document", "---\n{\"items\":[" + a + "]}\n", []string{"a"}},
		{"things in a list", `{"items":[1,"x",null,true,[],` + a + `]}`,
			[]string{"1:11: 1 is no Pod", "1:13: a string is no Pod", "1:17: null is no Pod", "1:22: true is no Pod", "a"}},
		{"an object of nothing", `{}`, []string{"1:1: an object without a kind is no Pod"}},
		{"a Pod of another group", `{"apiVersion":"example.com/v1","kind":"Pod"}`, []string{"1:1: Pod is no Pod"}},
		{"a list of another kind", `{"kind":"DeploymentList","items":[{"metadata":{"name":"d"}}]}`, []string{`1:35: Deployment "d" is no Pod`}},
		{"whose kind comes last", `{"items":[],"kind":"DeploymentList"}`, []string{"1:1: DeploymentList is no Pod"}},
		{"an error of an API server", `{"kind":"Status","message":"no \u001b[1m"}`, []string{`1:1: the API server says: "no \x1b[1m"`}},
		{"the end of a watch", `{"type":"ERROR","object":{"kind":"Status","message":"too old"}}` + a, []string{`1:26: the API server says: "too old"`, "a"}},
		{"an event of another kind", `{"type":"ADDED","object":{"kind":"Node","metadata":{"name":"n"}}}`, []string{`1:26: Node "n" is no Pod`}},
		{"the last of two names counts, as in every client", `{"kind":"Node","kind":"Pod","metadata":{"name":"x"},"metadata":{"name":"a"}}`, []string{"a"}},
		{"names are case-sensitive, as in the API", `{"KIND":"Node","kind":"Pod","Metadata":{"name":"x"},"metadata":{"name":"a"}}`, []string{"a"}},
		{"escaped names are names", `{"\u006bind":"\u0050od","metadata":{"n\u0061me":"a"}}`, []string{"a"}},
		{"things in YAML", "kind: Service\nmetadata: {name: s}\n---\n# nothing\n---\nkind: Pod\nmetadata: {name: a}\n...\n",
			[]string{`1:1: Service "s" is no Pod`, "a"}},
		{"things in a YAML list", "items:\n- kind: Pod\n  metadata: {name: a}\n- 7\n-\n- kind: Node\nkind: List\n",
			[]string{"a", "4:3: 7 is no Pod", "5:3: null is no Pod", "6:3: Node is no Pod"}},
		{"text", "hello, world\n", []string{"1:1: a string is no Pod"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			var got []string
			for _, v := range readAll(strings.NewReader(tt.text)) {
				switch v := v.(type) {
				case Object:
					got = append(got, v.Pod.Name)
				case string:
					got = append(got, v)
				}
			}
			if diff := cmp.Diff(tt.want, got, cmpopts.EquateEmpty()); diff != "" {
				t.Errorf("(-want +got)\n%s", diff)
			}
		})
	}
}

// What is wrongly typed is absent, as phasemap.ReadDocument has it: both read
// Pods that no typed client can decode.
func TestReadLeniently(t *testing.T) {
	tests := []string{
		`{"kind":"Pod","metadata":"x","spec":7,"status":[]}`,
		`{"kind":"Pod","metadata":{"name":7,"labels":{"a":1,"b":"c"},"deletionTimestamp":"yesterday","generation":"1"}}`,
		`{"kind":"Pod","status":{"phase":"Failed","containerStatuses":[null,7,{"name":"agent","state":{"terminated":{"exitCode":"1"}}}]}}`,
		`{"kind":"Pod","status":{"phase":"Failed","containerStatuses":[{"name":"agent","state":{"terminated":{"exitCode":3221225786}}}]}}`,
		`{"kind":"Pod","status":{"phase":"Failed","containerStatuses":[{"name":"agent","state":{"terminated":{"exitCode":99999999999999999999}}}]}}`,
		`{"kind":"Pod","status":{"phase":"Failed","containerStatuses":[{"name":"agent","state":{"terminated":{"exitCode":1.5}}}]}}`,
		`{"kind":"Pod","status":{"phase":"Failed","containerStatuses":[{"name":"agent","state":{"terminated":{"exitCode":null}}}]}}`,
		`{"kind":"Pod","status":{"phase":"Failed","containerStatuses":[{"name":"agent","state":{"terminated":{}}}]}}`,
		`{"kind":"Pod","status":{"phase":"Running","containerStatuses":[{"name":"agent","started":"no","ready":1,"restartCount":"2","state":{"running":null,"waiting":{}}}]}}`,
		`{"kind":"Pod","spec":{"volumes":[{"name":"workspace","persistentVolumeClaim":{}},{"name":"x","nfs":7}],"containers":{"name":"agent"}},"status":{"phase":7}}`,
		`{"kind":"Pod","status":{"conditions":[{"type":"PodScheduled","status":false,"lastTransitionTime":"2026-09-01T12:00:00+02:00"}]}}`,
	}
	now := time.Date(2026, 9, 1, 12, 0, 0, 0, time.UTC)
	for _, text := range tests {
		t.Run("", func(t *testing.T) {
			want, err := phasemap.MapJSON([]byte(text), phasemap.Options{}, now)
			if err != nil {
				t.Fatal(err)
			}
			got := readAll(strings.NewReader(text))
			obj, ok := got[0].(Object)
			if !ok || len(got) != 1 {
				t.Fatalf("%s\nread as %v", text, got)
			}
			if diff := cmp.Diff(want, obj.Map(phasemap.Options{}, now), cmp.AllowUnexported(phasemap.ExitCode{})); diff != "" {
				t.Errorf("%s\n(-ReadDocument +Read)\n%s", text, diff)
			}
		})
	}
}

// How the bytes come makes no difference, and trouble of the reader is passed
// on as it is.
func TestReadReader(t *testing.T) {
	want := readAll(bytes.NewReader(recorded))
	for name, r := range map[string]io.Reader{
		"byte by byte":         iotest.OneByteReader(bytes.NewReader(recorded)),
		"the end with the end": iotest.DataErrReader(bytes.NewReader(recorded)),
	} {
		if diff := cmp.Diff(want, readAll(r)); diff != "" {
			t.Errorf("%s: (-want +got)\n%s", name, diff)
		}
	}
	trouble := errors.New("the disk is on fire")
	half := io.MultiReader(bytes.NewReader(recorded[:len(recorded)/2]), iotest.ErrReader(trouble))
	var last error
	for _, err := range Read(half) {
		last = err
	}
	if !errors.Is(last, trouble) {
		t.Errorf("the last error is %v, want %v", last, trouble)
	}
}

// A caller may stop at any Pod, in any format.
func TestReadStop(t *testing.T) {
	for _, text := range []string{string(recorded), "items:\n- kind: Pod\n- kind: Pod\n", "7 7 7"} {
		n := 0
		for range Read(strings.NewReader(text)) {
			n++
			break
		}
		if n != 1 {
			t.Errorf("%.20q: %d results before the first stop", text, n)
		}
	}
}

// wordless cuts off what jsontext quotes: it is half a character if the
// other half is not read yet.
func wordless(all []any) []any {
	for i, v := range all {
		if s, ok := v.(string); ok {
			all[i], _, _ = strings.Cut(s, ": invalid ")
		}
	}
	return all
}

// FuzzRead: whatever the input, nothing panics; all but the last error are
// about objects; reading again, or byte by byte, gives the same; and every Pod
// has a phase, the same for the document and for its trimmed Pod.
func FuzzRead(f *testing.F) {
	for _, p := range recordedPods(f) {
		f.Add(p)
	}
	f.Add([]byte("apiVersion: v1\nitems:\n- kind: Pod\n  metadata: {name: a}\n- |\n  x\nkind: List\n---\nkind: Pod\n"))
	f.Add([]byte(`{"type":"ADDED","object":{"kind":"Pod"}} [{"kind":"Pod"}] {"items":[{}]}`))
	f.Add([]byte("{\"kind\":\"Pod\"}\n---\nkind: Pod\n---\n# x\n---\n~\n"))
	f.Add([]byte("{\"kind\":\"PodList\",\"items\":null}\n-7"))
	f.Add([]byte("\xEF\xBB\xBF{}"))
	f.Fuzz(func(t *testing.T, text []byte) {
		var fatal error
		for obj, err := range Read(bytes.NewReader(text)) {
			if fatal != nil {
				t.Fatalf("something follows %v", fatal)
			}
			if _, ok := errors.AsType[*NotPodError](err); err != nil && !ok {
				fatal = err
			}
			if err == nil && !slices.Contains(phasemap.Phases(), obj.Map(phasemap.Options{}, time.Time{}).Phase) {
				t.Fatalf("no phase for %v", obj.Pod)
			}
		}
		want := wordless(readAll(bytes.NewReader(text)))
		if diff := cmp.Diff(want, wordless(readAll(iotest.OneByteReader(bytes.NewReader(text))))); diff != "" {
			t.Fatalf("(-at once +byte by byte)\n%s", diff)
		}
	})
}

// A list of any length takes the memory of one Pod: halfway through megabytes of
// it, next to nothing is alive.
func TestReadFlat(t *testing.T) {
	pod := recordedPods(t)[0]
	inYAML, err := yaml.JSONToYAML(append(append([]byte("["), pod...), ']'))
	if err != nil {
		t.Fatal(err)
	}
	tests := []struct {
		name, head, item string
		n                int
	}{
		{"JSON", `{"items":[` + string(pod), "," + string(pod), 10_000},
		{"YAML", "kind: List\nitems:\n", string(inYAML), 500},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			parts := []io.Reader{strings.NewReader(tt.head)}
			for range tt.n {
				parts = append(parts, strings.NewReader(tt.item))
			}
			before, read := alive(), 0
			for range Read(io.MultiReader(parts...)) {
				if read++; read == tt.n/2 {
					if grown := alive() - before; grown > 1<<20 {
						t.Errorf("%d bytes are alive after %d Pods", grown, read)
					}
				}
			}
			if read < tt.n {
				t.Errorf("%d Pods read, want %d", read, tt.n)
			}
		})
	}
}

// alive is how many bytes of the heap are in use.
func alive() int64 {
	var m runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc)
}
