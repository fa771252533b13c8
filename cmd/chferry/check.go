package main

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"

	"github.com/spf13/cobra"

	"github.com/chferry/chferry"
	"github.com/chferry/chferry/activities"
	"github.com/chferry/chferry/config"
	"github.com/chferry/chferry/sink"
	"github.com/chferry/chferry/source"
	"github.com/chferry/chferry/starter"
	"github.com/chferry/chferry/storage/redis"
)

func (a *app) checkCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "check",
		Short: "Check configuration, connections, tables and types; change nothing",
		Long: `Check the configuration, every connection, and that each import's source and
destination fit each other; print what "chferry apply" would create. Nothing is changed.`,
		Args: args(cobra.NoArgs),
		RunE: func(cmd *cobra.Command, _ []string) error { return a.check(cmd.Context()) },
	}
}

// services are the parts that a configuration names, opened but not necessarily reachable.
type services struct {
	cfg     *config.Config
	storage *redis.Storage
	starter *starter.Starter
	sources map[string]source.Source
	sink    sink.Sink
	closers []func()
}

func (a *app) openServices() (_ *services, err error) {
	cfg, err := a.load()
	if err != nil {
		return nil, err
	}
	s := &services{cfg: cfg}
	defer func() {
		if err != nil {
			s.close()
		}
	}()
	if s.storage, err = openStorage(cfg, nil); err != nil {
		return nil, err
	}
	s.closers = append(s.closers, func() { _ = s.storage.Close() }) // nothing is written that closing could lose
	if s.starter, err = a.openStarter(cfg, nil); err != nil {
		return nil, err
	}
	s.closers = append(s.closers, s.starter.Close)
	var closeSources func()
	if s.sources, closeSources, err = openSources(cfg, cfg.Imports); err != nil {
		return nil, err
	}
	s.closers = append(s.closers, closeSources)
	if s.sink, err = openSink(cfg); err != nil {
		return nil, err
	}
	s.closers = append(s.closers, s.sink.Close)
	return s, nil
}

func (s *services) close() {
	for _, closeOne := range slices.Backward(s.closers) {
		closeOne()
	}
}

// check goes through everything, so that one run shows all there is to mend, and returns the first error.
func (a *app) check(ctx context.Context) error {
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
	r.add("Redis", s.storage.Check(ctx))
	r.add("Temporal", s.checkTemporal(ctx, &r))
	r.add("ClickHouse", s.sink.Check(ctx))
	for _, alias := range slices.Sorted(maps.Keys(s.sources)) {
		r.add("database "+alias, s.sources[alias].Check(ctx))
	}
	if r.first == nil { // tables of a server that is down need no errors of their own
		for _, imp := range s.cfg.Imports {
			r.add("import "+string(imp.Key), s.checkImport(ctx, imp, &r))
		}
	}
	return r.err()
}

func (s *services) checkTemporal(ctx context.Context, r *report) error {
	if err := s.starter.Check(ctx); err != nil {
		return err
	}
	attributes, err := s.starter.EnsureSearchAttributes(ctx, true)
	if err != nil {
		return err
	}
	for _, name := range attributes.Missing {
		r.would("create search attribute " + name)
	}
	changes, err := s.starter.Apply(ctx, s.cfg.Imports, starter.ApplyOptions{Attributes: true, DryRun: true})
	for _, c := range changes {
		r.would(c.What + " " + c.Name + " (" + c.Why + ")")
	}
	return err
}

func (s *services) checkImport(ctx context.Context, imp chferry.Import, r *report) error {
	plan, err := activities.MakePlan(ctx, imp, s.sources)
	if err != nil {
		return err
	}
	if err := activities.CheckColumns(ctx, imp, s.sources); err != nil {
		return err
	}
	missing, err := plan.Missing(ctx, s.sink)
	if err != nil {
		return err
	}
	var stale []error
	for _, statement := range missing {
		r.would("create " + statement.Creates)
		if statement.Stale != "" {
			stale = append(stale, chferry.Errorf(chferry.CodeSchemaMismatch, "%s", statement.Stale))
		}
		if statement.Column != "" {
			r.note("until then it is not synced; " + laterRows(imp))
		}
	}
	for _, schema := range plan.Schema {
		r.note(schema)
	}
	unfilled, err := s.sink.Unfilled(ctx, plan.Destination)
	for _, column := range unfilled {
		r.note(fmt.Sprintf("column %q of ClickHouse's table %s is not in the source: rows get its default", column, plan.Destination.Table))
	}
	return errors.Join(append(stale, err)...)
}

// laterRows says what becomes of a new column.
func laterRows(imp chferry.Import) string {
	return "rows that are there already have its default until they are synced again: chferry register " + string(imp.Key) + " update --all"
}

// report prints a line for each thing that was looked at.
type report struct {
	app   *app
	first error
	count int
	notes []string
}

func (r *report) would(do string) { r.note("apply would " + do) }

func (r *report) note(text string) { r.notes = append(r.notes, text) }

func (r *report) add(what string, err error) {
	if err != nil {
		fmt.Fprintf(r.app.out, "FAIL  %s: %s\n", what, err)
		r.count++
		if r.first == nil {
			r.first = err
		}
	} else {
		fmt.Fprintf(r.app.out, "ok    %s\n", what)
	}
	for _, note := range r.notes {
		fmt.Fprintf(r.app.out, "      %s\n", note)
	}
	r.notes = nil
}

// err returns the first error, with its exit status.
func (r *report) err() error {
	if r.count < 2 {
		return r.first
	}
	return chferry.WrapError(chferry.CodeOf(r.first), r.first, "%s (and %d more, see above)", r.first, r.count-1)
}
