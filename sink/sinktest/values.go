package sinktest

import (
	"strconv"
	"strings"
	"testing"

	"github.com/chferry/chferry/rowset"
)

// sample is a type with some of its values.
type sample struct {
	rowset.Type
	values []string
}

// samples are values that every server can hold.
var samples = []sample{
	{rowset.Type{Kind: rowset.Bool}, []string{"true", "false"}},
	{rowset.Type{Kind: rowset.Int16}, []string{"0", "-32768", "32767"}},
	{rowset.Type{Kind: rowset.Int32}, []string{"0", "-2147483648", "2147483647"}},
	{rowset.Type{Kind: rowset.Int64}, []string{"0", "-1", "-9223372036854775808", "9223372036854775807"}},
	{rowset.Type{Kind: rowset.Uint8}, []string{"0", "255"}},
	{rowset.Type{Kind: rowset.Uint64}, []string{"0", "9223372036854775808", "18446744073709551615"}},
	{rowset.Type{Kind: rowset.Float32}, []string{"0", "-0.25", "1.1", "3.4028235e+38", "1e-45", "NaN", "+Inf", "-Inf"}},
	{rowset.Type{Kind: rowset.Float64}, []string{
		"0", "0.1", "-1.7976931348623157e+308", "5e-324", "2.2250738585072014e-308", "-0", "9.007199254740992e+15",
		"NaN", "+Inf", "-Inf",
	}},
	{rowset.Type{Kind: rowset.Decimal, Precision: 9, Scale: 9}, []string{"0.000000000", "-0.999999999", "0.000000001"}},
	{
		rowset.Type{Kind: rowset.Decimal, Precision: 12, Scale: 2},
		[]string{"0.00", "-0.01", "12.50", "9999999999.99", "-9999999999.99"},
	},
	{
		rowset.Type{Kind: rowset.Decimal, Precision: 38, Scale: 0},
		[]string{"0", strings.Repeat("9", 38), "-" + strings.Repeat("9", 38)},
	},
	{
		rowset.Type{Kind: rowset.Decimal, Precision: 38, Scale: 20},
		[]string{"-1.00000000000000000001", "123456789012345678.00000000000000000009"},
	},
	{rowset.Type{Kind: rowset.Decimal, Precision: 90, Scale: 1}, []string{"0.0", strings.Repeat("9", 89) + ".9"}},
	{rowset.Type{Kind: rowset.String}, []string{
		"", " ", "a", "A", "O'Reilly \"quoted\" `ticked`", `back\slash \n`, "line\nbreak\r\ttab\x01", "naïve Straße",
		"日本語", "🚢⛴\U0010FFFF", strings.Repeat("long ", 100_000),
	}},
	{rowset.Type{Kind: rowset.Bytes}, []string{"", "\x00", "plain", "\xff\xfe\x00\x01\x80"}},
	{rowset.Type{Kind: rowset.UUID}, []string{
		"00000000-0000-0000-0000-000000000000", "ffffffff-ffff-ffff-ffff-ffffffffffff",
		"0f2e4d6c-8ba9-1c3e-5f70-8192a3b4c5d6",
	}},
	{rowset.Type{Kind: rowset.Date}, []string{"1970-01-01", "2000-02-29", "2106-02-07"}},
	{
		rowset.Type{Kind: rowset.Timestamp},
		[]string{"1970-01-01 00:00:00", "2024-02-29 12:34:56", "2105-12-31 23:59:59"},
	},
	{rowset.Type{Kind: rowset.Enum}, []string{"", "happy", "very sad", "it's", "happy"}},
	{arrayOf(rowset.Bool, 1), []string{"[]", "[true false]", "[NULL true]"}},
	{arrayOf(rowset.Int32, 1), []string{"[]", "[1 -2 NULL]"}},
	{arrayOf(rowset.Int64, 2), []string{"[]", "[[]]", "[[1 2] [] [3]]", "[[NULL]]"}},
	{arrayOf(rowset.Float64, 1), []string{"[0.1 NaN -Inf]"}},
	{arrayOf(rowset.String, 1), []string{"[]", "[a NULL é]"}},
	{arrayOf(rowset.String, 3), []string{"[]", "[[[a] [b]] [[NULL c]]]"}},
	{arrayOf(rowset.Bytes, 1), []string{"[\xff\x00]"}},
	{arrayOf(rowset.UUID, 1), []string{"[0f2e4d6c-8ba9-1c3e-5f70-8192a3b4c5d6 NULL]"}},
	{arrayOf(rowset.Date, 1), []string{"[2024-02-29 NULL]"}},
	{arrayOf(rowset.Timestamp, 2), []string{"[[2024-02-29T12:34:56 NULL]]"}},
	{
		rowset.Type{
			Kind: rowset.Array, Element: rowset.Decimal, Dimensions: 1, Precision: 12, Scale: 2, Nullable: true,
		},
		[]string{"[12.50 NULL -0.01]"},
	},
}

// arrayOf is an array of values, nulls too.
func arrayOf(element rowset.TypeKind, dimensions int) rowset.Type {
	return rowset.Type{Kind: rowset.Array, Element: element, Dimensions: dimensions, Nullable: true}
}

// testValues writes every sample into a plain and a nullable column of its type.
func testValues(t *testing.T, s *suite) {
	for i, sample := range samples {
		d := destination("values"+strconv.Itoa(i), []string{"id"},
			column("id", int64Type), column("plain", sample.Type), column("nullable", nullable(sample.Type)))
		s.create(t, d)
		var rows [][]string
		for j, value := range sample.values {
			rows = append(rows, []string{strconv.Itoa(100 + j), value, value})
		}
		s.insert(t, d, 1, rows...)
		s.holds(t, d, rows...)
	}
}

// testNulls writes nulls, and empty arrays, between values in columns of every type.
func testNulls(t *testing.T, s *suite) {
	columns := []rowset.Column{column("id", int64Type)}
	first, second, third := []string{"1"}, []string{"2"}, []string{"3"}
	for i, sample := range samples {
		columns = append(columns, column("c"+strconv.Itoa(i), nullable(sample.Type)))
		value := sample.values[len(sample.values)-1]
		absent := null
		if sample.Kind == rowset.Array {
			absent = "[]"
		}
		first, second, third = append(first, absent), append(second, value), append(third, absent)
	}
	d := destination("nulls", []string{"id"}, columns...)
	s.create(t, d)
	s.insert(t, d, 1, first, second, third)
	s.holds(t, d, first, second, third)
}
