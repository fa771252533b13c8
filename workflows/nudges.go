package workflows

import (
	"errors"

	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/workflow"
)

// nudges are the signals by which registrations ask a run for a sync. Each claim covers the nudges
// that came before it, because the operations of a nudge are in the queue already. A nudge that no
// claim covers makes the run continue as a new one at its end.
type nudges struct {
	signals workflow.ReceiveChannel
	waiting bool // a nudge has come that no claim covers
}

func listen(ctx workflow.Context) nudges {
	return nudges{signals: workflow.GetSignalChannel(ctx, NudgeSignal)}
}

// hear takes the signals that have arrived, and reports whether a nudge is waiting.
func (n *nudges) hear() bool {
	for n.signals.ReceiveAsync(nil) {
		n.waiting = true
	}
	return n.waiting
}

// claimed notes the end of a claim. Nudges that arrived while the claim was made may have come too
// late for it, and are not taken yet.
func (n *nudges) claimed(err error) {
	if err == nil {
		n.waiting = false
	}
}

// continued reports whether the run continues another, whose outcome is still in its search attributes.
func continued(ctx workflow.Context) bool {
	return workflow.GetInfo(ctx).ContinuedExecutionRunID != ""
}

// shortly runs a step. In a short sync that nudges started, the step is tried once as a local
// activity, which costs Temporal a third of what an activity does: many import keys are nudged
// every second. If that fails and may pass, the step goes on as the activity that it is in other
// syncs, where the Temporal UI shows its attempts and another worker can take it.
func (s *syncRun) shortly(local, asActivity workflow.Context, summary, step string, in, result any) error {
	if s.short {
		err := workflow.ExecuteLocalActivity(onceOptions(local, summary), step, in).Get(local, result)
		var app *temporal.ApplicationError
		if err == nil || temporal.IsCanceledError(err) || errors.As(err, &app) && app.NonRetryable() {
			return err
		}
	}
	return workflow.ExecuteActivity(asActivity, step, in).Get(asActivity, result)
}
