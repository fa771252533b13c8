package worker_test

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	ch "github.com/ClickHouse/clickhouse-go/v2"
	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"
	"github.com/jackc/pgx/v5/pgxpool"
	"go.temporal.io/api/common/v1"
	"go.temporal.io/api/enums/v1"
	"go.temporal.io/api/history/v1"
	"go.temporal.io/api/workflowservice/v1"
	"google.golang.org/protobuf/encoding/protojson"

	"github.com/chferry/chferry"
	"github.com/chferry/chferry/activities"
	"github.com/chferry/chferry/config"
	"github.com/chferry/chferry/internal/testenv"
	"github.com/chferry/chferry/rowset"
	"github.com/chferry/chferry/sink"
	"github.com/chferry/chferry/sink/clickhouse"
	"github.com/chferry/chferry/source"
	"github.com/chferry/chferry/source/postgres"
	"github.com/chferry/chferry/starter"
	"github.com/chferry/chferry/storage/redis"
	"github.com/chferry/chferry/transfer"
	"github.com/chferry/chferry/worker"
	"github.com/chferry/chferry/workflows"
)

func TestMain(m *testing.M) { testenv.Main(m) }

// record writes the histories of the runs that tests name into the replay fixtures of package workflows.
var record = flag.Bool("record", false, "record histories into workflows/testdata/replay")

// sentinel stands in every row and primary key that tests use, and must be in no history.
const sentinel = "sentinel-of-a-row"

// bundle is one import key on real servers, with a worker in this process.
type bundle struct {
	t        testing.TB
	imp      chferry.Import
	others   []chferry.Import // further imports of the worker
	live     *config.Live     // what the worker is configured with; nil: imp and others
	log      io.Writer        // of the worker; nil: nobody reads it
	syncs    int              // how many batches the worker imports at a time; 0: as many as by default
	storage  *redis.Storage
	starter  *starter.Starter
	sources  map[string]source.Source
	source   *pgxpool.Pool            // of the first database
	pools    map[string]*pgxpool.Pool // by alias
	target   driver.Conn
	sink     *faultySink
	observer *observer
	secrets  []string
	stop     func()
}

// faultySink lets a test break or hold inserts.
type faultySink struct {
	*clickhouse.Client
	before atomic.Pointer[func(ctx context.Context) error]
	after  atomic.Pointer[func() error] // an insert that succeeded
	step   atomic.Pointer[func(ctx context.Context, step string) error]
	mu     sync.Mutex
	tokens []string // of the inserts that were tried, in order
}

func (f *faultySink) Insert(ctx context.Context, d sink.Destination, b rowset.Block,
	token string,
) ([]sink.Rejected, error) {
	f.mu.Lock()
	f.tokens = append(f.tokens, token)
	f.mu.Unlock()
	if before := f.before.Load(); before != nil {
		if err := (*before)(ctx); err != nil {
			return nil, err
		}
	}
	rejected, err := f.Client.Insert(ctx, d, b, token)
	if after := f.after.Load(); after != nil && err == nil {
		err = (*after)()
	}
	return rejected, err
}

// Prepare implements [sink.Replacer].
func (f *faultySink) Prepare(ctx context.Context, d sink.Destination, token string) (own sink.Destination, err error) {
	err = f.steps(ctx, "prepare", "prepared", func() error {
		own, err = f.Client.Prepare(ctx, d, token)
		return err
	})
	return own, err
}

// Exchange implements [sink.Replacer].
func (f *faultySink) Exchange(ctx context.Context, d sink.Destination, token, filled string) error {
	return f.steps(ctx, "exchange", "exchanged", func() error {
		return f.Client.Exchange(ctx, d, token, filled)
	})
}

// Drop implements [sink.Replacer].
func (f *faultySink) Drop(ctx context.Context, d sink.Destination, token string) error {
	return f.steps(ctx, "drop", "dropped", func() error { return f.Client.Drop(ctx, d, token) })
}

// steps takes a step of a replacement, before and after which a test may break or hold it.
func (f *faultySink) steps(ctx context.Context, before, after string, take func() error) error {
	step := func(string) error { return nil }
	if held := f.step.Load(); held != nil {
		step = func(name string) error { return (*held)(ctx, name) }
	}
	if err := step(before); err != nil {
		return err
	}
	if err := take(); err != nil {
		return err
	}
	return step(after)
}

func (f *faultySink) breakWith(before func(ctx context.Context) error) { f.before.Store(&before) }

