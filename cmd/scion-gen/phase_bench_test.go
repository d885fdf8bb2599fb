package main

import (
	"bytes"
	_ "embed"
	"encoding/json"
	"fmt"
	"io"
	"os/exec"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/scion-gen/scion-gen/pkg/phasemap"
	"github.com/scion-gen/scion-gen/pkg/podstream"

	corev1 "k8s.io/api/core/v1"
)

//go:embed testdata/bench/agent.json
var agentPod string

// kubectlList is what kubectl get pods -A -o json prints for n agents.
func kubectlList(n int) []byte {
	item := "        " + strings.ReplaceAll(strings.TrimSpace(agentPod), "\n", "\n        ")
	var b bytes.Buffer
	b.WriteString("{\n    \"apiVersion\": \"v1\",\n    \"items\": [\n")
	for i := range n {
		if i > 0 {
			b.WriteString(",\n")
		}
		names := strings.NewReplacer("AGENT", fmt.Sprintf("agent-%05d", i), "NAMESPACE", fmt.Sprintf("team-%d", i%7), "NODE", fmt.Sprint(i%200))
		names.WriteString(&b, item)
	}
	b.WriteString("\n    ],\n    \"kind\": \"List\",\n    \"metadata\": {\n        \"resourceVersion\": \"\"\n    }\n}\n")
	return b.Bytes()
}

// cpu is the processor time that this process has taken, garbage collection
// included.
func cpu() time.Duration {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		panic(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// BenchmarkPhaseList compares the processor time of reading and mapping a list
// of 10,000 Pods with that of decoding it by encoding/json, in one run.
func BenchmarkPhaseList(b *testing.B) {
	text := kubectlList(10_000)
	b.SetBytes(int64(len(text)))
	var ours, theirs time.Duration
	for b.Loop() {
		start := cpu()
		n := 0
		for o, err := range podstream.Read(bytes.NewReader(text)) {
			if err != nil {
				b.Fatal(err)
			}
			o.Map(phasemap.Options{}, time.Time{})
			n++
		}
		ours += cpu() - start
		start = cpu()
		var list corev1.PodList
		if err := json.Unmarshal(text, &list); err != nil {
			b.Fatal(err)
		}
		theirs += cpu() - start
		if n != len(list.Items) {
			b.Fatalf("read %d Pods of %d", n, len(list.Items))
		}
	}
	b.ReportMetric(float64(theirs)/float64(ours), "x-less-cpu")
	b.ReportMetric(float64(ours.Microseconds())/float64(b.N)/10_000, "µs/pod")
	b.ReportMetric(float64(theirs.Microseconds())/float64(b.N)/10_000, "encoding/json-µs/pod")
}

// BenchmarkPhaseProcess builds the command and runs it over the same list from a
// pipe, as kubectl would feed it, and reports the most memory it had until it had
// printed all.
func BenchmarkPhaseProcess(b *testing.B) {
	command, text := buildCommand(b), kubectlList(10_000)
	for _, output := range outputs {
		b.Run(output, func(b *testing.B) {
			b.SetBytes(int64(len(text)))
			var peak float64
			for b.Loop() {
				peak = max(peak, peakRunning(b, text, command, "phase", "-o", output))
			}
			b.ReportMetric(peak, "peak-MiB")
		})
	}
}

// peakRunning is the most memory that a command had over text, in MiB. It prints
// into a pipe, and is looked at each time that has been emptied.
func peakRunning(b *testing.B, text []byte, command string, args ...string) (peak float64) {
	c := exec.CommandContext(b.Context(), command, args...)
	c.Stdin = bytes.NewReader(text)
	stdout, err := c.StdoutPipe()
	if err != nil {
		b.Fatal(err)
	}
	if err := c.Start(); err != nil {
		b.Fatal(err)
	}
	for buffer := make([]byte, 4<<10); err == nil; {
		_, err = io.ReadFull(stdout, buffer)
		peak = max(peak, peakOf(c.Process.Pid))
	}
	if err := c.Wait(); err != nil {
		b.Fatal(err)
	}
	if peak == 0 {
		b.Skip("the peak of a process is known on Linux alone")
	}
	return peak
}
