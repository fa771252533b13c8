package worker_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/chferry/chferry"
	"github.com/chferry/chferry/activities"
	"github.com/chferry/chferry/internal/testenv"
	"github.com/chferry/chferry/workflows"
)

// registerNumbers registers updates of the rows with the keys 1 to n.
func (b *bundle) registerNumbers(n int) {
	b.t.Helper()
	ops := make([]chferry.Operation, n)
	for i := range ops {
		ops[i] = chferry.Operation{Kind: chferry.Update, PrimaryKey: chferry.PrimaryKey{fmt.Sprint(i + 1)}}
	}
	_, err := b.storage.RegisterOperations(b.ctx(), b.imp.Key, ops...)
	b.ok(err)
}

// TestRowsThatTheSourceCantGive: none of them stops another, each is set aside with what is wrong
// with it, and follows once it is mended.
func TestRowsThatTheSourceCantGive(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		table, mend string
		failed      map[string]string
	}{
		"a failing cast": {
			`CREATE TABLE raw (id int PRIMARY KEY, payload jsonb NOT NULL);
			INSERT INTO raw SELECT i, jsonb_build_object('age', i) FROM generate_series(1, 1000) i;
			UPDATE raw SET payload = '{"age": "sentinel-of-a-row"}' WHERE id IN (1, 500, 501);
			CREATE VIEW people AS SELECT id, (payload->>'age')::int AS age FROM raw`,
			`UPDATE raw SET payload = '{"age": 7}' WHERE id IN (1, 500, 501)`,
			map[string]string{"1": "SQLSTATE 22P02", "500": "SQLSTATE 22P02", "501": "SQLSTATE 22P02"},
		},
		"several rows": {
			`CREATE TABLE orders (id int PRIMARY KEY, total int NOT NULL);
			CREATE TABLE payments (order_id int, method text);
			INSERT INTO orders SELECT i, i FROM generate_series(1, 1000) i;
			INSERT INTO payments SELECT i, 'card' FROM generate_series(1, 1000) i;
			INSERT INTO payments VALUES (77, 'cash');
			CREATE VIEW people AS SELECT o.id, o.total, p.method
			FROM orders o LEFT JOIN payments p ON p.order_id = o.id`,
			`DELETE FROM payments WHERE method = 'cash'`,
			map[string]string{"77": "several rows of public.people have this primary key"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := setupOn(t, testenv.ModernClickHouse(t), test.table, func(i *chferry.Import) {
				i.Table, i.PrimaryKey = "public.people", []string{"id"}
			})
			b.registerNumbers(1000)
			n := int64(len(test.failed))
			b.wantSync(workflows.SyncResult{
				Outcome: activities.OutcomePartial, Batches: 1, Operations: 1000,
				Rows: 1000 - n, Failed: n,
			})
			b.wantTexts("SELECT toString(count()) FROM users_current", fmt.Sprint(1000-n))
			got := b.failed()
			for id, reason := range got {
				if want := test.failed[id]; want == "" || !strings.Contains(reason, want) ||
					strings.Contains(reason, sentinel) {
					t.Errorf("row %s was set aside for %q, want %q", id, reason, want)
				}
			}
			if len(got) != len(test.failed) {
				t.Errorf("got the failed operations %v, want %v", got, test.failed)
			}
			b.exec(test.mend)
			_, err := b.storage.RetryFailed(b.ctx(), b.imp.Key)
			b.ok(err)
			b.wantSynced(n)
			b.wantTexts("SELECT toString(count()) FROM users_current", "1000")
		})
	}
}

// TestArraysOfForgottenDimensions: a cast decides how many dimensions an array has, or else the column that is there.
func TestArraysOfForgottenDimensions(t *testing.T) {
	t.Parallel()
	const table = `CREATE TABLE boards (id int PRIMARY KEY, cells int[][] NOT NULL);
		INSERT INTO boards VALUES (1, '{{1,2},{3,NULL}}'), (2, '{}'), (3, '{5}');
		CREATE VIEW seen AS SELECT * FROM boards; CREATE TABLE copied (LIKE boards);
		INSERT INTO copied SELECT * FROM boards`
	for _, name := range []string{"seen", "copied"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := setupOn(t, testenv.ModernClickHouse(t), table, func(i *chferry.Import) {
				i.Table, i.PrimaryKey = "public."+name, []string{"id"}
				i.Cast = map[string]string{"cells": "Array(Array(Nullable(Int32)))"}
			})
			b.registerNumbers(3)
			b.wantSync(workflows.SyncResult{
				Outcome: activities.OutcomePartial, Batches: 1, Operations: 3, Rows: 2,
				Failed: 1,
			})
			if reason := b.failed()["3"]; !strings.Contains(reason, "1-dimensional array") ||
				!strings.Contains(reason, "ALTER … TYPE integer[]") {
				t.Errorf("row 3 was set aside for %q", reason)
			}
			want := []string{"[[1,2],[3,NULL]]", "[]"}
			b.wantTexts("SELECT toString(cells) FROM users_current ORDER BY id", want...)

			// Without the cast the column that is there decides.
			b.stop()
			b.imp.Cast = nil
			b.runWorker()
			b.inTarget("TRUNCATE TABLE users")
			b.registerNumbers(3)
			b.wantSync(workflows.SyncResult{
				Outcome: activities.OutcomePartial, Batches: 1, Operations: 3, Rows: 2,
				Failed: 1,
			})
			b.wantTexts("SELECT toString(cells) FROM users_current ORDER BY id", want...)
		})
	}
}
