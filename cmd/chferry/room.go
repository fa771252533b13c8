package main

import (
	"context"
	"fmt"
	"time"

	"github.com/chferry/chferry"
	"github.com/chferry/chferry/api"
	"github.com/chferry/chferry/config"
	"github.com/chferry/chferry/storage/redis"
)

// How long register waits for room in a full queue before it tries again, before it looks again at
// why there is none, and before it says once more what it waits for.
const (
	roomWait     = time.Second
	roomLook     = 5 * time.Second
	roomReminder = time.Minute
)

// room is the wait for room in a full queue.
type room struct {
	app     *app
	cfg     *config.Config
	imp     chferry.Import
	storage *redis.Storage
	looked  time.Time // when it was last asked what there is to wait for
	said    time.Time // when the reason was told; zero: there is no wait
	reason  string
}

// found notes that there was room.
func (r *room) found() { r.said, r.looked = time.Time{}, time.Time{} }

// wait waits for a moment, and says what for if that is new. It returns full, the queue's refusal,
// once the context ends.
func (r *room) wait(ctx context.Context, full error) error {
	if time.Since(r.looked) > roomLook {
		r.looked = time.Now()
		reason := r.look(ctx)
		if reason != r.reason || time.Since(r.said) > roomReminder {
			r.reason, r.said = reason, time.Now()
			fmt.Fprintln(r.app.errOut, "chferry: waiting for room in the queue: "+reason)
		}
	}
	select {
	case <-time.After(roomWait):
		return nil
	case <-ctx.Done():
		return full
	}
}

// look says who makes room, or why nobody will.
func (r *room) look(ctx context.Context) string {
	s, unknown := r.app.statusOf(ctx, r.cfg, r.storage, r.imp)
	if unknown != "" {
		return unknown
	}
	return fmt.Sprintf("%s has %d of max_pending %d operations pending; %s",
		s.Key, s.Pending, r.imp.MaxPending, draining(s))
}

// statusOf returns the status of one import, or says why it is not known.
func (a *app) statusOf(ctx context.Context, cfg *config.Config, store *redis.Storage,
	imp chferry.Import,
) (status api.ImportStatus, unknown string) {
	schedules, err := a.openStarter(cfg, nil)
	if err != nil {
		return status, "what syncs it is not known: " + err.Error()
	}
	defer schedules.Close()
	statuses, err := api.ReadStatus(ctx, store, schedules, []chferry.Import{imp}, time.Now())
	if err != nil {
		return status, "its status is not known: " + err.Error()
	}
	return statuses[0], ""
}

// draining says what drains a queue, or why nothing does.
func draining(s api.ImportStatus) string {
	switch {
	case s.Schedule == nil:
		return "its schedule is unknown: " + s.ScheduleProblem
	case s.Schedule.Paused:
		return fmt.Sprintf("its schedule is paused: chferry resume %s", s.Key)
	case s.Workers != nil && *s.Workers == 0:
		return "no worker polls the task queue: chferry worker"
	case s.Failing != nil:
		return fmt.Sprintf("its syncs fail: %s: %s", s.Failing.Step, s.Failing.Reason)
	case s.Schedule.Running:
		return "a sync is running"
	case s.Schedule.Next.IsZero():
		return fmt.Sprintf("its schedule starts no sync by itself: chferry sync %s", s.Key)
	default:
		return "the next sync begins at " + s.Schedule.Next.Format(time.RFC3339)
	}
}
