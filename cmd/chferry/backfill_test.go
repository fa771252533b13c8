package main_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/chferry/chferry/internal/testenv"
)

// fill inserts n users.
func (s *stack) fill(n int) {
	s.t.Helper()
	s.exec(`INSERT INTO users SELECT n, 'user ' || n, NULL, n, true, now(), NULL FROM generate_series(1, $1) n`, n)
}

// backfilled is what `backfill --wait` prints where it is not on a terminal.
type backfilled struct {
	Outcome              string
	Rows, Failed, Ranges int64
	Seconds              float64
}

func (s *stack) backfilled(out string) (got backfilled) {
	s.t.Helper()
	if err := json.Unmarshal([]byte(out), &got); err != nil {
		s.t.Fatalf("the result %q: %v", out, err)
	}
	return got
}

// copying starts a backfill that copies a row a second, and waits until it has begun.
func (s *stack) copying() {
	s.t.Helper()
	s.must("backfill", s.key, "--rows-per-second", "1", "--parallel", "1")
	s.eventually("rows are copied", 30*time.Second, func() error {
		if got := s.backfillStatus(); got.Rows == 0 {
			return fmt.Errorf("the backfill is %+v", got)
		}
		return nil
	})
}

// backfillStatus is what `backfill --status --json` prints.
type backfillStatus struct {
	ImportKey  string `json:"import_key"`
	State      string
	WorkflowID string `json:"workflow_id"`
	Rows       int64
	Estimated  int64 `json:"estimated_rows"`
	Reason     string
}

func (s *stack) backfillStatus() (got backfillStatus) {
	s.t.Helper()
	if err := json.Unmarshal([]byte(s.must("backfill", s.key, "--status", "--json")), &got); err != nil {
		s.t.Fatal(err)
	}
	return got
}

func (p *process) says(s *stack, words string) {
	s.t.Helper()
	s.eventually("it says "+words, 30*time.Second, func() error {
		if log := p.log.String(); !strings.Contains(log, words) {
			return errors.New(log)
		}
		return nil
	})
}

// TestBackfill: the first load of a table. Who waits for it is told that there is no worker, and the result.
func TestBackfill(t *testing.T) {
	t.Parallel()
	s := setupOn(t, testenv.ModernClickHouse(t), oneImport)
	s.fill(5_000)
	s.fails(2, []string{"import key " + s.key + " has no schedule", "run chferry apply " + s.key}, "backfill", s.key)
	if out := s.must("backfill", s.key, "--status"); out != s.key+": there was no backfill: chferry backfill "+s.key+
		" starts one\n" {
		t.Errorf("before the first backfill --status says %q", out)
	}
	s.must("apply")
	waiting := s.start("backfill", s.key, "--wait")
	waiting.says(s, "waiting: no worker polls task queue \"")
	wantLines(t, s.must("backfill", s.key, "--status"), s.key+": running, nothing is read yet\n",
		s.key+": no worker polls task queue \"")
	s.start("worker")
	<-waiting.done
	if code := waiting.ProcessState.ExitCode(); code != 0 {
		t.Errorf("the first backfill ends with %d: %s", code, waiting.log)
	}
	s.wantSame(usersInSource, usersInTarget)
	if got := s.backfillStatus(); got.State != "copied" || got.Rows != 5_000 || got.ImportKey != s.key {
		t.Errorf("the status is %+v", got)
	}
	got := s.backfilled(s.must("backfill", s.key, "--where", "id > 4000", "--wait", "--parallel", "3"))
	if got.Outcome != "copied" || got.Rows != 1_000 || got.Ranges == 0 || got.Seconds <= 0 {
		t.Errorf("the result of a part is %+v", got)
	}
	out := s.must("backfill", s.key)
	want := regexp.MustCompile(`^started \S+:backfill:\S+: chferry backfill \S+ --status shows how far it is\n$`)
	if !want.MatchString(out) {
		t.Errorf("without --wait it says %q", out)
	}
}

