package postgres_test

import (
	"errors"
	"fmt"
	"io"
	"net"
	"strings"
	"syscall"
	"testing"

	"github.com/jackc/pgx/v5/pgconn"

	"github.com/chferry/chferry"
	"github.com/chferry/chferry/source"
	"github.com/chferry/chferry/source/postgres"
)

// TestSQLStates: what passes by itself is retried, what somebody has to mend is not, and all of them say what to do.
// https://www.postgresql.org/docs/current/errcodes-appendix.html
func TestSQLStates(t *testing.T) {
	t.Parallel()
	s, err := postgres.Open("postgres://app@127.0.0.1:1/shop", source.Options{Alias: "default"})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Close)
	for _, test := range []struct {
		state string
		want  chferry.Code
		text  string
	}{
		{"08000", chferry.CodeUnavailable, "see the server's log"},
		{"08003", chferry.CodeUnavailable, "08003"},
		{"08006", chferry.CodeUnavailable, "08006"},
		{"08P01", chferry.CodeUnavailable, "08P01"},
		{"25P03", chferry.CodeUnavailable, "idle_in_transaction_session_timeout"},
		{"40001", chferry.CodeUnavailable, "hot_standby_feedback"},
		{"40P01", chferry.CodeUnavailable, "40P01"},
		{"53000", chferry.CodeUnavailable, "53000"},
		{"53100", chferry.CodeUnavailable, "53100"},
		{"53200", chferry.CodeUnavailable, "53200"},
		{"53300", chferry.CodeUnavailable, "max_connections"},
		{"55P03", chferry.CodeUnavailable, "lock"},
		{"57014", chferry.CodeUnavailable, "statement timeout"},
		{"57P01", chferry.CodeUnavailable, "shutting down"},
		{"57P02", chferry.CodeUnavailable, "shutting down"},
		{"57P03", chferry.CodeUnavailable, "starting"},
		{"57P05", chferry.CodeUnavailable, "57P05"},
		{"58030", chferry.CodeUnavailable, "58030"},
		{"XX000", chferry.CodeUnavailable, "see the server's log"},
		{"28000", chferry.CodeAccessDenied, "pg_hba.conf"},
		{"28P01", chferry.CodeAccessDenied, "user and password"},
		{"42501", chferry.CodeAccessDenied, "GRANT"},
		{"3D000", chferry.CodeConfiguration, "no database of the name"},
		{"57P04", chferry.CodeConfiguration, "was dropped"},
		{"3F000", chferry.CodeConfiguration, "check imports.table"},
		{"42P01", chferry.CodeConfiguration, "check imports.table"},
		{"42703", chferry.CodeUnavailable, "lost a column"},
		{"42601", chferry.CodeConfiguration, "12 or newer"},
		{"42883", chferry.CodeConfiguration, "12 or newer"},
		{"0A000", chferry.CodeConfiguration, "12 or newer"},
		{"26000", chferry.CodeUnknown, "SQLSTATE 26000"}, // a pooler that was restarted forgets prepared statements
		{"25006", chferry.CodeConfiguration, "read only"},
		{"25P04", chferry.CodeUnavailable, "transaction_timeout"},
		{"55000", chferry.CodeUnavailable, "REFRESH"},
		{"HV00N", chferry.CodeUnavailable, "foreign table"},
		{"21000", chferry.CodeUnreadable, "public.users"},
		{"22000", chferry.CodeUnreadable, "SQLSTATE 22000"},
		{"22012", chferry.CodeUnreadable, "division by zero"},
		{"22P02", chferry.CodeUnreadable, "SQLSTATE 22P02"},
		{"23514", chferry.CodeUnreadable, "domain"},
		{"39004", chferry.CodeUnreadable, "null"},
		{"54000", chferry.CodeUnreadable, "larger"},
		{"54001", chferry.CodeUnreadable, "itself"},
		{"54011", chferry.CodeUnknown, "54011"}, // too many columns: the statement's
		{"58P01", chferry.CodeUnavailable, "58P01"},
		{"P0001", chferry.CodeUnreadable, "function"},
		{"XX001", chferry.CodeUnreadable, "damaged"},
		{"XX002", chferry.CodeUnreadable, "REINDEX"},
		{"", chferry.CodeUnknown, "see the server's log"},
	} {
		got := postgres.Fail(s, fmt.Errorf("query: %w", &pgconn.PgError{Code: test.state, Message: "secret row"}))
		if chferry.CodeOf(got) != test.want || !strings.Contains(got.Error(), test.text) {
			t.Errorf("%s: got %s %v, want %s with %q", test.state, chferry.CodeOf(got), got, test.want, test.text)
		}
		if strings.Contains(got.Error(), "secret") {
			t.Errorf("%s: the error holds the server's words: %v", test.state, got)
		}
	}
}

// TestInternalErrors: a damaged row is told by words; what a change of the table causes passes.
func TestInternalErrors(t *testing.T) {
	t.Parallel()
	s, err := postgres.Open("postgres://app@127.0.0.1:1/shop", source.Options{Alias: "default"})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Close)
	for _, test := range []struct {
		state, message string
		want           chferry.Code
	}{
		{"XX000", "invalid memory alloc request size 18446744073709551613", chferry.CodeUnreadable},
		{"XX000", "missing chunk number 0 for toast value 16396 in pg_toast_16390", chferry.CodeUnreadable},
		{"XX000", "compressed pglz data is corrupt", chferry.CodeUnreadable},
		{"XX000", "cache lookup failed for relation 16390", chferry.CodeUnavailable},
		{"XX000", "tuple concurrently updated", chferry.CodeUnavailable},
		{"58P01", "could not access status of transaction 722", chferry.CodeUnreadable},
		{"58P01", "could not open file base/5/1", chferry.CodeUnavailable},
		{"57014", "canceling statement due to user request", chferry.CodeUnavailable},
		{"08P01", "query_timeout", chferry.CodeUnavailable},
	} {
		got := postgres.Fail(s, &pgconn.PgError{Code: test.state, Message: test.message})
		if chferry.CodeOf(got) != test.want || strings.Contains(got.Error(), test.message) && test.state != "08P01" {
			t.Errorf("%s %s: got %s %v, want %s", test.state, test.message, chferry.CodeOf(got), got, test.want)
		}
	}
}

// TestNetworkFailures pass by themselves.
func TestNetworkFailures(t *testing.T) {
	t.Parallel()
	s, err := postgres.Open("postgres://app@127.0.0.1:1/shop", source.Options{Alias: "default"})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Close)
	for text, err := range map[string]error{
		"connection refused":      &net.OpError{Op: "dial", Err: syscall.ECONNREFUSED},
		"name is unknown":         &net.DNSError{Err: "no such host"},
		"the connection was lost": fmt.Errorf("read: %w", io.ErrUnexpectedEOF),
		"connecting failed":       errors.New("secret"),
	} {
		got := postgres.Fail(s, err)
		if chferry.CodeOf(got) != chferry.CodeUnavailable || !strings.Contains(got.Error(), text) ||
			strings.Contains(got.Error(), "secret") {
			t.Errorf("%v: got %s %v, want %q", err, chferry.CodeOf(got), got, text)
		}
	}
}
