package sinktest

import (
	"slices"
	"strings"
	"testing"

	"github.com/chferry/chferry/rowset"
	"github.com/chferry/chferry/sink"
)

// readerTests are those of a [sink.Reader].
var readerTests = map[string]func(*testing.T, *suite){
	"ReadSums":         testReadSums,
	"ReadPages":        testReadPages,
	"ReadOnly":         testReadOnly,
	"ReadKeys":         testReadKeys,
	"ReadFoldingKeys":  testReadFoldingKeys,
	"ReadBeyond":       testReadBeyond,
	"ReadFirstValues":  testReadFirstValues,
	"ReadFractions":    testReadFractions,
	"ReadOrdered":      testReadOrdered,
	"ReadManyKeys":     testReadManyKeys,
	"ReadWithoutTable": testReadWithoutTable,
	"ReadCancelled":    testReadCancelled,
	"HashValues":       testHashValues,
	"HashBlocks":       testHashBlocks,
	"HashKeys":         testHashKeys,
}

func (s *suite) reader(t *testing.T) sink.Reader {
	t.Helper()
	r, ok := s.Sink.(sink.Reader)
	if !ok {
		t.Fatalf("%T is no sink.Reader", s.Sink)
	}
	return r
}

// selection is of all rows, and all columns of the source.
func selection(d sink.Destination) sink.Selection {
	s := sink.Selection{Destination: d, Key: d.Key}
	for _, c := range source(d) {
		s.Hashed = append(s.Hashed, c.Destination)
	}
	return s
}

// keys returns a block of keys of d.
func keys(t *testing.T, d sink.Destination, rows ...[]string) rowset.Block {
	t.Helper()
	var columns []rowset.Column
	for _, name := range d.Key {
		at := slices.IndexFunc(d.Columns, func(c rowset.Column) bool { return c.Destination == name })
		columns = append(columns, d.Columns[at])
	}
	b := rowset.NewBlock(columns)
	for _, row := range rows {
		for i := range row {
			appendText(t, &b.Vectors[i], row[i])
		}
	}
	return b
}

// pages reads a range page by page.
func (s *suite) pages(t *testing.T, sel sink.Selection, r sink.Range, most int) (all sink.Hashed) {
	t.Helper()
	for range 1000 {
		page, err := s.reader(t).Page(t.Context(), sel, r, most)
		if err != nil {
			t.Fatal(err)
		}
		rows := page.Keys.Rows()
		if rows > most || !page.Done && rows < most || len(page.Hashes) != rows && len(sel.Hashed) > 0 {
			t.Fatalf("got a page of %d rows and %d hashes, done %t, of at most %d",
				rows, len(page.Hashes), page.Done, most)
		}
		if all.Hashes = append(all.Hashes, page.Hashes...); all.Keys.Columns == nil {
			all.Keys = page.Keys
		} else {
			all.Keys.Append(&page.Keys)
		}
		if page.Done {
			return all
		}
		r = page.Rest(r)
	}
	t.Fatal("the pages do not end")
	return all
}

func (s *suite) sums(t *testing.T, sel sink.Selection, ranges ...sink.Range) []sink.Sum {
	t.Helper()
	sums, err := s.reader(t).Sums(t.Context(), sel, ranges)
	if err != nil || len(sums) != len(ranges) {
		t.Fatalf("got %v, %v, want %d sums", sums, err, len(ranges))
	}
	return sums
}

func sumOf(h sink.Hashed) (sum sink.Sum) {
	for _, hash := range h.Hashes {
		sum.Hashes += hash
	}
	sum.Rows = uint64(h.Keys.Rows())
	return sum
}

// testReadSums reads ranges, some of which overlap or are empty, of a table with older versions,
// late ones and tombstones.
func testReadSums(t *testing.T, s *suite) {
	d := users()
	s.create(t, d)
	sel := selection(d)
	if got := s.sums(t, sel, sink.Range{}); got[0] != (sink.Sum{}) {
		t.Errorf("of an empty table: got %v", got)
	}
	s.insert(t, d, 1, []string{"-5", "a", null}, []string{"1", "b", "1.00"}, []string{"2", "c", null},
		[]string{"3", "gone", null})
	s.insert(t, d, 5, []string{"2", "new", "2.00"}, []string{"3"})
	s.insert(t, d, 4, []string{"2", "late", null}, []string{"3", "late", null}, []string{"7", "a", null})
	id := func(text string) rowset.Block { return keys(t, d, []string{text}) }
	ranges := []sink.Range{
		{},
		{UpTo: id("1")},
		{After: id("1")},
		{After: id("-5"), UpTo: id("2")},
		{After: id("2"), UpTo: id("6")},
		{After: id("7")},
	}
	got := s.sums(t, sel, ranges...)
	for i, rows := range []uint64{4, 2, 2, 2, 0, 0} {
		if want := sumOf(s.pages(t, sel, ranges[i], 3)); got[i] != want || want.Rows != rows {
			t.Errorf("range %d: got %v, its rows are %v, want %d rows", i, got[i], want, rows)
		}
	}
	if got[1].Hashes+got[2].Hashes != got[0].Hashes || got[0].Hashes == 0 {
		t.Errorf("got %v, of which two add up to the first", got)
	}
	s.insert(t, d, 9, []string{"2", "c", "2.00"})
	if again := s.sums(t, sel, ranges...); again[0] == got[0] || again[1] != got[1] || again[2] == got[2] {
		t.Errorf("got %v and after a change of row 2 %v", got, again)
	}
	sel.Hashed = []string{"amount", "id"}
	swapped := s.sums(t, sel, ranges[1])
	if sel.Hashed = nil; swapped[0] == got[1] || s.sums(t, sel, ranges[1])[0] != (sink.Sum{Rows: 2}) {
		t.Errorf("other columns in another order have the sum %v as before", swapped)
	}
}

