package redis_test

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	goredis "github.com/redis/go-redis/v9"

	"github.com/chferry/chferry"
	"github.com/chferry/chferry/storage/redis"
)

// durable opens a storage that waits for registrations to be kept.
func durable(t *testing.T, url string, d redis.Durability) *redis.Storage {
	t.Helper()
	s, err := redis.Open(url, redis.Options{Durability: d})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	return s
}

func TestReplicas(t *testing.T) {
	t.Parallel()
	primary := private(t)
	host, port, _ := strings.Cut(primary.Addr, ":")
	replica := private(t, "--replicaof", host+" "+port)
	store := durable(t, primary.URL, redis.Durability{Replicas: 1, Timeout: 500 * time.Millisecond})
	for {
		if _, err := store.RegisterOperations(t.Context(), key, update("1")...); err == nil {
			break
		}
		time.Sleep(50 * time.Millisecond) // the replica is still connecting
	}
	primary.ok(store.Check(t.Context()))
	if n, err := replica.OperationsCount(t.Context(), key); err != nil || n == 0 {
		t.Errorf("acknowledged, but the replica has %d operations, %v", n, err)
	}
	primary.ok(replica.Kill())
	before, err := store.OperationsCount(t.Context(), key)
	primary.ok(err)
	for _, ops := range [][]chferry.Operation{update("2"), update("3", "4")} {
		n, err := store.RegisterOperations(t.Context(), key, ops...)
		wantCode(t, err, chferry.CodeUnavailable, "0 of 1 replicas", "500ms")
		if n != 0 {
			t.Errorf("%d acknowledged", n)
		}
	}
	if n, err := store.OperationsCount(t.Context(), key); err != nil || n != before+3 {
		t.Errorf("the primary has %d operations, %v; had %d", n, err, before)
	}
	wantCode(t, store.Check(t.Context()), chferry.CodeConfiguration, "0 replicas", "1")
}

// TestNoWaitAOF: this Redis is older than the command, or the command is refused; both are said.
func TestNoWaitAOF(t *testing.T) {
	t.Parallel()
	s := private(t, "--appendonly", "no")
	store := durable(t, s.URL, redis.Durability{AOF: true})
	_, err := store.RegisterOperations(t.Context(), key, update("1")...)
	wantCode(t, err, chferry.CodeConfiguration, "WAITAOF", "7.2")
	wantCode(t, store.Check(t.Context()), chferry.CodeConfiguration, "WAITAOF", "7.2")
}

// waitAOF answers WAITAOF in place of Redis 7.2, where the machine has an older one. The counts
// come back as Redis's own reply.
type waitAOF struct {
	local, replicas int
	asked           string
}

func (w *waitAOF) DialHook(next goredis.DialHook) goredis.DialHook          { return next }
func (w *waitAOF) ProcessHook(next goredis.ProcessHook) goredis.ProcessHook { return next }

func (w *waitAOF) ProcessPipelineHook(next goredis.ProcessPipelineHook) goredis.ProcessPipelineHook {
	return func(ctx context.Context, cmds []goredis.Cmder) error {
		for _, cmd := range cmds {
			if args := cmd.Args(); args[0] == "WAITAOF" {
				w.asked = fmt.Sprint(args)
				copy(args, []any{"EVAL", fmt.Sprintf("return {%d,%d}", w.local, w.replicas), 0})
			}
		}
		return next(ctx, cmds)
	}
}

func TestWaitAOF(t *testing.T) {
	t.Parallel()
	s := private(t)
	w := &waitAOF{local: 1}
	client := goredis.NewClient(&goredis.Options{Addr: s.Addr})
	client.AddHook(w)
	store := redis.New(client, s.Addr,
		redis.Options{Durability: redis.Durability{AOF: true, Replicas: 2, Timeout: 3 * time.Second}})
	t.Cleanup(func() { _ = store.Close() })
	_, err := store.RegisterOperations(t.Context(), key, update("1")...)
	wantCode(t, err, chferry.CodeUnavailable, "0 of 2 replicas")
	if want := "[WAITAOF 1 2 3000]"; w.asked != want {
		t.Errorf("asked %s, want %s", w.asked, want)
	}
	w.replicas = 2
	if _, err := store.RegisterOperations(t.Context(), key, update("2", "3")...); err != nil {
		t.Error(err)
	}
	w.local = 0
	_, err = store.RegisterOperations(t.Context(), key, update("4")...)
	wantCode(t, err, chferry.CodeUnavailable, "not by the primary's append-only file")
}
