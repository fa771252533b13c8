package worker_test

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"go.temporal.io/sdk/client"

	"github.com/chferry/chferry"
	"github.com/chferry/chferry/activities"
	"github.com/chferry/chferry/internal/testenv"
	"github.com/chferry/chferry/storage"
	"github.com/chferry/chferry/workflows"
)

// outdate inserts rows into the destination that the source does not have, and never had.
func (b *bundle) outdate() {
	b.t.Helper()
	b.inTarget("INSERT INTO users (id, name, _version, _is_deleted) SELECT 'surplus', 'of nobody', 1, 0")
}

// startReplace starts a backfill that replaces the destination, and waits until it has begun.
func (b *bundle) startReplace(rowsPerSecond int64) storage.Replacement {
	b.t.Helper()
	before, err := b.storage.Replacement(b.ctx(), b.imp.Key)
	b.ok(err)
	b.ok(b.starter.StartBackfill(b.ctx(), b.imp, b.storage, chferry.BackfillOptions{
		Replace: true, RowsPerSecond: rowsPerSecond,
	}))
	var open storage.Replacement
	b.eventually(func() bool {
		open, err = b.storage.Replacement(b.ctx(), b.imp.Key)
		b.ok(err)
		return open.ID != before.ID
	})
	return open
}

// wantReplaced waits for the end of a backfill that replaces the destination.
func (b *bundle) wantReplaced() {
	b.t.Helper()
	result, err := b.starter.AwaitBackfill(b.ctx(), b.imp.Key)
	b.ok(err)
	if result.Outcome != activities.OutcomeCopied || !result.Replaced {
		b.t.Errorf("the backfill's result is %+v", result)
	}
	b.wantNothingBeside()
}

// wantNothingBeside wants no replacement to be open, and no table of one to be left.
func (b *bundle) wantNothingBeside() {
	b.t.Helper()
	open, err := b.storage.Replacement(b.ctx(), b.imp.Key)
	b.ok(err)
	if open.Open() {
		b.t.Errorf("the replacement %+v is open", open)
	}
	b.wantTexts("SELECT name FROM system.tables WHERE database = currentDatabase() AND name LIKE 'users_chferry%'")
}

func TestReplace(t *testing.T) {
	t.Parallel()
	for name, server := range engines {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := setupOn(t, server(t), "")
			b.fill(50)
			b.outdate()
			b.startReplace(0)
			b.wantReplaced()
			b.wantSource()
			b.insert("1")
			b.wantSynced(1)
			b.wantSource()
		})
	}
}

// Rows that change while a table is replaced end as they are, whichever server holds the table.
func TestReplaceWhileWritesGoOn(t *testing.T) {
	t.Parallel()
	for name, server := range engines {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := setupOn(t, server(t), "")
			b.fill(5_000)
			b.outdate()
			b.startReplace(4_000)
			for i := 1; b.backfilling(); i++ {
				id := fmt.Sprintf("%08d", i*997%5_000+1)
				switch i % 4 {
				case 0:
					b.exec("DELETE FROM users WHERE id = '$" + id + "'")
				case 1:
					id += "new"
					b.exec("INSERT INTO users VALUES ('$" + id + "', 'new', NULL) ON CONFLICT DO NOTHING")
				default:
					b.exec(fmt.Sprintf("UPDATE users SET name = 'changed %d' WHERE id = '$%s'", i, id))
				}
				b.register(chferry.Update, id)
				if _, err := b.sync(); err != nil && name == "modern" {
					t.Errorf("a sync failed: %v", err) // on the other server a query may find no table
				}
			}
			b.wantReplaced()
			_, err := b.sync()
			b.ok(err)
			b.wantStatus(chferry.Status{})
			b.wantSource()
		})
	}
}

// A batch that was imported before the replacement had begun, and is removed after, gets into both tables.
func TestReplacedMeanwhile(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.fill(100)
	b.insert("1")
	inserted, removed := make(chan struct{}), make(chan struct{})
	once := sync.OnceFunc(func() { close(inserted); <-removed })
	after := func() error { once(); return nil }
	b.sink.after.Store(&after)
	ended := b.syncAside()
	<-inserted
	open := b.startReplace(20)
	close(removed)
	<-ended
	b.recordAs("replaced")
	b.wantTexts("SELECT id FROM "+open.Table+" WHERE id = '"+sentinel+"1'", sentinel+"1")
	if n, err := b.storage.OperationsCount(b.ctx(), b.imp.Key); err != nil || n != 0 {
		t.Errorf("%d operations are kept, %v", n, err)
	}
	if first := b.sink.tokens[0]; first == "" || len(slices.DeleteFunc(slices.Clone(b.sink.tokens),
		func(token string) bool { return token != first })) != 3 {
		t.Errorf("the block was to be inserted once, and again into both tables: %q", b.sink.tokens)
	}
	b.ok(b.starter.CancelBackfill(b.ctx(), b.imp.Key))
	_, err := b.starter.AwaitBackfill(b.ctx(), b.imp.Key)
	if err == nil {
		t.Error("a cancelled backfill gives no error")
	}
	b.wantNothingBeside()
	b.wantRows("1")
}

