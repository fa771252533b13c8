package engine

import (
	"fmt"
	"slices"

	"github.com/chferry/chferry/rowset"
)

// Replacing is replacing_merge_tree: of the rows with one key, the one with the greatest version
// counts. A deleted row is a row that says so, a tombstone, so that it replaces what was there.
type Replacing struct{}

// Name returns replacing_merge_tree.
func (Replacing) Name() string { return "replacing_merge_tree" }

// The columns of the engine.
const (
	versionColumn   = "_version"
	isDeletedColumn = "_is_deleted"
)

// Columns returns _version and _is_deleted.
func (Replacing) Columns() []rowset.Column {
	return []rowset.Column{
		{Destination: versionColumn, Type: rowset.Type{Kind: rowset.Uint64}},
		{Destination: isDeletedColumn, Type: rowset.Type{Kind: rowset.Uint8}},
	}
}

// Layout returns that of ReplacingMergeTree(_version, _is_deleted).
func (Replacing) Layout() Layout {
	return Layout{
		Family: "ReplacingMergeTree", Arguments: []string{versionColumn, isDeletedColumn},
		Version: versionColumn, Deleted: isDeletedColumn, Replaces: true,
	}
}

// Misfit accepts a table without the argument _is_deleted, which servers before 23.2 do not know.
func (Replacing) Misfit(arguments []string) string {
	const wanted = "ReplacingMergeTree(" + versionColumn + ", " + isDeletedColumn + ")"
	switch {
	case len(arguments) == 0 || arguments[0] != versionColumn:
		return fmt.Sprintf("its engine does not keep the row with the greatest %s: it must be %s",
			versionColumn, wanted)
	case len(arguments) > 1 && arguments[1] != isDeletedColumn:
		return fmt.Sprintf("its engine takes %q for deleted rows: it must be %s", arguments[1], wanted)
	default:
		return ""
	}
}

// Block appends a tombstone for each missing key: its key, and defaults or nulls in all other columns.
func (r Replacing) Block(table rowset.Table, rows rowset.Rows, missing []rowset.Vector, version uint64) rowset.Block {
	out := rows.Block
	if len(out.Vectors) == 0 {
		out = rowset.NewBlock(table.Columns)
	}
	found, gone := out.Rows(), 0
	if len(missing) > 0 {
		gone = missing[0].Len()
	}
	if gone > 0 {
		appendTombstones(&out, table.PrimaryKey, missing)
	}
	added := r.Columns()
	out.Columns = append(slices.Clone(out.Columns), added...)
	out.Vectors = append(slices.Clone(out.Vectors),
		rowset.Vector{Type: added[0].Type, Ints: slices.Repeat([]int64{int64(version)}, found+gone)},
		rowset.Vector{
			Type: added[1].Type,
			Ints: append(make([]int64, found, found+gone), slices.Repeat([]int64{1}, gone)...),
		})
	return out
}

// appendTombstones appends a row for each of keys, whose columns are those of out at the indexes in primaryKey.
func appendTombstones(out *rowset.Block, primaryKey []int, keys []rowset.Vector) {
	for c := range out.Vectors {
		key := slices.Index(primaryKey, c)
		for row := range keys[0].Len() {
			if key >= 0 {
				out.Vectors[c].AppendFrom(&keys[key], row)
			} else {
				out.Vectors[c].AppendDefault()
			}
		}
	}
}
