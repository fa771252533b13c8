package worker_test

import (
	"strings"
	"testing"

	"go.temporal.io/api/enums/v1"

	"github.com/chferry/chferry/activities"
)

// TestBuild: the history says which build of the worker did what, and the details what the sync is about.
func TestBuild(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.insert("1")
	b.wantSyncOutcome(activities.OutcomeSynced)
	tasks, steps := 0, 0
	for _, event := range b.history(b.lastID()).GetEvents() {
		switch event.GetEventType() {
		case enums.EVENT_TYPE_WORKFLOW_EXECUTION_STARTED:
			if got := string(event.GetUserMetadata().GetDetails().GetData()); !strings.Contains(got,
				"from table `public.users`") {
				t.Errorf("the workflow's details are %s", got)
			}
		case enums.EVENT_TYPE_WORKFLOW_TASK_COMPLETED:
			tasks++
			//nolint:staticcheck // deprecated for routing; it is where servers of every age put the build
			got := event.GetWorkflowTaskCompletedEventAttributes().GetWorkerVersion().GetBuildId()
			if got != "v1.2.3-test" {
				t.Errorf("a workflow task ran on build %q", got)
			}
		case enums.EVENT_TYPE_ACTIVITY_TASK_STARTED:
			steps++
			if got := event.GetActivityTaskStartedEventAttributes().GetIdentity(); !strings.HasPrefix(got,
				"v1.2.3-test ") {
				t.Errorf("a step ran on %q", got)
			}
		}
	}
	if tasks == 0 || steps != 3 {
		t.Errorf("%d workflow tasks and %d steps", tasks, steps)
	}
}
