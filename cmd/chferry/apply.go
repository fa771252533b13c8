package main

import (
	"context"
	"fmt"
	"slices"

	"github.com/spf13/cobra"

	"github.com/chferry/chferry"
	"github.com/chferry/chferry/activities"
	"github.com/chferry/chferry/sink"
	"github.com/chferry/chferry/starter"
)

// applyOptions are the flags of the verb apply.
type applyOptions struct {
	dryRun       bool
	prune        bool
	acceptSource []string
	takeOver     []string
}

func (a *app) applyCommand() *cobra.Command {
	var opts applyOptions
	cmd := &cobra.Command{
		Use:   "apply",
		Short: "Create or update schedules, search attributes, missing tables and views from the configuration",
		Long: `Create what the configuration asks for and does not exist: destination tables, columns
that the source got since, views, search attributes, schedules. Update schedules that
differ, and pause those of import keys that were removed, or delete them with --prune.
A schedule that a person paused stays paused. Run twice, it changes nothing the second
time.`,
		Args: args(cobra.NoArgs),
		RunE: func(cmd *cobra.Command, _ []string) error { return a.apply(cmd.Context(), opts) },
	}
	cmd.Flags().BoolVar(&opts.dryRun, "dry-run", false, "print what would be changed and change nothing")
	cmd.Flags().BoolVar(&opts.prune, "prune", false,
		"delete the schedules of import keys that were removed, also paused ones, in the place of pausing them")
	cmd.Flags().StringSliceVar(&opts.acceptSource, "accept-source", nil,
		"import `KEY` whose source table was moved or made anew on purpose: sync from the one that is there now")
	cmd.Flags().StringSliceVar(&opts.takeOver, "take-over", nil,
		"import `KEY` that belongs to another chferry in this Redis: this one is the same, moved")
	return cmd
}

// application is one run of the verb apply.
type application struct {
	*services
	app     *app
	opts    applyOptions
	changes int
}

func (a *app) apply(ctx context.Context, opts applyOptions) error {
	s, err := a.openServices()
	if err != nil {
		return err
	}
	defer s.close()
	run := &application{services: s, app: a, opts: opts}
	if err := run.everything(ctx); err != nil {
		return err
	}
	if run.changes == 0 {
		_, err = fmt.Fprintln(a.out, "nothing to change")
	}
	return err
}

// everything looks at all imports before it changes the first thing, so that an error leaves nothing half done.
func (r *application) everything(ctx context.Context) error {
	for _, key := range slices.Concat(r.opts.acceptSource, r.opts.takeOver) {
		if _, err := r.cfg.Import(key); err != nil {
			return err
		}
	}
	var works []work
	for _, imp := range r.cfg.Imports {
		w, err := r.work(ctx, imp)
		if err != nil {
			return err
		}
		works = append(works, w)
	}
	if err := r.starter.Check(ctx); err != nil {
		return err
	}
	for _, w := range works {
		if err := r.owner(ctx, w.Import, slices.Contains(r.opts.takeOver, string(w.Import.Key))); err != nil {
			return err
		}
	}
	for _, w := range works {
		if err := r.identities(ctx, w.Plan); err != nil {
			return err
		}
	}
	for _, w := range works {
		if err := r.tables(ctx, w); err != nil {
			return err
		}
	}
	return r.schedules(ctx)
}

// work is what is to be done in ClickHouse for an import.
type work struct {
	activities.Plan
	missing []sink.Statement
}

func (r *application) work(ctx context.Context, imp chferry.Import) (work, error) {
	plan, err := activities.MakePlan(ctx, imp, r.sources)
	if err != nil {
		return work{}, err
	}
	if err := activities.CheckColumns(ctx, imp, r.sources); err != nil {
		return work{}, err
	}
	missing, err := plan.Missing(ctx, r.sink)
	return work{plan, missing}, err
}

// identities remembers the source tables, so that the first sync already knows a wrong one.
func (r *application) identities(ctx context.Context, plan activities.Plan) error {
	for alias, table := range plan.Tables {
		if err := r.identity(ctx, plan.Import, alias, table); err != nil {
			return err
		}
	}
	return nil
}

func (r *application) identity(ctx context.Context, imp chferry.Import, alias string, table chferry.Table) error {
	accept := slices.Contains(r.opts.acceptSource, string(imp.Key))
	if accept {
		r.changed("accept", fmt.Sprintf("source %s of import %s in database %s", imp.Table, imp.Key, alias), table.Identity)
	}
	if r.opts.dryRun {
		return nil
	}
	if accept {
		return r.storage.ReplaceIdentity(ctx, imp.Key, alias, activities.IdentityOf(table))
	}
	remembered, err := r.storage.RememberIdentity(ctx, imp.Key, alias, activities.IdentityOf(table))
	if err != nil {
		return err
	}
	return activities.SameSource(imp, alias, remembered, table)
}

func (r *application) tables(ctx context.Context, w work) error {
	for _, s := range w.missing {
		text := ""
		switch {
		case r.opts.dryRun: // for whoever wants to run it by hand
			text = s.SQL
		case s.Column != "":
			text = laterRows(w.Import)
		}
		r.changed("create", s.Creates, text)
	}
	if r.opts.dryRun || len(w.missing) == 0 {
		return nil
	}
	if err := r.sink.Create(ctx, w.missing); err != nil {
		return err
	}
	return r.storage.NoteSchema(ctx, w.Import.Key, "", w.Schema)
}

func (r *application) schedules(ctx context.Context) error {
	attributes, err := r.starter.EnsureSearchAttributes(ctx, r.opts.dryRun)
	if err != nil {
		return err
	}
	if attributes.Usable || r.opts.dryRun {
		for _, name := range attributes.Missing {
			r.changed("create", "search attribute "+name, "")
		}
	} else {
		fmt.Fprintf(r.app.errOut, "chferry: this namespace does not let us create search attributes; somebody with the right may run:\n  %s\n", attributes.Command)
	}
	changes, err := r.starter.Apply(ctx, r.cfg.Imports, starter.ApplyOptions{
		Attributes: attributes.Usable || r.opts.dryRun, Prune: r.opts.prune, DryRun: r.opts.dryRun,
	})
	for _, c := range changes {
		r.change(c)
	}
	return err
}

func (r *application) changed(what, name, why string) {
	r.change(starter.Change{What: what, Name: name, Why: why})
}

func (r *application) change(c starter.Change) {
	r.changes++
	would := ""
	if r.opts.dryRun {
		would = "would "
	}
	fmt.Fprintf(r.app.out, "%s%s %s", would, c.What, c.Name)
	if c.Why != "" {
		fmt.Fprintf(r.app.out, ": %s", c.Why)
	}
	fmt.Fprintln(r.app.out)
}
