package clickhouse_test

import (
	"bytes"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/chferry/chferry/internal/testenv"
	"github.com/chferry/chferry/rowset"
	"github.com/chferry/chferry/sink"
)

// edges are values of a type on their way into a column: those that it holds as they are, those
// that it clamps or cuts, and those that set their row aside.
type edges struct {
	of                    rowset.Type
	to                    string // the cast; empty: what apply creates
	exact, changed, unfit []string
}

var (
	nines = strings.Repeat("9", 38)
	zero  = "00000000-0000-0000-0000-000000000000"
)

var allEdges = []edges{
	{kindOf(rowset.Bool), "", []string{"t", "f"}, nil, nil},
	{kindOf(rowset.Bool), "UInt8", []string{"t", "f"}, nil, nil},
	{kindOf(rowset.Int16), "", []string{"0", "-32768", "32767"}, nil, nil},
	{kindOf(rowset.Int32), "", []string{"-2147483648", "2147483647"}, nil, nil},
	{kindOf(rowset.Int64), "", []string{"-9223372036854775808", "9223372036854775807"}, nil, nil},
	{kindOf(rowset.Uint8), "", []string{"0", "255"}, nil, nil},
	{kindOf(rowset.Uint64), "", []string{"0", "18446744073709551615"}, nil, nil},
	{kindOf(rowset.Int64), "Int8", []string{"-128", "127"}, nil, []string{"-129", "128"}},
	{kindOf(rowset.Int64), "UInt16", []string{"0", "65535"}, nil, []string{"-1", "65536"}},
	{kindOf(rowset.Int64), "UInt32", []string{"4294967295"}, nil, []string{"4294967296"}},
	{kindOf(rowset.Int64), "UInt64", []string{"9223372036854775807"}, nil, []string{"-1"}},
	{kindOf(rowset.Uint64), "Int64", []string{"9223372036854775807"}, nil, []string{"9223372036854775808"}},
	{decimalOf(12, 2), "Int32", []string{"-2147483648.00", "7"}, nil, []string{"0.50", "2147483648", "NaN"}},
	{stringType, "UInt64", []string{"18446744073709551615", "007", "7.0"}, nil, []string{"", "-1", "ten"}},
	{
		kindOf(rowset.Float32), "",
		[]string{"0", "-0", "3.4028234663852886e+38", "1.401298464324817e-45", "NaN", "+Inf", "-Inf"},
		nil, nil,
	},
	{
		kindOf(rowset.Float64), "",
		[]string{"-0", "0.1", "-1.7976931348623157e+308", "5e-324", "NaN", "+Inf", "-Inf"},
		nil, nil,
	},
	{kindOf(rowset.Float32), "Float64", []string{"0.10000000149011612"}, nil, nil},
	{kindOf(rowset.Float64), "String", []string{"1e+100", "NaN", "-Inf"}, nil, nil},
	{
		decimalOf(9, 9), "",
		[]string{"0.999999999", "-.1", "-0.000000001", "-0.0"},
		nil,
		[]string{"1.0", "0.0000000001"},
	},
	{
		decimalOf(12, 2), "",
		[]string{"0.00", "9999999999.99", "-9999999999.99", "007.5", "-12", "3."},
		nil,
		[]string{"10000000000", "NaN", "Infinity"},
	},
	{decimalOf(38, 0), "", []string{nines, "-" + nines, "-0", "1.0", "3."}, nil, []string{nines + "0"}},
	{decimalOf(76, 38), "", []string{nines + "." + nines, "-" + nines + "." + nines, "1"}, nil, nil},
	{decimalOf(90, 1), "", []string{nines + ".9", "NaN", "1"}, nil, nil},
	{
		kindOf(rowset.Int64), "Decimal(18, 2)",
		[]string{"-9999999999999999", "0"},
		nil,
		[]string{"10000000000000000"},
	},
	{kindOf(rowset.Uint64), "Decimal(38, 2)", []string{"18446744073709551615"}, nil, nil},
	{stringType, "Decimal(38, 2)", []string{"1.500", "-0.10"}, nil, []string{"1.001", "1e5", ""}},
	{stringType, "", []string{"", "a\x00\n'\"\\", "日本語", strings.Repeat("long ", 1000)}, nil, nil},
	{stringType, "LowCardinality(String)", []string{"", "a", "b", "a"}, nil, nil},
	{kindOf(rowset.Enum), "", []string{"happy", "", "very sad", "happy"}, nil, nil},
	{kindOf(rowset.Bytes), "", []string{`\x`, `\x00fffe0a`}, nil, nil},
	{kindOf(rowset.UUID), "", []string{zero, "0f2e4d6c-8ba9-1c3e-5f70-8192a3b4c5d6"}, nil, nil},
	{kindOf(rowset.UUID), "String", []string{"0f2e4d6c-8ba9-1c3e-5f70-8192a3b4c5d6"}, nil, nil},
	{
		kindOf(rowset.Date), "",
		[]string{"1900-01-01", "1970-01-01", "2299-12-31"},
		[]string{"1899-12-31", "2300-01-01", "0044-03-15 BC", "infinity"},
		nil,
	},
	{
		kindOf(rowset.Date), "Date",
		[]string{"1970-01-01", "2106-02-07"},
		[]string{"1969-12-31", "2106-02-08", "-infinity"},
		nil,
	},
	{kindOf(rowset.Date), "String", []string{"0044-03-15 BC", "12000-01-01", "infinity"}, nil, nil},
	{
		kindOf(rowset.Timestamp), "",
		[]string{"1900-01-01 00:00:00", "1969-12-31 23:59:59.999999", "2299-12-31 23:59:59.999999"},
		[]string{"1899-12-31 23:59:59.999999", "2300-01-01 00:00:00", "infinity", "-infinity"},
		nil,
	},
	{
		kindOf(rowset.Timestamp), "DateTime64(9)",
		[]string{"1900-01-01 00:00:00", "2262-04-11 23:47:16.854775"},
		[]string{"2262-04-11 23:47:16.854776", "infinity"},
		nil,
	},
	{
		kindOf(rowset.Timestamp), "DateTime64(3, 'Asia/Tokyo')",
		[]string{"1969-12-31 23:59:59.999", "2299-12-31 23:59:59.999"},
		[]string{"1969-12-31 23:59:59.998001", "2299-12-31 23:59:59.999999", "-infinity"},
		nil,
	},
	{
		kindOf(rowset.Timestamp), "DateTime64(0)",
		[]string{"1900-01-01 00:00:00"},
		[]string{"1969-12-31 23:59:59.5", "2300-01-01 00:00:00"},
		nil,
	},
	{
		kindOf(rowset.Timestamp), "DateTime('Europe/Berlin')",
		[]string{"1970-01-01 00:00:00", "2105-12-31 23:59:59"},
		[]string{"1969-12-31 23:59:59", "2024-02-29 12:00:00.999999", "2106-01-01 00:00:00"},
		nil,
	},
	{kindOf(rowset.Timestamp), "String", []string{"0044-03-15 12:00:00.5 BC", "-infinity"}, nil, nil},
}

