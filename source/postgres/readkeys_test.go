package postgres_test

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/chferry/chferry"
	"github.com/chferry/chferry/rowset"
	"github.com/chferry/chferry/source"
)

// keyNotations are what PostgreSQL reads as keys of its types, and what it writes for them; nothing
// for what it does not read.
var keyNotations = map[string]map[string]string{
	"boolean":  {"tr": "t", "of": "f", "maybe": ""},
	"smallint": {"32768": "", "1.0": ""},
	"integer":  {" 7 ": " 7 ", "7.0": "", "2147483648": ""},
	"numeric(5,2)": {
		"15e-1": "1.5", ".5": ".5", "NaN": "NaN", "nan": "NaN", "1e3x": "", "1e131071": "",
		"1E+000002": "100",
	},
	"numeric": {
		"15e-1": "1.5", "1.50": "1.5", "nan": "NaN", " 007 ": "7", "-0": "0", "x": "", "": "",
		"1e500": "1" + strings.Repeat("0", 500), "1e1000": "", "2e-1000": "", "1e99999999999999999999": "",
		"0001e0003": "1000",
	},
	"numeric(80,2)": {"1.505": "", "1.50": "1.5", "NaN": "NaN"},
	"uuid": {
		"{0F2E4D6C-8BA9-1C3E-5F70-8192A3B4C5D6}": "{0F2E4D6C-8BA9-1C3E-5F70-8192A3B4C5D6}",
		"0f-2e4d6c8ba91c3e5f708192a3b4c5d6":      "",
	},
	"date": {
		"2024-02-29T00:00:00.000Z": "2024-02-29", "20240229": "2024-02-29", "Feb 29, 2024": "2024-02-29",
		"infinity": "infinity", "-Infinity": "-infinity",
		"epoch": "1970-01-01", "12000-01-01": "12000-01-01", "0044-03-15 BC": "0044-03-15 BC", "J2451187": "1999-01-08",
		"0000-01-01": "", "today": "",
		"Tomorrow": "", "now": "", "5874898-01-01": "", "2024-02-29 23:00:00-12": "",
		"2024-02-29T00:00:00+05:30": "2024-02-29", "2024-02-29 24:00": "", "294277-01-01": "294277-01-01",
		"5874897-12-31": "5874897-12-31", "4714-11-24 BC": "4714-11-24 BC", "4714-11-23 BC": "",
		"2024-02-29 00:00:00.0000001": "",
	},
	"timestamptz": {
		"2024-02-29T12:00Z": "2024-02-29 12:00:00+00", "2024-02-29T12:00+05:30": "2024-02-29 06:30:00+00",
		"2024-02-29 12:00:00 +0000": "2024-02-29 12:00:00+00", "20240229T120000Z": "2024-02-29 12:00:00+00",
		"Thu Feb 29 12:00:00 2024 UTC": "2024-02-29 12:00:00+00", "epoch": "1970-01-01 00:00:00+00",
		"infinity": "infinity", "-infinity": "-infinity", "12000-01-01": "12000-01-01 00:00:00+00",
		"0044-03-15 BC":                        "0044-03-15 00:00:00+00 BC",
		"2024-02-29 12:00:00 America/New_York": "2024-02-29 17:00:00+00", "2024-02-29 12:00 Nowhere/City": "",
		"now": "", "today": "", "yesterday 12:00": "",
		"2024-02-29 12:00:00.1234567": "", "2024-02-29 12:00:00.12345670": "", "2024-02-29T12:00:00.0000000001Z": "",
		"2024-02-29 12:00:00.1234560000": "2024-02-29 12:00:00.1234560000",
		"2024-02-29 12:00+01 ":           "2024-02-29 11:00:00+00", "2024-02-29 12:00:00.1234561+01": "",
	},
	"timestamp": {
		"2024-02-29 12:00:00+05": "2024-02-29 12:00:00", "2024-02-29T12:00:00.5-0130": "2024-02-29 12:00:00.5",
		"2024-02-29T12:00:00Z": "2024-02-29T12:00:00Z", "infinity": "infinity",
		"0044-03-15 BC": "0044-03-15 00:00:00 BC", "NOW": "",
	},
	"timestamptz(0)": {
		"2024-02-29T12:00:00.4Z": "", "2024-02-29T12:00:00.4+01": "",
		"2024-02-29T12:00:00.0Z": "2024-02-29 12:00:00+00", "2024-02-29T12:00:00Z": "2024-02-29T12:00:00Z",
		"infinity": "infinity",
	},
	"timestamp(3)": {
		"2024-02-29 12:00:00.123": "2024-02-29 12:00:00.123", "2024-02-29T12:00:00.1Z": "2024-02-29T12:00:00.1Z",
		"2024-02-29 12:00:00.1234": "", "2024-02-29 12:00:00.123400+01": "",
		"2024-02-29 12:00:00.123000": "2024-02-29 12:00:00.123", "29 Feb 2024 12:00:00.1239": "",
	},
	"timestamp(6)": {"2024-02-29 12:00:00.123456": "2024-02-29 12:00:00.123456", "2024-02-29 12:00:00.1234561": ""},
	"numeric(5,-2)": {
		"12300": "12300", "12345": "", "1e2": "100", "50": "", "1234567": "", "9999900": "9999900", "9999960": "",
		"12345678": "",
	},
	"numeric(2,5)":  {"0.00099": "0.00099", "0.001": "", "0.000991": "", "99e-5": "0.00099"},
	"numeric(76,2)": {"1.505": "", "1.50": "1.50"},
	"varchar(3)": {
		"abc": "abc", "abcd": "", "abc ": "", "ab ": "ab ", "": "", "é日🚢": "é日🚢", "éé日🚢": "",
	},
	"name": {
		strings.Repeat("n", 63): strings.Repeat("n", 63), strings.Repeat("n", 64): "", strings.Repeat("é", 32): "",
	},
	"interval(0)": {"1.5 seconds": "", "00:00:01.0": "00:00:01", "1 mon -1 hour": "29 days 23:00:00"},
	"interval year to month": {
		"1 year 5 days": "", "30 days": "1 mon", "14 months": "1 year 2 mons", "1 hour": "", "-30 days": "-1 mons",
	},
	"interval day to hour": {"1 day 25:00": "2 days 01:00:00", "1 hour 30 minutes": "", "40 days": "1 mon 10 days"},
	"bit varying(3)":       {"010": "010", "0101": "", "x5": ""},
	"timetz(0)":            {"12:34:00+02": "12:34:00+02", "12:34:00.4+02": ""},
	"tstzrange":            {"[2024-01-01Z,2024-01-01T00:00:00.0000001Z)": ""},
	"moment":               {"12:34:00": "12:34:00", "12:34:00.4": ""},
	"timeframe":            {"today": "today", "1.00000001": "1.00000001", "now": ""},
	"time": {
		"12:34": "12:34:00", "04:05 PM": "16:05:00", "12:34:56.789": "12:34:56.789",
		"now": "", "allballs": "00:00:00", "25:00": "",
	},
	"time(0)":                   {"12:34:56.789": "", "12:34:56.0": "12:34:56", "23:59:59.9": ""},
	"timetz":                    {"12:34+2": "12:34:00+02", "12:34 UTC": "12:34:00+00"},
	"interval":                  {"1 day": "1 day", "P1DT2H": "1 day 02:00:00", "90 minutes": "01:30:00", "soon": ""},
	"interval day to second(0)": {"1.5 seconds": ""},
	"bytea": {
		`\x00FF`: `\x00ff`, `\000\377`: `\x00ff`, "abc": `\x616263`, "": `\x`, `\x0`: "",
		`\q`: "",
	},
	"char(4)": {"ab": "ab  ", "ab      ": "ab  ", "abcd": "abcd", "abcde": "", "": "    "},
	"bpchar":  {"ab": "ab", "ab ": "ab"},
	"text":    {"": "", "now": "now"},
	"inet": {
		"10.0.0.1/32": "10.0.0.1", "10.0.0.1/8": "10.0.0.1/8", "::FFFF": "::ffff",
		"10.0.0": "", "": "",
	},
	"cidr":        {"10.0.0.0/8": "10.0.0.0/8", "10": "10.0.0.0/8", "10.0.0.1/8": ""},
	"macaddr":     {"08002b:010203": "08:00:2b:01:02:03", "x": ""},
	"macaddr8":    {"08002b0102030405": "08:00:2b:01:02:03:04:05"},
	"bit(4)":      {"0101": "0101", "x5": "0101", "01": "", "2": "", "01010": ""},
	"bit varying": {"b0101": "0101", "": ""},
	"numrange":    {"[1e2,2e2)": "[100,200)", "[1,1e100000)": ""},
	"int4range":   {"[1,4]": "[1,5)", "empty": "empty", "1": ""},
	"daterange": {
		"[2024-01-01,2024-01-31]": "[2024-01-01,2024-02-01)", "[2024-01-01,today]": "",
		"[2024-01-01 12:00,2024-01-31]": "",
	},
	"citext":  {"Ann": "Ann", "": ""},
	"mood":    {"happy": "happy", "Happy": "", "it's": "it's"},
	"feeling": {"happy": "happy", "no label": ""},
	"code":    {"ab": "ab ", "abcd": ""},
}

