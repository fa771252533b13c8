package sourcetest

import (
	"fmt"
	"slices"
	"testing"

	"github.com/chferry/chferry"
	"github.com/chferry/chferry/rowset"
)

// keySample is a type of a key, with stored values, other notations of them, and values that are not stored.
type keySample struct {
	rowset.Type
	stored []string
	same   map[string]string
	absent []string
	// read are notations that the source is asked to read, and unread are texts that it can't read.
	read   map[string]string
	unread []string
	// cut are texts that have more digits than the type.
	cut []string
}

var keySamples = []keySample{
	{
		Type: rowset.Type{Kind: rowset.Bool}, stored: []string{"true"},
		same: map[string]string{"t": "true", "1": "true", "YES": "true"}, absent: []string{"false", "0"},
		read: map[string]string{"true": "true", " t ": "true"}, unread: []string{"", "2", "truth"},
	},
	{
		Type: rowset.Type{Kind: rowset.Int16}, stored: []string{"1", "-32768", "32767"},
		same: map[string]string{"01": "1", "+1": "1"}, absent: []string{"2"},
	},
	{
		Type: rowset.Type{Kind: rowset.Int32}, stored: []string{"1", "-2147483648", "2147483647"},
		same: map[string]string{"01": "1", " 1 ": "1"}, absent: []string{"0"},
	},
	{
		Type: rowset.Type{Kind: rowset.Int64}, stored: []string{"1", "-9223372036854775808", "9223372036854775807"},
		same: map[string]string{"01": "1", "+1": "1", "0000000000000000000000001": "1"}, absent: []string{"0", "-1"},
		read:   map[string]string{"1": "1", "\t01 ": "1", "9223372036854775807": "9223372036854775807"},
		unread: []string{"", "x", "1.5", "1 2", "DELETE 2", "9223372036854775808", "1\x00", "0x"},
	},
	{
		Type: rowset.Type{Kind: rowset.Uint8}, stored: []string{"0", "255"},
		same: map[string]string{"00": "0"}, absent: []string{"1"},
	},
	{
		Type: rowset.Type{Kind: rowset.Uint64}, stored: []string{"0", "18446744073709551615"},
		same:   map[string]string{"018446744073709551615": "18446744073709551615"},
		absent: []string{"9223372036854775808"},
	},
	{
		Type:   rowset.Type{Kind: rowset.Decimal, Precision: 12, Scale: 2},
		stored: []string{"1.00", "-2.50", "9999999999.99", "0.00"},
		same: map[string]string{
			"1": "1.00", "1.0": "1.00", "01.000": "1.00", "+1.": "1.00", "-2.5": "-2.50",
			"-0": "0.00", ".00": "0.00",
		}, absent: []string{"1.01", "2.5"},
		read:   map[string]string{"1e0": "1.00", " 100e-2 ": "1.00", "-25E-1": "-2.50", "1.00": "1.00"},
		unread: []string{"", "x", "1e10", "1e", "1,5"}, cut: []string{"1.001", " 100.5e-2"},
	},
	{
		Type: rowset.Type{Kind: rowset.String},
		stored: []string{
			"", "a", "A", "a ", " a", "01", "é", "e\u0301", "O'Reilly", `{"a",b}`, "NULL", "%_\\",
			"new\nline", "日本語", "🚢",
		},
		absent: []string{"b", "1", "É", "null", "a\t", " "},
		read:   map[string]string{"": "", "a ": "a ", "01": "01"}, unread: []string{"\xff", "a\x00"},
	},
	{
		Type: rowset.Type{Kind: rowset.UUID}, stored: []string{"0f2e4d6c-8ba9-1c3e-5f70-8192a3b4c5d6"},
		same: map[string]string{
			"0F2E4D6C-8BA9-1C3E-5F70-8192A3B4C5D6":   "0f2e4d6c-8ba9-1c3e-5f70-8192a3b4c5d6",
			"0f2e4d6c8ba91c3e5f708192a3b4c5d6":       "0f2e4d6c-8ba9-1c3e-5f70-8192a3b4c5d6",
			"{0f2e4d6c-8ba9-1c3e-5f70-8192a3b4c5d6}": "0f2e4d6c-8ba9-1c3e-5f70-8192a3b4c5d6",
		},
		absent: []string{"00000000-0000-0000-0000-000000000000"},
		read: map[string]string{
			"0F2E4D6C-8BA9-1C3E-5F70-8192A3B4C5D6":    "0f2e4d6c-8ba9-1c3e-5f70-8192a3b4c5d6",
			"0f2e-4d6c-8ba9-1c3e-5f70-8192-a3b4-c5d6": "0f2e4d6c-8ba9-1c3e-5f70-8192a3b4c5d6",
		},
		unread: []string{"", "0f2e4d6c", "user 7"},
	},
	{
		Type: rowset.Type{Kind: rowset.Date}, stored: []string{"2024-02-29", "1969-12-31", "9999-12-31", "1000-01-01"},
		same: map[string]string{" 2024-02-29 ": "2024-02-29"}, absent: []string{"2024-03-01", "0001-01-01"},
		read: map[string]string{
			"2024-02-29T00:00:00.000Z": "2024-02-29", "2024-02-29 00:00:00": "2024-02-29",
			"9999-12-31": "9999-12-31",
		},
		unread: []string{"", "now", "today", "2024-02-30", "x"},
		cut:    []string{"2024-02-29T23:00:00Z", "2024-02-29 00:01"},
	},
	{
		Type:   rowset.Type{Kind: rowset.Timestamp},
		stored: []string{"2024-02-29 12:00:00", "1969-12-31 23:59:59.999999", "9999-12-31 23:59:59.999999"},
		same: map[string]string{
			"2024-02-29T12:00:00Z": "2024-02-29 12:00:00", "2024-02-29 12:00:00+00": "2024-02-29 12:00:00",
			"2024-02-29 13:30:00.000+01:30": "2024-02-29 12:00:00",
		},
		absent: []string{"2024-02-29 12:00:00.000001", "2024-02-29", "0001-01-01 00:00:00"},
		read: map[string]string{
			"2024-02-29T12:00Z": "2024-02-29 12:00:00", "2024-02-29T17:30+05:30": "2024-02-29 12:00:00",
			"2024-02-29 12:00:00 +0000": "2024-02-29 12:00:00", " 2024-02-29 12:00 ": "2024-02-29 12:00:00",
			"9999-12-31 23:59:59.999999":    "9999-12-31 23:59:59.999999",
			"2024-02-29T11:00:00.000-01:00": "2024-02-29 12:00:00",
		},
		unread: []string{"", "now", "TOMORROW", "yesterday 12:00", "2024-02-29 25:00", "x"},
		cut: []string{
			"2024-02-29 12:00:00.0000001", "2024-02-29T13:00:00.0000000001+01", "1969-12-31 23:59:59.9999985Z",
		},
	},
}

