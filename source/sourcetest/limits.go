package sourcetest

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/chferry/chferry"
	"github.com/chferry/chferry/rowset"
	"github.com/chferry/chferry/source"
)

// fetchLimit is what a Fetch may hold in these tests: a few rows of largeColumns.
const fetchLimit = 8_000

var largeColumns = []column{{"id", int64Type}, {"text", nullable(stringType)}, {"size", nullable(int64Type)}}

// large is a text that is told from others by its beginning.
func large(id, size int) string {
	return strconv.Itoa(id) + strings.Repeat("x", size)
}

// limited is the suite on a source of the same database that holds little.
func (s *suite) limited(t *testing.T) *suite {
	t.Helper()
	b := s.Bundle
	b.Source = s.Limited(t, fetchLimit)
	return &suite{Bundle: b}
}

// inPieces fetches as a sync does: fewer keys after each [source.TooMuchError]. It returns the rows
// by their keys' indexes, and how many answers there were.
func (s *suite) inPieces(t *testing.T, table rowset.Table,
	pks []chferry.PrimaryKey,
) (found map[int][]string, answers int) {
	t.Helper()
	found = map[int][]string{}
	for first, n := 0, len(pks); first < len(pks); {
		last := min(first+n, len(pks))
		rows, err := s.Source.Fetch(t.Context(), table, keysOf(t, table, pks[first:last]...))
		var tooMuch *source.TooMuchError
		if errors.As(err, &tooMuch) {
			if tooMuch.Rows < 1 || tooMuch.Rows >= last-first {
				t.Fatalf("of %d keys, %d rows had fitted", last-first, tooMuch.Rows)
			}
			n = max(1, min(tooMuch.Rows, n/2))
			continue
		}
		if err != nil {
			t.Fatalf("fetch from %s: %v", table.Name, err)
		}
		if rows.Rows() > 1 && rows.Bytes() > fetchLimit {
			t.Errorf("%d rows take %d bytes, more than %d", rows.Rows(), rows.Bytes(), fetchLimit)
		}
		for r, key := range rows.Key {
			if found[first+key] != nil {
				t.Fatalf("key %v was found twice", pks[first+key])
			}
			found[first+key] = rowText(&rows.Block, r)
		}
		answers++
		first = last
	}
	return found, answers
}

// testFetchTooMuch reads rows that don't fit together, in pieces, and compares them all.
func testFetchTooMuch(t *testing.T, s *suite) {
	const n = 40
	s.create(t, "items", largeColumns, "id")
	var rows [][]string
	var pks []chferry.PrimaryKey
	for id := range n {
		rows = append(rows, []string{strconv.Itoa(id), large(id, 1000), null})
		pks = append(pks, chferry.PrimaryKey{strconv.Itoa(id)})
	}
	s.insert(t, "items", largeColumns, rows...)
	pks = append(pks, chferry.PrimaryKey{"-1"}, chferry.PrimaryKey{"1000"})
	table, narrow := s.describe(t, "items"), s.limited(t)
	for range 2 { // an error leaves the source as it was
		_, err := narrow.Source.Fetch(t.Context(), table, keysOf(t, table, pks...))
		var tooMuch *source.TooMuchError
		if !errors.As(err, &tooMuch) || tooMuch.Rows < 1 || tooMuch.Rows > fetchLimit/1000 {
			t.Fatalf("got %v, want 1 to %d rows to have fitted", err, fetchLimit/1000)
		}
		if got := narrow.fetch(t, table, pks[7])[0]; !slices.Equal(got, rows[7]) {
			t.Errorf("afterwards got %.40q, want %.40q", got, rows[7])
		}
	}
	for name, order := range map[string][]chferry.PrimaryKey{"ascending": pks, "descending": reversed(pks)} {
		found, answers := narrow.inPieces(t, table, order)
		if len(found) != n || answers < n*1000/fetchLimit {
			t.Errorf("%s: got %d rows in %d pieces, want %d in at least %d",
				name, len(found), answers, n, n*1000/fetchLimit)
		}
		for i, got := range found {
			if id, err := strconv.Atoi(order[i][0]); err != nil || !slices.Equal(got, rows[id]) {
				t.Errorf("%s: key %v has the row %.40q", name, order[i], got)
			}
		}
	}
}

func reversed(pks []chferry.PrimaryKey) []chferry.PrimaryKey {
	out := slices.Clone(pks)
	slices.Reverse(out)
	return out
}

