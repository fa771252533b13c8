package clickhouse_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/chferry/chferry"
	"github.com/chferry/chferry/internal/testenv"
	"github.com/chferry/chferry/rowset"
	"github.com/chferry/chferry/sink/clickhouse"
)

func TestOpenRefusesURLs(t *testing.T) {
	t.Parallel()
	for _, address := range []string{
		"", "127.0.0.1:9000", "postgres://u:hunter2@h/db", "clickhouse://", "clickhouse://u:hunter2@h:port/db",
		"clickhouse://u:hunter2 @h/%zz", "http://u:hunter2@h:1,i:port/db", "http://u:hunter2@h:port,i:1/db",
		"clickhouse://u:hunter2@h:port,i:1/db", "ftp://u:hunter2@h/db", "clickhouse://u:hunter2@h/db?secure=perhaps",
		"clickhouse://u:hunter2@h/db?dial_timeout=soon",
	} {
		_, err := clickhouse.Open(address, clickhouse.Options{})
		if chferry.CodeOf(err) != chferry.CodeConfiguration {
			t.Errorf("%q: got %v, want it refused", address, err)
		}
		if err != nil && strings.Contains(err.Error(), "hunter2") {
			t.Errorf("the error holds the password: %v", err)
		}
	}
}

// TestOpenFindsPorts reads the address that a refused connection names.
func TestOpenFindsPorts(t *testing.T) {
	t.Parallel()
	for address, want := range map[string]string{
		"clickhouse://nowhere.invalid/db":             "nowhere.invalid:9000",
		"clickhouse://nowhere.invalid:77/db":          "nowhere.invalid:77",
		"clickhouse://nowhere.invalid/db?secure=true": "nowhere.invalid:9440",
		"http://nowhere.invalid":                      "nowhere.invalid:8123",
		"https://nowhere.invalid/db":                  "nowhere.invalid:8443",
		"clickhouse://a.invalid,b.invalid:78/db":      "a.invalid:9000, b.invalid:78",
		"http://a.invalid:77,b.invalid:78/db":         "a.invalid:77, b.invalid:78",
		"HTTPS://a.invalid,b.invalid:78/db":           "a.invalid:8443, b.invalid:78",
	} {
		err := openClient(t, address, clickhouse.Options{}).Check(t.Context())
		if chferry.CodeOf(err) != chferry.CodeUnavailable ||
			!strings.Contains(err.Error(), "does not answer at "+want+":") {
			t.Errorf("%s: got %v, want %s named", address, err, want)
		}
	}
}

func TestCheck(t *testing.T) { onServers(t, testCheck) }

func testCheck(t *testing.T, s *server) {
	with := func(change func(u *url.URL, q url.Values)) string {
		u, err := url.Parse(s.url)
		if err != nil {
			t.Fatal(err)
		}
		q := u.Query()
		change(u, q)
		u.RawQuery = q.Encode()
		return u.String()
	}
	for name, test := range map[string]struct {
		url  string
		want chferry.Code
	}{
		"as it is": {s.url, ""},
		"wrong password": {with(func(u *url.URL,
			_ url.Values,
		) {
			u.User = url.UserPassword(u.User.Username(), "hunter2")
		}), chferry.CodeAccessDenied},
		"unknown user": {
			with(func(u *url.URL, _ url.Values) { u.User = url.UserPassword("nobody", "hunter2") }),
			chferry.CodeAccessDenied,
		},
		"unknown database": {with(func(u *url.URL, _ url.Values) { u.Path = "/absent" }), chferry.CodeConfiguration},
		"read only":        {with(func(_ *url.URL, q url.Values) { q.Set("readonly", "1") }), chferry.CodeAccessDenied},
	} {
		err := openClient(t, test.url, clickhouse.Options{}).Check(t.Context())
		if (err == nil) != (test.want == "") || err != nil && chferry.CodeOf(err) != test.want {
			t.Errorf("%s: got %v, want code %q", name, err, test.want)
		}
		if err != nil && strings.Contains(err.Error(), "hunter2") {
			t.Errorf("%s: the error holds the password: %v", name, err)
		}
	}
}

func TestMissingDatabase(t *testing.T) { onServers(t, testMissingDatabase) }

func testMissingDatabase(t *testing.T, s *server) {
	d := destination("absent.users", []string{"id"}, column("id", rowset.Type{Kind: rowset.Int64}))
	_, err := s.Missing(t.Context(), d)
	if chferry.CodeOf(err) != chferry.CodeConfiguration || !strings.Contains(err.Error(), `"absent"`) {
		t.Errorf("got %v, want the database named", err)
	}
}

