package postgres_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"pgregory.net/rapid"

	"github.com/chferry/chferry"
	"github.com/chferry/chferry/rowset"
)

// found returns which of pks have a row.
func (b bundle) found(t testing.TB, table rowset.Table, pks ...chferry.PrimaryKey) []bool {
	t.Helper()
	rows, err := b.source.Fetch(t.Context(), table, keysOf(t, table, pks...))
	if err != nil {
		t.Fatalf("fetch: %v", err)
	}
	found := make([]bool, len(pks))
	for _, k := range rows.Key {
		found[k] = true
	}
	return found
}

// TestKeyTypes covers the types of keys that other databases don't have.
func TestKeyTypes(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.exec(t, `CREATE SCHEMA "S"; CREATE TYPE "S"."Mood" AS ENUM ('happy', 'it''s "sad"');
		CREATE DOMAIN feeling AS "S"."Mood";
		CREATE DOMAIN number AS int; CREATE DOMAIN moment AS timestamp`)
	for column, pks := range map[string]map[string]bool{
		`"S"."Mood"`: {"happy": true, `it's "sad"`: false, "Happy": false, "": false, "no label": false},
		"feeling":    {"happy": true, `it's "sad"`: false, "no label": false},
		"varchar(5)": {"happy": true, "happy ": false, "too long for the column": false},
		"name":       {"happy": true, strings.Repeat("long", 40): false},
		"number":     {"7": true, "07": true, "8": false},
		"timestamp": {
			"2024-02-29 12:00:00": true, "2024-02-29T12:00:00Z": true, "2024-02-29 14:00:00+02": true,
			"2024-02-29 12:00:01": false,
		},
		"moment":         {"2024-02-29 12:00:00": true, "2024-02-29 12:00:01": false},
		"timestamptz(0)": {"2024-02-29 12:00:00": true, "2024-02-29 12:00:00.4": false},
		"numeric(3,5)":   {"0.00712": true, ".00712": true, "0.00713": false},
		"numeric(3,-2)":  {"71200": true, "071200.00": true, "71201": false},
		"numeric(76,70)": {
			"7.12": true, "7.120": true,
			"7.1200000000000000000000000000000000000000000000000000000000000000000001": false,
		},
	} {
		b.exec(t, "CREATE TABLE items (key "+column+" PRIMARY KEY)")
		for _, value := range []string{"happy", "7", "2024-02-29 12:00:00", "0.00712", "71200", "7.12"} {
			// Each type takes one of the values.
			_, _ = b.conn.Exec(t.Context(),
				"INSERT INTO items SELECT '"+value+"'::"+column+" WHERE NOT EXISTS (SELECT FROM items)")
		}
		if column == "numeric(3,-2)" {
			b.exec(t, "UPDATE items SET key = 71200")
		}
		if column == "numeric(76,70)" {
			b.exec(t, "UPDATE items SET key = 7.12")
		}
		table := b.describe(t, "items")
		for pk, want := range pks {
			if got := b.found(t, table, chferry.PrimaryKey{pk})[0]; got != want {
				t.Errorf("%s: key %q: found %v, want %v", column, pk, got, want)
			}
		}
		b.exec(t, "DROP TABLE items")
	}
}

