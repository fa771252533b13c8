package activities

import (
	"context"

	"go.temporal.io/sdk/activity"

	"github.com/chferry/chferry"
	"github.com/chferry/chferry/storage"
	"github.com/chferry/chferry/transfer"
)

// InsertBatchInput names the batch to import.
type InsertBatchInput struct {
	ImportKey chferry.ImportKey `json:"import_key"`
	Token     string            `json:"token"`
	Ticket    Ticket            `json:"ticket"`
}

// Counts is a [chferry.Counts] as histories hold it: without what is 0, because each batch writes it twice.
type Counts struct {
	Operations int64 `json:"operations"`
	Rows       int64 `json:"rows,omitempty"`
	Deletes    int64 `json:"deletes,omitempty"`
	Coalesced  int64 `json:"coalesced,omitempty"`
	Failed     int64 `json:"failed,omitempty"`
}

// InsertBatchResult says what became of a batch's operations.
type InsertBatchResult struct {
	Counts
	// PutBack is the number of operations that wait in the queue again, because their database does
	// not answer. In the counts they are coalesced.
	PutBack int64 `json:"put_back,omitempty"`
	// Reason is why the first of the failed operations that was met can't be imported, or why
	// operations were put back; empty if neither happened.
	Reason string `json:"reason,omitempty"`
	// Replacement is the ID of the last [storage.Replacement] that had begun before; empty: none had.
	Replacement string `json:"replacement,omitempty"`
}

// InsertBatch imports a claimed batch: its operations become rows, read from the sources now, and
// the rows go into the destination. Done again, it inserts the same rows with the same version or
// newer ones with it; either way the destination shows each row once.
func (a *Activities) InsertBatch(ctx context.Context, in InsertBatchInput) (InsertBatchResult, error) {
	current, end, err := a.turn(ctx, attempt{key: in.ImportKey, token: in.Token, step: InsertBatchName})
	if err != nil {
		return InsertBatchResult{}, err
	}
	defer end()
	return step(ctx, a, current, func() (InsertBatchResult, error) {
		imp, err := a.importOf(in.ImportKey)
		if err != nil {
			return InsertBatchResult{}, err
		}
		t := a.Pipeline.Begin(in.ImportKey, in.Ticket.batch(), transfer.Options{
			Attempt:   storage.Attempt{Token: in.Token, BatchID: in.Ticket.Batch, Number: attemptNumber(ctx)},
			MaxFailed: imp.Limits.WithDefaults().MaxFailed,
		})
		failing := current.firstFailure(ctx, current.waited)
		ctx, stop := a.keepAlive(ctx, imp.Key, imp.Limits.WithDefaults(), in.Token, func() Heartbeat {
			return Heartbeat{Done: progress(t), FailingSince: failing}
		})
		defer stop()
		imported, replacement, err := a.insertBatch(ctx, imp, in.Ticket.Batch, t)
		return InsertBatchResult{Counts(imported.Counts), imported.PutBack, imported.Reason, replacement},
			because(ctx, err)
	})
}

// insertBatch returns what became of the batch, and the ID of the last replacement of the destination
// that had begun before.
func (a *Activities) insertBatch(ctx context.Context, imp chferry.Import, batch string, t *transfer.Transfer) (
	imported transfer.Result, replacement string, err error,
) {
	open, err := a.Storage.Replacement(ctx, imp.Key)
	if err != nil {
		return imported, "", err
	}
	plan, ok := a.claimed.take(imp.Key, batch)
	if !ok {
		if plan, err = a.Pipeline.Plan(ctx, imp); err != nil {
			return imported, "", err
		}
	}
	if plan, err = a.besideDestination(ctx, plan, open); err != nil {
		return imported, "", err
	}
	imported, err = t.Run(ctx, plan)
	return imported, open.ID, err
}

func progress(t *transfer.Transfer) *Counts {
	counts := Counts(t.Progress())
	return &counts
}

// attemptNumber grows with each attempt at a step, also from one execution of the step to the next,
// as after a reset of the run: Temporal counts attempts of each execution from 1.
func attemptNumber(ctx context.Context) int64 {
	const attempts = 1_000 // of an execution, that the number tells apart
	info := activity.GetInfo(ctx)
	return info.ScheduledTime.UnixMilli()*attempts + min(int64(info.Attempt), attempts-1)
}
