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
	c.Flags().VarP(newChoice(&output, "table", "json"), "output", "o", "the form")
	return c
}

func printRules(w io.Writer, output string) error {
	if output == "json" {
		return printJSON(w, phasemap.Rules())
	}
	t := tabwriter.NewWriter(w, 0, 0, 3, ' ', 0)
	fmt.Fprintln(t, "RULE\tREASON\tTERMINAL\tRETRYABLE\tPHASE")
	for _, r := range phasemap.Rules() {
		fmt.Fprintf(t, "%s\t%s\t%t\t%t\t%s\n", r.ID, cmp.Or(r.Reason, "-"), r.Terminal, r.Retryable, joinPhases(r.Phases))
	}
	return t.Flush()
}
