package main

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"syscall"
	"time"

	"go.temporal.io/api/enums/v1"
	"go.temporal.io/api/workflow/v1"
	"go.temporal.io/sdk/client"

	"github.com/chferry/chferry"
	"github.com/chferry/chferry/activities"
	"github.com/chferry/chferry/workflows"
)

// deaths measures when another worker goes on with a batch whose worker was killed, or told to stop.
func (b *temporalBench) deaths(ctx context.Context) ([]*figure, error) {
	killed := &figure{
		name:   "kill -9 of the worker in mid-insert, heartbeat_timeout 2s: until the retry starts",
		format: "%.2f s", goal: "≤ 3 s",
	}
	stopped := &figure{
		name: "SIGTERM to the worker in mid-insert: until the retry starts", format: "%.2f s",
		goal: "≤ 1 s",
	}
	for range fewRounds {
		for _, of := range []struct {
			f      *figure
			signal syscall.Signal
		}{{killed, syscall.SIGKILL}, {stopped, syscall.SIGTERM}} {
			seconds, err := b.death(ctx, of.signal)
			if err != nil {
				return nil, err
			}
			of.f.add(seconds)
		}
	}
	return []*figure{killed, stopped}, nil
}

// death sends a signal to the one of two workers that inserts, and returns after how many seconds
// the other has begun to.
func (b *temporalBench) death(ctx context.Context, signal syscall.Signal) (float64, error) {
	const key = "dying"
	if err := b.runSecond(ctx); err != nil {
		return 0, err
	}
	before, err := b.register(ctx, key)
	if err != nil {
		return 0, err
	}
	if err := b.starter.Trigger(ctx, key); err != nil {
		return 0, err
	}
	run, err := b.holdInsert(ctx, key, before)
	if err != nil {
		return 0, err
	}
	step, err := b.inserting(ctx, run)
	if err != nil {
		return 0, err
	}
	if isWorker(step.GetLastWorkerIdentity(), b.second.Pid()) {
		b.worker, b.second = b.second, b.worker
	}
	began := time.Now()
	if err := syscall.Kill(b.worker.Pid(), signal); err != nil {
		return 0, err
	}
	for step.GetAttempt() < 2 || step.GetState() != enums.PENDING_ACTIVITY_STATE_STARTED {
		if err := sleep(ctx, 10*time.Millisecond); err != nil {
			return 0, err
		}
		if step, err = b.inserting(ctx, run); err != nil {
			return 0, err
		}
	}
	b.worker.Stop(ctx)
	b.worker, b.second = b.second, nil
	return step.GetLastStartedTime().AsTime().Sub(began).Seconds(), errors.Join(b.letInsert(), b.drained(ctx, key))
}

// terminations measures what becomes of the batch of a run that somebody terminates.
func (b *temporalBench) terminations(ctx context.Context) ([]*figure, error) {
	begins := &figure{
		name: "a run terminated in mid-insert, ticks every 1s: until the next begins", format: "%.2f s",
		goal: "≤ 1.1 s",
	}
	imports := &figure{name: "which of the runs after it imports its batch", format: "number %.0f", goal: "1"}
	for range fewRounds {
		seconds, number, err := b.termination(ctx)
		if err != nil {
			return nil, err
		}
		begins.add(seconds)
		imports.add(number)
	}
	return []*figure{begins, imports}, nil
}

func (b *temporalBench) termination(ctx context.Context) (seconds, number float64, err error) {
	const key = "ended"
	before, err := b.register(ctx, key)
	if err != nil {
		return 0, 0, err
	}
	run, err := b.holdInsert(ctx, key, before)
	if err != nil {
		return 0, 0, err
	}
	if _, err := b.inserting(ctx, run); err != nil {
		return 0, 0, err
	}
	began := time.Now()
	if err := b.starter.Client().TerminateWorkflow(ctx, run.WorkflowID, run.FirstExecutionRunID,
		"by the benchmark"); err != nil {
		return 0, 0, err
	}
	if err := errors.Join(b.letInsert(), b.drained(ctx, key)); err != nil {
		return 0, 0, err
	}
	later, err := b.runsAfter(ctx, key, run)
	if err != nil {
		return 0, 0, err
	}
	for i, next := range later {
		var result workflows.SyncResult
		if err := b.starter.Client().GetWorkflow(ctx, next.StartWorkflowResult.WorkflowID,
			next.StartWorkflowResult.FirstExecutionRunID).Get(ctx, &result); err != nil {
			return 0, 0, err
		}
		if result.Operations > 0 {
			return later[0].ActualTime.Sub(began).Seconds(), float64(i + 1), nil
		}
	}
	return 0, 0, fmt.Errorf("none of the %d runs after %s imported anything", len(later), run.WorkflowID)
}

