package manifest

import (
	"encoding/json"
	"math"
	"math/rand"
	"net/netip"
	"os"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	appsv1 "k8s.io/api/apps/v1"
	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
	"k8s.io/apimachinery/pkg/api/equality"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/util/intstr"
	"sigs.k8s.io/randfill"
	"sigs.k8s.io/yaml"
)

// agentPod is a pod as agents run in, of 134 lines with its status.
func agentPod(tb testing.TB) *corev1.Pod {
	tb.Helper()
	data, err := os.ReadFile("testdata/agent-pod.yaml")
	if err != nil {
		tb.Fatal(err)
	}
	var pod corev1.Pod
	if err := yaml.UnmarshalStrict(data, &pod); err != nil {
		tb.Fatal(err)
	}
	return &pod
}

// checkObject holds obj against sigs.k8s.io/yaml on the way out and against
// encoding/json on the way back.
func checkObject[T any](t *testing.T, obj *T) {
	t.Helper()
	want, err := yaml.Marshal(obj)
	if err != nil {
		t.Fatal(err)
	}
	got, err := Marshal(obj)
	if err != nil {
		t.Fatal(err)
	}
	if string(got) != string(want) {
		t.Fatal("-sigs +got\n" + cmp.Diff(string(want), string(got)))
	}
	n, err := FromObject(obj)
	if err != nil {
		t.Fatal(err)
	}
	var back, judged T
	if err := Into(n, &back); err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(AppendJSON(nil, n), &judged); err != nil {
		t.Fatal(err)
	}
	if !equality.Semantic.DeepEqual(back, judged) {
		t.Fatal("-json +got\n" + cmp.Diff(judged, back))
	}
	want, err = yaml.Marshal(judged)
	if err != nil {
		t.Fatal(err)
	}
	again, err := Marshal(back)
	if err != nil || string(again) != string(want) {
		t.Fatalf("after Into, %v, -sigs +got\n%s", err, cmp.Diff(string(want), string(again)))
	}
}

func TestAgentPod(t *testing.T) {
	checkObject(t, agentPod(t))
}

// TestMarshalOutlivesTheTree holds the first of two results after the second,
// which is made of the same blocks.
func TestMarshalOutlivesTheTree(t *testing.T) {
	pod := agentPod(t)
	first, err := Marshal(pod)
	if err != nil {
		t.Fatal(err)
	}
	before := string(first)
	if _, err := Marshal(map[string]any{"a": []any{"b", 1, true}}); err != nil {
		t.Fatal(err)
	}
	again, err := Marshal(pod)
	if err != nil || before != string(first) || before != string(again) {
		t.Errorf("the second Marshal changed the first, %v", err)
	}
}

// TestMarshalLeavesTheObject is for the race detector: objects are shared, and
// a Quantity writes to itself when it is asked for its String.
func TestMarshalLeavesTheObject(t *testing.T) {
	pod := agentPod(t)
	want, err := Marshal(pod)
	if err != nil {
		t.Fatal(err)
	}
	var group sync.WaitGroup
	for range 4 {
		group.Go(func() {
			for range 20 {
				if got, err := Marshal(pod); err != nil || string(got) != string(want) {
					t.Errorf("got %q, %v", got, err)
				}
			}
		})
	}
	group.Wait()
}

// randomObjects fills all fields at random; strings are the nasty ones that
// sigs brings through.
func randomObjects(strings []string) *randfill.Filler {
	pick := func(c randfill.Continue) string { return strings[c.Intn(len(strings))] }
	return randfill.New().NilChance(0.6).NumElements(1, 2).Funcs(
		func(s *string, c randfill.Continue) { *s = pick(c) },
		func(t *metav1.Time, c randfill.Continue) {
			if c.Bool() { // else zero, a null
				t.Time = time.Unix(c.Int63n(4e9), c.Int63n(1e9))
			}
		},
		func(t *metav1.MicroTime, c randfill.Continue) { t.Time = time.Unix(c.Int63n(4e9), c.Int63n(1e9)) },
		func(q *resource.Quantity, c randfill.Continue) {
			formats := []resource.Format{resource.DecimalSI, resource.BinarySI, resource.DecimalExponent}
			*q = *resource.NewMilliQuantity(c.Int63n(1e15), formats[c.Intn(len(formats))])
		},
		func(i *intstr.IntOrString, c randfill.Continue) {
			*i = intstr.FromInt32(int32(c.Uint32()))
			if c.Bool() {
				*i = intstr.FromString(pick(c))
			}
		},
		func(f *metav1.FieldsV1, _ randfill.Continue) { f.SetRawString(`{".":{},"f:spec":{"f:x":[1.5,null]}}`) },
		func(r *runtime.RawExtension, _ randfill.Continue) { r.Raw = []byte(`{"a":["<b>",true]}`) },
	)
}

