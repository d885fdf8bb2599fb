package diff

import (
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/scion-gen/scion-gen/pkg/manifest"
)

// checkQuick: what quickParse reads, the library reads too, and the same.
func checkQuick(t *testing.T, doc string) bool {
	t.Helper()
	source := &manifest.Source{File: "f"}
	got, ok := quickParse(doc, 1, source, &arena{})
	if !ok {
		return false
	}
	var errs manifest.Errors
	want := parse([]byte(doc), 1, source, &errs)
	if err := errs.Err(); err != nil {
		t.Fatalf("%q is read, and is wrong: %v", doc, err)
	}
	if !reflect.DeepEqual(want, got) {
		t.Fatalf("%q is read otherwise (-library +quick):\n%s", doc, cmp.Diff(want, got))
	}
	if ref, ok := quickRef(doc); ok {
		s := &Side{byKey: map[key]*object{}}
		r := reader{side: s, source: source, errs: &errs}
		r.add(want, manifest.Pos{}, "", "")
		if len(s.objects) != 1 || s.objects[0].ref != ref {
			t.Fatalf("%q is not %v", doc, ref)
		}
	}
	return true
}

// Each document stands for something that is easy to read wrong.
func TestQuick(t *testing.T) {
	for _, c := range []struct {
		why, doc string
		quick    bool
	}{
		{"lists below their key or further in", "a:\n- 1\n- b\nc:\n  - d: e\n    f: g\n  - h\n", true},
		{"plain text that is folded", "a: b c\n  d e\n  f\ng: h\n", true},
		{"text in quotes that is folded", "a: 'b ''c''\n  d\n\n  e'\nf: \"g\\\"h\\\n  i \\\n  j\n  k\"\n", true},
		{"literal text, its end kept and cut", "a: |\n  b\n    c\n\n  d\ne: |-\n  f\n\ng: |+\n  h\n\ni: j\n", true},
		{"numbers, booleans and what only looks like them", "a: 1\nb: 1.5\nc: 250m\nd: 0644\ne: 1e3\nf: 1_000\ng: 0x1F\nh: true\ni: True\nj: yes\nk: 1:30\nl: 2024-01-01\nm: .5\nn: +1\no: 10.0.0.0/8\np: 1234-abcd\n", true},
		{"empty mappings and lists", "a: {}\nb: []\n", true},
		{"comments and blank lines between", "# x\na: b\n\n# y\nc:\n  # z\n  d: e\n", true},
		{"keys that start with a digit and are no numbers", "0-.claude.json: a\n1Password: b\n", true},
		{"a key that may be a number", "0x1F: a\n", false},
		{"a key that may be a time", "2024-01-01: a\n", false},
		{"a document marker", "---\na: b\n", true},
		{"a null", "a: null\nb: c\n", true},
		{"no value", "a:\nb: c\n", false},
		{"a comment behind a value", "a: b # c\n", false},
		{"an anchor", "a: &b c\n", false},
		{"flow style", "a: {b: c}\n", false},
		{"a key twice", "a: b\na: c\n", false},
		{"a tab", "a:\tb\n", false},
		{"a key that is no string", "1: b\n", false},
		{"a colon in plain text", "a: b: c\n", false},
		{"indented otherwise", "a:\n  b: c\n   d: e\n", false},
	} {
		if got := checkQuick(t, c.doc); got != c.quick {
			t.Errorf("%s: read quickly %v, want %v: %q", c.why, got, c.quick, c.doc)
		}
	}
}

// What render writes is read quickly, all of it: that is what it is for.
func TestQuickReadsGoldens(t *testing.T) {
	names, _ := filepath.Glob("../../golden/render/*/manifests.yaml")
	more, _ := filepath.Glob("../../golden/diff/*/*.yaml")
	docs, quick := 0, 0
	for _, name := range append(names, more...) {
		data, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		for _, chunk := range split(string(data)) {
			if blank(string(chunk)) {
				continue
			}
			docs++
			if checkQuick(t, string(chunk)) {
				quick++
			}
		}
	}
	if docs < 50 || quick < docs/2 {
		t.Errorf("%d of %d documents are read quickly", quick, docs)
	}
}

func FuzzQuick(f *testing.F) {
	names, _ := filepath.Glob("../../golden/diff/*/*.yaml")
	for _, name := range names {
		data, err := os.ReadFile(name)
		if err != nil {
			f.Fatal(err)
		}
		for chunk := range strings.SplitSeq(string(data), "---\n") {
			f.Add(chunk)
		}
	}
	f.Fuzz(func(t *testing.T, doc string) {
		if len(split(doc)) == 1 && !blank(doc) {
			checkQuick(t, doc)
		}
	})
}
