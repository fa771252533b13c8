package starter

import (
	"context"

	"go.temporal.io/api/workflow/v1"
	"go.temporal.io/sdk/converter"

	"github.com/chferry/chferry"
	"github.com/chferry/chferry/workflows"
)

// Nudge starts a sync as [Starter.Trigger] does, unless the schedule is paused: then it does nothing, because a trigger runs a
// paused schedule, too, and it is for people to decide that. One that is paused between the look and the trigger runs once more.
func (s *Starter) Nudge(ctx context.Context, key chferry.ImportKey) error {
	paused, err := s.paused(ctx, key)
	if err != nil || paused {
		return err
	}
	return s.Trigger(ctx, key)
}

// Names by which Temporal's server knows the workflow that is behind a schedule.
const (
	schedulerPrefix = "temporal-sys-scheduler:"
	pausedAttribute = "TemporalSchedulePaused"
)

// paused tells whether a key's schedule is paused. It reads the attributes of the workflow behind the schedule, which costs Temporal a
// look into its memory. To describe the schedule, which is how a server is asked that has no such workflow, runs a query in that workflow:
// where many schedules are triggered, queries wait for each other.
func (s *Starter) paused(ctx context.Context, key chferry.ImportKey) (bool, error) {
	looking, cancel := context.WithTimeout(ctx, lostAfter)
	defer cancel()
	behind, err := s.client.DescribeWorkflowExecution(looking, schedulerPrefix+workflows.SyncID(s.prefix, key), "")
	if err == nil {
		if paused, known := pausedOf(behind.GetWorkflowExecutionInfo()); known {
			return paused, nil
		}
	}
	d, err := s.describeKey(ctx, key)
	if err != nil {
		return false, err
	}
	return d.Schedule.State != nil && d.Schedule.State.Paused, nil
}

func pausedOf(info *workflow.WorkflowExecutionInfo) (paused, known bool) {
	payload, ok := info.GetSearchAttributes().GetIndexedFields()[pausedAttribute]
	known = ok && converter.GetDefaultDataConverter().FromPayload(payload, &paused) == nil
	return paused, known
}
