package main

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/chferry/chferry"
	"github.com/chferry/chferry/sink"
	"github.com/chferry/chferry/starter"
	"github.com/chferry/chferry/transfer"
)

// choose looks the import keys up that arguments and flags name.
func (r *application) choose(keys []string) error {
	for _, key := range slices.Concat(r.opts.acceptSource, r.opts.takeOver) {
		if key == allImports {
			continue
		}
		if _, err := r.cfg.Import(key); err != nil {
			return err
		}
		if len(keys) > 0 && !slices.Contains(keys, key) {
			return usageError{fmt.Errorf(
				"import %s stands after a flag and not among the keys: name it there, too", key)}
		}
	}
	r.imports, r.some = r.cfg.Imports, len(keys) > 0
	if !r.some {
		return nil
	}
	if r.opts.prune {
		return usageError{errors.New("--prune is about import keys that were removed: leave the keys out")}
	}
	r.imports = nil
	for _, imp := range r.cfg.Imports {
		if slices.Contains(keys, string(imp.Key)) {
			r.imports = append(r.imports, imp)
		}
	}
	for _, key := range keys {
		if _, err := r.cfg.Import(key); err != nil {
			return err
		}
	}
	return nil
}

// everything looks at all imports before it changes the first thing. An import with a problem is left as it is.
func (r *application) everything(ctx context.Context) error {
	var works []work
	for _, imp := range r.imports {
		if w, err := r.work(ctx, imp); err != nil {
			r.problem(imp, err)
		} else {
			works = append(works, w)
		}
	}
	if err := r.starter.Check(ctx); err != nil {
		return err
	}
	for _, w := range works {
		err := r.one(ctx, w)
		// Redis or ClickHouse is gone, for the next import, too.
		if chferry.CodeOf(err) == chferry.CodeUnavailable {
			return err
		}
		if err != nil {
			r.problem(w.Import, err)
		}
	}
	if err := r.schedules(ctx); err != nil {
		return err
	}
	return r.firstLoads(ctx, works)
}

// problem keeps what is wrong with an import. What imports share, such as a server that is down, is kept once.
func (r *application) problem(imp chferry.Import, err error) {
	r.wrong[imp.Key] = true
	for _, problem := range chferry.Problems(err) {
		known := func(other error) bool { return other.Error() == problem.Error() }
		if !slices.ContainsFunc(r.problems, known) {
			r.problems = append(r.problems, problem)
		}
	}
}

// work is what is to be done in ClickHouse for an import.
type work struct {
	transfer.Plan
	missing []sink.Statement
}

// work asks no server again that did not answer for an import before.
func (r *application) work(ctx context.Context, imp chferry.Import) (work, error) {
	for _, server := range append(slices.Clone(imp.Databases), theSink) {
		if err := r.down[server]; err != nil {
			return work{}, err
		}
	}
	plan, err := transfer.MakePlan(ctx, imp, r.sources)
	if err != nil {
		return work{}, r.unreachable(err, imp.Databases[0], len(imp.Databases) == 1)
	}
	columns := transfer.CheckColumns(ctx, imp, r.sources)
	missing, err := plan.Missing(ctx, r.sink)
	if err == nil {
		err = r.probe(ctx, plan, missing)
	}
	return work{plan, missing}, errors.Join(columns, r.unreachable(err, theSink, true))
}

// theSink stands for ClickHouse among the aliases of databases, which it can't be one of.
const theSink = ""

// unreachable remembers that a server does not answer, if that is what the error says and it is known to be this one.
func (r *application) unreachable(err error, server string, known bool) error {
	if known && chferry.CodeOf(err) == chferry.CodeUnavailable {
		r.down[server] = err
	}
	return err
}

// one does all for an import but its schedule.
func (r *application) one(ctx context.Context, w work) error {
	if err := r.owner(ctx, w.Import, named(r.opts.takeOver, w.Import.Key)); err != nil {
		return err
	}
	if err := r.identities(ctx, w.Plan); err != nil {
		return err
	}
	return r.tables(ctx, w)
}

// named tells whether the keys of a flag name this one.
func named(keys []string, key chferry.ImportKey) bool {
	return slices.Contains(keys, string(key)) || slices.Contains(keys, allImports)
}

// identities remembers the source tables, so that the first sync already knows a wrong one.
func (r *application) identities(ctx context.Context, plan transfer.Plan) error {
	var problems []error
	for _, alias := range plan.Import.Databases {
		problems = append(problems, r.identity(ctx, plan, alias))
	}
	return errors.Join(problems...)
}

