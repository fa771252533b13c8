package api_test

import (
	"bytes"
	"context"
	"log/slog"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	goredis "github.com/redis/go-redis/v9"

	"github.com/chferry/chferry"
	"github.com/chferry/chferry/api"
	"github.com/chferry/chferry/embedded"
	"github.com/chferry/chferry/internal/testenv"
	"github.com/chferry/chferry/storage/redis"
)

// TestReadinessOfWrites: a Redis that answers and takes no writes is not ready, as every
// registration tells, and it is again once registering works.
func TestReadinessOfWrites(t *testing.T) {
	t.Parallel()
	states := map[string]struct{ broken, mended []string }{
		"out of memory": {[]string{"CONFIG", "SET", "maxmemory", "1"}, []string{"CONFIG", "SET", "maxmemory", "0"}},
		"too few replicas": {
			[]string{"CONFIG", "SET", "min-replicas-to-write", "1"},
			[]string{"CONFIG", "SET", "min-replicas-to-write", "0"},
		},
		"read-only replica": {[]string{"REPLICAOF", "127.0.0.1", "1"}, []string{"REPLICAOF", "NO", "ONE"}},
	}
	for name, state := range states {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			server := testenv.Private(t, embedded.StartRedis, embedded.Options{})
			store, err := redis.Open(server.URL, redis.Options{})
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { _ = store.Close() })
			client := goredis.NewClient(&goredis.Options{Addr: server.Addr})
			t.Cleanup(func() { _ = client.Close() })
			run := func(command []string) {
				t.Helper()
				words := make([]any, len(command))
				for i, word := range command {
					words[i] = word
				}
				if err := client.Do(t.Context(), words...).Err(); err != nil {
					t.Fatal(err)
				}
			}
			var log bytes.Buffer
			var clock atomic.Int64
			b := setup(t, func(o *api.Options) {
				o.Registrar, o.Administrator = store, store
				o.Log = slog.New(slog.NewTextHandler(&log, nil))
				o.Now = func() time.Time { return time.Unix(clock.Add(1), 0) } // no answer is given again
			})
			insert := post("/v1/imports/bulk/operations", `{"operation":"insert","pks":["1"]}`)
			b.want(t, get("/readyz"), 200)
			b.want(t, insert, 200)
			run(state.broken)
			b.want(t, insert, 503)
			for range 3 {
				body := strings.TrimSpace(b.want(t, get("/readyz"), 503).Body.String())
				if want := `{"ready":false,"redis":` + away("Redis") + `,"temporal":{"ok":true}}`; body != want {
					t.Errorf("got %s, want %s", body, want)
				}
			}
			if got := log.String(); strings.Count(got, "not ready") != 1 || !strings.Contains(got, server.Addr) {
				t.Errorf("the log says %s", got)
			}
			run(state.mended)
			b.want(t, get("/readyz"), 200)
			b.want(t, insert, 200)
			run(state.broken)
			b.want(t, get("/readyz"), 503)
			if got := log.String(); strings.Count(got, "not ready") != 2 {
				t.Errorf("the log says %s", got)
			}
		})
	}
}

// counting is a storage that counts how often it is asked whether it takes writes, and how many ask at a time.
type counting struct {
	broken
	calls, running, most atomic.Int64
}

func (c *counting) CheckWritable(context.Context) error {
	c.calls.Add(1)
	if n := c.running.Add(1); n > c.most.Load() {
		c.most.Store(n)
	}
	c.running.Add(-1)
	return nil
}

// TestReadinessIsShared: however many ask, the servers are asked once, until the answer is old.
func TestReadinessIsShared(t *testing.T) {
	t.Parallel()
	c := &counting{}
	var clock atomic.Int64
	clock.Store(time.Hour.Nanoseconds())
	b := setup(t, func(o *api.Options) {
		o.Administrator = c
		o.Now = func() time.Time { return time.Unix(0, clock.Load()) }
	})
	ask := func() {
		var asking sync.WaitGroup
		for range 100 {
			asking.Go(func() { b.want(t, get("/readyz"), 200) })
		}
		asking.Wait()
	}
	for round := range int64(3) {
		ask()
		if got := c.calls.Load(); got != round+1 || c.most.Load() != 1 || int64(len(b.schedules.calls)) != round+1 {
			t.Errorf("round %d: Redis was asked %d times, %d at a time, Temporal %d times",
				round, got, c.most.Load(), len(b.schedules.calls))
		}
		clock.Add(time.Second.Nanoseconds())
	}
}

// TestReadinessOfOneWhoLeft: a prober that goes away does not make the API unready for the next one.
func TestReadinessOfOneWhoLeft(t *testing.T) {
	t.Parallel()
	b := setup(t, func(o *api.Options) { o.Administrator = obedient{} })
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if response := b.doContext(ctx, get("/readyz")); response.Code != 200 {
		t.Errorf("status %d: %s", response.Code, response.Body)
	}
	b.want(t, get("/readyz"), 200)
}

// obedient is a storage that stops when its caller does.
type obedient struct{ broken }

func (obedient) CheckWritable(ctx context.Context) error { return ctx.Err() }

var _ api.WriteChecker = (*redis.Storage)(nil)

// TestReadinessCodes: whatever fails, anybody may know its code and no more.
func TestReadinessCodes(t *testing.T) {
	t.Parallel()
	for code, words := range map[chferry.Code]string{
		chferry.CodeAccessDenied:  "refuses the API's credentials",
		chferry.CodeConfiguration: "is not set up as the API needs it, or the API's configuration leads elsewhere",
		chferry.CodeUnknown:       "can't be used",
	} {
		t.Run(string(code), func(t *testing.T) {
			t.Parallel()
			b := setup(t, withBroken(chferry.Errorf(code, "Redis at 10.1.2.3:6379 and namespace orders")))
			b.schedules.err = chferry.Errorf(code, "Temporal at 10.1.2.4:7233 and namespace orders")
			got := strings.TrimSpace(b.want(t, get("/readyz"), 503).Body.String())
			is := `{"ok":false,"code":"` + string(code) + `","detail":"SERVER ` + words + `: the API's log says more"}`
			if want := `{"ready":false,"redis":` + strings.Replace(is, "SERVER", "Redis", 1) + `,"temporal":` +
				strings.Replace(is, "SERVER", "Temporal", 1) + `}`; got != want {
				t.Errorf("got %s, want %s", got, want)
			}
		})
	}
}
