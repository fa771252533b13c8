package worker_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"go.temporal.io/api/enums/v1"

	"github.com/chferry/chferry"
	"github.com/chferry/chferry/activities"
	"github.com/chferry/chferry/workflows"
)

// TestLabels finds the runs of an import key by their outcome.
func TestLabels(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.wantSyncOutcome(activities.OutcomeIdle)
	b.insert("1")
	b.wantSyncOutcome(activities.OutcomeSynced)
	b.exec(`ALTER TABLE users ALTER COLUMN name DROP NOT NULL`)
	b.register(chferry.Update, "1")
	_ = b.wantFailure(chferry.CodeSchemaMismatch)
	for outcome, want := range map[string]string{"idle": "rows none", "synced": "rows 1", "failed": "rows 0"} {
		b.wantLabel(outcome, want)
	}
}

func (b *bundle) wantSyncOutcome(want string) {
	b.t.Helper()
	result, err := b.sync()
	b.ok(err)
	if result.Outcome != want {
		b.t.Fatalf("outcome %q, want %q", result.Outcome, want)
	}
}

// wantLabel waits for the one run with an outcome to be listed: visibility lags behind.
func (b *bundle) wantLabel(outcome, want string) {
	b.t.Helper()
	query := fmt.Sprintf(`ChferryImportKey = '%s' AND ChferryOutcome = '%s'`, b.imp.Key, outcome)
	var got string
	for range 100 {
		list, err := b.starter.Client().ListWorkflow(b.ctx(), listRequest(query))
		b.ok(err)
		if n := len(list.GetExecutions()); n == 1 {
			got = "rows none"
			if payload, ok := list.GetExecutions()[0].GetSearchAttributes().GetIndexedFields()["ChferryRows"]; ok {
				got = "rows " + string(payload.GetData())
			}
			if got == want {
				return
			}
		} else {
			got = fmt.Sprintf("%d runs", n)
		}
		time.Sleep(50 * time.Millisecond)
	}
	b.t.Errorf("runs with outcome %s: got %s, want one with %s", outcome, got, want)
}

// TestTick: a run that the schedule started says so, although jitter has it begin at another time.
func TestTick(t *testing.T) {
	t.Parallel()
	b := setup(t, func(i *chferry.Import) { i.Every, i.Jitter = 3*time.Second, 2*time.Second })
	b.insert("1")
	var result workflows.SyncResult
	for began := time.Now(); result.Rows == 0 && time.Since(began) < 30*time.Second; time.Sleep(50 * time.Millisecond) {
		if id := b.lastID(); id != "" {
			b.ok(b.starter.Client().GetWorkflow(b.ctx(), id, "").Get(b.ctx(), &result))
		}
	}
	if result.StartedBy != workflows.StartedByTick {
		t.Errorf("the result is %+v, want one that a tick started", result)
	}
}

// TestSummaries: the Temporal UI says of every activity what it did.
func TestSummaries(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.insert("1")
	b.wantSyncOutcome(activities.OutcomeSynced)
	summaries := 0
	for _, event := range b.history(b.lastID()).GetEvents() {
		if event.GetEventType() == enums.EVENT_TYPE_ACTIVITY_TASK_SCHEDULED {
			if len(event.GetUserMetadata().GetSummary().GetData()) == 0 {
				t.Errorf("%s has no summary", event.GetActivityTaskScheduledEventAttributes().GetActivityType().GetName())
			}
			summaries++
		}
	}
	if summaries != 3 {
		t.Errorf("%d activities in a sync with one batch, want 3", summaries)
	}
}

// wantReason: the last run's result says why one of its operations failed.
func (b *bundle) wantReason(oneOf ...string) {
	b.t.Helper()
	var result workflows.SyncResult
	b.ok(b.starter.Client().GetWorkflow(b.ctx(), b.lastID(), "").Get(b.ctx(), &result))
	if !slices.ContainsFunc(oneOf, func(reason string) bool { return strings.Contains(result.Reason, reason) }) {
		b.t.Errorf("the reason is %q, want one of %q", result.Reason, oneOf)
	}
}

// wantShortHistory: a queue of millions is hundreds of batches, and each writes its summaries and results into the history.
func (b *bundle) wantShortHistory(batches int) {
	b.t.Helper()
	size := 0
	for _, event := range b.history(b.lastID()).GetEvents() {
		if event.GetEventType() == enums.EVENT_TYPE_ACTIVITY_TASK_SCHEDULED {
			size += len(event.GetUserMetadata().GetSummary().GetData())
		}
		for _, payload := range event.GetActivityTaskCompletedEventAttributes().GetResult().GetPayloads() {
			size += len(payload.GetData())
		}
	}
	if perBatch := size / batches; perBatch < 100 || perBatch > 260 {
		b.t.Errorf("a batch's summaries and results have %d bytes, want at most 260", perBatch)
	}
}
