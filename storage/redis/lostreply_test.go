package redis_test

import (
	"fmt"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	goredis "github.com/redis/go-redis/v9"

	"github.com/chferry/chferry"
	"github.com/chferry/chferry/internal/testenv"
	"github.com/chferry/chferry/storage"
	"github.com/chferry/chferry/storage/redis"
)

// life is what happens to a few operations from their registration to a flush, over a connection that can break.
type life struct {
	steps
	proxy  *testenv.Proxy
	seen   bool
	broken bool          // the reply of the step that is being done is lost
	lost   *testenv.Held // that reply
	kept   int64
	batch  chferry.Batch
	read   []string   // what the batch holds
	ended  [][]string // what the batches held that ended
}

// lifeSteps are in order. Each is to be done again when its reply was lost.
var lifeSteps = []struct {
	name string
	do   func(l *life) error
}{
	{"register one", func(l *life) error { return l.registers("1") }},
	{"register many", func(l *life) error { return l.registers("2", "3", "4") }},
	{"pre-sync", (*life).preSyncs},
	{"claim", func(l *life) error { return l.claims(3) }},
	{"read a batch", (*life).reads},
	{"extend the lease", func(l *life) error { return l.ExtendLease(l.t.Context(), key, "a", time.Hour) }},
	{"set aside", (*life).setsAside},
	{"post-sync", (*life).posts},
	{"retry failed operations", (*life).retries},
	{"claim the rest", func(l *life) error { return l.claims(100) }},
	{"read the rest", (*life).reads},
	{"set aside again", (*life).setsAside},
	{"post-sync of the rest", (*life).posts},
	{"discard failed operations", (*life).discards},
	{"register another", func(l *life) error { return l.registers("5") }},
	{"pre-sync of the next", (*life).preSyncs},
	{"claim the next", func(l *life) error { return l.claims(100) }},
	{"post-sync failed", func(l *life) error { return l.PostSyncFailed(l.t.Context(), key, "a") }},
	{"flush", func(l *life) error { return l.Flush(l.t.Context(), key) }},
}

// TestLostReplies breaks the connection when a step was done and before its reply has arrived. The
// client tries again by itself, or its caller does; either way nothing is lost and all counts hold.
// Only registering may double its operations.
func TestLostReplies(t *testing.T) {
	t.Parallel()
	s := private(t)
	newLife(t, s.Addr, "none", false).live(-1) // now Redis knows the scripts
	for broken, step := range lifeSteps {
		for _, seen := range []bool{false, true} {
			name := fmt.Sprintf("%s, seen by the caller: %v", step.name, seen)
			t.Run(name, func(t *testing.T) {
				t.Parallel()
				newLife(t, s.Addr, name, seen).live(broken)
			})
		}
	}
}

// newLife has a client that tries again by itself, or leaves that to its caller, who sees the error.
func newLife(t *testing.T, addr, prefix string, seen bool) *life {
	t.Helper()
	p := testenv.NewProxy(t, "redis://"+addr)
	options := &goredis.Options{Addr: p.Addr}
	if seen {
		options.MaxRetries = -1
	}
	store := redis.New(goredis.NewClient(options), p.Addr, redis.Options{Prefix: prefix})
	t.Cleanup(func() { _ = store.Close() })
	return &life{proxy: p, seen: seen, steps: steps{store, t}}
}

// live does all steps, and one again.
func (l *life) live(broken int) {
	l.t.Helper()
	for i, step := range lifeSteps {
		l.broken = i == broken
		if l.broken {
			// A connection is open in both pools of the client, so that what is lost is no greeting.
			l.ok(l.Ping(l.t.Context()))
			l.status()
			l.lost = l.proxy.LoseAnswer(func([]byte) bool { return true })
		}
		if l.broken && l.seen {
			wantCode(l.t, step.do(l), chferry.CodeUnavailable)
		}
		if err := step.do(l); err != nil {
			l.t.Fatalf("%s: %v", step.name, err)
		}
		if l.broken && !l.lost.Begun() {
			l.t.Fatalf("%s: no reply was lost", step.name)
		}
	}
	want := chferry.Status{Version: l.batch.Version}
	if got := l.status(); !reflect.DeepEqual(got, want) {
		l.t.Errorf("in the end the status is %+v, want %+v", got, want)
	}
	once := strings.NewReplacer("1 1 ", "1 ", "2 3 4 2 3 4", "2 3 4")
	if got := once.Replace(strings.Join(slices.Concat(l.ended...), " ")); got != "1 2 3 4 1" {
		l.t.Errorf("imported %q", l.ended)
	}
}

