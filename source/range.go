package source

import (
	"cmp"
	"context"
	"errors"

	"github.com/chferry/chferry"
	"github.com/chferry/chferry/rowset"
)

// Ranger is a [Source] that gives whole tables, range by range.
//
// A place is a key, or the first values of one, as a text that means something to the driver alone.
// Places hold values of primary keys: they belong neither in logs nor in errors nor in histories.
// Only the database compares places, in its own order of the key.
//
// Nothing of the database is held between two calls. A row that is neither inserted nor deleted
// while a range is read, and whose key does not change, is read exactly once. A row that is written
// meanwhile may be read or not, as it was before or after.
//
// Errors are those of [Source]. A place that is none of the table's is [chferry.CodeInvalid]. A
// where that the database does not take is [chferry.CodeConfiguration]; the error says why, without
// the condition's text. An empty where is all rows.
type Ranger interface {
	// Cut cuts a table into at most most ranges, in ascending order. Together they hold every key
	// that the table has now: the last range ends at the greatest of them, so that reading a table
	// that grows comes to an end. A table without rows has no range. Ranges may hold very different
	// numbers of rows: see Halve. Cut reads two ends of an index and the statistics that the
	// database has.
	//
	// Cut checks the where. It also returns [chferry.CodeSchemaMismatch] if a column of the key
	// holds nulls: such rows are in no range.
	Cut(ctx context.Context, table rowset.Table, where string, most int) (Cut, error)

	// Halve returns a place about the middle of a range, which is the key of a row, or the first
	// values of one. There are rows on both sides of the place when it is found. An empty place
	// says that there is none: the range has too few rows, or finding one takes too long.
	Halve(ctx context.Context, table rowset.Table, r Range) (place string, err error)

	// Scan reads the first rows of a range, in the order of the key. The caller goes on behind
	// [Page.Last] until the page is the last.
	//
	// A page ends early, before its rows take more than [Options.MaxFetchBytes]; a single row
	// always fits. If the rows take the database longer than a statement may, Scan returns a
	// [TooMuchError], as Fetch does; it never does so for one row.
	//
	// Rows that can't be carried, rows that the database fails to give and keys that several rows
	// have are among the page's unfit rows. If not even a row's key can be read, Scan returns
	// [chferry.CodeUnreadable].
	Scan(ctx context.Context, table rowset.Table, ask Scan) (Page, error)

	// KeyOf returns the key that a place stands for, or its first values: a block of one row, with the
	// first columns of the key. It asks the database nothing. If a value is none of its column's
	// type, KeyOf returns [chferry.CodeUnreadable].
	KeyOf(table rowset.Table, place string) (rowset.Block, error)
}

// Range is the rows of a table whose keys come behind After, and not behind UpTo. An empty After is
// the table's beginning, an empty UpTo its end. Where a place has only the first values of a key,
// it stands for all keys that begin with them.
type Range struct {
	After, UpTo string
}

// Cut is a table cut into ranges.
type Cut struct {
	Ranges []Range
	// Rows is about how many rows the table has, or how many of them the where holds for: an
	// estimate, good enough to show progress.
	Rows int64
}

// Scan says what to read of a range.
type Scan struct {
	Range
	// Where is a condition in the SQL of the source, which Cut has taken before. A row that it does
	// not hold for is passed over.
	Where string
	// Rows is how many rows to read at most; with a Where, how many to look at. 0 means [DefaultScanRows].
	Rows int
}

// DefaultScanRows is how many rows a Scan reads unless it is told.
const DefaultScanRows = 10_000

// Page is the rows that begin a range.
type Page struct {
	// Rows are in ascending order of the key. They have no indexes in Key. The Key of an unfit row
	// is an index into Keys.
	rowset.Rows
	// Keys are the primary keys of the unfit rows, as [Source.PrimaryKeys] gives them.
	Keys []chferry.PrimaryKey
	// Last is the place of the last row that was read, unfit ones and those that a Where passes
	// over among them: the next page begins behind it. It is empty if nothing was read.
	Last string
	// Done tells that the range has no more rows. A page may be empty and not Done.
	Done bool
}

// AddUnfit appends an unfit row.
func (p *Page) AddUnfit(key chferry.PrimaryKey, reason string) {
	p.Unfit = append(p.Unfit, rowset.Unfit{Key: len(p.Keys), Reason: reason})
	p.Keys = append(p.Keys, key)
}

// TakeUnfit takes back the unfit row that was appended last.
func (p *Page) TakeUnfit() {
	p.Unfit, p.Keys = p.Unfit[:len(p.Unfit)-1], p.Keys[:len(p.Keys)-1]
}

// PageReader is what [ScanPage] needs of a driver.
type PageReader interface {
	// Read reads at most so many rows of a range; with a condition, those of them that it holds for.
	Read(r Range, rows int) (Page, error)
	// KeyAt returns row number n of a range, counted from 1, whether a condition holds for it or
	// not: its place and its key. If there are fewer rows, it is the last one; if there is none,
	// place is empty.
	KeyAt(r Range, n int) (place string, key chferry.PrimaryKey, err error)
}

// ScanPage reads a page. With a condition it first looks how far the page goes: a statement that
// looks for enough rows would search a whole table if the condition holds for few. A row that the
// database fails to give is found by halving what is read.
func ScanPage(p PageReader, ask Scan) (Page, error) {
	rows := ask.Rows
	if rows <= 0 {
		rows = DefaultScanRows
	}
	if ask.Where == "" {
		page, err := p.Read(ask.Range, rows)
		if chferry.CodeOf(err) != chferry.CodeUnreadable {
			return page, tooSlow(err, rows)
		}
		rows = max(1, rows/2)
	}
	for ; ; rows /= 2 {
		page, err := readTo(p, ask.Range, rows)
		if rows > 1 && chferry.CodeOf(err) == chferry.CodeUnreadable {
			continue
		}
		return page, tooSlow(err, rows)
	}
}

// readTo reads the rows of a range up to one that is not far. A single row that can't be read is unfit.
func readTo(p PageReader, r Range, rows int) (Page, error) {
	place, key, err := p.KeyAt(r, rows)
	if err != nil || place == "" {
		return Page{Done: err == nil}, err
	}
	page, err := p.Read(Range{After: r.After, UpTo: place}, rows)
	switch {
	case err == nil && page.Done: // up to the place
		page.Last, page.Done = place, place == r.UpTo
	case rows == 1 && chferry.CodeOf(err) == chferry.CodeUnreadable:
		_, reason := chferry.Safe(err)
		page, err = Page{Last: place, Done: place == r.UpTo}, nil
		page.AddUnfit(key, reason)
	}
	return page, err
}

// SlowError tells drivers and [ScanPage] that a statement took longer than it may.
type SlowError struct{ Err error }

func (e *SlowError) Error() string { return e.Err.Error() }

func (e *SlowError) Unwrap() error { return e.Err }

// tooSlow returns a [TooMuchError] for a statement that took too long, unless it was for a single row.
func tooSlow(err error, rows int) error {
	var slow *SlowError
	if errors.As(err, &slow) {
		return cmp.Or(TooSlow(rows), err)
	}
	return err
}
