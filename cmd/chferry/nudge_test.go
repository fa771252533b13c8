package main_test

import (
	"fmt"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/chferry/chferry/internal/testenv"
)

const nudgedImport = `
  - {key: NAME-users, table: public.users, primary_key: [id], destination: {table: users},
     schedule: {every: 1h}, sync_on_register: true}
`

// TestSyncOnRegister: what is registered is in ClickHouse, although the schedule does not tick.
func TestSyncOnRegister(t *testing.T) {
	t.Parallel()
	s := setup(t, nudgedImport)
	s.must("apply")
	s.start("worker")
	api := s.start("api")
	s.ready()
	for id := range 3 { // the first at once, the next when the interval is over
		s.exec(`INSERT INTO users VALUES ($1, 'ann', NULL, 1.25, true, now(), NULL)`, id)
		s.post(s.key, "insert", fmt.Sprint(id))
	}
	s.drained(s.key, 20*time.Second)
	s.wantSame(usersInSource, usersInTarget)

	s.exec(`UPDATE users SET name = 'bob' WHERE id = 1`)
	if out := s.must("register", s.key, "update", "1"); out != "registered 1\n" {
		t.Errorf("register says %q", out)
	}
	s.drained(s.key, 20*time.Second)
	s.wantSame(usersInSource, usersInTarget)

	s.must("pause", s.key)
	s.post(s.key, "update", "1")
	s.must("register", s.key, "update", "2")
	api.stop(syscall.SIGTERM) // every nudge was sent
	if code := api.ProcessState.ExitCode(); code != 0 || strings.Contains(api.log.String(), "level=WARN") {
		t.Errorf("the api ended with %d, its log is %s", code, api.log)
	}
	s.must("resume", s.key)
	if got := s.status(s.key); got.Pending != 2 || got.InFlight != 0 {
		t.Errorf("after the pause the status is %+v, want that nothing was synced", got)
	}
}

// TestSyncOnRegisterWithoutTemporal: registering needs Redis alone, and one warning says what waits.
func TestSyncOnRegisterWithoutTemporal(t *testing.T) {
	t.Parallel()
	s := setup(t, nudgedImport)
	s.edit(testenv.Temporal(t), freeAddress(t))
	api := s.start("api")
	s.eventually("the API is up", 20*time.Second, func() error {
		if status, text := s.request("GET", "/healthz", ""); status != 200 {
			return fmt.Errorf("status %d: %s", status, text)
		}
		return nil
	})
	for range 100 {
		s.post(s.key, "update", "1")
	}
	const warning = "nudges do not reach Temporal"
	s.eventually("a warning", 20*time.Second, func() error {
		if !strings.Contains(api.log.String(), warning) {
			return fmt.Errorf("the log is %s", api.log)
		}
		return nil
	})
	s.post(s.key, "update", "1")
	began := time.Now()
	api.stop(syscall.SIGTERM)
	if code, took := api.ProcessState.ExitCode(), time.Since(began); code != 0 || took > 5*time.Second ||
		strings.Count(api.log.String(), "level=WARN") != 1 {
		t.Errorf("the api ended with %d after %s, its log is %s", code, took, api.log)
	}
	status, out, errOut := s.run("register", s.key, "update", "1", "2")
	if status != 0 || out != "registered 2\n" || strings.Count(errOut, warning) != 1 || badError(status, errOut) != "" {
		t.Errorf("register ends with %d, says %q and\n%s", status, out, errOut)
	}
}
