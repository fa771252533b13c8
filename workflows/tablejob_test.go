package workflows_test

import (
	"context"
	"errors"
	"strings"
	"sync"
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

// jobSteps are the steps of a backfill that a test scripts. Its readers read until they are cancelled, or what the test
// says has come.
type jobSteps struct {
	mu      sync.Mutex
	begun   []int // readers, in the order in which they began
	plans   int
	ended   []string
	read    func(ctx context.Context, reader, time int) error // time: how often this reader has begun
	end     func() (activities.EndResult, error)
	ofplan  func() error
	counted activities.TableProgress
}

func (s *jobSteps) PlanBackfill(context.Context, activities.PlanBackfillInput) (activities.PlanResult, error) {
	s.plans++
	if s.ofplan != nil {
		if err := s.ofplan(); err != nil {
			return activities.PlanResult{}, err
		}
	}
	return activities.PlanResult{TableProgress: activities.TableProgress{Estimated: 100, Ranges: 8}}, nil
}

func (s *jobSteps) CopyRanges(ctx context.Context, in activities.ReadRangesInput) error {
	s.mu.Lock()
	s.begun = append(s.begun, in.Reader)
	time := 0
	for _, reader := range s.begun {
		if reader == in.Reader {
			time++
		}
	}
	s.mu.Unlock()
	if s.read == nil {
		return nil
	}
	return s.read(ctx, in.Reader, time)
}

func (s *jobSteps) RangesDone(context.Context, activities.RangesDoneInput) (activities.TableProgress, error) {
	return s.counted, nil
}

func (s *jobSteps) EndBackfill(_ context.Context, in activities.EndBackfillInput) (activities.EndResult, error) {
	s.ended = append(s.ended, in.Outcome)
	if s.end != nil {
		return s.end()
	}
	if in.Outcome == "" {
		in.Outcome = activities.OutcomeCopied
	}
	return activities.EndResult{TableProgress: s.counted, Outcome: in.Outcome}, nil
}

func (s *jobSteps) run(t *testing.T, in workflows.BackfillInput,
	prepare ...func(*testsuite.TestWorkflowEnvironment),
) (workflows.BackfillResult, error) {
	t.Helper()
	var suite testsuite.WorkflowTestSuite
	env := suite.NewTestWorkflowEnvironment()
	env.SetTestTimeout(30 * time.Second)
	env.RegisterWorkflowWithOptions(workflows.Backfill, workflow.RegisterOptions{Name: workflows.BackfillName})
	for name, step := range map[string]any{
		"PlanBackfill": s.PlanBackfill, "CopyRanges": s.CopyRanges, "RangesDone": s.RangesDone,
		"EndBackfill": s.EndBackfill,
	} {
		env.RegisterActivityWithOptions(step, activity.RegisterOptions{Name: name})
	}
	for _, p := range prepare {
		p(env)
	}
	in.ImportKey = "users"
	env.ExecuteWorkflow(workflows.BackfillName, in)
	if !env.IsWorkflowCompleted() {
		t.Fatal("the workflow did not end")
	}
	var result workflows.BackfillResult
	if err := env.GetWorkflowError(); err != nil {
		return result, err
	}
	return result, env.GetWorkflowResult(&result)
}

// untilCancelled is a reader that would read for ever.
func untilCancelled(ctx context.Context) error {
	for ctx.Err() == nil {
		activity.RecordHeartbeat(ctx, nil)
		time.Sleep(time.Millisecond)
	}
	return ctx.Err()
}

func TestBackfillRunsEachReader(t *testing.T) {
	t.Parallel()
	s := &jobSteps{counted: activities.TableProgress{Rows: 100, Ranges: 8, Finished: 8}}
	got, err := s.run(t, workflows.BackfillInput{Parallel: 3})
	got.Seconds = 0
	want := workflows.BackfillResult{Outcome: activities.OutcomeCopied, Rows: 100, Ranges: 8}
	if err != nil || got != want || len(s.begun) != 3 || s.plans != 1 {
		t.Fatalf("got %+v, %v; readers %v", got, err, s.begun)
	}
}

// One reader that fails for good stops the others, and the run says why.
func TestBackfillFailedReader(t *testing.T) {
	t.Parallel()
	s := &jobSteps{read: func(ctx context.Context, reader, _ int) error {
		if reader == 2 {
			return temporal.NewNonRetryableApplicationError("table items is gone", string(chferry.CodeSchemaMismatch),
				nil)
		}
		return untilCancelled(ctx)
	}}
	_, err := s.run(t, workflows.BackfillInput{})
	if err == nil || !strings.Contains(err.Error(), "CopyRanges: table items is gone") ||
		len(s.ended) != 1 || s.ended[0] != activities.OutcomeFailed {
		t.Fatalf("got %v, ended as %v", err, s.ended)
	}
}

// A job that another has replaced ends without an error, as superseded.
func TestBackfillSuperseded(t *testing.T) {
	t.Parallel()
	superseded := func() error {
		return temporal.NewNonRetryableApplicationError("another backfill has begun",
			string(chferry.CodeSuperseded), nil)
	}
	s := &jobSteps{
		read: func(context.Context, int, int) error { return superseded() },
		end:  func() (activities.EndResult, error) { return activities.EndResult{}, superseded() },
	}
	got, err := s.run(t, workflows.BackfillInput{})
	if err != nil || got.Outcome != activities.OutcomeSuperseded {
		t.Fatalf("got %+v, %v", got, err)
	}
}

// What can't be planned is not read.
func TestBackfillNotPlanned(t *testing.T) {
	t.Parallel()
	s := &jobSteps{ofplan: func() error {
		return temporal.NewNonRetryableApplicationError("no table items", string(chferry.CodeSchemaMismatch), nil)
	}}
	_, err := s.run(t, workflows.BackfillInput{})
	if err == nil || !strings.Contains(err.Error(), "PlanBackfill: no table items") || len(s.begun) > 0 {
		t.Fatalf("got %v, readers %v", err, s.begun)
	}
}

// A pause stops the readers, and a resume starts them again; signals that change nothing change nothing.
func TestBackfillSteered(t *testing.T) {
	t.Parallel()
	s := &jobSteps{read: func(ctx context.Context, _, time int) error {
		if time == 3 {
			return nil
		}
		return untilCancelled(ctx)
	}}
	got, err := s.run(t, workflows.BackfillInput{}, func(env *testsuite.TestWorkflowEnvironment) {
		for i, pause := range []bool{
			false, true, true, false, true, false, false,
		} {
			send := func() { env.SignalWorkflow(workflows.PauseSignal, pause) }
			env.RegisterDelayedCallback(send, time.Duration(i+1)*100*time.Millisecond)
		}
	})
	if err != nil || got.Outcome != activities.OutcomeCopied || len(s.begun) != 6 || s.plans != 1 {
		t.Fatalf("got %+v, %v; readers %v", got, err, s.begun)
	}
}

// Signals that come together keep their order: the last one counts.
func TestBackfillSteeredAtOnce(t *testing.T) {
	t.Parallel()
	s := &jobSteps{read: func(ctx context.Context, _, time int) error {
		if time == 2 {
			return nil
		}
		return untilCancelled(ctx)
	}}
	got, err := s.run(t, workflows.BackfillInput{Parallel: 1}, func(env *testsuite.TestWorkflowEnvironment) {
		env.RegisterDelayedCallback(func() { env.SignalWorkflow(workflows.PauseSignal, nil) }, 50*time.Millisecond)
		env.RegisterDelayedCallback(func() {
			for _, pause := range []bool{false, true, false} {
				env.SignalWorkflow(workflows.PauseSignal, pause)
			}
		}, 300*time.Millisecond)
	})
	if err != nil || got.Outcome != activities.OutcomeCopied || len(s.begun) != 2 {
		t.Fatalf("got %+v, %v; readers %v", got, err, s.begun)
	}
}

func TestBackfillCancelledInAPause(t *testing.T) {
	t.Parallel()
	s := &jobSteps{read: func(ctx context.Context, _, _ int) error { return untilCancelled(ctx) }}
	_, err := s.run(t, workflows.BackfillInput{}, func(env *testsuite.TestWorkflowEnvironment) {
		env.RegisterDelayedCallback(func() { env.SignalWorkflow(workflows.PauseSignal, nil) }, 50*time.Millisecond)
		env.RegisterDelayedCallback(env.CancelWorkflow, 300*time.Millisecond)
	})
	if err == nil || !temporal.IsCanceledError(err) || len(s.ended) != 1 || s.ended[0] != workflows.OutcomeCancelled {
		t.Fatalf("got %v, ended as %v", err, s.ended)
	}
}

// A run whose history has grown long goes on as a new one, which plans nothing and knows how far the job is.
func TestBackfillContinues(t *testing.T) {
	t.Parallel()
	s := &jobSteps{
		counted: activities.TableProgress{Rows: 7, Estimated: 100, Ranges: 8, Finished: 1},
		read:    func(ctx context.Context, _, _ int) error { return untilCancelled(ctx) },
	}
	in := workflows.BackfillInput{Parallel: 1, Request: "r"}
	_, err := s.run(t, in, func(env *testsuite.TestWorkflowEnvironment) {
		env.RegisterDelayedCallback(func() { env.SetContinueAsNewSuggested(true) }, time.Second)
	})
	var again *workflow.ContinueAsNewError
	var next workflows.BackfillInput
	if !errors.As(err, &again) || converter.GetDefaultDataConverter().FromPayloads(again.Input, &next) != nil {
		t.Fatalf("got %v", err)
	}
	if next.Progress == nil || next.Progress.Rows != 7 || next.Request != "r" || len(s.ended) > 0 {
		t.Fatalf("goes on with %+v", next)
	}
	s.read = nil
	got, err := s.run(t, next)
	if err != nil || got.Outcome != activities.OutcomeCopied || s.plans != 1 {
		t.Fatalf("got %+v, %v, planned %d times", got, err, s.plans)
	}
}
