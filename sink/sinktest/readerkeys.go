package sinktest

import (
	"strconv"
	"testing"

	"github.com/chferry/chferry"
	"github.com/chferry/chferry/rowset"
	"github.com/chferry/chferry/sink"
)

// testReadKeys reads keys of every type, as bounds and by themselves, in the order of the server.
func testReadKeys(t *testing.T, s *suite) {
	for i, sample := range keySamples {
		if !sample.Kind.CanBeKey() && sample.Kind != rowset.Bytes {
			continue
		}
		d := destination("keys"+strconv.Itoa(i), []string{"id"}, column("id", sample.Type))
		s.create(t, d)
		rows := s.insertHeld(t, d, rowsOf(sample.values))
		sel, want := selection(d), keys(t, d, rows...)
		all := s.pages(t, sel, sink.Range{}, 1)
		if all.Keys.Rows() != len(rows) || len(rows) == 0 {
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

// testReadFoldingKeys has texts that the source holds equal: here they are different keys, and Find
// finds the one that was inserted alone.
func testReadFoldingKeys(t *testing.T, s *suite) {
	name := column("name", stringType)
	name.Folds, name.ReadBySource = true, true
	d := destination("folding", []string{"name"}, name, column("n", int64Type))
	s.create(t, d)
	s.insert(t, d, 1, []string{"Ann", "1"}, []string{"ANN", "2"}, []string{"bob", "3"})
	s.insert(t, d, 2, []string{"ANN"})
	sel := selection(d)
	all := s.pages(t, sel, sink.Range{}, 1)
	if got := string(all.Keys.Vectors[0].Data); got != "Annbob" {
		t.Errorf("got keys %q, want Ann and bob", got)
	}
	for text, rows := range map[string]int{"Ann": 1, "ann": 0, "ANN": 0, "BOB": 0, "bob": 1} {
		found, err := s.reader(t).Find(t.Context(), sel, keys(t, d, []string{text}))
		if err != nil || found.Keys.Rows() != rows {
			t.Errorf("%s: found %d rows, %v, want %d", text, found.Keys.Rows(), err, rows)
		}
	}
	if got := s.sums(t, sel, sink.Range{After: keys(t, d, []string{"Z"})}); got[0] != sumOf(sink.Hashed{
		Keys: all.Keys.Slice(1, 2), Hashes: all.Hashes[1:],
	}) {
		t.Errorf("behind Z: got %v, want bob, who comes before it in the source", got)
	}
}

// testReadBeyond has bounds and keys that no row of the destination can have.
func testReadBeyond(t *testing.T, s *suite) {
	for i, test := range []struct {
		rowset.Type
		least, greatest string
		values          []string // of which each server holds two at least
	}{
		{rowset.Type{Kind: rowset.Timestamp}, "-infinity", "infinity", []string{
			"1900-01-01 00:00:00", "1970-01-01 00:00:00", "2105-12-31 23:59:59", "2299-12-31 23:59:59.999999",
		}},
		{rowset.Type{Kind: rowset.Date}, "0044-03-15 BC", "infinity", []string{
			"1900-01-01", "1970-01-01", "2106-02-07", "2299-12-31",
		}},
		{
			rowset.Type{Kind: rowset.Decimal, Precision: 12, Scale: 2},
			"", "NaN",
			[]string{"-9999999999.99", "9999999999.99"},
		},
	} {
		d := destination("beyond"+strconv.Itoa(i), []string{"id", "n"}, column("id", test.Type), column("n", int64Type))
		s.create(t, d)
		var values [][]string
		for _, value := range test.values {
			values = append(values, []string{value, "1"})
		}
		rows := uint64(len(s.insertHeld(t, d, values)))
		sel, end := selection(d), keys(t, d, []string{test.greatest, "0"})
		for _, sum := range []struct {
			sink.Range
			rows uint64
		}{{sink.Range{After: end}, 0}, {sink.Range{UpTo: end}, rows}} {
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
		if got := s.sums(t, sel, sink.Range{After: start}, sink.Range{UpTo: start}); got[0].Rows != rows ||
			got[1].Rows != 0 || rows < 2 {
			t.Errorf("%s: got %v, want %d rows and none", test.Kind, got, rows)
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
