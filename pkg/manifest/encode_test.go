package manifest

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"sigs.k8s.io/yaml"
)

// checkAppend holds Append against its judge for one value: the same bytes, or
// an error with a place where the judge refuses the value or does not bring it
// through.
func checkAppend(t *testing.T, v any) {
	t.Helper()
	want, wantErr := judge(v)
	got, err := Append([]byte("# before\n"), tree(v))
	switch {
	case err != nil && wantErr == nil:
		t.Fatalf("%s: refused: %v; sigs writes:\n%s", quote(v), err, want)
	case err == nil && wantErr != nil:
		t.Fatalf("%s: not refused, though %v:\n%s", quote(v), wantErr, got)
	case err == nil && string(got) != "# before\n"+string(want):
		t.Fatalf("%s: -sigs +got\n%s", quote(v), cmp.Diff("# before\n"+string(want), string(got)))
	case err != nil && string(got) != "# before\n":
		t.Fatalf("%s: refused, but wrote %q", quote(v), got)
	}
}

// judge is Marshal of sigs.k8s.io/yaml, and an error where reading its output
// gives another value.
func judge(v any) ([]byte, error) {
	out, err := yaml.Marshal(v)
	if err != nil {
		return nil, err
	}
	back, err := yaml.YAMLToJSON(out)
	if err != nil {
		return nil, fmt.Errorf("its output does not read: %w", err)
	}
	if want := plainJSON(v); string(back) != want {
		return nil, fmt.Errorf("its output reads as %s, not %s", back, want)
	}
	return out, nil
}

// plainJSON is the JSON of v without what encoding/json does to bad UTF-8.
func plainJSON(v any) string {
	switch v := v.(type) {
	case map[string]any:
		for key := range v {
			if strings.ToValidUTF8(key, "") != key {
				return "invalid UTF-8"
			}
		}
	case string:
	}
	out, _ := json.Marshal(v)
	return string(out)
}

func quote(v any) string { return fmt.Sprintf("%.300q", fmt.Sprint(v)) }

// tree is v as a Node, with fields in any order.
func tree(v any) *Node {
	switch v := v.(type) {
	case nil:
		return &Node{}
	case bool:
		return Flag(v, Pos{})
	case string:
		return Str(v, Pos{})
	case json.Number:
		return &Node{Kind: Number, Text: string(v)}
	case int:
		return Int(int64(v), Pos{})
	case []any:
		n := List(Pos{})
		for _, item := range v {
			n.Items = append(n.Items, tree(item))
		}
		return n
	case map[string]any:
		n := Map(Pos{}, len(v))
		for key, value := range v {
			n.Fields = append(n.Fields, Field{Key: key, Value: tree(value)})
		}
		return n
	}
	panic(fmt.Sprintf("tree of %T", v))
}

func TestExplore(t *testing.T) {
	alphabet := []rune("abyn019-_.:#'\"\\ \n\t\r,[]{}&*!|>%@`?~=+exé\u2028\u0085\ufeff\U0001F600\x00\x7f ")
	rng := rand.New(rand.NewPCG(1, 2))
	word := func(max int) string {
		var b strings.Builder
		for range rng.IntN(max) {
			b.WriteRune(alphabet[rng.IntN(len(alphabet))])
		}
		return b.String()
	}
	for range 20000 {
		m := 8
		if rng.IntN(4) == 0 {
			m = 200
		}
		s := word(m)
		if strings.ContainsAny(s, "\x7f\u0085") && rng.IntN(5) > 0 {
			continue
		}
		checkAppend(t, s)
		checkAppend(t, []any{s, []any{s, "x"}, map[string]any{"k": s}})
		checkAppend(t, map[string]any{s: map[string]any{s: []any{s}}})
		checkAppend(t, map[string]any{"long key here": s, "b": []any{[]any{}, map[string]any{}, nil, true}})
	}
}
