package tree

import (
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"path"
	"slices"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/google/go-cmp/cmp"
)

// memory is a directory in memory whose every operation can be the last.
type memory struct {
	files fstest.MapFS
	left  int // operations until it stops; negative is never
}

var errStopped = errors.New("stopped")

func (m *memory) step() error {
	if m.left == 0 {
		return errStopped
	}
	m.left--
	return nil
}

func (m *memory) Write(name string, data []byte) error {
	if err := m.step(); err != nil {
		return err
	}
	for other := range m.files {
		if strings.HasPrefix(other, name+"/") || strings.HasPrefix(name, other+"/") {
			return fmt.Errorf("%s is in the way of %s", other, name)
		}
	}
	m.files[name] = &fstest.MapFile{Data: slices.Clone(data)}
	return nil
}

func (m *memory) Remove(name string) error {
	if err := m.step(); err != nil {
		return err
	}
	delete(m.files, name)
	return nil
}

func (m *memory) Prune(string) {}

func (m *memory) texts() map[string]string {
	out := map[string]string{}
	for name, f := range m.files {
		out[name] = string(f.Data)
	}
	return out
}

func newMemory(texts map[string]string) *memory {
	m := &memory{files: fstest.MapFS{}, left: -1}
	for name, text := range texts {
		m.files[name] = &fstest.MapFile{Data: []byte(text)}
	}
	return m
}

func files(texts map[string]string) Files {
	return func(yield func(File, error) bool) {
		for _, name := range slices.Sorted(maps.Keys(texts)) {
			if !yield(File{Name: name, Data: []byte(texts[name])}, nil) {
				return
			}
		}
	}
}

func sync(t *testing.T, m *memory, want map[string]string, force bool) error {
	t.Helper()
	plan, err := New(m.files, Header{Generator: "test"}, files(want), force)
	if err != nil {
		return err
	}
	if err := plan.Taken(); err != nil {
		return err
	}
	return plan.Apply(m)
}

// content is a tree without our own bookkeeping.
func content(m *memory) map[string]string {
	out := m.texts()
	delete(out, IndexName)
	delete(out, JournalName)
	return out
}

