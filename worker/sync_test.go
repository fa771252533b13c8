package worker_test

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/chferry/chferry"
	"github.com/chferry/chferry/activities"
	"github.com/chferry/chferry/storage"
	"github.com/chferry/chferry/transfer"
	"github.com/chferry/chferry/workflows"
)

func TestSynced(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.insert("1", "2", "3")
	b.register(chferry.Update, "2", "2")
	b.register(chferry.Insert, "never existed")
	b.wantSync(workflows.SyncResult{
		Outcome: activities.OutcomeSynced, Batches: 1, Operations: 6, Rows: 3, Deletes: 1,
		Coalesced: 2,
	})
	b.recordAs("synced")
	b.wantRows("1", "2", "3")
	if got := len(b.history(b.lastID()).GetEvents()); got > 26 {
		t.Errorf("a sync with one batch has %d events, want at most 26", got)
	} else {
		t.Logf("a sync with one batch has %d events", got)
	}

	b.exec(`UPDATE users SET name = 'other' WHERE id = '$1'`)
	b.exec(`DELETE FROM users WHERE id = '$2'`)
	b.register(chferry.Insert, "1") // the kind does not decide: the row is there
	b.register(chferry.Update, "2") // and this one is gone
	b.wantSync(workflows.SyncResult{Outcome: activities.OutcomeSynced, Batches: 1, Operations: 2, Rows: 1, Deletes: 1})
	b.wantRows("1", "3")
	if !b.observer.has("sync synced") || !b.observer.has("batch {Operations:2 Rows:1 Deletes:1 Coalesced:0 Failed:0}") {
		t.Errorf("the observer was told %q", b.observer.events)
	}
}

func TestIdle(t *testing.T) {
	t.Parallel()
	b := setup(t)
	result, err := b.sync()
	b.ok(err)
	if result.Outcome != activities.OutcomeIdle {
		t.Errorf("outcome %q, want idle", result.Outcome)
	}
	b.recordAs("idle")
	if got := len(b.history(b.lastID()).GetEvents()); got > 6 {
		t.Errorf("an idle tick has %d events, want at most 6", got)
	} else {
		t.Logf("an idle tick has %d events", got)
	}
}

func TestManyBatches(t *testing.T) {
	t.Parallel()
	b := setup(t, func(i *chferry.Import) { i.BatchSize = 2 })
	b.insert("1", "2", "3", "4", "5")
	b.wantSync(workflows.SyncResult{Outcome: activities.OutcomeSynced, Batches: 3, Operations: 5, Rows: 5})
	b.recordAs("batches")
	b.wantRows("1", "2", "3", "4", "5")
	b.wantShortHistory(3)
}

// TestPartial has operations that can't be imported; they are set aside and stop no other.
func TestPartial(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.insert("1")
	_, err := b.storage.RegisterOperations(b.ctx(), b.imp.Key,
		chferry.Operation{Kind: chferry.Insert, PrimaryKey: chferry.PrimaryKey{sentinel, "two parts"}},
		chferry.Operation{Kind: chferry.Update, Database: "elsewhere", PrimaryKey: pk("1")},
		chferry.Operation{Kind: chferry.Update, PrimaryKey: chferry.PrimaryKey{sentinel + "\x00"}},
		chferry.Operation{Kind: chferry.Update, PrimaryKey: chferry.PrimaryKey{sentinel + "\x00"}},
	)
	b.ok(err)
	b.wantSync(workflows.SyncResult{
		Outcome: activities.OutcomePartial, Batches: 1, Operations: 5, Rows: 1, Coalesced: 1, Failed: 3,
	})
	b.recordAs("partial")
	b.wantReason(": value 1 of the primary key can't be read as string",
		": the primary key has 1 value, the operation 2", "no such database")
	b.wantRows("1")
	b.wantStatus(chferry.Status{Failed: 3})
	reasons := map[string]bool{}
	for page, err := range b.storage.FailedOperations(b.ctx(), b.imp.Key) {
		b.ok(err)
		for _, f := range page {
			reasons[f.Reason] = true
			if strings.Contains(f.Reason, sentinel) {
				t.Errorf("the reason %q holds the key", f.Reason)
			}
		}
	}
	for _, want := range []string{
		"public.users: the primary key has 1 value, the operation 2",
		"public.users: value 1 of the primary key can't be read as string",
		"the import has no such database (it has [default])",
	} {
		if !reasons[want] {
			t.Errorf("no reason %q among %v", want, reasons)
		}
	}
}

