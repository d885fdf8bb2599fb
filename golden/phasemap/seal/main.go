// Command seal brings what is listed about the cases of the golden suite up to
// date after cases were added: ledger.txt, suite.json, rules.json and lists/. Run
// it from the root of the repository:
//
//	go run ./golden/phasemap/seal
//
// It is apart from the commands that rewrite golden files on purpose, and it
// refuses what others rely on never to happen within a major version: a case
// that is gone or asks or expects something else, and a case more in a version
// that was released. What was promised is in ledger.txt, to which it only adds.
package main

import (
	"bytes"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"

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
	ledger, err := golden.ReadLedger(root)
	if err != nil {
		return err
	}
	cases, err := update(root, &suite)
	if err != nil {
		return err
	}
	if ledger, err = golden.Extend(ledger, suite.Version, cases); err != nil {
		return err
	}
	err = errors.Join(
		writeLines(filepath.Join(dir, "ledger.txt"), ledger),
		writeJSON(dir, "suite.json", suite),
		writeJSON(dir, "rules.json", phasemap.Rules()),
	)
	for name, paths := range golden.Lists(suite.Version, cases) {
		err = errors.Join(err, writeLines(filepath.Join(dir, "lists", name), paths))
	}
	if err != nil {
		return err
	}
	return golden.Verify(root)
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
	return c, golden.File{Path: path, SHA256: fmt.Sprintf("%x", sha256.Sum256(data))}, nil
}

func writeLines[T any](name string, lines []T) error {
	var text bytes.Buffer
	for _, line := range lines {
		fmt.Fprintln(&text, line)
	}
	return os.WriteFile(name, text.Bytes(), 0o644)
}

func writeJSON(dir, name string, v any) error {
	data, err := json.MarshalIndent(v, "", "  ")
	if err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(dir, name), append(data, '\n'), 0o644)
}
