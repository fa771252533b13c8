package sqlite_test

import (
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/chferry/chferry"
	"github.com/chferry/chferry/rowset"
	"github.com/chferry/chferry/source/sourcetest"
)

// found returns which of pks have a row.
func (b bundle) found(t testing.TB, table rowset.Table, pks ...chferry.PrimaryKey) []bool {
	t.Helper()
	found := make([]bool, len(pks))
	for _, k := range b.fetch(t, table, pks...).Key {
		found[k] = true
	}
	return found
}

// keyCase is a column of a key and the expressions that are stored there, each with the key that
// finds it, which is the one that PrimaryKeys gives. An empty key stands for one that no operation
// can name.
type keyCase struct {
	column string
	stored [][2]string
	absent []string
}

var keyCases = []keyCase{
	{"BOOLEAN", [][2]string{{"1", "true"}, {"0", "false"}, {"2", ""}, {"'yes'", ""}}, nil},
	{"INT", [][2]string{
		{"9007199254740993", "9007199254740993"},
		{"-9223372036854775808", "-9223372036854775808"},
		{"9223372036854775807", "9223372036854775807"},
		{"' 12 '", "12"},
		{"1.5", ""},
		{"9223372036854775808", ""},
		{"'x'", ""},
		{"x'31'", ""},
		{"NULL", ""},
		{"char(160) || '7'", ""},
	}, []string{"9007199254740992", "1", "7"}},
	{"DECIMAL(15,2)", [][2]string{
		{"1", "1.00"},
		{"-2.5", "-2.50"},
		{"9999999999999.99", "9999999999999.99"},
		{"0.1 + 0.2", ""},
		{"0.125", ""},
	}, []string{"0.3", "9999999999999.98"}},
	{"TEXT", [][2]string{
		{"1", "1"},
		{"'01'", "01"},
		{"1.0", "1.0"},
		{"'a '", "a "},
		{"'A'", "A"},
		{"x'61'", ""},
		{"'a' || char(0)", ""},
		{"CAST(x'ff' AS TEXT)", ""},
	}, []string{"a", "001"}},
	{"UUID", [][2]string{
		{"'0f2e4d6c-8ba9-1c3e-5f70-8192a3b4c5d6'", "0f2e4d6c-8ba9-1c3e-5f70-8192a3b4c5d6"},
		{"'1F2E4D6C-8BA9-1C3E-5F70-8192A3B4C5D6'", "1f2e4d6c-8ba9-1c3e-5f70-8192a3b4c5d6"},
		{"'2f2e4d6c8ba91c3e5f708192a3b4c5d6'", "2f2e4d6c-8ba9-1c3e-5f70-8192a3b4c5d6"},
		{"'3F2E4D6C8BA91C3E5F708192A3B4C5D6'", "3f2e4d6c-8ba9-1c3e-5f70-8192a3b4c5d6"},
		{"x'4f2e4d6c8ba91c3e5f708192a3b4c5d6'", "4f2e4d6c-8ba9-1c3e-5f70-8192a3b4c5d6"},
		{"'{5f2e4d6c-8ba9-1c3e-5f70-8192a3b4c5d6}'", ""},
		{"'6f2E4d6c-8ba9-1c3e-5f70-8192a3b4c5d6'", ""},
	}, []string{"00000000-0000-0000-0000-000000000000", "12345678901234567890123456789012"}},
	{"DATE", [][2]string{
		{"'2024-02-29'", "2024-02-29"},
		{"'2024-03-01 00:00:00'", ""},
		{"' 2024-03-02'", ""},
		{"19782", ""},
	}, []string{"2024-03-03"}},
	{"DATETIME", [][2]string{
		{"'2024-02-29 12:00:00'", "2024-02-29 12:00:00"},
		{"'2024-02-29 12:00:01.000'", "2024-02-29 12:00:01"},
		{"'2024-02-29T12:00:02.120Z'", "2024-02-29 12:00:02.12"},
		{"'2024-02-29T12:00:03.120+00:00'", "2024-02-29 12:00:03.12"},
		{"'2024-02-29 12:00:04.120000'", "2024-02-29 12:00:04.12"},
		{"'2024-02-29 12:00:05.123456Z'", "2024-02-29 12:00:05.123456"},
		{"1709208006", "2024-02-29 12:00:06"},
		{"'2024-02-29T12:00:07.5'", "2024-02-29 12:00:07.5"},
		{"'2024-02-29 12:00:08+01:00'", ""},
		{"'2024-02-29'", ""},
		{"'2024-02-29 12:00:09.1234567'", ""},
		{"1709208006789", ""},
	}, []string{
		"2024-02-29 12:00:09.123456", "2024-02-29 13:00:00", "0000-01-01 00:00:00+23:59",
		"9999-12-31 23:59:59-23:59",
	}},
}

