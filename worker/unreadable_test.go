package worker_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/chferry/chferry"
	"github.com/chferry/chferry/activities"
	"github.com/chferry/chferry/workflows"
)

// registerAll registers ids from first to last.
func (b *bundle) registerAll(first, last int) {
	b.t.Helper()
	ops := make([]chferry.Operation, 0, last-first+1)
	for id := first; id <= last; id++ {
		ops = append(ops, chferry.Operation{Kind: chferry.Update, PrimaryKey: chferry.PrimaryKey{fmt.Sprint(id)}})
	}
	_, err := b.storage.RegisterOperations(b.ctx(), b.imp.Key, ops...)
	b.ok(err)
}

// wantFailed wants one failed operation, on the row id, for a reason with all words.
func (b *bundle) wantFailed(id string, words ...string) {
	b.t.Helper()
	n := 0
	for page, err := range b.storage.FailedOperations(b.ctx(), b.imp.Key) {
		b.ok(err)
		for _, f := range page {
			n++
			for _, word := range words {
				if f.PrimaryKey[0] != id || !strings.Contains(f.Reason, word) {
					b.t.Errorf("row %s failed: %s; want row %s and %q", f.PrimaryKey[0], f.Reason, id, word)
				}
			}
		}
	}
	if n != 1 {
		b.t.Errorf("%d operations have failed, want one", n)
	}
}

// TestRowsThatCanNotBeRead: of a view, one row's cast fails, one key has several rows; of a table,
// one row holds what its column can't. All others are synced, the one is set aside for what it is,
// and goes from the failed operations once it is mended.
func TestRowsThatCanNotBeRead(t *testing.T) {
	const rows = 1000
	for name, c := range map[string]struct {
		statements, mend string
		failed           int
		words            []string
	}{
		"cast": {
			`CREATE TABLE people_raw (id int PRIMARY KEY, payload jsonb NOT NULL);
				INSERT INTO people_raw SELECT i, jsonb_build_object('n', i) FROM generate_series(1, 1000) i;
				UPDATE people_raw SET payload = '{"n": "$secret"}' WHERE id = 500;
				CREATE VIEW seen AS SELECT id, (payload->>'n')::int AS n FROM people_raw`,
			`UPDATE people_raw SET payload = '{"n": 500}' WHERE id = 500`, 500,
			[]string{"22P02"},
		},
		"several rows": {
			`CREATE TABLE orders (id int PRIMARY KEY, n int NOT NULL);
			CREATE TABLE payments (order_id int, method text);
				INSERT INTO orders SELECT i, i FROM generate_series(1, 1000) i;
				INSERT INTO payments SELECT i, 'card' FROM generate_series(1, 1000) i;
				INSERT INTO payments VALUES (77, 'cash');
				CREATE VIEW seen AS SELECT o.id, o.n, p.method FROM orders o LEFT JOIN payments p ON p.order_id = o.id`,
			`DELETE FROM payments WHERE method = 'cash'`, 77,
			[]string{"several rows"},
		},
		"division": {
			`CREATE TABLE ratios (id int PRIMARY KEY, a int NOT NULL, b int NOT NULL);
				INSERT INTO ratios SELECT i, i, i - 1 FROM generate_series(1, 1000) i;
				CREATE VIEW seen AS SELECT id, a / b AS n FROM ratios`,
			`UPDATE ratios SET b = 1 WHERE id = 1`, 1,
			[]string{"22012"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			onServers(t, func(t *testing.T, clickHouse string) {
				b := setupOn(t, clickHouse, c.statements, func(i *chferry.Import) {
					i.Table, i.PrimaryKey, i.DestinationTable = "public.seen", []string{"id"}, "seen"
				})
				b.registerAll(1, rows)
				b.wantSync(workflows.SyncResult{
					Outcome: activities.OutcomePartial, Batches: 1, Operations: rows,
					Rows: rows - 1, Failed: 1,
				})
				b.wantFailed(fmt.Sprint(c.failed), c.words...)
				b.wantTexts("SELECT toString(count()) FROM seen_current", fmt.Sprint(rows-1))
				b.exec(c.mend)
				b.registerAll(c.failed, c.failed)
				b.wantSynced(1)
				b.wantTexts("SELECT toString(count()) FROM seen_current", fmt.Sprint(rows))
				b.wantStatus(chferry.Status{})
			})
		})
	}
}

// TestTableAtFault: where every row fails, the sync does, at the first one more than may fail. Its
// batch is kept, nothing is set aside, and a greater max_failed lets it through.
func TestTableAtFault(t *testing.T) {
	t.Parallel()
	const rows = 300
	b := setupOn(t, serverOf(true)(t),
		`CREATE TABLE raw (id int PRIMARY KEY, n text NOT NULL);
			INSERT INTO raw SELECT i, '$' || i FROM generate_series(1, 300) i;
		CREATE VIEW seen AS SELECT id, n::int AS n FROM raw`, func(i *chferry.Import) {
			i.Table, i.PrimaryKey, i.DestinationTable, i.Limits.MaxFailed = "public.seen", []string{"id"}, "seen", 5
		})
	b.registerAll(1, rows)
	if err := b.wantFailure(chferry.CodeTooManyFailed); !strings.Contains(err.Error(), "more than 5 operations") ||
		!strings.Contains(err.Error(), "22P02") {
		t.Errorf("the sync failed with %v", err)
	}
	b.wantStatus(chferry.Status{InFlight: rows})
	b.exec(`UPDATE raw SET n = id::text WHERE id > 5`)
	b.wantSync(workflows.SyncResult{
		Outcome: activities.OutcomePartial, Batches: 1, Operations: rows, Rows: rows - 5,
		Failed: 5,
	})
	b.wantTexts("SELECT toString(count()) FROM seen_current", fmt.Sprint(rows-5))
}
