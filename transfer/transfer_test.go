package transfer_test

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/chferry/chferry"
	"github.com/chferry/chferry/transfer"
)

// TestChunks: an operation is on a row that the batch had already wherever that was, and what fails, fails once.
func TestChunks(t *testing.T) {
	t.Parallel()
	to := &fussySink{}
	r := newRig(t, to, 0)
	r.fill("default", 1, 8, 3)
	ops := append(opsOf("", 1, 10), op("", "01"), op("default", 10), op("nowhere", 1), op("", "x"), op("", "x"),
		op("nowhere", 1), op("", 8))
	r.claim(4, ops...)
	r.wantOutcome(chferry.Counts{Operations: 17, Rows: 8, Deletes: 2, Coalesced: 5, Failed: 2})
	to.wantRows(t, append(rowsFrom(1, 8, 3), gone(9, 10)...)...)
	var want []string
	for _, borders := range []string{"0-4", "4-8", "8-17"} { // from 8 on they are in no order
		want = append(want, fmt.Sprintf("%s/%d/%s", r.imp.Key, r.batch.Version, borders))
	}
	if got := slices.Sorted(slices.Values(to.tokens)); !slices.Equal(got, want) {
		t.Errorf("got tokens %q, want %q", got, want)
	}
	r.wantFailed(map[string]string{
		"nowhere/1": "the import has no such database (it has [default])",
		"x":         "items: value 1 of the primary key can't be read as int64",
	})
}

// TestDatabases syncs rows of two databases with the same ids, with the column that tells them apart, a block for each.
func TestDatabases(t *testing.T) {
	t.Parallel()
	to := &fussySink{}
	r := newRig(t, to, 0, func(i *chferry.Import) { i.Databases, i.DatabaseColumn = []string{"us", "eu"}, "region" })
	r.fill("eu", 1, 3, 3)
	r.fill("us", 3, 5, 5)
	r.claim(100, slices.Concat(opsOf("eu", 1, 5), opsOf("us", 1, 5), opsOf("eu", 1, 2), opsOf("", 1, 1))...)
	r.wantOutcome(chferry.Counts{Operations: 13, Rows: 6, Deletes: 4, Coalesced: 2, Failed: 1})
	of := func(database string, rows []row) []row {
		for i := range rows {
			rows[i].database = database
		}
		return rows
	}
	to.wantRows(t, slices.Concat(of("eu", rowsFrom(1, 3, 3)), of("eu", gone(4, 5)), of("us", gone(1, 2)),
		of("us", rowsFrom(3, 5, 5)))...)
	slices.Sort(to.tokens)
	if len(slices.Compact(to.tokens)) != 2 {
		t.Errorf("got blocks %q, want two", to.tokens)
	}
	r.wantFailed(map[string]string{"1": "the import has no such database (it has [us eu])"})
}

// TestPieces reads a chunk in pieces, with rows that the source has and can't give, and rows that
// are gone, in all of them.
func TestPieces(t *testing.T) {
	t.Parallel()
	to := &fussySink{}
	r := newRig(t, to, 4000)
	r.fill("default", 1, 40, 1000)
	r.exec("default", "UPDATE items SET word = CAST(word AS BLOB) WHERE id % 5 = 0")
	r.exec("default", "DELETE FROM items WHERE id % 7 = 0")
	r.claim(25, opsOf("", 1, 40)...)
	want, left, failed := chferry.Counts{Operations: 40}, []row(nil), map[string]string{}
	for id := int64(1); id <= 40; id++ {
		switch {
		case id%7 == 0:
			want.Deletes++
			left = append(left, gone(id, id)...)
		case id%5 == 0:
			want.Failed++
			failed[fmt.Sprint(id)] = `table items: column "word" (TEXT) holds a blob`
		default:
			want.Rows++
			left = append(left, rowsFrom(id, id, 1000)...)
		}
	}
	r.wantOutcome(want)
	to.wantRows(t, left...)
	r.wantFailed(failed)
}

