package main_test

import (
	"encoding/json"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/chferry/chferry/internal/testenv"
)

// TestStatusWithoutTemporal: what is queued can be seen, and registered, while Temporal is down.
func TestStatusWithoutTemporal(t *testing.T) {
	t.Parallel()
	s := setup(t, twoImports)
	s.edit(`address: "`+testenv.Temporal(t), `address: "`+freeAddress(t))
	s.must("register", s.key, "update", "1", "2")
	if got := s.status(s.key); got.Pending != 2 || got.Schedule != nil {
		t.Errorf("the status is %+v, want 2 pending and no schedule", got)
	}
	problem := "schedule: not told within 1s: Temporal at "
	if out := s.must("status", s.key); !strings.Contains(out, "unknown") || !strings.Contains(out, s.key+": "+problem) {
		t.Errorf("the status is %s, want an unknown schedule and why", out)
	}
	if out := s.must("status"); strings.Count(out, "schedules are unknown: not told within 1s: ") != 1 ||
		strings.Contains(out, problem) {
		t.Errorf("the status is %s, want the reason told once", out)
	}
	if out := s.must("status", s.key, "--json"); !strings.Contains(out,
		`"schedule_problem": "not told within 1s: Temporal at `) {
		t.Errorf("the status is %s, want to know why there is no schedule", out)
	}
}

func TestPauseResumeStatus(t *testing.T) {
	t.Parallel()
	s := setup(t, twoImports)
	if got := s.status(s.key); got.Schedule != nil {
		t.Errorf("before apply the schedule is %+v", got.Schedule)
	}
	s.must("apply")
	if out := s.must("pause", s.key, "--note", "the database moves"); out != "paused "+s.key+"\n" {
		t.Errorf("pause says %q", out)
	}
	s.wantSchedule(s.key, schedule{Spec: "every 1h", Paused: true, Note: "the database moves"})
	s.must("register", s.key, "update", "1", "2", "3")
	var out string
	s.eventually("the status has the schedules", 20*time.Second, func() error {
		if out = s.must("status"); strings.Contains(out, "unknown") {
			return errors.New(out)
		}
		return nil
	})
	wantLines(t, out, "IMPORT KEY", s.key, s.lines())
	for line := range strings.Lines(out) {
		fields := strings.Fields(line)
		switch fields[0] {
		case s.key:
			if fields[1] != "3" || !strings.Contains(line, "every 1h (paused: the database moves)") ||
				!strings.Contains(line, "never") {
				t.Errorf("the paused key's line is %s", line)
			}
		case s.lines():
			if fields[1] != "0" || !strings.Contains(line, "cron 0 4 * * * ") || !strings.Contains(line, "T04:00:00Z") {
				t.Errorf("the other key's line is %s", line)
			}
		}
	}
	if one := s.must("status", s.lines()); strings.Contains(one, s.key) || strings.Count(one, "\n") != 2 {
		t.Errorf("status of one key says %s", one)
	}
	var list []status
	if err := json.Unmarshal([]byte(s.must("status", "--json")), &list); err != nil || len(list) != 2 ||
		list[0].Pending != 3 {
		t.Errorf("status --json: %+v, %v, want a list of two", list, err)
	}
	if out := s.must("resume", s.key); out != "resumed "+s.key+"\n" {
		t.Errorf("resume says %q", out)
	}
	s.wantSchedule(s.key, schedule{Spec: "every 1h", Note: "resumed with chferry resume"})
}

// wantSchedule asks until Temporal has told the schedule: status waits a second for that and no longer.
func (s *stack) wantSchedule(key string, want schedule) {
	s.t.Helper()
	var got *schedule
	s.eventually("the status has the schedule", 20*time.Second, func() error {
		if got = s.status(key).Schedule; got == nil {
			return errors.New("it has none")
		}
		return nil
	})
	if *got != want {
		s.t.Errorf("the schedule of %s is %+v, want %+v", key, *got, want)
	}
}
