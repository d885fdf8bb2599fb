package main

import (
	"cmp"
	"fmt"
	"io"
	"text/tabwriter"

	"github.com/scion-gen/scion-gen/pkg/phasemap"

	"github.com/spf13/cobra"
)

func phaseRulesCommand() *cobra.Command {
	var output string
	c := &cobra.Command{
		Use:   "rules",
		Short: "The rules by which a Pod gets its phase, in the order in which they are asked",
		Args:  cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			return printRules(c.OutOrStdout(), output)
		},
	}
	c.Flags().VarP(newChoice(&output, "table", "wide", "json"), "output", "o", "the form; wide adds what a rule means and rests on, json its conditions too")
	return c
}

func printRules(w io.Writer, output string) error {
	if output == "json" {
		return printJSON(w, phasemap.Rules())
	}
	t := tabwriter.NewWriter(w, 0, 0, 3, ' ', 0)
	header, more := "RULE\tREASON\tTERMINAL\tRETRYABLE\tPHASE", output == "wide"
	if more {
		header += "\tMEANING\tSOURCE"
	}
	fmt.Fprintln(t, header)
	for _, r := range phasemap.Rules() {
		fmt.Fprintf(t, "%s\t%s\t%t\t%t\t%s", r.ID, cmp.Or(r.Reason, "-"), r.Terminal, r.Retryable, phaseOfRule(r))
		if more {
			fmt.Fprintf(t, "\t%s\t%s", r.Doc, r.Source)
		}
		fmt.Fprintln(t)
	}
	return t.Flush()
}

// phaseOfRule is the list of phases, or where the phase is from if it may be any.
func phaseOfRule(r phasemap.Rule) string {
	if len(r.Phases) == len(phasemap.Phases()) {
		return r.Conditions[0].Phrase
	}
	return joinPhases(r.Phases)
}
