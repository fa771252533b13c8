package transfer_test

import (
	"cmp"
	"context"
	"database/sql"
	"fmt"
	"maps"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/chferry/chferry"
	"github.com/chferry/chferry/internal/testenv"
	"github.com/chferry/chferry/rowset"
	"github.com/chferry/chferry/sink"
	"github.com/chferry/chferry/source"
	"github.com/chferry/chferry/source/sqlite"
	"github.com/chferry/chferry/storage"
	"github.com/chferry/chferry/storage/redis"
	"github.com/chferry/chferry/transfer"
)

const token = "token"

// rig is one import key of tables items (id INTEGER, word TEXT) in SQLite files, with its operations in Redis.
type rig struct {
	t        testing.TB
	imp      chferry.Import
	store    *redis.Storage
	files    map[string]*sql.DB // by alias
	paths    map[string]string
	sources  source.Fixed
	pipeline *transfer.Pipeline
	batch    chferry.Batch
	attempts int64
}

var rigs atomic.Int64

// newRig makes a rig of the databases that a change of the import names, with sources that hold
// maxFetchBytes, 0 for as many as usual.
func newRig(t testing.TB, to sink.Sink, maxFetchBytes int, change ...func(*chferry.Import)) *rig {
	t.Helper()
	r := &rig{t: t, files: map[string]*sql.DB{}, paths: map[string]string{}, sources: source.Fixed{}}
	r.imp = chferry.Import{
		Key:       chferry.ImportKey(fmt.Sprintf("rig-%d-%d", time.Now().UnixNano(), rigs.Add(1))),
		Databases: []string{"default"}, Table: "items", DestinationTable: "items", BatchSize: 100_000,
	}
	for _, c := range change {
		c(&r.imp)
	}
	var err error
	r.store, err = redis.Open(testenv.Redis(t), redis.Options{})
	ok(t, err)
	t.Cleanup(func() { _ = r.store.Close() })
	r.pipeline = &transfer.Pipeline{Storage: r.store, Sources: r.sources, Sink: to}
	for _, alias := range r.imp.Databases {
		r.openFile(alias, maxFetchBytes)
	}
	return r
}

func (r *rig) openFile(alias string, maxFetchBytes int) {
	r.t.Helper()
	path := filepath.Join(r.t.TempDir(), alias+".db")
	db, err := sql.Open("sqlite", path)
	ok(r.t, err)
	db.SetMaxOpenConns(1)
	r.t.Cleanup(func() { _ = db.Close() })
	r.files[alias], r.paths[alias] = db, path
	r.exec(alias, "PRAGMA journal_mode = wal")
	r.exec(alias, "CREATE TABLE items (id INTEGER PRIMARY KEY, word TEXT NOT NULL)")
	src, err := sqlite.Open("sqlite:"+path, source.Options{Alias: alias, MaxFetchBytes: maxFetchBytes})
	ok(r.t, err)
	r.t.Cleanup(src.Close)
	r.sources[alias] = src
}

func (r *rig) exec(alias, statement string) {
	r.t.Helper()
	_, err := r.files[alias].ExecContext(r.t.Context(), statement)
	ok(r.t, err)
}

// fill inserts rows with ids from first to last, whose words are as long as size.
func (r *rig) fill(alias string, first, last, size int) {
	r.t.Helper()
	r.exec(alias, fmt.Sprintf(`WITH RECURSIVE n(i) AS (SELECT %d UNION ALL SELECT i + 1 FROM n WHERE i < %d)
		INSERT INTO items SELECT i, printf('%%.*c', %d, 'x') FROM n`, first, last, size))
}

// op is an operation on the row of an id.
func op(database string, id any) chferry.Operation {
	return chferry.Operation{Kind: chferry.Update, Database: database, PrimaryKey: chferry.PrimaryKey{fmt.Sprint(id)}}
}

// opsOf are operations on the rows with ids from first to last.
func opsOf(database string, first, last int) []chferry.Operation {
	var ops []chferry.Operation
	for id := first; id <= last; id++ {
		ops = append(ops, op(database, id))
	}
	return ops
}

// claim registers operations and claims them as a batch that is cut after every chunkSize of them.
func (r *rig) claim(chunkSize int, ops ...chferry.Operation) {
	r.t.Helper()
	for page := range slices.Chunk(ops, chferry.MaxOperations) {
		_, err := r.store.RegisterOperations(r.t.Context(), r.imp.Key, page...)
		ok(r.t, err)
	}
	_, err := r.store.PreSync(r.t.Context(), r.imp.Key, storage.PreSyncOptions{Token: token, Lease: time.Minute})
	ok(r.t, err)
	batch, err := r.store.GetOperations(r.t.Context(), r.imp.Key,
		storage.GetOptions{Token: token, Count: len(ops), ChunkSize: chunkSize})
	ok(r.t, err)
	if batch.Count != len(ops) {
		r.t.Fatalf("a batch of %d operations was claimed, want %d", batch.Count, len(ops))
	}
	r.batch = batch
}

// insert runs one attempt to import the batch.
func (r *rig) insert(ctx context.Context) (chferry.Counts, error) {
	r.t.Helper()
	r.attempts++
	t := r.pipeline.Begin(r.imp.Key, r.batch, transfer.Options{
		Attempt:   storage.Attempt{Token: token, BatchID: r.batch.ID, Number: r.attempts},
		MaxFailed: r.imp.Limits.WithDefaults().MaxFailed,
	})
	plan, err := r.pipeline.Plan(ctx, r.imp)
	if err != nil {
		return chferry.Counts{}, err
	}
	done, err := t.Run(ctx, plan)
	return done.Counts, err
}

