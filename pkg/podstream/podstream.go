// Package podstream reads Pods out of whatever prints them, one at a time and
// in flat memory: a Pod, a List or PodList of any length, a JSON array, JSON
// Lines, documents one after the other, or the events of a watch; in JSON, or
// in YAML of any number of documents.
//
// It keeps what pkg/phasemap reads of a Pod, and the name, uid and labels by
// which a Pod is known: the rest is checked for syntax and dropped. It is not a
// decoder for Pods in general.
//
// Start with [Read].
package podstream

import (
	"errors"
	"fmt"
	"io"
	"iter"
	"strconv"
	"strings"

	"github.com/scion-gen/scion-gen/pkg/phasemap"
)

// Object is one Pod of a stream.
type Object struct {
	phasemap.Document        // its Pod is never nil
	Event             string // ADDED, MODIFIED or DELETED in a watch, else empty
}

// Read returns the Pods in r, in their order. An error takes the place of what
// it is about:
//
//   - a [*NotPodError] stands for an object that is no Pod; what follows it is
//     read all the same;
//   - any other error is the last: a [*SyntaxError] says where the text is
//     broken or cut off, [ErrNothing] that there is no object in it at all, and
//     everything else is what reading r returned.
//
// Memory does not grow with the stream. Objects above 8 MiB or of more than
// 16384 list elements in all, and nesting beyond 10000 levels, are syntax
// errors; one YAML document that is no list counts as one object.
func Read(r io.Reader) iter.Seq2[Object, error] {
	return func(yield func(Object, error) bool) {
		src := newSource(r)
		var err error
		switch first, sniffed := src.sniff(); {
		case sniffed == io.EOF:
			err = ErrNothing
		case sniffed != nil:
			err = sniffed
		case first == '{' || first == '[':
			err = readJSON(src, yield)
		default:
			err = readYAML(src, yield)
		}
		if err != nil && err != errStopped {
			yield(Object{}, err)
		}
	}
}

// ErrNothing says that a stream is blank, or has nothing but comments, as a pipe
// has that broke before. A list without items is an answer, and no error.
var ErrNothing = errors.New("there is nothing in it")

// SyntaxError says where the text cannot be read on.
type SyntaxError struct {
	Offset int64 // the byte, from zero
	Line   int   // from one; zero if unknown
	Column int   // from one, in bytes; zero if unknown
	Err    error // what is wrong there; io.ErrUnexpectedEOF if the text ends early
}

func (e *SyntaxError) Error() string {
	var b strings.Builder
	if e.Line > 0 {
		fmt.Fprintf(&b, "%d:%d: ", e.Line, e.Column)
	}
	if errors.Is(e.Err, io.ErrUnexpectedEOF) {
		fmt.Fprintf(&b, "the text ends at byte %d, inside an object", e.Offset)
	} else {
		fmt.Fprintf(&b, "byte %d: %v", e.Offset, e.Err)
	}
	return b.String()
}

func (e *SyntaxError) Unwrap() error { return e.Err }

// NotPodError is about an object of the stream that is no Pod.
type NotPodError struct {
	Line, Column int    // where it starts, both from one; zero if unknown
	APIVersion   string // as written
	Kind         string // as written, or the JSON type of what is no object
	Name         string
	Message      string // that of a Status, with which an API server answers instead of Pods
}

func (e *NotPodError) Error() string {
	var b strings.Builder
	if e.Line > 0 {
		fmt.Fprintf(&b, "%d:%d: ", e.Line, e.Column)
	}
	switch {
	case e.Message != "":
		b.WriteString("the API server says: " + strconv.Quote(e.Message))
	case e.Kind == "":
		b.WriteString("an object without a kind is no Pod")
	default:
		b.WriteString(plain(e.Kind))
		if e.Name != "" {
			b.WriteString(" " + strconv.Quote(e.Name))
		}
		b.WriteString(" is no Pod")
	}
	return b.String()
}

// plain is a word as it is, and quoted if it is not what a kind is made of.
func plain(word string) string {
	if quoted := strconv.Quote(word); quoted != `"`+word+`"` {
		return quoted
	}
	return word
}

// HasPosition reports whether the text of err begins with line and column, so
// that a file name before it needs no more than a colon.
func HasPosition(err error) bool {
	if e, ok := errors.AsType[*SyntaxError](err); ok {
		return e.Line > 0
	}
	e, ok := errors.AsType[*NotPodError](err)
	return ok && e.Line > 0
}
