package phasemap

import (
	"bytes"
	"crypto/sha256"
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"strconv"
	"strings"
)

// released are the versions that were given out: how many lines the ledger had
// then, and the hash of these. It is code so that no run of a command and no
// change below v1 makes a changed expectation pass. It is only appended to: who
// has to change an entry is about to break every poller, and wants a v2.
var released = []release{
	{"1.0.0", 733, "9c5d3feccac257171c00ac8043826f7fc57d0cf0b2e7ccd00b138b3e471af0a0"},
}

type release struct {
	version string
	lines   int
	sha256  string
}

// Entry is a line of ledger.txt, which says what was promised of each case, in
// the order in which cases came. Lines are only added.
type Entry struct {
	Since       string // the version that brought the case
	Path        string
	Fingerprint string // see Case.Fingerprint
}

func (e Entry) String() string { return e.Since + " " + e.Path + " " + e.Fingerprint }

const ledgerFile = "ledger.txt"

// ReadLedger reads ledger.txt. One that does not begin with the lines of the
// released versions is an error.
func ReadLedger(fsys fs.FS) ([]Entry, error) {
	data, err := fs.ReadFile(fsys, ledgerFile)
	if err != nil {
		return nil, err
	}
	lines := bytes.SplitAfter(data, []byte("\n"))
	for _, r := range released {
		if len(lines) < r.lines || fmt.Sprintf("%x", sha256.Sum256(bytes.Join(lines[:r.lines], nil))) != r.sha256 {
			return nil, fmt.Errorf("%s: line 1 to %d are not those of the released version %s; another expectation takes a new major version",
				ledgerFile, r.lines, r.version)
		}
	}
	var entries []Entry
	for i, line := range lines[:len(lines)-1] {
		words := strings.Fields(string(line))
		if len(words) != 3 {
			return nil, fmt.Errorf("%s:%d: not a version, a path and a fingerprint", ledgerFile, i+1)
		}
		entries = append(entries, Entry{words[0], words[1], words[2]})
	}
	return entries, nil
}

// Extend returns a ledger with a line more for each case that it does not have,
// in the order of their paths. It is an error if a case of the ledger is gone,
// or asks, requires or expects something else, and if a case comes with a
// version other than the one in the making.
func Extend(ledger []Entry, version string, cases []Case) ([]Entry, error) {
	var errs []error
	refuse := func(format string, args ...any) { errs = append(errs, fmt.Errorf(format, args...)) }
	known := map[string]Entry{}
	for _, entry := range ledger {
		known[entry.Path] = entry
	}
	var added []Entry
	for _, c := range cases {
		entry, err := c.entry()
		if err != nil {
			return nil, err
		}
		was, isKnown := known[entry.Path]
		delete(known, entry.Path)
		switch {
		case isKnown && was.Fingerprint != entry.Fingerprint:
			refuse("%s: asks, requires or expects something else; that takes a new major version", entry.Path)
		case isKnown && was.Since != entry.Since:
			refuse("%s: is since %s, not %s", entry.Path, was.Since, entry.Since)
		case !isKnown && entry.Since != minorOf(version)+".0":
			refuse("%s: is since %s; suite.json makes version %s", entry.Path, entry.Since, version)
		case !isKnown && slices.ContainsFunc(released, func(r release) bool { return r.version == entry.Since }):
			refuse("%s: version %s is released; new cases make the next minor version in suite.json, and are since that", entry.Path, entry.Since)
		case !isKnown:
			added = append(added, entry)
		}
	}
	for _, entry := range ledger {
		if _, gone := known[entry.Path]; gone {
			refuse("%s: gone; that takes a new major version", entry.Path)
		}
	}
	slices.SortFunc(added, func(a, b Entry) int { return strings.Compare(a.Path, b.Path) })
	return slices.Concat(ledger, added), errors.Join(errs...)
}

func (c Case) entry() (Entry, error) {
	fingerprint, err := c.Fingerprint()
	return Entry{c.Since, c.Path(), fingerprint}, err
}

// minorOf is 1.4 of 1.4.2.
func minorOf(version string) string {
	parts := strings.SplitN(version, ".", 3)
	return strings.Join(parts[:min(2, len(parts))], ".")
}

// minor is the 4 of 1.4.2, -1 if there is none.
func minor(version string) int {
	_, number, _ := strings.Cut(minorOf(version), ".")
	n, err := strconv.Atoi(number)
	if err != nil {
		return -1
	}
	return n
}

// Lists returns what is in lists/: by name, for each minor version up to this
// one, the paths of the cases that a claimant of a profile is asked.
func Lists(version string, cases []Case) map[string][]string {
	lists := map[string][]string{}
	for n := range minor(version) + 1 {
		for _, c := range cases {
			for _, profile := range c.Requires {
				if minor(c.Since) <= n {
					name := fmt.Sprintf("%s-1.%d.txt", profile, n)
					lists[name] = append(lists[name], c.Path())
				}
			}
		}
	}
	return lists
}
