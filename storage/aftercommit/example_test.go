package aftercommit_test

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"testing"

	"github.com/jackc/pgx/v5"

	"github.com/chferry/chferry"
	"github.com/chferry/chferry/storage/aftercommit"
)

func ExamplePgx() {
	ctx, app := context.Background(), newApplication()
	defer app.close()
	pool, store := app.pool, app.store // pgxpool.New and redis.Open

	err := aftercommit.Pgx(ctx, pool, store, func(tx pgx.Tx, changes *aftercommit.Changes) error {
		var id int64
		if err := tx.QueryRow(ctx,
			"INSERT INTO users (id, name) VALUES (1, 'ann') RETURNING id").Scan(&id); err != nil {
			return err
		}
		changes.Insert("users", id)
		changes.Update("order_lines", []any{7, 42}) // a composite key
		return nil
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	app.show("users", "order_lines")
	// Output:
	// users: insert 1
	// order_lines: update 7,42
}

func ExampleSQL() {
	ctx, app := context.Background(), newApplication()
	defer app.close()
	db, store := app.db, app.store // sql.Open and redis.Open

	err := aftercommit.SQL(ctx, db, store, func(tx *sql.Tx, changes *aftercommit.Changes) error {
		if _, err := tx.ExecContext(ctx, "INSERT INTO users (id, name) VALUES ($1, $2)", 1, "ann"); err != nil {
			return err
		}
		changes.Insert("users", 1)
		return nil
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	app.show("users")
	// Output: users: insert 1
}

// A transaction that is begun elsewhere, or with options, is ended with Commit or, for database/sql, CommitSQL.
func ExampleChanges_Commit() {
	ctx, app := context.Background(), newApplication()
	defer app.close()
	pool, store := app.pool, app.store

	tx, err := pool.BeginTx(ctx, pgx.TxOptions{IsoLevel: pgx.Serializable})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer func() { _ = tx.Rollback(ctx) }() // does nothing behind a commit
	var changes aftercommit.Changes
	if _, err := tx.Exec(ctx, "INSERT INTO users (id, name) VALUES (1, 'ann')"); err != nil {
		fmt.Println(err)
		return
	}
	changes.Insert("users", 1)
	if err := changes.Commit(ctx, tx, store); err != nil {
		fmt.Println(err)
		return
	}
	app.show("users")
	// Output: users: insert 1
}

// What could not be registered after the commit is kept and registered later.
func ExampleNotRegisteredError() {
	ctx, app := context.Background(), newApplication()
	defer app.close()
	queueFull := chferry.Errorf(chferry.CodeQueueFull, "the queue is full")
	full := &registrar{fails: map[chferry.ImportKey]error{"users": queueFull}}

	err := aftercommit.SQL(ctx, app.db, full, func(tx *sql.Tx, changes *aftercommit.Changes) error {
		changes.Update("users", 1)
		_, err := tx.ExecContext(ctx, "UPDATE users SET name = 'bob' WHERE id = 1")
		return err
	})
	var lost *aftercommit.NotRegisteredError
	if errors.As(err, &lost) {
		fmt.Println(err)
		if err := lost.Changes.Register(ctx, app.store); err != nil {
			fmt.Println(err)
		}
	}
	app.show("users")
	// Output:
	// the transaction is committed, but 1 operations of import keys users were not registered: the queue is full: register them again
	// users: update 1
}

// application has the servers of an example, which is given no testing.T.
type application struct {
	testing.TB
	*bundle
	cleanups []func()
}

func newApplication() *application {
	app := &application{}
	app.bundle = setup(app)
	return app
}

// Helper implements testing.TB.
func (app *application) Helper() {}

// Cleanup implements testing.TB.
func (app *application) Cleanup(f func()) { app.cleanups = append(app.cleanups, f) }

// Fatal implements testing.TB.
func (app *application) Fatal(values ...any) { panic(fmt.Sprint(values...)) }

// Errorf implements testing.TB.
func (app *application) Errorf(format string, values ...any) { fmt.Printf(format, values...) }

func (app *application) close() {
	for i := len(app.cleanups) - 1; i >= 0; i-- {
		app.cleanups[i]()
	}
}

// show prints what is registered.
func (app *application) show(keys ...chferry.ImportKey) {
	for _, key := range keys {
		ops, err := registered(context.Background(), app.store, key)
		if err != nil {
			fmt.Println(err)
		}
		for _, op := range ops {
			fmt.Printf("%s: %s\n", key, op)
		}
	}
}
