package report

import (
	"fmt"
	"regexp"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/yuin/goldmark"
	"github.com/yuin/goldmark/ast"
	"github.com/yuin/goldmark/extension"
	"github.com/yuin/goldmark/text"

	"github.com/scion-gen/scion-gen/pkg/diff"
)

func markdownOf(t testing.TB, r *diff.Report, o MarkdownOptions) string {
	t.Helper()
	var out strings.Builder
	if err := Markdown(&out, r, o); err != nil {
		t.Fatal(err)
	}
	return out.String()
}

// parsed is what a CommonMark and GFM parser makes of a comment.
type parsed struct {
	blocks []string // kinds of blocks, in order, with their depth
	html   []string // lines of HTML
	prose  []string // text that is not code
	bad    []string // kinds of elements that a report never has
}

func parseMarkdown(source string) parsed {
	src := []byte(source)
	var p parsed
	depth := 0
	doc := goldmark.New(goldmark.WithExtensions(extension.GFM, extension.Footnote)).Parser().Parse(text.NewReader(src))
	ast.Walk(doc, func(n ast.Node, entering bool) (ast.WalkStatus, error) {
		if n.Type() == ast.TypeBlock {
			if !entering {
				depth--
				return ast.WalkContinue, nil
			}
			p.blocks = append(p.blocks, fmt.Sprintf("%*s%s", depth*2, "", n.Kind()))
			depth++
		}
		if entering {
			p.inline(n, src)
		}
		return ast.WalkContinue, nil
	})
	return p
}

func (p *parsed) inline(n ast.Node, src []byte) {
	switch n := n.(type) {
	case *ast.HTMLBlock:
		for i := range n.Lines().Len() {
			segment := n.Lines().At(i)
			p.html = append(p.html, strings.TrimSuffix(string(segment.Value(src)), "\n"))
		}
		if n.HasClosure() {
			p.html = append(p.html, strings.TrimSuffix(string(n.ClosureLine.Value(src)), "\n"))
		}
	case *ast.Text:
		if n.Parent().Kind() != ast.KindCodeSpan {
			p.prose = append(p.prose, string(n.Segment.Value(src)))
		}
	case *ast.RawHTML, *ast.Link, *ast.AutoLink, *ast.Image, *ast.CodeBlock, *ast.Blockquote, *ast.ThematicBreak, *ast.LinkReferenceDefinition:
		p.bad = append(p.bad, n.Kind().String())
	default:
		if k := n.Kind().String(); k == "Strikethrough" || k == "TaskCheckBox" || strings.HasPrefix(k, "Footnote") {
			p.bad = append(p.bad, k)
		}
	}
}

var (
	// ownHTML are the lines of HTML that a comment has.
	ownHTML = regexp.MustCompile(`^(<!-- scion-gen diff -->|<details>|<details open>|</details>|<summary>[^<>]*(</?(b|code)>[^<>]*)*</summary>)$`)
	// reference is what platforms turn into mentions, references and links.
	reference = regexp.MustCompile(`(?i)@\w|#\d|\bgh-\d|://|\bwww\.|\b[0-9a-f]{7,40}\b|:[a-z0-9_+-]+:|\$\S|[a-z]-\d|[!%~]\w`)
)

// wholeComment is one that leaves nothing out.
var wholeComment = MarkdownOptions{MaxBytes: 1 << 30}

// plainComment is what the sample looks like with plain words everywhere.
func plainComment(t testing.TB) parsed {
	t.Helper()
	plain := parseMarkdown(markdownOf(t, poisoned(t, "word"), wholeComment))
	if len(plain.blocks) < 30 {
		t.Fatalf("the sample makes %d blocks only", len(plain.blocks))
	}
	return plain
}

// holdsText checks that a comment with a text everywhere has the elements that
// it has with plain words: nothing breaks out of its code, and nothing is a
// reference.
func holdsText(t *testing.T, plain parsed, payload string) {
	t.Helper()
	source := markdownOf(t, poisoned(t, payload), wholeComment)
	got := parseMarkdown(source)
	if len(got.bad) > 0 {
		t.Errorf("elements that no report has: %v", got.bad)
	}
	if d := cmp.Diff(plain.blocks, got.blocks); d != "" {
		t.Errorf("other blocks (-want +got):\n%s", d)
	}
	for _, line := range got.html {
		if !ownHTML.MatchString(line) {
			t.Errorf("HTML that is not ours: %s", line)
		}
	}
	for _, words := range got.prose {
		if found := reference.FindString(words); found != "" {
			t.Errorf("%q is outside of code, in %q", found, words)
		}
	}
	if t.Failed() {
		t.Log(shorten(source, 4000))
	}
}

func TestMarkdownHoldsHostileText(t *testing.T) {
	plain := plainComment(t)
	for _, payload := range hostile {
		t.Run(shorten(oneLine(payload), 40), func(t *testing.T) { holdsText(t, plain, payload) })
	}
}

func FuzzMarkdownHoldsText(f *testing.F) {
	for _, payload := range hostile {
		if len(payload) < 100 {
			f.Add(payload)
		}
	}
	plain := plainComment(f)
	f.Fuzz(func(t *testing.T, payload string) {
		if payload != "" { // an empty path means the whole object
			holdsText(t, plain, payload)
		}
	})
}

// A comment that is too long is not posted at all.
func TestMarkdownFits(t *testing.T) {
	for _, r := range []*diff.Report{sample(t, 100), poisoned(t, strings.Repeat("`x\n", 5000)), poisoned(t, strings.Repeat("😀|", 5000))} {
		for _, limit := range []int{1, minBytes, 5000, 8000, 20000, CommentBytes, 0} {
			source := markdownOf(t, r, MarkdownOptions{MaxBytes: limit})
			most := max(limit, minBytes)
			if limit == 0 {
				most = CommentBytes
			}
			if len(source) > most {
				t.Errorf("%d bytes, want %d at most", len(source), most)
			}
			shown := strings.Count(source, "\n<details")
			if closed := strings.Count(source, "\n</details>\n"); shown != closed {
				t.Errorf("%d groups are open, %d closed", shown, closed)
			}
			if left := len(r.Groups) - shown; left > 0 && !strings.Contains(source, "\n**"+count(left, "group")+" omitted**") {
				t.Errorf("%d of %d groups are missing, and nothing says so:\n%s", left, len(r.Groups), source)
			}
			if !strings.HasPrefix(source, Marker+"\n") {
				t.Error("the first line is not the marker")
			}
		}
	}
}