// TestKeyForms finds each row by the key that is given for it, and sets aside what could not be found.
func TestKeyForms(t *testing.T) {
	t.Parallel()
	for _, of := range keyCases {
		for name, key := range map[string]string{"alone": "PRIMARY KEY (id)", "composite": "PRIMARY KEY (shop, id)"} {
			t.Run(of.column+" "+name, func(t *testing.T) {
				t.Parallel()
				b := setup(t)
				b.exec(t, "CREATE TABLE items (n INTEGER, shop UUID, id "+of.column+", "+key+")")
				var known, absent []chferry.PrimaryKey
				parts := func(id string) chferry.PrimaryKey {
					if name == "alone" {
						return chferry.PrimaryKey{id}
					}
					return chferry.PrimaryKey{"0f2e4d6c-8ba9-1c3e-5f70-8192a3b4c5d6", id}
				}
				unnamed := 0
				for n, stored := range of.stored {
					b.exec(t, fmt.Sprintf("INSERT INTO items VALUES (%d, x'0f2e4d6c8ba91c3e5f708192a3b4c5d6', %s)",
						n, stored[0]))
					if stored[1] != "" {
						known = append(known, parts(stored[1]))
					} else {
						unnamed++
					}
				}
				for _, id := range of.absent {
					absent = append(absent, parts(id))
				}
				table := b.describe(t, "items")
				if got := b.found(t, table, append(absent, known...)...); slices.Contains(got[:len(absent)], true) ||
					slices.Contains(got[len(absent):], false) {
					t.Errorf("found %v, want none of %q and all of %q", got, absent, known)
				}
				b.wantKeys(t, table, known, unnamed)
			})
		}
	}
}

// TestManyForms asks for keys of so many forms that one list can't have them all.
func TestManyForms(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.exec(t, "CREATE TABLE items (device UUID, at DATETIME, PRIMARY KEY (device, at))")
	b.exec(t, `WITH RECURSIVE g(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM g WHERE i < 560)
		INSERT INTO items SELECT '0f2e4d6c-8ba9-1c3e-5f70-8192a3b4c5d6', strftime('%Y-%m-%dT%H:%M:%fZ', i, 'unixepoch')
		FROM g`)
	var pks []chferry.PrimaryKey
	for second := range 561 {
		pks = append(pks, chferry.PrimaryKey{
			"0f2e4d6c-8ba9-1c3e-5f70-8192a3b4c5d6",
			time.Unix(int64(second), 0).UTC().Format(time.DateTime),
		})
	}
	if got := b.found(t, b.describe(t, "items"), pks...); got[0] || slices.Contains(got[1:], false) {
		t.Errorf("found %v, want all but the first", got)
	}
}

// wantKeys makes sure that PrimaryKeys gives the keys that are known, and for each other row one that can't be read.
func (b bundle) wantKeys(t *testing.T, table rowset.Table, known []chferry.PrimaryKey, unnamed int) {
	t.Helper()
	var got []string
	for _, key := range b.allKeys(t, table) {
		if err := rowset.AppendPrimaryKey(keysOf(t, table), key); err != nil {
			unnamed--
			if err := key.Validate(); err != nil {
				t.Errorf("key %q can't be registered, so that nobody is told of it: %v", key, err)
			}
			continue
		}
		got = append(got, fmt.Sprint([]string(key)))
	}
	var want []string
	for _, key := range known {
		want = append(want, fmt.Sprint([]string(key)))
	}
	slices.Sort(got)
	slices.Sort(want)
	if !slices.Equal(got, want) || unnamed != 0 {
		t.Errorf("got keys %q, want %q; %d keys that can't be read are missing", got, want, unnamed)
	}
}

// TestAnyTextIsAKey stores texts by the driver's own parameters and finds each of them.
func TestAnyTextIsAKey(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.exec(t, "CREATE TABLE items (id TEXT PRIMARY KEY, part TEXT NOT NULL)")
	single, composite := b.describe(t, "items"), b.describe(t, "items", "part", "id")
	rapid.Check(t, func(rt *rapid.T) {
		plain := rapid.String().Filter(func(s string) bool { return !strings.Contains(s, "\x00") })
		texts := rapid.SliceOfNDistinct(plain, 1, 20, rapid.ID).Draw(rt, "texts")
		defer b.exec(t, "DELETE FROM items")
		var pks, pairs []chferry.PrimaryKey
		for _, text := range texts {
			b.exec(t, "INSERT INTO items VALUES (?, ?)", text, text)
			pks, pairs = append(pks, chferry.PrimaryKey{text}), append(pairs, chferry.PrimaryKey{text, text})
		}
		for _, rows := range []rowset.Rows{b.fetch(t, single, pks...), b.fetch(t, composite, pairs...)} {
			if rows.Rows() != len(texts) {
				rt.Fatalf("got %d rows, want %d", rows.Rows(), len(texts))
			}
			for r, k := range rows.Key {
				if got, want := string(rows.Vectors[0].At(r)), texts[k]; got != want {
					rt.Errorf("got %q, want %q", got, want)
				}
			}
		}
	})
}

