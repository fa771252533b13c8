package postgres_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/chferry/chferry"
	"github.com/chferry/chferry/source/sourcetest"
)

// typeCase is a column's type, the type it becomes, and values: as they are written into the database, and as they
// come out.
type typeCase struct {
	sql    string
	want   chferry.Type
	values [][2]string
}

// same are values that come out as they went in.
func same(values ...string) [][2]string {
	pairs := make([][2]string, len(values))
	for i, v := range values {
		pairs[i] = [2]string{v, v}
	}
	return pairs
}

func kind(k chferry.TypeKind) chferry.Type { return chferry.Type{Kind: k} }

func decimal(precision, scale int) chferry.Type {
	return chferry.Type{Kind: chferry.Decimal, Precision: precision, Scale: scale}
}

var (
	text = kind(chferry.String)

	typeCases = []typeCase{
		{"boolean", kind(chferry.Bool), same("true", "false")},
		{"smallint", kind(chferry.Int16), same("-32768", "32767", "0")},
		{"integer", kind(chferry.Int32), same("-2147483648", "2147483647")},
		{"bigint", kind(chferry.Int64), same("-9223372036854775808", "9223372036854775807")},
		{"oid", kind(chferry.Int64), same("0", "4294967295")},
		{"real", kind(chferry.Float32), same("1.5", "-0", "3.4028235e+38", "1e-45", "NaN", "+Inf", "-Inf")},
		{"double precision", kind(chferry.Float64), same("0.1", "-0", "1.7976931348623157e+308", "5e-324", "NaN", "+Inf", "-Inf")},
		{"numeric(12,2)", decimal(12, 2), [][2]string{{"12.5", "12.50"}, {"-0.001", "0.00"}, {"-9999999999.99", "-9999999999.99"}, {"NaN", "NaN"}}},
		{"numeric(5)", decimal(5, 0), same("99999", "-1", "0")},
		{"numeric(76,38)", decimal(76, 38), same(strings.Repeat("9", 38) + "." + strings.Repeat("9", 38))},
		{"numeric(77,0)", text, same(strings.Repeat("9", 77))},
		{"numeric(3,5)", decimal(5, 5), same("0.00999", "-0.00001")},
		{"numeric(3,-2)", decimal(5, 0), same("99900", "-100")},
		{"numeric(80,70)", text, same("1." + strings.Repeat("0", 69) + "1")},
		{"numeric", text, same("1.0", "1.00", "0", "NaN", "Infinity", "-Infinity", strings.Repeat("7", 1000)+".5")},
		{"text", text, same("", " ", "a\tb\nc\\", "日本語", "🚢\U0010FFFF")},
		{"varchar(5)", text, same("", "12345", "日本語🚢é")},
		{"varchar", text, same("any")},
		{"char(4)", text, [][2]string{{"ab", "ab  "}}},
		{"name", text, same("some name")},
		{`"char"`, text, same("x")},
		{"json", text, same(`{"b": 1,  "a":[null, "é"]}`)},
		{"jsonb", text, [][2]string{{`{"b": 1,  "a":[null, "é"]}`, `{"a": [null, "é"], "b": 1}`}}},
		{"mood", text, same("happy", "very sad", "it's")},
		{`"Moods"."Mood"`, text, same("A,b")},
		{"bytea", kind(chferry.Bytes), [][2]string{{`\x`, ""}, {`\x00ff5c`, "\x00\xff\\"}}},
		{"uuid", kind(chferry.UUID), [][2]string{{"{0F2E4D6C8BA91C3E5F708192A3B4C5D6}", "0f2e4d6c-8ba9-1c3e-5f70-8192a3b4c5d6"}}},
		{"date", kind(chferry.Date), [][2]string{
			{"1970-01-01", "1970-01-01"},
			{"1999-12-31", "1999-12-31"},
			{"0001-01-01", "0001-01-01"},
			{"0044-03-15 BC", "-0043-03-15"},
			{"5874897-12-31", "5874897-12-31"},
			{"4713-01-01 BC", "-4712-01-01"},
			{"infinity", "infinity"},
			{"-infinity", "-infinity"},
		}},
		{"timestamp", kind(chferry.Timestamp), [][2]string{
			{"2024-02-29 12:34:56.789012", "2024-02-29 12:34:56.789012"},
			{"1969-12-31 23:59:59.999999", "1969-12-31 23:59:59.999999"},
			{"4713-01-01 00:00:00 BC", "-4712-01-01 00:00:00"},
			{"294246-12-31 23:59:59", "294246-12-31 23:59:59"},
			{"294276-12-31 23:59:59", "infinity"},
			{"infinity", "infinity"},
			{"-infinity", "-infinity"},
		}},
		{"timestamp(0)", kind(chferry.Timestamp), [][2]string{{"2024-02-29 12:34:56.789", "2024-02-29 12:34:57"}}},
		{"timestamptz", kind(chferry.Timestamp), [][2]string{
			{"2024-02-29 12:00:00+05:30", "2024-02-29 06:30:00"}, {"infinity", "infinity"}, {"-infinity", "-infinity"},
		}},
		{"time", text, same("12:34:56.789", "24:00:00")},
		{"timetz", text, same("12:34:56+02")},
		{"interval", text, same("1 year 2 mons -3 days +04:05:06.7", "00:00:00")},
		{"inet", text, same("10.0.0.1", "10.0.0.0/8", "::1")},
		{"cidr", text, same("10.0.0.0/8")},
		{"macaddr", text, same("08:00:2b:01:02:03")},
		{"int4range", text, same("[1,5)", "empty", "(,)")},
		{"int4multirange", text, same("{[1,3),[5,7)}")},
		{"money", text, same("$1,234.50")},
		{"xml", text, same("<a>é</a>")},
		{"bit(4)", text, same("1010")},
		{"bit varying", text, same("", "101")},
		{"point", text, same("(0.1,2)")},
		{"box", text, same("(3,4),(1,2)")},
		{"tsvector", text, same("'a' 'b'")},
		{"pg_lsn", text, same("16/B374D848")},
		{"citext", text, same("Citext")},
		{"pair", text, same(`(1,"a b")`)},
		{"positive", kind(chferry.Int32), same("1")},
		{"very_positive", kind(chferry.Int32), same("11")},
		{"price", decimal(12, 2), same("12.50")},
		{"short", text, same("abc")},
	}
)