func (f *faultySink) mend() { f.before.Store(nil) }

// observer notes what the metrics would count.
type observer struct {
	mu     sync.Mutex
	events []string
	panics atomic.Pointer[error] // with what the next BatchEnded panics, once
}

func (o *observer) note(format string, args ...any) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.events = append(o.events, fmt.Sprintf(format, args...))
}

func (o *observer) has(event string) bool { return o.count(event) > 0 }

func (o *observer) count(event string) (n int) {
	o.mu.Lock()
	defer o.mu.Unlock()
	for _, e := range o.events {
		if e == event {
			n++
		}
	}
	return n
}

func (o *observer) Step(_ chferry.ImportKey, step string, _ float64) { o.note("step %s", step) }

func (o *observer) StepFailed(_ chferry.ImportKey, step string, code chferry.Code) {
	o.note("step %s failed: %s", step, code)
}

func (o *observer) BatchEnded(_ chferry.ImportKey, out chferry.Counts) {
	if with := o.panics.Swap(nil); with != nil {
		panic(*with)
	}
	o.note("batch %+v", out)
}

func (o *observer) SyncEnded(_ chferry.ImportKey, outcome string) { o.note("sync %s", outcome) }

func (o *observer) RowsCopied(_ chferry.ImportKey, rows int64) { o.note("copied %d", rows) }

func (o *observer) RowsVerified(_ chferry.ImportKey, rows int64) { o.note("verified %d", rows) }

func (o *observer) TakenOver(chferry.ImportKey) { o.note("taken over") }

var bundles atomic.Int64

// setup makes a table users in a fresh database, its destination on the modern ClickHouse and its
// schedule, and runs a worker.
func setup(t testing.TB, change ...func(*chferry.Import)) *bundle {
	t.Helper()
	return setupOn(t, testenv.ModernClickHouse(t), "", change...)
}

// setupOn does the same for one ClickHouse, with further statements before anything looks at the source.
func setupOn(t testing.TB, clickHouse, statements string, change ...func(*chferry.Import)) *bundle {
	t.Helper()
	b := prepare(t, clickHouse, statements, change...)
	b.serve()
	return b
}

// prepare does the same but for the worker.
func prepare(t testing.TB, clickHouse, statements string, change ...func(*chferry.Import)) *bundle {
	t.Helper()
	name := fmt.Sprintf("w%d-%d", time.Now().UnixNano(), bundles.Add(1))
	b := &bundle{t: t, observer: &observer{}}
	b.imp = chferry.Import{
		Key: chferry.ImportKey(name), Databases: []string{"default"}, Table: "public.users",
		DestinationTable: "users", BatchSize: 1000,
	}
	for _, c := range change {
		c(&b.imp)
	}
	b.openDatabases(clickHouse, statements)
	b.openServices(name)
	b.apply()
	return b
}

// serve runs a worker, and at the test's end looks for secrets in what it did.
func (b *bundle) serve() {
	b.runWorker()
	b.t.Cleanup(func() {
		b.stop()
		b.wantNoSecrets()
	})
}

func (b *bundle) openDatabases(url, statements string) {
	t := b.t
	b.secrets = append(b.secrets, url)
	options, err := ch.ParseDSN(url)
	b.ok(err)
	b.target, err = ch.Open(options)
	b.ok(err)
	t.Cleanup(func() { _ = b.target.Close() })
	client, err := clickhouse.Open(url, clickhouse.Options{})
	b.ok(err)
	t.Cleanup(client.Close)
	b.sink = &faultySink{Client: client}
	b.sources, b.pools = map[string]source.Source{}, map[string]*pgxpool.Pool{}
	for _, alias := range b.imp.Databases {
		url := testenv.Postgres(t)
		b.secrets = append(b.secrets, url)
		pool, err := pgxpool.New(t.Context(), url)
		b.ok(err)
		t.Cleanup(pool.Close)
		b.pools[alias] = pool
		if b.source == nil {
			b.source = pool
		}
		_, err = pool.Exec(t.Context(), `CREATE TABLE users (id text PRIMARY KEY, name text NOT NULL, born date);
			CREATE TABLE numbers (id bigint PRIMARY KEY, square bigint NOT NULL);
			CREATE TABLE wide (id bigint PRIMARY KEY, hash text NOT NULL, name text NOT NULL, age int NOT NULL,
				score double precision NOT NULL, balance numeric(12,2) NOT NULL, created timestamptz NOT NULL,
				active boolean NOT NULL, born date NOT NULL, note text);`+statements)
		b.ok(err)
		src, err := postgres.Open(url, source.Options{Alias: alias})
		b.ok(err)
		t.Cleanup(src.Close)
		b.sources[alias] = src
	}
}