// numbers makes an import of the table numbers, whose key is an integer.
func numbers(i *chferry.Import) {
	i.Table, i.DestinationTable = "numbers", "numbers"
}

// TestTypedKeys: what names a row is the value, not the text.
func TestTypedKeys(t *testing.T) {
	t.Parallel()
	b := setup(t, numbers)
	b.exec(`INSERT INTO numbers SELECT n, n * n FROM generate_series(1, 3) n`)
	for _, id := range []string{"01", "1", " 1", "+2", "007", "9223372036854775808", "1e3", "one"} {
		_, err := b.storage.RegisterOperations(b.ctx(), b.imp.Key,
			chferry.Operation{Kind: chferry.Update, PrimaryKey: chferry.PrimaryKey{id}})
		b.ok(err)
	}
	b.wantSync(workflows.SyncResult{
		Outcome: activities.OutcomePartial, Batches: 1, Operations: 8, Rows: 2, Deletes: 1,
		Coalesced: 2, Failed: 3,
	})
}

// TestChunks: an attempt that is made again cuts the batch at the same operations, with the same tokens.
func TestChunks(t *testing.T) {
	t.Parallel()
	b := setup(t, numbers, func(i *chferry.Import) { i.BatchSize = 100_000 })
	const total = 70_000
	b.exec(fmt.Sprintf(`INSERT INTO numbers SELECT n, n * n FROM generate_series(1::bigint, %d) n`, total))
	for first := 1; first <= total; first += chferry.MaxOperations {
		var ops []chferry.Operation
		for id := first; id < first+chferry.MaxOperations; id++ {
			ops = append(ops, chferry.Operation{Kind: chferry.Insert, PrimaryKey: chferry.PrimaryKey{strconv.Itoa(id)}})
		}
		_, err := b.storage.RegisterOperations(b.ctx(), b.imp.Key, ops...)
		b.ok(err)
	}
	var inserts atomic.Int64
	b.sink.breakWith(func(context.Context) error {
		if inserts.Add(1) == 2 {
			return chferry.Errorf(chferry.CodeUnavailable, "gone in the middle of the batch")
		}
		return nil
	})
	b.wantSync(workflows.SyncResult{Outcome: activities.OutcomeSynced, Batches: 1, Operations: total, Rows: total})
	statuses, err := b.storage.Status(b.ctx(), b.imp.Key)
	b.ok(err)
	var want []string
	for _, borders := range []string{"0-25000", "25000-50000", "50000-70000"} {
		want = append(want, fmt.Sprintf("%s/%d/%s", b.imp.Key, statuses[0].Version, borders))
	}
	// Chunks are read side by side, and may be inserted in any order.
	got := slices.Sorted(slices.Values(b.sink.tokens))
	if tried := slices.Compact(slices.Clone(got)); !slices.Equal(tried, want) || len(got) < len(want)+2 {
		t.Errorf("tokens are %q, want each of %q, after two of the first try", got, want)
	}
	var rows, squares uint64
	b.ok(b.target.QueryRow(b.ctx(), "SELECT count(), toUInt64(sum(square)) FROM numbers_current").Scan(&rows, &squares))
	if n := uint64(total); rows != n || squares != n*(n+1)*(2*n+1)/6 {
		t.Errorf("ClickHouse shows %d rows whose squares sum up to %d", rows, squares)
	}
}

