package manifest

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"
	"sigs.k8s.io/yaml"
)

// here is where all nodes of tree stand.
var here = Pos{Source: &Source{File: "test.yaml"}, Line: 1, Column: 1}

// tree is v as a Node, with fields in any order.
func tree(v any) *Node {
	switch v := v.(type) {
	case nil:
		return &Node{Pos: here}
	case bool:
		return Flag(v, here)
	case string:
		return Str(v, here)
	case int:
		return Int(int64(v), here)
	case []any:
		n := List(here)
		for _, item := range v {
			n.Items = append(n.Items, tree(item))
		}
		return n
	case map[string]any:
		n := Map(here, len(v))
		for key, value := range v {
			n.Fields = append(n.Fields, Field{key, tree(value), here})
		}
		return n
	}
	panic(fmt.Sprintf("tree of %T", v))
}

// judge is Marshal of sigs.k8s.io/yaml, and an error where its output says
// something else than v.
func judge(v any) ([]byte, error) {
	if !isUTF8(v) {
		return nil, errors.New("encoding/json changes what is not UTF-8")
	}
	out, err := yaml.Marshal(v)
	if err != nil {
		return nil, err
	}
	back, err := yaml.YAMLToJSON(out)
	if err != nil {
		return nil, fmt.Errorf("reading its output: %w", err)
	}
	want, err := json.Marshal(v)
	if err == nil && string(back) != string(want) {
		err = fmt.Errorf("its output reads as %s", back)
	}
	return out, err
}

func isUTF8(v any) bool {
	switch v := v.(type) {
	case string:
		return utf8.ValidString(v)
	case []any:
		return !slices.ContainsFunc(v, func(item any) bool { return !isUTF8(item) })
	case map[string]any:
		for key, value := range v {
			if !utf8.ValidString(key) || !isUTF8(value) {
				return false
			}
		}
	}
	return true
}

// checkAppend holds Append against its judge for one value: the same bytes, or
// an error with a place where the judge has one too.
func checkAppend(t *testing.T, v any) {
	t.Helper()
	const before = "# before\n"
	want, wantErr := judge(v)
	got, err := Append([]byte(before), tree(v))
	switch {
	case err == nil && wantErr != nil:
		t.Fatalf("%.200q: accepted, but sigs: %v\n%s", v, wantErr, got)
	case err == nil && string(got) != before+string(want):
		t.Fatalf("%.200q: -sigs +got\n%s", v, cmp.Diff(before+string(want), string(got)))
	case err != nil && wantErr == nil:
		t.Fatalf("%.200q: %v, but sigs:\n%s", v, err, want)
	case err != nil && string(got) != before:
		t.Fatalf("%.200q: %v, but wrote %q", v, err, got)
	case err != nil:
		checkPlace(t, err)
	}
}

// checkPlace holds an error against the promise that each mistake has a place
// and takes one line.
func checkPlace(t *testing.T, err error) {
	t.Helper()
	first, ok := errors.AsType[*Error](err)
	if !ok || !first.Pos.IsValid() || strings.ContainsAny(first.Error(), "\n\r") {
		t.Errorf("%q: want an *Error of one line with a place", err)
	}
}

func TestNastyStrings(t *testing.T) {
	for why, list := range nasty {
		t.Run(why, func(t *testing.T) {
			for _, s := range list {
				checkAppend(t, s)
				checkAppend(t, []any{s, []any{s, s}, map[string]any{"k": s}})
				checkAppend(t, map[string]any{"a": s, "list": []any{s}, "map": map[string]any{"key": s}})
				checkAppend(t, map[string]any{s: "value"})
				checkAppend(t, map[string]any{s: map[string]any{s: []any{s}, "z": 1}})
				checkAppend(t, []any{map[string]any{s: []any{[]any{s}, map[string]any{s: s}, map[string]any{}}}})
			}
		})
	}
	if n := len(nastyStrings()); n < 150 {
		t.Errorf("only %d nasty strings", n)
	}
}

// TestNastyJoined makes longer strings of the nasty ones: what is harmless
// alone may not be after a space or a line feed.
func TestNastyJoined(t *testing.T) {
	all := nastyStrings()
	rng := rand.New(rand.NewPCG(1, 2))
	for range 5000 {
		var b strings.Builder
		for range 1 + rng.IntN(5) {
			b.WriteString(all[rng.IntN(len(all))] + []string{"", " ", "\n", "x", "  "}[rng.IntN(5)])
		}
		s := b.String()
		checkAppend(t, map[string]any{"key": s, "list": []any{s}})
		if len(s) < 300 {
			checkAppend(t, []any{map[string]any{s: []any{s}}})
		}
	}
}

