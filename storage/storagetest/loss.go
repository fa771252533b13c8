package storagetest

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"sync"
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

// testConcurrent registers from several goroutines, singly and together, while syncs of odd sizes claim, die and end.
func testConcurrent(t *testing.T, b *bundle) {
	const writers, calls = 8, 60
	var registering sync.WaitGroup
	for w := range writers {
		registering.Go(func() {
			for i := range calls {
				ops := []chferry.Operation{op(chferry.Insert, fmt.Sprintf("%d-%d-0", w, i))}
				for j := 1; j <= i%3; j++ {
					ops = append(ops, op(chferry.Insert, fmt.Sprintf("%d-%d-%d", w, i, j)))
				}
				if _, err := b.RegisterOperations(context.Background(), b.key, ops...); err != nil {
					t.Errorf("register: %v", err)
				}
			}
		})
	}
	t.Cleanup(registering.Wait)
	var got []string
	done := make(chan struct{})
	go func() { registering.Wait(); close(done) }()
	for round := 0; ; round++ {
		finished := false
		select {
		case <-done:
			finished = true
		default:
		}
		token := strconv.Itoa(round)
		if round%5 == 4 { // dies with a batch
			start, err := b.PreSync(b.ctx(), b.key, storage.PreSyncOptions{Token: token, Lease: time.Millisecond})
			b.ok(err)
			if start.Claimed {
				b.get(token, 7)
			}
			time.Sleep(2 * time.Millisecond)
		}
		got = append(got, strings.Fields(strings.Join(b.drain("drain"+token, 1+round%13), " "))...)
		if finished {
			break
		}
	}
	want := writers * calls * 2 // 1, 2, 3, 1, 2, 3, …
	slices.Sort(got)
	if unique := len(slices.Compact(slices.Clone(got))); len(got) != want || unique != want {
		t.Fatalf("drained %d operations, %d of them unique; want %d", len(got), unique, want)
	}
	b.wantKept(0)
}
