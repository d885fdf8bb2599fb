package report

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"net/url"
	"slices"
	"strings"

	"github.com/scion-gen/scion-gen/pkg/diff"
)

// sarifResults is what a run may hold: GitHub refuses files of more, and keeps
// the 5,000 that are most severe.
const sarifResults = 25000

const (
	sarifSchema = "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json"
	// fingerprintName says what a fingerprint is made of, and in which version.
	fingerprintName = "flagObjectField/v1"
	homepage        = "https://github.com/scion-gen/scion-gen"
)

// SARIF writes the flags of a report as a log of SARIF 2.1.0, a result for each
// object, the most severe first; where there are more than a run may hold, a
// notification counts the rest. A result's fingerprint is of its flag, object
// and field: it outlives moves within and between files.
func SARIF(w io.Writer, r *diff.Report) error {
	s := sarif{results: []sarifResult{}}
	for i := range r.Objects {
		s.object(&r.Objects[i])
	}
	slices.SortStableFunc(s.results, func(a, b sarifResult) int { return b.severity.Rank() - a.severity.Rank() })
	invocation := sarifInvocation{ExecutionSuccessful: true}
	if more := len(s.results) - sarifResults; more > 0 {
		s.results = s.results[:sarifResults]
		text := fmt.Sprintf("%s more than a run may hold; the JSON report has all", count(more, "flag"))
		invocation.Notifications = []sarifNotification{{Level: "warning", Message: sarifText{text}}}
	}
	e := json.NewEncoder(w)
	e.SetIndent("", "  ")
	e.SetEscapeHTML(false)
	return e.Encode(sarifLog{
		Schema: sarifSchema, Version: "2.1.0",
		Runs: []sarifRun{{
			Tool:        sarifTool{sarifDriver{Name: "scion-gen diff", InformationURI: homepage, Rules: s.sortedRules()}},
			Invocations: []sarifInvocation{invocation},
			Results:     s.results,
		}},
	})
}

// The parts of SARIF that are written, by its names.
type (
	sarifLog struct {
		Schema  string     `json:"$schema"`
		Version string     `json:"version"`
		Runs    []sarifRun `json:"runs"`
	}
	sarifRun struct {
		Tool        sarifTool         `json:"tool"`
		Invocations []sarifInvocation `json:"invocations"`
		Results     []sarifResult     `json:"results"`
	}
	sarifTool struct {
		Driver sarifDriver `json:"driver"`
	}
	sarifDriver struct {
		Name           string      `json:"name"`
		InformationURI string      `json:"informationUri"`
		Rules          []sarifRule `json:"rules"`
	}
	sarifRule struct {
		ID                   string              `json:"id"`
		ShortDescription     sarifText           `json:"shortDescription"`
		Help                 sarifText           `json:"help"`
		DefaultConfiguration sarifConfiguration  `json:"defaultConfiguration"`
		Properties           sarifRuleProperties `json:"properties"`
	}
	sarifConfiguration struct {
		Level string `json:"level"`
	}
	sarifRuleProperties struct {
		Tags             []string `json:"tags"`
		SecuritySeverity string   `json:"security-severity"`
	}
	sarifText struct {
		Text string `json:"text"`
	}
	sarifInvocation struct {
		ExecutionSuccessful bool                `json:"executionSuccessful"`
		Notifications       []sarifNotification `json:"toolExecutionNotifications,omitempty"`
	}
	sarifNotification struct {
		Level   string    `json:"level"`
		Message sarifText `json:"message"`
	}
	sarifResult struct {
		RuleID              string            `json:"ruleId"`
		Level               string            `json:"level"`
		Message             sarifText         `json:"message"`
		Locations           []sarifLocation   `json:"locations"`
		PartialFingerprints map[string]string `json:"partialFingerprints"`

		severity diff.Severity
	}
	sarifLocation struct {
		Physical *sarifPhysical `json:"physicalLocation,omitempty"`
		Logical  []sarifLogical `json:"logicalLocations"`
	}
	sarifPhysical struct {
		Artifact sarifArtifact `json:"artifactLocation"`
		Region   *sarifRegion  `json:"region,omitempty"`
	}
	sarifArtifact struct {
		URI string `json:"uri"`
	}
	sarifRegion struct {
		StartLine int `json:"startLine"`
	}
	sarifLogical struct {
		FullyQualifiedName string `json:"fullyQualifiedName"`
		Kind               string `json:"kind"`
	}
)