func (l *life) status() chferry.Status {
	l.t.Helper()
	statuses, err := l.Status(l.t.Context(), key)
	l.ok(err)
	status := statuses[0]
	status.LastSync, status.OldestPending = time.Time{}, time.Time{}
	return status
}

// registers wants all of ids to be kept, once or twice.
func (l *life) registers(ids ...string) error {
	n, err := l.RegisterOperations(l.t.Context(), key, update(ids...)...)
	if err != nil {
		return err
	}
	before := l.kept
	l.kept, err = l.OperationsCount(l.t.Context(), key)
	l.ok(err)
	once, twice := before+int64(n) == l.kept, before+2*int64(n) == l.kept
	if n != len(ids) || !once && (!l.broken || !twice) {
		return fmt.Errorf("%d are kept after %d were registered, before it were %d", l.kept, n, before)
	}
	return nil
}

func (l *life) preSyncs() error {
	start, err := l.PreSync(l.t.Context(), key, storage.PreSyncOptions{Token: "a"})
	if want := (storage.Start{Claimed: true, Pending: l.kept}); err == nil && start != want {
		return fmt.Errorf("got %+v, want %+v", start, want)
	}
	return err
}

// claims wants the batch that Redis knows of already if this is not the first try.
func (l *life) claims(count int) (err error) {
	var claimed chferry.Status
	if l.broken && l.lost.Begun() {
		claimed = l.status()
	}
	l.batch, err = l.GetOperations(l.t.Context(), key, storage.GetOptions{Token: "a", Count: count})
	if err != nil {
		return err
	}
	status, n := l.status(), min(int64(count), l.kept)
	if int64(l.batch.Count) != n || status.InFlight != n || status.Pending != l.kept-n ||
		status.Version != l.batch.Version {
		return fmt.Errorf("got %+v, want %d of %d; the status is %+v", l.batch, n, l.kept, status)
	}
	if claimed.InFlight > 0 && claimed.Version != l.batch.Version {
		return fmt.Errorf("got %+v, after %+v", l.batch, claimed)
	}
	return nil
}

func (l *life) reads() error {
	l.read = nil
	for page, err := range l.BatchOperations(l.t.Context(), key, "a", l.batch) {
		if err != nil {
			return err
		}
		for _, op := range page {
			l.read = append(l.read, op.PrimaryKey[0])
		}
	}
	return nil
}

// setsAside row 1, whatever the batch holds.
func (l *life) setsAside() error {
	failed := []chferry.FailedOperation{{Operation: update("1")[0], Reason: "bad"}}
	return l.SetAside(l.t.Context(), key, storage.Attempt{Token: "a", BatchID: l.batch.ID, Number: 1}, failed)
}

func (l *life) posts() error {
	n := int64(l.batch.Count)
	end, err := l.PostSync(l.t.Context(), key, storage.PostSyncOptions{
		Token: "a", BatchID: l.batch.ID, Counts: chferry.Counts{Operations: n},
	})
	if err != nil {
		return err
	}
	l.kept -= n
	l.ended = append(l.ended, l.read)
	if want := (storage.End{Remaining: l.kept, Repeated: l.broken}); end != want {
		return fmt.Errorf("got %+v, want %+v", end, want)
	}
	status := l.status()
	if total := int64(len(slices.Concat(l.ended...))); status.Totals.Operations != total || status.Pending != l.kept ||
		status.Failed != 1 {
		return fmt.Errorf("the status is %+v, want %d operations in total and %d pending", status, total, l.kept)
	}
	for page, err := range l.FailedOperations(l.t.Context(), key) {
		if err != nil || len(page) != 1 || page[0].Attempts != len(l.ended) {
			return fmt.Errorf("failed operations are %+v, %w; want one of %d attempts", page, err, len(l.ended))
		}
	}
	return nil
}

// retries wants one operation more, whichever try registered it.
func (l *life) retries() error {
	if _, err := l.RetryFailed(l.t.Context(), key); err != nil {
		return err
	}
	l.kept++
	if status := l.status(); status.Pending != l.kept || status.Failed != 0 {
		return fmt.Errorf("the status is %+v, want %d pending and none failed", status, l.kept)
	}
	return nil
}

func (l *life) discards() error {
	if _, err := l.DiscardFailed(l.t.Context(), key); err != nil {
		return err
	}
	if status := l.status(); status.Failed != 0 {
		return fmt.Errorf("the status is %+v, want none failed", status)
	}
	return nil
}
