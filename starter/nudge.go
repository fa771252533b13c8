package starter

import (
	"context"
	"errors"
	"maps"
	"sync"
	"time"

	"go.temporal.io/api/enums/v1"
	"go.temporal.io/api/serviceerror"
	"go.temporal.io/api/workflow/v1"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/converter"

	"github.com/chferry/chferry"
	"github.com/chferry/chferry/workflows"
)

// Nudge starts a sync of what is registered by now, unless the schedule is paused: then it does
// nothing, because it is for people to decide that. It goes past the schedule, which would make
// Temporal work thrice as hard: the first nudge starts a workflow like those of the schedule, and
// those that come while it runs are signals to it. A schedule that is paused between the look and
// the start syncs once more.
func (s *Starter) Nudge(ctx context.Context, key chferry.ImportKey) error {
	paused, err := s.paused(ctx, key)
	if err != nil || paused {
		return err
	}
	action, err := s.actionOf(ctx, key)
	if err != nil {
		return err
	}
	err = s.repeated(ctx, func(ctx context.Context) error {
		_, err := s.client.SignalWithStartWorkflow(ctx, action.ID, workflows.NudgeSignal, nil, action,
			workflows.SyncName, workflows.SyncInput{ImportKey: key, Nudged: true})
		return err
	})
	return s.translate(err)
}

// Names by which Temporal's server knows the workflow that is behind a schedule.
const (
	schedulerPrefix = "temporal-sys-scheduler:"
	pausedAttribute = "TemporalSchedulePaused"
)

// paused tells whether a key's schedule is paused. It reads the attributes of the workflow behind
// the schedule, which costs Temporal a look into its memory. To describe the schedule, which is how
// a server is asked that has no such workflow, runs a query in that workflow: where many keys are
// nudged, queries wait for each other.
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

// awaitPaused returns when nudges see that a schedule was paused or resumed, which is a moment
// after the schedule says so, or after a while.
func (s *Starter) awaitPaused(ctx context.Context, schedule string, paused bool) {
	const pause = 10 * time.Millisecond
	ctx, cancel := context.WithTimeout(ctx, lostAfter)
	defer cancel()
	for {
		behind, err := s.client.DescribeWorkflowExecution(ctx, schedulerPrefix+schedule, "")
		if seen, known := pausedOf(behind.GetWorkflowExecutionInfo()); err != nil || !known || seen == paused {
			return
		}
		select {
		case <-ctx.Done():
			return
		case <-time.After(pause):
		}
	}
}

func pausedOf(info *workflow.WorkflowExecutionInfo) (paused, known bool) {
	payload, ok := info.GetSearchAttributes().GetIndexedFields()[pausedAttribute]
	known = ok && info.GetStatus() == enums.WORKFLOW_EXECUTION_STATUS_RUNNING && // else the schedule was deleted
		converter.GetDefaultDataConverter().FromPayload(payload, &paused) == nil
	return paused, known
}

// actionFor is for how long nudges start workflows as the schedule was seen to start them.
const actionFor = time.Minute

// actions are the ways in which the schedules of import keys start workflows, as far as they were looked up lately.
type actions struct {
	mu   sync.Mutex
	seen map[chferry.ImportKey]action
}

type action struct {
	options client.StartWorkflowOptions
	until   time.Time
}

func (a *actions) get(key chferry.ImportKey) (options client.StartWorkflowOptions, ok bool) {
	a.mu.Lock()
	defer a.mu.Unlock()
	seen, ok := a.seen[key]
	return seen.options, ok && time.Now().Before(seen.until)
}

func (a *actions) put(key chferry.ImportKey, options client.StartWorkflowOptions) {
	a.mu.Lock()
	defer a.mu.Unlock()
	now := time.Now()
	maps.DeleteFunc(a.seen, func(_ chferry.ImportKey, seen action) bool { return now.After(seen.until) })
	if a.seen == nil {
		a.seen = map[chferry.ImportKey]action{}
	}
	a.seen[key] = action{options, now.Add(actionFor)}
}

// actionOf returns how the key's schedule starts workflows.
func (s *Starter) actionOf(ctx context.Context, key chferry.ImportKey) (client.StartWorkflowOptions, error) {
	if options, ok := s.actions.get(key); ok {
		return options, nil
	}
	d, err := s.describeKey(ctx, key)
	if err != nil {
		return client.StartWorkflowOptions{}, err
	}
	of, ok := d.Schedule.Action.(*client.ScheduleWorkflowAction)
	if !ok {
		return client.StartWorkflowOptions{}, chferry.Errorf(chferry.CodeConfiguration,
			"the schedule of import key %s starts no workflow: run chferry apply %[1]s", key)
	}
	options := client.StartWorkflowOptions{
		ID: workflows.SyncID(s.prefix, key), TaskQueue: of.TaskQueue, WorkflowRunTimeout: of.WorkflowRunTimeout,
		TypedSearchAttributes: of.TypedSearchAttributes,
		Memo:                  map[string]any{workflows.ScheduleMemo: memo(d, workflows.ScheduleMemo)},
		StaticSummary:         of.StaticSummary, StaticDetails: of.StaticDetails,
	}
	s.actions.put(key, options)
	return options, nil
}

// nudged returns the newest run of the workflow that nudges of a key start; nil if there is none, or it was long ago.
func (s *Starter) nudged(ctx context.Context, key chferry.ImportKey) (info *workflow.WorkflowExecutionInfo, err error) {
	err = s.repeated(ctx, func(ctx context.Context) error {
		d, err := s.client.DescribeWorkflowExecution(ctx, workflows.SyncID(s.prefix, key), "")
		info = d.GetWorkflowExecutionInfo()
		return err
	})
	var notFound *serviceerror.NotFound
	if errors.As(err, &notFound) {
		return nil, nil
	}
	return info, s.translate(err)
}
