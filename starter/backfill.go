package starter

import (
	"context"
	"fmt"

	"github.com/chferry/chferry"
	"github.com/chferry/chferry/activities"
	"github.com/chferry/chferry/storage"
	"github.com/chferry/chferry/workflows"
)

// StartBackfill starts the backfill of an import, whose schedule must exist. What no history may hold goes into the
// storage. Errors: CodeInvalid for options that can't be used, CodeClaimed if a backfill runs already.
func (s *Starter) StartBackfill(ctx context.Context, imp chferry.Import, requests storage.Requests,
	opts chferry.BackfillOptions,
) error {
	if err := opts.Validate(); err != nil {
		return err
	}
	if err := s.startable(ctx, imp.Key, workflows.BackfillID(s.prefix, imp.Key)); err != nil {
		return err
	}
	request, err := keepRequest(ctx, requests, imp.Key, storage.Backfill,
		activities.BackfillRequest{Where: opts.Where})
	if err != nil {
		return err
	}
	return s.startBackfill(ctx, imp, request, opts)
}

func (s *Starter) startBackfill(ctx context.Context, imp chferry.Import, request string,
	opts chferry.BackfillOptions,
) error {
	rows := "all rows"
	if opts.Where != "" {
		rows = "the rows that a condition holds for"
	}
	id := workflows.BackfillID(s.prefix, imp.Key)
	summary := fmt.Sprintf("backfill %s: %s of %s into %s", imp.Key, rows, imp.Table, imp.DestinationTable)
	return s.startJob(ctx, imp, id, summary, workflows.BackfillName, workflows.BackfillInput{
		ImportKey: imp.Key, Request: request, Parallel: opts.Parallel, RowsPerSecond: float64(opts.RowsPerSecond),
		Replace: opts.Replace,
	})
}

// BackfillID returns the ID of the workflow that copies the whole table of an import key.
func (s *Starter) BackfillID(key chferry.ImportKey) string {
	return workflows.BackfillID(s.prefix, key)
}

// PauseBackfill stops the readers of a backfill until ResumeBackfill is called.
func (s *Starter) PauseBackfill(ctx context.Context, key chferry.ImportKey) error {
	return s.pauseJob(ctx, workflows.BackfillID(s.prefix, key), true)
}

// ResumeBackfill ends a pause.
func (s *Starter) ResumeBackfill(ctx context.Context, key chferry.ImportKey) error {
	return s.pauseJob(ctx, workflows.BackfillID(s.prefix, key), false)
}

// CancelBackfill cancels a backfill. The rows that it has copied stay.
func (s *Starter) CancelBackfill(ctx context.Context, key chferry.ImportKey) error {
	return s.cancelJob(ctx, workflows.BackfillID(s.prefix, key))
}

// Backfill says how the last backfill of an import key is.
func (s *Starter) Backfill(ctx context.Context, key chferry.ImportKey) (chferry.JobStatus, error) {
	return s.job(ctx, workflows.BackfillID(s.prefix, key))
}

// AwaitBackfill waits until the backfill of an import key has ended, and returns its result. One that failed gives its
// error.
func (s *Starter) AwaitBackfill(ctx context.Context, key chferry.ImportKey) (workflows.BackfillResult, error) {
	return s.WatchBackfill(ctx, key, JobWatch{})
}

// WatchBackfill is [Starter.AwaitBackfill] for a caller that wants to know how it goes.
func (s *Starter) WatchBackfill(ctx context.Context, key chferry.ImportKey,
	watch JobWatch,
) (result workflows.BackfillResult, err error) {
	err = s.awaitJob(ctx, workflows.BackfillID(s.prefix, key), &result, watch)
	if err != nil && ctx.Err() != nil {
		return result, stoppedWaiting(storage.Backfill, key, err)
	}
	return result, err
}
