package sqlite_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/chferry/chferry"
	"github.com/chferry/chferry/rowset"
	"github.com/chferry/chferry/source/sourcetest"
)

// typeCase is a column's declared type, the type it becomes, and values: the SQL expressions that
// are stored and what comes out. What does not come out, but is set aside, is written as what it is
// called, behind an exclamation mark.
type typeCase struct {
	declared string
	want     rowset.Type
	values   [][2]string
}

func kind(k rowset.TypeKind) rowset.Type { return rowset.Type{Kind: k} }

func decimal(precision, scale int) rowset.Type {
	return rowset.Type{Kind: rowset.Decimal, Precision: precision, Scale: scale}
}

var (
	text = kind(rowset.String)

	typeCases = []typeCase{
		{"BOOLEAN", kind(rowset.Bool), [][2]string{
			{"TRUE", "true"},
			{"0", "false"},
			{"1.0", "true"},
			{"'1'", "true"},
			{"2", "!an integer other than 0 and 1"},
			{"'true'", "!a text"},
			{"0.5", "!a floating point number"},
			{"x'01'", "!a blob"},
		}},
		{"INTEGER", kind(rowset.Int64), [][2]string{
			{"-9223372036854775808", "-9223372036854775808"},
			{"'7'", "7"},
			{"7.0", "7"},
			{"9223372036854775808", "!a floating point number"},
			{"1.5", "!a floating point number"},
			{"'seven'", "!a text"},
			{"''", "!a text"},
			{"x'37'", "!a blob"},
		}},
		{"REAL", kind(rowset.Float64), [][2]string{
			{"0.1", "0.1"},
			{"7", "7"},
			{"-5e-324", "-5e-324"},
			{"9e999", "+Inf"},
			{"-9e999", "-Inf"},
			{"'7.5'", "7.5"},
			{"'half'", "!a text"},
			{"x'00'", "!a blob"},
		}},
		{"DECIMAL(12, 2)", decimal(12, 2), [][2]string{
			{"12.5", "12.50"},
			{"'12.50'", "12.50"},
			{"-3", "-3.00"},
			{"0.1 + 0.2", "0.30"},
			{"-0.0", "0.00"},
			{"9999999999.99", "9999999999.99"},
			{"0.05", "0.05"},
			{"0.125", "!a number with more digits than its type"},
			{"10000000000", "!a number with more digits than its type"},
			{"-10000000000.25", "!a number with more digits than its type"},
			{"0.001", "!a number with more digits than its type"},
			{"9e999", "!infinity"},
			{"'NaN'", "!a text"},
			{"x'31'", "!a blob"},
		}},
		{"DECIMAL(38,20)", decimal(38, 20), [][2]string{
			{"0.1", "0.10000000000000000000"},
			{"0.3", "0.30000000000000000000"},
			{"-1e-7", "-0.00000010000000000000"},
			{"1e17", "100000000000000000.00000000000000000000"},
		}},
		{
			"DECIMAL(18,17)", decimal(18, 17),
			[][2]string{{"0.1", "0.10000000000000000"}, {"0.7", "0.70000000000000000"}},
		},
		{
			"DECIMAL(40,2)", decimal(40, 2),
			[][2]string{{"1e30", "1000000000000000000000000000000.00"}, {"1e23", "100000000000000000000000.00"}},
		},
		{"DECIMAL(17,2)", decimal(17, 2), [][2]string{{"123456789012345.67", "123456789012345.67"}}},
		{
			"NUMERIC(5)", decimal(5, 0),
			[][2]string{
				{"99999", "99999"},
				{"100000", "!a number with more digits than its type"},
				{"1.5", "!a number with more digits than its type"},
			},
		},
		{
			"DEC(3,5)", decimal(5, 5),
			[][2]string{{"0.00999", "0.00999"}, {"1", "!a number with more digits than its type"}},
		},
		{
			"DECIMAL(38,0)", decimal(38, 0),
			[][2]string{{"9223372036854775807", "9223372036854775807"}, {"1e20", "100000000000000000000"}},
		},
		{"DECIMAL", text, [][2]string{{"12.50", "12.5"}, {"7", "7"}, {"1e300", "1e+300"}, {"'x'", "x"}}},
		{"DECIMAL(77,0)", text, [][2]string{{"7", "7"}}},
		{"NUMERIC(99999999999999999999,2)", text, [][2]string{{"7", "7"}}},
		{"TEXT", text, [][2]string{
			{"'a''b'", "a'b"},
			{"''", ""},
			{"1", "1"},
			{"1.5", "1.5"},
			{"'a' || char(0) || 'b'", "a\x00b"},
			{"x'61'", "!a blob"},
		}},
		{"", text, [][2]string{{"'a'", "a"}, {"1", "1"}, {"0.1", "0.1"}, {"x'61'", "!a blob"}}},
		{"JSON", text, [][2]string{{`'{"a": 1}'`, `{"a": 1}`}, {"'1'", "1"}, {"jsonb('{}')", "!a blob"}}},
		{"TIME", text, [][2]string{{"'12:34:56'", "12:34:56"}}},
		{"POINT", text, [][2]string{{"'1,2'", "1,2"}}},
		{
			"BLOB", kind(rowset.Bytes),
			[][2]string{
				{"x''", ""},
				{"x'00ff5c'", "\x00\xff\\"},
				{"'é'", "é"},
				{"1", "!an integer"},
				{"1.5", "!a floating point number"},
			},
		},
		{"VARBINARY(16)", kind(rowset.Bytes), [][2]string{{"x'00'", "\x00"}}},
		{"UUID", kind(rowset.UUID), [][2]string{
			{"'0f2e4d6c-8ba9-1c3e-5f70-8192a3b4c5d6'", "0f2e4d6c-8ba9-1c3e-5f70-8192a3b4c5d6"},
			{"'0F2E4D6C8BA91C3E5F708192A3B4C5D6'", "0f2e4d6c-8ba9-1c3e-5f70-8192a3b4c5d6"},
			{"x'0f2e4d6c8ba91c3e5f708192a3b4c5d6'", "0f2e4d6c-8ba9-1c3e-5f70-8192a3b4c5d6"},
			{"x'0f2e'", "!a blob that has not 16 bytes"},
			{"'0f2e'", "!a text that is no UUID"},
			{"'12345678901234567890123456789012'", "!a floating point number"},
			{"7", "!an integer"},
		}},
		{"DATE", kind(rowset.Date), [][2]string{
			{"'2024-02-29'", "2024-02-29"},
			{"'0000-01-01'", "0000-01-01"},
			{"'9999-12-31'", "9999-12-31"},
			{"'2024-02-29 00:00:00+02:00'", "2024-02-29"},
			{"'1969-12-31T00:00'", "1969-12-31"},
			{"'2024-02-29 00:00:01'", "!a date with a time"},
			{"'2023-02-29'", "!a text that is no date"},
			{"'2024-2-9'", "!a text that is no date"},
			{"'today'", "!a text that is no date"},
			{"19782", "!an integer"},
			{"2460370.5", "!a floating point number"},
			{"''", "!a text that is no date"},
		}},
		{"DATETIME", kind(rowset.Timestamp), timestamps},
		{"TIMESTAMP(6)", kind(rowset.Timestamp), timestamps},
		{"timestamptz", kind(rowset.Timestamp), timestamps},
	}

	timestamps = [][2]string{
		{"'2024-02-29 12:34:56.789012'", "2024-02-29 12:34:56.789012"},
		{"'2024-02-29T12:34:56Z'", "2024-02-29 12:34:56"},
		{"'2024-02-29'", "2024-02-29 00:00:00"},
		{"'2024-02-29 12:34'", "2024-02-29 12:34:00"},
		{"'2024-02-29 12:34:56+05:30'", "2024-02-29 07:04:56"},
		{"'2024-02-29 12:34:56 -0730'", "2024-02-29 20:04:56"},
		{"'2024-02-29T12:34:56.7+01'", "2024-02-29 11:34:56.7"},
		{"'1969-12-31 23:59:59.9999999'", "1969-12-31 23:59:59.999999"},
		{"'2024-02-29 13:34:56.789012345 +0100 CET m=+0.000012345'", "2024-02-29 12:34:56.789012"},
		{"'2024-02-29 12:34:56 +0000 UTC'", "2024-02-29 12:34:56"},
		{"'2024-02-29 12:34:56 +0545 +0545'", "2024-02-29 06:49:56"},
		{"1709210096", "2024-02-29 12:34:56"},
		{"-1", "1969-12-31 23:59:59"},
		{"253402300799", "9999-12-31 23:59:59"},
		{"strftime('%s', '2024-02-29')", "2024-02-29 00:00:00"},
		{"253402300800", "!an integer that is no time in seconds"},
		{"1709210096789", "!an integer that is no time in seconds"},
		{"1709210096.5", "!a floating point number"},
		{"julianday('2024-02-29')", "!a floating point number"},
		{"x'00'", "!a blob"},
		{"'2024-02-30 12:34:56'", "!a text that is no timestamp"},
		{"'2024-02-29 24:00:00'", "!a text that is no timestamp"},
		{"'2024-02-29 12:34:60'", "!a text that is no timestamp"},
		{"'2024-02-29 12:34:56.'", "!a text that is no timestamp"},
		{"'2024-02-29  12:34:56'", "!a text that is no timestamp"},
		{"'2024-02-29 12:34:56 CET'", "!a text that is no timestamp"},
		{"'12:34:56'", "!a text that is no timestamp"},
		{"'2024-02-29 12'", "!a text that is no timestamp"},
		{"'2024-02-29 12:34:56+1'", "!a text that is no timestamp"},
		{"'now'", "!a text that is no timestamp"},
		{"'2024-02-29 12:34:56 +0000 UTC and more'", "!a text that is no timestamp"},
		{"'+2024-02-29'", "!a text that is no timestamp"},
		{"'２０２４-02-29'", "!a text that is no timestamp"},
	}
)

