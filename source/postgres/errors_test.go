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
		{"22P02", chferry.CodeUnknown, "SQLSTATE 22P02"},
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
		if chferry.CodeOf(got) != chferry.CodeUnavailable || !strings.Contains(got.Error(), text) || strings.Contains(got.Error(), "secret") {
			t.Errorf("%v: got %s %v, want %q", err, chferry.CodeOf(got), got, text)
		}
	}
}
