package main

import (
	"bufio"
	"cmp"
	"fmt"
	"io"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/scion-gen/scion-gen/pkg/phasemap"

	"k8s.io/apimachinery/pkg/util/duration"
)

// table aligns agents in columns as kubectl does. It holds back rows until a
// flush to learn the widths, which only grow.
type table struct {
	w      *bufio.Writer
	wide   bool
	color  bool
	now    func() time.Time
	header []string // nil once there is a row below it
	widths []int
	rows   [][]string
}

const phaseColumn = 2

func newTable(w io.Writer, wide, color bool, now func() time.Time) *table {
	t := &table{w: bufio.NewWriter(w), wide: wide, color: color, now: now}
	header := []string{"NAMESPACE", "AGENT", "PHASE", "REASON", "AGE", "HINT"}
	if wide {
		header = append(header, "GROVE", "RULE", "POD", "NODE", "EXIT", "MESSAGE")
	}
	t.widths = make([]int, len(header))
	// A watch shows one row at a time: no phase is wider than this.
	t.widths[phaseColumn] = len(phasemap.Provisioning)
	t.header = header
	return t
}

func (t *table) print(a agent) error {
	if t.header != nil {
		t.rows, t.header = append(t.rows, t.header), nil
	}
	t.rows = append(t.rows, t.row(a))
	return nil
}

func (t *table) row(a agent) []string {
	s := a.status
	row := []string{a.namespace, a.name, string(s.Phase), s.Reason, t.age(a), s.Hint.Text}
	if t.wide {
		row = append(row, a.grove, s.Rule, a.pod.name, a.pod.node, s.ExitCode.String(), s.Message)
	}
	for i, cell := range row {
		row[i] = cmp.Or(oneLine(cell), "-")
	}
	return row
}

// age is how long ago the Pod was created, as kubectl prints it.
func (t *table) age(a agent) string {
	now := t.now()
	if a.pod.created.IsZero() || now.IsZero() {
		return ""
	}
	return duration.HumanDuration(now.Sub(a.pod.created))
}

// flush writes the rows held back.
func (t *table) flush() error {
	for _, row := range t.rows {
		for i, cell := range row {
			t.widths[i] = max(t.widths[i], utf8.RuneCountInString(cell))
		}
	}
	for _, row := range t.rows {
		t.write(row)
	}
	t.rows = t.rows[:0]
	return t.w.Flush()
}

func (t *table) write(row []string) {
	last := len(row) - 1
	for i, cell := range row[:last] {
		space := strings.Repeat(" ", t.widths[i]-utf8.RuneCountInString(cell)+3)
		if i == phaseColumn && t.color {
			cell = colored(cell)
		}
		t.w.WriteString(cell + space)
	}
	t.w.WriteString(row[last] + "\n")
}

func (t *table) close() error { return t.flush() }

// colored puts a phase in its colour, by what it asks of a person.
func colored(phase string) string {
	code := 0
	switch phasemap.Phase(phase) {
	case phasemap.Error:
		code = 31 // red: look here
	case phasemap.Running:
		code = 32 // green: all is well
	case phasemap.Provisioning, phasemap.Cloning, phasemap.Starting, phasemap.Stopping:
		code = 33 // yellow: on the way
	case phasemap.Created, phasemap.Stopped:
		code = 90 // grey: nothing there
	default:
		return phase // the header
	}
	return fmt.Sprintf("\x1b[%dm%s\x1b[0m", code, phase)
}

// oneLine makes text of a cluster safe for a terminal: line breaks become
// spaces, and no escape sequence survives (CVE-2021-25743).
func oneLine(text string) string {
	return strings.Map(func(r rune) rune {
		switch {
		case unicode.IsSpace(r):
			return ' '
		case !unicode.IsPrint(r):
			return utf8.RuneError
		}
		return r
	}, text)
}