func TestRandomPods(t *testing.T) {
	pods := 2000
	if testing.Short() {
		pods = 200
	}
	filler := randomObjects(carried())
	size := 0
	for seed := range int64(pods) {
		var pod corev1.Pod
		filler.RandSource(rand.NewSource(seed)).Fill(&pod)
		checkObject(t, &pod)
		size += len(pod.Spec.Containers)
	}
	if size < pods/2 {
		t.Errorf("%d containers in %d pods: they are too small to show anything", size, pods)
	}
}

// TestRandomObjects does for other kinds what TestRandomPods does for pods.
func TestRandomObjects(t *testing.T) {
	filler := randomObjects(carried())
	for seed := range int64(20) {
		source := rand.NewSource(seed)
		checkFilled[appsv1.Deployment](t, filler, source)
		checkFilled[appsv1.StatefulSet](t, filler, source)
		checkFilled[appsv1.ControllerRevision](t, filler, source)
		checkFilled[batchv1.CronJob](t, filler, source)
		checkFilled[corev1.ConfigMap](t, filler, source)
		checkFilled[corev1.Event](t, filler, source)
		checkFilled[corev1.PersistentVolumeClaim](t, filler, source)
		checkFilled[corev1.Secret](t, filler, source)
		checkFilled[corev1.Service](t, filler, source)
		checkFilled[networkingv1.NetworkPolicy](t, filler, source)
	}
}

func checkFilled[T any](t *testing.T, filler *randfill.Filler, source rand.Source) {
	t.Helper()
	var obj T
	filler.RandSource(source).Fill(&obj)
	checkObject(t, &obj)
}

// odd has what the rules of encoding/json for Go types turn on.
type odd struct {
	Inline   `json:",inline"`
	Untagged int
	Skipped  int `json:"-"`
	//lint:ignore SA5008 encoding/json takes the dash for a name here
	Dash             int `json:"-,"`
	hidden           int
	Empty            struct{}          `json:"empty,omitempty"` // a struct is never empty
	Zero             struct{ A int }   `json:"zero,omitzero"`
	ZeroTime         metav1.Time       `json:"zeroTime,omitempty,omitzero"`
	ZeroMicro        *metav1.MicroTime `json:"zeroMicro,omitzero"`
	NilSlice         []int             `json:"nilSlice"`
	EmptySlice       []int             `json:"emptySlice"`
	OmittedSlice     []int             `json:"omittedSlice,omitempty"`
	KeptSlice        []int             `json:"keptSlice,omitzero"` // empty is not zero
	OmittedEither    []int             `json:"omittedEither,omitempty,omitzero"`
	NilMap           map[string]string `json:"nilMap"`
	EmptyMap         map[string]int    `json:"emptyMap"`
	NilPointer       *int              `json:"nilPointer"`
	Pointers         []*int            `json:"pointers"`
	Deep             **string          `json:"deep"`
	Bytes            []byte            `json:"bytes"`
	NilBytes         []byte            `json:"nilBytes"`
	Array            [2]string         `json:"array"`
	ByteArray        [2]byte           `json:"byteArray"`
	Number           json.Number       `json:"number"`
	NoNumber         json.Number       `json:"noNumber"`
	Quoted           quoted            `json:"quoted"`
	Text             netip.Addr        `json:"text"`
	IntKeys          map[int]string    `json:"intKeys"`
	NamedKeys        map[named]named   `json:"namedKeys"`
	Any              any               `json:"any"`
	NilAny           any               `json:"nilAny"`
	Raw              json.RawMessage   `json:"raw"`
	Float32          float32           `json:"float32"`
	Float64          float64           `json:"float64"`
	Uint             uint64            `json:"uint"`
	Int8             int8              `json:"int8"`
	False            bool              `json:"false"`
	OmitFalse        bool              `json:"omitFalse,omitempty"`
	OmitPointerToNil *bool             `json:"omitPointerToNil,omitempty"`
}

