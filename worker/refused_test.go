package worker_test

import (
	"context"
	"fmt"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/chferry/chferry"
	"github.com/chferry/chferry/activities"
	"github.com/chferry/chferry/internal/testenv"
	"github.com/chferry/chferry/workflows"
)

func (b *bundle) inTarget(sql string) {
	b.t.Helper()
	b.ok(b.target.Exec(b.ctx(), strings.ReplaceAll(sql, "$", sentinel)))
}

// failed returns the reasons of the operations that were set aside, by the ids of their rows.
func (b *bundle) failed() map[string]string {
	b.t.Helper()
	reasons := map[string]string{}
	for page, err := range b.storage.FailedOperations(b.ctx(), b.imp.Key) {
		b.ok(err)
		for _, f := range page {
			reasons[strings.TrimPrefix(f.PrimaryKey[0], sentinel)] = f.Reason
		}
	}
	return reasons
}

// wantRefused wants the rows of ids to have failed because ClickHouse refused them, by a reason without values.
func (b *bundle) wantRefused(code string, ids ...string) {
	b.t.Helper()
	got := b.failed()
	for _, id := range ids {
		if why := got[id]; !strings.Contains(why, ".users: ClickHouse refused with code "+code) ||
			!strings.Contains(why, "mend the row or the table") || strings.Contains(why, sentinel) {
			b.t.Errorf("row %s failed because %q", id, why)
		}
		delete(got, id)
	}
	if len(got) > 0 {
		b.t.Errorf("other operations failed: %v", got)
	}
}

// TestRefusedByConstraint: the row that a constraint of ClickHouse forbids is set aside, all others
// arrive, and it follows when the constraint is gone and its operation is retried.
func TestRefusedByConstraint(t *testing.T) {
	t.Parallel()
	b := setupOn(t, testenv.ModernClickHouse(t), "")
	b.inTarget("ALTER TABLE users ADD CONSTRAINT edible CHECK name != 'name of $3'")
	b.insert("1", "2", "3", "4", "5")
	b.register(chferry.Delete, "6")
	b.wantSync(workflows.SyncResult{
		Outcome: activities.OutcomePartial, Batches: 1, Operations: 6, Rows: 4, Deletes: 1,
		Failed: 1,
	})
	b.wantRows("1", "2", "4", "5")
	b.wantStatus(chferry.Status{Failed: 1})
	b.wantRefused("469 VIOLATED_CONSTRAINT", "3")

	b.inTarget("ALTER TABLE users DROP CONSTRAINT edible")
	if n, err := b.storage.RetryFailed(b.ctx(), b.imp.Key); err != nil || n != 1 {
		t.Fatalf("retried %d operations, %v, want 1", n, err)
	}
	b.wantSynced(1)
	b.wantRows("1", "2", "3", "4", "5")
	b.wantStatus(chferry.Status{})
}

// TestRefusedByView: a materialized view that throws gets its rows from the table, so that what is
// set aside is there, and not behind the view. The others are in both.
func TestRefusedByView(t *testing.T) {
	onServers(t, func(t *testing.T, clickHouse string) {
		b := setupOn(t, clickHouse, "")
		b.inTarget("CREATE TABLE seen (id String, n UInt8) ENGINE = MergeTree ORDER BY id")
		b.inTarget("CREATE MATERIALIZED VIEW seeing TO seen AS SELECT id, throwIf(name = 'name of $3') AS n FROM users")
		b.insert("1", "2", "3", "4", "5")
		b.wantSync(workflows.SyncResult{
			Outcome: activities.OutcomePartial, Batches: 1, Operations: 5, Rows: 4,
			Failed: 1,
		})
		b.wantRefused("395", "3")
		b.wantRows("1", "2", "3", "4", "5")
		b.wantTexts("SELECT DISTINCT id FROM seen ORDER BY id", sentinel+"1", sentinel+"2", sentinel+"4", sentinel+"5")
	})
}

// TestTooManyRefused: the run fails at once and says why; the batch stays, and is imported when the table is mended.
func TestTooManyRefused(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.exec(`INSERT INTO users SELECT '$' || n, 'name', NULL FROM generate_series(1, 101) n`)
	for id := range 101 {
		b.register(chferry.Insert, fmt.Sprint(id+1))
	}
	b.sink.breakWith(func(context.Context) error {
		return chferry.Errorf(chferry.CodeRefused, "insert into users: it does not take it")
	})
	err := b.wantFailure(chferry.CodeTooManyFailed)
	if !strings.Contains(err.Error(), "more than 100 operations of one batch can't be imported, the first because: "+
		"insert into users: it does not take it") {
		t.Errorf("the sync failed with %v", err)
	}
	b.wantStatus(chferry.Status{InFlight: 101})
	b.sink.mend()
	b.wantSynced(101)
	b.wantStatus(chferry.Status{})
}

// TestBlocksOfATableThatDropsRepetitions: the first attempt gets one block of large rows in. Before
// the next one they become small, and all fit into one block, whose rows ClickHouse must not take
// for those that it has.
func TestBlocksOfATableThatDropsRepetitions(t *testing.T) {
	t.Parallel()
	b := setupOn(t, testenv.ModernClickHouse(t), "", func(i *chferry.Import) {
		i.Options.Settings = map[string]string{"non_replicated_deduplication_window": "100"}
	})
	b.exec(`INSERT INTO users SELECT '$' || n, repeat('x', 1000000), NULL FROM generate_series(10, 33) n`)
	for id := range 24 {
		b.register(chferry.Insert, fmt.Sprint(id+10))
	}
	var inserts atomic.Int64
	b.sink.breakWith(func(context.Context) error {
		if inserts.Add(1) != 2 {
			return nil
		}
		b.exec(`UPDATE users SET name = 'small'`)
		return chferry.Errorf(chferry.CodeUnavailable, "gone in the middle of the batch")
	})
	b.wantSynced(24)
	if n := inserts.Load(); n < 3 {
		t.Errorf("there were %d inserts, want a second attempt", n)
	}
	b.wantTexts("SELECT toString(count()) FROM users_current", "24")
}
