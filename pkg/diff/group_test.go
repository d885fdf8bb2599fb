package diff

import (
	"fmt"
	"testing"
)

// A row says how much is hidden of each of its objects, though what is hidden
// may hold their names.
func TestHiddenNamesInRows(t *testing.T) {
	pods := func(password string) string {
		var out string
		for _, name := range []string{"a", "b", "longer"} {
			value := fmt.Sprintf("https://%s:%s@hub.example.com/%s", name, password, name)
			out += one("v1", "Pod", name, "spec: {containers: [{name: agent, image: i, env: [{name: HUB, value: '"+value+"'}]}]}\n")
		}
		return out
	}
	r := Compare(readSide(t, "old", pods("one")), readSide(t, "new", pods("another")), Options{})
	checkGroups(t, r)
	rows := r.Groups[0].Changes[0].Rows
	if len(r.Groups) != 1 || len(rows) != 2 || len(rows[0].Objects) != 2 {
		t.Errorf("want a row of a and b, and one of longer: %+v", r.Groups)
	}
	if got := rows[0].New.Text; got != "https://<redacted, 9 bytes>@hub.example.com/{name}" {
		t.Error(got)
	}
}

// Own names are replaced where they are words, and not in what stands for
// something hidden.
func TestOwnNamesAreShown(t *testing.T) {
	names := aliases{{"redacted", marks[3:4]}, {"bytes", marks[1:2]}, {"40", marks[5:6]}, {"a", marks[0:1]}}
	for text, want := range map[string]string{
		"a-a a/a":                        "{name}-{name} {name}/{name}",
		"aa aaa ab ba":                   "aa aaa ab ba",
		"{name} of a":                    "{{name}} of {name}",
		"a <redacted, 40 bytes> bytes":   "{name} <redacted, 40 bytes> {namespace}",
		"<redacted, 40 bytes, changed>a": "<redacted, 40 bytes, changed>{name}",
	} {
		if got := names.show(text); got != want {
			t.Errorf("%q is shown as %q, want %q", text, got, want)
		}
	}
}
