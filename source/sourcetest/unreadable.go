package sourcetest

import (
	"maps"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/chferry/chferry"
	"github.com/chferry/chferry/rowset"
)

// testFetchUnreadableRow: a row that the database fails to give is found by asking for fewer keys, and stops no other.
func testFetchUnreadableRow(t *testing.T, s *suite) {
	s.Broken(t, "items")
	table := s.describe(t, "items", "id")
	var pks []chferry.PrimaryKey
	for id := range 11 { // 0 and 10 have no row
		pks = append(pks, chferry.PrimaryKey{strconv.Itoa(id)})
	}
	found, broken := map[string]bool{}, map[string]string{}
	s.halve(t, table, pks, found, broken)
	if got, want := slices.Sorted(maps.Keys(found)),
		[]string{"1", "2", "3", "4", "6", "7", "8", "9"}; !slices.Equal(got, want) {
		t.Errorf("got the rows %v, want %v", got, want)
	}
	if len(broken) != 1 || broken["5"] == "" {
		t.Fatalf("got the unreadable rows %v, want 5", broken)
	}
	for _, value := range []string{"secret", "77777"} {
		if strings.Contains(broken["5"], value) {
			t.Errorf("the error %q holds a value", broken["5"])
		}
	}
	if got := s.fetch(t, table, chferry.PrimaryKey{"1"}, chferry.PrimaryKey{"0"}); got[0] == nil || got[1] != nil {
		t.Errorf("afterwards got %q", got)
	}
}

// halve fetches keys as a sync does.
func (s *suite) halve(t *testing.T, table rowset.Table, pks []chferry.PrimaryKey, found map[string]bool,
	broken map[string]string,
) {
	t.Helper()
	rows, err := s.Source.Fetch(t.Context(), table, keysOf(t, table, pks...))
	if err != nil {
		wantCode(t, err, chferry.CodeUnreadable, "items", s.Alias)
		if len(pks) == 1 {
			broken[pks[0][0]] = err.Error()
			return
		}
		s.halve(t, table, pks[:len(pks)/2], found, broken)
		s.halve(t, table, pks[len(pks)/2:], found, broken)
		return
	}
	for _, key := range rows.Key {
		found[pks[key][0]] = true
	}
}

// testFetchSeveralRowsOfOneKey: which of them is meant nobody knows; the others are not concerned.
func testFetchSeveralRowsOfOneKey(t *testing.T, s *suite) {
	columns := []column{{"id", int64Type}, {"shop", int64Type}, {"name", nullable(stringType)}}
	s.create(t, "items", columns, "id")
	s.insert(t, "items", columns,
		[]string{"1", "6", "six"}, []string{"2", "7", "seven"}, []string{"3", "7", "seven too"},
		[]string{"4", "8", null}, []string{"5", "7", null})
	table := s.describe(t, "items", "shop")
	for _, order := range [][]string{{"6", "7", "8", "9"}, {"9", "8", "7", "6"}, {"7"}, {"9", "7", "100000"}} {
		var pks []chferry.PrimaryKey
		want := map[string]string{}
		for _, shop := range order {
			pks = append(pks, chferry.PrimaryKey{shop})
			if name, ok := map[string]string{"6": "six", "8": null}[shop]; ok {
				want[shop] = name
			}
		}
		rows, err := s.Source.Fetch(t.Context(), table, keysOf(t, table, pks...))
		if err != nil {
			t.Fatal(err)
		}
		got := map[string]string{}
		for r, key := range rows.Key {
			got[order[key]] = rowText(&rows.Block, r)[2]
		}
		if rows.Rows() != len(want) || !maps.Equal(got, want) {
			t.Errorf("%v: got %d rows %v, want %v", order, rows.Rows(), got, want)
		}
		if len(rows.Unfit) != 1 || order[rows.Unfit[0].Key] != "7" ||
			rows.Unfit[0].Reason != "several rows of items have this primary key" {
			t.Errorf("%v: got unfit %v, want that of 7", order, rows.Unfit)
		}
	}
}
