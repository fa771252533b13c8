package main_test

import (
	"bytes"
	"context"
	"errors"
	"strings"
	"syscall"
	"testing"
	"time"

	"go.temporal.io/api/enums/v1"
	"go.temporal.io/api/failure/v1"
	"go.temporal.io/api/history/v1"
	"go.temporal.io/sdk/client"

	"github.com/chferry/chferry/internal/testenv"
	"github.com/chferry/chferry/workflows"
)

// Leases are so long that a test whose takeover waits for one runs out of time.
const heldImport = `
  - {key: NAME-users, table: public.users, primary_key: [id], destination: {table: users},
     heartbeat_timeout: 2s, lease: 1h, schedule: {every: 1h}}
`

// held is a stack with a worker in the middle of an insert that never ends, of one row.
type held struct {
	*stack
	insert   *testenv.Held
	temporal client.Client
	first    *process
}

func setupHeld(t *testing.T, imports string) *held {
	t.Helper()
	p := testenv.NewProxy(t, testenv.ClickHouse(t))
	h := &held{stack: setupOn(t, p.URL, imports)}
	var err error
	if h.temporal, err = client.Dial(client.Options{HostPort: testenv.Temporal(t), Logger: quiet{}}); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(h.temporal.Close)
	h.must("apply")
	h.exec(`INSERT INTO users VALUES (1, 'held', NULL, 1, true, now(), NULL)`)
	h.must("register", h.key, "insert", "1")
	h.insert = p.HoldRequest(func(piece []byte) bool { return bytes.Contains(piece, []byte("INSERT INTO")) })
	h.first = h.start("worker")
	return h
}

// quiet is a log that keeps nothing.
type quiet struct{}

func (quiet) Debug(string, ...any) {}
func (quiet) Info(string, ...any)  {}
func (quiet) Warn(string, ...any)  {}
func (quiet) Error(string, ...any) {}

// running returns the workflow that the schedule has started and that has not ended.
func (h *held) running() string {
	h.t.Helper()
	d, err := h.temporal.ScheduleClient().GetHandle(h.t.Context(), h.id(h.key)).Describe(h.t.Context())
	if err != nil {
		h.t.Fatal(err)
	}
	if len(d.Info.RunningWorkflows) != 1 {
		h.t.Fatalf("%d workflows are running, want 1", len(d.Info.RunningWorkflows))
	}
	return d.Info.RunningWorkflows[0].WorkflowID
}

func (h *held) result(workflowID string) (result workflows.SyncResult) {
	h.t.Helper()
	ctx, cancel := context.WithTimeout(h.t.Context(), time.Minute)
	defer cancel()
	if err := h.temporal.GetWorkflow(ctx, workflowID, "").Get(ctx, &result); err != nil {
		h.t.Fatalf("%s ended with %v", workflowID, err)
	}
	return result
}

// runOf returns the ID of a workflow's run, before another of its ID begins: those of one second share it.
func (h *held) runOf(workflowID string) string {
	h.t.Helper()
	d, err := h.temporal.DescribeWorkflowExecution(h.t.Context(), workflowID, "")
	if err != nil {
		h.t.Fatal(err)
	}
	return d.GetWorkflowExecutionInfo().GetExecution().GetRunId()
}

// events returns those of a run, of the newest one if runID is empty.
func (h *held) events(workflowID, runID string) (events []*history.HistoryEvent) {
	h.t.Helper()
	all := h.temporal.GetWorkflowHistory(h.t.Context(), workflowID, runID, false,
		enums.HISTORY_EVENT_FILTER_TYPE_ALL_EVENT)
	for all.HasNext() {
		event, err := all.Next()
		if err != nil {
			h.t.Fatal(err)
		}
		events = append(events, event)
	}
	return events
}

// insertBatch returns which attempt at InsertBatch made it, when it began, and why the one before did not.
func (h *held) insertBatch(workflowID string) (attempt int32, began time.Time, last *failure.Failure) {
	h.t.Helper()
	scheduled := int64(0)
	for _, event := range h.events(workflowID, "") {
		if event.GetActivityTaskScheduledEventAttributes().GetActivityType().GetName() == "InsertBatch" {
			scheduled = event.GetEventId()
		}
		if started := event.GetActivityTaskStartedEventAttributes(); scheduled > 0 &&
			started.GetScheduledEventId() == scheduled {
			return started.GetAttempt(), event.GetEventTime().AsTime(), started.GetLastFailure()
		}
	}
	h.t.Fatal("no InsertBatch has started")
	return 0, time.Time{}, nil
}

