package workflows_test

import (
	"context"
	"testing"
	"time"

	"go.temporal.io/api/sdk/v1"
	"go.temporal.io/sdk/activity"
	"go.temporal.io/sdk/converter"
	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/testsuite"

	"github.com/chferry/chferry"
	"github.com/chferry/chferry/activities"
	"github.com/chferry/chferry/workflows"
)

// due makes a run one that a schedule with these times has started, for a certain second.
func due(times, at string) func(*testsuite.TestWorkflowEnvironment) {
	return func(env *testsuite.TestWorkflowEnvironment) {
		second, err := time.Parse(time.RFC3339, at)
		if err != nil {
			panic(err)
		}
		attribute := temporal.NewSearchAttributeKeyTime("TemporalScheduledStartTime")
		if err := env.SetTypedSearchAttributesOnStart(temporal.NewSearchAttributes(attribute.ValueSet(second))); err != nil {
			panic(err)
		}
		if err := env.SetMemoOnStart(map[string]any{workflows.ScheduleMemo: times}); err != nil {
			panic(err)
		}
	}
}

// TestStartedBy: a run at another time than the schedule's was triggered.
func TestStartedBy(t *testing.T) {
	t.Parallel()
	tests := map[string]struct{ times, due, want string }{
		"tick":                      {"every 10s", "2026-03-01T12:00:20Z", workflows.StartedByTick},
		"between ticks":             {"every 10s", "2026-03-01T12:00:21Z", workflows.StartedByTrigger},
		"a second before the tick":  {"every 10s", "2026-03-01T12:00:19Z", workflows.StartedByTrigger},
		"a day's tick":              {"every 24h0m0s", "2026-03-01T00:00:00Z", workflows.StartedByTick},
		"tick of 7s":                {"every 7s", "2026-03-01T12:00:07Z", workflows.StartedByTick},
		"a second off a tick of 7s": {"every 7s", "2026-03-01T12:00:03Z", workflows.StartedByTrigger},
		"a week's tick":             {"every 168h0m0s", "2026-03-05T00:00:00Z", workflows.StartedByTick},
		"a week's other day":        {"every 168h0m0s", "2026-03-02T00:00:00Z", workflows.StartedByTrigger},
		"tick within the second":    {"every 1.5s", "2026-03-01T12:00:01Z", workflows.StartedByTick},
		"no tick within the second": {"every 1.5s", "2026-03-01T12:00:02Z", workflows.StartedByTrigger},
		"cron's minute":             {"cron */5 * * * *", "2026-03-01T12:05:00Z", workflows.StartedByTick},
		"not cron's second":         {"cron */5 * * * *", "2026-03-01T12:05:01Z", workflows.StartedByTrigger},
		"cron of any second":        {"cron @every 90s", "2026-03-01T12:05:01Z", ""},
		"by hand":                   {"by hand", "2026-03-01T12:00:20Z", workflows.StartedByTrigger},
		"somebody else's words":     {"every now and then", "2026-03-01T12:00:20Z", ""},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			env := run(t, &steps{pending: 5}, workflows.SyncInput{ImportKey: "k"}, due(test.times, test.due))
			if got := result(t, env).StartedBy; got != test.want {
				t.Errorf("got %q, want %q", got, test.want)
			}
		})
	}
	idle := run(t, &steps{}, workflows.SyncInput{ImportKey: "k"}, due("every 10s", "2026-03-01T12:00:20Z"))
	if got := result(t, idle).StartedBy; got != "" {
		t.Errorf("an idle sync says that it was started by %q", got)
	}
}

// TestDetails: whoever looks at a run that has ended reads what became of the operations, and what to do.
func TestDetails(t *testing.T) {
	t.Parallel()
	tick := due("every 10s", "2026-03-01T12:00:20Z")
	tests := map[string]struct {
		steps   *steps
		prepare func(*testsuite.TestWorkflowEnvironment)
		want    string
	}{
		"synced": {
			&steps{pending: 1_234_567, batch: 1_234_567}, tick,
			"**synced**: 1,234,567 operations in 1 batch became 1,234,567 rows; started by a tick",
		},
		"partial": {
			&steps{pending: 5, unfit: 2}, due("by hand", "2026-03-01T12:00:20Z"),
			"**partial**: 5 operations in 1 batch became 3 rows, 2 failed (a column can't hold it: see `chferry failed list k`); " +
				"started by hand or by a nudge",
		},
		"put back": {
			&steps{pending: 5, away: 2}, tick,
			"**partial**: 7 operations in 2 batches became 3 rows, 4 coalesced (a database is away); 2 operations left to the next sync; started by a tick",
		},
		"limited": {
			&steps{pending: 25, limits: activities.PreSyncResult{MaxBatches: 2}}, tick,
			"**synced**: 20 operations in 2 batches became 20 rows; max_batches was reached, 5 operations left to the next sync; started by a tick",
		},
		"failed": {
			&steps{pending: 5000, insert: func() error { return permanent(chferry.CodeSchemaMismatch) }}, tick,
			"**failed**: InsertBatch: to be mended (SchemaMismatch); 5,000 operations left to the next sync; started by a tick",
		},
		"failed at first": {
			&steps{preSync: func() error { return permanent(chferry.CodeUnknownKey) }}, func(*testsuite.TestWorkflowEnvironment) {},
			"**failed**: PreSync: to be mended (UnknownKey)",
		},
		"cancelled": {
			&steps{pending: 5, insert: func() error { return temporal.NewCanceledError() }},
			func(env *testsuite.TestWorkflowEnvironment) {
				env.SetOnActivityStartedListener(func(step *activity.Info, _ context.Context, _ converter.EncodedValues) {
					if step.ActivityType.Name == "InsertBatch" {
						env.CancelWorkflow()
					}
				})
			},
			"**cancelled**: InsertBatch was interrupted; 5 operations left to the next sync",
		},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			env := run(t, test.steps, workflows.SyncInput{ImportKey: "k"}, test.prepare)
			answer, err := env.QueryWorkflow("__temporal_workflow_metadata")
			if err != nil {
				t.Fatal(err)
			}
			var metadata sdk.WorkflowMetadata
			if err := answer.Get(&metadata); err != nil {
				t.Fatal(err)
			}
			if got := metadata.GetCurrentDetails(); got != test.want {
				t.Errorf("got\n%s, want\n%s", got, test.want)
			}
		})
	}
}
