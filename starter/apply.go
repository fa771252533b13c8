package starter

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"go.temporal.io/api/serviceerror"
	"go.temporal.io/sdk/client"

	"github.com/chferry/chferry"
	"github.com/chferry/chferry/workflows"
)

// Change is one thing that Apply did, or would do.
type Change struct {
	What string // "create", "update" or "pause"
	Name string // the thing: "schedule chferry:sync:users"
	Why  string // what it is like afterwards, or why it is paused
}

// Apply makes the schedules those of imports: it creates and updates, and pauses those of import keys that are not among them. A
// schedule that a person paused stays paused. With dryRun nothing is changed. It returns the changes in order.
//
// With attributes, schedules give their workflows the search attributes of [Starter.EnsureSearchAttributes].
func (s *Starter) Apply(ctx context.Context, imports []chferry.Import, attributes, dryRun bool) ([]Change, error) {
	var changes []Change
	wanted := map[string]bool{}
	for _, imp := range imports {
		wanted[workflows.SyncID(s.prefix, imp.Key)] = true
		change, err := s.applyOne(ctx, imp, attributes, dryRun)
		if err != nil {
			return changes, err
		}
		if change.What != "" {
			changes = append(changes, change)
		}
	}
	removed, err := s.pauseRemoved(ctx, wanted, dryRun)
	return append(changes, removed...), err
}

// applyOne returns the zero Change if nothing is to be done.
func (s *Starter) applyOne(ctx context.Context, imp chferry.Import, attributes, dryRun bool) (Change, error) {
	ctx, cancel := context.WithTimeout(ctx, callTimeout)
	defer cancel()
	want := s.schedule(imp, attributes)
	d, err := s.handle(imp.Key).Describe(ctx)
	var notFound *serviceerror.NotFound
	switch {
	case errors.As(err, &notFound):
		change := Change{What: "create", Name: "schedule " + want.ID, Why: specOf(imp)}
		if !dryRun {
			_, err = s.client.ScheduleClient().Create(ctx, want)
			return change, s.translate(err)
		}
		return change, nil
	case err != nil:
		return Change{}, s.translate(err)
	case same(d, want):
		return Change{}, nil
	}
	change := Change{What: "update", Name: "schedule " + want.ID, Why: specOf(imp)}
	if was := memo(d, specMemo); was != specOf(imp) {
		change.Why = fmt.Sprintf("%s, was %s", specOf(imp), was)
	}
	if dryRun {
		return change, nil
	}
	return change, s.translate(s.handle(imp.Key).Update(ctx, client.ScheduleUpdateOptions{DoUpdate: updateTo(want)}))
}

// same compares what can be compared: Temporal gives intervals back as they were, and cron expressions not at all.
func same(d *client.ScheduleDescription, want client.ScheduleOptions) bool {
	action, ok := want.Action.(*client.ScheduleWorkflowAction)
	if !ok || d.Schedule.Spec == nil || memo(d, appliedMemo) != action.Memo[appliedMemo] {
		return false
	}
	got := d.Schedule.Spec.Intervals
	if len(got) != len(want.Spec.Intervals) {
		return false
	}
	for i := range got {
		if got[i].Every != want.Spec.Intervals[i].Every {
			return false
		}
	}
	return true
}

func updateTo(want client.ScheduleOptions) func(client.ScheduleUpdateInput) (*client.ScheduleUpdate, error) {
	return func(in client.ScheduleUpdateInput) (*client.ScheduleUpdate, error) {
		schedule := in.Description.Schedule // its state, paused or not, stays
		schedule.Spec, schedule.Action = &want.Spec, want.Action
		schedule.Policy = &client.SchedulePolicies{Overlap: want.Overlap, CatchupWindow: want.CatchupWindow}
		return &client.ScheduleUpdate{Schedule: &schedule, TypedSearchAttributes: &want.TypedSearchAttributes}, nil
	}
}

const removedNote = "chferry apply: the import key is not in the configuration any more"

func (s *Starter) pauseRemoved(ctx context.Context, wanted map[string]bool, dryRun bool) ([]Change, error) {
	ctx, cancel := context.WithTimeout(ctx, callTimeout)
	defer cancel()
	list, err := s.client.ScheduleClient().List(ctx, client.ScheduleListOptions{PageSize: 500})
	if err != nil {
		return nil, s.translate(err)
	}
	var changes []Change
	for list.HasNext() {
		entry, err := list.Next()
		if err != nil {
			return changes, s.translate(err)
		}
		if !strings.HasPrefix(entry.ID, workflows.SyncID(s.prefix, "")) || wanted[entry.ID] || entry.Paused {
			continue
		}
		changes = append(changes, Change{What: "pause", Name: "schedule " + entry.ID, Why: "its import key is not in the configuration any more"})
		if dryRun {
			continue
		}
		err = s.client.ScheduleClient().GetHandle(ctx, entry.ID).Pause(ctx, client.SchedulePauseOptions{Note: removedNote})
		if err != nil {
			return changes, s.translate(err)
		}
	}
	return changes, nil
}