// testReadPages reads composite keys in an order other than the table's.
func testReadPages(t *testing.T, s *suite) {
	d := destination("pairs", []string{"b", "a"}, column("a", int64Type), column("b", stringType))
	d.OrderBy = []string{"a", "b"}
	s.create(t, d)
	rows := [][]string{
		{"1", ""},
		{"2", ""},
		{"1", "B"},
		{"-7", "a"},
		{"2", "a"},
		{"10", "a"},
		{"1", "a'\\\n"},
		{"1", "é"},
	}
	for i, row := range rows {
		s.insert(t, d, uint64(i+1), row)
	}
	sel := selection(d)
	all := s.pages(t, sel, sink.Range{}, 3)
	if all.Keys.Rows() != len(rows) {
		t.Fatalf("got %d rows, want %d", all.Keys.Rows(), len(rows))
	}
	for i, row := range rows {
		want := keys(t, d, []string{row[1], row[0]})
		if all.Keys.Vectors[0].Compare(i, &want.Vectors[0], 0) != 0 ||
			all.Keys.Vectors[1].Compare(i, &want.Vectors[1], 0) != 0 {
			t.Errorf("row %d is not %q", i, row)
		}
		for j := range i {
			between := s.pages(t, sel, sink.Range{After: all.Keys.Slice(j, j+1), UpTo: all.Keys.Slice(i, i+1)}, 100)
			if !slices.Equal(between.Hashes, all.Hashes[j+1:i+1]) {
				t.Errorf("from row %d up to %d: got %d rows", j, i, between.Keys.Rows())
			}
		}
	}
	found, err := s.reader(t).Find(t.Context(), sel,
		keys(t, d, []string{"a", "2"}, []string{"A", "2"}, []string{"", "1"}))
	if err != nil || sumOf(found) != (sink.Sum{Rows: 2, Hashes: all.Hashes[0] + all.Hashes[4]}) {
		t.Errorf("got %v, %v, want rows 0 and 4", found, err)
	}
}

// testReadOnly reads the rows of one of several databases.
func testReadOnly(t *testing.T, s *suite) {
	d := destination("several", []string{"shop", "id"}, column("id", int64Type), column("shop", stringType))
	s.create(t, d)
	s.insert(t, d, 1, []string{"1", "east"}, []string{"2", "east"}, []string{"2", "west"}, []string{"3", "west"},
		[]string{"4", "o'x\\"})
	sel := selection(d)
	sel.Key, sel.Only = []string{"id"}, rowset.NewBlock([]rowset.Column{column("shop", stringType)})
	appendText(t, &sel.Only.Vectors[0], "west")
	if got := s.pages(t, sel, sink.Range{}, 1).Keys.Vectors[0].Ints; !slices.Equal(got, []int64{2, 3}) {
		t.Errorf("got %v of west", got)
	}
	k := rowset.NewBlock([]rowset.Column{column("id", int64Type)})
	k.Vectors[0].Ints = []int64{1, 2}
	found, err := s.reader(t).Find(t.Context(), sel, k)
	if err != nil || !slices.Equal(found.Keys.Vectors[0].Ints, []int64{2}) {
		t.Errorf("got %v, %v, want 2", found.Keys.Vectors, err)
	}
	if got := s.sums(t, sel, sink.Range{After: k.Slice(1, 2)}); got[0].Rows != 1 {
		t.Errorf("got %v, want one row", got)
	}
}

// keySamples are keys of every kind.
var keySamples = append([]sample{
	{rowset.Type{Kind: rowset.Decimal, Precision: 76, Scale: 30}, []string{
		"-" + strings.Repeat("9", 46) + "." + strings.Repeat("9", 30), "0." + strings.Repeat("0", 29) + "1",
	}},
	{rowset.Type{Kind: rowset.Date}, []string{"1900-01-01", "1969-12-31", "1970-01-01", "2299-12-31"}},
	{rowset.Type{Kind: rowset.Timestamp}, []string{
		"1900-01-01 00:00:00", "1900-01-01 00:00:00.000001", "1969-12-31 23:59:59.999999", "1970-01-01 00:00:00.5",
		"1970-01-01 00:00:01", "2299-12-31 23:59:59.999999",
	}},
}, samples...)

// insertHeld inserts rows, and returns those that the server can hold, each once.
func (s *suite) insertHeld(t *testing.T, d sink.Destination, rows [][]string) [][]string {
	t.Helper()
	rejected, err := s.Sink.Insert(t.Context(), d, block(t, d, 1, rows...), "held")
	if err != nil {
		t.Fatal(err)
	}
	rows = slices.Clone(rows)
	for _, r := range slices.Backward(rejected) {
		rows = slices.Delete(rows, r.Row, r.Row+1)
	}
	slices.SortFunc(rows, slices.Compare[[]string])
	return slices.CompactFunc(rows, slices.Equal[[]string])
}

// rowsOf returns a row for each value.
func rowsOf(values []string) (rows [][]string) {
	for _, value := range values {
		rows = append(rows, []string{value})
	}
	return rows
}