// TestKeyNotations reads keys of every type that may be one, with those that can't be read among them.
func TestKeyNotations(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.exec(t, `CREATE EXTENSION citext; CREATE TYPE mood AS ENUM ('happy', 'it''s');
		CREATE DOMAIN feeling AS mood; CREATE DOMAIN code AS char(3);
		CREATE DOMAIN moment AS time(0); CREATE TYPE timeframe AS ENUM ('today', '1.00000001')`)
	for typ, notations := range keyNotations {
		b.exec(t, "CREATE TABLE items (key "+typ+" PRIMARY KEY)")
		table := b.describe(t, "items")
		var pks []chferry.PrimaryKey
		for text := range notations {
			pks = append(pks, chferry.PrimaryKey{text})
		}
		read, err := b.source.ReadKeys(t.Context(), table, pks)
		if err != nil {
			t.Fatalf("%s: %v", typ, err)
		}
		for i, pk := range pks {
			want, readable := notations[pk[0]], notations[pk[0]] != "" || pk[0] == "" &&
				slices.Contains([]string{"text", "citext", "bit varying", "varchar(3)"}, typ)
			switch {
			case (read[i].Key != nil) != readable:
				t.Errorf("%s: %q is read as %q, want %q", typ, pk[0], read[i].Key, want)
			case readable && read[i].Key[0] != want:
				t.Errorf("%s: %q is read as %q, want %q", typ, pk[0], read[i].Key[0], want)
			}
		}
		b.wantStored(t, typ, table, read)
		b.exec(t, "DROP TABLE items")
	}
}

