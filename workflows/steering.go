package workflows

import (
	"errors"
	"time"

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

// The pause between two looks at how far a job is doubles, so that a long job does not grow a long history.
const (
	firstLook   = 2 * time.Second
	longestLook = 10 * time.Minute
)

// looks tells when it is time to look how far a job is.
type looks struct {
	due   bool
	pause time.Duration
}

// look begins the looks of a run. The timer ends with ctx.
func look(ctx workflow.Context, selector workflow.Selector) *looks {
	l := &looks{}
	l.again(ctx, selector)
	return l
}

func (l *looks) again(ctx workflow.Context, selector workflow.Selector) {
	l.due = false
	l.pause = min(max(firstLook, 2*l.pause), longestLook)
	selector.AddFuture(workflow.NewTimer(ctx, l.pause), func(f workflow.Future) { l.due = f.Get(ctx, nil) == nil })
}
