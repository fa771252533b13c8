package transfer

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/chferry/chferry"
	"github.com/chferry/chferry/rowset"
	"github.com/chferry/chferry/source"
)

// Copy carries rows of one database's table into the sink, range by range, without operations. Each
// page of rows is read under a version of its own, which was minted before: so a row that changes
// meanwhile, and has an operation for that, ends in its newest state, whichever of the two arrives
// first.
type Copy struct {
	*Pipeline
	Plan     Plan
	Database string
	// Where is a condition in the SQL of the source; empty: all rows.
	Where string
	// MaxFailed is how many rows of a range may be set aside before the copy of the range fails.
	MaxFailed int
	// Mint returns a version of the import key that is greater than all before.
	Mint func(context.Context) (uint64, error)
	// Pace is called before each page, and returns when it may be read and how many rows it may have, at most
	// wanted and at least 1; nil: pages are read as fast as they can be inserted.
	Pace func(ctx context.Context, wanted int) (rows int, err error)
}

// Copied says what became of rows of a range.
type Copied struct {
	Rows int64 `json:"rows"` // that were inserted
	// Failed is the number of rows that can't be imported. Operations on them were registered, so
	// that the next sync sets them aside with the reason.
	Failed int64 `json:"failed"`
}

// RangeWork is what a copy asks of the owner of the range. Both methods may be called at the same time.
type RangeWork interface {
	// Save is called when all rows up to a place are in the sink, with what became of those behind
	// the place that was saved before. halve asks the copy to give a half of what remains away.
	Save(ctx context.Context, place string, copied Copied) (halve bool, err error)
	// GiveAway gives what is behind a place away: the range ends there.
	GiveAway(ctx context.Context, place string) error
}

// rangeBlock is the rows of some pages, which are inserted together unless they are refused.
type rangeBlock struct {
	rowset.Block
	last   string
	copied Copied
	failed []chferry.Operation
	reason string // of the first that failed
}

// Run copies a range and returns when all of its rows are in the sink, or set aside. While a block
// is inserted the next one is read. A copy that is made again from a place that was saved reads at
// most three blocks twice.
func (c *Copy) Run(ctx context.Context, r source.Range, work RangeWork) error {
	from, release, err := c.ranger(c.Plan, c.Database)
	if err != nil {
		return err
	}
	defer release()
	stages, ctx := errgroup.WithContext(ctx)
	blocks, halve := make(chan *rangeBlock), make(chan bool, 1)
	stages.Go(func() error {
		defer close(blocks)
		reader := &rangeReader{
			Copy: c, from: from, table: c.Plan.Tables[c.Database], rest: r, halve: halve, work: work, rows: MaxChunk,
		}
		return reader.read(ctx, blocks)
	})
	stages.Go(func() error {
		failed := 0
		for b := range blocks {
			if err := c.insert(ctx, b, b.Block); err != nil {
				return err
			}
			if failed += len(b.failed); failed > c.MaxFailed {
				return chferry.Errorf(chferry.CodeTooManyFailed,
					"more than %d rows of one range can't be imported, the first because: %s; mend the table or the "+
						"rows, or raise the import's max_failed to have them set aside", c.MaxFailed, b.reason)
			}
			if err := c.setAside(ctx, b); err != nil {
				return err
			}
			wanted, err := work.Save(ctx, b.last, b.copied)
			if err != nil {
				return err
			}
			if wanted {
				select {
				case halve <- true:
				default: // the reader knows
				}
			}
		}
		return nil
	})
	return stages.Wait()
}

// rangeReader reads the pages of a range.
type rangeReader struct {
	*Copy
	from  source.Ranger
	table rowset.Table
	rest  source.Range
	halve <-chan bool
	work  RangeWork
	rows  int // that a scan asks for
}

func (r *rangeReader) read(ctx context.Context, blocks chan<- *rangeBlock) error {
	for done := false; !done; {
		if err := r.giveAway(ctx); err != nil {
			return err
		}
		b := &rangeBlock{}
		for began := time.Now(); !b.full(began, r.MaxFailed); {
			var err error
			if done, err = r.scan(ctx, b); err != nil {
				return err
			}
			if done {
				break
			}
		}
		if b.last == "" {
			continue
		}
		if err := send(ctx, blocks, b); err != nil {
			return err
		}
	}
	return nil
}

// full reports whether a block is to be inserted: also if more rows failed than may, and after a
// while, so that the place is saved although a condition holds for few rows.
func (b *rangeBlock) full(began time.Time, maxFailed int) bool {
	return b.Bytes() >= fullBlock || b.Rows() >= MaxChunk || len(b.failed) > maxFailed || time.Since(began) > slowScan
}

