package storagetest

import (
	"cmp"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/chferry/chferry"
	"github.com/chferry/chferry/storage"
)

// machine does to a storage whatever several syncs, applications and operators may do, in random order, and expects the
// answers of the model. actions.go has the actions, one a method.
//
// A lease either lasts for the whole test or has ended when the call that gave it returns. Nothing
// else depends on time.
type machine struct {
	storage.Storage
	models  []*model
	touched *model
}

var actors = []string{"a", "b", "c"}

// testAnyOrder draws 100 paths of about 30 actions. For more: go test ./storage/redis -run
// Contract/any_order -rapid.checks=5000
func testAnyOrder(t *testing.T, b *bundle) {
	keys := []chferry.ImportKey{b.key, newKey()}
	rapid.Check(t, func(t *rapid.T) {
		m := &machine{Storage: b.Storage}
		expect(t, "flush", 0, b.Flush(t.Context(), keys...), 0, "")
		statuses, err := b.Status(t.Context(), keys...)
		expect(t, "status", 0, err, 0, "")
		for i, key := range keys {
			m.models = append(m.models, newModel(key, statuses[i].Version))
		}
		m.touched = m.models[0]
		t.Repeat(m.actions())
		m.drain(t)
	})
}

// actions are sorted by their names, and drawing likes what stands first: that is what leads furthest.
func (m *machine) actions() map[string]func(*rapid.T) {
	return map[string]func(*rapid.T){
		"":                    m.check,
		"01 register":         m.register,
		"02 pre-sync":         m.preSync,
		"03 get operations":   m.getOperations,
		"04 set aside":        m.setAside,
		"05 post-sync":        m.postSync,
		"06 retry":            m.retryFailed,
		"07 register singly":  m.registerSingly,
		"08 read a batch":     m.readBatch,
		"09 extend the lease": m.extendLease,
		"10 flush":            m.flush,
		"11 discard":          m.discardFailed,
		"12 post-sync failed": m.postSyncFailed,
		"13 forget imported":  m.forgetImported,
		"14 late copy":        m.lateCopy,
		"15 position":         m.position,
		"16 mint":             m.mint,
		"17 replace":          m.beginReplacement,
		"18 replaced":         m.endReplacement,
	}
}

// expect compares an answer: a value, or the code of an error.
func expect[T any](t *rapid.T, call string, got T, err error, want T, code chferry.Code) {
	t.Helper()
	switch {
	case err != nil && chferry.CodeOf(err) != code:
		t.Fatalf("%s: error %v (%s), want %q", call, err, chferry.CodeOf(err), code)
	case err == nil && code != "":
		t.Fatalf("%s: answered %+v, want error %s", call, got, code)
	case err == nil && !reflect.DeepEqual(got, want):
		t.Fatalf("%s: answered %+v, want %+v", call, got, want)
	}
}

// check compares what the storage says of all import keys, and the failed operations of the one that was touched.
func (m *machine) check(t *rapid.T) {
	keys := make([]chferry.ImportKey, len(m.models))
	for i, key := range m.models {
		keys[i] = key.key
	}
	statuses, err := m.Status(t.Context(), keys...)
	expect(t, "status", len(statuses), err, len(keys), "")
	for i, key := range m.models {
		got := statuses[i]
		expect(t, "whether there is an oldest operation", !got.OldestPending.IsZero(), nil, len(key.kept()) > 0, "")
		expect(t, "whether there was a sync", !got.LastSync.IsZero(), nil, key.synced, "")
		got.OldestPending, got.LastSync = time.Time{}, time.Time{}
		expect(t, "status", got, nil, key.status(), "")
	}
	m.checkFailed(t, m.touched)
	m.checkPositions(t, m.touched)
	replacement, err := m.Replacement(t.Context(), m.touched.key)
	expect(t, "replacement", replacement, err, m.touched.replacement, "")
}

func (m *machine) checkFailed(t *rapid.T, key *model) {
	describe := func(f chferry.FailedOperation) string { return fmt.Sprint(text(f.Operation), f.Reason, f.Attempts) }
	got, want := map[string]string{}, map[string]string{}
	for page, err := range m.FailedOperations(t.Context(), key.key) {
		expect(t, "failed operations", 0, err, 0, "")
		for _, f := range page {
			got[row(f.Operation)] = describe(f)
		}
	}
	for row, f := range key.failed {
		want[row] = describe(f)
	}
	if !maps.Equal(got, want) {
		t.Fatalf("failed operations are %q, want %q", got, want)
	}
}

