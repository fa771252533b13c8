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

// verify is one call of the verb verify.
type verify struct {
	tableJob
	options chferry.VerifyOptions
	list    bool
}

func (a *app) verifyCommand() *cobra.Command {
	v := &verify{tableJob: tableJob{app: a, kind: storage.Verify}}
	cmd := &cobra.Command{
		Use:   "verify KEY",
		Short: "Compare source and ClickHouse, and repair the differences",
		Long: `Start the workflow that compares every row of the source table with ClickHouse, while
writes and syncs go on, and finds the rows that are missing in ClickHouse, stale (they
have other values) or surplus (only ClickHouse has them). It needs the schedule that
"chferry apply" creates, and a worker. With --repair it registers an operation for each
row that differs, and the next sync mends the row.

With --wait, progress goes to standard error, as a bar on a terminal and else as lines,
and the result to standard output: as one JSON object, or in words where that is a
terminal. The exit status is 0 if both sides are equal, and 3 if there are differences,
also if they were registered.

--list prints the differences that the last verify found, one a line, tab-separated
under a header. A composite primary key is a JSON list, and so is one with a character
that would break the line.

Only one verify of an import key runs at a time. --status and --cancel are about the one
that runs; --status --wait waits for its end.`,
		Example: `  chferry verify users --wait
  chferry verify users --repair --wait
  chferry verify users --where "created >= '2026-01-01'"
  chferry verify users --sample 0.05
  chferry verify users --list`,
		Args: args(oneKey),
		RunE: func(cmd *cobra.Command, values []string) error {
			if err := v.checkFlags(cmd); err != nil {
				return usageError{fmt.Errorf("%w: see %s --help", err, cmd.CommandPath())}
			}
			return v.with(values[0], func() error { return v.run(cmd.Context()) })
		},
	}
	flags := cmd.Flags()
	flags.BoolVar(&v.options.Repair, "repair", false, "register an operation for each row that differs")
	flags.StringVar(&v.options.Where, "where", "",
		"compare the rows that this `condition` holds for; SQL of the source database")
	flags.Float64Var(&v.options.Sample, "sample", 0,
		"compare this `fraction` of the table, chosen anew each time, such as 0.05 (default: all of it)")
	flags.IntVar(&v.options.Parallel, "parallel", chferry.DefaultParallel,
		fmt.Sprintf("readers that compare at the same time, 1 to %d", chferry.MaxParallel))
	flags.BoolVar(&v.wait, "wait", false, "wait until it has ended and print its result")
	flags.BoolVar(&v.list, "list", false, "print the differences that the last one found")
	flags.BoolVar(&v.status, "status", false, "show how far the last one is")
	flags.BoolVar(&v.cancel, "cancel", false, "end the one that runs; what it has registered stays")
	flags.BoolVar(&v.asJSON, "json", false, "print JSON, with --list or --status, or with --wait on a terminal")
	return cmd
}

// checkFlags refuses flags that don't go together, and values that can't be used.
func (v *verify) checkFlags(cmd *cobra.Command) error {
	asking := changed(cmd, "list", "status", "cancel")
	starting := changed(cmd, "repair", "where", "sample", "parallel")
	switch {
	case len(asking) > 1:
		return fmt.Errorf("%s exclude each other: give one", strings.Join(asking, " and "))
	case len(asking) > 0 && len(starting) > 0:
		return fmt.Errorf("%s is for a verify that is started, %s is about the last one", starting[0], asking[0])
	case v.wait && len(asking) > 0 && !v.status:
		return fmt.Errorf("--wait does not go with %s: use it for a start, or with --status", asking[0])
	case v.asJSON && !v.wait && !v.status && !v.list:
		return errors.New("--json is for --wait, --status and --list")
	case len(changed(cmd, "where")) > 0 && v.options.Where == "":
		return errors.New("--where is empty: leave it out to compare all rows")
	case len(changed(cmd, "sample")) > 0 && v.options.Sample == 0:
		return errors.New("--sample must be greater than 0: leave it out to compare the whole table")
	case v.options.Parallel == 0:
		v.options.Parallel = -1 // else it would be the default
	}
	return v.options.Validate()
}

func (v *verify) run(ctx context.Context) error {
	switch {
	case v.list:
		return v.printDifferences(ctx)
	case v.status && v.wait:
		if err := v.running(v.starter.Verify(ctx, v.imp.Key)); err != nil {
			return err
		}
		return v.watch(ctx)
	case v.status:
		return v.show(ctx)
	case v.cancel:
		return v.steer(ctx, v.starter.CancelVerify,
			"cancelled the verify of %s: what it has registered stays registered")
	default:
		return v.start(ctx)
	}
}

func (v *verify) start(ctx context.Context) error {
	if err := v.starter.StartVerify(ctx, v.imp, v.storage, v.options); err != nil {
		return v.howFar(ctx, err)
	}
	if v.wait {
		return v.watch(ctx)
	}
	return v.started(v.starter.VerifyID(v.imp.Key))
}

// howFar adds to the refusal of a second start how far the first verify is.
func (v *verify) howFar(ctx context.Context, refused error) error {
	if chferry.CodeOf(refused) != chferry.CodeClaimed {
		return refused
	}
	running, err := api.ReadVerify(ctx, v.storage, v.starter, v.imp.Key)
	if err != nil { // it may have ended meanwhile
		return refused
	}
	return v.runsAlready(refused, running.JobStatus, verifyWords(running))
}
