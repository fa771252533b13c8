package worker_test

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"strings"
	"testing"
	"time"

	"go.temporal.io/api/common/v1"
	"go.temporal.io/api/enums/v1"
	"go.temporal.io/api/workflowservice/v1"
	"go.temporal.io/sdk/converter"

	"github.com/chferry/chferry"
	"github.com/chferry/chferry/activities"
	"github.com/chferry/chferry/source"
	"github.com/chferry/chferry/source/postgres"
	"github.com/chferry/chferry/workflows"
)

// errLeaky is as bad as an error of a driver gets.
var errLeaky = errors.New("SELECT * FROM users WHERE id = '" + sentinel + "' at postgres://app:" + sentinel +
	"@127.0.0.1/shop")

// TestNoSecrets has syncs end in every way, with servers that tell what they should not, and looks
// through all that Temporal keeps of them. Other tests look there, too, when they end.
func TestNoSecrets(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		do   func(b *bundle)
		want enums.WorkflowExecutionStatus
	}{
		"synced": {
			func(b *bundle) { b.wantSyncOutcome(activities.OutcomeSynced) },
			enums.WORKFLOW_EXECUTION_STATUS_COMPLETED,
		},
		"partial":           {partialRun, enums.WORKFLOW_EXECUTION_STATUS_COMPLETED},
		"retried":           {retriedRun, enums.WORKFLOW_EXECUTION_STATUS_COMPLETED},
		"panicked":          {panickedRun, enums.WORKFLOW_EXECUTION_STATUS_COMPLETED},
		"superseded":        {supersededRun, enums.WORKFLOW_EXECUTION_STATUS_COMPLETED},
		"gave up":           {gaveUpRun, enums.WORKFLOW_EXECUTION_STATUS_FAILED},
		"failed":            {failedRun, enums.WORKFLOW_EXECUTION_STATUS_FAILED},
		"refused the login": {refusedRun, enums.WORKFLOW_EXECUTION_STATUS_FAILED},
		"cancelled":         {cancelledRun, enums.WORKFLOW_EXECUTION_STATUS_CANCELED},
		"terminated":        {terminatedRun, enums.WORKFLOW_EXECUTION_STATUS_TERMINATED},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := setup(t, func(i *chferry.Import) { i.Limits.RetryFor = time.Second })
			b.insert("1")
			test.do(b)
			run := &common.WorkflowExecution{WorkflowId: b.lastID()}
			d, err := b.starter.Client().DescribeWorkflowExecution(b.ctx(), run.GetWorkflowId(), "")
			b.ok(err)
			if got := d.GetWorkflowExecutionInfo().GetStatus(); got != test.want {
				t.Fatalf("the run is %s, want %s", got, test.want)
			}
			// A terminated run is replayed to no end that would answer.
			if test.want != enums.WORKFLOW_EXECUTION_STATUS_TERMINATED {
				b.wantNoSecretsIn("what a worker tells of "+run.GetWorkflowId(), b.answers(run.GetWorkflowId()))
			}
		})
	}
}

func partialRun(b *bundle) {
	b.sink.breakWith(func(context.Context) error {
		return fmt.Errorf("%w: %w", errLeaky,
			chferry.Errorf(chferry.CodeRefused, "table users: ClickHouse refuses a row"))
	})
	b.wantSyncOutcome(activities.OutcomePartial)
}

// retriedRun looks at the run also while it is open: what heartbeats hold, and why an attempt failed, is in no history.
func retriedRun(b *bundle) {
	id, release := b.heldRun(errLeaky)
	release()
	b.ok(b.ended(id))
}

func panickedRun(b *bundle) {
	b.observer.panics.Store(&errLeaky)
	b.wantSyncOutcome(activities.OutcomeSynced)
	if b.observer.panics.Load() != nil {
		b.t.Error("nothing panicked")
	}
}

func supersededRun(b *bundle) {
	id, release := b.heldRun()
	b.ok(b.storage.Flush(b.ctx(), b.imp.Key))
	release()
	b.ok(b.ended(id))
}

func gaveUpRun(b *bundle) {
	b.sink.breakWith(func(context.Context) error { return errLeaky })
	_ = b.wantFailure(chferry.CodeUnknown)
}

func failedRun(b *bundle) {
	b.sink.breakWith(func(context.Context) error {
		return chferry.WrapError(chferry.CodeConfiguration, errLeaky, "broken for good")
	})
	_ = b.wantFailure(chferry.CodeConfiguration)
}

func refusedRun(b *bundle) {
	b.stop()
	u, err := url.Parse(b.secrets[1])
	b.ok(err)
	u.User = url.UserPassword("nobody", sentinel)
	src, err := postgres.Open(u.String(), source.Options{Alias: "default"})
	b.ok(err)
	b.t.Cleanup(src.Close)
	b.sources["default"] = src
	b.runWorker()
	_ = b.wantFailure(chferry.CodeAccessDenied)
}

