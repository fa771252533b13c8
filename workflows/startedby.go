package workflows

import (
	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/workflow"
)

// What starts a sync. Temporal tells runs for which a schedule was triggered by nothing from those of its ticks.
const (
	StartedBySchedule = "schedule" // a tick, or a person who triggered the schedule
	StartedByNudge    = "nudge"    // a registration
)

// scheduleAttribute is the ID of the schedule that started the workflow. Temporal sets it.
var scheduleAttribute = temporal.NewSearchAttributeKeyKeyword("TemporalScheduledById")

// startedBy returns what started the run; nothing if it was neither a nudge nor a schedule, but a
// workflow of somebody else.
func (s *syncRun) startedBy(ctx workflow.Context) string {
	if s.nudged {
		return StartedByNudge
	}
	if _, ok := workflow.GetTypedSearchAttributes(ctx).GetKeyword(scheduleAttribute); ok {
		return StartedBySchedule
	}
	return ""
}
