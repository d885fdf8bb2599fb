package manifest

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// What Parse refuses is in golden/errors; here is what it takes, and where it
// says that things stand.

func TestParseDocuments(t *testing.T) {
	tests := []struct {
		why, text string
		want      []string // position and JSON of each document
	}{
		{"nothing", "", nil},
		{"a comment is no document", "# nothing\n", nil},
		{"an empty document at the start or the end is none", "---\n---\na: b\n---\n", []string{"3:1 {\"a\":\"b\"}"}},
		{"a byte order mark at the very start", "\ufeffa: b\n", []string{"1:1 {\"a\":\"b\"}"}},
		{"line ends of Windows", "a: b\r\n---\r\nc: d\r\n", []string{"1:1 {\"a\":\"b\"}", "3:1 {\"c\":\"d\"}"}},
		{"a document on the line of its marker", "--- {a: b}\n---\tc\n", []string{"1:5 {\"a\":\"b\"}", "2:5 \"c\""}},
		{"a marker needs white space after it", "a: |\n  x\n---b: c\n", []string{"1:1 {\"a\":\"x\\n\",\"---b\":\"c\"}"}},
		{"a marker that is indented is text", "a: |\n  ---\n  b\n", []string{"1:1 {\"a\":\"---\\nb\\n\"}"}},
		{"an end marker and then nothing", "a: b\n...\n", []string{"1:1 {\"a\":\"b\"}"}},
		{"an end marker and then a document", "a: b\n...\n---\nc: d\n", []string{"1:1 {\"a\":\"b\"}", "4:1 {\"c\":\"d\"}"}},
		{"an end marker that ends nothing", "...\n---\na: b\n--- # c\n... # d\n", []string{"3:1 {\"a\":\"b\"}"}},
		{"JSON", `{"a": [1, true, null, "x"]}`, []string{"1:1 {\"a\":[1,true,null,\"x\"]}"}},
		{"a mistake that shows behind the document costs it all the same", "{a: b} c\n---\nd: e\n", []string{"3:1 {\"d\":\"e\"}"}},
		{"the same in the last document", "a: b\n---\n{c: d} e\n", []string{"1:1 {\"a\":\"b\"}"}},
		{"a mistake costs its own document only", "a: [\n---\nb: c\n---\nd: {\n", []string{"3:1 {\"b\":\"c\"}"}},
		{"what other readers take for other things is text", "[y, on, ~x, 12:30, 2026-07-28, 0o17]", []string{"1:1 [\"y\",\"on\",\"~x\",\"12:30\",\"2026-07-28\",0o17]"}},
	}
	for _, tt := range tests {
		t.Run(tt.why, func(t *testing.T) {
			var errs Errors
			var got []string
			for _, doc := range Parse("f", []byte(tt.text), &errs) {
				got = append(got, fmt.Sprintf("%d:%d %s", doc.Root.Pos.Line, doc.Root.Pos.Column, compact(doc.Root)))
			}
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("(-want +got)\n%s%v", diff, errs.Err())
			}
		})
	}
}

// TestParsePositions: columns count characters, and lines are those that
// editors show.
func TestParsePositions(t *testing.T) {
	tests := []struct{ why, text, want string }{
		{"characters, not bytes", "{é: 'ü', x: here}", "1:13"},
		{"a later document", "a: b\n---\n\nx: here\n", "4:4"},
		{"below a block scalar", "a: |\n  b\n\n  c\nx: here\n", "5:4"},
		{"line ends of Windows", "a: b\r\nx: here\r\n", "2:4"},
	}
	for _, tt := range tests {
		t.Run(tt.why, func(t *testing.T) {
			var errs Errors
			docs := Parse("f", []byte(tt.text), &errs)
			if err := errs.Err(); err != nil {
				t.Fatal(err)
			}
			got := docs[len(docs)-1].Root.Get("x").Pos
			if diff := cmp.Diff("f:"+tt.want, got.String()); diff != "" {
				t.Error(diff)
			}
		})
	}
}