// runsAfter returns what a schedule started after a run.
func (b *temporalBench) runsAfter(ctx context.Context, key chferry.ImportKey,
	run *client.ScheduleWorkflowExecution,
) ([]client.ScheduleActionResult, error) {
	d, err := b.schedule(ctx, key)
	if err != nil {
		return nil, err
	}
	for i, action := range d.Info.RecentActions {
		if action.StartWorkflowResult.FirstExecutionRunID == run.FirstExecutionRunID {
			return d.Info.RecentActions[i+1:], nil
		}
	}
	return nil, fmt.Errorf("the schedule of %s does not remember %s", key, run.WorkflowID)
}

// register registers a batch, and returns the newest version of what was imported before.
func (b *temporalBench) register(ctx context.Context, key chferry.ImportKey) (uint64, error) {
	before, err := b.newest(ctx, key)
	if err != nil {
		return 0, err
	}
	_, err = b.redis.register(ctx, key, operations(1, batchRows), bulk)
	return before, err
}

func (b *temporalBench) newest(ctx context.Context, key chferry.ImportKey) (uint64, error) {
	return b.number(ctx, fmt.Sprintf("SELECT max(_version) FROM %s", key))
}

// holdInsert waits until a part of the batch that was registered is in ClickHouse, stops that where
// it is, and returns the run whose batch it is.
func (b *temporalBench) holdInsert(ctx context.Context, key chferry.ImportKey,
	before uint64,
) (*client.ScheduleWorkflowExecution, error) {
	for began, newest := time.Now(), before; newest <= before; {
		var err error
		if newest, err = b.newest(ctx, key); err != nil {
			return nil, err
		}
		if time.Since(began) > time.Minute {
			return nil, fmt.Errorf("nothing of %s arrives; the worker says: %s", key, b.worker.LastLines())
		}
	}
	if err := syscall.Kill(b.clickhouse.Pid(), syscall.SIGSTOP); err != nil {
		return nil, err
	}
	d, err := b.schedule(ctx, key)
	if err != nil {
		return nil, err
	}
	if len(d.Info.RunningWorkflows) == 0 {
		return nil, fmt.Errorf("the sync of %s was over before ClickHouse could be stopped", key)
	}
	return &d.Info.RunningWorkflows[0], nil
}

// letInsert lets ClickHouse go on.
func (b *temporalBench) letInsert() error { return syscall.Kill(b.clickhouse.Pid(), syscall.SIGCONT) }

func (b *temporalBench) schedule(ctx context.Context, key chferry.ImportKey) (*client.ScheduleDescription, error) {
	return b.starter.Client().ScheduleClient().GetHandle(ctx,
		workflows.SyncID(chferry.DefaultIDPrefix, key)).Describe(ctx)
}

// inserting returns how a run's insert goes.
func (b *temporalBench) inserting(ctx context.Context,
	run *client.ScheduleWorkflowExecution,
) (*workflow.PendingActivityInfo, error) {
	d, err := b.starter.Client().DescribeWorkflowExecution(ctx, run.WorkflowID, run.FirstExecutionRunID)
	if err != nil {
		return nil, err
	}
	for _, step := range d.GetPendingActivities() {
		if step.GetActivityType().GetName() == activities.InsertBatchName {
			return step, nil
		}
	}
	return nil, fmt.Errorf("%s does not insert", run.WorkflowID)
}

// runSecond runs a second worker, and returns when Temporal knows it.
func (b *temporalBench) runSecond(ctx context.Context) (err error) {
	if b.second, err = b.run("worker"); err != nil {
		return err
	}
	for began := time.Now(); time.Since(began) < time.Minute; {
		queue, err := b.starter.Client().DescribeTaskQueue(ctx, chferry.DefaultTaskQueue,
			enums.TASK_QUEUE_TYPE_ACTIVITY)
		if err != nil {
			return err
		}
		for _, poller := range queue.GetPollers() {
			if isWorker(poller.GetIdentity(), b.second.Pid()) {
				return nil
			}
		}
		if err := sleep(ctx, 50*time.Millisecond); err != nil {
			return err
		}
	}
	return fmt.Errorf("the second worker does not work: %s", b.second.LastLines())
}

// isWorker tells whether an identity in Temporal is that of the worker with a process ID.
func isWorker(identity string, pid int) bool {
	return strings.Contains(identity, fmt.Sprintf(" %d@", pid))
}
