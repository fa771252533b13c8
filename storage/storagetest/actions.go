package storagetest

import (
	"context"
	"fmt"
	"slices"

	"pgregory.net/rapid"

	"github.com/chferry/chferry"
	"github.com/chferry/chferry/storage"
)

// register registers one or several operations in one call.
func (m *machine) register(t *rapid.T) {
	key, ops := m.draw(t, short), drawOperations(t, 9)
	n, err := m.RegisterOperations(t.Context(), key.key, ops...)
	expect(t, "register", n, err, len(ops), "")
	key.register(ops...)
}

// registerSingly registers several operations in as many calls.
func (m *machine) registerSingly(t *rapid.T) {
	key := m.draw(t, short)
	for _, op := range drawOperations(t, 4) {
		n, err := m.RegisterOperations(t.Context(), key.key, op)
		expect(t, "register", n, err, 1, "")
		key.register(op)
	}
}

// preSync starts a sync, comes too early, or takes a key over because its claimant has ended or was silent.
func (m *machine) preSync(t *rapid.T) {
	key := m.draw(t, waiting)
	closed := rapid.Bool().Draw(t, "closed")
	lease, expired, wait := drawLease(t)
	settle, young := drawSettle(t)
	holder := key.claimant
	isClosed := func(_ context.Context, token string) bool {
		expect(t, "whether the claimant has ended is asked about", token, nil, holder, "")
		return closed
	}
	opts := storage.PreSyncOptions{
		Token: rapid.SampledFrom(actors).Draw(t, "token"), Lease: lease, Settle: settle, Closed: isClosed,
	}
	got, err := m.PreSync(t.Context(), key.key, opts)
	want, code := key.preSync(opts, young, closed)
	expect(t, "pre-sync", got, err, want, code)
	if got.Claimed {
		wait()
		key.expired = expired
	}
}

// getOperations claims a batch, or gets the one that is claimed.
func (m *machine) getOperations(t *rapid.T) {
	key := m.draw(t, started)
	settle, young := drawSettle(t)
	m.get(t, key, storage.GetOptions{
		Token: drawToken(t, key), Settle: settle,
		Count:     rapid.IntRange(1, 9).Draw(t, "count"),
		ChunkSize: rapid.IntRange(0, 3).Draw(t, "chunk size"),
	}, young)
}

func (m *machine) get(t *rapid.T, key *model, opts storage.GetOptions, young bool) chferry.Batch {
	got, err := m.GetOperations(t.Context(), key.key, opts)
	want, code := key.getOperations(opts, young)
	isNew := want.Count > 0 && want.ID == ""
	if isNew {
		want.ID, want.Version = got.ID, got.Version
	}
	expect(t, "get operations", got, err, want, code)
	if !isNew {
		return got
	}
	hasID := func(b chferry.Batch) bool { return b.ID == got.ID }
	if got.Version <= key.version || slices.ContainsFunc(key.seen, hasID) {
		t.Fatalf("version %d and ID %s, after version %d", got.Version, got.ID, key.version)
	}
	key.claimed(got)
	return got
}

// readBatch reads a batch, whose operations may be somebody else's.
func (m *machine) readBatch(t *rapid.T) {
	key := m.draw(t, claimed)
	m.read(t, key, drawToken(t, key), drawBatch(t, key))
}

func (m *machine) read(t *rapid.T, key *model, token string, batch chferry.Batch) []string {
	var got []string
	var err error
	for page, pageErr := range m.BatchOperations(t.Context(), key.key, token, batch) {
		for _, op := range page {
			got = append(got, text(op))
		}
		err = pageErr
	}
	if !key.owns(token, batch.ID) {
		expect(t, "read a batch", len(got), err, 0, chferry.CodeSuperseded)
		return nil
	}
	expect(t, "read a batch", len(got), err, key.batch.Count, "")
	if want := key.read(got); !slices.Equal(got, want) {
		t.Fatalf("batch holds %q, want %q", got, want)
	}
	return got
}

// setAside notes operations that can't be imported.
func (m *machine) setAside(t *rapid.T) {
	key := m.draw(t, claimed)
	by := drawAttempt(t, key)
	var failed []chferry.FailedOperation
	for _, op := range drawOperations(t, 3) {
		failed = append(failed, chferry.FailedOperation{Operation: op, Reason: fmt.Sprint("reason ", by.BatchID)})
	}
	expect(t, "set aside", 0, m.SetAside(t.Context(), key.key, by, failed), 0, key.setAside(by, failed))
}

// forgetImported forgets a failed operation whose row the batch imported.
func (m *machine) forgetImported(t *rapid.T) {
	key := m.draw(t, func(key *model) bool { return hasFailed(key) && claimed(key) })
	by, imported := drawAttempt(t, key), row(drawOperations(t, 1)[0])
	err := m.ForgetImported(t.Context(), key.key, by,
		oneByOne(func(o chferry.Operation) bool { return row(o) == imported }))
	expect(t, "forget imported", 0, err, 0, key.forgetImported(by, imported))
}

