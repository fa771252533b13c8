package chdbserver_test

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/ClickHouse/clickhouse-go/v2"

	"github.com/chferry/chferry/embedded"
	"github.com/chferry/chferry/internal/testenv"
)

func TestMain(m *testing.M) { testenv.Main(m) }

// server is one of this test alone.
type server struct {
	*embedded.Server
	conn clickhouse.Conn
}

func start(t *testing.T) *server {
	t.Helper()
	s := testenv.Private(t, embedded.StartChdb, embedded.Options{NoSync: true})
	return &server{s, connect(t, s.URL)}
}

// connect opens the client that chferry uses, with changes to its options.
func connect(t *testing.T, address string, change ...func(*clickhouse.Options)) clickhouse.Conn {
	t.Helper()
	options, err := clickhouse.ParseDSN(address)
	check(t, err)
	options.Compression = &clickhouse.Compression{Method: clickhouse.CompressionLZ4}
	// One transport for all connections, which can be closed whatever became of them.
	transport := &http.Transport{}
	options.TransportFunc = func(*http.Transport) (http.RoundTripper, error) { return transport, nil }
	for _, c := range change {
		c(options)
	}
	conn, err := clickhouse.Open(options)
	check(t, err)
	t.Cleanup(func() {
		_ = conn.Close()
		transport.CloseIdleConnections()
	})
	return conn
}

func (s *server) exec(t *testing.T, statements ...string) {
	t.Helper()
	for _, sql := range statements {
		if err := s.conn.Exec(t.Context(), sql); err != nil {
			t.Fatalf("%s: %v", sql, err)
		}
	}
}

// one returns the only value of a query's answer, a string.
func (s *server) one(t *testing.T, sql string) string {
	t.Helper()
	var got string
	if err := s.conn.QueryRow(t.Context(), sql).Scan(&got); err != nil {
		t.Fatalf("%s: %v", sql, err)
	}
	return got
}

// reply is what came of a plain request.
type reply struct {
	status int
	header http.Header
	body   string
}

// post sends a plain request, with parameters "name=value&…" of the URL.
func (s *server) post(t *testing.T, parameters, body string) reply {
	t.Helper()
	return s.send(t, http.MethodPost, parameters, strings.NewReader(body), func(*http.Request) {})
}

func (s *server) send(t *testing.T, method, parameters string, body io.Reader, change func(*http.Request)) reply {
	t.Helper()
	u, err := url.Parse(s.URL)
	check(t, err)
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, method, "http://"+u.Host+"/?"+parameters, body)
	check(t, err)
	password, _ := u.User.Password()
	request.SetBasicAuth(u.User.Username(), password)
	change(request)
	transport := &http.Transport{DisableKeepAlives: true}
	response, err := transport.RoundTrip(request)
	check(t, err)
	defer func() { _ = response.Body.Close() }()
	text, err := io.ReadAll(response.Body)
	check(t, err)
	return reply{response.StatusCode, response.Header, string(text)}
}

// wantCode checks the number of ClickHouse's exception.
func wantCode(t *testing.T, err error, want int32) {
	t.Helper()
	var exception *clickhouse.Exception
	if !errors.As(err, &exception) || exception.Code != want {
		t.Errorf("got %v, want an exception with code %d", err, want)
	}
}

func check(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// eventually waits for a condition that must come true on its own.
func eventually(t *testing.T, what string, condition func() bool) {
	t.Helper()
	for deadline := time.Now().Add(15 * time.Second); !condition(); time.Sleep(20 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("not within 15 s: %s", what)
		}
	}
}
