package clickhouse_test

import (
	"encoding/hex"
	"fmt"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/cespare/xxhash/v2"

	"github.com/chferry/chferry/engine"
	"github.com/chferry/chferry/internal/testenv"
	"github.com/chferry/chferry/rowset"
	"github.com/chferry/chferry/sink"
	"github.com/chferry/chferry/sink/clickhouse"
)

// hashedTypes are types of columns and values in them.
var hashedTypes = [][2]string{
	{"Nullable(Int64)", "NULL"},
	{"Float64", "nan"},
	{"Float64", "-nan"},
	{"Float64", "-0."},
	{"Float32", "-inf"},
	{"Nullable(Float32)", "nan"},
	{"LowCardinality(String)", "'low'"},
	{"LowCardinality(Nullable(String))", "NULL"},
	{"LowCardinality(Nullable(String))", "''"},
	{"Array(Nullable(Int32))", "[1, NULL, -3]"},
	{"Array(Array(String))", "[[], ['a', 'b\\n']]"},
	{"Decimal(76, 20)", "'-1.00000000000000000001'"},
	{"Decimal(38, 3)", "'12.5'"},
	{"Date32", "'1900-01-01'"},
	{"DateTime64(6, 'UTC')", "'2299-12-31 23:59:59.999999'"},
	{"DateTime64(6, 'Europe/Berlin')", "'1969-12-31 23:59:59.5'"},
	{"Bool", "true"},
	{"UUID", "'0f2e4d6c-8ba9-1c3e-5f70-8192a3b4c5d6'"},
	{"String", "unhex('00ff0a')"},
	{"String", "repeat('long', 1000)"},
	{"UInt64", "18446744073709551615"},
	{"Nullable(Date32)", "'2299-12-31'"},
}

// TestHash: what the server hashes is a row's RowBinary form, a byte 0x0A at its end included, and
// its hash is Go's xxHash64.
func TestHash(t *testing.T) {
	t.Parallel()
	s := open(t, testenv.ModernClickHouse)
	for i, typed := range hashedTypes {
		name := "hashed" + strconv.Itoa(i)
		table, err := clickhouse.TableSQL(name, s.database)
		if err != nil {
			t.Fatal(err)
		}
		s.exec(t, "CREATE TABLE "+table+" (id Int64, value "+typed[0]+", _version UInt64, _is_deleted UInt8) "+
			"ENGINE = ReplacingMergeTree(_version, _is_deleted) ORDER BY id")
		s.exec(t, "INSERT INTO "+table+" SELECT 10, "+typed[1]+", 1, 0")
		const form = "formatRow('RowBinary', id, value, toUInt8(10))"
		var wire string
		var hash uint64
		row := s.conn.QueryRow(t.Context(), "SELECT hex("+form+"), xxHash64("+form+") FROM "+table)
		if err := row.Scan(&wire, &hash); err != nil {
			t.Fatal(err)
		}
		bytes := unhex(t, wire)
		if got := xxhash.Sum64String(bytes); got != hash || !strings.HasSuffix(bytes, "\n") {
			t.Errorf("%s: Go hashes %x to %x, the server to %x", typed[0], bytes, got, hash)
		}
	}
}

// TestSumsWithHostileSettings: what a profile sets neither cuts nor changes an answer.
func TestSumsWithHostileSettings(t *testing.T) {
	t.Parallel()
	s := open(t, testenv.ModernClickHouse)
	sel := s.wideTable(t, 30_000)
	want, err := s.Sums(t.Context(), sel, []sink.Range{{}, {UpTo: numbers(sel, -1)}})
	if err != nil || want[0].Rows != 30_000 || want[1] != (sink.Sum{}) {
		t.Fatalf("got %v, %v, want 30,000 rows and none", want, err)
	}
	for _, setting := range []string{
		"max_rows_to_read=1000", "max_rows_to_read=1000&read_overflow_mode=break",
		"aggregate_functions_null_for_empty=1", "empty_result_for_aggregation_by_empty_set=1",
		"do_not_merge_across_partitions_select_final=1", "optimize_move_to_prewhere_if_final=1", "apply_deleted_mask=0",
		"max_threads=1", "force_index_by_date=1",
	} {
		c := openClient(t, s.url+"?"+setting, clickhouse.Options{})
		got, err := c.Sums(t.Context(), sel, []sink.Range{{}, {UpTo: numbers(sel, -1)}})
		if err != nil || fmt.Sprint(got) != fmt.Sprint(want) {
			t.Errorf("with %s: got %v, %v, want %v", setting, got, err, want)
		}
	}
}

