package starter

import (
	"context"
	"errors"
	"time"

	"go.temporal.io/api/enums/v1"
	"go.temporal.io/api/serviceerror"
	"go.temporal.io/api/workflow/v1"

	"github.com/chferry/chferry/workflows"
)

// closedTimeout is short: the caller is a sync that can wait for the lease instead.
const closedTimeout = 3 * time.Second

// closed are the statuses of a workflow that does nothing any more. One that is paused is none of
// them, nor is what later servers may add.
var closed = map[enums.WorkflowExecutionStatus]bool{
	enums.WORKFLOW_EXECUTION_STATUS_COMPLETED:  true,
	enums.WORKFLOW_EXECUTION_STATUS_FAILED:     true,
	enums.WORKFLOW_EXECUTION_STATUS_CANCELED:   true,
	enums.WORKFLOW_EXECUTION_STATUS_TERMINATED: true,
	enums.WORKFLOW_EXECUTION_STATUS_TIMED_OUT:  true,
}

// Closed tells whether the sync with a token has ended, with all runs that continue it. If Temporal doesn't answer, or
// doesn't remember the workflow, nobody knows, and it says false: the lease decides.
func (s *Starter) Closed(ctx context.Context, token string) bool {
	workflowID, firstRunID, ok := workflows.ParseToken(token)
	if !ok {
		return false
	}
	info, err := s.newest(ctx, workflowID)
	if err != nil {
		return false
	}
	if closed[info.GetStatus()] {
		return true
	}
	// The newest run of the ID: if it belongs to another chain, ours had to end before that could
	// begin. Older servers don't say.
	newest := info.GetFirstRunId()
	return newest != "" && newest != firstRunID
}

// JobClosed is [Starter.Closed] for a job that reads whole tables, which has no lease: nothing else ends one whose
// workflow died. A workflow that this namespace does not remember has ended, as it keeps those that are open.
func (s *Starter) JobClosed(ctx context.Context, token string) bool {
	workflowID, _, ok := workflows.ParseToken(token)
	if !ok {
		return false
	}
	_, err := s.newest(ctx, workflowID)
	var notFound *serviceerror.NotFound
	return errors.As(err, &notFound) || s.Closed(ctx, token)
}

// newest describes the newest run of a workflow.
func (s *Starter) newest(ctx context.Context, workflowID string) (*workflow.WorkflowExecutionInfo, error) {
	ctx, cancel := context.WithTimeout(ctx, closedTimeout)
	defer cancel()
	d, err := s.client.DescribeWorkflowExecution(ctx, workflowID, "")
	return d.GetWorkflowExecutionInfo(), err
}
