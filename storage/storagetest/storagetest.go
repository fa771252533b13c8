// Package storagetest is the contract of storage.Storage as tests. A storage passes it in one line:
//
//	func TestContract(t *testing.T) { storagetest.Run(t, open) }
package storagetest

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/chferry/chferry"
	"github.com/chferry/chferry/storage"
)

// Open returns a storage that no other test uses: a flush of all import keys must not reach another
// test's. It calls hook once for each batch that was removed.
type Open func(t *testing.T, hook func(key chferry.ImportKey, removed, remaining int64)) storage.Storage

// Run runs the contract against the storages that open opens.
func Run(t *testing.T, open Open) {
	t.Helper()
	runAll(t, open, rangeTests)
	runAll(t, open, replacementTests)
	runAll(t, open, []contractTest{
		{"1 registering returns the number registered", testRegisterCounts},
		{"1 registering is all or nothing", testRegisterAtomic},
		{"1 registering many at once", testRegisterMany},
		{"1 primary keys of any form come back as they went", testPrimaryKeys},
		{"1 primary keys of any form fail and are retried", testPrimaryKeysFailed},
		{"1 a caller that gives up harms nobody else", testGivesUp},
		{"2 a claimed operation stays until post-sync", testStaysUntilPostSync},
		{"2 a sync that dies at any step loses nothing", testDeathAtEveryStep},
		{"3 L1 a primary key registered again in mid-sync", testRegisteredAgain},
		{"3 L2 the same with a short queue", testRegisteredAgainShortQueue},
		{"3 L3 an empty round keeps nothing to remove", testEmptyRound},
		{"3 L4 L5 a clock that jumps shifts nothing", testClocks},
		{"3 L6 a sync that outlived its lease removes nothing", testOutlivedLease},
		{"3 an operation registered between any two steps", testRegisterBetweenSteps},
		{"3 registering while syncs run", testConcurrent},
		{"4 a claimed batch is never cut anew", testNeverCutAnew},
		{"4 batches have exactly the size asked for", testBatchSizes},
		{"5 a second claimant is refused", testSecondClaimantRefused},
		{"5 a closed claimant is taken over at once", testClosedClaimant},
		{"5 a superseded claimant can do nothing", testSuperseded},
		{"5 a superseded reader is told", testSupersededReader},
		{"5 post-sync twice gives the first answer", testPostSyncTwice},
		{"5 extending keeps the claim", testExtend},
		{"6 operations come out in order", testOrder},
		{"6 settle leaves young operations", testSettle},
		{"6 positions are passed in order", testPositions},
		{"7 versions grow", testVersionsGrow},
		{"7 versions start above the floor", testVersionFloor},
		{"7 versions are minted without a claim", testMint},
		{"7 versions minted without a claim start above the floor", testMintFloor},
		{"7 versions are minted while syncs run", testMintConcurrent},
		{"8 import keys do not touch each other", testKeysIsolated},
		{"9 flush", testFlush},
		{"9 flush in mid-batch", testFlushMidBatch},
		{"9 flush of all import keys", testFlushAll},
		{"last sync time", testLastSyncTime},
		{"status and totals", testStatus},
		{"failed operations", testSetAside},
		{"failed operations are retried", testRetryFailed},
		{"failed operations are discarded", testDiscardFailed},
		{"failed operations are forgotten once discarded", testDiscardForgets},
		{"failed operations are forgotten once imported", testForgetImported},
		{"5 an overtaken attempt notes nothing", testOvertakenAttempt},
		{"why syncs fail is noted", testFailing},
		{"the hook after removal", testHook},
		{"identities are remembered", testIdentity},
		{"actions in any order", testAnyOrder},
		{"what was found of the schema is noted", testSchema},
	})
}

// contractTest is one promise of the contract as a test.
type contractTest struct {
	name string
	test func(t *testing.T, b *bundle)
}

func runAll(t *testing.T, open Open, tests []contractTest) {
	t.Helper()
	for _, c := range tests {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			b := newBundle(t, open)
			c.test(t, b)
		})
	}
}

var lastKey atomic.Int64

// bundle is what one test works with: a storage, an import key of its own and short ways to call both.
type bundle struct {
	storage.Storage
	t   *testing.T
	key chferry.ImportKey

	mu      sync.Mutex
	removed []int64
}

func newBundle(t *testing.T, open Open) *bundle {
	t.Helper()
	b := &bundle{t: t, key: newKey()}
	b.Storage = open(t, func(key chferry.ImportKey, removed, _ int64) {
		if key == b.key {
			b.mu.Lock()
			defer b.mu.Unlock()
			b.removed = append(b.removed, removed)
		}
	})
	return b
}

