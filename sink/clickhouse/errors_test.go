package clickhouse_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"strings"
	"syscall"
	"testing"

	ch "github.com/ClickHouse/clickhouse-go/v2"

	"github.com/chferry/chferry"
	"github.com/chferry/chferry/sink/clickhouse"
)

func TestFailures(t *testing.T) {
	t.Parallel()
	c := openClient(t, "clickhouse://127.0.0.1:1", clickhouse.Options{})
	exception := func(code int32) error {
		return fmt.Errorf("batch: %w", &ch.Exception{Code: code, Message: "secret row"})
	}
	known := chferry.Errorf(chferry.CodeSchemaMismatch, "known before")
	for _, test := range []struct {
		err  error
		want chferry.Code
		text string
	}{
		{exception(252), chferry.CodeUnavailable, "252 TOO_MANY_PARTS"},
		{exception(241), chferry.CodeUnavailable, "241 MEMORY_LIMIT_EXCEEDED"},
		{exception(242), chferry.CodeUnavailable, "242 TABLE_IS_READ_ONLY"},
		{exception(202), chferry.CodeUnavailable, "202"},
		{exception(999), chferry.CodeUnavailable, "999 KEEPER_EXCEPTION"},
		{exception(159), chferry.CodeUnavailable, "159"},
		{exception(209), chferry.CodeUnavailable, "209"},
		{exception(210), chferry.CodeUnavailable, "210"},
		{exception(516), chferry.CodeAccessDenied, "516 AUTHENTICATION_FAILED"},
		{exception(192), chferry.CodeAccessDenied, "192"},
		{exception(193), chferry.CodeAccessDenied, "193"},
		{exception(497), chferry.CodeAccessDenied, "497"},
		{exception(164), chferry.CodeAccessDenied, "164"},
		{exception(16), chferry.CodeSchemaMismatch, "16 NO_SUCH_COLUMN_IN_TABLE"},
		{exception(47), chferry.CodeSchemaMismatch, "47"},
		{exception(60), chferry.CodeSchemaMismatch, "60"},
		{exception(53), chferry.CodeSchemaMismatch, "53"},
		{exception(81), chferry.CodeConfiguration, "81 UNKNOWN_DATABASE"},
		{exception(62), chferry.CodeUnknown, "62 SYNTAX_ERROR"},
		{exception(123456), chferry.CodeUnknown, "code 123456:"},
		{&ch.HTTPError{StatusCode: 403, Err: errors.New("secret row")}, chferry.CodeAccessDenied, "403 Forbidden"},
		{&ch.HTTPError{StatusCode: 404, Err: errors.New("secret row")}, chferry.CodeConfiguration, "404 Not Found"},
		{&ch.HTTPError{StatusCode: 502, Err: errors.New("secret row")}, chferry.CodeUnavailable, "502 Bad Gateway"},
		{&ch.HTTPError{StatusCode: 500, Err: exception(60)}, chferry.CodeSchemaMismatch, "60 UNKNOWN_TABLE"},
		{&net.OpError{Op: "dial", Err: syscall.ECONNREFUSED}, chferry.CodeUnavailable, "does not answer at 127.0.0.1:1: connection refused"},
		{&net.DNSError{Err: "no such host"}, chferry.CodeUnavailable, "name can't be resolved"},
		{fmt.Errorf("read: %w", io.EOF), chferry.CodeUnavailable, "connection was closed"},
		{context.DeadlineExceeded, chferry.CodeUnavailable, "no answer in time"},
		{ch.ErrAcquireConnTimeout, chferry.CodeUnavailable, "no answer in time"},
		{errors.New("secret row"), chferry.CodeUnknown, "127.0.0.1:1"},
		{fmt.Errorf("send: %w", known), chferry.CodeSchemaMismatch, "known before"},
	} {
		got := c.Failure("insert into shop.users", test.err)
		if chferry.CodeOf(got) != test.want || !strings.Contains(got.Error(), test.text) {
			t.Errorf("got %s %v, want %s with %q", chferry.CodeOf(got), got, test.want, test.text)
		}
		if strings.Contains(got.Error(), "secret") {
			t.Errorf("the error holds the server's words: %v", got)
		}
		if !errors.Is(got, test.err) && !errors.Is(test.err, known) {
			t.Errorf("%v has lost its cause", got)
		}
	}
	if err := c.Failure("do nothing", nil); err != nil {
		t.Errorf("got %v for no error", err)
	}
}
