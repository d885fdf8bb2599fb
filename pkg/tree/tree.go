// Package tree keeps a directory of generated files in step with what is
// generated, beside files of other origin that it never touches.
//
// An index in the directory lists what was written, with hashes. A file is the
// generator's as long as it is listed and has the hash that is listed; a file
// that is neither, or that somebody edited since, is not overwritten and not
// removed. New says what there is to do, a Plan does it in an order in which it
// can be stopped at any instant: the next plan ends in the same tree.
//
// The package reads through fs.FS and writes through Dir; it opens nothing
// itself. It does not know what the files hold.
package tree

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"iter"
	"maps"
	"path"
	"slices"
	"strings"
)

// File is a generated file. Name is slash-separated and below the directory;
// Objects say what it holds, for people who read the index.
type File struct {
	Name    string
	Data    []byte
	Objects []string
}

// Files gives the generated files, each time anew and the same.
type Files = iter.Seq2[File, error]

// The names of the index and of the journal, which lists what a run that did
// not end was about to write. They have no extension that would make Argo CD
// or kubectl apply -f take them for manifests.
const (
	IndexName   = ".scion-gen-index"
	JournalName = ".scion-gen-journal"
	// TempPrefix starts the names of files that are being written.
	TempPrefix = ".scion-gen-tmp-"
)

// Header is what the index says of the run as a whole. It has no time, host or
// commit: equal input makes an equal index.
type Header struct {
	Generator string `json:"generator"` // such as scion-gen v1.2.0
	Schema    string `json:"schema"`    // of the configuration and of this index
	Input     string `json:"input"`     // digest of the input
	// Parts are the folders that are each of one overlay, where the tree is of
	// several: the same object may be in more than one.
	Parts []string `json:"parts,omitempty"`
}

type index struct {
	Header
	Files map[string]entry `json:"files"`
}

type entry struct {
	Objects []string `json:"objects,omitempty"`
	SHA256  string   `json:"sha256"`
}

// Action is what a Plan does with a file.
type Action string

const (
	Add     Action = "added"
	Change  Action = "changed"
	Remove  Action = "removed"
	Foreign Action = "foreign" // in the way, and not the generator's
	Edited  Action = "edited"  // the generator's, and changed since
)

// Step is one file that is not as it should be.
type Step struct {
	Name   string
	Action Action
}

// Plan is the difference between a directory and what is generated.
type Plan struct {
	Steps []Step // by name
	files Files
	next  index
	write map[string]bool
	first map[string]bool // what is removed before anything is written
	clear []string        // folders in the way that are empty then
	full  map[string]bool // folders in the way that are not
	stale bool            // only the index differs
}

// ErrTaken is the error of New where files of other origin, or edited ones,
// are in the way; its text names them.
var ErrTaken = errors.New("files in the way")

// New compares dir with the files. With force, files of other origin and
// edited ones are overwritten, and edited ones that are no longer generated
// removed; without, they are in Steps as Foreign and Edited. A folder in the
// place of a file is Foreign even so, unless all in it is the generator's.
func New(dir fs.FS, header Header, files Files, force bool) (*Plan, error) {
	owned, current, err := owners(dir)
	if err != nil {
		return nil, err
	}
	p := &Plan{files: files, next: index{header, map[string]entry{}}, write: map[string]bool{}, first: map[string]bool{}, full: map[string]bool{}}
	folded := map[string]folding{}
	for f, err := range files {
		if err != nil {
			return nil, err
		}
		if err := checkName(f.Name, folded); err != nil {
			return nil, err
		}
		p.next.Files[f.Name] = entry{f.Objects, hash(f.Data)}
	}
	c := &comparison{p, dir, owned, force, map[string]bool{}, map[string]bool{}}
	if err := c.all(); err != nil {
		return nil, err
	}
	slices.SortFunc(p.Steps, func(a, b Step) int { return strings.Compare(a.Name, b.Name) })
	p.stale = string(current) != string(p.next.encode())
	return p, nil
}

// Owned are the files that the generator wrote into dir, sorted, whether or not
// they are still there and as they were.
func Owned(dir fs.FS) ([]string, error) {
	owned, _, err := owners(dir)
	return slices.Sorted(maps.Keys(owned)), err
}

