package storagetest

import (
	"fmt"
	"slices"
	"testing"

	"github.com/chferry/chferry"
	"github.com/chferry/chferry/storage"
)

func failed(pk, reason string) chferry.FailedOperation {
	return chferry.FailedOperation{Operation: op(chferry.Insert, pk), Reason: reason}
}

// by is an attempt of "a" at a batch.
func by(batch chferry.Batch, number int64) storage.Attempt {
	return storage.Attempt{Token: "a", BatchID: batch.ID, Number: number}
}

// fail registers an operation and ends its batch with operations set aside.
func (b *bundle) fail(aside ...chferry.FailedOperation) {
	b.t.Helper()
	b.register(chferry.Insert, "x")
	b.start("a")
	batch := b.get("a", 0)
	b.ok(b.SetAside(b.ctx(), b.key, by(batch, 1), []chferry.FailedOperation{failed("forgotten", "an attempt before")}))
	b.ok(b.SetAside(b.ctx(), b.key, by(batch, 2), nil))
	for _, f := range aside {
		b.ok(b.SetAside(b.ctx(), b.key, by(batch, 2), []chferry.FailedOperation{f}))
	}
	b.post("a", batch)
}

// wantFailed compares the failed operations, each as "kind pk reason attempts".
func (b *bundle) wantFailed(want ...string) {
	b.t.Helper()
	var got []string
	for page, err := range b.Storage.FailedOperations(b.ctx(), b.key) {
		b.ok(err)
		for _, f := range page {
			if f.First.IsZero() || f.Last.Before(f.First) {
				b.t.Errorf("times from %v to %v", f.First, f.Last)
			}
			got = append(got, fmt.Sprintf("%s %s %s %d", f.Kind, f.PrimaryKey[0], f.Reason, f.Attempts))
		}
	}
	slices.Sort(got)
	if !slices.Equal(got, want) {
		b.t.Fatalf("failed operations are %q, want %q", got, want)
	}
	status, err := b.Status(b.ctx(), b.key)
	b.ok(err)
	if status[0].Failed != int64(len(want)) {
		b.t.Fatalf("status counts %d failed operations, want %d", status[0].Failed, len(want))
	}
}

func testSetAside(_ *testing.T, b *bundle) {
	b.wantFailed()
	b.fail(failed("1", "bad"), failed("2\x00\xff", "worse"))
	b.fail(failed("1", "still bad"))
	b.wantFailed("insert 1 still bad 2", "insert 2\x00\xff worse 1")
}

func testRetryFailed(t *testing.T, b *bundle) {
	b.fail(failed("1", "bad"), failed("2", "bad"), failed("3", "bad"))
	n, err := b.RetryFailed(b.ctx(), b.key)
	b.ok(err)
	if n != 3 {
		t.Fatalf("retried %d, want 3", n)
	}
	b.wantFailed()
	b.wantKept(3)
	b.fail(failed("2", "bad again")) // the others were imported
	b.wantFailed("insert 2 bad again 2")
	b.fail(failed("1", "bad anew"))
	b.wantFailed("insert 1 bad anew 1", "insert 2 bad again 2")
	if n, err = b.RetryFailed(b.ctx(), newKey()); err != nil || n != 0 {
		t.Fatalf("of another key %d were retried, %v", n, err)
	}
}

func testDiscardFailed(t *testing.T, b *bundle) {
	b.fail(failed("1", "bad"), failed("2", "bad"))
	n, err := b.DiscardFailed(b.ctx(), b.key)
	b.ok(err)
	if n != 2 {
		t.Fatalf("discarded %d, want 2", n)
	}
	b.wantFailed()
	b.wantKept(0)
}

