package starter

import (
	"context"
	"errors"
	"time"

	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/converter"
	"go.temporal.io/sdk/temporal"

	"github.com/chferry/chferry"
	"github.com/chferry/chferry/activities"
	"github.com/chferry/chferry/workflows"
)

// pollInterval is how often a waiting caller asks how a sync goes.
const pollInterval = 200 * time.Millisecond

// Sync triggers a sync and waits until it has ended. It calls progress, if set, with what a running sync says of itself. A
// sync that failed gives its error.
func (s *Starter) Sync(ctx context.Context, key chferry.ImportKey, progress func(workflows.SyncProgress)) (workflows.SyncResult, error) {
	before, err := s.describeKey(ctx, key)
	if err != nil {
		return workflows.SyncResult{}, err
	}
	known := map[string]bool{}
	for _, action := range before.Info.RecentActions {
		if action.StartWorkflowResult != nil {
			known[action.StartWorkflowResult.FirstExecutionRunID] = true
		}
	}
	run, err := s.started(ctx, key, known)
	if err != nil {
		return workflows.SyncResult{}, err
	}
	return s.wait(ctx, run, progress)
}

// triggerAgain is after how long a trigger that has started nothing is repeated: a change of the schedule at the same moment may
// have replaced it. If it was only buffered behind a running sync, the second changes nothing.
const triggerAgain = 5 * time.Second

// started triggers a run and waits for one that is not known yet. A tick's is as good as the trigger's: either began after
// the call. Runs that began in the same second share their workflow's ID.
func (s *Starter) started(ctx context.Context, key chferry.ImportKey, known map[string]bool) (*client.ScheduleWorkflowExecution, error) {
	var triggered time.Time
	for {
		if time.Since(triggered) > triggerAgain {
			if err := s.Trigger(ctx, key); err != nil {
				return nil, err
			}
			triggered = time.Now()
		}
		d, err := s.describeKey(ctx, key)
		if err != nil {
			return nil, err
		}
		for _, action := range d.Info.RecentActions {
			if r := action.StartWorkflowResult; r != nil && !known[r.FirstExecutionRunID] {
				return r, nil
			}
		}
		if err := sleep(ctx, pollInterval/4); err != nil {
			return nil, err
		}
	}
}

func (s *Starter) wait(ctx context.Context, run *client.ScheduleWorkflowExecution, progress func(workflows.SyncProgress)) (workflows.SyncResult, error) {
	ended := make(chan error, 1)
	var result workflows.SyncResult
	go func() { ended <- s.client.GetWorkflow(ctx, run.WorkflowID, run.FirstExecutionRunID).Get(ctx, &result) }()
	ticks := time.NewTicker(pollInterval)
	defer ticks.Stop()
	for {
		select {
		case err := <-ended:
			return result, s.failed(run.WorkflowID, err)
		case <-ticks.C:
			if p, ok := s.progress(ctx, run); ok && progress != nil {
				progress(p)
			}
		}
	}
}

// progress asks a running sync; false if it can't answer now, because no worker runs or it has ended.
func (s *Starter) progress(ctx context.Context, run *client.ScheduleWorkflowExecution) (p workflows.SyncProgress, ok bool) {
	ctx, cancel := context.WithTimeout(ctx, time.Second)
	defer cancel()
	answer, err := s.client.QueryWorkflow(ctx, run.WorkflowID, "", workflows.ProgressQuery)
	if err != nil || answer.Get(&p) != nil {
		return p, false
	}
	if done := s.doneByStep(ctx, run.WorkflowID, p.Step); done != nil {
		p = p.With(*done)
	}
	return p, true
}

// doneByStep returns what a running step has said of itself in its last heartbeat; nil if it has said nothing.
func (s *Starter) doneByStep(ctx context.Context, workflowID, step string) *activities.Outcome {
	d, err := s.client.DescribeWorkflowExecution(ctx, workflowID, "")
	if err != nil {
		return nil
	}
	for _, pending := range d.GetPendingActivities() {
		var said activities.Heartbeat
		known := pending.GetActivityType().GetName() == step && pending.GetHeartbeatDetails() != nil
		if known && converter.GetDefaultDataConverter().FromPayloads(pending.GetHeartbeatDetails(), &said) == nil {
			return said.Done
		}
	}
	return nil
}

// failed makes the error of a workflow a chferry.Error; nil stays nil.
func (s *Starter) failed(workflowID string, err error) error {
	var app *temporal.ApplicationError
	var execution *temporal.WorkflowExecutionError
	switch {
	case err == nil:
		return nil
	case errors.As(err, &app):
		return chferry.WrapError(chferry.Code(app.Type()), err, "%s failed: %s", workflowID, app.Message())
	case temporal.IsCanceledError(err) && errors.As(err, &execution):
		return chferry.WrapError(chferry.CodeUnknown, err, "%s was cancelled", workflowID)
	case errors.As(err, &execution):
		return chferry.WrapError(chferry.CodeUnknown, err, "%s was terminated or timed out: see the Temporal UI", workflowID)
	default:
		return s.translate(err)
	}
}

func sleep(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return chferry.WrapError(chferry.CodeUnavailable, ctx.Err(), "gave up waiting for the sync to start: is a worker running?")
	}
}
