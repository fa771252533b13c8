package api

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/chferry/chferry"
)

const (
	// scheduleTimeout is how long Temporal may take for all schedules of one answer.
	scheduleTimeout = time.Second
	// scheduleCalls is how many schedules are asked for at a time.
	scheduleCalls = 8
)

// ImportStatus is what is known of an import key. `chferry status --json` prints the same.
type ImportStatus struct {
	Key      chferry.ImportKey `json:"import_key"`
	Pending  int64             `json:"pending"`
	InFlight int64             `json:"in_flight"`
	Failed   int64             `json:"failed"`
	// LastSync is nil if the key was never synced.
	LastSync *time.Time `json:"last_sync_time"`
	// OldestPending is the age, in seconds, of the oldest operation that is kept; nil if there is none.
	OldestPending *float64       `json:"oldest_pending_seconds"`
	Totals        chferry.Counts `json:"totals"`
	// Schedule is nil if Temporal did not tell it within a second.
	Schedule *chferry.Schedule `json:"schedule"`
	// ScheduleProblem is why Schedule is nil, and what to do; empty if Schedule is not, or nobody asked Temporal.
	ScheduleProblem string `json:"schedule_problem,omitempty"`
	// Schema says which columns of source and destination differ, or what else of them stops the
	// sync, as of the last time that a batch was to be claimed: a sentence each.
	Schema []string `json:"schema"`
	// LastOutcome is how the last sync that had something to do ended: synced, partial, failed or
	// superseded; empty: unknown.
	LastOutcome string `json:"last_outcome,omitempty"`
	// Failing says that steps of syncs fail, since when and why; nil if the last step did not fail.
	Failing *chferry.Failing `json:"failing,omitempty"`
	// Backfill is how far the backfill is that has begun and not ended; nil if there is none.
	Backfill *chferry.TableRows `json:"backfill,omitempty"`
	// Verify is how the last verify ended; nil if there was none, or one runs that has begun to compare.
	Verify *chferry.LastVerify `json:"verify,omitempty"`
	// Workers is how many workers poll the task queue; nil if Temporal did not tell it within a
	// second. 0 means that no sync gets on until a worker is started.
	Workers *int `json:"workers,omitempty"`
}

// StatusReader tells what a storage keeps, in one round trip.
type StatusReader interface {
	Status(ctx context.Context, keys ...chferry.ImportKey) ([]chferry.Status, error)
}

// ScheduleReader tells what Temporal knows of a schedule.
type ScheduleReader interface {
	Describe(ctx context.Context, key chferry.ImportKey) (chferry.Schedule, error)
}

// PollerCounter is a [ScheduleReader] that also knows how many workers poll the task queue.
type PollerCounter interface {
	Pollers(ctx context.Context) (workers int, err error)
}

// ReadStatus returns the status of imports, in their order. It fails only if the storage does;
// schedules that can't be read are nil, and so are all if schedules is nil. Workers are counted
// once, and only if schedules is a [PollerCounter].
func ReadStatus(ctx context.Context, storage StatusReader, schedules ScheduleReader, imports []chferry.Import,
	now time.Time,
) ([]ImportStatus, error) {
	keys := make([]chferry.ImportKey, len(imports))
	for i := range imports {
		keys[i] = imports[i].Key
	}
	storageCtx, cancel := context.WithTimeout(ctx, storageTimeout)
	defer cancel()
	found, err := storage.Status(storageCtx, keys...)
	if err != nil {
		return nil, err
	}
	if len(found) != len(keys) {
		return nil, fmt.Errorf("read status: got %d of %d import keys", len(found), len(keys))
	}
	out := make([]ImportStatus, len(keys))
	for i, key := range keys {
		out[i] = newImportStatus(key, found[i], now)
	}
	if schedules != nil {
		readSchedules(ctx, schedules, out)
	}
	return out, nil
}

func newImportStatus(key chferry.ImportKey, s chferry.Status, now time.Time) ImportStatus {
	out := ImportStatus{Key: key, Pending: s.Pending, InFlight: s.InFlight, Failed: s.Failed, Totals: s.Totals}
	out.LastOutcome, out.Failing, out.Backfill, out.Verify = s.LastOutcome, s.Failing, s.Backfill, s.Verify
	out.Schema = append([]string{}, s.Schema...) // never null
	if !s.LastSync.IsZero() {
		last := s.LastSync.UTC()
		out.LastSync = &last
	}
	if !s.OldestPending.IsZero() {
		age := max(0, now.Sub(s.OldestPending).Seconds()) // the storage's clock may be ahead
		out.OldestPending = &age
	}
	return out
}

func readSchedules(ctx context.Context, schedules ScheduleReader, into []ImportStatus) {
	ctx, cancel := context.WithTimeout(ctx, scheduleTimeout)
	defer cancel()
	var counting sync.WaitGroup
	if pollers, ok := schedules.(PollerCounter); ok {
		counting.Go(func() { countWorkers(ctx, pollers, into) })
	}
	var group errgroup.Group
	group.SetLimit(scheduleCalls)
	for i := range into {
		group.Go(func() error {
			if schedule, err := schedules.Describe(ctx, into[i].Key); err != nil {
				into[i].ScheduleProblem = scheduleProblem(ctx, err)
			} else {
				into[i].Schedule = &schedule
			}
			return nil
		})
	}
	_ = group.Wait() // a schedule that can't be read has its problem
	counting.Wait()
}

// scheduleProblem says why a schedule could not be read, in words that may be shown.
func scheduleProblem(ctx context.Context, err error) string {
	text := "Temporal can't be asked"
	var known *chferry.Error
	if errors.As(err, &known) {
		text = known.Message
	}
	if ctx.Err() != nil { // a Temporal that is slow and one that is away look alike
		return fmt.Sprintf("not told within %s: %s; if Temporal is only slow, ask again", scheduleTimeout, text)
	}
	return text
}

// countWorkers sets the number of workers, which all imports share.
func countWorkers(ctx context.Context, pollers PollerCounter, into []ImportStatus) {
	workers, err := pollers.Pollers(ctx)
	if err != nil {
		return
	}
	for i := range into {
		into[i].Workers = &workers
	}
}
