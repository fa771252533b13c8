package sqlite

import (
	"context"
	"errors"
	"io/fs"

	driver "modernc.org/sqlite"
	codes "modernc.org/sqlite/lib"

	"github.com/chferry/chferry"
	"github.com/chferry/chferry/source"
)

// fail translates an error of SQLite or the file system, whose own text may hold the path or values of rows, into a
// [chferry.Error]. Errors that are one already stay as they are.
func (s *Source) fail(ctx context.Context, err error, table string) error {
	var known *chferry.Error
	var refused *driver.Error
	var tooMuch *source.TooMuchError
	switch {
	case err == nil, errors.As(err, &known):
		return err
	case errors.As(err, &tooMuch):
		return tooMuch
	case ctx.Err() != nil:
		return chferry.WrapError(chferry.CodeUnavailable, errors.Join(ctx.Err(), err),
			"reading database %q was interrupted before it answered", s.alias)
	case errors.Is(err, context.Canceled):
		return chferry.WrapError(chferry.CodeUnavailable, &source.SlowError{Err: err},
			"reading %s of database %q took longer than %s: is its disk slow, or is there no index on its primary key?",
			orSchema(table), s.alias, s.timeout)
	case errors.As(err, &refused):
		return s.refusal(refused, table)
	default:
		return s.unopenable(err)
	}
}

// rowFault says what a row has that SQLite can't give it for; empty if the error is not a row's.
// Damage is none: of a damaged file nothing can be believed, not even that a row is absent.
func rowFault(err error) string {
	var refused *driver.Error
	if !errors.As(err, &refused) {
		return ""
	}
	switch refused.Code() & 0xff {
	case codes.SQLITE_ERROR, codes.SQLITE_MISMATCH, codes.SQLITE_CONSTRAINT:
		return "the expression of a generated column fails for it"
	case codes.SQLITE_TOOBIG:
		return "a value is larger than SQLite gives"
	default:
		return ""
	}
}

// unopenable translates what the file system said.
func (s *Source) unopenable(err error) error {
	wrap := func(code chferry.Code, format string) error { return chferry.WrapError(code, err, format, s.alias) }
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return wrap(chferry.CodeConfiguration,
			"the file of database %q does not exist, and is not created: check its "+
				"url; a relative path begins at the working directory")
	case errors.Is(err, errNoFile):
		return wrap(chferry.CodeConfiguration,
			"the url of database %q leads to something that is no file, such as a folder: it must name an SQLite file")
	case errors.Is(err, fs.ErrPermission):
		return wrap(chferry.CodeAccessDenied,
			"the file of database %q may not be read: give the user that chferry runs as the right to")
	case errors.Is(err, errReplaced):
		return wrap(chferry.CodeUnavailable, "the file of database %q was replaced while it was opened")
	default:
		return wrap(chferry.CodeUnavailable, "the file of database %q can't be read: check its disk")
	}
}

// refusal translates what SQLite said, by its result code: https://www.sqlite.org/rescode.html. The lower byte is the
// primary code, which the others refine.
func (s *Source) refusal(err *driver.Error, table string) error {
	wrap := func(code chferry.Code, format string, args ...any) error {
		return chferry.WrapError(code, err, format, args...)
	}
	if err.Code() == codes.SQLITE_READONLY_ROLLBACK {
		return wrap(chferry.CodeUnavailable,
			"database %q was left in the middle of a transaction by a program that ended: "+
				"start the application, or open the file with sqlite3, which rolls it back", s.alias)
	}
	switch err.Code() & 0xff {
	case codes.SQLITE_BUSY, codes.SQLITE_LOCKED, codes.SQLITE_PROTOCOL:
		return wrap(chferry.CodeUnavailable, "database %q was locked by a writer for %s: PRAGMA journal_mode = wal "+
			"lets it be read meanwhile", s.alias, busyTimeout)
	case codes.SQLITE_NOTADB:
		return wrap(chferry.CodeConfiguration,
			"the file of database %q is not an SQLite database, or it is encrypted: check its url", s.alias)
	case codes.SQLITE_CORRUPT:
		return wrap(chferry.CodeConfiguration,
			"database %q is damaged: see what PRAGMA integrity_check says, and restore it", s.alias)
	case codes.SQLITE_CANTOPEN, codes.SQLITE_READONLY, codes.SQLITE_PERM, codes.SQLITE_AUTH:
		return wrap(chferry.CodeAccessDenied, "the file of database %q can't be opened (SQLite's code %d): chferry "+
			"must be allowed to read it and, if its journal_mode is wal, to create the files -wal and -shm beside it",
			s.alias, err.Code())
	case codes.SQLITE_IOERR, codes.SQLITE_NOMEM, codes.SQLITE_FULL, codes.SQLITE_INTERRUPT:
		return wrap(chferry.CodeUnavailable,
			"database %q can't be read now (SQLite's code %d): check its disk and the memory", s.alias, err.Code())
	}
	return wrap(chferry.CodeUnknown, "database %q failed to read %s (SQLite's code %d)",
		s.alias, orSchema(table), err.Code())
}

func orSchema(table string) string {
	if table == "" {
		return "its schema"
	}
	return "table " + table
}

func (s *Source) noTable(table string) error {
	return chferry.Errorf(chferry.CodeConfiguration,
		"database %q has no table %s: check imports.table, which is its name without quotes or schema", s.alias, table)
}
