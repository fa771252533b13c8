package starter_test

import (
	"testing"
	"time"

	"go.temporal.io/sdk/client"

	"github.com/chferry/chferry"
)

func TestPauseResumeDescribe(t *testing.T) {
	t.Parallel()
	f := open(t)
	f.apply(users())
	if got := f.describe("users"); got.Paused || got.Next.Before(time.Now()) ||
		got.Next.After(time.Now().Add(time.Hour)) || !got.Last.IsZero() || got.LastID != "" {
		t.Errorf("a new schedule is %+v, want a run within the hour", got)
	}
	if err := f.Pause(t.Context(), "users", "the database moves"); err != nil {
		t.Fatalf("Pause: %v", err)
	}
	if got := f.describe("users"); !got.Paused || got.Note != "the database moves" || !got.Next.IsZero() {
		t.Errorf("a paused schedule is %+v, want no next run", got)
	}
	if err := f.Resume(t.Context(), "users", "it has moved"); err != nil {
		t.Fatalf("Resume: %v", err)
	}
	if got := f.describe("users"); got.Paused || got.Note != "it has moved" || got.Next.IsZero() {
		t.Errorf("a resumed schedule is %+v, want a next run", got)
	}
}

// TestTriggerPaused: somebody who asks for a sync by hand gets one.
func TestTriggerPaused(t *testing.T) {
	t.Parallel()
	f := open(t)
	f.work(succeed)
	f.apply(users())
	if err := f.Pause(t.Context(), "users", "the database moves"); err != nil {
		t.Fatal(err)
	}
	if err := f.Trigger(t.Context(), "users"); err != nil {
		t.Fatalf("Trigger: %v", err)
	}
	eventually(t, "the sync has run", func() bool { return f.describe("users").LastID != "" })
	got := f.describe("users")
	if !got.Paused || time.Since(got.Last) > time.Minute || got.Last.After(time.Now().Add(time.Minute)) {
		t.Errorf("after the trigger the schedule is %+v, want paused, run now", got)
	}
	if err := f.Client().GetWorkflow(t.Context(), got.LastID, "").Get(t.Context(), nil); err != nil {
		t.Errorf("the sync: %v", err)
	}
}

func TestNoSchedule(t *testing.T) {
	t.Parallel()
	f := open(t)
	_, describeErr := f.Describe(t.Context(), "users")
	_, syncErr := f.Sync(t.Context(), "users", nil)
	for what, err := range map[string]error{
		"Trigger":  f.Trigger(t.Context(), "users"),
		"Nudge":    f.Nudge(t.Context(), "users"),
		"Pause":    f.Pause(t.Context(), "users", ""),
		"Resume":   f.Resume(t.Context(), "users", ""),
		"Describe": describeErr,
		"Sync":     syncErr,
	} {
		t.Run(what, func(t *testing.T) {
			t.Parallel()
			wantError(t, err, chferry.CodeConfiguration, "import key users has no schedule", "chferry apply")
		})
	}
}

// TestForeignSchedule takes over a schedule that somebody made by other means under our ID.
func TestForeignSchedule(t *testing.T) {
	t.Parallel()
	f := open(t)
	_, err := f.Client().ScheduleClient().Create(t.Context(), client.ScheduleOptions{
		ID:     f.id("users"),
		Spec:   client.ScheduleSpec{CronExpressions: []string{"0 4 * * *"}},
		Action: &client.ScheduleWorkflowAction{ID: "somebody", Workflow: "Else", TaskQueue: "else"},
	})
	if err != nil {
		t.Fatal(err)
	}
	f.wantChanges([]chferry.Import{users()}, f.change(
		"update", "users",
		"every 1h, was times set elsewhere; sync users: public.users into users, was none; workflow Sync, was Else; "+
			"workflow ID "+f.id("users")+", was somebody; task queue "+f.TaskQueue()+
			", was else; run timeout 38h, was none",
	))
	f.wantChanges([]chferry.Import{users()})
}
