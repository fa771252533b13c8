package transfer_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/chferry/chferry"
	"github.com/chferry/chferry/source"
	"github.com/chferry/chferry/transfer"
)

// work is a range that a test copies. It notes what the copy says of it.
type work struct {
	mu     sync.Mutex
	places []string
	copied transfer.Copied
	given  []string
	idle   bool
	save   func() error // called by each Save; nil: nothing happens
}

func (w *work) Save(_ context.Context, place string, copied transfer.Copied) (bool, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.save != nil {
		if err := w.save(); err != nil {
			return false, err
		}
	}
	w.places = append(w.places, place)
	w.copied.Rows += copied.Rows
	w.copied.Failed += copied.Failed
	return w.idle, nil
}

func (w *work) GiveAway(_ context.Context, place string) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.given = append(w.given, place)
	w.idle = false
	return nil
}

// copying copies the table of a rig's first database. Versions are 1, 2, 3 and so on.
func (r *rig) copying() *transfer.Copy {
	r.t.Helper()
	plan, err := r.pipeline.Plan(r.t.Context(), r.imp)
	ok(r.t, err)
	var version atomic.Uint64
	return &transfer.Copy{
		Pipeline: r.pipeline, Plan: plan, Database: r.imp.Databases[0], MaxFailed: 3,
		Mint: func(context.Context) (uint64, error) { return version.Add(1), nil },
	}
}

// whole is the range of a table as it is now.
func (r *rig) whole(c *transfer.Copy) source.Range {
	r.t.Helper()
	cut, err := r.sources[c.Database].(source.Ranger).Cut(r.t.Context(), c.Plan.Tables[c.Database], "", 1)
	ok(r.t, err)
	if len(cut.Ranges) != 1 {
		r.t.Fatalf("the table was cut into %d ranges", len(cut.Ranges))
	}
	return cut.Ranges[0]
}

func TestCopy(t *testing.T) {
	t.Parallel()
	for name, size := range map[string]int{"small rows": 1, "large rows": 100_000} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			const n = 300
			to := &fussySink{}
			r := newRig(t, to, 1<<20,
				func(i *chferry.Import) { i.Databases, i.DatabaseColumn = []string{"eu", "us"}, "region" })
			r.fill("eu", 1, n, size)
			r.fill("us", 1000, 1001, size)
			c, w := r.copying(), &work{}
			ok(t, c.Run(t.Context(), r.whole(c), w))
			want := rowsFrom(1, n, size)
			for i := range want {
				want[i].database = "eu"
			}
			to.wantRows(t, want...)
			if w.copied.Rows != n || w.copied.Failed != 0 {
				t.Errorf("%+v was copied, want %d rows", w.copied, n)
			}
			if most := 4<<20 + 1<<20; slices.Max(to.bytes) > most {
				t.Errorf("a block has %d bytes, more than %d", slices.Max(to.bytes), most)
			}
		})
	}
}

// TestCopyFillsBlocks: once rows turn out to be large, a page fills a block, and not the memory that it may take.
func TestCopyFillsBlocks(t *testing.T) {
	t.Parallel()
	to := &fussySink{}
	r := newRig(t, to, source.DefaultFetchBytes)
	r.fill("default", 1, 300, 100_000)
	c := r.copying()
	ok(t, c.Run(t.Context(), r.whole(c), &work{}))
	to.wantRows(t, rowsFrom(1, 300, 100_000)...)
	if got := to.sizes[1:]; slices.Max(got) > transfer.FullBlock/100_000+1 {
		t.Errorf("the blocks behind the first one have %v rows, more than fill a block", got)
	}
}

// TestCopyGoesOn: a copy that ended in the middle goes on behind the last place that was saved.
func TestCopyGoesOn(t *testing.T) {
	t.Parallel()
	to := &fussySink{}
	r := newRig(t, to, 1<<20)
	r.fill("default", 1, 200, 100_000)
	died := errors.New("died")
	saves := 0
	c, w := r.copying(), &work{}
	w.save = func() error {
		if saves++; saves == 3 {
			return died
		}
		return nil
	}
	all := r.whole(c)
	if err := c.Run(t.Context(), all, w); !errors.Is(err, died) {
		t.Fatalf("the copy ended with %v", err)
	}
	all.After = w.places[len(w.places)-1]
	before := len(to.rows)
	ok(t, c.Run(t.Context(), all, w))
	if w.copied.Rows != 200 {
		t.Errorf("%d rows were saved, want 200", w.copied.Rows)
	}
	twice := len(to.rows) - 200
	if twice < 1 || twice > before {
		t.Errorf("%d rows were inserted twice", twice)
	}
	slices.SortFunc(to.rows, func(a, b row) int { return int(a.id - b.id) })
	to.rows = slices.Compact(to.rows)
	to.wantRows(t, rowsFrom(1, 200, 100_000)...)
}

