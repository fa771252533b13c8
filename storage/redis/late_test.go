package redis_test

import (
	"bytes"
	"context"
	"fmt"
	"maps"
	"net"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	goredis "github.com/redis/go-redis/v9"

	"github.com/chferry/chferry"
	"github.com/chferry/chferry/internal/testenv"
	"github.com/chferry/chferry/storage"
	"github.com/chferry/chferry/storage/redis"
)

// resending is a storage that can send its earlier requests once more.
type resending struct {
	*redis.Storage
	client *goredis.Client

	mu   sync.Mutex
	sent [][]any
}

func openResending(t *testing.T, opts redis.Options) *resending {
	t.Helper()
	options, err := goredis.ParseURL(testenv.Redis(t))
	if err != nil {
		t.Fatal(err)
	}
	client := goredis.NewClient(options)
	r := &resending{Storage: redis.New(client, options.Addr, opts), client: goredis.NewClient(options)}
	client.AddHook(r)
	t.Cleanup(func() { _, _ = r.Close(), r.client.Close() })
	return r
}

func (r *resending) DialHook(next goredis.DialHook) goredis.DialHook {
	return func(ctx context.Context, network, addr string) (net.Conn, error) { return next(ctx, network, addr) }
}

func (r *resending) ProcessPipelineHook(next goredis.ProcessPipelineHook) goredis.ProcessPipelineHook {
	return next
}

func (r *resending) ProcessHook(next goredis.ProcessHook) goredis.ProcessHook {
	return func(ctx context.Context, cmd goredis.Cmder) error {
		err := next(ctx, cmd)
		if args := cmd.Args(); cmd.Name() == "evalsha" && !slices.Contains(redis.NeverLate, args[1].(string)) &&
			!refused(cmd) {
			r.mu.Lock()
			r.sent = append(r.sent, slices.Clone(args))
			r.mu.Unlock()
		}
		return err
	}
}

// refused tells a request of a token that was not the claimant. It never becomes the claimant
// again: its next sync has another token, other than an actor of a test.
func refused(cmd goredis.Cmder) bool {
	script, ok := cmd.(*goredis.Cmd)
	if !ok {
		return false
	}
	words, err := script.Slice()
	return err == nil && (words[0] == "superseded" || words[0] == "overtaken" || words[0] == "claimed")
}

// Resend implements storagetest.Resender.
func (r *resending) Resend(ctx context.Context, pick func(n int) int) error {
	r.mu.Lock()
	newest := slices.Clone(r.sent[max(0, len(r.sent)-40):])
	r.mu.Unlock()
	if len(newest) == 0 {
		return nil
	}
	return r.client.Do(ctx, newest[pick(len(newest))]...).Err()
}

// stalled is a storage of which one request, told by its script's arguments, is held until release is called.
func (s *server) stalled(t *testing.T, held func(args []any) bool) (_ steps, holds <-chan struct{}, release func()) {
	t.Helper()
	client := goredis.NewClient(&goredis.Options{Addr: s.Addr})
	h := &holder{held: held, holds: make(chan struct{}), released: make(chan struct{})}
	client.AddHook(h)
	store := redis.New(client, s.Addr, redis.Options{})
	t.Cleanup(func() { _ = store.Close() })
	return steps{store, t}, h.holds, func() { close(h.released) }
}

type holder struct {
	resending
	held            func(args []any) bool
	once            sync.Once
	holds, released chan struct{}
}

func (h *holder) ProcessHook(next goredis.ProcessHook) goredis.ProcessHook {
	return func(ctx context.Context, cmd goredis.Cmder) error {
		if cmd.Name() == "evalsha" && h.held(cmd.Args()) {
			h.once.Do(func() {
				close(h.holds)
				<-h.released
			})
		}
		return next(ctx, cmd)
	}
}

// walked tells the claim that follows a walk: it names an entry of the queue.
func walked(args []any) bool {
	return len(args) == 14 && strings.Contains(fmt.Sprint(args[11]), "-")
}

// TestLateClaim: an attempt to claim a batch stalls after it has looked for the batch's end.
// Meanwhile another attempt of the same sync claims the batch, and it is imported and removed. What
// the first one found is no longer there: it claims what is next, or gets it.
func TestLateClaim(t *testing.T) {
	t.Parallel()
	ids := make([]string, 40)
	for i := range ids {
		ids[i] = fmt.Sprint(i)
	}
	for name, meanwhile := range map[string]func(s *server) chferry.Batch{
		"before the next claim": func(s *server) chferry.Batch {
			batch := s.get("a", 5)
			s.ok(s.post("a", batch))
			return batch
		},
		"after the next claim": func(s *server) chferry.Batch {
			batch := s.get("a", 5)
			s.ok(s.post("a", batch))
			s.get("a", 5)
			return batch
		},
		"before the removal": func(s *server) chferry.Batch { return s.get("a", 5) },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := private(t)
			for first := 0; first < len(ids); first += 10 {
				s.register(ids[first : first+10]...)
			}
			s.start("a")
			slow, holds, release := s.stalled(t, walked)
			answered := make(chan chferry.Batch, 1)
			go func() { answered <- slow.get("a", 5) }()
			<-holds
			first := meanwhile(s)
			release()
			got := <-answered
			want := strings.Join(ids[5:10], " ")
			if got.ID == first.ID {
				want = strings.Join(ids[:5], " ")
			}
			if read := s.read("a", got); read != want {
				t.Fatalf("the late attempt claimed %q, want %q", read, want)
			}
			s.ok(s.post("a", got))
			rest := ids[5:]
			if got.ID != first.ID {
				rest = ids[10:]
			}
			s.wantDrained(strings.Join(rest, " "))
		})
	}
}

