package starter

import (
	"context"
	"errors"
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
	Why  string // what it is like, what it was before, or why it is paused
}

// Apply makes the schedules those of imports: it creates and updates, and pauses those of import keys that are not among them. A
// schedule that a person paused stays paused, one that Apply paused is resumed when its key is back. With dryRun nothing is changed. It returns the changes in order.
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
	want := s.schedule(imp, attributes)
	d, err := s.describe(ctx, s.handle(ctx, imp.Key))
	var notFound *serviceerror.NotFound
	switch {
	case errors.As(err, &notFound):
		change := Change{What: "create", Name: "schedule " + want.ID, Why: specOf(imp)}
		if dryRun {
			return change, nil
		}
		return change, s.create(ctx, want)
	case err != nil:
		return Change{}, s.translate(err)
	}
	different := differences(d, want)
	if len(different) == 0 {
		return Change{}, nil
	}
	change := Change{What: "update", Name: "schedule " + want.ID, Why: strings.Join(different, "; ")}
	if dryRun {
		return change, nil
	}
	return change, s.update(ctx, imp.Key, want)
}

func (s *Starter) create(ctx context.Context, want client.ScheduleOptions) error {
	ctx, cancel := context.WithTimeout(ctx, callTimeout)
	defer cancel()
	_, err := s.client.ScheduleClient().Create(ctx, want)
	return s.translate(err)
}

func (s *Starter) update(ctx context.Context, key chferry.ImportKey, want client.ScheduleOptions) error {
	err := s.repeated(ctx, func(ctx context.Context) error {
		return s.handle(ctx, key).Update(ctx, client.ScheduleUpdateOptions{DoUpdate: updateTo(want)})
	})
	return s.translate(err)
}

func updateTo(want client.ScheduleOptions) func(client.ScheduleUpdateInput) (*client.ScheduleUpdate, error) {
	return func(in client.ScheduleUpdateInput) (*client.ScheduleUpdate, error) {
		schedule := in.Description.Schedule // its state, paused or not, stays
		if removed(&in.Description) {
			schedule.State.Paused, schedule.State.Note = false, ""
		}
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
		change, err := s.pauseOne(ctx, entry.ID, dryRun)
		if err != nil {
			return changes, err
		}
		if change.What != "" {
			changes = append(changes, change)
		}
	}
	return changes, nil
}

// pauseOne looks again, because the list may be seconds old, and returns the zero Change if the schedule is paused or gone.
func (s *Starter) pauseOne(ctx context.Context, id string, dryRun bool) (Change, error) {
	handle := s.client.ScheduleClient().GetHandle(ctx, id)
	d, err := s.describe(ctx, handle)
	var notFound *serviceerror.NotFound
	switch {
	case errors.As(err, &notFound):
		return Change{}, nil
	case err != nil:
		return Change{}, s.translate(err)
	case d.Schedule.State != nil && d.Schedule.State.Paused:
		return Change{}, nil
	}
	if !dryRun {
		err = s.setPaused(ctx, handle, true, removedNote)
	}
	return Change{What: "pause", Name: "schedule " + id, Why: "its import key is not in the configuration any more"}, s.translate(err)
}
