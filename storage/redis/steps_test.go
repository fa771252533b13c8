package redis_test

import (
	"context"
	"strings"
	"testing"

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

// steps are the calls of applications and syncs, on one import key, that must succeed.
type steps struct {
	*redis.Storage
	t *testing.T
}

func (s steps) ok(err error) {
	s.t.Helper()
	if err != nil {
		s.t.Fatalf("%s: %v", chferry.CodeOf(err), err)
	}
}

// register registers all ids in one call.
func (s steps) register(ids ...string) {
	s.t.Helper()
	_, err := s.RegisterOperations(s.t.Context(), key, update(ids...)...)
	s.ok(err)
}

// start makes token the claimant, whoever was it before.
func (s steps) start(token string) storage.Start {
	s.t.Helper()
	start, err := s.PreSync(s.t.Context(), key, storage.PreSyncOptions{
		Token: token, Closed: func(context.Context, string) bool { return true },
	})
	s.ok(err)
	return start
}

func (s steps) get(token string, count int) chferry.Batch {
	s.t.Helper()
	batch, err := s.GetOperations(s.t.Context(), key, storage.GetOptions{Token: token, Count: count})
	s.ok(err)
	return batch
}

// claim makes token the claimant and claims two operations; the destination holds the version floor.
func (s steps) claim(token string, floor uint64) chferry.Batch {
	s.t.Helper()
	s.start(token)
	batch, err := s.GetOperations(s.t.Context(), key, storage.GetOptions{
		Token: token, Count: 2, Floor: func(context.Context) (uint64, error) { return floor, nil },
	})
	s.ok(err)
	return batch
}

// read returns what a batch holds, in words.
func (s steps) read(token string, batch chferry.Batch) string {
	s.t.Helper()
	var ids []string
	for page, err := range s.BatchOperations(s.t.Context(), key, token, batch) {
		s.ok(err)
		for _, op := range page {
			ids = append(ids, op.PrimaryKey[0])
		}
	}
	return strings.Join(ids, " ")
}

func (s steps) post(token string, batch chferry.Batch) error {
	_, err := s.PostSync(s.t.Context(), key, storage.PostSyncOptions{Token: token, BatchID: batch.ID})
	return err
}

// wantDrained syncs what is left, in batches of two, and compares it with the words of want.
func (s steps) wantDrained(want string) {
	s.t.Helper()
	count, err := s.OperationsCount(s.t.Context(), key)
	s.ok(err)
	var got []string
	for s.start("drain").Claimed {
		batch := s.get("drain", 2)
		got = append(got, s.read("drain", batch))
		s.ok(s.post("drain", batch))
	}
	if strings.Join(got, " ") != want || int(count) != len(strings.Fields(want)) {
		s.t.Fatalf("drained %q of %d operations, want %q", got, count, want)
	}
}

// server is a Redis that a test may break.
type server struct {
	*embedded.Server
	steps
	admin *goredis.Client
}

func private(t *testing.T, args ...string) *server {
	t.Helper()
	s := &server{Server: testenv.Private(t, embedded.StartRedis, embedded.Options{Args: args})}
	store, err := redis.Open(s.URL, redis.Options{})
	if err != nil {
		t.Fatal(err)
	}
	s.steps = steps{store, t}
	s.admin = goredis.NewClient(&goredis.Options{Addr: s.Addr})
	t.Cleanup(func() { _ = store.Close(); _ = s.admin.Close() })
	return s
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
