package conformance

import (
	"bytes"
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"slices"

	golden "github.com/scion-gen/scion-gen/golden/phasemap"
)

// Hello is what a poller says of itself.
type Hello struct {
	Name     string   `json:"name"`
	Version  string   `json:"version"`
	Language string   `json:"language"`
	Profiles []string `json:"profiles"` // that it claims to implement
}

// helloOf reads the answer to hello.
func helloOf(line []byte) (Hello, error) {
	var answer struct {
		Hello
		OK       bool   `json:"ok"`
		Protocol int    `json:"protocol"`
		Error    string `json:"error"`
	}
	if err := json.Unmarshal(line, &answer); err != nil {
		return Hello{}, fmt.Errorf("the first line is no answer to hello: %w: %s", err, excerpt(line))
	}
	switch {
	case !answer.OK:
		return Hello{}, fmt.Errorf("the poller declines: %s", cmp.Or(answer.Error, string(excerpt(line))))
	case answer.Protocol != Protocol:
		return Hello{}, fmt.Errorf("the poller speaks protocol %d, not %d", answer.Protocol, Protocol)
	case answer.Name == "":
		return Hello{}, errors.New("the poller gives no name")
	case !slices.Contains(answer.Profiles, golden.Core) && !slices.Contains(answer.Profiles, golden.Absent) &&
		!slices.Contains(answer.Profiles, golden.Reconcile):
		return Hello{}, fmt.Errorf("the poller claims none of core, absent, reconcile: %q", answer.Profiles)
	}
	for _, profile := range answer.Profiles {
		if !slices.Contains(golden.ProfileNames(), profile) {
			return Hello{}, fmt.Errorf("the poller claims %q; profiles are %q", profile, golden.ProfileNames())
		}
	}
	return answer.Hello, nil
}

// request is a question: the members of the line that carries it, but for seq.
type request map[string]any

// requestOf is the question of a case. It carries nothing by which a poller
// could know the case: no id, no title, no expectation.
func requestOf(c golden.Case) request {
	r := request{"cmd": c.Op, "options": rawOr(c.Options, "{}")}
	if c.Op == "absent" {
		r["last"] = rawOr(c.Last, "null")
		r["stopRequested"] = c.StopRequested
		r["absentForSeconds"] = c.AbsentForSeconds
		return r
	}
	r["pod"] = rawOr(c.Pod, "null")
	if c.Now != nil {
		r["now"] = *c.Now
	}
	if c.Op == "reconcile" {
		r["self"] = rawOr(c.Self, "null")
		r["containerStartedAt"] = c.ContainerStartedAt
	}
	return r
}

func rawOr(raw json.RawMessage, fallback string) json.RawMessage {
	if raw == nil {
		return json.RawMessage(fallback)
	}
	return raw
}

// isAbsent reports whether there is no pod in the question.
func isAbsent(c golden.Case) bool {
	return c.Op == "absent" || c.Pod == nil || bytes.Equal(bytes.TrimSpace(c.Pod), []byte("null"))
}

// kind is what sort of answer a reply is.
type kind string

const (
	answered kind = "result"
	skipped  kind = "skip"
	rejected kind = "reject"
)

// reply is an answer to a request that is not hello.
type reply struct {
	kind   kind
	result map[string]any // of answered
	text   string         // of the others
}

// mustBeResult is the error of a poller that says no to what it claims to do.
func (r reply) mustBeResult() error {
	switch r.kind {
	case skipped:
		return fmt.Errorf("skips what it claims to implement: %s", r.text)
	case rejected:
		return fmt.Errorf("rejects the input: %s", r.text)
	}
	return nil
}

// replyOf reads the answer to the request with that number.
func replyOf(line []byte, seq int) (reply, error) {
	members, err := object(line)
	if err != nil {
		return reply{}, fmt.Errorf("answers with what is no JSON object: %w: %s", err, excerpt(line))
	}
	if members["seq"] != float64(seq) {
		return reply{}, fmt.Errorf("answers seq %v to request %d", members["seq"], seq)
	}
	delete(members, "seq")
	if len(members) != 1 {
		return reply{}, fmt.Errorf("answers with none or several of result, skip and reject: %s", excerpt(line))
	}
	if result, ok := members["result"].(map[string]any); ok {
		return reply{kind: answered, result: result}, nil
	}
	if text, ok := members["skip"].(string); ok {
		return reply{kind: skipped, text: text}, nil
	}
	if text, ok := members["reject"].(string); ok {
		return reply{kind: rejected, text: text}, nil
	}
	return reply{}, fmt.Errorf("answers with no result object and no skip or reject text: %s", excerpt(line))
}

func object(line []byte) (map[string]any, error) {
	var members map[string]any
	if err := json.Unmarshal(line, &members); err != nil {
		return nil, err
	}
	if members == nil {
		return nil, errors.New("null")
	}
	return members, nil
}

// excerpt is as much of a line as fits a message.
func excerpt(line []byte) []byte {
	const most = 200
	if len(line) <= most {
		return bytes.ToValidUTF8(line, []byte("\uFFFD"))
	}
	return append(bytes.ToValidUTF8(line[:most], []byte("\uFFFD")), "..."...)
}
