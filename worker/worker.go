// Package worker assembles and runs the Temporal worker. A program with a worker of its own embeds
// chferry with [Register].
package worker

import (
	"context"
	"fmt"
	"time"

	"go.temporal.io/sdk/activity"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/worker"
	"go.temporal.io/sdk/workflow"

	"github.com/chferry/chferry"
	"github.com/chferry/chferry/activities"
	"github.com/chferry/chferry/workflows"
)

// Options are what a worker may be told; the zero value is useful.
type Options struct {
	// TaskQueue is where the worker gets its tasks; default [chferry.DefaultTaskQueue].
	TaskQueue string
	// StopTimeout is how long a stopping worker waits for running steps to hand over; default 10 s.
	StopTimeout time.Duration
	// Version is the build that histories name as the one that a step ran on; empty: the SDK's checksum of the binary.
	Version string
	// Syncs is how many batches are imported at a time, each of another import key, and how many
	// readers of whole tables run; default 16. Their memory and connections add up. The short steps
	// of further syncs have slots of their own and do not wait for imports.
	Syncs int
}

// How many tasks are asked for at a time. The server answers a question only when it has written
// that the task was started, so the SDK's two questions would let small syncs of many import keys
// wait for each other while worker and server are idle.
const (
	workflowPollers = 16
	activityPollers = 8
)

// slotsPerSync: Temporal hands out steps of any type while a slot is free. So for each batch that is imported, a
// second one may wait for its turn, a reader of a whole table may run, and a fourth slot is left for the short steps.
const slotsPerSync = 4

// Register makes a worker serve chferry's workflows and activities. The worker's slots bound how many batches it
// imports at a time, and short steps wait behind them; [activities.LimitInserts] leaves slots to short steps.
func Register(registry worker.Registry, a *activities.Activities) {
	registry.RegisterWorkflowWithOptions(workflows.Sync, workflow.RegisterOptions{Name: workflows.SyncName})
	registry.RegisterWorkflowWithOptions(workflows.Backfill, workflow.RegisterOptions{Name: workflows.BackfillName})
	registry.RegisterWorkflowWithOptions(workflows.Verify, workflow.RegisterOptions{Name: workflows.VerifyName})
	registry.RegisterActivityWithOptions(a.PreSync, activity.RegisterOptions{Name: activities.PreSyncName})
	registry.RegisterActivityWithOptions(a.GetOperations, activity.RegisterOptions{Name: activities.GetOperationsName})
	registry.RegisterActivityWithOptions(a.InsertBatch, activity.RegisterOptions{Name: activities.InsertBatchName})
	registry.RegisterActivityWithOptions(a.PostSync, activity.RegisterOptions{Name: activities.PostSyncName})
	registry.RegisterActivityWithOptions(a.PostSyncFailed,
		activity.RegisterOptions{Name: activities.PostSyncFailedName})
	registry.RegisterActivityWithOptions(a.PlanBackfill, activity.RegisterOptions{Name: activities.PlanBackfillName})
	registry.RegisterActivityWithOptions(a.CopyRanges, activity.RegisterOptions{Name: activities.CopyRangesName})
	registry.RegisterActivityWithOptions(a.PlanVerify, activity.RegisterOptions{Name: activities.PlanVerifyName})
	registry.RegisterActivityWithOptions(a.CompareRanges, activity.RegisterOptions{Name: activities.CompareRangesName})
	registry.RegisterActivityWithOptions(a.EndVerify, activity.RegisterOptions{Name: activities.EndVerifyName})
	registry.RegisterActivityWithOptions(a.RangesDone, activity.RegisterOptions{Name: activities.RangesDoneName})
	registry.RegisterActivityWithOptions(a.EndBackfill, activity.RegisterOptions{Name: activities.EndBackfillName})
}

// Run serves a task queue until ctx is done, then lets running steps hand over and returns nil. An error means that the
// worker could not start or met a fatal one, such as a namespace that is gone.
func Run(ctx context.Context, c client.Client, a *activities.Activities, opts Options) error {
	if opts.TaskQueue == "" {
		opts.TaskQueue = chferry.DefaultTaskQueue
	}
	if opts.StopTimeout == 0 {
		opts.StopTimeout = 10 * time.Second
	}
	if opts.Syncs == 0 {
		opts.Syncs = 16
	}
	fatal := make(chan error, 1)
	w := worker.New(c, opts.TaskQueue, worker.Options{
		WorkerStopTimeout:                  opts.StopTimeout,
		MaxConcurrentActivityExecutionSize: slotsPerSync * opts.Syncs,
		MaxConcurrentWorkflowTaskPollers:   workflowPollers,
		MaxConcurrentActivityTaskPollers:   activityPollers,
		DisableRegistrationAliasing:        true,
		OnFatalError:                       func(err error) { fatal <- err },
		Identity:                           identity(opts.Version),
		DeploymentOptions:                  deployment(opts.Version),
	})
	activities.LimitInserts(a, opts.Syncs)
	Register(w, a)
	if err := w.Start(); err != nil {
		if ctx.Err() != nil { // nobody wants it to start any more
			return nil
		}
		return chferry.WrapError(chferry.CodeUnavailable, err, "the worker can't start on task queue %s: %s",
			opts.TaskQueue, err)
	}
	defer w.Stop()
	select {
	case <-ctx.Done():
		return nil
	case err := <-fatal:
		return fmt.Errorf("run the worker: %w", err)
	}
}
