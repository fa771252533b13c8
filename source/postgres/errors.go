package postgres

import (
	"context"
	"crypto/tls"
	"errors"
	"io"
	"net"
	"strings"
	"syscall"

	"github.com/jackc/pgx/v5/pgconn"

	"github.com/chferry/chferry"
	"github.com/chferry/chferry/source"
)

// fail translates an error of the server or the connection, whose own text may hold values of rows, into a
// [chferry.Error]. Errors that are one already stay as they are.
func (s *Source) fail(ctx context.Context, err error, table string) error {
	var known *chferry.Error
	if errors.As(err, &known) {
		return err
	}
	var tooMuch *source.TooMuchError
	if errors.As(err, &tooMuch) {
		return tooMuch
	}
	if ctx.Err() != nil {
		return chferry.WrapError(chferry.CodeUnavailable, errors.Join(ctx.Err(), err),
			"reading database %q was interrupted before it answered", s.alias)
	}
	var refused *pgconn.PgError
	var connecting *pgconn.ConnectError
	switch {
	case !errors.As(err, &refused):
		return s.unreachable(err)
	case errors.As(err, &connecting):
		return s.connectRefusal(refused)
	}
	return s.refusal(refused, table)
}

// connectRefusal translates why the server, or a pooler before it, does not let us in.
func (s *Source) connectRefusal(err *pgconn.PgError) error {
	if problem := s.refusedParameter(err); problem != nil {
		return problem
	}
	if err.Code == "42501" {
		return chferry.WrapError(chferry.CodeAccessDenied, err,
			"database %q at %s does not let its user connect: GRANT CONNECT ON DATABASE", s.alias, s.address)
	}
	if err.Code == "55000" {
		return chferry.WrapError(chferry.CodeUnavailable, err,
			"database %q at %s accepts no connections: ALTER DATABASE … ALLOW_CONNECTIONS true",
			s.alias, s.address)
	}
	return s.refusal(err, "")
}

// refusal translates what the server said, by its SQLSTATE:
// https://www.postgresql.org/docs/current/errcodes-appendix.html
func (s *Source) refusal(err *pgconn.PgError, table string) error {
	wrap := func(code chferry.Code, format string, args ...any) error {
		return chferry.WrapError(code, err, format, args...)
	}
	if what := unreadable(err); what != "" && table != "" {
		return wrap(chferry.CodeUnreadable, "table %s of database %q has a row that can't be read (SQLSTATE %s): %s",
			table, s.alias, err.Code, what)
	}
	switch err.Code {
	case "3D000":
		return wrap(chferry.CodeConfiguration,
			"database %q: the server at %s has no database of the name that the url gives", s.alias, s.address)
	case "42501":
		return s.denied(err, table)
	case "42P01", "3F000":
		return s.noTable(err, table)
	case "42703":
		return wrap(chferry.CodeUnavailable,
			"table %s of database %q lost a column since it was described: it was changed meanwhile, and the next "+
				"attempt describes it anew", table, s.alias)
	case "57P04":
		return wrap(chferry.CodeConfiguration, "database %q at %s was dropped: restore it, or mend its url",
			s.alias, s.address)
	case "25006":
		return wrap(chferry.CodeConfiguration,
			"database %q: %s is read through something that writes, such as a view's function or one in a condition, "+
				"and chferry's transactions are read only (SQLSTATE %s)", s.alias, orDatabase(table), err.Code)
	case "25P03", "XX000":
		return s.busy(err)
	case queryCanceled, transactionTimeout:
		return s.tooSlow(err)
	}
	if isPoolersTimeout(err) {
		return s.tooSlow(err)
	}
	switch err.Code[:min(2, len(err.Code))] {
	case "28":
		return wrap(chferry.CodeAccessDenied, "database %q at %s refused the login (SQLSTATE %s): "+
			"check user and password in its url, and the server's pg_hba.conf", s.alias, s.address, err.Code)
	case "08", "40", "53", "55", "57", "58", "HV":
		return s.busy(err)
	case "0A", "42":
		return wrap(chferry.CodeConfiguration,
			"database %q at %s does not know what it is asked for, to read %s (SQLSTATE %s): it must be "+
				"PostgreSQL 12 or newer, and what a view reads must be there", s.alias, s.address, orDatabase(table),
			err.Code)
	}
	return wrap(chferry.CodeUnknown, "database %q at %s failed to read %s (SQLSTATE %s): see the server's log",
		s.alias, s.address, orDatabase(table), err.Code)
}

