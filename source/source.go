// Package source says what a sync asks of a database that applications write to. Each driver stands in a folder of its
// own and passes the suite in sourcetest.
package source

import (
	"cmp"
	"context"
	"fmt"

	"github.com/chferry/chferry"
	"github.com/chferry/chferry/rowset"
)

// Source reads one database. It never writes, and every call reads what is committed when it is made: nothing is
// cached, because a row must not be older than the version it is inserted with. Implementations can be
// compared with ==, as pointers can: that tells whether a database is the one that it was.
//
// Errors are [chferry.Error]s: CodeUnavailable when the database does not answer, CodeAccessDenied,
// CodeConfiguration for a table or column that does not exist, CodeSchemaMismatch for what can't be
// synced.
type Source interface {
	// Check returns nil if the database answers and may be read: it is a primary, or a standby that is allowed.
	Check(ctx context.Context) error

	// Describe returns the table with all its columns, each column's Destination being its own
	// name. An empty primaryKey means the table's own. It refuses a table that row security hides
	// rows of, a table without a primary key when none is given, and key columns whose values can't
	// be told apart as chferry does: of other kinds than [rowset.TypeKind.CanBeKey], nullable, or
	// compared by a collation that folds values.
	Describe(ctx context.Context, table string, primaryKey []string) (rowset.Table, error)

	// ReadKeys reads primary keys as the database itself reads them, in every notation that it
	// knows, and returns each in the notation in which it writes them, which
	// [rowset.AppendPrimaryKey] reads. A text that is none of its column's type is unreadable, and
	// so is one that stands for another value at another time, such as now. A text that the database
	// would round or cut to fit the column is never read as the key that comes out: no row has the
	// key that was meant. Each key has as many values as the table's.
	ReadKeys(ctx context.Context, table rowset.Table, keys []chferry.PrimaryKey) ([]ReadKey, error)

	// Fetch reads the rows of table that have one of the keys: keys[i] holds the values of the
	// key's column i. A key without a row is absent from the result, which is in no particular
	// order and has table's columns. A row with a value that its column can't hold, a null where
	// the table says NOT NULL among them, and a key that several rows have are among the result's
	// unfit rows, never absent and never an error: they must neither look deleted nor stop other
	// rows.
	//
	// A row that the database itself fails to give, such as one of a view that divides by zero,
	// fails the whole call with [chferry.CodeUnreadable]. Its message names the table and what the
	// database said, never a value. The caller asks for fewer keys until the call fails for one key
	// alone: that key's row is the one at fault.
	//
	// Rows that are larger together than [Options.MaxFetchBytes], and rows that take the database
	// longer than a statement may, give a [TooMuchError]; one key alone never does.
	Fetch(ctx context.Context, table rowset.Table, keys []rowset.Vector) (rowset.Rows, error)

	// PrimaryKeys calls each with all primary keys of table, page by page, at most pageSize a page,
	// in the database's own order of the keys. The page is each's to keep. Nothing of the database
	// is held while each runs, however long: a page begins behind the last key of the page before,
	// so that a row which is written meanwhile may be among them or not. A connection that is lost
	// between pages is made anew.
	PrimaryKeys(ctx context.Context, table rowset.Table, pageSize int, each func([]chferry.PrimaryKey) error) error

	// Close releases the connections.
	Close()
}

// Resumer is a [Source] whose reading of all primary keys can be ended and begun again elsewhere.
type Resumer interface {
	// PrimaryKeysBehind is [Source.PrimaryKeys] behind a place, which is empty for the beginning.
	// Each gets the place of the page's end, a text that means something to the driver alone.
	PrimaryKeysBehind(ctx context.Context, table rowset.Table, place string, pageSize int,
		each func(page []chferry.PrimaryKey, place string) error) error
}

// Folder is a [Source] with columns of primary keys whose different texts it may hold equal: see [rowset.Column.Folds].
type Folder interface {
	// Fold returns for each text of such a column one that is the same for all that the database
	// holds equal, in the texts' order.
	Fold(ctx context.Context, column rowset.Column, texts []string) ([]string, error)
}

// ReadKey is a primary key as its database reads it.
type ReadKey struct {
	// Key is the key as the database writes it; nil if it can't be read.
	Key chferry.PrimaryKey
	// Unreadable is the index of the first value that can't be read, if Key is nil.
	Unreadable int
	// Cut tells, if Key is nil, that the value can be read but does not fit into its column, as a
	// number with more digits than the column has.
	Cut bool
}

// Options are what a database's configuration says beside its URL.
type Options struct {
	// Alias is the database's name in the configuration, for errors.
	Alias string
	// MaxConnections bounds the connections held at a time; 0 means 4.
	MaxConnections int
	// MaxFetchBytes bounds the memory of the rows that one Fetch returns, by [rowset.Block.Bytes];
	// 0 means [DefaultFetchBytes].
	MaxFetchBytes int
	// Primary is the URL of the primary if the database may be read from a standby, which is then read only once it has
	// replayed what the primary had when the read began. Empty: a standby is refused.
	Primary string
}

// DefaultFetchBytes is what the rows of one Fetch may take, unless the options say otherwise.
const DefaultFetchBytes = 8 << 20

// FetchBytes returns MaxFetchBytes or its default.
func (o Options) FetchBytes() int { return cmp.Or(o.MaxFetchBytes, DefaultFetchBytes) }

// TooMuch returns a [TooMuchError] if rows, the last of which was read just now, take more than
// maxBytes. One row always fits.
func TooMuch(rows *rowset.Rows, maxBytes int) error {
	if n := rows.Rows(); n > 1 && rows.Bytes() > maxBytes {
		return &TooMuchError{Rows: n - 1}
	}
	return nil
}

// TooMuchError says that the rows of the keys can't be read together. Fewer keys may be asked for.
type TooMuchError struct {
	Rows int // how many may be asked for, at least 1
	// Slow tells that the rows took the database too long; else they were too large for the memory
	// that a fetch may take.
	Slow bool
}

// TooSlow returns the [TooMuchError] for so many keys, whose rows took the database too long; nil for a single key.
func TooSlow(keys int) error {
	if keys < 2 {
		return nil
	}
	return &TooMuchError{Rows: keys / 2, Slow: true}
}

func (e *TooMuchError) Error() string {
	if e.Slow {
		return fmt.Sprintf("the rows take the database too long to be read together: %d of them may be asked for",
			e.Rows)
	}
	return fmt.Sprintf("the rows are too large to be read together: %d of them were the limit", e.Rows)
}

// Open opens a source. It checks the URL but need not connect.
type Open func(url string, opts Options) (Source, error)
