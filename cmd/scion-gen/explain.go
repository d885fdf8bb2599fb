package main

import (
	"cmp"
	"encoding/json"
	"fmt"
	"io"
	"strconv"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"github.com/scion-gen/scion-gen/pkg/render"
)

func explainCommand() *cobra.Command {
	var paths []string
	var output string
	cmd := &cobra.Command{
		Use:   "explain AGENT [FIELD]",
		Short: "Say which line of the configuration set each field of an agent's manifests",
		Long: `Prints each field of the objects of an agent with its value and the place,
layer and setting it comes from. AGENT is a name or namespace/name. FIELD keeps
the fields at or below a path, or those with a key such as the name of a
variable.`,
		Example: `  scion-gen explain reviewer -f agents
  scion-gen explain reviewer -f agents spec.containers[agent].resources
  scion-gen explain reviewer -f agents SCION_HUB_ENDPOINT`,
		Args: cobra.RangeArgs(1, 2),
		RunE: func(cmd *cobra.Command, args []string) error {
			config, err := loadPaths(paths, cmd.InOrStdin())
			if err != nil {
				return err
			}
			field := ""
			if len(args) > 1 {
				field = args[1]
			}
			explained, err := config.Explain(args[0], field)
			if err != nil {
				return inputError(err)
			}
			if output == "json" {
				return printJSON(cmd.OutOrStdout(), explained)
			}
			return printOrigins(cmd.OutOrStdout(), explained, len(args) > 1)
		},
	}
	cmd.Flags().StringSliceVarP(&paths, "filename", "f", nil, "files and directories with configuration, or - for standard input (default: the current directory)")
	cmd.Flags().VarP(newChoice(&output, "table", "json"), "output", "o", "table or json")
	return cmd
}

func printOrigins(w io.Writer, explained []render.Explanation, whole bool) error {
	for i, e := range explained {
		if i > 0 {
			fmt.Fprintln(w)
		}
		fmt.Fprintf(w, "%s %s\n", e.Kind, e.Name)
		table := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
		for _, f := range e.Fields {
			value := strconv.Quote(f.Value)
			if plain := value[1 : len(value)-1]; plain == f.Value && f.Value != "" {
				value = plain
			}
			if runes := []rune(value); !whole && len(runes) > 48 {
				value = string(runes[:45]) + "..."
			}
			from := f.Layer
			if f.Setting != "" {
				from += "\t" + f.Setting
			}
			fmt.Fprintf(table, "  %s\t%s\t%s\t%s\n", f.Path, value, cmp.Or(f.At, "-"), from)
		}
		if err := table.Flush(); err != nil {
			return err
		}
	}
	return nil
}

func printJSON(w io.Writer, v any) error {
	out := json.NewEncoder(w)
	out.SetEscapeHTML(false)
	out.SetIndent("", "  ")
	return out.Encode(v)
}
