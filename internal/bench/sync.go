package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"slices"

	"github.com/chferry/chferry"
	"github.com/chferry/chferry/embedded"
)

// syncRows is how many rows a round syncs.
const syncRows = 500_000

// bulky are a million rows of the ten columns that every figure is about, and rows of a megabyte.
// No import key has a schedule: syncs begin when the benchmark says so.
var bulky = content{tables: wideTable(million) + largeTable + "VACUUM ANALYZE", imports: `
  - {key: batch100k, table: wide, destination: {table: batch100k}, batch_size: 100000}
  - {key: batch10k, table: wide, destination: {table: batch10k}, batch_size: 10000}
  - {key: batch1m, table: wide, destination: {table: batch1m}, batch_size: 1000000}
  - {key: large, table: large, destination: {table: large}, batch_size: 100000}
`}

// wideTable makes a table of the ten columns.
func wideTable(rows int) string { return tenColumns("wide", "bigint", "n", rows) }

// tenColumns makes a table of n rows, whose primary key is of a type and made by an expression of n.
func tenColumns(table, idType, id string, rows int) string {
	return fmt.Sprintf(`
CREATE TABLE %[1]s (id %[2]s NOT NULL, hash text NOT NULL, name text NOT NULL, age int NOT NULL,
	score double precision NOT NULL, balance numeric(12,2) NOT NULL, created timestamptz NOT NULL,
	active boolean NOT NULL, born date NOT NULL, note text);
INSERT INTO %[1]s SELECT %[3]s, md5(n::text), 'user ' || n, n %% 1000, n * 1.5, n * 0.01,
	timestamptz '2024-01-01Z' + n * interval '1 second', n %% 2 = 0, date '2000-01-01' + n %% 10000,
	CASE WHEN n %% 4 = 0 THEN NULL ELSE 'note ' || n END FROM generate_series(1, %[4]d) n;
ALTER TABLE %[1]s ADD PRIMARY KEY (id);
`, table, idType, id, rows)
}

// largeTable makes a table of rows of a megabyte.
const largeTable = `
CREATE TABLE large (id bigint PRIMARY KEY, body text NOT NULL);
ALTER TABLE large ALTER body SET STORAGE EXTERNAL;
INSERT INTO large SELECT n, repeat(md5(n::text), 32768) FROM generate_series(1, 400) n;
`

// benchSync measures whole syncs from PostgreSQL through Temporal, next to the physical pipe.
func benchSync(ctx context.Context, out io.Writer) error {
	err := onStack(ctx, embedded.StartClickHouse, bulky, func(s *stack) error { return benchNative(ctx, s, out) })
	if err != nil {
		return err
	}
	return onStack(ctx, embedded.StartModernClickHouse, bulky, func(s *stack) error { return benchHTTP(ctx, s, out) })
}

func onStack(ctx context.Context, startClickHouse func(context.Context, embedded.Options) (*embedded.Server, error),
	data content, do func(*stack) error,
) error {
	s, err := startStack(ctx, startClickHouse, data)
	if err != nil {
		return err
	}
	return errors.Join(do(s), s.stop(ctx))
}

// processes are those of a sync, as the kernel names them.
var processes = []string{"chferry", "postgres", "clickhouse-serv", "redis-server", "temporal-v1.5.1"}

// processorFigures are CPU seconds per million rows: all, and then of each of processes.
type processorFigures []*figure

func newProcessorFigures(of, goal string) processorFigures {
	figures := processorFigures{{
		name: "CPU seconds of all processes per 1M rows, " + of, format: "%.2f",
		baseName: nativePipe, goal: goal,
	}}
	for _, name := range processes {
		figures = append(figures, &figure{name: "of them " + name, format: "%.2f"})
	}
	return figures
}

// beside notes what some rows cost, and the base of as many.
func (f processorFigures) beside(c costs, base float64, rows int) {
	each := func(seconds float64) float64 { return seconds * million / float64(rows) }
	f[0].beside(each(c.total), each(base))
	for i, name := range processes {
		f[i+1].add(each(c.processor[name]))
	}
}