// comparison decides, file by file, what a plan does.
type comparison struct {
	*Plan
	dir     fs.FS
	owned   map[string][]string
	force   bool
	removed map[string]bool // files that the plan removes
	blocked map[string]bool // folders that were looked at: whether a file is there
}

func (c *comparison) all() error {
	for _, name := range slices.Sorted(maps.Keys(c.owned)) {
		if _, generated := c.next.Files[name]; generated {
			continue
		}
		if err := c.leftover(name); err != nil {
			return err
		}
	}
	for _, name := range slices.Sorted(maps.Keys(c.next.Files)) {
		if err := c.compare(name); err != nil {
			return err
		}
	}
	return nil
}

// leftover decides about a file of a former run that is generated no more.
func (c *comparison) leftover(name string) error {
	there, err := sumOf(c.dir, name)
	switch {
	case errors.Is(err, fs.ErrNotExist):
	case err != nil:
		return err
	case there == folderSum: // what was written is gone
	case slices.Contains(c.owned[name], there) || c.force:
		c.remove(name)
	default:
		c.step(name, Edited)
	}
	return nil
}

// compare decides about a generated file.
func (c *comparison) compare(name string) error {
	blocked, err := c.inTheWay(path.Dir(name))
	if err != nil {
		return err
	}
	if blocked {
		c.put(name, Add)
		return nil
	}
	sum := c.next.Files[name].SHA256
	there, err := sumOf(c.dir, name)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		c.put(name, Add)
	case err != nil:
		return err
	case there == sum: // also where it is not ours: it says what we would say
	case there == folderSum:
		return c.overFolder(name)
	case slices.Contains(c.owned[name], there) || c.force:
		c.put(name, Change)
	case len(c.owned[name]) > 0:
		c.step(name, Edited)
	default:
		c.step(name, Foreign)
	}
	return nil
}

// inTheWay reports whether a file is where a folder has to be, and decides about
// that file. A folder with an index is the tree of somebody else.
func (c *comparison) inTheWay(folder string) (bool, error) {
	if folder == "." {
		return false, nil
	}
	if blocked, known := c.blocked[folder]; known {
		return blocked, nil
	}
	blocked, err := c.inTheWay(path.Dir(folder))
	if err != nil || blocked {
		c.blocked[folder] = blocked
		return blocked, err
	}
	there, err := sumOf(c.dir, folder)
	switch {
	case errors.Is(err, fs.ErrNotExist):
	case err != nil:
		return false, err
	case there == folderSum:
		if _, err := fs.Lstat(c.dir, path.Join(folder, IndexName)); err == nil {
			return false, fmt.Errorf("%s is a tree of its own, for it has a %s; remove that file, or write elsewhere", folder, IndexName)
		}
	case there == linkSum: // whether it can be followed shows when it is
	default:
		blocked = true
		c.first[folder] = true
		if c.force && !c.removed[folder] {
			c.remove(folder)
		}
		if !c.removed[folder] && len(c.owned[folder]) == 0 { // else it is Edited
			c.step(folder, Foreign)
		}
	}
	c.blocked[folder] = blocked
	return blocked, nil
}

// overFolder decides about a file where there is a folder: it takes the place of
// one that has nothing but leftovers in it.
func (c *comparison) overFolder(name string) error {
	var leftovers []string
	taken := false
	err := fs.WalkDir(c.dir, name, func(at string, entry fs.DirEntry, err error) error {
		if err == nil && !entry.IsDir() {
			leftovers = append(leftovers, at)
			taken = taken || !c.removed[at]
		}
		return err
	})
	if err != nil {
		return err
	}
	if taken {
		c.full[name] = true
		c.step(name, Foreign)
		return nil
	}
	for _, at := range leftovers {
		c.first[at] = true
	}
	c.clear = append(c.clear, name)
	c.put(name, Add)
	return nil
}

func (p *Plan) put(name string, action Action) {
	p.step(name, action)
	p.write[name] = true
}

func (c *comparison) remove(name string) {
	c.step(name, Remove)
	c.removed[name] = true
}

func (p *Plan) step(name string, action Action) {
	p.Steps = append(p.Steps, Step{name, action})
}

