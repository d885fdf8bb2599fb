// Package bench compares scion-gen with the tools that people use today. It is
// a module of its own, so that nobody who imports scion-gen compiles those.
package bench

import (
	"runtime"
	"syscall"
	"testing"
	"time"

	"github.com/fluxcd/cli-utils/pkg/kstatus/status"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	kruntime "k8s.io/apimachinery/pkg/runtime"

	golden "github.com/scion-gen/scion-gen/golden/phasemap"
	"github.com/scion-gen/scion-gen/pkg/phasemap"
	"github.com/scion-gen/scion-gen/pkg/phasemap/phasemaptest"
)

// sample is a Pod in the form that each of the two takes.
type sample struct {
	typed   *corev1.Pod
	untyped *unstructured.Unstructured
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
	object, err := kruntime.DefaultUnstructuredConverter.ToUnstructured(pod)
	if err != nil {
		b.Fatal(err)
	}
	s = sample{pod, &unstructured.Unstructured{Object: object}}
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
// unstructured; the conversion is a gift. The turns take about as long, so that
// both find the caches as warm, and so long that kstatus' garbage, a kilobyte a
// Pod, is collected in its own turn, as often as the runtime sees fit.
func BenchmarkMapVersusKstatus(b *testing.B) {
	const ourRounds, theirRounds = 2000, 50
	list, now := samples(b), time.Now()
	var ours, theirs time.Duration
	for b.Loop() {
		start := cpu(b)
		for range ourRounds {
			for i := range list {
				phasemap.Map(list[i].typed, phasemap.Options{}, now)
			}
		}
		between := cpu(b)
		for range theirRounds {
			for i := range list {
				if _, err := status.Compute(list[i].untyped); err != nil {
					b.Fatal(err)
				}
			}
		}
		ours += between - start
		theirs += cpu(b) - between
		runtime.GC() // what is left of that garbage is in nobody's turn
	}
	pods := float64(b.N * len(list))
	oursPerPod, theirsPerPod := float64(ours)/pods/ourRounds, float64(theirs)/pods/theirRounds
	b.ReportMetric(oursPerPod, "map-cpu-ns/pod")
	b.ReportMetric(theirsPerPod, "kstatus-cpu-ns/pod")
	b.ReportMetric(theirsPerPod/oursPerPod, "times-kstatus")
}
