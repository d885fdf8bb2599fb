package diff

import (
	"flag"
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

var update = flag.Bool("update", false, "rewrite the table in docs/diff.md")

// The flags in the documentation are those there are.
func TestDocs(t *testing.T) {
	const file, head = "../../docs/diff.md", "| flag | severity | says |\n|---|---|---|\n"
	data, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	before, after, found := strings.Cut(string(data), head)
	if !found {
		t.Fatalf("%s has no table of flags", file)
	}
	_, after, _ = strings.Cut(after, "\n\n")
	var table strings.Builder
	for _, id := range FlagIDs() {
		severity, reason, _, _ := DescribeFlag(id)
		fmt.Fprintf(&table, "| `%s` | %s | %s |\n", id, severity, reason)
	}
	want := before + head + table.String() + "\n" + after
	if *update {
		if err := os.WriteFile(file, []byte(want), 0o666); err != nil {
			t.Fatal(err)
		}
		return
	}
	if d := cmp.Diff(want, string(data)); d != "" {
		t.Errorf("run go test -update (-want +got):\n%s", d)
	}
}
