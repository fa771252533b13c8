package activities

import (
	"context"
	"errors"
	"time"

	"go.temporal.io/api/serviceerror"
	"go.temporal.io/sdk/activity"
	"go.temporal.io/sdk/temporal"

	"github.com/chferry/chferry"
)

// Heartbeat is what a running step says of itself. The Temporal UI shows it with the step, and it
// is all that the next attempt knows of this one.
type Heartbeat struct {
	// Done is what became of the batch's operations so far, in this attempt; nil of a step that has none.
	Done *Counts `json:"done,omitempty"`
	// Range is the number of the range that the step reads, counted from 1; 0 of a step that reads none.
	Range int64 `json:"range,omitempty"`
	// Waiting is what the step waits for; empty if it works.
	Waiting string `json:"waiting,omitempty"`
	// FailingSince is when an attempt before this one failed first; zero if none did.
	FailingSince time.Time `json:"failing_since,omitzero"`
}

// firstFailure returns when an attempt before this one failed first; zero if none did. The time
// that a step waited is no time in which it failed, so the failure counts as that much later.
func (attempt) firstFailure(ctx context.Context, waited time.Duration) time.Time {
	var before Heartbeat
	if activity.HasHeartbeatDetails(ctx) {
		_ = activity.GetHeartbeatDetails(ctx, &before) // unreadable: as if none did
	}
	if before.FailingSince.IsZero() {
		return time.Time{}
	}
	return before.FailingSince.Add(waited)
}

// errAttemptEnded ends a step whose attempt Temporal has ended: it timed out, or its run is closed.
// Nobody wants its result any more.
var errAttemptEnded = errors.New("the attempt was ended by Temporal")

// errUnanswered ends a step that Temporal takes for dead, because no heartbeat arrived in its timeout. Nothing failed.
var errUnanswered = chferry.Errorf(chferry.CodeUnavailable,
	"Temporal did not answer for as long as heartbeat_timeout: the step begins again")

// How long one heartbeat may take. The SDK sends a lost one again at half of the time.
const (
	shortestBeat = 2 * time.Second
	longestBeat  = 10 * time.Second
)

// pulse sends the heartbeats of one attempt. The SDK's own heartbeats end the attempt at the first
// one that fails, after one second; a pulse ends the attempt only when Temporal says so, or said
// nothing for the whole heartbeat timeout.
type pulse struct {
	timeout  time.Duration
	interval time.Duration
	answered time.Time // when the last heartbeat that was answered was sent
}

func newPulse(timeout time.Duration) *pulse {
	return &pulse{timeout: timeout, interval: timeout / beatsPerTimeout, answered: time.Now()}
}

// beat sends a heartbeat and returns why the attempt must end; nil if it goes on.
func (p *pulse) beat(ctx context.Context, h Heartbeat) error {
	sent := time.Now()
	calling, cancel := context.WithTimeout(ctx,
		min(max(2*p.interval, shortestBeat), longestBeat, max(0, p.timeout-sent.Sub(p.answered))))
	err := activity.GetClient(ctx).RecordActivityHeartbeat(calling, activity.GetInfo(ctx).TaskToken, h)
	cancel()
	var notFound *serviceerror.NotFound
	switch {
	case err == nil:
		p.answered = sent
		return nil
	case ctx.Err() != nil:
		return context.Cause(ctx)
	case errors.As(err, &notFound):
		return errAttemptEnded
	case temporal.IsCanceledError(err), errors.Is(err, activity.ErrActivityPaused),
		errors.Is(err, activity.ErrActivityReset):
		activity.RecordHeartbeat(ctx, h) // the SDK acknowledges such an end only if it was told itself
		return err
	case time.Since(p.answered) >= p.timeout:
		return errUnanswered
	default:
		return nil
	}
}
