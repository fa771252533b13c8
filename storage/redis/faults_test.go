package redis_test

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	goredis "github.com/redis/go-redis/v9"

	"github.com/chferry/chferry"
	"github.com/chferry/chferry/embedded"
	"github.com/chferry/chferry/internal/testenv"
	"github.com/chferry/chferry/storage"
	"github.com/chferry/chferry/storage/redis"
)

const key = chferry.ImportKey("users")

func update(ids ...string) []chferry.Operation {
	ops := make([]chferry.Operation, len(ids))
	for i, id := range ids {
		ops[i] = chferry.Operation{Kind: chferry.Update, PrimaryKey: chferry.PrimaryKey{id}}
	}
	return ops
}

// server is a Redis that a test may break.
type server struct {
	*embedded.Server
	*redis.Storage
	admin *goredis.Client
	t     *testing.T
}

func private(t *testing.T, args ...string) *server {
	t.Helper()
	s := &server{t: t, Server: testenv.Private(t, embedded.StartRedis, embedded.Options{Args: args})}
	var err error
	if s.Storage, err = redis.Open(s.URL, redis.Options{}); err != nil {
		t.Fatal(err)
	}
	s.admin = goredis.NewClient(&goredis.Options{Addr: s.Addr})
	t.Cleanup(func() { _ = s.Storage.Close(); _ = s.admin.Close() })
	return s
}

func (s *server) ok(err error) {
	s.t.Helper()
	if err != nil {
		s.t.Fatalf("%s: %v", chferry.CodeOf(err), err)
	}
}

func (s *server) register(ids ...string) {
	s.t.Helper()
	_, err := s.RegisterOperations(s.t.Context(), key, update(ids...)...)
	s.ok(err)
}

// claim makes token the claimant and claims a batch.
func (s *server) claim(token string, floor uint64) chferry.Batch {
	s.t.Helper()
	_, err := s.PreSync(s.t.Context(), key, storage.PreSyncOptions{
		Token: token, Closed: func(context.Context, string) bool { return true },
	})
	s.ok(err)
	batch, err := s.GetOperations(s.t.Context(), key, storage.GetOptions{
		Token: token, Count: 2, Floor: func(context.Context) (uint64, error) { return floor, nil },
	})
	s.ok(err)
	return batch
}

func (s *server) post(token string, batch chferry.Batch) error {
	_, err := s.PostSync(s.t.Context(), key, storage.PostSyncOptions{Token: token, BatchID: batch.ID})
	return err
}

func wantCode(t *testing.T, err error, want chferry.Code, words ...string) {
	t.Helper()
	if err == nil || chferry.CodeOf(err) != want {
		t.Fatalf("got error %v (%s), want code %s", err, chferry.CodeOf(err), want)
	}
	for _, word := range words {
		if !strings.Contains(err.Error(), word) {
			t.Errorf("the error does not say %q: %v", word, err)
		}
	}
}

// TestKilledMidBatch: what was acknowledged survives a kill of Redis, claims included.
func TestKilledMidBatch(t *testing.T) {
	t.Parallel()
	s := private(t)
	s.register("1", "2", "3")
	batch := s.claim("a", 0)
	s.ok(s.Kill())
	_, err := s.RegisterOperations(t.Context(), key, update("4")...)
	wantCode(t, err, chferry.CodeUnavailable, s.Addr, "connection refused")
	s.ok(s.Restart(t.Context()))
	s.register("5")
	if again := s.claim("a", 0); again != batch {
		t.Fatalf("after the restart the batch is %+v, was %+v", again, batch)
	}
	s.ok(s.post("a", batch))
	count, err := s.OperationsCount(t.Context(), key)
	s.ok(err)
	if count != 2 {
		t.Errorf("%d operations are left, want 2", count)
	}
}

// TestFlushAll: Redis forgets everything between claim and post-sync; the sync is superseded, versions go on growing.
func TestFlushAll(t *testing.T) {
	t.Parallel()
	s := private(t)
	s.register("1", "2", "3")
	batch := s.claim("a", 0)
	s.ok(s.admin.FlushAll(t.Context()).Err())
	wantCode(t, s.post("a", batch), chferry.CodeSuperseded)
	s.register("4")
	floor := uint64(time.Now().Add(time.Hour).UnixMicro()) // the clock that minted it was an hour ahead
	if next := s.claim("b", floor); next.Version <= floor {
		t.Errorf("version %d is not above the floor %d", next.Version, floor)
	}
}

