package workflows_test

import (
	"cmp"
	"context"
	"errors"
	"maps"
	"strings"
	"testing"
	"time"

	"go.temporal.io/sdk/activity"
	"go.temporal.io/sdk/converter"
	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/testsuite"
	"go.temporal.io/sdk/workflow"

	"github.com/chferry/chferry"
	"github.com/chferry/chferry/activities"
	"github.com/chferry/chferry/workflows"
)

// steps are activities that a test scripts; what is nil succeeds. They exist to reach ends that
// real servers rarely give; the others are tested against real ones in package worker.
type steps struct {
	pending     int64
	batch       int64 // operations a batch; 0: 10
	unfit       int64 // operations of each batch that can't be imported
	away        int64 // operations whose database does not answer
	limits      activities.PreSyncResult
	preSync     func() error
	insert      func() error
	postSync    func() error
	compensated int
	last        bool // what the last PostSync was told
}

func (s *steps) PreSync(context.Context, activities.PreSyncInput) (activities.PreSyncResult, error) {
	if s.preSync != nil {
		if err := s.preSync(); err != nil {
			return activities.PreSyncResult{}, err
		}
	}
	done := s.limits
	done.Claimed, done.Operations = s.pending > 0, s.pending
	return done, nil
}

func (s *steps) GetOperations(context.Context, activities.GetOperationsInput) (activities.Ticket, error) {
	return activities.Ticket{
		Batch: "1", Operations: int(min(s.pending, cmp.Or(s.batch, 10))), Version: 1,
		ChunkSize: 10,
	}, nil
}

func (s *steps) InsertBatch(_ context.Context, in activities.InsertBatchInput) (activities.InsertBatchResult, error) {
	if s.insert != nil {
		if err := s.insert(); err != nil {
			return activities.InsertBatchResult{}, err
		}
	}
	n := int64(in.Ticket.Operations)
	done := activities.InsertBatchResult{Counts: activities.Counts{Operations: n, Rows: n - s.unfit, Failed: s.unfit}}
	if s.unfit > 0 {
		done.Reason = "a column can't hold it"
	}
	if s.away > 0 {
		done.PutBack, done.Reason = min(n, s.away), "a database is away"
		done.Rows, done.Coalesced = n-done.PutBack, done.PutBack
	}
	return done, nil
}

func (s *steps) PostSync(_ context.Context, in activities.PostSyncInput) (activities.PostSyncResult, error) {
	if s.postSync != nil {
		if err := s.postSync(); err != nil {
			return activities.PostSyncResult{}, err
		}
	}
	s.pending -= in.Counts.Operations - min(s.away, in.Counts.Operations)
	s.last = in.Last
	return activities.PostSyncResult{Remaining: s.pending}, nil
}

func (s *steps) PostSyncFailed(context.Context, activities.PostSyncFailedInput) error {
	s.compensated++
	return nil
}

func run(t *testing.T, s *steps, in workflows.SyncInput,
	prepare ...func(*testsuite.TestWorkflowEnvironment),
) *testsuite.TestWorkflowEnvironment {
	t.Helper()
	var suite testsuite.WorkflowTestSuite
	env := suite.NewTestWorkflowEnvironment()
	env.RegisterWorkflowWithOptions(workflows.Sync, workflow.RegisterOptions{Name: workflows.SyncName})
	for name, step := range map[string]any{
		"PreSync": s.PreSync, "GetOperations": s.GetOperations, "InsertBatch": s.InsertBatch,
		"PostSync": s.PostSync, "PostSyncFailed": s.PostSyncFailed,
	} {
		env.RegisterActivityWithOptions(step, activity.RegisterOptions{Name: name})
	}
	for _, p := range prepare {
		p(env)
	}
	env.ExecuteWorkflow(workflows.SyncName, in)
	if !env.IsWorkflowCompleted() {
		t.Fatal("the workflow did not end")
	}
	return env
}

