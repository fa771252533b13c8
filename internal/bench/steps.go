package main

import (
	"context"
	"time"

	"go.temporal.io/api/enums/v1"
	"go.temporal.io/sdk/client"

	"github.com/chferry/chferry/activities"
)

// stepNames are the steps of a batch, in order.
var stepNames = []string{activities.GetOperationsName, activities.InsertBatchName, activities.PostSyncName}

// stepFigures are the milliseconds of a batch that its steps take, and at last those that go by between them.
type stepFigures []*figure

func newStepFigures(batch string) stepFigures {
	var f stepFigures
	for _, name := range stepNames {
		f = append(f, &figure{name: "milliseconds of a batch of " + batch + " in " + name, format: "%.1f"})
	}
	return append(f, &figure{name: "between the steps, in Temporal and the workflow", format: "%.1f"})
}

// add reads the history of a run.
func (f stepFigures) add(ctx context.Context, c client.Client, run *client.ScheduleWorkflowExecution) error {
	events := c.GetWorkflowHistory(ctx, run.WorkflowID, run.FirstExecutionRunID, false,
		enums.HISTORY_EVENT_FILTER_TYPE_ALL_EVENT)
	names, began, spent := map[int64]string{}, map[int64]time.Time{}, map[string]time.Duration{}
	var first, last time.Time
	batches, working := 0, time.Duration(0)
	for events.HasNext() {
		e, err := events.Next()
		if err != nil {
			return err
		}
		at := e.GetEventTime().AsTime()
		if scheduled := e.GetActivityTaskScheduledEventAttributes(); scheduled != nil {
			names[e.GetEventId()] = scheduled.GetActivityType().GetName()
			if first.IsZero() {
				first = at
			}
		}
		if started := e.GetActivityTaskStartedEventAttributes(); started != nil {
			began[started.GetScheduledEventId()] = at
		}
		if completed := e.GetActivityTaskCompletedEventAttributes(); completed != nil {
			id := completed.GetScheduledEventId()
			spent[names[id]] += at.Sub(began[id])
			working += at.Sub(began[id])
			if last = at; names[id] == stepNames[len(stepNames)-1] {
				batches++
			}
		}
	}
	each := func(d time.Duration) float64 { return float64(d.Microseconds()) / 1000 / float64(batches) }
	for i, name := range stepNames {
		f[i].add(each(spent[name]))
	}
	f[len(stepNames)].add(each(last.Sub(first) - working))
	return nil
}
