package storagetest

import (
	"reflect"
	"slices"
	"testing"
	"time"

	"github.com/chferry/chferry"
	"github.com/chferry/chferry/storage"
)

func testFlush(t *testing.T, b *bundle) {
	b.register(chferry.Insert, "1", "2", "3")
	b.start("a")
	batch := b.get("a", 1)
	b.post("a", batch)
	b.ok(b.Flush(b.ctx(), b.key))
	status, err := b.Status(b.ctx(), b.key)
	b.ok(err)
	if want := (chferry.Status{Version: batch.Version}); !reflect.DeepEqual(status[0], want) {
		t.Fatalf("after a flush the status is %+v, want %+v", status[0], want)
	}
	start, err := b.PreSync(b.ctx(), b.key, storage.PreSyncOptions{Token: "b"})
	b.ok(err)
	if start.Claimed {
		t.Fatal("something is left to sync after a flush")
	}
	b.register(chferry.Insert, "4")
	b.wantDrained("b", 10, "i4")
}

func testFlushMidBatch(_ *testing.T, b *bundle) {
	b.register(chferry.Insert, "1", "2", "3")
	b.start("a")
	batch := b.get("a", 2)
	b.ok(b.Flush(b.ctx(), b.key))
	b.register(chferry.Insert, "4")
	_, err := b.PostSync(b.ctx(), b.key, storage.PostSyncOptions{Token: "a", BatchID: batch.ID})
	b.wantCode(err, chferry.CodeSuperseded)
	b.wantDrained("b", 10, "i4")
}

func testFlushAll(t *testing.T, b *bundle) {
	keys := []chferry.ImportKey{b.key, newKey(), newKey()}
	want := make([]chferry.Status, len(keys))
	for i, key := range keys {
		other := &bundle{Storage: b.Storage, t: t, key: key}
		other.fail(failed("1", "bad")) // leaves something in every part of the storage
		other.register(chferry.Insert, "2")
		other.registerTogether("3", "4")
		other.start("a")
		want[i].Version = other.get("a", 2).Version
	}
	b.ok(b.Flush(b.ctx()))
	got, err := b.Status(b.ctx(), keys...)
	b.ok(err)
	if !reflect.DeepEqual(got, want) {
		t.Fatalf("after a flush of all the status is %+v, want %+v", got, want)
	}
	b.ok(b.Flush(b.ctx())) // of nothing
}

func testLastSyncTime(t *testing.T, b *bundle) {
	got, err := b.LastSyncTime(b.ctx(), b.key)
	b.ok(err)
	if !got.IsZero() {
		t.Fatalf("last sync time is %v before any sync, want zero", got)
	}
	want := time.Date(2031, 5, 6, 7, 8, 9, 123_000_000, time.UTC)
	b.ok(b.SetLastSyncTime(b.ctx(), b.key, want))
	if got, err = b.LastSyncTime(b.ctx(), b.key); err != nil || !got.Equal(want) {
		t.Fatalf("got %v, %v; want %v", got, err, want)
	}
	_, err = b.PreSync(b.ctx(), b.key, storage.PreSyncOptions{Token: "a"})
	b.ok(err)
	if got, err = b.LastSyncTime(b.ctx(), b.key); err != nil || time.Since(got).Abs() > time.Minute {
		t.Fatalf("after a sync the last sync time is %v, %v", got, err)
	}
}

func testStatus(t *testing.T, b *bundle) {
	before := time.Now().Add(-time.Minute)
	b.registerTogether("1", "2", "3", "4", "5")
	b.start("a")
	batch := b.get("a", 2)
	other := newKey()
	statuses, err := b.Status(b.ctx(), b.key, other)
	b.ok(err)
	if len(statuses) != 2 || !reflect.DeepEqual(statuses[1], chferry.Status{}) {
		t.Fatalf("got %+v, want nothing known of the second key", statuses)
	}
	got := statuses[0]
	if got.OldestPending.Before(before) || got.LastSync.Before(before) {
		t.Fatalf("got times %v and %v, want about now", got.OldestPending, got.LastSync)
	}
	got.OldestPending, got.LastSync = time.Time{}, time.Time{}
	if want := (chferry.Status{Pending: 3, InFlight: 2, Version: batch.Version}); !reflect.DeepEqual(got, want) {
		t.Fatalf("got %+v, want %+v", got, want)
	}
	outcome := chferry.Counts{Operations: 2, Rows: 1, Coalesced: 1}
	_, err = b.PostSync(b.ctx(), b.key,
		storage.PostSyncOptions{Token: "a", BatchID: batch.ID, Counts: outcome, Last: true})
	b.ok(err)
	statuses, err = b.Status(b.ctx(), b.key)
	b.ok(err)
	if got := statuses[0]; got.Totals != outcome || got.Pending != 3 || got.InFlight != 0 {
		t.Fatalf("got %+v, want totals %+v and 3 pending", got, outcome)
	}
	b.start("b") // Last ended the claim although operations are left
}

