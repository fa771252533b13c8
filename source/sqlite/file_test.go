package sqlite_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/chferry/chferry"
	"github.com/chferry/chferry/source"
	"github.com/chferry/chferry/source/sqlite"
)

func TestBadURL(t *testing.T) {
	t.Parallel()
	for _, url := range []string{
		"", "sqlite:", "sqlite://secret.db", "sqlite:///secret.db", "sqlite:secret.db?mode=rw",
		"file:secret.db", "postgres://secret", "sqlite:a\x00secret",
	} {
		_, err := sqlite.Open(url, source.Options{Alias: alias})
		wantCode(t, err, chferry.CodeConfiguration, alias, "sqlite:/path/to/file.db")
		if strings.Contains(err.Error(), "secret") {
			t.Errorf("%s: error %q shows the url", url, err)
		}
	}
	_, err := sqlite.Open("sqlite:shop.db", source.Options{Alias: alias, Primary: "sqlite:secret.db"})
	wantCode(t, err, chferry.CodeConfiguration, alias, "standby_of")
}

func TestRelativePath(t *testing.T) {
	b := setup(t)
	t.Chdir(filepath.Dir(b.path))
	relative := open(t, "sqlite:"+filepath.Base(b.path))
	t.Chdir(t.TempDir())
	if err := relative.Check(t.Context()); err != nil {
		t.Errorf("after the working directory changed: %v", err)
	}
}

// TestUnusableFiles covers what a path may lead to beside a database.
func TestUnusableFiles(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	for name, content := range map[string]string{"text": strings.Repeat("some secret text\n", 100), "empty": ""} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	for name, why := range map[string]string{
		"missing": "does not exist", "missing/too": "does not exist", "": "no file", "text": "not an SQLite database",
	} {
		err := open(t, "sqlite:"+dir+"/"+name).Check(t.Context())
		wantCode(t, err, chferry.CodeConfiguration, alias, why)
		if strings.Contains(err.Error(), dir) {
			t.Errorf("error %q shows the path", err)
		}
	}
	if _, err := os.Stat(filepath.Join(dir, "missing")); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("the missing file was created: %v", err)
	}
	empty := open(t, "sqlite:"+filepath.Join(dir, "empty"))
	if err := empty.Check(t.Context()); err != nil {
		t.Errorf("an empty file, which is a database without tables: %v", err)
	}
	_, err := empty.Describe(t.Context(), "items", nil)
	wantCode(t, err, chferry.CodeConfiguration, "items")
}

// TestReadOnly looks at the file itself before and after.
func TestReadOnly(t *testing.T) {
	t.Parallel()
	for _, mode := range []string{"delete", "wal"} {
		b := setup(t, "PRAGMA journal_mode = "+mode)
		b.exec(t, "CREATE TABLE items (id INTEGER PRIMARY KEY, name TEXT); INSERT INTO items VALUES (1, 'one')")
		if err := b.db.Close(); err != nil {
			t.Fatal(err)
		}
		before, err := os.ReadFile(b.path)
		if err != nil {
			t.Fatal(err)
		}
		table := b.describe(t, "items")
		if rows := b.fetch(t, table, chferry.PrimaryKey{"1"}); rows.Rows() != 1 {
			t.Errorf("%s: got %d rows, want 1", mode, rows.Rows())
		}
		after, err := os.ReadFile(b.path)
		if err != nil || !bytes.Equal(before, after) {
			t.Errorf("%s: the file was changed by reading it (%v)", mode, err)
		}
	}
}

// TestReplacedFile makes sure that a file under the old path is never taken for the old one, nor the old one read on.
func TestReplacedFile(t *testing.T) {
	t.Parallel()
	b := setup(t, "PRAGMA journal_mode = delete")
	b.exec(t, "CREATE TABLE items (id INTEGER PRIMARY KEY, name TEXT); INSERT INTO items VALUES (1, 'old')")
	table := b.describe(t, "items")
	other := setup(t, "PRAGMA journal_mode = delete")
	other.exec(t, "CREATE TABLE items (id INTEGER PRIMARY KEY, name TEXT); INSERT INTO items VALUES (1, 'new')")
	if err := os.Rename(other.path, b.path); err != nil {
		t.Fatal(err)
	}
	wantCode(t, b.fetchErr(t, table), chferry.CodeSourceChanged, "items", alias)
	err := b.source.PrimaryKeys(t.Context(), table, 10, func([]chferry.PrimaryKey) error {
		t.Error("got keys of the other file")
		return nil
	})
	wantCode(t, err, chferry.CodeSourceChanged, "items")
	rows := b.fetch(t, b.describe(t, "items"), chferry.PrimaryKey{"1"})
	if got := string(rows.Vectors[1].At(0)); got != "new" {
		t.Errorf("described anew, got the name %s, want new", got)
	}
	if err := os.Remove(b.path); err != nil {
		t.Fatal(err)
	}
	wantCode(t, b.source.Check(t.Context()), chferry.CodeConfiguration, "does not exist")
}

