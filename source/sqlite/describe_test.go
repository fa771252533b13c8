package sqlite_test

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/chferry/chferry"
	"github.com/chferry/chferry/rowset"
)

// TestDescribeColumns covers what the columns of a table may be beside plain.
func TestDescribeColumns(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.exec(t, `CREATE TABLE Items (gone INT, name VARCHAR(80) NOT NULL DEFAULT '', any_thing,
		total DECIMAL(10,2) GENERATED ALWAYS AS (1.5) STORED,
			double_id AS (id * 2), code TEXT, id UNSIGNED BIG INT, PRIMARY KEY (id, code));
		ALTER TABLE items DROP COLUMN gone; ALTER TABLE items ADD COLUMN late bool;
		INSERT INTO items (id, code) VALUES (1, 'a')`)

	table := b.describe(t, "items")

	nullable := func(typ rowset.Type) rowset.Type { typ.Nullable = true; return typ }
	want := []rowset.Column{
		{Name: "name", Type: text, SourceType: "VARCHAR(80)"},
		{Name: "any_thing", Type: nullable(text), SourceType: "no declared type"},
		{Name: "total", Type: nullable(decimal(10, 2)), SourceType: "DECIMAL(10,2)"},
		{Name: "double_id", Type: nullable(text), SourceType: "no declared type"},
		{Name: "code", Type: text, SourceType: "TEXT", Ordered: true},
		{Name: "id", Type: kind(rowset.Int64), SourceType: "UNSIGNED BIG INT", Ordered: true},
		{Name: "late", Type: nullable(kind(rowset.Bool)), SourceType: "bool"},
	}
	for i := range want {
		want[i].Destination = want[i].Name
	}
	if !slices.Equal(table.Columns, want) {
		t.Errorf("got columns  %+v\nwant columns %+v", table.Columns, want)
	}
	if want := []int{5, 4}; !slices.Equal(table.PrimaryKey, want) {
		t.Errorf("got primary key %v, want %v", table.PrimaryKey, want)
	}
	rows := b.fetch(t, table, chferry.PrimaryKey{"1", "a"})
	if rows.Rows() != 1 || string(rows.Vectors[2].At(0)) != "1.50" || string(rows.Vectors[3].At(0)) != "2" {
		t.Errorf("got %d rows, %+v, want the generated values 1.50 and 2", rows.Rows(), rows.Vectors)
	}
}

// TestDescribeKeys covers the kinds of tables and keys that SQLite has.
func TestDescribeKeys(t *testing.T) {
	t.Parallel()
	for definition, pk := range map[string]chferry.PrimaryKey{
		"(id INTEGER PRIMARY KEY)":                                            {"1"},
		"(id INTEGER PRIMARY KEY AUTOINCREMENT)":                              {"1"},
		"(id INT PRIMARY KEY DESC)":                                           {"1"},
		"(id TEXT PRIMARY KEY)":                                               {"1"},
		"(id TEXT PRIMARY KEY) WITHOUT ROWID":                                 {"1"},
		"(id TEXT PRIMARY KEY) STRICT":                                        {"1"},
		"(id TEXT, part INT, PRIMARY KEY (part, id)) WITHOUT ROWID, STRICT":   {"1", "1"},
		"(id VARCHAR(8) COLLATE BINARY, part DATE, PRIMARY KEY (id))":         {"1"},
		"(part TEXT COLLATE NOCASE, id INT, PRIMARY KEY (id))":                {"1"},
		"(part TEXT, id INT, PRIMARY KEY (id)) -- COLLATE NOCASE":             {"1"},
		"(id TEXT, part DECIMAL(15,2) NOT NULL, PRIMARY KEY (id, part))":      {"1", "1.00"},
		"(id INT, part TEXT, PRIMARY KEY (part COLLATE NOCASE, id)) -- wider": {"1", "1"},
	} {
		b := setup(t)
		b.exec(t, "CREATE TABLE items "+definition)
		table := b.describe(t, "items")
		columns := make([]string, len(table.PrimaryKey))
		for i, c := range table.PrimaryKey {
			columns[i] = table.Columns[c].Name
			if table.Columns[c].Type.Nullable {
				t.Errorf("%s: the key's column %s is nullable", definition, columns[i])
			}
		}
		b.exec(t, "INSERT INTO items ("+strings.Join(columns, ", ")+") VALUES ("+
			strings.TrimSuffix(strings.Repeat("'1', ", len(pk)), ", ")+")")
		if got := len(b.fetch(t, table, pk).Key); got != 1 {
			t.Errorf("%s: got %d rows, want 1", definition, got)
		}
		if got := b.allKeys(t, table); len(got) != 1 || !slices.Equal(got[0], pk) {
			t.Errorf("%s: got keys %q, want %q", definition, got, pk)
		}
	}
}

