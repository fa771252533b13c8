package main_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/chferry/chferry/internal/testenv"
)

const oneImport = `
  - {key: NAME-users, table: public.users, primary_key: [id], destination: {table: users}, schedule: {every: 1h}}
`

const twoImports = oneImport + `
  - {key: NAME-lines, table: lines, primary_key: [order_id, line], destination: {table: lines}, ` +
	`schedule: {cron: "0 4 * * *"}}
`

// lines is the import key of the table lines.
func (s *stack) lines() string { return strings.TrimSuffix(s.key, "users") + "lines" }

// id is the ID of an import key's schedule. setup gives the task queue's name to the prefix, too.
func (s *stack) id(key string) string {
	return strings.TrimSuffix(s.key, "-users") + ":sync:" + key
}

// wantLines checks that each of these begins a line of the output.
func wantLines(t *testing.T, out string, want ...string) {
	t.Helper()
	for _, line := range want {
		if !strings.Contains("\n"+out, "\n"+line) {
			t.Errorf("no line begins with %q in\n%s", line, out)
		}
	}
}

// TestRegisterRefused: a call that is refused has registered nothing, whatever stood before the mistake.
func TestRegisterRefused(t *testing.T) {
	t.Parallel()
	s := setup(t, twoImports)
	s.fails(2, []string{"insert, update or delete"}, "register", s.key, "upsert", "1")
	s.fails(2, []string{"insert, update or delete"}, "register", s.key, "upsert", "--all")
	s.fails(2, []string{"a primary key has at most 65536 bytes, this one has 65537"}, "register", s.key, "update", "1",
		strings.Repeat("9", 65537))
	s.fails(2, []string{"has 2 values, this one has 3"}, "register", s.lines(), "update", `["7", "42"]`,
		`["7", "42", "1"]`)
	s.fails(2, []string{"has 2 values, this one has 1"}, "register", s.lines(), "update", `["7", "42"]`, "7")
	s.fails(2, []string{`database "archive"`}, "register", s.key, "update", "1", "--database", "archive")
	if got, _, errOut := s.runWith("[\"7\", \"42\"]\n\n", "register", s.lines(), "update", "-"); got != 2 ||
		!strings.Contains(errOut, "line 2: ") {
		t.Errorf("an empty line: status %d, %s", got, errOut)
	}
	for _, key := range []string{s.key, s.lines()} {
		if got := s.status(key); got.Pending != 0 {
			t.Errorf("%s has %d operations pending, want none", key, got.Pending)
		}
	}
	if out := s.must("register", s.lines(), "update", `["7", "42"]`, `["7", "43"]`, "--database",
		"default"); out != "registered 2\n" {
		t.Errorf("register says %q", out)
	}
}

// TestRegisterLists: a JSON list is a key as over HTTP, with integers exactly as they are written,
// from arguments and standard input.
func TestRegisterLists(t *testing.T) {
	t.Parallel()
	s := setupOn(t, testenv.ModernClickHouse(t), `
  - {key: NAME-users, table: numbers, destination: {table: numbers}, schedule: {every: 1h}}
  - {key: NAME-lines, table: texts, destination: {table: texts}, schedule: {every: 1h}}
`)
	s.exec(`CREATE TABLE numbers (id numeric(30) PRIMARY KEY);
		INSERT INTO numbers VALUES (-5), (7), (123456789012345678901234567890);
		CREATE TABLE texts (page int, locale text, PRIMARY KEY (page, locale));
		INSERT INTO texts VALUES (7, ''), (7, '42'), (7, '[draft]')`)
	s.must("apply")
	s.start("worker")
	for _, args := range [][]string{{"[7]", "[123456789012345678901234567890]"}, {"--", "-5"}} {
		s.must(append([]string{"register", s.key, "update"}, args...)...)
	}
	s.must("sync", s.key, "--wait")
	s.wantSame("SELECT id::text FROM numbers ORDER BY id", "SELECT toString(id) FROM numbers_current ORDER BY id")

	status, out, errOut := s.runWith("[7, 42]\n[7, \"\"]\n[\"7\", \"[draft]\"]\n", "register", s.lines(), "update", "-")
	if status != 0 || out != "registered 3\n" {
		t.Fatalf("register: status %d, %s%s", status, out, errOut)
	}
	s.must("sync", s.lines(), "--wait")
	s.wantSame("SELECT page || '/' || locale FROM texts ORDER BY 1",
		"SELECT concat(toString(page), '/', locale) FROM texts_current ORDER BY 1")
}

