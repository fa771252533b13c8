package storagetest

import (
	"fmt"
	"testing"

	"pgregory.net/rapid"

	"github.com/chferry/chferry"
	"github.com/chferry/chferry/storage"
)

// replacementTests are what the contract says of tables that jobs fill to replace a destination with.
var replacementTests = []contractTest{
	{"one replacement is open at a time", testReplacement},
	{"a job that has begun opens no replacement", testReplacementOfBegunJob},
	{"a batch that was imported before a replacement had begun stays", testReplacedMeanwhile},
}

func (b *bundle) replace(token, table string) storage.Replacement {
	b.t.Helper()
	r, err := b.BeginReplacement(b.ctx(), b.key, token, table)
	b.ok(err)
	if !r.Open() || r.ID == "" {
		b.t.Fatalf("the replacement is %+v", r)
	}
	b.wantReplacement(r)
	return r
}

func (b *bundle) wantReplacement(want storage.Replacement) {
	b.t.Helper()
	got, err := b.Replacement(b.ctx(), b.key)
	b.ok(err)
	if got != want {
		b.t.Fatalf("the replacement is %+v, want %+v", got, want)
	}
}

func testReplacement(_ *testing.T, b *bundle) {
	b.wantReplacement(storage.Replacement{})
	b.ok(b.EndReplacement(b.ctx(), b.key, "a"))
	for _, wrong := range [][2]string{{"", "table"}, {"a", ""}} {
		_, err := b.BeginReplacement(b.ctx(), b.key, wrong[0], wrong[1])
		b.wantCode(err, chferry.CodeInvalid)
	}
	first := b.replace("a", "first")
	if again := b.replace("a", "first"); again != first {
		b.t.Fatalf("begun again the replacement is %+v, was %+v", again, first)
	}
	_, err := b.BeginReplacement(b.ctx(), b.key, "b", "second")
	b.wantCode(err, chferry.CodeClaimed)
	b.ok(b.EndReplacement(b.ctx(), b.key, "b"))
	b.wantReplacement(first)
	_, err = b.BeginReplacement(b.ctx(), b.key, "a", "of a late attempt")
	b.wantCode(err, chferry.CodeClaimed)
	b.wantReplacement(first)
	for range 2 {
		b.ok(b.EndReplacement(b.ctx(), b.key, "a"))
		b.wantReplacement(storage.Replacement{ID: first.ID})
	}
	if second := b.replace("b", "first"); second.ID == first.ID {
		b.t.Fatalf("the ID of %+v is not its own", second)
	}
	b.ok(b.Flush(b.ctx(), b.key))
	b.wantReplacement(storage.Replacement{})
}

// testReplacementOfBegunJob: an attempt at a job that has begun to copy, and whose replacement has ended,
// opens none.
func testReplacementOfBegunJob(_ *testing.T, b *bundle) {
	backfill := job(storage.Backfill, "a")
	first := b.replace("a", "first")
	b.begin(backfill, storage.Range{UpTo: "1"})
	if again := b.replace("a", "first"); again != first {
		b.t.Fatalf("begun again the replacement is %+v, was %+v", again, first)
	}
	refused := func() {
		b.t.Helper()
		_, err := b.BeginReplacement(b.ctx(), b.key, "a", "first")
		b.wantCode(err, chferry.CodeSuperseded)
		b.wantReplacement(storage.Replacement{ID: first.ID})
	}
	b.ok(b.EndReplacement(b.ctx(), b.key, "a"))
	refused()
	b.ok(b.EndRanges(b.ctx(), b.key, backfill, "copied"))
	refused()
	b.replace("b", "first")
}

func testReplacedMeanwhile(_ *testing.T, b *bundle) {
	b.register(chferry.Insert, "1", "2", "3")
	b.start("sync")
	batch := b.get("sync", 1)
	remove := func(replacement string) error {
		_, err := b.PostSync(b.ctx(), b.key, storage.PostSyncOptions{
			Token: "sync", BatchID: batch.ID, Replacement: replacement,
		})
		return err
	}
	first := b.replace("a", "first")
	b.wantCode(remove(""), chferry.CodeReplaced)
	b.wantRead("sync", batch, "i1")
	b.ok(b.EndReplacement(b.ctx(), b.key, "a")) // it may be the destination by now
	b.wantCode(remove(""), chferry.CodeReplaced)
	second := b.replace("b", "second")
	b.wantCode(remove(first.ID), chferry.CodeReplaced)
	b.ok(remove(second.ID))
	b.ok(b.EndReplacement(b.ctx(), b.key, "b"))
	b.replace("c", "third")
	b.ok(remove(second.ID)) // the first answer
	batch = b.get("sync", 1)
	b.wantRead("sync", batch, "i2")
	b.wantCode(remove(second.ID), chferry.CodeReplaced)
}

// beginReplacement begins a job's replacement, of the same table or another one.
func (m *machine) beginReplacement(t *rapid.T) {
	key := m.draw(t, claimed)
	token := rapid.SampledFrom(actors).Draw(t, "token")
	table := fmt.Sprint("table ", rapid.IntRange(1, 2).Draw(t, "table"))
	got, err := m.BeginReplacement(t.Context(), key.key, token, table)
	want, code := key.beginReplacement(token, table)
	if err == nil && want.ID == "" {
		if got.ID == "" || key.replaced[got.ID] {
			t.Fatalf("the replacement's ID is %q, which there was", got.ID)
		}
		want.ID = got.ID
		key.replaced[got.ID], key.replacement = true, want
	}
	expect(t, "begin a replacement", got, err, want, code)
}

func (m *machine) endReplacement(t *rapid.T) {
	key := m.draw(t, func(key *model) bool { return key.replacement.Open() })
	token := rapid.SampledFrom(actors).Draw(t, "token")
	expect(t, "end a replacement", 0, m.EndReplacement(t.Context(), key.key, token), 0, "")
	if key.replacement.Token == token {
		key.replacement = storage.Replacement{ID: key.replacement.ID}
	}
}

// beginReplacement returns a new replacement without its ID, which only the storage knows.
func (m *model) beginReplacement(token, table string) (storage.Replacement, chferry.Code) {
	switch {
	case m.replacement.Token == token && m.replacement.Table == table:
		return m.replacement, ""
	case m.replacement.Open():
		return storage.Replacement{}, chferry.CodeClaimed
	}
	return storage.Replacement{Token: token, Table: table}, ""
}
