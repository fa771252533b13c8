package clickhouse_test

import (
	"math"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/chferry/chferry"
	"github.com/chferry/chferry/rowset"
	"github.com/chferry/chferry/sink/clickhouse"
)

func cast(c rowset.Column, to string) rowset.Column {
	c.Cast = to
	return c
}

func kindOf(k rowset.TypeKind) rowset.Type { return rowset.Type{Kind: k} }

// TestCasts has what a cast makes of a column on two servers, and what it can't make.
func TestCasts(t *testing.T) {
	t.Parallel()
	const old, modern = "18.16.1", "26.3"
	for _, test := range []struct {
		server string
		of     rowset.Type
		to     string
		want   string // empty: refused
	}{
		{old, kindOf(rowset.Int64), "String", "String"},
		{old, nullable(kindOf(rowset.Float64)), "String", "Nullable(String)"},
		{old, kindOf(rowset.String), "LowCardinality(String)", ""},
		{modern, kindOf(rowset.String), "LowCardinality(String)", "LowCardinality(String)"},
		{modern, nullable(kindOf(rowset.Int16)), "LowCardinality(String)", "LowCardinality(Nullable(String))"},
		{
			modern, nullable(kindOf(rowset.Int16)), "LowCardinality(Nullable(String))",
			"LowCardinality(Nullable(String))",
		},
		{modern, kindOf(rowset.Int64), "LowCardinality(Int64)", ""},
		{old, kindOf(rowset.Int16), "Int64", "Int64"},
		{old, kindOf(rowset.Int64), "UInt8", "UInt8"},
		{modern, kindOf(rowset.Bool), "UInt8", "UInt8"},
		{modern, kindOf(rowset.Enum), "Int64", ""},
		{modern, kindOf(rowset.String), "Int64", "Int64"},
		{modern, decimalOf(12, 2), "UInt32", "UInt32"},
		{modern, kindOf(rowset.Float64), "Int64", ""},
		{modern, kindOf(rowset.Int64), "Int128", ""},
		{modern, kindOf(rowset.Int64), "Float64", ""},
		{modern, kindOf(rowset.Float32), "Float64", "Float64"},
		{modern, kindOf(rowset.Float64), "Float32", ""},
		{modern, nullable(kindOf(rowset.String)), "Decimal(76, 38)", "Nullable(Decimal(76, 38))"},
		{old, kindOf(rowset.String), "Decimal(76, 38)", ""},
		{old, kindOf(rowset.String), "Decimal(38, 10)", "Decimal(38, 10)"},
		{modern, kindOf(rowset.Int32), "Decimal(9, 2)", "Decimal(9, 2)"},
		{modern, kindOf(rowset.Bool), "Decimal(9, 2)", ""},
		{modern, kindOf(rowset.String), "Decimal(9)", ""},
		{modern, kindOf(rowset.String), "Decimal(2, 9)", ""},
		{modern, kindOf(rowset.Timestamp), "DateTime", "DateTime('UTC')"},
		{modern, kindOf(rowset.Timestamp), "DateTime('Europe/Berlin')", "DateTime('Europe/Berlin')"},
		{modern, kindOf(rowset.Timestamp), "DateTime64(3)", "DateTime64(3, 'UTC')"},
		{
			modern, nullable(kindOf(rowset.Timestamp)), "DateTime64(9, 'Asia/Tokyo')",
			"Nullable(DateTime64(9, 'Asia/Tokyo'))",
		},
		{modern, kindOf(rowset.Timestamp), "DateTime64(10)", ""},
		{old, kindOf(rowset.Timestamp), "DateTime64(6)", ""},
		{old, kindOf(rowset.Timestamp), "String", "String"},
		{modern, kindOf(rowset.Timestamp), "Date", ""},
		{modern, kindOf(rowset.Date), "Date", "Date"},
		{modern, kindOf(rowset.Date), "DateTime", ""},
		{old, kindOf(rowset.Date), "Date32", ""},
		{modern, arrayOf(rowset.Int32, 2), "Array(Array(Int64))", "Array(Array(Int64))"},
		{modern, arrayOf(rowset.Int32, 1), "Array(Nullable(String))", "Array(Nullable(String))"},
		{modern, arrayOf(rowset.Int32, 1), "Array(Array(Int64))", ""},
		{modern, arrayOf(rowset.Int32, 1), "String", ""},
		{modern, arrayOf(rowset.String, 1), "Array(LowCardinality(String))", ""},
		{modern, kindOf(rowset.String), "JSON", ""},
		{modern, kindOf(rowset.String), "String) ENGINE = Memory --", ""},
		{modern, kindOf(rowset.String), "Nullable(String", ""},
		{modern, kindOf(rowset.String), "", "String"},
	} {
		d := destination("users", []string{"id"}, column("id", int64Type), cast(column("c", test.of), test.to))
		err := clickhouse.CheckDestination(test.server, d)
		if (err == nil) != (test.want != "") || err != nil &&
			(chferry.CodeOf(err) != chferry.CodeConfiguration || !strings.Contains(err.Error(), `"c"`)) {
			t.Errorf("%s: %+v to %s: got %v, want %q", test.server, test.of, test.to, err, test.want)
			continue
		}
		if err == nil {
			sql, err := clickhouse.CreateTable(test.server, d)
			if err != nil || !strings.Contains(sql, "\n    `c` "+test.want+",\n") {
				t.Errorf("%s: %+v to %s: got %s, %v, want %s", test.server, test.of, test.to, sql, err, test.want)
			}
		}
	}
}