// Clean reports whether the directory is just what is generated.
func (p *Plan) Clean() bool { return len(p.Steps) == 0 && !p.stale }

// Taken is an ErrTaken with the files in the way, or nil.
func (p *Plan) Taken() error {
	var lines []string
	for _, s := range p.Steps {
		switch {
		case p.full[s.Name]:
			lines = append(lines, s.Name+": is a folder with files that are not of scion-gen, which --force does not remove")
		case s.Action == Foreign:
			lines = append(lines, s.Name+": was not written by scion-gen")
		case s.Action == Edited:
			lines = append(lines, s.Name+": was edited since scion-gen wrote it")
		}
	}
	if lines == nil {
		return nil
	}
	return fmt.Errorf("%w; move them away, or take them over with --force\n%s", ErrTaken, strings.Join(lines, "\n"))
}

// Dir is a directory that can be written to. Names are slash-separated and
// below it.
type Dir interface {
	// Write makes a file, or puts it in the place of another at once, and the
	// folders above it.
	Write(name string, data []byte) error
	// Remove removes a file; one that is not there is no error.
	Remove(name string) error
	// Prune removes a folder and those above it as long as they are empty.
	Prune(name string)
}

// Apply makes the directory what is generated. It must not be called where
// Taken is not nil. Each file is whole at every instant, and the index is
// written last; a journal before the first file tells the next run which files
// are ours if this one is stopped.
func (p *Plan) Apply(dir Dir) error {
	if p.Clean() {
		return nil
	}
	if err := p.Taken(); err != nil {
		return err
	}
	if len(p.write) > 0 || len(p.first) > 0 {
		if err := dir.Write(JournalName, p.next.encode()); err != nil {
			return err
		}
	}
	if err := p.remove(dir, true); err != nil {
		return err
	}
	for _, folder := range p.clear {
		dir.Prune(folder)
	}
	for f, err := range p.files {
		if err != nil {
			return err
		}
		if !p.write[f.Name] {
			continue
		}
		if err := dir.Write(f.Name, f.Data); err != nil {
			return err
		}
	}
	if err := p.remove(dir, false); err != nil {
		return err
	}
	if err := dir.Write(IndexName, p.next.encode()); err != nil {
		return err
	}
	return dir.Remove(JournalName)
}

// remove removes what is to go, either what is in the way or all else.
func (p *Plan) remove(dir Dir, first bool) error {
	for _, s := range p.Steps {
		if s.Action != Remove || p.first[s.Name] != first {
			continue
		}
		if err := dir.Remove(s.Name); err != nil {
			return err
		}
		dir.Prune(path.Dir(s.Name))
	}
	return nil
}

// Parts are those of an index, in whose data they are; none of what is no index.
func Parts(data []byte) []string {
	var parts []string
	for _, side := range sides(data) {
		var i index
		if json.Unmarshal(side, &i) == nil {
			parts = append(parts, i.Parts...)
		}
	}
	return parts
}

// owners are the hashes under which each file is known as the generator's, from
// the index and, where a run was stopped, the journal; and the index itself.
func owners(dir fs.FS) (owned map[string][]string, current []byte, err error) {
	owned = map[string][]string{}
	for _, name := range []string{IndexName, JournalName} {
		data, err := fs.ReadFile(dir, name)
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			return nil, nil, err
		}
		for _, side := range sides(data) {
			var i index
			if err := json.Unmarshal(side, &i); err != nil {
				return nil, nil, fmt.Errorf("%s is not an index: %w; restore it from git, or remove it and use --force", name, err)
			}
			for file, e := range i.Files {
				if fs.ValidPath(file) {
					owned[file] = append(owned[file], e.SHA256)
				}
			}
		}
		current = data
		if name == JournalName {
			current = nil // there is something to finish, if only to remove the journal
		}
	}
	return owned, current, nil
}

