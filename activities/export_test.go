package activities

import (
	"context"
	"time"
)

// Why a step goes back to the task queue.
var (
	ErrNoRoom      = errNoRoom
	ErrLongestTurn = errLongestTurn
)

// Turns are those of some activities.
type Turns struct{ *turns }

// NewTurns returns turns of n batches at a time.
func NewTurns(n int) Turns { return Turns{&turns{most: n}} }

// Queue adds a step that was scheduled at a time, and returns what waits until its turn has come.
func (t Turns) Queue(scheduled time.Time) (wait func(ctx context.Context) error) {
	queued := t.queue(scheduled)
	return func(ctx context.Context) error { return t.wait(ctx, queued, LongestTurn) }
}

// End ends a turn.
func (t Turns) End() { t.end() }

// TakeTurn takes a turn, or a place among the steps that wait, before any other step.
func TakeTurn(a *Activities) { a.turns.queue(time.Time{}) }
