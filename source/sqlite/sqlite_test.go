package sqlite_test

import (
	"database/sql"
	"encoding/hex"
	"fmt"
	"path/filepath"
	"strings"
	"testing"

	"go.uber.org/goleak"

	"github.com/chferry/chferry"
	"github.com/chferry/chferry/rowset"
	"github.com/chferry/chferry/source"
	"github.com/chferry/chferry/source/sourcetest"
	"github.com/chferry/chferry/source/sqlite"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func TestContract(t *testing.T) {
	t.Parallel()
	sourcetest.Run(t, func(t *testing.T) sourcetest.Bundle {
		b := setup(t)
		limited := func(t *testing.T, maxFetchBytes int) source.Source {
			return openWith(t, "sqlite:"+b.path, source.Options{Alias: alias, MaxFetchBytes: maxFetchBytes})
		}
		return sourcetest.Bundle{
			Source: b.source, Limited: limited, Alias: alias,
			Exec:  func(t *testing.T, statement string) { b.exec(t, statement) },
			Quote: quote, Configured: func(name string) string { return name }, Type: sqlType, Literal: literal,
			Unreachable: func(t *testing.T) source.Source {
				return open(t,
					"sqlite:"+filepath.Join(t.TempDir(), "none.db"))
			},
			Unfit: "REAL", Misfit: "'not a number'", SameWhenRecreated: true,
			Broken: func(t *testing.T, table string) {
				t.Helper()
				b.exec(t, "CREATE TABLE "+quote(table)+" (id INTEGER PRIMARY KEY, raw TEXT)")
				b.exec(t, "WITH RECURSIVE g(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM g WHERE i < 9) INSERT INTO "+
					quote(table)+
					" SELECT i, CASE i WHEN 5 THEN 'secret' ELSE '{}' END FROM g")
				b.exec(t, "ALTER TABLE "+quote(table)+" ADD COLUMN n TEXT AS (json_extract(raw, '$.n'))")
			},
		}
	})
}

const alias = "shop"

// bundle is a source on a fresh file, and a connection that may write to it.
type bundle struct {
	path   string
	source source.Source
	db     *sql.DB
}

// setup makes a file in WAL mode, unless given the statements that make another.
func setup(t testing.TB, statements ...string) bundle {
	t.Helper()
	if len(statements) == 0 {
		statements = []string{"PRAGMA journal_mode = wal"}
	}
	path := filepath.Join(t.TempDir(), "shop 100%#.db")
	b := bundle{path, open(t, "sqlite:"+path), write(t, path)}
	b.exec(t, strings.Join(statements, "; ")+"; CREATE TABLE made (id INTEGER PRIMARY KEY); DROP TABLE made")
	return b
}

func open(t testing.TB, url string) source.Source {
	t.Helper()
	return openWith(t, url, source.Options{Alias: alias})
}

func openWith(t testing.TB, url string, opts source.Options) source.Source {
	t.Helper()
	s, err := sqlite.Open(url, opts)
	if err != nil {
		t.Fatalf("open: %v", err)
	}
	t.Cleanup(s.Close)
	return s
}

// write opens a file by one connection, as an application would.
func write(t testing.TB, path string) *sql.DB {
	t.Helper()
	db, err := sql.Open("sqlite", path)
	if err != nil {
		t.Fatal(err)
	}
	db.SetMaxOpenConns(1)
	t.Cleanup(func() { _ = db.Close() })
	return db
}

func (b bundle) exec(t testing.TB, statements string, values ...any) {
	t.Helper()
	if _, err := b.db.ExecContext(t.Context(), statements, values...); err != nil {
		t.Fatalf("exec %.200s: %v", statements, err)
	}
}

func (b bundle) describe(t testing.TB, table string, primaryKey ...string) rowset.Table {
	t.Helper()
	described, err := b.source.Describe(t.Context(), table, primaryKey)
	if err != nil {
		t.Fatalf("describe %s: %v", table, err)
	}
	return described
}

func keysOf(t testing.TB, table rowset.Table, pks ...chferry.PrimaryKey) []rowset.Vector {
	t.Helper()
	keys := make([]rowset.Vector, len(table.PrimaryKey))
	for i, typ := range table.KeyTypes() {
		keys[i].Type = typ
	}
	for _, pk := range pks {
		if err := rowset.AppendPrimaryKey(keys, pk); err != nil {
			t.Fatalf("read key %q: %v", pk, err)
		}
	}
	return keys
}

func (b bundle) fetch(t testing.TB, table rowset.Table, pks ...chferry.PrimaryKey) rowset.Rows {
	t.Helper()
	rows, err := b.source.Fetch(t.Context(), table, keysOf(t, table, pks...))
	if err != nil {
		t.Fatalf("fetch from %s: %v", table.Name, err)
	}
	return rows
}

// fetchErr describes nothing anew: it fetches the row of key 1 and returns the error.
func (b bundle) fetchErr(t testing.TB, table rowset.Table) error {
	t.Helper()
	_, err := b.source.Fetch(t.Context(), table, keysOf(t, table, chferry.PrimaryKey{"1"}))
	return err
}

func (b bundle) allKeys(t testing.TB, table rowset.Table) []chferry.PrimaryKey {
	t.Helper()
	var keys []chferry.PrimaryKey
	err := b.source.PrimaryKeys(t.Context(), table, 100, func(page []chferry.PrimaryKey) error {
		keys = append(keys, page...)
		return nil
	})
	if err != nil {
		t.Fatalf("read keys of %s: %v", table.Name, err)
	}
	return keys
}

func wantCode(t testing.TB, err error, want chferry.Code, names ...string) {
	t.Helper()
	if err == nil {
		t.Fatalf("got no error, want %s", want)
	}
	if got := chferry.CodeOf(err); got != want {
		t.Errorf("got code %s (%v), want %s", got, err, want)
	}
	for _, name := range names {
		if !strings.Contains(err.Error(), name) {
			t.Errorf("error %q does not name %s", err, name)
		}
	}
}

func quote(name string) string { return `"` + strings.ReplaceAll(name, `"`, `""`) + `"` }

var sqlTypes = map[rowset.TypeKind]string{
	rowset.Bool: "BOOLEAN", rowset.Int64: "INTEGER", rowset.Float64: "REAL", rowset.String: "TEXT",
	rowset.Bytes: "BLOB", rowset.UUID: "UUID", rowset.Date: "DATE", rowset.Timestamp: "DATETIME",
}

func sqlType(t rowset.Type) string {
	const digits = 15 // that SQLite keeps of a decimal
	switch {
	case t.Kind == rowset.Decimal && t.Precision > digits:
		return ""
	case t.Kind == rowset.Decimal:
		return fmt.Sprintf("DECIMAL(%d,%d)", t.Precision, t.Scale)
	default:
		return sqlTypes[t.Kind]
	}
}

func literal(t rowset.Type, text string) string {
	switch t.Kind {
	case rowset.Bool, rowset.Int64, rowset.Float64, rowset.Decimal:
		return text
	case rowset.Bytes:
		return "x'" + hex.EncodeToString([]byte(text)) + "'"
	default:
		return "'" + strings.ReplaceAll(text, "'", "''") + "'"
	}
}
