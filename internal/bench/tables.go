package main

import (
	"context"
	"fmt"
	"io"
	"slices"

	"github.com/chferry/chferry/embedded"
)

// How many rows the tables have that are read as a whole.
const (
	tableRows  = 5_000_000
	randomRows = 2_000_000
)

// whole are the tables whose figures are about the native protocol: of ascending keys, of random
// ones, and of rows of a megabyte.
var whole = content{
	tables: wideTable(tableRows) + tenColumns("random", "uuid", "gen_random_uuid()", randomRows) + largeTable +
		"VACUUM ANALYZE",
	imports: wholeImport + `
  - {key: random, table: random, destination: {table: copied_random}, heartbeat_timeout: 2s}
  - {key: large, table: large, destination: {table: copied_large}}
`,
}

// wholeWide is the table of ascending keys alone.
var wholeWide = content{tables: wideTable(tableRows) + "VACUUM ANALYZE", imports: wholeImport}

const wholeImport = `
  - {key: wide, table: wide, destination: {table: copied_wide}}
`

// pipedRandom are the rows of the table random.
var pipedRandom = piped{from: "random", id: "UUID", rows: randomRows}

// benchTables measures what reads whole tables, next to the physical pipe.
func benchTables(ctx context.Context, out io.Writer) error {
	if err := onStack(ctx, embedded.StartClickHouse, whole, func(s *stack) error {
		return benchWholeNative(ctx, s, out)
	}); err != nil {
		return err
	}
	return onStack(ctx, embedded.StartModernClickHouse, wholeWide, func(s *stack) error {
		return benchWholeHTTP(ctx, s, out)
	})
}

// benchWholeNative measures all that is said about ClickHouse 18.16.
func benchWholeNative(ctx context.Context, s *stack, out io.Writer) error {
	speed := func(name, goal string) *figure {
		return &figure{name: name, format: "%.0f rows/s", baseName: nativePipe, goal: goal}
	}
	ordered := speed("backfill of 5M rows, two readers", "≥ 0.8")
	random := speed("the same of 2M rows with random UUIDs as keys", "")
	processor := newProcessorFigures("5M rows", "≤ 1.6")
	randomProcessor := newProcessorFigures("2M random UUIDs", "")
	memory := &figure{name: "worker's peak memory, 5M rows", format: "%.0f MB", goal: "≤ 150"}
	large := &figure{name: "worker's peak memory, 400 rows of 1 MB", format: "%.0f MB", goal: "≤ 300"}
	events := &figure{name: "Temporal events of a backfill of 5M rows", format: "%.0f", goal: "≤ 100"}
	verify := newVerifyFigures()
	for range fewRounds {
		base, c, err := s.pipeAndBackfill(ctx, firstRows(tableRows), "wide")
		if err != nil {
			return err
		}
		ordered.beside(tableRows/c.seconds, base.rate)
		processor.beside(c, base.processor, tableRows)
		memory.add(c.memory)
		events.add(c.events)
		if err := verify.add(ctx, s, "wide", tableRows, c); err != nil {
			return err
		}
		if base, c, err = s.pipeAndBackfill(ctx, pipedRandom, "random"); err != nil {
			return err
		}
		random.beside(randomRows/c.seconds, base.rate)
		randomProcessor.beside(c, base.processor, randomRows)
		if c, err = s.backfill(ctx, "large", 400); err != nil {
			return err
		}
		large.add(c.memory)
	}
	killed, err := s.killedBackfills(ctx)
	if err != nil {
		return err
	}
	return write(out, "Whole tables into ClickHouse 18.16, native protocol",
		slices.Concat([]*figure{ordered, random}, processor, randomProcessor, []*figure{memory, large, events}, killed,
			verify.all()))
}

// benchWholeHTTP measures what is said about the modern engine.
func benchWholeHTTP(ctx context.Context, s *stack, out io.Writer) error {
	f := &figure{
		name: "backfill of 5M rows, two readers", format: "%.0f rows/s", baseName: "psql COPY to curl", goal: "≥ 0.6",
	}
	verify := newVerifyFigures()
	for range fewRounds {
		base, c, err := s.pipeAndBackfill(ctx, firstRows(tableRows), "wide")
		if err != nil {
			return err
		}
		f.beside(tableRows/c.seconds, base.rate)
		if err := verify.add(ctx, s, "wide", tableRows, c); err != nil {
			return err
		}
	}
	return write(out, "Whole tables into the modern engine, HTTP", slices.Concat([]*figure{f}, verify.all()))
}

// base is what the pipe reached.
type base struct{ rate, processor float64 }

// pipeAndBackfill copies the same rows in both ways, into tables that have none before.
func (s *stack) pipeAndBackfill(ctx context.Context, of piped, key string) (b base, c costs, err error) {
	if err := s.target.Exec(ctx, fmt.Sprintf("DROP TABLE IF EXISTS piped_%s", of.id)); err != nil {
		return b, c, err
	}
	if b.rate, b.processor, err = s.pipe(ctx, of); err != nil {
		return b, c, err
	}
	c, err = s.backfill(ctx, key, int64(of.rows))
	return b, c, err
}
