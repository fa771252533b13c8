package testenv

import (
	"context"
	"errors"
	"fmt"
	"os"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/chferry/chferry/embedded"
)

const (
	// startTimeout has room for the first build of Temporal, or download of ClickHouse, on a slow machine.
	startTimeout = 9 * time.Minute
	stopTimeout  = 30 * time.Second
	queryTimeout = 30 * time.Second
)

// shared is one server for all tests of the binary.
type shared struct {
	name     string
	variable string // environment variable that names another server to use
	start    starter

	mu     sync.Mutex
	server *embedded.Server
	err    error // of the start: what failed once fails every test that asks
}

// starter is embedded.StartRedis or one of its sisters.
type starter func(context.Context, embedded.Options) (*embedded.Server, error)

var (
	redisServer      = &shared{name: "redis", variable: "CHFERRY_TEST_REDIS", start: embedded.StartRedis}
	postgresServer   = &shared{name: "postgres", variable: "CHFERRY_TEST_POSTGRES", start: embedded.StartPostgres}
	clickHouseServer = &shared{name: "clickhouse", variable: "CHFERRY_TEST_CLICKHOUSE", start: embedded.StartClickHouse}
	temporalServer   = &shared{name: "temporal", variable: "CHFERRY_TEST_TEMPORAL", start: embedded.StartTemporal}

	modernServer = &shared{
		name: "modern clickhouse", variable: "CHFERRY_TEST_CLICKHOUSE_MODERN", start: embedded.StartModernClickHouse,
	}

	all = []*shared{temporalServer, clickHouseServer, modernServer, postgresServer, redisServer}

	// inMain is set while Main runs the tests: without it nobody would stop what a test starts.
	inMain bool
)

// Main runs the tests of a package, stops the servers that they started, and fails if a goroutine is left. It is
// the whole of TestMain, and does not return.
func Main(m *testing.M) {
	inMain = true
	code := m.Run()
	if err := stopAll(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		code = 1
	}
	if code == 0 {
		if err := goleak.Find(); err != nil {
			fmt.Fprintln(os.Stderr, err)
			code = 1
		}
	}
	os.Exit(code)
}

// Redis gives the URL of an empty or shared Redis, redis://host:port/db. Tests keep apart by their keys.
func Redis(t testing.TB) string {
	t.Helper()
	return redisServer.url(t)
}

// Temporal gives the address of a Temporal server, host:port, with the namespace "default". Tests keep apart by
// their task queues and workflow IDs.
func Temporal(t testing.TB) string {
	t.Helper()
	return temporalServer.url(t)
}

// Private starts a server for one test alone, which may kill and restart it, and stops it when the test ends:
//
//	server := testenv.Private(t, embedded.StartRedis, embedded.Options{})
func Private(t testing.TB, start starter, opts embedded.Options) *embedded.Server {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), startTimeout)
	defer cancel()
	server, err := start(ctx, opts)
	if err != nil {
		t.Fatalf("a server of its own for this test: %v", err)
	}
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), stopTimeout)
		defer cancel()
		if err := server.Stop(ctx); err != nil {
			t.Error(err)
		}
	})
	return server
}

// url is the URL of the server that the environment names, or of ours, started now if need be.
func (s *shared) url(t testing.TB) string {
	t.Helper()
	if url := os.Getenv(s.variable); url != "" {
		return url
	}
	if !inMain {
		t.Fatal("the package's TestMain must call testenv.Main, which stops the servers")
	}
	server, err := s.get()
	if err != nil {
		t.Fatal(s.explain(err))
	}
	return server.URL
}

func (s *shared) get() (*embedded.Server, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.server == nil && s.err == nil {
		// The server outlives the test that asked first.
		ctx, cancel := context.WithTimeout(context.Background(), startTimeout)
		defer cancel()
		s.server, s.err = s.start(ctx, embedded.Options{NoSync: true})
	}
	return s.server, s.err
}

func (s *shared) explain(err error) string {
	var missing *embedded.MissingError
	if errors.As(err, &missing) {
		return fmt.Sprintf("%v, or set %s to the address of one (tools/servers.sh installs what is missing)",
			err, s.variable)
	}
	return fmt.Sprintf("%v; set %s to use another one", err, s.variable)
}

func (s *shared) stop(ctx context.Context) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.server == nil {
		return nil
	}
	return s.server.Stop(ctx)
}

func stopAll() error {
	ctx, cancel := context.WithTimeout(context.Background(), stopTimeout)
	defer cancel()
	var errs []error
	for _, s := range all {
		errs = append(errs, s.stop(ctx))
	}
	return errors.Join(errs...)
}