// TestQueueTakenAway: somebody deletes the stream behind our back; the sync says so and the next one is not stuck.
func TestQueueTakenAway(t *testing.T) {
	t.Parallel()
	s := private(t)
	s.register("1", "2", "3")
	batch := s.claim("a", 0)
	s.ok(s.admin.Del(t.Context(), "chferry:{users}:queue").Err())
	var err error
	for _, err = range s.BatchOperations(t.Context(), key, "a", batch) {
	}
	wantCode(t, err, chferry.CodeUnknown, "2 of 2 claimed operations are gone")
	s.ok(s.Flush(t.Context(), key))
	s.register("4")
	if next := s.claim("b", 0); next.Count != 1 {
		t.Errorf("the next batch has %d operations, want 1", next.Count)
	}
}

func TestForeignEntries(t *testing.T) {
	t.Parallel()
	s := private(t)
	s.ok(s.admin.XAdd(t.Context(), &goredis.XAddArgs{Stream: "chferry:{users}:queue", Values: []any{"o", "not an entry"}}).Err())
	batch := s.claim("a", 0)
	var err error
	for _, err = range s.BatchOperations(t.Context(), key, "a", batch) {
	}
	wantCode(t, err, chferry.CodeUnknown, "was not written by chferry")
}

// TestRefusals: an answer of Redis that is a refusal becomes an error that says what to do, and nothing is half registered.
func TestRefusals(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name string
		set  func(s *server) error
		code chferry.Code
		word string
	}{
		{"out of memory", func(s *server) error { return s.admin.ConfigSet(t.Context(), "maxmemory", "1").Err() }, chferry.CodeUnavailable, "maxmemory"},
		{"replica", func(s *server) error { return s.admin.ReplicaOf(t.Context(), "127.0.0.1", "1").Err() }, chferry.CodeUnavailable, "primary"},
		{"no replicas", func(s *server) error { return s.admin.ConfigSet(t.Context(), "min-replicas-to-write", "1").Err() }, chferry.CodeUnavailable, "min-replicas-to-write"},
		{"other type", func(s *server) error { return s.admin.Set(t.Context(), "chferry:{users}:queue", "x", 0).Err() }, chferry.CodeConfiguration, "shared"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			s := private(t)
			s.ok(c.set(s))
			for _, ops := range [][]chferry.Operation{update("1"), update("1", "2")} {
				_, err := s.RegisterOperations(t.Context(), key, ops...)
				wantCode(t, err, c.code, c.word, s.Addr)
			}
			if n := s.admin.HExists(t.Context(), "chferry:{users}:state", "surplus").Val(); n {
				t.Error("a refused registration left something behind")
			}
		})
	}
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
		if _, err := s.RegisterOperations(t.Context(), key, update(make([]string, n)...)...); chferry.CodeOf(err) != chferry.CodeInvalid {
			t.Fatalf("empty keys: %v", err)
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

// TestOneSlot: all keys of an import key hash to one slot of a cluster, those of different import keys need not.
func TestOneSlot(t *testing.T) {
	t.Parallel()
	s := private(t)
	s.register("1", "2")
	batch := s.claim("a", 0)
	s.ok(s.SetAside(t.Context(), key, "a", batch, true, []chferry.FailedOperation{{Operation: update("1")[0], Reason: "bad"}}))
	s.ok(s.post("a", batch))
	s.register("3")
	for _, k := range s.admin.Keys(t.Context(), "*").Val() {
		if !strings.HasPrefix(k, "chferry:{users}:") {
			t.Errorf("key %q is not in the slot of {users}", k)
		}
	}
}

func TestFlushAllKeys(t *testing.T) {
	t.Parallel()
	s := private(t)
	for i := range 50 {
		_, err := s.RegisterOperations(t.Context(), chferry.ImportKey(fmt.Sprint("key", i)), update("1")...)
		s.ok(err)
	}
	s.ok(s.admin.Set(t.Context(), "somebody-elses", "x", 0).Err())
	s.ok(s.Flush(t.Context()))
	if left := s.admin.Keys(t.Context(), "*").Val(); len(left) != 1 || left[0] != "somebody-elses" {
		t.Errorf("after a flush of everything there are %q", left)
	}
}
