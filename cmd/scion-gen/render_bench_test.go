package main

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
)

// usage is what a process took: CPU time of user and system, and the most
// memory it had.
type usage struct {
	cpu  time.Duration
	peak float64 // MiB
}

// measure runs a program and drops what it prints. The peak is asked for while
// it runs, for the one that Linux tells at the end counts the memory of the
// process that started it in.
func measure(b *testing.B, name string, args ...string) usage {
	b.Helper()
	cmd := exec.CommandContext(b.Context(), name, args...)
	pipe, err := cmd.StdoutPipe()
	if err != nil {
		b.Fatal(err)
	}
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	if err := cmd.Start(); err != nil {
		b.Fatal(err)
	}
	over, peaks := make(chan struct{}), make(chan float64)
	go func() { peaks <- watchPeak(cmd.Process.Pid, over) }()
	buf := make([]byte, 64<<10)
	for err == nil {
		_, err = pipe.Read(buf)
	}
	close(over)
	peak := <-peaks
	if err := cmd.Wait(); err != nil {
		b.Fatalf("%s: %v\n%s", name, err, &stderr)
	}
	state := cmd.ProcessState
	if peak == 0 {
		peak = float64(state.SysUsage().(*syscall.Rusage).Maxrss) / 1024
	}
	return usage{state.UserTime() + state.SystemTime(), peak}
}

// watchPeak is the most memory that a process has had, in MiB, until it is over.
func watchPeak(pid int, over <-chan struct{}) float64 {
	var peak float64
	for {
		peak = max(peak, peakOf(pid))
		select {
		case <-over:
			return peak
		case <-time.After(5 * time.Millisecond):
		}
	}
}

// peakOf is the most memory that a running process has had, in MiB; 0 where
// there is no /proc.
func peakOf(pid int) float64 {
	status, _ := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	_, line, _ := strings.Cut(string(status), "VmHWM:")
	kib, _, _ := strings.Cut(strings.TrimSpace(line), " ")
	n, _ := strconv.ParseFloat(kib, 64)
	return n / 1024
}

// buildCommand is scion-gen, built as users build it.
func buildCommand(b *testing.B) string {
	b.Helper()
	path := filepath.Join(b.TempDir(), "scion-gen")
	if out, err := exec.CommandContext(b.Context(), "go", "build", "-o", path, ".").CombinedOutput(); err != nil {
		b.Fatalf("%v\n%s", err, out)
	}
	return path
}

// The places in a benchmark's objects that differ, as wide as what they stand
// for: YAML lines are folded by their width.
const (
	groveHole = "grove-GG"
	issueHole = "AAAAA"
	groveSize = 100
)

const benchFleet = `apiVersion: gen.scion.dev/v1alpha1
kind: Fleet
metadata:
  name: bench
spec:
  namespace: agents
  defaults:
    imageRegistry: registry.example.com/agents
    secrets:
    - name: ANTHROPIC_API_KEY
      from:
        secretKeyRef:
          name: model-keys
          key: anthropic
    sharedDirs:
    - name: cache
`

const benchAgent = `---
apiVersion: gen.scion.dev/v1alpha1
kind: Agent
metadata:
  name: agent-AAAAA
spec:
  template: claude
  grove: grove-GG
  task: Fix issue AAAAA, test what you changed and open a pull request.
  workspace:
    git:
      url: https://github.com/example/shop.git
`

// writeFleet writes the configuration of n agents, a file for each grove.
func writeFleet(b *testing.B, n int) string {
	b.Helper()
	dir := b.TempDir()
	write(b, filepath.Join(dir, "fleet.yaml"), benchFleet)
	for g := range n / groveSize {
		var file strings.Builder
		for i := range groveSize {
			file.WriteString(strings.NewReplacer(groveHole, groveName(g), issueHole, issueName(g, i)).Replace(benchAgent))
		}
		write(b, filepath.Join(dir, groveName(g)+".yaml"), file.String())
	}
	return dir
}

func groveName(g int) string    { return fmt.Sprintf("grove-%02d", g) }
func issueName(g, i int) string { return fmt.Sprintf("%05d", g*groveSize+i) }

func write(b *testing.B, path, text string) {
	b.Helper()
	if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
		b.Fatal(err)
	}
}

