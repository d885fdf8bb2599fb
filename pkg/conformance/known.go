package conformance

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	golden "github.com/scion-gen/scion-gen/golden/phasemap"
)

// KnownFailures maps ids of results to why they fail. It lives with the poller,
// never in the suite, and must be exact: what is listed and passes is a failure.
type KnownFailures map[string]string

// ParseKnownFailures reads a JSON object of id to reason, each id once. The name
// is for messages.
func ParseKnownFailures(name string, data []byte) (KnownFailures, error) {
	var known KnownFailures
	err := json.Unmarshal(data, &known)
	if e, ok := errors.AsType[*jsontext.SyntacticError](err); ok && errors.Is(e, jsontext.ErrDuplicateName) {
		return nil, fmt.Errorf("%s: %s is listed twice; keep one of the reasons", name, e.JSONPointer.LastToken())
	}
	if err != nil {
		return nil, fmt.Errorf("%s: not a JSON object of id to reason: %w", name, err)
	}
	for _, id := range slices.Sorted(maps.Keys(known)) {
		if strings.TrimSpace(known[id]) == "" {
			return nil, fmt.Errorf("%s: %s has no reason", name, id)
		}
	}
	return known, nil
}

// validate finds entries that name no case.
func (k KnownFailures) validate(cases []golden.Case) error {
	for _, id := range slices.Sorted(maps.Keys(k)) {
		name, check := splitID(id)
		switch {
		case id == protocolStop:
		case check != "" && !slices.Contains(Checks(), check):
			return fmt.Errorf("known failures: %s: no check %q; there are %q", id, check, Checks())
		case check != checkMutations && !slices.ContainsFunc(cases, func(c golden.Case) bool { return c.ID == name }):
			return fmt.Errorf("known failures: no case %s in the suite", name)
		}
	}
	return nil
}

// splitID splits the id of a result into case and check.
func splitID(id string) (name, check string) {
	name, check, _ = strings.Cut(id, "#")
	return name, check
}
