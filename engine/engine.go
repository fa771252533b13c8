// Package engine turns operations and the rows that were found for them into the rows to insert. It stands between
// source and sink because what an update or a delete looks like in ClickHouse is decided by the destination table's
// engine alone: a source need not know of tombstones, nor a sink of operations. Every engine is one file here and one
// line in [Engines].
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

	// Block returns the rows to insert for one chunk of operations: the source's columns followed by [Engine.Columns].
	//
	// The rows were found; missing holds the keys that were not, one vector for each column of table's primary key, in
	// the key's order. All rows of the block get the version. The vectors of rows become the block's: rows must not be
	// used afterwards.
	Block(table rowset.Table, rows rowset.Rows, missing []rowset.Vector, version uint64) rowset.Block
}

// Engines are all engines by their name in the configuration.
var Engines = map[string]Engine{
	Replacing{}.Name(): Replacing{},
}

// Named returns the engine with a name, [Default]'s for the empty one. It returns [chferry.CodeConfiguration] for a name
// that is none.
func Named(name string) (Engine, error) {
	if name == "" {
		name = Default
	}
	e, ok := Engines[name]
	if !ok {
		known := slices.Sorted(maps.Keys(Engines))
		return nil, chferry.Errorf(chferry.CodeConfiguration, "engine %q is not one of %s", name, strings.Join(known, ", "))
	}
	return e, nil
}
