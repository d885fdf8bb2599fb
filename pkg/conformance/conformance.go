// Package conformance runs the golden phase suite against a poller: a program in
// any language that speaks JSON Lines, as docs/conformance.md describes.
//
// The poller is not trusted. It may hang, flood, crash, answer rubbish or
// answer twice; each of these fails the case at hand, in bounded time and
// memory, and the next case meets a fresh process. What the runner is asked to
// start, and how a process is ended for good, is the caller's: see [Start].
//
// It is not a Go test helper: pkg/phasemap/phasemaptest is, for pollers written
// in Go. Start with [Run].
package conformance

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"time"

	golden "github.com/scion-gen/scion-gen/golden/phasemap"
)

// Protocol is the version of the protocol that this package speaks.
const Protocol = 1

// Options say how to run. The zero value runs everything.
type Options struct {
	// Profiles to run. Nil means those that the poller claims; others are an
	// error if the poller does not claim them. A single-shot poller has no way
	// to claim any: nil means core then.
	Profiles []string

	// SingleShot starts a process for each request.
	SingleShot bool

	// Timeout is for one answer, StartTimeout for the answer to hello. Zero
	// means 5 and 30 seconds.
	Timeout, StartTimeout time.Duration

	// Select chooses cases by id. Nil means all.
	Select func(id string) bool

	// Checks are names out of [Checks] to run beyond the cases. Nil means all
	// of them, or none for a single-shot poller, which has to be started for
	// each of some thousand requests.
	Checks []string

	// Seed makes shuffles and mutations repeatable; Mutations is their number.
	Seed      uint64
	Mutations int

	// KnownFailures maps what is known to fail to the reason. It must be exact.
	KnownFailures KnownFailures
}

// The bounds of patience: a poller with this many faults in a row, or in all, is
// asked no more.
const (
	faultsInRow = 10
	faultsInAll = 50
)

// protocolStop is the id of the result that says whether a poller ends when told
// to.
const protocolStop = "protocol#stop"

var errGivenUp = errors.New("the poller failed to answer too often before")

// Run puts the cases to the poller that start starts. The error is for trouble
// that leaves nothing to report: no process, no usable hello, options that do
// not fit, a context that ended.
func Run(ctx context.Context, start Start, suite golden.Suite, cases []golden.Case, opts Options) (*Report, error) {
	opts = opts.withDefaults()
	if err := opts.validate(cases); err != nil {
		return nil, err
	}
	poller, err := opts.connect(ctx, start, suite.Version)
	if err != nil {
		return nil, err
	}
	r := &run{ctx: ctx, opts: opts, poller: poller}
	if r.claimed, err = opts.claims(poller.hello()); err != nil {
		poller.abandon()
		return nil, err
	}
	r.random = rand.New(rand.NewPCG(opts.Seed, 0))
	r.suite(cases)
	if err := poller.close(ctx); !opts.SingleShot {
		name, check := splitID(protocolStop)
		r.add(Result{Case: name, Check: check, Group: name, Title: "the poller ends when told to"}, err)
	}
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	if !slices.ContainsFunc(r.results, func(result Result) bool { return result.Check == "" && result.Outcome != NotClaimed }) {
		return nil, noCaseOf(r.claimed)
	}
	return r.report(suite), nil
}

func (o Options) withDefaults() Options {
	if o.Timeout == 0 {
		o.Timeout = 5 * time.Second
	}
	if o.StartTimeout == 0 {
		o.StartTimeout = 30 * time.Second
	}
	if o.Select == nil {
		o.Select = func(string) bool { return true }
	}
	if o.Checks == nil && !o.SingleShot {
		o.Checks = Checks()
	}
	if o.Profiles == nil && o.SingleShot {
		o.Profiles = []string{golden.Core}
	}
	return o
}

func (o Options) validate(cases []golden.Case) error {
	for _, profile := range o.Profiles {
		if !slices.Contains(golden.ProfileNames(), profile) {
			return fmt.Errorf("no profile %q; there are %q", profile, golden.ProfileNames())
		}
	}
	for _, check := range o.Checks {
		if !slices.Contains(Checks(), check) {
			return fmt.Errorf("no check %q; there are %q", check, Checks())
		}
	}
	if o.Timeout < 0 || o.StartTimeout < 0 || o.Mutations < 0 {
		return errors.New("a time-out or a number of mutations is less than nothing")
	}
	if !slices.ContainsFunc(cases, func(c golden.Case) bool { return o.Select(c.ID) }) {
		return errors.New("no case is selected")
	}
	return o.KnownFailures.validate(cases)
}

// Cases returns those of the suite that Run would ask, in their order: selected,
// and of Profiles; of nil, any that a poller may claim. No case is an error.
func (o Options) Cases(cases []golden.Case) ([]golden.Case, error) {
	o = o.withDefaults()
	if err := o.validate(cases); err != nil {
		return nil, err
	}
	if o.Profiles == nil {
		o.Profiles = golden.ProfileNames()
	}
	asked := slices.DeleteFunc(slices.Clone(cases), func(c golden.Case) bool {
		applies, _ := applies(c, o.Profiles)
		return !applies || !o.Select(c.ID)
	})
	if len(asked) == 0 {
		return nil, noCaseOf(o.Profiles)
	}
	return asked, nil
}

func noCaseOf(profiles []string) error {
	return fmt.Errorf("no selected case is of the profiles %q", profiles)
}