// benchNative measures all that is said about ClickHouse 18.16.
func benchNative(ctx context.Context, s *stack, out io.Writer) error {
	ordered := operations(1, syncRows)
	speed := func(name, goal string) *figure {
		return &figure{name: name, format: "%.0f rows/s", baseName: nativePipe, goal: goal}
	}
	inOrder, shuffled, small := speed("500,000 rows, batch 100k, in order", "≥ 0.45"),
		speed("the same, shuffled", "≥ 0.45"), speed("the same, batch 10k", "≥ 0.3")
	processor := newProcessorFigures("batch 100k", "≤ 2.5")
	smallProcessor := newProcessorFigures("batch 10k", "")
	steps := newStepFigures("10k")
	memory := &figure{name: "worker's peak memory, batch 100k", format: "%.0f MB", goal: "≤ 120"}
	events := &figure{name: "Temporal events per 1M rows, batch 100k", format: "%.0f", goal: "≤ 200"}
	bytes := &figure{name: "bytes of history per 1M rows, batch 100k", format: "%.0f", goal: "≤ 30,000"}
	for range rounds {
		base, baseCPU, err := s.pipe(ctx, firstRows(syncRows))
		if err != nil {
			return err
		}
		for _, of := range []struct {
			key chferry.ImportKey
			ops []chferry.Operation
			f   *figure
		}{{"batch100k", ordered, inOrder}, {"batch100k", shuffle(ordered), shuffled}, {"batch10k", ordered, small}} {
			cost, err := s.sync(ctx, of.key, of.ops)
			if err != nil {
				return err
			}
			of.f.beside(syncRows/cost.seconds, base)
			if of.f == small {
				smallProcessor.beside(cost, baseCPU, syncRows)
				if err := steps.add(ctx, s.starter.Client(), cost.run); err != nil {
					return err
				}
			}
			if of.f == inOrder {
				processor.beside(cost, baseCPU, syncRows)
				memory.add(cost.memory)
				events.add(cost.events * million / syncRows)
				bytes.add(cost.history * million / syncRows)
			}
		}
	}
	extremes, err := benchExtremes(ctx, s)
	if err != nil {
		return err
	}
	return write(out, "Sync into ClickHouse 18.16, native protocol",
		slices.Concat([]*figure{inOrder, shuffled, small}, processor, smallProcessor, []*figure(steps),
			[]*figure{memory, events, bytes}, extremes))
}

// benchExtremes measures once what takes long: large batches, large rows and a long queue.
func benchExtremes(ctx context.Context, s *stack) ([]*figure, error) {
	million1 := &figure{name: "worker's peak memory, batch 1M, shuffled", format: "%.0f MB", goal: "≤ 400"}
	large := &figure{name: "worker's peak memory, 400 rows of 1 MB in a batch", format: "%.0f MB", goal: "≤ 400"}
	long := &figure{
		name: "5,000,000 operations queued, batch 100k", format: "%.0f rows/s", baseName: "500,000 queued",
		goal: "≥ 0.9",
	}
	cost, err := s.sync(ctx, "batch1m", shuffle(operations(1, million))) // which is held as a whole to be sorted
	if err != nil {
		return nil, err
	}
	million1.add(cost.memory)
	if cost, err = s.sync(ctx, "large", operations(1, 400)); err != nil {
		return nil, err
	}
	large.add(cost.memory)
	short, err := s.sync(ctx, "batch100k", operations(1, syncRows))
	if err != nil {
		return nil, err
	}
	const times = 10
	var queued []chferry.Operation
	for range times {
		queued = append(queued, operations(1, syncRows)...)
	}
	if cost, err = s.sync(ctx, "batch100k", queued); err != nil {
		return nil, err
	}
	long.beside(times*syncRows/cost.seconds, syncRows/short.seconds)
	return []*figure{million1, large, long}, nil
}

// benchHTTP measures what is said about the modern engine.
func benchHTTP(ctx context.Context, s *stack, out io.Writer) error {
	f := &figure{
		name: "500,000 rows, batch 100k, in order", format: "%.0f rows/s", baseName: "psql COPY to curl",
		goal: "≥ 0.4",
	}
	for range rounds {
		base, _, err := s.pipe(ctx, firstRows(syncRows))
		if err != nil {
			return err
		}
		cost, err := s.sync(ctx, "batch100k", operations(1, syncRows))
		if err != nil {
			return err
		}
		f.beside(syncRows/cost.seconds, base)
	}
	return write(out, "Sync into the modern engine, HTTP", []*figure{f})
}

func shuffle(ops []chferry.Operation) []chferry.Operation {
	shuffled := append([]chferry.Operation(nil), ops...)
	rand.New(rand.NewPCG(1, 2)).Shuffle(len(shuffled),
		func(i, j int) { shuffled[i], shuffled[j] = shuffled[j], shuffled[i] })
	return shuffled
}
