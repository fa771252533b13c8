package redis_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"

	goredis "github.com/redis/go-redis/v9"

	"github.com/chferry/chferry"
	"github.com/chferry/chferry/storage"
	"github.com/chferry/chferry/storage/redis"
)

// cut lets so many commands through and breaks all later ones, as a network that fails in the middle of a call does.
type cut struct{ after int }

func (c *cut) DialHook(next goredis.DialHook) goredis.DialHook { return next }

func (c *cut) ProcessPipelineHook(next goredis.ProcessPipelineHook) goredis.ProcessPipelineHook {
	return next
}

func (c *cut) ProcessHook(next goredis.ProcessHook) goredis.ProcessHook {
	return func(ctx context.Context, cmd goredis.Cmder) error {
		if strings.HasPrefix(cmd.Name(), "eval") {
			if c.after == 0 {
				err := errors.New("connection reset")
				cmd.SetErr(err)
				return err
			}
			c.after--
		}
		return next(ctx, cmd)
	}
}

// fill appends entries of one operation each. What is sent at once stays small, for the client
// sends again what takes too long.
func (s *server) fill(entries int, value func(i int) string) {
	const page = 10_000
	for first := 0; first < entries; first += page {
		pipe := s.admin.Pipeline()
		for i := first; i < min(first+page, entries); i++ {
			pipe.XAdd(s.t.Context(), &goredis.XAddArgs{Stream: "chferry:{users}:queue", Values: []any{"o", value(i)}})
		}
		_, err := pipe.Exec(s.t.Context())
		s.ok(err)
	}
}

// TestTidy: a batch of many pages ends in one step, whatever happens to the tidying that follows.
func TestTidy(t *testing.T) {
	t.Parallel()
	const entries, failing = 250_000, 1_300
	s := private(t)
	ctx := t.Context()
	s.fill(entries+1, func(i int) string { return "u\x01\x01\x06" + fmt.Sprintf("%06d", i) })
	_, err := s.PreSync(ctx, key, storage.PreSyncOptions{Token: "a"})
	s.ok(err)
	batch, err := s.GetOperations(ctx, key, storage.GetOptions{Token: "a", Count: entries})
	s.ok(err)
	failed := make([]chferry.FailedOperation, failing)
	for i := range failed {
		failed[i] = chferry.FailedOperation{Operation: update(fmt.Sprintf("%06d", i))[0], Reason: "no"}
	}
	s.ok(s.SetAside(ctx, key, storage.Attempt{Token: "a", BatchID: batch.ID, Number: 1}, failed))
	post := storage.PostSyncOptions{
		Token: "a", BatchID: batch.ID, Counts: chferry.Counts{Operations: entries, Failed: failing},
	}
	newest := s.admin.XRevRangeN(ctx, "chferry:{users}:queue", "+", "-", 2).Val()
	next, last := storage.Position(newest[0].ID), storage.Position(newest[1].ID)

	for calls := 1; ; calls++ {
		broken := goredis.NewClient(&goredis.Options{Addr: s.Addr, MaxRetries: -1})
		broken.AddHook(&cut{after: 2}) // EVALSHA, and EVAL where the script is not known yet
		store := redis.New(broken, s.Addr, redis.Options{})
		end, err := store.PostSync(ctx, key, post)
		_ = store.Close()
		s.wantStatus(1, failing)
		if passed, err := s.Passed(ctx, key, last, next); err != nil || !passed[0] || passed[1] {
			t.Errorf("call %d: the batch's last position and the next one are passed: %v, %v; want the first alone",
				calls, passed, err)
		}
		if err == nil {
			if calls < 3 || !end.Repeated || end.Remaining != 1 {
				t.Errorf("call %d answers %+v", calls, end)
			}
			break
		}
	}
	if n, err := s.admin.XLen(ctx, "chferry:{users}:queue").Result(); err != nil || n != 1 {
		t.Errorf("%d entries are left, %v; want 1", n, err)
	}
	if left, err := s.admin.Exists(ctx, "chferry:{users}:ended", "chferry:{users}:aside").Result(); err != nil ||
		left != 0 {
		t.Errorf("%d keys of the batch are left, %v", left, err)
	}
}

