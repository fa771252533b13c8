package sinktest

import (
	"slices"
	"strings"
	"testing"

	"github.com/chferry/chferry"
	"github.com/chferry/chferry/rowset"
	"github.com/chferry/chferry/sink"
)

func testCheck(t *testing.T, s *suite) {
	if err := s.Sink.Check(t.Context()); err != nil {
		t.Errorf("check: %v", err)
	}
	wantCode(t, s.Sink.Check(cancelled(t)), chferry.CodeUnavailable)
}

func testUnreachable(t *testing.T, s *suite) {
	gone := s.Unreachable(t)
	wantCode(t, gone.Check(t.Context()), chferry.CodeUnavailable)
	_, err := gone.Missing(t.Context(), users())
	wantCode(t, err, chferry.CodeUnavailable)
	_, err = gone.MaxVersion(t.Context(), users())
	wantCode(t, err, chferry.CodeUnavailable)
	_, err = gone.Insert(t.Context(), users(), block(t, users(), 1, []string{"1", "a", null}), "")
	wantCode(t, err, chferry.CodeUnavailable)
}

// testMissing goes from nothing to the table to the view.
func testMissing(t *testing.T, s *suite) {
	d := users()
	missing, err := s.Sink.Missing(t.Context(), d)
	if err != nil {
		t.Fatal(err)
	}
	if len(missing) != 2 || missing[0].Kind != sink.Table || missing[1].Kind != sink.View {
		t.Fatalf("got %v, want a table and then a view", missing)
	}
	again, err := s.Sink.Missing(t.Context(), d)
	if err != nil || !slices.Equal(again, missing) {
		t.Errorf("got %v, %v; asking must create nothing", again, err)
	}
	if err := s.Sink.Create(t.Context(), missing[:1]); err != nil {
		t.Fatal(err)
	}
	rest, err := s.Sink.Missing(t.Context(), d)
	if err != nil || !slices.Equal(rest, missing[1:]) {
		t.Errorf("got %v, %v, want the view alone", rest, err)
	}
	if err := s.Sink.Create(t.Context(), missing); err != nil {
		t.Errorf("create what is half there: %v", err)
	}
	if none, err := s.Sink.Missing(t.Context(), d); err != nil || len(none) > 0 {
		t.Errorf("got %v, %v, want nothing missing", none, err)
	}
}

func testMissingKeeps(t *testing.T, s *suite) {
	d := users()
	missing, err := s.Sink.Missing(t.Context(), d)
	if err != nil {
		t.Fatal(err)
	}
	s.create(t, d)
	s.insert(t, d, 1, []string{"1", "a", "1.50"})
	if err := s.Sink.Create(t.Context(), missing); err != nil {
		t.Fatal(err)
	}
	s.holds(t, d, []string{"1", "a", "1.50"})
}

// testMisfits changes what the source has, so that the table no longer fits.
func testMisfits(t *testing.T, s *suite) {
	s.create(t, users())
	for name, change := range map[string]func(*sink.Destination){
		"name": func(d *sink.Destination) { d.Columns[1].Type = rowset.Type{Kind: rowset.Float64} },
		"id":   func(d *sink.Destination) { d.Columns[0].Type = rowset.Type{Kind: rowset.Uint64} },
		"amount": func(d *sink.Destination) {
			d.Columns[2].Type = rowset.Type{Kind: rowset.Decimal, Precision: 13, Scale: 2, Nullable: true}
		},
	} {
		d := users()
		d.Columns = slices.Clone(d.Columns)
		change(&d)
		_, err := s.Sink.Missing(t.Context(), d)
		wantCode(t, err, chferry.CodeSchemaMismatch)
		if err != nil && (!strings.Contains(err.Error(), "users") || !strings.Contains(err.Error(), `"`+name+`"`)) {
			t.Errorf("got %q, which should name the table and column %q", err, name)
		}
	}
}

