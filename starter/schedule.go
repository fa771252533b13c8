package starter

import (
	"context"
	"errors"
	"fmt"
	"strings"
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

// byHand stands for the times of a schedule that has none.
const byHand = "by hand"

// specOf returns a schedule in words: "every 5s, jitter 2s", "cron 0 4 * * * in Europe/Paris" or "by hand".
func specOf(imp chferry.Import) string { return inWords(timesOf(imp), imp.TimeZone, imp.Jitter) }

// inWords adds to the words for the times of a schedule those for its time zone and jitter, if it has any.
func inWords(times, zone string, jitter time.Duration) string {
	if zone != "" && zone != zoneOf(times) {
		times += " in " + zone
	}
	if jitter > 0 {
		times += ", jitter " + chferry.DurationText(jitter)
	}
	return times
}

// detailsOf says in Markdown what a sync is about, for those who look at one in the Temporal UI.
func detailsOf(imp chferry.Import) string {
	from := "database"
	if len(imp.Databases) > 1 {
		from = "databases"
	}
	from += " `" + strings.Join(imp.Databases, "`, `") + "`"
	order := "the primary key"
	if len(imp.OrderBy) > 0 {
		order = "`" + strings.Join(imp.OrderBy, "`, `") + "`"
	}
	return fmt.Sprintf("- import key `%s`\n- from table `%s` of %s\n- into ClickHouse table `%s`, engine `%s`, "+
		"ordered by %s",
		imp.Key, imp.Table, from, imp.DestinationTable, imp.Engine, order)
}

// timesOf returns the times of a schedule in words.
func timesOf(imp chferry.Import) string {
	switch {
	case imp.Every > 0:
		return workflows.EveryWord + chferry.DurationText(imp.Every)
	case imp.Cron != "":
		return workflows.CronWord + imp.Cron
	default:
		return byHand
	}
}

func (s *Starter) schedule(imp chferry.Import, attributes bool) client.ScheduleOptions {
	spec := client.ScheduleSpec{Jitter: imp.Jitter, TimeZoneName: imp.TimeZone}
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
		StaticDetails: detailsOf(imp),
		Memo:          map[string]any{workflows.ScheduleMemo: timesOf(imp)},

		WorkflowRunTimeout: workflows.RunTimeout(imp.Limits),
	}
	options := client.ScheduleOptions{
		ID: id, Spec: spec, Action: action,
		Overlap: enums.SCHEDULE_OVERLAP_POLICY_SKIP, CatchupWindow: catchup(imp),
	}
	if attributes {
		key := workflows.ImportKeyAttribute.ValueSet(string(imp.Key))
		action.TypedSearchAttributes = temporal.NewSearchAttributes(key,
			workflows.OutcomeAttribute.ValueSet(activities.OutcomeIdle))
		options.TypedSearchAttributes = temporal.NewSearchAttributes(key)
	}
	return options
}

func (s *Starter) handle(ctx context.Context, key chferry.ImportKey) client.ScheduleHandle {
	return s.client.ScheduleClient().GetHandle(ctx, workflows.SyncID(s.prefix, key))
}

// Trigger starts a sync now, or, if one is running, when it has ended.
func (s *Starter) Trigger(ctx context.Context, key chferry.ImportKey) error {
	return s.noSchedule(key, s.repeated(ctx, func(ctx context.Context) error {
		return s.handle(ctx, key).Trigger(ctx,
			client.ScheduleTriggerOptions{Overlap: enums.SCHEDULE_OVERLAP_POLICY_BUFFER_ONE})
	}))
}

// Pause pauses a schedule. A sync that runs goes on.
func (s *Starter) Pause(ctx context.Context, key chferry.ImportKey, note string) error {
	return s.noSchedule(key, s.setPaused(ctx, s.handle(ctx, key), true, note))
}

// Resume ends a pause.
func (s *Starter) Resume(ctx context.Context, key chferry.ImportKey, note string) error {
	return s.noSchedule(key, s.setPaused(ctx, s.handle(ctx, key), false, note))
}

// changeTries is how often a change of a schedule is asked for that somebody else's change replaces.
const changeTries = 5

// setPaused returns when the schedule is paused, or not, and not earlier: of two changes that reach
// a schedule at the same moment Temporal forgets the first, although it has acknowledged it.
func (s *Starter) setPaused(ctx context.Context, handle client.ScheduleHandle, paused bool, note string) error {
	for range changeTries {
		err := s.repeated(ctx, func(ctx context.Context) error {
			if paused {
				return handle.Pause(ctx, client.SchedulePauseOptions{Note: note})
			}
			return handle.Unpause(ctx, client.ScheduleUnpauseOptions{Note: note})
		})
		if err != nil {
			return err
		}
		d, err := s.describe(ctx, handle)
		if err != nil {
			return err
		}
		if d.Schedule.State != nil && d.Schedule.State.Paused == paused {
			s.awaitPaused(ctx, handle.GetID(), paused)
			return nil
		}
	}
	return chferry.Errorf(chferry.CodeUnavailable, "somebody else keeps changing the schedule %s: try again",
		handle.GetID())
}

// Describe says what Temporal knows of a schedule.
func (s *Starter) Describe(ctx context.Context, key chferry.ImportKey) (chferry.Schedule, error) {
	d, err := s.describeKey(ctx, key)
	if err != nil {
		return chferry.Schedule{}, err
	}
	out := chferry.Schedule{Spec: specNow(d), Running: len(d.Info.RunningWorkflows) > 0}
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
	return out, s.addNudged(ctx, key, &out)
}

// addNudged adds the newest run that nudges started, of which the schedule knows nothing.
func (s *Starter) addNudged(ctx context.Context, key chferry.ImportKey, out *chferry.Schedule) error {
	run, err := s.nudged(ctx, key)
	if err != nil || run == nil {
		return err
	}
	out.Running = out.Running || !closed[run.GetStatus()]
	if began := run.GetStartTime().AsTime(); began.After(out.Last) {
		out.Last, out.LastID = began, run.GetExecution().GetWorkflowId()
	}
	return nil
}

func (s *Starter) describeKey(ctx context.Context, key chferry.ImportKey) (*client.ScheduleDescription, error) {
	d, err := s.describe(ctx, s.handle(ctx, key))
	return d, s.noSchedule(key, err)
}

// describe returns Temporal's own errors.
func (s *Starter) describe(ctx context.Context,
	handle client.ScheduleHandle,
) (d *client.ScheduleDescription, err error) {
	err = s.repeated(ctx, func(ctx context.Context) error {
		d, err = handle.Describe(ctx)
		return err
	})
	return d, err
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
			"import key %s has no schedule in namespace %q of Temporal at %s: run chferry apply %[1]s",
			key, s.namespace, s.address)
	}
	return s.translate(err)
}
