package sourcetest

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/chferry/chferry"
	"github.com/chferry/chferry/rowset"
	"github.com/chferry/chferry/source"
)

// wantRows compares rows in whatever order.
func wantRows(t *testing.T, what string, got [][]string, want [][]string) {
	t.Helper()
	g, w := slices.Clone(got), slices.Clone(want)
	slices.SortFunc(g, slices.Compare[[]string])
	slices.SortFunc(w, slices.Compare[[]string])
	if !slices.EqualFunc(g, w, slices.Equal[[]string]) {
		t.Errorf("%s: got %d rows, want %d\ngot  %.300q\nwant %.300q", what, len(g), len(w), g, w)
	}
}

// testRangesOfEveryKind reads each row once, whatever the type of the key.
func testRangesOfEveryKind(t *testing.T, s *suite) {
	for i, of := range keySamples {
		if s.Type(of.Type) == "" {
			continue
		}
		table := s.keyed(t, fmt.Sprintf("keys_%d", i), of)
		var want [][]string
		for _, key := range of.stored {
			want = append(want, []string{key, "text of " + key})
		}
		for _, rows := range []int{1, 2, 3, 1000} {
			all := ScanAll(t, s.Source, table, "", rows, nil)
			wantRows(t, fmt.Sprintf("%s, pages of %d", s.Type(of.Type), rows), all.Rows, want)
			if len(all.Unfit) > 0 {
				t.Errorf("%s: got unfit rows %q", s.Type(of.Type), all.Reasons)
			}
		}
	}
}

// composites are rows of a table with a key of several columns, in another order than the columns.
func (s *suite) composites(t *testing.T) (table rowset.Table, rows [][]string) {
	t.Helper()
	columns := []column{
		{"code", stringType},
		{"day", rowset.Type{Kind: rowset.Date}},
		{"shop", int64Type},
		{"name", nullable(stringType)},
	}
	s.create(t, "orders", columns, "shop", "code", "day")
	for i := range 200 {
		rows = append(rows, []string{
			fmt.Sprintf("c,%d", i/8%5), fmt.Sprintf("2024-02-%02d", 1+i%8), strconv.Itoa(i / 40), null,
		})
	}
	s.insert(t, "orders", columns, rows...)
	return s.describe(t, "orders"), rows
}

func testRangesOfCompositeKeys(t *testing.T, s *suite) {
	table, want := s.composites(t)
	for _, rows := range []int{1, 7, 40, 199, 200, 1000} {
		wantRows(t, fmt.Sprintf("pages of %d", rows), ScanAll(t, s.Source, table, "", rows, nil).Rows, want)
	}
}

func testRangesOfEmptyTable(t *testing.T, s *suite) {
	s.create(t, "items", itemColumns, "id")
	table := s.describe(t, "items")
	from := ranger(t, s.Source)
	if cut, err := from.Cut(t.Context(), table, "", 8); err != nil || len(cut.Ranges) != 0 || cut.Rows != 0 {
		t.Errorf("got %d ranges of %d rows, %v, want none", len(cut.Ranges), cut.Rows, err)
	}
	if middle, err := from.Halve(t.Context(), table, source.Range{}); err != nil || middle != "" {
		t.Errorf("halved a range without rows: %v", err)
	}
	page, err := from.Scan(t.Context(), table, source.Scan{})
	if err != nil || !page.Done || page.Last != "" || page.Rows.Rows() != 0 {
		t.Errorf("got %d rows, done %v, %v, want none and done", page.Rows.Rows(), page.Done, err)
	}
}

// numbered makes a table items of rows 1 to n.
func (s *suite) numbered(t *testing.T, n int) (table rowset.Table, rows [][]string) {
	t.Helper()
	s.create(t, "items", itemColumns, "id")
	for id := 1; id <= n; id++ {
		rows = append(rows, []string{strconv.Itoa(id), "name"})
	}
	s.insert(t, "items", itemColumns, rows...)
	return s.describe(t, "items"), rows
}