// TestLateClaimOnTheWire: the network holds a claim's request until its client has given up, sent
// it again and imported the batch. Then it arrives, as the claim of a batch that is no more.
func TestLateClaimOnTheWire(t *testing.T) {
	t.Parallel()
	s := private(t)
	ids := make([]string, 40)
	for i := range ids {
		ids[i] = fmt.Sprint(i)
	}
	for first := 0; first < len(ids); first += 10 {
		s.register(ids[first : first+10]...)
	}
	s.start("a")
	p := testenv.NewProxy(t, "redis://"+s.Addr)
	entry, claim := regexp.MustCompile(`\d{13}-\d+`), []byte(redis.ClaimHash)
	held := p.HoldRequest(func(request []byte) bool { return bytes.Contains(request, claim) && entry.Match(request) })
	client := goredis.NewClient(&goredis.Options{Addr: p.Addr, ReadTimeout: 300 * time.Millisecond})
	store := redis.New(client, p.Addr, redis.Options{})
	t.Cleanup(func() { _ = store.Close() })
	slow := steps{store, t}

	// The script is known: else the client would send its text, without what it is told by.
	s.ok(s.post("a", s.get("a", 3)))
	batch := slow.get("a", 5)
	if !held.Begun() {
		t.Fatal("no request was held")
	}
	if got := slow.read("a", batch); got != strings.Join(ids[3:8], " ") {
		t.Fatalf("the batch holds %q", got)
	}
	s.ok(slow.post("a", batch))
	before, err := s.admin.HGetAll(t.Context(), "chferry:{users}:state").Result()
	s.ok(err)
	held.Release()
	after, err := s.admin.HGetAll(t.Context(), "chferry:{users}:state").Result()
	s.ok(err)
	if !maps.Equal(before, after) {
		t.Errorf("the late request changed %v to %v", before, after)
	}
	s.wantDrained(strings.Join(ids[8:], " "))
}

// TestLateSteps: copies of each step's request arrive after the sync has ended, and once the next one is at work.
func TestLateSteps(t *testing.T) {
	t.Parallel()
	r := openResending(t, redis.Options{Prefix: prefix(t)})
	s := steps{r.Storage, t}
	late := func() {
		t.Helper()
		before, err := r.Status(t.Context(), key)
		s.ok(err)
		r.mu.Lock()
		sent := slices.Clone(r.sent)
		r.mu.Unlock()
		for i, args := range sent {
			s.ok(r.client.Do(t.Context(), args...).Err())
			after, err := r.Status(t.Context(), key)
			s.ok(err)
			after[0].LastSync = before[0].LastSync
			if !reflect.DeepEqual(after, before) {
				t.Fatalf("request %d of %d, %.60q, changed %+v to %+v", i, len(sent), args[2:], before[0], after[0])
			}
		}
	}
	failed := []chferry.FailedOperation{{Operation: update("1")[0], Reason: "bad"}}
	s.register("1", "2", "3")
	s.register("4", "5", "6")
	for _, token := range []string{"a", "b"} {
		s.start(token)
		late()
		batch := s.get(token, 2)
		late()
		by := storage.Attempt{Token: token, BatchID: batch.ID, Number: 1}
		s.ok(s.SetAside(t.Context(), key, by, nil))
		s.ok(s.SetAside(t.Context(), key, by, failed))
		late()
		s.ok(s.post(token, batch))
		late()
		s.ok(s.PostSyncFailed(t.Context(), key, token))
		late()
	}
	if n, err := s.RetryFailed(t.Context(), key); err != nil || n != 1 {
		t.Fatalf("retried %d, %v; want 1", n, err)
	}
	late()
	s.wantDrained("5 6 1")
	late()
	for range 2 { // the second failure is no longer the one that was discarded first
		s.register("1")
		s.start("c")
		batch := s.get("c", 2)
		s.ok(s.SetAside(t.Context(), key, storage.Attempt{Token: "c", BatchID: batch.ID, Number: 1}, failed))
		s.ok(s.post("c", batch))
		late()
		if n, err := s.DiscardFailed(t.Context(), key); err != nil || n != 1 {
			t.Fatalf("discarded %d, %v; want 1", n, err)
		}
	}
	late()
	s.register("7")
	late()
	s.ok(s.Flush(t.Context(), key))
	s.register("8", "9")
	late()
	s.wantDrained("8 9")
}
