package redis_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	goredis "github.com/redis/go-redis/v9"

	"github.com/chferry/chferry"
	"github.com/chferry/chferry/storage"
	"github.com/chferry/chferry/storage/redis"
)

// gate is a network that lets registrations through when it is opened. It counts round trips.
type gate struct {
	open  chan struct{}
	trips atomic.Int64
}

func (g *gate) pass(first goredis.Cmder) {
	if name := first.Name(); name == "xadd" || name == "evalsha" {
		<-g.open
		g.trips.Add(1)
	}
}

func (g *gate) DialHook(next goredis.DialHook) goredis.DialHook { return next }

func (g *gate) ProcessHook(next goredis.ProcessHook) goredis.ProcessHook {
	return func(ctx context.Context, cmd goredis.Cmder) error {
		g.pass(cmd)
		return next(ctx, cmd)
	}
}

func (g *gate) ProcessPipelineHook(next goredis.ProcessPipelineHook) goredis.ProcessPipelineHook {
	return func(ctx context.Context, cmds []goredis.Cmder) error {
		g.pass(cmds[0])
		return next(ctx, cmds)
	}
}

// gated is a storage behind a gate.
func gated(t *testing.T, s *server, opts redis.Options) (*redis.Storage, *gate) {
	t.Helper()
	g := &gate{open: make(chan struct{})}
	client := goredis.NewClient(&goredis.Options{Addr: s.Addr})
	client.AddHook(g)
	store := redis.New(client, s.Addr, opts)
	t.Cleanup(func() { _ = store.Close() })
	return store, g
}

// waiting registers n operations of key, one a call, and returns when all calls wait for the gate or for each other.
func waiting(ctx context.Context, store *redis.Storage, keys ...chferry.ImportKey) (answers func() []error) {
	errs := make([]error, len(keys))
	var calls sync.WaitGroup
	for i, key := range keys {
		began := make(chan struct{})
		calls.Go(func() {
			close(began)
			_, errs[i] = store.RegisterOperations(ctx, key, update(fmt.Sprint(i))...)
		})
		<-began
		time.Sleep(20 * time.Millisecond) // what the test asserts does not depend on it, but for the order of the calls
	}
	return func() []error {
		calls.Wait()
		return errs
	}
}

// TestTogether: calls that wait at the same time go in one round trip, in order, and each gets its own answer.
func TestTogether(t *testing.T) {
	t.Parallel()
	s := private(t)
	store, gate := gated(t, s, redis.Options{MaxPending: func(key chferry.ImportKey) int64 {
		return map[chferry.ImportKey]int64{"few": 2}[key]
	}})
	answers := waiting(t.Context(), store, "users", "users", "few", "users", "few", "few", "users")
	close(gate.open)
	full := 0
	for i, err := range answers() {
		switch {
		case chferry.CodeOf(err) == chferry.CodeQueueFull && (i == 4 || i == 5 || i == 2):
			full++
		case err != nil:
			t.Errorf("call %d: %v", i, err)
		}
	}
	if full != 1 {
		t.Errorf("%d calls were refused, want one of three where two fit", full)
	}
	// One alone; all others; those again whose script Redis did not know; three that did not fit
	// together, again together.
	if trips := gate.trips.Load(); trips > 4 {
		t.Errorf("%d round trips", trips)
	}
	s.wantStatus(4, 0)
	if entries, err := s.admin.XLen(t.Context(), "chferry:{users}:queue").Result(); err != nil || entries != 2 {
		t.Errorf("%d entries of users, %v; want one of the first call and one of the others", entries, err)
	}
	if got := s.drained(key); got != "0 1 3 6" {
		t.Errorf("drained %s, want 0 1 3 6", got)
	}
}

// TestFullQueue: however many calls find the queue of their import key full, the calls for others
// wait for none of them, and all are answered after a few round trips.
func TestFullQueue(t *testing.T) {
	t.Parallel()
	s := private(t)
	store, gate := gated(t, s, redis.Options{MaxPending: func(key chferry.ImportKey) int64 {
		return map[chferry.ImportKey]int64{"full": 1}[key]
	}})
	keys := slices.Repeat([]chferry.ImportKey{"full"}, 30)
	answers := waiting(t.Context(), store, append(keys, "users")...)
	close(gate.open)
	errs := answers()
	for i, err := range errs[1:30] {
		wantCode(t, err, chferry.CodeQueueFull, "max_pending")
		if i == 0 && errs[0] != nil {
			t.Errorf("the call that fits got %v", errs[0])
		}
	}
	s.ok(errs[30])
	if trips := gate.trips.Load(); trips > 4 {
		t.Errorf("%d round trips", trips)
	}
}

