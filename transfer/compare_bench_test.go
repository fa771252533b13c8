package transfer_test

import (
	"context"
	"fmt"
	"testing"

	"github.com/chferry/chferry/internal/testenv"
	"github.com/chferry/chferry/source"
	"github.com/chferry/chferry/transfer"
)

// benchRows is how many rows of ten columns a benchmark carries.
const benchRows = 500_000

func benchServers(b *testing.B, key, of string) *servers {
	b.Helper()
	s := newServers(b, testenv.ModernClickHouse(b), fmt.Sprintf(`
		CREATE TABLE items (id %s PRIMARY KEY, name text NOT NULL, email text NOT NULL, quantity int NOT NULL,
			score float8 NOT NULL, price numeric(12,2) NOT NULL, created timestamptz NOT NULL, active bool NOT NULL,
			day date NOT NULL, note text);
		INSERT INTO items SELECT %s, 'name ' || n, 'user' || n || '@example.com', n %% 1000, n / 7.0, n / 100.0,
			now() - n * interval '1 second', n %% 2 = 0, current_date - n %% 1000,
			CASE WHEN n %% 3 = 0 THEN 'note ' || n END FROM generate_series(1, %d) AS n`, key, of, benchRows))
	s.exec("VACUUM ANALYZE items")
	s.copyAll()
	return s
}

// BenchmarkCopy copies a table of ten columns.
func BenchmarkCopy(b *testing.B) {
	s := benchServers(b, "bigint", "n")
	b.ReportAllocs()
	for b.Loop() {
		s.copyAll()
	}
	b.ReportMetric(benchRows*float64(b.N)/b.Elapsed().Seconds(), "rows/s")
}

// BenchmarkCompare compares equal tables of ten columns, whose keys are ordered alike or not.
func BenchmarkCompare(b *testing.B) {
	for key, of := range map[string]string{"bigint": "n", "uuid": "md5(n::text)::uuid"} {
		b.Run(key, func(b *testing.B) {
			s := benchServers(b, key, of)
			plan := s.plan()
			b.ReportAllocs()
			for b.Loop() {
				cut, _, err := s.pipeline.CutToCompare(b.Context(), plan, "", 1)
				ok(b, err)
				w := &compareWork{}
				for _, r := range cut {
					c := transfer.Compare{
						Pipeline: s.pipeline, Plan: plan, Database: r.Database, Pass: r.Pass, Queue: s.store,
						Pace: func(_ context.Context, wanted int) (int, error) { return wanted, nil },
					}
					ok(b, c.Run(b.Context(), source.Range{After: r.After, UpTo: r.UpTo}, w))
				}
				if w.compared.Rows != benchRows || len(w.compared.Differences) != 0 {
					b.Fatalf("got %+v", w.compared)
				}
			}
			b.ReportMetric(benchRows*float64(b.N)/b.Elapsed().Seconds(), "rows/s")
		})
	}
}
