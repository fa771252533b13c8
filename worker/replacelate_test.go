package worker_test

import (
	"context"
	"errors"
	"strings"
	"testing"

	"github.com/chferry/chferry"
	"github.com/chferry/chferry/activities"
	"github.com/chferry/chferry/internal/testenv"
	"github.com/chferry/chferry/storage"
)

// besideName is the name of the table that a backfill fills, without its database and the digits of its UUID.
func besideName(open storage.Replacement) string {
	name := open.Table[strings.LastIndex(open.Table, ".")+1:]
	return strings.Trim(name[:strings.LastIndex(name, "_")], "`")
}

// A late attempt at PlanBackfill makes a second table, which nobody fills, and nobody exchanges.
func TestReplaceLatePlan(t *testing.T) {
	t.Parallel()
	for name, marked := range map[string]string{"created": "", "renamed": "_00000000"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := setup(t)
			b.fill(400)
			b.outdate()
			open := b.startReplace(400)
			late := besideName(open) + marked
			b.inTarget("CREATE TABLE " + late + " AS users")
			_, err := b.storage.BeginReplacement(b.ctx(), b.imp.Key, open.Token, late)
			if chferry.CodeOf(err) != chferry.CodeClaimed {
				t.Errorf("a late attempt began a replacement: %v", err)
			}
			b.insert("1")
			b.wantSynced(1)
			b.wantReplaced()
			b.wantSource()
			_, err = b.storage.BeginReplacement(b.ctx(), b.imp.Key, open.Token, late)
			if chferry.CodeOf(err) != chferry.CodeSuperseded {
				t.Errorf("a late attempt at a job that has ended began a replacement: %v", err)
			}
		})
	}
}

// A late attempt at the exchange finds nothing to exchange back, also before the old table is dropped.
func TestReplaceLateExchange(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.fill(50)
	b.outdate()
	late := func(ctx context.Context, step string) error {
		if step != "exchanged" {
			return nil
		}
		open, err := b.storage.Replacement(ctx, b.imp.Key)
		if err == nil && b.target.Exec(ctx, "EXCHANGE TABLES users AND "+open.Table) == nil {
			err = errors.New("the tables were exchanged back")
		}
		return err
	}
	b.sink.step.Store(&late)
	b.startReplace(0)
	b.wantReplaced()
	b.wantSource()
}

// A row that was deleted before the table was replaced stays deleted when an older version of it comes late.
func TestReplaceLateInsert(t *testing.T) {
	t.Parallel()
	for name, server := range engines {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := setupOn(t, server(t), "")
			b.fill(20)
			b.insert("1")
			b.wantSynced(1)
			b.exec("DELETE FROM users WHERE id = '" + sentinel + "1'")
			b.register(chferry.Delete, "1")
			b.wantSyncOutcome(activities.OutcomeSynced)
			b.startReplace(0)
			b.wantReplaced()
			b.inTarget("INSERT INTO users (id, name, _version, _is_deleted) SELECT '" + sentinel + "1', 'late', 1, 0")
			b.wantSource()
		})
	}
}

// Where somebody created the destination anew between two renamings, the backfill says what to do, and does not say
// that the destination is as it was.
func TestReplaceCreatedMeanwhile(t *testing.T) {
	t.Parallel()
	b := setupOn(t, testenv.ClickHouse(t), "")
	b.fill(20)
	b.outdate()
	once := func(ctx context.Context, step string) error {
		if step != "exchange" {
			return nil
		}
		open, err := b.storage.Replacement(ctx, b.imp.Key)
		if err != nil {
			return err
		}
		old := strings.Replace(open.Table, "_new_", "_old_", 1)
		err = b.target.Exec(ctx, "RENAME TABLE users TO "+old)
		if err == nil {
			err = b.target.Exec(ctx, "CREATE TABLE users AS "+old)
		}
		return err
	}
	b.sink.step.Store(&once)
	b.ok(b.starter.StartBackfill(b.ctx(), b.imp, b.storage, chferry.BackfillOptions{Replace: true}))
	_, err := b.starter.AwaitBackfill(b.ctx(), b.imp.Key)
	if chferry.CodeOf(err) != chferry.CodeSchemaMismatch || !strings.Contains(err.Error(), "rename that one back") ||
		strings.Contains(err.Error(), "as it was") {
		t.Errorf("the backfill ended with %v", err)
	}
}
