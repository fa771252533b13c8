package clickhouse_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"unicode"

	"github.com/chferry/chferry/engine"
	"github.com/chferry/chferry/rowset"
	"github.com/chferry/chferry/sink"
	"github.com/chferry/chferry/sink/clickhouse"
)

// folding is a table whose key has a text that folds and a number, with rows of some versions.
func folding(t *testing.T, s *server) sink.Destination {
	t.Helper()
	d := sink.Destination{
		Table: "folding", Engine: engine.Replacing{}, Key: []string{"id", "shop"}, OrderBy: []string{"shop", "id"},
		Columns: []rowset.Column{
			{Name: "id", Destination: "id", Type: rowset.Type{Kind: rowset.String}, Folds: true},
			{Name: "shop", Destination: "shop", Type: rowset.Type{Kind: rowset.Int32}},
			{Destination: "_version", Type: rowset.Type{Kind: rowset.Uint64}},
			{Destination: "_is_deleted", Type: rowset.Type{Kind: rowset.Uint8}},
		},
	}
	statements, err := s.Missing(t.Context(), d)
	if err == nil {
		err = s.Create(t.Context(), statements)
	}
	if err != nil {
		t.Fatal(err)
	}
	return d
}

// keysOf are keys of one shop.
func keysOf(d sink.Destination, shop int64, ids ...string) rowset.Block {
	b := rowset.NewBlock(d.Columns[:2])
	for _, id := range ids {
		b.Vectors[0].AppendData([]byte(id))
		b.Vectors[1].AppendInt(shop)
	}
	return b
}

func (s *server) found(t *testing.T, d sink.Destination, keys rowset.Block, before uint64) []string {
	t.Helper()
	found, err := s.Current(t.Context(), d, keys, before)
	if err != nil {
		t.Fatal(err)
	}
	var ids []string
	for row := range found.Rows() {
		ids = append(ids, fmt.Sprintf("%d%s", found.Vectors[0].Ints[row], found.Vectors[1].At(row)))
	}
	slices.Sort(ids)
	return ids
}

// TestCurrent: rows are found by their keys in other letters, but for those that are deleted, of
// another shop, or too new.
func TestCurrent(t *testing.T) {
	onServers(t, func(t *testing.T, s *server) {
		d := folding(t, s)
		table, err := clickhouse.TableSQL("folding", s.database)
		if err != nil {
			t.Fatal(err)
		}
		s.exec(t, "INSERT INTO "+table+
			` SELECT r.1, r.2, r.3, r.4 FROM (SELECT arrayJoin([('Ann', 1, 1, 0), ('ann', 1, 1, 0), ('ann', 1, 2, 1),
			('ANN', 1, 2, 1), ('ANN', 1, 3, 0), ('aNN', 1, 5, 0), ('anN', 1, 2, 0), ('anN', 1, 7, 1), ('Ann', 2, 1, 0),
			('Bob', 1, 1, 0), ('', 1, 1, 0), ('Zoë', 1, 1, 0), ('\'\\a\tb', 1, 1, 0)]) AS r)`)
		for _, test := range []struct {
			keys   rowset.Block
			before uint64
			want   string
		}{
			{keysOf(d, 1, "ann"), 5, "1ANN 1Ann"},
			{keysOf(d, 1, "ann"), 3, "1Ann"},
			{keysOf(d, 1, "ann"), 6, "1ANN 1Ann 1aNN"},
			{keysOf(d, 2, "ANN", "bob", ""), 9, "2Ann"},
			{keysOf(d, 1, "", "BOB"), 9, "1 1Bob"},
			{keysOf(d, 1, `'\A`+"\tB", "ZOË"), 9, "1'\\a\tb 1Zoë"},
			{keysOf(d, 3, "ann"), 9, ""},
			{keysOf(d, 1), 9, ""},
		} {
			if got := strings.Join(s.found(t, d, test.keys, test.before), " "); got != test.want {
				t.Errorf("keys %q before %d: got %q, want %q", test.keys.Vectors[0].Data, test.before, got, test.want)
			}
		}
	})
}

// TestCurrentOfEveryLetter: whatever letters a source takes for the same, with the rules of any
// language, their rows are found.
func TestCurrentOfEveryLetter(t *testing.T) {
	onServers(t, func(t *testing.T, s *server) {
		d := folding(t, s)
		others := map[string]string{
			"I": "ı", "İ": "i", "i": "İ", "ΟΔΟΣ": "οδος", "J́": "j̇́", "İx": "i̇x", "Ì": "i̇̀",
			"Íris": "i̇́ris", "Ĩ": "i̇̃", "i̇̀": "Ì", "Į": "į̇",
		}
		for r := rune(1); r <= unicode.MaxRune; r++ {
			if lower := unicode.ToLower(r); lower != r {
				others["<"+string(r)+">"] = "<" + string(lower) + ">"
			}
		}
		table, err := clickhouse.TableSQL("folding", s.database)
		if err != nil {
			t.Fatal(err)
		}
		var rows, ids []string
		for stored, asked := range others {
			rows, ids = append(rows, "'"+stored+"'"), append(ids, asked)
		}
		s.exec(t, "INSERT INTO "+table+" SELECT id, 1, 1, 0 FROM (SELECT arrayJoin(["+strings.Join(rows, ", ")+
			"]) AS id)")
		got := s.found(t, d, keysOf(d, 1, ids...), 2)
		for stored, asked := range others {
			if _, found := slices.BinarySearch(got, "1"+stored); !found {
				t.Errorf("%q is not found by %q", stored, asked)
			}
		}
	})
}

// TestCurrentOfManyKeys: the keys of a whole block are more than a query's usual text.
func TestCurrentOfManyKeys(t *testing.T) {
	onServers(t, func(t *testing.T, s *server) {
		d := folding(t, s)
		table, err := clickhouse.TableSQL("folding", s.database)
		if err != nil {
			t.Fatal(err)
		}
		const n, long = 25_000, 40
		s.exec(t, fmt.Sprintf("INSERT INTO %s SELECT concat('Key', toString(number), '%s'), 1, 1, 0 FROM "+
			"system.numbers LIMIT %d", table, strings.Repeat("X", long), n))
		ids := make([]string, n)
		for i := range ids {
			ids[i] = fmt.Sprintf("kEY%d%s", i, strings.Repeat("x", long))
		}
		if got := s.found(t, d, keysOf(d, 1, ids...), 2); len(got) != n {
			t.Errorf("got %d rows, want %d", len(got), n)
		}
	})
}
