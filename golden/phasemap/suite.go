// Package phasemap holds the golden suite of phases: what a poller in any
// language must answer for given Pods. It is data; v1/suite.json says what is in
// it, v1/schema what a case looks like, docs/phases.md how to run it.
//
// A Go poller runs it with pkg/phasemap/phasemaptest, any other program with
// scion-gen conformance.
package phasemap

import (
	"bytes"
	"crypto/sha256"
	"embed"
	"encoding/json"
	"fmt"
	"io/fs"
)

//go:embed v1
var files embed.FS

// V1 returns version 1 of the suite: suite.json, ledger.txt, rules.json, cases,
// lists and schema. Expectations in it never change; a changed one would be version 2.
func V1() fs.FS {
	v1, err := fs.Sub(files, "v1")
	if err != nil {
		panic(err) // the name is a constant and valid
	}
	return v1
}

// Suite is suite.json.
type Suite struct {
	Version    string                     `json:"version"`    // of the suite, not of scion-gen
	Protocol   int                        `json:"protocol"`   // of the runner, schema/protocol.schema.json
	Kubernetes []string                   `json:"kubernetes"` // versions that the cases were modelled on or captured from
	Profiles   map[string]string          `json:"profiles"`   // what an implementation can claim, and what that means
	Defaults   map[string]json.RawMessage `json:"defaults"`   // the options that a case does not name
	Rules      map[string]string          `json:"rules"`      // every rule, with its reason; empty where it keeps another's
	Fields     []string                   `json:"fields"`     // of a Pod, that an answer may depend on
	Files      []File                     `json:"files"`      // every case, sorted by path
}

// File is a case in the list of the suite.
type File struct {
	Path   string `json:"path"`   // cases/<group>/<id>.json
	SHA256 string `json:"sha256"` // of the file
}

// Case is one file of the suite. The members that say what the answer depends
// on are kept as they stand, as some are no valid Pods on purpose.
type Case struct {
	ID         string     `json:"id"` // permanent, never used again
	Title      string     `json:"title"`
	Group      string     `json:"group"`
	Op         string     `json:"op"` // map, absent or reconcile
	Since      string     `json:"since"`
	Requires   []string   `json:"requires"` // the profiles that a claimant must pass it for
	Provenance Provenance `json:"provenance"`

	Options json.RawMessage `json:"options"` // where they differ from the defaults
	Now     *string         `json:"now,omitempty"`
	Pod     json.RawMessage `json:"pod,omitempty"`

	Self               json.RawMessage `json:"self,omitempty"`
	ContainerStartedAt *string         `json:"containerStartedAt,omitempty"`

	Last             json.RawMessage `json:"last,omitempty"`
	StopRequested    bool            `json:"stopRequested,omitempty"`
	AbsentForSeconds *int64          `json:"absentForSeconds,omitempty"`

	// Expect holds the members of the answer that must be equal, no more.
	Expect map[string]json.RawMessage `json:"expect"`
}

// Fingerprint is the hash of what a case asks, requires and expects. It is what
// never changes within a major version; titles may.
func (c Case) Fingerprint() (string, error) {
	c.Title, c.Group, c.Since, c.Provenance = "", "", "", Provenance{}
	data, err := json.Marshal(c)
	if err != nil {
		return "", fmt.Errorf("%s: %w", c.ID, err)
	}
	return fmt.Sprintf("%x", sha256.Sum256(data)), nil
}

// Path is where the file of the case is in the suite.
func (c Case) Path() string { return "cases/" + c.Group + "/" + c.ID + ".json" }

// Provenance says where the input of a case comes from: modelled on source code,
// captured from a cluster of that Kubernetes version, or synthetic, which no
// cluster is known to produce.
type Provenance struct {
	Kind       string `json:"kind"`
	Kubernetes string `json:"kubernetes,omitempty"`
	Scenario   string `json:"scenario,omitempty"` // what was recorded, for captured cases
}

// Load reads a suite, such as [V1], with its cases in the order of its list.
func Load(fsys fs.FS) (Suite, []Case, error) {
	suite, err := ReadSuite(fsys)
	if err != nil {
		return suite, nil, err
	}
	cases := make([]Case, len(suite.Files))
	for i, file := range suite.Files {
		if cases[i], err = ReadCase(fsys, file.Path); err != nil {
			return suite, nil, err
		}
	}
	return suite, cases, nil
}

// ReadSuite reads suite.json.
func ReadSuite(fsys fs.FS) (suite Suite, err error) {
	err = readJSON(fsys, "suite.json", &suite)
	return suite, err
}

// ReadCase reads one case. Members that are not of a case are an error.
func ReadCase(fsys fs.FS, path string) (c Case, err error) {
	err = readJSON(fsys, path, &c)
	return c, err
}

func readJSON(fsys fs.FS, name string, v any) error {
	data, err := fs.ReadFile(fsys, name)
	if err != nil {
		return err
	}
	decoder := json.NewDecoder(bytes.NewReader(data))
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(v); err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	return nil
}
