package main

import (
	"encoding/json"
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
	c.Flags().StringVarP(&output, "output", "o", "table", "table or json")
	return c
}

func printRules(w io.Writer, output string) error {
	switch output {
	case "table":
		return rulesTable(w)
	case "json":
		e := json.NewEncoder(w)
		e.SetEscapeHTML(false)
		e.SetIndent("", "  ")
		return e.Encode(phasemap.Rules())
	}
	return fmt.Errorf("-o %s: the outputs are table, json", output)
}

func rulesTable(w io.Writer) error {
	t := tabwriter.NewWriter(w, 0, 0, 3, ' ', 0)
	fmt.Fprintln(t, "RULE\tPHASE\tREASON\tTERMINAL\tRETRYABLE\tNAME")
	for _, r := range phasemap.Rules() {
		fmt.Fprintf(t, "%s\t%s\t%s\t%t\t%t\t%s\n", r.ID, joinPhases(r.Phases), dash(r.Reason), r.Terminal, r.Retryable, r.Name)
	}
	return t.Flush()
}

func dash(text string) string {
	if text == "" {
		return "-"
	}
	return text
}
