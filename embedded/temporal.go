package embedded

import (
	"context"
	"errors"
	"fmt"
	"os/exec"
	"path/filepath"
	"strconv"
	"syscall"
	"time"

	"go.temporal.io/api/enums/v1"
	namespacepb "go.temporal.io/api/namespace/v1"
	taskqueuepb "go.temporal.io/api/taskqueue/v1"
	"go.temporal.io/api/workflowservice/v1"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/protobuf/types/known/durationpb"
)

const (
	temporalNamespace = "default"
	// temporalSchedulerQueue is where the server's own worker for a namespace takes the tasks of its schedules.
	temporalSchedulerQueue = "temporal-sys-per-ns-tq"
	// temporalRetention is how long closed workflows are kept: an idle schedule writes some 20 KB a tick.
	temporalRetention = time.Hour
)

// StartTemporal starts Temporal's development server on SQLite, with the namespace "default". The program is
// TemporalBinary's. The context bounds the start, not the server's life.
func StartTemporal(ctx context.Context, opts Options) (*Server, error) {
	binary, err := TemporalBinary(ctx, opts.Log)
	if err != nil {
		return nil, err
	}
	s, err := start(ctx, "temporal", binary, temporalServer{}, opts)
	if err == nil && opts.WebUI {
		s.WebURL = "http://" + loopback + ":" + strconv.Itoa(temporalWebPort(s))
	}
	return s, err
}

type temporalServer struct{}

// What the further ports are for.
const (
	temporalUIPort = iota
	temporalHTTPPort
	temporalMetricsPort
	temporalPorts
)

func temporalWebPort(s *Server) int {
	if s.opts.WebPort != 0 {
		return s.opts.WebPort
	}
	return s.more[temporalUIPort]
}

// temporalSettings make the server quick for one user: the defaults spare a shared database, and cost 50 ms a task.
var temporalSettings = []string{
	"history.transferProcessorMaxPollRPS=100000",
	"history.timerProcessorMaxPollRPS=100000",
	"history.visibilityProcessorMaxPollRPS=100000",
	`history.timerProcessorMaxTimeShift="10ms"`,
	"matching.numTaskqueueReadPartitions=1",
	"matching.numTaskqueueWritePartitions=1",
	`worker.perNamespaceWorkerOptions={"MaxConcurrentWorkflowTaskPollers":16,"MaxConcurrentActivityTaskPollers":8}`,
	"worker.schedulerNamespaceStartWorkflowRPS=1000",
	// A worker gets the next step with the answer to the last, and need not ask once more.
	"system.enableActivityEagerExecution=true",
}

func (temporalServer) prepare(context.Context, *Server) error { return nil }

func (temporalServer) command(ctx context.Context, s *Server) *exec.Cmd {
	cmd := exec.CommandContext(ctx, s.Binary, "server", "start-dev",
		"--ip", loopback,
		"--port", strconv.Itoa(s.port),
		"--http-port", strconv.Itoa(s.more[temporalHTTPPort]),
		"--metrics-port", strconv.Itoa(s.more[temporalMetricsPort]),
		"--db-filename", filepath.Join(s.Dir, "temporal.db"),
		"--sqlite-pragma", "journal_mode=wal",
		"--log-level", "error",
	)
	synchronous := "normal"
	if s.opts.NoSync {
		synchronous = "off"
	}
	cmd.Args = append(cmd.Args, "--sqlite-pragma", "synchronous="+synchronous)
	for _, setting := range temporalSettings {
		cmd.Args = append(cmd.Args, "--dynamic-config-value", setting)
	}
	if s.opts.WebUI {
		cmd.Args = append(cmd.Args, "--ui-ip", loopback, "--ui-port", strconv.Itoa(temporalWebPort(s)))
	} else {
		cmd.Args = append(cmd.Args, "--headless")
	}
	return cmd
}

// ready also sets, last and once, the retention, which no flag does.
func (temporalServer) ready(ctx context.Context, s *Server) error {
	conn, err := grpc.NewClient(s.Addr, grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		return fmt.Errorf("connect: %w", err)
	}
	defer func() { _ = conn.Close() }()
	service := workflowservice.NewWorkflowServiceClient(conn)
	if _, err := service.GetSystemInfo(ctx, &workflowservice.GetSystemInfoRequest{}); err != nil {
		return fmt.Errorf("ask for system info: %w", err)
	}
	if err := schedulerReady(ctx, service); err != nil {
		return err
	}
	_, err = service.UpdateNamespace(ctx, &workflowservice.UpdateNamespaceRequest{
		Namespace: temporalNamespace,
		Config:    &namespacepb.NamespaceConfig{WorkflowExecutionRetentionTtl: durationpb.New(temporalRetention)},
	})
	if err != nil {
		return fmt.Errorf("set the retention: %w", err)
	}
	return nil
}

// schedulerReady asks whether the worker inside the server that runs the namespace's schedules has begun to poll: a
// little after the rest is up, and until then whoever describes a schedule waits.
func schedulerReady(ctx context.Context, service workflowservice.WorkflowServiceClient) error {
	queue, err := service.DescribeTaskQueue(ctx, &workflowservice.DescribeTaskQueueRequest{
		Namespace:     temporalNamespace,
		TaskQueue:     &taskqueuepb.TaskQueue{Name: temporalSchedulerQueue},
		TaskQueueType: enums.TASK_QUEUE_TYPE_WORKFLOW,
	})
	if err != nil {
		return fmt.Errorf("ask for the scheduler: %w", err)
	}
	if len(queue.GetPollers()) == 0 {
		return errors.New("its scheduler does not run yet")
	}
	return nil
}

func (temporalServer) url(addr string) string      { return addr }
func (temporalServer) morePorts() int              { return temporalPorts }
func (temporalServer) stopSignal() syscall.Signal  { return syscall.SIGTERM }
func (temporalServer) deathSignal() syscall.Signal { return syscall.SIGKILL }
