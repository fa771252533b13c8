package workflows

import (
	"time"

	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/workflow"
)

// retryFor is how long a step is tried again before the run gives up and leaves the rest to the next tick. It is longer than a
// server's restart and short enough that a run never hangs.
const retryFor = 10 * time.Minute

// retry is the policy of every step. Errors that stay until somebody mends something are marked by the activities.
var retry = &temporal.RetryPolicy{
	InitialInterval:    500 * time.Millisecond,
	BackoffCoefficient: 2,
	MaximumInterval:    15 * time.Second,
}

// preSyncOptions: a local activity, because the idle tick is the most frequent run by far and this saves half its events.
func preSyncOptions(ctx workflow.Context) workflow.Context {
	return workflow.WithLocalActivityOptions(ctx, workflow.LocalActivityOptions{
		StartToCloseTimeout:    15 * time.Second,
		ScheduleToCloseTimeout: retryFor,
		RetryPolicy:            retry,
		Summary:                "claim the import key if anything is pending",
	})
}

// stepOptions are those of a step that is one call to the storage. Its time is what a killed worker costs, so it is short.
func stepOptions(ctx workflow.Context, summary string) workflow.Context {
	return workflow.WithActivityOptions(ctx, workflow.ActivityOptions{
		StartToCloseTimeout:    10 * time.Second,
		ScheduleToCloseTimeout: retryFor,
		RetryPolicy:            retry,
		Summary:                summary,
	})
}

// heartbeatTimeout is how long a step may be silent before another worker takes it over.
const heartbeatTimeout = 10 * time.Second

// How long one attempt may take: a long queue is read to find where a batch ends; a batch may be a million rows.
const (
	longestClaim  = 5 * time.Minute
	longestInsert = time.Hour
)

// longOptions are those of a step that heartbeats: what ends it is silence, not slowness.
func longOptions(ctx workflow.Context, summary string, longest time.Duration) workflow.Context {
	return workflow.WithActivityOptions(ctx, workflow.ActivityOptions{
		StartToCloseTimeout:    longest,
		HeartbeatTimeout:       heartbeatTimeout,
		ScheduleToCloseTimeout: longest + retryFor,
		RetryPolicy:            retry,
		Summary:                summary,
		WaitForCancellation:    true,
	})
}

// compensationOptions are those of PostSyncFailed. It only saves the next sync from waiting, so it is not worth much.
func compensationOptions(ctx workflow.Context) workflow.Context {
	ctx, _ = workflow.NewDisconnectedContext(ctx)
	return workflow.WithActivityOptions(ctx, workflow.ActivityOptions{
		StartToCloseTimeout:    15 * time.Second,
		ScheduleToCloseTimeout: time.Minute,
		RetryPolicy:            retry,
		Summary:                "give the claim back: the next sync takes the batch over as it is",
	})
}
