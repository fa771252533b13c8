package workflows

import (
	"errors"

	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/workflow"
)

// steering is what the signal "pause" has said to a run: without an input, or with true, it is to
// pause; with false, to go on. One signal says both, because two keep no order with each other.
type steering struct {
	paused  bool
	signals workflow.ReceiveChannel
}

func steer(ctx workflow.Context) steering {
	return steering{signals: workflow.GetSignalChannel(ctx, PauseSignal)}
}

// hear takes the signals that have come. The last one counts.
func (s *steering) hear() {
	for {
		pause := true
		if !s.signals.ReceiveAsync(&pause) {
			return
		}
		s.paused = pause
	}
}

func (s *steering) awaitResume(ctx workflow.Context) error {
	for s.paused {
		selector := workflow.NewSelector(ctx)
		selector.AddReceive(s.signals, func(workflow.ReceiveChannel, bool) { s.hear() })
		selector.AddReceive(ctx.Done(), func(workflow.ReceiveChannel, bool) {})
		selector.Select(ctx)
		if ctx.Err() != nil {
			return ctx.Err()
		}
	}
	return nil
}

func isCancelled(err error) bool {
	return temporal.IsCanceledError(err) || errors.Is(err, workflow.ErrCanceled)
}
