package sqlite

import (
	"context"
	"database/sql"
	"errors"
)

var (
	errNoFile   = errors.New("the path leads to something that is no regular file")
	errReplaced = errors.New("the file was replaced while it was opened")
)

// snapshot is one read transaction, which sees one state of the file.
type snapshot struct {
	*sql.Tx
	file string // the identity of the file that is read
}

// within calls read with a transaction that lasts as long as the call, and not longer than its
// timeout. Its errors speak of table, if it is not empty.
func (s *Source) within(ctx context.Context, table string, read func(ctx context.Context, at *snapshot) error) error {
	limited, cancel := context.WithTimeout(ctx, s.timeout)
	defer cancel()
	return s.fail(ctx, s.transaction(limited, read), table)
}

func (s *Source) transaction(ctx context.Context, read func(context.Context, *snapshot) error) error {
	file, err := fileIdentity(s.path)
	if err != nil {
		return err
	}
	tx, err := s.db.BeginTx(ctx, &sql.TxOptions{ReadOnly: true})
	if err != nil {
		return err
	}
	// Nothing was written that a rollback could lose.
	defer func() { _ = tx.Rollback() }()
	// A transaction sees the state at its first read, which is this one.
	var version int64
	if err := tx.QueryRowContext(ctx, "PRAGMA schema_version").Scan(&version); err != nil {
		return err
	}
	opened, err := fileIdentity(s.path)
	if err != nil {
		return err
	}
	if opened != file {
		return errReplaced
	}
	return read(ctx, &snapshot{tx, file})
}