// wantFailure compares what may be told of an error, and whether the batch is tried again.
func wantFailure(t *testing.T, err error, want chferry.Code, final bool, text string) {
	t.Helper()
	code, told := chferry.Safe(err)
	if code != want || code.Passes() == final || !strings.Contains(told, text) || strings.Contains(told, "secret") {
		t.Errorf("got %s %q, want %s %q, final %t", code, told, want, text, final)
	}
}

// wantOutcome inserts the batch and ends it.
func (r *rig) wantOutcome(want chferry.Counts) {
	r.t.Helper()
	got, err := r.insert(r.t.Context())
	ok(r.t, err)
	if got != want {
		r.t.Errorf("got %+v, want %+v", got, want)
	}
	if got.Operations != got.Rows+got.Deletes+got.Coalesced+got.Failed {
		r.t.Errorf("%+v does not add up", got)
	}
	_, err = r.store.PostSync(r.t.Context(), r.imp.Key,
		storage.PostSyncOptions{Token: token, BatchID: r.batch.ID, Counts: got})
	ok(r.t, err)
}

// failed returns the reasons of the operations that were set aside, by their database and primary key.
func (r *rig) failed() map[string]string {
	r.t.Helper()
	reasons := map[string]string{}
	for page, err := range r.store.FailedOperations(r.t.Context(), r.imp.Key) {
		ok(r.t, err)
		for _, f := range page {
			reasons[strings.TrimPrefix(f.Database+"/"+strings.Join(f.PrimaryKey, ","), "/")] = f.Reason
		}
	}
	return reasons
}

func (r *rig) wantFailed(want map[string]string) {
	r.t.Helper()
	if got := r.failed(); !maps.Equal(got, want) {
		r.t.Errorf("got failed operations %q, want %q", got, want)
	}
}

// row is a row of items as it reached a sink.
type row struct {
	database string // empty if the import has one
	id       int64
	size     int
	deleted  bool
}

// rowsOf returns the rows of a block of items.
func rowsOf(b rowset.Block) []row {
	rows := make([]row, b.Rows())
	for c, column := range b.Columns {
		v := &b.Vectors[c]
		for r := range rows {
			switch column.Destination {
			case "id":
				rows[r].id = v.Ints[r]
			case "word":
				rows[r].size = len(v.At(r))
			case "region":
				rows[r].database = string(v.At(r))
			case "_is_deleted":
				rows[r].deleted = v.Ints[r] == 1
			}
		}
	}
	return rows
}

// fussySink keeps the rows of blocks that it takes.
type fussySink struct {
	keepingSink
	// refuse, if set, says why a block is not taken.
	refuse func(ctx context.Context, rows []row) error
	// reject, if set, says why a row is left out of its block.
	reject func(row) string

	mu     sync.Mutex
	tokens []string // of all blocks, in order
	sizes  []int    // rows of all blocks
	bytes  []int    // of the blocks that were taken
	rows   []row    // of the blocks that were taken
}

func (f *fussySink) Insert(ctx context.Context, _ sink.Destination, b rowset.Block,
	token string,
) ([]sink.Rejected, error) {
	rows := rowsOf(b)
	f.mu.Lock()
	defer f.mu.Unlock()
	f.tokens, f.sizes = append(f.tokens, token), append(f.sizes, len(rows))
	if f.refuse != nil {
		if err := f.refuse(ctx, rows); err != nil {
			return nil, err
		}
	}
	var rejected []sink.Rejected
	f.bytes = append(f.bytes, b.Bytes())
	for i, r := range rows {
		if f.reject != nil && f.reject(r) != "" {
			rejected = append(rejected, sink.Rejected{Row: i, Reason: f.reject(r)})
			continue
		}
		f.rows = append(f.rows, r)
	}
	return rejected, nil
}

// forget drops what the sink noted.
func (f *fussySink) forget() { f.tokens, f.sizes, f.bytes, f.rows = nil, nil, nil, nil }

// refusing refuses blocks that hold the row of one of ids, as a ClickHouse with a constraint would.
func refusing(ids ...int64) func(context.Context, []row) error {
	return func(_ context.Context, rows []row) error {
		if slices.ContainsFunc(rows, func(r row) bool { return slices.Contains(ids, r.id) }) {
			return errRefused
		}
		return nil
	}
}

var errRefused = chferry.Errorf(chferry.CodeRefused, "insert into items: a constraint does not take it")

// wantRows compares the rows that a sink took, in any order, each of which must have come once.
func (f *fussySink) wantRows(t testing.TB, want ...row) {
	t.Helper()
	byID := func(a, b row) int {
		return cmp.Or(cmp.Compare(a.id, b.id), cmp.Compare(a.database, b.database))
	}
	got := slices.SortedFunc(slices.Values(f.rows), byID)
	if slices.SortFunc(want, byID); !slices.Equal(got, want) {
		t.Errorf("got rows %v\nwant %v", got, want)
	}
}

// rowsFrom are rows with ids from first to last and words of a size.
func rowsFrom(first, last int64, size int) []row {
	var rows []row
	for id := first; id <= last; id++ {
		rows = append(rows, row{id: id, size: size})
	}
	return rows
}

// gone are deletes of the rows with ids from first to last.
func gone(first, last int64) []row {
	rows := rowsFrom(first, last, 0)
	for i := range rows {
		rows[i].deleted = true
	}
	return rows
}
