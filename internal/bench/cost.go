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

// synced is what one sync cost.
type synced struct {
	seconds   float64
	processor map[string]float64 // CPU seconds by process, without this one, ClickHouse's merges included
	total     float64            // of them
	memory    float64            // the worker's peak, in MB
	events    float64
	history   float64 // bytes
	run       *client.ScheduleWorkflowExecution
}

// sync registers ops, triggers a sync and waits until nothing is left. Registering is not part of what is measured.
func (s *stack) sync(ctx context.Context, key chferry.ImportKey, ops []chferry.Operation) (synced, error) {
	if _, err := s.redis.register(ctx, key, ops, bulk); err != nil {
		return synced{}, err
	}
	if err := s.resetPeak(); err != nil {
		return synced{}, err
	}
	before, err := processorTime()
	if err != nil {
		return synced{}, err
	}
	began := time.Now()
	if err := s.starter.Trigger(ctx, key); err != nil {
		return synced{}, err
	}
	if err := s.drained(ctx, key); err != nil {
		return synced{}, err
	}
	cost := synced{seconds: time.Since(began).Seconds()}
	if err := s.settled(ctx); err != nil {
		return synced{}, err
	}
	after, err := processorTime()
	if err != nil {
		return synced{}, err
	}
	cost.processor, cost.total = spent(before, after)
	if cost.memory, err = s.peak(); err != nil {
		return synced{}, err
	}
	err = s.history(ctx, key, &cost)
	return cost, err
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

// history waits until the last run of key has ended and reads its size.
func (s *stack) history(ctx context.Context, key chferry.ImportKey, cost *synced) error {
	schedule, err := s.starter.Client().ScheduleClient().GetHandle(ctx, "chferry:sync:"+string(key)).Describe(ctx)
	if err != nil {
		return err
	}
	actions := schedule.Info.RecentActions
	if len(actions) == 0 {
		return fmt.Errorf("no sync of %s was started", key)
	}
	run := actions[len(actions)-1].StartWorkflowResult
	cost.run = run
	if err := s.starter.Client().GetWorkflow(ctx, run.WorkflowID, run.FirstExecutionRunID).Get(ctx, nil); err != nil {
		return err
	}
	d, err := s.starter.Client().DescribeWorkflowExecution(ctx, run.WorkflowID, run.FirstExecutionRunID)
	if err != nil {
		return err
	}
	cost.events = float64(d.GetWorkflowExecutionInfo().GetHistoryLength())
	cost.history = float64(d.GetWorkflowExecutionInfo().GetHistorySizeBytes())
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
