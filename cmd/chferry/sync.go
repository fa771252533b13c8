package main

import (
	"encoding/json"
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"github.com/chferry/chferry/activities"
	"github.com/chferry/chferry/workflows"
)

func (a *app) syncCommand() *cobra.Command {
	var wait bool
	cmd := &cobra.Command{
		Use:   "sync KEY",
		Short: "Trigger a sync of an import key, through its schedule",
		Long: `Trigger a sync of an import key, through its schedule. If a sync is running, another
one begins when it has ended. With --wait, progress goes to standard error and the
result to standard output as one JSON object; the exit status is 3 if operations
were set aside as failed.`,
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
	result, err := s.Sync(cmd.Context(), imp.Key, a.showProgress(time.Second))
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

// showProgress returns a function that prints what changed, at most once in an interval.
func (a *app) showProgress(every time.Duration) func(workflows.SyncProgress) {
	var last time.Time
	var shown workflows.SyncProgress
	return func(p workflows.SyncProgress) {
		if p == shown || time.Since(last) < every {
			return
		}
		last, shown = time.Now(), p
		fmt.Fprintf(a.errOut, "%s: batch %d, %d operations done, %d remaining\n", p.Step, p.Batches+1, p.Operations, p.Remaining)
	}
}
