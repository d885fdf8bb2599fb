package main

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// common is the overlay that users have most often, over a fleet: a namespace,
// labels, annotations, images and a JSON patch.
const common = `apiVersion: kustomize.config.k8s.io/v1beta1
kind: Kustomization
resources: [../base]
components: [../names]
namespace: other
labels:
- pairs: {example.com/environment: prod}
commonAnnotations: {example.com/owner: agents}
images:
- name: registry.example.com/agents/scion-claude
  newTag: "2"
patches:
- target: {kind: Pod}
  patch: |-
    - op: add
      path: /spec/runtimeClassName
      value: gvisor
`

const prefixed = `apiVersion: kustomize.config.k8s.io/v1beta1
kind: Kustomization
resources: [../base]
namePrefix: new-
`

// writeOverlay writes a tree of n agents with an overlay, and returns the
// overlay's directory.
func writeOverlay(b *testing.B, n int, text string) string {
	b.Helper()
	dir := b.TempDir()
	renderTree(b, filepath.Join(dir, "base"), writeFleet(b, n))
	if err := os.CopyFS(filepath.Join(dir, "names"), os.DirFS(filepath.Join(overlays, "components/names"))); err != nil {
		b.Fatal(err)
	}
	overlay := filepath.Join(dir, "overlay")
	if err := os.Mkdir(overlay, 0o755); err != nil {
		b.Fatal(err)
	}
	write(b, filepath.Join(overlay, "kustomization.yaml"), text)
	return overlay
}

// writeTriples writes n agents of a Pod, a ServiceAccount and a claim each, with
// an overlay.
func writeTriples(b *testing.B, n int, text string) string {
	b.Helper()
	overlay := writeOverlay(b, groveSize, text)
	base := filepath.Join(filepath.Dir(overlay), "base")
	pod, err := os.ReadFile(filepath.Join(base, "agents", "agent-grove-00--agent-00000.yaml"))
	if err != nil {
		b.Fatal(err)
	}
	if err := os.RemoveAll(base); err != nil {
		b.Fatal(err)
	}
	if err := os.Mkdir(base, 0o755); err != nil {
		b.Fatal(err)
	}
	list := "resources:\n"
	for i := range n {
		name := fmt.Sprintf("agent-%05d", i)
		own := strings.NewReplacer("agent-00000", name, "serviceAccountName: scion-agent", "serviceAccountName: "+name,
			"claimName: scion-shared-grove-00-cache", "claimName: "+name).Replace(string(pod))
		for _, kind := range []string{"ServiceAccount", "PersistentVolumeClaim"} {
			own += fmt.Sprintf("---\napiVersion: v1\nkind: %s\nmetadata:\n  name: %s\n  namespace: agents\n", kind, name)
		}
		write(b, filepath.Join(base, name+".yaml"), own)
		list += "- " + name + ".yaml\n"
	}
	write(b, filepath.Join(base, "kustomization.yaml"), list)
	return overlay
}

// BenchmarkBuildVersusKustomize builds overlays over 1,000 agents, the whole
// process, against the stock command: the ratio of CPU time is to be 5 at least
// for the common overlay, 15 for namePrefix over 3,000 objects, and the peak of
// memory no more than kustomize's.
func BenchmarkBuildVersusKustomize(b *testing.B) {
	command, kustomize := buildCommand(b), stockCommand(b)
	for _, c := range []struct{ name, overlay string }{
		{"common", writeOverlay(b, 1000, common)},
		{"namePrefix", writeTriples(b, 1000, prefixed)},
	} {
		b.Run(c.name, func(b *testing.B) {
			ours, err := exec.CommandContext(b.Context(), command, "build", c.overlay).Output()
			if err != nil {
				b.Fatal(err)
			}
			theirs, err := exec.CommandContext(b.Context(), kustomize, "build", c.overlay).Output()
			if err != nil || len(ours) == 0 || !bytes.Equal(ours, theirs) {
				b.Fatalf("the builds differ: %v", err)
			}
			var ratios, peaks []float64
			var seconds float64
			for b.Loop() {
				own := measure(b, command, "build", c.overlay)
				stock := measure(b, kustomize, "build", c.overlay)
				ratios = append(ratios, float64(stock.cpu)/float64(own.cpu))
				peaks = append(peaks, own.peak/stock.peak)
				seconds += own.cpu.Seconds()
			}
			b.ReportMetric(median(ratios), "kustomize-cpu/cpu")
			b.ReportMetric(slices.Max(peaks), "peak/kustomize-peak")
			b.ReportMetric(seconds/float64(len(ratios)), "cpu-s/op")
		})
	}
}

// BenchmarkBuildScale builds the common overlay over 4,000 agents and 1,000. The
// first is to take at most 5 times the CPU time of the second.
func BenchmarkBuildScale(b *testing.B) {
	command := buildCommand(b)
	few, many := writeOverlay(b, 1000, common), writeOverlay(b, 4000, common)
	var ratios []float64
	for b.Loop() {
		small, large := measure(b, command, "build", few), measure(b, command, "build", many)
		ratios = append(ratios, float64(large.cpu)/float64(small.cpu))
	}
	b.ReportMetric(median(ratios), "cpu-4000/1000")
}