// TestCastsOfKeys allows what maps one to one.
func TestCastsOfKeys(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		of       rowset.TypeKind
		typeName string
		to       string
		want     bool
	}{
		{rowset.Int32, "", "Int64", true},
		{rowset.Int64, "", "Int32", true}, // what is beyond it is set aside
		{rowset.Int64, "", "String", true},
		{rowset.Int64, "", "Nullable(Int64)", false},
		{rowset.Date, "", "Date", false},
		{rowset.Timestamp, "", "DateTime", false},
		{rowset.Timestamp, "", "DateTime64(3)", false},
		{rowset.Timestamp, "", "DateTime64(9)", true},
		{rowset.String, "text", "Int64", false}, // 7 and 007 are two keys
		{rowset.String, "character varying(20)", "Decimal(20, 4)", false},
		{rowset.String, "citext", "UInt64", false},
		{rowset.String, "TEXT", "Int64", false},
		{rowset.String, "numeric", "Int64", true}, // 1.50 and 1.5 are one text
		{rowset.String, "numeric(80,2)", "Decimal(76, 2)", true},
		{rowset.Decimal, "numeric(10,2)", "Int64", true},
	} {
		c := cast(column("c", kindOf(test.of)), test.to)
		c.SourceType = test.typeName
		d := destination("users", []string{"c"}, c)
		if err := clickhouse.CheckDestination("26.3", d); (err == nil) != test.want {
			t.Errorf("%s (%s) to %s in a key: got %v, want it allowed: %v",
				test.of, test.typeName, test.to, err, test.want)
		}
	}
}

// TestCastsOfValues inserts values at the ends of what a cast holds, and beyond.
func TestCastsOfValues(t *testing.T) { onServers(t, testCastsOfValues) }

