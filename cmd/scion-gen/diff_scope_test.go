package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// What a reviewer of the repository that init lays out sees of a pull request:
// manifests and deploy/prod hold the same agents, and both are what counts.
func TestDiffRepository(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "repo")
	if code, out := initTo(t, dir); code != exitOK {
		t.Fatal(out)
	}
	commitAll(t, dir)
	t.Chdir(dir)
	do := func(t *testing.T, steps ...string) {
		t.Helper()
		if out, err := shell(t, dir, nil, steps...); err != nil {
			t.Fatalf("%v\n%s", err, out)
		}
	}
	const generate = "scion-gen build overlays -o deploy --render agents=manifests"
	for _, c := range []struct {
		why    string
		change func(t *testing.T)
		code   int
		want   []string // parts of the report, in order
		not    []string
	}{
		{"nothing", func(*testing.T) {}, 0, []string{"no change in 8 objects"}, nil},
		{"a setting of all agents", func(t *testing.T) {
			replaceIn(t, "agents/fleet.yaml", "maxTurns: 200", "maxTurns: 300")
			do(t, generate)
		}, 1, []string{
			"same change in 2 Pods, in deploy/prod and manifests  recreate", "200 -> 300",
			"2 of 8 objects differ", "recreate: 2 Pods", "agents lose their session in 2 objects",
			"configuration of gen.scion.dev is left out",
		}, []string{"Fleet", "Kustomization"}},
		{"a patch of the overlay", func(t *testing.T) {
			replaceIn(t, "overlays/prod/kustomization.yaml", "value: 36000", "value: 18000")
			do(t, generate)
		}, 1, []string{
			"same change in 2 Pods, in deploy/prod  in-place", "36000 -> 18000",
			"Kustomization overlays/prod/kustomization.yaml", "3 of 8 objects differ",
		}, []string{"manifests"}},
		{"one agent more", func(t *testing.T) {
			do(t, "sed 's/name: builder/name: tester/' agents/builder.yaml >agents/tester.yaml")
			do(t, generate)
		}, 1, []string{
			"ConfigMap agents/shop--tester-home (deploy/prod/", "in deploy/prod and manifests  new",
			"Pod agents/shop--tester (deploy/prod/", "in deploy/prod and manifests  new",
			"2 of 10 objects differ", "new: 1 ConfigMap, 1 Pod",
		}, []string{"Kustomization"}},
		{"an overlay more", func(t *testing.T) {
			do(t, "cp -R overlays/prod overlays/dev", generate)
		}, 1, []string{"in deploy/dev  new", "in deploy/dev and overlays/dev  new"}, []string{"in-place", "delete"}},
		{"an overlay less", func(t *testing.T) {
			do(t, "rm -R overlays/prod deploy")
		}, 1, []string{"in deploy/prod  delete", "Namespace agents", "in deploy/prod and overlays/prod  delete"}, []string{"in manifests"}},
		{"a tree with another name", func(t *testing.T) {
			do(t, "mv manifests gen")
			replaceIn(t, "overlays/prod/kustomization.yaml", "../../manifests", "../../gen")
		}, 1, []string{"~ resources[1]  ../../manifests -> ../../gen", "1 of 8 objects differs (6 in another file, unchanged)"}, []string{"delete", "new:"}},
		{"trees that were not generated anew", func(t *testing.T) {
			replaceIn(t, "agents/fleet.yaml", "maxTurns: 200", "maxTurns: 300")
			do(t, "scion-gen render agents -o manifests")
		}, 1, []string{"same change in 2 Pods, in manifests  recreate"}, nil},
	} {
		t.Run(c.why, func(t *testing.T) {
			defer do(t, "git checkout -q -f . && git clean -q -f -d")
			c.change(t)
			if out, _ := runDiff(t, "", "git:HEAD:deploy", "deploy"); strings.Contains(out, "there twice") {
				t.Error("what is deployed alone:", out)
			}
			out, code := runDiff(t, "", "git:HEAD", ".")
			rest := out
			for _, part := range c.want {
				_, after, found := strings.Cut(rest, part)
				if !found {
					t.Fatalf("no %q, in that order, in:\n%s", part, out)
				}
				rest = after
			}
			for _, part := range c.not {
				if strings.Contains(out, part) {
					t.Errorf("%q in:\n%s", part, out)
				}
			}
			if code != c.code {
				t.Errorf("exit code %d, want %d:\n%s", code, c.code, out)
			}
		})
	}
}

// A kustomization beside others is read as written: a patch is what it says of
// its object, not a new one.
func TestDiffKustomizationAsWritten(t *testing.T) {
	inRepository(t, map[string]string{
		"base/kustomization.yaml":         "resources: [pod.yaml]\n",
		"base/pod.yaml":                   diffPod,
		"overlays/a/kustomization.yaml":   "resources: [../../base]\n",
		"overlays/b/kustomization.yaml":   "resources: [../../base]\npatches: [{path: json.yaml, target: {kind: Pod}}]\n",
		"overlays/b/json.yaml":            "- {op: add, path: /spec/hostPID, value: false}\n",
		"overlays/c/kustomization.yaml":   "resources: [../../base]\npatches: [{path: patch.yaml}]\n",
		"overlays/c/patch.yaml":           "apiVersion: v1\nkind: Pod\nmetadata: {name: web--rev, namespace: agents}\nspec: {hostIPC: true}\n",
		"overlays/c/unused/whatever.yaml": "a: b\n",
	})
	writeText(t, "overlays/a/kustomization.yaml", "resources: [../../base]\npatchesStrategicMerge: [patch.yaml]\n")
	writeText(t, "overlays/a/patch.yaml", "apiVersion: v1\nkind: Pod\nmetadata: {name: web--rev, namespace: agents}\nspec: {hostPID: true}\n")
	writeText(t, "overlays/b/json.yaml", "- {op: add, path: /spec/hostPID, value: true}\n")
	writeText(t, "overlays/c/kustomization.yaml", "resources: [../../base]\n")
	if err := os.Remove("overlays/c/patch.yaml"); err != nil {
		t.Fatal(err)
	}
	out, code := runDiff(t, "", "git:HEAD", ".")
	for _, want := range []string{
		"+ spec.hostPID  true  [in overlays/a]", "! high host-pid",
		"- spec.hostIPC  true  [in overlays/c]",
		"Patch overlays/b/json.yaml", "~ [0].value  false -> true",
		"1 documents hold no object",
	} {
		if !strings.Contains(out, want) {
			t.Errorf("no %q in:\n%s", want, out)
		}
	}
	if code != 1 || strings.Contains(out, "new:") || strings.Contains(out, "delete:") {
		t.Errorf("exit code %d:\n%s", code, out)
	}
}