// TestChangedColumns changes a column after its table was described.
func TestChangedColumns(t *testing.T) {
	t.Parallel()
	for changed, want := range map[string]chferry.Code{
		"id INTEGER PRIMARY KEY, n BIGINT":                      "",
		"id INTEGER PRIMARY KEY, n INT, more TEXT":              "",
		"id INTEGER PRIMARY KEY, n TEXT":                        chferry.CodeSchemaMismatch,
		"id INTEGER PRIMARY KEY, n INT NOT NULL":                chferry.CodeSchemaMismatch,
		"id INTEGER PRIMARY KEY, m INT":                         chferry.CodeUnavailable,
		"id INTEGER, n INT, PRIMARY KEY (n, id)":                chferry.CodeSourceChanged,
		"id INTEGER, n INT NOT NULL DEFAULT 1, PRIMARY KEY (n)": chferry.CodeSourceChanged,
	} {
		b := setup(t)
		b.exec(t, "CREATE TABLE items (id INTEGER PRIMARY KEY, n INT); INSERT INTO items VALUES (1, 1)")
		table := b.describe(t, "items")
		b.exec(t, "DROP TABLE items; CREATE TABLE items ("+changed+")")
		keys := b.source.PrimaryKeys(t.Context(), table, 10, func([]chferry.PrimaryKey) error { return nil })
		for _, err := range []error{b.fetchErr(t, table), keys} {
			if want == "" && err != nil {
				t.Errorf("%s: %v", changed, err)
			} else if want != "" {
				wantCode(t, err, want, "items")
			}
		}
		if want != chferry.CodeSourceChanged {
			if err := b.fetchErr(t, b.describe(t, "items")); err != nil {
				t.Errorf("%s: described anew: %v", changed, err)
			}
		}
	}
}

// TestSeveralRowsWithOneKey: also where they name it in different forms.
func TestSeveralRowsWithOneKey(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.exec(t, "CREATE TABLE items (id INTEGER PRIMARY KEY, at DATETIME NOT NULL); INSERT INTO items VALUES (1, "+
		"'2024-02-29 12:00:00'), (2, 1709208000), (3, 0)")
	rows := b.fetch(t, b.describe(t, "items", "at"), chferry.PrimaryKey{"1970-01-01 00:00:00"},
		chferry.PrimaryKey{"2024-02-29 12:00:00"})
	if len(rows.Key) != 1 || rows.Rows() != 1 || rows.Key[0] != 0 || len(rows.Unfit) != 1 || rows.Unfit[0].Key != 1 {
		t.Fatalf("got rows of the keys %v and unfit %v, want 0 and 1", rows.Key, rows.Unfit)
	}
}

// TestTextsOfTimesStayAsTheyAre: the driver makes times of texts in columns of some declared types,
// unless told otherwise.
func TestTextsOfTimesStayAsTheyAre(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.exec(t, "CREATE TABLE items (id INTEGER PRIMARY KEY, day DATE, at TIMESTAMP); INSERT INTO items VALUES (1, "+
		"'2024-02-29', '2024-02-29 12:00:00.123456+01:00')")
	rows := b.fetch(t, b.describe(t, "items"), chferry.PrimaryKey{"1"})
	for c, want := range []string{"1", "2024-02-29", "2024-02-29 11:00:00.123456"} {
		if got := sourcetest.Text(&rows.Vectors[c], 0); got != want {
			t.Errorf("column %d: got %s, want %s", c, got, want)
		}
	}
}

// TestAtTheSameTime reads from more goroutines than there are connections, while the application writes.
func TestAtTheSameTime(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.exec(t, "CREATE TABLE items (id INTEGER PRIMARY KEY, a INT, b INT)")
	b.exec(t, "WITH RECURSIVE g(i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM g WHERE i < 999) INSERT INTO items SELECT "+
		"i, 0, 0 FROM g")
	table := b.describe(t, "items")
	var readers, writer sync.WaitGroup
	done := make(chan struct{})
	writer.Go(func() {
		for {
			select {
			case <-done:
				return
			default:
				b.exec(t, "UPDATE items SET a = a + 1, b = b + 1")
			}
		}
	})
	for g := range 12 {
		readers.Go(func() {
			for n := range 20 {
				rows := b.fetch(t, table, chferry.PrimaryKey{fmt.Sprint(g * 10)},
					chferry.PrimaryKey{fmt.Sprint(900 + n)})
				if rows.Rows() != 2 {
					t.Errorf("got %d rows, want 2", rows.Rows())
					continue
				}
				if x, y := rows.Vectors[1].Ints, rows.Vectors[2].Ints; x[0] != y[1] || x[1] != y[0] {
					t.Errorf("got the values %v and %v of several states, want one state's", x, y)
				}
			}
		})
	}
	readers.Wait()
	close(done)
	writer.Wait()
}
