package sourcetest

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/chferry/chferry"
	"github.com/chferry/chferry/rowset"
)

// sample is a type with values of it, as a source must give them back.
type sample struct {
	rowset.Type
	values []string
}

// allBytes are the 256 bytes.
func allBytes() string {
	b := make([]byte, 256)
	for i := range b {
		b[i] = byte(i)
	}
	return string(b)
}

// samples are values that every database can hold, up to the edges of what all of them can.
var samples = []sample{
	{rowset.Type{Kind: rowset.Bool}, []string{"true", "false"}},
	{rowset.Type{Kind: rowset.Int16}, []string{"0", "-32768", "32767"}},
	{rowset.Type{Kind: rowset.Int32}, []string{"0", "-2147483648", "2147483647"}},
	{rowset.Type{Kind: rowset.Int64}, []string{"0", "-1", "-9223372036854775808", "9223372036854775807"}},
	{rowset.Type{Kind: rowset.Uint8}, []string{"0", "255"}},
	{rowset.Type{Kind: rowset.Uint64}, []string{"0", "18446744073709551615"}},
	{rowset.Type{Kind: rowset.Float32}, []string{"0", "-0.25", "1.5", "1.6777216e+07"}},
	{rowset.Type{Kind: rowset.Float64}, []string{"0", "0.1", "-1.7976931348623157e+308", "2.2250738585072014e-308"}},
	{
		rowset.Type{Kind: rowset.Decimal, Precision: 12, Scale: 2},
		[]string{"0.00", "-0.01", "12.50", "9999999999.99", "-9999999999.99"},
	},
	{
		rowset.Type{Kind: rowset.Decimal, Precision: 38, Scale: 0},
		[]string{"0", strings.Repeat("9", 38), "-" + strings.Repeat("9", 38)},
	},
	{rowset.Type{Kind: rowset.String}, []string{
		"", " ", "a", "A", "O'Reilly \"quoted\" `ticked`", `back\slash \n`, "line\nbreak\r\ttab\x01", "naïve Straße",
		"日本語", "🚢⛴\U0010FFFF", strings.Repeat("long ", 100_000),
	}},
	{rowset.Type{Kind: rowset.Bytes}, []string{"", "\x00", "plain", allBytes()}},
	{rowset.Type{Kind: rowset.UUID}, []string{
		"00000000-0000-0000-0000-000000000000", "ffffffff-ffff-ffff-ffff-ffffffffffff",
		"0f2e4d6c-8ba9-1c3e-5f70-8192a3b4c5d6",
	}},
	{rowset.Type{Kind: rowset.Date}, []string{"1970-01-01", "1969-12-31", "2000-02-29", "1000-01-01", "9999-12-31"}},
	{rowset.Type{Kind: rowset.Timestamp}, []string{
		"1970-01-01 00:00:00", "1969-12-31 23:59:59.999999", "2024-02-29 12:34:56.789012", "1000-01-01 00:00:00",
		"9999-12-31 23:59:59.999999",
	}},
}

// known are the samples of types that the database has.
func (s *suite) known() []sample {
	return slices.DeleteFunc(slices.Clone(samples), func(of sample) bool { return s.Type(of.Type) == "" })
}

// testFetchValues stores each sample's values and a null, and reads them back.
func testFetchValues(t *testing.T, s *suite) {
	for i, of := range s.known() {
		name := fmt.Sprintf("values_%d", i)
		of.Nullable = true
		columns := []column{{"id", rowset.Type{Kind: rowset.Int64}}, {"value", of.Type}}
		s.create(t, name, columns, "id")
		var rows [][]string
		var pks []chferry.PrimaryKey
		for n, value := range append(of.values, null) {
			id := fmt.Sprint(n)
			rows, pks = append(rows, []string{id, value}), append(pks, chferry.PrimaryKey{id})
		}
		s.insert(t, name, columns, rows...)

		got := s.fetch(t, s.describe(t, name), pks...)
		for n, want := range rows {
			if !slices.Equal(got[n], want) {
				t.Errorf("%s: got %.80q, want %.80q", s.Type(of.Type), got[n], want)
			}
		}
	}
}
