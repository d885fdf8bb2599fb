package manifest

import (
	"encoding/json"
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
)

// parseOne is the only document of data.
func parseOne(tb testing.TB, data string) *Node {
	tb.Helper()
	var errs Errors
	docs := Parse("pod.yaml", []byte(data), &errs)
	if err := errs.Err(); err != nil || len(docs) != 1 {
		tb.Fatalf("%d documents, %v", len(docs), err)
	}
	return docs[0].Root
}

func TestIntoReportsEverything(t *testing.T) {
	n := parseOne(t, `
spec:
  nodeName: 1
  hostNetwork: "true"
  activeDeadlineSeconds: 1.5
  priority: 3000000000
  replicas: 2
  overhead: {cpu: 5oo}
  nodeSelector: [a]
  tolerations: {}
  securityContext: text
  containers:
  - args: [a, null, 1]
    image: x
    resources:
      limits: {cpu: true}
    livenessProbe:
      httpGet: {port: 1.5}
  - null
  - readinessProbe:
      httpGet: {port: []}
metadata:
  creationTimestamp: yesterday
  labels: {a: 1, b: null}
`)
	want := `
pod.yaml:3:13: spec.nodeName: is a number; want a string
pod.yaml:4:16: spec.hostNetwork: is a string; want true or false
pod.yaml:5:26: spec.activeDeadlineSeconds: "1.5" is not a whole number
pod.yaml:6:13: spec.priority: "3000000000" is out of range; it has to fit int32
pod.yaml:7:3: spec.replicas: is not a field
pod.yaml:8:19: spec.overhead.cpu: "5oo" is not a quantity
pod.yaml:9:17: spec.nodeSelector: is a list; want a mapping
pod.yaml:10:16: spec.tolerations: is a mapping; want a list
pod.yaml:11:20: spec.securityContext: is a string; want a mapping
pod.yaml:13:15: spec.containers[0].args[1]: is null; want a string
pod.yaml:13:21: spec.containers[0].args[2]: is a number; want a string
pod.yaml:16:21: spec.containers[0].resources.limits.cpu: is a boolean; want a quantity
pod.yaml:18:23: spec.containers[0].livenessProbe.httpGet.port: "1.5" is not a whole number
pod.yaml:19:5: spec.containers[1]: is null; want a value
pod.yaml:21:23: spec.containers[2].readinessProbe.httpGet.port: is a list; want a number or a string
pod.yaml:23:22: metadata.creationTimestamp: "yesterday" is not a time such as 2006-01-02T15:04:05Z
pod.yaml:24:15: metadata.labels.a: is a number; want a string
`
	var pod corev1.Pod
	err := Into(n, &pod)
	if err == nil {
		t.Fatal("no error")
	}
	if diff := cmp.Diff(strings.TrimSpace(want), err.Error()); diff != "" {
		t.Error(diff)
	}
	if pod.Spec.Containers[0].Image != "x" {
		t.Error("what fits was not read")
	}
}

// TestIntoOtherTypes is about the types that pods do not have.
func TestIntoOtherTypes(t *testing.T) {
	type target struct {
		Any      any                  `json:"any"`
		Bytes    []byte               `json:"bytes"`
		Duration metav1.Duration      `json:"duration"`
		Float    float32              `json:"float"`
		Micro    metav1.MicroTime     `json:"micro"`
		Node     *Node                `json:"node"`
		Number   json.Number          `json:"number"`
		Object   runtime.Object       `json:"object"`
		Raw      runtime.RawExtension `json:"raw"`
		Small    uint8                `json:"small"`
		Pointers []*int               `json:"pointers"`
		Times    []metav1.Time        `json:"times,omitempty"`
		Structs  map[string]struct {
			A, B int `json:",omitempty"`
		} `json:"structs,omitempty"`
		NodeValue Node `json:"nodeValue"`
	}
	good := parseOne(t, `
any: {a: [1, 1.5, x, true, null]}
bytes: eWVz
duration: 1h30m
float: 2
micro: "2006-01-02T15:04:05.000001Z"
node: {k: v}
number: 1.50
raw: {a: <b>}
small: 255
pointers: [1, null]
times: [null]
structs: {x: {A: 1}, y: {B: 2}}
nodeValue: [a]
`)
	var got target
	if err := Into(good, &got); err != nil {
		t.Fatal(err)
	}
	if got.Node != good.Get("node") || len(got.NodeValue.Items) != 1 {
		t.Error("a Node is not the one that was read")
	}
	if diff := cmp.Diff(map[string]any{"a": []any{int64(1), 1.5, "x", true, nil}}, got.Any); diff != "" {
		t.Error(diff)
	}
	again, err := FromObject(got)
	if err != nil {
		t.Fatal(err)
	}
	want := `{"any":{"a":[1,1.5,"x",true,null]},"bytes":"eWVz","duration":"1h30m0s","float":2,"micro":"2006-01-02T15:04:05.000001Z",` +
		`"node":{"k":"v"},"nodeValue":["a"],"number":1.50,"object":null,"pointers":[1,null],"raw":{"a":"\u003cb\u003e"},"small":255,"structs":{"x":{"A":1},"y":{"B":2}},"times":[null]}`
	if diff := cmp.Diff(want, string(AppendJSON(nil, again))); diff != "" {
		t.Error(diff)
	}

	bad := parseOne(t, `
bytes: "%"
duration: 5 minutes
float: 1e300
micro: 2006
number: x
object: {}
raw: x
small: 256
pointers: ["-"]
`)
	wantErrs := `
pod.yaml:2:8: bytes: is not base64
pod.yaml:3:11: duration: "5 minutes" is not a duration such as 1h30m
pod.yaml:4:8: float: "1e300" is out of range; it has to fit float32
pod.yaml:5:8: micro: is a number; want a time
pod.yaml:6:9: number: is a string; want a number
pod.yaml:7:9: object: cannot be read into runtime.Object
pod.yaml:9:8: small: "256" is out of range; it has to fit uint8
pod.yaml:10:12: pointers[0]: is a string; want a whole number
`
	err = Into(bad, new(target))
	if err == nil {
		t.Fatal("no error")
	}
	if diff := cmp.Diff(strings.TrimSpace(wantErrs), err.Error()); diff != "" {
		t.Error(diff)
	}
}