// TestKeysAtTheEdges makes sure that no key which can be read makes the statement fail.
func TestKeysAtTheEdges(t *testing.T) {
	t.Parallel()
	b := setup(t)
	nines := strings.Repeat("9", 38)
	for column, pks := range map[string][]string{
		"date": {"0000-01-01", "0001-01-01", "9999-12-31"},
		"timestamp": {
			"0000-01-01 00:00:00", "9999-12-31 23:59:59.999999", "0000-01-01 00:00:00+23:59",
			"9999-12-31 23:59:59-23:59",
		},
		"timestamptz": {
			"0000-01-01", "9999-12-31 23:59:59.999999", "0000-01-01 00:00:00+23:59",
			"9999-12-31 23:59:59-23:59",
		},
		"numeric(76,38)": {nines + "." + nines, "-" + nines + "." + nines},
		"int2":           {"-32768", "32767"},
		"text": {
			"{", "}", `"`, `\`, ",", "NULL", "\x01", "\x7f", "\uFEFF", "\uFFFD", "\U0010FFFF",
			strings.Repeat("x", 1<<20),
		},
		"name": {strings.Repeat("é", 1000)},
	} {
		b.exec(t, "CREATE TABLE items (key "+column+" PRIMARY KEY)")
		table := b.describe(t, "items")
		for _, pk := range pks {
			if b.found(t, table, chferry.PrimaryKey{pk})[0] {
				t.Errorf("%s: key %.40q was found in an empty table", column, pk)
			}
		}
		b.exec(t, "DROP TABLE items")
	}
}

// TestAnyTextIsAKey stores texts by another driver and finds each of them.
func TestAnyTextIsAKey(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.exec(t, "CREATE TABLE items (key text PRIMARY KEY)")
	table := b.describe(t, "items")
	rapid.Check(t, func(rt *rapid.T) {
		texts := rapid.SliceOfNDistinct(
			rapid.String().Filter(func(s string) bool { return !strings.Contains(s, "\x00") }), 1, 20,
			rapid.ID).Draw(rt, "texts")
		_, err := b.conn.CopyFrom(t.Context(), pgx.Identifier{"items"}, []string{"key"},
			pgx.CopyFromSlice(len(texts), func(i int) ([]any, error) { return []any{texts[i]}, nil }))
		if err != nil {
			rt.Fatal(err)
		}
		defer b.exec(t, "TRUNCATE items")
		pks := make([]chferry.PrimaryKey, len(texts))
		for i, text := range texts {
			pks[i] = chferry.PrimaryKey{text}
		}
		rows, err := b.source.Fetch(t.Context(), table, keysOf(t, table, pks...))
		if err != nil || rows.Rows() != len(texts) {
			rt.Fatalf("got %d rows, %v, want %d", rows.Rows(), err, len(texts))
		}
		for r, k := range rows.Key {
			if got, want := string(rows.Vectors[0].At(r)), texts[k]; got != want {
				rt.Errorf("got %q, want %q", got, want)
			}
		}
	})
}

// TestReplacedTable makes sure that rows of another table under the same name are never taken for those of the first.
func TestReplacedTable(t *testing.T) {
	t.Parallel()
	for name, replace := range map[string]string{
		"created again": "DROP TABLE items; CREATE TABLE items (id int PRIMARY KEY)",
		"swapped": "CREATE TABLE other (id int PRIMARY KEY); ALTER TABLE items RENAME TO old; ALTER TABLE " +
			"other RENAME TO items",
		"in search path": `CREATE SCHEMA "postgres"; CREATE TABLE "postgres".items (id int PRIMARY KEY)`,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := setup(t)
			b.exec(t, "CREATE TABLE items (id int PRIMARY KEY); INSERT INTO items VALUES (1)")
			if name == "in search path" {
				replace = strings.ReplaceAll(replace, `"postgres"`, quote(b.conn.Config().User))
			}
			table := b.describe(t, "items")
			b.exec(t, replace)
			wantCode(t, b.fetchErr(t, table), chferry.CodeSourceChanged, "items")
			err := b.source.PrimaryKeys(t.Context(), table, 10, func([]chferry.PrimaryKey) error {
				t.Error("got keys of the other table")
				return nil
			})
			wantCode(t, err, chferry.CodeSourceChanged, "items")
			if err := b.fetchErr(t, b.describe(t, "items")); err != nil {
				t.Errorf("described anew: %v", err)
			}
		})
	}
}

// TestChangedColumns changes a column after its table was described.
func TestChangedColumns(t *testing.T) {
	t.Parallel()
	for change, want := range map[string]chferry.Code{
		"ALTER COLUMN n TYPE bigint":                                         chferry.CodeSchemaMismatch,
		"ALTER COLUMN n TYPE date USING '2024-02-29'":                        chferry.CodeSchemaMismatch,
		"ALTER COLUMN n TYPE real":                                           chferry.CodeSchemaMismatch,
		"ALTER COLUMN price TYPE numeric(14,4)":                              chferry.CodeSchemaMismatch,
		"ALTER COLUMN n DROP NOT NULL, ALTER COLUMN n TYPE int USING (NULL)": chferry.CodeSchemaMismatch,
		"ALTER COLUMN tags TYPE bigint[]":                                    chferry.CodeSchemaMismatch,
		"ALTER COLUMN tags TYPE int USING 1":                                 chferry.CodeSchemaMismatch,
		"DROP COLUMN tags, ADD COLUMN tags text[]":                           chferry.CodeSchemaMismatch,
		"DROP COLUMN n":        chferry.CodeUnavailable,
		"RENAME COLUMN n TO m": chferry.CodeUnavailable,
	} {
		b := setup(t)
		b.exec(t, "CREATE TABLE items (id int PRIMARY KEY, n int NOT NULL, price numeric(12,2), tags int[]); INSERT "+
			"INTO items VALUES (1, 2, 3, '{4}')")
		table := b.describe(t, "items")
		b.exec(t, "ALTER TABLE items "+change)
		wantCode(t, b.fetchErr(t, table), want, "items", "changed")
		if err := b.fetchErr(t, b.describe(t, "items")); err != nil {
			t.Errorf("%s: described anew: %v", change, err)
		}
	}
}

// TestErrorsHideValues makes the server name a value in its error, which ours must not repeat.
func TestErrorsHideValues(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.exec(t, `CREATE TABLE items (id int PRIMARY KEY, word text); INSERT INTO items VALUES (1, 'confidential');
		CREATE VIEW numbers AS SELECT id, word::int AS word FROM items`)
	err := b.fetchErr(t, b.describe(t, "numbers", "id"))
	wantCode(t, err, chferry.CodeUnreadable, "numbers", "22P02")
	if strings.Contains(err.Error(), "confidential") {
		t.Errorf("error %q shows a value", err)
	}
}

// lock holds a table exclusively until the test ends.
func (b bundle) lock(t *testing.T, table string) {
	t.Helper()
	b.exec(t, "BEGIN; LOCK TABLE "+table)
}

func TestStatementTimeout(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.exec(t, "CREATE TABLE items (id int PRIMARY KEY); INSERT INTO items VALUES (1)")
	limited := b
	limited.source = open(t, withParameter(t, b.url, "statement_timeout", "200"))
	table := limited.describe(t, "items")
	b.lock(t, "items")
	wantCode(t, limited.fetchErr(t, table), chferry.CodeUnavailable, alias, "statement timeout")
	b.exec(t, "ROLLBACK")
	if err := limited.fetchErr(t, table); err != nil {
		t.Errorf("after the lock was released: %v", err)
	}
}

// TestCancelEndsAtOnce also looks at the server, where nothing may go on.
func TestCancelEndsAtOnce(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.exec(t, "CREATE VIEW slow AS SELECT 1 AS id, pg_sleep(30) IS NULL AS slept")
	table := b.describe(t, "slow", "id")
	ctx, cancel := context.WithCancel(t.Context())
	time.AfterFunc(200*time.Millisecond, cancel)
	started := time.Now()

	_, err := b.source.Fetch(ctx, table, keysOf(t, table, chferry.PrimaryKey{"1"}))

	if got := time.Since(started); got > 2*time.Second {
		t.Errorf("took %s after it was cancelled", got)
	}
	wantCode(t, err, chferry.CodeUnavailable, alias)
	if !errors.Is(err, context.Canceled) {
		t.Errorf("got %v, want an error that wraps context.Canceled", err)
	}
	if err := eventually(t, true, func() error { return b.idle(t) }); err != nil {
		t.Error(err)
	}
}

// idle returns an error while the server runs a statement for chferry.
func (b bundle) idle(t *testing.T) error {
	t.Helper()
	var running int
	err := b.conn.QueryRow(t.Context(), `SELECT count(*) FROM pg_stat_activity
		WHERE datname = current_database() AND application_name = 'chferry' AND state <> 'idle'`).Scan(&running)
	if err == nil && running > 0 {
		err = fmt.Errorf("the server still runs %d statements", running)
	}
	return err
}

// TestAtTheSameTime reads from more goroutines than there are connections.
func TestAtTheSameTime(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.exec(t, "CREATE TABLE items (id int PRIMARY KEY, name text); INSERT INTO items SELECT i, 'name ' || i FROM "+
		"generate_series(0, 999) AS i")
	table := b.describe(t, "items")
	var wg sync.WaitGroup
	for g := range 12 {
		wg.Go(func() {
			pks := []chferry.PrimaryKey{{fmt.Sprint(g * 10)}, {fmt.Sprint(g*10 + 1)}}
			for range 20 {
				for i, found := range b.found(t, table, pks...) {
					if !found {
						t.Errorf("key %v was not found", pks[i])
					}
				}
			}
		})
	}
	wg.Wait()
	var connections int
	if err := b.conn.QueryRow(t.Context(), `SELECT count(*) FROM pg_stat_activity
		WHERE datname = current_database() AND application_name = 'chferry'`).Scan(&connections); err != nil {
		t.Fatal(err)
	}
	if connections < 1 || connections > 4 {
		t.Errorf("got %d connections, want 1 to 4", connections)
	}
}
