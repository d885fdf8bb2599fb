package phasemap_test

import (
	"testing"

	"github.com/scion-gen/scion-gen/pkg/phasemap"
)

// Mapping a typed Pod allocates nothing, whatever the Pod.
func TestMapAllocatesNothing(t *testing.T) {
	asked := 0
	for _, q := range questions(t) {
		pod, err := q.TypedPod()
		if q.Request.Op != "map" || err != nil {
			continue
		}
		asked++
		if n := testing.AllocsPerRun(5, func() { phasemap.Map(pod, q.Request.Options, q.Request.Now) }); n != 0 {
			t.Errorf("%s: %v allocations", q.ID, n)
		}
	}
	if asked == 0 {
		t.Fatal("no Pods")
	}
}

func BenchmarkMap(b *testing.B) {
	for _, q := range questions(b) {
		switch q.ID {
		case "exit-0", "clone-running", "imagepullbackoff-past-grace", "native-sidecar-started-agent-running", "containerstatuses-null":
			pod, err := q.TypedPod()
			if err != nil {
				b.Fatal(err)
			}
			b.Run(q.ID, func(b *testing.B) {
				b.ReportAllocs()
				for b.Loop() {
					phasemap.Map(pod, q.Request.Options, q.Request.Now)
				}
			})
		}
	}
}
