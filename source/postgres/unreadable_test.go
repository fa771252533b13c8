package postgres_test

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/chferry/chferry"
	"github.com/chferry/chferry/source"
	"github.com/chferry/chferry/source/sourcetest"
)

// keysFrom are the keys from first to last.
func keysFrom(first, last int) []chferry.PrimaryKey {
	var pks []chferry.PrimaryKey
	for id := first; id <= last; id++ {
		pks = append(pks, chferry.PrimaryKey{fmt.Sprint(id)})
	}
	return pks
}

// TestUnreadableRows: what a view, a function, a domain or a damaged page makes of one row fails
// reading it, and no other.
func TestUnreadableRows(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.exec(t, `CREATE TABLE raw (id int PRIMARY KEY, n int, word text, tags int[]);
		INSERT INTO raw SELECT i, i, i::text, '{1}' FROM generate_series(1, 9) AS i;
		UPDATE raw SET n = 0, word = 'confidential' WHERE id = 5;
		CREATE DOMAIN positive AS int CHECK (VALUE > 0);
		CREATE FUNCTION picky(n int) RETURNS int LANGUAGE plpgsql
		AS $$ BEGIN IF n = 0 THEN RAISE EXCEPTION 'confidential %', n; END IF; RETURN n; END $$;
		CREATE FUNCTION endless(n int) RETURNS int LANGUAGE plpgsql
		AS $$ BEGIN RETURN CASE WHEN n = 0 THEN endless(n) ELSE n END; END $$`)
	for state, expression := range map[string]string{
		"22P02": "word::int", "22012": "10 / n", "22003": "n + 1 + CASE n WHEN 0 THEN 2147483647 ELSE 0 END",
		"22007": "CASE n WHEN 0 THEN word::date END", "22008": "CASE n WHEN 0 THEN '2024-02-31'::text::date END",
		"2201E": "ln(n)", "22P05": `('{"a": "\u0000' || n || '"}')::json ->> CASE n WHEN 0 THEN 'a' END`,
		"21000": "(SELECT r.id FROM raw AS r WHERE r.id = raw.n OR raw.n = 0)", "23514": "n::positive",
		"P0001": "picky(n)", "54001": "endless(n)",
		"22023": "(json_build_object('a', CASE n WHEN 0 THEN 'x' END)::jsonb -> CASE n WHEN 0 THEN 'a' END)::int",
		"22004": "format(CASE n WHEN 0 THEN '%I' END, NULL)",
		"54000": "length(repeat('x', CASE n WHEN 0 THEN 2000000000 ELSE 1 END))",
	} {
		view := "v" + strings.ToLower(state)
		b.exec(t, "CREATE VIEW "+view+" AS SELECT id, "+expression+" AS n FROM raw")
		table := b.describe(t, view, "id")
		_, err := b.source.Fetch(t.Context(), table, keysOf(t, table, keysFrom(1, 9)...))
		wantCode(t, err, chferry.CodeUnreadable, view, alias, state)
		_, err = b.source.Fetch(t.Context(), table, keysOf(t, table, chferry.PrimaryKey{"5"}))
		wantCode(t, err, chferry.CodeUnreadable, view, alias, state)
		if strings.Contains(err.Error(), "confidential") || strings.Contains(err.Error(), "server's log") {
			t.Errorf("%s: the error is %q", state, err)
		}
		for _, pks := range [][]chferry.PrimaryKey{keysFrom(1, 4), keysFrom(6, 9)} {
			rows, err := b.source.Fetch(t.Context(), table, keysOf(t, table, pks...))
			if err != nil || rows.Rows() != len(pks) {
				t.Errorf("%s: got %d rows, %v, want %d", state, rows.Rows(), err, len(pks))
			}
		}
	}
}