func testCastsOfValues(t *testing.T, s *server) {
	for i, test := range []struct {
		of   rowset.Type
		to   string
		held map[string]string
		not  []string
	}{
		{
			kindOf(rowset.Int64), "String",
			map[string]string{"-9223372036854775808": "-9223372036854775808", "0": "0"},
			nil,
		},
		{kindOf(rowset.Bool), "String", map[string]string{"1": "true", "0": "false"}, nil},
		{
			kindOf(rowset.Float64), "String",
			map[string]string{"0.1": "0.1", "1e300": "1e+300", "NaN": "NaN", "-Inf": "-Infinity"},
			nil,
		},
		{kindOf(rowset.Float32), "String", map[string]string{"0.1": "0.1", "+Inf": "Infinity"}, nil},
		{decimalOf(12, 2), "String", map[string]string{"12.50": "12.50", "NaN": "NaN"}, nil},
		{
			kindOf(rowset.Int64), "Int8",
			map[string]string{"-128": "-128", "127": "127"},
			[]string{"-129", "128", "9223372036854775807"},
		},
		{kindOf(rowset.Int64), "UInt8", map[string]string{"0": "0", "255": "255"}, []string{"-1", "256"}},
		{
			kindOf(rowset.Int64), "UInt64",
			map[string]string{"9223372036854775807": "9223372036854775807"},
			[]string{"-1"},
		},
		{kindOf(rowset.Int16), "Int64", map[string]string{"-32768": "-32768"}, nil},
		{
			decimalOf(12, 2), "Int16",
			map[string]string{"32767.00": "32767", "-32768": "-32768"},
			[]string{"32768", "0.50", "NaN"},
		},
		{
			stringType, "UInt64",
			map[string]string{"18446744073709551615": "18446744073709551615"},
			[]string{"-1", "1.5", "", "ten", "Infinity"},
		},
		{
			stringType, "Int64",
			map[string]string{"-9223372036854775808": "-9223372036854775808"},
			[]string{"9223372036854775808", "1e3"},
		},
		{
			stringType, "Decimal(38, 2)",
			map[string]string{"1": "1.00", "-0.10": "-0.10", "1.500": "1.50"},
			[]string{"1.001", "NaN", "Infinity", "", "1e5", strings.Repeat("9", 37)},
		},
		{
			kindOf(rowset.Int64), "Decimal(18, 2)",
			map[string]string{"-9999999999999999": "-9999999999999999.00"},
			[]string{"10000000000000000"},
		},
		{kindOf(rowset.Timestamp), "String", map[string]string{"2024-02-29 12:00:00": "2024-02-29 12:00:00"}, nil},
	} {
		name := "casts" + strconv.Itoa(i)
		d := destination(name, []string{"id"}, column("id", int64Type), cast(column("c", test.of), test.to),
			cast(column("n", nullable(test.of)), test.to))
		s.create(t, d)
		var values []string
		for value := range test.held {
			values = append(values, value)
		}
		slices.Sort(values)
		held := len(values)
		values = append(values, test.not...)
		b := rowsOf(d, len(values), 1, func(row int, v []rowset.Vector) {
			appendValue(t, &v[0], values[row])
			appendValue(t, &v[1], values[row])
		})
		last := len(b.Vectors) - 1
		for c, n := range []int64{int64(len(values) + 1), 0, 0, 1, 1} { // a tombstone, whose other values are none
			if c == 0 || c >= last-1 {
				b.Vectors[c].AppendInt(n)
			} else {
				b.Vectors[c].AppendDefault()
			}
		}
		rejected, err := s.Insert(t.Context(), d, b, "casts")
		if err != nil {
			t.Fatalf("%s to %s: %v", test.of.Kind, test.to, err)
		}
		for r := range rejected {
			if reason := rejected[r].Reason; rejected[r].Row != held+r || !strings.Contains(reason, `"c"`) ||
				!strings.HasSuffix(reason, ": a table that is made anew with columns.cast: {c: String} holds it") {
				t.Errorf("%s to %s: rejected %v, want rows from %d on", test.of.Kind, test.to, rejected[r], held)
			}
		}
		if len(rejected) != len(test.not) {
			t.Errorf("%s to %s: rejected %v, want %d rows", test.of.Kind, test.to, rejected, len(test.not))
		}
		text := "toString(c), toString(assumeNotNull(n))"
		got := s.rows(t, "SELECT "+text+" FROM "+s.database+"."+name+"_current ORDER BY id",
			[]rowset.TypeKind{rowset.String, rowset.String})
		for row, value := range values[:held] {
			want := test.held[value]
			if fixed := strings.HasPrefix(test.to, "Decimal"); row >= len(got) ||
				normal(got[row][0], fixed) != normal(want, fixed) || got[row][0] != got[row][1] {
				t.Errorf("%s to %s: %s became %v, want %s", test.of.Kind, test.to, value, got, want)
			}
		}
		if len(got) != held {
			t.Errorf("%s to %s: got %d rows, want %d", test.of.Kind, test.to, len(got), held)
		}
	}
}

// normal drops zeros at the end of a fraction, which servers of today leave out.
func normal(text string, fixed bool) string {
	if fixed && strings.Contains(text, ".") {
		return strings.TrimRight(strings.TrimRight(text, "0"), ".")
	}
	return text
}

func appendValue(t *testing.T, v *rowset.Vector, text string) {
	t.Helper()
	switch v.Type.Kind {
	case rowset.Float32, rowset.Float64:
		n, err := strconv.ParseFloat(text, 64)
		if err != nil {
			t.Fatal(err)
		}
		if v.Type.Kind == rowset.Float32 {
			n = float64(float32(n))
		}
		v.AppendFloat(n)
	case rowset.String, rowset.Decimal:
		v.AppendData([]byte(text))
	default:
		one := []rowset.Vector{*v}
		if err := rowset.AppendPrimaryKey(one, chferry.PrimaryKey{text}); err != nil {
			t.Fatal(err)
		}
		*v = one[0]
	}
}

// TestCastTimes cuts off digits towards the past, on either side of 1970, and clamps.
func TestCastTimes(t *testing.T) {
	t.Parallel()
	v := ints(rowset.Timestamp, -1, 1_999_999, -1_000_001, math.MaxInt64, micros(t, "1000-01-01 00:00:00"))
	for to, want := range map[string][]int64{
		"DateTime64(3, 'UTC')": {
			-1, 1999, -1001, micros(t, "2299-12-31 23:59:59.999") / 1000,
			micros(t, "1900-01-01 00:00:00") / 1000,
		},
		"DateTime64(0)": {
			-1, 1, -2, micros(t, "2299-12-31 23:59:59") / 1_000_000,
			micros(t, "1900-01-01 00:00:00") / 1_000_000,
		},
		"DateTime('UTC')": {0, 1, 0, micros(t, "2105-12-31 23:59:59") / 1_000_000, 0},
	} {
		wire, unfit, err := clickhouse.Encode("26.3", to, v, false)
		if err != nil || len(unfit) > 0 {
			t.Fatalf("%s: unfit %v, %v", to, unfit, err)
		}
		for i := range want {
			if got := tick(wire, i, v.Len()); got != want[i] {
				t.Errorf("%s: value %d became %d, want %d", to, i, got, want[i])
			}
		}
	}
}

