package postgres_test

import (
	"math/rand/v2"
	"strconv"
	"testing"

	"github.com/chferry/chferry"
)

// BenchmarkFetch fetches 10,000 rows of ten columns a time, by shuffled keys.
func BenchmarkFetch(b *testing.B) {
	const tableRows, keys = 200_000, 10_000
	s := setup(b)
	if _, err := s.conn.PgConn().Exec(b.Context(), `
		CREATE TABLE items (id bigint PRIMARY KEY, name text NOT NULL, email text NOT NULL, quantity int NOT NULL,
			score float8 NOT NULL, price numeric(12,2) NOT NULL, created timestamptz NOT NULL, active bool NOT NULL,
			day date NOT NULL, note text);
		INSERT INTO items SELECT i, 'name ' || i, 'user' || i || '@example.com', i % 1000, i / 7.0, i / 100.0,
			now() - i * interval '1 second', i % 2 = 0, current_date - i % 1000,
			CASE WHEN i % 3 = 0 THEN 'note ' || i END FROM generate_series(0, 199999) AS i;
		ANALYZE items`).ReadAll(); err != nil {
		b.Fatal(err)
	}
	table := s.describe(b, "items")
	random := rand.New(rand.NewPCG(1, 2))
	var pks []chferry.PrimaryKey
	for _, id := range random.Perm(tableRows)[:keys] {
		pks = append(pks, chferry.PrimaryKey{strconv.Itoa(id)})
	}
	vectors := keysOf(b, table, pks...)
	b.ReportAllocs()
	for b.Loop() {
		rows, err := s.source.Fetch(b.Context(), table, vectors)
		if err != nil || rows.Rows() != keys {
			b.Fatalf("got %d rows, %v, want %d", rows.Rows(), err, keys)
		}
	}
	b.ReportMetric(float64(keys)*float64(b.N)/b.Elapsed().Seconds(), "rows/s")
}