// drain ends every path: all that was registered, and not flushed, comes out in order.
func (m *machine) drain(t *rapid.T) {
	for _, key := range m.models {
		n, err := m.OperationsCount(t.Context(), key.key)
		expect(t, "operations count", n, err, int64(len(key.kept())), "")
		for len(key.kept()) > 0 {
			m.sync(t, key, "drain", rapid.IntRange(5, 25).Draw(t, "count"))
		}
		var want []string
		for _, r := range key.registered {
			want = append(want, text(r.op))
		}
		if !slices.Equal(key.drained, want) {
			t.Fatalf("drained %q\nof registered %q", key.drained, want)
		}
		m.touched = key
		m.check(t)
	}
}

// draw draws an import key, mostly one that is ready for the action. If none is, another action is drawn.
func (m *machine) draw(t *rapid.T, ready func(*model) bool) *model {
	keys := slices.DeleteFunc(slices.Clone(m.models), func(key *model) bool { return !ready(key) })
	if len(keys) == 0 {
		t.Skip()
	}
	if rapid.IntRange(0, 4).Draw(t, "unready") == 4 {
		keys = m.models
	}
	m.touched = rapid.SampledFrom(keys).Draw(t, "key")
	return m.touched
}

// When an action leads on. Registering and flushing are held back: they are always possible, and
// would be most of a path.

func short(key *model) bool     { return len(key.kept()) < 20 }
func long(key *model) bool      { return len(key.registered) > 30 }
func waiting(key *model) bool   { return len(key.kept()) > 0 }
func started(key *model) bool   { return key.claimant != "" }
func claimed(key *model) bool   { return key.claimant != "" && key.batch.Count > 0 }
func ended(key *model) bool     { return claimed(key) || key.ended.batch != "" }
func hasFailed(key *model) bool { return len(key.failed) > 0 }

// drawToken gives mostly the claimant's.
func drawToken(t *rapid.T, key *model) string {
	if claimant := cmp.Or(key.claimant, key.ended.token); claimant != "" &&
		rapid.IntRange(0, 4).Draw(t, "other token") < 4 {
		return claimant
	}
	return rapid.SampledFrom(actors).Draw(t, "token")
}

// drawBatch gives the claimed one, one that was claimed once, or none that there ever was.
func drawBatch(t *rapid.T, key *model) chferry.Batch {
	batches := append([]chferry.Batch{{ID: "1", Version: 1, Count: 1, ChunkSize: 1}}, key.seen...)
	slices.Reverse(batches) // drawing likes what stands first
	if key.batch.Count > 0 && rapid.IntRange(0, 4).Draw(t, "other batch") < 4 {
		return key.batch
	}
	return rapid.SampledFrom(batches).Draw(t, "batch")
}

// drawAttempt gives mostly the newest attempt, or the next.
func drawAttempt(t *rapid.T, key *model) storage.Attempt {
	number := max(1, key.attempt+int64(rapid.IntRange(-1, 1).Draw(t, "attempt")))
	return storage.Attempt{Token: drawToken(t, key), BatchID: drawBatch(t, key).ID, Number: number}
}

// drawSettle gives a time in which no operation settles, so that all are young, or none.
func drawSettle(t *rapid.T) (settle time.Duration, young bool) {
	if rapid.IntRange(0, 4).Draw(t, "young") == 4 {
		return time.Hour, true
	}
	return 0, false
}

// drawLease gives a lease that has expired when wait returns, or does not expire.
func drawLease(t *rapid.T) (lease time.Duration, expired bool, wait func()) {
	if rapid.Bool().Draw(t, "expires") {
		return time.Millisecond, true, func() { time.Sleep(2 * time.Millisecond) }
	}
	return time.Hour, false, func() {}
}

// drawOperations draws from few rows, so that most rows come again.
func drawOperations(t *rapid.T, most int) []chferry.Operation {
	kinds := []chferry.Kind{chferry.Insert, chferry.Update, chferry.Delete}
	return rapid.SliceOfN(rapid.Custom(func(t *rapid.T) chferry.Operation {
		return chferry.Operation{
			Kind:       rapid.SampledFrom(kinds).Draw(t, "kind"),
			Database:   rapid.SampledFrom([]string{"", "eu"}).Draw(t, "database"),
			PrimaryKey: rapid.SampledFrom([]chferry.PrimaryKey{{"1"}, {"2.3:4"}, {"2", "\x01"}}).Draw(t, "pk"),
		}
	}), 1, most).Draw(t, "operations")
}
