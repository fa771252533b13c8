package sinktest

import (
	"math/big"
	"strconv"
	"testing"

	"github.com/chferry/chferry/rowset"
	"github.com/chferry/chferry/sink"
)

// testReadFirstValues has ranges that are bounded by the first values of keys.
func testReadFirstValues(t *testing.T, s *suite) {
	d := destination("pairs", []string{"b", "a"}, column("a", int64Type), column("b", stringType))
	s.create(t, d)
	s.insert(t, d, 1, []string{"1", "x"}, []string{"2", "x"},
		[]string{"1", "y"}, []string{"2", "y"}, []string{"-1", "z"})
	first := func(text string) rowset.Block {
		key := keys(t, d, []string{text, "1"})
		return rowset.Block{Columns: key.Columns[:1], Vectors: key.Vectors[:1]}
	}
	sel := selection(d)
	for _, test := range []struct {
		sink.Range
		rows uint64
	}{
		{sink.Range{After: first("x")}, 3},
		{sink.Range{UpTo: first("x")}, 2},
		{sink.Range{After: first("x"), UpTo: first("y")}, 2},
		{sink.Range{After: first("w"), UpTo: keys(t, d, []string{"x", "1"})}, 1},
		{sink.Range{After: first("z")}, 0},
	} {
		got := s.sums(t, sel, test.Range)[0]
		if got != sumOf(s.pages(t, sel, test.Range, 2)) || got.Rows != test.rows {
			t.Errorf("got %v, want %d rows", got, test.rows)
		}
	}
}

// testReadFractions has bounds between two seconds, which not every column can hold.
func testReadFractions(t *testing.T, s *suite) {
	d := destination("moments", []string{"at"}, column("at", rowset.Type{Kind: rowset.Timestamp}))
	s.create(t, d)
	s.insert(t, d, 1, []string{"2024-01-01 00:00:00"}, []string{"2024-01-01 00:00:01"}, []string{"2024-01-01 00:00:02"})
	bound := keys(t, d, []string{"2024-01-01 00:00:00.5"})
	got := s.sums(t, selection(d), sink.Range{UpTo: bound}, sink.Range{After: bound})
	if got[0].Rows != 1 || got[1].Rows != 2 {
		t.Errorf("got %v, want one row and two", got)
	}
}

// ascends reports whether value i comes before value j in canonical order.
func ascends(v *rowset.Vector, i, j int) bool {
	if v.Type.Kind != rowset.Decimal {
		return v.Compare(i, v, j) < 0
	}
	before, _ := new(big.Rat).SetString(v.KeyText(i))
	after, _ := new(big.Rat).SetString(v.KeyText(j))
	return before.Cmp(after) < 0
}

// testReadOrdered compares the order of keys with what the sink says of it.
func testReadOrdered(t *testing.T, s *suite) {
	ordered := func(sel sink.Selection) bool {
		t.Helper()
		ordered, err := s.reader(t).Ordered(t.Context(), sel)
		if err != nil {
			t.Fatal(err)
		}
		return ordered
	}
	for i, sample := range keySamples {
		if !sample.Kind.CanBeKey() && sample.Kind != rowset.Bytes {
			continue
		}
		d := destination("keys"+strconv.Itoa(i), []string{"id"}, column("id", sample.Type))
		s.create(t, d)
		sel := selection(d)
		if !ordered(sel) {
			if sample.Kind == rowset.Int64 || sample.Kind == rowset.String {
				t.Errorf("%s is not ordered", sample.Kind)
			}
			continue
		}
		s.insertHeld(t, d, rowsOf(sample.values))
		keys := s.pages(t, sel, sink.Range{}, 100).Keys
		for row := 1; row < keys.Rows(); row++ {
			if v := &keys.Vectors[0]; !ascends(v, row-1, row) {
				t.Errorf("%s: %q comes before %q", sample.Kind, v.KeyText(row-1), v.KeyText(row))
			}
		}
	}
	d := destination("cast", []string{"id"}, column("id", int64Type))
	d.Columns[0].Cast = "String"
	s.create(t, d)
	if ordered(selection(d)) {
		t.Error("numbers as texts are ordered")
	}
}