// TestCut: a window's keys are in order, and each has the operation that asked for it first.
func TestCut(t *testing.T) {
	t.Parallel()
	r := newRig(t, &fussySink{}, 0,
		func(i *chferry.Import) { i.Databases, i.DatabaseColumn = []string{"eu", "us"}, "region" })
	for alias := range r.files {
		r.exec(alias, "DROP TABLE items")
		r.exec(alias, "CREATE TABLE items (name TEXT NOT NULL, id INTEGER NOT NULL, PRIMARY KEY (id, name))")
	}
	plan, err := transfer.MakePlan(t.Context(), r.imp, r.sources)
	ok(t, err)
	rapid.Check(t, func(t *rapid.T) {
		ops := rapid.SliceOfN(rapid.Custom(func(t *rapid.T) chferry.Operation {
			id := rapid.SampledFrom([]string{"1", "01", "2", "-3", "10", "x"}).Draw(t, "id")
			name := rapid.SampledFrom([]string{"a", "b", "ab"}).Draw(t, "name")
			return chferry.Operation{
				Kind: chferry.Update, Database: rapid.SampledFrom([]string{"eu", "us", "it"}).Draw(t, "database"),
				PrimaryKey: chferry.PrimaryKey{id, name},
			}
		}), 0, 60).Draw(t, "operations")
		size, page := rapid.IntRange(1, 20).Draw(t, "size"), rapid.IntRange(1, 20).Draw(t, "page")
		chunks := transfer.Cut(plan, chferry.Batch{Count: len(ops), ChunkSize: size},
			slices.Collect(slices.Chunk(ops, page))...)
		seen, at := map[string]bool{}, 0
		for _, c := range chunks {
			if c.First != at || c.Last != min(at+size, len(ops)) && c.Last != len(ops) {
				t.Errorf("a window goes from %d to %d after the one that ended at %d", c.First, c.Last, at)
			}
			at = c.Last
			wantChunk(t, c, ops[c.First:c.Last], seen)
		}
		if at != len(ops) {
			t.Errorf("the windows end at %d of %d", at, len(ops))
		}
	})
}

// TestWindows: a batch in order is cut as it comes; from where it is in no order, the rest is sorted as a whole.
func TestWindows(t *testing.T) {
	t.Parallel()
	r := newRig(t, &fussySink{}, 0)
	plan, err := transfer.MakePlan(t.Context(), r.imp, r.sources)
	ok(t, err)
	ascending := opsOf("", 1, 10)
	shuffled := slices.Concat(opsOf("", 10, 10), opsOf("", 6, 9), opsOf("", 1, 5))
	late := slices.Concat(opsOf("", 1, 4), opsOf("", 8, 10), opsOf("", 5, 7))
	for name, test := range map[string]struct {
		ops  []chferry.Operation
		size int
		want string
	}{
		"in order":                 {ascending, 4, "0-4 4-8 8-10"},
		"in no order":              {shuffled, 2, "0-10"},
		"in no order, two chunks":  {shuffled, 6, "0-10"},
		"in no order after a time": {late, 4, "0-4 4-10"},
		"in one chunk":             {shuffled, 10, "0-10"},
	} {
		var got []string
		for _, w := range transfer.Cut(plan, chferry.Batch{Count: len(test.ops), ChunkSize: test.size}, test.ops) {
			got = append(got, fmt.Sprintf("%d-%d", w.First, w.Last))
		}
		if strings.Join(got, " ") != test.want {
			t.Errorf("%s: got windows %s, want %s", name, got, test.want)
		}
	}
}

