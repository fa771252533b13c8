package starter

import (
	"context"
	"errors"
	"fmt"
	"time"

	"go.temporal.io/api/common/v1"
	"go.temporal.io/api/enums/v1"
	"go.temporal.io/api/serviceerror"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/converter"
	"go.temporal.io/sdk/temporal"

	"github.com/chferry/chferry"
	"github.com/chferry/chferry/activities"
	"github.com/chferry/chferry/workflows"
)

// catchup is for how long after an outage ticks are made up for. One is enough: it syncs all that is pending.
const catchup = 10 * time.Second

// Memos of each sync. Temporal does not give a cron expression back, so a schedule's are kept here.
const (
	specMemo    = "chferry_schedule" // the schedule in words
	appliedMemo = "chferry_applied"  // all that apply made the schedule from, to see whether that changed
)

// specOf returns a schedule in words: "every 5s", "cron */5 * * * *" or "by hand".
func specOf(imp chferry.Import) string {
	switch {
	case imp.Every > 0:
		return "every " + imp.Every.String()
	case imp.Cron != "":
		return "cron " + imp.Cron
	default:
		return "by hand"
	}
}

func (s *Starter) schedule(imp chferry.Import, attributes bool) client.ScheduleOptions {
	spec := client.ScheduleSpec{}
	if imp.Every > 0 {
		spec.Intervals = []client.ScheduleIntervalSpec{{Every: imp.Every}}
	}
	if imp.Cron != "" {
		spec.CronExpressions = []string{imp.Cron}
	}
	id := workflows.SyncID(s.prefix, imp.Key)
	action := &client.ScheduleWorkflowAction{
		ID: id, Workflow: workflows.SyncName, TaskQueue: s.taskQueue,
		Args:          []any{workflows.SyncInput{ImportKey: imp.Key}},
		StaticSummary: fmt.Sprintf("sync %s: %s into %s", imp.Key, imp.Table, imp.DestinationTable),
	}
	action.Memo = map[string]any{
		specMemo:    specOf(imp),
		appliedMemo: fmt.Sprintf("%s; %s; task queue %s; search attributes %t", specOf(imp), action.StaticSummary, s.taskQueue, attributes),
	}
	options := client.ScheduleOptions{
		ID: id, Spec: spec, Action: action,
		Overlap: enums.SCHEDULE_OVERLAP_POLICY_SKIP, CatchupWindow: catchup,
	}
	if attributes {
		key := workflows.ImportKeyAttribute.ValueSet(string(imp.Key))
		action.TypedSearchAttributes = temporal.NewSearchAttributes(key, workflows.OutcomeAttribute.ValueSet(activities.OutcomeIdle))
		options.TypedSearchAttributes = temporal.NewSearchAttributes(key)
	}
	return options
}

func (s *Starter) handle(key chferry.ImportKey) client.ScheduleHandle {
	return s.client.ScheduleClient().GetHandle(context.Background(), workflows.SyncID(s.prefix, key))
}

// Trigger starts a sync now, or, if one is running, when it has ended.
func (s *Starter) Trigger(ctx context.Context, key chferry.ImportKey) error {
	ctx, cancel := context.WithTimeout(ctx, callTimeout)
	defer cancel()
	return s.noSchedule(key, s.handle(key).Trigger(ctx, client.ScheduleTriggerOptions{
		Overlap: enums.SCHEDULE_OVERLAP_POLICY_BUFFER_ONE,
	}))
}

// Pause pauses a schedule. A sync that runs goes on.
func (s *Starter) Pause(ctx context.Context, key chferry.ImportKey, note string) error {
	ctx, cancel := context.WithTimeout(ctx, callTimeout)
	defer cancel()
	return s.noSchedule(key, s.handle(key).Pause(ctx, client.SchedulePauseOptions{Note: note}))
}

// Resume ends a pause.
func (s *Starter) Resume(ctx context.Context, key chferry.ImportKey, note string) error {
	ctx, cancel := context.WithTimeout(ctx, callTimeout)
	defer cancel()
	return s.noSchedule(key, s.handle(key).Unpause(ctx, client.ScheduleUnpauseOptions{Note: note}))
}

// Describe says what Temporal knows of a schedule.
func (s *Starter) Describe(ctx context.Context, key chferry.ImportKey) (chferry.Schedule, error) {
	d, err := s.describe(ctx, key)
	if err != nil {
		return chferry.Schedule{}, err
	}
	out := chferry.Schedule{Spec: memo(d, specMemo)}
	if state := d.Schedule.State; state != nil {
		out.Paused, out.Note = state.Paused, state.Note
	}
	if len(d.Info.NextActionTimes) > 0 && !out.Paused {
		out.Next = d.Info.NextActionTimes[0].UTC()
	}
	if n := len(d.Info.RecentActions); n > 0 {
		last := d.Info.RecentActions[n-1]
		out.Last = last.ActualTime.UTC()
		if last.StartWorkflowResult != nil {
			out.LastID = last.StartWorkflowResult.WorkflowID
		}
	}
	return out, nil
}

func (s *Starter) describe(ctx context.Context, key chferry.ImportKey) (*client.ScheduleDescription, error) {
	ctx, cancel := context.WithTimeout(ctx, callTimeout)
	defer cancel()
	d, err := s.handle(key).Describe(ctx)
	return d, s.noSchedule(key, err)
}

// memo returns a memo of the workflows that a schedule starts; empty if it has none, as a schedule of somebody else's.
func memo(d *client.ScheduleDescription, name string) string {
	action, ok := d.Schedule.Action.(*client.ScheduleWorkflowAction)
	if !ok {
		return ""
	}
	var text string
	if payload, ok := action.Memo[name].(*common.Payload); ok {
		_ = converter.GetDefaultDataConverter().FromPayload(payload, &text) // unreadable: as if absent
	}
	return text
}

// noSchedule says what to do about a key that has no schedule yet.
func (s *Starter) noSchedule(key chferry.ImportKey, err error) error {
	var notFound *serviceerror.NotFound
	if errors.As(err, &notFound) {
		return chferry.WrapError(chferry.CodeConfiguration, err,
			"import key %s has no schedule in namespace %q of Temporal at %s: run chferry apply", key, s.namespace, s.address)
	}
	return s.translate(err)
}
