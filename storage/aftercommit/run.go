package aftercommit

import (
	"context"
	"database/sql"
	"fmt"

	"github.com/chferry/chferry/storage"
)

// SQL runs do in a transaction of database/sql, commits it and registers the changes that do has
// noted. db is a *sql.DB or a *sql.Conn. If do returns an error or panics, the transaction is
// rolled back and nothing is registered; do itself must neither commit nor roll back. For another
// isolation level begin the transaction yourself and end it with [Changes.CommitSQL].
//
// Errors: do's own, as it is; those of [Changes.Commit].
func SQL(ctx context.Context, db interface {
	BeginTx(ctx context.Context, opts *sql.TxOptions) (*sql.Tx, error)
}, registrar storage.Registrar, do func(tx *sql.Tx, changes *Changes) error,
) error {
	tx, err := db.BeginTx(ctx, nil)
	if err != nil {
		return fmt.Errorf("begin: %w", err)
	}
	return run(ctx, sqlTx{tx}, registrar, func(changes *Changes) error { return do(tx, changes) })
}

// Pgx is [SQL] for pgx; the types are found by the compiler. db is a *pgxpool.Pool or a *pgx.Conn,
// but no pgx.Tx: the end of a transaction within another is no commit. Options stands for
// pgx.TxOptions.
func Pgx[T Tx, Options any](ctx context.Context, db interface {
	BeginTx(ctx context.Context, opts Options) (T, error)
}, registrar storage.Registrar, do func(tx T, changes *Changes) error,
) error {
	var opts Options
	tx, err := db.BeginTx(ctx, opts)
	if err != nil {
		return fmt.Errorf("begin: %w", err)
	}
	return run(ctx, tx, registrar, func(changes *Changes) error { return do(tx, changes) })
}

func run(ctx context.Context, tx Tx, registrar storage.Registrar, do func(*Changes) error) error {
	var changes Changes
	returned := false
	defer func() {
		if !returned { // an error, or a panic, which goes on
			rollBack(ctx, tx)
		}
	}()
	if err := do(&changes); err != nil {
		return err
	}
	returned = true
	return changes.Commit(ctx, tx, registrar)
}
