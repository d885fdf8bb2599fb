package main

import (
	"github.com/spf13/cobra"

	"github.com/scion-gen/scion-gen/pkg/render"
)

func schemaCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "schema",
		Short: "Print the JSON Schema of the configuration, for editors",
		Example: `  scion-gen schema > scion-gen.schema.json
  # then, as the first line of a configuration file:
  # yaml-language-server: $schema=scion-gen.schema.json`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			schema, err := render.Schema()
			if err != nil {
				return err
			}
			_, err = cmd.OutOrStdout().Write(append(schema, '\n'))
			return err
		},
	}
}