func TestTypes(t *testing.T) {
	t.Parallel()
	for _, of := range typeCases {
		t.Run(of.declared, func(t *testing.T) {
			t.Parallel()
			b := setup(t)
			b.exec(t, "CREATE TABLE items (id INTEGER PRIMARY KEY, value "+of.declared+", must "+of.declared+
				" NOT NULL)")
			var pks []chferry.PrimaryKey
			for id, value := range of.values {
				b.exec(t, fmt.Sprintf("INSERT INTO items VALUES (%d, %s, %[2]s)", id, value[0]))
				pks = append(pks, chferry.PrimaryKey{fmt.Sprint(id)})
			}
			table := b.describe(t, "items")
			of.wantColumns(t, table.Columns)
			of.wantRows(t, b.fetch(t, table, pks...))
		})
	}
}

func (of typeCase) wantColumns(t *testing.T, columns []rowset.Column) {
	t.Helper()
	want := of.want
	if got := columns[2].Type; got != want {
		t.Errorf("NOT NULL: got %+v, want %+v", got, want)
	}
	want.Nullable = true
	if got := columns[1].Type; got != want {
		t.Errorf("got %+v, want %+v", got, want)
	}
}

func (of typeCase) wantRows(t *testing.T, rows rowset.Rows) {
	t.Helper()
	got := make([]string, len(of.values))
	for r, key := range rows.Key {
		got[key] = sourcetest.Text(&rows.Vectors[1], r)
		if again := sourcetest.Text(&rows.Vectors[2], r); again != got[key] {
			t.Errorf("%s came out as %q and %q", of.values[key][0], got[key], again)
		}
	}
	for _, u := range rows.Unfit {
		_, what, _ := strings.Cut(u.Reason, " holds ")
		got[u.Key] = "!" + what
	}
	for i, value := range of.values {
		if got[i] != value[1] {
			t.Errorf("%s came out as %q, want %q", value[0], got[i], value[1])
		}
	}
}

