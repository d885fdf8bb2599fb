package render

import (
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"testing"

	"github.com/scion-gen/scion-gen/pkg/manifest"
)

// unseenPath are the paths of what no check of the typed pod looks at.
var unseenPath = regexp.MustCompile(`^metadata\.(name|namespace|labels.*|annotations\[scion\..*)$|` +
	`^spec\.(containers|initContainers)\[\d+\](\..*)?\.(env|command|volumeMounts)\b.*$|` +
	`^spec\.volumes\b.*\.(name|claimName|secretName)$`)

// TestFingerprint: pods have one fingerprint only if they differ in nothing that
// is checked, for every field of every golden pod.
func TestFingerprint(t *testing.T) {
	files, err := filepath.Glob("../../golden/render/*/config.yaml")
	if err != nil || len(files) == 0 {
		t.Fatal("no configurations", err)
	}
	seen, hidden := 0, 0
	for _, file := range files {
		data, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		config, err := Load(builtIn(t), []File{{file, data}})
		if err != nil {
			t.Fatal(err)
		}
		var errs manifest.Errors
		for _, a := range config.resolve(&errs) {
			v, pod := &verifier{}, a.podObject()
			fingerprint := v.fingerprint(pod)
			eachScalar(pod, "", func(n *manifest.Node, path string) {
				was := *n
				n.Text += "x"
				byText := v.fingerprint(pod) != fingerprint
				*n = manifest.Node{Kind: manifest.Sequence}
				byKind := v.fingerprint(pod) != fingerprint
				*n = was
				want := !unseenPath.MatchString(path) && path != "kind" && path != "apiVersion"
				if byText != want || want && !byKind {
					t.Errorf("%s: %s: another text: another fingerprint is %v, want %v; another kind: %v", file, path, byText, want, byKind)
				}
				if want {
					seen++
				} else {
					hidden++
				}
			})
		}
		if len(errs) > 0 {
			t.Error(errs)
		}
	}
	if seen < 1000 || hidden < 1000 {
		t.Errorf("%d fields that count, %d that do not; the pods have more of both", seen, hidden)
	}
}

// eachScalar visits what is in a tree but for nodes that it has twice, each once.
func eachScalar(root *manifest.Node, path string, visit func(n *manifest.Node, path string)) {
	times := map[*manifest.Node]int{}
	var walk func(n *manifest.Node, path string, do func(*manifest.Node, string))
	walk = func(n *manifest.Node, path string, do func(*manifest.Node, string)) {
		if n.Kind != manifest.Mapping && n.Kind != manifest.Sequence {
			do(n, path)
		}
		for _, f := range slices.Clone(n.Fields) {
			walk(f.Value, manifest.Child(path, f.Key), do)
		}
		for i, item := range slices.Clone(n.Items) {
			walk(item, manifest.Index(path, i), do)
		}
	}
	walk(root, path, func(n *manifest.Node, _ string) { times[n]++ })
	walk(root, path, func(n *manifest.Node, path string) {
		if times[n] == 1 {
			visit(n, path)
		}
	})
}