// busy translates what passes by itself.
func (s *Source) busy(err *pgconn.PgError) error {
	return chferry.WrapError(chferry.CodeUnavailable, err, "database %q at %s can't answer now (SQLSTATE %s): %s",
		s.alias, s.address, err.Code, advice(err.Code))
}

func orDatabase(table string) string {
	if table == "" {
		return "its catalog"
	}
	return "table " + table
}

func advice(sqlState string) string {
	switch sqlState {
	case "53300":
		return "it has too many connections, raise its max_connections or use a pooler"
	case "57P01", "57P02", "57P03":
		return "it is starting or shutting down"
	case "40001":
		return "on a standby, replaying a change needed what was being read: turn its hot_standby_feedback on, or " +
			"raise its max_standby_streaming_delay"
	case "55P03":
		return "a lock is held on the table, as by ALTER TABLE, and was waited for until lock_timeout, or for three " +
			"quarters of the statement timeout"
	case "55000":
		return "something is not in a state to be read, such as a materialized view before its first REFRESH"
	case "57P05":
		return "it closed the connection because it was idle for its idle_session_timeout"
	case "25P03":
		return "it ended the transaction because it was idle, raise its idle_in_transaction_session_timeout"
	}
	if strings.HasPrefix(sqlState, "HV") {
		return "a foreign table's own server does not give its rows"
	}
	return "see the server's log"
}

func (s *Source) denied(err error, table string) error {
	if table == "" {
		return chferry.WrapError(chferry.CodeAccessDenied, err, "database %q at %s can't be identified: "+
			"GRANT EXECUTE ON FUNCTION pg_control_system() to its user, and of a standby "+
			"those on pg_control_checkpoint() and pg_control_recovery()", s.alias, s.address)
	}
	return chferry.WrapError(chferry.CodeAccessDenied, err, "database %q does not let its user read all of table %s: "+
		"GRANT USAGE on its schema and SELECT on it, and BYPASSRLS if row security hides rows", s.alias, table)
}

func (s *Source) noTable(err error, table string) error {
	return chferry.WrapError(chferry.CodeConfiguration, err, "database %q has no table %s: "+
		"check imports.table, its schema and its capitals", s.alias, table)
}

// unreachable translates an error of the network.
func (s *Source) unreachable(err error) error {
	var certificate *tls.CertificateVerificationError
	var unknownHost *net.DNSError
	var netError net.Error
	reason := "connecting failed: is the server up, and the address in its url right?"
	switch {
	case errors.Is(err, syscall.ECONNREFUSED):
		reason = "connection refused: is the server up, and the address in its url right?"
	case errors.As(err, &unknownHost):
		reason = "the host's name is unknown: check its url"
	case errors.As(err, &certificate):
		return chferry.WrapError(chferry.CodeConfiguration, err,
			"database %q at %s has a certificate that is not trusted: check sslmode and sslrootcert in its url",
			s.alias, s.address)
	case strings.Contains(err.Error(), "server refused TLS"):
		return chferry.WrapError(chferry.CodeConfiguration, err,
			"database %q at %s speaks no TLS: turn it on there, or check sslmode in its url", s.alias, s.address)
	case pgconn.Timeout(err), errors.As(err, &netError) && netError.Timeout(), errors.Is(err, context.DeadlineExceeded):
		reason = "it took too long: is the server up, and the address in its url right?"
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF), errors.Is(err, syscall.ECONNRESET),
		errors.Is(err, syscall.EPIPE):
		reason = "the connection was lost: was the server restarted?"
	}
	return chferry.WrapError(chferry.CodeUnavailable, err, "database %q does not answer at %s: %s",
		s.alias, s.address, reason)
}
