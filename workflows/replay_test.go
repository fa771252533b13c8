package workflows_test

import (
	"os"
	"path/filepath"
	"testing"

	"go.temporal.io/api/history/v1"
	"go.temporal.io/sdk/worker"
	"go.temporal.io/sdk/workflow"
	"google.golang.org/protobuf/encoding/protojson"

	"github.com/chferry/chferry/workflows"
)

// TestReplay runs today's workflow code against histories that were recorded on a real server, one
// for each way a sync ends. A history that fails here would fail for a run that is open while
// workers are upgraded. docs/workflows.md says what to do.
func TestReplay(t *testing.T) {
	t.Parallel()
	files, err := filepath.Glob(filepath.Join("testdata", "replay", "*.json"))
	if err != nil {
		t.Fatal(err)
	}
	if len(files) < 18 {
		t.Fatalf("only %d recorded histories were found", len(files))
	}
	for _, file := range files {
		t.Run(filepath.Base(file), func(t *testing.T) {
			t.Parallel()
			text, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			var h history.History
			if err := protojson.Unmarshal(text, &h); err != nil {
				t.Fatal(err)
			}
			replayer := worker.NewWorkflowReplayer()
			replayer.RegisterWorkflowWithOptions(workflows.Sync, workflow.RegisterOptions{Name: workflows.SyncName})
			replayer.RegisterWorkflowWithOptions(workflows.Backfill,
				workflow.RegisterOptions{Name: workflows.BackfillName})
			replayer.RegisterWorkflowWithOptions(workflows.Verify, workflow.RegisterOptions{Name: workflows.VerifyName})
			if err := replayer.ReplayWorkflowHistory(nil, &h); err != nil {
				t.Errorf("today's code does not replay it: %v", err)
			}
		})
	}
}
