package sourcetest

import (
	"slices"
	"testing"

	"github.com/chferry/chferry"
	"github.com/chferry/chferry/rowset"
)

var (
	int64Type  = rowset.Type{Kind: rowset.Int64}
	stringType = rowset.Type{Kind: rowset.String}
)

func nullable(typ rowset.Type) rowset.Type {
	typ.Nullable = true
	return typ
}

func testCheck(t *testing.T, s *suite) {
	if err := s.Source.Check(t.Context()); err != nil {
		t.Errorf("check: %v", err)
	}
}

// testDescribe describes a table of every kind, whose key has another order than its columns.
func testDescribe(t *testing.T, s *suite) {
	columns := []column{{"zeta", int64Type}, {"Alpha", stringType}}
	for _, of := range s.known() {
		columns = append(columns,
			column{"plain " + of.Kind.String() + " " + s.Type(of.Type), of.Type},
			column{"nullable " + of.Kind.String() + " " + s.Type(of.Type), nullable(of.Type)})
	}
	s.create(t, "items", columns, "Alpha", "zeta")

	table := s.describe(t, "items")

	if table.Database != s.Alias || table.Name != s.Configured("items") {
		t.Errorf("got %s of database %s, want %s of %s", table.Name, table.Database, s.Configured("items"), s.Alias)
	}
	if table.Identity == "" {
		t.Error("got no identity")
	}
	if want := []int{1, 0}; !slices.Equal(table.PrimaryKey, want) {
		t.Errorf("got primary key %v, want %v", table.PrimaryKey, want)
	}
	if got, want := len(table.Columns), len(columns); got != want {
		t.Fatalf("got %d columns, want %d", got, want)
	}
	for i, want := range columns {
		got := table.Columns[i]
		if got.Name != want.name || got.Destination != want.name || got.Type != want.Type {
			t.Errorf("column %d: got %q to %q, %+v, want %q, %+v",
				i, got.Name, got.Destination, got.Type, want.name, want.Type)
		}
		if got.SourceType == "" {
			t.Errorf("column %q has no source type", got.Name)
		}
	}
}

func testDescribeGivenKey(t *testing.T, s *suite) {
	s.create(t, "items", []column{
		{"id", int64Type},
		{"part", stringType},
		{"shop", int64Type},
		{"note", nullable(stringType)},
	}, "id")

	table := s.describe(t, "items", "shop", "part")

	if want := []int{2, 1}; !slices.Equal(table.PrimaryKey, want) {
		t.Errorf("got primary key %v, want %v", table.PrimaryKey, want)
	}
	for name, key := range map[string][]string{"an unknown column": {"id", "other"}, "a column twice": {"id", "id"}} {
		_, err := s.Source.Describe(t.Context(), s.Configured("items"), key)
		if got, want := chferry.CodeOf(err), chferry.CodeConfiguration; got != want {
			t.Errorf("primary key with %s: got code %s (%v), want %s", name, got, err, want)
		}
	}
}

func testDescribeRefusesKeys(t *testing.T, s *suite) {
	s.create(t, "keyless", []column{{"id", int64Type}, {"name", nullable(stringType)}})
	_, err := s.Source.Describe(t.Context(), s.Configured("keyless"), nil)
	wantCode(t, err, chferry.CodeConfiguration, "keyless", "primary_key")

	_, err = s.Source.Describe(t.Context(), s.Configured("keyless"), []string{"name"})
	wantCode(t, err, chferry.CodeSchemaMismatch, "keyless", "name")

	s.Exec(t, "CREATE TABLE "+s.Quote("unfit")+" ("+s.Quote("id")+" "+s.Unfit+" NOT NULL PRIMARY KEY)")
	_, err = s.Source.Describe(t.Context(), s.Configured("unfit"), nil)
	wantCode(t, err, chferry.CodeSchemaMismatch, "unfit", "id")
}

func testDescribeMissingTable(t *testing.T, s *suite) {
	_, err := s.Source.Describe(t.Context(), s.Configured("nowhere"), nil)
	wantCode(t, err, chferry.CodeConfiguration, "nowhere", s.Alias)
}

// testIdentity makes sure that the identity changes with the table, and with nothing else.
func testIdentity(t *testing.T, s *suite) {
	columns := []column{{"id", int64Type}}
	s.create(t, "items", columns, "id")
	s.create(t, "others", columns, "id")
	first := s.describe(t, "items").Identity
	s.insert(t, "items", columns, []string{"1"})
	if got := s.describe(t, "items").Identity; got != first {
		t.Errorf("got identity %s after an insert, want %s", got, first)
	}
	if got := s.describe(t, "others").Identity; got == first {
		t.Errorf("two tables have the identity %s", got)
	}
	s.Exec(t, "DROP TABLE "+s.Quote("items"))
	s.create(t, "items", columns, "id")
	if got := s.describe(t, "items").Identity; (got == first) != s.SameWhenRecreated {
		t.Errorf("a table that was created again has the identity %s, the first had %s", got, first)
	}
	s.Exec(t, "DROP TABLE "+s.Quote("items"))
	s.create(t, "items", []column{{"number", int64Type}}, "number")
	if got := s.describe(t, "items").Identity; got == first {
		t.Errorf("a table that was created again with another primary key has the identity of the first, %s", got)
	}
}