// wantChunk holds a chunk against its operations; seen are the rows of those before.
func wantChunk(t *rapid.T, c transfer.Chunk, ops []chferry.Operation, seen map[string]bool) {
	t.Helper()
	want, failed, coalesced := map[string]chferry.Operation{}, 0, int64(0)
	for _, op := range ops {
		id, name := op.PrimaryKey[0], op.PrimaryKey[1]
		row := fmt.Sprint(op.Database, strings.TrimPrefix(id, "0"), name)
		fails := op.Database == "it" || id == "x"
		if fails {
			row = fmt.Sprint("failed", op.Database, id, name)
		}
		switch {
		case seen[row]:
			coalesced++
		case fails:
			failed++
		default:
			want[row] = op
		}
		seen[row] = true
	}
	if len(c.Failed) != failed || c.Coalesced != coalesced {
		t.Errorf("%d operations failed and %d were coalesced, want %d and %d",
			len(c.Failed), c.Coalesced, failed, coalesced)
	}
	rows := 0
	for database, g := range c.Groups {
		for i, op := range g.Ops {
			id, name := g.Keys[0].Ints[i], string(g.Keys[1].At(i))
			if first := want[fmt.Sprint(database, id, name)]; op.Database != database ||
				!slices.Equal(op.PrimaryKey, first.PrimaryKey) {
				t.Errorf("the row %d %s of %s has the operation on %q of %s, want that on %q",
					id, name, database, op.PrimaryKey, op.Database, first.PrimaryKey)
			}
			if i > 0 && cmp.Or(cmp.Compare(g.Keys[0].Ints[i-1], id),
				strings.Compare(string(g.Keys[1].At(i-1)), name)) >= 0 {
				t.Errorf("the row %d %s of %s comes too late", id, name, database)
			}
			rows++
		}
	}
	if rows != len(want) {
		t.Errorf("the chunk has %d rows, want %d", rows, len(want))
	}
}

// TestAnyBatch syncs random batches of rows of all sizes through a source that holds little into a
// sink that refuses some rows and rejects others. Whatever becomes of an operation, it is counted
// once, and each row arrives once or not at all.
func TestAnyBatch(t *testing.T) {
	t.Parallel()
	to := &fussySink{}
	r := newRig(t, to, 5000)
	rapid.Check(t, func(rt *rapid.T) {
		to.forget()
		r.exec("default", "DELETE FROM items")
		sizes := map[int64]int{}
		for _, id := range rapid.SliceOfNDistinct(rapid.Int64Range(1, 40), 0, 30, rapid.ID).Draw(rt, "rows") {
			sizes[id] = rapid.SampledFrom([]int{1, 10, 1500, 6000}).Draw(rt, "size")
			r.fill("default", int(id), int(id), sizes[id])
		}
		refused := rapid.SliceOfN(rapid.Int64Range(1, 40), 0, 4).Draw(rt, "refused")
		rejected := rapid.SliceOfN(rapid.Int64Range(1, 40), 0, 4).Draw(rt, "rejected")
		to.refuse = refusing(refused...)
		to.reject = func(r row) string {
			if slices.Contains(rejected, r.id) {
				return "rejected"
			}
			return ""
		}
		ids := rapid.SliceOfN(rapid.Int64Range(1, 40), 1, 60).Draw(rt, "operations")
		var ops []chferry.Operation
		want, rows, failed := chferry.Counts{}, map[int64]row{}, map[string]string{}
		for _, id := range ids {
			ops = append(ops, op("", id))
			size, found := sizes[id]
			want.Operations++
			_, had := rows[id]
			_, hadFailed := failed[fmt.Sprint(id)]
			switch {
			case had || hadFailed:
				want.Coalesced++
			case slices.Contains(refused, id):
				want.Failed++
				failed[fmt.Sprint(id)] = errRefused.Error()
			case slices.Contains(rejected, id):
				want.Failed++
				failed[fmt.Sprint(id)] = "rejected"
			default:
				if found {
					want.Rows++
				} else {
					want.Deletes++
				}
				rows[id] = row{id: id, size: size, deleted: !found}
			}
		}
		r.claim(rapid.IntRange(1, 60).Draw(rt, "chunk"), ops...)
		r.wantOutcome(want)
		var list []row
		for _, r := range rows {
			list = append(list, r)
		}
		to.wantRows(t, list...)
		r.wantFailed(failed)
		_, err := r.store.DiscardFailed(context.WithoutCancel(t.Context()), r.imp.Key)
		ok(t, err)
		if t.Failed() {
			rt.FailNow()
		}
	})
}