func (r *application) identity(ctx context.Context, plan transfer.Plan, alias string) error {
	key := plan.Import.Key
	switch {
	case named(r.opts.acceptSource, key):
		return r.accept(ctx, plan, alias)
	case r.opts.dryRun:
		return r.sameSource(ctx, plan, alias)
	}
	remembered, err := r.storage.RememberIdentity(ctx, key, alias, transfer.IdentityOf(plan.Tables[alias]))
	if err != nil {
		return err
	}
	return plan.SameSource(ctx, alias, remembered)
}

// accept makes a source table the one to sync from. With '*' only those are told that change.
func (r *application) accept(ctx context.Context, plan transfer.Plan, alias string) error {
	imp, table := plan.Import, plan.Tables[alias]
	same := r.sameSource(ctx, plan, alias)
	if same != nil && chferry.CodeOf(same) != chferry.CodeSourceChanged {
		return same
	}
	if !r.opts.dryRun {
		if err := r.storage.ReplaceIdentity(ctx, imp.Key, alias, transfer.IdentityOf(table)); err != nil {
			return err
		}
	}
	if same != nil || slices.Contains(r.opts.acceptSource, string(imp.Key)) {
		r.changed("accept", fmt.Sprintf("source %s of import %s in database %s", imp.Table, imp.Key, alias),
			table.Identity+"; "+staysAsItWas(imp))
	}
	return nil
}

func (r *application) tables(ctx context.Context, w work) error {
	if len(w.missing) == 0 {
		return nil
	}
	if !r.opts.dryRun {
		if w.Import.FirstLoad.OnCreate && createsTable(w.missing) {
			if err := starter.WantFirstLoad(ctx, r.storage, w.Import.Key); err != nil {
				return err
			}
		}
		for _, s := range w.missing {
			if err := r.sink.Create(ctx, []sink.Statement{s}); err != nil {
				return err
			}
			r.created(w, s)
		}
		return r.storage.NoteSchema(ctx, w.Import.Key, "", w.Schema)
	}
	for _, s := range w.missing {
		r.changed("create", s.Creates, s.SQL) // for whoever wants to run it by hand
	}
	return nil
}

func (r *application) created(w work, s sink.Statement) {
	text := ""
	switch s.Kind {
	case sink.Table:
		if !w.Import.FirstLoad.OnCreate {
			text = fmt.Sprintf("load the rows that %s has with chferry backfill %s", w.Import.Table, w.Import.Key)
		}
	case sink.Column:
		text = laterRows(w.Import)
	case sink.View:
	}
	r.changed("create", s.Creates, text)
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
		fmt.Fprintf(r.app.errOut, "chferry: this namespace does not let us create search attributes; somebody with "+
			"the right may run:\n  %s\n", attributes.Command)
	}
	var removed []chferry.ImportKey
	changes, err := r.starter.Apply(ctx, r.imports, starter.ApplyOptions{
		Attributes: attributes.Usable || r.opts.dryRun, Prune: r.opts.prune, DryRun: r.opts.dryRun,
		Leave: r.wrong, LeaveRemoved: r.some,
		Removed: func(key chferry.ImportKey) { removed = append(removed, key) },
	})
	for _, c := range changes {
		r.change(c)
		r.restart = r.restart || c.What == "create" || c.What == "update"
	}
	for _, key := range removed {
		r.stillQueued(ctx, key)
	}
	return err
}

// staysAsItWas says what becomes of rows that were synced from another source, or by another chferry.
func staysAsItWas(imp chferry.Import) string {
	return fmt.Sprintf("rows that were synced before stay as they are; chferry backfill %s copies all that are there "+
		"now", imp.Key)
}

// stillQueued says what a removed import key leaves behind, which is synced if the key comes back.
func (r *application) stillQueued(ctx context.Context, key chferry.ImportKey) {
	n, err := r.storage.OperationsCount(ctx, key)
	if err != nil || n == 0 { // it is a hint; a Redis that does not answer has been told by then
		return
	}
	is := "are"
	if n == 1 {
		is = "is"
	}
	fmt.Fprintf(r.app.out, "%s of %s %s still queued: put the import key back to have them synced, or drop them with "+
		"chferry flush %s --yes\n",
		chferry.Amount(n, "operation", "operations"), key, is, key)
}

// restartLine is said when something changed that a running worker or API does not know yet.
const restartLine = "restart worker and API: they read the configuration when they start"

func (r *application) changed(what, name, why string) {
	r.change(starter.Change{What: what, Name: name, Why: why})
}

func (r *application) change(c starter.Change) {
	r.changes++
	would := ""
	if r.opts.dryRun {
		would = "would "
	}
	fmt.Fprintf(r.app.out, "%s%s %s", would, c.What, oneLine(c.Name))
	if c.Why != "" {
		fmt.Fprintf(r.app.out, ": %s", oneLine(c.Why))
	}
	fmt.Fprintln(r.app.out)
}
