package podstream

import (
	"bytes"
	"errors"
	"io"
)

// blockSize is how much is read at a time, and how far back of the last read
// a position can still be told by line and column.
const blockSize = 64 << 10

// maxObject is the size of the largest object taken. etcd refuses objects
// beyond 1.5 MiB, which the indentation of kubectl makes less than 5: more than
// this is no Pod.
const maxObject = 8 << 20

var errTooLarge = errors.New("an object is larger than 8 MiB")

// source hands out the input in blocks, keeps the last two of them to find
// lines in, and stops at a limit that moves along with the objects.
type source struct {
	r     io.Reader
	block [2][]byte // the block before, and the one being handed out
	start place     // of the first byte kept
	last  place     // told last: the next is counted from there
	used  int       // bytes handed out of block[1]
	limit int64     // offset beyond which nothing is read
	err   error     // of the last read of r

	line, column int // if set, all positions are here: the text stands for some YAML
}

// place is an offset and what is known of the lines before it.
type place struct {
	offset int64
	breaks int   // line breaks before offset
	bol    int64 // offset at which the line of offset begins
}

// after is the place behind text that starts at p.
func (p place) after(text []byte) place {
	if i := bytes.LastIndexByte(text, '\n'); i >= 0 {
		p.bol = p.offset + int64(i) + 1
		p.breaks += bytes.Count(text, []byte{'\n'})
	}
	p.offset += int64(len(text))
	return p
}

func newSource(r io.Reader) *source {
	s := &source{block: [2][]byte{make([]byte, 0, blockSize), make([]byte, 0, blockSize)}}
	s.reset(r)
	return s
}

// reset starts anew with r.
func (s *source) reset(r io.Reader) {
	*s = source{r: r, block: [2][]byte{s.block[0][:0], s.block[1][:0]}, limit: maxObject}
}

// Read implements io.Reader.
func (s *source) Read(p []byte) (int, error) {
	if s.used == len(s.block[1]) {
		if s.end() >= s.limit {
			return 0, errTooLarge
		}
		if err := s.more(); err != nil {
			return 0, err
		}
	}
	n := copy(p, s.block[1][s.used:])
	s.used += n
	return n, nil
}

var errUTF16 = errors.New("the text is UTF-16; save it as UTF-8")

// sniff returns the first character that is no space, without consuming it. A
// byte order mark is dropped. The error is io.EOF if there is no character.
func (s *source) sniff() (byte, error) {
	for {
		err := s.more()
		start := s.block[1]
		switch {
		case bytes.HasPrefix(start, []byte("\xFF\xFE")), bytes.HasPrefix(start, []byte("\xFE\xFF")):
			return 0, errUTF16
		case bytes.HasPrefix(start, []byte("\xEF\xBB\xBF")):
			s.used = 3
		}
		rest := bytes.TrimLeft(start[s.used:], " \t\r\n")
		switch {
		case len(rest) > 0 && (len(start) >= 3 || err != nil): // three bytes tell a mark
			return rest[0], nil
		case err != nil:
			return 0, err
		case len(start) == blockSize:
			return '{', nil // only space so far: JSON may begin like that
		}
	}
}

// more reads once, in place of the older block if the newer one is full. A
// block fills up before that, so that what small reads brought is kept too.
func (s *source) more() error {
	if s.err != nil {
		return s.err
	}
	if len(s.block[1]) == blockSize {
		s.drop()
	}
	block := s.block[1]
	n, err := s.r.Read(block[len(block):blockSize])
	s.block[1] = block[:len(block)+n]
	s.err = err
	if n > 0 {
		return nil
	}
	return err // nil too: the caller of Read asks again
}

// drop forgets the older block and puts the newer one in its place.
func (s *source) drop() {
	s.start = s.start.after(s.block[0])
	if s.last.offset < s.start.offset {
		s.last = s.start
	}
	s.block[0], s.block[1] = s.block[1], s.block[0][:0]
	s.used = 0
}

// end is the offset of the first byte not read yet.
func (s *source) end() int64 {
	return s.start.offset + int64(len(s.block[0])+len(s.block[1]))
}

// allow lets one object be read from offset on.
func (s *source) allow(offset int64) { s.limit = offset + maxObject }

// position tells line and column of an offset, both from one; zeros if the
// offset lies before what is kept. Columns count bytes, as compilers do.
func (s *source) position(offset int64) (line, column int) {
	if s.line > 0 {
		return s.line, s.column
	}
	if offset < s.start.offset || offset > s.end() {
		return 0, 0
	}
	if offset < s.last.offset {
		s.last = s.start
	}
	for _, text := range s.between(s.last.offset, offset) {
		s.last = s.last.after(text)
	}
	return s.last.breaks + 1, int(offset-s.last.bol) + 1
}

// between is the text from one offset to another, in both blocks.
func (s *source) between(from, to int64) [2][]byte {
	var text [2][]byte
	at := s.start.offset
	for i, b := range s.block {
		end := at + int64(len(b))
		text[i] = b[min(max(from, at), end)-at : min(max(to, at), end)-at]
		at = end
	}
	return text
}
