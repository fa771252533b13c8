package main_test

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"go.temporal.io/sdk/client"

	"github.com/chferry/chferry/internal/testenv"
)

// TestCheckChangesNothing: check and a dry run say what apply would create, and create nothing;
// apply creates just that.
func TestCheckChangesNothing(t *testing.T) {
	t.Parallel()
	s := setup(t, twoImports)
	for range 2 {
		out := s.must("check")
		wantLines(t, out, "ok    Redis", "ok    Temporal", "ok    ClickHouse", "ok    database default",
			"ok    import "+s.key, "      apply would create table test_", "      apply would create view test_",
			"      apply would create schedule "+s.id(s.key)+" (every 1h)",
			"      apply would create schedule "+s.id(s.lines())+" (cron 0 4 * * *)")
		out = s.must("apply", "--dry-run")
		wantLines(t, out, "would create table test_", "would create view test_",
			"would create schedule "+s.id(s.key)+": every 1h")
	}
	if got := s.tables(); len(got) > 0 {
		t.Errorf("ClickHouse has %v now", got)
	}
	s.fails(2, []string{"import key " + s.key + " has no schedule", "run chferry apply"}, "sync", s.key)

	wantLines(t, s.must("apply"), "create table test_", "create view test_",
		"create schedule "+s.id(s.key)+": every 1h")
	if got := s.tables(); len(got) != 4 {
		t.Errorf("ClickHouse has %v, want two tables and two views", got)
	}
	if out := s.must("apply", "--dry-run"); out != "nothing to change\n" {
		t.Errorf("a dry run after apply says %q", out)
	}
	if out := s.must("check"); strings.Contains(out, "would") {
		t.Errorf("check after apply says %s", out)
	}
}

func (s *stack) tables() []string {
	s.t.Helper()
	rows, err := s.target.Query(s.t.Context(), "SELECT name FROM system.tables WHERE database = currentDatabase()")
	if err != nil {
		s.t.Fatal(err)
	}
	defer func() { _ = rows.Close() }()
	var names []string
	for rows.Next() {
		var name string
		if err := rows.Scan(&name); err != nil {
			s.t.Fatal(err)
		}
		names = append(names, name)
	}
	if err := rows.Err(); err != nil {
		s.t.Fatal(err)
	}
	return names
}

