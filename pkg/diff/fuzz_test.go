package diff

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/scion-gen/scion-gen/pkg/manifest"
)

// Whatever two files hold: a side does not differ from itself, the edits make
// new of old, and the groups are the flat list.
func FuzzCompare(f *testing.F) {
	names, _ := filepath.Glob("../../golden/diff/*/old.yaml")
	for _, name := range names {
		old, err := os.ReadFile(name)
		if err != nil {
			f.Fatal(err)
		}
		new, err := os.ReadFile(filepath.Join(filepath.Dir(name), "new.yaml"))
		if err != nil {
			f.Fatal(err)
		}
		f.Add(old, new)
	}
	f.Fuzz(func(t *testing.T, old, new []byte) {
		var errs manifest.Errors
		a := Read("old", []File{{Name: "old", Data: old}}, &errs)
		b := Read("new", []File{{Name: "new", Data: new}}, &errs)
		for _, s := range []*Side{a, b} {
			for _, o := range s.objects {
				o.keep()
			}
			if r := Compare(s, s, Options{}); len(r.Objects) > 0 {
				t.Errorf("a side differs from itself: %+v", r.Objects[0].Edits)
			}
		}
		r := Compare(a, b, Options{})
		checkGroups(t, r)
		for _, o := range r.Objects {
			if o.Old.Line == 0 || o.New.Line == 0 || o.Was != nil || len(errs) > 0 {
				continue
			}
			got := apply(a.byKey[key{id: o.Ref.id()}].root, o.Edits)
			field := field{schema: schemaOf(o.Ref)}
			want, have := string(rules{}.canon(nil, b.byKey[key{id: o.Ref.id()}].root, field)), string(rules{}.canon(nil, got, field))
			if want != have {
				t.Errorf("OLD with the edits is\n%s\nNEW is\n%s", have, want)
			}
		}
	})
}