// TestShapes is about all that is not a string.
func TestShapes(t *testing.T) {
	for why, v := range map[string]any{
		"null alone":                       nil,
		"boolean alone":                    true,
		"number alone":                     42,
		"empty mapping":                    map[string]any{},
		"empty list":                       []any{},
		"empty ones inside":                map[string]any{"a": map[string]any{}, "b": []any{}, "c": []any{map[string]any{}, []any{}, nil}},
		"lists in lists":                   []any{[]any{[]any{1, 2}, []any{}}, []any{[]any{map[string]any{"a": []any{3}}}}},
		"list below a key is not indented": map[string]any{"a": []any{1, map[string]any{"b": []any{2}, "c": 3}}},
		"mapping in a list":                []any{map[string]any{"a": 1, "b": map[string]any{"c": nil}}, map[string]any{"d": false}},
		"literal, then more":               map[string]any{"a": "x\n", "b": "x\n\n", "c": []any{"x\n", "y"}, "d": map[string]any{"e": "\n"}, "f": 1},
		"deep enough to fold at once":      deep(60, "word word  word word"),
		"no fold before the first word":    deep(60, []any{" \tword word ", " word word ", " ", "\t "}),
		"long keys of mappings and lists":  map[string]any{strings.Repeat("k", 129): map[string]any{"a": []any{1}}, strings.Repeat("l", 130): []any{1, []any{2}}},
	} {
		t.Run(why, func(t *testing.T) { checkAppend(t, v) })
	}
}

func deep(levels int, v any) any {
	for range levels {
		v = map[string]any{"k": v, "l": []any{v}}
		if levels > 8 {
			v = map[string]any{"k": v.(map[string]any)["k"]}
		}
	}
	return v
}

// TestNumberLikes holds random strings of the characters of numbers and dates
// against sigs, a thousand at a time.
func TestNumberLikes(t *testing.T) {
	const batch = 1000
	rng := rand.New(rand.NewPCG(3, 4))
	for range 300 {
		list := make([]any, batch)
		for i := range list {
			list[i] = numberLike(rng)
		}
		want, err := yaml.Marshal(list)
		if err != nil {
			t.Fatal(err)
		}
		got, err := Append(nil, tree(list))
		if err != nil {
			t.Fatal(err)
		}
		if string(got) != string(want) {
			t.Fatal("-sigs +got\n" + cmp.Diff(string(want), string(got)))
		}
	}
}

func numberLike(rng *rand.Rand) string {
	parts := []string{"0", "1", "2", "5", "6", "9", "12", "2001", "_", ".", "-", "+", ":", "e", "E", "x", "b", "o", "0x", "0b", "0o", "f", "T", "t", "Z", " ", "inf", "nan"}
	var b strings.Builder
	if rng.IntN(4) == 0 {
		b.WriteString("2001-1")
	}
	for range 1 + rng.IntN(8) {
		b.WriteString(parts[rng.IntN(len(parts))])
	}
	return b.String()
}

// TestNumbers holds numbers as JSON may spell them against what sigs makes of
// the same JSON.
func TestNumbers(t *testing.T) {
	for text, why := range map[string]string{
		"0": "zero", "-0": "an integer without its sign", "7": "small", "-12": "negative",
		"9223372036854775807": "largest int64", "-9223372036854775808": "smallest int64",
		"9223372036854775808": "uint64", "18446744073709551615": "largest uint64", "18446744073709551616": "float from here on",
		"-9223372036854775809": "float from here on", "1.0": "loses its fraction", "-0.0": "keeps its sign",
		"0.1": "fraction", "1e3": "exponent", "1E+3": "exponent with sign", "1e21": "printed with an exponent", "123456789.5": "printed without one",
		"1e-7": "small", "0.00001": "small", "1e308": "nearly too large", "5e-324": "smallest float", "1e-400": "underflows",
		"3.4028234663852886e38": "largest float32", "100000000000000000000": "more than uint64", "1234567": "no exponent for integers",
	} {
		want, err := yaml.JSONToYAML([]byte(text))
		if err != nil {
			t.Fatal(err)
		}
		got, err := Append(nil, &Node{Kind: Number, Text: text})
		if err != nil || string(got) != string(want) {
			t.Errorf("%s (%s): got %q, %v; sigs writes %q", text, why, got, err, want)
		}
	}
}

