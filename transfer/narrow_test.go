package transfer_test

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/chferry/chferry"
	"github.com/chferry/chferry/rowset"
	"github.com/chferry/chferry/sink"
)

// TestRefusedRows: exactly the rows at fault are set aside, with what the sink says, and all others are inserted once.
func TestRefusedRows(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		chunk   int
		refused []int64
	}{
		"none":             {50, nil},
		"the first":        {50, []int64{1}},
		"the last":         {50, []int64{50}},
		"both ends":        {50, []int64{1, 50}},
		"neighbours":       {50, []int64{24, 25, 26, 27}},
		"in each chunk":    {7, []int64{3, 10, 17, 24, 31, 38, 45}},
		"a whole chunk":    {5, []int64{11, 12, 13, 14, 15}},
		"chunks of one":    {1, []int64{2, 4, 6}},
		"every second":     {50, []int64{1, 3, 5, 7, 9, 11, 13, 15, 17, 19, 21, 23, 25, 27, 29, 31, 33, 35, 37, 39}},
		"a delete":         {50, []int64{41}},
		"deletes and rows": {16, []int64{40, 41, 42, 50}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			to := &fussySink{refuse: refusing(test.refused...)}
			r := newRig(t, to, 0)
			r.fill("default", 1, 40, 3) // the others are deleted
			r.claim(test.chunk, append(opsOf("", 1, 50), op("", "01"))...)
			want := chferry.Counts{Operations: 51, Rows: 40, Deletes: 10, Coalesced: 1}
			left := append(rowsFrom(1, 40, 3), gone(41, 50)...)
			failed := map[string]string{}
			for _, id := range test.refused {
				want.Failed++
				if id <= 40 {
					want.Rows--
				} else {
					want.Deletes--
				}
				left = slices.DeleteFunc(left, func(r row) bool { return r.id == id })
				failed[fmt.Sprint(id)] = errRefused.Error()
			}
			r.wantOutcome(want)
			to.wantRows(t, left...)
			r.wantFailed(failed)
		})
	}
}

// TestRefusedBySize: what a sink refuses for the size of the block arrives in parts, and nothing is set aside.
func TestRefusedBySize(t *testing.T) {
	t.Parallel()
	to := &fussySink{refuse: func(_ context.Context, rows []row) error {
		if len(rows) > 3 {
			return errRefused
		}
		return nil
	}}
	r := newRig(t, to, 0)
	r.fill("default", 1, 40, 3)
	r.claim(40, opsOf("", 1, 40)...)
	r.wantOutcome(chferry.Counts{Operations: 40, Rows: 40})
	to.wantRows(t, rowsFrom(1, 40, 3)...)
}

// TestRefusedAndRejected has rows of both kinds, next to each other and in one.
func TestRefusedAndRejected(t *testing.T) {
	t.Parallel()
	to := &fussySink{refuse: refusing(5, 8), reject: func(r row) string {
		if r.id == 5 || r.id == 6 {
			return "rejected"
		}
		return ""
	}}
	r := newRig(t, to, 0)
	r.fill("default", 1, 10, 3)
	r.claim(10, opsOf("", 1, 10)...)
	r.wantOutcome(chferry.Counts{Operations: 10, Rows: 7, Failed: 3})
	to.wantRows(t, slices.Concat(rowsFrom(1, 4, 3), rowsFrom(7, 7, 3), rowsFrom(9, 10, 3))...)
	r.wantFailed(map[string]string{"5": errRefused.Error(), "6": "rejected", "8": errRefused.Error()})
}

// TestMaxFailed: as many rows as max_failed are set aside. Where one more fails the batch fails for good, and says why.
func TestMaxFailed(t *testing.T) {
	t.Parallel()
	refused := make([]int64, chferry.DefaultMaxFailed+1)
	for i := range refused {
		refused[i] = int64(2*i + 1)
	}
	to := &fussySink{refuse: refusing(refused[1:]...)}
	r := newRig(t, to, 0)
	r.fill("default", 1, 300, 3)
	r.claim(64, opsOf("", 1, 300)...) // over chunks, too
	r.wantOutcome(chferry.Counts{
		Operations: 300, Rows: 300 - chferry.DefaultMaxFailed, Failed: chferry.DefaultMaxFailed,
	})

	to.refuse = refusing(refused...)
	r.claim(64, opsOf("", 1, 300)...)
	_, err := r.insert(t.Context())
	wantFailure(t, err, chferry.CodeTooManyFailed, true,
		fmt.Sprintf("more than %d operations of one batch can't be imported, the first because: %s; "+
			"the batch is kept: mend the table or the rows and run chferry sync %s, or raise the import's max_failed "+
			"to have them set aside, where chferry failed list %[3]s names them", chferry.DefaultMaxFailed, errRefused,
			r.imp.Key))

	to.refuse, to.rows = nil, nil // mended
	r.wantOutcome(chferry.Counts{Operations: 300, Rows: 300})
	to.wantRows(t, rowsFrom(1, 300, 3)...)
	if failed := r.failed(); len(failed) != 0 {
		t.Errorf("%d operations have failed, though all rows are in by now", len(failed))
	}
}

// TestOtherErrors are no refusals: nothing is halved, and they are passed on as they are.
func TestOtherErrors(t *testing.T) {
	t.Parallel()
	for code, final := range map[chferry.Code]bool{
		chferry.CodeUnavailable: false, chferry.CodeSchemaMismatch: true, chferry.CodeConfiguration: true,
		chferry.CodeAccessDenied: true,
	} {
		t.Run(string(code), func(t *testing.T) {
			t.Parallel()
			to := &fussySink{}
			to.refuse = func(_ context.Context, rows []row) error {
				if len(to.tokens) > 1 { // in the middle of narrowing
					return fmt.Errorf("secret: %w", chferry.Errorf(code, "the table items has a problem"))
				}
				return fmt.Errorf("secret: %w", errRefused)
			}
			r := newRig(t, to, 0)
			r.fill("default", 1, 8, 3)
			r.claim(8, opsOf("", 1, 8)...)
			_, err := r.insert(t.Context())
			wantFailure(t, err, code, final, "the table items has a problem")
			if want := []int{8, 4}; !slices.Equal(to.sizes, want) {
				t.Errorf("blocks of %v rows were tried, want %v", to.sizes, want)
			}
		})
	}
}

