package main_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	ch "github.com/ClickHouse/clickhouse-go/v2"
	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"
	"github.com/jackc/pgx/v5/pgxpool"

	chferry "github.com/chferry/chferry/cmd/chferry"
	"github.com/chferry/chferry/internal/testenv"
)

// atOnce lets a program that is built with the race detector end at once: by default it sleeps for
// a second, doing nothing.
const atOnce = "GORACE=atexit_sleep_ms=0"

// asChferry is set in the environment of a test binary that is to be chferry itself.
const asChferry = "CHFERRY_TEST_BE_CHFERRY"

func TestMain(m *testing.M) {
	if os.Getenv(asChferry) != "" {
		chferry.Main()
	}
	if len(os.Args) > 1 && !strings.HasPrefix(os.Args[1], "-") {
		fmt.Fprintln(os.Stderr, "a test started this binary as chferry without saying so in its environment")
		os.Exit(2) // or it would run the tests, and they it, for ever
	}
	testenv.Main(m)
}

const token = "secret-of-the-test"

// stack is a configuration and connections to look at what it did.
type stack struct {
	t      *testing.T
	dir    string
	key    string // import key of the table users
	api    string
	source *pgxpool.Pool
	target driver.Conn
}

var stacks atomic.Int64

// setup makes the source tables and the configuration file; nothing is applied yet.
func setup(t *testing.T, imports string) *stack {
	t.Helper()
	return setupOn(t, testenv.ClickHouse(t), imports)
}

// setupOn does the same for one ClickHouse.
func setupOn(t *testing.T, targetURL, imports string) *stack {
	t.Helper()
	name := fmt.Sprintf("e2e%d-%d", time.Now().UnixNano(), stacks.Add(1))
	s := &stack{t: t, dir: t.TempDir(), key: name + "-users", api: freeAddress(t)}
	sourceURL := testenv.Postgres(t)
	var err error
	if s.source, err = pgxpool.New(t.Context(), sourceURL); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.source.Close)
	options, err := ch.ParseDSN(targetURL)
	if err != nil {
		t.Fatal(err)
	}
	if s.target, err = ch.Open(options); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.target.Close() })
	s.exec(`CREATE TABLE users (id bigint PRIMARY KEY, name text NOT NULL, email text, balance numeric(12,2) NOT NULL,
		active boolean NOT NULL, created timestamptz NOT NULL, birthday date)`)
	s.exec(`CREATE TABLE lines (order_id int, line int, item text NOT NULL, price double precision,
		PRIMARY KEY (order_id, line))`)
	s.write("chferry.yaml", fmt.Sprintf(`
temporal: {address: "%s", task_queue: %s, id_prefix: %s}
redis: {url: "%s"}
clickhouse: {url: "%s"}
databases:
  default: {url: "%s"}
api:
  listen: %s
  tokens: ["${CHFERRY_TOKEN}"]
imports:
%s`, testenv.Temporal(t), name, name, testenv.Redis(t), targetURL, sourceURL, s.api,
		strings.ReplaceAll(imports, "NAME", name)))
	return s
}

func freeAddress(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = l.Close() }()
	return l.Addr().String()
}

func (s *stack) write(name, text string) {
	s.t.Helper()
	if err := os.WriteFile(filepath.Join(s.dir, name), []byte(text), 0o600); err != nil {
		s.t.Fatal(err)
	}
}

func (s *stack) exec(sql string, args ...any) {
	s.t.Helper()
	if _, err := s.source.Exec(s.t.Context(), sql, args...); err != nil {
		s.t.Fatalf("source: %v", err)
	}
}

// command is this test binary as chferry, in the stack's folder.
func (s *stack) command(args ...string) *exec.Cmd {
	s.t.Helper()
	cmd := exec.Command(executable(s.t), args...)
	cmd.Dir = s.dir
	cmd.Env = append(os.Environ(), asChferry+"=1", "CHFERRY_TOKEN="+token, atOnce)
	return cmd
}

func executable(t *testing.T) string {
	t.Helper()
	path, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	return path
}