func TestAppendRefuses(t *testing.T) {
	at := func(line int32) Pos { return Pos{here.Source, line, 3} }
	number := func(text string) *Node { return &Node{Kind: Number, Text: text, Pos: at(2)} }
	under := func(key string, v *Node) *Node {
		return &Node{Kind: Mapping, Fields: []Field{{key, v, at(1)}}, Pos: at(1)}
	}
	deepest := Str("x", at(2))
	for range maxDepth + 1 {
		deepest = List(at(3), deepest)
	}
	tests := []struct {
		why  string
		n    *Node
		want string
	}{
		{"every mistake is reported, with its place and path",
			under("a", List(at(2), Str("\x7f", at(3)), Str("fine", at(4)), under("b", Str("\xff", at(5))))),
			"test.yaml:3:3: a[0]: has the control character '\\x7f', which YAML does not carry\n" +
				"test.yaml:5:3: a[2].b: has a byte that is not UTF-8, which YAML does not carry"},
		{"sigs makes a space of it", Str("a\u0085b", at(2)),
			"test.yaml:2:3: has the control character '\\u0085', which YAML does not carry"},
		{"a message is one line whatever the key is", under("a\n\xff", Str("\x7f", at(2))),
			`test.yaml:1:3: ["a\n\xff"]: has a byte that is not UTF-8, which YAML does not carry` + "\n" +
				`test.yaml:2:3: ["a\n\xff"]: has the control character '\x7f', which YAML does not carry`},
		{"readers merge", under("<<", Str("x", at(2))), "test.yaml:1:3: <<: is a key that merges when YAML is read"},
		{"readers take keys up to 1024 characters with quotes", under(strings.Repeat("k", 1023), Str("x", at(2))),
			"test.yaml:1:3: " + strings.Repeat("k", 1023) + ": is a key of more than 1022 characters"},
		{"a key twice says two things",
			&Node{Kind: Mapping, Fields: []Field{{"k", Str("1", at(1)), at(1)}, {"a", Str("2", at(2)), at(2)}, {"k", Str("3", at(3)), at(3)}}},
			"test.yaml:3:3: k: is there twice"},
		{"sigs makes a string of it", number("1e400"), "test.yaml:2:3: 1e400 is out of the range of a number"},
		{"YAML knows more numbers than JSON", number("0x1F"), `test.yaml:2:3: "0x1F" is not a number as JSON has it`},
		{"Go reads a plus", number("+5"), `test.yaml:2:3: "+5" is not a number as JSON has it`},
		{"octal to some", number("012"), `test.yaml:2:3: "012" is not a number as JSON has it`},
		{"no number at all", number(""), `test.yaml:2:3: "" is not a number as JSON has it`},
		{"not only a number", number("1 "), `test.yaml:2:3: "1 " is not a number as JSON has it`},
		{"YAML spells booleans in many ways", &Node{Kind: Bool, Text: "yes", Pos: at(2)}, `test.yaml:2:3: "yes" is neither true nor false`},
		{"readers stop at 10,000 levels", deepest, "test.yaml:3:3: " + strings.Repeat("[0]", maxDepth) + ": is more than 10000 levels deep"},
	}
	for _, test := range tests {
		t.Run(test.why, func(t *testing.T) {
			got, err := Append([]byte("as it was"), test.n)
			if err == nil {
				t.Fatalf("wrote %q; want %s", got, test.want)
			}
			if diff := cmp.Diff(test.want, err.Error()); diff != "" {
				t.Error(diff)
			}
			if string(got) != "as it was" {
				t.Errorf("changed dst to %q", got)
			}
		})
	}
}

// TestKeyOrder holds the order of random keys against sigs where sigs has but
// one.
func TestKeyOrder(t *testing.T) {
	parts := []string{"a", "b", "B", "é", "ª", "«", "x", "-", ".", "/", "_", "0", "00", "1", "2", "9", "10", "12", "٣", "😀", "😁", "日", "旦"}
	rng := rand.New(rand.NewPCG(5, 6))
	cycles := 0
	for range 4000 {
		m := map[string]any{}
		for range 2 + rng.IntN(6) {
			var key string
			for range 1 + rng.IntN(5) {
				key += parts[rng.IntN(len(parts))]
			}
			m[key] = 1
		}
		if hasCycle(slices.Collect(maps.Keys(m))) {
			cycles++
			checkSettled(t, m)
			continue
		}
		checkAppend(t, m)
	}
	if cycles == 0 {
		t.Error("no keys whose order has a cycle")
	}
	checkSettled(t, map[string]any{"1x": 1, "2": 1, "12": 1})
	checkSettled(t, map[string]any{"1": 1, "01": 1, "0x1": 1})
}