// testRangesWhileWriting: rows that nobody touches are read once each, whatever happens to others.
// What is appended does not keep the reading from its end.
func testRangesWhileWriting(t *testing.T, s *suite) {
	const n = 600
	table, rows := s.numbered(t, n)
	// Rows whose number is divisible by 3 stay as they are.
	var want [][]string
	for i := 2; i < n; i += 3 {
		want = append(want, rows[i])
	}
	step := 0
	items, id := s.Quote("items"), s.Quote("id")
	between := func() {
		step++
		if gone := 3*step - 2; gone < n {
			s.Exec(t, fmt.Sprintf("DELETE FROM %s WHERE %s = %d", items, id, gone))
			s.Exec(t, fmt.Sprintf("UPDATE %s SET %s = %s WHERE %s = %d", items, s.Quote("name"),
				s.Literal(stringType, "new"), id, gone+1))
		}
		s.insert(t, "items", itemColumns, []string{strconv.Itoa(-step), "before"},
			[]string{strconv.Itoa(n + 10*step), "behind"})
	}
	all := ScanAll(t, s.Source, table, "", 7, between)
	var got [][]string
	for _, row := range all.Rows {
		if number, err := strconv.Atoi(row[0]); err == nil && number > 0 && number%3 == 0 && number <= n {
			got = append(got, row)
		}
	}
	wantRows(t, "rows that stay", got, want)
	if step > 2*n {
		t.Errorf("it took %d pages", step)
	}
}

// testScanOrder: pages are in the order of the key, and no larger than asked for. Halves have rows on both sides.
func testScanOrder(t *testing.T, s *suite) {
	const n = 100
	table, want := s.numbered(t, n)
	from := ranger(t, s.Source)
	cut, err := from.Cut(t.Context(), table, "", 1)
	if err != nil || len(cut.Ranges) != 1 || cut.Rows < 1 {
		t.Fatalf("got %d ranges of %d rows, %v, want one", len(cut.Ranges), cut.Rows, err)
	}
	var rest [][]string
	read := func(r source.Range) (rows [][]string) {
		for {
			page, err := from.Scan(t.Context(), table, source.Scan{Range: r, Rows: 7})
			if err != nil {
				t.Fatal(err)
			}
			for i := range page.Rows.Rows() {
				rows = append(rows, rowText(&page.Block, i))
			}
			if r.After = page.Last; page.Done {
				return rows
			}
		}
	}
	if rest = read(cut.Ranges[0]); !slices.EqualFunc(rest, want, slices.Equal[[]string]) {
		t.Errorf("got %q, want %q", rest, want)
	}
	middle, err := from.Halve(t.Context(), table, cut.Ranges[0])
	if err != nil || middle == "" {
		t.Fatalf("the range was not halved: %v", err)
	}
	half := read(source.Range{UpTo: middle})
	if len(half) < n/3 || len(half) > 2*n/3 || !slices.EqualFunc(half, want[:len(half)], slices.Equal[[]string]) {
		t.Errorf("a half has %d of %d rows: %q", len(half), n, half)
	}
	single := source.Range{UpTo: middle}
	for range 10 {
		if middle, err = from.Halve(t.Context(), table, single); err != nil || middle == "" {
			break
		}
		single.UpTo = middle
	}
	if got := len(read(single)); err != nil || middle != "" || got != 1 {
		t.Errorf("halved until %d rows were left, %v, want 1", got, err)
	}
}

// testRangesWhere reads the rows that a condition holds for. One that holds for no row does not keep a page waiting.
func testRangesWhere(t *testing.T, s *suite) {
	const n = 100
	table, rows := s.numbered(t, n)
	id := s.Quote("id")
	for where, want := range map[string][][]string{
		id + " > 90":                           rows[90:],
		id + " <= 3 OR " + id + " = 50 -- few": {rows[0], rows[1], rows[2], rows[49]},
		id + " < 0":                            nil,
	} {
		for _, pageRows := range []int{1, 7, n, 10 * n} {
			all := ScanAll(t, s.Source, table, where, pageRows, nil)
			wantRows(t, where, all.Rows, want)
		}
	}
}

// testRangesRefuseWhere: a condition that can't be used is refused once, by what is wrong with it,
// and its text is not repeated.
func testRangesRefuseWhere(t *testing.T, s *suite) {
	table, _ := s.numbered(t, 3)
	from := ranger(t, s.Source)
	id := s.Quote("id")
	for _, where := range []string{
		id + " =", id + " = 1) OR (" + id + " = 7777", "7777", "nothing = 7777", "(" + id + " > 7777",
		id + " > 7777; SELECT 1", "count(*) > 7777", id + " > $1 AND " + id + " < 7777",
		id + " > 1 ORDER BY 1 LIMIT 7777",
	} {
		if where == "7777" && s.Misfit != "" {
			continue // any value is a condition there
		}
		_, err := from.Cut(t.Context(), table, where, 8)
		wantCode(t, err, chferry.CodeConfiguration, "where", s.Configured("items"), s.Alias)
		if err != nil && strings.Contains(err.Error(), "7777") {
			t.Errorf("error %q repeats the condition", err)
		}
	}
}
