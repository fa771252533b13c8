package storagetest

import (
	"fmt"
	"testing"
	"time"

	"github.com/chferry/chferry"
	"github.com/chferry/chferry/storage"
)

func testStaysUntilPostSync(t *testing.T, b *bundle) {
	b.register(chferry.Insert, "1", "2")
	b.start("a")
	batch := b.get("a", 0)
	b.wantRead("a", batch, "i1 i2")
	b.wantKept(2)
	if end := b.post("a", batch); end.Remaining != 0 {
		t.Fatalf("%d remain, want 0", end.Remaining)
	}
	b.wantKept(0)
}

func testDeathAtEveryStep(_ *testing.T, b *bundle) {
	steps := []func(token string){
		func(token string) { b.takeOver(token) },
		func(token string) { b.get(token, 2) },
		func(token string) { b.read(token, b.get(token, 2)) },
		func(token string) { b.ok(b.PostSyncFailed(b.ctx(), b.key, token)) },
	}
	for last := range steps {
		b.register(chferry.Insert, "1", "2", "3")
		for _, step := range steps[:last+1] {
			step(fmt.Sprint("dies", last))
		}
		b.wantKept(3)
		b.wantDrained(fmt.Sprint("next", last), 2, "i1 i2", "i3")
	}
	// Death after post-sync of the first of two batches.
	b.register(chferry.Insert, "1", "2", "3")
	b.takeOver("dies")
	b.post("dies", b.get("dies", 2))
	b.wantDrained("next", 2, "i3")
}

func testRegisteredAgain(_ *testing.T, b *bundle) {
	b.register(chferry.Insert, "1", "2", "3", "4")
	b.start("a")
	batch := b.get("a", 2)
	b.register(chferry.Update, "1")
	b.post("a", batch)
	b.wantDrained("b", 10, "i3 i4 u1")
}

func testRegisteredAgainShortQueue(_ *testing.T, b *bundle) {
	b.register(chferry.Insert, "1")
	b.start("a")
	batch := b.get("a", 10)
	b.register(chferry.Update, "1")
	b.wantRead("a", batch, "i1")
	b.post("a", batch)
	b.wantDrained("b", 10, "u1")
}

func testEmptyRound(t *testing.T, b *bundle) {
	b.register(chferry.Insert, "1", "2")
	b.start("a")
	batch := b.get("a", 10)
	b.post("a", batch)
	b.register(chferry.Insert, "3")
	end := b.post("a", batch) // the answer of the round before, asked for again
	if !end.Repeated {
		t.Fatal("a second PostSync of one batch is not marked as repeated")
	}
	b.wantDrained("b", 10, "i3")
}

func testClocks(_ *testing.T, b *bundle) {
	// The storage's order is that of arrival; a caller's clock has no way in.
	b.register(chferry.Insert, "1")
	b.ok(b.SetLastSyncTime(b.ctx(), b.key, time.Now().Add(time.Hour)))
	b.register(chferry.Insert, "2")
	b.ok(b.SetLastSyncTime(b.ctx(), b.key, time.Now().Add(-time.Hour)))
	b.start("a")
	batch := b.get("a", 1)
	b.register(chferry.Insert, "3")
	b.post("a", batch)
	b.wantDrained("b", 10, "i2 i3")
}

func testOutlivedLease(t *testing.T, b *bundle) {
	b.register(chferry.Insert, "1", "2", "3", "4")
	_, err := b.PreSync(b.ctx(), b.key, storage.PreSyncOptions{Token: "slow", Lease: time.Millisecond})
	b.ok(err)
	slow := b.get("slow", 2)
	time.Sleep(20 * time.Millisecond)
	start := b.start("fast")
	if !start.TakenOver {
		t.Fatal("the second claimant is not told that it took over")
	}
	fast := b.get("fast", 2)
	if fast != slow {
		t.Fatalf("the second claimant got batch %+v, want the first one's %+v", fast, slow)
	}
	b.post("fast", fast)
	_, err = b.PostSync(b.ctx(), b.key, storage.PostSyncOptions{Token: "slow", BatchID: slow.ID})
	b.wantCode(err, chferry.CodeSuperseded)
	b.wantDrained("fast", 10, "i3 i4")
}

func testRegisterBetweenSteps(_ *testing.T, b *bundle) {
	b.register(chferry.Insert, "1")
	b.register(chferry.Insert, "a")
	b.start("a")
	b.register(chferry.Update, "1")
	b.register(chferry.Insert, "b")
	batch := b.get("a", 2)
	b.register(chferry.Update, "1")
	b.register(chferry.Insert, "c")
	b.wantRead("a", batch, "i1 ia")
	b.register(chferry.Update, "1")
	b.post("a", batch)
	b.register(chferry.Update, "1")
	b.wantDrained("a", 100, "u1 ib u1 ic u1 u1")
}
