package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/chferry/chferry"
	"github.com/chferry/chferry/activities"
	"github.com/chferry/chferry/storage"
	"github.com/chferry/chferry/workflows"
)

// copiedTable is the destination of an import key whose table is copied as a whole.
func copiedTable(key string) string { return "copied_" + key }

// backfill copies the table that an import key is named after into its destination, which is emptied before.
func (s *stack) backfill(ctx context.Context, key string, rows int64) (c costs, err error) {
	if err := s.target.Exec(ctx, "TRUNCATE TABLE "+copiedTable(key)); err != nil {
		return c, err
	}
	if err := s.settled(ctx); err != nil {
		return c, err
	}
	c, err = s.measured(ctx, func() error {
		if err := s.startBackfill(ctx, key); err != nil {
			return err
		}
		return s.backfilled(ctx, key, rows)
	})
	if err != nil {
		return c, err
	}
	err = s.history(ctx, workflows.BackfillID(chferry.DefaultIDPrefix, chferry.ImportKey(key)), "", &c)
	return c, err
}

func (s *stack) startBackfill(ctx context.Context, key string) error {
	imp := chferry.Import{Key: chferry.ImportKey(key), Table: key, DestinationTable: copiedTable(key)}
	return s.starter.StartBackfill(ctx, imp, s.redis.store, chferry.BackfillOptions{Parallel: 2})
}

// backfilled waits for the end of a backfill, and makes sure that it copied so many rows.
func (s *stack) backfilled(ctx context.Context, key string, rows int64) error {
	result, err := s.starter.AwaitBackfill(ctx, chferry.ImportKey(key))
	if err != nil {
		return err
	}
	if result.Outcome != activities.OutcomeCopied || result.Rows != rows {
		return fmt.Errorf("the backfill of %s ended as %+v", key, result)
	}
	return nil
}

// killedBackfills measures what a backfill reads twice whose worker is killed in the middle: the
// rows that PostgreSQL reads beyond those that it reads for an undisturbed backfill.
func (s *stack) killedBackfills(ctx context.Context) ([]*figure, error) {
	twice := &figure{
		name: "kill -9 of the worker in mid-backfill of 2M rows: rows read twice", format: "%.0f",
		goal: "≤ one range a reader",
	}
	for range fewRounds {
		undisturbed, err := s.rowsReadBy(ctx, "random", randomRows, func() error { return nil })
		if err != nil {
			return nil, err
		}
		killed, err := s.rowsReadBy(ctx, "random", randomRows, func() error {
			return s.killAfter(ctx, "random", randomRows/4)
		})
		if err != nil {
			return nil, err
		}
		twice.add(killed - undisturbed)
	}
	return []*figure{twice}, nil
}

// rowsReadBy returns how many rows PostgreSQL reads for a backfill in which something happens.
func (s *stack) rowsReadBy(ctx context.Context, key string, rows int64, happens func() error) (float64, error) {
	if err := s.target.Exec(ctx, "TRUNCATE TABLE "+copiedTable(key)); err != nil {
		return 0, err
	}
	before, err := s.restartForRowsRead(ctx, key)
	if err != nil {
		return 0, err
	}
	if err := errors.Join(s.startBackfill(ctx, key), happens(), s.backfilled(ctx, key, rows)); err != nil {
		return 0, err
	}
	shown, err := s.number(ctx, fmt.Sprintf("SELECT count() FROM %s_current", copiedTable(key)))
	if err != nil {
		return 0, err
	}
	if shown != uint64(rows) {
		return 0, fmt.Errorf("ClickHouse shows %d rows of %s, want %d", shown, key, rows)
	}
	after, err := s.restartForRowsRead(ctx, key)
	return after - before, err
}

// killAfter kills the worker when a backfill has copied some rows, and starts another one.
func (s *stack) killAfter(ctx context.Context, key string, rows int64) error {
	if err := errors.Join(s.copied(ctx, key, rows), s.worker.Kill()); err != nil {
		return err
	}
	var err error
	s.worker, err = s.run("worker")
	return err
}

// copied waits until a backfill has copied so many rows.
func (s *stack) copied(ctx context.Context, key string, rows int64) error {
	for {
		if err := sleep(ctx, 10*time.Millisecond); err != nil {
			return err
		}
		progress, err := s.redis.store.RangesProgress(ctx, chferry.ImportKey(key), storage.Backfill)
		if err != nil {
			return err
		}
		if progress.Open && progress.Counts.Rows >= rows { // and not the one before
			return nil
		}
	}
}

// restartForRowsRead restarts the worker, and returns how many rows of a table PostgreSQL has read
// until then. Its processes count them late, but at the latest when they end with their connections.
func (s *stack) restartForRowsRead(ctx context.Context, table string) (rows float64, err error) {
	s.worker.Stop(ctx)
	conn, err := pgx.Connect(ctx, s.postgres.URL)
	if err != nil {
		return 0, err
	}
	defer func() { _ = conn.Close(ctx) }()
	for others := 1; others > 0; {
		if err := sleep(ctx, 20*time.Millisecond); err != nil {
			return 0, err
		}
		if err := conn.QueryRow(ctx, `SELECT count(*) FROM pg_stat_activity
			WHERE backend_type = 'client backend' AND pid <> pg_backend_pid()`).Scan(&others); err != nil {
			return 0, err
		}
	}
	if err := conn.QueryRow(ctx, `SELECT seq_tup_read + idx_tup_fetch FROM pg_stat_user_tables WHERE relname = $1`,
		table).Scan(&rows); err != nil {
		return 0, err
	}
	s.worker, err = s.run("worker")
	return rows, err
}
