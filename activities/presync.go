package activities

import (
	"context"
	"time"

	"github.com/chferry/chferry"
	"github.com/chferry/chferry/storage"
)

// PreSyncInput says who wants to sync what.
type PreSyncInput struct {
	ImportKey chferry.ImportKey `json:"import_key"`
	Token     string            `json:"token"`
	// Began is when the run began. A local activity's attempts are told nothing of each other.
	Began time.Time `json:"began"`
}

// PreSyncResult says whether there is something to do, and what the sync has to keep to: it is in
// the history, so that what a run does never depends on the configuration of the worker that
// replays it.
type PreSyncResult struct {
	Claimed    bool  `json:"claimed"`
	Operations int64 `json:"operations"` // kept in the storage
	TakenOver  bool  `json:"taken_over,omitempty"`
	// Short tells that so few operations are kept that their batch is claimed and removed in no
	// time. Older workers do not tell.
	Short bool `json:"short,omitempty"`

	MaxBatches       int     `json:"max_batches,omitempty"` // after which the sync leaves the rest to the next one
	MaxDuration      Seconds `json:"max_duration,omitempty"`
	RetryFor         Seconds `json:"retry_for,omitempty"`
	HeartbeatTimeout Seconds `json:"heartbeat_timeout,omitempty"`
	InsertTimeout    Seconds `json:"insert_timeout,omitempty"`
}

// shortQueue is how many operations may be kept for their sync to be short.
const shortQueue = 1000

// Seconds is a duration as people read it in a history.
type Seconds float64

// Duration returns the seconds as a duration.
func (s Seconds) Duration() time.Duration { return time.Duration(float64(s) * float64(time.Second)) }

func seconds(d time.Duration) Seconds { return Seconds(d.Seconds()) }

// PreSync makes the sync the claimant of its import key, if there is something to sync. It asks the
// storage alone, so that an idle tick costs one call to Redis.
func (a *Activities) PreSync(ctx context.Context, in PreSyncInput) (PreSyncResult, error) {
	attempted := attempt{key: in.ImportKey, token: in.Token, step: PreSyncName, since: in.Began}
	return step(ctx, a, attempted, func() (PreSyncResult, error) {
		imp, err := a.importOf(in.ImportKey)
		if err != nil {
			return PreSyncResult{}, err
		}
		limits := imp.Limits.WithDefaults()
		start, err := a.Storage.PreSync(ctx, in.ImportKey, storage.PreSyncOptions{
			Token: in.Token, Lease: limits.Lease, Settle: imp.Settle, Closed: a.Closed,
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
		return PreSyncResult{
			Claimed: true, Operations: start.Pending, TakenOver: start.TakenOver, Short: start.Pending <= shortQueue,
			MaxBatches: limits.MaxBatches, MaxDuration: seconds(limits.MaxDuration), RetryFor: seconds(limits.RetryFor),
			HeartbeatTimeout: seconds(limits.HeartbeatTimeout), InsertTimeout: seconds(limits.InsertTimeout),
		}, nil
	})
}
