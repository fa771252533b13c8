package worker_test

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	"go.temporal.io/api/common/v1"
	"go.temporal.io/api/enums/v1"
	"go.temporal.io/sdk/client"

	"github.com/chferry/chferry"
	"github.com/chferry/chferry/activities"
	"github.com/chferry/chferry/starter"
	"github.com/chferry/chferry/workflows"
)

func (b *bundle) nudge() {
	b.t.Helper()
	b.ok(b.starter.Nudge(b.ctx(), b.imp.Key))
}

// eventuallyRows waits until ClickHouse shows so many rows.
func (b *bundle) eventuallyRows(want uint64) {
	b.t.Helper()
	for deadline := time.Now().Add(30 * time.Second); ; time.Sleep(10 * time.Millisecond) {
		var got uint64
		b.ok(b.target.QueryRow(b.ctx(), "SELECT count() FROM users_current").Scan(&got))
		if got == want {
			return
		}
		if time.Now().After(deadline) {
			b.t.Fatalf("ClickHouse shows %d rows, want %d", got, want)
		}
	}
}

// holdInserts lets inserts wait until release is called. begun is closed when one waits.
func (b *bundle) holdInserts() (begun <-chan struct{}, release func()) {
	reached, released := make(chan struct{}), make(chan struct{})
	once := sync.OnceFunc(func() { close(reached) })
	b.sink.breakWith(func(ctx context.Context) error {
		once()
		select {
		case <-released:
			return nil
		case <-ctx.Done():
			return ctx.Err()
		}
	})
	release = sync.OnceFunc(func() { close(released) })
	b.t.Cleanup(release)
	return reached, release
}

// nudgedRun returns the newest run that nudges have started.
func (b *bundle) nudgedRun() *client.WorkflowExecutionDescription {
	b.t.Helper()
	d, err := b.starter.Client().DescribeWorkflow(b.ctx(), workflows.SyncID(string(b.imp.Key), b.imp.Key), "")
	b.ok(err)
	return d
}

// TestNudgedAgainAndAgain: none of many nudges is lost, in whatever moment of the run before it arrives. No tick helps.
func TestNudgedAgainAndAgain(t *testing.T) {
	t.Parallel()
	b := setup(t)
	for i := range 60 {
		b.insert(fmt.Sprint(i))
		b.nudge()
		b.eventuallyRows(uint64(i) + 1) // the run is about to end
	}
}

// TestNudgedWhileOneRuns: a nudge that comes when the run has claimed makes it continue as a new
// one, which a search finds by its outcome.
func TestNudgedWhileOneRuns(t *testing.T) {
	t.Parallel()
	// With more batches the run would claim the operations that the second nudge is about.
	b := setup(t, func(imp *chferry.Import) { imp.Limits.MaxBatches = 1 })
	begun, release := b.holdInserts()
	b.insert("1")
	b.nudge()
	<-begun
	first := b.nudgedRun().WorkflowExecution
	b.insert("2")
	b.nudge()
	release()
	b.eventuallyRows(2)
	var result workflows.SyncResult
	b.ok(b.starter.Client().GetWorkflow(b.ctx(), first.ID, first.RunID).Get(b.ctx(), &result))
	h := b.historyOf(&common.WorkflowExecution{WorkflowId: first.ID, RunId: first.RunID})
	last := h.GetEvents()[len(h.GetEvents())-1]
	if last.GetEventType() != enums.EVENT_TYPE_WORKFLOW_EXECUTION_CONTINUED_AS_NEW {
		t.Errorf("the first run ended with %s", last.GetEventType())
	}
	b.recordHistory("nudged-again", h)
	b.recordHistory("nudged", b.history(first.ID))
}

// TestNudgedRunSays what started it, and it is labelled as the schedule's are.
func TestNudgedRunSays(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.insert("1")
	b.nudge()
	var result workflows.SyncResult
	b.ok(b.starter.Client().GetWorkflow(b.ctx(), b.nudgedRun().WorkflowExecution.ID, "").Get(b.ctx(), &result))
	if result.Outcome != activities.OutcomeSynced || result.Rows != 1 || result.StartedBy != workflows.StartedByNudge {
		t.Errorf("the result is %+v", result)
	}
	d := b.nudgedRun()
	key, _ := d.TypedSearchAttributes.GetKeyword(workflows.ImportKeyAttribute)
	outcome, _ := d.TypedSearchAttributes.GetKeyword(workflows.OutcomeAttribute)
	if key != string(b.imp.Key) || outcome != activities.OutcomeSynced {
		t.Errorf("the run is labelled %q, %q", key, outcome)
	}
}

// TestSyncWhileNudgedOneRuns: the schedule's run waits for the claim, and finds nothing left to do.
func TestSyncWhileNudgedOneRuns(t *testing.T) {
	t.Parallel()
	b := setup(t)
	begun, release := b.holdInserts()
	b.insert("1")
	b.nudge()
	<-begun
	time.AfterFunc(time.Second, release)
	behind := ""
	result, err := b.starter.SyncWatched(b.ctx(), b.imp.Key, starter.Watch{Behind: func(id string) { behind = id }})
	b.ok(err)
	if result.Outcome != activities.OutcomeIdle || behind != b.nudgedRun().WorkflowExecution.ID {
		t.Errorf("the result is %+v, behind %q", result, behind)
	}
	b.wantRows("1")
	if b.observer.has("step PreSync failed: Claimed") {
		t.Error("to wait for another sync counts as a failure")
	}
}

// TestSyncGivesWayToNudgedOne: the schedule's run does not fail, however long another one works.
func TestSyncGivesWayToNudgedOne(t *testing.T) {
	t.Parallel()
	b := setup(t, func(imp *chferry.Import) { imp.Limits.RetryFor = time.Second })
	begun, release := b.holdInserts()
	b.insert("1")
	b.nudge()
	<-begun
	result, err := b.sync()
	b.ok(err)
	if result.Outcome != activities.OutcomeSuperseded {
		t.Errorf("the result is %+v", result)
	}
	release()
	b.eventuallyRows(1)
}

// TestNudgedRunGoesOnElsewhere: a step that fails as a local activity goes on as an activity.
func TestNudgedRunGoesOnElsewhere(t *testing.T) {
	t.Parallel()
	b := setup(t)
	failure := errors.New("the test wants it")
	b.observer.panics.Store(&failure)
	b.insert("1")
	b.nudge()
	var result workflows.SyncResult
	b.ok(b.starter.Client().GetWorkflow(b.ctx(), b.nudgedRun().WorkflowExecution.ID, "").Get(b.ctx(), &result))
	if result.Outcome != activities.OutcomeSynced || result.Rows != 1 {
		t.Errorf("the result is %+v", result)
	}
	b.recordHistory("nudged-elsewhere", b.history(b.nudgedRun().WorkflowExecution.ID))
}
