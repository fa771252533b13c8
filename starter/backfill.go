package starter

import (
	"context"
	"fmt"

	"github.com/chferry/chferry"
	"github.com/chferry/chferry/activities"
	"github.com/chferry/chferry/storage"
	"github.com/chferry/chferry/workflows"
)

// BackfillOptions say what a backfill copies, and how.
type BackfillOptions struct {
	activities.BackfillRequest
	Parallel      int     // readers; 0: [workflows.DefaultParallel]
	RowsPerSecond float64 // of all readers together; 0: no limit
	Replace       bool    // [workflows.BackfillInput.Replace]
}

// StartBackfill starts the backfill of an import, whose schedule must exist. What no history may hold goes into the
// storage. Errors: CodeClaimed if one runs already.
func (s *Starter) StartBackfill(ctx context.Context, imp chferry.Import, requests storage.Requests,
	opts BackfillOptions,
) error {
	id := workflows.BackfillID(s.prefix, imp.Key)
	request, err := keepRequest(ctx, requests, imp.Key, storage.Backfill, opts.BackfillRequest)
	if err != nil {
		return err
	}
	return s.startJob(ctx, imp, id, fmt.Sprintf("backfill %s: all of %s into %s", imp.Key, imp.Table,
		imp.DestinationTable), workflows.BackfillName, workflows.BackfillInput{
		ImportKey: imp.Key, Request: request, Parallel: opts.Parallel, RowsPerSecond: opts.RowsPerSecond,
		Replace: opts.Replace,
	})
}

// PauseBackfill stops the readers of a backfill until ResumeBackfill is called.
func (s *Starter) PauseBackfill(ctx context.Context, key chferry.ImportKey) error {
	return s.signal(ctx, workflows.BackfillID(s.prefix, key), workflows.PauseSignal)
}

// ResumeBackfill ends a pause.
func (s *Starter) ResumeBackfill(ctx context.Context, key chferry.ImportKey) error {
	return s.signal(ctx, workflows.BackfillID(s.prefix, key), workflows.ResumeSignal)
}

// CancelBackfill cancels a backfill. The rows that it has copied stay.
func (s *Starter) CancelBackfill(ctx context.Context, key chferry.ImportKey) error {
	return s.cancelJob(ctx, workflows.BackfillID(s.prefix, key))
}

// Backfill says how the last backfill of an import key is.
func (s *Starter) Backfill(ctx context.Context, key chferry.ImportKey) (Job, error) {
	return s.job(ctx, workflows.BackfillID(s.prefix, key))
}

// AwaitBackfill waits until the backfill of an import key has ended, and returns its result. One that failed gives its
// error.
func (s *Starter) AwaitBackfill(ctx context.Context, key chferry.ImportKey) (workflows.BackfillResult, error) {
	return awaitJob[workflows.BackfillResult](ctx, s, workflows.BackfillID(s.prefix, key))
}
