package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"testing"
	"time"
)

// dyffVersion is the dyff that diff is measured against.
const dyffVersion = "v1.10.2"

func installDyff(b *testing.B) string {
	b.Helper()
	cache, err := os.UserCacheDir()
	if err != nil {
		b.Fatal(err)
	}
	dir := filepath.Join(cache, "scion-gen", "dyff-"+dyffVersion)
	dyff := filepath.Join(dir, "dyff")
	if _, err := os.Stat(dyff); err == nil {
		return dyff
	}
	cmd := exec.CommandContext(b.Context(), "go", "install", "github.com/homeport/dyff/cmd/dyff@"+dyffVersion)
	cmd.Env = append(os.Environ(), "GOBIN="+dir)
	if out, err := cmd.CombinedOutput(); err != nil {
		b.Fatalf("%v\n%s", err, out)
	}
	return dyff
}

// renderSides renders n agents twice, the second time with one more variable in
// what all of them start from, each into one file: dyff reads no trees.
func renderSides(b *testing.B, command string, n int) (old, new string) {
	b.Helper()
	config, dir := writeFleet(b, n), b.TempDir()
	old, new = filepath.Join(dir, "old.yaml"), filepath.Join(dir, "new.yaml")
	for _, side := range []struct{ path, fleet string }{
		{old, benchFleet},
		{new, benchFleet + "    env:\n      LOG_LEVEL: debug\n"},
	} {
		write(b, filepath.Join(config, "fleet.yaml"), side.fleet)
		out, err := exec.CommandContext(b.Context(), command, "render", config).Output()
		if err != nil {
			b.Fatal(err)
		}
		write(b, side.path, string(out))
	}
	return old, new
}

// diffArgs compare two files; the exit code is 0 as nothing is deleted.
func diffArgs(old, new string) []string { return []string{"diff", old, new, "--fail-on", "delete"} }

// BenchmarkDiffVersusDyff compares two renderings of 1,000 agents that differ by
// one line of a template, the whole process, and has dyff compare the same
// files. The ratio of their CPU time is to be 10 at least, and the memory less
// than 256 MiB.
func BenchmarkDiffVersusDyff(b *testing.B) {
	command, dyff := buildCommand(b), installDyff(b)
	old, new := renderSides(b, command, 1000)
	var ratios, peaks []float64
	var cpu time.Duration
	for b.Loop() {
		own := measure(b, command, diffArgs(old, new)...)
		theirs := measure(b, dyff, "between", old, new)
		ratios = append(ratios, float64(theirs.cpu)/float64(own.cpu))
		peaks = append(peaks, own.peak)
		cpu += own.cpu
	}
	b.ReportMetric(median(ratios), "dyff-cpu/cpu")
	b.ReportMetric(float64(cpu.Milliseconds())/float64(len(ratios)), "cpu-ms/op")
	b.ReportMetric(slices.Max(peaks), "peak-MiB")
}

// BenchmarkDiffScale compares 10,000 agents and 1,000. The first is to take at
// most 11 times the CPU time of the second.
func BenchmarkDiffScale(b *testing.B) {
	command := buildCommand(b)
	few, fewNew := renderSides(b, command, 1000)
	many, manyNew := renderSides(b, command, 10_000)
	var ratios, peaks []float64
	for b.Loop() {
		small := measure(b, command, diffArgs(few, fewNew)...)
		large := measure(b, command, diffArgs(many, manyNew)...)
		ratios = append(ratios, float64(large.cpu)/float64(small.cpu))
		peaks = append(peaks, large.peak)
	}
	b.ReportMetric(median(ratios), "cpu-10000/1000")
	b.ReportMetric(slices.Max(peaks), "peak-MiB")
}
