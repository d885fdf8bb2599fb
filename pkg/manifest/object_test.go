package manifest

import (
	"encoding/json"
	"fmt"
	"math/rand"
	"os"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/equality"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/intstr"
	"sigs.k8s.io/randfill"
	"sigs.k8s.io/yaml"
)

// randomObjects fills objects with every field at random, strings from
// nastyStrings for a good part.
func randomObjects(seed int64) *randfill.Filler {
	return randfill.NewWithSeed(seed).NilChance(0.4).NumElements(0, 2).Funcs(
		func(s *string, c randfill.Continue) {
			*s = carried[c.Intn(len(carried))]
			if c.Intn(4) == 0 {
				*s += c.String(20)
			}
		},
		func(t *metav1.Time, c randfill.Continue) {
			if c.Bool() {
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
				*i = intstr.FromString(carried[c.Intn(len(carried))])
			}
		},
		func(f *metav1.FieldsV1, c randfill.Continue) { f.Raw = []byte(`{"f:spec":{"f:x":{},".":{}}}`) },
	)
}

func TestRandomPods(t *testing.T) {
	const pods = 2000
	for seed := range int64(pods) {
		var pod corev1.Pod
		randomObjects(seed).Fill(&pod)
		want, err := yaml.Marshal(pod)
		if err != nil {
			t.Fatal(err)
		}
		got, err := Marshal(&pod)
		if err != nil {
			t.Fatalf("seed %d: %v", seed, err)
		}
		if string(got) != string(want) {
			t.Fatalf("seed %d: -sigs +got\n%s", seed, cmp.Diff(string(want), string(got)))
		}
	}
	_, _, _, _ = fmt.Sprint, os.ReadFile, json.Marshal, equality.Semantic
	_ = rand.Int
}

func TestAgentPod(t *testing.T) {
	data, err := os.ReadFile("testdata/agent-pod.yaml")
	if err != nil {
		t.Fatal(err)
	}
	var pod corev1.Pod
	if err := yaml.UnmarshalStrict(data, &pod); err != nil {
		t.Fatal(err)
	}
	want, err := yaml.Marshal(pod)
	if err != nil {
		t.Fatal(err)
	}
	got, err := Marshal(pod)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), string(got)); diff != "" {
		t.Error(diff)
	}
	if err := os.WriteFile("/tmp/agentpod.yaml", got, 0o600); err != nil {
		t.Error(err)
	}
}

var carried = []string{"", "a", "yes", "012", "a: b", " lead", "x\ny\n", "emoji \U0001F600", "some longer text that goes on and on, and then some, until it has to be folded at last by somebody"}
