package clickhouse_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/chferry/chferry"
	"github.com/chferry/chferry/rowset"
	"github.com/chferry/chferry/sink"
)

// staleColumns are changes of a column: what the table had, what it is altered to, and a value that
// the view shows wrongly, if at all, while it has the old type.
var staleColumns = map[string]struct {
	before, after rowset.Type
	becomes       string // the new type
	value         string // in SQL
	modern        bool
}{
	"wider integer": {kindOf(rowset.Int32), kindOf(rowset.Int64), "Int64", "5000000000", false},
	"wider decimal": {decimalOf(10, 2), decimalOf(14, 4), "Decimal(14, 4)", "1.2399", false},
	"wider float":   {kindOf(rowset.Float32), kindOf(rowset.Float64), "Float64", "1e300", false},
	"text":          {kindOf(rowset.Int32), kindOf(rowset.String), "String", "'word'", false},
	"nullable":      {kindOf(rowset.String), nullable(kindOf(rowset.String)), "Nullable(String)", "NULL", false},
	"nullable and wider": {
		kindOf(rowset.Int32), nullable(kindOf(rowset.Int64)), "Nullable(Int64)", "5000000000",
		false,
	},
	"wider elements": {
		arrayOf(rowset.Int32, 1), arrayOf(rowset.Int64, 1), "Array(Nullable(Int64))", "[5000000000]",
		false,
	},
	"dictionary": {kindOf(rowset.String), kindOf(rowset.String), "LowCardinality(String)", "'a'", true},
}

// TestStaleViews alters a table behind the back of its view, as check tells users to: the view is
// found stale, and made anew.
func TestStaleViews(t *testing.T) { onServers(t, testStaleViews) }

func testStaleViews(t *testing.T, s *server) {
	major := s.major(t)
	for name, change := range staleColumns {
		if change.modern && major < 20 {
			continue
		}
		table := strings.ReplaceAll(name, " ", "_")
		of := func(c rowset.Type) sink.Destination {
			return destination(table, []string{"id"}, column("id", int64Type), column("c", c))
		}
		s.create(t, of(change.before))
		if _, err := s.Missing(t.Context(), of(change.after)); !change.modern && change.before != change.after {
			wantAlter(t, name, err, "MODIFY COLUMN `c` "+change.becomes)
		}
		s.exec(t, "ALTER TABLE "+s.database+"."+table+" MODIFY COLUMN c "+change.becomes,
			"INSERT INTO "+s.database+"."+table+" SELECT 1, "+change.value+", 1, 0")
		missing, err := s.Missing(t.Context(), of(change.after))
		if err != nil || len(missing) == 0 || !strings.Contains(missing[0].Stale, `column "c" is `) ||
			missing[0].Kind != sink.View {
			t.Errorf("%s: got %v, %v, want the view found stale", name, missing, err)
			continue
		}
		if err := s.Create(t.Context(), missing); err != nil {
			t.Fatal(err)
		}
		s.wantNothingMissing(t, of(change.after))
		if got := s.value(t, "SELECT toString(count()) FROM "+s.database+"."+table+
			"_current WHERE c IS NULL OR toString(c) = toString("+change.value+")"); got != "1" {
			t.Errorf("%s: the view does not show %s", name, change.value)
		}
	}
}

func wantAlter(t *testing.T, name string, err error, want string) {
	t.Helper()
	if chferry.CodeOf(err) != chferry.CodeSchemaMismatch || !strings.Contains(err.Error(), "ALTER TABLE ") ||
		!strings.Contains(err.Error(), want) {
		t.Errorf("%s: got %v, want it refused with %q", name, err, want)
	}
}

func (s *server) wantNothingMissing(t *testing.T, d sink.Destination) {
	t.Helper()
	if missing, err := s.Missing(t.Context(), d); err != nil || len(missing) > 0 {
		t.Errorf("got %v, %v, want nothing missing", missing, err)
	}
}

