package activities

import (
	"context"
	"errors"
	"fmt"
	"runtime/debug"
	"time"

	"go.temporal.io/sdk/activity"
	"go.temporal.io/sdk/temporal"

	"github.com/chferry/chferry"
)

// attempt is one attempt at an activity.
type attempt struct {
	key  chferry.ImportKey
	step string
	// since is from when failures count against the import's RetryFor; zero: from the first one on.
	since time.Time
}

// handOver is after how long another worker begins the step of one that stops. It can't be 0, which stands for the policy's own.
const handOver = time.Millisecond

// step runs one attempt at an activity: it measures and logs it, and makes its error what Temporal reads.
func step[Result any](ctx context.Context, a *Activities, this attempt, do func() (Result, error)) (Result, error) {
	began := time.Now()
	result, err := guarded(a, this, do)
	a.Observer.Step(this.key, this.step, time.Since(began).Seconds())
	if err == nil {
		a.Log.Debug("step done", "import_key", this.key, "step", this.step, "seconds", time.Since(began).Seconds())
		return result, nil
	}
	code, text := safe(err)
	a.Log.Warn("step failed", "import_key", this.key, "step", this.step, "code", code, "error", text)
	if code == chferry.CodeSuperseded {
		a.Observer.SyncEnded(this.key, OutcomeSuperseded)
	}
	var none Result
	if errors.Is(ctx.Err(), context.Canceled) {
		return none, ctx.Err() // Temporal knows a cancelled activity by this error alone
	}
	return none, a.failure(ctx, this, code, text)
}

// guarded makes a panic an error. The SDK would write what was panicked with into the history, which nobody has looked at.
func guarded[Result any](a *Activities, this attempt, do func() (Result, error)) (result Result, err error) {
	defer func() {
		if p := recover(); p != nil {
			a.Log.Error("a step panicked", "import_key", this.key, "step", this.step, "type", fmt.Sprintf("%T", p), "stack", string(debug.Stack()))
			err = chferry.Errorf(chferry.CodeUnknown, "chferry has a bug: the step panicked with a %T; the worker's log says where", p)
		}
	}()
	return do()
}

// failure is the error from which Temporal knows whether and when there is another attempt.
func (a *Activities) failure(ctx context.Context, this attempt, code chferry.Code, text string) error {
	options := temporal.ApplicationErrorOptions{NonRetryable: !code.Passes()}
	switch {
	case options.NonRetryable:
	case workerStops(ctx): // nothing failed
		options.NextRetryDelay = handOver
	default:
		failing := time.Since(this.failingSince(ctx))
		if failing >= a.Imports[this.key].WithDefaults().RetryFor {
			options.NonRetryable = true
			text += fmt.Sprintf(" (it went on failing for %s, as long as retry_for allows)", failing.Round(time.Second))
		}
	}
	return temporal.NewApplicationErrorWithOptions(text, string(code), options)
}

// failingSince returns when the step began to fail, which may be now. It passes that on to the next attempt.
func (t attempt) failingSince(ctx context.Context) time.Time {
	if !t.since.IsZero() {
		return t.since
	}
	since := firstFailure(ctx)
	if since.IsZero() {
		since = time.Now()
	}
	beat(ctx, Heartbeat{FailingSince: since})
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

// safe returns the text of the [chferry.Error] in err's chain, the only text that is known to hold no row, key or secret.
func safe(err error) (chferry.Code, string) {
	var e *chferry.Error
	if errors.As(err, &e) {
		return e.Code, e.Message
	}
	if errors.Is(err, context.DeadlineExceeded) {
		return chferry.CodeUnavailable, "timed out"
	}
	return chferry.CodeUnknown, fmt.Sprintf("unexpected error of type %T", innermost(err))
}

func innermost(err error) error {
	for {
		inner := errors.Unwrap(err)
		if inner == nil {
			return err
		}
		err = inner
	}
}
