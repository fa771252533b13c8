package transfer_test

import (
	"context"
	"fmt"
	"slices"
	"sync/atomic"
	"testing"
	"time"

	"github.com/chferry/chferry"
	"github.com/chferry/chferry/rowset"
	"github.com/chferry/chferry/source"
	"github.com/chferry/chferry/storage"
)

// brokenSource can't give the rows of some ids, nor those that are asked for with one of them. slow
// is how many rows it gives within its time limit; 0: any number.
type brokenSource struct {
	source.Source
	broken []int64
	slow   int
	asked  atomic.Int64 // fetches
}

func (s *brokenSource) Fetch(ctx context.Context, table rowset.Table, keys []rowset.Vector) (rowset.Rows, error) {
	s.asked.Add(1)
	if n := keys[0].Len(); s.slow > 0 && n > s.slow {
		return rowset.Rows{}, &source.TooMuchError{Rows: n / 2}
	}
	for _, id := range keys[0].Ints {
		if slices.Contains(s.broken, id) {
			return rowset.Rows{},
				fmt.Errorf("secret: %w", chferry.Errorf(chferry.CodeUnreadable, "table items: a value can't be read"))
		}
	}
	return s.Source.Fetch(ctx, table, keys)
}

// TestUnreadableRows: exactly the rows that the source can't give are set aside, and the others are
// read by a bounded number of questions.
func TestUnreadableRows(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		chunk, slow int
		broken      []int64
	}{
		"none":          {100, 0, nil},
		"the first":     {100, 0, []int64{1}},
		"the last":      {100, 0, []int64{100}},
		"neighbours":    {100, 0, []int64{50, 51, 52, 53}},
		"in each chunk": {10, 0, []int64{1, 20, 35}},
		"a whole chunk": {5, 0, []int64{11, 12, 13, 14, 15}},
		"chunks of one": {1, 0, []int64{2, 4}},
		"of a slow one": {100, 7, []int64{3, 60}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			to := &fussySink{}
			r := newRig(t, to, 0)
			r.fill("default", 1, 100, 3)
			broken := &brokenSource{Source: r.sources["default"], broken: test.broken, slow: test.slow}
			r.sources["default"] = broken
			r.claim(test.chunk, opsOf("", 1, 100)...)
			r.wantOutcome(chferry.Counts{
				Operations: 100, Rows: 100 - int64(len(test.broken)), Failed: int64(len(test.broken)),
			})
			want, failed := rowsFrom(1, 100, 3), map[string]string{}
			for _, id := range test.broken {
				want = slices.DeleteFunc(want, func(r row) bool { return r.id == id })
				failed[fmt.Sprint(id)] = "table items: a value can't be read"
			}
			to.wantRows(t, want...)
			r.wantFailed(failed)
			if most := 2*(100/test.chunk) + 100/max(test.slow, 100)*20 + 20*len(test.broken) +
				40; int(broken.asked.Load()) > most {
				t.Errorf("%d fetches, want at most %d", broken.asked.Load(), most)
			}
		})
	}
}

// TestImportedLater: a failed operation goes when its row is imported, whichever text names the
// row; one that fails again stays, and so does one that the batch does not have.
func TestImportedLater(t *testing.T) {
	t.Parallel()
	to := &fussySink{}
	r := newRig(t, to, 0)
	r.fill("default", 1, 10, 3)
	broken := &brokenSource{Source: r.sources["default"], broken: []int64{2, 3, 4, 5, 20}}
	r.sources["default"] = broken
	const reason = "table items: a value can't be read"
	r.claim(10, op("", 1), op("", "02"), op("default", 3), op("", 4), op("", 5), op("", 20), op("nowhere", 1))
	r.wantOutcome(chferry.Counts{Operations: 7, Rows: 1, Failed: 6})
	all := map[string]string{
		"02": reason, "default/3": reason, "4": reason, "5": reason, "20": reason,
		"nowhere/1": "the import has no such database (it has [default])",
	}
	r.wantFailed(all)

	broken.broken = []int64{4}
	r.claim(10, op("default", 2), op("", "+3"), op("", 4), op("", 20), op("", 6)) // there is no row 20: a delete
	r.wantOutcome(chferry.Counts{Operations: 5, Rows: 3, Deletes: 1, Failed: 1})
	r.wantFailed(map[string]string{"4": reason, "5": reason, "nowhere/1": all["nowhere/1"]})
}

// TestImportedLaterByAnotherNotation: a failed operation may name its row in a notation that only the source reads.
func TestImportedLaterByAnotherNotation(t *testing.T) {
	t.Parallel()
	to := &fussySink{}
	r := newRig(t, to, 0)
	r.fill("default", 1, 10, 3)
	r.claim(10, op("", 1))
	outcome, err := r.insert(t.Context())
	ok(t, err)
	failed := []chferry.FailedOperation{
		{Operation: op("", "2e0"), Reason: "bad"},
		{Operation: op("", "30e-1"), Reason: "bad"},
		{Operation: op("", "x"), Reason: "bad"},
	}
	ok(t, r.store.SetAside(t.Context(), r.imp.Key,
		storage.Attempt{Token: token, BatchID: r.batch.ID, Number: time.Now().Add(time.Hour).UnixMicro()}, failed))
	outcome.Operations, outcome.Failed = 4, 3
	_, err = r.store.PostSync(t.Context(), r.imp.Key,
		storage.PostSyncOptions{Token: token, BatchID: r.batch.ID, Counts: outcome})
	ok(t, err)
	r.wantFailed(map[string]string{"2e0": "bad", "30e-1": "bad", "x": "bad"})

	r.claim(10, op("", 2), op("", "4e0"))
	r.wantOutcome(chferry.Counts{Operations: 2, Rows: 2})
	r.wantFailed(map[string]string{"30e-1": "bad", "x": "bad"})
}
