package engine_test

import (
	"math"
	"strings"
	"testing"

	"github.com/chferry/chferry"
	"github.com/chferry/chferry/engine"
	"github.com/chferry/chferry/rowset"
)

func TestNamed(t *testing.T) {
	t.Parallel()
	for name, want := range map[string]string{"": engine.Default, "replacing_merge_tree": "replacing_merge_tree"} {
		e, err := engine.Named(name)
		if err != nil || e.Name() != want {
			t.Errorf("Named(%q) = %v, %v, want %s", name, e, err, want)
		}
	}
	_, err := engine.Named("log")
	if got, want := chferry.CodeOf(err), chferry.CodeConfiguration; got != want {
		t.Errorf("code of Named(log) = %s, want %s", got, want)
	}
	if err == nil || !strings.Contains(err.Error(), "replacing_merge_tree") {
		t.Errorf("Named(log) = %v, which should list the known engines", err)
	}
}

func TestEnginesAreRegisteredByTheirNames(t *testing.T) {
	t.Parallel()
	for name, e := range engine.Engines {
		if got := e.Name(); got != name {
			t.Errorf("engine %q calls itself %q", name, got)
		}
	}
}

// TestLayoutsThatTheSinkCarries: view, look-ups and reads rest on these parts of a layout.
func TestLayoutsThatTheSinkCarries(t *testing.T) {
	t.Parallel()
	for name, e := range engine.Engines {
		layout := e.Layout()
		if !layout.Replaces || layout.Family == "" || len(layout.Arguments) == 0 || layout.Version == "" ||
			layout.Deleted == "" {
			t.Errorf("engine %s has the layout %+v, which the sink can't carry: see \"Adding an engine\" in "+
				"CONTRIBUTING.md", name, layout)
		}
		columns := map[string]bool{}
		for _, c := range e.Columns() {
			columns[c.Destination] = true
		}
		for _, column := range append([]string{layout.Version, layout.Deleted}, layout.Arguments...) {
			if !columns[column] {
				t.Errorf("engine %s has a layout with column %q, which is none of its columns", name, column)
			}
		}
	}
}

func TestReplacingBlock(t *testing.T) {
	t.Parallel()
	const version = math.MaxUint64 - 1
	table := members()
	rows := rowset.Rows{Block: rowset.NewBlock(table.Columns), Key: []int{0}}
	appendMember(&rows.Block, "blue", "old friend", 7)

	got := engine.Replacing{}.Block(table, rows, missing(table, [2]string{"8", "red"}, [2]string{"9", "green"}),
		version)

	want := []string{
		"team note id joined uid _version _is_deleted",
		"blue|old friend|7|3|11111111111111111111111111111111|18446744073709551614|0",
		"red|NULL|8|0|00000000000000000000000000000000|18446744073709551614|1",
		"green|NULL|9|0|00000000000000000000000000000000|18446744073709551614|1",
	}
	if text := render(got); strings.Join(text, "\n") != strings.Join(want, "\n") {
		t.Errorf("got\n%s\nwant\n%s", strings.Join(text, "\n"), strings.Join(want, "\n"))
	}
	if len(table.Columns) != 5 {
		t.Errorf("the table was changed: it has %d columns", len(table.Columns))
	}
}

func TestReplacingBlockOfRowsAlone(t *testing.T) {
	t.Parallel()
	table := members()
	rows := rowset.Rows{Block: rowset.NewBlock(table.Columns)}
	appendMember(&rows.Block, "blue", "", 1)
	appendMember(&rows.Block, "blue", "", 2)

	got := engine.Replacing{}.Block(table, rows, nil, 5)
	if got.Rows() != 2 {
		t.Fatalf("rows = %d, want 2", got.Rows())
	}
	if &got.Vectors[2].Ints[0] != &rows.Vectors[2].Ints[0] {
		t.Error("the rows were copied")
	}
}

func TestReplacingBlockOfTombstonesAlone(t *testing.T) {
	t.Parallel()
	table := members()
	for name, rows := range map[string]rowset.Rows{
		"no rows": {Block: rowset.NewBlock(table.Columns)}, "no vectors": {},
	} {
		got := engine.Replacing{}.Block(table, rows, missing(table, [2]string{"8", "red"}), 5)
		want := "red|NULL|8|0|00000000000000000000000000000000|5|1"
		if text := render(got); len(text) != 2 || text[1] != want {
			t.Errorf("%s: got %q, want %q", name, text, want)
		}
	}
}

func TestReplacingBlockOfNothing(t *testing.T) {
	t.Parallel()
	table := members()
	got := engine.Replacing{}.Block(table, rowset.Rows{}, missing(table), 5)
	if got.Rows() != 0 || len(got.Vectors) != 7 {
		t.Errorf("got %d rows of %d columns, want 0 of 7", got.Rows(), len(got.Vectors))
	}
}
