// Package bench compares scion-gen with the tools that people use today. It is
// a module of its own, so that nobody who imports scion-gen compiles those.
package bench

import (
	"syscall"
	"testing"
	"time"

	"github.com/fluxcd/cli-utils/pkg/kstatus/status"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"

	golden "github.com/scion-gen/scion-gen/golden/phasemap"
	"github.com/scion-gen/scion-gen/pkg/phasemap"
	"github.com/scion-gen/scion-gen/pkg/phasemap/phasemaptest"
)

// sample is a Pod in the form that each of the two takes.
type sample struct {
	typed   *corev1.Pod
	untyped *unstructured.Unstructured
	request phasemaptest.Request
}

// samples are the Pods of the golden suite that kstatus has an answer for.
func samples(b *testing.B) []sample {
	_, cases, err := golden.Load(golden.V1())
	if err != nil {
		b.Fatal(err)
	}
	var list []sample
	for _, c := range cases {
		if s, ok := newSample(b, c); ok {
			list = append(list, s)
		}
	}
	if len(list) < 400 {
		b.Fatalf("only %d Pods", len(list))
	}
	return list
}

func newSample(b *testing.B, c golden.Case) (s sample, ok bool) {
	request, err := phasemaptest.NewRequest(c)
	if err != nil {
		b.Fatal(err)
	}
	pod, err := request.TypedPod()
	if c.Op != "map" || err != nil || pod == nil {
		return s, false
	}
	object, err := runtime.DefaultUnstructuredConverter.ToUnstructured(pod)
	if err != nil {
		b.Fatal(err)
	}
	s = sample{pod, &unstructured.Unstructured{Object: object}, request}
	_, err = status.Compute(s.untyped)
	return s, err == nil
}

// cpu is the CPU time that this process has used, which a busy machine does not
// stretch.
func cpu(b *testing.B) time.Duration {
	var usage syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &usage); err != nil {
		b.Fatal(err)
	}
	return time.Duration(usage.Utime.Nano() + usage.Stime.Nano())
}

// BenchmarkMapVersusKstatus asks both for every Pod, many times over, in turns
// and in one run, and reports how many times the CPU kstatus takes. It takes Pods
// unstructured; the conversion is a gift.
func BenchmarkMapVersusKstatus(b *testing.B) {
	const turn = 20
	list := samples(b)
	var ours, theirs time.Duration
	for b.Loop() {
		start := cpu(b)
		for range turn {
			for i := range list {
				phasemap.Map(list[i].typed, list[i].request.Options, list[i].request.Now)
			}
		}
		between := cpu(b)
		for range turn {
			for i := range list {
				if _, err := status.Compute(list[i].untyped); err != nil {
					b.Fatal(err)
				}
			}
		}
		ours += between - start
		theirs += cpu(b) - between
	}
	pods := float64(b.N * turn * len(list))
	b.ReportMetric(float64(ours.Nanoseconds())/pods, "map-ns/pod")
	b.ReportMetric(float64(theirs.Nanoseconds())/pods, "kstatus-ns/pod")
	b.ReportMetric(float64(theirs)/float64(ours), "times-kstatus")
}