// TestSeveralDatabases syncs one table of two databases into one destination, told apart by a column.
func TestSeveralDatabases(t *testing.T) {
	t.Parallel()
	b := setup(t, func(i *chferry.Import) { i.Databases, i.DatabaseColumn = []string{"eu", "us"}, "region" })
	b.exec(`INSERT INTO users VALUES ('$1', 'of $', NULL)`) // in eu alone
	for _, database := range b.imp.Databases {
		_, err := b.storage.RegisterOperations(b.ctx(), b.imp.Key,
			chferry.Operation{Kind: chferry.Insert, Database: database, PrimaryKey: pk("1")})
		b.ok(err)
	}
	b.wantSync(workflows.SyncResult{Outcome: activities.OutcomeSynced, Batches: 1, Operations: 2, Rows: 1, Deletes: 1})
	var region string
	b.ok(b.target.QueryRow(b.ctx(), "SELECT region FROM users_current").Scan(&region))
	if region != "eu" {
		t.Errorf("the row's region is %q, want eu", region)
	}
}

// TestDatabaseAway: while one of several databases does not answer, its operations wait, and those
// of the others do not.
func TestDatabaseAway(t *testing.T) {
	t.Parallel()
	b := setup(t, func(i *chferry.Import) {
		i.Databases, i.DatabaseColumn, i.Limits.RetryFor = []string{"eu", "us"}, "region", 2*time.Second
	})
	register := func(database string, ids ...string) {
		for _, id := range ids {
			_, err := b.pools[database].Exec(b.ctx(),
				`INSERT INTO users VALUES ($1, 'new', NULL) ON CONFLICT (id) DO UPDATE SET name = 'old'`, pk(id)[0])
			b.ok(err)
			_, err = b.storage.RegisterOperations(b.ctx(), b.imp.Key,
				chferry.Operation{Kind: chferry.Insert, Database: database, PrimaryKey: pk(id)})
			b.ok(err)
		}
	}
	register("eu", "1", "2", "1", "3", "4")
	register("us", "1", "2")
	b.connections("eu", false)
	told := b.wantPartial(workflows.SyncResult{
		Batches: 2, Operations: 11, Rows: 2, Coalesced: 9, PutBack: 8, Remaining: 4, Limit: workflows.LimitDatabase,
	})
	if !strings.Contains(told, `database "eu" at 127.0.0.1`) {
		t.Errorf("the result's reason is %q", told)
	}
	statuses, err := b.storage.Status(b.ctx(), b.imp.Key)
	b.ok(err)
	if waits := `the operations of database "eu" wait for it: `; statuses[0].Pending != 4 ||
		!strings.Contains(fmt.Sprint(statuses[0].Schema), waits) {
		t.Errorf("status is %+v", statuses[0])
	}
	register("us", "3")
	b.wantPartial(workflows.SyncResult{
		Batches: 2, Operations: 9, Rows: 1, Coalesced: 8, PutBack: 8, Remaining: 4,
		Limit: workflows.LimitDatabase,
	})
	b.connections("eu", true)
	b.wantSync(workflows.SyncResult{Outcome: activities.OutcomeSynced, Batches: 1, Operations: 4, Rows: 4})
	b.wantStatus(chferry.Status{})
	var regions string
	b.ok(b.target.QueryRow(b.ctx(), "SELECT toString(groupArray((region, n))) FROM "+
		"(SELECT region, count() AS n FROM users_current GROUP BY region ORDER BY region)").Scan(&regions))
	if regions != "[('eu',4),('us',3)]" {
		t.Errorf("ClickHouse shows %s", regions)
	}

	b.connections("eu", false)
	b.connections("us", false)
	_, err = b.storage.RegisterOperations(b.ctx(), b.imp.Key,
		chferry.Operation{Kind: chferry.Update, Database: "us", PrimaryKey: pk("1")})
	b.ok(err)
	_ = b.wantFailure(chferry.CodeUnavailable)
	b.wantStatus(chferry.Status{Pending: 1})
}