// A worker stops between two steps, or before it can say that one is done, and another goes on. What is
// synced meanwhile is not lost.
func TestReplaceHandedOver(t *testing.T) {
	t.Parallel()
	for _, at := range []string{"prepare", "prepared", "exchange", "exchanged", "drop", "dropped"} {
		t.Run(at, func(t *testing.T) {
			t.Parallel()
			b := setup(t)
			b.fill(50)
			b.outdate()
			reached, held := make(chan struct{}), atomic.Bool{}
			step := func(ctx context.Context, step string) error {
				if step != at || held.Swap(true) {
					return nil
				}
				close(reached)
				<-ctx.Done()
				return ctx.Err()
			}
			b.sink.step.Store(&step)
			b.ok(b.starter.StartBackfill(b.ctx(), b.imp, b.storage, chferry.BackfillOptions{Replace: true}))
			<-reached
			b.exec("DELETE FROM users WHERE id = '$00000001'; UPDATE users SET name = 'changed' WHERE id = '$00000002'")
			b.register(chferry.Update, "00000001", "00000002")
			b.insert("1")
			b.wantSyncOutcome(activities.OutcomeSynced)
			b.stop()
			b.runWorker()
			b.wantReplaced()
			b.wantSource()
		})
	}
}

// A backfill that was terminated leaves a table and an open replacement: the next sync ends them, or the
// next backfill does, which begins with an empty table.
func TestReplaceTerminated(t *testing.T) {
	t.Parallel()
	for name, next := range map[string]func(b *bundle){
		"sync": func(b *bundle) {
			b.insert("1")
			b.wantSynced(1)
			b.wantNothingBeside()
			b.startReplace(0)
			b.wantReplaced()
		},
		"replace": func(b *bundle) {
			b.exec("DELETE FROM users WHERE id < '$00000100'")
			b.startReplace(0)
			b.wantReplaced()
		},
		"backfill": func(b *bundle) {
			b.inTarget("TRUNCATE TABLE users")
			b.backfill(chferry.BackfillOptions{})
			b.wantNothingBeside()
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := setup(t)
			b.fill(1_000)
			b.outdate()
			b.startReplace(200)
			b.eventually(func() bool { return b.copied() > 0 })
			b.ok(b.starter.Client().TerminateWorkflow(b.ctx(), b.backfillID(), "", "a test"))
			next(b)
			b.wantSource()
		})
	}
}

// A column that is added meanwhile fails the backfill, which says what to do, and no sync.
func TestReplaceAltered(t *testing.T) {
	t.Parallel()
	for name, alter := range map[string]func(b *bundle){
		"by hand": func(b *bundle) { b.inTarget("ALTER TABLE users ADD COLUMN added String") },
		"by apply": func(b *bundle) {
			b.exec("ALTER TABLE users ADD COLUMN added text")
			b.createMissing()
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := setup(t)
			b.fill(400)
			b.outdate()
			b.startReplace(200)
			alter(b)
			b.insert("1")
			b.wantSynced(1)
			_, err := b.starter.AwaitBackfill(b.ctx(), b.imp.Key)
			if chferry.CodeOf(err) != chferry.CodeSchemaMismatch ||
				!strings.Contains(err.Error(), "start the backfill again") {
				t.Errorf("the backfill ended with %v", err)
			}
			b.wantNothingBeside()
			b.wantTexts("SELECT name FROM users_current ORDER BY id", "name of "+sentinel+"1", "of nobody")
			b.startReplace(0)
			b.wantReplaced()
			b.wantSource()
		})
	}
}

// A sync deletes other texts of a key also where only the new table has them.
func TestReplaceEqualKeys(t *testing.T) {
	t.Parallel()
	b := setupOn(t, testenv.ModernClickHouse(t), `CREATE EXTENSION citext;
		CREATE TABLE keyed (id citext PRIMARY KEY, n int NOT NULL);
		INSERT INTO keyed SELECT 'row ' || n, n FROM generate_series(1000, 1400) n`,
		func(i *chferry.Import) { i.Table = "public.keyed" })
	b.startReplace(200)
	b.eventually(func() bool { return b.copied() > 0 })
	b.exec("UPDATE keyed SET id = 'ROW 1000' WHERE id = 'row 1000'")
	b.registerKeys(chferry.Update, chferry.PrimaryKey{"Row 1000"})
	b.wantSynced(1)
	b.wantReplaced()
	b.wantTexts("SELECT id FROM users_current WHERE n = 1000", "ROW 1000")
}

// A condition would leave rows out of the new table, whoever starts the workflow.
func TestReplaceWhere(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.outdate()
	b.ok(b.storage.KeepRequest(b.ctx(), b.imp.Key, storage.Backfill, "1", `{"where": "id > '1'"}`))
	options := client.StartWorkflowOptions{ID: b.backfillID(), TaskQueue: b.starter.TaskQueue()}
	_, err := b.starter.Client().ExecuteWorkflow(b.ctx(), options, workflows.BackfillName, workflows.BackfillInput{
		ImportKey: b.imp.Key, Request: "1", Replace: true,
	})
	b.ok(err)
	_, err = b.starter.AwaitBackfill(b.ctx(), b.imp.Key)
	if chferry.CodeOf(err) != chferry.CodeInvalid {
		t.Errorf("the backfill ended with %v", err)
	}
	b.wantNothingBeside()
	b.wantTexts("SELECT name FROM users_current", "of nobody")
}
