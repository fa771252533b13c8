package main_test

import (
	"encoding/json"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/chferry/chferry/internal/testenv"
)

// verified is what `verify --wait` prints where it is not on a terminal.
type verified struct {
	Outcome                                                    string
	Rows, Missing, Stale, Surplus, Registered, Failed, Clamped int64
	Seconds                                                    float64
}

// verify waits for a verify that ends with a status, and returns its result without the seconds.
func (s *stack) verify(status int, flags ...string) (got verified) {
	s.t.Helper()
	code, out, errOut := s.run(append([]string{"verify", s.key, "--wait"}, flags...)...)
	if code != status {
		s.t.Fatalf("verify ends with %d, want %d: %s%s", code, status, out, errOut)
	}
	if err := json.Unmarshal([]byte(out), &got); err != nil {
		s.t.Fatalf("the result %q: %v", out, err)
	}
	if got.Seconds <= 0 {
		s.t.Errorf("the verify took %v seconds", got.Seconds)
	}
	got.Seconds = 0
	return got
}

// verifyStatus is what `verify --status --json` prints.
type verifyStatus struct {
	State                                  string
	Rows, Missing, Stale, Surplus, Clamped int64
	Reason                                 string
	NotCompared                            []string `json:"not_compared"`
	OneWay                                 bool     `json:"one_way"`
}

func (s *stack) verifyStatus() (got verifyStatus) {
	s.t.Helper()
	if err := json.Unmarshal([]byte(s.must("verify", s.key, "--status", "--json")), &got); err != nil {
		s.t.Fatal(err)
	}
	return got
}

// damage changes rows of the source and registers nothing.
func (s *stack) damage() {
	s.t.Helper()
	s.exec(`INSERT INTO users SELECT n, 'new', NULL, n, true, now(), NULL FROM generate_series(2001, 2002) n;
		UPDATE users SET name = 'changed' WHERE id = 7;
		DELETE FROM users WHERE id IN (1, 2, 2000)`)
}

// TestVerify: differences are counted, listed and repaired, and the exit status tells whether there are some.
func TestVerify(t *testing.T) {
	t.Parallel()
	s := setupOn(t, testenv.ModernClickHouse(t), oneImport)
	s.fill(2_000)
	s.fails(2, []string{"import key " + s.key + " has no schedule", "run chferry apply " + s.key}, "verify", s.key)
	s.fails(2, []string{"no verify of " + s.key + " has compared anything yet"}, "verify", s.key, "--list")
	if out := s.must("verify", s.key, "--status"); out != s.key+": there was no verify: chferry verify "+s.key+
		" starts one\n" {
		t.Errorf("before the first verify --status says %q", out)
	}
	s.must("apply")
	s.start("worker")
	s.must("backfill", s.key, "--wait")
	if got, want := s.verify(0), (verified{Outcome: "equal", Rows: 2_000}); got != want {
		t.Errorf("the first result is %+v, want %+v", got, want)
	}
	const header = "database\tdifference\tpk\n"
	if out := s.must("verify", s.key, "--list"); out != header {
		t.Errorf("of equal tables --list prints %q", out)
	}
	s.damage()
	want := verified{Outcome: "different", Rows: 1_999, Missing: 2, Stale: 1, Surplus: 3}
	if got := s.verify(3); got != want {
		t.Errorf("the result is %+v, want %+v", got, want)
	}
	lines := strings.Split(strings.TrimSuffix(s.must("verify", s.key, "--list"), "\n"), "\n")
	slices.Sort(lines[1:])
	if got := strings.Join(lines, "\n"); got != header+"default\tmissing\t2001\ndefault\tmissing\t2002\n"+
		"default\tstale\t7\ndefault\tsurplus\t1\ndefault\tsurplus\t2\ndefault\tsurplus\t2000" {
		t.Errorf("--list prints\n%s", got)
	}
	wantLines(t, s.must("verify", s.key, "--status"),
		s.key+": different, 1,999 rows: 2 missing, 1 stale, 3 surplus\n", s.key+": workflow ", s.key+": ended ",
		s.key+": chferry verify "+s.key+" --list names the rows that differ\n",
		s.key+": chferry verify "+s.key+" --repair has them synced\n")
	want.Outcome, want.Registered = "repaired", 6
	if got := s.verify(3, "--repair", "--parallel", "1"); got != want {
		t.Errorf("the result with --repair is %+v, want %+v", got, want)
	}
	s.must("sync", s.key, "--wait")
	s.wantSame(usersInSource, usersInTarget)
	if got, want := s.verify(0), (verified{Outcome: "equal", Rows: 1_999}); got != want {
		t.Errorf("the result after the repair is %+v, want %+v", got, want)
	}
	out := s.must("verify", s.key)
	started := regexp.MustCompile(`^started \S+:verify:\S+: chferry verify \S+ --status shows how far it is\n$`)
	if !started.MatchString(out) {
		t.Errorf("without --wait it says %q", out)
	}
}

