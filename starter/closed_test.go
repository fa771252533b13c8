package starter_test

import (
	"context"
	"testing"

	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/worker"
	"go.temporal.io/sdk/workflow"

	"github.com/chferry/chferry/starter"
	"github.com/chferry/chferry/workflows"
)

// chain continues itself as new at each signal, and ends when its input reaches 0.
func chain(ctx workflow.Context, left int) error {
	workflow.GetSignalChannel(ctx, "go on").Receive(ctx, nil)
	if left == 0 {
		return nil
	}
	return workflow.NewContinueAsNewError(ctx, "chain", left-1)
}

// chained starts a workflow of the type chain and returns it with its token.
func (f *fixture) chained(id string, left int) (client.WorkflowRun, string) {
	f.t.Helper()
	run, err := f.Client().ExecuteWorkflow(f.t.Context(), client.StartWorkflowOptions{ID: id, TaskQueue: f.TaskQueue()}, "chain", left)
	if err != nil {
		f.t.Fatal(err)
	}
	return run, workflows.Token(run.GetID(), run.GetRunID())
}

func (f *fixture) workOnChains() {
	f.t.Helper()
	w := worker.New(f.Client(), f.TaskQueue(), worker.Options{})
	w.RegisterWorkflowWithOptions(chain, workflow.RegisterOptions{Name: "chain"})
	if err := w.Start(); err != nil {
		f.t.Fatal(err)
	}
	f.t.Cleanup(w.Stop)
}

func (f *fixture) goOn(id string) {
	f.t.Helper()
	if err := f.Client().SignalWorkflow(f.t.Context(), id, "", "go on", nil); err != nil {
		f.t.Fatal(err)
	}
}

func (f *fixture) wantClosed(token string, want bool, when string) {
	f.t.Helper()
	if got := f.Closed(f.t.Context(), token); got != want {
		f.t.Errorf("%s: Closed says %t, want %t", when, got, want)
	}
}

func TestClosedOfCompleted(t *testing.T) {
	t.Parallel()
	f := open(t)
	f.workOnChains()
	run, token := f.chained(f.id("users"), 0)
	f.wantClosed(token, false, "running")
	f.goOn(run.GetID())
	if err := run.Get(t.Context(), nil); err != nil {
		t.Fatal(err)
	}
	f.wantClosed(token, true, "completed")
}

func TestClosedOfTerminated(t *testing.T) {
	t.Parallel()
	f := open(t)
	run, token := f.chained(f.id("users"), 0) // no worker: it only waits
	f.wantClosed(token, false, "running")
	if err := f.Client().TerminateWorkflow(t.Context(), run.GetID(), "", "the test wants it"); err != nil {
		t.Fatal(err)
	}
	f.wantClosed(token, true, "terminated")
}

// TestClosedOfChain: as long as any run of the chain is open, the claimant lives.
func TestClosedOfChain(t *testing.T) {
	t.Parallel()
	f := open(t)
	f.workOnChains()
	run, token := f.chained(f.id("users"), 2)
	last := run.GetRunID()
	for range 2 {
		f.goOn(run.GetID())
		eventually(t, "the run has continued as a new one", func() bool {
			d, err := f.Client().DescribeWorkflowExecution(t.Context(), run.GetID(), "")
			if err != nil {
				t.Fatal(err)
			}
			f.wantClosed(token, false, "between two runs")
			now := d.GetWorkflowExecutionInfo().GetExecution().GetRunId()
			changed := now != last
			last = now
			return changed
		})
		f.wantClosed(token, false, "continued")
	}
	f.goOn(run.GetID())
	if err := run.Get(t.Context(), nil); err != nil {
		t.Fatal(err)
	}
	f.wantClosed(token, true, "all runs ended")
}

// TestClosedOfFormerChain: the workflow's ID runs again, so the former chain had ended.
func TestClosedOfFormerChain(t *testing.T) {
	t.Parallel()
	f := open(t)
	run, former := f.chained(f.id("users"), 0)
	if err := f.Client().TerminateWorkflow(t.Context(), run.GetID(), "", "the test wants it"); err != nil {
		t.Fatal(err)
	}
	_, token := f.chained(f.id("users"), 0)
	f.wantClosed(former, true, "another chain runs")
	f.wantClosed(token, false, "it runs")
}

func TestClosedOfUnknown(t *testing.T) {
	t.Parallel()
	f := open(t)
	for what, token := range map[string]string{
		"unknown workflow": workflows.Token(f.id("users"), "0c3e9f6f-9a52-4d9e-8f3c-8e6d3a1f2b4c"),
		"garbage":          "garbage",
		"empty":            "",
		"only a slash":     "/",
		"no workflow":      "/0c3e9f6f-9a52-4d9e-8f3c-8e6d3a1f2b4c",
		"long":             string(make([]byte, 5000)) + "/x",
	} {
		f.wantClosed(token, false, what)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if f.Closed(ctx, workflows.Token(f.id("users"), "x")) {
		t.Error("cancelled: Closed says true")
	}
}

func TestClosedWithoutTemporal(t *testing.T) {
	t.Parallel()
	s := connect(t, starter.Options{Address: closedPort(t)})
	if s.Closed(t.Context(), workflows.Token("chferry:sync:users-2026", "x")) {
		t.Error("nobody answers, and Closed says true")
	}
}