func TestDescribeRefusesKeys(t *testing.T) {
	t.Parallel()
	b := setup(t)
	for column, why := range map[string]string{
		"REAL": "REAL", "BLOB": "BLOB", "": "no declared type", "STRING": "declare it TEXT", "TIME": "TIME",
		"JSON": "JSON", "NUMERIC": "NUMERIC",
		"DECIMAL(16,2)": "at most 15 digits", "TEXT COLLATE NOCASE": "collation",
		"VARCHAR(8) COLLATE RTRIM": "collation", "DATE COLLATE NOCASE": "collation",
	} {
		b.exec(t, "CREATE TABLE items (id int, code "+column+", PRIMARY KEY (id, code))")
		_, err := b.source.Describe(t.Context(), "items", nil)
		wantCode(t, err, chferry.CodeSchemaMismatch, "items", `"code"`, why)
		b.exec(t, "DROP TABLE items")
	}
	b.exec(t, "CREATE TABLE moments (id UUID, a DATETIME, b DATETIME, c DATETIME, PRIMARY KEY (id, a, b, c))")
	_, err := b.source.Describe(t.Context(), "moments", nil)
	wantCode(t, err, chferry.CodeSchemaMismatch, "moments", "primary_key", "2000")
	b.describe(t, "moments", "id", "a", "b")
	b.exec(t, "CREATE TABLE given (id INT PRIMARY KEY, code TEXT NOT NULL COLLATE NOCASE, free TEXT)")
	_, err = b.source.Describe(t.Context(), "given", []string{"code"})
	wantCode(t, err, chferry.CodeSchemaMismatch, "given", `"code"`, "collation")
	_, err = b.source.Describe(t.Context(), "given", []string{"free"})
	wantCode(t, err, chferry.CodeSchemaMismatch, "given", `"free"`, "nullable")
}

func TestDescribeRefusesCollationsOfTheApplication(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.exec(t, `CREATE TABLE items (id TEXT PRIMARY KEY); PRAGMA writable_schema = 1;
		UPDATE sqlite_schema SET sql = 'CREATE TABLE items (id TEXT COLLATE german PRIMARY KEY)' WHERE name = 'items';
		PRAGMA writable_schema = RESET`)
	_, err := b.source.Describe(t.Context(), "items", nil)
	wantCode(t, err, chferry.CodeSchemaMismatch, "items", `"id"`, "the application's own")
}

func TestDescribeRefusesTables(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.exec(t, `CREATE TABLE users (id INTEGER PRIMARY KEY); CREATE VIEW seen AS SELECT * FROM users;
		CREATE INDEX by_id ON users (id);
		CREATE VIRTUAL TABLE found USING fts5(word); CREATE TABLE keyless (id INT NOT NULL)`)
	for _, name := range []string{
		"", "main.users", `"users"`, "by_id", "users; DROP TABLE users", `users" --`,
		"a\x00b", "sqlite_temp_schema",
	} {
		_, err := b.source.Describe(t.Context(), name, []string{"id"})
		wantCode(t, err, chferry.CodeConfiguration, alias)
	}
	for name, why := range map[string]string{"seen": "view", "found": "virtual", "found_data": "shadow"} {
		_, err := b.source.Describe(t.Context(), name, []string{"id"})
		wantCode(t, err, chferry.CodeConfiguration, name, why)
	}
	_, err := b.source.Describe(t.Context(), "keyless", nil)
	wantCode(t, err, chferry.CodeConfiguration, "keyless", "rowid", "primary_key")
}

// TestIdentity: what an application does to its table and its file leaves the identity as it is;
// another file has another.
func TestIdentity(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.exec(t, "CREATE TABLE other (id INTEGER PRIMARY KEY); CREATE TABLE items (id INTEGER PRIMARY KEY, name TEXT)")
	first := b.describe(t, "items").Identity
	if got := b.describe(t, "ITEMS").Identity; got != first {
		t.Errorf("in capitals: got %s, want %s", got, first)
	}
	for _, change := range []string{
		"INSERT INTO items VALUES (1, 'one'), (2, 'two')", "ALTER TABLE items ADD COLUMN more INT",
		"ALTER TABLE items DROP COLUMN name", "DROP TABLE other",
		"CREATE INDEX by_more ON items (more)", "CREATE TABLE later (id INT)", "VACUUM",
		"PRAGMA wal_checkpoint(TRUNCATE)", "PRAGMA journal_mode = delete",
		"CREATE TABLE new (id INTEGER PRIMARY KEY, size INT); INSERT INTO new SELECT id, more FROM items; DROP TABLE " +
			"items; ALTER TABLE new RENAME TO items",
	} {
		b.exec(t, change)
		if got := b.describe(t, "items").Identity; got != first {
			t.Errorf("%s: got %s, want %s", change, got, first)
		}
	}
	copied := bundle{path: filepath.Join(t.TempDir(), "copy.db")}
	b.exec(t, "VACUUM INTO '"+copied.path+"'")
	copied.source = open(t, "sqlite:"+copied.path)
	if got := copied.describe(t, "items").Identity; got == first {
		t.Errorf("a copy has the identity of the first, %s", got)
	}
	moved := filepath.Join(filepath.Dir(b.path), "moved.db")
	if err := os.Rename(b.path, moved); err != nil {
		t.Fatal(err)
	}
	copied.source = open(t, "sqlite:"+moved)
	if got := copied.describe(t, "items").Identity; got != first {
		t.Errorf("moved: got %s, want %s", got, first)
	}
}

// TestDescribeOrder: only what SQLite compares as numbers, or as texts in UTF-8, is ordered.
func TestDescribeOrder(t *testing.T) {
	t.Parallel()
	b := setup(t)
	other := setup(t, "PRAGMA encoding = 'UTF-16le'")
	for typ, want := range map[string]bool{
		"INTEGER": true, "BOOLEAN": true, "DECIMAL(10,2)": true, "TEXT": true,
		"DATE": false, "DATETIME": false, "UUID": false,
	} {
		b.exec(t, "CREATE TABLE items (id "+typ+" PRIMARY KEY)")
		if got := b.describe(t, "items").Columns[0].Ordered; got != want {
			t.Errorf("%s: got ordered %t, want %t", typ, got, want)
		}
		b.exec(t, "DROP TABLE items")
	}
	other.exec(t, "CREATE TABLE items (id TEXT PRIMARY KEY)")
	if other.describe(t, "items").Columns[0].Ordered {
		t.Error("texts in UTF-16 are ordered")
	}
}
