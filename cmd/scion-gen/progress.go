package main

import (
	"fmt"
	"io"
	"os"
	"time"

	"golang.org/x/term"

	"github.com/scion-gen/scion-gen/pkg/tree"
)

// progress says on a terminal how far long work is, in one line that is gone at
// the end. Elsewhere, and for work that is over at once, it says nothing.
type progress struct {
	w     io.Writer // nil where nobody is watching
	now   func() time.Time
	doing string
	count int
	next  time.Time // when to say something
	shown bool
}

// The first word comes when people start to wonder.
const (
	progressDelay = 500 * time.Millisecond
	progressEvery = 100 * time.Millisecond
)

func newProgress(w io.Writer) *progress {
	p := &progress{now: time.Now}
	if f, ok := w.(*os.File); ok && term.IsTerminal(int(f.Fd())) {
		p.w = w
	}
	return p
}

// phase starts counting anew.
func (p *progress) phase(doing string) {
	p.doing, p.count, p.next = doing, 0, p.now().Add(progressDelay)
}

// follow counts the files as they go by.
func (p *progress) follow(files tree.Files) tree.Files {
	if p.w == nil {
		return files
	}
	return func(yield func(tree.File, error) bool) {
		for f, err := range files {
			p.count++
			p.say("file %d", p.count)
			if !yield(f, err) {
				return
			}
		}
	}
}

// part tells of a build in parts.
func (p *progress) part(done, parts int) {
	if p.w != nil {
		p.say("part %d of %d", done, parts)
	}
}

// say shows how far the phase is, if it is time to say something.
func (p *progress) say(format string, args ...any) {
	if now := p.now(); !now.Before(p.next) {
		p.next, p.shown = now.Add(progressEvery), true
		fmt.Fprintf(p.w, "\r\x1b[K%s "+format, append([]any{p.doing}, args...)...)
	}
}

// clear removes the line.
func (p *progress) clear() {
	if p.shown {
		p.shown = false
		fmt.Fprint(p.w, "\r\x1b[K")
	}
}