// TestReused: a caller that gives up while its registration is on the way may use its memory again.
// The operations that arrive are those it registered.
func TestReused(t *testing.T) {
	t.Parallel()
	s := private(t)
	store, gate := gated(t, s, redis.Options{})
	first := waiting(t.Context(), store, key)
	ctx, cancel := context.WithCancel(t.Context())
	ops := update("2", "3")
	second := make(chan error, 1)
	go func() {
		_, err := store.RegisterOperations(ctx, key, ops...)
		second <- err
	}()
	time.Sleep(20 * time.Millisecond) // the second waits for the first
	gate.open <- struct{}{}
	s.ok(first()[0])
	time.Sleep(20 * time.Millisecond) // the second is on its way; should it not be, it is dropped
	cancel()
	if err := <-second; err != nil && !errors.Is(err, context.Canceled) {
		t.Errorf("the caller who gave up got %v", err)
	}
	ops[0].PrimaryKey[0], ops[1] = "x", ops[0]
	close(gate.open)
	if _, err := store.RegisterOperations(t.Context(), key, update("4")...); err != nil {
		t.Fatal(err)
	}
	if got := s.drained(key); got != "0 2 3 4" && got != "0 4" {
		t.Errorf("drained %s, want 0 2 3 4", got)
	}
}

// TestLeft: a call whose caller leaves while it waits is not sent, and holds up nobody.
func TestLeft(t *testing.T) {
	t.Parallel()
	s := private(t)
	store, gate := gated(t, s, redis.Options{})
	first := waiting(t.Context(), store, key)
	ctx, cancel := context.WithCancel(t.Context())
	second := waiting(ctx, store, key)
	third := waiting(t.Context(), store, key)
	cancel()
	if err := second()[0]; !errors.Is(err, context.Canceled) || chferry.CodeOf(err) != chferry.CodeUnavailable {
		t.Errorf("the caller who left got %v", err)
	}
	close(gate.open)
	s.ok(errors.Join(first()[0], third()[0]))
	s.wantStatus(2, 0)
}

// TestManyTogether: whatever is merged with what, and whenever Redis forgets its scripts, nothing
// is lost and nothing comes twice.
func TestManyTogether(t *testing.T) {
	t.Parallel()
	s := private(t)
	const callers, calls = 32, 100
	keys := []chferry.ImportKey{"users", "orders", "items"}
	var registering sync.WaitGroup
	for c := range callers {
		registering.Go(func() {
			for i := range calls {
				ops := update(fmt.Sprintf("%d-%d-a", c, i), fmt.Sprintf("%d-%d-b", c, i))[:1+i%2]
				if n, err := s.RegisterOperations(t.Context(), keys[i%len(keys)], ops...); err != nil || n != len(ops) {
					t.Errorf("%d registered, %v", n, err)
				}
				if c == 0 && i%10 == 0 {
					s.ok(s.admin.ScriptFlush(t.Context()).Err())
				}
			}
		})
	}
	registering.Wait()
	seen := map[string]int{}
	for _, key := range keys {
		for _, pk := range strings.Fields(s.drained(key)) {
			seen[pk]++
		}
	}
	if want := callers * calls * 3 / 2; len(seen) != want {
		t.Errorf("%d operations were drained, want %d", len(seen), want)
	}
	for pk, n := range seen {
		if n != 1 {
			t.Errorf("%s was drained %d times", pk, n)
		}
	}
}

// drained returns the primary keys of all operations of an import key, in order.
func (s *server) drained(key chferry.ImportKey) string {
	s.t.Helper()
	ctx := s.t.Context()
	_, err := s.PreSync(ctx, key, storage.PreSyncOptions{Token: "drain"})
	s.ok(err)
	batch, err := s.GetOperations(ctx, key, storage.GetOptions{Token: "drain"})
	s.ok(err)
	var words []string
	for ops, err := range s.BatchOperations(ctx, key, "drain", batch) {
		s.ok(err)
		for _, op := range ops {
			words = append(words, strings.Join(op.PrimaryKey, "|"))
		}
	}
	_, err = s.PostSync(ctx, key, storage.PostSyncOptions{Token: "drain", BatchID: batch.ID})
	s.ok(err)
	return strings.Join(words, " ")
}

// TestRefusedTogether: a connection that Redis refuses has no reply for any of those who share it,
// and none of them may take that for a yes.
func TestRefusedTogether(t *testing.T) {
	t.Parallel()
	s := private(t)
	s.ok(s.admin.ConfigSet(t.Context(), "requirepass", "right").Err()) // the connection of admin stays allowed
	for name, d := range map[string]redis.Durability{"plain": {}, "durable": {Replicas: 1}} {
		store := durable(t, "redis://:wrong@"+s.Addr, d)
		var calls sync.WaitGroup
		for i := range 20 {
			calls.Go(func() {
				ops := update("1", "2")[:1+i%2]
				n, err := store.RegisterOperations(t.Context(), key, ops...)
				if n != 0 || chferry.CodeOf(err) != chferry.CodeAccessDenied {
					t.Errorf("%s: %d registered, %v", name, n, err)
				}
			})
		}
		calls.Wait()
	}
	if keys, err := s.admin.Keys(t.Context(), "*").Result(); err != nil || len(keys) != 0 {
		t.Errorf("Redis has the keys %q, %v", keys, err)
	}
}
