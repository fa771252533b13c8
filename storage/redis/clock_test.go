package redis_test

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"testing"
	"time"

	goredis "github.com/redis/go-redis/v9"

	"github.com/chferry/chferry"
	"github.com/chferry/chferry/embedded"
	"github.com/chferry/chferry/storage"
	"github.com/chferry/chferry/storage/redis"
)

// clock is a Redis whose clock a test sets: testdata/clock.c is loaded into the server.
type clock struct {
	steps
	admin  *goredis.Client
	offset string // the file with what is added to the clock
	ahead  time.Duration
}

func newClock(t *testing.T) *clock {
	t.Helper()
	c := &clock{offset: filepath.Join(t.TempDir(), "offset")}
	c.t = t
	c.jump(0)
	library, socket := filepath.Join(t.TempDir(), "clock.so"), filepath.Join(t.TempDir(), "redis.sock")
	if out, err := exec.CommandContext(t.Context(), "cc", "-shared", "-fPIC", "-o", library,
		"testdata/clock.c").CombinedOutput(); err != nil {
		t.Fatalf("compile the clock: %v: %s", err, out)
	}
	cmd := exec.CommandContext(context.WithoutCancel(t.Context()), "redis-server", "--port", "0", "--unixsocket",
		socket, "--save", "")
	cmd.Env = append(os.Environ(), "LD_PRELOAD="+library, "CLOCK_OFFSET="+c.offset)
	server, err := embedded.StartProgram(cmd, t.TempDir(), nil)
	c.ok(err)
	t.Cleanup(func() { server.Stop(context.Background()) })
	c.admin = goredis.NewClient(&goredis.Options{Network: "unix", Addr: socket})
	t.Cleanup(func() { _ = c.admin.Close() })
	for c.admin.Ping(t.Context()).Err() != nil {
		select {
		case <-server.Done():
			t.Fatalf("redis-server ended: %s", server.LastLines())
		case <-time.After(5 * time.Millisecond):
		}
	}
	c.steps = steps{openURL(t, "unix://"+socket, redis.Options{}), t}
	return c
}

// jump sets the clock forward or back. The server maps the file, so that it is written in place.
func (c *clock) jump(by time.Duration) {
	c.t.Helper()
	c.ahead += by
	file, err := os.OpenFile(c.offset, os.O_CREATE|os.O_WRONLY, 0o600)
	c.ok(err)
	_, err = file.Write(binary.NativeEndian.AppendUint64(nil, uint64(c.ahead.Microseconds())))
	c.ok(errors.Join(err, file.Close()))
}

// TestClockIsSet holds that the other tests set the clock at all.
func TestClockIsSet(t *testing.T) {
	t.Parallel()
	c := newClock(t)
	for _, by := range []time.Duration{0, -time.Hour, 3 * time.Hour} {
		c.jump(by)
		got, err := c.admin.Time(t.Context()).Result()
		c.ok(err)
		if off := got.Sub(time.Now().Add(c.ahead)); off.Abs() > 10*time.Minute {
			t.Errorf("set by %s, Redis's clock is off by %s", c.ahead, off)
		}
	}
}

// claimed tells whether a sync without knowledge of others gets the import key.
func (c *clock) claimed(token string, settle time.Duration) bool {
	c.t.Helper()
	start, err := c.PreSync(c.t.Context(), key, storage.PreSyncOptions{Token: token, Settle: settle})
	if chferry.CodeOf(err) != chferry.CodeClaimed {
		c.ok(err)
	}
	return start.Claimed
}

// TestClockJumps lets Redis's clock jump between any two steps: the order stays, nothing is lost, versions grow.
func TestClockJumps(t *testing.T) {
	t.Parallel()
	jumps := []time.Duration{-time.Hour, 0, time.Hour}
	c := newClock(t)
	for i := range 3 * 3 * 3 * 3 {
		c.ok(c.admin.FlushAll(t.Context()).Err())
		moment := i
		jump := func() { c.jump(jumps[moment%3]); moment /= 3 }
		c.register("1", "2")
		jump()
		c.register("3")
		first := c.claim("a", 0)
		jump()
		c.register("4")
		if got := c.read("a", first); got != "1 2" {
			t.Fatalf("jumps %d: the batch holds %q, want 1 2", i, got)
		}
		c.ok(c.post("a", first))
		jump()
		second := c.claim("b", 0)
		if second.Version <= first.Version {
			t.Fatalf("jumps %d: version %d after %d", i, second.Version, first.Version)
		}
		jump()
		c.register("5")
		c.wantDrained("3 4 5")
	}
}