// TestNullsUnderNotNull: PostgreSQL checks a NOT NULL of its own tables alone.
func TestNullsUnderNotNull(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.foreign(t)
	b.exec(t, `CREATE TABLE base (id int NOT NULL, email text, tags int[]);
		INSERT INTO base VALUES (1, 'x@example.org', '{1}'), (2, NULL, NULL);
		CREATE FOREIGN TABLE remote (id int NOT NULL, email text NOT NULL, tags int[] NOT NULL)
		SERVER me OPTIONS (table_name 'base');
		CREATE TABLE parted (id int NOT NULL, email text NOT NULL, tags int[] NOT NULL) PARTITION BY LIST (id);
		CREATE FOREIGN TABLE part PARTITION OF parted DEFAULT SERVER me OPTIONS (table_name 'base');
		CREATE TABLE parent (id int NOT NULL, email text NOT NULL, tags int[] NOT NULL);
		CREATE TABLE child () INHERITS (parent); ALTER TABLE child ALTER COLUMN email DROP NOT NULL;
		INSERT INTO child SELECT * FROM base WHERE tags IS NOT NULL;
		INSERT INTO child VALUES (2, NULL, '{}')`)
	b.exec(t, "CREATE VIEW seen AS SELECT * FROM remote; CREATE MATERIALIZED VIEW kept AS SELECT * FROM remote")
	for _, name := range []string{"remote", "parted", "parent", "seen", "kept"} {
		table := b.describe(t, name, "id")
		rows, err := b.source.Fetch(t.Context(), table,
			keysOf(t, table, chferry.PrimaryKey{"1"}, chferry.PrimaryKey{"2"}))
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if table.Columns[0].Type.Nullable || !table.Columns[1].Type.Nullable {
			t.Errorf("%s: got the columns %+v, want id not nullable and email nullable", name, table.Columns)
		}
		got := map[int]string{}
		for r, key := range rows.Key {
			got[key] = sourcetest.Text(&rows.Vectors[1], r)
		}
		want := map[int]string{0: "x@example.org", 1: "NULL"}
		if got[1] = strings.Trim(got[1], "\x00"); !strings.EqualFold(got[1], want[1]) || got[0] != want[0] ||
			len(rows.Unfit) > 0 {
			t.Errorf("%s: got %v and unfit %v, want %v", name, got, rows.Unfit, want)
		}
	}
	if b.exec(t, "CREATE TABLE plain (id int PRIMARY KEY, email text NOT NULL)"); b.describe(t,
		"plain").Columns[1].Type.Nullable {
		t.Error("a NOT NULL column of a table is nullable")
	}
}

// foreign makes the server me, which is this database.
func (b bundle) foreign(t *testing.T) {
	t.Helper()
	u, err := url.Parse(b.url)
	if err != nil {
		t.Fatal("the URL of the test's server can't be read")
	}
	password, _ := u.User.Password()
	b.exec(t, fmt.Sprintf(`CREATE EXTENSION postgres_fdw;
		CREATE SERVER me FOREIGN DATA WRAPPER postgres_fdw OPTIONS (host '%s', port '%s', dbname '%s');
		CREATE USER MAPPING FOR CURRENT_USER SERVER me OPTIONS (user '%s', password '%s', password_required 'false')`,
		u.Hostname(), u.Port(), strings.TrimPrefix(u.Path, "/"), u.User.Username(), password))
}

// TestNullDespiteNotNull: a null that should not be there sets its row aside, and says nothing of a
// change that never was.
func TestNullDespiteNotNull(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.exec(t, `CREATE TABLE items (id int PRIMARY KEY, n int); INSERT INTO items VALUES (1, 1), (2, NULL), (3, 3);
		UPDATE pg_attribute SET attnotnull = true WHERE attrelid = 'items'::regclass AND attname = 'n'`)
	table := b.describe(t, "items")
	rows, err := b.source.Fetch(t.Context(), table, keysOf(t, table, keysFrom(1, 4)...))
	if err != nil {
		t.Fatal(err)
	}
	if rows.Rows() != 2 || len(rows.Unfit) != 1 || rows.Unfit[0].Key != 1 {
		t.Fatalf("got %d rows and unfit %v, want 2 and that of key 2", rows.Rows(), rows.Unfit)
	}
	reason := rows.Unfit[0].Reason
	if !strings.Contains(reason, `column "n" (integer) holds a null, although the table says NOT NULL`) ||
		strings.Contains(reason, "changed") {
		t.Errorf("got the reason %q", reason)
	}
	b.exec(t, "ALTER TABLE items ALTER COLUMN n DROP NOT NULL")
	_, err = b.source.Fetch(t.Context(), table, keysOf(t, table, keysFrom(1, 4)...))
	wantCode(t, err, chferry.CodeSchemaMismatch, "items", `"n"`, "changed meanwhile")
}

// TestFansOut: a view that joins has several rows for a key.
func TestFansOut(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.exec(t, `CREATE TABLE orders (id int PRIMARY KEY, total int NOT NULL);
		CREATE TABLE payments (order_id int, method text);
		INSERT INTO orders SELECT i, i FROM generate_series(1, 1000) i;
		INSERT INTO payments SELECT i, 'card' FROM generate_series(1, 1000) i;
		INSERT INTO payments VALUES (77, 'cash'), (77, 'gold'), (900, 'cash');
		CREATE VIEW order_payments AS SELECT o.id, o.total, p.method
		FROM orders o LEFT JOIN payments p ON p.order_id = o.id`)
	table := b.describe(t, "order_payments", "id")
	rows, err := b.source.Fetch(t.Context(), table, keysOf(t, table, keysFrom(1, 1000)...))
	if err != nil {
		t.Fatal(err)
	}
	got := map[int]string{}
	for _, u := range rows.Unfit {
		got[u.Key] = u.Reason
	}
	reason := "several rows of order_payments have this primary key"
	if want := map[int]string{76: reason, 899: reason}; rows.Rows() != 998 || len(rows.Key) != 998 ||
		!maps.Equal(got, want) {
		t.Errorf("got %d rows and unfit %v, want 998 and %v", rows.Rows(), got, want)
	}
	for r, key := range rows.Key {
		if total := rows.Vectors[1].Ints[r]; total != int64(key+1) {
			t.Fatalf("key %d has the row of %d", key+1, total)
		}
	}
}

