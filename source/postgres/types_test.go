package postgres_test

import (
	"fmt"
	"maps"
	"strings"
	"testing"

	"github.com/chferry/chferry"
	"github.com/chferry/chferry/rowset"
	"github.com/chferry/chferry/source/sourcetest"
)

// typeCase is a column's type, the type it becomes, and values: as they are written into the database, and as they
// come out.
type typeCase struct {
	sql    string
	want   rowset.Type
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

// arrays are values as they are written and as they come out, in turn.
func arrays(values ...string) [][2]string {
	var pairs [][2]string
	for i := 0; i < len(values); i += 2 {
		pairs = append(pairs, [2]string{values[i], values[i+1]})
	}
	return pairs
}

// arrayOf is an array of any values of a type, nulls too.
func arrayOf(of rowset.Type, dimensions int) rowset.Type {
	return rowset.Type{
		Kind: rowset.Array, Element: of.Kind, Dimensions: dimensions, Precision: of.Precision, Scale: of.Scale,
		Nullable: true,
	}
}

func kind(k rowset.TypeKind) rowset.Type { return rowset.Type{Kind: k} }

func decimal(precision, scale int) rowset.Type {
	return rowset.Type{Kind: rowset.Decimal, Precision: precision, Scale: scale}
}

var (
	text = kind(rowset.String)

	typeCases = []typeCase{
		{"boolean", kind(rowset.Bool), same("true", "false")},
		{"smallint", kind(rowset.Int16), same("-32768", "32767", "0")},
		{"integer", kind(rowset.Int32), same("-2147483648", "2147483647")},
		{"bigint", kind(rowset.Int64), same("-9223372036854775808", "9223372036854775807")},
		{"oid", kind(rowset.Int64), same("0", "4294967295")},
		{"real", kind(rowset.Float32), same("1.5", "-0", "3.4028235e+38", "1e-45", "NaN", "+Inf", "-Inf")},
		{
			"double precision", kind(rowset.Float64),
			same("0.1", "-0", "1.7976931348623157e+308", "5e-324", "NaN", "+Inf", "-Inf"),
		},
		{
			"numeric(12,2)", decimal(12, 2),
			[][2]string{{"12.5", "12.50"}, {"-0.001", "0.00"}, {"-9999999999.99", "-9999999999.99"}, {"NaN", "NaN"}},
		},
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
		{"mood", kind(rowset.Enum), same("happy", "very sad", "it's")},
		{`"Moods"."Mood"`, kind(rowset.Enum), same("A,b")},
		{"bytea", kind(rowset.Bytes), [][2]string{{`\x`, ""}, {`\x00ff5c`, "\x00\xff\\"}}},
		{
			"uuid", kind(rowset.UUID),
			[][2]string{{"{0F2E4D6C8BA91C3E5F708192A3B4C5D6}", "0f2e4d6c-8ba9-1c3e-5f70-8192a3b4c5d6"}},
		},
		{"date", kind(rowset.Date), [][2]string{
			{"1970-01-01", "1970-01-01"},
			{"1999-12-31", "1999-12-31"},
			{"0001-01-01", "0001-01-01"},
			{"0044-03-15 BC", "-0043-03-15"},
			{"5874897-12-31", "5874897-12-31"},
			{"4713-01-01 BC", "-4712-01-01"},
			{"infinity", "infinity"},
			{"-infinity", "-infinity"},
		}},
		{"timestamp", kind(rowset.Timestamp), [][2]string{
			{"2024-02-29 12:34:56.789012", "2024-02-29 12:34:56.789012"},
			{"1969-12-31 23:59:59.999999", "1969-12-31 23:59:59.999999"},
			{"4713-01-01 00:00:00 BC", "-4712-01-01 00:00:00"},
			{"294246-12-31 23:59:59", "294246-12-31 23:59:59"},
			{"294247-01-10 04:00:54.775805", "294247-01-10 04:00:54.775805"},
			{"294247-01-10 04:00:54.775806", "uncountable"},
			{"294247-01-10 04:00:54.775807", "uncountable"},
			{"294276-12-31 23:59:59.999999", "uncountable"},
			{"infinity", "infinity"},
			{"-infinity", "-infinity"},
		}},
		{"timestamp(0)", kind(rowset.Timestamp), [][2]string{{"2024-02-29 12:34:56.789", "2024-02-29 12:34:57"}}},
		{"timestamptz", kind(rowset.Timestamp), [][2]string{
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
		{"positive", kind(rowset.Int32), same("1")},
		{"very_positive", kind(rowset.Int32), same("11")},
		{"price", decimal(12, 2), same("12.50")},
		{"short", text, same("abc")},
		{"macaddr8", text, same("08:00:2b:01:02:03:04:05")},
		{"tsrange", text, same(`["2024-02-29 12:00:00","2024-03-01 00:00:00")`)},
		{"datemultirange", text, same("{[2024-01-01,2024-02-01)}")},
		{"line", text, same("{1,2,3}")},
		{"lseg", text, same("[(0,0),(1,1)]")},
		{"path", text, same("((0,0),(1,1))", "[(0,0),(1,1)]")},
		{"polygon", text, same("((0,0),(1,1),(1,0))")},
		{"circle", text, same("<(0,0),1.5>")},
		{"tsquery", text, same("'a' & 'b'")},
		{"txid_snapshot", text, same("10:20:10,14,15")},
		{"regclass", text, same("pg_class")},
		{"hstore", text, same(`"a"=>"1", "b"=>NULL`)},
		{"int2vector", text, same("1 2")},

		{"boolean[]", arrayOf(kind(rowset.Bool), 1), arrays("{t,f,NULL}", "[true, false, \x00null]")},
		{
			"smallint[]", arrayOf(kind(rowset.Int16), 1),
			arrays("{-32768,32767}", "[-32768, 32767]", "{}", "[]", "{NULL}", "[\x00null]"),
		},
		{
			"int[][]", arrayOf(kind(rowset.Int32), 2),
			arrays("{{1,2},{3,NULL}}", "[[1, 2], [3, \x00null]]", "{}", "[]", "{{1}}", "[[1]]"),
		},
		{"int[3][2]", arrayOf(kind(rowset.Int32), 2), arrays("{{1,2}}", "[[1, 2]]")},
		{"int[][][][][][]", arrayOf(kind(rowset.Int32), 6), arrays("{{{{{{1,2}}}}}}", "[[[[[[1, 2]]]]]]")},
		{
			"bigint[]", arrayOf(kind(rowset.Int64), 1),
			arrays("[5:6]={-9223372036854775808,9223372036854775807}", "[-9223372036854775808, 9223372036854775807]"),
		},
		{"oid[]", arrayOf(kind(rowset.Int64), 1), arrays("{4294967295}", "[4294967295]")},
		{"real[]", arrayOf(kind(rowset.Float32), 1), arrays("{1.5,NaN,-Infinity}", "[1.5, NaN, -Inf]")},
		{"double precision[]", arrayOf(kind(rowset.Float64), 1), arrays("{5e-324,Infinity}", "[5e-324, +Inf]")},
		{"numeric(12,2)[]", arrayOf(decimal(12, 2), 1), arrays("{1,-0.5,NULL,NaN}", "[1.00, -0.50, \x00null, NaN]")},
		{"numeric[]", arrayOf(text, 1), arrays("{1.0,Infinity}", "[1.0, Infinity]")},
		{
			"text[]", arrayOf(text, 1),
			arrays(`{"",a,"NULL",NULL,"b,c","{d}","e\"\\f","🚢"}`, "[, a, NULL, \x00null, b,c, {d}, e\"\\f, 🚢]"),
		},
		{"varchar(3)[][]", arrayOf(text, 2), arrays("{{abc},{NULL}}", "[[abc], [\x00null]]")},
		{"char(3)[]", arrayOf(text, 1), arrays("{ab}", "[ab ]")},
		{"padded[]", arrayOf(text, 1), arrays("{ab}", "[ab ]")},
		{"name[]", arrayOf(text, 1), arrays("{ab}", "[ab]")},
		{"citext[]", arrayOf(text, 1), arrays("{Ab}", "[Ab]")},
		{"jsonb[]", arrayOf(text, 1), arrays(`{"{\"a\": [1, null]}",null}`, `[{"a": [1, null]}, `+"\x00null]")},
		{"mood[]", arrayOf(text, 1), arrays(`{happy,"very sad"}`, "[happy, very sad]")},
		{"bytea[]", arrayOf(kind(rowset.Bytes), 1), arrays(`{"\\x00ff"}`, "[\x00\xff]")},
		{
			"uuid[]", arrayOf(kind(rowset.UUID), 1),
			arrays("{0f2e4d6c-8ba9-1c3e-5f70-8192a3b4c5d6}", "[0f2e4d6c-8ba9-1c3e-5f70-8192a3b4c5d6]"),
		},
		{
			"date[]", arrayOf(kind(rowset.Date), 1),
			arrays("{2024-02-29,infinity,0044-03-15 BC}", "[2024-02-29, infinity, -0043-03-15]"),
		},
		{
			"timestamp[]", arrayOf(kind(rowset.Timestamp), 1),
			arrays(`{"2024-02-29 12:34:56.789012"}`, "[2024-02-29 12:34:56.789012]"),
		},
		{
			"timestamptz[]", arrayOf(kind(rowset.Timestamp), 1),
			arrays(`{"2024-02-29 12:00:00+05:30",-infinity}`, "[2024-02-29 06:30:00, -infinity]"),
		},
		{"interval[]", arrayOf(text, 1), arrays(`{"1 day 02:00:00"}`, "[1 day 02:00:00]")},
		{"inet[]", arrayOf(text, 1), arrays("{10.0.0.1,::1}", "[10.0.0.1/32, ::1/128]")},
		{"box[]", arrayOf(text, 1), arrays("{(3,4),(1,2);NULL}", "[(3,4),(1,2), \x00null]")},
		{"int4range[]", arrayOf(text, 1), arrays(`{"[1,5)"}`, "[[1,5)]")},
		{"pair[]", arrayOf(text, 1), arrays(`{"(1,\"a b\")"}`, `[(1,"a b")]`)},
		{"positive[]", arrayOf(kind(rowset.Int32), 1), arrays("{1,NULL}", "[1, \x00null]")},
		{"price[]", arrayOf(decimal(12, 2), 1), arrays("{12.5}", "[12.50]")},
		{"matrix", arrayOf(kind(rowset.Int32), 2), arrays("{{1,2}}", "[[1, 2]]")},
		{"ladder", arrayOf(kind(rowset.Int32), 1), arrays("{1,2}", "[1, 2]")},
		{"ladder[]", arrayOf(text, 1), arrays(`{"{1,2}"}`, "[{1,2}]")},
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
	CREATE DOMAIN padded AS char(3);
	CREATE DOMAIN matrix AS int[][];
	CREATE DOMAIN ladder AS positive[];
	CREATE EXTENSION citext; CREATE EXTENSION hstore;`

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

func (of typeCase) wantColumns(t *testing.T, columns []rowset.Column) {
	t.Helper()
	want := of.want
	if got := columns[2].Type; got != want {
		t.Errorf("%s NOT NULL: got %+v, want %+v", of.sql, got, want)
	}
	want.Nullable = true // an array's elements are so in any case
	if got := columns[1].Type; got != want {
		t.Errorf("%s: got %+v, want %+v", of.sql, got, want)
	}
}

// TestArraysOfOtherDimensions: a value has as many dimensions as it likes, a column in ClickHouse has not.
func TestArraysOfOtherDimensions(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.exec(t, `CREATE TABLE items (a int[], id int PRIMARY KEY, b text[][]); CREATE VIEW seen AS SELECT * FROM items;
		INSERT INTO items VALUES ('{1}', 1, '{{x}}'), ('{{1,2}}', 2, '{{y}}'), ('{3}', 3, '{z}'), (NULL, 4, NULL),
		('{}', 5, '{}')`)
	for name, want := range map[string]struct {
		dimensions int // of b
		rows       map[int]string
		unfit      map[int]string
	}{
		"items": {2, map[int]string{0: "[1] [[x]]", 3: "[] []", 4: "[] []"}, map[int]string{
			1: `table items: column "a" (integer[]) holds a 2-dimensional array`,
			2: `table items: column "b" (text[][]) holds a 1-dimensional array`,
		}},
		"seen": {1, map[int]string{2: "[3] [z]", 3: "[] []", 4: "[] []"}, map[int]string{
			0: `table seen: column "b" (text[]) holds a 2-dimensional array`,
			1: `table seen: column "a" (integer[]) holds a 2-dimensional array`,
		}},
	} {
		table := b.describe(t, name, "id")
		if got := table.Columns[2].Type.Dimensions; got != want.dimensions {
			t.Errorf("%s: got %d dimensions, want %d", name, got, want.dimensions)
		}
		var pks []chferry.PrimaryKey
		for id := range 5 {
			pks = append(pks, chferry.PrimaryKey{fmt.Sprint(id + 1)})
		}
		rows, err := b.source.Fetch(t.Context(), table, keysOf(t, table, pks...))
		if err != nil {
			t.Fatal(err)
		}
		got, unfit := map[int]string{}, map[int]string{}
		for r, key := range rows.Key {
			got[key] = sourcetest.Text(&rows.Vectors[0], r) + " " + sourcetest.Text(&rows.Vectors[2], r)
		}
		for _, u := range rows.Unfit {
			reason, advice, _ := strings.Cut(u.Reason, ", and the column has ")
			unfit[u.Key] = reason
			declaration, cast := "integer", "Nullable(Int32)"
			if strings.Contains(reason, `"b"`) {
				declaration, cast = "text", "Nullable(String)"
			}
			if strings.Contains(reason, "2-dimensional") {
				declaration, cast = declaration+"[]", "Array("+cast+")"
			}
			_, advice, _ = strings.Cut(advice, ": ")
			if want := "ALTER … TYPE " + declaration + "[] tells its dimensions, or columns.cast does, as in Array(" +
				cast + ")"; advice != want {
				t.Errorf("%s: the reason %q does not say %q", name, u.Reason, want)
			}
		}
		if !maps.Equal(got, want.rows) || !maps.Equal(unfit, want.unfit) {
			t.Errorf("%s: got rows %v and unfit %v, want %v and %v", name, got, unfit, want.rows, want.unfit)
		}
	}
}

// TestSettingsOfOthers makes sure that what a role has set does not change what is read.
func TestSettingsOfOthers(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.exec(t, `CREATE TYPE holder AS (data bytea);
		CREATE TABLE items (id timestamptz PRIMARY KEY, span interval, place point, held holder);
		INSERT INTO items VALUES ('2024-02-29 12:00:00+00', '1 day 02:00:00', '(0.1,0.2)', ROW('\x00ff'::bytea));
		DO $$ BEGIN EXECUTE format('ALTER DATABASE %I SET timezone = ''Asia/Kolkata''', current_database());
			EXECUTE format('ALTER DATABASE %I SET datestyle = ''German''', current_database());
			EXECUTE format('ALTER DATABASE %I SET intervalstyle = ''iso_8601''', current_database());
			EXECUTE format('ALTER DATABASE %I SET extra_float_digits = -10', current_database());
			EXECUTE format('ALTER DATABASE %I SET bytea_output = ''escape''', current_database()); END $$`)
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
	for c, want := range []string{"2024-02-29 12:00:00", "1 day 02:00:00", "(0.1,0.2)", `("\\x00ff")`} {
		if got := sourcetest.Text(&rows.Vectors[c], 0); got != want {
			t.Errorf("%s: got %q, want %q", table.Columns[c].Name, got, want)
		}
	}
}
