package starter

import (
	"context"
	"errors"
	"time"

	"go.temporal.io/api/workflow/v1"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/converter"
	"go.temporal.io/sdk/temporal"

	"github.com/chferry/chferry"
	"github.com/chferry/chferry/activities"
	"github.com/chferry/chferry/workflows"
)

// pollInterval is how often a waiting caller asks how a sync goes.
const pollInterval = 200 * time.Millisecond

// Watch is told what happens while a sync is waited for. Each function may be nil.
type Watch struct {
	// Progress gets what a running sync says of itself.
	Progress func(workflows.SyncProgress)
	// Behind is called when a sync runs already. If it is the schedule's, the caller's own begins
	// when that one has ended, which Before tells. If nudges started it, the caller's own begins at
	// once and waits in its first step.
	Behind func(workflowID string)
	Before func(workflows.SyncResult, error)
	// Started is called when the caller's own sync has begun.
	Started func(workflowID string)
	// NoWorker is called once if nothing moves because no worker polls the task queue.
	NoWorker func()
	// Failed is called for each attempt at a step that failed and will be made again, with a text that is safe to show.
	Failed func(step string, attempt int32, reason string)
}

// Sync triggers a sync and waits until it has ended. It calls progress, if set, with what a running
// sync says of itself. A sync that failed gives its error.
func (s *Starter) Sync(ctx context.Context, key chferry.ImportKey,
	progress func(workflows.SyncProgress),
) (workflows.SyncResult, error) {
	return s.SyncWatched(ctx, key, Watch{Progress: progress})
}

// SyncWatched is [Starter.Sync] for a caller that wants to know more.
func (s *Starter) SyncWatched(ctx context.Context, key chferry.ImportKey, watch Watch) (workflows.SyncResult, error) {
	w := &watcher{Starter: s, Watch: watch, moved: time.Now()}
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
	if err := s.Trigger(ctx, key); err != nil {
		return workflows.SyncResult{}, err
	}
	result, err := w.follow(ctx, key, before, known)
	if err != nil && ctx.Err() != nil {
		err = chferry.WrapError(chferry.CodeUnavailable, err,
			"stopped waiting: the sync of %s goes on, or begins when a worker takes it: chferry status %s shows it",
			key, key)
	}
	return result, err
}

// resultTimeout is how long a result may take that is there or is not.
const resultTimeout = time.Second

// Result returns how the newest run of a workflow ended, false if it has not ended well or Temporal is slow to tell.
func (s *Starter) Result(ctx context.Context, workflowID string) (result workflows.SyncResult, ended bool) {
	ctx, cancel := context.WithTimeout(ctx, resultTimeout)
	defer cancel()
	err := s.client.GetWorkflow(ctx, workflowID, "").Get(ctx, &result)
	return result, err == nil
}

// follow waits for the sync that was triggered, and before it for one that runs already.
func (w *watcher) follow(
	ctx context.Context, key chferry.ImportKey, before *client.ScheduleDescription, known map[string]bool,
) (workflows.SyncResult, error) {
	if nudged, err := w.nudged(ctx, key); err == nil && nudged != nil && !closed[nudged.GetStatus()] &&
		w.Behind != nil {
		w.Behind(nudged.GetExecution().GetWorkflowId())
	}
	for _, running := range before.Info.RunningWorkflows {
		known[running.FirstExecutionRunID] = true
		w.behind(ctx, &running)
	}
	run, err := w.started(ctx, key, known)
	if err != nil {
		return workflows.SyncResult{}, err
	}
	if w.Started != nil {
		w.Started(run.WorkflowID)
	}
	return w.wait(ctx, run)
}

// watcher waits for one sync.
type watcher struct {
	*Starter
	Watch
	moved   time.Time // when something was last seen to move
	told    bool      // that there is no worker
	attempt int32     // the last failed attempt that was told, of step
	step    string
}

// behind waits for a sync that runs already.
func (w *watcher) behind(ctx context.Context, running *client.ScheduleWorkflowExecution) {
	if w.Behind != nil {
		w.Behind(running.WorkflowID)
	}
	result, err := w.wait(ctx, running)
	if w.Before != nil && ctx.Err() == nil {
		w.Before(result, err)
	}
	w.moved, w.step, w.attempt = time.Now(), "", 0
}

const (
	// triggerAgain is after how long a trigger that has started nothing is repeated: a change of
	// the schedule at the same moment may have replaced it. If it was only buffered behind a
	// running sync, the second changes nothing.
	triggerAgain = 5 * time.Second
	// stillAfter is after how long without a move a worker is looked for.
	stillAfter = 3 * time.Second
)