// TestSlowRows: what takes too long together is read in pieces; a single row says what to do.
func TestSlowRows(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.exec(t, `CREATE TABLE raw (id int PRIMARY KEY); INSERT INTO raw SELECT generate_series(1, 20);
		CREATE VIEW slow AS SELECT id, pg_sleep(0.1) IS NULL AS slept FROM raw;
		CREATE VIEW slower AS SELECT id, pg_sleep(2) IS NULL AS slept FROM raw`)
	limited := b
	limited.source = open(t, withParameter(t, b.url, "statement_timeout", "500"))
	table := limited.describe(t, "slow", "id")
	_, err := limited.source.Fetch(t.Context(), table, keysOf(t, table, keysFrom(1, 20)...))
	var tooMuch *source.TooMuchError
	if !errors.As(err, &tooMuch) || tooMuch.Rows != 10 || !tooMuch.Slow {
		t.Fatalf("got %v, want half of the keys", err)
	}
	rows, err := limited.source.Fetch(t.Context(), table, keysOf(t, table, keysFrom(1, 2)...))
	if err != nil || rows.Rows() != 2 {
		t.Errorf("got %d rows, %v, want 2", rows.Rows(), err)
	}
	slower := limited.describe(t, "slower", "id")
	wantCode(t, limited.fetchErr(t, slower), chferry.CodeUnavailable, alias, "statement_timeout", "index")
}

// TestCancelledByOthers: what an administrator cancels took no time, and is not read in pieces.
func TestCancelledByOthers(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.exec(t, `CREATE TABLE raw (id int PRIMARY KEY); INSERT INTO raw SELECT generate_series(1, 20);
		CREATE VIEW slow AS SELECT id, pg_sleep(10) IS NULL AS slept FROM raw`)
	table := b.describe(t, "slow", "id")
	ended := make(chan error, 1)
	go func() {
		_, err := b.source.Fetch(context.WithoutCancel(t.Context()), table, keysOf(t, table, keysFrom(1, 20)...))
		ended <- err
	}()
	err := eventually(t, true, func() error {
		var n int
		err := b.conn.QueryRow(t.Context(), `SELECT count(pg_cancel_backend(pid)) FROM pg_stat_activity
			WHERE datname = current_database() AND application_name = 'chferry' AND query LIKE '%slow%'
			AND wait_event = 'PgSleep'`).Scan(&n)
		if err == nil && n == 0 {
			return errors.New("nothing was cancelled")
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	select {
	case err = <-ended:
	case <-time.After(20 * time.Second):
		t.Fatal("the read goes on")
	}
	var tooMuch *source.TooMuchError
	if wantCode(t, err, chferry.CodeUnavailable, alias, "cancel"); errors.As(err, &tooMuch) {
		t.Error("the read is to be tried in pieces")
	}
}

// TestLockedTable: what waits for a lock is not read in pieces, and a shorter lock_timeout stays.
func TestLockedTable(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.exec(t, "CREATE TABLE items (id int PRIMARY KEY); INSERT INTO items SELECT generate_series(1, 20)")
	table := b.describe(t, "items")
	b.lock(t, "items")
	for parameters, least := range map[string]time.Duration{
		"statement_timeout=800":                      600 * time.Millisecond,
		"statement_timeout=60000&lock_timeout=100ms": 100 * time.Millisecond,
	} {
		limited := open(t, merged(t, b.url, parameters))
		began := time.Now()
		_, err := limited.Fetch(t.Context(), table, keysOf(t, table, keysFrom(1, 20)...))
		var tooMuch *source.TooMuchError
		if wantCode(t, err, chferry.CodeUnavailable, alias, "lock"); errors.As(err, &tooMuch) {
			t.Errorf("%s: the read is to be tried in pieces", parameters)
		}
		if took := time.Since(began); took < least || took > 30*time.Second {
			t.Errorf("%s: took %s, want %s", parameters, took, least)
		}
	}
}
