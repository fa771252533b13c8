package rowset_test

import (
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/chferry/chferry"
	"github.com/chferry/chferry/rowset"
)

// orders is a table whose key has another order than its columns.
func orders() rowset.Table {
	table := rowset.Table{Database: "shop", Name: "public.orders", Identity: "1/2/3", PrimaryKey: []int{3, 1}}
	for _, name := range []string{"secret", "number", "note", "shop"} {
		table.Columns = append(table.Columns, rowset.Column{Name: name, Destination: name, Type: kind(rowset.Int64)})
	}
	table.Columns[3].Type = kind(rowset.String)
	return table
}

func TestTableProject(t *testing.T) {
	t.Parallel()
	got, err := orders().Project(chferry.Import{
		Exclude: []string{"secret"},
		Rename:  map[string]string{"shop": "shop_code", "note": "secret"},
	})
	if err != nil {
		t.Fatal(err)
	}
	want := rowset.Table{
		Database: "shop", Name: "public.orders", Identity: "1/2/3", PrimaryKey: []int{2, 0},
		Columns: []rowset.Column{
			{Name: "number", Destination: "number", Type: kind(rowset.Int64)},
			{Name: "note", Destination: "secret", Type: kind(rowset.Int64)},
			{Name: "shop", Destination: "shop_code", Type: kind(rowset.String)},
		},
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got %+v, want %+v", got, want)
	}
	if got, want := got.KeyTypes(), []rowset.Type{kind(rowset.String), kind(rowset.Int64)}; !slices.Equal(got, want) {
		t.Errorf("got key types %v, want %v", got, want)
	}
	if got, want := got.KeyDestinations(), []string{"shop_code", "number"}; !slices.Equal(got, want) {
		t.Errorf("got key destinations %v, want %v", got, want)
	}
}

// TestTableProjectSwaps gives two columns each other's names.
func TestTableProjectSwaps(t *testing.T) {
	t.Parallel()
	got, err := orders().Project(chferry.Import{Rename: map[string]string{"note": "secret", "secret": "note"}})
	if err != nil {
		t.Fatal(err)
	}
	if got.Columns[0].Destination != "note" || got.Columns[2].Destination != "secret" {
		t.Errorf("got %+v, want note and secret swapped", got.Columns)
	}
}

func TestTableProjectLeavesTheTableAlone(t *testing.T) {
	t.Parallel()
	table := orders()
	out, err := table.Project(chferry.Import{Exclude: []string{"note"}, Rename: map[string]string{"secret": "s"}})
	if err != nil {
		t.Fatal(err)
	}
	out.PrimaryKey[0], out.Columns[0].Name = 99, "changed"
	if want := orders(); !reflect.DeepEqual(table, want) {
		t.Errorf("got %+v, want %+v", table, want)
	}
}

func TestTableProjectIncludes(t *testing.T) {
	t.Parallel()
	got, err := orders().Project(chferry.Import{Include: []string{"shop", "number", "dropped"}})
	if err != nil {
		t.Fatal(err)
	}
	if len(got.Columns) != 2 || got.Columns[0].Name != "number" || !slices.Equal(got.PrimaryKey, []int{1, 0}) {
		t.Errorf("got %+v, want number and shop", got)
	}
}

// TestTableWithout leaves out columns by the names that they have in the destination.
func TestTableWithout(t *testing.T) {
	t.Parallel()
	table, err := orders().Project(chferry.Import{Rename: map[string]string{"note": "secret", "secret": "note"}})
	if err != nil {
		t.Fatal(err)
	}
	got := table.Without([]string{"secret"})
	if len(got.Columns) != 3 || got.Columns[0].Name != "secret" || !slices.Equal(got.PrimaryKey, []int{2, 1}) {
		t.Errorf("got %+v, want all but note", got)
	}
}

func TestTableProjectRefuses(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		imp   chferry.Import
		names string
	}{
		"key excluded":       {chferry.Import{Exclude: []string{"number"}}, `"number"`},
		"key not included":   {chferry.Import{Include: []string{"note", "shop"}}, `"number"`},
		"renamed to another": {chferry.Import{Rename: map[string]string{"note": "secret"}}, `"secret"`},
		"two of one name":    {chferry.Import{Rename: map[string]string{"note": "x", "secret": "x"}}, `"x"`},
	} {
		_, err := orders().Project(test.imp)
		wantConfiguration(t, name, err, test.names)
	}
}

func wantConfiguration(t *testing.T, name string, err error, names string) {
	t.Helper()
	if chferry.CodeOf(err) != chferry.CodeConfiguration || !strings.Contains(err.Error(), names) ||
		!strings.Contains(err.Error(), "public.orders") {
		t.Errorf("%s: got %v, want %s that names the table and %s", name, err, chferry.CodeConfiguration, names)
	}
}

// TestTableUnknown: what a sync passes over, because a column may be dropped at any time, is an
// error where mistakes are looked for.
func TestTableUnknown(t *testing.T) {
	t.Parallel()
	for setting, imp := range map[string]chferry.Import{
		"columns.include": {Include: []string{"shop", "number", "nothing"}},
		"columns.exclude": {Exclude: []string{"note", "nothing"}},
		"columns.rename":  {Rename: map[string]string{"nothing": "x"}},
	} {
		if _, err := orders().Project(imp); err != nil {
			t.Errorf("%s: got %v, want it passed over", setting, err)
		}
		wantConfiguration(t, setting, orders().Unknown(imp), setting)
	}
	if err := orders().Unknown(chferry.Import{
		Exclude: []string{"note"},
		Rename:  map[string]string{"secret": "x"},
	}); err != nil {
		t.Errorf("got %v for columns that are there", err)
	}
}

func TestTypeKindNames(t *testing.T) {
	t.Parallel()
	seen := map[string]bool{}
	for k := rowset.Bool; k <= rowset.Array; k++ {
		if name := k.String(); name == "" || seen[name] {
			t.Errorf("kind %d has the name %q, which is empty or another's", k, name)
		}
		seen[k.String()] = true
	}
}
