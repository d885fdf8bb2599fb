package main

import (
	"context"
	"errors"
	"io"
	"os"

	"github.com/scion-gen/scion-gen/pkg/phasemap"
	"github.com/scion-gen/scion-gen/pkg/podstream"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
)

// readFiles shows the agents of all files, or of stdin. What cannot be read is
// said on stderr, and the rest is shown all the same.
func (r *phaseRun) readFiles(ctx context.Context) error {
	files := r.files
	if len(files) == 0 {
		files = []string{"-"}
	}
	show := r.showObject
	if r.watch {
		o := newObserver(r)
		show = func(obj podstream.Object) error { return o.object(obj, r.clock.now()) }
	}
	for _, name := range files {
		if err := r.readFile(ctx, name, show); err != nil {
			return err
		}
	}
	return r.showDeclared(metav1.NamespaceAll)
}

func (r *phaseRun) readFile(ctx context.Context, name string, show func(podstream.Object) error) error {
	if name == "-" {
		return r.readPods("stdin", &contextReader{ctx: ctx, r: r.stdin}, show)
	}
	f, err := os.Open(name)
	if err != nil {
		r.warn("", err)
		return nil
	}
	defer f.Close()
	return r.readPods(name, f, show)
}

// readPods shows the Pods of one stream. Its error is one of showing.
func (r *phaseRun) readPods(name string, in io.Reader, show func(podstream.Object) error) error {
	counted := &countingReader{Reader: in}
	said := false
	for obj, err := range podstream.Read(counted) {
		switch {
		case r.watch && errors.Is(err, context.Canceled):
			return nil // the way to end a watch
		case err != nil:
			said = true
			r.warn(name, err)
		case r.pods.Matches(labels.Set(obj.Pod.Labels)):
			if err := show(obj); err != nil {
				return err
			}
		}
	}
	if !counted.any && !said {
		r.warn(name, errEmpty)
	}
	return nil
}

// errEmpty keeps a pipe whose first half broke from looking like a cluster in
// which nothing is wrong.
var errEmpty = errors.New("there is nothing in it")

// showObject shows the agent of one Pod.
func (r *phaseRun) showObject(obj podstream.Object) error {
	status := obj.Map(r.mapping, r.clock.now())
	if obj.Event == "DELETED" {
		status = phasemap.MapAbsent(phasemap.Absence{Last: &status}, r.mapping)
	}
	return r.show(agentOf(obj.Pod, status))
}

// countingReader knows whether there was anything.
type countingReader struct {
	io.Reader
	any bool
}

func (c *countingReader) Read(p []byte) (int, error) {
	n, err := c.Reader.Read(p)
	c.any = c.any || n > 0
	return n, err
}

// contextReader stops waiting for r when its context is done, since a read of a
// terminal cannot be interrupted. It must not be read after that.
type contextReader struct {
	ctx    context.Context
	r      io.Reader
	buffer []byte // of the read under way, which outlives the context
}

func (c *contextReader) Read(p []byte) (int, error) {
	type result struct {
		n   int
		err error
	}
	if len(c.buffer) < len(p) {
		c.buffer = make([]byte, len(p))
	}
	done := make(chan result, 1)
	go func() {
		n, err := c.r.Read(c.buffer[:len(p)])
		done <- result{n, err}
	}()
	select {
	case <-c.ctx.Done():
		return 0, c.ctx.Err()
	case got := <-done:
		return copy(p, c.buffer[:got.n]), got.err
	}
}
