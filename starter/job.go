package starter

import (
	"context"
	"errors"
	"time"

	"go.temporal.io/api/enums/v1"
	"go.temporal.io/api/serviceerror"
	"go.temporal.io/api/workflow/v1"
	"go.temporal.io/api/workflowservice/v1"
	"go.temporal.io/sdk/converter"
	"go.temporal.io/sdk/temporal"

	"github.com/chferry/chferry"
	"github.com/chferry/chferry/activities"
	"github.com/chferry/chferry/workflows"
)

func (s *Starter) pauseJob(ctx context.Context, id string, pause bool) error {
	return s.noJob(id, s.repeated(ctx, func(ctx context.Context) error {
		return s.client.SignalWorkflow(ctx, id, "", workflows.PauseSignal, pause)
	}))
}

// cancelJob looks first whether the workflow runs: a server takes the cancellation of one that has ended.
func (s *Starter) cancelJob(ctx context.Context, id string) error {
	job, err := s.job(ctx, id)
	if err != nil {
		return err
	}
	if !job.Running {
		return s.noJob(id, serviceerror.NewNotFound("the workflow has ended"))
	}
	return s.noJob(id, s.repeated(ctx, func(ctx context.Context) error {
		return s.client.CancelWorkflow(ctx, id, "")
	}))
}

// noJob says so if no such workflow runs.
func (s *Starter) noJob(id string, err error) error {
	var notFound *serviceerror.NotFound
	if errors.As(err, &notFound) {
		return chferry.WrapError(chferry.CodeInvalid, err, "%s does not run: there is nothing to steer", id)
	}
	return s.translate(err)
}

func (s *Starter) job(ctx context.Context, id string) (job chferry.JobStatus, err error) {
	err = s.repeated(ctx, func(ctx context.Context) error {
		d, err := s.client.DescribeWorkflowExecution(ctx, id, "")
		if err == nil {
			job = jobOf(id, d)
		}
		return err
	})
	var notFound *serviceerror.NotFound
	if errors.As(err, &notFound) {
		return chferry.JobStatus{}, nil
	}
	if err != nil {
		return job, s.translate(err)
	}
	if !job.Running && job.Status != completed {
		job.Reason, err = s.reason(ctx, id)
	}
	return job, err
}

var completed = enums.WORKFLOW_EXECUTION_STATUS_COMPLETED.String()

// reason returns why a workflow that has ended without a result did so; nothing if it has one.
func (s *Starter) reason(ctx context.Context, id string) (string, error) {
	ctx, cancel := context.WithTimeout(ctx, callTimeout)
	defer cancel()
	err := s.client.GetWorkflow(ctx, id, "").Get(ctx, nil)
	var ended *temporal.WorkflowExecutionError
	if errors.As(err, &ended) {
		return s.failed(id, err).Error(), nil
	}
	return "", s.translate(err)
}

func jobOf(id string, d *workflowservice.DescribeWorkflowExecutionResponse) chferry.JobStatus {
	info := d.GetWorkflowExecutionInfo()
	job := chferry.JobStatus{
		ID: id, Token: workflows.Token(id, info.GetFirstRunId()),
		Running: !closed[info.GetStatus()], Status: info.GetStatus().String(), Began: info.GetStartTime().AsTime(),
	}
	if !job.Running {
		job.Ended = info.GetCloseTime().AsTime()
		return job
	}
	// A run that neither has a step nor something to decide waits for a signal.
	job.Paused = len(d.GetPendingActivities()) == 0 && d.GetPendingWorkflowTask() == nil
	for _, pending := range d.GetPendingActivities() {
		job.Working = job.Working || pending.GetState() == enums.PENDING_ACTIVITY_STATE_STARTED
		if hasFailed(pending) {
			job.Failing = append(job.Failing, chferry.FailingStep{
				Step: pending.GetActivityType().GetName(), Attempt: pending.GetAttempt() - 1,
				Reason: pending.GetLastFailure().GetMessage(),
			})
		}
		var said activities.Heartbeat
		beat := pending.GetHeartbeatDetails()
		if beat != nil && converter.GetDefaultDataConverter().FromPayloads(beat, &said) == nil && said.Waiting != "" {
			job.Waiting = said.Waiting
		}
	}
	return job
}

// hasFailed reports whether the last attempt at a step failed. One that was handed over, or had no turn, has not.
func hasFailed(pending *workflow.PendingActivityInfo) bool {
	failure := pending.GetLastFailure()
	return failure != nil &&
		failure.GetApplicationFailureInfo().GetCategory() != enums.APPLICATION_ERROR_CATEGORY_BENIGN
}

// JobWatch is told what happens while a job is waited for. Each function may be nil.
type JobWatch struct {
	// Look is called now and then with how the job is.
	Look func(context.Context, chferry.JobStatus)
	// NoWorker is called once if nothing moves because no worker polls the task queue.
	NoWorker func()
	// Failed is called for each attempt at a step that failed and will be made again; once for attempts of several
	// readers that fail alike.
	Failed func(chferry.FailingStep)
}

// awaitJob waits until a job has ended and reads its result.
func (s *Starter) awaitJob(ctx context.Context, id string, result any, watch JobWatch) error {
	ended := make(chan error, 1)
	go func() { ended <- s.client.GetWorkflow(ctx, id, "").Get(ctx, result) }()
	ticks := time.NewTicker(pollInterval)
	defer ticks.Stop()
	w := &jobWatcher{
		JobWatch: watch, told: map[chferry.FailingStep]bool{},
		watcher: watcher{Starter: s, Watch: Watch{NoWorker: watch.NoWorker}, moved: time.Now()},
	}
	for {
		select {
		case err := <-ended:
			return s.failed(id, err)
		case <-ticks.C:
			w.look(ctx, id)
		}
	}
}

// jobWatcher waits for one job.
type jobWatcher struct {
	JobWatch
	watcher watcher
	told    map[chferry.FailingStep]bool
}

// look asks once how the job is. A Temporal that does not answer now may answer next time.
func (w *jobWatcher) look(ctx context.Context, id string) {
	job, err := w.watcher.job(ctx, id)
	if err != nil || !job.Running {
		return
	}
	if job.Working || job.Paused {
		w.watcher.moved = time.Now()
	}
	w.watcher.lookForWorker(ctx)
	for _, step := range job.Failing {
		if w.Failed != nil && !w.told[step] {
			w.told[step] = true
			w.Failed(step)
		}
	}
	if w.Look != nil {
		w.Look(ctx, job)
	}
}