// TestParseText: a text reaches the tree as it is.
func TestParseText(t *testing.T) {
	for _, text := range []string{"\u00a0", "\U0001F680", "tab\there", "\\", "it's", "a\u200bb", "  two  "} {
		for _, form := range []string{`'%s'`, `"%s"`} {
			written := text
			if form == `"%s"` {
				written = strings.ReplaceAll(text, `\`, `\\`)
			} else {
				written = strings.ReplaceAll(text, `'`, `''`)
			}
			var errs Errors
			docs := Parse("f", []byte("x: "+fmt.Sprintf(form, written)), &errs)
			if err := errs.Err(); err != nil {
				t.Errorf("%q: %v", text, err)
				continue
			}
			if got := docs[0].Root.Get("x").Text; got != text {
				t.Errorf(form+" is read as %q", text, got)
			}
		}
	}
}

// TestParseEnd: what is missing at the end of a file is missing there, with a
// line break at the end or without.
func TestParseEnd(t *testing.T) {
	for text, want := range map[string]string{
		"[":                "f:1:2: ",
		"a: [":             "f:1:5: ",
		"a: [\n":           "f:2:1: ",
		"a\n---\né: [é, {": "f:3:9: ",
	} {
		var errs Errors
		Parse("f", []byte(text), &errs)
		if got := errs.Error(); len(errs) != 1 || !strings.HasPrefix(got, want) {
			t.Errorf("%q: %s, want %s...", text, got, want)
		}
	}
}

func TestParseStops(t *testing.T) {
	var errs Errors
	if docs := Parse("f", []byte(strings.Repeat("---\n", 3*MaxMistakes)), &errs); len(docs) > 0 {
		t.Errorf("%d documents", len(docs))
	}
	if len(errs) != MaxMistakes+1 {
		t.Errorf("%d mistakes, want %d and the word that there are more", len(errs), MaxMistakes)
	}
	errs = nil
	deep := strings.Repeat("[", MaxDepth) + strings.Repeat("]", MaxDepth)
	if docs := Parse("f", []byte(deep), &errs); len(docs) != 1 {
		t.Errorf("%d levels: %v", MaxDepth, errs.Err())
	}
	if docs := Parse("f", []byte("["+deep+"]"), &errs); len(docs) != 0 {
		t.Errorf("%d levels are read", MaxDepth+1)
	}
	large := "x: " + strings.Repeat("x", MaxDocument-len("x: \n")) + "\n"
	errs = nil
	if docs := Parse("f", []byte(large), &errs); len(docs) != 1 {
		t.Errorf("%d bytes: %v", len(large), errs.Err())
	}
	if docs := Parse("f", []byte(large+"y"), &errs); len(docs) != 0 {
		t.Errorf("%d bytes are read", len(large)+1)
	}
}

// FuzzParse: a file is what its documents are, each read on its own.
func FuzzParse(f *testing.F) {
	for _, text := range []string{
		"a: b\n---\nc: &d e\n---\nf: *d\n", "# x\n---\n---\na\n---\n", "{a: b} c\n---\nd\n", "a: [\n---\nb: c\n",
		"%YAML 1.2\n---\na\n", "|\n---", "|\n---\na\n", "a: |\n  x\n\n--- >\n y\n", "a: 'b\n---\nc'\n", "a\r\n---\r\nb\rc\n---\nd", "a\n...\n---\nb", "--- # c\n--- a\n",
	} {
		f.Add([]byte(text))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		var inOne, apart Errors
		if !checkText(data, &Source{}, &inOne) {
			return
		}
		chunks := splitDocuments(data)
		read := func(s *stream, errs *Errors) (docs []string) {
			documents("f", chunks, s, errs, func(d Document) bool {
				docs = append(docs, outline(d.Root))
				return true
			})
			return docs
		}
		got, want := read(newStream(data, chunks), &inOne), read(&stream{}, &apart)
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("documents (-apart +in one)\n%s", diff)
		}
		if diff := cmp.Diff(apart.Error(), inOne.Error()); diff != "" {
			t.Errorf("mistakes (-apart +in one)\n%s", diff)
		}
	})
}

// outline is a node's kinds, texts and places.
func outline(n *Node) string {
	text := fmt.Sprintf("%d:%d %s %q", n.Pos.Line, n.Pos.Column, n.Kind, n.Text)
	for _, f := range n.Fields {
		text += fmt.Sprintf(" {%d:%d %q %s}", f.Pos.Line, f.Pos.Column, f.Key, outline(f.Value))
	}
	for _, item := range n.Items {
		text += " [" + outline(item) + "]"
	}
	return text
}