// TestWriterInWALMode: neither waits for the other.
func TestWriterInWALMode(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.exec(t, "CREATE TABLE items (id INTEGER PRIMARY KEY, name TEXT); INSERT INTO items VALUES (1, 'old'), (2, 'old')")
	table := b.describe(t, "items")
	b.exec(t, "BEGIN IMMEDIATE; UPDATE items SET name = 'new'")
	// A reader that had to wait would fail, for only this goroutine ends the transaction; a writer
	// that has to wait fails at once.
	rows := b.fetch(t, table, chferry.PrimaryKey{"1"})
	if got := string(rows.Vectors[1].At(0)); got != "old" {
		t.Errorf("got %s, want what is committed, old", got)
	}
	b.exec(t, "COMMIT")
}

// TestLockedByWriter: without WAL a writer that commits locks readers out.
func TestLockedByWriter(t *testing.T) {
	t.Parallel()
	b := setup(t, "PRAGMA journal_mode = delete")
	b.exec(t, "CREATE TABLE items (id INTEGER PRIMARY KEY)")
	table := b.describe(t, "items")
	b.exec(t, "BEGIN EXCLUSIVE")
	ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
	defer cancel()
	started := time.Now()
	err := b.source.Check(ctx)
	wantCode(t, err, chferry.CodeUnavailable, alias)
	if got := time.Since(started); !errors.Is(err, context.DeadlineExceeded) || got > 4*time.Second {
		t.Errorf("got %v after %s, want the context's error before the lock's own limit", err, got)
	}
	wantCode(t, b.fetchErr(t, table), chferry.CodeUnavailable, alias, "locked", "wal")
	b.exec(t, "COMMIT")
	if err := b.fetchErr(t, table); err != nil {
		t.Errorf("after the lock was released: %v", err)
	}
}

// TestUnfinishedTransaction is what a program leaves that died while it wrote: reading must not show half of it.
func TestUnfinishedTransaction(t *testing.T) {
	t.Parallel()
	b := setup(t, "PRAGMA journal_mode = delete", "PRAGMA cache_size = 2")
	b.exec(t, "CREATE TABLE items (id INTEGER PRIMARY KEY, name TEXT)")
	b.exec(t, "WITH RECURSIVE g(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM g WHERE i < 1000) INSERT INTO items "+
		"SELECT i, hex(zeroblob(100)) FROM g")
	b.exec(t, "BEGIN; UPDATE items SET name = hex(randomblob(100))")
	crashed := filepath.Join(t.TempDir(), "crashed.db")
	for _, suffix := range []string{"", "-journal"} {
		copyFile(t, b.path+suffix, crashed+suffix)
	}
	left := bundle{path: crashed, source: open(t, "sqlite:"+crashed)}
	wantCode(t, left.source.Check(t.Context()), chferry.CodeUnavailable, alias, "in the middle of a transaction")
	left.db = write(t, crashed)
	left.exec(t, "UPDATE items SET name = 'rolled back' WHERE id = 1 AND name = hex(zeroblob(100))")
	rows := left.fetch(t, left.describe(t, "items"), chferry.PrimaryKey{"1"})
	if rows.Rows() != 1 || string(rows.Vectors[1].At(0)) != "rolled back" {
		t.Errorf("got %d rows, want the one before the transaction", rows.Rows())
	}
}

// TestDamagedFile: what SQLite finds damaged is no row and no delete.
func TestDamagedFile(t *testing.T) {
	t.Parallel()
	b := setup(t, "PRAGMA journal_mode = delete")
	b.exec(t, "CREATE TABLE items (id INTEGER PRIMARY KEY, name TEXT)")
	b.exec(t, "WITH RECURSIVE g(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM g WHERE i < 10000) INSERT INTO items "+
		"SELECT i, hex(zeroblob(100)) FROM g")
	table := b.describe(t, "items")
	info, err := os.Stat(b.path)
	if err != nil {
		t.Fatal(err)
	}
	file, err := os.OpenFile(b.path, os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	const header = 8192 // the schema and the table's root
	if _, err := file.WriteAt(bytes.Repeat([]byte{0xff}, int(info.Size())-header), header); err != nil {
		t.Fatal(err)
	}
	if err := file.Close(); err != nil {
		t.Fatal(err)
	}
	wantCode(t, b.fetchErr(t, table), chferry.CodeConfiguration, alias, "damaged")
}

func copyFile(t *testing.T, from, to string) {
	t.Helper()
	in, err := os.Open(from)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = in.Close() }()
	out, err := os.Create(to)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := io.Copy(out, in); err != nil {
		t.Fatal(err)
	}
	if err := out.Close(); err != nil {
		t.Fatal(err)
	}
}
