package sink

import (
	"github.com/chferry/chferry"
	"github.com/chferry/chferry/rowset"
)

// Destination is a table in ClickHouse as an import needs it.
type Destination struct {
	Table   string // may be qualified by a database, such as shop.users
	Engine  string // as configured, such as replacing_merge_tree
	OrderBy []string
	// Columns are all columns that are inserted: the source's, the database column and those that the engine adds.
	Columns []rowset.Column
	// Key names the columns that tell rows apart: the primary key's and the database column.
	Key     []string
	Options chferry.TableOptions
}
