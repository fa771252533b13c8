// Package engine knows the engines of ClickHouse's tables: which rows an update or a delete
// becomes, and what a table must look like so that they count. A source need not know of
// tombstones, nor a sink of operations. Each engine is one file here and one line in [Engines].
package engine

import (
	"maps"
	"slices"
	"strings"

	"github.com/chferry/chferry"
	"github.com/chferry/chferry/rowset"
)

// Default is the name of the engine of a destination that names none.
const Default = "replacing_merge_tree"

// Engine is one way to keep changing rows in a table that only grows.
type Engine interface {
	// Name is the engine's name in the configuration, such as replacing_merge_tree.
	Name() string

	// Columns are what the engine adds to the source's columns. They have no name in the source.
	Columns() []rowset.Column

	// Layout says what a table of the engine looks like.
	Layout() Layout

	// Misfit says why a table can't be used whose engine is of the layout's family and takes these
	// arguments, without the path and the replica of a replicated one. It is empty if the table can
	// be used.
	Misfit(arguments []string) string

	// Block returns the rows to insert for one chunk of operations: the source's columns followed by [Engine.Columns].
	//
	// The rows were found; missing holds the keys that were not, one vector for each column of table's primary key, in
	// the key's order. All rows of the block get the version. The vectors of rows become the block's: rows must not be
	// used afterwards.
	Block(table rowset.Table, rows rowset.Rows, missing []rowset.Vector, version uint64) rowset.Block
}

// Layout is what tables of an engine look like in ClickHouse. Columns are named as in the destination.
type Layout struct {
	// Family is ClickHouse's name of the engine without a prefix such as Replicated, as in ReplacingMergeTree.
	Family string
	// Arguments are the columns that the family takes, at least one. Servers that are too old for
	// all of them take the first one.
	Arguments []string
	// Version is the column with the number that is greater in newer versions of a row.
	Version string
	// Deleted is the column that is 1 in tombstones and 0 in rows that count.
	Deleted string
	// Replaces tells that a row takes the place of those with the same sorting key: at once for a
	// query with FINAL, and so does the same row when it is inserted again. The sink has no other engines yet.
	Replaces bool
}

// Engines are all engines by their name in the configuration.
var Engines = map[string]Engine{
	Replacing{}.Name(): Replacing{},
}

// Names returns the names of all engines, sorted.
func Names() []string { return slices.Sorted(maps.Keys(Engines)) }

// Named returns the engine with a name, [Default]'s for the empty one. It returns
// [chferry.CodeConfiguration] for a name that is none.
func Named(name string) (Engine, error) {
	if name == "" {
		name = Default
	}
	e, ok := Engines[name]
	if !ok {
		return nil, chferry.Errorf(chferry.CodeConfiguration, "engine %q is not one of %s", name,
			strings.Join(Names(), ", "))
	}
	return e, nil
}
