package activities

import (
	"context"
	"errors"

	"github.com/chferry/chferry"
	"github.com/chferry/chferry/sink"
	"github.com/chferry/chferry/storage"
	"github.com/chferry/chferry/transfer"
)

// A backfill that replaces its destination takes these steps. It may be killed between any two of them,
// and an attempt that was thought dead may take one late.
//
//  1. PlanBackfill makes the job's table, and then opens the replacement in the storage. From then on each
//     batch goes into both tables, and PostSync removes none that was imported before.
//  2. CopyRanges fills the job's table.
//  3. EndBackfill exchanges the tables, if all rows were copied, ends the job's ranges, drops the job's
//     tables, and only then ends the replacement.
//
// So while there is a table that might become the destination, no batch leaves the queue without it. A
// late attempt at the exchange finds no table.
//
// A late attempt at PlanBackfill may make a second table of the job. Which one is filled and exchanged is
// decided once, when the replacement is opened: the storage refuses another table from then on. The job's
// ranges keep the name.

// replacer returns what replaces the destination of an import, and what that needs to know of it.
func (a *Activities) replacer(imp chferry.Import) (sink.Replacer, sink.Destination, error) {
	replacer, ok := a.Pipeline.Sink.(sink.Replacer)
	if !ok {
		return nil, sink.Destination{}, chferry.Errorf(chferry.CodeConfiguration,
			"import key %s: its destination can't be replaced", imp.Key)
	}
	d, err := transfer.Replaceable(imp)
	return replacer, d, err
}

// beginReplacement makes the table that a backfill fills, and returns its name.
func (a *Activities) beginReplacement(ctx context.Context, plan transfer.Plan, token string) (string, error) {
	key := plan.Import.Key
	open, err := a.Storage.Replacement(ctx, key)
	if err != nil || open.Token == token {
		return open.Table, err // an earlier attempt has decided
	}
	replacer, _, err := a.replacer(plan.Import)
	if err != nil {
		return "", err
	}
	own, err := replacer.Prepare(ctx, plan.Destination, token)
	if err != nil {
		return "", err
	}
	_, err = a.Storage.BeginReplacement(ctx, key, token, own.Table)
	return own.Table, err
}

// dropReplacement ends the replacement of a job: its table goes first.
func (a *Activities) dropReplacement(ctx context.Context, imp chferry.Import, token string) error {
	if err := a.dropTables(ctx, imp, token); err != nil {
		return err
	}
	return a.Storage.EndReplacement(ctx, imp.Key, token)
}

func (a *Activities) dropTables(ctx context.Context, imp chferry.Import, token string) error {
	replacer, d, err := a.replacer(imp)
	if err != nil {
		return err
	}
	return replacer.Drop(ctx, d, token)
}

// endDeadReplacement ends the replacement of another backfill that has ended without having done so,
// as one that was terminated. CodeClaimed: it has not ended.
func (a *Activities) endDeadReplacement(ctx context.Context, imp chferry.Import, token string) error {
	open, err := a.Storage.Replacement(ctx, imp.Key)
	if err != nil || !open.Open() || open.Token == token {
		return err
	}
	if !a.isClosed(ctx, open.Token) {
		return chferry.Errorf(chferry.CodeClaimed,
			"import key %s: another backfill replaces the destination: wait for its end, or cancel it", imp.Key)
	}
	return a.dropReplacement(ctx, imp, open.Token)
}

func (a *Activities) isClosed(ctx context.Context, token string) bool {
	return a.JobClosed != nil && a.JobClosed(ctx, token)
}

