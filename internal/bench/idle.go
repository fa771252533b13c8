package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"time"

	"go.temporal.io/api/workflowservice/v1"
	"go.temporal.io/sdk/worker"
	"go.temporal.io/sdk/workflow"

	"github.com/chferry/chferry/embedded"
	"github.com/chferry/chferry/starter"
	"github.com/chferry/chferry/workflows"
)

// Ticks are spread over the interval: else 200 keys tick in the same moment, and the development
// server is what is measured.
const (
	idleKeys  = 200
	idleEvery = 5 * time.Second
	idleWarm  = 3 * time.Second // until a worker has caught up with the ticks before it
)

// idle measures what the worker spends on ticks that find nothing. It leaves a stack whose import keys are these alone.
func (b *temporalBench) idle(ctx context.Context) ([]*figure, error) {
	var imports strings.Builder
	for i := range idleKeys {
		fmt.Fprintf(&imports, "\n  - {key: idle%d, table: saves, destination: {table: idle%d}, schedule: {every: %s, "+
			"jitter: %s}}", i, i, idleEvery, idleEvery)
	}
	b.worker.Stop(ctx)
	if err := b.configure(ctx, imports.String()+"\n"); err != nil {
		return nil, err
	}
	bare := func() (*embedded.Program, error) {
		//nolint:noctx,gosec // it runs until it is stopped; it is this program
		return embedded.StartProgram(exec.Command(os.Args[0], bareCommand, b.temporal.Addr), b.dir, nil)
	}
	cpu := &figure{
		name: fmt.Sprintf("worker's CPU per idle sync, %d keys, each every %s", idleKeys, idleEvery), format: "%.2f ms",
		baseName: "the SDK, whose local activity does nothing", goal: "≤ 1 ms",
	}
	for range fewRounds {
		base, err := b.perIdleSync(ctx, bare)
		if err != nil {
			return nil, err
		}
		measured, err := b.perIdleSync(ctx, func() (*embedded.Program, error) { return b.run("worker") })
		if err != nil {
			return nil, err
		}
		cpu.beside(measured, base)
	}
	return []*figure{cpu}, nil
}

// perIdleSync runs a worker for a while, and returns the milliseconds of CPU that it spends on each tick.
func (b *temporalBench) perIdleSync(ctx context.Context, run func() (*embedded.Program, error)) (float64, error) {
	p, err := run()
	if err != nil {
		return 0, err
	}
	defer p.Stop(ctx)
	if err := sleep(ctx, idleWarm); err != nil {
		return 0, err
	}
	from := time.Now()
	before, err := spentBy(p)
	if err != nil {
		return 0, err
	}
	if err := sleep(ctx, idleEvery); err != nil {
		return 0, err
	}
	after, err := spentBy(p)
	if err != nil {
		return 0, err
	}
	to := time.Now()
	if err := sleep(ctx, time.Second); err != nil { // what has ended is listed a little later
		return 0, err
	}
	n, err := b.idleSyncs(ctx, from, to)
	if n == 0 {
		return 0, errors.Join(err, fmt.Errorf("nothing was idle; the worker says: %s", p.LastLines()))
	}
	return (after - before) * 1000 / float64(n), err
}

// spentBy returns a program's CPU seconds.
func spentBy(p *embedded.Program) (float64, error) {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", p.Pid()))
	if err != nil {
		return 0, err
	}
	stat, err := parseStat(string(text))
	return float64(stat.own) / ticks, err
}

// idleSyncs returns how many syncs ended between two times, having found nothing.
func (b *temporalBench) idleSyncs(ctx context.Context, from, to time.Time) (int64, error) {
	counted, err := b.starter.Client().CountWorkflow(ctx, &workflowservice.CountWorkflowExecutionsRequest{
		Query: fmt.Sprintf("ChferryOutcome = 'idle' AND CloseTime BETWEEN '%s' AND '%s'",
			from.UTC().Format(time.RFC3339Nano), to.UTC().Format(time.RFC3339Nano)),
	})
	return counted.GetCount(), err
}

// bareCommand is the argument with which this program is the worker below.
const bareCommand = "bare-worker"

// bareWorker does what Temporal's SDK can't be spared for an idle sync, and nothing else.
func bareWorker(ctx context.Context, address string) error {
	s, err := starter.New(starter.Options{Address: address})
	if err != nil {
		return err
	}
	defer s.Close()
	nothing := func(context.Context) (workflows.SyncResult, error) { return workflows.SyncResult{}, nil }
	idle := func(ctx workflow.Context, _ workflows.SyncInput) (result workflows.SyncResult, err error) {
		ctx = workflow.WithLocalActivityOptions(ctx, workflow.LocalActivityOptions{StartToCloseTimeout: time.Second})
		err = workflow.ExecuteLocalActivity(ctx, nothing).Get(ctx, &result)
		return result, err
	}
	w := worker.New(s.Client(), s.TaskQueue(), worker.Options{})
	w.RegisterWorkflowWithOptions(idle, workflow.RegisterOptions{Name: workflows.SyncName})
	if err := w.Start(); err != nil {
		return err
	}
	<-ctx.Done()
	w.Stop()
	return nil
}

func sleep(ctx context.Context, d time.Duration) error {
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-time.After(d):
		return nil
	}
}
