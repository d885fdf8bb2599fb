package render_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"runtime"
	"runtime/debug"
	"slices"
	"strconv"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
	"sigs.k8s.io/yaml"

	"github.com/scion-gen/scion-gen/pkg/manifest"
	"github.com/scion-gen/scion-gen/pkg/render"
)

// credential are forms of credentials, simpler than those that the program
// looks for.
var credential = regexp.MustCompile(`\bsk-[A-Za-z0-9]{24,}|\bgh[pousr]_[A-Za-z0-9]{36,}|\bAKIA[A-Z0-9]{16}\b|\bglpat-[A-Za-z0-9]{20,}`)

// FuzzRender renders arbitrary bytes. An error is a list of mistakes, each with
// a position in the input, and there is no output then; else the output is what
// golden/render is held to. Neither shows a credential of the input.
func FuzzRender(f *testing.F) {
	for _, pattern := range []string{"errors/*.yaml", "render/*/config.yaml"} {
		files, err := filepath.Glob(filepath.Join(golden, pattern))
		if err != nil || len(files) == 0 {
			f.Fatalf("%s: no seeds, %v", pattern, err)
		}
		for _, file := range files {
			data, err := os.ReadFile(file)
			if err != nil {
				f.Fatal(err)
			}
			f.Add(data)
		}
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		out, err := renderFiles([]render.File{{Name: "fuzz.yaml", Data: data}})
		if err == nil {
			if len(out) > 0 {
				checkManifests(t, out, !bytes.Contains(data, []byte("podSecurity")))
			}
			if found := credential.Find(out); found != nil {
				t.Errorf("a credential in the output: %s", found)
			}
			return
		}
		if len(out) > 0 {
			t.Errorf("rendered beside an error:\n%s", out)
		}
		checkMistakes(t, err)
		checkPositions(t, err, data)
		if found := credential.FindString(err.Error()); found != "" {
			t.Errorf("a credential in a message: %v", err)
		}
	})
}

// checkPositions: what is wrong in the input is at a line that it has.
func checkPositions(t *testing.T, err error, data []byte) {
	t.Helper()
	lines := int32(bytes.Count(data, []byte("\n"))) + 1
	mistakes, _ := errors.AsType[manifest.Errors](err)
	for _, e := range mistakes {
		if e.Pos.IsValid() && e.Pos.Source.File == "fuzz.yaml" && e.Pos.Line > lines {
			t.Errorf("line %d of %d: %v", e.Pos.Line, lines, e)
		}
	}
}

// FuzzTask sends a task and an argument through the manifest and back: the
// kubelet's expansion, then the words that sh reads.
func FuzzTask(f *testing.F) {
	for _, s := range []string{"fix it", "it's", "$(HOME) $$ $", "a\nb\n", "\t;", "`x` ${Y} \\", "5$é", "-- -x", " "} {
		f.Add(s, "--flag="+s)
	}
	f.Fuzz(func(t *testing.T, task, arg string) {
		if task == "" || !utf8.ValidString(task) || !utf8.ValidString(arg) || credential.MatchString(task+arg) {
			t.Skip()
		}
		config, err := json.Marshal(map[string]any{
			"apiVersion": render.APIVersion, "kind": "Agent", "metadata": map[string]any{"name": "a"},
			"spec": map[string]any{"template": "generic", "image": "i", "task": task, "args": []string{"program", arg}},
		})
		if err != nil {
			t.Fatal(err)
		}
		out, err := renderFiles([]render.File{{Name: "fuzz.yaml", Data: config}})
		if err != nil {
			checkMistakes(t, err)
			if plain := regexp.MustCompile(`^[ -9;-~\n]*$`); plain.MatchString(task+arg) && !strings.Contains(err.Error(), "credential") {
				t.Errorf("%q, %q: %v", task, arg, err)
			}
			return
		}
		checkManifests(t, out, true)
		docs := documents(out)
		var pod corev1.Pod
		if err := yaml.Unmarshal(docs[len(docs)-1], &pod); err != nil {
			t.Fatal(err)
		}
		known := map[string]string{}
		for _, v := range pod.Spec.Containers[0].Env {
			known[v.Name] = render.KubeletExpand(v.Value, known)
		}
		want := []string{"exec", "program", arg, task}
		if diff := cmp.Diff(want, shellWords(known["HARNESS_COMMAND"])); diff != "" {
			t.Errorf("(-want +got)\n%s", diff)
		}
	})
}

