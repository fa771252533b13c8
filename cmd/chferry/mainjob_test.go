package main_test

import (
	"fmt"
	"math/rand/v2"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/chferry/chferry/internal/testenv"
)

// TestMainJob is what chferry is for: 10,000 rows that exist, a writer that inserts, updates and
// deletes while syncs run, a worker that is killed in the middle and another that takes over; and
// at the end source and ClickHouse are equal.
func TestMainJob(t *testing.T) {
	t.Parallel()
	for name, clickHouse := range map[string]func(testing.TB) string{
		"installed": testenv.ClickHouse, "modern": testenv.ModernClickHouse,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			mainJob(t, clickHouse(t))
		})
	}
}

func mainJob(t *testing.T, clickHouseURL string) {
	t.Helper()
	s := setupOn(t, clickHouseURL, `
  - {key: NAME-users, table: public.users, destination: {table: users}, batch_size: 1500, schedule: {every: 1s}}
`)
	s.exec(`INSERT INTO users SELECT n, 'user ' || n, CASE WHEN n % 3 = 0 THEN NULL ELSE n || '@example.com' END,
		n * 1.25, n % 2 = 0, timestamptz '2020-01-01 00:00:00.5Z' + n * interval '1 minute', date '1980-01-01' + n
		FROM generate_series(1, 10000) n`)
	s.must("check")
	s.must("apply")
	if out := s.must("apply"); out != "nothing to change\n" {
		t.Errorf("the second apply says %q", out)
	}
	first := s.start("worker")
	s.start("api")
	s.ready()
	if out := s.must("register", s.key, "update", "--all"); out != "registered 10000\n" {
		t.Errorf("register --all says %q", out)
	}

	w := &writer{s: s, random: rand.New(rand.NewPCG(1, 2)), next: 10_001, registered: 10_000}
	w.write(40)
	first.stop(syscall.SIGKILL)
	w.write(40)
	second := s.start("worker")
	w.write(40)

	got := s.drained(s.key, 60*time.Second)
	if got.Totals.Operations != w.registered {
		t.Errorf("%d operations were synced, %d registered", got.Totals.Operations, w.registered)
	}
	if got.Totals.Failed > 0 {
		t.Errorf("%d operations failed", got.Totals.Failed)
	}
	s.wantSame(usersInSource, usersInTarget)
	second.stop(syscall.SIGTERM)
	if code := second.ProcessState.ExitCode(); code != 0 {
		t.Errorf("a worker that is told to stop ends with status %d", code)
	}
}

// writer is an application: it commits and then registers.
type writer struct {
	s          *stack
	random     *rand.Rand
	next       int
	registered int64
}

func (w *writer) write(rounds int) {
	w.s.t.Helper()
	for range rounds {
		var inserted, updated, deleted []string
		for range 20 {
			w.s.exec(`INSERT INTO users VALUES ($1, $2, NULL, 0.01, true, now(), NULL)`, w.next,
				fmt.Sprintf("new %d", w.next))
			inserted = append(inserted, strconv.Itoa(w.next))
			w.next++
			updated = append(updated, strconv.Itoa(1+w.random.IntN(w.next)))
			deleted = append(deleted, strconv.Itoa(1+w.random.IntN(w.next)))
		}
		w.s.exec(`UPDATE users SET name = name || '!', balance = balance + 0.5, birthday = NULL
			WHERE id = ANY($1::bigint[])`, array(updated))
		w.s.exec(`DELETE FROM users WHERE id = ANY($1::bigint[])`, array(deleted))
		w.s.post(w.s.key, "insert", inserted...)
		w.s.post(w.s.key, "update", updated...)
		w.s.post(w.s.key, "delete", deleted...)
		w.registered += 60
		time.Sleep(10 * time.Millisecond)
	}
}

func array(values []string) string { return "{" + strings.Join(values, ",") + "}" }

// TestCompositeKey registers list keys through the API and the command line.
func TestCompositeKey(t *testing.T) {
	t.Parallel()
	s := setup(t, `
  - {key: NAME-lines, table: lines, destination: {table: lines}}
`)
	key := strings.TrimSuffix(s.key, "users") + "lines"
	s.must("apply")
	s.start("worker")
	s.start("api")
	s.ready()
	s.exec(`INSERT INTO lines VALUES (7, 42, 'tea', 1.5), (7, 43, 'milk', NULL), (8, 1, 'a|b', 0.1)`)
	for _, body := range []string{
		`{"operation": "insert", "pks": [["7", "42"], [7, 43]]}`,
		`{"operation": "insert", "pks": [["8", "1"]]}`,
	} {
		if status, text := s.request("POST", "/v1/imports/"+key+"/operations", body); status != 200 {
			t.Fatalf("POST: %d %s", status, text)
		}
	}
	s.must("sync", key, "--wait")
	s.wantSame(linesInSource, linesInTarget)

	s.exec(`UPDATE lines SET line = 44 WHERE line = 43`) // a changed primary key: two operations
	s.exec(`DELETE FROM lines WHERE order_id = 8`)
	if status, out, errOut := s.runWith("[\"7\", \"43\"]\n[\"008\", \"1\"]\n", "register", key, "delete",
		"-"); status != 0 || out != "registered 2\n" {
		t.Fatalf("register from standard input: %d %q %q", status, out, errOut)
	}
	s.must("register", key, "insert", `["7", "44"]`)
	if out := s.must("sync", key, "--wait"); !strings.Contains(out, `"outcome":"synced"`) ||
		!strings.Contains(out, `"deletes":2`) {
		t.Errorf("the sync's result is %s", out)
	}
	s.wantSame(linesInSource, linesInTarget)
}
