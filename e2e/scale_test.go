package e2e

import (
	"fmt"
	"os/exec"
	"strconv"
	"strings"
	"syscall"
	"testing"
)

// BenchmarkWatch is what it costs to watch 3,000 agents: the memory of phase
// --watch once it has shown them all and while things happen to them, and its
// CPU time. Twenty changes a second for ten minutes are played as fast as the
// server takes them. It fails if memory grows with the number of changes.
func BenchmarkWatch(b *testing.B) {
	namespace(b, "scale", "baseline", "latest")
	pods := manyAgents(b, "scale")
	kubeconfig := reader(b, "scale")
	for b.Loop() {
		w := watch(b, kubeconfig)
		shown := len(pods)
		w.awaitLines(shown)
		synced := w.memory()
		most := [2]float64{synced} // in the first and in the second half
		for round := range 4 {
			ready := round%2 == 1
			atOnce(pods, func(i int) { pods[i].report(running(ready)) })
			shown += len(pods)
			w.awaitLines(shown)
			most[round/2] = max(most[round/2], w.memory())
		}
		if err := w.stop(); err != nil {
			b.Fatal(err)
		}
		// The garbage collector alone moves it by as much as half.
		if most[1] > 1.5*most[0] {
			b.Errorf("memory grows with what happens: %.0f MB, then %.0f MB", most[0], most[1])
		}
		state := w.cmd.ProcessState
		b.ReportMetric(synced, "MB-at-start")
		b.ReportMetric(most[1], "MB-later")
		b.ReportMetric(float64(state.SysUsage().(*syscall.Rusage).Maxrss)/1024, "MB-peak")
		b.ReportMetric((state.UserTime() + state.SystemTime()).Seconds(), "cpu-s")
		b.ReportMetric(float64(shown), "lines")
		b.ReportMetric(0, "ns/op") // the server's, not ours
	}
}

// awaitLines waits until this many lines have been printed, and no more.
func (w *watching) awaitLines(n int) {
	w.t.Helper()
	w.eventually(func() string {
		if got := len(w.verdicts()); got != n {
			return fmt.Sprintf("%d lines, want %d", got, n)
		}
		return ""
	})
}

// memory is what the command takes now, in MB.
func (w *watching) memory() float64 {
	w.t.Helper()
	out, err := exec.Command("ps", "-o", "rss=", "-p", strconv.Itoa(w.cmd.Process.Pid)).Output()
	if err != nil {
		w.t.Fatal(err)
	}
	kib, err := strconv.Atoi(strings.TrimSpace(string(out)))
	if err != nil {
		w.t.Fatal(err)
	}
	return float64(kib) / 1024
}
