package aftercommit_test

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"syscall"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"github.com/chferry/chferry/storage/aftercommit"
)

// ended is a transaction whose commit ends with an error.
type ended struct{ err error }

func (e ended) Commit(context.Context) error { return e.err }
func (ended) Rollback(context.Context) error { return nil }

// TestOutcome: an answer of the database says what became of the transaction. What the connection says does not.
func TestOutcome(t *testing.T) {
	t.Parallel()
	state := func(code string) error { return &pgconn.PgError{Code: code} }
	tests := map[string]struct {
		err     error
		unknown bool
	}{
		"connection exception": {state("08006"), true},
		"protocol violation":   {state("08P01"), true},
		"shutdown":             {state("57P01"), true},
		"crash":                {state("57P02"), true},
		"completion unknown":   {state("40003"), true},
		"reset": {
			&net.OpError{Op: "read", Err: os.NewSyscallError("read", syscall.ECONNRESET)},
			true,
		},
		"broken pipe":                   {fmt.Errorf("write: %w", syscall.EPIPE), true},
		"deadline of the connection":    {os.ErrDeadlineExceeded, true},
		"deadline":                      {context.DeadlineExceeded, true},
		"cancelled":                     {fmt.Errorf("commit: %w", context.Canceled), true},
		"end":                           {io.EOF, true},
		"early end":                     {io.ErrUnexpectedEOF, true},
		"closed":                        {net.ErrClosed, true},
		"bad connection":                {driver.ErrBadConn, true},
		"serialization":                 {state("40001"), false},
		"deadlock":                      {state("40P01"), false},
		"constraint":                    {state("23503"), false},
		"statement cancelled":           {state("57014"), false},
		"transaction that has failed":   {state("25P02"), false},
		"idle for too long":             {state("25P03"), false},
		"disk full":                     {state("53100"), false},
		"ended by somebody":             {sql.ErrTxDone, false},
		"ended by somebody, in pgx":     {pgx.ErrTxClosed, false},
		"rolled back by the commit":     {pgx.ErrTxCommitRollback, false},
		"something else":                {errors.New("no space for the journal"), false},
		"connection error in a refusal": {errors.Join(state("23503"), io.EOF), false},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var changes aftercommit.Changes
			changes.Update("users", 1)
			var r registrar
			err := changes.Commit(t.Context(), ended{test.err}, &r)
			var lost *aftercommit.NotRegisteredError
			if !errors.Is(err, test.err) || errors.As(err, &lost) != test.unknown ||
				(len(r.calls) == 1) != test.unknown {
				t.Errorf("got %v and registered %q, want that the outcome is unknown: %v", err, r.calls, test.unknown)
			}
		})
	}
}
