package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"github.com/chferry/chferry"
	"github.com/chferry/chferry/activities"
	"github.com/chferry/chferry/api"
	"github.com/chferry/chferry/config"
)

func (a *app) statusCommand() *cobra.Command {
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "status [KEY]",
		Short: "Show what is pending, in flight and failed, the lag, the schedule",
		Long: `Show what is pending, in flight and failed, the lag, the schedule and its last and next
runs, of KEY or of all import keys; beneath, why the last sync failed, what is set aside and
which columns of source and destination differ. The lag is the age of the oldest operation
that is not in ClickHouse yet.`,
		Args: args(cobra.MaximumNArgs(1)),
		RunE: func(cmd *cobra.Command, values []string) error { return a.status(cmd, values, asJSON) },
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
	store, err := openStorage(config.NewLive(cfg))
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
		if err := a.printStatus(statuses, schedules.TaskQueue(), time.Now()); err != nil {
			return err
		}
		a.printUnknown(statuses)
		return nil
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

// printStatus prints a line for each import key and, beneath, what else is to be known of some.
// Times are relative on a terminal.
func (a *app) printStatus(statuses []api.ImportStatus, taskQueue string, now time.Time) error {
	table := tabwriter.NewWriter(a.out, 0, 0, 2, ' ', 0)
	if isTerminal(a.out) { // which may have 80 columns
		fmt.Fprintln(table, "IMPORT KEY\tPENDING\tIN FLIGHT\tFAILED\tLAG\tLAST RUN\tNEXT\tSCHEDULE")
		for _, s := range statuses {
			fmt.Fprintf(table, "%s\t%d\t%d\t%d\t%s\t%s\t%s\t%s\n",
				s.Key, s.Pending, s.InFlight, s.Failed, shortLag(s), lastRunAgo(s, now), nextRunIn(s, now),
				shortSchedule(s))
		}
	} else {
		fmt.Fprintln(table, "IMPORT KEY\tPENDING\tIN FLIGHT\tFAILED\tLAG\tLAST SYNC\tSCHEDULE\tLAST RUN\tNEXT RUN")
		for _, s := range statuses {
			fmt.Fprintf(table, "%s\t%d\t%d\t%d\t%s\t%s\t%s\t%s\t%s\n",
				s.Key, s.Pending, s.InFlight, s.Failed, lag(s), lastSync(s), schedule(s), lastRun(s), nextRun(s))
		}
	}
	if err := table.Flush(); err != nil {
		return fmt.Errorf("print the status: %w", err)
	}
	waiting := false
	for _, s := range statuses {
		a.printNotes(s, now)
		running := s.Schedule != nil && s.Schedule.Running
		waiting = waiting || s.Workers != nil && *s.Workers == 0 && (running || s.Pending+s.InFlight > 0 && !paused(s))
	}
	if waiting {
		fmt.Fprintf(a.out, "no worker polls task queue %q: start one: chferry worker\n", taskQueue)
	}
	return nil
}

func (a *app) printNotes(s api.ImportStatus, now time.Time) {
	ended := s.LastOutcome
	switch {
	case s.Failing != nil:
		fmt.Fprintf(a.out, "%s: %s\n", s.Key, oneLine(failing(s, now)))
	case s.Pending+s.InFlight == 0: // however the last sync ended, it left nothing
	case ended == activities.OutcomeFailed || ended == activities.OutcomeSuperseded:
		fmt.Fprintf(a.out, "%s: the last sync that had something to do ended as %s\n", s.Key, ended)
	}
	if s.Failed > 0 {
		fmt.Fprintf(a.out, "%s: %s: chferry failed list %s\n", s.Key,
			chferry.Amount(s.Failed, "operation is set aside", "operations are set aside"), s.Key)
	}
	if s.Backfill != nil {
		rows := s.Backfill.Rows
		fmt.Fprintf(a.out, "%s: a backfill has copied %s of ~%s: chferry backfill %[1]s --status\n", s.Key,
			chferry.Thousands(rows), chferry.Amount(max(rows, s.Backfill.Estimated), "row", "rows"))
	}
	if v := s.Verify; v != nil {
		text := fmt.Sprintf("%s: the last verify ended %s as %s", s.Key, ago(v.Ended, now), v.Outcome)
		if found := differencesWords(v.Missing, v.Stale, v.Surplus); found != "" {
			text += fmt.Sprintf(": %s: chferry verify %s --list", found, s.Key)
		}
		fmt.Fprintln(a.out, text)
	}
	if isTerminal(a.out) && paused(s) {
		fmt.Fprintf(a.out, "%s: paused: %s\n", s.Key, oneLine(s.Schedule.Note))
	}
	for _, difference := range s.Schema {
		if s.Failing != nil && strings.Contains(s.Failing.Reason, difference) { // the line above has told it
			continue
		}
		fmt.Fprintf(a.out, "%s: schema: %s\n", s.Key, oneLine(difference))
	}
}

// printUnknown says why the schedules of some import keys are not known, once for all of one reason.
func (a *app) printUnknown(statuses []api.ImportStatus) {
	keys := map[string]int{}
	for _, s := range statuses {
		keys[s.ScheduleProblem]++
	}
	for _, s := range statuses {
		n := keys[s.ScheduleProblem]
		delete(keys, s.ScheduleProblem)
		switch {
		case s.ScheduleProblem == "" || n == 0:
		case n > 1:
			fmt.Fprintf(a.out, "schedules are unknown: %s\n", oneLine(s.ScheduleProblem))
		default:
			fmt.Fprintf(a.out, "%s: schedule: %s\n", s.Key, oneLine(s.ScheduleProblem))
		}
	}
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
		return s.Schedule.Spec + " (paused: " + oneLine(s.Schedule.Note) + ")"
	default:
		return s.Schedule.Spec
	}
}

// lastRun is when the schedule started a sync last, which is running still or not. Unlike the last
// sync it is Temporal's memory.
func lastRun(s api.ImportStatus) string {
	switch {
	case s.Schedule == nil || s.Schedule.Last.IsZero():
		return "-"
	case s.Schedule.Running && s.Workers != nil && *s.Workers == 0:
		return s.Schedule.Last.Format(time.RFC3339) + " (waiting for a worker)"
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

func paused(s api.ImportStatus) bool { return s.Schedule != nil && s.Schedule.Paused }

func shortLag(s api.ImportStatus) string {
	if s.OldestPending == nil {
		return "-"
	}
	return shortly(time.Duration(*s.OldestPending * float64(time.Second)))
}

// lastRunAgo says when the last run began, and how it goes.
func lastRunAgo(s api.ImportStatus, now time.Time) string {
	switch {
	case s.Schedule == nil || s.Schedule.Last.IsZero():
		return "-"
	case s.Schedule.Running && s.Workers != nil && *s.Workers == 0:
		return ago(s.Schedule.Last, now) + " waiting"
	case s.Schedule.Running:
		return ago(s.Schedule.Last, now) + " running"
	case s.Failing != nil:
		return ago(s.Schedule.Last, now) + " failed"
	default:
		return ago(s.Schedule.Last, now)
	}
}

func nextRunIn(s api.ImportStatus, now time.Time) string {
	if s.Schedule == nil || s.Schedule.Next.IsZero() {
		return "-"
	}
	return "in " + shortly(s.Schedule.Next.Sub(now))
}

func shortSchedule(s api.ImportStatus) string {
	switch {
	case s.Schedule == nil:
		return "unknown"
	case s.Schedule.Paused:
		return "paused"
	default:
		return s.Schedule.Spec
	}
}
