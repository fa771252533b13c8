package activities

import (
	"context"
	"time"

	"go.temporal.io/sdk/activity"
)

// Heartbeat is what a running step says of itself. The Temporal UI shows it with the step, and it is all that the next attempt knows
// of this one.
type Heartbeat struct {
	// Done is what became of the batch's operations so far, in this attempt; nil of a step that has none.
	Done *Outcome `json:"done,omitempty"`
	// FailingSince is when an attempt before this one failed first; zero if none did.
	FailingSince time.Time `json:"failing_since,omitzero"`
}

// firstFailure returns when an attempt before this one failed first; zero if none did.
func firstFailure(ctx context.Context) time.Time {
	var before Heartbeat
	if activity.HasHeartbeatDetails(ctx) {
		_ = activity.GetHeartbeatDetails(ctx, &before) // unreadable: as if none did
	}
	return before.FailingSince
}

// beat says that the step lives.
func beat(ctx context.Context, h Heartbeat) { activity.RecordHeartbeat(ctx, h) }
