package postgres_test

import (
	"context"
	"net/url"
	"slices"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"

	"github.com/chferry/chferry"
	"github.com/chferry/chferry/source"
)

// equalTexts are texts of values that PostgreSQL holds equal, with the one text that they have as
// keys. The first is what is stored.
var equalTexts = map[string]map[string][]string{
	"numeric": {
		"1.5": {"1.50", "1.5", "1.5000", "15e-1"}, "100": {"100", "100.00", "1e2"}, "0": {"0.00", "0", "-0.0"},
		"-0.1": {"-0.10", "-.1"}, "NaN": {"NaN", "nan"}, "Infinity": {"Infinity", "inf"},
		"1000.001": {"1000.00100", "1000.001"},
	},
	"numeric(80,3)": {"1.5": {"1.500", "1.5"}, "10": {"10.000", "10"}, "NaN": {"NaN"}},
	"numrange": {
		"[1.5,2)": {"[1.50,2.0)", "[1.5,2)"}, "(1,10.1]": {"(1.0,10.10]", "(1,10.1]"}, "(,10)": {"(,10.0)", "[,10)"},
		"[2,)": {"[2.00,)", "[2,]"}, "(,)": {"(,)", "[,]"}, "empty": {"(1,1.0)", "empty", "[3,3)"},
		"[1,1]": {"[1.0,1.00]"}, "[0,Infinity]": {"[0.0,Infinity]"},
	},
	"interval": {
		"1 day":                             {"24:00:00", "1 day", "1 mon -29 days"},
		"1 mon":                             {"30 days", "1 month", "29 days 24 hours", "720 hours"},
		"00:00:00":                          {"1 day -24:00:00", "0", "1 mon -30 days"},
		"1 year 10 days":                    {"370 days", "1 year 10 days", "12 mons 9 days 24 hours"},
		"-1 days":                           {"-24 hours", "-1 day", "-1 mon 29 days"},
		"29 days 23:00:00":                  {"1 mon -1 hour", "29 days 23 hours"},
		"-29 days -23:00:00":                {"-1 mon 1 hour", "-29 days -23 hours"},
		"-1 mons -00:00:00.000001":          {"-30 days -0.000001", "-1 mon -0.000001"},
		"1 mon 1 day 01:00:00":              {"31 days 1 hour", "1 mon 25 hours", "2 mons -28 days -23 hours"},
		"198841 years 28 days 08:00:00":     {"71582788 days 8 hours"},
		"5965232 years 4 mons 7 days":       {"2147483647 days", "5965232 years 127 days"},
		"178956970 years 7 mons 31 days":    {"178956970 years 7 mons 31 days"},
		"-178956970 years -8 mons -31 days": {"-178956970 years -8 mons -31 days"},
	},
	"bpchar": {"ab": {"ab ", "ab", "ab   "}, "": {"  ", ""}},
	"amount": {"2.5": {"2.50", "2.5"}},
	"period": {"[1,2]": {"[1.0,2.0]", "[1,2]"}},
	"took":   {"2 days": {"48:00:00", "2 days"}},
	// Texts of these that differ are values that differ, and equal values have one text.
	"timetz": {"12:00:00+00": {"12:00:00+00", "12:00Z"}, "14:00:00+02": {"14:00:00+02"}},
	"inet":   {"10.0.0.1": {"10.0.0.1/32", "10.0.0.1"}, "10.0.0.1/8": {"10.0.0.1/8"}},
	"varbit": {"01": {"01"}, "010": {"010"}},
	"tstzrange": {`["2024-01-01 00:00:00+00","2024-01-02 00:00:00+00")`: {
		"[2024-01-01T02:00+02,2024-01-02Z)",
		"[2024-01-01Z,2024-01-01T24:00Z)",
	}},
	"char(4)": {"ab  ": {"ab", "ab  ", "ab      "}},
	"mood":    {"Happy": {"Happy"}, "happy": {"happy"}},
}

