package workflows

import (
	"time"

	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/workflow"
)

// longestJob is how long a reader may run. Its silence ends it, not its length.
const longestJob = 365 * 24 * time.Hour

// runReaders runs n readers of a job, counted from 1, and looks now and then how far they are. It
// returns false when they were stopped, for a pause or because the history has grown long.
func runReaders(ctx workflow.Context, n int, steering *steering,
	start func(ctx workflow.Context, reader int) workflow.Future, look func(workflow.Context),
) (finished bool, err error) {
	reading, stop := workflow.WithCancel(ctx)
	defer stop()
	selector, running, stopped := workflow.NewSelector(ctx), n, false
	for reader := range n {
		selector.AddFuture(start(reading, reader+1), func(f workflow.Future) {
			running--
			problem := f.Get(ctx, nil)
			if (stopped || ctx.Err() != nil) && temporal.IsTimeoutError(problem) {
				problem = workflow.ErrCanceled // its worker died before it could say that it stopped
			}
			if problem != nil && err == nil {
				err = problem
				stop() // the others: the run has failed, or they were stopped, too
			}
		})
	}
	selector.AddReceive(steering.signals, func(workflow.ReceiveChannel, bool) {
		if steering.hear(); steering.paused {
			stopped = true
			stop()
		}
	})
	looks := newLooks(reading, selector)
	for running > 0 {
		selector.Select(ctx)
		if looks.due {
			look(ctx)
			looks.again(reading, selector)
		}
		if !stopped && workflow.GetInfo(ctx).GetContinueAsNewSuggested() {
			stopped = true
			stop()
		}
	}
	if stopped && ctx.Err() == nil && (err == nil || isCancelled(err)) {
		return err == nil, nil
	}
	return err == nil, err
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

// newLooks begins the looks of a run. The timer ends with ctx.
func newLooks(ctx workflow.Context, selector workflow.Selector) *looks {
	l := &looks{}
	l.again(ctx, selector)
	return l
}

func (l *looks) again(ctx workflow.Context, selector workflow.Selector) {
	l.due = false
	l.pause = min(max(firstLook, 2*l.pause), longestLook)
	selector.AddFuture(workflow.NewTimer(ctx, l.pause), func(f workflow.Future) { l.due = f.Get(ctx, nil) == nil })
}