// testTypedKeys finds rows by other notations of their keys, and no rows by keys that only look like theirs.
func testTypedKeys(t *testing.T, s *suite) {
	for i, of := range keySamples {
		if s.Type(of.Type) == "" {
			continue
		}
		name := fmt.Sprintf("keys_%d", i)
		table := s.keyed(t, name, of)
		pks, want := []chferry.PrimaryKey{}, []string{}
		for _, key := range of.stored {
			pks, want = append(pks, chferry.PrimaryKey{key}), append(want, key)
		}
		for _, key := range of.absent {
			pks, want = append(pks, chferry.PrimaryKey{key}), append(want, null)
		}
		for n, row := range s.fetch(t, table, pks...) {
			s.wantKeyed(t, of, pks[n], row, want[n])
		}
		for notation, key := range of.same {
			pk := chferry.PrimaryKey{notation}
			s.wantKeyed(t, of, pk, s.fetch(t, table, pk)[0], key)
		}
	}
}

// keyed creates a table with the sample's stored keys, each with itself as text.
func (s *suite) keyed(t *testing.T, name string, of keySample) rowset.Table {
	t.Helper()
	columns := []column{{"key", of.Type}, {"text", stringType}}
	s.create(t, name, columns, "key")
	for _, key := range of.stored {
		s.insert(t, name, columns, []string{key, "text of " + key})
	}
	return s.describe(t, name)
}

func (s *suite) wantKeyed(t *testing.T, of keySample, pk chferry.PrimaryKey, row []string, key string) {
	t.Helper()
	var want []string
	if key != null {
		want = []string{key, "text of " + key}
	}
	if !slices.Equal(row, want) {
		t.Errorf("%s: key %q: got %q, want %q", s.Type(of.Type), pk, row, want)
	}
}

// testCompositeKeys makes sure that the parts of a key belong together.
func testCompositeKeys(t *testing.T, s *suite) {
	columns := []column{
		{"note", nullable(stringType)},
		{"shop", int64Type},
		{"day", rowset.Type{Kind: rowset.Date}},
		{"code", stringType},
	}
	s.create(t, "orders", columns, "code", "shop", "day")
	s.insert(t, "orders", columns,
		[]string{"first", "1", "2024-01-01", "a"}, []string{"second", "1", "2024-01-02", "a"},
		[]string{"third", "2", "2024-01-01", "a,b"})
	table := s.describe(t, "orders")

	got := s.fetch(t, table,
		chferry.PrimaryKey{"a,b", "2", "2024-01-01"}, chferry.PrimaryKey{"a", "2", "2024-01-01"},
		chferry.PrimaryKey{"a", "01", "2024-01-02"}, chferry.PrimaryKey{"a", "1", "2024-01-01"})

	want := [][]string{
		{"third", "2", "2024-01-01", "a,b"},
		nil,
		{"second", "1", "2024-01-02", "a"},
		{"first", "1", "2024-01-01", "a"},
	}
	if !slices.EqualFunc(got, want, slices.Equal[[]string]) {
		t.Errorf("got %q, want %q", got, want)
	}
}

var names = []string{
	"select", "Capital", "two words", "dot.ted", `dou"ble`, "sin'gle", "back`tick", "semi;colon", "--dash", "(paren)",
	"$1", "?", "%s", "ünï", `ba\ck`, "1st",
}

// testNames gives tables and columns names that must be quoted.
func testNames(t *testing.T, s *suite) {
	for _, name := range names {
		columns := []column{{name, int64Type}, {name + " 2", stringType}}
		s.create(t, name, columns, name)
		s.insert(t, name, columns, []string{"7", "seven"})
		table := s.describe(t, name)
		if got, want := s.fetch(t, table, chferry.PrimaryKey{"7"})[0],
			[]string{"7", "seven"}; !slices.Equal(got, want) {
			t.Errorf("table %s: got %q, want %q", name, got, want)
		}
		if got, want := len(s.allKeys(t, table, 10)), 1; got != want {
			t.Errorf("table %s: got %d keys, want %d", name, got, want)
		}
	}
}
