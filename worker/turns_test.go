package worker_test

import (
	"context"
	"fmt"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"go.temporal.io/api/workflow/v1"

	"github.com/chferry/chferry"
	"github.com/chferry/chferry/activities"
	"github.com/chferry/chferry/internal/testenv"
	"github.com/chferry/chferry/starter"
	"github.com/chferry/chferry/transfer"
	"github.com/chferry/chferry/workflows"
)

// setupKeys makes import keys of one table, each with a row to sync but the last, and a worker that imports one
// batch at a time.
func setupKeys(t *testing.T, n int) (*bundle, []chferry.ImportKey) {
	t.Helper()
	b := prepare(t, testenv.ClickHouse(t), "", func(i *chferry.Import) { i.Limits.HeartbeatTimeout = 2 * time.Second })
	b.syncs = 1
	b.exec("INSERT INTO users VALUES ('$1', 'name', '2000-01-01')")
	keys := []chferry.ImportKey{b.imp.Key}
	for i := range n - 1 {
		other := b.imp
		other.Key, other.DestinationTable = chferry.ImportKey(fmt.Sprintf("%s-%d", b.imp.Key, i)),
			fmt.Sprintf("users_%d", i)
		b.others, keys = append(b.others, other), append(keys, other.Key)
		plan, err := transfer.MakePlan(t.Context(), other, b.sources)
		b.ok(err)
		missing, err := b.sink.Missing(t.Context(), plan.Destination)
		b.ok(err)
		b.ok(b.sink.Create(t.Context(), missing))
	}
	_, err := b.starter.Apply(t.Context(), append(b.others, b.imp), starter.ApplyOptions{})
	b.ok(err)
	for _, key := range keys[:n-1] {
		_, err := b.storage.RegisterOperations(t.Context(), key,
			chferry.Operation{Kind: chferry.Insert, PrimaryKey: pk("1")})
		b.ok(err)
	}
	b.serve()
	return b, keys
}

// begin triggers a sync and returns its workflow once its import of the batch has begun, or waits for its turn.
func (b *bundle) begin(key chferry.ImportKey, has func(*workflow.PendingActivityInfo) bool) (workflowID string) {
	b.t.Helper()
	b.ok(b.starter.Trigger(b.ctx(), key))
	var pending []*workflow.PendingActivityInfo
	for range 300 {
		time.Sleep(100 * time.Millisecond)
		handle := b.starter.Client().ScheduleClient().GetHandle(b.ctx(), workflows.SyncID(b.starter.TaskQueue(), key))
		schedule, err := handle.Describe(b.ctx())
		b.ok(err)
		if len(schedule.Info.RunningWorkflows) == 0 {
			continue
		}
		workflowID = schedule.Info.RunningWorkflows[0].WorkflowID
		d, err := b.starter.Client().DescribeWorkflowExecution(b.ctx(), workflowID, "")
		b.ok(err)
		pending = d.GetPendingActivities()
		if len(pending) == 1 && pending[0].GetActivityType().GetName() == "InsertBatch" && has(pending[0]) {
			return workflowID
		}
	}
	b.t.Fatalf("the sync of %s is not where it should be: %v", key, pending)
	return ""
}

// waits tells of a step whether it says that it waits for its turn.
func waits(step *workflow.PendingActivityInfo) bool {
	return strings.Contains(step.GetHeartbeatDetails().String(), "for a turn")
}

func (b *bundle) wantEnd(workflowID, outcome string) {
	b.t.Helper()
	var result workflows.SyncResult
	b.ok(b.starter.Client().GetWorkflow(b.ctx(), workflowID, "").Get(b.ctx(), &result))
	if result.Outcome != outcome {
		b.t.Errorf("%s ended with %+v, want outcome %s", workflowID, result, outcome)
	}
}

// TestShortStepsPassImports: while a worker imports as many batches as it may, the syncs of other keys go on until
// their own import, which waits for its turn in this worker or the next one. More imports than may wait hold
// nothing up.
func TestShortStepsPassImports(t *testing.T) {
	t.Parallel()
	b, keys := setupKeys(t, 5)
	var now, most atomic.Int64
	free := make(chan struct{})
	b.sink.breakWith(func(ctx context.Context) error {
		defer now.Add(-1)
		if n := now.Add(1); n > most.Load() {
			most.Store(n)
		}
		select {
		case <-free:
			return nil
		case <-ctx.Done():
			return ctx.Err()
		}
	})
	ids := []string{b.begin(keys[0], func(*workflow.PendingActivityInfo) bool { return now.Load() == 1 })}
	for _, key := range keys[1:4] {
		ids = append(ids, b.begin(key, waits))
	}
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	idle, err := b.starter.Sync(ctx, keys[4], nil)
	b.ok(err)
	if idle.Outcome != activities.OutcomeIdle {
		t.Errorf("the sync with nothing to do ended with %+v", idle)
	}
	b.stop()
	b.runWorker()
	close(free)
	for _, id := range ids {
		b.wantEnd(id, activities.OutcomeSynced)
	}
	if got := most.Load(); got != 1 {
		t.Errorf("%d batches were imported at a time, want 1", got)
	}
	b.observer.mu.Lock()
	defer b.observer.mu.Unlock()
	if events := fmt.Sprint(b.observer.events); strings.Contains(events, "failed:") {
		t.Errorf("a wait was counted as a failure: %s", events)
	}
}

// TestCancelledTurn: a sync that waits for its turn says so. Cancelled, it ends, and the next one has its batch.
func TestCancelledTurn(t *testing.T) {
	t.Parallel()
	b, keys := setupKeys(t, 3)
	held, release := b.hold()
	b.trigger()
	b.wait(held)
	ctx, cancel := context.WithTimeout(t.Context(), 60*time.Second)
	defer cancel()
	var told workflows.SyncProgress
	_, err := b.starter.Sync(ctx, keys[1], func(p workflows.SyncProgress) {
		if told.Waiting == "" && p.Waiting != "" {
			told = p
			b.ok(b.starter.Client().CancelWorkflow(ctx, b.runningOf(keys[1]), ""))
		}
	})
	if err == nil || !strings.Contains(err.Error(), "was cancelled") {
		t.Errorf("the sync that was to be cancelled ended with %v", err)
	}
	if told.Step != "InsertBatch" || !strings.Contains(told.Waiting, "for a turn") {
		t.Errorf("the progress of the waiting sync is %+v", told)
	}
	release()
	result, err := b.starter.Sync(ctx, keys[1], nil)
	b.ok(err)
	if result.Outcome != activities.OutcomeSynced || result.Rows != 1 {
		t.Errorf("the next sync ended with %+v", result)
	}
}
