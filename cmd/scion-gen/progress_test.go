package main

import (
	"bytes"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/scion-gen/scion-gen/pkg/tree"
)

// Long work says how far it is, in a line that is gone at the end; short work,
// and work that nobody watches, says nothing.
func TestProgress(t *testing.T) {
	files := func(yield func(tree.File, error) bool) {
		for i := range 10 {
			if !yield(tree.File{Name: fmt.Sprint(i)}, nil) {
				return
			}
		}
	}
	for _, tt := range []struct {
		name string
		each time.Duration // that a file takes
		want string
	}{
		{"short", time.Millisecond, ""},
		{"long", 100 * time.Millisecond, "\r\x1b[Kwriting file 5\r\x1b[Kwriting file 6\r\x1b[Kwriting file 7\r\x1b[Kwriting file 8\r\x1b[Kwriting file 9\r\x1b[Kwriting file 10\r\x1b[K"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			var out bytes.Buffer
			now := time.Time{}
			p := &progress{w: &out, now: func() time.Time { return now }}
			p.phase("writing")
			now = now.Add(tt.each)
			seen := 0
			for range p.follow(files) {
				seen++
				now = now.Add(tt.each)
			}
			p.clear()
			if out.String() != tt.want || seen != 10 {
				t.Errorf("%d files, said %q, want %q", seen, &out, tt.want)
			}
		})
	}
	var out bytes.Buffer
	now := time.Time{}
	p := &progress{w: &out, now: func() time.Time { return now }}
	p.phase("building prod")
	for done := range 10 {
		now = now.Add(100 * time.Millisecond)
		p.part(done+1, 10)
	}
	p.clear()
	if want := "\r\x1b[Kbuilding prod part 5 of 10\r\x1b[Kbuilding prod part 6 of 10"; !strings.HasPrefix(out.String(), want) || !strings.HasSuffix(out.String(), "\r\x1b[K") {
		t.Errorf("said %q, want %q", &out, want)
	}
	if p := newProgress(&out); p.w != nil {
		t.Error("a buffer is no terminal")
	}
}
