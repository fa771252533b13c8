package redis_test

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	goredis "github.com/redis/go-redis/v9"

	"github.com/chferry/chferry"
	"github.com/chferry/chferry/storage"
)

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
	if again := s.get("a", 100); again != batch { // the claim is still its own
		t.Fatalf("after the restart the batch is %+v, was %+v", again, batch)
	}
	if got := s.read("a", batch); got != "1 2" {
		t.Fatalf("after the restart the batch holds %q, want 1 2", got)
	}
	s.ok(s.post("a", batch))
	s.ok(s.Kill())
	s.ok(s.Restart(t.Context()))
	if end, err := s.PostSync(t.Context(), key, storage.PostSyncOptions{Token: "a", BatchID: batch.ID}); err != nil ||
		!end.Repeated {
		t.Fatalf("after another restart post-sync answers %+v, %v; want the first answer", end, err)
	}
	s.wantDrained("3 5")
}

// TestFlushAll: Redis forgets everything between claim and post-sync. The sync is superseded, the
// next one works, and versions go on growing, from what the destination holds.
func TestFlushAll(t *testing.T) {
	t.Parallel()
	s := private(t)
	s.register("1", "2", "3")
	batch := s.claim("a", 0)
	s.ok(s.admin.FlushAll(t.Context()).Err())
	wantCode(t, s.post("a", batch), chferry.CodeSuperseded)
	s.register("4", "5", "6")
	floor := uint64(time.Now().Add(time.Hour).UnixMicro()) // the clock that minted it was an hour ahead
	next := s.claim("b", floor)
	if next.Version <= floor || next.Version <= batch.Version {
		t.Errorf("version %d is not above the floor %d and the version before, %d", next.Version, floor, batch.Version)
	}
	wantCode(t, s.post("a", batch), chferry.CodeSuperseded)
	if got := s.read("b", next); got != "4 5" {
		t.Errorf("the next batch holds %q, want 4 5", got)
	}
	s.ok(s.post("b", next))
	if third := s.claim("b", 0); third.Version <= next.Version {
		t.Errorf("version %d after %d", third.Version, next.Version)
	}
	s.wantDrained("6")
}

// TestMintElsewhere: a server that has replaced another may lack its last version, so it asks what
// the destination holds, once.
func TestMintElsewhere(t *testing.T) {
	t.Parallel()
	s := private(t)
	mint := func(floor uint64) (version uint64, asked bool) {
		version, err := s.Mint(t.Context(), key,
			func(context.Context) (uint64, error) { asked = true; return floor, nil })
		s.ok(err)
		return version, asked
	}
	first, asked := mint(0)
	if !asked {
		t.Error("no floor was asked for the first version")
	}
	s.ok(s.admin.HSet(t.Context(), "chferry:{users}:state", "replication", "0123456789").Err())
	floor := first + uint64(time.Hour.Microseconds()) // its clock was ahead
	second, asked := mint(floor)
	if !asked || second != floor+1 {
		t.Errorf("another server minted version %d, a floor was asked: %v; want %d", second, asked, floor+1)
	}
	s.register("1")
	if batch := s.claim("a", 2*floor); batch.Version != second+1 {
		t.Errorf("the batch has version %d, want %d", batch.Version, second+1)
	}
	if third, asked := mint(2 * floor); asked || third != second+2 {
		t.Errorf("version %d, a floor was asked: %v; want %d", third, asked, second+2)
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
	s.ok(s.admin.XAdd(t.Context(),
		&goredis.XAddArgs{Stream: "chferry:{users}:queue", Values: []any{"o", "not an entry"}}).Err())
	batch := s.claim("a", 0)
	var err error
	for _, err = range s.BatchOperations(t.Context(), key, "a", batch) {
	}
	wantCode(t, err, chferry.CodeUnknown, "was not written by chferry")
}

// TestOneSlot: all keys of an import key hash to one slot of a cluster, those of different import keys need not.
func TestOneSlot(t *testing.T) {
	t.Parallel()
	s := private(t)
	s.register("1", "2")
	batch := s.claim("a", 0)
	s.ok(s.SetAside(t.Context(), key, storage.Attempt{Token: "a", BatchID: batch.ID, Number: 1},
		[]chferry.FailedOperation{{Operation: update("1")[0], Reason: "bad"}}))
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
	if left := s.admin.Get(t.Context(), "somebody-elses").Val(); left != "x" {
		t.Errorf("somebody else's key is %q after a flush", left)
	}
	for i := range 50 {
		prefix := fmt.Sprintf("chferry:{key%d}:", i)
		if left := s.admin.Keys(t.Context(), prefix+"*").Val(); len(left) != 1 || left[0] != prefix+"state" {
			t.Fatalf("after a flush of everything there are %q", left)
		}
		if left := s.admin.HKeys(t.Context(), prefix+"state").Val(); len(left) != 1 || left[0] != "epoch" {
			t.Fatalf("after a flush of everything the state has %q", left)
		}
	}
}
