package sourcetest

import (
	"fmt"
	"math/big"
	"slices"
	"testing"

	"github.com/chferry/chferry"
	"github.com/chferry/chferry/rowset"
	"github.com/chferry/chferry/source"
)

// orderSamples are keys that other orders than the canonical one would sort otherwise.
var orderSamples = []keySample{
	{Type: rowset.Type{Kind: rowset.Int64}, stored: []string{"-9223372036854775808", "-10", "-9", "0", "9", "10"}},
	{
		Type:   rowset.Type{Kind: rowset.Decimal, Precision: 12, Scale: 2},
		stored: []string{"-10.00", "-9.50", "-0.01", "0.00", "9.10", "10.00", "10.01", "9999999999.99"},
	},
	{Type: stringType, stored: []string{
		"", " ", "-b", "A", "B", "a", "a ", "a b", "a-", "aB", "a\u00e4", "b", "z", "\u00e4", "\ufb01", "\U0001f6a2",
	}},
}

// ascends reports whether value i comes before value j in canonical order.
func ascends(v *rowset.Vector, i, j int) bool {
	if v.Type.Kind != rowset.Decimal {
		return v.Compare(i, v, j) < 0
	}
	before, _ := new(big.Rat).SetString(v.KeyText(i))
	after, _ := new(big.Rat).SetString(v.KeyText(j))
	return before.Cmp(after) < 0
}

// testScanOrderedKeys compares the order of rows with what the description says of it.
func testScanOrderedKeys(t *testing.T, s *suite) {
	for i, of := range append(slices.Clone(keySamples), orderSamples...) {
		if s.Type(of.Type) == "" {
			continue
		}
		table := s.keyed(t, fmt.Sprintf("keys_%d", i), of)
		key := table.PrimaryKey[0]
		for _, c := range table.Columns[:key] {
			if c.Ordered {
				t.Errorf("column %s is ordered, and not in the key", c.Name)
			}
		}
		if !table.Columns[key].Ordered {
			if of.Kind == rowset.Int64 || of.Kind == rowset.Decimal {
				t.Errorf("keys of %s are not ordered", s.Type(of.Type))
			}
			continue
		}
		page, err := ranger(t, s.Source).Scan(t.Context(), table, source.Scan{})
		if err != nil || page.Rows.Rows() != len(of.stored) {
			t.Fatalf("got %d rows, %v, want %d", page.Rows.Rows(), err, len(of.stored))
		}
		v := &page.Vectors[key]
		for row := 1; row < v.Len(); row++ {
			if !ascends(v, row-1, row) {
				t.Errorf("%s: %q comes before %q", s.Type(of.Type), v.KeyText(row-1), v.KeyText(row))
			}
		}
	}
}

// testKeyOfPlaces reads keys out of places.
func testKeyOfPlaces(t *testing.T, s *suite) {
	from := ranger(t, s.Source)
	table, _ := s.composites(t)
	page, err := from.Scan(t.Context(), table, source.Scan{Rows: 7})
	if err != nil {
		t.Fatal(err)
	}
	key, err := from.KeyOf(table, page.Last)
	if err != nil || key.Rows() != 1 || len(key.Vectors) != len(table.PrimaryKey) {
		t.Fatalf("got %d rows of %d columns, %v", key.Rows(), len(key.Vectors), err)
	}
	for i, c := range table.PrimaryKey {
		if key.Columns[i] != table.Columns[c] || key.Vectors[i].Compare(0, &page.Vectors[c], page.Rows.Rows()-1) != 0 {
			t.Errorf("column %s of the place is not that of the last row", table.Columns[c].Name)
		}
	}
	_, err = from.KeyOf(table, "no place")
	wantCode(t, err, chferry.CodeInvalid)
	for i, of := range keySamples {
		if s.Type(of.Type) == "" {
			continue
		}
		table := s.keyed(t, fmt.Sprintf("keys_%d", i), of)
		for rows := range len(of.stored) {
			page, err := from.Scan(t.Context(), table, source.Scan{Rows: rows + 1})
			if err != nil {
				t.Fatal(err)
			}
			key, err := from.KeyOf(table, page.Last)
			if err != nil || key.Vectors[0].Compare(0, &page.Vectors[table.PrimaryKey[0]], rows) != 0 {
				t.Errorf("%s: the place of row %d has another key, %v", s.Type(of.Type), rows, err)
			}
		}
	}
}
