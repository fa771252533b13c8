package sourcetest

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/chferry/chferry"
	"github.com/chferry/chferry/rowset"
)

var itemColumns = []column{{"id", int64Type}, {"name", nullable(stringType)}}

func testFetchNewestState(t *testing.T, s *suite) {
	s.create(t, "items", itemColumns, "id")
	s.insert(t, "items", itemColumns, []string{"1", "old"}, []string{"2", "gone"}, []string{"3", null})
	table := s.describe(t, "items")
	pks := []chferry.PrimaryKey{{"3"}, {"4"}, {"1"}, {"2"}}

	want := [][]string{{"3", null}, nil, {"1", "old"}, {"2", "gone"}}
	if got := s.fetch(t, table, pks...); !slices.EqualFunc(got, want, slices.Equal[[]string]) {
		t.Errorf("got %q, want %q", got, want)
	}

	s.Exec(t, "UPDATE "+s.Quote("items")+" SET "+s.Quote("name")+" = "+s.Literal(stringType, "new")+" WHERE "+
		s.Quote("id")+" = 1")
	s.Exec(t, "DELETE FROM "+s.Quote("items")+" WHERE "+s.Quote("id")+" = 2")
	s.insert(t, "items", itemColumns, []string{"4", "late"})

	want = [][]string{{"3", null}, {"4", "late"}, {"1", "new"}, nil}
	if got := s.fetch(t, table, pks...); !slices.EqualFunc(got, want, slices.Equal[[]string]) {
		t.Errorf("after changes got %q, want %q", got, want)
	}
}

func testFetchNoKeys(t *testing.T, s *suite) {
	s.create(t, "items", itemColumns, "id")
	s.insert(t, "items", itemColumns, []string{"1", "one"})
	table := s.describe(t, "items")
	for name, keys := range map[string][]rowset.Vector{"nil": nil, "empty": keysOf(t, table)} {
		rows, err := s.Source.Fetch(t.Context(), table, keys)
		if err != nil || rows.Rows() != 0 || len(rows.Columns) != len(table.Columns) {
			t.Errorf("%s: got %d rows of %d columns, %v, want none of %d",
				name, rows.Rows(), len(rows.Columns), err, len(table.Columns))
		}
	}
}

// testFetchProjected leaves out and renames columns, and with them moves the key.
func testFetchProjected(t *testing.T, s *suite) {
	columns := []column{{"secret", stringType}, {"id", int64Type}, {"name", stringType}}
	s.create(t, "items", columns, "id")
	s.insert(t, "items", columns, []string{"hidden", "1", "one"})
	table, err := s.describe(t,
		"items").Project(chferry.Import{Exclude: []string{"secret"}, Rename: map[string]string{"name": "title"}})
	if err != nil {
		t.Fatal(err)
	}

	rows, err := s.Source.Fetch(t.Context(), table, keysOf(t, table, chferry.PrimaryKey{"1"}))

	if err != nil || rows.Rows() != 1 {
		t.Fatalf("got %d rows, %v, want 1", rows.Rows(), err)
	}
	if got, want := rowText(&rows.Block, 0), []string{"1", "one"}; !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
	if got, want := rows.Columns[1].Destination, "title"; got != want {
		t.Errorf("got destination %q, want %q", got, want)
	}
}

// testFetchManyKeys fetches every second of many rows, and as many keys without a row.
func testFetchManyKeys(t *testing.T, s *suite) {
	const n = 10_000
	s.create(t, "items", itemColumns, "id")
	var rows [][]string
	for id := range n {
		rows = append(rows, []string{strconv.Itoa(id), fmt.Sprintf("name %d", id)})
	}
	s.insert(t, "items", itemColumns, rows...)
	var pks []chferry.PrimaryKey
	for id := 0; id < 2*n; id += 2 {
		pks = append(pks, chferry.PrimaryKey{strconv.Itoa(id)})
	}

	for i, got := range s.fetch(t, s.describe(t, "items"), pks...) {
		var want []string
		if id := 2 * i; id < n {
			want = rows[id]
		}
		if !slices.Equal(got, want) {
			t.Fatalf("key %v: got %q, want %q", pks[i], got, want)
		}
	}
}

func testFetchMissingTable(t *testing.T, s *suite) {
	s.create(t, "items", itemColumns, "id")
	table := s.describe(t, "items")
	s.Exec(t, "DROP TABLE "+s.Quote("items"))
	_, err := s.Source.Fetch(t.Context(), table, keysOf(t, table, chferry.PrimaryKey{"1"}))
	wantCode(t, err, chferry.CodeConfiguration, "items", s.Alias)
	err = s.Source.PrimaryKeys(t.Context(), table, 10, func([]chferry.PrimaryKey) error { return nil })
	wantCode(t, err, chferry.CodeConfiguration, "items", s.Alias)
}

func testFetchUnsupportedColumn(t *testing.T, s *suite) {
	s.create(t, "items", itemColumns, "id")
	table := s.describe(t, "items")
	table.Columns[1].Type = rowset.Type{}
	_, err := s.Source.Fetch(t.Context(), table, keysOf(t, table, chferry.PrimaryKey{"1"}))
	wantCode(t, err, chferry.CodeSchemaMismatch, "items", "name", table.Columns[1].SourceType, "columns.exclude")
}

// testFetchUnfitValues makes sure that a row with a value that its column can't hold neither stops
// others nor looks deleted.
func testFetchUnfitValues(t *testing.T, s *suite) {
	if s.Misfit == "" {
		return
	}
	columns := []column{{"name", stringType}, {"id", int64Type}, {"size", int64Type}}
	s.create(t, "items", columns, "id")
	s.insert(t, "items", columns, []string{"first", "1", "10"}, []string{"third", "3", "30"})
	s.Exec(t, "INSERT INTO "+s.Quote("items")+" VALUES ("+s.Literal(stringType, "second")+", 2, "+s.Misfit+")")
	table := s.describe(t, "items")

	rows, err := s.Source.Fetch(t.Context(), table,
		keysOf(t, table, chferry.PrimaryKey{"1"}, chferry.PrimaryKey{"2"}, chferry.PrimaryKey{"3"},
			chferry.PrimaryKey{"4"}))
	if err != nil {
		t.Fatal(err)
	}
	got := map[int]string{}
	for r, key := range rows.Key {
		got[key] = strings.Join(rowText(&rows.Block, r), " ")
	}
	if want := map[int]string{0: "first 1 10", 2: "third 3 30"}; rows.Rows() != len(want) || !maps.Equal(got, want) {
		t.Errorf("got %d rows, %v, want %v", rows.Rows(), got, want)
	}
	if len(rows.Unfit) != 1 || rows.Unfit[0].Key != 1 {
		t.Fatalf("got unfit rows %v, want that of key 1", rows.Unfit)
	}
	reason := rows.Unfit[0].Reason
	if !strings.Contains(reason, "items") || !strings.Contains(reason, "size") ||
		strings.Contains(reason, strings.Trim(s.Misfit, "'")) {
		t.Errorf("the reason %q must name the table and the column, and not hold the value", reason)
	}
}

func testFetchCancelled(t *testing.T, s *suite) {
	s.create(t, "items", itemColumns, "id")
	table := s.describe(t, "items")
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err := s.Source.Fetch(ctx, table, keysOf(t, table, chferry.PrimaryKey{"1"}))
	if !errors.Is(err, context.Canceled) {
		t.Errorf("got %v, want an error that wraps context.Canceled", err)
	}
	if got := s.fetch(t, table, chferry.PrimaryKey{"1"}); got[0] != nil {
		t.Errorf("after a cancelled call got %q, want no row", got)
	}
}
