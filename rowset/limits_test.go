package rowset_test

import (
	"strings"
	"testing"

	"github.com/chferry/chferry"
	"github.com/chferry/chferry/rowset"
)

// TestLimits: a text that a column may round or cut is left to the source, and no other.
func TestLimits(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		of     rowset.TypeKind
		limits rowset.Limits
		texts  map[string]bool
	}{
		{rowset.String, rowset.Limits{}, map[string]bool{strings.Repeat("x", 1000): true, "": true}},
		{rowset.String, rowset.Limits{Characters: 3}, map[string]bool{
			"abc": true, "日本語": true, "abcd": false, "ab  ": false,
		}},
		{rowset.String, rowset.Limits{Bytes: 3}, map[string]bool{"abc": true, "日": true, "日本": false, "abcd": false}},
		{rowset.String, rowset.Limits{AskAlways: true}, map[string]bool{"": false}},
		{rowset.Timestamp, rowset.Limits{DroppedDigits: 6}, map[string]bool{
			"2024-02-29": true, "2024-02-29T12:00:00Z": true, "2024-02-29 12:00:00.4": false,
			"2024-02-29 12:00:00.0": false,
		}},
		{rowset.Timestamp, rowset.Limits{DroppedDigits: 3}, map[string]bool{
			"2024-02-29 12:00:00.123": true, "2024-02-29 12:00:00.1+00": true, "2024-02-29 12:00:00.123+00:00": true,
			"2024-02-29 12:00:00.1234": false, "2024-02-29 12:00:00.1230Z": false,
		}},
		{rowset.Timestamp, rowset.Limits{DroppedDigits: 1}, map[string]bool{
			"2024-02-29 12:00:00.12345Z": true, "2024-02-29 12:00:00.123456": false,
		}},
		{rowset.Timestamp, rowset.Limits{}, map[string]bool{
			"2024-02-29 12:00:00.123456": true, "2024-02-29 12:00:00.1234560000000": true,
			"2024-02-29 12:00:00.1234561": false, "2024-02-29 12:00:00.1234560001Z": false,
		}},
	} {
		table := rowset.Table{
			Columns: []rowset.Column{
				{Name: "id", Type: kind(rowset.Int64)},
				{Name: "key", Type: kind(test.of), SourceType: "odd(3)", Limits: test.limits},
			},
			PrimaryKey: []int{1, 0},
		}
		for text, want := range test.texts {
			keys := vectors(table.KeyTypes()...)
			got := table.AppendPlainKey(keys, chferry.PrimaryKey{text, "7"})
			if got != want || (keys[0].Len() == 1) != want || (keys[1].Len() == 1) != want {
				t.Errorf("%+v: %q is plain: %v, want %v", test.limits, text, got, want)
			}
		}
		err := rowset.CutKey(table, 0)
		if chferry.CodeOf(err) != chferry.CodeInvalid || !strings.Contains(err.Error(), "value 1 ") ||
			!strings.Contains(err.Error(), `column "key" (odd(3)) keeps`) {
			t.Errorf("got %v", err)
		}
	}
}
