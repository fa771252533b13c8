package sqlite_test

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
	s.exec(b, `CREATE TABLE items (id INTEGER PRIMARY KEY, name TEXT NOT NULL, email TEXT NOT NULL,
		quantity INT NOT NULL, score DOUBLE NOT NULL,
		price DECIMAL(12,2) NOT NULL, created DATETIME NOT NULL, active BOOL NOT NULL, day DATE NOT NULL, note TEXT)`)
	s.exec(b, `WITH RECURSIVE g(i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM g WHERE i < 199999)
		INSERT INTO items SELECT i, 'name ' || i, 'user' || i || '@example.com', i % 1000, i / 7.0, i / 100.0,
			datetime(1700000000 - i, 'unixepoch'), i % 2 = 0, date(1700000000 - i % 1000 * 86400, 'unixepoch'),
			CASE WHEN i % 3 = 0 THEN 'note ' || i END FROM g`)
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
