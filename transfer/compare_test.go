package transfer_test

import (
	"fmt"
	"slices"
	"testing"

	"github.com/chferry/chferry"
	"github.com/chferry/chferry/internal/testenv"
	"github.com/chferry/chferry/transfer"
)

// compareKeys are keys of tables, whose rows are numbered by n.
var compareKeys = map[string]struct {
	columns string
	key     string
	of      string // the key of row n
	ordered bool   // alike on both sides
}{
	"bigint":           {"id bigint", "id", "n * 7 - 1000", true},
	"numeric":          {"id numeric(12,2)", "id", "(n - 100) / 4.0", true},
	"bool and int":     {"a boolean, b int", "a, b", "n % 2 = 0, n - 150", true},
	"date":             {"id date", "id", "date '1969-10-01' + n", true},
	"timestamptz":      {"id timestamptz", "id", "timestamptz '1969-12-31Z' + n * interval '1000.5 s'", true},
	"bytea":            {"id bytea", "id", "decode(md5(n::text), 'hex')", true},
	"text":             {`id text COLLATE "C"`, "id", "CASE n WHEN 1 THEN '' ELSE chr(64 + n % 70) || n END", true},
	"text and bigint":  {`a varchar(20) COLLATE "C", b bigint`, "b, a", "'k' || n % 7, n % 9 * 1000000 + n", true},
	"few first values": {"a int, b int", "a, b", "n % 3, n", true},
	"uuid":             {"id uuid", "id", "md5(n::text)::uuid", false},
	"collation":        {`id text COLLATE "en-x-icu"`, "id", "chr(65 + n % 2 * 32 + n % 26) || '''-' || n", false},
	"citext":           {"id public.citext", "id", "CASE n % 2 WHEN 0 THEN 'A' ELSE 'a' END || n", false},
	"enum first":       {"a mood, b bigint", "a, b", "(ARRAY['z','m','a'])[1 + n % 3]::mood, n", false},
	"bigint and uuid":  {"a bigint, b uuid", "a, b", "n % 7, md5(n::text)::uuid", false},
	"char":             {"id char(8)", "id", "'k' || n", false},
	"inet":             {"id inet", "id", "inet '9.255.255.0' + n", false},
	"numeric text":     {"id numeric", "id", "n / 8.0", false},
}

const compareTypes = `CREATE EXTENSION citext SCHEMA public; CREATE TYPE mood AS ENUM ('z', 'm', 'a');`

// TestCompareKeys finds rows that were changed behind the sync's back, whatever their keys are: the
// first and the last of the table, single ones and more than a page of them.
func TestCompareKeys(t *testing.T) {
	t.Parallel()
	for name, test := range compareKeys {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newServers(t, testenv.ModernClickHouse(t), compareTypes+fmt.Sprintf(
				"CREATE TABLE items (%s, n int NOT NULL, word text, PRIMARY KEY (%s)); "+
					"INSERT INTO items SELECT %s, n, 'word' FROM generate_series(1, 300) n; ANALYZE items",
				test.columns, test.key, test.of))
			s.copyAll()
			c := s.comparing(40)
			passes, err := s.pipeline.Passes(t.Context(), c.Plan, "default", "")
			ok(t, err)
			if ordered := slices.Equal(passes, []string{transfer.PassBoth}); ordered != test.ordered {
				t.Errorf("got passes %q", passes)
			}
			if got := s.compare(c); got.Rows != 300 || got.Failed != 0 || len(got.Differences) != 0 {
				t.Errorf("of equal tables: got %+v", got)
			}
			ranked := "(SELECT n, row_number() OVER (ORDER BY " + test.key + ") AS at FROM items) AS x"
			s.exec(fmt.Sprintf(`
				DELETE FROM items WHERE n IN (SELECT n FROM %s WHERE at IN (1, 60, 300) OR at BETWEEN 100 AND 190);
				UPDATE items SET word = 'other' WHERE n IN (SELECT n FROM %[1]s WHERE at IN (1, 30, 50, 51));
				INSERT INTO items SELECT %s, n, 'new' FROM generate_series(301, 305) n`, ranked, test.of))
			got := s.compare(c)
			if got.Missing != 5 || got.Stale != 4 || got.Surplus != 94 || got.Rows != 211 {
				t.Errorf("got %d missing, %d stale and %d surplus rows beside %d, want 5, 4 and 94 beside 211",
					got.Missing, got.Stale, got.Surplus, got.Rows)
			}
			if got.Registered != 0 {
				t.Errorf("%d operations were registered", got.Registered)
			}
			s.repairs(c)
			if got := s.compare(c); got.Registered != 103 {
				t.Errorf("%d operations were registered, want 103", got.Registered)
			}
			ok(t, s.sync(t.Context()))
			if got := s.compare(c); got.Rows != 211 || len(got.Differences) != 0 {
				t.Errorf("after the repair: got %+v", got)
			}
		})
	}
}

