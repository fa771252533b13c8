package main_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	ch "github.com/ClickHouse/clickhouse-go/v2"
	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/chferry/chferry/internal/testenv"
)

func TestMain(m *testing.M) { testenv.Main(m) }

const token = "secret-of-the-test"

// stack is a configuration, the built binary and connections to look at what it did.
type stack struct {
	t      *testing.T
	dir    string
	key    string // import key of the table users
	api    string
	source *pgxpool.Pool
	target driver.Conn
}

var binary = sync.OnceValues(func() (string, error) {
	dir, err := os.MkdirTemp("", "chferry-e2e")
	if err != nil {
		return "", err
	}
	path := filepath.Join(dir, "chferry")
	out, err := exec.Command("go", "build", "-o", path, ".").CombinedOutput()
	if err != nil {
		return "", fmt.Errorf("build: %w: %s", err, out)
	}
	return path, nil
})

var stacks atomic.Int64

// setup makes the source tables and the configuration file; nothing is applied yet.
func setup(t *testing.T, imports string) *stack {
	t.Helper()
	name := fmt.Sprintf("e2e%d-%d", time.Now().UnixNano(), stacks.Add(1))
	s := &stack{t: t, dir: t.TempDir(), key: name + "-users", api: freeAddress(t)}
	sourceURL, targetURL := testenv.Postgres(t), testenv.ClickHouse(t)
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
	s.exec(`CREATE TABLE lines (order_id int, line int, item text NOT NULL, price double precision, PRIMARY KEY (order_id, line))`)
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
%s`, testenv.Temporal(t), name, name, testenv.Redis(t), targetURL, sourceURL, s.api, strings.ReplaceAll(imports, "NAME", name)))
	return s
}

func freeAddress(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
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

func (s *stack) command(args ...string) *exec.Cmd {
	s.t.Helper()
	path, err := binary()
	if err != nil {
		s.t.Fatal(err)
	}
	cmd := exec.Command(path, args...)
	cmd.Dir = s.dir
	cmd.Env = append(os.Environ(), "CHFERRY_TOKEN="+token)
	return cmd
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

// process is a service that runs.
type process struct {
	*exec.Cmd
	log  *bytes.Buffer
	done chan struct{}
}

// start starts a service and stops it when the test ends.
func (s *stack) start(args ...string) *process {
	s.t.Helper()
	p := &process{Cmd: s.command(args...), log: &bytes.Buffer{}, done: make(chan struct{})}
	p.Stderr = p.log
	if err := p.Start(); err != nil {
		s.t.Fatal(err)
	}
	go func() { _ = p.Wait(); close(p.done) }()
	s.t.Cleanup(func() {
		p.stop(syscall.SIGKILL)
		if s.t.Failed() {
			s.t.Logf("log of %s:\n%s", args[0], tail(p.log.String(), 4000))
		}
	})
	return p
}

func (p *process) stop(signal syscall.Signal) {
	_ = p.Process.Signal(signal) // it may have ended
	<-p.done
}

func tail(text string, n int) string {
	return text[max(0, len(text)-n):]
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
	Schedule *struct {
		Spec   string `json:"spec"`
		Paused bool   `json:"paused"`
		Note   string `json:"note"`
	} `json:"schedule"`
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

// Both sides of a table as lines of text; a timestamp in whole seconds, which is what ClickHouse 18.16 holds.
const (
	usersInSource = `SELECT concat_ws('|', id, name, coalesce(email, 'NULL'), balance, active::int,
		extract(epoch FROM date_trunc('second', created))::bigint, coalesce(birthday::text, 'NULL')) FROM users`
	usersInTarget = `SELECT concat(toString(id), '|', name, '|', ifNull(email, 'NULL'), '|', toString(balance), '|', toString(active), '|',
		toString(toUnixTimestamp(created)), '|', ifNull(toString(birthday), 'NULL')) FROM users_current`
	linesInSource = `SELECT concat_ws('|', order_id, line, item, coalesce((price * 1000)::bigint::text, 'NULL')) FROM lines`
	linesInTarget = `SELECT concat(toString(order_id), '|', toString(line), '|', item, '|', ifNull(toString(toInt64(price * 1000)), 'NULL')) FROM lines_current`
)

// same compares source and destination row by row.
func (s *stack) same(inSource, inTarget string) error {
	want := map[string]int{}
	rows, err := s.source.Query(s.t.Context(), inSource)
	if err != nil {
		return err
	}
	defer rows.Close()
	for rows.Next() {
		var line string
		if err := rows.Scan(&line); err != nil {
			return err
		}
		want[line]++
	}
	if err := rows.Err(); err != nil {
		return err
	}
	total := len(want)
	got, err := s.target.Query(context.Background(), inTarget)
	if err != nil {
		return err
	}
	defer got.Close()
	n := 0
	for got.Next() {
		var line string
		if err := got.Scan(&line); err != nil {
			return err
		}
		n++
		if want[line]--; want[line] < 0 {
			return fmt.Errorf("ClickHouse has a row too many, or another one: %s", line)
		}
	}
	if n != total {
		return fmt.Errorf("ClickHouse has %d rows, the source %d", n, total)
	}
	return got.Err()
}

func (s *stack) wantSame(inSource, inTarget string) {
	s.t.Helper()
	if err := s.same(inSource, inTarget); err != nil {
		s.t.Error(err)
	}
}