// TestEqualKeys: equal values have one text, in rows, in keys that are read and in pages of keys.
// Other columns keep their text.
func TestEqualKeys(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.exec(t, `CREATE TYPE mood AS ENUM ('happy', 'Happy'); CREATE DOMAIN amount AS numeric CHECK (VALUE > 0);
		CREATE DOMAIN period AS numrange; CREATE DOMAIN took AS interval`)
	for typ, values := range equalTexts {
		b.exec(t, "CREATE TABLE items (key "+typ+" PRIMARY KEY, plain "+typ+" NOT NULL)")
		var want, plain []string
		var registered []chferry.PrimaryKey
		for canonical, texts := range values {
			b.exec(t, "INSERT INTO items VALUES ('"+texts[0]+"', '"+texts[0]+"')")
			want = append(want, canonical)
			for _, text := range texts {
				registered = append(registered, chferry.PrimaryKey{text})
			}
		}
		table := b.describe(t, "items")
		read, err := b.source.ReadKeys(t.Context(), table, registered)
		if err != nil {
			t.Fatalf("%s: %v", typ, err)
		}
		for i, r := range read {
			if r.Key == nil || !slices.Contains(values[r.Key[0]], registered[i][0]) {
				t.Errorf("%s: %q is read as %q", typ, registered[i], r.Key)
			}
		}
		var paged []string
		var keys []chferry.PrimaryKey
		if err := b.source.PrimaryKeys(t.Context(), table, 2, func(page []chferry.PrimaryKey) error {
			for _, key := range page {
				paged, keys = append(paged, key[0]), append(keys, key)
			}
			return nil
		}); err != nil {
			t.Fatalf("%s: %v", typ, err)
		}
		rows, err := b.source.Fetch(t.Context(), table, keysOf(t, table, keys...))
		if err != nil {
			t.Fatalf("%s: %v", typ, err)
		}
		var fetched []string
		for i := range rows.Rows() {
			fetched, plain = append(fetched, string(rows.Vectors[0].At(i))),
				append(plain, string(rows.Vectors[1].At(i)))
		}
		slices.Sort(want)
		for what, got := range map[string][]string{"pages": paged, "rows": fetched} {
			if slices.Sort(got); !slices.Equal(got, want) {
				t.Errorf("%s: the keys of %s are %q, want %q", typ, what, got, want)
			}
		}
		if typ == "numeric" && !slices.Contains(plain, "1.50") {
			t.Errorf("a column that is no key holds %q, without 1.50", strings.Join(plain, " "))
		}
		b.exec(t, "DROP TABLE items")
	}
}

// TestKeysOfQuotedTypes: a server that quotes every name has the same types.
func TestKeysOfQuotedTypes(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.exec(t, "CREATE EXTENSION citext; CREATE DOMAIN handle AS citext; CREATE TABLE items (id citext, at date, span "+
		"numrange, alias handle, PRIMARY KEY (id, at, span, alias))")
	b.exec(t, "INSERT INTO items VALUES ('Ann', '2024-02-29', '[1.0,2)', 'A')")
	b.exec(t, "ALTER DATABASE "+quote(b.conn.Config().Database)+" SET quote_all_identifiers = on")
	b.source = open(t, b.url)
	table := b.describe(t, "items")
	for i, want := range []string{"citext", "date", "numrange", "citext"} {
		if got := table.Columns[i].SourceType; got != want {
			t.Errorf("column %d is of type %s, want %s", i, got, want)
		}
	}
	read, err := b.source.ReadKeys(t.Context(), table,
		[]chferry.PrimaryKey{{"ANN", "29 Feb 2024", "[1.00,2)", "a"}, {"ANN", "today", "[1,2)", "a"}})
	if err != nil || read[0].Key == nil || read[1].Key != nil {
		t.Fatalf("got %+v, %v", read, err)
	}
	if !b.found(t, table, read[0].Key)[0] {
		t.Error("a key in other texts finds no row")
	}
}

// TestFold: texts have one fold just if citext holds them equal, by the rules of the database's language.
func TestFold(t *testing.T) {
	t.Parallel()
	b := setup(t)
	name := b.conn.Config().Database + "_utf8"
	b.exec(t, "CREATE DATABASE "+quote(name)+" TEMPLATE template0 ENCODING 'UTF8' LOCALE 'C.UTF-8'")
	t.Cleanup(func() { _, _ = b.conn.Exec(context.Background(), "DROP DATABASE "+quote(name)+" WITH (FORCE)") })
	u, err := url.Parse(b.url)
	if err != nil {
		t.Fatal(err)
	}
	u.Path = "/" + name
	src := open(t, u.String())
	conn, err := pgx.Connect(t.Context(), u.String())
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = conn.Close(context.Background()) }()
	if _, err := conn.Exec(t.Context(),
		"CREATE EXTENSION citext; CREATE TABLE items (id citext PRIMARY KEY)"); err != nil {
		t.Fatal(err)
	}
	table, err := src.Describe(t.Context(), "items", nil)
	if err != nil || !table.Columns[0].Folds {
		t.Fatalf("got %+v, %v", table.Columns, err)
	}
	texts := []string{
		"Ann", "ANN", "ann ", "Zoë", "ZOË", "zoe", "", "Кот", "КОТ", "I", "i", "İ", "ı", "ΟΔΟΣ", "οδος",
		"οδοσ", "ẞ", "ß", "SS", "K", "k",
	}
	folded, err := src.(source.Folder).Fold(t.Context(), table.Columns[0], texts)
	if err != nil {
		t.Fatal(err)
	}
	for i, a := range texts {
		for j, other := range texts {
			var equal bool
			if err := conn.QueryRow(t.Context(), "SELECT $1::text::citext = $2::text::citext", a,
				other).Scan(&equal); err != nil {
				t.Fatal(err)
			}
			if (folded[i] == folded[j]) != equal {
				t.Errorf("%q and %q are %q and %q, and equal to PostgreSQL: %v", a, other, folded[i], folded[j], equal)
			}
		}
	}
	if folded[3] != folded[4] {
		t.Errorf("%q and %q differ", texts[3], texts[4])
	}
}
