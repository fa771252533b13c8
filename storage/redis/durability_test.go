package redis_test

import (
	"strings"
	"testing"
	"time"

	"github.com/alicebob/miniredis/v2"
	miniserver "github.com/alicebob/miniredis/v2/server"

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

// TestWaitAOF stands in for Redis 7.2 where the machine has an older one: the command and what becomes of its replies.
func TestWaitAOF(t *testing.T) {
	t.Parallel()
	fake := miniredis.RunT(t)
	local, replicas := 1, 0
	var asked []string
	err := fake.Server().Register("WAITAOF", func(c *miniserver.Peer, _ string, args []string) {
		asked = args
		c.WriteLen(2)
		c.WriteInt(local)
		c.WriteInt(replicas)
	})
	if err != nil {
		t.Fatal(err)
	}
	store := durable(t, "redis://"+fake.Addr(), redis.Durability{AOF: true, Replicas: 2, Timeout: 3 * time.Second})
	_, err = store.RegisterOperations(t.Context(), key, update("1")...)
	wantCode(t, err, chferry.CodeUnavailable, "0 of 2 replicas")
	if got := strings.Join(asked, " "); got != "1 2 3000" {
		t.Errorf("asked WAITAOF %s, want 1 2 3000", got)
	}
	replicas = 2
	if _, err := store.RegisterOperations(t.Context(), key, update("2", "3")...); err != nil {
		t.Error(err)
	}
	local = 0
	_, err = store.RegisterOperations(t.Context(), key, update("4")...)
	wantCode(t, err, chferry.CodeUnavailable, "not by the primary's append-only file")
}
