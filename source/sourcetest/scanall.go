package sourcetest

import (
	"math/rand/v2"
	"testing"

	"github.com/chferry/chferry"
	"github.com/chferry/chferry/rowset"
	"github.com/chferry/chferry/source"
)

// Scanned is what was read of a whole table.
type Scanned struct {
	Rows [][]string // as [Text] writes their values
	// Unfit are the keys of unfit rows.
	Unfit   []chferry.PrimaryKey
	Reasons []string // of the unfit rows
	Ranges  int
	Pages   int
}

// ScanAll reads a whole table as several readers would: it cuts it into ranges, halves what remains
// of them at random, and reads them in no order, pages of so many rows. It calls between, if there
// is one, before each page.
func ScanAll(t testing.TB, s source.Source, table rowset.Table, where string, rows int, between func()) (all Scanned) {
	t.Helper()
	from := ranger(t, s)
	cut, err := from.Cut(t.Context(), table, where, 8)
	if err != nil {
		t.Fatalf("cut %s: %v", table.Name, err)
	}
	random := rand.New(rand.NewPCG(1, uint64(rows)))
	for ranges := cut.Ranges; len(ranges) > 0; all.Ranges++ {
		i := random.IntN(len(ranges))
		next := ranges[i]
		ranges[i] = ranges[len(ranges)-1]
		ranges = ranges[:len(ranges)-1]
		for done := false; !done; {
			if between != nil {
				between()
			}
			if random.IntN(2) == 0 {
				middle, err := from.Halve(t.Context(), table, next)
				if err != nil {
					t.Fatalf("halve a range of %s: %v", table.Name, err)
				}
				if middle != "" {
					ranges = append(ranges, source.Range{After: middle, UpTo: next.UpTo})
					next.UpTo = middle
				}
			}
			page, err := from.Scan(t.Context(), table, source.Scan{Range: next, Where: where, Rows: rows})
			if err != nil {
				t.Fatalf("scan a range of %s: %v", table.Name, err)
			}
			all.add(t, &page, rows)
			if done = page.Done; !done && page.Last == next.After {
				t.Fatalf("a page of %s ended where it began and is not the last", table.Name)
			}
			next.After = page.Last
		}
		if all.Pages > 100_000 {
			t.Fatalf("the pages of %s don't end", table.Name)
		}
	}
	return all
}

func ranger(t testing.TB, s source.Source) source.Ranger {
	t.Helper()
	from, ok := s.(source.Ranger)
	if !ok {
		t.Fatal("the source is no source.Ranger")
	}
	return from
}

func (a *Scanned) add(t testing.TB, page *source.Page, most int) {
	t.Helper()
	if page.Rows.Rows()+len(page.Unfit) > most {
		t.Errorf("a page has %d rows and %d unfit ones, more than the %d asked for",
			page.Rows.Rows(), len(page.Unfit), most)
	}
	if !page.Done && page.Last == "" {
		t.Error("a page that is not the last has no place where it ended")
	}
	for r := range page.Rows.Rows() {
		a.Rows = append(a.Rows, rowText(&page.Block, r))
	}
	for _, unfit := range page.Unfit {
		a.Unfit = append(a.Unfit, page.Keys[unfit.Key])
		a.Reasons = append(a.Reasons, unfit.Reason)
	}
	a.Pages++
}
