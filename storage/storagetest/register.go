package storagetest

import (
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/chferry/chferry"
	"github.com/chferry/chferry/storage"
)

func testRegisterCounts(t *testing.T, b *bundle) {
	got, err := b.RegisterOperations(b.ctx(), b.key, op(chferry.Insert, "1"), op(chferry.Update, "2"),
		op(chferry.Delete, "1"))
	b.ok(err)
	if got != 3 {
		t.Fatalf("registered %d, want 3", got)
	}
	b.wantKept(3)
	got, err = b.RegisterOperations(b.ctx(), b.key)
	b.ok(err)
	if got != 0 {
		t.Fatalf("registered %d of nothing, want 0", got)
	}
	b.wantKept(3)
}

func testRegisterAtomic(_ *testing.T, b *bundle) {
	good := op(chferry.Insert, "1")
	for _, c := range []struct {
		ops  []chferry.Operation
		want chferry.Code
	}{
		{[]chferry.Operation{good, op("upsert", "2")}, chferry.CodeInvalid},
		{[]chferry.Operation{good, op(chferry.Insert)}, chferry.CodeInvalid},
		{
			[]chferry.Operation{good, op(chferry.Insert, strings.Repeat("x", chferry.MaxPrimaryKeyBytes+1))},
			chferry.CodeInvalid,
		},
		{
			[]chferry.Operation{
				good, op(chferry.Insert, slices.Repeat([]string{"x"}, chferry.MaxPrimaryKeyParts+1)...),
			},
			chferry.CodeInvalid,
		},
		{[]chferry.Operation{
			good,
			{
				Kind: chferry.Insert, Database: strings.Repeat("x", chferry.MaxDatabaseBytes+1),
				PrimaryKey: good.PrimaryKey,
			},
		}, chferry.CodeInvalid},
		{slices.Repeat([]chferry.Operation{good}, chferry.MaxOperations+1), chferry.CodeTooLarge},
	} {
		_, err := b.RegisterOperations(b.ctx(), b.key, c.ops...)
		b.wantCode(err, c.want)
	}
	_, err := b.RegisterOperations(b.ctx(), "no key!", good)
	b.wantCode(err, chferry.CodeInvalid)
	b.wantKept(0)
}

func testRegisterMany(t *testing.T, b *bundle) {
	pks := make([]string, chferry.MaxOperations)
	for i := range pks {
		pks[i] = strconv.Itoa(i)
	}
	b.registerTogether(pks...)
	b.wantKept(int64(len(pks)))
	got := strings.Fields(strings.Join(b.drain("a", 3_000), " "))
	if len(got) != len(pks) || got[0] != "u0" || got[len(got)-1] != "u9999" {
		t.Fatalf("drained %d operations from %s to %s", len(got), got[0], got[len(got)-1])
	}
}

// testGivesUp registers from many goroutines, half of whose calls end at any moment. Such a call
// may have registered its operations, which its caller can't know; all others have registered
// theirs, once and in order.
func testGivesUp(t *testing.T, b *bundle) {
	const calls = 20
	var registering sync.WaitGroup
	for w := range writers {
		registering.Go(func() {
			for i := range calls {
				ctx, cancel := context.WithTimeout(b.ctx(), time.Duration(rand.IntN(1000))*time.Microsecond)
				_, err := b.RegisterOperations(ctx, b.key, op(chferry.Update, strconv.Itoa(w)),
					op(chferry.Update, strconv.Itoa(w)))
				cancel()
				if err != nil && chferry.CodeOf(err) != chferry.CodeUnavailable {
					t.Errorf("a call that ended: %v (%s)", err, chferry.CodeOf(err))
				}
				n, err := b.RegisterOperations(b.ctx(), b.key, op(chferry.Insert, strconv.Itoa(w), strconv.Itoa(i)))
				if err != nil || n != 1 {
					t.Errorf("registered %d, %v; want 1", n, err)
				}
			}
		})
	}
	registering.Wait()
	kept, err := b.OperationsCount(b.ctx(), b.key)
	b.ok(err)
	words := strings.Fields(strings.Join(b.drain("a", 1000), " "))
	if int64(len(words)) != kept {
		t.Fatalf("drained %d operations of %d", len(words), kept)
	}
	cutOff := map[string]int{}
	next := make([]int, writers)
	for _, word := range words {
		if word[0] == 'u' {
			cutOff[word]++
			continue
		}
		var w, i int
		if _, err := fmt.Sscanf(word, "i%d|%d", &w, &i); err != nil || next[w] != i {
			t.Fatalf("got %s, %v; want the %d. of this goroutine", word, err, next[w])
		}
		next[w]++
	}
	for w, n := range next {
		if n != calls || cutOff["u"+strconv.Itoa(w)]%2 != 0 {
			t.Errorf("goroutine %d: %d operations and %d of calls that ended; want %d, and both of a call or none", w,
				n, cutOff["u"+strconv.Itoa(w)], calls)
		}
	}
}

func testOrder(_ *testing.T, b *bundle) {
	b.register(chferry.Insert, "1", "2")
	b.register(chferry.Update, "1")
	b.register(chferry.Delete, "1")
	b.register(chferry.Insert, "3")
	b.wantDrained("a", 10, "i1 i2 u1 d1 i3")
}

func testKeysIsolated(t *testing.T, b *bundle) {
	other := &bundle{Storage: b.Storage, t: t, key: newKey()}
	b.register(chferry.Insert, "1")
	other.register(chferry.Insert, "2", "3")
	b.start("a")
	other.start("z")
	b.wantRead("a", b.get("a", 0), "i1")
	batch := other.get("z", 0)
	other.wantRead("z", batch, "i2 i3")
	b.ok(b.Flush(b.ctx(), b.key))
	b.wantKept(0)
	other.wantKept(2)
	other.post("z", batch)
	other.wantKept(0)
	_, err := other.PostSync(b.ctx(), b.key, storage.PostSyncOptions{Token: "z", BatchID: batch.ID})
	b.wantCode(err, chferry.CodeSuperseded)
}
