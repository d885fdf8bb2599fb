//go:build unix

package manifest

import (
	"slices"
	"syscall"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	"sigs.k8s.io/yaml"
)

// cpu is the user and system time of this process, the garbage collector's
// included.
func cpu(tb testing.TB) time.Duration {
	tb.Helper()
	var usage syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &usage); err != nil {
		tb.Fatal(err)
	}
	return time.Duration(usage.Utime.Nano() + usage.Stime.Nano())
}

// compare runs f b.N times and reports how many times less CPU time it takes
// than sigs.k8s.io/yaml does for the same pod in the same run.
func compare(b *testing.B, pod *corev1.Pod, f func() error) {
	b.ReportAllocs()
	start := cpu(b)
	for b.Loop() {
		if err := f(); err != nil {
			b.Fatal(err)
		}
	}
	ours := float64(cpu(b)-start) / float64(b.N)
	b.StopTimer()
	const n = 200
	start = cpu(b)
	for range n {
		if _, err := yaml.Marshal(pod); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(cpu(b)-start)/n/ours, "x_sigs")
	b.ReportMetric(ours, "cpu-ns/op")
}

func BenchmarkMarshalPod(b *testing.B) {
	pod := agentPod(b)
	n, err := FromObject(pod)
	if err != nil {
		b.Fatal(err)
	}
	var buf []byte
	b.Run("typed", func(b *testing.B) {
		compare(b, pod, func() (err error) {
			_, err = Marshal(pod)
			return err
		})
	})
	b.Run("tree", func(b *testing.B) {
		compare(b, pod, func() (err error) {
			buf, err = Append(buf[:0], n)
			return err
		})
	})
	reverse(n)
	b.Run("unsorted", func(b *testing.B) {
		compare(b, pod, func() (err error) {
			buf, err = Append(buf[:0], n)
			return err
		})
	})
}

// reverse puts the fields of all mappings in n in the wrong order.
func reverse(n *Node) {
	slices.Reverse(n.Fields)
	for _, f := range n.Fields {
		reverse(f.Value)
	}
	for _, item := range n.Items {
		reverse(item)
	}
}

func BenchmarkInto(b *testing.B) {
	n, err := FromObject(agentPod(b))
	if err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	start := cpu(b)
	for b.Loop() {
		var pod corev1.Pod
		if err := Into(n, &pod); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(cpu(b)-start)/float64(b.N), "cpu-ns/op")
}

func BenchmarkFromObject(b *testing.B) {
	pod := agentPod(b)
	b.ReportAllocs()
	start := cpu(b)
	for b.Loop() {
		if _, err := FromObject(pod); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(cpu(b)-start)/float64(b.N), "cpu-ns/op")
}
