package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strconv"
	"strings"
	"time"

	"go.temporal.io/sdk/client"

	"github.com/chferry/chferry"
)

// costs are what a sync, or a backfill, cost.
type costs struct {
	seconds   float64
	processor map[string]float64 // CPU seconds by process, without this one, ClickHouse's merges included
	total     float64            // of them
	memory    float64            // the worker's peak, in MB
	events    float64
	history   float64                           // bytes
	run       *client.ScheduleWorkflowExecution // of a sync
}

// measured returns what do cost. Its workflow adds to that by history.
func (s *stack) measured(ctx context.Context, do func() error) (c costs, err error) {
	if err := s.resetPeak(); err != nil {
		return c, err
	}
	before, err := processorTime()
	if err != nil {
		return c, err
	}
	began := time.Now()
	if err := do(); err != nil {
		return c, err
	}
	c.seconds = time.Since(began).Seconds()
	if err := s.settled(ctx); err != nil {
		return c, err
	}
	after, err := processorTime()
	if err != nil {
		return c, err
	}
	c.processor, c.total = spent(before, after)
	c.memory, err = s.peak()
	return c, err
}

// sync registers ops, triggers a sync and waits until nothing is left. Registering is not part of what is measured.
func (s *stack) sync(ctx context.Context, key chferry.ImportKey, ops []chferry.Operation) (costs, error) {
	if _, err := s.redis.register(ctx, key, ops, bulk); err != nil {
		return costs{}, err
	}
	c, err := s.measured(ctx, func() error {
		if err := s.starter.Trigger(ctx, key); err != nil {
			return err
		}
		return s.drained(ctx, key)
	})
	if err != nil {
		return c, err
	}
	if c.run, err = s.lastRun(ctx, key); err != nil {
		return c, err
	}
	err = s.history(ctx, c.run.WorkflowID, c.run.FirstExecutionRunID, &c)
	return c, err
}

func (s *stack) drained(ctx context.Context, key chferry.ImportKey) error {
	for {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-s.worker.Done():
			return fmt.Errorf("the worker has ended: %s", s.worker.LastLines())
		case <-time.After(5 * time.Millisecond):
		}
		status, err := s.redis.store.Status(ctx, key)
		if err != nil {
			return err
		}
		if status[0].Failed > 0 {
			return fmt.Errorf("%d operations of %s failed", status[0].Failed, key)
		}
		if status[0].Pending+status[0].InFlight == 0 {
			return nil
		}
	}
}

// lastRun returns the last run of a key's schedule.
func (s *stack) lastRun(ctx context.Context, key chferry.ImportKey) (*client.ScheduleWorkflowExecution, error) {
	schedule, err := s.starter.Client().ScheduleClient().GetHandle(ctx, "chferry:sync:"+string(key)).Describe(ctx)
	if err != nil {
		return nil, err
	}
	actions := schedule.Info.RecentActions
	if len(actions) == 0 {
		return nil, fmt.Errorf("no sync of %s was started", key)
	}
	return actions[len(actions)-1].StartWorkflowResult, nil
}

// history waits until a workflow has ended and reads the size of its history. An empty run is the last one.
func (s *stack) history(ctx context.Context, workflow, run string, c *costs) error {
	if err := s.starter.Client().GetWorkflow(ctx, workflow, run).Get(ctx, nil); err != nil {
		return err
	}
	d, err := s.starter.Client().DescribeWorkflowExecution(ctx, workflow, run)
	if err != nil {
		return err
	}
	c.events = float64(d.GetWorkflowExecutionInfo().GetHistoryLength())
	c.history = float64(d.GetWorkflowExecutionInfo().GetHistorySizeBytes())
	return nil
}

// resetPeak lets the kernel forget the worker's peak of memory.
func (s *stack) resetPeak() error {
	return os.WriteFile(fmt.Sprintf("/proc/%d/clear_refs", s.worker.Pid()), []byte("5"), 0)
}

// peak returns the worker's peak of memory in MB since resetPeak.
func (s *stack) peak() (float64, error) {
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", s.worker.Pid()))
	if err != nil {
		return 0, err
	}
	for line := range strings.Lines(string(status)) {
		if kb, ok := strings.CutPrefix(line, "VmHWM:"); ok {
			n, err := strconv.ParseFloat(strings.Fields(kb)[0], 64)
			return n / 1024, err
		}
	}
	return 0, errors.New("the kernel does not tell the worker's peak of memory")
}