// besideDestination returns the plan with the table that the batch is to get into, too, if a backfill
// fills one. A table that is gone, or was dropped here because its backfill ended without a word or because
// it lacks a column by now, never becomes the destination, and the batch need not get into it.
func (a *Activities) besideDestination(ctx context.Context, plan transfer.Plan, open storage.Replacement,
) (transfer.Plan, error) {
	if !open.Open() {
		return plan, nil
	}
	imp := plan.Import
	if a.isClosed(ctx, open.Token) {
		err := a.dropReplacement(ctx, imp, open.Token)
		if err == nil {
			a.Log.Info("dropped the table of a backfill that has ended", "import_key", imp.Key, "table", open.Table)
			return plan, nil
		}
		a.logNotDropped(imp.Key, open.Table, err)
	}
	both, err := a.Pipeline.Beside(ctx, plan, open.Table)
	switch {
	case errors.Is(err, transfer.ErrGone):
		return plan, nil // it is the destination by now, or was dropped; EndBackfill must see which
	case chferry.CodeOf(err) != chferry.CodeSchemaMismatch:
		return both, err
	}
	_, why := chferry.Safe(err)
	if err = a.dropTables(ctx, imp, open.Token); err == nil {
		a.Log.Warn("left a backfill's new table out", "import_key", imp.Key, "table", open.Table, "reason", why)
	}
	return plan, err
}

func (a *Activities) logNotDropped(key chferry.ImportKey, table string, err error) {
	code, text := chferry.Safe(err)
	a.Log.Warn("the table of a backfill that has ended was not dropped", "import_key", key, "table", table,
		"code", code, "error", text)
}

// endReplacing ends a backfill that replaces the destination.
func (a *Activities) endReplacing(ctx context.Context, in EndBackfillInput) (EndResult, error) {
	current := attempt{key: in.ImportKey, token: in.Token, step: EndBackfillName, job: &job{}}
	return step(ctx, a, current, func() (EndResult, error) {
		imp, err := a.importOf(in.ImportKey)
		if err != nil {
			return EndResult{}, err
		}
		failing := current.firstFailure(ctx, 0)
		say := func() Heartbeat { return Heartbeat{FailingSince: failing} }
		ctx, stop := keepAlive(ctx, imp.Limits.WithDefaults(), say, holdsNothing)
		defer stop()
		result, err := a.replace(ctx, imp, in)
		return result, because(ctx, err)
	})
}

// replace puts the job's table in the place of the destination, if all was copied, and drops the job's
// tables, of which one is the old destination then. An attempt that comes after that finds the ranges ended.
func (a *Activities) replace(ctx context.Context, imp chferry.Import, in EndBackfillInput) (EndResult, error) {
	last, err := a.Storage.RangesProgress(ctx, imp.Key, storage.Backfill)
	if err != nil {
		return EndResult{}, err
	}
	result := EndResult{TableProgress: ProgressOf(last)}
	result.Outcome = in.outcome(result.TableProgress)
	if last.Token == in.Token && last.Open && in.Outcome == "" {
		if err := a.exchange(ctx, imp, in.Token, last); err != nil {
			return EndResult{}, err
		}
	}
	job := storage.Job{Kind: storage.Backfill, Token: in.Token}
	ended := a.Storage.EndRanges(ctx, imp.Key, job, result.Outcome)
	if ended != nil && chferry.CodeOf(ended) != chferry.CodeSuperseded {
		return EndResult{}, ended
	}
	return result, errors.Join(a.dropReplacement(ctx, imp, in.Token), ended)
}

func (a *Activities) exchange(ctx context.Context, imp chferry.Import, token string, p storage.Progress) error {
	if p.Pending+p.Claimed > 0 {
		return chferry.Errorf(chferry.CodeInvalid, "import key %s: %d ranges are not copied: start the backfill again",
			imp.Key, p.Pending+p.Claimed)
	}
	open, err := a.Storage.Replacement(ctx, imp.Key)
	if err != nil {
		return err
	}
	filled, err := optionsOf(imp.Key, p.Options)
	if err != nil {
		return err
	}
	if open.Token != token || open.Table != filled.Table { // syncs do not write into the table that was filled
		return chferry.Errorf(chferry.CodeSuperseded, "import key %s: another job has ended the replacement", imp.Key)
	}
	replacer, d, err := a.replacer(imp)
	if err != nil {
		return err
	}
	return beginAnew(replacer.Exchange(ctx, d, token, filled.Table))
}

// beginAnew says what to do about tables that have changed while one was filled to replace the other.
func beginAnew(err error) error {
	if chferry.CodeOf(err) != chferry.CodeSchemaMismatch {
		return err
	}
	_, text := chferry.Safe(err)
	return chferry.WrapError(chferry.CodeSchemaMismatch, err,
		"%s (the destination was not replaced: start the backfill again)", text)
}
