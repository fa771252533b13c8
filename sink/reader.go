package sink

import (
	"context"

	"github.com/chferry/chferry/rowset"
)

// Reader is a [Sink] that reads back which rows count in a destination: the newest version of each
// key, unless that version is a tombstone. No call changes anything. Every call reads the table as
// it is while the call runs, and two calls may see different rows.
//
// A row's hash is xxHash64, with the seed 0, of the row's RowBinary form: the values of
// [Selection.Hashed] one after another, in the types that the table's columns have.
//
// The keys that a caller gives are compared in the destination's own order. It is not the source's
// for all types: a server may order UUIDs by their second half, texts by their bytes. Keys are
// texts and numbers of the source, as an operation's are after the source has read them, and never
// get into an error.
//
// Texts are one key only if they are the same, byte by byte, also where the source holds others
// equal ([rowset.Column.Folds]), as citext does. So find rows by keys that the source's rows have,
// never by the text that an operation gave: a row whose text changed in its letters alone is one
// row there, and two here until the tombstone of the old text has arrived. And cut such a table
// into ranges by the destination's order, by its pages: a range of the source has other rows here.
//
// A server that can't hash rows sends their values, and the hashes are the same. Then a call takes
// about the time that it takes to send them, and holds some blocks of rows of the server's at a time.
//
// Errors are those of [Sink]: CodeSchemaMismatch for a table that does not exist or lacks a column,
// CodeInvalid for a range whose bound is no value of the column, CodeUnavailable also if a call
// takes longer than an insert may or needs more memory than a call may.
type Reader interface {
	// Sums returns a Sum for each range, in the order of the ranges, which it reads with one query.
	// Ranges may overlap; the query grows with their number, so ask for some ten at a time.
	Sums(ctx context.Context, s Selection, ranges []Range) ([]Sum, error)

	// Page returns the first rows of a range in the order of s.Key, at most most of them; most is
	// greater than 0. The page behind it is that of the range which begins after the page's last
	// key: see [Page.Rest]. Where s.Key begins as the table's sorting key does, less columns of
	// s.Only, the server reads little more than the page; in another order every page reads the
	// range to its end.
	Page(ctx context.Context, s Selection, r Range, most int) (Page, error)

	// Ordered reports whether the destination orders s.Key canonically, as [rowset.Column.Ordered] says.
	// It is false where that is not known for sure, as of columns with a cast.
	Ordered(ctx context.Context, s Selection) (bool, error)

	// Find returns the rows that have one of the keys, in no order. The columns of keys are those
	// of s.Key, in any order. A key that the destination can't hold has no row. A key may be given
	// twice; its row is returned once or twice.
	Find(ctx context.Context, s Selection, keys rowset.Block) (Hashed, error)

	// Hash returns the keys and hashes that Page would return for the rows of a block, in the block's
	// order, once they were inserted. Nothing is written. The block has the columns of s.Key and
	// s.Hashed, and may have others. Tombstones among its rows are left out. The columns of the table
	// may be as they were a second ago, so that many blocks can be hashed one after another.
	Hash(ctx context.Context, s Selection, block rowset.Block) (Expected, error)
}

// Selection says which rows of a destination are read, and what of them.
type Selection struct {
	Destination
	// Only has one row, the values that rows must have to be read: the database column's in an
	// import of several databases. Its columns are columns of the destination's key. Without a row
	// all rows of the destination are read.
	Only rowset.Block
	// Key names the columns of the primary key in the destination, in the order by which keys are
	// compared. Together with those of Only they are the columns of [Destination.Key].
	Key []string
	// Hashed names the columns in the destination whose values are hashed, in that order. Without
	// one, no row has a hash.
	Hashed []string
}

// Range is the rows whose keys are greater than After and not greater than UpTo. Both are blocks of
// one row with the columns of [Selection.Key], in any order; a block without rows leaves that end
// open. A block with the first columns of the key alone stands for all keys that begin with their
// values.
type Range struct{ After, UpTo rowset.Block }

// Sum says what the rows of a range are together. Two ranges have the same rows, but for a chance
// of 1 in 2^64, if both numbers are equal.
type Sum struct {
	Rows   uint64
	Hashes uint64 // the sum of the rows' hashes modulo 2^64; 0 if nothing is hashed
}

// Hashed are rows by their keys.
type Hashed struct {
	// Keys has the columns of [Selection.Key], in their order, with the source's types.
	Keys rowset.Block
	// Hashes has the hash of each row; nil if nothing is hashed.
	Hashes []uint64
}

// Expected are rows as a destination would hold them.
type Expected struct {
	Hashed
	// Changed is the number of values that the destination would hold otherwise than the source
	// does: clamped to what the column's type can hold, or cut to its precision.
	Changed int
	// Rejected are the rows that the destination can't hold, in ascending order. They have neither
	// a key nor a hash.
	Rejected []Rejected
}

// Page is the first rows of a range.
type Page struct {
	Hashed
	// Done tells that the range has no more rows.
	Done bool
}

// Rest returns what of r, the page's range, comes behind the page.
func (p *Page) Rest(r Range) Range {
	if rows := p.Keys.Rows(); rows > 0 {
		r.After = p.Keys.Slice(rows-1, rows)
	}
	return r
}