const typeSetup = `
	CREATE TYPE mood AS ENUM ('happy', 'very sad', 'it''s');
	CREATE SCHEMA "Moods"; CREATE TYPE "Moods"."Mood" AS ENUM ('A,b');
	CREATE TYPE pair AS (a int, b text);
	CREATE DOMAIN positive AS int CHECK (VALUE > 0);
	CREATE DOMAIN very_positive AS positive CHECK (VALUE > 10);
	CREATE DOMAIN price AS numeric(12,2) NOT NULL;
	CREATE DOMAIN short AS varchar(3);
	CREATE EXTENSION citext;`

func TestTypes(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.exec(t, typeSetup)
	for i, of := range typeCases {
		name := fmt.Sprintf("values_%d", i)
		b.exec(t, fmt.Sprintf("CREATE TABLE %s (id int PRIMARY KEY, value %s, must %[2]s NOT NULL)", name, of.sql))
		var pks []chferry.PrimaryKey
		for id, value := range of.values {
			v := "'" + strings.ReplaceAll(value[0], "'", "''") + "'"
			b.exec(t, fmt.Sprintf("INSERT INTO %s VALUES (%d, %s, %[3]s)", name, id, v))
			pks = append(pks, chferry.PrimaryKey{fmt.Sprint(id)})
		}
		table := b.describe(t, name)
		of.wantColumns(t, table.Columns)

		rows, err := b.source.Fetch(t.Context(), table, keysOf(t, table, pks...))
		if err != nil || rows.Rows() != len(pks) {
			t.Errorf("%s: got %d rows, %v, want %d", of.sql, rows.Rows(), err, len(pks))
			continue
		}
		for r, key := range rows.Key {
			for c := 1; c <= 2; c++ {
				if got, want := sourcetest.Text(&rows.Vectors[c], r), of.values[key][1]; got != want {
					t.Errorf("%s: %q came out as %.60q, want %.60q", of.sql, of.values[key][0], got, want)
				}
			}
		}
	}
}

func (of typeCase) wantColumns(t *testing.T, columns []chferry.Column) {
	t.Helper()
	want := of.want
	if got := columns[2].Type; got != want {
		t.Errorf("%s NOT NULL: got %+v, want %+v", of.sql, got, want)
	}
	want.Nullable = true
	if got := columns[1].Type; got != want {
		t.Errorf("%s: got %+v, want %+v", of.sql, got, want)
	}
}

// TestSettingsOfOthers makes sure that what a role has set does not change what is read.
func TestSettingsOfOthers(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.exec(t, `CREATE TABLE items (id timestamptz PRIMARY KEY, span interval, place point);
		INSERT INTO items VALUES ('2024-02-29 12:00:00+00', '1 day 02:00:00', '(0.1,0.2)');
		DO $$ BEGIN EXECUTE format('ALTER DATABASE %I SET timezone = ''Asia/Kolkata''', current_database());
			EXECUTE format('ALTER DATABASE %I SET datestyle = ''German''', current_database());
			EXECUTE format('ALTER DATABASE %I SET intervalstyle = ''iso_8601''', current_database());
			EXECUTE format('ALTER DATABASE %I SET extra_float_digits = -10', current_database()); END $$`)
	table := b.describe(t, "items")
	var keys []chferry.PrimaryKey
	err := b.source.PrimaryKeys(t.Context(), table, 10, func(page []chferry.PrimaryKey) error {
		keys = append(keys, page...)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	rows, err := b.source.Fetch(t.Context(), table, keysOf(t, table, keys...))
	if err != nil || rows.Rows() != 1 {
		t.Fatalf("got %d rows, %v, want 1", rows.Rows(), err)
	}
	for c, want := range []string{"2024-02-29 12:00:00", "1 day 02:00:00", "(0.1,0.2)"} {
		if got := sourcetest.Text(&rows.Vectors[c], 0); got != want {
			t.Errorf("%s: got %q, want %q", table.Columns[c].Name, got, want)
		}
	}
}
