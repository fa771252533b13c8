package starter

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"

	"go.temporal.io/api/enums/v1"
	"go.temporal.io/api/serviceerror"
	"go.temporal.io/sdk/client"

	"github.com/chferry/chferry"
	"github.com/chferry/chferry/storage"
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

// startable returns nil if a job can be started. It is asked before the request is kept: the request of a job that has
// not begun would be replaced.
func (s *Starter) startable(ctx context.Context, key chferry.ImportKey, id string) error {
	if _, err := s.actionOf(ctx, key); err != nil {
		return err
	}
	job, err := s.job(ctx, id)
	if err == nil && job.Running {
		err = runsAlready(id, nil)
	}
	return err
}

func runsAlready(id string, err error) error {
	return chferry.WrapError(chferry.CodeClaimed, err, "%s runs already: wait for its end, or cancel it", id)
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
		return runsAlready(id, err)
	}
	return s.translate(err)
}

// stoppedWaiting says that a job goes on although its caller no longer waits for it.
func stoppedWaiting(kind storage.JobKind, key chferry.ImportKey, err error) error {
	return chferry.WrapError(chferry.CodeUnavailable, err,
		"stopped waiting: the %s of %s goes on: chferry %[1]s %[2]s --status shows it", kind, key)
}