type Inline struct {
	B int `json:"b"`
	A int `json:"a"`
}

type quoted struct {
	Int int `json:"int,string"`
}

type named string

func TestGoTypes(t *testing.T) {
	one, text := 1, "x"
	ptr := &text
	obj := &odd{
		Inline: Inline{A: 1, B: 2}, Untagged: 3, Skipped: 4, hidden: 5, Dash: 6,
		EmptySlice: []int{}, OmittedSlice: []int{}, KeptSlice: []int{}, OmittedEither: []int{}, EmptyMap: map[string]int{},
		Pointers: []*int{&one, nil}, Deep: &ptr, Bytes: []byte("yes"), Array: [2]string{"a", "012"}, ByteArray: [2]byte{1, 2},
		Number: "1.50", Quoted: quoted{6}, Text: netip.MustParseAddr("10.0.0.1"), IntKeys: map[int]string{10: "a", 9: "b"},
		NamedKeys: map[named]named{"k": "v"},
		Any:       map[string]any{"list": []any{1, "a", nil, 1.5, int64(1) << 60, struct{ X int }{1}, &one}},
		Raw:       json.RawMessage(`{"a": [1]}`), Float32: 0.1, Float64: 1e21, Uint: math.MaxUint64, Int8: -128,
	}
	want, err := yaml.Marshal(obj)
	if err != nil {
		t.Fatal(err)
	}
	got, err := Marshal(obj)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), string(got)); diff != "" {
		t.Error("-sigs +got\n" + diff)
	}
}

// TestObjects is about roots that are no pointer to a struct.
func TestObjects(t *testing.T) {
	n := Str("in a tree", here)
	for why, test := range map[string]struct{ obj, same any }{
		"nil":                             {nil, nil},
		"nil pointer":                     {(*corev1.Pod)(nil), nil},
		"struct":                          {*agentPod(t), agentPod(t)},
		"map":                             {map[string]int{"b": 1, "a": 2}, map[string]int{"b": 1, "a": 2}},
		"list of structs":                 {[]corev1.EnvVar{{Name: "a"}}, []corev1.EnvVar{{Name: "a"}}},
		"unstructured":                    {&unstructured.Unstructured{Object: map[string]any{"kind": "X", "n": int64(1)}}, map[string]any{"kind": "X", "n": 1}},
		"object inside a RawExtension":    {runtime.RawExtension{Object: agentPod(t)}, agentPod(t)},
		"node":                            {n, "in a tree"},
		"node in a map":                   {map[string]*Node{"k": n, "l": nil}, map[string]any{"k": "in a tree", "l": nil}},
		"quantity not yet in normal form": {resource.MustParse("1000m"), "1"},
	} {
		want, err := yaml.Marshal(test.same)
		if err != nil {
			t.Fatal(err)
		}
		got, err := Marshal(test.obj)
		if err != nil || string(got) != string(want) {
			t.Errorf("%s: got %q, %v; want %q", why, got, err, want)
		}
	}
}

func TestFromObjectRefuses(t *testing.T) {
	loop := map[string]any{}
	loop["a"], loop["b"] = loop, loop
	for want, obj := range map[string]any{
		"a[1]: NaN is not a number in JSON":                map[string][]float64{"a": {1, math.NaN()}},
		"maxUnavailable: is neither a number nor a string": appsv1.RollingUpdateDeployment{MaxUnavailable: &intstr.IntOrString{Type: 7}},
		"raw: json: error calling MarshalJSON for type *json.RawMessage: invalid character 'x' looking for beginning of value": struct {
			Raw json.RawMessage `json:"raw"`
		}{json.RawMessage("x")},
		"f: json: unsupported type: func()": map[string]func(){"f": nil},
	} {
		if _, err := Marshal(obj); err == nil || err.Error() != want {
			t.Errorf("got %v; want %s", err, want)
		}
	}
	if _, err := Marshal(loop); err == nil {
		t.Error("accepted a value that contains itself")
	}
}