// run runs the binary to its end.
func (s *stack) run(args ...string) (status int, out, errOut string) {
	s.t.Helper()
	return s.runWith("", args...)
}

func (s *stack) runWith(in string, args ...string) (status int, out, errOut string) {
	s.t.Helper()
	cmd := s.command(args...)
	var stdout, stderr bytes.Buffer
	cmd.Stdin, cmd.Stdout, cmd.Stderr = strings.NewReader(in), &stdout, &stderr
	err := cmd.Run()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		s.t.Fatal(err)
	}
	return cmd.ProcessState.ExitCode(), stdout.String(), stderr.String()
}

// must runs the binary, which must end with status 0, and returns its output.
func (s *stack) must(args ...string) string {
	s.t.Helper()
	status, out, errOut := s.run(args...)
	if status != 0 {
		s.t.Fatalf("chferry %s: status %d\n%s%s", strings.Join(args, " "), status, out, errOut)
	}
	return out
}

// eventually waits until check is nil.
func (s *stack) eventually(what string, within time.Duration, check func() error) {
	s.t.Helper()
	deadline := time.Now().Add(within)
	for {
		err := check()
		if err == nil {
			return
		}
		if time.Now().After(deadline) {
			s.t.Fatalf("%s: still after %s: %v", what, within, err)
		}
		time.Sleep(50 * time.Millisecond)
	}
}

func (s *stack) request(method, path, body string) (int, string) {
	s.t.Helper()
	req, err := http.NewRequestWithContext(s.t.Context(), method, "http://"+s.api+path, strings.NewReader(body))
	if err != nil {
		s.t.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer "+token)
	req.Header.Set("Content-Type", "application/json")
	req.Close = true
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		return 0, err.Error()
	}
	defer res.Body.Close()
	var text bytes.Buffer
	if _, err := text.ReadFrom(res.Body); err != nil {
		s.t.Fatal(err)
	}
	return res.StatusCode, text.String()
}

func (s *stack) ready() {
	s.t.Helper()
	s.eventually("the API is ready", 20*time.Second, func() error {
		if status, text := s.request("GET", "/readyz", ""); status != http.StatusOK {
			return fmt.Errorf("status %d: %s", status, text)
		}
		return nil
	})
}

// post registers operations through the API.
func (s *stack) post(key, operation string, pks ...string) {
	s.t.Helper()
	body, err := json.Marshal(map[string]any{"operation": operation, "pks": pks})
	if err != nil {
		s.t.Fatal(err)
	}
	status, text := s.request("POST", "/v1/imports/"+key+"/operations", string(body))
	if status != http.StatusOK || !strings.Contains(text, fmt.Sprintf(`"registered":%d`, len(pks))) {
		s.t.Fatalf("POST operations: %d %s", status, text)
	}
}

// status is the part of `status KEY --json` that tests look at.
type status struct {
	Pending  int64 `json:"pending"`
	InFlight int64 `json:"in_flight"`
	Failed   int64 `json:"failed"`
	Totals   struct {
		Operations, Rows, Deletes, Coalesced, Failed int64
	} `json:"totals"`
	Schedule *schedule `json:"schedule"`
	Schema   []string  `json:"schema"`
}

type schedule struct {
	Spec   string `json:"spec"`
	Paused bool   `json:"paused"`
	Note   string `json:"note"`
}

func (s *stack) status(key string) (got status) {
	s.t.Helper()
	if err := json.Unmarshal([]byte(s.must("status", key, "--json")), &got); err != nil {
		s.t.Fatal(err)
	}
	return got
}

func (s *stack) drained(key string, within time.Duration) status {
	s.t.Helper()
	var got status
	s.eventually("the queue of "+key+" drains", within, func() error {
		if got = s.status(key); got.Pending+got.InFlight > 0 {
			return fmt.Errorf("%d pending, %d in flight", got.Pending, got.InFlight)
		}
		return nil
	})
	t := got.Totals
	if t.Operations != t.Rows+t.Deletes+t.Coalesced+t.Failed {
		s.t.Errorf("the totals do not add up: %+v", t)
	}
	return got
}
