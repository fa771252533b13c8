package transfer_test

import (
	"context"
	"database/sql"
	"fmt"
	"path/filepath"
	"strings"
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

func TestMain(m *testing.M) { testenv.Main(m) }

// keepingSink keeps the blocks that are inserted.
type keepingSink struct{ blocks []rowset.Block }

func (*keepingSink) Check(context.Context) error { return nil }

func (*keepingSink) Missing(context.Context, sink.Destination) ([]sink.Statement, error) {
	return nil, nil
}

func (*keepingSink) Unfilled(context.Context, sink.Destination) ([]string, error) { return nil, nil }

func (*keepingSink) Create(context.Context, []sink.Statement) error { return nil }

func (*keepingSink) MaxVersion(context.Context, sink.Destination) (uint64, error) { return 0, nil }

func (k *keepingSink) Insert(_ context.Context, _ sink.Destination, block rowset.Block,
	_ string,
) ([]sink.Rejected, error) {
	k.blocks = append(k.blocks, block)
	return nil, nil
}

func (*keepingSink) Close() {}

// TestUnfitRows: a row that the source has and can't give is neither inserted nor deleted, whoever tries how often.
func TestUnfitRows(t *testing.T) {
	t.Parallel()
	const secret = "a value that nobody may see"
	imp := chferry.Import{
		Key: chferry.ImportKey(fmt.Sprintf("unfit-%d", time.Now().UnixNano())), Databases: []string{"default"},
		Table: "items", DestinationTable: "items", BatchSize: 100,
	}
	store, err := redis.Open(testenv.Redis(t), redis.Options{})
	ok(t, err)
	t.Cleanup(func() { _ = store.Close() })
	pipeline, kept := pipelineOn(t, store,
		`CREATE TABLE items (name TEXT NOT NULL, id INTEGER PRIMARY KEY, size INTEGER);
		INSERT INTO items VALUES ('one', 1, 10),
		('two', 2, '`+secret+`'), ('three', 3, NULL), ('five', 5, '`+secret+`')`)
	for _, id := range []string{"1", "2", "02", "3", "4", "5"} {
		_, err := store.RegisterOperations(t.Context(), imp.Key,
			chferry.Operation{Kind: chferry.Update, PrimaryKey: chferry.PrimaryKey{id}})
		ok(t, err)
	}
	outcome := syncOnce(t, pipeline, store, imp)

	if want := (chferry.Counts{Operations: 6, Rows: 2, Deletes: 1, Coalesced: 1, Failed: 2}); outcome != want {
		t.Errorf("got %+v, want %+v", outcome, want)
	}
	const rows = "one 1 deleted 0, three 3 deleted 0,  4 deleted 1, "
	if got := text(kept.blocks); got != rows+rows { // each of the two attempts inserts them
		t.Errorf("got rows %q, want %q twice", got, rows)
	}
	failed := map[string]string{}
	for page, err := range store.FailedOperations(t.Context(), imp.Key) {
		ok(t, err)
		for _, f := range page {
			failed[f.PrimaryKey[0]] = f.Reason
		}
	}
	const reason = `table items: column "size" (INTEGER) holds a text`
	if len(failed) != 2 || failed["2"] != reason || failed["5"] != reason {
		t.Errorf("got failed operations %q, want those on 2 and 5 with the reason %q", failed, reason)
	}
	if strings.Contains(fmt.Sprint(failed), secret) {
		t.Errorf("the reasons %q hold a value", failed)
	}
}

// pipelineOn returns a pipeline from a file that the statements fill.
func pipelineOn(t *testing.T, store transfer.Storage, statements string) (*transfer.Pipeline, *keepingSink) {
	t.Helper()
	path := filepath.Join(t.TempDir(), "shop.db")
	db, err := sql.Open("sqlite", path)
	ok(t, err)
	_, err = db.ExecContext(t.Context(), statements)
	ok(t, err)
	ok(t, db.Close())
	src, err := sqlite.Open("sqlite:"+path, source.Options{Alias: "default"})
	ok(t, err)
	t.Cleanup(src.Close)
	kept := &keepingSink{}
	return &transfer.Pipeline{Storage: store, Sources: source.Fixed{"default": src}, Sink: kept}, kept
}

// syncOnce syncs one batch, whose transfer is tried twice.
func syncOnce(t *testing.T, p *transfer.Pipeline, store storage.Syncer, imp chferry.Import) chferry.Counts {
	t.Helper()
	plan, err := p.Plan(t.Context(), imp)
	ok(t, err)
	_, err = store.PreSync(t.Context(), imp.Key, storage.PreSyncOptions{Token: token, Lease: time.Minute})
	ok(t, err)
	batch, err := store.GetOperations(t.Context(), imp.Key,
		storage.GetOptions{Token: token, Count: imp.BatchSize, ChunkSize: imp.BatchSize})
	ok(t, err)
	var outcomes [2]chferry.Counts
	for i := range outcomes {
		by := storage.Attempt{Token: token, BatchID: batch.ID, Number: int64(i + 1)}
		done, err := p.Begin(imp.Key, batch,
			transfer.Options{Attempt: by, MaxFailed: chferry.DefaultMaxFailed}).Run(t.Context(), plan)
		ok(t, err)
		outcomes[i] = done.Counts
	}
	if outcomes[0] != outcomes[1] {
		t.Errorf("the first attempt gave %+v, the second %+v", outcomes[0], outcomes[1])
	}
	end, err := store.PostSync(t.Context(), imp.Key,
		storage.PostSyncOptions{Token: token, BatchID: batch.ID, Counts: outcomes[1]})
	ok(t, err)
	if end.Remaining != 0 {
		t.Errorf("%d operations remain", end.Remaining)
	}
	return outcomes[1]
}

// text shows the rows of a table items and what the engine made of them.
func text(blocks []rowset.Block) string {
	var b strings.Builder
	for i := range blocks {
		v := blocks[i].Vectors
		for r := range blocks[i].Rows() {
			fmt.Fprintf(&b, "%s %d deleted %d, ", v[0].At(r), v[1].Ints[r], v[len(v)-1].Ints[r])
		}
	}
	return b.String()
}

func ok(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
