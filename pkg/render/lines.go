package render

import (
	"bytes"
	"slices"
)

// lines keeps texts that are much alike in a fraction of their size: each line
// is kept once, and a text is the runs of lines it is made of. Of the three
// hundred lines of an agent some ten are its own, so that a large fleet is in
// memory as numbers, checked and ready to be written.
type lines struct {
	text []string
	ids  map[string]uint32 // of each line, by its text
}

// run are lines that follow each other: those from first up to, not including,
// end.
type run struct{ first, end uint32 }

// add keeps a text and returns what append finds it by. A line is sought after
// the line before it, and, where that was the text's own, after the line that
// the text before had in its place.
func (l *lines) add(text []byte) []run {
	var room [64]run
	runs, next, known := room[:0], uint32(len(l.text)), len(l.text)
	for line := range bytes.Lines(text) {
		last := len(runs) - 1
		switch {
		case last >= 0 && l.is(runs[last].end, line):
			runs[last].end++
			next = runs[last].end
			continue
		case !l.is(next, line):
			id := l.id(line)
			if last >= 0 && runs[last].end == id {
				runs[last].end++
			} else {
				runs = append(runs, run{id, id + 1})
			}
		default:
			runs = append(runs, run{next, next + 1})
		}
		next++
	}
	if mostlyNew := 2*(len(l.text)-known) > bytes.Count(text, []byte("\n")); mostlyNew && len(runs) > 1 {
		runs = append(runs[:0], l.model(runs))
	}
	return slices.Clone(runs)
}

// model keeps the lines of a text once more, in one run, for those that follow
// to be like it: a text says some lines more than once.
func (l *lines) model(of []run) run {
	first := uint32(len(l.text))
	for _, r := range of {
		for _, line := range l.text[r.first:r.end] {
			l.ids[line] = uint32(len(l.text))
			l.text = append(l.text, line)
		}
	}
	return run{first, uint32(len(l.text))}
}

// is reports whether there is a line of that id and it is this one.
func (l *lines) is(id uint32, line []byte) bool {
	return int(id) < len(l.text) && l.text[id] == string(line)
}

// id is that of a line, which is new or not.
func (l *lines) id(line []byte) uint32 {
	id, known := l.ids[string(line)]
	if !known {
		id = uint32(len(l.text))
		l.text = append(l.text, string(line))
		l.ids[l.text[id]] = id
	}
	return id
}

// append writes the text that add kept.
func (l *lines) append(dst []byte, runs []run) []byte {
	for _, r := range runs {
		for _, line := range l.text[r.first:r.end] {
			dst = append(dst, line...)
		}
	}
	return dst
}
