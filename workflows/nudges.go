package workflows

import (
	"go.temporal.io/sdk/workflow"
)

// nudges are the signals by which registrations ask a run for a sync. Each claim covers the nudges that came before it, because the
// operations of a nudge are in the queue already. A nudge that no claim covers makes the run continue as a new one at its end.
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

// claimed notes the end of a claim. Nudges that arrived while the claim was made may have come too late for it, and are not taken yet.
func (n *nudges) claimed(err error) {
	if err == nil {
		n.waiting = false
	}
}

// continued reports whether the run continues another, whose outcome is still in its search attributes.
func continued(ctx workflow.Context) bool {
	return workflow.GetInfo(ctx).ContinuedExecutionRunID != ""
}