func newKey() chferry.ImportKey {
	return chferry.ImportKey(fmt.Sprintf("k%d.%d", time.Now().UnixNano(), lastKey.Add(1)))
}

func (b *bundle) ctx() context.Context { return b.t.Context() }

func (b *bundle) ok(err error) {
	b.t.Helper()
	if err != nil {
		b.t.Fatalf("%s: %v", chferry.CodeOf(err), err)
	}
}

func (b *bundle) wantCode(err error, want chferry.Code) {
	b.t.Helper()
	if got := chferry.CodeOf(err); err == nil || got != want {
		b.t.Fatalf("got error %v with code %s, want code %s", err, got, want)
	}
}

// register registers each pk as one call.
func (b *bundle) register(kind chferry.Kind, pks ...string) {
	b.t.Helper()
	for _, pk := range pks {
		_, err := b.RegisterOperations(b.ctx(), b.key, op(kind, pk))
		b.ok(err)
	}
}

// registerTogether registers all pks in one call.
func (b *bundle) registerTogether(pks ...string) {
	b.t.Helper()
	ops := make([]chferry.Operation, len(pks))
	for i, pk := range pks {
		ops[i] = op(chferry.Update, pk)
	}
	got, err := b.RegisterOperations(b.ctx(), b.key, ops...)
	b.ok(err)
	if got != len(pks) {
		b.t.Fatalf("registered %d, want %d", got, len(pks))
	}
}

func op(kind chferry.Kind, pk ...string) chferry.Operation {
	return chferry.Operation{Kind: kind, PrimaryKey: pk}
}

// start makes token the claimant, which must succeed.
func (b *bundle) start(token string) storage.Start {
	b.t.Helper()
	start, err := b.PreSync(b.ctx(), b.key, storage.PreSyncOptions{Token: token})
	b.ok(err)
	if !start.Claimed {
		b.t.Fatal("PreSync claimed nothing")
	}
	return start
}

// takeOver makes token the claimant, the one before being known to have ended.
func (b *bundle) takeOver(token string) {
	b.t.Helper()
	start, err := b.PreSync(b.ctx(), b.key, storage.PreSyncOptions{
		Token: token, Closed: func(context.Context, string) bool { return true },
	})
	b.ok(err)
	if !start.Claimed {
		b.t.Fatal("PreSync claimed nothing")
	}
}

func (b *bundle) get(token string, count int) chferry.Batch {
	b.t.Helper()
	batch, err := b.GetOperations(b.ctx(), b.key, storage.GetOptions{Token: token, Count: count})
	b.ok(err)
	return batch
}

// read returns the operations of a batch as "kind pk" words.
func (b *bundle) read(token string, batch chferry.Batch) string {
	b.t.Helper()
	var words []string
	for page, err := range b.BatchOperations(b.ctx(), b.key, token, batch) {
		b.ok(err)
		for _, o := range page {
			words = append(words, string(o.Kind[:1])+strings.Join(o.PrimaryKey, "|"))
		}
	}
	return strings.Join(words, " ")
}

func (b *bundle) post(token string, batch chferry.Batch) storage.End {
	b.t.Helper()
	end, err := b.PostSync(b.ctx(), b.key, storage.PostSyncOptions{
		Token: token, BatchID: batch.ID,
		Counts: chferry.Counts{Operations: int64(batch.Count), Rows: int64(batch.Count)},
	})
	b.ok(err)
	return end
}

// drain syncs in batches of size until nothing is left and returns what came out, a batch a string.
func (b *bundle) drain(token string, size int) []string {
	b.t.Helper()
	start, err := b.PreSync(b.ctx(), b.key, storage.PreSyncOptions{
		Token: token, Closed: func(context.Context, string) bool { return true },
	})
	b.ok(err)
	var batches []string
	for more := start.Claimed; more; {
		batch := b.get(token, size)
		batches = append(batches, b.read(token, batch))
		more = b.post(token, batch).Remaining > 0
	}
	return batches
}

func (b *bundle) wantDrained(token string, size int, want ...string) {
	b.t.Helper()
	got := b.drain(token, size)
	if strings.Join(got, " / ") != strings.Join(want, " / ") {
		b.t.Fatalf("got batches %q, want %q", got, want)
	}
	b.wantKept(0)
}

func (b *bundle) wantKept(want int64) {
	b.t.Helper()
	got, err := b.OperationsCount(b.ctx(), b.key)
	b.ok(err)
	if got != want {
		b.t.Fatalf("OperationsCount is %d, want %d", got, want)
	}
}

func (b *bundle) wantRead(token string, batch chferry.Batch, want string) {
	b.t.Helper()
	if got := b.read(token, batch); got != want {
		b.t.Fatalf("batch holds %q, want %q", got, want)
	}
}
