package worker_test

import (
	"bytes"
	"context"
	"io"
	"net"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"go.temporal.io/api/enums/v1"

	"github.com/chferry/chferry"
	"github.com/chferry/chferry/activities"
	"github.com/chferry/chferry/internal/testenv"
	"github.com/chferry/chferry/starter"
	"github.com/chferry/chferry/workflows"
)

// silentProxy stands before a server. While it is silent, it takes what is said and passes nothing on.
type silentProxy struct {
	address string
	mu      sync.RWMutex // held for writing while the proxy is silent
	current atomic.Pointer[era]
}

// era is the connections that were made since the proxy forgot those before them.
type era struct {
	forgotten atomic.Bool
	began     func() // is called with each connection
}

func startProxy(t *testing.T, to string) *silentProxy {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	p := &silentProxy{address: l.Addr().String()}
	p.current.Store(&era{began: func() {}})
	ctx, cancel := context.WithCancel(context.Background())
	var running sync.WaitGroup
	running.Go(func() {
		for {
			from, err := l.Accept()
			if err != nil {
				return
			}
			running.Go(func() { p.pass(ctx, from, to) })
		}
	})
	t.Cleanup(func() {
		cancel()
		_ = l.Close()
		running.Wait()
	})
	return p
}

func (p *silentProxy) pass(ctx context.Context, from net.Conn, to string) {
	now := p.current.Load()
	now.began()
	behind, err := net.Dial("tcp", to)
	if err != nil {
		_ = from.Close()
		return
	}
	closeBoth := func() { _, _ = from.Close(), behind.Close() }
	defer context.AfterFunc(ctx, closeBoth)()
	var both sync.WaitGroup
	for _, way := range [][2]net.Conn{{from, behind}, {behind, from}} {
		both.Go(func() {
			_, _ = io.Copy(audible{p, now, way[1]}, way[0])
			closeBoth()
		})
	}
	both.Wait()
}

// audible writes while the proxy is not silent. What is said on a forgotten connection is lost.
type audible struct {
	p   *silentProxy
	era *era
	to  io.Writer
}

func (a audible) Write(data []byte) (int, error) {
	a.p.mu.RLock()
	defer a.p.mu.RUnlock()
	if a.era.forgotten.Load() {
		return len(data), nil
	}
	return a.to.Write(data)
}

// silent keeps the proxy silent until the function that it returns is called, or the test ends.
func (p *silentProxy) silent(t *testing.T) (end func()) {
	t.Helper()
	p.mu.Lock()
	end = sync.OnceFunc(p.mu.Unlock)
	t.Cleanup(end)
	return end
}

// forget lets the proxy pass nothing on any more on the connections that it has, as a NAT does. It returns what is
// closed with the next connection.
func (p *silentProxy) forget() (next <-chan struct{}) {
	made := make(chan struct{})
	p.current.Swap(&era{began: sync.OnceFunc(func() { close(made) })}).forgotten.Store(true)
	return made
}

// through runs the worker anew, which reaches Temporal through a proxy.
func (b *bundle) through() *silentProxy {
	b.t.Helper()
	b.stop()
	proxy := startProxy(b.t.(*testing.T), testenv.Temporal(b.t))
	far, err := starter.New(starter.Options{
		Address: proxy.address, TaskQueue: b.starter.TaskQueue(), IDPrefix: b.starter.TaskQueue(),
	})
	b.ok(err)
	b.t.Cleanup(far.Close)
	near := b.starter
	b.starter = far
	b.runWorker()
	b.starter = near
	return proxy
}

// TestSilentTemporal: an insert outlives three seconds in which Temporal does not answer, because
// its heartbeat timeout is longer.
func TestSilentTemporal(t *testing.T) {
	t.Parallel()
	b := setup(t)
	proxy := b.through()
	b.insert("1")
	held, release := b.hold()
	b.trigger()
	b.wait(held)
	id := b.running()
	end := proxy.silent(t)
	time.Sleep(3 * time.Second) // what is tried: each heartbeat of the SDK's own would give up after one
	end()
	time.Sleep(time.Second) // for a cancellation to arrive, if there is one
	release()
	var result workflows.SyncResult
	b.ok(b.starter.Client().GetWorkflow(b.ctx(), id, "").Get(b.ctx(), &result))
	if result.Outcome != activities.OutcomeSynced || result.Rows != 1 {
		t.Errorf("the sync's result is %+v", result)
	}
	b.wantFirstAttempts(id)
}

