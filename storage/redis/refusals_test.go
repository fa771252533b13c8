package redis_test

import (
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/chferry/chferry"
	"github.com/chferry/chferry/storage"
	"github.com/chferry/chferry/storage/redis"
)

// TestRefusals: an answer of Redis that is a refusal becomes an error that says what to do, and
// nothing is half registered.
func TestRefusals(t *testing.T) {
	t.Parallel()
	config := func(name, value string) func(s *server) error {
		return func(s *server) error { return s.admin.ConfigSet(t.Context(), name, value).Err() }
	}
	const queue, elsewhere = "chferry:{users}:queue", "chferry:{users}:elsewhere"
	for _, c := range []struct {
		name      string
		set, lift func(s *server) error
		code      chferry.Code
		word      string
	}{
		{"out of memory", config("maxmemory", "1"), config("maxmemory", "0"), chferry.CodeUnavailable, "maxmemory"},
		{
			"replica",
			func(s *server) error { return s.admin.ReplicaOf(t.Context(), "127.0.0.1", "1").Err() },
			func(s *server) error { return s.admin.ReplicaOf(t.Context(), "NO", "ONE").Err() },
			chferry.CodeUnavailable, "primary",
		},
		{
			"no replicas", config("min-replicas-to-write", "1"), config("min-replicas-to-write", "0"),
			chferry.CodeUnavailable, "min-replicas-to-write",
		},
		{
			"other type",
			func(s *server) error {
				s.ok(s.admin.Rename(t.Context(), queue, elsewhere).Err())
				return s.admin.Set(t.Context(), queue, "x", 0).Err()
			},
			func(s *server) error { return s.admin.Rename(t.Context(), elsewhere, queue).Err() },
			chferry.CodeConfiguration, "shared",
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			s := private(t)
			limited := openURL(t, s.URL, redis.Options{MaxPending: func(chferry.ImportKey) int64 { return 100 }})
			s.register("1")
			s.register("2", "3")
			s.ok(c.set(s))
			for _, store := range []*redis.Storage{s.Storage, limited} {
				for _, ops := range [][]chferry.Operation{update("4"), update("5", "6")} {
					n, err := store.RegisterOperations(t.Context(), key, ops...)
					wantCode(t, err, c.code, c.word, s.Addr)
					if n != 0 {
						t.Errorf("%d operations are said to be registered", n)
					}
				}
			}
			s.ok(c.lift(s))
			s.wantDrained("1 2 3")
		})
	}
}

// TestOutOfMemory: a Redis that is out of memory refuses to register, but lets syncs drain the
// queue, which is what makes room.
func TestOutOfMemory(t *testing.T) {
	t.Parallel()
	s := private(t)
	s.register("1", "2", "3")
	s.start("a")
	batch := s.get("a", 2)
	s.ok(s.SetAside(t.Context(), key, storage.Attempt{Token: "a", BatchID: batch.ID, Number: 1},
		[]chferry.FailedOperation{{Operation: update("1")[0], Reason: "bad"}}))
	s.ok(s.post("a", batch))
	s.register("4", "5")
	s.ok(s.admin.ConfigSet(t.Context(), "maxmemory", "1").Err())
	_, err := s.RegisterOperations(t.Context(), key, update("6")...)
	wantCode(t, err, chferry.CodeUnavailable, "maxmemory")

	_, err = s.RememberIdentity(t.Context(), key, "default", storage.Identity{Table: "1/2", Mark: 7})
	s.ok(err)
	s.ok(s.NoteSchema(t.Context(), key, "", []string{"column a is new"}))
	s.ok(s.NoteFailure(t.Context(), key, "b", "InsertBatch", chferry.CodeUnavailable, "it is away"))
	_, err = s.RememberedIdentity(t.Context(), key, "default")
	s.ok(err)
	_, err = s.Mint(t.Context(), key, nil)
	s.ok(err)
	s.start("b")
	s.ok(s.ExtendLease(t.Context(), key, "b", time.Minute))
	batch = s.get("b", 2)
	s.ok(s.SetAside(t.Context(), key, storage.Attempt{Token: "b", BatchID: batch.ID, Number: 1},
		[]chferry.FailedOperation{{Operation: update("4")[0], Reason: "bad"}}))
	s.ok(s.post("b", batch))
	s.ok(s.PostSyncFailed(t.Context(), key, "b"))
	s.wantDrained("5")
	if n, err := s.DiscardFailed(t.Context(), key); err != nil || n != 2 {
		t.Errorf("discarded %d, %v; want 2", n, err)
	}
	s.ok(s.Flush(t.Context(), key))
}

