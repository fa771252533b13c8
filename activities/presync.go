package activities

import (
	"context"

	"github.com/chferry/chferry"
	"github.com/chferry/chferry/storage"
)

// PreSyncInput says who wants to sync what.
type PreSyncInput struct {
	ImportKey chferry.ImportKey `json:"import_key"`
	Token     string            `json:"token"`
}

// PreSyncResult says whether there is something to do.
type PreSyncResult struct {
	Claimed    bool  `json:"claimed"`
	Operations int64 `json:"operations"` // kept in the storage
	TakenOver  bool  `json:"taken_over,omitempty"`
	MaxBatches int   `json:"max_batches,omitempty"` // after which the sync leaves the rest to the next one
}

// maxBatches bounds one sync, so that a queue that grows faster than it drains still gives runs that end and can be read.
const maxBatches = 100

// PreSync makes the sync the claimant of its import key, if there is something to sync. It asks the storage alone, so that an
// idle tick costs one call to Redis.
func (a *Activities) PreSync(ctx context.Context, in PreSyncInput) (PreSyncResult, error) {
	return step(ctx, a, in.ImportKey, "PreSync", func() (PreSyncResult, error) {
		imp, err := a.importOf(in.ImportKey)
		if err != nil {
			return PreSyncResult{}, err
		}
		start, err := a.Storage.PreSync(ctx, in.ImportKey, storage.PreSyncOptions{
			Token: in.Token, Lease: a.lease(), Settle: imp.Settle, Closed: a.Closed,
		})
		if err != nil {
			return PreSyncResult{}, err
		}
		if start.TakenOver {
			a.Observer.TakenOver(in.ImportKey)
			a.Log.Info("took over the import key", "import_key", in.ImportKey, "operations", start.Pending)
		}
		if !start.Claimed {
			a.Observer.SyncEnded(in.ImportKey, OutcomeIdle)
			return PreSyncResult{}, nil
		}
		return PreSyncResult{Claimed: true, Operations: start.Pending, TakenOver: start.TakenOver, MaxBatches: maxBatches}, nil
	})
}