func (b *bundle) openServices(name string) {
	t := b.t
	var err error
	b.storage, err = redis.Open(testenv.Redis(t), redis.Options{})
	b.ok(err)
	t.Cleanup(func() { _ = b.storage.Close() })
	b.starter, err = starter.New(starter.Options{Address: testenv.Temporal(t), TaskQueue: name, IDPrefix: name})
	b.ok(err)
	t.Cleanup(b.starter.Close)
}

func (b *bundle) apply() {
	b.t.Helper()
	ctx := b.t.Context()
	plan, err := transfer.MakePlan(ctx, b.imp, b.sources)
	b.ok(err)
	missing, err := b.sink.Missing(ctx, plan.Destination)
	b.ok(err)
	b.ok(b.sink.Create(ctx, missing))
	attributes, err := b.starter.EnsureSearchAttributes(ctx, false)
	b.ok(err)
	_, err = b.starter.Apply(ctx, []chferry.Import{b.imp}, starter.ApplyOptions{Attributes: attributes.Usable})
	b.ok(err)
}

func configured(imports ...chferry.Import) *config.Live {
	return config.NewLive(&config.Config{Imports: imports})
}

// runWorker runs a worker until b.stop is called, or the test ends.
func (b *bundle) runWorker() {
	ctx, cancel := context.WithCancel(context.Background())
	if b.live == nil {
		b.live = configured(append([]chferry.Import{b.imp}, b.others...)...)
	}
	steps := &activities.Activities{
		Storage: b.storage, Pipeline: &transfer.Pipeline{
			Storage: b.storage, Sources: source.Fixed(b.sources), Sink: b.sink,
		},
		Imports: b.live, JobClosed: b.starter.JobClosed, Nudge: b.starter.Nudge,
		Closed: b.starter.Closed, Observer: b.observer, Log: slog.New(slog.DiscardHandler),
	}
	if b.log != nil {
		steps.Log = slog.New(slog.NewTextHandler(b.log, nil))
	}
	client, options := b.starter.Client(), worker.Options{
		TaskQueue: b.starter.TaskQueue(), StopTimeout: 5 * time.Second, Version: "v1.2.3-test", Syncs: b.syncs,
	}
	ended := make(chan error, 1)
	go func() { ended <- worker.Run(ctx, client, steps, options) }()
	b.stop = sync.OnceFunc(func() {
		cancel()
		if err := <-ended; err != nil {
			b.t.Errorf("the worker ended with %v", err)
		}
	})
}

func (b *bundle) ok(err error) {
	b.t.Helper()
	if err != nil {
		b.t.Fatalf("%s: %v (%v)", chferry.CodeOf(err), err, errors.Unwrap(err))
	}
}

func (b *bundle) ctx() context.Context { return b.t.Context() }

// exec runs a statement in the first database; every $ in it becomes the sentinel.
func (b *bundle) exec(sql string) {
	b.t.Helper()
	_, err := b.source.Exec(b.ctx(), strings.ReplaceAll(sql, "$", sentinel))
	b.ok(err)
}

// pk is a primary key that must not get into a history.
func pk(id string) chferry.PrimaryKey { return chferry.PrimaryKey{sentinel + id} }

func (b *bundle) register(kind chferry.Kind, ids ...string) {
	b.t.Helper()
	for _, id := range ids {
		_, err := b.storage.RegisterOperations(b.ctx(), b.imp.Key, chferry.Operation{Kind: kind, PrimaryKey: pk(id)})
		b.ok(err)
	}
}

// insert inserts rows into the source and registers them.
func (b *bundle) insert(ids ...string) {
	b.t.Helper()
	for _, id := range ids {
		b.exec(`INSERT INTO users VALUES ('$` + id + `', 'name of $` + id + `', '2000-01-01')`)
	}
	b.register(chferry.Insert, ids...)
}

// sync triggers a sync and waits for its end.
func (b *bundle) sync() (workflows.SyncResult, error) {
	b.t.Helper()
	ctx, cancel := context.WithTimeout(b.ctx(), 30*time.Second)
	defer cancel()
	return b.starter.Sync(ctx, b.imp.Key, nil)
}

