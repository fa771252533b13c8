package nudge_test

import (
	"bytes"
	"context"
	"crypto/rand"
	"log/slog"
	"strings"
	"testing"
	"time"

	"go.temporal.io/api/workflowservice/v1"
	"go.temporal.io/sdk/worker"
	"go.temporal.io/sdk/workflow"

	"github.com/chferry/chferry"
	"github.com/chferry/chferry/embedded"
	"github.com/chferry/chferry/internal/testenv"
	"github.com/chferry/chferry/nudge"
	"github.com/chferry/chferry/starter"
	"github.com/chferry/chferry/storage"
	"github.com/chferry/chferry/storage/redis"
	"github.com/chferry/chferry/workflows"
)

// stack is a nudger between a real Redis and a real Temporal, where a worker runs syncs that do nothing.
type stack struct {
	*starter.Starter
	t      *testing.T
	prefix string
	nudger *nudge.Nudger
	store  storage.Registrar
	redis  *redis.Storage
	log    bytes.Buffer // read it when the nudger is closed
}

// connect makes a stack with one import, users, whose schedule does not tick before the test has ended.
func connect(t *testing.T, address string, interval time.Duration) *stack {
	t.Helper()
	s := &stack{t: t, prefix: "nudge-" + strings.ToLower(rand.Text())}
	var err error
	if s.Starter, err = starter.New(starter.Options{
		Address: address, TaskQueue: s.prefix, IDPrefix: s.prefix,
	}); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Starter.Close)
	if s.redis, err = redis.Open(testenv.Redis(t), redis.Options{Prefix: s.prefix}); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.redis.Close() })
	imp := chferry.Import{
		Key: "users", Table: "users", DestinationTable: "users", SyncOnRegister: true,
		NudgeInterval: interval,
	}
	s.nudger = nudge.Start(t.Context(), s.Starter, chferry.ImportList{imp}, slog.New(slog.NewTextHandler(&s.log, nil)))
	t.Cleanup(s.close)
	s.store = s.nudger.Registrar(s.redis)
	return s
}

// close closes the nudger, which sends what waits.
func (s *stack) close() {
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	s.nudger.Close(ctx)
}

// work applies the schedule and runs the worker.
func (s *stack) work() {
	s.t.Helper()
	imports := []chferry.Import{{Key: "users", Table: "users", DestinationTable: "users"}}
	if _, err := s.Apply(s.t.Context(), imports, starter.ApplyOptions{}); err != nil {
		s.t.Fatal(err)
	}
	w := worker.New(s.Client(), s.TaskQueue(), worker.Options{})
	sync := func(workflow.Context, workflows.SyncInput) (workflows.SyncResult, error) {
		return workflows.SyncResult{}, nil
	}
	w.RegisterWorkflowWithOptions(sync, workflow.RegisterOptions{Name: workflows.SyncName})
	if err := w.Start(); err != nil {
		s.t.Fatal(err)
	}
	s.t.Cleanup(w.Stop)
}

func (s *stack) register(times int) {
	s.t.Helper()
	for range times {
		op := chferry.Operation{Kind: chferry.Update, PrimaryKey: chferry.PrimaryKey{"1"}}
		if n, err := s.store.RegisterOperations(s.t.Context(), "users", op); n != 1 || err != nil {
			s.t.Fatalf("registered %d, %v", n, err)
		}
	}
}

// syncs returns how many syncs nudges have started, -1 if Temporal does not tell, as one that has just been started.
func (s *stack) syncs() int {
	s.t.Helper()
	query := "WorkflowId = '" + workflows.SyncID(s.prefix, "users") + "'"
	found, err := s.Client().ListWorkflow(s.t.Context(), &workflowservice.ListWorkflowExecutionsRequest{Query: query})
	if err != nil {
		return -1
	}
	return len(found.GetExecutions())
}

func (s *stack) eventually(what string, done func() bool) {
	s.t.Helper()
	for deadline := time.Now().Add(30 * time.Second); !done(); time.Sleep(20 * time.Millisecond) {
		if time.Now().After(deadline) {
			s.t.Fatalf("%s: not in time", what)
		}
	}
}

// TestManyRegistrationsFewSyncs: one at the beginning, and one for all the others.
func TestManyRegistrationsFewSyncs(t *testing.T) {
	t.Parallel()
	s := connect(t, testenv.Temporal(t), time.Hour)
	s.work()
	s.register(1)
	s.eventually("the first sync", func() bool { return s.syncs() == 1 })
	s.register(500)
	if n := s.syncs(); n != 1 {
		t.Errorf("%d syncs were started within the interval", n)
	}
	s.close()
	s.eventually("the last sync", func() bool { return s.syncs() == 2 })
	if s.log.Len() > 0 {
		t.Errorf("the log is %s", &s.log)
	}
}

// TestPausedKey: registering goes on, and nothing is started.
func TestPausedKey(t *testing.T) {
	t.Parallel()
	s := connect(t, testenv.Temporal(t), time.Millisecond)
	s.work()
	if err := s.Pause(t.Context(), "users", "the database moves"); err != nil {
		t.Fatal(err)
	}
	s.register(100)
	s.close() // every nudge was sent
	if err := s.Resume(t.Context(), "users", "it has moved"); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Sync(t.Context(), "users", nil); err != nil {
		t.Fatal(err)
	}
	if n := s.syncs(); n != 0 || s.log.Len() > 0 {
		t.Errorf("%d syncs were started, want none but the one by hand; the log is %s", n, &s.log)
	}
}

// TestTemporalDown: registering works, a warning says it once, and when Temporal is back it is
// nudged without anybody's doing.
func TestTemporalDown(t *testing.T) {
	t.Parallel()
	server := testenv.Private(t, embedded.StartTemporal, embedded.Options{})
	s := connect(t, server.Addr, time.Millisecond)
	s.work()
	if err := server.Kill(); err != nil {
		t.Fatal(err)
	}
	s.register(500)
	if n, err := s.redis.OperationsCount(t.Context(), "users"); n != 500 || err != nil {
		t.Errorf("%d operations are kept, %v", n, err)
	}
	if err := server.Restart(t.Context()); err != nil {
		t.Fatal(err)
	}
	s.eventually("a sync", func() bool { return s.syncs() > 0 })
	s.close()
	if text := s.log.String(); strings.Count(text, "level=WARN") > 1 {
		t.Errorf("the log is %s", text)
	}
}

// TestTemporalStaysDown: the goroutine ends when it is told to.
func TestTemporalStaysDown(t *testing.T) {
	t.Parallel()
	server := testenv.Private(t, embedded.StartTemporal, embedded.Options{})
	if err := server.Kill(); err != nil {
		t.Fatal(err)
	}
	s := connect(t, server.Addr, time.Millisecond)
	s.register(500)
	ctx, cancel := context.WithTimeout(t.Context(), time.Second)
	defer cancel()
	s.nudger.Close(ctx)
	if text := s.log.String(); strings.Count(text, "\n") != 1 ||
		!strings.Contains(text, "nudges do not reach Temporal") {
		t.Errorf("the log is %s", text)
	}
}
