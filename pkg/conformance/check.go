package conformance

import (
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"

	golden "github.com/scion-gen/scion-gen/golden/phasemap"
)

// The checks: what must hold of every poller beyond the cases. All but
// mutations ask a passed case once more with a change that must not matter.
const (
	checkRepeat    = "repeat"    // the same request after others
	checkShuffle   = "shuffle"   // lists without an order of their own, shuffled
	checkUnknown   = "unknown"   // fields that no Kubernetes has, everywhere
	checkMessages  = "messages"  // no messages, but for the rules that read them
	checkClock     = "clock"     // no now: no error that needs time to pass
	checkFields    = "fields"    // no fields but phasemap.Fields
	checkMutations = "mutations" // broken pods: still one of the eight phases
)

// Checks returns the names of all checks.
func Checks() []string {
	return []string{checkRepeat, checkShuffle, checkUnknown, checkMessages, checkClock, checkFields, checkMutations}
}

// shuffles is how many orders of each case are tried.
const shuffles = 2

// checks asks one passed case with each change.
func (r *run) checks(c golden.Case) {
	if r.wants(checkRepeat) {
		r.variant(c, checkRepeat, requestOf(c))
	}
	pod, isObject := podOf(c)
	if !isObject {
		return
	}
	if r.wants(checkShuffle) {
		for range shuffles {
			r.variant(c, checkShuffle, withPod(c, shuffled(pod, r.random)))
		}
	}
	if r.wants(checkUnknown) {
		r.variant(c, checkUnknown, withPod(c, extended(pod)))
	}
	if r.wants(checkMessages) && !readsMessage(c) {
		r.variant(c, checkMessages, withPod(c, speechless(pod)))
	}
	if r.wants(checkFields) {
		r.variant(c, checkFields, withPod(c, masked(pod)))
	}
	if r.wants(checkClock) && slices.Contains(r.claimed, golden.Clock) {
		r.clock(c)
	}
}

func (r *run) wants(check string) bool { return slices.Contains(r.opts.Checks, check) }

// variant asks a changed request whose answer must be that of the case.
func (r *run) variant(c golden.Case, check string, request request) {
	answer, err := r.ask(request)
	if err == nil {
		err = r.verify(c, answer)
	}
	r.check(c, check, err)
}

// check records the outcome of a check, once for each case.
func (r *run) check(c golden.Case, check string, err error) {
	result := Result{Case: c.ID, Check: check, Group: c.Group, Title: c.Title}
	if last := len(r.results) - 1; last >= 0 && r.results[last].ID() == result.ID() {
		if r.results[last].Outcome == Failed || err == nil {
			return
		}
		r.results = r.results[:last]
	}
	r.add(result, err)
}

// graces names the option behind each rule that needs time to pass.
var graces = map[string]string{
	"PM302": "stuckTerminatingAfter",
	"PM403": "unschedulableGrace",
	"PM442": "imagePullGrace",
	"PM444": "startErrorGrace",
	"PM445": "startErrorGrace",
}

// clock asks a case without now. What had to wait for a grace to end must not be
// an error then, unless that grace is 0; everything else stays as it is.
func (r *run) clock(c golden.Case) {
	grace, waits := graces[textOf(c.Expect["rule"])]
	if c.Op != "map" || c.Now == nil || (waits && isZero(c.Options, grace)) {
		return
	}
	request := requestOf(c)
	delete(request, "now")
	if !waits {
		r.variant(c, checkClock, request)
		return
	}
	answer, err := r.ask(request)
	if err == nil {
		err = errors.Join(answer.mustBeResult(), lawful(c.Op, false, answer.result))
	}
	if err == nil && answer.result["phase"] == "error" {
		err = fmt.Errorf("phase is error without a clock, although %s cannot be known to be over", grace)
	}
	if err == nil && answer.result["rule"] != nil && answer.result["rule"] == textOf(c.Expect["rule"]) {
		err = fmt.Errorf("rule is %s without a clock, although %s cannot be known to be over", answer.result["rule"], grace)
	}
	r.check(c, checkClock, err)
}

func isZero(options json.RawMessage, name string) bool {
	var seconds map[string]any
	if json.Unmarshal(options, &seconds) != nil {
		return false
	}
	return seconds[name] == float64(0)
}

// readsMessage reports whether a case is about a rule that matches the text of a
// message: an eviction for the pod's own limit, or a rejection by the node.
func readsMessage(c golden.Case) bool {
	return slices.Contains([]string{"PM104", "PM110"}, textOf(c.Expect["rule"])) ||
		textOf(c.Expect["reason"]) == "EvictedOwnLimit"
}

func textOf(raw json.RawMessage) string {
	var text string
	if json.Unmarshal(raw, &text) != nil {
		return ""
	}
	return text
}

// mutations breaks pods at random. Nobody can say what the phase of the result
// is, but it must be one of the eight, lawful, and the same when asked again.
func (r *run) mutations(cases []golden.Case) {
	var seeds []golden.Case
	for _, c := range cases {
		if _, isObject := podOf(c); isObject && c.Op == "map" {
			seeds = append(seeds, c)
		}
	}
	if len(seeds) == 0 {
		return
	}
	random := rand.New(rand.NewPCG(r.opts.Seed, 1))
	for i := range r.opts.Mutations {
		c := seeds[random.IntN(len(seeds))]
		donor, _ := podOf(seeds[random.IntN(len(seeds))])
		pod, _ := podOf(c)
		request := withPod(c, mutated(pod, donor, random))
		result := Result{Case: fmt.Sprintf("mutation-%04d", i), Check: checkMutations, Group: checkMutations, Title: "broken from " + c.ID}
		r.add(result, r.survives(request))
	}
}

// survives asks twice. A poller with a typed decoder may reject a broken pod.
func (r *run) survives(request request) error {
	var answers [2]reply
	for i := range answers {
		var err error
		if answers[i], err = r.ask(request); err != nil {
			return fmt.Errorf("%w, asked for %s", err, encode(request))
		}
	}
	err := sameAnswer(answers[0], answers[1])
	switch {
	case err != nil:
	case answers[0].kind == rejected && !slices.Contains(r.claimed, golden.RawJSON):
	case answers[0].kind != answered:
		err = answers[0].mustBeResult()
	default:
		err = lawful("map", false, answers[0].result)
	}
	if err != nil {
		return fmt.Errorf("%w, asked for %s", err, encode(request))
	}
	return nil
}

func sameAnswer(first, second reply) error {
	if first.kind != second.kind || literal(first.result) != literal(second.result) {
		return fmt.Errorf("answers %s, and %s when asked again", literal(first.result), literal(second.result))
	}
	return nil
}
