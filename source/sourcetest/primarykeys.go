package sourcetest

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"testing"

	"github.com/chferry/chferry"
	"github.com/chferry/chferry/rowset"
	"github.com/chferry/chferry/source"
)

// allKeys collects all keys and checks the pages' sizes.
func (s *suite) allKeys(t *testing.T, table rowset.Table, pageSize int) []chferry.PrimaryKey {
	t.Helper()
	var keys []chferry.PrimaryKey
	err := s.Source.PrimaryKeys(t.Context(), table, pageSize, func(page []chferry.PrimaryKey) error {
		if len(page) == 0 || len(page) > pageSize {
			t.Errorf("got a page of %d keys, want 1 to %d", len(page), pageSize)
		}
		keys = append(keys, page...)
		return nil
	})
	if err != nil {
		t.Fatalf("read keys of %s: %v", table.Name, err)
	}
	return keys
}

// testPrimaryKeys reads the keys of a table in pages that divide it and that don't, and keeps the pages.
func testPrimaryKeys(t *testing.T, s *suite) {
	const shops, perShop = 5, 40
	columns := []column{{"code", stringType}, {"shop", int64Type}}
	s.create(t, "items", columns, "shop", "code")
	var rows [][]string
	want := map[string]bool{}
	for i := range shops * perShop {
		code, shop := fmt.Sprintf("code,%d", i), strconv.Itoa(i%shops)
		rows = append(rows, []string{code, shop})
		want[fmt.Sprint([]string{shop, code})] = true
	}
	s.insert(t, "items", columns, rows...)
	table := s.describe(t, "items")

	for _, size := range []int{1, 7, shops * perShop, 5000} {
		got := map[string]bool{}
		keys := s.allKeys(t, table, size)
		for _, key := range keys {
			got[fmt.Sprint([]string(key))] = true
		}
		if len(keys) != len(want) || len(got) != len(want) {
			t.Errorf("pages of %d: got %d keys, %d different, want %d", size, len(keys), len(got), len(want))
		}
		for key := range want {
			if !got[key] {
				t.Fatalf("pages of %d: key %s is missing", size, key)
			}
		}
	}
}

// keysInParts collects all keys, ends after each of them and begins again behind it.
func (s *suite) keysInParts(t *testing.T, table rowset.Table) []chferry.PrimaryKey {
	t.Helper()
	from, ok := s.Source.(source.Resumer)
	if !ok {
		t.Fatal("the source is no source.Resumer")
	}
	var keys []chferry.PrimaryKey
	place, enough := "", errors.New("enough")
	for {
		err := from.PrimaryKeysBehind(t.Context(), table, place, 1, func(page []chferry.PrimaryKey, end string) error {
			keys, place = append(keys, page...), end
			return enough
		})
		if err == nil {
			return keys
		}
		if !errors.Is(err, enough) || len(keys) > 1000 {
			t.Fatalf("read keys of %s behind %d of them: %v", table.Name, len(keys), err)
		}
	}
}

// testPrimaryKeysOfEveryKind makes sure that the keys find the rows that they are of.
func testPrimaryKeysOfEveryKind(t *testing.T, s *suite) {
	for i, of := range keySamples {
		if s.Type(of.Type) == "" {
			continue
		}
		table := s.keyed(t, fmt.Sprintf("keys_%d", i), of)
		keys := s.allKeys(t, table, 10)
		if again := s.keysInParts(t, table); !slices.EqualFunc(again, keys, slices.Equal[chferry.PrimaryKey]) {
			t.Errorf("%s: begun again behind each key, got %q, want %q", s.Type(of.Type), again, keys)
		}
		var got []string
		for _, row := range s.fetch(t, table, keys...) {
			if row == nil {
				t.Errorf("%s: a key of %q finds no row", s.Type(of.Type), keys)
				continue
			}
			got = append(got, row[0])
		}
		if want := slices.Sorted(slices.Values(of.stored)); !slices.Equal(slices.Sorted(slices.Values(got)), want) {
			t.Errorf("%s: got rows of keys %q, want %q", s.Type(of.Type), got, want)
		}
	}
}

func testPrimaryKeysOfEmptyTable(t *testing.T, s *suite) {
	s.create(t, "items", itemColumns, "id")
	if got := s.allKeys(t, s.describe(t, "items"), 10); len(got) != 0 {
		t.Errorf("got keys %q, want none", got)
	}
}

func testPrimaryKeysStops(t *testing.T, s *suite) {
	s.create(t, "items", itemColumns, "id")
	s.insert(t, "items", itemColumns, []string{"1", "a"}, []string{"2", "b"}, []string{"3", "c"})
	table := s.describe(t, "items")
	stop, calls := errors.New("enough"), 0

	err := s.Source.PrimaryKeys(t.Context(), table, 1, func([]chferry.PrimaryKey) error {
		calls++
		return stop
	})

	if !errors.Is(err, stop) || calls != 1 {
		t.Errorf("got %v after %d calls, want the caller's error after 1", err, calls)
	}
	if got := s.allKeys(t, table, 10); len(got) != 3 {
		t.Errorf("afterwards got %d keys, want 3", len(got))
	}
}

func testPrimaryKeysCancelled(t *testing.T, s *suite) {
	s.create(t, "items", itemColumns, "id")
	s.insert(t, "items", itemColumns, []string{"1", "a"}, []string{"2", "b"}, []string{"3", "c"})
	table := s.describe(t, "items")
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()

	err := s.Source.PrimaryKeys(ctx, table, 1, func([]chferry.PrimaryKey) error {
		cancel()
		return nil
	})

	if !errors.Is(err, context.Canceled) {
		t.Errorf("got %v, want an error that wraps context.Canceled", err)
	}
}