// TestRegisterAllWaits: a load waits for room in the queue, says what nobody does about it, and
// goes on once there is room.
func TestRegisterAllWaits(t *testing.T) {
	t.Parallel()
	s := setup(t, strings.Replace(oneImport, "schedule:", "max_pending: 4, schedule:", 1))
	s.exec(`INSERT INTO users SELECT i, 'name', NULL, 1, true, now(), NULL FROM generate_series(1, 10) AS i`)
	s.must("apply")
	s.must("pause", s.key)
	load := s.start("register", s.key, "update", "--all")
	said := func(text string) func() error {
		return func() error {
			if !strings.Contains(load.log.String(), text) {
				return fmt.Errorf("it says %s", load.log)
			}
			return nil
		}
	}
	s.eventually("the load waits", 20*time.Second,
		said(s.key+" has 4 of max_pending 4 operations pending; its schedule is paused: chferry resume "+s.key))
	s.must("resume", s.key)
	s.eventually("the load waits for a worker", 20*time.Second, said("no worker polls the task queue: chferry worker"))
	s.start("worker")
	s.eventually("the load ends", 30*time.Second, func() error {
		s.must("sync", s.key)
		select {
		case <-load.done:
			return nil
		default:
			return fmt.Errorf("it says %s", load.log)
		}
	})
	s.drained(s.key, 20*time.Second)
	s.must("sync", s.key, "--wait")
	s.wantSame(usersInSource, usersInTarget)
}

// TestRegisterAllResumes: a load that was cut off goes on where it was.
func TestRegisterAllResumes(t *testing.T) {
	t.Parallel()
	s := setup(t, strings.Replace(oneImport, "schedule:", "max_pending: 10000, schedule:", 1))
	s.exec(`INSERT INTO users SELECT i, 'name', NULL, 1, true, now(), NULL FROM generate_series(1, 12000) AS i`)
	s.must("apply")
	s.must("pause", s.key)
	load := s.start("register", s.key, "update", "--all", "--resume", "load")
	s.eventually("the load waits", 20*time.Second, func() error {
		if !strings.Contains(load.log.String(), "its schedule is paused") {
			return fmt.Errorf("it says %s", load.log)
		}
		return nil
	})
	if err := load.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	<-load.done
	s.fails(2, []string{"load is of a load that registers update of " + s.key}, "register", s.key, "insert", "--all",
		"--resume", "load")
	s.fails(2, []string{"--resume is for --all"}, "register", s.key, "update", "1", "--resume", "load")
	s.start("worker")
	s.must("resume", s.key)
	s.must("sync", s.key, "--wait")
	if out := s.must("register", s.key, "update", "--all", "--resume", "load"); out != "registered 2000\n" {
		t.Errorf("register says %q", out)
	}
	if _, err := os.Stat(filepath.Join(s.dir, "load")); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("the file of a load that is done is there: %v", err)
	}
	s.must("sync", s.key, "--wait")
	s.wantSame("SELECT count(*)::text FROM users", "SELECT toString(count()) FROM users_current")
}

// TestPartial: operations that can't be imported are set aside, the others are imported, and the status is 3.
func TestPartial(t *testing.T) {
	t.Parallel()
	s := setup(t, oneImport)
	s.exec(`INSERT INTO users VALUES (1, 'ann', NULL, 1.25, true, now(), NULL)`)
	s.must("apply")
	s.start("worker")
	s.must("register", s.key, "insert", "1", "abc")
	status, out, errOut := s.run("sync", s.key, "--wait")
	if status != 3 {
		t.Errorf("status %d, want 3: %s", status, errOut)
	}
	var result struct {
		Outcome                  string
		Operations, Rows, Failed int64
	}
	if err := json.Unmarshal([]byte(out), &result); err != nil {
		t.Fatalf("the result %q: %v", out, err)
	}
	if result.Outcome != "partial" || result.Operations != 2 || result.Rows != 1 || result.Failed != 1 {
		t.Errorf("the result is %+v", result)
	}
	if strings.Contains(out+errOut, "abc") {
		t.Errorf("the primary key is shown: %s%s", out, errOut)
	}
	if got := s.status(s.key); got.Failed != 1 || got.Pending != 0 || got.Totals.Failed != 1 {
		t.Errorf("the status is %+v, want one failed", got)
	}
	s.wantSame(usersInSource, usersInTarget)
	status, out, errOut = s.run("sync", s.key, "--wait")
	want := regexp.MustCompile(`(?m)^idle: nothing was left to sync; the run before, workflow ` +
		regexp.QuoteMeta(s.id(s.key)) +
		`\S*, began \S+ ago and ended partial: 2 operations in 1 batch became 1 row, 1 failed`)
	if status != 0 || !strings.Contains(out, `"outcome":"idle"`) || !want.MatchString(errOut) {
		t.Errorf("the next sync ends with %d and says %s%s, want idle and %s", status, out, errOut, want)
	}
}