func (s *server) major(t *testing.T) int {
	t.Helper()
	major, _, err := s.Version(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return major
}

// TestViewOfATableMadeAnew drops a table whose key's type no ALTER changes, and leaves its view behind.
func TestViewOfATableMadeAnew(t *testing.T) { onServers(t, testViewOfATableMadeAnew) }

func testViewOfATableMadeAnew(t *testing.T, s *server) {
	of := func(id rowset.Type, more ...rowset.Column) sink.Destination {
		return destination("orders", []string{"id"}, append([]rowset.Column{column("id", id)}, more...)...)
	}
	narrow, wide := of(kindOf(rowset.Int32), column("old", stringType)), of(int64Type, column("new", stringType))
	s.create(t, narrow)
	_, err := s.Missing(t.Context(), of(int64Type, column("old", stringType)))
	if err == nil || strings.Contains(err.Error(), "MODIFY COLUMN") || !strings.Contains(err.Error(), "made anew") ||
		!strings.Contains(err.Error(), "chferry backfill KEY") {
		t.Errorf("got %v, want advice that fits a key", err)
	}
	s.exec(t, "DROP TABLE "+s.database+".orders")
	missing, err := s.Missing(t.Context(), wide)
	isStale := func(m sink.Statement) bool { return m.Stale != "" }
	if err != nil || len(missing) < 2 || slices.ContainsFunc(missing, isStale) {
		t.Fatalf("got %v, %v, want the table and its view anew", missing, err)
	}
	if err := s.Create(t.Context(), missing); err != nil {
		t.Fatal(err)
	}
	s.exec(t, "INSERT INTO "+s.database+".orders SELECT 3000000000, 'a', 1, 0")
	s.wantNothingMissing(t, wide)
	if got := s.value(t, "SELECT concat(toString(id), new) FROM "+s.database+".orders_current"); got != "3000000000a" {
		t.Errorf("the view shows %s", got)
	}
}

// TestViewThatLostAColumn makes a view anew whose table lost a column by hand, and one that lacks a new column.
func TestViewThatLostAColumn(t *testing.T) { onServers(t, testViewThatLostAColumn) }

func testViewThatLostAColumn(t *testing.T, s *server) {
	d := destination("lost", []string{"id"}, column("id", int64Type), column("kept", stringType),
		column("gone", stringType))
	s.create(t, d)
	s.exec(t, "ALTER TABLE "+s.database+".lost DROP COLUMN gone")
	fewer := destination("lost", []string{"id"}, column("id", int64Type), column("kept", stringType))
	missing, err := s.Missing(t.Context(), fewer)
	if err != nil || len(missing) == 0 || !strings.Contains(missing[0].Stale, `"gone"`) {
		t.Fatalf("got %v, %v, want the view found stale", missing, err)
	}
	if err := s.Create(t.Context(), missing); err != nil {
		t.Fatal(err)
	}
	s.wantNothingMissing(t, fewer)
	s.wantViewColumns(t, "lost", "id kept")
	s.create(t, d)
	s.wantViewColumns(t, "lost", "id kept gone")
}

func (s *server) wantViewColumns(t *testing.T, table, want string) {
	t.Helper()
	got := s.value(t, "SELECT arrayStringConcat(groupArray(name), ' ') FROM system.columns WHERE database = '"+
		s.database+"' AND table = '"+table+"_current'")
	if got != want {
		t.Errorf("the view of %s has the columns %q, want %q", table, got, want)
	}
}

// TestViewOfSomebodyElse never replaces a view that chferry did not make: it leaves it alone if it
// shows what the table has, and refuses it otherwise.
func TestViewOfSomebodyElse(t *testing.T) { onServers(t, testViewOfSomebodyElse) }

func testViewOfSomebodyElse(t *testing.T, s *server) {
	defer s.exec(t, "DROP DATABASE IF EXISTS "+s.database+"_o")
	for name, test := range map[string]struct{ query, refused string }{
		"own_column": {"SELECT id, name, id * 2 AS doubled FROM $t FINAL WHERE _is_deleted = 0", ""},
		"own_filter": {"SELECT id, name FROM $t FINAL WHERE _is_deleted = 0 AND id > 5", ""},
		"lacks":      {"SELECT id FROM $t FINAL WHERE _is_deleted = 0 AND id > 5", `column "name" is not in it`},
		"other_type": {
			"SELECT id, toFixedString(name, 5) AS name FROM $t FINAL WHERE _is_deleted = 0",
			`column "name" is FixedString(5) in it`,
		},
		"no_final":    {"SELECT id, name FROM $t WHERE _is_deleted = 0", "replaced or deleted"},
		"no_filter":   {"SELECT id, name FROM $t FINAL", "replaced or deleted"},
		"other_table": {"SELECT toInt64(1) AS id, '' AS name", "replaced or deleted"},
		"namesake":    {"SELECT id, name FROM $o FINAL WHERE _is_deleted = 0", "replaced or deleted"},
		"our_mark": {
			"SELECT id, name FROM $o FINAL WHERE _is_deleted = 0 AND 'made by chferry' != ''",
			"replaced or deleted",
		},
		"final_else": {
			"SELECT id, name FROM $t WHERE _is_deleted = 0 AND id NOT IN (SELECT id FROM $o FINAL)",
			"replaced or deleted",
		},
		"word_final": {"SELECT id, name FROM $t WHERE _is_deleted = 0 AND 'FINAL' != ''", "replaced or deleted"},
		"same_form":  {"SELECT name, id FROM $t FINAL WHERE _is_deleted = 0", ""},
		"one_column": {"SELECT id FROM $t FINAL WHERE _is_deleted = 0", `column "name" is not in it`},
		"ours_edited": {
			"SELECT id FROM $t FINAL WHERE _is_deleted = 0 AND 'made by chferry' != '' AND id > 5",
			`column "name" is not in it`,
		},
	} {
		d := destination(name, []string{"id"}, column("id", int64Type), column("name", stringType))
		s.create(t, d)
		view, namesake := s.database+"."+name+"_current", s.database+"_o."+name
		s.exec(t, "CREATE DATABASE IF NOT EXISTS "+s.database+"_o", "CREATE TABLE "+namesake+" AS "+s.database+"."+name)
		s.exec(t, "DROP TABLE "+view,
			"CREATE VIEW "+view+" AS "+
				strings.NewReplacer("$t", s.database+"."+name, "$o", namesake).Replace(test.query))
		missing, err := s.Missing(t.Context(), d)
		switch {
		case test.refused == "" && (err != nil || len(missing) > 0):
			t.Errorf("%s: got %v, %v, want the view left alone", name, missing, err)
		case test.refused != "" &&
			(chferry.CodeOf(err) != chferry.CodeSchemaMismatch || !strings.Contains(err.Error(), test.refused) ||
				!strings.Contains(err.Error(), name+"_current") || !strings.Contains(err.Error(), "rename or drop it")):
			t.Errorf("%s: got %v, want the view refused with %q", name, err, test.refused)
		}
	}
}

// TestViewsOfOddNames finds nothing missing where names of tables and columns are hard to read in a view's statement.
func TestViewsOfOddNames(t *testing.T) { onServers(t, testViewsOfOddNames) }

func testViewsOfOddNames(t *testing.T, s *server) {
	for _, table := range []string{"`a ``b`` \\`", "` FINAL `", "`x.y (`"} {
		d := destination(table, []string{"id"}, column("id", int64Type), column("SELECT", stringType),
			column("FROM", stringType),
			column(`b FROM "c" AS SELECT \ ,(`, stringType))
		s.create(t, d)
		s.wantNothingMissing(t, d)
	}
}

// TestAllMisfits names every column that does not fit.
func TestAllMisfits(t *testing.T) { onServers(t, testAllMisfits) }

func testAllMisfits(t *testing.T, s *server) {
	of := func(of rowset.TypeKind, precision int) sink.Destination {
		return destination("many", []string{"id"}, column("id", kindOf(of)), column("a", kindOf(of)),
			column("b", kindOf(of)), column("c", decimalOf(precision, 5)))
	}
	s.create(t, of(rowset.Int32, 6))
	_, err := s.Missing(t.Context(), of(rowset.Int64, 8))
	problems := chferry.Problems(err)
	if len(problems) != 4 {
		t.Fatalf("got %v, want four problems", problems)
	}
	for i, want := range []string{
		`"id" is Int32`, `"a" is Int32`, `"b" is Int32`, `does not hold every Decimal(8, 5): make it Decimal(8, 5)`,
	} {
		if chferry.CodeOf(problems[i]) != chferry.CodeSchemaMismatch || !strings.Contains(problems[i].Error(), want) {
			t.Errorf("got %v, want %s", problems[i], want)
		}
	}
}

// TestDetachedTable: a server writes the statement of a table that is detached, and has no such table.
func TestDetachedTable(t *testing.T) { onServers(t, testDetachedTable) }

func testDetachedTable(t *testing.T, s *server) {
	d := destination("detached", []string{"id"}, column("id", int64Type))
	s.create(t, d)
	s.wantNothingMissing(t, d)
	s.exec(t, "DETACH TABLE "+s.database+".detached")
	missing, err := s.Missing(t.Context(), d)
	if err != nil || len(missing) == 0 || missing[0].Creates != "table "+s.database+".detached" {
		t.Errorf("got %v, %v, want the table missing", missing, err)
	}
	s.exec(t, "ATTACH TABLE "+s.database+".detached")
	s.wantNothingMissing(t, d)
}