func result(t *testing.T, env *testsuite.TestWorkflowEnvironment) workflows.SyncResult {
	t.Helper()
	var got workflows.SyncResult
	if err := env.GetWorkflowResult(&got); err != nil {
		t.Fatal(err)
	}
	got.Seconds = 0
	return got
}

func permanent(code chferry.Code) error {
	return temporal.NewNonRetryableApplicationError("to be mended", string(code), nil)
}

func TestDrains(t *testing.T) {
	t.Parallel()
	got := result(t, run(t, &steps{pending: 25}, workflows.SyncInput{ImportKey: "k"}))
	if want := (workflows.SyncResult{Outcome: "synced", Batches: 3, Operations: 25, Rows: 25}); got != want {
		t.Errorf("got %+v, want %+v", got, want)
	}
}

// TestStopsAtLimit: a run ends when it has done as much as one may, says so, and gives its claim
// back with the last batch.
func TestStopsAtLimit(t *testing.T) {
	t.Parallel()
	drained := workflows.SyncResult{Outcome: "synced", Batches: 3, Operations: 25, Rows: 25}
	tests := map[string]struct {
		limits activities.PreSyncResult
		ago    time.Duration // when the chain of runs began
		want   workflows.SyncResult
	}{
		"batches": {
			activities.PreSyncResult{MaxBatches: 2},
			0,
			workflows.SyncResult{
				Outcome: "synced", Batches: 2, Operations: 20, Rows: 20, Remaining: 5,
				Limit: "max_batches",
			},
		},
		"duration": {
			activities.PreSyncResult{MaxDuration: 60},
			time.Hour,
			workflows.SyncResult{
				Outcome: "synced", Batches: 1, Operations: 10, Rows: 10, Remaining: 15,
				Limit: "max_duration",
			},
		},
		"both":                 {activities.PreSyncResult{MaxBatches: 3, MaxDuration: 4000}, time.Hour, drained},
		"no duration":          {activities.PreSyncResult{MaxBatches: 100}, time.Hour, drained},
		"with the last batch":  {activities.PreSyncResult{MaxBatches: 3}, 0, drained},
		"an older worker's":    {activities.PreSyncResult{}, 0, drained},
		"duration not reached": {activities.PreSyncResult{MaxDuration: 3700}, time.Hour, drained},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := &steps{pending: 25, limits: test.limits}
			began := workflows.SyncProgress{Began: time.Now().Add(-test.ago)}
			got := result(t, run(t, s, workflows.SyncInput{ImportKey: "k", Progress: &began}))
			if got != test.want {
				t.Errorf("got %+v, want %+v", got, test.want)
			}
			if wantLast := test.want.Limit != "" || name == "with the last batch" ||
				name == "both"; s.last != wantLast {
				t.Errorf("the last PostSync was told %t, want %t", s.last, wantLast)
			}
		})
	}
}

