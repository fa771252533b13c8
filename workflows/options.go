package workflows

import (
	"time"

	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/workflow"

	"github.com/chferry/chferry"
	"github.com/chferry/chferry/activities"
)

// retry is the policy of every step. When it ends the activities decide, by marking the error: at
// once if somebody has to mend something, else when the step went on failing for the import's
// retry_for. A timeout of Temporal's can't tell a step that fails from one that works for long.
var retry = &temporal.RetryPolicy{
	InitialInterval:    500 * time.Millisecond,
	BackoffCoefficient: 2,
	MaximumInterval:    15 * time.Second,
}

// preSyncOptions: a local activity, because the idle tick is the most frequent run by far and this
// saves half its events.
func preSyncOptions(ctx workflow.Context) workflow.Context {
	return workflow.WithLocalActivityOptions(ctx, workflow.LocalActivityOptions{
		StartToCloseTimeout:    15 * time.Second,
		ScheduleToCloseTimeout: chferry.MaxRetryFor, // nobody knows the import's before this step has told it
		RetryPolicy:            retry,
		Summary:                "claim the import key if anything is pending",
	})
}

// onceOptions are those of a step that is tried once as a local activity.
func onceOptions(ctx workflow.Context, summary string) workflow.Context {
	return workflow.WithLocalActivityOptions(ctx, workflow.LocalActivityOptions{
		StartToCloseTimeout: longestCall,
		RetryPolicy:         &temporal.RetryPolicy{MaximumAttempts: 1},
		Summary:             summary,
	})
}

// longestCall is how long one call to the storage may take. Its time is what a killed worker costs, so it is short.
const longestCall = 10 * time.Second

// longestClaim: a long queue is read to find where a batch ends.
const longestClaim = 5 * time.Minute

// longestInsert is how long an attempt to import a batch may take, with the time in which it waits for its turn.
func longestInsert(limits chferry.Limits) time.Duration {
	return limits.InsertTimeout + activities.LongestTurn
}

// longestQueue is how long a step may wait for a worker that has room for it. Temporal counts that time, too.
const longestQueue = 4 * time.Hour

// longestStep bounds a step with all its attempts, whose longest takes as long as longest. An
// attempt that works is never cut: one may take its time, then others fail for retry_for, and the
// last may take its time again. What this ends are workers that die in every attempt, without a
// word.
func longestStep(limits chferry.Limits, longest time.Duration) time.Duration {
	return 2*longest + limits.RetryFor + longestQueue
}

// stepOptions are those of a step whose attempts may take as long as longest.
func stepOptions(ctx workflow.Context, limits chferry.Limits, longest time.Duration, summary string) workflow.Context {
	return workflow.WithActivityOptions(ctx, workflow.ActivityOptions{
		StartToCloseTimeout:    longest,
		ScheduleToCloseTimeout: longestStep(limits, longest),
		RetryPolicy:            retry,
		Summary:                summary,
	})
}

// longOptions are those of a step that heartbeats: what ends an attempt is silence, not slowness.
func longOptions(ctx workflow.Context, limits chferry.Limits, longest time.Duration, summary string) workflow.Context {
	ctx = workflow.WithHeartbeatTimeout(stepOptions(ctx, limits, longest, summary), limits.HeartbeatTimeout)
	return workflow.WithWaitForCancellation(ctx, true)
}

// longestGiveBack bounds PostSyncFailed with all its attempts.
const longestGiveBack = time.Minute

// compensationOptions are those of PostSyncFailed. It only saves the next sync from waiting, so it is not worth much.
func compensationOptions(ctx workflow.Context) workflow.Context {
	ctx, _ = workflow.NewDisconnectedContext(ctx)
	return workflow.WithActivityOptions(ctx, workflow.ActivityOptions{
		StartToCloseTimeout:    15 * time.Second,
		ScheduleToCloseTimeout: longestGiveBack,
		RetryPolicy:            retry,
		Summary:                "give the claim back: the next sync takes the batch over as it is",
	})
}

// longestRun is after how long a run continues as a new one, once its batch has ended.
const longestRun = 6 * time.Hour

// RunTimeout is the time after which Temporal ends a run, which then makes no progress: its first
// step, all that it does until it continues as a new run, and another batch take less. The next
// sync takes over what it had claimed.
func RunTimeout(limits chferry.Limits) time.Duration {
	limits = limits.WithDefaults()
	imported := longestStep(limits, longestInsert(limits)) + longestStep(limits, longestCall)
	batch := longestStep(limits, longestClaim) + 2*imported // a backfill may begin to replace the destination meanwhile
	return (chferry.MaxRetryFor + longestRun + batch + longestGiveBack).Round(time.Hour) + time.Hour
}