// destination has columns of the type: c, n that may be null, and a and aa of arrays, but of what is in no array.
func (e edges) destination(table string) sink.Destination {
	columns := []rowset.Column{
		column("id", int64Type), cast(column("c", e.of), e.to), cast(column("n", nullable(e.of)), e.to),
	}
	if e.of.Kind == rowset.Enum || strings.HasPrefix(e.to, "LowCardinality") {
		return destination(table, []string{"id"}, columns...)
	}
	for dimensions := range 2 {
		array := rowset.Type{
			Kind: rowset.Array, Element: e.of.Kind, Precision: e.of.Precision, Scale: e.of.Scale, Nullable: true,
			Dimensions: dimensions + 1,
		}
		c := column(strings.Repeat("a", dimensions+1), array)
		if e.to != "" {
			c.Cast = strings.Repeat("Array(", dimensions+1) + "Nullable(" + e.to + ")" +
				strings.Repeat(")", dimensions+1)
		}
		columns = append(columns, c)
	}
	return destination(table, []string{"id"}, columns...)
}

// block has a row for each value, and one of nulls, whose plain column has the first value.
func (e edges) block(t *testing.T, d sink.Destination) rowset.Block {
	t.Helper()
	values := slices.Concat(e.exact, e.changed, e.unfit)
	return rowsOf(d, len(values)+1, 1, func(row int, v []rowset.Vector) {
		if row == len(values) {
			appendEdge(t, &v[0], e.exact[0])
			for i := range v[1:] {
				v[1+i].AppendNull()
			}
			return
		}
		appendEdge(t, &v[0], values[row])
		appendEdge(t, &v[1], values[row])
		if len(v) == 2 {
			return
		}
		appendEdge(t, v[2].Elements(), values[row])
		v[2].Elements().AppendNull()
		v[2].AppendArray()
		inner := v[3].Elements()
		inner.AppendArray()
		appendEdge(t, inner.Elements(), values[row])
		inner.AppendArray()
		v[3].AppendArray()
	})
}

