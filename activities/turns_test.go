package activities_test

import (
	"context"
	"errors"
	"slices"
	"testing"
	"testing/synctest"
	"time"

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

// TestTurnsEnd: a step that waits no longer, for whatever reason, leaves its place, and a turn that came at the same moment, to others.
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
