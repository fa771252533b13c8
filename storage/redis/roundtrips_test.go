package redis_test

import (
	"context"
	"fmt"
	"strconv"
	"sync/atomic"
	"testing"

	goredis "github.com/redis/go-redis/v9"

	"github.com/chferry/chferry"
	"github.com/chferry/chferry/internal/testenv"
	"github.com/chferry/chferry/storage/redis"
)

// roundTrips counts what is sent and waited for: a command, or a pipeline of several.
type roundTrips struct{ atomic.Int64 }

func (r *roundTrips) DialHook(next goredis.DialHook) goredis.DialHook { return next }

func (r *roundTrips) ProcessHook(next goredis.ProcessHook) goredis.ProcessHook {
	return func(ctx context.Context, cmd goredis.Cmder) error {
		r.Add(1)
		return next(ctx, cmd)
	}
}

func (r *roundTrips) ProcessPipelineHook(next goredis.ProcessPipelineHook) goredis.ProcessPipelineHook {
	return func(ctx context.Context, cmds []goredis.Cmder) error {
		r.Add(1)
		return next(ctx, cmds)
	}
}

// TestRoundTrips: registering takes one, however many operations, and so do the status of however
// many import keys and a version.
func TestRoundTrips(t *testing.T) {
	t.Parallel()
	options, err := goredis.ParseURL(testenv.Redis(t))
	if err != nil {
		t.Fatal(err)
	}
	for _, limit := range []int64{0, 1_000_000} {
		var trips roundTrips
		client := goredis.NewClient(options)
		client.AddHook(&trips)
		store := redis.New(client, options.Addr, redis.Options{
			Prefix: fmt.Sprint(t.Name(), limit), MaxPending: func(chferry.ImportKey) int64 { return limit },
		})
		t.Cleanup(func() { _ = store.Close() })
		s := steps{store, t}
		want := func(what string, do func()) {
			t.Helper()
			do() // once to connect, and for Redis to know the script
			trips.Store(0)
			do()
			if got := trips.Load(); got != 1 {
				t.Errorf("max_pending %d: %s took %d round trips, want 1", limit, what, got)
			}
		}
		ids := make([]string, chferry.MaxOperations)
		keys := make([]chferry.ImportKey, 100)
		for i := range ids {
			ids[i] = strconv.Itoa(i + 1)
			keys[i%len(keys)] = chferry.ImportKey(fmt.Sprint("key", i%len(keys)))
		}
		for _, n := range []int{1, 2, 1000, len(ids)} {
			want(fmt.Sprintf("registering %d", n), func() { s.register(ids[:n]...) })
		}
		want("a version", func() { _, err := s.Mint(t.Context(), key, nil); s.ok(err) })
		want("the status of 100 import keys", func() { _, err := s.Status(t.Context(), keys...); s.ok(err) })
	}
}