// TestCopySetsAside: rows that can't be imported become operations, for a sync to tell of.
func TestCopySetsAside(t *testing.T) {
	t.Parallel()
	to := &fussySink{refuse: refusing(7), reject: func(r row) string {
		if r.id == 9 {
			return "too large"
		}
		return ""
	}}
	r := newRig(t, to, 0)
	r.fill("default", 1, 20, 1)
	r.exec("default", "UPDATE items SET word = x'ff' WHERE id = 3")
	c, w := r.copying(), &work{}
	ok(t, c.Run(t.Context(), r.whole(c), w))
	if w.copied != (transfer.Copied{Rows: 17, Failed: 3}) {
		t.Errorf("%+v was copied, want 17 rows and 3 failed", w.copied)
	}
	pending, err := r.store.OperationsCount(t.Context(), r.imp.Key)
	ok(t, err)
	if pending != 3 {
		t.Errorf("%d operations wait, want 3", pending)
	}
	c.MaxFailed = 2
	if err := c.Run(t.Context(), r.whole(c), w); chferry.CodeOf(err) != chferry.CodeTooManyFailed {
		t.Errorf("more failed than may, and the copy ended with %v", err)
	}
	pending, err = r.store.OperationsCount(t.Context(), r.imp.Key)
	ok(t, err)
	if pending != 3 {
		t.Errorf("%d operations wait after a copy that failed, want those of the first", pending)
	}
}

// TestCopyGivesAway: half of what remains goes to a reader that has nothing to do, and both halves are all.
func TestCopyGivesAway(t *testing.T) {
	t.Parallel()
	to := &fussySink{}
	r := newRig(t, to, 1<<20)
	r.fill("default", 1, 200, 100_000)
	c, w := r.copying(), &work{idle: true}
	all := r.whole(c)
	ok(t, c.Run(t.Context(), all, w))
	if len(w.given) == 0 || len(to.rows) >= 200 {
		t.Fatalf("%d rows were copied, and %d ranges given away", len(to.rows), len(w.given))
	}
	ok(t, c.Run(t.Context(), source.Range{After: w.given[0], UpTo: all.UpTo}, &work{}))
	to.wantRows(t, rowsFrom(1, 200, 100_000)...)
}

// TestCopyMintsBeforeItReads: whatever changes a row behind the version was minted has a greater version of its own.
func TestCopyMintsBeforeItReads(t *testing.T) {
	t.Parallel()
	to := &fussySink{}
	r := newRig(t, to, 0)
	r.fill("default", 1, 3, 1)
	c := r.copying()
	mint := c.Mint
	c.Mint = func(ctx context.Context) (uint64, error) {
		version, err := mint(ctx)
		r.exec("default", fmt.Sprintf("UPDATE items SET word = printf('%%.*c', %d, 'x')", 10*version))
		return version, err
	}
	ok(t, c.Run(t.Context(), r.whole(c), &work{}))
	to.wantRows(t, rowsFrom(1, 3, 10)...)
}

// TestCopyOfUnfitTable: a table in which no row can be imported is not read to its end.
func TestCopyOfUnfitTable(t *testing.T) {
	t.Parallel()
	r := newRig(t, &fussySink{}, 0)
	r.fill("default", 1, 200_000, 1)
	r.exec("default", "UPDATE items SET word = x'ff'")
	c := r.copying()
	var pages atomic.Int64
	mint := c.Mint
	c.Mint = func(ctx context.Context) (uint64, error) {
		pages.Add(1)
		return mint(ctx)
	}
	if err := c.Run(t.Context(), r.whole(c), &work{}); chferry.CodeOf(err) != chferry.CodeTooManyFailed {
		t.Errorf("the copy ended with %v", err)
	}
	if got := pages.Load(); got > 3 {
		t.Errorf("%d pages were read, more than the one at fault and those that were read ahead", got)
	}
}