// writeChart writes a chart that makes the objects of writeFleet's agents: the
// objects of one agent of one grove, with a template's actions in the places
// that differ, and a values file that has the rest.
func writeChart(b *testing.B, n int) string {
	b.Helper()
	one := b.TempDir()
	write(b, filepath.Join(one, "fleet.yaml"), benchFleet)
	holes := strings.NewReplacer(groveHole, "grove-gg", issueHole, "aaaaa")
	write(b, filepath.Join(one, "agent.yaml"), holes.Replace(benchAgent))
	var perFleet, perGrove, perAgent strings.Builder
	for doc := range strings.SplitAfterSeq(string(renderStream(b, one)), "\n---\n") {
		doc = "---\n" + strings.TrimSuffix(doc, "---\n")
		switch doc = strings.NewReplacer("grove-gg", "{{ $grove.name }}", "agent-aaaaa", "{{ .name }}", "aaaaa", "{{ .issue }}").Replace(doc); {
		case strings.Contains(doc, "{{ .name }}"):
			perAgent.WriteString(doc)
		case strings.Contains(doc, "{{ $grove.name }}"):
			perGrove.WriteString(doc)
		default:
			perFleet.WriteString(doc)
		}
	}
	dir := b.TempDir()
	if err := os.Mkdir(filepath.Join(dir, "templates"), 0o755); err != nil {
		b.Fatal(err)
	}
	write(b, filepath.Join(dir, "Chart.yaml"), "apiVersion: v2\nname: bench\nversion: 1.0.0\n")
	write(b, filepath.Join(dir, "templates", "fleet.yaml"), perFleet.String()+
		"{{- range $grove := .Values.groves }}\n"+perGrove.String()+
		"{{- range .agents }}\n"+perAgent.String()+"{{- end }}\n{{- end }}\n")
	var values strings.Builder
	values.WriteString("groves:\n")
	for g := range n / groveSize {
		fmt.Fprintf(&values, "- name: %s\n  agents:\n", groveName(g))
		for i := range groveSize {
			fmt.Fprintf(&values, "  - name: agent-%[1]s\n    issue: %[1]q\n", issueName(g, i))
		}
	}
	write(b, filepath.Join(dir, "values.yaml"), values.String())
	return dir
}

// helmVersion is the helm that render is measured against. Its modules are
// newer than ours, so it is installed apart.
const helmVersion = "v3.22.0"

func installHelm(b *testing.B) string {
	b.Helper()
	cache, err := os.UserCacheDir()
	if err != nil {
		b.Fatal(err)
	}
	dir := filepath.Join(cache, "scion-gen", "helm-"+helmVersion)
	helm := filepath.Join(dir, "helm")
	if _, err := os.Stat(helm); err == nil {
		return helm
	}
	cmd := exec.CommandContext(b.Context(), "go", "install", "helm.sh/helm/v3/cmd/helm@"+helmVersion)
	cmd.Env = append(os.Environ(), "GOBIN="+dir)
	if out, err := cmd.CombinedOutput(); err != nil {
		b.Fatalf("%v\n%s", err, out)
	}
	return helm
}

// documents are the objects of a stream, sorted: helm has an order of its own.
func documents(b *testing.B, name string, args ...string) []string {
	b.Helper()
	out, err := exec.CommandContext(b.Context(), name, args...).Output()
	if err != nil {
		b.Fatal(err)
	}
	var docs []string
	for doc := range strings.SplitSeq("\n"+string(out), "\n---\n") {
		doc = strings.TrimPrefix(doc, "# Source: bench/templates/fleet.yaml\n")
		if doc = strings.TrimSpace(doc); doc != "" {
			docs = append(docs, doc)
		}
	}
	slices.Sort(docs)
	return docs
}

// BenchmarkRenderVersusHelm renders 1,000 agents to a stream, the whole process,
// and has helm make the same objects from a chart. The ratio of their CPU time
// is to be 5 at least.
func BenchmarkRenderVersusHelm(b *testing.B) {
	const agents = 1000
	command, helm := buildCommand(b), installHelm(b)
	render := []string{"render", writeFleet(b, agents)}
	template := []string{"template", "bench", writeChart(b, agents)}
	ours, theirs := documents(b, command, render...), documents(b, helm, template...)
	if len(ours) < agents || !slices.Equal(ours, theirs) {
		b.Fatalf("the %d objects of scion-gen and the %d of helm differ", len(ours), len(theirs))
	}
	var ratios []float64
	var cpu time.Duration
	for b.Loop() {
		own := measure(b, command, render...)
		ratios = append(ratios, float64(measure(b, helm, template...).cpu)/float64(own.cpu))
		cpu += own.cpu
	}
	b.ReportMetric(median(ratios), "helm-cpu/cpu")
	b.ReportMetric(float64(cpu.Milliseconds())/float64(len(ratios)), "cpu-ms/op")
}

// BenchmarkRenderScale renders 10,000 agents and 1,000. The first is to take at
// most 11 times the CPU time of the second, and less than 128 MiB.
func BenchmarkRenderScale(b *testing.B) {
	command := buildCommand(b)
	few, many := writeFleet(b, 1000), writeFleet(b, 10_000)
	var ratios, peaks []float64
	for b.Loop() {
		small := measure(b, command, "render", few)
		large := measure(b, command, "render", many)
		ratios = append(ratios, float64(large.cpu)/float64(small.cpu))
		peaks = append(peaks, large.peak)
	}
	b.ReportMetric(median(ratios), "cpu-10000/1000")
	b.ReportMetric(slices.Max(peaks), "peak-MiB")
}

func median(values []float64) float64 {
	slices.Sort(values)
	return values[len(values)/2]
}
