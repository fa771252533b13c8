package postgres_test

import (
	"fmt"
	"slices"
	"strconv"
	"testing"

	"github.com/chferry/chferry/source"
	"github.com/chferry/chferry/source/postgres"
	"github.com/chferry/chferry/source/sourcetest"
)

// TestRangesOfStatistics cuts tables by what ANALYZE knows of their keys, and halves ranges by it
// and by samples. Each row is in one range.
func TestRangesOfStatistics(t *testing.T) {
	t.Parallel()
	const n = 3000
	for name, test := range map[string]struct {
		keys  string // the key's columns
		key   string // their names
		value string // their values, of a number n
		few   int    // ranges, where the first column tells no more apart; 0: 8
	}{
		"bigint":     {"id bigint", "id", "n * 7 - 5000", 0},
		"uuid":       {"id uuid", "id", "md5(n::text)::uuid", 0},
		"text":       {"id text", "id", "md5(n::text)", 0},
		"collation":  {`id text COLLATE "en-x-icu"`, "id", "chr(65 + n % 2 * 32 + n % 26) || '''-' || n", 0},
		"char":       {"id char(12)", "id", "'k ' || n", 0},
		"citext":     {"id public.citext", "id", "md5(n::text)", 0},
		"domain":     {"id code", "id", "md5(n::text)", 0},
		"enum first": {"kind mood, id bigint", "kind, id", "(ARRAY['new','old','none'])[1 + n % 3]::mood, n", 2},
		"bool first": {"kind boolean, id bigint", "kind, id", "n % 10 = 0, n", 2},
		"bytea":      {"id bytea", "id", "decode(md5(n::text), 'hex')", 0},
		"numeric":    {"id numeric", "id", "CASE n WHEN 1 THEN 'NaN' WHEN 2 THEN -1e40 ELSE n / 7.0 END", 0},
		"timestamptz": {"id timestamptz", "id", "CASE n WHEN 1 THEN 'infinity' WHEN 2 THEN '-infinity' WHEN 3 THEN " +
			"'0044-03-15 BC' ELSE timestamptz '2024-01-01Z' + n * interval '1 hour' END", 0},
		"inet":        {"id inet", "id", "inet '10.0.0.0' + n", 0},
		"two columns": {"shop int, id uuid", "shop, id", "n % 7, md5(n::text)::uuid", 7},
		"partitioned": {"id bigint", "id", "n", 0},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := setup(t)
			b.exec(t, "CREATE EXTENSION IF NOT EXISTS citext SCHEMA public; CREATE TYPE mood AS ENUM ('old', 'new', "+
				"'none'); CREATE DOMAIN code AS text")
			create := fmt.Sprintf("CREATE TABLE items (%s, n int NOT NULL, PRIMARY KEY (%s))", test.keys, test.key)
			if name == "partitioned" {
				create += " PARTITION BY RANGE (id); CREATE TABLE items_1 PARTITION OF items FOR VALUES FROM " +
					"(MINVALUE) TO (900);" +
					"CREATE TABLE items_2 PARTITION OF items FOR VALUES FROM (900) TO (MAXVALUE)"
			}
			b.exec(t, create)
			b.exec(t, fmt.Sprintf("INSERT INTO items SELECT %s, n FROM generate_series(1, %d) n; ANALYZE items",
				test.value, n))
			postgres.CutSmall(b.source, 100, 200)
			table := b.describe(t, "items")
			cut, err := b.source.(source.Ranger).Cut(t.Context(), table, "", 8)
			if err != nil {
				t.Fatal(err)
			}
			few := 8
			if test.few > 0 {
				few = test.few
			}
			if len(cut.Ranges) < few || len(cut.Ranges) > 8 || cut.Rows < n/2 || cut.Rows > 2*n {
				t.Errorf("%d ranges were cut of about %d rows", len(cut.Ranges), cut.Rows)
			}
			for _, rows := range []int{250, 1000} {
				all := sourcetest.ScanAll(t, b.source, table, "", rows, nil)
				var got []int
				for _, row := range all.Rows {
					number, err := strconv.Atoi(row[len(row)-1])
					if err != nil {
						t.Fatal(err)
					}
					got = append(got, number)
				}
				slices.Sort(got)
				if distinct := slices.Compact(slices.Clone(got)); len(got) != n || len(distinct) != n ||
					len(all.Unfit) > 0 {
					t.Errorf("pages of %d: %d rows were read, %d different ones, and %d unfit, want %d",
						rows, len(got), len(distinct), len(all.Unfit), n)
				}
				if all.Ranges <= len(cut.Ranges) {
					t.Errorf("no range of %d was halved", len(cut.Ranges))
				}
			}
		})
	}
}
