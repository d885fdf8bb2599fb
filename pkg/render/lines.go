package render

import "bytes"

// lines keeps texts that are much alike in a fraction of their size: each line
// is kept once. Of the three hundred lines of an agent some ten are its own, so
// that a large fleet is in memory as numbers, checked and ready to be written.
type lines struct {
	ids  map[string]uint32
	text []string
	last []uint32 // what add returned last: the next text is mostly the same
}

// add keeps a text and returns what at finds it by.
func (l *lines) add(text []byte) []uint32 {
	ids := make([]uint32, 0, bytes.Count(text, []byte("\n"))+1)
	for line := range bytes.Lines(text) {
		if i := len(ids); i < len(l.last) && l.text[l.last[i]] == string(line) {
			ids = append(ids, l.last[i])
			continue
		}
		id, known := l.ids[string(line)]
		if !known {
			id = uint32(len(l.text))
			l.text = append(l.text, string(line))
			l.ids[l.text[id]] = id
		}
		ids = append(ids, id)
	}
	l.last = ids
	return ids
}

// append writes the text that add kept.
func (l *lines) append(dst []byte, ids []uint32) []byte {
	for _, id := range ids {
		dst = append(dst, l.text[id]...)
	}
	return dst
}
