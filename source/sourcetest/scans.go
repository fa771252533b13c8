package sourcetest

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/chferry/chferry"
	"github.com/chferry/chferry/source"
)

// testScanRefusesPlaces: a place that is none of the table's is refused, and not repeated.
func testScanRefusesPlaces(t *testing.T, s *suite) {
	table, _ := s.numbered(t, 3)
	from := ranger(t, s.Source)
	for _, place := range []string{"secret", `["1","2"]`, `[]`, "i1,i2", `{"a":1}`} {
		for _, r := range []source.Range{{After: place}, {UpTo: place}} {
			_, err := from.Scan(t.Context(), table, source.Scan{Range: r})
			wantCode(t, err, chferry.CodeInvalid, s.Configured("items"))
			_, err = from.Halve(t.Context(), table, r)
			wantCode(t, err, chferry.CodeInvalid, s.Configured("items"))
			if strings.Contains(err.Error(), place) {
				t.Errorf("error %q repeats the place", err)
			}
		}
	}
}

// testScanUnreadableRow: a row that the database fails to give is told by its key, and stops no other.
func testScanUnreadableRow(t *testing.T, s *suite) {
	s.Broken(t, "items")
	table := s.describe(t, "items", "id")
	for _, rows := range []int{1, 2, 4, 5, 100} {
		all := ScanAll(t, s.Source, table, "", rows, nil)
		var got []string
		for _, row := range all.Rows {
			got = append(got, row[0])
		}
		if slices.Sort(got); !slices.Equal(got, []string{"1", "2", "3", "4", "6", "7", "8", "9"}) {
			t.Errorf("pages of %d: got the rows %v", rows, got)
		}
		if len(all.Unfit) != 1 || !slices.Equal(all.Unfit[0], chferry.PrimaryKey{"5"}) {
			t.Fatalf("pages of %d: got the unfit rows %q, want 5", rows, all.Unfit)
		}
		if reason := all.Reasons[0]; !strings.Contains(reason, "items") || strings.Contains(reason, "secret") ||
			strings.Contains(reason, "77777") {
			t.Errorf("the reason %q does not name the table, or shows a value", reason)
		}
	}
}

// testScanSeveralRowsOfOneKey: none of them is lost or read again and again at the border of a
// page: their key is unfit, once.
func testScanSeveralRowsOfOneKey(t *testing.T, s *suite) {
	columns := []column{{"id", int64Type}, {"shop", int64Type}, {"name", nullable(stringType)}}
	s.create(t, "items", columns, "id")
	var rows, want [][]string
	for i, shop := range []string{"1", "2", "2", "2", "2", "2", "3", "4", "4", "5", "6", "7", "7"} {
		rows = append(rows, []string{strconv.Itoa(i), shop, "name"})
		if slices.Contains([]string{"1", "3", "5", "6"}, shop) {
			want = append(want, rows[i])
		}
	}
	s.insert(t, "items", columns, rows...)
	table := s.describe(t, "items", "shop")
	for _, most := range []int{1, 2, 3, 4, 5, 6, 7, 100} {
		all := ScanAll(t, s.Source, table, "", most, nil)
		wantRows(t, fmt.Sprintf("pages of %d", most), all.Rows, want)
		slices.SortFunc(all.Unfit, slices.Compare[chferry.PrimaryKey])
		if got := fmt.Sprint(all.Unfit); got != "[[2] [4] [7]]" ||
			all.Reasons[0] != "several rows of items have this primary key" {
			t.Errorf("pages of %d: got unfit %s for %q", most, got, all.Reasons)
		}
	}
	// Of the rows of a key a condition may hold for a single one, the last of them.
	var held [][]string
	for _, i := range []int{0, 5, 6, 8, 9, 10, 12} {
		held = append(held, rows[i])
	}
	where := s.Quote("id") + " IN (0, 5, 6, 8, 9, 10, 12)"
	for _, most := range []int{1, 2, 3, 5, 100} {
		all := ScanAll(t, s.Source, table, where, most, nil)
		wantRows(t, fmt.Sprintf("pages of %d with a condition", most), all.Rows, held)
		if len(all.Unfit) > 0 {
			t.Errorf("pages of %d with a condition: got unfit %v", most, all.Unfit)
		}
	}
}

// testScanUnfitValues: a row with a value that its column can't hold is told by its key.
func testScanUnfitValues(t *testing.T, s *suite) {
	if s.Misfit == "" {
		return
	}
	s.create(t, "items", largeColumns, "id")
	s.insert(t, "items", largeColumns, []string{"1", "a", "1"}, []string{"3", "c", "3"})
	s.Exec(t, "INSERT INTO "+s.Quote("items")+" VALUES (2, 'b', "+s.Misfit+")")
	all := ScanAll(t, s.Source, s.describe(t, "items"), "", 2, nil)
	wantRows(t, "items", all.Rows, [][]string{{"1", "a", "1"}, {"3", "c", "3"}})
	if fmt.Sprint(all.Unfit) != "[[2]]" || !strings.Contains(all.Reasons[0], "size") {
		t.Errorf("got unfit %q for %q, want that of 2", all.Unfit, all.Reasons)
	}
}

// testScanLargeRows: a page ends before its rows take more than they may.
func testScanLargeRows(t *testing.T, s *suite) {
	s.create(t, "items", largeColumns, "id")
	var rows [][]string
	for id := range 40 {
		rows = append(rows, []string{strconv.Itoa(id), large(id, 1000+id%10*500), null})
	}
	rows = append(rows, []string{"40", large(40, 3*fetchLimit), null}, []string{"41", large(41, 3*fetchLimit), null})
	s.insert(t, "items", largeColumns, rows...)
	table, narrow := s.describe(t, "items"), s.limited(t)
	for _, most := range []int{3, 1000} {
		all := ScanAll(t, narrow.Source, table, "", most, nil)
		wantRows(t, fmt.Sprintf("pages of %d", most), all.Rows, rows)
	}
	from, next := ranger(t, narrow.Source), source.Range{}
	for done := false; !done; {
		page, err := from.Scan(t.Context(), table, source.Scan{Range: next, Rows: 1000})
		if err != nil {
			t.Fatal(err)
		}
		if n := page.Rows.Rows(); n > 1 && page.Bytes() > fetchLimit {
			t.Errorf("a page of %d rows takes %d bytes, more than %d", n, page.Bytes(), fetchLimit)
		}
		next.After, done = page.Last, page.Done
	}
}

// testScanMissingTable: the table is looked at for each page anew.
func testScanMissingTable(t *testing.T, s *suite) {
	table, _ := s.numbered(t, 3)
	s.Exec(t, "DROP TABLE "+s.Quote("items"))
	from := ranger(t, s.Source)
	_, err := from.Scan(t.Context(), table, source.Scan{})
	wantCode(t, err, chferry.CodeConfiguration, s.Configured("items"))
	_, err = from.Cut(t.Context(), table, "", 1)
	wantCode(t, err, chferry.CodeConfiguration, s.Configured("items"))
	_, err = from.Halve(t.Context(), table, source.Range{})
	wantCode(t, err, chferry.CodeConfiguration, s.Configured("items"))
}

func testScanCancelled(t *testing.T, s *suite) {
	table, _ := s.numbered(t, 3)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err := ranger(t, s.Source).Scan(ctx, table, source.Scan{})
	wantCode(t, err, chferry.CodeUnavailable, s.Alias)
	var tooMuch *source.TooMuchError
	if errors.As(err, &tooMuch) {
		t.Errorf("got %v, and fewer rows would not help", err)
	}
}
