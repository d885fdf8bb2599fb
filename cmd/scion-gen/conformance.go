package main

import (
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	golden "github.com/scion-gen/scion-gen/golden/phasemap"
	"github.com/scion-gen/scion-gen/pkg/conformance"
)

func conformanceCommand() *cobra.Command {
	var c conformanceFlags
	cmd := &cobra.Command{
		Use:   "conformance [flags] -- COMMAND [ARG]...",
		Short: "Run the golden phase suite against a poller in any language",
		Long: `Run the golden phase suite against a poller in any language.

COMMAND is started once and asked one JSON object a line on its standard input;
it answers one a line on its standard output. docs/conformance.md describes the
protocol, the profiles that a poller may claim and the checks beyond the cases.

Exit codes: 0 all that the poller claims passes, 1 something fails, 2 trouble:
wrong usage, or no poller that says hello.`,
		Example: `  scion-gen conformance -- python3 poller.py
  scion-gen conformance --single-shot --profiles core -- ./poller.sh
  scion-gen conformance --known-failures phasemap-expectations.json -o junit -- node poller.js
  scion-gen conformance --list --run '^evicted'`,
		RunE: c.run,
	}
	c.register(cmd)
	return cmd
}

// conformanceFlags are the flags of one invocation.
type conformanceFlags struct {
	opts                conformance.Options
	known, only, output string
	list                bool
}

func (c *conformanceFlags) register(cmd *cobra.Command) {
	flags := cmd.Flags()
	flags.StringSliceVar(&c.opts.Profiles, "profiles", nil, "profiles that the poller must claim and pass (default: those it claims; core with --single-shot)")
	flags.BoolVar(&c.opts.SingleShot, "single-shot", false, "start COMMAND for each request: the request on stdin, the result on stdout, exit code 2 to reject")
	flags.DurationVar(&c.opts.Timeout, "timeout", 5*time.Second, "how long the poller may take for one answer")
	flags.DurationVar(&c.opts.StartTimeout, "start-timeout", 30*time.Second, "how long the poller may take to start")
	flags.StringVar(&c.known, "known-failures", "", "JSON `file` of ids to reasons, kept with the poller; must be exact")
	flags.StringVar(&c.only, "run", "", "only cases whose id matches this `regexp`")
	flags.StringSliceVar(&c.opts.Checks, "checks", nil, "checks beyond the cases, or none: "+strings.Join(conformance.Checks(), ", ")+" (default: all; none with --single-shot)")
	flags.IntVar(&c.opts.Mutations, "mutations", 500, "how many broken pods to try")
	flags.Uint64Var(&c.opts.Seed, "seed", 1, "seed of shuffles and mutations")
	flags.StringVarP(&c.output, "output", "o", "text", "text, json or junit")
	flags.BoolVar(&c.list, "list", false, "list the cases that --run and --profiles choose, and run nothing")
}

func (c *conformanceFlags) run(cmd *cobra.Command, args []string) error {
	suite, cases, err := golden.Load(golden.V1())
	if err != nil {
		return err
	}
	if c.opts.Select, err = casesNamed(c.only); err != nil {
		return err
	}
	if slices.Equal(c.opts.Checks, []string{"none"}) {
		c.opts.Checks = []string{}
	}
	if c.list {
		return c.listCases(cmd.OutOrStdout(), cases)
	}
	if len(args) == 0 {
		return errors.New("conformance: no poller; write its command after --")
	}
	if _, err := exec.LookPath(args[0]); err != nil {
		return fmt.Errorf("conformance: %w", err)
	}
	write, err := reportWriter(c.output)
	if err != nil {
		return err
	}
	if c.opts.KnownFailures, err = readKnownFailures(c.known); err != nil {
		return err
	}
	ctx, stop := untilStopped(cmd.Context()) // the poller ends with us
	defer stop()
	report, err := conformance.Run(ctx, program(args), suite, cases, c.opts)
	if err != nil {
		return fmt.Errorf("conformance: %w", err)
	}
	if err := write(report, cmd.OutOrStdout()); err != nil {
		return err
	}
	if !report.OK() {
		return inputError(nil)
	}
	return nil
}

// casesNamed returns the choice of cases by id.
func casesNamed(expression string) (func(string) bool, error) {
	matcher, err := regexp.Compile(expression)
	if err != nil {
		return nil, fmt.Errorf("--run: %w", err)
	}
	return matcher.MatchString, nil
}

func (c *conformanceFlags) listCases(w io.Writer, cases []golden.Case) error {
	cases, err := c.opts.Cases(cases)
	if err != nil {
		return fmt.Errorf("conformance: %w", err)
	}
	for _, c := range cases {
		if _, err := fmt.Fprintf(w, "%s\t%s\t%s\n", c.ID, strings.Join(c.Requires, "+"), c.Title); err != nil {
			return err
		}
	}
	return nil
}

func reportWriter(output string) (func(*conformance.Report, io.Writer) error, error) {
	switch output {
	case "text":
		return (*conformance.Report).WriteText, nil
	case "json":
		return (*conformance.Report).WriteJSON, nil
	case "junit":
		return (*conformance.Report).WriteJUnit, nil
	}
	return nil, fmt.Errorf("--output: %q is none of text, json, junit", output)
}

func readKnownFailures(name string) (conformance.KnownFailures, error) {
	if name == "" {
		return nil, nil
	}
	data, err := os.ReadFile(name)
	if err != nil {
		return nil, err
	}
	return conformance.ParseKnownFailures(name, data)
}
