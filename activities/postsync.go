package activities

import (
	"context"
	"log/slog"

	"github.com/chferry/chferry"
	"github.com/chferry/chferry/storage"
)

// PostSyncInput says what became of a batch.
type PostSyncInput struct {
	ImportKey chferry.ImportKey `json:"import_key"`
	Token     string            `json:"token"`
	Batch     string            `json:"batch"`
	Counts    Counts            `json:"outcome"`
	Last      bool              `json:"last,omitempty"` // the sync ends with this batch, whatever is left
	// Partial tells that a batch of this sync had operations that failed or were put back.
	Partial bool `json:"partial,omitempty"`
	// Replacement is that of [InsertBatchResult].
	Replacement string `json:"replacement,omitempty"`
}

// PostSyncResult says what is left.
type PostSyncResult struct {
	Remaining int64 `json:"remaining"`
}

// PostSync removes an imported batch from the storage. CodeReplaced: the batch is to be imported again first.
func (a *Activities) PostSync(ctx context.Context, in PostSyncInput) (PostSyncResult, error) {
	attempted := attempt{key: in.ImportKey, token: in.Token, step: PostSyncName}
	return step(ctx, a, attempted, func() (PostSyncResult, error) {
		end, err := a.Storage.PostSync(ctx, in.ImportKey, storage.PostSyncOptions{
			Token: in.Token, BatchID: in.Batch, Counts: chferry.Counts(in.Counts), Last: in.Last, Partial: in.Partial,
			Replacement: in.Replacement,
		})
		if err != nil {
			return PostSyncResult{}, err
		}
		if !end.Repeated {
			a.ended(ctx, in, end)
		}
		return PostSyncResult{Remaining: end.Remaining}, nil
	})
}

func (a *Activities) ended(ctx context.Context, in PostSyncInput, end storage.End) {
	o := chferry.Counts(in.Counts)
	a.Observer.BatchEnded(in.ImportKey, o)
	level := slog.LevelInfo
	if o.Failed > 0 {
		level = slog.LevelWarn
	}
	a.Log.Log(ctx, level, "batch synced", "import_key", in.ImportKey, "batch", in.Batch, "operations", o.Operations,
		"rows", o.Rows, "deletes", o.Deletes, "coalesced", o.Coalesced, "failed", o.Failed, "remaining", end.Remaining)
	if end.Remaining > 0 && !in.Last {
		return
	}
	if in.Partial {
		a.Observer.SyncEnded(in.ImportKey, OutcomePartial)
	} else {
		a.Observer.SyncEnded(in.ImportKey, OutcomeSynced)
	}
}

// PostSyncFailedInput says whose sync failed.
type PostSyncFailedInput struct {
	ImportKey chferry.ImportKey `json:"import_key"`
	Token     string            `json:"token"`
}

// PostSyncFailed ends the claim of a sync that failed, so that the next one need not wait for the
// lease. What was claimed stays claimed as it is. A sync that was not the claimant any more has
// nothing to end.
func (a *Activities) PostSyncFailed(ctx context.Context, in PostSyncFailedInput) error {
	attempted := attempt{key: in.ImportKey, token: in.Token, step: PostSyncFailedName}
	_, err := step(ctx, a, attempted, func() (struct{}, error) {
		err := a.Storage.PostSyncFailed(ctx, in.ImportKey, in.Token)
		if err != nil && chferry.CodeOf(err) != chferry.CodeSuperseded {
			return struct{}{}, err
		}
		a.Observer.SyncEnded(in.ImportKey, OutcomeFailed)
		return struct{}{}, nil
	})
	return err
}
