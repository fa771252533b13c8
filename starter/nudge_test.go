package starter_test

import (
	"testing"

	"github.com/chferry/chferry"
)

// nudge nudges an import key three times.
func (f *fixture) nudge(key chferry.ImportKey) {
	f.t.Helper()
	for range 3 {
		if err := f.Nudge(f.t.Context(), key); err != nil {
			f.t.Fatalf("Nudge: %v", err)
		}
	}
}

// started waits until a schedule has started so many syncs, and all but running of them have ended.
func (f *fixture) started(key string, want, running int) {
	f.t.Helper()
	eventually(f.t, "the syncs have been started", func() bool {
		info := f.inTemporal(key).Info
		return info.NumActions == want && len(info.RunningWorkflows) == running
	})
}

func TestNudge(t *testing.T) {
	t.Parallel()
	f := open(t)
	f.work(succeed)
	f.apply(byHand())
	if err := f.Nudge(t.Context(), "countries"); err != nil {
		t.Fatal(err)
	}
	f.started("countries", 1, 0)
}

// TestNudgePaused starts nothing, neither now nor when the schedule is resumed.
func TestNudgePaused(t *testing.T) {
	t.Parallel()
	f := open(t)
	f.work(succeed)
	f.apply(users())
	if err := f.Pause(t.Context(), "users", "the database moves"); err != nil {
		t.Fatal(err)
	}
	f.nudge("users")
	if err := f.Resume(t.Context(), "users", "it has moved"); err != nil {
		t.Fatal(err)
	}
	if _, err := f.Sync(t.Context(), "users", nil); err != nil {
		t.Fatal(err)
	}
	if n := f.inTemporal("users").Info.NumActions; n != 1 {
		t.Errorf("the schedule has started %d syncs, want the one by hand", n)
	}
}

// TestNudgeWhileOneRuns: however often it is nudged, one more begins when the running one has ended.
func TestNudgeWhileOneRuns(t *testing.T) {
	t.Parallel()
	f := open(t)
	f.work(forRelease)
	f.apply(byHand())
	if err := f.Nudge(t.Context(), "countries"); err != nil {
		t.Fatal(err)
	}
	f.started("countries", 1, 1)
	f.nudge("countries")
	eventually(t, "one waits, others are skipped", func() bool { return f.inTemporal("countries").Info.NumActionsSkippedOverlap > 0 })
	f.release("countries")
	f.started("countries", 2, 1)
	f.release("countries")
	f.started("countries", 2, 0)
}
