package main

import (
	"cmp"
	"context"
	"io"
	"os"

	"github.com/scion-gen/scion-gen/pkg/podstream"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// listFiles shows the agents of all files, or of stdin.
func (r *phaseRun) listFiles(ctx context.Context) error {
	o := newObserver(r)
	err := r.readFiles(ctx, func(e podEvent) error {
		o.take(e, r.clock.now())
		return nil
	})
	return cmp.Or(err, o.end(metav1.NamespaceAll))
}

// watchFiles shows the agents of all files, or of stdin, then each change, until
// the last file ends or ctx is done.
func (r *phaseRun) watchFiles(ctx context.Context) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	feed := podFeed{ctx: ctx, events: make(chan podEvent), piped: true}
	go func() {
		if err := r.readFiles(ctx, feed.send); err == nil {
			close(feed.events)
		}
	}()
	return newObserver(r).follow(feed)
}

// readFiles hands on the Pods of all files, or of stdin, and what could not be
// read. Its error is the first of take.
func (r *phaseRun) readFiles(ctx context.Context, take func(podEvent) error) error {
	files := r.files
	if len(files) == 0 {
		files = []string{"-"}
	}
	for _, name := range files {
		if err := r.readFile(ctx, name, take); err != nil {
			return err
		}
	}
	return nil
}

func (r *phaseRun) readFile(ctx context.Context, name string, take func(podEvent) error) error {
	if name == "-" {
		return readPods("stdin", &contextReader{ctx: ctx, r: r.stdin}, take)
	}
	f, err := open(ctx, name)
	if err != nil {
		return take(podEvent{err: err})
	}
	defer f.Close()
	return readPods(name, &contextReader{ctx: ctx, r: f}, take)
}

// open stops waiting when ctx is done, since a named pipe opens only once
// somebody writes to it.
func open(ctx context.Context, name string) (*os.File, error) {
	type result struct {
		f   *os.File
		err error
	}
	done := make(chan result, 1)
	go func() {
		f, err := os.Open(name)
		done <- result{f, err}
	}()
	select {
	case <-ctx.Done():
		return nil, &os.PathError{Op: "open", Path: name, Err: ctx.Err()}
	case got := <-done:
		return got.f, got.err
	}
}

// readPods hands on the Pods of one stream.
func readPods(name string, in io.Reader, take func(podEvent) error) error {
	for obj, err := range podstream.Read(in) {
		e := podEvent{doc: obj.Document, gone: obj.Event == "DELETED", err: err, file: name}
		if err := take(e); err != nil {
			return err
		}
	}
	return nil
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
