package podstream

import (
	"bytes"
	"hash/maphash"
	"math"
	"strconv"

	"github.com/go-json-experiment/json/jsontext"
)

// walker reads JSON by need: a caller names the fields it wants, and the rest
// is skipped without being held. What has another type than the API gives it
// reads as absent, as pkg/phasemap asks of every poller.
//
// The errors of its methods are of the text alone.
type walker struct {
	*jsontext.Decoder
	strings *interner
}

// object calls field for each member of an object, with the decoder at its
// value, which field must consume; the name is good until then. Any other value
// is skipped.
func (w walker) object(field func(name []byte) error) error {
	if w.PeekKind() != '{' {
		return w.SkipValue()
	}
	if _, err := w.ReadToken(); err != nil {
		return err
	}
	for w.PeekKind() == '"' {
		name, err := w.unquoted()
		if err != nil {
			return err
		}
		if err := field(name); err != nil {
			return err
		}
	}
	_, err := w.ReadToken()
	return err
}

// array calls element for each element of an array, with the decoder at it.
// Any other value is skipped.
func (w walker) array(element func() error) error {
	if w.PeekKind() != '[' {
		return w.SkipValue()
	}
	if _, err := w.ReadToken(); err != nil {
		return err
	}
	for {
		switch w.PeekKind() {
		case ']', 0: // 0: the next read says what is wrong
			_, err := w.ReadToken()
			return err
		}
		if err := element(); err != nil {
			return err
		}
	}
}

// text reads a string; any other value is skipped and reads as empty.
func (w walker) text() (string, error) {
	if w.PeekKind() != '"' {
		return "", w.SkipValue()
	}
	text, err := w.unquoted()
	return w.strings.of(text), err
}

// unquoted reads the string that is next. The bytes are good until the next
// read.
func (w walker) unquoted() ([]byte, error) {
	raw, err := w.ReadValue()
	if err != nil {
		return nil, err
	}
	if body := raw[1 : len(raw)-1]; bytes.IndexByte(body, '\\') < 0 {
		return body, nil
	}
	return jsontext.AppendUnquote(nil, raw)
}

// integer reads a whole number of 64 bits, and nothing else: ok is false for 1.5
// or "1", but 1.0 is 1, as phasemap.ReadDocument has it.
func (w walker) integer() (n int64, ok bool, err error) {
	if w.PeekKind() != '0' {
		return 0, false, w.SkipValue()
	}
	raw, err := w.ReadValue()
	if err != nil {
		return 0, false, err
	}
	n, wrong := strconv.ParseInt(string(raw), 10, 64)
	if wrong == nil {
		return n, true, nil
	}
	if !bytes.ContainsAny(raw, ".eE") {
		return 0, false, nil
	}
	f, wrong := strconv.ParseFloat(string(raw), 64)
	if wrong != nil || f != math.Trunc(f) || f < math.MinInt64 || f >= math.MaxInt64 {
		return 0, false, nil
	}
	return int64(f), true, nil
}

// integer32 reads a whole number of 32 bits; anything else is 0.
func (w walker) integer32() (int32, error) {
	n, ok, err := w.integer()
	if !ok || n != int64(int32(n)) {
		return 0, err
	}
	return int32(n), err
}

// boolean reads true or false; ok is false for anything else.
func (w walker) boolean() (b, ok bool, err error) {
	switch w.PeekKind() {
	case 't':
		b, ok = true, true
	case 'f':
		ok = true
	}
	return b, ok, w.SkipValue()
}

// interner keeps the strings seen last, since pods repeat a few hundred of
// them: condition types, reasons, labels, the names of containers.
type interner struct {
	seed maphash.Seed
	seen [1024]string
}

func newInterner() *interner { return &interner{seed: maphash.MakeSeed()} }

// of is string(b), without an allocation if it was seen of late.
func (t *interner) of(b []byte) string {
	const longest = 64 // beyond it are messages, hardly ever the same twice
	if len(b) > longest {
		return string(b)
	}
	slot := &t.seen[maphash.Bytes(t.seed, b)%uint64(len(t.seen))]
	if *slot != string(b) {
		*slot = string(b)
	}
	return *slot
}

// SkipValue skips the next value. It takes the value whole, which is faster than
// token by token, and holds no more than the limit on objects allows.
func (w walker) SkipValue() error {
	_, err := w.ReadValue()
	return err
}
