package sinktest

import (
	"slices"
	"strconv"
	"testing"

	"github.com/chferry/chferry"
	"github.com/chferry/chferry/rowset"
	"github.com/chferry/chferry/sink"
)

func (s *suite) hash(t *testing.T, sel sink.Selection, b rowset.Block) sink.Expected {
	t.Helper()
	expected, err := s.reader(t).Hash(t.Context(), sel, b)
	if err != nil {
		t.Fatal(err)
	}
	return expected
}

// wantAlike compares rows to be inserted with those that were read.
func wantAlike(t *testing.T, what string, expected, read sink.Hashed) {
	t.Helper()
	if expected.Keys.Rows() != read.Keys.Rows() {
		t.Errorf("%s: got %d keys, read %d", what, expected.Keys.Rows(), read.Keys.Rows())
		return
	}
	for row := range read.Keys.Rows() {
		for i := range read.Keys.Vectors {
			if !expected.Keys.Vectors[i].Equal(row, &read.Keys.Vectors[i], row) {
				t.Errorf("%s: row %d does not have the key that was read", what, row)
			}
		}
	}
	if !slices.Equal(expected.Hashes, read.Hashes) {
		t.Errorf("%s: got hashes %x, read %x", what, expected.Hashes, read.Hashes)
	}
}

// testHashValues hashes samples of every type in a plain and a nullable column.
func testHashValues(t *testing.T, s *suite) {
	columns := []rowset.Column{column("id", int64Type)}
	most := 0
	for i, sample := range samples {
		columns = append(columns, column("plain"+strconv.Itoa(i), sample.Type),
			column("nullable"+strconv.Itoa(i), nullable(sample.Type)))
		most = max(most, len(sample.values))
	}
	rows := make([][]string, most+1)
	for row := range rows {
		rows[row] = []string{strconv.Itoa(row)}
		for _, sample := range samples {
			value := sample.values[row%len(sample.values)]
			if rows[row] = append(rows[row], value, value); row == most && sample.Kind != rowset.Array {
				rows[row][len(rows[row])-1] = null
			}
		}
	}
	d := destination("hashed", []string{"id"}, columns...)
	s.create(t, d)
	expected := s.hash(t, selection(d), block(t, d, 1, rows...))
	if expected.Changed != 0 || len(expected.Rejected) > 0 {
		t.Errorf("%d values changed, rejected %v, want none", expected.Changed, expected.Rejected)
	}
	if got := s.sums(t, selection(d), sink.Range{}); got[0] != (sink.Sum{}) {
		t.Errorf("%d rows were written", got[0].Rows)
	}
	s.insert(t, d, 1, rows...)
	wantAlike(t, "all rows", expected.Hashed, s.pages(t, selection(d), sink.Range{}, 100))
	for _, c := range columns {
		sel := selection(d)
		sel.Hashed = []string{c.Destination}
		wantAlike(t, c.Type.Kind.String(), s.hash(t, sel, block(t, d, 1, rows...)).Hashed,
			s.pages(t, sel, sink.Range{}, 100))
	}
}

// testHashKeys: a key is as Page returns it, in whatever form the source or the destination has it.
func testHashKeys(t *testing.T, s *suite) {
	for i, sample := range keySamples {
		if sample.Kind.CanBeKey() {
			s.wantHashedKeys(t, "keys"+strconv.Itoa(i), column("id", sample.Type), sample.values)
		}
	}
	for i, cast := range []struct {
		sample
		to string
	}{
		{sample{int64Type, []string{"7", "-7"}}, "String"},
		{sample{rowset.Type{Kind: rowset.Date}, []string{"2000-02-29", "infinity"}}, "String"},
		{sample{rowset.Type{Kind: rowset.Timestamp}, []string{"2000-02-29 00:00:00.5", "-infinity"}}, "String"},
		{sample{rowset.Type{Kind: rowset.UUID}, []string{"0f2e4d6c-8ba9-1c3e-5f70-8192a3b4c5d6"}}, "String"},
		{sample{amountType, []string{"12.50"}}, "String"},
		{sample{stringType, []string{"1.5", "-20", "many"}}, "Decimal(38, 2)"},
	} {
		c := column("id", cast.Type)
		if c.Cast = cast.to; cast.Kind == rowset.String {
			c.SourceType = "numeric"
		}
		s.wantHashedKeys(t, "cast"+strconv.Itoa(i), c, cast.values)
	}
}

