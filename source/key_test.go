package source_test

import (
	"slices"
	"testing"

	"github.com/chferry/chferry"
	"github.com/chferry/chferry/source"
)

type column struct {
	name  string
	place int
}

func (c column) InKey() (string, int) { return c.name, c.place }

func TestKey(t *testing.T) {
	t.Parallel()
	columns := []column{{"note", 0}, {"shop", 2}, {"id", 1}, {"code", 3}}
	for name, test := range map[string]struct {
		columns []column
		names   []string
		want    []int
		problem string
	}{
		"its own":    {columns: columns, want: []int{2, 1, 3}},
		"none":       {columns: columns[:1]},
		"no columns": {},
		"named":      {columns: columns, names: []string{"code", "note"}, want: []int{3, 0}},
		"unknown": {
			columns: columns, names: []string{"id", "ID"},
			problem: `table public.items has no column "ID", which primary_key names`,
		},
		"twice": {
			columns: columns, names: []string{"id", "shop", "id"},
			problem: `primary_key of table public.items names column "id" twice`,
		},
		"of a keyless": {columns: columns[:1], names: []string{"note"}, want: []int{0}},
		"of no columns": {
			names:   []string{"id"},
			problem: `table public.items has no column "id", which primary_key names`,
		},
		"an empty table": {columns: []column{}},
	} {
		got, err := source.Key("public.items", test.columns, test.names)
		if !slices.Equal(got, test.want) {
			t.Errorf("%s: got %v, want %v", name, got, test.want)
		}
		if (err == nil) != (test.problem == "") || err != nil &&
			(err.Error() != test.problem || chferry.CodeOf(err) != chferry.CodeConfiguration) {
			t.Errorf("%s: got error %v, want %q", name, err, test.problem)
		}
	}
}
