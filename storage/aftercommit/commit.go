package aftercommit

import (
	"cmp"
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
	"io"
	"net"
	"slices"
	"strings"
	"time"

	"github.com/chferry/chferry/storage"
)

// Tx is a transaction that ends with a context, as pgx.Tx does.
type Tx interface {
	Commit(ctx context.Context) error
	Rollback(ctx context.Context) error
}

// Commit commits tx, which must not be a part of another transaction, and registers the changes.
// Whatever comes of it, tx has ended and the changes are taken.
//
// Errors: CodeInvalid of a change that can't be registered, and tx is rolled back; the error of the commit; and a
// [NotRegisteredError] if tx is committed and changes are not registered, or if nobody knows whether tx is committed.
func (c *Changes) Commit(ctx context.Context, tx Tx, registrar storage.Registrar) error {
	changes := c.take()
	if err := cmp.Or(changes.Validate(), ctx.Err()); err != nil {
		rollBack(ctx, tx)
		return fmt.Errorf("not committed: %w", err)
	}
	committed := tx.Commit(ctx)
	if committed != nil && !unknown(committed) {
		return fmt.Errorf("commit: %w", committed)
	}
	if committed == nil {
		return changes.Register(ctx, registrar)
	}
	if changes.Len() == 0 {
		return fmt.Errorf("commit: %w", committed)
	}
	// The commit may take effect after a sync has read the rows, so what is registered now has to be registered again.
	missing, err := changes.register(ctx, registrar)
	return &NotRegisteredError{Changes: changes, Err: err, Commit: committed, missing: missing.Len()}
}

// CommitSQL is [Changes.Commit] for database/sql. A transaction of database/sql ends with the
// context that it began with; ctx is that of registering.
func (c *Changes) CommitSQL(ctx context.Context, tx *sql.Tx, registrar storage.Registrar) error {
	return c.Commit(ctx, sqlTx{tx}, registrar)
}

// sqlTx is a transaction of database/sql, whose methods take no context.
type sqlTx struct{ *sql.Tx }

// Commit implements Tx.
func (tx sqlTx) Commit(context.Context) error { return tx.Tx.Commit() }

// Rollback implements Tx.
func (tx sqlTx) Rollback(context.Context) error { return tx.Tx.Rollback() }

// rollbackTimeout is for a server that hangs; the connection is closed then.
const rollbackTimeout = 5 * time.Second

// rollBack rolls back although ctx may have ended: only so the connection can be used again.
func rollBack(ctx context.Context, tx Tx) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), rollbackTimeout)
	defer cancel()
	_ = tx.Rollback(ctx) // a transaction that can't be rolled back has lost its connection, and so is no more
}

// unknown tells whether a commit with this error may have succeeded: it is an error of the
// connection, and not the database's answer. Where it can't tell a commit that was never sent, that
// is one registration too many.
func unknown(err error) bool {
	var answer interface{ SQLState() string } // of all drivers of PostgreSQL
	if errors.As(err, &answer) {
		// Connection exceptions, a server that is told to stop, and "statement completion unknown"
		// say nothing about the transaction.
		state := answer.SQLState()
		return strings.HasPrefix(state, "08") || strings.HasPrefix(state, "57P") || state == "40003"
	}
	var network net.Error                          // also a deadline
	var connection interface{ SafeToRetry() bool } // pgx's; for an answer that was lost it says true all the same
	if errors.As(err, &network) || errors.As(err, &connection) {
		return true
	}
	return slices.ContainsFunc([]error{context.Canceled, io.EOF, io.ErrUnexpectedEOF, net.ErrClosed, driver.ErrBadConn},
		func(lost error) bool { return errors.Is(err, lost) })
}
