package workflows_test

import (
	"context"
	"testing"

	"go.temporal.io/api/sdk/v1"
	"go.temporal.io/sdk/activity"
	"go.temporal.io/sdk/converter"
	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/testsuite"

	"github.com/chferry/chferry"
	"github.com/chferry/chferry/activities"
	"github.com/chferry/chferry/workflows"
)

// scheduled makes a run one that a schedule has started.
func scheduled(env *testsuite.TestWorkflowEnvironment) {
	attribute := temporal.NewSearchAttributeKeyKeyword("TemporalScheduledById")
	if err := env.SetTypedSearchAttributesOnStart(
		temporal.NewSearchAttributes(attribute.ValueSet("chferry:sync:k"))); err != nil {
		panic(err)
	}
}

func TestStartedBy(t *testing.T) {
	t.Parallel()
	byAnybody := func(*testsuite.TestWorkflowEnvironment) {}
	tests := map[string]struct {
		nudged bool
		start  func(*testsuite.TestWorkflowEnvironment)
		want   string
	}{
		"a schedule":       {start: scheduled, want: workflows.StartedBySchedule},
		"a nudge":          {nudged: true, start: byAnybody, want: workflows.StartedByNudge},
		"another workflow": {start: byAnybody},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			env := run(t, &steps{pending: 5}, workflows.SyncInput{ImportKey: "k", Nudged: test.nudged}, test.start)
			if got := result(t, env).StartedBy; got != test.want {
				t.Errorf("got %q, want %q", got, test.want)
			}
		})
	}
	idle := run(t, &steps{}, workflows.SyncInput{ImportKey: "k"}, scheduled)
	if got := result(t, idle).StartedBy; got != "" {
		t.Errorf("an idle sync says that it was started by %q", got)
	}
}

// TestDetails: whoever looks at a run that has ended reads what became of the operations, and what to do.
func TestDetails(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		steps   *steps
		prepare func(*testsuite.TestWorkflowEnvironment)
		want    string
	}{
		"synced": {
			&steps{pending: 1_234_567, batch: 1_234_567}, scheduled,
			"**synced**: 1,234,567 operations in 1 batch became 1,234,567 rows; started by its schedule",
		},
		"partial": {
			&steps{pending: 5, unfit: 2}, scheduled,
			"**partial**: 5 operations in 1 batch became 3 rows, 2 failed (a column can't hold it: see `chferry " +
				"failed list k`); " +
				"started by its schedule",
		},
		"put back": {
			&steps{pending: 5, away: 2}, scheduled,
			"**partial**: 7 operations in 2 batches became 3 rows, 4 coalesced (a database is away); 2 operations " +
				"left to the next sync; started by its schedule",
		},
		"limited": {
			&steps{pending: 25, limits: activities.PreSyncResult{MaxBatches: 2}}, scheduled,
			"**synced**: 20 operations in 2 batches became 20 rows; max_batches was reached, 5 operations left to " +
				"the next sync; started by its schedule",
		},
		"failed": {
			&steps{pending: 5000, insert: func() error { return permanent(chferry.CodeSchemaMismatch) }}, scheduled,
			"**failed**: InsertBatch: to be mended (SchemaMismatch); 5,000 operations left to the next sync; " +
				"started by its schedule",
		},
		"failed at first": {
			&steps{preSync: func() error { return permanent(chferry.CodeUnknownKey) }},
			func(*testsuite.TestWorkflowEnvironment) {},
			"**failed**: PreSync: to be mended (UnknownKey)",
		},
		"cancelled": {
			&steps{pending: 5, insert: func() error { return temporal.NewCanceledError() }},
			func(env *testsuite.TestWorkflowEnvironment) {
				cancel := func(step *activity.Info, _ context.Context, _ converter.EncodedValues) {
					if step.ActivityType.Name == "InsertBatch" {
						env.CancelWorkflow()
					}
				}
				env.SetOnActivityStartedListener(cancel)
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
