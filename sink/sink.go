// Package sink says what a sync asks of the database it writes to. Each driver stands in a folder of its own and passes
// the suite in sinktest.
package sink

import (
	"context"

	"github.com/chferry/chferry/rowset"
)

// Sink writes into the destination tables of one database server.
//
// Errors are [chferry.Error]s: CodeUnavailable when the server does not answer or asks to come back
// later, CodeAccessDenied, CodeSchemaMismatch, naming table and column, for a table that does not
// fit.
type Sink interface {
	// Check returns nil if the server answers and can be written to.
	Check(ctx context.Context) error

	// Missing compares the destination with the server and returns the statements that would create
	// what is not there: the table or the columns that it lacks, before the view. It returns
	// CodeSchemaMismatch if the table exists and does not fit otherwise; a column of the key or the
	// engine can't be added.
	Missing(ctx context.Context, d Destination) ([]Statement, error)

	// Unfilled returns the columns of the destination's table that d does not have, and that inserts therefore leave at
	// their defaults. A table that does not exist has none.
	Unfilled(ctx context.Context, d Destination) ([]string, error)

	// Create runs statements that Missing returned. Something that exists by then is left alone.
	Create(ctx context.Context, statements []Statement) error

	// MaxVersion returns the greatest version in the destination; 0 if it is empty or does not exist.
	MaxVersion(ctx context.Context, d Destination) (uint64, error)

	// Insert inserts the block as one block, all or nothing, and returns when the server has it.
	// Rows with a value that the destination's column can't hold, and that may not be clamped, are
	// left out and returned, in ascending order. The token is the same for every attempt at this
	// block; servers that can use it drop the repetition, if the engine does not replace it.
	Insert(ctx context.Context, d Destination, block rowset.Block, token string) ([]Rejected, error)

	// Close releases the connections.
	Close()
}

// Typer is a [Sink] that tells which types it would give to columns.
type Typer interface {
	// ColumnTypes returns the type that each of d's columns has in a table that Missing would create.
	ColumnTypes(ctx context.Context, d Destination) ([]string, error)
}

// Prober is a [Sink] that can tell beforehand what its server would refuse.
type Prober interface {
	// Probe returns CodeConfiguration, naming the key, if the server would refuse a statement that
	// Missing returned for d, because of an expression, a function or a name in the configuration.
	// It changes nothing, and where the server does not tell, it returns nil.
	Probe(ctx context.Context, d Destination, statements []Statement) error
}

// Finder is a [Sink] that finds rows by keys of which the source may know other texts than it has.
type Finder interface {
	// Current returns the columns that the destination is ordered by, d.OrderBy, of rows that
	// count: of each, the newest version is less than before, and no tombstone. It returns all rows
	// that have one of the keys, a block with the columns d.Key, and may return others, so that the
	// caller compares. A row has a key, too, if its texts in columns that fold
	// ([rowset.Column.Folds]) are equal to the key's in any source.
	Current(ctx context.Context, d Destination, keys rowset.Block, before uint64) (rowset.Block, error)
}

// Kind is a kind of thing that a [Statement] creates.
type Kind uint8

// The kinds of things.
const (
	Table  Kind = iota + 1
	Column      // of a table that exists
	View
)

// Statement creates one thing.
type Statement struct {
	Kind Kind
	// Creates names the thing for people: "table shop.users", "view shop.users_current", "column shop.users.name".
	Creates string
	SQL     string
	// Column is the column that is added, if Kind is Column, and else empty.
	Column string
	// Stale says why the destination shows rows wrongly until the statement has run; empty: it does
	// not. A sync stops for it.
	Stale string
	// Configured is what of the configuration is part of the statement, so that a refusal can name the key.
	Configured Configured
}

// Configured has texts of an import's destination: those of each key that is named like the field.
// Empty are those that are not configured.
type Configured struct {
	PartitionBy, TTL, Codec, Settings, Replicated string
}

// Rejected is a row that was left out of an insert.
type Rejected struct {
	Row    int    // index into the block
	Reason string // names the column and the kind of value, never the value
}