// wantSync syncs and compares the result, but for its seconds, what started it and the reason of
// failures, which are somewhere in it.
func (b *bundle) wantSync(want workflows.SyncResult) {
	b.t.Helper()
	got, err := b.sync()
	b.ok(err)
	if got.Seconds <= 0 {
		b.t.Errorf("the sync took %v seconds", got.Seconds)
	}
	if got.StartedBy != workflows.StartedBySchedule {
		b.t.Errorf("the sync was started by %q, want its schedule", got.StartedBy)
	}
	if (got.Reason != "") != (got.Failed > 0) {
		b.t.Errorf("%d operations failed, with the reason %q", got.Failed, got.Reason)
	}
	got.Seconds, got.StartedBy, got.Reason = 0, "", ""
	if got != want {
		b.t.Fatalf("the sync's result is\n%+v, want\n%+v", got, want)
	}
}

// wantFailure syncs and wants it to fail with a code.
func (b *bundle) wantFailure(want chferry.Code) error {
	b.t.Helper()
	result, err := b.sync()
	if err == nil || chferry.CodeOf(err) != want {
		b.t.Fatalf("the sync ended with %+v and error %v (%s), want code %s", result, err, chferry.CodeOf(err), want)
	}
	return err
}

// wantRows compares the ids that ClickHouse shows, in order and without the sentinel.
func (b *bundle) wantRows(want ...string) {
	b.t.Helper()
	rows, err := b.target.Query(b.ctx(), "SELECT id FROM users_current ORDER BY id")
	b.ok(err)
	defer rows.Close()
	var got []string
	for rows.Next() {
		var id string
		b.ok(rows.Scan(&id))
		got = append(got, strings.TrimPrefix(id, sentinel))
	}
	b.ok(rows.Err())
	if fmt.Sprint(got) != fmt.Sprint(want) {
		b.t.Fatalf("ClickHouse shows %v, want %v", got, want)
	}
}

func (b *bundle) wantStatus(want chferry.Status) {
	b.t.Helper()
	statuses, err := b.storage.Status(b.ctx(), b.imp.Key)
	b.ok(err)
	got := statuses[0]
	got.LastSync, got.OldestPending, got.Version, got.Totals = time.Time{}, time.Time{}, 0, chferry.Counts{}
	got.LastOutcome, got.Failing, got.Backfill = "", nil, nil
	if !reflect.DeepEqual(got, want) {
		b.t.Fatalf("status is %+v, want %+v", got, want)
	}
}

// lastID returns the workflow that the schedule started last.
func (b *bundle) lastID() string {
	b.t.Helper()
	schedule, err := b.starter.Describe(b.ctx(), b.imp.Key)
	b.ok(err)
	return schedule.LastID
}

func (b *bundle) history(workflowID string) *history.History {
	return b.historyOf(&common.WorkflowExecution{WorkflowId: workflowID})
}

func (b *bundle) historyOf(run *common.WorkflowExecution) *history.History {
	h := &history.History{}
	events := b.starter.Client().GetWorkflowHistory(context.Background(), run.GetWorkflowId(), run.GetRunId(), false,
		enums.HISTORY_EVENT_FILTER_TYPE_ALL_EVENT)
	for events.HasNext() {
		event, err := events.Next()
		if err != nil {
			b.t.Errorf("read the history of %s: %v", run.GetWorkflowId(), err)
			break
		}
		h.Events = append(h.Events, event)
	}
	return h
}

// recordAs keeps the last run's history as a fixture, when asked for. One that is there stays: it
// is what older workers wrote.
func (b *bundle) recordAs(name string) {
	b.t.Helper()
	b.recordHistory(name, b.history(b.lastID()))
}

func (b *bundle) recordHistory(name string, h *history.History) {
	b.t.Helper()
	if !*record {
		return
	}
	text, err := protojson.MarshalOptions{Indent: " "}.Marshal(h)
	b.ok(err)
	file, err := os.OpenFile(filepath.Join("..", "workflows", "testdata", "replay", name+".json"),
		os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if errors.Is(err, fs.ErrExist) {
		return
	}
	b.ok(err)
	_, err = file.Write(text)
	b.ok(errors.Join(err, file.Close()))
}

func listRequest(query string) *workflowservice.ListWorkflowExecutionsRequest {
	return &workflowservice.ListWorkflowExecutionsRequest{Namespace: "default", Query: query}
}
