package activities_test

import (
	"context"
	"errors"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"go.temporal.io/sdk/activity"
	"go.temporal.io/sdk/temporal"

	"github.com/chferry/chferry"
	"github.com/chferry/chferry/activities"
)

// scheduled is a time at which a step was scheduled.
func scheduled(second int) time.Time { return time.Unix(int64(second), 0) }

// TestTurnsInOrder: of the steps that wait, the one that was scheduled first is called first, whenever it came.
func TestTurnsInOrder(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		turns := activities.NewTurns(3)
		for range 3 {
			wantTurn(t, turns.Queue(scheduled(9))(t.Context()), nil)
		}
		var called []int
		for _, second := range []int{5, 4, 6} {
			wait := turns.Queue(scheduled(second))
			go func() {
				if wait(t.Context()) == nil {
					called = append(called, second)
				}
			}()
		}
		synctest.Wait()
		if len(called) > 0 {
			t.Fatalf("steps %v were called while there was no room", called)
		}
		for range 3 {
			turns.End()
			synctest.Wait()
		}
		if want := []int{4, 5, 6}; !slices.Equal(called, want) {
			t.Errorf("the steps were called in order %v, want %v", called, want)
		}
	})
}

// TestTurnsHaveRoom: as many steps wait as are called. One that was scheduled earlier takes the place of the last.
func TestTurnsHaveRoom(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		turns := activities.NewTurns(1)
		wantTurn(t, turns.Queue(scheduled(1))(t.Context()), nil)
		second := turns.Queue(scheduled(3))
		wantTurn(t, turns.Queue(scheduled(4))(t.Context()), activities.ErrNoRoom)
		first := turns.Queue(scheduled(2))
		wantTurn(t, second(t.Context()), activities.ErrNoRoom)
		turns.End()
		wantTurn(t, first(t.Context()), nil)
	})
}

// TestTurnsEnd: a step that waits no longer, for whatever reason, leaves its place to others, and so a turn that
// came at the same moment.
func TestTurnsEnd(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		turns := activities.NewTurns(1)
		wantTurn(t, turns.Queue(scheduled(1))(t.Context()), nil)
		wantTurn(t, turns.Queue(scheduled(2))(t.Context()), activities.ErrLongestTurn)
		stopped := errors.New("the worker stops")
		ctx, stop := context.WithCancelCause(t.Context())
		stop(stopped)
		wantTurn(t, turns.Queue(scheduled(2))(ctx), stopped)
		for range 100 { // select takes either
			late := turns.Queue(scheduled(2))
			turns.End()
			if err := late(ctx); err == nil {
				turns.End()
			}
			wantTurn(t, turns.Queue(scheduled(3))(t.Context()), nil)
		}
	})
}

func wantTurn(t *testing.T, got, want error) {
	t.Helper()
	if !errors.Is(got, want) {
		t.Fatalf("the wait for a turn ended with %v, want %v", got, want)
	}
}

// token is that of a sync.
const token = "token"

// TestNoRoom: a step for which there is no room goes back to the task queue with its claim extended. That is no
// failure, and the failures before it count as later by the time that it waits.
func TestNoRoom(t *testing.T) {
	t.Parallel()
	env, beats := environment(t, false)
	failed := time.Now().Add(-9 * time.Minute)
	env.SetHeartbeatDetails(activities.Heartbeat{FailingSince: failed})
	store := &leases{}
	a := failing(nil, chferry.Limits{})
	a.Storage = store
	activities.LimitInserts(a, 1)
	activities.TakeTurn(a)
	activities.TakeTurn(a)
	env.RegisterActivityWithOptions(a.InsertBatch, activity.RegisterOptions{Name: "InsertBatch"})
	_, err := env.ExecuteActivity("InsertBatch", activities.InsertBatchInput{ImportKey: "k", Token: token})
	wantFailure(t, err, chferry.CodeUnavailable, false, "waits for a turn")
	var app *temporal.ApplicationError
	if errors.As(err, &app) &&
		(app.NextRetryDelay() < time.Second || app.Category() != temporal.ApplicationErrorCategoryBenign) {
		t.Errorf("the next attempt begins after %s, the category is %v", app.NextRetryDelay(), app.Category())
	}
	if len(*beats) != 1 || !(*beats)[0].Equal(failed.Add(app.NextRetryDelay())) {
		t.Errorf("the next attempt is told that failures began at %v, want %s after %s",
			*beats, app.NextRetryDelay(), failed)
	}
	if store.extended != 1 {
		t.Errorf("the lease was extended %d times", store.extended)
	}
}

// leases counts how often one was extended.
type leases struct {
	activities.Storage
	extended int
}

func (l *leases) ExtendLease(context.Context, chferry.ImportKey, string, time.Duration) error {
	l.extended++
	return nil
}
