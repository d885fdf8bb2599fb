package render

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
)

// TestLines: whatever texts are kept, each comes back as it was.
func TestLines(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	for range 2000 {
		l := lines{ids: map[string]uint32{}}
		var texts []string
		var kept [][]run
		for range 1 + random.IntN(6) {
			text := someLines(random, texts)
			texts = append(texts, text)
			kept = append(kept, l.add([]byte(text)))
		}
		for i, runs := range kept {
			if got := string(l.append(nil, runs)); got != texts[i] {
				t.Fatalf("text %d of %q came back as %q", i, texts, got)
			}
		}
	}
}

// someLines is a text of few different lines, or one of those before with some
// lines changed.
func someLines(random *rand.Rand, before []string) string {
	var all []string
	if len(before) > 0 && random.IntN(3) > 0 {
		all = strings.SplitAfter(before[random.IntN(len(before))], "\n")
	} else {
		for range random.IntN(20) {
			all = append(all, fmt.Sprintln(random.IntN(12)))
		}
	}
	for range random.IntN(4) {
		at := random.IntN(len(all) + 1)
		all = append(all[:at:at], append([]string{fmt.Sprintln(random.IntN(100))}, all[min(at+random.IntN(3), len(all)):]...)...)
	}
	return strings.TrimSuffix(strings.Join(all, ""), strings.Repeat("\n", random.IntN(2)))
}

// TestLinesAlike: a text like one before costs a run for each place that
// differs, and two ends, though it says some of its lines twice.
func TestLinesAlike(t *testing.T) {
	l := lines{ids: map[string]uint32{}}
	text := "kind: A\n"
	for i := range 50 {
		text += fmt.Sprintf("name: v%d\nvalue: x\n", i)
	}
	text += "own: %d\nname: y\nvalue: x\nother: %d\nend: z\n"
	for i := range 5 {
		if runs := l.add(fmt.Appendf(nil, text, i, -i)); len(runs) > 5 {
			t.Errorf("text %d is %d runs", i, len(runs))
		}
	}
}
