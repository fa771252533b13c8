package activities

import (
	"context"
	"sync"
	"time"

	"go.temporal.io/sdk/activity"
	"go.temporal.io/sdk/temporal"

	"github.com/chferry/chferry"
)

// readers counts the readers of whole tables that run on this worker. They run for hours, so they
// must not take the slots of syncs.
type readers struct {
	mu      sync.Mutex
	running int
}

// enter reports whether one more may run, of most; 0 is no limit.
func (r *readers) enter(most int) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	if most > 0 && r.running >= most {
		return false
	}
	r.running++
	return true
}

func (r *readers) leave() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.running--
}

// noRoomToRead returns the error that lets Temporal hand out the reader again, to any worker that has room.
func noRoomToRead(ctx context.Context, current attempt) error {
	const waiting = "for a place: the worker reads as many tables as it may"
	activity.RecordHeartbeat(ctx, Heartbeat{Waiting: waiting, FailingSince: current.firstFailure(ctx, longestPause)})
	options := temporal.ApplicationErrorOptions{
		Category:       temporal.ApplicationErrorCategoryBenign,
		NextRetryDelay: min(max(time.Since(activity.GetInfo(ctx).ScheduledTime)/2, time.Second), longestPause),
	}
	return temporal.NewApplicationErrorWithOptions("the reader goes back to the task queue and waits "+waiting,
		string(chferry.CodeUnavailable), options)
}