func TestSteps(t *testing.T) {
	tests := []struct {
		name, why     string
		before, after map[string]string // what is generated, first and then
		edit          map[string]string // what somebody does between; "" removes
		force         bool
		want          map[string]string // the directory at the end
		refused       string            // or what is in the way
	}{
		{name: "first run", why: "an empty directory is filled",
			after: map[string]string{"a": "1"}, want: map[string]string{"a": "1"}},
		{name: "change", why: "our own file follows",
			before: map[string]string{"a": "1"}, after: map[string]string{"a": "2"}, want: map[string]string{"a": "2"}},
		{name: "stale", why: "a stale file never survives",
			before: map[string]string{"a": "1", "d/b": "2"}, after: map[string]string{"a": "1"}, want: map[string]string{"a": "1"}},
		{name: "foreign stays", why: "a hand-written file is never touched",
			before: map[string]string{"a": "1"}, edit: map[string]string{"mine": "x"}, after: map[string]string{"b": "1"},
			want: map[string]string{"b": "1", "mine": "x"}},
		{name: "foreign in the way", why: "nor overwritten",
			edit: map[string]string{"a": "mine"}, after: map[string]string{"a": "1"}, refused: "a: was not written by scion-gen"},
		{name: "foreign and equal", why: "a tree whose index was lost is taken up again",
			edit: map[string]string{"a": "1"}, after: map[string]string{"a": "1"}, want: map[string]string{"a": "1"}},
		{name: "edited", why: "an edit is not lost in silence",
			before: map[string]string{"a": "1"}, edit: map[string]string{"a": "mine"}, after: map[string]string{"a": "2"},
			refused: "a: was edited since scion-gen wrote it"},
		{name: "edited and stale", why: "nor removed",
			before: map[string]string{"a": "1"}, edit: map[string]string{"a": "mine"}, after: map[string]string{"b": "2"},
			refused: "a: was edited since scion-gen wrote it"},
		{name: "edited, forced", why: "the way out",
			before: map[string]string{"a": "1"}, edit: map[string]string{"a": "mine"}, after: map[string]string{"a": "2"},
			force: true, want: map[string]string{"a": "2"}},
		{name: "foreign, forced", why: "the way out",
			edit: map[string]string{"a": "mine"}, after: map[string]string{"a": "2"}, force: true, want: map[string]string{"a": "2"}},
		{name: "removed by hand", why: "what is missing comes back",
			before: map[string]string{"a": "1"}, edit: map[string]string{"a": ""}, after: map[string]string{"a": "1"},
			want: map[string]string{"a": "1"}},
		{name: "a file becomes a folder", why: "a layout may change: our own file gives way",
			before: map[string]string{"a": "1"}, after: map[string]string{"a/b": "2", "a/c/d": "3"}, want: map[string]string{"a/b": "2", "a/c/d": "3"}},
		{name: "a folder becomes a file", why: "and so do our own folders",
			before: map[string]string{"a/b": "1", "a/c/d": "1"}, after: map[string]string{"a": "2"}, want: map[string]string{"a": "2"}},
		{name: "a file in the way of a folder", why: "it is named itself, not what would be below it",
			edit: map[string]string{"a": "mine"}, after: map[string]string{"a/b": "2", "a/c": "2"}, refused: "\na: was not written by scion-gen"},
		{name: "a file in the way of a folder, forced", why: "the way out",
			edit: map[string]string{"a": "mine"}, after: map[string]string{"a/b": "2", "a/c/d": "2"}, force: true, want: map[string]string{"a/b": "2", "a/c/d": "2"}},
		{name: "an edited file becomes a folder", why: "the edit is not lost in silence",
			before: map[string]string{"a": "1"}, edit: map[string]string{"a": "mine"}, after: map[string]string{"a/b": "2"}, refused: "\na: was edited since scion-gen wrote it"},
		{name: "an edited file becomes a folder, forced", why: "the way out",
			before: map[string]string{"a": "1"}, edit: map[string]string{"a": "mine"}, after: map[string]string{"a/b": "2"}, force: true, want: map[string]string{"a/b": "2"}},
		{name: "a folder with other files in the way, forced", why: "one file of ours is not worth a folder of theirs",
			before: map[string]string{"a/b": "1"}, edit: map[string]string{"a/mine": "mine"}, after: map[string]string{"a": "2"}, force: true,
			refused: "\na: is a folder with files that are not of scion-gen"},
		{name: "a folder where a file was", why: "what was written is gone, and the folder is somebody's",
			before: map[string]string{"a": "1"}, edit: map[string]string{"a": "", "a/mine": "mine"}, after: map[string]string{"b": "2"},
			want: map[string]string{"a/mine": "mine", "b": "2"}},
		{name: "a file where our folder was", why: "what was written is gone, and the file is somebody's",
			before: map[string]string{"a/b": "1"}, edit: map[string]string{"a/b": "", "a": "mine"}, after: map[string]string{"c": "2"},
			want: map[string]string{"a": "mine", "c": "2"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			m := newMemory(nil)
			if tt.before != nil {
				if err := sync(t, m, tt.before, false); err != nil {
					t.Fatal(err)
				}
			}
			for name, text := range tt.edit {
				m.files[name] = &fstest.MapFile{Data: []byte(text)}
				if text == "" {
					delete(m.files, name)
				}
			}
			untouched := m.texts()
			err := sync(t, m, tt.after, tt.force)
			if tt.refused != "" {
				if !errors.Is(err, ErrTaken) || !strings.Contains(err.Error(), tt.refused) {
					t.Errorf("error %v, want %s", err, tt.refused)
				}
				if diff := cmp.Diff(untouched, m.texts()); diff != "" {
					t.Errorf("a refused run wrote (-before +after):\n%s", diff)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(tt.want, content(m)); diff != "" {
				t.Errorf("%s (-want +got):\n%s", tt.why, diff)
			}
			if _, ok := m.files[JournalName]; ok {
				t.Error("the journal is still there")
			}
		})
	}
}

// A run may be stopped before any operation, and the configuration may change
// before the next one: the tree must end as if nothing had happened.
func TestStoppedAnywhere(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	tree := func() map[string]string {
		out := map[string]string{}
		for range 1 + random.IntN(6) {
			out[path.Join(fmt.Sprint("d", random.IntN(2)), fmt.Sprint(random.IntN(8)))] = fmt.Sprint(random.IntN(3))
		}
		if random.IntN(4) == 0 { // a file where others have a folder
			maps.DeleteFunc(out, func(name, _ string) bool { return path.Dir(name) == "d0" })
			out["d0"] = fmt.Sprint(random.IntN(3))
		}
		return out
	}
	stops := 0
	for range 200 {
		first, second, third := tree(), tree(), tree()
		for stop := 0; ; stop++ {
			m := newMemory(map[string]string{"mine": "x"})
			if err := sync(t, m, first, false); err != nil {
				t.Fatal(err)
			}
			m.left = stop
			if err := sync(t, m, second, false); err == nil {
				break // the run is over before the stop
			}
			stops++
			m.left = -1
			if err := sync(t, m, third, false); err != nil {
				t.Fatalf("after a stop before operation %d: %v", stop, err)
			}
			undisturbed := newMemory(map[string]string{"mine": "x"})
			if err := sync(t, undisturbed, third, false); err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(undisturbed.texts(), m.texts()); diff != "" {
				t.Fatalf("after a stop before operation %d (-undisturbed +stopped):\n%s", stop, diff)
			}
		}
	}
	if stops < 500 {
		t.Errorf("only %d stops were tried", stops)
	}
}

// Nothing is written where nothing differs, so that commits stay empty.
func TestCleanWritesNothing(t *testing.T) {
	m := newMemory(nil)
	want := map[string]string{"a": "1", "d/b": "2"}
	if err := sync(t, m, want, false); err != nil {
		t.Fatal(err)
	}
	m.left = 0
	if err := sync(t, m, want, false); err != nil {
		t.Errorf("a second run wrote: %v", err)
	}
}

// Names are those that every file system holds and tells apart.
func TestNames(t *testing.T) {
	for _, names := range [][]string{
		{"../a"}, {"/a"}, {"."}, {""}, {"a/../b"}, {"A", "a"}, {"d/A", "D/a"}, {strings.Repeat("x", 256)},
		{"d/a", "D/b"}, {"a", "a/b"}, {"a/b", "a"}, {"a/b", "A"},
		{"a:b"}, {"a\\b"}, {"con.yaml"}, {"LPT1"}, {"a."}, {"a "}, {"a\nb"},
	} {
		texts := map[string]string{}
		for _, name := range names {
			texts[name] = "1"
		}
		if _, err := New(fstest.MapFS{}, Header{}, files(texts), true); err == nil {
			t.Errorf("%q was accepted", names)
		}
	}
}

// An index that is no index is an error, not an empty one: everything would be
// foreign then.
func TestBrokenIndex(t *testing.T) {
	m := newMemory(map[string]string{IndexName: "<<<<<<< HEAD"})
	if err := sync(t, m, map[string]string{"a": "1"}, false); err == nil || !strings.Contains(err.Error(), IndexName) {
		t.Errorf("error %v, want one that names the index", err)
	}
}

// A folder with an index is somebody else's tree: two owners of one file would
// remove and edit each other's.
func TestTreeInTree(t *testing.T) {
	m := newMemory(map[string]string{"d/" + IndexName: "{}"})
	if err := sync(t, m, map[string]string{"d/a": "1"}, true); err == nil || !strings.Contains(err.Error(), "d is a tree of its own") {
		t.Errorf("error %v", err)
	}
	if err := sync(t, m, map[string]string{"e/a": "1"}, false); err != nil {
		t.Errorf("a tree beside the files: %v", err)
	}
}

// Owned knows what was written, also by a run that was stopped.
func TestOwned(t *testing.T) {
	m := newMemory(nil)
	if err := sync(t, m, map[string]string{"a": "1"}, false); err != nil {
		t.Fatal(err)
	}
	m.left = 1 // the journal
	if err := sync(t, m, map[string]string{"d/b": "1"}, false); !errors.Is(err, errStopped) {
		t.Fatal(err)
	}
	got, err := Owned(m.files)
	if diff := cmp.Diff([]string{"a", "d/b"}, got); diff != "" || err != nil {
		t.Errorf("%v (-want +got):\n%s", err, diff)
	}
}

// After a merge that git left to people, the index has both sides: what either
// wrote is known, and the next run resolves the conflict.
func TestMergedIndex(t *testing.T) {
	side := func(texts map[string]string) string {
		m := newMemory(nil)
		if err := sync(t, m, texts, false); err != nil {
			t.Fatal(err)
		}
		return string(m.files[IndexName].Data)
	}
	ours, theirs := side(map[string]string{"a": "1", "ours": "1"}), side(map[string]string{"a": "2", "theirs": "1"})
	for _, conflict := range []string{
		"<<<<<<< HEAD\n" + ours + "=======\n" + theirs + ">>>>>>> branch\n",
		"<<<<<<< HEAD\n" + ours + "||||||| 1234567\nbase\n=======\n" + theirs + ">>>>>>> branch\n",
	} {
		m := newMemory(map[string]string{IndexName: conflict, "a": "1", "ours": "1", "theirs": "1", "mine": "1"})
		if err := sync(t, m, map[string]string{"a": "3"}, false); err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(map[string]string{"a": "3", "mine": "1"}, content(m)); diff != "" {
			t.Errorf("(-want +got):\n%s", diff)
		}
		if got, want := string(m.files[IndexName].Data), side(map[string]string{"a": "3"}); got != want {
			t.Errorf("the index is %s", got)
		}
	}
}
