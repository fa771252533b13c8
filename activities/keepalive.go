package activities

import (
	"context"
	"errors"
	"time"

	"go.temporal.io/sdk/activity"

	"github.com/chferry/chferry"
)

// HeartbeatInterval is how often a running GetOperations or InsertBatch says that it lives.
const HeartbeatInterval = 2 * time.Second

var errWorkerStops = chferry.Errorf(chferry.CodeUnavailable, "the worker is stopping: another one takes the batch over")

// keepAlive heartbeats and extends the lease until stop is called. The context it returns ends as soon as the worker is told to
// stop or another sync takes the import key over.
func (a *Activities) keepAlive(ctx context.Context, key chferry.ImportKey, token string) (_ context.Context, stop func()) {
	ctx, cancel := context.WithCancelCause(ctx)
	done := make(chan struct{})
	go func() {
		defer close(done)
		beats := time.NewTicker(HeartbeatInterval)
		defer beats.Stop()
		extended := time.Now()
		for {
			select {
			case <-ctx.Done():
				return
			case <-activity.GetWorkerStopChannel(ctx):
				cancel(errWorkerStops)
				return
			case now := <-beats.C:
				activity.RecordHeartbeat(ctx)
				if now.Sub(extended) < a.lease()/4 {
					continue
				}
				if err := a.extend(ctx, key, token); err != nil {
					cancel(err)
					return
				}
				extended = now
			}
		}
	}()
	return ctx, func() {
		cancel(nil)
		<-done
	}
}

// extend extends the lease. Only losing it ends the work: a storage that does not answer may be back before the lease ends.
func (a *Activities) extend(ctx context.Context, key chferry.ImportKey, token string) error {
	err := a.Storage.ExtendLease(ctx, key, token, a.lease())
	if err == nil || errors.Is(err, context.Canceled) || chferry.CodeOf(err).Passes() {
		return nil
	}
	return err
}
