package activities

import (
	"cmp"
	"context"
	"errors"
	"time"

	"go.temporal.io/sdk/activity"

	"github.com/chferry/chferry"
)

// How often a running step speaks in the time after which its silence would end it: several may be lost on the way.
const (
	beatsPerTimeout    = 5
	extensionsPerLease = 4
)

// errWorkerStops ends a step on a worker that was told to stop. Nothing failed: [step] lets another worker begin at once.
var errWorkerStops = chferry.Errorf(chferry.CodeUnavailable, "the worker is stopping: another one takes the batch over")

// keepAlive heartbeats and extends the lease until stop is called. The context it returns ends as soon as the worker is told to
// stop or another sync takes the import key over.
func (a *Activities) keepAlive(ctx context.Context, imp chferry.Import, token string) (_ context.Context, stop func()) {
	limits := imp.WithDefaults()
	ctx, cancel := context.WithCancelCause(ctx)
	done := make(chan struct{})
	go func() {
		defer close(done)
		timeout := cmp.Or(activity.GetInfo(ctx).HeartbeatTimeout, limits.HeartbeatTimeout) // what Temporal goes by, not what this worker's file says
		beats := time.NewTicker(timeout / beatsPerTimeout)
		defer beats.Stop()
		extensions := time.NewTicker(limits.Lease / extensionsPerLease)
		defer extensions.Stop()
		for {
			select {
			case <-ctx.Done():
				return
			case <-activity.GetWorkerStopChannel(ctx):
				cancel(errWorkerStops)
				return
			case <-beats.C:
				beat(ctx, firstFailure(ctx))
			case <-extensions.C:
				if err := a.extend(ctx, imp.Key, token, limits.Lease); err != nil {
					cancel(err)
					return
				}
			}
		}
	}()
	return ctx, func() {
		cancel(nil)
		<-done
	}
}

// extend extends the lease. Only losing it ends the work: a storage that does not answer may be back before the lease ends.
func (a *Activities) extend(ctx context.Context, key chferry.ImportKey, token string, lease time.Duration) error {
	err := a.Storage.ExtendLease(ctx, key, token, lease)
	if err == nil || errors.Is(err, context.Canceled) || chferry.CodeOf(err).Passes() {
		return nil
	}
	return err
}
