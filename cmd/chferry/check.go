package main

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/spf13/cobra"

	"github.com/chferry/chferry"
	"github.com/chferry/chferry/api"
	"github.com/chferry/chferry/starter"
)

func (a *app) checkCommand() *cobra.Command {
	var columns bool
	cmd := &cobra.Command{
		Use:   "check",
		Short: "Check configuration, connections, tables and types; change nothing",
		Long: `Check the configuration, every connection, and that each import's source and
destination fit each other; print what "chferry apply" would do, and what keeps syncs from
going on: a paused schedule, a worker that is missing, steps that fail. Every problem
of every import is named; apply leaves an import with one as it is. Nothing is changed.`,
		Args: args(cobra.NoArgs),
		RunE: func(cmd *cobra.Command, _ []string) error { return a.check(cmd.Context(), columns) },
	}
	cmd.Flags().BoolVar(&columns, "columns", false,
		"print the columns of each import with their types in source and ClickHouse")
	return cmd
}

// check goes through everything, so that one run shows all there is to mend, and returns the first error.
func (a *app) check(ctx context.Context, columns bool) error {
	s, err := a.openServices()
	if err != nil {
		return err
	}
	defer s.close()
	r := report{app: a}
	for _, weakness := range s.cfg.API.Weaknesses() {
		r.note(weakness)
	}
	r.add("configuration "+a.configPath, nil)
	storageProblem := s.storage.Check(ctx)
	r.add("Redis", storageProblem)
	sinkProblem := s.sink.Check(ctx)
	r.add("ClickHouse", sinkProblem)
	down := map[string]bool{}
	for _, alias := range slices.Sorted(maps.Keys(s.sources)) {
		problem := s.sources[alias].Check(ctx)
		r.add("database "+alias, problem)
		down[alias] = problem != nil
	}
	c := importCheck{
		services: s, report: &r, columns: columns, storageUp: storageProblem == nil,
		refused: map[chferry.ImportKey]bool{},
	}
	if c.storageUp {
		c.readStatuses(ctx)
	}
	for _, imp := range s.cfg.Imports {
		isDown := func(alias string) bool { return down[alias] }
		if sinkProblem != nil || slices.ContainsFunc(imp.Databases, isDown) { // the server has its line already
			c.refused[imp.Key] = true
			continue
		}
		r.add("import "+string(imp.Key), c.problems(ctx, imp))
	}
	stops := chferry.CodeOf(storageProblem) == chferry.CodeUnavailable // apply, before it comes to the schedules
	r.add("Temporal", s.checkTemporal(ctx, &r, c.refused, stops))
	return r.err()
}

// checkTemporal notes what apply would change in Temporal. apply leaves the schedules of refused imports as they are.
func (s *services) checkTemporal(ctx context.Context, r *report, refused map[chferry.ImportKey]bool,
	applyStops bool,
) error {
	if err := s.starter.Check(ctx); err != nil {
		return err
	}
	attributes, err := s.starter.EnsureSearchAttributes(ctx, true)
	if err != nil {
		return err
	}
	if !applyStops {
		for _, name := range attributes.Missing {
			r.would("create search attribute " + name)
		}
		var changes []starter.Change
		changes, err = s.starter.Apply(ctx, s.cfg.Imports,
			starter.ApplyOptions{Attributes: true, DryRun: true, Leave: refused})
		for _, c := range changes {
			r.would(c.What + " " + c.Name + " (" + c.Why + ")")
		}
	}
	if workers, problem := s.starter.Pollers(ctx); problem == nil && workers == 0 {
		r.note(fmt.Sprintf("no worker polls task queue %q: no sync gets on until one is started: chferry worker",
			s.starter.TaskQueue()))
	}
	return err
}

// readStatuses reads how the syncs of all imports go. What can't be read is left out: check has told why by then.
func (c *importCheck) readStatuses(ctx context.Context) {
	statuses, err := api.ReadStatus(ctx, c.storage, c.starter, c.cfg.Imports, time.Now())
	if err != nil {
		return
	}
	c.statuses = map[chferry.ImportKey]api.ImportStatus{}
	for _, s := range statuses {
		c.statuses[s.Key] = s
	}
}
