package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/chferry/chferry"
	"github.com/chferry/chferry/embedded"
	"github.com/chferry/chferry/starter"
)

// stack is everything that a sync passes through, with chferry's own worker as a program beside it.
type stack struct {
	dir        string
	postgres   *embedded.Server
	clickhouse *embedded.Server
	temporal   *embedded.Server
	redis      *redisBench
	worker     *embedded.Program
	starter    *starter.Starter
}

// tables are what is synced: the ten columns that every figure is about, and rows of a megabyte.
const tables = `
CREATE TABLE wide (id bigint PRIMARY KEY, hash text NOT NULL, name text NOT NULL, age int NOT NULL, score double precision NOT NULL,
	balance numeric(12,2) NOT NULL, created timestamptz NOT NULL, active boolean NOT NULL, born date NOT NULL, note text);
INSERT INTO wide SELECT n, md5(n::text), 'user ' || n, n % 1000, n * 1.5, n * 0.01, timestamptz '2024-01-01Z' + n * interval '1 second',
	n % 2 = 0, date '2000-01-01' + n % 10000, CASE WHEN n % 4 = 0 THEN NULL ELSE 'note ' || n END FROM generate_series(1, 1000000) n;
CREATE TABLE large (id bigint PRIMARY KEY, body text NOT NULL);
ALTER TABLE large ALTER body SET STORAGE EXTERNAL;
INSERT INTO large SELECT n, repeat(md5(n::text), 32768) FROM generate_series(1, 400) n;
VACUUM ANALYZE`

// benchImports are the import keys. None has a schedule: syncs begin when the benchmark says so.
const benchImports = `
  - {key: batch100k, table: wide, destination: {table: batch100k}, batch_size: 100000}
  - {key: batch10k, table: wide, destination: {table: batch10k}, batch_size: 10000}
  - {key: batch1m, table: wide, destination: {table: batch1m}, batch_size: 1000000}
  - {key: large, table: large, destination: {table: large}, batch_size: 100000}
`

// startStack starts all servers, with the ClickHouse that startClickHouse starts.
func startStack(ctx context.Context, startClickHouse func(context.Context, embedded.Options) (*embedded.Server, error)) (s *stack, err error) {
	s = &stack{}
	defer func() {
		if err != nil {
			err = errors.Join(err, s.stop(ctx))
		}
	}()
	if s.dir, err = os.MkdirTemp("", "chferry-bench-"); err != nil {
		return s, err
	}
	if s.redis, err = startRedis(ctx); err != nil {
		return s, err
	}
	for _, of := range []struct {
		into  **embedded.Server
		start func(context.Context, embedded.Options) (*embedded.Server, error)
	}{{&s.postgres, embedded.StartPostgres}, {&s.clickhouse, startClickHouse}, {&s.temporal, embedded.StartTemporal}} {
		if *of.into, err = of.start(ctx, embedded.Options{NoSync: true}); err != nil {
			return s, err
		}
	}
	if err = s.load(ctx); err != nil {
		return s, err
	}
	return s, s.startWorker(ctx)
}

func (s *stack) load(ctx context.Context) error {
	conn, err := pgx.Connect(ctx, s.postgres.URL)
	if err != nil {
		return err
	}
	defer func() { _ = conn.Close(ctx) }()
	for statement := range strings.SplitSeq(tables, ";") {
		if _, err := conn.Exec(ctx, statement); err != nil {
			return fmt.Errorf("load the tables: %w", err)
		}
	}
	return nil
}

// startWorker builds chferry, lets it apply its configuration, and leaves its worker running.
func (s *stack) startWorker(ctx context.Context) error {
	config := filepath.Join(s.dir, "chferry.yaml")
	text := fmt.Sprintf("temporal: {address: %q}\nredis: {url: %q}\nclickhouse: {url: %q}\ndatabases: {default: {url: %q}}\nimports:%s",
		s.temporal.Addr, s.redis.server.URL, s.clickhouse.URL, s.postgres.URL, benchImports)
	if err := os.WriteFile(config, []byte(text), 0o600); err != nil {
		return err
	}
	binary := filepath.Join(s.dir, "chferry")
	for _, cmd := range []*exec.Cmd{
		exec.CommandContext(ctx, "go", "build", "-trimpath", "-o", binary, "./cmd/chferry"),
		exec.CommandContext(ctx, binary, "apply", "--config", config),
	} {
		if out, err := cmd.CombinedOutput(); err != nil {
			return fmt.Errorf("%s: %w: %s", cmd, err, out)
		}
	}
	var err error
	//nolint:noctx // the worker runs until it is stopped
	if s.worker, err = embedded.StartProgram(exec.Command(binary, "worker", "--config", config), s.dir, nil); err != nil {
		return err
	}
	s.starter, err = starter.New(starter.Options{Address: s.temporal.Addr})
	return err
}

func (s *stack) stop(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), time.Minute)
	defer cancel()
	if s.starter != nil {
		s.starter.Close()
	}
	if s.worker != nil {
		s.worker.Stop(ctx)
	}
	var errs []error
	for _, server := range []*embedded.Server{s.temporal, s.clickhouse, s.postgres} {
		if server != nil {
			errs = append(errs, server.Stop(ctx))
		}
	}
	if s.redis != nil {
		errs = append(errs, s.redis.stop(ctx))
	}
	return errors.Join(append(errs, os.RemoveAll(s.dir))...)
}

// synced is what one sync cost.
type synced struct {
	seconds   float64
	processor map[string]float64 // CPU seconds by process, without this one
	total     float64            // of them
	memory    float64            // the worker's peak, in MB
	events    float64
	history   float64 // bytes
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
	after, err := processorTime()
	if err != nil {
		return synced{}, err
	}
	cost.processor, cost.total = spent(before, after)
	if cost.memory, err = s.peak(); err != nil {
		return synced{}, err
	}
	return cost, s.history(ctx, key, &cost)
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
