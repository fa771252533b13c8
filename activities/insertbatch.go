package activities

import (
	"context"
	"errors"
	"time"

	"go.temporal.io/sdk/activity"

	"github.com/chferry/chferry"
)

// InsertBatchInput names the batch to import.
type InsertBatchInput struct {
	ImportKey chferry.ImportKey `json:"import_key"`
	Token     string            `json:"token"`
	Ticket    Ticket            `json:"ticket"`
}

// HeartbeatInterval is how often a running InsertBatch says that it lives.
const HeartbeatInterval = 2 * time.Second

// InsertBatch imports a claimed batch: its operations become rows, read from the sources now, and the rows go into the destination.
// Done again, it inserts the same rows with the same version or newer ones with it; either way the destination shows each
// row once.
func (a *Activities) InsertBatch(ctx context.Context, in InsertBatchInput) (chferry.Outcome, error) {
	return step(ctx, a, in.ImportKey, "InsertBatch", func() (chferry.Outcome, error) {
		imp, err := a.importOf(in.ImportKey)
		if err != nil {
			return chferry.Outcome{}, err
		}
		ctx, stop := a.keepAlive(ctx, in)
		defer stop()
		plan, err := a.plan(ctx, imp)
		if err != nil {
			return chferry.Outcome{}, err
		}
		outcome, err := newPipe(a, plan, in).run(ctx)
		if cause := context.Cause(ctx); err != nil && cause != nil {
			err = cause // why the work was stopped says more than what was stopped
		}
		return outcome, err
	})
}

var errWorkerStops = chferry.Errorf(chferry.CodeUnavailable, "the worker is stopping: another one takes the batch over")

// keepAlive heartbeats and extends the lease until stop is called. The context it returns ends as soon as the worker is told to
// stop or another sync takes the import key over.
func (a *Activities) keepAlive(ctx context.Context, in InsertBatchInput) (_ context.Context, stop func()) {
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
				if err := a.extend(ctx, in); err != nil {
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
func (a *Activities) extend(ctx context.Context, in InsertBatchInput) error {
	err := a.Storage.ExtendLease(ctx, in.ImportKey, in.Token, a.lease())
	if err == nil || errors.Is(err, context.Canceled) || chferry.CodeOf(err).Passes() {
		return nil
	}
	return err
}
