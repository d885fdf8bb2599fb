package phasemap

import (
	"bytes"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"slices"
	"strings"
)

// Verify reports all that is not as it must be in a suite, such as [V1] or a
// copy of it: files that are listed and missing or the other way round, files
// and cases that are not those of the lists, rules, options and defaults that no
// case is about. The schemas are not looked at.
func Verify(fsys fs.FS) error {
	suite, cases, err := Load(fsys)
	if err != nil {
		return err
	}
	ledger, err := ReadLedger(fsys)
	if err != nil {
		return err
	}
	v := verifier{fsys: fsys, suite: suite, cases: cases}
	if !strings.HasPrefix(suite.Version, "1.") {
		v.report("suite.json: version %s is not one of v1", suite.Version)
	}
	v.ledger(ledger)
	v.files()
	v.lists()
	v.ids()
	v.rules()
	v.options()
	return errors.Join(v.errs...)
}

type verifier struct {
	fsys  fs.FS
	suite Suite
	cases []Case // of suite.Files, in their order
	errs  []error
}

func (v *verifier) report(format string, args ...any) {
	v.errs = append(v.errs, fmt.Errorf(format, args...))
}

// ledger checks that each case is what it was when its version was made.
func (v *verifier) ledger(ledger []Entry) {
	extended, err := Extend(ledger, v.suite.Version, v.cases)
	if err != nil {
		v.errs = append(v.errs, err)
	}
	for _, entry := range extended[min(len(ledger), len(extended)):] {
		v.report("%s: not in %s", entry.Path, ledgerFile)
	}
}

// files checks that suite.json lists the cases that there are, to the byte.
func (v *verifier) files() {
	listed := map[string]bool{}
	for i, file := range v.suite.Files {
		listed[file.Path] = true
		if path := v.cases[i].Path(); path != file.Path {
			v.report("%s: its id and group belong to %s", file.Path, path)
		}
		if data, err := fs.ReadFile(v.fsys, file.Path); err != nil || fmt.Sprintf("%x", sha256.Sum256(data)) != file.SHA256 {
			v.report("%s: not the file that suite.json lists", file.Path)
		}
	}
	for _, path := range v.below("cases") {
		if !listed[path] {
			v.report("%s: not in suite.json", path)
		}
	}
}

// below returns the files below a folder, sorted.
func (v *verifier) below(dir string) []string {
	var paths []string
	err := fs.WalkDir(v.fsys, dir, func(path string, d fs.DirEntry, err error) error {
		if err == nil && !d.IsDir() {
			paths = append(paths, path)
		}
		return err
	})
	if err != nil {
		v.errs = append(v.errs, err)
	}
	return paths
}

func (v *verifier) lists() {
	lists := Lists(v.suite.Version, v.cases)
	for _, name := range slices.Sorted(maps.Keys(lists)) {
		data, err := fs.ReadFile(v.fsys, "lists/"+name)
		if err != nil {
			v.errs = append(v.errs, err)
			continue
		}
		found := strings.Fields(string(data))
		for _, path := range lists[name] {
			if !slices.Contains(found, path) {
				v.report("%s: not in lists/%s", path, name)
			}
		}
		for _, path := range found {
			if !slices.Contains(lists[name], path) {
				v.report("lists/%s: has %s, which is not of that profile and version", name, path)
			}
		}
	}
	for _, path := range v.below("lists") {
		if name := strings.TrimPrefix(path, "lists/"); lists[name] == nil {
			v.report("%s: no list of this suite", path)
		}
	}
}

// ids checks that no id is used twice, and that no two cases are the same.
func (v *verifier) ids() {
	ids, questions := map[string]bool{}, map[string]string{}
	for _, c := range v.cases {
		if ids[c.ID] {
			v.report("%s: its id is used twice", c.Path())
		}
		ids[c.ID] = true
		id := c.ID
		c.ID = ""
		fingerprint, err := c.Fingerprint()
		if err != nil {
			v.errs = append(v.errs, err)
		}
		if other, taken := questions[fingerprint]; taken {
			v.report("%s and %s are the same", other, id)
		}
		questions[fingerprint] = id
	}
}

func (v *verifier) rules() {
	missing, unsaid := maps.Clone(v.suite.Rules), maps.Clone(v.suite.Rules)
	for _, c := range v.cases {
		id, reason := text(c.Expect["rule"]), text(c.Expect["reason"])
		own, known := v.suite.Rules[id]
		if !known {
			v.report("%s: expects rule %q, which suite.json does not have", c.Path(), id)
		}
		if _, says := c.Expect["reason"]; says && own != "" && own != reason {
			v.report("%s: expects reason %s of %s, which has %s", c.Path(), reason, id, own)
		}
		delete(missing, id)
		if reason == own {
			delete(unsaid, id)
		}
	}
	for _, id := range slices.Sorted(maps.Keys(missing)) {
		v.report("rule %s: no case", id)
	}
	for _, id := range slices.Sorted(maps.Keys(unsaid)) {
		if reason := unsaid[id]; reason != "" {
			v.report("rule %s: no case expects its reason %s", id, reason)
		}
	}
}

func (v *verifier) options() {
	missing := maps.Clone(v.suite.Defaults)
	for _, c := range v.cases {
		var options map[string]json.RawMessage
		if err := json.Unmarshal(c.Options, &options); err != nil {
			v.report("%s: options: %w", c.Path(), err)
		}
		for _, name := range slices.Sorted(maps.Keys(options)) {
			if bytes.Equal(options[name], v.suite.Defaults[name]) {
				v.report("%s: option %s is written out though it is the default", c.Path(), name)
			}
			delete(missing, name)
		}
	}
	for _, name := range slices.Sorted(maps.Keys(missing)) {
		v.report("option %s: no case with another value than the default", name)
	}
}

// text is the empty string for what is none.
func text(raw json.RawMessage) string {
	var s string
	if json.Unmarshal(raw, &s) != nil {
		return ""
	}
	return s
}