func cancelledRun(b *bundle) {
	id, release := b.heldRun(errLeaky)
	defer release()
	b.ok(b.starter.Client().CancelWorkflow(b.ctx(), id, ""))
	if err := b.ended(id); err == nil {
		b.t.Error("a cancelled run ended as if nothing had been")
	}
}

func terminatedRun(b *bundle) {
	id, release := b.heldRun(errLeaky)
	defer release()
	b.ok(b.starter.Client().TerminateWorkflow(b.ctx(), id, "", "by the test"))
}

// heldRun returns a run in the middle of an insert, before which some failed, and has looked at it.
func (b *bundle) heldRun(errs ...error) (id string, release func()) {
	b.t.Helper()
	held, release := b.hold(errs...)
	b.trigger()
	b.wait(held)
	id = b.running()
	for began := time.Now(); ; time.Sleep(20 * time.Millisecond) { // until a heartbeat was heard
		d, err := b.starter.Client().DescribeWorkflowExecution(b.ctx(), id, "")
		b.ok(err)
		if steps := d.GetPendingActivities(); len(steps) == 1 && steps[0].GetLastHeartbeatTime() != nil {
			b.wantNoSecretsIn("the open run "+id, fmt.Sprintf("%+v", d))
			return id, release
		}
		if time.Since(began) > 20*time.Second {
			b.t.Fatal("the step does not heartbeat")
		}
	}
}

// ended returns when a run has ended, with its error.
func (b *bundle) ended(id string) error {
	return b.starter.Client().GetWorkflow(b.ctx(), id, "").Get(b.ctx(), nil)
}

// answers are those of a worker to questions about a run.
func (b *bundle) answers(id string) string {
	b.t.Helper()
	text := ""
	for _, query := range []string{workflows.ProgressQuery, "__temporal_workflow_metadata"} {
		answer, err := b.starter.Client().QueryWorkflow(b.ctx(), id, "", query)
		if errors.Is(err, context.DeadlineExceeded) { // a busy server loses a question now and then
			answer, err = b.starter.Client().QueryWorkflow(b.ctx(), id, "", query)
		}
		b.ok(err)
		var value converter.RawValue
		b.ok(answer.Get(&value))
		text += string(value.Payload().GetData())
	}
	return text
}

// wantNoSecrets looks through all that Temporal keeps of this import key: its schedule, and of
// every run the history, the memo, the search attributes and the steps that are pending.
func (b *bundle) wantNoSecrets() {
	b.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second) // the test's own has ended
	defer cancel()
	c := b.starter.Client()
	schedule, err := c.WorkflowService().DescribeSchedule(ctx, &workflowservice.DescribeScheduleRequest{
		Namespace: "default", ScheduleId: workflows.SyncID(b.starter.TaskQueue(), b.imp.Key),
	})
	if err != nil {
		b.t.Errorf("describe the schedule: %v", err)
		return
	}
	b.wantNoSecretsIn("the schedule", fmt.Sprintf("%+v", schedule))
	runs := map[string]*common.WorkflowExecution{}
	for _, action := range schedule.GetInfo().GetRecentActions() { // the last ten, and those that are not listed yet
		runs[action.GetStartWorkflowResult().GetRunId()] = action.GetStartWorkflowResult()
	}
	list, err := c.ListWorkflow(ctx, listRequest(fmt.Sprintf("ChferryImportKey = '%s'", b.imp.Key)))
	if err != nil {
		b.t.Errorf("list the runs: %v", err)
	}
	for _, run := range list.GetExecutions() { // also those that continue others
		runs[run.GetExecution().GetRunId()] = run.GetExecution()
	}
	job := &common.WorkflowExecution{WorkflowId: b.backfillID()}
	if d, err := c.DescribeWorkflowExecution(ctx, job.GetWorkflowId(), ""); err == nil { // not listed yet, perhaps
		job = d.GetWorkflowExecutionInfo().GetExecution()
		runs[job.GetRunId()] = job
	}
	for _, run := range runs {
		d, err := c.DescribeWorkflowExecution(ctx, run.GetWorkflowId(), run.GetRunId())
		if err != nil {
			b.t.Errorf("describe %s: %v", run.GetWorkflowId(), err)
		}
		b.wantNoSecretsIn(run.GetWorkflowId(), fmt.Sprintf("%+v", d))
		for _, event := range b.historyOf(run).GetEvents() {
			b.wantNoSecretsIn(fmt.Sprintf("event %d of %s", event.GetEventId(), run.GetWorkflowId()),
				fmt.Sprintf("%+v", event))
		}
	}
}

func (b *bundle) wantNoSecretsIn(what, text string) {
	b.t.Helper()
	for _, secret := range append([]string{sentinel, "SELECT ", "INSERT ", "postgres://", "clickhouse://", "redis://"},
		b.secrets...) {
		if strings.Contains(text, secret) {
			b.t.Errorf("%s holds %q", what, secret)
		}
	}
}