// sides are the two texts that a merge of git could not bring together, or the one
// that there is: what either side wrote is the generator's.
func sides(data []byte) [][]byte {
	if !bytes.HasPrefix(data, []byte("<<<<<<< ")) && !bytes.Contains(data, []byte("\n<<<<<<< ")) {
		return [][]byte{data}
	}
	const both, ours, base, theirs = 0, 1, 2, 3
	var out [2][]byte
	part := both
	for line := range bytes.Lines(data) {
		switch {
		case bytes.HasPrefix(line, []byte("<<<<<<< ")):
			part = ours
		case bytes.HasPrefix(line, []byte("||||||| ")):
			part = base
		case part != both && bytes.HasPrefix(line, []byte("=======")):
			part = theirs
		case part == theirs && bytes.HasPrefix(line, []byte(">>>>>>> ")):
			part = both
		default:
			if part == both || part == ours {
				out[0] = append(out[0], line...)
			}
			if part == both || part == theirs {
				out[1] = append(out[1], line...)
			}
		}
	}
	return out[:]
}

// encode is the index as JSON, a line a file, so that git merges it.
func (i index) encode() []byte {
	data, err := json.MarshalIndent(i, "", "  ")
	if err != nil {
		panic(err) // strings always marshal
	}
	return append(data, '\n')
}

func hash(data []byte) string {
	sum := sha256.Sum256(data)
	return hex.EncodeToString(sum[:])
}

// What sumOf says of what is no regular file: it is not ours, and is not read.
const (
	folderSum = "a folder"
	linkSum   = "a link"
	otherSum  = "a device or the like"
)

// sumOf is the hash of a file. A file below another file is none.
func sumOf(dir fs.FS, name string) (string, error) {
	info, err := fs.Lstat(dir, name)
	switch {
	case err != nil && belowFile(dir, name):
		return "", fs.ErrNotExist
	case err != nil:
		return "", err
	case info.IsDir():
		return folderSum, nil
	case info.Mode()&fs.ModeSymlink != 0:
		return linkSum, nil
	case !info.Mode().IsRegular():
		return otherSum, nil
	}
	data, err := fs.ReadFile(dir, name)
	if err != nil {
		return "", err
	}
	return hash(data), nil
}

// belowFile reports whether what should be a folder above name is a file.
func belowFile(dir fs.FS, name string) bool {
	for folder := path.Dir(name); folder != "."; folder = path.Dir(folder) {
		if info, err := fs.Lstat(dir, folder); err == nil {
			return !info.IsDir() && info.Mode()&fs.ModeSymlink == 0
		}
	}
	return false
}

// maxName is the length that every file system takes for one name, in bytes.
const maxName = 255

// folding is a file or folder, by its name in lower case.
type folding struct {
	name   string
	folder bool
}

// checkName refuses names that some file system cannot hold, two names that are
// one where case does not count, as on macOS and Windows, and a file that is a
// folder of another.
func checkName(name string, folded map[string]folding) error {
	if !fs.ValidPath(name) || name == "." {
		return fmt.Errorf("%q is not a file name below the directory", name)
	}
	for part := range strings.SplitSeq(name, "/") {
		stem, _, _ := strings.Cut(strings.ToLower(part), ".")
		switch {
		case len(part) > maxName:
			return fmt.Errorf("%q is longer than %d bytes", part, maxName)
		case strings.ContainsAny(part, `<>:"|?*\`) || strings.ContainsFunc(part, func(r rune) bool { return r < ' ' }):
			return fmt.Errorf("%q has a character that Windows does not take in names", part)
		case strings.HasSuffix(part, ".") || strings.HasSuffix(part, " "):
			return fmt.Errorf("%q ends in a dot or a space, which Windows drops", part)
		case slices.Contains([]string{"con", "prn", "aux", "nul"}, stem), len(stem) == 4 && (strings.HasPrefix(stem, "com") || strings.HasPrefix(stem, "lpt")) && stem[3] >= '0' && stem[3] <= '9':
			return fmt.Errorf("%q is the name of a device on Windows", part)
		}
	}
	for at, folder := name, false; at != "."; at, folder = path.Dir(at), true {
		key := strings.ToLower(at)
		other, known := folded[key]
		switch {
		case known && other.name != at, known && !folder && !other.folder:
			return fmt.Errorf("%s and %s are one file where case does not count", other.name, at)
		case known && other.folder != folder:
			return fmt.Errorf("%s would be a file and a folder", at)
		case known:
			return nil // and so are those above it
		}
		folded[key] = folding{at, folder}
	}
	return nil
}