func (s *suite) wantHashedKeys(t *testing.T, table string, key rowset.Column, values []string) {
	t.Helper()
	d := destination(table, []string{key.Name}, key)
	s.create(t, d)
	for row, value := range values {
		b := block(t, d, uint64(row)+1, []string{value})
		expected := s.hash(t, selection(d), b)
		rejected, err := s.Sink.Insert(t.Context(), d, b, value)
		if err != nil || !slices.Equal(rejected, expected.Rejected) {
			t.Fatalf("%s: rejected %v, %v, want %v", key.Type.Kind, rejected, err, expected.Rejected)
		}
		found, err := s.reader(t).Find(t.Context(), selection(d), keys(t, d, []string{value}))
		if err != nil {
			t.Fatal(err)
		}
		wantAlike(t, key.Type.Kind.String()+" to "+key.Cast, expected.Hashed, found)
	}
}

// testHashBlocks has rows that can't be held, that are clamped, and tombstones.
func testHashBlocks(t *testing.T, s *suite) {
	d := destination("blocks", []string{"id"}, column("id", int64Type), column("amount", nullable(amountType)),
		column("at", rowset.Type{Kind: rowset.Timestamp}), column("name", stringType))
	s.create(t, d)
	b := block(t, d, 1, []string{"1", "NaN", "infinity", "a"}, []string{"2"}, []string{"3", "7.5", "infinity", "c"},
		[]string{"4", null, "2024-02-29 12:00:00", "d"}, []string{"5", "NaN", "2024-02-29 12:00:00", "e"})
	sel := selection(d)
	expected := s.hash(t, sel, b)
	if expected.Changed != 1 {
		t.Errorf("%d values changed, want the one of row 3", expected.Changed)
	}
	rejected, err := s.Sink.Insert(t.Context(), d, b, "some")
	if err != nil || len(rejected) != 2 || !slices.Equal(rejected, expected.Rejected) {
		t.Errorf("an insert rejected %v, %v, want rows 0 and 4: %v", rejected, err, expected.Rejected)
	}
	read := s.pages(t, sel, sink.Range{}, 100)
	wantAlike(t, "with the engine's columns", expected.Hashed, read)
	if got := expected.Keys.Vectors[0].Ints; !slices.Equal(got, []int64{3, 4}) {
		t.Errorf("got keys %v, want 3 and 4", got)
	}
	without := b.Without([]int{1})
	without.Columns, without.Vectors = slices.Clone(without.Columns[:4]), without.Vectors[:4]
	slices.Reverse(without.Columns[1:])
	slices.Reverse(without.Vectors[1:])
	wantAlike(t, "without them, in another order", s.hash(t, sel, without).Hashed, read)
	sel.Hashed = nil
	if got := s.hash(t, sel, without); got.Hashes != nil || got.Keys.Rows() != 4 {
		t.Errorf("with nothing hashed: got %d keys and hashes %v", got.Keys.Rows(), got.Hashes)
	}
	sel.Hashed = []string{"name"}
	without.Columns, without.Vectors = without.Columns[2:], without.Vectors[2:]
	_, err = s.reader(t).Hash(t.Context(), sel, without)
	wantCode(t, err, chferry.CodeSchemaMismatch)
	_, err = s.reader(t).Hash(cancelled(t), sel, b)
	wantCode(t, err, chferry.CodeUnavailable)
}