// hasCycle reports whether keyList of go-yaml has no order for the keys.
func hasCycle(keys []string) bool {
	for _, a := range keys {
		for _, b := range keys {
			for _, c := range keys {
				if compareKeys(a, b) < 0 && compareKeys(b, c) < 0 && compareKeys(a, c) >= 0 {
					return true
				}
			}
		}
	}
	return false
}

// checkSettled holds the keys of m to one order, whichever order they come in.
func checkSettled(t *testing.T, m map[string]any) {
	t.Helper()
	first, err := Append(nil, tree(m))
	if err != nil {
		t.Fatal(err)
	}
	for range 10 {
		n := tree(m)
		rand.Shuffle(len(n.Fields), func(i, j int) { n.Fields[i], n.Fields[j] = n.Fields[j], n.Fields[i] })
		before := slices.Clone(n.Fields)
		got, err := Append(nil, n)
		if err != nil || string(got) != string(first) {
			t.Fatalf("now %q, %v; before %q", got, err, first)
		}
		if !slices.Equal(before, n.Fields) {
			t.Fatal("Append changed the node")
		}
	}
}

// TestCycleIsOneOfSigs wants of a key order with a cycle that it is one that
// sigs prints as well.
func TestCycleIsOneOfSigs(t *testing.T) {
	m := map[string]any{"v1alpha1": 1, "v2": 1, "v12": 1}
	got, err := Append(nil, tree(m))
	if err != nil {
		t.Fatal(err)
	}
	seen := map[string]bool{}
	for range 1000 {
		out, err := yaml.Marshal(m)
		if err != nil {
			t.Fatal(err)
		}
		seen[string(out)] = true
	}
	if !seen[string(got)] {
		t.Errorf("got %q; sigs prints %q", got, slices.Collect(maps.Keys(seen)))
	}
}

// FuzzAppend wants of any strings, as keys and values of any shape: the bytes
// of sigs or a refusal by both, the same for fields in any order.
func FuzzAppend(f *testing.F) {
	for _, s := range nastyStrings() {
		f.Add(s, uint8(len(s)))
	}
	f.Add("a\x1fb\x1f1x\x1f2\x1f12", uint8(2))
	f.Fuzz(func(t *testing.T, s string, shape uint8) {
		parts := strings.Split(s, "\x1f")
		if len(parts) > 8 {
			return
		}
		v := fuzzValue(parts, shape)
		if m, ok := v.(map[string]any); ok && hasCycle(slices.Collect(maps.Keys(m))) {
			if _, err := Append(nil, tree(m)); err == nil {
				checkSettled(t, m)
			}
			return
		}
		checkAppend(t, v)
		for _, part := range parts {
			if easy(part) && (unwritable(part) != "" || styleOf(part) != plain || strings.Contains(part, " ")) {
				t.Errorf("%q is not easy", part)
			}
		}
	})
}

// fuzzValue makes a value of the strings.
func fuzzValue(parts []string, shape uint8) any {
	m, list := map[string]any{}, []any{}
	for i, part := range parts {
		m[part] = parts[len(parts)-1-i]
		list = append(list, part)
	}
	switch shape % 6 {
	case 0:
		return parts[0]
	case 1:
		return list
	case 2:
		return m
	case 3:
		return []any{map[string]any{parts[0]: list}, list}
	case 4:
		return map[string]any{parts[0]: map[string]any{parts[0]: []any{[]any{parts[0]}, nil}}}
	}
	return map[string]any{parts[0]: map[string]any{}, "list": []any{list, true, 1}}
}

// TestParseReadsWhatAppendWrites holds the two halves of the package against
// each other: Parse gives the same value back, or says what it refuses.
func TestParseReadsWhatAppendWrites(t *testing.T) {
	read := 0
	for _, s := range carried() {
		for _, v := range []any{map[string]any{"k": s, "l": []any{s}}, map[string]any{s: "v"}} {
			out, err := Append(nil, tree(v))
			if err != nil {
				t.Fatal(err)
			}
			var errs Errors
			docs := Parse("test.yaml", out, &errs)
			if len(errs) > 0 {
				continue
			}
			read++
			back, err := Append(nil, docs[0].Root)
			if err != nil || string(back) != string(out) {
				t.Errorf("%.200q: Parse reads something else from\n%s", v, out)
			}
		}
	}
	if read < len(carried()) {
		t.Errorf("Parse refused all but %d", read)
	}
}
