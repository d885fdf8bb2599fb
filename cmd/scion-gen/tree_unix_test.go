//go:build unix

package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/scion-gen/scion-gen/pkg/tree"
)

// fleetOf writes the configuration of some agents; name tells two fleets of the
// same agents, and of some others, apart.
func fleetOf(t *testing.T, name string, from, to int) string {
	t.Helper()
	var b bytes.Buffer
	for i := from; i < to; i++ {
		fmt.Fprintf(&b, `apiVersion: gen.scion.dev/v1alpha1
kind: Agent
metadata: {name: a%04d, namespace: agents}
spec: {template: generic, image: registry.example.com/agent:v1, harness: {command: ["true"]}, env: {FLEET: %s}}
---
`, i, name)
	}
	path := filepath.Join(t.TempDir(), name+".yaml")
	if err := os.WriteFile(path, b.Bytes(), 0o644); err != nil {
		t.Fatal(err)
	}
	return path
}

// renderer is a process of its own that renders to a directory.
func renderer(t *testing.T, config, dir string) (*exec.Cmd, *bytes.Buffer) {
	var out bytes.Buffer
	cmd := exec.CommandContext(t.Context(), "scion-gen", "render", config, "-o", dir)
	cmd.Stdout, cmd.Stderr = &out, &out
	return cmd, &out
}

// states are the trees that a directory may show a file of.
type states []map[string]string

// whole reports whether every file of the generator's in a directory is, byte
// for byte, that of one of the trees.
func (s states) whole(dir string) error {
	return filepath.WalkDir(dir, func(path string, entry fs.DirEntry, err error) error {
		if errors.Is(err, fs.ErrNotExist) || err != nil && entry != nil && !entry.IsDir() {
			return nil // gone since it was listed
		}
		if err != nil || entry.IsDir() || strings.HasPrefix(entry.Name(), tree.TempPrefix) {
			return err
		}
		data, err := os.ReadFile(path)
		if err != nil {
			return nil
		}
		name, _ := filepath.Rel(dir, path)
		if name == tree.JournalName {
			if !json.Valid(data) {
				return fmt.Errorf("half a journal: %q", data)
			}
			return nil
		}
		for _, files := range s {
			if files[filepath.ToSlash(name)] == string(data) {
				return nil
			}
		}
		return fmt.Errorf("%s is of neither tree:\n%s", name, data)
	})
}

// watch reads a directory over and over until stop is called.
func (s states) watch(t *testing.T, dir string) (stop func()) {
	done := make(chan struct{})
	var group sync.WaitGroup
	rounds := 0
	group.Go(func() {
		for {
			select {
			case <-done:
				return
			default:
			}
			rounds++
			if err := s.whole(dir); err != nil {
				t.Error(err)
				return
			}
		}
	})
	return func() {
		close(done)
		group.Wait()
		if rounds == 0 {
			t.Error("nobody read")
		}
	}
}

// twoFleets are two configurations and their trees: what both have differs, and
// each has agents of its own.
func twoFleets(t *testing.T) (configs [2]string, trees states) {
	configs = [2]string{fleetOf(t, "one", 0, 120), fleetOf(t, "two", 40, 160)}
	for _, config := range configs {
		dir := t.TempDir()
		renderTree(t, dir, config)
		trees = append(trees, readFiles(t, dir))
	}
	return configs, trees
}

