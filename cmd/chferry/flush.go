package main

import (
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/chferry/chferry"
	"github.com/chferry/chferry/storage/redis"
)

func (a *app) flushCommand() *cobra.Command {
	var yes bool
	cmd := &cobra.Command{
		Use:   "flush KEY --yes",
		Short: "Dangerous: drop all that the storage keeps for an import key",
		Long: `Dangerous: drop all that the storage keeps for an import key, also operations that were
not synced. Rows in ClickHouse stay. Versions go on growing.`,
		Args: args(cobra.ExactArgs(1)),
		RunE: func(cmd *cobra.Command, values []string) error {
			if !yes {
				return usageError{errors.New("flush drops operations that were not synced: say --yes if that is what you want")}
			}
			return a.withStorage(values[0], func(store *redis.Storage, imp chferry.Import) error {
				if err := store.Flush(cmd.Context(), imp.Key); err != nil {
					return err
				}
				_, err := fmt.Fprintf(a.out, "flushed %s\n", imp.Key)
				return err
			})
		},
	}
	cmd.Flags().BoolVar(&yes, "yes", false, "yes, drop it")
	return cmd
}
