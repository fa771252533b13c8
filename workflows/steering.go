package workflows

import (
	"errors"

	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/workflow"
)

// steering is what the signals "pause" and "resume" have said to a run.
type steering struct {
	paused          bool
	pauses, resumes workflow.ReceiveChannel
}

func steer(ctx workflow.Context) steering {
	return steering{
		pauses: workflow.GetSignalChannel(ctx, PauseSignal), resumes: workflow.GetSignalChannel(ctx, ResumeSignal),
	}
}

// hear takes the signals that have come. A channel keeps no order with another one: as long as the run is not paused,
// a pause counts although a resume came, too, and the other way round.
func (s *steering) hear() {
	paused, resumed := takeAll(s.pauses), takeAll(s.resumes)
	switch {
	case s.paused && resumed:
		s.paused = false
	case !s.paused && paused:
		s.paused = true
	}
}

func takeAll(c workflow.ReceiveChannel) (any bool) {
	for c.ReceiveAsync(nil) {
		any = true
	}
	return any
}

func (s *steering) awaitResume(ctx workflow.Context) error {
	for s.paused {
		selector := workflow.NewSelector(ctx)
		selector.AddReceive(s.resumes, func(workflow.ReceiveChannel, bool) { s.hear() })
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
