package sinktest

import (
	"slices"
	"strconv"
	"testing"

	"github.com/chferry/chferry"
	"github.com/chferry/chferry/rowset"
	"github.com/chferry/chferry/sink"
)

// testReadKeys reads keys of every type, as bounds and by themselves, in the order of the server.
func testReadKeys(t *testing.T, s *suite) {
	for i, sample := range keySamples {
		if !sample.Kind.CanBeKey() {
			continue
		}
		d := destination("keys"+strconv.Itoa(i), []string{"id"}, column("id", sample.Type))
		s.create(t, d)
		var rows [][]string
		for _, value := range sample.values {
			rows = append(rows, []string{value})
		}
		s.insert(t, d, 1, rows...)
		slices.SortFunc(rows, slices.Compare[[]string])
		rows = slices.CompactFunc(rows, slices.Equal[[]string])
		sel, want := selection(d), keys(t, d, rows...)
		all := s.pages(t, sel, sink.Range{}, 1)
		if all.Keys.Rows() != len(rows) {
			t.Errorf("%s: got %d rows, want %d", sample.Kind, all.Keys.Rows(), len(rows))
			continue
		}
		ranges := []sink.Range{{UpTo: all.Keys.Slice(0, 1)}}
		for row := range len(rows) {
			same := 0
			for i := range rows {
				if all.Keys.Vectors[0].Compare(row, &want.Vectors[0], i) == 0 {
					same++
				}
			}
			if same != 1 {
				t.Errorf("%s: row %d has none of the keys %q", sample.Kind, row, rows)
			}
			if row > 0 {
				ranges = append(ranges, sink.Range{After: all.Keys.Slice(row-1, row), UpTo: all.Keys.Slice(row, row+1)})
			}
		}
		for row, got := range s.sums(t, sel, ranges...) {
			if got != (sink.Sum{Rows: 1, Hashes: all.Hashes[row]}) {
				t.Errorf("%s: the range of row %d alone has %v", sample.Kind, row, got)
			}
		}
		found, err := s.reader(t).Find(t.Context(), sel, want)
		if err != nil || sumOf(found) != sumOf(all) {
			t.Errorf("%s: found %v, %v, want all %d", sample.Kind, sumOf(found), err, len(rows))
		}
	}
}

// testReadBeyond has bounds and keys that no row of the destination can have.
func testReadBeyond(t *testing.T, s *suite) {
	for i, test := range []struct {
		rowset.Type
		least, greatest string
		held            []string
	}{
		{rowset.Type{Kind: rowset.Timestamp}, "-infinity", "infinity", []string{
			"1900-01-01 00:00:00", "2299-12-31 23:59:59.999999",
		}},
		{rowset.Type{Kind: rowset.Date}, "0044-03-15 BC", "infinity", []string{"1900-01-01", "2299-12-31"}},
		{
			rowset.Type{Kind: rowset.Decimal, Precision: 12, Scale: 2},
			"", "NaN",
			[]string{"-9999999999.99", "9999999999.99"},
		},
	} {
		d := destination("beyond"+strconv.Itoa(i), []string{"id", "n"}, column("id", test.Type), column("n", int64Type))
		s.create(t, d)
		s.insert(t, d, 1, []string{test.held[0], "1"}, []string{test.held[1], "2"})
		sel, end := selection(d), keys(t, d, []string{test.greatest, "0"})
		for _, sum := range []struct {
			sink.Range
			rows uint64
		}{{sink.Range{After: end}, 0}, {sink.Range{UpTo: end}, 2}} {
			if got := s.sums(t, sel, sum.Range); got[0].Rows != sum.rows {
				t.Errorf("%s: got %v, want %d rows", test.Kind, got, sum.rows)
			}
		}
		if found, err := s.reader(t).Find(t.Context(), sel, end); err != nil || found.Keys.Rows() != 0 {
			t.Errorf("%s: found %d rows, %v", test.Kind, found.Keys.Rows(), err)
		}
		if test.least == "" {
			continue
		}
		start := keys(t, d, []string{test.least, "0"})
		if got := s.sums(t, sel, sink.Range{After: start}, sink.Range{UpTo: start}); got[0].Rows != 2 ||
			got[1].Rows != 0 {
			t.Errorf("%s: got %v, want 2 rows and none", test.Kind, got)
		}
	}
}

// testReadManyKeys looks up the keys of a whole page of the source.
func testReadManyKeys(t *testing.T, s *suite) {
	const n = 25_000
	d := destination("many", []string{"id", "n"}, column("id", rowset.Type{Kind: rowset.UUID}), column("n", int64Type))
	s.create(t, d)
	rows := make([][]string, n)
	for i := range rows {
		digits := strconv.Itoa(100_000 + i)
		rows[i] = []string{digits + "00-0000-0000-0000-00" + digits + "beef", digits}
	}
	s.insert(t, d, 1, rows[:n-1]...)
	sel := selection(d)
	found, err := s.reader(t).Find(t.Context(), sel, keys(t, d, rows...))
	if err != nil {
		t.Fatal(err)
	}
	if got, want := sumOf(found), s.sums(t, sel, sink.Range{})[0]; got != want || got.Rows != n-1 {
		t.Errorf("found %v, want %v", got, want)
	}
}

func testReadWithoutTable(t *testing.T, s *suite) {
	r, sel := s.reader(t), selection(users())
	_, err := r.Sums(t.Context(), sel, []sink.Range{{}})
	wantCode(t, err, chferry.CodeSchemaMismatch)
	_, err = r.Page(t.Context(), sel, sink.Range{}, 1)
	wantCode(t, err, chferry.CodeSchemaMismatch)
	_, err = r.Find(t.Context(), sel, keys(t, users(), []string{"1"}))
	wantCode(t, err, chferry.CodeSchemaMismatch)
	s.create(t, users())
	sel.Hashed = append(sel.Hashed, "nobody")
	_, err = r.Sums(t.Context(), sel, []sink.Range{{}})
	wantCode(t, err, chferry.CodeSchemaMismatch)
}

func testReadCancelled(t *testing.T, s *suite) {
	s.create(t, users())
	_, err := s.reader(t).Sums(cancelled(t), selection(users()), []sink.Range{{}})
	wantCode(t, err, chferry.CodeUnavailable)
}
