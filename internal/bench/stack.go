package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	ch "github.com/ClickHouse/clickhouse-go/v2"
	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"
	"github.com/jackc/pgx/v5"

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
	target     driver.Conn // to ClickHouse
	worker     *embedded.Program
	starter    *starter.Starter
}

// content is what a stack syncs.
type content struct {
	tables  string // statements that make and fill the source
	imports string // of chferry.yaml
}

// startStack starts all servers, with the ClickHouse that startClickHouse starts.
func startStack(ctx context.Context, startClickHouse func(context.Context, embedded.Options) (*embedded.Server, error),
	data content,
) (s *stack, err error) {
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
	if err = s.load(ctx, data.tables); err != nil {
		return s, err
	}
	if s.target, err = open(s.clickhouse.URL); err != nil {
		return s, err
	}
	if s.starter, err = starter.New(starter.Options{Address: s.temporal.Addr}); err != nil {
		return s, err
	}
	if err = s.build(ctx); err != nil {
		return s, err
	}
	if err = s.configure(ctx, data.imports); err != nil {
		return s, err
	}
	s.worker, err = s.run("worker")
	return s, err
}

func open(clickhouse string) (driver.Conn, error) {
	options, err := ch.ParseDSN(clickhouse)
	if err != nil {
		return nil, err
	}
	return ch.Open(options)
}

func (s *stack) load(ctx context.Context, tables string) error {
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

// build builds chferry.
func (s *stack) build(ctx context.Context) error {
	return output(exec.CommandContext(ctx, "go", "build", "-trimpath", "-o", s.binary(), "./cmd/chferry"))
}

func (s *stack) binary() string { return filepath.Join(s.dir, "chferry") }

func (s *stack) config() string { return filepath.Join(s.dir, "chferry.yaml") }

// configure writes a configuration with these imports, and what may stand behind them, and lets chferry apply it.
func (s *stack) configure(ctx context.Context, imports string) error {
	text := fmt.Sprintf("temporal: {address: %q}\nredis: {url: %q}\nclickhouse: {url: %q}\ndatabases: {default: {url: "+
		"%q}}\nimports:%s",
		s.temporal.Addr, s.redis.server.URL, s.clickhouse.URL, s.postgres.URL, imports)
	if err := os.WriteFile(s.config(), []byte(text), 0o600); err != nil {
		return err
	}
	return output(exec.CommandContext(ctx, s.binary(), "apply", "--config", s.config()))
}

// output runs a command, whose output tells why if it fails.
func output(cmd *exec.Cmd) error {
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("%s: %w: %s", cmd, err, out)
	}
	return nil
}

// run leaves one of chferry's services running.
func (s *stack) run(service string) (*embedded.Program, error) {
	//nolint:noctx // it runs until it is stopped
	return embedded.StartProgram(exec.Command(s.binary(), service, "--config", s.config()), s.dir, nil)
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
	if s.target != nil {
		errs = append(errs, s.target.Close())
	}
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

// number asks ClickHouse for one.
func (s *stack) number(ctx context.Context, query string) (n uint64, err error) {
	err = s.target.QueryRow(ctx, query).Scan(&n)
	return n, err
}

// settled waits until ClickHouse has merged what was inserted. Its merges go on when a sync has
// ended: they are part of what it cost, and would else slow down what is measured next.
func (s *stack) settled(ctx context.Context) error {
	const quiet = 5 // times in a row that nothing was being merged
	for times := 0; times < quiet; times++ {
		if err := sleep(ctx, 50*time.Millisecond); err != nil {
			return err
		}
		merges, err := s.number(ctx, "SELECT count() FROM system.merges")
		if err != nil {
			return err
		}
		if merges > 0 {
			times = -1
		}
	}
	return nil
}
