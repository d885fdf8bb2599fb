package conformance

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"time"

	golden "github.com/scion-gen/scion-gen/golden/phasemap"
	"github.com/scion-gen/scion-gen/pkg/phasemap"
)

// Serve is the other side of the protocol: it answers requests on r with
// pkg/phasemap until it is told to stop or r ends. It is what to put beside a
// poller that answers something else, and what the runner is tested with.
func Serve(r io.Reader, w io.Writer) error {
	scanner := bufio.NewScanner(r)
	scanner.Buffer(nil, 64<<20)
	encoder := json.NewEncoder(w)
	for scanner.Scan() {
		answer, err := Answer(scanner.Bytes())
		if err != nil {
			return err
		}
		if answer == nil {
			return nil
		}
		if err := encoder.Encode(answer); err != nil {
			return err
		}
	}
	return scanner.Err()
}

// incoming is any request.
type incoming struct {
	Cmd     string           `json:"cmd"`
	Seq     int              `json:"seq"`
	Options phasemap.Options `json:"options"`
	Now     string           `json:"now"`
	Pod     json.RawMessage  `json:"pod"`

	Self               json.RawMessage `json:"self"`
	ContainerStartedAt string          `json:"containerStartedAt"`

	phasemap.Absence
}

// Answer returns what to answer to one line of the protocol: nil to stop.
func Answer(line []byte) (any, error) {
	var r incoming
	if err := json.Unmarshal(line, &r); err != nil {
		return nil, err
	}
	switch r.Cmd {
	case "hello":
		return map[string]any{
			"ok": true, "protocol": Protocol, "name": "phasemap", "version": "1", "language": "go",
			"profiles": golden.ProfileNames(),
		}, nil
	case "stop":
		return nil, nil
	case "absent":
		return r.result(phasemap.MapAbsent(r.Absence, r.Options)), nil
	case "map", "reconcile":
		return r.answer()
	}
	return map[string]any{"seq": r.Seq, "skip": "unknown command " + r.Cmd}, nil
}

func (r incoming) result(result any) map[string]any {
	return map[string]any{"seq": r.Seq, "result": result}
}

func (r incoming) answer() (any, error) {
	status, err := phasemap.MapJSON(r.Pod, r.Options, moment(r.Now))
	if err != nil {
		return nil, fmt.Errorf("pod: %w", err)
	}
	if r.Cmd == "map" {
		return r.result(status), nil
	}
	self, err := selfReport(r.Self)
	if err != nil {
		return nil, err
	}
	return r.result(phasemap.Reconcile(status, self, moment(r.ContainerStartedAt))), nil
}

// selfReport reads a report whose time may be unusable.
func selfReport(raw json.RawMessage) (*phasemap.SelfReport, error) {
	var report *struct{ Phase, Activity, UpdatedAt string }
	if err := json.Unmarshal(raw, &report); err != nil {
		return nil, fmt.Errorf("self: %w", err)
	}
	if report == nil {
		return nil, nil
	}
	return &phasemap.SelfReport{Phase: report.Phase, Activity: report.Activity, UpdatedAt: moment(report.UpdatedAt)}, nil
}

// moment is the zero time for what is no time.
func moment(text string) time.Time {
	t, err := time.Parse(time.RFC3339, text)
	if err != nil {
		return time.Time{}
	}
	return t
}
