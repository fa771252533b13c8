package main

import (
	"encoding/json"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/chferry/chferry/activities"
)

func (a *app) syncCommand() *cobra.Command {
	var wait bool
	cmd := &cobra.Command{
		Use:   "sync KEY",
		Short: "Trigger a sync of an import key, through its schedule",
		Long: `Trigger a sync of an import key, through its schedule. If a sync is running, another
one begins when it has ended. With --wait, progress goes to standard error, as a bar
on a terminal and else as a line a second, and the result to standard output as one
JSON object; the exit status is 3 if operations were set aside as failed.`,
		Args: args(cobra.ExactArgs(1)),
		RunE: func(cmd *cobra.Command, values []string) error { return a.sync(cmd, values[0], wait) },
	}
	cmd.Flags().BoolVar(&wait, "wait", false, "wait until the sync has ended and print its result")
	return cmd
}

func (a *app) sync(cmd *cobra.Command, key string, wait bool) error {
	cfg, imp, err := a.loadKey(key)
	if err != nil {
		return err
	}
	s, err := a.openStarter(cfg, nil)
	if err != nil {
		return err
	}
	defer s.Close()
	if !wait {
		if err := s.Trigger(cmd.Context(), imp.Key); err != nil {
			return err
		}
		_, err = fmt.Fprintf(a.out, "triggered %s\n", imp.Key)
		return err
	}
	shown := newProgress(a.errOut, isTerminal(a.errOut))
	result, err := s.Sync(cmd.Context(), imp.Key, shown.show)
	shown.end()
	if err != nil {
		return err
	}
	if err := json.NewEncoder(a.out).Encode(result); err != nil {
		return fmt.Errorf("print the result: %w", err)
	}
	if result.Outcome == activities.OutcomePartial {
		return errPartial
	}
	return nil
}
