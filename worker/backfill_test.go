package worker_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/chferry/chferry"
	"github.com/chferry/chferry/activities"
	"github.com/chferry/chferry/storage"
	"github.com/chferry/chferry/workflows"
)

// backfill starts a backfill and waits for its end.
func (b *bundle) backfill(opts chferry.BackfillOptions) workflows.BackfillResult {
	b.t.Helper()
	b.ok(b.starter.StartBackfill(b.ctx(), b.imp, b.storage, opts))
	result, err := b.starter.AwaitBackfill(b.ctx(), b.imp.Key)
	b.ok(err)
	return result
}

// fill inserts n rows without registering them. Their ids are zero-padded numbers.
func (b *bundle) fill(n int) {
	b.t.Helper()
	b.exec(fmt.Sprintf(`INSERT INTO users SELECT '$' || lpad(n::text, 8, '0'), 'name of $' || n, '2000-01-01'
		FROM generate_series(1, %d) n`, n))
}

// wantShown compares the number of rows that ClickHouse shows.
func (b *bundle) wantShown(want uint64) {
	b.t.Helper()
	var got uint64
	b.ok(b.target.QueryRow(b.ctx(), "SELECT count() FROM users_current").Scan(&got))
	if got != want {
		b.t.Fatalf("ClickHouse shows %d rows, want %d", got, want)
	}
}

func TestBackfill(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.fill(60_000)
	got := b.backfill(chferry.BackfillOptions{})
	if got.Outcome != activities.OutcomeCopied || got.Rows != 60_000 || got.Failed != 0 || got.Ranges == 0 ||
		got.Seconds <= 0 {
		t.Fatalf("the backfill's result is %+v", got)
	}
	b.wantShown(60_000)
	b.recordHistory("backfill", b.history(b.backfillID()))
	if events := b.history(b.backfillID()).GetEvents(); len(events) > 50 {
		t.Errorf("the history has %d events", len(events))
	}
	if job, err := b.starter.Backfill(b.ctx(), b.imp.Key); err != nil || job.Running || job.Status != "Completed" {
		t.Fatalf("the job is %+v, %v", job, err)
	}
	progress, err := b.storage.RangesProgress(b.ctx(), b.imp.Key, storage.Backfill)
	b.ok(err)
	if progress.Open || progress.Outcome != activities.OutcomeCopied || progress.Counts.Rows != 60_000 {
		t.Fatalf("the storage keeps %+v", progress)
	}
}

// A table without rows is copied at once.
func TestBackfillOfNothing(t *testing.T) {
	t.Parallel()
	b := setup(t)
	got := b.backfill(chferry.BackfillOptions{})
	if got.Seconds = 0; got != (workflows.BackfillResult{Outcome: activities.OutcomeCopied}) {
		t.Fatalf("the backfill's result is %+v", got)
	}
}

// All databases of an import are copied, and a row that can't be imported is the next sync's to set aside.
func TestBackfillOfSeveralDatabases(t *testing.T) {
	t.Parallel()
	b := setup(t, func(imp *chferry.Import) {
		imp.Databases, imp.DatabaseColumn = []string{"eu", "us"}, "region"
	})
	for _, pool := range b.pools {
		_, err := pool.Exec(b.ctx(), `INSERT INTO users
			SELECT 'row ' || n, 'name', NULL FROM generate_series(1, 100) n`)
		b.ok(err)
	}
	_, err := b.pools["us"].Exec(b.ctx(), "UPDATE users SET born = '4713-01-01 BC' WHERE id = 'row 7'")
	b.ok(err)
	got := b.backfill(chferry.BackfillOptions{Parallel: 3})
	if got.Rows+got.Failed != 200 || got.Failed > 1 {
		t.Fatalf("the backfill's result is %+v", got)
	}
	var eu, us uint64
	count := "SELECT countIf(region = 'eu'), countIf(region = 'us') FROM users_current"
	b.ok(b.target.QueryRow(b.ctx(), count).Scan(&eu, &us))
	if eu != 100 || int64(us) != 100-got.Failed {
		t.Fatalf("ClickHouse shows %d and %d rows", eu, us)
	}
}

// A condition reaches the source and no history.
func TestBackfillWhere(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.fill(100)
	condition := "name LIKE '%of " + sentinel + "7%'"
	b.secrets = append(b.secrets, "LIKE")
	got := b.backfill(chferry.BackfillOptions{Where: condition, Parallel: 1, RowsPerSecond: 1000})
	if got.Rows != 11 {
		t.Fatalf("the backfill's result is %+v", got)
	}
	b.wantShown(11)
	b.ok(b.starter.StartBackfill(b.ctx(), b.imp, b.storage, chferry.BackfillOptions{Where: "nome = 'x'"}))
	_, err := b.starter.AwaitBackfill(b.ctx(), b.imp.Key)
	if chferry.CodeOf(err) != chferry.CodeConfiguration {
		t.Fatalf("a condition that the source does not take gives %v", err)
	}
}