// giveAway gives half of what remains to a reader that has nothing to do.
func (r *rangeReader) giveAway(ctx context.Context) error {
	select {
	case <-r.halve:
	default:
		return nil
	}
	place, err := r.from.Halve(ctx, r.table, r.rest)
	if err != nil || place == "" {
		return err
	}
	if err := r.work.GiveAway(ctx, place); err != nil {
		return err
	}
	r.rest.UpTo = place
	return nil
}

// scan appends a page of the range to a block. The version of the rows is minted first.
func (r *rangeReader) scan(ctx context.Context, b *rangeBlock) (done bool, err error) {
	rows := r.rows
	if r.Pace != nil {
		if rows, err = r.Pace(ctx, rows); err != nil {
			return false, err
		}
	}
	version, err := r.Mint(ctx)
	if err != nil {
		return false, err
	}
	scanned, err := r.scanned(ctx, rows)
	if err != nil {
		return false, err
	}
	if scanned.Last != "" {
		b.last, r.rest.After = scanned.Last, scanned.Last
	}
	for _, u := range scanned.Unfit {
		b.fail(r.operation(scanned.Keys[u.Key]), u.Reason)
	}
	if scanned.Rows.Rows() == 0 {
		return scanned.Done, nil
	}
	made := r.Plan.block(r.Database, scanned.Rows, nil, version)
	if b.Columns == nil {
		b.Block = made
	} else {
		b.Append(&made)
	}
	return scanned.Done, nil
}

// slowScan is how long the source may take for a page before smaller ones are asked for.
const slowScan = 5 * time.Second

// scanned asks for half of the rows, and for half of those, while the source finds them too many.
func (r *rangeReader) scanned(ctx context.Context, rows int) (source.Page, error) {
	for {
		began := time.Now()
		scanned, err := r.from.Scan(ctx, r.table, source.Scan{Range: r.rest, Where: r.Where, Rows: rows})
		var tooMuch *source.TooMuchError
		if errors.As(err, &tooMuch) && rows > 1 {
			rows = max(1, min(tooMuch.Rows, rows/2))
			r.rows = rows
			continue
		}
		switch took := time.Since(began); {
		case took > slowScan:
			r.rows = max(1, r.rows/2)
		case took < slowScan/4:
			r.rows = min(2*r.rows, MaxChunk)
		}
		return scanned, err
	}
}

func (r *rangeReader) operation(key chferry.PrimaryKey) chferry.Operation {
	return chferry.Operation{Kind: chferry.Update, Database: r.Database, PrimaryKey: key}
}

func (b *rangeBlock) fail(op chferry.Operation, reason string) {
	if b.reason == "" {
		b.reason = reason
	}
	b.failed = append(b.failed, op)
	b.copied.Failed++
}

// insert inserts rows of a block. Those that the sink refuses are among its failed ones.
func (c *Copy) insert(ctx context.Context, b *rangeBlock, rows rowset.Block) error {
	n := rows.Rows()
	if n == 0 {
		return nil
	}
	rejected, err := c.Sink.Insert(ctx, c.Plan.Destination, rows, "")
	switch {
	case chferry.CodeOf(err) == chferry.CodeRefused && n > 1:
		if err := c.insert(ctx, b, rows.Slice(0, n/2)); err != nil {
			return err
		}
		return c.insert(ctx, b, rows.Slice(n/2, n))
	case chferry.CodeOf(err) == chferry.CodeRefused:
		_, reason := chferry.Safe(err)
		b.fail(c.operationOf(rows, 0), reason)
		return nil
	case err != nil:
		return err
	}
	for _, r := range rejected {
		b.fail(c.operationOf(rows, r.Row), r.Reason)
	}
	b.copied.Rows += int64(n - len(rejected))
	return nil
}

// operationOf returns an operation on a row.
func (c *Copy) operationOf(rows rowset.Block, row int) chferry.Operation {
	op := chferry.Operation{Kind: chferry.Update, Database: c.Database}
	table := c.Plan.Tables[c.Database]
	for _, name := range table.KeyDestinations() {
		i := slices.IndexFunc(rows.Columns, func(column rowset.Column) bool { return column.Destination == name })
		op.PrimaryKey = append(op.PrimaryKey, rows.Vectors[i].KeyText(row))
	}
	return op
}

// setAside registers the rows of a block that failed: a sync finds them unfit, too, and keeps them with the reason.
func (c *Copy) setAside(ctx context.Context, b *rangeBlock) error {
	for ops := range slices.Chunk(b.failed, chferry.MaxOperations) {
		if _, err := c.Storage.RegisterOperations(ctx, c.Plan.Import.Key, ops...); err != nil {
			return fmt.Errorf("register the rows that can't be imported: %w", err)
		}
	}
	return nil
}