// TestCompareNames: differences name rows as operations do.
func TestCompareNames(t *testing.T) {
	t.Parallel()
	s := newServers(t, testenv.ModernClickHouse(t), `
		CREATE TABLE items (a text COLLATE "C", b bigint, PRIMARY KEY (b, a));
		INSERT INTO items SELECT 'x', n FROM generate_series(1, 9) n`)
	s.copyAll()
	s.exec("DELETE FROM items WHERE b IN (1, 5, 9); INSERT INTO items VALUES ('', 0), ('w', 3), ('z', 10)")
	wantDifferences(t, s.compare(s.comparing(3)), "missing 0,", "missing 3,w", "missing 10,z", "surplus 1,x",
		"surplus 5,x", "surplus 9,x")
}

// TestCompareEnds: rows of the destination before the first of the source, and behind its last, are surplus.
func TestCompareEnds(t *testing.T) {
	t.Parallel()
	s := newServers(t, testenv.ModernClickHouse(t), numbered)
	s.copyAll()
	s.exec("DELETE FROM items WHERE id IN (1, 99, 100)")
	wantDifferences(t, s.compare(s.comparing(30)), "surplus 1", "surplus 99", "surplus 100")
}

// TestCompareFoldedText: a key whose letters became others is another row in the destination.
func TestCompareFoldedText(t *testing.T) {
	t.Parallel()
	s := newServers(t, testenv.ModernClickHouse(t), compareTypes+
		"CREATE TABLE items (id public.citext PRIMARY KEY, n int); INSERT INTO items VALUES ('Ann', 1), ('Bob', 2)")
	s.copyAll()
	s.exec("UPDATE items SET id = 'ANN' WHERE n = 1")
	c := s.comparing(30)
	s.repairs(c)
	wantDifferences(t, s.compare(c), "missing ANN")
	c.Repair = false
	s.exec("UPDATE items SET id = 'ann' WHERE n = 1")
	wantDifferences(t, s.compare(c), "missing ann", "surplus ANN")
}

// TestCompareEmpty: of an empty table, all rows of the destination are surplus.
func TestCompareEmpty(t *testing.T) {
	t.Parallel()
	for _, key := range []string{"bigint", "uuid"} {
		s := newServers(t, testenv.ModernClickHouse(t), "CREATE TABLE items (id "+key+" PRIMARY KEY)")
		c := s.comparing(10)
		if got := s.compare(c); got.Rows != 0 || len(got.Differences) != 0 {
			t.Errorf("%s: got %+v, want nothing", key, got)
		}
		s.exec("INSERT INTO items SELECT " + compareKeys[key].of + " FROM generate_series(1, 30) n")
		s.copyAll()
		s.exec("DELETE FROM items")
		if got := s.compare(c); got.Surplus != 30 {
			t.Errorf("%s: got %d surplus rows, want 30", key, got.Surplus)
		}
	}
}

// TestCompareDatabases compares each database's own rows of a destination that several share.
func TestCompareDatabases(t *testing.T) {
	t.Parallel()
	for _, key := range []string{"bigint", "uuid"} {
		s := newServers(t, testenv.ModernClickHouse(t), "CREATE TABLE items (id "+key+" PRIMARY KEY, n int);"+
			"INSERT INTO items SELECT "+compareKeys[key].of+", n FROM generate_series(1, 50) n",
			func(i *chferry.Import) { i.Databases, i.DatabaseColumn = []string{"eu", "us"}, "region" })
		s.copyAll()
		c := s.comparing(10)
		if got := s.compare(c); got.Rows != 100 || len(got.Differences) != 0 {
			t.Errorf("%s: got %+v, want 100 equal rows", key, got)
		}
		s.exec("UPDATE items SET n = -n WHERE n = 1; DELETE FROM items WHERE n IN (2, 3)")
		got := s.compare(c)
		if got.Stale != 1 || got.Surplus != 2 || got.Missing != 0 {
			t.Errorf("%s: got %+v, want one stale row and two surplus ones", key, got)
		}
		for _, d := range got.Differences {
			if d.Database != "eu" {
				t.Errorf("%s: a difference is in database %s", key, d.Database)
			}
		}
	}
}

