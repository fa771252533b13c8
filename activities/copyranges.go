package activities

import (
	"context"
	"encoding/json"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"github.com/chferry/chferry"
	"github.com/chferry/chferry/source"
	"github.com/chferry/chferry/storage"
	"github.com/chferry/chferry/transfer"
)

// CopyRangesInput names a job and one of its readers.
type CopyRangesInput struct {
	ImportKey chferry.ImportKey `json:"import_key"`
	Token     string            `json:"token"`
	Reader    int               `json:"reader"` // counted from 1
	// RowsPerSecond is how many rows this reader may read in a second; 0: no limit.
	RowsPerSecond float64 `json:"rows_per_second,omitempty"`
}

// idlePause is how long a reader waits that found no range before it asks again.
const idlePause = time.Second

// CopyRanges copies ranges of a backfill, one after the other, until all ranges are finished. Done
// again it goes on behind the last place that was saved.
func (a *Activities) CopyRanges(ctx context.Context, in CopyRangesInput) (struct{}, error) {
	current := attempt{key: in.ImportKey, token: in.Token, step: CopyRangesName, job: &job{}}
	if !a.readers.enter(a.turns.limit()) {
		return struct{}{}, noRoomToRead(ctx, current)
	}
	defer a.readers.leave()
	return step(ctx, a, current, func() (struct{}, error) {
		imp, err := a.importOf(in.ImportKey)
		if err != nil {
			return struct{}{}, err
		}
		r := &copier{
			Activities: a, imp: imp, limits: imp.Limits.WithDefaults(), current: current,
			reader: storage.Reader{Name: strconv.Itoa(in.Reader), Attempt: attemptNumber(ctx)},
			pace:   newPacer(a, imp.Key, in.RowsPerSecond),
		}
		ctx, stop := keepAlive(ctx, r.limits, r.say(current.firstFailure(ctx, 0)), r.extend)
		defer stop()
		return struct{}{}, because(ctx, r.run(ctx))
	})
}

// copier is an attempt of one reader.
type copier struct {
	*Activities
	imp     chferry.Import
	limits  chferry.Limits
	current attempt
	reader  storage.Reader
	pace    *pacer

	mu    sync.Mutex
	claim storage.Claim // that the reader has; without ID if it has none

	rows, failed atomic.Int64 // of this attempt
}

func (r *copier) say(failing time.Time) func() Heartbeat {
	return func() Heartbeat {
		h := Heartbeat{Done: &Counts{Rows: r.rows.Load(), Failed: r.failed.Load()}, FailingSince: failing}
		if r.current.job.moved.Load() {
			h.FailingSince = time.Time{}
		}
		if r.mu.TryLock() { // the storage may be slow to answer, and a heartbeat does not wait for it
			defer r.mu.Unlock()
			if r.claim.ID != "" {
				h.Range = r.claim.Number + 1
			}
		}
		return h
	}
}

// extend keeps the range. To have lost it ends nothing here: the copy of the range learns it when it saves.
func (r *copier) extend(ctx context.Context) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.claim.ID == "" {
		return nil
	}
	_, err := r.Storage.ExtendRange(ctx, r.imp.Key, r.claim, r.limits.Lease)
	if chferry.CodeOf(err) == chferry.CodeSuperseded {
		return nil
	}
	return onlyLost(err)
}

func (r *copier) run(ctx context.Context) error {
	for {
		others, err := r.next(ctx)
		switch {
		case err != nil:
			return err
		case r.claim.ID != "":
			// A range that was lost is another reader's now; whether the job has ended, the next claim tells.
			if err := r.copy(ctx); err != nil && chferry.CodeOf(err) != chferry.CodeSuperseded {
				return err
			}
		case others == 0:
			return nil
		default:
			if err := pause(ctx, idlePause); err != nil {
				return err
			}
		}
	}
}

// next claims a range, if there is one, and returns how many others have.
func (r *copier) next(ctx context.Context) (others int64, err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.claim, others, err = r.Storage.ClaimRange(ctx, r.imp.Key, backfillJob(r.current.token), r.reader, r.limits.Lease)
	return others, err
}

// copy copies the range that the reader has. Its plan is made now, so that a long job sees what has changed.
func (r *copier) copy(ctx context.Context) error {
	progress, err := r.Storage.RangesProgress(ctx, r.imp.Key, storage.Backfill)
	if err != nil {
		return err
	}
	var asked BackfillRequest
	if err := json.Unmarshal([]byte(progress.Options), &asked); err != nil {
		return chferry.Errorf(chferry.CodeSuperseded, "import key %s: another backfill has begun", r.imp.Key)
	}
	plan, err := r.Pipeline.Plan(ctx, r.imp)
	if err != nil {
		return err
	}
	work := transfer.Copy{
		Pipeline: r.Pipeline, Plan: plan, Database: r.claim.Database, Where: asked.Where, MaxFailed: r.limits.MaxFailed,
		Mint: func(ctx context.Context) (uint64, error) {
			return r.Storage.Mint(ctx, r.imp.Key, func(ctx context.Context) (uint64, error) {
				return r.Pipeline.Sink.MaxVersion(ctx, plan.Destination)
			})
		},
		Pace: r.pace.wait,
	}
	if err := work.Run(ctx, source.Range{After: r.claim.After, UpTo: r.claim.UpTo}, r); err != nil {
		return err
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	_, err = r.Storage.FinishRange(ctx, r.imp.Key, r.claim, storage.Page{})
	if err == nil {
		r.current.job.moved.Store(true)
	}
	return err
}

// Save implements [transfer.RangeWork].
func (r *copier) Save(ctx context.Context, place string, copied transfer.Copied) (halve bool, err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.claim.Page++
	halve, err = r.Storage.SaveCursor(ctx, r.imp.Key, r.claim, storage.Page{
		Number: r.claim.Page, Cursor: place, Lease: r.limits.Lease,
		Counts: storage.RangeCounts{Rows: copied.Rows, Failed: copied.Failed},
	})
	if err == nil {
		r.current.job.moved.Store(true)
		r.rows.Add(copied.Rows)
		r.failed.Add(copied.Failed)
		r.Observer.RowsCopied(r.imp.Key, copied.Rows)
	}
	return halve, err
}

// GiveAway implements [transfer.RangeWork].
func (r *copier) GiveAway(ctx context.Context, place string) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	claim, err := r.Storage.HalveRange(ctx, r.imp.Key, r.claim, place)
	if err == nil {
		claim.Page = max(claim.Page, r.claim.Page)
		r.claim = claim
	}
	return err
}

func pause(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}