// connections lets the database behind an alias accept connections, or not, and ends those that it has.
func (b *bundle) connections(alias string, accepted bool) {
	b.t.Helper()
	name := b.pools[alias].Config().ConnConfig.Database
	admin := b.pools[alias].Config().ConnConfig.Copy()
	admin.Database = "postgres"
	conn, err := pgx.ConnectConfig(b.ctx(), admin)
	b.ok(err)
	defer func() { _ = conn.Close(b.ctx()) }()
	_, err = conn.Exec(b.ctx(), fmt.Sprintf("ALTER DATABASE %s ALLOW_CONNECTIONS %t", name, accepted))
	b.ok(err)
	_, err = conn.Exec(b.ctx(),
		"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = $1 AND pid <> pg_backend_pid()", name)
	b.ok(err)
}

// wantPartial syncs, compares the result as wantSync does, and returns its reason.
func (b *bundle) wantPartial(want workflows.SyncResult) string {
	b.t.Helper()
	got, err := b.sync()
	b.ok(err)
	reason := got.Reason
	got.Seconds, got.StartedBy, got.Reason, want.Outcome = 0, "", "", activities.OutcomePartial
	if got != want {
		b.t.Fatalf("the sync's result is\n%+v, want\n%+v", got, want)
	}
	return reason
}

// TestSchemaMismatch stops a sync before anything is claimed, and says what to mend.
func TestSchemaMismatch(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.insert("1")
	b.exec(`ALTER TABLE users ALTER COLUMN name DROP NOT NULL`)
	err := b.wantFailure(chferry.CodeSchemaMismatch)
	b.recordAs("failed")
	for _, want := range []string{"users", "name", "Nullable(String)"} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("the error does not name %s: %v", want, err)
		}
	}
	_, told, _ := strings.Cut(err.Error(), "GetOperations: ")
	b.wantStatus(chferry.Status{Pending: 1, Schema: []string{told}})
	b.exec(`ALTER TABLE users ALTER COLUMN name SET NOT NULL`)
	b.wantSync(workflows.SyncResult{Outcome: activities.OutcomeSynced, Batches: 1, Operations: 1, Rows: 1})
	b.wantStatus(chferry.Status{})
}

// TestSourceChanged: an empty table under the old name must not turn operations into deletes.
func TestSourceChanged(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.insert("1")
	b.wantSync(workflows.SyncResult{Outcome: activities.OutcomeSynced, Batches: 1, Operations: 1, Rows: 1})
	b.exec(`DROP TABLE users`)
	b.exec(`CREATE TABLE users (id text PRIMARY KEY, name text NOT NULL, born date)`)
	b.register(chferry.Update, "1")
	_ = b.wantFailure(chferry.CodeSourceChanged)
	b.wantStatus(chferry.Status{Pending: 1})
	b.wantRows("1")
	plan, err := transfer.MakePlan(b.ctx(), b.imp, b.sources)
	b.ok(err)
	b.ok(b.storage.ReplaceIdentity(b.ctx(), b.imp.Key, "default",
		storage.Identity{Table: plan.Tables["default"].Identity}))
	b.wantSync(workflows.SyncResult{Outcome: activities.OutcomeSynced, Batches: 1, Operations: 1, Deletes: 1})
	b.wantRows()
}

