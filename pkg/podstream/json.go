package podstream

import (
	"bytes"
	"cmp"
	"errors"
	"io"
	"strings"

	"github.com/scion-gen/scion-gen/pkg/phasemap"

	"github.com/go-json-experiment/json/jsontext"
	corev1 "k8s.io/api/core/v1"
)

// errStopped says that the caller wants no more. It never leaves the package.
var errStopped = errors.New("stopped")

// decoder finds the Pods in JSON text and yields them.
type decoder struct {
	walker
	src   *source
	yield func(Object, error) bool
}

// readJSON yields the Pods of values that stand one after the other, and those
// of YAML documents behind them.
func readJSON(src *source, yield func(Object, error) bool) error {
	d := &decoder{
		// Names that occur twice are not looked for: the last one counts, as
		// for every client of Kubernetes, and the search takes memory.
		walker: walker{jsontext.NewDecoder(src, jsontext.AllowDuplicateNames(true)), newInterner()},
		src:    src,
		yield:  yield,
	}
	for any := false; ; any = true {
		d.src.allow(d.InputOffset())
		start, rest := d.rest()
		if bytes.HasPrefix(rest, []byte("-")) { // a marker of YAML: no object of JSON begins so
			return d.readYAML(start, rest)
		}
		switch err := d.value(""); {
		case err == errStopped:
			return err
		case err == io.EOF && any:
			return nil
		case err == io.EOF:
			return ErrNothing
		case err != nil:
			return d.located(err)
		}
	}
}

// readYAML reads on as YAML from an offset, where rest is the text that the
// decoder has already.
func (d *decoder) readYAML(start int64, rest []byte) error {
	r := newYAMLReader(io.MultiReader(bytes.NewReader(bytes.Clone(rest)), d.src), d.yield)
	line, _ := d.src.position(start)
	r.number, r.offset, r.any = line-1, start, true
	return r.read(d.src)
}

// value reads one value of any kind and yields the Pods in it. An object that
// does not name its kind is of the given one: a PodList does not repeat itself.
func (d *decoder) value(kind string) error {
	d.src.allow(d.InputOffset())
	switch d.PeekKind() {
	case '{':
		return d.envelope(kind)
	case '[':
		return d.array(func() error { return d.value("Pod") })
	case 0: // the next read says what is wrong
		_, err := d.ReadToken()
		return err
	}
	return d.scalar()
}

// scalar reports a value that can hold no Pod.
func (d *decoder) scalar() error {
	start, text := d.start(), ""
	if d.PeekKind() == '"' {
		text = "a string"
	}
	token, err := d.ReadToken()
	if err != nil {
		return err
	}
	return d.notPod(start, NotPodError{Kind: cmp.Or(text, token.String())})
}

// envelope is an object of which it is not known yet what it is, since its
// members may come in any order.
type envelope struct {
	start   int64 // where it starts
	doc     phasemap.Document
	message string    // of a Status
	event   string    // the type of a watch event
	object  *envelope // what happened to in a watch event
	list    bool      // it has items
	items   int       // how many
	assumed string    // the kind of its items that name none
}

// envelope reads an object and yields the Pods that are in it, or are it.
func (d *decoder) envelope(kind string) error {
	e, err := d.open()
	if err != nil {
		return err
	}
	switch {
	case e.list:
		return d.endList(e)
	case e.object != nil && e.doc.Pod.Kind == "":
		return d.endEvent(e)
	}
	e.doc.Pod.Kind = cmp.Or(e.doc.Pod.Kind, kind)
	return d.end(e, "")
}

// open reads the members of an object. The items of a list are yielded on the
// way, everything else is the caller's to judge.
func (d *decoder) open() (*envelope, error) {
	e := &envelope{start: d.start(), doc: phasemap.Document{Pod: new(corev1.Pod)}}
	pod := podReader{d.walker, &e.doc, new(int)}
	err := d.object(func(name []byte) error {
		if known, err := pod.field(name); known {
			return err
		}
		return d.member(e, string(name))
	})
	return e, err
}

// member reads a member that no Pod has.
func (d *decoder) member(e *envelope, name string) (err error) {
	switch kind := d.PeekKind(); {
	case name == "items" && (kind == '[' || kind == 'n') && !e.list:
		e.list = true // if null, one of nothing: Go has no other way to print that
		e.assumed = itemKind(e.doc.Pod.Kind)
		return d.array(func() error {
			e.items++
			return d.value(e.assumed)
		})
	case name == "object" && kind == '{':
		e.object, err = d.open()
	case name == "type":
		e.event, err = d.text()
	case name == "message":
		e.message, err = d.text()
	default:
		err = d.SkipValue()
	}
	return err
}

// itemKind is the kind of the items of a list. Kubectl sorts the kind of a list
// behind its items: then they are Pods until it says otherwise.
func itemKind(list string) string {
	switch list {
	case "":
		return "Pod"
	case "List":
		return "" // each item names its own
	}
	return strings.TrimSuffix(list, "List")
}

// endList reports a list of other things, unless each of them has been. It is
// judged by its kind, which may have come too late to tell them from Pods.
func (d *decoder) endList(e *envelope) error {
	switch kind := e.doc.Pod.Kind; {
	case kind == "", kind == "List", kind == "PodList":
		return nil
	case strings.HasSuffix(kind, "List") && itemKind(kind) == e.assumed && e.items > 0:
		return nil
	}
	return d.end(e, "")
}

// endEvent yields the Pod of a watch event.
func (d *decoder) endEvent(e *envelope) error {
	if e.event == "BOOKMARK" {
		return nil
	}
	return d.end(e.object, e.event)
}

// end yields an object if it is a Pod, and reports it if not.
func (d *decoder) end(e *envelope, event string) error {
	pod := e.doc.Pod
	if pod.Kind != "Pod" || pod.APIVersion != "v1" && pod.APIVersion != "" {
		return d.notPod(e.start, NotPodError{APIVersion: pod.APIVersion, Kind: pod.Kind, Name: pod.Name, Message: e.message})
	}
	if !d.yield(Object{e.doc, event}, nil) {
		return errStopped
	}
	return nil
}

func (d *decoder) notPod(start int64, e NotPodError) error {
	if e.Kind != "Status" {
		e.Message = ""
	}
	e.Line, e.Column = d.src.position(start)
	if !d.yield(Object{}, &e) {
		return errStopped
	}
	return nil
}

// start is the offset of the next token.
func (d *decoder) start() int64 {
	start, _ := d.rest()
	return start
}

// rest is the text from the next token on, as far as it has been read, and its
// offset. It is good until the next read.
func (d *decoder) rest() (start int64, text []byte) {
	d.PeekKind()
	unread := d.UnreadBuffer()
	text = bytes.TrimLeft(unread, " \t\r\n,:")
	return d.InputOffset() + int64(len(unread)-len(text)), text
}

// located turns an error of the text into a SyntaxError, and leaves one of
// reading as it is.
func (d *decoder) located(err error) error {
	e := &SyntaxError{Offset: d.InputOffset(), Err: err}
	syntactic, ok := errors.AsType[*jsontext.SyntacticError](err)
	switch {
	case ok && errors.Is(err, io.ErrUnexpectedEOF):
		e.Offset, e.Err = d.src.end(), io.ErrUnexpectedEOF
	case ok:
		e.Offset, e.Err = syntactic.ByteOffset, syntactic.Err
	case errors.Is(err, errTooLarge):
		e.Err = errTooLarge
	case errors.Is(err, errTooManyElements):
	default:
		return cmp.Or(d.src.err, err)
	}
	e.Line, e.Column = d.src.position(e.Offset)
	return e
}
