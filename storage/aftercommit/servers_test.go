package aftercommit_test

import (
	"context"
	"crypto/rand"
	"database/sql"
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	_ "github.com/jackc/pgx/v5/stdlib" // the driver "pgx" of database/sql

	"github.com/chferry/chferry"
	"github.com/chferry/chferry/internal/testenv"
	"github.com/chferry/chferry/storage"
	"github.com/chferry/chferry/storage/aftercommit"
	"github.com/chferry/chferry/storage/redis"
)

func TestMain(m *testing.M) { testenv.Main(m) }

// schema has a constraint that is checked at the commit.
const schema = `CREATE TABLE users (id bigint PRIMARY KEY, name text NOT NULL,
	friend bigint REFERENCES users DEFERRABLE INITIALLY DEFERRED)`

// bundle is what an application has: a database, by both of its libraries, and a storage.
type bundle struct {
	url   string // of the database
	pool  *pgxpool.Pool
	db    *sql.DB
	store *redis.Storage
}

func setup(t testing.TB) *bundle {
	t.Helper()
	b := &bundle{url: testenv.Postgres(t), store: openStore(t, testenv.Redis(t))}
	b.connect(t)
	if _, err := b.pool.Exec(context.Background(), schema); err != nil {
		t.Fatal(err)
	}
	return b
}

func (b *bundle) connect(t testing.TB) {
	t.Helper()
	var err error
	if b.pool, err = pgxpool.New(context.Background(), b.url); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(b.pool.Close)
	if b.db, err = sql.Open("pgx", b.url); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = b.db.Close() })
}

// openStore returns a storage whose keys no other test uses.
func openStore(t testing.TB, url string) *redis.Storage {
	t.Helper()
	store, err := redis.Open(url, redis.Options{Prefix: rand.Text()})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = store.Close() })
	return store
}

// exec is what the transactions of both libraries can do.
type exec func(sql string, args ...any) error

// form is one of the ways to use the package.
type form func(ctx context.Context, b *bundle, registrar storage.Registrar,
	do func(exec, *aftercommit.Changes) error) error

var forms = map[string]form{"SQL": runSQL, "Pgx": runPgx, "CommitSQL": commitSQL, "Commit": commitPgx}

func execSQL(ctx context.Context, tx *sql.Tx) exec {
	return func(sql string, args ...any) error {
		_, err := tx.ExecContext(ctx, sql, args...)
		return err
	}
}

func execPgx(ctx context.Context, tx pgx.Tx) exec {
	return func(sql string, args ...any) error {
		_, err := tx.Exec(ctx, sql, args...)
		return err
	}
}

func runSQL(ctx context.Context, b *bundle, registrar storage.Registrar,
	do func(exec, *aftercommit.Changes) error,
) error {
	return aftercommit.SQL(ctx, b.db, registrar, func(tx *sql.Tx, changes *aftercommit.Changes) error {
		return do(execSQL(ctx, tx), changes)
	})
}

func runPgx(ctx context.Context, b *bundle, registrar storage.Registrar,
	do func(exec, *aftercommit.Changes) error,
) error {
	return aftercommit.Pgx(ctx, b.pool, registrar, func(tx pgx.Tx, changes *aftercommit.Changes) error {
		return do(execPgx(ctx, tx), changes)
	})
}

func commitSQL(ctx context.Context, b *bundle, registrar storage.Registrar,
	do func(exec, *aftercommit.Changes) error,
) error {
	tx, err := b.db.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	var changes aftercommit.Changes
	if err := do(execSQL(ctx, tx), &changes); err != nil {
		return errors.Join(err, tx.Rollback())
	}
	return changes.CommitSQL(ctx, tx, registrar)
}

func commitPgx(ctx context.Context, b *bundle, registrar storage.Registrar,
	do func(exec, *aftercommit.Changes) error,
) error {
	tx, err := b.pool.Begin(ctx)
	if err != nil {
		return err
	}
	var changes aftercommit.Changes
	if err := do(execPgx(ctx, tx), &changes); err != nil {
		return errors.Join(err, tx.Rollback(ctx))
	}
	return changes.Commit(ctx, tx, registrar)
}

// each runs a test with every form, on a database and a storage of its own.
func each(t *testing.T, test func(t *testing.T, b *bundle, run form)) {
	t.Helper()
	t.Parallel()
	for name, run := range forms {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			test(t, setup(t), run)
		})
	}
}

// wantRows checks the users that there are, and that no transaction is left open.
func (b *bundle) wantRows(t *testing.T, want ...int64) {
	t.Helper()
	rows, err := b.pool.Query(t.Context(), "SELECT id FROM users ORDER BY id")
	if err != nil {
		t.Fatal(err)
	}
	got, err := pgx.CollectRows(rows, pgx.RowTo[int64])
	if err != nil || !slices.Equal(got, want) {
		t.Errorf("the table holds %v, %v; want %v", got, err, want)
	}
	inUse := func() int { return int(b.pool.Stat().AcquiredConns()) + b.db.Stats().InUse }
	// A connection whose context has ended is given back a moment later.
	for deadline := time.Now().Add(20 * time.Second); inUse() > 0; time.Sleep(time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("%d connections are still in use", inUse())
		}
	}
}

// wantRegistered checks the operations that an import key has, such as "update 1" or "insert 7,42".
func (b *bundle) wantRegistered(t *testing.T, key chferry.ImportKey, want ...string) {
	t.Helper()
	got, err := registered(t.Context(), b.store, key)
	if err != nil || !slices.Equal(got, want) {
		t.Errorf("%s has %q registered, %v; want %q", key, got, err, want)
	}
}

// registered claims all operations of an import key, as a sync would.
func registered(ctx context.Context, store *redis.Storage, key chferry.ImportKey) (list []string, err error) {
	if start, err := store.PreSync(ctx, key, storage.PreSyncOptions{Token: "test"}); err != nil || !start.Claimed {
		return nil, err
	}
	batch, err := store.GetOperations(ctx, key, storage.GetOptions{Token: "test"})
	if err != nil {
		return nil, err
	}
	for ops, err := range store.BatchOperations(ctx, key, "test", batch) {
		if err != nil {
			return nil, err
		}
		for _, op := range ops {
			list = append(list, show(op))
		}
	}
	return list, nil
}

// show writes an operation as "update 1", "insert 7,42" or "delete 1 of eu".
func show(op chferry.Operation) string {
	text := string(op.Kind) + " "
	for i, part := range op.PrimaryKey {
		if i > 0 {
			text += ","
		}
		text += part
	}
	if op.Database != "" {
		text += fmt.Sprintf(" of %s", op.Database)
	}
	return text
}

const insertUser = "INSERT INTO users (id, name) VALUES ($1, $2)"

// add inserts a user and notes it.
func add(exec exec, changes *aftercommit.Changes, id int64) error {
	if err := exec(insertUser, id, "ann"); err != nil {
		return err
	}
	changes.Insert("users", id)
	return nil
}