// TestSilentServer has a server that accepts connections and says nothing.
func TestSilentServer(t *testing.T) {
	t.Parallel()
	address := silent(t)
	for _, scheme := range []string{"clickhouse", "http"} {
		c := openClient(t, scheme+"://"+address,
			clickhouse.Options{Timeout: 200 * time.Millisecond, DialTimeout: 200 * time.Millisecond})
		start := time.Now()
		err := c.Check(t.Context())
		if chferry.CodeOf(err) != chferry.CodeUnavailable ||
			!strings.Contains(err.Error(), address+": no answer in time") {
			t.Errorf("%s: got %v, want it unavailable", scheme, err)
		}
		if took := time.Since(start); took > 5*time.Second {
			t.Errorf("%s: gave up after %s", scheme, took)
		}
	}
}

// TestCancelWhileConnecting ends the wait for a server that says nothing.
func TestCancelWhileConnecting(t *testing.T) {
	t.Parallel()
	for _, scheme := range []string{"clickhouse", "http"} {
		c := openClient(t, scheme+"://"+silent(t), clickhouse.Options{Timeout: time.Minute, DialTimeout: time.Minute})
		ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
		start := time.Now()
		err := c.Check(ctx)
		cancel()
		if !errors.Is(err, context.DeadlineExceeded) || chferry.CodeOf(err) != chferry.CodeUnavailable {
			t.Errorf("%s: got %v, want the context's end", scheme, err)
		}
		if took := time.Since(start); took > 5*time.Second {
			t.Errorf("%s: went on for %s", scheme, took)
		}
	}
}

// silent returns the address of a server that never answers.
func silent(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	return l.Addr().String()
}

// TestWrongPort speaks the native protocol to an HTTP server, as ClickHouse's own answers it, and
// HTTP to one that is no ClickHouse.
func TestWrongPort(t *testing.T) {
	t.Parallel()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	go func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			_, _ = conn.Read(make([]byte, 4096))
			_, _ = io.WriteString(conn, "HTTP/1.0 404 Not Found\r\nContent-Length: 0\r\n\r\n")
			_ = conn.Close()
		}
	}()
	t.Cleanup(func() { _ = l.Close() })
	for scheme, want := range map[string]chferry.Code{
		"clickhouse": chferry.CodeUnknown,
		"http":       chferry.CodeConfiguration,
	} {
		err := openClient(t, scheme+"://"+l.Addr().String(), clickhouse.Options{}).Check(t.Context())
		if err == nil || chferry.CodeOf(err) != want || !strings.Contains(err.Error(), "clickhouse.url") {
			t.Errorf("%s: got %v, want %s and what to mend", scheme, err, want)
		}
	}
}

// TestServerComesBack asks again for what the server has after it was away.
func TestServerComesBack(t *testing.T) { onServers(t, testServerComesBack) }

func testServerComesBack(t *testing.T, s *server) {
	p := testenv.NewProxy(t, s.url)
	p.Leave()
	c := openClient(t, p.URL, clickhouse.Options{})
	if _, _, err := c.Version(t.Context()); chferry.CodeOf(err) != chferry.CodeUnavailable {
		t.Fatalf("got %v without a server", err)
	}
	p.Return()
	if major, _, err := c.Version(t.Context()); err != nil || major < 18 {
		t.Fatalf("got version %d, %v", major, err)
	}
	p.Leave()
	if err := c.Check(t.Context()); chferry.CodeOf(err) != chferry.CodeUnavailable {
		t.Errorf("got %v after the server left", err)
	}
	p.Return()
	if err := c.Check(t.Context()); err != nil {
		t.Errorf("got %v after it came back", err)
	}
}

// TestCancelWhileInserting has a server that stops reading in the middle of a block. What does not
// end the insert would end the test after an hour.
func TestCancelWhileInserting(t *testing.T) { onServers(t, testCancelWhileInserting) }

func testCancelWhileInserting(t *testing.T, s *server) {
	p := testenv.NewProxy(t, s.url)
	d := destination("halves", []string{"id"}, column("id", int64Type), column("text", stringType))
	s.create(t, d)
	b := rowsOf(d, 200_000, 1, func(row int, v []rowset.Vector) {
		v[0].AppendData(fmt.Appendf(nil, "%x and %x", row*7919, row*104_729))
	})
	for name, test := range map[string]struct{ timeout, deadline time.Duration }{
		"the caller's end": {time.Hour, time.Second}, "its own timeout": {time.Second, time.Hour},
	} {
		sent := 0
		p.HoldRequest(func(piece []byte) bool { sent += len(piece); return sent > 1<<20 })
		c := openClient(t, p.URL, clickhouse.Options{InsertTimeout: test.timeout})
		ctx, cancel := context.WithTimeout(t.Context(), test.deadline)
		_, err := c.Insert(ctx, d, b, "")
		cancel()
		if chferry.CodeOf(err) != chferry.CodeUnavailable {
			t.Errorf("%s: got %v, want it unavailable", name, err)
		}
	}
	if got := s.value(t, "SELECT toString(count()) FROM "+s.database+".halves"); got != "0" {
		t.Errorf("%s rows of half a block are there", got)
	}
}
