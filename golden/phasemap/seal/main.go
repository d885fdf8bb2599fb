// Command seal brings what is listed about the cases of the golden suite up to
// date after cases were added: suite.json, rules.json and lists/. Run it from
// the root of the repository:
//
//	go run ./golden/phasemap/seal
//
// It is apart from the commands that rewrite golden files on purpose, and it
// refuses what others rely on never to happen within a major version: a case
// that is gone or asks or expects something else, a rule that is gone or has
// another reason. That takes a new folder, v2.
package main

import (
	"bytes"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"

	golden "github.com/scion-gen/scion-gen/golden/phasemap"
	"github.com/scion-gen/scion-gen/pkg/phasemap"
)

const dir = "golden/phasemap/v1"

func main() {
	if err := seal(dir); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func seal(dir string) error {
	root := os.DirFS(dir)
	suite, err := golden.ReadSuite(root)
	if err != nil {
		return err
	}
	old := suite
	cases, err := update(root, &suite)
	if err != nil {
		return err
	}
	if err := compare(old, suite); err != nil {
		return err
	}
	return errors.Join(
		writeJSON(dir, "suite.json", suite),
		writeJSON(dir, "rules.json", phasemap.Rules()),
		writeLists(dir, suite.Version, cases),
	)
}

// update lists in suite what there is now.
func update(root fs.FS, suite *golden.Suite) ([]golden.Case, error) {
	paths, err := fs.Glob(root, "cases/*/*.json")
	if err != nil {
		return nil, err
	}
	slices.Sort(paths)
	suite.Files = nil
	var cases []golden.Case
	for _, path := range paths {
		c, file, err := read(root, path)
		if err != nil {
			return nil, err
		}
		cases = append(cases, c)
		suite.Files = append(suite.Files, file)
	}
	suite.Rules = map[string]string{}
	for _, rule := range phasemap.Rules() {
		suite.Rules[rule.ID] = rule.Reason
	}
	suite.Fields = phasemap.Fields()
	return cases, nil
}

func read(root fs.FS, path string) (c golden.Case, file golden.File, err error) {
	if c, err = golden.ReadCase(root, path); err != nil {
		return c, file, err
	}
	if c.Path() != path {
		return c, file, fmt.Errorf("%s: its id and group belong to %s", path, c.Path())
	}
	data, err := fs.ReadFile(root, path)
	if err != nil {
		return c, file, err
	}
	fingerprint, err := c.Fingerprint()
	return c, golden.File{Path: path, SHA256: fmt.Sprintf("%x", sha256.Sum256(data)), Fingerprint: fingerprint}, err
}

// compare refuses what only a new major version may do.
func compare(old, suite golden.Suite) error {
	var errs []error
	refuse := func(format string, args ...any) {
		errs = append(errs, fmt.Errorf(format+"; that takes a new major version", args...))
	}
	for _, was := range old.Files {
		i := slices.IndexFunc(suite.Files, func(f golden.File) bool { return f.Path == was.Path })
		switch {
		case i < 0:
			refuse("%s: gone", was.Path)
		case suite.Files[i].Fingerprint != was.Fingerprint:
			refuse("%s: asks or expects something else", was.Path)
		}
	}
	for _, id := range slices.Sorted(maps.Keys(old.Rules)) {
		if reason, known := suite.Rules[id]; !known || reason != old.Rules[id] {
			refuse("rule %s: gone, or its reason %q is another", id, old.Rules[id])
		}
	}
	return errors.Join(errs...)
}

// writeLists writes one list of cases a profile for this minor version. Those
// of earlier versions stay as they are.
func writeLists(dir, version string, cases []golden.Case) error {
	minor := version[:strings.LastIndex(version, ".")]
	for _, profile := range golden.ProfileNames() {
		var list bytes.Buffer
		for _, c := range cases {
			if slices.Contains(c.Requires, profile) {
				fmt.Fprintln(&list, c.Path())
			}
		}
		if list.Len() == 0 {
			continue // rules asks more of an answer, not more questions
		}
		name := filepath.Join(dir, "lists", profile+"-"+minor+".txt")
		if err := os.WriteFile(name, list.Bytes(), 0o644); err != nil {
			return err
		}
	}
	return nil
}

func writeJSON(dir, name string, v any) error {
	data, err := json.MarshalIndent(v, "", "  ")
	if err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(dir, name), append(data, '\n'), 0o644)
}