// TestVerifyLeavesOut: what a verify does not compare is told. Keys are listed in one form whatever they hold.
func TestVerifyLeavesOut(t *testing.T) {
	t.Parallel()
	s := setupOn(t, testenv.ModernClickHouse(t), `
  - {key: NAME-users, table: odd, schedule: {every: 1h}, columns: {exclude: [password, notes]}}
`)
	s.exec(`CREATE TABLE odd (a text, b text, password text, notes text, PRIMARY KEY (a, b));
		INSERT INTO odd VALUES ('1', E'tab\there', 'p', 'n')`)
	s.must("apply")
	s.start("worker")
	got := s.verify(3, "--where", "a = '1' AND password <> 'hunter2'")
	if want := (verified{Outcome: "different", Rows: 1, Missing: 1}); got != want {
		t.Errorf("the result is %+v, want %+v", got, want)
	}
	if out := s.must("verify", s.key, "--list"); out != "database\tdifference\tpk\n"+
		"default\tmissing\t[\"1\",\"tab\\there\"]\n" {
		t.Errorf("--list prints %q", out)
	}
	var listed []struct {
		Database, Difference string
		PK                   []string
	}
	if err := json.Unmarshal([]byte(s.must("verify", s.key, "--list", "--json")), &listed); err != nil ||
		len(listed) != 1 || listed[0].Difference != "missing" || listed[0].PK[1] != "tab\there" {
		t.Errorf("--list --json gives %+v, %v", listed, err)
	}
	status := s.verifyStatus()
	if !status.OneWay || !slices.Equal(status.NotCompared, []string{"password", "notes"}) || status.Missing != 1 {
		t.Errorf("the status is %+v", status)
	}
	out := s.must("verify", s.key, "--status")
	wantLines(t, out, s.key+": not compared, as they are not synced: columns password, notes\n",
		s.key+": not looked for: rows that only ClickHouse has\n")
	if strings.Contains(out, "hunter2") {
		t.Errorf("the condition is shown: %s", out)
	}
}

// TestVerifySteered: a second start says that one runs, and a verify that is cancelled ends as cancelled.
func TestVerifySteered(t *testing.T) {
	t.Parallel()
	s := setupOn(t, testenv.ModernClickHouse(t), oneImport)
	s.fill(10)
	s.must("apply")
	s.fails(2, []string{":verify:" + s.key + " does not run"}, "verify", s.key, "--cancel")
	s.fails(2, []string{"no verify of " + s.key + " runs"}, "verify", s.key, "--status", "--wait")
	s.must("verify", s.key) // no worker takes it
	running := ":verify:" + s.key + " runs already (running, nothing is read yet)"
	s.fails(1, []string{running, "--status --wait", "--cancel"}, "verify", s.key, "--repair")
	joined := s.start("verify", s.key, "--status", "--wait")
	joined.says(s, "waiting: no worker polls task queue \"")
	s.must("verify", s.key, "--cancel")
	s.start("worker")
	<-joined.done
	if log := joined.log.String(); joined.ProcessState.ExitCode() != 1 || !strings.Contains(log, "was cancelled") {
		t.Errorf("a cancelled verify ends with %d: %s", joined.ProcessState.ExitCode(), log)
	}
	s.eventually("it is cancelled", 20*time.Second, func() error {
		if got := s.verifyStatus(); got.State != "cancelled" {
			return fmt.Errorf("the verify is %+v", got)
		}
		return nil
	})
	// A condition that the source refuses fails it, and is shown nowhere.
	said := s.fails(2, []string{":verify:" + s.key + " failed: PlanVerify: the where for table "}, "verify", s.key,
		"--where", "nickname = 'hunter2'", "--wait")
	if said += s.must("verify", s.key, "--status"); strings.Contains(said, "hunter2") ||
		strings.Contains(said, "nickname") {
		t.Errorf("the condition is shown: %s", said)
	}
	if got := s.verifyStatus(); got.State != "failed" || got.Reason == "" {
		t.Errorf("the status is %+v", got)
	}
}
