package starter_test

import (
	"context"
	"net"
	"testing"

	"go.temporal.io/api/common/v1"
	"go.temporal.io/api/enums/v1"
	workflowpb "go.temporal.io/api/workflow/v1"
	"go.temporal.io/api/workflowservice/v1"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/worker"
	"go.temporal.io/sdk/workflow"
	"google.golang.org/grpc"

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
	run, err := f.Client().ExecuteWorkflow(f.t.Context(), client.StartWorkflowOptions{ID: id, TaskQueue: f.TaskQueue()},
		"chain", left)
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

// describing is a Temporal that knows one workflow, with a status.
type describing struct {
	workflowservice.UnimplementedWorkflowServiceServer
	status enums.WorkflowExecutionStatus
}

func (d describing) GetSystemInfo(context.Context,
	*workflowservice.GetSystemInfoRequest,
) (*workflowservice.GetSystemInfoResponse, error) {
	return &workflowservice.GetSystemInfoResponse{}, nil
}

func (d describing) DescribeWorkflowExecution(context.Context,
	*workflowservice.DescribeWorkflowExecutionRequest,
) (*workflowservice.DescribeWorkflowExecutionResponse, error) {
	return &workflowservice.DescribeWorkflowExecutionResponse{WorkflowExecutionInfo: &workflowpb.WorkflowExecutionInfo{
		Execution: &common.WorkflowExecution{WorkflowId: "w", RunId: "r"}, FirstRunId: "r", Status: d.status,
	}}, nil
}

// TestClosedByStatus: a workflow that is paused may go on.
func TestClosedByStatus(t *testing.T) {
	t.Parallel()
	const later = 99 // a status that servers may have one day
	for status, want := range map[enums.WorkflowExecutionStatus]bool{
		enums.WORKFLOW_EXECUTION_STATUS_RUNNING: false, enums.WORKFLOW_EXECUTION_STATUS_PAUSED: false, later: false,
		enums.WORKFLOW_EXECUTION_STATUS_UNSPECIFIED: false, enums.WORKFLOW_EXECUTION_STATUS_CONTINUED_AS_NEW: false,
		enums.WORKFLOW_EXECUTION_STATUS_COMPLETED: true, enums.WORKFLOW_EXECUTION_STATUS_FAILED: true,
		enums.WORKFLOW_EXECUTION_STATUS_CANCELED: true, enums.WORKFLOW_EXECUTION_STATUS_TERMINATED: true,
		enums.WORKFLOW_EXECUTION_STATUS_TIMED_OUT: true,
	} {
		listener, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		server := grpc.NewServer()
		workflowservice.RegisterWorkflowServiceServer(server, describing{status: status})
		served := make(chan error, 1)
		go func() { served <- server.Serve(listener) }()
		s := connect(t, starter.Options{Address: listener.Addr().String()})
		if got := s.Closed(t.Context(), workflows.Token("w", "r")); got != want {
			t.Errorf("%s: Closed says %t, want %t", status, got, want)
		}
		server.Stop()
		if err := <-served; err != nil {
			t.Error(err)
		}
	}
}

func TestClosedWithoutTemporal(t *testing.T) {
	t.Parallel()
	s := connect(t, starter.Options{Address: closedPort(t)})
	if s.Closed(t.Context(), workflows.Token("chferry:sync:users-2026", "x")) {
		t.Error("nobody answers, and Closed says true")
	}
}