// testFetchLargeRow fetches rows each of which alone is larger than the limit, as one of several
// keys too, if the others have none.
func testFetchLargeRow(t *testing.T, s *suite) {
	s.create(t, "items", largeColumns, "id")
	rows := [][]string{{"1", large(1, 5*fetchLimit), "1"}, {"2", large(2, 2*fetchLimit), null}}
	s.insert(t, "items", largeColumns, rows...)
	table, narrow := s.describe(t, "items"), s.limited(t)
	for i, pks := range [][]chferry.PrimaryKey{{{"1"}}, {{"2"}}, {{"0"}, {"1"}, {"1000"}}, {{"2"}, {"3"}, {"4"}}} {
		found, answers := narrow.inPieces(t, table, pks)
		if len(found) != 1 || answers != 1 {
			t.Errorf("keys %v: got %d rows in %d pieces, want 1 in 1", pks, len(found), answers)
		}
		for _, got := range found {
			if !slices.Equal(got, rows[i%2]) {
				t.Errorf("keys %v: got %.40q", pks, got)
			}
		}
	}
	if found, answers := narrow.inPieces(t, table, []chferry.PrimaryKey{{"1"}, {"2"}}); len(found) != 2 ||
		answers != 2 {
		t.Errorf("got %d rows in %d pieces, want 2 in 2", len(found), answers)
	}
}

// testFetchSmallValues: values that are sent as little or nothing take memory all the same.
func testFetchSmallValues(t *testing.T, s *suite) {
	const n = 200
	columns := []column{{"id", int64Type}}
	for c := range 10 {
		columns = append(columns, column{fmt.Sprintf("n%d", c), nullable(int64Type)})
	}
	s.create(t, "items", columns, "id")
	var rows [][]string
	var pks []chferry.PrimaryKey
	for id := range n {
		row := slices.Repeat([]string{null}, len(columns))
		row[0] = strconv.Itoa(id)
		rows, pks = append(rows, row), append(pks, chferry.PrimaryKey{row[0]})
	}
	s.insert(t, "items", columns, rows...)
	if found, answers := s.limited(t).inPieces(t, s.describe(t, "items"), pks); len(found) != n || answers < 2 {
		t.Errorf("got %d rows in %d pieces, want %d in several", len(found), answers, n)
	}
}

// testFetchLargeRowsOfOneKey: that a key has several rows is told however large they are. Fewer keys would not help.
func testFetchLargeRowsOfOneKey(t *testing.T, s *suite) {
	columns := []column{{"id", int64Type}, {"shop", int64Type}, {"text", stringType}}
	s.create(t, "items", columns, "id")
	s.insert(t, "items", columns, []string{"1", "7", large(1, 2*fetchLimit)},
		[]string{"2", "7", large(2, 2*fetchLimit)})
	table := s.describe(t, "items", "shop")
	rows, err := s.limited(t).Source.Fetch(t.Context(), table, keysOf(t, table, chferry.PrimaryKey{"7"}))
	if err != nil || rows.Rows() != 0 || len(rows.Unfit) != 1 {
		t.Errorf("got %d rows, unfit %v and %v, want one unfit key", rows.Rows(), rows.Unfit, err)
	}
}

// testFetchLargeUnfitRows: rows that are not held don't count, and are told in the piece that they belong to.
func testFetchLargeUnfitRows(t *testing.T, s *suite) {
	if s.Misfit == "" {
		return
	}
	s.create(t, "items", largeColumns, "id")
	var pks []chferry.PrimaryKey
	for id := range 10 {
		s.Exec(t, "INSERT INTO "+s.Quote("items")+" VALUES ("+strconv.Itoa(id)+", "+
			s.Literal(stringType, large(id, 3000))+", "+s.Misfit+")")
		pks = append(pks, chferry.PrimaryKey{strconv.Itoa(id)})
	}
	s.insert(t, "items", largeColumns, []string{"10", large(10, 100), "1"}, []string{"11", large(11, 100), "1"})
	pks = append(pks, chferry.PrimaryKey{"10"}, chferry.PrimaryKey{"11"})
	table := s.describe(t, "items")
	rows, err := s.limited(t).Source.Fetch(t.Context(), table, keysOf(t, table, pks...))
	if err != nil || rows.Rows() != 2 || len(rows.Unfit) != 10 {
		t.Errorf("got %d rows and %d unfit ones, %v, want 2 and 10", rows.Rows(), len(rows.Unfit), err)
	}
}
