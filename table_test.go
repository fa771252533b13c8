package chferry_test

import (
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/chferry/chferry"
)

// orders is a table whose key has another order than its columns.
func orders() chferry.Table {
	table := chferry.Table{Database: "shop", Name: "public.orders", Identity: "1/2/3", PrimaryKey: []int{3, 1}}
	for _, name := range []string{"secret", "number", "note", "shop"} {
		table.Columns = append(table.Columns, chferry.Column{Name: name, Destination: name, Type: kind(chferry.Int64)})
	}
	table.Columns[3].Type = kind(chferry.String)
	return table
}

func TestTableProject(t *testing.T) {
	t.Parallel()
	got, err := orders().Project([]string{"secret"}, map[string]string{"shop": "shop_code", "note": "secret"})
	if err != nil {
		t.Fatal(err)
	}
	want := chferry.Table{Database: "shop", Name: "public.orders", Identity: "1/2/3", PrimaryKey: []int{2, 0}, Columns: []chferry.Column{
		{Name: "number", Destination: "number", Type: kind(chferry.Int64)},
		{Name: "note", Destination: "secret", Type: kind(chferry.Int64)},
		{Name: "shop", Destination: "shop_code", Type: kind(chferry.String)},
	}}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got %+v, want %+v", got, want)
	}
	if got, want := got.KeyTypes(), []chferry.Type{kind(chferry.String), kind(chferry.Int64)}; !slices.Equal(got, want) {
		t.Errorf("got key types %v, want %v", got, want)
	}
	if got, want := got.KeyDestinations(), []string{"shop_code", "number"}; !slices.Equal(got, want) {
		t.Errorf("got key destinations %v, want %v", got, want)
	}
}

// TestTableProjectSwaps gives two columns each other's names.
func TestTableProjectSwaps(t *testing.T) {
	t.Parallel()
	got, err := orders().Project(nil, map[string]string{"note": "secret", "secret": "note"})
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
	out, err := table.Project([]string{"note"}, map[string]string{"secret": "s"})
	if err != nil {
		t.Fatal(err)
	}
	out.PrimaryKey[0], out.Columns[0].Name = 99, "changed"
	if want := orders(); !reflect.DeepEqual(table, want) {
		t.Errorf("got %+v, want %+v", table, want)
	}
}

func TestTableProjectRefuses(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		exclude []string
		rename  map[string]string
		names   string
	}{
		"unknown column excluded": {exclude: []string{"nothing"}, names: "columns.exclude"},
		"key excluded":            {exclude: []string{"number"}, names: `"number"`},
		"unknown column renamed":  {rename: map[string]string{"nothing": "x"}, names: "columns.rename"},
		"renamed to another":      {rename: map[string]string{"note": "secret"}, names: `"secret"`},
		"two of one name":         {rename: map[string]string{"note": "x", "secret": "x"}, names: `"x"`},
	} {
		_, err := orders().Project(test.exclude, test.rename)
		if chferry.CodeOf(err) != chferry.CodeConfiguration || !strings.Contains(err.Error(), test.names) || !strings.Contains(err.Error(), "public.orders") {
			t.Errorf("%s: got %v, want %s that names the table and %s", name, err, chferry.CodeConfiguration, test.names)
		}
	}
}

func TestTypeKindNames(t *testing.T) {
	t.Parallel()
	seen := map[string]bool{}
	for k := chferry.Bool; k <= chferry.Timestamp; k++ {
		if name := k.String(); name == "" || seen[name] {
			t.Errorf("kind %d has the name %q, which is empty or another's", k, name)
		}
		seen[k.String()] = true
	}
}