func (o Options) connect(ctx context.Context, start Start, suite string) (poller, error) {
	if o.SingleShot {
		return &oneShot{start: start, timeout: o.Timeout}, nil
	}
	s := &session{start: start, timeout: o.Timeout, startTimeout: o.StartTimeout, suite: suite}
	if err := s.connect(ctx); err != nil {
		return nil, errors.New(strings.Map(printable, "hello: "+err.Error())) // it quotes the poller
	}
	return s, nil
}

// claims are the profiles to run.
func (o Options) claims(hello Hello) ([]string, error) {
	if o.SingleShot {
		return o.Profiles, nil
	}
	if o.Profiles == nil {
		return hello.Profiles, nil
	}
	for _, profile := range o.Profiles {
		if !slices.Contains(hello.Profiles, profile) {
			return nil, fmt.Errorf("hello: the poller does not claim %s, only %q", profile, hello.Profiles)
		}
	}
	return o.Profiles, nil
}

// run is the state of one run.
type run struct {
	ctx     context.Context
	opts    Options
	claimed []string
	poller  poller
	random  *rand.Rand
	results []Result

	inRow, inAll int // faults
}

// suite asks all cases in their order, then again in another order with the
// checks: the same input must get the same answer whatever was asked before.
func (r *run) suite(cases []golden.Case) {
	var passed []golden.Case
	for _, c := range cases {
		if r.opts.Select(c.ID) && r.golden(c) {
			passed = append(passed, c)
		}
	}
	r.random.Shuffle(len(passed), func(i, j int) { passed[i], passed[j] = passed[j], passed[i] })
	for _, c := range passed {
		r.checks(c)
	}
	if slices.Contains(r.opts.Checks, checkMutations) {
		r.mutations(passed)
	}
}

// golden asks one case and reports whether it passed, so that more can be asked
// about it.
func (r *run) golden(c golden.Case) bool {
	result := Result{Case: c.ID, Group: c.Group, Title: c.Title}
	applies, mayReject := applies(c, r.claimed)
	if !applies {
		result.Outcome = NotClaimed
		result.Detail = fmt.Sprintf("requires %q", c.Requires)
		r.results = append(r.results, result)
		return false
	}
	answer, err := r.ask(requestOf(c))
	if err == nil && answer.kind == rejected && mayReject {
		result.Outcome, result.Detail = Rejected, answer.text
		r.results = append(r.results, result)
		return false
	}
	if err == nil {
		err = r.verify(c, answer)
	}
	r.add(result, err)
	return err == nil
}

// applies reports whether a case is asked, and whether a refusal is an answer. A
// typed decoder may refuse what raw-json is about, but must not be wrong on it.
func applies(c golden.Case, claimed []string) (applies, mayReject bool) {
	if c.Applies(claimed) {
		return true, false
	}
	return c.Applies(append(slices.Clone(claimed), golden.RawJSON)), true
}

func (r *run) verify(c golden.Case, answer reply) error {
	if err := answer.mustBeResult(); err != nil {
		return err
	}
	if err := compare(c.Expected(r.claimed), answer.result); err != nil {
		return err
	}
	return lawful(c.Op, isAbsent(c), answer.result)
}

// ask puts a request and keeps count of faults.
func (r *run) ask(request request) (reply, error) {
	if err := r.ctx.Err(); err != nil {
		return reply{}, err
	}
	if r.inRow >= faultsInRow || r.inAll >= faultsInAll {
		return reply{}, errGivenUp
	}
	answer, err := r.poller.ask(r.ctx, request)
	if err == nil {
		r.inRow = 0
		return answer, nil
	}
	r.inRow++
	r.inAll++
	return reply{}, err
}

// add records a result that passed if err is nil, as the list of known failures
// sees it.
func (r *run) add(result Result, err error) {
	reason, known := r.opts.KnownFailures[result.ID()]
	switch {
	case err == nil && known:
		result.Outcome, result.Detail = Failed, "passes, but is listed as a known failure: "+reason
	case err == nil:
		result.Outcome = Passed
	case known:
		result.Outcome, result.Detail = Known, reason
	case errors.Is(err, errGivenUp):
		result.Outcome, result.Detail = NotAsked, err.Error()
	default:
		result.Outcome, result.Detail = Failed, err.Error()
	}
	r.results = append(r.results, result)
}

func (r *run) report(suite golden.Suite) *Report {
	claimed := slices.Clone(r.claimed)
	slices.Sort(claimed)
	report := &Report{
		Implementation: r.poller.hello(), Suite: suite.Version, Protocol: Protocol,
		Profiles: claimed, Seed: r.opts.Seed, Results: r.results,
	}
	asked := map[string]bool{}
	for _, result := range r.results {
		asked[result.ID()] = result.Outcome != NotClaimed
	}
	for _, id := range slices.Sorted(maps.Keys(r.opts.KnownFailures)) {
		if r.opts.stale(id, asked) {
			report.Results = append(report.Results, Result{Case: id, Group: "known-failures",
				Outcome: Failed, Detail: "listed as a known failure, but not asked"})
		}
	}
	return report
}

// stale reports whether an entry of the known failures names nothing that this
// run could have asked. A filtered run cannot tell.
func (o Options) stale(id string, asked map[string]bool) bool {
	name, check := splitID(id)
	if !o.Select(name) || asked[id] {
		return false
	}
	return check == "" || id == protocolStop || slices.Contains(o.Checks, check)
}