// TestSignals: a worker that is told to stop hands its batch over at once; of one that is killed
// Temporal has to notice the silence.
func TestSignals(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		signal syscall.Signal
		want   func(*failure.Failure) bool
	}{
		"SIGTERM": {syscall.SIGTERM, func(f *failure.Failure) bool {
			info := f.GetApplicationFailureInfo()
			delay := info.GetNextRetryDelay() // which wins over the backoff, however many attempts there were
			return info.GetType() == "Unavailable" && strings.Contains(f.GetMessage(), "the worker is stopping") &&
				delay != nil && delay.AsDuration() < time.Second
		}},
		"SIGKILL": {syscall.SIGKILL, func(f *failure.Failure) bool {
			return f.GetTimeoutFailureInfo().GetTimeoutType() == enums.TIMEOUT_TYPE_HEARTBEAT
		}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			h := setupHeld(t, heldImport)
			h.must("sync", h.key)
			h.insert.Wait()
			id := h.running()
			h.eventually("the status says that it runs", 20*time.Second, func() error {
				if out := h.must("status", h.key); !strings.Contains(out, "Z (running)") {
					return errors.New(out)
				}
				return nil
			})
			h.start("worker")
			signalled := time.Now()
			h.first.stop(test.signal)
			ended := time.Since(signalled)
			if code := h.first.ProcessState.ExitCode(); test.signal == syscall.SIGTERM && code != 0 {
				t.Errorf("the worker that was told to stop ended with status %d", code)
			}
			if got := h.result(id); got.Outcome != "synced" || got.Rows != 1 {
				t.Errorf("the sync's result is %+v", got)
			}
			attempt, began, last := h.insertBatch(id)
			if attempt != 2 || !test.want(last) {
				t.Errorf("attempt %d made it, after %v", attempt, last)
			}
			t.Logf("the worker ended after %s, another began %s after the signal", ended, began.Sub(signalled))
			h.wantSame(usersInSource, usersInTarget)
		})
	}
}

// TestTakeover: the next sync takes over at once from a run that Temporal knows to be closed,
// whatever closed it. The lease has an hour left.
func TestTakeover(t *testing.T) {
	t.Parallel()
	tests := map[string]func(*held) (id string){
		"terminated": func(h *held) string {
			h.must("sync", h.key)
			h.insert.Wait()
			id := h.running()
			h.first.stop(syscall.SIGKILL)
			if err := h.temporal.TerminateWorkflow(h.t.Context(), id, "", "by the test"); err != nil {
				h.t.Fatal(err)
			}
			return id
		},
		"timed out": func(h *held) string {
			run := h.startSync(client.StartWorkflowOptions{WorkflowRunTimeout: 4 * time.Second})
			h.insert.Wait()
			h.first.stop(syscall.SIGKILL)
			_ = run.Get(h.t.Context(), nil) // it times out
			return run.GetID()
		},
	}
	for name, end := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			h := setupHeld(t, heldImport)
			id := end(h)
			runID := h.runOf(id)
			second := h.start("worker")
			out := h.must("sync", h.key, "--wait")
			if !strings.Contains(out, `"outcome":"synced"`) || !strings.Contains(out, `"rows":1`) {
				t.Errorf("the next sync's result is %s", out)
			}
			if !strings.Contains(second.log.String(), "took over the import key") {
				t.Error("the second worker's log tells of no takeover")
			}
			events := h.events(id, runID)
			want := map[string]enums.EventType{
				"terminated": enums.EVENT_TYPE_WORKFLOW_EXECUTION_TERMINATED,
				"timed out":  enums.EVENT_TYPE_WORKFLOW_EXECUTION_TIMED_OUT,
			}
			if got := events[len(events)-1].GetEventType(); got != want[name] {
				t.Errorf("the first run ended with %s, want %s", got, want[name])
			}
			h.wantSame(usersInSource, usersInTarget)
		})
	}
}

// startSync starts a sync beside the schedule, as somebody may by hand.
func (h *held) startSync(options client.StartWorkflowOptions) client.WorkflowRun {
	h.t.Helper()
	if options.ID == "" {
		options.ID = h.id(h.key) + "-by-hand"
	}
	if options.TaskQueue == "" {
		options.TaskQueue = strings.TrimSuffix(h.key, "-users")
	}
	run, err := h.temporal.ExecuteWorkflow(h.t.Context(), options, workflows.SyncName,
		map[string]any{"import_key": h.key})
	if err != nil {
		h.t.Fatal(err)
	}
	return run
}

// TestComesBack: a worker that hangs longer than the lease loses its claim to another sync. When it
// wakes up it removes nothing, its run ends superseded and gives nothing back that is not its own.
func TestComesBack(t *testing.T) {
	t.Parallel()
	h := setupHeld(t, strings.Replace(heldImport, "lease: 1h", "lease: 5s", 1))
	h.must("sync", h.key)
	h.insert.Wait()
	first := h.running()
	if err := h.first.Process.Signal(syscall.SIGSTOP); err != nil {
		t.Fatal(err)
	}
	// A worker on a task queue of its own, so that it can't simply go on with the first run.
	other := h.id("other")
	h.edit("temporal: {", `temporal: {task_queue: "`+other+`", `)
	h.edit(", task_queue: "+strings.TrimSuffix(h.key, "-users"), "")
	h.start("worker")
	second := h.startSync(client.StartWorkflowOptions{TaskQueue: other})
	if got := h.result(second.GetID()); got.Outcome != "synced" || got.Rows != 1 {
		t.Errorf("the second sync's result is %+v", got)
	}
	h.must("register", h.key, "update", "1") // what the first must not touch
	if err := h.first.Process.Signal(syscall.SIGCONT); err != nil {
		t.Fatal(err)
	}
	if got := h.result(first); got.Outcome != "superseded" || got.Batches != 0 {
		t.Errorf("the first sync's result is %+v", got)
	}
	for _, event := range h.events(first, "") {
		name := event.GetActivityTaskScheduledEventAttributes().GetActivityType().GetName()
		if name == "PostSyncFailed" {
			t.Error("the superseded run has compensated")
		}
	}
	if got := h.status(h.key); got.Pending != 1 || got.InFlight != 0 {
		t.Errorf("%d operations pending and %d in flight, want 1 and 0", got.Pending, got.InFlight)
	}
}
