package storagetest

import (
	"slices"
	"testing"

	"pgregory.net/rapid"

	"github.com/chferry/chferry"
	"github.com/chferry/chferry/storage"
)

func (b *bundle) position() storage.Position {
	b.t.Helper()
	position, err := b.Position(b.ctx(), b.key)
	b.ok(err)
	return position
}

func (b *bundle) wantPassed(when string, want []bool, positions ...storage.Position) {
	b.t.Helper()
	got, err := b.Passed(b.ctx(), b.key, positions...)
	b.ok(err)
	if !slices.Equal(got, want) {
		b.t.Fatalf("%s: passed %v, want %v", when, got, want)
	}
}

// testPositions follows three positions through claims, failures and takeovers: a position is
// passed with the batch that holds its last operation, and no earlier.
func testPositions(_ *testing.T, b *bundle) {
	empty := b.position()
	b.wantPassed("an empty queue", []bool{true}, empty)
	b.registerTogether("1", "2", "3")
	first := b.position()
	b.register(chferry.Insert, "4")
	second := b.position()
	b.register(chferry.Insert, "5")
	all := []storage.Position{empty, first, second, b.position()}
	b.wantPassed("registered", []bool{true, false, false, false}, all...)
	b.start("a")
	batch := b.get("a", 2)
	b.wantPassed("claimed", []bool{true, false, false, false}, all...)
	b.post("a", batch)
	b.wantPassed("a batch that ended inside an entry", []bool{true, false, false, false}, all...)
	batch = b.get("a", 2)
	b.ok(b.PostSyncFailed(b.ctx(), b.key, "a"))
	b.wantPassed("a sync that failed", []bool{true, false, false, false}, all...)
	b.start("b")
	b.takeOver("a")
	b.ok(b.SetAside(b.ctx(), b.key, by(batch, 1), []chferry.FailedOperation{failed("4", "bad")}))
	b.post("a", batch)
	b.wantPassed("imported and set aside", []bool{true, true, true, false}, all...)
	_, err := b.RetryFailed(b.ctx(), b.key)
	b.ok(err)
	retried := b.position()
	b.post("a", b.get("a", 1))
	b.wantPassed("before what is retried", []bool{true, true, true, true, false}, append(all, retried)...)
	b.ok(b.Flush(b.ctx(), b.key))
	b.wantPassed("flushed", []bool{true, true}, retried, b.position())
	b.wantPassed("no positions", nil)
	for _, text := range []storage.Position{"", "1", "1-", "a-b", "-1-1"} {
		_, err := b.Passed(b.ctx(), b.key, first, text)
		b.wantCode(err, chferry.CodeInvalid)
	}
}

// position remembers where the queue stands.
func (m *machine) position(t *rapid.T) {
	key := m.draw(t, waiting)
	position, err := m.Position(t.Context(), key.key)
	expect(t, "position", 0, err, 0, "")
	key.positions, key.behind = append(key.positions, position), append(key.behind, len(key.registered))
}

func (m *machine) checkPositions(t *rapid.T, key *model) {
	got, err := m.Passed(t.Context(), key.key, key.positions...)
	expect(t, "passed", len(got), err, len(key.positions), "")
	for i, behind := range key.behind {
		expect(t, "whether a position is passed", got[i], nil, len(key.drained) >= behind, "")
	}
}
