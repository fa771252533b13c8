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
	What string // "create", "update", "pause" or "delete"
	Name string // the thing: "schedule chferry:sync:users"
	Why  string // what it is like, what it was before, or why it is paused
}

// ApplyOptions are what Apply is told.
type ApplyOptions struct {
	// Attributes gives the workflows of schedules the search attributes of [Starter.EnsureSearchAttributes].
	Attributes bool
	// Prune deletes the schedules of import keys that are not among the imports, paused or not, in
	// the place of pausing them.
	Prune bool
	// DryRun changes nothing.
	DryRun bool
	// Leave are the import keys whose schedules stay as they are, although they are among the imports.
	Leave map[chferry.ImportKey]bool
	// LeaveRemoved leaves the schedules of import keys alone that are not among the imports.
	LeaveRemoved bool
	// Removed, if set, is called for each import key that is not among the imports and has a
	// schedule, paused by whomever or not.
	Removed func(chferry.ImportKey)
}

// Apply makes the schedules those of imports: it creates and updates, and pauses those of import
// keys that are not among them. A schedule that a person paused stays paused, one that Apply paused
// is resumed when its key is back. It returns the changes in order. A schedule that Temporal
// refuses stops no other: the errors are joined.
func (s *Starter) Apply(ctx context.Context, imports []chferry.Import, opts ApplyOptions) ([]Change, error) {
	var changes []Change
	var problems []error
	wanted := map[string]bool{}
	for _, imp := range imports {
		wanted[workflows.SyncID(s.prefix, imp.Key)] = true
		if opts.Leave[imp.Key] {
			continue
		}
		change, err := s.applyOne(ctx, imp, opts)
		switch {
		case err != nil && chferry.CodeOf(err) != chferry.CodeConfiguration:
			return changes, errors.Join(append(problems, err)...)
		case err != nil:
			problems = append(problems, err)
		case change.What != "":
			changes = append(changes, change)
		}
	}
	if opts.LeaveRemoved {
		return changes, errors.Join(problems...)
	}
	removed, err := s.endRemoved(ctx, wanted, opts)
	return append(changes, removed...), errors.Join(append(problems, err)...)
}

// applyOne returns the zero Change if nothing is to be done.
func (s *Starter) applyOne(ctx context.Context, imp chferry.Import, opts ApplyOptions) (Change, error) {
	want := s.schedule(imp, opts.Attributes)
	d, err := s.describe(ctx, s.handle(ctx, imp.Key))
	var notFound *serviceerror.NotFound
	switch {
	case errors.As(err, &notFound):
		change := Change{What: "create", Name: "schedule " + want.ID, Why: specOf(imp)}
		if opts.DryRun {
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
	if opts.DryRun {
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