// TestCastsAndTables: a table that exists must have what the cast asks for.
func TestCastsAndTables(t *testing.T) {
	t.Parallel()
	for existing, want := range map[string]bool{
		"DateTime64(3, 'UTC')": true, "DateTime64(3, 'Asia/Tokyo')": true, "Nullable(DateTime64(3))": true,
		"DateTime64(6, 'UTC')": false, "String": false,
	} {
		d := destination("users", []string{"id"}, column("id", int64Type),
			cast(column("c", kindOf(rowset.Timestamp)), "DateTime64(3)"))
		columns := map[string]string{"id": "Int64", "c": existing, "_version": "UInt64", "_is_deleted": "UInt8"}
		err := clickhouse.Fits("26.3", "ReplacingMergeTree", "ReplacingMergeTree(_version, _is_deleted)", "id", "",
			columns, d)
		if (err == nil) != want || err != nil &&
			!strings.Contains(err.Error(), "columns.cast asks for DateTime64(3, 'UTC')") {
			t.Errorf("%s: got %v, want it to fit: %v", existing, err, want)
		}
	}
	for existing, want := range map[string]bool{
		"Array(String)": true, "Array(Nullable(String))": true,
		"Array(LowCardinality(String))": false,
	} {
		d := destination("users", []string{"id"}, column("id", int64Type),
			cast(column("c", arrayOf(rowset.String, 1)), "Array(String)"))
		columns := map[string]string{"id": "Int64", "c": existing, "_version": "UInt64", "_is_deleted": "UInt8"}
		err := clickhouse.Fits("26.3", "ReplacingMergeTree", "ReplacingMergeTree(_version, _is_deleted)", "id", "",
			columns, d)
		if (err == nil) != want {
			t.Errorf("%s: got %v, want it to fit: %v", existing, err, want)
		}
	}
}

// TestCastsOfNoNumbers refuses casts to numbers of columns that come as texts and whose texts are
// none, or look like one and are not: 00000101 of a bit(8) is 5.
func TestCastsOfNoNumbers(t *testing.T) {
	t.Parallel()
	for sourceType, allowed := range map[string]bool{
		"bit(8)": false, "bit varying(8)": false, "money": false, "interval": false, "time without time zone": false,
		"time(3) with time zone": false, "inet": false, "cidr": false, "macaddr": false, "int4range": false,
		"point": false, "tsvector": false, "pg_lsn": false, "xml": false, "hstore": false, "public.hstore": false,
		"shop.price": false, `"Price"`: false, "bytes": false, "timestamp": false,
		"text": true, "character varying(20)": true, "character varying": true, "character(4)": true,
		"citext": true, "public.citext": true, "name": true, `"char"`: true, "numeric": true,
		"numeric(100,2)": true, "json": true, "jsonb": true, "": true, "no declared type": true, "TEXT": true,
		"VARCHAR(20)": true, "NUMERIC": true, "varchar(20)": true, "MONEY": true,
	} {
		for _, to := range []string{"UInt8", "Int64", "Decimal(19, 2)"} {
			for _, array := range []string{"", "[]", "[][]"} {
				c := column("c", stringType)
				c.SourceType, c.Cast = sourceType+array, to
				if dimensions := len(array) / 2; dimensions > 0 {
					c.Type = arrayOf(rowset.String, dimensions)
					c.Cast = strings.Repeat("Array(", dimensions) + to + strings.Repeat(")", dimensions)
				}
				err := clickhouse.CheckDestination("26.3",
					destination("users", []string{"id"}, column("id", int64Type), c))
				if (err == nil) != allowed || err != nil && (chferry.CodeOf(err) != chferry.CodeConfiguration ||
					!strings.Contains(err.Error(), `"c"`) || !strings.Contains(err.Error(), sourceType) ||
					!strings.Contains(err.Error(), "leave the cast out")) {
					t.Errorf("%s to %s: got %v, want it allowed: %v", c.SourceType, c.Cast, err, allowed)
				}
			}
		}
		c := column("c", stringType)
		c.SourceType, c.Cast = sourceType, "String"
		if err := clickhouse.CheckDestination("26.3",
			destination("users", []string{"id"}, column("id", int64Type), c)); err != nil {
			t.Errorf("%s to String: %v", sourceType, err)
		}
	}
}