// TestLimitsReachSteps: what PreSync tells is what the other steps are bounded by.
func TestLimitsReachSteps(t *testing.T) {
	t.Parallel()
	s := &steps{pending: 5, limits: activities.PreSyncResult{RetryFor: 120, HeartbeatTimeout: 5, InsertTimeout: 1800}}
	got := map[string][3]time.Duration{}
	run(t, s, workflows.SyncInput{ImportKey: "k"}, func(env *testsuite.TestWorkflowEnvironment) {
		env.SetOnActivityStartedListener(func(info *activity.Info, _ context.Context, _ converter.EncodedValues) {
			got[info.ActivityType.Name] = [3]time.Duration{
				info.StartToCloseTimeout, info.ScheduleToCloseTimeout, info.HeartbeatTimeout,
			}
		})
	})
	want := map[string][3]time.Duration{
		"GetOperations": {5 * time.Minute, 4*time.Hour + 12*time.Minute, 5 * time.Second},
		"InsertBatch":   {30*time.Minute + activities.LongestTurn, 5*time.Hour + 3*time.Minute, 5 * time.Second},
		"PostSync":      {10 * time.Second, 4*time.Hour + 140*time.Second, 0},
	}
	if !maps.Equal(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
}

func TestContinuesAsNew(t *testing.T) {
	t.Parallel()
	s := &steps{pending: 25}
	env := run(t, s, workflows.SyncInput{ImportKey: "k"}, func(env *testsuite.TestWorkflowEnvironment) {
		env.SetContinueAsNewSuggested(true)
	})
	var again *workflow.ContinueAsNewError
	if !errors.As(env.GetWorkflowError(), &again) || s.compensated > 0 {
		t.Fatalf("got %v with %d compensations, want a continuation", env.GetWorkflowError(), s.compensated)
	}
	// What was done before counts in the end.
	got := result(t, run(t, s, workflows.SyncInput{ImportKey: "k", Progress: &workflows.SyncProgress{
		Batches: 1, Counts: chferry.Counts{Operations: 10, Rows: 9, Failed: 1},
	}}))
	if want := (workflows.SyncResult{
		Outcome: "partial", Batches: 3, Operations: 25, Rows: 24, Failed: 1,
	}); got != want {
		t.Errorf("got %+v, want %+v", got, want)
	}
}

func TestPermanentFailure(t *testing.T) {
	t.Parallel()
	s := &steps{pending: 5, insert: func() error { return permanent(chferry.CodeSchemaMismatch) }}
	env := run(t, s, workflows.SyncInput{ImportKey: "k"})
	var app *temporal.ApplicationError
	if !errors.As(env.GetWorkflowError(), &app) || app.Type() != "SchemaMismatch" ||
		app.Message() != "InsertBatch: to be mended" {
		t.Errorf("got %v", env.GetWorkflowError())
	}
	if s.compensated != 1 {
		t.Errorf("compensated %d times, want once", s.compensated)
	}
}

// TestGivesUp: what does not pass ends the run, so that none hangs for ever.
func TestGivesUp(t *testing.T) {
	t.Parallel()
	attempts := 0
	s := &steps{pending: 5, postSync: func() error {
		attempts++
		return temporal.NewApplicationError("redis is away", string(chferry.CodeUnavailable))
	}}
	env := run(t, s, workflows.SyncInput{ImportKey: "k"})
	if err := env.GetWorkflowError(); err == nil || !strings.Contains(err.Error(), "redis is away") {
		t.Errorf("got %v, want the last error", err)
	}
	if attempts < 10 || s.compensated != 1 {
		t.Errorf("%d attempts and %d compensations", attempts, s.compensated)
	}
}

// TestRetriesUntilFinal: retries go on as long as the activity lets them, and its last word is the run's.
func TestRetriesUntilFinal(t *testing.T) {
	t.Parallel()
	attempts := 0
	s := &steps{pending: 5, insert: func() error {
		if attempts++; attempts < 9 { // the environment of the tests allows 10
			return temporal.NewApplicationError("too many parts", string(chferry.CodeUnavailable))
		}
		return temporal.NewNonRetryableApplicationError("too many parts (it went on failing)",
			string(chferry.CodeUnavailable), nil)
	}}
	env := run(t, s, workflows.SyncInput{ImportKey: "k"})
	var app *temporal.ApplicationError
	if !errors.As(env.GetWorkflowError(), &app) || app.Type() != "Unavailable" ||
		app.Message() != "InsertBatch: too many parts (it went on failing)" {
		t.Errorf("got %v", env.GetWorkflowError())
	}
	if attempts != 9 || s.compensated != 1 {
		t.Errorf("%d attempts and %d compensations, want 9 and 1", attempts, s.compensated)
	}
}

// TestHandOver: a worker that stops has the next attempt begin at once, however long the backoff has grown.
func TestHandOver(t *testing.T) {
	t.Parallel()
	attempts := 0
	var began, handedOver time.Time
	var env *testsuite.TestWorkflowEnvironment
	s := &steps{pending: 5, insert: func() error {
		switch attempts++; {
		case attempts < 8:
			return temporal.NewApplicationError("away", string(chferry.CodeUnavailable))
		case attempts == 8:
			began = env.Now()
			return temporal.NewApplicationErrorWithOptions("the worker is stopping", string(chferry.CodeUnavailable),
				temporal.ApplicationErrorOptions{NextRetryDelay: time.Millisecond})
		default:
			handedOver = env.Now()
			return nil
		}
	}}
	got := result(t, run(t, s, workflows.SyncInput{ImportKey: "k"},
		func(e *testsuite.TestWorkflowEnvironment) { env = e }))
	if got.Outcome != "synced" || handedOver.Sub(began) > time.Second {
		t.Errorf("got %+v, %s after the worker stopped", got, handedOver.Sub(began))
	}
}

func TestSupersededCompensatesNothing(t *testing.T) {
	t.Parallel()
	s := &steps{pending: 5, postSync: func() error { return permanent(chferry.CodeSuperseded) }}
	got := result(t, run(t, s, workflows.SyncInput{ImportKey: "k"}))
	if got.Outcome != "superseded" || got.Batches != 0 || s.compensated != 0 {
		t.Errorf("got %+v with %d compensations", got, s.compensated)
	}
}

func TestPreSyncFails(t *testing.T) {
	t.Parallel()
	s := &steps{preSync: func() error { return permanent(chferry.CodeUnknownKey) }}
	env := run(t, s, workflows.SyncInput{ImportKey: "k"})
	if err := env.GetWorkflowError(); err == nil || !strings.Contains(err.Error(), "PreSync: to be mended") {
		t.Errorf("got %v", err)
	}
}

func TestProgressQuery(t *testing.T) {
	t.Parallel()
	s := &steps{pending: 25}
	var got workflows.SyncProgress
	env := run(t, s, workflows.SyncInput{ImportKey: "k"})
	answer, err := env.QueryWorkflow(workflows.ProgressQuery)
	if err != nil {
		t.Fatal(err)
	}
	if err := answer.Get(&got); err != nil {
		t.Fatal(err)
	}
	if got.Batches != 3 || got.Operations != 25 || got.Remaining != 0 || got.Step != "PostSync" {
		t.Errorf("progress is %+v", got)
	}
}

func TestTokens(t *testing.T) {
	t.Parallel()
	id, run, ok := workflows.ParseToken(workflows.Token("chferry:sync:a/b-2026", "run"))
	if id != "chferry:sync:a/b-2026" || run != "run" || !ok {
		t.Errorf("got %q, %q, %t", id, run, ok)
	}
	if _, _, ok := workflows.ParseToken("no token"); ok {
		t.Error("a text without a slash is taken for a token")
	}
}

// TestLongRunContinues: a run that has worked for hours continues as a new one, so that its run
// timeout only ends one that makes no progress.
func TestLongRunContinues(t *testing.T) {
	t.Parallel()
	tries := 0
	s := &steps{pending: 1000, insert: func() error {
		if tries++; tries%2 == 0 {
			return nil
		}
		return temporal.NewApplicationErrorWithOptions("away", string(chferry.CodeUnavailable),
			temporal.ApplicationErrorOptions{NextRetryDelay: 210 * time.Minute})
	}}
	env := run(t, s, workflows.SyncInput{ImportKey: "k"})
	var again *workflow.ContinueAsNewError
	if !errors.As(env.GetWorkflowError(), &again) {
		t.Fatalf("got %v, want a continuation", env.GetWorkflowError())
	}
	if tries != 4 {
		t.Errorf("the run continues after %d attempts at batches that take 3.5 hours, want 4: two batches", tries)
	}
	if timeout := workflows.RunTimeout(chferry.Limits{}); timeout < 24*time.Hour {
		t.Errorf("a run ends after %s", timeout)
	}
}
