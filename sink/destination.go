package sink

import (
	"slices"

	"github.com/chferry/chferry"
	"github.com/chferry/chferry/engine"
	"github.com/chferry/chferry/rowset"
)

// Destination is a table in ClickHouse as an import needs it.
type Destination struct {
	Table   string // may be qualified by a database, such as shop.users
	Engine  engine.Engine
	OrderBy []string
	// Columns are all columns that are inserted: the source's, the database column and those that the engine adds.
	Columns []rowset.Column
	// Key names the columns that tell rows apart: the primary key's and the database column.
	Key     []string
	Options chferry.TableOptions
}

// OfEngine reports whether the engine added a column, by its name in the destination.
func (d Destination) OfEngine(column string) bool {
	return slices.ContainsFunc(d.Engine.Columns(), func(c rowset.Column) bool { return c.Destination == column })
}

// Fixed reports whether a column can't be added to a table that exists or be altered there: a
// column of the key or of the engine.
func (d Destination) Fixed(column string) bool {
	return slices.Contains(d.Key, column) || d.OfEngine(column)
}