// TestCopyOfThePast: a database that stands before what was synced from it is a restored copy,
// whose missing rows were not deleted. It counts again once it has gone as far, or when a person
// says so.
func TestCopyOfThePast(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.insert("1")
	b.wantSync(workflows.SyncResult{Outcome: activities.OutcomeSynced, Batches: 1, Operations: 1, Rows: 1})
	was, err := b.storage.RememberedIdentity(b.ctx(), b.imp.Key, "default")
	b.ok(err)
	if was.Mark == 0 {
		t.Fatal("nothing is remembered of how far the source was")
	}
	b.ok(b.storage.ReplaceIdentity(b.ctx(), b.imp.Key, "default",
		storage.Identity{Table: was.Table, Mark: was.Mark + 1<<40}))
	b.exec(`DELETE FROM users`) // as in a copy that does not have the row yet
	b.register(chferry.Update, "1")
	if err := b.wantFailure(chferry.CodeSourceChanged); !strings.Contains(err.Error(),
		"stands before what was synced") {
		t.Errorf("the sync failed with %v", err)
	}
	b.wantStatus(chferry.Status{Pending: 1})
	b.wantRows("1")
	b.ok(b.storage.ReplaceIdentity(b.ctx(), b.imp.Key, "default", was))
	b.wantSync(workflows.SyncResult{Outcome: activities.OutcomeSynced, Batches: 1, Operations: 1, Deletes: 1})
	b.wantRows()
}

// TestFailureAfterClaim: the batch stays as it was claimed, and the next sync need not wait for the lease.
func TestFailureAfterClaim(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.insert("1", "2")
	b.sink.breakWith(func(context.Context) error {
		return chferry.Errorf(chferry.CodeConfiguration,
			"broken for good")
	})
	_ = b.wantFailure(chferry.CodeConfiguration)
	b.recordAs("compensated")
	b.wantStatus(chferry.Status{InFlight: 2})
	if !b.observer.has("sync failed") {
		t.Errorf("the observer was told %q", b.observer.events)
	}
	b.insert("3")
	b.sink.mend()
	b.wantSync(workflows.SyncResult{Outcome: activities.OutcomeSynced, Batches: 2, Operations: 3, Rows: 3})
	b.wantRows("1", "2", "3")
	if b.observer.has("taken over") {
		t.Error("the failed sync's claim had to be taken over, although it was given back")
	}
}

// TestTransientFailure is retried within the run.
func TestTransientFailure(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.insert("1")
	failures := make(chan struct{}, 2)
	failures <- struct{}{}
	failures <- struct{}{}
	b.sink.breakWith(func(context.Context) error {
		select {
		case <-failures:
			return chferry.Errorf(chferry.CodeUnavailable, "overloaded")
		default:
			return nil
		}
	})
	b.wantSync(workflows.SyncResult{Outcome: activities.OutcomeSynced, Batches: 1, Operations: 1, Rows: 1})
	b.recordAs("retried")
}

// hold makes inserts wait until release is called, or their context ends; held is closed when the
// first waits. Before that one insert fails with each of errs.
func (b *bundle) hold(errs ...error) (held <-chan struct{}, release func()) {
	waiting, free, failures := make(chan struct{}, 100), make(chan struct{}), make(chan error, len(errs))
	for _, err := range errs {
		failures <- err
	}
	b.sink.breakWith(func(ctx context.Context) error {
		select {
		case err := <-failures:
			return err
		default:
		}
		waiting <- struct{}{}
		select {
		case <-free:
			return nil
		case <-ctx.Done():
			return chferry.WrapError(chferry.CodeUnavailable, ctx.Err(), "insert interrupted")
		}
	})
	return waiting, func() { b.sink.mend(); close(free) }
}

func (b *bundle) trigger() { b.t.Helper(); b.ok(b.starter.Trigger(b.ctx(), b.imp.Key)) }

func (b *bundle) wait(held <-chan struct{}) {
	b.t.Helper()
	select {
	case <-held:
	case <-time.After(20 * time.Second):
		b.t.Fatal("no insert began")
	}
}

// running returns the workflow that runs now.
func (b *bundle) running() string {
	b.t.Helper()
	return b.runningOf(b.imp.Key)
}