// testMissingColumns adds columns to a table that has rows, under names that differ by as little as they can.
func testMissingColumns(t *testing.T, s *suite) {
	s.create(t, users())
	s.insert(t, users(), 1, []string{"1", "a", "1.50"})
	d := destination("users", []string{"id"}, column("id", int64Type), column("name", stringType),
		column("amount", nullable(amountType)), column("added", nullable(stringType)), column("namE", int64Type),
		column("a `b`", stringType))
	missing, err := s.Sink.Missing(t.Context(), d)
	if err != nil {
		t.Fatal(err)
	}
	var added []string
	for _, statement := range missing {
		if (statement.Kind == sink.Column) != (statement.Column != "") {
			t.Errorf("%q, of kind %d, is said to add column %q", statement.Creates, statement.Kind, statement.Column)
		}
		if statement.Column != "" {
			added = append(added, statement.Column)
		}
	}
	want := []string{"added", "namE", "a `b`"}
	if !slices.Equal(added, want) || missing[len(missing)-1].Kind != sink.View {
		t.Fatalf("got %v, want the columns %q and then the view", missing, want)
	}
	s.insert(t, users(), 2, []string{"2", "before", null})
	for range 2 {
		if err := s.Sink.Create(t.Context(), missing); err != nil {
			t.Fatal(err)
		}
	}
	if again, err := s.Sink.Missing(t.Context(), d); err != nil || len(again) > 0 {
		t.Errorf("got %v, %v, want nothing missing", again, err)
	}
	s.insert(t, d, 3, []string{"3", "after", null, "x", "7", "y"})
	s.holds(t, d, []string{"1", "a", "1.50", null, "0", ""}, []string{"2", "before", null, null, "0", ""},
		[]string{"3", "after", null, "x", "7", "y"})
}

// testUnfilled syncs fewer columns than the table has, as when the source dropped one.
func testUnfilled(t *testing.T, s *suite) {
	if names, err := s.Sink.Unfilled(t.Context(), users()); err != nil || len(names) > 0 {
		t.Errorf("without the table: got %v, %v", names, err)
	}
	s.create(t, users())
	s.insert(t, users(), 1, []string{"1", "a", "1.50"}, []string{"2", "b", null})
	fewer := destination("users", []string{"id"}, column("id", int64Type), column("name", stringType))
	if missing, err := s.Sink.Missing(t.Context(), fewer); err != nil || len(missing) > 0 {
		t.Errorf("got %v, %v, want nothing missing", missing, err)
	}
	if names, err := s.Sink.Unfilled(t.Context(), fewer); err != nil || !slices.Equal(names, []string{"amount"}) {
		t.Errorf("got %v, %v, want amount", names, err)
	}
	s.insert(t, fewer, 2, []string{"1", "c"})
	s.holds(t, users(), []string{"1", "c", null}, []string{"2", "b", null})
}

// testOrder holds tables to a sorting key of the key's columns.
func testOrder(t *testing.T, s *suite) {
	pair := func(order ...string) sink.Destination {
		d := destination("pairs", []string{"a", "b"}, column("a", int64Type), column("b", int64Type),
			column("c", int64Type))
		d.OrderBy = order
		return d
	}
	for _, order := range [][]string{{"a"}, {"a", "b", "c"}, {"a", "c"}, {"a", "a"}} {
		_, err := s.Sink.Missing(t.Context(), pair(order...))
		wantCode(t, err, chferry.CodeSchemaMismatch)
	}
	s.create(t, pair("b", "a"))
	if missing, err := s.Sink.Missing(t.Context(), pair("b", "a")); err != nil || len(missing) > 0 {
		t.Errorf("got %v, %v, want nothing missing", missing, err)
	}
	larger := pair("a", "b")
	larger.Key, larger.OrderBy = []string{"a", "b", "c"}, nil
	_, err := s.Sink.Missing(t.Context(), larger)
	wantCode(t, err, chferry.CodeSchemaMismatch)
	smaller := pair()
	smaller.Key = []string{"b"}
	_, err = s.Sink.Missing(t.Context(), smaller)
	wantCode(t, err, chferry.CodeSchemaMismatch)
}

// testNames puts names that hurt everywhere a name can stand.
func testNames(t *testing.T, s *suite) {
	names := []string{
		"Zoe", "zoe", "select", "VALUES", "two words", "dot.ted", "comma, separated", "quo\"ted", "ti`cked",
		"apo'strophe", "back\\slash",
		"(round)", "half)", " (b", "[square]", "a-b", "100%", "?", "$1", "@p", "{x:String}", "-- c", "/* c", "#",
		"naïve", "日本", "new\nline", "FORMAT Native", "a;b", "SETTINGS x=1",
	}
	var columns []rowset.Column
	row, want := []string{}, []string{}
	for i, name := range names {
		columns = append(columns, column(name, stringType))
		row, want = append(row, "value of "+name), append(want, "value of "+names[i])
	}
	d := destination("`ta``ble (x), VALUES \"q\" \\' -- c`",
		[]string{"ti`cked", "quo\"ted", "(round)", "back\\slash", "new\nline", "apo'strophe", "日本", "comma, separated"},
		columns...)
	s.create(t, d)
	if missing, err := s.Sink.Missing(t.Context(), d); err != nil || len(missing) > 0 {
		t.Fatalf("got %v, %v, want nothing missing", missing, err)
	}
	s.insert(t, d, 7, row)
	s.holds(t, d, want)
	if got, err := s.Sink.MaxVersion(t.Context(), d); err != nil || got != 7 {
		t.Errorf("got version %d, %v, want 7", got, err)
	}
}