// TestClockAndLease: a jump ends a lease early or late. Early, the claimant learns it; late, a
// closed claimant is taken over all the same.
func TestClockAndLease(t *testing.T) {
	t.Parallel()
	c := newClock(t)
	c.register("1", "2", "3")
	early := c.claim("early", 0)
	c.jump(time.Hour)
	if !c.claimed("late", 0) {
		t.Fatal("an hour later the lease of a minute has not expired")
	}
	wantCode(t, c.post("early", early), chferry.CodeSuperseded)
	if again := c.get("late", 2); again != early {
		t.Fatalf("the batch is %+v, was %+v", again, early)
	}
	c.jump(-time.Hour)
	if c.claimed("other", 0) {
		t.Fatal("a lease expired by a clock that was set back")
	}
	if start := c.start("other"); !start.TakenOver {
		t.Fatalf("a closed claimant was not taken over: %+v", start)
	}
	c.jump(2 * time.Minute)
	if !c.claimed("last", 0) {
		t.Fatal("a lease given after the jump has not expired after two minutes")
	}
	c.wantDrained("1 2 3")
}

// TestClockAndSettle: what is registered before the clock is set back settles when the clock has
// caught up, together with what came after it.
func TestClockAndSettle(t *testing.T) {
	t.Parallel()
	const settle = time.Second
	c := newClock(t)
	c.register("1")
	c.jump(-time.Hour)
	c.register("2")
	c.jump(time.Minute)
	if c.claimed("a", settle) {
		t.Fatal("an operation settled before the clock had caught up")
	}
	c.jump(time.Hour)
	if !c.claimed("a", settle) {
		t.Fatal("operations don't settle though the clock has caught up")
	}
	batch, err := c.GetOperations(t.Context(), key, storage.GetOptions{Token: "a", Settle: settle})
	c.ok(err)
	if got := c.read("a", batch); got != "1 2" {
		t.Fatalf("the batch holds %q, want 1 2", got)
	}
	c.wantDrained("1 2")
}

// TestClockOfRedis does the same to a real Redis, whose clock can't be set: it finds what an hour
// ahead has left behind.
func TestClockOfRedis(t *testing.T) {
	t.Parallel()
	s := private(t)
	ahead := time.Now().Add(time.Hour)
	s.ok(s.admin.XAdd(t.Context(), &goredis.XAddArgs{
		Stream: "chferry:{users}:queue", ID: fmt.Sprintf("%d-7", ahead.UnixMilli()),
		Values: []any{"o", redis.Encode(nil, update("1"))},
	}).Err())
	s.ok(s.admin.HSet(t.Context(), "chferry:{users}:state", "version", ahead.UnixMicro()).Err())
	s.register("2")
	s.register("3", "4")

	start, err := s.PreSync(t.Context(), key, storage.PreSyncOptions{Token: "a", Settle: time.Minute})
	s.ok(err)
	if want := (storage.Start{Pending: 4}); start != want {
		t.Fatalf("operations of the future: got %+v, want %+v", start, want)
	}
	batch := s.claim("a", 0)
	if want := uint64(ahead.UnixMicro()) + 1; batch.Version != want || batch.ID != strconv.FormatUint(want, 10) {
		t.Fatalf("got batch %+v, want version %d", batch, want)
	}
	if got := s.read("a", batch); got != "1 2" {
		t.Fatalf("the batch holds %q, want 1 2", got)
	}
	s.ok(s.admin.HSet(t.Context(), "chferry:{users}:state", "lease_until", ahead.UnixMilli()).Err())
	if start := s.start("b"); !start.TakenOver {
		t.Fatalf("a closed claimant was not taken over: %+v", start)
	}
	if again := s.get("b", 100); again != batch {
		t.Fatalf("the batch is %+v, was %+v", again, batch)
	}
	s.wantDrained("1 2 3 4")
}
