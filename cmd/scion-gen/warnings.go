package main

import (
	"bufio"
	"io"
	"log"
	"os"
	"strings"
	"sync"
)

// warnOnce has kustomize tell each of its warnings once. It prints them, to the
// process's standard error itself, whenever it loads a kustomization: a build that
// looks for a mistake loads one many times, and a build of all overlays the base
// that they share. What else is printed there passes. The function that is
// returned ends that, when all is printed.
func warnOnce() (func(), error) {
	r, w, err := os.Pipe()
	if err != nil {
		return nil, err
	}
	stderr := os.Stderr
	warnings := &distinct{w: stderr, seen: map[string]bool{}}
	log.SetOutput(warnings)
	log.SetFlags(0) // with the time, no two lines are the same
	os.Stderr = w
	var passing sync.WaitGroup
	passing.Go(func() { pass(r, warnings, stderr) })
	return func() {
		io.WriteString(w, endOfStderr)
		passing.Wait()
		os.Stderr = stderr
	}, nil
}

// endOfStderr ends what passes. Programs that plugins start have the pipe too, and
// may outlive this one: it has no end of its own.
const endOfStderr = "\x00\n"

func pass(r io.Reader, warnings, rest io.Writer) {
	lines := bufio.NewReader(r)
	for {
		line, err := lines.ReadString('\n')
		line, end := strings.CutSuffix(line, endOfStderr)
		to := rest
		if strings.HasPrefix(line, "# Warning: ") {
			to = warnings
		}
		io.WriteString(to, line)
		if end || err != nil {
			return
		}
	}
}

// distinct writes each text once.
type distinct struct {
	w    io.Writer
	lock sync.Mutex
	seen map[string]bool
}

func (d *distinct) Write(text []byte) (int, error) {
	d.lock.Lock()
	defer d.lock.Unlock()
	if d.seen[string(text)] {
		return len(text), nil
	}
	d.seen[string(text)] = true
	return d.w.Write(text)
}
