package workflows

import (
	"strings"
	"time"

	"go.temporal.io/sdk/converter"
	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/workflow"
)

// What starts a sync.
const (
	StartedByTick    = "tick"    // the schedule
	StartedByTrigger = "trigger" // somebody, or a nudge
)

// dueAttribute is the time for which a schedule started the workflow, in whole seconds and without jitter.
var dueAttribute = temporal.NewSearchAttributeKeyTime("TemporalScheduledStartTime")

// startedBy returns what started the run, as far as can be told from when it was due: a trigger in the second of a tick is taken for
// it. It is empty for a run that no schedule of ours started.
func startedBy(ctx workflow.Context) string {
	memo, ok := workflow.GetInfo(ctx).Memo.GetFields()[ScheduleMemo]
	if !ok {
		return ""
	}
	var times string
	if err := converter.GetDefaultDataConverter().FromPayload(memo, &times); err != nil {
		return ""
	}
	due, ok := workflow.GetTypedSearchAttributes(ctx).GetTime(dueAttribute)
	if !ok {
		return StartedByTrigger // a nudge gives the memo of the schedule, and goes past the schedule
	}
	every, isEvery := strings.CutPrefix(times, EveryWord)
	switch {
	case isEvery:
		interval, err := time.ParseDuration(every)
		if err != nil || interval <= 0 {
			return ""
		}
		return tickIf(untilTick(due, interval) < time.Second)
	case strings.HasPrefix(times, CronWord+"@every"):
		return ""
	case strings.HasPrefix(times, CronWord):
		return tickIf(due.Second() == 0) // its finest field is the minute
	default:
		return StartedByTrigger // it has no times
	}
}

// untilTick returns the time from due to the next tick of an interval, which Temporal counts from 1970; 0 if due is one.
func untilTick(due time.Time, interval time.Duration) time.Duration {
	since := due.Sub(time.Unix(0, 0)) % interval
	if since == 0 {
		return 0
	}
	return interval - since
}

func tickIf(is bool) string {
	if is {
		return StartedByTick
	}
	return StartedByTrigger
}