// TestBackfillSteered: a backfill is paused, resumed and cancelled, and another start says that one runs.
func TestBackfillSteered(t *testing.T) {
	t.Parallel()
	s := setupOn(t, testenv.ModernClickHouse(t), oneImport)
	s.fill(1_000)
	s.must("apply")
	s.start("worker")
	for _, flag := range []string{"--pause", "--resume", "--cancel"} {
		s.fails(2, []string{":backfill:" + s.key + " does not run"}, "backfill", s.key, flag)
	}
	s.fails(2, []string{"no backfill of " + s.key + " runs"}, "backfill", s.key, "--status", "--wait")
	s.copying()
	s.fails(1, []string{" runs already (running, ", " rows (", "--status --wait", "--cancel"}, "backfill", s.key,
		"--where", "id < 7")
	joined := s.start("backfill", s.key, "--status", "--wait")
	joined.says(s, s.key+": ")
	if out := s.must("backfill", s.key, "--pause"); !strings.HasPrefix(out, "paused the backfill of "+s.key) {
		t.Errorf("--pause says %q", out)
	}
	joined.says(s, "paused: chferry backfill "+s.key+" --resume lets it go on\n")
	at := s.backfillStatus()
	if at.State != "paused" {
		t.Errorf("a paused backfill is %+v", at)
	}
	wantLines(t, s.must("status", s.key), s.key+": a backfill has copied ")
	wantLines(t, s.must("backfill", s.key, "--status"), s.key+": paused, ",
		s.key+": chferry backfill "+s.key+" --resume lets it go on")
	if out := s.must("backfill", s.key, "--resume"); out != "resumed the backfill of "+s.key+"\n" {
		t.Errorf("--resume says %q", out)
	}
	s.eventually("it goes on", 20*time.Second, func() error {
		if got := s.backfillStatus(); got.State != "running" || got.Rows <= at.Rows {
			return fmt.Errorf("the backfill is %+v", got)
		}
		return nil
	})
	left := s.start("backfill", s.key, "--status", "--wait")
	left.says(s, s.key+": ")
	left.stop(syscall.SIGINT)
	if log := left.log.String(); left.ProcessState.ExitCode() != 1 ||
		!strings.Contains(log, "chferry: stopped waiting: the backfill of "+s.key+" goes on: chferry backfill ") {
		t.Errorf("who stops waiting is told, with status %d: %s", left.ProcessState.ExitCode(), log)
	}
	s.must("backfill", s.key, "--cancel")
	<-joined.done
	if out := s.must("status", s.key); strings.Contains(out, "backfill") {
		t.Errorf("after the end of the backfill status says %s", out)
	}
	if log := joined.log.String(); joined.ProcessState.ExitCode() != 1 || !strings.Contains(log, "was cancelled") {
		t.Errorf("a cancelled backfill ends with %d: %s", joined.ProcessState.ExitCode(), log)
	}
	if got := s.backfillStatus(); got.State != "cancelled" || got.Rows >= 1_000 {
		t.Errorf("a cancelled backfill is %+v", got)
	}
}

// TestBackfillFails: a condition that the source refuses ends it with the reason, and the condition is shown nowhere.
func TestBackfillFails(t *testing.T) {
	t.Parallel()
	s := setupOn(t, testenv.ModernClickHouse(t), twoImports)
	lines := s.config()[strings.Index(s.config(), "  - {key: "+s.lines()):]
	s.edit(lines, "")
	s.fill(10)
	s.must("apply")
	worker := s.start("worker")
	why := []string{":backfill:" + s.key + " failed: PlanBackfill: the where for table ", "it names a column"}
	said := s.fails(2, why, "backfill", s.key, "--where", "nickname = 'hunter2'", "--wait")
	said += s.must("backfill", s.key, "--status") + worker.log.String()
	if strings.Contains(said, "hunter2") || strings.Contains(said, "nickname") {
		t.Errorf("the condition is shown: %s", said)
	}
	if got := s.backfillStatus(); got.State != "failed" || !strings.Contains(got.Reason, "it names a column") {
		t.Errorf("the status is %+v", got)
	}

	// The worker does not know the import key yet, which may pass.
	s.write("chferry.yaml", s.config()+lines)
	s.must("apply")
	waiting := s.start("backfill", s.lines(), "--wait")
	waiting.says(s, "PlanBackfill failed (attempt 1, it is made again): import key "+s.lines()+
		" is not in the configuration")
	wantLines(t, s.must("backfill", s.lines(), "--status"), s.lines()+": running, nothing is read yet\n",
		s.lines()+": PlanBackfill failed (attempt ")
	s.must("backfill", s.lines(), "--cancel")
}

// TestBackfillPartial: rows that ClickHouse refuses make the status 3.
func TestBackfillPartial(t *testing.T) {
	t.Parallel()
	s := setupOn(t, testenv.ModernClickHouse(t), oneImport)
	s.fill(9)
	s.must("apply")
	s.start("worker")
	if err := s.target.Exec(t.Context(), "ALTER TABLE users ADD CONSTRAINT poor CHECK balance != 7"); err != nil {
		t.Fatal(err)
	}
	status, out, errOut := s.run("backfill", s.key, "--wait")
	if got := s.backfilled(out); status != 3 || got.Outcome != "partial" || got.Rows != 8 || got.Failed != 1 {
		t.Errorf("status %d, the result is %+v: %s", status, got, errOut)
	}
	wantLines(t, s.must("backfill", s.key, "--status"), s.key+": partial, 8 rows, 1 failed\n",
		s.key+": a sync sets the rows that failed aside: chferry failed list "+s.key)
	if status, _, errOut := s.run("sync", s.key, "--wait"); status != 3 {
		t.Errorf("the sync ends with %d: %s", status, errOut)
	}
	if got := s.status(s.key); got.Failed != 1 {
		t.Errorf("the status is %+v", got)
	}
}
