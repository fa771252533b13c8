package sourcetest

import (
	"testing"

	"github.com/chferry/chferry"
	"github.com/chferry/chferry/rowset"
	"github.com/chferry/chferry/source"
)

// testUnreachable: from a database that can't be read comes an error from every call that needs it,
// and never a table without rows: what is absent counts as deleted.
func testUnreachable(t *testing.T, s *suite) {
	table, _ := s.numbered(t, 3)
	away := s.Unreachable(t)
	keys := keysOf(t, table, chferry.PrimaryKey{"1"})
	from := ranger(t, away)
	for name, call := range map[string]func() error{
		"Check":    func() error { return away.Check(t.Context()) },
		"Describe": func() error { _, err := away.Describe(t.Context(), s.Configured("items"), nil); return err },
		"Fetch":    func() error { _, err := away.Fetch(t.Context(), table, keys); return err },
		"PrimaryKeys": func() error {
			return away.PrimaryKeys(t.Context(), table, 10, func([]chferry.PrimaryKey) error { return nil })
		},
		"Cut":   func() error { _, err := from.Cut(t.Context(), table, "", 1); return err },
		"Halve": func() error { _, err := from.Halve(t.Context(), table, source.Range{}); return err },
		"Scan":  func() error { _, err := from.Scan(t.Context(), table, source.Scan{}); return err },
	} {
		err := call()
		if code := chferry.CodeOf(err); code != chferry.CodeUnavailable && code != chferry.CodeConfiguration {
			t.Errorf("%s of a database that is not there gives %v", name, err)
		}
	}
}

// testIdentityOfAnotherDatabase: the same table in another database is another table, as behind a wrong URL.
func testIdentityOfAnotherDatabase(t *testing.T, s *suite) {
	table, _ := s.numbered(t, 1)
	other := s.another(t)
	if same, _ := other.numbered(t, 1); same.Identity == table.Identity {
		t.Errorf("a table of another database has the identity %q, too", same.Identity)
	}
}

// testFetchDroppedColumn: a column that is gone since the table was described is not read as something else.
func testFetchDroppedColumn(t *testing.T, s *suite) {
	columns := []column{{"id", int64Type}, {"first", nullable(stringType)}, {"second", nullable(stringType)}}
	s.create(t, "items", columns, "id")
	s.insert(t, "items", columns, []string{"1", "a", "b"})
	table := s.describe(t, "items")
	s.Exec(t, "ALTER TABLE "+s.Quote("items")+" DROP COLUMN "+s.Quote("first"))
	if rows, err := s.Source.Fetch(t.Context(), table, keysOf(t, table, chferry.PrimaryKey{"1"})); err == nil {
		t.Errorf("got %d rows of a table that lost a column", rows.Rows())
	}
	if page, err := ranger(t, s.Source).Scan(t.Context(), table, source.Scan{}); err == nil {
		t.Errorf("scanned %d rows of a table that lost a column", page.Rows.Rows())
	}
}

// testCompositeKeysApart: values of a key that look alike when they are joined are two keys.
func testCompositeKeysApart(t *testing.T, s *suite) {
	columns := []column{{"a", stringType}, {"b", stringType}, {"name", rowset.Type{Kind: rowset.String}}}
	s.create(t, "pairs", columns, "a", "b")
	keys := []chferry.PrimaryKey{
		{"1", "23"},
		{"12", "3"},
		{"123", ""},
		{"", "123"},
		{"1,2", "3"},
		{"1", "2,3"},
		{`1"`, "3"},
		{"1", `"3`},
	}
	for _, key := range keys[:len(keys)-1] { // the last one has no row
		s.insert(t, "pairs", columns, []string{key[0], key[1], key[0] + "|" + key[1]})
	}
	table := s.describe(t, "pairs")
	for i, row := range s.fetch(t, table, keys...) {
		want := keys[i][0] + "|" + keys[i][1]
		switch {
		case i == len(keys)-1 && row != nil:
			t.Errorf("key %q has a row", keys[i])
		case i < len(keys)-1 && (row == nil || row[2] != want):
			t.Errorf("key %q has the row %q, want %q", keys[i], row, want)
		}
	}
}
