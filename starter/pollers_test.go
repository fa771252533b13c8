package starter_test

import (
	"context"
	"testing"
	"time"

	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/worker"
	"go.temporal.io/sdk/workflow"

	"github.com/chferry/chferry/workflows"
)

// serve starts a worker of that name that ends every sync at once.
func (f *fixture) serve(name string) worker.Worker {
	f.t.Helper()
	w := worker.New(f.Client(), f.TaskQueue(), worker.Options{Identity: name})
	sync := func(workflow.Context, workflows.SyncInput) (workflows.SyncResult, error) {
		return workflows.SyncResult{Outcome: "idle"}, nil
	}
	w.RegisterWorkflowWithOptions(sync, workflow.RegisterOptions{Name: workflows.SyncName})
	if err := w.Start(); err != nil {
		f.t.Fatal(err)
	}
	return w
}

// wantPollers waits until so many workers poll.
func (f *fixture) wantPollers(want int) {
	f.t.Helper()
	for {
		got, err := f.Pollers(f.t.Context())
		if err != nil {
			f.t.Fatal(err)
		}
		if got == want {
			return
		}
		time.Sleep(50 * time.Millisecond)
	}
}

// TestPollers: a worker that has ended is known to have as soon as a task waits for one.
func TestPollers(t *testing.T) {
	t.Parallel()
	f := open(t)
	f.wantPollers(0)
	first, second := f.serve("first"), f.serve("second")
	f.wantPollers(2)
	first.Stop()
	second.Stop()
	run := func(ctx context.Context) {
		_, err := f.Client().ExecuteWorkflow(ctx, client.StartWorkflowOptions{TaskQueue: f.TaskQueue()},
			workflows.SyncName, workflows.SyncInput{ImportKey: "users"})
		if err != nil {
			t.Error(err)
		}
	}
	run(t.Context())
	f.wantPollers(0)
	third := f.serve("third")
	defer third.Stop()
	f.wantPollers(1)
}
