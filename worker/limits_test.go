package worker_test

import (
	"context"
	"strings"
	"sync"
	"testing"
	"time"

	"go.temporal.io/api/enums/v1"

	"github.com/chferry/chferry"
	"github.com/chferry/chferry/activities"
	"github.com/chferry/chferry/workflows"
)

// TestMaxBatches: the run says why operations are left, and the next one goes on, without taking anything over.
func TestMaxBatches(t *testing.T) {
	t.Parallel()
	b := setup(t, func(i *chferry.Import) { i.BatchSize, i.Limits.MaxBatches = 2, 2 })
	b.insert("1", "2", "3", "4", "5")
	b.wantSync(workflows.SyncResult{
		Outcome: activities.OutcomeSynced, Batches: 2, Operations: 4, Rows: 4, Remaining: 1,
		Limit: workflows.LimitBatches,
	})
	b.recordAs("limited")
	b.wantStatus(chferry.Status{Pending: 1})
	b.wantSync(workflows.SyncResult{Outcome: activities.OutcomeSynced, Batches: 1, Operations: 1, Rows: 1})
	b.wantRows("1", "2", "3", "4", "5")
	if b.observer.has("taken over") {
		t.Error("the claim had to be taken over, although the run had ended")
	}
}

// TestMaxDuration: a batch that takes longer is finished, and no other begun.
func TestMaxDuration(t *testing.T) {
	t.Parallel()
	b := setup(t, func(i *chferry.Import) { i.BatchSize, i.Limits.MaxDuration = 2, time.Millisecond })
	b.insert("1", "2", "3")
	b.wantSync(workflows.SyncResult{
		Outcome: activities.OutcomeSynced, Batches: 1, Operations: 2, Rows: 2, Remaining: 1,
		Limit: workflows.LimitDuration,
	})
	b.wantSync(workflows.SyncResult{Outcome: activities.OutcomeSynced, Batches: 1, Operations: 1, Rows: 1})
}

// TestRetryFor: what goes on failing fails the run, with the reason.
func TestRetryFor(t *testing.T) {
	t.Parallel()
	b := setup(t, func(i *chferry.Import) { i.Limits.RetryFor = time.Second })
	b.insert("1")
	b.sink.breakWith(func(context.Context) error { return chferry.Errorf(chferry.CodeUnavailable, "too many parts") })
	err := b.wantFailure(chferry.CodeUnavailable)
	for _, want := range []string{"InsertBatch: too many parts", "it went on failing for", "retry_for"} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("the error lacks %q: %v", want, err)
		}
	}
	b.recordAs("gave-up")
	if n := len(b.sink.tokens); n < 2 {
		t.Errorf("%d attempts, want several", n)
	}
	b.wantStatus(chferry.Status{InFlight: 1})
	b.sink.mend()
	b.wantSync(workflows.SyncResult{Outcome: activities.OutcomeSynced, Batches: 1, Operations: 1, Rows: 1})
}

// TestRetryForCutsNoWork: an attempt may take longer than retry_for, before a failure and after it.
func TestRetryForCutsNoWork(t *testing.T) {
	t.Parallel()
	b := setup(t, func(i *chferry.Import) { i.Limits.RetryFor = time.Second })
	b.insert("1")
	attempts := 0
	b.sink.breakWith(func(context.Context) error {
		time.Sleep(1500 * time.Millisecond)
		if attempts++; attempts == 1 {
			return chferry.Errorf(chferry.CodeUnavailable, "gone after a while")
		}
		return nil
	})
	b.wantSync(workflows.SyncResult{Outcome: activities.OutcomeSynced, Batches: 1, Operations: 1, Rows: 1})
	if attempts != 2 {
		t.Errorf("%d attempts, want 2", attempts)
	}
}

// TestTimeoutsInHistory: Temporal itself bounds the steps by what the import says.
func TestTimeoutsInHistory(t *testing.T) {
	t.Parallel()
	b := setup(t, func(i *chferry.Import) {
		i.Limits.HeartbeatTimeout, i.Limits.InsertTimeout, i.Limits.RetryFor = 7*time.Second, 20*time.Minute,
			2*time.Minute
	})
	b.insert("1")
	b.wantSyncOutcome(activities.OutcomeSynced)
	for _, event := range b.history(b.lastID()).GetEvents() {
		scheduled := event.GetActivityTaskScheduledEventAttributes()
		if event.GetEventType() != enums.EVENT_TYPE_ACTIVITY_TASK_SCHEDULED ||
			scheduled.GetActivityType().GetName() != "InsertBatch" {
			continue
		}
		if got := scheduled.GetHeartbeatTimeout().AsDuration(); got != 7*time.Second {
			t.Errorf("heartbeat timeout %s, want 7s", got)
		}
		if got := scheduled.GetStartToCloseTimeout().AsDuration(); got != 20*time.Minute+activities.LongestTurn {
			t.Errorf("start-to-close timeout %s, want 20m30s", got)
		}
		if got := scheduled.GetScheduleToCloseTimeout().AsDuration(); got != 4*time.Hour+43*time.Minute {
			t.Errorf("schedule-to-close timeout %s, want 4h43m", got)
		}
		return
	}
	t.Error("no InsertBatch was scheduled")
}

// TestHeartbeats: an insert that takes longer than the heartbeat timeout is made once, because its
// step says that it lives.
func TestHeartbeats(t *testing.T) {
	t.Parallel()
	b := setup(t, func(i *chferry.Import) { i.Limits.HeartbeatTimeout = 2 * time.Second })
	b.insert("1")
	b.sink.breakWith(func(context.Context) error {
		time.Sleep(5 * time.Second)
		return nil
	})
	b.wantSync(workflows.SyncResult{Outcome: activities.OutcomeSynced, Batches: 1, Operations: 1, Rows: 1})
	for _, event := range b.history(b.lastID()).GetEvents() {
		if got := event.GetActivityTaskStartedEventAttributes().GetAttempt(); got > 1 {
			t.Errorf("a step was made by attempt %d", got)
		}
	}
}

// TestProgressWithinABatch: a step's heartbeats tell whoever waits what has become of the batch,
// before the step has ended.
func TestProgressWithinABatch(t *testing.T) {
	t.Parallel()
	b := setup(t, func(i *chferry.Import) { i.Limits.HeartbeatTimeout = 2 * time.Second })
	b.insert("1", "2")
	b.register(chferry.Update, "1")
	held, release := b.hold()
	free := sync.OnceFunc(release)
	defer free()
	ctx, cancel := context.WithTimeout(b.ctx(), 30*time.Second)
	defer cancel()
	var told workflows.SyncProgress
	result, err := b.starter.Sync(ctx, b.imp.Key, func(p workflows.SyncProgress) {
		if p.Coalesced == 0 || told.Step != "" {
			return
		}
		told = p
		b.wait(held)
		free()
	})
	b.ok(err)
	want := workflows.SyncProgress{
		Step: "InsertBatch", Remaining: 2, Counts: chferry.Counts{Operations: 1, Coalesced: 1}, Began: told.Began,
	}
	if told != want {
		t.Errorf("while the insert is held the progress is %+v, want %+v", told, want)
	}
	if result.Operations != 3 || result.Rows != 2 || result.Coalesced != 1 {
		t.Errorf("the result is %+v", result)
	}
}