// numbers is a bound of a selection whose key is one number.
func numbers(sel sink.Selection, n int64) rowset.Block {
	b := rowset.NewBlock(sel.Columns[:1])
	b.Vectors[0].AppendInt(n)
	return b
}

// wideTable has ten columns, and each row in two versions, which are in parts of their own.
func (s *server) wideTable(t testing.TB, rows int) sink.Selection {
	t.Helper()
	kinds := map[string]rowset.TypeKind{
		"id": rowset.Int64, "uid": rowset.String, "name": rowset.String, "small": rowset.Int32,
		"amount": rowset.Float64, "price": rowset.String,
		"created": rowset.Timestamp, "flag": rowset.Bool, "day": rowset.Date, "note": rowset.String,
	}
	d := sink.Destination{Table: "wide", Engine: engine.Replacing{}, Key: []string{"id"}, OrderBy: []string{"id"}}
	sel := sink.Selection{Key: d.Key, Hashed: []string{
		"id", "uid", "name", "small", "amount", "price", "created", "flag", "day", "note",
	}}
	for _, name := range sel.Hashed {
		of := rowset.Type{Kind: kinds[name], Nullable: name == "note"}
		if name == "price" {
			of = rowset.Type{Kind: rowset.Decimal, Precision: 12, Scale: 2}
		}
		d.Columns = append(d.Columns, rowset.Column{Name: name, Destination: name, Type: of})
	}
	d.Columns = append(d.Columns, engine.Replacing{}.Columns()...)
	statements, err := s.Missing(t.Context(), d)
	if err == nil {
		err = s.Create(t.Context(), statements)
	}
	if err != nil {
		t.Fatal(err)
	}
	table, err := clickhouse.TableSQL("wide", s.database)
	if err != nil {
		t.Fatal(err)
	}
	for version := 1; version <= 2; version++ {
		s.exec(t, fmt.Sprintf(
			`INSERT INTO %s SELECT number, lower(hex(MD5(toString(number)))), concat('user ', toString(number)),
			number %% 1000,
			number * 1.5,
			toDecimal64(number * 0.01, 2), toDateTime64('2024-01-01 00:00:00', 6, 'UTC') + number, number %% 2 = 0,
			toDate32('2000-01-01') + number %% 10000,
			if(number %% 4 = 0, NULL, concat('note ', toString(number))), %d, 0
			FROM numbers(%d)`, table, version, rows))
	}
	sel.Destination = d
	return sel
}

// BenchmarkSums prints how long ten ranges of a million rows take, and what a plain query for one
// sum of all does.
func BenchmarkSums(b *testing.B) {
	const rows, parts = 1_000_000, 10
	s := open(b, testenv.ModernClickHouse)
	sel := s.wideTable(b, rows)
	table, err := clickhouse.TableSQL("wide", s.database)
	if err != nil {
		b.Fatal(err)
	}
	var ranges []sink.Range
	for i := range int64(parts) {
		ranges = append(ranges, sink.Range{After: numbers(sel, i*rows/parts-1), UpTo: numbers(sel, (i+1)*rows/parts-1)})
	}
	var ours, plain time.Duration
	for b.Loop() {
		start := time.Now()
		if _, err := s.Sums(b.Context(), sel, ranges); err != nil {
			b.Fatal(err)
		}
		ours += time.Since(start)
		start = time.Now()
		s.exec(b, "SELECT sum(xxHash64(formatRow('RowBinary', *))) FROM "+table+" FINAL")
		plain += time.Since(start)
	}
	b.ReportMetric(ours.Seconds()/float64(b.N), "s/sums")
	b.ReportMetric(plain.Seconds()/float64(b.N), "s/plain")
	start := time.Now()
	if _, err := s.Page(b.Context(), sel, sink.Range{After: numbers(sel, rows/2)}, 10_000); err != nil {
		b.Fatal(err)
	}
	b.ReportMetric(time.Since(start).Seconds(), "s/page")
}

func unhex(t *testing.T, text string) string {
	t.Helper()
	b, err := hex.DecodeString(text)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}