// wantStored stores keys, and wants each key that the table then has to be read as it is and to find its row.
func (b bundle) wantStored(t *testing.T, typ string, table rowset.Table, read []source.ReadKey) {
	t.Helper()
	for _, r := range read {
		if r.Key != nil { // a type with a parameter may not take it, or make another one of it
			_, _ = b.conn.Exec(t.Context(), "INSERT INTO items VALUES ($1::text::"+typ+") ON CONFLICT DO NOTHING",
				r.Key[0])
		}
	}
	var stored []chferry.PrimaryKey
	err := b.source.PrimaryKeys(t.Context(), table, 2, func(page []chferry.PrimaryKey) error {
		stored = append(stored, page...)
		return nil
	})
	if err != nil {
		t.Fatalf("%s: %v", typ, err)
	}
	var count int
	if err := b.conn.QueryRow(t.Context(), "SELECT count(*) FROM items").Scan(&count); err != nil ||
		count != len(stored) {
		t.Errorf("%s: got the keys %q of %d rows, %v", typ, stored, count, err)
	}
	again, err := b.source.ReadKeys(t.Context(), table, stored)
	if err != nil {
		t.Fatalf("%s: %v", typ, err)
	}
	for i, r := range again {
		if !slices.Equal(r.Key, stored[i]) {
			t.Errorf("%s: %q is read as %q", typ, stored[i], r.Key)
		}
	}
	rows, err := b.source.Fetch(t.Context(), table, keysOf(t, table, stored...))
	if err != nil || rows.Rows() != count {
		t.Errorf("%s: got %d rows of the keys %q, %v", typ, rows.Rows(), stored, err)
	}
}