// TestOneUnreachable takes one server away at a time: check names that one and looks at the others all the same.
func TestOneUnreachable(t *testing.T) {
	t.Parallel()
	s := setup(t, oneImport)
	s.must("apply")
	text, err := os.ReadFile(filepath.Join(s.dir, "chferry.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	closed := freeAddress(t)
	for what, url := range map[string]string{
		"Redis":            `redis: \{url: "redis://([^/"]+)`,
		"Temporal":         `temporal: \{address: "([^"]+)`,
		"ClickHouse":       `clickhouse: \{url: "clickhouse://(?:[^@"]*@)?([^/"]+)`,
		"database default": `default: \{url: "postgres://(?:[^@"]*@)?([^/"]+)`,
	} {
		t.Run(what, func(t *testing.T) {
			t.Parallel()
			one := *s
			one.t, one.dir = t, t.TempDir()
			at := regexp.MustCompile(url).FindSubmatchIndex(text)
			if at == nil {
				t.Fatalf("the configuration lacks %s", url)
			}
			one.write("chferry.yaml", string(text[:at[2]])+closed+string(text[at[3]:]))
			out := one.fails(1, []string{closed, "does not answer"}, "check")
			wantLines(t, out, "FAIL  "+what+": ")
			if n := strings.Count(out, "FAIL"); n != 1 {
				t.Errorf("%d checks failed, want 1:\n%s", n, out)
			}
			one.fails(1, []string{closed, "does not answer"}, "apply")
		})
	}
}

func TestMissingSourceTable(t *testing.T) {
	t.Parallel()
	s := setup(t, strings.Replace(oneImport, "public.users", "public.usres", 1))
	wantLines(t, s.fails(2, []string{`database "default" has no table public.usres`, "check imports.table"}, "check"),
		"ok    Redis", "FAIL  import "+s.key+": ")
	s.fails(2, []string{"has no table public.usres"}, "apply")
	s.fails(2, []string{"has no table public.usres"}, "register", s.key, "update", "--all")
	if got := s.tables(); len(got) > 0 {
		t.Errorf("after apply failed ClickHouse has %v", got)
	}
	s.fails(2, []string{"has no schedule"}, "pause", s.key)
}

// TestMisfittingColumn: a destination that exists and does not fit is named with its column, before
// anything is claimed.
func TestMisfittingColumn(t *testing.T) {
	t.Parallel()
	s := setup(t, oneImport)
	s.must("apply")
	s.start("worker")
	s.must("register", s.key, "update", "1")
	s.retype("name", "UInt8")
	words := []string{"users", "name"}
	wantLines(t, s.fails(1, words, "check"), "FAIL  import "+s.key+": ")
	s.fails(1, words, "apply")
	s.fails(1, words, "sync", s.key, "--wait")
	const told = `column "name" is `
	out := s.fails(1, words, "check")
	wantLines(t, out, "FAIL  import "+s.key+": ", "      apply would leave this import and its schedule as they are\n")
	if strings.Count(out, told) != 2 || !strings.Contains(out, "s ago: GetOperations for this (failing since ") {
		t.Errorf("check does not tell the problem once on each of its outputs:\n%s", out)
	}
	if out := s.must("status"); strings.Count(out, told) != 1 {
		t.Errorf("status does not tell the problem once:\n%s", out)
	}
	if got := s.status(s.key); got.Pending != 1 || got.InFlight != 0 {
		t.Errorf("after the sync that failed the status is %+v, want the operation pending", got)
	}
	s.retype("name", "String")
	if out := s.must("check"); !strings.Contains(out, "attempt); check finds nothing of it any more\n") {
		t.Errorf("of a mended table check says:\n%s", out)
	}
	s.must("pause", s.key)
	last := regexp.MustCompile(`(?m)^` + s.key + `: last failed \S+ ago: .*, 1 attempt\); nothing ` +
		`has been tried since: its schedule is paused: chferry resume ` + s.key + `$`)
	s.eventually("status tells the last failure of a paused import", 20*time.Second, func() error {
		if out := s.must("status"); !last.MatchString(out) {
			return errors.New(out)
		}
		return nil
	})
	s.must("resume", s.key)
	if out := s.must("sync", s.key, "--wait"); !strings.Contains(out, `"deletes":1`) {
		t.Errorf("the sync of the mended table says %s", out)
	}
}

// retype changes the type of a column of the table users.
func (s *stack) retype(column, to string) {
	s.t.Helper()
	if err := s.target.Exec(s.t.Context(),
		fmt.Sprintf("ALTER TABLE users MODIFY COLUMN %s %s", column, to)); err != nil {
		s.t.Fatal(err)
	}
}

// TestRemovedKey: apply pauses the schedule of a key that the configuration lost, and says so once.
// With --prune it deletes it.
func TestRemovedKey(t *testing.T) {
	t.Parallel()
	s := setup(t, twoImports)
	s.must("apply")
	c, err := client.Dial(client.Options{HostPort: testenv.Temporal(t)})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	s.eventually("Temporal lists the schedules", 20*time.Second, func() error { return listed(t, c, s.id(s.lines())) })
	text := s.config()
	s.write("chferry.yaml", text[:strings.Index(text, "\n  - {key: "+s.lines())]+"\n")
	want := "pause schedule " + s.id(s.lines()) + ": its import key is not in the configuration any more\n"
	if out := s.must("apply"); out != want {
		t.Errorf("apply says %q, want %q", out, want)
	}
	if out := s.must("apply"); out != "nothing to change\n" {
		t.Errorf("the second apply says %q", out)
	}
	want = "delete schedule " + s.id(s.lines()) + ": its import key is not in the configuration any more\n"
	if out := s.must("apply", "--prune", "--dry-run"); out != "would "+want {
		t.Errorf("apply --prune --dry-run says %q, want %q", out, "would "+want)
	}
	if out := s.must("apply", "--prune"); out != want {
		t.Errorf("apply --prune says %q, want %q", out, want)
	}
	if out := s.must("apply", "--prune"); out != "nothing to change\n" {
		t.Errorf("the second apply --prune says %q", out)
	}
}

func listed(t *testing.T, c client.Client, id string) error {
	t.Helper()
	list, err := c.ScheduleClient().List(t.Context(), client.ScheduleListOptions{})
	if err != nil {
		return err
	}
	for list.HasNext() {
		if entry, err := list.Next(); err != nil || entry.ID == id {
			return err
		}
	}
	return fmt.Errorf("no schedule %s", id)
}

// TestColumnsThatDiffer: check and status tell of a new column, syncs go on without it, apply adds
// it; a column that was dropped is told, and one that the configuration names and nobody has is a
// mistake.
func TestColumnsThatDiffer(t *testing.T) {
	t.Parallel()
	s := setup(t, oneImport)
	s.must("apply")
	s.start("worker")
	s.exec(`ALTER TABLE users ADD COLUMN surname text NOT NULL DEFAULT 'Doe'`)
	s.exec(`INSERT INTO users VALUES (1, 'Jo', NULL, 1, true, now(), NULL)`)
	later := "rows that are there already have its default until they are copied again: chferry backfill " + s.key
	s.must("register", s.key, "insert", "1")
	wantLines(t, s.must("check"), "ok    import "+s.key, "      apply would create column test_",
		"      until then it is not synced; "+later,
		"      apply would create view test_")
	s.must("sync", s.key, "--wait")
	absent := `column "surname" is not in ClickHouse's table users: chferry apply adds it`
	wantLines(t, s.must("status"), "IMPORT KEY", s.key, s.key+": schema: "+absent)
	if got := s.status(s.key); len(got.Schema) != 1 || got.Schema[0] != absent {
		t.Errorf("status --json has the schema %q, want %q", got.Schema, absent)
	}
	out := s.must("apply")
	if wantLines(t, out, "create column test_", "create view test_"); !strings.Contains(out, "users.surname: "+later) {
		t.Errorf("apply says %s", out)
	}
	if out := s.must("status"); strings.Contains(out, "surname") {
		t.Errorf("after apply status says %s", out)
	}
	s.must("register", s.key, "update", "1")
	s.must("sync", s.key, "--wait")
	var surname string
	if err := s.target.QueryRow(t.Context(), "SELECT surname FROM users_current").Scan(&surname); err != nil ||
		surname != "Doe" {
		t.Errorf("got surname %q, %v", surname, err)
	}

	s.exec(`ALTER TABLE users DROP COLUMN surname`)
	wantLines(t, s.must("check"),
		`      column "surname" of ClickHouse's table users is not in the source: rows that are synced get its default`)
	s.edit("schedule:", "columns: {exclude: [surname]}, schedule:")
	s.fails(2, []string{`no column "surname", which columns.exclude names`}, "check")
	s.fails(2, []string{`no column "surname", which columns.exclude names`}, "apply")
}
