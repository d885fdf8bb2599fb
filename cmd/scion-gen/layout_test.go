package main

import (
	"bytes"
	"path"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/scion-gen/scion-gen/pkg/render"
)

// In every layout, the stock kustomize prints of the tree what render prints as
// a stream, and every file can be found.
func TestLayouts(t *testing.T) {
	many := fleetOf(t, "many", 0, 1100)
	tests := []struct {
		name, why string
		input     string
		flags     []string
		want      string // a file of the tree
		unbuilt   bool   // kustomize takes too long, and another case has it
	}{
		{"grove", "a folder a grove, for its owners", exampleFleet, []string{"--layout", "grove"}, "grove-shop/agents/agent-shop--review.yaml", false},
		{"flat", "no folders", exampleFleet, []string{"--layout", "flat"}, "agents_agent-shop--review.yaml", false},
		{"an object a file", "smaller diffs", exampleFleet, []string{"--name-template", "{namespace}/{grove}/{kind}-{name}.yaml"}, "agents/shop/pod-shop--review.yaml", false},
		{"the same in another order", "kinds together", exampleFleet, []string{"--name-template", "{kind}/{namespace}/{name}.yaml"}, "pod/agents/shop--review.yaml", false},
		{"literal folders", "the tree as a part of another", exampleFleet, []string{"--name-template", "fleet/{agent}/{file}-{namespace}.yaml"}, "fleet/review/agent-shop--review-agents.yaml", false},
		{"many agents", "a folder of a git host's limits", many, nil, "agents/h00/kustomization.yaml", false},
		{"many files, flat", "the top too", many, []string{"--layout", "flat"}, "h00/kustomization.yaml", true},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			dir := t.TempDir()
			renderTree(t, dir, append(tt.flags, tt.input)...)
			if !tt.unbuilt {
				stream := string(renderStream(t, append(tt.flags, tt.input)...))
				if diff := cmp.Diff(stream, string(stockBuild(t, dir))); diff != "" {
					t.Errorf("kustomize build of the layout for %s (-stream +built):\n%s", tt.why, diff)
				}
			}
			files := readFiles(t, dir)
			if files[tt.want] == "" {
				t.Errorf("there is no %s", tt.want)
			}
			entries := map[string]map[string]bool{}
			for name := range files {
				for ; name != "."; name = path.Dir(name) {
					if entries[path.Dir(name)] == nil {
						entries[path.Dir(name)] = map[string]bool{}
					}
					entries[path.Dir(name)][name] = true
				}
			}
			for folder, names := range entries {
				if len(names) > render.MaxEntries {
					t.Errorf("%s has %d entries", folder, len(names))
				}
				if !names[path.Join(folder, "kustomization.yaml")] {
					t.Errorf("%s has no kustomization.yaml", folder)
				}
			}
		})
	}
}

// What is no layout, or would put two objects in one file, is an error that
// says which.
func TestBadLayouts(t *testing.T) {
	for _, tt := range []struct{ template, want string }{
		{"{kind}-{name}.yaml", "ServiceAccount scion-agent in namespace agents and ServiceAccount scion-agent in namespace platform-agents would both be in serviceaccount-scion-agent.yaml"},
		{"{namespace}/{agent}.yaml", "is hidden"},
		{"{groove}.yaml", "there is no placeholder {groove}; there are {agent}, {file}"},
		{"{name/x}.yaml", "there is no placeholder {name"},
		{"{name/{file}.yaml", "there is no placeholder {name"},
		{"name}.yaml", "a } without its {"},
		{"{name}", "does not end in .yaml"},
		{"../{file}.yaml", "is no path below the directory"},
		{"/{file}.yaml", "is no path below the directory"},
		{"{namespace}/kustomization.yaml", "which lists the files of its folder"},
		{"x.yaml/{namespace}/{grove}/{file}.yaml/{agent}.yaml", "hidden"},
	} {
		var out bytes.Buffer
		code := run(t.Context(), []string{"render", exampleFleet, "--name-template", tt.template}, strings.NewReader(""), &out, &out)
		if code != exitTrouble || !strings.Contains(out.String(), tt.want) {
			t.Errorf("%s: exit code %d, want %s:\n%.300s", tt.template, code, tt.want, &out)
		}
	}
}

// --check and --force without a directory say nothing of anything.
func TestTreeFlagsNeedDirectory(t *testing.T) {
	for _, args := range [][]string{
		{"render", exampleFleet, "--check"}, {"render", exampleFleet, "--check", "-o", "-"}, {"render", exampleFleet, "--force"},
		{"build", filepath.Join(overlays, "dev"), "--check"},
	} {
		var out bytes.Buffer
		if code := run(t.Context(), args, strings.NewReader(""), &out, &out); code != exitTrouble || !strings.Contains(out.String(), "add -o DIR") {
			t.Errorf("%s: exit code %d\n%.300s", args, code, &out)
		}
	}
}