// A paused backfill reads nothing, and goes on where it was when it is resumed.
func TestBackfillPaused(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.fill(20_000)
	b.ok(b.starter.StartBackfill(b.ctx(), b.imp, b.storage, chferry.BackfillOptions{RowsPerSecond: 300}))
	b.eventually(func() bool { return b.copied() > 0 })
	err := b.starter.StartBackfill(b.ctx(), b.imp, b.storage, chferry.BackfillOptions{})
	if chferry.CodeOf(err) != chferry.CodeClaimed {
		t.Fatalf("a second start gives %v", err)
	}
	b.ok(b.starter.PauseBackfill(b.ctx(), b.imp.Key))
	b.eventually(func() bool {
		var p workflows.JobProgress
		answer, err := b.starter.Client().QueryWorkflow(b.ctx(), b.backfillID(), "", workflows.ProgressQuery)
		b.ok(err)
		b.ok(answer.Get(&p))
		return p.Paused
	})
	at := b.copied()
	b.insert("z") // a sync goes on meanwhile
	b.wantSync(workflows.SyncResult{Outcome: activities.OutcomeSynced, Batches: 1, Operations: 1, Rows: 1})
	if now := b.copied(); now != at || at == 20_000 {
		t.Fatalf("%d rows were copied before the pause, %d in it", at, now)
	}
	b.ok(b.starter.ResumeBackfill(b.ctx(), b.imp.Key))
	b.eventually(func() bool { return b.copied() > at })
	b.ok(b.starter.CancelBackfill(b.ctx(), b.imp.Key))
	_, err = b.starter.AwaitBackfill(b.ctx(), b.imp.Key)
	if err == nil || !strings.Contains(err.Error(), "cancelled") {
		t.Fatalf("a cancelled backfill gives %v", err)
	}
	b.recordHistory("backfill-steered", b.history(b.backfillID()))
	progress, err := b.storage.RangesProgress(b.ctx(), b.imp.Key, storage.Backfill)
	b.ok(err)
	if progress.Open || progress.Outcome != workflows.OutcomeCancelled {
		t.Fatalf("the storage keeps %+v", progress)
	}
	for _, steer := range []error{
		b.starter.PauseBackfill(b.ctx(), b.imp.Key), b.starter.ResumeBackfill(b.ctx(), b.imp.Key),
		b.starter.CancelBackfill(b.ctx(), b.imp.Key),
	} {
		if chferry.CodeOf(steer) != chferry.CodeInvalid {
			t.Fatalf("steering a backfill that has ended gives %v", steer)
		}
	}
}

// A worker that stops hands its ranges over, and what it saved is not read again.
func TestBackfillHandedOver(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.fill(20_000)
	b.ok(b.starter.StartBackfill(b.ctx(), b.imp, b.storage, chferry.BackfillOptions{RowsPerSecond: 5000}))
	b.eventually(func() bool { return b.copied() > 0 })
	b.stop()
	b.runWorker()
	result, err := b.starter.AwaitBackfill(b.ctx(), b.imp.Key)
	b.ok(err)
	if result.Outcome != activities.OutcomeCopied || result.Rows != 20_000 {
		t.Fatalf("the backfill's result is %+v", result)
	}
	b.wantShown(20_000)
}

// Rows that change while a backfill runs end as they are.
func TestBackfillWhileWritesGoOn(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.fill(30_000)
	b.ok(b.starter.StartBackfill(b.ctx(), b.imp, b.storage, chferry.BackfillOptions{RowsPerSecond: 10_000}))
	for i := 1; b.backfilling(); i++ {
		id := fmt.Sprintf("%08d", i*997%30_000+1)
		if i%3 == 0 {
			b.exec("DELETE FROM users WHERE id = '$" + id + "'")
		} else {
			b.exec(fmt.Sprintf("UPDATE users SET name = 'changed %d' WHERE id = '$%s'", i, id))
		}
		b.register(chferry.Update, id)
		if i%20 == 0 {
			_, err := b.sync()
			b.ok(err)
		}
	}
	result, err := b.starter.AwaitBackfill(b.ctx(), b.imp.Key)
	b.ok(err)
	if result.Outcome != activities.OutcomeCopied {
		t.Fatalf("the backfill's result is %+v", result)
	}
	_, err = b.sync()
	b.ok(err)
	var want, got string
	b.ok(b.source.QueryRow(b.ctx(), `SELECT count(*) || ' ' || md5(string_agg(id || name, ',' ORDER BY id COLLATE "C"))
		FROM users`).Scan(&want))
	b.ok(b.target.QueryRow(b.ctx(), `SELECT toString(count()) || ' ' ||
		lower(hex(MD5(arrayStringConcat(arraySort(groupArray(id || name)), ',')))) FROM users_current`).Scan(&got))
	if got != want {
		t.Fatalf("ClickHouse shows %s, want %s", got, want)
	}
}

func (b *bundle) backfillID() string {
	return workflows.BackfillID(b.starter.TaskQueue(), b.imp.Key)
}

func (b *bundle) copied() int64 {
	b.t.Helper()
	progress, err := b.storage.RangesProgress(b.ctx(), b.imp.Key, storage.Backfill)
	b.ok(err)
	return progress.Counts.Rows
}

func (b *bundle) backfilling() bool {
	b.t.Helper()
	job, err := b.starter.Backfill(b.ctx(), b.imp.Key)
	b.ok(err)
	return job.Running
}

// eventually waits until a condition holds.
func (b *bundle) eventually(holds func() bool) {
	b.t.Helper()
	for began := time.Now(); !holds(); time.Sleep(20 * time.Millisecond) {
		if time.Since(began) > 30*time.Second {
			b.t.Fatal("what was waited for did not come")
		}
	}
}