func testHook(t *testing.T, b *bundle) {
	b.register(chferry.Insert, "1", "2", "3")
	b.wantDrained("a", 2, "i1 i2", "i3")
	if want := []int64{2, 1}; !slices.Equal(b.removed, want) {
		t.Fatalf("the hook was told of %v, want %v", b.removed, want)
	}
}

func testIdentity(t *testing.T, b *bundle) {
	identity := func(table string, mark uint64) storage.Identity { return storage.Identity{Table: table, Mark: mark} }
	for _, c := range []struct {
		database         string
		identity, before storage.Identity
	}{
		{"eu", identity("1/2", 5), identity("1/2", 5)},
		{"eu", identity("3/4", 9), identity("1/2", 5)},
		{"us", identity("3/4", 0), identity("3/4", 0)},
		{"eu", identity("1/2", 1<<63), identity("1/2", 5)},
		{"eu", identity("1/2", 7), identity("1/2", 1<<63)},
		{"eu", identity("1/2", 8), identity("1/2", 1<<63)},
	} {
		got, err := b.RememberIdentity(b.ctx(), b.key, c.database, c.identity)
		b.ok(err)
		if got != c.before {
			t.Fatalf("remembered %+v before %+v, want %+v", got, c.identity, c.before)
		}
	}
	b.ok(b.ReplaceIdentity(b.ctx(), b.key, "eu", identity("1/2", 3)))
	b.wantRemembered("eu", identity("1/2", 3))
	b.ok(b.ReplaceIdentity(b.ctx(), b.key, "eu", identity("5/6", 0)))
	b.wantRemembered("eu", identity("5/6", 0))
	b.ok(b.ReplaceIdentity(b.ctx(), b.key, "fr", identity("5/6", 1)))
	b.wantRemembered("fr", identity("5/6", 1))
	b.wantRemembered("unknown", storage.Identity{})
}

func (b *bundle) wantRemembered(database string, want storage.Identity) {
	b.t.Helper()
	got, err := b.RememberedIdentity(b.ctx(), b.key, database)
	b.ok(err)
	if got != want {
		b.t.Fatalf("of %s %+v is remembered, want %+v", database, got, want)
	}
}

func testSchema(t *testing.T, b *bundle) {
	for _, schema := range [][]string{
		{"column a is new", "column b is gone"},
		{"column c is new"},
		{"column c is new"},
		nil, nil,
		{"column \"d\ne\" is new: configure columns.rename: {f: d\ne}", "[\"g\"]"},
	} {
		b.ok(b.NoteSchema(b.ctx(), b.key, "", schema))
		statuses, err := b.Status(b.ctx(), b.key)
		b.ok(err)
		if got := statuses[0].Schema; !slices.Equal(got, schema) {
			t.Fatalf("noted %q, want %q", got, schema)
		}
	}
}

// testFailing: failures count from the first one on until a batch is imported, or nothing is to be synced.
func testFailing(t *testing.T, b *bundle) {
	want := func(attempts int64, step, reason, outcome string) {
		t.Helper()
		statuses, err := b.Status(b.ctx(), b.key)
		b.ok(err)
		got := statuses[0]
		if got.LastOutcome != outcome {
			t.Fatalf("the last outcome is %q, want %q", got.LastOutcome, outcome)
		}
		if attempts == 0 {
			if got.Failing != nil {
				t.Fatalf("it is failing: %+v", got.Failing)
			}
			return
		}
		f := got.Failing
		if f == nil || f.Attempts != attempts || f.Step != step || f.Code != chferry.CodeUnavailable ||
			f.Reason != reason || f.Since.IsZero() || f.Last.Before(f.Since) {
			t.Fatalf("failing is %+v, want %d attempts of %s for %q", f, attempts, step, reason)
		}
	}
	fail := func(step, reason string) {
		b.ok(b.NoteFailure(b.ctx(), b.key, "a", step, chferry.CodeUnavailable, reason))
	}
	want(0, "", "", "")
	fail("PreSync", "it is away")
	want(1, "PreSync", "it is away", "")
	b.register(chferry.Insert, "1", "2")
	b.start("a")
	fail("InsertBatch", `it "is" away`)
	want(2, "InsertBatch", `it "is" away`, "")
	b.ok(b.PostSyncFailed(b.ctx(), b.key, "a"))
	want(2, "InsertBatch", `it "is" away`, "failed")
	b.start("a")
	b.post("a", b.get("a", 1))
	want(0, "", "", "failed") // the sync goes on
	fail("GetOperations", "it is away")
	b.post("a", b.get("a", 1))
	want(0, "", "", "synced")
	fail("PreSync", "it is away")
	if start, err := b.PreSync(b.ctx(), b.key, storage.PreSyncOptions{Token: "b"}); err != nil || start.Claimed {
		t.Fatalf("claimed an empty queue: %+v, %v", start, err)
	}
	want(0, "", "", "synced")
	b.fail(failed("x", "bad"))
	want(0, "", "", "synced")
}
