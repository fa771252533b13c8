package sourcetest

import (
	"fmt"
	"slices"
	"testing"

	"github.com/chferry/chferry"
	"github.com/chferry/chferry/rowset"
)

// testReadKeys: a key in any notation is read as the key that finds its row, and a text that is
// none does not keep others from being read.
func testReadKeys(t *testing.T, s *suite) {
	for i, of := range keySamples {
		if s.Type(of.Type) == "" || of.read == nil {
			continue
		}
		table := s.keyed(t, fmt.Sprintf("keys_%d", i), of)
		var pks []chferry.PrimaryKey
		var want []string
		for notation, key := range of.read {
			pks, want = append(pks, chferry.PrimaryKey{notation}), append(want, key)
		}
		for _, text := range of.unread {
			pks, want = append(pks, chferry.PrimaryKey{text}), append(want, "")
		}
		for _, text := range of.cut {
			pks, want = append(pks, chferry.PrimaryKey{text}), append(want, "cut")
		}
		read, err := s.Source.ReadKeys(t.Context(), table, pks)
		if err != nil || len(read) != len(pks) {
			t.Fatalf("%s: read %d keys of %d, %v", s.Type(of.Type), len(read), len(pks), err)
		}
		for n, pk := range pks {
			if want[n] == "cut" && (read[n].Key != nil || !read[n].Cut) {
				t.Errorf("%s: %q is read as %+v, want it cut", s.Type(of.Type), pk, read[n])
			}
			if n >= len(of.read) {
				key := []rowset.Vector{{Type: of.Type}} // the database may read a number that the column can't hold
				if read[n].Key != nil && rowset.AppendPrimaryKey(key, read[n].Key) == nil || read[n].Unreadable != 0 {
					t.Errorf("%s: %q is read as %q", s.Type(of.Type), pk, read[n].Key)
				}
				continue
			}
			if read[n].Key == nil {
				t.Errorf("%s: %q is not read", s.Type(of.Type), pk)
				continue
			}
			row := s.fetch(t, table, read[n].Key)[0]
			if !slices.Equal(row, []string{want[n], "text of " + want[n]}) {
				t.Errorf("%s: %q is read as %q, whose row is %q", s.Type(of.Type), pk, read[n].Key, row)
			}
		}
	}
}

// testReadCompositeKeys says which value of a key can't be read, and reads no keys.
func testReadCompositeKeys(t *testing.T, s *suite) {
	columns := []column{
		{"note", nullable(stringType)},
		{"shop", int64Type},
		{"day", rowset.Type{Kind: rowset.Date}},
		{"code", stringType},
	}
	s.create(t, "orders", columns, "code", "shop", "day")
	s.insert(t, "orders", columns, []string{"first", "1", "2024-01-01", ""})
	table := s.describe(t, "orders")

	read, err := s.Source.ReadKeys(t.Context(), table, []chferry.PrimaryKey{
		{"", "01", "2024-01-01T00:00:00Z"},
		{"", "one", "2024-01-01"},
		{"", "1", "today"},
		{"\xff", "x", "x"},
		{"", " 1", "2024-01-01"},
	})
	if err != nil || len(read) != 5 {
		t.Fatalf("read %d keys, %v", len(read), err)
	}
	for i, unreadable := range map[int]int{1: 1, 2: 2, 3: 0} {
		if read[i].Key != nil || read[i].Unreadable != unreadable {
			t.Errorf("key %d: got %+v, want value %d not to be read", i, read[i], unreadable)
		}
	}
	for _, i := range []int{0, 4} {
		if read[i].Key == nil {
			t.Errorf("key %d is not read", i)
		} else if row := s.fetch(t, table, read[i].Key)[0]; !slices.Equal(row,
			[]string{"first", "1", "2024-01-01", ""}) {
			t.Errorf("key %d is read as %q, whose row is %q", i, read[i].Key, row)
		}
	}
	if read, err := s.Source.ReadKeys(t.Context(), table, nil); err != nil || len(read) != 0 {
		t.Errorf("of no keys %d were read, %v", len(read), err)
	}
}