// sarif collects results and their rules.
type sarif struct {
	rules   map[string]sarifRule
	results []sarifResult
	seen    map[string]int // fingerprints, and how often
}

func (s *sarif) object(o *diff.Object) {
	for _, e := range o.Edits {
		for _, f := range e.Flags {
			s.rule(f)
			s.results = append(s.results, sarifResult{
				RuleID: oneLine(f.ID), Level: sarifLevel(f.Severity), severity: f.Severity,
				Message:             sarifText{fmt.Sprintf("%s: %s: %s", full(o.Ref), field(f.Path), oneLine(f.Reason))},
				Locations:           []sarifLocation{sarifPlace(o, e, f)},
				PartialFingerprints: map[string]string{fingerprintName: s.fingerprint(o.Ref, f)},
			})
		}
	}
}

// fingerprint tells the flag of one field of one object from all others. The
// version of the object's API is no part of it.
func (s *sarif) fingerprint(ref diff.Ref, f diff.Flag) string {
	if s.seen == nil {
		s.seen = map[string]int{}
	}
	id := strings.Join([]string{f.ID, ref.Group, ref.Kind, ref.Namespace, ref.Name, f.Path}, "\x00")
	if s.seen[id]++; s.seen[id] > 1 {
		id += fmt.Sprintf("\x00%d", s.seen[id])
	}
	sum := sha256.Sum256([]byte(id))
	return hex.EncodeToString(sum[:16])
}

// rule keeps the rule of a flag.
func (s *sarif) rule(f diff.Flag) {
	if s.rules == nil {
		s.rules = map[string]sarifRule{}
	}
	if _, known := s.rules[f.ID]; known {
		return
	}
	severity, reason, back, known := diff.DescribeFlag(f.ID)
	if !known {
		severity, reason, back = f.Severity, f.Reason, f.Back
	}
	s.rules[f.ID] = sarifRule{
		ID:                   oneLine(f.ID),
		ShortDescription:     sarifText{oneLine(reason)},
		Help:                 sarifText{"The change weakens security: " + oneLine(reason) + ". Way back: " + oneLine(back)},
		DefaultConfiguration: sarifConfiguration{sarifLevel(severity)},
		Properties:           sarifRuleProperties{[]string{"security"}, securitySeverity(severity)},
	}
}

func (s *sarif) sortedRules() []sarifRule {
	out := []sarifRule{}
	for _, rule := range s.rules {
		out = append(out, rule)
	}
	slices.SortFunc(out, func(a, b sarifRule) int { return strings.Compare(a.ID, b.ID) })
	return out
}

func sarifLevel(s diff.Severity) string {
	switch s {
	case diff.High:
		return "error"
	case diff.Medium:
		return "warning"
	}
	return "note"
}

// securitySeverity is a score of which GitHub makes high, medium and low.
func securitySeverity(s diff.Severity) string {
	switch s {
	case diff.High:
		return "8.0"
	case diff.Medium:
		return "5.0"
	}
	return "3.0"
}

// sarifPlace is where a flag is raised: its object and field, and its file
// where it has one.
func sarifPlace(o *diff.Object, e diff.Edit, f diff.Flag) sarifLocation {
	location := sarifLocation{Logical: []sarifLogical{{full(o.Ref) + ": " + field(f.Path), "object"}}}
	pos := place(e)
	if !isFile(pos) {
		return location
	}
	location.Physical = &sarifPhysical{Artifact: sarifArtifact{(&url.URL{Path: strings.ToValidUTF8(pos.File, "\uFFFD")}).String()}}
	if pos.Line > 0 {
		location.Physical.Region = &sarifRegion{pos.Line}
	}
	return location
}

// isFile reports whether a place is in a file that is checked out: not in a
// stream, a commit (main:pods.yaml) or what was rendered (fleet//pods.yaml).
func isFile(pos diff.Pos) bool {
	return pos.File != "" && pos.File != "-" && !strings.HasPrefix(pos.File, "<") && !strings.Contains(pos.File, ":") && !strings.Contains(pos.File, "//")
}
