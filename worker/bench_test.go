package worker_test

import (
	"fmt"
	"testing"

	"github.com/chferry/chferry"
)

// BenchmarkSync is for profiles of a worker, as docs/benchmarks.md shows one: whole syncs of
// 500,000 rows of 10 columns from PostgreSQL, registered in the order of their keys, in batches of
// 100,000. `make bench` measures.
func BenchmarkSync(b *testing.B) {
	const rows = 500_000
	w := setup(b, func(i *chferry.Import) { i.Table, i.DestinationTable, i.BatchSize = "wide", "wide", 100_000 })
	w.fillWide(rows)
	table, err := w.sources["default"].Describe(b.Context(), w.imp.Table, nil)
	w.ok(err)
	for b.Loop() {
		b.StopTimer()
		w.ok(w.sources["default"].PrimaryKeys(b.Context(), table, chferry.MaxOperations, w.registerPage))
		b.StartTimer()
		result, err := w.starter.Sync(b.Context(), w.imp.Key, nil)
		w.ok(err)
		if result.Rows != rows {
			b.Fatalf("%d rows were synced, want %d", result.Rows, rows)
		}
	}
}

// BenchmarkBackfill is for profiles, too: a table of 2,000,000 rows is copied.
func BenchmarkBackfill(b *testing.B) {
	const rows = 2_000_000
	w := setup(b, func(i *chferry.Import) { i.Table, i.DestinationTable = "wide", "wide" })
	w.fillWide(rows)
	for b.Loop() {
		if result := w.backfill(chferry.BackfillOptions{}); result.Rows != rows {
			b.Fatalf("%d rows were copied, want %d", result.Rows, rows)
		}
	}
}

func (b *bundle) fillWide(rows int) {
	b.exec(fmt.Sprintf(`INSERT INTO wide SELECT n, md5(n::text), 'user ' || n, n %% 1000, n * 1.5, n * 0.01,
		timestamptz '2024-01-01Z' + n * interval '1 second', n %% 2 = 0, date '2000-01-01' + n %% 10000,
		CASE WHEN n %% 4 = 0 THEN NULL ELSE 'note ' || n END FROM generate_series(1, %d) n`, rows))
	b.exec(`ANALYZE wide`)
}

func (b *bundle) registerPage(page []chferry.PrimaryKey) error {
	ops := make([]chferry.Operation, len(page))
	for i, key := range page {
		ops[i] = chferry.Operation{Kind: chferry.Update, PrimaryKey: key}
	}
	_, err := b.storage.RegisterOperations(b.ctx(), b.imp.Key, ops...)
	return err
}
