package clickhouse_test

import (
	"fmt"
	"strconv"
	"testing"

	"github.com/chferry/chferry/rowset"
)

// BenchmarkInsert inserts blocks of 100,000 rows of ten columns of the usual types.
func BenchmarkInsert(b *testing.B) {
	for name, database := range servers {
		b.Run(name, func(b *testing.B) { benchmarkInsert(b, open(b, database)) })
	}
}

func benchmarkInsert(b *testing.B, s *server) {
	d := destination("bench", []string{"id"}, column("id", int64Type), column("name", stringType),
		column("email", stringType), column("age", rowset.Type{Kind: rowset.Int32}),
		column("score", rowset.Type{Kind: rowset.Float64}), column("balance", decimalOf(12, 2)),
		column("created", rowset.Type{Kind: rowset.Timestamp}), column("active", rowset.Type{Kind: rowset.Bool}),
		column("born", rowset.Type{Kind: rowset.Date}),
		column("note", nullable(stringType)))
	s.create(b, d)
	const n = 100_000
	block := rowsOf(d, n, 1, func(row int, v []rowset.Vector) {
		v[0].AppendData(fmt.Appendf(nil, "customer %d", row))
		v[1].AppendData(fmt.Appendf(nil, "customer-%d@example.com", row))
		v[2].AppendInt(int64(row % 90))
		v[3].AppendFloat(float64(row) / 7)
		v[4].AppendData(strconv.AppendFloat(nil, float64(row)/3, 'f', 2, 64))
		v[5].AppendInt(1_700_000_000_000_000 + int64(row)*1_234_567)
		v[6].AppendInt(int64(row % 2))
		v[7].AppendInt(int64(row % 20_000))
		if row%3 == 0 {
			v[8].AppendNull()
		} else {
			v[8].AppendData([]byte("a note that somebody wrote"))
		}
	})
	b.ReportAllocs()
	for b.Loop() {
		if rejected, err := s.Insert(b.Context(), d, block, ""); err != nil || len(rejected) > 0 {
			b.Fatalf("rejected %v, %v", rejected, err)
		}
	}
	b.ReportMetric(float64(n*b.N)/b.Elapsed().Seconds(), "rows/s")
}
