package activities

import (
	"context"
	"errors"
	"fmt"
	"runtime/debug"
	"sync/atomic"
	"time"

	"go.temporal.io/sdk/activity"
	"go.temporal.io/sdk/temporal"

	"github.com/chferry/chferry"
)

// attempt is one attempt at an activity.
type attempt struct {
	key   chferry.ImportKey
	token string // of the sync, or job
	step  string
	// since is from when failures count against the import's RetryFor; zero: from the first one on.
	since time.Time
	// waited is for how long the attempt waited for its turn, which counts against nothing.
	waited time.Duration
	// job is not nil if the attempt is at a step of a job that reads whole tables, and of no sync.
	job *job
}

// job is what an attempt at a step of a job tells of itself.
type job struct {
	moved atomic.Bool // something was saved: failures before that count no more
}

// handOver is after how long another worker begins the step of one that stops. It can't be 0, which
// stands for the policy's own.
const handOver = time.Millisecond

// step runs one attempt at an activity: it measures and logs it, and makes its error what Temporal reads.
func step[Result any](ctx context.Context, a *Activities, current attempt, do func() (Result, error)) (Result, error) {
	began := time.Now()
	result, err := guarded(a, current, do)
	a.Observer.Step(current.key, current.step, time.Since(began).Seconds())
	if err == nil {
		a.Log.Debug("step done", "import_key", current.key, "step", current.step,
			"seconds", time.Since(began).Seconds())
		return result, nil
	}
	var none Result
	return none, a.conclude(ctx, current, err)
}

// conclude logs and counts why an attempt ended without a result, and returns what Temporal is told.
func (a *Activities) conclude(ctx context.Context, current attempt, err error) error {
	if ended := a.endedOutside(ctx, current, err); ended != nil {
		return ended
	}
	code, text := chferry.Safe(err)
	a.Log.Warn("step failed", "import_key", current.key, "step", current.step, "code", code, "error", text)
	a.Observer.StepFailed(current.key, current.step, code)
	if current.job == nil {
		a.noteFailure(ctx, current, code, text)
	}
	return a.failure(ctx, current, code, text)
}

// endedOutside returns the error of an attempt that did not fail but was ended from outside; nil for one that failed.
func (a *Activities) endedOutside(ctx context.Context, current attempt, err error) error {
	code, text := chferry.Safe(err)
	options := temporal.ApplicationErrorOptions{
		NonRetryable: !code.Passes(),
		Category:     temporal.ApplicationErrorCategoryBenign,
	}
	var ended error
	switch {
	case errors.Is(err, errAttemptEnded): // an answer would only be refused
		text, ended = "Temporal has ended the attempt: it timed out, or its run is closed", activity.ErrResultPending
	case errors.Is(ctx.Err(), context.Canceled):
		text, ended = "it was cut off", ctx.Err() // Temporal knows a cancelled activity by this error alone
		if temporal.IsCanceledError(context.Cause(ctx)) {
			text = "the run was cancelled"
		}
	case code == chferry.CodeClaimed:
		return a.heldByAnother(ctx, current, text)
	case code == chferry.CodeReplaced:
		ended = temporal.NewApplicationErrorWithOptions(text, string(code), options)
	case code == chferry.CodeSuperseded:
		a.superseded(current)
		ended = temporal.NewApplicationErrorWithOptions(text, string(code), options)
	case code.Passes() && (workerStops(ctx) || errors.Is(err, errUnanswered)):
		options.NextRetryDelay = handOver
		ended = temporal.NewApplicationErrorWithOptions(text, string(code), options)
	default:
		return nil
	}
	a.Log.Info("step ended", "import_key", current.key, "step", current.step, "reason", text)
	return ended
}

// The pause before a sync asks again for an import key that another sync holds is half the time
// that it has waited, within these bounds.
const (
	shortestPause = 50 * time.Millisecond
	longestPause  = 10 * time.Second
)