// TestForgottenConnection: an idle worker, which waits for tasks on a connection that fell silent, makes a new one
// long before a poll would end.
func TestForgottenConnection(t *testing.T) {
	t.Parallel()
	b := setup(t)
	proxy := b.through()
	b.wantSyncOutcome(activities.OutcomeIdle)
	next := proxy.forget()
	select {
	case <-next:
	case <-time.After(30 * time.Second): // polls last a minute, and the SDK's own signs of life come after 45 s
		t.Fatal("the worker stays on the silent connection")
	}
	b.insert("1")
	b.wantSyncOutcome(activities.OutcomeSynced)
}

// TestDeafTemporal: a step that Temporal hears nothing of for its heartbeat timeout is begun anew, which is no failure.
func TestDeafTemporal(t *testing.T) {
	t.Parallel()
	b := setup(t, func(i *chferry.Import) { i.Limits.HeartbeatTimeout = 2 * time.Second })
	proxy := b.through()
	b.insert("1")
	held, release := b.hold()
	b.trigger()
	b.wait(held)
	id := b.running()
	end := proxy.silent(t)
	for range 100 {
		if b.observer.has("step InsertBatch") { // the attempt has ended by itself
			break
		}
		time.Sleep(100 * time.Millisecond)
	}
	end()
	release()
	var result workflows.SyncResult
	b.ok(b.starter.Client().GetWorkflow(b.ctx(), id, "").Get(b.ctx(), &result))
	if result.Outcome != activities.OutcomeSynced || result.Rows != 1 ||
		b.observer.has("step InsertBatch failed: Unavailable") {
		t.Errorf("the sync's result is %+v, the observer was told %q", result, b.observer.events)
	}
}

// TestEndedByTemporal: a step whose run was terminated ends at its next heartbeat. The log says why, and nothing
// counts it.
func TestEndedByTemporal(t *testing.T) {
	t.Parallel()
	b := prepare(t, testenv.ClickHouse(t), "", func(i *chferry.Import) { i.Limits.HeartbeatTimeout = 2 * time.Second })
	var log bytes.Buffer
	b.log = &log
	b.serve()
	b.insert("1")
	held, _ := b.hold()
	b.trigger()
	b.wait(held)
	b.ok(b.starter.Client().TerminateWorkflow(b.ctx(), b.running(), "", "by the test"))
	for range 200 {
		if b.observer.has("step InsertBatch") { // the attempt has ended
			break
		}
		time.Sleep(100 * time.Millisecond)
	}
	b.stop()
	var ended []string
	for line := range strings.Lines(log.String()) {
		if strings.Contains(line, "step=InsertBatch") {
			_, line, _ = strings.Cut(line, " level=")
			ended = append(ended, strings.TrimSpace(line))
		}
	}
	want := `INFO msg="step ended" import_key=` + string(b.imp.Key) +
		` step=InsertBatch reason="Temporal has ended the attempt: it timed out, or its run is closed"`
	if len(ended) != 1 || ended[0] != want {
		t.Errorf("the log says of the step\n%q, want\n%q", ended, want)
	}
	for _, event := range b.observer.events {
		if !slices.Contains([]string{"step PreSync", "step GetOperations", "step InsertBatch"}, event) {
			t.Errorf("%q was counted", event)
		}
	}
}

func (b *bundle) wantFirstAttempts(workflowID string) {
	b.t.Helper()
	for _, event := range b.history(workflowID).GetEvents() {
		got := event.GetActivityTaskStartedEventAttributes().GetAttempt()
		if event.GetEventType() == enums.EVENT_TYPE_ACTIVITY_TASK_STARTED && got > 1 {
			b.t.Errorf("a step was made by attempt %d", got)
		}
	}
}

// TestFailingStatus: while a step fails, the status of the import key says since when and why,
// until a batch is imported.
func TestFailingStatus(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.insert("1")
	b.sink.breakWith(func(context.Context) error {
		return chferry.Errorf(chferry.CodeAccessDenied, "the user may not insert")
	})
	_ = b.wantFailure(chferry.CodeAccessDenied)
	statuses, err := b.storage.Status(b.ctx(), b.imp.Key)
	b.ok(err)
	got := statuses[0].Failing
	if got == nil || got.Step != "InsertBatch" || got.Code != chferry.CodeAccessDenied ||
		got.Reason != "the user may not insert" || got.Attempts != 1 {
		t.Errorf("the status says that it fails for %+v", got)
	}
	if !b.observer.has("step InsertBatch failed: AccessDenied") {
		t.Errorf("the observer was told %q", b.observer.events)
	}
	b.sink.mend()
	b.wantSync(workflows.SyncResult{Outcome: activities.OutcomeSynced, Batches: 1, Operations: 1, Rows: 1})
	statuses, err = b.storage.Status(b.ctx(), b.imp.Key)
	b.ok(err)
	if got := statuses[0].Failing; got != nil {
		t.Errorf("the status still says that it fails for %+v", got)
	}
}
