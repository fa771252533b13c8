package activities

import (
	"context"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"github.com/chferry/chferry"
	"github.com/chferry/chferry/storage"
)

// ReadRangesInput names a job and one of its readers.
type ReadRangesInput struct {
	ImportKey chferry.ImportKey `json:"import_key"`
	Token     string            `json:"token"`
	Reader    int               `json:"reader"` // counted from 1
	// RowsPerSecond is how many rows this reader may read in a second; 0: no limit.
	RowsPerSecond float64 `json:"rows_per_second,omitempty"`
}

// idlePause is how long a reader waits that found no range before it asks again.
const idlePause = time.Second

// rangeReader is an attempt of one of a job's readers: it works on ranges, one after the other.
type rangeReader struct {
	*Activities
	imp     chferry.Import // as it was configured when the attempt began
	limits  chferry.Limits
	current attempt
	job     storage.Job
	reader  storage.Reader
	pace    *pacer
	// work does what the job is for with the range that the reader has. options are the job's.
	work func(ctx context.Context, r *rangeReader, imp chferry.Import, options string) error

	mu    sync.Mutex
	claim storage.Claim // that the reader has; without ID if it has none

	rows, failed atomic.Int64 // of this attempt
}

// readRanges works on the ranges of a job until all of them are finished.
func (a *Activities) readRanges(ctx context.Context, in ReadRangesInput, name string, kind storage.JobKind,
	work func(ctx context.Context, r *rangeReader, imp chferry.Import, options string) error,
) error {
	current := attempt{key: in.ImportKey, token: in.Token, step: name, job: &job{}}
	if !a.readers.enter(a.turns.limit()) {
		return noRoomToRead(ctx, current)
	}
	defer a.readers.leave()
	_, err := step(ctx, a, current, func() (struct{}, error) {
		imp, err := a.importOf(in.ImportKey)
		if err != nil {
			return struct{}{}, err
		}
		r := &rangeReader{
			Activities: a, imp: imp, limits: imp.Limits.WithDefaults(), current: current,
			job:    storage.Job{Kind: kind, Token: in.Token},
			reader: storage.Reader{Name: strconv.Itoa(in.Reader), Attempt: attemptNumber(ctx)},
			pace:   newPacer(a, imp.Key, in.RowsPerSecond), work: work,
		}
		ctx, stop := keepAlive(ctx, r.limits, r.say(current.firstFailure(ctx, 0)), r.extend)
		defer stop()
		return struct{}{}, because(ctx, r.run(ctx))
	})
	return err
}

func (r *rangeReader) say(failing time.Time) func() Heartbeat {
	return func() Heartbeat {
		h := Heartbeat{Done: &Counts{Rows: r.rows.Load(), Failed: r.failed.Load()}, FailingSince: failing}
		h.Waiting, _ = r.pace.waiting.Load().(string)
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

// extend keeps the range. To have lost it ends nothing here: the work on it learns that when it saves.
func (r *rangeReader) extend(ctx context.Context) error {
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

func (r *rangeReader) run(ctx context.Context) error {
	for {
		others, err := r.next(ctx)
		switch {
		case err != nil:
			return err
		case r.claim.ID != "":
			// A range that was lost is another reader's now; whether the job has ended, the next claim tells.
			if err := r.finish(ctx); err != nil && chferry.CodeOf(err) != chferry.CodeSuperseded {
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
func (r *rangeReader) next(ctx context.Context) (others int64, err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.claim, others, err = r.Storage.ClaimRange(ctx, r.imp.Key, r.job, r.reader, r.limits.Lease)
	return others, err
}

// finish works on the range that the reader has, to its end.
func (r *rangeReader) finish(ctx context.Context) error {
	progress, err := r.Storage.RangesProgress(ctx, r.imp.Key, r.job.Kind)
	if err != nil {
		return err
	}
	if progress.Token != r.job.Token {
		return chferry.Errorf(chferry.CodeSuperseded, "import key %s: another %s has begun", r.imp.Key, r.job.Kind)
	}
	imp, err := r.importOf(r.imp.Key) // as it is configured now
	if err != nil {
		return err
	}
	if err := r.work(ctx, r, imp, progress.Options); err != nil {
		return err
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if _, err = r.Storage.FinishRange(ctx, r.imp.Key, r.claim, storage.Page{}); err == nil {
		r.current.job.moved.Store(true)
	}
	return err
}

// save keeps that all rows up to a place are done.
func (r *rangeReader) save(ctx context.Context, place string, counts storage.RangeCounts,
	differences []storage.Difference,
) (halve bool, err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.claim.Page++
	halve, err = r.Storage.SaveCursor(ctx, r.imp.Key, r.claim, storage.Page{
		Number: r.claim.Page, Cursor: place, Counts: counts, Differences: differences, Lease: r.limits.Lease,
	})
	if err == nil {
		r.current.job.moved.Store(true)
		r.rows.Add(counts.Rows)
		r.failed.Add(counts.Failed)
	}
	return halve, err
}

// GiveAway implements [transfer.RangeWork].
func (r *rangeReader) GiveAway(ctx context.Context, place string) error {
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
