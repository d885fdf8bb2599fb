package overlay

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"sigs.k8s.io/kustomize/kyaml/filesys"
)

// A build over staged files is what it will be once they are written: on disk,
// where the directory may be a link, be missing or hold what is to go.
func TestStage(t *testing.T) {
	pod := func(name string) string { return "apiVersion: v1\nkind: Pod\nmetadata:\n  name: " + name + "\n" }
	next := map[string][]byte{
		"kustomization.yaml":    []byte("resources: [in]\n"),
		"in/kustomization.yaml": []byte("resources: [a.yaml]\n"),
		"in/a.yaml":             []byte(pod("new")),
	}
	overlay := "resources: [../manifests, ../manifests/mine]\n"
	for name, there := range map[string]files{
		"missing":                      {},
		"stale":                        {"manifests/kustomization.yaml": "resources: [in/b.yaml]\n", "manifests/in/b.yaml": pod("stale")},
		"a file that becomes a folder": {"manifests/in": pod("stale")},
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			write := func(name, text string) {
				file := filepath.Join(dir, filepath.FromSlash(name))
				if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
					t.Fatal(err)
				}
				if err := os.WriteFile(file, []byte(text), 0o644); err != nil {
					t.Fatal(err)
				}
			}
			for name, text := range there {
				write(name, text)
			}
			own := overlay
			if name == "missing" {
				own = strings.Replace(overlay, ", ../manifests/mine", "", 1)
			} else { // beside what is generated stands what is not
				write("manifests/mine/kustomization.yaml", "resources: [x.yaml]\n")
				write("manifests/mine/x.yaml", pod("mine"))
			}
			write("overlay/kustomization.yaml", own)
			gone := []string{"in/b.yaml", "in"}
			staged := Stage(filesys.MakeFsOnDisk(), filepath.Join(dir, "manifests"), next, gone)
			before, err := Build(staged, filepath.Join(dir, "overlay"), Options{Unchecked: true})
			if err != nil {
				t.Fatal(err)
			}
			for _, name := range gone {
				_ = os.Remove(filepath.Join(dir, "manifests", name)) // a folder with files stays
			}
			for name, data := range next {
				write("manifests/"+name, string(data))
			}
			after, err := Build(filesys.MakeFsOnDisk(), filepath.Join(dir, "overlay"), Options{Unchecked: true})
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(printed(t, after), printed(t, before)); diff != "" || !strings.Contains(printed(t, after), "name: new") {
				t.Errorf("(-written +staged):\n%s", diff)
			}
			if diff := cmp.Diff(after.Inputs, before.Inputs); diff != "" {
				t.Errorf("inputs (-written +staged):\n%s", diff)
			}
		})
	}
}

func printed(t *testing.T, b *Built) string {
	var out strings.Builder
	if _, err := b.WriteTo(&out); err != nil {
		t.Fatal(err)
	}
	return out.String()
}

// What is gone is not there, and hints name what will be.
func TestStageOfWhatIsGone(t *testing.T) {
	fsys := files{
		"overlay/kustomization.yaml": "resources: [../manifests/old, ../manifests/nwe]\n",
		"manifests/old":              "kind: Pod\n",
	}.memory(t)
	staged := Stage(fsys, "/k/manifests", map[string][]byte{"new/kustomization.yaml": []byte("resources: [a.yaml]\n")}, []string{"old"})
	_, err := Build(staged, "/k/overlay", Options{})
	want := `/k/overlay/kustomization.yaml:1:13: resources[0]: there is no file or directory ../manifests/old
/k/overlay/kustomization.yaml:1:31: resources[1]: there is no file or directory ../manifests/nwe; did you mean ../manifests/new?`
	if err == nil || err.Error() != want {
		t.Errorf("error %v, want %s", err, want)
	}
	names, err := staged.ReadDir("/k/manifests")
	if diff := cmp.Diff([]string{"new"}, names); diff != "" || err != nil {
		t.Errorf("%v (-want +got):\n%s", err, diff)
	}
	if _, err := staged.ReadDir("/k/nowhere"); err == nil {
		t.Error("a directory that is not there can be read")
	}
}
