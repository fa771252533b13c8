package main

import (
	"context"
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/chferry/chferry"
)

// applyOptions are the flags of the verb apply.
type applyOptions struct {
	dryRun       bool
	prune        bool
	acceptSource []string
	takeOver     []string
}

// allImports stands for all import keys where a flag names some.
const allImports = "*"

func (a *app) applyCommand() *cobra.Command {
	var opts applyOptions
	cmd := &cobra.Command{
		Use:   "apply [KEY...]",
		Short: "Create or update the tables and schedules that are configured",
		Long: `Create what the configuration asks for and does not exist: destination tables, columns
that the source got since, views, search attributes, schedules. Update schedules that
differ, and pause those of import keys that were removed, or delete them with --prune.
A schedule that a person paused stays paused. Run twice, it changes nothing the second
time.

An import with a problem is left as it is and named, and stops no other: mend it and
run apply again. With KEYs, only these imports are looked at.`,
		RunE: func(cmd *cobra.Command, keys []string) error { return a.apply(cmd.Context(), keys, opts) },
	}
	cmd.Flags().BoolVar(&opts.dryRun, "dry-run", false, "print what would be changed and change nothing")
	cmd.Flags().BoolVar(&opts.prune, "prune", false,
		"delete the schedules of import keys that were removed, also paused ones, instead of pausing them")
	cmd.Flags().StringSliceVar(&opts.acceptSource, "accept-source", nil,
		"import `KEY` whose source table was moved or made anew on purpose: sync from the one that is there now; "+
			"may be repeated, '*' stands for all")
	cmd.Flags().StringSliceVar(&opts.takeOver, "take-over", nil,
		"import `KEY` that belongs to another chferry in this Redis, or filled another table: this one is "+
			"the same, moved; may be repeated, '*' stands for all")
	return cmd
}

// application is one run of the verb apply.
type application struct {
	*services
	app     *app
	opts    applyOptions
	imports []chferry.Import // those to look at
	some    bool             // they were named
	changes int
	// restart tells that something changed that worker and API know only once they start anew.
	restart bool
	// problems are the problems of single imports, in order; wrong holds the imports that have any.
	problems []error
	wrong    map[chferry.ImportKey]bool
	down     map[string]error // servers that do not answer: aliases of databases, and theSink
}

func (a *app) apply(ctx context.Context, keys []string, opts applyOptions) error {
	s, err := a.openServices()
	if err != nil {
		return err
	}
	defer s.close()
	run := &application{services: s, app: a, opts: opts, wrong: map[chferry.ImportKey]bool{}, down: map[string]error{}}
	if err := run.choose(keys); err != nil {
		return err
	}
	stopped := run.everything(ctx)
	err = errors.Join(append(run.problems, stopped)...)
	switch {
	case run.restart && !opts.dryRun:
		fmt.Fprintln(a.out, restartLine)
	case run.changes == 0 && err == nil:
		fmt.Fprintln(a.out, "nothing to change")
	}
	return err
}