// shellWords reads words that are plain, in single quotes, or \'.
func shellWords(text string) []string {
	var words []string
	for word, quoted := "", false; ; {
		i := strings.IndexAny(text, ` '\`)
		if quoted {
			i = strings.IndexByte(text, '\'')
		}
		if i < 0 {
			return append(words, word+text)
		}
		word += text[:i]
		switch text[i] {
		case '\'':
			quoted = !quoted
		case '\\':
			i++
			word += text[i : i+1]
		default:
			words, word = append(words, word), ""
		}
		text = text[i+1:]
	}
}

// TestHostile: input that is made to cost much costs little, counted in bytes
// allocated, and its answer can be read.
func TestHostile(t *testing.T) {
	agent := "apiVersion: gen.scion.dev/v1alpha1\nkind: Agent\nmetadata: {name: a}\nspec:\n  template: claude\n"
	bomb := "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n"
	for i := range 9 {
		refs := strings.Repeat("*a"+string(rune('0'+i))+", ", 9) + "*a" + string(rune('0'+i))
		bomb += "a" + string(rune('1'+i)) + ": &a" + string(rune('1'+i)) + " [" + refs + "]\n"
	}
	tests := []struct{ why, input string }{
		{"a parser that recurses for each bracket", agent + "  args: " + strings.Repeat("[", 1<<20-200)},
		{"the same with braces", agent + "  env: " + strings.Repeat("{a: ", 1<<18)},
		{"the same with block lists", agent + "  args:\n    " + strings.Repeat("- ", 1<<19-200) + "x"},
		{"a document that is too long, of many values", strings.Repeat("- a\n", 1<<20)},
		{"the same behind one that is not", "a: 1\n---\n" + strings.Repeat("- a\n", 1<<20)},
		{"a document for each marker", strings.Repeat("---\n", 131072)},
		{"documents that are all wrong", strings.Repeat("---\na\n", 131072)},
		{"quadratic search of duplicate keys", agent + "  env:\n" + manyKeys("   ", 70000)},
		{"a suggestion for each of many unknown fields", agent + manyKeys("  ", 70000)},
		{"aliases that double", agent + bomb},
		{"a long flow list", agent + "  args: [" + strings.Repeat("a,", 1<<18) + "]"},
		{"a number that takes minutes to parse", agent + "  resources: {disk: 1e" + strings.Repeat("9", 1<<19) + "}"},
		{"a long number for an integer", agent + "  limits: {maxTurns: " + strings.Repeat("9", 1<<19) + "}"},
		{"a long word for a nearest name", agent + "  " + strings.Repeat("templat", 1<<16) + ": x"},
		{"a long name for a template", "apiVersion: gen.scion.dev/v1alpha1\nkind: Agent\nmetadata: {name: a}\nspec: {template: " + strings.Repeat("x", 1<<19) + "}"},
		{"a long image", agent + "  image: " + strings.Repeat("a/", 1<<18)},
		{"a quoted string of escapes", agent + `  task: "` + strings.Repeat(`\x41`, 1<<17) + `"`},
		{"a task longer than exec takes", agent + "  task: " + strings.Repeat("work ", 1<<16)},
		{"text that looks like many credentials", agent + "  task: " + strings.Repeat("sk- eyJ. ://a:", 1<<15)},
		{"references of variables in a long chain", agent + "  env:\n" + chain(20000)},
		{"a comment on each line", agent + strings.Repeat("# x\n", 1<<17)},
		{"one line of tabs", agent + strings.Repeat("\t", 1<<19)},
		{"more than a document may have", agent + "  task: " + strings.Repeat("x", 1<<20)},
		{"not text", strings.Repeat("\xff", 1<<20)},
	}
	for _, tt := range tests {
		t.Run(tt.why, func(t *testing.T) {
			var before, after runtime.MemStats
			runtime.ReadMemStats(&before)
			_, err := renderFiles([]render.File{{Name: "fuzz.yaml", Data: []byte(tt.input)}})
			runtime.ReadMemStats(&after)
			allocated := after.TotalAlloc - before.TotalAlloc
			t.Logf("%d bytes in, %d allocated, %d objects", len(tt.input), allocated, after.Mallocs-before.Mallocs)
			if allocated > 256<<20 {
				t.Errorf("%d bytes allocated for %d", allocated, len(tt.input))
			}
			if err == nil {
				return
			}
			checkMistakes(t, err)
			if size := len(err.Error()); size > 4<<20 {
				t.Errorf("a message of %d bytes: %.200s", size, err)
			}
		})
	}
}

func manyKeys(indent string, n int) string {
	var b strings.Builder
	for i := range n {
		b.WriteString(indent + "k" + strconv.Itoa(i) + ": v\n")
	}
	return b.String()
}

// chain makes variables that each use the next.
func chain(n int) string {
	var b strings.Builder
	for i := range n {
		b.WriteString("    V" + strconv.Itoa(i) + ": $(V" + strconv.Itoa(i+1) + ")\n")
	}
	return b.String()
}

// TestReplacedValues puts other values in place of each value of the inputs of
// golden/render, two at each place and all kinds in turn: what people leave
// empty, null or half written is rendered or is a mistake, and never a panic.
func TestReplacedValues(t *testing.T) {
	replacements := []any{nil, "", "a", "A b/c", 0, -1, true, []any{}, []any{nil}, []any{map[string]any{}}, map[string]any{}, map[string]any{"name": nil}}
	dir := filepath.Join(golden, "render")
	for _, name := range cases(t, dir) {
		t.Run(name, func(t *testing.T) {
			var objects []any
			for _, f := range split(readCase(t, dir, name)) {
				var object any
				if err := yaml.Unmarshal(f.Data, &object); err != nil {
					t.Fatal(err)
				}
				objects = append(objects, object)
			}
			turn := 0
			next := func() any { turn += 5; return replacements[turn%len(replacements)] }
			for i := range objects {
				replaceEach(&objects[i], next, func() { renderObjects(t, objects) })
			}
		})
	}
}

// replaceEach calls try with each value at and below v replaced.
func replaceEach(v *any, next func() any, try func()) {
	original := *v
	for range 2 {
		*v = next()
		try()
	}
	*v = original
	switch v := original.(type) {
	case []any:
		for i := range v {
			replaceEach(&v[i], next, try)
		}
	case map[string]any:
		for _, key := range slices.Sorted(maps.Keys(v)) {
			value := v[key]
			replaceEach(&value, next, func() { v[key] = value; try() })
			v[key] = value
		}
	}
}

func renderObjects(t *testing.T, objects []any) {
	t.Helper()
	var config []byte
	for _, o := range objects {
		data, err := json.Marshal(o)
		if err != nil {
			t.Fatal(err)
		}
		config = append(append(config, "---\n"...), append(data, '\n')...)
	}
	defer func() {
		if problem := recover(); problem != nil {
			t.Errorf("%v\n%s\n%s", problem, config, debug.Stack())
		}
	}()
	out, err := renderFiles([]render.File{{Name: "fuzz.yaml", Data: config}})
	before := t.Failed()
	if err != nil {
		checkMistakes(t, err)
		checkPositions(t, err, config)
	} else if len(out) > 0 {
		checkManifests(t, out, !bytes.Contains(config, []byte("podSecurity")))
	}
	if t.Failed() && !before {
		t.Logf("of\n%s", config)
	}
}