func TestIntoAnyNumber(t *testing.T) {
	n, err := FromJSON([]byte(`{"a":[1e999]}`))
	if err != nil {
		t.Fatal(err)
	}
	var v any
	if err := Into(n, &v); err == nil || err.Error() != `a[0]: "1e999" is out of the range of a number` {
		t.Errorf("got %v", err)
	}
}

func TestIntoStartsFromZero(t *testing.T) {
	pod := agentPod(t)
	if err := Into(parseOne(t, "metadata: {name: a}"), pod); err != nil {
		t.Fatal(err)
	}
	want := corev1.Pod{ObjectMeta: metav1.ObjectMeta{Name: "a"}}
	if diff := cmp.Diff(want, *pod); diff != "" {
		t.Error(diff)
	}
	for _, v := range []any{nil, corev1.Pod{}, (*corev1.Pod)(nil)} {
		if Into(&Node{}, v) == nil {
			t.Errorf("read into a %T", v)
		}
	}
}

// FuzzInto wants of any JSON: what Into takes encoding/json takes for the same
// pod, and going to the pod and back changes nothing more the second time.
func FuzzInto(f *testing.F) {
	pod, err := FromObject(agentPod(f))
	if err != nil {
		f.Fatal(err)
	}
	f.Add(string(AppendJSON(nil, pod)))
	f.Add(`{"spec":{"containers":[{"args":["a",null],"resources":{"limits":{"cpu":1.5}},"ports":[{"containerPort":80}]}]}}`)
	f.Add(`{"metadata":{"labels":{"a":null},"creationTimestamp":"2006-01-02T15:04:05Z","managedFields":[{"fieldsV1":{"a":[1]}}]}}`)
	f.Add(`{"spec":{"priority":2147483648,"nodeName":1,"x":{}}}`)
	f.Fuzz(func(t *testing.T, data string) {
		n, err := FromJSON([]byte(data))
		if err != nil {
			return
		}
		var pod, judged corev1.Pod
		if err := Into(n, &pod); err != nil {
			if first, ok := errors.AsType[*Error](err); !ok || first.Path == "" && n.Kind == Mapping {
				t.Errorf("%q does not say where", err)
			}
			return
		}
		if err := json.Unmarshal([]byte(data), &judged); err != nil {
			t.Fatalf("Into takes what encoding/json does not: %v", err)
		}
		once := asJSON(t, pod)
		if diff := cmp.Diff(asJSON(t, judged), once); diff != "" {
			t.Error("-json +got\n" + diff)
		}
		n, err = FromJSON([]byte(once))
		if err != nil {
			t.Fatal(err)
		}
		if err := Into(n, &pod); err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(once, asJSON(t, pod)); diff != "" {
			t.Error("-once +twice\n" + diff)
		}
	})
}

func asJSON(t *testing.T, obj any) string {
	t.Helper()
	n, err := FromObject(obj)
	if err != nil {
		t.Fatal(err)
	}
	return string(AppendJSON(nil, n))
}