// runningOf returns the workflow that runs now for an import key.
func (b *bundle) runningOf(key chferry.ImportKey) string {
	b.t.Helper()
	handle := b.starter.Client().ScheduleClient().GetHandle(b.ctx(), workflows.SyncID(b.starter.TaskQueue(), key))
	d, err := handle.Describe(b.ctx())
	b.ok(err)
	if len(d.Info.RunningWorkflows) != 1 {
		b.t.Fatalf("%d workflows are running, want 1", len(d.Info.RunningWorkflows))
	}
	return d.Info.RunningWorkflows[0].WorkflowID
}

// TestTerminated: the next run takes the batch over at once, long before the lease ends, because
// Temporal knows that its claimant is closed.
func TestTerminated(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.insert("1", "2")
	held, release := b.hold()
	b.trigger()
	b.wait(held)
	b.insert("3")
	b.ok(b.starter.Client().TerminateWorkflow(b.ctx(), b.running(), "", "by the test"))
	release()
	began := time.Now()
	b.wantSync(workflows.SyncResult{Outcome: activities.OutcomeSynced, Batches: 2, Operations: 3, Rows: 3})
	if took := time.Since(began); took > 20*time.Second {
		t.Errorf("the next sync took %s: it waited for the lease", took)
	}
	if !b.observer.has("taken over") {
		t.Errorf("the observer was not told of the takeover: %q", b.observer.events)
	}
	b.wantRows("1", "2", "3")
}

// TestCancelled gives the claim back although its context is cancelled.
func TestCancelled(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.insert("1")
	held, release := b.hold()
	defer release()
	b.trigger()
	b.wait(held)
	id := b.running()
	b.ok(b.starter.Client().CancelWorkflow(b.ctx(), id, ""))
	err := b.starter.Client().GetWorkflow(b.ctx(), id, "").Get(b.ctx(), nil)
	if err == nil || !strings.Contains(err.Error(), "canceled") {
		t.Fatalf("the cancelled sync ended with %v", err)
	}
	b.recordAs("cancelled")
	if !b.observer.has("step PostSyncFailed") {
		t.Errorf("nothing was compensated: %q", b.observer.events)
	}
	b.sink.mend()
	b.wantSync(workflows.SyncResult{Outcome: activities.OutcomeSynced, Batches: 1, Operations: 1, Rows: 1})
	if b.observer.has("taken over") {
		t.Error("the claim was taken over, although it should have been given back")
	}
}

// TestSuperseded: a sync that loses its claim ends as such, removes nothing and compensates nothing.
func TestSuperseded(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.insert("1")
	held, release := b.hold()
	b.trigger()
	b.wait(held)
	id := b.running()
	b.ok(b.storage.Flush(b.ctx(), b.imp.Key)) // the claim is gone
	b.insert("2")
	release()
	var result workflows.SyncResult
	b.ok(b.starter.Client().GetWorkflow(b.ctx(), id, "").Get(b.ctx(), &result))
	b.recordAs("superseded")
	if result.Outcome != activities.OutcomeSuperseded || b.observer.has("step PostSyncFailed") {
		t.Errorf("the result is %+v, the observer was told %q", result, b.observer.events)
	}
	b.wantSync(workflows.SyncResult{Outcome: activities.OutcomeSynced, Batches: 1, Operations: 1, Rows: 1})
	b.wantRows("1", "2")
}

// TestWorkerStops: a worker that is told to stop hands its batch over without waiting for a heartbeat to time out.
func TestWorkerStops(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.insert("1", "2")
	held, release := b.hold()
	b.trigger()
	b.wait(held)
	id := b.running() // later it may have ended
	began := time.Now()
	b.stop()
	if took := time.Since(began); took > 4*time.Second {
		t.Errorf("the worker took %s to stop", took)
	}
	release()
	b.runWorker()
	var result workflows.SyncResult
	b.ok(b.starter.Client().GetWorkflow(b.ctx(), id, "").Get(b.ctx(), &result))
	if result.Outcome != activities.OutcomeSynced || result.Rows != 2 {
		t.Errorf("the sync's result is %+v", result)
	}
	b.wantRows("1", "2")
}