func runTo(t *testing.T, config, dir string, want map[string]string) {
	t.Helper()
	cmd, out := renderer(t, config, dir)
	if err := cmd.Run(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	if diff := cmp.Diff(want, readFiles(t, dir)); diff != "" {
		t.Fatalf("the tree differs from that of an undisturbed run (-want +got):\n%s", diff)
	}
}

// killer kills runs while they write, at random moments.
type killer struct {
	random *rand.Rand
	most   time.Duration // that it waits when a run has begun to write
	amid   int           // how many were killed before their end
	runs   int
}

func newKiller() *killer {
	return &killer{random: rand.New(rand.NewPCG(4, 2)), most: 8 * time.Millisecond}
}

// kill starts a run and kills it once there is a journal. Unfinished says then
// whether the run had something left to do: where none of it was, the next is
// given less time, for a machine may be slow to wake us.
func (k *killer) kill(t *testing.T, cmd *exec.Cmd, journal string, unfinished func() bool) {
	t.Helper()
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() { ended <- cmd.Wait() }()
	for waiting := true; waiting; {
		_, err := os.Lstat(journal)
		waiting = err != nil && len(ended) == 0
	}
	time.Sleep(time.Duration(k.random.Int64N(int64(k.most))))
	_ = cmd.Process.Kill() // it may be over
	<-ended
	k.runs++
	if unfinished() {
		k.amid++
		k.most = min(2*k.most, 8*time.Millisecond)
		return
	}
	k.most = max(k.most/2, time.Microsecond)
}

// enough reports whether there were so many killings, a third of them amid the
// writing.
func (k *killer) enough(t *testing.T, killings int) bool {
	if k.runs >= 5*killings {
		t.Errorf("only %d of %d runs were killed while they wrote", k.amid, k.runs)
		return true
	}
	return k.runs >= killings && k.amid >= killings/3
}

// Killed at any instant, a run leaves whole files, and the next one, of the
// same configuration or of another, ends as if nothing had happened.
func TestKilled(t *testing.T) {
	configs, trees := twoFleets(t)
	dir := t.TempDir()
	runTo(t, configs[0], dir, trees[0])
	stop := trees.watch(t, dir)
	defer stop()
	journal := filepath.Join(dir, tree.JournalName)
	k := newKiller()
	for !k.enough(t, 12) {
		from, to := k.runs%2, 1-k.runs%2
		cmd, _ := renderer(t, configs[to], dir)
		k.kill(t, cmd, journal, func() bool {
			if err := trees.whole(dir); err != nil {
				t.Fatal(err)
			}
			_, err := os.Lstat(journal)
			return err == nil
		})
		next := to
		if k.random.IntN(2) == 0 {
			next = from
		}
		runTo(t, configs[next], dir, trees[next])
		runTo(t, configs[to], dir, trees[to])
	}
}

// The one command, killed at any instant between and amid its trees, is finished by
// the next one.
func TestKilledAmidTwoTrees(t *testing.T) {
	repo := t.TempDir()
	command := func(sides string) *exec.Cmd {
		cmd := exec.CommandContext(t.Context(), "scion-gen", "build", sides, "-o", "deploy", "--render", sides+".yaml=manifests")
		cmd.Dir = repo
		return cmd
	}
	trees := func() map[string]string {
		files := readFiles(t, filepath.Join(repo, "deploy"))
		for name, text := range readFiles(t, filepath.Join(repo, "manifests")) {
			files["manifests/"+name] = text
		}
		return files
	}
	want := map[string]map[string]string{}
	for i, sides := range []string{"one", "two"} { // with an overlay that both have, and one of its own
		data, err := os.ReadFile(fleetOf(t, sides, 20*i, 20*i+60))
		if err != nil {
			t.Fatal(err)
		}
		write := func(name, text string) {
			if err := errors.Join(os.MkdirAll(filepath.Dir(filepath.Join(repo, name)), 0o755), os.WriteFile(filepath.Join(repo, name), []byte(text), 0o644)); err != nil {
				t.Fatal(err)
			}
		}
		write(sides+".yaml", string(data))
		write(sides+"/prod/kustomization.yaml", "resources: [../../manifests]\n")
		write(sides+"/of-"+sides+"/kustomization.yaml", "resources: [../../manifests]\nlabels: [{pairs: {side: "+sides+"}}]\n")
		if out, err := command(sides).CombinedOutput(); err != nil {
			t.Fatalf("%v\n%s", err, out)
		}
		want[sides] = trees()
	}
	k := newKiller()
	for !k.enough(t, 8) {
		sides := []string{"one", "two"}[k.runs%2]
		journal := filepath.Join(repo, []string{"manifests", "deploy"}[k.runs/2%2], tree.JournalName)
		k.kill(t, command(sides), journal, func() bool { return cmp.Diff(want[sides], trees()) != "" })
		if out, err := command(sides).CombinedOutput(); err != nil {
			t.Fatalf("%v\n%s", err, out)
		}
		if diff := cmp.Diff(want[sides], trees()); diff != "" {
			t.Fatalf("the trees differ from those of an undisturbed run (-want +got):\n%s", diff)
		}
	}
}

// Two runs at once end in the tree of one of them, and both succeed.
func TestTwoRunsAtOnce(t *testing.T) {
	configs, trees := twoFleets(t)
	dir := t.TempDir()
	stop := trees.watch(t, dir)
	defer stop()
	for range 4 {
		var runs [2]*exec.Cmd
		var outs [2]*bytes.Buffer
		for i := range runs {
			runs[i], outs[i] = renderer(t, configs[i], dir)
			if err := runs[i].Start(); err != nil {
				t.Fatal(err)
			}
		}
		for i, cmd := range runs {
			if err := cmd.Wait(); err != nil {
				t.Errorf("%v\n%s", err, outs[i])
			}
		}
		got := readFiles(t, dir)
		if cmp.Diff(trees[0], got) != "" && cmp.Diff(trees[1], got) != "" {
			t.Fatalf("the tree is of neither run (-second +got):\n%s", cmp.Diff(trees[1], got))
		}
	}
}

// Runs that name the same trees in another order do not wait for each other forever.
func TestTreesInAnotherOrder(t *testing.T) {
	configs := []string{fleetOf(t, "one", 0, 20), fleetOf(t, "two", 0, 20)}
	repo := t.TempDir()
	overlay := filepath.Join(repo, "overlays/both")
	if err := errors.Join(os.MkdirAll(overlay, 0o755), os.WriteFile(filepath.Join(overlay, "kustomization.yaml"), []byte("resources: [../../one]\n"), 0o644)); err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithTimeout(t.Context(), time.Minute)
	defer stop()
	var runs sync.WaitGroup
	for i := range 12 {
		renders := []string{"--render=" + configs[0] + "=one", "--render=" + configs[1] + "=two"}
		if i%2 > 0 {
			slices.Reverse(renders)
		}
		runs.Go(func() {
			cmd := exec.CommandContext(ctx, "scion-gen", slices.Concat([]string{"build", "overlays", "-o", "deploy"}, renders)...)
			cmd.Dir = repo
			if out, err := cmd.CombinedOutput(); err != nil {
				t.Errorf("%v\n%s", err, out)
			}
		})
	}
	runs.Wait()
}

// A run that may write no file larger than a block ends in the midst of one.
func TestFileSizeLimit(t *testing.T) {
	configs, trees := twoFleets(t)
	dir := t.TempDir()
	runTo(t, configs[0], dir, trees[0])
	cmd := exec.CommandContext(t.Context(), "sh", "-c", "ulimit -f 1; exec scion-gen render "+configs[1]+" -o "+dir)
	if out, err := cmd.CombinedOutput(); err == nil {
		t.Fatalf("a run succeeded where it may write nothing\n%s", out)
	}
	if err := trees.whole(dir); err != nil {
		t.Error(err)
	}
	runTo(t, configs[1], dir, trees[1])
}

// A link that leads out of the directory is not followed, neither to write nor
// to read; one in a file's place is no file of ours.
func TestLinksOut(t *testing.T) {
	config := fleetOf(t, "one", 0, 2)
	render := func(dir string, flags ...string) (code int, out string) {
		var b bytes.Buffer
		code = run(t.Context(), append([]string{"render", config, "-o", dir}, flags...), strings.NewReader(""), &b, &b)
		return code, b.String()
	}
	for _, flags := range [][]string{nil, {"--check"}, {"--force"}} {
		t.Run("a folder"+fmt.Sprint(flags), func(t *testing.T) {
			dir, outside := t.TempDir(), t.TempDir()
			if err := os.Symlink(outside, filepath.Join(dir, "agents")); err != nil {
				t.Fatal(err)
			}
			if code, out := render(dir, flags...); code != exitTrouble || !strings.Contains(out, "agents") {
				t.Errorf("exit code %d\n%s", code, out)
			}
			if files := readFiles(t, outside); len(files) > 0 {
				t.Errorf("written outside: %v", files)
			}
		})
	}
	t.Run("a file", func(t *testing.T) {
		dir, outside := t.TempDir(), filepath.Join(t.TempDir(), "precious")
		link := filepath.Join(dir, "agents", "agent-a0001.yaml")
		if err := errors.Join(os.WriteFile(outside, []byte("mine"), 0o644), os.Mkdir(filepath.Dir(link), 0o755), os.Symlink(outside, link)); err != nil {
			t.Fatal(err)
		}
		if code, out := render(dir); code != exitInput || !strings.Contains(out, "agents/agent-a0001.yaml: was not written by scion-gen") {
			t.Errorf("exit code %d\n%s", code, out)
		}
		if code, out := render(dir, "--force"); code != exitOK {
			t.Errorf("exit code %d\n%s", code, out)
		}
		if data, err := os.ReadFile(outside); err != nil || string(data) != "mine" {
			t.Errorf("the file outside is %q, %v", data, err)
		}
	})
}
