package activities

import (
	"context"
	"errors"
	"fmt"
	"time"

	"go.temporal.io/sdk/temporal"

	"github.com/chferry/chferry"
)

// step runs one attempt at an activity: it measures and logs it, and makes its error what Temporal reads.
func step[Result any](ctx context.Context, a *Activities, key chferry.ImportKey, name string, do func() (Result, error)) (Result, error) {
	began := time.Now()
	result, err := do()
	a.Observer.Step(key, name, time.Since(began).Seconds())
	if err == nil {
		a.Log.Debug("step done", "import_key", key, "step", name, "seconds", time.Since(began).Seconds())
		return result, nil
	}
	code, text := safe(err)
	a.Log.Warn("step failed", "import_key", key, "step", name, "code", code, "error", text)
	if code == chferry.CodeSuperseded {
		a.Observer.SyncEnded(key, OutcomeSuperseded)
	}
	var none Result
	if errors.Is(ctx.Err(), context.Canceled) {
		return none, ctx.Err() // Temporal knows a cancelled activity by this error alone
	}
	return none, temporal.NewApplicationErrorWithOptions(text, string(code), temporal.ApplicationErrorOptions{
		NonRetryable: !code.Passes(),
	})
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