func appendEdge(t *testing.T, v *rowset.Vector, text string) {
	t.Helper()
	if v.Type.Kind == rowset.Enum {
		v.AppendData([]byte(text))
		return
	}
	appendValue(t, v, text)
}

// TestCanonicalValues: what ClickHouse gives back of each type at its edges are the canonical
// values, and nothing else is clamped, cut or set aside.
func TestCanonicalValues(t *testing.T) {
	t.Parallel()
	s := open(t, testenv.ModernClickHouse)
	for i, e := range allEdges {
		name := e.of.Kind.String() + " to " + e.to
		d := e.destination("edges" + strconv.Itoa(i))
		s.create(t, d)
		block := e.block(t, d)
		held, changed, rejected, err := s.Canonical(t.Context(), d, block)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if got, want := s.value(t, "SELECT toString(count()) FROM "+s.database+"."+d.Table), "0"; got != want {
			t.Fatalf("%s: %s rows were written", name, got)
		}
		if want := len(e.changed) * (len(d.Columns) - 3); changed != want {
			t.Errorf("%s: %d values changed, want %d", name, changed, want)
		}
		if len(rejected) != len(e.unfit) || len(rejected) > 0 && rejected[0].Row != len(e.exact)+len(e.changed) {
			t.Errorf("%s: rejected %v, want %d rows", name, rejected, len(e.unfit))
		}
		again, err := s.Insert(t.Context(), d, block, "")
		if err != nil || !slices.Equal(again, rejected) {
			t.Fatalf("%s: an insert rejected %v, %v, want %v", name, again, err, rejected)
		}
		s.wantHeld(t, name, d, held)
		s.wantRowBinary(t, name, d, block)
	}
}

// wantHeld compares canonical values with those that the server has.
func (s *server) wantHeld(t *testing.T, name string, d sink.Destination, held rowset.Block) {
	t.Helper()
	for i, c := range held.Columns {
		columnType := s.value(t,
			"SELECT type FROM system.columns WHERE database = '"+s.database+"' AND table = '"+d.Table+
				"' AND name = '"+c.Destination+"'")
		values := s.rowBinary(t, d.Table, c.Destination)
		if len(values) != held.Rows() {
			t.Fatalf("%s: the server has %d rows, want %d", name, len(values), held.Rows())
		}
		got := rowset.Vector{Type: c.Type}
		for row, value := range values {
			rest := bytes.NewBuffer(value)
			appendRowBinary(t, &got, columnType, rest)
			if rest.Len() > 0 || !held.Vectors[i].Equal(row, &got, row) {
				t.Errorf("%s: row %d of %s (%s) is not the canonical value: %x",
					name, row, c.Destination, columnType, value)
			}
		}
	}
}

// wantRowBinary compares rows, byte by byte, with those that the server writes.
func (s *server) wantRowBinary(t *testing.T, name string, d sink.Destination, block rowset.Block) {
	t.Helper()
	var columns []string
	for _, c := range d.Columns {
		columns = append(columns, c.Destination)
	}
	want := s.rowBinary(t, d.Table, strings.Join(columns, ", "))
	got, err := s.RowBinary(t.Context(), d, block)
	if err != nil || !slices.EqualFunc(got, want, bytes.Equal) {
		t.Errorf("%s: got rows %x, %v, want %x", name, got, err, want)
	}
}

