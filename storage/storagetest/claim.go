package storagetest

import (
	"context"
	"errors"
	"math"
	"slices"
	"strconv"
	"testing"
	"time"

	"github.com/chferry/chferry"
	"github.com/chferry/chferry/storage"
)

func testNeverCutAnew(t *testing.T, b *bundle) {
	b.register(chferry.Insert, "1", "2", "3")
	b.start("a")
	first, err := b.GetOperations(b.ctx(), b.key, storage.GetOptions{Token: "a", Count: 2, ChunkSize: 1})
	b.ok(err)
	want := chferry.Batch{ID: first.ID, Version: first.Version, Count: 2, ChunkSize: 1}
	if first != want {
		t.Fatalf("got %+v, want %+v", first, want)
	}
	b.register(chferry.Insert, "4")
	if again := b.get("a", 4); again != first {
		t.Fatalf("asked again the batch is %+v, was %+v", again, first)
	}
	b.ok(b.PostSyncFailed(b.ctx(), b.key, "a"))
	b.start("b")
	if after := b.get("b", 1); after != first {
		t.Fatalf("after a failure the batch is %+v, was %+v", after, first)
	}
	b.takeOver("c")
	if after := b.get("c", 100); after != first {
		t.Fatalf("after a takeover the batch is %+v, was %+v", after, first)
	}
	b.wantRead("c", first, "i1 i2")
}

func testBatchSizes(_ *testing.T, b *bundle) {
	b.registerTogether("1", "2", "3", "4", "5")
	b.register(chferry.Insert, "6")
	b.registerTogether("7", "8")
	b.wantDrained("a", 2, "u1 u2", "u3 u4", "u5 i6", "u7 u8")
	b.registerTogether("1", "2", "3")
	b.wantDrained("b", 3, "u1 u2 u3")
	b.registerTogether("1", "2", "3", "4", "5", "6", "7")
	b.wantDrained("c", 1, "u1", "u2", "u3", "u4", "u5", "u6", "u7")
}

func testSecondClaimantRefused(_ *testing.T, b *bundle) {
	b.register(chferry.Insert, "1")
	b.start("a")
	asked := ""
	_, err := b.PreSync(b.ctx(), b.key, storage.PreSyncOptions{
		Token: "b", Closed: func(_ context.Context, token string) bool { asked = token; return false },
	})
	b.wantCode(err, chferry.CodeClaimed)
	if asked != "a" {
		b.t.Fatalf("Closed was asked about %q, want a", asked)
	}
	b.start("a") // the claimant itself may ask again
	other := &bundle{Storage: b.Storage, t: b.t, key: newKey()}
	other.register(chferry.Insert, "1")
	other.start("b")
}

func testClosedClaimant(t *testing.T, b *bundle) {
	b.register(chferry.Insert, "1")
	b.start("a")
	start, err := b.PreSync(b.ctx(), b.key, storage.PreSyncOptions{
		Token: "b", Closed: func(_ context.Context, token string) bool { return token == "a" },
	})
	b.ok(err)
	if want := (storage.Start{Claimed: true, Pending: 1, TakenOver: true}); start != want {
		t.Fatalf("got %+v, want %+v", start, want)
	}
}

func testSuperseded(_ *testing.T, b *bundle) {
	b.register(chferry.Insert, "1", "2")
	b.start("zombie")
	batch := b.get("zombie", 1)
	b.takeOver("b")
	b.get("b", 1)

	_, err := b.GetOperations(b.ctx(), b.key, storage.GetOptions{Token: "zombie"})
	b.wantCode(err, chferry.CodeSuperseded)
	_, err = b.PostSync(b.ctx(), b.key, storage.PostSyncOptions{Token: "zombie", BatchID: batch.ID})
	b.wantCode(err, chferry.CodeSuperseded)
	b.wantCode(b.PostSyncFailed(b.ctx(), b.key, "zombie"), chferry.CodeSuperseded)
	b.wantCode(b.ExtendLease(b.ctx(), b.key, "zombie", time.Hour), chferry.CodeSuperseded)
	b.ok(b.NoteFailure(b.ctx(), b.key, "zombie", "InsertBatch", chferry.CodeUnavailable, "an old reason"))
	b.ok(b.NoteSchema(b.ctx(), b.key, "zombie", []string{"an old note"}))
	statuses, err := b.Status(b.ctx(), b.key)
	b.ok(err)
	if statuses[0].Failing != nil || len(statuses[0].Schema) > 0 {
		b.t.Fatalf("a zombie noted %+v and %q", statuses[0].Failing, statuses[0].Schema)
	}
	b.wantCode(b.SetAside(b.ctx(), b.key, storage.Attempt{Token: "zombie", BatchID: batch.ID, Number: 9}, nil),
		chferry.CodeSuperseded)
	for _, err := range b.BatchOperations(b.ctx(), b.key, "zombie", batch) {
		b.wantCode(err, chferry.CodeSuperseded)
	}
	b.wantDrained("b", 10, "i1", "i2")
	_, err = b.PostSync(b.ctx(), b.key, storage.PostSyncOptions{Token: "zombie", BatchID: batch.ID})
	b.wantCode(err, chferry.CodeSuperseded)
}