// testDiscardForgets: attempts don't outlive what was discarded, though they do outlive a retry
// while the queue has not drained.
func testDiscardForgets(_ *testing.T, b *bundle) {
	b.register(chferry.Insert, "1", "2")
	b.start("a")
	failFirst := func() {
		batch := b.get("a", 1)
		b.ok(b.SetAside(b.ctx(), b.key, by(batch, 1), []chferry.FailedOperation{failed("1", "bad")}))
		b.post("a", batch)
	}
	failFirst()
	_, err := b.RetryFailed(b.ctx(), b.key)
	b.ok(err)
	b.post("a", b.get("a", 1))
	b.register(chferry.Insert, "1", "3")
	failFirst()
	b.wantFailed("insert 1 bad 2")
	_, err = b.DiscardFailed(b.ctx(), b.key)
	b.ok(err)
	failFirst()
	b.wantFailed("insert 1 bad 1")
}

// testOvertakenAttempt: an attempt that was thought dead wakes up in the middle of the next one, or after it.
func testOvertakenAttempt(_ *testing.T, b *bundle) {
	b.register(chferry.Insert, "1", "2")
	b.start("a")
	batch := b.get("a", 0)
	note := func(number int64, aside ...chferry.FailedOperation) error {
		return b.SetAside(b.ctx(), b.key, by(batch, number), aside)
	}
	b.ok(note(2, failed("1", "bad")))
	b.wantCode(note(1), chferry.CodeSuperseded)
	b.wantCode(note(1, failed("2", "an old reason")), chferry.CodeSuperseded)
	b.ok(note(2))
	forget := func(number int64) error {
		return b.ForgetImported(b.ctx(), b.key, by(batch, number),
			oneByOne(func(chferry.Operation) bool { return true }))
	}
	b.post("a", batch)
	b.wantFailed("insert 1 bad 1")
	b.wantCode(note(2, failed("2", "an old reason")), chferry.CodeSuperseded)
	b.wantCode(forget(2), chferry.CodeSuperseded)
	b.wantFailed("insert 1 bad 1")

	// The next claimant counts its own attempts, and what the one before noted is gone.
	b.register(chferry.Insert, "3")
	b.start("z")
	batch = b.get("z", 0)
	b.ok(b.SetAside(b.ctx(), b.key, storage.Attempt{Token: "z", BatchID: batch.ID, Number: 9},
		[]chferry.FailedOperation{failed("3", "bad")}))
	b.takeOver("a")
	b.ok(note(1))
	b.post("a", b.get("a", 0))
	b.wantFailed("insert 1 bad 1")
}

// oneByOne answers for a page of operations by answering for each.
func oneByOne(imported func(chferry.Operation) bool) func([]chferry.Operation) ([]bool, error) {
	return func(page []chferry.Operation) ([]bool, error) {
		answers := make([]bool, len(page))
		for i, op := range page {
			answers[i] = imported(op)
		}
		return answers, nil
	}
}

func testForgetImported(t *testing.T, b *bundle) {
	b.ok(b.ForgetImported(b.ctx(), b.key, storage.Attempt{Token: "a"}, nil)) // nothing has failed
	b.fail(failed("1", "bad"), failed("2", "bad"), failed("3", "worse"))
	b.register(chferry.Insert, "1", "2")
	b.start("a")
	batch := b.get("a", 0)
	b.ok(b.SetAside(b.ctx(), b.key, by(batch, 2), []chferry.FailedOperation{failed("2", "bad again")}))
	imported := oneByOne(func(o chferry.Operation) bool { return o.PrimaryKey[0] == "1" })
	b.wantCode(b.ForgetImported(b.ctx(), b.key, by(batch, 1), imported), chferry.CodeSuperseded)
	b.ok(b.ForgetImported(b.ctx(), b.key, by(batch, 2), imported))
	b.wantFailed("insert 2 bad 1", "insert 3 worse 1")
	b.ok(b.ForgetImported(b.ctx(), b.key, by(batch, 2), imported))
	b.post("a", batch)
	b.wantFailed("insert 2 bad again 2", "insert 3 worse 1")
	if n, err := b.DiscardFailed(b.ctx(), b.key); err != nil || n != 2 {
		t.Fatalf("discarded %d, %v; want 2", n, err)
	}
}