// TestRefusalsHideValues: of an error around the sink's own, which may hold anything, nothing becomes a reason.
func TestRefusalsHideValues(t *testing.T) {
	t.Parallel()
	to := &fussySink{refuse: func(context.Context, []row) error { return fmt.Errorf("secret: %w", errRefused) }}
	r := newRig(t, to, 0)
	r.claim(1, op("", 1))
	r.wantOutcome(chferry.Counts{Operations: 1, Failed: 1})
	r.wantFailed(map[string]string{"1": errRefused.Error()})
}

// rememberingSink is a server that drops a block whose token it has seen, as a replicated table does.
type rememberingSink struct {
	fussySink
	one  sync.Mutex // insert at a time
	seen map[string]bool
	// after, if set, is called after each block that was taken.
	after func() error
}

func (s *rememberingSink) Insert(ctx context.Context, d sink.Destination, b rowset.Block,
	token string,
) ([]sink.Rejected, error) {
	s.one.Lock()
	defer s.one.Unlock()
	if s.seen[token] {
		return nil, nil
	}
	rejected, err := s.fussySink.Insert(ctx, d, b, token)
	if err != nil {
		return nil, err
	}
	if token != "" {
		s.seen[token] = true
	}
	if s.after != nil {
		err = s.after()
	}
	return rejected, err
}

// wantAll wants rows, of whose attempts any may have arrived, to have arrived at least once.
func (s *rememberingSink) wantAll(t *testing.T, ids []int64) {
	t.Helper()
	got := map[int64]bool{}
	for _, r := range s.rows {
		got[r.id] = true
	}
	if have := slices.Sorted(maps.Keys(got)); !slices.Equal(have, ids) {
		t.Errorf("rows %v arrived, want %v", have, ids)
	}
}

// TestTokensWhenRowsChange: an attempt breaks off after its first block. The next one reads other
// rows for the same keys, and so cuts other blocks; none of its rows may be taken for those that
// are in already.
func TestTokensWhenRowsChange(t *testing.T) {
	t.Parallel()
	gone := chferry.Errorf(chferry.CodeUnavailable, "gone in the middle of the batch")
	t.Run("rows become small", func(t *testing.T) {
		t.Parallel()
		to := &rememberingSink{seen: map[string]bool{}, after: func() error { return gone }}
		r := newRig(t, to, 0)
		r.fill("default", 1, 24, 1<<20)
		r.claim(24, opsOf("", 1, 24)...)
		if _, err := r.insert(t.Context()); err == nil || len(to.rows) == 24 {
			t.Fatalf("the first attempt got %d rows in, and ended with %v", len(to.rows), err)
		}
		r.exec("default", "UPDATE items SET word = 'small' WHERE id % 2 = 0")
		to.after = nil
		r.wantOutcome(chferry.Counts{Operations: 24, Rows: 24})
		to.wantAll(t, idsFrom(1, 24))
	})
	t.Run("a row of a part is deleted", func(t *testing.T) {
		t.Parallel()
		to := &rememberingSink{
			seen: map[string]bool{}, fussySink: fussySink{refuse: refusing(40)},
			after: func() error { return gone },
		}
		r := newRig(t, to, 0)
		r.fill("default", 1, 40, 3)
		r.claim(40, opsOf("", 1, 40)...)
		if _, err := r.insert(t.Context()); err == nil || len(to.rows) != 20 {
			t.Fatalf("the first attempt got %d rows in, and ended with %v", len(to.rows), err)
		}
		r.exec("default", "DELETE FROM items WHERE id = 5") // its part is now of the rows behind it
		to.after = nil
		r.wantOutcome(chferry.Counts{Operations: 40, Rows: 38, Deletes: 1, Failed: 1})
		to.wantAll(t, idsFrom(1, 39))
	})
}

func idsFrom(first, last int64) []int64 {
	var ids []int64
	for id := first; id <= last; id++ {
		ids = append(ids, id)
	}
	return ids
}

// TestTokensAreTheSameAgain: what is cut alike in two attempts has the same tokens, each of them once.
func TestTokensAreTheSameAgain(t *testing.T) {
	t.Parallel()
	to := &fussySink{}
	r := newRig(t, to, 0, func(i *chferry.Import) { i.BatchSize = 30 })
	r.fill("default", 1, 30, 1<<20)
	r.claim(30, opsOf("", 1, 35)...)
	var tokens [2][]string
	for i := range tokens {
		to.forget()
		if _, err := r.insert(t.Context()); err != nil {
			t.Fatal(err)
		}
		tokens[i] = slices.Sorted(slices.Values(to.tokens))
	}
	if !slices.Equal(tokens[0], tokens[1]) {
		t.Errorf("the tokens are %q, and then %q", tokens[0], tokens[1])
	}
	isForeign := func(token string) bool {
		return !strings.HasPrefix(token, fmt.Sprintf("%s/%d/", r.imp.Key, r.batch.Version))
	}
	n := len(tokens[0])
	if n < 4 || len(slices.Compact(tokens[0])) != n || slices.ContainsFunc(tokens[1], isForeign) {
		t.Errorf("the tokens are %q, want at least 4 different ones", tokens[1])
	}
}
