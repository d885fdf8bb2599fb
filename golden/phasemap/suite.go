// Package phasemap holds the golden suite of phases: what a poller in any
// language must answer for given Pods. It is data; v1/suite.json says what is in
// it, v1/schema what a case looks like, docs/phases.md how to run it.
//
// A Go poller runs it with pkg/phasemap/phasemaptest, any other program with
// scion-gen conformance.
package phasemap

import (
	"embed"
	"encoding/json"
	"fmt"
	"io/fs"
)

//go:embed v1
var files embed.FS

// V1 returns version 1 of the suite: suite.json, rules.json, cases, lists and
// schema. Expectations in it never change; a changed one would be version 2.
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
	Rules      map[string]string          `json:"rules"`      // every rule that a case may expect, with its reason
	Files      []File                     `json:"files"`      // every case, sorted by path
}

// File is a case in the list of the suite. Expect is the hash of its canonical
// expectation and what it is an expectation of; it is what never changes.
type File struct {
	Path   string `json:"path"` // cases/<group>/<id>.json
	SHA256 string `json:"sha256"`
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
	var suite Suite
	if err := readJSON(fsys, "suite.json", &suite); err != nil {
		return suite, nil, err
	}
	cases := make([]Case, len(suite.Files))
	for i, file := range suite.Files {
		if err := readJSON(fsys, file.Path, &cases[i]); err != nil {
			return suite, nil, err
		}
	}
	return suite, cases, nil
}

func readJSON(fsys fs.FS, name string, v any) error {
	data, err := fs.ReadFile(fsys, name)
	if err != nil {
		return err
	}
	if err := json.Unmarshal(data, v); err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	return nil
}
