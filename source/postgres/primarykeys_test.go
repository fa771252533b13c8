package postgres_test

import (
	"fmt"
	"slices"
	"testing"

	"github.com/chferry/chferry"
)

// TestPagesHoldNothing: while a page is worked on, no transaction is open that vacuum or a timeout
// would know of. Whatever ends the connections meanwhile, the next page begins behind the last key,
// in the order of the columns' types and collations.
func TestPagesHoldNothing(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.exec(t, "ALTER DATABASE "+quote(b.conn.Config().Database)+" SET idle_in_transaction_session_timeout = '1ms'")
	b.exec(t, `CREATE TABLE items (at timestamptz, code text, n numeric, PRIMARY KEY (code, at, n));
		INSERT INTO items SELECT m, c, n FROM
			unnest('{-infinity,0044-03-15 BC,2024-02-29 12:00:00.000001,12000-01-01,infinity}'::timestamptz[]) AS m,
			unnest('{"",a,B,ä,"[7, 42]"}'::text[]) AS c, unnest('{-1,1.50,NaN}'::numeric[]) AS n`)
	b.source = open(t, b.url)
	table := b.describe(t, "items")
	var want []string
	rows, err := b.conn.Query(t.Context(),
		"SELECT concat_ws('|', code, at::text, trim_scale(n)) FROM items ORDER BY code, at, n")
	if err != nil {
		t.Fatal(err)
	}
	for rows.Next() {
		var key string
		if err := rows.Scan(&key); err != nil {
			t.Fatal(err)
		}
		want = append(want, key)
	}
	if err := rows.Err(); err != nil {
		t.Fatal(err)
	}
	for _, size := range []int{7, len(want), len(want) + 1} {
		_ = b.source.Check(t.Context()) // finds out that its connection was ended
		var got []string
		err := b.source.PrimaryKeys(t.Context(), table, size, func(page []chferry.PrimaryKey) error {
			for _, key := range page {
				got = append(got, key[0]+"|"+key[1]+"|"+key[2])
			}
			if open := b.number(t, "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND pid "+
				"<> pg_backend_pid() AND xact_start IS NOT NULL"); open > 0 {
				t.Errorf("behind %d keys: %d transactions are open", len(got), open)
			}
			b.exec(t, "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() AND "+
				"pid <> pg_backend_pid()")
			return nil
		})
		if err != nil || !slices.Equal(got, want) {
			t.Errorf("pages of %d: got %d keys %q, %v; want %d %q", size, len(got), got, err, len(want), want)
		}
	}
}

// number is what a statement counts.
func (b bundle) number(t *testing.T, sql string) (n int) {
	t.Helper()
	if err := b.conn.QueryRow(t.Context(), sql).Scan(&n); err != nil {
		t.Fatal(fmt.Errorf("%s: %w", sql, err))
	}
	return n
}