// retried retries two failed operations and wants to know when they are synced, unless Temporal is slow to tell.
func (s *stack) retried(when string) {
	s.t.Helper()
	want := regexp.MustCompile(`^retried 2\n(?:` + when + `|its schedule is unknown: not told within )`)
	if out := s.must("failed", "retry", s.key); !want.MatchString(strings.TrimSuffix(out, "\n")) {
		s.t.Errorf("failed retry says %q, want %s", out, want)
	}
}

// TestFailed lists, retries and discards what could not be imported, and flushes the rest.
func TestFailed(t *testing.T) {
	t.Parallel()
	s := setup(t, oneImport)
	s.must("apply")
	s.start("worker")
	s.must("register", s.key, "insert", "abc", "de f")
	if status, _, errOut := s.run("sync", s.key, "--wait"); status != 3 {
		t.Fatalf("the sync ends with %d: %s", status, errOut)
	}
	out := s.must("failed", "list", s.key)
	wantLines(t, out, "database\tkind\tpk\treason\tattempts\tfirst\tlast", "default\tinsert\tabc\t",
		"default\tinsert\tde f\t")
	if n := strings.Count(out, "\n"); n != 3 {
		t.Errorf("failed list has %d lines, want 3:\n%s", n, out)
	}
	s.retried("the next sync begins at |a sync is running$") // Temporal may not know yet that the sync has ended
	if got := s.status(s.key); got.Pending != 2 || got.Failed != 0 {
		t.Errorf("after the retry the status is %+v", got)
	}
	if status, _, errOut := s.run("sync", s.key, "--wait"); status != 3 {
		t.Errorf("the second sync ends with %d: %s", status, errOut)
	}
	s.must("pause", s.key)
	s.retried("its schedule is paused: chferry resume " + s.key + "$")
	s.must("resume", s.key)
	if status, _, errOut := s.run("sync", s.key, "--wait"); status != 3 {
		t.Errorf("the third sync ends with %d: %s", status, errOut)
	}
	if out := s.must("failed", "discard", s.key); out != "discarded 2\n" {
		t.Errorf("failed discard says %q", out)
	}
	none := "no operation of " + s.key + " is set aside\n"
	if out := s.must("failed", "retry", s.key); out != "retried 0\n"+none {
		t.Errorf("without a failed operation failed retry says %q", out)
	}
	s.must("register", s.key, "update", "1")
	s.fails(2, []string{"--yes"}, "flush", s.key)
	if out := s.must("flush", s.key, "--yes"); out != "flushed "+s.key+"\n" {
		t.Errorf("flush says %q", out)
	}
	if got := s.status(s.key); got.Pending+got.Failed != 0 {
		t.Errorf("after the flush the status is %+v", got)
	}
}

// TestFailedReason: a row that ClickHouse refuses is listed with the reason, and retried once the table takes it.
func TestFailedReason(t *testing.T) {
	t.Parallel()
	s := setupOn(t, testenv.ModernClickHouse(t), oneImport)
	s.exec(`INSERT INTO users SELECT n, 'user ' || n, NULL, n, true, now(), NULL FROM generate_series(1, 9) n`)
	s.must("apply")
	s.start("worker")
	if err := s.target.Exec(t.Context(), "ALTER TABLE users ADD CONSTRAINT poor CHECK balance != 7"); err != nil {
		t.Fatal(err)
	}
	s.must("register", s.key, "insert", "1", "2", "3", "4", "5", "6", "7", "8", "9")
	if status, out, errOut := s.run("sync", s.key, "--wait"); status != 3 || !strings.Contains(out, `"rows":8,`) ||
		!strings.Contains(out, `"failed":1,`) {
		t.Errorf("the sync ends with %d: %s%s", status, out, errOut)
	}
	out := s.must("failed", "list", s.key)
	if n := strings.Count(out, "\n"); n != 2 ||
		!strings.Contains(out, ".users: ClickHouse refused with code 469 VIOLATED_CONSTRAINT: a constraint, ") {
		t.Errorf("failed list has %d lines, want 2:\n%s", n, out)
	}
	wantLines(t, out, "default\tinsert\t7\tinsert into ")
	if err := s.target.Exec(t.Context(), "ALTER TABLE users DROP CONSTRAINT poor"); err != nil {
		t.Fatal(err)
	}
	s.must("failed", "retry", s.key)
	s.must("sync", s.key, "--wait")
	s.wantSame(usersInSource, usersInTarget)
}

// TestSyncFails: a sync that gave up ends with 1 and one line that says why.
func TestSyncFails(t *testing.T) {
	t.Parallel()
	s := setup(t, oneImport)
	s.must("apply")
	s.start("worker")
	s.must("register", s.key, "update", "1")
	s.exec(`DROP TABLE users`)
	s.fails(2, []string{s.id(s.key), "has no table public.users"}, "sync", s.key, "--wait")
}