func TestPassword(t *testing.T) {
	t.Parallel()
	s := private(t)
	s.ok(s.admin.ConfigSet(t.Context(), "requirepass", "right").Err())
	_, err := s.RegisterOperations(t.Context(), key, update("1")...)
	wantCode(t, err, chferry.CodeAccessDenied, "password")
	wrong, err := redis.Open(strings.Replace(s.URL, "redis://", "redis://:wrong-secret@", 1), redis.Options{})
	s.ok(err)
	defer func() { _ = wrong.Close() }()
	err = wrong.Ping(t.Context())
	wantCode(t, err, chferry.CodeAccessDenied)
	if strings.Contains(err.Error(), "wrong-secret") {
		t.Errorf("the error holds the password: %v", err)
	}
}

func TestCheck(t *testing.T) {
	t.Parallel()
	s := private(t)
	s.ok(s.Check(t.Context()))
	s.ok(s.admin.ConfigSet(t.Context(), "maxmemory-policy", "allkeys-lru").Err())
	wantCode(t, s.Check(t.Context()), chferry.CodeConfiguration, "allkeys-lru", "noeviction")
}

func TestOpenRefuses(t *testing.T) {
	t.Parallel()
	_, err := redis.Open("http://user:very-secret@127.0.0.1", redis.Options{})
	wantCode(t, err, chferry.CodeConfiguration, "redis://")
	if strings.Contains(err.Error(), "very-secret") {
		t.Errorf("the error holds the password: %v", err)
	}
}

func TestMaxPending(t *testing.T) {
	t.Parallel()
	s := open(t, redis.Options{MaxPending: func(k chferry.ImportKey) int64 {
		if k == key {
			return 5
		}
		return 0
	}})
	for _, n := range []int{1, 3} {
		if _, err := s.RegisterOperations(t.Context(), key,
			make([]chferry.Operation, n)...); chferry.CodeOf(err) != chferry.CodeInvalid {
			t.Fatalf("operations without a kind: %v", err)
		}
		if _, err := s.RegisterOperations(t.Context(), key, update([]string{"1", "2", "3"}[:n]...)...); err != nil {
			t.Fatal(err)
		}
	}
	_, err := s.RegisterOperations(t.Context(), key, update("5", "6")...)
	wantCode(t, err, chferry.CodeQueueFull, "max_pending", "4 operations pending")
	if _, err := s.RegisterOperations(t.Context(), key, update("5")...); err != nil {
		t.Fatal(err)
	}
	_, err = s.RegisterOperations(t.Context(), key, update("6")...)
	wantCode(t, err, chferry.CodeQueueFull)
	if _, err := s.RegisterOperations(t.Context(), "other", update("1", "2", "3", "4", "5", "6")...); err != nil {
		t.Fatal(err)
	}
	if count, err := s.OperationsCount(t.Context(), key); err != nil || count != 5 {
		t.Errorf("%d operations are kept, %v; want 5", count, err)
	}
}

// TestMaxPendingTogether: however many register at the same moment, the limit is reached and not passed.
func TestMaxPendingTogether(t *testing.T) {
	t.Parallel()
	const limit = 100
	s := open(t, redis.Options{MaxPending: func(chferry.ImportKey) int64 { return limit }})
	var registered atomic.Int64
	var registering sync.WaitGroup
	for w := range 16 {
		registering.Go(func() {
			for range 20 {
				n, err := s.RegisterOperations(t.Context(), key, update([]string{"1", "2", "3"}[:1+w%3]...)...)
				registered.Add(int64(n))
				if err != nil && chferry.CodeOf(err) != chferry.CodeQueueFull {
					t.Errorf("register: %v (%s)", err, chferry.CodeOf(err))
				}
			}
		})
	}
	registering.Wait()
	count, err := s.OperationsCount(t.Context(), key)
	if err != nil || count != limit || registered.Load() != limit {
		t.Errorf("%d operations are kept and %d registered, %v; want %d", count, registered.Load(), err, limit)
	}
}
