package starter

import (
	"context"

	"github.com/chferry/chferry"
)

// Nudge starts a sync as [Starter.Trigger] does, unless the schedule is paused: then it does nothing, because a trigger runs a
// paused schedule, too, and it is for people to decide that. One that is paused between the look and the trigger runs once more.
func (s *Starter) Nudge(ctx context.Context, key chferry.ImportKey) error {
	d, err := s.describeKey(ctx, key)
	if err != nil {
		return err
	}
	if state := d.Schedule.State; state != nil && state.Paused {
		return nil
	}
	return s.Trigger(ctx, key)
}