// TestNulls: a null is a value where it may be, and unfit where a column came to hold one that must not.
func TestNulls(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.exec(t, `CREATE TABLE items (id INTEGER PRIMARY KEY, value TEXT); INSERT INTO items VALUES (1, NULL), (2, 'two');
		PRAGMA writable_schema = 1; UPDATE sqlite_schema SET sql = replace(sql, 'value TEXT', 'value TEXT NOT NULL');
		PRAGMA writable_schema = RESET`)
	rows := b.fetch(t, b.describe(t, "items"), chferry.PrimaryKey{"1"}, chferry.PrimaryKey{"2"})
	if rows.Rows() != 1 || rows.Key[0] != 1 {
		t.Errorf("got rows of keys %v, want that of key 1", rows.Key)
	}
	want := rowset.Unfit{Key: 0, Reason: `table items: column "value" (TEXT) holds a null`}
	if len(rows.Unfit) != 1 || rows.Unfit[0] != want {
		t.Errorf("got unfit rows %+v, want %+v", rows.Unfit, want)
	}
}

// TestEncodings: a text is the same in every encoding that a file may have.
func TestEncodings(t *testing.T) {
	t.Parallel()
	for _, encoding := range []string{"UTF-8", "UTF-16le", "UTF-16be"} {
		b := setup(t, "PRAGMA encoding = '"+encoding+"'")
		b.exec(t, "CREATE TABLE items (id TEXT PRIMARY KEY, value TEXT)")
		b.exec(t, "INSERT INTO items VALUES ('é🚢', 'Straße 日本語')")
		table := b.describe(t, "items")
		rows := b.fetch(t, table, chferry.PrimaryKey{"é🚢"}, chferry.PrimaryKey{"é"})
		if rows.Rows() != 1 || sourcetest.Text(&rows.Vectors[1], 0) != "Straße 日本語" {
			t.Errorf("%s: got %d rows, want Straße 日本語", encoding, rows.Rows())
		}
		if got := b.allKeys(t, table); len(got) != 1 || got[0][0] != "é🚢" {
			t.Errorf("%s: got keys %q, want é🚢", encoding, got)
		}
	}
}