// trimmed notes how many entries each script takes from the queue.
type trimmed struct {
	cut
	admin *goredis.Client
	most  int64
}

func (h *trimmed) ProcessHook(next goredis.ProcessHook) goredis.ProcessHook {
	return func(ctx context.Context, cmd goredis.Cmder) error {
		before := h.admin.XLen(ctx, "chferry:{users}:queue").Val()
		err := next(ctx, cmd)
		h.most = max(h.most, before-h.admin.XLen(ctx, "chferry:{users}:queue").Val())
		return err
	}
}

// TestTidyPages: no script trims more than a page, whatever the nodes of the stream hold: a node
// that was begun already, and nodes that a page is no multiple of.
func TestTidyPages(t *testing.T) {
	t.Parallel()
	const entries, page = 180_000, 50_000
	s := private(t)
	ctx := t.Context()
	s.fill(entries, func(i int) string { return "u\x01\x01\x24" + fmt.Sprintf("%08d-0000-4000-8000-000000000000", i) })
	client := goredis.NewClient(&goredis.Options{Addr: s.Addr})
	watched := &trimmed{admin: s.admin}
	client.AddHook(watched)
	store := redis.New(client, s.Addr, redis.Options{})
	t.Cleanup(func() { _ = store.Close() })
	watching := steps{store, t}
	watching.start("a")
	for _, count := range []int{37, entries - 37 - 5, 5} {
		s.ok(watching.post("a", watching.get("a", count)))
	}
	if watched.most > page {
		t.Errorf("one script took %d entries, want at most %d", watched.most, page)
	}
	if left := s.admin.XLen(ctx, "chferry:{users}:queue").Val(); left != 0 {
		t.Errorf("%d entries are left", left)
	}
}

// TestTidiedByTheNext: what a dead PostSync left is done by whoever comes next.
func TestTidiedByTheNext(t *testing.T) {
	t.Parallel()
	for name, next := range map[string]func(s *server) error{
		"claim": func(s *server) error {
			if batch := s.claim("b", 0); batch.Count != 1 {
				s.t.Errorf("the next batch is %+v", batch)
			}
			return nil
		},
		"retry": func(s *server) error {
			n, err := s.RetryFailed(s.t.Context(), key)
			if n != 1 {
				s.t.Errorf("%d operations were retried, want 1", n)
			}
			return err
		},
		"discard": func(s *server) error {
			n, err := s.DiscardFailed(s.t.Context(), key)
			if n != 1 {
				s.t.Errorf("%d operations were discarded, want 1", n)
			}
			return err
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := private(t)
			s.register("1")
			s.register("2")
			s.register("3")
			batch := s.claim("a", 0)
			s.ok(s.SetAside(t.Context(), key, storage.Attempt{Token: "a", BatchID: batch.ID, Number: 1},
				[]chferry.FailedOperation{{Operation: update("1")[0], Reason: "no"}}))
			s.ok(s.post("a", batch))
			// As it is after the step that ends a batch, and before anything was tidied.
			ctx := t.Context()
			s.ok(s.admin.Rename(ctx, "chferry:{users}:failed", "chferry:{users}:ended").Err())
			last, err := s.admin.XAdd(ctx,
				&goredis.XAddArgs{Stream: "chferry:{users}:queue", Values: []any{"o", "u\x01\x01\x011"}}).Result()
			s.ok(err)
			s.register("3")
			s.ok(s.admin.HSet(ctx, "chferry:{users}:state", "ended_last", last).Err())
			s.ok(s.admin.HIncrBy(ctx, "chferry:{users}:state", "surplus", -2).Err())
			s.wantStatus(1, 1)
			s.ok(next(s))
			if left, err := s.admin.Exists(ctx, "chferry:{users}:ended").Result(); err != nil || left != 0 {
				t.Errorf("the failed operations of the batch are still where they were, %v", err)
			}
		})
	}
}

func (s *server) wantStatus(kept, failed int64) {
	s.t.Helper()
	statuses, err := s.Status(s.t.Context(), key)
	s.ok(err)
	if got := statuses[0]; got.Pending+got.InFlight != kept || got.Failed != failed {
		s.t.Fatalf("%d operations are kept and %d failed, want %d and %d",
			got.Pending+got.InFlight, got.Failed, kept, failed)
	}
}