// postSync removes a batch, or fails to: it is another claimant's, or was removed before.
func (m *machine) postSync(t *rapid.T) {
	key := m.draw(t, ended)
	replacement := key.replacement.ID
	if rapid.IntRange(0, 4).Draw(t, "other replacement") == 4 {
		replacement = "" // the batch was imported before any replacement
	}
	m.post(t, key, drawToken(t, key), drawBatch(t, key), replacement, rapid.IntRange(0, 3).Draw(t, "last") == 3)
}

func (m *machine) post(t *rapid.T, key *model, token string, batch chferry.Batch, replacement string, last bool) {
	var read []string
	if key.owns(token, batch.ID) {
		read = m.read(t, key, token, batch)
	}
	opts := storage.PostSyncOptions{
		Token: token, BatchID: batch.ID, Last: last, Replacement: replacement,
		Counts: chferry.Counts{
			Operations: int64(batch.Count), Rows: int64(batch.Count - len(key.aside)), Failed: int64(len(key.aside)),
		},
	}
	got, err := m.PostSync(t.Context(), key.key, opts)
	want, code := key.postSync(opts, read)
	expect(t, "post-sync", got, err, want, code)
}

// postSyncFailed gives a claim back.
func (m *machine) postSyncFailed(t *rapid.T) {
	key := m.draw(t, started)
	token := drawToken(t, key)
	expect(t, "post-sync failed", 0, m.PostSyncFailed(t.Context(), key.key, token), 0, key.postSyncFailed(token))
}

// extendLease gives the claimant another lease, which may have ended already.
func (m *machine) extendLease(t *rapid.T) {
	key := m.draw(t, started)
	token := drawToken(t, key)
	lease, expired, wait := drawLease(t)
	code := chferry.CodeSuperseded
	if key.claimant == token {
		code, key.expired = "", expired
	}
	expect(t, "extend the lease", 0, m.ExtendLease(t.Context(), key.key, token, lease), 0, code)
	wait()
}

// sync takes the key over and imports a batch, as most syncs do.
func (m *machine) sync(t *rapid.T, key *model, token string, count int) {
	opts := storage.PreSyncOptions{Token: token, Closed: func(context.Context, string) bool { return true }}
	start, err := m.PreSync(t.Context(), key.key, opts)
	want, code := key.preSync(opts, false, true)
	expect(t, "pre-sync", start, err, want, code)
	if start.Claimed {
		key.expired = false
		m.post(t, key, token, m.get(t, key, storage.GetOptions{Token: token, Count: count}, false),
			key.replacement.ID, false)
	}
}

// retryFailed registers failed operations again.
func (m *machine) retryFailed(t *rapid.T) {
	key := m.draw(t, hasFailed)
	n, err := m.RetryFailed(t.Context(), key.key)
	expect(t, "retry", n, err, key.retryFailed(), "")
}

// discardFailed forgets failed operations.
func (m *machine) discardFailed(t *rapid.T) {
	key := m.draw(t, hasFailed)
	n, err := m.DiscardFailed(t.Context(), key.key)
	expect(t, "discard", n, err, key.discardFailed(), "")
}

// flush drops what is kept of an import key, or of all.
func (m *machine) flush(t *rapid.T) {
	key := m.draw(t, long)
	if rapid.IntRange(0, 3).Draw(t, "all") < 3 {
		expect(t, "flush", 0, m.Flush(t.Context(), key.key), 0, "")
		key.flush()
		return
	}
	expect(t, "flush", 0, m.Flush(t.Context()), 0, "")
	for _, key := range m.models {
		key.flush()
	}
}

// Resender is implemented by storages that can send an earlier request to their server once more,
// as a network may that held it back: a claim, a mint, a note, a removal, a retry, a flush. A
// registration is none of these, as registering twice does no harm. The storage chooses among its n
// newest requests by pick(n).
type Resender interface {
	Resend(ctx context.Context, pick func(n int) int) error
}

// lateCopy sends an earlier request once more. [machine.check], which follows, finds nothing changed.
func (m *machine) lateCopy(t *rapid.T) {
	resender, ok := m.Storage.(Resender)
	if !ok {
		t.Skip()
	}
	err := resender.Resend(t.Context(), func(n int) int { return rapid.IntRange(0, n-1).Draw(t, "request") })
	expect(t, "late copy", 0, err, 0, "")
	// What a late copy may do: an idle sync says that there was one, and a version is minted that nobody gets.
	for _, key := range m.models {
		statuses, err := m.Status(t.Context(), key.key)
		expect(t, "status", len(statuses), err, 1, "")
		key.synced = key.synced || !statuses[0].LastSync.IsZero()
		key.version = max(key.version, statuses[0].Version)
	}
}

// mint mints a version without a claim, in the midst of whatever others do.
func (m *machine) mint(t *rapid.T) {
	key := m.draw(t, started)
	version, err := m.Mint(t.Context(), key.key, nil)
	expect(t, "mint", version > key.version, err, true, "")
	key.version = version
}
