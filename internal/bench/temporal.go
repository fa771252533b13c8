package main

import (
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/jackc/pgx/v5"

	"github.com/chferry/chferry"
	"github.com/chferry/chferry/embedded"
)

// fewRounds is how often what takes seconds is measured.
const fewRounds = 3

// temporalBench is a stack with a connection to the source, to save rows.
type temporalBench struct {
	*stack
	source *pgx.Conn
	second *embedded.Program // a second worker, while there is one
}

// batchRows is how many rows the batch has in which something dies: enough to be met in the middle.
const batchRows = 200_000

// small are rows to be saved one by one, and a batch of rows that takes a moment to insert. The
// tick of nudged is too rare to matter.
var small = content{tables: fmt.Sprintf(`
CREATE TABLE saves (id bigint PRIMARY KEY, name text NOT NULL);
CREATE TABLE rows (id bigint PRIMARY KEY, hash text NOT NULL, name text NOT NULL, created timestamptz NOT NULL);
INSERT INTO rows SELECT n, md5(n::text), 'user ' || n, timestamptz '2024-01-01Z' + n * interval '1 second'
	FROM generate_series(1, %d) n;
VACUUM ANALYZE`, batchRows), imports: `
  - {key: quiet, table: saves, destination: {table: quiet}}
  - {key: ticking, table: saves, destination: {table: ticking}, schedule: {every: 1s}}
  - {key: nudged, table: saves, destination: {table: nudged}, schedule: {every: 1h}, sync_on_register: true}
  - {key: dying, table: rows, destination: {table: dying}, batch_size: 200000, heartbeat_timeout: 2s}
  - {key: ended, table: rows, destination: {table: ended}, batch_size: 200000, heartbeat_timeout: 2s,
     schedule: {every: 1s}}
`}

// benchTemporal measures what running on Temporal costs and what it buys: events, the time until a
// save is seen, the time that a worker's death costs, and the work of having nothing to do.
func benchTemporal(ctx context.Context, out io.Writer) error {
	return onStack(ctx, embedded.StartClickHouse, small, func(s *stack) error {
		b := &temporalBench{stack: s}
		if err := b.connect(ctx); err != nil {
			return err
		}
		var figures []*figure
		for _, measure := range []func(context.Context) ([]*figure, error){
			b.events, b.saves, b.deaths, b.terminations, b.idle,
		} {
			measured, err := measure(ctx)
			if err != nil {
				return errors.Join(err, b.close(ctx))
			}
			figures = append(figures, measured...)
		}
		return errors.Join(write(out, "Syncs on Temporal's development server", figures), b.close(ctx))
	})
}

func (b *temporalBench) connect(ctx context.Context) (err error) {
	b.source, err = pgx.Connect(ctx, b.postgres.URL)
	return err
}

func (b *temporalBench) close(ctx context.Context) error {
	if b.second != nil {
		b.second.Stop(ctx)
	}
	return b.source.Close(ctx)
}

// events counts those of a tick that finds nothing, and of one that finds a batch.
func (b *temporalBench) events(ctx context.Context) ([]*figure, error) {
	idle := &figure{name: "events of an idle tick", format: "%.0f", goal: "≤ 6"}
	batch := &figure{name: "events of a sync of one batch", format: "%.0f", goal: "≤ 26"}
	const key = "quiet"
	for range rounds {
		for _, of := range []struct {
			ops []chferry.Operation
			f   *figure
		}{{nil, idle}, {operations(1, 1), batch}} {
			if _, err := b.redis.store.RegisterOperations(ctx, key, of.ops...); err != nil {
				return nil, err
			}
			if _, err := b.starter.Sync(ctx, key, nil); err != nil {
				return nil, err
			}
			run, err := b.lastRun(ctx, key)
			if err != nil {
				return nil, err
			}
			var c costs
			if err := b.history(ctx, run.WorkflowID, run.FirstExecutionRunID, &c); err != nil {
				return nil, err
			}
			of.f.add(c.events)
		}
	}
	return []*figure{idle, batch}, nil
}
