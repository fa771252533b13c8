package main

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"github.com/chferry/chferry"
	"github.com/chferry/chferry/api"
	"github.com/chferry/chferry/storage"
)

// backfill is one call of the verb backfill.
type backfill struct {
	tableJob
	options       chferry.BackfillOptions
	pause, resume bool
}

func (a *app) backfillCommand() *cobra.Command {
	b := &backfill{tableJob: tableJob{app: a, kind: storage.Backfill}}
	cmd := &cobra.Command{
		Use:   "backfill KEY",
		Short: "Copy the whole source table, or a part of it, while syncs go on",
		Long: `Start the workflow that copies every row of the source table into ClickHouse: the first
load of a table, or a table that is to be loaded again. Writes and syncs of the import
key go on meanwhile. It needs the table and the schedule that "chferry apply" creates,
and a worker. A process that dies costs it nothing but time.

With --wait, progress goes to standard error, as a bar on a terminal and else as lines,
and the result to standard output: as one JSON object, or in words where that is a
terminal. The exit status is 3 if rows can't be imported: the next sync sets them aside.

Only one backfill of an import key runs at a time. --status, --pause, --resume and
--cancel are about the one that runs; --status --wait waits for its end.

A backfill reads the rows that there are: a row that was deleted without an operation
stays in ClickHouse, unless --replace makes a new table. To sync single rows, register
them.`,
		Example: `  chferry backfill users --wait
  chferry backfill users --where "created >= '2026-01-01'" --parallel 4
  chferry backfill users --rows-per-second 20000
  chferry backfill users --replace --wait
  chferry backfill users --pause`,
		Args: args(oneKey),
		RunE: func(cmd *cobra.Command, values []string) error {
			if err := b.checkFlags(cmd); err != nil {
				return usageError{fmt.Errorf("%w: see %s --help", err, cmd.CommandPath())}
			}
			return b.with(values[0], func() error { return b.run(cmd.Context()) })
		},
	}
	flags := cmd.Flags()
	flags.StringVar(&b.options.Where, "where", "",
		"copy the rows that this `condition` holds for; SQL of the source database")
	flags.IntVar(&b.options.Parallel, "parallel", chferry.DefaultParallel,
		fmt.Sprintf("readers that copy at the same time, 1 to %d", chferry.MaxParallel))
	flags.Int64Var(&b.options.RowsPerSecond, "rows-per-second", 0,
		"`rows` that all readers together may read in a second (default: no limit)")
	flags.BoolVar(&b.options.Replace, "replace", false,
		"copy into a new table, which takes the place of the old one at the end")
	flags.BoolVar(&b.wait, "wait", false, "wait until it has ended and print its result")
	flags.BoolVar(&b.status, "status", false, "show how far the last one is")
	flags.BoolVar(&b.pause, "pause", false, "stop the readers of the one that runs")
	flags.BoolVar(&b.resume, "resume", false, "let them go on")
	flags.BoolVar(&b.cancel, "cancel", false, "end the one that runs; rows that were copied stay")
	flags.BoolVar(&b.asJSON, "json", false, "print JSON, with --status, or with --wait on a terminal")
	return cmd
}

// checkFlags refuses flags that don't go together, and values that can't be used.
func (b *backfill) checkFlags(cmd *cobra.Command) error {
	steering := changed(cmd, "status", "pause", "resume", "cancel")
	starting := changed(cmd, "where", "parallel", "rows-per-second", "replace")
	switch {
	case len(steering) > 1:
		return fmt.Errorf("%s exclude each other: give one", strings.Join(steering, " and "))
	case len(steering) > 0 && len(starting) > 0:
		return fmt.Errorf("%s is for a backfill that is started, %s is about one that runs", starting[0], steering[0])
	case b.wait && len(steering) > 0 && !b.status:
		return fmt.Errorf("--wait does not go with %s: use it for a start, or with --status", steering[0])
	case b.asJSON && !b.wait && !b.status:
		return errors.New("--json is for --status and --wait")
	case len(changed(cmd, "where")) > 0 && b.options.Where == "":
		return errors.New("--where is empty: leave it out to copy all rows")
	case b.options.Parallel == 0:
		b.options.Parallel = -1 // else it would be the default
	case len(changed(cmd, "rows-per-second")) > 0 && b.options.RowsPerSecond == 0:
		return errors.New("--rows-per-second must be 1 or more: leave it out for no limit")
	}
	return b.options.Validate()
}

func (b *backfill) run(ctx context.Context) error {
	switch {
	case b.status && b.wait:
		return b.join(ctx)
	case b.status:
		return b.show(ctx)
	case b.pause:
		return b.steer(ctx, b.starter.PauseBackfill,
			"paused the backfill of %s: chferry backfill %[1]s --resume lets it go on")
	case b.resume:
		return b.steer(ctx, b.starter.ResumeBackfill, "resumed the backfill of %s")
	case b.cancel:
		return b.steer(ctx, b.starter.CancelBackfill, "cancelled the backfill of %s: rows that were copied stay")
	default:
		return b.start(ctx)
	}
}

func (b *backfill) start(ctx context.Context) error {
	if err := b.starter.StartBackfill(ctx, b.imp, b.storage, b.options); err != nil {
		return b.howFar(ctx, err)
	}
	if b.wait {
		return b.watch(ctx)
	}
	return b.started(b.starter.BackfillID(b.imp.Key))
}

// howFar adds to the refusal of a second start how far the first backfill is.
func (b *backfill) howFar(ctx context.Context, refused error) error {
	if chferry.CodeOf(refused) != chferry.CodeClaimed {
		return refused
	}
	running, err := api.ReadBackfill(ctx, b.storage, b.starter, b.imp.Key)
	if err != nil { // it may have ended meanwhile
		return refused
	}
	return b.runsAlready(refused, running, backfillWords(running))
}