// heldByAnother returns the error of a sync that has to wait for another, such as a tick's for one
// that a nudge started. Nothing has failed: if the other holds the import key for all of RetryFor,
// it does the work.
func (a *Activities) heldByAnother(ctx context.Context, current attempt, text string) error {
	options := temporal.ApplicationErrorOptions{Category: temporal.ApplicationErrorCategoryBenign}
	since := current.since
	if since.IsZero() { // a job's first step
		since = activity.GetInfo(ctx).ScheduledTime
	}
	code, waited := chferry.CodeClaimed, time.Since(since)
	if waited >= a.retryFor(current) {
		options.NonRetryable = true
		if current.job == nil { // the other does the work, which is not so of a job that was asked for
			code = chferry.CodeSuperseded
			a.superseded(current)
		}
		a.Log.Info("step ended", "import_key", current.key, "step", current.step, "reason", text)
	}
	options.NextRetryDelay = min(max(waited/2, shortestPause), longestPause)
	return temporal.NewApplicationErrorWithOptions(text, string(code), options)
}

// superseded counts a sync that another took the import key from.
func (a *Activities) superseded(current attempt) {
	if current.job == nil {
		a.Observer.SyncEnded(current.key, OutcomeSuperseded)
	}
}

// retryFor is for how long failures that may pass are retried. A job is retried for longer than a sync, which the next
// tick begins again: nobody begins a job again but people.
func (a *Activities) retryFor(current attempt) time.Duration {
	retryFor := a.limitsOf(current.key).RetryFor
	if current.job != nil {
		retryFor = max(retryFor, chferry.MaxRetryFor)
	}
	return retryFor
}

// longestNote bounds how long a failing step waits for the storage, which may be what fails.
const longestNote = 2 * time.Second

// noteFailure keeps the failure for whoever asks for the import key's status. It is worth no failure of its own.
func (a *Activities) noteFailure(ctx context.Context, current attempt, code chferry.Code, text string) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), longestNote) // a step's own time may be over
	defer cancel()
	if err := a.Storage.NoteFailure(ctx, current.key, current.token, current.step, code, text); err != nil {
		_, problem := chferry.Safe(err)
		a.Log.Debug("the failure is not in the status", "import_key", current.key, "step", current.step,
			"error", problem)
	}
}

// guarded makes a panic an error. The SDK would write what was panicked with into the history,
// which nobody has looked at.
func guarded[Result any](a *Activities, current attempt, do func() (Result, error)) (result Result, err error) {
	defer func() {
		if p := recover(); p != nil {
			a.Log.Error("a step panicked", "import_key", current.key, "step", current.step,
				"type", fmt.Sprintf("%T", p), "stack", string(debug.Stack()))
			err = chferry.Errorf(chferry.CodeUnknown,
				"chferry has a bug: the step panicked with a %T; the worker's log says where", p)
		}
	}()
	return do()
}

// failure is the error from which Temporal knows whether and when there is another attempt.
func (a *Activities) failure(ctx context.Context, current attempt, code chferry.Code, text string) error {
	options := temporal.ApplicationErrorOptions{NonRetryable: true}
	retryFor := a.retryFor(current)
	allowed := "as long as retry_for allows"
	if code == chferry.CodeUnknownKey {
		retryFor, allowed = unknownFor, "longer than restarting the workers may take"
	}
	full := current.job != nil && code == chferry.CodeQueueFull // syncs drain the queue meanwhile
	if code.Passes() || code == chferry.CodeUnknownKey || full {
		failing := time.Since(current.failingSince(ctx))
		options.NonRetryable = failing >= retryFor
		if options.NonRetryable {
			text += fmt.Sprintf(" (it went on failing for %s, %s)",
				chferry.DurationText(failing.Round(time.Second)), allowed)
		}
	}
	return temporal.NewApplicationErrorWithOptions(text, string(code), options)
}

// failingSince returns when the step began to fail, which may be now. It passes that on to the next attempt.
func (t attempt) failingSince(ctx context.Context) time.Time {
	if !t.since.IsZero() {
		return t.since
	}
	since := t.firstFailure(ctx, t.waited)
	if since.IsZero() || t.job != nil && t.job.moved.Load() {
		since = time.Now()
	}
	activity.RecordHeartbeat(ctx, Heartbeat{FailingSince: since})
	return since
}

func workerStops(ctx context.Context) bool {
	select {
	case <-activity.GetWorkerStopChannel(ctx):
		return true
	default:
		return false
	}
}
