package starter_test

import (
	"testing"

	"go.temporal.io/api/enums/v1"
	workflowpb "go.temporal.io/api/workflow/v1"
	"go.temporal.io/api/workflowservice/v1"

	"github.com/chferry/chferry"
	"github.com/chferry/chferry/starter"
	"github.com/chferry/chferry/workflows"
)

// nudge nudges an import key three times.
func (f *fixture) nudge(key chferry.ImportKey) {
	f.t.Helper()
	for range 3 {
		if err := f.Nudge(f.t.Context(), key); err != nil {
			f.t.Fatalf("Nudge: %v", err)
		}
	}
}

// nudgedRuns returns the runs that nudges have started, the newest first.
func (f *fixture) nudgedRuns(key string) []*workflowpb.WorkflowExecutionInfo {
	f.t.Helper()
	found, err := f.Client().ListWorkflow(f.t.Context(),
		&workflowservice.ListWorkflowExecutionsRequest{Query: "WorkflowId = '" + f.id(key) + "'"})
	if err != nil {
		f.t.Fatal(err)
	}
	return found.GetExecutions()
}

// nudgedOnce waits until nudges have started their only run, and it runs or not.
func (f *fixture) nudgedOnce(key string, running bool) *workflowpb.WorkflowExecutionInfo {
	f.t.Helper()
	var runs []*workflowpb.WorkflowExecutionInfo
	eventually(f.t, "the sync has been started", func() bool {
		runs = f.nudgedRuns(key)
		return len(runs) == 1 && (runs[0].GetStatus() == enums.WORKFLOW_EXECUTION_STATUS_RUNNING) == running
	})
	return runs[0]
}

// TestNudge starts what the schedule would, and its runs are found where the schedule's are.
func TestNudge(t *testing.T) {
	t.Parallel()
	f := open(t)
	f.work(forRelease)
	f.apply(byHand())
	if err := f.Nudge(t.Context(), "countries"); err != nil {
		t.Fatal(err)
	}
	run := f.nudgedOnce("countries", true)
	if run.GetTaskQueue() != f.TaskQueue() || len(run.GetMemo().GetFields()) != 1 {
		t.Errorf("the run is %v", run)
	}
	if d := f.describe("countries"); !d.Running || d.LastID != f.id("countries") || d.Last.IsZero() {
		t.Errorf("the schedule is %+v", d)
	}
	f.release("countries")
	f.nudgedOnce("countries", false)
	if d := f.describe("countries"); d.Running || d.LastID != f.id("countries") {
		t.Errorf("the schedule is %+v", d)
	}
	if n := f.inTemporal("countries").Info.NumActions; n != 0 {
		t.Errorf("the schedule has started %d syncs", n)
	}
}

// TestNudgePaused starts nothing, neither now nor when the schedule is resumed.
func TestNudgePaused(t *testing.T) {
	t.Parallel()
	f := open(t)
	f.work(succeed)
	f.apply(users())
	if err := f.Pause(t.Context(), "users", "the database moves"); err != nil {
		t.Fatal(err)
	}
	f.nudge("users")
	if err := f.Resume(t.Context(), "users", "it has moved"); err != nil {
		t.Fatal(err)
	}
	if _, err := f.Sync(t.Context(), "users", nil); err != nil {
		t.Fatal(err)
	}
	if d := f.describe("users"); d.LastID == f.id("users") {
		t.Errorf("a nudge has started a sync: %+v", d)
	}
}

// TestNudgeWithoutSchedule fails, also when the schedule was there a moment ago.
func TestNudgeWithoutSchedule(t *testing.T) {
	t.Parallel()
	f := open(t)
	f.work(succeed)
	wantError(t, f.Nudge(t.Context(), "users"), chferry.CodeConfiguration, "users", "chferry apply")
	f.apply(users())
	f.nudge("users")
	if _, err := f.Apply(t.Context(), nil, starter.ApplyOptions{Prune: true}); err != nil {
		t.Fatal(err)
	}
	eventually(t, "the schedule is gone", func() bool { return f.Nudge(t.Context(), "users") != nil })
	wantError(t, f.Nudge(t.Context(), "users"), chferry.CodeConfiguration, "users", "chferry apply")
}

// TestNudgeWhileOneRuns: however often it is nudged, the running one is told, and no other is started.
func TestNudgeWhileOneRuns(t *testing.T) {
	t.Parallel()
	f := open(t)
	f.work(forRelease)
	f.apply(byHand())
	f.nudge("countries")
	run := f.nudgedOnce("countries", true)
	signals := 0
	events := f.Client().GetWorkflowHistory(t.Context(), f.id("countries"), run.GetExecution().GetRunId(), false,
		enums.HISTORY_EVENT_FILTER_TYPE_ALL_EVENT)
	for events.HasNext() {
		event, err := events.Next()
		if err != nil {
			t.Fatal(err)
		}
		if event.GetWorkflowExecutionSignaledEventAttributes().GetSignalName() == workflows.NudgeSignal {
			signals++
		}
	}
	if signals != 3 {
		t.Errorf("the run was told of %d nudges, want 3", signals)
	}
}
