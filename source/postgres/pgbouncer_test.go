package postgres_test

import (
	"context"
	"sync"
	"testing"

	"github.com/chferry/chferry"
	"github.com/chferry/chferry/embedded"
	"github.com/chferry/chferry/internal/testenv"
	"github.com/chferry/chferry/rowset"
	"github.com/chferry/chferry/source"
	"github.com/chferry/chferry/source/sourcetest"
)

// bounced is setup through a PgBouncer of its own, which pools transactions.
func bounced(t *testing.T) (direct, through bundle) {
	t.Helper()
	direct = setup(t)
	server := testenv.Private(t, func(ctx context.Context, opts embedded.Options) (*embedded.Server, error) {
		return embedded.StartPgBouncer(ctx, direct.url, opts)
	}, embedded.Options{})
	return direct, bundle{server.URL, open(t, server.URL), direct.conn}
}

// TestContractThroughPgBouncer holds a source to the whole contract where each transaction may get another connection.
func TestContractThroughPgBouncer(t *testing.T) {
	t.Parallel()
	sourcetest.Run(t, func(t *testing.T) sourcetest.Bundle {
		_, b := bounced(t)
		return bundleOf(b)
	})
}

// TestManyClientsOfPgBouncer reads with more clients than there are connections, while others leave
// settings and prepared statements behind in these.
func TestManyClientsOfPgBouncer(t *testing.T) {
	t.Parallel()
	direct, through := bounced(t)
	direct.exec(t, `
		CREATE TABLE items (id int PRIMARY KEY, span interval, at timestamptz, data bytea[], period tstzrange);
		INSERT INTO items SELECT n, '1 day 02:00:00', '2024-02-29 12:00:00+00', '{"\\x00ff"}',
			'[2024-02-29 12:00:00+00,)' FROM generate_series(1, 500) AS n`)
	table := through.describe(t, "items")
	var wg sync.WaitGroup
	for range 3 {
		wg.Go(func() {
			other := connect(t, through.url)
			for range 20 {
				if _, err := other.PgConn().Exec(t.Context(),
					`SET timezone = 'Asia/Kolkata'; SET datestyle = 'German'; SET intervalstyle = 'iso_8601';
					SET bytea_output = 'escape'; SET default_transaction_isolation = 'serializable';
					SET search_path = pg_catalog, public; DEALLOCATE ALL;
					PREPARE chferry AS SELECT 1`).ReadAll(); err != nil {
					t.Errorf("another client: %v", err)
				}
			}
		})
	}
	for range 4 {
		source := bundle{through.url, openWith(t, through.url, source.Options{Alias: alias, MaxConnections: 4}), nil}
		wg.Go(func() {
			source.readAll(t, table, 500, "1 day 02:00:00", "2024-02-29 12:00:00", "[\x00\xff]",
				`["2024-02-29 12:00:00+00",)`)
		})
	}
	wg.Wait()
}

// readAll reads all keys of a table, page by page, and all their rows, which must be alike but for their key.
func (b bundle) readAll(t *testing.T, table rowset.Table, n int, alike ...string) {
	var keys []chferry.PrimaryKey
	err := b.source.PrimaryKeys(t.Context(), table, 60, func(page []chferry.PrimaryKey) error {
		keys = append(keys, page...)
		return nil
	})
	if err != nil || len(keys) != n {
		t.Errorf("got %d keys, %v, want %d", len(keys), err, n)
		return
	}
	rows, err := b.source.Fetch(t.Context(), table, keysOf(t, table, keys...))
	if err != nil || rows.Rows() != n {
		t.Errorf("got %d rows, %v, want %d", rows.Rows(), err, n)
		return
	}
	for c, want := range alike {
		for r := range n {
			if got := sourcetest.Text(&rows.Vectors[c+1], r); got != want {
				t.Errorf("%s: got %q, want %q", table.Columns[c+1].Name, got, want)
				break
			}
		}
	}
}
