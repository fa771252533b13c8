package activities

import (
	"cmp"
	"context"
	"errors"
	"sync"
	"time"

	"go.temporal.io/sdk/activity"

	"github.com/chferry/chferry"
)

// How often a running step speaks in the time after which its silence would end it: several may be lost on the way.
const (
	beatsPerTimeout    = 5
	extensionsPerLease = 4
)

// errWorkerStops ends a step on a worker that was told to stop. Nothing failed: [step] lets another
// worker begin at once.
var errWorkerStops = chferry.Errorf(chferry.CodeUnavailable, "the worker is stopping: another one takes the batch over")

// keepAlive heartbeats, with what say returns, and extends the lease until stop is called. The
// context that keepAlive returns ends as soon as the worker is told to stop, another sync takes the
// import key over or Temporal has ended the attempt; its cause says which.
func (a *Activities) keepAlive(
	ctx context.Context, key chferry.ImportKey, limits chferry.Limits, token string, say func() Heartbeat,
) (_ context.Context, stop func()) {
	return keepAlive(ctx, limits, say, func(ctx context.Context) error {
		return a.extend(ctx, key, token, limits.Lease)
	})
}

// keepAlive is the same for a claim of any kind: extend extends its lease, and returns an error only if the claim is
// lost.
func keepAlive(
	ctx context.Context, limits chferry.Limits, say func() Heartbeat, extend func(context.Context) error,
) (_ context.Context, stop func()) {
	// Temporal's timeout counts, not the one in this worker's file.
	timeout := cmp.Or(activity.GetInfo(ctx).HeartbeatTimeout, limits.HeartbeatTimeout)
	ctx, cancel := context.WithCancelCause(ctx)
	// A goroutine each, so that a storage that does not answer holds up no heartbeat, and nothing
	// holds up a worker that stops.
	var running sync.WaitGroup
	running.Go(func() {
		if activity.GetInfo(ctx).IsLocalActivity { // it has no heartbeats: its workflow task has
			return
		}
		pulse := newPulse(timeout)
		cancel(every(ctx, pulse.interval, func() error {
			return pulse.beat(ctx, say())
		}))
	})
	running.Go(func() {
		cancel(every(ctx, limits.Lease/extensionsPerLease, func() error {
			return extend(ctx)
		}))
	})
	running.Go(func() {
		select {
		case <-activity.GetWorkerStopChannel(ctx):
			cancel(errWorkerStops)
		case <-ctx.Done():
		}
	})
	return ctx, func() {
		cancel(nil)
		running.Wait()
	}
}

// because returns why the work was stopped, if it was, which says more than err, what was stopped; nil stays nil.
func because(ctx context.Context, err error) error {
	if cause := context.Cause(ctx); err != nil && cause != nil {
		return cause
	}
	return err
}

// every calls do in an interval until ctx ends or do fails, and returns which it was.
func every(ctx context.Context, interval time.Duration, do func() error) error {
	ticks := time.NewTicker(interval)
	defer ticks.Stop()
	for {
		select {
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-ticks.C:
			if err := do(); err != nil {
				return err
			}
		}
	}
}

// extend extends the lease. Only losing it ends the work: a storage that does not answer may be
// back before the lease ends.
func (a *Activities) extend(ctx context.Context, key chferry.ImportKey, token string, lease time.Duration) error {
	return onlyLost(a.Storage.ExtendLease(ctx, key, token, lease))
}

// onlyLost returns the error of an extension if the claim is lost.
func onlyLost(err error) error {
	if err == nil || errors.Is(err, context.Canceled) || chferry.CodeOf(err).Passes() {
		return nil
	}
	return err
}
