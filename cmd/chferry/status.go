package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"github.com/chferry/chferry"
	"github.com/chferry/chferry/api"
)

func (a *app) statusCommand() *cobra.Command {
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "status [KEY]",
		Short: "Show what is pending, in flight and failed, the lag, the schedule and its last and next runs",
		Args:  args(cobra.MaximumNArgs(1)),
		RunE:  func(cmd *cobra.Command, values []string) error { return a.status(cmd, values, asJSON) },
	}
	cmd.Flags().BoolVar(&asJSON, "json", false, "print JSON: one object with KEY, else a list")
	return cmd
}

func (a *app) status(cmd *cobra.Command, keys []string, asJSON bool) (err error) {
	cfg, err := a.load()
	if err != nil {
		return err
	}
	imports := cfg.Imports
	if len(keys) > 0 {
		imp, err := cfg.Import(keys[0])
		if err != nil {
			return err
		}
		imports = []chferry.Import{imp}
	}
	store, err := openStorage(cfg, nil)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, store.Close()) }()
	schedules, err := a.openStarter(cfg, nil)
	if err != nil {
		return err
	}
	defer schedules.Close()
	statuses, err := api.ReadStatus(cmd.Context(), store, schedules, imports, time.Now())
	if err != nil {
		return err
	}
	switch {
	case !asJSON:
		return a.printStatus(statuses)
	case len(keys) > 0:
		return a.printJSON(statuses[0])
	default:
		return a.printJSON(statuses)
	}
}

func (a *app) printJSON(value any) error {
	encoder := json.NewEncoder(a.out)
	encoder.SetIndent("", "  ")
	if err := encoder.Encode(value); err != nil {
		return fmt.Errorf("print JSON: %w", err)
	}
	return nil
}

func (a *app) printStatus(statuses []api.ImportStatus) error {
	table := tabwriter.NewWriter(a.out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(table, "IMPORT KEY\tPENDING\tIN FLIGHT\tFAILED\tLAG\tLAST SYNC\tSCHEDULE\tLAST RUN\tNEXT RUN")
	for _, s := range statuses {
		fmt.Fprintf(table, "%s\t%d\t%d\t%d\t%s\t%s\t%s\t%s\t%s\n",
			s.Key, s.Pending, s.InFlight, s.Failed, lag(s), lastSync(s), schedule(s), lastRun(s), nextRun(s))
	}
	if err := table.Flush(); err != nil {
		return fmt.Errorf("print the status: %w", err)
	}
	for _, s := range statuses {
		for _, difference := range s.Schema {
			fmt.Fprintf(a.out, "%s: schema: %s\n", s.Key, difference)
		}
	}
	return nil
}

// lag is the age of the oldest operation that is not in ClickHouse yet.
func lag(s api.ImportStatus) string {
	if s.OldestPending == nil {
		return "-"
	}
	return time.Duration(*s.OldestPending * float64(time.Second)).Round(100 * time.Millisecond).String()
}

func lastSync(s api.ImportStatus) string {
	if s.LastSync == nil {
		return "never"
	}
	return s.LastSync.Format(time.RFC3339)
}

func schedule(s api.ImportStatus) string {
	switch {
	case s.Schedule == nil:
		return "unknown"
	case s.Schedule.Paused:
		return s.Schedule.Spec + " (paused: " + s.Schedule.Note + ")"
	default:
		return s.Schedule.Spec
	}
}

// lastRun is when the schedule started a sync last, which is running still or not. Unlike the last sync it is Temporal's memory.
func lastRun(s api.ImportStatus) string {
	switch {
	case s.Schedule == nil || s.Schedule.Last.IsZero():
		return "-"
	case s.Schedule.Running:
		return s.Schedule.Last.Format(time.RFC3339) + " (running)"
	default:
		return s.Schedule.Last.Format(time.RFC3339)
	}
}

func nextRun(s api.ImportStatus) string {
	if s.Schedule == nil || s.Schedule.Next.IsZero() {
		return "-"
	}
	return s.Schedule.Next.Format(time.RFC3339)
}
