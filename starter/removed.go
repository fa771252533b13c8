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

const (
	removedNote = "chferry apply: the import key is not in the configuration any more"
	removedWhy  = "its import key is not in the configuration any more"
)

// endRemoved pauses or deletes the schedules that are not wanted.
func (s *Starter) endRemoved(ctx context.Context, wanted map[string]bool, opts ApplyOptions) ([]Change, error) {
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
		if !strings.HasPrefix(entry.ID, workflows.SyncID(s.prefix, "")) || wanted[entry.ID] {
			continue
		}
		change, err := s.endOne(ctx, entry.ID, opts)
		if err != nil {
			return changes, err
		}
		if change.What != "" {
			changes = append(changes, change)
		}
	}
	return changes, nil
}

// endOne looks again, because the list may be seconds old, and returns the zero Change if nothing is left to do.
func (s *Starter) endOne(ctx context.Context, id string, opts ApplyOptions) (Change, error) {
	handle := s.client.ScheduleClient().GetHandle(ctx, id)
	d, err := s.describe(ctx, handle)
	var notFound *serviceerror.NotFound
	switch {
	case errors.As(err, &notFound):
		return Change{}, nil
	case err != nil:
		return Change{}, s.translate(err)
	case !s.owns(d):
		return Change{}, nil
	}
	if opts.Removed != nil {
		opts.Removed(chferry.ImportKey(strings.TrimPrefix(id, workflows.SyncID(s.prefix, ""))))
	}
	switch {
	case opts.Prune:
		return s.deleteOne(ctx, handle, opts)
	case d.Schedule.State != nil && d.Schedule.State.Paused:
		return Change{}, nil
	}
	if !opts.DryRun {
		err = s.setPaused(ctx, handle, true, removedNote)
	}
	return Change{What: "pause", Name: "schedule " + id, Why: removedWhy}, s.translate(err)
}

// owns tells whether a schedule starts syncs on this configuration's task queue. Any other was made
// by somebody else, whatever its ID, such as by another installation in the namespace with the same
// prefix, and is left alone.
func (s *Starter) owns(d *client.ScheduleDescription) bool {
	action, ok := d.Schedule.Action.(*client.ScheduleWorkflowAction)
	return ok && fmt.Sprint(action.Workflow) == workflows.SyncName && action.TaskQueue == s.taskQueue
}

// deleteOne deletes a schedule. A sync that runs goes on.
func (s *Starter) deleteOne(ctx context.Context, handle client.ScheduleHandle, opts ApplyOptions) (Change, error) {
	var err error
	if !opts.DryRun {
		err = handle.Delete(ctx)
	}
	var notFound *serviceerror.NotFound
	if errors.As(err, &notFound) { // somebody was faster
		err = nil
	}
	return Change{What: "delete", Name: "schedule " + handle.GetID(), Why: removedWhy}, s.translate(err)
}
