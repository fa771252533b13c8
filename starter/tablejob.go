package starter

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/chferry/chferry"
	"github.com/chferry/chferry/storage"
	"go.temporal.io/api/enums/v1"
	"go.temporal.io/api/serviceerror"
	"go.temporal.io/sdk/client"
)

// keepRequest keeps what a job is asked for, and returns its ID; nothing if nothing is asked for.
func keepRequest[R comparable](ctx context.Context, requests storage.Requests, key chferry.ImportKey,
	kind storage.JobKind, asked R,
) (id string, err error) {
	var nothing R
	if asked == nothing {
		return "", nil
	}
	text, err := json.Marshal(asked)
	if err != nil {
		return "", fmt.Errorf("write what the %s is asked for: %w", kind, err)
	}
	id = rand.Text()
	return id, requests.KeepRequest(ctx, key, kind, id, string(text))
}

// startJob starts a workflow that reads whole tables, unless one of its ID is open.
func (s *Starter) startJob(ctx context.Context, imp chferry.Import, id, summary, name string, input any) error {
	schedule, err := s.actionOf(ctx, imp.Key)
	if err != nil {
		return err
	}
	options := client.StartWorkflowOptions{
		ID: id, TaskQueue: schedule.TaskQueue,
		WorkflowIDConflictPolicy:                 enums.WORKFLOW_ID_CONFLICT_POLICY_FAIL,
		WorkflowExecutionErrorWhenAlreadyStarted: true,
		StaticSummary:                            summary, StaticDetails: detailsOf(imp),
		TypedSearchAttributes: schedule.TypedSearchAttributes,
	}
	ctx, cancel := context.WithTimeout(ctx, callTimeout)
	defer cancel()
	_, err = s.client.ExecuteWorkflow(ctx, options, name, input)
	var runs *serviceerror.WorkflowExecutionAlreadyStarted
	if errors.As(err, &runs) {
		return chferry.WrapError(chferry.CodeClaimed, err, "%s runs already: wait for its end, or cancel it", id)
	}
	return s.translate(err)
}

func (s *Starter) signal(ctx context.Context, id, name string) error {
	return s.noJob(id, s.repeated(ctx, func(ctx context.Context) error {
		return s.client.SignalWorkflow(ctx, id, "", name, nil)
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

// Job says how a workflow that reads whole tables is, as Temporal sees it.
type Job struct {
	ID      string    // of the workflow; empty: Temporal knows none
	Running bool      // it has not ended
	Began   time.Time // the newest run
	Ended   time.Time
	Status  string // Temporal's, such as Running, Completed, Failed, Canceled
	// Failing is why the last attempt at a step failed that will be made again; empty if none did.
	Failing string
}

func (s *Starter) job(ctx context.Context, id string) (job Job, err error) {
	err = s.repeated(ctx, func(ctx context.Context) error {
		d, err := s.client.DescribeWorkflowExecution(ctx, id, "")
		if err != nil {
			return err
		}
		info := d.GetWorkflowExecutionInfo()
		job = Job{
			ID: id, Running: !closed[info.GetStatus()], Status: info.GetStatus().String(),
			Began: info.GetStartTime().AsTime(),
		}
		if !job.Running {
			job.Ended = info.GetCloseTime().AsTime()
		}
		for _, pending := range d.GetPendingActivities() {
			failure := pending.GetLastFailure()
			benign := failure.GetApplicationFailureInfo().GetCategory() == enums.APPLICATION_ERROR_CATEGORY_BENIGN
			if failure != nil && !benign {
				job.Failing = pending.GetActivityType().GetName() + ": " + failure.GetMessage()
			}
		}
		return nil
	})
	var notFound *serviceerror.NotFound
	if errors.As(err, &notFound) {
		return Job{}, nil
	}
	return job, s.translate(err)
}

// awaitJob waits until a workflow that reads whole tables has ended.
func awaitJob[Result any](ctx context.Context, s *Starter, id string) (result Result, err error) {
	err = s.client.GetWorkflow(ctx, id, "").Get(ctx, &result)
	if err != nil && ctx.Err() != nil {
		return result, chferry.WrapError(chferry.CodeUnavailable, err, "stopped waiting: %s goes on", id)
	}
	return result, s.failed(id, err)
}
