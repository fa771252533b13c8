package chdbserver_test

import (
	"fmt"
	"math"
	"math/big"
	"net"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/ClickHouse/clickhouse-go/v2"
	"github.com/google/uuid"
	"github.com/shopspring/decimal"
)

func pointer[T any](v T) *T { return &v }

// typeCases are the types that chferry writes, with values at their ends, as far as the client's
// conversion reaches, and then others that a user may have.
var typeCases = map[string][]any{
	"Bool":                             {true, false},
	"Nullable(Bool)":                   {pointer(true), (*bool)(nil)},
	"Int16":                            {int16(math.MinInt16), int16(math.MaxInt16)},
	"Int32":                            {int32(math.MinInt32), int32(math.MaxInt32)},
	"Int64":                            {int64(math.MinInt64), int64(math.MaxInt64)},
	"Nullable(Int64)":                  {(*int64)(nil), pointer(int64(7))},
	"UInt8":                            {uint8(0), uint8(255)},
	"UInt64":                           {uint64(0), uint64(math.MaxUint64)},
	"Float32":                          {float32(0.1), float32(math.Inf(-1))},
	"Float64":                          {0.1, math.MaxFloat64, math.SmallestNonzeroFloat64},
	"Decimal(9, 3)":                    {decimal.RequireFromString("-999999.999")},
	"Decimal(18, 2)":                   {decimal.RequireFromString("9999999999999999.99")},
	"Decimal(38, 10)":                  {decimal.RequireFromString("-1234567890123456789012345678.0123456789")},
	"Decimal(76, 38)":                  {decimal.RequireFromString("12345678901234567890123456789012345678.5")},
	"Nullable(Decimal(12, 2))":         {pointer(decimal.RequireFromString("1.25")), (*decimal.Decimal)(nil)},
	"String":                           {"", "Zoë\x00\xff", strings.Repeat("long ", 1000)},
	"Nullable(String)":                 {(*string)(nil), pointer("")},
	"LowCardinality(String)":           {"a", "b", "a"},
	"LowCardinality(Nullable(String))": {pointer("a"), (*string)(nil)},
	"UUID":                             {uuid.MustParse("0f2e4d6c-8ba9-1c3e-5f70-8192a3b4c5d6")},
	"Date":                             {day(1970, 1, 1), day(2149, 6, 6)},
	"Date32":                           {day(1900, 1, 1), day(2299, 12, 31)},
	"Nullable(Date32)":                 {pointer(day(2024, 2, 29)), (*time.Time)(nil)},
	"DateTime('UTC')":                  {day(1970, 1, 1), day(2106, 1, 1)},
	"DateTime64(3, 'UTC')":             {day(2024, 2, 29).Add(time.Millisecond)},
	"DateTime64(6, 'UTC')":             {day(1900, 1, 1), day(2262, 4, 11).Add(time.Microsecond)},
	"Nullable(DateTime64(6, 'UTC'))":   {(*time.Time)(nil), pointer(day(1969, 12, 31).Add(time.Microsecond))},
	"Array(String)":                    {[]string{}, []string{"a", "", "c"}},
	"Array(Nullable(Int64))":           {[]*int64{nil, pointer(int64(1))}},
	"Array(Array(Int32))":              {[][]int32{{1, 2}, {}}},

	"Int8":                                {int8(-128)},
	"UInt16":                              {uint16(65535)},
	"UInt32":                              {uint32(math.MaxUint32)},
	"Int128":                              {new(big.Int).Lsh(big.NewInt(-1), 127)},
	"UInt256":                             {new(big.Int).Lsh(big.NewInt(1), 255)},
	"FixedString(3)":                      {"abc"},
	"Enum8('on' = 1, 'off' = 2)":          {"on", "off"},
	"IPv4":                                {net.IPv4(192, 0, 2, 1).To4()},
	"IPv6":                                {net.ParseIP("2001:db8::1")},
	"Map(String, Int64)":                  {map[string]int64{"a": 1}, map[string]int64{}},
	"Tuple(Int32, String)":                {[]any{int32(1), "x"}},
	"SimpleAggregateFunction(max, Int64)": {int64(3)},
}

func day(year int, month time.Month, day int) time.Time {
	return time.Date(year, month, day, 0, 0, 0, 0, time.UTC)
}

func TestTypes(t *testing.T) {
	t.Parallel()
	s := start(t)
	for name, values := range typeCases {
		t.Run(name, func(t *testing.T) {
			s.exec(t, "DROP TABLE IF EXISTS typed",
				"CREATE TABLE typed (n UInt8, v "+name+") ENGINE = MergeTree ORDER BY n")
			batch, err := s.conn.PrepareBatch(t.Context(), "INSERT INTO typed (n, v)")
			check(t, err)
			for n, value := range values {
				check(t, batch.Append(uint8(n), value))
			}
			check(t, batch.Send())
			rows, err := s.conn.Query(t.Context(), "SELECT v FROM typed ORDER BY n")
			check(t, err)
			defer func() { _ = rows.Close() }()
			got := 0
			for ; rows.Next(); got++ {
				target := reflect.New(rows.ColumnTypes()[0].ScanType())
				check(t, rows.Scan(target.Interface()))
				if got, want := show(target.Elem()), show(reflect.ValueOf(values[got])); got != want {
					t.Errorf("got %s, want %s", got, want)
				}
			}
			check(t, rows.Err())
			if got != len(values) {
				t.Errorf("got %d rows, want %d", got, len(values))
			}
		})
	}
}

// show makes values of the same meaning the same.
func show(v reflect.Value) string {
	for v.Kind() == reflect.Pointer || v.Kind() == reflect.Interface {
		if v.IsNil() {
			return "NULL"
		}
		if number, ok := v.Interface().(*big.Int); ok {
			return number.String()
		}
		v = v.Elem()
	}
	switch value := v.Interface().(type) {
	case time.Time:
		return value.UTC().Format(time.RFC3339Nano)
	case decimal.Decimal:
		return value.String()
	case fmt.Stringer:
		return value.String()
	}
	if v.Kind() != reflect.Slice {
		return fmt.Sprintf("%v", v.Interface())
	}
	var items []string
	for i := range v.Len() {
		items = append(items, show(v.Index(i)))
	}
	return fmt.Sprintf("%d of %q", len(items), items)
}

// TestTypesWithoutFixedShape reads what a rewriting of blocks would break.
func TestTypesWithoutFixedShape(t *testing.T) {
	t.Parallel()
	s := start(t)
	s.exec(t,
		"CREATE TABLE shapes (n UInt8, j JSON, d Dynamic, v Variant(Int64, String)) ENGINE = MergeTree ORDER BY n",
		`INSERT INTO shapes VALUES (1, '{"a": {"b": [1, 2]}, "c": "x"}', 7, 'text'), (2, '{}', NULL, 8)`)
	rows, err := s.conn.Query(t.Context(), "SELECT j, d, v FROM shapes ORDER BY n")
	check(t, err)
	defer func() { _ = rows.Close() }()
	var got []string
	for rows.Next() {
		var j clickhouse.JSON
		var d clickhouse.Dynamic
		var v clickhouse.Variant
		check(t, rows.Scan(&j, &d, &v))
		text, err := j.MarshalJSON()
		check(t, err)
		got = append(got, fmt.Sprintf("%s %v %v", text, d.Any(), v.Any()))
	}
	check(t, rows.Err())
	want := []string{`{"a":{"b":[1,2]},"c":"x"} 7 text`, `{} <nil> 8`}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got %q\nwant %q", got, want)
	}
}
