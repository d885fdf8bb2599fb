package phasemap

import (
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
)

// Status is the verdict about one agent. Two of them can be compared with ==.
type Status struct {
	Phase Phase `json:"phase"`
	// Rule is the id of the rule that decided, such as PM442; see Rules. An id
	// never gets another meaning.
	Rule string `json:"rule"`
	// Reason is a stable CamelCase word for programs, one a rule; rules about a
	// disruption under way carry the reason that the disruption will have.
	Reason string `json:"reason"`
	// Message is for people, mostly in Kubernetes' own words, and may be empty.
	Message string `json:"message"`
	// ExitCode is that of the container the verdict is about.
	ExitCode ExitCode `json:"exitCode"`
	// Terminal says that this Pod will not leave the phase by itself. Only with
	// stopped and error. An error that is not terminal may heal.
	Terminal bool `json:"terminal"`
	// Retryable says that the same agent, started again, may do better. Only
	// with stopped and error.
	Retryable bool `json:"retryable"`
	// Hint is what a person can do about it; the zero Hint means nothing.
	Hint Hint `json:"hint"`
	// Container is the one that the verdict is about. Empty, null in JSON, if it
	// is about the Pod.
	Container string `json:"container"`
	Notes     Notes  `json:"notes"`
	// DisruptionPhase is set while a disruption deletes the Pod: the phase that
	// MapAbsent will give once the Pod is gone.
	DisruptionPhase Phase `json:"disruptionPhase,omitempty"`
}

// MarshalJSON writes the form of the golden cases: no container is null, no
// hint is null.
func (s Status) MarshalJSON() ([]byte, error) {
	type plain Status
	out := struct {
		plain
		Hint      *Hint   `json:"hint"`
		Container *string `json:"container"`
	}{plain: plain(s)}
	if s.Hint != (Hint{}) {
		out.Hint = &s.Hint
	}
	if s.Container != "" {
		out.Container = &s.Container
	}
	return json.Marshal(out)
}

// Hint is a remedy: a code for programs and a sentence for people. Many rules
// may share one.
type Hint struct {
	Code string `json:"code"`
	Text string `json:"text"`
}

// ExitCode is the exit code of a container, if it has one that means anything:
// a container that has not ended has none, nor one that its node lost sight of.
// The zero value is no code; in JSON that is null.
type ExitCode struct {
	code  int32
	known bool
}

// Exited returns a known exit code.
func Exited(code int32) ExitCode { return ExitCode{code, true} }

// Code returns the exit code, and whether there is one.
func (e ExitCode) Code() (code int32, known bool) { return e.code, e.known }

// String returns the number, or nothing.
func (e ExitCode) String() string {
	if !e.known {
		return ""
	}
	return strconv.Itoa(int(e.code))
}

func (e ExitCode) MarshalJSON() ([]byte, error) {
	if !e.known {
		return []byte("null"), nil
	}
	return strconv.AppendInt(nil, int64(e.code), 10), nil
}

func (e *ExitCode) UnmarshalJSON(data []byte) error {
	var code *int32
	if err := json.Unmarshal(data, &code); err != nil {
		return err
	}
	*e = ExitCode{}
	if code != nil {
		*e = Exited(*code)
	}
	return nil
}

// Notes is a set of remarks beside the verdict; they never change it. In JSON
// it is a sorted list of codes.
type Notes uint16

const (
	AgentContainerFallback Notes = 1 << iota // no container has the agent's name; another was taken for it
	LegacyPhase                              // the agent reported a phase that is no longer used
	PodLingering                             // the agent is done, its Pod is not
	SidecarFailed                            // another container ended badly
	StaleStatus                              // the status is older than the spec
	Tracked                                  // the Tracker gave another phase than the Pod alone would
	UnknownSelfActivity                      // the agent reported an activity that nobody knows
	UnknownSelfPhase                         // the agent reported a phase that nobody knows
)

// noteCodes are in the order of the bits, which is that of the alphabet.
var noteCodes = [...]string{
	"agent-container-fallback", "legacy-phase", "pod-lingering", "sidecar-failed",
	"stale-status", "tracked", "unknown-self-activity", "unknown-self-phase",
}

// Has reports whether all of m is in n.
func (n Notes) Has(m Notes) bool { return n&m == m }

// Codes returns the codes in n, sorted.
func (n Notes) Codes() []string {
	codes := []string{}
	for i, code := range noteCodes {
		if n.Has(1 << i) {
			codes = append(codes, code)
		}
	}
	return codes
}

func (n Notes) MarshalJSON() ([]byte, error) { return json.Marshal(n.Codes()) }

func (n *Notes) UnmarshalJSON(data []byte) error {
	var codes []string
	if err := json.Unmarshal(data, &codes); err != nil {
		return err
	}
	*n = 0
	for _, code := range codes {
		i := slices.Index(noteCodes[:], code)
		if i < 0 {
			return fmt.Errorf("unknown note %q", code)
		}
		*n |= 1 << i
	}
	return nil
}
