package sqlite_test

import (
	"errors"
	"fmt"
	"slices"
	"testing"

	"github.com/chferry/chferry"
	"github.com/chferry/chferry/source"
)

// TestPagesOfAnyValues: SQLite lets a key hold nulls and values of any class. Each row has one key,
// however the pages are cut.
func TestPagesOfAnyValues(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.exec(t, "CREATE TABLE items (id INTEGER, code TEXT, PRIMARY KEY (id, code))")
	values := []string{
		"NULL", "-1", "7", "7.5", "9223372036854775807", "1e300", "''", "'a'", "'a' || char(0) || 'b'",
		"x''", "x'00'", "x'61'",
	}
	for _, id := range values {
		for _, code := range values {
			b.exec(t, "INSERT INTO items VALUES ("+id+", "+code+")")
		}
	}
	rows := len(values) * len(values)
	table := b.describe(t, "items")
	for _, size := range []int{1, 2, 3, 5, 13, rows, rows + 1} {
		got, keys := map[string]bool{}, 0
		err := b.source.PrimaryKeys(t.Context(), table, size, func(page []chferry.PrimaryKey) error {
			for _, key := range page {
				got[fmt.Sprintf("%q", key)] = true
			}
			if keys += len(page); keys > rows {
				t.Fatal("the pages don't end")
			}
			return nil
		})
		if err != nil || keys != rows || len(got) != rows {
			t.Errorf("pages of %d: got %d keys, %d different, %v, want %d", size, keys, len(got), err, rows)
		}
	}
}

// TestPlaces: a place keeps what is stored, not what is written for it.
func TestPlaces(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.exec(t, `CREATE TABLE items (id INTEGER, code TEXT, PRIMARY KEY (id, code)); INSERT INTO items VALUES
		(NULL, 'a'), (-1, ''), (-1, 'b,c'), (7.5, NULL), (1e300, 'a'), ('x', x''), ('x', x'00ff'), (x'61', 'a')`)
	table := b.describe(t, "items")
	from, ok := b.source.(source.Resumer)
	if !ok {
		t.Fatal("the source is no source.Resumer")
	}
	var keys []chferry.PrimaryKey
	place, enough := "", errors.New("enough")
	for range 9 {
		err := from.PrimaryKeysBehind(t.Context(), table, place, 1, func(page []chferry.PrimaryKey, end string) error {
			keys, place = append(keys, page...), end
			return enough
		})
		if last := len(keys) == 8; err != nil && !errors.Is(err, enough) || !last && err == nil {
			t.Fatalf("behind %d keys: %v", len(keys), err)
		}
	}
	if want := b.allKeys(t, table); !slices.EqualFunc(keys, want, slices.Equal[chferry.PrimaryKey]) {
		t.Errorf("got %q, want %q", keys, want)
	}
	for _, bad := range []string{"i1", "i1,t61,n", "i1,x", ",", "ix,t61", "secret"} {
		wantCode(t, from.PrimaryKeysBehind(t.Context(), table, bad, 1,
			func([]chferry.PrimaryKey, string) error { return nil }), chferry.CodeInvalid, "items")
	}
}

// TestPagesHoldNothing: an application writes while the caller of PrimaryKeys waits, though readers
// and writers share the file. A row that is written behind the page is read.
func TestPagesHoldNothing(t *testing.T) {
	t.Parallel()
	b := setup(t, "PRAGMA journal_mode = delete")
	b.exec(t, "CREATE TABLE items (id INTEGER PRIMARY KEY); INSERT INTO items VALUES (1), (2), (4)")
	var keys []string
	err := b.source.PrimaryKeys(t.Context(), b.describe(t, "items"), 2, func(page []chferry.PrimaryKey) error {
		if len(keys) == 0 {
			b.exec(t, "INSERT INTO items VALUES (3); DELETE FROM items WHERE id = 2")
		}
		for _, key := range page {
			keys = append(keys, key...)
		}
		return nil
	})
	if err != nil || fmt.Sprint(keys) != "[1 2 3 4]" {
		t.Errorf("got the keys %v, %v", keys, err)
	}
}
