package activities

import (
	"context"

	"github.com/chferry/chferry"
	"github.com/chferry/chferry/storage"
	"github.com/chferry/chferry/transfer"
)

// GetOperationsInput says who claims.
type GetOperationsInput struct {
	ImportKey chferry.ImportKey `json:"import_key"`
	Token     string            `json:"token"`
}

// Ticket stands for a claimed batch: the operations themselves stay in the storage. With 0
// operations there is no batch.
type Ticket struct {
	Batch      string `json:"batch"`
	Operations int    `json:"operations"`
	Version    uint64 `json:"version,string"` // a string, because readers of JSON in browsers round large numbers
	ChunkSize  int    `json:"chunk_size"`
}

func (t Ticket) batch() chferry.Batch {
	return chferry.Batch{ID: t.Batch, Count: t.Operations, Version: t.Version, ChunkSize: t.ChunkSize}
}

// GetOperations claims a batch, after it has checked that source and destination fit each other and are what they were.
func (a *Activities) GetOperations(ctx context.Context, in GetOperationsInput) (Ticket, error) {
	current := attempt{key: in.ImportKey, token: in.Token, step: GetOperationsName}
	return step(ctx, a, current, func() (Ticket, error) {
		imp, err := a.importOf(in.ImportKey)
		if err != nil {
			return Ticket{}, err
		}
		ctx, stop := a.keepAlive(ctx, imp.Key, imp.Limits.WithDefaults(), in.Token, func() Heartbeat {
			return Heartbeat{FailingSince: current.firstFailure(ctx, 0)}
		})
		defer stop()
		plan, err := a.Pipeline.Plan(ctx, imp)
		if err := a.noteSchema(ctx, imp.Key, in.Token, plan, err); err != nil {
			return Ticket{}, because(ctx, err)
		}
		floor := func(ctx context.Context) (uint64, error) {
			return a.Pipeline.Sink.MaxVersion(ctx, plan.Destination)
		}
		batch, err := a.Storage.GetOperations(ctx, in.ImportKey, storage.GetOptions{
			Token: in.Token, Count: imp.BatchSize, ChunkSize: min(imp.BatchSize, transfer.MaxChunk),
			Settle: imp.Settle, Floor: floor,
		})
		if err == nil && batch.Count > 0 {
			a.claimed.keep(in.ImportKey, batch.ID, plan)
		}
		ticket := Ticket{Batch: batch.ID, Operations: batch.Count, Version: batch.Version, ChunkSize: batch.ChunkSize}
		return ticket, because(ctx, err)
	})
}
