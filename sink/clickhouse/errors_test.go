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

// TestExceptions: what passes by itself is retried, what somebody has to mend is not, and all of them say what to do.
func TestExceptions(t *testing.T) {
	t.Parallel()
	c := openClient(t, "clickhouse://127.0.0.1:1", clickhouse.Options{})
	for want, codes := range map[chferry.Code][]int32{
		chferry.CodeUnavailable: {
			74, 75, 76, 95, 96, // files and sockets
			159, 160, 209, 210, 198, 279, 203, // time and network
			173, 202, 241, 243, 201, 290, 364, 394, 411, 439, 574, 677, 692, 700, 735, 745, // too much to do
			// parts and replicas
			204, 225, 236, 242, 244, 252, 254, 265, 285, 286, 289, 297, 319, 341, 369, 384, 415, 416, 519, 529, 568,
			571, 738, 999,
			425, 473, 499, 500, 660, 667, 693, 696, 722, 733, 737,
		},
		chferry.CodeAccessDenied:   {164, 192, 193, 194, 195, 291, 492, 497, 511, 512, 516, 720},
		chferry.CodeSchemaMismatch: {7, 8, 10, 15, 16, 20, 44, 47, 48, 50, 53, 60, 70, 122, 218, 349, 352, 741},
		chferry.CodeConfiguration: {
			46, 56, 62, 81, 115, 158, 180, 217, 307, 344, 392, 396, 452, 471, 472, 565, 620,
			724, 725, 903,
		},
		chferry.CodeRefused: {6, 27, 38, 41, 69, 72, 117, 128, 131, 153, 321, 376, 395, 407, 469},
		chferry.CodeUnknown: {1, 49, 1001, 1002, 123456},
	} {
		for _, code := range codes {
			err := c.Failure("insert into shop.users", &ch.Exception{Code: code, Message: "secret row"})
			if got := chferry.CodeOf(err); got != want {
				t.Errorf("exception %d is %s, want %s", code, got, want)
			}
			_, advice, _ := strings.Cut(err.Error(), fmt.Sprintf("refused with code %d", code))
			if _, words, ok := strings.Cut(advice, ": "); !ok || len(words) < 10 {
				t.Errorf("exception %d does not say what to do: %v", code, err)
			}
		}
	}
}

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
		{
			&ch.Exception{Code: 252, Message: "Too many partitions for single INSERT block (more than 100). secret"},
			chferry.CodeConfiguration, "max_partitions_per_insert_block",
		},
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
		{exception(62), chferry.CodeConfiguration, "62 SYNTAX_ERROR"},
		{exception(49), chferry.CodeUnknown, "49 LOGICAL_ERROR"},
		{exception(123456), chferry.CodeUnknown, "code 123456:"},
		{&ch.HTTPError{StatusCode: 403, Err: errors.New("secret row")}, chferry.CodeAccessDenied, "403 Forbidden"},
		{&ch.HTTPError{StatusCode: 404, Err: errors.New("secret row")}, chferry.CodeConfiguration, "404 Not Found"},
		{&ch.HTTPError{StatusCode: 502, Err: errors.New("secret row")}, chferry.CodeUnavailable, "502 Bad Gateway"},
		{&ch.HTTPError{StatusCode: 500, Err: exception(60)}, chferry.CodeSchemaMismatch, "60 UNKNOWN_TABLE"},
		{
			&net.OpError{Op: "dial", Err: syscall.ECONNREFUSED}, chferry.CodeUnavailable,
			"does not answer at 127.0.0.1:1: connection refused",
		},
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