// TestReadManyKeys reads more keys than one statement does, with some that can't be read here and there.
func TestReadManyKeys(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.exec(t, "CREATE TABLE items (at timestamptz, id int, PRIMARY KEY (id, at))")
	table := b.describe(t, "items")
	const n = 25_000
	pks := make([]chferry.PrimaryKey, n)
	for i := range pks {
		pks[i] = chferry.PrimaryKey{"0" + strconv.Itoa(i), fmt.Sprintf("2024-02-29T%02d:%02dZ", i/60%24, i%60)}
		if i%5000 == 7 {
			pks[i][1] = "2024-02-30T" + strconv.Itoa(i)
		}
	}
	read, err := b.source.ReadKeys(t.Context(), table, pks)
	if err != nil || len(read) != n {
		t.Fatalf("read %d keys, %v", len(read), err)
	}
	for i, r := range read {
		want := chferry.PrimaryKey{pks[i][0], fmt.Sprintf("2024-02-29 %02d:%02d:00+00", i/60%24, i%60)}
		if i%5000 == 7 {
			want = nil
		}
		if !slices.Equal(r.Key, want) || want == nil && r.Unreadable != 1 {
			t.Fatalf("key %d, %q, is read as %+v", i, pks[i], r)
		}
	}
	if err := b.idle(t); err != nil {
		t.Error(err)
	}
}

// TestReadKeysWithOtherSettings: what a role has set changes no key.
func TestReadKeysWithOtherSettings(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.exec(t, "CREATE TABLE items (at timestamptz PRIMARY KEY, took interval NOT NULL)")
	b.exec(t, "ALTER DATABASE "+quote(b.conn.Config().Database)+" SET timezone = 'Asia/Tokyo'")
	b.exec(t, "ALTER DATABASE "+quote(b.conn.Config().Database)+" SET datestyle = 'SQL'")
	b.source = open(t, b.url)
	table := b.describe(t, "items")
	read, err := b.source.ReadKeys(t.Context(), table, []chferry.PrimaryKey{{"2024-02-29 12:00"}, {"Feb 29, 2024"}})
	if err != nil || !slices.Equal(read[0].Key, chferry.PrimaryKey{"2024-02-29 12:00:00+00"}) ||
		!slices.Equal(read[1].Key, chferry.PrimaryKey{"2024-02-29 00:00:00+00"}) {
		t.Errorf("got %+v, %v", read, err)
	}
}

// TestCitextOutsideOfTheSearchPath: the type's own comparison is used wherever its schema is.
func TestCitextOutsideOfTheSearchPath(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.exec(t, `CREATE SCHEMA "Ext.1"; CREATE EXTENSION citext SCHEMA "Ext.1";
		CREATE TABLE items (id "Ext.1".citext PRIMARY KEY); INSERT INTO items VALUES ('Ann')`)
	table := b.describe(t, "items")
	if !b.found(t, table, chferry.PrimaryKey{"aNN"})[0] {
		t.Error("a key in other letters finds no row")
	}
}
