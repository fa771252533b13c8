package main_test

import (
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/redis/go-redis/v9"
	"go.temporal.io/api/enums/v1"
	"go.temporal.io/sdk/client"

	"github.com/chferry/chferry/embedded"
	"github.com/chferry/chferry/internal/testenv"
)

// wrongPassword is one that no server takes. Nothing that is printed may hold it.
const wrongPassword = "hunter2-of-the-test"

// TestWrongPasswords: each server refuses it, check and every verb that needs the server say so,
// and neither they nor the logs of the services, down to debug, show it or the API's token. Nor
// does what Temporal keeps of the syncs that fail.
func TestWrongPasswords(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		at      string // finds the URL in the configuration; its last group is replaced
		with    func(t *testing.T) string
		what    string // in the report of check
		refused string // in the errors
		status  int
		verbs   [][]string
	}{
		"postgres": {
			`default: \{url: "([^"]+)`, postgresWithPassword, "database default", "refused the login", 1,
			[][]string{{"apply"}, {"register", "KEY", "update", "--all"}},
		},
		"redis": {
			`redis: \{url: "([^"]+)`, redisWithPassword, "Redis", "Redis at", 1,
			[][]string{{"apply"}, {"register", "KEY", "update", "1"}, {"status"}, {"status", "--json"}},
		},
		"clickhouse": {
			`clickhouse: \{url: "clickhouse://([^@]+)`, func(*testing.T) string { return "default:" + wrongPassword },
			"ClickHouse", "clickhouse.url", 1,
			[][]string{{"apply"}},
		},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := setup(t, oneImport)
			s.must("apply")
			s.must("register", s.key, "update", "1")
			s.substitute(test.at, test.with(t))
			printed := s.fails(test.status, []string{test.refused}, "check", "--log-level", "debug")
			wantLines(t, printed, "FAIL  "+test.what+": ")
			for _, verb := range test.verbs {
				for i := range verb {
					verb[i] = strings.ReplaceAll(verb[i], "KEY", s.key)
				}
				printed += s.fails(test.status, []string{test.refused}, append(verb, "--log-level", "debug")...)
			}
			printed += s.logOfServices()
			if !strings.Contains(printed, test.refused) {
				t.Errorf("nothing says %q:\n%s", test.refused, printed)
			}
			printed += s.histories()
			for _, secret := range []string{wrongPassword, url.QueryEscape(wrongPassword), token} {
				if i := strings.Index(printed, secret); i >= 0 {
					t.Errorf("a secret is shown: %s", printed[max(0, i-200):min(len(printed), i+200)])
				}
			}
		})
	}
}

// substitute replaces what the last group of a pattern finds in the configuration file.
func (s *stack) substitute(pattern, with string) {
	s.t.Helper()
	path := filepath.Join(s.dir, "chferry.yaml")
	text, err := os.ReadFile(path)
	if err != nil {
		s.t.Fatal(err)
	}
	at := regexp.MustCompile(pattern).FindSubmatchIndex(text)
	if at == nil {
		s.t.Fatalf("the configuration lacks %s", pattern)
	}
	s.write("chferry.yaml", string(text[:at[len(at)-2]])+with+string(text[at[len(at)-1]:]))
}

// logOfServices lets worker and API run through a sync and some requests, and returns what they log.
func (s *stack) logOfServices() string {
	s.t.Helper()
	worker, api := s.start("worker", "--log-level", "debug"), s.start("api", "--log-level", "debug")
	s.must("sync", s.key)
	s.eventually("the sync has been tried", 30*time.Second, func() error {
		if log := worker.log.String(); !strings.Contains(log, "step failed") {
			return fmt.Errorf("the worker's log is %s", log)
		}
		return nil
	})
	text := ""
	s.eventually("the API answers", 20*time.Second, func() error {
		for _, path := range []string{"/readyz", "/v1/imports", "/v1/imports/" + s.key} {
			status, body := s.request("GET", path, "")
			if text += body; status == 0 {
				return fmt.Errorf("%s: %s", path, body)
			}
		}
		return nil
	})
	worker.stop(syscall.SIGTERM)
	api.stop(syscall.SIGTERM)
	return text + worker.log.String() + api.log.String()
}

// histories is all that Temporal keeps of the syncs of the table users: those that are open are described as they are.
func (s *stack) histories() string {
	s.t.Helper()
	temporal, err := client.Dial(client.Options{HostPort: testenv.Temporal(s.t)})
	if err != nil {
		s.t.Fatal(err)
	}
	defer temporal.Close()
	prefix := strings.TrimSuffix(s.key, "-users")
	schedule, err := temporal.ScheduleClient().GetHandle(s.t.Context(), prefix+":sync:"+s.key).Describe(s.t.Context())
	if err != nil {
		s.t.Fatal(err)
	}
	text := ""
	for _, action := range schedule.Info.RecentActions {
		run := action.StartWorkflowResult
		d, err := temporal.DescribeWorkflowExecution(s.t.Context(), run.WorkflowID, run.FirstExecutionRunID)
		if err != nil {
			s.t.Fatal(err)
		}
		text += fmt.Sprintf("%+v\n", d)
		events := temporal.GetWorkflowHistory(s.t.Context(), run.WorkflowID, run.FirstExecutionRunID, false,
			enums.HISTORY_EVENT_FILTER_TYPE_ALL_EVENT)
		for events.HasNext() {
			event, err := events.Next()
			if err != nil {
				s.t.Fatal(err)
			}
			text += fmt.Sprintf("%+v\n", event)
		}
	}
	if !strings.Contains(text, "EVENT_TYPE_WORKFLOW_EXECUTION_STARTED") {
		s.t.Error("no sync was started")
	}
	return text
}

// redisWithPassword is a Redis of its own, which asks for a password.
func redisWithPassword(t *testing.T) string {
	t.Helper()
	server := testenv.Private(t, embedded.StartRedis, embedded.Options{NoSync: true})
	options, err := redis.ParseURL(server.URL)
	if err != nil {
		t.Fatal(err)
	}
	c := redis.NewClient(options)
	defer func() { _ = c.Close() }()
	if err := c.ConfigSet(t.Context(), "requirepass", "the right one").Err(); err != nil {
		t.Fatal(err)
	}
	return strings.Replace(server.URL, "redis://", "redis://:"+wrongPassword+"@", 1)
}

// postgresWithPassword is a PostgreSQL of its own, which asks for passwords, with a table users.
func postgresWithPassword(t *testing.T) string {
	t.Helper()
	server := testenv.Private(t, embedded.StartPostgres, embedded.Options{NoSync: true})
	conn, err := pgx.Connect(t.Context(), server.URL)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = conn.Close(t.Context()) }()
	run := func(sql string) {
		t.Helper()
		if _, err := conn.Exec(t.Context(), sql); err != nil {
			t.Fatal(err)
		}
	}
	run(`CREATE TABLE users (id bigint PRIMARY KEY)`)
	run(`CREATE ROLE app LOGIN PASSWORD 'the right one'`)
	var rules string
	if err := conn.QueryRow(t.Context(), `SHOW hba_file`).Scan(&rules); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(rules,
		[]byte("host all postgres 127.0.0.1/32 trust\nhost all all 127.0.0.1/32 scram-sha-256\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	run(`SELECT pg_reload_conf()`)
	u, err := url.Parse(server.URL)
	if err != nil {
		t.Fatal("the server's URL can't be read")
	}
	u.User = url.UserPassword("app", wrongPassword)
	return u.String()
}