// started waits for a run that is not known yet. A tick's is as good as the trigger's: either began
// after the call. Runs that began in the same second share their workflow's ID.
func (w *watcher) started(ctx context.Context, key chferry.ImportKey,
	known map[string]bool,
) (*client.ScheduleWorkflowExecution, error) {
	triggered, pause := time.Now(), pollInterval/4
	for {
		if time.Since(triggered) > triggerAgain {
			if err := w.Trigger(ctx, key); err != nil {
				return nil, err
			}
			triggered = time.Now()
		}
		d, err := w.describeKey(ctx, key)
		if err != nil {
			return nil, err
		}
		for _, action := range d.Info.RecentActions {
			if r := action.StartWorkflowResult; r != nil && !known[r.FirstExecutionRunID] {
				return r, nil
			}
		}
		w.lookForWorker(ctx)
		if err := sleep(ctx, pause); err != nil {
			return nil, err
		}
		pause = min(2*pause, time.Second)
	}
}

// lookForWorker says so if nothing moves because there is no worker.
func (w *watcher) lookForWorker(ctx context.Context) {
	if w.told || w.NoWorker == nil || time.Since(w.moved) < stillAfter {
		return
	}
	if workers, err := w.Pollers(ctx); err != nil || workers > 0 {
		return
	}
	w.told = true
	w.NoWorker()
}

func (w *watcher) wait(ctx context.Context, run *client.ScheduleWorkflowExecution) (workflows.SyncResult, error) {
	ended := make(chan error, 1)
	var result workflows.SyncResult
	go func() { ended <- w.client.GetWorkflow(ctx, run.WorkflowID, run.FirstExecutionRunID).Get(ctx, &result) }()
	ticks := time.NewTicker(pollInterval)
	defer ticks.Stop()
	for {
		select {
		case err := <-ended:
			return result, w.failed(run.WorkflowID, err)
		case <-ticks.C:
			w.look(ctx, run)
		}
	}
}

// look asks once how a sync goes. One that does not answer has ended, or has no worker.
func (w *watcher) look(ctx context.Context, run *client.ScheduleWorkflowExecution) {
	p, ok := w.progress(ctx, run)
	if !ok {
		w.lookForWorker(ctx)
		return
	}
	w.moved = time.Now()
	if w.Progress != nil {
		w.Progress(p)
	}
}

// progress asks a running sync; false if it can't answer now, because no worker runs or it has ended.
func (w *watcher) progress(ctx context.Context,
	run *client.ScheduleWorkflowExecution,
) (p workflows.SyncProgress, ok bool) {
	ctx, cancel := context.WithTimeout(ctx, time.Second)
	defer cancel()
	answer, err := w.client.QueryWorkflow(ctx, run.WorkflowID, "", workflows.ProgressQuery)
	if err != nil || answer.Get(&p) != nil {
		return p, false
	}
	said := w.saidByStep(ctx, run.WorkflowID, p.Step)
	if said.Done != nil {
		p = p.With(*said.Done)
	}
	p.Waiting = said.Waiting
	return p, true
}

// saidByStep returns what a running step has said of itself in its last heartbeat.
func (w *watcher) saidByStep(ctx context.Context, workflowID, step string) (last activities.Heartbeat) {
	d, err := w.client.DescribeWorkflowExecution(ctx, workflowID, "")
	if err != nil {
		return last
	}
	for _, pending := range d.GetPendingActivities() {
		w.failedAttempt(pending)
		var said activities.Heartbeat
		known := pending.GetActivityType().GetName() == step && pending.GetHeartbeatDetails() != nil
		if known && converter.GetDefaultDataConverter().FromPayloads(pending.GetHeartbeatDetails(), &said) == nil {
			last = said
		}
	}
	return last
}

// failedAttempt tells each failed attempt once. One that was handed over, or had no turn, has not failed.
func (w *watcher) failedAttempt(pending *workflow.PendingActivityInfo) {
	step, failed := pending.GetActivityType().GetName(), pending.GetAttempt()-1
	if w.Failed == nil || w.step == step && failed <= w.attempt {
		return
	}
	if !hasFailed(pending) {
		return
	}
	w.step, w.attempt = step, failed
	w.Failed(step, failed, pending.GetLastFailure().GetMessage())
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
		return chferry.WrapError(chferry.CodeUnknown, err, "%s was terminated or timed out: see the Temporal UI",
			workflowID)
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
		return ctx.Err()
	}
}