// TestCompareWhere: with a condition, rows that it does not hold for are no surplus.
func TestCompareWhere(t *testing.T) {
	t.Parallel()
	s := newServers(t, testenv.ModernClickHouse(t), "CREATE TABLE items (id bigint PRIMARY KEY, n int);"+
		"INSERT INTO items SELECT n, n FROM generate_series(1, 50) n")
	s.copyAll()
	s.exec("UPDATE items SET n = -n WHERE id IN (5, 45); DELETE FROM items WHERE id = 3;" +
		"INSERT INTO items VALUES (0, 0), (60, 60)")
	c := s.comparing(7)
	c.Where = "id <= 10"
	got := s.compare(c)
	wantDifferences(t, got, "missing 0", "stale 5")
	if got.Rows != 10 {
		t.Errorf("%d rows were compared, want 10", got.Rows)
	}
}

// TestCompareGoesOn: a comparison that is made again from a place that was saved finds the rest.
func TestCompareGoesOn(t *testing.T) {
	t.Parallel()
	for _, key := range []string{"bigint", "uuid"} {
		s := newServers(t, testenv.ModernClickHouse(t), "CREATE TABLE items (id "+key+" PRIMARY KEY, n int);"+
			"INSERT INTO items SELECT "+compareKeys[key].of+", n FROM generate_series(1, 100) n")
		s.copyAll()
		s.exec("DELETE FROM items WHERE n % 3 = 0; UPDATE items SET n = -n WHERE n % 3 = 1")
		cut, _, err := s.pipeline.CutToCompare(t.Context(), s.plan(), "", 1)
		ok(t, err)
		var got transfer.Compared
		for _, r := range cut {
			c := s.comparing(10)
			c.Pass = r.Pass
			got = total(got, s.interrupted(c, r.After, r.UpTo))
		}
		if got.Stale != 34 || got.Surplus != 33 || got.Missing != 0 || got.Rows != 67 {
			t.Errorf("%s: got %d stale, %d surplus and %d missing rows of %d", key, got.Stale, got.Surplus, got.Missing,
				got.Rows)
		}
	}
}

// TestCompareNeedsReader: a destination that can't be read is refused.
func TestCompareNeedsReader(t *testing.T) {
	t.Parallel()
	r := newRig(t, &fussySink{}, 0)
	r.fill("default", 1, 3, 1)
	c := transfer.Compare{Pipeline: r.pipeline, Plan: r.copying().Plan, Database: "default", Queue: r.store}
	err := c.Run(t.Context(), r.whole(r.copying()), &compareWork{})
	wantFailure(t, err, chferry.CodeConfiguration, true, "can't be read")
}

// TestCompareUnsynced: columns that are not synced are not compared, and named.
func TestCompareUnsynced(t *testing.T) {
	t.Parallel()
	s := newServers(t, testenv.ModernClickHouse(t), "CREATE TABLE items (id bigint PRIMARY KEY, n int, secret text);"+
		"INSERT INTO items SELECT n, n, 'first' FROM generate_series(1, 50) n",
		func(i *chferry.Import) { i.Exclude = []string{"secret"} })
	s.copyAll()
	s.exec("ALTER TABLE items ADD COLUMN late int DEFAULT 7; UPDATE items SET secret = 'second'")
	c := s.comparing(20)
	if got := s.compare(c); got.Rows != 50 || len(got.Differences) != 0 {
		t.Errorf("got %+v, want 50 equal rows", got)
	}
	if want := []string{"secret", "late"}; !slices.Equal(c.Plan.Unsynced, want) {
		t.Errorf("got unsynced columns %q, want %q", c.Plan.Unsynced, want)
	}
}