// TestCanonicalValuesAreNotCopied: values that the columns hold as they are stay in the memory of the source's block.
func TestCanonicalValuesAreNotCopied(t *testing.T) {
	t.Parallel()
	s := open(t, testenv.ModernClickHouse)
	d := destination("uncopied", []string{"id"}, column("id", int64Type), column("text", nullable(stringType)),
		column("amount", decimalOf(12, 2)), column("score", kindOf(rowset.Float64)),
		column("created", kindOf(rowset.Timestamp)),
		column("born", kindOf(rowset.Date)), column("list", arrayOf(rowset.String, 1)))
	s.create(t, d)
	block := rowsOf(d, 3, 1, func(_ int, v []rowset.Vector) {
		v[0].AppendData([]byte("a"))
		v[1].AppendData([]byte("-12.50"))
		v[2].AppendFloat(0.5)
		v[3].AppendInt(1)
		v[4].AppendInt(-1)
		v[5].Elements().AppendData([]byte("b"))
		v[5].AppendArray()
	})
	held, changed, rejected, err := s.Canonical(t.Context(), d, block)
	if err != nil || changed != 0 || len(rejected) > 0 {
		t.Fatalf("%d changed, rejected %v, %v", changed, rejected, err)
	}
	for i := range held.Vectors {
		if !shared(&held.Vectors[i], &block.Vectors[i]) {
			t.Errorf("column %q was copied", held.Columns[i].Destination)
		}
	}
}

func shared(a, b *rowset.Vector) bool {
	switch {
	case a.Type.Kind == rowset.Array:
		return &a.Ends[0] == &b.Ends[0] && shared(a.Elements(), b.Elements())
	case len(a.Ints) > 0:
		return &a.Ints[0] == &b.Ints[0]
	case len(a.Floats) > 0:
		return &a.Floats[0] == &b.Floats[0]
	default:
		return &a.Data[0] == &b.Data[0] && &a.Ends[0] == &b.Ends[0]
	}
}

// TestCanonicalBlocks have every row that the destination would have: nothing is clamped in a key, a tombstone is kept
// whatever it has beside its key, and the values of rows that are set aside do not count as changed.
func TestCanonicalBlocks(t *testing.T) { onServers(t, testCanonicalBlocks) }

func testCanonicalBlocks(t *testing.T, s *server) {
	d := destination("held", []string{"day"}, column("id", int64Type), column("day", kindOf(rowset.Date)),
		column("at", kindOf(rowset.Timestamp)), column("amount", decimalOf(12, 2)))
	s.create(t, d)
	days := []string{"1970-01-02", "1970-01-03", "infinity", "0044-03-15 BC", "1970-01-04", "1970-01-05"}
	amounts := []string{"1.5", "NaN", "1.50", "1.50", "NaN", "2"}
	block := rowsOf(d, len(days), 1, func(row int, v []rowset.Vector) {
		appendValue(t, &v[0], days[row])
		appendValue(t, &v[1], "infinity")
		appendValue(t, &v[2], amounts[row])
	})
	block.Vectors[5].Ints[4] = 1 // a tombstone
	before := slices.Clone(block.Vectors[2].Ints)
	held, changed, rejected, err := s.Canonical(t.Context(), d, block)
	if err != nil || held.Rows() != 3 || changed != 3 {
		t.Errorf("%d rows, %d values changed, %v, want 3 and 3", held.Rows(), changed, err)
	}
	var rows []int
	for _, r := range rejected {
		rows = append(rows, r.Row)
	}
	if want := []int{1, 2, 3}; !slices.Equal(rows, want) || !slices.Equal(held.Vectors[0].Ints, []int64{1, 5, 6}) {
		t.Errorf("rejected rows %v, want %v; kept %v", rows, want, held.Vectors[0].Ints)
	}
	if !slices.Equal(block.Vectors[2].Ints, before) {
		t.Error("the source's own values were changed")
	}
	if _, err := s.Insert(t.Context(), d, block, ""); err != nil {
		t.Fatal(err)
	}
	sql := "SELECT toString(toInt64(at)), toString(amount * 100) FROM " + s.database +
		".held WHERE _is_deleted = 0 ORDER BY id"
	got := s.rows(t, sql, []rowset.TypeKind{rowset.String, rowset.String})
	for i, row := range []int{0, 2} {
		seconds := strconv.FormatInt(held.Vectors[2].Ints[row]/1_000_000, 10)
		hundreds := strings.ReplaceAll(string(held.Vectors[3].At(row)), ".", "")
		if len(got) != 2 || got[i][0] != seconds || normal(got[i][1], true) != hundreds {
			t.Errorf("got %v, want %s and %s in row %d", got, seconds, hundreds, i)
		}
	}
}