// testSupersededReader takes a batch of several pages over while it is read: the reader has read all of it, or is told.
func testSupersededReader(t *testing.T, b *bundle) {
	var want []string
	for i := range 150 {
		b.register(chferry.Insert, strconv.Itoa(i))
		want = append(want, strconv.Itoa(i))
	}
	b.start("slow")
	batch := b.get("slow", 0)
	var got []string
	var err error
	for page, pageErr := range b.BatchOperations(b.ctx(), b.key, "slow", batch) {
		if len(got) == 0 {
			b.register(chferry.Update, "0")
			b.takeOver("fast")
			b.post("fast", b.get("fast", 0))
		}
		got, err = append(got, words(page)...), pageErr
	}
	if err != nil {
		b.wantCode(err, chferry.CodeSuperseded)
	} else if !slices.Equal(got, want) {
		t.Fatalf("read %q without an error, want %q", got, want)
	}
	b.wantDrained("fast", 10, "u0")
}

func testPostSyncTwice(t *testing.T, b *bundle) {
	b.register(chferry.Insert, "1", "2", "3")
	b.start("a")
	batch := b.get("a", 2)
	first := b.post("a", batch)
	b.register(chferry.Insert, "4")
	second := b.post("a", batch)
	if want := (storage.End{Remaining: 1}); first != want {
		t.Fatalf("got %+v, want %+v", first, want)
	}
	if want := (storage.End{Remaining: 1, Repeated: true}); second != want {
		t.Fatalf("the second answer is %+v, want %+v", second, want)
	}
	status, err := b.Status(b.ctx(), b.key)
	b.ok(err)
	if got := status[0].Totals.Operations; got != 2 {
		t.Fatalf("totals count %d operations, want 2", got)
	}
	if len(b.removed) != 1 {
		t.Fatalf("the hook was called %d times, want 1", len(b.removed))
	}
	b.wantDrained("a", 10, "i3 i4")
}

func testExtend(_ *testing.T, b *bundle) {
	b.register(chferry.Insert, "1")
	_, err := b.PreSync(b.ctx(), b.key, storage.PreSyncOptions{Token: "a", Lease: time.Millisecond})
	b.ok(err)
	b.ok(b.ExtendLease(b.ctx(), b.key, "a", time.Hour))
	time.Sleep(20 * time.Millisecond)
	_, err = b.PreSync(b.ctx(), b.key, storage.PreSyncOptions{Token: "b"})
	b.wantCode(err, chferry.CodeClaimed)
}

func testSettle(t *testing.T, b *bundle) {
	b.register(chferry.Insert, "1")
	time.Sleep(300 * time.Millisecond)
	b.register(chferry.Insert, "2")
	settled := storage.PreSyncOptions{Token: "a", Settle: 250 * time.Millisecond}
	start, err := b.PreSync(b.ctx(), b.key, settled)
	b.ok(err)
	if !start.Claimed {
		t.Fatal("an operation that has settled was not claimed")
	}
	batch, err := b.GetOperations(b.ctx(), b.key, storage.GetOptions{Token: "a", Settle: settled.Settle})
	b.ok(err)
	b.wantRead("a", batch, "i1")
	b.post("a", batch)
	batch, err = b.GetOperations(b.ctx(), b.key, storage.GetOptions{Token: "a", Settle: time.Hour})
	b.ok(err)
	if batch != (chferry.Batch{}) {
		t.Fatalf("got batch %+v of young operations, want none", batch)
	}
	start, err = b.PreSync(b.ctx(), b.key, storage.PreSyncOptions{Token: "b", Settle: time.Hour})
	b.ok(err)
	if start.Claimed {
		t.Fatal("young operations were claimed")
	}
	b.wantDrained("c", 10, "i2")
}

func testVersionsGrow(t *testing.T, b *bundle) {
	var last uint64
	for round := range 20 {
		b.register(chferry.Insert, "1")
		b.takeOver("a")
		batch := b.get("a", 0)
		if batch.Version <= last {
			t.Fatalf("round %d: version %d after %d", round, batch.Version, last)
		}
		last = batch.Version
		switch round % 3 {
		case 0:
			b.ok(b.Flush(b.ctx(), b.key))
		default:
			b.post("a", batch)
		}
	}
}

func testVersionFloor(t *testing.T, b *bundle) {
	const floor = uint64(1) << 62
	b.register(chferry.Insert, "1", "2", "3")
	b.start("a")
	unavailable := chferry.Errorf(chferry.CodeUnavailable, "down")
	_, err := b.GetOperations(b.ctx(), b.key, storage.GetOptions{
		Token: "a", Floor: func(context.Context) (uint64, error) { return 0, unavailable },
	})
	if !errors.Is(err, unavailable) {
		t.Fatalf("got %v, want the floor's error", err)
	}
	_, err = b.GetOperations(b.ctx(), b.key, storage.GetOptions{
		Token: "a", Floor: func(context.Context) (uint64, error) { return math.MaxUint64, nil },
	})
	b.wantCode(err, chferry.CodeConfiguration)
	for i := range uint64(3) {
		batch, err := b.GetOperations(b.ctx(), b.key, storage.GetOptions{
			Token: "a", Count: 1, Floor: func(context.Context) (uint64, error) { return floor, nil },
		})
		b.ok(err)
		if batch.Version != floor+1+i {
			t.Fatalf("version %d, want %d", batch.Version, floor+1+i)
		}
		b.post("a", batch)
	}
}
