package worker_test

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"go.temporal.io/api/enums/v1"
	"go.temporal.io/api/workflowservice/v1"

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
	if result.StartedBy != workflows.StartedBySchedule {
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
				t.Errorf("%s has no summary",
					event.GetActivityTaskScheduledEventAttributes().GetActivityType().GetName())
			}
			summaries++
		}
	}
	if summaries != 3 {
		t.Errorf("%d activities in a sync with one batch, want 3", summaries)
	}
}

// TestAuditQueries runs the queries of docs/audit.md, for one key that has runs of many kinds.
func TestAuditQueries(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.wantSyncOutcome(activities.OutcomeIdle)
	b.insert("1")
	b.wantSyncOutcome(activities.OutcomeSynced)
	b.register(chferry.Update, "1\x00")
	b.wantSyncOutcome(activities.OutcomePartial)
	b.insert("2")
	held, release := b.hold()
	b.trigger()
	b.wait(held)
	b.ok(b.starter.Client().TerminateWorkflow(b.ctx(), b.running(), "", "by the test"))
	release()
	page, err := os.ReadFile(filepath.Join("..", "docs", "audit.md"))
	b.ok(err)
	queries := map[string]string{}
	for _, row := range regexp.MustCompile("(?m)^\\| (.+) \\| `(.+)` \\|$").FindAllStringSubmatch(string(page), -1) {
		queries[row[1]] = strings.NewReplacer(`"users"`, `"`+string(b.imp.Key)+`"`, "v1.2.3",
			"v1.2.3-test").Replace(row[2])
	}
	for what, want := range map[string]int64{
		"what happened to one table": 3, "what needs somebody": 1, "what is running": 0, "large runs": 0,
		"what a build of the worker did": 4, "runs that somebody terminated": 1,
	} {
		query, ok := queries[what]
		if !ok {
			t.Errorf("the page has no query for %q", what)
			continue
		}
		delete(queries, what)
		b.wantCount(fmt.Sprintf("(%s) AND ChferryImportKey = '%s'", query, b.imp.Key), want)
	}
	for what := range queries {
		t.Errorf("nobody knows what the query for %q should find", what)
	}
}

// wantCount waits until a query finds so many runs: visibility lags behind.
func (b *bundle) wantCount(query string, want int64) {
	b.t.Helper()
	var got int64
	for range 600 {
		counted, err := b.starter.Client().CountWorkflow(b.ctx(),
			&workflowservice.CountWorkflowExecutionsRequest{Query: query})
		b.ok(err)
		if got = counted.GetCount(); got == want {
			return
		}
		time.Sleep(50 * time.Millisecond)
	}
	b.t.Errorf("%s finds %d runs, want %d", query, got, want)
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

// wantShortHistory: a queue of millions is hundreds of batches, and each writes its summaries and
// results into the history.
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
