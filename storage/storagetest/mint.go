package storagetest

import (
	"context"
	"errors"
	"math"
	"sync"
	"testing"

	"github.com/chferry/chferry"
	"github.com/chferry/chferry/storage"
)

// mint mints a version without a claim; no floor is known.
func (b *bundle) mint() uint64 {
	b.t.Helper()
	version, err := b.Mint(b.ctx(), b.key, nil)
	b.ok(err)
	return version
}

// testMint mints at each step of a sync, which notices nothing of it.
func testMint(t *testing.T, b *bundle) {
	var last uint64
	grows := func(moment string, version uint64) {
		t.Helper()
		if version <= last {
			t.Fatalf("%s: version %d after %d", moment, version, last)
		}
		last = version
	}
	grows("of a key that nobody knows", b.mint())
	b.wantKept(0)
	for range 3 {
		b.register(chferry.Insert, "1", "2", "3")
		grows("of a key that nobody claims", b.mint())
		b.takeOver("a")
		grows("before a batch", b.mint())
		batch := b.get("a", 2)
		grows("with a batch", batch.Version)
		grows("in mid-batch", b.mint())
		if again := b.get("a", 2); again != batch {
			t.Fatalf("the batch is %+v, was %+v", again, batch)
		}
		b.wantRead("a", batch, "i1 i2")
		b.post("a", batch)
		grows("behind a batch", b.mint())
		grows("with the next batch", b.get("a", 2).Version)
		b.ok(b.Flush(b.ctx(), b.key))
		grows("behind a flush", b.mint())
	}
	_, err := b.Mint(b.ctx(), "no key!", nil)
	b.wantCode(err, chferry.CodeInvalid)
}

func testMintFloor(t *testing.T, b *bundle) {
	const floor = uint64(1) << 62
	unavailable := chferry.Errorf(chferry.CodeUnavailable, "down")
	_, err := b.Mint(b.ctx(), b.key, func(context.Context) (uint64, error) { return 0, unavailable })
	if !errors.Is(err, unavailable) {
		t.Fatalf("got %v, want the floor's error", err)
	}
	_, err = b.Mint(b.ctx(), b.key, func(context.Context) (uint64, error) { return math.MaxUint64, nil })
	b.wantCode(err, chferry.CodeConfiguration)
	for i := range uint64(3) {
		version, err := b.Mint(b.ctx(), b.key, func(context.Context) (uint64, error) { return floor, nil })
		b.ok(err)
		if version != floor+1+2*i {
			t.Fatalf("version %d, want %d", version, floor+1+2*i)
		}
		b.register(chferry.Insert, "1")
		b.start("a")
		batch, err := b.GetOperations(b.ctx(), b.key, storage.GetOptions{
			Token: "a", Floor: func(context.Context) (uint64, error) { return 0, unavailable }, // a version is known
		})
		b.ok(err)
		if batch.Version != version+1 {
			t.Fatalf("the batch has version %d, want %d", batch.Version, version+1)
		}
		b.post("a", batch)
	}
}

// testMintConcurrent mints from several goroutines while another one syncs: no two of them get the same version.
func testMintConcurrent(t *testing.T, b *bundle) {
	const goroutines, each = 8, 50
	versions := make(chan uint64, (goroutines+1)*each)
	grows := func(next func() (uint64, error)) {
		for last, i := uint64(0), 0; i < each; i++ {
			version, err := next()
			if err != nil || version <= last {
				t.Errorf("version %d after %d, %v", version, last, err)
				return
			}
			last = version
			versions <- version
		}
	}
	var minting sync.WaitGroup
	for range goroutines {
		minting.Go(func() { grows(func() (uint64, error) { return b.Mint(b.ctx(), b.key, nil) }) })
	}
	b.register(chferry.Insert, "1")
	b.start("a")
	grows(func() (uint64, error) {
		_, registering := b.RegisterOperations(b.ctx(), b.key, op(chferry.Insert, "1")) // so that the claim goes on
		batch, claiming := b.GetOperations(b.ctx(), b.key, storage.GetOptions{Token: "a", Count: 1})
		_, ending := b.PostSync(b.ctx(), b.key, storage.PostSyncOptions{Token: "a", BatchID: batch.ID})
		return batch.Version, errors.Join(registering, claiming, ending)
	})
	minting.Wait()
	close(versions)
	seen := map[uint64]bool{}
	for version := range versions {
		if seen[version] {
			t.Errorf("version %d was minted twice", version)
		}
		seen[version] = true
	}
}
