package starter_test

import (
	"context"
	"sync/atomic"
	"testing"
	"time"

	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/worker"
	"go.temporal.io/sdk/workflow"

	"github.com/chferry/chferry"
	"github.com/chferry/chferry/workflows"
)

// sync stands in for the workflow Sync.
type sync func(workflow.Context, workflows.SyncInput) (workflows.SyncResult, error)

// work runs a worker on f's task queue, whose workflow Sync does this.
func (f *fixture) work(do sync) {
	f.t.Helper()
	w := worker.New(f.Client(), f.TaskQueue(), worker.Options{})
	w.RegisterWorkflowWithOptions(do, workflow.RegisterOptions{Name: workflows.SyncName})
	if err := w.Start(); err != nil {
		f.t.Fatal(err)
	}
	f.t.Cleanup(w.Stop)
}

func succeed(_ workflow.Context, in workflows.SyncInput) (workflows.SyncResult, error) {
	return workflows.SyncResult{Outcome: "synced of " + string(in.ImportKey), Rows: 7}, nil
}

// forRelease says how it goes until it is released.
func forRelease(ctx workflow.Context, _ workflows.SyncInput) (workflows.SyncResult, error) {
	err := workflow.SetQueryHandler(ctx, workflows.ProgressQuery, func() (workflows.SyncProgress, error) {
		return workflows.SyncProgress{Step: "InsertBatch", Remaining: 5}, nil
	})
	if err != nil {
		return workflows.SyncResult{}, err
	}
	workflow.GetSignalChannel(ctx, "release").Receive(ctx, nil)
	return workflows.SyncResult{Outcome: "synced"}, nil
}

func fail(workflow.Context, workflows.SyncInput) (workflows.SyncResult, error) {
	return workflows.SyncResult{}, temporal.NewNonRetryableApplicationError(
		"GetOperations: table users: column name does not fit", string(chferry.CodeSchemaMismatch), nil)
}

func TestSync(t *testing.T) {
	t.Parallel()
	f := open(t)
	f.work(succeed)
	f.apply(byHand())
	for range 2 { // the second time the schedule knows a run already
		got, err := f.Sync(t.Context(), "countries", nil)
		if want := (workflows.SyncResult{Outcome: "synced of countries", Rows: 7}); err != nil || got != want {
			t.Errorf("got %+v, %v, want %+v", got, err, want)
		}
	}
}

func TestSyncShowsProgress(t *testing.T) {
	t.Parallel()
	f := open(t)
	f.work(forRelease)
	f.apply(byHand())
	var shown atomic.Int64
	got, err := f.Sync(t.Context(), "countries", func(p workflows.SyncProgress) {
		if p.Step != "InsertBatch" || p.Remaining != 5 {
			t.Errorf("the progress is %+v", p)
		}
		if shown.Add(1) == 2 {
			f.release("countries")
		}
	})
	if err != nil || got.Outcome != "synced" || shown.Load() < 2 {
		t.Errorf("got %+v, %v and %d times progress", got, err, shown.Load())
	}
}

// release lets a run of forRelease end.
func (f *fixture) release(key chferry.ImportKey) {
	f.t.Helper()
	if err := f.Client().SignalWorkflow(f.t.Context(), f.describe(key).LastID, "", "release", nil); err != nil {
		f.t.Errorf("release: %v", err)
	}
}

// TestSyncWhileOneRuns waits for its own sync, which begins when the running one has ended.
func TestSyncWhileOneRuns(t *testing.T) {
	t.Parallel()
	f := open(t)
	f.work(forRelease)
	f.apply(byHand())
	if err := f.Trigger(t.Context(), "countries"); err != nil {
		t.Fatal(err)
	}
	eventually(t, "the first sync runs", func() bool { return f.describe("countries").LastID != "" })
	time.AfterFunc(500*time.Millisecond, func() { f.release("countries") })
	released := false
	_, err := f.Sync(t.Context(), "countries", func(workflows.SyncProgress) {
		// Not by the ID: syncs that are triggered within a second share it.
		if !released && f.inTemporal("countries").Info.NumActions == 2 {
			released = true
			f.release("countries")
		}
	})
	if err != nil || !released {
		t.Errorf("got %v, second sync seen: %t", err, released)
	}
}

// TestDescribeSaysWhetherOneRuns, which Temporal knows a moment after it began or ended.
func TestDescribeSaysWhetherOneRuns(t *testing.T) {
	t.Parallel()
	f := open(t)
	f.work(forRelease)
	f.apply(byHand())
	if f.describe("countries").Running {
		t.Error("a new schedule runs")
	}
	if err := f.Trigger(t.Context(), "countries"); err != nil {
		t.Fatal(err)
	}
	eventually(t, "the sync runs", func() bool { return f.describe("countries").Running })
	f.release("countries")
	eventually(t, "the sync has ended", func() bool { return !f.describe("countries").Running })
}

func TestSyncFails(t *testing.T) {
	t.Parallel()
	f := open(t)
	f.work(fail)
	f.apply(byHand())
	_, err := f.Sync(t.Context(), "countries", nil)
	wantError(t, err, chferry.CodeSchemaMismatch, f.id("countries"), "column name does not fit")
}

func TestSyncIsTerminated(t *testing.T) {
	t.Parallel()
	f := open(t)
	f.work(forRelease)
	f.apply(byHand())
	_, err := f.Sync(t.Context(), "countries", func(workflows.SyncProgress) {
		_ = f.Client().TerminateWorkflow(t.Context(), f.describe("countries").LastID, "", "the test wants it")
	})
	wantError(t, err, chferry.CodeUnknown, f.id("countries"), "was terminated")
}

func TestSyncIsCancelled(t *testing.T) {
	t.Parallel()
	f := open(t)
	f.work(forReleaseOrCancel)
	f.apply(byHand())
	_, err := f.Sync(t.Context(), "countries", func(workflows.SyncProgress) {
		_ = f.Client().CancelWorkflow(t.Context(), f.describe("countries").LastID, "")
	})
	wantError(t, err, chferry.CodeUnknown, f.id("countries"), "was cancelled")
}

func forReleaseOrCancel(ctx workflow.Context, _ workflows.SyncInput) (workflows.SyncResult, error) {
	_ = workflow.SetQueryHandler(ctx, workflows.ProgressQuery, func() (workflows.SyncProgress, error) {
		return workflows.SyncProgress{}, nil
	})
	return workflows.SyncResult{}, workflow.Sleep(ctx, time.Hour)
}

// TestSyncInterrupted: the person who waits gives up; the sync goes on.
func TestSyncInterrupted(t *testing.T) {
	t.Parallel()
	f := open(t)
	f.work(forRelease)
	f.apply(byHand())
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	_, err := f.Sync(ctx, "countries", func(workflows.SyncProgress) { cancel() })
	wantError(t, err, chferry.CodeUnavailable, "stopped waiting", "goes on")
	run := f.Client().GetWorkflow(t.Context(), f.describe("countries").LastID, "")
	f.release("countries")
	if err := run.Get(t.Context(), nil); err != nil {
		t.Errorf("the sync that nobody waits for any more: %v", err)
	}
}
